/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What we read from a frame, as lines that another reader's answers can be held against. All numbers but ids are hex.
 *
 *	frame_dump FRAME [SYMBOL|@ADDRESS]...
 *
 *	kernel RELEASE
 *	named SYMBOL ADDRESS			of each that was asked for; `-` if there is none
 *	page ADDRESS kept|not-kept|fault	of each that was asked for
 *	symbol ADDRESS SYMBOL			all of them
 *	map ID STRUCT TYPE KEY VALUE MAX FLAGS NAME
 *	values ID ADDRESS STRIDE BYTES		of arrays
 *	element ID ADDRESS OWNER KEY VALUE...	of all other maps whose values are read: KEY and VALUE are bytes; one VALUE
 *						for each CPU of a per-CPU map; `-` where there is none
 *	owner ID OWNER TEXT			whose value it is, of local storage
 */

#include <inttypes.h>
#include <stdio.h>

#include "bpf/values.h"
#include "frame/frame.h"

#define MAX_VALUES (16u << 20) /* bytes of one map */

static void put_asked(struct sf_vmem *vm, const char *what)
{
	const struct sf_kernel *k = vm->kernel;
	enum sf_fault why = SF_FAULT_NONE;
	uint64_t addr;

	if (what[0] == '@') {
		addr = strtoull(what + 1, NULL, 16);
		if (sf_vmem_page(vm, addr, &why))
			printf("page %" PRIx64 " kept\n", addr);
		else
			printf("page %" PRIx64 " %s\n", addr, why == SF_FAULT_NOT_KEPT ? "not-kept" : "fault");
	} else if (sf_kernel_symbol(k, what, &addr)) {
		printf("named %s %" PRIx64 "\n", what, addr);
	} else {
		printf("named %s -\n", what);
	}
}

static void put_symbols(const struct sf_kernel *k)
{
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol s;

	for (uint32_t i = 0; i < sf_kernel_n_symbols(k); i++)
		if (sf_kernel_symbol_nth(k, i, buf, &s))
			printf("symbol %" PRIx64 " %s\n", s.address, s.name);
}

static bool put_values(struct sf_vmem *vm, const struct sf_bpf_map *m)
{
	uint64_t len = m->stride * m->max_entries;

	if (len > MAX_VALUES) {
		fprintf(stderr, "map %" PRIu32 " has %" PRIu64 " bytes\n", m->id, len);
		return false;
	}
	_cleanup_free_ uint8_t *bytes = malloc(len ? len : 1);

	if (!bytes || sf_vmem_read(vm, m->values, bytes, len) != SF_FAULT_NONE) {
		fprintf(stderr, "values of map %" PRIu32 " cannot be read\n", m->id);
		return false;
	}
	printf("values %" PRIu32 " %" PRIx64 " %" PRIx64 " ", m->id, m->values, m->stride);
	for (uint64_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\n");
	return true;
}

static bool put_bytes(struct sf_vmem *vm, uint64_t at, uint64_t len)
{
	_cleanup_free_ uint8_t *bytes = malloc(len ? len : 1);

	if (!at) {
		printf(" -");
		return true;
	}
	if (!bytes || len > MAX_VALUES || sf_vmem_read(vm, at, bytes, len) != SF_FAULT_NONE)
		return false;
	printf(" ");
	for (uint64_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	return true;
}

static void put_owner(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *m, uint64_t kva)
{
	_cleanup_free_ struct sf_bpf_owner *o = malloc(sizeof(*o));

	if (!o || !sf_bpf_owner(bpf, vm, m, kva, o) || !o->is_readable)
		return;
	printf("owner %" PRIu32 " %" PRIx64 " ", m->id, kva);
	switch (o->kind) {
	case SF_BPF_OWNER_TASK:
		printf("task %d %d %s\n", o->pid, o->tgid, o->comm);
		break;
	case SF_BPF_OWNER_CGROUP:
		printf("cgroup %s\n", o->path);
		break;
	case SF_BPF_OWNER_INODE:
		printf("inode %" PRIu64 "\n", o->id);
		break;
	case SF_BPF_OWNER_SOCK:
		printf("socket %u %u\n", o->family, o->port);
		break;
	}
}

static bool put_element(struct sf_frame *f, struct sf_vmem *vm, const struct sf_bpf_map *m,
			const struct sf_bpf_elem *e)
{
	bool ok = true;
	uint64_t at;

	printf("element %" PRIu32 " %" PRIx64 " %" PRIx64, m->id, e->kva, e->owner);
	ok &= put_bytes(vm, e->key, m->key_size);
	if (!sf_bpf_is_percpu(m))
		ok &= put_bytes(vm, e->value, m->value_len);
	for (uint32_t cpu = 0; sf_bpf_is_percpu(m) && cpu < sf_kernel_nr_cpu_ids(vm->kernel) && ok; cpu++)
		if (sf_vmem_percpu(vm, e->value, cpu, &at))
			ok &= put_bytes(vm, at, m->value_len);
	printf("\n");
	if (e->owner)
		put_owner(sf_frame_bpf(f), vm, m, e->owner);
	return ok;
}

static bool put_elements(struct sf_frame *f, struct sf_vmem *vm, const struct sf_bpf_map *m)
{
	struct sf_bpf_cursor c;
	struct sf_bpf_elem e;

	sf_bpf_cursor_init(&c, sf_frame_bpf(f), vm, m);
	while (sf_bpf_cursor_next(&c, &e))
		if (!put_element(f, vm, m, &e)) {
			fprintf(stderr, "element %" PRIu64 " of map %" PRIu32 " cannot be read\n", e.position, m->id);
			return false;
		}
	return true;
}

static bool put_maps(struct sf_frame *f, struct sf_vmem *vm)
{
	const struct sf_frame_maps *maps;
	SF_OWNED(error) err = sf_frame_maps(f, &maps);

	if (err) {
		fprintf(stderr, "%s\n", sf_error_message(err));
		return false;
	}
	for (size_t i = 0; i < maps->n; i++) {
		const struct sf_bpf_map *m = &maps->v[i].map;

		printf("map %" PRIu32 " %" PRIx64 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %s\n", m->id,
		       m->kva, m->type, m->key_size, m->value_size, m->max_entries, m->flags, maps->v[i].name);
		if (!m->unread && !(m->shape == SF_BPF_ARRAY ? put_values(vm, m) : put_elements(f, vm, m)))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	SF_OWNED(frame) f = NULL;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FRAME [SYMBOL|@ADDRESS]...\n", argv[0]);
		return 1;
	}
	SF_OWNED(error) err = sf_frame_open(argv[1], &f);

	if (err) {
		fprintf(stderr, "%s\n", sf_error_message(err));
		return 1;
	}
	const struct sf_kernel *k = sf_frame_kernel(f);
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));

	if (!k || !vm) {
		fprintf(stderr, "%s is a placeholder\n", argv[1]);
		return 1;
	}
	sf_vmem_init(vm, sf_frame_image(f), k);
	printf("kernel %s\n", sf_kernel_release(k));
	for (int i = 2; i < argc; i++)
		put_asked(vm, argv[i]);
	put_symbols(k);
	return put_maps(f, vm) ? 0 : 1;
}

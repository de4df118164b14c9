/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps of every type that a guest lies about: all elements listed, compared with memory (maps_check.c), rendered, and
 * captured again: a capture of a frame holds what the frame lists. maps_base.h says what an input is.
 */
#include <stdio.h>

#include "bpf/pointees.h"
#include "fake_ksyms.h"
#include "frame_uses.h"
#include "maps_check.h"
#include "render/render.h"

#define MAX_NODES 24      /* of a map: fuzz_frame is about values */
#define MAX_ELEMS 2048u   /* of a map, in one listing */
#define MAX_VALUE 8192u   /* bytes of a value that are compared */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a capture ------------------------------------------------------------------------------------------------ */

/* NULL: there is none. */
static struct sf_frame *capture(struct sf_frame *frame, uint8_t how, struct sf_frame_info *info)
{
	struct sf_capture_options opt = {
		.max_pages = how & MAPS_FEW_PAGES ? 24 : 512,
		.max_map_bytes = how & MAPS_FEW_BYTES ? 512 : 0,
		.max_pointee_bytes = how & MAPS_FEW_POINTEES ? 200 : 0,
		.pointer_hops = how & MAPS_HOPS ? how & MAPS_HOPS : SF_CAPTURE_NO_POINTERS,
	};
	SF_OWNED(capturer) c = NULL;
	struct sf_frame_meta meta = { .tag = "again" };
	struct sf_frame *ret = NULL;
	struct sf_error *err = sf_capturer_new(sf_frame_image(frame), (struct sf_kernel *)sf_frame_kernel(frame), &opt, &c);

	if (!err)
		err = sf_capturer_prepare(c);
	if (!err)
		err = sf_capturer_walk(c, &meta.kept);
	if (!err)
		err = sf_capturer_frame(c, &meta, &ret);
	use_error(err);
	if (ret)
		sf_frame_info(ret, info);
	return ret;
}

_Noreturn static void differs(const struct sf_snap_map *map, const char *what, uint64_t at)
{
	fprintf(stderr, "map %s: the capture has %s, at 0x%llx\n", map->listed->name, what, (unsigned long long)at);
	abort();
}

/* Bytes that the frame has, the capture has too. */
static void same_bytes(const struct sf_snap_map *a, const struct sf_snap_map *b, const char *what, uint64_t kva,
		       uint64_t len)
{
	uint8_t x[64], y[64];

	len = sf_min(len, (uint64_t)MAX_VALUE);
	for (uint64_t off = 0; off < len; off += sizeof(x)) {
		size_t n = (size_t)sf_min(len - off, (uint64_t)sizeof(x));

		if (sf_vmem_read(a->types.vm, kva + off, x, n))
			continue;
		if (sf_vmem_read(b->types.vm, kva + off, y, n) || memcmp(x, y, n))
			differs(a, what, kva + off);
	}
}

static void same_elem(const struct sf_snap_elem *a, const struct sf_snap_elem *b)
{
	const struct sf_bpf_map *m = &a->map->listed->map;
	struct sf_node x, y;

	if (a->at.kva != b->at.kva || a->at.key != b->at.key || a->at.value != b->at.value || a->at.owner != b->at.owner ||
	    a->at.position != b->at.position)
		differs(a->map, "another element", a->at.kva);
	if (a->at.key)
		same_bytes(a->map, b->map, "another key", a->at.key, m->key_size);
	if (!sf_snap_is_percpu(a->map) && a->at.value)
		same_bytes(a->map, b->map, "another value", a->at.value, m->value_len);
	for (uint32_t cpu = 0; sf_snap_is_percpu(a->map) && cpu < sf_snap_n_cpus(a->map); cpu++) {
		if (!sf_snap_cpu_value(a, cpu, &x))
			continue;
		if (!sf_snap_cpu_value(b, cpu, &y) || x.at != y.at)
			differs(a->map, "another CPU", a->at.kva);
		same_bytes(a->map, b->map, "another value of a CPU", x.at, m->value_len);
	}
}

static void same_owners(const struct sf_snap_elem *a, const struct sf_snap_elem *b)
{
	_cleanup_free_ struct sf_bpf_owner *x = calloc(1, sizeof(*x)), *y = calloc(1, sizeof(*y));

	assert(x && y);
	if (!sf_snap_owner(a, x))
		return;
	if (!sf_snap_owner(b, y) || x->is_readable != y->is_readable || x->path_cut != y->path_cut || x->pid != y->pid ||
	    x->id != y->id || strcmp(x->comm, y->comm) || strcmp(x->path, y->path))
		differs(a->map, "another owner", a->at.owner);
}

static void same_map(const struct sf_snap_map *a, const struct sf_snap_map *b)
{
	struct sf_snap_cursor x = sf_snap_elems(a), y = sf_snap_elems(b);
	struct sf_snap_elem e, f;
	bool has_x = false, has_y = false;

	if (a->listed->map.kva != b->listed->map.kva || !a->unread != !b->unread)
		differs(a, "another map", b->listed->map.kva);
	for (unsigned int i = 0; i < MAX_ELEMS; i++) {
		has_x = sf_snap_next(&x, &e);
		has_y = sf_snap_next(&y, &f);
		if (!has_x || !has_y)
			break;
		same_elem(&e, &f);
		same_owners(&e, &f);
	}
	if (has_x != has_y)
		differs(a, has_x ? "fewer elements" : "more elements", (has_x ? &e : &f)->at.kva);
	if (x.c.torn.n_chains != y.c.torn.n_chains || x.c.torn.n_superseded != y.c.torn.n_superseded)
		differs(a, "other chains", x.c.torn.at);
}

static void check_capture(const struct maps_base *base, struct sf_snapshot *snap, uint8_t how)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap), others;
	struct sf_frame_info info = { .size = sizeof(info) };
	SF_OWNED(frame) frame = capture(sf_snapshot_frame(snap), how, &info);
	SF_OWNED(snapshot) again = NULL;

	if (frame)
		use_error(sf_snapshot_new(frame, &again));
	/* One that was cut need not have all. */
	if (!again || info.n_refused || info.n_cut_maps)
		return;
	others = sf_snapshot_maps(again);
	if (maps.n != others.n) {
		fprintf(stderr, "a capture of %zu maps has %zu\n", maps.n, others.n);
		abort();
	}
	for (size_t i = 0; i < maps.n; i++)
		same_map(&maps.v[i], &others.v[i]);
	if (how & MAPS_HOPS && !info.n_left_out && !info.n_unplanned)
		check_pointees(base, snap, again);
}

/* ---- listing --------------------------------------------------------------------------------------------------- */

static void use_elem(const struct sf_snap_elem *e, uint32_t *budget)
{
	struct sf_node n;

	if (sf_snap_key(e, &n))
		use_node(&n, budget);
	if (!sf_snap_is_percpu(e->map) && e->at.value) {
		n = sf_snap_value(e);
		use_node(&n, budget);
	}
	for (uint32_t cpu = 0; sf_snap_is_percpu(e->map) && cpu < sf_snap_n_cpus(e->map) && *budget; cpu++)
		if (sf_snap_cpu_value(e, cpu, &n))
			use_node(&n, budget);
}

/*
 * Text takes longer than all else together. Of an input with more than one edit a quarter of the maps have to do; its
 * bytes say which, so that what it does once it does again.
 */
static uint32_t maps_with_text(const uint8_t *data, size_t size)
{
	if (size <= MAPS_HEAD + BASE_EDIT + 8)
		return UINT32_MAX;
	return (uint32_t)(sf_hash_bytes(data, size) & sf_hash_bytes(data + 1, size - 1));
}

static void use_map(const struct sf_snap_map *map, bool with_text)
{
	struct sf_render_options opt = { .max_elements = 16, .max_entries = 4, .max_depth = 6, .max_hops = 2 };
	struct sf_snap_cursor c = sf_snap_elems(map);
	struct sf_snap_elem e;
	uint32_t budget = MAX_NODES;
	size_t n = 0;

	for (unsigned int i = 0; i < MAX_ELEMS && sf_snap_next(&c, &e); i++)
		if (i < 3)
			use_elem(&e, &budget);
	if (with_text)
		sf_render_map_text(map, &opt, use_piece, &n);
}

/* The name of generated code at an address is that of a struct bpf_ksym which has it. */
static void check_ksym(struct sf_snapshot *snap, const struct sf_symbol *said)
{
	struct sf_vmem *vm = sf_snapshot_vmem(snap);
	char raw[129] = { 0 }, name[sizeof(raw) * 4];
	uint64_t list, lnode, start, end;

	if (!sf_kernel_symbol(vm->kernel, "bpf_kallsyms", &list) || sf_vmem_u64(vm, list, &lnode))
		abort();
	for (unsigned int i = 0; i < 4096 && lnode != list; i++) {
		uint64_t ksym = lnode - FK_KSYM_LNODE;

		if (!sf_vmem_u64(vm, ksym + FK_KSYM_START, &start) && !sf_vmem_u64(vm, ksym + FK_KSYM_END, &end) &&
		    start == said->address && end - start == said->size) {
			for (size_t k = 0; k < sizeof(raw) - 2 && !sf_vmem_read(vm, ksym + FK_KSYM_NAME + k, raw + k, 1); k++)
				if (!raw[k])
					break;
			sf_text_escape(raw, name, sizeof(name));
			if (!strcmp(name, said->name))
				return;
		}
		if (sf_vmem_u64(vm, lnode, &lnode))
			break;
	}
	fprintf(stderr, "no code is called %s\n", said->name);
	abort();
}

static void use_symbols(const struct maps_base *base, struct sf_snapshot *snap, bool check)
{
	struct sf_frame *frame = sf_snapshot_frame(snap);
	struct sf_vmem *vm = sf_snapshot_vmem(snap);
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol s;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(base->ksyms); i++) {
		uint64_t addr = FAKE_JIT + 0x1000 * i + 0x10;

		/* Wherever it says it is now. */
		if (i >= ARRAY_SIZE(base->ksyms) &&
		    sf_vmem_u64(vm, base->ksyms[i - ARRAY_SIZE(base->ksyms)] + FK_KSYM_START, &addr))
			continue;
		if (!sf_frame_symbol_at(frame, addr, buf, &s))
			continue;
		if (s.offset != addr - s.address || s.offset >= sf_max(s.size, (uint64_t)1) || strlen(s.name) >= sizeof(buf))
			abort();
		if (check && s.module)
			check_ksym(snap, &s);
	}
}

static void use_frame(const struct maps_base *base, struct sf_frame *frame, uint8_t how, uint32_t with_text)
{
	SF_OWNED(snapshot) snap = NULL;
	struct sf_error *err = sf_snapshot_new(frame, &snap);
	bool holds;

	if (err) {
		use_error(err);
		return;
	}
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);

	for (size_t i = 0; i < sf_min(maps.n, (size_t)32); i++)
		use_map(&maps.v[i], with_text >> i & 1);
	holds = check_maps(base, snap);
	use_symbols(base, snap, holds);
	if (!(how & MAPS_NO_CAPTURE))
		check_capture(base, snap, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t plain[MAPS_HEAD] = { MAPS_PLAIN, SF_BPF_DEFAULT_HOPS };

	if (size < MAPS_HEAD) {
		data = plain;
		size = MAPS_HEAD;
	}
	const struct maps_base *base = maps_base(data[0]);
	_cleanup_free_ uint8_t *bytes = base_edited(&base->file, data + MAPS_HEAD, size - MAPS_HEAD);
	SF_OWNED(frame) frame = NULL;

	base_seal(bytes, base->file.len);
	struct sf_error *err = base_open(bytes, base->file.len, &frame);

	if (err)
		use_error(err);
	else
		use_frame(base, frame, data[1], maps_with_text(data, size));
	return 0;
}

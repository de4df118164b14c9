/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scene, frames of it, and all of a frame as text. */

#include <inttypes.h>
#include <stdio.h>

#include "fake_bpf.h"
#include "snapshot/snapshot.h"

/* ---- a scheduler's types ---------------------------------------------------------------------------- */

struct demo_types {
	struct btfb b;
	uint32_t u8, u32, s32, u64, s64, chr, boolean, real;
	uint32_t mode, weight, ctx, flags, name, hist, words;
	uint32_t task_ptr, mask_ptr, fwd_ptr, void_ptr;
	uint32_t bss, data, rodata, tuning;
};

static void add_scalars(struct demo_types *d)
{
	struct btfb *b = &d->b;

	d->u32 = btfb_add_int(b, "unsigned int", 4, 0);
	d->s32 = btfb_add_int(b, "int", 4, BTFB_SIGNED);
	d->u64 = btfb_add_typedef(b, "u64", btfb_add_int(b, "unsigned long long", 8, 0));
	d->s64 = btfb_add_int(b, "long long", 8, BTFB_SIGNED);
	d->chr = btfb_add_int(b, "char", 1, BTFB_SIGNED | BTFB_CHAR);
	d->boolean = btfb_add_int(b, "_Bool", 1, BTFB_BOOL);
	d->real = btfb_add_float(b, "double", 8);
	d->mode = btfb_add_enum(b, "mode", 4, false);
	btfb_enumerator(b, "MODE_OFF", 0);
	btfb_enumerator(b, "MODE_FAST", 2);
}

static void add_compounds(struct demo_types *d)
{
	struct btfb *b = &d->b;
	uint32_t both, cpus, task, mask, fwd, tag;

	d->weight = btfb_add_struct(b, "weight", 16);
	btfb_member(b, "value", d->u64, 0);
	btfb_member(b, "cpu", d->u32, 64);
	both = btfb_add_union(b, NULL, 4);
	btfb_member(b, "a", d->u32, 0);
	btfb_member(b, "b", d->s32, 0);
	cpus = btfb_add_array(b, d->u32, d->u32, 3);
	d->ctx = btfb_add_struct(b, "ctx", 32);
	btfb_member(b, "weight", d->weight, 0);
	btfb_member(b, NULL, both, 128);
	btfb_member(b, "cpus", cpus, 160);
	d->flags = btfb_add_struct(b, "flags", 4);
	btfb_bitfield(b, "a", d->u32, 0, 3);
	btfb_bitfield(b, "b", d->u32, 3, 13);
	btfb_bitfield(b, "c", d->s32, 16, 5);
	d->name = btfb_add_array(b, d->chr, d->u32, 16);
	d->hist = btfb_add_array(b, d->u32, d->u32, 8);
	d->words = btfb_add_array(b, d->u64, d->u32, DEMO_DATA_WORDS);
	/* A scheduler knows less of a task than the kernel does, and in another order. */
	task = btfb_add_struct(b, "task_struct___demo", 8);
	btfb_member(b, "pid", d->s32, 0);
	d->task_ptr = btfb_add_ptr(b, task);
	mask = btfb_add_struct(b, "bpf_cpumask", 8);
	btfb_member(b, "bits", d->u64, 0);
	tag = btfb_add_type_tag(b, "kptr", mask);
	d->mask_ptr = btfb_add_ptr(b, tag);
	fwd = btfb_add_fwd(b, "nowhere", false);
	d->fwd_ptr = btfb_add_ptr(b, fwd);
	d->void_ptr = btfb_add_ptr(b, 0);
}

struct variable {
	const char *name;
	uint32_t type, offset, size;
};

static uint32_t add_section(struct btfb *b, const char *name, uint32_t size, const struct variable *v, size_t n)
{
	uint32_t ids[32], section;

	assert(n <= ARRAY_SIZE(ids));
	for (size_t i = 0; i < n; i++)
		ids[i] = btfb_add_var(b, v[i].name, v[i].type, 1);
	section = btfb_add_datasec(b, name, size);
	for (size_t i = 0; i < n; i++)
		btfb_secinfo(b, ids[i], v[i].offset, v[i].size);
	return section;
}

static void add_sections(struct demo_types *d)
{
	const struct variable bss[] = {
		{ "nr_dispatched", d->u64, DEMO_NR_DISPATCHED, 8 }, { "nr_cpus_onln", d->u32, DEMO_NR_CPUS_ONLN, 4 },
		{ "mode", d->mode, DEMO_MODE, 4 }, { "ctx", d->ctx, DEMO_CTX, 32 },
		{ "hist", d->hist, DEMO_HIST, 32 }, { "name", d->name, DEMO_NAME, 16 },
		{ "balance", d->s64, DEMO_BALANCE, 8 }, { "ready", d->boolean, DEMO_READY, 1 },
		{ "flags", d->flags, DEMO_FLAGS, 4 }, { "task", d->task_ptr, DEMO_TASK, 8 },
		{ "null_task", d->task_ptr, DEMO_NULL_TASK, 8 }, { "far_task", d->task_ptr, DEMO_FAR_TASK, 8 },
		{ "gone_task", d->task_ptr, DEMO_GONE_TASK, 8 }, { "mask", d->mask_ptr, DEMO_MASK, 8 },
		{ "ratio", d->real, DEMO_RATIO, 8 }, { "fwd", d->fwd_ptr, DEMO_FWD, 8 },
		{ "opaque", d->void_ptr, DEMO_OPAQUE, 8 }, { "shared", d->u64, DEMO_SHARED, 8 },
	};
	const struct variable data[] = {
		{ "slice_ns", d->u64, 0, 8 }, { "words", d->words, 8, 8 * DEMO_DATA_WORDS },
	};
	const struct variable rodata[] = { { "debug", d->boolean, 0, 1 }, { "nr_nodes", d->u32, 4, 4 } };
	const struct variable tuning[] = { { "knob", d->u32, 0, 4 } };

	d->bss = add_section(&d->b, ".bss", DEMO_BSS_SIZE, bss, ARRAY_SIZE(bss));
	d->data = add_section(&d->b, ".data", 8 + 8 * DEMO_DATA_WORDS, data, ARRAY_SIZE(data));
	d->rodata = add_section(&d->b, ".rodata", 8, rodata, ARRAY_SIZE(rodata));
	d->tuning = add_section(&d->b, ".data.tuning", 4, tuning, ARRAY_SIZE(tuning));
}

/* ---- what it points at ------------------------------------------------------------------------------ */

static void write_task(struct fake_guest *g, uint64_t task, int pid, const char *comm, uint64_t mask)
{
	fake_u32(g, task + FK_TASK_PID, (uint32_t)pid);
	fake_write(g, task + FK_TASK_COMM, comm, strlen(comm) + 1);
	fake_u64(g, task + FK_TASK_MASK, mask);
	fake_u64(g, task + FK_TASK_PARENT, task);
}

static void add_targets(struct fake_guest *g, struct fake_scene *s)
{
	s->far_task = g->page_offset + fake_page(g);
	s->hole = fake_vmalloc(g, SF_PAGE_SIZE);
	fake_unmap(g, s->hole);
	write_task(g, s->near_task, 1234, "near-task", 0xb);
	write_task(g, s->far_task, 5678, "far-task", 1);
	/* Beyond the CPUs that there are: not part of the mask. */
	fake_u64(g, s->mask, 5 | 1ull << 40);
}

/* ---- maps ------------------------------------------------------------------------------------------- */

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void add_bss(struct fake_guest *g, const struct demo_types *d, struct fake_scene *s)
{
	uint8_t v[DEMO_BSS_SIZE] = { 0 };
	double ratio = 0.25;

	put64(v + DEMO_NR_DISPATCHED, 42);
	put32(v + DEMO_NR_CPUS_ONLN, 4);
	put32(v + DEMO_MODE, 2);
	put64(v + DEMO_CTX, 100);
	put32(v + DEMO_CTX + 8, 3);
	put32(v + DEMO_CTX + 16, UINT32_MAX);
	for (uint32_t i = 0; i < 3; i++)
		put32(v + DEMO_CTX + 20 + 4 * i, 10 + i);
	for (uint32_t i = 0; i < 8; i++)
		put32(v + DEMO_HIST + 4 * i, i * i);
	memcpy(v + DEMO_NAME, "scx_demo", 8);
	put64(v + DEMO_BALANCE, (uint64_t)-5);
	v[DEMO_READY] = 1;
	put32(v + DEMO_FLAGS, 5 | 4097 << 3 | 0x1e << 16);
	put64(v + DEMO_TASK, s->near_task);
	put64(v + DEMO_FAR_TASK, s->far_task);
	put64(v + DEMO_GONE_TASK, s->hole);
	put64(v + DEMO_MASK, s->mask);
	memcpy(v + DEMO_RATIO, &ratio, sizeof(ratio));
	put64(v + DEMO_FWD, s->near_task);
	put64(v + DEMO_OPAQUE, s->near_task);
	put64(v + DEMO_SHARED, 1);
	s->bss = fake_add_map(g, &(struct fake_map){ .name = "demo.bss", .value_size = sizeof(v), .btf = s->demo_btf,
						     .value_type = d->bss, .values = v, .values_len = sizeof(v),
						     .flags = 1024, .vmalloced = true });
}

static void add_data(struct fake_guest *g, const struct demo_types *d, struct fake_scene *s)
{
	size_t size = 8 + 8 * DEMO_DATA_WORDS;
	uint8_t *v = calloc(1, size);

	assert(v);
	put64(v, 20000000);
	for (uint32_t i = 0; i < DEMO_DATA_WORDS; i++)
		put64(v + 8 + 8 * i, i * 0x0101010101ull);
	s->data = fake_add_map(g, &(struct fake_map){ .name = "demo.data", .value_size = (uint32_t)size,
						      .btf = s->demo_btf, .value_type = d->data, .values = v,
						      .values_len = size, .vmalloced = true });
	free(v);
	s->rodata = fake_add_map(g, &(struct fake_map){ .name = "demo.rodata", .value_size = 8, .btf = s->demo_btf,
							.value_type = d->rodata, .values = "\0\0\0\0\2\0\0\0",
							.values_len = 8, .vmalloced = true });
	s->tuning = fake_add_map(g, &(struct fake_map){ .name = ".data.tuning", .value_size = 4, .btf = s->demo_btf,
							.value_type = d->tuning, .values = "\7\0\0\0",
							.values_len = 4 });
}

static void add_plain_maps(struct fake_guest *g, const struct demo_types *d, struct fake_scene *s)
{
	uint8_t v[5 * 16] = { 0 };

	for (uint32_t i = 0; i < 5; i++) {
		put64(v + 16 * i, 100 * i);
		put32(v + 16 * i + 8, i);
	}
	s->latency = fake_add_map(g, &(struct fake_map){ .name = "latency", .value_size = 16, .max_entries = 5,
							 .btf = s->demo_btf, .key_type = d->u32,
							 .value_type = d->weight, .values = v,
							 .values_len = sizeof(v) });
	s->per_task = fake_add_map(g, &(struct fake_map){ .name = "per_task", .type = 1, .value_size = 16,
							  .max_entries = 1024, .btf = s->demo_btf,
							  .key_type = d->u32, .value_type = d->weight });
	s->strings = fake_add_map(g, &(struct fake_map){ .name = ".rodata.str1.1", .value_size = 12,
							 .values = "hello\0world\0", .values_len = 12 });
	s->long_name = fake_add_map(g, &(struct fake_map){ .name = "a_very_long_name_indeed", .value_size = 8,
							   .btf = s->demo_btf, .value_type = d->u64,
							   .values = "\11\0\0\0\0\0\0\0", .values_len = 8 });
	s->odd = fake_add_map(g, &(struct fake_map){ .name = "odd\xff\x01", .value_size = 4, .btf = s->demo_btf,
						     .value_type = d->u32, .values = "\1\0\0\0", .values_len = 4 });
}

static void add_other(struct fake_guest *g, struct fake_scene *s)
{
	struct btfb b;
	uint32_t u64, bss;

	btfb_init(&b, NULL);
	u64 = btfb_add_int(&b, "u64", 8, 0);
	bss = add_section(&b, ".bss", 16, (struct variable[]){ { "shared", u64, 0, 8 }, { "lonely", u64, 8, 8 } }, 2);
	s->other_bss = fake_add_map(g, &(struct fake_map){ .name = "other.bss", .value_size = 16,
							   .btf = fake_add_btf(g, &b, 0), .value_type = bss,
							   .values = "\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0",
							   .values_len = 16 });
}

static void add_broken(struct fake_guest *g)
{
	fake_add_map(g, &(struct fake_map){ .name = "broken.bss", .value_size = 8, .value_type = 1,
					    .btf = fake_add_btf_bytes(g, "this is not BTF at all, is it?", 30, 0) });
}

void fake_scene_add(struct fake_guest *g, unsigned int flags, struct fake_scene *s)
{
	struct demo_types *d = calloc(1, sizeof(*d));

	assert(d);
	memset(s, 0, sizeof(*s));
	/* A page for the struct btf, which every capture keeps, and for what pointers lead to. */
	g->slab = g->slab_end;
	btfb_init(&d->b, NULL);
	add_scalars(d);
	add_compounds(d);
	add_sections(d);
	s->demo_btf = fake_add_btf(g, &d->b, 0);
	s->near_task = fake_kmalloc(g, FK_TASK_SIZE);
	s->mask = fake_kmalloc(g, FK_CPUMASK_SIZE + 8);
	add_targets(g, s);
	add_bss(g, d, s);
	add_data(g, d, s);
	add_plain_maps(g, d, s);
	add_other(g, s);
	if (flags & SCENE_BROKEN)
		add_broken(g);
	fake_add_prog(g, "demo_enqueue", 27, (uint64_t[]){ s->bss, s->data, s->latency }, 3);
	free(d);
}

/* ---- frames ----------------------------------------------------------------------------------------- */

static void must(struct sf_error *err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "fake guest: %s: %s\n", what, sf_error_message(err));
	abort();
}

struct sf_frame *fake_capture(struct fake_guest *g, const char *tag)
{
	SF_OWNED(capturer) c = NULL;
	struct sf_frame *f = NULL;
	struct sf_vcpu_regs vcpus[2] = {
		{ .present = true, .cpu = 0, .rip = g->text + 0x1234, .rsp = 0xffffc90000013e70, .cr3 = g->root },
		{ .cpu = 1 },
	};
	struct sf_frame_meta meta = {
		.tag = tag, .cause = "on-demand", .reason = "a test asked", .scheduler = "demo", .wall_ns = 123456789,
		.pause_ns = 1000, .walk_ns = 500, .has_guest_ns = true, .guest_ns = 77, .vcpus = vcpus, .n_vcpus = 2,
	};

	if (!g->kernel)
		fake_open(g);
	must(sf_capturer_new(g->img, g->kernel, NULL, &c), "capturer");
	must(sf_capturer_walk(c, &meta.kept), "walk");
	must(sf_capturer_frame(c, &meta, &f), "frame");
	return f;
}

struct sf_frame *fake_live(struct fake_guest *g)
{
	struct sf_frame *f = NULL;

	if (!g->kernel)
		fake_open(g);
	must(sf_frame_new(g->img, g->kernel, NULL, &(struct sf_frame_meta){ .tag = "live" }, &f), "live frame");
	return f;
}

/* ---- text ------------------------------------------------------------------------------------------- */

#define DUMP_DEPTH 12

static void dump_node(FILE *out, const struct sf_node *n, bool follow, unsigned int depth);

static void dump_members(FILE *out, const struct sf_node *n, bool follow, unsigned int depth)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	fprintf(out, "%s{", sf_node_type_name(n) ? sf_node_type_name(n) : "");
	while (sf_node_next_member(n, &it, &name, &member)) {
		fprintf(out, " %s=", name);
		dump_node(out, &member, follow, depth + 1);
	}
	fprintf(out, " }");
}

static void dump_elements(FILE *out, const struct sf_node *n, bool follow, unsigned int depth)
{
	struct sf_node element;
	uint64_t present, len = sf_node_len(n, &present);

	fprintf(out, "[%" PRIu64 ":", len);
	for (uint64_t i = 0; i < sf_min(present, (uint64_t)4096) && sf_node_index(n, i, &element) == SF_STEP_OK; i++) {
		fputc(' ', out);
		dump_node(out, &element, follow, depth + 1);
	}
	fprintf(out, " ]");
}

static void dump_bytes(FILE *out, const struct sf_node *n)
{
	struct sf_trouble why = { 0 };
	uint8_t raw[64];

	for (uint64_t off = 0; off < 65536;) {
		size_t len = sizeof(raw);

		if (sf_node_bytes(n, off, raw, &len, &why) != SF_STEP_OK) {
			fprintf(out, "<%s>", sf_fault_text(why.fault));
			return;
		}
		for (size_t i = 0; i < len; i++)
			fprintf(out, "%02x", raw[i]);
		if (len < sizeof(raw))
			return;
		off += len;
	}
}

static void dump_scalar(FILE *out, const struct sf_node *n, bool follow, unsigned int depth)
{
	struct sf_trouble why = { 0 };
	struct sf_scalar s;
	struct sf_node target;
	const char *skipped = NULL;

	if (sf_node_scalar(n, &s, &why) != SF_STEP_OK) {
		fprintf(out, "<%s at 0x%" PRIx64 ">", sf_fault_text(why.fault), why.addr);
		return;
	}
	fprintf(out, "%s%u:%" PRId64 "/%" PRIu64 "/%a/%s", sf_kind_name(s.kind), s.bits, s.i64, s.u64, s.f64,
		s.variant ? s.variant : "");
	if (s.kind != SF_PTR || !follow)
		return;
	switch (sf_node_deref(n, &target, &skipped, &why)) {
	case SF_STEP_OK:
		fprintf(out, "->");
		dump_node(out, &target, follow, depth + 1);
		break;
	case SF_STEP_TROUBLE:
		fprintf(out, "->%s", sf_fault_text(why.fault));
		break;
	default:
		fprintf(out, "->%s", skipped ? skipped : "");
	}
}

static void dump_node(FILE *out, const struct sf_node *n, bool follow, unsigned int depth)
{
	struct sf_trouble why = { 0 };
	struct sf_node inner;
	uint64_t needed, had;
	char cpus[256];

	if (depth > DUMP_DEPTH) {
		fprintf(out, "...");
		return;
	}
	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		dump_members(out, n, follow, depth);
		break;
	case SF_ARRAY:
		dump_elements(out, n, follow, depth);
		break;
	case SF_BYTES:
		dump_bytes(out, n);
		break;
	case SF_CPU_LIST:
		fprintf(out, "cpus=%s", sf_node_cpu_list(n, cpus, sizeof(cpus), &why) == SF_STEP_OK ? cpus : "?");
		break;
	case SF_TRUNCATED:
		if (sf_node_partial(n, &inner, &needed, &had) != SF_STEP_OK)
			break;
		fprintf(out, "<%" PRIu64 " of %" PRIu64 ">", had, needed);
		dump_node(out, &inner, follow, depth + 1);
		break;
	case SF_UNSUPPORTED:
		fprintf(out, "<%s>", sf_node_note(n) ? sf_node_note(n) : "no reason");
		break;
	default:
		dump_scalar(out, n, follow, depth);
	}
}

static void dump_elems(FILE *out, const struct sf_snap_map *m, bool follow)
{
	struct sf_snap_cursor c = sf_snap_elems(m);
	struct sf_snap_elem e;
	struct sf_node n;

	for (size_t i = 0; i < 4096 && sf_snap_next(&c, &e); i++) {
		fprintf(out, "  %zu: ", i);
		if (sf_snap_key(&e, &n)) {
			dump_node(out, &n, follow, 0);
			fputs(" => ", out);
		}
		for (uint32_t cpu = 0; sf_snap_is_percpu(m) && cpu < sf_snap_n_cpus(m); cpu++) {
			fprintf(out, " cpu %u: ", cpu);
			if (sf_snap_cpu_value(&e, cpu, &n))
				dump_node(out, &n, follow, 0);
		}
		if (!sf_snap_is_percpu(m)) {
			n = sf_snap_value(&e);
			dump_node(out, &n, follow, 0);
		}
		fputc('\n', out);
	}
}

char *fake_dump(struct sf_frame *f, bool follow)
{
	SF_OWNED(snapshot) snap = NULL;
	struct sf_snapshot_maps maps;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out);
	must(sf_snapshot_new(f, &snap), "snapshot");
	maps = sf_snapshot_maps(snap);
	for (size_t i = 0; i < maps.n; i++) {
		const struct sf_snap_map *m = &maps.v[i];
		const struct sf_bpf_map *b = &m->listed->map;

		/* Bytes that should have a type are no value. */
		fprintf(out, "%s id %u type %u flags %u kva 0x%" PRIx64 " %u/%u/%u: %s\n", m->listed->name, b->id, b->type,
			b->flags, b->kva, b->key_size, b->value_size, b->max_entries,
			m->unread ? m->unread : m->listed->no_btf ? m->listed->no_btf : "");
		if (!m->listed->no_btf)
			dump_elems(out, m, follow);
	}
	fclose(out);
	return text;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_REPORT_BENCH_H
#define SF_TESTS_REPORT_BENCH_H

/* For tests of maps as text: a guest that gets maps of a few types, looked at as it is at that moment. */

#include "fake_bpf.h"
#include "render_bench.h"

/* Types of this test; every map is made of them. */
struct ids {
	uint32_t u8, u32, s32, u64, chr, boolean, mode, name, pair, slot, wide, hist, nested, few, wait;
};

struct bench {
	struct fake_guest *g;
	uint64_t btf;
	struct ids t;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
};

struct pair {
	uint32_t pid, cpu;
};

struct slot {
	uint64_t hits, misses;
	int32_t mode;
	uint32_t prio;
};

static inline void build_types(struct btfb *b, struct ids *t)
{
	uint32_t list, mask;

	btfb_init(b, NULL);
	t->u8 = btfb_add_int(b, "u8", 1, 0);
	t->u32 = btfb_add_int(b, "u32", 4, 0);
	t->s32 = btfb_add_int(b, "s32", 4, BTFB_SIGNED);
	t->u64 = btfb_add_int(b, "u64", 8, 0);
	t->chr = btfb_add_int(b, "char", 1, BTFB_CHAR);
	t->mode = btfb_add_enum(b, "mode", 4, true);
	btfb_enumerator(b, "IDLE", 0);
	btfb_enumerator(b, "FAST", 2);
	t->name = btfb_add_array(b, t->chr, t->u32, 16);
	t->hist = btfb_add_array(b, t->u64, t->u32, 4);
	t->pair = btfb_add_struct(b, "pair", 8);
	btfb_member(b, "pid", t->u32, 0);
	btfb_member(b, "cpu", t->u32, 32);
	t->slot = btfb_add_struct(b, "slot", 24);
	btfb_member(b, "hits", t->u64, 0);
	btfb_member(b, "misses", t->u64, 64);
	btfb_member(b, "mode", t->mode, 128);
	btfb_member(b, "prio", t->u32, 160);
	t->wide = btfb_add_struct(b, "wide", 40);
	btfb_member(b, "time_spent_running", t->u64, 0);
	btfb_member(b, "time_spent_waiting", t->u64, 64);
	btfb_member(b, "time_spent_sleeping", t->u64, 128);
	btfb_member(b, "times_woken_remotely", t->u64, 192);
	btfb_member(b, "times_moved", t->u64, 256);
	t->wait = btfb_add_struct(b, "wait", 32);
	btfb_member(b, "sum_ns", t->u64, 0);
	btfb_member(b, "max_ns", t->u64, 64);
	btfb_member(b, "last_seen_at", t->u64, 128);
	btfb_member(b, "maximal", t->u64, 192);
	t->nested = btfb_add_struct(b, "nested", 88);
	btfb_member(b, "name", t->name, 0);
	btfb_member(b, "slot", t->slot, 128);
	btfb_member(b, "lock", t->pair, 320);
	btfb_member(b, "wide", t->wide, 384);
	list = btfb_add_array(b, t->u32, t->u32, 3);
	mask = btfb_add_struct(b, "bpf_cpumask", 8);
	btfb_member(b, "bits", t->u64, 0);
	mask = btfb_add_ptr(b, btfb_add_type_tag(b, "kptr", mask));
	t->few = btfb_add_struct(b, "few", 24);
	btfb_member(b, "list", list, 0);
	btfb_member(b, "mask", mask, 128);
}

static inline int make_bench_of(void **state, const struct fake_options *opt)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct btfb *types = malloc(sizeof(*types));

	assert_non_null(b);
	assert_non_null(types);
	*state = b;
	b->g = fake_new(opt);
	build_types(types, &b->t);
	b->btf = fake_add_btf(b->g, types, 0);
	free(types);
	fake_open(b->g);
	return 0;
}

/* CPU 2 was never set up. */
static inline int make_bench(void **state)
{
	return make_bench_of(state, &(struct fake_options){ .small = true, .n_cpus = 5, .unset_cpus = 4 });
}

/* So many CPUs that only neighbours are compared; CPUs 2 and 4 were never set up. */
static inline int make_large_bench(void **state)
{
	return make_bench_of(state, &(struct fake_options){ .small = true, .n_cpus = 100, .unset_cpus = 20 });
}

static inline int drop_bench(void **state)
{
	struct bench *b = *state;

	sf_snapshot_free(b->snap);
	sf_frame_unref(b->frame);
	fake_free(b->g);
	free(b);
	return 0;
}

static inline char *map_text_with(struct bench *b, const char *name, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };
	const struct sf_snap_map *map;

	/* As it is now. */
	sf_snapshot_free(b->snap);
	sf_frame_unref(b->frame);
	b->snap = NULL;
	b->frame = fake_live(b->g);
	assert_ok(sf_snapshot_new(b->frame, &b->snap));
	if (!sf_map_snap(sf_view_map(sf_snapshot_view(b->snap), name), &map))
		fail_msg("no map %s", name);
	assert_true(sf_render_map_text(map, opt, sf_json_buffer_sink, &out));
	return taken(&out);
}

static inline void looks_with(struct bench *b, const char *name, const struct sf_render_options *opt, const char *want)
{
	_cleanup_free_ char *text = map_text_with(b, name, opt);

	assert_string_equal(text, want);
}

static inline void looks(struct bench *b, const char *name, uint32_t width, const char *want)
{
	looks_with(b, name, &(struct sf_render_options){ .width = width }, want);
}

/* ---- maps of these types ----------------------------------------------------------------------------------- */

static inline struct fake_map map_of(struct bench *b, const char *name, uint32_t type, uint32_t key_type, uint32_t key_size,
			      uint32_t value_type, uint32_t value_size)
{
	return (struct fake_map){ .name = name, .type = type, .btf = b->btf, .max_entries = 128,
				  .key_type = key_type, .key_size = key_size,
				  .value_type = value_type, .value_size = value_size };
}

static inline uint64_t add_hash(struct bench *b, const char *name, uint32_t key_type, uint32_t key_size, uint32_t value_type,
			 uint32_t value_size)
{
	struct fake_map m = map_of(b, name, SF_BPF_MAP_TYPE_HASH, key_type, key_size, value_type, value_size);

	return fake_add_hash(b->g, &m);
}

/* The elements come in the order in which their buckets are. */
static inline void add_slots(struct bench *b, uint64_t map, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct slot slot = { .hits = i * i * i, .mode = i % 3 ? 2 : 0, .prio = 0 };

		fake_hash_add_at(b->g, map, i, &(struct pair){ .pid = 98 + i }, &slot);
	}
}

static inline uint64_t add_percpu(struct bench *b, const char *name, uint32_t value_type, uint32_t value_size, uint32_t n,
			   const void *values)
{
	struct fake_map m = map_of(b, name, SF_BPF_MAP_TYPE_PERCPU_ARRAY, b->t.u32, 4, value_type, value_size);

	m.max_entries = n;
	return fake_add_percpu_array(b->g, &m, values);
}

static inline uint64_t add_storage(struct bench *b, const char *name, uint32_t type, uint32_t value_type,
				   uint32_t value_size)
{
	struct fake_map m = map_of(b, name, type, b->t.u32, 4, value_type, value_size);

	m.flags = FAKE_NO_PREALLOC;
	return fake_add_storage(b->g, &m, 1);
}
#define ADD_STORAGE(b, name, kind, value) \
	add_storage(b, name, SF_BPF_MAP_TYPE_##kind##_STORAGE, (b)->t.value, sizeof(struct value))

#define MAP_TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, drop_bench)

#endif

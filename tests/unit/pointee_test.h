/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_POINTEE_TEST_H
#define SF_TESTS_POINTEE_TEST_H

/*
 * A guest with one map whose value has a pointer of every kind, and captures of it: what the tests of pointees and those
 * of plans begin with. Everything is inline, and a test uses a part of it.
 */

#include "check.h"

#include "bpf/pointees.h"
#include "fake_bpf.h"
#include "stillframe/snapshot.h"

/* Where things are in a `struct state`, the value of the map "state". */
enum {
	AT_TASK = 0,
	AT_MASK = 8,
	AT_PERCPU = 16,
	AT_USER = 24,
	AT_ARENA = 32,
	AT_NUMBER = 40,
	AT_LIST = 48,
	AT_TREE = 64,
	AT_PAIRS = 80,   /* of two, the pointer is their second member */
	AT_GRID = 112,   /* 2 x 3 */
	AT_UNION = 160,
	AT_FUNCTION = 168,
	AT_VOID = 176,
	AT_PLAIN = 184,
	AT_COUNTER = 192,
	STATE_SIZE = 200,

	ITEM_NODE = 8,   /* struct item { u64 key; struct bpf_list_node node; } */
	ITEM_SIZE = 32,
	LEAF_NODE = 8,   /* struct leaf { u64 key; struct bpf_rb_node node; } */
	LEAF_SIZE = 40,
	COUNTER_SIZE = 8,
};

struct bench {
	struct fake_guest *g;
	struct btfb b;
	uint32_t u64, state, item, counter;
	uint64_t btf, map, value;
	struct sf_capturer *capturer;
	struct sf_bpf_kept kept;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
};

/* ---- a guest whose map has pointers -------------------------------------------------------------------- */

static inline uint32_t tagged(struct btfb *b, const char *tag, uint32_t type)
{
	return btfb_add_ptr(b, btfb_add_type_tag(b, tag, type));
}

static inline uint32_t opaque(struct btfb *b, const char *name, uint32_t u64, uint32_t words)
{
	uint32_t array = btfb_add_array(b, u64, u64, words), id = btfb_add_struct(b, name, words * 8);

	btfb_member(b, "__opaque", array, 0);
	return id;
}

static inline uint32_t with_node(struct btfb *b, const char *name, uint32_t size, uint32_t u64, uint32_t node)
{
	uint32_t id = btfb_add_struct(b, name, size);

	btfb_member(b, "key", u64, 0);
	btfb_member(b, "node", node, 64);
	return id;
}

static inline void add_state(struct bench *t, uint32_t task, uint32_t list, uint32_t root)
{
	struct btfb *b = &t->b;
	uint32_t counter_ptr = btfb_add_ptr(b, t->counter), mask, pair, either, row, grid, pairs;
	uint32_t function = btfb_add_ptr(b, btfb_add_func_proto(b, 0)), nothing = btfb_add_ptr(b, 0);
	uint32_t percpu = tagged(b, "percpu_kptr", t->counter), user = tagged(b, "user", t->counter);
	uint32_t arena = tagged(b, "arena", t->counter), number = btfb_add_ptr(b, t->u64);
	uint32_t task_ptr = tagged(b, "kptr", task);

	mask = btfb_add_struct(b, "bpf_cpumask", 8);
	btfb_member(b, "bits", t->u64, 0);
	mask = tagged(b, "kptr", mask);
	pair = btfb_add_struct(b, "pair", 16);
	btfb_member(b, "n", t->u64, 0);
	btfb_member(b, "counter", counter_ptr, 64);
	either = btfb_add_union(b, NULL, 8);
	btfb_member(b, "either", counter_ptr, 0);
	btfb_member(b, "raw", t->u64, 0);
	row = btfb_add_array(b, counter_ptr, t->u64, 3);
	grid = btfb_add_array(b, row, t->u64, 2);
	pairs = btfb_add_array(b, pair, t->u64, 2);
	const struct {
		const char *name;
		uint32_t type, at;
	} members[] = {
		{ "task", task_ptr, AT_TASK }, { "mask", mask, AT_MASK }, { "percpu", percpu, AT_PERCPU },
		{ "user", user, AT_USER }, { "arena", arena, AT_ARENA }, { "number", number, AT_NUMBER },
		{ "list", list, AT_LIST }, { "tree", root, AT_TREE }, { "pairs", pairs, AT_PAIRS },
		{ "grid", grid, AT_GRID }, { NULL, either, AT_UNION }, { "function", function, AT_FUNCTION },
		{ "nothing", nothing, AT_VOID }, { "plain", t->u64, AT_PLAIN }, { "counter", counter_ptr, AT_COUNTER },
	};

	t->state = btfb_add_struct(b, "state", STATE_SIZE);
	for (uint32_t i = 0; i < ARRAY_SIZE(members); i++)
		btfb_member(b, members[i].name, members[i].type, members[i].at * 8);
	btfb_add_decl_tag(b, "contains:item:node", t->state, 6);
	btfb_add_decl_tag(b, "contains:leaf:node", t->state, 7);
}

static inline void add_types(struct bench *t)
{
	struct btfb *b = &t->b;
	uint32_t s32, task, list, root;

	btfb_init(b, NULL);
	t->u64 = btfb_add_int(b, "u64", 8, 0);
	s32 = btfb_add_int(b, "s32", 4, BTFB_SIGNED);
	/* A scheduler knows less of a task than the kernel does. */
	task = btfb_add_struct(b, "task_struct___local", 4);
	btfb_member(b, "pid", s32, 0);
	t->counter = btfb_add_struct(b, "counter", COUNTER_SIZE);
	btfb_member(b, "n", t->u64, 0);
	t->item = with_node(b, "item", ITEM_SIZE, t->u64, opaque(b, "bpf_list_node", t->u64, 3));
	with_node(b, "leaf", LEAF_SIZE, t->u64, opaque(b, "bpf_rb_node", t->u64, 4));
	list = opaque(b, "bpf_list_head", t->u64, 2);
	root = opaque(b, "bpf_rb_root", t->u64, 2);
	add_state(t, task, list, root);
}

static inline int make_with(void **state, const struct fake_options *opt)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(opt);
	add_types(t);
	t->btf = fake_add_btf(t->g, &t->b, 0);
	t->map = fake_add_map(t->g, &(struct fake_map){ .name = "state", .value_size = STATE_SIZE, .btf = t->btf,
							.value_type = t->state });
	t->value = fake_map_values(t->map);
	fake_open(t->g);
	*state = t;
	return 0;
}

static inline int make(void **state)
{
	return make_with(state, &(struct fake_options){ .small = true });
}

static inline int make_moved(void **state)
{
	return make_with(state, &(struct fake_options){ .small = true, .five_levels = true, .high = true,
							.encoding = SF_KALLSYMS_PC_RELATIVE, .kaslr = 0x1e200000,
							.phys = 4 << 20, .direct_shift = 3ull << 30 });
}

static inline void forget(struct bench *t)
{
	sf_snapshot_free(t->snap);
	sf_frame_unref(t->frame);
	t->snap = NULL;
	t->frame = NULL;
}

static inline int drop(void **state)
{
	struct bench *t = *state;

	forget(t);
	sf_capturer_free(t->capturer);
	fake_free(t->g);
	free(t);
	return 0;
}

/* A page that nothing leads to but what a test writes. */
static inline uint64_t lone(struct bench *t)
{
	return t->g->page_offset + fake_page(t->g);
}

static inline void start(struct bench *t, const struct sf_capture_options *opt)
{
	assert_ok(sf_capturer_new(t->g->img, t->g->kernel, opt, &t->capturer));
}

static inline void walk(struct bench *t)
{
	struct sf_frame_meta meta = { .tag = "t", .cause = "on-demand" };

	forget(t);
	assert_ok(sf_capturer_walk(t->capturer, &meta.kept));
	t->kept = meta.kept;
	assert_ok(sf_capturer_frame(t->capturer, &meta, &t->frame));
	assert_ok(sf_snapshot_new(t->frame, &t->snap));
}

static inline void capture(struct bench *t, const struct sf_capture_options *opt)
{
	if (!t->capturer)
		start(t, opt);
	assert_ok(sf_capturer_prepare(t->capturer));
	walk(t);
}

static inline bool has(struct bench *t, uint64_t kva, size_t len)
{
	struct sf_vmem *vm = malloc(sizeof(*vm));
	uint8_t buf[256];
	bool ret;

	sf_vmem_init(vm, sf_frame_image(t->frame), t->g->kernel);
	ret = sf_vmem_read(vm, kva, buf, len) == SF_FAULT_NONE;
	free(vm);
	return ret;
}

static inline void set(struct bench *t, uint32_t at, uint64_t v)
{
	fake_u64(t->g, t->value + at, v);
}

static inline struct sf_field get(struct bench *t, const char *path)
{
	return sf_entry_get(sf_map_at(sf_view_map(sf_snapshot_view(t->snap), "state"), 0), path);
}

#endif

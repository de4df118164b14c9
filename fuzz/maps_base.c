/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_ksyms.h"
#include "maps_base.h"

/* ---- a map with pointers ---------------------------------------------------------------------------------- */

static uint32_t opaque(struct btfb *b, const char *name, uint32_t u64, uint32_t words)
{
	uint32_t array = btfb_add_array(b, u64, u64, words), id = btfb_add_struct(b, name, words * 8);

	btfb_member(b, "__opaque", array, 0);
	return id;
}

static void add_element(struct btfb *b, const char *name, uint32_t u64, uint32_t node)
{
	btfb_add_struct(b, name, ITEM_SIZE);
	btfb_member(b, "key", u64, 0);
	btfb_member(b, "node", node, ITEM_NODE * 8);
}

static uint32_t build_graph(struct btfb *b)
{
	uint32_t u64, s32, task, list, root, counter, percpu, tasks, graph;

	btfb_init(b, NULL);
	u64 = btfb_add_int(b, "u64", 8, 0);
	s32 = btfb_add_int(b, "s32", 4, BTFB_SIGNED);
	add_element(b, "item", u64, opaque(b, "bpf_list_node", u64, 3));
	add_element(b, "leaf", u64, opaque(b, "bpf_rb_node", u64, 4));
	list = opaque(b, "bpf_list_head", u64, 2);
	root = opaque(b, "bpf_rb_root", u64, 2);
	counter = btfb_add_struct(b, "counter", 8);
	btfb_member(b, "n", u64, 0);
	percpu = btfb_add_ptr(b, btfb_add_type_tag(b, "percpu_kptr", counter));
	task = btfb_add_struct(b, "task_struct___graph", 4);
	btfb_member(b, "pid", s32, 0);
	task = btfb_add_ptr(b, btfb_add_type_tag(b, "kptr", task));
	tasks = btfb_add_array(b, task, u64, 2);
	graph = btfb_add_struct(b, "graph", GRAPH_SIZE);
	btfb_member(b, "list", list, GRAPH_LIST * 8);
	btfb_member(b, "tree", root, GRAPH_TREE * 8);
	btfb_member(b, "percpu", percpu, GRAPH_PERCPU * 8);
	btfb_member(b, "tasks", tasks, GRAPH_TASK * 8);
	btfb_add_decl_tag(b, "contains:item:node", graph, 0);
	btfb_add_decl_tag(b, "contains:leaf:node", graph, 1);
	return graph;
}

static void link_list(struct fake_guest *g, uint64_t head, const uint64_t *items, size_t n)
{
	uint64_t last = head;

	for (size_t i = 0; i < n; i++) {
		fake_u64(g, last, items[i] + ITEM_NODE);
		fake_u64(g, items[i] + ITEM_NODE + 8, last);
		last = items[i] + ITEM_NODE;
	}
	fake_u64(g, last, head);
	fake_u64(g, head + 8, last);
}

/* The first is the root, the others are its children. A struct rb_node is parent and colour, right, left. */
static void link_tree(struct fake_guest *g, uint64_t root, const uint64_t leaves[3])
{
	fake_u64(g, root, leaves[0] + ITEM_NODE);
	fake_u64(g, leaves[0] + ITEM_NODE, 1);
	for (unsigned int i = 1; i < 3; i++) {
		fake_u64(g, leaves[0] + ITEM_NODE + 8 * i, leaves[i] + ITEM_NODE);
		fake_u64(g, leaves[i] + ITEM_NODE, leaves[0] + ITEM_NODE);
	}
}

static void add_graph(struct fake_guest *g, struct maps_base *m)
{
	struct btfb *b = malloc(sizeof(*b));
	struct fake_map map = { .name = "graph", .value_size = GRAPH_SIZE };
	uint64_t value, cell = fake_kmalloc(g, 8);

	assert(b);
	map.value_type = build_graph(b);
	map.btf = fake_add_btf(g, b, 0);
	free(b);
	m->graph = fake_add_map(g, &map);
	value = fake_map_values(m->graph);
	for (unsigned int i = 0; i < 3; i++) {
		m->graph_items[i] = fake_kmalloc(g, ITEM_SIZE);
		m->graph_leaves[i] = fake_kmalloc(g, ITEM_SIZE);
	}
	link_list(g, value + GRAPH_LIST, m->graph_items, 3);
	link_tree(g, value + GRAPH_TREE, m->graph_leaves);
	fake_u64(g, cell, fake_percpu(g, 8));
	fake_u64(g, value + GRAPH_PERCPU, cell);
	fake_u64(g, value + GRAPH_TASK, m->maps.tasks[0]);
	fake_u64(g, value + GRAPH_TASK + 8, m->maps.tasks[1]);
}

/* ---- a map of values of every kind --------------------------------------------------------------------------- */

static uint32_t build_parts(struct btfb *b, uint32_t u64, uint32_t u32)
{
	uint32_t u16 = btfb_add_int(b, "u16", 2, 0), halves, either, pair;

	halves = btfb_add_struct(b, NULL, 8);
	btfb_member(b, "low", u32, 0);
	btfb_member(b, "high", u32, 32);
	either = btfb_add_union(b, NULL, 8);
	btfb_member(b, "raw", u64, 0);
	btfb_member(b, NULL, halves, 0);
	pair = btfb_add_struct(b, "pair", 16);
	btfb_member(b, NULL, either, 0);
	btfb_bitfield(b, "three", u32, 64, 3);
	btfb_bitfield(b, "wide", u32, 67, 20);
	btfb_member(b, "tail", u16, 12 * 8);
	return pair;
}

static uint32_t build_mixed(struct btfb *b, uint32_t *key)
{
	uint32_t u64, u32, chr, u8, real, wide, state, name, pairs, row, grid, mixed;

	btfb_init(b, NULL);
	u64 = btfb_add_int(b, "u64", 8, 0);
	u32 = btfb_add_int(b, "u32", 4, 0);
	chr = btfb_add_int(b, "char", 1, BTFB_SIGNED | BTFB_CHAR);
	u8 = btfb_add_int(b, "u8", 1, 0);
	wide = btfb_add_int(b, "__int128", 16, BTFB_SIGNED);
	real = btfb_add_float(b, "double", 8);
	state = btfb_add_enum64(b, "state", false);
	btfb_enumerator64(b, "LOW", 1);
	btfb_enumerator64(b, "HIGH", 1ull << 40);
	name = btfb_add_array(b, chr, u32, 12);
	pairs = btfb_add_array(b, build_parts(b, u64, u32), u32, 3);
	row = btfb_add_array(b, u8, u32, 4);
	grid = btfb_add_array(b, row, u32, 3);
	mixed = btfb_add_struct(b, "mixed", 120);
	btfb_member(b, "name", name, 0);
	btfb_member(b, "letter", chr, 12 * 8);
	btfb_member(b, "pairs", pairs, 16 * 8);
	btfb_member(b, "wide", wide, 64 * 8);
	btfb_member(b, "ratio", real, 80 * 8);
	btfb_member(b, "state", state, 88 * 8);
	btfb_member(b, "grid", grid, 96 * 8);
	btfb_member(b, "rest", btfb_add_typedef(b, "rest_t", u64), 112 * 8);
	*key = name;
	return mixed;
}

static void add_mixed(struct fake_guest *g, struct maps_base *m)
{
	struct btfb *b = malloc(sizeof(*b));
	struct fake_map map = { .name = "mixed", .type = SF_BPF_MAP_TYPE_LRU_HASH, .key_size = 12, .value_size = 120,
				.max_entries = 4 };
	static const char keys[2][12] = { "first", "second" };
	uint8_t value[120] = "text";

	assert(b);
	map.value_type = build_mixed(b, &map.key_type);
	map.btf = fake_add_btf(g, b, 0);
	free(b);
	m->mixed = fake_add_hash(g, &map);
	fake_hash_add(g, m->mixed, keys[0], value);
	for (size_t i = 12; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 7);
	fake_hash_add(g, m->mixed, keys[1], value);
	fake_add_prog(g, "enqueue", 27, (uint64_t[]){ m->mixed, m->maps.hash }, 2);
}

/* ---- what nothing else is beside ------------------------------------------------------------------------------- */

/* What is allocated next begins a page. */
static void turn_page(struct fake_guest *g)
{
	fake_kmalloc(g, SF_PAGE_SIZE);
}

/* A capture that forgets to look somewhere has it all the same if it is beside what it looked at. These are not. */
static void add_lone(struct fake_guest *g, const struct fake_maps *m, uint64_t chain[4])
{
	static const uint8_t wide[SF_PAGE_SIZE] = { 1, 2, 3 };
	uint8_t value[4 * CTX_SIZE] = { 1 };
	uint64_t task, cgroup, mask;

	fake_percpu(g, SF_PAGE_SIZE);
	turn_page(g);
	/* On two pages, and without a type. */
	fake_hash_add(g, fake_add_hash(g, &(struct fake_map){ .name = "wide", .type = SF_BPF_MAP_TYPE_HASH, .max_entries = 2,
							      .flags = FAKE_NO_PREALLOC, .value_size = sizeof(wide) }),
		      &(uint32_t){ 1 }, wide);
	turn_page(g);
	fake_hash_add(g, m->cpu_hash, &(uint32_t){ 77 }, value);
	for (uint8_t i = 4; i-- > 0; value[1] = i)
		chain[i] = fake_hash_add_at(g, m->chained, 0x105, value, value);
	turn_page(g);
	mask = fake_kmalloc(g, 8);
	fake_u64(g, mask, 5);
	turn_page(g);
	task = fake_add_task(g, 300, 300, "lone");
	turn_page(g);
	memcpy(value + CTX_MASK, &mask, 8);
	fake_store(g, m->task_ctx, task, value);
	turn_page(g);
	task = fake_add_task(g, 301, 301, "parent");
	memcpy(value + CTX_PARENT, &task, 8);
	turn_page(g);
	fake_hash_add(g, m->hash, &(uint32_t){ 77 }, value);
	turn_page(g);
	cgroup = fake_add_cgroup(g, m->cgroups[2], "lone", 79);
	turn_page(g);
	fake_store(g, m->cgrp_ctx, cgroup, value);
	turn_page(g);
}

/* ---- frames ------------------------------------------------------------------------------------------------ */

static struct maps_types types_at(struct fake_guest *g, uint64_t btf)
{
	struct maps_types t = { 0 };
	uint32_t len;

	fake_read(g, btf + FK_BTF_DATA, &t.kva, sizeof(t.kva));
	fake_read(g, btf + FK_BTF_DATA_SIZE, &len, sizeof(len));
	t.len = len;
	t.bytes = malloc(t.len);
	assert(t.bytes);
	fake_read(g, t.kva, t.bytes, t.len);
	return t;
}

static void add_ksyms(struct fake_guest *g, struct maps_base *m)
{
	static const char *const names[] = { "bpf_prog_0123456789abcdef_enqueue", "bpf_trampoline_7", "bpf_dispatcher_x" };

	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++)
		m->ksyms[i] = fake_add_ksym(g, names[i], FAKE_JIT + 0x1000 * i, FAKE_JIT + 0x1000 * i + 0x200);
}

struct fake_guest *maps_guest(unsigned int which, struct maps_base *ret)
{
	static const struct fake_options options[MAPS_N] = {
		[MAPS_PLAIN] = { .small = true, .unset_cpus = 1u << 2 },
		[MAPS_OLD] = { .small = true, .five_levels = true, .n_cpus = 2,
			       .without = WITHOUT_HTAB_ELEMS | WITHOUT_OPS_BTF | WITH_OLD_PARENT },
		[MAPS_NO_LISTS] = { .small = true, .n_cpus = 1, .without = WITHOUT_SNODE },
	};
	struct fake_guest *g = fake_new(&options[which]);

	*ret = (struct maps_base){ .map_idr = g->map_idr, .page_offset = g->page_offset, .first_gpa = g->next_page };
	fake_scene_maps_add(g, &ret->maps);
	add_lone(g, &ret->maps, ret->chain);
	add_graph(g, ret);
	add_mixed(g, ret);
	add_ksyms(g, ret);
	ret->end_gpa = g->next_page;
	fake_open(g);
	ret->kernel = types_at(g, g->btf_vmlinux);
	ret->demo = types_at(g, ret->maps.btf);
	fake_read(g, ret->maps.hash + FK_MAP_VALUE_TYPE, &ret->ctx_type, sizeof(ret->ctx_type));
	return g;
}

const struct maps_base *maps_base(unsigned int which)
{
	static struct maps_base bases[MAPS_N];
	struct maps_base *m = &bases[which % MAPS_N];

	if (!m->file.bytes) {
		struct fake_guest *g = maps_guest(which % MAPS_N, m);

		m->file = base_make(g, BASE_EXPORT);
		fake_free(g);
	}
	return m;
}

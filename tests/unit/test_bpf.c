/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps and programs of a guest: found through the idrs, whole or torn, with their types. */
#include "check.h"

#include "fake_bpf.h"

struct listed {
	struct sf_bpf_map maps[8192];
	struct sf_bpf_prog progs[16];
	uint32_t n, stop_after;
	struct sf_bpf_stats stats;
};

struct bench {
	struct fake_guest *g;
	struct sf_bpf *bpf;
	struct sf_vmem vm;
	struct listed l;
};

static int make_bench_with(void **state, const struct fake_options *opt)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(opt);
	fake_open(t->g);
	assert_ok(sf_bpf_new(t->g->kernel, &t->bpf));
	sf_vmem_init(&t->vm, t->g->img, t->g->kernel);
	*state = t;
	return 0;
}

static int make_bench(void **state)
{
	return make_bench_with(state, &(struct fake_options){ .small = true });
}

/* The other side of everything that can differ. */
static int make_moved_bench(void **state)
{
	return make_bench_with(state, &(struct fake_options){ .small = true, .five_levels = true, .high = true,
							       .encoding = SF_KALLSYMS_PC_RELATIVE, .kaslr = 0x1e200000,
							       .phys = 4 << 20, .direct_shift = 3ull << 30 });
}

static int drop_bench(void **state)
{
	struct bench *t = *state;

	sf_bpf_free(t->bpf);
	fake_free(t->g);
	free(t);
	return 0;
}

static bool on_map(void *arg, const struct sf_bpf_map *map)
{
	struct listed *l = arg;

	assert_in_range(l->n, 0, ARRAY_SIZE(l->maps) - 1);
	l->maps[l->n++] = *map;
	return l->n != l->stop_after;
}

static bool on_prog(void *arg, const struct sf_bpf_prog *prog)
{
	struct listed *l = arg;

	assert_in_range(l->n, 0, ARRAY_SIZE(l->progs) - 1);
	l->progs[l->n++] = *prog;
	return true;
}

static const struct listed *list_maps(struct bench *t)
{
	t->l.n = 0;
	sf_vmem_flush(&t->vm);
	assert_ok(sf_bpf_maps(t->bpf, &t->vm, on_map, &t->l, &t->l.stats));
	return &t->l;
}

static uint64_t add_small(struct bench *t, const char *name, uint32_t id)
{
	return fake_add_map(t->g, &(struct fake_map){ .name = name, .id = id, .value_size = 8 });
}

/* ---- the walk ---------------------------------------------------------------------------------------- */

static void add_and_count(struct bench *t, uint32_t n)
{
	static uint64_t kvas[8192];
	char name[16];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "map_%u", i);
		kvas[i] = add_small(t, name, 0);
	}
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, n);
	assert_int_equal(l->stats.n_objects, n);
	assert_int_equal(l->stats.n_torn, 0);
	assert_false(l->stats.capped);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "map_%u", i);
		assert_string_equal(l->maps[i].name, name);
		assert_int_equal(l->maps[i].kva, kvas[i]);
		assert_int_equal(l->maps[i].id, i + 1);
	}
}

static void no_maps(void **state)
{
	add_and_count(*state, 0);
}

static void one_map(void **state)
{
	add_and_count(*state, 1);
}

static void one_map_at_index_0_needs_no_node(void **state)
{
	struct bench *t = *state;
	uint64_t map = add_small(t, "first", 1);

	fake_u64(t->g, t->g->map_idr + FK_XA_HEAD, 0);
	fake_idr_set(t->g, t->g->map_idr, 0, map);
	fake_u32(t->g, map + FK_MAP_ID, 0);
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, 1);
	assert_int_equal(l->maps[0].id, 0);
}

static void as_many_as_a_node_has_slots(void **state)
{
	add_and_count(*state, 63); /* ids from 1: the node is full */
}

static void sixty_four_maps(void **state)
{
	add_and_count(*state, 64);
}

static void sixty_five_maps(void **state)
{
	add_and_count(*state, 65);
}

static void five_thousand_maps(void **state)
{
	add_and_count(*state, 5000);
}

static void ids_with_gaps_are_in_order(void **state)
{
	struct bench *t = *state;
	static const uint32_t ids[] = { 3, 64, 4095, 4096, 262144, 16777217 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		add_small(t, "gap", ids[i]);
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, ARRAY_SIZE(ids));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(l->maps[i].id, ids[i]);
	assert_int_equal(l->stats.n_torn, 0);
}

static void the_callback_can_stop_the_walk(void **state)
{
	struct bench *t = *state;

	for (int i = 0; i < 10; i++)
		add_small(t, "m", 0);
	t->l.stop_after = 4;
	assert_int_equal(list_maps(t)->n, 4);
}

/* ---- what is read of a map ----------------------------------------------------------------------------- */

static void a_map_has_what_the_kernel_knows_of_it(void **state)
{
	struct bench *t = *state;
	struct fake_scene s;

	fake_scene_add(t->g, 0, &s);
	const struct listed *l = list_maps(t);
	const struct sf_bpf_map *bss = &l->maps[0], *latency = &l->maps[4], *per_task = &l->maps[5], *odd = &l->maps[8];

	assert_int_equal(l->n, 10);
	assert_string_equal(bss->name, "demo.bss");
	assert_int_equal(bss->kva, s.bss);
	assert_int_equal(bss->type, SF_BPF_MAP_TYPE_ARRAY);
	assert_int_equal(bss->flags, 1024);
	assert_int_equal(bss->key_size, 4);
	assert_int_equal(bss->value_size, DEMO_BSS_SIZE);
	assert_int_equal(bss->max_entries, 1);
	assert_int_equal(bss->btf, s.demo_btf);
	assert_int_equal(bss->values, fake_map_values(s.bss));
	assert_int_equal(bss->values % SF_PAGE_SIZE, 0);
	assert_null(bss->unread);
	assert_int_equal(latency->max_entries, 5);
	assert_int_equal(latency->stride, 16);
	assert_int_equal(per_task->type, 1);
	assert_non_null(per_task->unread);
	assert_int_equal(per_task->values, 0);
	assert_string_equal(l->maps[7].name, "a_very_long_nam");
	assert_string_equal(odd->name, "odd\xff\x01");
	assert_string_equal(sf_bpf_map_type_name(per_task->type), "hash");
	assert_string_equal(sf_bpf_map_type_name(33), "arena");
	assert_null(sf_bpf_map_type_name(12345));
}

static void elements_are_eight_bytes_aligned(void **state)
{
	struct bench *t = *state;

	fake_add_map(t->g, &(struct fake_map){ .name = "odd_size", .value_size = 13, .max_entries = 3 });
	assert_int_equal(list_maps(t)->maps[0].stride, 16);
}

static void sizes_that_make_no_sense_are_said(void **state)
{
	struct bench *t = *state;
	uint64_t zero = add_small(t, "zero", 0), huge = add_small(t, "huge", 0);

	fake_u32(t->g, zero + FK_MAP_VALUE_SIZE, 0);
	fake_u32(t->g, huge + FK_MAP_VALUE_SIZE, UINT32_MAX);
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, 2);
	assert_non_null(l->maps[0].unread);
	assert_non_null(l->maps[1].unread);
}

/* ---- torn ---------------------------------------------------------------------------------------------- */

static void what_is_torn_is_counted_and_left_out(void **state)
{
	struct bench *t = *state;
	uint64_t hole = fake_vmalloc(t->g, 1), wrong_id;

	fake_unmap(t->g, hole);
	add_small(t, "good", 0);
	fake_idr_set(t->g, t->g->map_idr, 2, hole);           /* a map that is not mapped */
	fake_idr_set(t->g, t->g->map_idr, 3, 0x1000);         /* no kernel address */
	wrong_id = add_small(t, "freed", 4);
	fake_u32(t->g, wrong_id + FK_MAP_ID, 999);
	fake_idr_set(t->g, t->g->map_idr, 5, 256 << 2 | 2);   /* XA_RETRY_ENTRY */
	fake_idr_set(t->g, t->g->map_idr, 6, 257 << 2 | 2);   /* XA_ZERO_ENTRY: reserved, nothing is there yet */
	add_small(t, "also_good", 7);
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, 2);
	assert_string_equal(l->maps[0].name, "good");
	assert_string_equal(l->maps[1].name, "also_good");
	assert_int_equal(l->stats.n_objects, 2);
	assert_int_equal(l->stats.n_torn, 4);
}

static void a_torn_node_takes_only_its_subtree(void **state)
{
	struct bench *t = *state;
	uint64_t head, slot;

	for (int i = 0; i < 200; i++)
		add_small(t, "m", 0);
	fake_read(t->g, t->g->map_idr + FK_XA_HEAD, &head, 8);
	fake_read(t->g, (head & ~3ull) + FK_NODE_SLOTS + 8, &slot, 8);
	fake_u8(t->g, (slot & ~3ull) + FK_NODE_SHIFT, 48);
	const struct listed *l = list_maps(t);

	/* Ids 64 to 127 were below it. */
	assert_int_equal(l->n, 200 - 64);
	assert_int_equal(l->stats.n_torn, 1);
	assert_int_equal(l->maps[62].id, 63);
	assert_int_equal(l->maps[63].id, 128);
}

static void a_tree_of_itself_ends(void **state)
{
	struct bench *t = *state;
	uint64_t head;

	for (int i = 0; i < 70; i++)
		add_small(t, "m", 0);
	fake_read(t->g, t->g->map_idr + FK_XA_HEAD, &head, 8);
	for (int i = 0; i < 64; i++)
		fake_u64(t->g, (head & ~3ull) + FK_NODE_SLOTS + 8 * i, head);
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, 0);
	assert_true(l->stats.n_torn > 0);
}

/* Every leaf the same map, as far as the tree goes: its id is right only once. */
static void a_wide_tree_is_capped(void **state)
{
	struct bench *t = *state;
	uint64_t map = add_small(t, "everywhere", 1), nodes[4];

	for (int level = 0; level < 4; level++) {
		nodes[level] = fake_kmalloc(t->g, FK_NODE_SIZE);
		fake_u8(t->g, nodes[level] + FK_NODE_SHIFT, (uint8_t)(6 * level));
		for (int i = 0; i < 64; i++)
			fake_u64(t->g, nodes[level] + FK_NODE_SLOTS + 8 * i, level ? nodes[level - 1] | 2 : map);
	}
	fake_u64(t->g, t->g->map_idr + FK_XA_HEAD, nodes[3] | 2);
	const struct listed *l = list_maps(t);

	assert_int_equal(l->n, 1);
	assert_true(l->stats.capped);
	assert_int_equal(l->stats.n_torn, SF_BPF_MAX_OBJECTS - 1);
}

static void an_unreadable_idr_is_an_error(void **state)
{
	struct bench *t = *state;
	struct sf_bpf_stats stats = { .n_objects = 77 };
	SF_OWNED(image) nothing = NULL;

	assert_ok(sf_image_pages_new(NULL, NULL, 0, 64 << 20, &nothing));
	sf_vmem_init(&t->vm, nothing, t->g->kernel);
	assert_says(sf_bpf_maps(t->bpf, &t->vm, on_map, &t->l, &stats), SF_PAGE_NOT_KEPT, "map_idr");
	assert_says(sf_bpf_progs(t->bpf, &t->vm, on_prog, &t->l, &stats), SF_PAGE_NOT_KEPT, "prog_idr");
	assert_int_equal(stats.n_objects, 77);
	assert_int_equal(t->l.n, 0);
}

/* ---- programs ------------------------------------------------------------------------------------------ */

static void programs_and_the_maps_they_use(void **state)
{
	struct bench *t = *state;
	struct fake_scene s;
	uint64_t kvas[8];

	fake_scene_add(t->g, 0, &s);
	fake_add_prog(t->g, "no_maps", 1, NULL, 0);
	assert_ok(sf_bpf_progs(t->bpf, &t->vm, on_prog, &t->l, &t->l.stats));
	assert_int_equal(t->l.n, 2);
	assert_string_equal(t->l.progs[0].name, "demo_enqueue");
	assert_int_equal(t->l.progs[0].type, 27);
	assert_int_equal(t->l.progs[0].id, 1);
	assert_int_equal(sf_bpf_prog_maps(t->bpf, &t->vm, &t->l.progs[0], kvas, 8), 3);
	assert_int_equal(kvas[0], s.bss);
	assert_int_equal(kvas[2], s.latency);
	assert_int_equal(sf_bpf_prog_maps(t->bpf, &t->vm, &t->l.progs[0], kvas, 2), 2);
	assert_int_equal(sf_bpf_prog_maps(t->bpf, &t->vm, &t->l.progs[1], kvas, 8), 0);
}

/* The kernel publishes the count before the pointer. */
static void a_count_without_a_list_is_no_maps(void **state)
{
	struct bench *t = *state;
	uint64_t prog = fake_add_prog(t->g, "early", 27, NULL, 0), aux, kvas[4];

	fake_read(t->g, prog + FK_PROG_AUX, &aux, 8);
	fake_u32(t->g, aux + FK_AUX_USED_MAP_CNT, 1000000);
	assert_ok(sf_bpf_progs(t->bpf, &t->vm, on_prog, &t->l, &t->l.stats));
	assert_int_equal(t->l.progs[0].n_used_maps, 0);
	assert_int_equal(sf_bpf_prog_maps(t->bpf, &t->vm, &t->l.progs[0], kvas, 4), 0);
}

/* A list that is longer than it can be, or that is not there: no time is lost on it. */
static void a_hostile_list_of_maps_ends(void **state)
{
	struct bench *t = *state;
	uint64_t one = 1, hole = fake_vmalloc(t->g, 1), aux, kvas[4];
	uint64_t prog = fake_add_prog(t->g, "long", 27, &one, 1);
	struct sf_bpf_kept kept;

	fake_unmap(t->g, hole);
	fake_read(t->g, prog + FK_PROG_AUX, &aux, 8);
	fake_u32(t->g, aux + FK_AUX_USED_MAP_CNT, UINT32_MAX);
	fake_u64(t->g, aux + FK_AUX_USED_MAPS, hole);
	assert_ok(sf_bpf_progs(t->bpf, &t->vm, on_prog, &t->l, &t->l.stats));
	assert_int_equal(t->l.progs[0].n_used_maps, SF_BPF_MAX_USED_MAPS);
	assert_int_equal(sf_bpf_prog_maps(t->bpf, &t->vm, &t->l.progs[0], kvas, 4), 0);
	assert_ok(sf_bpf_touch(t->bpf, &t->vm, &(struct sf_bpf_keep){ .max_map_bytes = 1 << 20 }, &kept));
}

/* ---- BTF ------------------------------------------------------------------------------------------------ */

static void a_map_finds_its_types(void **state)
{
	struct bench *t = *state;
	struct fake_scene s;
	SF_OWNED(btf) btf = NULL;
	struct sf_btf_type type;

	fake_scene_add(t->g, 0, &s);
	const struct listed *l = list_maps(t);

	assert_ok(sf_bpf_btf_load(t->bpf, &t->vm, l->maps[0].btf, &btf));
	assert_true(sf_btf_type(btf, l->maps[0].value_type, &type));
	assert_int_equal(type.kind, SF_BTF_DATASEC);
	assert_string_equal(type.name, ".bss");
	assert_true(sf_btf_find(btf, "task_struct___demo", SF_BTF_STRUCT));
}

static void split_btf_goes_on_from_the_kernels(void **state)
{
	struct bench *t = *state;
	struct btfb b;
	uint32_t own, inherited;
	SF_OWNED(btf) btf = NULL;
	struct sf_btf_type type;
	uint64_t kva;

	btfb_init(&b, &t->g->types);
	own = btfb_add_struct(&b, "of_a_module", 16);
	btfb_member(&b, "task", t->g->ids.task_ptr, 0);
	inherited = t->g->ids.task_struct;
	kva = fake_add_btf(t->g, &b, t->g->btf_vmlinux);
	assert_ok(sf_bpf_btf_load(t->bpf, &t->vm, kva, &btf));
	assert_true(sf_btf_type(btf, own, &type));
	assert_string_equal(type.name, "of_a_module");
	assert_true(sf_btf_type(btf, inherited, &type));
	assert_string_equal(type.name, "task_struct");
	assert_int_equal(sf_btf_first_own_id(btf), own);
}

static void the_kernels_own_btf_is_not_read_again(void **state)
{
	struct bench *t = *state;
	SF_OWNED(btf) btf = NULL;
	struct sf_bpf_btf head;

	assert_int_equal(sf_bpf_btf_head(t->bpf, &t->vm, t->g->btf_vmlinux, &head), SF_FAULT_NONE);
	assert_true(head.is_vmlinux);
	assert_ok(sf_bpf_btf_load(t->bpf, &t->vm, t->g->btf_vmlinux, &btf));
	assert_ptr_equal(btf, sf_kernel_btf(t->g->kernel));
}

static void btf_that_is_damaged_says_where(void **state)
{
	struct bench *t = *state;
	uint64_t junk = fake_add_btf_bytes(t->g, "no BTF, and no more bytes than these", 36, 0);
	uint64_t empty = fake_add_btf_bytes(t->g, "x", 1, 0), huge = fake_add_btf_bytes(t->g, "x", 1, 0);
	uint64_t gone = fake_add_btf_bytes(t->g, "x", 1, 0), ring = fake_add_btf_bytes(t->g, "x", 1, 0), data;
	uint64_t hole = fake_vmalloc(t->g, 1);
	struct sf_btf *btf = NULL;
	char at[32];

	fake_u32(t->g, empty + FK_BTF_DATA_SIZE, 0);
	fake_u32(t->g, huge + FK_BTF_DATA_SIZE, UINT32_MAX);
	fake_read(t->g, gone + FK_BTF_DATA, &data, 8);
	fake_unmap(t->g, data);
	fake_u64(t->g, ring + FK_BTF_BASE, ring);
	fake_unmap(t->g, hole);
	snprintf(at, sizeof(at), "0x%llx", (unsigned long long)junk);
	assert_says(sf_bpf_btf_load(t->bpf, &t->vm, junk, &btf), SF_BAD_INPUT, at);
	assert_says(sf_bpf_btf_load(t->bpf, &t->vm, empty, &btf), SF_BAD_INPUT, "0 bytes");
	assert_says(sf_bpf_btf_load(t->bpf, &t->vm, huge, &btf), SF_BAD_INPUT, "4294967295 bytes");
	assert_says(sf_bpf_btf_load(t->bpf, &t->vm, gone, &btf), SF_PAGE_NOT_KEPT, "not mapped");
	assert_says(sf_bpf_btf_load(t->bpf, &t->vm, ring, &btf), SF_BAD_INPUT, "bases");
	assert_says(sf_bpf_btf_load(t->bpf, &t->vm, hole, &btf), SF_PAGE_NOT_KEPT, "not mapped");
	assert_null(btf);
}

/* ---- what a capture touches ------------------------------------------------------------------------------ */

static void a_large_map_is_kept_to_its_limit(void **state)
{
	struct bench *t = *state;
	SF_OWNED(recorder) rec = NULL;
	struct sf_vmem *vm = &t->vm;
	struct sf_bpf_kept kept;
	uint64_t map = fake_add_map(t->g, &(struct fake_map){ .name = "large", .value_size = 4096, .max_entries = 64,
							       .vmalloced = true });

	assert_ok(sf_recorder_new(t->g->img, 64, 4096, &rec));
	sf_vmem_init(vm, sf_recorder_image(rec), t->g->kernel);
	sf_recorder_begin(rec);
	assert_ok(sf_bpf_touch(t->bpf, vm, &(struct sf_bpf_keep){ .max_map_bytes = 10 * 4096 }, &kept));
	assert_int_equal(kept.maps.n_objects, 1);
	assert_int_equal(kept.n_cut_maps, 1);
	assert_int_equal(kept.n_unreadable, 0);
	assert_in_range(sf_recorder_n_pages(rec), 10, 20);

	/* Counts that overflow are not believed either. */
	fake_u32(t->g, map + FK_MAP_MAX_ENTRIES, UINT32_MAX);
	fake_u32(t->g, map + FK_MAP_VALUE_SIZE, UINT32_MAX - 7);
	sf_recorder_begin(rec);
	sf_vmem_flush(vm);
	assert_ok(sf_bpf_touch(t->bpf, vm, &(struct sf_bpf_keep){ .max_map_bytes = 10 * 4096 }, &kept));
	assert_int_equal(kept.n_cut_maps, 0);
	assert_in_range(sf_recorder_n_pages(rec), 1, 10);
}

static void values_that_are_not_there_are_counted(void **state)
{
	struct bench *t = *state;
	struct sf_bpf_kept kept;
	uint64_t map = fake_add_map(t->g, &(struct fake_map){ .name = "holey", .value_size = 4096, .max_entries = 4,
							       .vmalloced = true });

	fake_unmap(t->g, fake_map_values(map) + 4096);
	assert_ok(sf_bpf_touch(t->bpf, &t->vm, &(struct sf_bpf_keep){ .max_map_bytes = 1 << 20 }, &kept));
	assert_int_equal(kept.n_unreadable, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, drop_bench)
#define TEST_BOTH(name) TEST(name), cmocka_unit_test_setup_teardown(name, make_moved_bench, drop_bench)
	const struct CMUnitTest tests[] = {
		TEST(no_maps),
		TEST(one_map),
		TEST(one_map_at_index_0_needs_no_node),
		TEST(as_many_as_a_node_has_slots),
		TEST(sixty_four_maps),
		TEST(sixty_five_maps),
		TEST_BOTH(five_thousand_maps),
		TEST(ids_with_gaps_are_in_order),
		TEST(the_callback_can_stop_the_walk),
		TEST_BOTH(a_map_has_what_the_kernel_knows_of_it),
		TEST(elements_are_eight_bytes_aligned),
		TEST(sizes_that_make_no_sense_are_said),
		TEST(what_is_torn_is_counted_and_left_out),
		TEST(a_torn_node_takes_only_its_subtree),
		TEST(a_tree_of_itself_ends),
		TEST(a_wide_tree_is_capped),
		TEST(an_unreadable_idr_is_an_error),
		TEST_BOTH(programs_and_the_maps_they_use),
		TEST(a_count_without_a_list_is_no_maps),
		TEST(a_hostile_list_of_maps_ends),
		TEST_BOTH(a_map_finds_its_types),
		TEST_BOTH(split_btf_goes_on_from_the_kernels),
		TEST(the_kernels_own_btf_is_not_read_again),
		TEST(btf_that_is_damaged_says_where),
		TEST(a_large_map_is_kept_to_its_limit),
		TEST(values_that_are_not_there_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

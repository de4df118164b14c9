/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a capture keeps of that which the pointers in values lead to, and what it counts. */
#include "pointee_test.h"

/* ---- objects -------------------------------------------------------------------------------------------- */

static void a_task_is_kept_as_the_kernel_has_it(void **state)
{
	struct bench *t = *state;
	uint64_t area = fake_vmalloc(t->g, 2 * SF_PAGE_SIZE), task = area + SF_PAGE_SIZE - FK_TASK_COMM - 4;
	int64_t letter;
	uint64_t pid;

	/* The program knows four bytes of it; its name lies across two pages. */
	fake_u32(t->g, task + FK_TASK_PID, 77);
	fake_write(t->g, task + FK_TASK_COMM, "long-comm", 10);
	set(t, AT_TASK, task);
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, 1);
	assert_true(has(t, task, FK_TASK_SIZE));
	assert_ok(sf_error_copy(sf_as(get(t, "task.pid"), &pid)));
	assert_int_equal(pid, 77);
	assert_ok(sf_error_copy(sf_as(get(t, "task.comm[5]"), &letter)));
	assert_int_equal(letter, 'c');
	assert_int_equal(t->kept.n_left_out + t->kept.n_dangling + t->kept.n_unplanned + t->kept.n_torn_chains, 0);
}

static void a_cpumask_is_kept(void **state)
{
	struct bench *t = *state;
	/* As large as the kernel's struct it would reach into the next page, which is not part of the mask. */
	uint64_t area = fake_vmalloc(t->g, 2 * SF_PAGE_SIZE), mask = area + SF_PAGE_SIZE - 8;
	_cleanup_free_ char *text = NULL;

	fake_u64(t->g, mask, 0xd);
	set(t, AT_MASK, mask);
	capture(t, NULL);
	assert_true(has(t, mask, 8));
	assert_false(has(t, mask + 8, 8));
	text = fake_dump(t->frame, true);
	assert_contains(text, "->cpus=0,2-3");
}

static void pointers_in_arrays_and_unions_are_found(void **state)
{
	struct bench *t = *state;
	static const uint32_t at[] = {
		AT_PAIRS + 8, AT_PAIRS + 24, AT_GRID, AT_GRID + 8, AT_GRID + 16, AT_GRID + 24, AT_GRID + 32, AT_GRID + 40,
		AT_UNION, AT_NUMBER, AT_COUNTER,
	};
	uint64_t objects[ARRAY_SIZE(at)];

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		set(t, at[i], objects[i] = lone(t));
	capture(t, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		assert_true(has(t, objects[i], 8));
	assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(at));
}

static void a_percpu_kptr_keeps_the_object_of_every_cpu(void **state)
{
	struct bench *t = *state;
	uint64_t cell = lone(t), offsets, offset;

	assert_true(sf_kernel_symbol(t->g->kernel, "__per_cpu_offset", &offsets));
	fake_u64(t->g, cell, 0x80);
	set(t, AT_PERCPU, cell);
	capture(t, NULL);
	assert_true(has(t, cell, 8));
	for (uint32_t cpu = 0; cpu < 4; cpu++) {
		fake_read(t->g, offsets + 8 * cpu, &offset, 8);
		assert_true(has(t, offset + 0x80, COUNTER_SIZE));
	}
	assert_int_equal(t->kept.n_pointees, 4);
	/* What is at its address is no counter: it is not followed as if it were. */
	struct sf_value v, w;
	const char *why;

	assert_true(sf_field_raw(get(t, "percpu"), &v));
	assert_false(sf_value_deref(v, &w, &why));
	assert_contains(why, "each CPU");
}

static void what_is_no_pointer_to_an_object_is_not_followed(void **state)
{
	struct bench *t = *state;
	static const uint32_t at[] = { AT_USER, AT_ARENA, AT_FUNCTION, AT_VOID, AT_PLAIN };
	uint64_t objects[ARRAY_SIZE(at)];

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		set(t, at[i], objects[i] = lone(t));
	static const struct {
		const char *path, *why;
	} skipped[] = {
		{ "user", "user space" }, { "arena", "an arena" }, { "function", "a function" }, { "nothing", "void" },
		{ "counter", "not a kernel address" },
	};

	set(t, AT_COUNTER, 0x7fff12345678);
	set(t, AT_TASK, 1);
	capture(t, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(skipped); i++) {
		struct sf_value v, w;
		const char *why = NULL;

		assert_true(sf_field_raw(get(t, skipped[i].path), &v));
		assert_false(sf_value_deref(v, &w, &why));
		assert_contains(why, skipped[i].why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		assert_false(has(t, objects[i], 8));
	assert_int_equal(t->kept.n_pointees + t->kept.n_left_out + t->kept.n_dangling, 0);
}

static void a_pointer_to_nowhere_is_counted(void **state)
{
	struct bench *t = *state;
	uint64_t hole = fake_vmalloc(t->g, 1);
	struct sf_frame_info info = { .size = sizeof(info) };

	fake_unmap(t->g, hole);
	set(t, AT_COUNTER, hole);
	set(t, AT_TASK, t->g->page_offset + (1ull << 40));
	capture(t, NULL);
	assert_int_equal(t->kept.n_dangling, 2);
	assert_int_equal(t->kept.n_pointees, 0);
	sf_frame_info(t->frame, &info);
	assert_int_equal(info.n_dangling, 2);
}

/* Values that lie elsewhere than in a row: in chains, for each CPU, for each task. */
static void pointers_in_the_values_of_every_kind_of_map_are_found(void **state)
{
	struct bench *t = *state;
	uint64_t objects[8], cpus[4], tasks[2] = { lone(t), lone(t) }, map;
	struct btfb types;
	struct fake_map m = { .name = "of_pointers", .value_size = 8, .max_entries = 16 };

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = lone(t);
	memcpy(cpus, objects + 4, sizeof(cpus));
	btfb_init(&types, NULL);
	m.value_type = btfb_add_ptr(&types, btfb_add_int(&types, "u64", 8, 0));
	m.btf = fake_add_btf(t->g, &types, 0);
	for (uint32_t i = 0; i < 2; i++) {
		m.type = SF_BPF_MAP_TYPE_HASH;
		m.flags = i ? FAKE_NO_PREALLOC : 0;
		map = fake_add_hash(t->g, &m);
		fake_hash_add(t->g, map, &i, &objects[i]);
	}
	m.type = SF_BPF_MAP_TYPE_TASK_STORAGE;
	map = fake_add_storage(t->g, &m, 4);
	for (uint32_t i = 0; i < 2; i++)
		fake_store(t->g, map, tasks[i], &objects[2 + i]);
	m.type = SF_BPF_MAP_TYPE_PERCPU_ARRAY;
	m.flags = 0;
	m.max_entries = 1;
	fake_add_percpu_array(t->g, &m, cpus);
	capture(t, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		assert_true(has(t, objects[i], 8));
	assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(objects));
	assert_int_equal(t->kept.n_unplanned, 0);
}

/* ---- how far, how much ------------------------------------------------------------------------------------ */

static void one_hop_and_not_two(void **state)
{
	struct bench *t = *state;
	uint64_t task = lone(t), parent = lone(t), pid;

	fake_u64(t->g, task + FK_TASK_PARENT, parent);
	set(t, AT_TASK, task);
	capture(t, NULL);
	assert_true(has(t, task, FK_TASK_SIZE));
	assert_false(has(t, parent, 8));
	assert_code(sf_error_copy(sf_as(get(t, "task.real_parent.pid"), &pid)), SF_PAGE_NOT_KEPT);
}

static void as_many_hops_as_asked_for(void **state)
{
	struct bench *t = *state;
	uint64_t tasks[5], pid;

	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		tasks[i] = lone(t);
		fake_u32(t->g, tasks[i] + FK_TASK_PID, 100 + (uint32_t)i);
		if (i)
			fake_u64(t->g, tasks[i - 1] + FK_TASK_PARENT, tasks[i]);
	}
	set(t, AT_TASK, tasks[0]);
	capture(t, &(struct sf_capture_options){ .pointer_hops = 3 });
	assert_int_equal(t->kept.n_pointees, 3);
	assert_ok(sf_error_copy(sf_as(get(t, "task.real_parent.real_parent.pid"), &pid)));
	assert_int_equal(pid, 102);
	assert_false(has(t, tasks[3], 8));
}

/* Each task is reached on the longest way first: a shorter one later goes further. */
static void the_shortest_way_counts(void **state)
{
	struct bench *t = *state;
	uint64_t a = lone(t), b = lone(t), c = lone(t);
	uint32_t task_ptr = t->g->ids.task_ptr, two;
	struct btfb types;
	uint64_t btf, map;

	btfb_init(&types, &t->g->types);
	two = btfb_add_struct(&types, "two", 16);
	btfb_member(&types, "far", task_ptr, 0);
	btfb_member(&types, "near", task_ptr, 64);
	btf = fake_add_btf(t->g, &types, t->g->btf_vmlinux);
	map = fake_add_map(t->g, &(struct fake_map){ .name = "two", .value_size = 16, .btf = btf, .value_type = two });
	fake_u64(t->g, a + FK_TASK_PARENT, b);
	fake_u64(t->g, b + FK_TASK_PARENT, c);
	fake_u64(t->g, fake_map_values(map), a);
	fake_u64(t->g, fake_map_values(map) + 8, b);
	capture(t, &(struct sf_capture_options){ .pointer_hops = 2 });
	assert_true(has(t, a, 8) && has(t, b, 8) && has(t, c, 8));
	assert_int_equal(t->kept.n_pointees, 3);
}

static void none_if_none_are_wanted(void **state)
{
	struct bench *t = *state;
	uint64_t counter = lone(t);

	set(t, AT_COUNTER, counter);
	capture(t, &(struct sf_capture_options){ .pointer_hops = SF_CAPTURE_NO_POINTERS });
	assert_false(has(t, counter, 8));
	assert_int_equal(t->kept.n_pointees + t->kept.n_unplanned, 0);
}

static void a_circle_of_pointers_is_kept_once(void **state)
{
	struct bench *t = *state;
	uint64_t task = lone(t), parent = lone(t);

	fake_u64(t->g, task + FK_TASK_PARENT, parent);
	fake_u64(t->g, parent + FK_TASK_PARENT, task);
	set(t, AT_TASK, task);
	capture(t, &(struct sf_capture_options){ .pointer_hops = 8, .max_pointee_bytes = 2 * FK_TASK_SIZE });
	assert_int_equal(t->kept.n_pointees, 2);
	assert_int_equal(t->kept.n_left_out, 0);
}

static void what_the_budget_does_not_suffice_for_is_counted(void **state)
{
	struct bench *t = *state;
	struct sf_frame_info info = { .size = sizeof(info) };
	uint64_t task = lone(t), counter = lone(t), number = lone(t), n;

	set(t, AT_TASK, task);
	set(t, AT_NUMBER, number);
	set(t, AT_COUNTER, counter);
	/* The task is too large; what comes after it is not. */
	capture(t, &(struct sf_capture_options){ .max_pointee_bytes = FK_TASK_SIZE - 1 });
	assert_false(has(t, task, 8));
	assert_true(has(t, number, 8) && has(t, counter, 8));
	assert_int_equal(t->kept.n_left_out, 1);
	assert_int_equal(t->kept.n_pointees, 2);
	sf_frame_info(t->frame, &info);
	assert_int_equal(info.n_left_out, 1);
	assert_int_equal(info.n_pointees, 2);
	assert_code(sf_error_copy(sf_as(get(t, "task.pid"), &n)), SF_PAGE_NOT_KEPT);
}

static void an_object_is_charged_once(void **state)
{
	struct bench *t = *state;
	uint64_t counter = lone(t);

	for (uint32_t i = 0; i < 6; i++)
		set(t, AT_GRID + 8 * i, counter);
	set(t, AT_COUNTER, counter);
	capture(t, &(struct sf_capture_options){ .max_pointee_bytes = COUNTER_SIZE });
	assert_int_equal(t->kept.n_pointees, 1);
	assert_int_equal(t->kept.n_left_out, 0);
	/* And again in the next walk, which has forgotten the one before. */
	walk(t);
	assert_true(has(t, counter, 8));
	assert_int_equal(t->kept.n_pointees, 1);
}

static void what_would_have_kept_more_is_named(void **state)
{
	struct bench *t = *state;

	set(t, AT_TASK, lone(t));
	capture(t, NULL);
	assert_contains(sf_frame_keep_hint(t->frame, true), "--keep hops=N");
	assert_null(sf_frame_keep_hint(t->frame, false));
	sf_capturer_free(steal_ptr(&t->capturer));
	capture(t, &(struct sf_capture_options){ .max_pointee_bytes = 1 });
	assert_contains(sf_frame_keep_hint(t->frame, true), "--keep pointees=SIZE");
	sf_capturer_free(steal_ptr(&t->capturer));
	capture(t, &(struct sf_capture_options){ .max_map_bytes = 8 });
	assert_contains(sf_frame_keep_hint(t->frame, false), "--keep map=SIZE");
	/* A value on a CPU is not where the map is. */
	assert_contains(sf_frame_keep_hint(t->frame, true), "map=SIZE");
	assert_contains(sf_frame_keep_hint(t->frame, true), "hops=N");
	sf_capturer_free(steal_ptr(&t->capturer));
	start(t, &(struct sf_capture_options){ .max_pages = 4 });
	struct sf_frame *full = NULL;
	struct sf_frame_meta meta = { .tag = "full" };

	/* Not even what a walk begins with. */
	sf_error_free(sf_capturer_walk(t->capturer, &meta.kept));
	assert_ok(sf_error_copy(sf_capturer_frame(t->capturer, &meta, &full)));
	assert_contains(sf_frame_keep_hint(full, true), "--keep pages=N");
	assert_contains(sf_frame_keep_hint(full, false), "--keep pages=N");
	sf_frame_unref(full);
}

/* ---- lists and trees ---------------------------------------------------------------------------------------- */

/* A circle of @n items on pages of their own; the head is in the value. */
static void add_list(struct bench *t, uint64_t *items, uint32_t n)
{
	uint64_t head = t->value + AT_LIST, last = head;

	for (uint32_t i = 0; i < n; i++) {
		items[i] = lone(t) + 256;
		fake_u64(t->g, items[i], 1000 + i);
		fake_u64(t->g, last, items[i] + ITEM_NODE);
		fake_u64(t->g, items[i] + ITEM_NODE + 8, last);
		last = items[i] + ITEM_NODE;
	}
	fake_u64(t->g, last, head);
	fake_u64(t->g, head + 8, last);
}

static void the_elements_of_a_list_are_kept(void **state)
{
	struct bench *t = *state;
	uint64_t items[40];

	add_list(t, items, ARRAY_SIZE(items));
	capture(t, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		assert_true(has(t, items[i], ITEM_SIZE));
	assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(items));
	assert_int_equal(t->kept.n_torn_chains, 0);
}

static void an_empty_list_is_nothing(void **state)
{
	struct bench *t = *state;
	uint64_t head = t->value + AT_LIST;

	set(t, AT_LIST, head);
	set(t, AT_LIST + 8, head);
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees + t->kept.n_torn_chains + t->kept.n_dangling, 0);
}

/* Follows the pointers of the value in live memory: how many steps along chains it took. */
static uint64_t count_steps(struct bench *t)
{
	struct sf_bpf_map map = { .kva = t->map, .btf = t->btf, .value_type = t->state, .value_size = STATE_SIZE,
				  .type = SF_BPF_MAP_TYPE_ARRAY };
	SF_OWNED(bpf) bpf = NULL;
	SF_OWNED(bpf_plans) plans = NULL;
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	struct sf_bpf_pointees p;
	uint64_t before;

	assert_non_null(vm);
	sf_vmem_init(vm, t->g->img, t->g->kernel);
	assert_ok(sf_bpf_new(t->g->kernel, &bpf));
	assert_ok(sf_bpf_plans_new(bpf, 1, &plans));
	assert_ok(sf_bpf_plans_update(plans, vm));
	sf_bpf_pointees_init(&p, plans, 1, 1 << 20);
	before = p.steps;
	sf_bpf_plan_touch(plans, sf_bpf_plan_of(plans, vm, &map), vm, t->value, &p);
	assert_int_equal(p.n_torn_chains, 1);
	return before - p.steps;
}

static void a_list_that_does_not_come_back_ends(void **state)
{
	struct bench *t = *state;
	uint64_t items[100];

	/* Wherever the circle is closed that the head is not in. */
	for (uint32_t back = 0; back < ARRAY_SIZE(items); back += 33) {
		add_list(t, items, ARRAY_SIZE(items));
		fake_u64(t->g, items[99] + ITEM_NODE, items[back] + ITEM_NODE);
		capture(t, NULL);
		assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(items));
		assert_int_equal(t->kept.n_torn_chains, 1);
		assert_in_range(count_steps(t), 100, 1000);
	}
}

static void a_list_that_leads_nowhere_is_cut(void **state)
{
	struct bench *t = *state;
	uint64_t items[4], hole = fake_vmalloc(t->g, 1);

	fake_unmap(t->g, hole);
	add_list(t, items, 4);
	fake_u64(t->g, items[1] + ITEM_NODE, hole);
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, 2);
	assert_int_equal(t->kept.n_torn_chains, 1);
	fake_u64(t->g, items[1] + ITEM_NODE, 0x122); /* LIST_POISON2, as far as it goes */
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, 2);
	assert_int_equal(t->kept.n_torn_chains, 1);
}

static void the_rest_of_a_list_beyond_the_budget_counts_once(void **state)
{
	struct bench *t = *state;
	uint64_t items[8];

	add_list(t, items, 8);
	capture(t, &(struct sf_capture_options){ .max_pointee_bytes = 3 * ITEM_SIZE });
	assert_int_equal(t->kept.n_pointees, 3);
	assert_int_equal(t->kept.n_left_out, 1);
	assert_false(has(t, items[3], 8));
}

static void link_leaf(struct bench *t, const uint64_t *leaves, uint32_t i, uint32_t n)
{
	uint64_t node = leaves[i] + LEAF_NODE;

	fake_u64(t->g, node, i ? (leaves[(i - 1) / 2] + LEAF_NODE) | (i & 1) : 1);
	fake_u64(t->g, node + 8, 2 * i + 2 < n ? leaves[2 * i + 2] + LEAF_NODE : 0);
	fake_u64(t->g, node + 16, 2 * i + 1 < n ? leaves[2 * i + 1] + LEAF_NODE : 0);
}

/* As full as a tree can be; only the shape matters. */
static void add_tree(struct bench *t, uint64_t *leaves, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		leaves[i] = lone(t) + 512;
	for (uint32_t i = 0; i < n; i++)
		link_leaf(t, leaves, i, n);
	set(t, AT_TREE, leaves[0] + LEAF_NODE);
}

static void the_elements_of_a_tree_are_kept(void **state)
{
	struct bench *t = *state;
	uint64_t leaves[50];

	add_tree(t, leaves, ARRAY_SIZE(leaves));
	capture(t, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		assert_true(has(t, leaves[i], LEAF_SIZE));
	assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(leaves));
	assert_int_equal(t->kept.n_torn_chains, 0);
}

static void a_tree_in_the_middle_of_a_rotation_is_whole(void **state)
{
	struct bench *t = *state;
	uint64_t leaves[31];

	add_tree(t, leaves, ARRAY_SIZE(leaves));
	/* The children have moved, and one of them still names its old parent. */
	fake_u64(t->g, leaves[2] + LEAF_NODE, leaves[1] + LEAF_NODE);
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(leaves));
	assert_int_equal(t->kept.n_torn_chains, 0);
}

static void a_tree_of_itself_ends(void **state)
{
	struct bench *t = *state;
	uint64_t leaves[31];

	add_tree(t, leaves, ARRAY_SIZE(leaves));
	for (uint32_t i = 15; i < 31; i++) {
		fake_u64(t->g, leaves[i] + LEAF_NODE + 8, leaves[0] + LEAF_NODE);
		fake_u64(t->g, leaves[i] + LEAF_NODE + 16, leaves[1] + LEAF_NODE);
	}
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, ARRAY_SIZE(leaves));
	assert_int_equal(t->kept.n_torn_chains, 1);

	/* All with two children that are the same, which says the right parent. */
	add_tree(t, leaves, ARRAY_SIZE(leaves));
	for (uint32_t i = 0; i + 1 < ARRAY_SIZE(leaves); i++) {
		fake_u64(t->g, leaves[i] + LEAF_NODE + 8, leaves[i + 1] + LEAF_NODE);
		fake_u64(t->g, leaves[i] + LEAF_NODE + 16, leaves[i + 1] + LEAF_NODE);
		fake_u64(t->g, leaves[i + 1] + LEAF_NODE, leaves[i] + LEAF_NODE);
	}
	capture(t, NULL);
	assert_int_equal(t->kept.n_torn_chains, 1);
	assert_in_range(count_steps(t), 1, 1000);
}

/* A chain to the left, deeper than any tree. */
static void a_tree_has_a_depth(void **state)
{
	struct bench *t = *state;
	uint64_t page = lone(t), last = 0;

	for (uint32_t i = 0; i < 90; i++) {
		uint64_t node = page + i * LEAF_SIZE + LEAF_NODE;

		fake_u64(t->g, node, last);
		if (last)
			fake_u64(t->g, last + 16, node);
		last = node;
	}
	set(t, AT_TREE, page + LEAF_NODE);
	capture(t, NULL);
	assert_in_range(t->kept.n_pointees, 60, 70);
	assert_int_equal(t->kept.n_torn_chains, 1);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void counts_are_in_the_file(void **state)
{
	struct bench *t = *state;
	struct sf_frame_info info = { .size = sizeof(info) };
	char dir[] = "/tmp/sf_pointees_XXXXXX", path[64];
	SF_OWNED(frame) frame = NULL;
	uint64_t items[4];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/t.frame", dir);
	add_list(t, items, 4);
	fake_u64(t->g, items[2] + ITEM_NODE, 1);
	set(t, AT_TASK, lone(t));
	set(t, AT_COUNTER, t->g->page_offset + (1ull << 40));
	capture(t, &(struct sf_capture_options){ .max_pointee_bytes = FK_TASK_SIZE - 1 });
	assert_ok(sf_frame_export(t->frame, path));
	assert_ok(sf_frame_open(path, &frame));
	sf_frame_info(frame, &info);
	assert_int_equal(info.n_pointees, 3);
	assert_int_equal(info.n_left_out, 1);
	assert_int_equal(info.n_dangling, 1);
	assert_int_equal(info.n_torn_chains, 1);
	assert_int_equal(info.n_unplanned, 0);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
#define TEST_BOTH(name) TEST(name), cmocka_unit_test_setup_teardown(name, make_moved, drop)
	const struct CMUnitTest tests[] = {
		TEST_BOTH(a_task_is_kept_as_the_kernel_has_it),
		TEST_BOTH(a_cpumask_is_kept),
		TEST(pointers_in_arrays_and_unions_are_found),
		TEST_BOTH(a_percpu_kptr_keeps_the_object_of_every_cpu),
		TEST(what_is_no_pointer_to_an_object_is_not_followed),
		TEST(a_pointer_to_nowhere_is_counted),
		TEST_BOTH(pointers_in_the_values_of_every_kind_of_map_are_found),
		TEST(one_hop_and_not_two),
		TEST(as_many_hops_as_asked_for),
		TEST(the_shortest_way_counts),
		TEST(none_if_none_are_wanted),
		TEST(a_circle_of_pointers_is_kept_once),
		TEST(what_the_budget_does_not_suffice_for_is_counted),
		TEST(an_object_is_charged_once),
		TEST(what_would_have_kept_more_is_named),
		TEST_BOTH(the_elements_of_a_list_are_kept),
		TEST(an_empty_list_is_nothing),
		TEST(a_list_that_does_not_come_back_ends),
		TEST(a_list_that_leads_nowhere_is_cut),
		TEST(the_rest_of_a_list_beyond_the_budget_counts_once),
		TEST_BOTH(the_elements_of_a_tree_are_kept),
		TEST(a_tree_in_the_middle_of_a_rotation_is_whole),
		TEST(a_tree_of_itself_ends),
		TEST(a_tree_has_a_depth),
		TEST(counts_are_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

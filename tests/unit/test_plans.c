/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: made of memory that changes, used where they still hold, of types that mean no good. */
#include "pointee_test.h"

/* ---- plans ---------------------------------------------------------------------------------------------------- */

static void a_map_that_came_after_the_plans_is_counted(void **state)
{
	struct bench *t = *state;
	struct sf_frame_info info = { .size = sizeof(info) };
	uint64_t counter = lone(t), map, btf;
	struct btfb types;
	uint32_t ptr;

	start(t, NULL);
	assert_ok(sf_capturer_prepare(t->capturer));
	btfb_init(&types, NULL);
	ptr = btfb_add_ptr(&types, btfb_add_int(&types, "u64", 8, 0));
	btf = fake_add_btf(t->g, &types, 0);
	map = fake_add_map(t->g, &(struct fake_map){ .name = "late", .value_size = 8, .btf = btf, .value_type = ptr });
	fake_u64(t->g, fake_map_values(map), counter);
	walk(t);
	assert_int_equal(t->kept.n_unplanned, 1);
	assert_false(has(t, counter, 8));
	sf_frame_info(t->frame, &info);
	assert_int_equal(info.n_unplanned, 1);
	capture(t, NULL);
	assert_int_equal(t->kept.n_unplanned, 0);
	assert_true(has(t, counter, 8));
}

/* The bytes of the map's types are others at the stop than they were before. */
static void changed_types_are_not_used(void **state)
{
	struct bench *t = *state;
	static const uint32_t fields[] = { FK_BTF_DATA, FK_BTF_DATA_SIZE, FK_BTF_ID, FK_BTF_BASE };
	uint64_t counter = lone(t);

	set(t, AT_COUNTER, counter);
	capture(t, NULL);
	assert_true(has(t, counter, 8));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint32_t old;

		fake_read(t->g, t->btf + fields[i], &old, sizeof(old));
		fake_u32(t->g, t->btf + fields[i], old + 8);
		walk(t);
		assert_int_equal(t->kept.n_unplanned, 1);
		assert_int_equal(t->kept.n_pointees, 0);
		fake_u32(t->g, t->btf + fields[i], old);
	}
	walk(t);
	assert_int_equal(t->kept.n_pointees, 1);
}

/* An address and size as before, but another struct btf, with other types. */
static void a_new_struct_at_an_old_address_is_planned_anew(void **state)
{
	struct bench *t = *state;
	uint64_t number = lone(t), data;
	struct btfb types;
	uint8_t *bytes;
	uint32_t ptr;
	size_t len;

	capture(t, NULL);
	btfb_init(&types, NULL);
	ptr = btfb_add_ptr(&types, btfb_add_int(&types, "u64", 8, 0));
	bytes = btfb_finish(&types, &len);
	fake_read(t->g, t->btf + FK_BTF_DATA, &data, 8);
	fake_write(t->g, data, bytes, len);
	free(bytes);
	fake_u32(t->g, t->btf + FK_BTF_DATA_SIZE, (uint32_t)len);
	fake_u32(t->g, t->btf + FK_BTF_ID, t->g->next_btf++);
	fake_u32(t->g, t->map + FK_MAP_VALUE_TYPE, ptr);
	set(t, 0, number);
	walk(t);
	assert_int_equal(t->kept.n_unplanned, 1);
	capture(t, NULL);
	assert_int_equal(t->kept.n_unplanned, 0);
	assert_true(has(t, number, 8));
	assert_int_equal(t->kept.n_pointees, 1);
}

static void types_that_are_none_cost_only_themselves(void **state)
{
	struct bench *t = *state;
	uint64_t counter = lone(t), junk, empty, gone, data;

	junk = fake_add_btf_bytes(t->g, "no BTF, and no more bytes than these", 36, 0);
	empty = fake_add_btf_bytes(t->g, "x", 1, 0);
	fake_u32(t->g, empty + FK_BTF_DATA_SIZE, 0);
	gone = fake_add_btf_bytes(t->g, "x", 1, 0);
	fake_read(t->g, gone + FK_BTF_DATA, &data, 8);
	fake_unmap(t->g, data);
	fake_add_map(t->g, &(struct fake_map){ .name = "junk", .value_size = 8, .btf = junk, .value_type = 1 });
	fake_add_map(t->g, &(struct fake_map){ .name = "empty", .value_size = 8, .btf = empty, .value_type = 1 });
	fake_add_map(t->g, &(struct fake_map){ .name = "gone", .value_size = 8, .btf = gone, .value_type = 1 });
	fake_add_map(t->g, &(struct fake_map){ .name = "hole", .value_size = 8, .btf = data, .value_type = 1 });
	set(t, AT_COUNTER, counter);
	capture(t, NULL);
	assert_true(has(t, counter, 8));
	/* Of the first two nobody will ever know types; of the others it cannot be said. */
	assert_int_equal(t->kept.n_unplanned, 2);
}

/* Pages may alias: what a guest claims has nothing to do with what it has. */
static void types_are_loaded_up_to_a_limit(void **state)
{
	struct bench *t = *state;
	uint64_t btf[26], counter = lone(t), late, map;
	uint32_t ptr, claim = SF_BTF_MAX_SIZE;
	struct btfb types;

	/* As much as one may have, three times, and then half of what is left, down to a few bytes. */
	for (size_t i = 0; i < ARRAY_SIZE(btf); i++) {
		btf[i] = fake_add_btf_bytes(t->g, "x", 1, 0);
		fake_u32(t->g, btf[i] + FK_BTF_DATA_SIZE, claim);
		fake_add_map(t->g, &(struct fake_map){ .name = "claim", .value_size = 8, .btf = btf[i], .value_type = 1 });
		if (i >= 3)
			claim /= 2;
	}
	btfb_init(&types, NULL);
	ptr = btfb_add_ptr(&types, btfb_add_int(&types, "u64", 8, 0));
	late = fake_add_btf(t->g, &types, 0);
	map = fake_add_map(t->g, &(struct fake_map){ .name = "late", .value_size = 8, .btf = late, .value_type = ptr });
	fake_u64(t->g, fake_map_values(map), counter);
	capture(t, NULL);
	assert_false(has(t, counter, 8));
	for (size_t i = 0; i < ARRAY_SIZE(btf); i++)
		fake_u32(t->g, btf[i] + FK_BTF_DATA_SIZE, 1);
	capture(t, NULL);
	assert_int_equal(t->kept.n_unplanned, 0);
	assert_true(has(t, counter, 8));
}

static void a_value_type_larger_than_the_value_has_no_plan(void **state)
{
	struct bench *t = *state;

	fake_u32(t->g, t->map + FK_MAP_VALUE_SIZE, STATE_SIZE - 8);
	set(t, AT_TASK, lone(t));
	capture(t, NULL);
	assert_int_equal(t->kept.n_unplanned, 1);
	assert_int_equal(t->kept.n_pointees, 0);
}

/* Maps of a loader that comes and goes: what it had is forgotten. */
static void plans_of_maps_that_are_gone_are_forgotten(void **state)
{
	struct bench *t = *state;
	uint64_t counter = lone(t);

	set(t, AT_COUNTER, counter);
	capture(t, NULL);
	fake_u64(t->g, t->map + FK_MAP_BTF, 0);
	for (int i = 0; i < 10; i++)
		assert_ok(sf_capturer_prepare(t->capturer));
	fake_u64(t->g, t->map + FK_MAP_BTF, t->btf);
	walk(t);
	assert_int_equal(t->kept.n_unplanned, 1);
	capture(t, NULL);
	assert_true(has(t, counter, 8));
}

static void plans_of_maps_that_stay_are_kept(void **state)
{
	struct bench *t = *state;

	set(t, AT_COUNTER, lone(t));
	for (int i = 0; i < 12; i++) {
		capture(t, NULL);
		assert_int_equal(t->kept.n_unplanned, 0);
		assert_int_equal(t->kept.n_pointees, 1);
	}
}

static void without_preparation_every_map_with_types_is_counted(void **state)
{
	struct bench *t = *state;

	fake_add_map(t->g, &(struct fake_map){ .name = "bytes", .value_size = 8 });
	start(t, NULL);
	walk(t);
	assert_int_equal(t->kept.n_unplanned, 1);
}

/* The list of maps cannot be read: the error is the caller's, and the plans that there were still hold. */
static void a_failed_preparation_leaves_the_plans(void **state)
{
	struct bench *t = *state;
	SF_OWNED(image) nothing = NULL;
	SF_OWNED(bpf) bpf = NULL;
	SF_OWNED(bpf_plans) plans = NULL;
	struct sf_bpf_map map = { .kva = t->map, .btf = t->btf, .value_type = t->state, .value_size = STATE_SIZE,
				  .type = SF_BPF_MAP_TYPE_ARRAY };
	struct sf_vmem *vm = malloc(sizeof(*vm));

	assert_ok(sf_image_pages_new(NULL, NULL, 0, 64 << 20, &nothing));
	assert_ok(sf_bpf_new(t->g->kernel, &bpf));
	assert_ok(sf_bpf_plans_new(bpf, 1, &plans));
	sf_vmem_init(vm, t->g->img, t->g->kernel);
	assert_ok(sf_bpf_plans_update(plans, vm));
	sf_vmem_init(vm, nothing, t->g->kernel);
	assert_code(sf_bpf_plans_update(plans, vm), SF_PAGE_NOT_KEPT);
	sf_vmem_init(vm, t->g->img, t->g->kernel);
	assert_non_null(sf_bpf_plan_of(plans, vm, &map));
	assert_false(sf_bpf_plan_is_empty(sf_bpf_plan_of(plans, vm, &map)));
	map.value_type = 0;
	assert_true(sf_bpf_plan_is_empty(sf_bpf_plan_of(plans, vm, &map)));
	free(vm);
}

/* ---- types that mean no good ---------------------------------------------------------------------------------- */

static uint64_t add_typed_map(struct bench *t, struct btfb *types, uint32_t value_type, uint32_t value_size)
{
	return fake_add_map(t->g, &(struct fake_map){ .name = "odd", .value_size = value_size,
						      .btf = fake_add_btf(t->g, types, 0), .value_type = value_type });
}

/* Each struct has the one before four times: 4^24 members, and as many pointers. */
static void types_that_nest_without_end_are_cut(void **state)
{
	struct bench *t = *state;
	struct btfb types;
	uint32_t last;

	btfb_init(&types, NULL);
	last = btfb_add_ptr(&types, btfb_add_int(&types, "u64", 8, 0));
	for (int i = 0; i < 24; i++) {
		uint32_t inner = last;

		last = btfb_add_struct(&types, NULL, 8);
		for (int k = 0; k < 4; k++)
			btfb_member(&types, "m", inner, 0);
	}
	add_typed_map(t, &types, last, 8);
	capture(t, NULL);
	assert_int_equal(t->kept.n_unplanned, 0);
	assert_true(t->kept.n_left_out > 0);
}

static void a_struct_of_itself_is_cut(void **state)
{
	struct bench *t = *state;
	struct btfb types;
	uint32_t self;

	btfb_init(&types, NULL);
	self = btfb_add_struct(&types, "self", 16);
	btfb_member(&types, "n", self, 0);
	btfb_member(&types, "m", self, 64);
	add_typed_map(t, &types, self, 16);
	capture(t, NULL);
	assert_true(t->kept.n_left_out > 0);
}

/* Arrays whose product is not what fits into anything, and members beyond their struct. */
static void pointers_beyond_the_value_are_not_read(void **state)
{
	struct bench *t = *state;
	struct btfb types;
	uint32_t u64, ptr, array, beyond;
	uint64_t map, behind = lone(t);

	btfb_init(&types, NULL);
	u64 = btfb_add_int(&types, "u64", 8, 0);
	ptr = btfb_add_ptr(&types, u64);
	array = btfb_add_array(&types, ptr, u64, UINT32_MAX);
	beyond = btfb_add_struct(&types, "beyond", 8);
	btfb_member(&types, "first", ptr, 0);
	btfb_member(&types, "second", ptr, 64);
	btfb_member(&types, "many", array, 0);
	map = fake_add_map(t->g, &(struct fake_map){ .name = "odd", .value_size = 8, .max_entries = 2,
						     .btf = fake_add_btf(t->g, &types, 0), .value_type = beyond });
	fake_u64(t->g, fake_map_values(map) + 16, behind);
	capture(t, NULL);
	assert_false(has(t, behind, 8));
	assert_int_equal(t->kept.n_pointees, 0);
	assert_int_equal(t->kept.n_left_out, 4);
}

/* Thirty thousand structs with a pointer each: as many as a plan has slots for, were they not one. */
static void arrays_are_not_expanded(void **state)
{
	struct bench *t = *state;
	struct btfb types;
	uint32_t u64, ptr, pair, inner, outer;
	uint64_t map, first = lone(t), last = lone(t);

	btfb_init(&types, NULL);
	u64 = btfb_add_int(&types, "u64", 8, 0);
	ptr = btfb_add_ptr(&types, u64);
	pair = btfb_add_struct(&types, "pair", 24);
	btfb_member(&types, "p", ptr, 0);
	inner = btfb_add_array(&types, pair, u64, 100);
	outer = btfb_add_array(&types, inner, u64, 300);
	map = add_typed_map(t, &types, outer, 24 * 100 * 300);
	fake_u64(t->g, fake_map_values(map), first);
	fake_u64(t->g, fake_map_values(map) + 24 * 29999, last);
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, 2);
	assert_int_equal(t->kept.n_left_out, 0);
	assert_true(has(t, first, 8) && has(t, last, 8));
}

/* A hundred members of a union: there are no hundred pointers in eight bytes. */
static void a_value_has_as_many_pointers_as_it_may_hold(void **state)
{
	struct bench *t = *state;
	uint64_t map, object = lone(t);
	struct btfb types;
	uint32_t ptr, all;

	btfb_init(&types, NULL);
	ptr = btfb_add_ptr(&types, btfb_add_int(&types, "u64", 8, 0));
	all = btfb_add_union(&types, "all", 8);
	for (int i = 0; i < 100; i++)
		btfb_member(&types, "p", ptr, 0);
	map = add_typed_map(t, &types, all, 8);
	fake_u64(t->g, fake_map_values(map), object);
	capture(t, NULL);
	assert_true(has(t, object, 8));
	assert_int_equal(t->kept.n_left_out, 96);
}

static void arrays_with_gaps_between_them_are_found(void **state)
{
	struct bench *t = *state;
	uint64_t map, objects[15];
	struct btfb types;
	uint32_t u64, array, row, rows;

	btfb_init(&types, NULL);
	u64 = btfb_add_int(&types, "u64", 8, 0);
	array = btfb_add_array(&types, btfb_add_ptr(&types, u64), u64, 3);
	row = btfb_add_struct(&types, "row", 32);
	btfb_member(&types, "p", array, 64);
	rows = btfb_add_array(&types, row, u64, 5);
	map = add_typed_map(t, &types, rows, 5 * 32);
	for (uint32_t i = 0; i < 15; i++)
		fake_u64(t->g, fake_map_values(map) + 32 * (i / 3) + 8 + 8 * (i % 3), objects[i] = lone(t));
	capture(t, NULL);
	assert_int_equal(t->kept.n_pointees, 15);
	for (uint32_t i = 0; i < 15; i++)
		assert_true(has(t, objects[i], 8));
}

/* A struct and its first member: one address and one size, and only one of them is known to lead further. */
static void an_object_of_two_types_leads_where_both_do(void **state)
{
	struct bench *t = *state;
	uint64_t map, object = lone(t), behind = lone(t);
	uint32_t u64, inner, number, pointer, plain, both;
	struct btfb types;

	btfb_init(&types, NULL);
	u64 = btfb_add_int(&types, "u64", 8, 0);
	number = btfb_add_struct(&types, "number", 8);
	btfb_member(&types, "n", u64, 0);
	inner = btfb_add_ptr(&types, u64);
	pointer = btfb_add_struct(&types, "pointer", 8);
	btfb_member(&types, "to", inner, 0);
	plain = btfb_add_ptr(&types, number);
	pointer = btfb_add_ptr(&types, pointer);
	both = btfb_add_struct(&types, "both", 16);
	btfb_member(&types, "a", plain, 0);
	btfb_member(&types, "b", pointer, 64);
	map = add_typed_map(t, &types, both, 16);
	fake_u64(t->g, fake_map_values(map), object);
	fake_u64(t->g, fake_map_values(map) + 8, object);
	fake_u64(t->g, object, behind);
	capture(t, &(struct sf_capture_options){ .pointer_hops = 2 });
	assert_true(has(t, behind, 8));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(a_map_that_came_after_the_plans_is_counted),
		TEST(changed_types_are_not_used),
		TEST(a_new_struct_at_an_old_address_is_planned_anew),
		TEST(types_that_are_none_cost_only_themselves),
		TEST(types_are_loaded_up_to_a_limit),
		TEST(a_value_type_larger_than_the_value_has_no_plan),
		TEST(plans_of_maps_that_are_gone_are_forgotten),
		TEST(plans_of_maps_that_stay_are_kept),
		TEST(without_preparation_every_map_with_types_is_counted),
		TEST(a_failed_preparation_leaves_the_plans),
		TEST(types_that_nest_without_end_are_cut),
		TEST(a_struct_of_itself_is_cut),
		TEST(pointers_beyond_the_value_are_not_read),
		TEST(arrays_are_not_expanded),
		TEST(a_value_has_as_many_pointers_as_it_may_hold),
		TEST(arrays_with_gaps_between_them_are_found),
		TEST(an_object_of_two_types_leads_where_both_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions of a snapshot: what they answer, and what their errors say that there was instead. */
#include "check.h"

#include "fake_bpf.h"
#include "stillframe/snapshot.h"

struct bench {
	struct fake_guest *g;
	struct fake_scene s;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
	struct sf_view view;
};

static int make_with(void **state, unsigned int flags)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(&(struct fake_options){ .small = true });
	fake_scene_add(t->g, flags, &t->s);
	t->frame = fake_capture(t->g, "x");
	assert_ok(sf_snapshot_new(t->frame, &t->snap));
	t->view = sf_snapshot_view(t->snap);
	*state = t;
	return 0;
}

static int make(void **state)
{
	return make_with(state, 0);
}

static int make_broken(void **state)
{
	return make_with(state, SCENE_BROKEN);
}

static int drop(void **state)
{
	struct bench *t = *state;

	sf_snapshot_free(t->snap);
	sf_frame_unref(t->frame);
	fake_free(t->g);
	free(t);
	return 0;
}

static bool lists(const struct sf_strv *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], name))
			return true;
	return false;
}

static const struct sf_error_payload *payload(struct sf_error *err, enum sf_code code)
{
	if (sf_error_code(err) != code)
		fail_msg("%s, not %s: %s", sf_error_code_name(sf_error_code(err)), sf_error_code_name(code),
			 err ? sf_error_message(err) : "no error");
	assert_string_equal(sf_error_code_name(code), sf_error_code_name(sf_error_payload(err)->code));
	return sf_error_payload(err);
}

static struct sf_field bss(struct bench *t, const char *path)
{
	return sf_entry_get(sf_map_at(sf_view_map(t->view, "demo.bss"), 0), path);
}

/* ---- values ------------------------------------------------------------------------------------------- */

static void globals_by_their_names(void **state)
{
	struct bench *t = *state;
	const char *name;
	unsigned long long ull;
	uint64_t u = 0;
	int64_t i;
	double d;
	bool yes;

	assert_ok(sf_field_as_u64(sf_view_var(t->view, "nr_dispatched"), &u));
	assert_int_equal(u, 42);
	assert_ok(sf_as(sf_view_var(t->view, "slice_ns"), &ull));
	assert_int_equal(ull, 20000000);
	assert_ok(sf_as(sf_view_var(t->view, "nr_nodes"), &u));
	assert_int_equal(u, 2);
	assert_ok(sf_as(sf_view_var(t->view, "balance"), &i));
	assert_int_equal(i, -5);
	assert_ok(sf_as(sf_view_var(t->view, "ratio"), &d));
	assert_true(d == 0.25);
	assert_ok(sf_as(sf_view_var(t->view, "ready"), &yes));
	assert_true(yes);
	assert_ok(sf_as(sf_view_var(t->view, "mode"), &name));
	assert_string_equal(name, "MODE_FAST");
	assert_true(sf_field_is_present(sf_view_var(t->view, "mode")));
	assert_null(sf_field_error(sf_view_var(t->view, "mode")));
}

static void globals_of_sections_with_other_names(void **state)
{
	struct bench *t = *state;

	assert_int_equal(sf_field_u64_or(sf_view_var(t->view, "knob"), 0), 7);
	assert_int_equal(sf_field_u64_or(sf_entry_get(sf_map_at(sf_view_map(t->view, ".data.tuning"), 0), "knob"), 0), 7);
}

static void paths_lead_into_values(void **state)
{
	struct bench *t = *state;
	static const struct {
		const char *path;
		int64_t want;
	} cases[] = {
		{ "nr_dispatched", 42 }, { "ctx.weight.value", 100 }, { "ctx.weight.cpu", 3 }, { "ctx.a", UINT32_MAX },
		{ "ctx.b", -1 }, { "ctx.cpus[2]", 12 }, { "hist[7]", 49 }, { "hist[0]", 0 }, { "flags.a", 5 },
		{ "flags.b", 4097 }, { "flags.c", -2 }, { "name[3]", '_' }, { "task.pid", 1234 },
		{ "task.real_parent.real_parent.pid", 1234 }, { "task.comm[0]", 'n' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t v = 0;
		struct sf_error *err = sf_field_as_i64(bss(t, cases[i].path), &v);

		if (err)
			fail_msg("%s: %s", cases[i].path, sf_error_message(err));
		assert_int_equal(v, cases[i].want);
	}
	struct sf_field ctx = sf_view_var(t->view, "ctx");

	assert_int_equal(sf_field_u64_or(sf_field_get(sf_field_get(ctx, "weight"), "value"), 0), 100);
	assert_int_equal(sf_field_u64_or(sf_field_get(sf_field_get(ctx, "cpus"), "[1]"), 0), 11);
	assert_int_equal(sf_field_u64_or(sf_field_get(sf_field_get(ctx, ""), "weight.cpu"), 0), 3);
	/* A pointer at the end of a path is an address. */
	assert_int_equal(sf_field_u64_or(bss(t, "task"), 0), t->s.near_task);
	assert_int_equal(sf_field_u64_or(bss(t, "null_task"), 1), 0);
}

static void values_that_cross_pages(void **state)
{
	struct bench *t = *state;
	char path[32];

	for (uint64_t i = 0; i < DEMO_DATA_WORDS; i++) {
		snprintf(path, sizeof(path), "[%u]", (unsigned int)i);
		assert_int_equal(sf_field_u64_or(sf_field_get(sf_view_var(t->view, "words"), path), 1), i * 0x0101010101);
	}
}

static void maps_and_their_entries(void **state)
{
	struct bench *t = *state;
	struct sf_map latency = sf_view_map(t->view, "latency");
	struct sf_map_info info = { .size = sizeof(info) };

	assert_int_equal(sf_view_map_count(t->view), 10);
	assert_null(sf_map_error(latency));
	assert_int_equal(sf_map_len(latency), 5);
	for (uint64_t i = 0; i < 5; i++) {
		struct sf_entry e = sf_map_at(latency, i);

		assert_true(sf_entry_is_present(e));
		assert_null(sf_entry_error(e));
		assert_int_equal(sf_field_u64_or(sf_entry_get(e, "value"), 1), 100 * i);
		assert_int_equal(sf_field_u64_or(sf_entry_key(e, ""), 99), i);
		assert_int_equal(sf_field_i64_or(sf_entry_key(e, ""), 99), (int64_t)i);
	}
	assert_true(sf_map_info(latency, &info));
	assert_string_equal(info.name, "latency");
	assert_string_equal(info.type_name, "array");
	assert_int_equal(info.kva, t->s.latency);
	assert_int_equal(info.id, 5);
	assert_int_equal(info.key_size, 4);
	assert_int_equal(info.value_size, 16);
	assert_int_equal(info.max_entries, 5);
	for (size_t i = 0; i < 10; i++) {
		assert_true(sf_map_info(sf_view_map_at(t->view, i), &info));
		assert_int_equal(info.id, i + 1);
	}
	assert_ptr_equal(sf_view_frame(t->view), t->frame);
}

static void long_and_odd_names(void **state)
{
	struct bench *t = *state;

	/* As the kernel has it, as the program calls it, and no other that begins the same. */
	assert_int_equal(sf_map_len(sf_view_map(t->view, "a_very_long_nam")), 1);
	assert_int_equal(sf_map_len(sf_view_map(t->view, "a_very_long_name_indeed")), 1);
	assert_int_equal(sf_map_len(sf_view_map(t->view, "a_very_long_na")), 0);
	assert_int_equal(sf_field_u64_or(sf_entry_get(sf_map_at(sf_view_map(t->view, "a_very_long_name"), 0), ""), 0), 9);
	assert_int_equal(sf_map_len(sf_view_map(t->view, "odd\\xff\\x01")), 1);
	assert_int_equal(sf_map_len(sf_view_map(t->view, "odd\xff\x01")), 0);
}

/* ---- what was there instead --------------------------------------------------------------------------- */

static void a_map_that_is_not_there(void **state)
{
	struct bench *t = *state;
	struct sf_map m = sf_view_map(t->view, "latenzy");
	const struct sf_error_payload *p = payload(sf_map_error(m), SF_MAP_NOT_FOUND);
	struct sf_map_info info = { .size = sizeof(info), .name = "untouched" };
	uint64_t v = 5;

	assert_string_equal(p->requested, "latenzy");
	assert_int_equal(p->available.n, 10);
	assert_string_equal(p->available.v[0], "demo.bss");
	assert_true(lists(&p->available, "latency"));
	assert_true(lists(&p->available, "odd\\xff\\x01"));
	assert_contains(sf_error_message(sf_map_error(m)), "latenzy");
	assert_contains(sf_error_message(sf_map_error(m)), "latency");
	assert_int_equal(sf_map_len(m), 0);
	assert_false(sf_map_info(m, &info));
	assert_string_equal(info.name, "untouched");
	/* The same error at the end of any chain. */
	payload(sf_entry_error(sf_map_at(m, 3)), SF_MAP_NOT_FOUND);
	payload(sf_field_error(sf_entry_get(sf_map_at(m, 3), "a.b")), SF_MAP_NOT_FOUND);
	payload(sf_field_error(sf_entry_key(sf_map_at(m, 3), "")), SF_MAP_NOT_FOUND);
	p = payload(sf_field_as_u64(sf_field_get(sf_entry_get(sf_map_at(m, 3), "a"), "b"), &v), SF_MAP_NOT_FOUND);
	assert_string_equal(p->requested, "latenzy");
	assert_int_equal(v, 5);
	assert_false(sf_entry_is_present(sf_map_at(m, 0)));
	payload(sf_map_error(sf_view_map(t->view, "")), SF_MAP_NOT_FOUND);
}

static void a_variable_that_is_not_there(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p = payload(sf_field_error(sf_view_var(t->view, "nr_dispatch")), SF_VAR_NOT_FOUND);

	assert_string_equal(p->requested, "nr_dispatch");
	assert_true(lists(&p->available, "nr_dispatched"));
	assert_true(lists(&p->available, "knob"));
	assert_true(lists(&p->available, "lonely"));
	assert_true(lists(&p->available, "shared"));
	for (size_t i = 1; i < p->available.n; i++)
		assert_true(strcmp(p->available.v[i - 1], p->available.v[i]) < 0);
	/* Names are not split. */
	payload(sf_field_error(sf_view_var(t->view, "ctx.weight")), SF_VAR_NOT_FOUND);
	assert_contains(sf_error_message(sf_field_error(sf_view_var(t->view, "ctx.weight"))), "ctx");
	payload(sf_field_error(sf_view_var(t->view, "")), SF_VAR_NOT_FOUND);
}

/* Its programs use demo's maps: that is the one that is meant. Without such programs: test_views.c. */
static void a_variable_that_two_objects_have(void **state)
{
	struct bench *t = *state;
	struct sf_field demo = sf_entry_get(sf_map_at(sf_view_map(t->view, "demo.bss"), 0), "shared");
	struct sf_field other = sf_entry_get(sf_map_at(sf_view_map(t->view, "other.bss"), 0), "shared");

	assert_int_equal(sf_field_u64_or(other, 0), 2);
	assert_int_not_equal(sf_field_u64_or(demo, 2), 2);
	assert_int_equal(sf_field_u64_or(sf_view_var(t->view, "shared"), 0), sf_field_u64_or(demo, 1));
}

static void a_member_that_is_not_there(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;

	p = payload(sf_field_error(bss(t, "ctx.weight.valu.x")), SF_FIELD_NOT_FOUND);
	assert_string_equal(p->requested, "ctx.weight.valu.x");
	assert_string_equal(p->walked, "ctx.weight");
	assert_string_equal(p->component, "valu");
	assert_int_equal(p->available.n, 2);
	assert_string_equal(p->available.v[0], "value");
	assert_string_equal(p->available.v[1], "cpu");
	assert_contains(sf_error_message(sf_field_error(bss(t, "ctx.weight.valu.x"))), "value");
	/* Members of anonymous unions are listed in their place; through pointers, the kernel's. */
	p = payload(sf_field_error(bss(t, "ctx.nope")), SF_FIELD_NOT_FOUND);
	assert_int_equal(p->available.n, 4);
	assert_string_equal(p->available.v[1], "a");
	p = payload(sf_field_error(bss(t, "task.nope")), SF_FIELD_NOT_FOUND);
	assert_true(lists(&p->available, "cpus_mask"));
	assert_string_equal(p->walked, "task");
}

static void what_is_no_struct(void **state)
{
	struct bench *t = *state;
	static const struct {
		const char *path, *walked, *component, *kind;
	} cases[] = {
		{ "nr_dispatched.x", "nr_dispatched", "x", "Uint" }, { "hist.x", "hist", "x", "Array" },
		{ "mask.x", "mask", "x", "CpuList" }, { "null_task.pid", "null_task", "pid", "Ptr" },
		{ "opaque.x", "opaque", "x", "Ptr" }, { "fwd.x", "fwd", "x", "Ptr" }, { "mode.x", "mode", "x", "Enum" },
		{ "ctx[0]", "", "ctx[0]", "Struct" }, { "hist[0][0]", "", "hist[0][0]", "Uint" },
		{ "ratio.x", "ratio", "x", "Float" }, { "ready.x", "ready", "x", "Bool" },
		{ "hist[1].x", "hist[1]", "x", "Uint" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct sf_error_payload *p = payload(sf_field_error(bss(t, cases[i].path)), SF_NOT_A_STRUCT);

		assert_string_equal(p->requested, cases[i].path);
		assert_string_equal(p->walked, cases[i].walked);
		assert_string_equal(p->component, cases[i].component);
		assert_string_equal(p->kind, cases[i].kind);
	}
}

static void another_type_than_was_asked_for(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;
	uint64_t u = 1;
	int64_t i = 1;
	double d = 1;
	bool b = false;
	const char *s = "x";

	p = payload(sf_field_as_u64(bss(t, "balance"), &u), SF_TYPE_MISMATCH);
	assert_string_equal(p->expected, "u64");
	assert_string_equal(p->actual, "Int(negative)");
	p = payload(sf_field_as_i64(bss(t, "task"), &i), SF_TYPE_MISMATCH);
	assert_string_equal(p->expected, "i64");
	assert_string_equal(p->actual, "Ptr");
	p = payload(sf_field_as_f64(bss(t, "ready"), &d), SF_TYPE_MISMATCH);
	assert_string_equal(p->expected, "f64");
	assert_string_equal(p->actual, "Bool");
	p = payload(sf_field_as_bool(bss(t, "ctx"), &b), SF_TYPE_MISMATCH);
	assert_string_equal(p->expected, "bool");
	assert_string_equal(p->actual, "Struct");
	p = payload(sf_field_as_str(bss(t, "name"), &s), SF_TYPE_MISMATCH);
	assert_string_equal(p->expected, "str (enum variant name)");
	assert_string_equal(p->actual, "Array");
	assert_true(u == 1 && i == 1 && d == 1 && !b && !strcmp(s, "x"));
}

static void positions_that_are_out_of_range(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;

	p = payload(sf_entry_error(sf_map_at(sf_view_map(t->view, "latency"), 5)), SF_INDEX_OUT_OF_RANGE);
	assert_string_equal(p->map, "latency");
	assert_int_equal(p->index, 5);
	assert_int_equal(p->len, 5);
	p = payload(sf_entry_error(sf_map_at(sf_view_map(t->view, "demo.bss"), SIZE_MAX)), SF_INDEX_OUT_OF_RANGE);
	assert_int_equal(p->index, SIZE_MAX);
	assert_int_equal(p->len, 1);
	p = payload(sf_field_error(bss(t, "hist[8]")), SF_INDEX_OUT_OF_RANGE);
	assert_int_equal(p->index, 8);
	assert_int_equal(p->len, 8);
	assert_string_equal(p->requested, "hist[8]");
	p = payload(sf_map_error(sf_view_map_at(t->view, 10)), SF_INDEX_OUT_OF_RANGE);
	assert_int_equal(p->index, 10);
	assert_int_equal(p->len, 10);
}

static void paths_that_are_none(void **state)
{
	struct bench *t = *state;
	static const char *const empty[] = { ".", "ctx.", ".ctx", "ctx..weight", "..", "ctx.weight." };
	static const char *const bad[] = {
		"hist[", "hist[]", "hist[x]", "hist[-1]", "hist[1", "hist[0]x", "hist[ 1]", "hist[0x1]",
		"hist[18446744073709551616]", "hist[99999999999999999999999]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		assert_string_equal(payload(sf_field_error(bss(t, empty[i])), SF_EMPTY_PATH_COMPONENT)->requested, empty[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_string_equal(payload(sf_field_error(bss(t, bad[i])), SF_BAD_PATH)->requested, bad[i]);
	/* What fails first is what is said. */
	payload(sf_field_error(bss(t, "nope..x")), SF_FIELD_NOT_FOUND);
	payload(sf_field_error(bss(t, "hist[18446744073709551615]")), SF_INDEX_OUT_OF_RANGE);
}

static void a_pointer_out_of_the_frame(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p = payload(sf_field_error(bss(t, "far_task.pid")), SF_PAGE_NOT_KEPT);
	SF_OWNED(frame) live = fake_live(t->g);
	SF_OWNED(snapshot) snap = NULL;

	assert_string_equal(p->requested, "far_task.pid");
	assert_string_equal(p->walked, "far_task");
	assert_int_equal(p->addr, t->s.far_task);
	/* And what would have kept it. */
	assert_non_null(strstr(p->reason, "--keep hops=N"));
	assert_false(p->unmapped);
	p = payload(sf_field_error(bss(t, "gone_task.pid")), SF_PAGE_NOT_KEPT);
	assert_int_equal(p->addr, t->s.hole);
	assert_true(p->unmapped);
	/* Their addresses are values like any other. */
	assert_int_equal(sf_field_u64_or(bss(t, "far_task"), 0), t->s.far_task);
	/* Live memory has it. */
	assert_ok(sf_snapshot_new(live, &snap));
	assert_int_equal(sf_field_i64_or(sf_field_get(sf_view_var(sf_snapshot_view(snap), "far_task"), "pid"), 0), 5678);
}

/* ---- maps without values ------------------------------------------------------------------------------- */

static void a_map_type_that_is_not_read(void **state)
{
	struct bench *t = *state;
	struct sf_map m = sf_view_map(t->view, "per_task");
	const struct sf_error_payload *p = payload(sf_map_error(m), SF_MAP_RENDER_INCOMPLETE);
	struct sf_map_info info = { .size = sizeof(info) };

	assert_string_equal(p->map, "per_task");
	assert_non_null(p->reason);
	assert_int_equal(sf_map_len(m), 0);
	payload(sf_entry_error(sf_map_at(m, 0)), SF_MAP_RENDER_INCOMPLETE);
	payload(sf_field_error(sf_entry_get(sf_map_at(m, 0), "x")), SF_MAP_RENDER_INCOMPLETE);
	/* It is listed nevertheless. */
	assert_true(sf_map_info(m, &info));
	assert_string_equal(info.type_name, "hash");
	assert_int_equal(info.max_entries, 1024);
}

static void types_that_cannot_be_read(void **state)
{
	struct bench *t = *state;
	struct sf_map m = sf_view_map(t->view, "broken.bss");
	const struct sf_error_payload *p;

	p = payload(sf_field_error(sf_entry_get(sf_map_at(m, 0), "x")), SF_MAP_RENDER_INCOMPLETE);
	assert_string_equal(p->map, "broken.bss");
	assert_contains(p->reason, "damaged");
	assert_contains(payload(sf_map_error(m), SF_MAP_RENDER_INCOMPLETE)->reason, "damaged");
	/* It may have been there: "no such variable" would be a guess. What is known elsewhere is still found. */
	p = payload(sf_field_error(sf_view_var(t->view, "nope")), SF_MAP_RENDER_INCOMPLETE);
	assert_string_equal(p->map, "broken.bss");
	assert_int_equal(sf_field_u64_or(sf_view_var(t->view, "nr_dispatched"), 0), 42);
}

static void a_map_without_types_is_bytes(void **state)
{
	struct bench *t = *state;
	struct sf_field f = sf_entry_get(sf_map_at(sf_view_map(t->view, ".rodata.str1.1"), 0), "");
	struct sf_value v;
	uint64_t u = 0;

	assert_true(sf_field_raw(f, &v));
	assert_string_equal(sf_kind_name(sf_value_kind(v)), "bytes");
	assert_string_equal(payload(sf_field_as_u64(f, &u), SF_TYPE_MISMATCH)->actual, "Bytes");
	assert_string_equal(payload(sf_field_error(sf_field_get(f, "x")), SF_NOT_A_STRUCT)->kind, "Bytes");
}

static void keys(void **state)
{
	struct bench *t = *state;
	struct sf_entry one = sf_map_at(sf_view_map(t->view, "demo.bss"), 0);
	struct sf_entry many = sf_map_at(sf_view_map(t->view, "latency"), 2);
	struct sf_value v;
	const char *s;
	double d = 0;
	bool b = false;

	payload(sf_field_error(sf_entry_key(one, "")), SF_TYPE_MISMATCH);
	payload(sf_field_error(sf_entry_key(many, "x")), SF_TYPE_MISMATCH);
	payload(sf_field_error(sf_field_get(sf_entry_key(many, ""), "")), SF_TYPE_MISMATCH);
	payload(sf_field_as_str(sf_entry_key(many, ""), &s), SF_TYPE_MISMATCH);
	assert_ok(sf_field_as_f64(sf_entry_key(many, ""), &d));
	assert_true(d == 2.0);
	assert_ok(sf_field_as_bool(sf_entry_key(many, ""), &b));
	assert_true(b);
	assert_false(sf_field_raw(sf_entry_key(many, ""), &v));
}

static void a_placeholder_has_only_its_reason(void **state)
{
	SF_OWNED(frame) f = sf_frame_placeholder("late", "the guest did not stop");
	SF_OWNED(snapshot) snap = NULL;
	uint64_t v;

	(void)state;
	assert_ok(sf_snapshot_new(f, &snap));
	struct sf_view view = sf_snapshot_view(snap);

	assert_true(sf_view_is_placeholder(view));
	assert_int_equal(sf_view_map_count(view), 0);
	payload(sf_map_error(sf_view_map(view, "x")), SF_PLACEHOLDER_SNAPSHOT);
	payload(sf_field_as_u64(sf_view_var(view, "x"), &v), SF_PLACEHOLDER_SNAPSHOT);
	payload(sf_entry_error(sf_map_at(sf_view_map(view, "x"), 0)), SF_PLACEHOLDER_SNAPSHOT);
	assert_contains(sf_error_message(sf_field_error(sf_view_var(view, "x"))), "the guest did not stop");
}

/* ---- without errors ------------------------------------------------------------------------------------- */

static void trying_makes_no_error(void **state)
{
	struct bench *t = *state;
	struct sf_field bad = bss(t, "nope"), negative = bss(t, "balance");
	struct sf_error *before = sf_field_error(bad);
	uint64_t u = 5;
	int64_t i = 5;

	for (int n = 0; n < 1000; n++) {
		assert_false(sf_field_try_u64(bad, &u));
		assert_false(sf_field_try_i64(bad, &i));
		assert_false(sf_field_try_u64(negative, &u));
		assert_int_equal(sf_field_u64_or(negative, 9), 9);
		assert_int_equal(sf_field_i64_or(bad, -9), -9);
	}
	assert_true(u == 5 && i == 5);
	assert_true(sf_field_try_i64(negative, &i));
	assert_int_equal(i, -5);
	/* The ring has not moved. */
	assert_ptr_equal(sf_field_error(bad), before);
	assert_string_equal(payload(before, SF_FIELD_NOT_FOUND)->component, "nope");
}

static void raw_values(void **state)
{
	struct bench *t = *state;
	struct sf_value root, v, w;
	const char *why = "untouched";
	uint64_t u = 0;
	int64_t i;
	double d;
	bool b;

	assert_true(sf_field_raw(bss(t, ""), &root));
	assert_string_equal(sf_kind_name(sf_value_kind(root)), "struct");
	assert_true(sf_value_get(root, "ctx.weight.value", &v));
	assert_true(sf_value_as_u64(v, &u));
	assert_int_equal(u, 100);
	assert_true(sf_value_get(root, "", &v));
	assert_int_equal(sf_value_kind(v), SF_STRUCT);
	assert_true(sf_value_member(root, "hist", &v));
	assert_true(sf_value_index(v, 3, &w));
	assert_true(sf_value_as_i64(w, &i));
	assert_int_equal(i, 9);
	assert_false(sf_value_index(v, 8, &w));
	assert_false(sf_value_index(root, 0, &w));
	assert_false(sf_value_member(v, "x", &w));
	assert_true(sf_value_get(root, "ratio", &v) && sf_value_as_f64(v, &d) && d == 0.25);
	assert_true(sf_value_get(root, "ready", &v) && sf_value_as_bool(v, &b) && b);
	assert_false(sf_value_as_f64(v, &d));
	static const char *const none[] = { ".", "ctx.", ".ctx", "ctx..weight", "ctx.weight.value.", "nope", "far_task.pid" };

	for (size_t n = 0; n < ARRAY_SIZE(none); n++)
		assert_false(sf_value_get(root, none[n], &w));
	/* Pointers are looked through on the way, not at the end. */
	assert_true(sf_value_get(root, "task.pid", &v) && sf_value_as_i64(v, &i) && i == 1234);
	assert_true(sf_value_get(root, "task", &v));
	assert_int_equal(sf_value_kind(v), SF_PTR);
	assert_true(sf_value_deref(v, &w, &why));
	assert_null(why);
	assert_int_equal(sf_value_kind(w), SF_STRUCT);
	assert_true(sf_value_get(root, "far_task", &v));
	assert_false(sf_value_deref(v, &w, &why));
	assert_contains(why, "not kept");
	assert_true(sf_value_get(root, "fwd", &v));
	assert_false(sf_value_deref(v, &w, &why));
	assert_contains(why, "declared");
	assert_true(sf_value_get(root, "null_task", &v));
	assert_false(sf_value_deref(v, &w, &why));
	assert_null(why);
	assert_true(sf_value_get(root, "mask", &v));
	assert_true(sf_value_deref(v, &w, NULL));
	assert_int_equal(sf_value_kind(w), SF_CPU_LIST);
}

/* ---- how long an error lives ------------------------------------------------------------------------------ */

static void an_error_lasts_for_64_more(void **state)
{
	struct bench *t = *state;
	struct sf_field first = bss(t, "first.one");
	char path[32];

	assert_string_equal(payload(sf_field_error(first), SF_FIELD_NOT_FOUND)->component, "first");
	for (int i = 0; i < 63; i++) {
		snprintf(path, sizeof(path), "no%d", i);
		struct sf_field f = bss(t, path);

		assert_string_equal(payload(sf_field_error(f), SF_FIELD_NOT_FOUND)->component, path);
	}
	assert_string_equal(payload(sf_field_error(first), SF_FIELD_NOT_FOUND)->component, "first");
	/* The 65th takes its place: what kind it was is still known, what it was about is not. */
	struct sf_field last = bss(t, "last");
	struct sf_error *gone = sf_field_error(first);

	assert_int_equal(sf_error_code(gone), SF_FIELD_NOT_FOUND);
	assert_true(!sf_error_payload(gone)->component || !*sf_error_payload(gone)->component);
	assert_contains(sf_error_message(gone), "gone");
	assert_string_equal(payload(sf_field_error(last), SF_FIELD_NOT_FOUND)->component, "last");
	assert_false(sf_field_is_present(first));
	uint64_t v;

	assert_int_equal(sf_error_code(sf_field_as_u64(first, &v)), SF_FIELD_NOT_FOUND);
	assert_int_equal(sf_error_code(sf_field_as_u64(sf_field_get(first, "more"), &v)), SF_FIELD_NOT_FOUND);
}

static void a_copy_outlives_everything(void **state)
{
	struct bench *t = *state;
	char path[2000];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	SF_OWNED(error) copy = sf_error_copy(sf_field_error(bss(t, "ctx.weight.oops")));
	SF_OWNED(error) longer = sf_error_copy(sf_field_error(bss(t, path)));
	SF_OWNED(error) same = sf_error_copy(sf_field_error(bss(t, "ctx.weight.oops")));

	sf_error_free(sf_field_error(bss(t, "ctx.weight.oops"))); /* borrowed: nothing happens */
	memset(path, 'q', 100);
	sf_snapshot_free(t->snap);
	sf_frame_unref(t->frame);
	fake_free(t->g);
	t->snap = NULL;
	t->frame = NULL;
	t->g = NULL;
	assert_string_equal(payload(copy, SF_FIELD_NOT_FOUND)->component, "oops");
	assert_true(lists(&sf_error_payload(copy)->available, "value"));
	assert_contains(sf_error_message(copy), "oops");
	assert_int_equal(strlen(payload(longer, SF_FIELD_NOT_FOUND)->requested), sizeof(path) - 1);
	assert_true(sf_error_payload(longer)->requested[0] == 'p');
	assert_true(sf_error_equal(copy, same));
	assert_int_equal(sf_error_hash(copy), sf_error_hash(same));
	assert_false(sf_error_equal(copy, longer));
	/* Through JSON it is the same error. */
	_cleanup_free_ char *json = sf_error_to_json(copy);
	SF_OWNED(error) read = NULL;

	assert_ok(sf_error_from_json(json, strlen(json), &read));
	assert_true(sf_error_equal(copy, read));
}

static void snapshots_of_one_frame_do_not_share_errors(void **state)
{
	struct bench *t = *state;
	SF_OWNED(snapshot) other = NULL;
	struct sf_field f = bss(t, "mine");

	assert_ok(sf_snapshot_new(t->frame, &other));
	for (int i = 0; i < 200; i++)
		sf_field_error(sf_view_var(sf_snapshot_view(other), "theirs"));
	assert_string_equal(payload(sf_field_error(f), SF_FIELD_NOT_FOUND)->component, "mine");
	/* A frame lives as long as a snapshot of it. */
	sf_frame_unref(t->frame);
	t->frame = NULL;
	assert_int_equal(sf_field_u64_or(sf_view_var(t->view, "nr_dispatched"), 0), 42);
}

/* A value of other length than its type, which only a torn map could have. */
static void a_value_that_is_cut(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = NULL;
	SF_OWNED(snapshot) snap = NULL;
	struct sf_value root, v;
	uint64_t u = 0;

	fake_u32(t->g, t->s.latency + FK_MAP_VALUE_SIZE, 10);
	f = fake_capture(t->g, "cut");
	assert_ok(sf_snapshot_new(f, &snap));
	struct sf_entry e = sf_map_at(sf_view_map(sf_snapshot_view(snap), "latency"), 1);

	/* Paths do not look into what is cut; raw values do. */
	assert_string_equal(payload(sf_field_error(sf_entry_get(e, "value")), SF_NOT_A_STRUCT)->kind, "Truncated");
	assert_true(sf_field_raw(sf_entry_get(e, ""), &root));
	assert_true(sf_value_get(root, "value", &v) && sf_value_as_u64(v, &u));
	assert_int_equal(u, 100);
	assert_true(sf_value_get(root, "cpu", &v));
	assert_int_equal(sf_value_kind(v), SF_TRUNCATED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(globals_by_their_names),
		TEST(globals_of_sections_with_other_names),
		TEST(paths_lead_into_values),
		TEST(values_that_cross_pages),
		TEST(maps_and_their_entries),
		TEST(long_and_odd_names),
		TEST(a_map_that_is_not_there),
		TEST(a_variable_that_is_not_there),
		TEST(a_variable_that_two_objects_have),
		TEST(a_member_that_is_not_there),
		TEST(what_is_no_struct),
		TEST(another_type_than_was_asked_for),
		TEST(positions_that_are_out_of_range),
		TEST(paths_that_are_none),
		TEST(a_pointer_out_of_the_frame),
		TEST(a_map_type_that_is_not_read),
		cmocka_unit_test_setup_teardown(types_that_cannot_be_read, make_broken, drop),
		TEST(a_map_without_types_is_bytes),
		TEST(keys),
		cmocka_unit_test(a_placeholder_has_only_its_reason),
		TEST(trying_makes_no_error),
		TEST(raw_values),
		TEST(an_error_lasts_for_64_more),
		TEST(a_copy_outlives_everything),
		TEST(snapshots_of_one_frame_do_not_share_errors),
		TEST(a_value_that_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

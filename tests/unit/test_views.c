/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: which globals and maps they show, which scheduler is active, and what is said where that cannot be told. The
 * frames are reports written by hand.
 */

#include "check.h"

#include "stillframe/snapshot.h"

/* ---- reports ---------------------------------------------------------------------------------------------------- */

#define UINT(name, v) "{\"name\":\"" name "\",\"value\":{\"kind\":\"uint\",\"bits\":64,\"value\":" #v "}}"
#define SECTION(name, kva, members)                                                                \
	"{\"name\":\"" name "\",\"map_kva\":" #kva ",\"map_type\":2,\"value_size\":8,\"max_entries\":1,"     \
	"\"value\":{\"kind\":\"struct\",\"members\":[" members "]}}"
#define BROKEN(name, kva) "{\"name\":\"" name "\",\"map_kva\":" #kva ",\"map_type\":2,\"error\":\"no types\"}"
#define PLAIN(name, kva) "{\"name\":\"" name "\",\"map_kva\":" #kva ",\"map_type\":1,\"value_size\":8,\"max_entries\":4,\"entries\":[]}"
#define REPORT(more, maps) "{\"schema\":\"single\"" more ",\"maps\":[" maps "]}"
#define ACTIVE(obj, kvas) ",\"active_obj_name\":\"" obj "\",\"active_map_kvas\":[" kvas "]"

struct scene {
	struct sf_snapshot *snap;
	struct sf_view view;
};

static struct scene scene(const char *json)
{
	SF_OWNED(frame) frame = NULL;
	struct scene s;

	assert_ok(sf_frame_from_json(json, strlen(json), &frame));
	assert_ok(sf_snapshot_new(frame, &s.snap));
	s.view = sf_snapshot_view(s.snap);
	return s;
}

static void end(struct scene *s)
{
	sf_snapshot_free(s->snap);
}

static uint64_t number(struct sf_field f)
{
	uint64_t v = 0;

	assert_ok(sf_field_as_u64(f, &v));
	return v;
}

/* The payload of a field's error, which has to be @code. */
static const struct sf_error_payload *failed(struct sf_field f, enum sf_code code)
{
	struct sf_error *err = sf_field_error(f);

	assert_int_equal(sf_error_code(err), code);
	return sf_error_payload(err);
}

static void assert_names(struct sf_strv names, const char *joined)
{
	char text[512] = "";

	for (size_t i = 0; i < names.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, names.v[i]);
	}
	assert_string_equal(text, joined);
}

static void assert_words(struct sf_error *err, const char *words)
{
	if (!strstr(sf_error_message(err), words))
		fail_msg("\"%s\" does not say \"%s\"", sf_error_message(err), words);
}

static ssize_t never(const struct sf_candidate *c, size_t n, void *arg)
{
	(void)c;
	(void)n;
	*(bool *)arg = true;
	return 0;
}

static ssize_t never_row(const struct sf_candidate_row *c, size_t n, void *arg)
{
	(void)c;
	(void)n;
	*(bool *)arg = true;
	return 0;
}

static ssize_t pick(const struct sf_candidate *c, size_t n, void *arg)
{
	(void)c;
	(void)n;
	return *(ssize_t *)arg;
}

static ssize_t pick_row(const struct sf_candidate_row *c, size_t n, void *arg)
{
	(void)c;
	(void)n;
	return *(ssize_t *)arg;
}

/* ---- globals ---------------------------------------------------------------------------------------------------- */

static void edge_18_a_variables_name_is_not_split(void **state)
{
	struct scene s = scene(REPORT("", SECTION("o.bss", 1, "{\"name\":\"ctx\",\"value\":{\"kind\":\"struct\","
						  "\"members\":[" UINT("weight", 7) "]}}")));

	(void)state;
	failed(sf_view_var(s.view, "ctx.weight"), SF_VAR_NOT_FOUND);
	assert_int_equal(number(sf_field_get(sf_view_var(s.view, "ctx"), "weight")), 7);
	end(&s);
}

static void edge_19_two_objects_with_one_name(void **state)
{
	struct scene s = scene(REPORT("", SECTION("a.bss", 1, UINT("x", 1)) "," PLAIN("tasks", 3) ","
				      SECTION("b.bss", 2, UINT("x", 2)) "," SECTION("b.data", 4, UINT("y", 9))));
	const struct sf_error_payload *p = failed(sf_view_var(s.view, "x"), SF_AMBIGUOUS_VAR);
	struct sf_error *err;

	(void)state;
	assert_names(p->found_in, "a.bss b.bss");
	assert_string_equal(p->requested, "x");
	assert_int_equal(number(sf_entry_get(sf_map_at(sf_view_map(s.view, "b.bss"), 0), "x")), 2);
	assert_int_equal(number(sf_view_var(s.view, "y")), 9);
	err = sf_view_error(sf_view_active(s.view));
	assert_int_equal(sf_error_code(err), SF_NO_ACTIVE_SCHEDULER);
	assert_words(err, "2 objects");
	assert_words(err, "a, b");
	assert_int_equal(sf_view_map_count(s.view), 4);
	end(&s);
}

static void edge_20_one_object_with_a_name_twice(void **state)
{
	struct scene s = scene(REPORT("", SECTION("o.bss", 1, UINT("x", 1)) "," SECTION("o.data", 2, UINT("x", 2))));

	(void)state;
	assert_null(sf_view_error(sf_view_active(s.view)));
	assert_names(failed(sf_view_var(s.view, "x"), SF_AMBIGUOUS_VAR)->found_in, "o.bss o.data");
	end(&s);
}

/* ---- which is active ---------------------------------------------------------------------------------------------- */

static void copies(const char *section, const char *with, const char *without, const char *named)
{
	struct scene s = scene(with);
	struct sf_error *err;
	char words[64];

	assert_int_equal(number(sf_view_var(s.view, "x")), 2);
	assert_int_equal(number(sf_view_live_var(s.view, "x")), 2);
	assert_int_equal(sf_view_map_count(sf_view_active(s.view)), 1);
	end(&s);
	for (int i = 0; i < 2; i++) {
		s = scene(i ? named : without);
		err = sf_field_error(sf_view_live_var(s.view, "x"));
		assert_int_equal(sf_error_code(err), SF_NO_ACTIVE_SCHEDULER);
		snprintf(words, sizeof(words), "o.%s × 2", section);
		assert_words(err, words);
		assert_words(err, "max_by_sum_u64");
		assert_words(err, "max_by_counter_value");
		failed(sf_view_var(s.view, "x"), SF_AMBIGUOUS_VAR);
		end(&s);
	}
}

#define COPIES(section) copies(section,                                                            \
	REPORT(ACTIVE("o", "20,30"), SECTION("o." section, 10, UINT("x", 1)) "," SECTION("o." section, 20, UINT("x", 2))), \
	REPORT("", SECTION("o." section, 10, UINT("x", 1)) "," SECTION("o." section, 20, UINT("x", 2))), \
	REPORT(ACTIVE("o", ""), SECTION("o." section, 10, UINT("x", 1)) "," SECTION("o." section, 20, UINT("x", 2))))

static void edge_21_the_copy_that_the_programs_use(void **state)
{
	(void)state;
	COPIES("bss");
	COPIES("data");
	COPIES("rodata");
}

static void a_name_that_no_map_has_is_not_the_active_one(void **state)
{
	struct scene s = scene(REPORT(ACTIVE("gone", "77"), SECTION("o.bss", 10, UINT("x", 1))));

	(void)state;
	/* One object is left, and addresses of another's maps say nothing of it. */
	assert_int_equal(number(sf_view_live_var(s.view, "x")), 1);
	end(&s);
	s = scene(REPORT("", PLAIN("tasks", 3)));
	assert_words(sf_view_error(sf_view_active(s.view)), "no map of globals");
	end(&s);
}

/* However their maps are mixed, an object is one, and it stands where its first map does. */
static void edge_21_objects_are_counted_in_any_order(void **state)
{
	struct scene s = scene(REPORT("", SECTION("zz.bss", 1, UINT("x", 1)) "," SECTION("b.bss", 2, UINT("x", 1)) ","
				      SECTION("zz.data", 3, UINT("x", 1)) "," SECTION("a.bss", 4, UINT("x", 1)) ","
				      SECTION("b.bss", 5, UINT("x", 1))));

	(void)state;
	assert_words(sf_view_error(sf_view_active(s.view)), "3 objects have globals (zz, b, a)");
	end(&s);
	s = scene(REPORT(ACTIVE("b", ""), SECTION("b.bss", 1, UINT("x", 1)) "," SECTION("a.bss", 2, UINT("x", 1)) ","
			 SECTION("b.data", 3, UINT("x", 1)) "," SECTION("b.bss", 4, UINT("x", 1))));
	assert_words(sf_view_error(sf_view_active(s.view)), "b.bss × 2)");
	end(&s);
	/* Of addresses that come in no order each is found. */
	s = scene(REPORT(ACTIVE("o", "9,3,7"), SECTION("o.bss", 3, UINT("x", 1)) "," SECTION("o.data", 8, UINT("x", 2)) ","
			 SECTION("o.rodata", 9, UINT("y", 3)) "," SECTION("o.bss", 0, UINT("x", 4))));
	assert_int_equal(sf_view_map_count(sf_view_active(s.view)), 2);
	assert_int_equal(number(sf_view_live_var(s.view, "x")), 1);
	assert_int_equal(number(sf_view_live_var(s.view, "y")), 3);
	end(&s);
}

static void edge_22_nothing_of_the_active_object_is_in_its_own_set(void **state)
{
	struct scene s = scene(REPORT(ACTIVE("o", "99"), SECTION("o.bss", 10, UINT("a", 1) "," UINT("b", 1)) ","
				      SECTION("p.bss", 99, UINT("c", 1))));
	struct sf_view active = sf_view_active(s.view);
	const char *names[] = { "a", "b" };
	struct sf_field fields[2];
	bool called = false;

	(void)state;
	assert_null(sf_view_error(active));
	assert_string_equal(failed(sf_view_var(active, "a"), SF_ACTIVE_FILTER_EXCLUDED_MAPS)->active_obj, "o");
	failed(sf_view_live_var(s.view, "a"), SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	failed(sf_view_live_var_via(active, "a", never, &called), SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	assert_int_equal(sf_error_code(sf_map_error(sf_view_map(active, "o.bss"))), SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	struct sf_error *err = sf_view_live_vars_via(active, names, 2, never_row, &called, fields);

	assert_int_equal(sf_error_code(err), SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	assert_string_equal(sf_error_payload(err)->requested, "[a, b]");
	assert_false(called);
	end(&s);
	/* One that is shown is enough for an ordinary answer. */
	s = scene(REPORT(ACTIVE("o", "10"), SECTION("o.bss", 10, UINT("a", 1)) "," SECTION("o.data", 11, UINT("b", 1))));
	assert_names(failed(sf_view_live_var(s.view, "b"), SF_VAR_NOT_FOUND)->available, "a");
	end(&s);
}

static void excluded(const char *json, const char *cause)
{
	struct scene s = scene(json);
	struct sf_error *err = sf_field_error(sf_view_live_var(s.view, "a"));

	assert_int_equal(sf_error_code(err), SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	assert_words(err, cause);
	assert_words(err, "0x63");
	assert_words(err, "o.bss@0x");
	end(&s);
}

static void edge_23_why_they_were_left_out(void **state)
{
	(void)state;
	excluded(REPORT(ACTIVE("o", "99"), SECTION("o.bss", 10, UINT("a", 1))), "predates the last");
	excluded(REPORT(ACTIVE("o", "99"), SECTION("o.bss", 0, UINT("a", 1))), "no addresses");
	excluded(REPORT(ACTIVE("o", "99"), SECTION("o.bss", 0, UINT("a", 1)) "," SECTION("o.data", 5, UINT("b", 1))),
		 "re-run");
}

static void edge_24_an_address_of_zero_is_in_no_set(void **state)
{
	struct scene s = scene(REPORT(ACTIVE("o", "0,10"), SECTION("o.bss", 0, UINT("x", 1)) ","
				      SECTION("o.data", 10, UINT("y", 1))));
	struct sf_view active = sf_view_active(s.view);

	(void)state;
	assert_int_equal(sf_view_map_count(active), 1);
	failed(sf_view_var(active, "x"), SF_VAR_NOT_FOUND);
	assert_int_equal(number(sf_view_var(active, "y")), 1);
	end(&s);
}

static void edge_25_a_placeholder_says_so_everywhere(void **state)
{
	SF_OWNED(frame) frame = sf_frame_placeholder("t", "the guest did not stop");
	SF_OWNED(snapshot) snap = NULL;
	const char *names[] = { "x" };
	struct sf_field fields[1];
	bool called = false;
	struct sf_candidate c;

	(void)state;
	assert_ok(sf_snapshot_new(frame, &snap));
	struct sf_view v = sf_snapshot_view(snap);
	struct sf_iter it = sf_view_vars(v, "x");

	assert_null(failed(sf_view_var(v, "x"), SF_PLACEHOLDER_SNAPSHOT)->tag);
	assert_int_equal(sf_error_code(sf_map_error(sf_view_map(v, "m"))), SF_PLACEHOLDER_SNAPSHOT);
	assert_int_equal(sf_error_code(sf_view_error(sf_view_active(v))), SF_PLACEHOLDER_SNAPSHOT);
	failed(sf_view_live_var(v, "x"), SF_PLACEHOLDER_SNAPSHOT);
	failed(sf_view_live_var_via(v, "x", never, &called), SF_PLACEHOLDER_SNAPSHOT);
	assert_int_equal(sf_error_code(sf_view_live_vars_via(v, names, 1, never_row, &called, fields)),
			 SF_PLACEHOLDER_SNAPSHOT);
	assert_false(sf_var_next(&it, &c));
	assert_false(called);
}

static void edge_26_a_section_without_values(void **state)
{
	struct scene s = scene(REPORT("", BROKEN("o.bss", 1) "," SECTION("o.data", 2, UINT("y", 3))));
	const struct sf_error_payload *p = failed(sf_view_var(s.view, "x"), SF_MAP_RENDER_INCOMPLETE);

	(void)state;
	assert_string_equal(p->map, "o.bss");
	assert_int_equal(number(sf_view_var(s.view, "y")), 3);
	end(&s);
}

/* ---- the caller chooses --------------------------------------------------------------------------------------------- */

/* As they are written where the types of a section could not be read: bytes, and why. */
static void edge_26_a_section_of_bytes(void **state)
{
	struct scene s = scene(REPORT("", SECTION("o.bss", 1, UINT("x", 1)) ","
				      "{\"name\":\"o.data\",\"map_type\":2,\"error\":\"no types\",\"value\":{\"kind\":\"bytes\","
				      "\"hex\":\"01 02\"}}"));

	(void)state;
	assert_string_equal(failed(sf_view_var(s.view, "nope"), SF_MAP_RENDER_INCOMPLETE)->map, "o.data");
	assert_int_equal(number(sf_view_var(s.view, "x")), 1);
	end(&s);
}

static void edge_27_what_is_listed(void **state)
{
	struct scene s = scene(REPORT("", SECTION("b.bss", 1, UINT("z", 1) "," UINT("a", 1)) "," PLAIN("t", 9) ","
				      SECTION("a.bss", 2, UINT("z", 1))));
	const char *names[] = { "nope", "z" };
	struct sf_field fields[2];
	bool called = false;
	struct sf_error *err;

	(void)state;
	assert_names(failed(sf_view_var(s.view, "nope"), SF_VAR_NOT_FOUND)->available, "a z");
	assert_names(failed(sf_view_live_var_via(s.view, "nope", never, &called), SF_VAR_NOT_FOUND)->available,
		     "b.bss a.bss");
	err = sf_view_live_vars_via(s.view, names, 2, never_row, &called, fields);
	assert_int_equal(sf_error_code(err), SF_VAR_NOT_FOUND);
	assert_names(sf_error_payload(err)->available, "b.bss a.bss");
	assert_string_equal(sf_error_payload(err)->requested, "[nope, z]");
	assert_false(called);
	end(&s);
}

static void edge_28_rows(void **state)
{
	struct scene s = scene(REPORT("", SECTION("a.bss", 1, UINT("x", 1)) ","
				      SECTION("b.bss", 2, UINT("y", 20) "," UINT("x", 10)) ","
				      SECTION("c.bss", 3, UINT("x", 5) "," UINT("y", 7))));
	const char *names[] = { "x", "y", "x" };
	struct sf_field f[3] = { 0 }, untouched[3] = { 0 };
	ssize_t index = 2;
	struct sf_error *err;

	(void)state;
	assert_null(sf_view_live_vars_via(s.view, names, 3, sf_pick_max_by_sum_u64, NULL, f));
	assert_int_equal(number(f[0]), 10);
	assert_int_equal(number(f[1]), 20);
	assert_int_equal(number(f[2]), 10);
	memset(f, 0, sizeof(f));
	err = sf_view_live_vars_via(s.view, names, 2, pick_row, &index, f);
	assert_int_equal(sf_error_code(err), SF_PROJECTION_FAILED);
	assert_words(err, "candidate 2 of 2");
	assert_memory_equal(f, untouched, sizeof(f));
	index = -1;
	assert_words(sf_view_live_vars_via(s.view, names, 2, pick_row, &index, f), "none of 2");
	err = sf_view_live_vars_via(s.view, names, 0, pick_row, &index, f);
	assert_int_equal(sf_error_code(err), SF_PROJECTION_FAILED);
	index = 7;
	assert_words(sf_field_error(sf_view_live_var_via(s.view, "x", pick, &index)), "candidate 7 of 3 for x");
	index = 1;
	assert_int_equal(number(sf_view_live_var_via(s.view, "x", pick, &index)), 10);
	index = -1;
	failed(sf_view_live_var_via(s.view, "x", pick, &index), SF_PROJECTION_FAILED);
	assert_int_equal(number(sf_view_live_var_via(s.view, "x", sf_pick_max_by_counter_value, NULL)), 10);
	end(&s);
}

static void edge_34_of_equal_candidates_pickers_take_the_last(void **state)
{
	struct scene s = scene(REPORT("", SECTION("a.bss", 1, UINT("x", 4)) "," SECTION("b.bss", 2, UINT("x", 4)) ","
				      SECTION("c.bss", 3, "{\"name\":\"x\",\"value\":{\"kind\":\"float\",\"bits\":64,\"value\":9.5}}")));
	struct sf_iter it = sf_view_vars(s.view, "x");
	struct sf_candidate c[3];
	struct sf_candidate_row rows[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(sf_var_next(&it, &c[i]));
		rows[i] = (struct sf_candidate_row){ .map = c[i].map, .fields = &c[i].field, .n_fields = 1 };
	}
	assert_false(sf_var_next(&it, &c[0]));
	assert_string_equal(c[1].map, "b.bss");
	assert_int_equal(c[1].map_kva, 2);
	assert_int_equal(sf_pick_max_by_counter_value(c, 3, NULL), 1);
	assert_int_equal(sf_pick_max_by_sum_u64(rows, 3, NULL), 1);
	assert_int_equal(sf_pick_max_by_counter_value(c, 0, NULL), -1);
	assert_int_equal(sf_pick_max_by_counter_value(c + 2, 1, NULL), -1);
	assert_int_equal(sf_pick_max_by_sum_u64(rows + 2, 1, NULL), -1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_18_a_variables_name_is_not_split),
		cmocka_unit_test(edge_19_two_objects_with_one_name),
		cmocka_unit_test(edge_20_one_object_with_a_name_twice),
		cmocka_unit_test(edge_21_the_copy_that_the_programs_use),
		cmocka_unit_test(a_name_that_no_map_has_is_not_the_active_one),
		cmocka_unit_test(edge_21_objects_are_counted_in_any_order),
		cmocka_unit_test(edge_22_nothing_of_the_active_object_is_in_its_own_set),
		cmocka_unit_test(edge_23_why_they_were_left_out),
		cmocka_unit_test(edge_24_an_address_of_zero_is_in_no_set),
		cmocka_unit_test(edge_25_a_placeholder_says_so_everywhere),
		cmocka_unit_test(edge_26_a_section_without_values),
		cmocka_unit_test(edge_26_a_section_of_bytes),
		cmocka_unit_test(edge_27_what_is_listed),
		cmocka_unit_test(edge_28_rows),
		cmocka_unit_test(edge_34_of_equal_candidates_pickers_take_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

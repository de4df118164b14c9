/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions that come to nothing: what is said, where, and what was there; and what decided those that hold or do not. */
#include "check.h"

#include <inttypes.h>

#include "expr_bench.h"
#include "snapshot/expr.h"
#include "snapshot/snapshot.h"

/* ---- allocations, counted --------------------------------------------------------------------------------------- */

#ifdef __has_feature
#define HAS_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

static size_t n_allocated;

#if !HAS_SANITIZER
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	n_allocated++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocated++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	n_allocated++;
	return __libc_realloc(p, size);
}
#endif

static struct sf_error *evaluate(struct bench *b, const char *text)
{
	struct sf_expr_value v = { .size = sizeof(v) };
	SF_OWNED(expr) x = NULL;

	assert_ok(sf_expr_new(text, &x));
	return sf_view_eval(b->view, x, &v);
}

struct wrong {
	const char *text;
	enum sf_code code;
	uint64_t column;
	const char *says;
};

static void check_wrong(struct bench *b, const struct wrong *rows, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		SF_OWNED(error) err = evaluate(b, rows[i].text);
		const char *message = err ? sf_error_message(err) : "fine";
		const struct sf_error_payload *p = err ? sf_error_payload(err) : NULL;

		if (getenv("SHOW"))
			fprintf(stderr, "%-34s %s\n", rows[i].text, message);
		if (!err && rows[i].code == SF_OK)
			continue;
		if (!p || p->code != rows[i].code || p->column != rows[i].column || !strstr(message, rows[i].says)) {
			print_error("%s: %s: %s\n", rows[i].text, sf_error_code_name(sf_error_code(err)), message);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

#define CHECK_WRONG(bench, ...)                                                                    \
	do {                                                                                       \
		static const struct wrong rows_[] = { __VA_ARGS__ };                               \
		check_wrong(bench, rows_, ARRAY_SIZE(rows_));                                      \
	} while (0)

/* ---- what is not there ------------------------------------------------------------------------------------------- */

static void a_name_that_is_not_there_has_its_column_and_its_neighbours(void **state)
{
	CHECK_WRONG(*state,
		{ "var(nr_dispatchd) > 0", SF_VAR_NOT_FOUND, 5, "did you mean 'nr_dispatched'?" },
		{ "0 < var( \"nope\" )", SF_VAR_NOT_FOUND, 10, "available: " }, { "vars(nope)", SF_VAR_NOT_FOUND, 6, "available: " },
		{ "count(vars(nope)) == 0", SF_VAR_NOT_FOUND, 12, "available: " },
		{ "map(hsh)[0]", SF_MAP_NOT_FOUND, 5, "did you mean 'hash'?" }, { "count(map(nope))", SF_MAP_NOT_FOUND, 11, "captured maps: " },
		{ "map(id 999)[0]", SF_USAGE, 5, "no map has the id 999; there are 1, 2, 3" },
		{ "var(ctx).wieght.value", SF_FIELD_NOT_FOUND, 10, "did you mean 'weight'?" },
		{ "var(ctx).weight.valu", SF_FIELD_NOT_FOUND, 17, "no member 'valu' after 'weight'" },
		{ "var(ctx).cpus[3]", SF_INDEX_OUT_OF_RANGE, 14, "the length is 3" }, { "var(hist)[8]", SF_INDEX_OUT_OF_RANGE, 10, "8 (0 to 7)" },
		{ "var(hist).x", SF_NOT_A_STRUCT, 11, "not a struct but Array" }, { "var(nr_dispatched)[0]", SF_NOT_A_STRUCT, 19, "Uint" },
		{ "var(null_task).pid", SF_NOT_A_STRUCT, 16, "Ptr" },
		{ "map(latency)[5]", SF_INDEX_OUT_OF_RANGE, 13, "the length is 5" }, { "map(hash)[1].nod", SF_FIELD_NOT_FOUND, 14, "'node'" },
		{ "map(hash){nod == 1}", SF_FIELD_NOT_FOUND, 11, "did you mean 'node'?" },
		{ "map(hash){stats.nise == 1}", SF_FIELD_NOT_FOUND, 17, "did you mean 'nice'?" },
		{ "map(chained){key.idd == 1}", SF_FIELD_NOT_FOUND, 18, "did you mean 'id'?" },
		{ "map(chained).key({\"id\": 1, \"zone\": 3})", SF_NO_MATCH, 14, "matched none of 12" },
		{ "map(chained).key({\"idd\": 1})", SF_FIELD_NOT_FOUND, 19, "did you mean 'id'?" },
		{ "count(map(hash){value.x == 1})", SF_FIELD_NOT_FOUND, 23, "members there: runtime" },
		{ "map(events)[0]", SF_MAP_RENDER_INCOMPLETE, 1, "ring buffer" }, { "count(map(events)) == 0", SF_MAP_RENDER_INCOMPLETE, 7, "events" },
		{ "map(a_very_long_nam_)", SF_OK, 0, "fine" },
	);
}

static void no_match_shows_keys(void **state)
{
	struct bench *b = *state;
	SF_OWNED(error) err = evaluate(b, "1 == map(hash){node == 77}.node");
	const struct sf_error_payload *p = sf_error_payload(err);

	assert_int_equal(sf_error_code(err), SF_NO_MATCH);
	assert_int_equal(p->column, 15);
	assert_string_equal(p->map, "hash");
	assert_string_equal(p->op, "find");
	assert_int_equal(p->len, 5);
	assert_int_equal(p->available_keys.n, 3);
	CHECK_WRONG(*state,
		{ "map(latency).key(7)", SF_NO_MATCH, 14, "keys there: 0, 1, 2, … 2 more" },
		{ "map(task_ctx){owner.pid == 7}", SF_NO_MATCH, 14, "pid 100" }, { "map(cgrp_ctx){owner.id == 7}", SF_NO_MATCH, 14, "/demo.slice" },
		{ "map(chained){value == 7}", SF_NO_MATCH, 13, "key{id=" },
		{ "sum(map(hash){node == 77}.node)", SF_NO_MATCH, 14, "sum matched none of 5" },
		{ "max(map(hash){node == 0}.parent.pid)", SF_PROJECTION_FAILED, 1, "max() of nothing" },
	);
}

static void one_of_many_has_to_be_chosen(void **state)
{
	CHECK_WRONG(*state,
		{ "map(hash).node", SF_USAGE, 1, "hash has more than one entry: [N], {…} or .key(…)" }, { "map(hash) > 1", SF_USAGE, 1, "more than one entry" },
		{ "vars(shared) > 0", SF_TYPE_MISMATCH, 1, "of which count(), sum(), min() and max() make one" },
		{ "map(cpu_counts)@*[1] == 11", SF_TYPE_MISMATCH, 16, "one for each CPU" },
		{ "map(cpu_counts)[1]", SF_PER_CPU_NOT_NARROWED, 1, "map(NAME)@0 is that of CPU 0, sum(), min() and max() are of all" },
		{ "map(cpu_hash){node == 1}@0", SF_NO_MATCH, 14, "matched none of 3" },
		{ "sum(map(cpu_hash){node == 1}.node)", SF_PER_CPU_NOT_NARROWED, 19, "one value per CPU" },
		{ "map(cpu_counts)@4[1]", SF_PER_CPU_SLOT, 16, "beyond the list, which has 4 CPUs" },
		{ "1 + map(cpu_counts)@3[1]", SF_PER_CPU_SLOT, 20, "CPU 3 (of 4) has no value" },
		{ "map(latency)@1[1]", SF_TYPE_MISMATCH, 13, "a map with a value for each CPU, to go with @, found array" },
	);
}

static void what_does_not_go_together_is_said(void **state)
{
	CHECK_WRONG(*state,
		{ "var(mode) == \"MODE_SLOW\"", SF_TYPE_MISMATCH, 14, "enum mode: MODE_OFF, MODE_FAST, found \"MODE_SLOW\"" },
		{ "count(map(hash){state == \"RUNING\"})", SF_TYPE_MISMATCH, 26, "IDLE, RUNNING, BLOCKED" },
		{ "var(ctx) == 1", SF_TYPE_MISMATCH, 1, "expected a number, found Struct" }, { "1 < var(hist)", SF_TYPE_MISMATCH, 5, "Array" },
		{ "var(nr_dispatched) == \"x\"", SF_TYPE_MISMATCH, 1, "to go with the text, found Uint" },
		{ "var(hist) == \"x\"", SF_TYPE_MISMATCH, 1, "array of characters" }, { "1 == \"x\"", SF_TYPE_MISMATCH, 6, "found a text" },
		{ "var(name) < \"x\"", SF_TYPE_MISMATCH, 1, "only == and !=" }, { "var(ready) > false", SF_TYPE_MISMATCH, 1, "only == and !=" },
		{ "var(ratio) == true", SF_TYPE_MISMATCH, 1, "a real" }, { "!var(nr_dispatched)", SF_TYPE_MISMATCH, 2, "as a comparison is, found 42" },
		{ "true && 1", SF_TYPE_MISMATCH, 9, "found 1" }, { "map(hash){node}", SF_TYPE_MISMATCH, 11, "true or false" },
		{ "map(hash){owner.pid == 1}", SF_TYPE_MISMATCH, 11, "local storage, whose values have owners, found hash" },
		{ "map(cgrp_ctx){owner.pid == 1}", SF_FIELD_NOT_FOUND, 21, "members there: id, path, kva" },
		{ "map(demo.bss){key == 1}", SF_TYPE_MISMATCH, 15, "no key" }, { "map(latency){key.x == 1}", SF_TYPE_MISMATCH, 18, "a number" },
		{ "sum(map(latency))", SF_TYPE_MISMATCH, 5, "found Struct" }, { "-\"x\"", SF_TYPE_MISMATCH, 2, "a text" },
	);
}

/* ---- what cannot be told ------------------------------------------------------------------------------------------ */

static void memory_that_is_not_here_decides_nothing(void **state)
{
	CHECK_WRONG(*state,
		{ "var(gone_task).pid == 1", SF_PAGE_NOT_KEPT, 16, "page not kept" }, { "1 != var(gone_task).pid", SF_PAGE_NOT_KEPT, 21, "" },
		{ "true && !(var(gone_task).pid == 1)", SF_PAGE_NOT_KEPT, 26, "" },
	);
}

static void an_entry_that_nobody_can_judge_is_not_passed_over_in_silence(void **state)
{
	struct bench *b = *state;
	uint8_t v[CTX_SIZE] = { 0 };
	uint64_t elem;

	/* Of a sixth entry the task is away. */
	memcpy(v + CTX_PARENT, &(uint64_t){ 0xffff800000000000 }, 8);
	elem = fake_hash_add(b->g, b->maps.hash, &(uint32_t){ 105 }, v);
	assert_int_not_equal(elem, 0);
	capture(b);
	CHECK_WRONG(*state,
		/* What is found is found, whatever else there is. */
		{ "map(hash){parent.pid == 101}.node == 1", SF_OK, 0, "fine" },
		/* Another look at the entry decides without the task. */
		{ "map(hash){node == 77 && parent.pid == 5}", SF_NO_MATCH, 10, "matched none of 6" },
		{ "map(hash){parent.pid == 5 && node == 77}", SF_NO_MATCH, 10, "matched none of 6" },
		{ "count(map(hash){parent.pid == 5 || node >= 0}) == 6", SF_OK, 0, "fine" },
		/* It may be the one. */
		{ "map(hash){parent.pid == 5}", SF_PAGE_NOT_KEPT, 18, "page not kept" },
		{ "count(map(hash){parent.pid == 101}) == 1", SF_PAGE_NOT_KEPT, 24, "page not kept" },
		{ "sum(map(hash){parent.pid != 101}.node)", SF_PAGE_NOT_KEPT, 22, "page not kept" },
		{ "sum(map(hash).parent.pid)", SF_PAGE_NOT_KEPT, 22, "page not kept" },
	);
}

static void a_torn_map_is_not_whole(void **state)
{
	struct bench *b = *state;
	uint64_t elem = fake_hash_add(b->g, b->maps.hash, &(uint32_t){ 106 }, (const uint8_t[CTX_SIZE]){ 0 });

	fake_u64(b->g, elem + FK_ELEM_NEXT, 0xffff800000000008);
	capture(b);
	CHECK_WRONG(*state,
		{ "map(hash).key(106).runtime == 0", SF_OK, 0, "fine" },
		{ "map(hash).key(7)", SF_TORN_LIST, 1, "1 chain was cut" }, { "count(map(hash)) > 1", SF_TORN_LIST, 7, "1 chain was cut" },
		{ "sum(map(hash).node) > 1", SF_TORN_LIST, 5, "torn list" }, { "count(map(hash){node == 77}) == 0", SF_TORN_LIST, 7, "torn" },
		{ "count(map(lru)) == 3", SF_OK, 0, "fine" },
	);
}

static void a_placeholder_answers_nothing(void **state)
{
	struct bench b = { .frame = sf_frame_placeholder("x", "the guest was gone") };

	(void)state;
	assert_ok(sf_snapshot_new(b.frame, &b.snap));
	b.view = sf_snapshot_view(b.snap);
	CHECK_WRONG(&b,
		{ "var(x) == 1", SF_PLACEHOLDER_SNAPSHOT, 5, "the guest was gone" }, { "vars(x)", SF_PLACEHOLDER_SNAPSHOT, 6, "the guest was gone" },
		{ "1 == map(x)[0]", SF_PLACEHOLDER_SNAPSHOT, 10, "the guest was gone" }, { "map(id 1)", SF_PLACEHOLDER_SNAPSHOT, 5, "the guest was gone" },
		{ "count(map(x)) == 0", SF_PLACEHOLDER_SNAPSHOT, 11, "the guest was gone" },
	);
	sf_snapshot_free(b.snap);
	sf_frame_unref(b.frame);
}

static void of_two_maps_with_one_name_neither_is_taken(void **state)
{
	struct bench *b = *state;

	fake_add_map(b->g, &(struct fake_map){ .name = "hash", .id = 900, .value_size = 8 });
	capture(b);
	CHECK_WRONG(*state,
		{ "count(map(hash)) == 5", SF_USAGE, 11, "2 maps are called hash: map(id " },
		{ "count(map(id 900)) == 1", SF_OK, 0, "fine" },
	);
}

static void of_two_schedulers_variables_neither_is_taken(void **state)
{
	struct bench *b = *state;

	fake_add_prog(b->g, "other_enqueue", 27, &b->scene.other_bss, 1);
	capture(b);
	CHECK_WRONG(*state,
		{ "var(shared)", SF_AMBIGUOUS_VAR, 5, "demo.bss, other.bss; map(\"NAME\").VARIABLE names one, vars() has all" },
		{ "count(vars(shared)) == 2", SF_OK, 0, "fine" },
	);
}

/* ---- errors as others see them -------------------------------------------------------------------------------------- */

static void the_column_goes_through_json_and_copies(void **state)
{
	struct bench *b = *state;
	SF_OWNED(error) err = evaluate(b, "1 + var(nope)");
	SF_OWNED(error) other = evaluate(b, "10 + var(nope)");
	SF_OWNED(error) copy = sf_error_copy(err);
	_cleanup_free_ char *json = sf_error_to_json(err);
	SF_OWNED(error) back = NULL;

	assert_ok(sf_error_from_json(json, strlen(json), &back));
	assert_true(sf_error_equal(err, back));
	assert_true(sf_error_equal(err, copy));
	assert_false(sf_error_equal(err, other));
	assert_int_equal(sf_error_payload(back)->column, 9);
	assert_string_equal(sf_error_message(back), sf_error_message(err));
}

static void errors_outlive_the_expression(void **state)
{
	struct bench *b = *state;
	struct sf_error *err = sf_view_check(b->view, "map(hash).key(7).node == 1");

	assert_contains(sf_error_message(err), "matched none");
	sf_error_free(err);
	err = sf_view_check(b->view, "var(nope)");
	assert_contains(sf_error_message(err), "column 5: no global variable 'nope'");
	sf_error_free(err);
}

/* ---- what decided --------------------------------------------------------------------------------------------------- */

static void check_decided(struct bench *b, const char *text, bool holds, const char *why)
{
	struct sf_text t = { 0 };
	SF_OWNED(expr) x = NULL;
	bool got = !holds;

	assert_ok(sf_expr_new(text, &x));
	assert_ok(sf_expr_judge(b->view, x, &got, &t));
	_cleanup_free_ char *said = sf_text_take(&t);

	assert_string_equal(said, why);
	assert_int_equal(got, holds);
}

static void the_values_of_both_sides_are_told(void **state)
{
	struct bench *b = *state;

	check_decided(b, "var(nr_dispatched) > 100", false, "it is 42");
	check_decided(b, "100 > var(nr_dispatched)", true, "it is 42");
	check_decided(b, "var(balance) == var(nr_dispatched)", false, "the left is -5, the right 42");
	check_decided(b, "1 == 2", false, "the left is 1, the right 2");
	check_decided(b, "var(mode) == \"MODE_OFF\"", false, "it is MODE_FAST (2)");
	check_decided(b, "var(name) == \"x\"", false, "it is \"scx_demo\"");
	check_decided(b, "sum(map(hash).node) / 3 == 3", true, "it is 3");
	check_decided(b, "count(map(hash){node > 1}) > 3", false, "it is 3");
	check_decided(b, "var(ready)", true, "it is true");
	check_decided(b, "!var(ready)", false, "it is true");
	check_decided(b, "!(var(balance) == -5)", false, "it is -5");
	check_decided(b, "var(balance) == -5 && var(knob) > 7 && var(nope) == 1", false, "var(knob) > 7: it is 7");
	check_decided(b, "var(balance) == -5 && var(knob) == 7", true, "var(balance) == -5: it is -5; var(knob) == 7: it is 7");
	check_decided(b, "var(balance) == 5 || (var(knob) + 1) * 2 == 16", true, "(var(knob) + 1) * 2 == 16: it is 16");
	check_decided(b, "var(balance) == 5 || var(knob) == 6", false, "var(balance) == 5: it is -5; var(knob) == 6: it is 7");
	check_decided(b, "!(var(balance) == 5 || var(ready))", false, "var(ready): it is true");
}

static void a_check_is_one_line(void **state)
{
	struct bench *b = *state;

	assert_ok(sf_view_check(b->view, "var(nr_dispatched) == 42"));
	assert_says(sf_view_check(b->view, "var(nr_dispatched) > 100"), SF_ASSERTION, "var(nr_dispatched) > 100: it is 42");
	assert_says(sf_view_check(b->view, "var(nr_dispatched) >"), SF_USAGE, "column 21");
	assert_says(sf_view_check(b->view, "var(nr_dispatched)"), SF_TYPE_MISMATCH, "true or false, as a comparison is, found 42");
	assert_says(sf_view_check(b->view, "map(hash)"), SF_USAGE, "[N]");
}

static bool stop(void *arg, const struct sf_expr_item *item)
{
	(void)item;
	return ++*(int *)arg < 2;
}

static void a_list_ends_when_its_reader_has_enough(void **state)
{
	struct bench *b = *state;
	SF_OWNED(expr) x = NULL;
	SF_OWNED(expr) y = NULL;
	int n = 0;

	assert_ok(sf_expr_new("map(cpu_counts)@*[1]", &x));
	assert_ok(sf_view_each(b->view, x, stop, &n));
	assert_int_equal(n, 2);
	assert_ok(sf_expr_new("var(knob)", &y));
	assert_says(sf_view_each(b->view, y, stop, &n), SF_USAGE, "no list");
}

/* ---- size ----------------------------------------------------------------------------------------------------------- */

static void a_filter_allocates_nothing_for_its_entries(void **state)
{
	static const char *const all[] = {
		"count(map(big){value == 7 || key.id == 99 && key.zone != 3}) == 2", "sum(map(big){value > 49997}) == 99997",
		"map(big){value == 49999 && !(key.big == true)} == 49999", "count(map(big){key.id >= var(nr_dispatched)}) > 3",
	};
	struct bench *b = *state;
	struct { uint64_t id; uint32_t zone; uint8_t big, pad[3]; } key = { 0 };
	struct fake_map m = { .name = "big", .type = SF_BPF_MAP_TYPE_HASH, .key_size = sizeof(key), .value_size = 8,
			      .max_entries = 50000, .btf = b->maps.btf };
	const struct sf_snap_map *chained;
	uint64_t map;

	/* Of the types that another map has. */
	b->frame = fake_capture(b->g, "before");
	assert_ok(sf_snapshot_new(b->frame, &b->snap));
	assert_true(sf_map_snap(sf_view_map(sf_snapshot_view(b->snap), "chained"), &chained));
	m.key_type = chained->key_type;
	m.value_type = chained->value_type;
	sf_snapshot_free(b->snap);
	sf_frame_unref(b->frame);
	map = fake_add_hash(b->g, &m);
	for (uint64_t i = 0; i < 50000; i++) {
		key.id = i;
		fake_hash_add_at(b->g, map, (uint32_t)i, &key, &i);
	}
	capture(b);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		SF_OWNED(expr) x = NULL;
		struct sf_expr_value v = { .size = sizeof(v) };
		struct sf_error *err;
		size_t before;

		assert_ok(sf_expr_new(all[i], &x));
		before = n_allocated;
		/* A sanitizer has its own malloc(): what is asked for is not counted then. */
		assert_true(before || HAS_SANITIZER);
		err = sf_view_eval(b->view, x, &v);
		before = n_allocated - before;
		assert_ok(err);
		assert_true(v.kind == SF_EXPR_BOOL && v.boolean);
		assert_in_range(before, 0, 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_that_is_not_there_has_its_column_and_its_neighbours, make_captured, drop),
		cmocka_unit_test_setup_teardown(no_match_shows_keys, make_captured, drop),
		cmocka_unit_test_setup_teardown(one_of_many_has_to_be_chosen, make_captured, drop),
		cmocka_unit_test_setup_teardown(what_does_not_go_together_is_said, make_captured, drop),
		cmocka_unit_test_setup_teardown(memory_that_is_not_here_decides_nothing, make_captured, drop),
		cmocka_unit_test_setup_teardown(an_entry_that_nobody_can_judge_is_not_passed_over_in_silence, make, drop),
		cmocka_unit_test_setup_teardown(a_torn_map_is_not_whole, make, drop),
		cmocka_unit_test(a_placeholder_answers_nothing),
		cmocka_unit_test_setup_teardown(of_two_maps_with_one_name_neither_is_taken, make, drop),
		cmocka_unit_test_setup_teardown(of_two_schedulers_variables_neither_is_taken, make, drop),
		cmocka_unit_test_setup_teardown(the_column_goes_through_json_and_copies, make_captured, drop),
		cmocka_unit_test_setup_teardown(errors_outlive_the_expression, make_captured, drop),
		cmocka_unit_test_setup_teardown(the_values_of_both_sides_are_told, make_captured, drop),
		cmocka_unit_test_setup_teardown(a_check_is_one_line, make_captured, drop),
		cmocka_unit_test_setup_teardown(a_list_ends_when_its_reader_has_enough, make_captured, drop),
		cmocka_unit_test_setup_teardown(a_filter_allocates_nothing_for_its_entries, make, drop),
	};

	return cmocka_run_group_tests_name("expr_errors", tests, NULL, NULL);
}

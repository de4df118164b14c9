/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions asked of a fake guest's frame: what they come to, and what is said where they come to nothing. */
#include "check.h"

#include <inttypes.h>

#include "expr_bench.h"
#include "snapshot/expr.h"
#include "snapshot/snapshot.h"
#include "value/node.h"

static void put_field(struct sf_text *t, struct sf_field f)
{
	struct sf_node n;
	char text[256];

	assert_true(sf_field_node(f, &n));
	sf_node_text(&n, text, sizeof(text));
	sf_text_put(t, text);
}

static bool put_item(void *arg, const struct sf_expr_item *item)
{
	struct sf_text *t = arg;

	if (item->map)
		sf_text_putf(t, "%s%s=", t->n ? " " : "", item->map);
	if (item->has_cpu)
		sf_text_putf(t, "%s%" PRIu32 "=", t->n ? " " : "", item->cpu);
	put_field(t, item->field);
	return true;
}

/* What an expression comes to, as text; of an error its code and column. free() it. */
static char *result(struct bench *b, const char *text)
{
	struct sf_expr_value v = { .size = sizeof(v) };
	_cleanup_text_ struct sf_text t = { 0 };
	struct sf_map_info info = { .size = sizeof(info) };
	SF_OWNED(expr) x = NULL;
	SF_OWNED(error) err = sf_expr_new(text, &x);

	if (!err)
		err = sf_view_eval(b->view, x, &v);
	if (err)
		return sf_asprintf("%s at %" PRIu64, sf_error_code_name(sf_error_code(err)),
				   sf_error_payload(err)->column);
	switch (v.kind) {
	case SF_EXPR_BOOL:
		sf_text_put(&t, v.boolean ? "true" : "false");
		break;
	case SF_EXPR_INT:
		sf_text_putf(&t, "%" PRId64, v.i64);
		break;
	case SF_EXPR_UINT:
		sf_text_putf(&t, "%" PRIu64, v.u64);
		break;
	case SF_EXPR_REAL:
		sf_text_putf(&t, "%g", v.f64);
		break;
	case SF_EXPR_TEXT:
		sf_text_putf(&t, "\"%s\"", v.text);
		break;
	case SF_EXPR_FIELD:
		put_field(&t, v.field);
		break;
	case SF_EXPR_MAP:
		assert_true(sf_map_info(v.map, &info));
		sf_text_putf(&t, "map %s", info.name);
		break;
	case SF_EXPR_LIST:
		assert_ok(sf_view_each(b->view, x, put_item, &t));
		break;
	}
	return sf_text_take(&t);
}

struct row {
	const char *text, *is;
};

static void check_rows(struct bench *b, const struct row *rows, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *got = result(b, rows[i].text);

		if (strcmp(got, rows[i].is)) {
			print_error("%s: %s, not %s\n", rows[i].text, got, rows[i].is);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

#define CHECK_ROWS(bench, ...)                                                                     \
	do {                                                                                       \
		static const struct row rows_[] = { __VA_ARGS__ };                                 \
		check_rows(bench, rows_, ARRAY_SIZE(rows_));                                       \
	} while (0)

/* ---- values ----------------------------------------------------------------------------------------------------- */

static void literals_are_what_they_say(void **state)
{
	CHECK_ROWS(*state,
		{ "12", "12" }, { "-12", "-12" }, { "0x1F", "31" }, { "18446744073709551615", "18446744073709551615" },
		{ "-9223372036854775808", "-9223372036854775808" }, { "0xffffffffffffffff", "18446744073709551615" },
		{ "0.25", "0.25" }, { "1e3", "1000" }, { "-1.5", "-1.5" }, { "2E-2", "0.02" }, { "--5", "5" }, { "-(-5)", "5" },
		{ "20ms", "20000000" }, { "1.5us", "1500" }, { "3s", "3000000000" }, { "7ns", "7" }, { "0.000000001s", "1" },
		{ "true", "true" }, { "false", "false" }, { "\"a\\\"b\\\\\\x41\"", "\"a\"b\\A\"" },
		{ " ( 1 ) ", "1" },
	);
}

static void variables_are_found_by_name(void **state)
{
	CHECK_ROWS(*state,
		{ "var(nr_dispatched)", "42" }, { "var( \"nr_dispatched\" )", "42" }, { "var(balance)", "-5" },
		{ "var(ctx).weight.value", "100" }, { "var(ctx).cpus[2]", "12" }, { "var(hist)[7]", "49" },
		{ "var(ctx).a", "4294967295" }, { "var(ctx).b", "-1" }, { "var(flags).c", "-2" }, { "var(knob)", "7" },
		{ "var(mode)", "MODE_FAST (2)" }, { "var(ready)", "true" }, { "var(ratio)", "0.25" },
		{ "var(task).pid", "1234" }, { "var(name)", "\"scx_demo\"" },
		{ "vars(shared)", "demo.bss=1 other.bss=2" }, { "vars(lonely)", "other.bss=3" }, { "vars(knob)", ".data.tuning=7" },
		{ "vars(ctx).weight.cpu", "demo.bss=3" },
	);
}

static void entries_are_found_by_position_filter_and_key(void **state)
{
	CHECK_ROWS(*state,
		{ "map(latency)", "map latency" }, { "map(a_very_long_name_indeed)", "map a_very_long_nam" },
		{ "map(\"odd\\xff\\x01\")", "map odd\\xff\\x01" }, { "map(odd\\xff\\x01)[0]", "1" },
		{ "map(latency)[3].value", "300" }, { "map(latency)[3]", "weight{value=300, cpu=3}" },
		{ "map(latency){cpu == 2}.value", "200" }, { "map(latency){value > 150}.cpu", "2" },
		{ "map(latency).key(4).value", "400" }, { "map(latency){key == 4}.value", "400" },
		{ "map(hash).key(103).runtime", "3000" }, { "map(hash){key > 102 && key < 104}.stats.nice", "-3" },
		{ "map(hash){state == \"RUNNING\"}.node", "2" }, { "map(hash){stats.pinned && node > 1}.node", "3" },
		{ "map(chained).key({\"id\": 30064771079})", "49" }, { "map(chained){key.id == 0x700000007}", "49" },
		{ "map(chained).key({\"id\": 0x700000007, zone: 2, \"big\": true})", "49" },
		{ "map(chained){value == 121}", "121" }, { "map(latency){value.cpu == 1}.cpu", "NotAStruct at 20" },
		{ "map(task_ctx){owner.pid == 101}.node", "51" }, { "map(task_ctx){owner.comm == \"other\"}.node", "52" },
		{ "map(task_ctx){owner.tgid == 100 && owner.pid != 100}.node", "51" }, { "map(task_ctx){key.pid == 200}.node", "52" },
		{ "map(cgrp_ctx){owner.path == \"/demo.slice/a\"}.node", "62" }, { "map(cgrp_ctx){owner.id == 77}.node", "61" },
		{ "map(sk_ctx){owner.port == 8080 && owner.family == 2}.node", "80" },
		{ "map(inode_ctx){owner.id == 4026531840}.node", "70" },
		{ "map(demo_ops).timeout_ms", "5000" }, { "map(demo.bss).nr_dispatched", "42" },
		{ "map(hash){key == var(nr_dispatched) + 60}.node", "2" },
		{ "map(hash){node == max(map(latency).cpu)}.runtime", "4000" },
		{ "map(id 5)[0].value", "0" },
	);
}

static void per_cpu_values_are_chosen_or_come_together(void **state)
{
	CHECK_ROWS(*state,
		{ "map(cpu_counts)@2[4]", "2" }, { "map(cpu_counts)[4]@2", "2" }, { "map(cpu_counts)@*[4]", "0=0 1=1 2=2" },
		{ "sum(map(cpu_counts)[4])", "3" }, { "sum(map(cpu_counts)@2[4])", "2" }, { "max(map(cpu_counts)[1])", "11" },
		{ "min(map(cpu_counts)[4])", "0" }, { "sum(map(cpu_counts))", "36" }, { "count(map(cpu_counts))", "6" },
		{ "map(cpu_hash){key == 2}@1.node", "21" }, { "map(cpu_hash)@1{runtime == 40000}.stats.nice", "-40" },
		{ "sum(map(cpu_hash).key(2).node)", "63" }, { "map(cpu_hash).key(0)@*.node", "0=0 1=1 2=2" },
		{ "sum(map(cpu_hash)@0.node)", "60" },
	);
}

static void totals_go_over_all_of_them(void **state)
{
	CHECK_ROWS(*state,
		{ "count(map(hash))", "5" }, { "count(map(hash){node > 1})", "3" }, { "count(map(hash){node > 100})", "0" },
		{ "sum(map(hash).node)", "10" }, { "sum(map(hash){node > 1}.runtime)", "9000" }, { "min(map(hash).stats.nice)", "-4" },
		{ "count(map(latency))", "5" }, { "max(map(latency){cpu < 3}.value)", "200" },
		{ "sum(var(hist))", "140" }, { "count(var(hist))", "8" }, { "max(var(ctx).cpus)", "12" },
		{ "sum(vars(shared))", "3" }, { "count(vars(shared))", "2" }, { "count(vars(lonely))", "1" },
		{ "count(map(hash){parent.pid == 101})", "2" }, { "count(map(hash){parent.pid != 101})", "2" }, { "count(map(hash){mask == \"1-2\"})", "4" }, { "count(map(hash){mask != \"1-2\"})", "0" },
		{ "count(map(hash){mask != \"1-2\" || node == 0})", "1" }, { "sum(var(ratio))", "0.25" },
		{ "count(map(per_task))", "MapRenderIncomplete at 7" },
	);
}

/* ---- operators -------------------------------------------------------------------------------------------------- */

static void numbers_compare_as_what_they_are(void **state)
{
	CHECK_ROWS(*state,
		{ "var(balance) < var(nr_dispatched)", "true" }, { "var(balance) < 18446744073709551615", "true" },
		{ "-1 == 18446744073709551615", "false" }, { "-1 < 18446744073709551615", "true" },
		{ "9223372036854775807 < 9223372036854775808", "true" }, { "var(ctx).a == 4294967295", "true" },
		{ "var(ctx).b == var(ctx).a", "false" }, { "0.25 == var(ratio)", "true" }, { "var(ratio) < 1", "true" },
		{ "9007199254740993 == 9007199254740992.0", "false" }, { "9007199254740993 > 9007199254740992.0", "true" },
		{ "18446744073709551615 < 1e30", "true" }, { "-1e300 < -9223372036854775808", "true" },
		{ "-3 < -2.5", "true" }, { "-2 > -2.5", "true" }, { "2 < 2.5", "true" }, { "3 > 2.5", "true" }, { "2 == 2.0", "true" },
		{ "1 != 1", "false" }, { "1 <= 1", "true" }, { "1 >= 2", "false" }, { "var(slice_ns) == 20ms", "true" },
		{ "var(mode) == \"MODE_FAST\"", "true" }, { "var(mode) != \"MODE_OFF\"", "true" }, { "\"MODE_OFF\" == var(mode)", "false" },
		{ "var(mode) == 2", "true" }, { "var(name) == \"scx_demo\"", "true" }, { "var(name) == \"scx_dem\"", "false" },
		{ "var(name) == \"scx_demo_\"", "false" }, { "var(name) != \"\"", "true" }, { "var(mask) == \"0,2\"", "true" },
		{ "var(ready) == true", "true" }, { "var(ready) != false", "true" }, { "var(ready) == 1", "true" },
		{ "var(nr_dispatched) == true", "true" }, { "var(null_task) == 0", "true" }, { "var(null_task) == false", "true" },
	);
}

static void operators_bind_as_in_c(void **state)
{
	CHECK_ROWS(*state,
		{ "1 + 2 * 3", "7" }, { "(1 + 2) * 3", "9" }, { "10 - 2 - 3", "5" }, { "7 / 2", "3" }, { "-7 / 2", "-3" },
		{ "-7 % 3", "-1" }, { "100 / 5 / 2", "10" }, { "1 - -1", "2" }, { "1.5 + 1", "2.5" }, { "1 / 4.0", "0.25" },
		{ "true || false && false", "true" }, { "(true || false) && false", "false" }, { "!true || true", "true" },
		{ "!(true || true)", "false" }, { "1 + 1 == 2 && 2 < 3", "true" }, { "!var(debug)", "true" }, { "!!var(ready)", "true" },
		{ "var(ready) && var(nr_dispatched) > 0", "true" }, { "-var(nr_dispatched)", "-42" },
		{ "false && var(nope) == 1", "false" }, { "true || var(nope) == 1", "true" },
		{ "18446744073709551615 - 18446744073709551615", "0" }, { "9223372036854775807 + 9223372036854775808", "18446744073709551615" },
		{ "-9223372036854775807 - 1", "-9223372036854775808" }, { "4294967296 * 4294967295", "18446744069414584320" },
		{ "18446744073709551615 * 0 + 1", "1" }, { "18446744073709551615 / 18446744073709551615", "1" },
	);
}

static void what_does_not_fit_is_an_error(void **state)
{
	CHECK_ROWS(*state,
		{ "18446744073709551615 + 1", "ProjectionFailed at 1" }, { "0 - 9223372036854775809", "ProjectionFailed at 1" },
		{ "1 + 18446744073709551615 * 18446744073709551615", "ProjectionFailed at 5" },
		{ "-9223372036854775808 * -9223372036854775808", "ProjectionFailed at 1" },
		{ "-(var(nr_dispatched) + 9223372036854775807)", "ProjectionFailed at 1" },
		{ "1 / 0", "ProjectionFailed at 5" }, { "1 % (1 - 1)", "ProjectionFailed at 5" }, { "1 / 0.0", "inf" },
		{ "9007199254740993 + 0.5", "ProjectionFailed at 1" }, { "1.5 % 2", "TypeMismatch at 1" },
		{ "sum(var(words)) * 18446744073709551615", "ProjectionFailed at 1" },
	);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(literals_are_what_they_say, make_captured, drop),
		cmocka_unit_test_setup_teardown(variables_are_found_by_name, make_captured, drop),
		cmocka_unit_test_setup_teardown(entries_are_found_by_position_filter_and_key, make_captured, drop),
		cmocka_unit_test_setup_teardown(per_cpu_values_are_chosen_or_come_together, make_captured, drop),
		cmocka_unit_test_setup_teardown(totals_go_over_all_of_them, make_captured, drop),
		cmocka_unit_test_setup_teardown(numbers_compare_as_what_they_are, make_captured, drop),
		cmocka_unit_test_setup_teardown(operators_bind_as_in_c, make_captured, drop),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_an_error, make_captured, drop),
	};

	return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}

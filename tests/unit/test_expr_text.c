/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and printing expressions: what is no expression, where, and what would have been one. */
#include "check.h"

#include <inttypes.h>

#include "snapshot/expr.h"

/* ---- errors ----------------------------------------------------------------------------------------------------- */

struct wrong {
	const char *text;
	uint64_t column;
	const char *says;
};

static void check_wrong(const struct wrong *rows, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		SF_OWNED(expr) x = NULL;
		SF_OWNED(error) err = sf_expr_new(rows[i].text, &x);
		const struct sf_error_payload *p = err ? sf_error_payload(err) : NULL;
		_cleanup_free_ char *lead = sf_asprintf("column %" PRIu64 ": ", rows[i].column);

		if (getenv("SHOW"))
			fprintf(stderr, "%-34s %s\n", rows[i].text, err ? sf_error_message(err) : "fine");
		if (!p || p->code != SF_USAGE || p->column != rows[i].column || !strstr(p->reason, rows[i].says) ||
		    strncmp(sf_error_message(err), lead, strlen(lead))) {
			print_error("%s: %s\n", rows[i].text, err ? sf_error_message(err) : "is fine");
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

#define CHECK_WRONG(...)                                                                           \
	do {                                                                                       \
		static const struct wrong rows_[] = { __VA_ARGS__ };                               \
		check_wrong(rows_, ARRAY_SIZE(rows_));                                             \
	} while (0)

static void a_mistake_is_pointed_at(void **state)
{
	(void)state;
	CHECK_WRONG(
		{ "", 1, "here is the end, where a value should begin: a number, \"text\", true, false, var(), vars(), map()" },
		{ "   ", 4, "the end" }, { "var(x) >", 9, "the end" }, { "var(x) > )", 10, "')'" }, { "é", 1, "'é'" },
		{ "\"é\" é", 5, "'é'" }, { "\xff", 1, "0xff" },
		{ "nr > 0", 1, "a variable is var(nr), a map map(nr)" }, { "1 = 2", 3, "there is ==" }, { "true & true", 6, "there is &&" },
		{ "true | true", 6, "there is ||" }, { "map(a){b = 2}", 10, "there is ==" }, { "(1 & 2)", 4, "there is &&" }, { "1 2", 3, "goes on with ==, !=, <, <=, >, >=, &&, ||, +, -, *, / or %" },
		{ "1 < 2 < 3", 7, "parentheses" }, { "1 == 2 == 3", 8, "parentheses" }, { "(1", 3, "the '(' of column 1 needs its ')'" },
		{ "(1 + (2)", 9, "column 1" }, { "foo(x)", 1, "there is no foo(); there are var(), vars(), map(), count()" },
		{ "sched(exit_kind) == 0", 1, "sched() cannot be asked yet" }, { "1 + stats(a)", 5, "stats() cannot be asked yet" },
	);
}

static void a_number_says_which_forms_there_are(void **state)
{
	(void)state;
	CHECK_WRONG(
		{ "012", 1, "does not begin with 0" }, { "0x", 3, "0x1f" }, { "0xfg", 4, "0x1f" }, { "12x", 3, "ns, us, ms, s" },
		{ "1.", 3, "0.25" }, { "1.x", 3, "0.25" }, { "1e", 2, "1e6" }, { "18446744073709551616", 1, "at most 18446744073709551615" },
		{ "0x10000000000000000", 1, "64 bits" }, { "-9223372036854775809", 1, "64 bits" }, { "1e999", 1, "too large" },
		{ "1.5ns", 1, "whole number of nanoseconds" }, { "0.01ns", 1, "whole number of nanoseconds" },
		{ "18446744074s", 1, "64 bits of nanoseconds" }, { "\"abc", 1, "no other one" }, { "\"a\\q\"", 3, "\\x01" },
		{ "\"\\x00\"", 2, "\\x01" }, { "1 + 5 m", 7, "'m'" },
	);
}

static void a_place_in_the_frame_says_what_may_stand_there(void **state)
{
	(void)state;
	CHECK_WRONG(
		{ "map(stats)[x].hits", 12, "an index is a decimal number" }, { "var(x)[-1]", 8, "a decimal number" },
		{ "var(x)[1", 9, "the '[' of column 7 needs its ']'" }, { "var(x)[99999999999999999999]", 8, "at most" },
		{ "var(x)[1 ]", 10, "without blanks" }, { "var(x).", 8, "the name of a member" }, { "var(x)..y", 8, "'.'" },
		{ "var(x).1", 8, "'1'" }, { "var()", 5, "a name should be, as in var(NAME)" }, { "map(", 5, "as in map(NAME)" },
		{ "var", 1, "a variable is var(var)" }, { "var(a b)", 7, "var(\"a name\")" }, { "map(\"a\" b)", 9, "needs its ')'" },
		{ "map(a)@x", 8, "the number of a CPU, or *" }, { "map(a)@1@2", 9, "an @ already" }, { "map(a).x@1", 9, "before any member" },
		{ "map(a)[0]{b == 1}", 10, "chosen already" }, { "map(a).x{b == 1}", 9, "right behind map()" },
		{ "map(a){}", 8, "a member of the value, key, owner.pid" }, { "map(a){b == 1", 14, "the '{' of column 7" },
		{ "map(a){owner == 1}", 13, "owner.pid, owner.tgid, owner.comm, owner.id" }, { "map(a){owner.x == 1}", 14, "owner.pid" },
		{ "map(a)[0].key(3)", 10, "right behind map()" }, { "var(a).key(3)", 7, "right behind map()" },
		{ "map(a).key({3})", 13, "as in {\"pid\": 3}" }, { "map(a).key({\"pid\" 3})", 19, "a ':'" },
		{ "map(a).key({})", 13, "as in {\"pid\": 3}" }, { "map(a).key({\"pid\": 3)", 21, "needs its '}'" }, { "map(a).key(b)", 12, "alone is nothing" },
		{ "map(a).key()", 12, "where a value should begin" }, { "map(id 4294967296)", 8, "at most 4294967295" },
		{ "sum(1)", 5, "sum() is of var(), vars() or map()" }, { "count(map(a) == 1)", 7, "count() is of" }, { "max(owner)", 5, "alone" },
		{ "map(a){b[x] == 1}", 10, "an index is a decimal number" }, { "map(a)[]", 8, "decimal" }, { "map(a)@4294967295", 8, "at most" },
		{ "map(a){b{c}}", 9, "here is '{'" },
		{ "map(a){count(map(b){count(map(c){count(map(d){true})>0})>0})>0}", 46, "more than 3 filters" },
	);
}

/* @n times @open, @middle, and as often @close. */
static char *nested(const char *open, const char *middle, const char *close, size_t n)
{
	struct sf_text t = { 0 };

	for (size_t i = 0; i < n; i++)
		sf_text_put(&t, open);
	sf_text_put(&t, middle);
	for (size_t i = 0; i < n; i++)
		sf_text_put(&t, close);
	return sf_text_take(&t);
}

static void check_limit(const char *open, const char *middle, const char *close, size_t most, const char *says)
{
	_cleanup_free_ char *fits = nested(open, middle, close, most), *more = nested(open, middle, close, most + 1);
	SF_OWNED(expr) x = NULL;
	SF_OWNED(expr) y = NULL;

	assert_ok(sf_expr_new(fits, &x));
	assert_says(sf_expr_new(more, &y), SF_USAGE, says);
}

static void length_and_nesting_have_limits(void **state)
{
	_cleanup_free_ char *blanks = nested(" ", "", "", SF_EXPR_MAX_TEXT - 1), *fits = sf_asprintf("%s1", blanks),
			    *more = sf_asprintf("%s 1", blanks), *name = nested("n", "", "", 20000),
			    *members = nested("a:1,", "a:1", "", 5000), *key = sf_asprintf("map(m).key({%s:{%s}})", name, members);
	SF_OWNED(expr) x = NULL;
	SF_OWNED(expr) y = NULL;

	(void)state;
	check_limit("(", "1", ")", SF_EXPR_MAX_NESTING, "nested deeper than 64");
	check_limit("!", "true", "", SF_EXPR_MAX_NESTING, "nested deeper than 64");
	check_limit("1+", "1", "", 1000, "more than 1000 operators in a row");
	check_limit("", "1", "+1", 1000, "more than 1000 operators in a row");
	check_limit("true&&", "true", "", 1000, "more than 1000 operators in a row");
	assert_ok(sf_expr_new(fits, &x));
	assert_says(sf_expr_new(more, &y), SF_USAGE, "at most 65536 bytes");
	/* Members that all lie behind a long name, which the tree has to repeat. */
	assert_says(sf_expr_new(key, &y), SF_USAGE, "too long together");
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

static char *printed(const struct sf_expr *x)
{
	struct sf_text t = { 0 };

	sf_expr_print(x, &t);
	return sf_text_take(&t);
}

static void the_shortest_form_is_printed(void **state)
{
	static const struct { const char *text, *is; } rows[] = {
		{ " var( \"nr\" )>0 ", "var(nr) > 0" }, { "((1+2))*3", "(1 + 2) * 3" }, { "1+(2*3)", "1 + 2 * 3" },
		{ "1-(2-3)", "1 - (2 - 3)" }, { "(1-2)-3", "1 - 2 - 3" }, { "!(!true)", "!!true" }, { "-(-var(x))", "--var(x)" },
		{ "-(5)", "-5" }, { "0x10", "16" }, { "20ms", "20000000" }, { "2.50", "2.5" }, { "1e300", "1e+300" },
		{ "(1==2)==(3<4)", "(1 == 2) == (3 < 4)" }, { "a", NULL }, { "true&&(false||true)", "true && (false || true)" },
		{ "map(\"a b\")@1[2][3].x", "map(\"a b\")@1[2][3].x" }, { "map(h)[2]@1.x", "map(h)@1[2].x" },
		{ "map(h).key(3)", "map(h){key == 3}" }, { "map(h).key({\"a\":{b:1},c:\"x\"}).y", "map(h){key.a.b == 1 && key.c == \"x\"}.y" },
		{ "map(id  7)@*", "map(id 7)@*" }, { "map(\"id\")", "map(id)" }, { "var(\"a\\\"b\\\\c\\x\")", "var(\"a\\\"b\\\\c\\\\x\")" },
		{ "\"\\n\xc3\xa9\\\"\"", "\"\\x0a\\xc3\\xa9\\\"\"" }, { "sum( vars(a).b[1] )", "sum(vars(a).b[1])" },
		{ "map(h){owner . pid==1}", NULL }, { "map(h){owner.pid==1||value>2||key.x[0]<3}", "map(h){owner.pid == 1 || value > 2 || key.x[0] < 3}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SF_OWNED(expr) x = NULL;
		SF_OWNED(error) err = sf_expr_new(rows[i].text, &x);
		_cleanup_free_ char *text = err ? NULL : printed(x);

		if (rows[i].is)
			assert_string_equal(text ? text : sf_error_message(err), rows[i].is);
		else
			assert_non_null(err);
	}
}

/* ---- random expressions ------------------------------------------------------------------------------------------ */

struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t n)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(d->state >> 33) % n;
}

static void put_blank(struct dice *d, struct sf_text *t)
{
	static const char *const blanks[] = { "", "", " ", "  ", "\t", "\n" };

	sf_text_put(t, blanks[roll(d, ARRAY_SIZE(blanks))]);
}

static void put_one(struct dice *d, struct sf_text *t, const char *const *words, uint32_t n)
{
	sf_text_put(t, words[roll(d, n)]);
}
#define PUT_ONE(d, t, ...) put_one(d, t, (const char *const[]){ __VA_ARGS__ }, ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static void put_path(struct dice *d, struct sf_text *t)
{
	for (uint32_t n = roll(d, 4); n; n--) {
		if (roll(d, 3))
			PUT_ONE(d, t, ".a", ".value", ".key_", ".b_1", ".true", ".X");
		else
			sf_text_putf(t, "[%u]", roll(d, 100));
	}
}

static void put_expr(struct dice *d, struct sf_text *t, unsigned int depth, unsigned int filters, bool inside);

static void put_map(struct dice *d, struct sf_text *t, unsigned int depth, unsigned int filters)
{
	bool at_first = roll(d, 2);

	PUT_ONE(d, t, "map(h)", "map( stats )", "map(\"a b\")", "map(id 7)", "map(.data.x)", "map(odd\\xff)", "map(\"q\\\"\\\\\")");
	if (at_first)
		PUT_ONE(d, t, "", "", "@0", "@*", "@12");
	switch (roll(d, filters < 3 ? 5 : 2)) {
	case 0:
		break;
	case 1:
		sf_text_putf(t, "[%u]", roll(d, 1000));
		break;
	case 2:
		sf_text_put(t, "{");
		put_expr(d, t, depth + 1, filters + 1, true);
		sf_text_put(t, "}");
		break;
	case 3:
		PUT_ONE(d, t, ".key(3)", ".key( -3 )", ".key(\"x\")", ".key(var(a) + 1)");
		break;
	default:
		PUT_ONE(d, t, ".key({\"a\": 1})", ".key({a: {b: 2, \"c\": \"d\"}, e : true})");
	}
	if (!at_first)
		PUT_ONE(d, t, "", "", "@0", "@*", "@12");
	put_path(d, t);
}

static void put_source(struct dice *d, struct sf_text *t, unsigned int depth, unsigned int filters)
{
	if (roll(d, 2)) {
		put_map(d, t, depth, filters);
		return;
	}
	PUT_ONE(d, t, "var(x)", "vars(x)", "var( \"f.hits\" )", "vars(.a\xc3\xa9)");
	put_path(d, t);
}

static void put_leaf(struct dice *d, struct sf_text *t, unsigned int depth, unsigned int filters, bool inside)
{
	switch (roll(d, inside ? 6 : 4)) {
	case 0:
		PUT_ONE(d, t, "0", "1", "42", "18446744073709551615", "0xdead", "1.5", "1e-300", "0.1", "7ms", "1.25s", "true", "false",
			"3.0", "123456789.125");
		break;
	case 1:
		PUT_ONE(d, t, "\"\"", "\"RUNNING\"", "\"a\\\"\\\\\\n\\x7f\"", "\"\xc3\xa9\"");
		break;
	case 2:
		PUT_ONE(d, t, "sum(", "min( ", "max(", "count(");
		put_source(d, t, depth, filters);
		sf_text_put(t, " )");
		break;
	case 3:
		put_source(d, t, depth, filters);
		break;
	case 4:
		PUT_ONE(d, t, "tid", "value", "sum", "var", "key", "owner.pid", "owner.comm", "owner.kva");
		break;
	default:
		PUT_ONE(d, t, "tid", "value", "ctx", "key");
		put_path(d, t);
	}
}

static void put_expr(struct dice *d, struct sf_text *t, unsigned int depth, unsigned int filters, bool inside)
{
	static const char *const operators[] = { "||", "&&", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%" };
	uint32_t what = depth > 8 ? 0 : roll(d, 5);

	put_blank(d, t);
	if (what < 2) {
		put_leaf(d, t, depth, filters, inside);
	} else if (what == 2) {
		PUT_ONE(d, t, "!", "-", "!", "");
		put_blank(d, t);
		sf_text_put(t, "(");
		put_expr(d, t, depth + 1, filters, inside);
		sf_text_put(t, ")");
	} else {
		/* Any two operators may meet; comparisons are the only ones that may not. */
		bool grouped = roll(d, 2);
		uint32_t op = roll(d, ARRAY_SIZE(operators));

		sf_text_put(t, grouped ? "(" : "");
		sf_text_put(t, op >= 2 && op < 8 ? "(" : "");
		put_expr(d, t, depth + 1, filters, inside);
		sf_text_put(t, op >= 2 && op < 8 ? ")" : "");
		sf_text_putf(t, " %s ", operators[op]);
		sf_text_put(t, op >= 2 && op < 8 ? "(" : "");
		put_expr(d, t, depth + 1, filters, inside);
		sf_text_put(t, op >= 2 && op < 8 ? ")" : "");
		sf_text_put(t, grouped ? ")" : "");
	}
	put_blank(d, t);
}

static void what_is_printed_reads_back_equal(void **state)
{
	struct dice d = { .state = 1 };
	size_t read = 0;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct sf_text t = { 0 };
		SF_OWNED(expr) x = NULL;
		SF_OWNED(expr) y = NULL;

		put_expr(&d, &t, 0, 0, false);
		_cleanup_free_ char *text = sf_text_take(&t);
		SF_OWNED(error) err = sf_expr_new(text, &x);

		/* A minus may make a number that does not fit; a comparison may meet one. */
		if (err) {
			if (!strstr(sf_error_message(err), "does not fit 64 bits") &&
			    !strstr(sf_error_message(err), "needs parentheses"))
				fail_msg("%s: %s", text, sf_error_message(err));
			continue;
		}
		_cleanup_free_ char *once = printed(x);

		assert_ok(sf_expr_new(once, &y));
		_cleanup_free_ char *twice = printed(y);

		if (!sf_expr_equal(x, y) || strcmp(once, twice))
			fail_msg("%s\n%s\n%s", text, once, twice);
		read++;
	}
	assert_true(read > 15000);
}

static void what_differs_is_not_equal(void **state)
{
	static const char *const all[] = {
		"1", "-1", "2", "1.0", "true", "false", "\"1\"", "var(a)", "var(b)", "vars(a)", "map(a)", "map(id 1)", "map(id 2)",
		"map(a)@0", "map(a)@1", "map(a)@*", "map(a)[0]", "map(a)[1]", "map(a){b}", "map(a){c}", "map(a){key}",
		"map(a){owner.pid}", "map(a){owner.tgid}", "var(a).x", "var(a).y", "sum(var(a))", "min(var(a))", "!true", "1 + 2", "1 - 2",
		"1 + 3", "2 + 1", "1 < 2", "1 <= 2", "true && false", "true || false", "-var(a)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
			SF_OWNED(expr) x = NULL;
			SF_OWNED(expr) y = NULL;

			assert_ok(sf_expr_new(all[i], &x));
			assert_ok(sf_expr_new(all[k], &y));
			if (sf_expr_equal(x, y) != (i == k))
				fail_msg("%s and %s", all[i], all[k]);
		}
}

/* ---- pointing ---------------------------------------------------------------------------------------------------- */

static char *point(const char *text, uint64_t column, const char *note)
{
	struct sf_text t = { 0 };

	sf_expr_point(text, column, note, &t);
	return sf_text_take(&t);
}

static void a_caret_stands_below_its_column(void **state)
{
	_cleanup_free_ char *a = point("map(stats)[x].hits", 12, "an index is a decimal number"),
			    *b = point("\"é\" é", 5, NULL), *c = point("a\nb\x01" "c", 5, "here"), *d = point("x", 9, NULL),
			    *ones = nested("1+", "1", "", 100), *e = point(ones, 150, "here"), *f = point(ones, 1, NULL);
	const char *end;

	(void)state;
	assert_string_equal(a, "    map(stats)[x].hits\n               ^ an index is a decimal number");
	assert_string_equal(b, "    \"é\" é\n        ^");
	assert_string_equal(c, "    a b\\x01c\n           ^ here");
	assert_string_equal(d, "    x\n     ^");
	/* Of a long one what is around the column. */
	assert_true(!strncmp(e, "    …", strlen("    …")));
	end = strchr(e, '\n');
	assert_non_null(end);
	assert_true(end - e < 90);
	assert_true(!strncmp(end - strlen("…"), "…", strlen("…")));
	assert_int_equal(e[4 + strlen("…") + (strchr(end, '^') - end - 1) - 5], '+'); /* characters 102.. */
	assert_true(!strncmp(f, "    1+1+", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistake_is_pointed_at),
		cmocka_unit_test(a_number_says_which_forms_there_are),
		cmocka_unit_test(a_place_in_the_frame_says_what_may_stand_there),
		cmocka_unit_test(length_and_nesting_have_limits),
		cmocka_unit_test(the_shortest_form_is_printed),
		cmocka_unit_test(what_is_printed_reads_back_equal),
		cmocka_unit_test(what_differs_is_not_equal),
		cmocka_unit_test(a_caret_stands_below_its_column),
	};

	return cmocka_run_group_tests_name("expr_text", tests, NULL, NULL);
}

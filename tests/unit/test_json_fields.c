/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a JSON document: what converts to what, and what an error says. */
#include "check.h"

#include <math.h>

#include "stillframe/json.h"

static struct sf_json_doc *doc;

static int parse(const char *text)
{
	sf_json_doc_free(doc);
	doc = NULL;
	assert_ok(sf_json_parse(text, strlen(text), &doc));
	return 0;
}

static int drop(void **state)
{
	(void)state;
	sf_json_doc_free(doc);
	doc = NULL;
	return 0;
}

static struct sf_json_field at(const char *path)
{
	return sf_stats_path(doc, path);
}

static void assert_wrong(struct sf_error *err, const char *expected, const char *actual)
{
	assert_int_equal(sf_error_code(err), SF_TYPE_MISMATCH);
	assert_string_equal(sf_error_payload(err)->expected, expected);
	assert_string_equal(sf_error_payload(err)->actual, actual);
}

/* ---- one table: every type as everything ----------------------------------------------------------------------- */

static void edge_46_every_type_as_everything(void **state)
{
	/* A number is what converts; a text is the `actual` of the error. */
	static const struct {
		const char *json, *u64, *i64, *f64, *boolean;
	} rows[] = {
		{ "0", "0", "0", "0", "Number" },
		{ "18446744073709551615", "18446744073709551615", "Uint(>i64::MAX)", "18446744073709551616", "Number" },
		{ "-5", "Int(negative)", "-5", "-5", "Number" },
		{ "5.0", "5", "5", "5", "Number" },
		{ "2.5", "non-integer float", "non-integer float", "2.5", "Number" },
		{ "-2.5", "Float(non-coercible)", "non-integer float", "-2.5", "Number" },
		{ "1e30", "18446744073709551615", "9223372036854775807", "1e30", "Number" },
		{ "-1e30", "Float(non-coercible)", "-9223372036854775808", "-1e30", "Number" },
		{ "true", "1", "1", "Bool", "1" },
		{ "false", "0", "0", "Bool", "0" },
		{ "\"18446744073709551615\"", "18446744073709551615", "String(non-numeric)", "18446744073709551616", "String" },
		{ "\"+7\"", "7", "7", "7", "String" },
		{ "\"-9223372036854775808\"", "String(non-numeric)", "-9223372036854775808", "-9223372036854775808", "String" },
		{ "\"-9223372036854775809\"", "String(non-numeric)", "String(non-numeric)", "-9223372036854775809", "String" },
		{ "\" 5\"", "String(non-numeric)", "String(non-numeric)", "String(non-numeric)", "String" },
		{ "\"-5\"", "String(non-numeric)", "-5", "-5", "String" },
		{ "\"0x5\"", "String(non-numeric)", "String(non-numeric)", "String(non-numeric)", "String" },
		{ "\"\"", "String(non-numeric)", "String(non-numeric)", "String(non-numeric)", "String" },
		{ "\"1.5e1\"", "String(non-numeric)", "String(non-numeric)", "15", "String" },
		{ "\"1\\u0000\"", "String(non-numeric)", "String(non-numeric)", "String(non-numeric)", "String" },
		{ "\"1e\"", "String(non-numeric)", "String(non-numeric)", "String(non-numeric)", "String" },
		{ "\"18446744073709551616\"", "String(non-numeric)", "String(non-numeric)", "18446744073709551616", "String" },
		{ "null", "Null", "Null", "Null", "Null" },
		{ "[1]", "Array", "Array", "Array", "Array" },
		{ "{}", "Object", "Object", "Object", "Object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sf_error *err;
		char text[64];
		uint64_t u;
		int64_t s;
		double d;
		bool b;

		parse(rows[i].json);
		err = sf_json_field_as_u64(at(""), &u);
		if (!err)
			snprintf(text, sizeof(text), "%llu", (unsigned long long)u);
		assert_string_equal(err ? sf_error_payload(err)->actual : text, rows[i].u64);
		err = sf_json_field_as_i64(at(""), &s);
		if (!err)
			snprintf(text, sizeof(text), "%lld", (long long)s);
		assert_string_equal(err ? sf_error_payload(err)->actual : text, rows[i].i64);
		err = sf_json_field_as_f64(at(""), &d);
		if (err)
			assert_string_equal(sf_error_payload(err)->actual, rows[i].f64);
		else
			assert_true(d == strtod(rows[i].f64, NULL));
		err = sf_json_field_as_bool(at(""), &b);
		assert_string_equal(err ? sf_error_payload(err)->actual : b ? "1" : "0", rows[i].boolean);
	}
	parse("2.5");
	uint64_t u;

	assert_wrong(sf_json_field_as_u64(at(""), &u), "integer", "non-integer float");
	parse("-2.5");
	assert_wrong(sf_json_field_as_u64(at(""), &u), "u64", "Float(non-coercible)");
}

static void words_for_reals(void **state)
{
	double d;

	(void)state;
	parse("[\"inf\", \"-Infinity\", \"NaN\", \"infin\", \"nan(1)\"]");
	struct sf_json_iter it = sf_json_field_members(at(""));
	struct sf_json_field f;

	assert_true(sf_json_field_next(&it, &f));
	assert_ok(sf_json_field_as_f64(f, &d));
	assert_true(isinf(d) && d > 0);
	assert_true(sf_json_field_next(&it, &f));
	assert_ok(sf_json_field_as_f64(f, &d));
	assert_true(isinf(d) && d < 0);
	assert_true(sf_json_field_next(&it, &f));
	assert_ok(sf_json_field_as_f64(f, &d));
	assert_true(isnan(d));
	for (int i = 0; i < 2; i++) {
		assert_true(sf_json_field_next(&it, &f));
		assert_wrong(sf_json_field_as_f64(f, &d), "f64", "String(non-numeric)");
	}
	assert_false(sf_json_field_next(&it, &f));
	assert_false(sf_json_field_next(&it, &f));
}

static void edge_47_booleans_and_arrays(void **state)
{
	_cleanup_free_ uint64_t *u = NULL;
	_cleanup_free_ uint32_t *w = NULL;
	_cleanup_free_ bool *b = NULL;
	_cleanup_free_ double *d = NULL;
	_cleanup_free_ int64_t *s = NULL;
	struct sf_json_field f;
	uint64_t v, sum = 0;
	size_t n = 77;

	(void)state;
	parse("{\"t\": true, \"one\": \"1\", \"mixed\": [true, 1], \"bools\": [true, false], \"nested\": [[1, 2], [3]],"
	      " \"big\": [4294967296], \"nums\": [1, \"2\", 3.0, true], \"none\": [], \"null\": null, \"neg\": [-1, 2]}");
	assert_ok(sf_json_field_as_u64(at("t"), &v));
	assert_int_equal(v, 1);
	bool one;

	assert_wrong(sf_json_field_as_bool(at("one"), &one), "bool", "String");
	assert_wrong(sf_json_field_as_bool_array(at("mixed"), &b, &n), "bool", "Number");
	assert_null(b);
	assert_int_equal(n, 77);
	assert_ok(sf_json_field_as_bool_array(at("bools"), &b, &n));
	assert_int_equal(n, 2);
	assert_true(b[0] && !b[1]);
	assert_wrong(sf_json_field_as_u32_array(at("big"), &w, &n), "u32", "Uint(>u32::MAX)");
	assert_wrong(sf_json_field_as_u64_array(at("neg"), &u, &n), "u64", "Int(negative)");
	assert_ok(sf_json_field_as_i64_array(at("neg"), &s, &n));
	assert_int_equal(s[0], -1);
	assert_ok(sf_json_field_as_u64_array(at("nums"), &u, &n));
	assert_int_equal(n, 4);
	assert_int_equal(u[1], 2);
	assert_wrong(sf_json_field_as_f64_array(at("nums"), &d, &n), "f64", "Bool");
	assert_wrong(sf_json_field_as_u64_array(at("t"), &u, &n), "[u64]", "Bool");
	assert_ok(sf_json_field_as_u32_array(at("none"), &w, &n));
	assert_int_equal(n, 0);
	assert_non_null(w);
	struct sf_json_iter rows = sf_json_field_members(at("nested"));

	while (sf_json_field_next(&rows, &f)) {
		struct sf_json_iter cells = sf_json_field_members(f);
		struct sf_json_field cell;

		while (sf_json_field_next(&cells, &cell)) {
			assert_ok(sf_json_field_as_u64(cell, &v));
			sum += v;
		}
	}
	assert_int_equal(sum, 6);
	rows = sf_json_field_members(at("null"));
	assert_false(sf_json_field_next(&rows, &f));
	rows = sf_json_field_members(at("gone"));
	assert_false(sf_json_field_next(&rows, &f));
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static void assert_path(const char *path, enum sf_code code, const char *walked, const char *component)
{
	const struct sf_error_payload *p = sf_error_payload(sf_json_field_error(at(path)));

	assert_non_null(p);
	assert_int_equal(p->code, code);
	assert_string_equal(p->requested, path);
	if (walked)
		assert_string_equal(p->walked, walked);
	if (component)
		assert_string_equal(p->component, component);
}

static void paths_say_where_they_end(void **state)
{
	struct sf_error *err;
	uint64_t v;

	(void)state;
	parse("{\"top\": {\"load\": 3, \"b.c\": 1, \"a\": [5]}, \"n\": 4}");
	assert_ok(sf_json_field_as_u64(at("top.load"), &v));
	assert_int_equal(v, 3);
	assert_ok(sf_json_field_as_u64(sf_json_field_get(at("top"), "load"), &v));
	assert_string_equal(sf_json_node_kind(sf_json_field_raw(at(""))), "Object");
	assert_path("top.nope.x", SF_FIELD_NOT_FOUND, "top", "nope");
	err = sf_json_field_error(at("top.nope"));
	assert_int_equal(sf_error_payload(err)->available.n, 3);
	assert_string_equal(sf_error_payload(err)->available.v[0], "a");
	assert_string_equal(sf_error_payload(err)->available.v[1], "b.c");
	assert_path("top.b.c", SF_FIELD_NOT_FOUND, "top", "b");
	assert_path("n.x", SF_NOT_A_STRUCT, "n", "x");
	assert_string_equal(sf_error_payload(sf_json_field_error(at("top.a.0")))->kind, "Array");
	assert_string_equal(sf_error_payload(sf_json_field_error(at("n.x")))->kind, "Number");
	assert_path("top..load", SF_EMPTY_PATH_COMPONENT, NULL, NULL);
	assert_path("top.", SF_EMPTY_PATH_COMPONENT, NULL, NULL);
	assert_path(".top", SF_EMPTY_PATH_COMPONENT, NULL, NULL);
	assert_path("nope..x", SF_FIELD_NOT_FOUND, "", "nope");
}

static void edge_48_the_first_error_stays(void **state)
{
	struct sf_json_field f;
	const char *text;
	uint64_t v = 9;
	double d;
	size_t n;

	(void)state;
	parse("{\"a\": \"x\\u0000y\"}");
	f = sf_json_field_get(sf_json_field_get(at("b"), "c"), "d..e");
	assert_false(sf_json_field_is_present(f));
	assert_null(sf_json_field_raw(f));
	assert_string_equal(sf_error_payload(sf_json_field_error(f))->component, "b");
	assert_ptr_equal(sf_json_field_as_u64(f, &v), sf_json_field_error(f));
	assert_int_equal(v, 9);
	assert_ptr_equal(sf_json_field_as_f64(f, &d), sf_json_field_error(f));
	assert_ptr_equal(sf_json_field_as_str(f, &text, &n), sf_json_field_error(f));
	assert_ok(sf_json_field_as_str(at("a"), &text, &n));
	assert_int_equal(n, 3);
	assert_memory_equal(text, "x\0y", 4);
	assert_wrong(sf_json_field_as_str(at(""), &text, &n), "str", "Object");
}

static void an_error_that_was_overwritten_says_so(void **state)
{
	struct sf_json_field first;

	(void)state;
	parse("{\"a\": 1}");
	first = at("gone");
	for (int i = 0; i < 64; i++)
		(void)at("other");
	assert_int_equal(sf_error_code(sf_json_field_error(first)), SF_FIELD_NOT_FOUND);
	assert_null(sf_error_payload(sf_json_field_error(first))->component);
}

static void a_scalar_may_be_the_root(void **state)
{
	uint64_t v;

	(void)state;
	parse(" 18446744073709551615 ");
	assert_ok(sf_json_field_as_u64(at(""), &v));
	assert_true(v == UINT64_MAX);
	assert_path("x", SF_NOT_A_STRUCT, "", "x");
}

static void what_is_no_document(void **state)
{
	_cleanup_free_ char *deep = malloc(1000001);

	(void)state;
	memset(deep, '[', 1000000);
	deep[1000000] = '\0';
	sf_json_doc_free(doc);
	doc = NULL;
	assert_code(sf_json_parse("", 0, &doc), SF_BAD_INPUT);
	assert_code(sf_json_parse("{\"a\":1}x", 8, &doc), SF_BAD_INPUT);
	assert_code(sf_json_parse(deep, 1000000, &doc), SF_BAD_INPUT);
	assert_null(doc);
	sf_json_doc_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(edge_46_every_type_as_everything, drop),
		cmocka_unit_test_teardown(words_for_reals, drop),
		cmocka_unit_test_teardown(edge_47_booleans_and_arrays, drop),
		cmocka_unit_test_teardown(paths_say_where_they_end, drop),
		cmocka_unit_test_teardown(edge_48_the_first_error_stays, drop),
		cmocka_unit_test_teardown(an_error_that_was_overwritten_says_so, drop),
		cmocka_unit_test_teardown(a_scalar_may_be_the_root, drop),
		cmocka_unit_test_teardown(what_is_no_document, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

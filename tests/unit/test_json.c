/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON: what is exact, what is refused and where, and that what was written reads back the same. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <time.h>

#include <inttypes.h>

#include "base/json.h"

static struct sf_json *read_ok(const char *text, size_t len)
{
	struct sf_json *json = NULL;
	SF_OWNED(error) err = sf_json_read(text, len, &json);

	if (err)
		fail_msg("%.*s: %s", (int)sf_min(len, (size_t)100), text, sf_error_message(err));
	return json;
}

#define READ(text) read_ok(text, strlen(text))

static void refused(const char *text, size_t len, const char *message)
{
	struct sf_json *untouched = (struct sf_json *)&len, *json = untouched;
	SF_OWNED(error) err = sf_json_read(text, len, &json);

	assert_ptr_equal(json, untouched);
	if (sf_error_code(err) != SF_BAD_INPUT)
		fail_msg("accepted: %.*s", (int)sf_min(len, (size_t)100), text);
	if (!strstr(sf_error_message(err), message))
		fail_msg("'%s' lacks '%s'", sf_error_message(err), message);
}

#define REFUSED(text, message) refused(text, strlen(text), message)

static void integers_of_64_bits_are_exact(void **state)
{
	_cleanup_json_ struct sf_json *json =
		READ("[18446744073709551615, -9223372036854775808, 9223372036854775808,"
		     " 0, -0, 9007199254740993, -1]");
	const struct sf_json_node *root = sf_json_root(json);

	(void)state;
	assert_int_equal(root->n, 7);
	assert_int_equal(sf_json_element(root, 0)->type, SF_JSON_UINT);
	assert_true(sf_json_element(root, 0)->value.u64 == UINT64_MAX);
	assert_int_equal(sf_json_element(root, 1)->type, SF_JSON_INT);
	assert_true(sf_json_element(root, 1)->value.i64 == INT64_MIN);
	assert_true(sf_json_element(root, 2)->value.u64 == 1ull << 63);
	assert_int_equal(sf_json_element(root, 3)->type, SF_JSON_UINT);
	assert_int_equal(sf_json_element(root, 4)->type, SF_JSON_UINT);
	assert_true(sf_json_element(root, 5)->value.u64 == 9007199254740993);
	assert_true(sf_json_element(root, 6)->value.i64 == -1);
	assert_null(sf_json_element(root, 7));
}

static void integers_beyond_64_bits_are_reals(void **state)
{
	static const char *const texts[] = { "18446744073709551616", "-9223372036854775809",
					     "100000000000000000000000" };
	static const double values[] = { 18446744073709551616.0, -9223372036854775808.0, 1e23 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ struct sf_json *json = READ(texts[i]);

		assert_int_equal(sf_json_root(json)->type, SF_JSON_REAL);
		assert_true(sf_json_root(json)->value.f64 == values[i]);
	}
}

static void reals_are_the_nearest_double(void **state)
{
	static const struct {
		const char *text;
		double value;
	} table[] = {
		{ "0.0", 0 },
		{ "-0.0", -0.0 },
		{ "1e0", 1 },
		{ "5.0", 5 },
		{ "-2.5", -2.5 },
		{ "0.1", 0.1 },
		{ "1E+2", 100 },
		{ "1e-2", 0.01 },
		{ "123456789.125", 123456789.125 },
		{ "1e22", 1e22 },
		{ "1e23", 1e23 },
		{ "1e-22", 1e-22 },
		{ "9007199254740993.0", 9007199254740992.0 },
		{ "1.7976931348623157e308", DBL_MAX },
		{ "4.9e-324", 4.9e-324 },
		{ "1e-999", 0 },
		{ "2.2250738585072011e-308", 2.2250738585072011e-308 },
		{ "0.1000000000000000055511151231257827021181583404541015625", 0.1 },
		{ "123456789012345678901234567890e-20", 1234567890.1234567890 },
		{ "0.000000000000000000000000000000001e33", 1 },
		{ "0e999999999999999999999", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_json_ struct sf_json *json = READ(table[i].text);
		const struct sf_json_node *root = sf_json_root(json);

		assert_int_equal(root->type, SF_JSON_REAL);
		if (memcmp(&root->value.f64, &table[i].value, sizeof(double)) != 0)
			fail_msg("%s reads as %.17g", table[i].text, root->value.f64);
	}
}

static void exponents_and_fractions_without_end_do_not_wrap(void **state)
{
	size_t zeros = 99999, len = 2 + zeros + 1;
	char *text = malloc(len + 32);

	(void)state;
	assert_non_null(text);
	memset(text, '0', len);
	text[1] = '.';
	text[len - 1] = '1';
	strcpy(text + len, "e100000");
	_cleanup_json_ struct sf_json *one = READ(text);

	assert_true(sf_json_root(one)->value.f64 == 1);
	strcpy(text + len, "e999999");
	REFUSED(text, "too large");
	strcpy(text + len, "e-4294967296");
	_cleanup_json_ struct sf_json *zero = READ(text);

	assert_true(sf_json_root(zero)->value.f64 == 0);
	free(text);
}

static void what_is_not_json_is_refused_with_line_and_column(void **state)
{
	(void)state;
	REFUSED("", "line 1, column 1: expected a value, not the end");
	REFUSED("  \n ", "line 2, column 2: expected a value, not the end");
	REFUSED("NaN", "line 1, column 1: NaN is not JSON");
	REFUSED("[1,\n  Infinity]", "line 2, column 3: Infinity is not JSON");
	REFUSED("-Infinity", "-Infinity is not JSON");
	REFUSED("nan", "expected a value, not 'n'");
	REFUSED("True", "True is not JSON");
	REFUSED("tru", "expected a value");
	REFUSED("01", "line 1, column 1: a number with a leading zero");
	REFUSED("{\"a\": -01}", "line 1, column 7: a number with a leading zero");
	REFUSED("[1,]", "line 1, column 3: a trailing comma before ']'");
	REFUSED("{\"a\":1 ,\n}", "line 1, column 8: a trailing comma before '}'");
	REFUSED("[1 2]", "line 1, column 4: expected ',' or ']' after an element, not '2'");
	REFUSED("{\"a\":1 \"b\"}", "expected ',' or '}' after a member");
	REFUSED("[1", "not the end of the text");
	REFUSED("{\"a\"}", "expected ':'");
	REFUSED("{a:1}", "in quotes, not 'a'");
	REFUSED("{1:1}", "in quotes");
	REFUSED("{\"a\":}", "expected a value, not '}'");
	REFUSED("[}", "expected a value, not '}'");
	REFUSED("[1}", "not '}'");
	REFUSED("]", "expected a value, not ']'");
	REFUSED("[,1]", "expected a value, not ','");
	REFUSED("1 1", "line 1, column 3: expected the end of the text");
	REFUSED("+1", "expected a value, not '+'");
	REFUSED(".5", "expected a value, not '.'");
	REFUSED("1.", "after the decimal point");
	REFUSED("1.e5", "after the decimal point, not 'e'");
	REFUSED("1e", "in the exponent");
	REFUSED("1e+", "in the exponent");
	REFUSED("-", "after '-'");
	REFUSED("0x10", "expected the end of the text after the value, not 'x'");
	REFUSED("1e999", "too large for a real");
	REFUSED("'a'", "expected a value, not '''");
	REFUSED("/* c */ 1", "expected a value");
	REFUSED("\xef\xbb\xbf"
		"1",
		"byte order mark");
	REFUSED("[\"ää\", \xc3\xa4]", "line 1, column 8: expected a value, not 'ä'");
	refused("1\0", 2,
		"line 1, column 2: expected the end of the text after the value, not byte 0x00");
}

static void bad_strings_are_refused(void **state)
{
	(void)state;
	REFUSED("\"abc", "line 1, column 1: the string that begins here has no end");
	REFUSED("\"abc\\", "");
	REFUSED("\"abc\\\"", "has no end");
	REFUSED("\"a\nb\"", "line 1, column 3: control character 0x0a");
	REFUSED("\"\x1f\"", "control character 0x1f");
	refused("\"a\0b\"", 5, "control character 0x00");
	REFUSED("\"\\x41\"", "unknown escape");
	REFUSED("\"\\u12g4\"", "four hexadecimal digits");
	REFUSED("\"\\u12", "four hexadecimal digits");
	REFUSED("\"\\ud800\"", "first half of a surrogate pair");
	REFUSED("\"\\ud800\\n\"", "first half of a surrogate pair");
	REFUSED("\"\\ud800\\ud800\"", "first half of a surrogate pair");
	REFUSED("[\"\\uDC00\"]", "line 1, column 3: \\udc00 is the second half");
	REFUSED("\"\xff\"", "line 1, column 2: byte 0xff in a string is not UTF-8");
	REFUSED("\"\xc0\xaf\"", "not UTF-8");
	REFUSED("\"\xe0\x80\xaf\"", "not UTF-8");
	REFUSED("\"\xed\xa0\x80\"", "not UTF-8");
	REFUSED("\"\xf4\x90\x80\x80\"", "not UTF-8");
	REFUSED("\"\xf0\x80\x80\x80\"", "not UTF-8");
	REFUSED("\"\xe2\x82\"", "not UTF-8");
	REFUSED("\"\xc3", "not UTF-8");
}

static void strings_are_decoded_and_may_hold_nuls(void **state)
{
	static const char text[] =
		"{\"k\\u0000y\": \"a\\u0000b\\n\\t\\b\\f\\r\\/\\\\\\\"\\u00e9\\u20ac\\ud83d\\ude00 é€😀\x7f\"}";
	static const char value[] = "a\0b\n\t\b\f\r/\\\"é€😀 é€😀\x7f";
	_cleanup_json_ struct sf_json *json = READ(text);
	const struct sf_json_node *member = sf_json_root(json)->value.first;

	(void)state;
	assert_int_equal(member->key_len, 3);
	assert_memory_equal(member->key, "k\0y", 4);
	assert_int_equal(member->str_len, sizeof(value) - 1);
	assert_memory_equal(member->value.str, value, sizeof(value));
	assert_null(sf_json_member(sf_json_root(json), "k"));
}

static void the_first_of_equal_keys_wins(void **state)
{
	_cleanup_json_ struct sf_json *json =
		READ("{\"a\": 1, \"b\": 2, \"a\": 3, \"\\u0061\": 4}");
	const struct sf_json_node *root = sf_json_root(json);

	(void)state;
	assert_int_equal(root->n, 4);
	assert_int_equal(sf_json_member_u64(root, "a", 0), 1);
	assert_string_equal(root->value.first->next->key, "b");
}

static void typed_members_have_defaults(void **state)
{
	_cleanup_json_ struct sf_json *json = READ(
		"{\"u\":18446744073709551615,\"i\":-5,\"b\":true,\"s\":\"x\",\"r\":1.0,\"n\":null,\"p\":7}");
	const struct sf_json_node *root = sf_json_root(json);

	(void)state;
	assert_true(sf_json_member_u64(root, "u", 0) == UINT64_MAX);
	assert_int_equal(sf_json_member_u64(root, "i", 9), 9);
	assert_int_equal(sf_json_member_u64(root, "r", 9), 9);
	assert_int_equal(sf_json_member_u64(root, "absent", 9), 9);
	assert_int_equal(sf_json_member_u64(NULL, "u", 9), 9);
	assert_int_equal(sf_json_member_u64(sf_json_member(root, "p"), "u", 9), 9);
	assert_int_equal(sf_json_member_i64(root, "i", 9), -5);
	assert_int_equal(sf_json_member_i64(root, "p", 9), 7);
	assert_int_equal(sf_json_member_i64(root, "u", 9), 9);
	assert_true(sf_json_member_bool(root, "b", false));
	assert_true(sf_json_member_bool(root, "u", true));
	assert_string_equal(sf_json_member_str(root, "s", "d"), "x");
	assert_string_equal(sf_json_member_str(root, "n", "d"), "d");
	assert_int_equal(sf_json_member(root, "n")->type, SF_JSON_NULL);
	assert_null(sf_json_element(root, 0));
}

static char *nested(size_t depth, bool close)
{
	char *text = malloc(2 * depth + 1);

	assert_non_null(text);
	memset(text, '[', depth);
	memset(text + depth, close ? ']' : '[', depth);
	text[2 * depth] = '\0';
	return text;
}

static void nesting_has_a_limit_and_a_million_levels_are_refused(void **state)
{
	_cleanup_free_ char *deepest = nested(SF_JSON_DEPTH, true),
			    *deeper = nested(SF_JSON_DEPTH + 1, true);
	_cleanup_free_ char *million = nested(1000000, true), *open = nested(1000000, false);
	_cleanup_json_ struct sf_json *json = READ(deepest);

	(void)state;
	REFUSED(deeper, "line 1, column 513: nested deeper than 512 levels");
	REFUSED(million, "nested deeper");
	REFUSED(open, "nested deeper");
}

/* ---- writer ---- */

static struct sf_json_buffer out;

static struct sf_json_writer *begin(bool pretty)
{
	static struct sf_json_writer w;

	free(out.text);
	out = (struct sf_json_buffer){ 0 };
	memset(&w, 0xa5, sizeof(w)); /* init must not count on zeros */
	sf_json_writer_init(&w, sf_json_buffer_sink, &out, pretty);
	return &w;
}

static int drop_output(void **state)
{
	(void)state;
	free(out.text);
	out = (struct sf_json_buffer){ 0 };
	return 0;
}

static void assert_written(struct sf_json_writer *w, const char *text)
{
	assert_true(sf_json_writer_finish(w));
	assert_string_equal(out.text, text);
	assert_int_equal(out.len, strlen(text));
}

static void write_sample(struct sf_json_writer *w)
{
	sf_json_begin_object(w);
	sf_json_key(w, "u");
	sf_json_u64(w, UINT64_MAX);
	sf_json_key(w, "list");
	sf_json_begin_array(w);
	sf_json_i64(w, INT64_MIN);
	sf_json_i64(w, 0);
	sf_json_bool(w, true);
	sf_json_null(w);
	sf_json_begin_object(w);
	sf_json_end_object(w);
	sf_json_begin_array(w);
	sf_json_end_array(w);
	sf_json_end_array(w);
	sf_json_key(w, "s");
	sf_json_strf(w, "%d%s", 5, "\"");
	sf_json_keyn(w, "raw!", 3);
	sf_json_raw(w, "[1]", 3);
	sf_json_end_object(w);
}

static void the_writer_writes_compact_and_pretty(void **state)
{
	struct sf_json_writer *w = begin(false);

	(void)state;
	write_sample(w);
	assert_written(
		w, "{\"u\":18446744073709551615,\"list\":[-9223372036854775808,0,true,null,{},[]],"
		   "\"s\":\"5\\\"\",\"raw\":[1]}");
	w = begin(true);
	write_sample(w);
	assert_written(
		w,
		"{\n  \"u\": 18446744073709551615,\n  \"list\": [\n    -9223372036854775808,\n    0,\n"
		"    true,\n    null,\n    {},\n    []\n  ],\n  \"s\": \"5\\\"\",\n  \"raw\": [1]\n}");
}

static void the_writer_escapes_and_never_writes_broken_utf8(void **state)
{
	struct sf_json_writer *w = begin(false);

	(void)state;
	sf_json_begin_array(w);
	sf_json_strn(w, "a\0b\x01\n\t\r\b\f\x1f\"\\/\x7f", 14);
	sf_json_str(w, "é€😀");
	sf_json_str(w, "x\xff"
		       "y\xc3");
	sf_json_str(w, "\xed\xa0\x80");
	sf_json_str(w, "long enough that words are scanned \xe2\x82 and on, \"quoted\"");
	sf_json_str(w, "");
	sf_json_str(w, NULL);
	sf_json_end_array(w);
	assert_written(
		w,
		"[\"a\\u0000b\\u0001\\n\\t\\r\\b\\f\\u001f\\\"\\\\/\x7f\",\"é€😀\",\"x\\\\xffy\\\\xc3\","
		"\"\\\\xed\\\\xa0\\\\x80\","
		"\"long enough that words are scanned \\\\xe2\\\\x82 and on, \\\"quoted\\\"\",\"\",null]");
}

static void every_byte_at_every_place_of_a_word_is_scanned_right(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 20; at++) {
			char text[21];
			struct sf_json_writer *w = begin(false);

			memset(text, at % 2 ? '!' : '~', sizeof(text));
			text[at] = (char)c;
			sf_json_strn(w, text, 20);
			assert_true(sf_json_writer_finish(w));
			_cleanup_json_ struct sf_json *json = read_ok(out.text, out.len);
			const struct sf_json_node *root = sf_json_root(json);

			if (c < 0x80) {
				assert_int_equal(root->str_len, 20);
				assert_memory_equal(root->value.str, text, 20);
			} else {
				char escape[8];

				snprintf(escape, sizeof(escape), "\\x%02x", c);
				assert_int_equal(root->str_len, 23);
				assert_memory_equal(root->value.str + at, escape, 4);
			}
		}
	}
}

static void reals_are_short_and_read_back_equal(void **state)
{
	static const struct {
		double value;
		const char *text;
	} table[] = {
		{ 0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1, "1.0" },
		{ -2, "-2.0" },
		{ 0.1, "0.1" },
		{ 0.5, "0.5" },
		{ 123.456, "123.456" },
		{ 1e21, "1e+21" },
		{ 1e-7, "1e-07" },
		{ 0.001, "0.001" },
		{ 0.30000000000000004, "0.30000000000000004" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 123456789012345678.0, "1.2345678901234568e+17" },
		{ 2251799813685249.5, "2251799813685249.5" },
		{ 1e15, "1e+15" },
		{ 123456789012, "123456789012.0" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ NAN, "null" },
		{ INFINITY, "null" },
		{ -INFINITY, "null" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct sf_json_writer *w = begin(false);

		sf_json_f64(w, table[i].value);
		assert_written(w, table[i].text);
	}
}

/* A fixed sequence of bit patterns (xorshift64*): all exponents, and decimals with few digits. */
static void random_reals_read_back_equal(void **state)
{
	uint64_t x = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double v;

		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		uint64_t bits = x * 0x2545f4914f6cdd1du;

		if (i % 2)
			memcpy(&v, &bits, sizeof(v));
		else
			v = (double)(int64_t)(bits >> (bits & 31)) / pow(10, (double)(bits % 13));
		if (!isfinite(v))
			continue;
		struct sf_json_writer *w = begin(false);

		sf_json_f64(w, v);
		assert_true(sf_json_writer_finish(w));
		_cleanup_json_ struct sf_json *json = read_ok(out.text, out.len);

		assert_int_equal(sf_json_root(json)->type, SF_JSON_REAL);
		if (memcmp(&sf_json_root(json)->value.f64, &v, sizeof(v)) != 0 ||
		    strtod(out.text, NULL) != v)
			fail_msg("%.17g is written as %s", v, out.text);
	}
}

/* Some locale with a decimal comma; built here when the system has none compiled. */
static bool set_comma_locale(void)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
					     "ru_RU.UTF-8" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (setlocale(LC_ALL, names[i]))
			return true;
	char dir[] = "/tmp/sf-locale-XXXXXX", command[256];

	if (!mkdtemp(dir))
		return false;
	snprintf(command, sizeof(command),
		 "localedef -c -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null", dir);
	/* localedef warns and fails where a character map is odd, and still writes a locale. */
	bool found = system(command) != -1 && !setenv("LOCPATH", dir, 1) &&
		     setlocale(LC_ALL, "de_DE.UTF-8");

	unsetenv("LOCPATH");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 && found;
}

static void the_locale_has_no_say(void **state)
{
	char text[32];

	(void)state;
	if (!set_comma_locale())
		skip();
	snprintf(text, sizeof(text), "%.1f", 1.5);
	assert_string_equal(text, "1,5");
	_cleanup_json_ struct sf_json *json = READ("[1.5, 1.2345678901234567890123, 1.5e-200]");
	const struct sf_json_node *root = sf_json_root(json);

	assert_true(sf_json_element(root, 0)->value.f64 == 1.5);
	assert_true(sf_json_element(root, 1)->value.f64 == 1.2345678901234567);
	assert_true(sf_json_element(root, 2)->value.f64 == 1.5e-200);
	struct sf_json_writer *w = begin(false);

	sf_json_node(w, root);
	setlocale(LC_ALL, "C");
	assert_written(w, "[1.5,1.2345678901234567,1.5e-200]");
}

static void what_was_read_is_written_the_same(void **state)
{
	static const char text[] =
		"{\"a\":[1,-2,3.5,true,false,null,\"x\\u0000y\",[],{}],\"b\":{\"c\":{\"d\":[[1]]}},"
		"\"k\\u0000\":18446744073709551615,\"a\":1e+300}";
	_cleanup_json_ struct sf_json *json = READ(text);
	struct sf_json_writer *w = begin(false);

	(void)state;
	sf_json_node(w, sf_json_root(json));
	assert_written(w, text);
	w = begin(false);
	sf_json_begin_array(w);
	sf_json_node(w, sf_json_member(sf_json_root(json), "b"));
	sf_json_node(w, sf_json_member(sf_json_root(json), "a"));
	sf_json_end_array(w);
	assert_written(w, "[{\"c\":{\"d\":[[1]]}},[1,-2,3.5,true,false,null,\"x\\u0000y\",[],{}]]");
}

static void misuse_is_told_at_the_end(void **state)
{
	struct sf_json_writer *w = begin(false);

	(void)state;
	assert_false(sf_json_writer_finish(w)); /* nothing at all */
	w = begin(false);
	sf_json_begin_object(w);
	assert_false(sf_json_writer_finish(w)); /* open */
	w = begin(false);
	sf_json_begin_object(w);
	sf_json_u64(w, 1); /* no key */
	sf_json_end_object(w);
	assert_false(sf_json_writer_finish(w));
	w = begin(false);
	sf_json_begin_object(w);
	sf_json_key(w, "k");
	sf_json_end_object(w); /* no value */
	assert_false(sf_json_writer_finish(w));
	w = begin(false);
	sf_json_begin_array(w);
	sf_json_end_object(w); /* the other bracket */
	assert_false(sf_json_writer_finish(w));
	w = begin(false);
	sf_json_end_array(w);
	assert_false(sf_json_writer_finish(w));
	w = begin(false);
	sf_json_u64(w, 1);
	sf_json_u64(w, 2); /* two roots */
	assert_false(sf_json_writer_finish(w));
	w = begin(false);
	sf_json_key(w, "k");
	assert_false(sf_json_writer_finish(w));
}

static void the_writer_has_the_readers_depth(void **state)
{
	struct sf_json_writer *w = begin(false);

	(void)state;
	for (int i = 0; i < SF_JSON_DEPTH; i++)
		sf_json_begin_array(w);
	for (int i = 0; i < SF_JSON_DEPTH; i++)
		sf_json_end_array(w);
	assert_true(sf_json_writer_finish(w));
	_cleanup_json_ struct sf_json *json = read_ok(out.text, out.len);

	w = begin(false);
	sf_json_begin_array(w);
	sf_json_node(w, sf_json_root(json)); /* one too deep */
	sf_json_end_array(w);
	assert_false(sf_json_writer_finish(w));
	w = begin(false);
	for (int i = 0; i < SF_JSON_DEPTH + 1; i++)
		sf_json_begin_object(w);
	assert_false(sf_json_writer_finish(w));
}

static bool refuse(void *arg, const char *text, size_t len)
{
	size_t *left = arg;

	(void)text;
	if (len > *left)
		return false;
	*left -= len;
	return true;
}

static void a_full_sink_stops_the_writer(void **state)
{
	struct sf_json_writer w;
	size_t left = 10000;

	(void)state;
	sf_json_writer_init(&w, refuse, &left, false);
	sf_json_begin_array(&w);
	for (int i = 0; i < 100000; i++)
		sf_json_str(&w, "twenty characters..");
	sf_json_end_array(&w);
	assert_false(sf_json_writer_finish(&w));
	assert_true(left < 10000);
}

static void long_strings_cross_the_buffer_whole(void **state)
{
	(void)state;
	for (size_t len = 1; len < 20000; len += 1 + len / 5) {
		char *text = malloc(len);
		struct sf_json_writer *w = begin(len % 2);

		assert_non_null(text);
		for (size_t i = 0; i < len; i++)
			text[i] = (char)(i % 61 ? 'a' + (char)(i % 26) : '\n');
		sf_json_begin_array(w);
		for (int i = 0; i < 5; i++)
			sf_json_strn(w, text, len);
		sf_json_end_array(w);
		assert_true(sf_json_writer_finish(w));
		_cleanup_json_ struct sf_json *json = read_ok(out.text, out.len);

		for (size_t i = 0; i < 5; i++) {
			assert_int_equal(sf_json_element(sf_json_root(json), i)->str_len, len);
			assert_memory_equal(sf_json_element(sf_json_root(json), i)->value.str, text,
					    len);
		}
		free(text);
	}
}

static void assert_digits(uint64_t v)
{
	char want[32], got[SF_JSON_NUMBER + 1];

	sprintf(want, "%" PRIu64, v);
	*sf_json_text_u64(got, v) = '\0';
	assert_string_equal(got, want);
	sprintf(want, "%" PRId64, (int64_t)v);
	*sf_json_text_i64(got, (int64_t)v) = '\0';
	assert_string_equal(got, want);
}

static void integers_have_as_many_digits_as_they_need(void **state)
{
	uint64_t ten = 1, x = 88172645463325252ull;

	(void)state;
	for (int i = 0; i < 20; i++, ten *= 10) {
		assert_digits(ten - 1);
		assert_digits(ten);
		assert_digits(ten + 1);
		assert_digits(0 - ten);
	}
	for (int bit = 0; bit < 64; bit++) {
		assert_digits(1ull << bit);
		assert_digits((1ull << bit) - 1);
	}
	for (int i = 0; i < 100000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		assert_digits(x >> x % 64);
	}
	assert_digits(UINT64_MAX);
}

static void a_string_may_come_in_pieces(void **state)
{
	struct sf_json_writer *w = begin(false);
	uint8_t bytes[3] = { 0x00, 0xad, 0xff };

	(void)state;
	sf_json_begin_array(w);
	sf_json_begin_str(w);
	sf_json_str_text(w, "a\"", 2);
	sf_json_str_text(w, "", 0);
	sf_json_str_text(w, "\n\xc3\xa9", 3);
	sf_json_end_str(w);
	sf_json_begin_str(w);
	sf_json_end_str(w);
	sf_json_begin_str(w);
	sf_json_str_hex(w, bytes, 1);
	sf_json_str_hex(w, NULL, 2);
	sf_json_str_hex(w, bytes, 0);
	sf_json_str_hex(w, bytes, 3);
	sf_json_end_str(w);
	sf_json_end_array(w);
	assert_written(w, "[\"a\\\"\\n\xc3\xa9\",\"\",\"00 ?? ?? 00 ad ff\"]");
	/* One that is left open is no value. */
	w = begin(false);
	sf_json_begin_str(w);
	assert_false(sf_json_writer_finish(w));
}

static void long_bytes_cross_the_buffer_whole(void **state)
{
	static uint8_t bytes[20000];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t len = 1; len < sizeof(bytes); len += 1 + len / 3) {
		struct sf_json_writer *w = begin(false);

		sf_json_begin_str(w);
		sf_json_str_hex(w, bytes, len / 3);
		sf_json_str_hex(w, bytes + len / 3, len - len / 3);
		sf_json_end_str(w);
		assert_true(sf_json_writer_finish(w));
		assert_int_equal(out.len, 2 + 3 * len - 1);
		for (size_t i = 0; i < len; i++) {
			char want[4];

			sprintf(want, "%02x%c", bytes[i], i + 1 < len ? ' ' : '"');
			assert_memory_equal(out.text + 1 + 3 * i, want, 3);
		}
	}
}

static void a_file_is_a_sink(void **state)
{
	struct sf_json_writer w;
	char text[64] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(f);
	sf_json_writer_init(&w, sf_json_file_sink, f, false);
	sf_json_str(&w, "x");
	assert_true(sf_json_writer_finish(&w));
	fclose(f);
	assert_string_equal(text, "\"x\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_64_bits_are_exact),
		cmocka_unit_test(integers_beyond_64_bits_are_reals),
		cmocka_unit_test(reals_are_the_nearest_double),
		cmocka_unit_test(exponents_and_fractions_without_end_do_not_wrap),
		cmocka_unit_test(what_is_not_json_is_refused_with_line_and_column),
		cmocka_unit_test(bad_strings_are_refused),
		cmocka_unit_test(strings_are_decoded_and_may_hold_nuls),
		cmocka_unit_test(the_first_of_equal_keys_wins),
		cmocka_unit_test(typed_members_have_defaults),
		cmocka_unit_test(nesting_has_a_limit_and_a_million_levels_are_refused),
		cmocka_unit_test_teardown(the_writer_writes_compact_and_pretty, drop_output),
		cmocka_unit_test_teardown(the_writer_escapes_and_never_writes_broken_utf8,
					  drop_output),
		cmocka_unit_test_teardown(every_byte_at_every_place_of_a_word_is_scanned_right,
					  drop_output),
		cmocka_unit_test_teardown(reals_are_short_and_read_back_equal, drop_output),
		cmocka_unit_test_teardown(random_reals_read_back_equal, drop_output),
		cmocka_unit_test_teardown(the_locale_has_no_say, drop_output),
		cmocka_unit_test_teardown(what_was_read_is_written_the_same, drop_output),
		cmocka_unit_test_teardown(misuse_is_told_at_the_end, drop_output),
		cmocka_unit_test_teardown(the_writer_has_the_readers_depth, drop_output),
		cmocka_unit_test(a_full_sink_stops_the_writer),
		cmocka_unit_test_teardown(long_strings_cross_the_buffer_whole, drop_output),
		cmocka_unit_test(integers_have_as_many_digits_as_they_need),
		cmocka_unit_test_teardown(a_string_may_come_in_pieces, drop_output),
		cmocka_unit_test_teardown(long_bytes_cross_the_buffer_whole, drop_output),
		cmocka_unit_test(a_file_is_a_sink),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

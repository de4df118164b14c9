/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every kind of value read as every C type, from typed bytes and from a tree that was read from JSON: both answer alike.
 * And what is no rendered value is refused, by name.
 */
#include <inttypes.h>
#include <math.h>

#include "value/tree.h"
#include "value_bench.h"

/* What each conversion gives: a value, or (label not NULL) what it says is there instead. */
struct row {
	const char *name, *json;
	uint32_t type;
	uint8_t bytes[32];
	size_t len;
	struct { const char *label; uint64_t v; } u64;
	struct { const char *label; int64_t v; } i64;
	struct { const char *label; bool v; } boolean;
	struct { const char *label; double v; } f64;
	struct { const char *label; const char *v; } str;
};

#define NOT(l) { .label = l }
#define IS(x) { .v = x }
#define ALL(l) .u64 = NOT(l), .i64 = NOT(l), .boolean = NOT(l), .f64 = NOT(l), .str = NOT(l)

enum {
	T_S64, T_U64, T_BOOL, T_CHAR, T_F64, T_ENUM, T_ENUM64, T_SENUM, T_PTR, T_STRUCT, T_ARRAY, T_MASK, T_U128, T_FLEX,
	N_TYPES,
};

static const struct row rows[] = {
	{ "int", "{\"kind\":\"int\",\"bits\":64,\"value\":7}", T_S64, { 7 }, 8,
	  IS(7), IS(7), IS(true), IS(7.0), NOT("Int") },
	{ "int 0", "{\"kind\":\"int\",\"bits\":64,\"value\":0}", T_S64, { 0 }, 8,
	  IS(0), IS(0), IS(false), IS(0.0), NOT("Int") },
	{ "negative int", "{\"kind\":\"int\",\"bits\":64,\"value\":-2}", T_S64,
	  { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8,
	  NOT("Int(negative)"), IS(-2), IS(true), IS(-2.0), NOT("Int") },
	{ "lowest int", "{\"kind\":\"int\",\"bits\":64,\"value\":-9223372036854775808}", T_S64,
	  { [7] = 0x80 }, 8, NOT("Int(negative)"), IS(INT64_MIN), IS(true), IS(-9223372036854775808.0), NOT("Int") },
	{ "uint", "{\"kind\":\"uint\",\"bits\":64,\"value\":9223372036854775807}", T_U64,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, 8,
	  IS(INT64_MAX), IS(INT64_MAX), IS(true), IS(9223372036854775807.0), NOT("Uint") },
	{ "uint > i64", "{\"kind\":\"uint\",\"bits\":64,\"value\":18446744073709551615}", T_U64,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8,
	  IS(UINT64_MAX), NOT("Uint(>i64::MAX)"), IS(true), IS(18446744073709551615.0), NOT("Uint") },
	{ "true", "{\"kind\":\"bool\",\"value\":true}", T_BOOL, { 2 }, 1,
	  IS(1), IS(1), IS(true), NOT("Bool"), NOT("Bool") },
	{ "false", "{\"kind\":\"bool\",\"value\":false}", T_BOOL, { 0 }, 1,
	  IS(0), IS(0), IS(false), NOT("Bool"), NOT("Bool") },
	{ "char", "{\"kind\":\"char\",\"value\":200}", T_CHAR, { 200 }, 1,
	  IS(200), IS(200), IS(true), NOT("Char"), NOT("Char") },
	{ "NUL", "{\"kind\":\"char\",\"value\":0}", T_CHAR, { 0 }, 1,
	  IS(0), IS(0), IS(false), NOT("Char"), NOT("Char") },
	{ "float", "{\"kind\":\"float\",\"bits\":64,\"value\":-1.5}", T_F64, { [6] = 0xf8, [7] = 0xbf }, 8,
	  NOT("Float"), NOT("Float"), NOT("Float"), IS(-1.5), NOT("Float") },
	{ "NaN", "{\"kind\":\"float\",\"bits\":64,\"value\":null}", T_F64, { [6] = 0xf8, [7] = 0x7f }, 8,
	  NOT("Float"), NOT("Float"), NOT("Float"), IS(NAN), NOT("Float") },
	{ "enum", "{\"kind\":\"enum\",\"bits\":32,\"value\":3,\"variant\":\"THREE\",\"is_signed\":false}", T_ENUM,
	  { 3 }, 4, IS(3), IS(3), IS(true), IS(3.0), IS("THREE") },
	{ "enum without a name", "{\"kind\":\"enum\",\"bits\":32,\"value\":0,\"variant\":null}", T_ENUM, { 0 }, 4,
	  IS(0), IS(0), IS(false), IS(0.0), NOT("Enum") },
	{ "enum of 64 bits", "{\"kind\":\"enum\",\"bits\":64,\"value\":18446744073709551615,\"variant\":\"ALL\"}", T_ENUM64,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8,
	  IS(UINT64_MAX), IS(-1), IS(true), IS(-1.0), IS("ALL") },
	{ "the same as a bit pattern", "{\"kind\":\"enum\",\"bits\":64,\"value\":-1,\"variant\":\"ALL\"}", T_ENUM64,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8,
	  IS(UINT64_MAX), IS(-1), IS(true), IS(-1.0), IS("ALL") },
	{ "signed enum", "{\"kind\":\"enum\",\"bits\":8,\"value\":1,\"variant\":\"ONE\",\"is_signed\":true}", T_SENUM,
	  { 1 }, 1, IS(1), IS(1), IS(true), IS(1.0), IS("ONE") },
	{ "negative enum", "{\"kind\":\"enum\",\"bits\":8,\"value\":-1,\"variant\":\"MINUS\",\"is_signed\":true}", T_SENUM,
	  { 0xff }, 1, NOT("Enum(signed-negative)"), IS(-1), IS(true), IS(-1.0), IS("MINUS") },
	{ "pointer", "{\"kind\":\"ptr\",\"value\":18446612686364999680}", T_PTR,
	  { 0, 0, 0, 0, 0x81, 0x88, 0xff, 0xff }, 8,
	  IS(0xffff888100000000), NOT("Ptr"), IS(true), NOT("Ptr"), NOT("Ptr") },
	{ "null", "{\"kind\":\"ptr\",\"value\":0}", T_PTR, { 0 }, 8, IS(0), NOT("Ptr"), IS(false), NOT("Ptr"), NOT("Ptr") },
	{ "struct", "{\"kind\":\"struct\",\"members\":[{\"name\":\"x\",\"value\":{\"kind\":\"uint\",\"value\":1}}]}", T_STRUCT,
	  { 1 }, 4, ALL("Struct") },
	{ "array", "{\"kind\":\"array\",\"len\":2,\"elements\":[]}", T_ARRAY, { 1 }, 8, ALL("Array") },
	{ "mask", "{\"kind\":\"cpu_list\",\"cpus\":\"0-2,5\"}", T_MASK, { 0x27 }, 8, ALL("CpuList") },
	{ "bytes", "{\"kind\":\"bytes\",\"hex\":\"01 02\"}", T_U128, { 1 }, 16, ALL("Bytes") },
	{ "truncated", "{\"kind\":\"truncated\",\"needed\":8,\"had\":4,\"partial\":{\"kind\":\"bytes\",\"hex\":\"01\"}}", T_U64,
	  { 1 }, 4, ALL("Truncated") },
	{ "unsupported", "{\"kind\":\"unsupported\",\"reason\":\"because\"}", T_FLEX, { 0 }, 8, ALL("Unsupported") },
};

static void make_types(uint32_t ids[N_TYPES])
{
	ids[T_S64] = s64;
	ids[T_U64] = u64;
	ids[T_BOOL] = btfb_add_int(&b, "bool", 1, BTFB_BOOL);
	ids[T_CHAR] = chr;
	ids[T_F64] = btfb_add_float(&b, "double", 8);
	ids[T_ENUM] = btfb_add_enum(&b, "e", 4, false);
	btfb_enumerator(&b, "THREE", 3);
	ids[T_ENUM64] = btfb_add_enum64(&b, "e64", false);
	btfb_enumerator64(&b, "ALL", UINT64_MAX);
	ids[T_SENUM] = btfb_add_enum(&b, "se", 1, true);
	btfb_enumerator(&b, "MINUS", -1);
	btfb_enumerator(&b, "ONE", 1);
	ids[T_PTR] = btfb_add_ptr(&b, 0);
	ids[T_STRUCT] = btfb_add_struct(&b, "s", 4);
	btfb_member(&b, "x", u32, 0);
	ids[T_ARRAY] = btfb_add_array(&b, u32, u32, 2);
	ids[T_MASK] = btfb_add_struct(&b, "cpumask", 8);
	ids[T_U128] = btfb_add_int(&b, "u128", 16, 0);
	ids[T_FLEX] = btfb_add_array(&b, u32, u32, 0);
}

static void same_label(const struct row *r, const char *to, const char *got, const char *want)
{
	if (!got != !want || (got && strcmp(got, want) != 0))
		fail_msg("%s as %s: %s, not %s", r->name, to, got ? got : "a value", want ? want : "a value");
}

static void check_row(const struct row *r, const struct sf_node *n)
{
	struct sf_trouble why = { 0 };
	const uint64_t canary = 0x5a5a5a5a5a5a5a5a;
	uint64_t u = canary;
	int64_t i = (int64_t)canary;
	double f = 0.125;
	bool yes = false;
	const char *s = "untouched";

	same_label(r, "u64", sf_node_as_u64(n, &u, &why), r->u64.label);
	assert_int_equal(u, r->u64.label ? canary : r->u64.v);
	same_label(r, "i64", sf_node_as_i64(n, &i, &why), r->i64.label);
	assert_int_equal(i, r->i64.label ? (int64_t)canary : r->i64.v);
	same_label(r, "bool", sf_node_as_bool(n, &yes, &why), r->boolean.label);
	assert_int_equal(yes, r->boolean.v);
	same_label(r, "f64", sf_node_as_f64(n, &f, &why), r->f64.label);
	double want = r->f64.label ? 0.125 : r->f64.v;

	assert_true(isnan(want) ? isnan(f) : f == want);
	same_label(r, "str", sf_node_as_str(n, &s, &why), r->str.label);
	assert_string_equal(s, r->str.label ? "untouched" : r->str.v);
	assert_int_equal(why.fault, SF_FAULT_NONE);
}

static struct sf_tree *tree_of(const char *text)
{
	_cleanup_json_ struct sf_json *json = NULL;
	struct sf_tree *tree = NULL;

	assert_ok(sf_json_read(text, strlen(text), &json));
	assert_ok(sf_tree_new(sf_json_root(json), &tree));
	return tree;
}

static void every_kind_as_everything_from_typed_bytes(void **state)
{
	uint32_t ids[N_TYPES];

	(void)state;
	make_types(ids);
	done();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sf_node n = node(ids[rows[i].type], rows[i].bytes, rows[i].len);

		check_row(&rows[i], &n);
	}
}

static void every_kind_as_everything_from_a_tree(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SF_OWNED(tree) tree = tree_of(rows[i].json);
		struct sf_node n = sf_tree_root(tree);

		check_row(&rows[i], &n);
	}
	done();
}

/* Both backends give the same kind, and the same text, of one value. */
static void both_backends_look_alike(void **state)
{
	static const char *const json =
		"{\"kind\":\"struct\",\"type_name\":\"s\",\"members\":["
		"{\"name\":\"a\",\"value\":{\"kind\":\"uint\",\"bits\":32,\"value\":1}},"
		"{\"name\":\"mode\",\"value\":{\"kind\":\"enum\",\"bits\":32,\"value\":2,\"variant\":\"TWO\"}},"
		"{\"name\":\"arr\",\"value\":{\"kind\":\"array\",\"len\":2,\"elements\":["
		"{\"kind\":\"uint\",\"bits\":16,\"value\":3},{\"kind\":\"uint\",\"bits\":16,\"value\":4}]}},"
		"{\"name\":\"who\",\"value\":{\"kind\":\"cpu_list\",\"cpus\":\"1-2\"}},"
		"{\"name\":\"cut\",\"value\":{\"kind\":\"truncated\",\"needed\":8,\"had\":4,"
		"\"partial\":{\"kind\":\"bytes\",\"hex\":\"09 00 00 00\"}}}]}";
	uint32_t mode, arr, mask, cut, sec;
	char a[512], c[512];

	(void)state;
	mode = btfb_add_enum(&b, "mode", 4, false);
	btfb_enumerator(&b, "TWO", 2);
	arr = btfb_add_array(&b, u16, u32, 2);
	mask = btfb_add_struct(&b, "cpumask", 8);
	cut = btfb_add_struct(&b, "s", 24);
	btfb_member(&b, "a", u32, 0);
	btfb_member(&b, "mode", mode, 32);
	btfb_member(&b, "arr", arr, 64);
	btfb_member(&b, "who", mask, 96);
	btfb_member(&b, "cut", u64, 160);
	sec = cut;
	done();
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node typed = node(sec, "\1\0\0\0\2\0\0\0\3\0\4\0\6\0\0\0\0\0\0\0\11\0\0\0", 24), root = sf_tree_root(tree);
	struct sf_member_iter i1 = { 0 }, i2 = { 0 };
	struct sf_node m1, m2;
	const char *n1, *n2;

	sf_node_text(&typed, a, sizeof(a));
	sf_node_text(&root, c, sizeof(c));
	assert_string_equal(a, c);
	while (sf_node_next_member(&typed, &i1, &n1, &m1)) {
		assert_true(sf_node_next_member(&root, &i2, &n2, &m2));
		assert_string_equal(n1, n2);
		assert_string_equal(sf_kind_name(sf_node_kind(&m1)), sf_kind_name(sf_node_kind(&m2)));
		m2 = member(&root, n1);
		assert_int_equal(sf_node_len(&m1, NULL), sf_node_len(&m2, NULL));
	}
	assert_false(sf_node_next_member(&root, &i2, &n2, &m2));
}

/* ---- trees ------------------------------------------------------------------------------------------- */

static void a_tree_follows_its_pointers(void **state)
{
	SF_OWNED(tree) tree = tree_of("{\"kind\":\"ptr\",\"value\":4096,\"cast_annotation\":\"a task\",\"deref\":"
				      "{\"kind\":\"struct\",\"members\":[{\"name\":\"pid\",\"value\":"
				      "{\"kind\":\"int\",\"bits\":32,\"value\":-3}}]}}");
	SF_OWNED(tree) cycle = tree_of("{\"kind\":\"ptr\",\"value\":1,\"deref_skipped_reason\":\"cycle\"}");
	struct sf_node n = sf_tree_root(tree), c = sf_tree_root(cycle), to;
	struct sf_trouble why;
	const char *skipped;
	char text[128];

	(void)state;
	done();
	assert_int_equal(sf_node_peel(&n, &to, &why), SF_STEP_OK);
	to = member(&to, "pid");
	assert_int_equal(scalar(&to).i64, -3);
	assert_text(&n, "0x1000 (a task) → {pid=-3}");
	assert_int_equal(sf_node_deref(&c, &to, &skipped, &why), SF_STEP_NONE);
	assert_string_equal(skipped, "cycle");
	sf_node_text(&c, text, sizeof(text));
	assert_string_equal(text, "0x1 [cycle]");
}

static void a_tree_has_as_many_elements_as_were_written(void **state)
{
	SF_OWNED(tree) tree = tree_of("{\"kind\":\"array\",\"len\":9,\"elements\":[{\"kind\":\"uint\",\"value\":1},"
				      "{\"kind\":\"uint\",\"value\":2}]}");
	struct sf_node n = sf_tree_root(tree), e;
	uint64_t present;

	(void)state;
	done();
	assert_int_equal(sf_node_len(&n, &present), 9);
	assert_int_equal(present, 2);
	assert_int_equal(sf_node_index(&n, 1, &e), SF_STEP_OK);
	assert_int_equal(scalar(&e).u64, 2);
	assert_int_equal(sf_node_index(&n, 2, &e), SF_STEP_NONE);
}

static void what_is_no_rendered_value_is_refused(void **state)
{
	static const struct {
		const char *json, *says;
	} bad[] = {
		{ "[]", "the value: an object should be here, not a list" },
		{ "{}", "kind: the kind of a value" },
		{ "{\"kind\":7}", "kind: the kind of a value should be here, not 7" },
		{ "{\"kind\":\"tensor\"}", "tensor" },
		{ "{\"kind\":\"int\"}", "value: an integer should be here, not nothing" },
		{ "{\"kind\":\"int\",\"value\":1.5}", "value: an integer should be here, not 1.5" },
		{ "{\"kind\":\"int\",\"value\":9223372036854775808}", "up to 9223372036854775807" },
		{ "{\"kind\":\"uint\",\"value\":-1}", "value: an integer from 0 to 18446744073709551615 should be here, not -1" },
		{ "{\"kind\":\"char\",\"value\":256}", "from 0 to 255" },
		{ "{\"kind\":\"bool\",\"value\":1}", "value: true or false should be here, not 1" },
		{ "{\"kind\":\"float\",\"value\":\"x\"}", "value: a number or null should be here, not \"x\"" },
		{ "{\"kind\":\"enum\",\"value\":true}", "value: an integer should be here, not true" },
		{ "{\"kind\":\"ptr\",\"value\":1,\"deref\":{\"kind\":\"nope\"}}", "deref.kind: " },
		{ "{\"kind\":\"struct\"}", "members: a list should be here, not nothing" },
		{ "{\"kind\":\"struct\",\"members\":[{\"name\":\"a\"}]}", "members[0].value: an object should be here, not nothing" },
		{ "{\"kind\":\"struct\",\"members\":[{\"name\":\"abc\",\"value\":{}}]}", "members[0].value.kind: " },
		{ "{\"kind\":\"struct\",\"members\":[1]}", "members[0]: an object should be here, not 1" },
		{ "{\"kind\":\"array\",\"elements\":{}}", "elements: a list should be here, not an object" },
		{ "{\"kind\":\"array\",\"elements\":[{\"kind\":\"uint\",\"value\":1},{}]}", "elements[1].kind: " },
		{ "{\"kind\":\"bytes\",\"hex\":\"0\"}", "hex" },
		{ "{\"kind\":\"bytes\",\"hex\":\"01 2\"}", "hex" },
		{ "{\"kind\":\"bytes\",\"hex\":\"0102\"}", "hex" },
		{ "{\"kind\":\"bytes\",\"hex\":\"AA\"}", "hex" },
		{ "{\"kind\":\"bytes\",\"hex\":\"01  2\"}", "hex" },
		{ "{\"kind\":\"cpu_list\",\"cpus\":\"5-3\"}", "cpus" },
		{ "{\"kind\":\"cpu_list\",\"cpus\":\"1,\"}", "cpus" },
		{ "{\"kind\":\"cpu_list\",\"cpus\":\"-1\"}", "cpus" },
		{ "{\"kind\":\"cpu_list\",\"cpus\":\" 1\"}", "cpus" },
		{ "{\"kind\":\"cpu_list\",\"cpus\":\"99999999\"}", "cpus" },
		{ "{\"kind\":\"cpu_list\",\"cpus\":\"1-\"}", "cpus" },
		{ "{\"kind\":\"truncated\",\"needed\":1,\"had\":0}", "partial: an object should be here, not nothing" },
	};

	(void)state;
	done();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_json_ struct sf_json *json = NULL;
		struct sf_tree *tree = NULL;

		assert_ok(sf_json_read(bad[i].json, strlen(bad[i].json), &json));
		assert_says(sf_tree_new(sf_json_root(json), &tree), SF_BAD_INPUT, bad[i].says);
		assert_null(tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(every_kind_as_everything_from_typed_bytes),
		BENCH_TEST(every_kind_as_everything_from_a_tree),
		BENCH_TEST(both_backends_look_alike),
		BENCH_TEST(a_tree_follows_its_pointers),
		BENCH_TEST(a_tree_has_as_many_elements_as_were_written),
		BENCH_TEST(what_is_no_rendered_value_is_refused),
	};

	return run_bench(tests);
}

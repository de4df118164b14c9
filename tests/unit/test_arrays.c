/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arrays as C numbers, as text and element by element; from reports and from typed memory alike. */
#include "typed_test.h"

#include <math.h>

/* ---- every kind as every type ------------------------------------------------------------------------------------- */

enum { U64, U32, I64, F64, BOOLEAN, N_TO };
static const char *const expected[N_TO] = { "[u64]", "[u32]", "[i64]", "[f64]", "[bool]" };

/* What an array of one such element gives: a number, or (label) what it says is there. */
struct row {
	const char *json, *label;
	bool to[N_TO];
	double v;
	uint32_t type;     /* of memory: index into types[]; 0: only of reports */
	uint8_t bytes[16];
	size_t len;
};

enum { T_NONE, T_U64, T_S64, T_BOOL, T_CHAR, T_F64, T_ENUM, T_SENUM, T_PTR, T_STRUCT, T_ARRAY, T_MASK, T_U128, N_TYPES };

#define ENUMV(v, s) "{\"kind\":\"enum\",\"bits\":64,\"value\":" #v ",\"variant\":\"E\",\"is_signed\":" #s "}"

static const struct row rows[] = {
	{ UINT(7), "Uint", { 1, 1, 1, 1, 1 }, 7, T_U64, { 7 }, 8 },
	{ UINT(4294967296), "Uint", { 1, 0, 1, 1, 1 }, 4294967296.0, T_U64, { [4] = 1 }, 8 },
	{ UINT(18446744073709551615), "Uint", { 1, 0, 0, 1, 1 }, 18446744073709551615.0, T_U64,
	  { 255, 255, 255, 255, 255, 255, 255, 255 }, 8 },
	{ INT(7), "Int", { 1, 1, 1, 1, 1 }, 7, T_S64, { 7 }, 8 },
	{ INT(-2), "Int", { 0, 0, 1, 1, 1 }, -2, T_S64, { 254, 255, 255, 255, 255, 255, 255, 255 }, 8 },
	{ BOOL(true), "Bool", { 1, 1, 1, 0, 1 }, 1, T_BOOL, { 1 }, 1 },
	{ CHAR(200), "Char", { 1, 1, 1, 0, 1 }, 200, T_CHAR, { 200 }, 1 },
	{ FLOAT(-1.5), "Float", { 0, 0, 0, 1, 0 }, -1.5, T_F64, { [6] = 0xf8, [7] = 0xbf }, 8 },
	{ ENUMV(-1, false), "Enum", { 1, 0, 1, 1, 1 }, -1, T_ENUM, { 255, 255, 255, 255, 255, 255, 255, 255 }, 8 },
	{ ENUMV(-5, true), "Enum", { 0, 0, 1, 1, 1 }, -5, T_SENUM, { 251, 255, 255, 255, 255, 255, 255, 255 }, 8 },
	{ BARE_PTR(4096), "Ptr", { 1, 1, 0, 0, 1 }, 4096, T_PTR, { [1] = 16 }, 8 },
	{ STRUCT(MEMBER("x", UINT(1))), "Struct", { 0 }, 0, T_STRUCT, { 1 }, 4 },
	{ ARRAY(1, UINT(1)), "Array", { 0 }, 0, T_ARRAY, { 1 }, 8 },
	{ CPUS, "CpuList", { 0 }, 0, T_MASK, { 7 }, 8 },
	{ BYTES, "Bytes", { 0 }, 0, T_U128, { 1 }, 16 },
	{ CUT(BYTES), "Truncated", { 0 }, 0, T_NONE, { 0 }, 0 },
	{ UNSUPPORTED, "Unsupported", { 0 }, 0, T_NONE, { 0 }, 0 },
};

static void check_numbers(struct sf_field f, const struct row *r)
{
	uint64_t *u64 = NULL;
	uint32_t *u32 = NULL;
	int64_t *i64 = NULL;
	double *f64 = NULL;
	bool *yes = NULL;
	size_t n[N_TO] = { 0 };
	char label[64];
	struct sf_value raw;
	struct sf_error *errs[N_TO] = {
		[U64] = sf_field_as_u64_array(f, &u64, &n[U64]), [U32] = sf_field_as_u32_array(f, &u32, &n[U32]),
		[I64] = sf_field_as_i64_array(f, &i64, &n[I64]), [F64] = sf_field_as_f64_array(f, &f64, &n[F64]),
		[BOOLEAN] = sf_field_as_bool_array(f, &yes, &n[BOOLEAN]),
	};

	snprintf(label, sizeof(label), "Array[0]=%s", r->label);
	for (int to = 0; to < N_TO; to++) {
		if (!r->to[to]) {
			assert_mismatch(errs[to], expected[to], label);
			assert_int_equal(n[to], 0);
			continue;
		}
		assert_ok(errs[to]);
		assert_int_equal(n[to], 1);
	}
	/* 2^64 is the double next to the largest of them. */
	assert_true(!r->to[U64] || (r->v > 1e19 ? u64[0] > UINT64_C(10000000000000000000) :
				    u64[0] == (r->v < 0 ? (uint64_t)(int64_t)r->v : (uint64_t)r->v)));
	assert_true(!r->to[U32] || u32[0] == (uint32_t)r->v);
	assert_true(!r->to[I64] || i64[0] == (int64_t)r->v);
	assert_true(!r->to[F64] || f64[0] == r->v);
	assert_true(!r->to[BOOLEAN] || yes[0]);
	free(u64);
	free(u32);
	free(i64);
	free(f64);
	free(yes);
	/* Raw values accept the same. */
	assert_true(sf_field_raw(f, &raw));
	u64 = NULL;
	u32 = NULL;
	i64 = NULL;
	f64 = NULL;
	yes = NULL;
	assert_int_equal(sf_value_as_u64_array(raw, &u64, &n[0]), r->to[U64]);
	assert_int_equal(sf_value_as_u32_array(raw, &u32, &n[0]), r->to[U32]);
	assert_int_equal(sf_value_as_i64_array(raw, &i64, &n[0]), r->to[I64]);
	assert_int_equal(sf_value_as_f64_array(raw, &f64, &n[0]), r->to[F64]);
	assert_int_equal(sf_value_as_bool_array(raw, &yes, &n[0]), r->to[BOOLEAN]);
	free(u64);
	free(u32);
	free(i64);
	free(f64);
	free(yes);
}

static void every_kind_in_an_array_of_a_report(void **state)
{
	char json[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(json, sizeof(json), REPORT(SINGLE("v", ARRAY(1, "%s"))), rows[i].json);
		_cleanup_ask_ struct ask a = ask_json(json);

		check_numbers(the_value(&a), &rows[i]);
	}
}

static void every_kind_in_an_array_in_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].type)
			continue;

		_cleanup_typed_ struct typed_ask t;
		uint32_t types[N_TYPES] = { 0 };

		typed_begin(&t);
		types[T_U64] = t.u64;
		types[T_S64] = t.s64;
		types[T_BOOL] = t.yes;
		types[T_CHAR] = t.chr;
		types[T_F64] = t.f64;
		types[T_ENUM] = btfb_add_enum64(t.b, "e", false);
		types[T_SENUM] = btfb_add_enum64(t.b, "se", true);
		types[T_PTR] = btfb_add_ptr(t.b, 0);
		types[T_STRUCT] = btfb_add_struct(t.b, "s", 4);
		btfb_member(t.b, "x", t.u32, 0);
		types[T_ARRAY] = btfb_add_array(t.b, t.u32, t.u32, 2);
		types[T_MASK] = btfb_add_struct(t.b, "cpumask", 8);
		types[T_U128] = btfb_add_int(t.b, "u128", 16, 0);
		uint32_t array = btfb_add_array(t.b, types[rows[i].type], t.u32, 1);

		typed_open(&t, array, rows[i].bytes, rows[i].len);
		check_numbers(the_value(&t.ask), &rows[i]);
	}
}

/* ---- where the array is -------------------------------------------------------------------------------------------- */

static void assert_u64s(struct sf_field f, size_t n, const uint64_t *want)
{
	uint64_t *got = NULL;
	size_t got_n = 99;

	assert_ok(sf_field_as_u64_array(f, &got, &got_n));
	assert_non_null(got);
	assert_int_equal(got_n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], want[i]);
	free(got);
}

#define U64S(...) (sizeof((uint64_t[]){ __VA_ARGS__ }) / 8), (const uint64_t[]){ __VA_ARGS__ }

static size_t count_members(struct sf_field f)
{
	struct sf_field m;
	size_t n = 0;

	sf_for_each_member(m, f) {
		assert_true(sf_field_is_present(m));
		n++;
	}
	return n;
}

static void edge_42_what_was_cut(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", STRUCT(
		MEMBER("s", CUT(STRUCT(MEMBER("x", UINT(5))))) "," MEMBER("arr", CUT(ARRAY(9, UINT(1) "," UINT(2)))) ","
		MEMBER("nest", PTR(1, CUT(PTR(2, CUT(ARRAY(1, UINT(8))))))) "," MEMBER("n", CUT(STRUCT(""))) ","
		MEMBER("p", PTR(1, STRUCT("")))))));
	struct sf_field v = the_value(&a);
	struct sf_value raw, x;
	uint64_t *got = NULL;
	size_t n = 99;

	(void)state;
	assert_string_equal(payload_of(sf_field_error(sf_field_get(v, "s.x")), SF_NOT_A_STRUCT)->kind, "Truncated");
	assert_true(sf_field_raw(sf_field_get(v, "s"), &raw));
	assert_true(sf_value_member(raw, "x", &x));
	assert_u64s(sf_field_get(v, "arr"), U64S(1, 2));
	assert_int_equal(count_members(sf_field_get(v, "arr")), 2);
	assert_u64s(sf_field_get(v, "nest"), U64S(8));
	assert_mismatch(sf_field_as_u64_array(sf_field_get(v, "n"), &got, &n), "[u64]", "Truncated(partial=Struct)");
	assert_mismatch(sf_field_as_u64_array(sf_field_get(v, "p"), &got, &n), "[u64]", "Struct");
	assert_mismatch(sf_field_as_u64_array(v, &got, &n), "[u64]", "Struct");
	assert_int_equal(count_members(sf_field_get(v, "n")), 0);
	assert_null(got);
	assert_int_equal(n, 99);
}

static void edge_45_all_or_nothing(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", STRUCT(
		MEMBER("large", ARRAY(2, UINT(1) "," UINT(4294967296))) "," MEMBER("none", ARRAY(0, "")) ","
		MEMBER("bad", ARRAY(3, UINT(1) "," UINT(2) "," STRUCT(""))) "," MEMBER("short", ARRAY(7, UINT(1)))))));
	struct sf_field v = the_value(&a);
	uint32_t *u32 = NULL;
	uint64_t *u64 = NULL;
	size_t n = 99;

	(void)state;
	assert_mismatch(sf_field_as_u32_array(sf_field_get(v, "large"), &u32, &n), "[u32]", "Array[1]=Uint");
	assert_u64s(sf_field_get(v, "large"), U64S(1, 4294967296));
	assert_u64s(sf_field_get(v, "none"), 0, NULL);
	assert_mismatch(sf_field_as_u64_array(sf_field_get(v, "bad"), &u64, &n), "[u64]", "Array[2]=Struct");
	assert_u64s(sf_field_get(v, "short"), U64S(1));
	payload_of(sf_field_as_u64_array(sf_field_get(v, "nope"), &u64, &n), SF_FIELD_NOT_FOUND);
	assert_int_equal(n, 99);
}

static void a_long_array_in_memory(void **state)
{
	enum { N = 3000 };
	_cleanup_typed_ struct typed_ask t;
	_cleanup_free_ uint32_t *values = malloc(N * 4);
	struct sf_field f;
	uint64_t *got;
	size_t n, i = 0;

	(void)state;
	typed_begin(&t);
	uint32_t array = btfb_add_array(t.b, t.u32, t.u32, N);

	for (uint32_t k = 0; k < N; k++)
		values[k] = k * 3;
	typed_open(&t, array, values, N * 4);
	assert_ok(sf_field_as_u64_array(the_value(&t.ask), &got, &n));
	assert_int_equal(n, N);
	sf_for_each_member(f, the_value(&t.ask)) {
		assert_int_equal(u64_of(f), got[i]);
		assert_int_equal(got[i], i * 3);
		i++;
	}
	assert_int_equal(i, N);
	free(got);
}

/* Ten bytes of an array of five numbers of four: two are there, and a part of the third. */
static void an_array_that_is_shorter_than_its_type(void **state)
{
	_cleanup_typed_ struct typed_ask t;
	size_t n = 0;

	(void)state;
	typed_begin(&t);
	uint32_t array = btfb_add_array(t.b, t.u32, t.u32, 5);

	typed_open(&t, array, (const uint32_t[]){ 7, 8, 9 }, 10);
	assert_u64s(the_value(&t.ask), U64S(7, 8));
	n = count_members(the_value(&t.ask));
	assert_in_range(n, 2, 3);
}

static void pointers_to_arrays_are_followed_and_circles_end(void **state)
{
	_cleanup_typed_ struct typed_ask t;
	struct { uint64_t array, circle, gone; } v = { .gone = 0xffffc8ffffff0000 };
	uint32_t array, array_ptr, s, loop;
	uint64_t *got = NULL;
	struct sf_value raw;
	size_t n = 0;

	(void)state;
	typed_begin(&t);
	array = btfb_add_array(t.b, t.u64, t.u32, 2);
	array_ptr = btfb_add_ptr(t.b, array);
	loop = btfb_add_ptr(t.b, t.b->next_id); /* to itself */
	s = btfb_add_struct(t.b, "s", sizeof(v));
	btfb_member(t.b, "array", array_ptr, 0);
	btfb_member(t.b, "circle", loop, 64);
	btfb_member(t.b, "gone", array_ptr, 128);
	v.array = fake_kmalloc(t.g, 16);
	fake_u64(t.g, v.array, 3);
	fake_u64(t.g, v.array + 8, 4);
	v.circle = fake_kmalloc(t.g, 24);
	/* Three pointers in a circle. */
	for (int i = 0; i < 3; i++)
		fake_u64(t.g, v.circle + 8ull * (uint64_t)i, v.circle + 8ull * (uint64_t)((i + 1) % 3));
	typed_open(&t, s, &v, sizeof(v));
	assert_u64s(sf_field_get(the_value(&t.ask), "array"), U64S(3, 4));
	assert_mismatch(sf_field_as_u64_array(sf_field_get(the_value(&t.ask), "circle"), &got, &n), "[u64]", "Ptr");
	payload_of(sf_field_as_u64_array(sf_field_get(the_value(&t.ask), "gone"), &got, &n), SF_PAGE_NOT_KEPT);
	assert_int_equal(count_members(sf_field_get(the_value(&t.ask), "circle")), 0);
	assert_true(sf_field_raw(sf_field_get(the_value(&t.ask), "circle"), &raw));
	assert_false(sf_value_index(raw, 0, &raw));
	payload_of(sf_field_error(sf_field_get(the_value(&t.ask), "circle.x")), SF_NOT_A_STRUCT);
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

static void assert_reads(struct sf_field f, size_t size, const char *want)
{
	char buf[64];

	memset(buf, '?', sizeof(buf));
	assert_ok(sf_field_as_text(f, buf, size));
	assert_string_equal(buf, want);
	assert_int_equal(buf[size], '?');
}

static void text_in_memory(void **state)
{
	_cleanup_typed_ struct typed_ask t;
	struct { char comm[16], full[4]; uint8_t raw[4]; uint32_t n; uint64_t p; uint32_t words[2]; } v = {
		.comm = "worker/0\0junk", .full = { 'a', 'b', 'c', 'd' }, .raw = { 'x', 0x1b, 0xff, 0 }, .n = 3,
	};
	uint32_t comm, full, raw, words, ptr, s;
	char buf[8] = "before";

	(void)state;
	typed_begin(&t);
	comm = btfb_add_array(t.b, t.chr, t.u32, 16);
	full = btfb_add_array(t.b, t.chr, t.u32, 4);
	raw = btfb_add_array(t.b, t.u8, t.u32, 4);
	words = btfb_add_array(t.b, t.u32, t.u32, 2);
	ptr = btfb_add_ptr(t.b, comm);
	s = btfb_add_struct(t.b, "s", sizeof(v));
	btfb_member(t.b, "comm", comm, offsetof(__typeof__(v), comm) * 8);
	btfb_member(t.b, "full", full, offsetof(__typeof__(v), full) * 8);
	btfb_member(t.b, "raw", raw, offsetof(__typeof__(v), raw) * 8);
	btfb_member(t.b, "n", t.u32, offsetof(__typeof__(v), n) * 8);
	btfb_member(t.b, "p", ptr, offsetof(__typeof__(v), p) * 8);
	btfb_member(t.b, "words", words, offsetof(__typeof__(v), words) * 8);
	v.p = fake_kmalloc(t.g, 16);
	fake_write(t.g, v.p, "far", 4);
	typed_open(&t, s, &v, sizeof(v));
	struct sf_field f = the_value(&t.ask);

	assert_reads(sf_field_get(f, "comm"), 20, "worker/0");
	assert_reads(sf_field_get(f, "comm"), 9, "worker/0");
	assert_reads(sf_field_get(f, "comm"), 8, "worker/");
	assert_reads(sf_field_get(f, "comm"), 1, "");
	assert_reads(sf_field_get(f, "full"), 20, "abcd");
	assert_reads(sf_field_get(f, "raw"), 20, "x\\x1b\\xff");
	/* What does not fit whole is not there by half. */
	assert_reads(sf_field_get(f, "raw"), 9, "x\\x1b");
	assert_reads(sf_field_get(f, "p"), 20, "far");
	assert_mismatch(sf_field_as_text(sf_field_get(f, "n"), buf, 8), "text (char array)", "Uint");
	assert_mismatch(sf_field_as_text(sf_field_get(f, "words"), buf, 8), "text (char array)", "Array[0]=Uint");
	assert_mismatch(sf_field_as_text(f, buf, 8), "text (char array)", "Struct");
	payload_of(sf_field_as_text(sf_field_get(f, "nope"), buf, 8), SF_FIELD_NOT_FOUND);
	assert_says(sf_field_as_text(sf_field_get(f, "comm"), buf, 0), SF_USAGE, "no room");
	assert_string_equal(buf, "before");
}

static void text_of_bytes_without_a_type(void **state)
{
	_cleanup_typed_ struct typed_ask t;

	(void)state;
	typed_begin(&t);
	typed_open(&t, 0, "hello\0world", 12);
	assert_reads(the_value(&t.ask), 20, "hello");
}

static void text_of_a_report(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", STRUCT(
		MEMBER("name", ARRAY(4, CHAR(104) "," CHAR(105) "," CHAR(0) "," CHAR(106))) ","
		MEMBER("cut", CUT(ARRAY(16, CHAR(104) "," CHAR(9)))) "," MEMBER("wide", ARRAY(1, UINT(104))) ","
		MEMBER("late", ARRAY(3, CHAR(104) "," CHAR(105) "," STRUCT("")))))));
	char buf[8] = "before";

	(void)state;
	assert_reads(sf_field_get(the_value(&a), "name"), 20, "hi");
	assert_reads(sf_field_get(the_value(&a), "cut"), 20, "h\\x09");
	assert_mismatch(sf_field_as_text(sf_field_get(the_value(&a), "wide"), buf, 8), "text (char array)", "Array[0]=Uint");
	assert_mismatch(sf_field_as_text(sf_field_get(the_value(&a), "late"), buf, 8), "text (char array)", "Array[2]=Struct");
	assert_string_equal(buf, "before");
}

/* Of bytes that were cut there are those that were written down. */
static void text_of_bytes_that_were_cut(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", "{\"kind\":\"bytes\",\"len\":9,\"hex\":\"68 69\"}")));

	(void)state;
	assert_reads(the_value(&a), 20, "hi");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_in_an_array_of_a_report),
		cmocka_unit_test(every_kind_in_an_array_in_memory),
		cmocka_unit_test(edge_42_what_was_cut),
		cmocka_unit_test(edge_45_all_or_nothing),
		cmocka_unit_test(a_long_array_in_memory),
		cmocka_unit_test(an_array_that_is_shorter_than_its_type),
		cmocka_unit_test(pointers_to_arrays_are_followed_and_circles_end),
		cmocka_unit_test(text_in_memory),
		cmocka_unit_test(text_of_bytes_without_a_type),
		cmocka_unit_test(text_of_a_report),
		cmocka_unit_test(text_of_bytes_that_were_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

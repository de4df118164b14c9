/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed nodes: what bytes and BTF say together, kind by kind. */
#include "value_bench.h"

/* ---- integers ---------------------------------------------------------------------------------------- */

static void integers_are_sign_extended_from_their_width(void **state)
{
	static const uint8_t ones[16] = { [0 ... 15] = 0xff };
	uint32_t ids[9][2];

	(void)state;
	for (uint32_t size = 1; size <= 8; size++) {
		ids[size][0] = btfb_add_int(&b, "u", size, 0);
		ids[size][1] = btfb_add_int(&b, "s", size, BTFB_SIGNED);
	}
	done();
	for (uint32_t size = 1; size <= 8; size++) {
		struct sf_node u = node(ids[size][0], ones, size), s = node(ids[size][1], ones, size);

		assert_kind(&u, SF_UINT);
		assert_kind(&s, SF_INT);
		assert_int_equal(scalar(&u).u64, size == 8 ? UINT64_MAX : (1ull << 8 * size) - 1);
		assert_int_equal(scalar(&u).bits, 8 * size);
		assert_int_equal(scalar(&s).i64, -1);
		assert_int_equal(scalar(&s).bits, 8 * size);
	}
}

static void an_integer_of_128_bits_is_bytes(void **state)
{
	uint32_t wide = btfb_add_int(&b, "u128", 16, 0);
	uint8_t bytes[16], got[32];
	struct sf_trouble why;
	size_t len = sizeof(got);

	(void)state;
	done();
	for (uint8_t i = 0; i < 16; i++)
		bytes[i] = i;
	struct sf_node n = node(wide, bytes, 16);

	assert_kind(&n, SF_BYTES);
	assert_int_equal(sf_node_bytes(&n, 0, got, &len, &why), SF_STEP_OK);
	assert_int_equal(len, 16);
	assert_memory_equal(got, bytes, 16);
	assert_text(&n, "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f");
}

static void a_bool_of_any_width_is_true_if_any_byte_is(void **state)
{
	static const uint32_t widths[] = { 1, 2, 4, 8, 16, 100 };
	uint32_t ids[ARRAY_SIZE(widths)];
	uint8_t bytes[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		ids[i] = btfb_add_int(&b, "bool", widths[i], BTFB_BOOL);
	done();
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		memset(bytes, 0, sizeof(bytes));
		struct sf_node no = node(ids[i], bytes, widths[i]);

		bytes[widths[i] - 1] = 0x80;
		struct sf_node yes = node(ids[i], bytes, widths[i]);

		assert_kind(&no, SF_BOOL);
		assert_int_equal(scalar(&no).u64, 0);
		assert_int_equal(scalar(&yes).u64, 1);
	}
}

static void chars_are_one_byte_and_wider_ones_are_integers(void **state)
{
	uint32_t wide = btfb_add_int(&b, "wchar", 4, BTFB_CHAR);

	(void)state;
	done();
	struct sf_node c = node(chr, "\xe9", 1), w = node(wide, "A\0\0\0", 4);

	assert_kind(&c, SF_CHAR);
	assert_int_equal(scalar(&c).u64, 0xe9);
	assert_text(&c, "0xe9");
	assert_kind(&w, SF_UINT);
	assert_int_equal(scalar(&w).u64, 'A');
}

static void floats_have_four_or_eight_bytes(void **state)
{
	uint32_t f32 = btfb_add_float(&b, "float", 4), f64 = btfb_add_float(&b, "double", 8);
	uint32_t f16 = btfb_add_float(&b, "_Float16", 2), f80 = btfb_add_float(&b, "long double", 16);
	float f = -1.5f;
	double d = 1e300;
	uint8_t zeroes[16] = { 0 };

	(void)state;
	done();
	struct sf_node a = node(f32, &f, 4), c = node(f64, &d, 8), e = node(f16, zeroes, 2), g = node(f80, zeroes, 16);

	assert_true(scalar(&a).f64 == -1.5 && scalar(&a).bits == 32);
	assert_true(scalar(&c).f64 == 1e300 && scalar(&c).bits == 64);
	assert_kind(&e, SF_UNSUPPORTED);
	assert_kind(&g, SF_UNSUPPORTED);
	assert_non_null(sf_node_note(&g));
}

/* ---- enums ------------------------------------------------------------------------------------------- */

static void an_enum_has_the_name_of_its_value(void **state)
{
	uint32_t mode = btfb_add_enum(&b, "mode", 4, false);

	btfb_enumerator(&b, "OFF", 0);
	btfb_enumerator(&b, "TOP", -1);
	(void)state;
	done();
	struct sf_node off = node(mode, "\0\0\0\0", 4), top = node(mode, "\xff\xff\xff\xff", 4);
	struct sf_node other = node(mode, "\7\0\0\0", 4);

	assert_string_equal(scalar(&off).variant, "OFF");
	assert_string_equal(scalar(&top).variant, "TOP");
	assert_int_equal(scalar(&top).i64, 0xffffffff);
	assert_false(scalar(&top).is_signed);
	assert_null(scalar(&other).variant);
	assert_int_equal(scalar(&other).i64, 7);
	assert_text(&top, "TOP (4294967295)");
	assert_text(&other, "7");
	assert_string_equal(sf_node_type_name(&off), "mode");
}

static void a_signed_enum_of_one_byte_matches_minus_one(void **state)
{
	uint32_t small = btfb_add_enum(&b, "small", 1, true), two;

	btfb_enumerator(&b, "MINUS", -1);
	two = btfb_add_enum(&b, "two", 2, true);
	btfb_enumerator(&b, "LOW", -32768);
	(void)state;
	done();
	struct sf_node n = node(small, "\xff", 1), m = node(two, "\0\x80", 2);

	assert_string_equal(scalar(&n).variant, "MINUS");
	assert_int_equal(scalar(&n).i64, -1);
	assert_true(scalar(&n).is_signed);
	assert_int_equal(scalar(&n).bits, 8);
	assert_string_equal(scalar(&m).variant, "LOW");
	assert_int_equal(scalar(&m).i64, -32768);
}

static void enum64_keeps_all_its_bits(void **state)
{
	uint32_t u = btfb_add_enum64(&b, "big", false), s;

	btfb_enumerator64(&b, "HUGE_ONE", 0xfedcba9876543210ull);
	s = btfb_add_enum64(&b, "signed_big", true);
	btfb_enumerator64(&b, "LOWEST", 1ull << 63);
	(void)state;
	done();
	struct sf_node n = node(u, "\x10\x32\x54\x76\x98\xba\xdc\xfe", 8), m = node(s, "\0\0\0\0\0\0\0\x80", 8);

	assert_string_equal(scalar(&n).variant, "HUGE_ONE");
	assert_int_equal(scalar(&n).i64, (int64_t)0xfedcba9876543210ull);
	assert_text(&n, "HUGE_ONE (18364758544493064720)");
	assert_string_equal(scalar(&m).variant, "LOWEST");
	assert_int_equal(scalar(&m).i64, INT64_MIN);
}

static void an_enum_of_an_odd_size_is_not_decoded(void **state)
{
	uint32_t odd = btfb_add_enum(&b, "odd", 3, false);

	(void)state;
	done();
	struct sf_node n = node(odd, "\1\2\3", 3);

	assert_kind(&n, SF_UNSUPPORTED);
}

/* ---- bitfields --------------------------------------------------------------------------------------- */

/* Bit by bit, as slowly as possible. */
static uint64_t bits_of(const uint8_t *bytes, unsigned int at, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n; i++)
		v |= (uint64_t)(bytes[(at + i) / 8] >> ((at + i) % 8) & 1) << i;
	return v;
}

static int64_t extend(uint64_t v, unsigned int n)
{
	return n < 64 && v >> (n - 1) & 1 ? (int64_t)(v | ~0ull << n) : (int64_t)v;
}

static void bitfields_of_every_width_at_every_bit(void **state)
{
	uint8_t bytes[16];
	uint32_t first;

	(void)state;
	srand(1);
	/* A struct for each width: 8 unsigned and 8 signed fields, one at each bit of a byte; 64 at bit 1 and up spans nine. */
	first = b.next_id;
	for (uint32_t width = 1; width <= 64; width++) {
		btfb_add_struct(&b, "fields", 16);
		for (uint32_t at = 0; at < 8; at++) {
			char name[8] = { 'u', (char)('0' + at) };

			btfb_bitfield(&b, name, u64, 8 + at, width);
			name[0] = 's';
			btfb_bitfield(&b, name, s64, 8 + at, width);
		}
	}
	done();
	for (uint32_t width = 1; width <= 64; width++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rand();
		struct sf_node n = node(first + width - 1, bytes, sizeof(bytes));

		for (uint32_t at = 0; at < 8; at++) {
			char name[8] = { 'u', (char)('0' + at) };
			struct sf_node u = member(&n, name);
			uint64_t want = bits_of(bytes, 8 + at, width);

			name[0] = 's';
			struct sf_node s = member(&n, name);

			assert_kind(&u, SF_UINT);
			assert_kind(&s, SF_INT);
			assert_int_equal(scalar(&u).u64, want);
			assert_int_equal(scalar(&u).bits, width);
			assert_int_equal(scalar(&s).i64, extend(want, width));
		}
	}
}

static void bitfields_of_the_older_encoding(void **state)
{
	/* An int of 4 bytes of which 5 bits count, 2 bits into it; the member starts at byte 4. */
	uint32_t five = btfb_add_int(&b, "int:5", 4, BTFB_SIGNED), s;

	btfb_patch32(&b, five, 3, BTFB_SIGNED << 24 | 2 << 16 | 5);
	s = btfb_add_struct(&b, "old", 8);
	btfb_member(&b, "plain", u32, 0);
	btfb_member(&b, "field", five, 32);
	(void)state;
	done();
	struct sf_node n = node(s, "\x01\0\0\0\x58\0\0\0", 8), field = member(&n, "field");

	/* 0x58 = 0b0101_1000: bits 2..6 are 0b10110, -10 in five bits. */
	assert_kind(&field, SF_INT);
	assert_int_equal(scalar(&field).i64, -10);
	assert_int_equal(scalar(&field).bits, 5);
}

static void an_enum_bitfield_is_a_number(void **state)
{
	uint32_t mode = btfb_add_enum(&b, "mode", 4, false), s;

	btfb_enumerator(&b, "ON", 1);
	s = btfb_add_struct(&b, "s", 4);
	btfb_bitfield(&b, "mode", mode, 3, 2);
	(void)state;
	done();
	struct sf_node n = node(s, "\x08\0\0\0", 4), m = member(&n, "mode");

	assert_kind(&m, SF_UINT);
	assert_int_equal(scalar(&m).u64, 1);
}

static void fields_that_cannot_be_are_unsupported(void **state)
{
	uint32_t fl = btfb_add_float(&b, "float", 4), s;

	s = btfb_add_struct(&b, "s", 16);
	btfb_bitfield(&b, "wide", u64, 0, 65);
	btfb_bitfield(&b, "of_float", fl, 0, 4);
	btfb_bitfield(&b, "between", u32, 3, 0);
	(void)state;
	done();
	struct sf_node n = node(s, (uint8_t[16]){ 0 }, 16);

	for (const char *const *name = (const char *const[]){ "wide", "of_float", "between", NULL }; *name; name++) {
		struct sf_node m = member(&n, *name);

		assert_kind(&m, SF_UNSUPPORTED);
		assert_non_null(sf_node_note(&m));
	}
	struct sf_node m = member(&n, "between");

	assert_contains(sf_node_note(&m), "does not start at a byte");
}

/* ---- structs, unions, sections ------------------------------------------------------------------------ */

static void anonymous_members_stand_in_their_place(void **state)
{
	uint32_t in, un, s;

	in = btfb_add_struct(&b, NULL, 8);
	btfb_member(&b, "x", u32, 0);
	btfb_member(&b, "y", u32, 32);
	un = btfb_add_union(&b, NULL, 8);
	btfb_member(&b, NULL, in, 0);
	btfb_member(&b, "both", u64, 0);
	un = btfb_add_typedef(&b, "hidden", un);
	s = btfb_add_struct(&b, "outer", 16);
	btfb_member(&b, "first", u32, 0);
	btfb_member(&b, NULL, un, 64);
	btfb_member(&b, "last", u8, 32);
	(void)state;
	done();
	struct sf_node n = node(s, "\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0", 16), m;
	static const char *const order[] = { "first", "x", "y", "both", "last" };
	static const uint64_t values[] = { 1, 3, 4, 0x400000003, 2 };
	struct sf_member_iter it = { 0 };
	const char *name;
	size_t i = 0;

	for (; sf_node_next_member(&n, &it, &name, &m); i++) {
		assert_in_range(i, 0, ARRAY_SIZE(order) - 1);
		assert_string_equal(name, order[i]);
		assert_int_equal(scalar(&m).u64, values[i]);
		m = member(&n, order[i]);
		assert_int_equal(scalar(&m).u64, values[i]);
	}
	assert_int_equal(i, ARRAY_SIZE(order));
	assert_text(&n, "outer{first=1, x=3, y=4, both=17179869187, last=2}");
	assert_int_equal(sf_node_member(&n, "firs", 4, &m), SF_STEP_NONE);
	assert_int_equal(sf_node_member(&n, "", 0, &m), SF_STEP_NONE);
	assert_int_equal(sf_node_member(&n, "first.x", 5, &m), SF_STEP_OK);
}

static void modifiers_are_looked_through(void **state)
{
	uint32_t id = u32, chain;

	id = btfb_add_modifier(&b, SF_BTF_CONST, id);
	id = btfb_add_modifier(&b, SF_BTF_VOLATILE, id);
	id = btfb_add_modifier(&b, SF_BTF_RESTRICT, id);
	id = btfb_add_type_tag(&b, "rcu", id);
	id = btfb_add_decl_tag(&b, "note", id, -1);
	id = btfb_add_typedef(&b, "weight_t", id);
	id = btfb_add_var(&b, "variable", id, 1);
	chain = u32;
	for (int i = 0; i < 100; i++)
		chain = btfb_add_typedef(&b, "t", chain);
	(void)state;
	done();
	struct sf_node n = node(id, "\5\0\0\0", 4), m = node(chain, "\5\0\0\0", 4), deep = node(chain - 70, "\5\0\0\0", 4);

	assert_kind(&n, SF_UINT);
	assert_int_equal(scalar(&n).u64, 5);
	assert_int_equal(scalar(&deep).u64, 5);
	assert_kind(&m, SF_UNSUPPORTED);
}

static void a_section_has_its_variables_as_members(void **state)
{
	uint32_t a = btfb_add_var(&b, "a", u32, 1), c = btfb_add_var(&b, "beyond", u64, 1), half, sec;

	half = btfb_add_var(&b, "half", u64, 1);
	sec = btfb_add_datasec(&b, ".bss", 16);
	btfb_secinfo(&b, a, 4, 4);
	btfb_secinfo(&b, half, 12, 8);
	btfb_secinfo(&b, c, 1000, 8);
	btfb_secinfo(&b, 9999, 0, 8);
	(void)state;
	done();
	struct sf_node n = node(sec, "\0\0\0\0\7\0\0\0\0\0\0\0\1\2\3\4", 16), m, inner;
	uint64_t need, had;

	assert_kind(&n, SF_STRUCT);
	assert_string_equal(sf_node_type_name(&n), ".bss");
	m = member(&n, "a");
	assert_int_equal(scalar(&m).u64, 7);
	m = member(&n, "half");
	assert_kind(&m, SF_TRUNCATED);
	assert_int_equal(sf_node_partial(&m, &inner, &need, &had), SF_STEP_OK);
	assert_true(need == 8 && had == 4);
	assert_text(&inner, "01 02 03 04");
	/* Out of the section: the name is not dropped. */
	m = member(&n, "beyond");
	assert_kind(&m, SF_TRUNCATED);
	assert_int_equal(sf_node_partial(&m, &inner, &need, &had), SF_STEP_OK);
	assert_true(need == 8 && had == 0);
}

static void a_cut_struct_has_the_members_that_fit(void **state)
{
	uint32_t arr = btfb_add_array(&b, u16, u32, 4), s;

	s = btfb_add_struct(&b, "s", 24);
	btfb_member(&b, "a", u32, 0);
	btfb_member(&b, "b", u64, 64);
	btfb_member(&b, "c", arr, 128);
	(void)state;
	done();
	struct sf_node n = node(s, "\1\0\0\0\0\0\0\0\2\0\0\0", 12), inner, m;
	struct sf_member_iter it = { 0 };
	uint64_t need, had;
	const char *name;

	assert_kind(&n, SF_TRUNCATED);
	assert_int_equal(sf_node_member(&n, "a", 1, &m), SF_STEP_NONE);
	assert_int_equal(sf_node_partial(&n, &inner, &need, &had), SF_STEP_OK);
	assert_true(need == 24 && had == 12);
	assert_kind(&inner, SF_STRUCT);
	m = member(&inner, "a");
	assert_int_equal(scalar(&m).u64, 1);
	m = member(&inner, "b");
	assert_kind(&m, SF_TRUNCATED);
	/* It starts beyond the end: not even half of it is there. */
	assert_int_equal(sf_node_member(&inner, "c", 1, &m), SF_STEP_NONE);
	assert_true(sf_node_next_member(&inner, &it, &name, &m));
	assert_true(sf_node_next_member(&inner, &it, &name, &m));
	assert_false(sf_node_next_member(&inner, &it, &name, &m));
	assert_text(&n, "<truncated: 12 of 24 bytes> s{a=1, b=<truncated: 4 of 8 bytes> 02 00 00 00}");
}

/* ---- arrays ------------------------------------------------------------------------------------------ */

static void a_cut_array_ends_with_one_truncated_element(void **state)
{
	uint32_t arr = btfb_add_array(&b, u32, u32, 8);

	(void)state;
	done();
	struct sf_node n = node(arr, "\1\0\0\0\2\0\0\0\3\0", 10), e;
	uint64_t present, len = sf_node_len(&n, &present);

	assert_kind(&n, SF_ARRAY);
	assert_int_equal(len, 8);
	assert_int_equal(present, 3);
	assert_int_equal(sf_node_index(&n, 1, &e), SF_STEP_OK);
	assert_int_equal(scalar(&e).u64, 2);
	assert_int_equal(sf_node_index(&n, 2, &e), SF_STEP_OK);
	assert_kind(&e, SF_TRUNCATED);
	assert_int_equal(sf_node_index(&n, 3, &e), SF_STEP_NONE);
	assert_int_equal(sf_node_index(&n, UINT64_MAX, &e), SF_STEP_NONE);
}

static void a_flexible_array_says_why_it_is_not_shown(void **state)
{
	uint32_t flex = btfb_add_array(&b, u32, u32, 0), s;

	s = btfb_add_struct(&b, "s", 4);
	btfb_member(&b, "n", u32, 0);
	btfb_member(&b, "data", flex, 32);
	(void)state;
	done();
	struct sf_node n = node(s, "\1\0\0\0\2\0\0\0", 8), m = member(&n, "data");

	assert_kind(&m, SF_UNSUPPORTED);
	assert_contains(sf_node_note(&m), "flexible");
}

static void arrays_of_arrays_and_of_structs(void **state)
{
	uint32_t pair, row, grid;

	pair = btfb_add_struct(&b, "pair", 4);
	btfb_member(&b, "l", u16, 0);
	btfb_member(&b, "r", u16, 16);
	row = btfb_add_array(&b, pair, u32, 3);
	grid = btfb_add_array(&b, btfb_add_typedef(&b, "row_t", row), u32, 2);
	(void)state;
	done();
	uint8_t bytes[24];

	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 2 ? 0 : i;
	struct sf_node n = node(grid, bytes, sizeof(bytes)), r, e;

	assert_int_equal(sf_node_index(&n, 1, &r), SF_STEP_OK);
	assert_int_equal(sf_node_len(&r, NULL), 3);
	assert_int_equal(sf_node_index(&r, 2, &e), SF_STEP_OK);
	e = member(&e, "r");
	assert_int_equal(scalar(&e).u64, 22);
	assert_text(&n, "[[pair{l=0, r=2}, pair{l=4, r=6}, pair{l=8, r=10}], "
			"[pair{l=12, r=14}, pair{l=16, r=18}, pair{l=20, r=22}]]");
}

static void bytes_that_read_as_text_are_text(void **state)
{
	uint32_t name = btfb_add_array(&b, chr, u32, 8);

	(void)state;
	done();
	struct sf_node n = node(name, "ab\nc\0\0\0\0", 8), m = node(name, "a\xff\0\0\0\0\0\0", 8);

	assert_text(&n, "\"ab\\nc\"");
	assert_text(&m, "['a', 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(integers_are_sign_extended_from_their_width),
		BENCH_TEST(an_integer_of_128_bits_is_bytes),
		BENCH_TEST(a_bool_of_any_width_is_true_if_any_byte_is),
		BENCH_TEST(chars_are_one_byte_and_wider_ones_are_integers),
		BENCH_TEST(floats_have_four_or_eight_bytes),
		BENCH_TEST(an_enum_has_the_name_of_its_value),
		BENCH_TEST(a_signed_enum_of_one_byte_matches_minus_one),
		BENCH_TEST(enum64_keeps_all_its_bits),
		BENCH_TEST(an_enum_of_an_odd_size_is_not_decoded),
		BENCH_TEST(bitfields_of_every_width_at_every_bit),
		BENCH_TEST(bitfields_of_the_older_encoding),
		BENCH_TEST(an_enum_bitfield_is_a_number),
		BENCH_TEST(fields_that_cannot_be_are_unsupported),
		BENCH_TEST(anonymous_members_stand_in_their_place),
		BENCH_TEST(modifiers_are_looked_through),
		BENCH_TEST(a_section_has_its_variables_as_members),
		BENCH_TEST(a_cut_struct_has_the_members_that_fit),
		BENCH_TEST(a_cut_array_ends_with_one_truncated_element),
		BENCH_TEST(a_flexible_array_says_why_it_is_not_shown),
		BENCH_TEST(arrays_of_arrays_and_of_structs),
		BENCH_TEST(bytes_that_read_as_text_are_text),
	};

	return run_bench(tests);
}

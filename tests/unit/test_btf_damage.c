/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BTF with kinds that nobody knows yet, and BTF that is hostile. */

#include "btf_test.h"

/* ---- unknown kinds -------------------------------------------------------------------------- */

static void a_layout_section_tells_the_size_of_an_unknown_kind(void **state)
{
	struct btfb b, s;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t u32 = btfb_add_int(&b, "u32", 4, 0);
	uint32_t m1 = btfb_add_unknown(&b, 100, 0, 1, 0xffffffff);
	uint32_t m2 = btfb_add_unknown(&b, 99, 70000, 70000 + 2, 0x12345678);
	uint32_t after = btfb_add_typedef(&b, "after", u32);
	btfb_layout(&b, 100, 4, 0);
	btfb_layout(&b, 99, 8, 4);
	/* Ours is right about the kinds that it knows. */
	btfb_layout(&b, SF_BTF_INT, 200, 200);
	btfb_init(&s, &b);
	btfb_add_unknown(&s, 99, 1, 3, 1);
	uint32_t split_after = btfb_add_ptr(&s, after);
	SF_OWNED(btf) btf = open_all(&b);
	SF_OWNED(btf) split = open_over(&s, btf);

	assert_int_equal(sf_btf_n_unreadable(btf), 0);
	assert_true(sf_btf_type(btf, m1, &t));
	assert_int_equal(t.kind, SF_BTF_N_KINDS);
	assert_string_equal(t.name, "mystery");
	assert_int_equal(t.n_trailing, 4);
	assert_true(sf_btf_type(btf, m2, &t));
	assert_int_equal(t.vlen, 70000);
	assert_int_equal(t.n_trailing, 70002 * 4);
	assert_int_equal(sf_btf_find(btf, "after", SF_BTF_TYPEDEF), after);
	assert_int_equal(sf_btf_peel(btf, after), u32);
	assert_text(btf, m1, "(unknown kind) mystery");
	assert_text(split, split_after, "after *");
}

static void an_unknown_kind_is_skipped_when_only_one_rule_fits(void **state)
{
	struct btfb b, s;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t i = btfb_add_int(&b, "int", 4, BTFB_SIGNED);
	uint32_t m = btfb_add_unknown(&b, 21, 3, 3, 7);
	uint32_t proto = btfb_add_func_proto(&b, i);
	btfb_param(&b, "x", i);
	uint32_t func = btfb_add_func(&b, "probe", proto, 1);
	uint32_t m2 = btfb_add_unknown(&b, 21, 1, 1, 7);
	uint32_t st = btfb_add_struct(&b, "pair", 8);
	btfb_member(&b, "a", i, 0);
	btfb_member(&b, "b", i, 32);
	btfb_add_func(&b, "another", proto, 1);
	btfb_init(&s, &b);
	btfb_add_unknown(&s, 21, 2, 2, 7);
	uint32_t split_after = btfb_add_ptr(&s, st);
	SF_OWNED(btf) btf = open_all(&b);
	SF_OWNED(btf) split = open_over(&s, btf);

	assert_int_equal(sf_btf_n_unreadable(btf), 0);
	assert_true(sf_btf_type(btf, m, &t));
	assert_int_equal(t.kind, SF_BTF_N_KINDS);
	assert_int_equal(t.n_trailing, 12);
	assert_true(sf_btf_type(btf, m2, &t));
	assert_int_equal(t.n_trailing, 4);
	assert_int_equal(sf_btf_find(btf, "probe", SF_BTF_FUNC), func);
	assert_int_equal(sf_btf_find(btf, "pair", SF_BTF_STRUCT), st);
	assert_text(split, split_after, "struct pair *");
}

/* With vlen 1 a fixed size and a size of each record come to the same, and so to no doubt. */
static void rules_that_cut_the_same_do_not_contradict(void **state)
{
	struct btfb b;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t i = btfb_add_int(&b, "int", 4, BTFB_SIGNED);
	uint32_t m = btfb_add_unknown(&b, 33, 1, 1, 7);
	uint32_t proto = btfb_add_func_proto(&b, i);
	uint32_t func = btfb_add_func(&b, "probe", proto, 1);
	btfb_add_unknown(&b, 33, 1, 1, 7);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_n_unreadable(btf), 0);
	assert_true(sf_btf_type(btf, m, &t));
	assert_int_equal(t.n_trailing, 4);
	assert_int_equal(sf_btf_find(btf, "probe", SF_BTF_FUNC), func);
}

static void two_unknown_kinds_are_told_apart(void **state)
{
	struct btfb b;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t i = btfb_add_int(&b, "int", 4, BTFB_SIGNED);
	for (uint32_t n = 1; n < 6; n++) {
		btfb_add_unknown(&b, 20, 0, 2, n);
		uint32_t proto = btfb_add_func_proto(&b, i);
		btfb_add_func(&b, "f", proto, 0);
		btfb_add_unknown(&b, 21, n, n, n);
		proto = btfb_add_func_proto(&b, 0);
		btfb_add_func(&b, "g", proto, 0);
	}
	uint32_t last = btfb_add_ptr(&b, i);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_n_unreadable(btf), 0);
	assert_int_equal(sf_btf_n_types(btf), last + 1);
	assert_true(sf_btf_type(btf, 2, &t));
	assert_int_equal(t.n_trailing, 8);
	assert_text(btf, last, "int *");
}

/* PTRs everywhere: whether a type belongs to the unknown one before it cannot be told. */
static void types_behind_an_ambiguous_kind_are_unreadable_and_those_before_are_not(void **state)
{
	struct btfb b, s;
	struct sf_btf_type t;
	struct sf_btf *split = NULL;
	size_t len;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t i = btfb_add_int(&b, "int", 4, BTFB_SIGNED);
	uint32_t m = btfb_add_unknown(&b, 30, 0, 1, 7);
	btfb_add_ptr(&b, i);
	btfb_add_ptr(&b, i);
	btfb_init(&s, &b);
	btfb_add_ptr(&s, i);
	SF_OWNED(btf) btf = open_all(&b);
	_cleanup_free_ uint8_t *bytes = btfb_finish(&s, &len);

	assert_int_equal(sf_btf_n_types(btf), m);
	assert_int_equal(sf_btf_n_unreadable(btf), 1);
	assert_true(sf_btf_type(btf, i, &t));
	assert_false(sf_btf_type(btf, m, &t));

	SF_OWNED(error) err = sf_btf_new(bytes, len, btf, NULL, NULL, &split);
	assert_int_equal(sf_error_code(err), SF_BAD_INPUT);
	assert_non_null(strstr(sf_error_message(err), "cannot be counted"));
}

/* ---- damage --------------------------------------------------------------------------------- */

static void a_damaged_name_hides_its_own_type_alone(void **state)
{
	struct btfb b;
	struct sf_btf_type t;
	struct sf_btf_member m;
	struct sf_btf_place p;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t i = btfb_add_int(&b, "int", 4, 0);
	uint32_t bad = btfb_add_struct(&b, "bad", 4);
	uint32_t half = btfb_add_struct(&b, "half", 8);
	btfb_member(&b, "lost", i, 0);
	btfb_member(&b, "kept", i, 32);
	btfb_patch32(&b, bad, 0, 0x7fffffff);
	btfb_patch32(&b, half, 3, (uint32_t)b.strings.n);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_n_unreadable(btf), 1);
	assert_int_equal(sf_btf_n_types(btf), 4);
	assert_false(sf_btf_type(btf, bad, &t));
	assert_int_equal(sf_btf_find(btf, "bad", SF_BTF_N_KINDS), 0);
	assert_text(btf, bad, "(no type 2)");
	assert_true(sf_btf_type(btf, half, &t));
	assert_false(sf_btf_member(btf, &t, 0, &m));
	assert_true(sf_btf_member(btf, &t, 1, &m));
	assert_true(sf_btf_find_member(btf, half, "kept", &p));
	assert_int_equal(p.bit_offset, 32);
}

static void a_string_that_does_not_end_is_no_string(void **state)
{
	struct btfb b;
	struct sf_btf_type t;
	struct sf_btf *btf = NULL;
	size_t len;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t good = btfb_add_int(&b, "good", 4, 0);
	uint32_t last = btfb_add_typedef(&b, "last", good);
	_cleanup_free_ uint8_t *bytes = btfb_finish(&b, &len);

	bytes[len - 1] = 'x';
	assert_null(sf_btf_new(bytes, len, NULL, NULL, NULL, &btf));
	assert_true(sf_btf_type(btf, good, &t));
	assert_false(sf_btf_type(btf, last, &t));
	assert_int_equal(sf_btf_find(btf, "good", SF_BTF_INT), good);
	sf_btf_unref(btf);
}

static void a_count_beyond_the_section_ends_the_walk(void **state)
{
	struct btfb b;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	btfb_add_int(&b, "int", 4, 0);
	uint32_t st = btfb_add_struct(&b, "huge", 4);
	btfb_member(&b, "x", 1, 0);
	btfb_patch32(&b, st, 1, SF_BTF_STRUCT << 24 | 0xffffff);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_n_types(btf), st);
	assert_int_equal(sf_btf_n_unreadable(btf), 1);
	assert_true(sf_btf_type(btf, 1, &t));
	assert_false(sf_btf_type(btf, st, &t));
}

static void a_chain_of_typedefs_ends_at_the_limit(void **state)
{
	struct btfb b;
	uint64_t size = 77;
	struct sf_btf_place p;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t loop = btfb_add_typedef(&b, "loop", 2);
	btfb_add_typedef(&b, "pool", 1);
	uint32_t st = btfb_add_struct(&b, "node", 8);
	btfb_member(&b, "", st, 0);
	uint32_t arr = btfb_add_array(&b, 0, 1, 2);
	btfb_patch32(&b, arr, 3, arr);
	uint32_t ptr = btfb_add_ptr(&b, 0);
	btfb_patch32(&b, ptr, 2, ptr);
	uint32_t proto = btfb_add_func_proto(&b, 0);
	btfb_param(&b, "self", proto);
	uint32_t i = btfb_add_int(&b, "int", 4, 0);
	uint32_t last = i;
	for (int n = 0; n < SF_BTF_MAX_HOPS; n++)
		last = btfb_add_modifier(&b, SF_BTF_CONST, last);
	uint32_t beyond = btfb_add_modifier(&b, SF_BTF_CONST, last);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_peel(btf, loop), 0);
	assert_false(sf_btf_size_of(btf, loop, &size));
	assert_false(sf_btf_size_of(btf, arr, &size));
	assert_false(sf_btf_find_member(btf, st, "x", &p));
	assert_int_equal(size, 77);
	assert_text(btf, loop, "loop");
	assert_text(btf, proto, "void (void (void (...)))");
	char text[64];
	sf_btf_type_text(btf, ptr, text, sizeof(text));
	assert_memory_equal(text, "... ***", 7);
	assert_int_equal(sf_btf_peel(btf, last), i);
	assert_int_equal(sf_btf_peel(btf, beyond), 0);
}

static void sizes_that_overflow_are_no_sizes(void **state)
{
	struct btfb b;
	uint64_t size = 77;
	struct sf_btf_place p = { .type = 77 };

	(void)state;
	btfb_init(&b, NULL);
	uint32_t st = btfb_add_struct(&b, "big", UINT32_MAX);
	uint32_t one = btfb_add_array(&b, st, st, UINT32_MAX);
	uint32_t two = btfb_add_array(&b, one, st, UINT32_MAX);
	uint32_t none = btfb_add_array(&b, two, st, 0);
	uint32_t fwd = btfb_add_fwd(&b, "f", false);
	uint32_t of_fwd = btfb_add_array(&b, fwd, st, 1);
	uint32_t inner = btfb_add_struct(&b, NULL, 4);
	btfb_member(&b, "x", st, 0x80000000);
	uint32_t outer = btfb_add_struct(&b, "outer", 4);
	btfb_member(&b, "", inner, 0x80000000);
	SF_OWNED(btf) btf = open_all(&b);

	assert_true(size_of(btf, one) == (uint64_t)UINT32_MAX * UINT32_MAX);
	assert_false(sf_btf_size_of(btf, two, &(uint64_t){ 0 }));
	assert_int_equal(size_of(btf, none), 0);
	assert_false(sf_btf_size_of(btf, fwd, &size));
	assert_false(sf_btf_size_of(btf, of_fwd, &size));
	assert_false(sf_btf_size_of(btf, 0, &size));
	assert_int_equal(size, 77);
	assert_false(sf_btf_find_member(btf, outer, "x", &p));
	assert_int_equal(p.type, 77);
}

/* 16 anonymous members a level, 32 levels: without a limit the search would not end. */
static void anonymous_structs_cannot_make_a_search_endless(void **state)
{
	struct btfb b;
	struct sf_btf_place p;

	(void)state;
	btfb_init(&b, NULL);
	for (uint32_t level = 0; level < 40; level++) {
		btfb_add_struct(&b, NULL, 4);
		for (int i = 0; i < 16; i++)
			btfb_member(&b, "", level + 2, 0);
	}
	SF_OWNED(btf) btf = open_all(&b);

	assert_false(sf_btf_find_member(btf, 1, "x", &p));
}

static void assert_refused(const uint8_t *bytes, size_t len, const char *because)
{
	struct sf_btf *btf = NULL;
	SF_OWNED(error) err = sf_btf_new(bytes, len, NULL, NULL, NULL, &btf);

	assert_int_equal(sf_error_code(err), SF_BAD_INPUT);
	if (!strstr(sf_error_message(err), because))
		fail_msg("\"%s\" does not say \"%s\"", sf_error_message(err), because);
	assert_null(btf);
}

static void bytes_that_are_not_btf_are_refused_with_the_reason(void **state)
{
	struct btfb b;
	size_t len;

	(void)state;
	btfb_init(&b, NULL);
	btfb_add_int(&b, "int", 4, 0);
	btfb_layout(&b, 25, 4, 0);
	_cleanup_free_ uint8_t *bytes = btfb_finish(&b, &len);
	_cleanup_free_ uint8_t *bad = malloc(len);
	const struct {
		size_t at;
		uint8_t value;
		const char *because;
	} cases[] = {
		{ 0, 0x7f, "the magic is 0xeb7f instead of 0xeb9f" },
		{ 2, 2, "version 2; only version 1" },
		{ 3, 1, "flags 0x01" },
		{ 4, 23, "a header of 23 bytes" },
		{ 7, 1, "a header of" },
		{ 10, 1, "the type section" },
		{ 14, 1, "the type section" },
		{ 18, 1, "the string section" },
		{ 23, 0xff, "the string section" },
		{ 26, 1, "the layout section" },
		{ 28, 0xff, "the layout section" },
	};

	assert_refused(bytes, 0, "0 bytes are too few");
	assert_refused(bytes, 23, "23 bytes are too few");
	assert_refused(bytes, len - 1, "the string section");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(bad, bytes, len);
		bad[cases[i].at] = cases[i].value;
		assert_refused(bad, len, cases[i].because);
	}
	memcpy(bad, bytes, len);
	bad[0] = 0xeb;
	bad[1] = 0x9f;
	assert_refused(bad, len, "big-endian");
	assert_refused(bytes, (size_t)SF_BTF_MAX_SIZE + 1, "more than the limit");
}

/* Each of 64 MiB of strings, and all the same bytes. */
static void string_offsets_of_many_bases_do_not_wrap(void **state)
{
	size_t len = SF_BTF_MAX_SIZE;
	_cleanup_free_ uint8_t *bytes = calloc(1, len);
	uint32_t header[] = { 0x1eb9f, 24, 0, 0, 0, (uint32_t)len - 24 };
	struct sf_btf *base = NULL, *btf = NULL;
	struct sf_error *err = NULL;
	int depth = 0;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, header, sizeof(header));
	while (depth < 100 && !(err = sf_btf_new(bytes, len, base, NULL, NULL, &btf))) {
		sf_btf_unref(base);
		base = btf;
		depth++;
	}
	assert_int_equal(depth, 64);
	assert_non_null(strstr(sf_error_message(err), "too many bases"));
	sf_error_free(err);
	sf_btf_unref(base);
}

static void an_empty_btf_has_void_alone(void **state)
{
	struct btfb b;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	b.header_len = 40;
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_n_types(btf), 1);
	assert_int_equal(sf_btf_n_unreadable(btf), 0);
	assert_true(sf_btf_type(btf, 0, &t));
	assert_false(sf_btf_type(btf, 1, &t));
	assert_int_equal(sf_btf_find(btf, "x", SF_BTF_N_KINDS), 0);
	assert_false(sf_btf_find_enumerator(btf, "x", &(int64_t){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_layout_section_tells_the_size_of_an_unknown_kind),
		cmocka_unit_test(an_unknown_kind_is_skipped_when_only_one_rule_fits),
		cmocka_unit_test(rules_that_cut_the_same_do_not_contradict),
		cmocka_unit_test(two_unknown_kinds_are_told_apart),
		cmocka_unit_test(
			types_behind_an_ambiguous_kind_are_unreadable_and_those_before_are_not),
		cmocka_unit_test(a_damaged_name_hides_its_own_type_alone),
		cmocka_unit_test(a_string_that_does_not_end_is_no_string),
		cmocka_unit_test(a_count_beyond_the_section_ends_the_walk),
		cmocka_unit_test(a_chain_of_typedefs_ends_at_the_limit),
		cmocka_unit_test(sizes_that_overflow_are_no_sizes),
		cmocka_unit_test(anonymous_structs_cannot_make_a_search_endless),
		cmocka_unit_test(bytes_that_are_not_btf_are_refused_with_the_reason),
		cmocka_unit_test(string_offsets_of_many_bases_do_not_wrap),
		cmocka_unit_test(an_empty_btf_has_void_alone),
	};

	return cmocka_run_group_tests_name("btf_damage", tests, NULL, NULL);
}

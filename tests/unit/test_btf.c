/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What BTF says when it is what it should be: kinds, text, names, split BTF, from any thread. */

#include <pthread.h>
#include <stdio.h>

#include "btf_test.h"

/* ---- every kind ----------------------------------------------------------------------------- */

static void ints_floats_and_modifiers_are_decoded(void **state)
{
	struct btfb b;
	struct sf_btf_type t;
	struct sf_btf_int i;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t s32 = btfb_add_int(&b, "int", 4, BTFB_SIGNED);
	uint32_t ch = btfb_add_int(&b, "char", 1, BTFB_CHAR);
	uint32_t bl = btfb_add_int(&b, "_Bool", 1, BTFB_BOOL);
	uint32_t dbl = btfb_add_float(&b, "double", 8);
	uint32_t c = btfb_add_modifier(&b, SF_BTF_CONST, s32);
	uint32_t v = btfb_add_modifier(&b, SF_BTF_VOLATILE, c);
	uint32_t td = btfb_add_typedef(&b, "number", v);
	uint32_t tag = btfb_add_type_tag(&b, "rcu", td);
	uint32_t decl = btfb_add_decl_tag(&b, "bpf_kfunc", td, -1);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_n_types(btf), 10);
	assert_int_equal(sf_btf_first_own_id(btf), 1);
	assert_int_equal(sf_btf_n_unreadable(btf), 0);

	assert_true(sf_btf_type(btf, 0, &t));
	assert_int_equal(t.kind, SF_BTF_VOID);
	assert_true(sf_btf_type(btf, s32, &t));
	assert_int_equal(t.kind, SF_BTF_INT);
	assert_int_equal(t.size, 4);
	assert_int_equal(t.type, 0);
	assert_string_equal(t.name, "int");
	assert_true(sf_btf_int(&t, &i));
	assert_true(i.is_signed && !i.is_char && !i.is_bool && i.bits == 32 && i.bit_offset == 0);
	assert_true(sf_btf_type(btf, ch, &t) && sf_btf_int(&t, &i) && i.is_char && !i.is_signed &&
		    i.bits == 8);
	assert_true(sf_btf_type(btf, bl, &t) && sf_btf_int(&t, &i) && i.is_bool);
	assert_true(sf_btf_type(btf, dbl, &t) && t.kind == SF_BTF_FLOAT && t.size == 8);
	assert_false(sf_btf_int(&t, &i));
	assert_false(sf_btf_type(btf, 10, &t));
	assert_false(sf_btf_type(btf, UINT32_MAX, &t));

	assert_int_equal(sf_btf_peel(btf, tag), s32);
	assert_int_equal(sf_btf_peel(btf, decl), s32);
	assert_int_equal(sf_btf_peel(btf, dbl), dbl);
	assert_int_equal(sf_btf_peel(btf, 999), 999);
	assert_int_equal(size_of(btf, tag), 4);
	assert_text(btf, tag, "number");
	assert_text(btf, v, "const volatile int");
	assert_text(btf, 0, "void");
	assert_text(btf, 999, "(no type 999)");
}

static void members_bitfields_and_arrays_are_decoded(void **state)
{
	struct btfb b;
	struct sf_btf_type t;
	struct sf_btf_member m;
	struct sf_btf_array a;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t u32 = btfb_add_int(&b, "u32", 4, 0);
	uint32_t arr = btfb_add_array(&b, u32, u32, 3);
	uint32_t plain = btfb_add_struct(&b, "plain", 0x300000);
	btfb_member(&b, "first", u32, 0);
	btfb_member(&b, "far", arr, 0x1000020);
	uint32_t bits = btfb_add_struct(&b, "bits", 8);
	btfb_bitfield(&b, "a", u32, 0, 3);
	btfb_bitfield(&b, "b", u32, 3, 29);
	btfb_bitfield(&b, "whole", u32, 32, 0);
	SF_OWNED(btf) btf = open_all(&b);

	assert_true(sf_btf_type(btf, plain, &t));
	assert_int_equal(t.vlen, 2);
	assert_true(sf_btf_member(btf, &t, 1, &m));
	assert_string_equal(m.name, "far");
	assert_int_equal(m.bit_offset, 0x1000020);
	assert_int_equal(m.bit_size, 0);
	assert_int_equal(m.type, arr);
	assert_false(sf_btf_member(btf, &t, 2, &m));

	assert_true(sf_btf_type(btf, bits, &t));
	assert_true(t.kflag);
	assert_true(sf_btf_member(btf, &t, 1, &m));
	assert_int_equal(m.bit_offset, 3);
	assert_int_equal(m.bit_size, 29);
	assert_true(sf_btf_member(btf, &t, 2, &m));
	assert_int_equal(m.bit_offset, 32);
	assert_int_equal(m.bit_size, 0);

	assert_true(sf_btf_type(btf, arr, &t) && sf_btf_array(&t, &a));
	assert_int_equal(a.type, u32);
	assert_int_equal(a.n, 3);
	assert_false(sf_btf_member(btf, &t, 0, &m));
	assert_int_equal(size_of(btf, arr), 12);
	assert_text(btf, arr, "u32[3]");
}

static void enumerators_keep_every_bit(void **state)
{
	struct btfb b;
	struct sf_btf_type t;
	struct sf_btf_enumerator e;
	int64_t v = 77;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t s = btfb_add_enum(&b, "signed", 4, true);
	btfb_enumerator(&b, "MINUS", -1);
	uint32_t u = btfb_add_enum(&b, "unsigned", 4, false);
	btfb_enumerator(&b, "ZERO", 0);
	btfb_enumerator(&b, "TOP", -1);
	uint32_t w = btfb_add_enum64(&b, "wide", false);
	btfb_enumerator64(&b, "SCX_DSQ_FLAG_BUILTIN", 1ull << 63);
	btfb_enumerator64(&b, "LOCAL_ON", 1ull << 63 | 1ull << 62);
	uint32_t tiny = btfb_add_enum(&b, "tiny", 1, true);
	btfb_enumerator(&b, "MINUS", -2);
	SF_OWNED(btf) btf = open_all(&b);

	assert_true(sf_btf_type(btf, s, &t) && sf_btf_enumerator(btf, &t, 0, &e));
	assert_true(e.value == -1);
	assert_true(sf_btf_type(btf, u, &t) && sf_btf_enumerator(btf, &t, 1, &e));
	assert_true(e.value == 0xffffffffll);
	assert_false(sf_btf_enumerator(btf, &t, 2, &e));
	assert_true(sf_btf_type(btf, w, &t) && sf_btf_enumerator(btf, &t, 0, &e));
	assert_true((uint64_t)e.value == 1ull << 63);

	assert_true(sf_btf_find_enumerator(btf, "LOCAL_ON", &v) && (uint64_t)v == 3ull << 62);
	assert_true(sf_btf_find_enumerator(btf, "TOP", &v) && v == 0xffffffffll);
	assert_true(sf_btf_find_enumerator(btf, "MINUS", &v) && v == -1);
	v = 77;
	assert_false(sf_btf_find_enumerator(btf, "MISSING", &v));
	assert_false(sf_btf_find_enumerator(btf, "", &v));
	assert_false(sf_btf_find_enumerator(btf, "wide", &v));
	assert_true(v == 77);
	assert_int_equal(size_of(btf, tiny), 1);
	assert_int_equal(size_of(btf, w), 8);
	assert_text(btf, w, "enum wide");
}

static void a_section_knows_its_variables(void **state)
{
	struct btfb b;
	struct sf_btf_type t;
	struct sf_btf_var v;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t u64 = btfb_add_int(&b, "u64", 8, 0);
	uint32_t proto = btfb_add_func_proto(&b, 0);
	uint32_t func = btfb_add_func(&b, "bpf_kfunc", proto, 2);
	uint32_t var = btfb_add_var(&b, "nr_dispatched", u64, 1);
	uint32_t bss = btfb_add_datasec(&b, ".bss", 16);
	btfb_secinfo(&b, var, 8, 8);
	btfb_secinfo(&b, func, 0, 4);
	btfb_secinfo(&b, 999, 0, 8);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_find(btf, ".bss", SF_BTF_DATASEC), bss);
	assert_true(sf_btf_type(btf, bss, &t));
	assert_int_equal(t.size, 16);
	assert_true(sf_btf_var(btf, &t, 0, &v));
	assert_string_equal(v.name, "nr_dispatched");
	assert_int_equal(v.var, var);
	assert_int_equal(v.type, u64);
	assert_int_equal(v.offset, 8);
	assert_int_equal(v.size, 8);
	assert_true(sf_btf_var(btf, &t, 1, &v));
	assert_string_equal(v.name, "bpf_kfunc");
	assert_int_equal(v.type, func);
	assert_false(sf_btf_var(btf, &t, 2, &v));
	assert_false(sf_btf_var(btf, &t, 3, &v));
	assert_int_equal(size_of(btf, var), 8);
	assert_text(btf, var, "u64 nr_dispatched");
}

/* ---- text ----------------------------------------------------------------------------------- */

static void types_read_as_c_writes_them(void **state)
{
	struct btfb b;
	char text[16];

	(void)state;
	btfb_init(&b, NULL);
	uint32_t i = btfb_add_int(&b, "int", 4, BTFB_SIGNED);
	uint32_t task = btfb_add_struct(&b, "task_struct", 8);
	uint32_t task_ptr = btfb_add_ptr(&b, task);
	uint32_t c = btfb_add_modifier(&b, SF_BTF_CONST, i);
	uint32_t c_ptr = btfb_add_ptr(&b, c);
	uint32_t ptr_c = btfb_add_modifier(&b, SF_BTF_CONST, c_ptr);
	uint32_t ptr_ptr = btfb_add_ptr(&b, ptr_c);
	uint32_t arr = btfb_add_array(&b, task_ptr, i, 4);
	uint32_t grid = btfb_add_array(&b, btfb_add_array(&b, i, i, 3), i, 2);
	uint32_t to_grid = btfb_add_ptr(&b, grid);
	uint32_t proto = btfb_add_func_proto(&b, 0);
	btfb_param(&b, "p", task_ptr);
	btfb_param(&b, "", 0);
	uint32_t callback = btfb_add_ptr(&b, proto);
	uint32_t ops = btfb_add_array(&b, callback, i, 0);
	uint32_t nothing = btfb_add_func_proto(&b, callback);
	uint32_t func = btfb_add_func(&b, "get_callback", nothing, 1);
	uint32_t fwd = btfb_add_ptr(&b, btfb_add_fwd(&b, "cgroup", false));
	uint32_t ufwd = btfb_add_fwd(&b, "blob", true);
	uint32_t anon = btfb_add_ptr(&b, btfb_add_struct(&b, NULL, 8));
	uint32_t evil = btfb_add_typedef(&b, "\033[2J\n", i);
	SF_OWNED(btf) btf = open_all(&b);

	assert_text(btf, task_ptr, "struct task_struct *");
	assert_text(btf, c_ptr, "const int *");
	assert_text(btf, ptr_c, "const int *const");
	assert_text(btf, ptr_ptr, "const int *const *");
	assert_text(btf, arr, "struct task_struct *[4]");
	assert_text(btf, grid, "int[2][3]");
	assert_text(btf, to_grid, "int (*)[2][3]");
	assert_text(btf, callback, "void (*)(struct task_struct *, ...)");
	assert_text(btf, ops, "void (*[])(struct task_struct *, ...)");
	assert_text(btf, func, "void (*get_callback(void))(struct task_struct *, ...)");
	assert_text(btf, fwd, "struct cgroup *");
	assert_text(btf, ufwd, "union blob");
	assert_text(btf, anon, "struct (anon) *");
	assert_text(btf, evil, "?[2J?");
	sf_btf_type_text(btf, task_ptr, text, sizeof(text));
	assert_string_equal(text, "struct task_...");
	sf_btf_type_text(btf, task_ptr, text, 1);
	assert_string_equal(text, "");
	sf_btf_type_text(btf, task_ptr, NULL, 0);
	assert_string_equal(sf_btf_kind_name(SF_BTF_ENUM64), "enum64");
	assert_string_equal(sf_btf_kind_name(SF_BTF_N_KINDS), "unknown");
	assert_string_equal(sf_btf_kind_name((enum sf_btf_kind)-1), "unknown");
}

/* ---- names ---------------------------------------------------------------------------------- */

static void the_largest_of_two_structs_of_a_name_is_found(void **state)
{
	struct btfb b;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t td = btfb_add_typedef(&b, "rq", 0);
	uint32_t small = btfb_add_struct(&b, "rq", 8);
	uint32_t fwd = btfb_add_fwd(&b, "rq", false);
	uint32_t large = btfb_add_struct(&b, "rq", 3456);
	btfb_add_struct(&b, "other", 9999);
	uint32_t same = btfb_add_struct(&b, "rq", 3456);
	uint32_t onion = btfb_add_union(&b, "rq", 4);
	SF_OWNED(btf) btf = open_all(&b);

	assert_int_equal(sf_btf_find_largest(btf, "rq", SF_BTF_STRUCT), large);
	assert_int_equal(sf_btf_find_largest(btf, "rq", SF_BTF_UNION), onion);
	assert_int_equal(sf_btf_find_largest(btf, "rq", SF_BTF_N_KINDS), large);
	assert_int_equal(sf_btf_find_largest(btf, "qr", SF_BTF_STRUCT), 0);
	assert_int_equal(sf_btf_find(btf, "rq", SF_BTF_N_KINDS), td);
	assert_int_equal(sf_btf_find(btf, "rq", SF_BTF_FWD), fwd);
	assert_int_equal(sf_btf_find(btf, "rq", SF_BTF_ENUM), 0);
	assert_int_equal(sf_btf_find(btf, "", SF_BTF_N_KINDS), 0);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, 0), small);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, small), large);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, large), same);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, same), 0);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, 999), 0);
}

static void every_one_of_many_names_is_found(void **state)
{
	struct btfb b;
	uint32_t ids[3000];
	char name[32];

	(void)state;
	btfb_init(&b, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(name, sizeof(name), "%.*s_%zu", (int)(i % 19), "abcdefghijklmnopqrs", i);
		ids[i] = btfb_add_typedef(&b, name, 0);
	}
	SF_OWNED(btf) btf = open_all(&b);

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		/*
		 * At the end of an allocation of its size, so that ASan sees the hash read beyond
		 * the key.
		 */
		snprintf(name, sizeof(name), "%.*s_%zu", (int)(i % 19), "abcdefghijklmnopqrs", i);
		_cleanup_free_ char *key = strdup(name);

		assert_int_equal(sf_btf_find(btf, key, SF_BTF_TYPEDEF), ids[i]);
	}
}

static void members_are_found_through_anonymous_ones(void **state)
{
	struct btfb b;
	struct sf_btf_place p = { .type = 77 };

	(void)state;
	btfb_init(&b, NULL);
	uint32_t u32 = btfb_add_int(&b, "u32", 4, 0);
	uint32_t dsq = btfb_add_struct(&b, "dsq", 16);
	btfb_member(&b, "id", u32, 96);
	uint32_t inner = btfb_add_union(&b, NULL, 8);
	btfb_member(&b, "x", u32, 0);
	btfb_bitfield(&b, "y", u32, 5, 7);
	uint32_t inner_td = btfb_add_modifier(&b, SF_BTF_CONST, inner);
	uint32_t mid = btfb_add_struct(&b, NULL, 16);
	btfb_member(&b, "", inner_td, 64);
	btfb_member(&b, "dsq", dsq, 128);
	uint32_t ptr = btfb_add_ptr(&b, dsq);
	uint32_t outer = btfb_add_struct(&b, "outer", 64);
	btfb_member(&b, "head", u32, 0);
	btfb_member(&b, "", mid, 256);
	btfb_member(&b, "ptr", ptr, 0);
	uint32_t td = btfb_add_typedef(&b, "outer_t", outer);
	SF_OWNED(btf) btf = open_all(&b);

	assert_true(sf_btf_find_member(btf, td, "y", &p));
	assert_int_equal(p.bit_offset, 256 + 64 + 5);
	assert_int_equal(p.bit_size, 7);
	assert_int_equal(p.type, u32);
	assert_true(sf_btf_find_member(btf, outer, "dsq.id", &p));
	assert_int_equal(p.bit_offset, 256 + 128 + 96);
	assert_int_equal(p.bit_size, 0);
	p.type = 77;
	static const char *const none[] = {
		"",    ".",	 "dsq.",   ".dsq",  "dsq..id", "dsq.id.x", "dsq.missing",
		"hea", "header", "ptr.id", "outer",
	};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(sf_btf_find_member(btf, outer, none[i], &p));
	assert_false(sf_btf_find_member(btf, u32, "x", &p));
	assert_false(sf_btf_find_member(btf, 0, "x", &p));
	assert_int_equal(p.type, 77);
}

/* ---- split BTF ------------------------------------------------------------------------------ */

static void split_btf_continues_ids_and_strings(void **state)
{
	struct btfb b, s, s2;
	struct sf_btf_type t;
	struct sf_btf_member m;
	struct sf_btf_place p;
	int64_t v = 0;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t u32 = btfb_add_int(&b, "u32", 4, 0);
	uint32_t base_rq = btfb_add_struct(&b, "rq", 8);
	btfb_member(&b, "cpu", u32, 0);
	btfb_add_enum(&b, "e", 4, false);
	btfb_enumerator(&b, "IN_BASE", 5);
	btfb_enumerator(&b, "IN_BOTH", 6);
	uint32_t cpu_str = btfb_get32(&b, base_rq, 3);
	btfb_init(&s, &b);
	uint32_t own = btfb_add_struct(&s, "own", 12);
	btfb_member(&s, "rq", base_rq, 32);
	btfb_member(&s, "x", u32, 0);
	btfb_patch32(&s, own, 6, cpu_str);
	uint32_t own_rq = btfb_add_struct(&s, "rq", 4);
	btfb_add_enum(&s, "e", 4, false);
	btfb_enumerator(&s, "IN_BOTH", 7);
	btfb_init(&s2, &s);
	uint32_t top = btfb_add_ptr(&s2, own);
	SF_OWNED(btf) base = open_all(&b);
	SF_OWNED(btf) btf = open_over(&s, base);
	SF_OWNED(btf) btf2 = open_over(&s2, btf);

	assert_int_equal(sf_btf_first_own_id(btf), 4);
	assert_int_equal(sf_btf_n_types(btf), 7);
	assert_true(sf_btf_type(btf, u32, &t));
	assert_string_equal(t.name, "u32");
	assert_true(sf_btf_type(btf, own, &t));
	assert_string_equal(t.name, "own");
	assert_int_equal(t.id, own);
	assert_true(sf_btf_member(btf, &t, 1, &m));
	assert_string_equal(m.name, "cpu");
	assert_true(sf_btf_find_member(btf2, own, "rq.cpu", &p));
	assert_int_equal(p.bit_offset, 32);

	assert_int_equal(sf_btf_find(btf, "rq", SF_BTF_STRUCT), own_rq);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, own_rq), base_rq);
	assert_int_equal(sf_btf_find_next(btf, "rq", SF_BTF_STRUCT, base_rq), 0);
	assert_int_equal(sf_btf_find_largest(btf, "rq", SF_BTF_STRUCT), base_rq);
	assert_int_equal(sf_btf_find(base, "own", SF_BTF_STRUCT), 0);
	assert_int_equal(sf_btf_find(btf2, "u32", SF_BTF_INT), u32);
	assert_true(sf_btf_find_enumerator(btf2, "IN_BOTH", &v) && v == 7);
	assert_true(sf_btf_find_enumerator(btf2, "IN_BASE", &v) && v == 5);
	assert_text(btf2, top, "struct own *");
}

static void a_damaged_base_does_not_reach_into_what_continues_it(void **state)
{
	struct btfb b, s;
	struct sf_btf_type t;
	struct sf_btf_member m;

	(void)state;
	btfb_init(&b, NULL);
	uint32_t st = btfb_add_struct(&b, "st", 4);
	btfb_member(&b, "x", st, 0);
	btfb_patch32(&b, st, 3, (uint32_t)b.strings.n + 1);
	btfb_init(&s, &b);
	btfb_add_typedef(&s, "first_string_of_the_split", st);
	SF_OWNED(btf) base = open_all(&b);
	SF_OWNED(btf) btf = open_over(&s, base);

	assert_true(sf_btf_type(btf, st, &t));
	assert_false(sf_btf_member(btf, &t, 0, &m));
}

static void a_base_outlives_its_last_owner_while_it_is_used(void **state)
{
	struct btfb b, s;
	struct sf_btf_type t;

	(void)state;
	btfb_init(&b, NULL);
	btfb_add_int(&b, "u32", 4, 0);
	btfb_init(&s, &b);
	btfb_add_ptr(&s, 1);
	struct sf_btf *base = open_all(&b);
	SF_OWNED(btf) btf = open_over(&s, base);

	sf_btf_unref(base);
	assert_true(sf_btf_type(btf, 1, &t));
	assert_string_equal(t.name, "u32");
	sf_btf_unref(NULL);
}

static int n_released;

static void count_release(void *arg)
{
	(void)arg;
	n_released++;
}

static void bytes_are_released_once_and_only_after_success(void **state)
{
	struct btfb b;
	size_t len, got;
	struct sf_btf *btf = NULL;

	(void)state;
	btfb_init(&b, NULL);
	btfb_add_int(&b, "u32", 4, 0);
	_cleanup_free_ uint8_t *bytes = btfb_finish(&b, &len);

	n_released = 0;
	SF_OWNED(error) err = sf_btf_new(bytes, len - 1, NULL, count_release, NULL, &btf);
	assert_non_null(err);
	assert_null(btf);
	assert_int_equal(n_released, 0);
	assert_null(sf_btf_new(bytes, len, NULL, count_release, NULL, &btf));
	assert_ptr_equal(sf_btf_data(btf, &got), bytes);
	assert_int_equal(got, len);
	sf_btf_unref(sf_btf_ref(btf));
	assert_int_equal(n_released, 0);
	sf_btf_unref(btf);
	assert_int_equal(n_released, 1);
}

/* ---- threads -------------------------------------------------------------------------------- */

static void *ask(void *arg)
{
	const struct sf_btf *btf = arg;
	int64_t v = 0;

	return (void *)(uintptr_t)(sf_btf_find(btf, "wanted", SF_BTF_STRUCT) == 2001 &&
				   sf_btf_find_enumerator(btf, "E1999", &v) && v == 1999 &&
				   sf_btf_n_types(btf) == 2002);
}

static void threads_may_ask_at_once(void **state)
{
	struct btfb b;
	char name[16];

	(void)state;
	btfb_init(&b, NULL);
	for (int i = 0; i < 2000; i++) {
		btfb_add_enum(&b, "e", 4, false);
		snprintf(name, sizeof(name), "E%d", i);
		btfb_enumerator(&b, name, i);
	}
	btfb_add_struct(&b, "wanted", 4);
	SF_OWNED(btf) btf = open_all(&b);
	pthread_t threads[8];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, btf), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *right = NULL;

		pthread_join(threads[i], &right);
		assert_non_null(right);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ints_floats_and_modifiers_are_decoded),
		cmocka_unit_test(members_bitfields_and_arrays_are_decoded),
		cmocka_unit_test(enumerators_keep_every_bit),
		cmocka_unit_test(a_section_knows_its_variables),
		cmocka_unit_test(types_read_as_c_writes_them),
		cmocka_unit_test(the_largest_of_two_structs_of_a_name_is_found),
		cmocka_unit_test(every_one_of_many_names_is_found),
		cmocka_unit_test(members_are_found_through_anonymous_ones),
		cmocka_unit_test(split_btf_continues_ids_and_strings),
		cmocka_unit_test(a_damaged_base_does_not_reach_into_what_continues_it),
		cmocka_unit_test(a_base_outlives_its_last_owner_while_it_is_used),
		cmocka_unit_test(bytes_are_released_once_and_only_after_success),
		cmocka_unit_test(threads_may_ask_at_once),
	};

	return cmocka_run_group_tests_name("btf", tests, NULL, NULL);
}

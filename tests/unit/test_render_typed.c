/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of bytes with types, in text and JSON: what both backends have to say alike, and what only memory can do. */
#include <time.h>

#include "render_bench.h"
#include "value_bench.h"

/* ---- both backends -------------------------------------------------------------------------------------- */

static void a_section_looks_as_documented(void **state)
{
	uint32_t mode = btfb_add_enum(&b, "mode", 4, false), topo, words, sec, vars[5];
	uint8_t bytes[48] = { 12, 0, 0, 0, 84, 1, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0x0f, [32] = 'h', 'i' };

	btfb_enumerator(&b, "FAST", 2);
	words = btfb_add_array(&b, u64, u32, 1);
	btfb_add_struct(&b, "cpumask", 8);
	btfb_member(&b, "bits", words, 0);
	topo = btfb_add_struct(&b, "node_topo", 12);
	btfb_member(&b, "nr_cpus", u32, 0);
	btfb_member(&b, "mask", topo - 1, 32);
	words = btfb_add_array(&b, chr, u32, 16);
	vars[0] = btfb_add_var(&b, "nr_queued", u32, 1);
	vars[1] = btfb_add_var(&b, "nr_done", u32, 1);
	vars[2] = btfb_add_var(&b, "mode", mode, 1);
	vars[3] = btfb_add_var(&b, "topo", topo, 1);
	vars[4] = btfb_add_var(&b, "name", words, 1);
	sec = btfb_add_datasec(&b, ".bss", 48);
	btfb_secinfo(&b, vars[0], 0, 4);
	btfb_secinfo(&b, vars[1], 4, 4);
	btfb_secinfo(&b, vars[2], 8, 4);
	btfb_secinfo(&b, vars[3], 12, 12);
	btfb_secinfo(&b, vars[4], 32, 16);
	(void)state;
	done();
	struct sf_node n = node(sec, bytes, sizeof(bytes));

	assert_looks(&n, ".bss{nr_queued=12, nr_done=340, mode=FAST (2), topo=node_topo{nr_cpus=8, mask=cpus={0-3}}, name=\"hi\"}");
	assert_looks_with(&n, &(struct sf_render_options){ .width = 80 },
			  ".bss:\n"
			  "  nr_queued=12   nr_done=340   mode=FAST (2)\n"
			  "  topo node_topo{nr_cpus=8, mask=cpus={0-3}}\n"
			  "  name \"hi\"");
	assert_survives(&n, NULL);
}

/* One struct with a member of every kind, and some of those that cannot be. */
static uint32_t every_kind(void)
{
	uint32_t e8, e64, fl, dbl, boolean, wide, arr, grid, flex, fwd, fn, inner, eight, un, ptrs[4], st, at = 0;

	e8 = btfb_add_enum(&b, "small", 1, true);
	btfb_enumerator(&b, "NONE", -1);
	btfb_enumerator(&b, "ZERO", 0);
	e64 = btfb_add_enum64(&b, "large", false);
	btfb_enumerator64(&b, "TOP", UINT64_MAX);
	fl = btfb_add_float(&b, "float", 4);
	dbl = btfb_add_float(&b, "double", 8);
	boolean = btfb_add_int(&b, "bool", 1, BTFB_BOOL);
	wide = btfb_add_int(&b, "__int128", 16, 0);
	arr = btfb_add_array(&b, u32, u32, 5);
	grid = btfb_add_array(&b, btfb_add_array(&b, e8, u32, 2), u32, 3);
	flex = btfb_add_array(&b, u32, u32, 0);
	fwd = btfb_add_fwd(&b, "nowhere", false);
	fn = btfb_add_func_proto(&b, 0);
	inner = btfb_add_struct(&b, NULL, 8);
	btfb_bitfield(&b, "low", u32, 0, 3);
	btfb_bitfield(&b, "cross", s64, 3, 33);
	eight = btfb_add_array(&b, u8, u32, 8);
	un = btfb_add_union(&b, "both", 8);
	btfb_member(&b, "as_u64", u64, 0);
	btfb_member(&b, "as_bytes", eight, 0);
	ptrs[0] = btfb_add_ptr(&b, 0);
	ptrs[1] = btfb_add_ptr(&b, fwd);
	ptrs[2] = btfb_add_ptr(&b, fn);
	ptrs[3] = btfb_add_ptr(&b, inner);
	const struct { const char *name; uint32_t type, size; } members[] = {
		{ "u8", u8, 1 }, { "boolean", boolean, 1 }, { "chr", chr, 1 }, { "e8", e8, 1 }, { "u32", u32, 4 },
		{ "s64", s64, 8 }, { "u64", u64, 8 }, { "e64", e64, 8 }, { "fl", fl, 4 }, { "s32", s32, 4 },
		{ "dbl", dbl, 8 }, { "wide", wide, 16 }, { "arr", arr, 20 }, { "grid", grid, 6 }, { "u16", u16, 2 },
		{ "", inner, 8 }, { "named", inner, 8 }, { "un", un, 8 }, { "v", ptrs[0], 8 }, { "f", ptrs[1], 8 },
		{ "fn", ptrs[2], 8 }, { "in", ptrs[3], 8 }, { "fwd", fwd, 0 }, { "odd", 99999, 0 }, { "flex", flex, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		at += members[i].size;
	st = btfb_add_struct(&b, "every", at);
	at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		btfb_member(&b, members[i].name, members[i].type, at * 8);
		at += members[i].size;
	}
	return st;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void json_of_every_kind_survives_being_read(void **state)
{
	uint32_t every = every_kind(), seed = 1, list = btfb_add_array(&b, every, u32, 2);
	uint8_t bytes[400];
	uint64_t size;

	(void)state;
	done();
	assert_true(sf_btf_size_of(types.btf, every, &size));
	uint64_t there = fake_kmalloc(guest, 64);

	for (int round = 0; round < 200; round++) {
		/* All zero, all ones, then anything; cut anywhere, and every fourth whole. */
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = round == 0 ? 0 : round == 1 ? 0xff : (uint8_t)next_random(&seed);
		uint32_t had = round % 4 ? next_random(&seed) % (uint32_t)(2 * size + 1) : (uint32_t)(2 * size);

		memcpy(bytes + size - 8, &there, 8);
		struct sf_node n = node(list, bytes, had);
		_cleanup_free_ char *text = text_of(&n, NULL);

		assert_survives(&n, NULL);
		assert_survives(&n, &(struct sf_render_options){ .max_elements = 1, .max_depth = 1 + round % 4u,
								 .max_bytes = 3, .max_parts = 1 + round });
	}
}

static void bulk_and_single_elements_are_the_same(void **state)
{
	uint32_t en = btfb_add_enum(&b, "en", 2, true), ids[] = { u8, u16, u32, s64, chr, 0 }, arrays[6];
	uint8_t bytes[8 * 1000];

	btfb_enumerator(&b, "MINUS", -2);
	ids[5] = en;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		arrays[i] = btfb_add_array(&b, ids[i], u32, 1000);
	(void)state;
	done();
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i / 7);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct sf_node n = node(arrays[i], bytes, sizeof(bytes)), elem;
		_cleanup_free_ char *whole = json_of(&n, NULL);
		const char *at = strchr(whole, '[') + 1;

		for (uint64_t k = 0; k < 1000; k++) {
			assert_int_equal(sf_node_index(&n, k, &elem), SF_STEP_OK);
			_cleanup_free_ char *one = json_of(&elem, NULL);

			assert_memory_equal(at, one, strlen(one));
			at += strlen(one) + 1;
		}
	}
}

static void a_union_says_once_what_all_its_parts_say(void **state)
{
	uint32_t halves = btfb_add_struct(&b, NULL, 8), parts, outer;
	struct { uint32_t id, low, high, after; } v = { 1, 5, 0, 9 };

	btfb_member(&b, "low", u32, 0);
	btfb_member(&b, "high", u32, 32);
	parts = btfb_add_union(&b, NULL, 8);
	btfb_member(&b, "first", u32, 0);
	btfb_member(&b, NULL, halves, 0);
	btfb_member(&b, "whole", u64, 0);
	outer = btfb_add_struct(&b, "outer", 16);
	btfb_member(&b, "id", u32, 0);
	btfb_member(&b, NULL, parts, 32);
	btfb_member(&b, "after", u32, 96);
	(void)state;
	done();
	struct sf_node n = node(outer, &v, sizeof(v));

	assert_looks(&n, "outer{id=1, first=5, after=9}");
	assert_looks_with(&n, &(struct sf_render_options){ .width = 26 },
			  "outer:\n"
			  "  id=1   first=5   after=9");
	assert_looks_with(&n, &(struct sf_render_options){ .show_zero = true },
			  "outer{id=1, first=5, low=5, high=0, whole=5, after=9}");
	/* A part is left out as a whole, or not at all. */
	v.high = 2;
	n = node(outer, &v, sizeof(v));
	assert_looks(&n, "outer{id=1, first=5, low=5, high=2, whole=8589934597, after=9}");
	v.low = 0;
	n = node(outer, &v, sizeof(v));
	assert_looks(&n, "outer{id=1, high=2, whole=8589934592, after=9}");
	/* A union with a name is what its reader makes of it. */
	v.low = 3;
	n = node(parts, &v.low, 8);
	assert_looks(&n, "{first=3, low=3, high=2, whole=8589934595}");
}

static void pointers_to_functions_and_void_have_no_story(void **state)
{
	uint32_t fn = btfb_add_ptr(&b, btfb_add_func_proto(&b, 0)), nothing = btfb_add_ptr(&b, 0), ops;
	uint64_t v[3] = { 0xffffffff81000000, 0, 0xffff888000000000 };

	ops = btfb_add_struct(&b, "ops", 24);
	btfb_member(&b, "enqueue", fn, 0);
	btfb_member(&b, "dequeue", fn, 64);
	btfb_member(&b, "priv", nothing, 128);
	(void)state;
	done();
	struct sf_node n = node(ops, v, sizeof(v));

	assert_looks(&n, "ops{enqueue=0xffffffff81000000, priv=0xffff888000000000}");
	_cleanup_free_ char *json = json_of(&n, NULL);

	assert_contains(json, "it points to a function");
	assert_contains(json, "it points to void");
}

/* ---- memory --------------------------------------------------------------------------------------------- */

static void what_is_not_there_is_said_in_its_place(void **state)
{
	uint32_t arr = btfb_add_array(&b, u64, u32, 600), st = btfb_add_struct(&b, "s", 4816), mask, words;
	char want[1024], at[32];

	btfb_member(&b, "first", u64, 0);
	btfb_member(&b, "list", arr, 64);
	btfb_member(&b, "last", u32, 4808 * 8);
	words = btfb_add_array(&b, u64, u32, 2);
	mask = btfb_add_struct(&b, "cpumask", 16);
	btfb_member(&b, "bits", words, 0);
	(void)state;
	done();
	uint64_t area = fake_vmalloc(guest, 2 * SF_PAGE_SIZE), gone = area + SF_PAGE_SIZE;

	fake_u64(guest, area, 1);
	fake_u64(guest, area + 8 + 510 * 8, 5);
	fake_unmap(guest, gone);
	struct sf_node n = sf_typed_node(&types, area, st, 4816), m = sf_typed_node(&types, gone, mask, 16),
		       raw = sf_typed_node(&types, gone - 2, 0, 4), u = sf_typed_node(&types, gone - 2, u64, 8);

	sprintf(at, "0x%llx", (unsigned long long)gone);
	sprintf(want, "s{first=1, list=[[510]=0x5  [511..599]=<not mapped by the guest: %s>], "
		"last=<not mapped by the guest: 0x%llx>}", at, (unsigned long long)area + 4808);
	assert_looks_with(&n, &(struct sf_render_options){ .width = 200 }, want);
	_cleanup_free_ char *json = json_of(&n, NULL);

	sprintf(want, "{\"kind\":\"uint\",\"bits\":64,\"value\":5}," UNSUPPORTED("not mapped by the guest at %s"), at);
	assert_contains(json, want);
	assert_survives(&n, NULL);
	sprintf(want, UNSUPPORTED("not mapped by the guest at %s"), at);
	assert_json(&m, want);
	sprintf(want, "<not mapped by the guest: %s>", at);
	assert_looks(&m, want);
	sprintf(want, UNSUPPORTED("not mapped by the guest at 0x%llx"), (unsigned long long)gone - 2);
	assert_json(&raw, want);
	assert_json(&u, want);
}

static void circles_of_pointers_end_where_they_close(void **state)
{
	uint32_t link = btfb_add_struct(&b, "link", 16), p_link;
	char want[512];

	btfb_member(&b, "id", u64, 0);
	btfb_member(&b, "next", link + 1, 64);
	p_link = btfb_add_ptr(&b, link);
	assert_int_equal(p_link, link + 1);
	(void)state;
	done();
	uint64_t x = fake_kmalloc(guest, 16), y = fake_kmalloc(guest, 16);
	unsigned long long lx = x, ly = y;

	fake_u64(guest, x, 1);
	fake_u64(guest, x + 8, y);
	fake_u64(guest, y, 2);
	fake_u64(guest, y + 8, x);
	struct sf_node n = sf_typed_node(&types, x, link, 16);
	struct sf_render_options far = { .max_hops = 10, .width = 200 };

	sprintf(want, "link{id=1, next=0x%llx → link{id=2, next=0x%llx [cycle]}}", ly, lx);
	assert_looks(&n, want);
	assert_looks_with(&n, &far, want);
	assert_survives(&n, &far);
	/* A neighbour that is no part of the path may be shown twice. */
	fake_u64(guest, y + 8, 0);
	uint32_t seen = 0;
	struct sf_node again = sf_typed_node(&types, x, link, 16);

	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *text = text_of(&again, &far);

		seen += strstr(text, "id=2") != NULL;
	}
	assert_int_equal(seen, 2);
}

static void one_hop_is_followed_and_masks_from_anywhere(void **state)
{
	uint32_t inner = btfb_add_struct(&b, "inner", 16), outer, words, mask, p_mask;

	btfb_member(&b, "link", inner + 1, 0);
	btfb_member(&b, "mask", inner + 2, 64);
	assert_int_equal(btfb_add_ptr(&b, inner), inner + 1);
	p_mask = btfb_add_ptr(&b, inner + 3);
	mask = btfb_add_struct(&b, "cpumask", 8);
	assert_int_equal(mask, inner + 3);
	btfb_member(&b, "bits", mask + 1, 0);
	words = btfb_add_array(&b, u64, u32, 1);
	assert_int_equal(words, mask + 1);
	outer = btfb_add_ptr(&b, inner);
	(void)state;
	(void)p_mask;
	done();
	uint64_t x = fake_kmalloc(guest, 16), y = fake_kmalloc(guest, 16), m = fake_kmalloc(guest, 64);
	char want[512];

	fake_u64(guest, x, y);
	fake_u64(guest, x + 8, m);
	fake_u64(guest, y, 0);
	fake_u64(guest, m, 5);
	struct sf_node n = node(outer, &x, 8);

	sprintf(want, "0x%llx → inner{link=0x%llx, mask=0x%llx → cpus={0,2}}", (unsigned long long)x,
		(unsigned long long)y, (unsigned long long)m);
	assert_looks(&n, want);
	assert_survives(&n, NULL);
}

/* ---- hostile types -------------------------------------------------------------------------------------- */

static bool count(void *arg, const char *text, size_t len)
{
	(void)text;
	*(uint64_t *)arg += len;
	return true;
}

static void types_that_contain_themselves_take_bounded_work(void **state)
{
	uint32_t ids[8], i = 0, level, empty;
	uint8_t bytes[64] = { 1, 2, 3 };

	ids[i++] = btfb_add_struct(&b, "named", 8);
	btfb_member(&b, "self", ids[0], 0);
	btfb_member(&b, "self2", ids[0], 0);
	ids[i] = btfb_add_struct(&b, "unnamed", 8);
	for (int k = 0; k < 10; k++)
		btfb_member(&b, NULL, ids[i], 0);
	i++;
	/* Legal C: unions of unions, thirty levels, two of each. */
	level = u32;
	for (int k = 0; k < 30; k++) {
		uint32_t up = btfb_add_union(&b, "u", 4);

		btfb_member(&b, "l", level, 0);
		btfb_member(&b, "r", level, 0);
		level = up;
	}
	ids[i++] = level;
	/* The same without names and with nothing at their end: long searches for no member. */
	level = empty = btfb_add_struct(&b, NULL, 0);
	for (int k = 0; k < 25; k++) {
		uint32_t up = btfb_add_union(&b, NULL, 4);

		btfb_member(&b, NULL, level, 0);
		btfb_member(&b, NULL, level, 0);
		level = up;
	}
	ids[i++] = btfb_add_array(&b, level, u32, 4096);
	ids[i] = btfb_add_array(&b, b.next_id, u32, 2);
	i++;
	ids[i++] = btfb_add_array(&b, btfb_add_array(&b, btfb_add_array(&b, u8, u32, 4096), u32, 4096), u32, 4096);
	ids[i++] = btfb_add_array(&b, empty, u32, UINT32_MAX);
	(void)state;
	done();

	for (uint32_t k = 0; k < i; k++) {
		struct sf_render_options opt = { .max_parts = 100000 };
		struct sf_node n = node(ids[k], bytes, sizeof(bytes));
		struct sf_json_writer w;
		uint64_t text = 0, json = 0;

		n.had = 1 << 24; /* most of it does not exist */
		assert_true(sf_render_value_text(&n, &opt, 0, count, &text));
		sf_json_writer_init(&w, count, &json, false);
		sf_render_value_json(&n, &opt, &w);
		assert_true(sf_json_writer_finish(&w));
		assert_in_range(text, 1, 100u << 20);
		assert_in_range(json, 1, 100u << 20);
	}
}

static void a_million_zeros_are_looked_at_quickly(void **state)
{
	uint32_t st = btfb_add_struct(&b, "e", 16), arr, big;

	btfb_member(&b, "a", u64, 0);
	btfb_member(&b, "b", u64, 64);
	arr = btfb_add_array(&b, st, u32, 4096);
	big = btfb_add_array(&b, u64, u32, 1 << 17);
	(void)state;
	done();
	uint64_t at = fake_vmalloc(guest, 1 << 20);
	struct sf_node n = sf_typed_node(&types, at, arr, 4096 * 16), m = sf_typed_node(&types, at, big, 1 << 20);

	assert_looks(&n, "[all 4096 zero]");
	assert_looks(&m, "[all 131072 zero]");
	fake_u64(guest, at + 4000 * 16, 1);
	assert_looks(&n, "4096 elements:\n  [4000] e{a=1}");
	/* Not all of it is zero, only what is shown. */
	assert_looks(&m, "[all 4096 zero] (4096 of 131072 shown)");
}

/* Neighbours that differ in everything are not looked at again for each of them. */
static void work_on_large_arrays_grows_with_their_length(void **state)
{
	uint32_t st = btfb_add_struct(&b, "e", 16), arr;
	struct sf_render_options opt = { .max_parts = 40000 };

	btfb_member(&b, "a", u64, 0);
	btfb_member(&b, "b", u64, 64);
	arr = btfb_add_array(&b, st, u32, 4096);
	(void)state;
	done();
	uint64_t at = fake_vmalloc(guest, 4096 * 16);

	for (uint32_t i = 0; i < 2 * 4096; i++)
		fake_u64(guest, at + 8 * i, i + 1);
	struct sf_node n = sf_typed_node(&types, at, arr, 4096 * 16);
	_cleanup_free_ char *text = text_of(&n, &opt);

	assert_contains(text, "\n  [4095] e{a=8191, b=8192}");
	assert_null(strstr(text, "cut here"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_section_looks_as_documented),
		BENCH_TEST(json_of_every_kind_survives_being_read),
		BENCH_TEST(bulk_and_single_elements_are_the_same),
		BENCH_TEST(a_union_says_once_what_all_its_parts_say),
		BENCH_TEST(pointers_to_functions_and_void_have_no_story),
		BENCH_TEST(what_is_not_there_is_said_in_its_place),
		BENCH_TEST(circles_of_pointers_end_where_they_close),
		BENCH_TEST(one_hop_is_followed_and_masks_from_anywhere),
		BENCH_TEST(types_that_contain_themselves_take_bounded_work),
		BENCH_TEST(a_million_zeros_are_looked_at_quickly),
		BENCH_TEST(work_on_large_arrays_grows_with_their_length),
	};

	return run_bench(tests);
}

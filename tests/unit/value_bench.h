/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_VALUE_BENCH_H
#define SF_TESTS_VALUE_BENCH_H

/*
 * For tests of values: each test makes its own types in `b`, says done(), and gets nodes of bytes that lie in a guest
 * which all tests of the program share.
 */

#include "check.h"
#include "fake_guest.h"
#include "value/typed.h"

static struct fake_guest *guest;
static struct sf_vmem vm;
static struct sf_typed kernel_types, types;
static struct btfb b;
static uint32_t u8, u16, u32, s32, u64, s64, chr;

static inline int make_guest(void **state)
{
	(void)state;
	guest = fake_new(&(struct fake_options){ .small = true, .n_cpus = 70 - 6 });
	fake_open(guest);
	sf_vmem_init(&vm, guest->img, guest->kernel);
	return 0;
}

static inline int drop_guest(void **state)
{
	(void)state;
	fake_free(guest);
	return 0;
}

static inline int begin(void **state)
{
	(void)state;
	btfb_init(&b, NULL);
	u8 = btfb_add_int(&b, "u8", 1, 0);
	u16 = btfb_add_int(&b, "u16", 2, 0);
	u32 = btfb_add_int(&b, "u32", 4, 0);
	s32 = btfb_add_int(&b, "s32", 4, BTFB_SIGNED);
	u64 = btfb_add_int(&b, "u64", 8, 0);
	s64 = btfb_add_int(&b, "s64", 8, BTFB_SIGNED);
	chr = btfb_add_int(&b, "char", 1, BTFB_CHAR);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	sf_btf_unref(types.btf);
	types.btf = NULL;
	return 0;
}

static inline void free_bytes(void *p)
{
	free(p);
}

/* The types are complete. */
static inline void done(void)
{
	size_t len;
	uint8_t *bytes = btfb_finish(&b, &len);

	kernel_types = (struct sf_typed){ .btf = sf_kernel_btf(guest->kernel), .vm = &vm, .nr_cpus = 64 };
	types = (struct sf_typed){ .vm = &vm, .nr_cpus = 64, .kernel = &kernel_types };
	assert_ok(sf_btf_new(bytes, len, NULL, free_bytes, bytes, &types.btf));
}

/* @len bytes in the guest, across the border of two pages that are no neighbours. */
static inline struct sf_node node(uint32_t type, const void *bytes, size_t len)
{
	uint64_t area = fake_vmalloc(guest, 2 * SF_PAGE_SIZE + len);
	uint64_t at = area + SF_PAGE_SIZE - len / 2;

	fake_write(guest, at, bytes, len);
	return sf_typed_node(&types, at, type, (uint32_t)len);
}

static inline struct sf_scalar scalar(const struct sf_node *n)
{
	struct sf_scalar s = { 0 };
	struct sf_trouble why = { 0 };

	assert_int_equal(sf_node_scalar(n, &s, &why), SF_STEP_OK);
	return s;
}

static inline struct sf_node member(const struct sf_node *n, const char *name)
{
	struct sf_node ret;

	if (sf_node_member(n, name, strlen(name), &ret) != SF_STEP_OK)
		fail_msg("no member %s", name);
	return ret;
}

static inline void assert_kind(const struct sf_node *n, enum sf_kind kind)
{
	assert_string_equal(sf_kind_name(sf_node_kind(n)), sf_kind_name(kind));
}

static inline void assert_text(const struct sf_node *n, const char *want)
{
	char text[512];

	sf_node_text(n, text, sizeof(text));
	assert_string_equal(text, want);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define run_bench(tests) cmocka_run_group_tests(tests, make_guest, drop_guest)

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Page tables of x86-64, built as data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arch/arch.h"

#define PRESENT 0x1ull
#define LARGE 0x80ull
#define NX (1ull << 63)
#define FLAGS 0x63ull /* present, writable, accessed, dirty */
#define TOP (1ull << 30)
#define VA4 0xffffc90012345678ull
#define VA5 0xffd20012345678abull
#define N_TABLES 5

/* Table i is at 0x1000 * (i + 1). */
struct tables {
	uint64_t entries[N_TABLES][512];
};

static uint64_t table_gpa(int i)
{
	return 0x1000ull * (i + 1);
}

static unsigned int slot(uint64_t va, int level)
{
	return va >> (12 + 9 * (level - 1)) & 511;
}

/* Links as many tables as there are levels for @va; the last is left to the test. Returns it. */
static uint64_t *chain(struct tables *t, int levels, int last, uint64_t va)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0, level = levels; level > last; level--, i++)
		t->entries[i][slot(va, level)] = table_gpa(i + 1) | FLAGS;
	return &t->entries[levels - last][slot(va, last)];
}

static enum sf_fault walk(const struct tables *t, bool five, uint64_t va, struct sf_mapping *ret)
{
	uint64_t gpas[N_TABLES];
	SF_OWNED(image) img = NULL;
	const struct sf_pgtable pt = { .root = table_gpa(0) | 0xfff, .five_levels = five };

	for (int i = 0; i < N_TABLES; i++)
		gpas[i] = table_gpa(i);
	assert_null(sf_image_pages_new(gpas, t, N_TABLES, TOP, &img));
	return sf_pgtable_walk(img, &pt, va, ret);
}

static struct tables t;

static void four_levels_lead_to_a_small_page(void **state)
{
	struct sf_mapping m;

	(void)state;
	*chain(&t, 4, 1, VA4) = 0x7fff000 | FLAGS | NX;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_NONE);
	assert_int_equal(m.gpa, 0x7fff678);
	assert_int_equal(m.size, 4096);
}

static void five_levels_lead_to_a_small_page(void **state)
{
	struct sf_mapping m;

	(void)state;
	*chain(&t, 5, 1, VA5) = 0x7fff000 | FLAGS;
	assert_int_equal(walk(&t, true, VA5, &m), SF_FAULT_NONE);
	assert_int_equal(m.gpa, 0x7fff8ab);
	assert_int_equal(m.size, 4096);
}

static void large_pages_end_the_walk_early(void **state)
{
	struct sf_mapping m;

	(void)state;
	/* Bit 12 is PAT in an entry of a large page, and no part of the address. */
	*chain(&t, 4, 2, VA4) = 0x7e00000 | 0x1000 | LARGE | FLAGS;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_NONE);
	assert_int_equal(m.gpa, 0x7e00000 | (VA4 & 0x1fffff));
	assert_int_equal(m.size, 2 << 20);

	*chain(&t, 5, 3, VA5) = 0x1c0000000 | 0x1000 | LARGE | FLAGS;
	assert_int_equal(walk(&t, true, VA5, &m), SF_FAULT_NONE);
	assert_int_equal(m.gpa, 0x1c0000000 | (VA5 & 0x3fffffff));
	assert_int_equal(m.size, 1 << 30);
}

static void the_pat_bit_of_a_small_page_is_no_size(void **state)
{
	struct sf_mapping m;

	(void)state;
	*chain(&t, 4, 1, VA4) = 0x7fff000 | FLAGS | LARGE;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_NONE);
	assert_int_equal(m.gpa, 0x7fff678);
	assert_int_equal(m.size, 4096);
}

static void every_table_that_was_read_is_named(void **state)
{
	struct sf_mapping m;

	(void)state;
	*chain(&t, 5, 1, VA5) = 0x7fff000 | FLAGS;
	assert_int_equal(walk(&t, true, VA5, &m), SF_FAULT_NONE);
	assert_int_equal(m.n_tables, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(m.tables[i], table_gpa(i));
	*chain(&t, 4, 3, VA4) = 0x40000000 | LARGE | FLAGS;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_NONE);
	assert_int_equal(m.n_tables, 2);
}

static void not_present_is_unmapped_at_every_level(void **state)
{
	(void)state;
	for (int five = 0; five < 2; five++) {
		int levels = five ? 5 : 4;
		uint64_t va = five ? VA5 : VA4;

		for (int level = 1; level <= levels; level++) {
			struct sf_mapping m = { .gpa = 42 };

			/* All bits but the one: PROT_NONE and swapped pages look like this. */
			*chain(&t, levels, level, va) = ~PRESENT;
			assert_int_equal(walk(&t, five, va, &m), SF_FAULT_UNMAPPED);
			assert_int_equal(m.gpa, 42);
		}
	}
}

static void a_large_page_above_one_gigabyte_does_not_exist(void **state)
{
	struct sf_mapping m;

	(void)state;
	*chain(&t, 4, 4, VA4) = LARGE | FLAGS;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_UNMAPPED);
	*chain(&t, 5, 5, VA5) = LARGE | FLAGS;
	assert_int_equal(walk(&t, true, VA5, &m), SF_FAULT_UNMAPPED);
}

static void addresses_that_are_not_canonical_are_unmapped(void **state)
{
	struct sf_mapping m;

	(void)state;
	memset(&t, 0xff, sizeof(t));
	assert_int_equal(walk(&t, false, 0x0000800000000000, &m), SF_FAULT_UNMAPPED);
	assert_int_equal(walk(&t, false, 0xffff7fffffffffff, &m), SF_FAULT_UNMAPPED);
	assert_int_equal(walk(&t, true, 0x0100000000000000, &m), SF_FAULT_UNMAPPED);
	assert_int_equal(walk(&t, true, 0xfeffffffffffffff, &m), SF_FAULT_UNMAPPED);
	assert_true(sf_arch_is_canonical(false, 0x00007fffffffffff));
	assert_true(sf_arch_is_canonical(false, 0xffff800000000000));
	assert_true(sf_arch_is_canonical(true, 0x00ffffffffffffff));
	assert_true(sf_arch_is_canonical(true, 0xff00000000000000));
	assert_false(sf_arch_is_kernel_address(true, 0x00ffffffffffffff));
	assert_true(sf_arch_is_kernel_address(false, UINT64_MAX));
	assert_false(sf_arch_is_kernel_address(false, 0xff00000000000000));
}

static void a_table_that_is_not_there_is_the_images_fault(void **state)
{
	struct sf_mapping m;

	(void)state;
	*chain(&t, 4, 3, VA4) = 0x555000 | FLAGS;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_NOT_KEPT);
	*chain(&t, 4, 3, VA4) = 0xffffffffff000 | FLAGS;
	assert_int_equal(walk(&t, false, VA4, &m), SF_FAULT_BOUNDS);
}

static void tables_that_point_at_themselves_end(void **state)
{
	struct sf_mapping m;

	(void)state;
	for (int i = 0; i < 512; i++)
		t.entries[0][i] = table_gpa(0) | FLAGS;
	assert_int_equal(walk(&t, true, VA5, &m), SF_FAULT_NONE);
	assert_int_equal(m.gpa, table_gpa(0) | (VA5 & 0xfff));
	assert_int_equal(m.n_tables, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_levels_lead_to_a_small_page),
		cmocka_unit_test(five_levels_lead_to_a_small_page),
		cmocka_unit_test(large_pages_end_the_walk_early),
		cmocka_unit_test(the_pat_bit_of_a_small_page_is_no_size),
		cmocka_unit_test(every_table_that_was_read_is_named),
		cmocka_unit_test(not_present_is_unmapped_at_every_level),
		cmocka_unit_test(a_large_page_above_one_gigabyte_does_not_exist),
		cmocka_unit_test(addresses_that_are_not_canonical_are_unmapped),
		cmocka_unit_test(a_table_that_is_not_there_is_the_images_fault),
		cmocka_unit_test(tables_that_point_at_themselves_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

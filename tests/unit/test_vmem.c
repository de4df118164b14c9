/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's virtual memory, and its containers, in a machine made up for it. */
#include "fake_kernel.h"

#define N_VMALLOC 4
#define FIRST_DATA 0xc00000ull /* GPA: from here RAM is the tests' */

struct world {
	struct fake f;
	struct sf_kernel *k;
	struct sf_vmem *vm;
	uint64_t pages[N_VMALLOC];
};

/* vmalloc: pages 0, 1 and 3 are mapped, scattered; 2 is not. */
static int start(void **state)
{
	static const uint64_t gpas[N_VMALLOC] = { 0xd05000, 0xd02000, 0, 0xd0a000 };
	static const struct fake_options opt = { .five_levels = true, .page_offset = 0xff11223340000000 };
	struct world *w = calloc(1, sizeof(*w));

	fake_start(&w->f, &opt);
	for (int i = 0; i < N_VMALLOC; i++) {
		w->pages[i] = gpas[i];
		if (!gpas[i])
			continue;
		fake_map(&w->f, w->f.vmalloc + i * SF_PAGE_SIZE, gpas[i], 1);
		for (int at = 0; at < (int)SF_PAGE_SIZE; at += 8)
			fake_put64(&w->f, gpas[i] + at, (uint64_t)i << 32 | at);
	}
	w->k = fake_kernel(&w->f);
	w->vm = malloc(sizeof(*w->vm));
	assert_non_null(w->vm);
	sf_vmem_init(w->vm, w->f.img, w->k);
	*state = w;
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;

	sf_kernel_unref(w->k);
	fake_stop(&w->f);
	free(w->vm);
	free(w);
	return 0;
}

static void direct_map_and_image_are_arithmetic(void **state)
{
	struct world *w = *state;
	uint64_t gpa, v;

	fake_put64(&w->f, FIRST_DATA, 0x1122334455667788);
	assert_int_equal(sf_vmem_u64(w->vm, w->f.page_offset + FIRST_DATA, &v), SF_FAULT_NONE);
	assert_int_equal(v, 0x1122334455667788);
	assert_int_equal(sf_vmem_u64(w->vm, FAKE_TEXT + FAKE_RELATIVE_BASE, &v), SF_FAULT_NONE);
	assert_int_equal(v, FAKE_TEXT);
	assert_int_equal(sf_vmem_translate(w->vm, FAKE_TEXT + 0x123, &gpa), SF_FAULT_NONE);
	assert_int_equal(gpa, FAKE_IMAGE_GPA + 0x123);
	assert_int_equal(sf_vmem_translate(w->vm, w->f.page_offset + 0x456, &gpa), SF_FAULT_NONE);
	assert_int_equal(gpa, 0x456);
}

static void vmalloc_is_walked_page_by_page(void **state)
{
	struct world *w = *state;
	uint8_t buf[2 * SF_PAGE_SIZE];
	uint64_t gpa, v;

	/* Twice: behind the TLB and in it. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sf_vmem_u64(w->vm, w->f.vmalloc + SF_PAGE_SIZE + 0x18, &v), SF_FAULT_NONE);
		assert_int_equal(v, 1ull << 32 | 0x18);
		assert_int_equal(sf_vmem_read(w->vm, w->f.vmalloc + 0x800, buf, 0x1000), SF_FAULT_NONE);
		assert_memory_equal(buf, fake_at(&w->f, w->pages[0] + 0x800), 0x800);
		assert_memory_equal(buf + 0x800, fake_at(&w->f, w->pages[1]), 0x800);
	}
	assert_int_equal(sf_vmem_translate(w->vm, w->f.vmalloc + 3 * SF_PAGE_SIZE + 1, &gpa), SF_FAULT_NONE);
	assert_int_equal(gpa, w->pages[3] + 1);
}

static void what_is_not_mapped_is_unmapped(void **state)
{
	struct world *w = *state;
	uint64_t v = 42, gpa = 42;
	uint8_t buf[SF_PAGE_SIZE];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(sf_vmem_u64(w->vm, w->f.vmalloc + 2 * SF_PAGE_SIZE, &v), SF_FAULT_UNMAPPED);
		assert_int_equal(sf_vmem_read(w->vm, w->f.vmalloc + SF_PAGE_SIZE + 8, buf, SF_PAGE_SIZE),
				 SF_FAULT_UNMAPPED);
		assert_int_equal(sf_vmem_translate(w->vm, w->f.vmalloc + (1ull << 30), &gpa), SF_FAULT_UNMAPPED);
	}
	assert_int_equal(v, 42);
	assert_int_equal(gpa, 42);
	assert_int_equal(sf_vmem_u64(w->vm, 0, &v), SF_FAULT_UNMAPPED);
	assert_int_equal(sf_vmem_u64(w->vm, 0x8000000000000000, &v), SF_FAULT_UNMAPPED);
	assert_null(sf_vmem_page(w->vm, 1, NULL));
}

static void reads_do_not_wrap_around(void **state)
{
	struct world *w = *state;
	uint8_t buf[64];

	assert_int_equal(sf_vmem_read(w->vm, UINT64_MAX - 10, buf, sizeof(buf)), SF_FAULT_BOUNDS);
	assert_int_equal(sf_vmem_read(w->vm, w->f.vmalloc + 2 * SF_PAGE_SIZE, buf, 0), SF_FAULT_UNMAPPED);
	assert_int_equal(sf_vmem_touch(w->vm, UINT64_MAX - 10, 100), SF_FAULT_BOUNDS);
	assert_int_equal(sf_vmem_touch(w->vm, w->f.vmalloc, 1ull << 60), SF_FAULT_BOUNDS);
}

static void the_end_of_the_direct_map_is_the_end_of_ram(void **state)
{
	struct world *w = *state;
	uint8_t buf[16];

	assert_int_equal(sf_vmem_read(w->vm, w->f.page_offset + FAKE_RAM - 8, buf, 8), SF_FAULT_NONE);
	assert_int_equal(sf_vmem_read(w->vm, w->f.page_offset + FAKE_RAM - 8, buf, 16), SF_FAULT_UNMAPPED);
}

static void a_flush_forgets_what_was_mapped(void **state)
{
	struct world *w = *state;
	uint64_t v;

	assert_int_equal(sf_vmem_u64(w->vm, w->f.vmalloc, &v), SF_FAULT_NONE);
	assert_int_equal(v, 0);
	fake_map(&w->f, w->f.vmalloc, w->pages[3], 1);
	sf_vmem_flush(w->vm);
	assert_int_equal(sf_vmem_u64(w->vm, w->f.vmalloc, &v), SF_FAULT_NONE);
	assert_int_equal(v, 3ull << 32);
}

static void a_frame_has_the_page_tables_of_what_was_touched(void **state)
{
	struct world *w = *state;
	struct sf_recorder *rec = NULL;
	SF_OWNED(image) frame = NULL;
	uint8_t live[3 * SF_PAGE_SIZE], kept[3 * SF_PAGE_SIZE];
	uint64_t v;

	fake_assert_ok(sf_recorder_new(w->f.img, 64, 1024, &rec));
	sf_recorder_begin(rec);
	sf_vmem_init(w->vm, sf_recorder_image(rec), w->k);
	assert_int_equal(sf_vmem_touch(w->vm, w->f.vmalloc + 100, 2 * SF_PAGE_SIZE - 100), SF_FAULT_NONE);
	assert_int_equal(sf_vmem_touch(w->vm, w->f.vmalloc + 100, 4 * SF_PAGE_SIZE - 100), SF_FAULT_UNMAPPED);
	assert_int_equal(sf_recorder_n_pages(rec), 3 + 5);
	fake_assert_ok(sf_recorder_take(rec, &frame));
	sf_recorder_free(rec);

	sf_vmem_init(w->vm, w->f.img, w->k);
	assert_int_equal(sf_vmem_read(w->vm, w->f.vmalloc, live, 2 * SF_PAGE_SIZE), SF_FAULT_NONE);
	sf_vmem_init(w->vm, frame, w->k);
	assert_int_equal(sf_vmem_read(w->vm, w->f.vmalloc, kept, 2 * SF_PAGE_SIZE), SF_FAULT_NONE);
	assert_memory_equal(live, kept, 2 * SF_PAGE_SIZE);
	assert_int_equal(sf_vmem_u64(w->vm, w->f.vmalloc + 3 * SF_PAGE_SIZE, &v), SF_FAULT_NONE);
	assert_int_equal(sf_vmem_u64(w->vm, w->f.page_offset + FIRST_DATA, &v), SF_FAULT_NOT_KEPT);
	assert_int_equal(sf_vmem_u64(w->vm, w->f.vmalloc + (1ull << 39), &v), SF_FAULT_UNMAPPED);
}

static void per_cpu_addresses_of_cpus_that_are_there(void **state)
{
	struct world *w = *state;
	uint64_t at = 42;

	assert_true(sf_vmem_percpu(w->vm, 0x1540, 0, &at));
	assert_int_equal(at, w->f.page_offset + 0x801540);
	assert_true(sf_vmem_percpu(w->vm, 0x1540, 1, &at));
	assert_int_equal(at, w->f.page_offset + 0x901540);
}

static void a_cpu_that_was_never_set_up_has_no_address(void **state)
{
	struct world *w = *state;
	uint64_t at = 42;

	assert_false(sf_vmem_percpu(w->vm, 0x1540, 2, &at)); /* offset 0 */
	assert_false(sf_vmem_percpu(w->vm, 0x1540, 3, &at)); /* the initial data */
	assert_false(sf_vmem_percpu(w->vm, 0x1540, 4, &at)); /* beyond nr_cpu_ids */
	assert_false(sf_vmem_percpu(w->vm, 0x1540, UINT32_MAX, &at));
	assert_int_equal(at, 42);
}

/* ---- idr ---------------------------------------------------------------------------------------- */

#define IDR (FAKE_TEXT + FAKE_MAP_IDR)
#define NODE_SIZE 1024
#define NODE(i) (FIRST_DATA + (i) * NODE_SIZE)
#define LEAF(i) (0xff11223340100000ull + (i) * 64)

/* As a slot or head has it. */
static uint64_t node_entry(struct world *w, int i)
{
	return (w->f.page_offset + NODE(i)) | 2;
}

static void set_shift(struct world *w, int node, uint8_t shift)
{
	*(uint8_t *)fake_at(&w->f, NODE(node)) = shift;
}

static void set_slot(struct world *w, int node, int slot, uint64_t entry)
{
	fake_put64(&w->f, NODE(node) + 16 + 8 * slot, entry);
}

static void set_idr(struct world *w, uint64_t head, uint32_t base)
{
	fake_image64(&w->f, FAKE_MAP_IDR + 8, head);
	fake_image64(&w->f, FAKE_MAP_IDR + 16, base);
}

struct found {
	uint32_t n, stop_after;
	uint32_t index[256];
	uint64_t entry[256];
};

static bool note_entry(void *arg, uint32_t index, uint64_t entry)
{
	struct found *f = arg;

	assert_true(f->n < ARRAY_SIZE(f->index));
	f->index[f->n] = index;
	f->entry[f->n++] = entry;
	return f->n != f->stop_after;
}

static struct sf_idr_stats walk(struct world *w, uint32_t max, struct found *ret)
{
	struct sf_idr_stats stats;

	ret->n = 0;
	fake_assert_ok(sf_vmem_idr(w->vm, IDR, max, note_entry, ret, &stats));
	return stats;
}

static void an_empty_idr_has_nothing(void **state)
{
	struct found f = { 0 };
	struct sf_idr_stats s = walk(*state, 100, &f);

	assert_int_equal(f.n + s.n_entries + s.n_torn + s.capped, 0);
}

static void a_head_that_is_no_node_is_entry_0(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	set_idr(w, LEAF(0), 0);
	assert_int_equal(walk(w, 100, &f).n_entries, 1);
	assert_int_equal(f.index[0], 0);
	assert_int_equal(f.entry[0], LEAF(0));
	set_idr(w, LEAF(0), 7);
	walk(w, 100, &f);
	assert_int_equal(f.index[0], 7);
}

/* 0 is the top with shift 12; 1 (shift 6) below slot 0, 2 (shift 0) below that, 3 and 4 below slot 5. */
static void make_tree(struct world *w)
{
	set_idr(w, node_entry(w, 0), 0);
	set_shift(w, 0, 12);
	set_shift(w, 1, 6);
	set_shift(w, 3, 6);
	set_slot(w, 0, 0, node_entry(w, 1));
	set_slot(w, 0, 5, node_entry(w, 3));
	set_slot(w, 1, 0, node_entry(w, 2));
	set_slot(w, 3, 63, node_entry(w, 4));
	set_slot(w, 2, 1, LEAF(1));
	set_slot(w, 2, 63, LEAF(2));
	set_slot(w, 4, 2, LEAF(3));
}

static void entries_come_in_order_of_index(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	make_tree(w);
	struct sf_idr_stats s = walk(w, 100, &f);

	assert_int_equal(s.n_entries, 3);
	assert_int_equal(s.n_torn + s.capped, 0);
	assert_int_equal(f.index[0], 1);
	assert_int_equal(f.index[1], 63);
	assert_int_equal(f.index[2], 5 * 4096 + 63 * 64 + 2);
	assert_int_equal(f.entry[2], LEAF(3));

	struct sf_idr_stats xa;

	f.n = 0;
	fake_assert_ok(sf_vmem_xarray(w->vm, IDR, 100, note_entry, &f, &xa));
	assert_int_equal(f.n, 3);
}

static void internal_marks_are_left_out(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	make_tree(w);
	set_slot(w, 2, 2, 257 << 2 | 2);  /* a reserved slot */
	set_slot(w, 2, 3, 1 << 2 | 2);    /* the rest of a wide entry */
	set_slot(w, 2, 4, 9 << 1 | 1);    /* a value */
	set_slot(w, 2, 5, 256 << 2 | 2);  /* try again: somebody was at it */
	struct sf_idr_stats s = walk(w, 100, &f);

	assert_int_equal(s.n_entries, 4);
	assert_int_equal(s.n_torn, 1);
	assert_int_equal(f.index[1], 4);
	assert_int_equal(f.entry[1], 19);
}

static void what_is_torn_ends_its_subtree_only(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	make_tree(w);
	set_shift(w, 2, 6); /* not its parent's - 6 */
	assert_int_equal(walk(w, 100, &f).n_torn, 1);
	assert_int_equal(f.n, 1);

	make_tree(w);
	set_shift(w, 2, 0);
	set_slot(w, 1, 0, 0xdead000000000002);
	assert_int_equal(walk(w, 100, &f).n_torn, 1);
	assert_int_equal(f.n, 1);

	make_tree(w);
	set_slot(w, 2, 10, node_entry(w, 4)); /* a node where only entries can be */
	assert_int_equal(walk(w, 100, &f).n_torn, 1);
	assert_int_equal(f.n, 3);
}

static void a_top_that_makes_no_sense_is_torn(void **state)
{
	static const uint8_t shifts[] = { 1, 7, 64, 66, 255 };
	struct world *w = *state;
	struct found f = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		make_tree(w);
		set_shift(w, 0, shifts[i]);
		assert_int_equal(walk(w, 100, &f).n_torn, 1);
		assert_int_equal(f.n, 0);
	}
}

static void indexes_beyond_32_bits_are_torn(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	for (uint8_t shift = 30; shift <= 60; shift += 6) {
		set_idr(w, node_entry(w, 0), 0);
		set_shift(w, 0, shift);
		set_slot(w, 0, 0, 0);
		set_slot(w, 0, 16, LEAF(1)); /* 16 << 60 is 0 again */
		set_slot(w, 0, 63, LEAF(2));
		struct sf_idr_stats s = walk(w, 100, &f);

		assert_int_equal(f.n, 0);
		assert_int_equal(s.n_torn, 2);
	}
	set_slot(w, 0, 16, 0);
	set_slot(w, 0, 63, 0);
	make_tree(w);
	set_idr(w, node_entry(w, 0), UINT32_MAX - 1);
	assert_int_equal(walk(w, 100, &f).n_torn, 2);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.index[0], UINT32_MAX);
}

static void there_are_no_more_entries_than_asked_for(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	make_tree(w);
	struct sf_idr_stats s = walk(w, 2, &f);

	assert_int_equal(f.n, 2);
	assert_int_equal(s.n_entries, 2);
	assert_true(s.capped);
	assert_false(walk(w, 3, &f).capped);
	f.stop_after = 1;
	s = walk(w, 100, &f);
	assert_int_equal(f.n, 1);
	assert_false(s.capped);
}

/* Each node hangs in all slots of the one above: 64 to the tenth paths, and no entry. */
static void a_tree_without_end_ends(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };

	set_idr(w, node_entry(w, 0), 0);
	for (int i = 0; i < 5; i++) {
		set_shift(w, i, 6 * (4 - i));
		for (int slot = 0; slot < 64 && i < 4; slot++)
			set_slot(w, i, slot, node_entry(w, i + 1));
	}
	struct sf_idr_stats s = walk(w, 1000, &f);

	assert_true(s.capped);
	assert_int_equal(f.n, 0);
}

static void an_idr_that_is_not_kept_is_an_error(void **state)
{
	struct world *w = *state;
	struct found f = { 0 };
	struct sf_idr_stats stats = { .n_torn = 42 };
	SF_OWNED(error) err = sf_vmem_idr(w->vm, w->f.vmalloc + 2 * SF_PAGE_SIZE, 10, note_entry, &f, &stats);

	assert_int_equal(sf_error_code(err), SF_PAGE_NOT_KEPT);
	assert_int_equal(stats.n_torn, 42);
}

/* ---- damage ------------------------------------------------------------------------------------- */

static void ask_everything(struct world *w, struct sf_kernel *k)
{
	struct found f = { 0 };
	struct sf_idr_stats stats;
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol s;
	uint64_t at, start, end;

	sf_vmem_init(w->vm, w->f.img, k);
	sf_kernel_image_range(k, &start, &end);
	for (uint32_t i = 0; i < sf_kernel_n_symbols(k) && i < 40; i++)
		if (sf_kernel_symbol_nth(k, i, buf, &s))
			sf_kernel_symbol(k, buf, &at);
	for (uint32_t i = 0; i < 8; i++) {
		sf_kernel_symbol_at(k, start + i * 0x1234, buf, &s);
		sf_vmem_percpu(w->vm, 0x1540, i, &at);
	}
	sf_vmem_touch(w->vm, w->f.vmalloc, 8 * SF_PAGE_SIZE);
	if (sf_kernel_symbol(k, "map_idr", &at))
		sf_error_free(sf_vmem_idr(w->vm, at, ARRAY_SIZE(f.index) - 1, note_entry, &f, &stats));
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 17;
}

/* A few bytes changed anywhere in what a kernel is read from: an error that says something, or a kernel. */
static void a_damaged_kernel_is_an_error_or_a_kernel(void **state)
{
	struct world *w = *state;
	struct { uint8_t **v; size_t n, cap; } bytes = { 0 }; /* all that is not 0 */
	uint64_t seed = 1;
	uint32_t n_kernels = 0, n_errors = 0;

	make_tree(w);
	for (uint8_t *p = fake_at(&w->f, FAKE_IMAGE_GPA); p < (uint8_t *)fake_at(&w->f, w->f.next_page); p++)
		if (*p)
			*sf_vec_push(&bytes) = p;
	for (int round = 0; round < 4000; round++) {
		struct { uint8_t *at, was; } changed[4];
		struct sf_kernel *k = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
			changed[i].at = bytes.v[next_random(&seed) % bytes.n];
			changed[i].was = *changed[i].at;
			*changed[i].at = next_random(&seed);
		}
		SF_OWNED(error) err = sf_kernel_new(w->f.img, NULL, &k);

		if (err) {
			assert_true(*sf_error_message(err));
			n_errors++;
		} else {
			ask_everything(w, k);
			n_kernels++;
		}
		sf_kernel_unref(k);
		for (size_t i = ARRAY_SIZE(changed); i--;)
			*changed[i].at = changed[i].was;
	}
	free(bytes.v);
	assert_true(n_kernels > 100 && n_errors > 100);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(direct_map_and_image_are_arithmetic),
		TEST(vmalloc_is_walked_page_by_page),
		TEST(what_is_not_mapped_is_unmapped),
		TEST(reads_do_not_wrap_around),
		TEST(the_end_of_the_direct_map_is_the_end_of_ram),
		TEST(a_flush_forgets_what_was_mapped),
		TEST(a_frame_has_the_page_tables_of_what_was_touched),
		TEST(per_cpu_addresses_of_cpus_that_are_there),
		TEST(a_cpu_that_was_never_set_up_has_no_address),
		TEST(an_empty_idr_has_nothing),
		TEST(a_head_that_is_no_node_is_entry_0),
		TEST(entries_come_in_order_of_index),
		TEST(internal_marks_are_left_out),
		TEST(what_is_torn_ends_its_subtree_only),
		TEST(a_top_that_makes_no_sense_is_torn),
		TEST(indexes_beyond_32_bits_are_torn),
		TEST(there_are_no_more_entries_than_asked_for),
		TEST(a_tree_without_end_ends),
		TEST(an_idr_that_is_not_kept_is_an_error),
		TEST(a_damaged_kernel_is_an_error_or_a_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

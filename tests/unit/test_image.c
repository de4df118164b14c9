/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The image seam: live RAM with its hole, sets of pages, overlays, and the recorder. */
#include "image_test.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define GIB (1ull << 30)

/* RAM as the tests see it: the file, and a window into it to write as a guest would. */
struct machine {
	int fd;
	uint64_t size;
	uint8_t *ram;
	struct sf_image *img;
};

static void machine_start(struct machine *m, uint64_t size, const struct sf_ram_range *ranges, size_t n)
{
	m->fd = memfd_create("ram", MFD_CLOEXEC);
	assert_true(m->fd >= 0);
	assert_int_equal(ftruncate(m->fd, size), 0);
	m->size = size;
	m->ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	assert_true(m->ram != MAP_FAILED);
	assert_ok(sf_image_ram_new(&m->fd, 1, ranges, n, &m->img));
}

static void machine_stop(struct machine *m)
{
	sf_image_unref(m->img);
	munmap(m->ram, m->size);
	close(m->fd);
}

static uint64_t resident(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static const struct sf_ram_range q35[] = {
	{ .gpa = 0, .len = 2 * GIB, .offset = 0 },
	{ .gpa = 4 * GIB, .len = 1 * GIB, .offset = 2 * GIB },
};

/* ---- live RAM ----------------------------------------------------------------------------------- */

static void ram_above_the_hole_is_found_behind_the_low_ram_in_the_file(void **state)
{
	struct machine m;
	enum sf_fault why = SF_FAULT_NONE;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	m.ram[0x1234] = 1;
	m.ram[2 * GIB - 1] = 2;
	m.ram[2 * GIB + 5] = 3;
	m.ram[3 * GIB - 1] = 4;
	assert_int_equal(sf_image_page(m.img, 0x1234, NULL)[0x234], 1);
	assert_int_equal(sf_image_page(m.img, 2 * GIB - 1, &why)[0xfff], 2);
	assert_int_equal(sf_image_page(m.img, 4 * GIB + 5, &why)[5], 3);
	assert_int_equal(sf_image_page(m.img, 5 * GIB - 1, &why)[0xfff], 4);
	assert_int_equal(why, SF_FAULT_NONE);
	assert_int_equal(sf_image_top(m.img), 5 * GIB);
	machine_stop(&m);
}

static void ram_in_the_hole_and_above_the_top_is_out_of_bounds(void **state)
{
	static const uint64_t nowhere[] = { 2 * GIB, 3 * GIB, 4 * GIB - 1, 5 * GIB, SF_MAX_GPA, UINT64_MAX };
	struct machine m;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		enum sf_fault why = SF_FAULT_NONE;
		char c = 'x';

		assert_null(sf_image_page(m.img, nowhere[i], &why));
		assert_int_equal(why, SF_FAULT_BOUNDS);
		assert_int_equal(sf_image_read(m.img, nowhere[i], &c, 1), SF_FAULT_BOUNDS);
	}
	machine_stop(&m);
}

static void ram_of_three_ranges_is_found_behind_the_flat_two(void **state)
{
	const struct sf_ram_range three[] = {
		{ .gpa = 0, .len = 4096, .offset = 8192 },
		{ .gpa = 8192, .len = 4096, .offset = 0 },
		{ .gpa = 16384, .len = 4096, .offset = 4096 },
	};
	struct machine m;

	(void)state;
	machine_start(&m, 3 * 4096, three, 3);
	m.ram[0] = 1;
	m.ram[4096] = 2;
	m.ram[8192] = 3;
	assert_int_equal(*sf_image_page(m.img, 0, NULL), 3);
	assert_int_equal(*sf_image_page(m.img, 8192, NULL), 1);
	assert_int_equal(*sf_image_page(m.img, 16384, NULL), 2);
	assert_null(sf_image_page(m.img, 4096, NULL));
	machine_stop(&m);
}

/* Two nodes of which the second is cut by the hole. */
static void ram_of_several_files_is_one_address_space(void **state)
{
	static const struct sf_ram_range nodes[] = {
		{ .gpa = 0, .len = 3 * GIB / 2, .file = 0 },
		{ .gpa = 3 * GIB / 2, .len = GIB / 2, .file = 1 },
		{ .gpa = 4 * GIB, .len = GIB, .offset = GIB / 2, .file = 1 },
	};
	static const struct { uint64_t gpa, offset; int file; } places[] = {
		{ 0, 0, 0 }, { 3 * GIB / 2 - 1, 3 * GIB / 2 - 1, 0 }, { 3 * GIB / 2, 0, 1 },
		{ 2 * GIB - 1, GIB / 2 - 1, 1 }, { 4 * GIB, GIB / 2, 1 }, { 5 * GIB - 1, 3 * GIB / 2 - 1, 1 },
	};
	int fds[2] = { memfd_create("ram", MFD_CLOEXEC), memfd_create("ram", MFD_CLOEXEC) };
	SF_OWNED(image) img = NULL;
	struct sf_image_run run;
	uint64_t from = 0, seen[8], n = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ftruncate(fds[i], 3 * GIB / 2), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_int_equal(pwrite(fds[places[i].file], &(char){ (char)(i + 1) }, 1, (off_t)places[i].offset), 1);
	assert_ok(sf_image_ram_new(fds, 2, nodes, 3, &img));
	close(fds[0]);
	close(fds[1]);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char c = 0;

		assert_int_equal(sf_image_read(img, places[i].gpa, &c, 1), SF_FAULT_NONE);
		assert_int_equal(c, i + 1);
	}
	/* What was written is all there is to scan, and a read across two files is one read. */
	for (; sf_image_next_run(img, from, &run) && n < ARRAY_SIZE(seen); from = run.gpa + run.len)
		seen[n++] = run.gpa;
	assert_int_equal(n, 6);
	assert_int_equal(seen[1], 3 * GIB / 2 - 4096);
	assert_int_equal(seen[4], 4 * GIB);

	char pair[2];

	assert_int_equal(sf_image_read(img, 3 * GIB / 2 - 1, pair, 2), SF_FAULT_NONE);
	assert_memory_equal(pair, "\2\3", 2);
	/* Ranges that touch are one to the fast way in. */
	assert_int_equal(img->flat[0].len, 2 * GIB);
	assert_int_equal(img->flat[1].gpa, 4 * GIB);
	assert_int_equal(img->flat[1].len, GIB);
}

static void ram_ranges_that_cannot_be_are_refused(void **state)
{
	static const struct sf_ram_range wrong[][2] = {
		{ { 0, 4096, 0 }, { 2048, 4096, 4096 } },               /* not aligned */
		{ { 0, 8192, 0 }, { 4096, 4096, 8192 } },               /* overlap */
		{ { 8192, 4096, 0 }, { 0, 4096, 4096 } },               /* not in order */
		{ { 0, 4096, 0 }, { 4096, 4096, 16384 } },              /* not in the file */
		{ { 0, 4096, 0 }, { 4096, UINT64_MAX & ~4095ull, 0 } }, /* too long */
		{ { 0, 4096, 0 }, { SF_MAX_GPA - 4096, 8192, 0 } },
		{ { 0, 4096, 0 }, { 4096, 0, 0 } },
	};
	int fd = memfd_create("ram", MFD_CLOEXEC);
	struct sf_image *img = NULL;

	(void)state;
	assert_int_equal(ftruncate(fd, 16384), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_code(sf_image_ram_new(&fd, 1, wrong[i], 2, &img), SF_USAGE);
	assert_code(sf_image_ram_new(&fd, 1, wrong[0], 0, &img), SF_USAGE);
	assert_code(sf_image_ram_new(&(int){ -1 }, 1, wrong[0], 1, &img), SF_SYSTEM);
	assert_code(sf_image_ram_new(&fd, 1, &(struct sf_ram_range){ .len = 4096, .file = 1 }, 1, &img), SF_USAGE);
	assert_null(img);
	close(fd);
}

static void read_crosses_pages_and_is_all_or_nothing(void **state)
{
	const struct sf_ram_range one = { .gpa = 4096, .len = 3 * 4096, .offset = 0 };
	struct machine m;
	uint8_t buf[3 * 4096], before[sizeof(buf)];

	(void)state;
	machine_start(&m, 3 * 4096, &one, 1);
	for (size_t i = 0; i < m.size; i++)
		m.ram[i] = i * 7 + (i >> 8);
	assert_int_equal(sf_image_read(m.img, 4096 + 100, buf, 2 * 4096), SF_FAULT_NONE);
	assert_memory_equal(buf, m.ram + 100, 2 * 4096);

	memset(buf, 0x55, sizeof(buf));
	memcpy(before, buf, sizeof(buf));
	assert_int_equal(sf_image_read(m.img, 2 * 4096, buf, 2 * 4096 + 1), SF_FAULT_BOUNDS);
	assert_memory_equal(buf, before, sizeof(buf));
	assert_int_equal(sf_image_read(m.img, UINT64_MAX - 1, buf, sizeof(buf)), SF_FAULT_BOUNDS);
	assert_int_equal(sf_image_read(m.img, 0, buf, 0), SF_FAULT_NONE);
	machine_stop(&m);
}

static void next_run_skips_what_the_guest_never_wrote_and_does_not_fault_it_in(void **state)
{
	struct machine m;
	struct sf_image_run run;
	uint64_t sum = 0;
	size_t n = 0;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	m.ram[5 * 4096] = 1;
	m.ram[6 * 4096] = 1;
	m.ram[GIB] = 1;
	m.ram[2 * GIB - 1] = 1; /* the last page below the hole and … */
	m.ram[2 * GIB] = 1;     /* … the first above it are neighbours in the file alone */
	uint64_t before = resident(m.fd);

	for (uint64_t from = 0; sf_image_next_run(m.img, from, &run); from = run.gpa + run.len) {
		assert_int_equal(run.gpa % 4096, 0);
		assert_int_equal(run.len % 4096, 0);
		assert_true(run.len && run.gpa >= from);
		assert_true(run.gpa + run.len <= 2 * GIB || run.gpa >= 4 * GIB);
		for (uint64_t gpa = run.gpa; gpa < run.gpa + run.len; gpa += 4096)
			sum += sf_image_page(m.img, gpa, NULL)[0] + sf_image_page(m.img, gpa, NULL)[4095];
		n++;
	}
	assert_int_equal(sum, 5);
	assert_int_equal(n, 4);
	assert_int_equal(resident(m.fd), before);

	/* From the middle of a run it is what is left of it. */
	assert_true(sf_image_next_run(m.img, 6 * 4096 + 17, &run));
	assert_int_equal(run.gpa, 6 * 4096);
	assert_true(sf_image_next_run(m.img, 3 * GIB, &run));
	assert_int_equal(run.gpa, 4 * GIB);
	assert_false(sf_image_next_run(m.img, 5 * GIB, &run));
	machine_stop(&m);
}

/* ---- pages -------------------------------------------------------------------------------------- */

static struct sf_image *pages_at(const uint64_t *gpas, size_t n, uint8_t mark, uint64_t top)
{
	uint8_t *data = malloc(n * 4096 + 1);
	struct sf_image *img = NULL;

	for (size_t i = 0; i < n; i++)
		memset(data + i * 4096, mark + i, 4096);
	assert_ok(sf_image_pages_new(gpas, data, n, top, &img));
	free(data);
	return img;
}

static void pages_are_found_whatever_their_order_and_their_neighbours_are_not(void **state)
{
	static const uint64_t gpas[] = { 0x9000, 0x1000, 0x2000, 0x100000000, 0x8000, 0xfffff000 };
	struct sf_image *img = pages_at(gpas, ARRAY_SIZE(gpas), 1, 8 * GIB);
	enum sf_fault why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(gpas); i++)
		assert_int_equal(sf_image_page(img, gpas[i] + 77, NULL)[77], 1 + i);
	static const uint64_t absent[] = { 0, 0x3000, 0x7000, 0xa000, 0x100001000, 8 * GIB - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		why = SF_FAULT_NONE;
		assert_null(sf_image_page(img, absent[i], &why));
		assert_int_equal(why, SF_FAULT_NOT_KEPT);
	}
	assert_null(sf_image_page(img, 8 * GIB, &why));
	assert_int_equal(why, SF_FAULT_BOUNDS);

	static const struct sf_image_run expected[] = {
		{ 0x1000, 0x2000 }, { 0x8000, 0x2000 }, { 0xfffff000, 0x2000 },
	};
	struct sf_image_run run;
	size_t n = 0;

	for (uint64_t from = 0; sf_image_next_run(img, from, &run); from = run.gpa + run.len, n++) {
		assert_int_equal(run.gpa, expected[n].gpa);
		assert_int_equal(run.len, expected[n].len);
	}
	assert_int_equal(n, ARRAY_SIZE(expected));
	sf_image_unref(img);
}

static void pages_many_and_unevenly_spread_are_all_found(void **state)
{
	enum { N = 3000 };
	uint64_t *gpas = calloc(N, sizeof(*gpas));
	uint8_t *data = calloc(N, 4096);
	struct sf_image *img = NULL;
	uint64_t at = 0x5000, seed = 42;

	(void)state;
	/* A dense part, so that most of them share one slice of the index, and a few very far away. */
	for (size_t i = 0; i < N; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at += 4096 * (1 + (seed >> 62)) + (i % 500 == 499 ? 1ull << 44 : 0);
		gpas[i] = at;
		memcpy(data + i * 4096, &at, sizeof(at));
	}
	assert_ok(sf_image_pages_new(gpas, data, N, SF_MAX_GPA, &img));
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(sf_load64(sf_image_page(img, gpas[i], NULL)), gpas[i]);
		if (i + 1 < N && gpas[i + 1] != gpas[i] + 4096)
			assert_null(sf_image_page(img, gpas[i] + 4096, NULL));
	}
	sf_image_unref(img);
	free(gpas);
	free(data);
}

static void pages_unaligned_doubled_or_above_the_top_are_refused(void **state)
{
	static const uint64_t wrong[][2] = { { 0, 1 }, { 4096, 4096 }, { 0, 8192 }, { 0, UINT64_MAX - 4095 } };
	uint8_t data[8192] = { 0 };
	struct sf_image *img = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_code(sf_image_pages_new(wrong[i], data, 2, 8192, &img), SF_USAGE);
	assert_null(img);
}

static void pages_none_at_all_is_an_image_that_keeps_nothing(void **state)
{
	struct sf_image *img = pages_at(NULL, 0, 0, GIB);
	struct sf_image_run run;
	enum sf_fault why = SF_FAULT_NONE;

	(void)state;
	assert_null(sf_image_page(img, 0, &why));
	assert_int_equal(why, SF_FAULT_NOT_KEPT);
	assert_false(sf_image_next_run(img, 0, &run));
	sf_image_unref(img);
}

/* ---- overlay ------------------------------------------------------------------------------------ */

static void overlay_front_hides_back_and_both_are_seen(void **state)
{
	static const uint64_t front_gpas[] = { 0x2000, 0x3000, 0x9000 };
	static const uint64_t back_gpas[] = { 0x1000, 0x2000, 0x4000, 0x20000 };
	struct sf_image *front = pages_at(front_gpas, 3, 10, 0x10000);
	struct sf_image *back = pages_at(back_gpas, 4, 20, 0x40000);
	struct sf_image *img = NULL;
	enum sf_fault why = SF_FAULT_NONE;

	(void)state;
	assert_ok(sf_image_overlay_new(front, back, &img));
	sf_image_unref(front);
	sf_image_unref(back);
	assert_int_equal(*sf_image_page(img, 0x1000, NULL), 20);
	assert_int_equal(*sf_image_page(img, 0x2000, NULL), 10);
	assert_int_equal(*sf_image_page(img, 0x3000, NULL), 11);
	assert_int_equal(*sf_image_page(img, 0x20000, NULL), 23);
	assert_null(sf_image_page(img, 0x5000, &why));
	assert_int_equal(why, SF_FAULT_NOT_KEPT);
	assert_null(sf_image_page(img, 0x40000, &why));
	assert_int_equal(why, SF_FAULT_BOUNDS);
	assert_int_equal(sf_image_top(img), 0x40000);

	static const struct sf_image_run expected[] = { { 0x1000, 0x4000 }, { 0x9000, 0x1000 }, { 0x20000, 0x1000 } };
	struct sf_image_run run;
	size_t n = 0;

	for (uint64_t from = 0; sf_image_next_run(img, from, &run); from = run.gpa + run.len, n++) {
		assert_int_equal(run.gpa, expected[n].gpa);
		assert_int_equal(run.len, expected[n].len);
	}
	assert_int_equal(n, ARRAY_SIZE(expected));
	assert_true(sf_image_next_run(img, 0x3000, &run));
	assert_int_equal(run.gpa, 0x3000);
	assert_int_equal(run.len, 0x2000);
	sf_image_unref(img);
}

/* ---- recorder ----------------------------------------------------------------------------------- */

static void recorder_copies_a_page_once_and_keeps_what_it_was(void **state)
{
	struct machine m;
	struct sf_recorder *rec = NULL;
	struct sf_image *kept = NULL;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	assert_ok(sf_recorder_new(m.img, 4, 100, &rec));
	struct sf_image *img = sf_recorder_image(rec);

	sf_recorder_begin(rec);
	m.ram[0x5000] = 1;
	m.ram[2 * GIB + 0x5001] = 2;
	const uint8_t *low = sf_image_page(img, 0x5010, NULL);

	assert_int_equal(low[0], 1);
	assert_int_equal(sf_image_page(img, 4 * GIB + 0x5000, NULL)[1], 2);
	m.ram[0x5000] = 0xee;
	m.ram[2 * GIB + 0x5001] = 0xee;
	assert_ptr_equal(sf_image_page(img, 0x5000, NULL), low);
	assert_int_equal(low[0], 1);
	assert_int_equal(sf_recorder_n_pages(rec), 2);

	assert_ok(sf_recorder_take(rec, &kept));
	assert_int_equal(sf_recorder_n_pages(rec), 0);
	assert_int_equal(sf_image_page(img, 0x5000, NULL)[0], 0xee);
	sf_recorder_free(rec);
	assert_int_equal(sf_image_page(kept, 0x5000, NULL)[0], 1);
	assert_int_equal(sf_image_page(kept, 4 * GIB + 0x5000, NULL)[1], 2);
	assert_null(sf_image_page(kept, 0x6000, NULL));
	assert_int_equal(sf_image_top(kept), 5 * GIB);
	sf_image_unref(kept);
	machine_stop(&m);
}

static void recorder_keeps_ranges_and_skips_what_does_not_exist(void **state)
{
	struct machine m;
	struct sf_recorder *rec = NULL;
	struct sf_image *kept = NULL;
	struct sf_image_run run;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	assert_ok(sf_recorder_new(m.img, 4, 100, &rec));
	sf_recorder_begin(rec);
	sf_recorder_keep(rec, 2 * GIB - 4097, 4 * 4096); /* two pages, and the hole */
	sf_recorder_keep(rec, 5 * GIB - 1, UINT64_MAX);  /* the last page, and beyond */
	sf_recorder_keep(rec, 0x1fff, 2);
	sf_recorder_keep(rec, 0x1fff, 0);
	sf_recorder_keep(rec, UINT64_MAX, UINT64_MAX);
	sf_recorder_keep(rec, 0x2000, 4096);
	assert_int_equal(sf_recorder_n_pages(rec), 5);
	assert_ok(sf_recorder_take(rec, &kept));
	assert_true(sf_image_next_run(kept, 0, &run));
	assert_int_equal(run.gpa, 0x1000);
	assert_int_equal(run.len, 0x2000);
	assert_true(sf_image_next_run(kept, 0x3000, &run));
	assert_int_equal(run.gpa, 2 * GIB - 0x2000);
	assert_int_equal(run.len, 0x2000);
	assert_true(sf_image_next_run(kept, 4 * GIB, &run));
	assert_int_equal(run.gpa, 5 * GIB - 0x1000);
	sf_image_unref(kept);
	sf_recorder_free(rec);
	machine_stop(&m);
}

static void recorder_grows_beyond_its_reserve_and_refuses_beyond_its_maximum(void **state)
{
	struct machine m;
	struct sf_recorder *rec = NULL;
	struct sf_image *kept = NULL;
	enum sf_fault why = SF_FAULT_NONE;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	assert_ok(sf_recorder_new(m.img, 1, 1500, &rec));
	struct sf_image *img = sf_recorder_image(rec);

	for (size_t round = 0; round < 3; round++) {
		sf_recorder_begin(rec);
		for (uint64_t i = 0; i < 1500; i++)
			memcpy(m.ram + i * 4096, &(uint64_t){ i + round }, 8);
		sf_recorder_keep(rec, 0, 1000 * 4096);
		for (uint64_t i = 1000; i < 1500; i++)
			assert_int_equal(sf_load64(sf_image_page(img, i * 4096, NULL)), i + round);
		assert_int_equal(sf_recorder_n_refused(rec), 0);
		for (size_t again = 0; again < 2; again++) {
			assert_null(sf_image_page(img, 1500 * 4096, &why));
			assert_int_equal(why, SF_FAULT_NOT_KEPT);
		}
		sf_recorder_keep(rec, 1499 * 4096, 4 * 4096);
		assert_int_equal(sf_recorder_n_refused(rec), 3);
		assert_int_equal(sf_recorder_n_pages(rec), 1500);
		assert_int_equal(sf_load64(sf_image_page(img, 1234 * 4096, NULL)), 1234 + round);
		assert_ok(sf_recorder_take(rec, &kept));
		for (uint64_t i = 0; i < 1500; i++)
			assert_int_equal(sf_load64(sf_image_page(kept, i * 4096, NULL)), i + round);
		assert_int_equal(sf_recorder_n_refused(rec), 0);
		sf_image_unref(steal_ptr(&kept));
	}
	sf_recorder_free(rec);
	machine_stop(&m);
}

static void recorder_begin_forgets_what_was_not_taken(void **state)
{
	struct machine m;
	struct sf_recorder *rec = NULL;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	assert_ok(sf_recorder_new(m.img, 8, 8, &rec));
	struct sf_image *img = sf_recorder_image(rec);

	sf_recorder_begin(rec);
	assert_int_equal(sf_image_page(img, 0x7000, NULL)[0], 0);
	m.ram[0x7000] = 9;
	sf_recorder_begin(rec);
	assert_int_equal(sf_recorder_n_pages(rec), 0);
	assert_int_equal(sf_image_page(img, 0x7000, NULL)[0], 9);
	sf_recorder_free(rec);
	machine_stop(&m);
}

/* Does this process have memory there? */
static bool is_there(const uint8_t *p)
{
	unsigned char there = 0;

	assert_int_equal(mincore((void *)((uintptr_t)p & ~(uintptr_t)4095), 4096, &there), 0);
	return there & 1;
}

static const uint8_t *record_pages(struct sf_recorder *rec, uint64_t n)
{
	sf_recorder_begin(rec);
	sf_recorder_keep(rec, 0, n * 4096);
	assert_int_equal(sf_recorder_n_pages(rec), n);
	return sf_image_page(sf_recorder_image(rec), (n - 1) * 4096, NULL);
}

static void recorder_keeps_ready_what_the_last_capture_needed_and_gives_it_back(void **state)
{
	struct machine m;
	struct sf_recorder *rec = NULL;
	struct sf_image *kept = NULL;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	assert_ok(sf_recorder_new(m.img, 1, 20000, &rec));
	for (size_t round = 0; round < 2; round++) {
		const uint8_t *last = record_pages(rec, 5000);

		if (round)
			sf_recorder_rehearsed(rec);
		else
			assert_ok(sf_recorder_take(rec, &kept));
		assert_int_equal(sf_recorder_n_pages(rec), 0);
		assert_true(is_there(last));
		assert_true(is_there(last + 600 * 4096));
		assert_false(is_there(last + 5000 * 4096));
		for (size_t i = 0; i < 4; i++) {
			record_pages(rec, 1);
			sf_recorder_rehearsed(rec);
		}
		assert_false(is_there(last));
	}
	sf_image_unref(kept);
	sf_recorder_free(rec);
	machine_stop(&m);
}

static void recorder_that_cannot_be_is_refused(void **state)
{
	struct machine m;
	struct sf_recorder *rec = NULL;

	(void)state;
	machine_start(&m, 3 * GIB, q35, 2);
	assert_code(sf_recorder_new(m.img, 2, 1, &rec), SF_USAGE);
	assert_code(sf_recorder_new(m.img, 0, 0, &rec), SF_USAGE);
	assert_null(rec);
	machine_stop(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ram_above_the_hole_is_found_behind_the_low_ram_in_the_file),
		cmocka_unit_test(ram_in_the_hole_and_above_the_top_is_out_of_bounds),
		cmocka_unit_test(ram_of_three_ranges_is_found_behind_the_flat_two),
		cmocka_unit_test(ram_of_several_files_is_one_address_space),
		cmocka_unit_test(ram_ranges_that_cannot_be_are_refused),
		cmocka_unit_test(read_crosses_pages_and_is_all_or_nothing),
		cmocka_unit_test(next_run_skips_what_the_guest_never_wrote_and_does_not_fault_it_in),
		cmocka_unit_test(pages_are_found_whatever_their_order_and_their_neighbours_are_not),
		cmocka_unit_test(pages_many_and_unevenly_spread_are_all_found),
		cmocka_unit_test(pages_unaligned_doubled_or_above_the_top_are_refused),
		cmocka_unit_test(pages_none_at_all_is_an_image_that_keeps_nothing),
		cmocka_unit_test(overlay_front_hides_back_and_both_are_seen),
		cmocka_unit_test(recorder_copies_a_page_once_and_keeps_what_it_was),
		cmocka_unit_test(recorder_keeps_ranges_and_skips_what_does_not_exist),
		cmocka_unit_test(recorder_grows_beyond_its_reserve_and_refuses_beyond_its_maximum),
		cmocka_unit_test(recorder_begin_forgets_what_was_not_taken),
		cmocka_unit_test(recorder_keeps_ready_what_the_last_capture_needed_and_gives_it_back),
		cmocka_unit_test(recorder_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

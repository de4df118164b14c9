/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ELF cores: what is written is read again, and what is not what was written is noticed. */
#include "image_test.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

/* A kind of image of the tests' own: its 66,000 pages are all the same one. */
#include "../../src/read/image/internal.h"

#define TOP 0x140000000ull
#define N_PAGES 6
#define META "{\"tag\":\"first\"}" /* 15 bytes: it needs padding */

/* ---- a small core ------------------------------------------------------------------------------- */

static const uint64_t gpas[N_PAGES] = { 0x1000, 0x2000, 0x3000, 0x80000, 0x100000000, 0x13ffff000 };
static uint8_t contents[N_PAGES][4096];
static const struct sf_core_note notes[] = {
	{ .name = "CORE", .type = NT_PRSTATUS, .desc = "registers", .len = 9 },
	{ .name = "VMCOREINFO", .type = 0, .desc = "OSRELEASE=7.1\n", .len = 14 },
	{ .name = "EMPTY", .type = 7, .desc = NULL, .len = 0 },
};

static struct sf_image *small_image(void)
{
	struct sf_image *img = NULL;

	for (size_t i = 0; i < N_PAGES; i++)
		for (size_t j = 0; j < 4096; j++)
			contents[i][j] = i * 31 + j * 7 + (j >> 8);
	assert_ok(sf_image_pages_new(gpas, contents, N_PAGES, TOP, &img));
	return img;
}

static const struct sf_core_write small = {
	.notes = notes,
	.n_notes = ARRAY_SIZE(notes),
	.meta = META,
	.meta_len = sizeof(META) - 1,
};

static struct bytes small_core(void)
{
	SF_OWNED(image) img = small_image();
	struct sf_core_write w = small;
	struct bytes b = { 0 };

	w.image = img;
	assert_ok(sf_core_write_to(collect, &b, &w));
	return b;
}

/* All but the pages' bytes. */
static void assert_same_head(struct sf_core *core)
{
	static const struct sf_image_run runs[] = {
		{ 0x1000, 0x3000 }, { 0x80000, 0x1000 }, { 0x100000000, 0x1000 }, { 0x13ffff000, 0x1000 },
	};
	struct sf_image *img = sf_core_image(core);
	struct sf_image_run run;
	size_t n = 0, len = 0;
	const char *meta = sf_core_meta(core, &len);

	assert_non_null(meta);
	assert_int_equal(len, sizeof(META) - 1);
	assert_memory_equal(meta, META, len);
	assert_int_equal(sf_image_top(img), TOP);
	assert_int_equal(sf_core_n_notes(core), ARRAY_SIZE(notes));
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		const struct sf_core_note *note = sf_core_note(core, i);

		assert_string_equal(note->name, notes[i].name);
		assert_int_equal(note->type, notes[i].type);
		assert_int_equal(note->len, notes[i].len);
		if (note->len)
			assert_memory_equal(note->desc, notes[i].desc, note->len);
	}
	assert_null(sf_core_note(core, ARRAY_SIZE(notes)));
	for (uint64_t from = 0; sf_image_next_run(img, from, &run); from = run.gpa + run.len, n++) {
		assert_in_range(n, 0, ARRAY_SIZE(runs) - 1);
		assert_int_equal(run.gpa, runs[n].gpa);
		assert_int_equal(run.len, runs[n].len);
	}
	assert_int_equal(n, ARRAY_SIZE(runs));
}

/* How many pages are bad; the others have to have the right bytes. */
static size_t count_bad_pages(struct sf_core *core)
{
	size_t bad = 0;

	for (size_t i = 0; i < N_PAGES; i++) {
		enum sf_fault why = SF_FAULT_NONE;
		const uint8_t *page = sf_image_page(sf_core_image(core), gpas[i], &why);

		if (page) {
			assert_memory_equal(page, contents[i], 4096);
			continue;
		}
		assert_int_equal(why, SF_FAULT_CORRUPT);
		bad++;
	}
	return bad;
}

static char *temp_dir(void)
{
	static char dir[64];

	strcpy(dir, "/tmp/test_core.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

/* And its directory. */
static void drop_file(char *path)
{
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

static void put_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* ---- write and read ----------------------------------------------------------------------------- */

static void core_written_to_a_file_reads_back_equal(void **state)
{
	_cleanup_free_ char *path = sf_asprintf("%s/a.frame", temp_dir());
	SF_OWNED(image) img = small_image();
	SF_OWNED(core) core = NULL;
	struct sf_core_write w = small;
	enum sf_fault why = SF_FAULT_NONE;
	uint8_t buf[3 * 4096];

	(void)state;
	w.image = img;
	assert_ok(sf_core_write(path, &w));
	assert_ok(sf_core_open(path, &core));
	assert_same_head(core);
	assert_int_equal(count_bad_pages(core), 0);
	assert_ok(sf_core_verify(core));
	assert_int_equal(sf_image_read(sf_core_image(core), 0x1100, buf, 0x2000), SF_FAULT_NONE);
	assert_memory_equal(buf, contents[0] + 0x100, 0x2000);
	assert_null(sf_image_page(sf_core_image(core), 0x4000, &why));
	assert_int_equal(why, SF_FAULT_NOT_KEPT);
	assert_null(sf_image_page(sf_core_image(core), TOP, &why));
	assert_int_equal(why, SF_FAULT_BOUNDS);

	/* The image outlives the core, and the file's name. */
	SF_OWNED(image) alive = sf_image_ref(sf_core_image(core));

	sf_core_free(steal_ptr(&core));
	drop_file(path);
	assert_memory_equal(sf_image_page(alive, 0x80000, NULL), contents[3], 4096);
}

static void core_written_again_from_what_was_read_is_the_same_file(void **state)
{
	struct bytes a = small_core(), b = { 0 };
	SF_OWNED(core) core = NULL;
	struct sf_core_note kept[8];
	struct sf_core_write w = { .notes = kept };

	(void)state;
	assert_ok(open_copy(a.v, a.len, &core));
	w.image = sf_core_image(core);
	w.meta = sf_core_meta(core, &w.meta_len);
	w.n_notes = sf_core_n_notes(core);
	assert_in_range(w.n_notes, 0, ARRAY_SIZE(kept));
	for (size_t i = 0; i < w.n_notes; i++)
		kept[i] = *sf_core_note(core, i);
	assert_ok(sf_core_write_to(collect, &b, &w));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.v, b.v, a.len);
	free(a.v);
	free(b.v);
}

static void core_without_pages_reads_back_empty(void **state)
{
	SF_OWNED(image) img = NULL;
	SF_OWNED(core) core = NULL;
	struct sf_image_run run;
	struct bytes b = { 0 };

	(void)state;
	assert_ok(sf_image_pages_new(NULL, NULL, 0, TOP, &img));
	assert_ok(sf_core_write_to(collect, &b, &(struct sf_core_write){ .image = img, .meta = "", .meta_len = 0 }));
	assert_ok(open_copy(b.v, b.len, &core));
	assert_false(sf_image_next_run(sf_core_image(core), 0, &run));
	assert_non_null(sf_core_meta(core, NULL));
	assert_int_equal(sf_image_top(sf_core_image(core)), TOP);
	free(b.v);
}

static void core_without_metadata_is_a_plain_elf_core(void **state)
{
	SF_OWNED(image) img = small_image();
	SF_OWNED(core) core = NULL;
	struct sf_core_write w = small;
	struct bytes b = { 0 };

	(void)state;
	w.image = img;
	w.meta = NULL;
	assert_ok(sf_core_write_to(collect, &b, &w));
	assert_ok(open_copy(b.v, b.len, &core));
	assert_null(sf_core_meta(core, NULL));
	assert_int_equal(sf_core_n_notes(core), ARRAY_SIZE(notes));
	assert_int_equal(count_bad_pages(core), 0);
	free(b.v);
}

static uint64_t image_vaddr(void *arg, uint64_t gpa)
{
	(void)arg;
	/* The first and the second page are in the kernel image, side by side; the third is not. */
	return gpa < 0x3000 ? 0xffffffff81000000 + gpa : gpa == 0x80000 ? 0xffff888000080000 : 0;
}

static void segments_split_where_virtual_addresses_are_not_contiguous(void **state)
{
	static const struct {
		uint64_t paddr, vaddr, len;
	} expected[] = {
		{ 0x1000, 0xffffffff81001000, 0x2000 }, { 0x3000, 0, 0x1000 },
		{ 0x80000, 0xffff888000080000, 0x1000 }, { 0x100000000, 0, 0x1000 }, { 0x13ffff000, 0, 0x1000 },
	};
	SF_OWNED(image) img = small_image();
	SF_OWNED(core) core = NULL;
	struct sf_core_write w = small;
	struct bytes b = { 0 };

	(void)state;
	w.image = img;
	w.vaddr = image_vaddr;
	assert_ok(sf_core_write_to(collect, &b, &w));

	const Elf64_Ehdr *e = (void *)b.v;
	const Elf64_Phdr *ph = (void *)(b.v + e->e_phoff);

	assert_int_equal(e->e_phnum, 1 + ARRAY_SIZE(expected));
	assert_int_equal(ph[0].p_type, PT_NOTE);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(ph[1 + i].p_type, PT_LOAD);
		assert_int_equal(ph[1 + i].p_paddr, expected[i].paddr);
		assert_int_equal(ph[1 + i].p_vaddr, expected[i].vaddr);
		assert_int_equal(ph[1 + i].p_filesz, expected[i].len);
		assert_int_equal(ph[1 + i].p_offset % 4096, 0);
	}
	assert_ok(open_copy(b.v, b.len, &core));
	assert_same_head(core);
	assert_int_equal(count_bad_pages(core), 0);
	free(b.v);
}

/* ---- damage ------------------------------------------------------------------------------------- */

static void any_one_byte_changed_is_an_error_or_the_same_values(void **state)
{
	static const uint8_t change[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff };
	struct bytes b = small_core();
	size_t head = b.len - N_PAGES * 4096;

	(void)state;
	for (size_t at = 0; at < b.len; at++) {
		for (size_t c = 0; c < (at < head ? ARRAY_SIZE(change) : 1); c++) {
			SF_OWNED(core) core = NULL;

			b.v[at] ^= change[c];
			SF_OWNED(error) err = open_copy(b.v, b.len, &core);

			b.v[at] ^= change[c];
			if (err) {
				assert_true(at < head);
				assert_true(sf_error_code(err) == SF_FRAME_CORRUPT || sf_error_code(err) == SF_BAD_INPUT);
				continue;
			}
			/* Stricter than promised: there is no byte in the head that means nothing. */
			assert_true(at >= head);
			assert_same_head(core);
			assert_int_equal(count_bad_pages(core), 1);
			assert_int_equal(count_bad_pages(core), 1);
			if (at % 512 == 0)
				assert_code(sf_core_verify(core), SF_FRAME_CORRUPT);
		}
	}
	free(b.v);
}

static void cut_short_at_any_length_is_an_error(void **state)
{
	struct bytes b = small_core();
	struct sf_core *core = NULL;

	(void)state;
	assert_code(open_copy(b.v, 0, &core), SF_BAD_INPUT);
	for (size_t len = 1; len < b.len; len++)
		assert_code(open_copy(b.v, len, &core), SF_FRAME_CORRUPT);
	assert_says(open_copy(b.v, b.len - 1, &core), SF_FRAME_CORRUPT, "cut short");
	assert_null(core);
	free(b.v);
}

static void bytes_too_many_are_an_error(void **state)
{
	struct bytes b = small_core();
	uint8_t more[4096] = { 0 };
	struct sf_core *core = NULL;

	(void)state;
	collect(&b, more, 1);
	assert_says(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT, "too long");
	collect(&b, more, 4095);
	assert_says(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT, "too long");
	free(b.v);
}

static void file_cut_short_after_opening_is_a_fault_and_no_signal(void **state)
{
	_cleanup_free_ char *path = sf_asprintf("%s/a.frame", temp_dir());
	struct bytes b = small_core();
	SF_OWNED(core) core = NULL;
	enum sf_fault why = SF_FAULT_NONE;

	(void)state;
	put_file(path, b.v, b.len);
	assert_ok(sf_core_open(path, &core));
	assert_non_null(sf_image_page(sf_core_image(core), 0x13ffff000, NULL));
	assert_int_equal(truncate(path, b.len - 4096 - 1), 0);
	assert_null(sf_image_page(sf_core_image(core), 0x100000000, &why));
	assert_int_equal(why, SF_FAULT_CORRUPT);
	assert_non_null(sf_image_page(sf_core_image(core), 0x13ffff000, NULL));
	assert_non_null(sf_image_page(sf_core_image(core), 0x80000, NULL));
	assert_code(sf_core_verify(core), SF_FRAME_CORRUPT);
	drop_file(path);
	free(b.v);
}

static void page_once_found_bad_stays_bad(void **state)
{
	_cleanup_free_ char *path = sf_asprintf("%s/a.frame", temp_dir());
	struct bytes b = small_core();
	SF_OWNED(core) core = NULL;
	enum sf_fault why = SF_FAULT_NONE;

	(void)state;
	b.v[b.len - 1] ^= 1;
	put_file(path, b.v, b.len);
	assert_ok(sf_core_open(path, &core));
	assert_null(sf_image_page(sf_core_image(core), 0x13ffff000, &why));
	assert_int_equal(why, SF_FAULT_CORRUPT);

	int fd = open(path, O_WRONLY);

	b.v[b.len - 1] ^= 1;
	assert_int_equal(pwrite(fd, b.v, b.len, 0), b.len);
	close(fd);
	why = SF_FAULT_NONE;
	assert_null(sf_image_page(sf_core_image(core), 0x13ffff000, &why));
	assert_int_equal(why, SF_FAULT_CORRUPT);
	assert_ok(sf_core_verify(core));
	drop_file(path);
	free(b.v);
}

/* As a writer of other habits would: the checksum is right. */
static void seal(struct bytes *b)
{
	uint64_t head = sf_load64(b->v + 104);

	memset(b->v + 92, 0, 4);
	uint32_t sum = crc32(0, b->v, head);

	memcpy(b->v + 92, &sum, 4);
}

static void version_that_is_not_ours_is_refused_by_number(void **state)
{
	struct bytes b = small_core();
	struct sf_core *core = NULL;

	(void)state;
	b.v[88] = 2;
	assert_says(open_copy(b.v, b.len, &core), SF_BAD_INPUT, "version 2");
	seal(&b);
	assert_says(open_copy(b.v, b.len, &core), SF_BAD_INPUT, "version 2");
	free(b.v);

	/* One that has its note somewhere else. */
	SF_OWNED(image) img = small_image();
	const uint32_t other[] = { 77, 0, 0 };
	const struct sf_core_note note = { SF_CORE_NOTE_NAME, SF_CORE_NOTE, other, sizeof(other) };
	const struct sf_core_note two[] = { notes[0], note };
	struct bytes moved = { 0 };

	assert_ok(sf_core_write_to(collect, &moved, &(struct sf_core_write){ .image = img, .notes = two, .n_notes = 2 }));
	assert_says(open_copy(moved.v, moved.len, &core), SF_BAD_INPUT, "version 77");
	free(moved.v);
}

static void head_that_lies_under_a_right_checksum_is_refused(void **state)
{
	struct bytes good = small_core();
	const Elf64_Ehdr *e = (void *)good.v;
	const struct {
		size_t at;
		uint64_t value;
	} lies[] = {
		{ 96, 0x13ffff000 },                        /* top of RAM below the last page */
		{ 96, SF_MAX_GPA + 1 },
		{ 112, N_PAGES - 1 },                       /* pages */
		{ 112, UINT64_MAX },
		{ 120, UINT64_MAX },                        /* metadata */
		{ 120, UINT64_MAX - 3 },
		{ 120, 1 },
		{ e->e_phoff + 8, 0 },                      /* offset of the notes */
		{ e->e_phoff + 32, UINT64_MAX },            /* their size */
		{ e->e_phoff + 32, 100 },
		{ e->e_phoff + 32, 0 },
		{ e->e_phoff + 56 + 8, 4096 * 3 },          /* the first segment: offset */
		{ e->e_phoff + 56 + 24, 0x1800 },           /* address */
		{ e->e_phoff + 56 + 24, UINT64_MAX - 4095 },
		{ e->e_phoff + 56 + 24, 0x7f000 },          /* into the next one */
		{ e->e_phoff + 56 + 32, 0x2000 },           /* sizes */
		{ e->e_phoff + 56 + 32, 0 },
		{ e->e_phoff + 56 + 40, 0x4000 },
		{ 32, UINT64_MAX },                         /* e_phoff */
		{ 32, 4096 - 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct bytes b = { 0 };
		struct sf_core *core = NULL;

		collect(&b, good.v, good.len);
		memcpy(b.v + lies[i].at, &lies[i].value, 8);
		seal(&b);
		assert_code(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT);
		free(b.v);
	}
	free(good.v);
}

static void what_is_no_core_is_refused_as_what_it_is(void **state)
{
	struct bytes b = small_core();
	struct sf_core *core = NULL;
	Elf64_Ehdr *e = (void *)b.v;

	(void)state;
	assert_says(open_copy("#!/bin/sh\n", 10, &core), SF_BAD_INPUT, "not an ELF core");
	assert_says(sf_core_open("/nonexistent/x.frame", &core), SF_SYSTEM, "/nonexistent/x.frame");
	assert_says(sf_core_open("/tmp", &core), SF_BAD_INPUT, "regular");
	e->e_type = ET_EXEC;
	assert_says(open_copy(b.v, b.len, &core), SF_BAD_INPUT, "type 2");
	e->e_type = ET_CORE;
	e->e_machine = EM_AARCH64;
	assert_says(open_copy(b.v, b.len, &core), SF_BAD_INPUT, "machine 183");
	e->e_machine = EM_X86_64;
	e->e_ident[EI_CLASS] = ELFCLASS32;
	assert_says(open_copy(b.v, b.len, &core), SF_BAD_INPUT, "class 1");
	free(b.v);
}

/* ---- many segments ------------------------------------------------------------------------------ */

#define MANY 66000u

static const uint8_t zero_page[4096] __attribute__((aligned(4096)));

static const uint8_t *many_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	(void)img;
	*why = SF_FAULT_NOT_KEPT;
	return gpa % 8192 || gpa >= MANY * 8192ull ? NULL : zero_page;
}

static bool many_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	(void)img;
	*ret = (struct sf_image_run){ .gpa = sf_align_up(from, 8192), .len = 4096 };
	return ret->gpa < MANY * 8192ull;
}

static const struct sf_image_ops many_ops = { .page = many_page, .next_run = many_next_run };

/* Pages of zeroes are a hole of the file, or the test would need 270 MB of disk. */
static struct sf_error *put_sparse(void *arg, const void *data, size_t len)
{
	FILE *f = arg;

	if (data == zero_page)
		assert_int_equal(fseek(f, len, SEEK_CUR), 0);
	else
		assert_int_equal(fwrite(data, 1, len, f), len);
	return NULL;
}

static void more_segments_than_elf_counts_are_written_and_read(void **state)
{
	_cleanup_free_ char *path = sf_asprintf("%s/many.frame", temp_dir());
	struct sf_image many;
	SF_OWNED(core) core = NULL;
	FILE *f = fopen(path, "w");

	(void)state;
	sf_image_init(&many, &many_ops, MANY * 8192ull);
	struct sf_core_write w = small;

	w.image = &many;
	assert_ok(sf_core_write_to(put_sparse, f, &w));
	fflush(f);
	assert_int_equal(ftruncate(fileno(f), ftell(f)), 0);
	fclose(f);

	assert_ok(sf_core_open(path, &core));
	struct sf_image_run run;
	size_t n = 0;

	for (uint64_t from = 0; sf_image_next_run(sf_core_image(core), from, &run); from = run.gpa + run.len, n++) {
		assert_int_equal(run.gpa, n * 8192);
		if (n % 1000 == 0)
			assert_non_null(sf_image_page(sf_core_image(core), run.gpa, NULL));
	}
	assert_int_equal(n, MANY);
	assert_null(sf_image_page(sf_core_image(core), 4096, NULL));
	assert_int_equal(sf_core_n_notes(core), ARRAY_SIZE(notes));

	_cleanup_free_ char *command = sf_asprintf("readelf -lW %s 2>&1 || true", path);
	FILE *p = popen(command, "r");
	char line[512];
	size_t loads = 0, counted = 0;

	while (fgets(line, sizeof(line), p)) {
		loads += !strncmp(line, "  LOAD ", 7);
		sscanf(line, "There are %zu program headers", &counted);
		assert_null(strstr(line, "rror"));
		assert_null(strstr(line, "arning"));
	}
	assert_int_equal(pclose(p), 0);
	assert_int_equal(loads, MANY);
	assert_int_equal(counted, MANY + 1);
	drop_file(path);
}

/* ---- disk full ---------------------------------------------------------------------------------- */

static size_t count_files(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void disk_full_keeps_the_old_file_and_says_so(void **state)
{
	const char *dir = temp_dir();
	_cleanup_free_ char *path = sf_asprintf("%s/a.frame", dir);
	SF_OWNED(image) img = small_image();
	SF_OWNED(core) core = NULL;
	struct sf_core_write w = small;
	struct rlimit was, limit;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	(void)state;
	w.image = img;
	assert_ok(sf_core_write(path, &w));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	static const rlim_t room[] = { 0, 4096, 5 * 4096 + 100 };

	for (size_t i = 0; i < ARRAY_SIZE(room); i++) {
		w.meta = "new";
		w.meta_len = 3;
		limit = (struct rlimit){ .rlim_cur = room[i], .rlim_max = was.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		SF_OWNED(error) err = sf_core_write(path, &w);

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(sf_error_code(err), SF_SYSTEM);
		assert_int_equal(sf_error_payload(err)->err_no, EFBIG);
		assert_non_null(strstr(sf_error_message(err), path));
		assert_int_equal(count_files(dir), 1);
	}
	signal(SIGXFSZ, handler);
	assert_ok(sf_core_open(path, &core));
	assert_same_head(core);
	assert_int_equal(count_bad_pages(core), 0);
	drop_file(path);
}

static void page_that_cannot_be_read_is_not_written(void **state)
{
	struct bytes b = small_core(), out = { 0 };
	SF_OWNED(core) core = NULL;

	(void)state;
	b.v[b.len - 4096] ^= 1;
	assert_ok(open_copy(b.v, b.len, &core));
	assert_says(sf_core_write_to(collect, &out, &(struct sf_core_write){ .image = sf_core_image(core), .meta = "x",
									     .meta_len = 1 }),
		    SF_FRAME_CORRUPT, "0x13ffff000");
	assert_int_equal(out.len, 0);
	free(b.v);
}

/* ---- threads ------------------------------------------------------------------------------------ */

#define N_THREADS 8

struct reader {
	pthread_t thread;
	struct sf_image *img;
	size_t wrong;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;

	for (size_t round = 0; round < 50; round++) {
		for (size_t i = 0; i < N_PAGES; i++) {
			enum sf_fault why = SF_FAULT_NONE;
			const uint8_t *page = sf_image_page(r->img, gpas[i], &why);

			if (i == 3)
				r->wrong += page || why != SF_FAULT_CORRUPT;
			else
				r->wrong += !page || memcmp(page, contents[i], 4096);
		}
	}
	sf_image_unref(r->img);
	return NULL;
}

static void threads_read_one_core_and_all_see_the_same(void **state)
{
	_cleanup_free_ char *path = sf_asprintf("%s/a.frame", temp_dir());
	struct bytes b = small_core();

	(void)state;
	b.v[b.len - 3 * 4096 + 9] ^= 4;
	put_file(path, b.v, b.len);
	for (size_t round = 0; round < 40; round++) {
		struct sf_core *core = NULL;
		struct reader readers[N_THREADS] = { 0 };

		if (round % 2)
			assert_ok(sf_core_open(path, &core));
		else
			assert_ok(open_copy(b.v, b.len, &core));
		for (size_t i = 0; i < N_THREADS; i++) {
			readers[i].img = sf_image_ref(sf_core_image(core));
			assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
		}
		sf_core_free(core);
		for (size_t i = 0; i < N_THREADS; i++) {
			assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
			assert_int_equal(readers[i].wrong, 0);
		}
	}
	drop_file(path);
	free(b.v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(core_written_to_a_file_reads_back_equal),
		cmocka_unit_test(core_written_again_from_what_was_read_is_the_same_file),
		cmocka_unit_test(core_without_pages_reads_back_empty),
		cmocka_unit_test(core_without_metadata_is_a_plain_elf_core),
		cmocka_unit_test(segments_split_where_virtual_addresses_are_not_contiguous),
		cmocka_unit_test(any_one_byte_changed_is_an_error_or_the_same_values),
		cmocka_unit_test(cut_short_at_any_length_is_an_error),
		cmocka_unit_test(bytes_too_many_are_an_error),
		cmocka_unit_test(file_cut_short_after_opening_is_a_fault_and_no_signal),
		cmocka_unit_test(page_once_found_bad_stays_bad),
		cmocka_unit_test(version_that_is_not_ours_is_refused_by_number),
		cmocka_unit_test(head_that_lies_under_a_right_checksum_is_refused),
		cmocka_unit_test(what_is_no_core_is_refused_as_what_it_is),
		cmocka_unit_test(more_segments_than_elf_counts_are_written_and_read),
		cmocka_unit_test(disk_full_keeps_the_old_file_and_says_so),
		cmocka_unit_test(page_that_cannot_be_read_is_not_written),
		cmocka_unit_test(threads_read_one_core_and_all_see_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

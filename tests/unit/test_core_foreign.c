/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ELF cores that others wrote: read without checksums, and within their bounds. */
#include "image_test.h"

#include <elf.h>

#define FOREIGN_NOTES 0x1000
#define FOREIGN_DATA 0x1234 /* QEMU does not align it */

/* A core of @n segments, whose bytes at file offset FOREIGN_DATA + i are (i >> 12) + 1. */
static struct bytes foreign_core(const Elf64_Phdr *loads, size_t n, size_t notes_len)
{
	static const uint8_t note[] = { 5, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 'C', 'O', 'R', 'E', 0, 0, 0, 0, 'a', 'b', 'c', 0 };
	struct bytes b = { .v = calloc(1, FOREIGN_DATA + 8 * 4096), .len = FOREIGN_DATA + 8 * 4096 };
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = n + 1,
	};
	Elf64_Phdr ph = { .p_type = PT_NOTE, .p_offset = FOREIGN_NOTES, .p_filesz = notes_len, .p_memsz = notes_len };

	memcpy(b.v, &e, sizeof(e));
	memcpy(b.v + sizeof(e), &ph, sizeof(ph));
	memcpy(b.v + sizeof(e) + sizeof(ph), loads, n * sizeof(*loads));
	memcpy(b.v + FOREIGN_NOTES, note, sizeof(note));
	for (size_t i = 0; i < 8 * 4096; i++)
		b.v[FOREIGN_DATA + i] = (i >> 12) + 1;
	return b;
}

#define LOAD(page, paddr, filesz, memsz)                                                           \
	{ .p_type = PT_LOAD, .p_offset = FOREIGN_DATA + (page) * 4096, .p_paddr = (paddr), .p_filesz = (filesz),       \
	  .p_memsz = (memsz) }

static void core_of_others_is_read_whatever_the_order_of_its_segments(void **state)
{
	static const Elf64_Phdr loads[] = {
		LOAD(0, 0x100000, 0x3000, 0x3000),
		LOAD(3, 0x102000, 0x2000, 0x8000), /* its first page is there already; not all of it is in the file */
		LOAD(5, 0x800, 0x1900, 0x1900),    /* whole pages alone count */
		LOAD(7, UINT64_MAX, 0x1000, 0x1000),
	};
	struct bytes b = foreign_core(loads, ARRAY_SIZE(loads), 32);
	SF_OWNED(core) core = NULL;
	struct sf_image_run run;

	(void)state;
	assert_ok(open_copy(b.v, b.len, &core));
	struct sf_image *img = sf_core_image(core);

	assert_null(sf_core_meta(core, NULL));
	assert_int_equal(sf_core_n_notes(core), 1);
	assert_string_equal(sf_core_note(core, 0)->name, "CORE");
	assert_int_equal(sf_core_note(core, 0)->len, 3);
	assert_memory_equal(sf_core_note(core, 0)->desc, "abc", 3);
	assert_int_equal(sf_image_page(img, 0x100000, NULL)[0], 1);
	assert_int_equal(sf_image_page(img, 0x101000, NULL)[4095], 2);
	assert_int_equal(sf_image_page(img, 0x102000, NULL)[0], 3);
	assert_int_equal(sf_image_page(img, 0x103000, NULL)[0], 5);
	assert_null(sf_image_page(img, 0x104000, NULL));
	assert_null(sf_image_page(img, 0, NULL));
	assert_int_equal(sf_image_page(img, 0x1000, NULL)[0x7ff], 6);
	assert_int_equal(sf_image_page(img, 0x1000, NULL)[0x800], 7);
	assert_null(sf_image_page(img, 0x2000, NULL));
	assert_int_equal(sf_image_top(img), 0x10a000);
	assert_true(sf_image_next_run(img, 0x2000, &run));
	assert_int_equal(run.gpa, 0x100000);
	assert_int_equal(run.len, 0x4000);
	assert_ok(sf_core_verify(core));
	free(b.v);
}

static void core_of_others_that_lies_is_refused(void **state)
{
	static const Elf64_Phdr lies[] = {
		LOAD(0, 0x1000, 9 * 4096, 9 * 4096),              /* outside the file */
		LOAD(0, 0x1000, UINT64_MAX, UINT64_MAX),
		LOAD(0, UINT64_MAX - 8191, 8192, 8192),           /* outside of memory */
		LOAD(0, SF_MAX_GPA - 4096, 8192, 8192),
		LOAD(0, 0x1000, 4096, UINT64_MAX - 0x1000),
		LOAD(0, 0x1000, 0, 4096),                         /* not a single page */
		{ .p_type = PT_LOAD, .p_offset = UINT64_MAX - 100, .p_filesz = 4096, .p_memsz = 4096 },
		{ .p_type = PT_NOTE, .p_offset = 0, .p_filesz = UINT64_MAX },
		{ .p_type = PT_NOTE, .p_offset = 0, .p_filesz = 4096 }, /* the ELF header as notes */
	};
	struct sf_core *core = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct bytes b = foreign_core(&lies[i], 1, 32);

		assert_code(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT);
		free(b.v);
	}
	/* The same bytes of the file as many pages: memory would not be bounded by the file's size. */
	static const Elf64_Phdr twice[] = {
		LOAD(0, 0x100000, 8 * 4096, 8 * 4096), LOAD(0, 0x200000, 8 * 4096, 8 * 4096),
	};
	struct bytes b = foreign_core(twice, 2, 32);

	assert_code(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT);
	free(b.v);
}

static void headers_and_notes_with_lying_sizes_are_refused(void **state)
{
	static const Elf64_Phdr load = LOAD(0, 0x1000, 4096, 4096);
	static const struct {
		size_t at, size;
		uint64_t value;
	} lies[] = {
		{ FOREIGN_NOTES, 4, 4 },             /* the name has no end */
		{ FOREIGN_NOTES, 4, 64 },            /* beyond the segment */
		{ FOREIGN_NOTES, 4, UINT32_MAX },
		{ FOREIGN_NOTES + 4, 4, 64 },
		{ FOREIGN_NOTES + 4, 4, UINT32_MAX },
		{ offsetof(Elf64_Ehdr, e_phoff), 8, FOREIGN_DATA + 8 * 4096 },
		{ offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX },
		{ offsetof(Elf64_Ehdr, e_phnum), 2, PN_XNUM },
		{ offsetof(Elf64_Ehdr, e_phnum), 2, PN_XNUM - 1 },
		{ offsetof(Elf64_Ehdr, e_phentsize), 2, 55 },
	};
	struct sf_core *core = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct bytes b = foreign_core(&load, 1, 24);

		memcpy(b.v + lies[i].at, &lies[i].value, lies[i].size);
		assert_code(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT);
		free(b.v);
	}
	/* A count of 2^32 - 1 in the section header. */
	struct bytes b = foreign_core(&load, 1, 24);
	Elf64_Ehdr *e = (void *)b.v;
	Elf64_Shdr s = { .sh_info = UINT32_MAX };

	e->e_phnum = PN_XNUM;
	e->e_shentsize = sizeof(s);
	e->e_shoff = 0x800;
	memcpy(b.v + 0x800, &s, sizeof(s));
	assert_says(open_copy(b.v, b.len, &core), SF_FRAME_CORRUPT, "4294967295 program headers");
	free(b.v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(core_of_others_is_read_whatever_the_order_of_its_segments),
		cmocka_unit_test(core_of_others_that_lies_is_refused),
		cmocka_unit_test(headers_and_notes_with_lying_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF cores from anywhere. Each input is opened as it is, and once more with the header's checksum made right, since
 * chance alone would never get past it.
 */
#include <zlib.h>

#include "image/core.h"

#define MAX_RUNS 4096
#define MAX_PAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where a core of ours has them: docs/frame-format.md. */
#define CHECKSUM_AT 92
#define PAGES_OFFSET_AT 104
#define HEAD_SIZE 128

static volatile uint64_t sink;

static void use_pages(struct sf_image *img)
{
	struct sf_image_run run;
	uint64_t from = 0;

	for (size_t i = 0; i < MAX_RUNS && sf_image_next_run(img, from, &run); i++) {
		if (run.gpa < from || !run.len || (run.gpa | run.len) & ~SF_PAGE_MASK || run.gpa + run.len > img->top)
			abort();
		for (uint64_t at = 0; at < run.len && at < MAX_PAGES * SF_PAGE_SIZE; at += SF_PAGE_SIZE) {
			enum sf_fault why = SF_FAULT_NONE;
			const uint8_t *page = sf_image_page(img, run.gpa + at, &why);

			if (!page != (why != SF_FAULT_NONE))
				abort();
			if (page)
				sink += page[0] + page[SF_PAGE_SIZE - 1];
		}
		from = run.gpa + run.len;
	}
}

static void use(const uint8_t *data, size_t size)
{
	SF_OWNED(core) core = NULL;
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return;
	if (size)
		memcpy(copy, data, size);
	SF_OWNED(error) err = sf_core_open_memory(copy, size, "input", &core);

	if (err) {
		sink += sf_error_message(err)[0];
		return;
	}
	size_t len = 0;
	const char *meta = sf_core_meta(core, &len);

	for (size_t i = 0; meta && i < len; i++)
		sink += meta[i];
	for (size_t i = 0; i < sf_core_n_notes(core); i++) {
		const struct sf_core_note *note = sf_core_note(core, i);

		sink += strlen(note->name) + sf_hash_bytes(note->desc, note->len);
	}
	use_pages(sf_core_image(core));
	SF_OWNED(error) bad = sf_core_verify(core);

	sink += sf_error_code(bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	use(data, size);
	if (size < HEAD_SIZE)
		return 0;
	uint8_t *sealed = malloc(size);
	uint64_t head;

	if (!sealed)
		return 0;
	memcpy(sealed, data, size);
	memcpy(&head, data + PAGES_OFFSET_AT, sizeof(head));
	if (head >= HEAD_SIZE && head <= size) {
		memset(sealed + CHECKSUM_AT, 0, sizeof(uint32_t));
		uint32_t sum = crc32_z(0, sealed, head);

		memcpy(sealed + CHECKSUM_AT, &sum, sizeof(sum));
		use(sealed, size);
	}
	free(sealed);
	return 0;
}

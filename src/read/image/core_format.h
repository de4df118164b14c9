/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_IMAGE_CORE_FORMAT_H
#define SF_IMAGE_CORE_FORMAT_H

/*
 * The bytes of a core of ours, as docs/frame-format.md has them, and the image that reads a core's pages. Our note is
 * right behind the ELF header: whichever byte of the file is changed, the note is still found, by its place or through
 * the program headers, and the checksums then notice.
 */

#include <assert.h>
#include <elf.h>

#include "image/core.h"
#include "internal.h"

/* From the start of the file. All little-endian. */
struct sf_core_head {
	Elf64_Ehdr ehdr;
	Elf64_Nhdr nhdr;
	char name[12];         /* SF_CORE_NOTE_NAME, NUL-padded */
	/* The note's descriptor begins here. */
	uint32_t version;
	uint32_t checksum;     /* CRC-32 of [0, pages_offset) with this field as 0 */
	uint64_t top;
	uint64_t pages_offset;
	uint64_t n_pages;
	uint64_t meta_len;
	/* The metadata, zero-padded to 4 bytes, then a CRC-32 per page, in order. */
};
#define SF_CORE_DESC offsetof(struct sf_core_head, version)
#define SF_CORE_DESC_FIXED (sizeof(struct sf_core_head) - SF_CORE_DESC)
static_assert(SF_CORE_DESC == 88 && sizeof(struct sf_core_head) == 128, "the file format");
static_assert(sizeof(SF_CORE_NOTE_NAME) == 11, "the file format");

/* ---- where the bytes are --------------------------------------------------------------------------- */

struct sf_core_source {
	int fd;              /* -1: in memory */
	uint8_t *data;
	uint64_t size;
	char *name;          /* for errors */
};

void sf_core_source_clear(struct sf_core_source *src);
/* [off, off + len) into @buf; outside the file is SF_FRAME_CORRUPT, with @what as the thing that lies there. */
SF_CHECKED struct sf_error *sf_core_source_read(const struct sf_core_source *src, uint64_t off, uint64_t len, void *buf,
						const char *what);

/* ---- the image behind a core ------------------------------------------------------------------------ */

/*
 * Takes @src and @runs (indexed, with offsets that lie inside the source) over, also on failure. @crcs (copied) has one
 * for each page; NULL: pages are believed.
 */
SF_CHECKED struct sf_error *sf_core_image_new(struct sf_core_source *src, struct sf_runs *runs, const void *crcs,
					      uint64_t top, struct sf_image **ret);
SF_CHECKED struct sf_error *sf_core_image_verify(struct sf_image *img);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FUZZ_FRAME_BASE_H
#define SF_FUZZ_FRAME_BASE_H

/*
 * Frames that are edited before they are read, and how an input says where. What the targets of frames share:
 *
 *	frame_base.c   frames to begin with, edits, checksums
 *	maps_base.c    a frame with a map of every type
 *	frame_uses.c   what is done with whatever a frame gives
 *
 * An edit is, as often as an input has room for it:
 *
 *	u16      page of the file, modulo their number; BASE_HEAD: what is before the first page
 *	u16      where in it, modulo its size
 *	byte     how many bytes follow, modulo 33
 *	bytes    what is put there
 *
 * so that a handful of bytes reach any place of 200 KB.
 */

#include "fake_bpf.h"

#define BASE_HEAD 0xffffu
#define BASE_EDIT 5u      /* bytes of an edit before what is put */
#define BASE_EDIT_MAX 32u /* that is put by one */

struct base {
	uint8_t *bytes;
	size_t len;
	size_t head;    /* where pages begin */
	uint64_t *gpas; /* of each page, in the order of the file */
	size_t n_pages;
};

/* How a frame comes to us: a core without our note, one without any note, an export of ours. */
enum base_kind { BASE_FOREIGN, BASE_SCANNED, BASE_EXPORT, BASE_N };

/* A frame of all memory of @g, which is open. */
struct base base_make(struct fake_guest *g, enum base_kind kind);
void base_free(struct base *b);
/* The number of the page with @gpa. Without one the program ends. */
uint16_t base_page(const struct base *b, uint64_t gpa);
/* The guest of fuzz_frame; open. */
struct fake_guest *base_guest(struct fake_scene *s);

/* The file @from with the edits at [@data, @data + @size); free() it. It is as long as it was. */
uint8_t *base_edited(const struct base *from, const uint8_t *data, size_t size);
/* As sf_core_write() would have: a checksum for each page, and one for the head. */
void base_seal(uint8_t *bytes, size_t len);
/* Opens the frame that the file of these bytes would be. */
SF_CHECKED struct sf_error *base_open(const uint8_t *bytes, size_t len, struct sf_frame **ret);

#endif

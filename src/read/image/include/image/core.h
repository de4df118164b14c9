/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_IMAGE_CORE_H
#define SF_IMAGE_CORE_H

/*
 * Sparse ELF cores: ET_CORE, EM_X86_64, one PT_LOAD per run of adjacent pages (p_paddr always, p_vaddr as the caller
 * says), one PT_NOTE. More than 65,534 segments use PN_XNUM. A core of ours carries a note that has the checksum of
 * every page and of everything before the first page, so that a changed byte or a file cut short is noticed. A core
 * of others (QEMU's dump-guest-memory, makedumpfile's and the kernel's ELF) has none, and is believed within its bounds;
 * where its segments overlap, as a kdump's do, the one with the lower address wins; pages that it holds in part are
 * not there.
 *
 * The note of ours: name "STILLFRAME", type SF_CORE_NOTE. docs/frame-format.md has the layout.
 */

#include "image/image.h"

#define SF_CORE_NOTE_NAME "STILLFRAME"
#define SF_CORE_NOTE 0x53460001u   /* metadata and checksums */
#define SF_CORE_VERSION 1u         /* of the note; another version is refused by name */

/* A note to write, or one that was read (pointers are then the core's). */
struct sf_core_note {
	const char *name;
	uint32_t type;
	const void *desc;
	size_t len;
};

struct sf_core_write {
	struct sf_image *image;            /* its runs become the segments; read twice, so it must not change */
	const struct sf_core_note *notes;  /* VMCOREINFO, NT_PRSTATUS, …; not ours */
	size_t n_notes;
	const char *meta;                  /* JSON text for our note; NULL: no note of ours (and no checksums) */
	size_t meta_len;
	/* Virtual address of the page at @gpa, for p_vaddr; runs are split where it is not contiguous. 0, or NULL: none. */
	uint64_t (*vaddr)(void *arg, uint64_t gpa);
	void *arg;
};

/*
 * Publishes atomically: @path is the old file or the whole new one. SF_SYSTEM: it could not be written (errno says why);
 * a page of the image that cannot be read: SF_FRAME_CORRUPT or what else its fault is.
 */
SF_CHECKED struct sf_error *sf_core_write(const char *path, const struct sf_core_write *w);
/* The same bytes through a function that returns an error to stop. */
SF_CHECKED struct sf_error *sf_core_write_to(struct sf_error *(*put)(void *arg, const void *data, size_t len), void *arg,
					     const struct sf_core_write *w);

struct sf_core;
/*
 * Opens and checks the head of @path. SF_FRAME_CORRUPT: cut short, a checksum does not match, segments overlap or lie
 * outside the file; SF_BAD_INPUT: not an ELF core of an x86-64 machine, or a version of ours that is not
 * SF_CORE_VERSION (named). Holds the file open and reads pages with pread(2).
 */
SF_CHECKED struct sf_error *sf_core_open(const char *path, struct sf_core **ret);
/* The same for a core in memory (compressed ones are unpacked first); @data is taken over and free()d, also on failure.
 * @name is what errors call it. */
SF_CHECKED struct sf_error *sf_core_open_memory(void *data, size_t len, const char *name, struct sf_core **ret);
void sf_core_free(struct sf_core *core);              /* the image lives on while it is referenced */
SF_DEFINE_CLEANUP(core, sf_core_free)
struct sf_image *sf_core_image(struct sf_core *core); /* borrowed */
/* The JSON text, not NUL-terminated; NULL: not a core of ours. Like the notes, it is the core's. */
const char *sf_core_meta(const struct sf_core *core, size_t *len);
/* The notes beside ours. */
size_t sf_core_n_notes(const struct sf_core *core);
const struct sf_core_note *sf_core_note(const struct sf_core *core, size_t i);
/* Reads every page against its checksum; SF_FRAME_CORRUPT names the first bad one. */
SF_CHECKED struct sf_error *sf_core_verify(struct sf_core *core);

#endif

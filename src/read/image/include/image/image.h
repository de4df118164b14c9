/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_IMAGE_IMAGE_H
#define SF_IMAGE_IMAGE_H

/*
 * Guest memory as pages, by guest-physical address (GPA). One seam with several things behind it:
 *
 *   ram      live RAM: memfds that we created and mapped, with the hole below 4 GiB
 *   pages    an immutable set of pages in memory: a capture, or facts that were read back
 *   core     an ELF core file, read with pread(2), each page checked against its checksum when first touched (core.h)
 *   overlay  one image before another
 *   recorder in front of ram while the guest is stopped: copies each page that a walk touches, once
 *
 * Every image but the recorder may be read by any thread. Pages are 4096 bytes and a pointer to one stays valid, and
 * (but for live RAM) the bytes stay the same, for the life of the image; a recorder's until its next begin or take.
 * Nothing here knows what the bytes mean. Images are refcounted and own what is behind them; a constructor gives the
 * caller one reference. May touch: files (of cores), memory mappings. No threads, no processes.
 */

#include "base/error.h"

#define SF_PAGE_SHIFT 12
#define SF_PAGE_SIZE 4096u
#define SF_PAGE_MASK (~(uint64_t)(SF_PAGE_SIZE - 1))
#define SF_MAX_GPA (1ull << 52)

/* Why a read did not work. Small and returned by value: reads are hot, and most callers have a word of their own. */
enum sf_fault {
	SF_FAULT_NONE,
	SF_FAULT_NOT_KEPT,  /* the image does not hold this page */
	SF_FAULT_UNMAPPED,  /* the guest's page tables say that nothing is there */
	SF_FAULT_CORRUPT,   /* the page's bytes do not match their checksum */
	SF_FAULT_IO,        /* the file could not be read */
	SF_FAULT_BOUNDS,    /* no RAM has this address */
};
const char *sf_fault_text(enum sf_fault fault); /* "page not kept", … */

struct sf_image_ops;

/*
 * What every kind of image begins with. Only this room looks inside; it is here so that a page of live RAM costs two
 * comparisons and an addition, and no call: RAM is mapped at `flat_base` + GPA, its first two stretches without a hole are
 * `flat`. An image that is not flat leaves their `len` 0.
 */
struct sf_image {
	const struct sf_image_ops *ops;
	_Atomic uint32_t refs;
	uint64_t top;
	const uint8_t *flat_base;
	struct {
		uint64_t gpa, len;
	} flat[2];
};

struct sf_image *sf_image_ref(struct sf_image *img);
void sf_image_unref(struct sf_image *img); /* NULL is fine */
SF_DEFINE_CLEANUP(image, sf_image_unref)

const uint8_t *sf_image_page_slow(struct sf_image *img, uint64_t gpa, enum sf_fault *why);

/* The first byte of the page that holds @gpa, or NULL and @why (may be NULL; untouched on success). */
static inline const uint8_t *sf_image_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	uint64_t page = gpa & SF_PAGE_MASK;

	/* One branch: which of the two it is cannot be predicted, that it is one of them can. */
	if (sf_likely((page - img->flat[0].gpa < img->flat[0].len) | (page - img->flat[1].gpa < img->flat[1].len)))
		return img->flat_base + page;
	return sf_image_page_slow(img, gpa, why);
}

enum sf_fault sf_image_read_across(struct sf_image *img, uint64_t gpa, void *buf, size_t len);

/* Any length, any alignment; all or nothing: on a fault @buf is untouched. Inline, so that a fixed @len is a load. */
static inline enum sf_fault sf_image_read(struct sf_image *img, uint64_t gpa, void *buf, size_t len)
{
	size_t at = gpa & (SF_PAGE_SIZE - 1);
	enum sf_fault why = SF_FAULT_NONE;

	if (sf_unlikely(len > SF_PAGE_SIZE - at))
		return sf_image_read_across(img, gpa, buf, len);
	const uint8_t *page = len ? sf_image_page(img, gpa, &why) : NULL;

	if (sf_likely(page))
		memcpy(buf, page + at, len);
	return why;
}

/* RAM of the guest, whether kept or not: above this no GPA exists. For pages and cores: what their maker recorded. */
uint64_t sf_image_top(const struct sf_image *img);

/*
 * The first run of pages at or after the page of @from that the image holds; a run that began earlier is cut off there.
 * To see all: begin at 0, go on from `gpa + len`. Of live RAM, what the guest never wrote (holes of the memfd) is left
 * out, so that a scan does not fault it in; a recorder has the runs of what is under it. false: no more.
 */
struct sf_image_run {
	uint64_t gpa, len;  /* bytes, page aligned */
};
bool sf_image_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret);

/* ---- live RAM ----------------------------------------------------------------------------------- */

/* [gpa, gpa + len) is at @offset of file number @file. Sorted, not overlapping, page aligned. */
struct sf_ram_range {
	uint64_t gpa, len, offset;
	uint32_t file;
};
/*
 * Maps the files read-only, shared; the caller keeps @fds and may close them. They must be sealed against shrinking, or
 * ours alone: a mapping of a file that is cut short is SIGBUS. SF_USAGE: no such ranges; SF_SYSTEM: mmap failed.
 */
SF_CHECKED struct sf_error *sf_image_ram_new(const int *fds, size_t n_fds, const struct sf_ram_range *ranges, size_t n,
					     struct sf_image **ret);

/* ---- recorder ----------------------------------------------------------------------------------- */

/*
 * In front of @under (live RAM). Between begin and end each page that is asked for is copied once, and the copy is what
 * the walk sees. Nothing is allocated while there is room for @reserve_pages: the room is kept, faulted in, between
 * captures; beyond it, it grows by faulting in more. The next capture of a guest is much like the last one, so that the
 * room that is kept grows to what that needed and an eighth (at most 256 MiB), and shrinks again. Pages beyond @max_pages
 * are refused (SF_FAULT_NOT_KEPT) and counted, each once. One thread.
 *
 * Beside the pages the recorder holds 4 bytes per page of @under's RAM. sf_recorder_free() gives up the caller's
 * reference to sf_recorder_image(), which keeps @under.
 */
struct sf_recorder;
SF_CHECKED struct sf_error *sf_recorder_new(struct sf_image *under, size_t reserve_pages, size_t max_pages,
					    struct sf_recorder **ret);
void sf_recorder_free(struct sf_recorder *rec);              /* NULL is fine */
SF_DEFINE_CLEANUP(recorder, sf_recorder_free)
struct sf_image *sf_recorder_image(struct sf_recorder *rec); /* borrowed; the seam to walk through */
void sf_recorder_begin(struct sf_recorder *rec);             /* forget what was recorded */
/* Copy a whole range, without a pointer for each page. Pages that do not exist are skipped. */
void sf_recorder_keep(struct sf_recorder *rec, uint64_t gpa, uint64_t len);
size_t sf_recorder_n_pages(const struct sf_recorder *rec);
size_t sf_recorder_n_refused(const struct sf_recorder *rec);
/*
 * What was recorded as an image of its own, which holds a copy of just these pages. Not under the stop: it allocates,
 * copies and sorts. The recorder has then forgotten them and is ready for another begin; on failure it still has them.
 */
SF_CHECKED struct sf_error *sf_recorder_take(struct sf_recorder *rec, struct sf_image **ret);
/* The same without an image: what was recorded only showed how much room the next time needs, and that is made. */
void sf_recorder_rehearsed(struct sf_recorder *rec);

/* ---- pages -------------------------------------------------------------------------------------- */

/*
 * @n pages at @gpas (in any order), contents one after another in @data; both are copied. @top as in sf_image_top().
 * SF_USAGE: an address is not page aligned, is there twice, or is not below @top.
 */
SF_CHECKED struct sf_error *sf_image_pages_new(const uint64_t *gpas, const void *data, size_t n, uint64_t top,
					       struct sf_image **ret);
/*
 * @front before @back: a page of @front hides the same page of @back, even one that cannot be read. The overlay takes
 * references of its own.
 */
SF_CHECKED struct sf_error *sf_image_overlay_new(struct sf_image *front, struct sf_image *back, struct sf_image **ret);

#endif

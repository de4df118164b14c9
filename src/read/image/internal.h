/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_IMAGE_INTERNAL_H
#define SF_IMAGE_INTERNAL_H

/*
 * What the kinds of image share inside this room: the operations behind the seam, and runs, the sorted list of what a
 * sparse image holds.
 */

#include "image/image.h"

struct sf_image_ops {
	/* @gpa is page aligned and @why is never NULL. */
	const uint8_t *(*page)(struct sf_image *img, uint64_t gpa, enum sf_fault *why);
	/* @from is page aligned. */
	bool (*next_run)(struct sf_image *img, uint64_t from, struct sf_image_run *ret);
	void (*free)(struct sf_image *img);
};

void sf_image_init(struct sf_image *img, const struct sf_image_ops *ops, uint64_t top);

/* A fault as an error; @what names the image, or what it was wanted for. */
SF_CHECKED struct sf_error *sf_image_fault_error(enum sf_fault why, const char *what, uint64_t gpa);

/* ---- runs --------------------------------------------------------------------------------------- */

struct sf_run {
	uint64_t gpa, end;
	uint64_t first;  /* the number of its first page, counted over all runs */
	uint64_t offset; /* of its first byte, where the pages are in a file */
};

/*
 * Sorted, not overlapping, not empty runs. An index of equal slices of the address space leads to the few runs among
 * which a binary search ends; where runs are all in one slice, that search is what bounds a look-up.
 */
struct sf_runs {
	struct sf_run *v;
	size_t n, cap;
	uint64_t base, span; /* all runs lie in [base, base + span) */
	unsigned int shift;
	uint32_t *slice;     /* the first run that ends behind the slice's begin; one more than there are slices */
};

SF_CHECKED struct sf_error *sf_runs_index(struct sf_runs *runs); /* once `v` and `n` are there */
void sf_runs_clear(struct sf_runs *runs);
bool sf_runs_next(const struct sf_runs *runs, uint64_t from, struct sf_image_run *ret);

/* The first run that ends behind @gpa, or NULL. */
static inline const struct sf_run *sf_runs_seek(const struct sf_runs *runs, uint64_t gpa)
{
	if (gpa < runs->base)
		return runs->v;
	uint64_t at = gpa - runs->base;

	if (at >= runs->span)
		return NULL;
	size_t lo = runs->slice[at >> runs->shift];
	size_t hi = runs->slice[(at >> runs->shift) + 1];

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (runs->v[mid].end > gpa)
			hi = mid;
		else
			lo = mid + 1;
	}
	return &runs->v[lo];
}

/* The run that holds @gpa, or NULL. */
static inline const struct sf_run *sf_runs_find(const struct sf_runs *runs, uint64_t gpa)
{
	const struct sf_run *run = sf_runs_seek(runs, gpa);

	return run && run->gpa <= gpa ? run : NULL;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdatomic.h>

#include "internal.h"

const char *sf_fault_text(enum sf_fault fault)
{
	switch (fault) {
	case SF_FAULT_NONE:
		return "no fault";
	case SF_FAULT_NOT_KEPT:
		return "page not kept";
	case SF_FAULT_UNMAPPED:
		return "not mapped by the guest";
	case SF_FAULT_CORRUPT:
		return "page is corrupt";
	case SF_FAULT_IO:
		return "page cannot be read";
	case SF_FAULT_BOUNDS:
		return "no RAM at this address";
	}
	return "unknown fault";
}

struct sf_error *sf_image_fault_error(enum sf_fault why, const char *what, uint64_t gpa)
{
	enum sf_code code = SF_PAGE_NOT_KEPT;

	if (why == SF_FAULT_CORRUPT)
		code = SF_FRAME_CORRUPT;
	else if (why == SF_FAULT_IO)
		code = SF_SYSTEM;
	return sf_error_new(code, "%s: guest page 0x%" PRIx64 ": %s", what, gpa, sf_fault_text(why));
}

/* ---- seam --------------------------------------------------------------------------------------- */

void sf_image_init(struct sf_image *img, const struct sf_image_ops *ops, uint64_t top)
{
	*img = (struct sf_image){ .ops = ops, .top = top };
	atomic_init(&img->refs, 1);
}

struct sf_image *sf_image_ref(struct sf_image *img)
{
	if (img)
		atomic_fetch_add_explicit(&img->refs, 1, memory_order_relaxed);
	return img;
}

void sf_image_unref(struct sf_image *img)
{
	if (img && atomic_fetch_sub_explicit(&img->refs, 1, memory_order_acq_rel) == 1)
		img->ops->free(img);
}

const uint8_t *sf_image_page_slow(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	enum sf_fault unasked;

	return img->ops->page(img, gpa & SF_PAGE_MASK, why ? why : &unasked);
}

enum sf_fault sf_image_read_across(struct sf_image *img, uint64_t gpa, void *buf, size_t len)
{
	enum sf_fault why = SF_FAULT_NONE;
	uint8_t *to = buf;

	if (!sf_in_range(gpa, len, SF_MAX_GPA))
		return SF_FAULT_BOUNDS;
	uint64_t end = gpa + len;

	/* A page that was there once stays there, so all of them are tried before the first byte is written. */
	for (uint64_t page = gpa & SF_PAGE_MASK; page < end; page += SF_PAGE_SIZE)
		if (!sf_image_page(img, page, &why))
			return why;
	while (gpa < end) {
		size_t at = gpa & (SF_PAGE_SIZE - 1);
		size_t n = sf_min(end - gpa, (uint64_t)SF_PAGE_SIZE - at);
		const uint8_t *page = sf_image_page(img, gpa, &why);

		if (!page)
			return why;
		memcpy(to, page + at, n);
		to += n;
		gpa += n;
	}
	return SF_FAULT_NONE;
}

uint64_t sf_image_top(const struct sf_image *img)
{
	return img->top;
}

bool sf_image_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	return img->ops->next_run(img, from & SF_PAGE_MASK, ret);
}

/* ---- overlay ------------------------------------------------------------------------------------ */

struct overlay {
	struct sf_image img;
	struct sf_image *front, *back;
};

static const uint8_t *overlay_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	struct overlay *o = sf_container_of(img, struct overlay, img);
	enum sf_fault front = SF_FAULT_NONE, back = SF_FAULT_NONE;
	const uint8_t *page = sf_image_page(o->front, gpa, &front);

	if (page)
		return page;
	if (front != SF_FAULT_NOT_KEPT && front != SF_FAULT_BOUNDS) {
		*why = front;
		return NULL;
	}
	page = sf_image_page(o->back, gpa, &back);
	if (!page)
		*why = back == SF_FAULT_BOUNDS ? front : back;
	return page;
}

static bool overlay_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	struct overlay *o = sf_container_of(img, struct overlay, img);
	struct sf_image *sides[] = { o->front, o->back };
	struct sf_image_run run;
	uint64_t gpa = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		if (sf_image_next_run(sides[i], from, &run))
			gpa = sf_min(gpa, run.gpa);
	if (gpa == UINT64_MAX)
		return false;

	uint64_t end = gpa;

	/* Both sides take turns, as long as one of them goes on where the other ended. */
	for (size_t stuck = 0, i = 0; stuck < ARRAY_SIZE(sides); i ^= 1) {
		if (sf_image_next_run(sides[i], end, &run) && run.gpa == end) {
			end += run.len;
			stuck = 0;
		} else {
			stuck++;
		}
	}
	*ret = (struct sf_image_run){ .gpa = gpa, .len = end - gpa };
	return true;
}

static void overlay_free(struct sf_image *img)
{
	struct overlay *o = sf_container_of(img, struct overlay, img);

	sf_image_unref(o->front);
	sf_image_unref(o->back);
	free(o);
}

static const struct sf_image_ops overlay_ops = {
	.page = overlay_page,
	.next_run = overlay_next_run,
	.free = overlay_free,
};

struct sf_error *sf_image_overlay_new(struct sf_image *front, struct sf_image *back, struct sf_image **ret)
{
	struct overlay *o = malloc(sizeof(*o));

	if (!o)
		return sf_error_nomem();
	sf_image_init(&o->img, &overlay_ops, sf_max(front->top, back->top));
	o->front = sf_image_ref(front);
	o->back = sf_image_ref(back);
	*ret = &o->img;
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <sys/mman.h>

#include "internal.h"

#define GROW_PAGES 512         /* how many pages more are mapped at once when the reserve is used up: a huge page */
#define MAX_RESERVE 65536      /* pages: what is kept ready between captures, however large the last one was */
#define HUGE_PAGE (2ull << 20)
#define REFUSED UINT32_MAX
#define MAX_EAGER_INDEX (64u << 20) /* an index of more bytes is faulted in by use */

/*
 * The arena, and the list of addresses beside it, are address space for all of `max`, so that a page has one place for
 * good; memory is behind the first `ready` pages, which is `reserve` between captures: as much as the caller asked for,
 * or what the last capture needed.
 */
struct sf_recorder {
	struct sf_image img;
	struct sf_image *under;
	uint32_t *slots;     /* by page number: 0 not recorded, REFUSED, or 1 + its place in the arena */
	uint64_t n_slots;
	uint8_t *arena;
	uint64_t *gpas;
	size_t n, n_refused;
	size_t ready, reserve, min_reserve, max;
};

/* ---- memory ------------------------------------------------------------------------------------- */

static void *space_new(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * The same for what a walk reads here and there: of huge pages where there are some, which are mapped 512 pages at a
 * time, and few of which are enough for all of it.
 */
static void *space_new_huge(size_t len)
{
	uint8_t *p, *aligned;

	if (len < HUGE_PAGE)
		return space_new(len);
	p = space_new(len + HUGE_PAGE);
	if (!p)
		return NULL;
	aligned = (uint8_t *)sf_align_up((uintptr_t)p, HUGE_PAGE);
	if (aligned > p)
		munmap(p, (size_t)(aligned - p));
	munmap(aligned + sf_align_up(len, SF_PAGE_SIZE), (size_t)(p + HUGE_PAGE - aligned));
	madvise(aligned, len, MADV_HUGEPAGE);
	return aligned;
}

/* Puts memory behind the pages of [from, to) of @space, all of which may be in use already. */
static bool space_populate(void *space, size_t from, size_t to)
{
	uint8_t *p = space;

	from &= ~(size_t)(SF_PAGE_SIZE - 1);
	to = sf_align_up(to, SF_PAGE_SIZE);
	if (from == to || !madvise(p + from, to - from, MADV_POPULATE_WRITE))
		return true;
	if (errno != EINVAL)
		return false;
	for (; from < to; from += SF_PAGE_SIZE)
		__atomic_fetch_or(p + from, 0, __ATOMIC_RELAXED);
	return true;
}

static bool make_ready(struct sf_recorder *rec, size_t pages)
{
	if (!space_populate(rec->arena, rec->ready * SF_PAGE_SIZE, pages * SF_PAGE_SIZE) ||
	    !space_populate(rec->gpas, rec->ready * sizeof(*rec->gpas), pages * sizeof(*rec->gpas)))
		return false;
	rec->ready = pages;
	return true;
}

/* The part of the index that is about RAM which exists. */
static void index_populate(struct sf_recorder *rec)
{
	const struct sf_image *under = rec->under;

	for (size_t i = 0; i < ARRAY_SIZE(under->flat); i++) {
		uint64_t from = (under->flat[i].gpa >> SF_PAGE_SHIFT) * sizeof(*rec->slots);
		uint64_t len = (under->flat[i].len >> SF_PAGE_SHIFT) * sizeof(*rec->slots);

		if (len && len <= MAX_EAGER_INDEX)
			space_populate(rec->slots, from, from + len);
	}
}

/* ---- recording ---------------------------------------------------------------------------------- */

static const uint8_t *record(struct sf_recorder *rec, uint64_t gpa, enum sf_fault *why)
{
	const uint8_t *page = sf_image_page(rec->under, gpa, why);

	if (!page)
		return NULL;
	if (sf_unlikely(rec->n == rec->ready) &&
	    (rec->n == rec->max || !make_ready(rec, sf_min(rec->max, rec->ready + GROW_PAGES)))) {
		rec->slots[gpa >> SF_PAGE_SHIFT] = REFUSED;
		rec->n_refused++;
		*why = SF_FAULT_NOT_KEPT;
		return NULL;
	}
	uint8_t *copy = rec->arena + rec->n * SF_PAGE_SIZE;

	memcpy(copy, page, SF_PAGE_SIZE);
	rec->gpas[rec->n++] = gpa;
	rec->slots[gpa >> SF_PAGE_SHIFT] = rec->n;
	return copy;
}

static const uint8_t *recorder_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	struct sf_recorder *rec = sf_container_of(img, struct sf_recorder, img);

	if (gpa >> SF_PAGE_SHIFT >= rec->n_slots) {
		*why = SF_FAULT_BOUNDS;
		return NULL;
	}
	uint32_t slot = rec->slots[gpa >> SF_PAGE_SHIFT];

	if (!slot)
		return record(rec, gpa, why);
	if (slot == REFUSED) {
		*why = SF_FAULT_NOT_KEPT;
		return NULL;
	}
	return rec->arena + (size_t)(slot - 1) * SF_PAGE_SIZE;
}

static bool recorder_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	return sf_image_next_run(sf_container_of(img, struct sf_recorder, img)->under, from, ret);
}

void sf_recorder_keep(struct sf_recorder *rec, uint64_t gpa, uint64_t len)
{
	uint64_t ram = rec->n_slots << SF_PAGE_SHIFT;

	if (!len || gpa >= ram)
		return;
	uint64_t end = sf_in_range(gpa, len, ram) ? gpa + len : ram;

	for (gpa &= SF_PAGE_MASK; gpa < end; gpa += SF_PAGE_SIZE) {
		enum sf_fault why;

		if (!rec->slots[gpa >> SF_PAGE_SHIFT])
			record(rec, gpa, &why);
	}
}

void sf_recorder_begin(struct sf_recorder *rec)
{
	if (rec->n_refused) {
		/* Which ones is written nowhere else. */
		madvise(rec->slots, rec->n_slots * sizeof(*rec->slots), MADV_DONTNEED);
		index_populate(rec);
	} else {
		for (size_t i = 0; i < rec->n; i++)
			rec->slots[rec->gpas[i] >> SF_PAGE_SHIFT] = 0;
	}
	rec->n = 0;
	rec->n_refused = 0;
	if (rec->ready > rec->reserve) {
		madvise(rec->arena + rec->reserve * SF_PAGE_SIZE, (rec->ready - rec->reserve) * SF_PAGE_SIZE,
			MADV_DONTNEED);
		rec->ready = rec->reserve;
	}
}

void sf_recorder_rehearsed(struct sf_recorder *rec)
{
	size_t want = sf_align_up(rec->n + rec->n / 8, GROW_PAGES);

	/* Large captures and small ones may take turns. */
	want = sf_max(sf_min(want, (size_t)MAX_RESERVE), rec->reserve / 2);
	rec->reserve = sf_min(sf_max(want, rec->min_reserve), rec->max);
	sf_recorder_begin(rec);
	/* Without the memory for it the next capture asks again. */
	if (rec->ready < rec->reserve)
		make_ready(rec, rec->reserve);
}

struct sf_error *sf_recorder_take(struct sf_recorder *rec, struct sf_image **ret)
{
	SF_TRY(sf_image_pages_new(rec->gpas, rec->arena, rec->n, rec->img.top, ret));
	sf_recorder_rehearsed(rec);
	return NULL;
}

size_t sf_recorder_n_pages(const struct sf_recorder *rec)
{
	return rec->n;
}

size_t sf_recorder_n_refused(const struct sf_recorder *rec)
{
	return rec->n_refused;
}

/* ---- life --------------------------------------------------------------------------------------- */

static void recorder_free(struct sf_image *img)
{
	struct sf_recorder *rec = sf_container_of(img, struct sf_recorder, img);

	if (rec->slots)
		munmap(rec->slots, rec->n_slots * sizeof(*rec->slots));
	if (rec->arena)
		munmap(rec->arena, rec->max * SF_PAGE_SIZE);
	if (rec->gpas)
		munmap(rec->gpas, rec->max * sizeof(*rec->gpas));
	sf_image_unref(rec->under);
	free(rec);
}

static const struct sf_image_ops recorder_ops = {
	.page = recorder_page,
	.next_run = recorder_next_run,
	.free = recorder_free,
};

struct sf_image *sf_recorder_image(struct sf_recorder *rec)
{
	return &rec->img;
}

void sf_recorder_free(struct sf_recorder *rec)
{
	if (rec)
		sf_image_unref(&rec->img);
}

struct sf_error *sf_recorder_new(struct sf_image *under, size_t reserve_pages, size_t max_pages,
				struct sf_recorder **ret)
{
	uint64_t ram = sf_align_up(under->top, SF_PAGE_SIZE) >> SF_PAGE_SHIFT;

	if (!ram || !max_pages || reserve_pages > max_pages)
		return sf_error_new(SF_USAGE, "a recorder of %zu to %zu pages of RAM that ends at 0x%" PRIx64,
				    reserve_pages, max_pages, under->top);
	struct sf_recorder *rec = calloc(1, sizeof(*rec));

	if (!rec)
		return sf_error_nomem();
	sf_image_init(&rec->img, &recorder_ops, under->top);
	SF_OWNED(recorder) owned = rec;

	rec->under = sf_image_ref(under);
	rec->n_slots = ram;
	rec->max = sf_min(sf_min((uint64_t)max_pages, ram), (uint64_t)REFUSED - 1);
	rec->reserve = rec->min_reserve = sf_min(reserve_pages, rec->max);
	rec->slots = space_new_huge(rec->n_slots * sizeof(*rec->slots));
	rec->arena = space_new_huge(rec->max * SF_PAGE_SIZE);
	rec->gpas = space_new(rec->max * sizeof(*rec->gpas));
	if (!rec->slots || !rec->arena || !rec->gpas || !make_ready(rec, rec->reserve))
		return sf_error_nomem();
	index_populate(rec);
	*ret = steal_ptr(&owned);
	return NULL;
}

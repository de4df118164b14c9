/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "internal.h"

struct pages {
	struct sf_image img;
	struct sf_runs runs;
	uint8_t *data; /* in order of address */
};

static const uint8_t *pages_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	struct pages *p = sf_container_of(img, struct pages, img);
	const struct sf_run *run = sf_runs_find(&p->runs, gpa);

	if (!run) {
		*why = gpa < img->top ? SF_FAULT_NOT_KEPT : SF_FAULT_BOUNDS;
		return NULL;
	}
	return p->data + (run->first << SF_PAGE_SHIFT) + (gpa - run->gpa);
}

static bool pages_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	return sf_runs_next(&sf_container_of(img, struct pages, img)->runs, from, ret);
}

static void pages_free(struct sf_image *img)
{
	struct pages *p = sf_container_of(img, struct pages, img);

	sf_runs_clear(&p->runs);
	free(p->data);
	free(p);
}

static const struct sf_image_ops pages_ops = {
	.page = pages_page,
	.next_run = pages_next_run,
	.free = pages_free,
};

struct place {
	uint64_t gpa;
	size_t from; /* which page of the caller's data */
};

static int place_cmp(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

static SF_CHECKED struct sf_error *check_places(const struct place *places, size_t n, uint64_t top)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t gpa = places[i].gpa;

		if (gpa & ~SF_PAGE_MASK)
			return sf_error_new(SF_USAGE, "page at 0x%" PRIx64 " is not aligned", gpa);
		if (!sf_in_range(gpa, SF_PAGE_SIZE, sf_min(top, (uint64_t)SF_MAX_GPA)))
			return sf_error_new(SF_USAGE, "page at 0x%" PRIx64 " is above the RAM, which ends at 0x%" PRIx64,
					    gpa, top);
		if (i && gpa == places[i - 1].gpa)
			return sf_error_new(SF_USAGE, "page at 0x%" PRIx64 " is there twice", gpa);
	}
	return NULL;
}

static SF_CHECKED struct sf_error *build_runs(struct sf_runs *runs, const struct place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sf_run *run = runs->n ? &runs->v[runs->n - 1] : NULL;

		if (!run || run->end != places[i].gpa) {
			run = sf_vec_push(runs);
			if (!run)
				return sf_error_nomem();
			*run = (struct sf_run){ .gpa = places[i].gpa, .first = i };
		}
		run->end = places[i].gpa + SF_PAGE_SIZE;
	}
	return sf_runs_index(runs);
}

struct sf_error *sf_image_pages_new(const uint64_t *gpas, const void *data, size_t n, uint64_t top,
				    struct sf_image **ret)
{
	_cleanup_free_ struct place *places = calloc(n + 1, sizeof(*places));
	struct pages *p = calloc(1, sizeof(*p));

	if (!places || !p) {
		free(p);
		return sf_error_nomem();
	}
	sf_image_init(&p->img, &pages_ops, top);
	SF_OWNED(image) img = &p->img;

	for (size_t i = 0; i < n; i++)
		places[i] = (struct place){ .gpa = gpas[i], .from = i };
	qsort(places, n, sizeof(*places), place_cmp);
	SF_TRY(check_places(places, n, top));
	SF_TRY(build_runs(&p->runs, places, n));

	/* No overflow: the pages are below SF_MAX_GPA, each once. */
	p->data = aligned_alloc(SF_PAGE_SIZE, sf_max(n, (size_t)1) * SF_PAGE_SIZE);
	if (!p->data)
		return sf_error_nomem();
	for (size_t i = 0; i < n; i++)
		memcpy(p->data + i * SF_PAGE_SIZE, (const uint8_t *)data + places[i].from * SF_PAGE_SIZE, SF_PAGE_SIZE);
	*ret = steal_ptr(&img);
	return NULL;
}

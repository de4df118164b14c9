/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "internal.h"

#define MAX_SLICES (1u << 20)

struct sf_error *sf_runs_index(struct sf_runs *runs)
{
	if (!runs->n)
		return NULL;
	if (runs->n >= UINT32_MAX)
		return sf_error_new(SF_BAD_INPUT, "%zu runs of pages are more than an image can have", runs->n);

	runs->base = runs->v[0].gpa;
	runs->span = runs->v[runs->n - 1].end - runs->base;

	uint64_t wanted = 1;

	while (wanted < 2 * runs->n && wanted < MAX_SLICES)
		wanted *= 2;
	runs->shift = SF_PAGE_SHIFT;
	while ((runs->span - 1) >> runs->shift >= wanted)
		runs->shift++;

	size_t n = ((runs->span - 1) >> runs->shift) + 1;

	runs->slice = calloc(n + 1, sizeof(*runs->slice));
	if (!runs->slice)
		return sf_error_nomem();
	size_t run = 0;

	for (size_t i = 0; i <= n; i++) {
		uint64_t begin = runs->base + ((uint64_t)i << runs->shift);

		while (run + 1 < runs->n && runs->v[run].end <= begin)
			run++;
		runs->slice[i] = run;
	}
	return NULL;
}

void sf_runs_clear(struct sf_runs *runs)
{
	free(runs->v);
	free(runs->slice);
	*runs = (struct sf_runs){ 0 };
}

bool sf_runs_next(const struct sf_runs *runs, uint64_t from, struct sf_image_run *ret)
{
	const struct sf_run *run = sf_runs_seek(runs, from);

	if (!run)
		return false;
	uint64_t gpa = sf_max(from, run->gpa);
	uint64_t end = run->end;

	for (run++; run < runs->v + runs->n && run->gpa == end; run++)
		end = run->end;
	*ret = (struct sf_image_run){ .gpa = gpa, .len = end - gpa };
	return true;
}

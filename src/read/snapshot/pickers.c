/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ways to choose among the copies of a variable that several schedulers have left. They look at numbers and know nothing
 * of what those mean: a gauge, or a counter that starts at its largest value, is not what they are for.
 */

#include "snapshot_private.h"

ssize_t sf_pick_max_by_counter_value(const struct sf_candidate *candidates, size_t n, void *unused)
{
	ssize_t best = -1;
	uint64_t most = 0;

	(void)unused;
	for (size_t i = 0; i < n; i++) {
		uint64_t v;

		if (!sf_field_try_u64(candidates[i].field, &v) || (best >= 0 && v < most))
			continue;
		best = (ssize_t)i;
		most = v;
	}
	return best;
}

static bool sum_of(const struct sf_candidate_row *row, uint64_t *ret)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < row->n_fields; i++) {
		uint64_t v;

		if (!sf_field_try_u64(row->fields[i], &v))
			return false;
		if (__builtin_add_overflow(sum, v, &sum))
			sum = UINT64_MAX;
	}
	*ret = sum;
	return true;
}

ssize_t sf_pick_max_by_sum_u64(const struct sf_candidate_row *rows, size_t n, void *unused)
{
	ssize_t best = -1;
	uint64_t most = 0;

	(void)unused;
	for (size_t i = 0; i < n; i++) {
		uint64_t v;

		if (!sum_of(&rows[i], &v) || (best >= 0 && v < most))
			continue;
		best = (ssize_t)i;
		most = v;
	}
	return best;
}

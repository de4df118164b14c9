/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TRIAL_COUNTERS_H
#define SF_TRIAL_COUNTERS_H

/*
 * What a scheduler counted between the frames of a run. Nobody says which of its numbers are counters, so they are
 * guessed from how they move, and a little from their names: counters.c has the rule. A guess decides what a summary
 * shows, never a verdict.
 */

#include "base/json.h"
#include "stillframe/frame.h"

#define SF_COUNTERS_KEPT 32u

struct sf_counter {
	char *expr;              /* what `stillframe show FRAME` takes; it was asked of the last frame, and answered `to` */
	uint64_t from, to;
};

struct sf_counters {
	struct sf_counter v[SF_COUNTERS_KEPT]; /* those that moved most, the furthest first */
	size_t n;
	uint64_t n_moved;        /* with those that are not in `v` */
	size_t first, last;      /* which frames */
	uint64_t elapsed_ns;     /* between them, on the guest's clock if it is known; 0: nobody knows */
};

/* @frames in the order in which they were taken. Only SF_NO_MEMORY: what cannot be read has not moved. */
SF_CHECKED struct sf_error *sf_counters_find(struct sf_frame *const *frames, size_t n, struct sf_counters *ret);
void sf_counters_clear(struct sf_counters *counters);
#define _cleanup_counters_ _cleanup_(sf_counters_clear)

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BENCH_ACCESS_H
#define SF_BENCH_ACCESS_H

/* What bench_access_make puts into a frame and bench_access asks for. */

#include <stdint.h>

#define BENCH_ACCESS_ENTRIES (1u << 20)

struct bench_access_value {
	uint64_t tid;
	uint64_t started_ns, enqueued, dispatched; /* of it: stats.started_ns, stats.counts.enqueued, … */
};

/* Keys as task ids are: not in order of their entries. */
static inline uint32_t bench_access_key(uint32_t i)
{
	return i * 2654435761u;
}

/* bench_empty.c: what a call costs. */
struct sf_error *bench_empty(const void *field, const void *path, uint64_t *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FRAME_CAPTURE_H
#define SF_FRAME_CAPTURE_H

/*
 * Taking a frame from live memory. Everything that can be done before the stop or after the resume is done there:
 *
 *	sf_capturer_new()     once per guest, after its kernel is up: facts, layouts, room for pages
 *	sf_capturer_prepare() right before each stop, while the guest runs: what the walk has to know of types
 *	sf_capturer_walk()    while the guest is stopped: marks and copies pages, and nothing else
 *	sf_capturer_frame()   after it runs again: sorts, wraps, gives the frame
 *
 * One thread at a time.
 */

#include "frame/frame.h"

struct sf_capture_options {
	uint64_t max_pages;         /* of one capture; 0: 262144 (1 GiB) */
	uint64_t max_map_bytes;     /* of one map's values; 0: 256 MiB */
	uint64_t max_pointee_bytes; /* of what pointers in values lead to, all maps together; 0: 64 MiB */
	uint32_t pointer_hops;      /* how many pointers are followed from a value; 0: 1. At most 8 */
};
#define SF_CAPTURE_NO_POINTERS UINT32_MAX /* as pointer_hops */

struct sf_capturer;
/* References to @ram and @kernel are taken. */
SF_CHECKED struct sf_error *sf_capturer_new(struct sf_image *ram, struct sf_kernel *kernel,
					    const struct sf_capture_options *opt, struct sf_capturer **ret);
void sf_capturer_free(struct sf_capturer *c);
SF_DEFINE_CLEANUP(capturer, sf_capturer_free)

/*
 * The guest runs, and changes what is read here. A walk without it, or after it failed, keeps no pointees of maps that it
 * has not seen before, and counts those maps (n_unplanned).
 */
SF_CHECKED struct sf_error *sf_capturer_prepare(struct sf_capturer *c);
/* The guest must be stopped. On failure what was copied goes with the next walk. */
SF_CHECKED struct sf_error *sf_capturer_walk(struct sf_capturer *c, struct sf_bpf_kept *ret);
/* @meta as in sf_frame_new(); n_refused is filled in here. */
SF_CHECKED struct sf_error *sf_capturer_frame(struct sf_capturer *c, const struct sf_frame_meta *meta,
					      struct sf_frame **ret);
struct sf_facts *sf_capturer_facts(struct sf_capturer *c); /* borrowed */
uint64_t sf_capturer_n_pages(const struct sf_capturer *c); /* of the last walk */

/*
 * Which option of a run would have kept what @frame lacks, as the end of a sentence; a static string. @is_pointee: a
 * pointer leads there; else it is of a map's own values. NULL: none would, or it is no frame of ours.
 */
const char *sf_frame_keep_hint(const struct sf_frame *frame, bool is_pointee);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FUZZ_MAPS_CHECK_H
#define SF_FUZZ_MAPS_CHECK_H

/*
 * Does a frame say what its bytes say? Everything is read again, from addresses that come from the layout of the fake
 * kernel alone and not from what is under test: of that only virtual memory and symbols of the kernel are used. What
 * contradicts ends the program.
 *
 *	maps_check.c   elements: are they in their map, are keys, values and owners where they are said to be
 *	maps_json.c    the same of what is written
 */

#include "base/json.h"
#include "maps_base.h"
#include "snapshot/snapshot.h"

#define CHECK_ELEMS 512u /* of a map */

/* An element, as memory has it. */
struct seen_elem {
	uint64_t kva, key, value, owner;
};

struct check {
	const struct maps_base *base;
	struct sf_snapshot *snap;
	struct sf_vmem vm;
	uint64_t page_kva;           /* of the page that a byte was asked of last; 0: none yet */
	const uint8_t *page;
	uint64_t per_cpu_offset;
	bool has_ctx;                /* values of type `base->ctx_type` are as the scene has them */
	uint64_t steps;              /* along chains: those that may still be made, of all maps */
	/* of the map at hand: */
	const struct sf_snap_map *map;
	uint64_t kva;
	uint32_t type, key_size, value_size, max_entries;
	bool is_percpu, is_storage;
	uint64_t buckets, n_buckets;
	uint64_t bucket, link;       /* where the last element was; link 0: before the first one */
	uint32_t late;               /* of the chain: links back that lead elsewhere */
	struct seen_elem seen[CHECK_ELEMS];
	size_t n;
	uint64_t sorted[CHECK_ELEMS];
};

/* Checks all that is listed of the first maps. false: layouts are not what they were, so that nothing can be said. */
bool check_maps(const struct maps_base *base, struct sf_snapshot *snap);
/* @again, a capture of @snap that left nothing out, has what pointers of the scene's values lead to. */
void check_pointees(const struct maps_base *base, struct sf_snapshot *snap, struct sf_snapshot *again);
/* The map at hand, as both kinds of JSON. */
void check_json(struct check *c);

/* ---- for both files ------------------------------------------------------------------------------------------ */

_Noreturn void contradiction(struct check *c, const char *what, uint64_t at);
bool check_u64(struct check *c, uint64_t kva, uint64_t *ret);
/* 0 where it cannot be read, or that CPU was never set up. */
uint64_t check_percpu(struct check *c, uint64_t percpu, uint32_t cpu);
uint32_t check_n_cpus(struct check *c);

#endif

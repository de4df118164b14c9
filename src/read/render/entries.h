/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_ENTRIES_H
#define SF_RENDER_ENTRIES_H

/*
 * What a map holds, one entry at a time, for text and JSON alike. Which entries there are is decided here; how a
 * layout looks, in the table of each of report_text.c and report_json.c. A further kind of map is a further layout, with
 * what its entries have (a key, an owner, a value for each CPU) in struct sf_listed_entry.
 */

#include "walk.h"

enum sf_layout {
	SF_LAYOUT_NONE,         /* no values: the map's error says why */
	SF_LAYOUT_VALUE,        /* one value, and no key that says anything */
	SF_LAYOUT_ARRAY,        /* values by index */
	SF_LAYOUT_PERCPU_ARRAY, /* by index, a value for each CPU */
	SF_LAYOUT_HASH,         /* by key; of local storage the key is a pointer to the owner, and the owner has a name */
	SF_LAYOUT_PERCPU_HASH,  /* by key, a value for each CPU */
	SF_N_LAYOUTS,
};

struct sf_listed_entry {
	struct sf_snap_elem elem;
	uint64_t index;
	bool has_key;                     /* `key` is one; else `index` is the key */
	struct sf_node key;
	const struct sf_bpf_owner *owner; /* of local storage, until the next entry; else NULL */
	/* Not of per-CPU layouts: sf_entries_cpu(). */
	bool is_readable;                 /* else: not a byte of it, because of `why` */
	struct sf_node value;
	struct sf_trouble why;
};

struct sf_entries {
	const struct sf_snap_map *map;
	enum sf_layout layout;
	struct sf_snap_cursor cursor;
	uint32_t max;
	uint64_t shown, n_entries; /* of those that were listed so far, and of those that were met */
	uint64_t n_unreadable;     /* of those that were listed; of per-CPU layouts: values */
	struct sf_trouble first;   /* why the first of them */
	bool is_over;
	struct sf_bpf_owner *owner;
};

struct sf_entries sf_entries_of(const struct sf_snap_map *map, uint32_t max_entries);
void sf_entries_done(struct sf_entries *it);
#define _cleanup_entries_ _cleanup_(sf_entries_done)
/* After the last one that is shown the rest is counted, so that it can be said how many there were. */
bool sf_entries_next(struct sf_entries *it, struct sf_listed_entry *ret);

enum sf_cpu_slot {
	SF_CPU_VALUE,      /* @ret->value is there */
	SF_CPU_UNREADABLE, /* it should be, but is not: @ret->why */
	SF_CPU_ABSENT,     /* that CPU was never set up */
};
/* The value of @e on @cpu, below sf_snap_n_cpus(). Counts what cannot be read. */
enum sf_cpu_slot sf_entries_cpu(struct sf_entries *it, const struct sf_listed_entry *e, uint32_t cpu, struct sf_node *ret,
				struct sf_trouble *why);

/* The same again: counts nothing. */
enum sf_cpu_slot sf_entries_look(const struct sf_entries *it, const struct sf_listed_entry *e, uint32_t cpu,
				 struct sf_node *ret, struct sf_trouble *why);

/*
 * Why a map's values are not, or not all, there, as far as the entries up to now tell; false: all is well. After
 * sf_entries_next() has returned false it is the whole truth.
 */
bool sf_entries_error(const struct sf_entries *it, struct sf_text *ret);

#endif

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
	SF_LAYOUT_NONE,  /* no values: the map's error says why */
	SF_LAYOUT_VALUE, /* one value, and no key that says anything */
	SF_LAYOUT_ARRAY, /* values by index */
	SF_N_LAYOUTS,
};

struct sf_listed_entry {
	uint64_t index;
	bool is_readable;        /* else: not a byte of it, because of `why` */
	struct sf_node value;
	struct sf_trouble why;
};

struct sf_entries {
	const struct sf_snap_map *map;
	enum sf_layout layout;
	uint64_t next, shown, n_entries;
	uint64_t n_unreadable;   /* of those that were listed so far */
	struct sf_trouble first; /* why the first of them */
};

struct sf_entries sf_entries_of(const struct sf_snap_map *map, uint32_t max_entries);
bool sf_entries_next(struct sf_entries *it, struct sf_listed_entry *ret);

/*
 * Why a map's values are not, or not all, there, as far as the entries up to now tell; false: all is well. At the end
 * (@it->next == @it->shown) it is the whole truth.
 */
bool sf_entries_error(const struct sf_entries *it, struct sf_text *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_MAP_TEXT_H
#define SF_RENDER_MAP_TEXT_H

/* A map as text: map_text.c has what all of them have; hash_text.c and percpu_text.c have the layouts of their names. */

#include "emit.h"
#include "entries.h"

void sf_put_map(struct sf_emit *e, const struct sf_snap_map *map);

/* ---- map_text.c: for every layout --------------------------------------------------------------------------- */

/* The value of an entry, from where the line stands; lines after the first are @indent + 1 in. */
void sf_put_entry_value(struct sf_emit *e, const struct sf_entries *it, const struct sf_listed_entry *entry,
			unsigned int indent);
/* In place of a value of which no byte can be had; why is said at the end of the map. */
#define SF_UNREADABLE "<unreadable>"
bool sf_is_all_zero(struct sf_emit *e, const struct sf_node *n);
/* "key 3:" or "keys 3-5:" */
void sf_put_keys(struct sf_emit *e, uint64_t first, uint64_t last);

/* ---- hash_text.c -------------------------------------------------------------------------------------------- */

void sf_put_hash(struct sf_emit *e, struct sf_entries *it);
/* "entry: key=…" or whose value it is. */
void sf_put_entry_head(struct sf_emit *e, const struct sf_listed_entry *entry);

/* ---- percpu_text.c ------------------------------------------------------------------------------------------ */

void sf_put_percpu_array(struct sf_emit *e, struct sf_entries *it);
void sf_put_percpu_hash(struct sf_emit *e, struct sf_entries *it);

#endif

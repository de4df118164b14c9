/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SNAPSHOT_SNAPSHOT_H
#define SF_SNAPSHOT_SNAPSHOT_H

/*
 * One thread's way into a frame: its address space with TLB, the sources of typed nodes, the ring of borrowed errors.
 * The views that the public header declares are filled in here; other rooms see their insides only through the
 * functions below.
 */

#include "frame/frame.h"
#include "stillframe/snapshot.h"
#include "value/typed.h"

/* A map as the snapshot sees it: the frame's listing, and where nodes of its types come from. */
struct sf_snap_map {
	const struct sf_frame_map *listed;
	struct sf_typed types;      /* btf NULL: no types */
	const char *unread;         /* why it has no values; NULL: it has */
	size_t n_entries;
	bool is_section;            /* its one value is a section of globals */
	bool is_standard_section;   /* called .bss, .data or .rodata */
};

struct sf_snapshot_maps {
	const struct sf_snap_map *v;
	size_t n;
};
struct sf_snapshot_maps sf_snapshot_maps(const struct sf_snapshot *snap);
struct sf_frame *sf_snapshot_frame(const struct sf_snapshot *snap); /* borrowed */
struct sf_vmem *sf_snapshot_vmem(struct sf_snapshot *snap);

/* The value of entry @i, which is there. */
struct sf_node sf_snap_map_value(const struct sf_snap_map *map, size_t i);

/* What is behind a public value; false: an error. */
bool sf_map_snap(struct sf_map map, const struct sf_snap_map **ret);
bool sf_field_node(struct sf_field field, struct sf_node *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SNAPSHOT_SNAPSHOT_H
#define SF_SNAPSHOT_SNAPSHOT_H

/*
 * One thread's way into a frame: its address space with TLB, the sources of typed nodes, the ring of borrowed errors.
 * The views that the public header declares are filled in here; other rooms see their insides only through the
 * functions below.
 */

#include "base/text.h"
#include "bpf/values.h"
#include "frame/document.h"
#include "stillframe/snapshot.h"
#include "value/typed.h"

/*
 * A map as the snapshot sees it: the frame's listing, and where nodes of its types come from. With `doc` it is of a report
 * (sf_frame_from_json()): there is no memory behind it, `types` is empty, and all there is comes from the functions below.
 */
struct sf_snap_map {
	struct sf_snapshot *snap;
	const struct sf_frame_map *listed;
	const struct sf_doc_map *doc; /* NULL: it is in memory */
	struct sf_typed types;      /* btf NULL: no types */
	uint32_t key_type, value_type; /* BTF ids in `types`; 0: bytes */
	const char *unread;         /* why it has no values; NULL: it has */
	const char *error;          /* a report's own words of what is missing; there may be values all the same. NULL: none */
	bool is_single;             /* it has one value, and no key that says anything */
	bool is_section;            /* its one value is a section of globals */
	bool is_standard_section;   /* called .bss, .data or .rodata */
	struct sf_snap_index *index; /* where its elements are, once somebody asked for one by position */
};

struct sf_snapshot_maps {
	const struct sf_snap_map *v;
	size_t n;
};
struct sf_snapshot_maps sf_snapshot_maps(const struct sf_snapshot *snap);
struct sf_frame *sf_snapshot_frame(const struct sf_snapshot *snap); /* borrowed */
struct sf_vmem *sf_snapshot_vmem(struct sf_snapshot *snap);

/* ---- elements ------------------------------------------------------------------------------------------------- */

/* One element of a map: valid as long as the snapshot, borrowed by the nodes made of it. */
struct sf_snap_elem {
	const struct sf_snap_map *map;
	/*
	 * Of a report `value` only says whether there is one, and without one there is no `fault`: nobody rendered it.
	 * `kva` and `key` are 0.
	 */
	struct sf_bpf_elem at;
	const struct sf_doc_entry *doc; /* NULL: it is in memory */
};

/* All of them, one after another, in memory that does not depend on their number. */
struct sf_snap_cursor {
	const struct sf_snap_map *map;
	struct sf_bpf_cursor c; /* c.torn: what was left out so far */
	size_t next;            /* of a report */
};
struct sf_snap_cursor sf_snap_elems(const struct sf_snap_map *map);
bool sf_snap_next(struct sf_snap_cursor *c, struct sf_snap_elem *ret);

/* How many there are. Of chains all are walked the first time, and remembered. */
size_t sf_snap_map_len(const struct sf_snap_map *map);
/* Element number @i; false: there are not so many. */
bool sf_snap_at(const struct sf_snap_map *map, size_t i, struct sf_snap_elem *ret);
/* What was left out of the chains of @map; walks them the first time. NULL: nothing, or it has no chains. */
const struct sf_bpf_torn *sf_snap_map_torn(const struct sf_snap_map *map);

/* That, in words. */
void sf_snap_torn_text(const struct sf_bpf_torn *torn, struct sf_text *ret);

/* Has the map one value for each CPU? */
static inline bool sf_snap_is_percpu(const struct sf_snap_map *map)
{
	return sf_bpf_is_percpu(&map->listed->map);
}

/* The key: bytes of the element, or a pointer to the owner. false: it is a number (sf_snap_index()), or there is none. */
bool sf_snap_key(const struct sf_snap_elem *e, struct sf_node *ret);
/* Should it have a key that is no number, and has not? Only a report leaves keys out. */
bool sf_snap_lacks_key(const struct sf_snap_elem *e);
/* The key of an array, per CPU or not. In memory it is the position; a report may list some of them. */
uint64_t sf_snap_index(const struct sf_snap_elem *e);
/*
 * Is the key, or the value, just bytes without a type? Of a report: only their hexadecimal text was there, nobody rendered
 * them. false also where there is none.
 */
bool sf_snap_is_raw_key(const struct sf_snap_elem *e);
bool sf_snap_is_raw_value(const struct sf_snap_elem *e);
/* The bytes of the key as "de ad", "??" for each that is not there, cut at @size; false: it has no bytes. */
bool sf_snap_key_hex(const struct sf_snap_elem *e, char *buf, size_t size);
/* Is there a value, and does the report have it? Of per-CPU maps: may there be. */
static inline bool sf_snap_has_value(const struct sf_snap_elem *e)
{
	return e->at.value != 0;
}
/* The value of a map that is not per-CPU; sf_snap_has_value(). */
struct sf_node sf_snap_value(const struct sf_snap_elem *e);
/* The value on @cpu; false: that CPU was never set up, the element's pointer could not be read, or there is no such CPU. */
bool sf_snap_cpu_value(const struct sf_snap_elem *e, uint32_t cpu, struct sf_node *ret);
uint32_t sf_snap_n_cpus(const struct sf_snap_map *map); /* CPU numbers are below */
uint32_t sf_snap_elem_n_cpus(const struct sf_snap_elem *e); /* the same of one element: in a report each has its own list */
/* Whose value it is; false: values of this map belong to nobody. */
bool sf_snap_owner(const struct sf_snap_elem *e, struct sf_bpf_owner *ret);
/* The one value of a map that has one; of an array the first. What a report does not have is SF_UNSUPPORTED. */
struct sf_node sf_snap_single(const struct sf_snap_map *map);

/* What is behind a public value; false: an error. */
bool sf_map_snap(struct sf_map map, const struct sf_snap_map **ret);
bool sf_field_node(struct sf_field field, struct sf_node *ret);

#endif

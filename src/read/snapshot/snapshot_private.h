/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SNAPSHOT_PRIVATE_H
#define SF_SNAPSHOT_PRIVATE_H

#include "snapshot/snapshot.h"

struct sf_snapshot {
	struct sf_frame *frame;
	struct sf_typed kernel;     /* the kernel's own types */
	struct sf_snap_map *maps;
	struct sf_snap_index *indexes; /* one for each map */
	size_t n_maps;
	struct sf_error_ring ring;
	struct sf_vmem vm;
};

/* The elements of a map that is no row of them: chains are walked once. */
struct sf_snap_index {
	struct { uint64_t *v; size_t n, cap; } kvas;
	struct sf_bpf_torn torn;
	bool is_made;
};

/* Which slot of the ring a view's error is in. The generation tells whether it still is. */
struct failure {
	uint32_t generation;
	uint16_t slot;              /* +1; 0: no error */
	uint16_t code;
};

struct view {
	struct sf_snapshot *snap;
	struct failure failure;
};

struct map {
	struct sf_snapshot *snap;
	struct failure failure;
	const struct sf_snap_map *map;
	uint64_t cpu;               /* +1; 0: not narrowed */
	uint64_t spare[4];
};

struct entry {
	struct sf_snapshot *snap;
	struct failure failure;
	const struct sf_snap_map *map;
	uint64_t index;             /* its position */
	uint64_t kva;               /* of the element */
	uint64_t cpu;               /* +1; 0: not narrowed */
	uint64_t spare[2];
};

enum field_kind { FIELD_VALUE, FIELD_INDEX };

struct field {
	struct sf_snapshot *snap;
	struct failure failure;
	union {
		struct sf_node node;
		uint64_t index;     /* FIELD_INDEX: a key that is only a number */
	};
	enum field_kind kind;
	uint32_t spare;
};

_Static_assert(sizeof(struct view) == sizeof(struct sf_view), "ABI");
_Static_assert(sizeof(struct map) == sizeof(struct sf_map), "ABI");
_Static_assert(sizeof(struct entry) == sizeof(struct sf_entry), "ABI");
_Static_assert(sizeof(struct field) == sizeof(struct sf_field), "ABI");

/* Between the public, opaque form and ours. */
#define SF_DEFINE_VIEW(name)                                                                       \
	static inline struct name unseal_##name(const struct sf_##name *v)                           \
	{                                                                                          \
		struct name ret;                                                                   \
		memcpy(&ret, v, sizeof(ret));                                                      \
		return ret;                                                                        \
	}                                                                                          \
	static inline struct sf_##name seal_##name(const struct name *v)                           \
	{                                                                                          \
		struct sf_##name ret;                                                              \
		memcpy(&ret, v, sizeof(ret));                                                      \
		return ret;                                                                        \
	}
SF_DEFINE_VIEW(view)
SF_DEFINE_VIEW(map)
SF_DEFINE_VIEW(entry)
SF_DEFINE_VIEW(field)
#undef SF_DEFINE_VIEW

/* Is there no data at all? */
bool sf_snapshot_is_placeholder(const struct sf_snapshot *snap);

/* ---- errors (errors.c): each takes a slot of the ring and records only what it refers to ------------------ */

struct failure sf_fail_placeholder(struct sf_snapshot *snap);
struct failure sf_fail_map_not_found(struct sf_snapshot *snap, const char *name);
struct failure sf_fail_var_not_found(struct sf_snapshot *snap, const char *name);
struct failure sf_fail_ambiguous_var(struct sf_snapshot *snap, const char *name);
struct failure sf_fail_incomplete(struct sf_snapshot *snap, const struct sf_snap_map *map);
/* Some of its elements could not be listed: sf_snap_map_torn(). */
struct failure sf_fail_torn(struct sf_snapshot *snap, const struct sf_snap_map *map);
/* Why @elem has no value on @cpu: there is no such CPU, it was never set up, or the pointer could not be read. */
struct failure sf_fail_cpu_value(struct sf_snapshot *snap, const struct sf_snap_elem *elem, uint64_t cpu);
struct failure sf_fail_not_narrowed(struct sf_snapshot *snap, const struct sf_snap_map *map);
struct failure sf_fail_index(struct sf_snapshot *snap, const char *map, uint64_t index, uint64_t len);
/* @what of the path @path: @code is one of those of sf_field_get(). @cursor: where it stopped. */
struct failure sf_fail_path(struct sf_snapshot *snap, enum sf_code code, const char *path, size_t walked,
			    size_t component, const struct sf_node *cursor, const struct sf_trouble *why);
struct failure sf_fail_element(struct sf_snapshot *snap, const char *path, size_t walked, uint64_t index,
			       const struct sf_node *cursor);
/* @expected and @actual are static. */
struct failure sf_fail_type(struct sf_snapshot *snap, const char *expected, const char *actual);
struct failure sf_fail_memory(struct sf_snapshot *snap, const struct sf_trouble *why);
/* The error of a view; NULL: it has none. */
struct sf_error *sf_failure_error(struct sf_snapshot *snap, const struct failure *f);

/* ---- elements (elems.c) ------------------------------------------------------------------------------------ */

void sf_snap_index_clear(struct sf_snap_index *index);
/* The element behind an entry that has no failure. */
struct sf_snap_elem sf_snap_elem_of(const struct entry *e);

/* ---- paths (path.c) ---------------------------------------------------------------------------------------- */

/* From @root along @path; on failure a slot of the ring. */
struct failure sf_walk_path(struct sf_snapshot *snap, const struct sf_node *root, const char *path, struct sf_node *ret);

#endif

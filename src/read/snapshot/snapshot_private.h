/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SNAPSHOT_PRIVATE_H
#define SF_SNAPSHOT_PRIVATE_H

#include "snapshot/snapshot.h"

/* Which scheduler is active, as active.c finds out when first asked. */
struct sf_snap_active {
	bool is_known, exists;
	const char *obj;            /* "o" of "o.bss"; of @obj_len bytes, the frame's */
	size_t obj_len;
	const uint64_t *kvas;       /* of its maps; none: all of the object's */
	uint64_t *sorted_kvas;
	size_t n_kvas;
	char *why;                  /* there is none; NULL: there was no memory to say */
};

/*
 * What a path from a value of one type leads to, as far as no pointer is followed: it does not depend on what is in
 * memory. One thread asks a snapshot, so a walk that was made once can be looked up without a lock (path.c).
 */
#define SF_PLAN_WORDS 5
#define SF_PLANS 128
struct sf_path_key {
	uint64_t words[SF_PLAN_WORDS]; /* the text, zeroes behind it */
	uint64_t hash;
	size_t len;
	bool is_short;              /* it fits in `words` */
};
struct sf_plan {
	uint64_t root[4];           /* the node it starts from, but for its address; all zero: nothing is planned */
	uint64_t text[SF_PLAN_WORDS];
	struct sf_node to;          /* where it ends; `at` counts from the root's */
	uint64_t index;             /* of SF_INDEX_OUT_OF_RANGE */
	uint32_t end;               /* PLAN_*, path.c */
	uint32_t code;              /* of a failure */
	uint32_t at, component;     /* the component where it ended: from where, how long */
	uint32_t plain;             /* of a number: sf_typed_plain() */
	uint32_t len;               /* of the text */
};

/* Entries that a call collects for its caller: they go with the snapshot if a predicate leaves by longjmp(). */
struct sf_collected {
	struct sf_collected *next, **link;
	struct { struct sf_entry *v; size_t n, cap; } entries;
};

struct sf_snapshot {
	struct sf_frame *frame;
	struct sf_typed kernel;     /* the kernel's own types */
	struct sf_snap_map *maps;
	struct sf_snap_index *indexes; /* one for each map */
	size_t n_maps;
	struct sf_error_ring ring;
	struct sf_vmem vm;
	struct sf_plan plans[SF_PLANS];
	uint8_t plan_hints[SF_PLANS]; /* by the address of a path's text, where its plan may be */
	struct sf_collected *collected;
	struct sf_snap_active active;
};

/* The elements of a map that is no row of them: chains are walked once. */
struct sf_snap_index {
	struct { uint64_t *v; size_t n, cap; } kvas;
	struct sf_bpf_torn torn;
	bool is_made;
	enum { HASH_UNKNOWN, HASH_KNOWN, HASH_FOREIGN } hash; /* can the bucket of a key be told? (key.c) */
	uint32_t hash_seed;
};

/* Which slot of the ring a view's error is in. The generation tells whether it still is. */
struct failure {
	uint32_t generation;
	uint16_t slot;              /* +1; 0: no error */
	uint16_t code;
};

struct view {
	struct sf_snapshot *snap;
	struct failure failure;     /* without a slot its code is a flag: VIEW_ACTIVE */
};
#define VIEW_ACTIVE 1u /* only what belongs to the active scheduler */

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

enum field_kind { FIELD_VALUE, FIELD_INDEX, FIELD_PERCPU_INDEX };

struct field {
	struct sf_snapshot *snap;
	struct failure failure;
	union {
		struct sf_node node;
		uint64_t index;     /* FIELD_INDEX and FIELD_PERCPU_INDEX: a key that is only a number */
	};
	enum field_kind kind;
	uint32_t plain;             /* sf_typed_plain() of the node, where it is known; else 0 */
};

/* What all iterators begin with; sf_iter_error() looks at no more. */
struct iter {
	struct sf_snapshot *snap;
	struct failure failure;
	uint64_t words[14];         /* who made it, knows */
};

_Static_assert(sizeof(struct iter) == sizeof(struct sf_iter), "ABI");
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
SF_DEFINE_VIEW(iter)
#undef SF_DEFINE_VIEW

/* Is there no data at all? */
bool sf_snapshot_is_placeholder(const struct sf_snapshot *snap);

/* ---- views (view.c, globals.c, active.c) ----------------------------------------------------------------- */

static inline bool view_is_active(const struct view *v)
{
	return !v->failure.slot && v->failure.code == VIEW_ACTIVE;
}

const struct sf_snap_active *sf_snap_active(struct sf_snapshot *snap);
/* Why nothing can be looked for in @view. No slot: it can. */
struct failure sf_view_usable(const struct view *view);
/* Does @view show @map? */
bool sf_view_admits(const struct view *view, const struct sf_snap_map *map);
/* Belongs @map to the object that is active, whether its address is known or not? */
bool sf_snap_is_of_active(const struct sf_snapshot *snap, const struct sf_snap_map *map);
/* Is the address of @map among those of @a? One that was not recorded is not. */
bool sf_snap_is_listed(const struct sf_snap_active *a, const struct sf_snap_map *map);
/* The value of a section of globals; false: @map is none, or has no value with members. */
bool sf_snap_globals(const struct sf_snap_map *map, struct sf_node *ret);
/* Sections of one kind, the standard ones or all others, of which @view shows those that it admits. */
bool sf_view_has_section(const struct view *view, const struct sf_snap_map *map, bool standard);

/* ---- errors of views (view_errors.c) ----------------------------------------------------------------------- */

struct failure sf_fail_no_active(struct sf_snapshot *snap);
struct failure sf_fail_map_not_found(const struct view *view, const char *name);
struct failure sf_fail_var_not_found(const struct view *view, const char *name);
/* The same, listing the sections there are instead of the variables. */
struct failure sf_fail_no_section_has(struct sf_snapshot *snap, const char *names);
struct failure sf_fail_ambiguous_var(const struct view *view, const char *name);
/* All maps of the active object were left out of the view: of @requested nothing can be said. No slot: not so. */
struct failure sf_fail_if_excluded(const struct view *view, const char *requested);
/* A picker's choice: @index of @n candidates for @requested; -1: none. */
struct failure sf_fail_picked(struct sf_snapshot *snap, const char *requested, ssize_t index, size_t n, bool is_row);
struct failure sf_fail_no_names(struct sf_snapshot *snap);
struct failure sf_fail_no_memory(struct sf_snapshot *snap);

/* ---- errors (errors.c): each takes a slot of the ring and records only what it refers to ------------------ */

struct failure sf_fail_placeholder(struct sf_snapshot *snap);
/* A slot of the ring for a failure; @ret (may be NULL) is it. For the files of errors only. */
struct failure sf_fail_take(struct sf_snapshot *snap, enum sf_code code, sf_error_make_fn *make, const char *path,
			    struct sf_error **ret);
/* Names for a payload, at most SF_FAIL_LISTED of them. */
#define SF_FAIL_LISTED 4096
struct fail_names {
	struct { const char **v; size_t n, cap; } list;
};
void sf_fail_add_name(struct fail_names *names, const char *name);
void sf_fail_add_members(struct fail_names *names, const struct sf_node *n);
void sf_fail_sort_names(struct fail_names *names); /* each once */
void sf_fail_give_names(struct sf_error *err, struct fail_names *names, struct sf_strv *ret); /* and frees them */
struct failure sf_fail_incomplete(struct sf_snapshot *snap, const struct sf_snap_map *map);
/* Some of its elements could not be listed: sf_snap_map_torn(). */
struct failure sf_fail_torn(struct sf_snapshot *snap, const struct sf_snap_map *map);
/* Why @elem has no value on @cpu: there is no such CPU, it was never set up, or the pointer could not be read. */
struct failure sf_fail_cpu_value(struct sf_snapshot *snap, const struct sf_snap_elem *elem, uint64_t cpu);
struct failure sf_fail_not_narrowed(struct sf_snapshot *snap, const struct sf_snap_map *map);
struct failure sf_fail_index(struct sf_snapshot *snap, const char *map, uint64_t index, uint64_t len);
/* @what of the path @path: @code is one of those of sf_field_get(). @cursor: where it stopped. */
struct failure sf_fail_path(struct sf_snapshot *snap, enum sf_code code, const char *path, size_t path_len, size_t walked,
			    size_t component, const struct sf_node *cursor, const struct sf_trouble *why);
struct failure sf_fail_element(struct sf_snapshot *snap, const char *path, size_t walked, uint64_t index,
			       const struct sf_node *cursor);
/* The key of @map has not @size bytes. */
struct failure sf_fail_key_size(struct sf_snapshot *snap, const struct sf_snap_map *map, size_t size);
/* @op (static) found nothing among @len entries; UINT64_MAX: all there are. The keys of the first are listed if @keys. */
struct failure sf_fail_no_match(struct sf_snapshot *snap, const struct sf_snap_map *map, const char *op, uint64_t len,
				bool keys);
/* No CPU of an entry has a value. */
struct failure sf_fail_no_cpu(struct sf_snapshot *snap, const struct sf_snap_map *map, const char *op);
/* The @side (static) of an entry has no type, or was not written down. */
struct failure sf_fail_no_rendered(struct sf_snapshot *snap, const char *side);
/* As sf_fail_type(), of what was asked for with @path. */
struct failure sf_fail_type_at(struct sf_snapshot *snap, const char *expected, const char *actual, const char *path);
/* Fills @err: the component at @at of @path, @component bytes, is none. */
void sf_fail_bad_path(struct sf_error *err, const char *path, size_t at, size_t component);
/* Element @i is a @kind (both static), or (@is_cut) there is a truncated @kind where an array should be. */
struct failure sf_fail_array_element(struct sf_snapshot *snap, const char *expected, uint64_t i, const char *kind);
struct failure sf_fail_cut_array(struct sf_snapshot *snap, const char *expected, const char *kind);
/* @expected and @actual are static. */
struct failure sf_fail_type(struct sf_snapshot *snap, const char *expected, const char *actual);
struct failure sf_fail_memory(struct sf_snapshot *snap, const struct sf_trouble *why);
/* The error of a view; NULL: it has none. */
struct sf_error *sf_failure_error(struct sf_snapshot *snap, const struct failure *f);

/* ---- maps of a report (document.c); what elems.c does of memory ---------------------------------------------- */

void sf_snap_doc_open(struct sf_snap_map *map);
bool sf_snap_standard_name(const char *name); /* snapshot.c: of a section that every object has */
bool sf_snap_doc_at(const struct sf_snap_map *map, uint64_t i, struct sf_snap_elem *ret);
bool sf_snap_doc_key_hex(const struct sf_snap_elem *e, char *buf, size_t size);
bool sf_snap_doc_owner(const struct sf_snap_elem *e, struct sf_bpf_owner *ret);

/* ---- elements (elems.c) ------------------------------------------------------------------------------------ */

void sf_snap_index_clear(struct sf_snap_index *index);
/* The element behind an entry that has no failure. */
struct sf_snap_elem sf_snap_elem_of(const struct entry *e);

/* ---- entries (maps.c, find.c) -------------------------------------------------------------------------------- */

/* The entry of @elem as @m is narrowed; its failure is that of its CPU. */
struct entry sf_map_entry(const struct map *m, const struct sf_snap_elem *elem);
/* Where no entry could be had at all: why. No slot: there just is none. */
struct failure sf_map_nothing(const struct map *m);
/* The value of an entry that has no failure, narrowed as it is. No slot: @ret has it. */
struct failure sf_entry_value(const struct entry *e, struct sf_node *ret);
void sf_collected_free(struct sf_collected **list);
/* The key of @elem for people, cut to 80 characters; false: it has none. (key.c) */
#define SF_KEY_TEXT 512
bool sf_key_text(const struct sf_snap_elem *elem, char buf[SF_KEY_TEXT]);

/* ---- paths (path.c) ---------------------------------------------------------------------------------------- */

/* From @root along @path; on failure a slot of the ring. */
struct failure sf_walk_path(struct sf_snapshot *snap, const struct sf_node *root, const char *path, struct sf_node *ret);

/* A path that was looked at once. */
void sf_path_key(const char *path, size_t len, struct sf_path_key *ret);
struct sf_path {
	struct sf_path_key key;
	char text[];
};

/* The field that @path leads to from @root. */
struct sf_field sf_field_walk(struct sf_snapshot *snap, const struct sf_node *root, const char *path);
/* Why @field is no u64 or i64. No slot: it is one. */
struct failure sf_field_number_failure(const struct sf_field *field, bool is_signed);
/* What errors call a key that is only a number. */
const char *sf_index_label(enum field_kind kind);

/* What is behind a raw value. */
struct sf_node sf_value_node(const struct sf_value *v);

/* How a walk ended. */
struct sf_walked {
	enum sf_code code;          /* SF_OK: it did not fail */
	uint32_t plain;             /* sf_typed_plain() of `to`, where it is known; else 0 */
	struct sf_node to;          /* the place; or where it stopped */
	size_t at, component;       /* the component that failed: from where, how long */
	uint64_t index;             /* SF_INDEX_OUT_OF_RANGE */
	struct sf_trouble why;
};
/* From @root along @path, whose key is @key; makes no error. false: @ret says why. */
bool sf_walk(struct sf_snapshot *snap, const struct sf_node *root, const char *path, const struct sf_path_key *key,
	     struct sf_walked *ret);
struct failure sf_walk_failure(struct sf_snapshot *snap, const char *path, const struct sf_walked *w);
/* How a plan ends. */
enum { PLAN_DONE = 1, PLAN_POINTER, PLAN_FAILED };
struct failure sf_plan_failure(struct sf_snapshot *snap, const char *path, const struct sf_plan *p, uint64_t root_at);
/* The plan for @key from a node with these four words, if there is one, is here. */
static inline const struct sf_plan *sf_plan_at(const struct sf_snapshot *snap, const struct sf_path_key *key, uint64_t type)
{
	return &snap->plans[(key->hash ^ type * 0x9e3779b97f4a7c15ull) >> 57];
}
/* The number at @at, sign-extended if it has one, in the way @plain. false: not so, or its type has to be looked at. */
static inline bool sf_plain_read(struct sf_vmem *vm, uint64_t at, uint32_t plain, uint64_t *ret)
{
	size_t off = at & (SF_PAGE_SIZE - 1);
	const uint8_t *page;

	if (sf_unlikely(!plain || off + (plain & SF_PLAIN_SIZE) > SF_PAGE_SIZE))
		return false;
	page = sf_vmem_page(vm, at, NULL);
	if (sf_unlikely(!page))
		return false;
	switch (plain) {
	case SF_PLAIN_UNSIGNED | 8:
	case SF_PLAIN_SIGNED | 8:
	case SF_PLAIN_PTR | 8:
		*ret = sf_load64(page + off);
		return true;
	case SF_PLAIN_UNSIGNED | 4:
		*ret = sf_load32(page + off);
		return true;
	case SF_PLAIN_SIGNED | 4:
		*ret = (uint64_t)(int64_t)(int32_t)sf_load32(page + off);
		return true;
	case SF_PLAIN_UNSIGNED | 2:
		*ret = sf_load16(page + off);
		return true;
	case SF_PLAIN_SIGNED | 2:
		*ret = (uint64_t)(int64_t)(int16_t)sf_load16(page + off);
		return true;
	case SF_PLAIN_UNSIGNED | 1:
		*ret = page[off];
		return true;
	case SF_PLAIN_SIGNED | 1:
		*ret = (uint64_t)(int64_t)(int8_t)page[off];
		return true;
	default:
		return false;
	}
}
/* The text of a path is mostly a literal: where it is found again, no hash of it is needed. */
static inline uint8_t *sf_plan_hint(struct sf_snapshot *snap, const char *path, uint64_t type)
{
	return &snap->plan_hints[((uintptr_t)path * 0x9e3779b97f4a7c15ull ^ type * 0xc4ceb9fe1a85ec53ull) >> 57];
}
_Static_assert(SF_PLANS == 1 << (64 - 57), "as many as the hash can tell apart");

#endif

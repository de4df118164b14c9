/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_SNAPSHOT_H
#define STILLFRAME_SNAPSHOT_H

/*
 * Asking a frame. A snapshot is one thread's way into a frame; views, maps, entries and fields are small values that
 * lead from it to a number:
 *
 *	SF_OWNED(snapshot) snap = NULL;
 *	uint64_t n;
 *
 *	SF_TRY(sf_snapshot_new(frame, &snap));
 *	SF_TRY(sf_as(sf_view_var(sf_snapshot_view(snap), "nr_dispatched"), &n));
 *
 * A step that does not resolve yields a view that carries its error; so a chain is checked once, at its end. These
 * errors are borrowed from the snapshot: they cost no allocation until their message is asked for, and are valid until
 * 64 more have failed. sf_error_copy() detaches one; sf_error_free() leaves them alone.
 */

#include "stillframe/frame.h"
#include "stillframe/value.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sf_snapshot;

/**
 * sf_snapshot_new() - a way into @frame, for one thread
 * @frame: a reference is taken
 * @ret: sf_snapshot_free() it
 *
 * Return: SF_NO_MEMORY; SF_PAGE_NOT_KEPT, SF_KERNEL where the frame's maps cannot be listed.
 */
SF_API SF_CHECKED struct sf_error *sf_snapshot_new(struct sf_frame *frame, struct sf_snapshot **ret);
/** sf_snapshot_free() - NULL is fine. Views and errors taken from it are no longer valid. */
SF_API void sf_snapshot_free(struct sf_snapshot *snap);
SF_DEFINE_CLEANUP(snapshot, sf_snapshot_free)

/* Plain values of fixed size, private inside, valid as long as their snapshot. */
struct sf_view {
	uint64_t priv[2];
};
struct sf_map {
	uint64_t priv[8];
};
struct sf_entry {
	uint64_t priv[8];
};
struct sf_field {
	uint64_t priv[8];
};
SF_ASSERT_SIZE(struct sf_view, 16);
SF_ASSERT_SIZE(struct sf_map, 64);
SF_ASSERT_SIZE(struct sf_entry, 64);
SF_ASSERT_SIZE(struct sf_field, 64);

/** sf_snapshot_view() - everything the frame has. */
SF_API struct sf_view sf_snapshot_view(struct sf_snapshot *snap);

/** sf_view_frame() - the frame behind @view; borrowed. */
SF_API struct sf_frame *sf_view_frame(struct sf_view view);
/** sf_view_is_placeholder() - is there no data at all? */
SF_API bool sf_view_is_placeholder(struct sf_view view);

/* ---- globals -------------------------------------------------------------------------------------------------- */

/**
 * sf_view_var() - a global variable of a BPF object, by its name
 * @name: the variable; no dots (go on with sf_field_get())
 *
 * Sought in the sections `.bss`, `.data` and `.rodata` of every object, and where none of them has it in sections of
 * other names (`.data.NAME`). Errors: SF_VAR_NOT_FOUND (lists the globals there are), SF_AMBIGUOUS_VAR (lists the maps
 * that have it), SF_MAP_RENDER_INCOMPLETE (a section's types could not be read), SF_PLACEHOLDER_SNAPSHOT.
 */
SF_API struct sf_field sf_view_var(struct sf_view view, const char *name);

/* ---- maps ----------------------------------------------------------------------------------------------------- */

/**
 * sf_view_map() - a map by its name
 * @name: as the kernel has it, or longer: the kernel keeps 15 characters, which are compared then
 *
 * Errors: SF_MAP_NOT_FOUND (lists the maps there are), SF_PLACEHOLDER_SNAPSHOT.
 */
SF_API struct sf_map sf_view_map(struct sf_view view, const char *name);
/** sf_view_map_count() - how many maps the frame lists. */
SF_API size_t sf_view_map_count(struct sf_view view);
/** sf_view_map_at() - map @i (from 0) in order of id; SF_INDEX_OUT_OF_RANGE, SF_PLACEHOLDER_SNAPSHOT. */
SF_API struct sf_map sf_view_map_at(struct sf_view view, size_t i);

/** struct sf_map_info - what the kernel knows of a map */
struct sf_map_info {
	size_t size;              /* sizeof(struct sf_map_info); set it before the call */
	const char *name;         /* of at most 15 bytes; what is not printable ASCII is \xHH */
	uint64_t kva;             /* of its struct bpf_map: its identity within one run */
	uint32_t id, type, flags; /* type: BPF_MAP_TYPE_* */
	const char *type_name;    /* "array", …; NULL for a type newer than this library */
	uint32_t key_size, value_size, max_entries; /* bytes, bytes, count */
};
/** sf_map_info() - false if @map is an error. */
SF_API bool sf_map_info(struct sf_map map, struct sf_map_info *ret);

/**
 * sf_map_error() - why there is no map, or why its values are not, or not all, there; NULL: they are. Borrowed.
 *
 * SF_MAP_RENDER_INCOMPLETE: none of its values can be had. SF_TORN_LIST: a vCPU was stopped in the middle of an update,
 * or pages are missing, so that elements are missing as well; those that are there can be used.
 */
SF_API struct sf_error *sf_map_error(struct sf_map map);

/**
 * sf_map_cpu() - the map as CPU @cpu sees it
 * @cpu: its number; of several calls the last one counts
 *
 * Entries of a per-CPU map then have that CPU's value, and no key. SF_PER_CPU_SLOT, from sf_map_at(), says that there
 * is no such CPU, or that it was never set up; SF_PAGE_NOT_KEPT, that where the value is was not kept. Other maps stay as
 * they are.
 */
SF_API struct sf_map sf_map_cpu(struct sf_map map, uint64_t cpu);
/**
 * sf_map_at() - the entry at @position, from 0
 *
 * In an array the position is the index; elsewhere it says nothing, but entries keep theirs within one frame. The first
 * call on a map with chains (hashes, local storage) walks all of them. Errors: SF_INDEX_OUT_OF_RANGE (says how many
 * there are), SF_MAP_RENDER_INCOMPLETE (its values are not there; says why), SF_TORN_LIST (nothing could be listed,
 * because of what is said), and the map's own.
 */
SF_API struct sf_entry sf_map_at(struct sf_map map, size_t position);
/** sf_map_len() - how many entries sf_map_at() can reach; 0 for an error. Walks the chains of a map the first time. */
SF_API size_t sf_map_len(struct sf_map map);

/* ---- entries and fields --------------------------------------------------------------------------------------- */

/** sf_entry_is_present() - did it resolve? */
SF_API bool sf_entry_is_present(struct sf_entry entry);
/** sf_entry_error() - why it did not; NULL: it did. Borrowed. */
SF_API struct sf_error *sf_entry_error(struct sf_entry entry);

/**
 * sf_entry_get() - a path into the entry's value: sf_field_get() from there
 *
 * SF_PER_CPU_NOT_NARROWED: it has a value for each CPU, and sf_map_cpu() has not said which is meant.
 */
SF_API struct sf_field sf_entry_get(struct sf_entry entry, const char *path);
/**
 * sf_entry_key() - a path into the entry's key; "" is the key itself
 *
 * The key of an array is its index, a number. That of local storage is a pointer to the owner: "pid" and "comm" of
 * task storage lead into its task_struct.
 */
SF_API struct sf_field sf_entry_key(struct sf_entry entry, const char *path);

/** enum sf_owner_kind - what a value of local storage belongs to */
enum sf_owner_kind { SF_OWNER_TASK = 1, SF_OWNER_CGROUP, SF_OWNER_INODE, SF_OWNER_SOCK };

/** struct sf_owner - the object that a value of local storage belongs to */
struct sf_owner {
	size_t size;             /* sizeof(struct sf_owner); set it before the call */
	enum sf_owner_kind kind;
	uint64_t kva;            /* of its struct task_struct, cgroup, inode or sock; 0: it is gone */
	bool is_readable;        /* false: it is gone, or was not kept; the rest is 0 */
	int32_t pid, tgid;       /* of a task, as the initial PID namespace has them: pid is the thread's */
	char comm[64];           /* of a task; other bytes than printable ASCII are \xHH, here and below */
	uint64_t id;             /* of a cgroup or inode: its number */
	char path[4096];         /* of a cgroup, from the root of its hierarchy */
	uint16_t family, port;   /* of a socket: AF_*, and its local port */
	bool is_path_cut;        /* a part of the path is missing: it was not kept, or is too long */
};
/** sf_entry_owner() - fills @ret up to @ret->size; false: an error, or values of this map have no owners. */
SF_API bool sf_entry_owner(struct sf_entry entry, struct sf_owner *ret);

/**
 * sf_field_get() - walk a dotted path
 * @path: members by name ("ctx.weight.value"), elements by index ("cpus[3].load"); "" is the field itself
 *
 * Pointers are followed on the way (not at its end: a pointer read as a number is its address), members of anonymous
 * structs and unions are found in place. Errors: SF_FIELD_NOT_FOUND (what was walked, what failed, what was there),
 * SF_NOT_A_STRUCT (the kind that was entered), SF_INDEX_OUT_OF_RANGE, SF_EMPTY_PATH_COMPONENT, SF_BAD_PATH,
 * SF_PAGE_NOT_KEPT (a pointer leads outside the frame), SF_FRAME_CORRUPT (a page's checksum does not match).
 */
SF_API struct sf_field sf_field_get(struct sf_field field, const char *path);
/** sf_field_is_present() - did it resolve? */
SF_API bool sf_field_is_present(struct sf_field field);
/** sf_field_error() - why it did not; NULL: it did. Borrowed. */
SF_API struct sf_error *sf_field_error(struct sf_field field);

/**
 * sf_field_as_u64() - the field as an unsigned number
 *
 * Converts int >= 0, uint, bool (0, 1), char, pointer (its address), enum (signed ones if >= 0). Everything else is
 * SF_TYPE_MISMATCH, which says what is there; memory that the frame does not have is SF_PAGE_NOT_KEPT, a damaged page
 * SF_FRAME_CORRUPT; a field that did not resolve gives its own error.
 */
SF_API SF_CHECKED struct sf_error *sf_field_as_u64(struct sf_field field, uint64_t *ret);
/** sf_field_as_i64() - int, enum, bool, char, and uint up to INT64_MAX. No pointers. */
SF_API SF_CHECKED struct sf_error *sf_field_as_i64(struct sf_field field, int64_t *ret);
/** sf_field_as_f64() - float, int, uint, enum. Integers beyond 2^53 are rounded. */
SF_API SF_CHECKED struct sf_error *sf_field_as_f64(struct sf_field field, double *ret);
/** sf_field_as_bool() - is it other than zero: bool, int, uint, char, enum, pointer. */
SF_API SF_CHECKED struct sf_error *sf_field_as_bool(struct sf_field field, bool *ret);
/** sf_field_as_str() - the name of an enum's value. *@ret is the frame's. */
SF_API SF_CHECKED struct sf_error *sf_field_as_str(struct sf_field field, const char **ret);

/** sf_field_try_u64() - sf_field_as_u64() for predicates: false, and no error is made. The same for the three below. */
SF_API bool sf_field_try_u64(struct sf_field field, uint64_t *ret);
SF_API bool sf_field_try_i64(struct sf_field field, int64_t *ret);
SF_API uint64_t sf_field_u64_or(struct sf_field field, uint64_t other);
SF_API int64_t sf_field_i64_or(struct sf_field field, int64_t other);

/** sf_field_raw() - the value underneath, for navigation without errors; false if the field did not resolve. */
SF_API bool sf_field_raw(struct sf_field field, struct sf_value *ret);

#ifdef __cplusplus
} /* extern "C" */
static inline struct sf_error *sf_as(struct sf_field f, uint64_t *r) { return sf_field_as_u64(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, unsigned long long *r)
{
	uint64_t v;
	struct sf_error *err = sf_field_as_u64(f, &v);
	if (!err)
		*r = v;
	return err;
}
static inline struct sf_error *sf_as(struct sf_field f, int64_t *r) { return sf_field_as_i64(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, double *r) { return sf_field_as_f64(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, bool *r) { return sf_field_as_bool(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, const char **r) { return sf_field_as_str(f, r); }
#else
SF_CHECKED static inline struct sf_error *sf_field_as_ull_(struct sf_field f, unsigned long long *r)
{
	uint64_t v;
	struct sf_error *err = sf_field_as_u64(f, &v);
	if (!err)
		*r = v;
	return err;
}
/* The conversion that the type of @ret asks for. */
#define sf_as(field, ret)                                                                          \
	_Generic((ret), uint64_t *: sf_field_as_u64, unsigned long long *: sf_field_as_ull_,       \
		 int64_t *: sf_field_as_i64, double *: sf_field_as_f64, bool *: sf_field_as_bool,  \
		 const char **: sf_field_as_str)((field), (ret))
#endif
#endif

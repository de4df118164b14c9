/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_MAP_H
#define STILLFRAME_MAP_H

/*
 * Maps and their entries. A map is found in a view (snapshot.h); entries are found in a map, and their keys and values
 * are fields (field.h). What is said of borrowed errors in snapshot.h holds here.
 */

#include "stillframe/field.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain values of fixed size, private inside, valid as long as their snapshot. */
struct sf_map {
	uint64_t priv[8];
};
struct sf_entry {
	uint64_t priv[8];
};
SF_ASSERT_SIZE(struct sf_map, 64);
SF_ASSERT_SIZE(struct sf_entry, 64);

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
 * SF_MAP_RENDER_INCOMPLETE: none of its values can be had, or, of a report, not all of them. SF_TORN_LIST: a vCPU was
 * stopped in the middle of an update, or pages are missing, so that elements are missing as well; those that are there
 * can be used.
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

/* ---- which entry ---------------------------------------------------------------------------------------------- */

/** typedef sf_entry_pred - is it this entry? It must return, and may ask the snapshot anything. */
typedef bool sf_entry_pred(struct sf_entry entry, void *arg);
/** typedef sf_entry_rank - the larger, the better */
typedef uint64_t sf_entry_rank(struct sf_entry entry, void *arg);

/**
 * sf_map_find() - the first entry of which @pred is true
 *
 * SF_NO_MATCH: there is none; says how many there were, and the keys of the first three. SF_MAP_RENDER_INCOMPLETE: there
 * is nothing to look through, and why. A map that is narrowed to a CPU hands entries without a value on it to @pred, too.
 */
SF_API struct sf_entry sf_map_find(struct sf_map map, sf_entry_pred *pred, void *arg);
/**
 * sf_map_find_u64() - the first entry whose member @path is the number @value
 *
 * An entry whose member is no number, or which lacks it, is another entry. SF_NO_MATCH as of sf_map_find(); where no entry had a
 * number there, the error of the first one.
 *
 * Example:
 *	struct sf_entry task = sf_map_find_u64(sf_view_map(view, "scx_per_task"), "tid", 1234);
 *	uint64_t weight;
 *
 *	SF_TRY(sf_as(sf_entry_get(task, "ctx.weight.value"), &weight));
 *	SF_ENSURE(weight == 100, "the task has a weight of %" PRIu64, weight);
 */
SF_API struct sf_entry sf_map_find_u64(struct sf_map map, const char *path, uint64_t value);
/** sf_map_find_i64() - the same for a signed number, such as a pid. */
SF_API struct sf_entry sf_map_find_i64(struct sf_map map, const char *path, int64_t value);
/**
 * sf_map_key() - the entry with the key @key, without looking through all
 * @key: its bytes as the guest has them; of an array the index, as a uint32_t
 * @size: bytes in @key; SF_USAGE unless it is the map's key_size
 *
 * Of a hash map the bucket is computed as the kernel does (jhash, kernel/bpf/hashtab.c), and checked on an element that
 * is there; where that does not fit, all are looked through. SF_NO_MATCH: there is none. Of task storage the key is the
 * address of the owner, as 8 bytes.
 *
 * Example:
 *	uint32_t pid = 1235;
 *	struct sf_entry task = sf_map_key(sf_view_map(view, "by_pid"), &pid, sizeof(pid));
 *	uint64_t runs;
 *
 *	SF_TRY(sf_as(sf_entry_get(task, "runs"), &runs));
 */
SF_API struct sf_entry sf_map_key(struct sf_map map, const void *key, size_t size);
/**
 * sf_map_max_by() - the entry with the largest rank; of equal ones the first
 *
 * SF_NO_MATCH: there are no entries; SF_MAP_RENDER_INCOMPLETE: they could not be had.
 */
SF_API struct sf_entry sf_map_max_by(struct sf_map map, sf_entry_rank *rank, void *arg);
/**
 * sf_map_filter() - all entries of which @pred is true
 * @ret: malloc()ed, NULL for none; free() it
 *
 * Return: the error of a @map that is none; SF_NO_MEMORY.
 */
SF_API SF_CHECKED struct sf_error *sf_map_filter(struct sf_map map, sf_entry_pred *pred, void *arg,
						 struct sf_entry **ret, size_t *ret_n);

/**
 * sf_map_entries() - all entries, one after the other, in the order of sf_map_at().
 *
 * Example:
 *	uint64_t total = 0;
 *	struct sf_entry e;
 *
 *	sf_for_each_entry(e, sf_view_map(view, "scx_per_task"))
 *		total += sf_field_u64_or(sf_entry_get(e, "ctx.weight.value"), 0);
 *	SF_ENSURE(total == 350, "all weights together are %" PRIu64, total);
 */
SF_API struct sf_iter sf_map_entries(struct sf_map map);
/** sf_entry_next() - the next one; false: there is none, or none could be had: sf_iter_error(). */
SF_API bool sf_entry_next(struct sf_iter *it, struct sf_entry *ret);

/** sf_for_each_entry() - loop over the entries of a map; @entry is a variable of the caller's, a struct sf_entry */
#define sf_for_each_entry(entry, map)                                                              \
	for (struct sf_iter entry##_it = sf_map_entries(map); sf_entry_next(&entry##_it, &(entry));)

/* ---- an entry --------------------------------------------------------------------------------------------------- */

/** enum sf_entry_kind - what an entry has */
enum sf_entry_kind {
	SF_ENTRY_MISSING,     /* nothing: sf_entry_error() */
	SF_ENTRY_HASH,        /* a key and a value */
	SF_ENTRY_PERCPU,      /* an index, and a value for each CPU */
	SF_ENTRY_PERCPU_HASH, /* a key, and a value for each CPU */
	SF_ENTRY_VALUE,       /* a value; of an array its index is its key */
};
/** sf_entry_kind() - which form it has; a map narrowed by sf_map_cpu() has SF_ENTRY_VALUE. */
SF_API enum sf_entry_kind sf_entry_kind(struct sf_entry entry);
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

/** sf_entry_read_u64() - sf_field_read_u64() from the entry's value. */
SF_API SF_CHECKED struct sf_error *sf_entry_read_u64(const struct sf_entry *entry, const struct sf_path *path,
						     uint64_t *ret);
/** sf_entry_read_i64() - the same as a signed number. */
SF_API SF_CHECKED struct sf_error *sf_entry_read_i64(const struct sf_entry *entry, const struct sf_path *path,
						     int64_t *ret);

/* ---- all CPUs of an entry ----------------------------------------------------------------------------------------- */

/** enum sf_fold - how values of several CPUs become one */
enum sf_fold { SF_SUM = 1, SF_MAX, SF_MIN };

/**
 * sf_entry_cpu_u64() - the sum, the largest or the smallest of a member over all CPUs
 * @path: in the value of each
 *
 * CPUs that were never set up do not count. A sum stays at UINT64_MAX where it would be more. SF_NO_MATCH: no CPU has a
 * value (which is not the same as 0); SF_TYPE_MISMATCH: the entry has no value for each CPU; and the first error of a
 * value that is there.
 *
 * Example:
 *	uint64_t hits;
 *
 *	SF_TRY(sf_entry_cpu_u64(sf_map_at(sf_view_map(view, "stats"), 0), SF_SUM, "hits", &hits));
 *	SF_ENSURE(hits == 77, "%" PRIu64 " hits on all CPUs", hits);
 */
SF_API SF_CHECKED struct sf_error *sf_entry_cpu_u64(struct sf_entry entry, enum sf_fold fold, const char *path,
						    uint64_t *ret);
/** sf_entry_cpu_i64() - the same for signed numbers; a sum stays within INT64_MIN and INT64_MAX. */
SF_API SF_CHECKED struct sf_error *sf_entry_cpu_i64(struct sf_entry entry, enum sf_fold fold, const char *path,
						    int64_t *ret);
/** sf_entry_cpu_f64() - the same; a NaN makes the sum one, and is not the largest or smallest unless all are. */
SF_API SF_CHECKED struct sf_error *sf_entry_cpu_f64(struct sf_entry entry, enum sf_fold fold, const char *path,
						    double *ret);
/** typedef sf_cpu_fn - gets the value on one CPU; an error ends the walk */
typedef struct sf_error *sf_cpu_fn(uint32_t cpu, struct sf_field field, void *arg);
/** sf_entry_cpu_each() - @fn for each CPU that has a value, in order; its error is returned. None at all is success. */
SF_API SF_CHECKED struct sf_error *sf_entry_cpu_each(struct sf_entry entry, const char *path, sf_cpu_fn *fn, void *arg);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

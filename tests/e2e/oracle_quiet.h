/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_ORACLE_QUIET_H
#define SF_TESTS_ORACLE_QUIET_H

/*
 * The quiet maps: those of tests/bpf/maps.bpf.c, of every type that has values, which the part in the guest fills and
 * nobody changes after that. Both sides can compute what is in them: every other element has contents that follow from
 * its number, the others are noise that follows from a seed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/maps.h"

/* As the guest publishes it: lines of hexadecimal "KEY VALUE", a per-CPU value being those of all CPUs in a row. */
#define QUIET_RAW "raw-%s"
#define QUIET_DUMP "formatted-%s" /* bpftool's */
#define QUIET_IDS "quiet-ids"     /* lines of "NAME ID" */
#define QUIET_BTF "quiet-btf"     /* as the kernel gives it, in hexadecimal */
#define QUIET_CPUS "quiet-cpus"
/* Of local storage, the key is one of these texts. */
#define QUIET_TASK "task %d of %d, %s" /* pid, tgid, comm */
#define QUIET_CGROUP "cgroup %llu, %s" /* id, path */
#define QUIET_INODE "inode %llu"
#define QUIET_SOCK "socket of family %u, port %u"
#define QUIET_KEY_TEXT 4200

enum quiet_keys {
	QUIET_INDEX,    /* an array */
	QUIET_SECTION,  /* an array of one section */
	QUIET_STRUCT,   /* struct q_key */
	QUIET_NUMBER,   /* 4 or 8 bytes */
	QUIET_BYTES,    /* without a type */
	QUIET_TASKS,    /* and owners */
	QUIET_CGROUPS,
	QUIET_INODES,
	QUIET_SOCKS,
};

enum quiet_values { QUIET_EVERY, QUIET_REALS, QUIET_SMALL, QUIET_LONG, QUIET_INT, QUIET_UNTYPED };

struct quiet_map {
	const char *name;
	enum quiet_keys keys;
	enum quiet_values values;
	uint32_t n;        /* elements; of owners at most */
	uint32_t key_size, value_size; /* value_size 0: as large as the section is */
	bool is_percpu;
	bool is_formatted; /* bpftool can: no owners, no floats */
};

extern const struct quiet_map quiet_maps[];
extern const size_t n_quiet_maps;
#define QUIET_MAX_VALUE 8192u
#define QUIET_MAX_CPUS 64u

static inline bool quiet_has_owners(const struct quiet_map *m)
{
	return m->keys >= QUIET_TASKS;
}

const struct quiet_map *quiet_by_name(const char *name); /* NULL: none of them */

/* Element @i of @m, for CPU @cpu (0 where there is one for all). */
void quiet_fill_key(const struct quiet_map *m, uint64_t seed, uint32_t i, void *key);
void quiet_fill_value(const struct quiet_map *m, uint64_t seed, uint32_t i, uint32_t cpu, void *value, size_t size);

struct sf_guest;
struct sf_error;
struct quiet; /* of the guest: the maps, and who owns what */
/* Loads the maps of @object, fills them and tells the host what the kernel says is in them. */
struct sf_error *quiet_begin(struct sf_guest *guest, const char *object, uint64_t seed, struct quiet **ret);
/* After the capture: nothing may have changed. */
struct sf_error *quiet_end(struct quiet *quiet);

#endif

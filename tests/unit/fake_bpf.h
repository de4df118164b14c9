/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_FAKE_BPF_H
#define SF_TESTS_FAKE_BPF_H

/*
 * BPF objects in a fake guest, put there as the kernel would: maps and programs in their idrs, their BTF behind a struct
 * btf; values inline behind the struct bpf_array, in chains, on every CPU, or at their owners. On top of it two scenes:
 * schedulers' worth of maps with a bit of everything in them, and one map of each type.
 */

#include "bpf/bpf.h"
#include "fake_guest.h"
#include "frame/capture.h"
#include "frame/frame.h"

/* ---- objects --------------------------------------------------------------------------------------- */

/* Entry @id of the idr, as idr_alloc() leaves it. */
void fake_idr_set(struct fake_guest *g, uint64_t idr, uint32_t id, uint64_t entry);

/* A struct btf; its bytes are vmalloc()ed. @base: of another struct btf, 0: none. */
uint64_t fake_add_btf_bytes(struct fake_guest *g, const void *bytes, size_t len, uint64_t base);
uint64_t fake_add_btf(struct fake_guest *g, struct btfb *b, uint64_t base); /* finishes @b */

struct fake_map {
	const char *name;           /* as many of its bytes as fit are taken */
	uint32_t id;                /* 0: the next one */
	uint32_t type;              /* 0: array */
	uint32_t flags;
	uint32_t key_size;          /* 0: 4 */
	uint32_t value_size;
	uint32_t max_entries;       /* 0: 1 */
	uint64_t btf;
	uint32_t key_type, value_type, vmlinux_value_type;
	const void *values;         /* of all entries, at their stride; NULL: zeroes */
	size_t values_len;
	bool vmalloced;             /* as with BPF_F_MMAPABLE: values start a page */
};

/* All of these return the address of the struct. */
uint64_t fake_add_map(struct fake_guest *g, const struct fake_map *m);
uint64_t fake_add_prog(struct fake_guest *g, const char *name, uint32_t type, const uint64_t *maps, uint32_t n_maps);
static inline uint64_t fake_map_values(uint64_t map)
{
	return map + FK_ARRAY_VALUE;
}

/* ---- other types of map: fake_maps.c -------------------------------------------------------------------- */

#define FAKE_NO_PREALLOC 1u /* BPF_F_NO_PREALLOC, of `flags` */

/* @m->type: any hash. Its elements are in one area, but for FAKE_NO_PREALLOC. */
uint64_t fake_add_hash(struct fake_guest *g, const struct fake_map *m);
/*
 * Adds an element in front of its bucket's chain, as an update does; whether or not there is one with that key. @value:
 * of every CPU one after the other, at multiples of 8 bytes, if the map is per-CPU. The return is the element's address.
 */
uint64_t fake_hash_add(struct fake_guest *g, uint64_t map, const void *key, const void *value);
/* The same into a bucket of our choice: @hash is what the element says that its key's is. */
uint64_t fake_hash_add_at(struct fake_guest *g, uint64_t map, uint32_t hash, const void *key, const void *value);
uint32_t fake_hash_of(const void *key, size_t len);
uint64_t fake_hash_bucket(struct fake_guest *g, uint64_t map, uint32_t bucket);
uint64_t fake_hash_value(struct fake_guest *g, uint64_t map, uint64_t elem); /* of a per-CPU hash: of the pointer */
/* Takes an element or, of local storage, its node in a list (map or owner) out of the chain, as the kernel does. */
void fake_unlink(struct fake_guest *g, uint64_t node);

/* @values: of every element, and of every CPU, one after the other at multiples of 8 bytes; NULL: zeroes. */
uint64_t fake_add_percpu_array(struct fake_guest *g, const struct fake_map *m, const void *values);

/* @m->type: any local storage. @n_buckets: a power of two. */
uint64_t fake_add_storage(struct fake_guest *g, const struct fake_map *m, uint32_t n_buckets);
/* A value for the owner at @owner; the return is the element's address. */
uint64_t fake_store(struct fake_guest *g, uint64_t map, uint64_t owner, const void *value);
/* Which bucket of @map it is in: the values of one owner are in one bucket. */
uint64_t fake_storage_bucket(struct fake_guest *g, uint64_t map, uint64_t owner);

/* @m->values: the struct itself; @m->value_size is its size, @m->btf where its wrapper @m->vmlinux_value_type is. */
uint64_t fake_add_struct_ops(struct fake_guest *g, const struct fake_map *m);

/* Owners. @parent of a cgroup: another one; 0: the root of a hierarchy. */
uint64_t fake_add_task(struct fake_guest *g, int32_t pid, int32_t tgid, const char *comm);
uint64_t fake_add_cgroup(struct fake_guest *g, uint64_t parent, const char *name, uint64_t id);
uint64_t fake_add_inode(struct fake_guest *g, uint64_t number);
uint64_t fake_add_sock(struct fake_guest *g, uint16_t family, uint16_t port);

/* ---- the scene ------------------------------------------------------------------------------------- */

/*
 * demo.bss, demo.data, demo.rodata, .data.tuning, "latency" (an array of 5), "per_task" (a hash without buckets, whose
 * values are not read), other.bss (which has `shared` too), ".rodata.str1.1" (no types), "a_very_long_nam",
 * "odd\xff\x01"; one program.
 */
struct fake_scene {
	uint64_t bss, data, rodata, tuning, latency, per_task, other_bss, strings, long_name, odd;
	uint64_t demo_btf;
	uint64_t near_task; /* on a page that a capture keeps: pid 1234, "near-task", CPUs 0-1,3, its own parent */
	uint64_t far_task;  /* on a page of its own, which nothing but a pointer leads to */
	uint64_t mask;      /* a bpf_cpumask on a page that is kept: CPUs 0,2 */
	uint64_t hole;      /* an address that nothing is mapped at */
};

#define SCENE_BROKEN 1u  /* and broken.bss, whose BTF is damaged */

void fake_scene_add(struct fake_guest *g, unsigned int flags, struct fake_scene *ret);

/*
 * One map of each type whose values are read, of the demo's types, and some whose values are not: fake_scene_maps.c.
 * "hash" (5 of 64 keys, one of all zeroes), "chained" (not preallocated, keyed by struct key), "lru", "cpu_counts" (a
 * per-CPU array of 6, of which 1 and 4 are not zero), "cpu_hash", "task_ctx", "cgrp_ctx", "inode_ctx", "sk_ctx",
 * "demo_ops", "events" (a ring buffer), "prefixes" (a trie).
 */
struct fake_maps {
	uint64_t hash, chained, lru, cpu_counts, cpu_hash, task_ctx, cgrp_ctx, inode_ctx, sk_ctx, ops, events, prefixes;
	uint64_t btf;
	uint64_t tasks[3];   /* pid 100 "worker-0", 101 "worker-1" of the same process, 200 "other" */
	uint64_t cgroups[3]; /* /, /demo.slice, /demo.slice/a */
	uint64_t inode, sock;
	uint64_t mask;       /* what all masks lead to: CPUs 1-2 */
};
void fake_scene_maps_add(struct fake_guest *g, struct fake_maps *ret);

/* What is in struct task_ctx, the value of most of them. */
enum {
	CTX_RUNTIME = 0,     /* u64 */
	CTX_STATE = 8,       /* enum state: IDLE 0, RUNNING 1, BLOCKED -1 */
	CTX_NODE = 12,       /* u32 */
	CTX_STATS = 16,      /* struct stats { u64 wakeups; s32 nice; bool pinned; } */
	CTX_MASK = 32,       /* struct bpf_cpumask kptr */
	CTX_PARENT = 40,     /* struct task_struct * */
	CTX_SIZE = 48,
};

/* Where things are in demo.bss. */
enum {
	DEMO_NR_DISPATCHED = 0,
	DEMO_NR_CPUS_ONLN = 8,
	DEMO_MODE = 12,
	DEMO_CTX = 16,
	DEMO_HIST = 48,
	DEMO_NAME = 80,
	DEMO_BALANCE = 96,
	DEMO_READY = 104,
	DEMO_FLAGS = 108,
	DEMO_TASK = 112,
	DEMO_NULL_TASK = 120,
	DEMO_FAR_TASK = 128,
	DEMO_GONE_TASK = 136,
	DEMO_MASK = 144,
	DEMO_RATIO = 152,
	DEMO_FWD = 160,
	DEMO_OPAQUE = 168,
	DEMO_SHARED = 176,
	DEMO_BSS_SIZE = 184,
	DEMO_DATA_WORDS = 1500, /* of the array in demo.data, which crosses pages */
};

/* A frame of @g as it is now, through a capturer: what a run does. */
struct sf_frame *fake_capture(struct fake_guest *g, const char *tag);
/* A frame that reads live memory: what it says changes with it. */
struct sf_frame *fake_live(struct fake_guest *g);

/* Every value of every map in text, a line each; free() it. @follow: pointers too. */
char *fake_dump(struct sf_frame *f, bool follow);

#endif

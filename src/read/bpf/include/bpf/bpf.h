/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BPF_BPF_H
#define SF_BPF_BPF_H

/*
 * BPF objects of a kernel, found in its memory: maps and programs through `map_idr` and `prog_idr`, the BTF they were
 * loaded with, and where each map keeps its values. No lock of the guest is honoured: the memory must not change while
 * a walk runs (the guest is stopped, or it is a frame). A vCPU may have been stopped in the middle of an update, so a
 * structure that makes no sense is left out and counted, never guessed at.
 *
 * One walk serves two masters: on a frame it lists; through a recorder it makes the recorder keep every page that the
 * listing will need. That is why nothing here allocates before the caller's callback does.
 *
 * Facts: include/linux/bpf.h, kernel/bpf/arraymap.c, kernel/bpf/btf.c.
 */

#include "btf/btf.h"
#include "kernel/vmem.h"

#define SF_BPF_NAME 16
#define SF_BPF_MAX_OBJECTS (1u << 20) /* of an idr; what is beyond is counted, not walked */

#define SF_BPF_PROG_TYPE_STRUCT_OPS 27
#define SF_BPF_MAX_USED_MAPS 64u      /* of one program: MAX_USED_MAPS of include/linux/bpf_verifier.h */

/* enum bpf_map_type, as far as values are read. */
enum {
	SF_BPF_MAP_TYPE_HASH = 1,
	SF_BPF_MAP_TYPE_ARRAY = 2,
	SF_BPF_MAP_TYPE_PERCPU_HASH = 5,
	SF_BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	SF_BPF_MAP_TYPE_LRU_HASH = 9,
	SF_BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	SF_BPF_MAP_TYPE_SK_STORAGE = 24,
	SF_BPF_MAP_TYPE_STRUCT_OPS = 26,
	SF_BPF_MAP_TYPE_INODE_STORAGE = 28,
	SF_BPF_MAP_TYPE_TASK_STORAGE = 29,
	SF_BPF_MAP_TYPE_CGRP_STORAGE = 32,
};

/* How a map keeps its values: what a reader has to know of its type. */
enum sf_bpf_shape {
	SF_BPF_UNREAD,       /* not read; sf_bpf_map.unread says why */
	SF_BPF_ARRAY,        /* in a row; the key is the index */
	SF_BPF_PERCPU_ARRAY, /* one pointer to per-CPU memory after the other; the key is the index */
	SF_BPF_HASH,         /* buckets of chains, LRU or not */
	SF_BPF_PERCPU_HASH,  /* the same, with a pointer to per-CPU memory where the value would be */
	SF_BPF_STORAGE,      /* local storage: one value for each owner (a task, a cgroup, an inode, a socket) */
	SF_BPF_STRUCT_OPS,   /* one struct of functions and settings that the kernel calls */
};

struct sf_bpf_map {
	uint64_t kva;                /* of the struct bpf_map: its identity within one run */
	uint32_t id;
	char name[SF_BPF_NAME];      /* as the kernel keeps it: cut to 15 bytes; NUL-terminated, escaped by nobody */
	uint32_t type, flags, key_size, value_size, max_entries;
	uint64_t btf;                /* of its struct btf, 0: none */
	uint32_t key_type, value_type, vmlinux_value_type; /* BTF ids, 0: none */
	enum sf_bpf_shape shape;
	const char *unread;          /* why the values cannot be had; NULL: they can. A static string */
	/*
	 * Where they are. ARRAY: element 0. PERCPU_ARRAY: the first pointer. HASH, PERCPU_HASH, STORAGE: the first bucket.
	 * STRUCT_OPS: the struct itself.
	 */
	uint64_t values;
	uint64_t stride;             /* from one of those to the next */
	uint32_t value_len;          /* of one value as a reader has it: value_size; of STRUCT_OPS what follows its head */
	uint64_t n_buckets;          /* HASH, PERCPU_HASH, STORAGE: a power of two */
	uint32_t elem_size;          /* HASH, PERCPU_HASH: from one element of the pool to the next; 0: unknown */
	uint64_t pool, pool_len;     /* HASH, PERCPU_HASH: all elements, if they were allocated in advance; else 0 */
};

/* Does an element have a value for each CPU? On one it is where sf_vmem_percpu() says. */
static inline bool sf_bpf_is_percpu(const struct sf_bpf_map *map)
{
	return map->shape == SF_BPF_PERCPU_ARRAY || map->shape == SF_BPF_PERCPU_HASH;
}

struct sf_bpf_prog {
	uint64_t kva, aux;
	uint32_t id, type;
	uint32_t attach_type;        /* of STRUCT_OPS: id in the kernel's BTF of the struct it is a member of; 0: unknown */
	char name[SF_BPF_NAME];
	uint64_t used_maps;          /* address of an array of bpf_map pointers */
	uint32_t n_used_maps;        /* at most SF_BPF_MAX_USED_MAPS */
};

/* "array", "percpu_hash", … for a BPF_MAP_TYPE_* number; NULL for one that is newer than this list. */
const char *sf_bpf_map_type_name(uint32_t type);

struct sf_bpf; /* the layouts of one kernel; immutable, any thread */

/* SF_KERNEL: the kernel's BTF lacks something without which no map can be listed. Borrows @kernel. */
SF_CHECKED struct sf_error *sf_bpf_new(const struct sf_kernel *kernel, struct sf_bpf **ret);
void sf_bpf_free(struct sf_bpf *bpf);
SF_DEFINE_CLEANUP(bpf, sf_bpf_free)

/* What a walk met. */
struct sf_bpf_stats {
	uint32_t n_objects;
	uint32_t n_torn;             /* left out: unreadable, or no map */
	bool capped;
};

typedef bool sf_bpf_map_fn(void *arg, const struct sf_bpf_map *map);    /* false: enough */
typedef bool sf_bpf_prog_fn(void *arg, const struct sf_bpf_prog *prog);

/* In order of id. SF_KERNEL: no such idr in this kernel; SF_PAGE_NOT_KEPT: its root cannot be read. */
SF_CHECKED struct sf_error *sf_bpf_maps(const struct sf_bpf *bpf, struct sf_vmem *vm, sf_bpf_map_fn *fn, void *arg,
					struct sf_bpf_stats *ret);
SF_CHECKED struct sf_error *sf_bpf_progs(const struct sf_bpf *bpf, struct sf_vmem *vm, sf_bpf_prog_fn *fn, void *arg,
					 struct sf_bpf_stats *ret);
/* Map addresses that @prog uses; at most @max are written, the count is returned. */
uint32_t sf_bpf_prog_maps(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_prog *prog, uint64_t *kvas,
			  uint32_t max);

/* ---- BTF of a program or map ------------------------------------------------------------------------ */

/* A struct btf of the kernel, as far as its bytes are concerned. */
struct sf_bpf_btf {
	uint64_t kva, data, base;    /* base: of another struct btf; 0: none */
	uint32_t size, id;
	bool is_vmlinux;             /* the kernel's own: its bytes are facts already */
};
enum sf_fault sf_bpf_btf_head(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva, struct sf_bpf_btf *ret);

/*
 * Bytes that sf_bpf_btf_load() copies and parses, those of the bases included: for whoever loads the types of many. Pages
 * may alias, so that memory may claim far more than it has.
 */
uint64_t sf_bpf_btf_cost(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva);

/*
 * The types behind the struct btf at @kva, parsed from a copy of its bytes; split BTF on top of its base, down to the
 * kernel's own. The caller's reference. SF_PAGE_NOT_KEPT, SF_FRAME_CORRUPT, SF_BAD_INPUT.
 */
SF_CHECKED struct sf_error *sf_bpf_btf_load(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva,
					    struct sf_btf **ret);

/* ---- capture ------------------------------------------------------------------------------------------ */

struct sf_bpf_plans; /* pointees.h */
struct sf_bpf_keep {
	uint64_t max_map_bytes;      /* of one map, buckets and all: a larger map keeps its first so many bytes */
	uint32_t hops;               /* pointers followed from each value */
	uint64_t max_pointee_bytes;  /* of all maps together */
	const struct sf_bpf_plans *plans; /* NULL: no pointees */
};

struct sf_bpf_kept {
	struct sf_bpf_stats maps, progs, ksyms;
	uint64_t n_cut_maps;         /* maps of which only a part was kept */
	uint64_t n_torn_chains;      /* of maps, and of lists and trees in values: buckets and chains that were cut */
	uint64_t n_unreadable;       /* values or BTF that could not be read whole */
	uint64_t n_pointees;         /* objects behind pointers that were kept */
	uint64_t n_left_out;         /* objects that max_pointee_bytes did not suffice for */
	uint64_t n_dangling;         /* pointers to where nothing is */
	uint64_t n_unplanned;        /* maps that came too late for a plan: none of their pointees were kept */
};

/*
 * Touches, through @vm (over a recorder), everything that the functions above and the values of each map will need.
 * Allocates nothing.
 */
SF_CHECKED struct sf_error *sf_bpf_touch(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_keep *keep,
					 struct sf_bpf_kept *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BPF_VALUES_H
#define SF_BPF_VALUES_H

/*
 * The elements of one map, one after another, whatever its type. The same cursor lists a frame and, over a recorder,
 * makes the recorder keep what a listing will need; it allocates nothing.
 *
 * A vCPU may have been stopped in the middle of an update. What the walk cannot believe it leaves out, and counts in
 * struct sf_bpf_torn: a chain that leads into memory that is not there, into another bucket or back to itself ends
 * there; of two elements with the same key (an update adds the new one before it removes the old one) the first counts,
 * as it does for the kernel.
 *
 * Facts: kernel/bpf/hashtab.c, arraymap.c, bpf_local_storage.c, bpf_struct_ops.c.
 */

#include "bpf/bpf.h"

/* What a walk had to leave out. */
struct sf_bpf_torn {
	uint64_t n_buckets;     /* buckets whose head could not be read */
	uint64_t n_chains;      /* chains that were cut */
	uint64_t n_superseded;  /* elements that an update was about to remove; of local storage, or about to add */
	bool capped;            /* more elements than the map can have: the walk ended */
	const char *why;        /* of the first bucket or chain, else of the end; a static string, NULL: none */
	uint64_t at;            /* where */
	enum sf_fault fault;    /* of the memory there, if that is why; else SF_FAULT_NONE */
};

struct sf_bpf_elem {
	uint64_t position;      /* from 0, in order of the walk; of an array the index */
	uint64_t kva;           /* its identity: of htab_elem, bpf_local_storage_elem; else of the value or pointer itself */
	uint64_t key;           /* address of its key_size bytes; 0: not in memory (arrays), or `owner` is the key */
	/*
	 * Address of the value's bytes; of a per-CPU map what sf_vmem_percpu() takes. 0: it is not known, `fault`. Whether
	 * the bytes can be read is for whoever reads them to find out.
	 */
	uint64_t value;
	uint64_t owner;         /* STORAGE: address of the object that the value belongs to; 0: gone, or unreadable */
	enum sf_fault fault;    /* of `value` */
};

/* Private. */
struct sf_bpf_cursor {
	const struct sf_bpf *bpf;
	struct sf_vmem *vm;
	const struct sf_bpf_map *map;
	uint64_t position;
	uint64_t bucket;        /* the next one */
	uint64_t ahead;         /* the first whose elements were not asked for yet */
	bool one_by_one;        /* none may be asked for before its turn */
	uint64_t node;          /* the next of the chain; 0: it is over */
	uint64_t link;          /* address of the pointer that led there */
	uint64_t first;         /* of the chain: the only element that can supersede others */
	uint32_t first_hash;
	bool is_late;           /* a link back of this chain was behind */
	uint64_t seen;          /* nodes of all chains */
	uint64_t compared;      /* bytes of their keys */
	uint64_t unread_run;    /* pages of buckets in a row that could not be read */
	struct sf_bpf_torn torn;
};

/* Borrows all three. @map as sf_bpf_maps() gave it. */
void sf_bpf_cursor_init(struct sf_bpf_cursor *c, const struct sf_bpf *bpf, struct sf_vmem *vm,
			const struct sf_bpf_map *map);
/* false: there are no more; now @c->torn is the whole truth. */
bool sf_bpf_cursor_next(struct sf_bpf_cursor *c, struct sf_bpf_elem *ret);
/* Element number @position of an array, a per-CPU array or a STRUCT_OPS, without walking there. */
bool sf_bpf_elem_at(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t position,
		    struct sf_bpf_elem *ret);
/* The element at @kva, as the cursor gave it, but for its position. */
void sf_bpf_elem_of(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva,
		    struct sf_bpf_elem *ret);

/* ---- by key ------------------------------------------------------------------------------------------------ */

/* What the kernel hashes keys with (jhash), seeded with htab->hashrnd. */
uint32_t sf_bpf_jhash(const void *key, size_t len, uint32_t seed);
/* The seed of @map; false: it is no hash, or its seed cannot be read. */
bool sf_bpf_hash_seed(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint32_t *ret);
/* Is the hash that @elem has what we compute of its key? */
bool sf_bpf_hash_agrees(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint32_t seed,
			const struct sf_bpf_elem *elem);
/* Are the @size bytes at @kva those at @key? */
bool sf_bpf_key_is(struct sf_vmem *vm, uint64_t kva, const void *key, size_t size);

enum sf_bpf_found {
	SF_BPF_NOT_THERE, /* if the hash is the kernel's */
	SF_BPF_FOUND,
	SF_BPF_UNSURE,    /* the bucket cannot be read to its end */
};
/* The element with the key @key (of key_size bytes) in the bucket of @hash; @ret->position is not known. Of hashes only. */
enum sf_bpf_found sf_bpf_find_in_bucket(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map,
					uint32_t hash, const void *key, struct sf_bpf_elem *ret);

/* ---- owners of local storage ------------------------------------------------------------------------------ */

enum sf_bpf_owner_kind { SF_BPF_OWNER_TASK = 1, SF_BPF_OWNER_CGROUP, SF_BPF_OWNER_INODE, SF_BPF_OWNER_SOCK };

#define SF_BPF_COMM 16
#define SF_BPF_CGROUP_PATH 4096
struct sf_bpf_owner {
	enum sf_bpf_owner_kind kind;
	uint64_t kva;
	bool is_readable;              /* else only the two above: it is gone, or its page was not kept */
	int32_t pid, tgid;             /* TASK; as the initial PID namespace has them */
	char comm[SF_BPF_COMM];        /* TASK; NUL-terminated bytes of the guest */
	uint64_t id;                   /* CGROUP: its id (inode number of its directory). INODE: its number */
	char path[SF_BPF_CGROUP_PATH]; /* CGROUP; from the root of its hierarchy, "/" for that; bytes of the guest */
	bool path_cut;                 /* a part of it was not there */
	uint16_t family, port;         /* SOCK: AF_*, local port */
};
/* Reads (so a recorder keeps) what names the owner at @kva. false: a type of map that has no owners. */
bool sf_bpf_owner(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva,
		  struct sf_bpf_owner *ret);
/* "task_struct", "cgroup", …: the struct that an owner is; NULL: no owners. */
const char *sf_bpf_owner_struct(const struct sf_bpf_map *map);

/* ---- STRUCT_OPS ------------------------------------------------------------------------------------------- */

/*
 * The type of the struct itself: member `data` of the wrapper @map->vmlinux_value_type in @btf, the types of the
 * struct btf at @map->btf (for such a map that is where its type is defined: the kernel or a module). 0: not there.
 */
uint32_t sf_bpf_struct_ops_type(const struct sf_btf *btf, const struct sf_bpf_map *map);

/* ---- symbols of generated code ------------------------------------------------------------------------------ */

#define SF_BPF_KSYM_NAME 128 /* what is kept of a name; the kernel's own are shorter: "bpf_prog_" TAG "_" NAME */
struct sf_bpf_ksym {
	uint64_t start, end;
	char name[SF_BPF_KSYM_NAME]; /* NUL-terminated, bytes of the guest */
};
typedef bool sf_bpf_ksym_fn(void *arg, const struct sf_bpf_ksym *sym); /* false: enough */
/*
 * Every JITed program, trampoline and dispatcher: the list that /proc/kallsyms shows as [bpf]. Its order is that of
 * the list. @ret: how many nodes made no sense, and whether the list was cut.
 * SF_KERNEL: this kernel has no such list. SF_PAGE_NOT_KEPT: its head cannot be read.
 */
SF_CHECKED struct sf_error *sf_bpf_ksyms(const struct sf_bpf *bpf, struct sf_vmem *vm, sf_bpf_ksym_fn *fn, void *arg,
					 struct sf_bpf_stats *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BPF_POINTEES_PRIVATE_H
#define SF_BPF_POINTEES_PRIVATE_H

#include "bpf/pointees.h"
#include "bpf_private.h"

#define MAX_SLOTS 65536u            /* of one plan */
#define MAX_ALL_SLOTS (1u << 19)    /* of all plans: 24 MiB */
#define MAX_PLANS 16384u

enum slot_what {
	SLOT_OBJECT,
	SLOT_PERCPU,
	SLOT_PERCPU_CELL,
	SLOT_LIST,
	SLOT_TREE,
};

/* @n pointers (or heads), each @stride bytes after the other. */
struct slot {
	uint32_t offset, n, stride;
	enum slot_what what;
	uint32_t size;                  /* bytes of what is behind it */
	uint32_t node;                  /* LIST, TREE: where in an element the node is */
	bool in_kernel;                 /* the type is the kernel's; else of the same BTF as the plan's */
	uint32_t type;                  /* of the target, where it may have pointers of its own; 0: it has none */
	const struct sf_bpf_plan *next; /* of that type; NULL: not wanted, or there were too many plans */
};

struct sf_bpf_plan {
	uint32_t type, size;            /* size: bytes of a value */
	uint32_t hops;                  /* how far the `next` of its slots go */
	uint32_t n_cut;                 /* members that were too many to look at */
	struct { struct slot *v; size_t n, cap; } slots;
};

/* "contains:" on a member (@component) of type @owner, or on the variable @owner (-1). */
struct contains {
	uint32_t owner;
	int32_t component;
	const char *what;
};

/* The types of one struct btf, and the plans that were made of them. */
struct types {
	struct sf_bpf_btf id;
	uint64_t cost;                  /* bytes that were loaded for it */
	struct sf_btf *btf;             /* NULL: its bytes are no BTF, whenever they are read */
	struct sf_typed typed;
	uint32_t idle;                  /* updates in a row in which no map had it */
	bool has_contains;              /* they were looked for */
	struct { struct contains *v; size_t n, cap; } contains;
	struct { struct sf_bpf_plan **v; size_t n, cap; } plans; /* in order of type */
};

/* What was kept last. */
#define SEEN_SLOTS (1u << 14)
struct seen {
	uint64_t kva;
	uint32_t size, type;
	uint32_t walk : 24, hops : 8;
};

struct sf_bpf_plans {
	const struct sf_bpf *bpf;
	uint32_t hops;
	size_t n_plans, n_slots;
	uint64_t left;                  /* bytes of BTF that this update may still load */
	struct types kernel;
	struct { struct types **v; size_t n, cap; } types; /* in order of address */
	uint32_t *walk;                 /* the number of the walk that `seen` is about */
	struct seen *seen;
};

/* The plan of @type of @types (plans->kernel, or one of plans->types), good for @hops. NULL in @ret: too many plans. */
SF_CHECKED struct sf_error *sf_bpf_plan_make(struct sf_bpf_plans *plans, struct types *types, uint32_t type,
					     uint32_t hops, const struct sf_bpf_plan **ret);
const struct sf_bpf_plan *sf_bpf_plan_find(const struct types *types, uint32_t type);
void sf_bpf_types_clear(struct sf_bpf_plans *plans, struct types *types);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BPF_POINTEES_H
#define SF_BPF_POINTEES_H

/*
 * Which pointees a capture keeps. The rule: of every value that is kept, the objects that its typed pointers lead to,
 * `hops` pointers far; in order of the walk, until the budget of bytes is used up. What is left out is counted.
 *
 *  - a CPU mask: the words that name CPUs of this machine
 *  - a kptr, or another pointer to a struct or union: the whole struct, as large as the running kernel has it (where it
 *    has one of that name, else as large as the program's BTF says)
 *  - a per-CPU kptr: the object of every CPU
 *  - a bpf_list_head or bpf_rb_root whose BTF says what it contains: its elements
 *  - a pointer to a number, an enum or a pointer: that one
 *
 * What a pointer leads to is what sf_typed_target() says, which the reader of a frame asks too. Not followed: pointers
 * to functions, to void, to user space and into arenas, and those of keys and of STRUCT_OPS maps. What has no kernel
 * address is no pointer and counts nowhere.
 *
 * Types have to be known before the guest is stopped: parsing BTF takes longer than a stop may. A plan says for one
 * type where its pointers are and what they lead to. Plans are made while the guest runs and used only if the map's BTF
 * is still the same at the stop; a map without a plan keeps no pointees, which is counted.
 *
 * Why a plan can be trusted although the memory it came from was changing. The kernel gives a struct btf its id when it
 * is complete and changes neither it nor its bytes afterwards; ids are handed out in a circle of 2^31
 * (btf_alloc_id() in kernel/bpf/btf.c), so that within one boot an id at an address is one struct btf. A plan is made
 * of bytes that were read after the struct was seen with that id. At the stop a map holds a reference to the struct at
 * that address, it has that id and the same bytes' address and size: it is the same one, and lived all the while. Where
 * any of this does not hold the map has no plan.
 *
 *	plan.c       where the pointers of a type are
 *	pointees.c   the plans of all maps
 *	chase.c      following them, while the guest is stopped
 *
 * Facts: kernel/bpf/btf.c (btf_find_kptr(), btf_find_graph_root()), kernel/bpf/helpers.c (struct bpf_list_node_kern,
 * struct bpf_rb_node_kern), include/linux/rbtree_types.h.
 */

#include "bpf/bpf.h"
#include "value/typed.h"

#define SF_BPF_DEFAULT_HOPS 1u
#define SF_BPF_MAX_HOPS 8u

struct sf_bpf_plans; /* of one kernel; one thread */

/* Plans for walks that go at most @hops pointers far (1 to SF_BPF_MAX_HOPS). Borrows @bpf. */
SF_CHECKED struct sf_error *sf_bpf_plans_new(const struct sf_bpf *bpf, uint32_t hops, struct sf_bpf_plans **ret);
void sf_bpf_plans_free(struct sf_bpf_plans *plans);
SF_DEFINE_CLEANUP(bpf_plans, sf_bpf_plans_free)

/*
 * Looks at the maps of @vm (live: the guest runs, and everything may change under the walk) and makes the plans that
 * are missing; forgets those whose BTF is gone. Cheap where nothing changed. What cannot be planned has no plan.
 * On failure (SF_NO_MEMORY, or the list of maps cannot be read) the plans there were are still good.
 */
SF_CHECKED struct sf_error *sf_bpf_plans_update(struct sf_bpf_plans *plans, struct sf_vmem *vm);

struct sf_bpf_plan; /* of one type */
/* The guest is stopped. Where there is nothing to follow: an empty plan. NULL: it came too late, or too torn, for one. */
const struct sf_bpf_plan *sf_bpf_plan_of(const struct sf_bpf_plans *plans, struct sf_vmem *vm,
					 const struct sf_bpf_map *map);
/* No value of that type has a pointer: the values need not be looked at. */
bool sf_bpf_plan_is_empty(const struct sf_bpf_plan *plan);

struct sf_bpf_pointees {
	uint32_t hops;          /* how far; 0: no pointees */
	uint64_t budget;        /* bytes that may still be kept */
	uint64_t steps;         /* from one element of a list or tree to the next: those that may still be made */
	uint64_t n_kept;        /* objects */
	uint64_t n_left_out;    /* pointers whose objects the budget did not suffice for; the rest of a list counts once */
	uint64_t n_dangling;    /* pointers that lead nowhere */
	uint64_t n_torn_chains; /* lists and trees that were cut */
};
/* At the start of a walk. */
void sf_bpf_pointees_init(struct sf_bpf_pointees *p, const struct sf_bpf_plans *plans, uint32_t hops, uint64_t budget);
/*
 * Touches what the pointers of the value at @kva lead to. Allocates nothing. An object is charged once for each type that
 * it is reached as, as long as what was kept last is remembered (some ten thousand objects).
 */
void sf_bpf_plan_touch(const struct sf_bpf_plans *plans, const struct sf_bpf_plan *plan, struct sf_vmem *vm,
		       uint64_t kva, struct sf_bpf_pointees *p);

#endif

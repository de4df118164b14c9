/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "kernel/vmem.h"
#include "kernel_private.h"

bool sf_vmem_percpu(struct sf_vmem *vm, uint64_t percpu, uint32_t cpu, uint64_t *ret)
{
	const struct sf_kernel *k = vm->kernel;
	uint64_t offset = 0;

	if (cpu >= k->nr_cpu_ids || sf_vmem_u64(vm, k->per_cpu_offset + 8ull * cpu, &offset))
		return false;
	if (!offset || offset == k->per_cpu_unset)
		return false;
	*ret = percpu + offset;
	return true;
}

/* ---- xarray (include/linux/xarray.h) ------------------------------------------------------------- */

#define XA_CHUNK_SIZE 64 /* 16 with CONFIG_BASE_SMALL: seen in the size of the slots */
#define XA_MAX_DEPTH 11  /* of 64 bits of index; ours have 32 */
#define XA_RETRY_ENTRY (256ull << 2 | 2)

static bool is_internal(uint64_t entry)
{
	return (entry & 3) == 2;
}

static bool is_node(uint64_t entry)
{
	return is_internal(entry) && entry > 4096;
}

struct node {
	uint64_t slots[XA_CHUNK_SIZE];
	uint64_t first;      /* index of slot 0 */
	uint32_t shift;
	uint32_t at;         /* the slot that is next */
};

struct walk {
	struct sf_vmem *vm;
	const struct sf_radix_layout *l;
	uint32_t chunk_shift; /* bits of index in a node */
	uint32_t max;
	uint64_t base;       /* added to every index */
	uint64_t n_nodes;
	sf_idr_fn *fn;
	void *arg;
	struct sf_idr_stats stats;
};

/* @shift: what the node's must be; UINT32_MAX for the top one, which says itself how high the tree is. */
static bool read_node(struct walk *w, uint64_t entry, uint32_t shift, uint64_t first, struct node *ret)
{
	uint64_t node = entry & ~3ull;
	uint8_t own = 0;

	/* A tree in which the same node hangs everywhere has no entry and no end; a real one has an entry per node. */
	if (++w->n_nodes > 64 + (uint64_t)XA_MAX_DEPTH * w->max) {
		w->stats.capped = true;
		return false;
	}
	if (sf_vmem_read(w->vm, node + w->l->node_shift.offset, &own, sizeof(own)) ||
	    (shift == UINT32_MAX ? own >= 64 || own % w->chunk_shift : own != shift) ||
	    sf_vmem_read(w->vm, node + w->l->node_slots.offset, ret->slots, (size_t)8 << w->chunk_shift)) {
		w->stats.n_torn++;
		return false;
	}
	ret->shift = own;
	ret->first = first;
	ret->at = 0;
	return true;
}

/* false: the walk is over. */
static bool leaf(struct walk *w, uint64_t index, uint64_t entry)
{
	if (is_internal(entry)) {
		w->stats.n_torn += entry == XA_RETRY_ENTRY;
		return true;
	}
	if (w->stats.n_entries >= w->max) {
		w->stats.capped = true;
		return false;
	}
	w->stats.n_entries++;
	return w->fn(w->arg, index + w->base, entry);
}

static void walk_tree(struct walk *w, uint64_t head)
{
	struct node stack[XA_MAX_DEPTH];
	size_t depth = 0;

	if (!head)
		return;
	if (!is_node(head)) {
		leaf(w, 0, head);
		return;
	}
	if (!read_node(w, head, UINT32_MAX, 0, &stack[depth++]))
		return;
	while (depth) {
		struct node *n = &stack[depth - 1];

		if (n->at == 1u << w->chunk_shift) {
			depth--;
			continue;
		}
		uint64_t slot = n->at++;
		uint64_t entry = n->slots[slot];
		uint64_t index = n->first + (slot << n->shift);

		if (!entry)
			continue;
		if (slot > (UINT32_MAX - w->base - n->first) >> n->shift) {
			w->stats.n_torn++;
		} else if (!is_node(entry)) {
			/* Higher up too: one entry that stands for a range of indexes. */
			if (!leaf(w, index, entry))
				return;
		} else if (!n->shift || depth == XA_MAX_DEPTH) {
			w->stats.n_torn++;
		} else if (read_node(w, entry, n->shift - w->chunk_shift, index, &stack[depth])) {
			depth++;
		} else if (w->stats.capped) {
			return;
		}
	}
}

static SF_CHECKED struct sf_error *walk_at(struct sf_vmem *vm, uint64_t head_kva, uint64_t base, uint32_t max,
					   sf_idr_fn *fn, void *arg, struct sf_idr_stats *ret)
{
	const struct sf_radix_layout *l = &vm->kernel->radix;
	struct walk w = { .vm = vm, .l = l, .max = max, .base = base, .fn = fn, .arg = arg };
	uint64_t head = 0;

	if (!l->node_shift.present || !l->node_slots.present ||
	    (l->node_slots.size != 8 << 6 && l->node_slots.size != 8 << 4))
		return sf_error_new(SF_KERNEL, "kernel %s: no struct xa_node with shift and slots in its BTF",
				    vm->kernel->vi.release);
	w.chunk_shift = l->node_slots.size == 8 << 6 ? 6 : 4;

	enum sf_fault why = sf_vmem_u64(vm, head_kva, &head);

	if (why)
		return sf_error_new(SF_PAGE_NOT_KEPT, "head of the tree at 0x%" PRIx64 ": %s", head_kva,
				    sf_fault_text(why));
	walk_tree(&w, head);
	*ret = w.stats;
	return NULL;
}

struct sf_error *sf_vmem_xarray(struct sf_vmem *vm, uint64_t xarray_kva, uint32_t max, sf_idr_fn *fn, void *arg,
				struct sf_idr_stats *ret)
{
	const struct sf_radix_layout *l = &vm->kernel->radix;

	if (!l->xarray_head.present)
		return sf_error_new(SF_KERNEL, "kernel %s: no struct xarray with xa_head in its BTF",
				    vm->kernel->vi.release);
	return walk_at(vm, xarray_kva + l->xarray_head.offset, 0, max, fn, arg, ret);
}

struct sf_error *sf_vmem_idr(struct sf_vmem *vm, uint64_t idr_kva, uint32_t max, sf_idr_fn *fn, void *arg,
			     struct sf_idr_stats *ret)
{
	const struct sf_radix_layout *l = &vm->kernel->radix;
	uint32_t base = 0;

	if (!l->idr_xarray.present || !l->xarray_head.present)
		return sf_error_new(SF_KERNEL, "kernel %s: no struct idr with idr_rt in its BTF",
				    vm->kernel->vi.release);
	if (l->idr_base.present) {
		enum sf_fault why = sf_vmem_u32(vm, idr_kva + l->idr_base.offset, &base);

		if (why)
			return sf_error_new(SF_PAGE_NOT_KEPT, "struct idr at 0x%" PRIx64 ": %s", idr_kva,
					    sf_fault_text(why));
	}
	return walk_at(vm, idr_kva + l->idr_xarray.offset + l->xarray_head.offset, base, max, fn, arg, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The elements of a map, whatever its type: in a row, or in chains (chains.c). */

#include "bpf_private.h"

void sf_bpf_cursor_init(struct sf_bpf_cursor *c, const struct sf_bpf *bpf, struct sf_vmem *vm,
			const struct sf_bpf_map *map)
{
	*c = (struct sf_bpf_cursor){ .bpf = bpf, .vm = vm, .map = map };
}

static void elem_of_row(struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva, struct sf_bpf_elem *ret)
{
	*ret = (struct sf_bpf_elem){ .kva = kva, .value = kva };
	if (map->shape != SF_BPF_PERCPU_ARRAY)
		return;
	ret->fault = sf_vmem_u64(vm, kva, &ret->value);
	if (ret->fault)
		ret->value = 0;
	else if (!ret->value)
		ret->fault = SF_FAULT_UNMAPPED;
}

bool sf_bpf_elem_at(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t position,
		    struct sf_bpf_elem *ret)
{
	uint64_t n = map->shape == SF_BPF_STRUCT_OPS ? 1 : map->max_entries;

	(void)bpf;
	if (map->unread || map->n_buckets || position >= n)
		return false;
	elem_of_row(vm, map, map->values + position * map->stride, ret);
	ret->position = position;
	return true;
}

bool sf_bpf_cursor_next(struct sf_bpf_cursor *c, struct sf_bpf_elem *ret)
{
	if (c->map->unread)
		return false;
	if (c->map->n_buckets)
		return sf_bpf_chain_next(c, ret);
	return sf_bpf_elem_at(c->bpf, c->vm, c->map, c->position, ret) && ++c->position;
}

void sf_bpf_elem_of(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva,
		    struct sf_bpf_elem *ret)
{
	if (map->n_buckets)
		sf_bpf_chain_elem(bpf, vm, map, kva, ret);
	else
		elem_of_row(vm, map, kva, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The BTF of the fake kernel: the structs that the library looks for, with a layout of our own. */

#include <stdio.h>

#include "fake_guest.h"

static void add_scalars(struct btfb *b, struct fake_types *t)
{
	t->u32 = btfb_add_int(b, "unsigned int", 4, 0);
	t->s32 = btfb_add_int(b, "int", 4, BTFB_SIGNED);
	t->u64 = btfb_add_int(b, "long unsigned int", 8, 0);
	t->s64 = btfb_add_int(b, "long int", 8, BTFB_SIGNED);
	t->u8 = btfb_add_int(b, "unsigned char", 1, 0);
	t->s8 = btfb_add_int(b, "signed char", 1, BTFB_SIGNED);
	t->u16 = btfb_add_int(b, "short unsigned int", 2, 0);
	t->chr = btfb_add_int(b, "char", 1, BTFB_SIGNED | BTFB_CHAR);
	t->boolean = btfb_add_int(b, "_Bool", 1, BTFB_BOOL);
	t->voidp = btfb_add_ptr(b, 0);
}

static void add_containers(struct btfb *b, const struct fake_types *t)
{
	uint32_t xarray, slots;

	xarray = btfb_add_struct(b, "xarray", 16);
	btfb_member(b, "xa_lock", t->u32, 0);
	btfb_member(b, "xa_flags", t->u32, 4 * 8);
	btfb_member(b, "xa_head", t->voidp, FK_XA_HEAD * 8);
	btfb_add_struct(b, "idr", FK_IDR_SIZE);
	btfb_member(b, "idr_rt", xarray, 0);
	btfb_member(b, "idr_base", t->u32, FK_IDR_BASE * 8);
	btfb_member(b, "idr_next", t->u32, FK_IDR_NEXT * 8);
	slots = btfb_add_array(b, t->voidp, t->u32, 64);
	btfb_add_struct(b, "xa_node", FK_NODE_SIZE);
	btfb_member(b, "shift", t->u8, FK_NODE_SHIFT * 8);
	btfb_member(b, "offset", t->u8, 1 * 8);
	btfb_member(b, "count", t->u8, 2 * 8);
	btfb_member(b, "parent", t->voidp, 8 * 8);
	btfb_member(b, "slots", slots, FK_NODE_SLOTS * 8);
}

static void add_bpf(struct btfb *b, const struct fake_types *t)
{
	uint32_t name, map_type, btf, btf_ptr, map, aux, aux_ptr, map_ptr, map_ptr_ptr, values, inner;

	name = btfb_add_array(b, t->chr, t->u32, 16);
	map_type = btfb_add_enum(b, "bpf_map_type", 4, false);
	btfb_enumerator(b, "BPF_MAP_TYPE_UNSPEC", 0);
	btfb_enumerator(b, "BPF_MAP_TYPE_HASH", 1);
	btfb_enumerator(b, "BPF_MAP_TYPE_ARRAY", 2);
	btf = btfb_add_struct(b, "btf", FK_BTF_SIZE);
	btfb_member(b, "data", t->voidp, FK_BTF_DATA * 8);
	btfb_member(b, "data_size", t->u32, FK_BTF_DATA_SIZE * 8);
	btfb_member(b, "id", t->u32, FK_BTF_ID * 8);
	btfb_member(b, "base_btf", btf + 1, FK_BTF_BASE * 8);
	btf_ptr = btfb_add_ptr(b, btf);
	map = btfb_add_struct(b, "bpf_map", FK_MAP_SIZE);
	btfb_member(b, "ops", t->voidp, 0);
	btfb_member(b, "map_type", map_type, FK_MAP_TYPE * 8);
	btfb_member(b, "key_size", t->u32, FK_MAP_KEY_SIZE * 8);
	btfb_member(b, "value_size", t->u32, FK_MAP_VALUE_SIZE * 8);
	btfb_member(b, "max_entries", t->u32, FK_MAP_MAX_ENTRIES * 8);
	btfb_member(b, "map_flags", t->u32, FK_MAP_FLAGS * 8);
	btfb_member(b, "id", t->u32, FK_MAP_ID * 8);
	btfb_member(b, "btf_key_type_id", t->u32, FK_MAP_KEY_TYPE * 8);
	btfb_member(b, "btf_value_type_id", t->u32, FK_MAP_VALUE_TYPE * 8);
	btfb_member(b, "btf_vmlinux_value_type_id", t->u32, FK_MAP_VMLINUX_VALUE_TYPE * 8);
	btfb_member(b, "btf", btf_ptr, FK_MAP_BTF * 8);
	btfb_member(b, "name", name, FK_MAP_NAME * 8);
	/* As DECLARE_FLEX_ARRAY() makes it: in an anonymous struct, in an anonymous union. */
	values = btfb_add_array(b, t->chr, t->u32, 0);
	inner = btfb_add_struct(b, NULL, 0);
	btfb_member(b, "value", values, 0);
	inner = btfb_add_union(b, NULL, 0);
	btfb_member(b, NULL, inner - 1, 0);
	btfb_add_struct(b, "bpf_array", FK_ARRAY_VALUE);
	btfb_member(b, "map", map, 0);
	btfb_member(b, "elem_size", t->u32, FK_MAP_SIZE * 8);
	btfb_member(b, NULL, inner, FK_ARRAY_VALUE * 8);
	map_ptr = btfb_add_ptr(b, map);
	map_ptr_ptr = btfb_add_ptr(b, map_ptr);
	aux = btfb_add_struct(b, "bpf_prog_aux", FK_AUX_SIZE);
	btfb_member(b, "used_map_cnt", t->u32, FK_AUX_USED_MAP_CNT * 8);
	btfb_member(b, "id", t->u32, FK_AUX_ID * 8);
	btfb_member(b, "name", name, FK_AUX_NAME * 8);
	btfb_member(b, "used_maps", map_ptr_ptr, FK_AUX_USED_MAPS * 8);
	aux_ptr = btfb_add_ptr(b, aux);
	btfb_add_struct(b, "bpf_prog", FK_PROG_SIZE);
	btfb_member(b, "pages", t->u16, 0);
	btfb_member(b, "type", t->u32, FK_PROG_TYPE * 8);
	btfb_member(b, "aux", aux_ptr, FK_PROG_AUX * 8);
}

static void add_tasks(struct btfb *b, struct fake_types *t)
{
	uint32_t bits, comm;

	t->list_head = btfb_add_struct(b, "list_head", 16);
	btfb_member(b, "next", t->list_head + 1, 0);
	btfb_member(b, "prev", t->list_head + 1, 8 * 8);
	btfb_add_ptr(b, t->list_head);
	bits = btfb_add_array(b, t->u64, t->u32, FK_CPUMASK_SIZE / 8);
	t->cpumask = btfb_add_struct(b, "cpumask", FK_CPUMASK_SIZE);
	btfb_member(b, "bits", bits, 0);
	t->cpumask_t = btfb_add_typedef(b, "cpumask_t", t->cpumask);
	t->bpf_cpumask = btfb_add_struct(b, "bpf_cpumask", FK_CPUMASK_SIZE + 8);
	btfb_member(b, "cpumask", t->cpumask_t, 0);
	btfb_member(b, "usage", t->u32, FK_CPUMASK_SIZE * 8);
	comm = btfb_add_array(b, t->chr, t->u32, 16);
	t->task_struct = btfb_add_struct(b, "task_struct", FK_TASK_SIZE);
	btfb_member(b, "__state", t->u32, 0);
	btfb_member(b, "pid", t->s32, FK_TASK_PID * 8);
	btfb_member(b, "comm", comm, FK_TASK_COMM * 8);
	btfb_member(b, "cpus_mask", t->cpumask_t, FK_TASK_MASK * 8);
	btfb_member(b, "real_parent", t->task_struct + 1, FK_TASK_PARENT * 8);
	t->task_ptr = btfb_add_ptr(b, t->task_struct);
	/* Two structs of one name, as the kernel's `struct rq`. */
	btfb_add_struct(b, "twin", 4);
	btfb_member(b, "small", t->u32, 0);
	btfb_add_struct(b, "twin", 16);
	btfb_member(b, "large", t->u64, 8 * 8);
}

void fake_types_build(struct btfb *b, struct fake_types *ids, uint32_t padding)
{
	char name[32];

	btfb_init(b, NULL);
	memset(ids, 0, sizeof(*ids));
	add_scalars(b, ids);
	add_containers(b, ids);
	add_bpf(b, ids);
	add_tasks(b, ids);
	for (uint32_t i = 0; i < padding; i++) {
		snprintf(name, sizeof(name), "padding_type_number_%05u", i);
		btfb_add_typedef(b, name, ids->u64);
	}
}

static struct btfb_bytes bytes_copy(const struct btfb_bytes *b)
{
	struct btfb_bytes copy = { .n = b->n };

	if (!b->n)
		return copy;
	copy.p = malloc(b->n);
	assert(copy.p);
	memcpy(copy.p, b->p, b->n);
	return copy;
}

uint8_t *fake_types_bytes(const struct btfb *b, size_t *len)
{
	struct btfb *copy = malloc(sizeof(*copy));
	uint8_t *bytes;

	assert(copy);
	*copy = *b;
	copy->types = bytes_copy(&b->types);
	copy->strings = bytes_copy(&b->strings);
	copy->layout = bytes_copy(&b->layout);
	bytes = btfb_finish(copy, len);
	free(copy);
	return bytes;
}

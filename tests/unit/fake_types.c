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

static void add_bpf(struct btfb *b, struct fake_types *t)
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
	t->map = map;
	/* As DECLARE_FLEX_ARRAY() makes it: in an anonymous struct, in an anonymous union. */
	values = btfb_add_array(b, t->chr, t->u32, 0);
	inner = btfb_add_struct(b, NULL, 0);
	btfb_member(b, "value", values, 0);
	values = btfb_add_array(b, t->voidp, t->u32, 0);
	btfb_add_struct(b, NULL, 0);
	btfb_member(b, "pptrs", values, 0);
	values = inner;
	inner = btfb_add_union(b, NULL, 0);
	btfb_member(b, NULL, values, 0);
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
	btfb_member(b, "tgid", t->s32, FK_TASK_TGID * 8);
	t->task_ptr = btfb_add_ptr(b, t->task_struct);
	/* Two structs of one name, as the kernel's `struct rq`. */
	btfb_add_struct(b, "twin", 4);
	btfb_member(b, "small", t->u32, 0);
	btfb_add_struct(b, "twin", 16);
	btfb_member(b, "large", t->u64, 8 * 8);
}

static void add_ksym(struct btfb *b, const struct fake_types *t)
{
	uint32_t name = btfb_add_array(b, t->chr, t->u32, FK_KSYM_NAME_LEN);

	btfb_add_struct(b, "bpf_ksym", FK_KSYM_SIZE);
	btfb_member(b, "lnode", t->list_head, FK_KSYM_LNODE * 8);
	btfb_member(b, "end", t->u64, FK_KSYM_END * 8);
	btfb_member(b, "start", t->u64, FK_KSYM_START * 8);
	btfb_member(b, "name", name, FK_KSYM_NAME * 8);
}

/* hlist_node and hlist_nulls_node, and what a bucket begins with. */
struct chain_types {
	uint32_t node, head;
};

static struct chain_types add_chain(struct btfb *b, const struct fake_types *t, const char *node, const char *head,
				    unsigned int without)
{
	struct chain_types c;

	c.node = btfb_add_struct(b, node, 16);
	btfb_member(b, "next", t->voidp, 0);
	if (!(without & WITHOUT_PPREV))
		btfb_member(b, "pprev", t->voidp, 8 * 8);
	c.head = btfb_add_struct(b, head, 8);
	btfb_member(b, "first", t->voidp, 0);
	return c;
}

static void add_hash(struct btfb *b, const struct fake_types *t, unsigned int without)
{
	struct chain_types c = add_chain(b, t, "hlist_nulls_node", "hlist_nulls_head", without);
	uint32_t bucket, key, links;

	/* Something else of that name, and larger: what a bucket is, the pointer to it says. */
	btfb_add_struct(b, "bucket", 64);
	btfb_member(b, "head", c.head, 40 * 8);
	bucket = btfb_add_struct(b, "bucket", FK_BUCKET_SIZE);
	btfb_member(b, "head", c.head, 0);
	btfb_member(b, "raw_lock", t->u32, 8 * 8);
	bucket = btfb_add_ptr(b, bucket);
	btfb_add_struct(b, "bpf_htab", FK_HTAB_SIZE);
	btfb_member(b, "map", t->map, 0);
	btfb_member(b, "buckets", bucket, FK_HTAB_BUCKETS * 8);
	if (!(without & WITHOUT_HTAB_ELEMS))
		btfb_member(b, "elems", t->voidp, FK_HTAB_ELEMS * 8);
	btfb_member(b, "count", t->u32, FK_HTAB_COUNT * 8);
	btfb_member(b, "n_buckets", t->u32, FK_HTAB_N_BUCKETS * 8);
	btfb_member(b, "elem_size", t->u32, FK_HTAB_ELEM_SIZE * 8);
	if (!(without & WITHOUT_HASHRND))
		btfb_member(b, "hashrnd", t->u32, FK_HTAB_HASHRND * 8);
	links = btfb_add_union(b, NULL, 16);
	btfb_member(b, "hash_node", c.node, 0);
	key = btfb_add_array(b, t->chr, t->u32, 0);
	btfb_add_struct(b, "htab_elem", FK_ELEM_KEY);
	btfb_member(b, NULL, links, 0);
	btfb_member(b, "ptr_to_pptr", t->voidp, 16 * 8);
	btfb_member(b, "hash", t->u32, FK_ELEM_HASH * 8);
	btfb_member(b, "key", key, FK_ELEM_KEY * 8);
}

static void add_storage(struct btfb *b, const struct fake_types *t, unsigned int without)
{
	struct chain_types c = add_chain(b, t, "hlist_node", "hlist_head", without);
	uint32_t bucket, data, sdata;

	bucket = btfb_add_struct(b, "bpf_local_storage_map_bucket", FK_BUCKET_SIZE);
	btfb_member(b, "list", c.head, 0);
	btfb_member(b, "lock", t->u32, 8 * 8);
	bucket = btfb_add_ptr(b, bucket);
	btfb_add_struct(b, "bpf_local_storage_map", FK_SMAP_SIZE);
	btfb_member(b, "map", t->map, 0);
	btfb_member(b, "buckets", bucket, FK_SMAP_BUCKETS * 8);
	btfb_member(b, "bucket_log", t->u32, FK_SMAP_BUCKET_LOG * 8);
	data = btfb_add_array(b, t->u8, t->u32, 0);
	sdata = btfb_add_struct(b, "bpf_local_storage_data", 8);
	btfb_member(b, "smap", t->voidp, 0);
	btfb_member(b, "data", data, 8 * 8);
	btfb_add_struct(b, "bpf_local_storage_elem", 128);
	btfb_member(b, "map_node", c.node, FK_SELEM_NEXT * 8);
	if (!(without & WITHOUT_SNODE))
		btfb_member(b, "snode", c.node, FK_SELEM_OWNERS_NEXT * 8);
	btfb_member(b, "local_storage", t->voidp, FK_SELEM_STORAGE * 8);
	btfb_member(b, "sdata", sdata, FK_SELEM_SMAP * 8);
	btfb_add_struct(b, "bpf_local_storage", FK_STORAGE_SIZE);
	btfb_member(b, "list", c.head, FK_STORAGE_FIRST * 8);
	btfb_member(b, "owner", t->voidp, FK_STORAGE_OWNER * 8);
}

static void add_struct_ops(struct btfb *b, struct fake_types *t, unsigned int without)
{
	uint32_t proto, func, name, common, data, value;

	proto = btfb_add_func_proto(b, t->s32);
	btfb_param(b, "p", t->task_ptr);
	func = btfb_add_ptr(b, proto);
	name = btfb_add_array(b, t->chr, t->u32, 16);
	t->ops = btfb_add_struct(b, "sched_ext_ops", 40);
	btfb_member(b, "enqueue", func, 0);
	btfb_member(b, "flags", t->u64, 8 * 8);
	btfb_member(b, "timeout_ms", t->u32, 16 * 8);
	btfb_member(b, "name", name, 20 * 8);
	common = btfb_add_struct(b, "bpf_struct_ops_common_value", 8);
	btfb_member(b, "refcnt", t->u32, 0);
	btfb_member(b, "state", t->u32, 4 * 8);
	t->ops_wrapper = btfb_add_struct(b, "bpf_struct_ops_sched_ext_ops", FK_OPS_HEAD + 64);
	btfb_member(b, "common", common, 0);
	btfb_member(b, "data", t->ops, FK_OPS_HEAD * 8);
	data = btfb_add_array(b, t->chr, t->u32, 0);
	value = btfb_add_struct(b, "bpf_struct_ops_value", FK_OPS_HEAD);
	btfb_member(b, "common", common, 0);
	btfb_member(b, "data", data, FK_OPS_HEAD * 8);
	btfb_add_struct(b, "bpf_struct_ops_map", FK_OPS_VALUE + FK_OPS_HEAD);
	btfb_member(b, "map", t->map, 0);
	if (!(without & WITHOUT_OPS_BTF))
		btfb_member(b, "btf", t->voidp, FK_OPS_BTF * 8);
	btfb_member(b, "kvalue", value, FK_OPS_VALUE * 8);
}

static void add_owners(struct btfb *b, const struct fake_types *t, unsigned int without)
{
	uint32_t name = btfb_add_ptr(b, t->chr), kn, common;

	kn = btfb_add_struct(b, "kernfs_node", FK_KN_SIZE);
	btfb_member(b, without & WITH_OLD_PARENT ? "parent" : "__parent", t->voidp, FK_KN_PARENT * 8);
	btfb_member(b, "name", name, FK_KN_NAME * 8);
	btfb_member(b, "id", t->u64, FK_KN_ID * 8);
	kn = btfb_add_ptr(b, kn);
	btfb_add_struct(b, "cgroup", FK_CGROUP_SIZE);
	btfb_member(b, "kn", kn, FK_CGROUP_KN * 8);
	btfb_add_struct(b, "inode", FK_INODE_SIZE);
	btfb_member(b, "i_ino", t->u64, FK_INODE_INO * 8);
	common = btfb_add_struct(b, "sock_common", 32);
	btfb_member(b, "skc_num", t->u16, FK_SOCK_PORT * 8);
	btfb_member(b, "skc_family", t->u16, FK_SOCK_FAMILY * 8);
	btfb_add_struct(b, "sock", FK_SOCK_SIZE);
	btfb_member(b, "__sk_common", common, 0);
}

void fake_types_build(struct btfb *b, struct fake_types *ids, uint32_t padding, unsigned int without)
{
	char name[32];

	btfb_init(b, NULL);
	memset(ids, 0, sizeof(*ids));
	add_scalars(b, ids);
	add_containers(b, ids);
	add_bpf(b, ids);
	add_tasks(b, ids);
	add_ksym(b, ids);
	add_hash(b, ids, without);
	add_storage(b, ids, without);
	add_struct_ops(b, ids, without);
	add_owners(b, ids, without);
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

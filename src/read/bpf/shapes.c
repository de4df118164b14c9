/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where each type of map keeps its values, and why those of some types are not read. What is checked here once is not
 * checked again by those who walk: the sizes of a map make sense, its buckets are in RAM as far as their number goes.
 */

#include "bpf_private.h"

#define MAX_BUCKETS (1u << 27) /* of a hash; more than any max_entries that fits in a guest of ours */

#define NO_LAYOUT "the kernel's BTF does not say how such a map is laid out"
#define NO_HEAD "what its struct bpf_map is the beginning of cannot be read"
#define BAD_SIZES "its key or value size makes no sense"
#define BAD_BUCKETS "its number of buckets makes no sense"

/* Types whose values are not looked for: a sentence each. Numbers of enum bpf_map_type, include/uapi/linux/bpf.h. */
static const char *const unread_types[] = {
	[0] = "no type of map has the number 0",
	[3] = "its values are programs that tail calls lead to: not read",
	[4] = "its values are perf events of the kernel: not read",
	[7] = "its values are stack traces by number: not read",
	[8] = "its values are cgroups to compare with: not read",
	[11] = "its values hang in a trie of prefixes: not read",
	[12] = "its values are other maps, which are listed with all maps: not read",
	[13] = "its values are other maps, which are listed with all maps: not read",
	[14] = "its values are network devices: not read",
	[15] = "its values are sockets to redirect to: not read",
	[16] = "its values are queues of packets for other CPUs: not read",
	[17] = "its values are AF_XDP sockets: not read",
	[18] = "its values are sockets to redirect to: not read",
	[19] = "its values hang off the programs that are attached to cgroups: not read",
	[20] = "its values are sockets to choose from: not read",
	[21] = "its values hang off the programs that are attached to cgroups: not read",
	[22] = "values of a queue are on their way from one program to another: not read",
	[23] = "values of a stack are on their way from one program to another: not read",
	[25] = "its values are network devices: not read",
	[27] = "values of a ring buffer are records in flight: not read",
	[30] = "a bloom filter keeps no values, only bits of their hashes",
	[31] = "values of a ring buffer are records in flight: not read",
	[33] = "an arena is memory that programs manage themselves: not read",
	[34] = "its values are addresses of instructions: not read",
	[35] = "its values hang in a hash that grows and shrinks: not read",
};

/* ---- layouts -------------------------------------------------------------------------------------------- */

/*
 * The struct that pointer @member of struct @owner leads to, and its @first. By the pointer and not by name: more than
 * one thing in a kernel is called a bucket.
 */
static void find_bucket(const struct sf_btf *btf, const char *owner, const char *member, const char *first,
			struct sf_place *ret_self, struct sf_place *ret_first)
{
	struct sf_btf_place at;
	struct sf_btf_type ptr;
	uint64_t size;

	if (!sf_btf_find_member(btf, sf_btf_find_largest(btf, owner, SF_BTF_STRUCT), member, &at) ||
	    !sf_btf_type(btf, sf_btf_peel(btf, at.type), &ptr) || ptr.kind != SF_BTF_PTR)
		return;

	uint32_t bucket = sf_btf_peel(btf, ptr.type);

	if (!sf_btf_find_member(btf, bucket, first, &at) || at.bit_size || at.bit_offset % 8 ||
	    !sf_btf_size_of(btf, bucket, &size) || size > SF_PAGE_SIZE || !sf_in_range(at.bit_offset / 8, 8, size))
		return;
	*ret_self = (struct sf_place){ .size = (uint32_t)size, .present = true };
	*ret_first = (struct sf_place){ .offset = at.bit_offset / 8, .size = 8, .present = true };
}

/* Bytes from the start of an element that hold all of these; 0: it would be more than an element of the kernel has. */
static uint32_t head_of(const struct sf_place *const *places, size_t n)
{
	uint32_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (!places[i]->present)
			continue;
		if (!sf_in_range(places[i]->offset, 8, SF_BPF_ELEM_HEAD))
			return 0;
		len = sf_max(len, places[i]->offset + 8);
	}
	return len;
}

void sf_bpf_find_layouts(struct sf_bpf *bpf)
{
	const struct sf_place *elem[] = { &bpf->elem.next, &bpf->elem.pprev, &bpf->elem.hash };
	const struct sf_place *selem[] = {
		&bpf->selem.next, &bpf->selem.pprev, &bpf->selem.storage, &bpf->selem.smap, &bpf->selem.owners_pprev,
	};
	const struct sf_btf *btf = sf_kernel_btf(bpf->kernel);

	find_bucket(btf, "bpf_htab", "buckets", "head.first", &bpf->bucket.self, &bpf->bucket.first);
	find_bucket(btf, "bpf_local_storage_map", "buckets", "list.first", &bpf->smap_bucket.self,
		    &bpf->smap_bucket.first);
	if (bpf->elem.next.present && bpf->elem.pprev.present && bpf->elem.key.present)
		bpf->elem_head = head_of(elem, ARRAY_SIZE(elem));
	if (bpf->selem.next.present && bpf->selem.pprev.present && bpf->selem.data.present)
		bpf->selem_head = head_of(selem, ARRAY_SIZE(selem));
}

/* ---- arrays --------------------------------------------------------------------------------------------- */

static const char *find_array(const struct sf_bpf *bpf, struct sf_bpf_map *m)
{
	if (!bpf->array_value.present)
		return "the kernel's BTF has no struct bpf_array";
	if (!m->value_size || m->value_size > UINT32_MAX - 7)
		return "its value size makes no sense";
	/* kernel/bpf/arraymap.c: elem_size = round_up(value_size, 8) */
	m->values = m->kva + bpf->array_value.offset;
	m->stride = sf_align_up((uint64_t)m->value_size, 8);
	m->shape = SF_BPF_ARRAY;
	return NULL;
}

static const char *find_percpu_array(const struct sf_bpf *bpf, struct sf_bpf_map *m)
{
	const struct sf_place *pptrs = bpf->array_pptrs.present ? &bpf->array_pptrs : &bpf->array_value;

	if (!pptrs->present)
		return "the kernel's BTF has no struct bpf_array";
	if (!m->value_size || m->value_size > UINT32_MAX - 7)
		return "its value size makes no sense";
	m->values = m->kva + pptrs->offset;
	m->stride = 8;
	m->shape = SF_BPF_PERCPU_ARRAY;
	return NULL;
}

/* ---- hashes --------------------------------------------------------------------------------------------- */

/* Are there so many buckets? Their table has to fit in RAM; a size that it claims keeps no walk busy for long. */
static bool buckets_fit(const struct sf_vmem *vm, const struct sf_bpf_map *m)
{
	return m->n_buckets && m->n_buckets <= MAX_BUCKETS && !(m->n_buckets & (m->n_buckets - 1)) &&
	       m->n_buckets * m->stride <= vm->direct_len && m->values + m->n_buckets * m->stride >= m->values;
}

/*
 * kernel/bpf/hashtab.c, prealloc_init(): one area of max_entries elements. Hashes that are neither LRU nor per-CPU have
 * one more for each possible CPU, which take part in updates like all others. No kernel variable that is always there
 * says how many CPUs are possible; there are not more than nr_cpu_ids.
 */
static const char *find_pool(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t needed, struct sf_bpf_map *m)
{
	uint32_t elem_size = 0;
	uint64_t pool = 0, n = m->max_entries;

	if (!bpf->htab.elems.present || !bpf->htab.elem_size.present)
		return NULL;
	if (sf_vmem_u64(vm, m->kva + bpf->htab.elems.offset, &pool) ||
	    sf_vmem_u32(vm, m->kva + bpf->htab.elem_size.offset, &elem_size))
		return NO_HEAD;
	if (elem_size < needed)
		return "its elements are smaller than a key and a value";
	m->elem_size = elem_size;
	if (m->type == SF_BPF_MAP_TYPE_HASH)
		n += sf_kernel_nr_cpu_ids(bpf->kernel);
	if (!pool || n * elem_size > vm->direct_len || pool + n * elem_size < pool)
		return NULL;
	m->pool = pool;
	m->pool_len = n * elem_size;
	return NULL;
}

static const char *find_hash(const struct sf_bpf *bpf, struct sf_vmem *vm, bool percpu, struct sf_bpf_map *m)
{
	uint64_t needed = bpf->elem.key.offset + sf_align_up((uint64_t)m->key_size, 8);
	uint32_t n_buckets = 0;

	if (!bpf->htab.buckets.present || !bpf->htab.n_buckets.present || !bpf->bucket.first.present ||
	    !bpf->elem_head)
		return NO_LAYOUT;
	if (!m->key_size || !m->value_size)
		return BAD_SIZES;
	needed += percpu ? 8 : sf_align_up((uint64_t)m->value_size, 8);
	if (needed > vm->direct_len)
		return BAD_SIZES;
	if (sf_vmem_u64(vm, m->kva + bpf->htab.buckets.offset, &m->values) ||
	    sf_vmem_u32(vm, m->kva + bpf->htab.n_buckets.offset, &n_buckets))
		return NO_HEAD;
	m->n_buckets = n_buckets;
	m->stride = bpf->bucket.self.size;
	if (!buckets_fit(vm, m))
		return BAD_BUCKETS;
	m->shape = percpu ? SF_BPF_PERCPU_HASH : SF_BPF_HASH;
	/* Whoever looks for a key wants it (lookup.c); without it all are looked through. */
	if (bpf->htab.hashrnd.present)
		(void)sf_vmem_touch(vm, m->kva + bpf->htab.hashrnd.offset, bpf->htab.hashrnd.size);
	return find_pool(bpf, vm, needed, m);
}

/* ---- the rest ------------------------------------------------------------------------------------------- */

static const char *find_storage(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_map *m)
{
	uint32_t bucket_log = 0;

	if (!bpf->smap.buckets.present || !bpf->smap.bucket_log.present || !bpf->smap_bucket.first.present ||
	    !bpf->selem_head)
		return NO_LAYOUT;
	if (!m->value_size || m->value_size > vm->direct_len)
		return BAD_SIZES;
	if (sf_vmem_u64(vm, m->kva + bpf->smap.buckets.offset, &m->values) ||
	    sf_vmem_u32(vm, m->kva + bpf->smap.bucket_log.offset, &bucket_log))
		return NO_HEAD;
	m->n_buckets = bucket_log < 32 ? 1ull << bucket_log : 0;
	m->stride = bpf->smap_bucket.self.size;
	if (!buckets_fit(vm, m))
		return BAD_BUCKETS;
	m->shape = SF_BPF_STORAGE;
	return NULL;
}

/* kernel/bpf/bpf_struct_ops.c: kvalue is the wrapper that btf_vmlinux_value_type_id names; its `data` is the struct. */
static const char *find_struct_ops(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_map *m)
{
	uint32_t head;

	if (!bpf->struct_ops.value.present || !bpf->struct_ops.data.present)
		return NO_LAYOUT;
	head = bpf->struct_ops.data.offset - bpf->struct_ops.value.offset;
	if (m->value_size <= head)
		return "its value size makes no sense";
	/* Which BTF the struct is from: a module's, or the kernel's own. */
	m->btf = 0;
	if (bpf->struct_ops.btf.present && sf_vmem_u64(vm, m->kva + bpf->struct_ops.btf.offset, &m->btf))
		return NO_HEAD;
	if (!m->btf && bpf->btf_vmlinux && sf_vmem_u64(vm, bpf->btf_vmlinux, &m->btf))
		m->btf = 0;
	m->values = m->kva + bpf->struct_ops.data.offset;
	m->value_len = m->value_size - head;
	m->stride = m->value_len;
	m->shape = SF_BPF_STRUCT_OPS;
	return NULL;
}

static const char *find(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_map *m)
{
	switch (m->type) {
	case SF_BPF_MAP_TYPE_ARRAY:
		return find_array(bpf, m);
	case SF_BPF_MAP_TYPE_PERCPU_ARRAY:
		return find_percpu_array(bpf, m);
	case SF_BPF_MAP_TYPE_HASH:
	case SF_BPF_MAP_TYPE_LRU_HASH:
		return find_hash(bpf, vm, false, m);
	case SF_BPF_MAP_TYPE_PERCPU_HASH:
	case SF_BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return find_hash(bpf, vm, true, m);
	case SF_BPF_MAP_TYPE_TASK_STORAGE:
	case SF_BPF_MAP_TYPE_CGRP_STORAGE:
	case SF_BPF_MAP_TYPE_INODE_STORAGE:
	case SF_BPF_MAP_TYPE_SK_STORAGE:
		return find_storage(bpf, vm, m);
	case SF_BPF_MAP_TYPE_STRUCT_OPS:
		return find_struct_ops(bpf, vm, m);
	default:
		if (m->type < ARRAY_SIZE(unread_types) && unread_types[m->type])
			return unread_types[m->type];
		return "a type of map that is newer than this reader";
	}
}

/* A row of values, or one value. Of elements in chains only those count that are there. */
static bool is_larger_than_ram(const struct sf_vmem *vm, const struct sf_bpf_map *m)
{
	bool is_row = m->shape == SF_BPF_ARRAY || m->shape == SF_BPF_PERCPU_ARRAY;

	return m->value_len > vm->direct_len || (is_row && m->max_entries > vm->direct_len / m->stride);
}

void sf_bpf_find_values(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_map *m)
{
	m->value_len = m->value_size;
	m->unread = find(bpf, vm, m);
	if (!m->unread && is_larger_than_ram(vm, m))
		m->unread = "its values would be larger than all memory";
	if (!m->unread)
		return;
	m->shape = SF_BPF_UNREAD;
	m->values = m->stride = m->n_buckets = m->pool = m->pool_len = 0;
}

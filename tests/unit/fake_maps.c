/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps that are not rows of values: hashes, per-CPU maps, local storage, STRUCT_OPS; and the owners of local storage. */

#include <stdio.h>

#include "fake_bpf.h"

static uint64_t get64(struct fake_guest *g, uint64_t kva)
{
	uint64_t v;

	fake_read(g, kva, &v, sizeof(v));
	return v;
}

static uint32_t get32(struct fake_guest *g, uint64_t kva)
{
	uint32_t v;

	fake_read(g, kva, &v, sizeof(v));
	return v;
}

/* As kvmalloc(): what is large is not contiguous. */
static uint64_t alloc_area(struct fake_guest *g, size_t size)
{
	return size > 8 * SF_PAGE_SIZE ? fake_vmalloc(g, size) : fake_kmalloc(g, size);
}

/* hlist_add_head(), hlist_nulls_add_head(): a node is its `next` and, behind it, its `pprev`. */
static void link_front(struct fake_guest *g, uint64_t node, uint64_t head)
{
	uint64_t first = get64(g, head);

	fake_u64(g, node, first);
	fake_u64(g, node + 8, head);
	fake_u64(g, head, node);
	if (first && !(first & 1))
		fake_u64(g, first + 8, node);
}

void fake_unlink(struct fake_guest *g, uint64_t node)
{
	uint64_t next = get64(g, node), pprev = get64(g, node + 8);

	fake_u64(g, pprev, next);
	if (next && !(next & 1))
		fake_u64(g, next + 8, pprev);
	fake_u64(g, node + 8, 0);
}

/* ---- hashes ----------------------------------------------------------------------------------------------- */

static bool is_percpu(uint32_t type)
{
	return type == SF_BPF_MAP_TYPE_PERCPU_HASH || type == SF_BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

uint64_t fake_add_hash(struct fake_guest *g, const struct fake_map *m)
{
	uint64_t map = fake_add_map(g, m), n_buckets = 1, buckets;
	uint32_t max = get32(g, map + FK_MAP_MAX_ENTRIES), key_size = get32(g, map + FK_MAP_KEY_SIZE);
	size_t elem = FK_ELEM_KEY + sf_align_up(key_size, 8u) + (is_percpu(m->type) ? 8 : sf_align_up(m->value_size, 8u));

	while (n_buckets < max)
		n_buckets *= 2;
	buckets = alloc_area(g, n_buckets * FK_BUCKET_SIZE);
	for (uint64_t i = 0; i < n_buckets; i++)
		fake_u64(g, buckets + i * FK_BUCKET_SIZE, i << 1 | 1);
	fake_u64(g, map + FK_HTAB_BUCKETS, buckets);
	fake_u32(g, map + FK_HTAB_N_BUCKETS, (uint32_t)n_buckets);
	fake_u32(g, map + FK_HTAB_ELEM_SIZE, (uint32_t)elem);
	if (m->flags & FAKE_NO_PREALLOC)
		return map;
	/* prealloc_init(): one more for each CPU, of those that are neither LRU nor per-CPU. */
	if (m->type == SF_BPF_MAP_TYPE_HASH)
		max += g->opt.n_cpus;
	fake_u64(g, map + FK_HTAB_ELEMS, alloc_area(g, elem * max));
	return map;
}

uint32_t fake_hash_of(const void *key, size_t len)
{
	return (uint32_t)sf_hash_bytes(key, len);
}

uint64_t fake_hash_bucket(struct fake_guest *g, uint64_t map, uint32_t bucket)
{
	return get64(g, map + FK_HTAB_BUCKETS) + (uint64_t)bucket * FK_BUCKET_SIZE;
}

uint64_t fake_hash_value(struct fake_guest *g, uint64_t map, uint64_t elem)
{
	return elem + FK_ELEM_KEY + sf_align_up(get32(g, map + FK_MAP_KEY_SIZE), 8u);
}

static void write_percpu(struct fake_guest *g, uint64_t percpu, uint32_t size, const uint8_t *values)
{
	for (uint32_t cpu = 0; cpu < g->opt.n_cpus; cpu++) {
		uint64_t kva = fake_percpu_kva(g, percpu, cpu);

		if (kva && values)
			fake_write(g, kva, values + (size_t)cpu * sf_align_up(size, 8u), size);
	}
}

uint64_t fake_hash_add_at(struct fake_guest *g, uint64_t map, uint32_t hash, const void *key, const void *value)
{
	uint32_t key_size = get32(g, map + FK_MAP_KEY_SIZE), size = get32(g, map + FK_MAP_VALUE_SIZE);
	uint32_t elem_size = get32(g, map + FK_HTAB_ELEM_SIZE), count = get32(g, map + FK_HTAB_COUNT);
	uint32_t mask = get32(g, map + FK_HTAB_N_BUCKETS) - 1;
	uint64_t pool = get64(g, map + FK_HTAB_ELEMS), at, percpu;
	uint64_t elem = pool ? pool + (uint64_t)count * elem_size : fake_kmalloc(g, elem_size);

	fake_u32(g, map + FK_HTAB_COUNT, count + 1);
	fake_u32(g, elem + FK_ELEM_HASH, hash);
	fake_write(g, elem + FK_ELEM_KEY, key, key_size);
	at = fake_hash_value(g, map, elem);
	if (is_percpu(get32(g, map + FK_MAP_TYPE))) {
		percpu = fake_percpu(g, size);
		fake_u64(g, at, percpu);
		write_percpu(g, percpu, size, value);
	} else {
		fake_write(g, at, value, size);
	}
	link_front(g, elem, fake_hash_bucket(g, map, hash & mask));
	return elem;
}

uint64_t fake_hash_add(struct fake_guest *g, uint64_t map, const void *key, const void *value)
{
	return fake_hash_add_at(g, map, fake_hash_of(key, get32(g, map + FK_MAP_KEY_SIZE)), key, value);
}

/* ---- per-CPU arrays, STRUCT_OPS --------------------------------------------------------------------------- */

uint64_t fake_add_percpu_array(struct fake_guest *g, const struct fake_map *m, const void *values)
{
	struct fake_map row = *m;
	uint64_t map, stride = (uint64_t)sf_align_up(m->value_size, 8u) * g->opt.n_cpus;
	const uint8_t *from = values;

	row.type = SF_BPF_MAP_TYPE_PERCPU_ARRAY;
	map = fake_add_map(g, &row);
	for (uint32_t i = 0; i < get32(g, map + FK_MAP_MAX_ENTRIES); i++) {
		uint64_t percpu = fake_percpu(g, m->value_size);

		fake_u64(g, map + FK_ARRAY_VALUE + 8ull * i, percpu);
		write_percpu(g, percpu, m->value_size, from ? from + i * stride : NULL);
	}
	return map;
}

uint64_t fake_add_struct_ops(struct fake_guest *g, const struct fake_map *m)
{
	struct fake_map wrapper = *m;
	uint64_t map;

	wrapper.type = SF_BPF_MAP_TYPE_STRUCT_OPS;
	wrapper.value_size = FK_OPS_HEAD + sf_align_up(m->value_size, 64u);
	wrapper.values = NULL;
	map = fake_add_map(g, &wrapper);
	/* What libbpf gives the map is the program's; which BTF the struct is from, the map itself knows. */
	fake_u64(g, map + FK_MAP_BTF, 0);
	fake_u64(g, map + FK_OPS_BTF, m->btf);
	fake_u32(g, map + FK_OPS_VALUE, 1);
	fake_u32(g, map + FK_OPS_VALUE + 4, 1);
	fake_write(g, map + FK_OPS_VALUE + FK_OPS_HEAD, m->values, m->value_size);
	return map;
}

/* ---- local storage ---------------------------------------------------------------------------------------- */

uint64_t fake_add_storage(struct fake_guest *g, const struct fake_map *m, uint32_t n_buckets)
{
	uint64_t map = fake_add_map(g, m);
	uint32_t log = 0;

	while (1u << log < n_buckets)
		log++;
	fake_u32(g, map + FK_MAP_MAX_ENTRIES, 0);
	fake_u64(g, map + FK_SMAP_BUCKETS, alloc_area(g, (size_t)n_buckets * FK_BUCKET_SIZE));
	fake_u32(g, map + FK_SMAP_BUCKET_LOG, log);
	return map;
}

/* The struct bpf_local_storage of an owner: every fake owner begins behind a pointer to it. */
static uint64_t storage_of(struct fake_guest *g, uint64_t owner)
{
	uint64_t storage = get64(g, owner - 8);

	if (storage)
		return storage;
	storage = fake_kmalloc(g, FK_STORAGE_SIZE);
	fake_u64(g, storage + FK_STORAGE_OWNER, owner);
	fake_u64(g, owner - 8, storage);
	return storage;
}

uint64_t fake_storage_bucket(struct fake_guest *g, uint64_t map, uint64_t owner)
{
	uint64_t storage = storage_of(g, owner), mask = (1ull << get32(g, map + FK_SMAP_BUCKET_LOG)) - 1;

	return get64(g, map + FK_SMAP_BUCKETS) + FK_BUCKET_SIZE * (sf_hash_bytes(&storage, 8) & mask);
}

uint64_t fake_store(struct fake_guest *g, uint64_t map, uint64_t owner, const void *value)
{
	uint32_t size = get32(g, map + FK_MAP_VALUE_SIZE);
	uint64_t elem = fake_kmalloc(g, FK_SELEM_DATA + size), storage = storage_of(g, owner);

	fake_u64(g, elem + FK_SELEM_SMAP, map);
	fake_write(g, elem + FK_SELEM_DATA, value, size);
	link_front(g, elem + FK_SELEM_NEXT, fake_storage_bucket(g, map, owner));
	fake_u64(g, elem + FK_SELEM_STORAGE, storage);
	link_front(g, elem + FK_SELEM_OWNERS_NEXT, storage + FK_STORAGE_FIRST);
	return elem;
}

/* ---- owners ------------------------------------------------------------------------------------------------ */

static uint64_t new_owner(struct fake_guest *g, size_t size)
{
	return fake_kmalloc(g, 8 + size) + 8;
}

uint64_t fake_add_task(struct fake_guest *g, int32_t pid, int32_t tgid, const char *comm)
{
	uint64_t task = new_owner(g, FK_TASK_SIZE);
	char field[16] = { 0 };

	memcpy(field, comm, strnlen(comm, sizeof(field) - 1));
	fake_u32(g, task + FK_TASK_PID, (uint32_t)pid);
	fake_u32(g, task + FK_TASK_TGID, (uint32_t)tgid);
	fake_write(g, task + FK_TASK_COMM, field, sizeof(field));
	fake_u64(g, task + FK_TASK_PARENT, task);
	return task;
}

uint64_t fake_add_cgroup(struct fake_guest *g, uint64_t parent, const char *name, uint64_t id)
{
	uint64_t cgroup = new_owner(g, FK_CGROUP_SIZE), kn = fake_kmalloc(g, FK_KN_SIZE);
	uint64_t text = fake_kmalloc(g, strlen(name) + 1);

	fake_write(g, text, name, strlen(name) + 1);
	fake_u64(g, kn + FK_KN_PARENT, parent ? get64(g, parent + FK_CGROUP_KN) : 0);
	fake_u64(g, kn + FK_KN_NAME, text);
	fake_u64(g, kn + FK_KN_ID, id);
	fake_u64(g, cgroup + FK_CGROUP_KN, kn);
	return cgroup;
}

uint64_t fake_add_inode(struct fake_guest *g, uint64_t number)
{
	uint64_t inode = new_owner(g, FK_INODE_SIZE);

	fake_u64(g, inode + FK_INODE_INO, number);
	return inode;
}

uint64_t fake_add_sock(struct fake_guest *g, uint16_t family, uint16_t port)
{
	uint64_t sock = new_owner(g, FK_SOCK_SIZE);

	fake_write(g, sock + FK_SOCK_PORT, &port, sizeof(port));
	fake_write(g, sock + FK_SOCK_FAMILY, &family, sizeof(family));
	return sock;
}

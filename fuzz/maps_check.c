/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "frame_uses.h"
#include "maps_check.h"

#define MAX_MAPS 32
#define MAX_STEPS 300000
#define MAX_CHAIN 70000
#define MAX_DEPTH 64     /* of a cgroup */

void contradiction(struct check *c, const char *what, uint64_t at)
{
	fprintf(stderr, "map %s: %s, at 0x%" PRIx64 "\n", c->map ? c->map->listed->name : "?", what, at);
	abort();
}

static bool bytes_at(struct check *c, uint64_t kva, void *buf, size_t len)
{
	return sf_vmem_read(&c->vm, kva, buf, len) == SF_FAULT_NONE;
}

bool check_u64(struct check *c, uint64_t kva, uint64_t *ret)
{
	return bytes_at(c, kva, ret, sizeof(*ret));
}

static uint64_t get64(struct check *c, uint64_t kva)
{
	uint64_t v;

	return bytes_at(c, kva, &v, sizeof(v)) ? v : 0;
}

static uint32_t get32(struct check *c, uint64_t kva)
{
	uint32_t v;

	return bytes_at(c, kva, &v, sizeof(v)) ? v : 0;
}

uint32_t check_n_cpus(struct check *c)
{
	return sf_kernel_nr_cpu_ids(sf_frame_kernel(sf_snapshot_frame(c->snap)));
}

uint64_t check_percpu(struct check *c, uint64_t percpu, uint32_t cpu)
{
	uint64_t offset = get64(c, c->per_cpu_offset + 8ull * cpu);

	return offset ? percpu + offset : 0;
}

static void same(struct check *c, const char *what, uint64_t said, uint64_t is, uint64_t at)
{
	if (said == is)
		return;
	fprintf(stderr, "%s is said to be 0x%" PRIx64 " and is 0x%" PRIx64 "\n", what, said, is);
	contradiction(c, what, at);
}

/* ---- the map ------------------------------------------------------------------------------------------------ */

static void enter_map(struct check *c, const struct sf_snap_map *map)
{
	const struct sf_bpf_map *said = &map->listed->map;
	char raw[17] = { 0 }, name[17 * 4];

	c->map = map;
	c->kva = said->kva;
	c->type = get32(c, c->kva + FK_MAP_TYPE);
	c->key_size = get32(c, c->kva + FK_MAP_KEY_SIZE);
	c->value_size = get32(c, c->kva + FK_MAP_VALUE_SIZE);
	c->max_entries = get32(c, c->kva + FK_MAP_MAX_ENTRIES);
	same(c, "type", said->type, c->type, c->kva);
	same(c, "key_size", said->key_size, c->key_size, c->kva);
	same(c, "value_size", said->value_size, c->value_size, c->kva);
	same(c, "max_entries", said->max_entries, c->max_entries, c->kva);
	same(c, "flags", said->flags, get32(c, c->kva + FK_MAP_FLAGS), c->kva);
	same(c, "id", said->id, get32(c, c->kva + FK_MAP_ID), c->kva);
	if (!bytes_at(c, c->kva + FK_MAP_NAME, raw, 16))
		contradiction(c, "its name cannot be read", c->kva);
	raw[15] = '\0';
	sf_text_escape(raw, name, sizeof(name));
	if (strcmp(name, map->listed->name))
		contradiction(c, "its name is another", c->kva);
	c->is_percpu = c->type == SF_BPF_MAP_TYPE_PERCPU_ARRAY || c->type == SF_BPF_MAP_TYPE_PERCPU_HASH ||
		       c->type == SF_BPF_MAP_TYPE_LRU_PERCPU_HASH;
	c->is_storage = c->type == SF_BPF_MAP_TYPE_TASK_STORAGE || c->type == SF_BPF_MAP_TYPE_CGRP_STORAGE ||
			c->type == SF_BPF_MAP_TYPE_INODE_STORAGE || c->type == SF_BPF_MAP_TYPE_SK_STORAGE;
	c->bucket = c->link = c->n_buckets = 0;
	c->late = 0;
	c->n = 0;
}

/* ---- chains ------------------------------------------------------------------------------------------------- */

static uint64_t bucket_at(struct check *c, uint64_t bucket)
{
	return c->buckets + bucket * FK_BUCKET_SIZE;
}

/* A writer can leave one link back of a chain behind, and no more. @at: that of the element which @link led to. */
static void check_link_back(struct check *c, uint64_t link, uint64_t at)
{
	if (get64(c, at) != link && c->late++)
		contradiction(c, "an element that is not linked back", at);
}

/* The rest of a bucket's chain, up to @node. */
static bool find_in_chain(struct check *c, uint64_t node)
{
	uint64_t next, link;

	for (unsigned int i = 0; i < MAX_CHAIN && c->steps; i++) {
		c->steps--;
		if (!check_u64(c, c->link, &next) || !next || (!c->is_storage && next & 1))
			return false;
		/* A pointer to an element is one to its `next`, which the link back is behind. */
		link = c->link;
		c->link = next;
		if (next == node) {
			check_link_back(c, link, node + 8);
			return true;
		}
	}
	return false;
}

static void check_hash_links(struct check *c, uint64_t elem)
{
	uint64_t bucket = get32(c, elem + FK_ELEM_HASH) & (c->n_buckets - 1);

	if (c->link && bucket < c->bucket)
		contradiction(c, "an element's hash is of a bucket that is behind", elem);
	if (!c->link || bucket > c->bucket) {
		c->bucket = bucket;
		c->link = bucket_at(c, bucket);
		c->late = 0;
	}
	if (!find_in_chain(c, elem + FK_ELEM_NEXT) && c->steps)
		contradiction(c, "an element is not in the chain of its bucket", elem);
}

static void check_storage_links(struct check *c, uint64_t elem)
{
	if (get64(c, elem + FK_SELEM_SMAP) != c->kva)
		contradiction(c, "an element of another map", elem);
	if (!c->link)
		c->link = bucket_at(c, 0);
	while (!find_in_chain(c, elem + FK_SELEM_NEXT)) {
		if (!c->steps)
			return;
		if (++c->bucket >= c->n_buckets)
			contradiction(c, "an element is in no chain", elem);
		c->link = bucket_at(c, c->bucket);
		c->late = 0;
	}
}

static void enter_hash(struct check *c)
{
	c->buckets = get64(c, c->kva + FK_HTAB_BUCKETS);
	c->n_buckets = get32(c, c->kva + FK_HTAB_N_BUCKETS);
	if (!c->n_buckets || c->n_buckets & (c->n_buckets - 1))
		contradiction(c, "elements of a hash without honest buckets", c->kva);
}

static void enter_storage(struct check *c)
{
	uint32_t log = get32(c, c->kva + FK_SMAP_BUCKET_LOG);

	c->buckets = get64(c, c->kva + FK_SMAP_BUCKETS);
	if (log >= 32)
		contradiction(c, "elements of a storage without honest buckets", c->kva);
	c->n_buckets = 1ull << log;
}

/* ---- owners ------------------------------------------------------------------------------------------------- */

/* Puts "/name" in front of @path, of @size bytes. */
static bool put_front(struct check *c, char *path, size_t size, uint64_t text)
{
	char name[257] = "/";
	size_t n = 1, len = strlen(path);

	for (; n < sizeof(name); n++) {
		if (!bytes_at(c, text + n - 1, name + n, 1))
			return false;
		if (!name[n])
			break;
	}
	if (n == sizeof(name) || len + n >= size)
		return false;
	memmove(path + n, path, len + 1);
	memcpy(path, name, n);
	return true;
}

static void check_path(struct check *c, uint64_t kn, const struct sf_bpf_owner *said)
{
	char path[SF_BPF_CGROUP_PATH] = "";
	uint64_t parent;

	if (said->path_cut)
		return;
	for (unsigned int i = 0; i < MAX_DEPTH; i++, kn = parent) {
		if (!check_u64(c, kn + FK_KN_PARENT, &parent))
			contradiction(c, "a path that cannot be read", kn);
		if (!parent) {
			if (strcmp(said->path, path[0] ? path : "/"))
				contradiction(c, "another path", kn);
			return;
		}
		if (!put_front(c, path, sizeof(path), get64(c, kn + FK_KN_NAME)))
			contradiction(c, "a path with a name that is none", kn);
	}
	contradiction(c, "a path without an end", kn);
}

static void check_task(struct check *c, uint64_t task, const struct sf_bpf_owner *said)
{
	char comm[16] = { 0 };

	same(c, "pid", (uint32_t)said->pid, get32(c, task + FK_TASK_PID), task);
	same(c, "tgid", (uint32_t)said->tgid, get32(c, task + FK_TASK_TGID), task);
	if (!bytes_at(c, task + FK_TASK_COMM, comm, 15) || memcmp(comm, said->comm, sizeof(comm)))
		contradiction(c, "another comm", task);
}

static void check_owner(struct check *c, const struct sf_snap_elem *e, uint64_t owner)
{
	_cleanup_free_ struct sf_bpf_owner *said = malloc(sizeof(*said));
	uint16_t half[2] = { 0 };
	uint64_t kn;

	if (!said || !sf_snap_owner(e, said))
		contradiction(c, "an element of a storage without an owner", e->at.kva);
	same(c, "owner", e->at.owner, owner, e->at.kva);
	same(c, "owner's address", said->kva, owner, e->at.kva);
	if (!said->is_readable)
		return;
	switch (c->type) {
	case SF_BPF_MAP_TYPE_TASK_STORAGE:
		check_task(c, owner, said);
		break;
	case SF_BPF_MAP_TYPE_CGRP_STORAGE:
		kn = get64(c, owner + FK_CGROUP_KN);
		same(c, "id of a cgroup", said->id, get64(c, kn + FK_KN_ID), kn);
		check_path(c, kn, said);
		break;
	case SF_BPF_MAP_TYPE_INODE_STORAGE:
		same(c, "inode", said->id, get64(c, owner + FK_INODE_INO), owner);
		break;
	default:
		bytes_at(c, owner + FK_SOCK_PORT, &half[0], 2);
		bytes_at(c, owner + FK_SOCK_FAMILY, &half[1], 2);
		same(c, "port", said->port, half[0], owner);
		same(c, "family", said->family, half[1], owner);
	}
}

/* ---- elements ----------------------------------------------------------------------------------------------- */

/* Where the layout has element @i, whose address (of chains: by its own word) is @kva. */
static struct seen_elem elem_at(struct check *c, uint64_t i, uint64_t kva)
{
	struct seen_elem e = { .kva = kva };

	switch (c->type) {
	case SF_BPF_MAP_TYPE_ARRAY:
		e.kva = e.value = c->kva + FK_ARRAY_VALUE + i * sf_align_up((uint64_t)c->value_size, 8);
		break;
	case SF_BPF_MAP_TYPE_PERCPU_ARRAY:
		e.kva = c->kva + FK_ARRAY_VALUE + i * 8;
		e.value = get64(c, e.kva);
		break;
	case SF_BPF_MAP_TYPE_STRUCT_OPS:
		e.kva = e.value = c->kva + FK_OPS_VALUE + FK_OPS_HEAD;
		break;
	default:
		e.key = kva + FK_ELEM_KEY;
		e.value = e.key + sf_align_up((uint64_t)c->key_size, 8);
		if (c->is_percpu)
			e.value = get64(c, e.value);
	}
	if (c->is_storage) {
		uint64_t storage = get64(c, kva + FK_SELEM_STORAGE);

		e.key = 0;
		e.value = kva + FK_SELEM_DATA;
		e.owner = storage ? get64(c, storage + FK_STORAGE_OWNER) : 0;
	}
	return e;
}

/* Kernels there were put the pointer of a per-CPU hash right behind the key, without padding. */
static bool is_old_pointer(struct check *c, const struct seen_elem *e, uint64_t value)
{
	return c->is_percpu && e->key && value == get64(c, e->key + c->key_size);
}

static void check_elem(struct check *c, const struct sf_snap_elem *said)
{
	struct seen_elem e = elem_at(c, c->n, said->at.kva);

	same(c, "position", said->at.position, c->n, said->at.kva);
	same(c, "element", said->at.kva, e.kva, c->kva);
	same(c, "key", said->at.key, e.key, e.kva);
	if (is_old_pointer(c, &e, said->at.value))
		e.value = said->at.value;
	same(c, "value", said->at.value, e.value, e.kva);
	if (c->is_storage) {
		check_storage_links(c, e.kva);
		check_owner(c, said, e.owner);
	} else if (c->n_buckets) {
		check_hash_links(c, e.kva);
	}
	c->sorted[c->n] = e.kva;
	c->seen[c->n++] = e;
}

static int by_number(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

static void check_elems(struct check *c)
{
	struct sf_snap_cursor cursor = sf_snap_elems(c->map);
	struct sf_snap_elem e;
	bool more = sf_snap_next(&cursor, &e);

	if (!more)
		return;
	if (c->is_storage)
		enter_storage(c);
	else if (c->type != SF_BPF_MAP_TYPE_ARRAY && c->type != SF_BPF_MAP_TYPE_PERCPU_ARRAY &&
		 c->type != SF_BPF_MAP_TYPE_STRUCT_OPS)
		enter_hash(c);
	for (; more && c->n < CHECK_ELEMS; more = sf_snap_next(&cursor, &e))
		check_elem(c, &e);
	qsort(c->sorted, c->n, sizeof(c->sorted[0]), by_number);
	for (size_t i = 1; i < c->n; i++)
		if (c->sorted[i] == c->sorted[i - 1])
			contradiction(c, "an element that is listed twice", c->sorted[i]);
}

/* ---- the same by the public way ------------------------------------------------------------------------------ */

static void check_entry(struct check *c, struct sf_map map, size_t i)
{
	const struct seen_elem *e = &c->seen[i];
	uint64_t at = e->value, said, is;

	for (uint32_t cpu = 0; cpu < (c->is_percpu ? check_n_cpus(c) : 1); cpu++) {
		if (c->is_percpu) {
			map = sf_map_cpu(map, cpu);
			at = e->value ? check_percpu(c, e->value, cpu) : 0;
		}
		struct sf_field f = sf_entry_get(sf_map_at(map, i), "runtime");

		if (!sf_field_try_u64(f, &said)) {
			use_error(sf_field_as_u64(f, &said));
			continue;
		}
		if (!at || !check_u64(c, at + CTX_RUNTIME, &is) || said != is)
			contradiction(c, "a field that is not what memory says", at);
	}
}

static void check_entries(struct check *c, struct sf_map map)
{
	struct sf_owner owner = { .size = sizeof(owner) };
	size_t len = sf_map_len(map);

	if (len < c->n || (c->n < CHECK_ELEMS && len != c->n))
		contradiction(c, "another number of entries than elements", len);
	for (size_t i = 0; i < sf_min(c->n, (size_t)16); i++) {
		struct sf_entry entry = sf_map_at(map, i);
		uint64_t key;

		if (sf_entry_owner(entry, &owner))
			same(c, "owner of an entry", owner.kva, c->seen[i].owner, c->seen[i].kva);
		if (sf_field_try_u64(sf_entry_key(entry, ""), &key) && c->is_storage)
			same(c, "key of an entry", key, c->seen[i].owner, c->seen[i].kva);
		if (c->has_ctx && c->map->value_type == c->base->ctx_type && c->value_size >= CTX_SIZE)
			check_entry(c, map, i);
	}
}

/* ---- all of it ----------------------------------------------------------------------------------------------- */

static bool still_has(struct check *c, const struct maps_types *types)
{
	_cleanup_free_ uint8_t *bytes = malloc(types->len);

	assert(bytes);
	return bytes_at(c, types->kva, bytes, types->len) && !memcmp(bytes, types->bytes, types->len);
}

/* Is the BTF of the map at hand the scene's, and whole? */
static bool has_scene_types(struct check *c)
{
	uint64_t btf = get64(c, c->kva + FK_MAP_BTF);

	return c->type != SF_BPF_MAP_TYPE_STRUCT_OPS && btf == c->base->maps.btf && c->map->types.btf &&
	       get64(c, btf + FK_BTF_DATA) == c->base->demo.kva && get32(c, btf + FK_BTF_DATA_SIZE) == c->base->demo.len &&
	       !get64(c, btf + FK_BTF_BASE) && still_has(c, &c->base->demo);
}

/* The check of @snap; NULL: nothing can be said. */
static struct check *check_new(const struct maps_base *base, struct sf_snapshot *snap)
{
	const struct sf_kernel *kernel = sf_frame_kernel(sf_snapshot_frame(snap));
	_cleanup_free_ struct check *c = malloc(sizeof(*c));
	uint64_t btf;

	assert(c);
	*c = (struct check){ .base = base, .snap = snap, .steps = MAX_STEPS };
	sf_vmem_init(&c->vm, sf_frame_image(sf_snapshot_frame(snap)), kernel);
	if (!sf_kernel_symbol(kernel, "__start_BTF", &btf) || btf != base->kernel.kva ||
	    !sf_kernel_symbol(kernel, "__per_cpu_offset", &c->per_cpu_offset) || !still_has(c, &base->kernel))
		return NULL;
	return steal_ptr(&c);
}

/* @len bytes at @kva: all of them, or none that @snap has. */
static void check_kept(struct check *c, struct sf_snapshot *again, uint64_t kva, size_t len)
{
	uint8_t x[FK_TASK_SIZE], y[FK_TASK_SIZE];

	if (!sf_arch_is_kernel_address(sf_kernel_pgtable(c->vm.kernel)->five_levels, kva) || !bytes_at(c, kva, x, len))
		return;
	if (sf_vmem_read(sf_snapshot_vmem(again), kva, y, len) || memcmp(x, y, len))
		contradiction(c, "an object that a capture should have kept", kva);
}

void check_pointees(const struct maps_base *base, struct sf_snapshot *snap, struct sf_snapshot *again)
{
	_cleanup_free_ struct check *c = check_new(base, snap);
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_snap_elem e;

	for (size_t i = 0; c && i < sf_min(maps.n, (size_t)MAX_MAPS); i++) {
		struct sf_snap_cursor cursor = sf_snap_elems(&maps.v[i]);

		enter_map(c, &maps.v[i]);
		if (!has_scene_types(c) || c->map->value_type != base->ctx_type || c->value_size < CTX_SIZE)
			continue;
		for (unsigned int k = 0; k < CHECK_ELEMS && sf_snap_next(&cursor, &e); k++) {
			for (uint32_t cpu = 0; cpu < (c->is_percpu ? check_n_cpus(c) : 1); cpu++) {
				uint64_t at = c->is_percpu ? check_percpu(c, e.at.value, cpu) : e.at.value;

				/* A word of the mask is enough for the CPUs that there are. */
				if (e.at.value && at) {
					check_kept(c, again, get64(c, at + CTX_MASK), 8);
					check_kept(c, again, get64(c, at + CTX_PARENT), FK_TASK_SIZE);
				}
			}
		}
	}
}

bool check_maps(const struct maps_base *base, struct sf_snapshot *snap)
{
	_cleanup_free_ struct check *c = check_new(base, snap);
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);

	if (!c)
		return false;
	for (size_t i = 0; i < sf_min(maps.n, (size_t)MAX_MAPS); i++) {
		struct sf_map map = sf_view_map_at(sf_snapshot_view(snap), i);

		enter_map(c, &maps.v[i]);
		c->has_ctx = has_scene_types(c);
		check_elems(c);
		check_entries(c, map);
		use_error(sf_map_error(map));
		check_json(c);
	}
	return true;
}

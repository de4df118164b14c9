/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The elements of every type of map: they are those that were put there, whole or torn. */
#include "bpf_values.h"

/* ---- rows ------------------------------------------------------------------------------------------------ */

static void an_array_is_its_elements_in_order(void **state)
{
	struct bench *t = *state;
	uint64_t values[] = { 7, 0, 9 };
	uint64_t kva = fake_add_map(t->g, &(struct fake_map){ .name = "row", .value_size = 5, .max_entries = 3,
							       .values = values, .values_len = sizeof(values) });
	_cleanup_elems_ struct elems all = elems_of(t, kva);
	struct sf_bpf_elem e;

	assert_whole(all);
	assert_int_equal(all.map.shape, SF_BPF_ARRAY);
	assert_int_equal(all.map.value_len, 5);
	assert_int_equal(all.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(read64(t, all.v[i].value), values[i]);
		assert_int_equal(all.v[i].key, 0);
		assert_true(sf_bpf_elem_at(t->bpf, &t->vm, &all.map, i, &e));
		assert_memory_equal(&e, &all.v[i], sizeof(e));
	}
	assert_false(sf_bpf_elem_at(t->bpf, &t->vm, &all.map, 3, &e));
	assert_false(sf_bpf_elem_at(t->bpf, &t->vm, &all.map, UINT64_MAX, &e));
}

/* What the element has on each CPU is what was put there; on the one that was never set up there is nothing. */
static void assert_percpu(struct bench *t, const struct sf_bpf_elem *e, const uint64_t *values)
{
	uint64_t kva;

	assert_int_equal(e->fault, SF_FAULT_NONE);
	for (uint32_t cpu = 0; cpu < 4; cpu++) {
		if (cpu == 2) {
			assert_false(sf_vmem_percpu(&t->vm, e->value, cpu, &kva));
			continue;
		}
		assert_true(sf_vmem_percpu(&t->vm, e->value, cpu, &kva));
		assert_int_equal(read64(t, kva), values[cpu]);
	}
}

static void a_percpu_array_has_a_value_for_each_cpu(void **state)
{
	struct bench *t = *state;
	uint64_t values[3][4] = { { 1, 2, 3, 4 }, { 0 }, { 50, 60, 70, 80 } };
	uint64_t kva = fake_add_percpu_array(t->g, &(struct fake_map){ .name = "counts", .value_size = 8,
									.max_entries = 3 }, values);
	_cleanup_elems_ struct elems all = elems_of(t, kva);

	assert_whole(all);
	assert_true(sf_bpf_is_percpu(&all.map));
	assert_int_equal(all.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_percpu(t, &all.v[i], values[i]);
}

static void a_pointer_that_is_not_there_is_a_fault(void **state)
{
	struct bench *t = *state;
	uint64_t kva = fake_add_percpu_array(t->g, &(struct fake_map){ .name = "counts", .value_size = 8,
									.max_entries = 600 }, NULL);
	uint64_t area = fake_vmalloc(t->g, 2 * SF_PAGE_SIZE);
	struct sf_bpf_map map = map_at(t, kva);
	struct sf_bpf_elem e;

	fake_u64(t->g, map.values + 8, 0);
	assert_true(sf_bpf_elem_at(t->bpf, &t->vm, &map, 1, &e));
	assert_int_equal(e.value, 0);
	assert_int_equal(e.fault, SF_FAULT_UNMAPPED);
	fake_unmap(t->g, area + SF_PAGE_SIZE);
	map.values = area;
	assert_true(sf_bpf_elem_at(t->bpf, &t->vm, &map, 512, &e));
	assert_int_equal(e.value, 0);
	assert_int_equal(e.fault, SF_FAULT_UNMAPPED);
}

static void struct_ops_is_the_struct_in_its_wrapper(void **state)
{
	struct bench *t = *state;
	struct fake_maps s;

	fake_scene_maps_add(t->g, &s);
	_cleanup_elems_ struct elems all = elems_of(t, s.ops);
	struct sf_bpf_btf btf;

	assert_whole(all);
	assert_int_equal(all.map.shape, SF_BPF_STRUCT_OPS);
	assert_int_equal(all.map.value_size, FK_OPS_HEAD + 64);
	assert_int_equal(all.map.value_len, 64);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.v[0].value, s.ops + FK_OPS_VALUE + FK_OPS_HEAD);
	assert_int_equal(read64(t, all.v[0].value + 8), 3);
	assert_int_equal(sf_bpf_btf_head(t->bpf, &t->vm, all.map.btf, &btf), SF_FAULT_NONE);
	assert_true(btf.is_vmlinux);
	assert_int_equal(sf_bpf_struct_ops_type(sf_kernel_btf(t->g->kernel), &all.map), t->g->ids.ops);
	/* Kernels whose map does not say which BTF: it is the kernel's own. */
	fake_u64(t->g, s.ops + FK_OPS_BTF, 0);
	assert_int_equal(map_at(t, s.ops).btf, t->g->btf_vmlinux);
	/* No wrapper, no type. */
	fake_u32(t->g, s.ops + FK_MAP_VMLINUX_VALUE_TYPE, 0);
	all.map = map_at(t, s.ops);
	assert_int_equal(sf_bpf_struct_ops_type(sf_kernel_btf(t->g->kernel), &all.map), 0);
	all.map.vmlinux_value_type = t->g->ids.u64;
	assert_int_equal(sf_bpf_struct_ops_type(sf_kernel_btf(t->g->kernel), &all.map), 0);
}

/* ---- hashes ----------------------------------------------------------------------------------------------- */

#define MANY 500

/* Value @i is of 3 words; on CPU @cpu of a per-CPU map. */
static uint64_t word(uint32_t i, uint32_t cpu, uint32_t n)
{
	return ((uint64_t)i << 32) + 100 * cpu + n + 1;
}

static uint64_t add_many(struct bench *t, uint32_t type, uint32_t flags, uint32_t key_size, uint32_t n)
{
	uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "many", .type = type, .flags = flags,
							       .key_size = key_size, .value_size = 24,
							       .max_entries = n });
	uint64_t value[4][3];
	uint8_t key[64];

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < 12; k++)
			value[k / 3][k % 3] = word(i, k / 3, k % 3);
		memset(key, 0x5a, sizeof(key));
		memcpy(key, &i, 4);
		fake_hash_add(t->g, kva, key, value);
	}
	return kva;
}

static void assert_value(struct bench *t, uint64_t kva, uint32_t i, uint32_t cpu)
{
	uint64_t v[3];

	assert_int_equal(sf_vmem_read(&t->vm, kva, v, sizeof(v)), SF_FAULT_NONE);
	for (uint32_t n = 0; n < 3; n++)
		assert_int_equal(v[n], word(i, cpu, n));
}

/* All keys are there, each once, with its value; an element is the same when asked for again. */
static void assert_many(struct bench *t, uint64_t kva, uint32_t key_size, uint32_t n)
{
	_cleanup_elems_ struct elems all = elems_of(t, kva);
	_cleanup_free_ bool *seen = calloc(n, 1);
	struct sf_bpf_elem again;
	uint64_t at;

	assert_whole(all);
	assert_int_equal(all.n, n);
	for (size_t k = 0; k < all.n; k++) {
		uint32_t i = read32(t, all.v[k].key);
		uint8_t rest[64], filler[64];

		assert_in_range(i, 0, n - 1);
		assert_false(seen[i]);
		seen[i] = true;
		memset(filler, 0x5a, sizeof(filler));
		fake_read(t->g, all.v[k].key, rest, key_size);
		assert_memory_equal(rest + 4, filler, key_size - 4);
		sf_bpf_elem_of(t->bpf, &t->vm, &all.map, all.v[k].kva, &again);
		again.position = k;
		assert_memory_equal(&again, &all.v[k], sizeof(again));
		if (!sf_bpf_is_percpu(&all.map)) {
			assert_value(t, all.v[k].value, i, 0);
			continue;
		}
		for (uint32_t cpu = 0; cpu < 4; cpu++)
			if (sf_vmem_percpu(&t->vm, all.v[k].value, cpu, &at))
				assert_value(t, at, i, cpu);
			else
				assert_int_equal(cpu, 2);
	}
}

static void hashes_have_what_was_put_there(void **state)
{
	static const uint32_t types[] = { SF_BPF_MAP_TYPE_HASH, SF_BPF_MAP_TYPE_LRU_HASH };
	static const uint32_t key_sizes[] = { 4, 8, 13, 40 };
	struct bench *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(key_sizes); k++) {
			uint64_t in_pool = add_many(t, types[i], 0, key_sizes[k], MANY);
			uint64_t chained = add_many(t, types[i], FAKE_NO_PREALLOC, key_sizes[k], MANY);

			assert_true(map_at(t, in_pool).pool);
			assert_false(map_at(t, chained).pool);
			assert_many(t, in_pool, key_sizes[k], MANY);
			assert_many(t, chained, key_sizes[k], MANY);
		}
	}
}

static void percpu_hashes_have_what_was_put_there(void **state)
{
	static const uint32_t key_sizes[] = { 4, 8, 13, 15 };
	struct bench *t = *state;

	for (size_t k = 0; k < ARRAY_SIZE(key_sizes); k++) {
		assert_many(t, add_many(t, SF_BPF_MAP_TYPE_PERCPU_HASH, 0, key_sizes[k], 40), key_sizes[k], 40);
		assert_many(t, add_many(t, SF_BPF_MAP_TYPE_PERCPU_HASH, FAKE_NO_PREALLOC, key_sizes[k], 40), key_sizes[k],
			    40);
		assert_many(t, add_many(t, SF_BPF_MAP_TYPE_LRU_PERCPU_HASH, 0, key_sizes[k], 40), key_sizes[k], 40);
	}
}

/* Kernels before 6.15 have the pointer right behind the key, aligned or not. */
static void a_pointer_right_behind_its_key_is_found(void **state)
{
	struct bench *t = *state;
	static const uint32_t key_sizes[] = { 4, 5, 7, 12 };
	static const uint64_t pointers[] = { 0x1238, 0x607f00012340, 0xffffe8ffffa12358 };

	for (size_t k = 0; k < ARRAY_SIZE(key_sizes); k++) {
		for (size_t p = 0; p < ARRAY_SIZE(pointers); p++) {
			uint64_t kva = add_many(t, SF_BPF_MAP_TYPE_PERCPU_HASH, 0, key_sizes[k], 1);
			_cleanup_elems_ struct elems all = elems_of(t, kva);
			struct sf_bpf_elem e;

			fake_u64(t->g, fake_hash_value(t->g, kva, all.v[0].kva), 0);
			fake_u64(t->g, all.v[0].key + key_sizes[k], pointers[p]);
			sf_bpf_elem_of(t->bpf, &t->vm, &all.map, all.v[0].kva, &e);
			assert_int_equal(e.value, pointers[p]);
		}
	}
}

static void more_than_65536_buckets(void **state)
{
	struct bench *t = *state;
	uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "wide", .type = SF_BPF_MAP_TYPE_HASH,
							       .flags = FAKE_NO_PREALLOC, .value_size = 8,
							       .max_entries = 70000 });
	static const uint32_t buckets[] = { 0, 1, 255, 256, 65535, 65536, 100000, 131071 };

	for (uint32_t i = 0; i < ARRAY_SIZE(buckets); i++)
		fake_hash_add_at(t->g, kva, buckets[i], &i, &(uint64_t){ 1000 + i });
	_cleanup_elems_ struct elems all = elems_of(t, kva);

	assert_whole(all);
	assert_int_equal(all.map.n_buckets, 131072);
	assert_int_equal(all.n, ARRAY_SIZE(buckets));
	for (uint32_t i = 0; i < ARRAY_SIZE(buckets); i++)
		assert_int_equal(read64(t, all.v[i].value), 1000 + i);
}

/* ---- local storage ------------------------------------------------------------------------------------------ */

static void assert_owner(struct bench *t, uint64_t map, uint64_t owner, struct sf_bpf_owner *ret)
{
	_cleanup_elems_ struct elems all = elems_of(t, map);

	for (size_t i = 0; i < all.n; i++) {
		if (all.v[i].owner != owner)
			continue;
		assert_true(sf_bpf_owner(t->bpf, &t->vm, &all.map, owner, ret));
		assert_true(ret->is_readable);
		assert_int_equal(ret->kva, owner);
		return;
	}
	fail_msg("no value of 0x%llx", (unsigned long long)owner);
}

static void storage_has_a_value_for_each_owner(void **state)
{
	struct bench *t = *state;
	struct fake_maps s;
	struct sf_bpf_owner o;

	fake_scene_maps_add(t->g, &s);
	_cleanup_elems_ struct elems tasks = elems_of(t, s.task_ctx), cgroups = elems_of(t, s.cgrp_ctx);
	_cleanup_elems_ struct elems inodes = elems_of(t, s.inode_ctx), socks = elems_of(t, s.sk_ctx);

	assert_whole(tasks);
	assert_whole(cgroups);
	assert_int_equal(tasks.n, 3);
	assert_int_equal(cgroups.n, 3);
	assert_int_equal(inodes.n, 1);
	assert_int_equal(socks.n, 1);
	assert_int_equal(read32(t, inodes.v[0].value + CTX_NODE), 70);
	assert_int_equal(read32(t, socks.v[0].value + CTX_NODE), 80);
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++) {
			if (tasks.v[k].owner == s.tasks[i])
				assert_int_equal(read32(t, tasks.v[k].value + CTX_NODE), 50 + i);
			if (cgroups.v[k].owner == s.cgroups[i])
				assert_int_equal(read32(t, cgroups.v[k].value + CTX_NODE), 60 + i);
		}
	assert_owner(t, s.task_ctx, s.tasks[1], &o);
	assert_int_equal(o.kind, SF_BPF_OWNER_TASK);
	assert_int_equal(o.pid, 101);
	assert_int_equal(o.tgid, 100);
	assert_string_equal(o.comm, "worker-1");
	assert_owner(t, s.cgrp_ctx, s.cgroups[2], &o);
	assert_int_equal(o.kind, SF_BPF_OWNER_CGROUP);
	assert_int_equal(o.id, 78);
	assert_string_equal(o.path, "/demo.slice/a");
	assert_false(o.path_cut);
	assert_owner(t, s.cgrp_ctx, s.cgroups[0], &o);
	assert_string_equal(o.path, "/");
	assert_owner(t, s.inode_ctx, s.inode, &o);
	assert_int_equal(o.kind, SF_BPF_OWNER_INODE);
	assert_int_equal(o.id, 4026531840);
	assert_owner(t, s.sk_ctx, s.sock, &o);
	assert_int_equal(o.kind, SF_BPF_OWNER_SOCK);
	assert_int_equal(o.family, 2);
	assert_int_equal(o.port, 8080);
}

static void maps_share_owners(void **state)
{
	struct bench *t = *state;
	uint64_t maps[3], tasks[20];

	for (size_t m = 0; m < 3; m++)
		maps[m] = fake_add_storage(t->g, &(struct fake_map){ .name = "ctx", .type = SF_BPF_MAP_TYPE_TASK_STORAGE,
								     .value_size = 8 }, 4);
	for (uint32_t i = 0; i < 20; i++) {
		tasks[i] = fake_add_task(t->g, 1000 + (int)i, 1000, "t");
		for (uint64_t m = 0; m < 3; m++)
			fake_store(t->g, maps[m], tasks[i], &(uint64_t){ 100 * m + i });
	}
	for (uint64_t m = 0; m < 3; m++) {
		_cleanup_elems_ struct elems all = elems_of(t, maps[m]);
		uint32_t seen = 0;

		assert_whole(all);
		assert_int_equal(all.n, 20);
		for (size_t k = 0; k < all.n; k++) {
			uint64_t i = read64(t, all.v[k].value) - 100 * m;

			assert_in_range(i, 0, 19);
			assert_int_equal(all.v[k].owner, tasks[i]);
			assert_int_equal(all.v[k].key, 0);
			seen |= 1u << i;
		}
		assert_int_equal(seen, (1u << 20) - 1);
	}
}

static void an_owner_that_is_gone_is_said(void **state)
{
	struct bench *t = *state;
	uint64_t hole = fake_vmalloc(t->g, 1), task = fake_add_task(t->g, 1, 1, "x"), map, elem;
	struct sf_bpf_owner o;
	struct sf_bpf_map m;

	fake_unmap(t->g, hole);
	map = fake_add_storage(t->g, &(struct fake_map){ .name = "ctx", .type = SF_BPF_MAP_TYPE_TASK_STORAGE,
							 .value_size = 8 }, 2);
	elem = fake_store(t->g, map, task, &(uint64_t){ 5 });
	m = map_at(t, map);
	assert_true(sf_bpf_owner(t->bpf, &t->vm, &m, hole, &o));
	assert_false(o.is_readable);
	assert_int_equal(o.kind, SF_BPF_OWNER_TASK);
	assert_int_equal(o.kva, hole);
	assert_true(sf_bpf_owner(t->bpf, &t->vm, &m, 0, &o));
	assert_false(o.is_readable);
	assert_string_equal(sf_bpf_owner_struct(&m), "task_struct");
	/* bpf_selem_unlink_storage_nolock() clears it first. The value is there all the same. */
	fake_u64(t->g, read64(t, elem + FK_SELEM_STORAGE) + FK_STORAGE_OWNER, 0);
	_cleanup_elems_ struct elems all = elems_of(t, map);

	assert_int_equal(all.n, 1);
	assert_int_equal(all.v[0].owner, 0);
	assert_int_equal(read64(t, all.v[0].value), 5);
	m = map_at(t, fake_add_map(t->g, &(struct fake_map){ .name = "row", .value_size = 8 }));
	assert_false(sf_bpf_owner(t->bpf, &t->vm, &m, task, &o));
	assert_null(sf_bpf_owner_struct(&m));
}

static struct sf_bpf_owner cgroup_owner(struct bench *t, uint64_t cgroup)
{
	uint64_t map = fake_add_storage(t->g, &(struct fake_map){ .name = "c", .type = SF_BPF_MAP_TYPE_CGRP_STORAGE,
								  .value_size = 8 }, 2);
	struct sf_bpf_map m = map_at(t, map);
	struct sf_bpf_owner o;

	assert_true(sf_bpf_owner(t->bpf, &t->vm, &m, cgroup, &o));
	return o;
}

static void paths_of_cgroups(void **state)
{
	struct bench *t = *state;
	uint64_t cgroup = fake_add_cgroup(t->g, 0, "", 1), loop = fake_add_cgroup(t->g, cgroup, "loop", 2), bad, kn;
	uint64_t area = fake_vmalloc(t->g, 2 * SF_PAGE_SIZE);
	char name[300], expected[10 * 256] = "";
	struct sf_bpf_owner o;

	/* The longest names that there are, one of them across two pages. */
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	for (uint64_t i = 0; i < 9; i++) {
		cgroup = fake_add_cgroup(t->g, cgroup, name, 10 + i);
		strcat(strcat(expected, "/"), name);
	}
	fake_write(t->g, area + SF_PAGE_SIZE - 100, name, 256);
	fake_u64(t->g, read64(t, cgroup + FK_CGROUP_KN) + FK_KN_NAME, area + SF_PAGE_SIZE - 100);
	o = cgroup_owner(t, cgroup);
	assert_true(o.is_readable);
	assert_false(o.path_cut);
	assert_string_equal(o.path, expected);
	/* A directory in itself ends; what can be said of it is said. */
	kn = read64(t, loop + FK_CGROUP_KN);
	fake_u64(t->g, kn + FK_KN_PARENT, kn);
	o = cgroup_owner(t, loop);
	assert_true(o.is_readable);
	assert_true(o.path_cut);
	assert_int_equal(strlen(o.path), 64 * 5);
	/* No name is longer than that. */
	fake_write(t->g, area, name, 255);
	fake_write(t->g, area + 255, name, 20);
	bad = fake_add_cgroup(t->g, cgroup, "bad", 3);
	fake_u64(t->g, read64(t, bad + FK_CGROUP_KN) + FK_KN_NAME, area);
	o = cgroup_owner(t, bad);
	assert_true(o.path_cut);
	assert_string_equal(o.path, "");
	/* More than fits: as much of the end as does. */
	for (uint64_t i = 0; i < 9; i++)
		cgroup = fake_add_cgroup(t->g, cgroup, name, 30 + i);
	o = cgroup_owner(t, cgroup);
	assert_true(o.path_cut);
	assert_int_equal(strlen(o.path), 15 * 256);
	fake_u64(t->g, cgroup + FK_CGROUP_KN, 0);
	assert_false(cgroup_owner(t, cgroup).is_readable);
}

/* ---- why values are not read ---------------------------------------------------------------------------------- */

static void each_type_that_is_not_read_says_why(void **state)
{
	struct bench *t = *state;
	static const uint32_t read[] = { 1, 2, 5, 6, 9, 10, 24, 26, 28, 29, 32 };
	uint64_t kva = fake_add_map(t->g, &(struct fake_map){ .name = "any", .value_size = 8 });
	size_t next = 0;

	for (uint32_t type = 0; type < 100; type++) {
		fake_u32(t->g, kva + FK_MAP_TYPE, type);
		struct sf_bpf_map m = map_at(t, kva);
		_cleanup_elems_ struct elems all = elems_of(t, kva);

		if (next < ARRAY_SIZE(read) && read[next] == type) {
			next++;
			continue;
		}
		assert_non_null(m.unread);
		assert_int_equal(m.shape, SF_BPF_UNREAD);
		assert_int_equal(m.values, 0);
		assert_int_equal(all.n, 0);
		/* Every type that has a name has a sentence of its own. */
		assert_int_equal(!strstr(m.unread, "newer than this reader"), !!sf_bpf_map_type_name(type));
	}
	fake_u32(t->g, kva + FK_MAP_TYPE, 27);
	assert_string_equal(map_at(t, kva).unread, "values of a ring buffer are records in flight: not read");
}

static void assert_unread(struct bench *t, uint64_t kva, const char *why)
{
	struct sf_bpf_map m = map_at(t, kva);
	_cleanup_elems_ struct elems all = elems_of(t, kva);

	if (!m.unread || !strstr(m.unread, why))
		fail_msg("not \"%s\": %s", why, m.unread ? m.unread : "is read");
	assert_int_equal(m.shape, SF_BPF_UNREAD);
	assert_int_equal(m.n_buckets, 0);
	assert_int_equal(all.n, 0);
}

static void numbers_that_make_no_sense_are_not_believed(void **state)
{
	struct bench *t = *state;
	static const uint32_t bad_buckets[] = { 0, 3, 1000, 1u << 28, UINT32_MAX, 1u << 22 /* more than RAM */ };
	uint64_t hash = add_many(t, SF_BPF_MAP_TYPE_HASH, 0, 4, 8);
	uint64_t percpu = add_many(t, SF_BPF_MAP_TYPE_PERCPU_HASH, 0, 4, 8);
	struct fake_maps s;

	fake_scene_maps_add(t->g, &s);
	for (size_t i = 0; i < ARRAY_SIZE(bad_buckets); i++) {
		fake_u32(t->g, hash + FK_HTAB_N_BUCKETS, bad_buckets[i]);
		assert_unread(t, hash, "number of buckets");
	}
	fake_u32(t->g, hash + FK_HTAB_N_BUCKETS, 8);
	fake_u64(t->g, hash + FK_HTAB_BUCKETS, UINT64_MAX - 16);
	assert_unread(t, hash, "number of buckets");
	fake_u32(t->g, hash + FK_MAP_KEY_SIZE, 0);
	assert_unread(t, hash, "key or value size");
	fake_u32(t->g, hash + FK_MAP_KEY_SIZE, UINT32_MAX);
	assert_unread(t, hash, "key or value size");
	fake_u32(t->g, percpu + FK_HTAB_ELEM_SIZE, FK_ELEM_KEY + 8);
	assert_unread(t, percpu, "smaller than a key and a value");
	fake_u32(t->g, s.task_ctx + FK_SMAP_BUCKET_LOG, 28);
	assert_unread(t, s.task_ctx, "number of buckets");
	fake_u32(t->g, s.task_ctx + FK_SMAP_BUCKET_LOG, UINT32_MAX);
	assert_unread(t, s.task_ctx, "number of buckets");
	fake_u32(t->g, s.cgrp_ctx + FK_MAP_VALUE_SIZE, 0);
	assert_unread(t, s.cgrp_ctx, "key or value size");
	fake_u32(t->g, s.ops + FK_MAP_VALUE_SIZE, FK_OPS_HEAD);
	assert_unread(t, s.ops, "value size");
	fake_u32(t->g, s.cpu_counts + FK_MAP_VALUE_SIZE, UINT32_MAX);
	assert_unread(t, s.cpu_counts, "value size");
}

static int make_poor_bench(void **state)
{
	return make_bench_with(state, &(struct fake_options){ .small = true, .without = WITHOUT_PPREV });
}

static void a_kernel_without_such_a_layout_is_said(void **state)
{
	struct bench *t = *state;
	struct fake_maps s;

	fake_scene_maps_add(t->g, &s);
	assert_unread(t, s.hash, "does not say how");
	assert_unread(t, s.cpu_hash, "does not say how");
	assert_unread(t, s.task_ctx, "does not say how");
	/* The rest is not touched by it. */
	assert_null(map_at(t, s.cpu_counts).unread);
	assert_null(map_at(t, s.ops).unread);
}

static int make_older_bench(void **state)
{
	return make_bench_with(state, &(struct fake_options){ .small = true,
							       .without = WITHOUT_SNODE | WITHOUT_HTAB_ELEMS |
									  WITHOUT_OPS_BTF | WITH_OLD_PARENT });
}

static void what_a_kernel_can_do_without_is_done_without(void **state)
{
	struct bench *t = *state;
	struct fake_maps s;
	struct sf_bpf_owner o;

	fake_scene_maps_add(t->g, &s);
	_cleanup_elems_ struct elems tasks = elems_of(t, s.task_ctx), hash = elems_of(t, s.hash);
	_cleanup_elems_ struct elems ops = elems_of(t, s.ops);

	assert_whole(tasks);
	assert_int_equal(tasks.n, 3);
	assert_whole(hash);
	assert_int_equal(hash.n, 5);
	assert_int_equal(hash.map.pool, 0);
	assert_int_equal(ops.n, 1);
	assert_int_equal(ops.map.btf, t->g->btf_vmlinux);
	assert_owner(t, s.cgrp_ctx, s.cgroups[2], &o);
	assert_string_equal(o.path, "/demo.slice/a");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, drop_bench)
#define TEST_BOTH(name) TEST(name), cmocka_unit_test_setup_teardown(name, make_moved_bench, drop_bench)
	const struct CMUnitTest tests[] = {
		TEST(an_array_is_its_elements_in_order),
		TEST_BOTH(a_percpu_array_has_a_value_for_each_cpu),
		TEST(a_pointer_that_is_not_there_is_a_fault),
		TEST_BOTH(struct_ops_is_the_struct_in_its_wrapper),
		TEST_BOTH(hashes_have_what_was_put_there),
		TEST_BOTH(percpu_hashes_have_what_was_put_there),
		TEST(a_pointer_right_behind_its_key_is_found),
		TEST(more_than_65536_buckets),
		TEST_BOTH(storage_has_a_value_for_each_owner),
		TEST(maps_share_owners),
		TEST(an_owner_that_is_gone_is_said),
		TEST(paths_of_cgroups),
		TEST(each_type_that_is_not_read_says_why),
		TEST(numbers_that_make_no_sense_are_not_believed),
		cmocka_unit_test_setup_teardown(a_kernel_without_such_a_layout_is_said, make_poor_bench, drop_bench),
		cmocka_unit_test_setup_teardown(what_a_kernel_can_do_without_is_done_without, make_older_bench,
						drop_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

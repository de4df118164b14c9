/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seeds for fuzz_maps: `maps_seeds DIR` writes each lie that a guest can tell where it can tell it. */
#include <stdio.h>

#include "bpf/pointees.h"
#include "maps_base.h"
#include "seeds.h"

struct scene {
	struct seeds s;
	struct maps_base m;
	uint64_t nowhere;   /* nothing is mapped there */
	uint64_t not_kept;  /* there is memory, but not in the frame */
};

static uint64_t get64(struct scene *t, uint64_t kva)
{
	uint64_t v;

	fake_read(t->s.g, kva, &v, sizeof(v));
	return v;
}

static uint32_t get32(struct scene *t, uint64_t kva)
{
	uint32_t v;

	fake_read(t->s.g, kva, &v, sizeof(v));
	return v;
}

static bool is_empty(struct scene *t, uint64_t bucket)
{
	uint64_t first = get64(t, bucket);

	return !first || first & 1;
}

/* The first of @n buckets with elements, from number @from on; then those before. */
static uint64_t full_bucket(struct scene *t, uint64_t buckets, uint32_t n, uint32_t from)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t bucket = buckets + (from + i) % n * FK_BUCKET_SIZE;

		if (!is_empty(t, bucket))
			return bucket;
	}
	abort();
}

/* One that is empty; the last one, where none is. */
static uint64_t empty_bucket(struct scene *t, uint64_t buckets, uint32_t n)
{
	uint32_t i = 0;

	while (i + 1 < n && !is_empty(t, buckets + i * FK_BUCKET_SIZE))
		i++;
	return buckets + i * FK_BUCKET_SIZE;
}

/* An element of a chain that has more than one; its `next`. */
static uint64_t long_chain(struct scene *t, uint64_t buckets, uint32_t n)
{
	uint64_t first = 0, next;

	for (uint32_t i = 0; i < n; i++) {
		if (is_empty(t, buckets + i * FK_BUCKET_SIZE))
			continue;
		first = get64(t, buckets + i * FK_BUCKET_SIZE);
		next = get64(t, first);
		if (next && !(next & 1))
			return first;
	}
	return first;
}

static void lie_about_chains(struct scene *t, const char *map, uint64_t buckets, uint32_t n, bool nulls)
{
	struct seeds *s = &t->s;
	uint64_t bucket = full_bucket(t, buckets, n, 0), first = get64(t, bucket);
	uint64_t second = get64(t, long_chain(t, buckets, n));
	uint64_t other = get64(t, full_bucket(t, buckets, n, (uint32_t)((bucket - buckets) / FK_BUCKET_SIZE) + 1));
	const struct {
		const char *what;
		uint64_t at, v;
	} lies[] = {
		{ "itself", first, first }, { "other", first, other }, { "nowhere", first, t->nowhere },
		{ "not-kept", first, t->not_kept }, { "null", first, nulls ? 0 : 1 }, { "mark", first, 0x7ffffff1 },
		{ "odd", first, other + 4 }, { "pprev", first + 8, other }, { "head", bucket, t->nowhere },
		{ "head-not-kept", bucket, t->not_kept }, { "head-bucket", bucket, bucket }, { "user", bucket, 0x400000 },
		{ "empty", empty_bucket(t, buckets, n), first }, { "long", long_chain(t, buckets, n), first },
		{ "second-back", (second & 1 || !second ? first : second) + 8, bucket },
		{ "top", bucket, 0xfffffffffffffff8 },
	};
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		snprintf(name, sizeof(name), "%s-%s", map, lies[i].what);
		seed_u64(s, name, lies[i].at, lies[i].v);
	}
}

static void lie_about_hash(struct scene *t, const char *map, uint64_t kva)
{
	struct seeds *s = &t->s;
	uint32_t n = get32(t, kva + FK_HTAB_N_BUCKETS);
	uint64_t buckets = get64(t, kva + FK_HTAB_BUCKETS), first = get64(t, full_bucket(t, buckets, n, 0));
	const struct {
		const char *what;
		uint64_t at;
		uint32_t v;
	} lies[] = {
		{ "n-buckets-odd", FK_HTAB_N_BUCKETS, 3 }, { "n-buckets-0", FK_HTAB_N_BUCKETS, 0 },
		{ "n-buckets-1", FK_HTAB_N_BUCKETS, 1 }, { "n-buckets-more", FK_HTAB_N_BUCKETS, 1 << 16 },
		{ "n-buckets-huge", FK_HTAB_N_BUCKETS, 1u << 31 }, { "elem-size-0", FK_HTAB_ELEM_SIZE, 0 },
		{ "elem-size", FK_HTAB_ELEM_SIZE, 8 }, { "elem-size-huge", FK_HTAB_ELEM_SIZE, UINT32_MAX },
		{ "key-size", FK_MAP_KEY_SIZE, 61 }, { "key-size-0", FK_MAP_KEY_SIZE, 0 },
		{ "key-size-huge", FK_MAP_KEY_SIZE, UINT32_MAX }, { "value-size", FK_MAP_VALUE_SIZE, 13 },
		{ "value-size-page", FK_MAP_VALUE_SIZE, 9000 }, { "value-size-huge", FK_MAP_VALUE_SIZE, UINT32_MAX },
		{ "value-size-ram", FK_MAP_VALUE_SIZE, 15 << 20 }, { "max-0", FK_MAP_MAX_ENTRIES, 0 },
		{ "max-huge", FK_MAP_MAX_ENTRIES, UINT32_MAX }, { "type-percpu", FK_MAP_TYPE, SF_BPF_MAP_TYPE_PERCPU_HASH },
		{ "type-storage", FK_MAP_TYPE, SF_BPF_MAP_TYPE_TASK_STORAGE },
		{ "type-ops", FK_MAP_TYPE, SF_BPF_MAP_TYPE_STRUCT_OPS }, { "type-array", FK_MAP_TYPE, SF_BPF_MAP_TYPE_ARRAY },
		{ "key-type", FK_MAP_KEY_TYPE, t->m.ctx_type }, { "value-type", FK_MAP_VALUE_TYPE, 1 },
		{ "value-type-none", FK_MAP_VALUE_TYPE, 0xffffff },
	};
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		snprintf(name, sizeof(name), "%s-%s", map, lies[i].what);
		seed_u32(s, name, kva + lies[i].at, lies[i].v);
	}
	snprintf(name, sizeof(name), "%s-pool", map);
	seed_u64(s, name, kva + FK_HTAB_ELEMS, t->nowhere);
	snprintf(name, sizeof(name), "%s-pool-shifted", map);
	seed_u64(s, name, kva + FK_HTAB_ELEMS, get64(t, kva + FK_HTAB_ELEMS) + 8);
	snprintf(name, sizeof(name), "%s-buckets", map);
	seed_u64(s, name, kva + FK_HTAB_BUCKETS, t->nowhere);
	snprintf(name, sizeof(name), "%s-hash", map);
	seed_u32(s, name, first + FK_ELEM_HASH, 0x12345678);
}

static void lie_about_percpu(struct scene *t)
{
	struct seeds *s = &t->s;
	uint64_t buckets = get64(t, t->m.maps.cpu_hash + FK_HTAB_BUCKETS), elem = get64(t, full_bucket(t, buckets, 8, 0));
	uint64_t offsets;

	seed_u64(s, "pptr-null", elem + FK_ELEM_KEY + 8, 0);
	seed_u64(s, "pptr-nowhere", elem + FK_ELEM_KEY + 8, t->nowhere);
	seed_u64(s, "pptr-top", elem + FK_ELEM_KEY + 8, UINT64_MAX - 3);
	seed_u64(s, "pptr-early", elem + FK_ELEM_KEY, 0x100);
	seed_u64(s, "slot-null", t->m.maps.cpu_counts + FK_ARRAY_VALUE + 8, 0);
	seed_u64(s, "slot-nowhere", t->m.maps.cpu_counts + FK_ARRAY_VALUE + 16, t->nowhere);
	seed_u32(s, "slots-huge", t->m.maps.cpu_counts + FK_MAP_MAX_ENTRIES, UINT32_MAX);
	seed_u32(s, "slots-many", t->m.maps.cpu_counts + FK_MAP_MAX_ENTRIES, 1 << 21);
	seed_u32(s, "slots-large", t->m.maps.cpu_counts + FK_MAP_VALUE_SIZE, 1 << 20);
	if (!sf_kernel_symbol(s->g->kernel, "__per_cpu_offset", &offsets))
		abort();
	seed_u64(s, "cpu-unset", offsets, 0);
	seed_u64(s, "cpu-nowhere", offsets, t->nowhere);
	seed_u64(s, "cpu-alias", offsets + 8, get64(t, offsets));
	seed_u64(s, "cpu-odd", offsets + 8, get64(t, offsets) + 0x7fff);
}

static void lie_about_storage(struct scene *t, const char *map, uint64_t kva)
{
	struct seeds *s = &t->s;
	uint32_t n = 1u << get32(t, kva + FK_SMAP_BUCKET_LOG);
	uint64_t buckets = get64(t, kva + FK_SMAP_BUCKETS), elem = get64(t, full_bucket(t, buckets, n, 0));
	uint64_t storage = get64(t, elem + FK_SELEM_STORAGE);
	const struct {
		const char *what;
		uint64_t at, v;
	} lies[] = {
		{ "storage-null", elem + FK_SELEM_STORAGE, 0 }, { "storage-nowhere", elem + FK_SELEM_STORAGE, t->nowhere },
		{ "owner-null", storage + FK_STORAGE_OWNER, 0 }, { "owner-nowhere", storage + FK_STORAGE_OWNER, t->nowhere },
		{ "owner-not-kept", storage + FK_STORAGE_OWNER, t->not_kept },
		{ "owner-other", storage + FK_STORAGE_OWNER, t->m.maps.sock },
		{ "owners-first", storage + FK_STORAGE_FIRST, t->nowhere },
		{ "owners-next", elem + FK_SELEM_OWNERS_NEXT, elem + FK_SELEM_OWNERS_NEXT },
		{ "owners-pprev", elem + FK_SELEM_OWNERS_PPREV, 0 }, { "smap", elem + FK_SELEM_SMAP, t->m.maps.hash },
		{ "smap-null", elem + FK_SELEM_SMAP, 0 }, { "buckets", kva + FK_SMAP_BUCKETS, t->nowhere },
	};
	static const uint32_t logs[] = { 0, 1, 8, 20, 27, 31, 32, 63, 64 };
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		snprintf(name, sizeof(name), "%s-%s", map, lies[i].what);
		seed_u64(s, name, lies[i].at, lies[i].v);
	}
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		snprintf(name, sizeof(name), "%s-log-%u", map, logs[i]);
		seed_u32(s, name, kva + FK_SMAP_BUCKET_LOG, logs[i]);
	}
}

static void lie_about_owners(struct scene *t)
{
	struct seeds *s = &t->s;
	uint64_t kn = get64(t, t->m.maps.cgroups[2] + FK_CGROUP_KN), up = get64(t, t->m.maps.cgroups[1] + FK_CGROUP_KN);

	seed_edit(s, "comm", t->m.maps.tasks[0] + FK_TASK_COMM, "0123456789abcdef", 16);
	seed_edit(s, "comm-bytes", t->m.maps.tasks[0] + FK_TASK_COMM, "\xff\xc3\x28\"\\\n\x1b\0", 8);
	seed_u64(s, "kn-itself", kn + FK_KN_PARENT, kn);
	seed_u64(s, "kn-cycle", up + FK_KN_PARENT, kn);
	seed_u64(s, "kn-nowhere", kn + FK_KN_PARENT, t->nowhere);
	seed_u64(s, "kn-null", t->m.maps.cgroups[1] + FK_CGROUP_KN, 0);
	seed_u64(s, "kn-name", kn + FK_KN_NAME, t->nowhere);
	seed_u64(s, "kn-name-null", kn + FK_KN_NAME, 0);
	seed_edit(s, "kn-name-bytes", get64(t, up + FK_KN_NAME), "\x1b[31m\xff/..", 9);
	/* A name that does not end: what is behind has to be without a NUL for long. */
	seed_u64(s, "kn-name-long", kn + FK_KN_NAME, t->m.kernel.kva + 400);
}

static void lie_about_ksyms(struct scene *t)
{
	struct seeds *s = &t->s;
	const uint64_t *k = t->m.ksyms;

	seed_u64(s, "ksym-itself", k[1] + FK_KSYM_LNODE, k[1] + FK_KSYM_LNODE);
	seed_u64(s, "ksym-cycle", k[2] + FK_KSYM_LNODE, k[0] + FK_KSYM_LNODE);
	seed_u64(s, "ksym-nowhere", k[0] + FK_KSYM_LNODE, t->nowhere);
	seed_u64(s, "ksym-head", s->g->kallsyms, t->nowhere);
	seed_u64(s, "ksym-head-null", s->g->kallsyms, 0);
	seed_u64(s, "ksym-end", k[0] + FK_KSYM_END, UINT64_MAX);
	seed_u64(s, "ksym-backward", k[0] + FK_KSYM_START, get64(t, k[0] + FK_KSYM_END) + 1);
	seed_u64(s, "ksym-overlap", k[1] + FK_KSYM_START, get64(t, k[0] + FK_KSYM_START));
	seed_u64(s, "ksym-in-kernel", k[0] + FK_KSYM_START, s->g->text + 0x1000);
	seed_edit(s, "ksym-name", k[0] + FK_KSYM_NAME, "\xff\n\"", 4);
	seed_edit(s, "ksym-name-empty", k[0] + FK_KSYM_NAME, "", 1);
}

static void lie_about_types(struct scene *t)
{
	struct seeds *s = &t->s;
	uint64_t btf = t->m.maps.btf, graph_btf = get64(t, t->m.graph + FK_MAP_BTF), value = fake_map_values(t->m.graph);

	seed_u32(s, "btf-id-0", btf + FK_BTF_ID, 0);
	seed_u32(s, "btf-id", btf + FK_BTF_ID, 1);
	seed_u32(s, "btf-size", btf + FK_BTF_DATA_SIZE, 1 << 24);
	seed_u64(s, "btf-base", btf + FK_BTF_BASE, btf);
	seed_u64(s, "btf-data", btf + FK_BTF_DATA, t->nowhere);
	seed_u64(s, "btf-swap", t->m.maps.hash + FK_MAP_BTF, graph_btf);
	seed_u64(s, "ops-btf", t->m.maps.ops + FK_OPS_BTF, btf);
	seed_u32(s, "ops-type", t->m.maps.ops + FK_MAP_VMLINUX_VALUE_TYPE, 1);
	seed_u32(s, "ops-size", t->m.maps.ops + FK_MAP_VALUE_SIZE, FK_OPS_HEAD);
	seed_u32(s, "ops-size-huge", t->m.maps.ops + FK_MAP_VALUE_SIZE, UINT32_MAX);
	seed_u64(s, "list-itself", t->m.graph_items[1] + ITEM_NODE, t->m.graph_items[1] + ITEM_NODE);
	seed_u64(s, "list-cycle", t->m.graph_items[2] + ITEM_NODE, t->m.graph_items[0] + ITEM_NODE);
	seed_u64(s, "list-nowhere", value + GRAPH_LIST, t->nowhere);
	seed_u64(s, "tree-cycle", t->m.graph_leaves[2] + ITEM_NODE + 8, t->m.graph_leaves[0] + ITEM_NODE);
	seed_u64(s, "tree-itself", t->m.graph_leaves[1] + ITEM_NODE + 16, t->m.graph_leaves[1] + ITEM_NODE);
	seed_u64(s, "tree-twice", t->m.graph_leaves[0] + ITEM_NODE + 16, t->m.graph_leaves[2] + ITEM_NODE);
	seed_u64(s, "percpu-cell", value + GRAPH_PERCPU, t->nowhere);
	seed_u64(s, "graph-task-nowhere", value + GRAPH_TASK, t->nowhere);
	seed_u64(s, "parent-cycle", t->m.maps.tasks[0] + FK_TASK_PARENT, t->m.maps.tasks[1]);
	seed_u32(s, "graph-many", t->m.graph + FK_MAP_MAX_ENTRIES, UINT32_MAX);
	seed_u64(s, "idr-twice", (get64(t, t->m.map_idr + FK_XA_HEAD) & ~3ull) + FK_NODE_SLOTS + 8 * 2, t->m.maps.hash);
}

/* A vCPU that was stopped in the middle of an update: not lies, but what a walk has to understand. */
static void stop_in_updates(struct scene *t)
{
	struct seeds *s = &t->s;
	uint64_t buckets = get64(t, t->m.maps.chained + FK_HTAB_BUCKETS), bucket = full_bucket(t, buckets, 16, 0);
	uint64_t first = get64(t, bucket), chain = long_chain(t, buckets, 16), second = get64(t, chain);
	uint64_t empty = empty_bucket(t, buckets, 16);

	/* The first of two, where the other is about to be removed. */
	seed_u64(s, "removed", get64(t, chain + 8), second);
	seed_u64(s, "late", t->m.chain[1] + 8, get64(t, t->m.chain[0] + 8));
	seed_also_u64(s, t->m.chain[1] + 8, get64(t, t->m.chain[0] + 8));
	seed_u64(s, "late-twice", t->m.chain[2] + 8, get64(t, t->m.chain[0] + 8));
	seed_u64(s, "removing", t->m.chain[0], t->m.chain[2]);
	seed_u64(s, "removing-first", get64(t, t->m.chain[0] + 8), t->m.chain[1]);
	seed_also_u64(s, empty, first);
	seed_u64(s, "moved", first + 8, empty);
	seed_also_u64(s, first + FK_ELEM_KEY, 0);
	seed_also_u32(s, first + FK_ELEM_HASH, 0);
	seed_u64(s, "zeroed", first + FK_ELEM_KEY + 8, 0);
}

static void write_seeds(struct scene *t, const char *dir, unsigned int which)
{
	static const char *const names[MAPS_N] = { "plain", "old", "no-lists" };
	struct base file;
	uint8_t how;

	t->s = (struct seeds){
		.dir = dir, .head = { (uint8_t)which, SF_BPF_DEFAULT_HOPS }, .head_len = MAPS_HEAD, .n = t->s.n,
	};
	t->s.g = maps_guest(which, &t->m);
	file = base_make(t->s.g, BASE_EXPORT);
	t->s.base = &file;
	t->nowhere = t->s.g->next_vmalloc + (1 << 20);
	t->not_kept = t->s.g->page_offset + (12 << 20);
	seed_put(&t->s, names[which], t->s.head, MAPS_HEAD);
	if (which == MAPS_PLAIN) {
		lie_about_hash(t, "hash", t->m.maps.hash);
		lie_about_chains(t, "hash", get64(t, t->m.maps.hash + FK_HTAB_BUCKETS), 64, true);
		lie_about_hash(t, "chained", t->m.maps.chained);
		lie_about_chains(t, "chained", get64(t, t->m.maps.chained + FK_HTAB_BUCKETS), 16, true);
		lie_about_hash(t, "cpu-hash", t->m.maps.cpu_hash);
		lie_about_percpu(t);
		lie_about_storage(t, "task", t->m.maps.task_ctx);
		lie_about_chains(t, "task", get64(t, t->m.maps.task_ctx + FK_SMAP_BUCKETS), 4, false);
		lie_about_storage(t, "cgroup", t->m.maps.cgrp_ctx);
		lie_about_owners(t);
		lie_about_ksyms(t);
		lie_about_types(t);
		stop_in_updates(t);
		seed_u32(&t->s, "mixed-value-size", t->m.mixed + FK_MAP_VALUE_SIZE, 101);
		seed_u32(&t->s, "mixed-key-size", t->m.mixed + FK_MAP_KEY_SIZE, 5);
		/* Without pointers to follow, a pool is copied whole; or, when it is large, perhaps not. */
		t->s.head[1] = 0;
		seed_u32(&t->s, "pool-large", t->m.maps.hash + FK_HTAB_ELEM_SIZE, 20000);
		for (unsigned int i = 0; i < 7; i++) {
			char name[32];

			how = (uint8_t)(1u << i);
			snprintf(name, sizeof(name), "how-%u", how);
			seed_put(&t->s, name, (const uint8_t[]){ MAPS_PLAIN, how }, MAPS_HEAD);
		}
	} else {
		lie_about_chains(t, which == MAPS_OLD ? "old-hash" : "no-lists-hash", get64(t, t->m.maps.hash + FK_HTAB_BUCKETS),
				 64, true);
		lie_about_chains(t, which == MAPS_OLD ? "old-task" : "no-lists-task",
				 get64(t, t->m.maps.task_ctx + FK_SMAP_BUCKETS), 4, false);
	}
	base_free(&file);
	free(t->m.kernel.bytes);
	free(t->m.demo.bytes);
	fake_free(t->s.g);
}

int main(int argc, char **argv)
{
	struct scene t = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: maps_seeds DIR\n");
		return 2;
	}
	for (unsigned int i = 0; i < MAPS_N; i++)
		write_seeds(&t, argv[1], i);
	printf("%u seeds\n", t.s.n);
	return 0;
}

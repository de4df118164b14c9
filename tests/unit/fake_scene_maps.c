/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scene of every type of map. */

#include <stdio.h>

#include "fake_bpf.h"

struct types {
	uint32_t u32, u64, key, ctx;
};

static void build_types(struct btfb *b, struct types *t)
{
	uint32_t s32, boolean, state, stats, mask, mask_ptr, task, task_ptr, pad;

	btfb_init(b, NULL);
	t->u32 = btfb_add_int(b, "unsigned int", 4, 0);
	s32 = btfb_add_int(b, "int", 4, BTFB_SIGNED);
	t->u64 = btfb_add_int(b, "unsigned long long", 8, 0);
	boolean = btfb_add_int(b, "_Bool", 1, BTFB_BOOL);
	state = btfb_add_enum(b, "state", 4, true);
	btfb_enumerator(b, "IDLE", 0);
	btfb_enumerator(b, "RUNNING", 1);
	btfb_enumerator(b, "BLOCKED", -1);
	stats = btfb_add_struct(b, "stats", 16);
	btfb_member(b, "wakeups", t->u64, 0);
	btfb_member(b, "nice", s32, 8 * 8);
	btfb_member(b, "pinned", boolean, 12 * 8);
	mask = btfb_add_struct(b, "bpf_cpumask", 8);
	btfb_member(b, "bits", t->u64, 0);
	mask = btfb_add_type_tag(b, "kptr", mask);
	mask_ptr = btfb_add_ptr(b, mask);
	task = btfb_add_struct(b, "task_struct___maps", 4);
	btfb_member(b, "pid", s32, 0);
	task_ptr = btfb_add_ptr(b, task);
	pad = btfb_add_array(b, boolean, t->u32, 3);
	t->key = btfb_add_struct(b, "key", 16);
	btfb_member(b, "id", t->u64, 0);
	btfb_member(b, "zone", t->u32, 8 * 8);
	btfb_member(b, "big", boolean, 12 * 8);
	btfb_member(b, "pad", pad, 13 * 8);
	t->ctx = btfb_add_struct(b, "task_ctx", CTX_SIZE);
	btfb_member(b, "runtime", t->u64, CTX_RUNTIME * 8);
	btfb_member(b, "state", state, CTX_STATE * 8);
	btfb_member(b, "node", t->u32, CTX_NODE * 8);
	btfb_member(b, "stats", stats, CTX_STATS * 8);
	btfb_member(b, "mask", mask_ptr, CTX_MASK * 8);
	btfb_member(b, "parent", task_ptr, CTX_PARENT * 8);
}

static void fill_ctx(const struct fake_maps *s, uint32_t n, uint8_t v[CTX_SIZE])
{
	uint64_t runtime = 1000ull * n, wakeups = 7 * n, parent = s->tasks[n % 3];
	int32_t state = (int32_t)(n % 3) - 1, nice = -(int32_t)n;

	memset(v, 0, CTX_SIZE);
	memcpy(v + CTX_RUNTIME, &runtime, 8);
	memcpy(v + CTX_STATE, &state, 4);
	memcpy(v + CTX_NODE, &n, 4);
	memcpy(v + CTX_STATS, &wakeups, 8);
	memcpy(v + CTX_STATS + 8, &nice, 4);
	v[CTX_STATS + 12] = n & 1;
	memcpy(v + CTX_MASK, &s->mask, 8);
	memcpy(v + CTX_PARENT, &parent, 8);
}

static void add_targets(struct fake_guest *g, struct fake_maps *s)
{
	s->tasks[0] = fake_add_task(g, 100, 100, "worker-0");
	s->tasks[1] = fake_add_task(g, 101, 100, "worker-1");
	s->tasks[2] = fake_add_task(g, 200, 200, "other");
	s->cgroups[0] = fake_add_cgroup(g, 0, "", 1);
	s->cgroups[1] = fake_add_cgroup(g, s->cgroups[0], "demo.slice", 77);
	s->cgroups[2] = fake_add_cgroup(g, s->cgroups[1], "a", 78);
	s->inode = fake_add_inode(g, 4026531840);
	s->sock = fake_add_sock(g, 2, 8080);
	s->mask = fake_kmalloc(g, FK_CPUMASK_SIZE + 8);
	fake_u64(g, s->mask, 6);
}

static void add_hashes(struct fake_guest *g, const struct types *t, struct fake_maps *s)
{
	struct fake_map m = { .name = "hash", .type = SF_BPF_MAP_TYPE_HASH, .value_size = CTX_SIZE, .max_entries = 64,
			      .btf = s->btf, .key_type = t->u32, .value_type = t->ctx };
	struct { uint64_t id; uint32_t zone; uint8_t big, pad[3]; } key = { .zone = 2 };
	uint8_t v[CTX_SIZE];

	s->hash = fake_add_hash(g, &m);
	for (uint32_t i = 0; i < 5; i++) {
		fill_ctx(s, i, v);
		fake_hash_add(g, s->hash, &(uint32_t){ 100 + i }, i ? v : (const uint8_t[CTX_SIZE]){ 0 });
	}
	m.name = "lru";
	m.type = SF_BPF_MAP_TYPE_LRU_HASH;
	s->lru = fake_add_hash(g, &m);
	for (uint32_t i = 0; i < 3; i++) {
		fill_ctx(s, 20 + i, v);
		fake_hash_add(g, s->lru, &(uint32_t){ i }, v);
	}
	m = (struct fake_map){ .name = "chained", .type = SF_BPF_MAP_TYPE_HASH, .flags = FAKE_NO_PREALLOC,
			       .key_size = sizeof(key), .value_size = 8, .max_entries = 16, .btf = s->btf,
			       .key_type = t->key, .value_type = t->u64 };
	s->chained = fake_add_hash(g, &m);
	for (uint64_t i = 0; i < 12; i++) {
		key.id = i << 32 | i;
		key.big = i > 5;
		fake_hash_add(g, s->chained, &key, &(uint64_t){ i * i });
	}
}

static void add_percpu(struct fake_guest *g, const struct types *t, struct fake_maps *s)
{
	uint32_t n = g->opt.n_cpus;
	uint64_t *counts = calloc(6 * n, 8);
	uint8_t *ctx = malloc((size_t)n * CTX_SIZE);

	assert(counts && ctx);
	for (uint32_t cpu = 0; cpu < n; cpu++) {
		counts[1 * n + cpu] = 11;
		counts[4 * n + cpu] = cpu;
	}
	s->cpu_counts = fake_add_percpu_array(g, &(struct fake_map){ .name = "cpu_counts", .value_size = 8,
								     .max_entries = 6, .btf = s->btf,
								     .key_type = t->u32, .value_type = t->u64 }, counts);
	s->cpu_hash = fake_add_hash(g, &(struct fake_map){ .name = "cpu_hash", .type = SF_BPF_MAP_TYPE_PERCPU_HASH,
							   .value_size = CTX_SIZE, .max_entries = 8, .btf = s->btf,
							   .key_type = t->u32, .value_type = t->ctx });
	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t cpu = 0; cpu < n; cpu++)
			fill_ctx(s, i == 1 ? 40 : 10 * i + cpu, ctx + cpu * CTX_SIZE);
		fake_hash_add(g, s->cpu_hash, &(uint32_t){ i }, ctx);
	}
	free(counts);
	free(ctx);
}

static uint64_t add_storage(struct fake_guest *g, const struct types *t, const struct fake_maps *s, const char *name,
			    uint32_t type)
{
	return fake_add_storage(g, &(struct fake_map){ .name = name, .type = type, .flags = FAKE_NO_PREALLOC,
						       .value_size = CTX_SIZE, .btf = s->btf, .key_type = t->u32,
						       .value_type = t->ctx }, 4);
}

static void add_storages(struct fake_guest *g, const struct types *t, struct fake_maps *s)
{
	uint8_t v[CTX_SIZE];

	s->task_ctx = add_storage(g, t, s, "task_ctx", SF_BPF_MAP_TYPE_TASK_STORAGE);
	s->cgrp_ctx = add_storage(g, t, s, "cgrp_ctx", SF_BPF_MAP_TYPE_CGRP_STORAGE);
	s->inode_ctx = add_storage(g, t, s, "inode_ctx", SF_BPF_MAP_TYPE_INODE_STORAGE);
	s->sk_ctx = add_storage(g, t, s, "sk_ctx", SF_BPF_MAP_TYPE_SK_STORAGE);
	for (uint32_t i = 0; i < 3; i++) {
		fill_ctx(s, 50 + i, v);
		fake_store(g, s->task_ctx, s->tasks[i], v);
		fill_ctx(s, 60 + i, v);
		fake_store(g, s->cgrp_ctx, s->cgroups[i], v);
	}
	fill_ctx(s, 70, v);
	fake_store(g, s->inode_ctx, s->inode, v);
	fill_ctx(s, 80, v);
	fake_store(g, s->sk_ctx, s->sock, v);
}

static void add_ops(struct fake_guest *g, struct fake_maps *s)
{
	struct { uint64_t enqueue, flags; uint32_t timeout_ms; char name[16]; uint32_t pad; } ops = {
		.enqueue = g->text + 0x1234, .flags = 3, .timeout_ms = 5000, .name = "demo",
	};

	s->ops = fake_add_struct_ops(g, &(struct fake_map){ .name = "demo_ops", .value_size = sizeof(ops),
							    .values = &ops, .btf = g->btf_vmlinux,
							    .vmlinux_value_type = g->ids.ops_wrapper });
}

void fake_scene_maps_add(struct fake_guest *g, struct fake_maps *s)
{
	struct btfb *b = malloc(sizeof(*b));
	struct types t;

	assert(b);
	memset(s, 0, sizeof(*s));
	build_types(b, &t);
	s->btf = fake_add_btf(g, b, 0);
	free(b);
	add_targets(g, s);
	add_hashes(g, &t, s);
	add_percpu(g, &t, s);
	add_storages(g, &t, s);
	add_ops(g, s);
	s->events = fake_add_map(g, &(struct fake_map){ .name = "events", .type = 27, .max_entries = 4096 });
	s->prefixes = fake_add_map(g, &(struct fake_map){ .name = "prefixes", .type = 11, .key_size = 8,
							  .value_size = 8, .max_entries = 16, .flags = 1, .btf = s->btf,
							  .value_type = t.u64 });
}

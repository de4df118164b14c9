/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps of every type whose values are read, of values of every type. No program: a test fills them from user space.
 */
#include <vmlinux.h>

#include <bpf/bpf_helpers.h>

#include "maps.h"

char _license[] SEC("license") = "GPL";

#define Q_MAP(name, kind, entries, map_key, map_value, flags) \
	struct {                                              \
		__uint(type, BPF_MAP_TYPE_##kind);            \
		__uint(max_entries, entries);                 \
		__uint(map_flags, flags);                     \
		__type(key, map_key);                         \
		__type(value, map_value);                     \
	} name SEC(".maps")

/* Sizes alone: the kernel gets no types. */
#define Q_BARE_MAP(name, kind, entries, key_bytes, value_bytes) \
	struct {                                                \
		__uint(type, BPF_MAP_TYPE_##kind);              \
		__uint(max_entries, entries);                   \
		__uint(key_size, key_bytes);                    \
		__uint(value_size, value_bytes);                \
	} name SEC(".maps")

Q_MAP(q_array, ARRAY, 50, u32, struct q_every, 0);
Q_MAP(q_array_real, ARRAY, 20, u32, struct q_reals, 0);
Q_MAP(q_array_small, ARRAY, 5000, u32, struct q_small, 0);
Q_MAP(q_pcpu_array, PERCPU_ARRAY, 20, u32, struct q_every, 0);
Q_MAP(q_pcpu_small, PERCPU_ARRAY, 700, u32, struct q_small, 0);

Q_MAP(q_hash, HASH, 128, struct q_key, struct q_every, 0);
Q_MAP(q_hash_lazy, HASH, 128, struct q_key, struct q_every, BPF_F_NO_PREALLOC);
Q_MAP(q_hash_real, HASH, 64, enum q_deep, struct q_reals, 0);
Q_MAP(q_hash_long, HASH, 16, u32, struct q_long, 0);
Q_MAP(q_hash_number, HASH, 64, u64, int, BPF_F_NO_PREALLOC);
Q_MAP(q_lru, LRU_HASH, 1024, struct q_key, struct q_every, 0);
Q_MAP(q_pcpu_hash, PERCPU_HASH, 64, struct q_key, struct q_every, 0);
Q_MAP(q_pcpu_lazy, PERCPU_HASH, 64, struct q_key, struct q_small, BPF_F_NO_PREALLOC);
Q_MAP(q_lru_pcpu, LRU_PERCPU_HASH, 1024, u64, struct q_every, 0);

/* 131,072 buckets, most of them empty; the elements come one by one. */
Q_MAP(q_huge, HASH, 100000, u64, struct q_small, BPF_F_NO_PREALLOC);

Q_BARE_MAP(q_bare_hash, HASH, 200, 13, 21);
Q_BARE_MAP(q_bare_array, ARRAY, 30, 4, 12);
Q_BARE_MAP(q_bare_pcpu, PERCPU_HASH, 40, 5, 12);

Q_MAP(q_task, TASK_STORAGE, 0, int, struct q_every, BPF_F_NO_PREALLOC);
Q_MAP(q_cgroup, CGRP_STORAGE, 0, int, struct q_every, BPF_F_NO_PREALLOC);
Q_MAP(q_inode, INODE_STORAGE, 0, int, struct q_every, BPF_F_NO_PREALLOC);
Q_MAP(q_sock, SK_STORAGE, 0, int, struct q_every, BPF_F_NO_PREALLOC);
Q_MAP(q_task_real, TASK_STORAGE, 0, int, struct q_reals, BPF_F_NO_PREALLOC);

/* Sections, of which user space writes all bytes before they are loaded. */
struct q_every in_bss;
struct q_small smalls_in_bss[3];
struct q_every in_data = { .u32 = 1 };
q_names numbers_in_rodata = { 1, 2 };
const volatile struct q_every in_rodata = { .u32 = 1 };
struct q_reals reals SEC(".data.reals") = { .n = 1 };

/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps of the benchmarks, and no program: who loads them says how many entries they have, and whether in advance. */
#include <vmlinux.h>

#include <bpf/bpf_helpers.h>

#include "bench_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bench_ctx);
} bench_ctx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BENCH_TASKS);
	__type(key, u32);
	__type(value, struct bench_task);
} bench_tasks SEC(".maps");

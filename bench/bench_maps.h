/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BENCH_MAPS_H
#define SF_BENCH_MAPS_H

/*
 * What the maps of the benchmarks hold (bench_maps.bpf.c), and in which order the guest makes them. Includes nothing: in
 * a BPF program the names of numbers are vmlinux.h's, elsewhere linux/types.h's.
 */

/* What a small scheduler remembers of a task: it is the pause with many of these that is measured. */
struct bench_ctx {
	__u64 vtime;
	__u64 slice_left;
	__u64 ran_at_ns;
	__u32 weight;
	__s32 last_cpu;
	__u32 wakeups;
	__u32 class;
	__u64 flags;
};

enum bench_state {
	BENCH_SLEEPING,
	BENCH_QUEUED,
	BENCH_RUNNING,
};

struct bench_window {
	__u64 started_ns;
	__u64 waited_ns;
	__s32 drift_us;
	__u16 n_preempt;
	bool was_idle;
};

/* What a large one does, of every kind that is common: it is the text of many of these that is measured. */
struct bench_task {
	__u64 run_time_ns;
	__u64 vruntime_ns;
	__s64 lag_to_avg;
	__u32 task_weight;
	__u32 wake_count;
	__s32 nice_level;
	enum bench_state last_state;
	__u16 queue_slot;
	__u8 llc_number;
	bool is_pinned;
	struct bench_window this_window;
	__u32 cpu_shares[8];
};

#define BENCH_TASKS 10000u

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the example scheduler remembers of a task, a last-level cache, a CPU, and what can be tuned.
 * Its maps and globals are made of these, so that all of it can be read while it runs.
 */
#ifndef SF_EXAMPLE_H
#define SF_EXAMPLE_H

#define SF_MAX_CPUS 512
#define SF_MAX_LLCS 32
#define SF_MAX_SLICES 1023 /* what fits into sf_task_state.slices */
#define SF_WAIT_BUCKETS 16

#define SF_MSEC 1000000ULL    /* in ns, the unit of all times here */
#define SF_DEFAULT_WEIGHT 100 /* of nice 0; sched_ext's weights are 1 to 10000 */

enum sf_class {
	SF_CLASS_INTERACTIVE, /* sleeps before it has run for long, or is too new to tell */
	SF_CLASS_BATCH,       /* would rather go on */
	SF_CLASS_KTHREAD,     /* the kernel's own, whatever it does */
	SF_NR_CLASSES,
};

/* How a task came to its CPU. */
enum sf_via {
	SF_VIA_NONE = -1,   /* it has not run yet */
	SF_VIA_DIRECT,      /* without waiting in a queue of ours */
	SF_VIA_OWN_QUEUE,   /* from the queue of the cache that it runs on */
	SF_VIA_OTHER_QUEUE, /* from another cache's: its CPU took it from there */
	SF_NR_VIAS,
};

/* Needs no lock: operations on a task are called under that of the run queue it belongs to. */
struct sf_task {
	s32 tid;

	struct sf_task_ctx {
		struct sf_weight {
			u64 value;
		} weight;
		u64 vtime; /* by the clock of llc */
		s32 llc;   /* an index of llcs; -1: by no clock yet */
		s32 cpu;   /* where it ran last; -1: nowhere yet */
	} ctx;

	struct sf_burst {
		u64 current_ns; /* run since it slept last */
		u64 average_ns; /* run from one sleep to the next, old ones fading */
	} burst;

	struct sf_task_state {
		enum sf_class class : 3;
		u32 queued : 1; /* waits in a queue of ours */
		u32 pinned : 1; /* to one CPU */
		s32 nice : 6;
		u32 slices : 10; /* charged since it slept last, SF_MAX_SLICES at most */
	} state;

	enum sf_via via; /* the last time that it ran */
	u32 nr_migrations;
	u64 queued_at;
	u64 charged_at; /* what it ran until then is in vtime */
	u64 total_ns;
	char comm[16];
};

/* [n] of llcs; its queue has n for an id. */
struct sf_llc {
	s32 kernel_id; /* its sd_llc_id */
	u32 nr_cpus;   /* online ones */
	u64 vtime_now;
	u64 nr_taken; /* tasks of its queue that other caches' CPUs took */
	struct bpf_cpumask __kptr *cpus;
	struct bpf_cpumask __kptr *batch; /* those that run a batch task now */
};

struct sf_stats {
	/* Only to look at. No reference is held; it is NULL again before the task can go. */
	struct task_struct *running;
	u64 nr_ran[SF_NR_VIAS];
	u64 nr_kept; /* slices given again, because nobody else wanted the CPU */
	u64 nr_preempted;
	u64 runtime_ns[SF_NR_CLASSES];
	struct sf_wait {
		u64 max_ns;
		u64 sum_ns;
		u64 by_log2_us[SF_WAIT_BUCKETS]; /* [n]: < 2^(n + 1) us; the last: all the rest */
	} wait;
	u32 nr_dispatches;
};

struct sf_migration_key {
	u16 from_cpu;
	u16 to_cpu;
	enum sf_class class;
};

struct sf_migration {
	u64 count;
	u64 last_at;
	s32 last_tid;
};

struct sf_exit {
	enum scx_exit_kind kind;
	s64 code;
	char reason[64];
	char msg[256];
};

/* Bad values make it unfair or slow, never wrong. */
struct sf_tuning {
	u64 lag_ns[SF_NR_CLASSES]; /* a task starts at most this far behind the clock */
	u64 debt_ns;               /* and at most this far ahead: what is beyond is forgiven */
	struct sf_tuning_learn {
		u64 batch_ns;   /* who runs for longer between two sleeps is batch */
		u8 decay_shift; /* the last burst is 1 / 2^this of the average */
	} learn;
	struct sf_tuning_steal {
		u32 excess_percent; /* so much longer a queue has to be than ours, per CPU */
		u32 min_queued;     /* and at least so long, to be taken from early */
	} steal;
};

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_RECORDS_H
#define STILLFRAME_RECORDS_H

/*
 * What a report holds beside maps: queues, times, counters, tasks. All of it belongs to the frame and is valid as long as
 * it. Whether a view is that of the active scheduler makes no difference here. An empty list is one that was not taken;
 * the functions at the end say why. What is optional in a record has a flag before it.
 */

#include "stillframe/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the scheduler over time ------------------------------------------------------------------------------------ */

/** struct sf_event_counters - the SCX_EV_* counters at one moment, each the sum over all CPUs */
struct sf_event_counters {
	uint64_t elapsed_ms;               /* since the run began */
	uint64_t select_cpu_fallback;
	uint64_t dispatch_local_dsq_offline;
	uint64_t dispatch_keep_last;
	uint64_t enq_skip_exiting;
	uint64_t enq_skip_migration_disabled;
	uint64_t reenq_immed;
	uint64_t reenq_local_repeat;
	uint64_t refill_slice_dfl;
	uint64_t bypass_duration;          /* ns */
	uint64_t bypass_dispatch;
	uint64_t bypass_activate;
	uint64_t insert_not_owned;
	uint64_t sub_bypass_dispatch;
};
/** sf_view_event_counter_timeline() - one record for each moment, in order; @n: how many. */
SF_API const struct sf_event_counters *sf_view_event_counter_timeline(struct sf_view view, size_t *n);

/* ---- queues ------------------------------------------------------------------------------------------------------ */

/** struct sf_rq_scx_state - `rq->scx` of one CPU */
struct sf_rq_scx_state {
	uint32_t cpu;
	uint32_t nr_running;
	uint32_t flags;                    /* SCX_RQ_* */
	bool cpu_released;
	bool has_kick_sync, has_nr_immed, has_rq_clock, has_curr_pid;
	uint64_t ops_qseq;
	uint64_t kick_sync;                /* older kernels: pnt_seq */
	uint32_t nr_immed;
	int32_t curr_pid;                  /* of the task that runs */
	uint64_t rq_clock;                 /* ns */
	const char *curr_comm;             /* NULL: not known */
	const uint64_t *runnable_task_kvas; /* of task_structs */
	size_t n_runnable_tasks;
	bool runnable_truncated;           /* there are more */
};
/** sf_view_rq_scx_states() - one record for each CPU that could be read; @n: how many. */
SF_API const struct sf_rq_scx_state *sf_view_rq_scx_states(struct sf_view view, size_t *n);

/** struct sf_dsq_state - a dispatch queue */
struct sf_dsq_state {
	uint64_t id;
	const char *origin;                /* "local cpu 3", "bypass cpu 3", "global node 0", "user" */
	uint32_t nr;                       /* tasks, by the queue's own count */
	uint64_t seq;
	const uint64_t *task_kvas;         /* of task_structs, in order of the queue */
	size_t n_tasks;
	bool truncated;                    /* there are more */
};
/** sf_view_dsq_states() - all queues that could be reached; @n: how many. */
SF_API const struct sf_dsq_state *sf_view_dsq_states(struct sf_view view, size_t *n);

/** struct sf_scx_sched_state - the scheduler as the kernel has it */
struct sf_scx_sched_state {
	bool aborting;
	bool has_watchdog_timeout, has_sched_kva;
	uint32_t bypass_depth;
	uint32_t exit_kind;                /* enum scx_exit_kind */
	uint64_t watchdog_timeout;         /* jiffies */
	uint64_t sched_kva;                /* of its struct scx_sched */
	const char *source;                /* where this was read; NULL: not said */
};
/** sf_view_scx_sched_state() - NULL: it was not taken. */
SF_API const struct sf_scx_sched_state *sf_view_scx_sched_state(struct sf_view view);

/* ---- CPUs, nodes, tasks, programs ------------------------------------------------------------------------------- */

/** struct sf_cpu_time - where the time of one CPU went since boot */
struct sf_cpu_time {
	uint32_t cpu;
	bool has_iowait_sleeptime_ns;
	uint64_t cpustat_user_ns, cpustat_nice_ns, cpustat_system_ns, cpustat_softirq_ns, cpustat_irq_ns;
	uint64_t cpustat_idle_ns, cpustat_iowait_ns, cpustat_steal_ns;
	uint64_t softirqs[10];             /* how often, by the numbers of include/linux/interrupt.h */
	uint64_t irqs_sum;
	uint64_t iowait_sleeptime_ns;
};
/** sf_view_per_cpu_time() - one record for each CPU; @n: how many. A record's position is not its CPU. */
SF_API const struct sf_cpu_time *sf_view_per_cpu_time(struct sf_view view, size_t *n);
/** sf_view_per_cpu_time_at() - the first record of @cpu; NULL: there is none. */
SF_API const struct sf_cpu_time *sf_view_per_cpu_time_at(struct sf_view view, uint32_t cpu);

/** struct sf_node_numa - NUMA events of one node, as in its numastat file */
struct sf_node_numa {
	uint32_t node;
	uint64_t numa_hit, numa_miss, numa_foreign, interleave_hit, local_node, other_node;
};
/** sf_view_per_node_numa() - one record for each node; @n: how many. */
SF_API const struct sf_node_numa *sf_view_per_node_numa(struct sf_view view, size_t *n);
/** sf_view_per_node_numa_at() - the first record of @node; NULL: there is none. */
SF_API const struct sf_node_numa *sf_view_per_node_numa_at(struct sf_view view, uint32_t node);

/** struct sf_task_enrichment - a task that the scheduler has to do with */
struct sf_task_enrichment {
	int32_t pid, tgid;                 /* of the initial PID namespace; pid is the thread's */
	bool has_group_leader_pid, has_real_parent_pid, has_pgid, has_sid, has_nr_threads, has_core_cookie;
	bool has_signal_nvcsw, has_signal_nivcsw;
	bool pi_boosted_out_of_scx;        /* on a runnable list of sched_ext, but of another class */
	bool lock_slowpath_match;          /* the CPU that runs it was waiting for a lock */
	const char *comm;
	int32_t group_leader_pid, real_parent_pid, pgid, sid;
	const char *real_parent_comm;      /* NULL: not known */
	uint32_t nr_threads;
	uint32_t weight;                   /* p->scx.weight */
	int32_t prio, static_prio, normal_prio;
	uint32_t rt_priority;
	const char *sched_class;           /* "ext", "fair", …; NULL: not known */
	uint64_t core_cookie;
	uint64_t nvcsw, nivcsw;            /* switches that it wanted, and that it did not */
	uint64_t signal_nvcsw, signal_nivcsw; /* those of threads that have exited */
};
/** sf_view_task_enrichments() - one record for each task; @n: how many. */
SF_API const struct sf_task_enrichment *sf_view_task_enrichments(struct sf_view view, size_t *n);
/** sf_view_task_enrichment_by_pid() - the first record of @pid; NULL: there is none. */
SF_API const struct sf_task_enrichment *sf_view_task_enrichment_by_pid(struct sf_view view, int32_t pid);

/** struct sf_prog_runtime_stats - what a struct_ops program has cost, over all CPUs */
struct sf_prog_runtime_stats {
	const char *name;
	uint64_t cnt;                      /* runs */
	uint64_t nsecs;
	uint64_t misses;
};
/** sf_view_prog_runtime_stats() - one record for each program; @n: how many. */
SF_API const struct sf_prog_runtime_stats *sf_view_prog_runtime_stats(struct sf_view view, size_t *n);
/** sf_view_prog_runtime_stats_by_name() - the first record of @name; NULL: there is none. */
SF_API const struct sf_prog_runtime_stats *sf_view_prog_runtime_stats_by_name(struct sf_view view, const char *name);

/** struct sf_probe_counter - a counter of a program that watched from inside of the guest */
struct sf_probe_counter {
	const char *name;
	uint64_t value;
};
/** sf_view_probe_counters() - all of them, in the order of the report; NULL and 0: there was no such program. */
SF_API const struct sf_probe_counter *sf_view_probe_counters(struct sf_view view, size_t *n);

/* ---- why there is nothing --------------------------------------------------------------------------------------- */

/**
 * sf_view_scx_walker_unavailable() - why queues and the scheduler's state were not taken
 *
 * NULL: no reason is known, also where they were. A placeholder gives its reason, here and below. The frame's.
 */
SF_API const char *sf_view_scx_walker_unavailable(struct sf_view view);
/** sf_view_task_enrichments_unavailable() - why tasks were not. */
SF_API const char *sf_view_task_enrichments_unavailable(struct sf_view view);
/** sf_view_prog_runtime_stats_unavailable() - why programs were not. */
SF_API const char *sf_view_prog_runtime_stats_unavailable(struct sf_view view);
/** sf_view_per_node_numa_unavailable() - why NUMA events were not. */
SF_API const char *sf_view_per_node_numa_unavailable(struct sf_view view);
/** sf_view_sdt_alloc_unavailable() - why what the scheduler's own allocator holds was not. */
SF_API const char *sf_view_sdt_alloc_unavailable(struct sf_view view);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

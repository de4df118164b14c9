/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SF_SCX_BPF_H
#define SF_SCX_BPF_H

/*
 * What a sched_ext scheduler needs of the kernel: its kfuncs, in whichever version they are there,
 * and constants that each kernel may number as it likes.
 *
 * An object is compiled with the types of one kernel and should load into others. Libbpf relocates
 * the offsets of members. Functions that came later are weak, and the wrappers below ask for them.
 * Enumerators are the trap: clang puts their values into the code, and SCX_ENQ_HEAD, for one, is
 * another number in 7.3 than in 6.18. Hence variables in their place (__SCX_DSQ_LOCAL stands for
 * SCX_DSQ_LOCAL), 0 in the object: a loader looks the enumerator up in the BTF of the kernel that
 * runs and writes its value there before the load. These names are what the loaders of most
 * sched_ext schedulers go by. Only enumerators that are never 0 can be told from forgotten ones.
 *
 * A weak function is asked for by bpf_ksym_exists(): libbpf leaves a 0 where the kernel has none,
 * and the verifier takes the branch that calls it for dead code.
 *
 * The prototypes of kfuncs that bpftool writes into vmlinux.h are switched off: they are of one
 * kernel's functions alone, and all weak.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include <vmlinux.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Macros of the kernel's, which BTF knows nothing of. */
#define EINVAL 22
#define ENOENT 2
#define ENOMEM 12
#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */
#define DEFAULT_PRIO 120      /* include/linux/sched/prio.h: the static_prio of nice 0 */

/*
 * Volatile, or the compiler would believe the 0. Weak, so that objects which all include this can
 * be linked into one.
 */

const volatile u64 __SCX_DSQ_GLOBAL __weak;
const volatile u64 __SCX_DSQ_LOCAL __weak;
const volatile u64 __SCX_ENQ_WAKEUP __weak;
const volatile u64 __SCX_KICK_IDLE __weak;
const volatile u64 __SCX_KICK_PREEMPT __weak;
const volatile u64 __SCX_TASK_QUEUED __weak;

/* A loader that fills nothing in would make a scheduler that fails much later, and obscurely. */
static __always_inline bool sf_kernel_consts_filled(void)
{
	return __SCX_DSQ_GLOBAL && __SCX_DSQ_LOCAL && __SCX_ENQ_WAKEUP && __SCX_KICK_IDLE &&
	       __SCX_KICK_PREEMPT && __SCX_TASK_QUEUED;
}

/* Strong: a kernel that lacks one of these is too old, and libbpf says which it is. */
u64 scx_bpf_now(void) __ksym;
u32 scx_bpf_nr_cpu_ids(void) __ksym;
const struct cpumask *scx_bpf_get_online_cpumask(void) __ksym;
void scx_bpf_put_cpumask(const struct cpumask *cpumask) __ksym;
s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym;
s32 scx_bpf_dsq_nr_queued(u64 dsq_id) __ksym;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle) __ksym;
s32 scx_bpf_pick_idle_cpu(const struct cpumask *cpus_allowed, u64 flags) __ksym;
void scx_bpf_kick_cpu(s32 cpu, u64 flags) __ksym;
s32 scx_bpf_task_cpu(const struct task_struct *p) __ksym;
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;

struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *cpumask) __ksym;
void bpf_cpumask_clear_cpu(u32 cpu, struct bpf_cpumask *cpumask) __ksym;
bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __ksym;
bool bpf_cpumask_subset(const struct cpumask *src1, const struct cpumask *src2) __ksym;
u32 bpf_cpumask_weight(const struct cpumask *cpumask) __ksym;
u32 bpf_cpumask_any_and_distribute(const struct cpumask *src1, const struct cpumask *src2) __ksym;

/* Per CPU: one number for all CPUs that share a last-level cache (kernel/sched/topology.c). */
extern const int sd_llc_id __ksym __weak;

/* Of two forms, the first is older. Libbpf drops the last ___part of a name: hence ___v2___sf. */
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice,
			u64 enq_flags) __ksym __weak;
bool scx_bpf_dsq_insert___v2___sf(struct task_struct *p, u64 dsq_id, u64 slice,
				  u64 enq_flags) __ksym __weak;

/* The kernel's is scx_bpf_dsq_insert_vtime_args, which some vmlinux.h declare and some do not. */
struct sf_dsq_insert_vtime_args {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
};

void scx_bpf_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice, u64 vtime,
			      u64 enq_flags) __ksym __weak;
bool __scx_bpf_dsq_insert_vtime(struct task_struct *p,
				struct sf_dsq_insert_vtime_args *args) __ksym __weak;

bool scx_bpf_dsq_move_to_local(u64 dsq_id) __ksym __weak;
bool scx_bpf_dsq_move_to_local___v2___sf(u64 dsq_id, u64 enq_flags) __ksym __weak;

bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice) __ksym __weak;

static __always_inline void sf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice,
					  u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert___v2___sf))
		scx_bpf_dsq_insert___v2___sf(p, dsq_id, slice, enq_flags);
	else
		scx_bpf_dsq_insert(p, dsq_id, slice, enq_flags);
}

static __always_inline void sf_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice,
						u64 vtime, u64 enq_flags)
{
	if (bpf_ksym_exists(__scx_bpf_dsq_insert_vtime)) {
		struct sf_dsq_insert_vtime_args args = {
			.dsq_id = dsq_id,
			.slice = slice,
			.vtime = vtime,
			.enq_flags = enq_flags,
		};

		__scx_bpf_dsq_insert_vtime(p, &args);
	} else {
		scx_bpf_dsq_insert_vtime(p, dsq_id, slice, vtime, enq_flags);
	}
}

/* Whether there was a task to move: the first of the queue that may run on this CPU. */
static __always_inline bool sf_dsq_move_to_local(u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___v2___sf))
		return scx_bpf_dsq_move_to_local___v2___sf(dsq_id, 0);
	return scx_bpf_dsq_move_to_local(dsq_id);
}

static __always_inline void sf_task_set_slice(struct task_struct *p, u64 slice)
{
	if (bpf_ksym_exists(scx_bpf_task_set_slice))
		scx_bpf_task_set_slice(p, slice);
	else
		p->scx.slice = slice;
}

/*
 * An operation: void SF_OP(name, struct task_struct *p). Only some may sleep; init() and
 * init_task(), which allocate, should.
 */
#define SF_OP(name, args...) SEC("struct_ops/" #name) BPF_PROG(name, ##args)
#define SF_OP_SLEEPABLE(name, args...) SEC("struct_ops.s/" #name) BPF_PROG(name, ##args)

/* Ends the scheduler, and the kernel says why. Integers only, 64 bits each: %llu, %lld, %llx. */
#define sf_fail(fmt, args...)                                         \
	({                                                            \
		static char ___fmt[] = fmt;                           \
		unsigned long long ___args[] = {args};                \
		scx_bpf_error_bstr(___fmt, ___args, sizeof(___args)); \
	})

/* A mask of ours, for the kfuncs that only read one: a struct bpf_cpumask begins with it. */
#define sf_cpumask(mask) ((const struct cpumask *)(mask))

/* How far a is ahead of b. Virtual times may wrap around: never compare them with < or >. */
static __always_inline s64 sf_vtime_diff(u64 a, u64 b)
{
	return (s64)(a - b);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scheduler small enough to be read and fair enough to be used: weighted fair queueing by virtual
 * time, with one queue for all CPUs behind a last-level cache.
 *
 * Time. A running task's virtual time passes at 100 / weight of real time, and the task with the
 * least of it is next. A cache's clock (sf_llc.vtime_now) is the furthest virtual time that anyone
 * began to run with. A task that slept would be far behind it and keep the CPU until it had caught
 * up, so it starts at most a lag behind. That lag is what makes wake-ups fast; who uses the CPU in
 * long bursts gets less of it. What a task ran beyond the clock is its debt, paid by waiting. It is
 * limited too: after one slice, a task of little weight would otherwise wait for whole seconds.
 *
 * Place. CPUs with the same last-level cache (the kernel numbers caches in its per-CPU sd_llc_id)
 * share a queue, since a task that moves among them finds its data again. The clocks of two caches
 * have nothing to do with each other: a task that changes over keeps its distance to the clock, not
 * its virtual time. A CPU whose queue is empty takes from the others. That alone would leave a long
 * queue long for as long as no CPU elsewhere runs dry, so every few dispatches a CPU looks first
 * whether one is much longer than its own.
 *
 * Wake-ups. A task that wakes up gets an idle CPU if there is one. If there is none, and the task
 * is interactive and well behind the clock, a CPU of its cache that runs a batch task has to choose
 * again. Classes are learnt: who runs for more than a few milliseconds between two sleeps is batch.
 *
 * Nothing takes a lock. What is about one task or one CPU has one writer at a time, totals are
 * atomic, and a clock that lost an update to a race is put right by the next task that runs.
 *
 * Every lookup may fail as far as the verifier knows, so each is tested. Where the test cannot fail
 * in truth, what comes of it is whatever is simplest, as long as no task gets lost.
 */
#include "scx.bpf.h"

#include "sf_example.h"

char _license[] SEC("license") = "GPL";

/* Fixed when it is loaded. */
const volatile char sf_version[] = "sf_example 1.0";
const volatile u64 slice_ns = 5 * SF_MSEC;
const volatile bool preempt_batch = true;

/* These and the tuning may change while it runs. */
u32 steal_every = 8;              /* dispatches of a CPU; 0: look elsewhere only if out of tasks */
s64 preempt_lag_ns = 3 * SF_MSEC; /* who is less far behind the clock waits for a slice to end */

struct sf_tuning tuning SEC(".data.tuning") = {
	.lag_ns = {
		[SF_CLASS_INTERACTIVE] = 10 * SF_MSEC,
		[SF_CLASS_BATCH] = 5 * SF_MSEC,
		[SF_CLASS_KTHREAD] = 10 * SF_MSEC,
	},
	.debt_ns = 200 * SF_MSEC,
	.learn = {
		.batch_ns = 4 * SF_MSEC,
		.decay_shift = 2,
	},
	.steal = {
		.excess_percent = 50,
		.min_queued = 2,
	},
};

u32 nr_cpus_onln;
u32 nr_cpu_ids;
u32 nr_llcs;
u64 nr_enqueued;   /* into queues of ours */
u64 nr_dispatched; /* to a CPU, from such a queue or past them all */
s64 nr_tasks;
u16 llc_of_cpu[SF_MAX_CPUS];
struct sf_exit last_exit;

/* Hidden, or libbpf would want to mmap() the section, which the kernel denies where a kptr is. */
struct bpf_cpumask __kptr *online_cpus __hidden SEC(".data.topo");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sf_task);
} scx_per_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SF_MAX_LLCS);
	__type(key, u32);
	__type(value, struct sf_llc);
} llcs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sf_stats);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sf_migration_key);
	__type(value, struct sf_migration);
} migrations SEC(".maps");

static struct sf_task *task_of(struct task_struct *p)
{
	return bpf_task_storage_get(&scx_per_task, p, NULL, 0);
}

static struct sf_llc *llc_at(u32 index)
{
	return bpf_map_lookup_elem(&llcs, &index);
}

static u32 llc_index(s32 cpu)
{
	return (u32)cpu < SF_MAX_CPUS ? llc_of_cpu[cpu] : 0;
}

static struct sf_stats *my_stats(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&stats, &zero);
}

/* CPUs race here and may set the clock back a little; the next task that runs puts it right. */
static void clock_advance(struct sf_llc *llc, u64 vtime)
{
	if (sf_vtime_diff(vtime, llc->vtime_now) > 0)
		llc->vtime_now = vtime;
}

/*
 * Puts a task on a cache's clock. From another cache it brings along how far it was from the clock
 * there: if moving were a way out of debt, the task that is moved most would run most.
 */
static void task_place(struct sf_task *t, struct sf_llc *llc, s32 index)
{
	s32 before = t->ctx.llc;

	if (before != index) {
		struct sf_llc *old = before >= 0 ? llc_at(before) : NULL;
		s64 ahead = old ? sf_vtime_diff(t->ctx.vtime, old->vtime_now) : 0;

		t->ctx.vtime = llc->vtime_now + ahead;
		t->ctx.llc = index;
	}

	u32 class = t->state.class;
	u64 lag = class < SF_NR_CLASSES ? tuning.lag_ns[class] : 0;

	if (sf_vtime_diff(t->ctx.vtime, llc->vtime_now - lag) < 0)
		t->ctx.vtime = llc->vtime_now - lag;
	if (sf_vtime_diff(t->ctx.vtime, llc->vtime_now + tuning.debt_ns) > 0)
		t->ctx.vtime = llc->vtime_now + tuning.debt_ns;
}

static void task_learn(struct sf_task *t, u64 ran_ns, bool sleeps)
{
	u8 shift = tuning.learn.decay_shift & 31;

	t->burst.current_ns += ran_ns;
	if (t->state.slices < SF_MAX_SLICES)
		t->state.slices++;

	if (sleeps) {
		t->burst.average_ns += t->burst.current_ns >> shift;
		t->burst.average_ns -= t->burst.average_ns >> shift;
		t->burst.current_ns = 0;
		t->state.slices = 0;
	}

	if (t->state.class == SF_CLASS_KTHREAD)
		return;

	if (t->burst.average_ns > tuning.learn.batch_ns ||
	    t->burst.current_ns > tuning.learn.batch_ns)
		t->state.class = SF_CLASS_BATCH;
	else
		t->state.class = SF_CLASS_INTERACTIVE;
}

/* For what it ran since it was charged last: at the end of each slice, and when it stops. */
static void task_charge(struct sf_task *t, struct sf_stats *st, bool sleeps)
{
	u64 now = scx_bpf_now();
	u64 ran_ns = now - t->charged_at;
	u64 weight = t->ctx.weight.value ?: SF_DEFAULT_WEIGHT;
	u32 class = t->state.class;

	t->ctx.vtime += ran_ns * SF_DEFAULT_WEIGHT / weight;
	t->charged_at = now;
	t->total_ns += ran_ns;
	if (class < SF_NR_CLASSES)
		st->runtime_ns[class] += ran_ns;
	task_learn(t, ran_ns, sleeps);
}

static void count_migration(struct sf_task *t, s32 from, s32 to)
{
	static u64 nr_lost; /* the map was full */
	struct sf_migration_key key = {
		.from_cpu = from,
		.to_cpu = to,
		.class = t->state.class,
	};
	struct sf_migration first = {}, *m = bpf_map_lookup_elem(&migrations, &key);

	t->nr_migrations++;
	if (!m) {
		bpf_map_update_elem(&migrations, &key, &first, BPF_NOEXIST);
		m = bpf_map_lookup_elem(&migrations, &key);
	}
	if (!m) {
		__sync_fetch_and_add(&nr_lost, 1);
		return;
	}
	__sync_fetch_and_add(&m->count, 1);
	m->last_at = scx_bpf_now();
	m->last_tid = t->tid;
}

static void count_wait(struct sf_stats *st, u64 ns)
{
	u64 us = ns / 1000;
	u32 bucket = 0, n; /* BPF has no instruction for the highest bit of a number */

	bpf_for(n, 0, SF_WAIT_BUCKETS) {
		bucket = n;
		if (us >> n <= 1)
			break;
	}
	if (bucket < SF_WAIT_BUCKETS)
		st->wait.by_log2_us[bucket]++;
	st->wait.sum_ns += ns;
	if (ns > st->wait.max_ns)
		st->wait.max_ns = ns;
}

/*
 * Finds a CPU to serve the queue that a task just joined: an idle one, rather near than far, or one
 * that a batch task has to share. Masks are used as they are, for an intersection would need memory
 * of its own; hence a task that may not run everywhere gets the plain search, and preempts nobody.
 */
static void find_cpu(struct task_struct *p, struct sf_task *t, struct sf_llc *llc, u64 enq_flags)
{
	struct bpf_cpumask *cpus = llc->cpus, *batch = llc->batch;
	struct bpf_cpumask *online = online_cpus;
	bool anywhere = online && bpf_cpumask_subset(sf_cpumask(online), p->cpus_ptr);
	s32 cpu = -1;

	if (anywhere && cpus)
		cpu = scx_bpf_pick_idle_cpu(sf_cpumask(cpus), 0);
	if (cpu < 0)
		cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (cpu >= 0) {
		scx_bpf_kick_cpu(cpu, __SCX_KICK_IDLE);
		return;
	}

	if (!preempt_batch || !(enq_flags & __SCX_ENQ_WAKEUP) || !anywhere || !cpus || !batch)
		return;
	if (t->state.class != SF_CLASS_INTERACTIVE ||
	    sf_vtime_diff(llc->vtime_now, t->ctx.vtime) < preempt_lag_ns)
		return;

	u32 victim = bpf_cpumask_any_and_distribute(sf_cpumask(cpus), sf_cpumask(batch));

	if (victim < nr_cpu_ids) {
		struct sf_stats *st = my_stats();

		if (st)
			st->nr_preempted++;
		scx_bpf_kick_cpu(victim, __SCX_KICK_PREEMPT);
	}
}

s32 SF_OP(sf_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);

	if (idle) {
		sf_dsq_insert(p, __SCX_DSQ_LOCAL, slice_ns, 0);
		__sync_fetch_and_add(&nr_dispatched, 1);
	}
	return cpu;
}

void SF_OP(sf_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct sf_task *t = task_of(p);
	s32 index = llc_index(scx_bpf_task_cpu(p));
	struct sf_llc *llc = llc_at(index);

	if (!t || !llc) {
		sf_dsq_insert(p, __SCX_DSQ_GLOBAL, slice_ns, enq_flags);
		return;
	}

	/*
	 * A kernel thread of this one CPU that wakes up has work of the CPU's own to do, which
	 * others may be waiting for: it goes past the queue. Only then, though. One that never
	 * slept would shut everybody out.
	 */
	if (t->state.class == SF_CLASS_KTHREAD && p->nr_cpus_allowed == 1 &&
	    (enq_flags & __SCX_ENQ_WAKEUP)) {
		sf_dsq_insert(p, __SCX_DSQ_LOCAL, slice_ns, enq_flags);
		__sync_fetch_and_add(&nr_dispatched, 1);
		return;
	}

	task_place(t, llc, index);
	t->state.pinned = p->nr_cpus_allowed == 1;
	t->state.queued = 1;
	t->queued_at = scx_bpf_now();
	sf_dsq_insert_vtime(p, index, slice_ns, t->ctx.vtime, enq_flags);
	__sync_fetch_and_add(&nr_enqueued, 1);

	find_cpu(p, t, llc, enq_flags);
}

/* The queue with the most tasks per CPU, if those are clearly more than here; else -1. */
static s32 crowded_queue(u32 here)
{
	struct sf_llc *llc = llc_at(here);
	u64 ours, most = 0;
	s32 found = -1;
	u32 i;

	if (!llc || !llc->nr_cpus)
		return -1;
	ours = (u64)scx_bpf_dsq_nr_queued(here) * 100 / llc->nr_cpus;

	bpf_for(i, 0, nr_llcs) {
		s32 queued = i == here ? 0 : scx_bpf_dsq_nr_queued(i);

		if (queued < (s32)tuning.steal.min_queued)
			continue;
		llc = llc_at(i);
		if (!llc || !llc->nr_cpus)
			continue;

		u64 theirs = (u64)queued * 100 / llc->nr_cpus;

		if (theirs > most && theirs * 100 > ours * (100 + tuning.steal.excess_percent)) {
			most = theirs;
			found = i;
		}
	}
	return found;
}

static bool take_from(u32 index, u32 here)
{
	if (!sf_dsq_move_to_local(index))
		return false;

	__sync_fetch_and_add(&nr_dispatched, 1);
	if (index != here) {
		struct sf_llc *llc = llc_at(index);

		if (llc)
			__sync_fetch_and_add(&llc->nr_taken, 1);
	}
	return true;
}

static void set_batch_cpu(struct sf_llc *llc, s32 cpu, bool runs_batch)
{
	struct bpf_cpumask *batch = llc->batch;

	if (!batch)
		return;
	if (runs_batch)
		bpf_cpumask_set_cpu(cpu, batch);
	else
		bpf_cpumask_clear_cpu(cpu, batch);
}

/*
 * Nobody else wants the CPU. The task would go on without this too, but with no call of stopping()
 * or running() to charge it: the clock would stand still, and then jump when it has company again.
 */
static void keep_running(struct task_struct *p, s32 cpu, struct sf_stats *st)
{
	struct sf_task *t = task_of(p);
	struct sf_llc *llc = llc_at(llc_index(cpu));

	if (!t || !llc)
		return;
	task_charge(t, st, false);
	clock_advance(llc, t->ctx.vtime);
	set_batch_cpu(llc, cpu, t->state.class == SF_CLASS_BATCH);
	sf_task_set_slice(p, slice_ns);
	st->nr_kept++;
}

void SF_OP(sf_dispatch, s32 cpu, struct task_struct *prev)
{
	struct sf_stats *st = my_stats();
	u32 here = llc_index(cpu), i;

	if (!st)
		return;

	if (steal_every && nr_llcs > 1 && ++st->nr_dispatches % steal_every == 0) {
		s32 crowded = crowded_queue(here);

		if (crowded >= 0 && take_from(crowded, here))
			return;
	}

	if (take_from(here, here))
		return;
	bpf_for(i, 1, nr_llcs) {
		if (take_from((here + i) % nr_llcs, here))
			return;
	}

	if (prev && prev->scx.flags & __SCX_TASK_QUEUED)
		keep_running(prev, cpu, st);
}

void SF_OP(sf_running, struct task_struct *p)
{
	struct sf_task *t = task_of(p);
	struct sf_stats *st = my_stats();
	s32 cpu = scx_bpf_task_cpu(p);
	s32 index = llc_index(cpu);
	struct sf_llc *llc = llc_at(index);
	u64 now = scx_bpf_now();

	if (!t || !st || !llc)
		return;

	/* execve() gives a task a new name, and a thread the tid of its leader. */
	t->tid = p->pid;
	bpf_probe_read_kernel(t->comm, sizeof(t->comm), p->comm);

	if (!t->state.queued) {
		t->via = SF_VIA_DIRECT;
		st->nr_ran[SF_VIA_DIRECT]++;
	} else {
		enum sf_via via = t->ctx.llc == index ? SF_VIA_OWN_QUEUE : SF_VIA_OTHER_QUEUE;

		t->via = via;
		st->nr_ran[via]++;
		count_wait(st, now - t->queued_at);
		t->state.queued = 0;
	}

	if (t->ctx.cpu >= 0 && t->ctx.cpu != cpu)
		count_migration(t, t->ctx.cpu, cpu);
	t->ctx.cpu = cpu;

	task_place(t, llc, index);
	clock_advance(llc, t->ctx.vtime);
	set_batch_cpu(llc, cpu, t->state.class == SF_CLASS_BATCH);
	t->charged_at = now;
	st->running = p;
}

void SF_OP(sf_stopping, struct task_struct *p, bool runnable)
{
	struct sf_task *t = task_of(p);
	struct sf_stats *st = my_stats();
	s32 cpu = scx_bpf_task_cpu(p);
	struct sf_llc *llc = llc_at(llc_index(cpu));

	if (!t || !st || !llc)
		return;

	task_charge(t, st, !runnable);
	set_batch_cpu(llc, cpu, false);
	st->running = NULL;
}

void SF_OP(sf_set_weight, struct task_struct *p, u32 weight)
{
	struct sf_task *t = task_of(p);

	if (!t)
		return;
	t->ctx.weight.value = weight;
	t->state.nice = p->static_prio - DEFAULT_PRIO;
}

/* The task becomes ours, and maybe not for the first time: what its vtime says may be long past. */
void SF_OP(sf_enable, struct task_struct *p)
{
	struct sf_task *t = task_of(p);

	if (!t)
		return;
	t->ctx.weight.value = p->scx.weight;
	t->ctx.llc = -1;
	t->state.queued = 0;
	t->state.nice = p->static_prio - DEFAULT_PRIO;
}

s32 SF_OP_SLEEPABLE(sf_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct sf_task *t = bpf_task_storage_get(&scx_per_task, p, NULL,
						 BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!t)
		return -ENOMEM;
	t->tid = p->pid;
	bpf_probe_read_kernel(t->comm, sizeof(t->comm), p->comm);
	t->ctx.weight.value = SF_DEFAULT_WEIGHT;
	t->ctx.llc = -1;
	t->ctx.cpu = -1;
	t->via = SF_VIA_NONE;
	t->state.class = p->flags & PF_KTHREAD ? SF_CLASS_KTHREAD : SF_CLASS_INTERACTIVE;
	__sync_fetch_and_add(&nr_tasks, 1);
	return 0;
}

void SF_OP(sf_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	/* Its storage goes when the task itself does. */
	__sync_fetch_and_add(&nr_tasks, -1);
}

/* The kernel's cache ids may have gaps; ours are the order in which caches are met. */
static s32 add_cpu(u32 cpu)
{
	s32 kernel_id = 0;
	struct sf_llc *llc;
	u32 i;

	if (bpf_ksym_exists(&sd_llc_id)) {
		const int *id = bpf_per_cpu_ptr(&sd_llc_id, cpu);

		if (id)
			kernel_id = *id;
	}

	bpf_for(i, 0, SF_MAX_LLCS) {
		llc = llc_at(i);
		if (!llc)
			break;
		if (i >= nr_llcs) {
			llc->kernel_id = kernel_id;
			/* Not 0, of which a lag can be taken only by wrapping around. */
			llc->vtime_now = 1000 * SF_MSEC;
			nr_llcs = i + 1;
		}
		if (llc->kernel_id == kernel_id) {
			llc->nr_cpus++;
			if (cpu < SF_MAX_CPUS)
				llc_of_cpu[cpu] = i;
			return 0;
		}
	}
	sf_fail("more than %llu last-level caches", SF_MAX_LLCS);
	return -EINVAL;
}

static s32 count_cpus(void)
{
	const struct cpumask *online = scx_bpf_get_online_cpumask();
	s32 err = 0;
	u32 cpu;

	nr_cpus_onln = bpf_cpumask_weight(online);
	bpf_for(cpu, 0, nr_cpu_ids) {
		if (!bpf_cpumask_test_cpu(cpu, online))
			continue;
		err = add_cpu(cpu);
		if (err)
			break;
	}
	scx_bpf_put_cpumask(online);
	return err;
}

/* The online CPUs of one cache, or of all (-1). The caller owns it. */
static struct bpf_cpumask *mask_of(s32 index)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	const struct cpumask *online;
	u32 cpu;

	if (!mask)
		return NULL;

	online = scx_bpf_get_online_cpumask();
	bpf_for(cpu, 0, nr_cpu_ids) {
		if (index >= 0 && llc_index(cpu) != (u32)index)
			continue;
		if (bpf_cpumask_test_cpu(cpu, online))
			bpf_cpumask_set_cpu(cpu, mask);
	}
	scx_bpf_put_cpumask(online);
	return mask;
}

static s32 set_up_llc(u32 index)
{
	struct sf_llc *llc = llc_at(index);
	struct bpf_cpumask *mask;
	s32 err;

	if (!llc)
		return -ENOENT;
	err = scx_bpf_create_dsq(index, -1);
	if (err)
		return err;

	mask = mask_of(index);
	if (!mask)
		return -ENOMEM;
	mask = bpf_kptr_xchg(&llc->cpus, mask);
	if (mask)
		bpf_cpumask_release(mask);

	mask = bpf_cpumask_create();
	if (!mask)
		return -ENOMEM;
	mask = bpf_kptr_xchg(&llc->batch, mask);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

s32 SF_OP_SLEEPABLE(sf_init)
{
	struct bpf_cpumask *mask;
	s32 err;
	u32 i;

	if (!sf_kernel_consts_filled()) {
		sf_fail("a kernel constant is not filled in; __SCX_DSQ_LOCAL is %llu",
			__SCX_DSQ_LOCAL);
		return -EINVAL;
	}

	nr_cpu_ids = scx_bpf_nr_cpu_ids();
	if (nr_cpu_ids > SF_MAX_CPUS) {
		sf_fail("%llu CPUs are more than it was built for", nr_cpu_ids);
		return -EINVAL;
	}

	err = count_cpus();
	if (err)
		return err;
	bpf_for(i, 0, nr_llcs) {
		err = set_up_llc(i);
		if (err)
			return err;
	}

	mask = mask_of(-1);
	if (!mask)
		return -ENOMEM;
	mask = bpf_kptr_xchg(&online_cpus, mask);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

void SF_OP(sf_exit, struct scx_exit_info *info)
{
	last_exit.kind = info->kind;
	last_exit.code = info->exit_code;
	bpf_probe_read_kernel_str(last_exit.reason, sizeof(last_exit.reason), info->reason);
	bpf_probe_read_kernel_str(last_exit.msg, sizeof(last_exit.msg), info->msg);
}

SEC(".struct_ops.link")
struct sched_ext_ops sf_example = {
	.select_cpu = (void *)sf_select_cpu,
	.enqueue = (void *)sf_enqueue,
	.dispatch = (void *)sf_dispatch,
	.running = (void *)sf_running,
	.stopping = (void *)sf_stopping,
	.set_weight = (void *)sf_set_weight,
	.enable = (void *)sf_enable,
	.init_task = (void *)sf_init_task,
	.exit_task = (void *)sf_exit_task,
	.init = (void *)sf_init,
	.exit = (void *)sf_exit,
	.name = "sf_example",
};

/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that once does not come back: when a task called sf-loop is queued, it turns in a circle for ten seconds. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

#define SECONDS 10
#define ROUNDS (1 << 23) /* BPF_MAX_LOOPS (kernel/bpf/bpf_iter.c) */

u64 nr_enqueued, loop_began, loop_ended;

static long turn(u64 i, void *until)
{
	return bpf_ktime_get_ns() >= *(u64 *)until;
}

static long turns(u64 i, void *until)
{
	bpf_loop(ROUNDS, turn, until, 0);
	return bpf_ktime_get_ns() >= *(u64 *)until;
}

static bool is_sf_loop(struct task_struct *p)
{
	const char name[] = "sf-loop";

	for (u32 i = 0; i < sizeof(name); i++)
		if (p->comm[i] != name[i])
			return false;
	return true;
}

void SF_OP(loops_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 until;

	nr_enqueued++;
	if (is_sf_loop(p) && !loop_began) {
		loop_began = bpf_ktime_get_ns();
		until = loop_began + SECONDS * 1000000000ull;
		bpf_loop(1024, turns, &until, 0);
		loop_ended = bpf_ktime_get_ns();
	}
	sf_dsq_insert(p, __SCX_DSQ_GLOBAL, 5000000, enq_flags);
}

SEC(".struct_ops.link")
struct sched_ext_ops loops = {
	.enqueue = (void *)loops_enqueue,
	.name = "loops",
};

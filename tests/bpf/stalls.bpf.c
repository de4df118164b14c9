/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that runs nobody: every task waits in a queue of its own that nothing takes from. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

#define NOBODYS 1

void SF_OP(stalls_enqueue, struct task_struct *p, u64 enq_flags)
{
	sf_dsq_insert(p, NOBODYS, 5000000, enq_flags);
}

s32 SF_OP_SLEEPABLE(stalls_init)
{
	return scx_bpf_create_dsq(NOBODYS, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops stalls = {
	.enqueue = (void *)stalls_enqueue,
	.init = (void *)stalls_init,
	.timeout_ms = 3000,
	.name = "stalls",
};

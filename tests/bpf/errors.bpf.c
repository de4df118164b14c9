/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that gives up by itself, `after_ns` after it began. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

const volatile u64 after_ns = 500000000;
u64 began;

void SF_OP(errors_enqueue, struct task_struct *p, u64 enq_flags)
{
	sf_dsq_insert(p, __SCX_DSQ_GLOBAL, 5000000, enq_flags);
	if (bpf_ktime_get_ns() - began > after_ns)
		sf_fail("as it was built to, on pid %llu", p->pid);
}

s32 SF_OP_SLEEPABLE(errors_init)
{
	began = bpf_ktime_get_ns();
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops errors = {
	.enqueue = (void *)errors_enqueue,
	.init = (void *)errors_init,
	.name = "errors",
};

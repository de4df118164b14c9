/* SPDX-License-Identifier: GPL-2.0-only */
/* An object with two schedulers: which one is meant cannot be known. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

void SF_OP(two_enqueue, struct task_struct *p, u64 enq_flags)
{
	sf_dsq_insert(p, __SCX_DSQ_GLOBAL, 5000000, enq_flags);
}

SEC(".struct_ops.link")
struct sched_ext_ops first = {
	.enqueue = (void *)two_enqueue,
	.name = "first",
};

SEC(".struct_ops.link")
struct sched_ext_ops second = {
	.enqueue = (void *)two_enqueue,
	.name = "second",
};

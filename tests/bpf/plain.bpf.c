/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that leaves all but counting to the kernel, and needs nothing of its loader. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

u64 nr_running;

void SF_OP(plain_running, struct task_struct *p)
{
	__sync_fetch_and_add(&nr_running, 1);
}

SEC(".struct_ops.link")
struct sched_ext_ops plain = {
	.running = (void *)plain_running,
	.name = "plain",
};

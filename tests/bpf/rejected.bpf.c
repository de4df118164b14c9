/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that the verifier refuses: it reads through a pointer that may be NULL. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

void SF_OP(rejected_enqueue, struct task_struct *p, u64 enq_flags)
{
	u32 key = p->pid;
	u64 *number = bpf_map_lookup_elem(&numbers, &key);

	sf_dsq_insert(p, __SCX_DSQ_LOCAL, *number, enq_flags);
}

SEC(".struct_ops.link")
struct sched_ext_ops rejected = {
	.enqueue = (void *)rejected_enqueue,
	.name = "rejected",
};

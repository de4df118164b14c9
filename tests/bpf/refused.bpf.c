/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that the verifier takes and the kernel does not: its init() fails. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

s32 SF_OP_SLEEPABLE(refused_init)
{
	return -12;
}

SEC(".struct_ops.link")
struct sched_ext_ops refused = {
	.init = (void *)refused_init,
	.name = "refused",
};

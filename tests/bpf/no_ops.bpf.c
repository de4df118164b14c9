/* SPDX-License-Identifier: GPL-2.0-only */
/* A BPF object that is no scheduler. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

u64 calls;

SEC("syscall")
int no_ops(void *ctx)
{
	calls++;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that stays when CPUs come and go, and counts them; one queue for all. */
#include "scx.bpf.h"

char _license[] SEC("license") = "GPL";

u32 nr_online, nr_offline;
s32 last_offline = -1;

/* Which CPU each CPU's slot is of: the last one that wrote there. */
struct ran {
	u64 n;
	u32 cpu;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ran);
} ran SEC(".maps");

void SF_OP(hotplug_enqueue, struct task_struct *p, u64 enq_flags)
{
	sf_dsq_insert(p, __SCX_DSQ_GLOBAL, 5000000, enq_flags);
}

void SF_OP(hotplug_running, struct task_struct *p)
{
	u32 zero = 0;
	struct ran *r = bpf_map_lookup_elem(&ran, &zero);

	if (!r)
		return;
	r->n++;
	r->cpu = bpf_get_smp_processor_id();
}

void SF_OP(hotplug_cpu_online, s32 cpu)
{
	__sync_fetch_and_add(&nr_online, 1);
}

void SF_OP(hotplug_cpu_offline, s32 cpu)
{
	__sync_fetch_and_add(&nr_offline, 1);
	last_offline = cpu;
}

SEC(".struct_ops.link")
struct sched_ext_ops hotplug = {
	.enqueue = (void *)hotplug_enqueue,
	.running = (void *)hotplug_running,
	.cpu_online = (void *)hotplug_cpu_online,
	.cpu_offline = (void *)hotplug_cpu_offline,
	.name = "hotplug",
};

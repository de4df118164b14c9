/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of a report: which members they have, and how they are read.
 */

#include "document_private.h"

#define MEMBER(record, kind, field) { .name = #field, .type = SF_RECORD_##kind, .at = offsetof(struct record, field) }
#define NEEDED(record, kind, field)                                                                \
	{ .name = #field, .type = SF_RECORD_##kind, .is_needed = true, .at = offsetof(struct record, field) }
#define OPTIONAL(record, kind, field)                                                              \
	{ .name = #field, .type = SF_RECORD_##kind, .is_optional = true,                           \
	  .at = offsetof(struct record, field), .has = offsetof(struct record, has_##field) }
#define KVAS(record, field, n)                                                                     \
	{ .name = #field, .type = SF_RECORD_KVAS, .at = offsetof(struct record, field), .has = offsetof(struct record, n) }

static const struct sf_record_member event_counters[] = {
	NEEDED(sf_event_counters, U64, elapsed_ms),
	MEMBER(sf_event_counters, U64, select_cpu_fallback),
	MEMBER(sf_event_counters, U64, dispatch_local_dsq_offline),
	MEMBER(sf_event_counters, U64, dispatch_keep_last),
	MEMBER(sf_event_counters, U64, enq_skip_exiting),
	MEMBER(sf_event_counters, U64, enq_skip_migration_disabled),
	MEMBER(sf_event_counters, U64, reenq_immed),
	MEMBER(sf_event_counters, U64, reenq_local_repeat),
	MEMBER(sf_event_counters, U64, refill_slice_dfl),
	MEMBER(sf_event_counters, U64, bypass_duration),
	MEMBER(sf_event_counters, U64, bypass_dispatch),
	MEMBER(sf_event_counters, U64, bypass_activate),
	MEMBER(sf_event_counters, U64, insert_not_owned),
	MEMBER(sf_event_counters, U64, sub_bypass_dispatch),
};

static const struct sf_record_member rq_scx[] = {
	NEEDED(sf_rq_scx_state, U32, cpu),
	MEMBER(sf_rq_scx_state, U32, nr_running),
	MEMBER(sf_rq_scx_state, U32, flags),
	MEMBER(sf_rq_scx_state, BOOL, cpu_released),
	MEMBER(sf_rq_scx_state, U64, ops_qseq),
	OPTIONAL(sf_rq_scx_state, U64, kick_sync),
	OPTIONAL(sf_rq_scx_state, U32, nr_immed),
	OPTIONAL(sf_rq_scx_state, U64, rq_clock),
	OPTIONAL(sf_rq_scx_state, I32, curr_pid),
	MEMBER(sf_rq_scx_state, STR, curr_comm),
	KVAS(sf_rq_scx_state, runnable_task_kvas, n_runnable_tasks),
	MEMBER(sf_rq_scx_state, BOOL, runnable_truncated),
};

static const struct sf_record_member dsq[] = {
	NEEDED(sf_dsq_state, U64, id),
	MEMBER(sf_dsq_state, TEXT, origin),
	MEMBER(sf_dsq_state, U32, nr),
	MEMBER(sf_dsq_state, U64, seq),
	KVAS(sf_dsq_state, task_kvas, n_tasks),
	MEMBER(sf_dsq_state, BOOL, truncated),
};

static const struct sf_record_member cpu_time[] = {
	NEEDED(sf_cpu_time, U32, cpu),
	MEMBER(sf_cpu_time, U64, cpustat_user_ns),
	MEMBER(sf_cpu_time, U64, cpustat_nice_ns),
	MEMBER(sf_cpu_time, U64, cpustat_system_ns),
	MEMBER(sf_cpu_time, U64, cpustat_softirq_ns),
	MEMBER(sf_cpu_time, U64, cpustat_irq_ns),
	MEMBER(sf_cpu_time, U64, cpustat_idle_ns),
	MEMBER(sf_cpu_time, U64, cpustat_iowait_ns),
	MEMBER(sf_cpu_time, U64, cpustat_steal_ns),
	MEMBER(sf_cpu_time, U64_10, softirqs),
	MEMBER(sf_cpu_time, U64, irqs_sum),
	OPTIONAL(sf_cpu_time, U64, iowait_sleeptime_ns),
};

static const struct sf_record_member node_numa[] = {
	NEEDED(sf_node_numa, U32, node),
	MEMBER(sf_node_numa, U64, numa_hit),
	MEMBER(sf_node_numa, U64, numa_miss),
	MEMBER(sf_node_numa, U64, numa_foreign),
	MEMBER(sf_node_numa, U64, interleave_hit),
	MEMBER(sf_node_numa, U64, local_node),
	MEMBER(sf_node_numa, U64, other_node),
};

static const struct sf_record_member tasks[] = {
	NEEDED(sf_task_enrichment, I32, pid),
	MEMBER(sf_task_enrichment, I32, tgid),
	MEMBER(sf_task_enrichment, TEXT, comm),
	OPTIONAL(sf_task_enrichment, I32, group_leader_pid),
	OPTIONAL(sf_task_enrichment, I32, real_parent_pid),
	MEMBER(sf_task_enrichment, STR, real_parent_comm),
	OPTIONAL(sf_task_enrichment, I32, pgid),
	OPTIONAL(sf_task_enrichment, I32, sid),
	OPTIONAL(sf_task_enrichment, U32, nr_threads),
	MEMBER(sf_task_enrichment, U32, weight),
	MEMBER(sf_task_enrichment, I32, prio),
	MEMBER(sf_task_enrichment, I32, static_prio),
	MEMBER(sf_task_enrichment, I32, normal_prio),
	MEMBER(sf_task_enrichment, U32, rt_priority),
	MEMBER(sf_task_enrichment, STR, sched_class),
	OPTIONAL(sf_task_enrichment, U64, core_cookie),
	MEMBER(sf_task_enrichment, BOOL, pi_boosted_out_of_scx),
	MEMBER(sf_task_enrichment, U64, nvcsw),
	MEMBER(sf_task_enrichment, U64, nivcsw),
	OPTIONAL(sf_task_enrichment, U64, signal_nvcsw),
	OPTIONAL(sf_task_enrichment, U64, signal_nivcsw),
	MEMBER(sf_task_enrichment, BOOL, lock_slowpath_match),
};

static const struct sf_record_member progs[] = {
	NEEDED(sf_prog_runtime_stats, TEXT, name),
	MEMBER(sf_prog_runtime_stats, U64, cnt),
	MEMBER(sf_prog_runtime_stats, U64, nsecs),
	MEMBER(sf_prog_runtime_stats, U64, misses),
};

static const struct sf_record_member sched[] = {
	MEMBER(sf_scx_sched_state, BOOL, aborting),
	MEMBER(sf_scx_sched_state, U32, bypass_depth),
	MEMBER(sf_scx_sched_state, U32, exit_kind),
	OPTIONAL(sf_scx_sched_state, U64, watchdog_timeout),
	MEMBER(sf_scx_sched_state, STR, source),
	OPTIONAL(sf_scx_sched_state, U64, sched_kva),
};

#define KIND(name, record, members) { name, sizeof(struct record), members, ARRAY_SIZE(members) }

const struct sf_record_kind sf_record_kinds[SF_N_RECORDS] = {
	[SF_RECORDS_EVENT_COUNTERS] = KIND("event_counter_timeline", sf_event_counters, event_counters),
	[SF_RECORDS_RQ_SCX] = KIND("rq_scx_states", sf_rq_scx_state, rq_scx),
	[SF_RECORDS_DSQ] = KIND("dsq_states", sf_dsq_state, dsq),
	[SF_RECORDS_CPU_TIME] = KIND("per_cpu_time", sf_cpu_time, cpu_time),
	[SF_RECORDS_NODE_NUMA] = KIND("per_node_numa", sf_node_numa, node_numa),
	[SF_RECORDS_TASKS] = KIND("task_enrichments", sf_task_enrichment, tasks),
	[SF_RECORDS_PROGS] = KIND("prog_runtime_stats", sf_prog_runtime_stats, progs),
	[SF_RECORDS_SCHED] = KIND("scx_sched_state", sf_scx_sched_state, sched),
};

const char *const sf_record_gaps[SF_N_GAPS] = {
	[SF_GAP_SCX_WALKER] = "scx_walker_unavailable",
	[SF_GAP_TASKS] = "task_enrichments_unavailable",
	[SF_GAP_PROGS] = "prog_runtime_stats_unavailable",
	[SF_GAP_NODE_NUMA] = "per_node_numa_unavailable",
	[SF_GAP_SDT_ALLOC] = "sdt_alloc_unavailable",
};

/* ---- reading ------------------------------------------------------------------------------------------------ */

static struct sf_error *read_ten(const struct sf_spot *at, const char *key, uint64_t *ret)
{
	const uint64_t *v = NULL;
	size_t n = 0;

	SF_TRY(sf_spot_u64s(at, key, &v, &n));
	if (n > 10)
		return sf_spot_bad(at, key, "ten numbers should be here, not %zu", n);
	if (n)
		memcpy(ret, v, n * sizeof(*v));
	return NULL;
}

static struct sf_error *read_member(const struct sf_spot *at, const struct sf_record_member *m, void *record)
{
	enum sf_need need = m->is_needed ? SF_NEEDED : SF_OPTIONAL;
	void *to = (char *)record + m->at;

	if (m->is_optional)
		*(bool *)((char *)record + m->has) = sf_spot_member(at, m->name) != NULL;
	switch (m->type) {
	case SF_RECORD_U64:
		return sf_spot_u64(at, m->name, need, UINT64_MAX, to);
	case SF_RECORD_U32:
		return sf_spot_u32(at, m->name, need, to);
	case SF_RECORD_I32:
		return sf_spot_i32(at, m->name, need, to);
	case SF_RECORD_BOOL:
		return sf_spot_bool(at, m->name, to);
	case SF_RECORD_TEXT:
		*(const char **)to = "";
		return sf_spot_str(at, m->name, need, to);
	case SF_RECORD_STR:
		return sf_spot_str(at, m->name, need, to);
	case SF_RECORD_KVAS:
		return sf_spot_u64s(at, m->name, to, (size_t *)((char *)record + m->has));
	case SF_RECORD_U64_10:
		return read_ten(at, m->name, to);
	}
	return NULL;
}

static struct sf_error *read_record(const struct sf_spot *at, const struct sf_record_kind *kind, void *record)
{
	SF_TRY(sf_spot_object(at));
	for (size_t i = 0; i < kind->n_members; i++)
		SF_TRY(read_member(at, &kind->members[i], record));
	return NULL;
}

static struct sf_error *read_list(const struct sf_spot *at, enum sf_record_list which, struct sf_records *ret)
{
	const struct sf_record_kind *kind = &sf_record_kinds[which];
	struct sf_spot list, e;
	size_t n = 1;
	char *v;

	if (which == SF_RECORDS_SCHED)
		SF_TRY(sf_spot_below(at, kind->name, SF_OPTIONAL, &list));
	else
		SF_TRY(sf_spot_list(at, kind->name, SF_OPTIONAL, &list));
	if (!list.json)
		return NULL;
	if (which != SF_RECORDS_SCHED)
		n = list.json->n;
	v = sf_arena_alloc(at->arena, n * kind->size);
	if (!v)
		return sf_error_nomem();
	ret->lists[which].v = n ? v : NULL;
	ret->lists[which].n = n;
	if (which == SF_RECORDS_SCHED)
		return read_record(&list, kind, v);
	sf_spot_each(e, &list)
		SF_TRY(read_record(&e, kind, v + e.index * kind->size));
	return NULL;
}

static struct sf_error *read_probe_counters(const struct sf_spot *at, struct sf_records *ret)
{
	struct sf_probe_counter *v;
	struct sf_spot object;
	size_t n = 0;

	SF_TRY(sf_spot_below(at, "probe_counters", SF_OPTIONAL, &object));
	if (!object.json || !object.json->n)
		return NULL;
	v = sf_arena_alloc(at->arena, object.json->n * sizeof(*v));
	if (!v)
		return sf_error_nomem();
	for (const struct sf_json_node *m = object.json->value.first; m; m = m->next, n++) {
		if (m->type != SF_JSON_UINT || strlen(m->key) != m->key_len)
			return sf_spot_bad(&object, NULL, "member %zu should be a name and an unsigned integer", n + 1);
		v[n].name = sf_arena_strn(at->arena, m->key, m->key_len);
		v[n].value = m->value.u64;
		if (!v[n].name)
			return sf_error_nomem();
	}
	ret->probe_counters = v;
	ret->n_probe_counters = n;
	return NULL;
}

struct sf_error *sf_document_records(const struct sf_spot *at, const char *why, struct sf_records *ret)
{
	for (int i = 0; i < SF_N_RECORDS; i++)
		SF_TRY(read_list(at, i, ret));
	SF_TRY(read_probe_counters(at, ret));
	for (int i = 0; i < SF_N_GAPS; i++) {
		const char *gap = NULL;

		SF_TRY(sf_spot_str(at, sf_record_gaps[i], SF_OPTIONAL, &gap));
		ret->gaps[i] = gap && *gap ? gap : why;
	}
	return NULL;
}

/* ---- of any frame ------------------------------------------------------------------------------------------- */

const struct sf_records *sf_frame_records(const struct sf_frame *frame)
{
	static const struct sf_records none;

	return frame->doc ? &frame->doc->records : &none;
}

const char *sf_frame_gap(const struct sf_frame *frame, enum sf_record_gap gap)
{
	if (frame->doc)
		return frame->doc->records.gaps[gap];
	return frame->info.is_placeholder ? frame->info.reason : "not read from guest memory by this version";
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a view has beside maps.
 */

#include "frame/records.h"
#include "snapshot_private.h"

static const void *list_of(struct sf_view view, enum sf_record_list which, size_t *n)
{
	const struct sf_records *records = sf_frame_records(unseal_view(&view).snap->frame);

	*n = records->lists[which].n;
	return records->lists[which].v;
}

#define SF_DEFINE_LIST(function, record, which)                                                    \
	const struct record *function(struct sf_view view, size_t *n)                              \
	{                                                                                          \
		return list_of(view, which, n);                                                    \
	}
SF_DEFINE_LIST(sf_view_event_counter_timeline, sf_event_counters, SF_RECORDS_EVENT_COUNTERS)
SF_DEFINE_LIST(sf_view_rq_scx_states, sf_rq_scx_state, SF_RECORDS_RQ_SCX)
SF_DEFINE_LIST(sf_view_dsq_states, sf_dsq_state, SF_RECORDS_DSQ)
SF_DEFINE_LIST(sf_view_per_cpu_time, sf_cpu_time, SF_RECORDS_CPU_TIME)
SF_DEFINE_LIST(sf_view_per_node_numa, sf_node_numa, SF_RECORDS_NODE_NUMA)
SF_DEFINE_LIST(sf_view_task_enrichments, sf_task_enrichment, SF_RECORDS_TASKS)
SF_DEFINE_LIST(sf_view_prog_runtime_stats, sf_prog_runtime_stats, SF_RECORDS_PROGS)
#undef SF_DEFINE_LIST

const struct sf_scx_sched_state *sf_view_scx_sched_state(struct sf_view view)
{
	size_t n;

	return list_of(view, SF_RECORDS_SCHED, &n);
}

const struct sf_probe_counter *sf_view_probe_counters(struct sf_view view, size_t *n)
{
	const struct sf_records *records = sf_frame_records(unseal_view(&view).snap->frame);

	*n = records->n_probe_counters;
	return records->probe_counters;
}

/* ---- by what a record says it is of ----------------------------------------------------------------------------- */

const struct sf_cpu_time *sf_view_per_cpu_time_at(struct sf_view view, uint32_t cpu)
{
	size_t n;
	const struct sf_cpu_time *v = sf_view_per_cpu_time(view, &n);

	for (size_t i = 0; i < n; i++)
		if (v[i].cpu == cpu)
			return &v[i];
	return NULL;
}

const struct sf_node_numa *sf_view_per_node_numa_at(struct sf_view view, uint32_t node)
{
	size_t n;
	const struct sf_node_numa *v = sf_view_per_node_numa(view, &n);

	for (size_t i = 0; i < n; i++)
		if (v[i].node == node)
			return &v[i];
	return NULL;
}

const struct sf_task_enrichment *sf_view_task_enrichment_by_pid(struct sf_view view, int32_t pid)
{
	size_t n;
	const struct sf_task_enrichment *v = sf_view_task_enrichments(view, &n);

	for (size_t i = 0; i < n; i++)
		if (v[i].pid == pid)
			return &v[i];
	return NULL;
}

const struct sf_prog_runtime_stats *sf_view_prog_runtime_stats_by_name(struct sf_view view, const char *name)
{
	size_t n;
	const struct sf_prog_runtime_stats *v = sf_view_prog_runtime_stats(view, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return &v[i];
	return NULL;
}

/* ---- why there is nothing --------------------------------------------------------------------------------------- */

static const char *gap(struct sf_view view, enum sf_record_gap which)
{
	return sf_frame_gap(unseal_view(&view).snap->frame, which);
}

const char *sf_view_scx_walker_unavailable(struct sf_view view)
{
	return gap(view, SF_GAP_SCX_WALKER);
}

const char *sf_view_task_enrichments_unavailable(struct sf_view view)
{
	return gap(view, SF_GAP_TASKS);
}

const char *sf_view_prog_runtime_stats_unavailable(struct sf_view view)
{
	return gap(view, SF_GAP_PROGS);
}

const char *sf_view_per_node_numa_unavailable(struct sf_view view)
{
	return gap(view, SF_GAP_NODE_NUMA);
}

const char *sf_view_sdt_alloc_unavailable(struct sf_view view)
{
	return gap(view, SF_GAP_SDT_ALLOC);
}

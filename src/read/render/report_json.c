/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole frames as JSON; docs/report.schema.json is the other side of this file.
 */

#include <inttypes.h>

#include "map_json.h"
#include "report.h"

/* ---- vCPUs -------------------------------------------------------------------------------------------------- */

static void put_vcpu(struct sf_frame *frame, const struct sf_vcpu_regs *regs, struct sf_json_writer *json)
{
	char name[SF_SYMBOL_NAME];
	struct sf_symbol symbol;

	sf_json_begin_object(json);
	sf_json_put_u64(json, "instruction_pointer", regs->rip);
	sf_json_put_u64(json, "cpl", regs->cpl);
	if (regs->cpl != 3 && sf_frame_symbol_at(frame, regs->rip, name, &symbol)) {
		sf_json_key(json, "symbol");
		sf_json_strf(json, "%s+0x%" PRIx64, symbol.name, symbol.offset);
		sf_json_put_str_opt(json, "module", symbol.module);
	}
	sf_json_put_u64(json, "stack_pointer", regs->rsp);
	sf_json_put_u64(json, "page_table_root", regs->cr3 & SF_CR3_PAGE);
	sf_json_key(json, "halted");
	sf_json_bool(json, regs->halted);
	sf_json_key(json, "registers");
	sf_json_begin_object(json);
	for (size_t i = 0; i < SF_FRAME_REGISTERS; i++)
		sf_json_put_u64(json, sf_frame_registers[i].name, sf_load64((const char *)regs + sf_frame_registers[i].at));
	sf_json_end_object(json);
	sf_json_end_object(json);
}

static void put_vcpus(struct sf_frame *frame, uint32_t n, struct sf_json_writer *json)
{
	struct sf_vcpu_regs regs;

	sf_json_key(json, "vcpu_regs");
	sf_json_begin_array(json);
	for (uint32_t cpu = 0; cpu < n && !json->failed && sf_frame_vcpu(frame, cpu, &regs); cpu++) {
		if (regs.present)
			put_vcpu(frame, &regs, json);
		else
			sf_json_null(json);
	}
	sf_json_end_array(json);
}

/* ---- the frame ---------------------------------------------------------------------------------------------- */

static void put_info(const struct sf_frame_info *info, const struct sf_bpf_stats *listed, struct sf_json_writer *json)
{
	sf_json_put_str(json, "schema", "single");
	sf_json_put_str(json, "tag", info->tag);
	sf_json_put_str(json, "cause", info->cause);
	sf_json_put_str_opt(json, "reason", info->reason);
	sf_json_put_str_opt(json, "kernel", info->kernel);
	sf_json_put_str_opt(json, "scheduler", info->scheduler);
	sf_json_put_u64(json, "wall_ns", info->wall_ns);
	if (info->has_guest_ns)
		sf_json_put_u64(json, "guest_ns", info->guest_ns);
	sf_json_put_u64(json, "pause_ns", info->pause_ns);
	sf_json_put_u64(json, "walk_ns", info->walk_ns);
	sf_json_put_u64(json, "pages_kept", info->n_pages);
	sf_json_put_u64(json, "pages_refused", info->n_refused);
	sf_json_put_u64(json, "maps_cut", info->n_cut_maps);
	sf_json_put_u64(json, "unreadable", info->n_unreadable);
	sf_json_put_u64(json, "torn", sf_max(info->n_torn, (uint64_t)listed->n_torn));
	sf_json_put_u64(json, "chains_torn", info->n_torn_chains);
	sf_json_put_u64(json, "pointees_kept", info->n_pointees);
	sf_json_put_u64(json, "pointees_left_out", info->n_left_out);
	sf_json_put_u64(json, "pointers_dangling", info->n_dangling);
	sf_json_put_u64(json, "maps_unplanned", info->n_unplanned);
	if (listed->capped) {
		sf_json_key(json, "maps_capped");
		sf_json_bool(json, true);
	}
	sf_json_key(json, "is_placeholder");
	sf_json_bool(json, info->is_placeholder);
}

static void put_active(const struct sf_frame_active *active, struct sf_json_writer *json)
{
	sf_json_put_str_opt(json, "active_obj_name", active->obj_name);
	if (!active->n_kvas)
		return;
	sf_json_key(json, "active_map_kvas");
	sf_json_begin_array(json);
	for (size_t i = 0; i < active->n_kvas; i++)
		sf_json_u64(json, active->kvas[i]);
	sf_json_end_array(json);
}

static void put_single(struct sf_snapshot *snap, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_frame *frame = sf_snapshot_frame(snap);
	struct sf_frame_info info = { .size = sizeof(info) };
	struct sf_bpf_stats stats = sf_frame_map_stats(frame);
	struct sf_walk w;

	sf_json_walk_init(&w, opt);
	sf_frame_info(frame, &info);
	sf_json_begin_object(json);
	put_info(&info, &stats, json);
	put_active(sf_frame_active(frame), json);
	sf_json_key(json, "maps");
	sf_json_begin_array(json);
	for (size_t i = 0; i < maps.n && !json->failed; i++)
		sf_map_json(&w, &maps.v[i], json);
	sf_json_end_array(json);
	put_vcpus(frame, info.n_vcpus, json);
	sf_records_json(frame, json);
	sf_json_end_object(json);
}

/* ---- the other two schemas ---------------------------------------------------------------------------------- */

static void put_early(struct sf_frame *frame, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(error) err = sf_snapshot_new(frame, &snap);

	/* It has no memory that could not be read: it is ours that ran out. */
	if (err) {
		json->failed = true;
		return;
	}
	sf_json_key(json, "early");
	put_single(snap, opt, json);
}

static void put_dual(struct sf_snapshot *snap, const struct sf_doc_extra *extra, const struct sf_render_options *opt,
		     struct sf_json_writer *json)
{
	struct sf_frame *early = sf_frame_early(sf_snapshot_frame(snap));

	sf_json_begin_object(json);
	sf_json_put_str(json, "schema", "dual");
	if (early)
		put_early(early, opt, json);
	sf_json_key(json, "late");
	put_single(snap, opt, json);
	sf_json_put_u64_opt(json, "early_max_age_jiffies", extra->early_max_age_jiffies);
	sf_json_put_u64_opt(json, "early_threshold_jiffies", extra->early_threshold_jiffies);
	sf_json_put_str_opt(json, "early_skipped_reason", extra->early_skipped_reason);
	sf_json_end_object(json);
}

static void put_degraded(struct sf_frame *frame, const struct sf_doc_extra *extra, struct sf_json_writer *json)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(frame, &info);
	sf_json_begin_object(json);
	sf_json_put_str(json, "schema", "degraded");
	sf_json_put_str_opt(json, "tag", info.tag);
	sf_json_put_str_opt(json, "cause", info.cause);
	sf_json_put_str(json, "reason", info.reason);
	sf_json_put_str_opt(json, "kernel", info.kernel);
	sf_json_put_str_opt(json, "scheduler", info.scheduler);
	put_vcpus(frame, info.n_vcpus, json);
	if (extra->watchpoint_hit)
		sf_json_put_bool(json, "watchpoint_hit", true);
	sf_json_put_str_opt(json, "bss_latch_state", extra->bss_latch_state);
	if (extra->has_exit_kind)
		sf_json_put_u64(json, "exit_kind", extra->exit_kind);
	if (extra->has_elapsed_ms)
		sf_json_put_u64(json, "elapsed_ms", extra->elapsed_ms);
	sf_json_end_object(json);
}

void sf_render_frame_json(struct sf_snapshot *snap, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_frame *frame = sf_snapshot_frame(snap);
	const struct sf_doc_extra *extra = sf_frame_extra(frame);
	const char *schema = sf_frame_schema(frame);

	if (extra && !strcmp(schema, "dual"))
		put_dual(snap, extra, opt, json);
	else if (extra && !strcmp(schema, "degraded"))
		put_degraded(frame, extra, json);
	else
		put_single(snap, opt, json);
}

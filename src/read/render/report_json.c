/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps and whole frames as JSON; docs/report.schema.json is the other side of this file.
 */

#include <inttypes.h>

#include "entries.h"
#include "report.h"
#include "value_json.h"

static void key_str_opt(struct sf_json_writer *json, const char *key, const char *v)
{
	if (v && *v)
		sf_json_put_str(json, key, v);
}

static void key_u64_opt(struct sf_json_writer *json, const char *key, uint64_t v)
{
	if (v)
		sf_json_put_u64(json, key, v);
}

/* ---- maps --------------------------------------------------------------------------------------------------- */

static void put_one_value(struct sf_walk *w, struct sf_entries *it, struct sf_json_writer *json)
{
	struct sf_listed_entry entry;

	while (sf_entries_next(it, &entry)) {
		if (!entry.is_readable)
			continue;
		sf_json_key(json, "value");
		sf_value_json(w, &entry.value, json);
	}
}

static void put_array_entries(struct sf_walk *w, struct sf_entries *it, struct sf_json_writer *json)
{
	struct sf_listed_entry entry;

	sf_json_key(json, "array_entries");
	sf_json_begin_array(json);
	while (!json->failed && sf_entries_next(it, &entry)) {
		sf_json_begin_object(json);
		sf_json_put_u64(json, "key", entry.index);
		if (entry.is_readable) {
			sf_json_key(json, "value");
			sf_value_json(w, &entry.value, json);
		}
		sf_json_end_object(json);
	}
	sf_json_end_array(json);
}

static void (*const put_layout[SF_N_LAYOUTS])(struct sf_walk *w, struct sf_entries *it, struct sf_json_writer *json) = {
	[SF_LAYOUT_VALUE] = put_one_value,
	[SF_LAYOUT_ARRAY] = put_array_entries,
};

static void put_map(struct sf_walk *w, const struct sf_snap_map *map, struct sf_json_writer *json)
{
	const struct sf_bpf_map *m = &map->listed->map;
	struct sf_entries it = sf_entries_of(map, w->opt.max_entries);
	_cleanup_text_ struct sf_text error = { 0 };

	sf_json_begin_object(json);
	sf_json_put_str(json, "name", map->listed->name);
	sf_json_put_u64(json, "map_id", m->id);
	key_u64_opt(json, "map_kva", m->kva);
	sf_json_put_u64(json, "map_type", m->type);
	key_str_opt(json, "map_type_name", sf_bpf_map_type_name(m->type));
	key_u64_opt(json, "map_flags", m->flags);
	sf_json_put_u64(json, "key_size", m->key_size);
	sf_json_put_u64(json, "value_size", m->value_size);
	sf_json_put_u64(json, "max_entries", m->max_entries);
	if (put_layout[it.layout])
		put_layout[it.layout](w, &it, json);
	if (sf_entries_error(&it, &error)) {
		sf_json_key(json, "error");
		sf_json_strn(json, error.v, error.n);
	}
	sf_json_end_object(json);
}

void sf_render_map_json(const struct sf_snap_map *map, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_walk w;

	sf_walk_init(&w, opt);
	put_map(&w, map, json);
}

/* ---- vCPUs -------------------------------------------------------------------------------------------------- */

#define REGISTER(name) { #name, offsetof(struct sf_vcpu_regs, name) }
static const struct {
	const char *name;
	size_t at;
} registers[] = {
	REGISTER(rip), REGISTER(rsp), REGISTER(rbp), REGISTER(rflags),
	REGISTER(rax), REGISTER(rbx), REGISTER(rcx), REGISTER(rdx), REGISTER(rsi), REGISTER(rdi),
	REGISTER(r8), REGISTER(r9), REGISTER(r10), REGISTER(r11),
	REGISTER(r12), REGISTER(r13), REGISTER(r14), REGISTER(r15),
	REGISTER(cs), REGISTER(ss), REGISTER(ds), REGISTER(es),
	REGISTER(fs_base), REGISTER(gs_base),
	REGISTER(cr0), REGISTER(cr2), REGISTER(cr3), REGISTER(cr4), REGISTER(efer),
};

static void put_vcpu(const struct sf_kernel *kernel, const struct sf_vcpu_regs *regs, struct sf_json_writer *json)
{
	char name[SF_SYMBOL_NAME];
	struct sf_symbol symbol;

	sf_json_begin_object(json);
	sf_json_put_u64(json, "instruction_pointer", regs->rip);
	if (kernel && sf_kernel_symbol_at(kernel, regs->rip, name, &symbol)) {
		sf_json_key(json, "symbol");
		sf_json_strf(json, "%s+0x%" PRIx64, symbol.name, symbol.offset);
	}
	sf_json_put_u64(json, "stack_pointer", regs->rsp);
	sf_json_put_u64(json, "page_table_root", regs->cr3 & SF_CR3_PAGE);
	sf_json_key(json, "halted");
	sf_json_bool(json, regs->halted);
	sf_json_key(json, "registers");
	sf_json_begin_object(json);
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		sf_json_put_u64(json, registers[i].name, sf_load64((const char *)regs + registers[i].at));
	sf_json_end_object(json);
	sf_json_end_object(json);
}

static void put_vcpus(const struct sf_frame *frame, uint32_t n, const struct sf_kernel *kernel,
		      struct sf_json_writer *json)
{
	struct sf_vcpu_regs regs;

	sf_json_key(json, "vcpu_regs");
	sf_json_begin_array(json);
	for (uint32_t cpu = 0; cpu < n && !json->failed && sf_frame_vcpu(frame, cpu, &regs); cpu++) {
		if (regs.present)
			put_vcpu(kernel, &regs, json);
		else
			sf_json_null(json);
	}
	sf_json_end_array(json);
}

/* ---- the frame ---------------------------------------------------------------------------------------------- */

static void put_info(const struct sf_frame_info *info, const struct sf_bpf_stats *listed, struct sf_json_writer *json)
{
	sf_json_put_str(json, "schema", info->schema);
	sf_json_put_str(json, "tag", info->tag);
	sf_json_put_str(json, "cause", info->cause);
	key_str_opt(json, "reason", info->reason);
	key_str_opt(json, "kernel", info->kernel);
	key_str_opt(json, "scheduler", info->scheduler);
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
	if (listed->capped) {
		sf_json_key(json, "maps_capped");
		sf_json_bool(json, true);
	}
	sf_json_key(json, "is_placeholder");
	sf_json_bool(json, info->is_placeholder);
}

void sf_render_frame_json(struct sf_snapshot *snap, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_frame *frame = sf_snapshot_frame(snap);
	struct sf_frame_info info = { .size = sizeof(info) };
	struct sf_bpf_stats stats = sf_frame_map_stats(frame);
	struct sf_walk w;

	sf_walk_init(&w, opt);
	sf_frame_info(frame, &info);
	sf_json_begin_object(json);
	put_info(&info, &stats, json);
	sf_json_key(json, "maps");
	sf_json_begin_array(json);
	for (size_t i = 0; i < maps.n && !json->failed; i++)
		put_map(&w, &maps.v[i], json);
	sf_json_end_array(json);
	put_vcpus(frame, info.n_vcpus, sf_frame_kernel(frame), json);
	sf_json_end_object(json);
}

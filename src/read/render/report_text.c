/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps and whole frames as text.
 */

#include <inttypes.h>
#include <time.h>

#include "emit.h"
#include "entries.h"
#include "report.h"

#define RODATA_STRINGS ".rodata.str" /* literals, which have no types */

/* ---- maps --------------------------------------------------------------------------------------------------- */

/* Literals one after another, each with its NUL: what is not printable is escaped. */
static void put_literals(struct sf_emit *e, const struct sf_node *n)
{
	uint64_t len = sf_node_len(n, NULL), shown = sf_min(len, (uint64_t)sf_min(e->w.opt.max_bytes, 4096u));
	struct sf_trouble why = { 0 };
	uint8_t raw[256];

	sf_puts(e, "\"");
	for (uint64_t off = 0; off < shown && sf_emit_on(e);) {
		size_t got = (size_t)sf_min((uint64_t)sizeof(raw), shown - off);

		if (sf_node_bytes(n, off, raw, &got, &why) != SF_STEP_OK || !got)
			break;
		for (size_t i = 0; i < got; i++)
			sf_put_quoted(e, raw[i]);
		off += got;
	}
	sf_puts(e, "\"");
	if (why.fault) {
		sf_puts(e, " ");
		sf_put_trouble(e, &why);
	} else {
		sf_put_shown(e, shown, len);
	}
}

static void put_entry_value(struct sf_emit *e, const struct sf_entries *it, const struct sf_listed_entry *entry)
{
	bool is_raw = sf_node_kind(&entry->value) == SF_BYTES;

	sf_emit_begin(e);
	if (!entry->is_readable) {
		sf_puts(e, "<unreadable>");
	} else if (is_raw && !strncmp(it->map->listed->name, RODATA_STRINGS, strlen(RODATA_STRINGS))) {
		put_literals(e, &entry->value);
	} else {
		sf_put_value(e, &entry->value, 0);
		if (is_raw)
			sf_puts(e, " (raw)");
	}
}

static void put_one_value(struct sf_emit *e, struct sf_entries *it)
{
	struct sf_listed_entry entry;

	while (sf_entries_next(it, &entry)) {
		put_entry_value(e, it, &entry);
		sf_puts(e, "\n");
	}
}

static void put_keys(struct sf_emit *e, uint64_t first, uint64_t last)
{
	if (first == last)
		sf_putf(e, "key %" PRIu64 ": ", first);
	else
		sf_putf(e, "keys %" PRIu64 "-%" PRIu64 ": ", first, last);
}

/* Do both go into one line? */
static bool is_same_entry(struct sf_emit *e, const struct sf_listed_entry *a, const struct sf_listed_entry *b)
{
	sf_emit_begin(e);
	if (a->is_readable && b->is_readable)
		return sf_walk_is_same(&e->w, &a->value, &b->value);
	return !a->is_readable && !b->is_readable && a->why.fault == b->why.fault;
}

static void put_array_entries(struct sf_emit *e, struct sf_entries *it)
{
	struct sf_listed_entry first, next;
	bool more = sf_entries_next(it, &first);

	while (more && sf_emit_on(e)) {
		uint64_t last = first.index;

		while ((more = sf_entries_next(it, &next)) && is_same_entry(e, &first, &next))
			last = next.index;
		put_keys(e, first.index, last);
		sf_emit_begin(e);
		if (first.is_readable && !e->w.opt.show_zero && sf_walk_is_zero(&e->w, &first.value))
			sf_puts(e, "all zero");
		else
			put_entry_value(e, it, &first);
		sf_puts(e, "\n");
		first = next;
	}
}

static void (*const put_layout[SF_N_LAYOUTS])(struct sf_emit *e, struct sf_entries *it) = {
	[SF_LAYOUT_VALUE] = put_one_value,
	[SF_LAYOUT_ARRAY] = put_array_entries,
};

static void put_error(struct sf_emit *e, const struct sf_entries *it, const char *before)
{
	_cleanup_text_ struct sf_text error = { 0 };

	if (!sf_entries_error(it, &error))
		return;
	sf_puts(e, before);
	sf_puts(e, "[error: ");
	sf_putn(e, error.v, error.n);
	sf_puts(e, "]");
}

static void put_map(struct sf_emit *e, const struct sf_snap_map *map)
{
	const struct sf_bpf_map *m = &map->listed->map;
	struct sf_entries it = sf_entries_of(map, e->w.opt.max_entries);
	const char *type = sf_bpf_map_type_name(m->type);

	sf_puts(e, "map ");
	sf_put_name(e, map->listed->name);
	if (type)
		sf_putf(e, " (type=%s", type);
	else
		sf_putf(e, " (type=%" PRIu32, m->type);
	sf_putf(e, ", value_size=%" PRIu32 ", max_entries=%" PRIu32 ")", m->value_size, m->max_entries);
	put_error(e, &it, " ");
	sf_puts(e, "\n");
	if (put_layout[it.layout])
		put_layout[it.layout](e, &it);
	if (it.n_unreadable) {
		put_error(e, &it, "");
		sf_puts(e, "\n");
	}
}

bool sf_render_map_text(const struct sf_snap_map *map, const struct sf_render_options *opt, sf_render_sink *sink,
			void *arg)
{
	struct sf_emit e;

	sf_emit_init(&e, opt, sink, arg);
	put_map(&e, map);
	return sf_emit_finish(&e);
}

/* ---- the frame ---------------------------------------------------------------------------------------------- */

static void put_time(struct sf_emit *e, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	char text[64];

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return;
	sf_putf(e, "%s.%03u UTC", text, (unsigned int)(wall_ns / 1000000 % 1000));
}

static void put_when(struct sf_emit *e, const struct sf_frame_info *info)
{
	if (!info->wall_ns)
		return;
	sf_puts(e, "  taken ");
	put_time(e, info->wall_ns);
	if (info->has_guest_ns) {
		sf_puts(e, ", ");
		sf_put_duration(e, info->guest_ns);
		sf_puts(e, " after the scheduler was attached");
	}
	sf_puts(e, "\n  the guest stood still for ");
	sf_put_duration(e, info->pause_ns);
	sf_puts(e, ", ");
	sf_put_duration(e, info->walk_ns);
	sf_putf(e, " of it for copying; %" PRIu64 " pages kept\n", info->n_pages);
}

static void put_missing(struct sf_emit *e, const struct sf_frame_info *info, const struct sf_bpf_stats *listed)
{
	const struct {
		uint64_t n;
		const char *what;
	} missing[] = {
		{ info->n_refused, "pages left out (the limit of a capture was reached)" },
		{ info->n_cut_maps, "maps kept in part" },
		{ info->n_unreadable, "values or types unreadable when it was taken" },
		{ sf_max(info->n_torn, (uint64_t)listed->n_torn), "objects left out (they made no sense)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		if (missing[i].n)
			sf_putf(e, "  incomplete: %" PRIu64 " %s\n", missing[i].n, missing[i].what);
	if (listed->capped)
		sf_puts(e, "  incomplete: more maps than are listed\n");
}

static void put_head(struct sf_emit *e, const struct sf_frame_info *info, const struct sf_bpf_stats *listed)
{
	sf_puts(e, "frame ");
	sf_put_name(e, info->tag);
	sf_puts(e, " (");
	sf_put_name(e, info->cause);
	sf_puts(e, ")");
	if (*info->scheduler) {
		sf_puts(e, ", scheduler ");
		sf_put_name(e, info->scheduler);
	}
	if (*info->kernel) {
		sf_puts(e, ", kernel ");
		sf_put_name(e, info->kernel);
	}
	sf_puts(e, "\n");
	put_when(e, info);
	if (*info->reason) {
		sf_puts(e, "  ");
		sf_put_name(e, info->reason);
		sf_puts(e, "\n");
	}
	put_missing(e, info, listed);
}

static void put_vcpu(struct sf_emit *e, const struct sf_kernel *kernel, const struct sf_vcpu_regs *regs, uint32_t cpu)
{
	char name[SF_SYMBOL_NAME];
	struct sf_symbol symbol;

	sf_putf(e, "  vcpu %" PRIu32 ": ", cpu);
	if (!regs->present) {
		sf_puts(e, "<unavailable>\n");
		return;
	}
	sf_putf(e, "ip=0x%016" PRIx64 " sp=0x%016" PRIx64 " ptroot=0x%016" PRIx64, regs->rip, regs->rsp,
		regs->cr3 & SF_CR3_PAGE);
	if (regs->halted)
		sf_puts(e, " halted");
	if (kernel && sf_kernel_symbol_at(kernel, regs->rip, name, &symbol)) {
		sf_puts(e, " ");
		sf_put_name(e, symbol.name);
		sf_putf(e, "+0x%" PRIx64, symbol.offset);
	}
	sf_puts(e, "\n");
}

static void put_vcpus(struct sf_emit *e, const struct sf_frame *frame, uint32_t n, const struct sf_kernel *kernel)
{
	struct sf_vcpu_regs regs;

	sf_puts(e, "\nvcpu_regs:");
	sf_puts(e, n ? "\n" : " <unavailable: none were recorded>\n");
	for (uint32_t cpu = 0; cpu < n && sf_emit_on(e) && sf_frame_vcpu(frame, cpu, &regs); cpu++)
		put_vcpu(e, kernel, &regs, cpu);
}

bool sf_render_frame_text(struct sf_snapshot *snap, const struct sf_render_options *opt, sf_render_sink *sink, void *arg)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_frame *frame = sf_snapshot_frame(snap);
	struct sf_frame_info info = { .size = sizeof(info) };
	struct sf_bpf_stats stats = sf_frame_map_stats(frame);
	struct sf_emit e;

	sf_emit_init(&e, opt, sink, arg);
	sf_frame_info(frame, &info);
	put_head(&e, &info, &stats);
	if (info.is_placeholder) {
		sf_puts(&e, "nothing was captured\n");
		return sf_emit_finish(&e);
	}
	for (size_t i = 0; i < maps.n && sf_emit_on(&e); i++) {
		sf_puts(&e, "\n");
		put_map(&e, &maps.v[i]);
	}
	if (!maps.n)
		sf_puts(&e, "\nno BPF maps\n");
	put_vcpus(&e, frame, info.n_vcpus, sf_frame_kernel(frame));
	return sf_emit_finish(&e);
}

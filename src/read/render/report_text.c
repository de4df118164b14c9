/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole frames as text.
 */

#include <inttypes.h>
#include <time.h>

#include "map_text.h"
#include "report.h"

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
		{ info->n_refused, "pages left out: the capture was full (--keep pages=N)" },
		{ info->n_cut_maps, "maps kept in part (--keep map=SIZE)" },
		{ info->n_unreadable, "values or types unreadable when it was taken" },
		{ info->n_torn_chains, "chains of elements cut (torn by an update)" },
		{ info->n_left_out, "pointers not followed (--keep pointees=SIZE)" },
		{ info->n_unplanned, "maps too new for their pointers to be followed" },
		{ sf_max(info->n_torn, (uint64_t)listed->n_torn), "maps or programs left out (not kept, or they made no sense)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		if (missing[i].n)
			sf_putf(e, "  incomplete: %" PRIu64 " %s\n", missing[i].n, missing[i].what);
	if (listed->capped)
		sf_puts(e, "  incomplete: more maps than are listed\n");
}

static void put_head(struct sf_emit *e, const struct sf_frame_info *info, const struct sf_bpf_stats *listed)
{
	sf_puts(e, "frame");
	if (*info->tag) {
		sf_puts(e, " ");
		sf_put_name(e, info->tag);
	}
	if (*info->cause) {
		sf_puts(e, " (");
		sf_put_name(e, info->cause);
		sf_puts(e, ")");
	}
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

/* RFLAGS.IF, CR0.PG */
#define INTERRUPTS_ON (1ull << 9)
#define PAGING_ON (1ull << 31)

/* A CPU that waits for work, one that nothing but an NMI or a reset brings back, or one that nobody has started. */
static void put_halted(struct sf_emit *e, const struct sf_vcpu_regs *regs)
{
	if (!(regs->cr0 & PAGING_ON))
		sf_puts(e, " halted (not started)");
	else if (regs->rflags & INTERRUPTS_ON)
		sf_puts(e, " halted");
	else
		sf_puts(e, " halted (interrupts off)");
}

static void put_code(struct sf_emit *e, struct sf_frame *frame, const struct sf_vcpu_regs *regs)
{
	char name[SF_SYMBOL_NAME];
	struct sf_symbol symbol;

	if (regs->cpl == 3) {
		sf_puts(e, " (user)");
	} else if (sf_frame_symbol_at(frame, regs->rip, name, &symbol)) {
		sf_puts(e, " ");
		sf_put_name(e, symbol.name);
		sf_putf(e, "+0x%" PRIx64, symbol.offset);
		if (symbol.module)
			sf_putf(e, " [%s]", symbol.module);
	}
}

static void put_vcpu(struct sf_emit *e, struct sf_frame *frame, const struct sf_vcpu_regs *regs, uint32_t cpu)
{
	sf_putf(e, "  vcpu %" PRIu32 ": ", cpu);
	if (!regs->present) {
		sf_puts(e, "<unavailable>\n");
		return;
	}
	sf_putf(e, "ip=0x%016" PRIx64 " sp=0x%016" PRIx64 " ptroot=0x%016" PRIx64, regs->rip, regs->rsp,
		regs->cr3 & SF_CR3_PAGE);
	if (regs->halted)
		put_halted(e, regs);
	put_code(e, frame, regs);
	sf_puts(e, "\n");
}

static void put_vcpus(struct sf_emit *e, struct sf_frame *frame, uint32_t n)
{
	struct sf_vcpu_regs regs;

	sf_puts(e, "\nvcpu_regs:");
	sf_puts(e, n ? "\n" : " <unavailable: none were recorded>\n");
	for (uint32_t cpu = 0; cpu < n && sf_emit_on(e) && sf_frame_vcpu(frame, cpu, &regs); cpu++)
		put_vcpu(e, frame, &regs, cpu);
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
		sf_put_map(&e, &maps.v[i]);
	}
	if (!maps.n)
		sf_puts(&e, "\nno BPF maps\n");
	put_vcpus(&e, frame, info.n_vcpus);
	return sf_emit_finish(&e);
}

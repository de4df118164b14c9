/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame/capture.h"
#include "bpf/pointees.h"
#include "frame_private.h"
#include "kernel/vmem.h"

#define RESERVE_PAGES 2048 /* 8 MiB, faulted in: several times what a scheduler's globals need */
#define DEFAULT_MAX_PAGES (1u << 18)
#define DEFAULT_MAX_MAP_BYTES (256ull << 20)
#define DEFAULT_MAX_POINTEE_BYTES (64ull << 20)

struct sf_capturer {
	struct sf_image *ram;
	struct sf_kernel *kernel;
	struct sf_bpf *bpf;
	struct sf_facts *facts;
	struct sf_recorder *rec;
	struct sf_bpf_keep keep;
	struct sf_bpf_plans *plans; /* NULL: no pointers are followed */
	struct sf_vmem vm;          /* over the recorder */
	struct sf_vmem live;
	bool rehearsed;
};

static uint32_t hops_of(const struct sf_capture_options *opt)
{
	uint32_t hops = opt ? opt->pointer_hops : 0;

	if (hops == SF_CAPTURE_NO_POINTERS)
		return 0;
	return hops ? sf_min(hops, SF_BPF_MAX_HOPS) : SF_BPF_DEFAULT_HOPS;
}

struct sf_error *sf_capturer_new(struct sf_image *ram, struct sf_kernel *kernel, const struct sf_capture_options *opt,
				 struct sf_capturer **ret)
{
	SF_OWNED(capturer) c = calloc(1, sizeof(*c));
	uint64_t max_pages = opt && opt->max_pages ? opt->max_pages : DEFAULT_MAX_PAGES;

	if (!c)
		return sf_error_nomem();
	c->ram = sf_image_ref(ram);
	c->kernel = sf_kernel_ref(kernel);
	c->keep.max_map_bytes = opt && opt->max_map_bytes ? opt->max_map_bytes : DEFAULT_MAX_MAP_BYTES;
	c->keep.max_pointee_bytes = opt && opt->max_pointee_bytes ? opt->max_pointee_bytes : DEFAULT_MAX_POINTEE_BYTES;
	c->keep.hops = hops_of(opt);
	SF_TRY(sf_bpf_new(kernel, &c->bpf));
	if (c->keep.hops)
		SF_TRY(sf_bpf_plans_new(c->bpf, c->keep.hops, &c->plans));
	c->keep.plans = c->plans;
	SF_TRY(sf_facts_new(kernel, ram, &c->facts));
	SF_TRY(sf_recorder_new(ram, sf_min((uint64_t)RESERVE_PAGES, max_pages), max_pages, &c->rec));
	sf_vmem_init(&c->vm, sf_recorder_image(c->rec), kernel);
	sf_vmem_init(&c->live, ram, kernel);
	*ret = steal_ptr(&c);
	return NULL;
}

void sf_capturer_free(struct sf_capturer *c)
{
	if (!c)
		return;
	sf_recorder_free(c->rec);
	sf_facts_unref(c->facts);
	sf_bpf_plans_free(c->plans);
	sf_bpf_free(c->bpf);
	sf_kernel_unref(c->kernel);
	sf_image_unref(c->ram);
	free(c);
}

/* Pages that opening the frame reads and that the facts do not hold: see sf_facts_new(). */
static void keep_loose_facts(struct sf_capturer *c)
{
	uint64_t moving;

	if (sf_facts_moving_page(c->kernel, &moving))
		sf_recorder_keep(c->rec, moving, SF_PAGE_SIZE);
	for (size_t i = 0; i < sf_kernel_n_fact_runs(c->kernel); i++) {
		struct sf_image_run run = sf_kernel_fact_run(c->kernel, i);

		if (!sf_facts_take_run(c->kernel, &run)) {
			sf_recorder_keep(c->rec, run.gpa, run.len);
			continue;
		}
		sf_recorder_keep(c->rec, run.gpa, SF_PAGE_SIZE);
		sf_recorder_keep(c->rec, run.gpa + run.len - SF_PAGE_SIZE, SF_PAGE_SIZE);
	}
}

struct sf_error *sf_capturer_walk(struct sf_capturer *c, struct sf_bpf_kept *ret)
{
	sf_recorder_begin(c->rec);
	sf_vmem_flush(&c->vm);
	keep_loose_facts(c);
	return sf_bpf_touch(c->bpf, &c->vm, &c->keep, ret);
}

/*
 * The first walk is done twice. What it meets while the guest runs may make no sense, as any memory may, and is
 * forgotten; but now there is room for so many pages, and those of the guest are mapped. Both takes longer than copying.
 */
static void rehearse(struct sf_capturer *c)
{
	struct sf_bpf_kept kept;

	if (c->rehearsed)
		return;
	c->rehearsed = true;
	sf_error_free(sf_capturer_walk(c, &kept));
	sf_recorder_rehearsed(c->rec);
}

struct sf_error *sf_capturer_prepare(struct sf_capturer *c)
{
	if (c->plans)
		SF_TRY(sf_bpf_plans_update(c->plans, &c->live));
	rehearse(c);
	return NULL;
}

struct sf_error *sf_capturer_frame(struct sf_capturer *c, const struct sf_frame_meta *meta, struct sf_frame **ret)
{
	struct sf_frame_meta full = *meta;
	SF_OWNED(image) pages = NULL;

	full.n_refused = sf_recorder_n_refused(c->rec);
	SF_TRY(sf_recorder_take(c->rec, &pages));
	return sf_frame_new(pages, c->kernel, c->facts, &full, ret);
}

struct sf_facts *sf_capturer_facts(struct sf_capturer *c)
{
	return c->facts;
}

const char *sf_frame_keep_hint(const struct sf_frame *frame, bool is_pointee)
{
	const struct sf_frame_info *info = &frame->info;
	size_t len;

	if (frame->core && !sf_core_meta(frame->core, &len))
		return NULL;
	if (info->n_refused)
		return "the capture was full (--keep pages=N)";
	if (!is_pointee)
		return info->n_cut_maps ? "only a part of each map is kept (--keep map=SIZE)" : NULL;
	/* Values on CPUs, and elements one by one, are anywhere in memory, as is what pointers lead to. */
	if (info->n_cut_maps)
		return "only a part of each map is kept, or it is too many pointers away (--keep map=SIZE,pointees=SIZE,hops=N)";
	if (info->n_left_out)
		return "what pointers lead to was too much (--keep pointees=SIZE)";
	if (info->n_unplanned)
		return "its map was too new, or it is too far away (--keep hops=N)";
	return "it is too many pointers away (--keep hops=N)";
}

uint64_t sf_capturer_n_pages(const struct sf_capturer *c)
{
	return sf_recorder_n_pages(c->rec);
}

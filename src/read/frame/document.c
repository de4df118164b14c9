/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports as frames: docs/report.schema.json is what is read here. What it does not name is passed over.
 */

#include "document_private.h"

void sf_document_free(struct sf_document *doc)
{
	if (!doc)
		return;
	sf_frame_unref(doc->early);
	sf_arena_clear(&doc->arena);
	free(doc);
}

const struct sf_doc_extra *sf_frame_extra(const struct sf_frame *frame)
{
	return frame->doc ? &frame->doc->extra : NULL;
}

struct sf_frame *sf_frame_early(struct sf_frame *frame)
{
	return frame->doc ? frame->doc->early : NULL;
}

static struct sf_frame *new_frame(void)
{
	SF_OWNED(frame) f = sf_frame_alloc();

	if (!f)
		return NULL;
	f->doc = calloc(1, sizeof(*f->doc));
	return f->doc ? steal_ptr(&f) : NULL;
}

/* ---- what it is --------------------------------------------------------------------------------------------- */

static struct sf_error *read_words(const struct sf_spot *at, struct sf_frame_info *info)
{
	SF_TRY(sf_spot_str(at, "tag", SF_OPTIONAL, &info->tag));
	SF_TRY(sf_spot_str(at, "cause", SF_OPTIONAL, &info->cause));
	SF_TRY(sf_spot_str(at, "reason", SF_OPTIONAL, &info->reason));
	SF_TRY(sf_spot_str(at, "kernel", SF_OPTIONAL, &info->kernel));
	return sf_spot_str(at, "scheduler", SF_OPTIONAL, &info->scheduler);
}

static struct sf_error *read_numbers(const struct sf_spot *at, struct sf_frame_info *info)
{
	const struct {
		const char *name;
		uint64_t *to;
	} numbers[] = {
		{ "wall_ns", &info->wall_ns }, { "guest_ns", &info->guest_ns }, { "pause_ns", &info->pause_ns },
		{ "walk_ns", &info->walk_ns }, { "pages_kept", &info->n_pages }, { "pages_refused", &info->n_refused },
		{ "maps_cut", &info->n_cut_maps }, { "unreadable", &info->n_unreadable }, { "torn", &info->n_torn },
		{ "chains_torn", &info->n_torn_chains }, { "pointees_kept", &info->n_pointees },
		{ "pointees_left_out", &info->n_left_out }, { "pointers_dangling", &info->n_dangling },
		{ "maps_unplanned", &info->n_unplanned },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		SF_TRY(sf_spot_u64(at, numbers[i].name, SF_OPTIONAL, UINT64_MAX, numbers[i].to));
	info->has_guest_ns = sf_spot_member(at, "guest_ns") != NULL;
	return NULL;
}

static struct sf_error *read_active(const struct sf_spot *at, struct sf_frame_active *ret)
{
	SF_TRY(sf_spot_str(at, "active_obj_name", SF_OPTIONAL, &ret->obj_name));
	SF_TRY(sf_spot_u64s(at, "active_map_kvas", &ret->kvas, &ret->n_kvas));
	if (!ret->obj_name)
		ret->why = "the report does not say which it is";
	return NULL;
}

/* ---- vCPUs -------------------------------------------------------------------------------------------------- */

/* "function+0xoffset" */
static void take_symbol(char *text, struct doc_symbol *s)
{
	char *plus = strrchr(text, '+'), *end;

	s->name = text;
	if (!plus || strncmp(plus, "+0x", 3) || !plus[3])
		return;
	errno = 0;

	unsigned long long offset = strtoull(plus + 3, &end, 16);

	if (*end || errno)
		return;
	s->offset = offset;
	*plus = '\0';
}

static struct sf_error *read_vcpu(const struct sf_spot *at, struct sf_vcpu_regs *r, struct doc_symbol *s)
{
	const char *symbol = NULL;
	struct sf_spot regs;
	uint64_t cpl = 0;

	SF_TRY(sf_spot_object(at));
	r->present = true;
	SF_TRY(sf_spot_u64(at, "instruction_pointer", SF_OPTIONAL, UINT64_MAX, &r->rip));
	SF_TRY(sf_spot_u64(at, "stack_pointer", SF_OPTIONAL, UINT64_MAX, &r->rsp));
	SF_TRY(sf_spot_u64(at, "page_table_root", SF_OPTIONAL, UINT64_MAX, &r->cr3));
	SF_TRY(sf_spot_u64(at, "cpl", SF_OPTIONAL, 3, &cpl));
	r->cpl = (uint8_t)cpl;
	SF_TRY(sf_spot_bool(at, "halted", &r->halted));
	SF_TRY(sf_spot_below(at, "registers", SF_OPTIONAL, &regs));
	for (size_t i = 0; regs.json && i < SF_FRAME_REGISTERS; i++)
		SF_TRY(sf_spot_u64(&regs, sf_frame_registers[i].name, SF_OPTIONAL, UINT64_MAX,
				    (uint64_t *)((char *)r + sf_frame_registers[i].at)));
	SF_TRY(sf_spot_str(at, "symbol", SF_OPTIONAL, &symbol));
	SF_TRY(sf_spot_str(at, "module", SF_OPTIONAL, &s->module));
	s->addr = r->rip;
	if (symbol)
		take_symbol((char *)symbol, s);
	if (symbol && strlen(s->name) >= SF_SYMBOL_NAME)
		return sf_spot_bad(at, "symbol", "it is longer than the name of a symbol can be");
	return NULL;
}

static struct sf_error *read_vcpus(const struct sf_spot *at, struct sf_frame *f)
{
	struct sf_spot list, e;

	SF_TRY(sf_spot_list(at, "vcpu_regs", SF_OPTIONAL, &list));
	if (!list.json || !list.json->n)
		return NULL;
	f->vcpus = calloc(list.json->n, sizeof(*f->vcpus));
	f->doc->symbols = sf_arena_alloc(at->arena, list.json->n * sizeof(*f->doc->symbols));
	if (!f->vcpus || !f->doc->symbols)
		return sf_error_nomem();
	f->info.n_vcpus = f->doc->n_symbols = list.json->n;
	sf_spot_each(e, &list) {
		f->vcpus[e.index].cpu = (uint32_t)e.index;
		if (e.json->type != SF_JSON_NULL)
			SF_TRY(read_vcpu(&e, &f->vcpus[e.index], &f->doc->symbols[e.index]));
	}
	return NULL;
}

bool sf_document_symbol_at(const struct sf_document *doc, uint64_t addr, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret)
{
	for (uint32_t i = 0; i < doc->n_symbols; i++) {
		const struct doc_symbol *s = &doc->symbols[i];

		if (!s->name || s->addr != addr)
			continue;
		*ret = (struct sf_symbol){
			.name = strcpy(buf, s->name), .type = 't', .address = addr - s->offset, .offset = s->offset,
			.size = s->offset + 1, .module = s->module,
		};
		return true;
	}
	return false;
}

/* ---- the three schemas -------------------------------------------------------------------------------------- */

static struct sf_error *read_single(const struct sf_spot *at, struct sf_frame *f)
{
	struct sf_document *doc = f->doc;
	const char *why = NULL;

	SF_TRY(read_words(at, &f->info));
	SF_TRY(read_numbers(at, &f->info));
	SF_TRY(sf_spot_bool(at, "is_placeholder", &f->info.is_placeholder));
	SF_TRY(sf_document_maps(at, f));
	SF_TRY(read_active(at, &doc->active));
	SF_TRY(read_vcpus(at, f));
	if (!f->info.is_placeholder)
		return sf_document_records(at, NULL, &doc->records);
	/* A placeholder's reason may stand in its own place or in those of what is not there. */
	for (int i = 0; i < SF_N_GAPS && !why && !*f->info.reason; i++)
		SF_TRY(sf_spot_str(at, sf_record_gaps[i], SF_OPTIONAL, &why));
	if (why)
		f->info.reason = why;
	return sf_document_records(at, *f->info.reason ? f->info.reason : NULL, &doc->records);
}

static struct sf_error *read_half(const struct sf_spot *dual, const char *key, enum sf_need need, struct sf_frame *f)
{
	struct sf_spot at;

	SF_TRY(sf_spot_below(dual, key, need, &at));
	if (!at.json)
		return NULL;
	if (strcmp(sf_json_member_str(at.json, "schema", ""), "single"))
		return sf_spot_wrong(&at, "schema", "\"single\"");
	at.arena = &f->doc->arena;
	return read_single(&at, f);
}

static struct sf_error *read_dual(const struct sf_spot *at, struct sf_frame *f)
{
	struct sf_doc_extra *extra = &f->doc->extra;

	SF_TRY(read_half(at, "late", SF_NEEDED, f));
	f->info.schema = "dual";
	SF_TRY(sf_spot_u64(at, "early_max_age_jiffies", SF_OPTIONAL, UINT64_MAX, &extra->early_max_age_jiffies));
	SF_TRY(sf_spot_u64(at, "early_threshold_jiffies", SF_OPTIONAL, UINT64_MAX, &extra->early_threshold_jiffies));
	SF_TRY(sf_spot_str(at, "early_skipped_reason", SF_OPTIONAL, &extra->early_skipped_reason));
	if (!sf_spot_member(at, "early"))
		return NULL;
	f->doc->early = new_frame();
	return f->doc->early ? read_half(at, "early", SF_OPTIONAL, f->doc->early) : sf_error_nomem();
}

static struct sf_error *read_degraded(const struct sf_spot *at, struct sf_frame *f)
{
	struct sf_doc_extra *extra = &f->doc->extra;

	f->info.schema = "degraded";
	f->info.is_placeholder = true;
	SF_TRY(read_words(at, &f->info));
	if (!*f->info.reason)
		SF_TRY(sf_spot_str(at, "reason", SF_NEEDED, &f->info.reason));
	SF_TRY(sf_document_maps(at, f));
	SF_TRY(read_vcpus(at, f));
	SF_TRY(sf_spot_bool(at, "watchpoint_hit", &extra->watchpoint_hit));
	SF_TRY(sf_spot_str(at, "bss_latch_state", SF_OPTIONAL, &extra->bss_latch_state));
	extra->has_exit_kind = sf_spot_member(at, "exit_kind") != NULL;
	SF_TRY(sf_spot_u64(at, "exit_kind", SF_OPTIONAL, UINT64_MAX, &extra->exit_kind));
	extra->has_elapsed_ms = sf_spot_member(at, "elapsed_ms") != NULL;
	SF_TRY(sf_spot_u64(at, "elapsed_ms", SF_OPTIONAL, UINT64_MAX, &extra->elapsed_ms));
	return sf_document_records(at, f->info.reason, &f->doc->records);
}

static struct sf_error *read_any(const struct sf_spot *at, struct sf_frame *f)
{
	const char *schema;

	SF_TRY(sf_spot_object(at));
	schema = sf_json_member_str(at->json, "schema", "");
	if (!strcmp(schema, "single"))
		return read_single(at, f);
	if (!strcmp(schema, "dual"))
		return read_dual(at, f);
	if (!strcmp(schema, "degraded"))
		return read_degraded(at, f);
	return sf_spot_wrong(at, "schema", "\"single\", \"dual\" or \"degraded\"");
}

struct sf_error *sf_frame_from_json(const char *text, size_t len, struct sf_frame **ret)
{
	_cleanup_json_ struct sf_json *json = NULL;
	SF_OWNED(frame) f = new_frame();

	if (!f)
		return sf_error_nomem();
	SF_TRY(sf_json_read(text, len, &json));

	struct sf_spot at = { .key = "the report", .json = sf_json_root(json), .arena = &f->doc->arena };

	SF_TRY(read_any(&at, f));
	*ret = steal_ptr(&f);
	return NULL;
}

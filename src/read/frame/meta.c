/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words and numbers of a frame, as the JSON text in its note. One table each for numbers and registers, so that
 * what is written is what is read.
 */

#include "base/json.h"
#include "frame_private.h"

#define NUMBER(field) { #field, offsetof(struct sf_frame_info, field) }

static const struct {
	const char *name;
	size_t at;
} numbers[] = {
	NUMBER(wall_ns), NUMBER(pause_ns), NUMBER(walk_ns), NUMBER(n_pages), NUMBER(n_refused), NUMBER(n_cut_maps),
	NUMBER(n_unreadable), NUMBER(n_torn), NUMBER(n_torn_chains), NUMBER(n_pointees), NUMBER(n_left_out),
	NUMBER(n_dangling), NUMBER(n_unplanned),
};

#define STRING(field) { #field, offsetof(struct sf_frame_info, field) }

static const struct {
	const char *name;
	size_t at;
} strings[] = {
	STRING(tag), STRING(schema), STRING(cause), STRING(reason), STRING(kernel), STRING(scheduler),
};

#define REG(field) { #field, offsetof(struct sf_vcpu_regs, field) }

const struct sf_frame_register sf_frame_registers[SF_FRAME_REGISTERS] = {
	REG(rip), REG(rsp), REG(rbp), REG(rflags), REG(rax), REG(rbx), REG(rcx), REG(rdx), REG(rsi), REG(rdi), REG(r8),
	REG(r9), REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15), REG(cs), REG(ss), REG(ds), REG(es),
	REG(fs_base), REG(gs_base), REG(cr0), REG(cr2), REG(cr3), REG(cr4), REG(efer),
};

#define U64_AT(base, off) (*(uint64_t *)((char *)(base) + (off)))
#define STR_AT(base, off) (*(const char **)((char *)(base) + (off)))

/* ---- writing -------------------------------------------------------------------------------------------- */

static void write_vcpu(struct sf_json_writer *w, struct sf_vcpu_regs *r)
{
	if (!r->present) {
		sf_json_null(w);
		return;
	}
	sf_json_begin_object(w);
	for (size_t i = 0; i < SF_FRAME_REGISTERS; i++) {
		sf_json_key(w, sf_frame_registers[i].name);
		sf_json_u64(w, U64_AT(r, sf_frame_registers[i].at));
	}
	sf_json_key(w, "halted");
	sf_json_bool(w, r->halted);
	sf_json_key(w, "cpl");
	sf_json_u64(w, r->cpl);
	sf_json_end_object(w);
}

struct sf_error *sf_frame_meta_write(const struct sf_frame *frame, bool self_contained, char **ret, size_t *len)
{
	struct sf_json_buffer buf = { 0 };
	struct sf_frame_info info = frame->info;
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buf, false);
	sf_json_begin_object(&w);
	sf_json_key(&w, "format");
	sf_json_str(&w, SF_FRAME_SCHEMA);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		sf_json_key(&w, strings[i].name);
		sf_json_str(&w, STR_AT(&info, strings[i].at));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		sf_json_key(&w, numbers[i].name);
		sf_json_u64(&w, U64_AT(&info, numbers[i].at));
	}
	if (info.has_guest_ns) {
		sf_json_key(&w, "guest_ns");
		sf_json_u64(&w, info.guest_ns);
	}
	sf_json_key(&w, "is_placeholder");
	sf_json_bool(&w, info.is_placeholder);
	if (frame->facts && !self_contained) {
		sf_json_key(&w, "facts");
		sf_json_begin_object(&w);
		sf_json_key(&w, "file");
		sf_json_str(&w, sf_facts_name(frame->facts));
		sf_json_key(&w, "shift");
		sf_json_u64(&w, sf_facts_shift(frame->facts));
		sf_json_end_object(&w);
	}
	sf_json_key(&w, "vcpus");
	sf_json_begin_array(&w);
	for (uint32_t i = 0; i < info.n_vcpus; i++)
		write_vcpu(&w, &frame->vcpus[i]);
	sf_json_end_array(&w);
	sf_json_end_object(&w);
	if (!sf_json_writer_finish(&w)) {
		free(buf.text);
		return sf_error_nomem();
	}
	*ret = buf.text;
	*len = buf.len;
	return NULL;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

/* All strings of the frame in one block, escaped by the JSON reader already. */
static struct sf_error *copy_strings(struct sf_frame *frame, const char *const *from)
{
	size_t size = 0;
	char *at;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		size += strlen(from[i]) + 1;
	frame->strings = at = malloc(size);
	if (!at)
		return sf_error_nomem();
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		STR_AT(&frame->info, strings[i].at) = strcpy(at, from[i]);
		at += strlen(at) + 1;
	}
	return NULL;
}

static void read_vcpu(const struct sf_json_node *json, uint32_t cpu, struct sf_vcpu_regs *r)
{
	r->cpu = cpu;
	r->present = json->type == SF_JSON_OBJECT;
	for (size_t i = 0; i < SF_FRAME_REGISTERS; i++)
		U64_AT(r, sf_frame_registers[i].at) = sf_json_member_u64(json, sf_frame_registers[i].name, 0);
	r->halted = sf_json_member_bool(json, "halted", false);
	r->cpl = (uint8_t)sf_json_member_u64(json, "cpl", 0);
}

static struct sf_error *read_vcpus(struct sf_frame *frame, const struct sf_json_node *list)
{
	uint32_t cpu = 0;

	if (!list || list->type != SF_JSON_ARRAY || !list->n)
		return NULL;
	frame->vcpus = calloc(list->n, sizeof(*frame->vcpus));
	if (!frame->vcpus)
		return sf_error_nomem();
	frame->info.n_vcpus = list->n;
	for (const struct sf_json_node *v = list->value.first; v; v = v->next, cpu++)
		read_vcpu(v, cpu, &frame->vcpus[cpu]);
	return NULL;
}

static struct sf_error *read_root(struct sf_frame *frame, const struct sf_json_node *root, struct sf_frame_facts_ref *ret)
{
	const char *from[ARRAY_SIZE(strings)], *format = sf_json_member_str(root, "format", "");
	const struct sf_json_node *facts = sf_json_member(root, "facts");

	if (strcmp(format, SF_FRAME_SCHEMA))
		return sf_error_new(SF_BAD_INPUT, "the core holds \"%s\", not \"" SF_FRAME_SCHEMA "\"",
				    format[0] ? format : sf_json_member_str(root, "schema", "something unnamed"));
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		from[i] = sf_json_member_str(root, strings[i].name, "");
	SF_TRY(copy_strings(frame, from));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		U64_AT(&frame->info, numbers[i].at) = sf_json_member_u64(root, numbers[i].name, 0);
	frame->info.has_guest_ns = sf_json_member(root, "guest_ns") != NULL;
	frame->info.guest_ns = sf_json_member_u64(root, "guest_ns", 0);
	frame->info.is_placeholder = sf_json_member_bool(root, "is_placeholder", false);
	SF_TRY(read_vcpus(frame, sf_json_member(root, "vcpus")));
	if (!facts)
		return NULL;
	ret->shift = sf_json_member_u64(facts, "shift", 0);
	ret->name = strdup(sf_json_member_str(facts, "file", ""));
	return ret->name ? NULL : sf_error_nomem();
}

struct sf_error *sf_frame_meta_read(struct sf_frame *frame, const char *text, size_t len, struct sf_frame_facts_ref *ret)
{
	_cleanup_json_ struct sf_json *json = NULL;

	SF_TRY(sf_error_context(sf_json_read(text, len, &json), "frame metadata"));
	return read_root(frame, sf_json_root(json), ret);
}

struct sf_error *sf_frame_meta_set(struct sf_frame *frame, const struct sf_frame_meta *meta, const char *release)
{
	struct sf_frame_info *info = &frame->info;
	const char *from[] = { meta->tag, "single", meta->cause, meta->reason, release, meta->scheduler };

	_Static_assert(ARRAY_SIZE(from) == ARRAY_SIZE(strings), "in the order of the table");
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (!from[i])
			from[i] = "";
	SF_TRY(copy_strings(frame, from));
	info->wall_ns = meta->wall_ns;
	info->pause_ns = meta->pause_ns;
	info->walk_ns = meta->walk_ns;
	info->has_guest_ns = meta->has_guest_ns;
	info->guest_ns = meta->guest_ns;
	info->n_refused = meta->n_refused;
	info->n_cut_maps = meta->kept.n_cut_maps;
	info->n_unreadable = meta->kept.n_unreadable;
	info->n_torn = meta->kept.maps.n_torn + meta->kept.progs.n_torn;
	info->n_torn_chains = meta->kept.n_torn_chains;
	info->n_pointees = meta->kept.n_pointees;
	info->n_left_out = meta->kept.n_left_out;
	info->n_dangling = meta->kept.n_dangling;
	info->n_unplanned = meta->kept.n_unplanned;
	if (!meta->n_vcpus)
		return NULL;
	frame->vcpus = calloc(meta->n_vcpus, sizeof(*frame->vcpus));
	if (!frame->vcpus)
		return sf_error_nomem();
	memcpy(frame->vcpus, meta->vcpus, meta->n_vcpus * sizeof(*frame->vcpus));
	info->n_vcpus = meta->n_vcpus;
	return NULL;
}

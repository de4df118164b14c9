/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values in one line. What cannot be in one is "over" while measuring; it is only written here after it was measured,
 * or where nothing else is left.
 */

#include <inttypes.h>

#include "frame/capture.h"
#include "leaf.h"

#define LINE_BYTES 32

const char *sf_struct_name(const struct sf_node *n)
{
	const char *name = sf_node_type_name(n);

	return name && *name ? name : NULL;
}

void sf_put_member_name(struct sf_emit *e, const char *name)
{
	sf_put_name(e, *name ? name : "<anon>");
}

/* ---- what is shown of a struct ------------------------------------------------------------------------------ */

static bool is_same_place(const struct sf_node *a, const struct sf_node *b)
{
	return a->ctx == b->ctx && a->at == b->at && a->type == b->type && a->bit_offset == b->bit_offset &&
	       a->bit_size == b->bit_size;
}

static bool is_hidden(const struct sf_emit *e, const struct sf_node *n)
{
	for (uint32_t i = 0; i < e->n_hidden; i++)
		if (is_same_place(&e->hidden[i], n))
			return true;
	return false;
}

bool sf_has_visible(struct sf_emit *e, const struct sf_node *n)
{
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_leaves(&it, n);
	while (sf_next_leaf(e, &it, &leaf))
		if (!is_hidden(e, &leaf) && (e->w.opt.show_zero || !sf_walk_is_zero(&e->w, &leaf)))
			return true;
	return false;
}

static bool is_visible(struct sf_emit *e, const char *name, const struct sf_node *n)
{
	if (e->n_hidden) {
		if (is_hidden(e, n))
			return false;
		if (sf_node_kind(n) == SF_STRUCT)
			return sf_has_visible(e, n);
	}
	if (e->w.opt.show_zero)
		return true;
	return !strstr(name, "___fmt") && !sf_walk_is_zero(&e->w, n);
}

bool sf_next_visible(struct sf_emit *e, const struct sf_node *n, struct sf_member_iter *it, const char **name,
		     struct sf_node *ret)
{
	while (sf_emit_on(e) && sf_walk_member(&e->w, n, it, name, ret))
		if (is_visible(e, *name, ret) && (e->w.opt.show_zero || !sf_is_overlay(e, n, it, ret)))
			return true;
	return false;
}

static void put_struct(struct sf_emit *e, const struct sf_node *n)
{
	const char *name = sf_struct_name(n), *separator = "";
	struct sf_member_iter it = { 0 };
	struct sf_node member;

	if (name)
		sf_put_name(e, name);
	sf_puts(e, "{");
	while (sf_next_visible(e, n, &it, &name, &member)) {
		sf_puts(e, separator);
		sf_put_member_name(e, name);
		sf_puts(e, "=");
		sf_put_inline(e, &member);
		separator = ", ";
	}
	sf_puts(e, "}");
}

static void put_array(struct sf_emit *e, const struct sf_node *n)
{
	uint64_t len, shown = sf_walk_shown(&e->w, n, &len);

	switch (sf_is_string(e, n)) {
	case SF_STRING_LINE:
		sf_put_string(e, n);
		return;
	case SF_STRING_LINES:
		e->over |= e->measuring;
		sf_puts(e, "\"…\"");
		return;
	case SF_STRING_NONE:
		break;
	}
	if (!e->w.opt.show_zero && sf_walk_is_zero(&e->w, n)) {
		sf_putf(e, "[all %" PRIu64 " zero]", len);
	} else if (sf_is_list(e, n)) {
		sf_put_list(e, n, 0);
	} else {
		/* An element a line, unless there is no line for it any more. */
		e->over |= e->measuring;
		sf_putf(e, "[… %" PRIu64 " elements]", shown);
	}
}

void sf_put_pointer_head(struct sf_emit *e, const struct sf_node *n, const struct sf_scalar *s)
{
	const char *note = sf_node_note(n);

	sf_put_scalar(e, s);
	if (!note)
		return;
	sf_puts(e, " (");
	sf_put_name(e, note);
	sf_puts(e, ")");
}

/* A pointer to a function or to void leads nowhere, and whoever wrote the type knows. */
static bool is_known_to_end(const char *why)
{
	return !strcmp(why, "it points to a function") || !strcmp(why, "it points to void");
}

bool sf_follow(struct sf_emit *e, const struct sf_node *ptr, struct sf_node *ret, const char **why)
{
	if (sf_walk_follow(&e->w, ptr, ret, why))
		return true;
	if (*why && is_known_to_end(*why))
		*why = NULL;
	return false;
}

/* What tells one object of the kernel from another of its type. */
static void put_identity(struct sf_emit *e, const struct sf_node *object)
{
	static const char *const names[] = { "pid", "tgid", "comm", "cpu", "id", "level", "name", "nr" };
	const char *name = sf_struct_name(object);
	struct sf_node member;

	sf_put_name(e, name ? name : "<anon>");
	sf_puts(e, "{");
	for (size_t i = 0; i < ARRAY_SIZE(names) && sf_emit_on(e); i++) {
		if (sf_node_member(object, names[i], strlen(names[i]), &member) != SF_STEP_OK)
			continue;
		switch (sf_node_kind(&member)) {
		case SF_INT:
		case SF_UINT:
			break;
		case SF_ARRAY:
			if (sf_is_string(e, &member) == SF_STRING_LINE)
				break;
			continue;
		default:
			continue;
		}
		sf_putf(e, "%s=", names[i]);
		sf_put_inline(e, &member);
		sf_puts(e, ", ");
	}
	sf_puts(e, "…}");
}

/* Functions have names: the kernel's own and those of generated code. */
static void put_function(struct sf_emit *e, uint64_t address)
{
	char name[SF_SYMBOL_NAME];
	struct sf_symbol symbol;

	if (!e->frame || !sf_frame_symbol_at(e->frame, address, name, &symbol))
		return;
	sf_puts(e, " ");
	sf_put_name(e, symbol.name);
	if (symbol.offset)
		sf_putf(e, "+0x%" PRIx64, symbol.offset);
}

/* Which option would have kept it: said once, since what holds for one pointer holds for most. */
static void put_keep_hint(struct sf_emit *e, const char *why)
{
	const char *hint;

	if (e->hinted || !e->frame || strcmp(why, sf_fault_text(SF_FAULT_NOT_KEPT)))
		return;
	hint = sf_frame_keep_hint(e->frame, true);
	if (!hint)
		return;
	sf_puts(e, ": ");
	sf_puts(e, hint);
	e->hinted = !e->measuring;
}

static void put_ptr(struct sf_emit *e, const struct sf_node *n)
{
	struct sf_trouble trouble;
	struct sf_node target;
	struct sf_scalar s;
	const char *why;

	if (sf_node_scalar(n, &s, &trouble) != SF_STEP_OK) {
		sf_put_trouble(e, &trouble);
		return;
	}
	sf_put_pointer_head(e, n, &s);
	if (sf_walk_follow(&e->w, n, &target, &why)) {
		sf_puts(e, " → ");
		e->w.hops++;
		sf_put_inline(e, &target);
		e->w.hops--;
	} else if (why == sf_walk_large) {
		sf_puts(e, " → ");
		put_identity(e, &target);
	} else if (why && is_known_to_end(why)) {
		put_function(e, s.u64);
	} else if (why) {
		sf_puts(e, !strcmp(why, "cycle") ? " [" : " [chase: ");
		sf_put_name(e, why);
		put_keep_hint(e, why);
		sf_puts(e, "]");
	}
}

static void put_cpus(struct sf_emit *e, const struct sf_node *n)
{
	_cleanup_text_ struct sf_text cpus = { 0 };
	struct sf_trouble why;

	if (sf_walk_cpus(n, &cpus, &why)) {
		sf_puts(e, "cpus={");
		sf_putn(e, cpus.v ? cpus.v : "", cpus.n);
		sf_puts(e, "}");
	} else if (why.fault) {
		sf_put_trouble(e, &why);
	} else {
		sf_puts(e, "<no memory to show it>");
	}
}

static void put_bytes(struct sf_emit *e, const struct sf_node *n)
{
	uint64_t present, len = sf_node_len(n, &present);
	struct sf_trouble why = { 0 };
	uint8_t raw[LINE_BYTES];
	size_t got = sizeof(raw);

	if (e->measuring && present > LINE_BYTES) {
		e->over = true;
		return;
	}
	if (sf_node_bytes(n, 0, raw, &got, &why) != SF_STEP_OK) {
		sf_put_trouble(e, &why);
		return;
	}
	if (!got)
		sf_puts(e, "<no bytes>");
	for (size_t i = 0; i < got; i++)
		sf_putf(e, "%s%02x", i ? " " : "", raw[i]);
	if (got < len)
		sf_putf(e, " (%zu of %" PRIu64 " bytes shown)", got, len);
}

static void put_truncated(struct sf_emit *e, const struct sf_node *n)
{
	uint64_t needed = 0, had = 0;
	struct sf_node inner;
	bool has_inner = sf_node_partial(n, &inner, &needed, &had) == SF_STEP_OK;

	sf_putf(e, "<truncated: needed %" PRIu64 ", had %" PRIu64 ">", needed, had);
	if (!has_inner || !had)
		return;
	sf_puts(e, " ");
	sf_put_inline(e, &inner);
}

static void put_body(struct sf_emit *e, const struct sf_node *n)
{
	struct sf_trouble why;
	struct sf_scalar s;
	const char *note;

	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		put_struct(e, n);
		break;
	case SF_ARRAY:
		put_array(e, n);
		break;
	case SF_PTR:
		put_ptr(e, n);
		break;
	case SF_CPU_LIST:
		put_cpus(e, n);
		break;
	case SF_BYTES:
		put_bytes(e, n);
		break;
	case SF_TRUNCATED:
		put_truncated(e, n);
		break;
	case SF_UNSUPPORTED:
		note = sf_node_note(n);
		sf_puts(e, "<unsupported: ");
		sf_put_name(e, note ? note : "no reason was recorded");
		sf_puts(e, ">");
		break;
	default:
		if (sf_node_scalar(n, &s, &why) == SF_STEP_OK)
			sf_put_scalar(e, &s);
		else
			sf_put_trouble(e, &why);
	}
}

void sf_put_inline(struct sf_emit *e, const struct sf_node *n)
{
	const char *stop = sf_emit_on(e) ? sf_walk_enter(&e->w, n) : NULL;

	if (!sf_emit_on(e))
		return;
	if (stop) {
		sf_putf(e, "<%s>", stop);
		return;
	}
	put_body(e, n);
	sf_walk_leave(&e->w);
}

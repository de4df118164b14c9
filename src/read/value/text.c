/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value in one line, for errors that quote what was there. Bounded by the caller's buffer in length and by TEXT_DEPTH
 * in nesting, so any value is quick to quote.
 */

#include <inttypes.h>
#include <stdarg.h>

#include "value/node.h"

#define TEXT_DEPTH 4
#define TEXT_ELEMENTS 64

struct line {
	char *buf;
	size_t size, len;
	bool full;
};

sf_printf(2, 3) static void put(struct line *l, const char *fmt, ...)
{
	va_list ap;

	if (l->full)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(l->buf + l->len, l->size - l->len, fmt, ap);

	va_end(ap);
	if (n < 0 || (size_t)n >= l->size - l->len) {
		l->full = true;
		l->len = l->size - 1;
	} else {
		l->len += (size_t)n;
	}
}

static void put_scalar(struct line *l, const struct sf_scalar *s)
{
	switch (s->kind) {
	case SF_INT:
		put(l, "%" PRId64, s->i64);
		break;
	case SF_UINT:
		put(l, "%" PRIu64, s->u64);
		break;
	case SF_BOOL:
		put(l, "%s", s->u64 ? "true" : "false");
		break;
	case SF_CHAR:
		put(l, s->u64 >= 0x20 && s->u64 < 0x7f ? "'%c'" : "0x%02x", (int)s->u64);
		break;
	case SF_FLOAT:
		put(l, "%.17g", s->f64);
		break;
	case SF_PTR:
		put(l, "0x%" PRIx64, s->u64);
		break;
	case SF_ENUM:
		if (s->variant)
			put(l, "%s (", s->variant);
		if (s->is_signed)
			put(l, "%" PRId64, s->i64);
		else
			put(l, "%" PRIu64, (uint64_t)s->i64);
		if (s->variant)
			put(l, ")");
		break;
	default:
		break;
	}
}

static void put_node(struct line *l, const struct sf_node *n, unsigned int depth);

static void put_struct(struct line *l, const struct sf_node *n, unsigned int depth)
{
	const char *name = sf_node_type_name(n);
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	bool first = true;

	put(l, "%s{", name ? name : "");
	while (!l->full && sf_node_next_member(n, &it, &name, &member)) {
		put(l, "%s%s=", first ? "" : ", ", name);
		put_node(l, &member, depth + 1);
		first = false;
	}
	put(l, "}");
}

/* Bytes that look like C text: printable up to a NUL, and something before it. */
static bool put_string(struct line *l, const struct sf_node *n, uint64_t present)
{
	char text[256];
	size_t len = 0;

	for (; len < present && len < sizeof(text); len++) {
		struct sf_node elem;
		struct sf_trouble why;
		struct sf_scalar s;

		if (sf_node_index(n, len, &elem) != SF_STEP_OK || sf_node_scalar(&elem, &s, &why) != SF_STEP_OK ||
		    s.bits != 8)
			return false;
		uint8_t c = (uint8_t)(s.kind == SF_INT ? (uint64_t)s.i64 : s.u64);

		if (!c)
			break;
		if ((c < 0x20 && c != '\n' && c != '\t') || c >= 0x7f)
			return false;
		text[len] = (char)c;
	}
	if (!len)
		return false;
	put(l, "\"");
	for (size_t i = 0; i < len; i++)
		put(l, text[i] == '\n' ? "\\n" : text[i] == '\t' ? "\\t" : "%c", text[i]);
	put(l, "\"");
	return true;
}

static void put_array(struct line *l, const struct sf_node *n, unsigned int depth)
{
	uint64_t present, len = sf_node_len(n, &present);

	if (present >= 2 && put_string(l, n, present))
		return;
	put(l, "[");
	for (uint64_t i = 0; i < present && i < TEXT_ELEMENTS && !l->full; i++) {
		struct sf_node elem;

		if (sf_node_index(n, i, &elem) != SF_STEP_OK)
			break;
		put(l, "%s", i ? ", " : "");
		put_node(l, &elem, depth + 1);
	}
	if (len > TEXT_ELEMENTS || present < len)
		put(l, ", … %" PRIu64 " in all", len);
	put(l, "]");
}

static void put_bytes(struct line *l, const struct sf_node *n)
{
	uint8_t raw[64];
	size_t len = sizeof(raw);
	struct sf_trouble why = { 0 };

	if (sf_node_bytes(n, 0, raw, &len, &why) == SF_STEP_TROUBLE) {
		put(l, "<%s at 0x%" PRIx64 ">", sf_fault_text(why.fault), why.addr);
		return;
	}
	for (size_t i = 0; i < len; i++)
		put(l, "%s%02x", i ? " " : "", raw[i]);
	if (len == sizeof(raw))
		put(l, " …");
}

static void put_pointer(struct line *l, const struct sf_node *n, unsigned int depth)
{
	const char *skipped = NULL, *note = sf_node_note(n);
	struct sf_trouble why;
	struct sf_node target;

	if (note)
		put(l, " (%s)", note);
	switch (sf_node_deref(n, &target, &skipped, &why)) {
	case SF_STEP_OK:
		put(l, " → ");
		put_node(l, &target, depth + 1);
		break;
	case SF_STEP_TROUBLE:
		put(l, " [%s]", sf_fault_text(why.fault));
		break;
	default:
		if (skipped)
			put(l, " [%s]", skipped);
	}
}

static void put_node(struct line *l, const struct sf_node *n, unsigned int depth)
{
	struct sf_trouble why = { 0 };
	struct sf_scalar s;
	struct sf_node inner;
	uint64_t needed, had;
	char cpus[256];

	if (l->full || depth > TEXT_DEPTH) {
		put(l, "…");
		return;
	}
	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		put_struct(l, n, depth);
		break;
	case SF_ARRAY:
		put_array(l, n, depth);
		break;
	case SF_CPU_LIST:
		if (sf_node_cpu_list(n, cpus, sizeof(cpus), &why) == SF_STEP_OK)
			put(l, "cpus={%s}", cpus);
		else
			put(l, "<%s>", sf_fault_text(why.fault));
		break;
	case SF_BYTES:
		put_bytes(l, n);
		break;
	case SF_TRUNCATED:
		if (sf_node_partial(n, &inner, &needed, &had) != SF_STEP_OK)
			break;
		put(l, "<truncated: %" PRIu64 " of %" PRIu64 " bytes> ", had, needed);
		if (had)
			put_node(l, &inner, depth + 1);
		break;
	case SF_UNSUPPORTED:
		put(l, "<unsupported: %s>", sf_node_note(n) ? sf_node_note(n) : "no reason recorded");
		break;
	default:
		if (sf_node_scalar(n, &s, &why) != SF_STEP_OK)
			put(l, "<%s at 0x%" PRIx64 ">", sf_fault_text(why.fault), why.addr);
		else
			put_scalar(l, &s);
		if (sf_node_kind(n) == SF_PTR)
			put_pointer(l, n, depth);
	}
}

void sf_node_text(const struct sf_node *n, char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size };

	if (!size)
		return;
	buf[0] = '\0';
	put_node(&l, n, 0);
	/* The mark of a cut, at a whole character: everything that can be cut within is ASCII but our own arrow. */
	if (l.full && size > 4) {
		size_t at = size - 4;

		while (at && ((unsigned char)buf[at] & 0xc0) == 0x80)
			at--;
		memcpy(buf + at, "…", sizeof("…"));
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arrays of scalars: text where they look like text, runs where there are gaps of zeros, else all of them.
 */

#include <inttypes.h>

#include "emit.h"

void sf_put_shown(struct sf_emit *e, uint64_t shown, uint64_t len)
{
	if (shown < len)
		sf_putf(e, " (%" PRIu64 " of %" PRIu64 " shown)", shown, len);
}

/* ---- text --------------------------------------------------------------------------------------------------- */

static bool get_byte(struct sf_chunk *c, uint64_t i, uint8_t *ret)
{
	struct sf_trouble why;
	struct sf_scalar s;

	if (sf_chunk_get(c, i, &s, &why) != SF_STEP_OK || s.bits != 8 ||
	    (s.kind != SF_INT && s.kind != SF_UINT && s.kind != SF_CHAR))
		return false;
	*ret = (uint8_t)(s.kind == SF_INT ? (uint64_t)s.i64 : s.u64);
	return true;
}

enum sf_string sf_is_string(struct sf_emit *e, const struct sf_node *array)
{
	uint64_t len, shown = sf_walk_shown(&e->w, array, &len);
	struct sf_chunk chunk = { .array = array };
	enum sf_string ret = SF_STRING_LINE;
	bool ended = false, is_text = false;
	uint8_t c, next;

	if (shown < 2)
		return SF_STRING_NONE;
	for (uint64_t i = 0; i < shown; i++) {
		if (!get_byte(&chunk, i, &c) || (!c && !i) || !(i % SF_CHUNK || sf_walk_charge(&e->w, 1)))
			return SF_STRING_NONE;
		if (c && c != '\n' && c != '\t' && (c < 0x20 || c >= 0x7f))
			return SF_STRING_NONE;
		ended |= !c;
		is_text |= c > ' ' && !ended;
		/* A newline at the end, as formats have it, needs no second line. */
		if (c == '\n' && !ended && i + 1 < shown && get_byte(&chunk, i + 1, &next) && next)
			ret = SF_STRING_LINES;
	}
	/* Nothing but spaces and newlines are numbers by chance. */
	return is_text ? ret : SF_STRING_NONE;
}

void sf_put_string(struct sf_emit *e, const struct sf_node *array)
{
	uint64_t len, shown = sf_walk_shown(&e->w, array, &len);
	struct sf_chunk chunk = { .array = array };
	uint64_t i = 0;
	uint8_t c;

	sf_puts(e, "\"");
	for (; i < shown && sf_emit_on(e) && get_byte(&chunk, i, &c) && c; i++)
		sf_put_quoted(e, c);
	sf_puts(e, "\"");
	if (i == shown)
		sf_put_shown(e, shown, len);
}

void sf_put_string_block(struct sf_emit *e, const struct sf_node *array, unsigned int indent)
{
	uint64_t len, shown = sf_walk_shown(&e->w, array, &len);
	struct sf_chunk chunk = { .array = array };
	bool at_start = true;
	uint64_t i = 0;
	uint8_t c;

	sf_puts(e, "|");
	sf_put_shown(e, shown, len);
	for (; i < shown && sf_emit_on(e) && get_byte(&chunk, i, &c) && c; i++) {
		if (at_start)
			sf_put_line(e, indent + 1);
		at_start = c == '\n';
		if (c == '\t')
			sf_puts(e, "\\t");
		else if (c != '\n')
			sf_putn(e, (const char[]){ (char)c }, 1);
	}
}

/* ---- lists -------------------------------------------------------------------------------------------------- */

/* What an element is, as far as a list is concerned. */
enum state { ZERO, VALUE, OTHER };

static enum state state_of(struct sf_emit *e, struct sf_chunk *chunk, uint64_t i, struct sf_scalar *s,
			   struct sf_trouble *why)
{
	*why = (struct sf_trouble){ 0 };
	if (sf_chunk_get(chunk, i, s, why) != SF_STEP_OK)
		return OTHER;
	return sf_scalar_is_zero(s) && !e->w.opt.show_zero ? ZERO : VALUE;
}

static bool leads_somewhere(struct sf_emit *e, const struct sf_node *array, uint64_t i)
{
	struct sf_node elem, target;
	const char *why;

	return sf_node_index(array, i, &elem) == SF_STEP_OK && sf_walk_follow(&e->w, &elem, &target, &why);
}

bool sf_is_list(struct sf_emit *e, const struct sf_node *array)
{
	uint64_t len, shown = sf_walk_shown(&e->w, array, &len);
	struct sf_node elem;

	if (!shown)
		return true;
	if (sf_node_index(array, 0, &elem) != SF_STEP_OK)
		return false;
	switch (sf_node_kind(&elem)) {
	case SF_INT:
	case SF_UINT:
	case SF_BOOL:
	case SF_CHAR:
	case SF_FLOAT:
	case SF_ENUM:
		return true;
	case SF_PTR:
		for (uint64_t i = 0; i < shown; i++)
			if (!sf_walk_charge(&e->w, 1) || leads_somewhere(e, array, i))
				return false;
		return true;
	default:
		return false;
	}
}

/* Numbers that are often masks or addresses: hexadecimal, in arrays. */
static void put_element(struct sf_emit *e, const struct sf_node *array, uint64_t i, const struct sf_scalar *s)
{
	struct sf_node elem;

	if (s && s->kind == SF_UINT && s->bits >= 32)
		sf_putf(e, "0x%" PRIx64, s->u64);
	else if (s)
		sf_put_scalar(e, s);
	else if (sf_node_index(array, i, &elem) == SF_STEP_OK)
		sf_put_inline(e, &elem);
}

/* Text that must not be torn apart by the end of the line. */
struct piece {
	const struct sf_node *array;
	uint64_t i, last;
	const struct sf_scalar *s;
	bool has_index;
};

static void put_piece(struct sf_emit *e, const struct piece *p)
{
	if (p->has_index && p->i < p->last)
		sf_putf(e, "[%" PRIu64 "..%" PRIu64 "]=", p->i, p->last);
	else if (p->has_index)
		sf_putf(e, "[%" PRIu64 "]=", p->i);
	if (p->has_index && p->i < p->last && p->s)
		sf_puts(e, "{");
	put_element(e, p->array, p->i, p->s);
}

static void fit_piece(struct sf_emit *e, const struct piece *p, const char *separator, unsigned int indent)
{
	if (!*separator || e->measuring) {
		sf_puts(e, separator);
		put_piece(e, p);
		return;
	}

	uint32_t col = e->col;

	/* The bracket or comma that follows has room, too. */
	e->measuring = true;
	e->limit = e->w.opt.width - 1;
	sf_puts(e, separator);
	put_piece(e, p);

	bool fits = !e->over;

	e->measuring = e->over = false;
	e->col = col;
	if (fits) {
		sf_puts(e, separator);
	} else {
		if (*separator == ',')
			sf_puts(e, ",");
		sf_put_line(e, indent + 1);
	}
	put_piece(e, p);
}

static void put_dense(struct sf_emit *e, const struct sf_node *array, uint64_t shown, unsigned int indent)
{
	struct sf_chunk chunk = { .array = array };
	struct sf_trouble why;
	struct sf_scalar s;

	for (uint64_t i = 0; i < shown && sf_emit_on(e) && e->w.left; i++) {
		bool is_scalar = state_of(e, &chunk, i, &s, &why) != OTHER;
		struct piece p = { .array = array, .i = i, .s = is_scalar ? &s : NULL };

		sf_walk_charge(&e->w, 1);
		fit_piece(e, &p, i ? ", " : "", indent);
	}
}

/* The last element of the run that begins with @i: values together, unreadable ones of one page together. */
static uint64_t run_end(struct sf_emit *e, struct sf_chunk *chunk, uint64_t i, uint64_t shown, enum state state,
			uint64_t page)
{
	struct sf_trouble why;
	struct sf_scalar s;

	while (i + 1 < shown && sf_walk_charge(&e->w, 1) && state_of(e, chunk, i + 1, &s, &why) == state) {
		if (state == OTHER && (!why.fault || (why.addr & SF_PAGE_MASK) != page))
			break;
		i++;
	}
	return i;
}

static void put_sparse(struct sf_emit *e, const struct sf_node *array, uint64_t shown, unsigned int indent)
{
	struct sf_chunk chunk = { .array = array };
	const char *separator = "";
	struct sf_trouble why;
	struct sf_scalar s;
	uint64_t last;

	for (uint64_t i = 0; i < shown && sf_emit_on(e) && e->w.left; i = last + 1) {
		enum state state = state_of(e, &chunk, i, &s, &why);

		last = run_end(e, &chunk, i, shown, state, why.addr & SF_PAGE_MASK);
		if (state == ZERO)
			continue;
		struct piece p = { .array = array, .i = i, .last = last, .has_index = true,
				   .s = state == VALUE ? &s : NULL };

		/* run_end() has moved the chunk on. */
		if (state == VALUE && sf_chunk_get(&chunk, i, &s, &why) != SF_STEP_OK)
			break;
		fit_piece(e, &p, separator, indent);
		separator = "  ";
		if (state == OTHER || last == i)
			continue;
		for (p.has_index = false, p.i++; p.i <= last && sf_emit_on(e); p.i++) {
			if (sf_chunk_get(&chunk, p.i, &s, &why) != SF_STEP_OK)
				break;
			fit_piece(e, &p, ", ", indent);
		}
		sf_puts(e, "}");
	}
}

void sf_put_list(struct sf_emit *e, const struct sf_node *array, unsigned int indent)
{
	uint64_t len, shown = sf_walk_shown(&e->w, array, &len), n_values = 0, n_other = 0;
	struct sf_chunk chunk = { .array = array };
	struct sf_trouble why;
	struct sf_scalar s;

	for (uint64_t i = 0; i < shown && sf_walk_charge(&e->w, !(i % SF_CHUNK)); i++) {
		enum state state = state_of(e, &chunk, i, &s, &why);

		n_values += state == VALUE;
		n_other += state == OTHER;
	}
	if (shown && !n_values && !n_other) {
		sf_putf(e, "[all %" PRIu64 " zero]", shown);
	} else {
		sf_puts(e, "[");
		if (n_values == shown || e->w.opt.show_zero)
			put_dense(e, array, shown, indent);
		else
			put_sparse(e, array, shown, indent);
		sf_puts(e, "]");
	}
	sf_put_shown(e, shown, len);
}

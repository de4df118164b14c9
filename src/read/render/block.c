/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values that take several lines. A struct is its name, then its scalars in rows of up to three aligned columns, then
 * what has parts, one a line. Columns are measured in a first pass over the members and written in a second, so nothing
 * is stored.
 */

#include <inttypes.h>

#include "leaf.h"

#define COLUMNS 3
#define GAP 3           /* spaces between columns */
#define PAD_ROWS 3      /* from so many rows on, names are padded … */
#define PAD_NAMES 4     /* … if their lengths in one column differ by so much */
#define BLOCK_BYTES 4096
#define BYTES_A_LINE 32

/* ---- rows of scalars ---------------------------------------------------------------------------------------- */

struct column {
	uint32_t cell, value, name, min_name; /* widths */
};

/* The same cells in one, two and three columns. */
struct layout {
	uint32_t n_cells, n_columns;
	bool padded;
	struct column columns[COLUMNS + 1][COLUMNS];
};

static void put_cell_value(struct sf_emit *e, const struct sf_node *n)
{
	sf_put_inline(e, n);
}

static uint32_t value_width(struct sf_emit *e, const struct sf_node *n)
{
	uint32_t col = e->col;

	e->col = 0;

	uint32_t ret = sf_measure(e, put_cell_value, n);

	e->col = col;
	return sf_min(ret, e->w.opt.width);
}

static void add_cell(struct layout *l, uint32_t name, uint32_t value)
{
	for (uint32_t n = 1; n <= COLUMNS; n++) {
		struct column *c = &l->columns[n][l->n_cells % n];

		c->cell = sf_max(c->cell, name + 1 + value);
		c->value = sf_max(c->value, value);
		c->name = sf_max(c->name, name);
		c->min_name = l->n_cells < n ? name : sf_min(c->min_name, name);
	}
	l->n_cells++;
}

/* As many columns as the line has room for. */
static void choose_columns(struct layout *l, uint32_t room)
{
	for (l->n_columns = COLUMNS; l->n_columns; l->n_columns--) {
		struct column *c = l->columns[l->n_columns];
		uint32_t n = sf_min(l->n_columns, l->n_cells), total = GAP * (n - 1);

		l->padded = false;
		for (uint32_t i = 0; i < n; i++)
			l->padded |= c[i].name - c[i].min_name >= PAD_NAMES;
		l->padded &= (l->n_cells + l->n_columns - 1) / l->n_columns >= PAD_ROWS;
		for (uint32_t i = 0; i < n; i++) {
			if (l->padded)
				c[i].cell = c[i].name + 3 + c[i].value;
			total += c[i].cell;
		}
		if (total <= room || l->n_columns == 1)
			return;
	}
}

static void measure_cells(struct sf_emit *e, const struct sf_node *n, unsigned int indent, struct layout *l)
{
	uint32_t room = e->w.opt.width > 2 * indent ? e->w.opt.width - 2 * indent : 1;
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	*l = (struct layout){ 0 };
	while (sf_next_visible(e, n, &it, &name, &member))
		if (sf_is_cell(e, &member))
			add_cell(l, sf_name_width(e, *name ? name : "<anon>"), value_width(e, &member));
	if (l->n_cells)
		choose_columns(l, room);
}

static void put_cells(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	struct layout l;
	const char *name;
	uint32_t end = 0;

	measure_cells(e, n, indent, &l);
	for (uint32_t i = 0; l.n_cells && sf_next_visible(e, n, &it, &name, &member);) {
		if (!sf_is_cell(e, &member))
			continue;
		uint32_t column = i++ % l.n_columns;
		const struct column *c = &l.columns[l.n_columns][column];

		if (column)
			sf_put_spaces(e, e->col < end ? end - e->col + GAP : GAP);
		else
			sf_put_line(e, indent);
		end = e->col + c->cell;

		uint32_t start = e->col;

		sf_put_member_name(e, name);
		if (l.padded)
			sf_put_spaces(e, start + c->name > e->col ? start + c->name - e->col : 0);
		sf_puts(e, l.padded ? " = " : "=");
		sf_put_inline(e, &member);
	}
}

/* ---- what has parts ----------------------------------------------------------------------------------------- */

static void put_compounds(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	while (sf_next_visible(e, n, &it, &name, &member)) {
		if (sf_is_cell(e, &member))
			continue;
		sf_put_line(e, indent);
		sf_put_member_name(e, name);
		sf_puts(e, " ");
		sf_put_value(e, &member, indent);
	}
}

static void put_struct(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	const char *name = sf_struct_name(n);

	sf_put_name(e, name ? name : "<anon>");
	sf_puts(e, ":");
	put_cells(e, n, indent + 1);
	put_compounds(e, n, indent + 1);
}

static bool is_zero_element(struct sf_emit *e, const struct sf_node *n)
{
	return !e->w.opt.show_zero && sf_walk_is_zero(&e->w, n);
}

/* An element, or neighbours that are equal, a line. */
static void put_elements(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	uint64_t len, shown = sf_walk_shown(&e->w, n, &len), last, no_use = 0;
	struct sf_node elem, next;

	sf_putf(e, "%" PRIu64 " elements:", len);
	for (uint64_t i = 0; i < shown && sf_emit_on(e) && e->w.left; i = last + 1) {
		last = i;
		if (sf_node_index(n, i, &elem) != SF_STEP_OK)
			break;
		if (is_zero_element(e, &elem))
			continue;
		while (last + 1 < shown && sf_node_index(n, last + 1, &next) == SF_STEP_OK &&
		       sf_walk_is_same(&e->w, &elem, &next))
			last++;
		if (sf_put_template(e, n, i, shown, indent + 1, &last, &no_use))
			continue;
		sf_put_line(e, indent + 1);
		if (last > i)
			sf_putf(e, "[%" PRIu64 "-%" PRIu64 "] ", i, last);
		else
			sf_putf(e, "[%" PRIu64 "] ", i);
		sf_put_value(e, &elem, indent + 1);
	}
	if (shown < len) {
		sf_put_line(e, indent + 1);
		sf_putf(e, "%" PRIu64 " of %" PRIu64 " shown", shown, len);
	}
}

static void put_array(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	enum sf_string text = sf_is_string(e, n);

	if (text == SF_STRING_LINES)
		sf_put_string_block(e, n, indent);
	else if (text == SF_STRING_LINE)
		sf_put_string(e, n);
	else if (sf_is_list(e, n))
		sf_put_list(e, n, indent);
	else
		put_elements(e, n, indent);
}

static void put_ptr(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	struct sf_trouble trouble;
	struct sf_node target;
	struct sf_scalar s;
	const char *why;

	if (sf_node_scalar(n, &s, &trouble) != SF_STEP_OK || !sf_walk_follow(&e->w, n, &target, &why)) {
		sf_walk_leave(&e->w); /* it is entered again */
		sf_put_inline(e, n);
		e->w.depth++;
		return;
	}
	sf_put_pointer_head(e, n, &s);
	sf_puts(e, " → ");
	e->w.hops++;
	sf_put_value(e, &target, indent);
	e->w.hops--;
}

static void put_truncated(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	uint64_t needed = 0, had = 0;
	struct sf_node inner;
	bool has_inner = sf_node_partial(n, &inner, &needed, &had) == SF_STEP_OK;

	sf_putf(e, "<truncated: needed %" PRIu64 ", had %" PRIu64 ">", needed, had);
	if (!has_inner || !had)
		return;
	sf_puts(e, " ");
	sf_put_value(e, &inner, indent);
}

/* Lines of nothing but zeros are left out: the offsets tell. */
static void put_bytes(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	uint64_t present, len = sf_node_len(n, &present);
	uint64_t shown = sf_min(present, (uint64_t)sf_min(e->w.opt.max_bytes, (uint32_t)BLOCK_BYTES));
	static const uint8_t zeros[BYTES_A_LINE];
	struct sf_trouble why = { 0 };
	uint8_t raw[BYTES_A_LINE];

	sf_putf(e, "%" PRIu64 " bytes:", len);
	for (uint64_t off = 0; off < shown && sf_emit_on(e); off += sizeof(raw)) {
		size_t got = (size_t)sf_min((uint64_t)sizeof(raw), shown - off);

		if (sf_node_bytes(n, off, raw, &got, &why) != SF_STEP_OK) {
			sf_put_line(e, indent + 1);
			sf_putf(e, "0x%04" PRIx64 "  ", off);
			sf_put_trouble(e, &why);
			return;
		}
		if (!e->w.opt.show_zero && !memcmp(raw, zeros, got))
			continue;
		sf_put_line(e, indent + 1);
		sf_putf(e, "0x%04" PRIx64 " ", off);
		for (size_t i = 0; i < got; i++)
			sf_putf(e, " %02x", raw[i]);
	}
	if (shown < len) {
		sf_put_line(e, indent + 1);
		sf_putf(e, "%" PRIu64 " of %" PRIu64 " bytes shown", shown, len);
	}
}

static void put_block(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		put_struct(e, n, indent);
		break;
	case SF_ARRAY:
		put_array(e, n, indent);
		break;
	case SF_PTR:
		put_ptr(e, n, indent);
		break;
	case SF_TRUNCATED:
		put_truncated(e, n, indent);
		break;
	case SF_BYTES:
		put_bytes(e, n, indent);
		break;
	default:
		sf_walk_leave(&e->w); /* it is entered again */
		sf_put_inline(e, n);
		e->w.depth++;
	}
}

void sf_put_value(struct sf_emit *e, const struct sf_node *n, unsigned int indent)
{
	const char *stop;

	if (!sf_emit_on(e))
		return;
	if (sf_measure(e, sf_put_inline, n) != UINT32_MAX) {
		sf_put_inline(e, n);
		return;
	}
	stop = sf_walk_enter(&e->w, n);
	if (stop) {
		sf_putf(e, "<%s>", stop);
		return;
	}
	put_block(e, n, indent);
	sf_walk_leave(&e->w);
}

bool sf_render_value_text(const struct sf_node *n, const struct sf_render_options *opt, unsigned int indent,
			  sf_render_sink *sink, void *arg)
{
	struct sf_emit e;

	sf_emit_init(&e, opt, sink, arg);
	e.col = 2 * indent;
	sf_put_value(&e, n, indent);
	return sf_emit_finish(&e);
}

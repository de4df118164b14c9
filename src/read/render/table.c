/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables: measured in one pass, written in the next.
 */

#include "leaf.h"

#define GAP "  "
#define BAR " | "
#define LIST_ELEMENTS 4 /* of an array of numbers that is a cell */

/* ---- cells -------------------------------------------------------------------------------------------------- */

/* Whatever has several lines or a long form is only here if it is zero. */
static void put_cell(struct sf_emit *e, const struct sf_node *n)
{
	struct sf_node elem;

	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		sf_puts(e, "0");
		break;
	case SF_ARRAY:
		if (!sf_walk_is_zero(&e->w, n))
			sf_put_inline(e, n);
		else if (sf_node_index(n, 0, &elem) == SF_STEP_OK && sf_node_kind(&elem) == SF_CHAR)
			sf_puts(e, "\"\"");
		else
			sf_puts(e, "0");
		break;
	default:
		sf_put_inline(e, n);
	}
}

static void put_text(struct sf_emit *e, const void *text)
{
	sf_put_name(e, text);
}

static void put_node(struct sf_emit *e, const void *n)
{
	put_cell(e, n);
}

struct leaf_name {
	const struct sf_leaf_iter *it;
	const char *root;
};

static void put_leaf_name(struct sf_emit *e, const void *what)
{
	const struct leaf_name *name = what;

	sf_put_leaf_name(e, name->it, name->root);
}

/* As if the line were empty; UINT32_MAX: longer than a line. */
static uint32_t width_of(struct sf_emit *e, void (*put)(struct sf_emit *e, const void *what), const void *what)
{
	uint32_t col = e->col;

	e->col = 0;

	struct sf_measured m = sf_measure_begin(e, e->w.opt.width);

	put(e, what);

	uint32_t ret = sf_measure_end(e, &m);

	e->col = col;
	return ret;
}

/* ---- measuring ---------------------------------------------------------------------------------------------- */

static void widen(struct sf_table *t, uint32_t at, uint32_t width)
{
	if (at >= SF_TABLE_COLUMNS || width == UINT32_MAX) {
		t->is_none = true;
		return;
	}
	t->c[at].width = sf_max(t->c[at].width, width);
	t->n = sf_max(t->n, at + 1);
}

void sf_table_number(struct sf_emit *e, struct sf_table *t, uint32_t at, const char *digits)
{
	widen(t, at, width_of(e, put_text, digits));
	if (!t->is_none)
		t->c[at].is_used = true;
}

void sf_table_text(struct sf_emit *e, struct sf_table *t, uint32_t at, const char *text)
{
	sf_table_number(e, t, at, text);
	if (!t->is_none)
		t->c[at].is_text = true;
}

/* Short lists and pointers to masks have room in a row, too. */
static bool fits_cell(struct sf_emit *e, const struct sf_node *n)
{
	struct sf_node target;
	uint64_t len, shown;
	const char *why;

	if (sf_is_flat(e, n))
		return true;
	switch (sf_node_kind(n)) {
	case SF_PTR:
		return sf_follow(e, n, &target, &why) && sf_node_kind(&target) == SF_CPU_LIST;
	case SF_ARRAY:
		shown = sf_walk_shown(&e->w, n, &len);
		return len <= LIST_ELEMENTS && shown == len && sf_is_list(e, n);
	default:
		return false;
	}
}

void sf_table_cell(struct sf_emit *e, struct sf_table *t, uint32_t at, const struct sf_node *n)
{
	bool is_zero = sf_walk_is_zero(&e->w, n);
	enum sf_kind kind = sf_node_kind(n);

	if (!is_zero && !fits_cell(e, n)) {
		t->is_none = true;
		return;
	}
	widen(t, at, width_of(e, put_node, n));
	if (t->is_none)
		return;
	t->c[at].is_used |= !is_zero || e->w.opt.show_zero;
	t->c[at].is_text |= kind == SF_ARRAY || kind == SF_CPU_LIST || kind == SF_PTR;
}

void sf_table_leaves(struct sf_emit *e, struct sf_table *t, uint32_t *at, const struct sf_node *n)
{
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_leaves(&it, n);
	while (!t->is_none && sf_next_leaf(e, &it, &leaf))
		sf_table_cell(e, t, (*at)++, &leaf);
	t->is_none |= e->w.left <= 1;
}

void sf_table_name(struct sf_emit *e, struct sf_table *t, uint32_t at, const struct sf_leaf_iter *it, const char *root)
{
	struct leaf_name name = { it, root };

	if (at < t->n && t->c[at].is_used)
		widen(t, at, width_of(e, put_leaf_name, &name));
}

void sf_table_names(struct sf_emit *e, struct sf_table *t, uint32_t *at, const struct sf_node *n, const char *root)
{
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_leaves(&it, n);
	while (!t->is_none && sf_next_leaf(e, &it, &leaf))
		sf_table_name(e, t, (*at)++, &it, root);
}

void sf_table_note(struct sf_emit *e, struct sf_table *t, const char *text)
{
	t->note = sf_max(t->note, width_of(e, put_text, text));
}

/* From the first to the last of [@from, @to) that are used; @*ret_any: is there one? */
static uint64_t width_between(const struct sf_table *t, uint32_t from, uint32_t to, bool *ret_any)
{
	uint64_t ret = 0;

	*ret_any = false;
	for (uint32_t i = from; i < to; i++) {
		if (!t->c[i].is_used)
			continue;
		ret += (*ret_any ? strlen(GAP) : 0) + t->c[i].width;
		*ret_any = true;
	}
	return ret;
}

bool sf_table_fits(const struct sf_emit *e, const struct sf_table *t)
{
	bool has_keys, has_values;
	uint64_t keys, values;

	if (t->is_none || !t->n || t->n_keys > t->n)
		return false;
	keys = width_between(t, 0, t->n_keys, &has_keys);
	values = sf_max(width_between(t, t->n_keys, t->n, &has_values), (uint64_t)t->note);
	return 2 * t->indent + keys + (has_keys && values ? strlen(BAR) : 0) + values <= e->w.opt.width;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

struct sf_row sf_row_begin(struct sf_emit *e, const struct sf_table *t)
{
	return (struct sf_row){ .e = e, .t = t, .owed = 2 * t->indent };
}

static bool is_shown(const struct sf_row *row, uint32_t at)
{
	return at < row->t->n && row->t->c[at].is_used;
}

/* What stands between cells, where there is a cell after it: no line ends in spaces. */
static void put_gap(struct sf_row *row, bool is_value)
{
	sf_put_spaces(row->e, row->owed);
	row->owed = 0;
	if (row->is_begun)
		sf_puts(row->e, is_value && !row->has_bar ? BAR : GAP);
	row->has_bar |= is_value;
	row->is_begun = true;
}

static void put_aligned(struct sf_row *row, uint32_t at, void (*put)(struct sf_emit *e, const void *what), const void *what)
{
	uint32_t width = width_of(row->e, put, what);
	uint32_t rest = row->t->c[at].width > width ? row->t->c[at].width - width : 0;

	put_gap(row, at >= row->t->n_keys);
	if (!row->t->c[at].is_text)
		sf_put_spaces(row->e, rest);
	else
		row->owed = rest;
	put(row->e, what);
}

void sf_row_cell(struct sf_row *row, uint32_t at, const struct sf_node *n)
{
	if (is_shown(row, at))
		put_aligned(row, at, put_node, n);
}

void sf_row_text(struct sf_row *row, uint32_t at, const char *text)
{
	if (is_shown(row, at))
		put_aligned(row, at, put_text, text);
}

void sf_row_note(struct sf_row *row, const char *text)
{
	put_gap(row, true);
	sf_put_name(row->e, text);
}

void sf_row_leaves(struct sf_row *row, uint32_t *at, const struct sf_node *n)
{
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_leaves(&it, n);
	while (sf_emit_on(row->e) && sf_next_leaf(row->e, &it, &leaf))
		sf_row_cell(row, (*at)++, &leaf);
}

void sf_row_name(struct sf_row *row, uint32_t at, const struct sf_leaf_iter *it, const char *root)
{
	struct leaf_name name = { it, root };

	if (is_shown(row, at))
		put_aligned(row, at, put_leaf_name, &name);
}

void sf_row_names(struct sf_row *row, uint32_t *at, const struct sf_node *n, const char *root)
{
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_leaves(&it, n);
	while (sf_emit_on(row->e) && sf_next_leaf(row->e, &it, &leaf))
		sf_row_name(row, (*at)++, &it, root);
}

void sf_table_put_unused(struct sf_emit *e, const struct sf_table *t, uint32_t *at, const struct sf_node *n,
			 const char *root, const char **separator)
{
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_leaves(&it, n);
	for (; sf_emit_on(e) && sf_next_leaf(e, &it, &leaf); ++*at) {
		struct leaf_name name = { &it, root };

		if (*at >= t->n || t->c[*at].is_used)
			continue;
		/* The comma that follows has room, too. */
		if (e->col + strlen(*separator) + width_of(e, put_leaf_name, &name) >= e->w.opt.width && **separator == ',') {
			sf_puts(e, ",");
			sf_put_line(e, t->indent + 1);
		} else {
			sf_puts(e, *separator);
		}
		put_leaf_name(e, &name);
		*separator = ", ";
	}
}

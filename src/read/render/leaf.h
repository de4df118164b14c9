/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_LEAF_H
#define SF_RENDER_LEAF_H

/*
 * Many values side by side: what they have in common is said once. A value is seen as its leaves here; those of two
 * values of one type have the same order, so a leaf is known by its number. Nothing is kept for each value: whatever has
 * to be known before the first is written is found out by looking at all of them.
 */

#include "emit.h"

/* ---- leaf.c ---- */

/*
 * The members of a struct, those of structs in it in their place, down to SF_LEAF_DEPTH; what is no struct is its own
 * only leaf. Begin with sf_leaves().
 */
#define SF_LEAF_DEPTH 4
struct sf_leaf_iter {
	uint32_t depth;
	bool started;
	struct {
		struct sf_node n;
		struct sf_member_iter it;
		const char *name;
	} level[SF_LEAF_DEPTH];
};
void sf_leaves(struct sf_leaf_iter *it, const struct sf_node *n);
bool sf_next_leaf(struct sf_emit *e, struct sf_leaf_iter *it, struct sf_node *ret);
/* "inner.member"; @root where there are no members. */
void sf_put_leaf_name(struct sf_emit *e, const struct sf_leaf_iter *it, const char *root);

/* Scalars, and pointers without a target and without a story. */
bool sf_is_cell(struct sf_emit *e, const struct sf_node *n);
/* Those, short texts and masks: what goes into a row. */
bool sf_is_flat(struct sf_emit *e, const struct sf_node *n);

/* Leaves that are not the same in all values, by number, in order. */
#define SF_DIFF_MAX 7
struct sf_diff {
	uint32_t n, max;
	uint32_t leaf[SF_DIFF_MAX];
};
/* Adds those of @a and @b. false: there are more than @d->max, or they are not flat, or the two are no twins at all. */
bool sf_diff_add(struct sf_emit *e, const struct sf_node *a, const struct sf_node *b, struct sf_diff *d);
/* Those leaves of @n; false: it has not so many. */
bool sf_diff_nodes(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, struct sf_node ret[SF_DIFF_MAX]);
/* To leaf number @d->leaf[@i] of @n, for its name. */
bool sf_diff_find(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, uint32_t i, struct sf_leaf_iter *ret);
/* Is there anything to say of @n without the leaves of @d? Says it; false: nothing. */
bool sf_has_common(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n);
bool sf_put_common(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, unsigned int indent);

/* ---- template.c ---- */

/*
 * Neighbours of element @first that differ in little, with it, as a template; *@ret_last: the last of them. false: they
 * do not, and nothing was written. Below *@no_use, 0 at first, none is sought: runs would be looked at again and again.
 */
bool sf_put_template(struct sf_emit *e, const struct sf_node *array, uint64_t first, uint64_t shown, unsigned int indent,
		     uint64_t *ret_last, uint64_t *no_use);

/* ---- table.c ---- */

/*
 * Rows of right-aligned columns (texts are left-aligned), with a bar between the first @n_keys and the rest. In a first
 * pass every cell is measured, in a second they are written, with the same numbers of columns.
 */
#define SF_TABLE_COLUMNS 48
struct sf_table {
	unsigned int indent;
	uint32_t n, n_keys;
	bool is_none; /* something does not go into a table */
	uint32_t note; /* width of the widest text that stands in place of values */
	struct {
		uint32_t width;
		bool is_used, is_text; /* unused: never anything but zero */
	} c[SF_TABLE_COLUMNS];
};
/* Measures. Of leaves *@at is the column of the first, then the one after the last. */
void sf_table_leaves(struct sf_emit *e, struct sf_table *t, uint32_t *at, const struct sf_node *n);
void sf_table_names(struct sf_emit *e, struct sf_table *t, uint32_t *at, const struct sf_node *n, const char *root);
void sf_table_cell(struct sf_emit *e, struct sf_table *t, uint32_t at, const struct sf_node *n);
void sf_table_name(struct sf_emit *e, struct sf_table *t, uint32_t at, const struct sf_leaf_iter *it, const char *root);
void sf_table_text(struct sf_emit *e, struct sf_table *t, uint32_t at, const char *text);
void sf_table_number(struct sf_emit *e, struct sf_table *t, uint32_t at, const char *digits);
void sf_table_note(struct sf_emit *e, struct sf_table *t, const char *text);
/* Is it one, and does the line have room for it? */
bool sf_table_fits(const struct sf_emit *e, const struct sf_table *t);

/* One row that is being written, from where the line begins; its cells in order. */
struct sf_row {
	struct sf_emit *e;
	const struct sf_table *t;
	uint32_t owed; /* spaces before the next cell */
	bool is_begun, has_bar;
};
struct sf_row sf_row_begin(struct sf_emit *e, const struct sf_table *t);
void sf_row_leaves(struct sf_row *row, uint32_t *at, const struct sf_node *n);
void sf_row_names(struct sf_row *row, uint32_t *at, const struct sf_node *n, const char *root);
void sf_row_name(struct sf_row *row, uint32_t at, const struct sf_leaf_iter *it, const char *root);
void sf_row_cell(struct sf_row *row, uint32_t at, const struct sf_node *n);
void sf_row_text(struct sf_row *row, uint32_t at, const char *text);
void sf_row_note(struct sf_row *row, const char *text);
/* Names of the leaves whose columns are not used, each after @*separator, which becomes ", ". */
void sf_table_put_unused(struct sf_emit *e, const struct sf_table *t, uint32_t *at, const struct sf_node *n,
			 const char *root, const char **separator);

#endif

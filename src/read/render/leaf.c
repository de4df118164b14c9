/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as rows of leaves: what tables and templates are made of. Two values of one type have the same leaves in the
 * same order, so that a leaf is known by its number.
 */

#include "leaf.h"

#define FLAT_TEXT 64 /* bytes of a text that goes into a row */

void sf_leaves(struct sf_leaf_iter *it, const struct sf_node *n)
{
	it->depth = 0;
	it->started = false;
	it->level[0].n = *n;
	memset(&it->level[0].it, 0, sizeof(it->level[0].it));
}

bool sf_next_leaf(struct sf_emit *e, struct sf_leaf_iter *it, struct sf_node *ret)
{
	struct sf_node member;

	if (!it->started) {
		it->started = true;
		if (sf_node_kind(&it->level[0].n) != SF_STRUCT) {
			*ret = it->level[0].n;
			return true;
		}
		it->depth = 1;
	}
	while (it->depth) {
		__typeof__(it->level[0]) *top = &it->level[it->depth - 1];

		if (!sf_walk_member(&e->w, &top->n, &top->it, &top->name, &member)) {
			it->depth--;
		} else if (it->depth < SF_LEAF_DEPTH && sf_node_kind(&member) == SF_STRUCT) {
			it->level[it->depth].n = member;
			memset(&it->level[it->depth].it, 0, sizeof(it->level[0].it));
			it->depth++;
		} else {
			*ret = member;
			return true;
		}
	}
	return false;
}

void sf_put_leaf_name(struct sf_emit *e, const struct sf_leaf_iter *it, const char *root)
{
	if (!it->depth)
		sf_puts(e, root);
	for (uint32_t i = 0; i < it->depth; i++) {
		if (i)
			sf_puts(e, ".");
		sf_put_member_name(e, it->level[i].name);
	}
}

bool sf_is_cell(struct sf_emit *e, const struct sf_node *n)
{
	struct sf_node target;
	const char *why;

	switch (sf_node_kind(n)) {
	case SF_INT:
	case SF_UINT:
	case SF_BOOL:
	case SF_CHAR:
	case SF_FLOAT:
	case SF_ENUM:
		return true;
	case SF_PTR:
		return !sf_follow(e, n, &target, &why) && !why;
	default:
		return false;
	}
}

bool sf_is_flat(struct sf_emit *e, const struct sf_node *n)
{
	switch (sf_node_kind(n)) {
	case SF_CPU_LIST:
		return true;
	case SF_ARRAY:
		return sf_node_len(n, NULL) <= FLAT_TEXT && sf_is_string(e, n) == SF_STRING_LINE;
	default:
		return sf_is_cell(e, n);
	}
}

/* ---- what differs ------------------------------------------------------------------------------------------- */

static bool add_leaf(struct sf_diff *d, uint32_t leaf)
{
	uint32_t i = 0;

	while (i < d->n && d->leaf[i] < leaf)
		i++;
	if (i < d->n && d->leaf[i] == leaf)
		return true;
	if (d->n == d->max)
		return false;
	memmove(&d->leaf[i + 1], &d->leaf[i], (d->n - i) * sizeof(d->leaf[0]));
	d->leaf[i] = leaf;
	d->n++;
	return true;
}

static bool is_zero_or_flat(struct sf_emit *e, const struct sf_node *n)
{
	return sf_is_flat(e, n) || (sf_node_kind(n) == SF_ARRAY && sf_walk_is_zero(&e->w, n));
}

bool sf_diff_add(struct sf_emit *e, const struct sf_node *a, const struct sf_node *b, struct sf_diff *d)
{
	struct sf_leaf_iter ia, ib;
	struct sf_diff more = *d;
	struct sf_node la, lb;

	sf_leaves(&ia, a);
	sf_leaves(&ib, b);
	for (uint32_t i = 0;; i++) {
		bool more_a = sf_next_leaf(e, &ia, &la), more_b = sf_next_leaf(e, &ib, &lb);

		if (more_a != more_b || e->w.left <= 1)
			return false;
		if (!more_a)
			break;
		if (ia.depth != ib.depth || (ia.depth && strcmp(ia.level[ia.depth - 1].name, ib.level[ib.depth - 1].name)))
			return false;
		if (sf_walk_is_same(&e->w, &la, &lb))
			continue;
		if (!is_zero_or_flat(e, &la) || !is_zero_or_flat(e, &lb) || !add_leaf(&more, i))
			return false;
	}
	*d = more;
	return true;
}

bool sf_diff_nodes(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, struct sf_node ret[SF_DIFF_MAX])
{
	struct sf_leaf_iter it;
	struct sf_node leaf;
	uint32_t k = 0;

	sf_leaves(&it, n);
	for (uint32_t i = 0; k < d->n && sf_next_leaf(e, &it, &leaf); i++)
		if (i == d->leaf[k])
			ret[k++] = leaf;
	return k == d->n;
}

bool sf_diff_find(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, uint32_t i, struct sf_leaf_iter *ret)
{
	struct sf_node leaf;

	sf_leaves(ret, n);
	for (uint32_t k = 0; sf_next_leaf(e, ret, &leaf); k++)
		if (k == d->leaf[i])
			return true;
	return false;
}

/* Leaves that are not shown for a while, and those that were not before. */
struct veil {
	struct sf_node nodes[SF_DIFF_MAX];
	const struct sf_node *hidden;
	uint32_t n_hidden;
};

static bool hide(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, struct veil *ret)
{
	if (!sf_diff_nodes(e, d, n, ret->nodes))
		return false;
	ret->hidden = e->hidden;
	ret->n_hidden = e->n_hidden;
	e->hidden = ret->nodes;
	e->n_hidden = d->n;
	return true;
}

static void unhide(struct sf_emit *e, const struct veil *v)
{
	e->hidden = v->hidden;
	e->n_hidden = v->n_hidden;
}

bool sf_has_common(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n)
{
	struct veil v;

	if (!hide(e, d, n, &v))
		return false;

	bool ret = sf_has_visible(e, n);

	unhide(e, &v);
	return ret;
}

bool sf_put_common(struct sf_emit *e, const struct sf_diff *d, const struct sf_node *n, unsigned int indent)
{
	struct veil v;

	if (!sf_has_common(e, d, n) || !hide(e, d, n, &v))
		return false;
	sf_put_value(e, n, indent);
	unhide(e, &v);
	return true;
}

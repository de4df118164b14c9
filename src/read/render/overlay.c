/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Anonymous unions: their parts are views of the same bytes, and what one of them has said the others need not say again.
 * A part is left out as a whole or not at all: half of one would look as if the rest of it were zero.
 */

#include "emit.h"

#define ARM_MEMBERS 32 /* of a part that is looked at */

/* The outermost anonymous union around the member that @it gave last: its level, 0: none. */
static uint32_t union_level(const struct sf_node *n, const struct sf_member_iter *it)
{
	/* Only nodes that are bytes with a type use the stack. */
	const struct sf_typed *types = n->ctx;
	struct sf_btf_type t;

	for (uint32_t k = 1; k < it->depth; k++)
		if (sf_btf_type(types->btf, it->stack[k].type, &t) && t.kind == SF_BTF_UNION)
			return k;
	return 0;
}

/* The same way down to the union at @level? */
static bool is_in_union(const struct sf_member_iter *it, const struct sf_member_iter *other, uint32_t level)
{
	if (other->depth <= level)
		return false;
	for (uint32_t k = 0; k < level; k++)
		if (it->stack[k].i != other->stack[k].i || it->stack[k].type != other->stack[k].type)
			return false;
	return true;
}

/* From part @i of the union on. */
static struct sf_member_iter part_of(const struct sf_member_iter *it, uint32_t level, uint32_t i)
{
	struct sf_member_iter ret = *it;

	ret.depth = level + 1;
	ret.stack[level].i = i;
	return ret;
}

static bool is_same_number(const struct sf_scalar *a, const struct sf_scalar *b)
{
	if (a->kind == SF_FLOAT || b->kind == SF_FLOAT)
		return a->kind == b->kind && !memcmp(&a->f64, &b->f64, sizeof(a->f64));
	return (a->kind == SF_INT || a->kind == SF_ENUM ? (uint64_t)a->i64 : a->u64) ==
	       (b->kind == SF_INT || b->kind == SF_ENUM ? (uint64_t)b->i64 : b->u64);
}

/* Has an earlier part of the union this number in this place? */
static bool was_said(struct sf_emit *e, const struct sf_node *n, const struct sf_member_iter *it, uint32_t level,
		     const struct sf_node *member, const struct sf_scalar *s)
{
	struct sf_member_iter at = part_of(it, level, 0);
	struct sf_trouble why;
	struct sf_scalar other;
	struct sf_node sibling;
	const char *name;

	while (sf_walk_member(&e->w, n, &at, &name, &sibling) && is_in_union(it, &at, level) &&
	       at.stack[level].i < it->stack[level].i)
		if (sibling.at == member->at && sibling.bit_offset == member->bit_offset &&
		    sf_node_scalar(&sibling, &other, &why) == SF_STEP_OK && is_same_number(s, &other))
			return true;
	return false;
}

bool sf_is_overlay(struct sf_emit *e, const struct sf_node *n, const struct sf_member_iter *it,
		   const struct sf_node *member)
{
	uint32_t level = it->depth > 1 ? union_level(n, it) : 0;
	struct sf_trouble why;
	struct sf_scalar s;
	const char *name;

	/* The first part has nobody to repeat. */
	if (!level || it->stack[level].i < 2 || sf_node_scalar(member, &s, &why) != SF_STEP_OK)
		return false;

	struct sf_member_iter at = part_of(it, level, it->stack[level].i - 1);
	struct sf_node part;

	for (uint32_t i = 0; sf_walk_member(&e->w, n, &at, &name, &part); i++) {
		if (!is_in_union(it, &at, level) || at.stack[level].i != it->stack[level].i)
			break;
		if (i == ARM_MEMBERS)
			return false;
		if (sf_node_scalar(&part, &s, &why) == SF_STEP_OK ?
		    !sf_scalar_is_zero(&s) && !was_said(e, n, it, level, &part, &s) : !sf_walk_is_zero(&e->w, &part))
			return false;
	}
	return e->w.left > 1;
}

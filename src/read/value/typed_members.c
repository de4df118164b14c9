/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of typed nodes: of structs, unions and sections, those of anonymous members in their place.
 */

#include "typed_private.h"

/* Bitfields of the older encoding hide in the width of their integer instead of in the member. */
static void old_bitfield(const struct sf_btf *btf, struct sf_btf_member *m)
{
	struct sf_btf_type t;
	struct sf_btf_int i;

	if (m->bit_size || !sf_btf_type(btf, sf_btf_peel(btf, m->type), &t) || t.kind != SF_BTF_INT ||
	    !sf_btf_int(&t, &i) || i.bits >= t.size * 8)
		return;
	m->bit_size = i.bits;
	m->bit_offset += i.bit_offset;
}

static struct sf_node member_node(const struct sf_node *n, const struct sf_btf_member *m, uint64_t base)
{
	struct sf_node ret = typed_at_offset(n, base + m->bit_offset / 8, m->type);

	if (m->bit_size) {
		ret.bit_offset = m->bit_offset % 8;
		ret.bit_size = (uint16_t)m->bit_size;
	} else if (m->bit_offset % 8) {
		ret.type = UINT32_MAX; /* a plain member between bytes: no type has this id, so it is unsupported */
	}
	return ret;
}

static struct sf_node var_node(const struct sf_node *n, const struct sf_btf_var *v)
{
	struct sf_node ret = typed_at_offset(n, v->offset, v->type);

	ret.had = sf_min(ret.had, v->size);
	return ret;
}

/* An anonymous struct or union member: its members stand in its place. */
static bool is_inlined(const struct sf_btf *btf, const struct sf_btf_member *m, struct sf_btf_type *inner)
{
	return !m->name[0] && !m->bit_size && sf_btf_type(btf, sf_btf_peel(btf, m->type), inner) && typed_is_aggregate(inner);
}

static bool next_var(const struct sf_node *n, const struct sf_btf_type *t, struct sf_member_iter *it, const char **name,
		     struct sf_node *ret)
{
	struct sf_btf_var v;

	while (it->stack[0].i < t->vlen) {
		if (!sf_btf_var(typed_source(n)->btf, t, it->stack[0].i++, &v))
			continue;
		*name = v.name;
		*ret = var_node(n, &v);
		return true;
	}
	return false;
}

/* A member that begins beyond the bytes of a truncated struct is left out. */
static bool is_missing(const struct sf_node *n, uint64_t off)
{
	return n->flags & SF_NODE_PARTIAL && off >= n->had;
}

bool typed_next_member(const struct sf_node *n, struct sf_member_iter *it, const char **name, struct sf_node *ret)
{
	const struct sf_btf *btf = typed_source(n)->btf;
	struct sf_btf_type t, inner;
	struct sf_btf_member m;

	if (!it->started) {
		if (typed_kind(n) != SF_STRUCT || !typed_resolve(n, &t))
			return false;
		it->started = true;
		it->depth = 1;
		it->stack[0].type = t.id;
		it->stack[0].i = it->stack[0].offset = 0;
	}
	while (it->depth && it->looked_at++ < SF_MEMBER_BUDGET) {
		__typeof__(it->stack[0]) *top = &it->stack[it->depth - 1];

		if (!sf_btf_type(btf, top->type, &t))
			return false;
		if (t.kind == SF_BTF_DATASEC)
			return next_var(n, &t, it, name, ret);
		if (top->i >= t.vlen) {
			it->depth--;
			continue;
		}
		if (!sf_btf_member(btf, &t, top->i++, &m))
			continue;
		old_bitfield(btf, &m);
		uint64_t off = (uint64_t)top->offset + m.bit_offset / 8;

		if (off > UINT32_MAX || is_missing(n, off))
			continue;
		if (is_inlined(btf, &m, &inner) && it->depth < SF_MEMBER_DEPTH) {
			it->stack[it->depth].type = inner.id;
			it->stack[it->depth].i = 0;
			it->stack[it->depth++].offset = (uint32_t)off;
			continue;
		}
		*name = m.name;
		*ret = member_node(n, &m, top->offset);
		return true;
	}
	return false;
}

static bool same_name(const char *a, const char *b, size_t len)
{
	return !strncmp(a, b, len) && !a[len];
}

/* Depth first in order of declaration, as typed_next_member() goes, but without a stack of positions to keep. */
struct search {
	const struct sf_node *n;
	const char *name;
	size_t len;
	uint32_t budget; /* members looked at: hostile types may nest without end */
	struct sf_node *ret;
};

static bool find_member(struct search *s, const struct sf_btf_type *t, uint64_t base, unsigned int depth)
{
	const struct sf_btf *btf = typed_source(s->n)->btf;
	struct sf_btf_type inner;
	struct sf_btf_member m;

	for (uint32_t i = 0; i < t->vlen && s->budget; i++) {
		s->budget--;
		if (!sf_btf_member(btf, t, i, &m))
			continue;
		if (is_inlined(btf, &m, &inner)) {
			if (depth + 1 < SF_MEMBER_DEPTH && find_member(s, &inner, base + m.bit_offset / 8, depth + 1))
				return true;
			continue;
		}
		if (!same_name(m.name, s->name, s->len))
			continue;
		old_bitfield(btf, &m);
		if (is_missing(s->n, base + m.bit_offset / 8))
			return false;
		*s->ret = member_node(s->n, &m, base);
		return true;
	}
	return false;
}

enum sf_step typed_member(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret)
{
	struct sf_btf_type t;
	struct sf_btf_var v;

	if (!typed_resolve(n, &t) || typed_kind_of(n, &t) != SF_STRUCT)
		return SF_STEP_NONE;
	if (t.kind != SF_BTF_DATASEC) {
		struct search s = { .n = n, .name = name, .len = len, .budget = SF_MEMBER_BUDGET, .ret = ret };

		return find_member(&s, &t, 0, 0) ? SF_STEP_OK : SF_STEP_NONE;
	}
	for (uint32_t i = 0; i < t.vlen; i++) {
		if (!sf_btf_var(typed_source(n)->btf, &t, i, &v) || !same_name(v.name, name, len))
			continue;
		*ret = var_node(n, &v);
		return SF_STEP_OK;
	}
	return SF_STEP_NONE;
}

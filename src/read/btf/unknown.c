/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "btf_private.h"

/*
 * How long is a type of a kind that nobody described? Every kind so far is followed either by a
 * fixed number of bytes or by vlen records of one size. So try each, and see whether what follows
 * then parses to the section's end and makes sense: every head is one that an encoder writes, and
 * the types that refer to each other have the kinds that such a reference joins (a FUNC has a
 * FUNC_PROTO). A rule that is wrong by the length of a type still parses, but it shifts all later
 * ids, and this is where that shows. If two rules are left that cut the bytes differently, nothing
 * is known.
 */

#define UNKNOWN_KINDS_MAX 3
#define FIXED_MAX 32
#define ELEM_MAX 32
#define STEPS_MAX (1u << 23) /* types and records looked at; a kernel has 2^17 and 2^18 */

struct search {
	const struct sf_btf *btf;
	struct sf_btf_index *index; /* trial: grows and shrinks */
	uint32_t steps_left;
	uint32_t kinds_left;
	uint32_t n_found;           /* ways of cutting the bytes */
	uint64_t found_shape;
	struct sf_btf_rule found[BTF_N_KIND_CODES];
};

#define BIT(kind) (1u << (kind))

static const uint32_t has_vlen = BIT(SF_BTF_STRUCT) | BIT(SF_BTF_UNION) | BIT(SF_BTF_ENUM) |
				 BIT(SF_BTF_ENUM64) | BIT(SF_BTF_FUNC_PROTO) | BIT(SF_BTF_DATASEC) |
				 BIT(SF_BTF_FUNC);
static const uint32_t has_kflag = BIT(SF_BTF_STRUCT) | BIT(SF_BTF_UNION) | BIT(SF_BTF_ENUM) |
				  BIT(SF_BTF_ENUM64) | BIT(SF_BTF_FWD) | BIT(SF_BTF_DECL_TAG) |
				  BIT(SF_BTF_TYPE_TAG);
static const uint32_t never_named = BIT(SF_BTF_PTR) | BIT(SF_BTF_ARRAY) | BIT(SF_BTF_CONST) |
				    BIT(SF_BTF_VOLATILE) | BIT(SF_BTF_RESTRICT) |
				    BIT(SF_BTF_FUNC_PROTO);
static const uint32_t always_named = BIT(SF_BTF_INT) | BIT(SF_BTF_TYPEDEF) | BIT(SF_BTF_FUNC) |
				     BIT(SF_BTF_VAR) | BIT(SF_BTF_FWD) | BIT(SF_BTF_DATASEC) |
				     BIT(SF_BTF_FLOAT) | BIT(SF_BTF_DECL_TAG) |
				     BIT(SF_BTF_TYPE_TAG);
static const uint32_t of_values = BIT(SF_BTF_INT) | BIT(SF_BTF_PTR) | BIT(SF_BTF_ARRAY) |
				  BIT(SF_BTF_STRUCT) | BIT(SF_BTF_UNION) | BIT(SF_BTF_ENUM) |
				  BIT(SF_BTF_ENUM64) | BIT(SF_BTF_FLOAT) | BIT(SF_BTF_FWD) |
				  BIT(SF_BTF_TYPEDEF) | BIT(SF_BTF_VOLATILE) | BIT(SF_BTF_CONST) |
				  BIT(SF_BTF_RESTRICT) | BIT(SF_BTF_TYPE_TAG);
static const uint32_t of_indices = BIT(SF_BTF_INT) | BIT(SF_BTF_TYPEDEF) | BIT(SF_BTF_CONST) |
				   BIT(SF_BTF_VOLATILE) | BIT(SF_BTF_ENUM) | BIT(SF_BTF_ENUM64);

/* Would an encoder write this head of a known kind? */
static bool head_plausible(const struct sf_btf *btf, const uint8_t *p)
{
	uint32_t name = sf_load32(p), info = sf_load32(p + 4), kind = btf_info_kind(info);

	return (has_vlen & BIT(kind) || !btf_info_vlen(info)) &&
	       (has_kflag & BIT(kind) || !(info >> 31)) && !(never_named & BIT(kind) && name) &&
	       !(always_named & BIT(kind) && !name) && sf_btf_str(btf, name);
}

/* ---- do references join what they may? ------------------------------------------------------ */

/* A kind that nobody knows may stand anywhere. */
static bool refers_to(const struct search *s, uint32_t id, uint32_t kinds)
{
	const struct sf_btf *btf = s->btf;
	struct sf_btf_type t;

	if (id && id >= btf->first_id) {
		if (!sf_btf_type_at(btf, s->index, id - btf->first_id, &t))
			return false;
	} else if (!sf_btf_type(btf, id, &t)) {
		return false;
	}
	return (kinds | BIT(SF_BTF_N_KINDS)) & BIT(t.kind);
}

static bool members_join(const struct search *s, const struct sf_btf_type *t)
{
	struct sf_btf_member m;

	for (uint32_t i = 0; i < t->vlen; i++)
		if (!sf_btf_member(s->btf, t, i, &m) || !refers_to(s, m.type, of_values))
			return false;
	return true;
}

static bool section_joins(const struct search *s, const struct sf_btf_type *t)
{
	for (uint32_t i = 0; i < t->vlen; i++)
		if (!refers_to(s, sf_load32(t->trailing + (size_t)i * 12),
			       BIT(SF_BTF_VAR) | BIT(SF_BTF_FUNC)))
			return false;
	return true;
}

static bool type_joins(const struct search *s, const struct sf_btf_type *t)
{
	struct sf_btf_array array;

	switch (t->kind) {
	case SF_BTF_FUNC:
		return refers_to(s, t->type, BIT(SF_BTF_FUNC_PROTO));
	case SF_BTF_ARRAY:
		return sf_btf_array(t, &array) && refers_to(s, array.type, of_values) &&
		       refers_to(s, array.index_type, of_indices);
	case SF_BTF_STRUCT:
	case SF_BTF_UNION:
		return members_join(s, t);
	case SF_BTF_DATASEC:
		return section_joins(s, t);
	case SF_BTF_VAR:
		return refers_to(s, t->type, of_values | BIT(SF_BTF_VOID));
	case SF_BTF_PTR:
	case SF_BTF_TYPEDEF:
	case SF_BTF_CONST:
	case SF_BTF_VOLATILE:
	case SF_BTF_RESTRICT:
	case SF_BTF_TYPE_TAG:
		return refers_to(s, t->type, of_values | BIT(SF_BTF_VOID) | BIT(SF_BTF_FUNC_PROTO));
	default:
		return true;
	}
}

static bool all_join(struct search *s)
{
	struct sf_btf_type t;

	for (uint32_t i = 0; i < s->index->n; i++) {
		if (!sf_btf_type_at(s->btf, s->index, i, &t))
			return false;
		s->steps_left -= sf_min(s->steps_left, 1 + t.vlen);
		if (!s->steps_left || !type_joins(s, &t))
			return false;
	}
	return true;
}

/* ---- the search ----------------------------------------------------------------------------- */

static void trial(struct search *s, uint32_t off, uint64_t shape);

static void trial_rules(struct search *s, uint32_t kind, uint32_t off, uint64_t shape)
{
	struct sf_btf_rule *rule = &s->index->rules[kind];

	if (!s->kinds_left)
		return;
	s->kinds_left--;
	for (uint32_t fixed = 0; fixed <= FIXED_MAX; fixed += 4) {
		*rule = (struct sf_btf_rule){ fixed, 0, true };
		trial(s, off, shape);
	}
	for (uint32_t elem = 4; elem <= ELEM_MAX; elem += 4) {
		*rule = (struct sf_btf_rule){ 0, elem, true };
		trial(s, off, shape);
	}
	*rule = (struct sf_btf_rule){ .known = false };
	s->kinds_left++;
}

static void found(struct search *s, uint64_t shape)
{
	if ((s->n_found && s->found_shape == shape) || !all_join(s))
		return;
	s->n_found++;
	s->found_shape = shape;
	memcpy(s->found, s->index->rules, sizeof(s->found));
}

/*
 * @shape tells apart walks that cut the types of guessed kinds differently, not rules that come to
 * the same.
 */
static void trial(struct search *s, uint32_t off, uint64_t shape)
{
	const struct sf_btf *btf = s->btf;
	struct sf_btf_index *index = s->index;
	uint32_t end = btf->type_len, n = index->n;

	while (off != end && s->n_found < 2) {
		const uint8_t *p = btf->types + off;

		if (end - off < BTF_TYPE_SIZE || !s->steps_left)
			goto out;
		s->steps_left--;
		uint32_t info = sf_load32(p + 4), kind = btf_info_kind(info);
		const struct sf_btf_rule *rule = &index->rules[kind];

		if (!rule->known) {
			if (kind != SF_BTF_VOID)
				trial_rules(s, kind, off, shape);
			goto out;
		}
		uint64_t size = BTF_TYPE_SIZE + sf_btf_rule_size(rule, info);

		if (size > end - off || (kind < SF_BTF_N_KINDS && !head_plausible(btf, p)))
			goto out;
		if (kind >= SF_BTF_N_KINDS)
			shape = (shape ^ off ^ size << 32) * 0x100000001b3ull;
		index->starts[index->n++] = off;
		off += size;
	}
	if (off == end)
		found(s, shape);
out:
	index->n = n;
}

bool sf_btf_guess_rules(const struct sf_btf *btf, struct sf_btf_index *index, uint32_t off)
{
	struct search s = { .btf = btf, .index = index, .steps_left = STEPS_MAX };
	uint32_t kind = btf_info_kind(sf_load32(btf->types + off + 4));

	if (kind == SF_BTF_VOID)
		return false;
	/* The fewer kinds are unknown, the less a coincidence can explain. */
	for (uint32_t kinds = 1; kinds <= UNKNOWN_KINDS_MAX && !s.n_found; kinds++) {
		s.kinds_left = kinds;
		trial_rules(&s, kind, off, 0);
	}
	if (s.n_found != 1 || !s.steps_left)
		return false;
	memcpy(index->rules, s.found, sizeof(index->rules));
	return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "btf_private.h"

#define POINTER_SIZE 8

/*
 * Members of anonymous structs that one look-up visits. Structs that contain themselves would make
 * it exponential.
 */
#define MEMBERS_MAX (1u << 16)

static bool is_modifier(enum sf_btf_kind kind)
{
	return kind == SF_BTF_TYPEDEF || kind == SF_BTF_CONST || kind == SF_BTF_VOLATILE ||
	       kind == SF_BTF_RESTRICT || kind == SF_BTF_TYPE_TAG || kind == SF_BTF_DECL_TAG;
}

uint32_t sf_btf_peel(const struct sf_btf *btf, uint32_t id)
{
	struct sf_btf_type t;

	for (uint32_t hop = 0; hop <= SF_BTF_MAX_HOPS; hop++) {
		if (!sf_btf_type(btf, id, &t) || !is_modifier(t.kind))
			return id;
		id = t.type;
	}
	return 0;
}

bool sf_btf_size_of(const struct sf_btf *btf, uint32_t id, uint64_t *ret)
{
	uint64_t n = 1, size;
	struct sf_btf_array array;
	struct sf_btf_type t;

	for (uint32_t depth = 0; depth < SF_BTF_MAX_HOPS; depth++) {
		if (!sf_btf_type(btf, sf_btf_peel(btf, id), &t))
			return false;
		switch (t.kind) {
		case SF_BTF_ARRAY:
			if (!sf_btf_array(&t, &array) ||
			    __builtin_mul_overflow(n, (uint64_t)array.n, &n))
				return false;
			id = array.type;
			continue;
		case SF_BTF_VAR:
			id = t.type;
			continue;
		case SF_BTF_PTR:
			size = POINTER_SIZE;
			break;
		case SF_BTF_INT:
		case SF_BTF_ENUM:
		case SF_BTF_ENUM64:
		case SF_BTF_STRUCT:
		case SF_BTF_UNION:
		case SF_BTF_FLOAT:
		case SF_BTF_DATASEC:
			size = t.size;
			break;
		default:
			return false;
		}
		if (__builtin_mul_overflow(n, size, &n))
			return false;
		*ret = n;
		return true;
	}
	return false;
}

/* ---- members by name ------------------------------------------------------------------------ */

struct member_search {
	const struct sf_btf *btf;
	const char *name;
	size_t len;
	uint32_t left;
};

/* Is it one of @t's own members? */
static bool named_find(const struct member_search *s, const struct sf_btf_type *t,
		       uint32_t bit_offset, struct sf_btf_place *ret)
{
	struct sf_btf_member m;
	uint32_t at;

	for (uint32_t i = 0; i < t->vlen; i++) {
		if (!sf_btf_member(s->btf, t, i, &m) || strncmp(m.name, s->name, s->len) ||
		    m.name[s->len])
			continue;
		if (__builtin_add_overflow(bit_offset, m.bit_offset, &at))
			return false;
		*ret = (struct sf_btf_place){ .type = m.type,
					      .bit_offset = at,
					      .bit_size = m.bit_size };
		return true;
	}
	return false;
}

static bool struct_find(struct member_search *s, uint32_t id, uint32_t bit_offset, uint32_t depth,
			struct sf_btf_place *ret)
{
	struct sf_btf_member m;
	struct sf_btf_type t;
	uint32_t at;

	id = sf_btf_peel(s->btf, id);
	if (depth >= SF_BTF_MAX_HOPS || !sf_btf_type(s->btf, id, &t) ||
	    (t.kind != SF_BTF_STRUCT && t.kind != SF_BTF_UNION))
		return false;
	if (depth && t.vlen > s->left)
		return false;
	s->left -= depth ? t.vlen : 0;
	if (named_find(s, &t, bit_offset, ret))
		return true;
	for (uint32_t i = 0; i < t.vlen; i++)
		if (sf_btf_member(s->btf, &t, i, &m) && !*m.name &&
		    !__builtin_add_overflow(bit_offset, m.bit_offset, &at) &&
		    struct_find(s, m.type, at, depth + 1, ret))
			return true;
	return false;
}

bool sf_btf_find_member(const struct sf_btf *btf, uint32_t struct_id, const char *path,
			struct sf_btf_place *ret)
{
	struct member_search s = { .btf = btf, .left = MEMBERS_MAX };
	struct sf_btf_place place = { .type = struct_id };

	for (s.name = path;; s.name += s.len + 1) {
		s.len = strcspn(s.name, ".");
		if (!s.len || !struct_find(&s, place.type, place.bit_offset, 0, &place))
			return false;
		if (!s.name[s.len])
			break;
	}
	*ret = place;
	return true;
}

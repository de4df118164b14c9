/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scalars of typed nodes: numbers, bitfields, enums, floats.
 */

#include "typed_private.h"

static uint64_t sign_extend(uint64_t v, unsigned int bits)
{
	return bits >= 64 ? v : (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

static uint64_t mask_bits(uint64_t v, unsigned int bits)
{
	return bits >= 64 ? v : v & ((1ull << bits) - 1);
}

static enum sf_step read_bitfield(const struct sf_node *n, const struct sf_btf_type *t, struct sf_scalar *ret,
				  struct sf_trouble *why)
{
	uint8_t raw[16] = { 0 };
	unsigned __int128 wide;

	/* 64 bits that start within a byte touch nine of them. */
	if (!typed_fetch(n, 0, raw, (n->bit_offset + n->bit_size + 7) / 8, why))
		return SF_STEP_TROUBLE;
	memcpy(&wide, raw, sizeof(wide));
	uint64_t v = mask_bits((uint64_t)(wide >> n->bit_offset), n->bit_size);

	ret->bits = n->bit_size;
	if (typed_is_signed(t)) {
		ret->kind = SF_INT;
		ret->i64 = (int64_t)sign_extend(v, n->bit_size);
	} else {
		ret->kind = SF_UINT;
		ret->u64 = v;
	}
	return SF_STEP_OK;
}

static const char *find_variant(const struct sf_btf *btf, const struct sf_btf_type *t, uint64_t v)
{
	struct sf_btf_enumerator e;

	for (uint32_t i = 0; i < t->vlen && sf_btf_enumerator(btf, t, i, &e); i++)
		if (mask_bits((uint64_t)e.value, t->size * 8) == v)
			return e.name;
	return NULL;
}

static enum sf_step read_bool(const struct sf_node *n, const struct sf_btf_type *t, struct sf_scalar *ret,
			      struct sf_trouble *why)
{
	uint8_t raw[64];

	ret->kind = SF_BOOL;
	ret->bits = 1;
	ret->u64 = 0;
	for (uint64_t off = 0; off < t->size; off += sizeof(raw)) {
		size_t len = sf_min((size_t)(t->size - off), sizeof(raw));

		if (!typed_fetch(n, off, raw, len, why))
			return SF_STEP_TROUBLE;
		for (size_t i = 0; i < len; i++)
			ret->u64 |= raw[i] != 0;
	}
	return SF_STEP_OK;
}

static enum sf_step read_float(const struct sf_node *n, const struct sf_btf_type *t, struct sf_scalar *ret,
			       struct sf_trouble *why)
{
	uint64_t raw = 0;
	float f;

	if (!typed_fetch(n, 0, &raw, t->size, why))
		return SF_STEP_TROUBLE;
	ret->kind = SF_FLOAT;
	ret->bits = (uint8_t)(t->size * 8);
	if (t->size == 4) {
		memcpy(&f, &raw, sizeof(f));
		ret->f64 = (double)f;
	} else {
		memcpy(&ret->f64, &raw, sizeof(raw));
	}
	return SF_STEP_OK;
}

/* A number, enum or pointer that fills its @size bytes, @v. */
struct sf_scalar typed_whole_scalar(const struct sf_btf *btf, const struct sf_btf_type *t, enum sf_kind kind,
				     uint64_t v, size_t size)
{
	struct sf_scalar s = { .kind = kind, .bits = (uint8_t)(size * 8), .u64 = v };

	if (kind == SF_INT) {
		s.i64 = (int64_t)sign_extend(v, s.bits);
	} else if (kind == SF_ENUM) {
		s.is_signed = t->kflag;
		s.variant = find_variant(btf, t, v);
		s.i64 = (int64_t)(t->kflag ? sign_extend(v, s.bits) : v);
	}
	return s;
}

enum sf_step typed_scalar(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why)
{
	struct sf_btf_type t;
	uint64_t v = 0;

	if (!typed_resolve(n, &t))
		return SF_STEP_NONE;
	enum sf_kind kind = typed_kind_of(n, &t);

	*ret = (struct sf_scalar){ .kind = kind };
	switch (kind) {
	case SF_BOOL:
		return read_bool(n, &t, ret, why);
	case SF_FLOAT:
		return read_float(n, &t, ret, why);
	case SF_INT:
	case SF_UINT:
		if (n->bit_size)
			return read_bitfield(n, &t, ret, why);
		break;
	case SF_CHAR:
	case SF_ENUM:
	case SF_PTR:
		break;
	default:
		return SF_STEP_NONE;
	}
	size_t size = kind == SF_PTR ? 8 : t.size;

	if (!typed_fetch(n, 0, &v, size, why))
		return SF_STEP_TROUBLE;
	*ret = typed_whole_scalar(typed_source(n)->btf, &t, kind, v, size);
	return SF_STEP_OK;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elements and bytes of typed nodes: arrays, masks, and what has no type.
 */

#include "typed_private.h"

/* [start, end) of what sf_node_bytes() gives, from the node's address: never beyond the bytes that it has. */
static void bytes_range(const struct sf_node *n, uint64_t *start, uint64_t *end)
{
	struct sf_btf_type t;
	uint32_t mask;

	*start = 0;
	*end = n->had;
	if (!n->type || !typed_resolve(n, &t))
		return;
	if (typed_is_mask(&t, &mask)) {
		*start = mask;
		*end = sf_min(*end, mask + (uint64_t)typed_mask_len(typed_source(n), &t, mask));
	} else {
		*end = sf_min(*end, typed_needed(n, &t));
	}
	*start = sf_min(*start, *end);
}

static uint64_t bytes_len(const struct sf_node *n, uint64_t *present)
{
	uint64_t start, end;

	bytes_range(n, &start, &end);
	if (present)
		*present = end - start;
	return end - start;
}

uint64_t typed_len(const struct sf_node *n, uint64_t *present)
{
	struct sf_btf_type t;
	struct sf_btf_array a;
	uint64_t elem;

	if (present)
		*present = 0;
	if (typed_kind(n) == SF_BYTES)
		return bytes_len(n, present);
	if (!typed_resolve(n, &t) || typed_kind_of(n, &t) != SF_ARRAY || !typed_array_shape(n, &t, &a, &elem))
		return 0;
	/* The first element that does not fit is there as a truncated one; those after it are not. */
	if (present)
		*present = sf_min((uint64_t)a.n, n->had / elem + 1);
	return a.n;
}

enum sf_step typed_index(const struct sf_node *n, uint64_t i, struct sf_node *ret)
{
	struct sf_btf_type t;
	struct sf_btf_array a;
	uint64_t elem;

	if (!typed_resolve(n, &t) || typed_kind_of(n, &t) != SF_ARRAY || !typed_array_shape(n, &t, &a, &elem) || i >= a.n ||
	    i > n->had / elem)
		return SF_STEP_NONE;
	*ret = typed_at_offset(n, i * elem, a.type);
	ret->had = (uint32_t)sf_min((uint64_t)ret->had, elem);
	return SF_STEP_OK;
}

/* Elements that one read of at most SCALARS_READ bytes can give: whole ones, on this page if the next is not there. */
#define SCALARS_READ 512

enum sf_step typed_scalars(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count)
{
	struct sf_btf_type t, elem_type;
	struct sf_node elem;
	struct sf_trouble why;
	uint8_t raw[SCALARS_READ];
	uint64_t present;

	if (typed_kind(n) != SF_ARRAY || typed_index(n, i, &elem) != SF_STEP_OK || !typed_resolve(&elem, &elem_type) ||
	    !typed_resolve(n, &t))
		return SF_STEP_NONE;
	enum sf_kind kind = typed_kind_of(&elem, &elem_type);
	size_t size = elem_type.size;

	if (kind == SF_TRUNCATED)
		return SF_STEP_TROUBLE;
	if (kind != SF_INT && kind != SF_UINT && kind != SF_CHAR && kind != SF_ENUM)
		return SF_STEP_NONE;
	typed_len(n, &present);
	uint64_t whole = sf_min(present, (uint64_t)n->had / size) - i;
	size_t got = (size_t)sf_min(whole, (uint64_t)sf_min(*count, sizeof(raw) / size));

	if (!typed_fetch(n, i * size, raw, got * size, &why)) {
		got = sf_min(got, (size_t)((SF_PAGE_SIZE - (elem.at & (SF_PAGE_SIZE - 1))) / size));
		if (!got || !typed_fetch(n, i * size, raw, got * size, &why))
			return SF_STEP_TROUBLE;
	}
	for (size_t k = 0; k < got; k++) {
		uint64_t v = 0;

		memcpy(&v, raw + k * size, size);
		ret[k] = typed_whole_scalar(typed_source(n)->btf, &elem_type, kind, v, size);
	}
	*count = got;
	return SF_STEP_OK;
}

/* Bits for CPUs that this machine cannot have: bitmap_fill() of the kernel sets whole words. */
static void clear_beyond(uint8_t *buf, uint64_t off, size_t len, uint32_t nr_cpus)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t first = (off + i) * 8;

		if (first + 8 > nr_cpus)
			buf[i] &= first < nr_cpus ? (uint8_t)((1u << (nr_cpus - first)) - 1) : 0;
	}
}

enum sf_step typed_bytes(const struct sf_node *n, uint64_t off, void *buf, size_t *len, struct sf_trouble *why)
{
	uint64_t start, end;

	bytes_range(n, &start, &end);
	*len = sf_in_range(start, off, end) ? (size_t)sf_min((uint64_t)*len, end - start - off) : 0;
	if (*len && !typed_fetch(n, start + off, buf, *len, why))
		return SF_STEP_TROUBLE;
	if (typed_source(n)->nr_cpus && typed_kind(n) == SF_CPU_LIST)
		clear_beyond(buf, off, *len, typed_source(n)->nr_cpus);
	return SF_STEP_OK;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TYPED_PRIVATE_H
#define SF_TYPED_PRIVATE_H

#include "value/typed.h"

static inline const struct sf_typed *typed_source(const struct sf_node *n)
{
	return n->ctx;
}

/* Bytes that are left from @off on. */
static inline uint32_t typed_rest(const struct sf_node *n, uint64_t off)
{
	return off >= n->had ? 0 : n->had - (uint32_t)off;
}

static inline struct sf_node typed_at_offset(const struct sf_node *n, uint64_t off, uint32_t type)
{
	return (struct sf_node){
		.ops = n->ops, .ctx = n->ctx, .at = n->at + off, .type = type, .had = typed_rest(n, off),
	};
}

static inline bool typed_is_aggregate(const struct sf_btf_type *t)
{
	return t->kind == SF_BTF_STRUCT || t->kind == SF_BTF_UNION;
}

/* ---- shape: typed.c ------------------------------------------------------------------------------------------ */

/* The type that decides: modifiers and VAR looked through. false: no type (bytes), or a damaged one. */
bool typed_resolve(const struct sf_node *n, struct sf_btf_type *t);
/* Structs that are one bit mask; @offset: where its first word is. */
bool typed_is_mask(const struct sf_btf_type *t, uint32_t *offset);
/* Bytes of a mask that name CPUs of this machine: a kernel allocates no more than those. */
uint32_t typed_mask_len(const struct sf_typed *src, const struct sf_btf_type *t, uint32_t offset);
/* Bytes without which nothing of the type can be said; 0 where a part will do (arrays) or there is no size. */
uint64_t typed_needed(const struct sf_node *n, const struct sf_btf_type *t);
bool typed_is_signed(const struct sf_btf_type *t);
bool typed_array_shape(const struct sf_node *n, const struct sf_btf_type *t, struct sf_btf_array *a, uint64_t *elem);
enum sf_kind typed_kind_of(const struct sf_node *n, const struct sf_btf_type *t);
enum sf_kind typed_kind(const struct sf_node *n);
bool typed_fetch(const struct sf_node *n, uint64_t off, void *buf, size_t len, struct sf_trouble *why);

/* ---- the node's ops, by file ---------------------------------------------------------------------------------- */

/* typed_scalar.c */
/* A number, enum or pointer that fills its @size bytes, @v. */
struct sf_scalar typed_whole_scalar(const struct sf_btf *btf, const struct sf_btf_type *t, enum sf_kind kind,
				     uint64_t v, size_t size);
enum sf_step typed_scalar(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why);

/* typed_members.c */
bool typed_next_member(const struct sf_node *n, struct sf_member_iter *it, const char **name, struct sf_node *ret);
enum sf_step typed_member(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret);

/* typed_elements.c */
uint64_t typed_len(const struct sf_node *n, uint64_t *present);
enum sf_step typed_index(const struct sf_node *n, uint64_t i, struct sf_node *ret);
enum sf_step typed_scalars(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count);
enum sf_step typed_bytes(const struct sf_node *n, uint64_t off, void *buf, size_t *len, struct sf_trouble *why);

/* typed_deref.c */
enum sf_step typed_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped,
				struct sf_trouble *why);
enum sf_step typed_partial(const struct sf_node *n, struct sf_node *ret, uint64_t *need, uint64_t *had);

#endif

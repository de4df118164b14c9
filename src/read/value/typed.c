/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A typed node is an address, a type and how many bytes there are. Kind and shape follow from BTF alone; memory is
 * read when a scalar, a mask or a pointer is asked for, and then only the bytes of that one thing.
 */

#include "typed_private.h"

#define FLOAT_SIZES(size) ((size) == 4 || (size) == 8)

/* The type that decides: modifiers and VAR looked through. false: no type (bytes), or a damaged one. */
bool typed_resolve(const struct sf_node *n, struct sf_btf_type *t)
{
	const struct sf_btf *btf = typed_source(n)->btf;

	if (!btf || !n->type)
		return false;
	uint32_t id = sf_btf_peel(btf, n->type);

	if (!sf_btf_type(btf, id, t))
		return false;
	if (t->kind != SF_BTF_VAR)
		return true;
	return sf_btf_type(btf, sf_btf_peel(btf, t->type), t);
}

/* Structs that are one bit mask; where its first word is. */
static const struct {
	const char *name;
	uint32_t offset;
} masks[] = {
	{ "cpumask", 0 }, { "cpumask_t", 0 }, { "bpf_cpumask", 0 }, { "llc_cpumask", 0 }, { "scx_bitmap", 8 },
};

bool typed_is_mask(const struct sf_btf_type *t, uint32_t *offset)
{
	if (t->kind != SF_BTF_STRUCT)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		if (strcmp(t->name, masks[i].name))
			continue;
		*offset = masks[i].offset;
		return t->size > *offset;
	}
	return false;
}

/* Bytes of a mask that name CPUs of this machine: a kernel allocates no more than those. */
uint32_t typed_mask_len(const struct sf_typed *src, const struct sf_btf_type *t, uint32_t offset)
{
	uint32_t room = t->size - offset;
	uint32_t used = src->nr_cpus ? (src->nr_cpus + 63) / 64 * 8 : room;

	return sf_min(room, used);
}

/* Bytes without which nothing of the type can be said; 0 where a part will do (arrays) or there is no size. */
uint64_t typed_needed(const struct sf_node *n, const struct sf_btf_type *t)
{
	uint32_t offset;

	switch (t->kind) {
	case SF_BTF_PTR:
		return 8;
	case SF_BTF_STRUCT:
		if (typed_is_mask(t, &offset))
			return offset + typed_mask_len(typed_source(n), t, offset);
		return t->size;
	case SF_BTF_INT:
	case SF_BTF_UNION:
	case SF_BTF_ENUM:
	case SF_BTF_ENUM64:
	case SF_BTF_FLOAT:
		return t->size;
	default:
		return 0;
	}
}

bool typed_is_signed(const struct sf_btf_type *t)
{
	struct sf_btf_int i;

	if (t->kind == SF_BTF_INT)
		return sf_btf_int(t, &i) && i.is_signed;
	return (t->kind == SF_BTF_ENUM || t->kind == SF_BTF_ENUM64) && t->kflag;
}

static enum sf_kind bitfield_kind(const struct sf_node *n, const struct sf_btf_type *t)
{
	if (n->bit_size > 64 || (t->kind != SF_BTF_INT && t->kind != SF_BTF_ENUM && t->kind != SF_BTF_ENUM64))
		return SF_UNSUPPORTED;
	if ((uint32_t)(n->bit_offset + n->bit_size + 7) / 8 > n->had)
		return SF_TRUNCATED;
	return typed_is_signed(t) ? SF_INT : SF_UINT;
}

static enum sf_kind int_kind(const struct sf_btf_type *t)
{
	struct sf_btf_int i;

	if (!sf_btf_int(t, &i) || !t->size)
		return SF_UNSUPPORTED;
	if (i.is_bool)
		return SF_BOOL;
	if (t->size > 8)
		return SF_BYTES;
	if (i.is_char && t->size == 1)
		return SF_CHAR;
	return i.is_signed ? SF_INT : SF_UINT;
}

bool typed_array_shape(const struct sf_node *n, const struct sf_btf_type *t, struct sf_btf_array *a, uint64_t *elem)
{
	return sf_btf_array(t, a) && a->n && sf_btf_size_of(typed_source(n)->btf, a->type, elem) && *elem;
}

enum sf_kind typed_kind_of(const struct sf_node *n, const struct sf_btf_type *t)
{
	struct sf_btf_array a;
	uint64_t elem;
	uint32_t offset;

	if (n->bit_size)
		return bitfield_kind(n, t);
	if (n->had < typed_needed(n, t) && !(n->flags & SF_NODE_PARTIAL))
		return SF_TRUNCATED;
	switch (t->kind) {
	case SF_BTF_INT:
		return int_kind(t);
	case SF_BTF_PTR:
		return SF_PTR;
	case SF_BTF_ENUM:
	case SF_BTF_ENUM64:
		return t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8 ? SF_ENUM : SF_UNSUPPORTED;
	case SF_BTF_FLOAT:
		return FLOAT_SIZES(t->size) ? SF_FLOAT : SF_UNSUPPORTED;
	case SF_BTF_STRUCT:
		return typed_is_mask(t, &offset) ? SF_CPU_LIST : SF_STRUCT;
	case SF_BTF_UNION:
	case SF_BTF_DATASEC:
		return SF_STRUCT;
	case SF_BTF_ARRAY:
		return typed_array_shape(n, t, &a, &elem) ? SF_ARRAY : SF_UNSUPPORTED;
	default:
		return SF_UNSUPPORTED;
	}
}

enum sf_kind typed_kind(const struct sf_node *n)
{
	struct sf_btf_type t;

	if (!n->type || !typed_source(n)->btf)
		return SF_BYTES;
	return typed_resolve(n, &t) ? typed_kind_of(n, &t) : SF_UNSUPPORTED;
}

bool typed_fetch(const struct sf_node *n, uint64_t off, void *buf, size_t len, struct sf_trouble *why)
{
	*why = (struct sf_trouble){ .fault = sf_vmem_read(typed_source(n)->vm, n->at + off, buf, len), .addr = n->at + off };
	return why->fault == SF_FAULT_NONE;
}

static const char *typed_type_name(const struct sf_node *n)
{
	struct sf_btf_type t;

	if (!n->type || !typed_source(n)->btf)
		return NULL;
	/* "cpumask_t" says more than the struct without a name behind it. */
	for (uint32_t id = n->type, hops = 0; sf_btf_type(typed_source(n)->btf, id, &t) && hops < SF_BTF_MAX_HOPS; hops++) {
		bool named = typed_is_aggregate(&t) || t.kind == SF_BTF_DATASEC || t.kind == SF_BTF_ENUM ||
			     t.kind == SF_BTF_ENUM64 || t.kind == SF_BTF_TYPEDEF;

		if (named && t.name[0])
			return t.name;
		if (!t.type)
			return NULL;
		id = t.type;
	}
	return NULL;
}

static const char *typed_note(const struct sf_node *n)
{
	struct sf_btf_type t;
	struct sf_btf_array a;

	if (n->type == UINT32_MAX)
		return "a member that does not start at a byte";
	if (!typed_resolve(n, &t))
		return n->type ? "its type cannot be read" : NULL;
	if (typed_kind_of(n, &t) != SF_UNSUPPORTED)
		return NULL;
	switch (t.kind) {
	case SF_BTF_ARRAY:
		return sf_btf_array(&t, &a) && !a.n ? "flexible array: its length is not in BTF" :
						      "array of elements without a size";
	case SF_BTF_FWD:
		return "only declared";
	case SF_BTF_FUNC:
	case SF_BTF_FUNC_PROTO:
		return "a function";
	case SF_BTF_VOID:
		return "void";
	case SF_BTF_N_KINDS:
		return "a BTF kind that is newer than this reader";
	default:
		return "a size that its kind does not have";
	}
}

static const struct sf_node_ops typed_ops = {
	.kind = typed_kind,
	.scalar = typed_scalar,
	.member = typed_member,
	.next_member = typed_next_member,
	.index = typed_index,
	.scalars = typed_scalars,
	.len = typed_len,
	.deref = typed_deref,
	.partial = typed_partial,
	.bytes = typed_bytes,
	.type_name = typed_type_name,
	.note = typed_note,
};

struct sf_node sf_typed_node(const struct sf_typed *src, uint64_t kva, uint32_t type, uint32_t had)
{
	return (struct sf_node){ .ops = &typed_ops, .ctx = src, .at = kva, .type = type, .had = had };
}

bool sf_typed_is_kernel(const struct sf_node *n)
{
	return n->ops == &typed_ops && !typed_source(n)->kernel;
}

bool sf_typed_is(const struct sf_node *n)
{
	return n->ops == &typed_ops;
}

uint32_t sf_typed_plain(const struct sf_node *n)
{
	struct sf_btf_type t;
	uint32_t size;

	if (n->ops != &typed_ops || n->bit_size || !typed_resolve(n, &t))
		return 0;
	size = t.size;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		size = 0;
	switch (typed_kind_of(n, &t)) {
	case SF_INT:
		return size ? SF_PLAIN_SIGNED | size : 0;
	case SF_UINT:
	case SF_CHAR:
		return size ? SF_PLAIN_UNSIGNED | size : 0;
	case SF_ENUM:
		return (t.kflag ? SF_PLAIN_SIGNED : SF_PLAIN_UNSIGNED) | size;
	case SF_PTR:
		return SF_PLAIN_PTR | 8;
	default:
		return 0;
	}
}

bool sf_typed_size(const struct sf_node *n, uint64_t *ret)
{
	return typed_source(n)->btf && n->type && sf_btf_size_of(typed_source(n)->btf, n->type, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees as nodes.
 */

#include "tree_private.h"

static const struct sf_tree_node *body(const struct sf_node *n)
{
	return (const struct sf_tree_node *)(uintptr_t)n->at;
}

static enum sf_kind tree_kind(const struct sf_node *n)
{
	return body(n)->kind;
}

static enum sf_step tree_scalar(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why)
{
	const struct sf_tree_node *b = body(n);

	(void)why;
	if (b->kind == SF_PTR)
		*ret = (struct sf_scalar){ .kind = SF_PTR, .bits = 64, .u64 = b->ptr.value };
	else if (b->kind <= SF_ENUM)
		*ret = b->scalar;
	else
		return SF_STEP_NONE;
	return SF_STEP_OK;
}

static enum sf_step tree_member(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_STRUCT)
		return SF_STEP_NONE;
	for (size_t i = 0; i < b->list.n; i++) {
		if (strncmp(b->list.names[i], name, len) || b->list.names[i][len])
			continue;
		*ret = sf_tree_node(&b->list.items[i]);
		return SF_STEP_OK;
	}
	return SF_STEP_NONE;
}

static bool tree_next_member(const struct sf_node *n, struct sf_member_iter *it, const char **name, struct sf_node *ret)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_STRUCT || it->looked_at >= b->list.n)
		return false;
	*name = b->list.names[it->looked_at];
	*ret = sf_tree_node(&b->list.items[it->looked_at++]);
	return true;
}

static enum sf_step tree_index(const struct sf_node *n, uint64_t i, struct sf_node *ret)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_ARRAY || i >= b->list.n)
		return SF_STEP_NONE;
	*ret = sf_tree_node(&b->list.items[i]);
	return SF_STEP_OK;
}

static enum sf_step tree_scalars(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count)
{
	(void)n;
	(void)i;
	(void)ret;
	(void)count;
	return SF_STEP_NONE;
}

static uint64_t tree_len(const struct sf_node *n, uint64_t *present)
{
	const struct sf_tree_node *b = body(n);
	uint64_t unused;

	if (!present)
		present = &unused;
	switch (b->kind) {
	case SF_ARRAY:
		*present = b->list.n;
		return b->list.len;
	case SF_BYTES:
		*present = b->bytes.n;
		return b->bytes.len;
	default:
		*present = 0;
		return 0;
	}
}

static enum sf_step tree_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped, struct sf_trouble *why)
{
	const struct sf_tree_node *b = body(n);
	bool is_ptr = b->kind == SF_PTR;

	(void)why;
	if (skipped)
		*skipped = is_ptr ? b->ptr.skipped : NULL;
	if (!is_ptr || !b->ptr.target)
		return SF_STEP_NONE;
	*ret = sf_tree_node(b->ptr.target);
	return SF_STEP_OK;
}

static enum sf_step tree_partial(const struct sf_node *n, struct sf_node *ret, uint64_t *needed, uint64_t *had)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_TRUNCATED)
		return SF_STEP_NONE;
	*needed = b->truncated.needed;
	*had = b->truncated.had;
	*ret = sf_tree_node(b->truncated.inner);
	return SF_STEP_OK;
}

/* The words of a mask are made where somebody looks: in a text of a few bytes there may be 65536 CPUs. */
static void mask_bytes(const struct sf_tree_node *b, uint64_t off, uint8_t *buf, size_t *len)
{
	uint64_t n = b->cpus.n ? b->cpus.v[b->cpus.n - 1].last / 8 + 1 : 0, end;

	*len = off < n ? sf_min(*len, (size_t)(n - off)) : 0;
	end = (off + *len) * 8;
	memset(buf, 0, *len);
	for (size_t i = 0; i < b->cpus.n && b->cpus.v[i].first < end; i++)
		for (uint64_t cpu = sf_max((uint64_t)b->cpus.v[i].first, off * 8); cpu <= b->cpus.v[i].last && cpu < end; cpu++)
			buf[cpu / 8 - off] |= (uint8_t)(1 << cpu % 8);
}

static enum sf_step tree_bytes(const struct sf_node *n, uint64_t off, void *buf, size_t *len, struct sf_trouble *why)
{
	const struct sf_tree_node *b = body(n);

	(void)why;
	switch (b->kind) {
	case SF_CPU_LIST:
		mask_bytes(b, off, buf, len);
		break;
	case SF_BYTES:
		*len = off < b->bytes.n ? sf_min(*len, b->bytes.n - (size_t)off) : 0;
		if (*len)
			memcpy(buf, b->bytes.v + off, *len);
		break;
	default:
		*len = 0;
	}
	return SF_STEP_OK;
}

static const char *tree_type_name(const struct sf_node *n)
{
	return body(n)->name;
}

static const char *tree_note(const struct sf_node *n)
{
	const struct sf_tree_node *b = body(n);

	return b->kind == SF_UNSUPPORTED ? b->reason : b->kind == SF_PTR ? b->ptr.note : NULL;
}

static const struct sf_node_ops tree_ops = {
	.kind = tree_kind,
	.scalar = tree_scalar,
	.member = tree_member,
	.next_member = tree_next_member,
	.index = tree_index,
	.scalars = tree_scalars,
	.len = tree_len,
	.deref = tree_deref,
	.partial = tree_partial,
	.bytes = tree_bytes,
	.type_name = tree_type_name,
	.note = tree_note,
};

struct sf_node sf_tree_node(const struct sf_tree_node *node)
{
	return (struct sf_node){ .ops = &tree_ops, .at = (uint64_t)(uintptr_t)node };
}

struct sf_node sf_tree_nothing(void)
{
	static const struct sf_tree_node nothing = { .kind = SF_UNSUPPORTED, .reason = "the report does not have it" };

	return sf_tree_node(&nothing);
}

bool sf_node_is_tree(const struct sf_node *n)
{
	return n->ops == &tree_ops;
}

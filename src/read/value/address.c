/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend of an address that lies in no memory as a pointer: a walk computed it, such as the owner of a piece of
 * local storage. It is a pointer like any other, and leads to typed memory.
 */

#include "typed_private.h"

/*
 * Where a node lies tells a reader whether it is inside of it already. This one lies nowhere, and above all not where
 * it leads: its place is the complement of the address.
 */
static inline uint64_t address_of(const struct sf_node *n)
{
	return ~n->at;
}

static enum sf_kind address_kind(const struct sf_node *n)
{
	(void)n;
	return SF_PTR;
}

static enum sf_step address_scalar(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why)
{
	(void)why;
	*ret = (struct sf_scalar){ .kind = SF_PTR, .bits = 64, .u64 = address_of(n) };
	return SF_STEP_OK;
}

static enum sf_step address_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped,
				  struct sf_trouble *why)
{
	const struct sf_typed *src = typed_source(n);
	uint64_t address = address_of(n), size;
	const char *unused;

	if (!skipped)
		skipped = &unused;
	*skipped = NULL;
	if (!address)
		return SF_STEP_NONE;
	if (!n->type || !src->btf || !sf_btf_size_of(src->btf, n->type, &size) || !size || size > UINT32_MAX) {
		*skipped = "its target has no type";
		return SF_STEP_NONE;
	}
	if (!sf_arch_is_kernel_address(sf_kernel_pgtable(src->vm->kernel)->five_levels, address)) {
		*skipped = "not a kernel address";
		return SF_STEP_NONE;
	}
	*why = (struct sf_trouble){ .addr = address };
	if (!sf_vmem_page(src->vm, address, &why->fault))
		return SF_STEP_TROUBLE;
	*ret = sf_typed_node(src, address, n->type, (uint32_t)size);
	return SF_STEP_OK;
}

/* ---- what a pointer does not have ---------------------------------------------------------------------------- */

static enum sf_step no_member(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret)
{
	(void)n, (void)name, (void)len, (void)ret;
	return SF_STEP_NONE;
}

static bool no_next_member(const struct sf_node *n, struct sf_member_iter *it, const char **name, struct sf_node *ret)
{
	(void)n, (void)it, (void)name, (void)ret;
	return false;
}

static enum sf_step no_index(const struct sf_node *n, uint64_t i, struct sf_node *ret)
{
	(void)n, (void)i, (void)ret;
	return SF_STEP_NONE;
}

static enum sf_step no_scalars(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count)
{
	(void)n, (void)i, (void)ret, (void)count;
	return SF_STEP_NONE;
}

static uint64_t no_len(const struct sf_node *n, uint64_t *present)
{
	(void)n;
	if (present)
		*present = 0;
	return 0;
}

static enum sf_step no_partial(const struct sf_node *n, struct sf_node *ret, uint64_t *needed, uint64_t *had)
{
	(void)n, (void)ret, (void)needed, (void)had;
	return SF_STEP_NONE;
}

static enum sf_step no_bytes(const struct sf_node *n, uint64_t off, void *buf, size_t *len, struct sf_trouble *why)
{
	(void)n, (void)off, (void)buf, (void)len, (void)why;
	return SF_STEP_NONE;
}

static const char *no_text(const struct sf_node *n)
{
	(void)n;
	return NULL;
}

static const struct sf_node_ops address_ops = {
	.kind = address_kind,
	.scalar = address_scalar,
	.member = no_member,
	.next_member = no_next_member,
	.index = no_index,
	.scalars = no_scalars,
	.len = no_len,
	.deref = address_deref,
	.partial = no_partial,
	.bytes = no_bytes,
	.type_name = no_text,
	.note = no_text,
};

struct sf_node sf_typed_address(const struct sf_typed *src, uint64_t address, uint32_t type)
{
	return (struct sf_node){ .ops = &address_ops, .ctx = src, .at = ~address, .type = type };
}

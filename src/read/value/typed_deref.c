/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a typed node leads to: the target of a pointer, the inside of a truncated value.
 */

#include "typed_private.h"

#define FLAVOUR_MAX 128

/* "task_struct___old" is a CO-RE flavour of task_struct. */
static uint32_t find_aggregate(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind)
{
	const char *flavour = strstr(name, "___");
	char plain[FLAVOUR_MAX];

	if (!flavour || flavour == name || flavour - name >= FLAVOUR_MAX)
		return sf_btf_find_largest(btf, name, kind);
	memcpy(plain, name, (size_t)(flavour - name));
	plain[flavour - name] = '\0';
	return sf_btf_find_largest(btf, plain, kind);
}

/*
 * A pointer of a program leads to an object of the running kernel. The program's own idea of that object is the one it
 * was compiled with; where the running kernel has a type of that name, its layout is the true one.
 */
static const struct sf_typed *pointee_source(const struct sf_node *n, const struct sf_btf_type *target, uint32_t *type)
{
	const struct sf_typed *src = typed_source(n), *where[] = { src->kernel, src };
	bool is_union = target->kind == SF_BTF_UNION || (target->kind == SF_BTF_FWD && target->kflag);

	*type = target->id;
	if (!target->name[0] || (!typed_is_aggregate(target) && target->kind != SF_BTF_FWD))
		return src;
	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		uint32_t id = where[i] ? find_aggregate(where[i]->btf, target->name, is_union ? SF_BTF_UNION : SF_BTF_STRUCT) : 0;

		if (!id)
			continue;
		*type = id;
		return where[i];
	}
	return src;
}

static const char *no_target(const struct sf_btf_type *t)
{
	switch (t->kind) {
	case SF_BTF_FWD:
		return "its target is only declared";
	case SF_BTF_FUNC:
	case SF_BTF_FUNC_PROTO:
		return "it points to a function";
	case SF_BTF_VOID:
		return "it points to void";
	default:
		return "its target has no size";
	}
}

enum sf_step typed_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped,
				struct sf_trouble *why)
{
	const char *unused;
	struct sf_btf_type t, target;
	uint64_t addr, size;
	uint32_t type;

	if (!skipped)
		skipped = &unused;
	*skipped = NULL;
	if (!typed_resolve(n, &t) || typed_kind_of(n, &t) != SF_PTR)
		return SF_STEP_NONE;
	if (!typed_fetch(n, 0, &addr, sizeof(addr), why))
		return SF_STEP_TROUBLE;
	if (!addr)
		return SF_STEP_NONE;
	uint32_t id = sf_btf_peel(typed_source(n)->btf, t.type);

	if (!sf_btf_type(typed_source(n)->btf, id, &target)) {
		*skipped = "its target's type cannot be read";
		return SF_STEP_NONE;
	}
	const struct sf_typed *src = pointee_source(n, &target, &type);

	if (!sf_btf_size_of(src->btf, type, &size) || !size || size > UINT32_MAX) {
		*skipped = no_target(&target);
		return SF_STEP_NONE;
	}
	if (!sf_arch_is_kernel_address(sf_kernel_pgtable(src->vm->kernel)->five_levels, addr)) {
		*skipped = "not a kernel address";
		return SF_STEP_NONE;
	}
	*why = (struct sf_trouble){ .addr = addr };
	if (!sf_vmem_page(src->vm, addr, &why->fault))
		return SF_STEP_TROUBLE;
	*ret = sf_typed_node(src, addr, type, (uint32_t)size);
	return SF_STEP_OK;
}

enum sf_step typed_partial(const struct sf_node *n, struct sf_node *ret, uint64_t *need, uint64_t *had)
{
	struct sf_btf_type t;

	if (!typed_resolve(n, &t) || typed_kind_of(n, &t) != SF_TRUNCATED)
		return SF_STEP_NONE;
	*need = n->bit_size ? (n->bit_offset + n->bit_size + 7u) / 8 : typed_needed(n, &t);
	*had = n->had;
	*ret = *n;
	if (typed_is_aggregate(&t) && !n->bit_size)
		ret->flags |= SF_NODE_PARTIAL;
	else
		ret->type = ret->bit_size = 0; /* part of a scalar is just bytes */
	return SF_STEP_OK;
}

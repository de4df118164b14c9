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
static const struct sf_typed *pointee_source(const struct sf_typed *src, const struct sf_btf_type *target, uint32_t *type)
{
	const struct sf_typed *where[] = { src->kernel, src };
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

/*
 * Tags between a pointer and its target say in which memory the target is (include/linux/compiler_types.h,
 * include/linux/bpf.h). A percpu_kptr leads to a cell of the allocator that holds the per-CPU pointer
 * (bpf_per_cpu_ptr() in kernel/bpf/verifier.c). The pages behind a uptr are pinned, and the pointer is the kernel's own.
 */
static const char *read_tags(const struct sf_btf *btf, uint32_t id, enum sf_typed_reach *reach)
{
	struct sf_btf_type t;

	*reach = SF_REACH_ONE;
	for (uint32_t hops = 0; id && hops < SF_BTF_MAX_HOPS && sf_btf_type(btf, id, &t); hops++, id = t.type) {
		if (t.kind == SF_BTF_TYPEDEF || t.kind == SF_BTF_CONST || t.kind == SF_BTF_VOLATILE ||
		    t.kind == SF_BTF_RESTRICT)
			continue;
		if (t.kind != SF_BTF_TYPE_TAG)
			break;
		if (!strcmp(t.name, "user"))
			return "it points to user space";
		if (!strcmp(t.name, "arena") || (t.kflag && !strcmp(t.name, "address_space(1)")))
			return "it points into an arena";
		if (!strcmp(t.name, "percpu"))
			*reach = SF_REACH_PERCPU;
		if (!strcmp(t.name, "percpu_kptr"))
			*reach = SF_REACH_PERCPU_CELL;
	}
	return NULL;
}

const char *sf_typed_target(const struct sf_typed *src, uint32_t type, struct sf_typed_target *ret)
{
	struct sf_typed_target found;
	const char *why = read_tags(src->btf, type, &found.reach);
	struct sf_btf_type target;
	uint32_t offset;
	uint64_t size;

	if (why)
		return why;
	if (!sf_btf_type(src->btf, sf_btf_peel(src->btf, type), &target))
		return "its target's type cannot be read";
	found.src = pointee_source(src, &target, &found.type);
	if (!sf_btf_size_of(found.src->btf, found.type, &size) || !size || size > UINT32_MAX)
		return no_target(&target);
	found.size = found.needed = (uint32_t)size;
	if (sf_btf_type(found.src->btf, found.type, &target) && typed_is_mask(&target, &offset))
		found.needed = offset + typed_mask_len(found.src, &target, offset);
	*ret = found;
	return NULL;
}

enum sf_step typed_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped,
				struct sf_trouble *why)
{
	const struct sf_typed *src = typed_source(n);
	struct sf_typed_target target;
	const char *unused;
	struct sf_btf_type t;
	uint64_t addr;

	if (!skipped)
		skipped = &unused;
	*skipped = NULL;
	if (!typed_resolve(n, &t) || typed_kind_of(n, &t) != SF_PTR)
		return SF_STEP_NONE;
	if (!typed_fetch(n, 0, &addr, sizeof(addr), why))
		return SF_STEP_TROUBLE;
	if (!addr)
		return SF_STEP_NONE;
	*skipped = sf_typed_target(src, t.type, &target);
	if (!*skipped && target.reach != SF_REACH_ONE)
		*skipped = "its target has a copy for each CPU";
	else if (!*skipped && !sf_arch_is_kernel_address(sf_kernel_pgtable(src->vm->kernel)->five_levels, addr))
		*skipped = "not a kernel address";
	if (*skipped)
		return SF_STEP_NONE;
	*why = (struct sf_trouble){ .addr = addr };
	if (!sf_vmem_page(src->vm, addr, &why->fault))
		return SF_STEP_TROUBLE;
	*ret = sf_typed_node(target.src, addr, target.type, target.size);
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

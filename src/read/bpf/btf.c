/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BTF that programs and maps were loaded with: struct btf has the address and size of its bytes.
 */

#include "bpf_private.h"

#define MAX_BASES 4 /* split BTF has one base; a chain longer than this is no chain of the kernel's */

enum sf_fault sf_bpf_btf_head(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva, struct sf_bpf_btf *ret)
{
	struct sf_bpf_btf b = { .kva = kva };
	enum sf_fault fault;
	uint64_t vmlinux = 0;

	if (!bpf->btf.data.present || !bpf->btf.data_size.present)
		return SF_FAULT_BOUNDS;
	fault = sf_vmem_u64(vm, kva + bpf->btf.data.offset, &b.data);
	if (!fault)
		fault = sf_vmem_u32(vm, kva + bpf->btf.data_size.offset, &b.size);
	if (!fault && bpf->btf.base.present)
		fault = sf_vmem_u64(vm, kva + bpf->btf.base.offset, &b.base);
	if (!fault && bpf->btf.id.present)
		fault = sf_vmem_u32(vm, kva + bpf->btf.id.offset, &b.id);
	if (fault)
		return fault;
	if (bpf->btf_vmlinux && !sf_vmem_u64(vm, bpf->btf_vmlinux, &vmlinux))
		b.is_vmlinux = vmlinux == kva;
	*ret = b;
	return SF_FAULT_NONE;
}

uint64_t sf_bpf_btf_cost(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva)
{
	struct sf_bpf_btf head;
	uint64_t cost = 0;

	for (unsigned int depth = 0; kva && depth <= MAX_BASES; depth++, kva = head.base) {
		if (sf_bpf_btf_head(bpf, vm, kva, &head) || head.is_vmlinux || head.size > SF_BTF_MAX_SIZE)
			break;
		cost += head.size;
	}
	return cost;
}

static struct sf_error *unreadable(enum sf_fault fault, uint64_t kva)
{
	bool damaged = fault == SF_FAULT_CORRUPT || fault == SF_FAULT_IO;

	return sf_error_new(damaged ? SF_FRAME_CORRUPT : SF_PAGE_NOT_KEPT, "struct btf at 0x%llx: %s",
			    (unsigned long long)kva, sf_fault_text(fault));
}

static struct sf_error *load(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva, unsigned int depth,
			     struct sf_btf **ret)
{
	struct sf_bpf_btf head;
	SF_OWNED(btf) base = NULL;
	_cleanup_free_ char *bytes = NULL;
	enum sf_fault fault = sf_bpf_btf_head(bpf, vm, kva, &head);

	if (fault)
		return unreadable(fault, kva);
	if (head.is_vmlinux) {
		*ret = sf_btf_ref(sf_kernel_btf(bpf->kernel));
		return NULL;
	}
	if (!head.size || head.size > SF_BTF_MAX_SIZE)
		return sf_error_new(SF_BAD_INPUT, "struct btf at 0x%llx has %u bytes: not between 1 and %u",
				    (unsigned long long)kva, head.size, SF_BTF_MAX_SIZE);
	if (head.base) {
		if (depth >= MAX_BASES)
			return sf_error_new(SF_BAD_INPUT, "struct btf at 0x%llx: a chain of more than %u bases",
					    (unsigned long long)kva, MAX_BASES);
		SF_TRY(load(bpf, vm, head.base, depth + 1, &base));
	}
	bytes = malloc(head.size);
	if (!bytes)
		return sf_error_nomem();
	fault = sf_vmem_read(vm, head.data, bytes, head.size);
	if (fault)
		return unreadable(fault, kva);
	SF_TRY(sf_error_context(sf_btf_new(bytes, head.size, base, free, bytes, ret), "BTF of struct btf at 0x%llx",
				(unsigned long long)kva));
	steal_ptr(&bytes);
	return NULL;
}

struct sf_error *sf_bpf_btf_load(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva, struct sf_btf **ret)
{
	return load(bpf, vm, kva, 0, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/vmem.h"
#include "kernel_private.h"

void sf_vmem_init(struct sf_vmem *vm, struct sf_image *img, const struct sf_kernel *kernel)
{
	uint64_t start, end;

	sf_kernel_image_range(kernel, &start, &end);
	vm->img = img;
	vm->kernel = kernel;
	vm->image_start = start;
	vm->image_len = end - start;
	vm->image_delta = SF_X86_START_KERNEL_MAP - sf_kernel_phys_base(kernel);
	vm->page_offset = sf_kernel_page_offset(kernel);
	vm->direct_len = sf_image_top(img);
	sf_vmem_flush(vm);
}

void sf_vmem_flush(struct sf_vmem *vm)
{
	for (size_t i = 0; i < SF_VMEM_TLB; i++)
		vm->tlb[i].vpage = 1;
	for (size_t i = 0; i < SF_VMEM_TABLES; i++)
		vm->tables[i].region = 1;
}

static enum sf_fault walk(struct sf_vmem *vm, uint64_t kva, uint64_t *ret_gpa)
{
	const uint64_t region = kva & ~((2ull << 20) - 1);
	size_t i = kva >> 21 & (SF_VMEM_TABLES - 1);
	struct sf_mapping m = { 0 };

	if (vm->tables[i].region == region)
		return sf_pgtable_last(vm->tables[i].table, kva, ret_gpa) ? SF_FAULT_NONE : SF_FAULT_UNMAPPED;

	enum sf_fault why = sf_pgtable_walk(vm->img, sf_kernel_pgtable(vm->kernel), kva, &m);

	if (why)
		return why;
	*ret_gpa = m.gpa;
	if (m.size == SF_PAGE_SIZE) {
		vm->tables[i].table = sf_image_page(vm->img, m.tables[m.n_tables - 1], NULL);
		vm->tables[i].region = vm->tables[i].table ? region : 1;
	}
	return SF_FAULT_NONE;
}

enum sf_fault sf_vmem_translate(struct sf_vmem *vm, uint64_t kva, uint64_t *ret_gpa)
{
	if (kva - vm->page_offset < vm->direct_len) {
		*ret_gpa = kva - vm->page_offset;
		return SF_FAULT_NONE;
	}
	if (kva - vm->image_start < vm->image_len) {
		*ret_gpa = kva - vm->image_delta;
		return SF_FAULT_NONE;
	}
	return walk(vm, kva, ret_gpa);
}

const uint8_t *sf_vmem_page_slow(struct sf_vmem *vm, uint64_t kva, enum sf_fault *why)
{
	size_t i = kva >> SF_PAGE_SHIFT & (SF_VMEM_TLB - 1);
	uint64_t gpa = 0;
	enum sf_fault fault = walk(vm, kva, &gpa);
	const uint8_t *page = fault ? NULL : sf_image_page(vm->img, gpa, &fault);

	if (!page) {
		if (why)
			*why = fault;
		return NULL;
	}
	vm->tlb[i].vpage = kva & SF_PAGE_MASK;
	vm->tlb[i].page = page;
	return page;
}

enum sf_fault sf_vmem_read_slow(struct sf_vmem *vm, uint64_t kva, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (len && kva + (len - 1) < kva)
		return SF_FAULT_BOUNDS;
	while (len) {
		size_t n = sf_min(len, SF_PAGE_SIZE - (size_t)(kva & (SF_PAGE_SIZE - 1)));
		enum sf_fault why = sf_vmem_read(vm, kva, to, n);

		if (why)
			return why;
		to += n;
		kva += n;
		len -= n;
	}
	return SF_FAULT_NONE;
}

enum sf_fault sf_vmem_touch(struct sf_vmem *vm, uint64_t kva, uint64_t len)
{
	enum sf_fault first = SF_FAULT_NONE;

	if (!len)
		return SF_FAULT_NONE;
	/* No object is larger than RAM; a length that claims so would keep us here for long. */
	if (kva + (len - 1) < kva || len > vm->direct_len)
		return SF_FAULT_BOUNDS;

	uint64_t last = (kva + (len - 1)) & SF_PAGE_MASK;

	for (uint64_t page = kva & SF_PAGE_MASK;; page += SF_PAGE_SIZE) {
		enum sf_fault why = SF_FAULT_NONE;

		if (!sf_vmem_page(vm, page, &why) && !first)
			first = why;
		if (page == last)
			return first;
	}
}

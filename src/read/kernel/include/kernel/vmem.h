/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_KERNEL_VMEM_H
#define SF_KERNEL_VMEM_H

/*
 * The kernel's virtual memory in one image: any kernel virtual address (KVA) to bytes. Direct map and kernel image are
 * arithmetic. Everything else is a walk of the kernel's page tables, behind a small TLB of pages and another of
 * last-level tables. One thread; cheap to make; it borrows the kernel and the image, which must outlive it. On a live
 * image the TLB is only right while the guest is stopped, and behind a recorder only until its next begin:
 * sf_vmem_flush() at every stop.
 */

#include "kernel/kernel.h"

#define SF_VMEM_TLB 1024  /* entries; a power of two */
#define SF_VMEM_TABLES 64 /* last-level page tables, of 2 MiB each; a power of two */

struct sf_vmem {
	struct sf_image *img;
	const struct sf_kernel *kernel;
	uint64_t image_start, image_len;    /* virtual */
	uint64_t image_delta;               /* virtual - physical, of the kernel image */
	uint64_t page_offset, direct_len;
	struct {
		uint64_t vpage;             /* virtual address of the page; 1: empty */
		const uint8_t *page;
	} tlb[SF_VMEM_TLB];
	struct {
		uint64_t region;            /* virtual address of its 2 MiB; 1: empty */
		const uint8_t *table;
	} tables[SF_VMEM_TABLES];
};

void sf_vmem_init(struct sf_vmem *vm, struct sf_image *img, const struct sf_kernel *kernel);
void sf_vmem_flush(struct sf_vmem *vm);

/* GPA of @kva: whether or not the image keeps that page. */
enum sf_fault sf_vmem_translate(struct sf_vmem *vm, uint64_t kva, uint64_t *ret_gpa);

/* What is neither arithmetic nor in the TLB. */
const uint8_t *sf_vmem_page_slow(struct sf_vmem *vm, uint64_t kva, enum sf_fault *why);
enum sf_fault sf_vmem_read_slow(struct sf_vmem *vm, uint64_t kva, void *buf, size_t len);

/* The page that holds @kva (its first byte), or NULL and @why (may be NULL; untouched on success). */
static inline const uint8_t *sf_vmem_page(struct sf_vmem *vm, uint64_t kva, enum sf_fault *why)
{
	size_t i = kva >> SF_PAGE_SHIFT & (SF_VMEM_TLB - 1);

	if (kva - vm->page_offset < vm->direct_len)
		return sf_image_page(vm->img, kva - vm->page_offset, why);
	if (kva - vm->image_start < vm->image_len)
		return sf_image_page(vm->img, kva - vm->image_delta, why);
	if (sf_likely(vm->tlb[i].vpage == (kva & SF_PAGE_MASK)))
		return vm->tlb[i].page;
	return sf_vmem_page_slow(vm, kva, why);
}

/* Any length, any alignment, page by page. On a fault what @buf holds is undefined. */
static inline enum sf_fault sf_vmem_read(struct sf_vmem *vm, uint64_t kva, void *buf, size_t len)
{
	size_t at = kva & (SF_PAGE_SIZE - 1);
	enum sf_fault why = SF_FAULT_NONE;

	if (sf_unlikely(len > SF_PAGE_SIZE - at))
		return sf_vmem_read_slow(vm, kva, buf, len);
	const uint8_t *page = sf_vmem_page(vm, kva, &why);

	if (sf_unlikely(!page))
		return why;
	memcpy(buf, page + at, len);
	return SF_FAULT_NONE;
}

/* Touch every page of [kva, kva + len): a recorder keeps them. The first fault, after trying all. */
enum sf_fault sf_vmem_touch(struct sf_vmem *vm, uint64_t kva, uint64_t len);

static inline enum sf_fault sf_vmem_u64(struct sf_vmem *vm, uint64_t kva, uint64_t *ret)
{
	return sf_vmem_read(vm, kva, ret, sizeof(*ret));
}

static inline enum sf_fault sf_vmem_u32(struct sf_vmem *vm, uint64_t kva, uint32_t *ret)
{
	return sf_vmem_read(vm, kva, ret, sizeof(*ret));
}

/* ---- the kernel's own containers ------------------------------------------------------------------ */

/* Address of per-CPU variable or pointer @percpu on @cpu. false: the CPU was never set up (its offset is 0 or is not
 * there): without this every missing CPU would alias CPU 0. */
bool sf_vmem_percpu(struct sf_vmem *vm, uint64_t percpu, uint32_t cpu, uint64_t *ret);

/*
 * Walks the radix tree of a struct xarray: calls @fn for each entry in order of index. Nodes that cannot be read, or
 * make no sense (a shift that is not its parent's - 6, an index beyond 32 bits), end their subtree and are counted, and
 * so are entries that a writer left in the middle of a change. Internal marks (a reserved slot, the rest of a wide
 * entry) are left out. @fn returns false to stop. At most @max entries.
 * SF_KERNEL: the kernel's BTF does not have these structs. SF_PAGE_NOT_KEPT: the head itself cannot be read.
 */
struct sf_idr_stats {
	uint32_t n_entries, n_torn;
	bool capped;
};
typedef bool sf_idr_fn(void *arg, uint32_t index, uint64_t entry);
SF_CHECKED struct sf_error *sf_vmem_xarray(struct sf_vmem *vm, uint64_t xarray_kva, uint32_t max, sf_idr_fn *fn,
					   void *arg, struct sf_idr_stats *ret);
/* The same of a struct idr, whose indexes count from idr_base. */
SF_CHECKED struct sf_error *sf_vmem_idr(struct sf_vmem *vm, uint64_t idr_kva, uint32_t max, sf_idr_fn *fn, void *arg,
					struct sf_idr_stats *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_KERNEL_PRIVATE_H
#define SF_KERNEL_PRIVATE_H

/* What one kernel is made of; filled by load.c, then never changed. */

#include <stdatomic.h>

#include "kernel/kallsyms.h"
#include "kernel/kernel.h"
#include "kernel/vmcoreinfo.h"

/* What container.c needs of struct idr, struct xarray, struct xa_node. */
struct sf_radix_layout {
	struct sf_place idr_xarray, idr_base, xarray_head, node_shift, node_slots;
};

struct sf_kernel {
	_Atomic uint32_t refs;
	struct sf_vmcoreinfo vi;
	struct sf_kallsyms *symbols;
	struct sf_btf *btf;
	struct sf_pgtable pgtable;
	uint64_t page_offset;
	uint64_t image_start, image_end;
	uint32_t nr_cpu_ids;
	uint64_t per_cpu_offset;     /* address of the array */
	uint64_t per_cpu_unset;      /* what it holds for a CPU that was never set up */
	struct sf_radix_layout radix;
	struct {
		struct sf_image_run *v;
		size_t n, cap;
	} facts;
};

/* Fills an empty kernel; on failure what is there already is for sf_kernel_unref(). */
SF_CHECKED struct sf_error *sf_kernel_load(struct sf_kernel *k, struct sf_image *img,
					   const struct sf_kernel_options *opt);

#endif

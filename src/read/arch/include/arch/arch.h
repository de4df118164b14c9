/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_ARCH_ARCH_H
#define SF_ARCH_ARCH_H

/*
 * What depends on the architecture of the guest: where its kernel lies and how its page tables are read. x86-64 today;
 * this is the only room that knows. It reads pages through an image and nothing else.
 *
 * Facts: Documentation/arch/x86/x86_64/mm.rst; arch/x86/include/asm/pgtable_types.h.
 */

#include "image/image.h"

/* Kernel text and data are mapped here, at physical - phys_base; the same for 4 and 5 levels. */
#define SF_X86_START_KERNEL_MAP 0xffffffff80000000ull
/* Without memory randomisation, by paging depth. */
#define SF_X86_PAGE_OFFSET_L4 0xffff888000000000ull
#define SF_X86_PAGE_OFFSET_L5 0xff11000000000000ull

/* A set of page tables. */
struct sf_pgtable {
	uint64_t root;     /* GPA of the top table; low 12 bits are ignored */
	bool five_levels;
};

struct sf_mapping {
	uint64_t gpa;      /* of the byte asked for */
	uint64_t size;     /* of the page that maps it: 4 KiB, 2 MiB or 1 GiB */
	uint64_t tables[5]; /* GPA of each table that was read, top first */
	uint32_t n_tables;
};

/*
 * Walks @pt for @va. Every table is read through @img, so that a recorder keeps the tables too.
 * SF_FAULT_UNMAPPED: an entry is not present, or @va is not canonical; a table that cannot be read: that fault.
 */
enum sf_fault sf_pgtable_walk(struct sf_image *img, const struct sf_pgtable *pt, uint64_t va, struct sf_mapping *ret);

/*
 * The last step alone: the entry of @va in @table, the bytes of the last of a mapping's tables where the mapping is of
 * 4 KiB. false: nothing is there.
 */
static inline bool sf_pgtable_last(const uint8_t *table, uint64_t va, uint64_t *ret_gpa)
{
	uint64_t entry = sf_load64(table + 8 * (va >> SF_PAGE_SHIFT & 511));

	if (!(entry & 1))
		return false;
	*ret_gpa = (entry & 0x000ffffffffff000ull) | (va & (SF_PAGE_SIZE - 1));
	return true;
}

/* Do all bits above the highest translated one repeat it? */
bool sf_arch_is_canonical(bool five_levels, uint64_t va);
/* Is @va canonical, and in the kernel's half? */
bool sf_arch_is_kernel_address(bool five_levels, uint64_t va);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arch/arch.h"

#define ENTRY_PRESENT 0x1ull
#define ENTRY_LARGE 0x80ull              /* PS: in a PUD or PMD entry the page itself, not a table */
#define ENTRY_ADDRESS 0x000ffffffffff000ull /* bits 51:12, whatever MAXPHYADDR is */
#define INDEX_BITS 9

bool sf_arch_is_canonical(bool five_levels, uint64_t va)
{
	int unused = 64 - (five_levels ? 57 : 48);

	return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

bool sf_arch_is_kernel_address(bool five_levels, uint64_t va)
{
	return va >> 63 && sf_arch_is_canonical(five_levels, va);
}

enum sf_fault sf_pgtable_walk(struct sf_image *img, const struct sf_pgtable *pt, uint64_t va, struct sf_mapping *ret)
{
	struct sf_mapping m = { 0 };
	uint64_t table = pt->root & ENTRY_ADDRESS;

	if (!sf_arch_is_canonical(pt->five_levels, va))
		return SF_FAULT_UNMAPPED;
	for (int level = pt->five_levels ? 5 : 4;; level--) {
		unsigned int shift = SF_PAGE_SHIFT + INDEX_BITS * (level - 1);
		enum sf_fault why = SF_FAULT_NONE;
		const uint8_t *page = sf_image_page(img, table, &why);

		if (!page)
			return why;
		m.tables[m.n_tables++] = table;

		uint64_t entry = sf_load64(page + 8 * ((va >> shift) & ((1u << INDEX_BITS) - 1)));

		if (!(entry & ENTRY_PRESENT))
			return SF_FAULT_UNMAPPED;
		/* Bit 7 of a last-level entry is PAT; above level 3 it is reserved, and the processor would fault. */
		if (level > 3 && (entry & ENTRY_LARGE))
			return SF_FAULT_UNMAPPED;
		if (level == 1 || (entry & ENTRY_LARGE)) {
			uint64_t in_page = (1ull << shift) - 1;

			m.size = 1ull << shift;
			m.gpa = (entry & ENTRY_ADDRESS & ~in_page) | (va & in_page);
			*ret = m;
			return SF_FAULT_NONE;
		}
		table = entry & ENTRY_ADDRESS;
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_KERNEL_VMCOREINFO_H
#define SF_KERNEL_VMCOREINFO_H

/*
 * VMCOREINFO: the lines of text in which a kernel tells a crash dump what it is. The kernel keeps it twice in its own
 * memory, both times at the start of a page: as plain text, and as an ELF note (kernel/vmcore_info.c). Here it is found
 * and parsed; whether what was found tells the truth is for kernel.c to prove, since anybody in the guest can write
 * such a page.
 */

#include "image/image.h"

#define SF_VMCOREINFO_MAX 4096 /* bytes of text; VMCOREINFO_BYTES is a page */

struct sf_vmcoreinfo {
	char *text;               /* owned, NUL-terminated, all of it */
	size_t len;
	char release[65];         /* of struct new_utsname */
	char build_id[41];        /* hex; "" if there is none */
	uint64_t stext;           /* virtual */
	uint64_t pgtable;         /* virtual address of the top page table */
	bool five_levels;
	uint64_t phys_base;       /* modulo 2^64: below 0 where the kernel lies lower than it was linked for */
	uint64_t kernel_offset;   /* KASLR */
	struct {
		uint64_t names, num_syms, token_table, token_index, offsets;
		bool has_relative_base;
		uint64_t relative_base; /* address of the variable */
	} kallsyms;
};

/* SF_KERNEL names the line that is missing or makes no sense; SF_BAD_INPUT: not text. */
SF_CHECKED struct sf_error *sf_vmcoreinfo_parse(const char *text, size_t len, struct sf_vmcoreinfo *ret);
void sf_vmcoreinfo_clear(struct sf_vmcoreinfo *vi);

/*
 * The SYMBOL(name)=address lines one after another; *@pos begins at 0. @name is cut off at its size. Most are addresses
 * of symbols; a few kernels print values of variables this way (mem_section, vmemmap).
 */
bool sf_vmcoreinfo_next_symbol(const struct sf_vmcoreinfo *vi, size_t *pos, char name[128], uint64_t *ret);

/* A page that looks like VMCOREINFO. @fn returns true to end the search. */
typedef bool sf_vmcoreinfo_fn(void *arg, uint64_t gpa, const char *text, size_t len);
/*
 * Looks at every page that @img holds, the likely ones first, each once. @ret_pages (may be NULL): how many were looked
 * at. Return: whether @fn ended it.
 */
bool sf_vmcoreinfo_scan(struct sf_image *img, sf_vmcoreinfo_fn *fn, void *arg, uint64_t *ret_pages);

#endif

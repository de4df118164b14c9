/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_KERNEL_KERNEL_H
#define SF_KERNEL_KERNEL_H

/*
 * One kernel, understood from its memory alone: VMCOREINFO, kallsyms, BTF, where things are and how structs are laid
 * out. No kernel version is compared with anything: what a kernel has is seen in its symbols and its BTF.
 *
 * struct sf_kernel holds what never changes while a kernel runs. It is immutable, reference-counted, shared by all
 * frames of a run and by any thread. Memory that changes is read through a struct sf_vmem (vmem.h).
 */

#include "arch/arch.h"
#include "btf/btf.h"
#include "image/image.h"

struct sf_kernel;

struct sf_kernel_options {
	const char *vmcoreinfo;      /* the note's text, where something (an ELF note, the agent) told it; else NULL: */
	size_t vmcoreinfo_len;       /* it is found by scanning the image for it */
	const struct sf_logger *log; /* NULL: silence */
};

/*
 * Reads VMCOREINFO, kallsyms and BTF through @img. SF_KERNEL names what is missing and the config option that gives it
 * (no VMCOREINFO in this memory: no Linux booted in it yet; no kallsyms; no BTF: CONFIG_DEBUG_INFO_BTF).
 * @img is used during the call only; what is needed later is copied.
 */
SF_CHECKED struct sf_error *sf_kernel_new(struct sf_image *img, const struct sf_kernel_options *opt,
					  struct sf_kernel **ret);
struct sf_kernel *sf_kernel_ref(struct sf_kernel *k);
void sf_kernel_unref(struct sf_kernel *k);
SF_DEFINE_CLEANUP(kernel, sf_kernel_unref)

const char *sf_kernel_release(const struct sf_kernel *k);    /* OSRELEASE: "6.18.15+deb13-cloud-amd64" */
const char *sf_kernel_build_id(const struct sf_kernel *k);   /* BUILD-ID of VMCOREINFO, hex; "" if it has none */
const char *sf_kernel_vmcoreinfo(const struct sf_kernel *k, size_t *len);
struct sf_btf *sf_kernel_btf(const struct sf_kernel *k);     /* borrowed */
const struct sf_pgtable *sf_kernel_pgtable(const struct sf_kernel *k);
uint64_t sf_kernel_page_offset(const struct sf_kernel *k);   /* start of the direct map */
uint64_t sf_kernel_phys_base(const struct sf_kernel *k);
uint64_t sf_kernel_kaslr_offset(const struct sf_kernel *k);  /* KERNELOFFSET */
/* [start, end) of the kernel image, runtime virtual addresses (_text.._end). */
void sf_kernel_image_range(const struct sf_kernel *k, uint64_t *start, uint64_t *end);
uint32_t sf_kernel_nr_cpu_ids(const struct sf_kernel *k);

/* ---- immutable memory: what a facts file keeps ---------------------------------------------------- */

/*
 * Page-aligned GPA runs, sorted, that hold all that sf_kernel_new() read: kallsyms, BTF, the page of each global, the
 * page tables that were walked, VMCOREINFO. From an image of these pages alone it makes the same kernel again.
 */
size_t sf_kernel_n_fact_runs(const struct sf_kernel *k);
struct sf_image_run sf_kernel_fact_run(const struct sf_kernel *k, size_t i);

/* ---- symbols ------------------------------------------------------------------------------------ */

/* Runtime address of the symbol of exactly this name (the first, where several have it). A per-CPU symbol gives what is
 * to be added to the CPU's offset, on either side of the change in x86's per-CPU layout. false: none. */
bool sf_kernel_symbol(const struct sf_kernel *k, const char *name, uint64_t *ret);

struct sf_symbol {
	const char *name;   /* valid as long as @buf of the call */
	char type;          /* as in /proc/kallsyms: 'T', 'd', … */
	uint64_t address;
	uint64_t offset;    /* of the address asked for, from the symbol's start */
	uint64_t size;      /* to the next symbol */
	const char *module; /* whose code it is: "bpf" for generated code, as in /proc/kallsyms; NULL: the kernel's image */
};
#define SF_SYMBOL_NAME 512
/* The kernel-image symbol at or before @addr. false: @addr is outside the image. */
bool sf_kernel_symbol_at(const struct sf_kernel *k, uint64_t addr, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret);
uint32_t sf_kernel_n_symbols(const struct sf_kernel *k);
bool sf_kernel_symbol_nth(const struct sf_kernel *k, uint32_t i, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret);

/* ---- layouts by name ------------------------------------------------------------------------------ */

/*
 * A table that says which members a walk needs:
 *
 *	struct map_layout { struct sf_place name, type; };
 *	static const struct sf_place_spec specs[] = {
 *		{ offsetof(struct map_layout, name), "bpf_map", "name", 0 },
 *		{ offsetof(struct map_layout, type), "bpf_map", "map_type", 0 },
 *	};
 *
 * A member that this kernel does not have is `present == false`; it is never offset 0.
 */
struct sf_place {
	uint32_t offset;    /* bytes, from the start of the struct */
	uint32_t size;      /* bytes */
	bool present;
};
struct sf_place_spec {
	size_t at;               /* where in the caller's layout the struct sf_place is */
	const char *struct_name; /* the largest struct of this name */
	const char *member;      /* dotted; NULL: the struct itself (offset 0, its size). A bitfield is no place */
	bool optional;
};
/* SF_KERNEL names the first required member that is missing, and the struct's members if the struct is there. */
SF_CHECKED struct sf_error *sf_kernel_layout(const struct sf_kernel *k, const struct sf_place_spec *specs, size_t n,
					     void *layout);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_FAKE_GUEST_H
#define SF_TESTS_FAKE_GUEST_H

/*
 * A guest without a machine: RAM in a memfd that holds all of a kernel that the reading library looks at, and nothing
 * else. VMCOREINFO (as text and as note), kallsyms, page tables, per-CPU offsets, BTF, the two idrs of BPF; then what a
 * test puts there. sf_kernel_new() accepts it as it accepts a real one.
 *
 * Physical memory: 32 MiB from 0, and on request 8 MiB from 4 GiB. The kernel image lies at 16 MiB + `phys`; below it is
 * where pages are allocated from. Virtual memory: image and direct map in pages of 2 MiB, vmalloc in pages of 4 KiB that
 * are not neighbours in physical memory, with an unmapped page behind each area.
 *
 * Nothing here fails: what goes wrong ends the test program. Addresses are the kernel's (KVA) unless called GPA.
 */

#include "btf_builder.h"
#include "image/image.h"
#include "kernel/kallsyms.h"
#include "kernel/kernel.h"

/* Where members are, in the fake kernel's own BTF. */
enum {
	FK_XA_HEAD = 8,
	FK_IDR_BASE = 16,
	FK_IDR_NEXT = 20,
	FK_IDR_SIZE = 24,

	FK_NODE_SHIFT = 0,
	FK_NODE_SLOTS = 40,
	FK_NODE_SIZE = 576,

	FK_MAP_TYPE = 24,
	FK_MAP_KEY_SIZE = 28,
	FK_MAP_VALUE_SIZE = 32,
	FK_MAP_MAX_ENTRIES = 36,
	FK_MAP_FLAGS = 48,
	FK_MAP_ID = 52,
	FK_MAP_KEY_TYPE = 64,
	FK_MAP_VALUE_TYPE = 68,
	FK_MAP_VMLINUX_VALUE_TYPE = 72,
	FK_MAP_BTF = 80,
	FK_MAP_NAME = 104,
	FK_MAP_SIZE = 192,
	FK_ARRAY_VALUE = 216,

	FK_HTAB_BUCKETS = 200,
	FK_HTAB_ELEMS = 208,
	FK_HTAB_COUNT = 216,
	FK_HTAB_N_BUCKETS = 220,
	FK_HTAB_ELEM_SIZE = 224,
	FK_HTAB_HASHRND = 228,
	FK_HTAB_SIZE = 232,
	FK_BUCKET_SIZE = 16,
	FK_ELEM_NEXT = 0,
	FK_ELEM_PPREV = 8,
	FK_ELEM_HASH = 40,
	FK_ELEM_KEY = 48,

	FK_SMAP_BUCKETS = 200,
	FK_SMAP_BUCKET_LOG = 208,
	FK_SMAP_SIZE = 216,
	FK_SELEM_NEXT = 0,
	FK_SELEM_PPREV = 8,
	FK_SELEM_OWNERS_NEXT = 16,
	FK_SELEM_OWNERS_PPREV = 24,
	FK_SELEM_STORAGE = 32,
	FK_SELEM_SMAP = 64,
	FK_SELEM_DATA = 72,
	FK_STORAGE_FIRST = 128,
	FK_STORAGE_OWNER = 136,
	FK_STORAGE_SIZE = 160,

	FK_OPS_BTF = 200,
	FK_OPS_VALUE = 256,
	FK_OPS_HEAD = 64,       /* of a wrapper, before its data */

	FK_PROG_TYPE = 4,
	FK_PROG_AUX = 56,
	FK_PROG_SIZE = 72,
	FK_AUX_USED_MAP_CNT = 8,
	FK_AUX_ID = 24,
	FK_AUX_NAME = 120,
	FK_AUX_USED_MAPS = 200,
	FK_AUX_SIZE = 320,

	FK_BTF_DATA = 0,
	FK_BTF_DATA_SIZE = 56,
	FK_BTF_ID = 72,
	FK_BTF_BASE = 96,
	FK_BTF_SIZE = 160,

	FK_KSYM_LNODE = 16,
	FK_KSYM_END = 32,
	FK_KSYM_START = 40,
	FK_KSYM_NAME = 48,
	FK_KSYM_NAME_LEN = 512,
	FK_KSYM_SIZE = 560,

	FK_TASK_PID = 4,
	FK_TASK_COMM = 8,
	FK_TASK_MASK = 24,
	FK_TASK_PARENT = 56,
	FK_TASK_TGID = 64,
	FK_TASK_SIZE = 128,
	FK_CPUMASK_SIZE = 32,
	FK_CGROUP_KN = 24,
	FK_CGROUP_SIZE = 64,
	FK_KN_PARENT = 8,
	FK_KN_NAME = 16,
	FK_KN_ID = 48,
	FK_KN_SIZE = 64,
	FK_INODE_INO = 40,
	FK_INODE_SIZE = 64,
	FK_SOCK_PORT = 14,
	FK_SOCK_FAMILY = 16,
	FK_SOCK_SIZE = 64,
};

#define WITHOUT_PPREV 1u        /* hlist_node and hlist_nulls_node */
#define WITHOUT_SNODE 2u        /* bpf_local_storage_elem */
#define WITHOUT_HTAB_ELEMS 4u   /* bpf_htab.elems */
#define WITHOUT_OPS_BTF 8u      /* bpf_struct_ops_map.btf */
#define WITH_OLD_PARENT 16u     /* kernfs_node.parent, not __parent */
#define WITHOUT_HASHRND 32u     /* bpf_htab.hashrnd */

#define FAKE_CPUS 128

struct fake_options {
	bool five_levels;
	bool high;              /* a second range of RAM from 4 GiB on */
	uint32_t high_mib;      /* how large; 0: 8. With more, all areas of vmalloc are there */
	bool small;             /* few symbols and types: little to copy, and no page of facts */
	bool no_vmcoreinfo;
	enum sf_kallsyms_encoding encoding;
	uint64_t kaslr, phys;   /* how far the image was moved; multiples of 2 MiB, `phys` at most 8 MiB */
	uint64_t direct_shift;  /* how far the direct map was moved; a multiple of 1 GiB */
	uint32_t n_cpus;        /* 0: 4; at most FAKE_CPUS */
	uint64_t unset_cpus;    /* a bit for each of the first 64 CPUs that was never set up */
	uint32_t percpu_pages;  /* of each CPU's area; 0: 4 */
	unsigned int without;   /* WITHOUT_*: what the kernel's BTF lacks */
};

/* Ids in the fake kernel's BTF, for program types that are split from it. */
struct fake_types {
	uint32_t u8, s8, u16, u32, s32, u64, s64, chr, boolean, voidp;
	uint32_t list_head, cpumask, cpumask_t, bpf_cpumask, task_struct, task_ptr;
	uint32_t map, ops, ops_wrapper; /* bpf_map, sched_ext_ops, bpf_struct_ops_sched_ext_ops */
};

struct fake_guest {
	struct fake_options opt;
	int fd;
	struct sf_ram_range ranges[2];
	size_t n_ranges;
	uint8_t *ram;            /* the whole memfd, writable */
	size_t ram_len;

	uint64_t page_offset, phys_base, text, root;
	uint64_t next_page, next_high_page, next_vmalloc;
	uint64_t slab, slab_end;

	struct btfb types;       /* the kernel's BTF, for btfb_init() of split BTF */
	struct fake_types ids;
	uint64_t btf_vmlinux;    /* its struct btf */
	uint64_t map_idr, prog_idr;
	uint64_t kallsyms;       /* the list bpf_kallsyms: empty */
	uint32_t next_map, next_prog, next_btf;
	uint64_t percpu[FAKE_CPUS]; /* of each CPU's area; 0: never set up */
	uint64_t next_percpu;
	char vmcoreinfo[4096];
	uint64_t vmcoreinfo_gpa; /* of the page with the plain text */

	struct sf_image *img;    /* made by fake_open() */
	struct sf_kernel *kernel;
};

struct fake_guest *fake_new(const struct fake_options *opt); /* NULL: all zero */
void fake_free(struct fake_guest *g);
static inline void fake_guest_cleanup(struct fake_guest **g)
{
	fake_free(*g);
}
#define _cleanup_guest_ __attribute__((cleanup(fake_guest_cleanup)))

/* Live RAM and its kernel as the library sees them; the fixture's own references. */
void fake_open(struct fake_guest *g);

/* ---- memory ---------------------------------------------------------------------------------------- */

uint64_t fake_page(struct fake_guest *g);                     /* GPA of an empty page */
uint64_t fake_high_page(struct fake_guest *g);                /* the same, above 4 GiB if there is RAM */
uint64_t fake_kmalloc(struct fake_guest *g, size_t size);     /* zeroed, in the direct map, 8-aligned */
uint64_t fake_vmalloc(struct fake_guest *g, size_t size);     /* zeroed, page-aligned, scattered */
void fake_unmap(struct fake_guest *g, uint64_t kva);          /* a page of vmalloc */
/* Zeroed, page-aligned, as fake_vmalloc(); but all pages behind the first are the one at @gpa. */
uint64_t fake_vmalloc_alias(struct fake_guest *g, size_t size, uint64_t gpa);
/* Zeroed, 8-aligned, on every CPU that is set up: a per-CPU pointer, what is to be added to the CPU's offset. */
uint64_t fake_percpu(struct fake_guest *g, size_t size);
uint64_t fake_percpu_kva(struct fake_guest *g, uint64_t percpu, uint32_t cpu); /* 0: that CPU has no area */
uint64_t fake_gpa(struct fake_guest *g, uint64_t kva);        /* ends the program where nothing is mapped */
uint8_t *fake_host(struct fake_guest *g, uint64_t gpa);       /* our pointer into that page */
void fake_write(struct fake_guest *g, uint64_t kva, const void *data, size_t len);
void fake_read(struct fake_guest *g, uint64_t kva, void *data, size_t len);

static inline void fake_u8(struct fake_guest *g, uint64_t kva, uint8_t v)
{
	fake_write(g, kva, &v, sizeof(v));
}

static inline void fake_u32(struct fake_guest *g, uint64_t kva, uint32_t v)
{
	fake_write(g, kva, &v, sizeof(v));
}

static inline void fake_u64(struct fake_guest *g, uint64_t kva, uint64_t v)
{
	fake_write(g, kva, &v, sizeof(v));
}

/* ---- types ----------------------------------------------------------------------------------------- */

/* Fills the kernel's types (fake_types.c). @padding: types that mean nothing, for size. */
void fake_types_build(struct btfb *b, struct fake_types *ids, uint32_t padding, unsigned int without);
/* The bytes of @b, which stays as it is; free() them. */
uint8_t *fake_types_bytes(const struct btfb *b, size_t *len);

#endif

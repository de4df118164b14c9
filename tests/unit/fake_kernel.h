/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_FAKE_KERNEL_H
#define SF_TESTS_FAKE_KERNEL_H

/*
 * A machine whose RAM holds just enough of a kernel to be understood: page tables, kallsyms, BTF, VMCOREINFO, per-CPU
 * offsets, an idr. Tests change its RAM (fake_at()) before or after they make a kernel of it.
 *
 * Physical memory: the image at FAKE_IMAGE_GPA, page tables and other pages behind it from a bump allocator.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "btf_builder.h"
#include "kallsyms_encoder.h"
#include "kernel/vmem.h"

#define FAKE_RAM (16ull << 20)
#define FAKE_IMAGE_GPA 0x200000ull
#define FAKE_IMAGE_SIZE 0x100000ull
#define FAKE_TEXT 0xffffffff93000000ull
#define FAKE_PHYS_BASE (FAKE_IMAGE_GPA - (FAKE_TEXT - SF_X86_START_KERNEL_MAP))
#define FAKE_VMALLOC_L4 0xffffc90000000000ull
#define FAKE_VMALLOC_L5 0xffd2000000000000ull
#define FAKE_PER_CPU_LOAD (FAKE_TEXT + 0x9000)

/* Offsets in the image. */
enum {
	FAKE_PGT = 0x1000,
	FAKE_PAGE_OFFSET_BASE = 0x3000,
	FAKE_NR_CPU_IDS = 0x3008,
	FAKE_VMCOREINFO_DATA = 0x3010,
	FAKE_VMCOREINFO_NOTE = 0x3018,
	FAKE_PER_CPU_OFFSET = 0x3100,
	FAKE_MAP_IDR = 0x3200,
	FAKE_INIT_TASK = 0x3400,
	FAKE_BTF = 0x4000,
	FAKE_NUM_SYMS = 0x10000,
	FAKE_NAMES = 0x10004,
	FAKE_TOKEN_TABLE = 0x14000,
	FAKE_TOKEN_INDEX = 0x15000,
	FAKE_OFFSETS = 0x16000,
	FAKE_RELATIVE_BASE = 0x18000,
};

struct fake_options {
	bool five_levels;
	bool pc_relative;
	bool no_btf, no_data_symbols, no_nr_cpu_ids;
	uint64_t page_offset;   /* 0: as without randomisation */
};

struct fake {
	struct fake_options opt;
	int fd;
	uint8_t *ram;
	struct sf_image *img;
	uint64_t next_page;     /* GPA */
	uint64_t page_offset, vmalloc;
	uint64_t vmcoreinfo_gpa;
	char vmcoreinfo[SF_PAGE_SIZE];
};

#define fake_assert_ok(expr)                                                                       \
	do {                                                                                       \
		struct sf_error *err_ = (expr);                                                    \
		if (err_)                                                                          \
			fail_msg("%s: %s", #expr, sf_error_message(err_));                         \
	} while (0)

static inline void *fake_at(struct fake *f, uint64_t gpa)
{
	assert_true(gpa < FAKE_RAM);
	return f->ram + gpa;
}

static inline void fake_put64(struct fake *f, uint64_t gpa, uint64_t v)
{
	memcpy(fake_at(f, gpa), &v, sizeof(v));
}

static inline void fake_image64(struct fake *f, uint64_t offset, uint64_t v)
{
	fake_put64(f, FAKE_IMAGE_GPA + offset, v);
}

static inline uint64_t fake_page(struct fake *f)
{
	uint64_t gpa = f->next_page;

	f->next_page += SF_PAGE_SIZE;
	memset(fake_at(f, gpa), 0, SF_PAGE_SIZE);
	return gpa;
}

/* Maps @va to @gpa by a page of @level: 1 for 4 KiB, 2 for 2 MiB. */
static inline void fake_map(struct fake *f, uint64_t va, uint64_t gpa, int level)
{
	uint64_t table = FAKE_IMAGE_GPA + FAKE_PGT;

	for (int at = f->opt.five_levels ? 5 : 4; at > level; at--) {
		uint64_t *entry = (uint64_t *)fake_at(f, table) + (va >> (12 + 9 * (at - 1)) & 511);

		if (!(*entry & 1))
			*entry = fake_page(f) | 0x63;
		table = *entry & SF_PAGE_MASK;
	}
	((uint64_t *)fake_at(f, table))[va >> (12 + 9 * (level - 1)) & 511] = gpa | 0x63 | (level > 1 ? 0x80 : 0);
}

static inline void fake_write_btf(struct fake *f, size_t *ret_len)
{
	struct btfb b;

	btfb_init(&b, NULL);

	uint32_t u8 = btfb_add_int(&b, "u8", 1, 0), u32 = btfb_add_int(&b, "u32", 4, 0);
	uint32_t ptr = btfb_add_ptr(&b, 0), slots = btfb_add_array(&b, ptr, u32, 64);
	uint32_t xarray = btfb_add_struct(&b, "xarray", 16);

	btfb_member(&b, "xa_lock", u32, 0);
	btfb_member(&b, "xa_flags", u32, 32);
	btfb_member(&b, "xa_head", ptr, 64);
	btfb_add_struct(&b, "xa_node", 16 + 512);
	btfb_member(&b, "shift", u8, 0);
	btfb_member(&b, "offset", u8, 8);
	btfb_member(&b, "parent", ptr, 64);
	btfb_member(&b, "slots", slots, 128);
	btfb_add_struct(&b, "idr", 24);
	btfb_member(&b, "idr_rt", xarray, 0);
	btfb_member(&b, "idr_base", u32, 128);
	btfb_member(&b, "idr_next", u32, 160);
	/* Two of one name, as struct rq is. */
	btfb_add_struct(&b, "rq", 4);
	btfb_member(&b, "small", u32, 0);
	btfb_add_struct(&b, "rq", 16);
	btfb_member(&b, "clock", u32, 32);
	btfb_member(&b, "curr", ptr, 64);
	btfb_add_struct(&b, "flags", 4);
	btfb_bitfield(&b, "bit", u32, 3, 1);

	_cleanup_free_ uint8_t *bytes = btfb_finish(&b, ret_len);

	assert_true(*ret_len <= FAKE_NUM_SYMS - FAKE_BTF);
	memcpy(fake_at(f, FAKE_IMAGE_GPA + FAKE_BTF), bytes, *ret_len);
}

static inline void fake_write_kallsyms(struct fake *f, size_t btf_len)
{
	struct kse_symbol s[32];
	struct kse k;
	uint32_t n = 0;

#define FAKE_SYMBOL(offset, type, name) s[n++] = (struct kse_symbol){ FAKE_TEXT + (offset), type, name }
	FAKE_SYMBOL(0, 'T', "_stext");
	FAKE_SYMBOL(0, 'T', "_text");
	FAKE_SYMBOL(0x800, 'T', "schedule");
	FAKE_SYMBOL(0x900, 't', "sched_init");
	FAKE_SYMBOL(FAKE_PGT, 'D', "init_top_pgt");
	if (!f->opt.no_data_symbols) {
		FAKE_SYMBOL(FAKE_PAGE_OFFSET_BASE, 'D', "page_offset_base");
		if (!f->opt.no_nr_cpu_ids)
			FAKE_SYMBOL(FAKE_NR_CPU_IDS, 'D', "nr_cpu_ids");
		FAKE_SYMBOL(FAKE_VMCOREINFO_DATA, 'b', "vmcoreinfo_data");
		FAKE_SYMBOL(FAKE_VMCOREINFO_NOTE, 'B', "vmcoreinfo_note");
		FAKE_SYMBOL(FAKE_PER_CPU_OFFSET, 'D', "__per_cpu_offset");
		FAKE_SYMBOL(FAKE_MAP_IDR, 'd', "map_idr");
		FAKE_SYMBOL(FAKE_INIT_TASK, 'D', "init_task");
		if (!f->opt.no_btf) {
			FAKE_SYMBOL(FAKE_BTF, 'R', "__start_BTF");
			FAKE_SYMBOL(FAKE_BTF + btf_len, 'R', "__stop_BTF");
		}
		FAKE_SYMBOL(FAKE_PER_CPU_LOAD - FAKE_TEXT, 'D', "__per_cpu_load");
		FAKE_SYMBOL(FAKE_IMAGE_SIZE, 'B', "_end");
	}
#undef FAKE_SYMBOL
	kse_init(&k, s, n, f->opt.pc_relative ? SF_KALLSYMS_PC_RELATIVE : SF_KALLSYMS_RELATIVE, FAKE_TEXT,
		 FAKE_TEXT + FAKE_OFFSETS);

	uint64_t order = f->opt.pc_relative ? FAKE_OFFSETS + 4ull * n : FAKE_RELATIVE_BASE + 8;

	memcpy(fake_at(f, FAKE_IMAGE_GPA + FAKE_NUM_SYMS), &k.n, 4);
	memcpy(fake_at(f, FAKE_IMAGE_GPA + FAKE_NAMES), k.names, k.names_len);
	memcpy(fake_at(f, FAKE_IMAGE_GPA + FAKE_TOKEN_TABLE), k.tokens, k.tokens_len);
	memcpy(fake_at(f, FAKE_IMAGE_GPA + FAKE_TOKEN_INDEX), k.token_index, sizeof(k.token_index));
	memcpy(fake_at(f, FAKE_IMAGE_GPA + FAKE_OFFSETS), k.offsets, 4ull * n);
	memcpy(fake_at(f, FAKE_IMAGE_GPA + order), k.by_name, 3ull * n);
	fake_image64(f, FAKE_RELATIVE_BASE, FAKE_TEXT);
	kse_free(&k);
}

static inline void fake_write_vmcoreinfo(struct fake *f)
{
	int n = snprintf(f->vmcoreinfo, sizeof(f->vmcoreinfo),
			 "OSRELEASE=9.9.9-fake\nBUILD-ID=0123456789abcdef0123456789abcdef01234567\nPAGESIZE=4096\n"
			 "SYMBOL(_stext)=%llx\nSYMBOL(mem_section)=ffff888001234560\nSIZE(page)=64\n"
			 "SYMBOL(kallsyms_names)=%llx\nSYMBOL(kallsyms_num_syms)=%llx\n"
			 "SYMBOL(kallsyms_token_table)=%llx\nSYMBOL(kallsyms_token_index)=%llx\n"
			 "SYMBOL(kallsyms_offsets)=%llx\n",
			 FAKE_TEXT, FAKE_TEXT + FAKE_NAMES, FAKE_TEXT + FAKE_NUM_SYMS, FAKE_TEXT + FAKE_TOKEN_TABLE,
			 FAKE_TEXT + FAKE_TOKEN_INDEX, FAKE_TEXT + FAKE_OFFSETS);

	if (!f->opt.pc_relative)
		n += snprintf(f->vmcoreinfo + n, sizeof(f->vmcoreinfo) - n, "SYMBOL(kallsyms_relative_base)=%llx\n",
			      FAKE_TEXT + FAKE_RELATIVE_BASE);
	snprintf(f->vmcoreinfo + n, sizeof(f->vmcoreinfo) - n,
		 "NUMBER(phys_base)=%lld\nSYMBOL(init_top_pgt)=%llx\nNUMBER(pgtable_l5_enabled)=%d\n"
		 "KERNELOFFSET=%llx\nNUMBER(sme_mask)=0\n",
		 (long long)FAKE_PHYS_BASE, FAKE_TEXT + FAKE_PGT, f->opt.five_levels,
		 FAKE_TEXT - 0xffffffff81000000ull);
	f->vmcoreinfo_gpa = fake_page(f);
	strcpy(fake_at(f, f->vmcoreinfo_gpa), f->vmcoreinfo);
	fake_image64(f, FAKE_VMCOREINFO_DATA, f->page_offset + f->vmcoreinfo_gpa);
}

static inline void fake_start(struct fake *f, const struct fake_options *opt)
{
	static const struct sf_ram_range range = { .len = FAKE_RAM };
	size_t btf_len;

	*f = (struct fake){ .next_page = FAKE_IMAGE_GPA + FAKE_IMAGE_SIZE };
	if (opt)
		f->opt = *opt;
	f->fd = memfd_create("ram", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(ftruncate(f->fd, FAKE_RAM), 0);
	f->ram = mmap(NULL, FAKE_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	assert_true(f->ram != MAP_FAILED);
	fake_assert_ok(sf_image_ram_new(&f->fd, 1, &range, 1, &f->img));

	f->vmalloc = f->opt.five_levels ? FAKE_VMALLOC_L5 : FAKE_VMALLOC_L4;
	f->page_offset = f->opt.five_levels ? SF_X86_PAGE_OFFSET_L5 : SF_X86_PAGE_OFFSET_L4;
	if (f->opt.page_offset)
		f->page_offset = f->opt.page_offset;
	for (uint64_t at = 0; at < FAKE_RAM; at += 2 << 20)
		fake_map(f, f->page_offset + at, at, 2);
	for (uint64_t at = 0; at < FAKE_IMAGE_SIZE; at += SF_PAGE_SIZE)
		fake_map(f, FAKE_TEXT + at, FAKE_IMAGE_GPA + at, 1);
	fake_image64(f, FAKE_PAGE_OFFSET_BASE, f->page_offset);
	fake_image64(f, FAKE_NR_CPU_IDS, 4);
	fake_image64(f, FAKE_PER_CPU_OFFSET, f->page_offset + 0x800000);
	fake_image64(f, FAKE_PER_CPU_OFFSET + 8, f->page_offset + 0x900000);
	fake_image64(f, FAKE_PER_CPU_OFFSET + 16, 0);
	fake_image64(f, FAKE_PER_CPU_OFFSET + 24, FAKE_PER_CPU_LOAD);
	fake_write_btf(f, &btf_len);
	fake_write_kallsyms(f, btf_len);
	fake_write_vmcoreinfo(f);
}

static inline void fake_stop(struct fake *f)
{
	sf_image_unref(f->img);
	munmap(f->ram, FAKE_RAM);
	close(f->fd);
}

static inline struct sf_kernel *fake_kernel(struct fake *f)
{
	struct sf_kernel *k = NULL;

	fake_assert_ok(sf_kernel_new(f->img, NULL, &k));
	return k;
}

#endif

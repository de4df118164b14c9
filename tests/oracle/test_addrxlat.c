/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our page walk against libaddrxlat's, on the same memory: every address either leads both to the same physical one or
 * neither anywhere.
 *
 *	test_addrxlat RAMFILE gpa:len:offset[,...]
 */

#include <inttypes.h>
#include <libkdumpfile/addrxlat.h>

#include "../ram_args.h"
#include "kernel/vmem.h"

#define PER_CLASS 4000

enum class { DIRECT, IMAGE, VMALLOC, OTHER, RANDOM, N_CLASSES };
static const char *const class_names[N_CLASSES] = {
	"direct map", "kernel image", "vmalloc", "the rest of the kernel's half", "anywhere",
};

struct tally {
	unsigned int mapped, unmapped;
};

struct checker {
	struct sf_image *img;
	struct sf_kernel *k;
	struct sf_vmem *vm;
	addrxlat_ctx_t *ctx;
	addrxlat_meth_t meth;
	struct tally tally[N_CLASSES];
	unsigned int n_wrong;
	uint64_t seed;
	uint64_t vmalloc, vmemmap; /* vmalloc space ends before vmemmap begins */
};

static uint64_t next_random(struct checker *c)
{
	c->seed = c->seed * 6364136223846793005ull + 1442695040888963407ull;
	return c->seed ^ c->seed >> 29;
}

/* ---- their side --------------------------------------------------------------------------------- */

static void put_page(const addrxlat_buffer_t *buf)
{
	(void)buf;
}

static addrxlat_status get_page(const addrxlat_cb_t *cb, addrxlat_buffer_t *buf)
{
	struct checker *c = cb->priv;
	const uint8_t *page = sf_image_page(c->img, buf->addr.addr, NULL);

	if (!page)
		return addrxlat_ctx_err(c->ctx, ADDRXLAT_ERR_NODATA, "no RAM at 0x%" PRIx64, (uint64_t)buf->addr.addr);
	buf->addr.addr &= SF_PAGE_MASK;
	buf->ptr = page;
	buf->size = SF_PAGE_SIZE;
	buf->byte_order = ADDRXLAT_LITTLE_ENDIAN;
	buf->put_page = put_page;
	return ADDRXLAT_OK;
}

static unsigned long read_caps(const addrxlat_cb_t *cb)
{
	(void)cb;
	return ADDRXLAT_CAPS(ADDRXLAT_MACHPHYSADDR);
}

static bool start_theirs(struct checker *c)
{
	const struct sf_pgtable *pt = sf_kernel_pgtable(c->k);

	c->ctx = addrxlat_ctx_new();
	addrxlat_cb_t *cb = c->ctx ? addrxlat_ctx_add_cb(c->ctx) : NULL;

	if (!cb)
		return false;
	cb->priv = c;
	cb->get_page = get_page;
	cb->read_caps = read_caps;
	c->meth = (addrxlat_meth_t){
		.kind = ADDRXLAT_PGT,
		.target_as = ADDRXLAT_MACHPHYSADDR,
		.param.pgt = {
			.root = { .addr = pt->root, .as = ADDRXLAT_MACHPHYSADDR },
			.pf = {
				.pte_format = ADDRXLAT_PTE_X86_64,
				.nfields = pt->five_levels ? 6 : 5,
				.fieldsz = { 12, 9, 9, 9, 9, 9 },
			},
		},
	};
	return true;
}

/* false: nothing is mapped there, or the tables cannot be read. */
static bool their_walk(struct checker *c, uint64_t va, uint64_t *ret)
{
	addrxlat_step_t step = { .ctx = c->ctx, .meth = &c->meth, .base.addr = va };
	addrxlat_status status = addrxlat_walk(&step);

	addrxlat_ctx_clear_err(c->ctx);
	if (status != ADDRXLAT_OK)
		return false;
	*ret = step.base.addr;
	return true;
}

/* ---- comparison --------------------------------------------------------------------------------- */

static void compare(struct checker *c, enum class class, uint64_t va)
{
	struct sf_mapping m = { 0 };
	enum sf_fault why = sf_pgtable_walk(c->img, sf_kernel_pgtable(c->k), va, &m);
	uint64_t theirs = 0, translated = 0;
	bool mapped = their_walk(c, va, &theirs);

	if (mapped)
		c->tally[class].mapped++;
	else
		c->tally[class].unmapped++;
	if (mapped != !why || (mapped && m.gpa != theirs)) {
		if (c->n_wrong++ < 10)
			printf("%s 0x%016" PRIx64 ": ours %s 0x%" PRIx64 ", theirs %s 0x%" PRIx64 "\n",
			       class_names[class], va, sf_fault_text(why), m.gpa, mapped ? "mapped" : "not", theirs);
		return;
	}
	/* What is arithmetic has to be what the tables say, wherever they say something. */
	if (mapped && (sf_vmem_translate(c->vm, va, &translated) || translated != theirs) && c->n_wrong++ < 10)
		printf("%s 0x%016" PRIx64 ": translated to 0x%" PRIx64 ", but mapped to 0x%" PRIx64 "\n",
		       class_names[class], va, translated, theirs);
}

static uint64_t level_size(int level)
{
	return 1ull << (SF_PAGE_SHIFT + 9 * (level - 1));
}

struct leaf {
	uint64_t va, size;
};

struct leaves {
	struct leaf *v;
	size_t n, cap;
};

/* What is mapped, read off the tables without a walk: where to look. */
static void collect(struct checker *c, uint64_t table, int level, uint64_t va, struct leaves *ret)
{
	const uint8_t *page = sf_image_page(c->img, table, NULL);

	for (unsigned int i = 0; page && i < 512; i++) {
		uint64_t entry = sf_load64(page + 8 * i), at = va + i * level_size(level);

		if (!(entry & 1) || ret->n > 4u << 20)
			continue;
		if (level == 1 || (level < 4 && entry & 0x80)) {
			struct leaf *leaf = sf_vec_push(ret);

			if (leaf)
				*leaf = (struct leaf){ at, level_size(level) };
		} else {
			collect(c, entry & 0xffffffffff000ull, level - 1, at, ret);
		}
	}
}

static void compare_leaves(struct checker *c)
{
	const struct sf_pgtable *pt = sf_kernel_pgtable(c->k);
	const uint8_t *root = sf_image_page(c->img, pt->root, NULL);
	int top = pt->five_levels ? 5 : 4;
	uint64_t half = pt->five_levels ? 0xff00000000000000ull : 0xffff800000000000ull;
	uint64_t start, end;

	sf_kernel_image_range(c->k, &start, &end);
	for (unsigned int i = 256; root && i < 512; i++) {
		struct leaves l = { 0 };
		uint64_t entry = sf_load64(root + 8 * i);

		if (entry & 1)
			collect(c, entry & 0xffffffffff000ull, top - 1, half + (i - 256) * level_size(top), &l);
		for (size_t k = 0; k < sf_min(l.n, (size_t)PER_CLASS); k++) {
			struct leaf *leaf = &l.v[l.n <= PER_CLASS ? k : next_random(c) % l.n];
			uint64_t va = leaf->va + next_random(c) % leaf->size;
			bool direct = va - sf_kernel_page_offset(c->k) < c->vm->direct_len;
			bool vmalloc = va >= c->vmalloc && va < c->vmemmap;
			bool image = va - start < end - start;
			enum class class = direct ? DIRECT : image ? IMAGE : vmalloc ? VMALLOC : OTHER;

			compare(c, class, va);
			compare(c, class, leaf->va + leaf->size); /* often the first that is not mapped */
		}
		free(l.v);
	}
}

static void compare_random(struct checker *c)
{
	uint64_t start, end;

	sf_kernel_image_range(c->k, &start, &end);
	for (unsigned int i = 0; i < PER_CLASS; i++) {
		compare(c, DIRECT, sf_kernel_page_offset(c->k) + next_random(c) % c->vm->direct_len);
		compare(c, IMAGE, start + next_random(c) % (end - start));
		compare(c, VMALLOC, c->vmalloc + next_random(c) % (64ull << 20));
		compare(c, OTHER, (next_random(c) | 0xffull << 56));
		compare(c, RANDOM, next_random(c));
	}
}

static bool read_variable(struct checker *c, const char *name, uint64_t *ret)
{
	uint64_t address;

	if (sf_kernel_symbol(c->k, name, &address) && !sf_vmem_u64(c->vm, address, ret))
		return true;
	printf("kernel %s has no %s\n", sf_kernel_release(c->k), name);
	return false;
}

int main(int argc, char **argv)
{
	struct checker c = { .seed = 20240229 };
	unsigned int total = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: %s RAMFILE gpa:len:offset[,...]\n", argv[0]);
		return 1;
	}
	c.img = ram_from_args(argv[1], argv[2]);
	c.vm = malloc(sizeof(*c.vm));
	if (!c.img || !c.vm)
		return 1;
	SF_OWNED(error) err = sf_kernel_new(c.img, NULL, &c.k);

	if (err) {
		printf("%s\n", sf_error_message(err));
		return 1;
	}
	sf_vmem_init(c.vm, c.img, c.k);
	if (!read_variable(&c, "vmalloc_base", &c.vmalloc) || !read_variable(&c, "vmemmap_base", &c.vmemmap))
		return 1;
	if (!start_theirs(&c)) {
		printf("libaddrxlat does not start\n");
		return 1;
	}
	compare_leaves(&c);
	compare_random(&c);
	for (int i = 0; i < N_CLASSES; i++) {
		printf("%-32s %6u mapped, %6u not\n", class_names[i], c.tally[i].mapped, c.tally[i].unmapped);
		total += c.tally[i].mapped + c.tally[i].unmapped;
	}
	printf("%u addresses of kernel %s (%d levels), %u differ\n", total, sf_kernel_release(c.k),
	       sf_kernel_pgtable(c.k)->five_levels ? 5 : 4, c.n_wrong);

	bool enough = total >= 10000 && c.tally[DIRECT].mapped >= 1000 && c.tally[IMAGE].mapped >= 1000 &&
		      c.tally[VMALLOC].mapped >= 100 && c.tally[VMALLOC].unmapped >= 100;

	if (!enough)
		printf("too few to mean something\n");
	addrxlat_ctx_decref(c.ctx);
	sf_kernel_unref(c.k);
	sf_image_unref(c.img);
	free(c.vm);
	return c.n_wrong || !enough;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel_private.h"

struct sf_error *sf_kernel_new(struct sf_image *img, const struct sf_kernel_options *opt, struct sf_kernel **ret)
{
	SF_OWNED(kernel) k = calloc(1, sizeof(*k));

	if (!k)
		return sf_error_nomem();
	atomic_init(&k->refs, 1);
	SF_TRY(sf_kernel_load(k, img, opt));
	*ret = steal_ptr(&k);
	return NULL;
}

struct sf_kernel *sf_kernel_ref(struct sf_kernel *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void sf_kernel_unref(struct sf_kernel *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	sf_vmcoreinfo_clear(&k->vi);
	sf_kallsyms_free(k->symbols);
	sf_btf_unref(k->btf);
	free(k->facts.v);
	free(k);
}

const char *sf_kernel_release(const struct sf_kernel *k)
{
	return k->vi.release;
}

const char *sf_kernel_build_id(const struct sf_kernel *k)
{
	return k->vi.build_id;
}

const char *sf_kernel_vmcoreinfo(const struct sf_kernel *k, size_t *len)
{
	*len = k->vi.len;
	return k->vi.text;
}

struct sf_btf *sf_kernel_btf(const struct sf_kernel *k)
{
	return k->btf;
}

const struct sf_pgtable *sf_kernel_pgtable(const struct sf_kernel *k)
{
	return &k->pgtable;
}

uint64_t sf_kernel_page_offset(const struct sf_kernel *k)
{
	return k->page_offset;
}

uint64_t sf_kernel_phys_base(const struct sf_kernel *k)
{
	return k->vi.phys_base;
}

uint64_t sf_kernel_kaslr_offset(const struct sf_kernel *k)
{
	return k->vi.kernel_offset;
}

void sf_kernel_image_range(const struct sf_kernel *k, uint64_t *start, uint64_t *end)
{
	*start = k->image_start;
	*end = k->image_end;
}

uint32_t sf_kernel_nr_cpu_ids(const struct sf_kernel *k)
{
	return k->nr_cpu_ids;
}

size_t sf_kernel_n_fact_runs(const struct sf_kernel *k)
{
	return k->facts.n;
}

struct sf_image_run sf_kernel_fact_run(const struct sf_kernel *k, size_t i)
{
	return k->facts.v[i];
}

/* ---- symbols ------------------------------------------------------------------------------------ */

bool sf_kernel_symbol(const struct sf_kernel *k, const char *name, uint64_t *ret)
{
	uint32_t i;

	if (!sf_kallsyms_find(k->symbols, name, &i))
		return false;
	*ret = sf_kallsyms_address(k->symbols, i);
	return true;
}

static void fill_symbol(const struct sf_kernel *k, uint32_t i, uint64_t addr, uint64_t end, char buf[SF_SYMBOL_NAME],
			struct sf_symbol *ret)
{
	uint64_t start = sf_kallsyms_address(k->symbols, i);

	sf_kallsyms_name(k->symbols, i, buf, SF_SYMBOL_NAME, &ret->type);
	ret->name = buf;
	ret->address = start;
	ret->offset = addr - start;
	ret->size = end > start ? end - start : 0;
	ret->module = NULL;
}

bool sf_kernel_symbol_at(const struct sf_kernel *k, uint64_t addr, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret)
{
	uint32_t i;
	uint64_t end;

	/* Also keeps away from per-CPU offsets, which in some kernels are symbols near 0. */
	if (addr < k->image_start || addr >= k->image_end || !sf_kallsyms_at(k->symbols, addr, &i, &end) ||
	    sf_kallsyms_address(k->symbols, i) < k->image_start)
		return false;
	fill_symbol(k, i, addr, end ? end : k->image_end, buf, ret);
	return true;
}

uint32_t sf_kernel_n_symbols(const struct sf_kernel *k)
{
	return sf_kallsyms_n(k->symbols);
}

bool sf_kernel_symbol_nth(const struct sf_kernel *k, uint32_t i, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret)
{
	if (i >= sf_kallsyms_n(k->symbols))
		return false;
	uint64_t start = sf_kallsyms_address(k->symbols, i), end;
	uint32_t first;

	if (!sf_kallsyms_at(k->symbols, start, &first, &end))
		end = 0;
	fill_symbol(k, i, start, end, buf, ret);
	return true;
}

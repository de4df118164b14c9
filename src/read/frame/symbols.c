/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What code is at an address: the kernel's image by its symbols, generated code by the list that the capture kept.
 */

#include <stdatomic.h>

#include "base/text.h"
#include "bpf/values.h"
#include "document_private.h"

struct sf_frame_symbols {
	struct sf_bpf_ksym *v; /* by start */
	size_t n, cap;
	bool no_memory;
};

/* An escaped name always fits. */
_Static_assert(SF_BPF_KSYM_NAME * 4 <= SF_SYMBOL_NAME, "names of generated code");

static bool list_ksym(void *arg, const struct sf_bpf_ksym *sym)
{
	struct sf_frame_symbols *s = arg;
	struct sf_bpf_ksym *to = sf_vec_push(s);

	if (!to) {
		s->no_memory = true;
		return false;
	}
	*to = *sym;
	return true;
}

static int by_start(const void *x, const void *y)
{
	const struct sf_bpf_ksym *a = x, *b = y;

	return a->start != b->start ? (a->start < b->start ? -1 : 1) : a->end < b->end ? -1 : a->end > b->end;
}

void sf_frame_symbols_free(struct sf_frame_symbols *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}

/* NULL: no memory. A kernel without the list, and a frame without its page, have no such symbols. */
static struct sf_frame_symbols *make_symbols(struct sf_frame *f)
{
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	struct sf_frame_symbols *s = calloc(1, sizeof(*s));
	struct sf_bpf_stats stats;

	if (!s || !vm) {
		free(s);
		return NULL;
	}
	sf_vmem_init(vm, f->image, f->kernel);
	SF_OWNED(error) err = sf_bpf_ksyms(f->bpf, vm, list_ksym, s, &stats);

	if (s->no_memory || sf_error_code(err) == SF_NO_MEMORY) {
		sf_frame_symbols_free(s);
		return NULL;
	}
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_start);
	return s;
}

static const struct sf_frame_symbols *symbols_of(struct sf_frame *f)
{
	struct sf_frame_symbols *s = atomic_load_explicit(&f->symbols, memory_order_acquire);

	if (s)
		return s;
	pthread_mutex_lock(&f->lock);
	s = f->symbols;
	if (!s && (s = make_symbols(f)))
		atomic_store_explicit(&f->symbols, s, memory_order_release);
	pthread_mutex_unlock(&f->lock);
	return s;
}

static bool generated_at(struct sf_frame *f, uint64_t addr, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret)
{
	const struct sf_frame_symbols *s = symbols_of(f);
	size_t lo = 0, hi = s ? s->n : 0; /* the first that starts behind @addr is in [lo, hi] */

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr >= s->v[lo - 1].end)
		return false;
	const struct sf_bpf_ksym *sym = &s->v[lo - 1];

	sf_text_escape(sym->name, buf, SF_SYMBOL_NAME);
	*ret = (struct sf_symbol){
		.name = buf,
		.type = 't', /* BPF_SYM_ELF_TYPE of include/linux/filter.h */
		.address = sym->start,
		.offset = addr - sym->start,
		.size = sym->end - sym->start,
		.module = "bpf",
	};
	return true;
}

bool sf_frame_symbol_at(struct sf_frame *f, uint64_t addr, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret)
{
	char raw[SF_SYMBOL_NAME];

	if (f->doc)
		return sf_document_symbol_at(f->doc, addr, buf, ret);
	if (!f->kernel)
		return false;
	if (!sf_kernel_symbol_at(f->kernel, addr, raw, ret))
		return generated_at(f, addr, buf, ret);
	sf_text_escape(raw, buf, SF_SYMBOL_NAME);
	ret->name = buf;
	return true;
}

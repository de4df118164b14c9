/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of generated code: the list that the kernel keeps of programs, trampolines and dispatchers.
 *
 * Writers add at the tail and take out what is in the middle as RCU wants it (kernel/bpf/core.c, bpf_ksym_add() and
 * bpf_ksym_del()): whoever goes forward meets whole nodes, wherever a writer was stopped. So what makes no sense here is
 * damage, and no more is believed than was seen.
 */

#include <inttypes.h>

#include "bpf/values.h"
#include "bpf_private.h"

/*
 * The largest image: as many instructions as the verifier takes, each as long as the JIT makes none
 * (BPF_COMPLEXITY_LIMIT_INSNS, include/linux/bpf.h; BPF_MAX_INSN_SIZE + BPF_INSN_SAFETY, arch/x86/net/bpf_jit_comp.c).
 */
#define MAX_IMAGE (1000000ull * (128 + 64))

struct walk {
	const struct sf_bpf *bpf;
	struct sf_vmem *vm;
	bool five_levels;
	uint64_t mark, steps, mark_at; /* Brent's: an earlier node, and when to take the next one */
	struct sf_bpf_stats stats;
};

/* What is read is kept: no page beyond the one that a name ends on is asked for. */
static bool read_name(struct sf_vmem *vm, uint64_t kva, size_t max, char *name)
{
	for (size_t at = 0, n; at < max; at += n) {
		n = sf_min(max - at, SF_PAGE_SIZE - (size_t)((kva + at) & (SF_PAGE_SIZE - 1)));
		if (sf_vmem_read(vm, kva + at, name + at, n) != SF_FAULT_NONE)
			return false;
		if (memchr(name + at, '\0', n))
			break;
	}
	return *name;
}

/* false: it cannot be read, or makes no sense. */
static bool read_ksym(const struct walk *w, uint64_t kva, struct sf_bpf_ksym *sym)
{
	const struct sf_bpf *bpf = w->bpf;
	size_t max = sf_min((size_t)bpf->ksym.name.size, sizeof(sym->name) - 1);

	if (sf_vmem_u64(w->vm, kva + bpf->ksym.start.offset, &sym->start) != SF_FAULT_NONE ||
	    sf_vmem_u64(w->vm, kva + bpf->ksym.end.offset, &sym->end) != SF_FAULT_NONE ||
	    sym->start >= sym->end || sym->end - sym->start > MAX_IMAGE ||
	    !sf_arch_is_kernel_address(w->five_levels, sym->start))
		return false;
	memset(sym->name, 0, sizeof(sym->name));
	return read_name(w->vm, kva + bpf->ksym.name.offset, max, sym->name);
}

/* Is @lnode a node that was not met before? A chain that runs into itself is found in less than three rounds. */
static bool is_fresh(struct walk *w, uint64_t lnode)
{
	if (lnode % 8 || !sf_arch_is_kernel_address(w->five_levels, lnode) || lnode == w->mark)
		return false;
	if (++w->steps == w->mark_at) {
		w->mark = lnode;
		w->mark_at *= 2;
		w->steps = 0;
	}
	return true;
}

static void walk_list(struct walk *w, uint64_t head, uint64_t first, sf_bpf_ksym_fn *fn, void *arg)
{
	uint64_t lnode = first, next = 0;
	struct sf_bpf_ksym sym;

	for (uint32_t n = 0; lnode != head; n++, lnode = next) {
		if (n == SF_BPF_MAX_OBJECTS) {
			w->stats.capped = true;
			return;
		}
		if (!is_fresh(w, lnode)) {
			w->stats.n_torn++;
			w->stats.capped = true;
			return;
		}
		bool whole = read_ksym(w, lnode - w->bpf->ksym.lnode.offset, &sym);

		if (sf_vmem_u64(w->vm, lnode, &next) != SF_FAULT_NONE)
			w->stats.capped = true;
		w->stats.n_torn += !whole || w->stats.capped;
		w->stats.n_objects += whole;
		if ((whole && !fn(arg, &sym)) || w->stats.capped)
			return;
	}
}

struct sf_error *sf_bpf_ksyms(const struct sf_bpf *bpf, struct sf_vmem *vm, sf_bpf_ksym_fn *fn, void *arg,
			      struct sf_bpf_stats *ret)
{
	struct walk w = { .bpf = bpf, .vm = vm, .mark_at = 1,
			  .five_levels = sf_kernel_pgtable(bpf->kernel)->five_levels };
	uint64_t first = 0;

	if (!bpf->kallsyms)
		return sf_error_new(SF_KERNEL, "kernel %s has no symbol bpf_kallsyms: CONFIG_BPF_JIT is off",
				    sf_kernel_release(bpf->kernel));
	if (!bpf->ksym.start.present || !bpf->ksym.end.present || !bpf->ksym.name.present || !bpf->ksym.lnode.present)
		return sf_error_new(SF_KERNEL, "kernel %s has no struct bpf_ksym with start, end, name and lnode in its "
				    "BTF", sf_kernel_release(bpf->kernel));
	enum sf_fault why = sf_vmem_u64(vm, bpf->kallsyms, &first);

	if (why)
		return sf_error_new(SF_PAGE_NOT_KEPT, "bpf_kallsyms at 0x%" PRIx64 ": %s", bpf->kallsyms,
				    sf_fault_text(why));
	walk_list(&w, bpf->kallsyms, first, fn, arg);
	*ret = w.stats;
	return NULL;
}

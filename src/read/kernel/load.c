/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <sys/mman.h>

#include "kernel_private.h"

/*
 * From memory to a kernel. Each step is checked against the one before, because a page that says OSRELEASE= may have
 * been written by anybody: the page tables that VMCOREINFO names must map the kernel's text to where phys_base says it
 * is, the symbol table that it names must know _stext at the address that it gives, and the kernel's own pointer to its
 * VMCOREINFO must lead to a page that says the same.
 */

#define KERNEL_IMAGE_MAX (1ull << 30)   /* KERNEL_IMAGE_SIZE */
#define MAX_CPUS 8192                   /* NR_CPUS of MAXSMP */
#define MAX_CANDIDATES 256
#define MAX_NAMES_LEN (64u << 20)
#define HUGE_PAGE (2u << 20)

struct loader {
	struct sf_image *img;
	const struct sf_logger *log;
	struct sf_kernel *k;
	bool told;            /* VMCOREINFO came from outside: its page need not be in the image */
	uint32_t n_candidates;
	uint64_t candidate;   /* GPA of the page */
	struct sf_error *err; /* why the last candidate was refused */
};

/* ---- reading ------------------------------------------------------------------------------------ */

static bool note_fact(struct loader *l, uint64_t gpa, uint64_t len)
{
	uint64_t start = gpa & SF_PAGE_MASK;
	struct sf_image_run *run = sf_vec_push(&l->k->facts);

	if (!run)
		return false;
	*run = (struct sf_image_run){ .gpa = start, .len = sf_align_up(gpa + len, SF_PAGE_SIZE) - start };
	return true;
}

static int by_gpa(const void *a, const void *b)
{
	const struct sf_image_run *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

/* Sorted, and what overlaps or touches in one. */
static void merge_facts(struct sf_kernel *k)
{
	size_t n = 0;

	qsort(k->facts.v, k->facts.n, sizeof(k->facts.v[0]), by_gpa);
	for (size_t i = 0; i < k->facts.n; i++) {
		struct sf_image_run run = k->facts.v[i];
		struct sf_image_run *last = n ? &k->facts.v[n - 1] : NULL;

		if (last && run.gpa <= last->gpa + last->len)
			last->len = sf_max(last->gpa + last->len, run.gpa + run.len) - last->gpa;
		else
			k->facts.v[n++] = run;
	}
	k->facts.n = n;
}

static SF_CHECKED struct sf_error *read_physical(struct loader *l, uint64_t gpa, void *buf, size_t len,
						 const char *what)
{
	enum sf_fault why = sf_image_read(l->img, gpa, buf, len);

	if (why)
		return sf_error_new(SF_KERNEL, "%s (%zu bytes at guest-physical 0x%" PRIx64 "): %s", what, len, gpa,
				    sf_fault_text(why));
	return note_fact(l, gpa, len) ? NULL : sf_error_nomem();
}

/* The kernel image is one piece of physical memory. */
static SF_CHECKED struct sf_error *image_gpa(struct loader *l, uint64_t va, uint64_t len, const char *what,
					     uint64_t *ret)
{
	if (va < SF_X86_START_KERNEL_MAP || !sf_in_range(va - SF_X86_START_KERNEL_MAP, len, KERNEL_IMAGE_MAX))
		return sf_error_new(SF_KERNEL, "%s: 0x%" PRIx64 " + 0x%" PRIx64 " is not in the kernel image", what, va,
				    len);
	*ret = va - SF_X86_START_KERNEL_MAP + l->k->vi.phys_base;
	return NULL;
}

static SF_CHECKED struct sf_error *read_image(struct loader *l, uint64_t va, void *buf, size_t len, const char *what)
{
	uint64_t gpa = 0;

	SF_TRY(image_gpa(l, va, len, what, &gpa));
	return read_physical(l, gpa, buf, len, what);
}

/*
 * Megabytes that are written once, and cold: what they cost is page faults. Huge pages spare them; a last huge page
 * that would hold little is not worth clearing.
 */
static void *alloc_large(size_t len)
{
	size_t rest = len % HUGE_PAGE;
	void *p;

	if (len < HUGE_PAGE / 4)
		return malloc(len ? len : 1);
	if (rest > HUGE_PAGE / 4)
		len += HUGE_PAGE - rest;
	if (posix_memalign(&p, HUGE_PAGE, len))
		return NULL;
	madvise(p, len, MADV_HUGEPAGE);
	return p;
}

/* Walks the page tables for @va, and keeps the tables among the facts. */
static SF_CHECKED struct sf_error *expect_mapping(struct loader *l, uint64_t va, uint64_t gpa, const char *what)
{
	struct sf_mapping m = { 0 };
	enum sf_fault why = sf_pgtable_walk(l->img, &l->k->pgtable, va, &m);

	if (why)
		return sf_error_new(SF_KERNEL,
				    "the page tables at guest-physical 0x%" PRIx64 " do not map %s (0x%" PRIx64 "): %s",
				    l->k->pgtable.root, what, va, sf_fault_text(why));
	if (m.gpa != gpa)
		return sf_error_new(SF_KERNEL,
				    "the page tables map %s (0x%" PRIx64 ") to guest-physical 0x%" PRIx64
				    ", not to 0x%" PRIx64,
				    what, va, m.gpa, gpa);
	for (uint32_t i = 0; i < m.n_tables; i++)
		if (!note_fact(l, m.tables[i], 1))
			return sf_error_nomem();
	return NULL;
}

/* ---- kallsyms ----------------------------------------------------------------------------------- */

/* From @start to the next of the addresses that VMCOREINFO gives, which is somewhere behind the end. */
static uint64_t room_behind(const struct sf_vmcoreinfo *vi, uint64_t start, uint64_t max)
{
	uint64_t room = sf_min(max, SF_X86_START_KERNEL_MAP + KERNEL_IMAGE_MAX - start);
	uint64_t address;
	size_t pos = 0;
	char name[128];

	while (sf_vmcoreinfo_next_symbol(vi, &pos, name, &address))
		if (address > start)
			room = sf_min(room, address - start);
	return room;
}

struct names {
	struct sf_kallsyms_tables t;
	uint8_t tokens[SF_KALLSYMS_MAX_TOKENS_SIZE], token_index[SF_KALLSYMS_TOKEN_INDEX_SIZE];
};

static void free_names(struct names **p)
{
	if (*p)
		free((*p)->t.memory);
	free(*p);
}

static SF_CHECKED struct sf_error *read_tokens(struct loader *l, struct names *n)
{
	const struct sf_vmcoreinfo *vi = &l->k->vi;

	SF_TRY(read_image(l, vi->kallsyms.token_index, n->token_index, sizeof(n->token_index),
			  "kallsyms_token_index"));
	n->t.token_index = n->token_index;
	n->t.tokens_len = room_behind(vi, vi->kallsyms.token_table, sizeof(n->tokens));
	n->t.tokens = n->tokens;
	return read_image(l, vi->kallsyms.token_table, n->tokens, n->t.tokens_len, "kallsyms_token_table");
}

/*
 * kallsyms_seqs_of_names is not in VMCOREINFO, but scripts/kallsyms.c (6.2 to 7.3) puts it last: behind the base where
 * there is one, else behind the offsets. Not to find it is no error.
 */
static SF_CHECKED struct sf_error *read_order(struct loader *l, struct sf_kallsyms_tables *t, uint8_t *buf)
{
	const struct sf_vmcoreinfo *vi = &l->k->vi;
	uint64_t va = vi->kallsyms.has_relative_base ? vi->kallsyms.relative_base + 8 :
						       vi->kallsyms.offsets + 4ull * t->n;
	uint64_t gpa = va - SF_X86_START_KERNEL_MAP + vi->phys_base;

	if (sf_image_read(l->img, gpa, buf, 3ull * t->n))
		return NULL;
	t->by_name = buf;
	return note_fact(l, gpa, 3ull * t->n) ? NULL : sf_error_nomem();
}

static SF_CHECKED struct sf_error *read_names(struct loader *l, struct sf_kallsyms_tables *t)
{
	const struct sf_vmcoreinfo *vi = &l->k->vi;
	uint64_t gpa = 0;

	SF_TRY(read_image(l, vi->kallsyms.num_syms, &t->n, sizeof(t->n), "kallsyms_num_syms"));
	if (!t->n || t->n > SF_KALLSYMS_MAX_SYMBOLS)
		return sf_error_new(SF_KERNEL, "kallsyms_num_syms is %" PRIu32, t->n);
	t->names_len = room_behind(vi, vi->kallsyms.names, MAX_NAMES_LEN);
	SF_TRY(image_gpa(l, vi->kallsyms.names, t->names_len, "kallsyms_names", &gpa));
	if (!sf_in_range(gpa, t->names_len, sf_image_top(l->img)))
		return sf_error_new(SF_KERNEL, "kallsyms_names at guest-physical 0x%" PRIx64 " is not in RAM", gpa);

	uint8_t *memory = alloc_large(t->names_len + 7ull * t->n);

	t->memory = memory;
	if (!memory)
		return sf_error_nomem();
	t->names = memory;
	t->offsets = memory + t->names_len;
	SF_TRY(read_physical(l, gpa, memory, t->names_len, "kallsyms_names"));
	t->offsets_address = vi->kallsyms.offsets;
	SF_TRY(read_image(l, vi->kallsyms.offsets, memory + t->names_len, 4ull * t->n, "kallsyms_offsets"));
	t->has_base = vi->kallsyms.has_relative_base;
	if (t->has_base)
		SF_TRY(read_image(l, vi->kallsyms.relative_base, &t->base, sizeof(t->base), "kallsyms_relative_base"));
	return read_order(l, t, memory + t->names_len + 4ull * t->n);
}

static SF_CHECKED struct sf_error *load_symbols(struct loader *l)
{
	const struct sf_vmcoreinfo *vi = &l->k->vi;
	_cleanup_(free_names) struct names *n = calloc(1, sizeof(*n));
	struct sf_kallsyms_anchor anchors[8] = { { "_stext", vi->stext } };
	char names[ARRAY_SIZE(anchors)][128];
	size_t n_anchors = 1, pos = 0;

	if (!n)
		return sf_error_nomem();
	SF_TRY(read_tokens(l, n));
	SF_TRY(read_names(l, &n->t));
	while (n_anchors < ARRAY_SIZE(anchors) &&
	       sf_vmcoreinfo_next_symbol(vi, &pos, names[n_anchors], &anchors[n_anchors].address)) {
		anchors[n_anchors].name = names[n_anchors];
		n_anchors++;
	}
	SF_TRY(sf_kallsyms_new(&n->t, anchors, n_anchors, &l->k->symbols));
	n->t.memory = NULL;
	return NULL;
}

/* ---- the rest ----------------------------------------------------------------------------------- */

static SF_CHECKED struct sf_error *need_symbol(struct loader *l, const char *name, const char *option, uint64_t *ret)
{
	uint64_t any;

	if (sf_kernel_symbol(l->k, name, ret))
		return NULL;
	/* A symbol of data that every kernel has: without it there are functions only. */
	if (!sf_kernel_symbol(l->k, "init_task", &any))
		option = "CONFIG_KALLSYMS_ALL";
	return sf_error_new(SF_KERNEL, "kernel %s has no symbol %s: it is built without %s", l->k->vi.release, name,
			    option);
}

static SF_CHECKED struct sf_error *load_image_range(struct loader *l)
{
	struct sf_kernel *k = l->k;

	if (!sf_kernel_symbol(k, "_text", &k->image_start) || k->image_start > k->vi.stext)
		k->image_start = k->vi.stext;
	SF_TRY(need_symbol(l, "_end", "CONFIG_KALLSYMS_ALL", &k->image_end));
	if (k->image_end <= k->image_start || k->image_end > SF_X86_START_KERNEL_MAP + KERNEL_IMAGE_MAX)
		return sf_error_new(SF_KERNEL, "kernel %s: its image from 0x%" PRIx64 " to 0x%" PRIx64 " is impossible",
				    k->vi.release, k->image_start, k->image_end);
	return NULL;
}

/* The top page table itself is memory that the direct map shows at a known place. */
static SF_CHECKED struct sf_error *load_page_offset(struct loader *l)
{
	struct sf_kernel *k = l->k;
	uint64_t variable;

	k->page_offset = k->vi.five_levels ? SF_X86_PAGE_OFFSET_L5 : SF_X86_PAGE_OFFSET_L4;
	if (sf_kernel_symbol(k, "page_offset_base", &variable))
		SF_TRY(read_image(l, variable, &k->page_offset, sizeof(k->page_offset), "page_offset_base"));
	if (!sf_arch_is_kernel_address(k->vi.five_levels, k->page_offset) || k->page_offset & ~SF_PAGE_MASK)
		return sf_error_new(SF_KERNEL, "page_offset_base of kernel %s is 0x%" PRIx64, k->vi.release,
				    k->page_offset);
	return expect_mapping(l, k->page_offset + k->pgtable.root, k->pgtable.root, "the direct map");
}

/*
 * Does the kernel itself, through the variable @pointer, say what the candidate says? It adds lines only at the end
 * (CRASHTIME), so one is the beginning of the other.
 */
static SF_CHECKED struct sf_error *check_pointer(struct loader *l, const char *pointer, uint64_t skip, bool *ret)
{
	struct sf_kernel *k = l->k;
	uint64_t variable, va = 0;
	char text[SF_VMCOREINFO_MAX];

	*ret = false;
	if (!sf_kernel_symbol(k, pointer, &variable))
		return NULL;
	SF_TRY(read_image(l, variable, &va, sizeof(va), pointer));

	uint64_t gpa = va - k->page_offset;

	if (gpa >= sf_image_top(l->img) || sf_image_read(l->img, gpa + skip, text, sizeof(text) - skip))
		return NULL;
	size_t len = sf_min(k->vi.len, strnlen(text, sizeof(text) - skip));

	*ret = len && !memcmp(text, k->vi.text, len);
	return *ret && !note_fact(l, gpa, SF_PAGE_SIZE) ? sf_error_nomem() : NULL;
}

static SF_CHECKED struct sf_error *check_own_vmcoreinfo(struct loader *l)
{
	uint64_t any;
	bool same;

	SF_TRY(check_pointer(l, "vmcoreinfo_data", 0, &same));
	if (!same)
		SF_TRY(check_pointer(l, "vmcoreinfo_note", 24, &same));
	if (l->told)
		return NULL;
	if (!same &&
	    (sf_kernel_symbol(l->k, "vmcoreinfo_data", &any) || sf_kernel_symbol(l->k, "vmcoreinfo_note", &any)))
		return sf_error_new(SF_KERNEL, "kernel %s: its own VMCOREINFO is another", l->k->vi.release);
	return note_fact(l, l->candidate, SF_PAGE_SIZE) ? NULL : sf_error_nomem();
}

static SF_CHECKED struct sf_error *load_cpus(struct loader *l)
{
	struct sf_kernel *k = l->k;
	uint64_t variable, end;
	uint32_t n = 0, i;

	SF_TRY(need_symbol(l, "__per_cpu_offset", "CONFIG_SMP", &k->per_cpu_offset));
	/* BOOT_PERCPU_OFFSET: until a CPU's area is there its offset leads to the initial data (asm/percpu.h). */
	if (!sf_kernel_symbol(k, "__per_cpu_load", &k->per_cpu_unset))
		k->per_cpu_unset = 0;
	if (sf_kernel_symbol(k, "nr_cpu_ids", &variable))
		SF_TRY(read_image(l, variable, &n, sizeof(n), "nr_cpu_ids"));
	if (n && n <= MAX_CPUS) {
		k->nr_cpu_ids = n;
		return NULL;
	}
	/* A constant in this kernel (CONFIG_FORCE_NR_CPUS): as many CPUs as have an area. */
	if (sf_kallsyms_at(k->symbols, k->per_cpu_offset, &i, &end) && end > k->per_cpu_offset)
		n = sf_min((end - k->per_cpu_offset) / 8, (uint64_t)MAX_CPUS);
	for (k->nr_cpu_ids = 1; k->nr_cpu_ids < n; k->nr_cpu_ids++) {
		uint64_t offset;

		SF_TRY(read_image(l, k->per_cpu_offset + 8ull * k->nr_cpu_ids, &offset, sizeof(offset),
				  "__per_cpu_offset"));
		if (!offset || offset == k->per_cpu_unset)
			break;
	}
	return NULL;
}

static void free_bytes(void *bytes)
{
	free(bytes);
}

static SF_CHECKED struct sf_error *load_btf(struct loader *l)
{
	uint64_t start = 0, stop = 0, gpa = 0;

	SF_TRY(need_symbol(l, "__start_BTF", "CONFIG_DEBUG_INFO_BTF", &start));
	SF_TRY(need_symbol(l, "__stop_BTF", "CONFIG_DEBUG_INFO_BTF", &stop));
	if (stop <= start || stop - start > SF_BTF_MAX_SIZE)
		return sf_error_new(SF_KERNEL, "kernel %s: BTF from 0x%" PRIx64 " to 0x%" PRIx64 " is impossible",
				    l->k->vi.release, start, stop);
	SF_TRY(image_gpa(l, start, stop - start, "BTF", &gpa));
	if (!sf_in_range(gpa, stop - start, sf_image_top(l->img)))
		return sf_error_new(SF_KERNEL, "BTF at guest-physical 0x%" PRIx64 " is not in RAM", gpa);

	_cleanup_free_ void *bytes = alloc_large(stop - start);

	if (!bytes)
		return sf_error_nomem();
	SF_TRY(read_physical(l, gpa, bytes, stop - start, "BTF"));
	SF_TRY(sf_btf_new(bytes, stop - start, NULL, free_bytes, bytes, &l->k->btf));
	steal_ptr(&bytes);
	return NULL;
}

static SF_CHECKED struct sf_error *load_radix(struct loader *l)
{
	static const struct sf_place_spec specs[] = {
		{ offsetof(struct sf_radix_layout, idr_xarray), "idr", "idr_rt", true },
		{ offsetof(struct sf_radix_layout, idr_base), "idr", "idr_base", true },
		{ offsetof(struct sf_radix_layout, xarray_head), "xarray", "xa_head", true },
		{ offsetof(struct sf_radix_layout, node_shift), "xa_node", "shift", true },
		{ offsetof(struct sf_radix_layout, node_slots), "xa_node", "slots", true },
	};

	return sf_kernel_layout(l->k, specs, ARRAY_SIZE(specs), &l->k->radix);
}

/* ---- candidates --------------------------------------------------------------------------------- */

/* What tells a kernel from a page of text. @l->k->vi is there. */
static SF_CHECKED struct sf_error *prove(struct loader *l)
{
	struct sf_kernel *k = l->k;
	uint64_t stext = 0;

	SF_TRY(image_gpa(l, k->vi.stext, 1, "_stext", &stext));
	SF_TRY(image_gpa(l, k->vi.pgtable, SF_PAGE_SIZE, "init_top_pgt", &k->pgtable.root));
	k->pgtable.five_levels = k->vi.five_levels;
	SF_TRY(expect_mapping(l, k->vi.stext, stext, "_stext"));
	SF_TRY(load_symbols(l));
	SF_TRY(load_page_offset(l));
	return check_own_vmcoreinfo(l);
}

static void forget(struct sf_kernel *k)
{
	sf_vmcoreinfo_clear(&k->vi);
	sf_kallsyms_free(k->symbols);
	k->symbols = NULL;
	k->facts.n = 0;
}

static bool try_candidate(void *arg, uint64_t gpa, const char *text, size_t len)
{
	struct loader *l = arg;
	struct sf_error *err = sf_vmcoreinfo_parse(text, len, &l->k->vi);

	l->candidate = gpa;
	if (!err)
		err = prove(l);
	if (!err)
		return true;
	l->n_candidates++;
	sf_log(l->log, SF_LOG_DEBUG, "VMCOREINFO at guest-physical 0x%" PRIx64 " refused: %s", gpa,
	       sf_error_message(err));
	/* The first that at least had the form of one tells the most. */
	if (!l->err || (sf_error_code(l->err) == SF_BAD_INPUT && sf_error_code(err) != SF_BAD_INPUT)) {
		sf_error_free(l->err);
		l->err = sf_error_context(err, "VMCOREINFO at guest-physical 0x%" PRIx64, gpa);
	} else {
		sf_error_free(err);
	}
	forget(l->k);
	return l->n_candidates >= MAX_CANDIDATES;
}

static SF_CHECKED struct sf_error *find_kernel(struct loader *l)
{
	uint64_t n_pages = 0;

	if (sf_vmcoreinfo_scan(l->img, try_candidate, l, &n_pages) && l->k->symbols) {
		sf_error_free(l->err);
		l->err = NULL;
		sf_log(l->log, SF_LOG_DEBUG, "VMCOREINFO at guest-physical 0x%" PRIx64 ", page %" PRIu64 " looked at",
		       l->candidate, n_pages);
		return NULL;
	}
	if (l->err)
		return steal_ptr(&l->err);
	return sf_error_new(SF_KERNEL,
			    "no VMCOREINFO in %" PRIu64 " pages of memory: no Linux kernel has booted in it yet, or it "
			    "is built without CONFIG_VMCORE_INFO (before 6.9: CONFIG_CRASH_CORE)",
			    n_pages);
}

struct sf_error *sf_kernel_load(struct sf_kernel *k, struct sf_image *img, const struct sf_kernel_options *opt)
{
	struct loader l = { .img = img, .k = k, .log = opt ? opt->log : NULL };

	if (opt && opt->vmcoreinfo) {
		l.told = true;
		SF_TRY(sf_vmcoreinfo_parse(opt->vmcoreinfo, opt->vmcoreinfo_len, &k->vi));
		SF_TRY(prove(&l));
	} else {
		SF_TRY(find_kernel(&l));
	}
	SF_TRY(load_image_range(&l));
	SF_TRY(load_cpus(&l));
	SF_TRY(load_btf(&l));
	SF_TRY(load_radix(&l));
	merge_facts(k);
	sf_log(l.log, SF_LOG_INFO,
	       "kernel %s: %" PRIu32 " symbols (%s), KASLR 0x%" PRIx64 ", direct map at 0x%" PRIx64
	       ", %d-level page tables, %" PRIu32 " CPUs",
	       k->vi.release, sf_kallsyms_n(k->symbols), sf_kallsyms_encoding_name(sf_kallsyms_encoding(k->symbols)),
	       k->vi.kernel_offset, k->page_offset, k->vi.five_levels ? 5 : 4, k->nr_cpu_ids);
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define LOW_LEN (32 * MIB)
#define HIGH_MIB 8u
#define HIGH_GPA (4096 * MIB)
#define FIRST_PAGE (1 * MIB)  /* GPA that allocation begins with */
#define IMAGE_LINKED (16 * MIB) /* from __START_KERNEL_map, and physical where nothing was moved */
#define IMAGE_LEN (4 * MIB)

/* Within the image. */
#define TEXT_AT 0x1000ul
#define PADDING_AT 0x10000ul
#define RODATA_AT (2 * MIB)
#define DATA_AT (3 * MIB)
#define END_AT (DATA_AT + 0x80000)

#define START_KERNEL_MAP 0xffffffff80000000ull
#define VMALLOC_L4 0xffffc90000000000ull
#define VMALLOC_L5 0xffa0000000000000ull

#define PRESENT 0x63ull /* present, writable, accessed, dirty */
#define LARGE 0x80ull

#define MAX_SYMBOLS 4096
#define N_TOKENS 256

_Noreturn static void broken(const char *what)
{
	fprintf(stderr, "fake guest: %s\n", what);
	abort();
}

static uint64_t high_len(const struct fake_guest *g)
{
	return g->opt.high_mib * MIB;
}

/* ---- memory ---------------------------------------------------------------------------------------- */

uint8_t *fake_host(struct fake_guest *g, uint64_t gpa)
{
	if (gpa < LOW_LEN)
		return g->ram + gpa;
	if (!g->opt.high || gpa < HIGH_GPA || gpa - HIGH_GPA >= high_len(g))
		broken("no RAM at this address");
	return g->ram + LOW_LEN + (gpa - HIGH_GPA);
}

uint64_t fake_page(struct fake_guest *g)
{
	uint64_t gpa = g->next_page;

	if (gpa >= IMAGE_LINKED)
		broken("out of pages");
	g->next_page += SF_PAGE_SIZE;
	return gpa;
}

uint64_t fake_high_page(struct fake_guest *g)
{
	uint64_t gpa = g->next_high_page;

	if (!g->opt.high || gpa >= HIGH_GPA + high_len(g))
		return fake_page(g);
	g->next_high_page += SF_PAGE_SIZE;
	return gpa;
}

/* The entry of level @level (1: of a 4 KiB page) for @va; tables above it are made. */
static uint64_t *entry_of(struct fake_guest *g, uint64_t va, int level)
{
	uint64_t table = g->root;

	for (int at = g->opt.five_levels ? 5 : 4;; at--) {
		uint64_t *entry = (uint64_t *)fake_host(g, table) + (va >> (12 + 9 * (at - 1)) & 511);

		if (at == level || *entry & LARGE)
			return entry;
		if (!*entry)
			*entry = fake_page(g) | PRESENT;
		table = *entry & 0x000ffffffffff000ull;
	}
}

static void map_large(struct fake_guest *g, uint64_t va, uint64_t gpa, uint64_t len)
{
	for (uint64_t off = 0; off < len; off += 2 * MIB)
		*entry_of(g, va + off, 2) = (gpa + off) | PRESENT | LARGE;
}

uint64_t fake_gpa(struct fake_guest *g, uint64_t kva)
{
	uint64_t entry = *entry_of(g, kva, 1);
	uint64_t in_page = entry & LARGE ? 2 * MIB - 1 : SF_PAGE_SIZE - 1;

	if (!(entry & 1))
		broken("nothing is mapped there");
	return (entry & 0x000ffffffffff000ull & ~in_page) | (kva & in_page);
}

void fake_write(struct fake_guest *g, uint64_t kva, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len) {
		size_t n = sf_min(len, SF_PAGE_SIZE - (size_t)(kva & (SF_PAGE_SIZE - 1)));

		memcpy(fake_host(g, fake_gpa(g, kva)), from, n);
		from += n;
		kva += n;
		len -= n;
	}
}

void fake_read(struct fake_guest *g, uint64_t kva, void *data, size_t len)
{
	uint8_t *to = data;

	while (len) {
		size_t n = sf_min(len, SF_PAGE_SIZE - (size_t)(kva & (SF_PAGE_SIZE - 1)));

		memcpy(to, fake_host(g, fake_gpa(g, kva)), n);
		to += n;
		kva += n;
		len -= n;
	}
}

uint64_t fake_kmalloc(struct fake_guest *g, size_t size)
{
	size = sf_align_up(size ? size : 1, (size_t)8);
	if (size > g->slab_end - g->slab) {
		g->slab = g->next_page;
		for (size_t got = 0; got < size; got += SF_PAGE_SIZE)
			fake_page(g);
		g->slab_end = g->next_page;
	}
	uint64_t gpa = g->slab;

	g->slab += size;
	return g->page_offset + gpa;
}

uint64_t fake_vmalloc(struct fake_guest *g, size_t size)
{
	uint64_t kva = g->next_vmalloc;
	size_t n = (size + SF_PAGE_SIZE - 1) / SF_PAGE_SIZE;

	/* From the last page to the first: what follows in virtual memory never follows in physical memory. */
	for (size_t i = n; i-- > 0;)
		*entry_of(g, kva + i * SF_PAGE_SIZE, 1) = (i % 2 && g->opt.high_mib <= HIGH_MIB ? fake_page(g) : fake_high_page(g)) | PRESENT;
	g->next_vmalloc += (n + 1) * SF_PAGE_SIZE;
	return kva;
}

uint64_t fake_vmalloc_alias(struct fake_guest *g, size_t size, uint64_t gpa)
{
	uint64_t kva = fake_vmalloc(g, SF_PAGE_SIZE), end = kva + size;

	for (g->next_vmalloc = kva + SF_PAGE_SIZE; g->next_vmalloc < end; g->next_vmalloc += SF_PAGE_SIZE)
		*entry_of(g, g->next_vmalloc, 1) = gpa | PRESENT;
	g->next_vmalloc += SF_PAGE_SIZE;
	return kva;
}

void fake_unmap(struct fake_guest *g, uint64_t kva)
{
	uint64_t *entry = entry_of(g, kva, 1);

	if (*entry & LARGE)
		broken("a large page cannot be unmapped");
	*entry = 0;
}

uint64_t fake_percpu(struct fake_guest *g, size_t size)
{
	uint64_t percpu = g->next_percpu;

	g->next_percpu += sf_align_up(size, (size_t)8);
	if (g->next_percpu > g->opt.percpu_pages * SF_PAGE_SIZE)
		broken("out of per-CPU memory");
	return percpu;
}

uint64_t fake_percpu_kva(struct fake_guest *g, uint64_t percpu, uint32_t cpu)
{
	return g->percpu[cpu] ? g->percpu[cpu] + percpu : 0;
}

/* ---- symbols --------------------------------------------------------------------------------------- */

struct symbol {
	char name[240];
	char type;
	uint64_t address;
};

struct builder {
	struct fake_guest *g;
	struct symbol symbols[MAX_SYMBOLS];
	uint32_t n;
	uint64_t rodata, data; /* where the next thing goes */
};

static void add_symbol(struct builder *b, const char *name, char type, uint64_t address)
{
	struct symbol *s = &b->symbols[b->n++];

	if (b->n > MAX_SYMBOLS || strlen(name) >= sizeof(s->name))
		broken("symbol table is full");
	strcpy(s->name, name);
	s->type = type;
	s->address = address;
}

/* A variable in .data; with its symbol. */
static uint64_t add_variable(struct builder *b, const char *name, size_t size, size_t align)
{
	uint64_t va = sf_align_up(b->data, align);

	b->data = va + size;
	add_symbol(b, name, 'D', va);
	return va;
}

/* Read-only data; without a symbol, since kallsyms has none of its own tables where they are made. */
static uint64_t add_rodata(struct builder *b, const void *bytes, size_t len)
{
	uint64_t va = sf_align_up(b->rodata, 8);

	b->rodata = va + len;
	if (b->rodata > b->g->text + DATA_AT)
		broken("read-only data does not fit");
	if (bytes)
		fake_write(b->g, va, bytes, len);
	return va;
}

static int by_address(const void *x, const void *y)
{
	const struct symbol *a = x, *b = y;

	return a->address < b->address ? -1 : a->address > b->address ? 1 : strcmp(a->name, b->name);
}

/* Tokens: every printable character for itself, and a few that make names shorter. */
static const char *token(unsigned int i, char buf[2])
{
	static const char *const words[] = { "kallsyms_", "sym_", "bpf_", "Tsym_", "DECLARED" };

	if (i >= 0x80 && i - 0x80 < ARRAY_SIZE(words))
		return words[i - 0x80];
	buf[0] = i >= 0x20 && i < 0x7f ? (char)i : '~';
	buf[1] = '\0';
	return buf;
}

static size_t encode_name(const struct symbol *s, uint8_t out[512])
{
	char text[256], buf[2];
	uint8_t tokens[256];
	size_t n = 0, len = 0;

	snprintf(text, sizeof(text), "%c%s", s->type, s->name);
	for (const char *p = text; *p;) {
		unsigned int best = (uint8_t)*p;

		for (unsigned int i = 0x80; i < N_TOKENS; i++) {
			const char *t = token(i, buf);

			if (strlen(t) > 1 && !strncmp(p, t, strlen(t)))
				best = i;
		}
		tokens[n++] = (uint8_t)best;
		p += strlen(token(best, buf));
	}
	if (n >= 0x80) {
		out[len++] = (uint8_t)(0x80 | (n & 0x7f));
		out[len++] = (uint8_t)(n >> 7);
	} else {
		out[len++] = (uint8_t)n;
	}
	memcpy(out + len, tokens, n);
	return len + n;
}

static uint32_t encode_address(const struct fake_guest *g, uint64_t address, uint64_t at)
{
	bool percpu = address < START_KERNEL_MAP;

	switch (g->opt.encoding) {
	case SF_KALLSYMS_ABSOLUTE_PERCPU:
		return (uint32_t)(percpu ? address : g->text - 1 - address);
	case SF_KALLSYMS_PC_RELATIVE:
		return (uint32_t)(address - at);
	default:
		return (uint32_t)(address - g->text);
	}
}

struct tables {
	uint64_t names, num_syms, token_table, token_index, offsets, relative_base;
};

static struct tables write_kallsyms(struct builder *b)
{
	struct fake_guest *g = b->g;
	struct tables t = { 0 };
	char tokens[4096], buf[2];
	uint16_t index[N_TOKENS];
	size_t len = 0;

	qsort(b->symbols, b->n, sizeof(b->symbols[0]), by_address);
	t.offsets = add_rodata(b, NULL, 4 * b->n);
	for (uint32_t i = 0; i < b->n; i++)
		fake_u32(g, t.offsets + 4 * i, encode_address(g, b->symbols[i].address, t.offsets + 4 * i));
	if (g->opt.encoding != SF_KALLSYMS_PC_RELATIVE)
		t.relative_base = add_rodata(b, &g->text, sizeof(g->text));
	t.num_syms = add_rodata(b, &b->n, sizeof(b->n));
	t.names = add_rodata(b, NULL, 0);
	for (uint32_t i = 0; i < b->n; i++) {
		uint8_t name[512];
		size_t n = encode_name(&b->symbols[i], name);

		fake_write(g, t.names + len, name, n);
		len += n;
	}
	b->rodata = t.names + len;
	len = 0;
	for (unsigned int i = 0; i < N_TOKENS; i++) {
		const char *text = token(i, buf);

		index[i] = (uint16_t)len;
		strcpy(tokens + len, text);
		len += strlen(text) + 1;
	}
	t.token_table = add_rodata(b, tokens, len);
	t.token_index = add_rodata(b, index, sizeof(index));
	return t;
}

/* ---- the kernel ------------------------------------------------------------------------------------ */

static void make_vmcoreinfo(struct fake_guest *g, const struct tables *t)
{
	int n = snprintf(g->vmcoreinfo, sizeof(g->vmcoreinfo),
			 "OSRELEASE=7.1.0-fake\n"
			 "BUILD-ID=f00dcafe0123456789abcdef0123456789abcdef\n"
			 "PAGESIZE=4096\n"
			 "SYMBOL(init_top_pgt)=%" PRIx64 "\n"
			 "SYMBOL(_stext)=%" PRIx64 "\n"
			 "LENGTH(node_states)=6\n"
			 "SYMBOL(kallsyms_names)=%" PRIx64 "\n"
			 "SYMBOL(kallsyms_num_syms)=%" PRIx64 "\n"
			 "SYMBOL(kallsyms_token_table)=%" PRIx64 "\n"
			 "SYMBOL(kallsyms_token_index)=%" PRIx64 "\n"
			 "SYMBOL(kallsyms_offsets)=%" PRIx64 "\n",
			 g->text + DATA_AT, g->text + TEXT_AT, t->names, t->num_syms, t->token_table, t->token_index,
			 t->offsets);

	if (g->opt.encoding != SF_KALLSYMS_PC_RELATIVE)
		n += snprintf(g->vmcoreinfo + n, sizeof(g->vmcoreinfo) - n, "SYMBOL(kallsyms_relative_base)=%" PRIx64 "\n",
			      t->relative_base);
	snprintf(g->vmcoreinfo + n, sizeof(g->vmcoreinfo) - n,
		 "NUMBER(phys_base)=%" PRId64 "\nNUMBER(pgtable_l5_enabled)=%d\nKERNELOFFSET=%" PRIx64 "\n",
		 (int64_t)g->phys_base, g->opt.five_levels, g->opt.kaslr);
}

/* The kernel has it twice: as text, and as an ELF note. */
static void write_vmcoreinfo(struct fake_guest *g, uint64_t data_variable, uint64_t note_variable)
{
	uint64_t data = fake_page(g), note = fake_page(g);
	uint32_t head[3] = { sizeof("VMCOREINFO"), (uint32_t)strlen(g->vmcoreinfo), 0 };

	fake_u64(g, data_variable, g->page_offset + data);
	fake_u64(g, note_variable, g->page_offset + note);
	memcpy(fake_host(g, data), g->vmcoreinfo, strlen(g->vmcoreinfo));
	memcpy(fake_host(g, note), head, sizeof(head));
	memcpy(fake_host(g, note) + 12, "VMCOREINFO", 11);
	memcpy(fake_host(g, note) + 24, g->vmcoreinfo, strlen(g->vmcoreinfo));
	g->vmcoreinfo_gpa = data;
}

static void add_cpus(struct builder *b)
{
	struct fake_guest *g = b->g;
	uint32_t n = g->opt.n_cpus;
	uint64_t offsets = add_variable(b, "__per_cpu_offset", FAKE_CPUS * 8, 64);

	fake_u32(g, add_variable(b, "nr_cpu_ids", 4, 4), n);
	for (uint32_t cpu = 0; cpu < n; cpu++) {
		if (cpu < 64 && g->opt.unset_cpus >> cpu & 1)
			continue;
		for (uint32_t i = 0; i < g->opt.percpu_pages; i++) {
			uint64_t page = g->page_offset + fake_page(g);

			g->percpu[cpu] = g->percpu[cpu] ? g->percpu[cpu] : page;
		}
		fake_u64(g, offsets + 8 * cpu, g->percpu[cpu]);
	}
	/* Older kernels link these at 0 and do not move them; newer ones give them addresses in the image. */
	add_symbol(b, "runqueues", 'D',
		   g->opt.encoding == SF_KALLSYMS_ABSOLUTE_PERCPU ? 0x40 : g->text + DATA_AT + 0x70000);
}

static void add_btf(struct builder *b)
{
	struct fake_guest *g = b->g;
	size_t len;
	uint8_t *bytes;
	uint64_t start;

	fake_types_build(&g->types, &g->ids, g->opt.small ? 0 : 2500, g->opt.without);
	bytes = fake_types_bytes(&g->types, &len);
	start = add_rodata(b, bytes, len);
	free(bytes);
	add_symbol(b, "__start_BTF", 'R', start);
	add_symbol(b, "__stop_BTF", 'R', start + len);
	g->btf_vmlinux = fake_kmalloc(g, FK_BTF_SIZE);
	fake_u64(g, g->btf_vmlinux + FK_BTF_DATA, start);
	fake_u32(g, g->btf_vmlinux + FK_BTF_DATA_SIZE, (uint32_t)len);
	fake_u32(g, g->btf_vmlinux + FK_BTF_ID, 1);
	fake_u64(g, add_variable(b, "btf_vmlinux", 8, 8), g->btf_vmlinux);
}

static void add_padding(struct builder *b)
{
	uint32_t n = b->g->opt.small ? 4 : 3000;
	char name[240];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "sym_%05u", i);
		add_symbol(b, name, 'T', b->g->text + PADDING_AT + 16 * i);
	}
	/* Its length needs two bytes. */
	memset(name, 'l', 200);
	name[200] = '\0';
	add_symbol(b, name, 't', b->g->text + PADDING_AT + 16 * n);
}

static void make_kernel(struct fake_guest *g)
{
	struct builder *b = calloc(1, sizeof(*b));
	uint64_t data, note;
	struct tables t;

	if (!b)
		broken("no memory");
	b->g = g;
	b->rodata = g->text + RODATA_AT;
	b->data = g->text + DATA_AT + SF_PAGE_SIZE; /* behind the top page table */
	add_symbol(b, "_text", 'T', g->text);
	add_symbol(b, "_stext", 'T', g->text + TEXT_AT);
	add_symbol(b, "_end", 'B', g->text + END_AT);
	add_symbol(b, "init_top_pgt", 'D', g->text + DATA_AT);
	fake_u64(g, add_variable(b, "page_offset_base", 8, 8), g->page_offset);
	g->map_idr = add_variable(b, "map_idr", FK_IDR_SIZE, 8);
	g->prog_idr = add_variable(b, "prog_idr", FK_IDR_SIZE, 8);
	g->kallsyms = add_variable(b, "bpf_kallsyms", 16, 8);
	fake_u64(g, g->kallsyms, g->kallsyms);
	fake_u64(g, g->kallsyms + 8, g->kallsyms);
	data = add_variable(b, "vmcoreinfo_data", 8, 8);
	note = add_variable(b, "vmcoreinfo_note", 8, 8);
	add_variable(b, "init_task", FK_TASK_SIZE, 64);
	add_cpus(b);
	add_btf(b);
	add_padding(b);
	t = write_kallsyms(b);
	make_vmcoreinfo(g, &t);
	if (!g->opt.no_vmcoreinfo)
		write_vmcoreinfo(g, data, note);
	free(b);
}

/* ---- life ------------------------------------------------------------------------------------------ */

static void make_ram(struct fake_guest *g)
{
	g->ram_len = LOW_LEN + (g->opt.high ? high_len(g) : 0);
	g->fd = memfd_create("fake-guest", MFD_CLOEXEC);
	if (g->fd < 0 || ftruncate(g->fd, (off_t)g->ram_len))
		broken("no memfd");
	g->ram = mmap(NULL, g->ram_len, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
	if (g->ram == MAP_FAILED)
		broken("cannot map the memfd");
	g->ranges[g->n_ranges++] = (struct sf_ram_range){ .gpa = 0, .len = LOW_LEN, .offset = 0 };
	if (g->opt.high)
		g->ranges[g->n_ranges++] = (struct sf_ram_range){ .gpa = HIGH_GPA, .len = high_len(g), .offset = LOW_LEN };
}

struct fake_guest *fake_new(const struct fake_options *opt)
{
	struct fake_guest *g = calloc(1, sizeof(*g));

	if (!g)
		broken("no memory");
	if (opt)
		g->opt = *opt;
	if (!g->opt.n_cpus)
		g->opt.n_cpus = 4;
	if (!g->opt.high_mib)
		g->opt.high_mib = HIGH_MIB;
	if (!g->opt.percpu_pages)
		g->opt.percpu_pages = 4;
	g->next_percpu = 0x100; /* behind what the kernel's own variables would be */
	make_ram(g);
	g->page_offset = (g->opt.five_levels ? 0xff11000000000000ull : 0xffff888000000000ull) + g->opt.direct_shift;
	g->text = START_KERNEL_MAP + IMAGE_LINKED + g->opt.kaslr;
	g->phys_base = g->opt.phys - g->opt.kaslr;
	g->next_page = FIRST_PAGE;
	g->next_high_page = HIGH_GPA;
	g->next_vmalloc = g->opt.five_levels ? VMALLOC_L5 : VMALLOC_L4;
	g->next_map = g->next_prog = 1;
	g->next_btf = 2;
	g->root = IMAGE_LINKED + g->opt.phys + DATA_AT;
	map_large(g, g->text, IMAGE_LINKED + g->opt.phys, IMAGE_LEN);
	map_large(g, g->page_offset, 0, LOW_LEN);
	if (g->opt.high)
		map_large(g, g->page_offset + HIGH_GPA, HIGH_GPA, high_len(g));
	make_kernel(g);
	return g;
}

void fake_free(struct fake_guest *g)
{
	if (!g)
		return;
	sf_kernel_unref(g->kernel);
	sf_image_unref(g->img);
	munmap(g->ram, g->ram_len);
	close(g->fd);
	free(g->types.types.p);
	free(g->types.strings.p);
	free(g->types.layout.p);
	free(g);
}

void fake_open(struct fake_guest *g)
{
	struct sf_error *err = sf_image_ram_new(&g->fd, 1, g->ranges, g->n_ranges, &g->img);

	if (!err)
		err = sf_kernel_new(g->img, NULL, &g->kernel);
	if (err)
		broken(sf_error_message(err));
}

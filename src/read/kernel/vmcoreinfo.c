/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "arch/arch.h"
#include "kernel/vmcoreinfo.h"

/* ---- parse -------------------------------------------------------------------------------------- */

/* The value of the line that begins with @key and '='. */
static bool find_line(const struct sf_vmcoreinfo *vi, const char *key, const char **ret, size_t *ret_len)
{
	size_t key_len = strlen(key);
	const char *end = vi->text + vi->len;

	for (const char *line = vi->text; line < end;) {
		const char *nl = memchr(line, '\n', end - line);
		const char *line_end = nl ? nl : end;

		if ((size_t)(line_end - line) > key_len && line[key_len] == '=' && !memcmp(line, key, key_len)) {
			*ret = line + key_len + 1;
			*ret_len = line_end - *ret;
			return true;
		}
		line = line_end + 1;
	}
	return false;
}

/* A number as vmcoreinfo_append_str() writes it: hex digits without a prefix, or a signed decimal one. */
static bool parse_number(const char *s, size_t len, unsigned int base, uint64_t *ret)
{
	bool negative = base == 10 && len && *s == '-';
	uint64_t v = 0;

	if (negative)
		s++, len--;
	if (!len || len > 20)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		unsigned int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

		if (digit >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = negative ? -v : v;
	return true;
}

enum need { REQUIRED, OPTIONAL };

static SF_CHECKED struct sf_error *read_number(const struct sf_vmcoreinfo *vi, const char *key, unsigned int base,
					       enum need need, uint64_t *ret, bool *ret_there)
{
	const char *s;
	size_t len;

	if (ret_there)
		*ret_there = false;
	if (!find_line(vi, key, &s, &len)) {
		if (need == OPTIONAL)
			return NULL;
		return sf_error_new(SF_KERNEL, "VMCOREINFO of %s has no %s%s", vi->release, key,
				    strstr(key, "kallsyms") ? ": CONFIG_KALLSYMS is off, or the kernel older than this "
							      "fact (6.0)" : "");
	}
	if (!parse_number(s, len, base, ret))
		return sf_error_new(SF_KERNEL, "VMCOREINFO of %s: %s is \"%.*s\", not a number", vi->release, key,
				    (int)sf_min(len, (size_t)40), s);
	if (ret_there)
		*ret_there = true;
	return NULL;
}

/* The address of something in the kernel image. */
static SF_CHECKED struct sf_error *read_symbol(const struct sf_vmcoreinfo *vi, const char *key, enum need need,
					       uint64_t *ret, bool *ret_there)
{
	bool there;

	if (!ret_there)
		ret_there = &there;
	SF_TRY(read_number(vi, key, 16, need, ret, ret_there));
	if (*ret_there && *ret < SF_X86_START_KERNEL_MAP)
		return sf_error_new(SF_KERNEL, "VMCOREINFO of %s: %s=%" PRIx64 " is not in the kernel image",
				    vi->release, key, *ret);
	return NULL;
}

static bool copy_word(const struct sf_vmcoreinfo *vi, const char *key, char *buf, size_t size)
{
	const char *s;
	size_t len;

	if (!find_line(vi, key, &s, &len) || !len || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return true;
}

static SF_CHECKED struct sf_error *parse_kallsyms(struct sf_vmcoreinfo *vi)
{
	SF_TRY(read_symbol(vi, "SYMBOL(kallsyms_names)", REQUIRED, &vi->kallsyms.names, NULL));
	SF_TRY(read_symbol(vi, "SYMBOL(kallsyms_num_syms)", REQUIRED, &vi->kallsyms.num_syms, NULL));
	SF_TRY(read_symbol(vi, "SYMBOL(kallsyms_token_table)", REQUIRED, &vi->kallsyms.token_table, NULL));
	SF_TRY(read_symbol(vi, "SYMBOL(kallsyms_token_index)", REQUIRED, &vi->kallsyms.token_index, NULL));
	SF_TRY(read_symbol(vi, "SYMBOL(kallsyms_offsets)", REQUIRED, &vi->kallsyms.offsets, NULL));
	return read_symbol(vi, "SYMBOL(kallsyms_relative_base)", OPTIONAL, &vi->kallsyms.relative_base,
			   &vi->kallsyms.has_relative_base);
}

static SF_CHECKED struct sf_error *parse_all(struct sf_vmcoreinfo *vi)
{
	uint64_t page_size, five_levels = 0;
	bool there;

	if (!copy_word(vi, "OSRELEASE", vi->release, sizeof(vi->release)))
		return sf_error_new(SF_BAD_INPUT, "not a VMCOREINFO: no OSRELEASE that could be a kernel's release");
	copy_word(vi, "BUILD-ID", vi->build_id, sizeof(vi->build_id));
	SF_TRY(read_number(vi, "PAGESIZE", 10, REQUIRED, &page_size, NULL));
	if (page_size != SF_PAGE_SIZE)
		return sf_error_new(SF_KERNEL, "VMCOREINFO of %s: pages of %" PRIu64 " bytes: not an x86-64 kernel",
				    vi->release, page_size);
	SF_TRY(read_number(vi, "NUMBER(phys_base)", 10, REQUIRED, &vi->phys_base, NULL));
	if (vi->phys_base & ~SF_PAGE_MASK)
		return sf_error_new(SF_KERNEL, "VMCOREINFO of %s: phys_base 0x%" PRIx64 " is not the start of a page",
				    vi->release, vi->phys_base);
	SF_TRY(read_number(vi, "NUMBER(pgtable_l5_enabled)", 10, OPTIONAL, &five_levels, NULL));
	vi->five_levels = five_levels != 0;
	SF_TRY(read_number(vi, "KERNELOFFSET", 16, OPTIONAL, &vi->kernel_offset, NULL));
	SF_TRY(read_symbol(vi, "SYMBOL(_stext)", REQUIRED, &vi->stext, NULL));
	SF_TRY(read_symbol(vi, "SYMBOL(init_top_pgt)", OPTIONAL, &vi->pgtable, &there));
	if (!there)
		SF_TRY(read_symbol(vi, "SYMBOL(swapper_pg_dir)", REQUIRED, &vi->pgtable, NULL));
	return parse_kallsyms(vi);
}

struct sf_error *sf_vmcoreinfo_parse(const char *text, size_t len, struct sf_vmcoreinfo *ret)
{
	struct sf_vmcoreinfo vi = { 0 };

	if (len > SF_VMCOREINFO_MAX)
		return sf_error_new(SF_BAD_INPUT, "VMCOREINFO of %zu bytes: a kernel's has at most %d", len,
				    SF_VMCOREINFO_MAX);
	while (len && !text[len - 1])
		len--;
	for (size_t i = 0; i < len; i++)
		if ((text[i] < ' ' && text[i] != '\n' && text[i] != '\t') || text[i] > '~')
			return sf_error_new(SF_BAD_INPUT, "not a VMCOREINFO: byte 0x%02x at %zu is not text",
					    (uint8_t)text[i], i);

	_cleanup_free_ char *copy = malloc(len + 1);

	if (!copy)
		return sf_error_nomem();
	memcpy(copy, text, len);
	copy[len] = '\0';
	vi.text = copy;
	vi.len = len;
	SF_TRY(parse_all(&vi));
	steal_ptr(&copy);
	*ret = vi;
	return NULL;
}

void sf_vmcoreinfo_clear(struct sf_vmcoreinfo *vi)
{
	free(vi->text);
	*vi = (struct sf_vmcoreinfo){ 0 };
}

bool sf_vmcoreinfo_next_symbol(const struct sf_vmcoreinfo *vi, size_t *pos, char name[128], uint64_t *ret)
{
	static const char head[] = "SYMBOL(";
	const size_t head_len = sizeof(head) - 1;

	while (*pos < vi->len) {
		const char *line = vi->text + *pos;
		const char *nl = memchr(line, '\n', vi->len - *pos);
		size_t len = nl ? (size_t)(nl - line) : vi->len - *pos;

		*pos += len + 1;
		if (len <= head_len || memcmp(line, head, head_len))
			continue;
		const char *start = line + head_len;
		const char *close = memchr(start, ')', len - head_len);
		size_t name_len = close ? (size_t)(close - start) : 0;

		if (!name_len || name_len >= 128 || close + 1 >= line + len || close[1] != '=')
			continue;
		if (!parse_number(close + 2, line + len - (close + 2), 16, ret))
			continue;
		memcpy(name, start, name_len);
		name[name_len] = '\0';
		return true;
	}
	return false;
}

/* ---- scan --------------------------------------------------------------------------------------- */

#define MIB (1ull << 20)
#define STACK_END_MAGIC 0x57ac6e9dull /* include/uapi/linux/magic.h */

/*
 * Looking at a page for the first time costs a page fault, and there may be a million of them. Where the page is, is a
 * matter of which pages a kernel that has just booted gives away first: those after the start of a zone of memory, or
 * after its own end. Windows are a guess of where to look first and nothing else.
 */
struct window {
	uint64_t start, end;
};

struct scan {
	struct sf_image *img;
	sf_vmcoreinfo_fn *fn;
	void *arg;
	uint64_t n_pages;
	struct sf_image_run run; /* the last one: asking where it ends is not free */
	size_t n_seen;
	struct window seen[16];  /* windows that are done with */
};

static bool next_run(struct scan *s, uint64_t from, struct sf_image_run *ret)
{
	if (from - s->run.gpa >= s->run.len && !sf_image_next_run(s->img, from, &s->run))
		return false;

	uint64_t skip = from > s->run.gpa ? from - s->run.gpa : 0;

	*ret = (struct sf_image_run){ .gpa = s->run.gpa + skip, .len = s->run.len - skip };
	return true;
}

static bool is_note(const uint8_t *page)
{
	static const char name[12] = "VMCOREINFO";

	return sf_load32(page) == sizeof("VMCOREINFO") && !memcmp(page + 12, name, sizeof(name));
}

static bool offer_page(struct scan *s, uint64_t gpa, const uint8_t *page)
{
	uint8_t text[SF_VMCOREINFO_MAX];
	uint64_t at = gpa;
	size_t len = sizeof(text);

	if (is_note(page)) {
		len = sf_min(len, (size_t)sf_load32(page + 4));
		at += 24;
	} else if (memcmp(page, "OSRELEASE=", 10)) {
		return false;
	}
	if (!len || sf_image_read(s->img, at, text, len))
		return false;
	return s->fn(s->arg, gpa, (const char *)text, strnlen((const char *)text, len));
}

static bool scan_range(struct scan *s, uint64_t start, uint64_t end)
{
	struct sf_image_run run;
	uint64_t first;

	memcpy(&first, "OSRELEAS", sizeof(first));
	while (start < end && next_run(s, start, &run) && run.gpa < end) {
		uint64_t run_end = sf_min(run.gpa + run.len, end);

		for (uint64_t gpa = run.gpa; gpa < run_end; gpa += SF_PAGE_SIZE) {
			const uint8_t *page = sf_image_page(s->img, gpa, NULL);

			if (!page)
				continue;
			s->n_pages++;
			uint64_t word = sf_load64(page);

			if (sf_unlikely(word == first || (uint32_t)word == sizeof("VMCOREINFO")) &&
			    offer_page(s, gpa, page))
				return true;
		}
		start = run.gpa + run.len;
	}
	return false;
}

/* [start, end) but for what was seen before. */
static bool scan_window(struct scan *s, uint64_t start, uint64_t end)
{
	const struct window window = { start, end };

	while (start < end) {
		uint64_t next = end;
		bool seen = false;

		for (size_t i = 0; i < s->n_seen && !seen; i++) {
			const struct window *w = &s->seen[i];

			if (w->start <= start && start < w->end) {
				start = w->end;
				seen = true;
			} else if (w->start > start) {
				next = sf_min(next, w->start);
			}
		}
		if (seen)
			continue;
		if (scan_range(s, start, next))
			return true;
		start = next;
	}
	if (s->n_seen < ARRAY_SIZE(s->seen))
		s->seen[s->n_seen++] = window;
	return false;
}

/*
 * Where a kernel's .data may begin: it is 2 MiB aligned, and what comes first in it is the stack of the first task,
 * whose last word is a magic number (INIT_TASK_DATA of vmlinux.lds.h, set_task_stack_end_magic()).
 */
static bool is_kernel_data(struct scan *s, uint64_t gpa)
{
	const uint8_t *page = sf_image_page(s->img, gpa, NULL);

	return page && sf_load64(page) == STACK_END_MAGIC;
}

static bool scan_behind_kernel(struct scan *s, uint64_t data)
{
	const uint64_t data_size = 16 * MIB; /* .data to _end, or less than that */

	return scan_window(s, data + data_size, data + data_size + 32 * MIB);
}

/*
 * At its default place the kernel itself is where the zone begins. These few pages are looked at whether the guest has
 * written them or not: to ask is dearer.
 */
static bool scan_behind_default_kernel(struct scan *s)
{
	for (uint64_t gpa = 32 * MIB; gpa < 80 * MIB; gpa += 2 * MIB)
		if (is_kernel_data(s, gpa))
			return scan_behind_kernel(s, gpa);
	return false;
}

static bool scan_behind_kernels(struct scan *s)
{
	struct sf_image_run run;
	uint32_t n_probes = 0, n_found = 0;

	for (uint64_t from = 0; next_run(s, from, &run); from = run.gpa + run.len) {
		for (uint64_t gpa = sf_align_up(run.gpa, 2 * MIB); gpa < run.gpa + run.len; gpa += 2 * MIB) {
			if (++n_probes > 4096 || n_found >= 8)
				return false;
			if (!is_kernel_data(s, gpa))
				continue;
			n_found++;
			if (scan_behind_kernel(s, gpa))
				return true;
		}
	}
	return false;
}

bool sf_vmcoreinfo_scan(struct sf_image *img, sf_vmcoreinfo_fn *fn, void *arg, uint64_t *ret_pages)
{
	struct scan s = { .img = img, .fn = fn, .arg = arg };
	bool found = scan_window(&s, 4096 * MIB, 4112 * MIB) || scan_behind_default_kernel(&s) ||
		     scan_window(&s, 16 * MIB, 32 * MIB) || scan_behind_kernels(&s) || scan_window(&s, 0, SF_MAX_GPA);

	if (ret_pages)
		*ret_pages = s.n_pages;
	return found;
}

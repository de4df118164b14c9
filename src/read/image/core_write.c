/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <zlib.h>

#include "base/file.h"
#include "core_format.h"

#define PUT_BYTES (1u << 20) /* pages that lie side by side in memory are written up to this much at once */

typedef struct sf_error *put_fn(void *arg, const void *data, size_t len);

struct segment {
	uint64_t gpa, len, vaddr;
};

/* What the file will look like, known before its first byte is written. */
struct plan {
	const struct sf_core_write *w;
	struct {
		struct segment *v;
		size_t n, cap;
	} segments;
	uint64_t n_pages;
	uint64_t desc_len;  /* of our note; 0: none */
	uint64_t notes_len;
	uint64_t n_phdrs;
	uint64_t phdrs_offset;
	uint64_t shdr_offset; /* 0: not needed */
	uint64_t pages_offset;
	uint8_t *head;
};

static void plan_clear(struct plan *p)
{
	free(p->segments.v);
	free(p->head);
}

static uint64_t vaddr_of(const struct plan *p, uint64_t gpa)
{
	return p->w->vaddr ? p->w->vaddr(p->w->arg, gpa) : 0;
}

static SF_CHECKED struct sf_error *plan_run(struct plan *p, const struct sf_image_run *run)
{
	struct segment *s = NULL;

	for (uint64_t gpa = run->gpa; gpa < run->gpa + run->len; gpa += SF_PAGE_SIZE) {
		uint64_t vaddr = vaddr_of(p, gpa);

		if (!s || vaddr != (s->vaddr ? s->vaddr + s->len : 0)) {
			s = sf_vec_push(&p->segments);
			if (!s)
				return sf_error_nomem();
			*s = (struct segment){ .gpa = gpa, .vaddr = vaddr };
		}
		s->len += SF_PAGE_SIZE;
	}
	p->n_pages += run->len >> SF_PAGE_SHIFT;
	return NULL;
}

static uint64_t note_size(uint64_t name_size, uint64_t len)
{
	return sizeof(Elf64_Nhdr) + sf_align_up(name_size, 4) + sf_align_up(len, 4);
}

static SF_CHECKED struct sf_error *plan_notes(struct plan *p)
{
	const struct sf_core_write *w = p->w;

	if (w->meta) {
		if (w->meta_len > UINT32_MAX || p->n_pages > UINT32_MAX / sizeof(uint32_t) ||
		    SF_CORE_DESC_FIXED + sf_align_up((uint64_t)w->meta_len, 4) + p->n_pages * sizeof(uint32_t) > UINT32_MAX)
			return sf_error_new(SF_USAGE, "%" PRIu64 " pages and %zu bytes of metadata are more than a frame can have",
					    p->n_pages, w->meta_len);
		p->desc_len = SF_CORE_DESC_FIXED + sf_align_up((uint64_t)w->meta_len, 4) + p->n_pages * sizeof(uint32_t);
		p->notes_len = note_size(sizeof(SF_CORE_NOTE_NAME), p->desc_len);
	}
	for (size_t i = 0; i < w->n_notes; i++) {
		const struct sf_core_note *note = &w->notes[i];

		if (note->len > UINT32_MAX)
			return sf_error_new(SF_USAGE, "note %s has %zu bytes, more than a note can have", note->name,
					    note->len);
		p->notes_len += note_size(strlen(note->name) + 1, note->len);
	}
	return NULL;
}

static SF_CHECKED struct sf_error *plan_layout(struct plan *p)
{
	struct sf_image_run run;

	for (uint64_t from = 0; sf_image_next_run(p->w->image, from, &run); from = run.gpa + run.len)
		SF_TRY(plan_run(p, &run));
	SF_TRY(plan_notes(p));

	p->n_phdrs = (p->notes_len ? 1 : 0) + p->segments.n;
	if (p->n_phdrs > UINT32_MAX)
		return sf_error_new(SF_USAGE, "%" PRIu64 " segments are more than a core can have", p->n_phdrs);
	p->phdrs_offset = sf_align_up(sizeof(Elf64_Ehdr) + p->notes_len, 8);
	uint64_t end = p->phdrs_offset + p->n_phdrs * sizeof(Elf64_Phdr);

	if (p->n_phdrs >= PN_XNUM) {
		p->shdr_offset = end;
		end += sizeof(Elf64_Shdr);
	}
	p->pages_offset = sf_align_up(end, SF_PAGE_SIZE);
	p->head = calloc(1, p->pages_offset);
	return p->head ? NULL : sf_error_nomem();
}

/* ---- head --------------------------------------------------------------------------------------- */

static void fill_ehdr(struct plan *p)
{
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = p->phdrs_offset,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = sf_min(p->n_phdrs, (uint64_t)PN_XNUM),
	};

	if (p->shdr_offset) {
		Elf64_Shdr s = { .sh_type = SHT_NULL, .sh_size = 1, .sh_info = p->n_phdrs };

		e.e_shoff = p->shdr_offset;
		e.e_shentsize = sizeof(s);
		e.e_shnum = 1;
		memcpy(p->head + p->shdr_offset, &s, sizeof(s));
	}
	memcpy(p->head, &e, sizeof(e));
}

static void fill_phdrs(struct plan *p)
{
	uint8_t *at = p->head + p->phdrs_offset;
	uint64_t offset = p->pages_offset;

	if (p->notes_len) {
		Elf64_Phdr note = {
			.p_type = PT_NOTE,
			.p_offset = sizeof(Elf64_Ehdr),
			.p_filesz = p->notes_len,
			.p_memsz = p->notes_len,
			.p_align = 4,
		};

		memcpy(at, &note, sizeof(note));
		at += sizeof(note);
	}
	for (size_t i = 0; i < p->segments.n; i++) {
		const struct segment *s = &p->segments.v[i];
		Elf64_Phdr load = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = offset,
			.p_vaddr = s->vaddr,
			.p_paddr = s->gpa,
			.p_filesz = s->len,
			.p_memsz = s->len,
			.p_align = SF_PAGE_SIZE,
		};

		memcpy(at, &load, sizeof(load));
		at += sizeof(load);
		offset += s->len;
	}
}

static uint8_t *put_note_head(uint8_t *at, const char *name, uint32_t type, uint32_t len)
{
	Elf64_Nhdr n = { .n_namesz = strlen(name) + 1, .n_descsz = len, .n_type = type };

	memcpy(at, &n, sizeof(n));
	memcpy(at + sizeof(n), name, n.n_namesz);
	return at + sizeof(n) + sf_align_up(n.n_namesz, 4);
}

static SF_CHECKED struct sf_error *fill_checksums(struct plan *p, uint8_t *at)
{
	for (size_t i = 0; i < p->segments.n; i++) {
		const struct segment *s = &p->segments.v[i];

		for (uint64_t gpa = s->gpa; gpa < s->gpa + s->len; gpa += SF_PAGE_SIZE) {
			enum sf_fault why = SF_FAULT_NONE;
			const uint8_t *page = sf_image_page(p->w->image, gpa, &why);

			if (!page)
				return sf_image_fault_error(why, "writing a core", gpa);
			uint32_t sum = crc32(0, page, SF_PAGE_SIZE);

			memcpy(at, &sum, sizeof(sum));
			at += sizeof(sum);
		}
	}
	return NULL;
}

static SF_CHECKED struct sf_error *fill_notes(struct plan *p)
{
	const struct sf_core_write *w = p->w;
	uint8_t *at = p->head + sizeof(Elf64_Ehdr);

	if (w->meta) {
		uint8_t *desc = put_note_head(at, SF_CORE_NOTE_NAME, SF_CORE_NOTE, p->desc_len);
		struct sf_core_head h = {
			.version = SF_CORE_VERSION,
			.top = sf_image_top(w->image),
			.pages_offset = p->pages_offset,
			.n_pages = p->n_pages,
			.meta_len = w->meta_len,
		};

		memcpy(desc, (uint8_t *)&h + SF_CORE_DESC, SF_CORE_DESC_FIXED);
		memcpy(desc + SF_CORE_DESC_FIXED, w->meta, w->meta_len);
		SF_TRY(fill_checksums(p, desc + SF_CORE_DESC_FIXED + sf_align_up(w->meta_len, 4)));
		at = desc + sf_align_up(p->desc_len, 4);
	}
	for (size_t i = 0; i < w->n_notes; i++) {
		const struct sf_core_note *note = &w->notes[i];

		at = put_note_head(at, note->name, note->type, note->len);
		if (note->len)
			memcpy(at, note->desc, note->len);
		at += sf_align_up(note->len, 4);
	}
	return NULL;
}

static SF_CHECKED struct sf_error *fill_head(struct plan *p)
{
	fill_ehdr(p);
	fill_phdrs(p);
	SF_TRY(fill_notes(p));
	if (p->w->meta) {
		uint32_t sum = crc32_z(0, p->head, p->pages_offset);

		memcpy(p->head + offsetof(struct sf_core_head, checksum), &sum, sizeof(sum));
	}
	return NULL;
}

/* ---- pages -------------------------------------------------------------------------------------- */

static SF_CHECKED struct sf_error *put_pages(const struct plan *p, put_fn *put, void *arg)
{
	const uint8_t *from = NULL;
	size_t len = 0;

	for (size_t i = 0; i < p->segments.n; i++) {
		const struct segment *s = &p->segments.v[i];

		for (uint64_t gpa = s->gpa; gpa < s->gpa + s->len; gpa += SF_PAGE_SIZE) {
			enum sf_fault why = SF_FAULT_NONE;
			const uint8_t *page = sf_image_page(p->w->image, gpa, &why);

			if (!page)
				return sf_image_fault_error(why, "writing a core", gpa);
			if (!len || page != from + len || len >= PUT_BYTES) {
				if (len)
					SF_TRY(put(arg, from, len));
				from = page;
				len = 0;
			}
			len += SF_PAGE_SIZE;
		}
	}
	return len ? put(arg, from, len) : NULL;
}

struct sf_error *sf_core_write_to(put_fn *put, void *arg, const struct sf_core_write *w)
{
	_cleanup_(plan_clear) struct plan p = { .w = w };

	SF_TRY(plan_layout(&p));
	SF_TRY(fill_head(&p));
	SF_TRY(put(arg, p.head, p.pages_offset));
	return put_pages(&p, put, arg);
}

static struct sf_error *put_to_file(void *file, const void *data, size_t len)
{
	return sf_file_write(file, data, len);
}

struct sf_error *sf_core_write(const char *path, const struct sf_core_write *w)
{
	_cleanup_file_ struct sf_file file = SF_FILE_NULL;

	SF_TRY(sf_file_begin(path, &file));
	SF_TRY(sf_error_context(sf_core_write_to(put_to_file, &file, w), "%s", path));
	return sf_file_publish(&file);
}

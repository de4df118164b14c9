/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <zlib.h>

#include "core_format.h"

/* One per CPU and a few more; far above what is there, far below what would hurt. */
#define MAX_NOTES 65536u
#define MAX_NOTES_LEN (256u << 20)

struct sf_core {
	struct sf_image *image;
	struct {
		struct sf_core_note *v;
		size_t n, cap;
	} notes;
	struct {
		uint8_t **v; /* what notes point into */
		size_t n, cap;
	} buffers;
	uint64_t notes_len;
	const char *meta;
	size_t meta_len;
};

/* What is known while a core is opened. */
struct opening {
	struct sf_core *core;
	struct sf_core_source src;
	struct sf_runs runs;
	struct sf_core_head head; /* as far as the file goes; zero behind */
	Elf64_Phdr *phdrs;
	uint64_t n_phdrs;
	const char *name;         /* of the source, for errors */
};

static void opening_clear(struct opening *o)
{
	sf_core_free(o->core);
	sf_core_source_clear(&o->src);
	sf_runs_clear(&o->runs);
	free(o->phdrs);
}

static SF_CHECKED struct sf_error *corrupt(const struct opening *o, const char *fmt, ...) sf_printf(2, 3);
static struct sf_error *corrupt(const struct opening *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct sf_error *err = sf_error_newv(SF_FRAME_CORRUPT, fmt, ap);

	va_end(ap);
	return sf_error_context(err, "%s", o->name);
}

/* ---- ELF ---------------------------------------------------------------------------------------- */

static SF_CHECKED struct sf_error *check_elf(const struct opening *o)
{
	const Elf64_Ehdr *e = &o->head.ehdr;

	if (memcmp(e->e_ident, ELFMAG, sf_min(o->src.size, (uint64_t)SELFMAG)) || !o->src.size)
		return sf_error_new(SF_BAD_INPUT, "%s: not an ELF core: %s", o->name,
				    o->src.size ? "it does not begin with \\x7fELF" : "it is empty");
	if (o->src.size < sizeof(*e))
		return corrupt(o, "cut short: %" PRIu64 " bytes are less than an ELF header", o->src.size);
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB)
		return sf_error_new(SF_BAD_INPUT, "%s: an ELF file of class %u, byte order %u, not 64 bits little-endian",
				    o->name, e->e_ident[EI_CLASS], e->e_ident[EI_DATA]);
	if (e->e_type != ET_CORE)
		return sf_error_new(SF_BAD_INPUT, "%s: an ELF file of type %u, not a core (%u)", o->name, e->e_type,
				    ET_CORE);
	if (e->e_machine != EM_X86_64)
		return sf_error_new(SF_BAD_INPUT, "%s: a core of ELF machine %u, not of x86-64 (%u)", o->name,
				    e->e_machine, EM_X86_64);
	return NULL;
}

/* The count is in e_phnum, or beyond its range in the first section header. */
static SF_CHECKED struct sf_error *read_phdrs(struct opening *o, const struct sf_core_source *src)
{
	const Elf64_Ehdr *e = &o->head.ehdr;
	uint64_t n = e->e_phnum;

	if (n == PN_XNUM) {
		Elf64_Shdr shdr;

		if (e->e_shentsize != sizeof(shdr) || !e->e_shoff)
			return corrupt(o, "more program headers than its ELF header can count, and no section header");
		SF_TRY(sf_core_source_read(src, e->e_shoff, sizeof(shdr), &shdr, "the first section header"));
		n = shdr.sh_info;
	}
	if (n && e->e_phentsize != sizeof(Elf64_Phdr))
		return corrupt(o, "program headers of %u bytes, not %zu", e->e_phentsize, sizeof(Elf64_Phdr));
	uint64_t len = n * sizeof(Elf64_Phdr);

	/* Before memory is allocated for them. */
	if (!sf_in_range(e->e_phoff, len, src->size))
		return corrupt(o, "%" PRIu64 " program headers at offset %" PRIu64 " lie outside the %" PRIu64 " bytes",
			       n, e->e_phoff, src->size);
	o->phdrs = malloc(len + 1);
	if (!o->phdrs)
		return sf_error_nomem();
	o->n_phdrs = n;
	return sf_core_source_read(src, e->e_phoff, len, o->phdrs, "the program headers");
}

/* ---- notes -------------------------------------------------------------------------------------- */

static SF_CHECKED struct sf_error *parse_notes(struct opening *o, const uint8_t *p, uint64_t len)
{
	struct sf_core *core = o->core;
	uint64_t at = 0;

	/* What is left may be padding, too short for a note. */
	while (len - at >= sizeof(Elf64_Nhdr)) {
		uint64_t begin = at;
		Elf64_Nhdr n;

		memcpy(&n, p + at, sizeof(n));
		at += sizeof(n);
		if (!n.n_namesz && !n.n_descsz && !n.n_type)
			continue;
		uint64_t desc = at + sf_align_up((uint64_t)n.n_namesz, 4);

		if (!sf_in_range(desc, n.n_descsz, len))
			return corrupt(o, "note %zu, at byte %" PRIu64 " of its segment, has a name of %u and data of %u bytes, "
				       "more than the segment's %" PRIu64, core->notes.n, begin, n.n_namesz, n.n_descsz, len);
		if (n.n_namesz && p[at + n.n_namesz - 1])
			return corrupt(o, "the name of note %zu, at byte %" PRIu64 " of its segment, has no end",
				       core->notes.n, begin);
		if (core->notes.n == MAX_NOTES)
			return corrupt(o, "more than %u notes", MAX_NOTES);
		struct sf_core_note *note = sf_vec_push(&core->notes);

		if (!note)
			return sf_error_nomem();
		*note = (struct sf_core_note){
			.name = n.n_namesz ? (const char *)p + at : "",
			.type = n.n_type,
			.desc = p + desc,
			.len = n.n_descsz,
		};
		/* The padding behind the last one may be missing. */
		at = sf_min(sf_align_up(desc + n.n_descsz, 4), len);
	}
	return NULL;
}

static SF_CHECKED struct sf_error *read_note_segment(struct opening *o, const Elf64_Phdr *ph)
{
	if (!sf_in_range(ph->p_offset, ph->p_filesz, o->src.size))
		return corrupt(o, "a note segment (%" PRIu64 " bytes at offset %" PRIu64 ") lies outside the file, which has %"
			       PRIu64 " bytes", ph->p_filesz, ph->p_offset, o->src.size);
	o->core->notes_len += ph->p_filesz;
	if (ph->p_filesz > MAX_NOTES_LEN || o->core->notes_len > MAX_NOTES_LEN)
		return corrupt(o, "notes of more than %u bytes", MAX_NOTES_LEN);
	uint8_t **buf = sf_vec_push(&o->core->buffers);

	if (!buf)
		return sf_error_nomem();
	*buf = malloc(ph->p_filesz + 1);
	if (!*buf)
		return sf_error_nomem();
	uint8_t *bytes = *buf;

	SF_TRY(sf_core_source_read(&o->src, ph->p_offset, ph->p_filesz, bytes, "a note segment"));
	return parse_notes(o, bytes, ph->p_filesz);
}

/* ---- a core of ours ----------------------------------------------------------------------------- */

static SF_CHECKED struct sf_error *check_version(const struct opening *o, uint32_t version)
{
	if (version != SF_CORE_VERSION)
		return sf_error_new(SF_BAD_INPUT,
				    "%s: a frame of format version %u; this stillframe reads version %u and no other",
				    o->name, version, SF_CORE_VERSION);
	return NULL;
}

/* A note with either our name or our type is ours, so that a change of one is noticed. */
static bool is_ours(const char *name, uint32_t type)
{
	return type == SF_CORE_NOTE || !strncmp(name, SF_CORE_NOTE_NAME, sizeof(SF_CORE_NOTE_NAME));
}

static SF_CHECKED struct sf_error *check_size(const struct opening *o)
{
	const struct sf_core_head *h = &o->head;
	uint64_t size = o->src.size, pages_len = h->n_pages << SF_PAGE_SHIFT;

	if (h->pages_offset & ~SF_PAGE_MASK || h->pages_offset < sizeof(*h) ||
	    h->n_pages > (SF_MAX_GPA >> SF_PAGE_SHIFT) || h->pages_offset > SF_MAX_GPA)
		return corrupt(o, "%" PRIu64 " pages at offset %" PRIu64 " make no sense", h->n_pages, h->pages_offset);
	if (size != h->pages_offset + pages_len)
		return corrupt(o, "%s: it has %" PRIu64 " bytes, its header says %" PRIu64,
			       size < h->pages_offset + pages_len ? "cut short" : "too long", size,
			       h->pages_offset + pages_len);
	return NULL;
}

/* The segments of ours are the pages in order, without gap or overlap in the file. */
static SF_CHECKED struct sf_error *our_runs(struct opening *o)
{
	const struct sf_core_head *h = &o->head;
	uint64_t pages = 0, end = 0;

	for (uint64_t i = 0; i < o->n_phdrs; i++) {
		const Elf64_Phdr *ph = &o->phdrs[i];

		if (ph->p_type != PT_LOAD)
			continue;
		uint64_t n = ph->p_filesz >> SF_PAGE_SHIFT;

		if (ph->p_filesz != ph->p_memsz || (ph->p_paddr | ph->p_filesz) & ~SF_PAGE_MASK || !n ||
		    ph->p_paddr < end || !sf_in_range(ph->p_paddr, ph->p_filesz, h->top) || n > h->n_pages - pages ||
		    ph->p_offset != h->pages_offset + (pages << SF_PAGE_SHIFT))
			return corrupt(o, "segment %" PRIu64 " (0x%" PRIx64 " + 0x%" PRIx64 " at offset %" PRIu64
				       ") does not follow the one before", i, ph->p_paddr, ph->p_filesz, ph->p_offset);
		struct sf_run *run = sf_vec_push(&o->runs);

		if (!run)
			return sf_error_nomem();
		end = ph->p_paddr + ph->p_filesz;
		*run = (struct sf_run){ .gpa = ph->p_paddr, .end = end, .first = pages, .offset = ph->p_offset };
		pages += n;
	}
	if (pages != h->n_pages)
		return corrupt(o, "its segments have %" PRIu64 " pages, its header says %" PRIu64, pages, h->n_pages);
	return sf_runs_index(&o->runs);
}

/* The head of the file is one buffer, which the notes and the metadata point into. */
static SF_CHECKED struct sf_error *read_head(struct opening *o, uint8_t **ret)
{
	const struct sf_core_head *h = &o->head;
	uint8_t **buf = sf_vec_push(&o->core->buffers);

	if (!buf)
		return sf_error_nomem();
	*buf = malloc(h->pages_offset);
	if (!*buf)
		return sf_error_nomem();
	uint8_t *bytes = *buf;

	SF_TRY(sf_core_source_read(&o->src, 0, h->pages_offset, bytes, "the header"));
	memset(bytes + offsetof(struct sf_core_head, checksum), 0, sizeof(h->checksum));
	uint32_t sum = crc32_z(0, bytes, h->pages_offset);

	if (sum != h->checksum)
		return corrupt(o, "the header's checksum is %08x, not %08x", sum, h->checksum);
	*ret = bytes;
	return NULL;
}

/* What is asked for by note is what the writer was given. */
static SF_CHECKED struct sf_error *drop_our_note(struct opening *o, const uint8_t *desc)
{
	struct sf_core *core = o->core;

	if (!core->notes.n || core->notes.v[0].desc != desc)
		return corrupt(o, "the first note is not the one that makes it a frame");
	core->notes.n--;
	memmove(core->notes.v, core->notes.v + 1, core->notes.n * sizeof(*core->notes.v));
	return NULL;
}

static SF_CHECKED struct sf_error *open_ours(struct opening *o)
{
	const struct sf_core_head *h = &o->head;
	uint8_t *bytes = NULL;

	SF_TRY(check_version(o, h->version));
	if (h->nhdr.n_namesz != sizeof(SF_CORE_NOTE_NAME) || h->nhdr.n_type != SF_CORE_NOTE ||
	    memcmp(h->name, SF_CORE_NOTE_NAME "\0", sizeof(h->name)))
		return corrupt(o, "the note that makes it a frame is damaged");
	SF_TRY(check_size(o));
	SF_TRY(read_head(o, &bytes));

	uint64_t meta_room = sf_align_up(h->meta_len, 4), desc_len = h->nhdr.n_descsz;

	if (h->meta_len > desc_len || SF_CORE_DESC_FIXED + meta_room + h->n_pages * sizeof(uint32_t) != desc_len ||
	    !sf_in_range(SF_CORE_DESC, desc_len, h->pages_offset) || h->top > SF_MAX_GPA)
		return corrupt(o, "the note that makes it a frame has %" PRIu64 " bytes for metadata of %" PRIu64
			       " and the checksums of %" PRIu64 " pages", desc_len, h->meta_len, h->n_pages);

	const struct sf_core_source head = { .fd = -1, .data = bytes, .size = h->pages_offset, .name = o->src.name };

	SF_TRY(read_phdrs(o, &head));
	if (!o->n_phdrs || o->phdrs[0].p_type != PT_NOTE || o->phdrs[0].p_offset != offsetof(struct sf_core_head, nhdr) ||
	    !sf_in_range(o->phdrs[0].p_offset, o->phdrs[0].p_filesz, h->pages_offset))
		return corrupt(o, "the first segment is not the notes behind the header");
	SF_TRY(parse_notes(o, bytes + o->phdrs[0].p_offset, o->phdrs[0].p_filesz));
	SF_TRY(drop_our_note(o, bytes + SF_CORE_DESC));
	SF_TRY(our_runs(o));

	o->core->meta = (const char *)bytes + sizeof(*h);
	o->core->meta_len = h->meta_len;
	return sf_core_image_new(&o->src, &o->runs, bytes + sizeof(*h) + meta_room, h->top, &o->core->image);
}

/* ---- a core of others --------------------------------------------------------------------------- */

/* Whole pages of a segment that are in the file. Segments that have no physical address say so with all ones. */
static SF_CHECKED struct sf_error *foreign_run(struct opening *o, const Elf64_Phdr *ph, uint64_t i, uint64_t *top)
{
	if (ph->p_paddr == UINT64_MAX || (!ph->p_filesz && !ph->p_memsz))
		return NULL;
	if (!sf_in_range(ph->p_paddr, sf_max(ph->p_memsz, ph->p_filesz), SF_MAX_GPA))
		return corrupt(o, "segment %" PRIu64 " (0x%" PRIx64 " + 0x%" PRIx64 ") is beyond physical addresses", i,
			       ph->p_paddr, ph->p_memsz);
	if (!sf_in_range(ph->p_offset, ph->p_filesz, o->src.size))
		return corrupt(o, "segment %" PRIu64 " (%" PRIu64 " bytes at offset %" PRIu64
			       ") lies outside the file, which has %" PRIu64 " bytes", i, ph->p_filesz, ph->p_offset,
			       o->src.size);
	*top = sf_max(*top, ph->p_paddr + sf_max(ph->p_memsz, ph->p_filesz));

	uint64_t begin = sf_align_up(ph->p_paddr, SF_PAGE_SIZE);
	uint64_t end = (ph->p_paddr + ph->p_filesz) & SF_PAGE_MASK;

	if (begin >= end)
		return NULL;
	struct sf_run *run = sf_vec_push(&o->runs);

	if (!run)
		return sf_error_nomem();
	*run = (struct sf_run){ .gpa = begin, .end = end, .offset = ph->p_offset + (begin - ph->p_paddr) };
	return NULL;
}

static int run_cmp(const void *a, const void *b)
{
	const struct sf_run *x = a, *y = b;

	if (x->gpa != y->gpa)
		return x->gpa < y->gpa ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* In order, without the parts that an earlier one has already. */
static SF_CHECKED struct sf_error *arrange_runs(struct opening *o)
{
	struct sf_runs *runs = &o->runs;
	uint64_t end = 0, pages = 0;
	size_t n = 0;

	if (runs->n)
		qsort(runs->v, runs->n, sizeof(*runs->v), run_cmp);
	for (size_t i = 0; i < runs->n; i++) {
		struct sf_run run = runs->v[i];

		if (run.end <= end)
			continue;
		if (run.gpa < end) {
			run.offset += end - run.gpa;
			run.gpa = end;
		}
		run.first = pages;
		pages += (run.end - run.gpa) >> SF_PAGE_SHIFT;
		end = run.end;
		runs->v[n++] = run;
		/* Memory is allocated by the page, so the pages have to be paid for in bytes. */
		if (pages > o->src.size >> SF_PAGE_SHIFT)
			return corrupt(o, "its segments have more pages than its %" PRIu64 " bytes", o->src.size);
	}
	runs->n = n;
	return sf_runs_index(runs);
}

/* Somebody's note that would be ours, but is not where ours is: of another version, or damaged. */
static SF_CHECKED struct sf_error *refuse_strays(const struct opening *o)
{
	for (size_t i = 0; i < o->core->notes.n; i++) {
		const struct sf_core_note *note = &o->core->notes.v[i];

		if (!is_ours(note->name, note->type))
			continue;
		if (note->len >= sizeof(uint32_t))
			SF_TRY(check_version(o, sf_load32(note->desc)));
		return corrupt(o, "the note that makes it a frame is not behind the ELF header");
	}
	return NULL;
}

static SF_CHECKED struct sf_error *open_foreign(struct opening *o)
{
	uint64_t top = 0;

	SF_TRY(read_phdrs(o, &o->src));
	for (uint64_t i = 0; i < o->n_phdrs; i++) {
		if (o->phdrs[i].p_type == PT_NOTE)
			SF_TRY(read_note_segment(o, &o->phdrs[i]));
		else if (o->phdrs[i].p_type == PT_LOAD)
			SF_TRY(foreign_run(o, &o->phdrs[i], i, &top));
	}
	SF_TRY(refuse_strays(o));
	SF_TRY(arrange_runs(o));
	if (!o->runs.n)
		return corrupt(o, "it has no page of memory");
	return sf_core_image_new(&o->src, &o->runs, NULL, sf_align_up(top, SF_PAGE_SIZE), &o->core->image);
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* Takes @src over, also on failure. */
static SF_CHECKED struct sf_error *open_source(struct sf_core_source *src, struct sf_core **ret)
{
	_cleanup_free_ char *name = strdup(src->name);
	_cleanup_(opening_clear) struct opening o = { .src = *src, .name = name };

	*src = (struct sf_core_source){ .fd = -1 };
	o.core = calloc(1, sizeof(*o.core));
	if (!o.core || !name)
		return sf_error_nomem();
	SF_TRY(sf_core_source_read(&o.src, 0, sf_min(o.src.size, (uint64_t)sizeof(o.head)), &o.head, "the ELF header"));
	SF_TRY(check_elf(&o));
	if (o.src.size >= sizeof(o.head) && is_ours(o.head.name, o.head.nhdr.n_type))
		SF_TRY(open_ours(&o));
	else
		SF_TRY(open_foreign(&o));
	*ret = steal_ptr(&o.core);
	return NULL;
}

struct sf_error *sf_core_open(const char *path, struct sf_core **ret)
{
	_cleanup_(sf_core_source_clear) struct sf_core_source src = { .fd = -1 };
	struct stat st;

	src.name = strdup(path);
	if (!src.name)
		return sf_error_nomem();
	/* O_NONBLOCK: opening a pipe would wait for its writer. */
	src.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (src.fd < 0 || fstat(src.fd, &st))
		return sf_error_sys(errno, "cannot open %s", path);
	if (!S_ISREG(st.st_mode))
		return sf_error_new(SF_BAD_INPUT, "%s: not an ELF core: it is not a regular file", path);
	src.size = st.st_size;
	return open_source(&src, ret);
}

struct sf_error *sf_core_open_memory(void *data, size_t len, const char *name, struct sf_core **ret)
{
	_cleanup_(sf_core_source_clear) struct sf_core_source src = { .fd = -1, .data = data, .size = len };

	src.name = strdup(name);
	if (!src.name)
		return sf_error_nomem();
	return open_source(&src, ret);
}

void sf_core_free(struct sf_core *core)
{
	if (!core)
		return;
	sf_image_unref(core->image);
	for (size_t i = 0; i < core->buffers.n; i++)
		free(core->buffers.v[i]);
	free(core->buffers.v);
	free(core->notes.v);
	free(core);
}

struct sf_image *sf_core_image(struct sf_core *core)
{
	return core->image;
}

const char *sf_core_meta(const struct sf_core *core, size_t *len)
{
	if (len)
		*len = core->meta_len;
	return core->meta;
}

size_t sf_core_n_notes(const struct sf_core *core)
{
	return core->notes.n;
}

const struct sf_core_note *sf_core_note(const struct sf_core *core, size_t i)
{
	return i < core->notes.n ? &core->notes.v[i] : NULL;
}

struct sf_error *sf_core_verify(struct sf_core *core)
{
	return sf_core_image_verify(core->image);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As much of ELF as it takes to know what a file is, who interprets it and what it needs. Files are hostile: every
 * offset is checked, every loop is bounded.
 */

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "private.h"

#define MAX_PROGRAM_HEADERS 4096
#define MAX_DYNAMIC 65536
#define MAX_NEEDED 4096
#define MAX_NOTES 65536
#define NAME_SIZE 4096
#define XEN_ELFNOTE_PHYS32_ENTRY 18 /* include/xen/interface/elfnote.h, Linux 6.18 */

bool sf_strings_add(struct sf_strings *s, const char *text)
{
	char *copy = strdup(text);
	char **p = copy ? sf_vec_push(s) : NULL;

	if (!p) {
		free(copy);
		return false;
	}
	*p = copy;
	return true;
}

void sf_strings_clear(struct sf_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct sf_strings){ 0 };
}

void sf_elf_clear(struct sf_elf *elf)
{
	free(elf->interp);
	free(elf->soname);
	sf_strings_clear(&elf->needed);
	*elf = (struct sf_elf){ 0 };
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

struct file {
	int fd;
	const char *path;
	uint64_t size;
	Elf64_Phdr *phdrs;
	size_t n_phdrs;
};

static struct sf_error *broken(const struct file *f, const char *what)
{
	return sf_error_new(SF_USAGE, "%s is a damaged ELF file: %s", f->path, what);
}

static struct sf_error *read_at(const struct file *f, void *buf, size_t len, uint64_t off, const char *what)
{
	if (!sf_in_range(off, len, f->size))
		return broken(f, what);
	return sf_error_context(sf_pread_all(f->fd, buf, len, off), "%s", f->path);
}

/* A NUL-terminated string of at most NAME_SIZE - 1 bytes. */
static struct sf_error *read_name(const struct file *f, uint64_t off, char buf[NAME_SIZE], const char *what)
{
	if (off >= f->size)
		return broken(f, what);
	size_t len = (size_t)sf_min((uint64_t)NAME_SIZE, f->size - off);

	SF_TRY(read_at(f, buf, len, off, what));
	return memchr(buf, 0, len) ? NULL : broken(f, what);
}

static bool to_offset(const struct file *f, uint64_t vaddr, uint64_t *ret)
{
	for (size_t i = 0; i < f->n_phdrs; i++) {
		const Elf64_Phdr *p = &f->phdrs[i];

		if (p->p_type != PT_LOAD || vaddr < p->p_vaddr || vaddr - p->p_vaddr >= p->p_filesz)
			continue;
		*ret = p->p_offset + (vaddr - p->p_vaddr);
		return *ret >= p->p_offset;
	}
	return false;
}

static struct sf_error *read_needed(const struct file *f, const Elf64_Dyn *dyn, size_t n, struct sf_elf *elf)
{
	char name[NAME_SIZE];
	uint64_t strtab = 0, off;

	for (size_t i = 0; i < n; i++) {
		if (dyn[i].d_tag == DT_STRTAB)
			strtab = dyn[i].d_un.d_ptr;
		else if (dyn[i].d_tag == DT_FLAGS_1 && dyn[i].d_un.d_val & DF_1_PIE)
			elf->is_pie = true;
	}
	for (size_t i = 0; i < n && elf->needed.n < MAX_NEEDED; i++) {
		bool is_soname = dyn[i].d_tag == DT_SONAME && !elf->soname;

		if (dyn[i].d_tag != DT_NEEDED && !is_soname)
			continue;
		if (!to_offset(f, strtab, &off) || __builtin_add_overflow(off, dyn[i].d_un.d_val, &off))
			return broken(f, "the names of its libraries are nowhere");
		SF_TRY(read_name(f, off, name, "the name of a library ends nowhere"));
		if (is_soname ? !(elf->soname = strdup(name)) : !sf_strings_add(&elf->needed, name))
			return sf_error_nomem();
	}
	return NULL;
}

static struct sf_error *read_dynamic(const struct file *f, const Elf64_Phdr *p, struct sf_elf *elf)
{
	size_t n = sf_min(p->p_filesz / sizeof(Elf64_Dyn), (uint64_t)MAX_DYNAMIC);
	_cleanup_free_ Elf64_Dyn *dyn = calloc(n + 1, sizeof(*dyn));

	if (!dyn)
		return sf_error_nomem();
	SF_TRY(read_at(f, dyn, n * sizeof(*dyn), p->p_offset, "its dynamic section is beyond its end"));
	elf->is_dynamic = true;
	for (size_t i = 0; i < n; i++)
		if (dyn[i].d_tag == DT_NULL)
			n = i;
	return read_needed(f, dyn, n, elf);
}

static struct sf_error *read_notes(const struct file *f, const Elf64_Phdr *p, struct sf_elf *elf)
{
	size_t size = sf_min(p->p_filesz, (uint64_t)MAX_NOTES), at = 0;
	_cleanup_free_ char *notes = malloc(size + 1);
	Elf64_Nhdr h;

	if (!notes)
		return sf_error_nomem();
	SF_TRY(read_at(f, notes, size, p->p_offset, "its notes are beyond its end"));
	while (sf_in_range(at, sizeof(h), size)) {
		memcpy(&h, notes + at, sizeof(h));
		uint64_t name = at + sizeof(h);
		uint64_t next = name + sf_align_up((uint64_t)h.n_namesz, 4) + sf_align_up((uint64_t)h.n_descsz, 4);

		if (next > size)
			break;
		if (h.n_type == XEN_ELFNOTE_PHYS32_ENTRY && h.n_namesz == 4 && !memcmp(notes + name, "Xen", 4))
			elf->has_pvh = true;
		at = (size_t)next;
	}
	return NULL;
}

static struct sf_error *read_segments(const struct file *f, struct sf_elf *elf)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < f->n_phdrs; i++) {
		const Elf64_Phdr *p = &f->phdrs[i];

		if (p->p_type == PT_INTERP && !elf->interp) {
			SF_TRY(read_name(f, p->p_offset, name, "the name of its interpreter ends nowhere"));
			elf->interp = strdup(name);
			if (!elf->interp)
				return sf_error_nomem();
		} else if (p->p_type == PT_DYNAMIC && !elf->is_dynamic) {
			SF_TRY(read_dynamic(f, p, elf));
		} else if (p->p_type == PT_NOTE && elf->type == ET_EXEC) {
			SF_TRY(read_notes(f, p, elf));
		}
	}
	return NULL;
}

static struct sf_error *read_elf(struct file *f, struct sf_elf *elf)
{
	Elf64_Ehdr h = { 0 };

	SF_TRY(sf_pread_all(f->fd, &h, sf_min(sizeof(h), (size_t)f->size), 0));
	if (f->size < EI_NIDENT + 4 || memcmp(h.e_ident, ELFMAG, SELFMAG))
		return NULL;
	elf->is_elf = true;
	elf->class = h.e_ident[EI_CLASS];
	elf->data = h.e_ident[EI_DATA];
	elf->type = elf->data == ELFDATA2MSB ? __builtin_bswap16(h.e_type) : h.e_type;
	elf->machine = elf->data == ELFDATA2MSB ? __builtin_bswap16(h.e_machine) : h.e_machine;
	/* Of others it is enough to know what they are. */
	if (elf->class != ELFCLASS64 || elf->data != ELFDATA2LSB ||
	    (elf->machine != EM_X86_64 && elf->machine != EM_BPF))
		return NULL;
	if (f->size < sizeof(h))
		return broken(f, "it is cut short");
	if (elf->machine == EM_BPF)
		return sf_in_range(h.e_shoff, (uint64_t)h.e_shnum * sizeof(Elf64_Shdr), f->size) ? NULL :
			broken(f, "its sections are beyond its end");
	if (h.e_phnum && h.e_phentsize != sizeof(Elf64_Phdr))
		return broken(f, "its program headers have no known size");
	f->n_phdrs = sf_min((size_t)h.e_phnum, (size_t)MAX_PROGRAM_HEADERS);
	f->phdrs = calloc(f->n_phdrs + 1, sizeof(*f->phdrs));
	if (!f->phdrs)
		return sf_error_nomem();
	SF_TRY(read_at(f, f->phdrs, f->n_phdrs * sizeof(*f->phdrs), h.e_phoff,
		       "its program headers are beyond its end"));
	return read_segments(f, elf);
}

struct sf_error *sf_elf_read(const char *path, struct sf_elf *ret)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct file f = { .fd = fd, .path = path };
	struct sf_error *err;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return sf_error_sys(errno, "%s", path);
	if (S_ISREG(st.st_mode)) {
		f.size = (uint64_t)st.st_size;
		err = read_elf(&f, &elf);
		free(f.phdrs);
		SF_TRY(err);
	}
	*ret = elf;
	elf = (struct sf_elf){ 0 };
	return NULL;
}

/* ---- saying what a file is ------------------------------------------------------------------------------------- */

static const char *machine_name(uint16_t machine)
{
	static const struct { uint16_t machine; const char *name; } names[] = {
		{ EM_X86_64, "x86-64" }, { EM_386, "32-bit x86" }, { EM_AARCH64, "arm64" }, { EM_ARM, "32-bit arm" },
		{ EM_RISCV, "riscv" }, { EM_PPC64, "ppc64" }, { EM_S390, "s390" }, { EM_BPF, "BPF" },
		{ EM_LOONGARCH, "loongarch" }, { EM_MIPS, "mips" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return NULL;
}

static char *what_elf(const struct sf_elf *elf)
{
	const char *machine = machine_name(elf->machine), *type;

	switch (elf->type) {
	case ET_REL:
		type = "object file";
		break;
	case ET_EXEC:
		type = "program";
		break;
	case ET_DYN:
		type = elf->interp || elf->is_pie ? "program" : "shared object";
		break;
	case ET_CORE:
		type = "core";
		break;
	default:
		type = "file";
	}
	return machine ? sf_asprintf("an ELF %s for %s", type, machine) :
			 sf_asprintf("an ELF %s for machine %u", type, elf->machine);
}

static bool is_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0x7f || (p[i] < 0x20 && !strchr("\n\r\t\f\033", p[i])))
			return false;
	return true;
}

static const char *what_bytes(const unsigned char *p, size_t n)
{
	static const struct { size_t at, len; const char *magic, *what; } magics[] = {
		{ 0x202, 4, "HdrS", "a Linux kernel image (bzImage)" },
		{ 56, 4, "ARM\x64", "an arm64 kernel image" },
		{ 0, 2, "#!", "a script" },
		{ 0, 2, "\x1f\x8b", "a gzip file" },
		{ 0, 4, "\x28\xb5\x2f\xfd", "a zstd file" },
		{ 0, 5, "\xfd" "7zXZ", "an xz file" },
		{ 0, 3, "BZh", "a bzip2 file" },
		{ 0, 5, "07070", "a cpio archive" },
		{ 0, 8, "!<arch>\n", "an archive (.a or .deb)" },
		{ 257, 5, "ustar", "a tar archive" },
		{ 0, 2, "MZ", "an EFI or DOS program" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (sf_in_range(magics[i].at, magics[i].len, n) &&
		    !memcmp(p + magics[i].at, magics[i].magic, magics[i].len))
			return magics[i].what;
	return is_text(p, n) ? "a text file" : "of no kind that is known here";
}

char *sf_pack_what(const char *path)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	unsigned char head[1024];
	struct stat st;
	ssize_t n;

	if (stat(path, &st))
		return strdup("not there");
	if (S_ISDIR(st.st_mode))
		return strdup("a directory");
	if (!S_ISREG(st.st_mode))
		return strdup("no regular file");
	if (!st.st_size)
		return strdup("an empty file");
	SF_OWNED(error) err = sf_elf_read(path, &elf);

	if (err)
		return strdup(sf_error_code(err) == SF_USAGE ? "a damaged ELF file" : "a file that cannot be read");
	if (elf.is_elf)
		return what_elf(&elf);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	return strdup(n < 0 ? "a file that cannot be read" : what_bytes(head, (size_t)n));
}

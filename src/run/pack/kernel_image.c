/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a kernel image: is it one that QEMU boots, and what is in it? A file is looked at before a guest is made
 * of it: booting something else fails late and says little.
 */

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "kernel.h"

/* The boot header of a bzImage: Documentation/arch/x86/boot.rst, Linux 6.18. */
#define AT_SETUP_SECTS 0x1f1
#define AT_SYSSIZE 0x1f4
#define AT_BOOT_FLAG 0x1fe
#define AT_MAGIC 0x202
#define AT_PROTOCOL 0x206
#define AT_VERSION 0x20e
#define AT_XLOADFLAGS 0x236
#define AT_PAYLOAD_OFFSET 0x248
#define AT_PAYLOAD_LENGTH 0x24c
#define BOOT_FLAG 0xaa55
#define PROTOCOL_XLOADFLAGS 0x020c
#define XLF_KERNEL_64 1
#define SECTOR 512u
#define HEADER_SIZE 0x250

#define READ_SIZE ((size_t)1 << 18)
/* More than any name that is sought, and than a release with the words before it. */
#define OVERLAP ((size_t)256)
#define MAX_UNPACKED ((uint64_t)1 << 30)
#define MAX_IKCONFIG ((size_t)1 << 20)
#define MAX_CONFIG ((size_t)4 << 20)

struct bzimage {
	uint8_t head[HEADER_SIZE];
	uint64_t size;
};

static bool read_head(const char *path, struct bzimage *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	SF_OWNED(error) err = sf_pread_all(fd, ret->head, sizeof(ret->head), 0);

	ret->size = (uint64_t)st.st_size;
	return !err && sf_load16(ret->head + AT_BOOT_FLAG) == BOOT_FLAG && !memcmp(ret->head + AT_MAGIC, "HdrS", 4);
}

static uint64_t setup_size(const struct bzimage *bz)
{
	return ((bz->head[AT_SETUP_SECTS] ? bz->head[AT_SETUP_SECTS] : 4) + UINT64_C(1)) * SECTOR;
}

/* ---- is it a kernel? ---------------------------------------------------------------------------------------------- */

static struct sf_error *check_bzimage(const char *path, const struct bzimage *bz)
{
	uint64_t want = setup_size(bz) + (uint64_t)sf_load32(bz->head + AT_SYSSIZE) * 16;

	if (sf_load16(bz->head + AT_PROTOCOL) < PROTOCOL_XLOADFLAGS ||
	    !(sf_load16(bz->head + AT_XLOADFLAGS) & XLF_KERNEL_64))
		return sf_error_new(SF_USAGE, "the kernel %s is not a 64-bit one", path);
	/* What signing adds to the end is not in the count. */
	if (bz->size < want)
		return sf_error_new(SF_USAGE, "the kernel %s is cut short: it has %llu bytes of %llu", path,
				    (unsigned long long)bz->size, (unsigned long long)want);
	return NULL;
}

/* Kernels are linked to the last 2 GiB of addresses (Documentation/arch/x86/x86_64/mm.rst). */
static bool is_vmlinux(const char *path, const struct sf_elf *elf)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr h;
	Elf64_Phdr p;

	return fd >= 0 && elf->is_elf && elf->class == ELFCLASS64 && elf->data == ELFDATA2LSB &&
	       elf->machine == EM_X86_64 && elf->type == ET_EXEC && pread(fd, &h, sizeof(h), 0) == sizeof(h) &&
	       h.e_phnum && h.e_phoff <= INT64_MAX && pread(fd, &p, sizeof(p), (off_t)h.e_phoff) == sizeof(p) &&
	       p.p_type == PT_LOAD && p.p_vaddr >= UINT64_C(0xffffffff80000000);
}

static struct sf_error *check_vmlinux_size(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (fd < 0 || fstat(fd, &st) || pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return sf_error_sys(errno, "the kernel %s", path);
	for (unsigned int i = 0; i < h.e_phnum; i++) {
		SF_TRY(sf_error_context(sf_pread_all(fd, &p, sizeof(p), h.e_phoff + i * sizeof(p)), "the kernel %s", path));
		if (p.p_type == PT_LOAD && !sf_in_range(p.p_offset, p.p_filesz, (uint64_t)st.st_size))
			return sf_error_new(SF_USAGE, "the kernel %s is cut short: it has %llu bytes, and a segment beyond "
					    "them", path, (unsigned long long)st.st_size);
	}
	return NULL;
}

struct sf_error *sf_kernel_check(const char *path)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	_cleanup_free_ char *what = NULL;
	struct bzimage bz;

	if (access(path, R_OK))
		return errno == ENOENT || errno == ENOTDIR ? sf_error_new(SF_USAGE, "there is no kernel %s", path) :
		       errno == EACCES ? sf_error_new(SF_USAGE, "the kernel %s may not be read by you: root can make a copy "
						      "that may be", path) :
					 sf_error_sys(errno, "the kernel %s", path);
	if (read_head(path, &bz))
		return check_bzimage(path, &bz);
	SF_TRY(sf_elf_read(path, &elf));
	if (elf.is_elf && elf.has_pvh)
		return check_vmlinux_size(path);
	if (is_vmlinux(path, &elf))
		return sf_error_new(SF_USAGE, "%s is a vmlinux that QEMU cannot enter: it was built without CONFIG_PVH; the "
				    "bzImage of the same build will do", path);
	what = sf_pack_what(path);
	return sf_error_new(SF_USAGE, "%s is no kernel: it is %s; a bzImage or an ELF vmlinux with a PVH entry is needed",
			    path, what ? what : "something else");
}

/* ---- what is in it? ----------------------------------------------------------------------------------------------- */

struct scan {
	struct sf_kernel_needle *needles;
	size_t n;
	char window[OVERLAP + READ_SIZE];
	size_t kept;             /* of the window: the end of what was seen */
	struct sf_text packed;   /* CONFIG_IKCONFIG's, gzip */
	enum { BEFORE, INSIDE, AFTER } config;
	char *release;
};

void sf_kernel_seen_clear(struct sf_kernel_seen *seen)
{
	free(seen->config);
	free(seen->release);
	*seen = (struct sf_kernel_seen){ 0 };
}

/* kernel/configs.c, Linux 6.18: the words stand around the bytes of a gzip file. */
static void look_for_config(struct scan *s, const char *data, size_t len, size_t fresh)
{
	static const char begin[] = "IKCFG_ST\x1f\x8b", end[] = "IKCFG_ED";
	const size_t n_end = sizeof(end) - 1;

	if (s->config == BEFORE) {
		const char *at = memmem(data, len, begin, sizeof(begin) - 1);

		if (!at)
			return;
		s->config = INSIDE;
		at += sizeof(begin) - 3;
		sf_text_putn(&s->packed, at, (size_t)(data + len - at));
	} else if (s->config == INSIDE) {
		sf_text_putn(&s->packed, data + len - fresh, fresh);
	}
	if (s->config != INSIDE)
		return;
	size_t from = s->packed.n > READ_SIZE + OVERLAP + n_end ? s->packed.n - READ_SIZE - OVERLAP - n_end : 0;
	const char *at = s->packed.failed ? NULL : memmem(s->packed.v + from, s->packed.n - from, end, n_end);

	if (at)
		s->packed.n = (size_t)(at - s->packed.v);
	else if (s->packed.n > MAX_IKCONFIG)
		s->packed.n = 0;
	else
		return;
	s->config = AFTER;
}

/* The first banner that is whole: "Linux version 6.18.15 (builder) …" (init/version-timestamp.c). */
static void look_for_release(struct scan *s, const char *data, size_t len)
{
	static const char banner[] = "Linux version ";
	const char *at = s->release ? NULL : memmem(data, len, banner, sizeof(banner) - 1);
	size_t n = 0;

	if (!at)
		return;
	at += sizeof(banner) - 1;
	while (at + n < data + len && isgraph((unsigned char)at[n]) && at[n] != '%' && n < 128)
		n++;
	if (n && isdigit((unsigned char)at[0]) && at + n < data + len && at[n] == ' ')
		s->release = strndup(at, n);
}

/* @len fresh bytes stand in the window after what was kept. */
static void look(struct scan *s, size_t len)
{
	size_t all = s->kept + len;

	for (size_t i = 0; i < s->n; i++) {
		char text[OVERLAP / 2] = "";
		size_t n = strlen(s->needles[i].name);

		if (s->needles[i].found || n + 2 > sizeof(text))
			continue;
		memcpy(text + 1, s->needles[i].name, n);
		s->needles[i].found = memmem(s->window, all, text, n + 2);
	}
	look_for_config(s, s->window, all, len);
	look_for_release(s, s->window, all);
	s->kept = sf_min(all, OVERLAP);
	memmove(s->window, s->window + all - s->kept, s->kept);
}

static struct archive *open_packed(const void *data, size_t len)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;

	if (!a)
		return NULL;
	/* Only what needs no program. */
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, data, len) == ARCHIVE_OK && archive_read_next_header(a, &entry) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* false: it is packed in a way that is not known here, or damaged. */
static bool scan_packed(struct scan *s, const void *data, size_t len)
{
	struct archive *a = open_packed(data, len);
	uint64_t total = 0;
	la_ssize_t n = -1;

	while (a && total < MAX_UNPACKED && (n = archive_read_data(a, s->window + s->kept, READ_SIZE)) > 0) {
		if (!total && memcmp(s->window, ELFMAG, SELFMAG)) {
			n = -1;
			break;
		}
		total += (uint64_t)n;
		look(s, (size_t)n);
	}
	if (a)
		archive_read_free(a);
	return total && !n;
}

/* What a bzImage unpacks into its place; NULL in @ret: its header points nowhere. */
static struct sf_error *read_payload(int fd, const struct bzimage *bz, unsigned char **ret, size_t *ret_len)
{
	uint64_t at = setup_size(bz) + sf_load32(bz->head + AT_PAYLOAD_OFFSET);
	uint64_t len = sf_load32(bz->head + AT_PAYLOAD_LENGTH);

	*ret = NULL;
	if (!len || !sf_in_range(at, len, bz->size))
		return NULL;
	_cleanup_free_ unsigned char *payload = malloc((size_t)len);

	if (!payload)
		return sf_error_nomem();
	SF_TRY(sf_pread_all(fd, payload, (size_t)len, at));
	/* All but gzip's have their unpacked size behind them (scripts/Makefile.lib). */
	if (len > 4 && !(payload[0] == 0x1f && payload[1] == 0x8b))
		len -= 4;
	*ret = steal_ptr(&payload);
	*ret_len = (size_t)len;
	return NULL;
}

static struct sf_error *scan_bzimage(int fd, const struct bzimage *bz, struct scan *s, bool *complete)
{
	_cleanup_free_ unsigned char *payload = NULL;
	size_t len = 0;

	SF_TRY(read_payload(fd, bz, &payload, &len));
	if (payload)
		*complete = scan_packed(s, payload, len);
	return NULL;
}

static struct sf_error *scan_plain(int fd, struct scan *s, bool *complete)
{
	uint64_t total = 0;
	ssize_t n = 1;

	while (total < MAX_UNPACKED && n) {
		n = pread(fd, s->window + s->kept, READ_SIZE, (off_t)total);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sf_error_sys(errno, "reading");
		total += (uint64_t)n;
		look(s, (size_t)n);
	}
	*complete = !n;
	return NULL;
}

/* NULL: it is damaged. */
static char *unpack_config(const struct sf_text *packed)
{
	struct archive *a = packed->n && !packed->failed ? open_packed(packed->v, packed->n) : NULL;
	_cleanup_free_ char *text = a ? malloc(MAX_CONFIG + 1) : NULL;
	size_t len = 0;
	la_ssize_t n = -1;

	while (text && len < MAX_CONFIG && (n = archive_read_data(a, text + len, MAX_CONFIG - len)) > 0)
		len += (size_t)n;
	if (a)
		archive_read_free(a);
	if (!text || n < 0 || memchr(text, 0, len))
		return NULL;
	text[len] = '\0';
	return strdup(text);
}

static void scan_clear(struct scan **s)
{
	if (!*s)
		return;
	free((*s)->packed.v);
	free((*s)->release);
	free(*s);
}

struct sf_error *sf_kernel_scan(const char *path, struct sf_kernel_needle *needles, size_t n,
				struct sf_kernel_seen *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(scan_clear) struct scan *s = calloc(1, sizeof(*s));
	struct sf_kernel_seen seen = { 0 };
	struct bzimage bz;

	if (fd < 0)
		return sf_error_sys(errno, "%s", path);
	if (!s)
		return sf_error_nomem();
	s->needles = needles;
	s->n = n;
	SF_TRY(sf_error_context(read_head(path, &bz) ? scan_bzimage(fd, &bz, s, &seen.complete) :
				scan_plain(fd, s, &seen.complete), "%s", path));
	if (s->config == AFTER)
		seen.config = unpack_config(&s->packed);
	seen.release = steal_ptr(&s->release);
	*ret = seen;
	return NULL;
}

/* Of a bzImage: its header points at the words of its banner. */
char *sf_kernel_header_release(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[128] = "";
	struct bzimage bz;

	if (fd < 0 || !read_head(path, &bz) || !sf_load16(bz.head + AT_VERSION) ||
	    pread(fd, text, sizeof(text) - 1, sf_load16(bz.head + AT_VERSION) + SECTOR) <= 0)
		return NULL;
	for (size_t n = 0; n < sizeof(text); n++)
		if (!isgraph((unsigned char)text[n]))
			text[n] = '\0';
	return text[0] ? strdup(text) : NULL;
}

/* ---- out of its wrapping ------------------------------------------------------------------------------------------ */

static struct sf_error *write_unpacked(struct archive *a, const char *path, int out)
{
	_cleanup_free_ char *buf = malloc(READ_SIZE);
	uint64_t total = 0;
	la_ssize_t n = 0;

	if (!buf)
		return sf_error_nomem();
	while (a && total < MAX_UNPACKED && (n = archive_read_data(a, buf, READ_SIZE)) > 0) {
		SF_TRY(sf_write_all(out, buf, (size_t)n));
		total += (uint64_t)n;
	}
	if (!total || n)
		return sf_error_new(SF_USAGE, "the kernel %s is packed in a way that is not known here, or damaged", path);
	return NULL;
}

bool sf_kernel_is_packed(const char *path)
{
	struct bzimage bz;

	return read_head(path, &bz);
}

struct sf_error *sf_kernel_unpack(const char *path, int out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ unsigned char *payload = NULL;
	struct bzimage bz;
	size_t len = 0;

	if (fd < 0 || !read_head(path, &bz))
		return sf_error_new(SF_USAGE, "the kernel %s is no bzImage", path);
	SF_TRY(sf_error_context(read_payload(fd, &bz, &payload, &len), "the kernel %s", path));
	struct archive *a = payload ? open_packed(payload, len) : NULL;
	struct sf_error *err = write_unpacked(a, path, out);

	if (a)
		archive_read_free(a);
	return err;
}

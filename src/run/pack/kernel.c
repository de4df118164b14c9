/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernel to boot. A file is looked at before a guest is made of it: booting something else fails late and says
 * little.
 */

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "private.h"

#define DEFAULT_SERIES "6.18"
#define MAX_INFO 65536

/* The boot header of a bzImage: Documentation/arch/x86/boot.rst, Linux 6.18. */
#define AT_SETUP_SECTS 0x1f1
#define AT_SYSSIZE 0x1f4
#define AT_BOOT_FLAG 0x1fe
#define AT_MAGIC 0x202
#define AT_PROTOCOL 0x206
#define AT_VERSION 0x20e
#define AT_XLOADFLAGS 0x236
#define BOOT_FLAG 0xaa55
#define PROTOCOL_XLOADFLAGS 0x020c
#define XLF_KERNEL_64 1
#define SECTOR 512u
#define HEADER_SIZE 0x238

/* ---- a file ------------------------------------------------------------------------------------------------------ */

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

char *sf_pack_kernel_release(const char *path)
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

static struct sf_error *check_bzimage(const char *path, const struct bzimage *bz)
{
	uint64_t sects = bz->head[AT_SETUP_SECTS] ? bz->head[AT_SETUP_SECTS] : 4;
	uint64_t want = (sects + 1) * SECTOR + (uint64_t)sf_load32(bz->head + AT_SYSSIZE) * 16;

	if (sf_load16(bz->head + AT_PROTOCOL) < PROTOCOL_XLOADFLAGS ||
	    !(sf_load16(bz->head + AT_XLOADFLAGS) & XLF_KERNEL_64))
		return sf_error_new(SF_USAGE, "the kernel %s is not a 64-bit one", path);
	/* What signing adds to the end is not in the count. */
	if (bz->size < want)
		return sf_error_new(SF_USAGE, "the kernel %s is cut short: it has %llu bytes of %llu", path,
				    (unsigned long long)bz->size, (unsigned long long)want);
	return NULL;
}

static struct sf_error *check_kernel(const char *path)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	_cleanup_free_ char *what = NULL;
	struct bzimage bz;

	if (access(path, R_OK))
		return errno == ENOENT || errno == ENOTDIR ? sf_error_new(SF_USAGE, "there is no kernel %s", path) :
							     sf_error_sys(errno, "the kernel %s", path);
	if (read_head(path, &bz))
		return check_bzimage(path, &bz);
	SF_TRY(sf_elf_read(path, &elf));
	if (elf.is_elf && elf.has_pvh)
		return NULL;
	what = sf_pack_what(path);
	return sf_error_new(SF_USAGE, "%s is no kernel: it is %s; a bzImage or an ELF vmlinux with a PVH entry is needed",
			    path, what ? what : "something else");
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

static struct sf_error *kernels_dir(char **ret)
{
	_cleanup_free_ char *cache = NULL;
	char *dir;

	SF_TRY(sf_cache_dir(&cache));
	dir = sf_asprintf("%s/kernels", cache);
	if (!dir)
		return sf_error_nomem();
	*ret = dir;
	return NULL;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);
	size_t n = strlen(line);

	return at && (at == text || at[-1] == '\n') && (!at[n] || at[n] == '\n');
}

/* Kernels that cannot run a scheduler are taken only when they are asked for. */
static bool is_able(const char *dir, const char *release)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s/info", dir, release), *text = NULL;
	size_t len;
	SF_OWNED(error) err = path ? sf_file_get(path, MAX_INFO, &text, &len) : sf_error_nomem();

	return err || (!has_line(text, "sched_ext=no") && !has_line(text, "btf=no"));
}

/* The release @name is of @series: "6.1" is not "6.18". */
static bool is_of(const char *release, const char *series)
{
	size_t n = strlen(series);

	return !strncmp(release, series, n) && (!release[n] || strchr(".+-", release[n]));
}

/* The newest one in the cache, of @series if that is not NULL; NULL in @ret: none. */
static struct sf_error *from_cache(const char *series, char **ret)
{
	_cleanup_free_ char *dir = NULL, *best = NULL;
	struct dirent *e;

	*ret = NULL;
	SF_TRY(kernels_dir(&dir));
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		_cleanup_free_ char *image = sf_asprintf("%s/%s/vmlinuz", dir, e->d_name);

		if (e->d_name[0] == '.' || !image || !sf_is_file(image) ||
		    !(series ? is_of(e->d_name, series) : is_able(dir, e->d_name)) ||
		    (best && strverscmp(e->d_name, best) <= 0))
			continue;
		free(best);
		best = strdup(e->d_name);
	}
	if (d)
		closedir(d);
	if (!best)
		return NULL;
	*ret = sf_asprintf("%s/%s/vmlinuz", dir, best);
	return *ret ? NULL : sf_error_nomem();
}

/* What "newest" meant the last time; the script wrote it down. */
static struct sf_error *newest_from_cache(char **ret)
{
	_cleanup_free_ char *cache = NULL, *path = NULL, *release = NULL;
	size_t len;

	*ret = NULL;
	SF_TRY(sf_cache_dir(&cache));
	path = sf_asprintf("%s/kernel-newest", cache);
	if (!path)
		return sf_error_nomem();
	SF_OWNED(error) none = sf_file_get(path, 256, &release, &len);

	if (none)
		return NULL;
	release[strcspn(release, "\n")] = '\0';
	if (!release[0] || strchr(release, '/'))
		return NULL;
	*ret = sf_asprintf("%s/kernels/%s/vmlinuz", cache, release);
	if (!*ret)
		return sf_error_nomem();
	if (!sf_is_file(*ret)) {
		free(*ret);
		*ret = NULL;
	}
	return NULL;
}

/* ---- the script --------------------------------------------------------------------------------------------------- */

/* The last line that the script complained with, without its own name. */
static const char *last_words(char *text)
{
	static const char self[] = "stillframe: ";
	size_t n = strlen(text);
	char *line;

	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	return !strncmp(line, self, strlen(self)) ? line + strlen(self) : line;
}

static struct sf_error *fetch(const char *series, const struct sf_pack_fetch *how, char **ret)
{
	_cleanup_said_ struct sf_child_said said = { 0 };
	_cleanup_free_ char *script = NULL;

	SF_TRY(sf_pack_tool("kernel-get", &script));
	if (how && how->fetching)
		how->fetching(how->arg, series);
	char *argv[] = { script, (char *)series, NULL };
	struct sf_child child = {
		.path = script, .argv = argv, .stop = how ? how->stop : NULL, .arg = how ? how->arg : NULL,
	};

	SF_TRY(sf_child_ask(&child, &said));
	if (said.stopped)
		return sf_error_new(SF_DEADLINE, "fetching kernel %s was interrupted", series);
	if (!WIFEXITED(said.status) || WEXITSTATUS(said.status)) {
		const char *words = last_words(said.err);

		return sf_error_new(WIFEXITED(said.status) && WEXITSTATUS(said.status) == 3 ? SF_USAGE : SF_SYSTEM,
				    "kernel %s: %s", series, words[0] ? words : "it could not be fetched");
	}
	said.out[strcspn(said.out, "\n")] = '\0';
	*ret = strdup(said.out);
	return *ret ? NULL : sf_error_nomem();
}

static bool is_series(const char *text)
{
	if (!strcmp(text, "newest"))
		return true;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".+-~_", *p))
			return false;
	return isdigit((unsigned char)text[0]);
}

struct sf_error *sf_pack_kernel(const char *kernel, const struct sf_pack_fetch *how, char **ret)
{
	const char *series = kernel ? kernel : DEFAULT_SERIES;
	_cleanup_free_ char *path = NULL;

	if (kernel && (strchr(kernel, '/') || sf_is_file(kernel))) {
		SF_TRY(sf_absolute(kernel, &path));
	} else if (kernel && !is_series(kernel)) {
		return sf_error_new(SF_USAGE, "there is no kernel \"%s\": it is no file, and a series looks like 6.18 or "
				    "\"newest\"", kernel);
	} else {
		SF_TRY(kernel && !strcmp(kernel, "newest") ? newest_from_cache(&path) : from_cache(kernel, &path));
		if (!path && how && how->offline)
			return sf_error_new(SF_NOT_FOUND, "kernel %s is not in the cache; stillframe kernel get fetches it",
					    series);
		if (!path)
			SF_TRY(fetch(series, how, &path));
	}
	SF_TRY(check_kernel(path));
	*ret = steal_ptr(&path);
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is booted for a kernel. A bzImage unpacks itself, which takes an interpreted guest a second; unpacked here it
 * takes a tenth of that, and in the cache nothing. QEMU enters such an image by its PVH note.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "kernel.h"

#define UNPACKED "vmlinux.unpacked"

/* Where the unpacked image of the cached kernel @path is kept: beside it, so that whoever deletes one deletes both. */
static struct sf_error *place_in_cache(const char *path, char **ret)
{
	_cleanup_free_ char *dir = NULL;
	const char *slash = strrchr(path, '/');

	*ret = NULL;
	SF_TRY(sf_kernels_dir(&dir));
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) || path[n] != '/' || !slash || slash == path + n)
		return NULL;
	*ret = sf_asprintf("%.*s/" UNPACKED, (int)(slash - path), path);
	return *ret ? NULL : sf_error_nomem();
}

/* An image has the time of the one it was made of. */
static bool is_of(const char *image, const struct stat *original)
{
	struct stat st;

	return !stat(image, &st) && S_ISREG(st.st_mode) && st.st_mtim.tv_sec == original->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == original->st_mtim.tv_nsec;
}

static struct sf_error *make_cached(const char *path, const struct stat *original, const char *image)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, original->st_mtim };
	_cleanup_file_ struct sf_file file = SF_FILE_NULL;

	SF_TRY(sf_file_begin(image, &file));
	SF_TRY(sf_kernel_unpack(path, file.fd));
	if (futimens(file.fd, times))
		return sf_error_sys(errno, "%s", image);
	return sf_file_publish(&file);
}

/* A cache that may not be written to, or is full, is no reason to be slow. */
static bool have_cached(const char *path, const struct stat *original, const char *image)
{
	if (!image)
		return false;
	if (is_of(image, original))
		return true;
	SF_OWNED(error) err = make_cached(path, original, image);

	return !err;
}

static struct sf_error *make_here(const char *path, const char *image)
{
	/* Nothing that was there is written over, nor what a link leads to. */
	_cleanup_close_ int fd = open(image, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return sf_error_sys(errno, "cannot create %s", image);
	struct sf_error *err = sf_kernel_unpack(path, fd);

	err = err ? err : sf_kernel_check(image);
	if (err)
		unlink(image);
	return err;
}

struct sf_error *sf_pack_kernel_unpacked(const char *path, const char *scratch, char **ret)
{
	_cleanup_free_ char *cached = NULL, *image = NULL;
	bool is_packed = sf_kernel_is_packed(path);
	struct stat st;

	if (stat(path, &st))
		return sf_error_sys(errno, "the kernel %s", path);
	if (is_packed)
		SF_TRY(place_in_cache(path, &cached));
	if (!is_packed)
		image = strdup(path);
	else
		image = have_cached(path, &st, cached) ? steal_ptr(&cached) : strdup(scratch);
	if (!image)
		return sf_error_nomem();
	if (is_packed && !strcmp(image, scratch))
		SF_TRY(make_here(path, image));
	SF_TRY(sf_kernel_check(image));
	*ret = steal_ptr(&image);
	return NULL;
}

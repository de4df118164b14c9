/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BASE_FILE_H
#define SF_BASE_FILE_H

/*
 * Files that are whole or not there: written beside their place, fsync()ed, renamed over it, and the directory
 * fsync()ed. Until publish the old file, if any, stays as it was; whatever goes wrong, it still does.
 */

#include "base/error.h"

struct sf_file {
	int fd;
	char *path; /* where it will be */
	char *temp; /* where it is: PATH.tmp.XXXXXX */
};

#define SF_FILE_NULL ((struct sf_file){ .fd = -1 })

SF_CHECKED struct sf_error *sf_file_begin(const char *path, struct sf_file *ret);
SF_CHECKED struct sf_error *sf_file_write(struct sf_file *f, const void *data, size_t len);
SF_CHECKED struct sf_error *sf_file_publish(struct sf_file *f); /* consumes @f, also on failure */
void sf_file_abandon(struct sf_file *f); /* removes the temporary; nothing after publish */
#define _cleanup_file_ _cleanup_(sf_file_abandon)

/* The three in one. */
SF_CHECKED struct sf_error *sf_file_put(const char *path, const void *data, size_t len);

/* Reads all of @path, at most @max bytes (SF_BAD_INPUT beyond). NUL-terminated beside its length; free() it. */
SF_CHECKED struct sf_error *sf_file_get(const char *path, size_t max, char **ret, size_t *ret_len);

/* write(2) and pread(2) of everything; short counts and EINTR are handled. A pread past the end is SF_BAD_INPUT. */
SF_CHECKED struct sf_error *sf_write_all(int fd, const void *data, size_t len);
SF_CHECKED struct sf_error *sf_pread_all(int fd, void *buf, size_t len, uint64_t off);

/* mkdir -p. */
SF_CHECKED struct sf_error *sf_mkdirs(const char *path);

/* ${XDG_CACHE_HOME:-~/.cache}/stillframe, without creating it; free() it. */
SF_CHECKED struct sf_error *sf_cache_dir(char **ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernel to boot.
 */

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/file.h"
#include "kernel.h"

#define DEFAULT_SERIES "6.18"

/* ---- the cache --------------------------------------------------------------------------------------------------- */

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
	SF_TRY(sf_kernels_dir(&dir));
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		_cleanup_free_ char *image = sf_asprintf("%s/%s/vmlinuz", dir, e->d_name);

		/* One that can run no scheduler is taken only when it is asked for. */
		if (e->d_name[0] == '.' || !image || !sf_is_file(image) || (series && !is_of(e->d_name, series)) ||
		    (best && sf_pack_kernel_compare(e->d_name, best) <= 0) ||
		    (!series && sf_kernel_sched_ext(image) == SF_PACK_NO))
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

/* The script waits for the lock of the cache, and nobody hears it say so. */
static bool is_downloading(void)
{
	_cleanup_free_ char *cache = NULL, *path = NULL;
	SF_OWNED(error) err = sf_cache_dir(&cache);
	_cleanup_close_ int fd = -1;

	path = err ? NULL : sf_asprintf("%s/lock", cache);
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

static struct sf_error *fetch(const char *series, const struct sf_pack_fetch *how, char **ret)
{
	_cleanup_said_ struct sf_child_said said = { 0 };
	_cleanup_free_ char *script = NULL;

	SF_TRY(sf_pack_tool("kernel-get", &script));
	_cleanup_free_ char *queued = is_downloading() ? sf_asprintf("%s once another download is over", series) : NULL;

	if (how && how->fetching)
		how->fetching(how->arg, queued ? queued : series);
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

/* ---- together ----------------------------------------------------------------------------------------------------- */

static struct sf_error *running_kernel(char **ret)
{
	struct utsname uts;

	SF_TRY(sf_kernel_of_host("", NULL, ret));
	if (*ret)
		return NULL;
	return sf_error_new(SF_USAGE, "the kernel of this machine, %s, is in neither /boot nor /usr/lib/modules (in a container "
			    "it is not); stillframe kernel list shows those there are", uname(&uts) ? "?" : uts.release);
}

static struct sf_error *named_kernel(const char *kernel, const struct sf_pack_fetch *how, char **ret)
{
	const char *series = kernel ? kernel : DEFAULT_SERIES;
	_cleanup_free_ char *path = NULL;

	SF_TRY(kernel && !strcmp(kernel, "newest") ? newest_from_cache(&path) : from_cache(kernel, &path));
	if (path) {
		SF_OWNED(error) err = sf_kernel_check(path);

		if (err)
			return sf_error_new(SF_USAGE, "%s; it is in the cache: delete %.*s, and stillframe kernel get fetches "
					    "it again", sf_error_message(err), (int)(strrchr(path, '/') - path), path);
		*ret = steal_ptr(&path);
		return NULL;
	}
	if (kernel)
		SF_TRY(sf_kernel_of_host("", kernel, &path));
	if (!path && how && how->offline)
		return sf_error_new(SF_NOT_FOUND, "kernel %s is not in the cache; stillframe kernel get fetches it", series);
	if (!path)
		SF_TRY(fetch(series, how, &path));
	SF_TRY(sf_kernel_check(path));
	*ret = steal_ptr(&path);
	return NULL;
}

struct sf_error *sf_pack_kernel(const char *kernel, const struct sf_pack_fetch *how, char **ret)
{
	_cleanup_free_ char *path = NULL;

	if (kernel && (strchr(kernel, '/') || sf_is_file(kernel)))
		SF_TRY(sf_absolute(kernel, &path));
	else if (kernel && !strcmp(kernel, "host"))
		SF_TRY(running_kernel(&path));
	else if (kernel && !is_series(kernel))
		return sf_error_new(SF_USAGE, "there is no kernel \"%s\": it is no file, and a series looks like 6.18, "
				    "\"newest\" or \"host\"", kernel);
	else
		return named_kernel(kernel, how, ret);
	SF_TRY(sf_kernel_check(path));
	*ret = steal_ptr(&path);
	return NULL;
}

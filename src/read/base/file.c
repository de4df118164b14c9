/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#define TEMP_TRIES 100

/* Sizes of one read(2) or write(2): the kernel does no more than 2 GiB at once. */
#define IO_MAX ((size_t)1 << 30)

static struct sf_error *write_all(int fd, const char *path, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, sf_min(len, IO_MAX));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return path ? sf_error_sys(errno, "cannot write '%s'", path) :
				      sf_error_sys(errno, "cannot write to descriptor %d", fd);
		p += n;
		len -= (size_t)n;
	}
	return NULL;
}

struct sf_error *sf_write_all(int fd, const void *data, size_t len)
{
	return write_all(fd, NULL, data, len);
}

struct sf_error *sf_pread_all(int fd, void *buf, size_t len, uint64_t off)
{
	char *p = buf;

	if (off > INT64_MAX || len > INT64_MAX - off)
		return sf_error_new(SF_BAD_INPUT,
				    "offset 0x%llx and length 0x%zx are beyond any file",
				    (unsigned long long)off, len);
	while (len) {
		ssize_t n = pread(fd, p, sf_min(len, IO_MAX), (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sf_error_sys(errno, "cannot read at offset 0x%llx",
					    (unsigned long long)off);
		if (!n)
			return sf_error_new(SF_BAD_INPUT,
					    "the file ends at 0x%llx, %zu bytes short",
					    (unsigned long long)off, len);
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return NULL;
}

/* ---- publication ---- */

/* Six letters into the end of @temp. Names only have to differ: O_EXCL is what makes them ours. */
static void random_suffix(char *end)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		bits = (uint64_t)getpid() * 0x9e3779b97f4a7c15u ^ (uintptr_t)end;
	for (int i = 0; i < 6; i++, bits >>= 5)
		end[i] = letters[bits & 31];
}

struct sf_error *sf_file_begin(const char *path, struct sf_file *ret)
{
	_cleanup_file_ struct sf_file f = SF_FILE_NULL;

	f.path = strdup(path);
	_cleanup_free_ char *temp = sf_asprintf("%s.tmp.XXXXXX", path);

	if (!f.path || !temp)
		return sf_error_nomem();
	/*
	 * open() rather than mkstemp(): the file gets the mode that the umask gives to files of
	 * this user.
	 */
	for (int i = 0; f.fd < 0; i++) {
		random_suffix(temp + strlen(temp) - 6);
		f.fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
		if (f.fd < 0 && errno != EINTR && (errno != EEXIST || i == TEMP_TRIES))
			return sf_error_sys(errno, "cannot create '%s'", temp);
	}
	f.temp = steal_ptr(&temp);
	*ret = f;
	f = SF_FILE_NULL;
	return NULL;
}

struct sf_error *sf_file_write(struct sf_file *f, const void *data, size_t len)
{
	return write_all(f->fd, f->path, data, len);
}

/*
 * The name in the directory is durable only when the directory is. File systems that cannot do that
 * say EINVAL.
 */
static struct sf_error *sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = !slash	 ? strdup(".") :
				   slash == path ? strdup("/") :
						   strndup(path, (size_t)(slash - path));

	if (!dir)
		return sf_error_nomem();
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* A directory that may be written to but not read is legal, and cannot be synced. */
	if (fd < 0 && errno == EACCES)
		return NULL;
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP))
		return sf_error_sys(errno, "'%s' is written, but its directory cannot be synced",
				    path);
	return NULL;
}

struct sf_error *sf_file_publish(struct sf_file *f)
{
	_cleanup_file_ struct sf_file mine = *f;

	*f = SF_FILE_NULL;
	if (!mine.temp)
		return sf_error_new(SF_USAGE, "publication of a file that was not begun");
	if (fsync(mine.fd) < 0 && errno != EINVAL)
		return sf_error_sys(errno, "cannot write '%s'", mine.path);
	/* close() is where network file systems report what they could not store. */
	if (close(steal_fd(&mine.fd)) < 0 && errno != EINTR)
		return sf_error_sys(errno, "cannot write '%s'", mine.path);
	if (rename(mine.temp, mine.path) < 0)
		return sf_error_sys(errno, "cannot rename '%s' to '%s'", mine.temp, mine.path);
	free(mine.temp);
	mine.temp = NULL;
	return sync_directory(mine.path);
}

void sf_file_abandon(struct sf_file *f)
{
	if (f->temp) {
		int saved = errno;

		if (f->fd >= 0)
			close(f->fd);
		unlink(f->temp);
		errno = saved;
	}
	free(f->temp);
	free(f->path);
	*f = SF_FILE_NULL;
}

struct sf_error *sf_file_put(const char *path, const void *data, size_t len)
{
	_cleanup_file_ struct sf_file f = SF_FILE_NULL;

	SF_TRY(sf_file_begin(path, &f));
	SF_TRY(sf_file_write(&f, data, len));
	return sf_file_publish(&f);
}

/* ---- reading and places ---- */

struct sf_error *sf_file_get(const char *path, size_t max, char **ret, size_t *ret_len)
{
	/* Only to open it: a fifo that nobody writes to would not let us go. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	size_t len = 0, cap = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, 0) < 0)
		return sf_error_sys(errno, "cannot open '%s'", path);
	max = sf_min(max, (size_t)PTRDIFF_MAX - 1);
	/* Only a hint: files of /proc and /sys have a size of 0 or of a page, pipes have none. */
	size_t hint = S_ISREG(st.st_mode) && st.st_size > 0 ?
			      sf_min((uint64_t)st.st_size, (uint64_t)max) :
			      0;

	for (;;) {
		if (len == cap) {
			cap = !cap ? sf_max(hint + 1, (size_t)4096) : cap * 2;
			char *grown = realloc(text, cap + 1);

			if (!grown)
				return sf_error_nomem();
			text = grown;
		}
		ssize_t n = read(fd, text + len, sf_min(cap - len, IO_MAX));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sf_error_sys(errno, "cannot read '%s'", path);
		if (!n)
			break;
		len += (size_t)n;
		if (len > max)
			return sf_error_new(SF_BAD_INPUT, "'%s' is larger than %zu bytes", path,
					    max);
	}
	text[len] = '\0';
	*ret = steal_ptr(&text);
	if (ret_len)
		*ret_len = len;
	return NULL;
}

struct sf_error *sf_mkdirs(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return sf_error_nomem();
	for (char *p = copy; *p;) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		char saved = *p;

		*p = '\0';
		/*
		 * EEXIST may be a file; and a read-only parent says EROFS or EACCES of a directory
		 * that is there.
		 */
		if (*copy && mkdir(copy, 0777) < 0) {
			int err = errno;

			if (stat(copy, &st) < 0)
				return sf_error_sys(err, "cannot create directory '%s'", copy);
			if (!S_ISDIR(st.st_mode))
				return sf_error_sys(ENOTDIR, "cannot create directory '%s'", copy);
		}
		*p = saved;
	}
	return NULL;
}

struct sf_error *sf_cache_dir(char **ret)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir;

	/* The XDG Base Directory Specification: a relative path there is invalid and ignored. */
	if (cache && *cache == '/')
		dir = sf_asprintf("%s/stillframe", cache);
	else if (home && *home)
		dir = sf_asprintf("%s/.cache/stillframe", home);
	else
		return sf_error_new(SF_USAGE,
				    "no cache directory: neither XDG_CACHE_HOME nor HOME is set");
	if (!dir)
		return sf_error_nomem();
	*ret = dir;
	return NULL;
}

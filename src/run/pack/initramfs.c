/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The archive: what was put in, sorted, with no times and no owners, so that equal contents make equal bytes.
 */

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "private.h"

#define COPY_BLOCK 262144
#define LDSO_CACHE "/etc/ld.so.cache"
#define MUSL_PATHS "/etc/ld-musl-x86_64.path"

struct sf_error *sf_pack_new(struct sf_pack **ret)
{
	struct sf_pack *pack = calloc(1, sizeof(*pack));

	if (!pack)
		return sf_error_nomem();
	*ret = pack;
	return NULL;
}

static void entry_clear(struct sf_pack_entry *e)
{
	free(e->to);
	free(e->from);
	free(e->data);
}

void sf_pack_free(struct sf_pack *pack)
{
	if (!pack)
		return;
	for (size_t i = 0; i < pack->entries.n; i++)
		entry_clear(&pack->entries.v[i]);
	free(pack->entries.v);
	sf_libraries_clear(&pack->libraries);
	free(pack);
}

/* ---- putting in -------------------------------------------------------------------------------------------- */

char *sf_pack_normalise(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	size_t len = 0;

	if (!out)
		return NULL;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2)) {
			while (len && out[--len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

const struct sf_pack_entry *sf_pack_find(const struct sf_pack *pack, const char *to)
{
	for (size_t i = 0; i < pack->entries.n; i++)
		if (!strcmp(pack->entries.v[i].to, to))
			return &pack->entries.v[i];
	return NULL;
}

static struct sf_error *make_parents(struct sf_pack *pack, const char *to)
{
	for (const char *slash = strchr(to + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		_cleanup_free_ char *dir = strndup(to, (size_t)(slash - to));

		if (!dir)
			return sf_error_nomem();
		const struct sf_pack_entry *there = sf_pack_find(pack, dir);

		if (there && !S_ISDIR(there->mode))
			return sf_error_new(SF_USAGE, "%s cannot be in the guest: %s is a file there", to, dir);
		if (there)
			continue;
		struct sf_pack_entry *e = sf_vec_push(&pack->entries);

		if (!e)
			return sf_error_nomem();
		*e = (struct sf_pack_entry){ .to = steal_ptr(&dir), .mode = S_IFDIR | 0755 };
	}
	return NULL;
}

static bool is_same(const struct sf_pack_entry *a, const struct sf_pack_entry *b)
{
	if (a->mode != b->mode || a->size != b->size || !a->from != !b->from)
		return false;
	if (a->from)
		return a->dev == b->dev && a->ino == b->ino;
	return !S_ISDIR(a->mode) && !memcmp(a->data, b->data, a->size);
}

/* Takes what @e owns, also on failure. */
static struct sf_error *add_entry(struct sf_pack *pack, struct sf_pack_entry *e)
{
	_cleanup_(entry_clear) struct sf_pack_entry mine = *e;

	if (!mine.to)
		return sf_error_nomem();
	if (strlen(mine.to) >= PATH_MAX)
		return sf_error_new(SF_USAGE, "a path of %zu bytes is too long for the guest: %.64s…", strlen(mine.to),
				    mine.to);
	const struct sf_pack_entry *there = sf_pack_find(pack, mine.to);

	if (there && is_same(there, &mine))
		return NULL;
	if (there || !strcmp(mine.to, "/"))
		return sf_error_new(SF_USAGE, "%s was to be %s in the guest, which is %s already",
				    mine.from ? mine.from : "data", mine.to,
				    !there || S_ISDIR(there->mode) ? "a directory" :
				    there->from			   ? there->from : "other data");
	SF_TRY(make_parents(pack, mine.to));
	struct sf_pack_entry *slot = sf_vec_push(&pack->entries);

	if (!slot)
		return sf_error_nomem();
	*slot = mine;
	mine = (struct sf_pack_entry){ 0 };
	return NULL;
}

struct sf_error *sf_pack_file(struct sf_pack *pack, const char *from, const char *to, unsigned int mode)
{
	_cleanup_free_ char *what = NULL;
	struct stat st;

	if (stat(from, &st))
		return errno == ENOENT || errno == ENOTDIR ? sf_error_new(SF_USAGE, "there is no file %s", from) :
							     sf_error_sys(errno, "%s", from);
	if (!S_ISREG(st.st_mode)) {
		what = sf_pack_what(from);
		return sf_error_new(SF_USAGE, "%s is %s, not a file", from, what ? what : "something else");
	}
	if (st.st_size > UINT32_MAX)
		return sf_error_new(SF_USAGE, "%s has %lld bytes; a file of an initramfs has less than 4 GiB", from,
				    (long long)st.st_size);
	struct sf_pack_entry e = {
		.to = sf_pack_normalise(to),
		.from = strdup(from),
		.size = (uint64_t)st.st_size,
		.mode = S_IFREG | (mode & 07777),
		.dev = st.st_dev,
		.ino = st.st_ino,
	};

	if (!e.from) {
		free(e.to);
		return sf_error_nomem();
	}
	return add_entry(pack, &e);
}

struct sf_error *sf_pack_bytes(struct sf_pack *pack, const void *data, size_t len, const char *to, unsigned int mode)
{
	struct sf_pack_entry e = {
		.to = sf_pack_normalise(to),
		.data = malloc(len + 1),
		.size = len,
		.mode = S_IFREG | (mode & 07777),
	};

	if (!e.data) {
		free(e.to);
		return sf_error_nomem();
	}
	memcpy(e.data, data, len);
	return add_entry(pack, &e);
}

/* ---- how the guest's loaders find the libraries ------------------------------------------------------------- */

static bool is_listed(const struct sf_strings *s, const char *text, size_t len)
{
	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->v[i]) == len && !memcmp(s->v[i], text, len))
			return true;
	return false;
}

/* musl has no cache but a list of directories. */
static struct sf_error *add_musl_paths(struct sf_pack *pack)
{
	_cleanup_strings_ struct sf_strings dirs = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return sf_error_nomem();
	for (size_t i = 0; i < pack->libraries.n; i++) {
		const char *path = pack->libraries.v[i].path, *slash = strrchr(path, '/');
		_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));

		if (dir && dir[0] && !is_listed(&dirs, dir, strlen(dir)) && sf_strings_add(&dirs, dir))
			fprintf(out, "%s\n", dir);
	}
	if (fclose(out))
		return sf_error_nomem();
	return sf_pack_bytes(pack, text, len, MUSL_PATHS, 0644);
}

static struct sf_error *add_library_paths(struct sf_pack *pack)
{
	_cleanup_free_ char *cache = NULL;
	size_t len;

	if (!pack->libraries.n || sf_pack_find(pack, LDSO_CACHE))
		return NULL;
	SF_TRY(sf_ldcache_make(&pack->libraries, &cache, &len));
	SF_TRY(sf_pack_bytes(pack, cache, len, LDSO_CACHE, 0644));
	return add_musl_paths(pack);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static struct sf_error *archive_failed(struct archive *a, const char *path)
{
	const char *why = archive_error_string(a);
	int err = archive_errno(a);

	/* Its words for a failed write leave the reason out. */
	if (err > 0)
		return sf_error_sys(err, "cannot write %s", path);
	return sf_error_new(SF_SYSTEM, "cannot write %s: %s", path, why ? why : "libarchive does not say why");
}

static struct sf_error *write_data(struct archive *a, const char *path, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		la_ssize_t n = archive_write_data(a, p, len);

		if (n <= 0)
			return archive_failed(a, path);
		p += n;
		len -= (size_t)n;
	}
	return NULL;
}

/* As many bytes as the header says, whatever happened to the file since. */
static struct sf_error *copy_file(struct archive *a, const char *path, const struct sf_pack_entry *e)
{
	_cleanup_close_ int fd = open(e->from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *buf = malloc(COPY_BLOCK);
	uint64_t left = e->size;

	if (fd < 0)
		return sf_error_sys(errno, "%s", e->from);
	if (!buf)
		return sf_error_nomem();
	while (left) {
		ssize_t n = read(fd, buf, (size_t)sf_min(left, (uint64_t)COPY_BLOCK));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sf_error_sys(errno, "%s", e->from);
		if (!n)
			return sf_error_new(SF_USAGE, "%s became shorter while it was read", e->from);
		SF_TRY(write_data(a, path, buf, (size_t)n));
		left -= (uint64_t)n;
	}
	return NULL;
}

static struct sf_error *write_entry(struct archive *a, const char *path, const struct sf_pack_entry *e, size_t number)
{
	struct archive_entry *ae = archive_entry_new();
	struct sf_error *err = NULL;

	if (!ae)
		return sf_error_nomem();
	archive_entry_copy_pathname(ae, e->to + 1);
	archive_entry_set_mode(ae, e->mode);
	archive_entry_set_size(ae, (la_int64_t)e->size);
	archive_entry_set_nlink(ae, S_ISDIR(e->mode) ? 2 : 1);
	archive_entry_set_ino64(ae, (la_int64_t)number);
	archive_entry_set_mtime(ae, 0, 0);
	if (archive_write_header(a, ae) != ARCHIVE_OK)
		err = archive_failed(a, path);
	archive_entry_free(ae);
	SF_TRY(err);
	if (e->from)
		return copy_file(a, path, e);
	return write_data(a, path, e->data, e->size);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct sf_pack_entry *)a)->to, ((const struct sf_pack_entry *)b)->to);
}

static struct sf_error *write_archive(struct sf_pack *pack, struct archive *a, const char *path, int fd)
{
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK || archive_write_add_filter_none(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, COPY_BLOCK) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK || archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return archive_failed(a, path);
	for (size_t i = 0; i < pack->entries.n; i++)
		SF_TRY(write_entry(a, path, &pack->entries.v[i], i + 1));
	return archive_write_close(a) == ARCHIVE_OK ? NULL : archive_failed(a, path);
}

struct sf_error *sf_pack_write(struct sf_pack *pack, const char *path, uint64_t *ret_size)
{
	struct sf_error *err;
	struct archive *a;
	struct stat st;

	SF_TRY(add_library_paths(pack));
	qsort(pack->entries.v, pack->entries.n, sizeof(*pack->entries.v), by_path);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return sf_error_sys(errno, "cannot create %s", path);
	a = archive_write_new();
	err = a ? write_archive(pack, a, path, fd) : sf_error_nomem();
	archive_write_free(a);
	if (!err && fstat(fd, &st))
		err = sf_error_sys(errno, "%s", path);
	if (err)
		unlink(path);
	else if (ret_size)
		*ret_size = (uint64_t)st.st_size;
	return err;
}

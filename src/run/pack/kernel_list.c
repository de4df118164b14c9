/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where kernels are: in the cache, and where this machine keeps those that it boots itself.
 */

#include <ctype.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "kernel.h"

#define MAX_FILES 1024

void sf_kernel_files_clear(struct sf_kernel_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->v[i].release);
		free(files->v[i].path);
	}
	free(files->v);
	*files = (struct sf_kernel_files){ 0 };
}

/* ---- order -------------------------------------------------------------------------------------------------------- */

/* What comes before the end of a release: "6.18-rc3" and Debian's "6.18~rc3" are older than "6.18". */
static int weight(const char *p)
{
	if (*p == '~' || !strncmp(p, "-rc", 3))
		return -1;
	return (unsigned char)*p;
}

int sf_pack_kernel_compare(const char *a, const char *b)
{
	while (*a || *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			while (*a == '0')
				a++;
			while (*b == '0')
				b++;
			size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
			int order = n != m ? (n < m ? -1 : 1) : strncmp(a, b, n);

			if (order)
				return order;
			a += n;
			b += m;
			continue;
		}
		if (weight(a) != weight(b))
			return weight(a) < weight(b) ? -1 : 1;
		a++;
		b++;
	}
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct sf_kernel_file *x = a, *y = b;
	int order = sf_pack_kernel_compare(y->release, x->release);

	return order ? order : strcmp(x->path, y->path);
}

static void sort(struct sf_kernel_files *files)
{
	if (files->n)
		qsort(files->v, files->n, sizeof(*files->v), newest_first);
}

/* ---- finding them --------------------------------------------------------------------------------------------------- */

static struct sf_error *add(struct sf_kernel_files *files, const char *path, const char *release, bool is_host)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || files->n >= MAX_FILES)
		return NULL;
	/* The name of a link, or of a copy, may be anything. */
	char *said = is_host ? sf_kernel_header_release(path) : NULL;
	struct sf_kernel_file file = {
		.release = said ? said : strdup(release), .path = strdup(path), .is_host = is_host,
		.is_readable = !access(path, R_OK), .size = (uint64_t)st.st_size,
	};
	struct sf_kernel_file *slot = file.release && file.path ? sf_vec_push(files) : NULL;

	if (!slot) {
		free(file.release);
		free(file.path);
		return sf_error_nomem();
	}
	*slot = file;
	return NULL;
}

/* Each entry of @dir whose name begins with @lead, and in it @inside if that is not NULL. */
static struct sf_error *add_all(struct sf_kernel_files *files, const char *dir, const char *lead, const char *inside,
				bool is_host)
{
	struct sf_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && !err && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, lead, strlen(lead)) || !e->d_name[strlen(lead)])
			continue;
		_cleanup_free_ char *path = sf_asprintf("%s/%s%s%s", dir, e->d_name, inside ? "/" : "", inside ? inside : "");

		err = path ? add(files, path, e->d_name + strlen(lead), is_host) : sf_error_nomem();
	}
	if (d)
		closedir(d);
	return err;
}

struct sf_error *sf_kernels_dir(char **ret)
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

/* One kernel under two names is one; the name that can be read is the better one. */
static void drop_doubles(struct sf_kernel_files *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->n; i++) {
		struct sf_kernel_file *last = kept ? &files->v[kept - 1] : NULL, *this = &files->v[i];

		if (!last || strcmp(last->release, this->release)) {
			files->v[kept++] = *this;
			continue;
		}
		if (this->is_readable && !last->is_readable) {
			struct sf_kernel_file worse = *last;

			*last = *this;
			*this = worse;
		}
		free(this->release);
		free(this->path);
	}
	files->n = kept;
}

struct sf_error *sf_kernels_of_host(const char *root, struct sf_kernel_files *ret)
{
	_cleanup_free_ char *boot = sf_asprintf("%s/boot", root), *modules = sf_asprintf("%s/usr/lib/modules", root);
	struct sf_kernel_files files = { 0 };
	struct sf_error *err;
	struct utsname uts;

	if (!boot || !modules)
		return sf_error_nomem();
	err = add_all(&files, boot, "vmlinuz-", NULL, true);
	if (!err)
		err = add_all(&files, modules, "", "vmlinuz", true);
	if (err) {
		sf_kernel_files_clear(&files);
		return err;
	}
	sort(&files);
	drop_doubles(&files);
	for (size_t i = 0; i < files.n; i++)
		files.v[i].is_running = !uname(&uts) && !strcmp(uts.release, files.v[i].release);
	*ret = files;
	return NULL;
}

struct sf_error *sf_kernel_of_host(const char *root, const char *release, char **ret)
{
	_cleanup_(sf_kernel_files_clear) struct sf_kernel_files files = { 0 };

	*ret = NULL;
	SF_TRY(sf_kernels_of_host(root, &files));
	for (size_t i = 0; i < files.n && !*ret; i++) {
		if (release ? strcmp(files.v[i].release, release) : !files.v[i].is_running)
			continue;
		*ret = strdup(files.v[i].path);
		if (!*ret)
			return sf_error_nomem();
	}
	return NULL;
}

struct sf_error *sf_pack_kernels(struct sf_kernel_files *ret)
{
	_cleanup_(sf_kernel_files_clear) struct sf_kernel_files files = { 0 }, host = { 0 };
	_cleanup_free_ char *dir = NULL;

	SF_TRY(sf_kernels_dir(&dir));
	SF_TRY(add_all(&files, dir, "", "vmlinuz", false));
	sort(&files);
	SF_TRY(sf_kernels_of_host("", &host));
	for (size_t i = 0; i < host.n; i++) {
		struct sf_kernel_file *slot = sf_vec_push(&files);

		if (!slot)
			return sf_error_nomem();
		*slot = host.v[i];
		host.v[i] = (struct sf_kernel_file){ 0 };
	}
	for (size_t i = 0; i < files.n; i++)
		if (files.v[i].is_readable)
			files.v[i].sched_ext = sf_kernel_sched_ext(files.v[i].path);
	*ret = files;
	files = (struct sf_kernel_files){ 0 };
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that somebody names for the guest, each at the path it has here: a file as it is, a program or a library with
 * what it needs, a directory with all that is in it. And the one thing of this kind that nobody would name: the modules
 * of a Python.
 */

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "private.h"

#define MAX_DEPTH 32
#define MAX_FILES 16384
#define MAX_BYTES (UINT64_C(1) << 30)
#define GLIBC_LOADER "/lib64/ld-linux-x86-64.so.2"
#define MUSL_LOADER "/lib/ld-musl-x86_64.so.1"

struct walk {
	struct sf_pack *pack;
	const char *root;
	bool (*skip)(const char *name); /* NULL: nothing */
	size_t n_files;
	uint64_t n_bytes;
	struct { dev_t dev; ino_t ino; } above[MAX_DEPTH];
};

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static bool is_library(const struct sf_elf *elf)
{
	return elf->is_elf && elf->class == ELFCLASS64 && elf->data == ELFDATA2LSB && elf->machine == EM_X86_64 &&
	       elf->type == ET_DYN && !elf->interp && !elf->is_pie;
}

/* A library does not say whose it is, but for the C library that it needs. */
static const char *loader_of(const struct sf_elf *elf)
{
	for (size_t i = 0; i < elf->needed.n; i++)
		if (!strncmp(elf->needed.v[i], "libc.musl-", 10))
			return MUSL_LOADER;
	return GLIBC_LOADER;
}

/* dlopen() finds it by its name, as the loader finds those that a program needs. */
static struct sf_error *pack_library(struct sf_pack *pack, const char *path, const struct sf_elf *elf)
{
	SF_TRY(sf_pack_file(pack, path, path, 0755));
	SF_TRY(sf_pack_remember(pack, strrchr(path, '/') + 1, path));
	if (elf->soname)
		SF_TRY(sf_pack_remember(pack, elf->soname, path));
	return elf->needed.n ? sf_pack_libraries(pack, path, loader_of(elf)) : NULL;
}

/* A program with what it needs, where it is one that can run here. @scripts: those, too. */
static struct sf_error *pack_one(struct sf_pack *pack, const char *path, const struct stat *st, bool scripts)
{
	bool is_executable = st->st_mode & 0111;
	_cleanup_elf_ struct sf_elf elf = { 0 };
	char head[2] = "";

	SF_TRY(sf_elf_read(path, &elf));
	if (is_library(&elf))
		return pack_library(pack, path, &elf);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || pread(fd, head, sizeof(head), 0) < 0)
		return sf_error_sys(errno, "%s", path);
	if (is_executable && (elf.is_elf ? elf.machine == EM_X86_64 && elf.type != ET_REL :
					  scripts && !memcmp(head, "#!", 2)))
		return sf_pack_program(pack, path, path);
	return sf_pack_file(pack, path, path, is_executable ? 0755 : 0644);
}

/* ---- directories ------------------------------------------------------------------------------------------------- */

static struct sf_error *too_much(const struct walk *w)
{
	if (w->n_files > MAX_FILES)
		return sf_error_new(SF_USAGE, "%s has more than %d files and directories; name those that are needed", w->root, MAX_FILES);
	return sf_error_new(SF_USAGE, "%s has more than %llu MiB; name what is needed of it", w->root,
			    (unsigned long long)(MAX_BYTES >> 20));
}

/* What cannot run is a file like any other, and scripts are as well: nobody said that all of them are to run. */
static struct sf_error *walk_file(struct walk *w, const char *path, const struct stat *st)
{
	struct sf_error *err;

	w->n_files++;
	w->n_bytes += (uint64_t)st->st_size;
	if (w->n_files > MAX_FILES || w->n_bytes > MAX_BYTES)
		return too_much(w);
	err = pack_one(w->pack, path, st, false);
	if (sf_error_code(err) != SF_USAGE)
		return err;
	sf_error_free(err);
	/* It is there already where only what it needs is not. */
	return sf_pack_find(w->pack, path) ? NULL :
					     sf_pack_file(w->pack, path, path, st->st_mode & 0111 ? 0755 : 0644);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static struct sf_error *walk_dir(struct walk *w, const char *path, const struct stat *own, size_t depth)
{
	_cleanup_(close_dir) DIR *dir = opendir(path);
	struct dirent *d;
	struct stat st;

	if (!dir)
		return sf_error_sys(errno, "%s", path);
	for (size_t i = 0; i < depth; i++)
		if (w->above[i].dev == own->st_dev && w->above[i].ino == own->st_ino)
			return NULL; /* a link to a directory above */
	if (depth == MAX_DEPTH)
		return sf_error_new(SF_USAGE, "%s is more than %d directories deep", path, MAX_DEPTH);
	/* One that holds nothing costs as much as a file; links can lead to the same ones again and again. */
	if (++w->n_files > MAX_FILES)
		return too_much(w);
	w->above[depth].dev = own->st_dev;
	w->above[depth].ino = own->st_ino;
	while ((d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || (w->skip && w->skip(d->d_name)))
			continue;
		_cleanup_free_ char *below = sf_asprintf("%s/%s", path, d->d_name);

		if (!below)
			return sf_error_nomem();
		/* Links that lead nowhere, sockets, fifos: nothing that could be copied. */
		if (stat(below, &st) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
			continue;
		SF_TRY(S_ISDIR(st.st_mode) ? walk_dir(w, below, &st, depth + 1) : walk_file(w, below, &st));
	}
	return NULL;
}

static struct sf_error *pack_tree(struct sf_pack *pack, const char *path, const struct stat *st,
				  bool (*skip)(const char *name))
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return sf_error_nomem();
	w->pack = pack;
	w->root = path;
	w->skip = skip;
	return walk_dir(w, path, st, 0);
}

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

struct sf_error *sf_pack_path(struct sf_pack *pack, const char *path)
{
	_cleanup_free_ char *absolute = NULL, *home = NULL, *what = NULL;
	struct stat st;

	SF_TRY(sf_absolute(path, &absolute));
	home = sf_pack_normalise(absolute);
	if (!home)
		return sf_error_nomem();
	if (stat(home, &st))
		return errno == ENOENT || errno == ENOTDIR ? sf_error_new(SF_USAGE, "there is no file %s", path) :
							     sf_error_sys(errno, "%s", path);
	if (sf_pack_is_hidden(home))
		return sf_error_new(SF_USAGE, "%s cannot be in the guest, which mounts something there", home);
	if (S_ISDIR(st.st_mode) && home[1])
		return pack_tree(pack, home, &st, NULL);
	if (S_ISREG(st.st_mode))
		return pack_one(pack, home, &st, true);
	what = S_ISDIR(st.st_mode) ? strdup("all of this machine") : sf_pack_what(home);
	return sf_error_new(SF_USAGE, "%s is %s; a guest can have files and directories", home, what ? what : "?");
}

/* ---- Python ------------------------------------------------------------------------------------------------------ */

/* Large, and nothing that a scheduler imports: what was installed beside the standard library is named if it is needed. */
static bool is_no_module(const char *name)
{
	static const char *const names[] = {
		"__pycache__", "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test",
		"tests", "tkinter", "turtledemo",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, "config-", 7);
}

/*
 * Where an interpreter of Python looks for its modules: in lib/pythonX.Y of the first directory above it that has one
 * (Modules/getpath.py, Python 3.11).
 */
struct sf_error *sf_pack_modules(struct sf_pack *pack, const char *interpreter)
{
	_cleanup_free_ char *real = realpath(interpreter, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;
	struct stat st;

	if (!slash || strncmp(slash + 1, "python3.", 8))
		return NULL;
	_cleanup_free_ char *name = strdup(slash + 1);

	if (!name)
		return sf_error_nomem();
	for (; slash; slash = strrchr(real, '/')) {
		*slash = '\0';
		_cleanup_free_ char *dir = sf_asprintf("%s/lib/%s", real, name);
		_cleanup_free_ char *mark = dir ? sf_asprintf("%s/os.py", dir) : NULL;

		if (!mark)
			return sf_error_nomem();
		if (!sf_is_file(mark) || stat(dir, &st))
			continue;
		if (sf_pack_find(pack, mark))
			return NULL;
		SF_TRY(sf_pack_file(pack, mark, mark, 0644));
		return pack_tree(pack, dir, &st, is_no_module);
	}
	return NULL;
}

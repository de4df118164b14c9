/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where our own parts are. Installed or in the build tree, they are in libexec/stillframe of a folder above the file
 * that this code was loaded from, so that a tree can be moved as a whole.
 */

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

#include "private.h"

/* lib/x86_64-linux-gnu is two below the prefix; a test program may be three below the top of the build. */
#define MAX_UP 3

bool sf_is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

struct sf_error *sf_absolute(const char *path, char **ret)
{
	_cleanup_free_ char *dir = NULL;
	char *absolute;

	if (path[0] == '/') {
		absolute = strdup(path);
	} else {
		dir = getcwd(NULL, 0);
		if (!dir)
			return sf_error_sys(errno, "the current directory");
		absolute = sf_asprintf("%s/%s", dir, path);
	}
	if (!absolute)
		return sf_error_nomem();
	*ret = absolute;
	return NULL;
}

struct sf_error *sf_find_program(const char *name, char **ret)
{
	const char *dirs = getenv("PATH");

	*ret = NULL;
	if (!name[0])
		return NULL;
	/* A directory is found, too: whoever asked for it is told that it is one. */
	if (strchr(name, '/') || sf_is_file(name))
		return access(name, F_OK) ? NULL : sf_absolute(name, ret);
	for (const char *dir = dirs && dirs[0] ? dirs : "/usr/bin:/bin"; dir;) {
		size_t len = strcspn(dir, ":");
		_cleanup_free_ char *path = sf_asprintf("%.*s/%s", (int)(len ? len : 1), len ? dir : ".", name);

		if (!path)
			return sf_error_nomem();
		if (sf_is_file(path) && !access(path, X_OK))
			return sf_absolute(path, ret);
		dir = dir[len] ? dir + len + 1 : NULL;
	}
	return NULL;
}

/*
 * The command, or the shared library in somebody else's program. The kernel's word for it: the name that a program was
 * started by may be anything.
 */
static struct sf_error *own_file(char **ret)
{
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	_cleanup_free_ char *line = NULL;
	uintptr_t self = (uintptr_t)own_file;
	size_t cap = 0;

	if (!maps)
		return sf_error_sys(errno, "/proc/self/maps");
	while (getline(&line, &cap, maps) > 0) {
		uintptr_t from, to;
		int at = 0;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %*s %n", &from, &to, &at) != 2 || !at ||
		    self < from || self >= to || line[at] != '/')
			continue;
		line[strcspn(line, "\n")] = '\0';
		*ret = strdup(line + at);
		return *ret ? NULL : sf_error_nomem();
	}
	return sf_error_new(SF_NOT_FOUND, "/proc/self/maps does not say where this program is");
}

static bool is_program(const char *path, struct stat *st)
{
	return !stat(path, st) && S_ISREG(st->st_mode) && !access(path, X_OK);
}

/*
 * Whoever can replace our code may give us its parts, and so may root. Nobody else: among the folders above may be /tmp.
 */
static bool is_ours(const struct stat *st, const char *code)
{
	struct stat own;

	return !st->st_uid || st->st_uid == geteuid() || (!stat(code, &own) && st->st_uid == own.st_uid);
}

/* NULL: there is none. */
static struct sf_error *find_part(const char *name, char **ret)
{
	_cleanup_free_ char *code = NULL, *dir = NULL;
	struct stat st;

	*ret = NULL;
	SF_TRY(own_file(&code));
	dir = strdup(code);
	if (!dir)
		return sf_error_nomem();
	for (int up = 0; up <= MAX_UP && strcmp(dirname(dir), "/"); up++) {
		_cleanup_free_ char *path = sf_asprintf("%s/" SF_LIBEXEC "/stillframe/%s", dir, name);

		if (!path)
			return sf_error_nomem();
		if (is_program(path, &st) && is_ours(&st, code)) {
			*ret = steal_ptr(&path);
			return NULL;
		}
	}
	/* A program that took the static library knows only where that was to be installed. */
	_cleanup_free_ char *path = sf_asprintf(SF_LIBEXECDIR "/%s", name);

	if (!path)
		return sf_error_nomem();
	if (is_program(path, &st))
		*ret = steal_ptr(&path);
	return NULL;
}

static struct sf_error *check_agent(char **path, char **ret)
{
	_cleanup_free_ char *mine = steal_ptr(path);
	_cleanup_elf_ struct sf_elf elf = { 0 };

	SF_TRY(sf_elf_read(mine, &elf));
	if (!elf.is_elf || elf.interp)
		return sf_error_new(SF_USAGE, "the agent %s is %s: it has to be a static program", mine,
				    elf.is_elf ? "linked dynamically" : "no ELF program");
	*ret = steal_ptr(&mine);
	return NULL;
}

struct sf_error *sf_pack_agent(char **ret)
{
	const char *variable = getenv("STILLFRAME_AGENT");
	_cleanup_free_ char *path = NULL;

	if (variable && variable[0]) {
		if (!sf_is_file(variable))
			return sf_error_new(SF_USAGE, "there is no file %s, which $STILLFRAME_AGENT names", variable);
		path = strdup(variable);
		return path ? check_agent(&path, ret) : sf_error_nomem();
	}
	SF_TRY(find_part("agent", &path));
	if (path)
		return check_agent(&path, ret);
	return sf_error_new(SF_NOT_FOUND, "the guest's agent is neither in " SF_LIBEXEC "/stillframe of a folder above this "
			    "program nor in " SF_LIBEXECDIR "; $STILLFRAME_AGENT may name it");
}

struct sf_error *sf_pack_tool(const char *name, char **ret)
{
	const char *variable = getenv("STILLFRAME_TOOLS");
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (variable && variable[0]) {
		path = sf_asprintf("%s/%s", variable, name);
		if (!path)
			return sf_error_nomem();
		if (!is_program(path, &st))
			return sf_error_new(SF_USAGE, "there is no script %s in %s, which $STILLFRAME_TOOLS names", name,
					    variable);
	} else {
		SF_TRY(find_part(name, &path));
	}
	if (!path)
		return sf_error_new(SF_NOT_FOUND, "the script %s is neither in " SF_LIBEXEC "/stillframe of a folder above this "
				    "program nor in " SF_LIBEXECDIR "; $STILLFRAME_TOOLS may name the folder", name);
	*ret = steal_ptr(&path);
	return NULL;
}

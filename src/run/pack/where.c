/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where our own parts are: in the build tree beside the running program, or where they were installed.
 */

#include <limits.h>
#include <sys/stat.h>

#include "private.h"

#define AGENT_NAME "agent"
#define MAX_UP 3 /* a test program may be a few folders below the build's top */

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

/* The folder of the running program, with no slash at its end. */
static struct sf_error *own_dir(char dir[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return sf_error_sys(errno, "/proc/self/exe");
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return NULL;
}

/* Takes @path; gives it away if it is a program. */
static bool take(char *path, char **ret)
{
	if (path && sf_is_file(path) && !access(path, X_OK)) {
		*ret = path;
		return true;
	}
	free(path);
	return false;
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
	char dir[PATH_MAX];

	if (variable && variable[0]) {
		if (!sf_is_file(variable))
			return sf_error_new(SF_USAGE, "there is no file %s, which $STILLFRAME_AGENT names", variable);
		path = strdup(variable);
		return path ? check_agent(&path, ret) : sf_error_nomem();
	}
	SF_TRY(own_dir(dir));
	if (take(sf_asprintf("%s/" AGENT_NAME, dir), &path))
		return check_agent(&path, ret);
	for (int up = 0; up <= MAX_UP; up++) {
		if (take(sf_asprintf("%s/agent/" AGENT_NAME, dir), &path) ||
		    take(sf_asprintf("%s/libexec/stillframe/" AGENT_NAME, dir), &path))
			return check_agent(&path, ret);
		char *slash = strrchr(dir, '/');

		if (slash)
			*slash = '\0';
	}
	if (take(strdup(SF_LIBEXECDIR "/" AGENT_NAME), &path))
		return check_agent(&path, ret);
	return sf_error_new(SF_NOT_FOUND, "the guest's agent is neither beside the running program (agent/" AGENT_NAME
			    ") nor in " SF_LIBEXECDIR "; $STILLFRAME_AGENT may name it");
}

struct sf_error *sf_pack_tool(const char *name, char **ret)
{
	const char *variable = getenv("STILLFRAME_TOOLS");
	_cleanup_free_ char *path = NULL;

	if (variable && variable[0]) {
		if (!take(sf_asprintf("%s/%s", variable, name), &path))
			return sf_error_new(SF_USAGE, "there is no script %s in %s, which $STILLFRAME_TOOLS names", name,
					    variable);
	} else if (!take(sf_asprintf(SF_SOURCE_TOOLS "/%s", name), &path) &&
		   !take(sf_asprintf(SF_LIBEXECDIR "/%s", name), &path)) {
		return sf_error_new(SF_NOT_FOUND, "the script %s is neither in the source tree nor in " SF_LIBEXECDIR
				    "; $STILLFRAME_TOOLS may name the folder", name);
	}
	*ret = steal_ptr(&path);
	return NULL;
}

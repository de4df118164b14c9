/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which libraries a program takes is the dynamic loader's to say: search paths, caches and variables are its own
 * business. It is asked in the way that ldd does, and only it is executed, never the program.
 */

#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "private.h"

#define LOADER_NS UINT64_C(10000000000)

extern char **environ;

void sf_libraries_clear(struct sf_libraries *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].path);
	}
	free(l->v);
	*l = (struct sf_libraries){ 0 };
}

static struct sf_error *add(struct sf_libraries *l, const char *name, const char *path)
{
	struct sf_library *lib = sf_vec_push(l);

	if (!lib)
		return sf_error_nomem();
	*lib = (struct sf_library){ .name = strdup(name), .path = path ? strdup(path) : NULL };
	return lib->name && (!path || lib->path) ? NULL : sf_error_nomem();
}

/*
 * A library chosen for this CPU's features (DIR/glibc-hwcaps/x86-64-v4/NAME): the guest's CPU is another one, and the
 * plain library in DIR does for both.
 */
static void take_plain(char *path)
{
	static const char mark[] = "/glibc-hwcaps/";
	char *at = strstr(path, mark), *name = strrchr(path, '/');
	char plain[PATH_MAX];

	if (!at || !name || name <= at)
		return;
	if ((size_t)snprintf(plain, sizeof(plain), "%.*s%s", (int)(at - path), path, name) < sizeof(plain) &&
	    sf_is_file(plain))
		strcpy(path, plain);
}

/* One of: `NAME => PATH (0x…)`, `NAME => not found`, `PATH (0x…)`, `linux-vdso.so.1 (0x…)`, `statically linked`. */
static struct sf_error *parse_line(char *line, struct sf_libraries *ret)
{
	char *arrow, *paren;

	line += strspn(line, " \t");
	arrow = strstr(line, " => ");
	if (arrow && !strcmp(arrow + 4, "not found")) {
		*arrow = '\0';
		return add(ret, line, NULL);
	}
	paren = arrow || strchr(line, '/') ? strrchr(line, '(') : NULL;
	if (!paren || strncmp(paren, "(0x", 3) || paren <= line || (arrow && paren <= arrow + 4))
		return NULL;
	while (paren > line && paren[-1] == ' ')
		paren--;
	*paren = '\0';
	if (!arrow)
		return add(ret, line, line);
	*arrow = '\0';
	take_plain(arrow + 4);
	return add(ret, line, arrow + 4);
}

static struct sf_error *parse(char *text, struct sf_libraries *ret)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		SF_TRY(parse_line(line, ret));
	return NULL;
}

/* Ours without what changes the loader's behaviour, but for where it looks. NULL without memory. */
static char **loader_environment(bool trace)
{
	size_t n = 0, used = 0;

	while (environ[n])
		n++;
	char **env = calloc(n + 2, sizeof(*env));

	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LD_", 3) || !strncmp(environ[i], "LD_LIBRARY_PATH=", 16))
			env[used++] = environ[i];
	if (trace)
		env[used] = (char *)"LD_TRACE_LOADED_OBJECTS=1";
	return env;
}

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* The loader's words in one line. */
static struct sf_error *refused(const char *interp, const char *program, struct sf_child_said *said)
{
	if (said->late)
		return sf_error_new(SF_USAGE, "%s did not say within 10 s which libraries %s needs", interp, program);
	for (char *p = said->err; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : '\0';
	return sf_error_new(SF_USAGE, "%s cannot load %s: %s", interp, program,
			    said->err[0] ? said->err : "it does not say why");
}

static bool succeeded(const struct sf_child_said *said)
{
	return !said->late && WIFEXITED(said->status) && !WEXITSTATUS(said->status);
}

/* @option NULL: by the variable. */
static struct sf_error *ask(const char *interp, const char *option, const char *program, struct sf_child_said *ret)
{
	char *argv[] = { (char *)interp, (char *)(option ? option : program), (char *)(option ? program : NULL), NULL };
	_cleanup_free_ char **env = loader_environment(!option);
	struct sf_child child = { .path = interp, .argv = argv, .envp = env, .timeout_ns = LOADER_NS };

	return env ? sf_child_ask(&child, ret) : sf_error_nomem();
}

/*
 * glibc gives up `--list` at the first library that is missing; by the variable it lists all of them and says which
 * are. A loader that does not know the variable would run the program: only glibc's knows `--verify`.
 */
static struct sf_error *list_incomplete(const char *interp, const char *program, struct sf_libraries *ret)
{
	_cleanup_said_ struct sf_child_said verified = { 0 }, said = { 0 };

	SF_TRY(ask(interp, "--verify", program, &verified));
	if (verified.late || !WIFEXITED(verified.status) ||
	    (WEXITSTATUS(verified.status) && WEXITSTATUS(verified.status) != 2))
		return NULL;
	SF_TRY(ask(interp, NULL, program, &said));
	return succeeded(&said) ? parse(said.out, ret) : NULL;
}

static bool is_complete(const struct sf_libraries *libs)
{
	for (size_t i = 0; i < libs->n; i++)
		if (!libs->v[i].path)
			return false;
	return true;
}

struct sf_error *sf_loader_list(const char *interp, const char *program, struct sf_libraries *ret)
{
	_cleanup_libraries_ struct sf_libraries libs = { 0 };
	_cleanup_said_ struct sf_child_said said = { 0 };
	const char *name = strrchr(interp, '/');

	if (!name || strncmp(name + 1, "ld", 2) || same_file(interp, program))
		return sf_error_new(SF_USAGE, "%s names %s as its dynamic loader, which is none that is known here",
				    program, interp);
	SF_TRY(ask(interp, "--list", program, &said));
	if (succeeded(&said)) {
		SF_TRY(parse(said.out, &libs));
	} else {
		SF_TRY(list_incomplete(interp, program, &libs));
		/* It was not about a library that is missing. */
		if (is_complete(&libs))
			return refused(interp, program, &said);
	}
	*ret = libs;
	libs = (struct sf_libraries){ 0 };
	return NULL;
}

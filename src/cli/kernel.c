/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe kernel: the cache of kernels. A script does the work, in the open: what it prints is what people see.
 */

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "cli.h"
#include "pack/pack.h"

#define DEFAULT_SERIES "6.18"

extern char **environ;

/* A Ctrl-C goes to the script, too, and we wait for what it makes of it. SIGTERM reaches us alone: it is passed on. */
static pid_t script;

static void pass_on(int sig)
{
	if (script > 0)
		kill(script, sig);
}

static struct sf_error *start_script(char **argv)
{
	posix_spawnattr_t attr;
	sigset_t all;
	int err;

	sigfillset(&all);
	if (posix_spawnattr_init(&attr))
		return sf_error_nomem();
	err = posix_spawnattr_setsigdefault(&attr, &all);
	err = err ? err : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	err = err ? err : posix_spawn(&script, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return err ? sf_error_new(SF_USAGE, "cannot execute %s: %s", argv[0], strerror(err)) : NULL;
}

static int run_script(const struct cli_command *c, const char *word)
{
	struct sigaction action = { .sa_handler = pass_on };
	_cleanup_free_ char *path = NULL;
	struct sf_error *err = sf_pack_tool("kernel-get", &path);
	char *argv[] = { path, (char *)word, NULL };
	int status;

	signal(SIGINT, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (!err)
		err = start_script(argv);
	if (err)
		return cli_fail(c->name, err);
	while (waitpid(script, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return SF_INTERRUPTED;
	switch (WEXITSTATUS(status)) {
	case 0:
		return SF_PASS;
	case SF_BAD_USAGE:
		return SF_BAD_USAGE;
	case SF_INTERRUPTED:
		return SF_INTERRUPTED;
	default:
		return SF_HARNESS_FAILED;
	}
}

static int print_path(const struct cli_command *c, const char *series)
{
	struct sf_pack_fetch cached = { .offline = true };
	_cleanup_free_ char *path = NULL;
	struct sf_error *err = sf_pack_kernel(series, &cached, &path);

	if (err)
		return cli_fail(c->name, err);
	puts(path);
	return cli_flush(c->name, SF_PASS);
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct cli_words words = { 0 };
	int code;

	if (!cli_parse(c, argc, argv, NULL, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;
	const char *what = words.n ? v[0] : "", *series = words.n > 1 ? v[1] : NULL;

	if (words.n > 2 || words.rest)
		return cli_usage(c, "one series at a time");
	if (series && series[0] == '-')
		return cli_usage(c, "\"%s\" is no series; one looks like 6.18, and there is newest", series);
	if (!strcmp(what, "get"))
		return run_script(c, series ? series : DEFAULT_SERIES);
	if (!strcmp(what, "path"))
		return print_path(c, series);
	if (!strcmp(what, "list") && !series)
		return run_script(c, "--list");
	return cli_usage(c, what[0] ? "there is list, get [SERIES] and path [SERIES]" :
				      "what about kernels? There is list, get [SERIES] and path [SERIES]");
}

const struct cli_command cli_kernel = {
	.name = "kernel",
	.operands = "list | get [SERIES] | path [SERIES]",
	.summary = "kernels to boot: what there is, fetch one, where one is",
	.details = "SERIES is 6.18, a full release, or newest; `get` takes " DEFAULT_SERIES " without one, and `path`\n"
		   "the newest that is cached and can run a scheduler. `get` prints the path.\n",
	.run = run,
};

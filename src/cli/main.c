/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "cli.h"

static const struct cli_command *const commands[] = { &cli_run, &cli_show, &cli_ls, &cli_export, &cli_kernel, &cli_doctor };

static void help(FILE *out)
{
	fputs("usage: stillframe COMMAND [OPTION]...\n"
	      "\n"
	      "Freezes a running Linux kernel and keeps what its BPF schedulers know.\n"
	      "\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "stillframe COMMAND --help says more of one. Exit codes: 0 pass, 1 fail,\n"
	      "2 inconclusive, 3 usage or bad input, 124 deadline, 125 the harness failed,\n"
	      "130 interrupted, 255 the guest panicked.\n", out);
}

static int unknown(const char *name)
{
	_cleanup_free_ char *clean = cli_clean(name, 64);

	fprintf(stderr, "stillframe: there is no command \"%s\"; there are", clean ? clean : "");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "%s %s", i ? "," : "", commands[i]->name);
	fputs("\n", stderr);
	return SF_BAD_USAGE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	/* Whoever started us may have switched it off; a reader that goes away ends us quietly. */
	signal(SIGPIPE, SIG_DFL);
	if (!name) {
		help(stderr);
		return SF_BAD_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		help(stdout);
		return cli_flush("stillframe", SF_PASS);
	}
	if (!strcmp(name, "--version")) {
		puts("stillframe " SF_VERSION);
		return cli_flush("stillframe", SF_PASS);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i]->name))
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	return unknown(name);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "commands.h"

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct cli_command *command;

	/* Whoever started us may have switched it off; a reader that goes away ends us quietly. */
	signal(SIGPIPE, SIG_DFL);
	if (!name) {
		cli_help_all(stderr);
		return SF_BAD_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		cli_help_all(stdout);
		return cli_flush("stillframe", SF_PASS);
	}
	if (!strcmp(name, "--version")) {
		puts("stillframe " SF_VERSION);
		return cli_flush("stillframe", SF_PASS);
	}
	command = cli_find_command(name);
	return command ? command->run(command, argc - 1, argv + 1) : cli_unknown(name);
}

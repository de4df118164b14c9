/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_COMMANDS_H
#define SF_CLI_COMMANDS_H

/*
 * All subcommands, in the order in which help names them. What is made of their tables at build time (man pages,
 * completion) and the command itself go through this one list.
 */

#include "cli.h"

extern const struct cli_command *const cli_commands[];
extern const size_t cli_n_commands;
#define CLI_SUMMARY "freeze a running Linux kernel and keep what its BPF schedulers know"

/* NULL: there is none of this name. */
const struct cli_command *cli_find_command(const char *name);

/* ---- exits.c: what the exit codes mean, in the words of help and manual ------------------------------------------- */

struct cli_exit {
	int code;
	const char *word, *meaning;
};
extern const struct cli_exit cli_exits[];
extern const size_t cli_n_exits;

/* ---- help.c ------------------------------------------------------------------------------------------------------- */

extern const struct cli_command cli_help_command;
void cli_help_all(FILE *out);
void cli_put_details(FILE *out, const char *text);
/* "stillframe: there is no command …", with those there are. */
int cli_unknown(const char *name);

#endif

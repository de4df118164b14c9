/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_DOCS_H
#define SF_CLI_DOCS_H

/*
 * Makes man pages and the shell's completion from the tables of the command, when it is built. It is not installed, and
 * it ends at the first thing that goes wrong: there is nobody to be spared.
 */

#include "commands.h"

/* A page of section 1: of @command, or of all (NULL). @more: roff with the sections that no table has. */
void docs_manual(const struct cli_command *command, const char *more);
/* @template with its line @TABLES@ replaced. */
void docs_completion(const char *template);

/* All of a file; ends the program where it cannot be read. */
char *docs_read(const char *path);

/* ---- what stands for a value, or for an operand ------------------------------------------------------------------ */

/*
 * "none @scheduler": words as they are, and kinds of things with an @ in front: @command, @dir, @file, @frame, @kernel,
 * @run, @scenario, @scheduler. "": nothing that a shell could know.
 */
const char *docs_offer_of(const char *placeholder);

#endif

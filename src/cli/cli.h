/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_H
#define SF_CLI_H

/*
 * The command. Each subcommand is a file with one table of options, which makes both its help and its parsing. This room
 * is the only one that prints: results on stdout, everything else on stderr, where text that comes from a guest or a
 * file is made harmless first. It uses all other rooms and nobody uses it.
 *
 * Exit codes are enum sf_verdict's.
 */

#include "base/error.h"
#include "base/text.h"
#include "stillframe/run.h"

/* ---- options.c ------------------------------------------------------------------------------------------------- */

struct cli_option {
	const char *name;        /* without the dashes */
	char letter;             /* 0: none */
	const char *value;       /* what stands for its value in the help; NULL: it takes none; "=X": `--name` or `--name=X` */
	const char *help;
	/* Takes the value (NULL when there is none). The error says what is wrong with it and what is allowed. */
	struct sf_error *(*set)(void *arg, const char *value);
	bool again;              /* it may be given more than once; another that takes a value may not */
	/* What a shell offers for the value: words, and kinds of things (completion.c). NULL: what @value stands for. */
	const char *complete;
};

struct cli_command {
	const char *name;        /* as typed: "run", "kernel" */
	const char *operands;    /* for the help: "FRAME [--json]" … */
	const char *summary;     /* one line */
	const char *details;     /* more, for its own help; NULL: none */
	const struct cli_option *options;
	size_t n_options;
	int (*run)(const struct cli_command *command, int argc, char **argv);
};

struct cli_words {
	const char **v;          /* operands, NULL-terminated */
	size_t n;
	const char *const *rest; /* what stands after `--`, NULL-terminated; NULL: there was none */
};

/*
 * Parses @argv from the word after the command on. false: the exit code is in @ret_code, and help or error were
 * printed. Free @ret->v.
 */
bool cli_parse(const struct cli_command *command, int argc, char **argv, void *arg, struct cli_words *ret,
	       int *ret_code);
void cli_help(const struct cli_command *command, FILE *out);
/* "stillframe NAME: …" on stderr; returns SF_BAD_USAGE. */
int cli_usage(const struct cli_command *command, const char *fmt, ...) sf_printf(2, 3);
/* "stillframe NAME: …" of a message that may have lines, and in them what a file or a guest said. */
void cli_complain(const char *command, const char *message);
/* The error as one message on stderr, consumed; returns the exit code that it stands for. */
int cli_fail(const char *command, struct sf_error *err);
/* That exit code, of an error that stays the caller's. */
enum sf_verdict cli_verdict_of(struct sf_error *err);
/* stdout has taken everything? Else says so; a reader that went away is no error. */
int cli_flush(const char *command, int code);

/* ---- values.c: what options take --------------------------------------------------------------------------------- */

SF_CHECKED struct sf_error *cli_time(const char *text, uint64_t max_ns, uint64_t *ret_ns);
/* Bytes, in whole MiB. */
SF_CHECKED struct sf_error *cli_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
SF_CHECKED struct sf_error *cli_count(const char *text, uint32_t max, uint32_t *ret);

/* ---- print.c: numbers and foreign text for people ------------------------------------------------------------------ */

#define CLI_NUMBER 24
const char *cli_put_time(char buf[CLI_NUMBER], uint64_t ns);
const char *cli_put_size(char buf[CLI_NUMBER], uint64_t bytes);
/* Foreign text on one line, harmless on a terminal. free() it; NULL without memory. */
char *cli_clean(const char *text, size_t max);
/* Words, wrapped at 80 columns, or at those of a narrower terminal; lines after the first are indented. Control characters are escaped. */
void cli_wrap(FILE *out, const char *lead, unsigned int indent, const char *text);
unsigned int cli_columns(int fd); /* of a terminal; 80 for anything else */
bool cli_colour(int fd);          /* a terminal, and neither NO_COLOR nor TERM=dumb */

/* ---- progress.c: what a run does now, on stderr --------------------------------------------------------------------- */

struct cli_progress;
struct cli_progress *cli_progress_new(void); /* NULL without memory; the functions below take NULL */
void cli_progress_say(void *progress, const char *what);
void cli_progress_log(void *progress, enum sf_log_level level, const char *message);
void cli_progress_end(struct cli_progress *progress); /* frees it, and leaves the terminal as it was */

/* ---- ls.c --------------------------------------------------------------------------------------------------------- */

struct sf_json;
struct sf_json_node;
/* What `ls` prints of one run, of which @run is the root of its run.json. */
void cli_put_run(FILE *out, const char *dir, const struct sf_json_node *run);
/* The captures of a run.json, as a table. */
void cli_put_captures(FILE *out, const char *dir, const struct sf_json_node *run);
SF_CHECKED struct sf_error *cli_read_run(const char *dir, struct sf_json **ret);

extern const struct cli_command cli_run, cli_show, cli_ls, cli_export, cli_kernel, cli_doctor;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_REPORT_CASES_H
#define SF_CLI_REPORT_CASES_H

/*
 * What all reports have in common: the tests that a run was, made of its run.json. Each finding of the run belongs to
 * one of them. Names and texts are as they stand there, which is as a guest or a file said them; each report makes them
 * harmless in its own way.
 */

#include "base/json.h"
#include "report.h"

enum cli_outcome { CLI_OK, CLI_SKIPPED, CLI_FAILURE, CLI_ERROR };

struct cli_case {
	char *name;              /* "attached", "step 2: hold 1 s", "capture mid", "expect var(x) > 0", "run" */
	enum cli_outcome outcome;
	enum sf_verdict verdict; /* what it means for the run */
	struct sf_text text;     /* why; lines, not NUL-terminated */
	struct sf_text out;      /* what the kernel printed; the same */
	bool has_ns;
	uint64_t ns;             /* how long it took */
};

struct cli_cases {
	char *title;             /* of the run; with its kernel where there are several */
	const char *kernel;      /* its release, or else the name of its file; run.json's */
	const char *verdict;     /* "pass", "fail", …, "incomplete"; no other words */
	enum cli_outcome outcome;
	struct cli_case *v;      /* "run" is the last one */
	size_t n, cap;
};

/* Of one of @n_runs runs. SF_NO_MEMORY and nothing else. */
SF_CHECKED struct sf_error *cli_cases_read(const struct cli_run_report *r, size_t n_runs, struct cli_cases *ret);
void cli_cases_clear(struct cli_cases *c);
#define _cleanup_cases_ _cleanup_(cli_cases_clear)

/* The verdict that a run.json names; inconclusive for a word that nobody knows. */
enum sf_verdict cli_verdict_named(const char *name);
size_t cli_cases_count(const struct cli_cases *c, enum cli_outcome outcome);
uint64_t cli_report_wall_ns(const struct cli_run_report *r);

/* The next line of a text, harmless on a terminal and at most about @max bytes long. free() it; NULL after the last. */
struct cli_lines {
	const char *p;
	size_t left;
};
char *cli_lines_next(struct cli_lines *lines, size_t max);

#endif

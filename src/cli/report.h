/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_REPORT_H
#define SF_CLI_REPORT_H

/*
 * Runs told to machines: KTAP for the kernel's own tools, JUnit for CI servers, Markdown for a page of a CI job. All of
 * it comes from run.json and nothing from elsewhere, so that whoever has a run's directory can tell the same.
 */

#include "cli.h"

struct cli_run_report {
	const char *dir;               /* NULL: nothing was kept */
	const struct sf_json_node *run; /* root of its run.json */
};

/* KTAP version 1: one test for each run, and what was asked of it as its subtests. */
void cli_put_ktap(FILE *out, const struct cli_run_report *runs, size_t n);
/*
 * The file that cli_write_junit() puts another one in the place of, whole or not at all; behind a link the one it leads
 * to. NULL: what is there is written to, a pipe or /dev/stdout. free() it.
 */
char *cli_junit_replaces(const char *file);
SF_CHECKED struct sf_error *cli_write_junit(const char *file, const struct cli_run_report *runs, size_t n);
/* Appended to @file, as the steps of a CI job share one ($GITHUB_STEP_SUMMARY). */
SF_CHECKED struct sf_error *cli_add_markdown(const char *file, const struct cli_run_report *runs, size_t n);

#endif

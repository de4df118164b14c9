/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * KTAP version 1, as the kernel's Documentation/dev-tools/ktap.rst has it: subtests stand before the line of their test,
 * two columns to the right. An inconclusive test is "not ok", since nobody looks at other words; its diagnostic says so.
 */

#include "report_cases.h"

#define MAX_NAME 300
#define MAX_LINE 2000
#define MAX_LINES 200 /* of one text */

/* A name ends where a directive begins, which a number sign does. */
static void put_name(FILE *out, const char *name)
{
	_cleanup_free_ char *clean = cli_clean(name, MAX_NAME);

	for (const char *p = clean ? clean : ""; *p; p++) {
		if (*p == '#')
			fputs("\\x23", out);
		else
			fputc(*p, out);
	}
}

static void put_lines(FILE *out, unsigned int indent, const char *lead, const struct sf_text *text)
{
	struct cli_lines lines = { .p = text->v, .left = text->n };
	size_t n = 0;

	while (lines.left) {
		_cleanup_free_ char *line = cli_lines_next(&lines, MAX_LINE);

		if (n++ < MAX_LINES)
			fprintf(out, "%*s# %s%s\n", (int)indent, "", lead, line ? line : "");
		lead = "";
	}
	if (n > MAX_LINES)
		fprintf(out, "%*s# ... and %zu more lines\n", (int)indent, "", n - MAX_LINES);
}

static void put_case(FILE *out, size_t number, const struct cli_case *c)
{
	bool bad = c->outcome == CLI_FAILURE || c->outcome == CLI_ERROR;
	char lead[40] = "";

	if (bad)
		snprintf(lead, sizeof(lead), "%s: ", sf_verdict_name(c->verdict));
	if (bad && !c->text.n)
		fprintf(out, "  # %s\n", sf_verdict_name(c->verdict));
	if (c->outcome != CLI_SKIPPED)
		put_lines(out, 2, lead, &c->text);
	if (bad && c->out.n) {
		fputs("  # console:\n", out);
		put_lines(out, 2, "", &c->out);
	}
	fprintf(out, "  %s %zu ", bad ? "not ok" : "ok", number);
	put_name(out, c->name);
	if (c->outcome == CLI_SKIPPED) {
		struct cli_lines lines = { .p = c->text.v, .left = c->text.n };
		_cleanup_free_ char *why = cli_lines_next(&lines, MAX_NAME);

		fputs(" # SKIP ", out);
		put_name(out, why ? why : "");
	}
	fputc('\n', out);
}

static void put_run(FILE *out, size_t number, const struct cli_cases *c)
{
	fputs("  KTAP version 1\n  # Subtest: ", out);
	put_name(out, c->title);
	fprintf(out, "\n  1..%zu\n", c->n);
	for (size_t i = 0; i < c->n; i++)
		put_case(out, i + 1, &c->v[i]);
	fprintf(out, "# verdict: %s\n%s %zu ", c->verdict, c->outcome <= CLI_SKIPPED ? "ok" : "not ok", number);
	put_name(out, c->title);
	fputs(c->outcome == CLI_SKIPPED ? " # SKIP\n" : "\n", out);
}

void cli_put_ktap(FILE *out, const struct cli_run_report *runs, size_t n)
{
	fprintf(out, "KTAP version 1\n1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_cases_ struct cli_cases c = { 0 };
		struct sf_error *err = cli_cases_read(&runs[i], n, &c);

		if (err) {
			fputs("Bail out! out of memory\n", out);
			sf_error_free(err);
			return;
		}
		put_run(out, i + 1, &c);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Markdown for the page of a CI job, as GitHub reads it. Foreign text stands in a cell or a line with all that has a
 * meaning escaped, or in a fence that is longer than any it has itself.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "report_cases.h"

#define MAX_CELL 200
#define MAX_LINE 2000
#define MAX_LINES 60 /* of one text: a step's page ends at 1 MiB */

/* ---- escapes ---------------------------------------------------------------------------------------------------- */

static void put_inline(struct sf_text *m, const char *text)
{
	_cleanup_free_ char *clean = cli_clean(text, MAX_CELL);

	m->failed |= !clean;
	for (const char *p = clean ? clean : ""; *p; p++) {
		if (*p == '<')
			sf_text_put(m, "&lt;");
		else if (*p == '&')
			sf_text_put(m, "&amp;");
		else if (strchr("\\`*_[]|~@#$", *p))
			sf_text_putf(m, "\\%c", *p);
		else
			sf_text_putn(m, p, 1);
	}
}

static size_t longest_ticks(const struct sf_text *text)
{
	size_t longest = 0, n = 0;

	for (size_t i = 0; i < text->n; i++) {
		n = text->v[i] == '`' ? n + 1 : 0;
		longest = sf_max(longest, n);
	}
	return longest;
}

static void put_fence(struct sf_text *m, size_t n, const char *word)
{
	while (n--)
		sf_text_put(m, "`");
	sf_text_putf(m, "%s\n", word);
}

static void put_block(struct sf_text *m, const struct sf_text *text)
{
	struct cli_lines lines = { .p = text->v, .left = text->n };
	size_t ticks = sf_max(longest_ticks(text) + 1, (size_t)3), n = 0;

	if (!text->n)
		return;
	put_fence(m, ticks, "text");
	while (lines.left) {
		_cleanup_free_ char *line = cli_lines_next(&lines, MAX_LINE);

		m->failed |= !line;
		if (n++ < MAX_LINES)
			sf_text_putf(m, "%s\n", line ? line : "");
	}
	if (n > MAX_LINES)
		sf_text_putf(m, "... and %zu more lines\n", n - MAX_LINES);
	put_fence(m, ticks, "");
	sf_text_put(m, "\n");
}

/* ---- the table of runs ------------------------------------------------------------------------------------------ */

static void put_cell(struct sf_text *m, const char *text)
{
	sf_text_put(m, " ");
	put_inline(m, text[0] ? text : "-");
	sf_text_put(m, " |");
}

static const char *attached_for(const struct cli_run_report *r, char buf[CLI_NUMBER])
{
	uint64_t ns = sf_json_member_u64(sf_json_member(r->run, "timings"), "attached_ns", 0);

	if (!strcmp(sf_json_member_str(r->run, "scheduler", "none"), "none"))
		return "";
	if (!sf_json_member_bool(r->run, "attached", false))
		return "never";
	return ns ? cli_put_time(buf, ns) : "yes";
}

static void put_row(struct sf_text *m, const struct cli_run_report *r, const struct cli_cases *c)
{
	const struct sf_json_node *captures = sf_json_member(r->run, "captures");
	const char *ops = sf_json_member_str(r->run, "ops", "");
	const char *mark = c->outcome == CLI_FAILURE || c->outcome == CLI_ERROR ? "**" : "";
	char attached[CLI_NUMBER], wall[CLI_NUMBER];

	sf_text_put(m, "|");
	put_cell(m, sf_json_member_str(r->run, "name", "run"));
	put_cell(m, c->kernel);
	put_cell(m, ops[0] ? ops : sf_json_member_str(r->run, "scheduler", ""));
	sf_text_putf(m, " %s%s%s |", mark, c->verdict, mark);
	put_cell(m, attached_for(r, attached));
	sf_text_putf(m, " %u |", captures && captures->type == SF_JSON_ARRAY ? captures->n : 0);
	put_cell(m, cli_put_time(wall, cli_report_wall_ns(r)));
	sf_text_put(m, "\n");
}

/* ---- one run ---------------------------------------------------------------------------------------------------- */

static void put_number(struct sf_text *m, const struct sf_json_node *v)
{
	char text[SF_JSON_NUMBER + 1] = "-";

	if (v && v->type == SF_JSON_UINT)
		*sf_json_text_u64(text, v->value.u64) = '\0';
	else if (v && v->type == SF_JSON_INT)
		*sf_json_text_i64(text, v->value.i64) = '\0';
	else if (v && v->type == SF_JSON_REAL)
		snprintf(text, sizeof(text), "%.6g", v->value.f64);
	sf_text_putf(m, " %s |", text);
}

static const struct sf_json_node *counters_of(const struct cli_run_report *r)
{
	const struct sf_json_node *list = sf_json_member(r->run, "counters");

	return list && list->type == SF_JSON_ARRAY && list->n ? list : NULL;
}

static void put_counters(struct sf_text *m, const struct cli_run_report *r)
{
	const struct sf_json_node *counted = sf_json_member(r->run, "counted"), *list = counters_of(r);

	if (!list)
		return;
	sf_text_put(m, "| Counter | in ");
	put_inline(m, sf_json_member_str(counted, "first", "the first"));
	sf_text_put(m, " | in ");
	put_inline(m, sf_json_member_str(counted, "last", "the last"));
	sf_text_put(m, " | Per second |\n| --- | ---: | ---: | ---: |\n");
	for (const struct sf_json_node *c = list->value.first; c; c = c->next) {
		sf_text_put(m, "|");
		put_cell(m, sf_json_member_str(c, "expr", ""));
		put_number(m, sf_json_member(c, "before"));
		put_number(m, sf_json_member(c, "after"));
		put_number(m, sf_json_member(c, "per_s"));
		sf_text_put(m, "\n");
	}
	sf_text_put(m, "\n");
}

static void put_case(struct sf_text *m, const struct cli_case *c)
{
	if (c->outcome != CLI_FAILURE && c->outcome != CLI_ERROR)
		return;
	sf_text_put(m, "**");
	put_inline(m, c->name);
	sf_text_putf(m, "**: %s\n\n", sf_verdict_name(c->verdict));
	put_block(m, &c->text);
	if (c->out.n)
		sf_text_put(m, "The end of the console:\n\n");
	put_block(m, &c->out);
}

static void put_run(struct sf_text *m, const struct cli_run_report *r, const struct cli_cases *c)
{
	bool bad = c->outcome == CLI_FAILURE || c->outcome == CLI_ERROR;

	if (!bad && !counters_of(r))
		return;
	sf_text_put(m, "### ");
	put_inline(m, c->title);
	sf_text_putf(m, ": %s\n\n", c->verdict);
	for (size_t i = 0; i < c->n; i++)
		put_case(m, &c->v[i]);
	put_counters(m, r);
	if (bad && r->dir) {
		sf_text_put(m, "Kept in ");
		put_inline(m, r->dir);
		sf_text_put(m, "\n\n");
	}
}

/* ---- the page --------------------------------------------------------------------------------------------------- */

static struct sf_error *put_page(struct sf_text *m, const struct cli_run_report *runs, size_t n)
{
	_cleanup_text_ struct sf_text rows = { 0 }, details = { 0 };
	const char *only = "pass";
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_cases_ struct cli_cases c = { 0 };

		SF_TRY(cli_cases_read(&runs[i], n, &c));
		bad += c.outcome == CLI_FAILURE || c.outcome == CLI_ERROR;
		only = c.verdict;
		put_row(&rows, &runs[i], &c);
		put_run(&details, &runs[i], &c);
	}
	if (n == 1)
		sf_text_putf(m, "## stillframe: %s\n\n", only);
	else if (bad)
		sf_text_putf(m, "## stillframe: %zu of %zu runs did not pass\n\n", bad, n);
	else
		sf_text_putf(m, "## stillframe: %zu runs passed\n\n", n);
	sf_text_put(m, "| Run | Kernel | Scheduler | Verdict | Attached | Captures | Time |\n"
		    "| --- | --- | --- | --- | --- | ---: | ---: |\n");
	sf_text_putn(m, rows.v, rows.n);
	sf_text_put(m, "\n");
	sf_text_putn(m, details.v, details.n);
	return m->failed || rows.failed || details.failed ? sf_error_nomem() : NULL;
}

struct sf_error *cli_add_markdown(const char *file, const struct cli_run_report *runs, size_t n)
{
	_cleanup_text_ struct sf_text m = { 0 };
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0 || fstat(fd, &st))
		return sf_error_sys(errno, "%s", file);
	/* A heading begins after an empty line, whatever stands there. */
	if (S_ISREG(st.st_mode) && st.st_size)
		sf_text_put(&m, "\n\n");
	SF_TRY(put_page(&m, runs, n));
	return sf_error_context(sf_write_all(fd, m.v, m.n), "%s", file);
}

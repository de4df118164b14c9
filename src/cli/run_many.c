/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run -k ONE -k OTHER: each kernel is a run of its own, in a directory of its own below that of all. A kernel
 * that cannot be had is a row of the table like any other; only an interruption keeps the rest from being run.
 */

#include <ctype.h>
#include <dirent.h>
#include <libgen.h>

#include "base/json.h"
#include "base/text.h"
#include "pack/pack.h"
#include "request.h"
#include "summary.h"
#include "trial/trial.h"

#define MAX_LABEL 40

struct row {
	const char *kernel; /* as it was named */
	char *label, *dir;
	bool is_run, has_dir, interrupted, attached, is_up; /* is_up: a scheduler could have been attached */
	enum sf_verdict verdict;
	uint64_t attached_ns;
	size_t n_captures;
	char *text;         /* what to know of it */
};

/* ---- where each is kept ------------------------------------------------------------------------------------------- */

/* A series as it is; of an image its release, since most of them are called vmlinuz; else its name. */
static char *label_of(const char *kernel)
{
	_cleanup_free_ char *release = strchr(kernel, '/') ? sf_pack_kernel_release(kernel) : NULL, *copy = strdup(kernel);
	char *label = release ? strndup(release, MAX_LABEL) : copy ? strndup(basename(copy), MAX_LABEL) : NULL;

	for (char *p = label; p && *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".+-_~", *p))
			*p = '_';
	if (label && (label[0] == '.' || label[0] == '-' || !label[0]))
		label[0] = '_';
	return label;
}

static bool is_taken(const struct row *rows, size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].label, label))
			return true;
	return false;
}

static struct sf_error *name_row(struct row *rows, size_t n, const char *kernel, const char *base)
{
	_cleanup_free_ char *plain = label_of(kernel);
	struct row *row = &rows[n];

	*row = (struct row){ .kernel = kernel };
	for (size_t i = 1; plain && !row->label; i++) {
		char *label = i == 1 ? strdup(plain) : sf_asprintf("%s.%zu", plain, i);

		if (!label)
			return sf_error_nomem();
		if (is_taken(rows, n, label))
			free(label);
		else
			row->label = label;
	}
	row->dir = row->label ? sf_asprintf("%s/%s", base, row->label) : NULL;
	return row->dir ? NULL : sf_error_nomem();
}

static struct sf_error *make_base(const struct run_request *r, char **ret)
{
	_cleanup_free_ char *name = cli_run_name(r), *json = NULL;

	if (r->out)
		json = sf_asprintf("%s/run.json", r->out);
	if (!name || (r->out && !json))
		return sf_error_nomem();
	if (json && !access(json, F_OK))
		return sf_error_new(SF_USAGE, "%s holds one run; several kernels need a directory for all of them", r->out);
	struct sf_error *err = sf_run_take_dir(name, r->out, ret);

	return r->out ? sf_error_context(err, "--out") : err;
}

static bool is_something(const struct dirent *e)
{
	return strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
}

/* Better now than after the first of them has run. */
static struct sf_error *check_dirs(const struct run_request *r, const struct row *rows)
{
	struct sf_error *err = NULL;

	for (size_t i = 0; !err && !r->force && i < r->kernels.n; i++) {
		DIR *dir = opendir(rows[i].dir);
		struct dirent *e = dir ? readdir(dir) : NULL;

		while (e && !is_something(e))
			e = readdir(dir);
		if (e)
			err = sf_error_new(SF_USAGE, "%s is not empty; --force writes over earlier runs", rows[i].dir);
		if (dir)
			closedir(dir);
	}
	return err;
}

/* ---- one of them -------------------------------------------------------------------------------------------------- */

/* Of what made the verdict the first, else of what moved the furthest. */
static char *text_of(struct sf_run *run, const struct sf_json_node *json)
{
	enum sf_verdict verdict = sf_run_verdict(run);

	for (size_t i = 0; verdict != SF_PASS && i < sf_run_n_findings(run); i++) {
		const struct sf_finding *f = sf_run_finding(run, i);

		if (f->verdict == verdict && strcmp(f->source, "console"))
			return strndup(f->text, strcspn(f->text, "\n"));
	}
	return json ? cli_first_counter(json) : NULL;
}

static void fill_row(struct row *row, struct sf_run *run)
{
	struct sf_run_info info = { .size = sizeof(info) };
	_cleanup_json_ struct sf_json *json = NULL;

	/* What is wrong with it, who tells of it will say. */
	sf_error_free(cli_read_run(sf_run_dir(run), &json));
	sf_run_info(run, &info);
	row->has_dir = true;
	row->verdict = sf_run_verdict(run);
	row->attached = info.attached;
	row->is_up = info.kernel[0] && strcmp(info.scheduler, "none");
	row->attached_ns = info.attached_ns;
	row->n_captures = sf_run_n_frames(run);
	for (size_t i = 0; i < sf_run_n_findings(run); i++)
		row->interrupted |= sf_run_finding(run, i)->verdict == SF_INTERRUPTED;
	row->text = text_of(run, json ? sf_json_root(json) : NULL);
}

static void run_row(struct run_request *r, struct row *row, size_t i)
{
	_cleanup_free_ char *what = sf_asprintf("kernel %s, %zu of %zu", row->label, i + 1, r->kernels.n);
	SF_OWNED(run) run = NULL;
	struct sf_error *err;

	row->is_run = true;
	r->progress = cli_progress_new();
	cli_progress_say(r->progress, what ? what : row->label);
	err = cli_run_one(r, row->kernel, row->dir, &run);
	cli_progress_end(steal_ptr(&r->progress));
	if (!err) {
		fill_row(row, run);
		return;
	}
	row->verdict = cli_is_cancelled(r) ? SF_INTERRUPTED : cli_verdict_of(err);
	row->text = strdup(sf_error_message(err));
	sf_error_free(err);
}

/* ---- all of them -------------------------------------------------------------------------------------------------- */

static void put_row(FILE *out, const struct row *row, int columns)
{
	char time[CLI_NUMBER] = "never";

	if (!row->is_up)
		strcpy(time, "-");
	else if (row->attached && row->attached_ns)
		cli_put_time(time, row->attached_ns);
	else if (row->attached)
		strcpy(time, "yes");
	fprintf(out, "%-*s ", columns, row->label);
	if (!row->is_run) {
		fprintf(out, "%-14s %9s %9s\n", "not run", "-", "-");
		return;
	}
	cli_put_verdict(out, row->verdict, 14);
	fprintf(out, " %9s %9zu\n", time, row->n_captures);
	if (row->text)
		cli_wrap(out, "    ", 6, row->text);
}

static void put_table(FILE *out, const struct row *rows, size_t n, const char *base)
{
	size_t longest = strlen("KERNEL");

	for (size_t i = 0; i < n; i++)
		longest = sf_max(longest, strlen(rows[i].label));
	fprintf(out, "%-*s %-14s %9s %9s\n", (int)longest, "KERNEL", "VERDICT", "ATTACHED", "CAPTURES");
	for (size_t i = 0; i < n; i++)
		put_row(out, &rows[i], (int)longest);
	cli_wrap(out, "kept in     ", 12, base);
}

static int put_reports(const struct cli_command *c, const struct run_request *r, const struct row *rows, int code)
{
	_cleanup_free_ struct cli_told *told = calloc(r->kernels.n, sizeof(*told));
	size_t n = 0;

	for (size_t i = 0; told && i < r->kernels.n; i++) {
		const char *why = rows[i].text ? rows[i].text : "there is no run";

		if (rows[i].is_run)
			told[n++] = (struct cli_told){
				.dir = rows[i].dir, .why = rows[i].has_dir ? NULL : why, .verdict = rows[i].verdict,
			};
	}
	return told ? cli_put_reports(c, r, told, n, code) : (int)sf_verdict_worse((enum sf_verdict)code, SF_HARNESS_FAILED);
}

static int run_all(const struct cli_command *c, struct run_request *r, struct row *rows, const char *base)
{
	enum sf_verdict code = SF_SKIPPED;
	bool interrupted = false;

	for (size_t i = 0; i < r->kernels.n && !interrupted; i++) {
		run_row(r, &rows[i], i);
		code = sf_verdict_worse(code, rows[i].verdict);
		/* The run may have taken the signal off the descriptor. */
		interrupted = rows[i].interrupted || cli_is_cancelled(r);
	}
	if (interrupted)
		code = sf_verdict_worse(code, SF_INTERRUPTED);
	put_table(r->ktap ? stderr : stdout, rows, r->kernels.n, base);
	fflush(stdout);
	return put_reports(c, r, rows, (int)code);
}

int cli_run_many(const struct cli_command *c, struct run_request *r)
{
	_cleanup_free_ struct row *rows = calloc(r->kernels.n, sizeof(*rows));
	_cleanup_free_ char *base = NULL;
	struct sf_error *err = rows ? make_base(r, &base) : sf_error_nomem();
	int code;

	for (size_t i = 0; !err && i < r->kernels.n; i++)
		err = name_row(rows, i, r->kernels.v[i], base);
	err = err ? err : check_dirs(r, rows);
	code = err ? cli_fail(c->name, err) : run_all(c, r, rows, base);
	for (size_t i = 0; rows && i < r->kernels.n; i++) {
		free(rows[i].label);
		free(rows[i].dir);
		free(rows[i].text);
	}
	return code;
}

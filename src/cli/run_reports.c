/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run --ktap --junit --summary: which runs are told of, and where to.
 */

#include <libgen.h>
#include <sys/stat.h>

#include "base/json.h"
#include "report.h"
#include "request.h"

/* ---- before ------------------------------------------------------------------------------------------------------- */

/* @replaced: of which another file takes the place, so that its directory has to let us; NULL: @file is written to. */
static struct sf_error *check_file(const char *option, const char *file, const char *replaced)
{
	_cleanup_free_ char *copy = strdup(replaced ? replaced : file);
	struct stat st;

	if (!copy)
		return sf_error_nomem();
	bool exists = !stat(file, &st);
	const char *dir = dirname(copy), *what = exists && !replaced ? file : dir;

	if (exists && S_ISDIR(st.st_mode))
		return sf_error_new(SF_USAGE, "%s %s: it is a directory, and a file is to be written", option, file);
	if (access(what, W_OK))
		return sf_error_new(SF_USAGE, "%s %s: %s: %s", option, file, what, strerror(errno));
	if (what == dir && stat(dir, &st))
		return sf_error_new(SF_USAGE, "%s %s: %s: %s", option, file, dir, strerror(errno));
	if (what == dir && !S_ISDIR(st.st_mode))
		return sf_error_new(SF_USAGE, "%s %s: %s is no directory", option, file, dir);
	return NULL;
}

struct sf_error *cli_check_reports(const struct run_request *r)
{
	_cleanup_free_ char *replaced = r->junit ? cli_junit_replaces(r->junit) : NULL;

	if (r->junit)
		SF_TRY(check_file("--junit", r->junit, replaced));
	if (r->summary)
		SF_TRY(check_file("--summary", r->summary, NULL));
	return NULL;
}

/* ---- after -------------------------------------------------------------------------------------------------------- */

static int worse(int a, int b)
{
	return (int)sf_verdict_worse((enum sf_verdict)a, (enum sf_verdict)b);
}

/* The words are worth more than their file: whatever hinders it, the run is over and its verdict stands beside. */
static int failed(const struct cli_command *c, struct sf_error *err, int code)
{
	if (!err)
		return code;
	fprintf(stderr, "stillframe %s: %s\n", c->name, sf_error_message(err));
	sf_error_free(err);
	return worse(code, SF_HARNESS_FAILED);
}

static int put_all(const struct cli_command *c, const struct run_request *r, const struct cli_run_report *reports, size_t n,
		   int code)
{
	if (r->ktap) {
		cli_put_ktap(stdout, reports, n);
		code = worse(code, cli_flush(c->name, SF_PASS));
	}
	if (r->junit)
		code = failed(c, sf_error_context(cli_write_junit(r->junit, reports, n), "--junit %s", r->junit), code);
	if (r->summary)
		code = failed(c, sf_error_context(cli_add_markdown(r->summary, reports, n), "--summary %s", r->summary), code);
	return code;
}

/* What a run.json would say of a run that has none: without it a report of the others would be all green. */
static struct sf_error *stand_in(const struct cli_told *told, const char *why, struct sf_json **ret)
{
	struct sf_json_buffer buf = { 0 };
	struct sf_json_writer w;
	struct sf_error *err;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buf, true);
	sf_json_begin_object(&w);
	sf_json_put_bool(&w, "complete", true);
	sf_json_put_str(&w, "verdict", sf_verdict_name(told->verdict));
	sf_json_put_str(&w, "kernel_path", told->dir);
	sf_json_key(&w, "findings");
	sf_json_begin_array(&w);
	sf_json_begin_object(&w);
	sf_json_put_str(&w, "verdict", sf_verdict_name(told->verdict));
	sf_json_put_str(&w, "source", "harness");
	sf_json_put_str(&w, "text", why);
	sf_json_end_object(&w);
	sf_json_end_array(&w);
	sf_json_end_object(&w);
	err = sf_json_writer_finish(&w) ? sf_json_read(buf.text, buf.len, ret) : sf_error_nomem();
	free(buf.text);
	return err;
}

static struct sf_error *read_told(const struct cli_command *c, const struct cli_told *told, struct sf_json **ret, int *code)
{
	struct cli_told lost = { .dir = told->dir, .verdict = SF_HARNESS_FAILED };

	if (told->why)
		return stand_in(told, told->why, ret);
	SF_OWNED(error) err = cli_read_run(told->dir, ret);

	if (!err)
		return NULL;
	fprintf(stderr, "stillframe %s: %s\n", c->name, sf_error_message(err));
	*code = worse(*code, SF_HARNESS_FAILED);
	return stand_in(&lost, sf_error_message(err), ret);
}

int cli_put_reports(const struct cli_command *c, const struct run_request *r, const struct cli_told *told, size_t n, int code)
{
	_cleanup_free_ struct cli_run_report *reports = NULL;
	_cleanup_free_ struct sf_json **json = NULL;
	struct sf_error *err = NULL;

	if (!r->ktap && !r->junit && !r->summary)
		return code;
	reports = calloc(n + 1, sizeof(*reports));
	json = calloc(n + 1, sizeof(struct sf_json *));
	if (!reports || !json)
		return failed(c, sf_error_nomem(), code);
	for (size_t i = 0; !err && i < n; i++) {
		err = read_told(c, &told[i], &json[i], &code);
		if (!err)
			reports[i] = (struct cli_run_report){
				.dir = told[i].why ? NULL : told[i].dir, .run = sf_json_root(json[i]),
			};
	}
	code = err ? failed(c, err, code) : put_all(c, r, reports, n, code);
	for (size_t i = 0; i < n; i++)
		sf_json_unref(json[i]);
	return code;
}

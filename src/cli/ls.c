/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe ls: what a run directory holds. run.json says it; of a run that did not get to its end the frames
 * themselves are asked.
 */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "report_cases.h"
#include "summary.h"

#define MAX_RUN_JSON ((size_t)256 << 20)
#define SCHEMA "stillframe-run-1"
#define NAME_COLUMNS 24

struct row {
	const char *name, *file, *cause, *reason;
	bool has_time, is_placeholder, is_there;
	uint64_t guest_ns, pause_ns, pages, bytes;
};

static void put_head(FILE *out, int name_columns)
{
	fprintf(out, "  %-*s %9s %9s %8s %9s  %s\n", name_columns, "NAME", "AT", "PAUSE", "PAGES", "SIZE", "FILE");
}

static void put_row(FILE *out, const struct row *r, int name_columns)
{
	_cleanup_free_ char *name = cli_clean(r->name, NAME_COLUMNS), *file = cli_clean(r->file, 80);
	char at[CLI_NUMBER] = "-", pause[CLI_NUMBER] = "-", size[CLI_NUMBER] = "-";

	if (r->has_time)
		cli_put_time(at, r->guest_ns);
	if (r->pause_ns)
		cli_put_time(pause, r->pause_ns);
	if (r->bytes)
		cli_put_size(size, r->bytes);
	fprintf(out, "  %-*s %9s %9s %8" PRIu64 " %9s  %s\n", name_columns, name ? name : "", at, pause, r->pages, size,
		!r->file[0] ? "not written" : r->is_there ? file ? file : "" : "missing");
	if (r->is_placeholder)
		cli_wrap(out, "    no data: ", 6, r->reason[0] ? r->reason : "nobody said why");
	else if (r->reason[0])
		cli_wrap(out, "    ", 6, r->reason);
	else if (strcmp(r->cause, "on-demand"))
		cli_wrap(out, "    ", 6, r->cause);
}

static bool is_in(const char *dir, const char *file, uint64_t *ret_bytes)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, file);
	struct stat st;

	if (!path || strchr(file, '/') || stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	*ret_bytes = (uint64_t)st.st_size;
	return true;
}

static int name_columns(size_t longest)
{
	return (int)sf_min(sf_max(longest, (size_t)8), (size_t)NAME_COLUMNS);
}

void cli_put_captures(FILE *out, const char *dir, const struct sf_json_node *run)
{
	const struct sf_json_node *captures = sf_json_member(run, "captures"), *c;
	size_t longest = 0;

	if (!captures || captures->type != SF_JSON_ARRAY || !captures->n)
		return;
	for (c = captures->value.first; c; c = c->next)
		longest = sf_max(longest, strlen(sf_json_member_str(c, "name", "")));
	put_head(out, name_columns(longest));
	for (c = captures->value.first; c; c = c->next) {
		struct row r = {
			.name = sf_json_member_str(c, "name", ""),
			.file = sf_json_member_str(c, "file", ""),
			.cause = sf_json_member_str(c, "cause", ""),
			.reason = sf_json_member_str(c, "reason", ""),
			.is_placeholder = sf_json_member_bool(c, "is_placeholder", false),
			.has_time = sf_json_member(c, "guest_ns"),
			.guest_ns = sf_json_member_u64(c, "guest_ns", 0),
			.pause_ns = sf_json_member_u64(c, "pause_ns", 0),
			.pages = sf_json_member_u64(c, "pages", 0),
		};

		r.is_there = r.file[0] && is_in(dir, r.file, &r.bytes);
		put_row(out, &r, name_columns(longest));
	}
}

/* ---- a run that has no end ------------------------------------------------------------------------------------------- */

static bool is_frame(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 6 && !strcmp(e->d_name + n - 6, ".frame");
}

static int frames_only(const struct dirent *e)
{
	return is_frame(e);
}

static void put_frame(FILE *out, const char *dir, const char *file)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, file);
	struct sf_frame_info info = { .size = sizeof(info) };
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(error) err = path ? sf_frame_open(path, &frame) : sf_error_nomem();

	if (err) {
		_cleanup_free_ char *clean = cli_clean(file, 64), *lead = sf_asprintf("  %s: ", clean ? clean : "");

		cli_wrap(out, lead ? lead : "", 6, sf_error_message(err));
		return;
	}
	sf_frame_info(frame, &info);
	struct row r = {
		.name = info.tag, .file = file, .cause = info.cause, .reason = info.reason,
		.has_time = info.has_guest_ns, .guest_ns = info.guest_ns, .pause_ns = info.pause_ns,
		.pages = info.n_pages, .is_placeholder = info.is_placeholder,
	};

	r.is_there = is_in(dir, file, &r.bytes);
	put_row(out, &r, NAME_COLUMNS);
}

static void put_found_frames(FILE *out, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, frames_only, alphasort);

	if (n <= 0) {
		if (!n)
			free(list);
		fprintf(out, "  no frames\n");
		return;
	}
	put_head(out, NAME_COLUMNS);
	for (int i = 0; i < n; i++) {
		put_frame(out, dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

/* A run holds a lock on its directory as long as it goes on. */
static bool is_going_on(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

/* ---- the command -------------------------------------------------------------------------------------------------------- */

struct sf_error *cli_read_run(const char *dir, struct sf_json **ret)
{
	_cleanup_free_ char *path = sf_asprintf("%s/run.json", dir), *text = NULL;
	_cleanup_json_ struct sf_json *json = NULL;
	struct stat st;
	size_t len;

	if (!path)
		return sf_error_nomem();
	if (stat(dir, &st))
		return sf_error_sys(errno, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return sf_error_new(SF_USAGE, "%s is no directory; ls takes one that a run left", dir);
	if (access(path, F_OK))
		return sf_error_new(SF_USAGE, "%s is not the directory of a run: it has no run.json", dir);
	SF_TRY(sf_file_get(path, MAX_RUN_JSON, &text, &len));
	SF_TRY(sf_error_context(sf_json_read(text, len, &json), "%s", path));
	const char *schema = sf_json_member_str(sf_json_root(json), "schema", "");

	if (strcmp(schema, SCHEMA)) {
		_cleanup_free_ char *clean = cli_clean(schema, 40);

		return sf_error_new(SF_BAD_INPUT, "%s has the schema \"%s\"; this program reads " SCHEMA, path,
				    clean ? clean : "");
	}
	*ret = steal_ptr(&json);
	return NULL;
}

static void put_field(FILE *out, const char *lead, const struct sf_json_node *run, const char *key)
{
	const char *text = sf_json_member_str(run, key, "");
	_cleanup_free_ char *all = text[0] ? sf_asprintf("%-12s", lead) : NULL;

	if (all)
		cli_wrap(out, all, 12, text);
}

static void put_findings(FILE *out, const struct sf_json_node *run)
{
	enum sf_verdict all = cli_verdict_named(sf_json_member_str(run, "verdict", ""));
	const struct sf_json_node *findings = sf_json_member(run, "findings");

	if (!findings || findings->type != SF_JSON_ARRAY)
		return;
	for (const struct sf_json_node *f = findings->value.first; f; f = f->next) {
		const char *text = sf_json_member_str(f, "text", "");
		_cleanup_free_ char *verdict = cli_clean(sf_json_member_str(f, "verdict", ""), 40);
		_cleanup_free_ char *lead = sf_asprintf("%-11s ", verdict ? verdict : "");
		_cleanup_free_ char *first = strndup(text, strcspn(text, "\n"));

		if (strcmp(sf_json_member_str(f, "source", ""), "console") && cli_is_told(f, all))
			cli_wrap(out, lead ? lead : "", 12, first ? first : "");
	}
}

void cli_put_run(FILE *out, const char *dir, const struct sf_json_node *run)
{
	const struct sf_json_node *captures = sf_json_member(run, "captures");
	bool complete = sf_json_member_bool(run, "complete", false);

	if (complete)
		put_field(out, "verdict", run, "verdict");
	else
		cli_wrap(out, "not complete: ", 12, is_going_on(dir) ? "the run is going on" :
			 "the run was cut off before its verdict; these are the frames that it left");
	put_findings(out, run);
	put_field(out, "kernel", run, "kernel");
	put_field(out, "scheduler", run, "ops");
	put_field(out, "accel", run, "accel");
	if (!complete)
		put_found_frames(out, dir);
	else if (!captures || !captures->n)
		fprintf(out, "no captures\n");
	else
		cli_put_captures(out, dir, run);
}

/* ---- several kernels ---------------------------------------------------------------------------------------------------- */

static bool has_run(const char *dir)
{
	_cleanup_free_ char *path = sf_asprintf("%s/run.json", dir);

	return path && !access(path, F_OK);
}

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool put_one_of(FILE *out, const char *dir, const char *name, bool first)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, name);
	_cleanup_json_ struct sf_json *json = NULL;

	if (!path || !has_run(path))
		return false;
	SF_OWNED(error) err = cli_read_run(path, &json);

	fputs(first ? "" : "\n", out);
	cli_wrap(out, "run         ", 12, path);
	if (err)
		cli_wrap(out, "            ", 12, sf_error_message(err));
	else
		cli_put_run(out, path, sf_json_root(json));
	return true;
}

/* The directory of a run with several kernels has one run for each. false: it is none. */
static bool put_runs(FILE *out, const char *dir)
{
	struct dirent **list;
	bool any = false;
	int n = has_run(dir) ? -1 : scandir(dir, &list, no_dots, versionsort);

	if (n < 0)
		return false;
	for (int i = 0; i < n; i++) {
		any |= put_one_of(out, dir, list[i]->d_name, !any);
		free(list[i]);
	}
	free(list);
	return any;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	_cleanup_json_ struct sf_json *json = NULL;
	struct cli_words words = { 0 };
	struct sf_error *err;
	int code;

	if (!cli_parse(c, argc, argv, NULL, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;

	if (words.n != 1 || words.rest)
		return cli_usage(c, "which run? One directory that a run left, such as stillframe.out/my-1");
	if (put_runs(stdout, v[0]))
		return cli_flush(c->name, SF_PASS);
	err = cli_read_run(v[0], &json);
	if (err)
		return cli_fail(c->name, err);
	cli_put_run(stdout, v[0], sf_json_root(json));
	return cli_flush(c->name, SF_PASS);
}

const struct cli_command cli_ls = {
	.name = "ls",
	.operands = "RUN",
	.summary = "the captures of a run: times, pauses, sizes, reasons",
	.details = "RUN is a directory that `stillframe run` left; of several kernels, all of them\n"
		   "are listed.\n",
	.run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe kernel: which kernels there are to boot. A script does the fetching, in the open: what it prints is what
 * people see.
 */

#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/json.h"
#include "cli.h"
#include "pack/child.h"
#include "pack/pack.h"

#define DEFAULT_SERIES "6.18"
#define SCHEMA "stillframe-kernels-1"
/* A network that does not answer is noticed by apt after about a minute. */
#define ASK_NS UINT64_C(120000000000)

extern char **environ;

struct kernel_request {
	bool refresh, offline, json;
};

static struct sf_error *set_refresh(void *arg, const char *value)
{
	(void)value;
	((struct kernel_request *)arg)->refresh = true;
	return NULL;
}

static struct sf_error *set_offline(void *arg, const char *value)
{
	(void)value;
	((struct kernel_request *)arg)->offline = true;
	return NULL;
}

static struct sf_error *set_json(void *arg, const char *value)
{
	(void)value;
	((struct kernel_request *)arg)->json = true;
	return NULL;
}

static const struct cli_option options[] = {
	{ "json", 'j', NULL, "of `list`: as JSON", set_json },
	{ "offline", 0, NULL, "of `list`: ask nobody what else there is", set_offline },
	{ "refresh", 0, NULL, "of `get`: look for a newer one than the cached", set_refresh },
};

/* ---- get ---------------------------------------------------------------------------------------------------------- */

/* A Ctrl-C goes to the script, too, and we wait for what it makes of it. SIGTERM reaches us alone: it is passed on. */
static pid_t script;

static void pass_on(int sig)
{
	if (script > 0)
		kill(script, sig);
}

static struct sf_error *start_script(char **argv)
{
	posix_spawnattr_t attr;
	sigset_t all;
	int err;

	sigfillset(&all);
	if (posix_spawnattr_init(&attr))
		return sf_error_nomem();
	err = posix_spawnattr_setsigdefault(&attr, &all);
	err = err ? err : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	err = err ? err : posix_spawn(&script, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return err ? sf_error_new(SF_USAGE, "cannot execute %s: %s", argv[0], strerror(err)) : NULL;
}

static int run_script(const struct cli_command *c, const char *series, bool refresh)
{
	struct sigaction action = { .sa_handler = pass_on };
	_cleanup_free_ char *path = NULL;
	struct sf_error *err = sf_pack_tool("kernel-get", &path);
	char *argv[] = { path, (char *)series, refresh ? (char *)"--refresh" : NULL, NULL };
	int status;

	signal(SIGINT, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (!err)
		err = start_script(argv);
	if (err)
		return cli_fail(c->name, err);
	while (waitpid(script, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return SF_INTERRUPTED;
	switch (WEXITSTATUS(status)) {
	case 0:
		return SF_PASS;
	case SF_BAD_USAGE:
		return SF_BAD_USAGE;
	case SF_INTERRUPTED:
		return SF_INTERRUPTED;
	default:
		return SF_HARNESS_FAILED;
	}
}

/* ---- path --------------------------------------------------------------------------------------------------------- */

static int print_path(const struct cli_command *c, const char *kernel)
{
	struct sf_pack_fetch cached = { .offline = true };
	_cleanup_free_ char *path = NULL;
	struct sf_error *err = sf_pack_kernel(kernel, &cached, &path);

	if (err)
		return cli_fail(c->name, err);
	puts(path);
	SF_OWNED(error) unable = sf_pack_kernel_able(path, true);

	if (unable)
		fprintf(stderr, "stillframe %s: note: %s\n", c->name, sf_error_message(unable));
	return cli_flush(c->name, SF_PASS);
}

/* ---- list --------------------------------------------------------------------------------------------------------- */

struct row {
	char *release;
	char *path;              /* NULL: to be fetched */
	bool is_host, is_running, is_readable, is_newest, is_default;
	uint64_t bytes;          /* of the image, or to download */
	enum sf_pack_known sched_ext;
};

struct rows {
	struct row *v;
	size_t n, cap;
};

static void rows_clear(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->v[i].release);
		free(rows->v[i].path);
	}
	free(rows->v);
}

static struct sf_error *add_row(struct rows *rows, const struct row *row)
{
	struct row copy = *row;
	struct row *slot;

	copy.release = strdup(row->release);
	copy.path = row->path ? strdup(row->path) : NULL;
	slot = copy.release && (copy.path || !row->path) ? sf_vec_push(rows) : NULL;
	if (!slot) {
		free(copy.release);
		free(copy.path);
		return sf_error_nomem();
	}
	*slot = copy;
	return NULL;
}

/* "6.18" of "6.18.15+deb13-cloud-amd64". */
static size_t series_len(const char *release)
{
	size_t n = strspn(release, "0123456789");

	return release[n] == '.' ? n + 1 + strspn(release + n + 1, "0123456789") : n;
}

static bool is_of_series(const char *a, const char *b)
{
	return series_len(a) == series_len(b) && !strncmp(a, b, series_len(a));
}

static struct sf_error *add_present(struct rows *rows)
{
	_cleanup_(sf_kernel_files_clear) struct sf_kernel_files files = { 0 };

	SF_TRY(sf_pack_kernels(&files));
	for (size_t i = 0; i < files.n; i++) {
		const struct sf_kernel_file *f = &files.v[i];

		SF_TRY(add_row(rows, &(struct row){
			.release = f->release, .path = f->path, .is_host = f->is_host, .is_running = f->is_running,
			.is_readable = f->is_readable, .bytes = f->size, .sched_ext = f->sched_ext,
		}));
	}
	return NULL;
}

/* Of a series that is cached only what is newer is of interest. */
static bool is_offer(const struct rows *rows, const char *release)
{
	for (size_t i = 0; i < rows->n; i++)
		if (!rows->v[i].is_host && is_of_series(rows->v[i].release, release) &&
		    sf_pack_kernel_compare(rows->v[i].release, release) >= 0)
			return false;
	return true;
}

/* "RELEASE SUITE BYTES" in each line. */
static struct sf_error *add_offers(struct rows *rows, char *text)
{
	char *save = NULL, release[256];
	uint64_t bytes;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%255s %*s %" SCNu64, release, &bytes) == 2 && is_offer(rows, release))
			SF_TRY(add_row(rows, &(struct row){ .release = release, .is_readable = true, .bytes = bytes }));
	return NULL;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool is_interrupted(void *arg)
{
	(void)arg;
	return interrupted;
}

/* What the archive has; @ret_note is what hindered it, if anything did. */
static struct sf_error *ask_archive(struct rows *rows, char **ret_note)
{
	_cleanup_said_ struct sf_child_said said = { 0 };
	_cleanup_free_ char *path = NULL;

	SF_TRY(sf_pack_tool("kernel-get", &path));
	char *argv[] = { path, (char *)"--offers", NULL };
	struct sf_child child = { .path = path, .argv = argv, .timeout_ns = ASK_NS, .stop = is_interrupted };

	SF_TRY(sf_child_ask(&child, &said));
	/* Its complaints, without what else it said. */
	static const char self[] = "stillframe: ";
	size_t n = strlen(said.err);

	while (n && said.err[n - 1] == '\n')
		said.err[--n] = '\0';
	const char *last = strrchr(said.err, '\n') ? strrchr(said.err, '\n') + 1 : said.err;

	last += !strncmp(last, self, strlen(self)) ? strlen(self) : 0;
	if (said.late)
		*ret_note = strdup("the archive did not answer in time");
	else if (last[0] && strncmp(last, "fetching ", 9))
		*ret_note = cli_clean(last, 1000);
	return add_offers(rows, said.out);
}

static int by_age(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = (int)x->is_host - (int)y->is_host;

	return order ? order : sf_pack_kernel_compare(y->release, x->release);
}

/* What `newest`, and no --kernel at all, mean now. */
static void mark(struct rows *rows)
{
	struct sf_pack_fetch cached = { .offline = true };
	_cleanup_free_ char *newest = NULL, *other = NULL;

	/* What cannot be had is marked nowhere. */
	sf_error_free(sf_pack_kernel("newest", &cached, &newest));
	sf_error_free(sf_pack_kernel(NULL, &cached, &other));
	for (size_t i = 0; i < rows->n; i++) {
		struct row *r = &rows->v[i];

		r->is_newest = newest ? r->path && !strcmp(r->path, newest) : !i && !r->is_host;
		r->is_default = other && r->path && !strcmp(r->path, other);
	}
}

static const char *note_of(const struct row *r, const struct rows *rows)
{
	if (!r->is_readable)
		return "only root may read it";
	if (r->is_newest)
		return r->is_default ? "newest; the default" : "newest";
	if (r->is_default)
		return "the default";
	if (r->is_running)
		return "\"host\"";
	for (size_t i = 0; i < rows->n && !r->path; i++)
		if (rows->v[i].path && !rows->v[i].is_host && is_of_series(rows->v[i].release, r->release))
			return "get --refresh";
	return "";
}

static void put_table(FILE *out, const struct rows *rows)
{
	static const char *const known[] = { "?", "no", "yes" };

	fprintf(out, "%-7s %-28s %-8s %9s  %-9s\n", "SERIES", "RELEASE", "WHERE", "SIZE", "SCHED_EXT");
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];
		_cleanup_free_ char *release = cli_clean(r->release, 60);
		const char *note = note_of(r, rows);
		char size[CLI_NUMBER];

		fprintf(out, "%-7.*s %-28s %-8s %9s  %s%s%s\n", (int)series_len(r->release), r->release,
			release ? release : "", r->is_host ? "host" : r->path ? "cached" : "to fetch",
			cli_put_size(size, r->bytes), known[r->sched_ext], note[0] ? "  " : "", note);
	}
}

static void put_json(FILE *out, const struct rows *rows, const char *note, bool offline)
{
	struct sf_json_buffer buffer = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buffer, true);
	sf_json_begin_object(&w);
	sf_json_put_str(&w, "schema", SCHEMA);
	sf_json_put_bool(&w, "offline", offline);
	if (note)
		sf_json_put_str(&w, "note", note);
	sf_json_key(&w, "kernels");
	sf_json_begin_array(&w);
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];

		sf_json_begin_object(&w);
		sf_json_put_str(&w, "release", r->release);
		sf_json_key(&w, "series");
		sf_json_strn(&w, r->release, series_len(r->release));
		sf_json_put_str(&w, "where", r->is_host ? "host" : r->path ? "cache" : "archive");
		if (r->path)
			sf_json_put_str(&w, "path", r->path);
		sf_json_put_u64(&w, "bytes", r->bytes);
		if (r->sched_ext)
			sf_json_put_bool(&w, "sched_ext", r->sched_ext == SF_PACK_YES);
		sf_json_put_bool(&w, "newest", r->is_newest);
		sf_json_put_bool(&w, "default", r->is_default);
		sf_json_put_bool(&w, "running", r->is_running);
		sf_json_put_bool(&w, "readable", r->is_readable);
		sf_json_end_object(&w);
	}
	sf_json_end_array(&w);
	sf_json_end_object(&w);
	if (sf_json_writer_finish(&w))
		fprintf(out, "%s\n", buffer.text);
	free(buffer.text);
}

static int list(const struct cli_command *c, const struct kernel_request *r)
{
	_cleanup_(rows_clear) struct rows rows = { 0 };
	struct sigaction action = { .sa_handler = on_interrupt };
	_cleanup_free_ char *note = NULL;
	struct sf_error *err = add_present(&rows);

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!err && !r->offline)
		err = ask_archive(&rows, &note);
	if (interrupted) {
		sf_error_free(err);
		return SF_INTERRUPTED;
	}
	if (err)
		return cli_fail(c->name, err);
	if (rows.n)
		qsort(rows.v, rows.n, sizeof(*rows.v), by_age);
	mark(&rows);
	if (r->json)
		put_json(stdout, &rows, note, r->offline);
	else if (rows.n)
		put_table(stdout, &rows);
	fflush(stdout);
	if (note && !r->json)
		cli_wrap(stderr, "stillframe kernel: ", 2, note);
	if (!rows.n && !r->json)
		fprintf(stderr, "stillframe kernel: there is no kernel here%s; stillframe kernel get fetches one\n",
			r->offline ? "" : ", and none to fetch");
	return cli_flush(c->name, SF_PASS);
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct kernel_request r = { 0 };
	struct cli_words words = { 0 };
	int code;

	if (!cli_parse(c, argc, argv, &r, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;
	const char *what = words.n ? v[0] : "", *kernel = words.n > 1 ? v[1] : NULL;
	bool is_get = !strcmp(what, "get"), is_list = !strcmp(what, "list");

	if (words.n > 2 || words.rest)
		return cli_usage(c, "one kernel at a time");
	if (r.refresh && !is_get)
		return cli_usage(c, "--refresh is for get");
	if ((r.json || r.offline) && !is_list)
		return cli_usage(c, "--%s is for list", r.json ? "json" : "offline");
	/* What is here already is not fetched. */
	if (is_get && kernel && (strchr(kernel, '/') || !strcmp(kernel, "host")))
		return print_path(c, kernel);
	if (is_get)
		return run_script(c, kernel ? kernel : DEFAULT_SERIES, r.refresh);
	if (!strcmp(what, "path"))
		return print_path(c, kernel);
	if (is_list && !kernel)
		return list(c, &r);
	return cli_usage(c, what[0] ? "there is list, get [KERNEL] and path [KERNEL]" :
				      "what about kernels? There is list, get [KERNEL] and path [KERNEL]");
}

const struct cli_command cli_kernel = {
	.name = "kernel",
	.operands = "list | get [KERNEL] | path [KERNEL]",
	.summary = "kernels to boot: what there is, fetch one, where one is",
	.details = "KERNEL is a series of Debian's such as 6.18, a full release, newest, host (the\n"
		   "kernel that runs this machine), or the path of a bzImage or vmlinux. `get` takes\n"
		   DEFAULT_SERIES " without one, and `path` the newest that is cached and can run a scheduler.\n"
		   "Both print the path of the image; `path` never downloads anything.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run,
};

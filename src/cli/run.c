/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run: one kernel, one scheduler, one workload, and the frames that were asked for.
 */

#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/json.h"
#include "pack/pack.h"
#include "request.h"
#include "summary.h"
#include "vm/vm.h"

#define DEFAULT_MEMORY (UINT64_C(1) << 30)
#define DEFAULT_DURATION UINT64_C(2000000000)

/* ---- checks that need no guest ------------------------------------------------------------------------------------- */

static struct sf_error *check_scheduler(const struct run_request *r)
{
	bool has_args = r->args && r->args[0];
	_cleanup_free_ char *path = NULL;
	enum sf_pack_kind kind;

	SF_TRY(sf_error_context(sf_pack_scheduler(r->scheduler, &kind, &path), "--scheduler"));
	if (kind != SF_PACK_PROGRAM && (has_args || r->env.n || r->files.n))
		return sf_error_new(SF_USAGE, "%s for the scheduler, but %s: only a program takes any",
				    has_args ? "arguments" : r->env.n ? "--env" : "--file",
				    kind == SF_PACK_NONE ? "there is none" : "it is a BPF object");
	return NULL;
}

static struct sf_error *check_captures(const struct run_request *r)
{
	char at[CLI_NUMBER], end[CLI_NUMBER];

	for (size_t i = 0; i < r->captures.n; i++)
		if (!cli_has_steps(r) && r->captures.v[i].at_ns > r->duration)
			return sf_error_new(SF_USAGE, "--capture %s@%s is after the end of the run (--for %s)",
					    r->captures.v[i].name, cli_put_time(at, r->captures.v[i].at_ns),
					    cli_put_time(end, r->duration));
	if (r->no_captures && r->expects.n && !cli_has_steps(r))
		return sf_error_new(SF_USAGE, "--expect and --capture none: there is no capture to ask");
	return NULL;
}

static struct sf_error *check(struct run_request *r)
{
	SF_TRY(check_captures(r));
	SF_TRY(sf_vm_topology_check(&r->topology, r->memory));
	if (cli_has_steps(r))
		SF_TRY(cli_check_steps(r));
	SF_TRY(check_scheduler(r));
	return cli_check_reports(r);
}

/* ---- defaults ------------------------------------------------------------------------------------------------------ */

static struct sf_error *add_capture(struct run_request *r, const char *name, uint64_t at_ns)
{
	struct sf_capture_at *c = sf_vec_push(&r->captures);

	if (!c)
		return sf_error_nomem();
	*c = (struct sf_capture_at){ .name = strdup(name), .at_ns = at_ns };
	return c->name ? NULL : sf_error_nomem();
}

/* Two, so that what moved between them can be told. A capture at the end is taken before anything is stopped. */
static struct sf_error *take_defaults(struct run_request *r)
{
	r->memory = r->memory ? r->memory : DEFAULT_MEMORY;
	r->duration = r->duration ? r->duration : DEFAULT_DURATION;
	if (cli_has_steps(r) || r->captures.n || r->no_captures)
		return NULL;
	SF_TRY(add_capture(r, "mid", r->duration / 2));
	return add_capture(r, "end", r->duration);
}

static struct sf_error *end_lists(struct run_request *r)
{
	const char **env = sf_vec_push(&r->env), **files = env ? sf_vec_push(&r->files) : NULL;

	if (!files)
		return sf_error_nomem();
	*env = *files = NULL;
	return NULL;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static void say_fetching(void *arg, const char *series)
{
	_cleanup_free_ char *text = sf_asprintf("fetching kernel %s", series);

	cli_progress_say(((struct run_request *)arg)->progress, text ? text : "fetching a kernel");
}

bool cli_is_cancelled(void *arg)
{
	struct pollfd fd = { .fd = ((struct run_request *)arg)->cancel_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* From here on an interruption is an event of the run: it ends in order. Children start with nothing blocked. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Whoever reads our messages may go; the frames are still to be written. */
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The run's directory is called after the scheduler: "sf_example.bpf.o" makes "sf_example". */
static char *name_of(const char *scheduler)
{
	_cleanup_free_ char *copy = strdup(scheduler);
	char *name = copy ? basename(copy) : NULL;

	if (!name)
		return NULL;
	if (strchr(name + 1, '.'))
		*strchr(name + 1, '.') = '\0';
	for (char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			*p = '_';
	return strdup(name[0] && strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "/") ? name : "run");
}

char *cli_run_name(const struct run_request *r)
{
	if (r->scenario && r->scenario->name)
		return strdup(r->scenario->name);
	return name_of(r->scenario ? r->scenario->file : r->scheduler);
}

struct sf_error *cli_run_one(struct run_request *r, const char *kernel, const char *out, struct sf_run **ret)
{
	_cleanup_free_ char *name = cli_run_name(r);
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = name,
		.kernel = kernel,
		.scheduler = r->scheduler,
		.args = r->args,
		.files = r->files.v,
		.scenario = r->scenario,
		.env = r->env.v,
		.accel = r->accel,
		.topology = r->topology,
		.memory = r->memory,
		.duration_ns = r->duration,
		.deadline_ns = r->deadline,
		.attach_ns = r->attach,
		.captures = r->captures.v,
		.n_captures = r->captures.n,
		.expects = r->expects.v,
		.n_expects = r->expects.n,
		.capture_max_pages = r->keep.pages,
		.capture_max_map_bytes = r->keep.map,
		.capture_pointer_hops = r->keep.hops,
		.capture_max_pointee_bytes = r->keep.pointees,
		.out = out,
		.force = r->force,
		.log = { .fn = cli_progress_log, .arg = r->progress,
			 .level = r->verbose ? SF_LOG_DEBUG : SF_LOG_WARN },
		.progress = cli_progress_say,
		.progress_arg = r->progress,
		.cancel_fd = r->cancel_fd,
	};

	bool is_new = out && access(out, F_OK);
	struct sf_error *err = name ? sf_run_execute(&opt, ret) : sf_error_nomem();

	/* Nothing could be written into it. */
	if (err && is_new)
		rmdir(out);
	/* All else was looked at before: it is the directory. */
	if (r->out)
		return sf_error_context(err, "--out");
	return sf_error_code(err) == SF_SYSTEM ? sf_error_context(err, "no place for the run (--out names another)") : err;
}

/* Of a run that did not get as far as a guest, or of which not even that could be written. */
static void put_findings(const struct cli_command *c, const struct sf_run *run)
{
	for (size_t i = 0; i < sf_run_n_findings(run); i++) {
		const struct sf_finding *f = sf_run_finding(run, i);

		if (strcmp(f->source, "capture"))
			cli_complain(c->name, f->text);
	}
}

/* Returns the exit code. */
static int sum_up(const struct cli_command *c, const struct run_request *r, struct sf_run *run)
{
	struct cli_run_report report = { .dir = sf_run_dir(run) };
	_cleanup_json_ struct sf_json *json = NULL;
	struct sf_error *err = cli_read_run(report.dir, &json);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (err) {
		cli_fail(c->name, err);
		return (int)sf_verdict_worse(sf_run_verdict(run), SF_HARNESS_FAILED);
	}
	report.run = sf_json_root(json);
	if (cli_was_started(report.run) && sf_json_member_bool(report.run, "complete", false))
		cli_summary(r->ktap ? stderr : stdout, &report, cpus > 0 ? (unsigned long)cpus : 0);
	else
		put_findings(c, run);
	/* A summary that nobody reads changes no verdict. */
	fflush(stdout);
	return (int)sf_run_verdict(run);
}

static int run_single(const struct cli_command *c, struct run_request *r)
{
	const char *named = r->kernels.n ? r->kernels.v[0] : NULL;
	struct sf_pack_fetch fetch = { .fetching = say_fetching, .stop = cli_is_cancelled, .arg = r };
	_cleanup_free_ char *kernel = NULL;
	SF_OWNED(run) run = NULL;
	struct sf_error *err;

	r->progress = cli_progress_new();
	/* Before there is a directory for a run that cannot be. */
	err = sf_pack_kernel(named, &fetch, &kernel);
	err = named ? sf_error_context(err, "--kernel") : err;
	if (!err)
		err = cli_run_one(r, kernel, r->out, &run);
	cli_progress_end(steal_ptr(&r->progress));
	if (err && cli_is_cancelled(r)) {
		sf_error_free(err);
		fprintf(stderr, "stillframe run: interrupted\n");
		return SF_INTERRUPTED;
	}
	if (err)
		return cli_fail(c->name, err);
	const struct cli_told told = { .dir = sf_run_dir(run) };
	int code = sum_up(c, r, run);

	return cli_put_reports(c, r, &told, 1, code);
}

static int run_checked(const struct cli_command *c, struct run_request *r, const struct cli_words *words)
{
	struct sf_error *err;

	if (words->n > 1) {
		_cleanup_free_ char *clean = cli_clean(words->v[1], 80);

		return cli_usage(c, "\"%s\" is one scenario too many; arguments of the scheduler stand after --",
				 clean ? clean : "");
	}
	r->args = words->rest;
	err = words->n ? cli_take_scenario(r, words->v[0]) : NULL;
	err = err ? err : take_defaults(r);
	if (err)
		return cli_fail(c->name, err);
	if (!r->scheduler)
		return cli_usage(c, "--scheduler is missing%s: a program, a BPF object such as ./my_sched.bpf.o, or \"none\"",
				 r->scenario ? ", and the scenario names none" : "");
	err = check(r);
	err = err ? err : end_lists(r);
	if (err)
		return cli_fail(c->name, err);
	r->cancel_fd = take_signals();
	if (r->cancel_fd < 0)
		return cli_fail(c->name, sf_error_sys(errno, "signalfd"));
	return r->kernels.n > 1 ? cli_run_many(c, r) : run_single(c, r);
}

int cli_run_main(const struct cli_command *c, int argc, char **argv)
{
	struct run_request r = {
		.topology = { .cores = 2 }, .cancel_fd = -1,
	};
	struct cli_words words = { 0 };
	int code;

	if (cli_parse(c, argc, argv, &r, &words, &code))
		code = run_checked(c, &r, &words);
	for (size_t i = 0; i < r.captures.n; i++)
		free((char *)r.captures.v[i].name);
	for (size_t i = 0; i < r.expects.n; i++)
		free((char *)r.expects.v[i].capture);
	free(r.captures.v);
	free(r.expects.v);
	free(r.env.v);
	free(r.files.v);
	free(r.kernels.v);
	sf_scenario_free(r.scenario);
	free(words.v);
	return code;
}

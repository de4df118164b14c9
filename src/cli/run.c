/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run: one kernel, one scheduler, one workload, and the frames that were asked for.
 */

#include <libgen.h>
#include <signal.h>
#include <poll.h>
#include <sys/signalfd.h>

#include "cli.h"
#include "expr.h"
#include "pack/pack.h"
#include "scenario/scenario.h"
#include "summary.h"
#include "vm/vm.h"

#define HOUR UINT64_C(3600000000000)
#define MAX_TIME (24 * HOUR)
#define MAX_NAME 64
#define MIB (UINT64_C(1) << 20)
#define MIN_MEMORY (128 * MIB)
#define MAX_MEMORY (UINT64_C(1) << 39) /* a TCG guest has 40 address bits, with room for more than RAM */
#define MAX_PAGES (1u << 27)           /* that much memory, in pages */
#define MAX_HOPS 8
#define DEFAULT_MEMORY (UINT64_C(1) << 30)
#define DEFAULT_DURATION UINT64_C(2000000000)

struct run_request {
	const char *scheduler, *kernel, *accel, *out;
	struct sf_topology topology;
	bool has_topology;
	uint64_t deadline, attach; /* ns; 0: the default */
	uint64_t memory, duration;
	struct {
		uint64_t map, pointees; /* bytes */
		uint32_t pages, hops;
	} keep;                    /* 0: the default */
	bool force, verbose;
	struct { struct sf_capture_at *v; size_t n, cap; } captures;
	struct { struct sf_expect *v; size_t n, cap; } expects;
	struct { const char **v; size_t n, cap; } env;
	struct sf_scenario *scenario; /* NULL: none */
	const char *const *args, *const *files; /* of the scheduler, NULL-terminated, or NULL */
	struct cli_progress *progress;
	int cancel_fd;
};

/* ---- options ---------------------------------------------------------------------------------------------------- */

static struct sf_error *set_scheduler(void *arg, const char *value)
{
	((struct run_request *)arg)->scheduler = value;
	return value[0] ? NULL : sf_error_new(SF_USAGE, "it takes a program, a BPF object, or \"none\"");
}

static struct sf_error *set_kernel(void *arg, const char *value)
{
	((struct run_request *)arg)->kernel = value;
	return value[0] ? NULL : sf_error_new(SF_USAGE, "it takes a file, or a series such as 6.18 or newest");
}

static struct sf_error *set_topology(void *arg, const char *value)
{
	((struct run_request *)arg)->has_topology = true;
	return sf_vm_topology_parse(value, &((struct run_request *)arg)->topology);
}

static struct sf_error *set_memory(void *arg, const char *value)
{
	return cli_size(value, MIN_MEMORY, MAX_MEMORY, &((struct run_request *)arg)->memory);
}

static struct sf_error *set_hops(const char *value, uint32_t *ret)
{
	/* None at all, which is not the default. */
	if (!strcmp(value, "0"))
		*ret = UINT32_MAX;
	else if (value[0] >= '1' && value[0] <= '0' + MAX_HOPS && !value[1])
		*ret = (uint32_t)(value[0] - '0');
	else
		return sf_error_new(SF_USAGE, "it takes a number from 0 to %d", MAX_HOPS);
	return NULL;
}

static struct sf_error *set_one_keep(struct run_request *r, const char *word, const char *value)
{
	if (value && !strcmp(word, "pages"))
		return sf_error_context(cli_count(value, MAX_PAGES, &r->keep.pages), "pages");
	if (value && !strcmp(word, "map"))
		return sf_error_context(cli_size(value, MIB, MAX_MEMORY, &r->keep.map), "map");
	if (value && !strcmp(word, "pointees"))
		return sf_error_context(cli_size(value, MIB, MAX_MEMORY, &r->keep.pointees), "pointees");
	if (value && !strcmp(word, "hops"))
		return sf_error_context(set_hops(value, &r->keep.hops), "hops");
	return sf_error_new(SF_USAGE, "it takes pages=N, map=SIZE, pointees=SIZE and hops=N, with commas between them");
}

static struct sf_error *set_keep(void *arg, const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy;

	if (!copy)
		return sf_error_nomem();
	for (char *word; (word = strsep(&rest, ","));) {
		char *number = strchr(word, '=');

		if (number)
			*number++ = '\0';
		SF_TRY(set_one_keep(arg, word, number));
	}
	return NULL;
}

static struct sf_error *set_time(const char *value, uint64_t *ns)
{
	SF_TRY(cli_time(value, MAX_TIME, ns));
	return *ns ? NULL : sf_error_new(SF_USAGE, "it takes a time longer than 0");
}

static struct sf_error *set_for(void *arg, const char *value)
{
	return set_time(value, &((struct run_request *)arg)->duration);
}

static struct sf_error *set_deadline(void *arg, const char *value)
{
	return set_time(value, &((struct run_request *)arg)->deadline);
}

static struct sf_error *set_attach_timeout(void *arg, const char *value)
{
	return set_time(value, &((struct run_request *)arg)->attach);
}

static struct sf_error *set_accel(void *arg, const char *value)
{
	((struct run_request *)arg)->accel = value;
	if (strcmp(value, "auto") && strcmp(value, "kvm") && strcmp(value, "tcg"))
		return sf_error_new(SF_USAGE, "it takes auto, kvm or tcg");
	return NULL;
}

static struct sf_error *set_out(void *arg, const char *value)
{
	((struct run_request *)arg)->out = value;
	return value[0] ? NULL : sf_error_new(SF_USAGE, "it takes a directory");
}

static struct sf_error *set_force(void *arg, const char *value)
{
	(void)value;
	((struct run_request *)arg)->force = true;
	return NULL;
}

static struct sf_error *set_verbose(void *arg, const char *value)
{
	(void)value;
	((struct run_request *)arg)->verbose = true;
	return NULL;
}

static struct sf_error *set_env(void *arg, const char *value)
{
	struct run_request *r = arg;
	const char **slot;

	if (!strchr(value, '=') || value[0] == '=')
		return sf_error_new(SF_USAGE, "it takes a variable with its value, such as SCX_DEBUG=1");
	slot = sf_vec_push(&r->env);
	if (!slot)
		return sf_error_nomem();
	*slot = value;
	return NULL;
}

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '/')
			return false;
	return len >= 1 && len <= MAX_NAME;
}

static struct sf_error *set_capture(void *arg, const char *value)
{
	const char *at = strrchr(value, '@');
	struct run_request *r = arg;
	uint64_t ns;

	if (!at || !is_name(value, (size_t)(at - value)))
		return sf_error_new(SF_USAGE, "it takes NAME@TIME, such as mid@1s; a name has 1 to %d bytes, no spaces and no /",
				    MAX_NAME);
	SF_TRY(cli_time(at + 1, MAX_TIME, &ns));
	for (size_t i = 0; i < r->captures.n; i++)
		if (strlen(r->captures.v[i].name) == (size_t)(at - value) &&
		    !strncmp(r->captures.v[i].name, value, (size_t)(at - value)))
			return sf_error_new(SF_USAGE, "there is a capture of this name already");
	struct sf_capture_at *c = sf_vec_push(&r->captures);

	if (!c)
		return sf_error_nomem();
	*c = (struct sf_capture_at){ .name = strndup(value, (size_t)(at - value)), .at_ns = ns };
	return c->name ? NULL : sf_error_nomem();
}

/* "NAME:" in front of an expression, in which a colon can only stand behind other characters than those of a name. */
static size_t name_before(const char *value)
{
	size_t len = strcspn(value, ":(\"{' ");

	return value[len] == ':' && is_name(value, len) ? len : 0;
}

static struct sf_error *set_expect(void *arg, const char *value)
{
	struct run_request *r = arg;
	size_t len = name_before(value);
	const char *text = len ? value + len + 1 : value;
	SF_OWNED(expr) expr = NULL;
	struct sf_expect *e;

	SF_TRY(cli_expr_read(text, &expr));
	e = sf_vec_push(&r->expects);
	if (!e)
		return sf_error_nomem();
	*e = (struct sf_expect){ .expr = text, .capture = len ? strndup(value, len) : NULL };
	return e->capture || !len ? NULL : sf_error_nomem();
}

static const struct cli_option options[] = {
	{ "scheduler", 's', "SCHED", "a program (its libraries are packed along), a BPF object, or `none` for the "
	  "kernel's own scheduler", set_scheduler },
	{ "kernel", 'k', "KERNEL", "a bzImage or vmlinux, or a series such as 6.18 or newest, which is fetched when "
	  "needed; default: the newest in the cache", set_kernel },
	{ "topology", 't', "SPEC", "CPUs of the guest: a number, or sockets=N,llcs=N,cores=N,threads=N,numa=N: sockets, "
	  "last-level caches of each, cores of each of those, threads of each, and NUMA nodes in all; default 2",
	  set_topology },
	{ "memory", 'm', "SIZE", "memory of the guest, such as 2G; default 1G", set_memory },
	{ "for", 0, "TIME", "how long the workload runs, on the guest's clock; default 2s", set_for },
	{ "deadline", 0, "TIME", "when the run is ended, however it is doing, on the host's clock; default 120s more than "
	  "the workload takes", set_deadline },
	{ "attach-timeout", 0, "TIME", "how long the scheduler may take to attach, on the guest's clock; default 30s",
	  set_attach_timeout },
	{ "capture", 'c', "NAME@TIME", "keep a frame called NAME at TIME after the scheduler was attached; may be "
	  "given again", set_capture },
	{ "expect", 0, "[NAME:]EXPR", "what has to hold in the capture NAME, or else in the last one, such as "
	  "'var(nr_dispatched) > 0'; docs/expressions.md; may be given again", set_expect },
	{ "keep", 0, "LIMITS", "what a frame keeps at most: pages=N, map=SIZE (of one map's values), pointees=SIZE (of what "
	  "pointers lead to), hops=N (how many pointers away), with commas between; default "
	  "pages=262144,map=256M,pointees=64M,hops=1", set_keep },
	{ "accel", 0, "ACCEL", "auto (KVM where this kernel is seen to boot under it, else TCG), kvm, or tcg",
	  set_accel },
	{ "out", 'o', "DIR", "where the run is kept; default stillframe.out/NAME-N, "
	  "with NAME the scheduler's", set_out },
	{ "force", 'f', NULL, "write over an earlier run in DIR", set_force },
	{ "env", 'e', "K=V", "a variable for the scheduler program; may be given again", set_env },
	{ "verbose", 'v', NULL, "what the guest and its programs print, too", set_verbose },
};

/* ---- a scenario: what the command line says, wins ------------------------------------------------------------------ */

static bool has_steps(const struct run_request *r)
{
	return r->scenario && r->scenario->n_steps;
}

/* All of it or nothing: arguments of one scheduler mean something else to another. */
static struct sf_error *take_scheduler(struct run_request *r)
{
	const struct sf_scenario *s = r->scenario;

	if (r->scheduler)
		return NULL;
	r->scheduler = s->scheduler;
	r->files = s->files;
	r->args = r->args ? r->args : s->args;
	/* Of equal names the first counts. */
	for (size_t i = 0; s->env && s->env[i]; i++) {
		const char **slot = sf_vec_push(&r->env);

		if (!slot)
			return sf_error_nomem();
		*slot = s->env[i];
	}
	return NULL;
}

static struct sf_error *take_expects(struct run_request *r)
{
	for (size_t i = 0; i < r->scenario->n_expects; i++) {
		struct sf_expect *e = sf_vec_push(&r->expects);

		if (!e)
			return sf_error_nomem();
		*e = r->scenario->expects[i];
		e->capture = e->capture ? strdup(e->capture) : NULL;
		if (!e->capture && r->scenario->expects[i].capture)
			return sf_error_nomem();
	}
	return NULL;
}

static struct sf_error *check_steps(const struct run_request *r)
{
	for (size_t i = 0; i < r->captures.n; i++) {
		const struct sf_scenario_place *p = sf_scenario_find_capture(r->scenario, r->captures.v[i].name);
		_cleanup_free_ char *where = p ? sf_scenario_where(r->scenario, p) : NULL;

		if (p)
			return sf_error_new(SF_USAGE, "--capture %s: there is a capture of this name already (%s)",
					    r->captures.v[i].name, where ? where : r->scenario->file);
	}
	return sf_scenario_check_cpus(r->scenario, sf_vm_topology_cpus(&r->topology));
}

static struct sf_error *take_scenario(struct run_request *r, const char *path)
{
	SF_TRY(sf_scenario_load(path, &r->scenario));
	const struct sf_scenario *s = r->scenario;

	SF_TRY(take_scheduler(r));
	SF_TRY(take_expects(r));
	if (!r->kernel && s->n_kernels > 1)
		return sf_error_new(SF_USAGE, "%s: several kernels in one run are not possible yet; --kernel chooses one", path);
	if (!r->kernel && s->n_kernels)
		r->kernel = s->kernels[0];
	if (!r->has_topology && s->has_topology)
		r->topology = s->topology;
	r->memory = r->memory ? r->memory : s->memory;
	r->deadline = r->deadline ? r->deadline : s->deadline_ns;
	if (has_steps(r) && r->duration)
		return sf_error_new(SF_USAGE, "--for and a scenario with steps: it takes as long as they do");
	return NULL;
}

/* ---- checks that need no guest ------------------------------------------------------------------------------------- */

static struct sf_error *check_scheduler(const struct run_request *r)
{
	bool has_args = r->args && r->args[0];
	_cleanup_free_ char *path = NULL;
	enum sf_pack_kind kind;

	SF_TRY(sf_error_context(sf_pack_scheduler(r->scheduler, &kind, &path), "--scheduler"));
	if (kind != SF_PACK_PROGRAM && (has_args || r->env.n))
		return sf_error_new(SF_USAGE, "%s for the scheduler, but %s: only a program takes any",
				    has_args ? "arguments" : "--env", kind == SF_PACK_NONE ? "there is none" :
				    "it is a BPF object");
	return NULL;
}

static struct sf_error *check_captures(const struct run_request *r)
{
	char at[CLI_NUMBER], end[CLI_NUMBER];

	for (size_t i = 0; i < r->captures.n; i++)
		if (!has_steps(r) && r->captures.v[i].at_ns > r->duration)
			return sf_error_new(SF_USAGE, "--capture %s@%s is after the end of the run (--for %s)",
					    r->captures.v[i].name, cli_put_time(at, r->captures.v[i].at_ns),
					    cli_put_time(end, r->duration));
	return NULL;
}

static void say_fetching(void *arg, const char *series)
{
	_cleanup_free_ char *text = sf_asprintf("fetching kernel %s", series);

	cli_progress_say(((struct run_request *)arg)->progress, text ? text : "fetching a kernel");
}

static bool is_cancelled(void *arg)
{
	struct pollfd fd = { .fd = ((struct run_request *)arg)->cancel_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

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

static int execute(const struct cli_command *c, struct run_request *r)
{
	struct sf_pack_fetch fetch = { .fetching = say_fetching, .stop = is_cancelled, .arg = r };
	_cleanup_free_ char *name = r->scenario && r->scenario->name ? strdup(r->scenario->name) :
				    name_of(r->scenario ? r->scenario->file : r->scheduler), *kernel = NULL;
	SF_OWNED(run) run = NULL;
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = name,
		.scheduler = r->scheduler,
		.args = r->args,
		.files = r->files,
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
		.out = r->out,
		.force = r->force,
		.log = { .fn = cli_progress_log, .arg = r->progress,
			 .level = r->verbose ? SF_LOG_DEBUG : SF_LOG_WARN },
		.progress = cli_progress_say,
		.progress_arg = r->progress,
		.cancel_fd = r->cancel_fd,
	};
	struct sf_error *err = sf_pack_kernel(r->kernel, &fetch, &kernel);

	err = r->kernel ? sf_error_context(err, "--kernel") : err;
	opt.kernel = kernel;
	if (!err)
		err = sf_run_execute(&opt, &run);
	cli_progress_end(steal_ptr(&r->progress));
	if (err && is_cancelled(r)) {
		sf_error_free(err);
		fprintf(stderr, "stillframe run: interrupted\n");
		return SF_INTERRUPTED;
	}
	if (err)
		return cli_fail(c->name, err);
	cli_summary(stdout, run, &r->topology);
	/* A summary that nobody reads changes no verdict. */
	fflush(stdout);
	return sf_run_verdict(run);
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
	err = words->n ? take_scenario(r, words->v[0]) : NULL;
	if (err)
		return cli_fail(c->name, err);
	r->memory = r->memory ? r->memory : DEFAULT_MEMORY;
	r->duration = r->duration ? r->duration : DEFAULT_DURATION;
	if (!r->scheduler)
		return cli_usage(c, "--scheduler is missing%s: a program, a BPF object, or \"none\"",
				 r->scenario ? ", and the scenario names none" : "");
	err = check_captures(r);
	err = err ? err : sf_vm_topology_check(&r->topology, r->memory);
	err = err ? err : has_steps(r) ? check_steps(r) : NULL;
	err = err ? err : check_scheduler(r);
	if (err)
		return cli_fail(c->name, err);
	if (r->env.n) {
		const char **end = sf_vec_push(&r->env);

		if (!end)
			return cli_fail(c->name, sf_error_nomem());
		*end = NULL;
	}
	r->cancel_fd = take_signals();
	if (r->cancel_fd < 0)
		return cli_fail(c->name, sf_error_sys(errno, "signalfd"));
	r->progress = cli_progress_new();
	return execute(c, r);
}

static int run(const struct cli_command *c, int argc, char **argv)
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
	sf_scenario_free(r.scenario);
	free(words.v);
	return code;
}

const struct cli_command cli_run = {
	.name = "run",
	.operands = "[SCENARIO.yaml] [OPTION]... [-- ARGS...]",
	.summary = "boot a kernel, attach a scheduler, run a workload, capture frames",
	.details = "SCENARIO.yaml says what happens, step by step: docs/scenarios.md. What the command\n"
		   "line says, wins. One of the two has to name a scheduler.\n"
		   "Times count from when the scheduler was attached, on the guest's clock. ARGS are\n"
		   "the scheduler's. DIR then has run.json, the guest's console and one NAME.frame\n"
		   "for each capture: see `stillframe ls DIR` and `stillframe show DIR/NAME.frame`.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run,
};

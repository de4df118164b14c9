/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run: one kernel, one scheduler, one workload, and the frames that were asked for.
 */

#include <libgen.h>
#include <signal.h>
#include <poll.h>
#include <sys/signalfd.h>

#include "cli.h"
#include "pack/pack.h"
#include "summary.h"

#define HOUR UINT64_C(3600000000000)
#define MAX_TIME (24 * HOUR)
#define MAX_CPUS 255
#define MAX_NAME 64
#define MIB (UINT64_C(1) << 20)
#define MIN_MEMORY (128 * MIB)
#define MAX_MEMORY (UINT64_C(1) << 39) /* a TCG guest has 40 address bits, with room for more than RAM */
#define MAX_PAGES (1u << 27)           /* that much memory, in pages */
#define MAX_HOPS 8

struct run_request {
	const char *scheduler, *kernel, *accel, *out;
	uint32_t cpus;
	uint64_t deadline, attach; /* ns; 0: the default */
	uint64_t memory, duration;
	struct {
		uint64_t map, pointees; /* bytes */
		uint32_t pages, hops;
	} keep;                    /* 0: the default */
	bool force, verbose;
	struct { struct sf_capture_at *v; size_t n, cap; } captures;
	struct { const char **v; size_t n, cap; } env;
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
	if (strchr(value, '='))
		return sf_error_new(SF_USAGE, "it takes only a number of CPUs yet, such as 4");
	return cli_count(value, MAX_CPUS, &((struct run_request *)arg)->cpus);
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

static const struct cli_option options[] = {
	{ "scheduler", 's', "SCHED", "a program (its libraries are packed along), a BPF object, or `none` for the "
	  "kernel's own scheduler", set_scheduler },
	{ "kernel", 'k', "KERNEL", "a bzImage or vmlinux, or a series such as 6.18 or newest, which is fetched when "
	  "needed; default: the newest in the cache", set_kernel },
	{ "topology", 't', "N", "CPUs of the guest; default 2", set_topology },
	{ "memory", 'm', "SIZE", "memory of the guest, such as 2G; default 1G", set_memory },
	{ "for", 0, "TIME", "how long the workload runs, on the guest's clock; default 2s", set_for },
	{ "deadline", 0, "TIME", "when the run is ended, however it is doing, on the host's clock; default 120s more than "
	  "the workload takes", set_deadline },
	{ "attach-timeout", 0, "TIME", "how long the scheduler may take to attach, on the guest's clock; default 30s",
	  set_attach_timeout },
	{ "capture", 'c', "NAME@TIME", "keep a frame called NAME at TIME after the scheduler was attached; may be "
	  "given again", set_capture },
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

/* ---- checks that need no guest ------------------------------------------------------------------------------------- */

static struct sf_error *check_scheduler(const struct run_request *r, const struct cli_words *words)
{
	bool has_args = words->rest && words->rest[0];
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
		if (r->captures.v[i].at_ns > r->duration)
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

static int execute(const struct cli_command *c, struct run_request *r, const struct cli_words *words)
{
	struct sf_pack_fetch fetch = { .fetching = say_fetching, .stop = is_cancelled, .arg = r };
	_cleanup_free_ char *name = name_of(r->scheduler), *kernel = NULL;
	SF_OWNED(run) run = NULL;
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = name,
		.scheduler = r->scheduler,
		.args = words->rest,
		.env = r->env.v,
		.accel = r->accel,
		.cpus = r->cpus,
		.memory = r->memory,
		.duration_ns = r->duration,
		.deadline_ns = r->deadline,
		.attach_ns = r->attach,
		.captures = r->captures.v,
		.n_captures = r->captures.n,
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
	cli_summary(stdout, run, r->cpus ? r->cpus : 2);
	/* A summary that nobody reads changes no verdict. */
	fflush(stdout);
	return sf_run_verdict(run);
}

static int run_checked(const struct cli_command *c, struct run_request *r, const struct cli_words *words)
{
	struct sf_error *err;

	if (words->n) {
		_cleanup_free_ char *clean = cli_clean(words->v[0], 80);

		return cli_usage(c, "\"%s\": scenarios are not possible yet; arguments of the scheduler stand after --",
				 clean ? clean : "");
	}
	if (!r->scheduler)
		return cli_usage(c, "--scheduler is missing: a program, a BPF object, or \"none\"");
	err = check_captures(r);
	err = err ? err : check_scheduler(r, words);
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
	return execute(c, r, words);
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct run_request r = { .duration = UINT64_C(2000000000), .cancel_fd = -1 };
	struct cli_words words = { 0 };
	int code;

	if (cli_parse(c, argc, argv, &r, &words, &code))
		code = run_checked(c, &r, &words);
	for (size_t i = 0; i < r.captures.n; i++)
		free((char *)r.captures.v[i].name);
	free(r.captures.v);
	free(r.env.v);
	free(words.v);
	return code;
}

const struct cli_command cli_run = {
	.name = "run",
	.operands = "--scheduler PROGRAM|OBJ|none [OPTION]... [-- ARGS...]",
	.summary = "boot a kernel, attach a scheduler, run a workload, capture frames",
	.details = "Times count from when the scheduler was attached, on the guest's clock. ARGS are\n"
		   "the scheduler's. DIR then has run.json, the guest's console and one NAME.frame\n"
		   "for each capture: see `stillframe ls DIR` and `stillframe show DIR/NAME.frame`.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run,
};

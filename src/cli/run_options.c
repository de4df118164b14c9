/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run: its options, and what each of them takes.
 */

#include <limits.h>
#include <sys/stat.h>

#include "expr.h"
#include "request.h"
#include "vm/vm.h"

#define HOUR UINT64_C(3600000000000)
#define MAX_TIME (24 * HOUR)
#define MAX_NAME 64
#define MIB (UINT64_C(1) << 20)
#define MIN_MEMORY (128 * MIB)
#define MAX_MEMORY (UINT64_C(1) << 39) /* a TCG guest has 40 address bits, with room for more than RAM */
#define MAX_PAGES (1u << 27)           /* that much memory, in pages */
#define MAX_HOPS 8
#define MAX_KERNELS 64

/* Is there one that begins with the @len bytes of @value? */
static bool has(const char *const *v, size_t n, const char *value, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(v[i], value, len))
			return true;
	return false;
}

/* @what: what it takes. */
static struct sf_error *set_path(const char **ret, const char *value, const char *what)
{
	if (!value[0])
		return sf_error_new(SF_USAGE, "it takes %s", what);
	if (strlen(value) >= PATH_MAX)
		return sf_error_new(SF_USAGE, "a path has at most %d bytes", PATH_MAX - 1);
	*ret = value;
	return NULL;
}

static struct sf_error *set_scheduler(void *arg, const char *value)
{
	return set_path(&((struct run_request *)arg)->scheduler, value, "a program, a BPF object, or \"none\"");
}

static struct sf_error *set_kernel(void *arg, const char *value)
{
	struct run_request *r = arg;
	const char **slot, *path;

	SF_TRY(set_path(&path, value, "a file, a series such as 6.18, newest, or host"));
	if (has(r->kernels.v, r->kernels.n, value, strlen(value) + 1))
		return sf_error_new(SF_USAGE, "this kernel was named already");
	if (r->kernels.n >= MAX_KERNELS)
		return sf_error_new(SF_USAGE, "it takes at most %d kernels", MAX_KERNELS);
	slot = sf_vec_push(&r->kernels);
	if (!slot)
		return sf_error_nomem();
	*slot = path;
	return NULL;
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

static struct sf_error *twice(void)
{
	return sf_error_new(SF_USAGE, "it stands there twice");
}

static struct sf_error *set_one_keep(struct run_request *r, const char *word, const char *value)
{
	struct sf_error *err;

	if (value && !strcmp(word, "pages")) {
		err = r->keep.pages ? twice() : cli_count(value, MAX_PAGES, &r->keep.pages);
		return sf_error_context(err, "pages");
	}
	if (value && !strcmp(word, "map")) {
		err = r->keep.map ? twice() : cli_size(value, MIB, MAX_MEMORY, &r->keep.map);
		return sf_error_context(err, "map");
	}
	if (value && !strcmp(word, "pointees")) {
		err = r->keep.pointees ? twice() : cli_size(value, MIB, MAX_MEMORY, &r->keep.pointees);
		return sf_error_context(err, "pointees");
	}
	if (value && !strcmp(word, "hops")) {
		err = r->keep.hops ? twice() : set_hops(value, &r->keep.hops);
		return sf_error_context(err, "hops");
	}
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
	return set_path(&((struct run_request *)arg)->out, value, "a directory");
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

static struct sf_error *set_ktap(void *arg, const char *value)
{
	(void)value;
	((struct run_request *)arg)->ktap = true;
	return NULL;
}

static struct sf_error *set_junit(void *arg, const char *value)
{
	return set_path(&((struct run_request *)arg)->junit, value, "a file");
}

static struct sf_error *set_summary(void *arg, const char *value)
{
	return set_path(&((struct run_request *)arg)->summary, value, "a file");
}

static struct sf_error *set_env(void *arg, const char *value)
{
	struct run_request *r = arg;
	const char *end = strchr(value, '=');
	const char **slot;

	if (!end || end == value)
		return sf_error_new(SF_USAGE, "it takes a variable with its value, such as SCX_DEBUG=1");
	if (has(r->env.v, r->env.n, value, (size_t)(end - value) + 1))
		return sf_error_new(SF_USAGE, "%.*s has a value already", (int)(end - value), value);
	slot = sf_vec_push(&r->env);
	if (!slot)
		return sf_error_nomem();
	*slot = value;
	return NULL;
}

static struct sf_error *set_file(void *arg, const char *value)
{
	struct run_request *r = arg;
	const char **slot;
	struct stat st;

	if (!value[0])
		return sf_error_new(SF_USAGE, "it takes a file or a directory");
	if (stat(value, &st))
		return sf_error_new(SF_USAGE, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return sf_error_new(SF_USAGE, "it is neither a file nor a directory");
	if (access(value, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK))
		return sf_error_new(SF_USAGE, "%s", strerror(errno));
	slot = sf_vec_push(&r->files);
	if (!slot)
		return sf_error_nomem();
	*slot = value;
	return NULL;
}

bool cli_is_capture_name(const char *text, size_t len)
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
	bool none = !strcmp(value, "none");
	uint64_t ns;

	if ((none && r->captures.n) || r->no_captures)
		return sf_error_new(SF_USAGE, "no capture at all, or which?");
	r->no_captures = none;
	if (none)
		return NULL;
	if (!at || !cli_is_capture_name(value, (size_t)(at - value)))
		return sf_error_new(SF_USAGE, "it takes NAME@TIME, such as mid@1s, or none; a name has 1 to %d bytes, no "
				    "spaces and no /", MAX_NAME);
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

	return value[len] == ':' && cli_is_capture_name(value, len) ? len : 0;
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
	{ "kernel", 'k', "KERNEL", "a bzImage or vmlinux; a series such as 6.18, or newest, which is fetched when needed; "
	  "or host, the one of this machine. Default: the newest in the cache. May be given again: then each kernel is a "
	  "run of its own, in DIR/KERNEL, and the worst verdict is that of all", set_kernel, .again = true },
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
	  "given again. Default, where no steps say otherwise: mid, halfway, and end; `none`: neither", set_capture,
	  .again = true },
	{ "expect", 0, "[NAME:]EXPR", "what has to hold in the capture NAME, or else in the last one, such as "
	  "'var(nr_dispatched) > 0'; see stillframe-expressions(7); may be given again", set_expect, .again = true },
	{ "keep", 0, "LIMITS", "what a frame keeps at most: pages=N, map=SIZE (of one map's values), pointees=SIZE (of what "
	  "pointers lead to), hops=N (how many pointers away), with commas between; default "
	  "pages=262144,map=256M,pointees=64M,hops=1", set_keep },
	{ "accel", 0, "ACCEL", "auto (KVM where this kernel is seen to boot under it, else TCG), kvm, or tcg",
	  set_accel, .complete = "auto kvm tcg" },
	{ "out", 'o', "DIR", "where the run is kept; default stillframe.out/NAME-N, "
	  "with NAME the scheduler's", set_out },
	{ "force", 'f', NULL, "write over an earlier run in DIR", set_force },
	{ "env", 'e', "K=V", "a variable for the scheduler program; may be given again", set_env, .again = true },
	{ "file", 0, "PATH", "a file or a directory that the scheduler program finds in the guest at the path it has "
	  "here; a program brings its libraries; may be given again; see stillframe-schedulers(7)", set_file, .again = true },
	{ "ktap", 0, NULL, "results as KTAP on stdout; the summary goes to stderr", set_ktap },
	{ "junit", 0, "FILE", "results as JUnit XML into FILE", set_junit },
	{ "summary", 0, "FILE", "results as Markdown, appended to FILE, such as \"$GITHUB_STEP_SUMMARY\"", set_summary },
	{ "verbose", 'v', NULL, "what the guest and its programs print, too", set_verbose },
};

const struct cli_command cli_run = {
	.name = "run",
	.operands = "[SCENARIO.yaml] [OPTION]... [-- ARGS...]",
	.summary = "boot a kernel, attach a scheduler, run a workload, capture frames",
	.details = "SCENARIO.yaml says what happens, step by step: stillframe-scenario(5). What the\n"
		   "command line says, wins. One of the two has to name a scheduler.\n"
		   "Times count from when the scheduler was attached, on the guest's clock. ARGS are\n"
		   "the scheduler's. DIR then has run.json, the guest's console and one NAME.frame\n"
		   "for each capture: see `stillframe ls DIR` and `stillframe show DIR/NAME.frame`.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = cli_run_main,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Test programs: on the host each test boots a guest that runs the same program; in the guest it runs one scenario.
 */

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>

#include "guest/guest.h"
#include "private.h"

#define IN_GUEST_OPTION "--scenario"

/*
 * In a guest what failed is still as it was, and will not be once the scenario has cleaned up behind itself. A connection
 * of its own, because the macro knows of no guest.
 */
static void keep_failure(struct sf_error *failed)
{
	SF_OWNED(guest) guest = NULL;
	SF_OWNED(error) err = NULL;

	if (!sf_in_guest())
		return;
	err = sf_guest_open(NULL, &guest);
	if (!err)
		sf_guest_keep_failure(guest, sf_error_message(failed));
}

struct sf_error *sf_ensure_failed(const char *file, int line, const char *condition, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	struct sf_error *err;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	err = sf_error_new(SF_ASSERTION, "%s:%d: %s does not hold: %s", file, line, condition, n < 0 ? "" : text);
	keep_failure(err);
	return err;
}

static const struct sf_test *find_test(const struct sf_test *tests, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

/* ---- in the guest ------------------------------------------------------------------------------------------------- */

static int run_scenario(const struct sf_test *test)
{
	SF_OWNED(guest) guest = NULL;
	SF_OWNED(error) err = sf_guest_open(NULL, &guest);
	SF_OWNED(error) told = NULL;

	if (err) {
		fprintf(stderr, "%s: %s\n", test->name, sf_error_message(err));
		return SF_HARNESS_FAILED;
	}
	err = test->scenario(guest);
	if (!err)
		return SF_PASS;
	fprintf(stderr, "%s: %s\n", test->name, sf_error_message(err));
	/* A request that the host refused, or that was lost, is not the scheduler's fault. */
	if (sf_error_code(err) == SF_HOST || sf_error_code(err) == SF_TRANSPORT)
		return SF_INCONCLUSIVE;
	/* An assertion that failed has its frame, and of a moment before this one. */
	told = sf_error_code(err) == SF_ASSERTION ?
		       sf_guest_tell_result(guest, test->name, false, sf_error_message(err)) :
		       sf_guest_result(guest, test->name, false, sf_error_message(err));
	if (told)
		fprintf(stderr, "%s: %s\n", test->name, sf_error_message(told));
	return SF_FAIL;
}

static int guest_main(const struct sf_test *tests, size_t n, int argc, char **argv)
{
	const struct sf_test *test = argc == 3 && !strcmp(argv[1], IN_GUEST_OPTION) ? find_test(tests, n, argv[2]) : NULL;

	if (!test || !test->scenario) {
		fprintf(stderr, "in a guest: %s " IN_GUEST_OPTION " NAME\n", argv[0]);
		return SF_BAD_USAGE;
	}
	return run_scenario(test);
}

/* ---- on the host --------------------------------------------------------------------------------------------------- */

struct host {
	const struct sf_test *tests;
	size_t n;
	const char *self, *kernel, *scheduler, *out, *accel;
	bool verbose;
	int cancel_fd;
};

static void check(struct sf_run *run, void *arg)
{
	const struct sf_test *test = arg;
	SF_OWNED(error) err = test->check(run);

	switch (sf_error_code(err)) {
	case SF_OK:
		return;
	/* What was to be looked at is not there: nothing is known of the assertion. */
	case SF_NOT_FOUND:
	case SF_PLACEHOLDER_SNAPSHOT:
	case SF_PLACEHOLDER_SAMPLE:
	case SF_PAGE_NOT_KEPT:
	case SF_MISSING_STATS:
	case SF_MAP_RENDER_INCOMPLETE:
	case SF_TORN_LIST:
		sf_run_inconclusive(run, "%s", sf_error_message(err));
		return;
	case SF_NO_MEMORY:
	case SF_SYSTEM:
	case SF_FRAME_CORRUPT:
		sf_run_find(run, SF_HARNESS_FAILED, "harness", "%s", sf_error_message(err));
		return;
	default:
		sf_run_fail(run, "%s", sf_error_message(err));
	}
}

static void comment(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		printf("  # %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void print_progress(void *arg, const char *what)
{
	const struct host *h = arg;

	if (h->verbose)
		comment(what);
}

static enum sf_verdict report(const struct host *h, struct sf_run *run)
{
	enum sf_verdict verdict = sf_run_verdict(run);

	for (size_t i = 0; i < sf_run_n_findings(run); i++) {
		const struct sf_finding *f = sf_run_finding(run, i);
		bool is_console = !strcmp(f->source, "console");
		_cleanup_free_ char *text = sf_asprintf("%s: %s: %s", is_console ? "note" : sf_verdict_name(f->verdict),
							f->source, f->text);

		if (text && (f->verdict != SF_PASS || h->verbose || is_console))
			comment(text);
	}
	if (verdict != SF_PASS)
		printf("  # verdict: %s; everything is in %s\n", sf_verdict_name(verdict), sf_run_dir(run));
	return verdict;
}

static struct sf_run_options options_for(struct host *h, const struct sf_test *test, const char *const *guest_args)
{
	return (struct sf_run_options){
		.size = sizeof(struct sf_run_options),
		.name = test->name,
		.scheduler = h->scheduler ? h->scheduler : test->scheduler,
		.args = test->args,
		.kernel = h->kernel ? h->kernel : test->kernel,
		.accel = h->accel,
		.cpus = test->cpus,
		.topology = test->topology,
		.memory = test->memory,
		.duration_ns = test->duration_ns,
		.captures = test->captures,
		.n_captures = test->n_captures,
		.test = test->scenario ? h->self : NULL,
		.test_args = test->scenario ? guest_args : NULL,
		.no_workload = test->no_workload,
		.files = test->files,
		.progress = print_progress,
		.progress_arg = h,
		.cancel_fd = h->cancel_fd,
		.check = test->check ? check : NULL,
		.check_arg = (void *)test,
	};
}

static enum sf_verdict run_test(struct host *h, const struct sf_test *test)
{
	SF_OWNED(run) run = NULL;
	const char *guest_args[] = { IN_GUEST_OPTION, test->name, NULL };
	_cleanup_free_ char *out = h->out ? sf_asprintf("%s/%s", h->out, test->name) : NULL;
	struct sf_run_options opt = options_for(h, test, guest_args);

	opt.out = out;
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	if (!err)
		return report(h, run);
	comment(sf_error_message(err));
	return sf_error_code(err) == SF_USAGE ? SF_BAD_USAGE : SF_HARNESS_FAILED;
}

static void print_result(size_t number, const struct sf_test *test, enum sf_verdict verdict)
{
	printf("%s %zu %s", verdict == SF_PASS || verdict == SF_SKIPPED ? "ok" : "not ok", number, test->name);
	if (verdict == SF_SKIPPED)
		printf(" # SKIP");
	else if (verdict != SF_PASS)
		printf(" # %s", sf_verdict_name(verdict));
	printf("\n");
	fflush(stdout);
}

static bool is_chosen(const struct sf_test *test, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], test->name))
			return true;
	return n == 0;
}

static int run_tests(struct host *h, char **names, int n_names)
{
	enum sf_verdict worst = SF_SKIPPED;
	size_t chosen = 0, number = 0;

	for (int i = 0; i < n_names; i++) {
		if (find_test(h->tests, h->n, names[i]))
			continue;
		fprintf(stderr, "%s: no test is called %s; --list shows those there are\n", h->self, names[i]);
		return SF_BAD_USAGE;
	}
	for (size_t i = 0; i < h->n; i++)
		chosen += is_chosen(&h->tests[i], names, n_names);
	printf("KTAP version 1\n1..%zu\n", chosen);
	for (size_t i = 0; i < h->n && worst != SF_INTERRUPTED; i++) {
		enum sf_verdict verdict;

		if (!is_chosen(&h->tests[i], names, n_names))
			continue;
		verdict = run_test(h, &h->tests[i]);
		print_result(++number, &h->tests[i], verdict);
		worst = sf_verdict_worse(worst, verdict);
	}
	return worst;
}

/* Interruptions end the test that runs, in order; QEMU does not outlive us. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int usage(const char *self, FILE *out)
{
	fprintf(out, "usage: %s [--list] [--verbose] [--kernel KERNEL] [--scheduler SCHEDULER] [--accel auto|kvm|tcg]\n"
		"       [--out DIR] [TEST]...\n", self);
	return out == stdout ? SF_PASS : SF_BAD_USAGE;
}

static int list_tests(const struct host *h)
{
	for (size_t i = 0; i < h->n; i++)
		printf("%-24s %s\n", h->tests[i].name, h->tests[i].description ? h->tests[i].description : "");
	return SF_PASS;
}

/* -1: go on; else the exit code. */
static int parse_options(struct host *h, int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "scheduler", required_argument, NULL, 's' },
		{ "accel", required_argument, NULL, 'a' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			return list_tests(h);
		case 'v':
			h->verbose = true;
			break;
		case 'k':
			h->kernel = optarg;
			break;
		case 's':
			h->scheduler = optarg;
			break;
		case 'a':
			h->accel = optarg;
			break;
		case 'o':
			h->out = optarg;
			break;
		case 'h':
			return usage(argv[0], stdout);
		default:
			return usage(argv[0], stderr);
		}
	}
	return -1;
}

int sf_test_main(const struct sf_test *tests, size_t n, int argc, char **argv)
{
	struct host h = { .tests = tests, .n = n, .self = argv[0] };
	_cleanup_free_ char *self = NULL;
	int code;

	if (sf_in_guest())
		return guest_main(tests, n, argc, argv);
	code = parse_options(&h, argc, argv);
	if (code >= 0)
		return code;
	self = realpath("/proc/self/exe", NULL);
	if (self)
		h.self = self;
	h.cancel_fd = take_signals();
	return run_tests(&h, argv + optind, argc - optind);
}

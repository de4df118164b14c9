/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's clock does not see a stop: while a program in the guest looks at its clocks without a rest, the host stops
 * the guest for three seconds. TAP.
 *
 *	clock BUILD KERNEL SERIES
 */

#include <ftw.h>
#include <inttypes.h>
#include <time.h>

#include "../src/run/trial/private.h"
#include "stillframe/stillframe.h"

#define LOOK (5 * SF_SECOND)          /* guest clock */
#define INTO_IT (3 * SF_SECOND / 2)   /* host clock: the guest looks by then, and will for some time */
#define STOP (3 * SF_SECOND)          /* host clock */
#define LIMIT (STOP / 2)              /* this machine may be busy; the stop is longer */

struct clock_test {
	unsigned int n_done, n_failed;
	uint64_t stopped_ns;
	struct sf_error *err;
};

static void result(struct clock_test *t, bool ok, const char *what)
{
	t->n_failed += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++t->n_done, what);
}

static void comment(const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		printf("# %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* ---- in the guest ----------------------------------------------------------------------------------------------- */

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SF_SECOND + (uint64_t)ts.tv_nsec;
}

static struct sf_error *look(struct sf_guest *guest)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	uint64_t last[ARRAY_SIZE(clocks)], gap[ARRAY_SIZE(clocks)] = { 0 }, n = 0;
	uint64_t begin = now(CLOCK_MONOTONIC);

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
		last[i] = now(clocks[i]);
	do {
		for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
			uint64_t t = now(clocks[i]);

			gap[i] = sf_max(gap[i], t - last[i]);
			last[i] = t;
		}
		n++;
	} while (last[0] - begin < LOOK);
	SF_TRY(sf_guest_publish_u64(guest, "looks", n));
	SF_TRY(sf_guest_publish_u64(guest, "gap", sf_max(gap[0], gap[1])));
	/* A watchdog that saw the stop would have thrown it out. */
	return sf_guest_attached(guest, 10 * SF_SECOND);
}

static int in_guest(void)
{
	SF_OWNED(guest) guest = NULL;
	SF_OWNED(error) err = sf_guest_open(NULL, &guest);

	if (!err)
		err = look(guest);
	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	return err ? 1 : 0;
}

/* ---- on the host ------------------------------------------------------------------------------------------------ */

static void pass_time(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / SF_SECOND), .tv_nsec = (long)(ns % SF_SECOND) };

	while (nanosleep(&ts, &ts))
		;
}

static int no_fd(void *arg)
{
	(void)arg;
	return -1;
}

static struct sf_error *no_event(void *arg, uint64_t deadline, struct sf_vm_event *ret)
{
	(void)arg;
	(void)deadline;
	ret->type = SF_VM_EVENT_NONE;
	return NULL;
}

/* The coordinator's thread would poll the VM that we stop. */
static struct sf_error *take_over(struct sf_run *run)
{
	struct sf_coordinator_options opt = { .stopper = sf_stopper_qmp(run->vm), .ram = run->ram };

	opt.stopper.fd = no_fd;
	opt.stopper.poll = no_event;
	sf_coordinator_free(steal_ptr(&run->coordinator));
	return sf_coordinator_new(&opt, &run->coordinator);
}

static struct sf_error *stop_for_a_while(struct sf_run *run, uint64_t *ret_ns)
{
	uint64_t start;

	pass_time(INTO_IT);
	SF_TRY(take_over(run));
	SF_TRY(sf_vm_stop(run->vm, sf_vm_clock() + 10 * SF_SECOND));
	start = sf_vm_clock();
	pass_time(STOP);
	SF_TRY(sf_vm_cont(run->vm, sf_vm_clock() + 10 * SF_SECOND));
	*ret_ns = sf_vm_clock() - start;
	return NULL;
}

static void started(struct sf_run *run, void *arg)
{
	struct clock_test *t = arg;

	t->err = stop_for_a_while(run, &t->stopped_ns);
}

/* The kernel's own words when time jumped. */
static bool console_is_calm(const struct sf_run *run)
{
	static const char *const words[] = { "unstable", "stall", "lockup", "Watchdog", "hung" };
	_cleanup_free_ char *path = sf_asprintf("%s/console.log", sf_run_dir(run)), *text = NULL;
	SF_OWNED(error) err = sf_file_get(path, 1 << 24, &text, &(size_t){ 0 });
	bool calm = !err;

	for (size_t i = 0; !err && i < ARRAY_SIZE(words); i++) {
		if (!strstr(text, words[i]))
			continue;
		printf("# the console has \"%s\"\n", words[i]);
		calm = false;
	}
	return calm;
}

static void report(struct clock_test *t, struct sf_run *run)
{
	uint64_t gap = 0, looks = 0;
	SF_OWNED(error) no_gap = sf_run_value_u64(run, "gap", &gap);
	SF_OWNED(error) no_looks = sf_run_value_u64(run, "looks", &looks);

	for (size_t i = 0; i < sf_run_n_findings(run); i++)
		if (sf_run_finding(run, i)->verdict != SF_PASS)
			comment(sf_run_finding(run, i)->text);
	if (t->err)
		comment(sf_error_message(t->err));
	printf("# %" PRIu64 " looks; the largest gap between two is %" PRIu64 " us; stopped for %" PRIu64 " ms\n", looks,
	       gap / 1000, t->stopped_ns / 1000000);
	result(t, !t->err && t->stopped_ns >= STOP, "the guest was stopped for a while");
	result(t, !no_gap && !no_looks && looks > 1000 && gap < LIMIT, "its clocks did not see that");
	result(t, sf_run_verdict(run) == SF_PASS && run->attached && !run->sched_failed, "it kept its scheduler");
	result(t, console_is_calm(run), "its kernel has nothing to say about it");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/stillframe-clock.XXXXXX";
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL), *object = NULL, *out = NULL;
	struct clock_test t = { 0 };
	SF_OWNED(run) run = NULL;

	if (sf_in_guest())
		return in_guest();
	if (argc != 4 || !self || !mkdtemp(dir)) {
		fprintf(stderr, "usage: %s BUILD KERNEL SERIES\n", argv[0]);
		return 3;
	}
	object = sf_asprintf("%s/bpf/%s/sf_example.bpf.o", argv[1], argv[3]);
	out = sf_asprintf("%s/run", dir);
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "clock",
		.kernel = argv[2],
		.scheduler = object,
		.accel = "tcg",
		.out = out,
		.test = self,
		.no_workload = true,
		.started = started,
		.started_arg = &t,
	};
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	printf("1..4\n");
	if (err) {
		printf("Bail out! %s\n", sf_error_message(err));
		return 1;
	}
	report(&t, run);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	sf_error_free(t.err);
	return t.n_failed ? 1 : 0;
}

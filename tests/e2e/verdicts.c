/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests that must not be green, and one that must: verdicts.sh runs each and looks at the exit code and the words.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stillframe/stillframe.h>
#include <string.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

static struct sf_error *capture(struct sf_guest *guest)
{
	return sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, "mid", 30 * SECOND);
}

static struct sf_error *hold_only(struct sf_guest *guest)
{
	sf_guest_hold(guest, SECOND / 10);
	return NULL;
}

static struct sf_error *reads(struct sf_run *run, const char *frame_name, const char *var, uint64_t *ret)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	SF_TRY(sf_run_frame(run, frame_name, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	return sf_error_copy(sf_as(sf_view_var(sf_snapshot_view(snap), var), ret));
}

static struct sf_error *check_cpus(struct sf_run *run)
{
	uint64_t cpus;

	SF_TRY(reads(run, "mid", "nr_cpus_onln", &cpus));
	SF_ENSURE(cpus > 0, "it is %" PRIu64, cpus);
	return NULL;
}

static struct sf_error *check_wrong(struct sf_run *run)
{
	uint64_t cpus;

	SF_TRY(reads(run, "mid", "nr_cpus_onln", &cpus));
	SF_ENSURE(cpus == 77, "it is %" PRIu64, cpus);
	return NULL;
}

static struct sf_error *check_no_such_var(struct sf_run *run)
{
	uint64_t n;

	return reads(run, "mid", "nr_dispatchd", &n);
}

static struct sf_error *check_nothing(struct sf_run *run)
{
	(void)run;
	return NULL;
}

static struct sf_error *check_value(struct sf_run *run)
{
	uint64_t n;

	SF_TRY(sf_run_value_u64(run, "never-published", &n));
	return NULL;
}

static struct sf_error *fails(struct sf_guest *guest)
{
	SF_TRY(capture(guest));
	SF_ENSURE(getpid() == 1, "the test is process %d", (int)getpid());
	return NULL;
}

static struct sf_error *crashes(struct sf_guest *guest)
{
	(void)guest;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return NULL;
}

static struct sf_error *result_fails(struct sf_guest *guest)
{
	SF_TRY(capture(guest));
	return sf_guest_check(guest, false, "seven is %d", 8);
}

static struct sf_error *panics(struct sf_guest *guest)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	(void)guest;
	SF_ENSURE(fd >= 0 && write(fd, "c", 1) == 1, "no sysrq");
	return NULL;
}

/* Watching is not there yet: the host says so, and the guest hears it. */
static struct sf_error *watches(struct sf_guest *guest)
{
	struct sf_error *err = sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_WATCH, "jiffies_64", 30 * SECOND);
	enum sf_code code = sf_error_code(err);

	sf_error_free(err);
	SF_ENSURE(code == SF_HOST, "a watch gave code %d", (int)code);
	return capture(guest);
}

int main(int argc, char **argv)
{
	static const struct sf_test tests[] = {
		{ .name = "good", .scenario = capture, .check = check_cpus },
		{ .name = "missing-capture", .scenario = hold_only, .check = check_cpus },
		{ .name = "looked-at-nothing", .scenario = capture, .check = check_nothing },
		{ .name = "wrong-number", .scenario = capture, .check = check_wrong },
		{ .name = "no-such-variable", .scenario = capture, .check = check_no_such_var },
		{ .name = "no-such-value", .scenario = capture, .check = check_value },
		{ .name = "scenario-fails", .scenario = fails, .check = check_cpus },
		{ .name = "scenario-crashes", .scenario = crashes, .check = check_cpus },
		{ .name = "result-fails", .scenario = result_fails, .check = check_cpus },
		{ .name = "watch-is-refused", .scenario = watches, .check = check_cpus },
		{ .name = "panics", .scenario = panics, .check = check_cpus },
	};

	return sf_test_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}

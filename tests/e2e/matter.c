/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests in which something goes wrong that is worth a frame although nobody asked for one: matter.sh runs each and looks
 * at what was kept.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stillframe/stillframe.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

static struct sf_error *put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	SF_ENSURE(fd >= 0, "%s: %s", path, strerror(errno));
	SF_ENSURE(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path, strerror(errno));
	close(fd);
	return NULL;
}

/* The scheduler (loops.bpf.c) does not come back when a task of this name is queued. */
static struct sf_error *locks_up(struct sf_guest *guest)
{
	pid_t pid;

	/* Half of what makes a soft lockup; of less a busy host is capable too. */
	SF_TRY(put("/proc/sys/kernel/watchdog_thresh", "3"));
	sf_guest_hold(guest, SECOND / 2);
	pid = fork();
	SF_ENSURE(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_NAME, "sf-loop");
		sf_guest_hold(guest, SECOND / 10);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	sf_guest_hold(guest, 3 * SECOND);
	return NULL;
}

/* Both ways to the console that a program has; of neither the kernel says that it spoke. */
static struct sf_error *lies(struct sf_guest *guest)
{
	SF_TRY(put("/dev/kmsg", "<0>rcu: INFO: rcu_preempt self-detected stall on CPU\n"));
	sf_guest_hold(guest, SECOND);
	SF_TRY(put("/dev/console", "[   99.123456] watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [nobody:1]\n"));
	SF_TRY(put("/dev/console", "[   99.223456] watchdog: BUG: soft lockup - CPU#1 stuck for 46s! [nobody:1]\n"));
	sf_guest_hold(guest, SECOND);
	return NULL;
}

static struct sf_error *has(struct sf_run *run, const char *name)
{
	SF_OWNED(frame) frame = NULL;
	struct sf_frame_info info = { .size = sizeof(info) };

	SF_TRY(sf_run_frame(run, name, &frame));
	sf_frame_info(frame, &info);
	SF_ENSURE(!info.is_placeholder && !strcmp(info.cause, name), "the cause of \"%s\" is %s", name, info.cause);
	SF_ENSURE(strstr(info.reason, "CPU"), "the reason of \"%s\" is %s", name, info.reason);
	return NULL;
}

static struct sf_error *check_lies(struct sf_run *run)
{
	SF_TRY(has(run, "soft-lockup"));
	return has(run, "rcu-stall");
}

static void bring_back(struct sf_guest **guest)
{
	sf_error_free(sf_guest_cpu_online(*guest, 1, true));
}

/* With hotplug.bpf.c, which counts: what is asserted is wrong at once, and has been put right when this returns. */
static struct sf_error *fails(struct sf_guest *guest)
{
	__attribute__((cleanup(bring_back))) struct sf_guest *back = guest;
	int offline = 1;

	SF_TRY(sf_guest_cpu_online(guest, 1, false));
	SF_ENSURE(offline == 0, "there is %d CPU offline", offline);
	return NULL;
}

static struct sf_error *fails_often(struct sf_guest *guest)
{
	for (int i = 0; i < 10; i++)
		SF_TRY(sf_guest_check(guest, false, "check %d does not hold", i));
	return NULL;
}

static struct sf_error *crashes(struct sf_guest *guest)
{
	(void)guest;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return NULL;
}

/* A scheduler that has no cpu_offline() is thrown out. */
static struct sf_error *takes_a_cpu(struct sf_guest *guest)
{
	SF_TRY(sf_guest_cpu_online(guest, 1, false));
	sf_guest_hold(guest, 60 * SECOND);
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct sf_test tests[] = {
		{ .name = "locks-up", .scenario = locks_up },
		{ .name = "lies", .scenario = lies, .check = check_lies, .no_workload = true },
		{ .name = "fails", .scenario = fails },
		{ .name = "fails-often", .scenario = fails_often },
		{ .name = "crashes", .scenario = crashes },
		{ .name = "takes-a-cpu", .scenario = takes_a_cpu },
	};

	return sf_test_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}

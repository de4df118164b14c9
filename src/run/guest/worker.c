/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "guest/guest.h"

/*
 * Worker processes. They are forked, not executed, and after the fork use only what is safe in the child of a process
 * with threads: no allocation, no stdio.
 */

#define SLEEP_NS 2000000   /* between a sleeper's wake-ups */
#define SLEEP_WORK 20000   /* rounds of work at each */
#define FORK_PAUSE_NS 1000000

static const char *const names[] = {
	[SF_WORKER_SPIN] = "sf-spin",
	[SF_WORKER_SLEEP] = "sf-sleep",
	[SF_WORKER_PIPE] = "sf-pipe",
	[SF_WORKER_FORK] = "sf-fork",
};

static void work(unsigned int rounds)
{
	for (volatile unsigned int i = 0; i < rounds; i++)
		;
}

static void nap(long ns)
{
	struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

static void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

static void pass_byte(int in, int out)
{
	char c = 0;

	for (;;) {
		if (write(out, &c, 1) != 1 || read(in, &c, 1) != 1)
			_exit(1);
		work(1000);
	}
}

static void pipe_pair(void)
{
	pid_t self = getpid();
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		_exit(1);
	pid_t pid = fork();

	if (pid < 0)
		_exit(1);
	if (!pid) {
		die_with_parent(self);
		pass_byte(there[0], back[1]);
	}
	pass_byte(back[0], there[1]);
}

static void forks(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			work(10000);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		nap(FORK_PAUSE_NS);
	}
}

static void run(enum sf_worker what)
{
	switch (what) {
	case SF_WORKER_SPIN:
		for (;;)
			work(1u << 20);
	case SF_WORKER_SLEEP:
		for (;;) {
			nap(SLEEP_NS);
			work(SLEEP_WORK);
		}
	case SF_WORKER_PIPE:
		pipe_pair();
		break;
	case SF_WORKER_FORK:
		forks();
		break;
	}
	_exit(1);
}

static void become_worker(enum sf_worker what, pid_t parent, int procs, int close_fd)
{
	struct sigaction ignore = { .sa_handler = SIG_DFL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	if (close_fd >= 0)
		close(close_fd);
	die_with_parent(parent);
	prctl(PR_SET_NAME, names[what]);
	/* "0" is whoever writes: the worker enters before its work, and nobody has to wait for it. */
	if (write(procs, "0", 1) != 1)
		_exit(1);
	close(procs);
	run(what);
}

struct sf_error *sf_worker_start(enum sf_worker what, const char *root, const char *cgroup, int close_fd,
				 pid_t *ret)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int procs = -1;

	if ((size_t)what >= ARRAY_SIZE(names))
		return sf_error_new(SF_USAGE, "%d is no kind of worker", (int)what);
	SF_TRY(sf_cgroup_path(root, cgroup, "cgroup.procs", &path));
	procs = open(path, O_WRONLY | O_CLOEXEC);
	if (procs < 0)
		return sf_error_sys(errno, "a worker's cgroup, %s", path);
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return sf_error_sys(errno, "starting a worker");
	if (!pid)
		become_worker(what, parent, procs, close_fd);
	*ret = pid;
	return NULL;
}

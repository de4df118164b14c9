/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that is asked something: its output is kept, its time is limited, and it does not outlive the question.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "private.h"

#define MAX_OUT ((size_t)1 << 20)
#define MAX_ERR ((size_t)8192)
#define TICK_MS 100
#define GRACE_NS UINT64_C(2000000000)

extern char **environ;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sf_child_said_clear(struct sf_child_said *said)
{
	free(said->out);
	free(said->err);
	*said = (struct sf_child_said){ 0 };
}

/* ---- starting ---------------------------------------------------------------------------------------------- */

/* Signals as a program expects them, whatever our caller blocks; a group of its own, to be ended as a whole. */
static int set_up(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions, int out, int err_fd)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	err = err ? err : posix_spawn_file_actions_adddup2(actions, out, 1);
	err = err ? err : posix_spawn_file_actions_adddup2(actions, err_fd, 2);
	err = err ? err : posix_spawnattr_setsigmask(attr, &none);
	err = err ? err : posix_spawnattr_setsigdefault(attr, &all);
	err = err ? err : posix_spawnattr_setpgroup(attr, 0);
	return err ? err : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						    POSIX_SPAWN_SETPGROUP);
}

static struct sf_error *start(const struct sf_child *child, int out, int err_fd, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return sf_error_nomem();
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&actions);
		return sf_error_nomem();
	}
	err = set_up(&attr, &actions, out, err_fd);
	err = err ? err : posix_spawn(ret, child->path, &actions, &attr, child->argv,
				      child->envp ? child->envp : environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return err ? sf_error_new(SF_USAGE, "cannot execute %s: %s", child->path, strerror(err)) : NULL;
}

/* ---- listening --------------------------------------------------------------------------------------------------- */

struct heard {
	int fd;
	char *text;
	size_t len, max;
	bool keep_end;
};

/* false: there will be no more. What is too much is read all the same, so that nobody hangs in a write. */
static bool hear(struct heard *h)
{
	char buf[16384];
	ssize_t n = read(h->fd, buf, sizeof(buf));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	size_t len = (size_t)n;

	if (h->keep_end && len > h->max - h->len) {
		size_t drop = sf_min(h->len, len - (h->max - h->len));

		memmove(h->text, h->text + drop, h->len - drop);
		h->len -= drop;
	}
	len = sf_min(len, h->max - h->len);
	memcpy(h->text + h->len, buf, len);
	h->len += len;
	return n > 0;
}

struct asking {
	const struct sf_child *child;
	struct sf_child_said *said;
	struct heard heard[2];
	int pidfd;
	pid_t pid;
	uint64_t end;            /* 0: none */
	uint64_t kill_at;        /* 0: not asked to end yet */
};

static void end_it(struct asking *a)
{
	uint64_t now = now_ns();

	if (!a->kill_at) {
		kill(-a->pid, SIGTERM);
		a->kill_at = now + GRACE_NS;
	} else if (now >= a->kill_at) {
		kill(-a->pid, SIGKILL);
	}
}

/* Until it has ended; pipes that a child of its own still holds are not waited for. */
static void listen_until_end(struct asking *a)
{
	for (;;) {
		struct pollfd fds[3] = {
			{ .fd = a->pidfd, .events = POLLIN },
			{ .fd = a->heard[0].fd, .events = POLLIN },
			{ .fd = a->heard[1].fd, .events = POLLIN },
		};

		poll(fds, ARRAY_SIZE(fds), TICK_MS);
		for (size_t i = 0; i < 2; i++)
			if (fds[i + 1].revents && !hear(&a->heard[i])) {
				close(a->heard[i].fd);
				a->heard[i].fd = -1;
			}
		if (fds[0].revents)
			break;
		a->said->late = a->said->late || (a->end && now_ns() >= a->end);
		a->said->stopped = a->said->stopped || (a->child->stop && a->child->stop(a->child->arg));
		if (a->said->late || a->said->stopped)
			end_it(a);
	}
	for (size_t i = 0; i < 2; i++)
		for (struct pollfd p = { .fd = a->heard[i].fd, .events = POLLIN }; p.fd >= 0;)
			if (poll(&p, 1, 0) <= 0 || !hear(&a->heard[i]))
				break;
}

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
}

static struct sf_error *ask(const struct sf_child *child, int out[2], int err_fds[2], struct sf_child_said *said)
{
	struct asking a = {
		.child = child,
		.said = said,
		.heard = { { .fd = out[0], .text = said->out, .max = MAX_OUT },
			   { .fd = err_fds[0], .text = said->err, .max = MAX_ERR, .keep_end = true } },
	};

	SF_TRY(start(child, out[1], err_fds[1], &a.pid));
	close(steal_fd(&out[1]));
	close(steal_fd(&err_fds[1]));
	if (child->timeout_ns)
		a.end = now_ns() + child->timeout_ns;
	a.pidfd = (int)syscall(SYS_pidfd_open, a.pid, 0);
	if (a.pidfd < 0) {
		struct sf_error *err = sf_error_sys(errno, "watching %s", child->path);

		kill(-a.pid, SIGKILL);
		wait_for(a.pid, &said->status);
		return err;
	}
	listen_until_end(&a);
	wait_for(a.pid, &said->status);
	close(a.pidfd);
	out[0] = a.heard[0].fd;
	err_fds[0] = a.heard[1].fd;
	said->out[a.heard[0].len] = '\0';
	said->err[a.heard[1].len] = '\0';
	return NULL;
}

static void close_pair(int fds[2])
{
	for (int i = 0; i < 2; i++)
		sf_cleanup_close(&fds[i]);
}

struct sf_error *sf_child_ask(const struct sf_child *child, struct sf_child_said *ret)
{
	_cleanup_said_ struct sf_child_said said = { .out = calloc(1, MAX_OUT + 1), .err = calloc(1, MAX_ERR + 1) };
	int out[2] = { -1, -1 }, err_fds[2] = { -1, -1 };
	struct sf_error *err = NULL;

	if (!said.out || !said.err)
		return sf_error_nomem();
	if (pipe2(out, O_CLOEXEC) || pipe2(err_fds, O_CLOEXEC))
		err = sf_error_sys(errno, "asking %s", child->path);
	/* Our ends only: what the child gets must block like any pipe. */
	if (!err && (fcntl(out[0], F_SETFL, O_NONBLOCK) || fcntl(err_fds[0], F_SETFL, O_NONBLOCK)))
		err = sf_error_sys(errno, "asking %s", child->path);
	if (!err)
		err = ask(child, out, err_fds, &said);
	close_pair(out);
	close_pair(err_fds);
	SF_TRY(err);
	*ret = said;
	said = (struct sf_child_said){ 0 };
	return NULL;
}

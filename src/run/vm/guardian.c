/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guardian.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FIRST_FD 3
#define MAX_FDS 48
#define LIFTED_FD 64 /* above every number that is given out */
#define END_MS 5000  /* a killed process is gone by then, or in the kernel for good */

enum message_kind { MSG_STARTED = 1, MSG_FAILED, MSG_EXITED };
enum step { STEP_FDS, STEP_DIR, STEP_CLONE, STEP_EXEC };

struct message {
	uint32_t kind;
	int32_t a, b; /* STARTED: pid; FAILED: step, errno; EXITED: si_code, si_status */
};

/* What the guardian works with: the owner's, as copied by clone(). */
struct plan {
	const struct sf_guard_spec *spec;
	int null_fd, control, owner_pidfd;
	int child_pidfd;
	pid_t child;
};

/* ---- in the guardian: system calls only ---- */

void sf_guard_remove_dir(const char *path)
{
	/* A directory that changes while it is read may be read in part: until nothing is left, but not for ever. */
	for (int round = 0; round < 16; round++) {
		char buf[4096] __attribute__((aligned(8)));
		int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ssize_t n;

		if (dir < 0)
			return;
		while ((n = getdents64(dir, buf, sizeof(buf))) > 0) {
			for (ssize_t at = 0; at < n;) {
				const struct dirent64 *d = (const void *)(buf + at);

				if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
					unlinkat(dir, d->d_name, 0);
				at += d->d_reclen;
			}
		}
		close(dir);
		if (!rmdir(path) || errno != ENOTEMPTY)
			return;
	}
}

static void tell(const struct plan *plan, struct message message, int pass_fd)
{
	struct iovec iov = { .iov_base = &message, .iov_len = sizeof(message) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass_fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	sendmsg(plan->control, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static _Noreturn void fail(const struct plan *plan, enum step step, int err)
{
	tell(plan, (struct message){ MSG_FAILED, step, err }, -1);
	_exit(1);
}

/* Puts what the program inherits at 0 to 2 + n, what the guardian keeps above, and closes all the rest. */
static bool arrange_fds(struct plan *plan)
{
	const struct sf_guard_spec *spec = plan->spec;
	int from[3 + MAX_FDS + 2], n = 0;
	int first_own = FIRST_FD + (int)spec->n_fds;

	from[n++] = plan->null_fd;
	from[n++] = spec->out_fd;
	from[n++] = spec->out_fd;
	for (size_t i = 0; i < spec->n_fds; i++)
		from[n++] = spec->fds[i];
	from[n++] = plan->control;
	from[n++] = plan->owner_pidfd;
	for (int i = 0; i < n; i++) {
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, LIFTED_FD);
		if (from[i] < 0)
			return false;
	}
	plan->control = from[first_own];
	if (close_range(0, LIFTED_FD - 1, 0))
		return false;
	for (int i = 0; i < n; i++)
		if (i < first_own ? dup2(from[i], i) < 0 : dup3(from[i], i, O_CLOEXEC) < 0)
			return false;
	plan->control = first_own;
	plan->owner_pidfd = first_own + 1;
	plan->null_fd = 0;
	return !close_range((unsigned int)n, ~0u, 0);
}

static void default_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
}

static _Noreturn void become_program(const struct plan *plan, pid_t guardian, int err_fd)
{
	sigset_t none;
	int err;

	/* The guardian has one thread, so the signal comes when the guardian is gone and not before. */
	if (!plan->spec->let_go) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != guardian)
			_exit(1);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(plan->spec->argv[0], plan->spec->argv);
	err = errno;
	if (write(err_fd, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static void start_program(struct plan *plan)
{
	pid_t self = getpid();
	int pipe_fds[2], err = 0;
	ssize_t n;

	if (pipe2(pipe_fds, O_CLOEXEC))
		fail(plan, STEP_FDS, errno);
	plan->child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &plan->child_pidfd, NULL, 0);
	if (plan->child < 0)
		fail(plan, STEP_CLONE, errno);
	if (!plan->child)
		become_program(plan, self, pipe_fds[1]);
	close(pipe_fds[1]);
	do {
		n = read(pipe_fds[0], &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	close(pipe_fds[0]);
	if (n) {
		if (plan->spec->socket_dir)
			sf_guard_remove_dir(plan->spec->socket_dir);
		fail(plan, STEP_EXEC, err);
	}
}

/* Until the program is gone, or we have to end it. */
static void watch(const struct plan *plan)
{
	struct pollfd fds[] = {
		{ .fd = plan->child_pidfd, .events = POLLIN },
		{ .fd = plan->control, .events = POLLIN },
		{ .fd = plan->owner_pidfd, .events = POLLIN },
	};
	siginfo_t info = { 0 };

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR)
		;
	if (!fds[0].revents) {
		if (plan->spec->let_go)
			return;
		pidfd_send_signal(plan->child_pidfd, SIGKILL, NULL, 0);
	}
	while (waitid(P_PIDFD, (id_t)plan->child_pidfd, &info, WEXITED) && errno == EINTR)
		;
	tell(plan, (struct message){ MSG_EXITED, info.si_code, info.si_status }, -1);
}

static _Noreturn void guardian_main(struct plan *plan)
{
	const struct sf_guard_spec *spec = plan->spec;

	/* Signals stay blocked, as they came: nothing but SIGKILL ends a guardian early. */
	default_signals();
	setsid();
	prctl(PR_SET_NAME, "sf-guardian");
	if (!arrange_fds(plan))
		fail(plan, STEP_FDS, errno);
	if (spec->socket_dir && mkdir(spec->socket_dir, 0700))
		fail(plan, STEP_DIR, errno);
	start_program(plan);
	close_range(0, (unsigned int)(FIRST_FD + spec->n_fds - 1), 0);
	if (chdir("/"))
		_exit(1);
	tell(plan, (struct message){ MSG_STARTED, plan->child, 0 }, plan->child_pidfd);
	watch(plan);
	if (spec->socket_dir)
		sf_guard_remove_dir(spec->socket_dir);
	_exit(0);
}

/* ---- in the owner ---- */

/* One message, without waiting. 1: got one; 0: the guardian is gone; -1: nothing there. */
static int hear(int control, struct message *ret, int *ret_fd)
{
	struct message message;
	struct iovec iov = { .iov_base = &message, .iov_len = sizeof(message) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} buf;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &buf, .msg_controllen = sizeof(buf.space),
	};
	ssize_t n;

	do {
		n = recvmsg(control, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -1;
	if (n != sizeof(message))
		return 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		int fd;

		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (ret_fd && *ret_fd < 0)
			*ret_fd = fd;
		else
			close(fd);
	}
	*ret = message;
	return 1;
}

static int ms_until(uint64_t deadline)
{
	uint64_t now = sf_vm_clock();

	if (deadline == SF_NEVER)
		return -1;
	if (deadline <= now)
		return 0;
	return (int)sf_min((deadline - now) / SF_MILLISECOND + 1, (uint64_t)60000);
}

static struct sf_error *start_failed(const struct sf_guard_spec *spec, const struct message *m)
{
	switch (m->a) {
	case STEP_EXEC:
		return sf_error_new(SF_USAGE, "cannot execute %s: %s", spec->argv[0], strerror(m->b));
	case STEP_DIR:
		return sf_error_sys(m->b, "socket directory %s", spec->socket_dir);
	default:
		return sf_error_sys(m->b, "starting %s", spec->argv[0]);
	}
}

static struct sf_error *await_start(const struct sf_guard_spec *spec, uint64_t deadline, struct sf_guard *guard)
{
	struct message message;

	for (;;) {
		int got = hear(guard->control, &message, &guard->child_pidfd);

		if (got > 0 && message.kind == MSG_FAILED) {
			/* A directory that was there before is not ours to remove. */
			if (message.a == STEP_DIR)
				free(steal_ptr(&guard->socket_dir));
			return start_failed(spec, &message);
		}
		if (got > 0 && message.kind == MSG_STARTED && guard->child_pidfd >= 0) {
			guard->child = message.a;
			return NULL;
		}
		if (got >= 0)
			return sf_error_new(SF_TRANSPORT, "starting %s: the guardian process is gone", spec->argv[0]);
		if (sf_vm_clock() >= deadline)
			return sf_error_new(SF_DEADLINE, "%s did not start in time", spec->argv[0]);
		struct pollfd pfd = { .fd = guard->control, .events = POLLIN };

		poll(&pfd, 1, ms_until(deadline));
	}
}

/*
 * Not fork(): a child without exit signal raises no SIGCHLD in a program that we are a guest in, and no wait() of that
 * program's reaps it; and it gives a pidfd at once. clone3() is refused in many containers.
 */
static pid_t clone_guardian(struct plan *plan, int *ret_pidfd)
{
	sigset_t all, old;

	/* A handler of ours must not run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD, NULL, ret_pidfd, NULL, 0);

	if (!pid)
		guardian_main(plan);
	int saved = errno;

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return pid;
}

struct sf_error *sf_guard_start(const struct sf_guard_spec *spec, uint64_t deadline, struct sf_guard *ret)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int owner_pidfd = pidfd_open(getpid(), 0);
	struct sf_guard guard = SF_GUARD_NULL;
	int pair[2];

	if (spec->n_fds > MAX_FDS)
		return sf_error_new(SF_USAGE, "more than %d fds to inherit", MAX_FDS);
	if (null_fd < 0 || owner_pidfd < 0)
		return sf_error_sys(errno, "starting %s", spec->argv[0]);
	if (spec->socket_dir && !(guard.socket_dir = strdup(spec->socket_dir)))
		return sf_error_nomem();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		free(guard.socket_dir);
		return sf_error_sys(errno, "starting %s", spec->argv[0]);
	}
	struct plan plan = {
		.spec = spec, .null_fd = null_fd, .control = pair[1], .owner_pidfd = owner_pidfd, .child_pidfd = -1,
	};
	struct sf_error *err = NULL;

	guard.control = pair[0];
	guard.pid = clone_guardian(&plan, &guard.pidfd);
	if (guard.pid < 0)
		err = sf_error_sys(errno, "starting a guardian process");
	close(pair[1]);
	if (!err)
		err = await_start(spec, deadline, &guard);
	if (err) {
		sf_guard_end(&guard);
		return err;
	}
	*ret = guard;
	return NULL;
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t end = sf_vm_clock() + (uint64_t)ms * SF_MILLISECOND;
	int n;

	do {
		n = poll(&pfd, 1, ms_until(end));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

void sf_guard_update(struct sf_guard *guard)
{
	struct message message;
	int got;

	if (guard->exited || guard->control < 0)
		return;
	while ((got = hear(guard->control, &message, NULL)) > 0) {
		if (message.kind != MSG_EXITED)
			continue;
		guard->exited = true;
		guard->status_known = true;
		guard->signalled = message.a != CLD_EXITED;
		guard->status = message.b;
		return;
	}
	if (got < 0)
		return;
	/* The guardian was killed. The kernel has killed the program for it; twice does no harm. */
	if (guard->child_pidfd >= 0)
		pidfd_send_signal(guard->child_pidfd, SIGKILL, NULL, 0);
	guard->exited = true;
}

static void reap(int *pidfd, int flags)
{
	siginfo_t info;

	if (*pidfd < 0)
		return;
	if (!readable(*pidfd, END_MS)) {
		pidfd_send_signal(*pidfd, SIGKILL, NULL, 0);
		readable(*pidfd, END_MS);
	}
	if (flags)
		waitid(P_PIDFD, (id_t)*pidfd, &info, flags);
	close(steal_fd(pidfd));
}

void sf_guard_end(struct sf_guard *guard)
{
	/* shutdown() and not close(): the caller may have a child with a copy of the fd. */
	if (guard->control >= 0)
		shutdown(guard->control, SHUT_RDWR);
	reap(&guard->pidfd, WEXITED | WNOHANG | __WALL);
	if (guard->child_pidfd >= 0)
		pidfd_send_signal(guard->child_pidfd, SIGKILL, NULL, 0);
	reap(&guard->child_pidfd, 0);
	if (guard->control >= 0)
		close(steal_fd(&guard->control));
	if (guard->socket_dir)
		sf_guard_remove_dir(guard->socket_dir);
	free(guard->socket_dir);
	*guard = SF_GUARD_NULL;
}

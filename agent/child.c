/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent.h"
#include "base/file.h"

/* ---- output ------------------------------------------------------------------------------------- */

static void keep_tail(struct child *child, const char *text, size_t len)
{
	size_t max = sizeof(child->tail) - 1;

	if (len > max) {
		text += len - max;
		len = max;
	}
	if (child->tail_len + len > max) {
		size_t drop = child->tail_len + len - max;

		memmove(child->tail, child->tail + drop, child->tail_len - drop);
		child->tail_len -= drop;
	}
	memcpy(child->tail + child->tail_len, text, len);
	child->tail_len += len;
}

const char *child_tail(struct child *child)
{
	child->tail[child->tail_len] = '\0';
	return child->tail;
}

static void send_line(struct output *output)
{
	struct child *child = output->child;
	struct agent *agent = child->agent;
	char text[OUTPUT_LINE + 1];

	/* A child that talks more than the host takes loses lines, and never time. */
	if (child->sent > OUTPUT_MAX || sf_wire_out_pending(&agent->port.out) > OUTPUT_QUEUE) {
		child->dropped++;
		agent->lines_dropped++;
	} else {
		memcpy(text, output->line, output->len);
		text[output->len] = '\0';
		struct sf_wire_message m = {
			.type = SF_WIRE_LOGL, .name = child->who, .stream = output->stream, .text = text,
			.cut = output->cutting,
		};

		agent_say(agent, &m);
		child->sent += output->len + 1;
	}
	output->len = 0;
}

/* As much of a line as there is room for. */
static void take_part(struct output *output, const char *text, size_t len)
{
	size_t room = sizeof(output->line) - output->len;

	if (output->cutting)
		return;
	memcpy(output->line + output->len, text, sf_min(len, room));
	output->len += sf_min(len, room);
	if (len >= room) {
		output->cutting = true;
		send_line(output);
	}
}

static void take_output(struct output *output, const char *text, size_t len)
{
	const char *newline;

	keep_tail(output->child, text, len);
	for (; (newline = memchr(text, '\n', len)); len -= (size_t)(newline + 1 - text), text = newline + 1) {
		take_part(output, text, (size_t)(newline - text));
		if (!output->cutting)
			send_line(output);
		output->cutting = false;
	}
	take_part(output, text, len);
}

static void close_output(struct output *output)
{
	if (output->source.fd < 0)
		return;
	loop_remove(&output->child->agent->loop, &output->source);
	close(output->source.fd);
	output->source.fd = -1;
	if (output->len)
		send_line(output);
}

/* False: nothing to read for now, or never again. */
static bool read_output(struct output *output)
{
	char buf[65536]; /* all that a pipe holds: who prints without end costs the guest as little as can be */
	ssize_t n;

	if (output->source.fd < 0)
		return false;
	n = read(output->source.fd, buf, sizeof(buf));
	if (n > 0) {
		take_output(output, buf, (size_t)n);
		return true;
	}
	if (!n)
		close_output(output);
	return n < 0 && errno == EINTR;
}

static void output_ready(struct source *source, uint32_t events)
{
	(void)events;
	read_output(sf_container_of(source, struct output, source));
}

void child_read_rest(struct child *child)
{
	struct output *both[] = { &child->out, &child->err };

	if (!child->pid)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		/* Descendants may hold the pipe and go on printing: there is an end to it. */
		for (int n = 0; n < 64 && read_output(both[i]); n++)
			;
		if (both[i]->len)
			send_line(both[i]);
	}
}

/* ---- starting ------------------------------------------------------------------------------------ */

void child_detach(int first_fd)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range((unsigned int)first_fd, ~0u, 0);
}

static void exec_child(const struct command *command, int out, int err, int report)
{
	static char path[] = "PATH=/stillframe/bin:/usr/bin:/bin:/usr/sbin:/sbin", home[] = "HOME=/";
	int null = open("/dev/null", O_RDONLY);
	size_t n = 0;

	/* `report` moves to 3, which execve() closes; then nothing above is ours. */
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
	    (report != 3 && dup3(report, 3, O_CLOEXEC) < 0))
		_exit(127);
	child_detach(4);
	setsid();
	while (command->envp[n])
		n++;
	char **envp = calloc(n + 3, sizeof(*envp));

	if (envp) {
		/* Of equal names getenv() takes the first: ours are the defaults. */
		memcpy(envp, command->envp, n * sizeof(*envp));
		envp[n] = path;
		envp[n + 1] = home;
		execve(command->argv[0], command->argv, envp);
	}
	int failed = errno;

	if (write(3, &failed, sizeof(failed)) != sizeof(failed))
		_exit(126);
	_exit(127);
}

static struct sf_error *open_output(struct child *child, struct output *output, const char *stream, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return sf_error_sys(errno, "a pipe for the output of the %s", child->who);
	*ret_write = fds[1];
	output->source.fd = fds[0];
	output->source.ready = output_ready;
	output->child = child;
	output->stream = stream;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return loop_add(&child->agent->loop, &output->source, EPOLLIN);
}

struct sf_error *child_start(struct agent *agent, struct child *child, const char *who,
			     const struct command *command)
{
	_cleanup_close_ int out = -1, err = -1, report = -1, result = -1;
	int fds[2];

	child->agent = agent;
	child->who = who;
	child->out.source.fd = child->err.source.fd = -1;
	SF_TRY(open_output(child, &child->out, "stdout", &out));
	SF_TRY(open_output(child, &child->err, "stderr", &err));
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return sf_error_sys(errno, "a pipe to the %s", who);
	result = fds[0];
	report = fds[1];
	pid_t pid = child->contained ? contain_fork(agent) : fork();

	if (pid < 0)
		return sf_error_sys(errno, "starting the %s", who);
	if (!pid)
		exec_child(command, out, err, report);
	child->pid = pid;
	child->report = steal_fd(&result);
	return NULL;
}

struct sf_error *child_exec_error(const struct child *child, const struct command *command)
{
	if (!child->exec_errno)
		return NULL;
	if (child->exec_errno == ENOENT && !access(command->argv[0], F_OK))
		return sf_error_new(SF_NOT_FOUND, "executing %s: its interpreter (the dynamic loader, or the #! line's "
				    "program) is not in the guest", command->argv[0]);
	return sf_error_sys(child->exec_errno, "executing %s", command->argv[0]);
}

/* ---- ending -------------------------------------------------------------------------------------- */

static bool note_end(struct child *child, pid_t pid, int status)
{
	if (!child->pid || child->pid != pid || child->ended)
		return false;
	child->ended = true;
	child->status = status;
	/* Nothing waits for execve(): under a scheduler that starves the child it may take long. */
	if (read(child->report, &child->exec_errno, sizeof(int)) != sizeof(int))
		child->exec_errno = 0;
	close(child->report);
	child_read_rest(child);
	return true;
}

static void note_worker(struct agent *agent, pid_t pid)
{
	for (size_t i = 0; i < agent->workers.n; i++)
		agent->workers_lost += agent->workers.v[i] == pid;
}

void children_reap(struct agent *agent)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		note_worker(agent, pid);
		note_end(&agent->test, pid, status);
		if (note_end(&agent->sched.child, pid, status))
			sched_child_ended(agent);
	}
}

bool children_any(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

void child_describe_end(const struct child *child, char *text, size_t size)
{
	if (!child->ended)
		snprintf(text, size, "still runs");
	else if (WIFSIGNALED(child->status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(child->status),
			 strsignal(WTERMSIG(child->status)));
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(child->status));
}

bool child_is_stopped(const struct child *child)
{
	_cleanup_free_ char *path = sf_asprintf("/proc/%d/stat", child->pid), *text = NULL;
	size_t len;
	SF_OWNED(error) err = path ? sf_file_get(path, 4096, &text, &len) : sf_error_nomem();
	/* A name may have anything in it. */
	const char *state = err ? NULL : strrchr(text, ')');

	return state && !strncmp(state, ") T", 3);
}

void child_tell_end(const struct child *child, struct sf_wire_message *m)
{
	if (!child->ended)
		return;
	m->ended = true;
	m->signal = WIFSIGNALED(child->status) ? WTERMSIG(child->status) : 0;
	m->exit_code = m->signal ? 0 : WEXITSTATUS(child->status);
}

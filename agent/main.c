/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "agent.h"
#include "base/file.h"
#include "guest/guest.h"

#define RUN_FILE "/stillframe/run.json"
#define PORT_NS (10 * SECOND_NS)
#define CONFIG_NS (10 * SECOND_NS)
#define DYING_NS (2 * SECOND_NS)
#define LAST_WORDS_NS (5 * SECOND_NS)
#define MAX_ERRORS 256 /* of the kernel, that the host is told of */

/* ---- saying ---------------------------------------------------------------------------------------- */

void agent_say(struct agent *agent, struct sf_wire_message *m)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!m->t_ns)
		m->t_ns = sf_wire_now();
	SF_OWNED(error) err = sf_wire_message_encode(m, &text, &len);

	if (!err && agent->port.source.fd >= 0)
		err = port_send(&agent->port, m->type, text, len);
	if (err)
		console("stillframe: could not tell the host %s: %s", sf_wire_type_name(m->type), sf_error_message(err));
}

void agent_event(struct agent *agent, const char *name, const char *fmt, ...)
{
	struct sf_wire_message m = { .type = SF_WIRE_EVNT, .name = name };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m.text = *text ? text : NULL;
	agent_say(agent, &m);
}

void agent_fatal(struct agent *agent, const char *where, struct sf_error *err)
{
	struct sf_wire_message m = { .type = SF_WIRE_FATL, .name = where, .text = sf_error_message(err) };

	console("stillframe: fatal: %s: %s", where, m.text);
	agent_say(agent, &m);
	agent->fatal = true;
	sf_error_free(err);
}

bool agent_wait(struct agent *agent, bool (*done)(struct agent *agent), uint64_t deadline)
{
	while (!done(agent))
		if (!loop_once(&agent->loop, deadline))
			return done(agent);
	return true;
}

/* ---- what comes from elsewhere ---------------------------------------------------------------------- */

static void take_config(struct agent *agent, const char *text, size_t len)
{
	struct sf_error *err = config_read(text, len, &agent->config);

	if (err)
		agent_fatal(agent, "config", err);
	else
		agent->configured = true;
}

static void host_frame(void *arg, const struct sf_wire_frame *frame)
{
	struct agent *agent = arg;

	switch (frame->type) {
	case SF_WIRE_SNRP:
		relay_host_frame(&agent->relay, frame);
		break;
	case SF_WIRE_DONE:
		agent->done_seen = true;
		break;
	case SF_WIRE_RUNC:
		if (!agent->configured && !agent->fatal)
			take_config(agent, (const char *)frame->data, frame->len);
		break;
	}
}

static void host_listens(void *arg)
{
	relay_resume(&((struct agent *)arg)->relay);
}

/* A request has no room for the time at which it was made; the host takes it from this event before it. */
static void tell_asked(struct agent *agent, const void *payload, size_t len)
{
	struct sf_wire_request req;

	if (sf_wire_request_decode(payload, len, &req))
		agent_event(agent, "asked", "%s", req.tag);
}

static void to_host(void *arg, uint32_t type, const void *payload, size_t len)
{
	struct agent *agent = arg;

	if (type == SF_WIRE_SNRQ)
		tell_asked(agent, payload, len);
	SF_OWNED(error) err = port_send(&agent->port, type, payload, len);

	if (err)
		console("stillframe: lost a frame of a test program: %s", sf_error_message(err));
}

/* Errors of the kernel, which the host looks through; a flood of them is of no use to anybody. */
static void kernel_error(void *arg, const char *line)
{
	struct agent *agent = arg;

	if (agent->n_errors > MAX_ERRORS)
		return;
	/* Lost records count, too: a program can overwrite them without end. */
	if (agent->n_errors++ == MAX_ERRORS)
		agent_event(agent, "kernel-cut", "too many errors");
	else if (line)
		agent_event(agent, "kernel", "%s", line);
	else
		agent_event(agent, "kernel-cut", "records were overwritten");
}

static bool host_congested(void *arg)
{
	return port_congested(&((struct agent *)arg)->port);
}

static void complain(void *arg, const char *what)
{
	agent_event(arg, "client", "%s", what);
}

static void child_signal(struct source *source, uint32_t events)
{
	struct agent *agent = sf_container_of(source, struct agent, sigchld);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info))
		;
	children_reap(agent);
}

/* ---- the start -------------------------------------------------------------------------------------- */

static struct sf_error *take_signals(struct agent *agent)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sched_param param = { .sched_priority = 1 };
	sigset_t chld;

	sigaction(SIGPIPE, &ignore, NULL);
	reboot(RB_DISABLE_CAD);
	/*
	 * Above the scheduler under test, which may starve everybody else. Without it a run would still work, so a
	 * refusal is no error. Children are started as ordinary tasks.
	 */
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	agent->sigchld = (struct source){
		.fd = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC), .ready = child_signal,
	};
	if (agent->sigchld.fd < 0)
		return sf_error_sys(errno, "noticing the end of children");
	return loop_add(&agent->loop, &agent->sigchld, EPOLLIN);
}

static struct sf_error *boot(struct agent *agent)
{
	struct sf_error *mounted = boot_mount();

	boot_console();
	SF_TRY(mounted);
	if (!sf_in_guest())
		return sf_error_new(SF_USAGE, "/proc/cmdline does not have %s: this is no guest of stillframe",
				    SF_GUEST_TOKEN);
	SF_TRY(loop_init(&agent->loop));
	SF_TRY(take_signals(agent));
	relay_init(&agent->relay, &agent->loop);
	agent->relay.forward = to_host;
	agent->relay.congested = host_congested;
	agent->relay.complain = complain;
	agent->port.frame = host_frame;
	agent->port.drained = host_listens;
	agent->port.arg = agent->relay.arg = agent;
	agent->sched.kmsg.error = kernel_error;
	agent->sched.kmsg.arg = agent;
	return port_open(&agent->port, &agent->loop, agent->started_ns + PORT_NS);
}

static bool has_config(struct agent *agent)
{
	return agent->configured || agent->fatal;
}

static void get_config(struct agent *agent)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (access(RUN_FILE, F_OK)) {
		if (!agent_wait(agent, has_config, sf_wire_now() + CONFIG_NS))
			agent_fatal(agent, "config", sf_error_new(SF_NOT_FOUND, "there is no " RUN_FILE
				    " in the initramfs, and the host did not send what to run"));
		return;
	}
	struct sf_error *err = sf_file_get(RUN_FILE, SF_WIRE_MAX_MESSAGE, &text, &len);

	if (err)
		agent_fatal(agent, "config", err);
	else
		take_config(agent, text, len);
}

/* ---- the run ---------------------------------------------------------------------------------------- */

static bool sched_settled(struct agent *agent)
{
	return agent->sched.state != SF_WIRE_SCHED_STARTING || agent->fatal;
}

static void test_overdue(struct timer *timer)
{
	struct agent *agent = sf_container_of(timer, struct agent, test_deadline);

	if (agent->test.ended)
		return;
	agent_event(agent, "test-deadline", "the test program did not end within %.3f s",
		    (double)agent->config.test_ns / 1e9);
	kill(-agent->test.pid, SIGKILL);
	kill(agent->test.pid, SIGKILL);
}

static struct sf_error *start_test(struct agent *agent)
{
	if (!agent->config.test.argv)
		return NULL;
	SF_TRY(child_start(agent, &agent->test, "test", &agent->config.test));
	agent_event(agent, "test", "%s", agent->config.test.argv[0]);
	agent->test_deadline.fired = test_overdue;
	if (agent->config.test_ns)
		loop_arm(&agent->loop, &agent->test_deadline, sf_wire_now() + agent->config.test_ns);
	return NULL;
}

/* The kernel is heard while its scheduler may still have all that it had: its program has not ended yet. */
static void keep_scheduler_exit(struct agent *agent)
{
	struct sched *s = &agent->sched;
	char why[sizeof(s->kmsg.reason) + sizeof(s->kmsg.message) + 2];

	if (agent->scheduler_exit.kind || s->stopping ||
	    (s->state != SF_WIRE_SCHED_ATTACHED && s->state != SF_WIRE_SCHED_EXITED))
		return;
	if (s->kmsg.disabled)
		snprintf(why, sizeof(why), "%s%s%s", s->kmsg.reason, s->kmsg.message[0] ? ": " : "", s->kmsg.message);
	else if (s->state == SF_WIRE_SCHED_EXITED)
		snprintf(why, sizeof(why), "%s", "the scheduler is not attached any more");
	else
		return;
	capture_moment(agent, &agent->scheduler_exit, "scheduler-exit", why);
}

/* What a signal ended has cleaned up nothing. */
static void keep_test_death(struct agent *agent)
{
	char end[128], why[160];

	if (agent->test_died.kind || !agent->test.ended || !WIFSIGNALED(agent->test.status))
		return;
	child_describe_end(&agent->test, end, sizeof(end));
	snprintf(why, sizeof(why), "the test's part in the guest %s", end);
	capture_moment(agent, &agent->test_died, "test-died", why);
}

static bool moments_over(struct agent *agent)
{
	return agent->scheduler_exit.state != CAPTURE_ASKED && agent->test_died.state != CAPTURE_ASKED;
}

static bool run_over(struct agent *agent)
{
	keep_scheduler_exit(agent);
	if (agent->fatal || (sched_lost(&agent->sched) && !agent->config.outlive_sched))
		return true;
	if (agent->config.test.argv)
		return agent->test.ended;
	return sf_wire_now() >= agent->attached_ns + agent->config.duration_ns;
}

static void run(struct agent *agent)
{
	struct config *c = &agent->config;

	agent->deadline_ns = c->deadline_ns ? c->deadline_ns : NEVER;
	boot_modules(agent);
	struct sf_error *err = relay_listen(&agent->relay, SF_WIRE_SOCKET);

	if (!err)
		err = sched_start(agent);
	if (err) {
		agent_fatal(agent, "start", err);
		return;
	}
	if (!agent_wait(agent, sched_settled, agent->deadline_ns) || sched_lost(&agent->sched))
		return;
	err = captures_start(agent);
	if (!err)
		err = workload_start(agent);
	if (!err)
		agent_event(agent, "workload", "%zu workers", agent->workers.n);
	if (!err)
		err = start_test(agent);
	if (err) {
		agent_fatal(agent, "workload", err);
		return;
	}
	agent_wait(agent, run_over, sf_min(c->test.argv ? NEVER : agent->attached_ns + c->duration_ns,
					   agent->deadline_ns));
	keep_test_death(agent);
	/* Each has a deadline of its own. */
	agent_wait(agent, moments_over, NEVER);
	err = child_exec_error(&agent->test, &c->test);
	if (err)
		agent_fatal(agent, "test", err);
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static bool captures_answered(struct agent *agent)
{
	return captures_over(agent);
}

static bool no_children(struct agent *agent)
{
	(void)agent;
	return !children_any();
}

static bool all_said(struct agent *agent)
{
	return !sf_wire_out_pending(&agent->port.out);
}

static bool done_seen(struct agent *agent)
{
	return agent->done_seen;
}

/* What is due has been asked for; an answer is worth waiting for, each until its own deadline. */
static void end_captures(struct agent *agent)
{
	uint64_t now = sf_wire_now();

	while (!agent->fatal && loop_once(&agent->loop, now))
		;
	captures_abandon(agent);
	agent_wait(agent, captures_answered, agent->fatal ? now : NEVER);
}

static void end_everybody(struct agent *agent)
{
	sched_check(agent);
	workload_stop(agent);
	loop_disarm(&agent->loop, &agent->test_deadline);
	if (agent->test.pid && !agent->test.ended)
		kill(-agent->test.pid, SIGKILL);
	sched_stop(agent);
	kill(-1, SIGKILL);
	agent_wait(agent, no_children, sf_wire_now() + DYING_NS);
	children_reap(agent);
	relay_drain(&agent->relay);
	child_read_rest(&agent->sched.child);
	child_read_rest(&agent->test);
}

static void last_words(struct agent *agent, const char *how)
{
	struct sf_wire_message m = { .type = SF_WIRE_DONE, .name = how, .dropped = agent->lines_dropped };

	child_tell_end(&agent->test, &m);
	agent_say(agent, &m);
	if (!agent_wait(agent, all_said, sf_wire_now() + LAST_WORDS_NS))
		console("stillframe: the host did not take the last %zu bytes", sf_wire_out_pending(&agent->port.out));
	/* Bytes that QEMU has not read when the machine goes off are lost: the host says when it has them. */
	if (agent->config.done_ns && !agent_wait(agent, done_seen, sf_wire_now() + agent->config.done_ns))
		console("stillframe: the host did not acknowledge the end");
}

static void finish(struct agent *agent)
{
	bool overdue = agent->deadline_ns != NEVER && sf_wire_now() >= agent->deadline_ns;
	const char *how = "done";

	if (agent->loop.epoll < 0 || agent->port.source.fd < 0)
		return;
	if (agent->configured) {
		end_captures(agent);
		end_everybody(agent);
		kmsg_read(&agent->sched.kmsg);
	} else {
		agent->config.done_ns = SECOND_NS;
	}
	if (agent->fatal)
		how = "fatal";
	else if (agent->sched.state == SF_WIRE_SCHED_FAILED ||
		 (agent->sched.state == SF_WIRE_SCHED_EXITED && !agent->config.outlive_sched))
		how = "scheduler";
	else if (overdue)
		how = "deadline";
	last_words(agent, how);
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* No ACPI: under -no-reboot a reset ends QEMU as well. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static struct agent the_agent; /* large, and only ever handed on as a pointer */
	struct agent *agent = &the_agent;

	if (getpid() != 1)
		return scenario_main(argc, argv);
	agent->started_ns = sf_wire_now();
	agent->deadline_ns = NEVER;
	agent->loop.epoll = agent->port.source.fd = agent->relay.listener.fd = agent->sched.kmsg.source.fd = -1;
	struct sf_error *err = boot(agent);

	if (err) {
		agent_fatal(agent, "boot", err);
	} else {
		struct sf_wire_message started = { .type = SF_WIRE_EVNT, .t_ns = agent->started_ns, .name = "boot" };

		agent_say(agent, &started);
		boot_hello(agent);
		get_config(agent);
	}
	if (agent->configured)
		run(agent);
	finish(agent);
	power_off();
}

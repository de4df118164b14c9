/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent.h"

/*
 * The scheduler's life as the kernel tells it. /sys/kernel/sched_ext/state is the truth, but nobody can wait for it: it
 * does not notify. The kernel does say in its log when a scheduler comes and goes, and the log can be waited for. So a
 * line there makes us look at once, and a slow tick looks for what had no line.
 */

#define STATE "/sys/kernel/sched_ext/state"
#define OPS "/sys/kernel/sched_ext/root/ops"
#define TICK_STARTING_NS (20 * MS_NS)
#define TICK_NS (100 * MS_NS)
#define TICK_STOPPING_NS (5 * MS_NS)
#define LAST_OUTPUT_NS SECOND_NS /* what a program gets to end by itself, once the kernel threw it out */
#define RELOAD_NS (10 * SECOND_NS) /* and what it gets to load it again, once it took it out itself */
#define GRACE_NS (3 * SECOND_NS)

static const char unregistered[] = "unregistered from user space";
/* Only for a CPU that came or went (handle_hotplug() in kernel/sched/ext.c); which one, it tells exit() alone. */
static const char hotplugged[] = "unregistered from the main kernel";

/* ---- state ----------------------------------------------------------------------------------------- */

static bool read_word(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool state_is(const char *word)
{
	char state[32];

	return read_word(STATE, state, sizeof(state)) && !strcmp(state, word);
}

bool sched_lost(const struct sched *s)
{
	return s->state == SF_WIRE_SCHED_FAILED || s->state == SF_WIRE_SCHED_EXITED ||
	       s->state == SF_WIRE_SCHED_DETACHED;
}

/* Tells the host, and those in the guest who ask. @m has what is known beside the state. */
static void change_state(struct agent *agent, enum sf_wire_sched state, struct sf_wire_message *m)
{
	struct sched *s = &agent->sched;
	char why[1024];

	s->state = state;
	m->type = SF_WIRE_SCHD;
	m->sched = state;
	if (!m->ops && s->ops[0])
		m->ops = s->ops;
	agent_say(agent, m);
	if (state == SF_WIRE_SCHED_STARTING)
		return;
	if (!sched_lost(s)) {
		relay_set_attached(&agent->relay, SF_WIRE_OK, NULL);
		return;
	}
	loop_disarm(&agent->loop, &s->tick);
	snprintf(why, sizeof(why), "the scheduler %s%s%s%s%s", sf_wire_sched_name(state), m->reason ? ": " : "",
		 m->reason ? m->reason : "", m->text ? ": " : "", m->text ? m->text : "");
	relay_set_attached(&agent->relay, SF_WIRE_ERR, why);
}

/* It will not attach. What the kernel said is worth more than what we make of it. */
static void fail(struct agent *agent, const char *cause, const char *text, const char *log)
{
	struct sched *s = &agent->sched;
	struct sf_wire_message m = { .cause = cause, .text = text, .log = log };

	if (s->state != SF_WIRE_SCHED_STARTING)
		return;
	if (s->kmsg.disabled) {
		m.ops = s->kmsg.ops;
		m.reason = s->kmsg.reason;
		m.text = s->kmsg.message[0] ? s->kmsg.message : text;
	}
	child_tell_end(&s->child, &m);
	change_state(agent, SF_WIRE_SCHED_FAILED, &m);
}

/* Did we end its process? */
static bool is_of_ours(const struct sched *s)
{
	int status = s->child.status;

	return s->stopping && s->child.ended && WIFSIGNALED(status) &&
	       (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGKILL);
}

/* It was attached and is not any more. */
static void left(struct agent *agent)
{
	struct sched *s = &agent->sched;
	struct kmsg *k = &s->kmsg;
	struct sf_wire_message m = { 0 };
	_cleanup_free_ char *log = NULL;

	child_read_rest(&s->child);
	if (k->disabled) {
		m.reason = k->reason;
		m.text = k->message[0] ? k->message : strcmp(k->reason, hotplugged) ? NULL :
			 "a CPU went offline or came online, which it has no cpu_offline() and cpu_online() for";
	} else if (!state_is("disabled")) {
		m.text = "the kernel has not let go of it yet";
	}
	if (!m.text && !s->stopping && contain_out_of_memory(agent))
		m.text = "the guest ran out of memory";
	if (!is_of_ours(s))
		child_tell_end(&s->child, &m);
	log = sf_asprintf("%s%s", k->disabled ? k->trace : "", child_tail(&s->child));
	m.log = log && *log ? log : NULL;
	/* Told to go, it goes "unregistered from user space"; anything else is its own doing even then. */
	bool asked = s->stopping && !s->leaving && (!k->disabled || !strcmp(k->reason, unregistered));

	change_state(agent, asked ? SF_WIRE_SCHED_DETACHED : SF_WIRE_SCHED_EXITED, &m);
}

/* A program of which only descendants are left may still attach; one that left none, or failed, will not. */
static void ended_unattached(struct agent *agent)
{
	static const char no_library[] = "error while loading shared libraries: ";
	struct sched *s = &agent->sched;
	const char *tail = child_tail(&s->child), *library = strstr(tail, no_library);
	char text[512], end[128];
	SF_OWNED(error) err = child_exec_error(&s->child, &agent->config.program);

	if (err) {
		fail(agent, SF_WIRE_CAUSE_EXEC, sf_error_message(err), NULL);
		return;
	}
	if (s->child.status == 0 && children_any())
		return;
	if (library && WIFEXITED(s->child.status) && WEXITSTATUS(s->child.status) == 127) {
		library += sizeof(no_library) - 1;
		snprintf(text, sizeof(text), "it lacks a shared library: %.*s",
			 (int)sf_min(strcspn(library, "\n"), (size_t)300), library);
		fail(agent, SF_WIRE_CAUSE_LIBRARY, text, tail);
		return;
	}
	child_describe_end(&s->child, end, sizeof(end));
	snprintf(text, sizeof(text), "it %s before it was attached", end);
	fail(agent, SF_WIRE_CAUSE_EXITED, text, tail);
}

static void attached(struct agent *agent)
{
	struct sched *s = &agent->sched;
	struct sf_wire_message m = { 0 };

	agent->attached_ns = m.t_ns = sf_wire_now();
	s->deadline = 0;
	if (!read_word(OPS, s->ops, sizeof(s->ops)))
		s->ops[0] = '\0';
	change_state(agent, SF_WIRE_SCHED_ATTACHED, &m);
}

static void check_starting(struct agent *agent)
{
	struct sched *s = &agent->sched;
	char text[128];

	kmsg_read(&s->kmsg);
	/* One that left again at once may be seen in the log alone. */
	if (s->kmsg.enabled || state_is("enabled")) {
		attached(agent);
	} else if (s->loader_attached && s->kmsg.disabled) {
		/* To the kernel a scheduler whose init() fails has attached with success, and is disabled then. */
		fail(agent, SF_WIRE_CAUSE_REJECTED, "the kernel disabled it before it was enabled",
		     s->kmsg.trace[0] ? s->kmsg.trace : NULL);
	} else if (s->child.ended) {
		ended_unattached(agent);
	}
	if (s->state == SF_WIRE_SCHED_STARTING && sf_wire_now() >= s->deadline) {
		snprintf(text, sizeof(text), "it was not attached within %.1f s%s",
			 (double)agent->config.attach_ns / 1e9,
			 s->child.pid && child_is_stopped(&s->child) ? "; a signal has stopped its process" : "");
		fail(agent, SF_WIRE_CAUSE_TIMEOUT, text, child_tail(&s->child));
	}
}

/* No error of its own, that is. */
static bool is_own_wish(const struct kmsg *k)
{
	return !strcmp(k->reason, unregistered) || !strcmp(k->reason, hotplugged);
}

/* A program may load its scheduler again, as many do after a CPU came or went. That is another one, and the same run. */
static void came_back(struct agent *agent)
{
	struct sched *s = &agent->sched;

	s->deadline = 0;
	s->leaving = false;
	agent_event(agent, "warning", "the scheduler left (%s), and its program attached it again", s->kmsg.reason);
}

static void check_attached(struct agent *agent)
{
	struct sched *s = &agent->sched;
	uint64_t now = sf_wire_now();

	/* On an error the kernel begins to disable at once, and may take seconds to be done with it. */
	if (!s->stopping && state_is("disabling"))
		s->leaving = true;
	if (!state_is("disabled")) {
		if (s->deadline && !s->stopping && state_is("enabled"))
			came_back(agent);
		return;
	}
	/* Before judging: the reason is logged before the state changes. */
	kmsg_read(&s->kmsg);
	/* A program's exit status and last words are worth a moment. */
	bool may_end = s->child.pid && !s->child.ended;

	if (may_end && !s->deadline)
		s->deadline = now + (!s->stopping && s->kmsg.disabled && is_own_wish(&s->kmsg) ? RELOAD_NS :
											  LAST_OUTPUT_NS);
	if (!may_end || now >= s->deadline)
		left(agent);
	else if (!s->tick.armed || s->tick.at_ns > now + TICK_STOPPING_NS)
		loop_arm(&agent->loop, &s->tick, now + TICK_STOPPING_NS);
}

void sched_check(struct agent *agent)
{
	struct sched *s = &agent->sched;

	if (s->state == SF_WIRE_SCHED_STARTING)
		check_starting(agent);
	if (s->state == SF_WIRE_SCHED_ATTACHED)
		check_attached(agent);
}

static void ticked(struct timer *timer)
{
	struct agent *agent = sf_container_of(timer, struct agent, sched.tick);
	struct sched *s = &agent->sched;

	sched_check(agent);
	if (timer->armed || (s->state != SF_WIRE_SCHED_STARTING && s->state != SF_WIRE_SCHED_ATTACHED))
		return;
	loop_arm(&agent->loop, timer, sf_wire_now() + (s->stopping ? TICK_STOPPING_NS :
		 s->state == SF_WIRE_SCHED_STARTING ? TICK_STARTING_NS : TICK_NS));
}

static void log_spoke(struct source *source, uint32_t events)
{
	struct agent *agent = sf_container_of(source, struct agent, sched.kmsg.source);

	(void)events;
	kmsg_read(&agent->sched.kmsg);
	sched_check(agent);
}

void sched_child_ended(struct agent *agent)
{
	struct sched *s = &agent->sched;
	char text[128];

	if (s->state == SF_WIRE_SCHED_ATTACHED && !s->stopping) {
		child_describe_end(&s->child, text, sizeof(text));
		agent_event(agent, "scheduler-process", "%s", text);
	}
	sched_check(agent);
}

/* ---- starting and stopping -------------------------------------------------------------------------- */

static void take_report(struct agent *agent, const struct sf_wire_frame *frame)
{
	struct sched *s = &agent->sched;
	_cleanup_message_ struct sf_wire_message m = { 0 };
	SF_OWNED(error) err = sf_wire_message_read(frame, &m);

	if (err)
		return;
	if (m.sched == SF_WIRE_SCHED_ATTACHED) {
		s->loader_attached = true;
	} else if (m.sched == SF_WIRE_SCHED_FAILED) {
		kmsg_read(&s->kmsg);
		_cleanup_free_ char *log = sf_asprintf("%s%s", m.log ? m.log : "", s->kmsg.trace);

		fail(agent, m.cause, m.text, log && *log ? log : NULL);
	}
}

static void loader_ready(struct source *source, uint32_t events)
{
	struct agent *agent = sf_container_of(source, struct agent, sched.loader);
	struct sched *s = &agent->sched;
	struct sf_wire_frame frame;
	uint8_t buf[8192];
	ssize_t n = read(source->fd, buf, sizeof(buf));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		sf_error_free(sf_wire_in_push(&s->loader_in, buf, (size_t)n));
	while (sf_wire_in_next(&s->loader_in, &frame) == SF_WIRE_FRAME)
		take_report(agent, &frame);
	if (n <= 0) {
		loop_remove(&agent->loop, source);
		close(source->fd);
		source->fd = -1;
		sf_wire_in_clear(&s->loader_in);
		fail(agent, SF_WIRE_CAUSE_EXITED, "its loader ended without a word", NULL);
	}
	sched_check(agent);
}

static struct sf_error *start_loader(struct agent *agent)
{
	struct sched *s = &agent->sched;

	SF_TRY(sched_load(agent->config.object, &s->loader_pid, &s->loader.fd));
	s->loader.ready = loader_ready;
	return loop_add(&agent->loop, &s->loader, EPOLLIN);
}

static struct sf_error *start_program(struct agent *agent)
{
	contain_begin(agent);
	agent->sched.child.contained = true;
	return child_start(agent, &agent->sched.child, "scheduler", &agent->config.program);
}

struct sf_error *sched_start(struct agent *agent)
{
	struct sched *s = &agent->sched;
	struct sf_wire_message none = { 0 }, starting = { 0 };
	bool btf, sched_ext;

	s->loader.fd = -1;
	s->tick.fired = ticked;
	kmsg_open(&s->kmsg, &agent->loop, log_spoke);
	if (agent->config.sched == SCHED_NONE) {
		agent->attached_ns = none.t_ns = sf_wire_now();
		change_state(agent, SF_WIRE_SCHED_NONE, &none);
		return NULL;
	}
	change_state(agent, SF_WIRE_SCHED_STARTING, &starting);
	boot_kernel_facts(&btf, &sched_ext);
	if (!sched_ext) {
		fail(agent, SF_WIRE_CAUSE_NO_SCHED_EXT,
		     "this kernel has no sched_ext (CONFIG_SCHED_CLASS_EXT): there is no " STATE, NULL);
		return NULL;
	}
	if (!btf) {
		fail(agent, SF_WIRE_CAUSE_NO_BTF,
		     "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): there is no /sys/kernel/btf/vmlinux", NULL);
		return NULL;
	}
	if (agent->config.sched == SCHED_OBJ)
		SF_TRY(start_loader(agent));
	else
		SF_TRY(start_program(agent));
	s->deadline = sf_wire_now() + agent->config.attach_ns;
	loop_arm(&agent->loop, &s->tick, sf_wire_now() + TICK_STARTING_NS);
	return NULL;
}

static bool not_attached(struct agent *agent)
{
	return agent->sched.state != SF_WIRE_SCHED_ATTACHED;
}

void sched_stop(struct agent *agent)
{
	struct sched *s = &agent->sched;

	contain_tell(agent);
	if (s->state != SF_WIRE_SCHED_ATTACHED)
		return;
	/* One that was to come back did not. */
	if (state_is("disabled"))
		s->leaving = true;
	s->stopping = true;
	s->deadline = 0;
	loop_arm(&agent->loop, &s->tick, sf_wire_now() + TICK_STOPPING_NS);
	/* A program may have left a daemon in its place; whoever else is there has no more time than it. */
	kill(s->loader_pid ? s->loader_pid : -1, s->loader_pid ? SIGKILL : SIGTERM);
	/* Who is stopped hears of it now. */
	kill(-1, SIGCONT);
	if (agent_wait(agent, not_attached, sf_wire_now() + GRACE_NS))
		return;
	if (s->loader_pid)
		agent_event(agent, "warning", "the scheduler was not gone %llu s after its loader was killed",
			    GRACE_NS / SECOND_NS);
	else
		agent_event(agent, "warning", "the scheduler did not end within %llu s of SIGTERM, and was killed",
			    GRACE_NS / SECOND_NS);
	/* It does not mind: nothing that could hold the scheduler is left alive. */
	kill(-1, SIGKILL);
	if (agent_wait(agent, not_attached, sf_wire_now() + GRACE_NS))
		return;
	/* The dying do not get a CPU to die on: the kernel's own way out (sysrq-S). */
	_cleanup_close_ int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "S", 1) == 1)
		agent_wait(agent, not_attached, sf_wire_now() + GRACE_NS);
	if (s->state == SF_WIRE_SCHED_ATTACHED)
		left(agent);
}

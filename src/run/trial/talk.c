/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The talk with the agent over the bulk port: what it says changes what we know, requests go to the coordinator, and
 * replies come back. Every byte is the guest's word and no more.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>

#include "private.h"

#define MAX_VALUES 65536
#define MAX_VALUE_BYTES (64u << 20) /* of their names and texts: run.json has all of them, each time it is written */
#define MAX_ASKED 4096 /* captures that one guest may ask for: each is memory here, and a file */
#define READ_CHUNK 65536

void sf_run_progress(struct sf_run *run, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	if (!run->opt.progress)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n >= 0)
		run->opt.progress(run->opt.progress_arg, text);
}

/* ---- saying ------------------------------------------------------------------------------------------------------ */

static void port_died(struct sf_run *run, const char *why)
{
	if (run->port_dead)
		return;
	run->port_dead = true;
	/* A machine that went off takes its port along: that is no finding. */
	if (!run->ended && !run->done)
		sf_log(&run->opt.log, SF_LOG_WARN, "the guest's port: %s", why);
}

void sf_run_flush_port(struct sf_run *run)
{
	int err;

	if (run->port_dead || !sf_wire_out_pending(&run->out))
		return;
	/* Nothing arrives in the guest's memory while it is stopped. */
	sf_coordinator_lock_ports(run->coordinator);
	err = sf_wire_out_flush(&run->out, sf_vm_port_fd(run->vm, SF_VM_PORT_BULK));
	sf_coordinator_unlock_ports(run->coordinator);
	if (err && err != EAGAIN)
		port_died(run, strerror(err));
}

static void say(struct sf_run *run, uint32_t type, const void *payload, size_t len)
{
	SF_OWNED(error) err = sf_wire_out_frame(&run->out, type, payload, len);

	if (err)
		port_died(run, sf_error_message(err));
	sf_run_flush_port(run);
}

void sf_run_reply(struct sf_run *run, uint32_t id, struct sf_error *err)
{
	uint8_t payload[SF_WIRE_REPLY];

	sf_wire_reply_encode(payload, id, err ? SF_WIRE_ERR : SF_WIRE_OK, err ? sf_error_message(err) : "");
	say(run, SF_WIRE_SNRP, payload, sizeof(payload));
}

/* ---- hearing: requests -------------------------------------------------------------------------------------------- */

/* Beyond the limit it is answered all the same: the guest need not know how many are enough. */
static struct sf_error *serve_moment(struct sf_run *run, const struct sf_wire_request *req, const uint64_t *guest_ns)
{
	_cleanup_free_ char *because = steal_ptr(&run->because);
	enum sf_moment moment;
	bool asked;

	if (!sf_run_moment_of_guest(req->tag, &moment))
		return sf_error_new(SF_HOST, "\"%s\" is no moment that a frame is kept of", req->tag);
	SF_TRY(sf_run_ask_moment(run, moment, because ? because : "", guest_ns, req->id, &asked, NULL));
	if (!asked)
		sf_run_reply(run, req->id, NULL);
	return NULL;
}

static struct sf_error *serve_request(struct sf_run *run, const struct sf_wire_request *req)
{
	/* The guest said when it asked: an event comes before each request. */
	uint64_t since_attached = run->asked_at - run->attached_at;
	const uint64_t *guest_ns = run->attached_at && run->asked_at >= run->attached_at ? &since_attached : NULL;

	switch (req->kind) {
	case SF_SNAPSHOT_KIND_CAPTURE:
		if (!req->tag[0])
			return sf_error_new(SF_USAGE, "a capture needs a name");
		if (run->n_asked++ >= MAX_ASKED)
			return sf_error_new(SF_HOST, "no capture \"%s\": the guest has asked for %u already", req->tag,
					    MAX_ASKED);
		return sf_run_ask(run, req->tag, "on-demand", "", guest_ns, req->id, false);
	case SF_WIRE_KIND_MOMENT:
		return serve_moment(run, req, guest_ns);
	case SF_SNAPSHOT_KIND_WATCH:
		return sf_error_new(SF_HOST, "watching a symbol (%s) is not possible yet", req->tag);
	default:
		return sf_error_new(SF_HOST, "there is no kind %" PRIu32 " of request; 1 captures, 2 watches", req->kind);
	}
}

static void on_request(struct sf_run *run, const struct sf_wire_frame *frame)
{
	struct sf_wire_request req;

	if (!frame->crc_ok || !sf_wire_request_decode(frame->data, frame->len, &req)) {
		sf_log(&run->opt.log, SF_LOG_WARN, "a request of the guest that makes no sense was dropped");
		return;
	}
	SF_OWNED(error) err = serve_request(run, &req);

	if (err)
		sf_run_reply(run, req.id, err);
}

/* ---- hearing: messages -------------------------------------------------------------------------------------------- */

static void on_hello(struct sf_run *run, const struct sf_wire_message *m)
{
	run->heard = true;
	run->boot_ns = m->t_ns;
	free(run->release);
	run->release = m->release ? strdup(m->release) : NULL;
	sf_run_progress(run, "kernel %s is up after %.2f s", m->release ? m->release : "?", (double)m->t_ns / 1e9);
	if (!m->btf)
		sf_run_find(run, SF_BAD_USAGE, "kernel", "%s (%s) has no BTF: it was built without "
			    "CONFIG_DEBUG_INFO_BTF", m->release ? m->release : "?", run->kernel_path);
	else
		sf_run_prepare_capture(run);
}

/* Which of the verdicts a scheduler's failure is: bad input, or the scheduler's own fault. */
static enum sf_verdict verdict_of_cause(const char *cause)
{
	static const char *const usage[] = {
		SF_WIRE_CAUSE_NO_SCHED_EXT, SF_WIRE_CAUSE_NO_BTF, SF_WIRE_CAUSE_OBJECT, SF_WIRE_CAUSE_EXEC,
		SF_WIRE_CAUSE_LIBRARY,
	};

	for (size_t i = 0; cause && i < ARRAY_SIZE(usage); i++)
		if (!strcmp(cause, usage[i]))
			return SF_BAD_USAGE;
	return SF_FAIL;
}

/* How the scheduler's process ended, where it did: "", or a sentence that begins with a comma. */
static char *how_it_ended(const struct sf_wire_message *m)
{
	if (!m->ended)
		return strdup("");
	if (m->signal)
		return sf_asprintf(", its process was killed by signal %d (%s)", m->signal, strsignal(m->signal));
	return sf_asprintf(", its process ended with status %d", m->exit_code);
}

static void sched_finding(struct sf_run *run, const struct sf_wire_message *m, const char *what, enum sf_verdict verdict)
{
	const char *text = m->text ? m->text : "", *reason = m->reason ? m->reason : "", *log = m->log ? m->log : "";
	_cleanup_free_ char *ended = m->sched == SF_WIRE_SCHED_EXITED ? how_it_ended(m) : strdup("");

	run->sched_failed = true;
	sf_run_find(run, verdict, "scheduler", "%s %s%s%s%s%s%s%s%s%s", run->scheduler, what, ended ? ended : "",
		    text[0] ? ": " : "", text, reason[0] ? " (" : "", reason, reason[0] ? ")" : "", log[0] ? "\n" : "", log);
}

/* The kernel's fault, and so told of the kernel. */
static bool is_of_kernel(const char *cause)
{
	return cause && (!strcmp(cause, SF_WIRE_CAUSE_NO_SCHED_EXT) || !strcmp(cause, SF_WIRE_CAUSE_NO_BTF));
}

static void on_failed(struct sf_run *run, const struct sf_wire_message *m)
{
	if (!is_of_kernel(m->cause)) {
		sched_finding(run, m, "was not attached", verdict_of_cause(m->cause));
		return;
	}
	run->sched_failed = true;
	sf_run_find(run, SF_BAD_USAGE, "kernel", "%s (%s) can run no scheduler: %s", run->release ? run->release : "?",
		    run->kernel_path, m->text ? m->text : m->cause);
}

static void on_attached(struct sf_run *run, const struct sf_wire_message *m)
{
	/* Once: other threads read what it leaves, and `started` is called once. */
	if (run->clock_begun) {
		sf_log(&run->opt.log, SF_LOG_WARN, "the guest said again that its scheduler is attached");
		return;
	}
	run->attached = m->sched == SF_WIRE_SCHED_ATTACHED;
	run->attached_at = m->t_ns;
	sf_run_note_clock(run, m->t_ns, true);
	if (run->attached) {
		free(run->ops);
		run->ops = m->ops ? strdup(m->ops) : NULL;
		sf_run_progress(run, "%s is attached", m->ops && m->ops[0] ? m->ops : run->scheduler);
	} else {
		sf_run_progress(run, "no scheduler: the kernel's own is the baseline");
	}
	if (run->opt.started)
		run->opt.started(run, run->opt.started_arg);
}

static void on_sched(struct sf_run *run, const struct sf_wire_message *m)
{
	switch (m->sched) {
	case SF_WIRE_SCHED_NONE:
	case SF_WIRE_SCHED_ATTACHED:
		on_attached(run, m);
		break;
	case SF_WIRE_SCHED_FAILED:
		on_failed(run, m);
		break;
	case SF_WIRE_SCHED_EXITED:
		run->detached_at = m->t_ns;
		sched_finding(run, m, "left before the end", SF_FAIL);
		break;
	case SF_WIRE_SCHED_DETACHED:
		run->detached_at = m->t_ns;
		break;
	default:
		break;
	}
}

static void on_value(struct sf_run *run, const struct sf_wire_message *m)
{
	size_t len = (m->name ? strlen(m->name) : 0) + (m->str ? strlen(m->str) : 0);
	bool has_room = run->values.n < MAX_VALUES && len <= MAX_VALUE_BYTES - run->value_bytes;
	struct sf_run_value *v = has_room && m->name ? sf_vec_push(&run->values) : NULL;

	if (!v) {
		sf_log(&run->opt.log, SF_LOG_WARN, "a value of the guest was not kept: there are %zu", run->values.n);
		return;
	}
	*v = (struct sf_run_value){
		.name = strdup(m->name),
		.kind = m->value,
		.u64 = m->u64,
		.i64 = m->i64,
		.str = m->str ? strdup(m->str) : NULL,
	};
	if (!v->name || (m->str && !v->str)) {
		free(v->name);
		free(v->str);
		run->values.n--;
		return;
	}
	run->value_bytes += len;
}

static void on_result(struct sf_run *run, const struct sf_wire_message *m)
{
	if (!sf_run_step_result(run, m))
		sf_run_find_result(run, m->ok, m->name ? m->name : "", m->text ? m->text : "");
}

static void judge_test(struct sf_run *run, const struct sf_wire_message *m)
{
	/* PID 1 ends it with the run. Then why that ended has been said already, and is the one true reason. */
	bool cut_off = run->sched_failed && m->signal == SIGKILL && strcmp(m->name ? m->name : "", "done");

	if (cut_off)
		return;
	if (!m->ended)
		sf_run_find(run, SF_INCONCLUSIVE, "guest", "the test's part in the guest %s",
			    run->sched_failed ? "was not run" : "did not end");
	else if (m->signal)
		sf_run_find(run, SF_FAIL, "guest", "the test's part in the guest was killed by signal %d (%s)",
			    m->signal, strsignal(m->signal));
	else if (m->exit_code == 126 || m->exit_code == 127)
		sf_run_find(run, SF_INCONCLUSIVE, "guest", "the test's part in the guest could not be started");
	else if (m->exit_code == SF_INCONCLUSIVE)
		sf_run_find(run, SF_INCONCLUSIVE, "guest", "the test's part in the guest was inconclusive");
	else if (m->exit_code == SF_HARNESS_FAILED)
		sf_run_find(run, SF_HARNESS_FAILED, "guest", "the test's part in the guest could not reach the agent");
	else if (m->exit_code)
		sf_run_find(run, SF_FAIL, "guest", "the test's part in the guest ended with exit code %d", m->exit_code);
}

static void on_end(struct sf_run *run, const struct sf_wire_message *m)
{
	run->done = true;
	run->last_word = sf_vm_clock();
	if (m->dropped)
		sf_log(&run->opt.log, SF_LOG_WARN, "%" PRIu64 " lines of the guest's programs were not sent", m->dropped);
	say(run, SF_WIRE_DONE, NULL, 0);
	if (sf_run_has_steps(run))
		sf_run_scenario_ended(run, m);
	else if (run->opt.test)
		judge_test(run, m);
}

static void on_event(struct sf_run *run, const struct sf_wire_message *m)
{
	const char *name = m->name ? m->name : "?", *text = m->text ? m->text : "";

	if (sf_run_step_event(run, m))
		return;
	if (!strcmp(name, "asked")) {
		run->asked_at = m->t_ns;
	} else if (!strcmp(name, "because")) {
		free(run->because);
		run->because = strdup(text);
	} else if (!strcmp(name, "kernel")) {
		sf_run_log_line(run, text);
	} else if (!strcmp(name, "kernel-cut")) {
		run->log_cut = true;
	}
	sf_log(&run->opt.log, strcmp(name, "warning") ? SF_LOG_INFO : SF_LOG_WARN, "guest: %s%s%s", name,
	       text[0] ? ": " : "", text);
}

static void on_message(struct sf_run *run, const struct sf_wire_message *m)
{
	sf_run_note_clock(run, m->t_ns, false);
	switch (m->type) {
	case SF_WIRE_HELO:
		on_hello(run, m);
		break;
	case SF_WIRE_SCHD:
		on_sched(run, m);
		break;
	case SF_WIRE_VALU:
		on_value(run, m);
		break;
	case SF_WIRE_RSLT:
		on_result(run, m);
		break;
	case SF_WIRE_LOGL:
		sf_log(&run->opt.log, SF_LOG_INFO, "%s: %s%s", m->name ? m->name : "guest", m->text ? m->text : "",
		       m->cut ? " …" : "");
		break;
	case SF_WIRE_EVNT:
		on_event(run, m);
		break;
	case SF_WIRE_FATL:
		sf_run_find(run, SF_HARNESS_FAILED, "guest", "the agent cannot go on: %s: %s", m->name ? m->name : "?",
			    m->text ? m->text : "?");
		break;
	case SF_WIRE_DONE:
		on_end(run, m);
		break;
	default:
		break;
	}
}

static void on_frame(struct sf_run *run, const struct sf_wire_frame *frame)
{
	_cleanup_message_ struct sf_wire_message m = { 0 };

	if (frame->type == SF_WIRE_SNRQ) {
		on_request(run, frame);
		return;
	}
	if (!sf_wire_is_message(frame->type)) {
		sf_log(&run->opt.log, SF_LOG_WARN, "a frame of the guest of type 0x%08x was dropped", frame->type);
		return;
	}
	SF_OWNED(error) err = sf_wire_message_read(frame, &m);

	if (err)
		sf_log(&run->opt.log, SF_LOG_WARN, "a message of the guest was dropped: %s", sf_error_message(err));
	else
		on_message(run, &m);
}

void sf_run_read_port(struct sf_run *run)
{
	uint8_t buf[READ_CHUNK];
	struct sf_wire_frame frame;
	ssize_t n = read(sf_vm_port_fd(run->vm, SF_VM_PORT_BULK), buf, sizeof(buf));

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			port_died(run, strerror(errno));
		return;
	}
	if (!n) {
		port_died(run, "closed");
		return;
	}
	SF_OWNED(error) err = sf_wire_in_push(&run->in, buf, (size_t)n);

	if (err) {
		port_died(run, sf_error_message(err));
		return;
	}
	for (;;) {
		enum sf_wire_got got = sf_wire_in_next(&run->in, &frame);

		if (got == SF_WIRE_NONE)
			return;
		if (got == SF_WIRE_LOST)
			sf_log(&run->opt.log, SF_LOG_WARN, "the guest's port carries bytes that are no frames");
		else
			on_frame(run, &frame);
	}
}

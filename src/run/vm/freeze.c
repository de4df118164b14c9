/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <poll.h>

#include "regs.h"

/*
 * The hot path. QEMU answers `stop` in its main loop: it kicks the vCPUs out of guest code, waits for each, and sends
 * the STOP event. With STOP in hand one byte fires the request for the registers, which has been loaded since the
 * last stop; QEMU writes them down while the caller copies, and `cont` is loaded meanwhile, to be one byte too.
 * Sending the request whole together with `stop` makes a pause longer by half a millisecond: that is how long QEMU
 * needs to read it, and it begins when the guest has stopped.
 */

static const struct sf_qmp_command stop_command = { .name = "stop" };
static const struct sf_qmp_command cont_command = { .name = "cont" };
static const struct sf_qmp_command regs_command = {
	.name = "human-monitor-command", .arguments = "{\"command-line\":\"info registers -a\"}",
};

static struct sf_error *gone(const struct sf_vm *vm)
{
	return sf_error_new(SF_TRANSPORT, "%s", vm->last.text);
}

static struct sf_error *load(struct sf_vm_side *side, const struct sf_qmp_command *command, uint64_t deadline)
{
	side->loaded = NULL;
	SF_TRY(sf_qmp_load(side->qmp, command, deadline, &side->id));
	side->loaded = command;
	return NULL;
}

struct sf_error *sf_vm_freeze_init(struct sf_vm *vm, uint64_t deadline)
{
	SF_TRY(load(&vm->sides[SF_VM_SIDE_STOP], &stop_command, deadline));
	return load(&vm->sides[SF_VM_SIDE_REST], &regs_command, deadline);
}

/*
 * Sends @command: fires it where it is loaded, and loads @next (NULL: nothing) there with the same write; else on the
 * first connection.
 */
static struct sf_error *fire(struct sf_vm *vm, struct sf_vm_side *side, const struct sf_qmp_command *command,
			     const struct sf_qmp_command *next, uint64_t deadline, struct sf_vm_sent *ret)
{
	uint64_t id = side->id;

	if (side->loaded != command) {
		SF_TRY(sf_qmp_send(vm->qmp, command, 1, deadline, &id));
		*ret = (struct sf_vm_sent){ vm->qmp, id };
		return NULL;
	}
	SF_TRY(load(side, next, deadline));
	*ret = (struct sf_vm_sent){ side->qmp, id };
	return NULL;
}

static bool waiting(const struct sf_vm_sent *sent)
{
	return sent->on && sf_qmp_waiting(sent->on, sent->id);
}

static void forget(struct sf_vm_sent *sent)
{
	if (sent->on)
		sf_qmp_forget(sent->on, sent->id);
	sent->on = NULL;
}

/* Until one of the connections has something, and what it is. A broken one is an error, even if QEMU is just gone. */
static struct sf_error *step(struct sf_vm *vm, uint64_t deadline)
{
	struct pollfd fds[1 + SF_VM_N_SIDES] = { { .fd = sf_qmp_fd(vm->qmp), .events = POLLIN } };
	struct sf_error *err = NULL;
	uint64_t now = sf_vm_clock();

	for (size_t i = 0; i < SF_VM_N_SIDES; i++)
		fds[1 + i] = (struct pollfd){ .fd = sf_qmp_fd(vm->sides[i].qmp), .events = POLLIN };
	if (deadline > now) {
		uint64_t left = sf_min(deadline - now, 3600 * SF_SECOND);
		struct timespec t = { (time_t)(left / SF_SECOND), (long)(left % SF_SECOND) };

		ppoll(fds, ARRAY_SIZE(fds), &t, NULL);
	}
	/* The first one last: QEMU sends an event there before it answers the command that caused it. */
	for (size_t i = 0; !err && i < SF_VM_N_SIDES; i++)
		err = sf_qmp_pump(vm->sides[i].qmp, 0);
	if (!err)
		err = sf_qmp_pump(vm->qmp, 0);
	if (!err)
		err = sf_vm_absorb_events(vm);
	if (!err)
		return NULL;
	err = sf_vm_broken(vm, err);
	return err ? err : gone(vm);
}

/* A stop that came too late to be of use must not leave the guest stopped. */
static struct sf_error *undo_stop(struct sf_vm *vm)
{
	uint64_t id;
	struct sf_error *err = sf_qmp_send(vm->qmp, &cont_command, 1, sf_vm_clock() + SF_SECOND, &id);

	if (!err) {
		vm->cont_command = (struct sf_vm_sent){ vm->qmp, id };
		vm->expect_resume = true;
	}
	sf_error_free(err);
	return sf_error_new(SF_DEADLINE, "the guest did not stop in time");
}

static struct sf_error *stop_and_wait(struct sf_vm *vm, uint64_t deadline)
{
	bool was_running = vm->running;

	SF_TRY(fire(vm, &vm->sides[SF_VM_SIDE_STOP], &stop_command, NULL, deadline, &vm->stop_command));
	vm->expect_stop = was_running;
	while (waiting(&vm->stop_command) && (vm->running || !was_running)) {
		SF_TRY(step(vm, deadline));
		if (waiting(&vm->stop_command) && vm->running && sf_vm_clock() >= deadline)
			return undo_stop(vm);
	}
	/* Answered without an event: it was stopped before, by somebody or because it has ended. */
	if (!was_running || vm->running)
		vm->stopped_at = sf_vm_clock();
	vm->expect_stop = false;
	vm->running = false;
	vm->held = true;
	return NULL;
}

struct sf_error *sf_vm_stop(struct sf_vm *vm, uint64_t deadline)
{
	if (vm->held)
		return sf_error_new(SF_USAGE, "the guest is stopped already");
	SF_TRY(sf_vm_absorb(vm));
	if (vm->last.type == SF_VM_EVENT_GONE)
		return gone(vm);
	if (waiting(&vm->cont_command))
		return sf_error_new(SF_USAGE, "the guest is still being let go after the last stop");
	forget(&vm->stop_command);
	forget(&vm->regs_command);
	sf_json_unref(steal_ptr(&vm->regs));
	sf_qmp_log_hold(&vm->qmp_log);
	struct sf_error *err = stop_and_wait(vm, deadline);

	if (err) {
		sf_qmp_log_flush(&vm->qmp_log);
		return err;
	}
	/* A capture without registers is better than none: sf_vm_regs() tells. */
	err = fire(vm, &vm->sides[SF_VM_SIDE_REST], &regs_command, &cont_command, deadline, &vm->regs_command);
	if (err)
		sf_log(&vm->log, SF_LOG_WARN, "registers: %s", sf_error_message(err));
	sf_error_free(err);
	return NULL;
}

struct sf_error *sf_vm_regs(struct sf_vm *vm, uint64_t deadline, struct sf_vcpu_regs *ret, size_t n)
{
	if (!vm->regs) {
		struct sf_vm_sent sent = vm->regs_command;

		if (!sent.on)
			return sf_error_new(SF_USAGE, "no stop has asked for registers");
		vm->regs_command.on = NULL;
		SF_TRY(sf_qmp_wait(sent.on, sent.id, deadline, &vm->regs));
	}
	const struct sf_json_node *text = sf_json_member(sf_json_root(vm->regs), "return");

	if (!text || text->type != SF_JSON_STRING)
		sf_vcpu_regs_parse("", 0, ret, n);
	else
		sf_vcpu_regs_parse(text->value.str, text->str_len, ret, n);
	return NULL;
}

/* QEMU would not let it go on: the guest has ended while it was stopped, or QEMU has given it up. */
static struct sf_error *cont_refused(struct sf_vm *vm, struct sf_error *err, uint64_t deadline)
{
	struct sf_error *status = sf_vm_ask_status(vm);

	while (!status && vm->status_id && sf_vm_clock() < deadline)
		status = step(vm, deadline);
	sf_error_free(status);
	if (!vm->last.type)
		return err;
	sf_error_free(err);
	return NULL;
}

static struct sf_error *cont_and_wait(struct sf_vm *vm, uint64_t deadline)
{
	_cleanup_json_ struct sf_json *reply = NULL;
	struct sf_vm_sent *sent = &vm->cont_command;

	SF_TRY(fire(vm, &vm->sides[SF_VM_SIDE_REST], &cont_command, &regs_command, deadline, sent));
	vm->expect_resume = true;
	while (waiting(sent) && !vm->running) {
		SF_TRY(step(vm, deadline));
		/* The reply is what the next stop has to wait for then. */
		if (waiting(sent) && !vm->running && sf_vm_clock() >= deadline)
			return sf_error_new(SF_DEADLINE, "the guest did not go on in time");
	}
	/* RESUME comes before the reply. */
	if (vm->running) {
		forget(sent);
		return NULL;
	}
	struct sf_error *err = sf_qmp_wait(sent->on, sent->id, 0, &reply);

	sent->on = NULL;
	if (err) {
		vm->expect_resume = false;
		return cont_refused(vm, err, deadline);
	}
	/* RESUME is on another connection, and can be late if that one was full. */
	while (vm->expect_resume && sf_vm_clock() < deadline)
		SF_TRY(step(vm, deadline));
	return NULL;
}

/* For the next stop, now that nobody waits. Without it that one takes a little longer. */
static void load_stop(struct sf_vm *vm, uint64_t deadline)
{
	struct sf_vm_side *side = &vm->sides[SF_VM_SIDE_STOP];
	struct sf_error *err = side->loaded ? NULL : load(side, &stop_command, deadline);

	if (err)
		sf_log(&vm->log, SF_LOG_WARN, "%s", sf_error_message(err));
	sf_error_free(err);
}

struct sf_error *sf_vm_cont(struct sf_vm *vm, uint64_t deadline)
{
	if (!vm->held)
		return sf_error_new(SF_USAGE, "the guest is not stopped");
	vm->held = false;
	/* An end may have been noticed under the stop; QEMU would resume after a panic. */
	struct sf_error *err = step(vm, 0);

	if (!err && vm->running)
		err = sf_error_new(SF_TRANSPORT, "somebody else let the guest go on while it was stopped here");
	else if (!err && !vm->ending && !vm->last.type && !vm->stopped_by_others)
		err = cont_and_wait(vm, deadline);
	if (!vm->last.type)
		load_stop(vm, deadline);
	sf_qmp_log_flush(&vm->qmp_log);
	return err;
}

uint64_t sf_vm_stopped_at(const struct sf_vm *vm)
{
	return vm->stopped_at;
}

uint64_t sf_vm_resumed_at(const struct sf_vm *vm)
{
	return vm->resumed_at;
}

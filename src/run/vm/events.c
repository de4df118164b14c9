/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>

#define CONSOLE_PERIOD (100 * SF_MILLISECOND)
#define WORDS_LINES 8
/* From QMP's end of file to the guardian's word on how QEMU ended. */
#define EXIT_GRACE (2 * SF_SECOND)

const char *sf_vm_event_name(enum sf_vm_event_type type)
{
	static const char *const names[] = {
		[SF_VM_EVENT_NONE] = "none",
		[SF_VM_EVENT_STOPPED] = "stopped",
		[SF_VM_EVENT_RESUMED] = "resumed",
		[SF_VM_EVENT_POWEROFF] = "poweroff",
		[SF_VM_EVENT_RESET] = "reset",
		[SF_VM_EVENT_PANIC] = "panic",
		[SF_VM_EVENT_FAULT] = "fault",
		[SF_VM_EVENT_GONE] = "gone",
	};

	return (size_t)type < ARRAY_SIZE(names) ? names[type] : "unknown";
}

static sf_printf(3, 4) void set_event(struct sf_vm_event *event, enum sf_vm_event_type type, const char *fmt, ...)
{
	va_list ap;

	event->type = type;
	event->time = sf_vm_clock();
	va_start(ap, fmt);
	vsnprintf(event->text, sizeof(event->text), fmt, ap);
	va_end(ap);
}

/* A line of the registers that QEMU writes down when KVM gives up: pages of them, after the words that matter. */
static bool is_dump_line(const char *line)
{
	size_t name = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ");

	return (name >= 2 && name <= 6 && line[name] == '=') || !strncmp(line, "Code=", 5) ||
	       !strncmp(line, "extra data[", 11);
}

void sf_vm_qemu_words(struct sf_vm *vm, char *buf, size_t size)
{
	_cleanup_free_ char *tail = NULL;
	struct sf_error *err = sf_console_tail(vm->qemu_log_fd, SIZE_MAX, &tail);
	const char *lines[WORDS_LINES] = { NULL };
	size_t n = 0, len = 0;
	char *save = NULL;

	sf_error_free(err);
	for (char *line = tail ? strtok_r(tail, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		if (!is_dump_line(line))
			lines[n++ % WORDS_LINES] = line;
	buf[0] = '\0';
	for (size_t i = n > WORDS_LINES ? n - WORDS_LINES : 0; i < n && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s\n%s", len ? "" : "; it wrote:",
					lines[i % WORDS_LINES]);
}

static void scan_console(struct sf_vm *vm)
{
	sf_console_scan(&vm->console, vm->on_line, vm->on_line_arg);
}

/* The guest has ended, and executes nothing any more. */
static void finish(struct sf_vm *vm)
{
	char words[800];

	if (vm->last.type)
		return;
	/* All that the guest printed was written before the event was sent. */
	scan_console(vm);
	if (vm->ending == SF_VM_EVENT_RESET && vm->console.panic[0])
		vm->ending = SF_VM_EVENT_PANIC;

	switch (vm->ending) {
	case SF_VM_EVENT_POWEROFF:
		set_event(&vm->last, vm->ending, "the guest powered off");
		break;
	case SF_VM_EVENT_RESET:
		set_event(&vm->last, vm->ending, "the guest rebooted");
		break;
	case SF_VM_EVENT_PANIC:
		set_event(&vm->last, vm->ending, "%s",
			  vm->console.panic[0] ? vm->console.panic : "the guest kernel panicked and printed nothing");
		break;
	default:
		sf_vm_qemu_words(vm, words, sizeof(words));
		set_event(&vm->last, SF_VM_EVENT_FAULT, "QEMU cannot go on with the guest%s", words);
		break;
	}
	sf_log(&vm->log, SF_LOG_DEBUG, "guest: %s: %s", sf_vm_event_name(vm->last.type), vm->last.text);
}

static void finish_gone(struct sf_vm *vm)
{
	struct sf_guard *g = &vm->guard;
	char words[800];

	if (vm->last.type == SF_VM_EVENT_GONE)
		return;
	/* They stay readable for ever now. */
	epoll_ctl(vm->epoll_fd, EPOLL_CTL_DEL, sf_qmp_fd(vm->qmp), NULL);
	epoll_ctl(vm->epoll_fd, EPOLL_CTL_DEL, g->control, NULL);
	vm->running = false;
	if (vm->last.type)
		return;
	scan_console(vm);
	sf_vm_qemu_words(vm, words, sizeof(words));
	if (!g->status_known)
		set_event(&vm->last, SF_VM_EVENT_GONE, "QEMU's guardian process was killed, and QEMU with it%s", words);
	else if (g->signalled)
		set_event(&vm->last, SF_VM_EVENT_GONE, "QEMU was ended by signal %d (%s)%s", g->status,
			  strsignal(g->status), words);
	else
		set_event(&vm->last, SF_VM_EVENT_GONE, "QEMU exited with status %d%s", g->status, words);
}

static void on_shutdown(struct sf_vm *vm, const struct sf_json_node *data)
{
	const char *reason = sf_json_member_str(data, "reason", "");

	if (vm->ending)
		return;
	if (!strcmp(reason, "guest-shutdown"))
		vm->ending = SF_VM_EVENT_POWEROFF;
	else if (!strcmp(reason, "guest-reset") || !strcmp(reason, "subsystem-reset"))
		vm->ending = SF_VM_EVENT_RESET;
	else if (!strcmp(reason, "guest-panic"))
		vm->ending = SF_VM_EVENT_PANIC;
	else if (!sf_json_member_bool(data, "guest", false))
		return; /* QEMU was told to quit; it will be gone in a moment */
	else
		vm->ending = SF_VM_EVENT_FAULT;
}

static struct sf_error *on_event(struct sf_vm *vm, const struct sf_qmp_event *event)
{
	const struct sf_json_node *data = sf_json_member(sf_json_root(event->json), "data");

	if (!strcmp(event->name, "STOP")) {
		bool asked = vm->expect_stop;

		vm->running = false;
		vm->expect_stop = false;
		if (asked)
			vm->stopped_at = event->time;
		else if (!vm->ending && !vm->last.type)
			SF_TRY(sf_vm_ask_status(vm));
	} else if (!strcmp(event->name, "RESUME")) {
		bool asked = vm->expect_resume;

		vm->running = true;
		vm->expect_resume = false;
		vm->stopped_by_others = false;
		if (asked)
			vm->resumed_at = event->time;
		else
			set_event(&vm->next, SF_VM_EVENT_RESUMED, "somebody else let the guest go on");
	} else if (!strcmp(event->name, "SHUTDOWN")) {
		on_shutdown(vm, data);
	} else if (!strcmp(event->name, "GUEST_PANICKED")) {
		if (!vm->ending)
			vm->ending = SF_VM_EVENT_PANIC;
	}
	/* The event of an end comes before its STOP; of one that came while the guest was stopped, there is no STOP. */
	if (vm->ending && !vm->running)
		finish(vm);
	return NULL;
}

struct sf_error *sf_vm_ask_status(struct sf_vm *vm)
{
	const struct sf_qmp_command command = { .name = "query-status" };

	sf_qmp_forget(vm->qmp, vm->status_id);
	vm->status_id = 0;
	return sf_qmp_send(vm->qmp, &command, 1, sf_vm_clock() + SF_SECOND, &vm->status_id);
}

static struct sf_error *on_status(struct sf_vm *vm)
{
	_cleanup_json_ struct sf_json *reply = NULL;
	uint64_t id = vm->status_id;

	vm->status_id = 0;
	SF_TRY(sf_qmp_wait(vm->qmp, id, 0, &reply));
	const struct sf_json_node *result = sf_json_member(sf_json_root(reply), "return");
	const char *status = sf_json_member_str(result, "status", "");

	if (sf_json_member_bool(result, "running", false) || vm->last.type || vm->ending)
		return NULL;
	vm->running = false;
	if (!strcmp(status, "paused") || !strcmp(status, "debug")) {
		if (!vm->held) {
			vm->stopped_by_others = true;
			set_event(&vm->next, SF_VM_EVENT_STOPPED, "somebody else stopped the guest");
		}
		return NULL;
	}
	sf_log(&vm->log, SF_LOG_INFO, "QEMU stopped the guest by itself: %s", status);
	vm->ending = !strcmp(status, "guest-panicked") ? SF_VM_EVENT_PANIC :
		     !strcmp(status, "shutdown") ? SF_VM_EVENT_RESET : SF_VM_EVENT_FAULT;
	finish(vm);
	return NULL;
}

struct sf_error *sf_vm_absorb_events(struct sf_vm *vm)
{
	struct sf_qmp_event event;

	while (sf_qmp_event(vm->qmp, &event)) {
		struct sf_error *err = on_event(vm, &event);

		sf_json_unref(event.json);
		SF_TRY(err);
	}
	if (vm->status_id && !sf_qmp_waiting(vm->qmp, vm->status_id))
		return on_status(vm);
	return NULL;
}

struct sf_error *sf_vm_broken(struct sf_vm *vm, struct sf_error *err)
{
	uint64_t deadline = sf_vm_clock() + EXIT_GRACE;
	struct pollfd pfd = { .fd = vm->guard.control, .events = POLLIN };

	for (;;) {
		sf_guard_update(&vm->guard);
		if (vm->guard.exited) {
			sf_error_free(err);
			finish_gone(vm);
			return NULL;
		}
		if (sf_vm_clock() >= deadline)
			return err;
		poll(&pfd, 1, 100);
	}
}

struct sf_error *sf_vm_absorb(struct sf_vm *vm)
{
	if (vm->last.type == SF_VM_EVENT_GONE)
		return NULL;
	struct sf_error *err = sf_qmp_pump(vm->qmp, 0);
	struct sf_error *later = sf_vm_absorb_events(vm);

	for (size_t i = 0; !err && i < SF_VM_N_SIDES; i++)
		err = sf_qmp_pump(vm->sides[i].qmp, 0);

	if (!err)
		err = later;
	else
		sf_error_free(later);
	if (err)
		return sf_vm_broken(vm, err);
	sf_guard_update(&vm->guard);
	if (vm->guard.exited)
		finish_gone(vm);
	scan_console(vm);
	return NULL;
}

static int ms_until(uint64_t now, uint64_t then)
{
	return then <= now ? 0 : (int)((then - now + SF_MILLISECOND - 1) / SF_MILLISECOND);
}

struct sf_error *sf_vm_poll(struct sf_vm *vm, uint64_t deadline, struct sf_vm_event *ret)
{
	for (;;) {
		struct epoll_event ready;

		SF_TRY(sf_vm_absorb(vm));
		if (vm->next.type) {
			*ret = vm->next;
			vm->next.type = SF_VM_EVENT_NONE;
			return NULL;
		}
		uint64_t now = sf_vm_clock();

		if (vm->last.type || now >= deadline) {
			if (vm->last.type)
				*ret = vm->last;
			else
				set_event(ret, SF_VM_EVENT_NONE, "nothing happened");
			return NULL;
		}
		epoll_wait(vm->epoll_fd, &ready, 1, ms_until(now, sf_min(deadline, now + CONSOLE_PERIOD)));
	}
}

struct sf_error *sf_vm_console_tail(struct sf_vm *vm, size_t lines, char **ret)
{
	return sf_console_tail(vm->console.fd, lines, ret);
}

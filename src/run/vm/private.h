/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_PRIVATE_H
#define SF_VM_PRIVATE_H

/* A VM from inside: vm.c starts and ends it, events.c follows what happens to it,
 * freeze.c stops it and lets it go. */

#include "console.h"
#include "guardian.h"
#include "qmp.h"

/*
 * More connections to the same QEMU, on which the next command of a capture is loaded: `stop` on one, on the other the
 * registers', and while the guest is stopped, `cont`. Where that order was broken, the first connection serves.
 */
enum { SF_VM_SIDE_STOP, SF_VM_SIDE_REST, SF_VM_N_SIDES };

struct sf_vm_side {
	struct sf_qmp *qmp;
	const struct sf_qmp_command *loaded; /* NULL: nothing */
	uint64_t id;
};

/* A command that is under way, or was. */
struct sf_vm_sent {
	struct sf_qmp *on; /* NULL: none */
	uint64_t id;
};

struct sf_vm {
	struct sf_logger log;
	sf_console_line_fn *on_line;
	void *on_line_arg;

	struct sf_vm_ram ram;
	int ports[SF_VM_N_PORTS];
	int epoll_fd;
	int qemu_log_fd;
	uint32_t n_cpus;
	char *socket_dir;
	char *command_line;
	struct sf_guard guard;
	struct sf_qmp_log qmp_log;
	struct sf_qmp *qmp;
	struct sf_vm_side sides[SF_VM_N_SIDES];
	struct sf_console console;

	/* What QEMU last said: vCPUs execute. */
	bool running;
	/* Somebody else's `stop` is in force: not ours to undo. */
	bool stopped_by_others;
	/* Between sf_vm_stop() and sf_vm_cont(). */
	bool held;
	/* The next STOP, or RESUME, is the answer to a command of ours. Not told from whether the command's reply is
	 * there: event and reply may be read together. */
	bool expect_stop, expect_resume;
	/* How the guest ends; NONE while it does not. Not final before it has stopped executing. */
	enum sf_vm_event_type ending;
	struct sf_vm_event last;
	struct sf_vm_event next; /* STOPPED or RESUMED that nobody took yet; the newest counts */

	uint64_t status_id;
	struct sf_vm_sent stop_command, regs_command, cont_command;
	struct sf_json *regs;
	uint64_t stopped_at, resumed_at;
};

/* Takes what QMP, guardian and console have, without waiting. The error: QMP speaks nonsense. */
SF_CHECKED struct sf_error *sf_vm_absorb(struct sf_vm *vm);

/* Same, without reading anything new from QMP. */
SF_CHECKED struct sf_error *sf_vm_absorb_events(struct sf_vm *vm);

/* After the connection broke with @err: the last event if QEMU is gone, else the error. Takes @err. */
SF_CHECKED struct sf_error *sf_vm_broken(struct sf_vm *vm, struct sf_error *err);

/* Loads what the first stop needs. */
SF_CHECKED struct sf_error *sf_vm_freeze_init(struct sf_vm *vm, uint64_t deadline);

/* Asks QEMU what state it is in, to be understood when the answer comes. */
SF_CHECKED struct sf_error *sf_vm_ask_status(struct sf_vm *vm);

/* The last lines that QEMU wrote, with a lead; "" if none. Never fails. */
void sf_vm_qemu_words(struct sf_vm *vm, char *buf, size_t size);

#endif

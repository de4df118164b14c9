/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FREEZE_FREEZE_H
#define SF_FREEZE_FREEZE_H

/*
 * The coordinator: one thread that owns the stopping of one guest. Everybody who wants a capture asks it; it serves one
 * request after the other, so at most one capture is in flight and none begins before the guest was seen to run again.
 * It also watches the guest for its end.
 *
 * What can stop a guest is a struct sf_stopper. The coordinator owns neither it nor the RAM; both outlive it. It owns
 * what it learnt of the guest's kernel, and gives out frames. The thread that made it may be any; requests come from
 * any thread. Callbacks run on the coordinator's thread with no lock held and must not wait for the coordinator.
 */

#include "frame/capture.h"
#include "vm/vm.h"

/* ---- stoppers --------------------------------------------------------------------------------------------- */

struct sf_stopper {
	void *arg;
	/* Returns when no vCPU executes any more. A guest that has ended is stopped already. */
	struct sf_error *(*stop)(void *arg, uint64_t deadline);
	/* Returns when it runs again; nothing for a guest that has ended. */
	struct sf_error *(*resume)(void *arg, uint64_t deadline);
	/* Registers of the last stop; asked for at the stop, may be fetched after the resume. */
	struct sf_error *(*regs)(void *arg, uint64_t deadline, struct sf_vcpu_regs *ret, size_t n);
	int (*fd)(void *arg);               /* readable: poll() has something to look at; -1: it never has */
	struct sf_error *(*poll)(void *arg, uint64_t deadline, struct sf_vm_event *ret);
	uint32_t n_cpus;
};

/* QMP: `stop` and `cont` of a QEMU. */
struct sf_stopper sf_stopper_qmp(struct sf_vm *vm);

/* ---- the coordinator ---------------------------------------------------------------------------------------- */

struct sf_coordinator;

struct sf_coordinator_options {
	struct sf_stopper stopper;
	struct sf_image *ram;
	struct sf_capture_options capture;
	uint64_t stop_timeout;      /* ns; 0: 30 s */
	struct sf_logger log;
	/* What happened to the guest. After a last event (enum sf_vm_event_type) there is none. */
	void (*on_event)(void *arg, const struct sf_vm_event *event);
	void *on_event_arg;
};

SF_CHECKED struct sf_error *sf_coordinator_new(const struct sf_coordinator_options *opt, struct sf_coordinator **ret);
/* Ends the thread; requests that wait are answered with SF_HOST. The guest is running, or has ended. */
void sf_coordinator_free(struct sf_coordinator *c);
SF_DEFINE_CLEANUP(coordinator, sf_coordinator_free)

struct sf_capture_request {
	const char *tag, *cause, *reason, *scheduler; /* as in struct sf_frame_info; copied */
	bool has_guest_ns;
	uint64_t guest_ns;
};

/*
 * The outcome of a request: a frame, or an error and with it a placeholder frame that says why. @frame is the
 * callback's own reference (NULL only without memory); @err is borrowed.
 */
typedef void sf_capture_done(void *arg, struct sf_frame *frame, struct sf_error *err);

SF_CHECKED struct sf_error *sf_coordinator_request(struct sf_coordinator *c, const struct sf_capture_request *req,
						   sf_capture_done *done, void *arg);

/* The same, waiting. On failure @ret is a placeholder all the same, unless the request was not even taken. */
struct sf_error *sf_coordinator_capture(struct sf_coordinator *c, const struct sf_capture_request *req,
					struct sf_frame **ret);

/*
 * Learn the guest's kernel now (its init runs), while it runs, so that no capture has to. Without it the first capture
 * does. Does not wait; @done gets the error, and no frame.
 */
SF_CHECKED struct sf_error *sf_coordinator_prepare(struct sf_coordinator *c, sf_capture_done *done, void *arg);

/*
 * Held by whoever writes to the guest's ports: while the guest is stopped nothing may change its memory.
 */
void sf_coordinator_lock_ports(struct sf_coordinator *c);
void sf_coordinator_unlock_ports(struct sf_coordinator *c);

/* Totals, for run.json and benchmarks. */
struct sf_freeze_totals {
	uint64_t n_captures, n_failed;
	uint64_t frozen_ns;        /* all pauses together */
	uint64_t facts_ns;         /* learning the kernel */
};
void sf_coordinator_totals(struct sf_coordinator *c, struct sf_freeze_totals *ret);

#endif

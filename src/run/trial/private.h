/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TRIAL_PRIVATE_H
#define SF_TRIAL_PRIVATE_H

#include <pthread.h>

#include "base/file.h"
#include "base/json.h"
#include "freeze/freeze.h"
#include "pack/pack.h"
#include "scenario/scenario.h"
#include "trial/trial.h"
#include "wire/message.h"
#include "wire/wire.h"

struct sf_run_frame {
	char *name;
	struct sf_frame *frame;
	char *file;              /* in the run directory; NULL: not written (yet) */
	uint64_t bytes;
};

struct sf_run_value {
	char *name;
	enum sf_wire_value kind;
	uint64_t u64;
	int64_t i64;
	char *str;
};

enum sf_run_step_state { SF_STEP_WAITING, SF_STEP_RUNNING, SF_STEP_DONE, SF_STEP_FAILED };

struct sf_run_step {
	enum sf_run_step_state state;
	uint64_t begin_ns, end_ns; /* guest clock */
};

/* What the coordinator's thread leaves for ours. */
struct outcome {
	struct outcome *next;
	char *tag;
	uint32_t request_id;     /* of the guest's request; 0: nobody waits there */
	struct sf_frame *frame;
	struct sf_error *err;
	bool prepared;           /* it was the learning of the kernel */
	bool is_event;
	struct sf_vm_event event;
};

struct sf_run {
	struct sf_run_options opt; /* valid during sf_run_execute() */

	char *dir;
	int dir_fd;              /* holds the lock */
	char *kernel_path;
	struct sf_qemu qemu;
	struct sf_accel_choice accel;
	char *qemu_text, *release, *ops, *scheduler;

	struct sf_vm *vm;
	struct sf_coordinator *coordinator;
	struct sf_image *ram;
	struct sf_wire_in in;
	struct sf_wire_out out;

	int notify;              /* eventfd: `outcomes` has something */
	pthread_mutex_t lock;    /* guards what follows up to the blank line */
	struct outcome *first, **last;
	struct { struct sf_run_frame *v; size_t n, cap; } frames;
	uint32_t in_flight;      /* requests that the coordinator has */
	bool ending;
	/* The guest's clock as seen from here: what it said last, by the host's clock without the pauses. */
	bool clock_known, clock_begun;
	uint64_t clock_offset;   /* host - guest; the smallest seen, since messages only arrive late */
	uint64_t clock_begin;    /* guest clock: times of captures count from here */

	struct { struct sf_finding *v; size_t n, cap; } findings;
	struct { struct sf_run_value *v; size_t n, cap; } values;
	enum sf_verdict verdict;
	struct sf_run_step *steps; /* of the scenario; NULL: it has none */

	/* What has happened. */
	bool heard, attached, sched_failed, done, ended, stop_now, port_dead, facts_cached;
	uint64_t attached_at, detached_at, boot_ns; /* guest clock */
	uint64_t asked_at;       /* guest clock: of the request that comes next */
	uint64_t n_observed;
	uint32_t n_asked;        /* captures, by the guest */
	struct sf_vm_event end;
	uint64_t began, started, last_word, finished, panicked; /* host clock */
	uint64_t deadline;
	struct sf_freeze_totals totals;
};

/* findings.c */
void sf_run_find(struct sf_run *run, enum sf_verdict verdict, const char *source, const char *fmt, ...) sf_printf(4, 5);
void sf_run_conclude(struct sf_run *run);

/* expect.c */
SF_CHECKED struct sf_error *sf_run_check_expects(const struct sf_run_options *options); /* can they be read? */
void sf_run_ask_expects(struct sf_run *run);

/* scenario.c */
bool sf_run_has_steps(const struct sf_run *run);
SF_CHECKED struct sf_error *sf_run_begin_scenario(struct sf_run *run);
/* False: the message is of no step. */
bool sf_run_step_event(struct sf_run *run, const struct sf_wire_message *m);
bool sf_run_step_result(struct sf_run *run, const struct sf_wire_message *m);
void sf_run_scenario_ended(struct sf_run *run, const struct sf_wire_message *m);
void sf_run_judge_scenario(struct sf_run *run);
void sf_run_put_scenario(struct sf_json_writer *w, const struct sf_run *run);

/* rundir.c */
SF_CHECKED struct sf_error *sf_run_make_dir(struct sf_run *run);
char *sf_run_path(const struct sf_run *run, const char *name); /* in the run directory; free() it */
SF_CHECKED struct sf_error *sf_run_write_json(struct sf_run *run, bool complete);

/* Only there while a guest starts. Of names that nobody else gives a file: what is in a directory already stays. */
#define SF_RUN_INITRD "initramfs.cpio"
#define SF_RUN_KERNEL "kernel.unpacked"

/* guest.c: the initramfs and what the agent is to do */
SF_CHECKED struct sf_error *sf_run_pack_guest(struct sf_run *run, const char *initrd);
/* The file that QEMU is given for the run's kernel; @scratch is where one may be made. */
SF_CHECKED struct sf_error *sf_run_boot_image(struct sf_run *run, const char *scratch, char **ret);

/* captures.c */
/* @guest_ns: on the guest's clock since attached; NULL: not known. */
struct sf_error *sf_run_ask(struct sf_run *run, const char *tag, const char *cause, const char *reason,
			    const uint64_t *guest_ns, uint32_t request_id);
void sf_run_prepare_capture(struct sf_run *run);
void sf_run_note_clock(struct sf_run *run, uint64_t guest_ns, bool begin); /* the guest said what time it is */
void sf_run_on_vm_event(void *run, const struct sf_vm_event *event);
struct outcome *sf_run_take_outcome(struct sf_run *run);
void sf_run_outcome_free(struct outcome *o);
void sf_run_keep(struct sf_run *run, struct outcome *o); /* a frame: into the list and onto the disk */
bool sf_run_captures_pending(struct sf_run *run);

/* talk.c */
void sf_run_read_port(struct sf_run *run);
void sf_run_flush_port(struct sf_run *run);
void sf_run_reply(struct sf_run *run, uint32_t id, struct sf_error *err);
void sf_run_progress(struct sf_run *run, const char *fmt, ...) sf_printf(2, 3);

#endif

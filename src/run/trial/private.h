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

/* Moments of a run that are worth a frame although nobody asked for one. */
enum sf_moment {
	SF_MOMENT_DEADLINE,
	SF_MOMENT_PANIC,
	SF_MOMENT_INTERRUPTED,
	SF_MOMENT_FAILED,           /* an assertion in the guest */
	SF_MOMENT_TEST_DIED,
	SF_MOMENT_SCHEDULER_EXIT,
	SF_MOMENT_SOFT_LOCKUP,      /* from here on in the order of enum sf_vm_trouble */
	SF_MOMENT_HARD_LOCKUP,
	SF_MOMENT_RCU_STALL,
	SF_MOMENT_HUNG_TASK,
	SF_MOMENT_WORKQUEUE_LOCKUP,
	SF_N_MOMENTS,
};

/* One kind of trouble that the guest's kernel said it was in. */
struct sf_run_trouble {
	char *line;              /* the first; NULL: none. Of the run's thread, as all but n_console */
	char *frame;             /* name of the frame that it took; NULL: none */
	uint64_t n_console;      /* lines on the console; under the run's lock */
	uint64_t n_log;          /* and in the kernel's log, which no program can write this to */
	bool scheduled;          /* a scheduler was attached before it */
	bool early;              /* nothing but the kernel and PID 1 ran yet */
};

struct sf_run_frame {
	char *name;
	bool unasked;            /* taken because of a moment */
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

/* What came of an expectation that was asked. */
struct sf_run_answer {
	enum sf_verdict verdict;
	char *text;              /* NULL: it was not asked */
};

/* What the coordinator's thread leaves for ours. */
struct outcome {
	struct outcome *next;
	char *tag;
	uint32_t request_id;     /* of the guest's request; 0: nobody waits there */
	struct sf_frame *frame;
	struct sf_error *err;
	bool prepared;           /* it was the learning of the kernel */
	bool unasked;            /* of a moment: replaces none that was asked for, nor the other way round */
	bool is_event;
	struct sf_vm_event event;
	enum sf_vm_trouble trouble; /* the console said so, and the event is that line; SF_VM_NO_TROUBLE: it is no line */
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
	size_t n_results, result_bytes; /* findings whose words are the guest's */
	struct { struct sf_run_value *v; size_t n, cap; } values;
	size_t value_bytes;
	enum sf_verdict verdict;
	struct sf_run_step *steps; /* of the scenario; NULL: it has none */
	struct sf_run_answer *answers; /* of each expectation; NULL: none was asked */
	uint64_t began_wall;     /* CLOCK_REALTIME, ns */

	/* What has happened. */
	bool heard, attached, sched_failed, done, ended, stop_now, port_dead, facts_cached;
	bool hurry;              /* interrupted while it was ending: nothing is waited for any more */
	bool cancel_dumb;        /* opt.cancel_fd stays readable */
	bool log_cut;            /* not all of the kernel's log came */
	struct sf_run_trouble troubles[SF_VM_N_TROUBLES];
	struct { uint32_t n, number; } moments[SF_N_MOMENTS]; /* frames asked for; the number in the last one's name */
	char *because;           /* the guest's reason for the moment that comes next */
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
/* A result that a guest's program told. The verdict has it in any case; its words are kept while there are not too many. */
void sf_run_find_result(struct sf_run *run, bool ok, const char *name, const char *text);
void sf_run_conclude(struct sf_run *run);

/* expect.c */
SF_CHECKED struct sf_error *sf_run_check_expects(const struct sf_run_options *options); /* can they be read? */
void sf_run_ask_expects(struct sf_run *run);
void sf_run_put_expects(struct sf_json_writer *w, const struct sf_run *run);
void sf_run_free_answers(struct sf_run *run);

/* scenario.c */
bool sf_run_has_steps(const struct sf_run *run);
SF_CHECKED struct sf_error *sf_run_begin_scenario(struct sf_run *run);
/* False: the message is of no step. */
bool sf_run_step_event(struct sf_run *run, const struct sf_wire_message *m);
bool sf_run_step_result(struct sf_run *run, const struct sf_wire_message *m);
void sf_run_scenario_ended(struct sf_run *run, const struct sf_wire_message *m);
void sf_run_judge_scenario(struct sf_run *run);
void sf_run_put_scenario(struct sf_json_writer *w, const struct sf_run *run);

/* counters.c: the numbers of the scheduler that moved between the first and the last frame */
void sf_run_put_counters(struct sf_json_writer *w, const struct sf_run *run);

/* rundir.c */
/* Only there while a guest starts. Of names that nobody else gives a file: what is in a directory already stays. */
#define SF_RUN_INITRD "initramfs.cpio"
#define SF_RUN_KERNEL "kernel.unpacked"
SF_CHECKED struct sf_error *sf_run_make_dir(struct sf_run *run);
char *sf_run_path(const struct sf_run *run, const char *name); /* in the run directory; free() it */

/* runjson.c */
SF_CHECKED struct sf_error *sf_run_write_json(struct sf_run *run, bool complete);
/* While the run goes on, so that whatever ends us leaves what is known by now. */
void sf_run_update_json(struct sf_run *run);

/* guest.c: the initramfs and what the agent is to do */
SF_CHECKED struct sf_error *sf_run_pack_guest(struct sf_run *run, const char *initrd);
/* The file that QEMU is given for the run's kernel; @scratch is where one may be made. */
SF_CHECKED struct sf_error *sf_run_boot_image(struct sf_run *run, const char *scratch, char **ret);

/* moments.c */
/*
 * Asks for a frame of this moment, under a name that no other capture has; @ret_name (may be NULL) is its own, to be freed.
 * False in @ret_asked: there are enough of this kind, and none was asked for.
 */
SF_CHECKED struct sf_error *sf_run_ask_moment(struct sf_run *run, enum sf_moment moment, const char *reason,
					      const uint64_t *guest_ns, uint32_t request_id, bool *ret_asked,
					      char **ret_name);
bool sf_run_moment_of_guest(const char *word, enum sf_moment *ret); /* that a guest may ask for */
void sf_run_on_line(void *run, const char *line, size_t len);       /* of the console; from the VM's thread */
void sf_run_begin_trouble(struct sf_run *run, enum sf_vm_trouble trouble, const char *line);
void sf_run_log_line(struct sf_run *run, const char *line);         /* an error in the kernel's own log */
void sf_run_judge_troubles(struct sf_run *run);

/* captures.c */
/* @guest_ns: on the guest's clock since attached; NULL: not known. */
struct sf_error *sf_run_ask(struct sf_run *run, const char *tag, const char *cause, const char *reason,
			    const uint64_t *guest_ns, uint32_t request_id, bool unasked);
void sf_run_prepare_capture(struct sf_run *run);
void sf_run_note_clock(struct sf_run *run, uint64_t guest_ns, bool begin); /* the guest said what time it is */
void sf_run_on_vm_event(void *run, const struct sf_vm_event *event);
void sf_run_push_trouble(struct sf_run *run, enum sf_vm_trouble trouble, const char *line);
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

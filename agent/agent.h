/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_AGENT_AGENT_H
#define SF_AGENT_AGENT_H

/*
 * PID 1 of a guest. It runs on one thread around one loop (loop.h), above every scheduling class that is under test
 * (SCHED_FIFO), and never blocks: not on the host, not on a child, not on a scheduler that starves everybody.
 *
 *   main.c      the run from start to power-off
 *   boot.c      file systems, console, facts about the kernel
 *   config.c    what to run
 *   port.c      the virtio port; relay.c: test programs' way through it
 *   child.c     programs, their output and their end; contain.c: what a scheduler's program may take of the guest
 *   sched.c     a bare BPF object, loaded by a child of ours
 *   kmsg.c      what the kernel says of schedulers; attach.c: is it attached, and if not any more, why
 *   workload.c  workers in cgroups, captures at planned times
 *   scenario.c  no PID 1, but a child of it that executes a scenario's steps
 *
 * struct agent owns everything, and there is one. It is not a global: every function is handed it.
 */

#include "config.h"
#include "loop.h"
#include "port.h"
#include "relay.h"
#include "wire/message.h"
#include "wire/rpc.h"

#define SECOND_NS 1000000000ull
#define MS_NS 1000000ull
#define NEVER UINT64_MAX

struct agent;

/* ---- children ----------------------------------------------------------------------------------- */

#define OUTPUT_LINE 4096      /* of a child's line, what is sent */
#define OUTPUT_TAIL 4096      /* of what a child printed last, what is kept */
#define OUTPUT_MAX (4u << 20) /* of what a child prints, what is sent */
#define OUTPUT_QUEUE (64u << 10) /* what waits to be sent: a request has to wait for it, too */

struct child;

struct output {
	struct source source; /* fd -1: closed */
	struct child *child;
	const char *stream;
	size_t len;
	bool cutting; /* the rest of this line is dropped */
	char line[OUTPUT_LINE];
};

struct child {
	struct agent *agent;
	const char *who; /* "scheduler", "test"; NULL: never started */
	bool contained;  /* set before it is started: as contain.c says */
	pid_t pid;
	bool ended;
	int status;      /* as waitpid() gives it */
	int report;      /* execve()'s error comes here; read when the child has ended */
	int exec_errno;  /* 0: it was executed */
	struct output out, err;
	size_t tail_len;
	char tail[OUTPUT_TAIL];
	uint64_t sent, dropped; /* bytes; lines */
};

/* @child is zero but for `contained`. Whether the program could be executed is known when it has ended. */
SF_CHECKED struct sf_error *child_start(struct agent *agent, struct child *child, const char *who,
					const struct command *command);
/* NULL: it was executed. */
struct sf_error *child_exec_error(const struct child *child, const struct command *command);
/* What fork() leaves of PID 1 in a child, undone: signals, descriptors from @first_fd up. */
void child_detach(int first_fd);
/* Reaps whoever has ended. */
void children_reap(struct agent *agent);
bool children_any(void);
void child_read_rest(struct child *child); /* its output so far, its last unfinished line too */
const char *child_tail(struct child *child); /* what it printed last; NUL-terminated */
void child_describe_end(const struct child *child, char *text, size_t size);
void child_tell_end(const struct child *child, struct sf_wire_message *m);
bool child_is_stopped(const struct child *child); /* by a signal, and not continued */

/* ---- what a scheduler's program may take ------------------------------------------------------------ */

#define CONTAIN_MAX_PROCESSES 1024 /* and threads */

void contain_begin(struct agent *agent);
pid_t contain_fork(struct agent *agent); /* as fork() */
bool contain_out_of_memory(const struct agent *agent); /* has the kernel killed anybody for it? */
void contain_tell(struct agent *agent);  /* tells the host what was held back, and what was not */

/* ---- the kernel's log ----------------------------------------------------------------------------- */

struct kmsg {
	struct source source; /* fd -1: not to be had */
	bool enabled;         /* it said so of any scheduler */
	bool disabled;        /* and has not said the other since */
	bool tracing;         /* the lines of an error still follow */
	char ops[64];         /* of the last "disabled" line: scheduler, reason, and the line behind it */
	char reason[256];
	char message[1024];
	char trace[2048];     /* stack lines after it; while nothing was enabled, whatever sched_ext said */
	size_t trace_len;
	/* Errors and worse of the kernel's own, as they come; NULL: nobody asks. NULL for @line: records were lost. */
	void (*error)(void *arg, const char *line);
	void *arg;
};

void kmsg_open(struct kmsg *kmsg, struct loop *loop, void (*ready)(struct source *source, uint32_t events));
void kmsg_read(struct kmsg *kmsg); /* what there is, without waiting */

/* ---- the scheduler ------------------------------------------------------------------------------- */

struct sched {
	enum sf_wire_sched state;
	struct child child;     /* a program */
	pid_t loader_pid;       /* or what loads an object, and holds it; 0: none */
	struct source loader;   /* its report; fd -1: closed */
	struct sf_wire_in loader_in;
	bool loader_attached;   /* libbpf says so; the kernel may think otherwise */
	struct timer tick;
	uint64_t deadline;      /* of attaching; then of a process that is about to end, 0 while none is */
	bool stopping;          /* it was told to go */
	bool leaving;           /* the kernel began to disable it before that */
	char ops[64];
	struct kmsg kmsg;
};

SF_CHECKED struct sf_error *sched_start(struct agent *agent);
void sched_child_ended(struct agent *agent);
/* Is there none (any more), where one was asked for? */
bool sched_lost(const struct sched *sched);
void sched_check(struct agent *agent); /* looks, and tells the host what has changed */
void sched_stop(struct agent *agent);  /* asks it to go, waits, makes it go; bounded */

/* Starts the child that loads @path and holds it attached. It reports with SCHD frames on @ret_fd. */
SF_CHECKED struct sf_error *sched_load(const char *path, pid_t *ret, int *ret_fd);

/* ---- the rest -------------------------------------------------------------------------------------- */

struct capture {
	struct agent *agent;
	const char *name;
	struct timer at; /* when to ask, then when to give up */
	uint32_t id, kind; /* of the request */
	enum { CAPTURE_PLANNED, CAPTURE_ASKED, CAPTURE_OVER } state;
};

struct agent {
	struct loop loop;
	struct port port;
	struct relay relay;
	struct config config;
	bool configured;
	struct source sigchld;
	struct sched sched;
	struct child test;
	struct timer test_deadline;
	struct capture *captures;
	uint64_t started_ns;  /* when PID 1 began */
	uint64_t attached_ns; /* when the run's times begin */
	uint64_t deadline_ns; /* of the run; NEVER */
	bool fatal;
	bool done_seen;       /* the host answered DONE */
	uint64_t lines_dropped;
	struct {
		pid_t *v;
		size_t n, cap;
	} workers;
	struct capture scheduler_exit, test_died; /* moments; zero while they have not come */
	uint64_t n_errors;   /* of the kernel, told to the host */
	size_t workers_lost; /* those that ended before they were to */
	int cgroup_fd;       /* of a scheduler's program; -1: none */
	uint64_t oom_kills;  /* of the kernel, before there was a scheduler */
};

/* Sends to the host; what fails is said on the console. */
void agent_say(struct agent *agent, struct sf_wire_message *m);
void agent_event(struct agent *agent, const char *name, const char *fmt, ...) sf_printf(3, 4);
/* PID 1 cannot go on: says so to the host and on the console. Takes @err. The run ends. */
void agent_fatal(struct agent *agent, const char *where, struct sf_error *err);
/* Handles events until @done or @deadline; false: the deadline came first. */
bool agent_wait(struct agent *agent, bool (*done)(struct agent *agent), uint64_t deadline);
void console(const char *fmt, ...) sf_printf(1, 2);

SF_CHECKED struct sf_error *boot_mount(void);
void boot_console(void);
void boot_hello(struct agent *agent);
void boot_modules(struct agent *agent);
void boot_kernel_facts(bool *btf, bool *sched_ext);

SF_CHECKED struct sf_error *workload_start(struct agent *agent);
void workload_stop(struct agent *agent);
SF_CHECKED struct sf_error *captures_start(struct agent *agent);
bool captures_over(const struct agent *agent);
/*
 * Something went wrong just now, and what is there is worth a frame: @c, which is zero, asks for it. @what is the moment's
 * name on the wire.
 */
void capture_moment(struct agent *agent, struct capture *c, const char *what, const char *why);
void captures_abandon(struct agent *agent); /* those that were never asked for are told to the host */

int scenario_main(int argc, char **argv);

#endif

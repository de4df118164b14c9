/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_RUN_H
#define STILLFRAME_RUN_H

/*
 * A run: one kernel booted, one scheduler attached, one workload, and the frames that were taken. Runs are made by
 * sf_run_execute(), or for a test program by sf_test_main() (test.h), which hands the run to the test's check.
 */

#include "stillframe/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/** enum sf_verdict - what a run came to. The numbers are exit codes. */
enum sf_verdict {
	SF_PASS = 0,            /* everything asserted held, and it was observed */
	SF_FAIL = 1,            /* an assertion failed, or the scheduler did */
	SF_INCONCLUSIVE = 2,    /* what should have been observed was not */
	SF_BAD_USAGE = 3,       /* nothing was run: bad input */
	SF_SKIPPED = 4,
	SF_DEADLINE_PASSED = 124,
	SF_HARNESS_FAILED = 125, /* the machinery: disk full, QEMU gone */
	SF_INTERRUPTED = 130,
	SF_GUEST_PANICKED = 255,
};

/** sf_verdict_name() - "pass", "fail", "inconclusive", …; "unknown" for a number that is none. */
SF_API const char *sf_verdict_name(enum sf_verdict verdict);

/**
 * sf_verdict_worse() - which of two verdicts stands
 *
 * In this order: panic, interrupted, harness failed, bad usage, fail, deadline, inconclusive, pass, skip.
 */
SF_API enum sf_verdict sf_verdict_worse(enum sf_verdict a, enum sf_verdict b);

/** struct sf_capture_at - a capture that the run takes by itself */
struct sf_capture_at {
	const char *name;
	uint64_t at_ns;  /* guest clock, from when the scheduler was attached */
};

/** struct sf_expect - an expression (expr.h) that has to hold */
struct sf_expect {
	const char *expr;
	const char *capture; /* which one is asked; NULL: the last one taken */
	const char *where;   /* where it stands ("FILE:3:5: expect[0]"), for its finding; NULL: nowhere */
};

/**
 * struct sf_topology - the CPUs of a guest, each member per its parent
 *
 * 0 means 1. All of them together at most 255 CPUs. The guest's /sys shows just this: packages, dies that each have a
 * level 3 cache, cores, hardware threads, and nodes.
 */
struct sf_topology {
	uint32_t sockets;
	uint32_t llcs;    /* last-level caches of a socket */
	uint32_t cores;   /* that share one */
	uint32_t threads; /* of a core */
	uint32_t numa;    /* nodes in all, at most 32; each has the same number of caches, and of bytes but for the last */
};

struct sf_run;
struct sf_scenario;

/** struct sf_run_options - what to run; zero or NULL takes the default of a member */
struct sf_run_options {
	size_t size;                 /* sizeof(struct sf_run_options) */
	const char *name;            /* of the run; its directory is called after it. Default "run" */
	const char *scheduler;       /* a program, a BPF object, or "none" */
	const char *const *args;     /* of the scheduler program, NULL-terminated */
	const char *const *env;      /* "K=V" for it, NULL-terminated */
	const char *kernel;          /* a path, or a series ("6.18"); default the newest in the cache */
	const char *qemu;            /* its path; default $STILLFRAME_QEMU, then PATH */
	const char *accel;           /* "auto" (default), "kvm", "tcg" */
	uint32_t cpus;               /* default 2; or see @topology */
	uint64_t memory;             /* bytes; default 1 GiB */
	uint64_t duration_ns;        /* of the workload; default 2 s */
	uint64_t deadline_ns;        /* from QEMU's start, host clock; default duration + 120 s */
	uint64_t attach_ns;          /* for the scheduler to attach, guest clock; default 30 s */
	const struct sf_capture_at *captures;
	size_t n_captures;
	const char *out;             /* run directory; default stillframe.out/NAME-N */
	bool force;                  /* use @out although it is not empty */
	const char *test;            /* a program that the guest runs as its test, with @test_args */
	const char *const *test_args;
	bool no_workload;            /* the test makes its own load */
	const char *const *files;    /* more for the guest, each at its own path; programs with their libraries */
	struct sf_logger log;
	/* What the run does now, a few words for people; from the calling thread. NULL: nobody asks. */
	void (*progress)(void *arg, const char *what);
	void *progress_arg;
	/* Readable: interrupted. It is read once, a last frame is kept, and the run ends; when it is readable again, the run
	 * does not wait for that. 0: none. */
	int cancel_fd;
	/* Called once, when the scheduler is attached and the workload begins: for starting a thread that calls
	 * sf_run_capture(). Join it when sf_run_execute() has returned, before sf_run_free(); by then each call is done or
	 * refused. From the calling thread. */
	void (*started)(struct sf_run *run, void *arg);
	void *started_arg;
	/* Called when the guest has ended and before the verdict: what the check finds is its to say, with sf_run_fail()
	 * and sf_run_inconclusive(). NULL: no check. */
	void (*check)(struct sf_run *run, void *arg);
	void *check_arg;
	/* What a capture keeps: docs/captures.md. */
	uint64_t capture_max_pages;         /* of 4096 bytes; default 262144 */
	uint64_t capture_max_map_bytes;     /* of one map; default 256 MiB */
	uint32_t capture_pointer_hops;      /* pointers followed from a value, at most 8; default 1; UINT32_MAX: none */
	uint64_t capture_max_pointee_bytes; /* of what pointers lead to, all maps together; default 64 MiB */
	/* All zero: @cpus cores with one last-level cache. Where both are given, @cpus is how many there are in all. */
	struct sf_topology topology;
	/* Of a scenario file, which only the command reads: its steps, in place of a test and of the workload, and what
	 * it expects. Valid until sf_run_free(). */
	const struct sf_scenario *scenario;
	/* Asked after the check, unless the run has failed before. What is false fails the run, what the capture cannot tell
	 * makes it inconclusive, and a name that a complete capture does not have is bad usage. */
	const struct sf_expect *expects;
	size_t n_expects;
};

/**
 * sf_run_execute() - run from start to verdict
 * @ret: the run as it was, also where its verdict is bad; sf_run_free() it
 *
 * Return: NULL when there is a verdict, sf_run_verdict(). An error only where not even a run directory with its run.json
 * could be made (SF_USAGE, SF_SYSTEM, SF_NO_MEMORY): the words are then the caller's to print.
 */
SF_API SF_CHECKED struct sf_error *sf_run_execute(const struct sf_run_options *options, struct sf_run **ret);
/** sf_run_free() - NULL is fine. Frames live on while they are referenced; strings of the run do not. */
SF_API void sf_run_free(struct sf_run *run);
SF_DEFINE_CLEANUP(run, sf_run_free)

/** sf_run_verdict() - what the run came to. */
SF_API enum sf_verdict sf_run_verdict(const struct sf_run *run);
/** sf_run_dir() - where it is kept; the run's. */
SF_API const char *sf_run_dir(const struct sf_run *run);

/** struct sf_finding - one thing that a run found out */
struct sf_finding {
	enum sf_verdict verdict; /* what it means for the run */
	const char *text;        /* a sentence, or lines */
	const char *source;      /* "scheduler", "guest", "scenario", "check", "expect", "capture", "harness", "kernel" */
};
/** sf_run_n_findings() - how many there are; at most 4096 are kept. */
SF_API size_t sf_run_n_findings(const struct sf_run *run);
/** sf_run_finding() - finding @i in the order they were made; NULL beyond the last. The run's. */
SF_API const struct sf_finding *sf_run_finding(const struct sf_run *run, size_t i);

/** sf_run_fail() - an assertion of the check did not hold: @fmt says which. */
SF_API void sf_run_fail(struct sf_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** sf_run_inconclusive() - the check could not observe something: @fmt says what. */
SF_API void sf_run_inconclusive(struct sf_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** sf_run_observed() - the check looked at something and it held; a run that nothing was asked of is inconclusive. */
SF_API void sf_run_observed(struct sf_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- what was captured and told ----------------------------------------------------------------------------------- */

/**
 * sf_run_frame() - the capture called @name
 * @ret: a reference of the caller's
 *
 * Return: SF_NOT_FOUND, which lists the captures there are (and makes the run inconclusive: what was to be observed
 * was not). A placeholder is returned like any frame.
 */
SF_API SF_CHECKED struct sf_error *sf_run_frame(struct sf_run *run, const char *name, struct sf_frame **ret);
/** sf_run_n_frames() - how many captures there are. */
SF_API size_t sf_run_n_frames(struct sf_run *run);
/** sf_run_frame_at() - capture @i in the order they were taken, the caller's reference; NULL beyond the last. */
SF_API struct sf_frame *sf_run_frame_at(struct sf_run *run, size_t i);

/**
 * sf_run_capture() - capture now, as @name
 *
 * From any thread, while the run is going on. The frame is among the run's when the check is called, and may not be
 * before that.
 *
 * Return: SF_HOST when the run is ending; what hindered the capture (then a placeholder is kept).
 */
SF_API SF_CHECKED struct sf_error *sf_run_capture(struct sf_run *run, const char *name);

/** sf_run_value_u64() - the last value that the guest published as @name; SF_NOT_FOUND lists the names there are. */
SF_API SF_CHECKED struct sf_error *sf_run_value_u64(struct sf_run *run, const char *name, uint64_t *ret);
/** sf_run_value_i64() - the same as a signed number; SF_USAGE where it is none. */
SF_API SF_CHECKED struct sf_error *sf_run_value_i64(struct sf_run *run, const char *name, int64_t *ret);
/** sf_run_value_str() - *@ret is the run's. */
SF_API SF_CHECKED struct sf_error *sf_run_value_str(struct sf_run *run, const char *name, const char **ret);

/** struct sf_run_info - how a run went */
struct sf_run_info {
	size_t size;              /* sizeof(struct sf_run_info); set it before the call */
	const char *kernel;       /* its release; "" if it did not get that far */
	const char *kernel_path;
	const char *scheduler;    /* as asked for */
	const char *ops;          /* name of the sched_ext_ops that was attached; "" if none */
	const char *accel;        /* "kvm" or "tcg" */
	const char *accel_why;    /* a sentence */
	const char *qemu;         /* path and version */
	bool attached;            /* the scheduler was, at some time */
	uint64_t attached_ns;     /* guest clock: for how long */
	uint64_t boot_ns;         /* guest clock from its start to init */
	uint64_t start_ns;        /* host clock: command to QEMU's start */
	uint64_t end_ns;          /* host clock: the agent's last word to the verdict */
	uint64_t wall_ns;         /* host clock: all of it */
	uint64_t frozen_ns;       /* all pauses together */
	uint64_t facts_ns;        /* learning the kernel */
	uint64_t panic_ns;        /* host clock: from the panic's event to the verdict; 0: none */
};
/** sf_run_info() - fills @ret up to @ret->size; its strings are the run's. */
SF_API void sf_run_info(const struct sf_run *run, struct sf_run_info *ret);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

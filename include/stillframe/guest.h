/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_GUEST_H
#define STILLFRAME_GUEST_H

/*
 * What a program inside a guest of stillframe can do: ask the host for a snapshot, tell it values and results, wait for
 * the scheduler, and make load in cgroups.
 *
 * The program speaks to PID 1 over a Unix socket, and PID 1 to the host. All state is in `struct sf_guest`: a program
 * may hold several, and every function takes one from any thread. A lost connection is made anew by the next call.
 *
 * Outside of a guest nothing here works: sf_guest_open() refuses with SF_TRANSPORT.
 */

#include "stillframe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sf_guest;

/**
 * struct sf_guest_options - how to open a guest
 * @size: sizeof(struct sf_guest_options)
 * @log: where warnings go (stale replies, a connection that was lost); all zero for silence
 * @socket: path of PID 1's socket; NULL for /run/stillframe.sock
 */
struct sf_guest_options {
	size_t size;
	struct sf_logger log;
	const char *socket;
};

/**
 * sf_in_guest() - does this process run inside a guest of stillframe?
 *
 * True when /proc/cmdline has the word STILLFRAME_GUEST=1.
 */
SF_API bool sf_in_guest(void);

/**
 * sf_guest_open() - this program's way to PID 1 and to the host
 * @options: NULL for the defaults
 * @ret: the caller's, for sf_guest_free()
 *
 * Connects only when something is to be said, so that it succeeds before PID 1 listens.
 *
 * Return: SF_TRANSPORT outside of a guest; SF_NO_MEMORY.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_open(const struct sf_guest_options *options, struct sf_guest **ret);

/** sf_guest_free() - closes the connection and ends the workers that were started through @guest. NULL is fine. */
SF_API void sf_guest_free(struct sf_guest *guest);
SF_DEFINE_CLEANUP(guest, sf_guest_free)

/* ---- asking the host ------------------------------------------------------------------------------------------- */

/**
 * enum sf_snapshot_kind - what is asked of the host
 *
 * The numbers are those of the wire.
 */
enum sf_snapshot_kind {
	SF_SNAPSHOT_KIND_NONE = 0,    /* never asked for */
	SF_SNAPSHOT_KIND_CAPTURE = 1, /* stop the guest now and keep a frame */
	SF_SNAPSHOT_KIND_WATCH = 2,   /* keep a frame whenever a kernel variable is written */
};

/**
 * sf_guest_request_snapshot() - ask the host for a capture, or for a watch
 * @guest: an open guest
 * @kind: SF_SNAPSHOT_KIND_CAPTURE or SF_SNAPSHOT_KIND_WATCH
 * @tag: the name of the capture, or the symbol to watch; at most 64 bytes, what is longer is cut there
 * @timeout_ns: how long to wait for the answer, on the guest's clock, which does not run while the guest is stopped
 *
 * Blocks until the host has answered. Requests of one @guest are made one after the other, whichever threads make them.
 *
 * Return: NULL when the host did it. SF_HOST when it refused, with its reason as the message. SF_TRANSPORT when there
 * was no answer that can be trusted: none in time, a broken frame, a lost connection. What the host did is unknown.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_request_snapshot(struct sf_guest *guest, enum sf_snapshot_kind kind,
							     const char *tag, uint64_t timeout_ns);

/**
 * sf_guest_transport_dead() - has a snapshot request of this guest ended in SF_TRANSPORT?
 *
 * Never goes back to false. An executor of scenarios stops asking then; the functions here do not look at it.
 */
SF_API bool sf_guest_transport_dead(const struct sf_guest *guest);

/**
 * sf_guest_attached() - wait until the scheduler under test is attached
 * @guest: an open guest
 * @timeout_ns: on the guest's clock
 *
 * PID 1 starts a test program after the scheduler is attached, so this asks whether it still is. With no scheduler
 * under test it succeeds at once.
 *
 * Return: SF_SCHEDULER when it failed, or is gone, with what is known of why; SF_TRANSPORT when PID 1 did not answer
 * in time.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_attached(struct sf_guest *guest, uint64_t timeout_ns);

/* ---- telling the host ------------------------------------------------------------------------------------------ */

/**
 * sf_guest_publish_u64() - give the host's check a number by name
 * @guest: an open guest
 * @name: at most 255 bytes, not empty
 * @value: any
 *
 * A name may be published again: the host keeps every value, in order, and the last one is the value of the name.
 * The same goes for sf_guest_publish_i64() and sf_guest_publish_str() (at most 32768 bytes).
 *
 * Return: SF_USAGE for a bad name, SF_TRANSPORT when it could not be handed to PID 1 within ten seconds.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_publish_u64(struct sf_guest *guest, const char *name, uint64_t value);
/** sf_guest_publish_i64() - see sf_guest_publish_u64() */
SF_API SF_CHECKED struct sf_error *sf_guest_publish_i64(struct sf_guest *guest, const char *name, int64_t value);
/** sf_guest_publish_str() - see sf_guest_publish_u64() */
SF_API SF_CHECKED struct sf_error *sf_guest_publish_str(struct sf_guest *guest, const char *name, const char *value);

/**
 * sf_guest_publish_procs() - tell the host which processes are in a cgroup now
 * @guest: an open guest
 * @tag: the name under which the check finds the list; at most 255 bytes, not empty
 * @cgroup: path below /sys/fs/cgroup; NULL or "" for the root
 *
 * An empty cgroup is published as an empty list; a cgroup that is not there is an error and publishes nothing.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_publish_procs(struct sf_guest *guest, const char *tag, const char *cgroup);

/**
 * sf_guest_event() - mark this moment, by @name, in the run's list of events
 *
 * "asked", "kernel" and "kernel-cut" are names of PID 1's own events, and are not passed on.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_event(struct sf_guest *guest, const char *name);

/**
 * sf_guest_check() - one entry of the test's verdict
 * @guest: an open guest
 * @ok: did it hold?
 * @fmt: what was checked; at most 32768 bytes once formatted
 *
 * Where it did not hold, a frame of this moment is kept as "failed", "failed.2" and so on up to four of them, and the
 * call returns once the guest was captured.
 *
 * Return: an error when the entry could not be told to the host. Whether @ok held is no error.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_check(struct sf_guest *guest, bool ok, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** sf_guest_result() - like sf_guest_check(), with a name of its own beside @text (which may be NULL) */
SF_API SF_CHECKED struct sf_error *sf_guest_result(struct sf_guest *guest, const char *name, bool ok, const char *text);

/* ---- load ------------------------------------------------------------------------------------------------------ */

/**
 * sf_guest_cgroup_create() - make a cgroup, and those above it
 * @guest: an open guest
 * @cgroup: path below /sys/fs/cgroup, such as "a" or "a/b"; no "." or ".." in it
 *
 * One that exists already is fine. The cgroups directly below the root have the files of the cpu, cpuset, memory and
 * pids controllers. Those further down have them only after their parent's cgroup.subtree_control was written, and a
 * parent that hands a controller on can hold no processes itself (cgroup v2's rule).
 */
SF_API SF_CHECKED struct sf_error *sf_guest_cgroup_create(struct sf_guest *guest, const char *cgroup);

/** sf_guest_cgroup_remove() - remove an empty cgroup */
SF_API SF_CHECKED struct sf_error *sf_guest_cgroup_remove(struct sf_guest *guest, const char *cgroup);

/** sf_guest_cgroup_move() - move process @pid (0: the caller) to @cgroup (NULL or "": the root) */
SF_API SF_CHECKED struct sf_error *sf_guest_cgroup_move(struct sf_guest *guest, const char *cgroup, pid_t pid);

/**
 * sf_guest_cgroup_write() - write @value to the file @file of @cgroup, as in ("a", "cpu.weight", "200")
 *
 * Return: SF_SYSTEM with what the kernel said.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_cgroup_write(struct sf_guest *guest, const char *cgroup, const char *file,
							 const char *value);

/** enum sf_worker - what a worker process does, until it is stopped */
enum sf_worker {
	SF_WORKER_SPIN,  /* never gives up its CPU */
	SF_WORKER_SLEEP, /* wakes every few milliseconds for a moment's work */
	SF_WORKER_PIPE,  /* two processes that pass a byte back and forth */
	SF_WORKER_FORK,  /* makes a short-lived child over and over */
};

/**
 * sf_guest_workers() - start @n workers in @cgroup
 * @guest: an open guest; it owns the workers, and they end with it, and with the thread that started them
 * @what: what they do
 * @cgroup: NULL or "" for the root; they are in it before their first instruction of work
 * @n: how many
 * @ret_pids: NULL, or room for @n; of a pipe pair the first of the two
 *
 * All or none: when one cannot be started, those of this call are ended again.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_workers(struct sf_guest *guest, enum sf_worker what, const char *cgroup,
						    unsigned int n, pid_t *ret_pids);

/** sf_guest_stop_workers() - end all workers of @guest and wait for them */
SF_API void sf_guest_stop_workers(struct sf_guest *guest);

/**
 * sf_guest_cpu_online() - take a CPU out of the kernel's hands, or give it back
 * @guest: an open guest
 * @cpu: its number, as in /sys/devices/system/cpu
 * @online: whether it is to be online
 *
 * Returns when the kernel shows it as asked; one that is so already is fine. A sched_ext scheduler without
 * cpu_offline() and cpu_online() is thrown out by the kernel when a CPU goes or comes (handle_hotplug() in
 * kernel/sched/ext.c), and the run fails: it left before the end.
 *
 * Return: SF_NOT_FOUND when there is no such CPU, with those there are; SF_USAGE when it cannot go offline, which is so
 * of CPU 0 since Linux 6.5; SF_SYSTEM with what the kernel said when it refused; SF_DEADLINE when it agreed, and ten
 * seconds of guest time later nothing had come of it.
 */
SF_API SF_CHECKED struct sf_error *sf_guest_cpu_online(struct sf_guest *guest, unsigned int cpu, bool online);

/** sf_guest_hold() - sleep for @ns of guest time; a signal does not shorten it */
SF_API void sf_guest_hold(struct sf_guest *guest, uint64_t ns);

/** sf_guest_now_ns() - the guest's CLOCK_MONOTONIC, which every time on the wire is of */
SF_API uint64_t sf_guest_now_ns(void);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

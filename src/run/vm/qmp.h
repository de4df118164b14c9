/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_QMP_H
#define SF_VM_QMP_H

/*
 * A client of QEMU's machine protocol: JSON objects over a stream socket. Several commands may be under way; their
 * replies are kept by id until somebody takes them, events in a queue. No thread, no loop of its own: bytes are read in
 * sf_qmp_pump() and in what waits.
 *
 * QEMU reads a monitor's socket byte by byte (monitor_can_read() is 1 at most; 7.2), with nine system calls for each:
 * a command of 80 bytes takes half a millisecond before it begins. So a command can be loaded, all but its last
 * brace, at a time when nobody waits, and fired with one byte.
 *
 * The peer is not trusted: a line that is no JSON object with a meaning, or is longer than SF_QMP_LINE_MAX, breaks the
 * connection, and every later call says why. A reply that nobody waits for (its deadline passed, or its id was never
 * given) is logged and dropped.
 */

#include "base/json.h"
#include "base/text.h"
#include "vm/vm.h"

#define SF_QMP_LINE_MAX (16u << 20)

struct sf_qmp;

struct sf_qmp_command {
	const char *name;      /* static: it names the command in errors */
	const char *arguments; /* a JSON object as text; NULL: none */
};

struct sf_qmp_event {
	const char *name;      /* of the document */
	struct sf_json *json;
	uint64_t time;
};

/*
 * What went in and out, with the time, in a file. Between hold and flush it is kept in memory, so that no file is
 * written while a guest is stopped. Connections may share one.
 */
struct sf_qmp_log {
	int fd;              /* -1: no log */
	uint64_t epoch;      /* times count from here */
	bool held;
	struct sf_text text;
};

void sf_qmp_log_hold(struct sf_qmp_log *log);
void sf_qmp_log_flush(struct sf_qmp_log *log);
void sf_qmp_log_close(struct sf_qmp_log *log); /* flushes; closes the fd */

/*
 * Takes @fd (made non-blocking), also on failure. @file is borrowed, and may be NULL. @side marks a second connection
 * to the same QEMU: its lines stand out in the log, and its events, which are the first one's, are dropped.
 */
SF_CHECKED struct sf_error *sf_qmp_new(int fd, bool side, struct sf_qmp_log *file, const struct sf_logger *log,
				       struct sf_qmp **ret);
void sf_qmp_free(struct sf_qmp *qmp);
SF_DEFINE_CLEANUP(qmp, sf_qmp_free)

int sf_qmp_fd(const struct sf_qmp *qmp);

/* Waits for the greeting and leaves negotiation mode. SF_BAD_INPUT if the greeting is none. */
SF_CHECKED struct sf_error *sf_qmp_hello(struct sf_qmp *qmp, uint64_t deadline);

/* Sends @n commands in one write and gives the id of each. */
SF_CHECKED struct sf_error *sf_qmp_send(struct sf_qmp *qmp, const struct sf_qmp_command *commands, size_t n,
					uint64_t deadline, uint64_t *ids);

/*
 * Loads @command, and before that fires what is loaded, in one write. NULL for @command: only fires. While a command is
 * loaded no other can be sent. An id is given when it is loaded, and its reply can be waited for from then on.
 */
SF_CHECKED struct sf_error *sf_qmp_load(struct sf_qmp *qmp, const struct sf_qmp_command *command, uint64_t deadline,
					uint64_t *ret_id);

/* Reads and sorts what there is; if nothing, waits for something until @deadline. That it passes is no error. */
SF_CHECKED struct sf_error *sf_qmp_pump(struct sf_qmp *qmp, uint64_t deadline);

/* The oldest event, if any; the caller's: sf_json_unref(ret->json). */
bool sf_qmp_event(struct sf_qmp *qmp, struct sf_qmp_event *ret);

/* Is command @id under way, unanswered? */
bool sf_qmp_waiting(const struct sf_qmp *qmp, uint64_t id);

/*
 * Waits for the reply to @id and takes it: the document, whose member `return` is the result. SF_DEADLINE: none came,
 * and the reply will be dropped if it does; SF_TRANSPORT: QEMU refused, in its words, or the connection broke.
 */
SF_CHECKED struct sf_error *sf_qmp_wait(struct sf_qmp *qmp, uint64_t id, uint64_t deadline, struct sf_json **ret);

/* Send and wait. @ret may be NULL. */
SF_CHECKED struct sf_error *sf_qmp_run(struct sf_qmp *qmp, const char *name, const char *arguments, uint64_t deadline,
				       struct sf_json **ret);

/* The reply to @id is of no interest any more, whether it came or not. 0 and unknown ids are fine. */
void sf_qmp_forget(struct sf_qmp *qmp, uint64_t id);

#endif

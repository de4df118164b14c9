/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_WIRE_MESSAGE_H
#define SF_WIRE_MESSAGE_H

/*
 * What the guest tells the host: one JSON object per frame, one struct for all of them. What a type does not use is
 * NULL or 0 and not written; what a reader does not know it passes over, so that either side may be the newer one.
 *
 * Every text may come from a hostile guest. A read message owns what it points at (`json`, `pids`).
 */

#include "base/json.h"
#include "wire/wire.h"

#define SF_WIRE_PROTOCOL 1
#define SF_WIRE_MAX_NAME 255
#define SF_WIRE_MAX_TEXT 32768
#define SF_WIRE_MAX_PIDS 65536

enum sf_wire_value { SF_WIRE_NO_VALUE, SF_WIRE_U64, SF_WIRE_I64, SF_WIRE_STR };

/* States of the scheduler under test. */
enum sf_wire_sched {
	SF_WIRE_SCHED_NONE,     /* the kernel's own, as was asked for */
	SF_WIRE_SCHED_STARTING,
	SF_WIRE_SCHED_ATTACHED,
	SF_WIRE_SCHED_FAILED,   /* never attached; `cause` says why */
	SF_WIRE_SCHED_EXITED,   /* was attached, and left or was thrown out, before it was told to */
	SF_WIRE_SCHED_DETACHED, /* was told to, at the end of the run */
};

/* Why a scheduler failed, as far as the guest can tell. */
#define SF_WIRE_CAUSE_NO_SCHED_EXT "no-sched-ext" /* the kernel has none */
#define SF_WIRE_CAUSE_NO_BTF "no-btf"             /* the kernel has none */
#define SF_WIRE_CAUSE_OBJECT "object"             /* not a BPF object, or not exactly one sched_ext_ops in it */
#define SF_WIRE_CAUSE_EXEC "exec"                 /* the program cannot be executed */
#define SF_WIRE_CAUSE_LIBRARY "library"           /* the program lacks a shared library */
#define SF_WIRE_CAUSE_REJECTED "rejected"         /* the verifier, or the kernel at load or attach, refused it */
#define SF_WIRE_CAUSE_EXITED "exited"             /* it ended before it was attached */
#define SF_WIRE_CAUSE_TIMEOUT "timeout"           /* not attached in time */

struct sf_wire_message {
	uint32_t type;
	uint64_t t_ns;         /* CLOCK_MONOTONIC of the guest */
	const char *name;      /* EVNT, VALU, RSLT, FATL: of the thing; PROC: the tag; LOGL: who; DONE: the outcome */
	const char *text;      /* EVNT, RSLT, LOGL, FATL, SCHD: for people */

	enum sf_wire_value value; /* VALU */
	uint64_t u64;
	int64_t i64;
	const char *str;

	bool ok;               /* RSLT */

	const char *cgroup;    /* PROC */
	const int32_t *pids;
	size_t n_pids;

	enum sf_wire_sched sched; /* SCHD */
	const char *ops;       /* the name in its sched_ext_ops */
	const char *cause;     /* SF_WIRE_CAUSE_* */
	const char *reason;    /* the kernel's: the words in parentheses of its "disabled (...)" line */
	const char *log;       /* last lines: of the verifier's log, or of what the program printed */

	bool ended;            /* SCHD, DONE: a process ended (DONE: the test program), and how: */
	int exit_code;
	int signal;            /* not 0: killed by it, exit_code means nothing */

	const char *stream;    /* LOGL: "stdout" or "stderr" */
	bool cut;              /* LOGL: the line was longer */
	uint64_t dropped;      /* DONE: lines of children that were not sent */

	uint64_t protocol;     /* HELO */
	const char *release;
	uint64_t cpus;
	bool btf, sched_ext;
	uint64_t vmcoreinfo;   /* guest physical address of the note; 0: not told */
	uint64_t vmcoreinfo_size;

	struct sf_json *json;  /* of a message that was read */
	int32_t *own_pids;
};

#define SF_WIRE_MESSAGE(t) ((struct sf_wire_message){ .type = (t) })

/* Is @type one of those that carry a message? */
bool sf_wire_is_message(uint32_t type);
const char *sf_wire_sched_name(enum sf_wire_sched state);

/* The payload as text; texts longer than SF_WIRE_MAX_TEXT bytes are cut. free() it. */
SF_CHECKED struct sf_error *sf_wire_message_encode(const struct sf_wire_message *m, char **ret, size_t *ret_len);
SF_CHECKED struct sf_error *sf_wire_message_put(struct sf_wire_out *out, const struct sf_wire_message *m);

/* SF_BAD_INPUT says what is wrong with it. A frame with a wrong checksum is refused too. */
SF_CHECKED struct sf_error *sf_wire_message_read(const struct sf_wire_frame *frame, struct sf_wire_message *ret);
void sf_wire_message_clear(struct sf_wire_message *m);
#define _cleanup_message_ _cleanup_(sf_wire_message_clear)

#endif

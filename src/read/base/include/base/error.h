/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BASE_ERROR_H
#define SF_BASE_ERROR_H

/*
 * How errors are made. There are three kinds, told apart by who owns them:
 *
 *  - heap errors: made with sf_error_new() and friends, owned by whoever they are returned to;
 *  - the static out-of-memory error, owned by nobody;
 *  - borrowed errors: slots of a ring (struct sf_error_ring) that lives in a snapshot or a JSON document. Making one
 *    allocates nothing: the slot records what it refers to (`refs`, a path) and a `make` function, which fills the
 *    payload when somebody first asks for it. A slot is reused after SF_ERROR_RING more failures; whoever holds
 *    {slot, generation} can tell.
 *
 * A payload's strings and arrays belong to the error, which frees them in one go: fill them through sf_error_str() and
 * the other fillers, never with pointers to something shorter-lived.
 */

#include <stdarg.h>

#include "base/util.h"
#include "stillframe/base.h"

#define SF_NONNULL __attribute__((returns_nonnull))

#define SF_ERROR_RING 64
#define SF_ERROR_PATH_INLINE 256

struct sf_error;
typedef void sf_error_make_fn(struct sf_error *err);

struct sf_error {
	enum sf_code code;
	bool borrowed;           /* in a ring, or static: sf_error_free() leaves it alone */
	bool made;               /* the payload is filled */
	bool full_path;          /* path did not fit inline and is in `long_path` */
	bool lost;               /* a filler had no memory: the payload is not complete */
	uint32_t generation;     /* of a ring slot */
	uint32_t path_len;
	sf_error_make_fn *make;  /* fills the payload; NULL: it is filled already */
	char *message;
	char *long_path;
	void *chunks;            /* everything the payload points at */
	struct sf_error_payload payload;
	void *owner;             /* of a lazy error: what refs are about */
	uint64_t refs[16];
	char path[SF_ERROR_PATH_INLINE];
};

/* A machinery error whose message is the sentence @fmt. */
SF_NONNULL struct sf_error *sf_error_new(enum sf_code code, const char *fmt, ...) sf_printf(2, 3);
SF_NONNULL struct sf_error *sf_error_newv(enum sf_code code, const char *fmt, va_list ap) sf_printf(2, 0);

/* SF_SYSTEM: "@fmt: strerror(@err)". */
SF_NONNULL struct sf_error *sf_error_sys(int err, const char *fmt, ...) sf_printf(2, 3);

/* The static error that needs no memory. */
SF_NONNULL struct sf_error *sf_error_nomem(void);

/* "@fmt: " before a machinery error's sentence. Takes and returns @err; NULL stays NULL. */
struct sf_error *sf_error_context(struct sf_error *err, const char *fmt, ...) sf_printf(2, 3);

/*
 * An error of an accessor code on the heap, with an empty payload to fill. Never NULL: without memory it is one that
 * swallows what is put into it and reads as the static out-of-memory error.
 */
SF_NONNULL struct sf_error *sf_error_bare(enum sf_code code);

/*
 * Fillers: memory of the error. They return NULL (and leave what was there) without memory. Text that is not UTF-8, and
 * NULs, are escaped as \xHH, once and here, so that an error goes through JSON unchanged. NULL stays NULL.
 */
void *sf_error_alloc(struct sf_error *err, size_t size);
const char *sf_error_str(struct sf_error *err, const char *text);
const char *sf_error_strn(struct sf_error *err, const char *text, size_t len);
const char *sf_error_fmt(struct sf_error *err, const char *fmt, ...) sf_printf(2, 3);
void sf_error_strv(struct sf_error *err, struct sf_strv *ret, const char *const *v, size_t n);
uint64_t *sf_error_u64s(struct sf_error *err, const uint64_t *v, size_t n);

/* A sentence for people, from code and payload alone: what sf_error_message() gives. NULL without memory. */
char *sf_error_compose(const struct sf_error_payload *p);

struct sf_error_ring {
	struct sf_error slots[SF_ERROR_RING];
	uint32_t next;
};

/*
 * The next slot of @ring (all zero at first), with @code, @make, @owner and a copy of @path (of @path_len bytes; NULL:
 * none; what there is no memory for ends in an ellipsis). What the slot held is released; `refs` keep old values until
 * the caller sets them. With @make NULL the payload is empty and the caller fills it at once.
 */
SF_NONNULL struct sf_error *sf_error_ring_take(struct sf_error_ring *ring, enum sf_code code, sf_error_make_fn *make,
				    void *owner, const char *path, size_t path_len);
void sf_error_ring_clear(struct sf_error_ring *ring); /* frees what the slots hold */

/* For sf_error.make: says that the details were overwritten by later errors. The code is what it was. */
void sf_error_make_gone(struct sf_error *err);

/* The path that a lazy error recorded. */
static inline const char *sf_error_path(const struct sf_error *err)
{
	return err->full_path ? err->long_path : err->path;
}

/* ---- log -------------------------------------------------------------------------------------- */

/* Formats only when somebody listens. @log may be NULL. */
void sf_log(const struct sf_logger *log, enum sf_log_level level, const char *fmt, ...) sf_printf(3, 4);

#endif

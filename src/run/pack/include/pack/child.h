/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_PACK_CHILD_H
#define SF_PACK_CHILD_H

/*
 * A program that is asked something: found, given a time, heard out, and gone when the answer is there.
 */

#include "base/error.h"

/* @name if it has a slash or is a file, else sought in PATH; absolute. NULL in @ret: nowhere. */
SF_CHECKED struct sf_error *sf_find_program(const char *name, char **ret);

struct sf_child {
	const char *path;
	char *const *argv;
	char *const *envp;       /* NULL: ours */
	uint64_t timeout_ns;     /* 0: none */
	bool (*stop)(void *arg); /* may be NULL; asked ten times a second */
	void *arg;
};

struct sf_child_said {
	char *out;               /* what it printed, at most 1 MiB */
	char *err;               /* and the end of what it complained about */
	int status;              /* as of waitpid(2) */
	bool late, stopped;      /* it was ended by us */
};

SF_CHECKED struct sf_error *sf_child_ask(const struct sf_child *child, struct sf_child_said *ret);
void sf_child_said_clear(struct sf_child_said *said);
#define _cleanup_said_ _cleanup_(sf_child_said_clear)

#endif

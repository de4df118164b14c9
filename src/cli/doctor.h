/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_DOCTOR_H
#define SF_CLI_DOCTOR_H

/*
 * What stillframe doctor finds out: checks, each of which takes bounded time, asks nobody, and changes nothing but the
 * remembered answers in the cache. doctor.c says what came of them, doctor_run.c looks at what a run needs,
 * doctor_build.c at what a scheduler is built with.
 */

#include "cli.h"
#include "vm/vm.h"

enum finding { FOUND_OK, FOUND_NO, FOUND_UNKNOWN };

struct doctor {
	FILE *out;               /* findings as text, as they are made; NULL: they are kept for later */
	bool colour;
	struct check {
		const char *name;
		enum finding found;
		bool blocks;     /* without it nothing can be run */
		char *why, *remedy;
	} *v;
	size_t n, cap;
	bool failed;             /* no memory */

	/* What one check leaves to the next. */
	struct sf_qemu qemu;     /* path is NULL: none */
	char *kernel;            /* to try things with; NULL: none */
	bool can_fetch;
	enum sf_accel accel;
};

/* Printf for one line about @name; @remedy is a sentence, or NULL. */
void doctor_found(struct doctor *d, const char *name, enum finding found, bool blocks, const char *remedy, const char *fmt,
		  ...) sf_printf(6, 7);
/* What @argv prints, both ways together; NULL: it is not there, or says nothing in time. free() it. */
char *doctor_ask(const char *const *argv);

/* Ctrl-C, and others of that kind: no more is begun. */
bool doctor_interrupted(void *unused);

void doctor_check_run(struct doctor *d);   /* doctor_run.c */
void doctor_check_build(struct doctor *d); /* doctor_build.c */

#endif

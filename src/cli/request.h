/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_REQUEST_H
#define SF_CLI_REQUEST_H

/*
 * What `stillframe run` was asked for, on its way from the command line to one run or several.
 *
 *   run_options.c  the table of options, and what each takes
 *   run_scenario.c what a scenario file adds to it
 *   run.c          the checks that need no guest, and one run
 *   run_many.c     several kernels, one run after the other
 *   run_reports.c  the same told to machines
 */

#include "cli.h"
#include "scenario/scenario.h"

struct run_request {
	const char *scheduler, *accel, *out;
	const char *junit, *summary; /* files; NULL: not asked for */
	bool ktap;
	struct { const char **v; size_t n, cap; } kernels; /* none: the default */
	struct sf_topology topology;
	bool has_topology;
	uint64_t deadline, attach; /* ns; 0: the default */
	uint64_t memory, duration;
	struct {
		uint64_t map, pointees; /* bytes */
		uint32_t pages, hops;
	} keep;                    /* 0: the default */
	bool force, verbose;
	bool no_captures;          /* --capture none */
	struct { struct sf_capture_at *v; size_t n, cap; } captures;
	struct { struct sf_expect *v; size_t n, cap; } expects;
	struct { const char **v; size_t n, cap; } env, files; /* NULL-terminated once they are complete */
	struct sf_scenario *scenario; /* NULL: none */
	const char *const *args;   /* of the scheduler, NULL-terminated, or NULL */
	struct cli_progress *progress;
	int cancel_fd;
};

/* ---- run_options.c -------------------------------------------------------------------------------------------------- */

/* The name of a capture, of @len bytes: it becomes a file's. */
bool cli_is_capture_name(const char *text, size_t len);

/* ---- run_scenario.c ------------------------------------------------------------------------------------------------- */

static inline bool cli_has_steps(const struct run_request *r)
{
	return r->scenario && r->scenario->n_steps;
}
/* What the command line says, wins. */
SF_CHECKED struct sf_error *cli_take_scenario(struct run_request *r, const char *path);
SF_CHECKED struct sf_error *cli_check_steps(const struct run_request *r);

/* ---- run.c ---------------------------------------------------------------------------------------------------------- */

int cli_run_main(const struct cli_command *c, int argc, char **argv);
/* @kernel (NULL: the default) in @out (NULL: the next of its name). @ret is NULL where there is an error. */
SF_CHECKED struct sf_error *cli_run_one(struct run_request *r, const char *kernel, const char *out, struct sf_run **ret);
/* What a run is called: free() it. */
char *cli_run_name(const struct run_request *r);
bool cli_is_cancelled(void *request);

/* ---- run_many.c ----------------------------------------------------------------------------------------------------- */

/* Returns the exit code: the worst of all. */
int cli_run_many(const struct cli_command *c, struct run_request *r);

/* ---- run_reports.c -------------------------------------------------------------------------------------------------- */

/* Can the files be written that were asked for? What is known now is better known before a kernel boots. */
SF_CHECKED struct sf_error *cli_check_reports(const struct run_request *r);
/* One run to tell of. */
struct cli_told {
	const char *dir;
	const char *why;         /* NULL: its run.json tells. Else it has none, for this reason: it is told of all the same */
	enum sf_verdict verdict; /* where it has none */
};
/* @code is theirs; returns it, or what is worse. */
int cli_put_reports(const struct cli_command *c, const struct run_request *r, const struct cli_told *told, size_t n, int code);

#endif

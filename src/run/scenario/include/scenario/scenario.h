/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SCENARIO_SCENARIO_H
#define SF_SCENARIO_SCENARIO_H

/*
 * Scenarios: what a run is to do, as people write it in a YAML file. This room reads such a file, refuses what is wrong
 * in it with file, line, column and what is allowed there, and makes a list of steps of it, which steps.h executes. It
 * starts nothing, opens no file but the one it is given, and does not look whether a program or a kernel is there: that
 * is for who runs it.
 *
 * A scenario owns all its texts; it never changes after it was read.
 *
 *   document.c   YAML as a tree that knows where everything stood
 *   values.c     times, sizes, numbers, words
 *   schema.c     which keys there are, and did somebody mean another one
 *   load.c       the file, and the keys at its top
 *   operations.c the keys of a step
 *   names.c      what was named before, repetitions
 *   steps.c, run.c, guest.c   steps.h: for both sides
 *
 * docs/scenarios.md is the format.
 */

#include "scenario/steps.h"
#include "stillframe/run.h"

/* Where something stands: "FILE:LINE:COLUMN: steps[2].workers". */
struct sf_scenario_place {
	uint32_t line, column; /* from 1 */
	const char *path;      /* "steps[2].repeat.steps[0], turn 2" */
};

struct sf_scenario {
	const char *file;      /* as it was named, made fit for one line */
	const char *name;      /* NULL: not given, here and below */
	const char *scheduler; /* "none", or a program or object, found from the directory of the file */
	bool is_program, is_object; /* it says which of them */
	const char *const *args, *const *env, *const *files; /* each NULL-terminated, or NULL */
	const char *const *kernels;
	size_t n_kernels;
	struct sf_topology topology;
	bool has_topology;
	uint64_t memory, deadline_ns; /* 0: not given */
	struct sf_scenario_step *steps;
	struct sf_scenario_place *places; /* of each step */
	size_t n_steps;
	struct sf_expect *expects;
	size_t n_expects;
	uint64_t hold_ns;      /* all holds together: it takes at least so long */
	struct sf_scenario_own *own;
};

/* SF_BAD_INPUT: "FILE:LINE:COLUMN: WHERE: what is wrong, what is allowed". SF_SYSTEM: it cannot be read. */
SF_CHECKED struct sf_error *sf_scenario_load(const char *path, struct sf_scenario **ret);
/* The same of bytes; @file names them. */
SF_CHECKED struct sf_error *sf_scenario_read(const char *file, const char *text, size_t len, struct sf_scenario **ret);
void sf_scenario_free(struct sf_scenario *scenario);
SF_DEFINE_CLEANUP(scenario, sf_scenario_free)

/* Of a guest of @n_cpus CPUs (the command line may have another topology than the file): are all there that steps name? */
SF_CHECKED struct sf_error *sf_scenario_check_cpus(const struct sf_scenario *scenario, uint32_t n_cpus);
/* The step that captures as @name; NULL: none does. */
const struct sf_scenario_place *sf_scenario_find_capture(const struct sf_scenario *scenario, const char *name);
/* "FILE:LINE:COLUMN: WHERE"; free() it, NULL without memory. */
char *sf_scenario_where(const struct sf_scenario *scenario, const struct sf_scenario_place *place);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SCENARIO_STEPS_H
#define SF_SCENARIO_STEPS_H

/*
 * The steps of a scenario as they are executed, one after the other: repetitions are written out, names are resolved.
 * This half of the room is built for both sides. The host writes the steps as JSON into the guest, where a process of
 * its own reads and executes them; it knows wire and guest, and nothing of YAML.
 *
 * The executor knows an op_backend and not what is behind it: a guest is one, a host without one another.
 */

#include "base/json.h"

#define SF_SCENARIO_FILE "/stillframe/scenario.json" /* in the guest */
#define SF_SCENARIO_OPTION "--scenario"              /* of the agent's program, when it is no PID 1 */

#define SF_SCENARIO_MAX_STEPS 10000
#define SF_SCENARIO_MAX_WORKERS 4096 /* of one step */
#define SF_SCENARIO_MAX_CPU 254      /* a guest has at most 255 */

enum sf_op {
	SF_OP_CGROUP,  /* makes it, or changes it */
	SF_OP_WORKERS,
	SF_OP_STOP,    /* ends workers by their name */
	SF_OP_CPU,
	SF_OP_HOLD,
	SF_OP_CAPTURE,
	SF_OPS,
};

/* What workers do. The first ones are enum sf_worker's. */
enum sf_load { SF_LOAD_SPIN, SF_LOAD_SLEEP, SF_LOAD_PIPE, SF_LOAD_FORK, SF_LOAD_MIXED, SF_LOADS };

/* Members that an operation does not use are zero. */
struct sf_scenario_step {
	enum sf_op op;
	const char *name;   /* of the cgroup, the capture, the workers (NULL: they have none) */
	enum sf_load load;
	uint32_t count;     /* of workers; of SF_LOAD_MIXED 0 for as many as there are CPUs */
	const char *cgroup; /* of workers; NULL: the root */
	int32_t nice;
	const char *cpus;   /* a list as in "0-1,3"; NULL: any */
	uint32_t weight;    /* of a cgroup; 0: left as it is */
	uint32_t cpu;
	bool online;
	uint64_t ns;        /* of a hold */
};

struct sf_steps {
	struct sf_scenario_step *v;
	size_t n;
	struct sf_json *json; /* of steps that were read: it has their texts */
};

const char *sf_op_name(enum sf_op op);
const char *sf_load_name(enum sf_load load);
/* "workers load", "hold 500 ms", "cpu 1 offline": for people, who may see it cut. */
const char *sf_step_text(const struct sf_scenario_step *step, char *buf, size_t size);

/* "0-1,3" with numbers up to SF_SCENARIO_MAX_CPU, no range backwards; @each may be NULL. false: it is none. */
bool sf_cpu_list(const char *text, void (*each)(void *arg, uint32_t cpu), void *arg);

/* As JSON and back; SF_BAD_INPUT says which step is wrong. sf_steps_clear() frees what was read. */
SF_CHECKED struct sf_error *sf_steps_write(const struct sf_scenario_step *v, size_t n, struct sf_json_buffer *ret);
SF_CHECKED struct sf_error *sf_steps_read(const char *text, size_t len, struct sf_steps *ret);
void sf_steps_clear(struct sf_steps *steps);
#define _cleanup_steps_ _cleanup_(sf_steps_clear)

/* ---- execution --------------------------------------------------------------------------------------------------- */

struct sf_op_backend {
	/* Told before and after each step; an error of these ends everything. @fails does not consume @err. */
	struct sf_error *(*begins)(void *arg, size_t i);
	struct sf_error *(*ends)(void *arg, size_t i);
	struct sf_error *(*fails)(void *arg, size_t i, struct sf_error *err);
	/* Indexed by enum sf_op. */
	struct sf_error *(*ops[SF_OPS])(void *arg, const struct sf_scenario_step *step);
};

/* Executes steps until one fails, which is told and no error; an error is that something could not be told. */
SF_CHECKED struct sf_error *sf_steps_run(const struct sf_scenario_step *v, size_t n, const struct sf_op_backend *backend,
					 void *arg);

/*
 * In a guest: executes the steps of the file @path and tells the host of each, by events "step N begins" and
 * "step N ends" and, for the one that failed, a result: "step N fails", or "step N is refused" where the host is to
 * blame, or the way to it. N counts from 0.
 */
SF_CHECKED struct sf_error *sf_scenario_in_guest(const char *path);

/* What was told of a step; false: @name says nothing of one. */
enum sf_step_word { SF_STEP_BEGINS, SF_STEP_ENDS, SF_STEP_FAILS, SF_STEP_REFUSED };
void sf_step_say(char buf[64], size_t i, enum sf_step_word word);
bool sf_step_said(const char *name, size_t *ret, enum sf_step_word *ret_word);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_AGENT_CONFIG_H
#define SF_AGENT_CONFIG_H

/*
 * What to run: /stillframe/run.json in the initramfs, or the same text in a RUNC frame. docs/wire.md has its members.
 * Strings point into the document, which the config owns with its lists.
 */

#include "base/json.h"
#include "stillframe/guest.h"

enum sched_kind { SCHED_NONE, SCHED_OBJ, SCHED_PROGRAM };
enum load_kind { LOAD_MIXED, LOAD_WORKERS };

struct load {
	enum load_kind kind;
	enum sf_worker what;
	uint64_t n;         /* of LOAD_MIXED: 0 for as many as there are CPUs */
	const char *cgroup; /* "" for the root */
};

struct planned_capture {
	const char *name;
	uint64_t at_ns;
};

/* argv[0] is the path; both lists end with NULL. */
struct command {
	char **argv;
	char **envp;
};

struct config {
	struct sf_json *json;

	enum sched_kind sched;
	const char *object;     /* SCHED_OBJ */
	struct command program; /* SCHED_PROGRAM */
	uint64_t attach_ns;
	bool outlive_sched;     /* the run goes on when the scheduler has exited */

	struct load *loads;
	size_t n_loads;
	const char **cgroups;
	size_t n_cgroups;
	struct planned_capture *captures;
	size_t n_captures;
	uint64_t capture_ns;    /* how long to wait for the reply */
	struct command test;    /* argv NULL: none */
	uint64_t test_ns;       /* 0: no limit */
	uint64_t duration_ns;   /* with a test, the run ends with the test instead */
	uint64_t deadline_ns;   /* of the whole run since boot; 0: none */
	uint64_t done_ns;       /* how long to wait for the host's answer to DONE; 0: not at all */
	const char **modules;
	size_t n_modules;
};

/* SF_BAD_INPUT names the member. */
SF_CHECKED struct sf_error *config_read(const char *text, size_t len, struct config *ret);
void config_clear(struct config *config);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "base/file.h"
#include "guest/guest.h"
#include "scenario/steps.h"
#include "stillframe/guest.h"

/*
 * Steps in a guest, by what any test program has: stillframe/guest.h. One thread, which is above the scheduler under
 * test, so that a step comes in time also where that starves everybody.
 */

#define MAX_FILE (16u << 20)
#define CAPTURE_NS 30000000000u

/* Workers that began together. Each group has a guest of its own: what it started ends with it. */
struct group {
	char *name; /* NULL: they have none */
	struct sf_guest *guest;
};

struct executor {
	struct sf_guest *guest;
	struct { struct group *v; size_t n, cap; } groups;
};

/* ---- telling ------------------------------------------------------------------------------------------------------- */

static struct sf_error *begins(void *arg, size_t i)
{
	char name[64];

	sf_step_say(name, i, SF_STEP_BEGINS);
	return sf_guest_event(((struct executor *)arg)->guest, name);
}

static struct sf_error *ends(void *arg, size_t i)
{
	char name[64];

	sf_step_say(name, i, SF_STEP_ENDS);
	return sf_guest_event(((struct executor *)arg)->guest, name);
}

/* A request that the host refused, or that was lost, is no fault of what is tested. */
static struct sf_error *fails(void *arg, size_t i, struct sf_error *err)
{
	bool refused = sf_error_code(err) == SF_HOST || sf_error_code(err) == SF_TRANSPORT;
	char name[64];

	sf_step_say(name, i, refused ? SF_STEP_REFUSED : SF_STEP_FAILS);
	if (!refused)
		sf_guest_keep_failure(((struct executor *)arg)->guest, sf_error_message(err));
	return sf_guest_tell_result(((struct executor *)arg)->guest, name, false, sf_error_message(err));
}

/* ---- cgroups --------------------------------------------------------------------------------------------------------- */

/* The controllers' files are there below the root only where every cgroup above hands them on. */
static struct sf_error *hand_on(struct sf_guest *guest, const char *cgroup)
{
	_cleanup_free_ char *above = strdup(cgroup);

	if (!above)
		return sf_error_nomem();
	for (char *p = above; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		SF_TRY(sf_guest_cgroup_write(guest, above, "cgroup.subtree_control", "+cpu +cpuset"));
	}
	return NULL;
}

static struct sf_error *op_cgroup(void *arg, const struct sf_scenario_step *step)
{
	struct sf_guest *guest = ((struct executor *)arg)->guest;
	char weight[16];

	SF_TRY(sf_guest_cgroup_create(guest, step->name));
	if (step->cpus || step->weight)
		SF_TRY(hand_on(guest, step->name));
	if (step->cpus)
		SF_TRY(sf_guest_cgroup_write(guest, step->name, "cpuset.cpus", step->cpus));
	if (!step->weight)
		return NULL;
	snprintf(weight, sizeof(weight), "%u", step->weight);
	return sf_guest_cgroup_write(guest, step->name, "cpu.weight", weight);
}

/* ---- workers --------------------------------------------------------------------------------------------------------- */

static void set_bit(void *arg, uint32_t cpu)
{
	CPU_SET(cpu, (cpu_set_t *)arg);
}

/* False: it is not ours to have, and nothing depends on it. */
static bool run_above_others(bool above)
{
	struct sched_param param = { .sched_priority = above };

	return !sched_setscheduler(0, above ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER, &param);
}

/* As many of each kind as PID 1 starts where nothing else was asked for. */
static struct sf_error *start(struct sf_guest *guest, const struct sf_scenario_step *s)
{
	unsigned int n = s->count ? s->count : (unsigned int)sf_max(get_nprocs(), 1);

	if (s->load != SF_LOAD_MIXED)
		return sf_guest_workers(guest, (enum sf_worker)s->load, s->cgroup, n, NULL);
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SPIN, s->cgroup, n, NULL));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SLEEP, s->cgroup, 2 * n, NULL));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_PIPE, s->cgroup, n, NULL));
	return sf_guest_workers(guest, SF_WORKER_FORK, s->cgroup, 1, NULL);
}

/*
 * Niceness and CPUs are inherited, also by what a worker forks at once, so this process takes them on for a moment.
 * Niceness only where SCHED_RESET_ON_FORK does not undo it (sched_fork() in kernel/sched/core.c).
 */
static struct sf_error *start_as(struct sf_guest *guest, const struct sf_scenario_step *s)
{
	struct sf_error *err = NULL;
	cpu_set_t before, wanted;
	bool above = false;

	if (!s->nice && !s->cpus)
		return start(guest, s);
	CPU_ZERO(&wanted);
	if (sched_getaffinity(0, sizeof(before), &before))
		return sf_error_sys(errno, "this process's CPUs");
	if (s->cpus && sf_cpu_list(s->cpus, set_bit, &wanted) && sched_setaffinity(0, sizeof(wanted), &wanted))
		err = sf_error_sys(errno, "CPUs %s for workers", s->cpus);
	if (!err && s->nice) {
		above = sched_getscheduler(0) != SCHED_OTHER && run_above_others(false);
		if (setpriority(PRIO_PROCESS, 0, s->nice))
			err = sf_error_sys(errno, "niceness %d for workers", s->nice);
	}
	if (!err)
		err = start(guest, s);
	if (s->nice)
		setpriority(PRIO_PROCESS, 0, 0);
	if (above)
		run_above_others(true);
	sched_setaffinity(0, sizeof(before), &before);
	return err;
}

static struct sf_error *op_workers(void *arg, const struct sf_scenario_step *step)
{
	struct executor *x = arg;
	struct group *g = sf_vec_push(&x->groups);

	if (!g)
		return sf_error_nomem();
	*g = (struct group){ .name = step->name ? strdup(step->name) : NULL };
	if (step->name && !g->name)
		return sf_error_nomem();
	SF_TRY(sf_guest_open(NULL, &g->guest));
	return start_as(g->guest, step);
}

static void end_group(struct group *g)
{
	sf_guest_free(g->guest);
	free(g->name);
}

static struct sf_error *op_stop(void *arg, const struct sf_scenario_step *step)
{
	struct executor *x = arg;

	for (size_t i = 0; i < x->groups.n; i++) {
		struct group *g = &x->groups.v[i];

		if (!g->name || strcmp(g->name, step->name))
			continue;
		end_group(g);
		*g = x->groups.v[--x->groups.n];
		return NULL;
	}
	return sf_error_new(SF_NOT_FOUND, "no workers are called \"%s\"", step->name);
}

/* ---- the rest -------------------------------------------------------------------------------------------------------- */

static struct sf_error *op_cpu(void *arg, const struct sf_scenario_step *step)
{
	return sf_guest_cpu_online(((struct executor *)arg)->guest, step->cpu, step->online);
}

static struct sf_error *op_hold(void *arg, const struct sf_scenario_step *step)
{
	sf_guest_hold(((struct executor *)arg)->guest, step->ns);
	return NULL;
}

static struct sf_error *op_capture(void *arg, const struct sf_scenario_step *step)
{
	return sf_guest_request_snapshot(((struct executor *)arg)->guest, SF_SNAPSHOT_KIND_CAPTURE, step->name,
					 CAPTURE_NS);
}

struct sf_error *sf_scenario_in_guest(const char *path)
{
	static const struct sf_op_backend backend = {
		.begins = begins,
		.ends = ends,
		.fails = fails,
		.ops = {
			[SF_OP_CGROUP] = op_cgroup,
			[SF_OP_WORKERS] = op_workers,
			[SF_OP_STOP] = op_stop,
			[SF_OP_CPU] = op_cpu,
			[SF_OP_HOLD] = op_hold,
			[SF_OP_CAPTURE] = op_capture,
		},
	};
	_cleanup_steps_ struct sf_steps steps = { 0 };
	_cleanup_free_ char *text = NULL;
	struct executor x = { 0 };
	size_t len;

	SF_TRY(sf_file_get(path, MAX_FILE, &text, &len));
	SF_TRY(sf_steps_read(text, len, &steps));
	SF_TRY(sf_guest_open(NULL, &x.guest));
	prctl(PR_SET_NAME, "sf-scenario");
	run_above_others(true);
	struct sf_error *err = sf_steps_run(steps.v, steps.n, &backend, &x);

	for (size_t i = 0; i < x.groups.n; i++)
		end_group(&x.groups.v[i]);
	free(x.groups.v);
	sf_guest_free(x.guest);
	return err;
}

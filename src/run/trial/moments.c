/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames that nobody asked for, taken when something goes wrong: which moments there are, what their frames are called,
 * and what the kernel's own words about its troubles mean for the verdict.
 */

#include <inttypes.h>

#include "private.h"

#define MAX_REASON 512
#define MAX_FAILED 4 /* frames; a test may go on after a check that did not hold, and on */

static const struct {
	const char *name; /* of the first frame, and its cause */
	uint32_t max;     /* frames */
	bool of_guest;    /* programs in the guest may ask for it */
} moments[] = {
	[SF_MOMENT_DEADLINE] = { "deadline", 1, false },
	[SF_MOMENT_PANIC] = { "panic", 1, false },
	[SF_MOMENT_INTERRUPTED] = { "interrupted", 1, false },
	[SF_MOMENT_FAILED] = { "failed", MAX_FAILED, true },
	[SF_MOMENT_TEST_DIED] = { "test-died", 1, true },
	[SF_MOMENT_SCHEDULER_EXIT] = { "scheduler-exit", 1, true },
	[SF_MOMENT_SOFT_LOCKUP] = { "soft-lockup", 1, false },
	[SF_MOMENT_HARD_LOCKUP] = { "hard-lockup", 1, false },
	[SF_MOMENT_RCU_STALL] = { "rcu-stall", 1, false },
	[SF_MOMENT_HUNG_TASK] = { "hung-task", 1, false },
	[SF_MOMENT_WORKQUEUE_LOCKUP] = { "workqueue-lockup", 1, false },
};

static const char *const troubles[] = {
	[SF_VM_SOFT_LOCKUP] = "a soft lockup",
	[SF_VM_HARD_LOCKUP] = "a hard lockup",
	[SF_VM_RCU_STALL] = "an RCU stall",
	[SF_VM_HUNG_TASK] = "a hung task",
	[SF_VM_WORKQUEUE_LOCKUP] = "a workqueue lockup",
};

bool sf_run_moment_of_guest(const char *word, enum sf_moment *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		if (!moments[i].of_guest || strcmp(moments[i].name, word))
			continue;
		*ret = (enum sf_moment)i;
		return true;
	}
	return false;
}

/* ---- the frame ----------------------------------------------------------------------------------------------------- */

/* Also of captures that are still to come. */
static bool is_taken(struct sf_run *run, const char *name)
{
	for (size_t i = 0; i < run->opt.n_captures; i++)
		if (!strcmp(run->opt.captures[i].name, name))
			return true;
	if (run->opt.scenario && sf_scenario_find_capture(run->opt.scenario, name))
		return true;
	/* Only our thread changes the list. */
	for (size_t i = 0; i < run->frames.n; i++)
		if (!strcmp(run->frames.v[i].name, name))
			return true;
	return false;
}

/* Numbers go up, because frames that are under way are in no list. */
static char *next_name(struct sf_run *run, enum sf_moment moment)
{
	for (;;) {
		uint32_t n = ++run->moments[moment].number;
		char *name = n < 2 ? strdup(moments[moment].name) : sf_asprintf("%s.%u", moments[moment].name, n);

		if (!name || !is_taken(run, name))
			return name;
		free(name);
	}
}

struct sf_error *sf_run_ask_moment(struct sf_run *run, enum sf_moment moment, const char *reason,
				   const uint64_t *guest_ns, uint32_t request_id, bool *ret_asked, char **ret_name)
{
	_cleanup_free_ char *name = NULL, *text = NULL;

	*ret_asked = false;
	/* After the last capture was waited for. */
	if (!run->coordinator || run->moments[moment].n >= moments[moment].max)
		return NULL;
	name = next_name(run, moment);
	text = sf_asprintf("%.*s", MAX_REASON, reason);
	if (!name || !text)
		return sf_error_nomem();
	SF_TRY(sf_run_ask(run, name, moments[moment].name, text, guest_ns, request_id, true));
	run->moments[moment].n++;
	*ret_asked = true;
	if (ret_name)
		*ret_name = steal_ptr(&name);
	return NULL;
}

/* ---- the kernel in trouble -------------------------------------------------------------------------------------------- */

/* The first of each kind is worth stopping the guest for; after it only their number is. */
void sf_run_on_line(void *arg, const char *line, size_t len)
{
	struct sf_run *run = arg;
	enum sf_vm_trouble trouble = sf_vm_trouble(line);
	bool first;

	(void)len;
	sf_log(&run->opt.log, SF_LOG_DEBUG, "console: %s", line);
	if (!trouble)
		return;
	pthread_mutex_lock(&run->lock);
	first = !run->troubles[trouble].n_console++;
	pthread_mutex_unlock(&run->lock);
	if (first)
		sf_run_push_trouble(run, trouble, line);
}

void sf_run_begin_trouble(struct sf_run *run, enum sf_vm_trouble trouble, const char *line)
{
	struct sf_run_trouble *t = &run->troubles[trouble];
	enum sf_moment moment = SF_MOMENT_SOFT_LOCKUP + (trouble - SF_VM_SOFT_LOCKUP);
	SF_OWNED(error) err = NULL;
	bool asked;

	/* It comes by two ways. */
	if (t->line)
		return;
	t->line = sf_asprintf("%.*s", MAX_REASON, line);
	t->scheduled = run->attached;
	t->early = !run->clock_begun;
	sf_run_progress(run, "the guest's kernel tells of %s", troubles[trouble]);
	err = sf_run_ask_moment(run, moment, line, NULL, 0, &asked, &t->frame);
	if (err)
		sf_run_find(run, SF_INCONCLUSIVE, "capture", "no frame of %s: %s", troubles[trouble],
			    sf_error_message(err));
}

void sf_run_log_line(struct sf_run *run, const char *line)
{
	enum sf_vm_trouble trouble = sf_vm_trouble(line);

	if (!trouble)
		return;
	run->troubles[trouble].n_log++;
	sf_run_begin_trouble(run, trouble, line);
}

/*
 * Programs can write the kernel's words to the console, but not into its log as the kernel's. The log is told by PID 1, so
 * where that fell silent there is only the console, and it is believed.
 */
static bool is_kernels(const struct sf_run *run, const struct sf_run_trouble *t)
{
	return t->n_log || t->early || !run->done || run->log_cut;
}

static void judge_trouble(struct sf_run *run, enum sf_vm_trouble trouble)
{
	const struct sf_run_trouble *t = &run->troubles[trouble];
	char times[64] = "";
	uint64_t n;

	/* The VM's thread may count on. */
	pthread_mutex_lock(&run->lock);
	n = sf_max(t->n_console, t->n_log);
	pthread_mutex_unlock(&run->lock);
	if (!is_kernels(run, t)) {
		sf_run_find(run, SF_PASS, "guest", "the console has the words of %s, the kernel's log does not; a program "
			    "wrote: %s", troubles[trouble], t->line);
		return;
	}
	if (n > 1)
		snprintf(times, sizeof(times), ", %" PRIu64 " times; the first", n);
	/* The kernel waits 20 s and more before it says so: with a scheduler of somebody's own, that one has to answer. */
	sf_run_find(run, t->scheduled ? SF_FAIL : SF_INCONCLUSIVE, "guest", "the kernel told of %s%s%s: %s",
		    troubles[trouble], t->scheduled ? " under the scheduler" : "", times, t->line);
}

void sf_run_judge_troubles(struct sf_run *run)
{
	for (size_t i = SF_VM_SOFT_LOCKUP; i < SF_VM_N_TROUBLES; i++)
		if (run->troubles[i].line)
			judge_trouble(run, (enum sf_vm_trouble)i);
}

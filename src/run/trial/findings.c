/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run found out, and what all of it comes to. A verdict is never better than its worst finding, and a run that
 * observed nothing has none of its own.
 */

#include <stdarg.h>

#include "private.h"

/* From the best to the worst. */
static const struct {
	enum sf_verdict verdict;
	const char *name;
} order[] = {
	{ SF_SKIPPED, "skip" },
	{ SF_PASS, "pass" },
	{ SF_INCONCLUSIVE, "inconclusive" },
	{ SF_DEADLINE_PASSED, "deadline" },
	{ SF_FAIL, "fail" },
	{ SF_BAD_USAGE, "usage" },
	{ SF_HARNESS_FAILED, "harness-failed" },
	{ SF_INTERRUPTED, "interrupted" },
	{ SF_GUEST_PANICKED, "panic" },
};

static size_t rank(enum sf_verdict verdict)
{
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (order[i].verdict == verdict)
			return i;
	return ARRAY_SIZE(order);
}

const char *sf_verdict_name(enum sf_verdict verdict)
{
	size_t i = rank(verdict);

	return i < ARRAY_SIZE(order) ? order[i].name : "unknown";
}

enum sf_verdict sf_verdict_worse(enum sf_verdict a, enum sf_verdict b)
{
	return rank(a) >= rank(b) ? a : b;
}

#define MAX_FINDINGS 4096
#define MAX_RESULTS (MAX_FINDINGS / 2) /* a guest may say as many as it likes, and leaves room for what we have to say */
#define MAX_RESULT_BYTES (8u << 20)

static void add_finding(struct sf_run *run, enum sf_verdict verdict, const char *source, char *text)
{
	struct sf_finding *f;

	/* Threads of the caller's may say things as well. */
	pthread_mutex_lock(&run->lock);
	f = text && run->findings.n < MAX_FINDINGS ? sf_vec_push(&run->findings) : NULL;
	run->verdict = sf_verdict_worse(run->verdict, verdict);
	if (f)
		*f = (struct sf_finding){ .verdict = verdict, .text = text, .source = source };
	pthread_mutex_unlock(&run->lock);
	/* The verdict stands without its words. */
	if (!f)
		free(text);
}

static char *format(const char *fmt, va_list ap)
{
	char *text = NULL;

	return vasprintf(&text, fmt, ap) < 0 ? NULL : text;
}

#define SF_ADD_FINDING(run, verdict, source, fmt)                                                  \
	do {                                                                                       \
		va_list ap_;                                                                       \
		va_start(ap_, fmt);                                                                \
		add_finding(run, verdict, source, format(fmt, ap_));                               \
		va_end(ap_);                                                                       \
	} while (0)

void sf_run_find(struct sf_run *run, enum sf_verdict verdict, const char *source, const char *fmt, ...)
{
	SF_ADD_FINDING(run, verdict, source, fmt);
}

void sf_run_find_result(struct sf_run *run, bool ok, const char *name, const char *text)
{
	size_t len = strlen(name) + strlen(text);
	bool has_room = run->n_results < MAX_RESULTS && len <= MAX_RESULT_BYTES - run->result_bytes;

	if (has_room) {
		run->n_results++;
		run->result_bytes += len;
		sf_run_find(run, ok ? SF_PASS : SF_FAIL, "guest", "%s%s%s", name, name[0] && text[0] ? ": " : "", text);
	} else {
		add_finding(run, ok ? SF_PASS : SF_FAIL, "guest", NULL);
	}
}

void sf_run_fail(struct sf_run *run, const char *fmt, ...)
{
	SF_ADD_FINDING(run, SF_FAIL, "check", fmt);
}

void sf_run_inconclusive(struct sf_run *run, const char *fmt, ...)
{
	SF_ADD_FINDING(run, SF_INCONCLUSIVE, "check", fmt);
}

void sf_run_observed(struct sf_run *run, const char *fmt, ...)
{
	pthread_mutex_lock(&run->lock);
	run->n_observed++;
	pthread_mutex_unlock(&run->lock);
	SF_ADD_FINDING(run, SF_PASS, "check", fmt);
}

size_t sf_run_n_findings(const struct sf_run *run)
{
	return run->findings.n;
}

const struct sf_finding *sf_run_finding(const struct sf_run *run, size_t i)
{
	return i < run->findings.n ? &run->findings.v[i] : NULL;
}

enum sf_verdict sf_run_verdict(const struct sf_run *run)
{
	return run->verdict;
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static bool has_frame(const struct sf_run *run, const char *name)
{
	for (size_t i = 0; i < run->frames.n; i++)
		if (!strcmp(run->frames.v[i].name, name))
			return true;
	return false;
}

static void find_missing_captures(struct sf_run *run)
{
	for (size_t i = 0; i < run->opt.n_captures; i++)
		if (!has_frame(run, run->opt.captures[i].name))
			sf_run_find(run, SF_INCONCLUSIVE, "capture", "capture \"%s\" was not taken",
				    run->opt.captures[i].name);
	for (size_t i = 0; i < run->frames.n; i++) {
		struct sf_frame_info info = { .size = sizeof(info) };

		sf_frame_info(run->frames.v[i].frame, &info);
		/* One that nobody asked for is worth as much as what is in it. */
		if (info.is_placeholder)
			sf_run_find(run, run->frames.v[i].unasked ? SF_PASS : SF_INCONCLUSIVE, "capture",
				    "capture \"%s\" has no data: %s", run->frames.v[i].name, info.reason);
	}
}

static void judge_end(struct sf_run *run)
{
	/* A last word excuses a machine that went off, not one that panicked. */
	if (!run->ended || (run->done && run->end.type != SF_VM_EVENT_PANIC))
		return;
	switch (run->end.type) {
	case SF_VM_EVENT_POWEROFF:
		sf_run_find(run, SF_INCONCLUSIVE, "guest", "the guest went off without a last word%s",
			    run->heard ? "" : ", nor any before it");
		break;
	case SF_VM_EVENT_PANIC:
	case SF_VM_EVENT_RESET:
		sf_run_find(run, SF_GUEST_PANICKED, "guest", "the guest's kernel %s%s%s",
			    run->end.type == SF_VM_EVENT_PANIC ? "panicked" : "reset the machine",
			    run->end.text[0] ? ": " : "", run->end.text);
		break;
	default:
		sf_run_find(run, SF_HARNESS_FAILED, "harness", "QEMU: %s", run->end.text);
	}
}

static bool wants_scheduler(const struct sf_run *run)
{
	return strcmp(run->scheduler, "none");
}

void sf_run_conclude(struct sf_run *run)
{
	judge_end(run);
	sf_run_judge_troubles(run);
	/* What was to happen later can only be missed by a run that got there. */
	if (run->verdict != SF_BAD_USAGE && run->verdict != SF_HARNESS_FAILED) {
		find_missing_captures(run);
		sf_run_judge_scenario(run);
	}
	/* A run that was ended before its time says nothing of the scheduler. */
	if (wants_scheduler(run) && run->done && !run->attached && !run->sched_failed)
		sf_run_find(run, SF_FAIL, "scheduler", "%s was never attached", run->scheduler);
	if (run->opt.check && rank(run->verdict) <= rank(SF_INCONCLUSIVE)) {
		run->opt.check(run, run->opt.check_arg);
		if (!run->n_observed && run->verdict == SF_PASS)
			sf_run_find(run, SF_INCONCLUSIVE, "check", "the check looked at nothing");
	}
	/* As for the check: of a run that went wrong nobody has to hear what else does not hold. */
	if (rank(run->verdict) <= rank(SF_INCONCLUSIVE))
		sf_run_ask_expects(run);
	if (!run->heard && run->verdict == SF_PASS)
		sf_run_find(run, SF_INCONCLUSIVE, "guest", "nothing was heard from the guest");
}

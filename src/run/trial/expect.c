/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was expected of the captures: each expression is asked of its frame, and what it says is a finding. Three ways
 * not to hold are told apart: what is false fails; what the frame cannot decide is inconclusive; a name that a complete
 * frame does not have was never right.
 */

#include "private.h"
#include "snapshot/expr.h"

struct sf_error *sf_run_check_expects(const struct sf_run_options *options)
{
	for (size_t i = 0; i < options->n_expects; i++) {
		SF_OWNED(expr) expr = NULL;

		SF_TRY(sf_error_context(sf_expr_new(options->expects[i].expr, &expr), "%s", options->expects[i].expr));
	}
	return NULL;
}

/* Does the frame have all names that there were? */
static bool is_complete(const struct sf_run *run, struct sf_frame *frame)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(frame, &info);
	return !info.is_placeholder && !info.n_refused && !info.n_torn && !info.n_unreadable &&
	       (info.scheduler[0] || !strcmp(run->scheduler, "none"));
}

static enum sf_verdict verdict_of(enum sf_code code, bool complete)
{
	switch (code) {
	case SF_NO_MATCH:
	case SF_INDEX_OUT_OF_RANGE:
		return SF_FAIL;
	case SF_PLACEHOLDER_SNAPSHOT:
	case SF_PAGE_NOT_KEPT:
	case SF_TORN_LIST:
	case SF_MAP_RENDER_INCOMPLETE:
	case SF_NO_RENDERED:
	case SF_PER_CPU_SLOT:
	case SF_PROJECTION_FAILED:
		return SF_INCONCLUSIVE;
	case SF_NO_MEMORY:
	case SF_SYSTEM:
	case SF_FRAME_CORRUPT:
		return SF_HARNESS_FAILED;
	default:
		return complete ? SF_BAD_USAGE : SF_INCONCLUSIVE;
	}
}

static const struct sf_run_frame *find_frame(const struct sf_run *run, const char *name)
{
	for (size_t i = run->frames.n; i--;)
		if (!name || !strcmp(run->frames.v[i].name, name))
			return &run->frames.v[i];
	return NULL;
}

static void no_frame(struct sf_run *run, const struct sf_expect *e, const char *where)
{
	_cleanup_text_ struct sf_text names = { 0 };

	for (size_t i = 0; i < run->frames.n && i < 32; i++)
		sf_text_putf(&names, "%s%s", i ? ", " : "", run->frames.v[i].name);
	if (e->capture)
		sf_run_find(run, SF_INCONCLUSIVE, "expect", "%sthere is no capture \"%s\" to ask: %s; there is %.*s",
			    where, e->capture, e->expr, names.n ? (int)names.n : 4, names.n ? names.v : "none");
	else
		sf_run_find(run, SF_INCONCLUSIVE, "expect", "%sthere is no capture to ask: %s", where, e->expr);
}

static void failed(struct sf_run *run, const struct sf_run_frame *f, const struct sf_expect *e, const char *where,
		   struct sf_error *err)
{
	const struct sf_error_payload *p = sf_error_payload(err);
	_cleanup_text_ struct sf_text lines = { 0 };

	if (p && p->column)
		sf_expr_point(e->expr, p->column, NULL, &lines);
	else
		sf_text_put(&lines, e->expr);
	sf_run_find(run, verdict_of(sf_error_code(err), is_complete(run, f->frame)), "expect",
		    "%scapture \"%s\": %s\n%.*s", where, f->name, sf_error_message(err), (int)lines.n, lines.n ? lines.v : "");
}

static void ask(struct sf_run *run, const struct sf_expect *e, const char *where)
{
	const struct sf_run_frame *f = find_frame(run, e->capture);
	_cleanup_text_ struct sf_text why = { 0 };
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(expr) expr = NULL;
	struct sf_error *err;
	bool holds;

	if (!f) {
		no_frame(run, e, where);
		return;
	}
	err = sf_expr_new(e->expr, &expr);
	if (!err)
		err = sf_snapshot_new(f->frame, &snap);
	if (!err)
		err = sf_expr_judge(sf_snapshot_view(snap), expr, &holds, &why);
	if (err) {
		failed(run, f, e, where, err);
		sf_error_free(err);
		return;
	}
	run->n_observed += holds;
	sf_run_find(run, holds ? SF_PASS : SF_FAIL, "expect", "%scapture \"%s\": %s: %.*s", where, f->name, e->expr,
		    (int)why.n, why.n ? why.v : "");
}

void sf_run_ask_expects(struct sf_run *run)
{
	for (size_t i = 0; i < run->opt.n_expects; i++) {
		const struct sf_expect *e = &run->opt.expects[i];
		_cleanup_free_ char *where = sf_asprintf("%s%s", e->where ? e->where : "", e->where ? ": " : "");

		ask(run, e, where ? where : "");
	}
}

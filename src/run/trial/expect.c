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
		if (name ? !strcmp(run->frames.v[i].name, name) : !run->frames.v[i].unasked)
			return &run->frames.v[i];
	return NULL;
}

static void no_frame(const struct sf_run *run, const struct sf_expect *e, struct sf_text *ret)
{
	if (!e->capture) {
		sf_text_putf(ret, "there is no capture to ask: %s", e->expr);
		return;
	}
	sf_text_putf(ret, "there is no capture \"%s\" to ask: %s; there is ", e->capture, e->expr);
	for (size_t i = 0; i < run->frames.n && i < 32; i++)
		sf_text_putf(ret, "%s%s", i ? ", " : "", run->frames.v[i].name);
	if (!run->frames.n)
		sf_text_put(ret, "none");
}

static enum sf_verdict failed(const struct sf_run *run, const struct sf_run_frame *f, const struct sf_expect *e,
			      struct sf_error *err, struct sf_text *ret)
{
	const struct sf_error_payload *p = sf_error_payload(err);

	sf_text_putf(ret, "capture \"%s\": %s\n", f->name, sf_error_message(err));
	if (p && p->column)
		sf_expr_point(e->expr, p->column, NULL, ret);
	else
		sf_text_put(ret, e->expr);
	return verdict_of(sf_error_code(err), is_complete(run, f->frame));
}

static enum sf_verdict ask(struct sf_run *run, const struct sf_expect *e, struct sf_text *ret)
{
	const struct sf_run_frame *f = find_frame(run, e->capture);
	_cleanup_text_ struct sf_text why = { 0 };
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(expr) expr = NULL;
	SF_OWNED(error) err = NULL;
	bool holds;

	if (!f) {
		no_frame(run, e, ret);
		return SF_INCONCLUSIVE;
	}
	err = sf_expr_new(e->expr, &expr);
	if (!err)
		err = sf_snapshot_new(f->frame, &snap);
	if (!err)
		err = sf_expr_judge(sf_snapshot_view(snap), expr, &holds, &why);
	if (err)
		return failed(run, f, e, err, ret);
	run->n_observed += holds;
	sf_text_putf(ret, "capture \"%s\": %s: %.*s", f->name, e->expr, (int)why.n, why.n ? why.v : "");
	return holds ? SF_PASS : SF_FAIL;
}

void sf_run_ask_expects(struct sf_run *run)
{
	run->answers = run->opt.n_expects ? calloc(run->opt.n_expects, sizeof(*run->answers)) : NULL;
	for (size_t i = 0; i < run->opt.n_expects; i++) {
		const struct sf_expect *e = &run->opt.expects[i];
		_cleanup_text_ struct sf_text text = { 0 };
		enum sf_verdict verdict = ask(run, e, &text);
		_cleanup_free_ char *answer = sf_text_take(&text);

		sf_run_find(run, verdict, "expect", "%s%s%s", e->where ? e->where : "", e->where ? ": " : "",
			    answer ? answer : e->expr);
		if (run->answers)
			run->answers[i] = (struct sf_run_answer){ .verdict = verdict, .text = steal_ptr(&answer) };
	}
}

void sf_run_free_answers(struct sf_run *run)
{
	for (size_t i = 0; run->answers && i < run->opt.n_expects; i++)
		free(run->answers[i].text);
	free(run->answers);
}

/* ---- run.json --------------------------------------------------------------------------------------------------- */

static const char *result_of(const struct sf_run_answer *a)
{
	if (!a || !a->text)
		return "not asked";
	switch (a->verdict) {
	case SF_PASS:
		return "held";
	case SF_FAIL:
	case SF_BAD_USAGE:
		return "failed";
	default:
		return "unknown";
	}
}

void sf_run_put_expects(struct sf_json_writer *w, const struct sf_run *run)
{
	sf_json_key(w, "expects");
	sf_json_begin_array(w);
	for (size_t i = 0; i < run->opt.n_expects; i++) {
		const struct sf_expect *e = &run->opt.expects[i];
		const struct sf_run_answer *a = run->answers ? &run->answers[i] : NULL;

		sf_json_begin_object(w);
		sf_json_put_str(w, "expr", e->expr);
		if (e->capture)
			sf_json_put_str(w, "capture", e->capture);
		if (e->where)
			sf_json_put_str(w, "where", e->where);
		sf_json_put_str(w, "result", result_of(a));
		if (a && a->text) {
			sf_json_put_str(w, "verdict", sf_verdict_name(a->verdict));
			sf_json_put_str(w, "text", a->text);
		}
		sf_json_end_object(w);
	}
	sf_json_end_array(w);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run as tests: was the scheduler attached, was each step done, each capture taken, did each expectation hold; and
 * the run itself, for all that belongs to none of them.
 */

#include <libgen.h>

#include "report_cases.h"

/* ---- verdicts --------------------------------------------------------------------------------------------------- */

enum sf_verdict cli_verdict_named(const char *name)
{
	static const enum sf_verdict all[] = {
		SF_PASS, SF_FAIL, SF_INCONCLUSIVE, SF_BAD_USAGE, SF_SKIPPED, SF_DEADLINE_PASSED, SF_HARNESS_FAILED,
		SF_INTERRUPTED, SF_GUEST_PANICKED,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(name, sf_verdict_name(all[i])))
			return all[i];
	/* A word that nobody knows is not a good one. */
	return SF_INCONCLUSIVE;
}

static enum cli_outcome outcome_of(enum sf_verdict verdict)
{
	switch (verdict) {
	case SF_PASS:
		return CLI_OK;
	case SF_SKIPPED:
		return CLI_SKIPPED;
	case SF_FAIL:
		return CLI_FAILURE;
	default:
		return CLI_ERROR;
	}
}

static bool is_complete(const struct cli_run_report *r)
{
	return sf_json_member_bool(r->run, "complete", false);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

static void set_verdict(struct cli_case *c, enum sf_verdict verdict)
{
	c->verdict = verdict;
	c->outcome = outcome_of(verdict);
}

static void add_text(struct sf_text *t, const char *lead, const char *text)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '\n')
		len--;
	if (t->n)
		sf_text_put(t, "\n");
	sf_text_put(t, lead);
	sf_text_putn(t, text, len);
}

static void skip(struct cli_case *c, const char *why)
{
	set_verdict(c, SF_SKIPPED);
	add_text(&c->text, "", why);
}

static void worsen(struct cli_case *c, enum sf_verdict verdict)
{
	set_verdict(c, c->outcome == CLI_SKIPPED ? verdict : sf_verdict_worse(c->verdict, verdict));
}

/* Takes @name; NULL without memory. */
static struct cli_case *add_case(struct cli_cases *c, char *name)
{
	struct cli_case *ret = name ? sf_vec_push(c) : NULL;

	if (ret)
		*ret = (struct cli_case){ .name = name, .verdict = SF_PASS };
	else
		free(name);
	return ret;
}

static const struct sf_json_node *first_of(const struct sf_json_node *object, const char *key)
{
	const struct sf_json_node *list = sf_json_member(object, key);

	return list && list->type == SF_JSON_ARRAY ? list->value.first : NULL;
}

/* Moves a finding's words to the case that it belongs to, and says how bad it is. */
static void take_finding(struct cli_case *c, const struct sf_json_node *f)
{
	enum sf_verdict verdict = cli_verdict_named(sf_json_member_str(f, "verdict", ""));

	worsen(c, verdict);
	add_text(&c->text, "", sf_json_member_str(f, "text", ""));
}

/* Each finding is of one case: @taken remembers. */
struct findings {
	const struct sf_json_node *first;
	bool *taken;
};

/* Findings of @source that begin with @prefix. */
static size_t take_findings(struct cli_case *c, struct findings *all, const char *source, const char *prefix)
{
	size_t i = 0, n = 0;

	for (const struct sf_json_node *f = all->first; f; f = f->next, i++) {
		if (all->taken[i] || strcmp(sf_json_member_str(f, "source", ""), source) ||
		    strncmp(sf_json_member_str(f, "text", ""), prefix, strlen(prefix)))
			continue;
		all->taken[i] = true;
		take_finding(c, f);
		n++;
	}
	return n;
}

/* ---- attached --------------------------------------------------------------------------------------------------- */

static struct sf_error *add_attached(const struct cli_run_report *r, struct findings *all, struct cli_cases *ret)
{
	struct cli_case *c;

	if (!strcmp(sf_json_member_str(r->run, "scheduler", "none"), "none"))
		return NULL;
	c = add_case(ret, strdup("attached"));
	if (!c)
		return sf_error_nomem();
	if (take_findings(c, all, "scheduler", "") || sf_json_member_bool(r->run, "attached", false))
		return NULL;
	if (!is_complete(r) || !sf_json_member_str(r->run, "kernel", "")[0]) {
		skip(c, "the run did not get that far");
		return NULL;
	}
	set_verdict(c, SF_INCONCLUSIVE);
	add_text(&c->text, "", "the run ended before the scheduler was attached");
	return NULL;
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

static void judge_step(struct cli_case *c, const struct cli_run_report *r, const struct sf_json_node *step, size_t found)
{
	const char *state = sf_json_member_str(step, "state", "");

	c->has_ns = sf_json_member(step, "end_ns");
	c->ns = sf_json_member_u64(step, "end_ns", 0);
	c->ns -= sf_min(c->ns, sf_json_member_u64(step, "begin_ns", 0));
	if (found || !strcmp(state, "done"))
		return;
	if (!strcmp(state, "not run")) {
		skip(c, "the run did not get that far");
		return;
	}
	set_verdict(c, strcmp(state, "failed") ? SF_INCONCLUSIVE : SF_FAIL);
	add_text(&c->text, "", !strcmp(state, "failed") ? "it failed" : is_complete(r) ? "the run ended during this step" :
		 "the run was cut off during this step");
}

static struct sf_error *add_steps(const struct cli_run_report *r, struct findings *all, struct cli_cases *ret)
{
	const struct sf_json_node *scenario = sf_json_member(r->run, "scenario");
	size_t i = 0;

	for (const struct sf_json_node *s = first_of(scenario, "steps"); s; s = s->next) {
		struct cli_case *c = add_case(ret, sf_asprintf("step %zu: %s", ++i, sf_json_member_str(s, "name", "")));
		_cleanup_free_ char *where = sf_asprintf("%s:%llu:%llu: %s: ", sf_json_member_str(scenario, "file", ""),
							 (unsigned long long)sf_json_member_u64(s, "line", 0),
							 (unsigned long long)sf_json_member_u64(s, "column", 0),
							 sf_json_member_str(s, "path", ""));

		if (!c || !where)
			return sf_error_nomem();
		judge_step(c, r, s, take_findings(c, all, "scenario", where));
	}
	return NULL;
}

/* ---- captures --------------------------------------------------------------------------------------------------- */

static const struct sf_json_node *find_capture(const struct cli_run_report *r, const char *name)
{
	for (const struct sf_json_node *c = first_of(r->run, "captures"); c; c = c->next)
		if (!strcmp(sf_json_member_str(c, "name", ""), name) && !sf_json_member_bool(c, "unasked", false))
			return c;
	return NULL;
}

static bool was_asked(const struct cli_run_report *r, const char *name)
{
	const struct sf_json_node *asked = sf_json_member(r->run, "asked");

	for (const struct sf_json_node *c = first_of(asked, "captures"); c; c = c->next)
		if (!strcmp(sf_json_member_str(c, "name", ""), name))
			return true;
	return false;
}

static struct sf_error *add_capture(const struct cli_run_report *r, const char *name, struct findings *all,
				    struct cli_cases *ret)
{
	struct cli_case *c = add_case(ret, sf_asprintf("capture %s", name));
	_cleanup_free_ char *capture = sf_asprintf("capture \"%s\" ", name), *frame = sf_asprintf("frame \"%s\" ", name);
	const struct sf_json_node *taken = find_capture(r, name);

	if (!c || !capture || !frame)
		return sf_error_nomem();
	size_t found = take_findings(c, all, "capture", capture) + take_findings(c, all, "harness", frame);

	c->has_ns = taken;
	c->ns = sf_json_member_u64(taken, "pause_ns", 0);
	if (!taken && !found) {
		skip(c, "the run did not get that far");
	} else if (taken && !found && sf_json_member_bool(taken, "is_placeholder", false)) {
		set_verdict(c, SF_INCONCLUSIVE);
		add_text(&c->text, "it has no data: ", sf_json_member_str(taken, "reason", "nobody said why"));
	}
	return NULL;
}

/* At a given time, by a step, by the guest's test: not what the run took by itself when it ended. */
static struct sf_error *add_captures(const struct cli_run_report *r, struct findings *all, struct cli_cases *ret)
{
	const struct sf_json_node *asked = sf_json_member(r->run, "asked");

	for (const struct sf_json_node *c = first_of(asked, "captures"); c; c = c->next)
		SF_TRY(add_capture(r, sf_json_member_str(c, "name", ""), all, ret));
	for (const struct sf_json_node *c = first_of(r->run, "captures"); c; c = c->next) {
		const char *name = sf_json_member_str(c, "name", "");

		if (!sf_json_member_bool(c, "unasked", false) && !was_asked(r, name))
			SF_TRY(add_capture(r, name, all, ret));
	}
	return NULL;
}

/* ---- expectations ----------------------------------------------------------------------------------------------- */

static struct sf_error *add_expects(const struct cli_run_report *r, struct findings *all, struct cli_cases *ret)
{
	for (const struct sf_json_node *e = first_of(r->run, "expects"); e; e = e->next) {
		const char *capture = sf_json_member_str(e, "capture", ""), *result = sf_json_member_str(e, "result", "");
		struct cli_case *c = add_case(ret, sf_asprintf("expect %s%s%s", capture, capture[0] ? ": " : "",
							       sf_json_member_str(e, "expr", "")));
		const char *where = sf_json_member_str(e, "where", "");
		_cleanup_free_ char *lead = sf_asprintf("%s%s", where, where[0] ? ": " : "");

		if (!c || !lead)
			return sf_error_nomem();
		if (!strcmp(result, "not asked")) {
			skip(c, is_complete(r) ? "not asked: the run had failed before" : "not asked: the run was cut off");
			continue;
		}
		set_verdict(c, strcmp(result, "held") ?
			       cli_verdict_named(sf_json_member_str(e, "verdict", !strcmp(result, "failed") ? "fail" : "")) : SF_PASS);
		add_text(&c->text, lead, sf_json_member_str(e, "text", ""));
	}
	/* Their findings say the same. */
	size_t i = 0;

	for (const struct sf_json_node *f = all->first; f; f = f->next, i++)
		if (first_of(r->run, "expects") && !strcmp(sf_json_member_str(f, "source", ""), "expect"))
			all->taken[i] = true;
	return NULL;
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static void take_rest(struct cli_case *c, struct findings *all, bool good)
{
	size_t i = 0;

	for (const struct sf_json_node *f = all->first; f; f = f->next, i++) {
		const char *source = sf_json_member_str(f, "source", ""), *text = sf_json_member_str(f, "text", "");
		enum sf_verdict verdict = cli_verdict_named(sf_json_member_str(f, "verdict", ""));
		_cleanup_free_ char *lead = sf_asprintf("%s: ", source);

		if (all->taken[i] || good != (verdict == SF_PASS))
			continue;
		all->taken[i] = true;
		if (!strcmp(source, "console")) {
			add_text(&c->out, "", text);
			continue;
		}
		worsen(c, verdict);
		add_text(&c->text, lead ? lead : "", text);
	}
}

uint64_t cli_report_wall_ns(const struct cli_run_report *r)
{
	return sf_json_member_u64(sf_json_member(r->run, "timings"), "wall_ns", 0);
}

size_t cli_cases_count(const struct cli_cases *c, enum cli_outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].outcome == outcome;
	return n;
}

static struct sf_error *add_run(const struct cli_run_report *r, struct findings *all, struct cli_cases *ret)
{
	struct cli_case *c = add_case(ret, strdup("run"));
	enum sf_verdict verdict = cli_verdict_named(sf_json_member_str(r->run, "verdict", ""));
	size_t bad = cli_cases_count(ret, CLI_FAILURE) + cli_cases_count(ret, CLI_ERROR);

	if (!c)
		return sf_error_nomem();
	c->has_ns = true;
	c->ns = cli_report_wall_ns(r);
	/* What is wrong comes first. */
	take_rest(c, all, false);
	take_rest(c, all, true);
	if (!is_complete(r)) {
		worsen(c, SF_INCONCLUSIVE);
		add_text(&c->text, "", "the run is not complete: it goes on, or was cut off before its verdict");
	} else if (!bad && outcome_of(verdict) > CLI_SKIPPED && c->outcome <= CLI_SKIPPED) {
		/* Nothing says why, but it is so. */
		set_verdict(c, verdict);
	}
	ret->verdict = is_complete(r) ? sf_verdict_name(verdict) : "incomplete";
	ret->outcome = is_complete(r) ? outcome_of(verdict) : CLI_ERROR;
	return NULL;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static const char *kernel_of(const struct cli_run_report *r)
{
	const char *release = sf_json_member_str(r->run, "kernel", ""), *path = sf_json_member_str(r->run, "kernel_path", "");
	const char *slash = strrchr(path, '/');

	return release[0] ? release : slash ? slash + 1 : path;
}

static struct sf_error *read_cases(const struct cli_run_report *r, size_t n_runs, struct cli_cases *ret)
{
	const struct sf_json_node *list = sf_json_member(r->run, "findings");
	_cleanup_free_ bool *taken = calloc(list && list->type == SF_JSON_ARRAY ? list->n + 1 : 1, sizeof(*taken));
	struct findings all = { .first = first_of(r->run, "findings"), .taken = taken };
	const char *name = sf_json_member_str(r->run, "name", "run");
	bool failed = false;

	ret->kernel = kernel_of(r);
	ret->title = n_runs > 1 && ret->kernel[0] ? sf_asprintf("%s on %s", name, ret->kernel) : strdup(name);
	if (!taken || !ret->title)
		return sf_error_nomem();
	SF_TRY(add_attached(r, &all, ret));
	SF_TRY(add_steps(r, &all, ret));
	SF_TRY(add_captures(r, &all, ret));
	SF_TRY(add_expects(r, &all, ret));
	SF_TRY(add_run(r, &all, ret));
	for (size_t i = 0; i < ret->n; i++)
		failed |= ret->v[i].text.failed || ret->v[i].out.failed;
	return failed ? sf_error_nomem() : NULL;
}

struct sf_error *cli_cases_read(const struct cli_run_report *r, size_t n_runs, struct cli_cases *ret)
{
	_cleanup_cases_ struct cli_cases c = { 0 };

	SF_TRY(read_cases(r, n_runs, &c));
	*ret = c;
	c = (struct cli_cases){ 0 };
	return NULL;
}

void cli_cases_clear(struct cli_cases *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].text.v);
		free(c->v[i].out.v);
	}
	free(c->v);
	free(c->title);
	*c = (struct cli_cases){ 0 };
}

char *cli_lines_next(struct cli_lines *lines, size_t max)
{
	const char *end = lines->left ? memchr(lines->p, '\n', lines->left) : NULL;
	size_t len = end ? (size_t)(end - lines->p) : lines->left;
	_cleanup_free_ char *raw = NULL;

	if (!lines->left)
		return NULL;
	raw = strndup(lines->p, len);
	len += end != NULL;
	lines->p += len;
	lines->left -= len;
	/* Of a text of ours a tab is the only control character that means no harm. */
	for (char *p = raw; p && *p; p++)
		if (*p == '\t')
			*p = ' ';
	return raw ? cli_clean(raw, max) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scenario's steps as the guest tells of them. Which file and line a step came from is known here; the guest only
 * counts.
 */

#include "private.h"

#define MAX_TOLD 64 /* steps of a run whose each beginning is worth a word to people */

bool sf_run_has_steps(const struct sf_run *run)
{
	return run->opt.scenario && run->opt.scenario->n_steps;
}

struct sf_error *sf_run_begin_scenario(struct sf_run *run)
{
	if (!sf_run_has_steps(run))
		return NULL;
	run->steps = calloc(run->opt.scenario->n_steps, sizeof(*run->steps));
	return run->steps ? NULL : sf_error_nomem();
}

static char *where_of(const struct sf_run *run, size_t i)
{
	return sf_scenario_where(run->opt.scenario, &run->opt.scenario->places[i]);
}

/* ---- what the guest tells ---------------------------------------------------------------------------------------- */

static bool is_step(const struct sf_run *run, const struct sf_wire_message *m, size_t *ret, enum sf_step_word *ret_word)
{
	return sf_run_has_steps(run) && m->name && sf_step_said(m->name, ret, ret_word) &&
	       *ret < run->opt.scenario->n_steps;
}

static void begin_step(struct sf_run *run, size_t i, uint64_t t_ns)
{
	const struct sf_scenario *s = run->opt.scenario;
	char text[128];

	run->steps[i].state = SF_STEP_RUNNING;
	run->steps[i].begin_ns = t_ns;
	if (s->n_steps <= MAX_TOLD)
		sf_run_progress(run, "step %zu of %zu: %s", i + 1, s->n_steps,
				sf_step_text(&s->steps[i], text, sizeof(text)));
}

bool sf_run_step_event(struct sf_run *run, const struct sf_wire_message *m)
{
	enum sf_step_word word;
	size_t i;

	if (!is_step(run, m, &i, &word))
		return false;
	struct sf_run_step *step = &run->steps[i];

	/* In this order and once, whatever a guest says. */
	if (word == SF_STEP_BEGINS && step->state == SF_STEP_WAITING) {
		begin_step(run, i, m->t_ns);
	} else if (word == SF_STEP_ENDS && step->state == SF_STEP_RUNNING) {
		step->state = SF_STEP_DONE;
		step->end_ns = m->t_ns;
	}
	return true;
}

bool sf_run_step_result(struct sf_run *run, const struct sf_wire_message *m)
{
	enum sf_step_word word;
	size_t i;

	if (!is_step(run, m, &i, &word))
		return false;
	_cleanup_free_ char *where = where_of(run, i);
	struct sf_run_step *step = &run->steps[i];

	if (step->state != SF_STEP_RUNNING)
		return true;
	step->state = SF_STEP_FAILED;
	step->end_ns = m->t_ns;
	sf_run_find(run, word == SF_STEP_REFUSED ? SF_INCONCLUSIVE : SF_FAIL, "scenario", "%s: %s", where ? where : "?",
		    m->text ? m->text : "it failed");
	return true;
}

void sf_run_scenario_ended(struct sf_run *run, const struct sf_wire_message *m)
{
	/* Where the run ended otherwise, PID 1 ended this with it. */
	if (!m->ended || !m->name || strcmp(m->name, "done"))
		return;
	if (m->signal)
		sf_run_find(run, SF_HARNESS_FAILED, "guest", "what executes the steps was killed by signal %d (%s)", m->signal,
			    strsignal(m->signal));
	else if (m->exit_code)
		sf_run_find(run, SF_HARNESS_FAILED, "guest", "what executes the steps ended with exit code %d",
			    m->exit_code);
}

/* ---- the end -------------------------------------------------------------------------------------------------------- */

static void find_unfinished(struct sf_run *run)
{
	const struct sf_scenario *s = run->opt.scenario;
	size_t i = 0;

	while (i < s->n_steps && run->steps[i].state == SF_STEP_DONE)
		i++;
	/* The one that failed has its finding. */
	if (i == s->n_steps || run->steps[i].state == SF_STEP_FAILED)
		return;
	_cleanup_free_ char *where = where_of(run, i);
	char text[128];

	if (!i && run->steps[i].state == SF_STEP_WAITING)
		sf_run_find(run, SF_INCONCLUSIVE, "scenario", "%s: none of the %zu steps was executed", s->file, s->n_steps);
	else
		sf_run_find(run, SF_INCONCLUSIVE, "scenario", "%s: the run ended %s this step (%s), %zu of %zu", where ? where : "?",
			    run->steps[i].state == SF_STEP_RUNNING ? "during" : "before",
			    sf_step_text(&s->steps[i], text, sizeof(text)), i + 1, s->n_steps);
}

void sf_run_judge_scenario(struct sf_run *run)
{
	const struct sf_scenario *s = run->opt.scenario;

	if (!s)
		return;
	if (sf_run_has_steps(run))
		find_unfinished(run);
	if (!run->opt.n_expects && !run->frames.n && run->verdict == SF_PASS)
		sf_run_find(run, SF_INCONCLUSIVE, "scenario", "%s: nothing was observed: it captures nothing, and expects "
			    "nothing", s->file);
}

/* ---- run.json --------------------------------------------------------------------------------------------------------- */

static void put_time(struct sf_json_writer *w, const struct sf_run *run, const char *key, uint64_t t_ns)
{
	if (t_ns && run->attached_at && t_ns >= run->attached_at)
		sf_json_put_u64(w, key, t_ns - run->attached_at);
}

static void put_step(struct sf_json_writer *w, const struct sf_run *run, size_t i)
{
	static const char *const states[] = {
		[SF_STEP_WAITING] = "not run", [SF_STEP_RUNNING] = "unfinished", [SF_STEP_DONE] = "done",
		[SF_STEP_FAILED] = "failed",
	};
	const struct sf_scenario *s = run->opt.scenario;
	char text[256];

	sf_json_begin_object(w);
	sf_json_put_u64(w, "index", i);
	sf_json_put_str(w, "name", sf_step_text(&s->steps[i], text, sizeof(text)));
	sf_json_put_str(w, "path", s->places[i].path);
	sf_json_put_u64(w, "line", s->places[i].line);
	sf_json_put_u64(w, "column", s->places[i].column);
	sf_json_put_str(w, "state", states[run->steps[i].state]);
	put_time(w, run, "begin_ns", run->steps[i].begin_ns);
	put_time(w, run, "end_ns", run->steps[i].end_ns);
	sf_json_end_object(w);
}

void sf_run_put_scenario(struct sf_json_writer *w, const struct sf_run *run)
{
	if (!run->opt.scenario)
		return;
	sf_json_key(w, "scenario");
	sf_json_begin_object(w);
	sf_json_put_str(w, "file", run->opt.scenario->file);
	sf_json_key(w, "steps");
	sf_json_begin_array(w);
	for (size_t i = 0; run->steps && i < run->opt.scenario->n_steps; i++)
		put_step(w, run, i);
	sf_json_end_array(w);
	sf_json_end_object(w);
}

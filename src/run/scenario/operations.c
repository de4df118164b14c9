/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "stillframe/expr.h"

/*
 * The keys of a step. A list of steps is read once for each time that it is executed, so that a repetition needs nothing
 * else, here or in a guest.
 */

static struct sf_error *count_one(struct loader *l, const struct at *at, node *n)
{
	if (l->n_executed++ < SF_SCENARIO_MAX_STEPS)
		return NULL;
	return sf_scn_bad(l, at, n, "more than %u steps, repetitions counted as often as they are made",
			  SF_SCENARIO_MAX_STEPS);
}

static struct sf_error *add_step(struct loader *l, const struct at *at, node *n, const struct sf_scenario_step *step)
{
	SF_TRY(count_one(l, at, n));
	struct sf_scenario_step *s = sf_vec_push(&l->steps);
	struct sf_scenario_place *p = s ? sf_vec_push(&l->places) : NULL;

	if (!p)
		return sf_error_nomem();
	*s = *step;
	*p = (struct sf_scenario_place){ .line = n->key_line, .column = n->key_column, .path = sf_scn_path(l, at) };
	return NULL;
}

/* ---- workers ----------------------------------------------------------------------------------------------------- */

static struct sf_error *set_kind(struct loader *l, const struct at *at, node *n, void *into)
{
	const char *words[SF_LOADS];
	size_t i;

	for (i = 0; i < SF_LOADS; i++)
		words[i] = sf_load_name((enum sf_load)i);
	SF_TRY(sf_scn_word(l, at, n, words, SF_LOADS, &i));
	((struct sf_scenario_step *)into)->load = (enum sf_load)i;
	return NULL;
}

static struct sf_error *set_count(struct loader *l, const struct at *at, node *n, void *into)
{
	int64_t v;

	SF_TRY(sf_scn_number(l, at, n, 1, SF_SCENARIO_MAX_WORKERS, &v));
	((struct sf_scenario_step *)into)->count = (uint32_t)v;
	return NULL;
}

static struct sf_error *set_workers_name(struct loader *l, const struct at *at, node *n, void *into)
{
	const char *name;
	size_t i;

	SF_TRY(sf_scn_name(l, at, n, &name));
	if (sf_scn_find(&l->workers, name, &i))
		return sf_scn_bad(l, at, n, "there are workers \"%s\" already, from line %u: stop them before, or take "
				  "another name", sf_scn_shown(l, name), l->workers.line[i]);
	((struct sf_scenario_step *)into)->name = name;
	return NULL;
}

static struct sf_error *set_workers_cgroup(struct loader *l, const struct at *at, node *n, void *into)
{
	const char *cgroup;

	SF_TRY(sf_scn_cgroup(l, at, n, &cgroup));
	SF_TRY(sf_scn_need(l, at, n, &l->cgroups, "cgroups", cgroup));
	((struct sf_scenario_step *)into)->cgroup = cgroup;
	return NULL;
}

static struct sf_error *set_nice(struct loader *l, const struct at *at, node *n, void *into)
{
	int64_t v;

	SF_TRY(sf_scn_number(l, at, n, -20, 19, &v));
	((struct sf_scenario_step *)into)->nice = (int32_t)v;
	return NULL;
}

static struct sf_error *set_cpus(struct loader *l, const struct at *at, node *n, void *into)
{
	return sf_scn_cpus(l, at, n, &((struct sf_scenario_step *)into)->cpus);
}

static struct sf_error *op_workers(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = {
		{ "kind", true, set_kind }, { "count", false, set_count }, { "name", false, set_workers_name },
		{ "cgroup", false, set_workers_cgroup }, { "nice", false, set_nice }, { "cpus", false, set_cpus },
	};
	struct sf_scenario_step step = { .op = SF_OP_WORKERS };

	(void)into;
	SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), &step));
	if (!step.count && step.load != SF_LOAD_MIXED)
		step.count = 1;
	if (step.name)
		SF_TRY(sf_scn_add(l, at, n, &l->workers, "named workers", step.name));
	return add_step(l, at, n, &step);
}

static struct sf_error *op_stop(struct loader *l, const struct at *at, node *n, void *into)
{
	struct sf_scenario_step step = { .op = SF_OP_STOP };

	(void)into;
	SF_TRY(sf_scn_name(l, at, n, &step.name));
	SF_TRY(sf_scn_need(l, at, n, &l->workers, "named workers", step.name));
	sf_scn_forget(&l->workers, step.name);
	return add_step(l, at, n, &step);
}

/* ---- cgroups and CPUs -------------------------------------------------------------------------------------------- */

static struct sf_error *set_cgroup_name(struct loader *l, const struct at *at, node *n, void *into)
{
	return sf_scn_cgroup(l, at, n, &((struct sf_scenario_step *)into)->name);
}

static struct sf_error *set_weight(struct loader *l, const struct at *at, node *n, void *into)
{
	int64_t v;

	SF_TRY(sf_scn_number(l, at, n, 1, 10000, &v));
	((struct sf_scenario_step *)into)->weight = (uint32_t)v;
	return NULL;
}

static struct sf_error *op_cgroup(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = {
		{ "name", true, set_cgroup_name }, { "cpus", false, set_cpus }, { "weight", false, set_weight },
	};
	struct sf_scenario_step step = { .op = SF_OP_CGROUP };
	size_t i;

	(void)into;
	if (n->type == SF_DOC_TEXT && n->text[0])
		SF_TRY(set_cgroup_name(l, at, n, &step));
	else
		SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), &step));
	/* One that is there is changed. */
	if (!sf_scn_find(&l->cgroups, step.name, &i))
		SF_TRY(sf_scn_add(l, at, n, &l->cgroups, "cgroups", step.name));
	return add_step(l, at, n, &step);
}

static struct sf_error *set_cpu_number(struct loader *l, const struct at *at, node *n, void *into)
{
	int64_t v;

	/* arch_cpu_is_hotpluggable() in arch/x86/kernel/topology.c. */
	if (n->type == SF_DOC_TEXT && !strcmp(n->text, "0"))
		return sf_scn_bad(l, at, n, "CPU 0 cannot be taken offline on x86; the others can, from 1 to %u",
				  SF_SCENARIO_MAX_CPU);
	SF_TRY(sf_scn_number(l, at, n, 1, SF_SCENARIO_MAX_CPU, &v));
	((struct sf_scenario_step *)into)->cpu = (uint32_t)v;
	return NULL;
}

static struct sf_error *set_online(struct loader *l, const struct at *at, node *n, void *into)
{
	return sf_scn_bool(l, at, n, &((struct sf_scenario_step *)into)->online);
}

static struct sf_error *op_cpu(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = { { "number", true, set_cpu_number }, { "online", true, set_online } };
	struct sf_scenario_step step = { .op = SF_OP_CPU };

	(void)into;
	SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), &step));
	return add_step(l, at, n, &step);
}

/* ---- time, captures, questions ----------------------------------------------------------------------------------- */

static struct sf_error *op_hold(struct loader *l, const struct at *at, node *n, void *into)
{
	struct sf_scenario_step step = { .op = SF_OP_HOLD };

	(void)into;
	SF_TRY(sf_scn_time(l, at, n, &step.ns));
	l->s->hold_ns += step.ns; /* a day at most, and not so many */
	return add_step(l, at, n, &step);
}

static struct sf_error *op_capture(struct loader *l, const struct at *at, node *n, void *into)
{
	struct sf_scenario_step step = { .op = SF_OP_CAPTURE };

	(void)into;
	SF_TRY(sf_scn_name(l, at, n, &step.name));
	SF_TRY(sf_scn_add_capture(l, at, n, step.name, &step.name));
	return add_step(l, at, n, &step);
}

/* Only whether it can be read; what it names is known when it is asked. */
static struct sf_error *check_expression(struct loader *l, const struct at *at, node *n)
{
	SF_OWNED(expr) expr = NULL;
	SF_OWNED(error) err = sf_expr_new(n->text, &expr);
	const struct sf_error_payload *p = err ? sf_error_payload(err) : NULL;
	uint32_t column = n->column;

	if (!err || sf_error_code(err) == SF_NO_MEMORY)
		return steal_ptr(&err);
	if (p && p->column && n->literal)
		column = n->literal + (uint32_t)sf_min(p->column - 1, (uint64_t)SF_DOC_MAX_BYTES);
	return sf_scn_bad_at(l, at, n->line, column, "%s", sf_error_message(err));
}

struct sf_error *sf_scn_expect(struct loader *l, const struct at *at, node *n, const char *capture)
{
	const char *text;

	SF_TRY(sf_scn_text(l, at, n, "an expression such as \"var(nr_dispatched) > 0\"", &text));
	SF_TRY(count_one(l, at, n));
	if (!((struct sf_doc_node *)n)->uses++)
		SF_TRY(check_expression(l, at, n));
	struct sf_expect *e = sf_vec_push(&l->expects);

	if (!e)
		return sf_error_nomem();
	*e = (struct sf_expect){ .expr = text, .capture = capture, .where = sf_scn_where(l, at, n) };
	return NULL;
}

static struct sf_error *op_expect(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	if (!l->captures.n)
		return sf_scn_bad(l, at, n, "nothing to ask: no capture before this step");
	return sf_scn_expect(l, at, n, l->captures.v[l->captures.n - 1]);
}

/* ---- lists of steps ---------------------------------------------------------------------------------------------- */

struct repetition {
	int64_t times;
	node *steps;
};

static struct sf_error *set_times(struct loader *l, const struct at *at, node *n, void *into)
{
	return sf_scn_number(l, at, n, 1, SF_SCENARIO_MAX_STEPS, &((struct repetition *)into)->times);
}

static struct sf_error *set_repeated(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)l;
	(void)at;
	((struct repetition *)into)->steps = n;
	return NULL;
}

/* Its depth is that of the document, which is limited. */
static struct sf_error *op_repeat(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = { { "times", true, set_times }, { "steps", true, set_repeated } };
	struct repetition r = { 0 };

	(void)into;
	SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), &r));
	for (int64_t i = 1; i <= r.times; i++) {
		struct at turn = *at, steps = { .up = &turn, .key = "steps" };

		turn.turn = (size_t)i;
		SF_TRY(sf_scn_steps(l, &steps, r.steps, NULL));
	}
	return NULL;
}

struct sf_error *sf_scn_steps(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = {
		{ "cgroup", false, op_cgroup }, { "workers", false, op_workers }, { "stop", false, op_stop },
		{ "cpu", false, op_cpu }, { "hold", false, op_hold }, { "capture", false, op_capture },
		{ "expect", false, op_expect }, { "repeat", false, op_repeat },
	};
	size_t i = 0;

	(void)into;
	if (n->type != SF_DOC_LIST)
		return sf_scn_bad(l, at, n, "it takes a list of steps, not a %s; each begins with \"- \"",
				  n->type == SF_DOC_MAP ? "map" : "text");
	if (!n->n)
		return sf_scn_bad(l, at, n, "the list has no step");
	for (node *c = n->first; c; c = c->next, i++) {
		struct at own = { .up = at, .index = i };

		SF_TRY(sf_scn_one(l, &own, c, keys, ARRAY_SIZE(keys), NULL));
	}
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "scenario/steps.h"

static const char *const ops[SF_OPS] = {
	[SF_OP_CGROUP] = "cgroup",
	[SF_OP_WORKERS] = "workers",
	[SF_OP_STOP] = "stop",
	[SF_OP_CPU] = "cpu",
	[SF_OP_HOLD] = "hold",
	[SF_OP_CAPTURE] = "capture",
};

static const char *const loads[SF_LOADS] = {
	[SF_LOAD_SPIN] = "spin",
	[SF_LOAD_SLEEP] = "sleep",
	[SF_LOAD_PIPE] = "pipe",
	[SF_LOAD_FORK] = "fork",
	[SF_LOAD_MIXED] = "mixed",
};

const char *sf_op_name(enum sf_op op)
{
	return (size_t)op < SF_OPS ? ops[op] : "?";
}

const char *sf_load_name(enum sf_load load)
{
	return (size_t)load < SF_LOADS ? loads[load] : "?";
}

const char *sf_step_text(const struct sf_scenario_step *s, char *buf, size_t size)
{
	switch (s->op) {
	case SF_OP_WORKERS:
		if (s->name)
			snprintf(buf, size, "workers %s", s->name);
		else
			snprintf(buf, size, "workers (%s)", sf_load_name(s->load));
		break;
	case SF_OP_CPU:
		snprintf(buf, size, "cpu %" PRIu32 " %s", s->cpu, s->online ? "online" : "offline");
		break;
	case SF_OP_HOLD:
		snprintf(buf, size, "hold %.9g s", (double)s->ns / 1e9);
		break;
	default:
		snprintf(buf, size, "%s %s", sf_op_name(s->op), s->name ? s->name : "?");
	}
	return buf;
}

/* ---- lists of CPUs ------------------------------------------------------------------------------------------------ */

static bool parse_cpu(const char **p, uint32_t *ret)
{
	uint32_t v = 0;

	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; ++*p) {
		v = v * 10 + (uint32_t)(**p - '0');
		if (v > SF_SCENARIO_MAX_CPU)
			return false;
	}
	*ret = v;
	return true;
}

bool sf_cpu_list(const char *p, void (*each)(void *arg, uint32_t cpu), void *arg)
{
	/* No list of 255 numbers needs more. */
	if (strlen(p) > 1024)
		return false;
	for (;; p++) {
		uint32_t from, to;

		if (!parse_cpu(&p, &from))
			return false;
		to = from;
		if (*p == '-') {
			p++;
			if (!parse_cpu(&p, &to) || to < from)
				return false;
		}
		for (uint32_t cpu = from; each && cpu <= to; cpu++)
			each(arg, cpu);
		if (!*p)
			return true;
		if (*p != ',')
			return false;
	}
}

/* ---- as JSON ------------------------------------------------------------------------------------------------------- */

static void put_step(struct sf_json_writer *w, const struct sf_scenario_step *s)
{
	sf_json_begin_object(w);
	sf_json_put_str(w, "op", sf_op_name(s->op));
	if (s->name)
		sf_json_put_str(w, "name", s->name);
	if (s->op == SF_OP_WORKERS)
		sf_json_put_str(w, "kind", sf_load_name(s->load));
	if (s->count)
		sf_json_put_u64(w, "count", s->count);
	if (s->cgroup)
		sf_json_put_str(w, "cgroup", s->cgroup);
	if (s->nice) {
		sf_json_key(w, "nice");
		sf_json_i64(w, s->nice);
	}
	if (s->cpus)
		sf_json_put_str(w, "cpus", s->cpus);
	if (s->weight)
		sf_json_put_u64(w, "weight", s->weight);
	if (s->op == SF_OP_CPU) {
		sf_json_put_u64(w, "cpu", s->cpu);
		sf_json_put_bool(w, "online", s->online);
	}
	if (s->ns)
		sf_json_put_u64(w, "ns", s->ns);
	sf_json_end_object(w);
}

struct sf_error *sf_steps_write(const struct sf_scenario_step *v, size_t n, struct sf_json_buffer *ret)
{
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, ret, false);
	sf_json_begin_object(&w);
	sf_json_put_u64(&w, "version", 1);
	sf_json_key(&w, "steps");
	sf_json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		put_step(&w, &v[i]);
	sf_json_end_array(&w);
	sf_json_end_object(&w);
	return sf_json_writer_finish(&w) ? NULL : sf_error_nomem();
}

static bool find_word(const char *const *words, size_t n, const char *word, size_t *ret)
{
	for (size_t i = 0; word && i < n; i++) {
		if (!strcmp(words[i], word)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* What executes it may rely on. */
static bool is_whole(const struct sf_scenario_step *s)
{
	switch (s->op) {
	case SF_OP_WORKERS:
		return (s->count || s->load == SF_LOAD_MIXED) && (!s->cpus || sf_cpu_list(s->cpus, NULL, NULL));
	case SF_OP_CPU:
	case SF_OP_HOLD:
		return true;
	default:
		return s->name;
	}
}

static bool read_step(const struct sf_json_node *n, struct sf_scenario_step *ret)
{
	size_t op, load = 0;

	if (!find_word(ops, SF_OPS, sf_json_member_str(n, "op", NULL), &op) ||
	    (op == SF_OP_WORKERS && !find_word(loads, SF_LOADS, sf_json_member_str(n, "kind", NULL), &load)))
		return false;
	int64_t nice = sf_json_member_i64(n, "nice", 0);
	uint64_t count = sf_json_member_u64(n, "count", 0), weight = sf_json_member_u64(n, "weight", 0);
	uint64_t cpu = sf_json_member_u64(n, "cpu", 0);

	if (nice < -20 || nice > 19 || count > SF_SCENARIO_MAX_WORKERS || weight > 10000 || cpu > SF_SCENARIO_MAX_CPU)
		return false;
	*ret = (struct sf_scenario_step){
		.op = (enum sf_op)op,
		.name = sf_json_member_str(n, "name", NULL),
		.load = (enum sf_load)load,
		.count = (uint32_t)count,
		.cgroup = sf_json_member_str(n, "cgroup", NULL),
		.nice = (int32_t)nice,
		.cpus = sf_json_member_str(n, "cpus", NULL),
		.weight = (uint32_t)weight,
		.cpu = (uint32_t)cpu,
		.online = sf_json_member_bool(n, "online", false),
		.ns = sf_json_member_u64(n, "ns", 0),
	};
	return is_whole(ret);
}

struct sf_error *sf_steps_read(const char *text, size_t len, struct sf_steps *ret)
{
	_cleanup_steps_ struct sf_steps steps = { 0 };

	SF_TRY(sf_error_context(sf_json_read(text, len, &steps.json), "the steps"));
	const struct sf_json_node *root = sf_json_root(steps.json), *list = sf_json_member(root, "steps");

	if (sf_json_member_u64(root, "version", 0) != 1 || !list || list->type != SF_JSON_ARRAY ||
	    list->n > SF_SCENARIO_MAX_STEPS)
		return sf_error_new(SF_BAD_INPUT, "the steps: no list of version 1 with at most %u", SF_SCENARIO_MAX_STEPS);
	steps.v = calloc(list->n ? list->n : 1, sizeof(*steps.v));
	if (!steps.v)
		return sf_error_nomem();
	for (const struct sf_json_node *n = list->n ? list->value.first : NULL; n; n = n->next)
		if (!read_step(n, &steps.v[steps.n++]))
			return sf_error_new(SF_BAD_INPUT, "the steps: step %zu cannot be read", steps.n - 1);
	*ret = steps;
	steps = (struct sf_steps){ 0 };
	return NULL;
}

void sf_steps_clear(struct sf_steps *steps)
{
	free(steps->v);
	sf_json_unref(steps->json);
	*steps = (struct sf_steps){ 0 };
}

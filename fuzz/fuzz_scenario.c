/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a scenario file: they are refused with a place in the file, or their steps are whole, within the limits,
 * and the same after their way into the guest. The same bytes as the steps that a guest reads, too.
 */

#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(struct sf_error *err)
{
	const char *said = sf_error_message(err);
	unsigned int line, column;
	int end = 0;

	if (sf_error_code(err) == SF_NO_MEMORY)
		return;
	if (sf_error_code(err) != SF_BAD_INPUT)
		abort();
	/* All but a file that is too long has a place. */
	if (strncmp(said, "f.yaml: ", 8) &&
	    (sscanf(said, "f.yaml:%u:%u: %n", &line, &column, &end) != 2 || !end || !line || !column || strchr(said, '\n')))
		abort();
}

static bool same(const char *a, const char *b)
{
	return !a == !b && (!a || !strcmp(a, b));
}

static void check_steps(const struct sf_scenario *s)
{
	_cleanup_steps_ struct sf_steps again = { 0 };
	struct sf_json_buffer json = { 0 };

	if (sf_steps_write(s->steps, s->n_steps, &json) || sf_steps_read(json.text, json.len, &again) ||
	    again.n != s->n_steps)
		abort();
	free(json.text);
	for (size_t i = 0; i < again.n; i++) {
		const struct sf_scenario_step *a = &s->steps[i], *b = &again.v[i];

		if (a->op != b->op || !same(a->cgroup, b->cgroup) || !same(a->cpus, b->cpus) || a->load != b->load ||
		    a->count != b->count || a->nice != b->nice || a->weight != b->weight || a->cpu != b->cpu ||
		    a->online != b->online || a->ns != b->ns || !same(a->name, b->name))
			abort();
	}
}

static void check_scenario(const struct sf_scenario *s)
{
	if (s->n_steps + s->n_expects > SF_SCENARIO_MAX_STEPS)
		abort();
	for (size_t i = 0; i < s->n_steps; i++)
		if (!s->places[i].line || !s->places[i].column || !s->places[i].path[0])
			abort();
	for (size_t i = 0; i < s->n_expects; i++) {
		const struct sf_expect *e = &s->expects[i];

		if (!e->expr[0] || !e->where[0] || (s->n_steps && !e->capture) ||
		    (s->n_steps && !sf_scenario_find_capture(s, e->capture)))
			abort();
	}
	sf_error_free(sf_scenario_check_cpus(s, 2));
	check_steps(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_steps_ struct sf_steps steps = { 0 };
	SF_OWNED(scenario) s = NULL;
	SF_OWNED(error) err = sf_scenario_read("f.yaml", (const char *)data, size, &s);

	if (err)
		check_error(err);
	else
		check_scenario(s);
	sf_error_free(sf_steps_read((const char *)data, size, &steps));
	return 0;
}

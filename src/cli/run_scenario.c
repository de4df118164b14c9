/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe run SCENARIO.yaml: what the file says goes to where the command line said nothing.
 */

#include "request.h"
#include "vm/vm.h"

/* All of it or nothing: arguments of one scheduler mean something else to another. */
static struct sf_error *take_scheduler(struct run_request *r)
{
	const struct sf_scenario *s = r->scenario;

	if (r->scheduler)
		return NULL;
	r->scheduler = s->scheduler;
	r->args = r->args ? r->args : s->args;
	for (size_t i = 0; s->files && s->files[i]; i++) {
		const char **slot = sf_vec_push(&r->files);

		if (!slot)
			return sf_error_nomem();
		*slot = s->files[i];
	}
	/* Of equal names the first counts. */
	for (size_t i = 0; s->env && s->env[i]; i++) {
		const char **slot = sf_vec_push(&r->env);

		if (!slot)
			return sf_error_nomem();
		*slot = s->env[i];
	}
	return NULL;
}

static struct sf_error *take_expects(struct run_request *r)
{
	for (size_t i = 0; i < r->scenario->n_expects; i++) {
		struct sf_expect *e = sf_vec_push(&r->expects);

		if (!e)
			return sf_error_nomem();
		*e = r->scenario->expects[i];
		e->capture = e->capture ? strdup(e->capture) : NULL;
		if (!e->capture && r->scenario->expects[i].capture)
			return sf_error_nomem();
	}
	return NULL;
}

static struct sf_error *take_kernels(struct run_request *r)
{
	for (size_t i = 0; i < r->scenario->n_kernels; i++) {
		const char **slot = sf_vec_push(&r->kernels);

		if (!slot)
			return sf_error_nomem();
		*slot = r->scenario->kernels[i];
	}
	return NULL;
}

struct sf_error *cli_check_steps(const struct run_request *r)
{
	for (size_t i = 0; i < r->captures.n; i++) {
		const struct sf_scenario_place *p = sf_scenario_find_capture(r->scenario, r->captures.v[i].name);
		_cleanup_free_ char *where = p ? sf_scenario_where(r->scenario, p) : NULL;

		if (p)
			return sf_error_new(SF_USAGE, "--capture %s: there is a capture of this name already (%s)",
					    r->captures.v[i].name, where ? where : r->scenario->file);
	}
	return sf_scenario_check_cpus(r->scenario, sf_vm_topology_cpus(&r->topology));
}

struct sf_error *cli_take_scenario(struct run_request *r, const char *path)
{
	SF_TRY(sf_scenario_load(path, &r->scenario));
	const struct sf_scenario *s = r->scenario;

	SF_TRY(take_scheduler(r));
	SF_TRY(take_expects(r));
	if (!r->kernels.n)
		SF_TRY(take_kernels(r));
	if (!r->has_topology && s->has_topology)
		r->topology = s->topology;
	r->memory = r->memory ? r->memory : s->memory;
	r->deadline = r->deadline ? r->deadline : s->deadline_ns;
	if (cli_has_steps(r) && r->duration)
		return sf_error_new(SF_USAGE, "--for and a scenario with steps: it takes as long as they do");
	return NULL;
}


/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenario/steps.h"

struct sf_error *sf_steps_run(const struct sf_scenario_step *v, size_t n, const struct sf_op_backend *backend, void *arg)
{
	for (size_t i = 0; i < n; i++) {
		SF_TRY(backend->begins(arg, i));
		SF_OWNED(error) err = backend->ops[v[i].op](arg, &v[i]);

		if (err)
			return backend->fails(arg, i, err);
		SF_TRY(backend->ends(arg, i));
	}
	return NULL;
}

/* ---- what is told of a step ----------------------------------------------------------------------------------------- */

static const char *const words[] = {
	[SF_STEP_BEGINS] = "begins",
	[SF_STEP_ENDS] = "ends",
	[SF_STEP_FAILS] = "fails",
	[SF_STEP_REFUSED] = "is refused",
};

void sf_step_say(char buf[64], size_t i, enum sf_step_word word)
{
	snprintf(buf, 64, "step %zu %s", i, words[word]);
}

bool sf_step_said(const char *name, size_t *ret, enum sf_step_word *ret_word)
{
	static const char lead[] = "step ";
	size_t i = 0;

	if (strncmp(name, lead, sizeof(lead) - 1))
		return false;
	const char *p = name + sizeof(lead) - 1, *digits = p;

	for (; *p >= '0' && *p <= '9'; p++) {
		i = i * 10 + (size_t)(*p - '0');
		if (i >= SF_SCENARIO_MAX_STEPS)
			return false;
	}
	if (p == digits || *p++ != ' ')
		return false;
	for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
		if (strcmp(words[w], p))
			continue;
		*ret = i;
		*ret_word = (enum sf_step_word)w;
		return true;
	}
	return false;
}

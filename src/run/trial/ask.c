/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run can be asked: how it went, and what its guest told.
 */

#include "private.h"

const char *sf_run_dir(const struct sf_run *run)
{
	return run->dir;
}

static uint64_t between(uint64_t from, uint64_t to)
{
	return from && to > from ? to - from : 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void sf_run_info(const struct sf_run *run, struct sf_run_info *ret)
{
	struct sf_run_info i = {
		.size = ret->size,
		.kernel = or_empty(run->release),
		.kernel_path = or_empty(run->kernel_path),
		.scheduler = run->scheduler,
		.ops = or_empty(run->ops),
		.accel = run->accel.why ? sf_accel_name(run->accel.accel) : "",
		.accel_why = or_empty(run->accel.why),
		.qemu = or_empty(run->qemu_text),
		.attached = run->attached,
		.attached_ns = between(run->attached_at, run->detached_at),
		.boot_ns = run->boot_ns,
		.start_ns = between(run->began, run->started),
		.end_ns = between(run->last_word, run->finished),
		.wall_ns = between(run->began, run->finished),
		.frozen_ns = run->totals.frozen_ns,
		.facts_ns = run->totals.facts_ns,
		.panic_ns = between(run->panicked, run->finished),
	};

	memcpy(ret, &i, sf_min(ret->size, sizeof(i)));
}

static struct sf_error *no_value(struct sf_run *run, const char *name)
{
	struct sf_json_buffer names = { 0 };
	struct sf_error *err;

	for (size_t i = 0; i < run->values.n && i < 64; i++) {
		sf_json_buffer_sink(&names, i ? ", " : "", i ? 2 : 0);
		sf_json_buffer_sink(&names, run->values.v[i].name, strlen(run->values.v[i].name));
	}
	err = sf_error_new(SF_NOT_FOUND, "the guest published no value \"%s\"; it published %s", name,
			   names.text ? names.text : "none");
	free(names.text);
	sf_run_inconclusive(run, "%s", sf_error_message(err));
	return err;
}

/* The last value of a name is its value. */
static struct sf_error *find_value(struct sf_run *run, const char *name, const struct sf_run_value **ret)
{
	for (size_t i = run->values.n; i--;) {
		if (strcmp(run->values.v[i].name, name))
			continue;
		run->n_observed++;
		*ret = &run->values.v[i];
		return NULL;
	}
	return no_value(run, name);
}

static struct sf_error *other_kind(const char *name, const char *want)
{
	return sf_error_new(SF_USAGE, "the guest's value \"%s\" is no %s", name, want);
}

struct sf_error *sf_run_value_u64(struct sf_run *run, const char *name, uint64_t *ret)
{
	const struct sf_run_value *v;

	SF_TRY(find_value(run, name, &v));
	if (v->kind == SF_WIRE_U64)
		*ret = v->u64;
	else if (v->kind == SF_WIRE_I64 && v->i64 >= 0)
		*ret = (uint64_t)v->i64;
	else
		return other_kind(name, "unsigned number");
	return NULL;
}

struct sf_error *sf_run_value_i64(struct sf_run *run, const char *name, int64_t *ret)
{
	const struct sf_run_value *v;

	SF_TRY(find_value(run, name, &v));
	if (v->kind == SF_WIRE_I64)
		*ret = v->i64;
	else if (v->kind == SF_WIRE_U64 && v->u64 <= INT64_MAX)
		*ret = (int64_t)v->u64;
	else
		return other_kind(name, "signed number");
	return NULL;
}

struct sf_error *sf_run_value_str(struct sf_run *run, const char *name, const char **ret)
{
	const struct sf_run_value *v;

	SF_TRY(find_value(run, name, &v));
	if (v->kind != SF_WIRE_STR)
		return other_kind(name, "text");
	*ret = v->str;
	return NULL;
}

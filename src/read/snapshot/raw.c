/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Raw values: nodes as the public sees them. What cannot be had is absent, and nobody says why.
 */

#include "snapshot_private.h"

struct sf_node sf_value_node(const struct sf_value *v)
{
	struct sf_node n;

	_Static_assert(sizeof(n) <= sizeof(v->priv), "a node fits a value");
	memcpy(&n, v->priv, sizeof(n));
	return n;
}

static struct sf_value node_value(const struct sf_node *n)
{
	struct sf_value v = { { 0 } };

	memcpy(v.priv, n, sizeof(*n));
	return v;
}

bool sf_field_raw(struct sf_field field, struct sf_value *ret)
{
	struct sf_node n;

	if (!sf_field_node(field, &n))
		return false;
	*ret = node_value(&n);
	return true;
}

enum sf_kind sf_value_kind(struct sf_value v)
{
	struct sf_node n = sf_value_node(&v);

	return sf_node_kind(&n);
}

/* Through pointers that lead somewhere, and into what there is of truncated values. false: into memory that is not here. */
static bool look_through(const struct sf_value *v, struct sf_node *ret)
{
	struct sf_node n = sf_value_node(v);
	struct sf_trouble why;

	return sf_node_look_through(&n, ret, &why) == SF_STEP_OK;
}

static bool member(const struct sf_value *v, const char *name, size_t len, struct sf_value *ret)
{
	struct sf_node n, m;

	if (!look_through(v, &n) || sf_node_member(&n, name, len, &m) != SF_STEP_OK)
		return false;
	*ret = node_value(&m);
	return true;
}

bool sf_value_member(struct sf_value v, const char *name, struct sf_value *ret)
{
	return member(&v, name, strlen(name), ret);
}

bool sf_value_index(struct sf_value v, size_t i, struct sf_value *ret)
{
	struct sf_node n, e;

	if (!look_through(&v, &n) || sf_node_index(&n, i, &e) != SF_STEP_OK)
		return false;
	*ret = node_value(&e);
	return true;
}

bool sf_value_get(struct sf_value v, const char *path, struct sf_value *ret)
{
	while (path[0]) {
		size_t len = strcspn(path, ".");

		if (!len || !member(&v, path, len, &v))
			return false;
		path += len;
		if (path[0] && !*++path)
			return false;
	}
	*ret = v;
	return true;
}

#define SF_DEFINE_VALUE_AS(name, type)                                                             \
	bool sf_value_as_##name(struct sf_value v, type *ret)                                      \
	{                                                                                          \
		struct sf_node n = sf_value_node(&v);                                                 \
		struct sf_trouble why;                                                             \
		type got;                                                                          \
		if (sf_node_as_##name(&n, &got, &why))                                             \
			return false;                                                              \
		*ret = got;                                                                        \
		return true;                                                                       \
	}
SF_DEFINE_VALUE_AS(u64, uint64_t)
SF_DEFINE_VALUE_AS(i64, int64_t)
SF_DEFINE_VALUE_AS(f64, double)
SF_DEFINE_VALUE_AS(bool, bool)
#undef SF_DEFINE_VALUE_AS

bool sf_value_deref(struct sf_value v, struct sf_value *ret, const char **skipped_reason)
{
	struct sf_node n = sf_value_node(&v), target;
	struct sf_trouble why = { 0 };
	const char *skipped = NULL;
	enum sf_step step = sf_node_deref(&n, &target, &skipped, &why);

	if (step == SF_STEP_TROUBLE)
		skipped = sf_fault_text(why.fault);
	if (skipped_reason)
		*skipped_reason = skipped;
	if (step != SF_STEP_OK)
		return false;
	*ret = node_value(&target);
	return true;
}

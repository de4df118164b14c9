/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries, fields and raw values: from a place in a map to a C value.
 */

#include "snapshot_private.h"

/* ---- entries ---------------------------------------------------------------------------------------------------- */

bool sf_entry_is_present(struct sf_entry entry)
{
	return !unseal_entry(&entry).failure.slot;
}

struct sf_error *sf_entry_error(struct sf_entry entry)
{
	struct entry e = unseal_entry(&entry);

	return sf_failure_error(e.snap, &e.failure);
}

static struct sf_field walk_from(struct sf_snapshot *snap, const struct sf_node *root, const char *path)
{
	struct field f = { .snap = snap, .kind = FIELD_VALUE };

	f.failure = sf_walk_path(snap, root, path, &f.node);
	return seal_field(&f);
}

struct sf_field sf_entry_get(struct sf_entry entry, const char *path)
{
	struct entry e = unseal_entry(&entry);
	struct field f = { .snap = e.snap, .failure = e.failure };

	if (e.failure.slot)
		return seal_field(&f);
	/* Bytes that should have a type and do not: better said than dumped. */
	if (e.map->listed->no_btf) {
		f.failure = sf_fail_incomplete(e.snap, e.map);
		return seal_field(&f);
	}
	struct sf_snap_elem elem = sf_snap_elem_of(&e);
	struct sf_node value;

	if (sf_snap_is_percpu(e.map)) {
		if (!e.cpu)
			f.failure = sf_fail_not_narrowed(e.snap, e.map);
		else if (!sf_snap_cpu_value(&elem, (uint32_t)(e.cpu - 1), &value))
			f.failure = sf_fail_cpu_value(e.snap, &elem, e.cpu - 1);
	} else if (elem.at.value) {
		value = sf_snap_value(&elem);
	} else {
		f.failure = sf_fail_memory(e.snap, &(struct sf_trouble){ .fault = elem.at.fault, .addr = e.kva });
	}
	return f.failure.slot ? seal_field(&f) : walk_from(e.snap, &value, path);
}

#define KEY_LABEL "an array's key, which is a number"

struct sf_field sf_entry_key(struct sf_entry entry, const char *path)
{
	struct entry e = unseal_entry(&entry);
	struct field f = { .snap = e.snap, .failure = e.failure, .kind = FIELD_INDEX, .index = e.index };
	struct sf_snap_elem elem;
	struct sf_node key;

	if (e.failure.slot)
		return seal_field(&f);
	elem = sf_snap_elem_of(&e);
	if (e.map->is_single || e.cpu)
		f.failure = sf_fail_type(e.snap, "key", "a single value, which has no key");
	else if (sf_snap_key(&elem, &key))
		return walk_from(e.snap, &key, path);
	else if (path[0])
		f.failure = sf_fail_type(e.snap, "Struct", KEY_LABEL);
	return seal_field(&f);
}

static void name_owner(const struct sf_bpf_owner *owner, struct sf_owner *ret)
{
	ret->pid = owner->pid;
	ret->tgid = owner->tgid;
	ret->id = owner->id;
	ret->family = owner->family;
	ret->port = owner->port;
	sf_text_escape(owner->comm, ret->comm, sizeof(ret->comm));
	sf_text_escape(owner->path, ret->path, sizeof(ret->path));
	/* What is escaped takes up to four bytes: one more did not fit, or might not have. */
	ret->is_path_cut = owner->path_cut || strlen(ret->path) + 4 >= sizeof(ret->path);
}

bool sf_entry_owner(struct sf_entry entry, struct sf_owner *ret)
{
	struct entry e = unseal_entry(&entry);
	_cleanup_free_ struct sf_bpf_owner *owner = malloc(sizeof(*owner));
	struct sf_owner o = { .size = ret->size };
	struct sf_snap_elem elem;

	if (!owner || e.failure.slot)
		return false;
	elem = sf_snap_elem_of(&e);
	if (!sf_snap_owner(&elem, owner))
		return false;
	o.kind = (enum sf_owner_kind)owner->kind;
	o.kva = owner->kva;
	o.is_readable = owner->is_readable;
	if (owner->is_readable)
		name_owner(owner, &o);
	memcpy(ret, &o, sf_min(ret->size, sizeof(o)));
	return true;
}

/* ---- fields ----------------------------------------------------------------------------------------------------- */

struct sf_field sf_field_get(struct sf_field field, const char *path)
{
	struct field f = unseal_field(&field);

	if (f.failure.slot)
		return field;
	if (f.kind == FIELD_VALUE)
		return walk_from(f.snap, &f.node, path);
	f.failure = sf_fail_type(f.snap, "Struct", KEY_LABEL);
	return seal_field(&f);
}

bool sf_field_is_present(struct sf_field field)
{
	return !unseal_field(&field).failure.slot;
}

struct sf_error *sf_field_error(struct sf_field field)
{
	struct field f = unseal_field(&field);

	return sf_failure_error(f.snap, &f.failure);
}

bool sf_field_node(struct sf_field field, struct sf_node *ret)
{
	struct field f = unseal_field(&field);

	if (f.failure.slot || f.kind != FIELD_VALUE)
		return false;
	*ret = f.node;
	return true;
}

/* The error of a conversion that did not work: memory that is not here, or another type. */
static struct sf_error *mismatch(const struct field *f, const char *expected, const char *actual,
				 const struct sf_trouble *why)
{
	struct failure failure = why->fault ? sf_fail_memory(f->snap, why) : sf_fail_type(f->snap, expected, actual);

	return sf_failure_error(f->snap, &failure);
}

/*
 * sf_field_as_NAME(): the field's own error, a key that is a number, or the conversion of the node. try_NAME() is the
 * same without making an error.
 */
#define SF_DEFINE_AS(name, type, label)                                                            \
	static const char *convert_##name(const struct field *f, type *ret, struct sf_trouble *why) \
	{                                                                                          \
		if (f->kind == FIELD_VALUE)                                                        \
			return sf_node_as_##name(&f->node, ret, why);                              \
		*why = (struct sf_trouble){ 0 };                                                   \
		*ret = (type)f->index;                                                             \
		return NULL;                                                                       \
	}                                                                                          \
	struct sf_error *sf_field_as_##name(struct sf_field field, type *ret)                      \
	{                                                                                          \
		struct field f = unseal_field(&field);                                             \
		struct sf_trouble why = { 0 };                                                     \
		type v;                                                                            \
		const char *actual;                                                                \
		if (f.failure.slot)                                                                \
			return sf_failure_error(f.snap, &f.failure);                               \
		actual = convert_##name(&f, &v, &why);                                             \
		if (actual)                                                                        \
			return mismatch(&f, label, actual, &why);                                  \
		*ret = v;                                                                          \
		return NULL;                                                                       \
	}
SF_DEFINE_AS(u64, uint64_t, "u64")
SF_DEFINE_AS(i64, int64_t, "i64")
SF_DEFINE_AS(f64, double, "f64")
SF_DEFINE_AS(bool, bool, "bool")
#undef SF_DEFINE_AS

struct sf_error *sf_field_as_str(struct sf_field field, const char **ret)
{
	struct field f = unseal_field(&field);
	struct sf_trouble why = { 0 };
	const char *actual;

	if (f.failure.slot)
		return sf_failure_error(f.snap, &f.failure);
	if (f.kind != FIELD_VALUE)
		return mismatch(&f, "str", KEY_LABEL, &why);
	actual = sf_node_as_str(&f.node, ret, &why);
	return actual ? mismatch(&f, "str (enum variant name)", actual, &why) : NULL;
}

bool sf_field_try_u64(struct sf_field field, uint64_t *ret)
{
	struct field f = unseal_field(&field);
	struct sf_trouble why;
	uint64_t v;

	if (f.failure.slot || convert_u64(&f, &v, &why))
		return false;
	*ret = v;
	return true;
}

bool sf_field_try_i64(struct sf_field field, int64_t *ret)
{
	struct field f = unseal_field(&field);
	struct sf_trouble why;
	int64_t v;

	if (f.failure.slot || convert_i64(&f, &v, &why))
		return false;
	*ret = v;
	return true;
}

uint64_t sf_field_u64_or(struct sf_field field, uint64_t other)
{
	uint64_t v;

	return sf_field_try_u64(field, &v) ? v : other;
}

int64_t sf_field_i64_or(struct sf_field field, int64_t other)
{
	int64_t v;

	return sf_field_try_i64(field, &v) ? v : other;
}

/* ---- raw values --------------------------------------------------------------------------------------------------- */

static struct sf_node value_node(const struct sf_value *v)
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
	struct sf_node n = value_node(&v);

	return sf_node_kind(&n);
}

#define LOOK_THROUGH 64 /* pointers and truncations in a row; a cycle ends here */

/* Through pointers that lead somewhere, and into what there is of truncated values. */
static struct sf_node look_through(const struct sf_value *v)
{
	struct sf_node n = value_node(v), next;
	struct sf_trouble why;
	uint64_t needed, had;

	for (unsigned int i = 0; i < LOOK_THROUGH; i++) {
		if (sf_node_deref(&n, &next, NULL, &why) != SF_STEP_OK &&
		    sf_node_partial(&n, &next, &needed, &had) != SF_STEP_OK)
			break;
		n = next;
	}
	return n;
}

static bool member(const struct sf_value *v, const char *name, size_t len, struct sf_value *ret)
{
	struct sf_node n = look_through(v), m;

	if (sf_node_member(&n, name, len, &m) != SF_STEP_OK)
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
	struct sf_node n = look_through(&v), e;

	if (sf_node_index(&n, i, &e) != SF_STEP_OK)
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
		struct sf_node n = value_node(&v);                                                 \
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
	struct sf_node n = value_node(&v), target;
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

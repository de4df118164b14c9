/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields: from a place in a map to a C value.
 */

#include "snapshot_private.h"

/* The words of a field, so that what is asked a million times loads those it needs and copies nothing. */
enum { WORD_SNAP, WORD_FAILURE, WORD_NODE, WORD_KIND = WORD_NODE + sizeof(struct sf_node) / 8 };
_Static_assert(offsetof(struct field, node) == WORD_NODE * 8 && offsetof(struct field, kind) == WORD_KIND * 8 &&
	       !FIELD_VALUE, "the words of a field");

/* Is it a value, without an error? */
static inline bool is_value(const struct sf_field *field)
{
	return !(field->priv[WORD_FAILURE] | (uint32_t)field->priv[WORD_KIND]);
}

const char *sf_index_label(enum field_kind kind)
{
	return kind == FIELD_PERCPU_INDEX ? "a percpu key, which is a number" : "an array's key, which is a number";
}

struct sf_field sf_field_walk(struct sf_snapshot *snap, const struct sf_node *root, const char *path)
{
	struct field f = { .snap = snap, .kind = FIELD_VALUE };
	struct sf_path_key key;
	struct sf_walked w;

	sf_path_key(path, strlen(path), &key);
	if (sf_walk(snap, root, path, &key, &w)) {
		f.node = w.to;
		f.plain = w.plain;
	} else {
		f.failure = sf_walk_failure(snap, path, &w);
	}
	return seal_field(&f);
}

static __attribute__((noinline)) struct sf_field get_slowly(const struct sf_field *field, const char *path)
{
	struct field f = unseal_field(field);

	if (f.failure.slot)
		return *field;
	if (f.kind == FIELD_VALUE)
		return sf_field_walk(f.snap, &f.node, path);
	f.failure = sf_fail_type_at(f.snap, "Struct", sf_index_label(f.kind), path);
	return seal_field(&f);
}

struct sf_field sf_field_get(struct sf_field field, const char *path)
{
	struct sf_snapshot *snap = (struct sf_snapshot *)(uintptr_t)field.priv[WORD_SNAP];
	const uint64_t *node = field.priv + WORD_NODE;
	struct sf_field ret = { .priv = { [WORD_SNAP] = field.priv[WORD_SNAP] } };
	const struct sf_plan *p;

	if (sf_unlikely(!is_value(&field)))
		return get_slowly(&field, path);
	p = &snap->plans[*sf_plan_hint(snap, path, node[3])];
	if ((p->root[0] ^ node[0]) | (p->root[1] ^ node[1]) | (p->root[2] ^ node[3]) | (p->root[3] ^ node[4]) ||
	    strcmp((const char *)p->text, path))
		return get_slowly(&field, path);
	if (sf_likely(p->end == PLAN_DONE)) {
		memcpy(ret.priv + WORD_NODE, &p->to, sizeof(p->to));
		ret.priv[WORD_NODE + 2] += node[2];
		ret.priv[WORD_KIND] = (uint64_t)p->plain << 32;
		return ret;
	}
	if (p->end == PLAN_POINTER)
		return get_slowly(&field, path);
	struct failure failure = sf_plan_failure(snap, path, p, node[2]);

	memcpy(&ret.priv[WORD_FAILURE], &failure, sizeof(failure));
	return ret;
}

bool sf_field_is_present(struct sf_field field)
{
	return !unseal_field(&field).failure.slot;
}

struct sf_error *sf_field_error(struct sf_field field)
{
	struct failure failure;

	memcpy(&failure, &field.priv[WORD_FAILURE], sizeof(failure));
	return sf_failure_error((struct sf_snapshot *)(uintptr_t)field.priv[WORD_SNAP], &failure);
}

bool sf_field_node(struct sf_field field, struct sf_node *ret)
{
	struct field f = unseal_field(&field);

	if (f.failure.slot || f.kind != FIELD_VALUE)
		return false;
	*ret = f.node;
	return true;
}

/* ---- conversions ------------------------------------------------------------------------------------------------ */

/* A conversion that did not work: memory that is not here, or another type. */
static struct failure mismatch(struct sf_snapshot *snap, const char *expected, const char *actual,
			       const struct sf_trouble *why)
{
	return why->fault ? sf_fail_memory(snap, why) : sf_fail_type(snap, expected, actual);
}

/* A number that is read without a look at its type. What needs one, to be refused or not, is not read here. */
static bool plain_u64(struct sf_snapshot *snap, const struct sf_node *n, uint32_t plain, uint64_t *ret)
{
	return sf_plain_read(&snap->vm, n->at, plain, ret) &&
	       ((plain & SF_PLAIN_CLASS) != SF_PLAIN_SIGNED || (int64_t)*ret >= 0);
}

static bool plain_i64(struct sf_snapshot *snap, const struct sf_node *n, uint32_t plain, int64_t *ret)
{
	uint64_t v;

	if ((plain & SF_PLAIN_CLASS) == SF_PLAIN_PTR || !sf_plain_read(&snap->vm, n->at, plain, &v) ||
	    ((plain & SF_PLAIN_CLASS) != SF_PLAIN_SIGNED && (int64_t)v < 0))
		return false;
	*ret = (int64_t)v;
	return true;
}

static inline bool plain_f64(struct sf_snapshot *snap, const struct sf_node *n, uint32_t plain, double *ret)
{
	return (void)snap, (void)n, (void)plain, (void)ret, false;
}

static inline bool plain_bool(struct sf_snapshot *snap, const struct sf_node *n, uint32_t plain, bool *ret)
{
	return (void)snap, (void)n, (void)plain, (void)ret, false;
}

/*
 * sf_field_as_NAME(): the field's own error, a key that is a number, or the conversion of the node. convert_NAME() is the
 * same without making an error; NULL: converted.
 */
#define SF_DEFINE_AS(name, type, label)                                                            \
	static const char *convert_##name(const struct field *f, type *ret, struct sf_trouble *why) \
	{                                                                                          \
		*why = (struct sf_trouble){ 0 };                                                   \
		if (f->kind != FIELD_VALUE) {                                                      \
			*ret = (type)f->index;                                                     \
			return NULL;                                                               \
		}                                                                                  \
		if (f->plain && plain_##name(f->snap, &f->node, f->plain, ret))                      \
			return NULL;                                                               \
		return sf_node_as_##name(&f->node, ret, why);                                      \
	}                                                                                          \
	static struct failure fail_##name(const struct field *f, type *ret)                        \
	{                                                                                          \
		struct sf_trouble why;                                                             \
		const char *actual;                                                                \
		type v;                                                                            \
		if (f->failure.slot)                                                               \
			return f->failure;                                                         \
		actual = convert_##name(f, &v, &why);                                              \
		if (actual)                                                                        \
			return mismatch(f->snap, label, actual, &why);                             \
		*ret = v;                                                                          \
		return (struct failure){ 0 };                                                      \
	}                                                                                          \
	static __attribute__((noinline)) struct sf_error *as_##name(const struct sf_field *field, type *ret) \
	{                                                                                          \
		struct field f = unseal_field(field);                                              \
		struct failure failure = fail_##name(&f, ret);                                     \
		return failure.slot ? sf_failure_error(f.snap, &failure) : NULL;                   \
	}
SF_DEFINE_AS(u64, uint64_t, "u64")
SF_DEFINE_AS(i64, int64_t, "i64")
SF_DEFINE_AS(f64, double, "f64")
SF_DEFINE_AS(bool, bool, "bool")
#undef SF_DEFINE_AS

struct sf_error *sf_field_as_u64(struct sf_field field, uint64_t *ret)
{
	struct sf_snapshot *snap = (struct sf_snapshot *)(uintptr_t)field.priv[WORD_SNAP];
	uint32_t plain = field.priv[WORD_KIND] >> 32;
	uint64_t v;

	if (sf_likely(is_value(&field) && sf_plain_read(&snap->vm, field.priv[WORD_NODE + 2], plain, &v) &&
		      ((plain & SF_PLAIN_CLASS) != SF_PLAIN_SIGNED || (int64_t)v >= 0))) {
		*ret = v;
		return NULL;
	}
	if (field.priv[WORD_FAILURE])
		return sf_field_error(field);
	return as_u64(&field, ret);
}

struct sf_error *sf_field_as_i64(struct sf_field field, int64_t *ret)
{
	return as_i64(&field, ret);
}

struct sf_error *sf_field_as_f64(struct sf_field field, double *ret)
{
	return as_f64(&field, ret);
}

struct sf_error *sf_field_as_bool(struct sf_field field, bool *ret)
{
	return as_bool(&field, ret);
}

struct failure sf_field_number_failure(const struct sf_field *field, bool is_signed)
{
	struct field f = unseal_field(field);
	uint64_t u;
	int64_t i;

	return is_signed ? fail_i64(&f, &i) : fail_u64(&f, &u);
}

struct sf_error *sf_field_as_str(struct sf_field field, const char **ret)
{
	struct field f = unseal_field(&field);
	struct sf_trouble why = { 0 };
	struct failure failure = f.failure;
	const char *actual;

	if (!failure.slot && f.kind != FIELD_VALUE) {
		failure = sf_fail_type(f.snap, "str", sf_index_label(f.kind));
	} else if (!failure.slot) {
		actual = sf_node_as_str(&f.node, ret, &why);
		if (!actual)
			return NULL;
		failure = mismatch(f.snap, "str (enum variant name)", actual, &why);
	}
	return sf_failure_error(f.snap, &failure);
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

/* ---- paths that are read once -------------------------------------------------------------------------------------- */

/* The way that was planned, if all is as it was then. The address, and how to read what is there; 0: go and see. */
static inline uint32_t planned(const struct sf_snapshot *snap, const uint64_t node[5], const struct sf_path_key *key,
			       uint64_t *at)
{
	const struct sf_plan *p = sf_plan_at(snap, key, node[3]);
	uint64_t differs = (p->root[0] ^ node[0]) | (p->root[1] ^ node[1]) | (p->root[2] ^ node[3]) | (p->root[3] ^ node[4]);

	for (unsigned int i = 0; i < SF_PLAN_WORDS; i++)
		differs |= p->text[i] ^ key->words[i];
	*at = node[2] + p->to.at;
	return differs ? 0 : p->plain;
}

static __attribute__((noinline)) struct sf_error *read_slowly(struct sf_field field, const char *path, bool is_signed,
							       uint64_t *ret_u64, int64_t *ret_i64)
{
	if (path)
		field = sf_field_get(field, path);
	return is_signed ? sf_field_as_i64(field, ret_i64) : sf_field_as_u64(field, ret_u64);
}

struct sf_error *sf_field_read_u64(const struct sf_field *field, const struct sf_path *path, uint64_t *ret)
{
	struct sf_snapshot *snap = (struct sf_snapshot *)(uintptr_t)field->priv[WORD_SNAP];
	uint64_t at, v;
	uint32_t plain;

	if (sf_likely(path && is_value(field))) {
		plain = planned(snap, field->priv + WORD_NODE, &path->key, &at);
		if (sf_likely(sf_plain_read(&snap->vm, at, plain, &v) &&
			      ((plain & SF_PLAIN_CLASS) != SF_PLAIN_SIGNED || (int64_t)v >= 0))) {
			*ret = v;
			return NULL;
		}
	}
	return read_slowly(*field, path ? path->text : NULL, false, ret, NULL);
}

struct sf_error *sf_field_read_i64(const struct sf_field *field, const struct sf_path *path, int64_t *ret)
{
	struct sf_snapshot *snap = (struct sf_snapshot *)(uintptr_t)field->priv[WORD_SNAP];
	uint64_t at, v;
	uint32_t plain;

	if (sf_likely(path && is_value(field))) {
		plain = planned(snap, field->priv + WORD_NODE, &path->key, &at);
		if (sf_likely((plain & SF_PLAIN_CLASS) != SF_PLAIN_PTR && sf_plain_read(&snap->vm, at, plain, &v) &&
			      ((plain & SF_PLAIN_CLASS) == SF_PLAIN_SIGNED || (int64_t)v >= 0))) {
			*ret = (int64_t)v;
			return NULL;
		}
	}
	return read_slowly(*field, path ? path->text : NULL, true, NULL, ret);
}

/* The entry's value as a field, error and all. */
static struct sf_field value_of(const struct sf_entry *entry)
{
	struct entry e = unseal_entry(entry);
	struct field f = { .snap = e.snap, .failure = e.failure };

	if (!f.failure.slot)
		f.failure = sf_entry_value(&e, &f.node);
	return seal_field(&f);
}

struct sf_error *sf_entry_read_u64(const struct sf_entry *entry, const struct sf_path *path, uint64_t *ret)
{
	struct sf_field value = value_of(entry);

	return sf_field_read_u64(&value, path, ret);
}

struct sf_error *sf_entry_read_i64(const struct sf_entry *entry, const struct sf_path *path, int64_t *ret)
{
	struct sf_field value = value_of(entry);

	return sf_field_read_i64(&value, path, ret);
}

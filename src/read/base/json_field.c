/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a JSON document: paths, conversions, and the errors of both.
 */

#include "stillframe/json.h"

#include <locale.h>
#include <math.h>

#include "base/error.h"
#include "base/json.h"

#define MAX_LISTED 4096

struct sf_json_doc {
	struct sf_json *json;
	struct sf_error_ring ring;
};

struct field {
	struct sf_json_doc *doc;
	const struct sf_json_node *node;
	uint32_t generation;
	uint32_t slot;   /* of the ring, +1; 0: no error */
	uint32_t code;
	uint32_t spare;
};
_Static_assert(sizeof(struct field) == sizeof(struct sf_json_field), "ABI");

static struct field unseal(const struct sf_json_field *f)
{
	struct field ret;

	memcpy(&ret, f, sizeof(ret));
	return ret;
}

static struct sf_json_field seal(const struct field *f)
{
	struct sf_json_field ret;

	memcpy(&ret, f, sizeof(ret));
	return ret;
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

struct sf_error *sf_json_parse(const char *text, size_t len, struct sf_json_doc **ret)
{
	SF_OWNED(json_doc) doc = calloc(1, sizeof(*doc));

	if (!doc)
		return sf_error_nomem();
	SF_TRY(sf_json_read(text, len, &doc->json));
	*ret = steal_ptr(&doc);
	return NULL;
}

void sf_json_doc_free(struct sf_json_doc *doc)
{
	if (!doc)
		return;
	sf_error_ring_clear(&doc->ring);
	sf_json_unref(doc->json);
	free(doc);
}

const char *sf_json_node_kind(const struct sf_json_node *node)
{
	switch (node->type) {
	case SF_JSON_NULL:
		return "Null";
	case SF_JSON_BOOL:
		return "Bool";
	case SF_JSON_STRING:
		return "String";
	case SF_JSON_ARRAY:
		return "Array";
	case SF_JSON_OBJECT:
		return "Object";
	default:
		return "Number";
	}
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

enum { REF_WALKED, REF_COMPONENT, REF_NODE };

static struct sf_error *take(struct sf_json_doc *doc, enum sf_code code, sf_error_make_fn *make, const char *path)
{
	return sf_error_ring_take(&doc->ring, code, make, doc, path, path ? strlen(path) : 0);
}

static struct sf_error *error_of(const struct field *f)
{
	struct sf_error *err;

	if (!f->slot)
		return NULL;
	err = &f->doc->ring.slots[f->slot - 1];
	return err->generation == f->generation ? err : take(f->doc, f->code, sf_error_make_gone, NULL);
}

static void fail(struct field *f, const struct sf_error *err)
{
	f->node = NULL;
	f->generation = err->generation;
	f->slot = (uint32_t)(err - f->doc->ring.slots + 1);
	f->code = err->code;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_keys(struct sf_error *err, const struct sf_json_node *object)
{
	size_t n = sf_min((size_t)object->n, (size_t)MAX_LISTED), at = 0;
	const char **keys = calloc(n + 1, sizeof(*keys));

	if (!keys) {
		err->lost = true;
		return;
	}
	for (const struct sf_json_node *c = object->value.first; c && at < n; c = c->next)
		keys[at++] = c->key;
	qsort(keys, at, sizeof(*keys), by_text);
	sf_error_strv(err, &err->payload.available, keys, at);
	free(keys);
}

static void make_path(struct sf_error *err)
{
	const struct sf_json_node *node = (const struct sf_json_node *)(uintptr_t)err->refs[REF_NODE];
	/* Without memory for a long path there is less of it than was walked. */
	size_t len = err->path_len, walked = sf_min((size_t)err->refs[REF_WALKED], len);
	size_t start = walked ? sf_min(walked + 1, len) : 0;
	const char *path = sf_error_path(err);

	err->payload.requested = sf_error_str(err, path);
	if (err->code == SF_EMPTY_PATH_COMPONENT)
		return;
	err->payload.walked = sf_error_strn(err, path, walked);
	err->payload.component = sf_error_strn(err, path + start, sf_min((size_t)err->refs[REF_COMPONENT], len - start));
	if (err->code == SF_NOT_A_STRUCT)
		err->payload.kind = sf_error_str(err, sf_json_node_kind(node));
	else
		list_keys(err, node);
}

static void make_type(struct sf_error *err)
{
	err->payload.expected = sf_error_str(err, (const char *)(uintptr_t)err->refs[0]);
	err->payload.actual = sf_error_str(err, (const char *)(uintptr_t)err->refs[1]);
	err->payload.requested = sf_error_str(err, "");
}

static struct sf_error *mismatch(struct sf_json_doc *doc, const char *expected, const char *actual)
{
	struct sf_error *err = take(doc, SF_TYPE_MISMATCH, make_type, NULL);

	err->refs[0] = (uintptr_t)expected;
	err->refs[1] = (uintptr_t)actual;
	return err;
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

static const struct sf_json_node *member(const struct sf_json_node *object, const char *key, size_t len)
{
	for (const struct sf_json_node *c = object->value.first; c; c = c->next)
		if (c->key_len == len && !memcmp(c->key, key, len))
			return c;
	return NULL;
}

static void walk(struct field *f, const char *path)
{
	const struct sf_json_node *node = f->node;
	const char *at = path;

	for (bool more = path[0]; more; at++) {
		size_t len = strcspn(at, ".");
		const struct sf_json_node *next = NULL;
		enum sf_code code = SF_FIELD_NOT_FOUND;
		struct sf_error *err;

		if (!len)
			code = SF_EMPTY_PATH_COMPONENT;
		else if (node->type != SF_JSON_OBJECT)
			code = SF_NOT_A_STRUCT;
		else
			next = member(node, at, len);
		if (!next) {
			err = take(f->doc, code, make_path, path);
			err->refs[REF_WALKED] = at == path ? 0 : (uint64_t)(at - path - 1);
			err->refs[REF_COMPONENT] = len;
			err->refs[REF_NODE] = (uintptr_t)node;
			fail(f, err);
			return;
		}
		node = next;
		at += len;
		more = *at;
	}
	f->node = node;
}

struct sf_json_field sf_stats_path(struct sf_json_doc *doc, const char *path)
{
	struct field f = { .doc = doc, .node = sf_json_root(doc->json) };

	walk(&f, path);
	return seal(&f);
}

struct sf_json_field sf_json_field_get(struct sf_json_field field, const char *path)
{
	struct field f = unseal(&field);

	if (f.node)
		walk(&f, path);
	return seal(&f);
}

bool sf_json_field_is_present(struct sf_json_field field)
{
	return unseal(&field).node;
}

struct sf_error *sf_json_field_error(struct sf_json_field field)
{
	struct field f = unseal(&field);

	return error_of(&f);
}

const struct sf_json_node *sf_json_field_raw(struct sf_json_field field)
{
	return unseal(&field).node;
}

/* ---- what a value may be read as ---------------------------------------------------------------------------------- */

/* What was wrong; NULL actual: nothing was. Both are static. */
struct wrong {
	const char *expected, *actual;
};
#define RIGHT ((struct wrong){ 0 })
#define TWO_TO_63 9223372036854775808.0
#define TWO_TO_64 18446744073709551616.0

static struct wrong real_as_u64(double v, uint64_t *ret)
{
	if (!isfinite(v) || v < 0)
		return (struct wrong){ "u64", "Float(non-coercible)" };
	if (v != trunc(v))
		return (struct wrong){ "integer", "non-integer float" };
	*ret = v >= TWO_TO_64 ? UINT64_MAX : (uint64_t)v;
	return RIGHT;
}

static struct wrong real_as_i64(double v, int64_t *ret)
{
	if (!isfinite(v))
		return (struct wrong){ "i64", "Float(non-finite)" };
	if (v != trunc(v))
		return (struct wrong){ "integer", "non-integer float" };
	*ret = v >= TWO_TO_63 ? INT64_MAX : v < -TWO_TO_63 ? INT64_MIN : (int64_t)v;
	return RIGHT;
}

/* Decimal digits after an optional sign, all of the text. */
static bool read_digits(const struct sf_json_node *n, bool *negative, uint64_t *ret)
{
	const char *p = n->value.str, *end = p + n->str_len;
	uint64_t v = 0;

	*negative = p < end && *p == '-';
	p += p < end && (*p == '+' || *p == '-');
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

static struct wrong as_u64(const struct sf_json_node *n, uint64_t *ret)
{
	bool negative;

	switch (n->type) {
	case SF_JSON_UINT:
		*ret = n->value.u64;
		return RIGHT;
	case SF_JSON_INT:
		return (struct wrong){ "u64", "Int(negative)" };
	case SF_JSON_REAL:
		return real_as_u64(n->value.f64, ret);
	case SF_JSON_BOOL:
		*ret = n->value.boolean;
		return RIGHT;
	case SF_JSON_STRING:
		if (read_digits(n, &negative, ret) && !negative)
			return RIGHT;
		return (struct wrong){ "u64", "String(non-numeric)" };
	default:
		return (struct wrong){ "u64", sf_json_node_kind(n) };
	}
}

static struct wrong string_as_i64(const struct sf_json_node *n, int64_t *ret)
{
	uint64_t v;
	bool negative;

	if (!read_digits(n, &negative, &v) || v > (uint64_t)INT64_MAX + negative)
		return (struct wrong){ "i64", "String(non-numeric)" };
	*ret = negative ? (int64_t)-v : (int64_t)v;
	return RIGHT;
}

static struct wrong as_i64(const struct sf_json_node *n, int64_t *ret)
{
	switch (n->type) {
	case SF_JSON_UINT:
		if (n->value.u64 > INT64_MAX)
			return (struct wrong){ "i64", "Uint(>i64::MAX)" };
		*ret = (int64_t)n->value.u64;
		return RIGHT;
	case SF_JSON_INT:
		*ret = n->value.i64;
		return RIGHT;
	case SF_JSON_REAL:
		return real_as_i64(n->value.f64, ret);
	case SF_JSON_BOOL:
		*ret = n->value.boolean;
		return RIGHT;
	case SF_JSON_STRING:
		return string_as_i64(n, ret);
	default:
		return (struct wrong){ "i64", sf_json_node_kind(n) };
	}
}

/* "inf" and "nan" as they are written everywhere, in whatever case. */
static bool read_word(const char *p, double *ret)
{
	double sign = *p == '-' ? -1 : 1;

	p += *p == '+' || *p == '-';
	if (!strcasecmp(p, "inf") || !strcasecmp(p, "infinity"))
		*ret = sign * INFINITY;
	else if (!strcasecmp(p, "nan"))
		*ret = NAN;
	else
		return false;
	return true;
}

/* Whatever the program's locale calls a decimal point. */
static bool read_real(const struct sf_json_node *n, double *ret)
{
	const char *text = n->value.str;
	locale_t c;
	char *end;

	if (!n->str_len || strlen(text) != n->str_len)
		return false;
	if (text[strspn(text, "+-.0123456789eE")])
		return read_word(text, ret);
	c = newlocale(LC_ALL_MASK, "C", NULL);
	if (!c)
		return false;
	*ret = strtod_l(text, &end, c);
	freelocale(c);
	return !*end;
}

static struct wrong as_f64(const struct sf_json_node *n, double *ret)
{
	switch (n->type) {
	case SF_JSON_UINT:
		*ret = (double)n->value.u64;
		return RIGHT;
	case SF_JSON_INT:
		*ret = (double)n->value.i64;
		return RIGHT;
	case SF_JSON_REAL:
		*ret = n->value.f64;
		return RIGHT;
	case SF_JSON_STRING:
		if (read_real(n, ret))
			return RIGHT;
		return (struct wrong){ "f64", "String(non-numeric)" };
	default:
		return (struct wrong){ "f64", sf_json_node_kind(n) };
	}
}

static struct wrong as_bool(const struct sf_json_node *n, bool *ret)
{
	if (n->type != SF_JSON_BOOL)
		return (struct wrong){ "bool", sf_json_node_kind(n) };
	*ret = n->value.boolean;
	return RIGHT;
}

static struct wrong as_u32(const struct sf_json_node *n, uint32_t *ret)
{
	uint64_t v = 0;
	struct wrong w = as_u64(n, &v);

	if (!w.actual && v > UINT32_MAX)
		return (struct wrong){ "u32", "Uint(>u32::MAX)" };
	*ret = (uint32_t)v;
	return w;
}

#define SF_DEFINE_SCALAR(name, type)                                                               \
	struct sf_error *sf_json_field_as_##name(struct sf_json_field field, type *ret)               \
	{                                                                                          \
		struct field f = unseal(&field);                                                   \
		struct wrong w;                                                                    \
		type v = 0;                                                                        \
												   \
		if (!f.node)                                                                       \
			return error_of(&f);                                                       \
		w = as_##name(f.node, &v);                                                         \
		if (w.actual)                                                                      \
			return mismatch(f.doc, w.expected, w.actual);                              \
		*ret = v;                                                                          \
		return NULL;                                                                       \
	}
SF_DEFINE_SCALAR(u64, uint64_t)
SF_DEFINE_SCALAR(i64, int64_t)
SF_DEFINE_SCALAR(f64, double)
SF_DEFINE_SCALAR(bool, bool)
#undef SF_DEFINE_SCALAR

struct sf_error *sf_json_field_as_str(struct sf_json_field field, const char **ret, size_t *ret_len)
{
	struct field f = unseal(&field);

	if (!f.node)
		return error_of(&f);
	if (f.node->type != SF_JSON_STRING)
		return mismatch(f.doc, "str", sf_json_node_kind(f.node));
	*ret = f.node->value.str;
	if (ret_len)
		*ret_len = f.node->str_len;
	return NULL;
}

/* ---- arrays ----------------------------------------------------------------------------------------------------- */

/* Room for the elements of an array, one at least. NULL: @*err says why. */
static void *array_room(const struct field *f, const char *expected, size_t size, struct sf_error **err)
{
	void *room = NULL;

	*err = f->node ? NULL : error_of(f);
	if (f->node && f->node->type != SF_JSON_ARRAY)
		*err = mismatch(f->doc, expected, sf_json_node_kind(f->node));
	if (*err)
		return NULL;
	room = calloc((size_t)f->node->n + 1, size);
	if (!room)
		*err = sf_error_nomem();
	return room;
}

#define SF_DEFINE_ARRAY(name, type)                                                                \
	struct sf_error *sf_json_field_as_##name##_array(struct sf_json_field field, type **ret, size_t *ret_n) \
	{                                                                                          \
		struct field f = unseal(&field);                                                   \
		struct sf_error *err;                                                              \
		_cleanup_free_ type *v = array_room(&f, "[" #name "]", sizeof(*v), &err);          \
		size_t n = 0;                                                                      \
												   \
		if (!v)                                                                            \
			return err;                                                                \
		for (const struct sf_json_node *c = f.node->value.first; c; c = c->next) {         \
			struct wrong w = as_##name(c, &v[n++]);                                    \
												   \
			if (w.actual)                                                              \
				return mismatch(f.doc, w.expected, w.actual);                      \
		}                                                                                  \
		*ret = steal_ptr(&v);                                                              \
		*ret_n = n;                                                                        \
		return NULL;                                                                       \
	}
SF_DEFINE_ARRAY(u64, uint64_t)
SF_DEFINE_ARRAY(u32, uint32_t)
SF_DEFINE_ARRAY(i64, int64_t)
SF_DEFINE_ARRAY(f64, double)
SF_DEFINE_ARRAY(bool, bool)
#undef SF_DEFINE_ARRAY

struct iter {
	struct sf_json_doc *doc;
	const struct sf_json_node *next;
	uint64_t spare[2];
};
_Static_assert(sizeof(struct iter) == sizeof(struct sf_json_iter), "ABI");

struct sf_json_iter sf_json_field_members(struct sf_json_field field)
{
	struct field f = unseal(&field);
	struct iter it = { .doc = f.doc };
	struct sf_json_iter ret;

	if (f.node && f.node->type == SF_JSON_ARRAY)
		it.next = f.node->value.first;
	memcpy(&ret, &it, sizeof(ret));
	return ret;
}

bool sf_json_field_next(struct sf_json_iter *iter, struct sf_json_field *ret)
{
	struct iter it;
	struct field f;

	memcpy(&it, iter, sizeof(it));
	if (!it.next)
		return false;
	f = (struct field){ .doc = it.doc, .node = it.next };
	it.next = it.next->next;
	memcpy(iter, &it, sizeof(it));
	*ret = seal(&f);
	return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "value/spot.h"

#include <inttypes.h>
#include <stdalign.h>

#include "base/text.h"

#define FIRST_BLOCK 1024
#define LARGEST_BLOCK (256u << 10)
#define SHOWN 40 /* bytes of a string that an error quotes */

/* ---- memory ------------------------------------------------------------------------------------------------- */

struct sf_arena_block {
	struct sf_arena_block *next;
	size_t size;
	alignas(max_align_t) uint8_t bytes[];
};

static struct sf_arena_block *new_block(size_t size)
{
	struct sf_arena_block *b = size > SIZE_MAX / 2 ? NULL : calloc(1, sizeof(*b) + size);

	if (b)
		b->size = size;
	return b;
}

void *sf_arena_alloc(struct sf_arena *arena, size_t size)
{
	struct sf_arena_block *b = arena->blocks;

	if (size > LARGEST_BLOCK / 4) {
		/* One of its own, behind the one that is filled. */
		struct sf_arena_block *own = new_block(size);

		if (!own)
			return NULL;
		if (b) {
			own->next = b->next;
			b->next = own;
		} else {
			arena->blocks = own;
		}
		return own->bytes;
	}
	size = sf_align_up(sf_max(size, (size_t)1), alignof(max_align_t));
	if (size > arena->left) {
		size_t wanted = b ? sf_min(b->size * 2, (size_t)LARGEST_BLOCK) : FIRST_BLOCK;
		struct sf_arena_block *more = new_block(sf_max(wanted, size));

		if (!more)
			return NULL;
		more->next = b;
		arena->blocks = b = more;
		arena->left = b->size;
	}
	arena->left -= size;
	return b->bytes + (b->size - arena->left - size);
}

char *sf_arena_strn(struct sf_arena *arena, const char *text, size_t len)
{
	char *copy = sf_arena_alloc(arena, len + 1);

	return copy ? memcpy(copy, text, len) : NULL;
}

void sf_arena_clear(struct sf_arena *arena)
{
	for (struct sf_arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*arena = (struct sf_arena){ 0 };
}

/* ---- errors ------------------------------------------------------------------------------------------------- */

static void put_step(struct sf_text *t, const char *key, size_t index)
{
	if (key)
		sf_text_putf(t, "%s%s", t->n ? "." : "", key);
	else
		sf_text_putf(t, "[%zu]", index);
}

/* As deep as JSON is nested: SF_JSON_DEPTH. */
static void put_path(struct sf_text *t, const struct sf_spot *at)
{
	if (!at->up)
		return;
	put_path(t, at->up);
	put_step(t, at->key, at->index);
}

static struct sf_error *say(const struct sf_spot *at, const char *key, const char *what)
{
	_cleanup_text_ struct sf_text t = { 0 };
	const struct sf_spot *top = at;

	put_path(&t, at);
	if (key)
		put_step(&t, key, 0);
	while (top->up)
		top = top->up;
	if (!t.n)
		sf_text_put(&t, top->key ? top->key : "the JSON text");
	if (t.failed)
		return sf_error_nomem();
	return sf_error_new(SF_BAD_INPUT, "%.*s: %s", (int)t.n, t.v, what);
}

static const char *seen(const struct sf_json_node *v, char buf[SHOWN + 16])
{
	size_t n = 0;

	if (!v)
		return "nothing";
	switch (v->type) {
	case SF_JSON_NULL:
		return "null";
	case SF_JSON_BOOL:
		return v->value.boolean ? "true" : "false";
	case SF_JSON_UINT:
		snprintf(buf, SHOWN, "%" PRIu64, v->value.u64);
		return buf;
	case SF_JSON_INT:
		snprintf(buf, SHOWN, "%" PRId64, v->value.i64);
		return buf;
	case SF_JSON_REAL:
		snprintf(buf, SHOWN, "%g", v->value.f64);
		return buf;
	case SF_JSON_ARRAY:
		return "a list";
	case SF_JSON_OBJECT:
		return "an object";
	case SF_JSON_STRING:
		break;
	}
	for (size_t seq; n < v->str_len && n < SHOWN; n += seq) {
		seq = sf_utf8_seq(v->value.str + n, v->str_len - n);
		if (!seq || n + seq > SHOWN || (uint8_t)v->value.str[n] < 0x20)
			break;
	}
	snprintf(buf, SHOWN + 16, "\"%.*s%s\"", (int)n, v->value.str, n < v->str_len ? "…" : "");
	return buf;
}

struct sf_error *sf_spot_wrong(const struct sf_spot *at, const char *key, const char *wanted)
{
	const struct sf_json_node *v = key ? sf_json_member(at->json, key) : at->json;
	char buf[SHOWN + 16], what[256];

	snprintf(what, sizeof(what), "%s should be here, not %s", wanted, seen(v, buf));
	return say(at, key, what);
}

struct sf_error *sf_spot_bad(const struct sf_spot *at, const char *key, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return say(at, key, what);
}

/* ---- members ------------------------------------------------------------------------------------------------ */

struct sf_error *sf_spot_object(const struct sf_spot *at)
{
	return at->json && at->json->type == SF_JSON_OBJECT ? NULL : sf_spot_wrong(at, NULL, "an object");
}

const struct sf_json_node *sf_spot_member(const struct sf_spot *at, const char *key)
{
	const struct sf_json_node *v = sf_json_member(at->json, key);

	return v && v->type != SF_JSON_NULL ? v : NULL;
}

struct sf_error *sf_spot_str(const struct sf_spot *at, const char *key, enum sf_need need, const char **ret)
{
	const struct sf_json_node *v = sf_spot_member(at, key);
	const char *copy;

	if (!v && need == SF_OPTIONAL)
		return NULL;
	if (!v || v->type != SF_JSON_STRING)
		return sf_spot_wrong(at, key, "a string");
	if (strlen(v->value.str) != v->str_len)
		return sf_spot_bad(at, key, "a string without NUL characters should be here");
	copy = sf_arena_strn(at->arena, v->value.str, v->str_len);
	if (!copy)
		return sf_error_nomem();
	*ret = copy;
	return NULL;
}

struct sf_error *sf_spot_u64(const struct sf_spot *at, const char *key, enum sf_need need, uint64_t max, uint64_t *ret)
{
	const struct sf_json_node *v = sf_spot_member(at, key);
	char wanted[64];

	if (!v && need == SF_OPTIONAL)
		return NULL;
	if (v && v->type == SF_JSON_UINT && v->value.u64 <= max) {
		*ret = v->value.u64;
		return NULL;
	}
	snprintf(wanted, sizeof(wanted), "an integer from 0 to %" PRIu64, max);
	return sf_spot_wrong(at, key, wanted);
}

struct sf_error *sf_spot_u32(const struct sf_spot *at, const char *key, enum sf_need need, uint32_t *ret)
{
	uint64_t v = *ret;

	SF_TRY(sf_spot_u64(at, key, need, UINT32_MAX, &v));
	*ret = (uint32_t)v;
	return NULL;
}

struct sf_error *sf_spot_i32(const struct sf_spot *at, const char *key, enum sf_need need, int32_t *ret)
{
	const struct sf_json_node *v = sf_spot_member(at, key);

	if (!v && need == SF_OPTIONAL)
		return NULL;
	if (v && v->type == SF_JSON_UINT && v->value.u64 <= INT32_MAX)
		*ret = (int32_t)v->value.u64;
	else if (v && v->type == SF_JSON_INT && v->value.i64 >= INT32_MIN)
		*ret = (int32_t)v->value.i64;
	else
		return sf_spot_wrong(at, key, "an integer of 32 bits");
	return NULL;
}

struct sf_error *sf_spot_bool(const struct sf_spot *at, const char *key, bool *ret)
{
	const struct sf_json_node *v = sf_spot_member(at, key);

	if (!v)
		return NULL;
	if (v->type != SF_JSON_BOOL)
		return sf_spot_wrong(at, key, "true or false");
	*ret = v->value.boolean;
	return NULL;
}

static struct sf_error *below(const struct sf_spot *at, const char *key, enum sf_need need, enum sf_json_type type,
			      const char *wanted, struct sf_spot *ret)
{
	const struct sf_json_node *v = sf_spot_member(at, key);

	*ret = (struct sf_spot){ .up = at, .key = key, .json = v, .arena = at->arena };
	if (v ? v->type == type : need == SF_OPTIONAL)
		return NULL;
	return sf_spot_wrong(at, key, wanted);
}

struct sf_error *sf_spot_list(const struct sf_spot *at, const char *key, enum sf_need need, struct sf_spot *ret)
{
	return below(at, key, need, SF_JSON_ARRAY, "a list", ret);
}

struct sf_error *sf_spot_below(const struct sf_spot *at, const char *key, enum sf_need need, struct sf_spot *ret)
{
	return below(at, key, need, SF_JSON_OBJECT, "an object", ret);
}

struct sf_error *sf_spot_u64s(const struct sf_spot *at, const char *key, const uint64_t **ret, size_t *ret_n)
{
	struct sf_spot list, e;
	uint64_t *v;

	SF_TRY(sf_spot_list(at, key, SF_OPTIONAL, &list));
	if (!list.json || !list.json->n)
		return NULL;
	v = sf_arena_alloc(at->arena, list.json->n * sizeof(*v));
	if (!v)
		return sf_error_nomem();
	sf_spot_each(e, &list) {
		if (e.json->type != SF_JSON_UINT)
			return sf_spot_wrong(&e, NULL, "an unsigned integer");
		v[e.index] = e.json->value.u64;
	}
	*ret = v;
	*ret_n = list.json->n;
	return NULL;
}

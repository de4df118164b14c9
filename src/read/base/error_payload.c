/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error_private.h"

#include "base/json.h"

/*
 * Everything that copies, compares, hashes, stores or reads back a payload goes through one table
 * of its members, so that a new member cannot be forgotten in one of them. The sum of the members'
 * sizes is checked against the struct.
 */

typedef struct sf_error_payload payload_t;

enum member_kind {
	MEMBER_STR, /* const char * */
	MEMBER_U64,
	MEMBER_I64,
	MEMBER_BOOL,
	MEMBER_STATS,	 /* enum sf_missing_stats, as a word */
	MEMBER_STRV,	 /* struct sf_strv */
	MEMBER_U64S,	 /* array and, in another member, its length */
	MEMBER_EXCLUDED, /* the same of struct sf_excluded_map */
};

/* X(kind, JSON key, member, member with the length) */
#define PAYLOAD_MEMBERS(X)                                           \
	X(STR, "requested", requested, requested)                    \
	X(STR, "walked", walked, walked)                             \
	X(STR, "component", component, component)                    \
	X(STR, "kind", kind, kind)                                   \
	X(STR, "expected", expected, expected)                       \
	X(STR, "actual", actual, actual)                             \
	X(STR, "map", map, map)                                      \
	X(STR, "op", op, op)                                         \
	X(STR, "side", side, side)                                   \
	X(STR, "tag", tag, tag)                                      \
	X(STR, "reason", reason, reason)                             \
	X(STR, "active_obj", active_obj, active_obj)                 \
	X(U64, "index", index, index)                                \
	X(U64, "len", len, len)                                      \
	X(U64, "cpu", cpu, cpu)                                      \
	X(U64, "phase", phase, phase)                                \
	X(U64, "addr", addr, addr)                                   \
	X(U64, "column", column, column)                             \
	X(I64, "errno", err_no, err_no)                              \
	X(BOOL, "unmapped", unmapped, unmapped)                      \
	X(STRV, "available", available, available)                   \
	X(STRV, "found_in", found_in, found_in)                      \
	X(STRV, "available_keys", available_keys, available_keys)    \
	X(EXCLUDED, "excluded_maps", excluded_maps, n_excluded_maps) \
	X(U64S, "whitelist_kvas", whitelist_kvas, n_whitelist_kvas)  \
	X(U64S, "pinned_kvas", pinned_kvas, n_pinned_kvas)           \
	X(U64S, "sample_kvas", sample_kvas, n_sample_kvas)           \
	X(STATS, "stats", stats.kind, stats.kind)                    \
	X(STR, "stats_text", stats.text, stats.text)                 \
	X(I64, "stats_errno", stats.err_no, stats.err_no)            \
	X(U64, "stats_size", stats.size, stats.size)                 \
	X(U64, "stats_max", stats.max, stats.max)

struct member {
	const char *key;
	enum member_kind kind;
	uint16_t at, len_at;
};

#define ROW(k, json, member, length)         \
	{ .key = json,                       \
	  .kind = MEMBER_##k,                \
	  .at = offsetof(payload_t, member), \
	  .len_at = offsetof(payload_t, length) },
static const struct member members[] = { PAYLOAD_MEMBERS(ROW) };

/* Every member is a multiple of eight bytes, or followed by padding up to one. */
#define WORDS_OF(x) ((sizeof(((payload_t *)0)->x) + 7) / 8)
#define WORDS(k, json, member, length)                                                    \
	+WORDS_OF(member) + (MEMBER_##k == MEMBER_U64S || MEMBER_##k == MEMBER_EXCLUDED ? \
				     WORDS_OF(length) :                                   \
				     0)
_Static_assert((WORDS_OF(code) PAYLOAD_MEMBERS(WORDS) + WORDS_OF(reserved)) * 8 ==
		       sizeof(payload_t),
	       "a member of struct sf_error_payload is not in PAYLOAD_MEMBERS");

#define MEMBER(type, payload, offset) ((type *)((char *)(payload) + (offset)))
#define CONST_MEMBER(type, payload, offset) ((const type *)((const char *)(payload) + (offset)))

static const char *const stats_names[] = {
	[SF_STATS_NO_SCHEDULER_BINARY] = "NoSchedulerBinary",
	[SF_STATS_NO_SCHEDULER] = "NoScheduler",
	[SF_STATS_DURING_FREEZE] = "DuringFreeze",
	[SF_STATS_CANCELLED] = "Cancelled",
	[SF_STATS_SCHEDULER_ERROR] = "SchedulerError",
	[SF_STATS_MISSING_RESP] = "MissingResp",
	[SF_STATS_REQUEST_TOO_LARGE] = "RequestTooLarge",
	[SF_STATS_RESPONSE_TOO_LARGE] = "ResponseTooLarge",
	[SF_STATS_MUTEX_POISONED] = "MutexPoisoned",
};

const char *sf_missing_stats_name(enum sf_missing_stats kind)
{
	return kind > 0 && (size_t)kind < ARRAY_SIZE(stats_names) ? stats_names[kind] : NULL;
}

static const char *str_of(const payload_t *p, const struct member *m)
{
	return *(const char *const *)((const char *)p + m->at);
}

/* An array member that a filler had no memory for is empty, whatever its length says. */
static size_t array_of(const payload_t *p, const struct member *m, const void **ret)
{
	memcpy(ret, (const char *)p + m->at, sizeof(*ret));
	return *ret ? *CONST_MEMBER(size_t, p, m->len_at) : 0;
}

static void set_array(payload_t *p, const struct member *m, const void *array, size_t n)
{
	memcpy((char *)p + m->at, &array, sizeof(array));
	*MEMBER(size_t, p, m->len_at) = array ? n : 0;
}

/* ---- copy ---- */

static struct sf_excluded_map *excluded_copy(struct sf_error *err,
					     const struct sf_excluded_map *from, size_t n)
{
	struct sf_excluded_map *copy = n ? sf_error_alloc(err, n > PTRDIFF_MAX / sizeof(*from) ?
								       SIZE_MAX :
								       n * sizeof(*from)) :
					   NULL;

	for (size_t i = 0; copy && i < n; i++) {
		copy[i].map_kva = from[i].map_kva;
		copy[i].name = sf_error_str(err, from[i].name ? from[i].name : "");
	}
	return copy;
}

void sf_error_payload_copy(struct sf_error *err, const payload_t *from)
{
	payload_t *to = &err->payload;

	for (const struct member *m = members; m < members + ARRAY_SIZE(members); m++) {
		const void *array;
		size_t n;

		switch (m->kind) {
		case MEMBER_STR:
			*MEMBER(const char *, to, m->at) = sf_error_str(err, str_of(from, m));
			break;
		case MEMBER_U64:
		case MEMBER_I64:
			*MEMBER(uint64_t, to, m->at) = *CONST_MEMBER(uint64_t, from, m->at);
			break;
		case MEMBER_BOOL:
			*MEMBER(bool, to, m->at) = *CONST_MEMBER(bool, from, m->at);
			break;
		case MEMBER_STATS:
			*MEMBER(enum sf_missing_stats, to, m->at) =
				*CONST_MEMBER(enum sf_missing_stats, from, m->at);
			break;
		case MEMBER_STRV:
			sf_error_strv(err, MEMBER(struct sf_strv, to, m->at),
				      CONST_MEMBER(struct sf_strv, from, m->at)->v,
				      CONST_MEMBER(struct sf_strv, from, m->at)->n);
			break;
		case MEMBER_U64S:
			n = array_of(from, m, &array);
			set_array(to, m, sf_error_u64s(err, array, n), n);
			break;
		case MEMBER_EXCLUDED:
			n = array_of(from, m, &array);
			set_array(to, m, excluded_copy(err, array, n), n);
			break;
		}
	}
}

/* ---- equality ---- */

static bool str_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool excluded_equal(const struct sf_excluded_map *a, const struct sf_excluded_map *b,
			   size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].map_kva != b[i].map_kva || !str_equal(a[i].name, b[i].name))
			return false;
	return true;
}

static bool strv_equal(const struct sf_strv *a, const struct sf_strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_equal(a->v[i], b->v[i]))
			return false;
	return true;
}

static bool member_equal(const struct member *m, const payload_t *a, const payload_t *b)
{
	const void *in_a, *in_b;
	size_t n;

	switch (m->kind) {
	case MEMBER_STR:
		return str_equal(str_of(a, m), str_of(b, m));
	case MEMBER_U64:
	case MEMBER_I64:
		return *CONST_MEMBER(uint64_t, a, m->at) == *CONST_MEMBER(uint64_t, b, m->at);
	case MEMBER_BOOL:
		return *CONST_MEMBER(bool, a, m->at) == *CONST_MEMBER(bool, b, m->at);
	case MEMBER_STATS:
		return *CONST_MEMBER(enum sf_missing_stats, a, m->at) ==
		       *CONST_MEMBER(enum sf_missing_stats, b, m->at);
	case MEMBER_STRV:
		return strv_equal(CONST_MEMBER(struct sf_strv, a, m->at),
				  CONST_MEMBER(struct sf_strv, b, m->at));
	case MEMBER_U64S:
		n = array_of(a, m, &in_a);
		return n == array_of(b, m, &in_b) &&
		       (!n || !memcmp(in_a, in_b, n * sizeof(uint64_t)));
	case MEMBER_EXCLUDED:
		n = array_of(a, m, &in_a);
		return n == array_of(b, m, &in_b) && excluded_equal(in_a, in_b, n);
	}
	return false;
}

bool sf_error_equal(struct sf_error *a, struct sf_error *b)
{
	if (a == b || sf_error_code(a) != sf_error_code(b))
		return a == b;
	if (!a || !b)
		return false;
	const payload_t *in_a = sf_error_payload(a), *in_b = sf_error_payload(b);

	if (!in_a || !in_b)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!member_equal(&members[i], in_a, in_b))
			return false;
	return true;
}

/* ---- hash ---- */

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

/* A NULL is not an empty string: one hashes its terminator, the other nothing but its place. */
static uint64_t mix_str(uint64_t h, const char *text)
{
	return text ? mix(h, text, strlen(text) + 1) : h;
}

static uint64_t mix_member(uint64_t h, const struct member *m, const payload_t *p)
{
	const struct sf_strv *strv = CONST_MEMBER(struct sf_strv, p, m->at);
	const struct sf_excluded_map *maps;
	const void *array;
	size_t n;

	switch (m->kind) {
	case MEMBER_STR:
		return mix_str(h, str_of(p, m));
	case MEMBER_U64:
	case MEMBER_I64:
		return mix(h, CONST_MEMBER(uint64_t, p, m->at), sizeof(uint64_t));
	case MEMBER_BOOL:
		return mix(h, CONST_MEMBER(bool, p, m->at), sizeof(bool));
	case MEMBER_STATS:
		return mix(h, CONST_MEMBER(enum sf_missing_stats, p, m->at),
			   sizeof(enum sf_missing_stats));
	case MEMBER_STRV:
		for (size_t i = 0; i < strv->n; i++)
			h = mix_str(h, strv->v[i]);
		return h;
	case MEMBER_U64S:
		n = array_of(p, m, &array);
		return n ? mix(h, array, n * sizeof(uint64_t)) : h;
	case MEMBER_EXCLUDED:
		n = array_of(p, m, &array);
		maps = array;
		for (size_t i = 0; i < n; i++)
			h = mix(mix_str(h, maps[i].name), &maps[i].map_kva, sizeof(uint64_t));
		return h;
	}
	return h;
}

uint64_t sf_error_hash(struct sf_error *err)
{
	const payload_t *p = sf_error_payload(err);
	uint32_t code = sf_error_code(err);
	uint64_t h = sf_hash_bytes(&code, sizeof(code));

	for (uint8_t i = 0; p && i < ARRAY_SIZE(members); i++)
		h = mix_member(mix(h, &i, 1), &members[i], p);
	return h;
}

/* ---- to JSON ---- */

static void write_strv(struct sf_json_writer *w, const char *key, const struct sf_strv *strv)
{
	if (!strv->n)
		return;
	sf_json_key(w, key);
	sf_json_begin_array(w);
	for (size_t i = 0; i < strv->n; i++)
		sf_json_str(w, strv->v[i]);
	sf_json_end_array(w);
}

static void write_array(struct sf_json_writer *w, const struct member *m, const payload_t *p)
{
	const void *array;
	size_t n = array_of(p, m, &array);
	const struct sf_excluded_map *maps = array;
	const uint64_t *numbers = array;

	if (!n)
		return;
	sf_json_key(w, m->key);
	sf_json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		if (m->kind == MEMBER_U64S) {
			sf_json_u64(w, numbers[i]);
			continue;
		}
		sf_json_begin_object(w);
		sf_json_key(w, "name");
		sf_json_str(w, maps[i].name);
		sf_json_key(w, "map_kva");
		sf_json_u64(w, maps[i].map_kva);
		sf_json_end_object(w);
	}
	sf_json_end_array(w);
}

/* Members that are NULL, 0, false or empty are left out, and read back as just that. */
static void write_member(struct sf_json_writer *w, const struct member *m, const payload_t *p)
{
	const char *text = NULL;
	uint64_t number = 0;

	switch (m->kind) {
	case MEMBER_STR:
		text = str_of(p, m);
		break;
	case MEMBER_STATS:
		text = sf_missing_stats_name(*CONST_MEMBER(enum sf_missing_stats, p, m->at));
		break;
	case MEMBER_BOOL:
		number = *CONST_MEMBER(bool, p, m->at);
		break;
	case MEMBER_U64:
	case MEMBER_I64:
		number = *CONST_MEMBER(uint64_t, p, m->at);
		break;
	case MEMBER_STRV:
		write_strv(w, m->key, CONST_MEMBER(struct sf_strv, p, m->at));
		return;
	case MEMBER_U64S:
	case MEMBER_EXCLUDED:
		write_array(w, m, p);
		return;
	}
	if (!text && !number)
		return;
	sf_json_key(w, m->key);
	if (text)
		sf_json_str(w, text);
	else if (m->kind == MEMBER_BOOL)
		sf_json_bool(w, true);
	else if (m->kind == MEMBER_I64)
		sf_json_i64(w, (int64_t)number);
	else
		sf_json_u64(w, number);
}

char *sf_error_to_json(struct sf_error *err)
{
	const payload_t *p = sf_error_payload(err);
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	if (err && !p)
		return NULL;
	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_json_begin_object(&w);
	sf_json_key(&w, "code");
	sf_json_u64(&w, sf_error_code(err));
	sf_json_key(&w, "name");
	sf_json_str(&w, sf_error_code_name(sf_error_code(err)));
	for (size_t i = 0; p && i < ARRAY_SIZE(members); i++)
		write_member(&w, &members[i], p);
	sf_json_end_object(&w);
	if (!sf_json_writer_finish(&w)) {
		free(out.text);
		return NULL;
	}
	return out.text;
}

/* ---- from JSON ---- */

static bool read_strv(struct sf_error *err, struct sf_strv *ret, const struct sf_json_node *array)
{
	const char **v = sf_error_alloc(err, array->n * sizeof(*v));
	size_t n = 0;

	if (array->type != SF_JSON_ARRAY)
		return false;
	for (const struct sf_json_node *e = array->value.first; e; e = e->next) {
		if (e->type != SF_JSON_STRING)
			return false;
		if (v)
			v[n++] = sf_error_strn(err, e->value.str, e->str_len);
	}
	if (n)
		*ret = (struct sf_strv){ .v = v, .n = n };
	return true;
}

static bool read_array(struct sf_error *err, const struct member *m,
		       const struct sf_json_node *array)
{
	bool numbers = m->kind == MEMBER_U64S;
	size_t size = numbers ? sizeof(uint64_t) : sizeof(struct sf_excluded_map);
	void *v = sf_error_alloc(err, array->n * size);
	size_t n = 0;

	if (array->type != SF_JSON_ARRAY)
		return false;
	for (const struct sf_json_node *e = array->value.first; e; e = e->next, n++) {
		const struct sf_json_node *name = sf_json_member(e, "name"),
					  *kva = sf_json_member(e, "map_kva");
		const struct sf_json_node *number = numbers ? e : kva;

		if (!number || number->type != SF_JSON_UINT)
			return false;
		if (!numbers && (e->n != 2 || !name || name->type != SF_JSON_STRING))
			return false;
		if (v && numbers)
			((uint64_t *)v)[n] = number->value.u64;
		else if (v)
			((struct sf_excluded_map *)v)[n] = (struct sf_excluded_map){
				.name = sf_error_strn(err, name->value.str, name->str_len),
				.map_kva = number->value.u64,
			};
	}
	set_array(&err->payload, m, n ? v : NULL, n);
	return true;
}

/* False where @node is of another type than @m. */
static bool read_member(struct sf_error *err, const struct member *m,
			const struct sf_json_node *node)
{
	payload_t *p = &err->payload;

	switch (m->kind) {
	case MEMBER_STR:
		if (node->type != SF_JSON_STRING)
			return false;
		*MEMBER(const char *, p, m->at) =
			sf_error_strn(err, node->value.str, node->str_len);
		return true;
	case MEMBER_STATS:
		for (size_t i = 1; i < ARRAY_SIZE(stats_names) && node->type == SF_JSON_STRING; i++)
			if (!strcmp(stats_names[i], node->value.str))
				*MEMBER(enum sf_missing_stats, p, m->at) = (enum sf_missing_stats)i;
		return *MEMBER(enum sf_missing_stats, p, m->at) != 0;
	case MEMBER_BOOL:
		*MEMBER(bool, p, m->at) = node->type == SF_JSON_BOOL && node->value.boolean;
		return node->type == SF_JSON_BOOL;
	case MEMBER_I64:
		if (node->type == SF_JSON_UINT && node->value.u64 > INT64_MAX)
			return false;
		*MEMBER(int64_t, p, m->at) = node->value.i64;
		return node->type == SF_JSON_INT || node->type == SF_JSON_UINT;
	case MEMBER_U64:
		*MEMBER(uint64_t, p, m->at) = node->value.u64;
		return node->type == SF_JSON_UINT;
	case MEMBER_STRV:
		return read_strv(err, MEMBER(struct sf_strv, p, m->at), node);
	case MEMBER_U64S:
	case MEMBER_EXCLUDED:
		return read_array(err, m, node);
	}
	return false;
}

/* False where @root is not the JSON of an error. */
static bool read_code(const struct sf_json_node *root, enum sf_code *ret)
{
	const struct sf_json_node *code = sf_json_member(root, "code");
	const char *name = sf_json_member_str(root, "name", NULL);

	if (!code || code->type != SF_JSON_UINT || code->value.u64 > INT32_MAX || !name)
		return false;
	*ret = (enum sf_code)code->value.u64;
	return !strcmp(sf_error_code_name(*ret), name) && strcmp(name, "Unknown") != 0;
}

static bool is_key(const struct sf_json_node *node, const char *key)
{
	return node->key_len == strlen(key) && !memcmp(node->key, key, node->key_len);
}

/* The first member of @root that an error does not have, NULL if none. */
static const char *unknown_key(const struct sf_json_node *root)
{
	for (const struct sf_json_node *node = root->value.first; node; node = node->next) {
		size_t i = 0;

		if (is_key(node, "code") || is_key(node, "name"))
			continue;
		while (i < ARRAY_SIZE(members) && !is_key(node, members[i].key))
			i++;
		if (i == ARRAY_SIZE(members))
			return node->key;
	}
	return NULL;
}

struct sf_error *sf_error_from_json(const char *text, size_t len, struct sf_error **ret)
{
	_cleanup_json_ struct sf_json *json = NULL;
	SF_OWNED(error) err = NULL;
	enum sf_code code;

	SF_TRY(sf_json_read(text, len, &json));
	const struct sf_json_node *root = sf_json_root(json);

	if (!read_code(root, &code))
		return sf_error_new(SF_BAD_INPUT,
				    "JSON of an error: no 'code' and 'name' that belong together");
	const char *unknown = unknown_key(root);

	if (unknown)
		return sf_error_new(SF_BAD_INPUT, "JSON of an error: unknown member '%s'", unknown);
	if (code == SF_OK) {
		*ret = NULL;
		return NULL;
	}
	err = sf_error_bare(code);
	for (const struct member *m = members; m < members + ARRAY_SIZE(members); m++) {
		const struct sf_json_node *node = sf_json_member(root, m->key);

		if (node && !read_member(err, m, node))
			return sf_error_new(SF_BAD_INPUT, "JSON of an error: member '%s' is of "
							  "another type", m->key);
	}
	if (err->lost || sf_error_is_static(err))
		return sf_error_nomem();
	*ret = steal_ptr(&err);
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value as JSON: an object whose "kind" says which other keys it has. docs/values.md lists them.
 *
 * The same code makes plans (json_plan.h): with a maker, nothing is read, and where something would have been read the
 * maker is told.
 */

#include "json_plan.h"
#include "value_json.h"

struct put {
	struct sf_walk *w;
	struct sf_json_writer *json;
	struct sf_plan_maker *maker; /* NULL: a value is shown */
};

static void put_value(const struct put *p, const struct sf_node *n);

static void kind(struct sf_json_writer *json, enum sf_kind k)
{
	sf_json_begin_object(json);
	sf_json_key(json, "kind");
	sf_json_str(json, sf_kind_name(k));
}

static void key_u64(struct sf_json_writer *json, const char *key, uint64_t v)
{
	sf_json_key(json, key);
	sf_json_u64(json, v);
}

static void put_unsupported(struct sf_json_writer *json, const char *reason)
{
	kind(json, SF_UNSUPPORTED);
	sf_json_key(json, "reason");
	sf_json_str(json, reason);
	sf_json_end_object(json);
}

static void put_trouble(struct sf_json_writer *json, const struct sf_trouble *why)
{
	char text[96];

	sf_trouble_text(why, text, sizeof(text));
	put_unsupported(json, text);
}

/* ---- scalars ------------------------------------------------------------------------------------------------ */

static char *append(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}
#define APPEND(to, literal) append(to, literal, sizeof(literal) - 1)

#define HEAD_MAX 64
/* What comes before the value of what most of a large map is made of; "}" comes behind it. 0: it is something else. */
static size_t plain_head(char head[HEAD_MAX], const struct sf_scalar *s)
{
	char *p = head;

	switch (s->kind) {
	case SF_UINT:
		p = sf_json_text_u64(APPEND(p, "{\"kind\":\"uint\",\"bits\":"), s->bits);
		p = APPEND(p, ",\"value\":");
		break;
	case SF_INT:
		p = sf_json_text_u64(APPEND(p, "{\"kind\":\"int\",\"bits\":"), s->bits);
		p = APPEND(p, ",\"value\":");
		break;
	case SF_CHAR:
		p = APPEND(p, "{\"kind\":\"char\",\"value\":");
		break;
	case SF_BOOL:
		p = APPEND(p, "{\"kind\":\"bool\",\"value\":");
		break;
	default:
		break;
	}
	return (size_t)(p - head);
}

static bool put_plain(const struct put *p, const struct sf_node *n, const struct sf_scalar *s)
{
	char text[HEAD_MAX + SF_JSON_NUMBER], *end;
	size_t len = plain_head(text, s);

	if (!len)
		return false;
	if (p->maker) {
		sf_json_raw(p->json, text, len);
		sf_plan_number(p->maker, n, s);
		sf_plan_text(p->maker, "}", 1);
		return true;
	}
	end = text + len;
	if (s->kind == SF_BOOL)
		end = s->u64 ? APPEND(end, "true") : APPEND(end, "false");
	else if (s->kind == SF_INT)
		end = sf_json_text_i64(end, s->i64);
	else
		end = sf_json_text_u64(end, s->u64);
	*end++ = '}';
	sf_json_raw(p->json, text, (size_t)(end - text));
	return true;
}

static void put_number(const struct put *p, const struct sf_node *n, const struct sf_scalar *s)
{
	if (p->maker) {
		sf_json_raw(p->json, "", 0);
		sf_plan_number(p->maker, n, s);
	} else if (s->kind == SF_FLOAT) {
		sf_json_f64(p->json, s->f64);
	} else if (s->kind == SF_ENUM && s->is_signed) {
		sf_json_i64(p->json, s->i64);
	} else if (s->kind == SF_ENUM) {
		sf_json_u64(p->json, (uint64_t)s->i64);
	} else {
		sf_json_u64(p->json, s->u64);
	}
}

static void put_variant(const struct put *p, const struct sf_node *n, const struct sf_scalar *s)
{
	if (!p->maker) {
		sf_json_str(p->json, s->variant);
		return;
	}
	sf_json_raw(p->json, "", 0);
	sf_plan_variant(p->maker, n, s);
}

/* @s: what @n is, or one like it. */
static void put_scalar(const struct put *p, const struct sf_node *n, const struct sf_scalar *s)
{
	const char *name;

	if (put_plain(p, n, s))
		return;
	kind(p->json, s->kind);
	key_u64(p->json, "bits", s->bits);
	sf_json_key(p->json, "value");
	put_number(p, n, s);
	if (s->kind == SF_ENUM) {
		sf_json_key(p->json, "variant");
		put_variant(p, n, s);
		sf_json_key(p->json, "is_signed");
		sf_json_bool(p->json, s->is_signed);
		name = sf_node_type_name(n);
		if (name) {
			sf_json_key(p->json, "type_name");
			sf_json_str(p->json, name);
		}
	}
	sf_json_end_object(p->json);
}

static void put_scalar_node(const struct put *p, const struct sf_node *n)
{
	struct sf_trouble why;
	struct sf_scalar s;

	if (p->maker) {
		if (sf_plan_shape(p->maker, n, &s))
			put_scalar(p, n, &s);
	} else if (sf_node_scalar(n, &s, &why) == SF_STEP_OK) {
		put_scalar(p, n, &s);
	} else {
		put_trouble(p->json, &why);
	}
}

static void put_target(const struct put *p, const struct sf_node *n)
{
	struct sf_node target;
	const char *why;

	if (sf_walk_follow(p->w, n, &target, &why)) {
		sf_json_key(p->json, "deref");
		p->w->hops++;
		put_value(p, &target);
		p->w->hops--;
	} else if (why) {
		sf_json_put_str(p->json, "deref_skipped_reason", why);
	}
}

static void put_ptr(const struct put *p, const struct sf_node *n)
{
	struct sf_scalar s = { 0 };
	struct sf_trouble trouble;

	if (p->maker) {
		/* What follows is NULL; another pointer is shown as one. */
		sf_plan_pointer(p->maker, n);
	} else if (sf_node_scalar(n, &s, &trouble) != SF_STEP_OK) {
		put_trouble(p->json, &trouble);
		return;
	}
	kind(p->json, SF_PTR);
	key_u64(p->json, "value", s.u64);
	if (sf_node_note(n))
		sf_json_put_str(p->json, "cast_annotation", sf_node_note(n));
	if (!p->maker)
		put_target(p, n);
	sf_json_end_object(p->json);
	if (p->maker)
		sf_plan_pointer_end(p->maker);
}

/* ---- what has parts ----------------------------------------------------------------------------------------- */

static void put_struct(const struct put *p, const struct sf_node *n)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	kind(p->json, SF_STRUCT);
	sf_json_put_str(p->json, "type_name", sf_node_type_name(n));
	sf_json_key(p->json, "members");
	sf_json_begin_array(p->json);
	while (!p->json->failed && sf_walk_member(p->w, n, &it, &name, &member)) {
		sf_json_begin_object(p->json);
		sf_json_put_str(p->json, "name", name);
		sf_json_key(p->json, "value");
		put_value(p, &member);
		sf_json_end_object(p->json);
	}
	sf_json_end_array(p->json);
	sf_json_end_object(p->json);
}

static void put_elements(const struct put *p, const struct sf_node *n, uint64_t shown)
{
	bool singly = p->w->depth > p->w->opt.max_depth;
	struct sf_scalar run[SF_CHUNK];
	struct sf_node elem;

	for (uint64_t i = 0; i < shown && p->w->left && !p->json->failed;) {
		size_t count = (size_t)sf_min((uint64_t)SF_CHUNK, shown - i);

		if (!singly && p->w->left > count) {
			enum sf_step step = sf_node_scalars(n, i, run, &count);

			singly = step == SF_STEP_NONE;
			if (step == SF_STEP_OK && sf_node_index(n, i, &elem) == SF_STEP_OK) {
				for (size_t k = 0; k < count; k++)
					put_scalar(p, &elem, &run[k]);
				sf_walk_charge(p->w, count);
				i += count;
				continue;
			}
		}
		if (sf_node_index(n, i++, &elem) != SF_STEP_OK)
			break;
		put_value(p, &elem);
	}
}

/* One of them stands for all. */
static void plan_elements(const struct put *p, const struct sf_node *n, uint64_t shown)
{
	uint64_t before = p->w->left, each;
	struct sf_node elem;

	if (!shown || !sf_plan_loop(p->maker, n, shown, &elem))
		return;
	put_value(p, &elem);
	sf_plan_loop_end(p->maker);
	each = before - p->w->left;
	sf_walk_charge(p->w, each && shown - 1 > UINT64_MAX / each ? UINT64_MAX : each * (shown - 1));
}

static void put_array(const struct put *p, const struct sf_node *n)
{
	uint64_t len, shown = sf_walk_shown(p->w, n, &len);

	kind(p->json, SF_ARRAY);
	key_u64(p->json, "len", len);
	sf_json_key(p->json, "elements");
	sf_json_begin_array(p->json);
	if (p->maker)
		plan_elements(p, n, shown);
	else
		put_elements(p, n, shown);
	sf_json_end_array(p->json);
	sf_json_end_object(p->json);
}

static void put_truncated(const struct put *p, const struct sf_node *n)
{
	uint64_t needed, had;
	struct sf_node inner;

	if (sf_node_partial(n, &inner, &needed, &had) != SF_STEP_OK) {
		put_unsupported(p->json, "cut short");
		return;
	}
	kind(p->json, SF_TRUNCATED);
	key_u64(p->json, "needed", needed);
	key_u64(p->json, "had", had);
	sf_json_key(p->json, "partial");
	put_value(p, &inner);
	sf_json_end_object(p->json);
}

static void put_cpus(const struct put *p, const struct sf_node *n)
{
	_cleanup_text_ struct sf_text cpus = { 0 };
	struct sf_json_writer *json = p->json;
	struct sf_trouble why;

	if (!sf_walk_cpus(n, &cpus, &why)) {
		if (why.fault)
			put_trouble(json, &why);
		else
			put_unsupported(json, "no memory to show it");
		return;
	}
	kind(json, SF_CPU_LIST);
	sf_json_key(json, "cpus");
	sf_json_strn(json, cpus.v ? cpus.v : "", cpus.n);
	sf_json_end_object(json);
}

static bool hex_text(const struct sf_node *n, uint64_t shown, struct sf_text *ret, struct sf_trouble *why)
{
	static const char digits[] = "0123456789abcdef";
	char text[3 * 256];
	uint8_t raw[256];

	for (uint64_t off = 0; off < shown;) {
		size_t len = (size_t)sf_min((uint64_t)sizeof(raw), shown - off), at = 0;

		if (sf_node_bytes(n, off, raw, &len, why) != SF_STEP_OK || !len)
			return false;
		for (size_t i = 0; i < len; i++) {
			if (off + i)
				text[at++] = ' ';
			text[at++] = digits[raw[i] >> 4];
			text[at++] = digits[raw[i] & 15];
		}
		sf_text_putn(ret, text, at);
		off += len;
	}
	return !ret->failed;
}

static void put_bytes(const struct put *p, const struct sf_node *n)
{
	_cleanup_text_ struct sf_text hex = { 0 };
	uint64_t present, len = sf_node_len(n, &present), shown = sf_min(present, (uint64_t)p->w->opt.max_bytes);
	struct sf_json_writer *json = p->json;
	struct sf_trouble why = { 0 };

	if (!hex_text(n, shown, &hex, &why)) {
		if (why.fault)
			put_trouble(json, &why);
		else
			put_unsupported(json, "no memory to show it");
		return;
	}
	kind(json, SF_BYTES);
	if (shown < len)
		key_u64(json, "len", len);
	sf_json_key(json, "hex");
	sf_json_strn(json, hex.v ? hex.v : "", hex.n);
	sf_json_end_object(json);
}

/* ---- any ---------------------------------------------------------------------------------------------------- */

static void put_body(const struct put *p, const struct sf_node *n)
{
	enum sf_kind k = sf_node_kind(n);
	const char *note;

	if (p->maker && (k == SF_CPU_LIST || k == SF_BYTES || k == SF_TRUNCATED)) {
		sf_plan_node(p->maker, n);
		return;
	}
	switch (k) {
	case SF_STRUCT:
		put_struct(p, n);
		break;
	case SF_ARRAY:
		put_array(p, n);
		break;
	case SF_PTR:
		put_ptr(p, n);
		break;
	case SF_CPU_LIST:
		put_cpus(p, n);
		break;
	case SF_BYTES:
		put_bytes(p, n);
		break;
	case SF_TRUNCATED:
		put_truncated(p, n);
		break;
	case SF_UNSUPPORTED:
		note = sf_node_note(n);
		put_unsupported(p->json, note ? note : "no reason was recorded");
		break;
	default:
		put_scalar_node(p, n);
	}
}

static void put_value(const struct put *p, const struct sf_node *n)
{
	const char *stop;

	if (p->maker)
		sf_plan_enter(p->maker);
	stop = sf_walk_enter(p->w, n);
	if (stop) {
		if (p->maker)
			sf_plan_fail(p->maker);
		put_unsupported(p->json, stop);
		return;
	}
	put_body(p, n);
	sf_walk_leave(p->w);
}

void sf_value_json(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	sf_walk_begin(w, 1);
	put_value(&(struct put){ .w = w, .json = json }, n);
}

void sf_value_json_inside(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	put_value(&(struct put){ .w = w, .json = json }, n);
}

void sf_value_json_plan(struct sf_plan_maker *maker, struct sf_walk *w, const struct sf_node *n,
			struct sf_json_writer *json)
{
	sf_walk_begin(w, 1);
	put_value(&(struct put){ .w = w, .json = json, .maker = maker }, n);
}

void sf_render_value_json(const struct sf_node *n, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_walk w;

	sf_walk_init(&w, opt);
	sf_value_json(&w, n, json);
}

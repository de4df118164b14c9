/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value as JSON: an object whose "kind" says which other keys it has. docs/values.md lists them.
 */

#include "value_json.h"

static void put_value(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json);

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

static char *append_u64(char *to, uint64_t v)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*to++ = digits[--n];
	return to;
}

/* What most of a large map is made of, in one piece. */
static bool put_plain(struct sf_json_writer *json, const struct sf_scalar *s)
{
	char buf[96], *p = buf;

	switch (s->kind) {
	case SF_UINT:
		p = append_u64(APPEND(p, "{\"kind\":\"uint\",\"bits\":"), s->bits);
		p = append_u64(APPEND(p, ",\"value\":"), s->u64);
		break;
	case SF_INT:
		p = append_u64(APPEND(p, "{\"kind\":\"int\",\"bits\":"), s->bits);
		p = APPEND(p, ",\"value\":");
		if (s->i64 < 0)
			*p++ = '-';
		p = append_u64(p, s->i64 < 0 ? -(uint64_t)s->i64 : (uint64_t)s->i64);
		break;
	case SF_CHAR:
		p = append_u64(APPEND(p, "{\"kind\":\"char\",\"value\":"), s->u64);
		break;
	case SF_BOOL:
		p = APPEND(p, "{\"kind\":\"bool\",\"value\":");
		p = s->u64 ? APPEND(p, "true") : APPEND(p, "false");
		break;
	default:
		return false;
	}
	*p++ = '}';
	sf_json_raw(json, buf, (size_t)(p - buf));
	return true;
}

/* @s: what @n is, or one like it. */
static void put_scalar(struct sf_json_writer *json, const struct sf_node *n, const struct sf_scalar *s)
{
	const char *name;

	if (put_plain(json, s))
		return;
	kind(json, s->kind);
	key_u64(json, "bits", s->bits);
	sf_json_key(json, "value");
	if (s->kind == SF_FLOAT) {
		sf_json_f64(json, s->f64);
	} else if (s->kind == SF_ENUM) {
		if (s->is_signed)
			sf_json_i64(json, s->i64);
		else
			sf_json_u64(json, (uint64_t)s->i64);
		sf_json_key(json, "variant");
		sf_json_str(json, s->variant);
		sf_json_key(json, "is_signed");
		sf_json_bool(json, s->is_signed);
		name = sf_node_type_name(n);
		if (name) {
			sf_json_key(json, "type_name");
			sf_json_str(json, name);
		}
	}
	sf_json_end_object(json);
}

static void put_ptr(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	const char *why, *note = sf_node_note(n);
	struct sf_trouble trouble;
	struct sf_node target;
	struct sf_scalar s;

	if (sf_node_scalar(n, &s, &trouble) != SF_STEP_OK) {
		put_trouble(json, &trouble);
		return;
	}
	kind(json, SF_PTR);
	key_u64(json, "value", s.u64);
	if (note) {
		sf_json_key(json, "cast_annotation");
		sf_json_str(json, note);
	}
	if (sf_walk_follow(w, n, &target, &why)) {
		sf_json_key(json, "deref");
		w->hops++;
		put_value(w, &target, json);
		w->hops--;
	} else if (why) {
		sf_json_key(json, "deref_skipped_reason");
		sf_json_str(json, why);
	}
	sf_json_end_object(json);
}

/* ---- what has parts ----------------------------------------------------------------------------------------- */

static void put_struct(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	kind(json, SF_STRUCT);
	sf_json_key(json, "type_name");
	sf_json_str(json, sf_node_type_name(n));
	sf_json_key(json, "members");
	sf_json_begin_array(json);
	while (!json->failed && sf_walk_member(w, n, &it, &name, &member)) {
		sf_json_begin_object(json);
		sf_json_key(json, "name");
		sf_json_str(json, name);
		sf_json_key(json, "value");
		put_value(w, &member, json);
		sf_json_end_object(json);
	}
	sf_json_end_array(json);
	sf_json_end_object(json);
}

static void put_elements(struct sf_walk *w, const struct sf_node *n, uint64_t shown, struct sf_json_writer *json)
{
	bool singly = w->depth > w->opt.max_depth;
	struct sf_scalar run[SF_CHUNK];
	struct sf_node elem;

	for (uint64_t i = 0; i < shown && w->left && !json->failed;) {
		size_t count = (size_t)sf_min((uint64_t)SF_CHUNK, shown - i);

		if (!singly && w->left > count) {
			enum sf_step step = sf_node_scalars(n, i, run, &count);

			singly = step == SF_STEP_NONE;
			if (step == SF_STEP_OK && sf_node_index(n, i, &elem) == SF_STEP_OK) {
				for (size_t k = 0; k < count; k++)
					put_scalar(json, &elem, &run[k]);
				sf_walk_charge(w, count);
				i += count;
				continue;
			}
		}
		if (sf_node_index(n, i++, &elem) != SF_STEP_OK)
			break;
		put_value(w, &elem, json);
	}
}

static void put_array(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	uint64_t len, shown = sf_walk_shown(w, n, &len);

	kind(json, SF_ARRAY);
	key_u64(json, "len", len);
	sf_json_key(json, "elements");
	sf_json_begin_array(json);
	put_elements(w, n, shown, json);
	sf_json_end_array(json);
	sf_json_end_object(json);
}

static void put_truncated(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	uint64_t needed, had;
	struct sf_node inner;

	if (sf_node_partial(n, &inner, &needed, &had) != SF_STEP_OK) {
		put_unsupported(json, "cut short");
		return;
	}
	kind(json, SF_TRUNCATED);
	key_u64(json, "needed", needed);
	key_u64(json, "had", had);
	sf_json_key(json, "partial");
	put_value(w, &inner, json);
	sf_json_end_object(json);
}

static void put_cpus(const struct sf_node *n, struct sf_json_writer *json)
{
	_cleanup_text_ struct sf_text cpus = { 0 };
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

static void put_bytes(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	_cleanup_text_ struct sf_text hex = { 0 };
	uint64_t present, len = sf_node_len(n, &present), shown = sf_min(present, (uint64_t)w->opt.max_bytes);
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

static void put_body(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	const char *note;
	struct sf_trouble why;
	struct sf_scalar s;

	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		put_struct(w, n, json);
		break;
	case SF_ARRAY:
		put_array(w, n, json);
		break;
	case SF_PTR:
		put_ptr(w, n, json);
		break;
	case SF_CPU_LIST:
		put_cpus(n, json);
		break;
	case SF_BYTES:
		put_bytes(w, n, json);
		break;
	case SF_TRUNCATED:
		put_truncated(w, n, json);
		break;
	case SF_UNSUPPORTED:
		note = sf_node_note(n);
		put_unsupported(json, note ? note : "no reason was recorded");
		break;
	default:
		if (sf_node_scalar(n, &s, &why) == SF_STEP_OK)
			put_scalar(json, n, &s);
		else
			put_trouble(json, &why);
	}
}

static void put_value(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	const char *stop = sf_walk_enter(w, n);

	if (stop) {
		put_unsupported(json, stop);
		return;
	}
	put_body(w, n, json);
	sf_walk_leave(w);
}

void sf_value_json(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	sf_walk_begin(w, 1);
	put_value(w, n, json);
}

void sf_render_value_json(const struct sf_node *n, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_walk w;

	sf_walk_init(&w, opt);
	sf_value_json(&w, n, json);
}

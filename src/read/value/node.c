/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be said of any node whichever backend it has: the table of conversions, following pointers, CPU lists.
 */

#include "value/node.h"

static const struct {
	const char *json, *label;
} kinds[] = {
	[SF_INT] = { "int", "Int" },
	[SF_UINT] = { "uint", "Uint" },
	[SF_BOOL] = { "bool", "Bool" },
	[SF_CHAR] = { "char", "Char" },
	[SF_FLOAT] = { "float", "Float" },
	[SF_ENUM] = { "enum", "Enum" },
	[SF_STRUCT] = { "struct", "Struct" },
	[SF_ARRAY] = { "array", "Array" },
	[SF_CPU_LIST] = { "cpu_list", "CpuList" },
	[SF_PTR] = { "ptr", "Ptr" },
	[SF_BYTES] = { "bytes", "Bytes" },
	[SF_TRUNCATED] = { "truncated", "Truncated" },
	[SF_UNSUPPORTED] = { "unsupported", "Unsupported" },
};

const char *sf_kind_name(enum sf_kind kind)
{
	return (size_t)kind < ARRAY_SIZE(kinds) && kinds[kind].json ? kinds[kind].json : "unknown";
}

const char *sf_kind_label(enum sf_kind kind)
{
	return (size_t)kind < ARRAY_SIZE(kinds) && kinds[kind].label ? kinds[kind].label : "Unknown";
}

/* ---- conversions ------------------------------------------------------------------------------------ */

const char *sf_scalar_as_u64(const struct sf_scalar *s, uint64_t *ret)
{
	switch (s->kind) {
	case SF_INT:
		if (s->i64 < 0)
			return "Int(negative)";
		*ret = (uint64_t)s->i64;
		return NULL;
	case SF_ENUM:
		if (s->is_signed && s->i64 < 0)
			return "Enum(signed-negative)";
		*ret = (uint64_t)s->i64;
		return NULL;
	case SF_UINT:
	case SF_BOOL:
	case SF_CHAR:
	case SF_PTR:
		*ret = s->u64;
		return NULL;
	default:
		return sf_kind_label(s->kind);
	}
}

const char *sf_scalar_as_i64(const struct sf_scalar *s, int64_t *ret)
{
	switch (s->kind) {
	case SF_INT:
	case SF_ENUM:
		*ret = s->i64;
		return NULL;
	case SF_UINT:
		if (s->u64 > INT64_MAX)
			return "Uint(>i64::MAX)";
		*ret = (int64_t)s->u64;
		return NULL;
	case SF_BOOL:
	case SF_CHAR:
		*ret = (int64_t)s->u64;
		return NULL;
	default:
		return sf_kind_label(s->kind);
	}
}

const char *sf_scalar_as_f64(const struct sf_scalar *s, double *ret)
{
	switch (s->kind) {
	case SF_INT:
	case SF_ENUM:
		*ret = (double)s->i64;
		return NULL;
	case SF_UINT:
		*ret = (double)s->u64;
		return NULL;
	case SF_FLOAT:
		*ret = s->f64;
		return NULL;
	default:
		return sf_kind_label(s->kind);
	}
}

const char *sf_scalar_as_bool(const struct sf_scalar *s, bool *ret)
{
	switch (s->kind) {
	case SF_INT:
	case SF_ENUM:
		*ret = s->i64 != 0;
		return NULL;
	case SF_UINT:
	case SF_BOOL:
	case SF_CHAR:
	case SF_PTR:
		*ret = s->u64 != 0;
		return NULL;
	default:
		return sf_kind_label(s->kind);
	}
}

/* A scalar, or the label of what is there instead. */
static const char *scalar_of(const struct sf_node *n, struct sf_scalar *s, struct sf_trouble *why)
{
	*why = (struct sf_trouble){ 0 };
	switch (sf_node_scalar(n, s, why)) {
	case SF_STEP_OK:
		return NULL;
	case SF_STEP_TROUBLE:
		return "Unreadable";
	default:
		return sf_kind_label(sf_node_kind(n));
	}
}

#define SF_DEFINE_NODE_AS(name, type)                                                              \
	const char *sf_node_as_##name(const struct sf_node *n, type *ret, struct sf_trouble *why)    \
	{                                                                                          \
		struct sf_scalar s;                                                                \
		const char *actual = scalar_of(n, &s, why);                                        \
		return actual ? actual : sf_scalar_as_##name(&s, ret);                               \
	}
SF_DEFINE_NODE_AS(u64, uint64_t)
SF_DEFINE_NODE_AS(i64, int64_t)
SF_DEFINE_NODE_AS(f64, double)
SF_DEFINE_NODE_AS(bool, bool)
#undef SF_DEFINE_NODE_AS

const char *sf_node_as_str(const struct sf_node *n, const char **ret, struct sf_trouble *why)
{
	struct sf_scalar s;
	const char *actual = scalar_of(n, &s, why);

	if (actual)
		return actual;
	if (s.kind != SF_ENUM || !s.variant)
		return sf_kind_label(s.kind);
	*ret = s.variant;
	return NULL;
}

/* ---- pointers and masks ------------------------------------------------------------------------------- */

enum sf_step sf_node_peel(const struct sf_node *n, struct sf_node *ret, struct sf_trouble *why)
{
	struct sf_node cur = *n, next;

	for (unsigned int hops = 0; hops < SF_PTR_HOPS && sf_node_kind(&cur) == SF_PTR; hops++) {
		enum sf_step step = sf_node_deref(&cur, &next, NULL, why);

		if (step == SF_STEP_TROUBLE)
			return step;
		if (step == SF_STEP_NONE)
			break;
		cur = next;
	}
	*ret = cur;
	return SF_STEP_OK;
}

enum sf_step sf_node_look_through(const struct sf_node *n, struct sf_node *ret, struct sf_trouble *why)
{
	struct sf_node cur = *n, next, mark = *n;
	uint64_t needed, had;

	*why = (struct sf_trouble){ 0 };
	for (unsigned int i = 1; i <= SF_LOOK_THROUGH; i++) {
		enum sf_step step = sf_node_deref(&cur, &next, NULL, why);

		if (step == SF_STEP_TROUBLE)
			return step;
		if (step != SF_STEP_OK && sf_node_partial(&cur, &next, &needed, &had) != SF_STEP_OK)
			break;
		cur = next;
		/* A circle comes back to a place that was marked, at the latest when its length is a power of two. */
		if (cur.at == mark.at && cur.type == mark.type && cur.ctx == mark.ctx && cur.had == mark.had &&
		    cur.flags == mark.flags)
			break;
		if (!(i & (i - 1)))
			mark = cur;
	}
	*ret = cur;
	return SF_STEP_OK;
}

/* Appends "3" or "3-5"; false when it does not fit. */
static bool put_range(char *buf, size_t size, size_t *at, uint64_t first, uint64_t last)
{
	char item[48];
	int len = first == last ? snprintf(item, sizeof(item), "%s%llu", *at ? "," : "", (unsigned long long)first) :
				  snprintf(item, sizeof(item), "%s%llu-%llu", *at ? "," : "", (unsigned long long)first,
					   (unsigned long long)last);

	if (len < 0 || (size_t)len >= size - *at)
		return false;
	memcpy(buf + *at, item, (size_t)len + 1);
	*at += (size_t)len;
	return true;
}

enum sf_step sf_node_cpu_list(const struct sf_node *n, char *buf, size_t size, struct sf_trouble *why)
{
	uint8_t chunk[512];
	uint64_t first = 0, bit = 0;
	bool in_run = false, fits = true;
	size_t at = 0;

	buf[0] = '\0';
	for (uint64_t off = 0; fits; off += sizeof(chunk)) {
		size_t len = sizeof(chunk);

		if (sf_node_bytes(n, off, chunk, &len, why) == SF_STEP_TROUBLE)
			return SF_STEP_TROUBLE;
		for (size_t i = 0; i < len * 8 && fits; i++, bit++) {
			bool set = chunk[i / 8] >> (i % 8) & 1;

			if (set && !in_run)
				first = bit;
			if (!set && in_run)
				fits = put_range(buf, size, &at, first, bit - 1);
			in_run = set;
		}
		if (len < sizeof(chunk))
			break;
	}
	if (in_run && fits)
		put_range(buf, size, &at, first, bit - 1);
	return SF_STEP_OK;
}

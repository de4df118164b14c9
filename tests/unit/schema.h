/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_SCHEMA_H
#define SF_TESTS_SCHEMA_H

/*
 * As much of JSON Schema as our own schemas use. A keyword that is not known here fails the test: nothing is
 * overlooked silently.
 */

#include <regex.h>

#include "base/json.h"
#include "check.h"

static bool schema_takes(const struct sf_json_node *root, const struct sf_json_node *schema,
			 const struct sf_json_node *v);

static inline bool schema_is_type(const char *type, const struct sf_json_node *v)
{
	static const struct {
		const char *name;
		unsigned int types;
	} names[] = {
		{ "null", 1u << SF_JSON_NULL }, { "boolean", 1u << SF_JSON_BOOL }, { "string", 1u << SF_JSON_STRING },
		{ "integer", 1u << SF_JSON_UINT | 1u << SF_JSON_INT }, { "array", 1u << SF_JSON_ARRAY },
		{ "number", 1u << SF_JSON_UINT | 1u << SF_JSON_INT | 1u << SF_JSON_REAL }, { "object", 1u << SF_JSON_OBJECT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, type))
			return names[i].types & 1u << v->type;
	fail_msg("no type is called %s", type);
	return false;
}

static inline bool schema_same(const struct sf_json_node *a, const struct sf_json_node *b)
{
	if (a->type != b->type)
		return false;
	return a->type == SF_JSON_STRING ? !strcmp(a->value.str, b->value.str) :
	       a->type == SF_JSON_BOOL ? a->value.boolean == b->value.boolean : a->value.u64 == b->value.u64;
}

static inline bool schema_below(const struct sf_json_node *a, const struct sf_json_node *b)
{
	if (a->type != b->type)
		return a->type == SF_JSON_INT;
	return a->type == SF_JSON_INT ? a->value.i64 < b->value.i64 : a->value.u64 < b->value.u64;
}

static inline bool schema_is_integer(const struct sf_json_node *v)
{
	return v->type == SF_JSON_INT || v->type == SF_JSON_UINT;
}

/* How many of the schemas in @list take @v. */
static inline unsigned int schema_count(const struct sf_json_node *root, const struct sf_json_node *list,
					const struct sf_json_node *v)
{
	unsigned int n = 0;

	for (const struct sf_json_node *s = list->value.first; s; s = s->next)
		n += schema_takes(root, s, v);
	return n;
}

static inline bool schema_type(const struct sf_json_node *types, const struct sf_json_node *v)
{
	if (types->type == SF_JSON_STRING)
		return schema_is_type(types->value.str, v);
	for (const struct sf_json_node *t = types->value.first; t; t = t->next)
		if (schema_is_type(t->value.str, v))
			return true;
	return false;
}

static inline bool schema_pattern(const char *pattern, const char *text)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool ret = !regexec(&re, text, 0, NULL, 0);

	regfree(&re);
	return ret;
}

static inline const struct sf_json_node *schema_ref(const struct sf_json_node *root, const char *ref)
{
	const char prefix[] = "#/$defs/";
	const struct sf_json_node *ret;

	assert_int_equal(strncmp(ref, prefix, strlen(prefix)), 0);
	ret = sf_json_member(sf_json_member(root, "$defs"), ref + strlen(prefix));
	if (!ret)
		fail_msg("no definition %s", ref);
	return ret;
}

static inline bool schema_object(const struct sf_json_node *root, const struct sf_json_node *schema,
				 const struct sf_json_node *v)
{
	const struct sf_json_node *properties = sf_json_member(schema, "properties");
	const struct sf_json_node *required = sf_json_member(schema, "required");
	bool more = sf_json_member_bool(schema, "additionalProperties", true);

	if (v->type != SF_JSON_OBJECT)
		return true;
	for (const struct sf_json_node *r = required ? required->value.first : NULL; r; r = r->next)
		if (!sf_json_member(v, r->value.str))
			return false;
	for (const struct sf_json_node *m = v->value.first; m; m = m->next) {
		const struct sf_json_node *p = properties ? sf_json_member(properties, m->key) : NULL;

		if (p ? !schema_takes(root, p, m) : !more)
			return false;
	}
	return true;
}

static inline bool schema_keyword(const struct sf_json_node *root, const struct sf_json_node *k,
				  const struct sf_json_node *v)
{
	static const char *const others[] = { "$schema", "$id", "$defs", "title", "description", "properties", "required",
					      "additionalProperties" };

	if (!strcmp(k->key, "$ref"))
		return schema_takes(root, schema_ref(root, k->value.str), v);
	if (!strcmp(k->key, "type"))
		return schema_type(k, v);
	if (!strcmp(k->key, "const"))
		return schema_same(k, v);
	if (!strcmp(k->key, "enum")) {
		for (const struct sf_json_node *e = k->value.first; e; e = e->next)
			if (schema_same(e, v))
				return true;
		return false;
	}
	if (!strcmp(k->key, "minimum"))
		return !schema_is_integer(v) || !schema_below(v, k);
	if (!strcmp(k->key, "maximum"))
		return !schema_is_integer(v) || !schema_below(k, v);
	if (!strcmp(k->key, "pattern"))
		return v->type != SF_JSON_STRING || schema_pattern(k->value.str, v->value.str);
	if (!strcmp(k->key, "items")) {
		for (const struct sf_json_node *e = v->type == SF_JSON_ARRAY ? v->value.first : NULL; e; e = e->next)
			if (!schema_takes(root, k, e))
				return false;
		return true;
	}
	if (!strcmp(k->key, "anyOf"))
		return schema_count(root, k, v) >= 1;
	if (!strcmp(k->key, "oneOf"))
		return schema_count(root, k, v) == 1;
	if (!strcmp(k->key, "not"))
		return !schema_takes(root, k, v);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(k->key, others[i]))
			return true;
	fail_msg("the schema has a keyword that is not known here: %s", k->key);
	return false;
}

static bool schema_takes(const struct sf_json_node *root, const struct sf_json_node *schema,
			 const struct sf_json_node *v)
{
	for (const struct sf_json_node *k = schema->value.first; k; k = k->next)
		if (!schema_keyword(root, k, v))
			return false;
	return schema_object(root, schema, v);
}

/* @path from the root of the source tree, which the test's own __FILE__ tells. */
static inline struct sf_json *schema_read(const char *test_file, const char *path)
{
	_cleanup_free_ char *dir = strdup(test_file), *file = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	char *slash = strrchr(dir, '/');
	struct sf_json_buffer all = { 0 };
	struct sf_json *ret = NULL;
	char buf[4096];

	if (slash)
		*slash = '\0';
	file = sf_asprintf("%s/../../%s", slash ? dir : ".", path);
	f = fopen(file, "r");
	if (!f)
		fail_msg("%s: cannot be read", file);
	for (size_t n; (n = fread(buf, 1, sizeof(buf), f));)
		assert_true(sf_json_buffer_sink(&all, buf, n));
	assert_ok(sf_json_read(all.text, all.len, &ret));
	free(all.text);
	return ret;
}

#endif

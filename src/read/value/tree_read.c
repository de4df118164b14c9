/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees from JSON. It is nested no deeper than SF_JSON_DEPTH, and so is what walks it here.
 */

#include "tree_private.h"

#define MAX_CPUS (1u << 16)

struct sf_tree {
	struct sf_arena arena;
	struct sf_node root;
};

static struct sf_error *build(const struct sf_spot *at, struct sf_tree_node *node);

/* ---- scalars ------------------------------------------------------------------------------------------------ */

static bool json_i64(const struct sf_json_node *v, int64_t *ret)
{
	if (v && v->type == SF_JSON_INT)
		*ret = v->value.i64;
	else if (v && v->type == SF_JSON_UINT) /* an unsigned enum of 64 bits: the bit pattern */
		*ret = (int64_t)v->value.u64;
	else
		return false;
	return true;
}

static struct sf_error *build_float(const struct sf_spot *at, struct sf_scalar *s)
{
	const struct sf_json_node *v = sf_json_member(at->json, "value");

	if (v && v->type == SF_JSON_REAL)
		s->f64 = v->value.f64;
	else if (v && v->type == SF_JSON_UINT)
		s->f64 = (double)v->value.u64;
	else if (v && v->type == SF_JSON_INT)
		s->f64 = (double)v->value.i64;
	else if (v && v->type == SF_JSON_NULL) /* how JSON says NaN and infinity */
		s->f64 = __builtin_nan("");
	else
		return sf_spot_wrong(at, "value", "a number or null");
	return NULL;
}

static struct sf_error *build_enum(const struct sf_spot *at, struct sf_tree_node *node)
{
	struct sf_scalar *s = &node->scalar;

	SF_TRY(sf_spot_bool(at, "is_signed", &s->is_signed));
	SF_TRY(sf_spot_str(at, "variant", SF_OPTIONAL, &s->variant));
	SF_TRY(sf_spot_str(at, "type_name", SF_OPTIONAL, &node->name));
	return json_i64(sf_json_member(at->json, "value"), &s->i64) ? NULL : sf_spot_wrong(at, "value", "an integer");
}

static struct sf_error *build_int(const struct sf_spot *at, struct sf_scalar *s)
{
	const struct sf_json_node *v = sf_json_member(at->json, "value");

	if (v && v->type == SF_JSON_UINT && v->value.u64 > INT64_MAX)
		return sf_spot_wrong(at, "value", "an integer up to 9223372036854775807");
	return json_i64(v, &s->i64) ? NULL : sf_spot_wrong(at, "value", "an integer");
}

static struct sf_error *build_scalar(const struct sf_spot *at, struct sf_tree_node *node)
{
	struct sf_scalar *s = &node->scalar;
	uint64_t bits = node->kind == SF_CHAR ? 8 : node->kind == SF_BOOL ? 1 : 64;

	s->kind = node->kind;
	SF_TRY(sf_spot_u64(at, "bits", SF_OPTIONAL, 64, &bits));
	if (!bits)
		return sf_spot_wrong(at, "bits", "an integer from 1 to 64");
	s->bits = (uint8_t)bits;
	switch (node->kind) {
	case SF_BOOL:
		if (!sf_spot_member(at, "value"))
			return sf_spot_wrong(at, "value", "true or false");
		bool set = false;

		SF_TRY(sf_spot_bool(at, "value", &set));
		s->u64 = set;
		return NULL;
	case SF_FLOAT:
		return build_float(at, s);
	case SF_INT:
		return build_int(at, s);
	case SF_ENUM:
		return build_enum(at, node);
	default:
		return sf_spot_u64(at, "value", SF_NEEDED, node->kind == SF_CHAR ? UINT8_MAX : UINT64_MAX, &s->u64);
	}
}

/* ---- what has parts ----------------------------------------------------------------------------------------- */

static struct sf_error *build_one(const struct sf_spot *at, const struct sf_tree_node **ret)
{
	struct sf_tree_node *node = sf_arena_alloc(at->arena, sizeof(*node));

	if (!node)
		return sf_error_nomem();
	*ret = node;
	return build(at, node);
}

static struct sf_error *build_ptr(const struct sf_spot *at, struct sf_tree_node *node)
{
	struct sf_spot target;

	SF_TRY(sf_spot_u64(at, "value", SF_NEEDED, UINT64_MAX, &node->ptr.value));
	SF_TRY(sf_spot_str(at, "deref_skipped_reason", SF_OPTIONAL, &node->ptr.skipped));
	SF_TRY(sf_spot_str(at, "cast_annotation", SF_OPTIONAL, &node->ptr.note));
	SF_TRY(sf_spot_below(at, "deref", SF_OPTIONAL, &target));
	return target.json ? build_one(&target, &node->ptr.target) : NULL;
}

static struct sf_error *build_struct(const struct sf_spot *at, struct sf_tree_node *node)
{
	struct sf_spot list, m, value;
	struct sf_tree_node *items;

	SF_TRY(sf_spot_str(at, "type_name", SF_OPTIONAL, &node->name));
	SF_TRY(sf_spot_list(at, "members", SF_NEEDED, &list));
	node->list.n = list.json->n;
	node->list.items = items = sf_arena_alloc(at->arena, list.json->n * sizeof(*items));
	node->list.names = sf_arena_alloc(at->arena, list.json->n * sizeof(*node->list.names));
	if (!items || !node->list.names)
		return sf_error_nomem();
	sf_spot_each(m, &list) {
		SF_TRY(sf_spot_object(&m));
		SF_TRY(sf_spot_str(&m, "name", SF_NEEDED, &node->list.names[m.index]));
		SF_TRY(sf_spot_below(&m, "value", SF_NEEDED, &value));
		SF_TRY(build(&value, &items[m.index]));
	}
	return NULL;
}

static struct sf_error *build_array(const struct sf_spot *at, struct sf_tree_node *node)
{
	struct sf_tree_node *items;
	struct sf_spot list, e;

	SF_TRY(sf_spot_list(at, "elements", SF_NEEDED, &list));
	node->list.n = node->list.len = list.json->n;
	SF_TRY(sf_spot_u64(at, "len", SF_OPTIONAL, UINT64_MAX, &node->list.len));
	if (node->list.len < node->list.n)
		return sf_spot_bad(at, "len", "there are %zu elements, which is more", node->list.n);
	node->list.items = items = sf_arena_alloc(at->arena, list.json->n * sizeof(*items));
	if (!items)
		return sf_error_nomem();
	sf_spot_each(e, &list)
		SF_TRY(build(&e, &items[e.index]));
	return NULL;
}

static struct sf_error *build_truncated(const struct sf_spot *at, struct sf_tree_node *node)
{
	struct sf_spot partial;

	SF_TRY(sf_spot_u64(at, "needed", SF_OPTIONAL, UINT64_MAX, &node->truncated.needed));
	SF_TRY(sf_spot_u64(at, "had", SF_OPTIONAL, UINT64_MAX, &node->truncated.had));
	SF_TRY(sf_spot_below(at, "partial", SF_NEEDED, &partial));
	return build_one(&partial, &node->truncated.inner);
}

/* ---- bytes and masks ---------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "de ad" */
static struct sf_error *read_hex(struct sf_arena *arena, const char *hex, struct sf_tree_node *node, bool *ret_ok)
{
	uint8_t *bytes = sf_arena_alloc(arena, strlen(hex) / 3 + 1);

	*ret_ok = false;
	if (!bytes)
		return sf_error_nomem();
	for (const char *p = hex; *p; p += p[2] ? 3 : 2) {
		int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);

		if (low < 0 || (p[2] && (p[2] != ' ' || !p[3])))
			return NULL;
		bytes[node->bytes.n++] = (uint8_t)(high << 4 | low);
	}
	node->bytes.v = bytes;
	node->bytes.len = node->bytes.n;
	*ret_ok = true;
	return NULL;
}

static struct sf_error *build_bytes(const struct sf_spot *at, struct sf_tree_node *node)
{
	const struct sf_json_node *hex = sf_json_member(at->json, "hex");
	bool ok = false;

	if (hex && hex->type == SF_JSON_STRING && strlen(hex->value.str) == hex->str_len)
		SF_TRY(read_hex(at->arena, hex->value.str, node, &ok));
	if (!ok)
		return sf_spot_wrong(at, "hex", "bytes such as \"de ad\"");
	SF_TRY(sf_spot_u64(at, "len", SF_OPTIONAL, UINT64_MAX, &node->bytes.len));
	if (node->bytes.len < node->bytes.n)
		return sf_spot_bad(at, "len", "there are %zu bytes, which is more", node->bytes.n);
	return NULL;
}

/* A number of decimal digits at *@p, which then is behind it. */
static bool take_cpu(const char **p, uint32_t *ret)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	unsigned long cpu = strtoul(*p, &end, 10);

	*p = end;
	*ret = (uint32_t)cpu;
	return cpu < MAX_CPUS;
}

/* "0-2,5" from *@p on, one range: behind everything before it. */
static bool take_range(const char **p, struct cpu_range *ret)
{
	if (!take_cpu(p, &ret->first))
		return false;
	ret->last = ret->first;
	if (**p == '-') {
		++*p;
		if (!take_cpu(p, &ret->last) || ret->last < ret->first)
			return false;
	}
	return !**p || (**p == ',' && *++*p);
}

static bool read_cpus(const char *p, struct cpu_range *v, size_t *n)
{
	while (*p) {
		struct cpu_range r;

		if (!take_range(&p, &r) || (*n && r.first <= v[*n - 1].last))
			return false;
		if (*n && r.first == v[*n - 1].last + 1)
			v[*n - 1].last = r.last;
		else
			v[(*n)++] = r;
	}
	return true;
}

static struct sf_error *build_cpu_list(const struct sf_spot *at, struct sf_tree_node *node)
{
	const struct sf_json_node *cpus = sf_json_member(at->json, "cpus");
	struct cpu_range *v;

	if (!cpus || cpus->type != SF_JSON_STRING)
		return sf_spot_wrong(at, "cpus", "a list of CPUs such as \"0-2,5\"");
	/* A range takes two characters at least. */
	v = sf_arena_alloc(at->arena, sf_min(cpus->str_len / 2 + 1u, MAX_CPUS) * sizeof(*v));
	if (!v)
		return sf_error_nomem();
	node->cpus.v = v;
	if (strlen(cpus->value.str) == cpus->str_len && read_cpus(cpus->value.str, v, &node->cpus.n))
		return NULL;
	return sf_spot_wrong(at, "cpus", "an ascending list of CPUs such as \"0-2,5\"");
}

/* ---- any ---------------------------------------------------------------------------------------------------- */

static struct sf_error *build_body(const struct sf_spot *at, struct sf_tree_node *node)
{
	switch (node->kind) {
	case SF_STRUCT:
		return build_struct(at, node);
	case SF_ARRAY:
		return build_array(at, node);
	case SF_CPU_LIST:
		return build_cpu_list(at, node);
	case SF_PTR:
		return build_ptr(at, node);
	case SF_BYTES:
		return build_bytes(at, node);
	case SF_TRUNCATED:
		return build_truncated(at, node);
	case SF_UNSUPPORTED:
		return sf_spot_str(at, "reason", SF_OPTIONAL, &node->reason);
	default:
		return build_scalar(at, node);
	}
}

static struct sf_error *build(const struct sf_spot *at, struct sf_tree_node *node)
{
	const char *kind;

	SF_TRY(sf_spot_object(at));
	kind = sf_json_member_str(at->json, "kind", NULL);
	if (!kind)
		return sf_spot_wrong(at, "kind", "the kind of a value");
	for (node->kind = SF_INT; node->kind <= SF_UNSUPPORTED; node->kind++)
		if (!strcmp(sf_kind_name(node->kind), kind))
			return build_body(at, node);
	return sf_spot_wrong(at, "kind", "the kind of a value (int, uint, bool, char, float, enum, struct, array, cpu_list, "
			      "ptr, bytes, truncated, unsupported)");
}

struct sf_error *sf_tree_read(const struct sf_spot *at, struct sf_node *ret)
{
	const struct sf_tree_node *node;

	SF_TRY(build_one(at, &node));
	*ret = sf_tree_node(node);
	return NULL;
}

struct sf_error *sf_tree_bytes(struct sf_arena *arena, const char *hex, struct sf_node *ret, bool *ret_ok)
{
	struct sf_tree_node *node = sf_arena_alloc(arena, sizeof(*node));

	if (!node)
		return sf_error_nomem();
	node->kind = SF_BYTES;
	SF_TRY(read_hex(arena, hex, node, ret_ok));
	*ret = sf_tree_node(node);
	return NULL;
}

/* ---- one alone ---------------------------------------------------------------------------------------------- */

struct sf_error *sf_tree_new(const struct sf_json_node *json, struct sf_tree **ret)
{
	SF_OWNED(tree) tree = calloc(1, sizeof(*tree));

	if (!tree)
		return sf_error_nomem();
	struct sf_spot at = { .key = "the value", .json = json, .arena = &tree->arena };

	SF_TRY(sf_tree_read(&at, &tree->root));
	*ret = steal_ptr(&tree);
	return NULL;
}

void sf_tree_free(struct sf_tree *tree)
{
	if (!tree)
		return;
	sf_arena_clear(&tree->arena);
	free(tree);
}

struct sf_node sf_tree_root(const struct sf_tree *tree)
{
	return tree->root;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "value/tree.h"

#define MAX_CPUS (1u << 16)

struct sf_tree_node {
	enum sf_kind kind;
	struct sf_scalar scalar;
	const char *name;                   /* type name, variant is in `scalar` */
	const char *note;                   /* unsupported: reason; ptr: annotation */
	const char *skipped;                /* ptr: why it was not followed */
	const struct sf_tree_node *inner;   /* ptr: target; truncated: partial */
	uint64_t len, needed, had;
	size_t n;                           /* members, elements, or bytes */
	const char **member_names;
	const struct sf_tree_node **items;
	const uint8_t *bytes;
};

/* Memory of a tree: one list of blocks, freed together. */
struct block {
	struct block *next;
};

struct sf_tree {
	struct block *blocks;
	const struct sf_tree_node *root;
};

static void *tree_alloc(struct sf_tree *tree, size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return NULL;
	b->next = tree->blocks;
	tree->blocks = b;
	return b + 1;
}

static const char *tree_str(struct sf_tree *tree, const char *text)
{
	char *copy = tree_alloc(tree, strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

/* What of @json is not as it should be; the callers put the path before it. */
static struct sf_error *bad(const char *what)
{
	return sf_error_new(SF_BAD_INPUT, "not a rendered value: %s", what);
}

static struct sf_error *build(struct sf_tree *tree, const struct sf_json_node *json, const struct sf_tree_node **ret);

static struct sf_error *need(const struct sf_json_node *json, const char *key, enum sf_json_type type,
			     const struct sf_json_node **ret)
{
	const struct sf_json_node *m = sf_json_member(json, key);

	if (!m || m->type != type)
		return sf_error_new(SF_BAD_INPUT, "not a rendered value: \"%s\" is %s", key,
				    m ? "of another type" : "missing");
	*ret = m;
	return NULL;
}

static struct sf_error *opt_str(struct sf_tree *tree, const struct sf_json_node *json, const char *key, const char **ret)
{
	const char *text = sf_json_member_str(json, key, NULL);

	if (!text)
		return NULL;
	*ret = tree_str(tree, text);
	return *ret ? NULL : sf_error_nomem();
}

static bool json_i64(const struct sf_json_node *v, int64_t *ret)
{
	if (v->type == SF_JSON_INT)
		*ret = v->value.i64;
	else if (v->type == SF_JSON_UINT) /* an unsigned enum of 64 bits: the bit pattern */
		*ret = (int64_t)v->value.u64;
	else
		return false;
	return true;
}

static struct sf_error *build_scalar(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *v = sf_json_member(json, "value");
	struct sf_scalar *s = &node->scalar;

	if (!v)
		return bad("\"value\" is missing");
	s->kind = node->kind;
	s->bits = (uint8_t)sf_json_member_u64(json, "bits", node->kind == SF_CHAR ? 8 : node->kind == SF_BOOL ? 1 : 64);
	switch (node->kind) {
	case SF_BOOL:
		if (v->type != SF_JSON_BOOL)
			return bad("\"value\" is no boolean");
		s->u64 = v->value.boolean;
		return NULL;
	case SF_FLOAT:
		if (v->type == SF_JSON_REAL)
			s->f64 = v->value.f64;
		else if (v->type == SF_JSON_UINT)
			s->f64 = (double)v->value.u64;
		else if (v->type == SF_JSON_INT)
			s->f64 = (double)v->value.i64;
		else if (v->type == SF_JSON_NULL) /* how JSON says NaN and infinity */
			s->f64 = __builtin_nan("");
		else
			return bad("\"value\" is no number");
		return NULL;
	case SF_INT:
		if (v->type == SF_JSON_UINT && v->value.u64 > INT64_MAX)
			return bad("\"value\" is too large for an int");
		return json_i64(v, &s->i64) ? NULL : bad("\"value\" is no integer");
	case SF_ENUM:
		s->is_signed = sf_json_member_bool(json, "is_signed", false);
		SF_TRY(opt_str(tree, json, "variant", &s->variant));
		SF_TRY(opt_str(tree, json, "type_name", &node->name));
		return json_i64(v, &s->i64) ? NULL : bad("\"value\" is no integer");
	default:
		if (v->type != SF_JSON_UINT)
			return bad("\"value\" is no unsigned integer");
		if (node->kind == SF_CHAR && v->value.u64 > UINT8_MAX)
			return bad("\"value\" is too large for a char");
		s->u64 = v->value.u64;
		return NULL;
	}
}

static struct sf_error *build_ptr(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *target = sf_json_member(json, "deref");

	SF_TRY(build_scalar(tree, json, node));
	SF_TRY(opt_str(tree, json, "deref_skipped_reason", &node->skipped));
	SF_TRY(opt_str(tree, json, "cast_annotation", &node->note));
	return target ? sf_error_context(build(tree, target, &node->inner), "deref") : NULL;
}

static struct sf_error *alloc_items(struct sf_tree *tree, const struct sf_json_node *list, struct sf_tree_node *node)
{
	node->n = list->n;
	if (!list->n)
		return NULL;
	node->items = tree_alloc(tree, list->n * sizeof(*node->items));
	node->member_names = tree_alloc(tree, list->n * sizeof(*node->member_names));
	return node->items && node->member_names ? NULL : sf_error_nomem();
}

static struct sf_error *build_struct(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *members, *name, *value;
	size_t i = 0;

	SF_TRY(opt_str(tree, json, "type_name", &node->name));
	SF_TRY(need(json, "members", SF_JSON_ARRAY, &members));
	SF_TRY(alloc_items(tree, members, node));
	for (const struct sf_json_node *m = members->value.first; m; m = m->next, i++) {
		SF_TRY(need(m, "name", SF_JSON_STRING, &name));
		SF_TRY(need(m, "value", SF_JSON_OBJECT, &value));
		node->member_names[i] = tree_str(tree, name->value.str);
		if (!node->member_names[i])
			return sf_error_nomem();
		SF_TRY(sf_error_context(build(tree, value, &node->items[i]), "%s", name->value.str));
	}
	return NULL;
}

static struct sf_error *build_array(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *elements;
	size_t i = 0;

	SF_TRY(need(json, "elements", SF_JSON_ARRAY, &elements));
	SF_TRY(alloc_items(tree, elements, node));
	node->len = sf_json_member_u64(json, "len", elements->n);
	for (const struct sf_json_node *e = elements->value.first; e; e = e->next, i++)
		SF_TRY(sf_error_context(build(tree, e, &node->items[i]), "[%zu]", i));
	return NULL;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct sf_error *build_bytes(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *hex;

	SF_TRY(need(json, "hex", SF_JSON_STRING, &hex));
	uint8_t *bytes = tree_alloc(tree, hex->str_len / 3 + 1);
	const char *p = hex->value.str;

	if (!bytes)
		return sf_error_nomem();
	while (*p) {
		int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);

		if (low < 0 || (p[2] && p[2] != ' '))
			return bad("\"hex\" is not byte pairs separated by spaces");
		bytes[node->n++] = (uint8_t)(high << 4 | low);
		p += p[2] ? 3 : 2;
	}
	node->bytes = bytes;
	node->len = sf_max(sf_json_member_u64(json, "len", node->n), (uint64_t)node->n);
	return NULL;
}

/* A number of decimal digits at *@p, which then is behind it. */
static bool take_cpu(const char **p, unsigned long *ret)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*ret = strtoul(*p, &end, 10);
	*p = end;
	return *ret < MAX_CPUS;
}

/* "0-2,5" into the words of a mask. */
static struct sf_error *build_cpu_list(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *cpus;

	SF_TRY(need(json, "cpus", SF_JSON_STRING, &cpus));
	uint8_t *bits = tree_alloc(tree, MAX_CPUS / 8);
	const char *p = cpus->value.str;

	if (!bits)
		return sf_error_nomem();
	while (*p) {
		unsigned long first, last;
		bool ok = take_cpu(&p, &first);

		last = first;
		if (ok && *p == '-') {
			p++;
			ok = take_cpu(&p, &last) && first <= last;
		}
		if (!ok || (*p && (*p != ',' || !*++p)))
			return bad("\"cpus\" is no list of CPUs");
		for (unsigned long cpu = first; cpu <= last; cpu++)
			bits[cpu / 8] |= (uint8_t)(1 << cpu % 8);
		node->n = sf_max(node->n, (size_t)last / 8 + 1);
	}
	node->bytes = bits;
	return NULL;
}

static struct sf_error *build_truncated(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	const struct sf_json_node *partial;

	SF_TRY(need(json, "partial", SF_JSON_OBJECT, &partial));
	node->needed = sf_json_member_u64(json, "needed", 0);
	node->had = sf_json_member_u64(json, "had", 0);
	return sf_error_context(build(tree, partial, &node->inner), "partial");
}

static struct sf_error *build_body(struct sf_tree *tree, const struct sf_json_node *json, struct sf_tree_node *node)
{
	switch (node->kind) {
	case SF_STRUCT:
		return build_struct(tree, json, node);
	case SF_ARRAY:
		return build_array(tree, json, node);
	case SF_CPU_LIST:
		return build_cpu_list(tree, json, node);
	case SF_PTR:
		return build_ptr(tree, json, node);
	case SF_BYTES:
		return build_bytes(tree, json, node);
	case SF_TRUNCATED:
		return build_truncated(tree, json, node);
	case SF_UNSUPPORTED:
		return opt_str(tree, json, "reason", &node->note);
	default:
		return build_scalar(tree, json, node);
	}
}

static struct sf_error *build(struct sf_tree *tree, const struct sf_json_node *json, const struct sf_tree_node **ret)
{
	const char *kind = sf_json_member_str(json, "kind", NULL);
	struct sf_tree_node *node;

	if (!kind)
		return bad("\"kind\" is missing");
	node = tree_alloc(tree, sizeof(*node));
	if (!node)
		return sf_error_nomem();
	for (node->kind = SF_INT; node->kind <= SF_UNSUPPORTED; node->kind++)
		if (!strcmp(sf_kind_name(node->kind), kind))
			break;
	if (node->kind > SF_UNSUPPORTED)
		return sf_error_new(SF_BAD_INPUT, "not a rendered value: no kind is called \"%s\"", kind);
	SF_TRY(build_body(tree, json, node));
	*ret = node;
	return NULL;
}

struct sf_error *sf_tree_new(const struct sf_json_node *json, struct sf_tree **ret)
{
	SF_OWNED(tree) tree = calloc(1, sizeof(*tree));

	if (!tree)
		return sf_error_nomem();
	SF_TRY(build(tree, json, &tree->root));
	*ret = steal_ptr(&tree);
	return NULL;
}

void sf_tree_free(struct sf_tree *tree)
{
	if (!tree)
		return;
	for (struct block *b = tree->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(tree);
}

/* ---- the node interface ------------------------------------------------------------------------------- */

static const struct sf_tree_node *body(const struct sf_node *n)
{
	return (const struct sf_tree_node *)(uintptr_t)n->at;
}

static struct sf_node wrap(const struct sf_node *like, const struct sf_tree_node *node)
{
	return (struct sf_node){ .ops = like->ops, .ctx = like->ctx, .at = (uint64_t)(uintptr_t)node };
}

static enum sf_kind tree_kind(const struct sf_node *n)
{
	return body(n)->kind;
}

static enum sf_step tree_scalar(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why)
{
	(void)why;
	if (!body(n)->scalar.kind)
		return SF_STEP_NONE;
	*ret = body(n)->scalar;
	return SF_STEP_OK;
}

static enum sf_step tree_member(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_STRUCT)
		return SF_STEP_NONE;
	for (size_t i = 0; i < b->n; i++) {
		if (strncmp(b->member_names[i], name, len) || b->member_names[i][len])
			continue;
		*ret = wrap(n, b->items[i]);
		return SF_STEP_OK;
	}
	return SF_STEP_NONE;
}

static bool tree_next_member(const struct sf_node *n, struct sf_member_iter *it, const char **name, struct sf_node *ret)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_STRUCT || it->looked_at >= b->n)
		return false;
	*name = b->member_names[it->looked_at];
	*ret = wrap(n, b->items[it->looked_at++]);
	return true;
}

static enum sf_step tree_index(const struct sf_node *n, uint64_t i, struct sf_node *ret)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_ARRAY || i >= b->n)
		return SF_STEP_NONE;
	*ret = wrap(n, b->items[i]);
	return SF_STEP_OK;
}

static enum sf_step tree_scalars(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count)
{
	(void)n;
	(void)i;
	(void)ret;
	(void)count;
	return SF_STEP_NONE;
}

static uint64_t tree_len(const struct sf_node *n, uint64_t *present)
{
	const struct sf_tree_node *b = body(n);
	bool has_len = b->kind == SF_ARRAY || b->kind == SF_BYTES;

	if (present)
		*present = has_len ? b->n : 0;
	return has_len ? b->len : 0;
}

static enum sf_step tree_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped, struct sf_trouble *why)
{
	const struct sf_tree_node *b = body(n);

	(void)why;
	if (skipped)
		*skipped = b->skipped;
	if (b->kind != SF_PTR || !b->inner)
		return SF_STEP_NONE;
	*ret = wrap(n, b->inner);
	return SF_STEP_OK;
}

static enum sf_step tree_partial(const struct sf_node *n, struct sf_node *ret, uint64_t *needed, uint64_t *had)
{
	const struct sf_tree_node *b = body(n);

	if (b->kind != SF_TRUNCATED)
		return SF_STEP_NONE;
	*needed = b->needed;
	*had = b->had;
	*ret = wrap(n, b->inner);
	return SF_STEP_OK;
}

static enum sf_step tree_bytes(const struct sf_node *n, uint64_t off, void *buf, size_t *len, struct sf_trouble *why)
{
	const struct sf_tree_node *b = body(n);

	(void)why;
	*len = b->bytes && off < b->n ? sf_min(*len, b->n - (size_t)off) : 0;
	if (*len)
		memcpy(buf, b->bytes + off, *len);
	return SF_STEP_OK;
}

static const char *tree_type_name(const struct sf_node *n)
{
	return body(n)->name;
}

static const char *tree_note(const struct sf_node *n)
{
	return body(n)->note;
}

static const struct sf_node_ops tree_ops = {
	.kind = tree_kind,
	.scalar = tree_scalar,
	.member = tree_member,
	.next_member = tree_next_member,
	.index = tree_index,
	.scalars = tree_scalars,
	.len = tree_len,
	.deref = tree_deref,
	.partial = tree_partial,
	.bytes = tree_bytes,
	.type_name = tree_type_name,
	.note = tree_note,
};

struct sf_node sf_tree_root(const struct sf_tree *tree)
{
	return (struct sf_node){ .ops = &tree_ops, .ctx = tree, .at = (uint64_t)(uintptr_t)tree->root };
}

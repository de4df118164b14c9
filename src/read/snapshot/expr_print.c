/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expressions back into text, and pointing at a place in one.
 */

#include <inttypes.h>

#include "base/json.h"
#include "expr_private.h"

#define INDENT 4u
#define SHOWN 72u  /* characters of a line that are shown, with the ellipses */

struct print {
	const struct sf_expr *x;
	struct sf_text *t;
};

static void put(struct print *o, uint32_t i);

static bool is_bare(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' ||
		      *c == '.'))
			return false;
	return *name;
}

static void put_name(struct print *o, const char *name)
{
	if (is_bare(name)) {
		sf_text_put(o->t, name);
		return;
	}
	sf_text_put(o->t, "\"");
	for (const char *c = name; *c; c++) {
		if (*c == '"' || *c == '\\')
			sf_text_put(o->t, "\\");
		sf_text_putn(o->t, c, 1);
	}
	sf_text_put(o->t, "\"");
}

static void put_text(struct print *o, const char *text)
{
	sf_text_put(o->t, "\"");
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			sf_text_putf(o->t, "\\%c", *c);
		else if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			sf_text_putf(o->t, "\\x%02x", (unsigned char)*c);
		else
			sf_text_putn(o->t, c, 1);
	}
	sf_text_put(o->t, "\"");
}

static void put_path(struct print *o, const char *path)
{
	if (path[0])
		sf_text_putf(o->t, "%s%s", path[0] == '[' ? "" : ".", path);
}

static void put_real(struct print *o, double v)
{
	char text[SF_JSON_NUMBER + 1];

	*sf_json_text_f64(text, v) = '\0';
	sf_text_put(o->t, text);
}

static void put_map(struct print *o, const struct expr_node *n)
{
	sf_text_put(o->t, "map(");
	if (n->by_id)
		sf_text_putf(o->t, "id %" PRIu32, n->number);
	else
		put_name(o, expr_string(o->x, n->name));
	sf_text_put(o->t, ")");
	if (n->cpus == CPUS_ALL)
		sf_text_put(o->t, "@*");
	else if (n->cpus == CPUS_ONE)
		sf_text_putf(o->t, "@%" PRIu32, n->cpu);
	if (n->pick == PICK_POSITION) {
		sf_text_putf(o->t, "[%" PRIu64 "]", n->u64);
	} else if (n->pick == PICK_FILTER) {
		sf_text_put(o->t, "{");
		put(o, n->a);
		sf_text_put(o->t, "}");
	}
	put_path(o, expr_string(o->x, n->path));
}

/* Operand @i of an operator of @level, in parentheses where it binds less. */
static void put_operand(struct print *o, uint32_t i, unsigned int level)
{
	unsigned int own = sf_expr_level(expr_node(o->x, i)->op);
	bool grouped = own && own < level;

	sf_text_put(o->t, grouped ? "(" : "");
	put(o, i);
	sf_text_put(o->t, grouped ? ")" : "");
}

static void put_binary(struct print *o, const struct expr_node *n)
{
	unsigned int level = sf_expr_level(n->op);

	/* Comparisons do not chain; of the others a row is made from the left. */
	put_operand(o, n->a, level == LEVEL_COMPARE ? level + 1 : level);
	sf_text_putf(o->t, " %s ", sf_expr_op_text(n->op));
	put_operand(o, n->b, level + 1);
}

static void put(struct print *o, uint32_t i)
{
	const struct expr_node *n = expr_node(o->x, i);
	const char *path = expr_string(o->x, n->path);

	switch ((enum expr_op)n->op) {
	case OP_INT:
		sf_text_putf(o->t, "%s%" PRIu64, n->negative ? "-" : "", n->u64);
		break;
	case OP_REAL:
		put_real(o, n->f64);
		break;
	case OP_BOOL:
		sf_text_put(o->t, n->u64 ? "true" : "false");
		break;
	case OP_TEXT:
		put_text(o, expr_string(o->x, n->name));
		break;
	case OP_VAR:
	case OP_VARS:
		sf_text_putf(o->t, "%s(", sf_expr_op_text(n->op));
		put_name(o, expr_string(o->x, n->name));
		sf_text_put(o->t, ")");
		put_path(o, path);
		break;
	case OP_MAP:
		put_map(o, n);
		break;
	case OP_VALUE:
		sf_text_put(o->t, path);
		break;
	case OP_KEY:
		sf_text_put(o->t, "key");
		put_path(o, path);
		break;
	case OP_OWNER:
		sf_text_putf(o->t, "owner.%s", sf_expr_owner_words[n->number]);
		break;
	case OP_COUNT:
	case OP_SUM:
	case OP_MIN:
	case OP_MAX:
		sf_text_putf(o->t, "%s(", sf_expr_op_text(n->op));
		put(o, n->a);
		sf_text_put(o->t, ")");
		break;
	case OP_NOT:
	case OP_NEG:
		sf_text_put(o->t, sf_expr_op_text(n->op));
		put_operand(o, n->a, UINT32_MAX);
		break;
	default:
		put_binary(o, n);
	}
}

void sf_expr_print(const struct sf_expr *x, struct sf_text *ret)
{
	struct print o = { .x = x, .t = ret };

	put(&o, x->root);
}

static bool equal(const struct sf_expr *x, uint32_t i, const struct sf_expr *y, uint32_t k)
{
	const struct expr_node *a = expr_node(x, i), *b = expr_node(y, k);
	bool is_source = a->op == OP_MAP, has_a = a->op >= OP_COUNT || (is_source && a->pick == PICK_FILTER);

	if (a->op != b->op || a->pick != b->pick || a->cpus != b->cpus || a->negative != b->negative ||
	    a->by_id != b->by_id || a->cpu != b->cpu || a->number != b->number || a->u64 != b->u64 ||
	    strcmp(expr_string(x, a->name), expr_string(y, b->name)) ||
	    strcmp(expr_string(x, a->path), expr_string(y, b->path)))
		return false;
	if (has_a && !equal(x, a->a, y, b->a))
		return false;
	return a->op < OP_MUL || equal(x, a->b, y, b->b);
}

bool sf_expr_equal(const struct sf_expr *a, const struct sf_expr *b)
{
	return equal(a, a->root, b, b->root);
}

/* ---- pointing ---------------------------------------------------------------------------------------------------- */

/* Characters of @len bytes of UTF-8. */
static size_t width(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static size_t offset_of(const char *text, uint64_t column)
{
	size_t len = strlen(text), at = 0;

	for (uint64_t c = 1; c < column && at < len; c++) {
		size_t seq = sf_utf8_seq(text + at, len - at);

		at += seq ? seq : 1;
	}
	return at;
}

/* @len bytes, each character of which is shown, as one or as \xHH. */
static void put_shown(struct sf_text *t, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t seq = sf_utf8_seq(text + i, len - i), step = seq ? seq : 1;
		char one[5] = { 0 };

		memcpy(one, text + i, step);
		/* White space ends no line here. */
		if (*one == '\n' || *one == '\t' || *one == '\r')
			sf_text_put(t, " ");
		else
			sf_text_put_name(t, one, 64);
		i += step;
	}
}

void sf_expr_point(const char *text, uint64_t column, const char *note, struct sf_text *ret)
{
	_cleanup_text_ struct sf_text before = { 0 }, behind = { 0 };
	size_t len = strlen(text), at = offset_of(text, column), from = 0, to = len, columns;

	/* A window of characters around the place, more of them before it. */
	if (width(text, len) > SHOWN) {
		uint64_t first = column > SHOWN * 2 / 3 ? column - SHOWN * 2 / 3 : 1;

		from = offset_of(text, first);
		to = from + offset_of(text + from, SHOWN);
	}
	sf_text_put(&before, from ? "…" : "");
	put_shown(&before, text + from, at - from);
	put_shown(&behind, text + at, to > at ? to - at : 0);
	sf_text_put(&behind, to < len ? "…" : "");
	columns = before.n ? width(before.v, before.n) : 0;
	sf_text_putf(ret, "%*s%.*s", INDENT, "", (int)before.n, before.n ? before.v : "");
	sf_text_putn(ret, behind.v, behind.n);
	sf_text_putf(ret, "\n%*s^%s%s", (int)(INDENT + columns), "", note ? " " : "", note ? note : "");
	ret->failed |= before.failed || behind.failed;
}

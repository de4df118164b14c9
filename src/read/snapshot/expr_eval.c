/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evaluating expressions: operators, and what comes out in the end.
 */

#include <inttypes.h>

#include "expr_eval.h"

/* ---- errors ------------------------------------------------------------------------------------------------------ */

enum expr_outcome sf_expr_failed(struct expr_eval *ev, size_t at, struct sf_error *err)
{
	ev->err = sf_expr_place(err, ev->x->text, at);
	return OUT_FAILED;
}

enum expr_outcome sf_expr_failed_slot(struct expr_eval *ev, size_t at, struct failure f)
{
	return sf_expr_failed(ev, at, sf_failure_error(ev->snap, &f));
}

enum expr_outcome sf_expr_mismatch(struct expr_eval *ev, size_t at, const char *expected, const char *actual)
{
	struct sf_error *err = sf_error_bare(SF_TYPE_MISMATCH);

	err->payload.expected = sf_error_str(err, expected);
	err->payload.actual = sf_error_str(err, actual);
	err->payload.requested = sf_error_str(err, "");
	return sf_expr_failed(ev, at, err);
}

enum expr_outcome sf_expr_trouble(struct expr_eval *ev, size_t at, const struct sf_trouble *why)
{
	return expr_is_soft(ev) ? OUT_UNSURE : sf_expr_failed_slot(ev, at, sf_fail_memory(ev->snap, why));
}

static enum expr_outcome projection(struct expr_eval *ev, size_t at, const char *fmt, ...) sf_printf(3, 4);
static enum expr_outcome projection(struct expr_eval *ev, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sf_expr_failed(ev, at, sf_error_newv(SF_PROJECTION_FAILED, fmt, ap));
	va_end(ap);
	return OUT_FAILED;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* Of 128 bits, as only a sum has them. */
static void int_text(__int128 v, char *buf, size_t size)
{
	unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	char digits[48];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + (int)(u % 10));
		u /= 10;
	} while (u);
	snprintf(buf, size, "%s%s", v < 0 ? "-" : "", digits + n);
}

void sf_expr_val_text(const struct expr_val *v, char *buf, size_t size)
{
	switch (v->kind) {
	case VAL_NOTHING:
		snprintf(buf, size, "nothing");
		break;
	case VAL_BOOL:
		snprintf(buf, size, "%s", v->boolean ? "true" : "false");
		break;
	case VAL_INT:
		int_text(v->i, buf, size);
		break;
	case VAL_REAL:
		snprintf(buf, size, "%.17g", v->f64);
		break;
	case VAL_TEXT:
		snprintf(buf, size, "\"%s\"", v->text);
		break;
	case VAL_NODE:
		sf_node_text(&v->node, buf, size);
		break;
	}
}

enum expr_outcome sf_expr_int(struct expr_eval *ev, const struct expr_node *n, __int128 v, struct expr_val *ret)
{
	char text[64];

	if (v < INT64_MIN || v > UINT64_MAX) {
		int_text(v, text, sizeof(text));
		return projection(ev, n->at, "the result, %s, does not fit 64 bits", text);
	}
	*ret = (struct expr_val){ .kind = VAL_INT, .i = v };
	return OUT_OK;
}

bool sf_expr_scalar_number(const struct sf_scalar *s, struct expr_val *ret)
{
	switch (s->kind) {
	case SF_INT:
		*ret = (struct expr_val){ .kind = VAL_INT, .i = s->i64 };
		return true;
	case SF_ENUM:
		*ret = (struct expr_val){ .kind = VAL_INT, .i = s->i64 };
		if (!s->is_signed)
			ret->i = (uint64_t)s->i64;
		return true;
	case SF_UINT:
	case SF_BOOL:
	case SF_CHAR:
	case SF_PTR:
		*ret = (struct expr_val){ .kind = VAL_INT, .i = s->u64 };
		return true;
	case SF_FLOAT:
		*ret = (struct expr_val){ .kind = VAL_REAL, .f64 = s->f64 };
		return true;
	default:
		return false;
	}
}

enum expr_outcome sf_expr_number(struct expr_eval *ev, uint32_t i, struct expr_val *v)
{
	const struct expr_node *n = expr_node(ev->x, i);
	struct sf_trouble why = { 0 };
	struct sf_scalar s;

	switch (v->kind) {
	case VAL_NOTHING:
	case VAL_INT:
	case VAL_REAL:
		return OUT_OK;
	case VAL_BOOL:
		*v = (struct expr_val){ .kind = VAL_INT, .i = v->boolean };
		return OUT_OK;
	case VAL_TEXT:
		return sf_expr_mismatch(ev, n->at, "a number", "a text");
	case VAL_NODE:
		break;
	}
	switch (sf_node_scalar(&v->node, &s, &why)) {
	case SF_STEP_TROUBLE:
		return sf_expr_trouble(ev, n->at, &why);
	case SF_STEP_OK:
		if (sf_expr_scalar_number(&s, v))
			return OUT_OK;
		break;
	default:
		break;
	}
	return sf_expr_mismatch(ev, n->at, "a number", sf_kind_label(sf_node_kind(&v->node)));
}

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

/* 2^53 and below every integer is a real. */
static bool exact_real(const struct expr_val *v, double *ret)
{
	*ret = v->kind == VAL_REAL ? v->f64 : (double)v->i;
	return v->kind == VAL_REAL || (__int128)*ret == v->i;
}

static enum expr_outcome real_arithmetic(struct expr_eval *ev, const struct expr_node *n, const struct expr_val *a,
					 const struct expr_val *b, struct expr_val *ret)
{
	double x, y, v;

	if (!exact_real(a, &x) || !exact_real(b, &y))
		return projection(ev, n->at, "an integer beyond 2^53 is no exact real");
	switch (n->op) {
	case OP_ADD:
		v = x + y;
		break;
	case OP_SUB:
		v = x - y;
		break;
	case OP_MUL:
		v = x * y;
		break;
	case OP_DIV:
		v = x / y;
		break;
	default:
		return sf_expr_mismatch(ev, n->at, "integers on both sides of %", "a real");
	}
	*ret = (struct expr_val){ .kind = VAL_REAL, .f64 = v };
	return OUT_OK;
}

static enum expr_outcome arithmetic(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	struct expr_val a, b;
	enum expr_outcome out;

	if ((out = sf_expr_eval(ev, n->a, &a)) || (out = sf_expr_number(ev, n->a, &a)) ||
	    (out = sf_expr_eval(ev, n->b, &b)) || (out = sf_expr_number(ev, n->b, &b)))
		return out;
	if (a.kind == VAL_NOTHING || b.kind == VAL_NOTHING) {
		ret->kind = VAL_NOTHING;
		return OUT_OK;
	}
	if (a.kind == VAL_REAL || b.kind == VAL_REAL)
		return real_arithmetic(ev, n, &a, &b, ret);
	switch (n->op) {
	case OP_ADD:
		return sf_expr_int(ev, n, a.i + b.i, ret);
	case OP_SUB:
		return sf_expr_int(ev, n, a.i - b.i, ret);
	case OP_MUL:
		if (__builtin_mul_overflow(a.i, b.i, &a.i))
			return projection(ev, n->at, "the product does not fit 64 bits");
		return sf_expr_int(ev, n, a.i, ret);
	default:
		if (!b.i)
			return projection(ev, expr_node(ev->x, n->b)->at, "a division by 0");
		return sf_expr_int(ev, n, n->op == OP_DIV ? a.i / b.i : a.i % b.i, ret);
	}
}

static enum expr_outcome negate(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	enum expr_outcome out;

	if ((out = sf_expr_eval(ev, n->a, ret)) || (out = sf_expr_number(ev, n->a, ret)))
		return out;
	if (ret->kind == VAL_REAL)
		ret->f64 = -ret->f64;
	return ret->kind == VAL_INT ? sf_expr_int(ev, n, -ret->i, ret) : OUT_OK;
}

/* ---- true and false ---------------------------------------------------------------------------------------------- */

enum expr_outcome sf_expr_eval_bool(struct expr_eval *ev, uint32_t i, bool *ret)
{
	struct sf_trouble why = { 0 };
	struct expr_val v;
	enum expr_outcome out = sf_expr_eval(ev, i, &v);
	struct sf_scalar s;
	char text[96];

	if (out)
		return out;
	if (v.kind == VAL_BOOL || v.kind == VAL_NOTHING) {
		*ret = v.kind == VAL_BOOL && v.boolean;
		return OUT_OK;
	}
	if (v.kind == VAL_NODE && sf_node_kind(&v.node) == SF_BOOL) {
		if (sf_node_scalar(&v.node, &s, &why) != SF_STEP_OK)
			return sf_expr_trouble(ev, expr_node(ev->x, i)->at, &why);
		*ret = s.u64;
		return OUT_OK;
	}
	sf_expr_val_text(&v, text, sizeof(text));
	return sf_expr_mismatch(ev, expr_node(ev->x, i)->at, "true or false, as a comparison is", text);
}

/* In a filter one side can decide although the other is not known. */
static enum expr_outcome logic(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	bool decides = n->op == OP_OR, a = !decides, b = !decides;
	enum expr_outcome first = sf_expr_eval_bool(ev, n->a, &a), second;

	if (first == OUT_FAILED)
		return first;
	if (first == OUT_UNSURE || a != decides) {
		second = sf_expr_eval_bool(ev, n->b, &b);
		if (second == OUT_FAILED)
			return second;
		if (second == OUT_UNSURE || (first == OUT_UNSURE && b != decides))
			return OUT_UNSURE;
		a = b;
	}
	*ret = (struct expr_val){ .kind = VAL_BOOL, .boolean = a };
	return OUT_OK;
}

static enum expr_outcome literal(const struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	switch (n->op) {
	case OP_INT:
		*ret = (struct expr_val){ .kind = VAL_INT, .i = n->negative ? -(__int128)n->u64 : (__int128)n->u64 };
		break;
	case OP_REAL:
		*ret = (struct expr_val){ .kind = VAL_REAL, .f64 = n->f64 };
		break;
	case OP_BOOL:
		*ret = (struct expr_val){ .kind = VAL_BOOL, .boolean = n->u64 };
		break;
	default:
		*ret = (struct expr_val){ .kind = VAL_TEXT, .text = expr_string(ev->x, n->name) };
	}
	return OUT_OK;
}

enum expr_outcome sf_expr_eval(struct expr_eval *ev, uint32_t i, struct expr_val *ret)
{
	const struct expr_node *n = expr_node(ev->x, i);
	enum expr_outcome out;
	bool holds;

	switch ((enum expr_op)n->op) {
	case OP_INT:
	case OP_REAL:
	case OP_BOOL:
	case OP_TEXT:
		return literal(ev, n, ret);
	case OP_VAR:
		return sf_expr_var(ev, n, ret);
	case OP_VARS:
		return sf_expr_mismatch(ev, n->at, "one value", "a list, of which count(), sum(), min() and max() make one");
	case OP_MAP:
		return sf_expr_map(ev, n, ret);
	case OP_VALUE:
	case OP_KEY:
	case OP_OWNER:
		return sf_expr_entry_word(ev, n, ret);
	case OP_COUNT:
	case OP_SUM:
	case OP_MIN:
	case OP_MAX:
		return sf_expr_aggregate(ev, n, ret);
	case OP_NOT:
		out = sf_expr_eval_bool(ev, n->a, &holds);
		if (!out)
			*ret = (struct expr_val){ .kind = VAL_BOOL, .boolean = !holds };
		return out;
	case OP_NEG:
		return negate(ev, n, ret);
	case OP_AND:
	case OP_OR:
		return logic(ev, n, ret);
	case OP_EQ:
	case OP_NE:
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return sf_expr_compare(ev, n, ret);
	default:
		return arithmetic(ev, n, ret);
	}
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

static bool is_list(const struct expr_node *n)
{
	return n->op == OP_VARS || (n->op == OP_MAP && n->cpus == CPUS_ALL);
}

static bool count_item(void *arg, const struct sf_expr_item *item)
{
	(void)item;
	++*(size_t *)arg;
	return true;
}

static enum expr_outcome eval_public(struct expr_eval *ev, struct sf_expr_value *v)
{
	const struct expr_node *root = expr_node(ev->x, ev->x->root);
	struct field field = { .snap = ev->snap, .kind = FIELD_VALUE };
	struct map map = { .snap = ev->snap };
	struct expr_val got;
	enum expr_outcome out;

	if (is_list(root)) {
		v->kind = SF_EXPR_LIST;
		return sf_expr_each(ev, root, count_item, &v->n);
	}
	if (root->op == OP_MAP && root->pick == PICK_NONE && !root->path && root->cpus == CPUS_UNSAID) {
		v->kind = SF_EXPR_MAP;
		out = sf_expr_find_map(ev, root, &map.map);
		v->map = seal_map(&map);
		return out;
	}
	out = sf_expr_eval(ev, ev->x->root, &got);
	if (out)
		return out;
	switch (got.kind) {
	case VAL_BOOL:
	case VAL_NOTHING:
		v->kind = SF_EXPR_BOOL;
		v->boolean = got.kind == VAL_BOOL && got.boolean;
		break;
	case VAL_INT:
		v->kind = got.i < 0 ? SF_EXPR_INT : SF_EXPR_UINT;
		v->i64 = got.i < 0 ? (int64_t)got.i : 0;
		v->u64 = got.i < 0 ? 0 : (uint64_t)got.i;
		break;
	case VAL_REAL:
		v->kind = SF_EXPR_REAL;
		v->f64 = got.f64;
		break;
	case VAL_TEXT:
		v->kind = SF_EXPR_TEXT;
		v->text = got.text;
		break;
	case VAL_NODE:
		v->kind = SF_EXPR_FIELD;
		field.node = got.node;
		v->field = seal_field(&field);
		break;
	}
	return OUT_OK;
}

struct sf_error *sf_view_eval(struct sf_view view, const struct sf_expr *expr, struct sf_expr_value *ret)
{
	struct expr_eval ev = { .snap = unseal_view(&view).snap, .x = expr };
	struct sf_expr_value v = { .size = ret->size };

	if (eval_public(&ev, &v))
		return ev.err;
	memcpy(ret, &v, sf_min(ret->size, sizeof(v)));
	return NULL;
}

struct sf_error *sf_view_each(struct sf_view view, const struct sf_expr *expr, sf_expr_item_fn *fn, void *arg)
{
	struct expr_eval ev = { .snap = unseal_view(&view).snap, .x = expr };
	const struct expr_node *root = expr_node(expr, expr->root);

	if (!is_list(root))
		return sf_expr_place(sf_error_new(SF_USAGE, "the expression is no list, as vars(NAME) and map(NAME)@* "
						  "are"), expr->text, root->at);
	return sf_expr_each(&ev, root, fn, arg) ? ev.err : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does an expression hold, and which values decided that?
 */

#include "expr_eval.h"

#define VALUE_TEXT 160u
#define SLICE 120u  /* bytes of a part of the expression that are quoted */

struct explain {
	struct expr_eval *ev;
	struct sf_text *t;
	bool several;       /* each part is named */
	size_t n;
};

static bool is_literal(const struct expr_node *n)
{
	return n->op <= OP_TEXT;
}

static bool is_comparison(const struct expr_node *n)
{
	return n->op >= OP_EQ && n->op <= OP_GE;
}

/* Once more; it went well before. */
static bool value_text(struct explain *e, uint32_t i, char text[VALUE_TEXT])
{
	struct expr_val v;

	if (sf_expr_eval(e->ev, i, &v)) {
		sf_error_free(e->ev->err);
		e->ev->err = NULL;
		return false;
	}
	sf_expr_val_text(&v, text, VALUE_TEXT);
	return true;
}

static void put_part(struct explain *e, const struct expr_node *n)
{
	_cleanup_free_ char *slice = strndup(e->ev->x->text + n->at, n->end - n->at);

	sf_text_put(e->t, e->n++ ? "; " : "");
	if (!e->several)
		return;
	sf_text_put_name(e->t, slice ? slice : "", SLICE);
	sf_text_put(e->t, ": ");
}

static void put_values(struct explain *e, uint32_t i)
{
	const struct sf_expr *x = e->ev->x;
	const struct expr_node *n = expr_node(x, i), *a = expr_node(x, n->a), *b = expr_node(x, n->b);
	char left[VALUE_TEXT], right[VALUE_TEXT];

	put_part(e, n);
	if (!is_comparison(n)) {
		if (value_text(e, i, left))
			sf_text_putf(e->t, "it is %s", left);
	} else if (is_literal(a) != is_literal(b)) {
		if (value_text(e, is_literal(a) ? n->b : n->a, left))
			sf_text_putf(e->t, "it is %s", left);
	} else if (value_text(e, n->a, left) && value_text(e, n->b, right)) {
		sf_text_putf(e->t, "the left is %s, the right %s", left, right);
	}
}

/* The parts that made node @i what it is, @holds: of a row of && the one that failed, or else all. */
static void explain(struct explain *e, uint32_t i, bool holds)
{
	const struct expr_node *n = expr_node(e->ev->x, i);
	bool a;

	if (n->op == OP_NOT) {
		explain(e, n->a, !holds);
		return;
	}
	if (n->op != OP_AND && n->op != OP_OR) {
		put_values(e, i);
		return;
	}
	if (sf_expr_eval_bool(e->ev, n->a, &a)) {
		sf_error_free(e->ev->err);
		e->ev->err = NULL;
		return;
	}
	e->several = true;
	if (a == (n->op == OP_OR)) {
		explain(e, n->a, a);
		return;
	}
	/* The first did not decide; together with the second it did, unless the second is enough. */
	if (holds == (n->op == OP_AND))
		explain(e, n->a, a);
	explain(e, n->b, holds);
}

struct sf_error *sf_expr_judge(struct sf_view view, const struct sf_expr *expr, bool *ret, struct sf_text *ret_why)
{
	struct expr_eval ev = { .snap = unseal_view(&view).snap, .x = expr };
	struct explain e = { .ev = &ev, .t = ret_why };
	bool holds;

	if (sf_expr_eval_bool(&ev, expr->root, &holds))
		return ev.err;
	explain(&e, expr->root, holds);
	*ret = holds;
	return NULL;
}

struct sf_error *sf_view_check(struct sf_view view, const char *text)
{
	_cleanup_text_ struct sf_text why = { 0 };
	SF_OWNED(expr) expr = NULL;
	bool holds;

	SF_TRY(sf_expr_new(text, &expr));
	SF_TRY(sf_expr_judge(view, expr, &holds, &why));
	if (holds)
		return NULL;
	return sf_error_new(SF_ASSERTION, "%s: %.*s", text, (int)why.n, why.n ? why.v : "");
}

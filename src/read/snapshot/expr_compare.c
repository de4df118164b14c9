/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparing values: numbers as the numbers that they are, names of enumerators, texts.
 */

#include "expr_eval.h"

#define CPU_LIST 4096u   /* bytes of a mask's text that are compared */

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

enum order { LESS, EQUAL, GREATER, UNORDERED };

static enum order order_ints(__int128 a, __int128 b)
{
	return a < b ? LESS : a > b ? GREATER : EQUAL;
}

/* Without rounding either: an integer beyond 2^53 may have no double, and most doubles no integer. */
static enum order order_int_real(__int128 a, double b)
{
	__int128 whole;
	enum order o;

	if (b != b)
		return UNORDERED;
	if (b >= 0x1p66 || b <= -0x1p66)
		return b > 0 ? LESS : GREATER;
	whole = (__int128)b;
	o = order_ints(a, whole);
	if (o != EQUAL || b == (double)whole)
		return o;
	return b > (double)whole ? LESS : GREATER;
}

static enum order order_numbers(const struct expr_val *a, const struct expr_val *b)
{
	enum order o;

	if (a->kind == VAL_INT && b->kind == VAL_INT)
		return order_ints(a->i, b->i);
	if (a->kind == VAL_INT)
		return order_int_real(a->i, b->f64);
	if (b->kind == VAL_INT) {
		o = order_int_real(b->i, a->f64);
		return o == LESS ? GREATER : o == GREATER ? LESS : o;
	}
	if (a->f64 != a->f64 || b->f64 != b->f64)
		return UNORDERED;
	return a->f64 < b->f64 ? LESS : a->f64 > b->f64 ? GREATER : EQUAL;
}

static bool holds(enum expr_op op, enum order o)
{
	switch (op) {
	case OP_EQ:
		return o == EQUAL;
	case OP_NE:
		return o != EQUAL;
	case OP_LT:
		return o == LESS;
	case OP_LE:
		return o == LESS || o == EQUAL;
	case OP_GT:
		return o == GREATER;
	default:
		return o == GREATER || o == EQUAL;
	}
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* One side, for who compares it with a text. */
struct side {
	const struct expr_node *n;
	struct expr_val *v;
};

static bool enum_type(const struct sf_node *node, struct sf_btf_type *ret)
{
	const struct sf_typed *src = sf_typed_is(node) ? node->ctx : NULL;

	return src && src->btf && sf_btf_type(src->btf, sf_btf_peel(src->btf, node->type), ret) &&
	       (ret->kind == SF_BTF_ENUM || ret->kind == SF_BTF_ENUM64);
}

/* A name that the enum does not have is a mistake, and no value that differs. */
static enum expr_outcome no_enumerator(struct expr_eval *ev, size_t at, const struct sf_btf *btf,
				       const struct sf_btf_type *t, const char *name)
{
	struct sf_error *err = sf_error_bare(SF_TYPE_MISMATCH);
	_cleanup_text_ struct sf_text names = { 0 };
	struct sf_btf_enumerator e;

	sf_text_putf(&names, "a name of enum %s: ", t->name[0] ? t->name : "{}");
	for (uint32_t i = 0; i < t->vlen && i < 16 && sf_btf_enumerator(btf, t, i, &e); i++)
		sf_text_putf(&names, "%s%s", i ? ", " : "", e.name);
	sf_text_put(&names, t->vlen > 16 ? ", …" : "");
	err->payload.expected = sf_error_strn(err, names.v, names.n);
	err->payload.actual = sf_error_fmt(err, "\"%s\"", name);
	err->payload.requested = sf_error_str(err, "");
	return sf_expr_failed(ev, at, err);
}

static enum expr_outcome enum_is(struct expr_eval *ev, const struct side *s, const struct sf_btf_type *t,
				 const struct side *text, bool *ret)
{
	const struct sf_btf *btf = ((const struct sf_typed *)s->v->node.ctx)->btf;
	struct sf_trouble why = { 0 };
	struct sf_btf_enumerator e;
	struct sf_scalar got;
	uint64_t mask, v;
	bool known = false;

	if (sf_node_scalar(&s->v->node, &got, &why) != SF_STEP_OK)
		return why.fault ? sf_expr_trouble(ev, s->n->at, &why) :
				   sf_expr_mismatch(ev, s->n->at, "an enum", sf_kind_label(sf_node_kind(&s->v->node)));
	mask = got.bits && got.bits < 64 ? (UINT64_C(1) << got.bits) - 1 : UINT64_MAX;
	v = (got.kind == SF_UINT ? got.u64 : (uint64_t)got.i64) & mask;
	*ret = false;
	for (uint32_t i = 0; i < t->vlen && sf_btf_enumerator(btf, t, i, &e) && !known; i++)
		if (!strcmp(e.name, text->v->text)) {
			known = true;
			*ret = ((uint64_t)e.value & mask) == v;
		}
	return known ? OUT_OK : no_enumerator(ev, text->n->at, btf, t, text->v->text);
}

/* Characters up to a NUL, or to the end. */
static enum expr_outcome chars_are(struct expr_eval *ev, const struct side *s, const char *text, bool *ret)
{
	uint64_t present;
	size_t len = strlen(text);

	sf_node_len(&s->v->node, &present);
	*ret = len <= present;
	for (uint64_t i = 0; i < present && i <= len; i++) {
		struct sf_trouble why = { 0 };
		struct sf_scalar got = { 0 };
		struct sf_node c;
		enum sf_step step = sf_node_index(&s->v->node, i, &c);

		if (step == SF_STEP_OK)
			step = sf_node_scalar(&c, &got, &why);
		if (step == SF_STEP_TROUBLE)
			return sf_expr_trouble(ev, s->n->at, &why);
		if (step != SF_STEP_OK || got.bits != 8 || got.kind == SF_BOOL)
			return sf_expr_mismatch(ev, s->n->at, "an array of characters", "Array of something else");
		if ((uint8_t)(got.kind == SF_INT ? (uint64_t)got.i64 : got.u64) != (uint8_t)text[i]) {
			*ret = false;
			break;
		}
	}
	return OUT_OK;
}

static enum expr_outcome mask_is(struct expr_eval *ev, const struct side *s, const char *text, bool *ret)
{
	struct sf_trouble why = { 0 };
	char cpus[CPU_LIST];

	if (sf_node_cpu_list(&s->v->node, cpus, sizeof(cpus), &why) == SF_STEP_TROUBLE)
		return sf_expr_trouble(ev, s->n->at, &why);
	*ret = !strcmp(cpus, text);
	return OUT_OK;
}

/* A pointer is never a text, but what it leads to may be one. */
static enum expr_outcome behind_pointers(struct expr_eval *ev, struct side *s)
{
	struct sf_trouble why = { 0 };
	struct sf_scalar null;
	struct sf_node n;

	if (sf_node_peel(&s->v->node, &n, &why) == SF_STEP_TROUBLE)
		return sf_expr_trouble(ev, s->n->at, &why);
	if (ev->scope && sf_node_kind(&n) == SF_PTR && sf_node_scalar(&n, &null, &why) == SF_STEP_OK && !null.u64)
		s->v->kind = VAL_NOTHING;
	s->v->node = n;
	return OUT_OK;
}

static enum expr_outcome is_text(struct expr_eval *ev, struct side *s, const struct side *text, bool *ret)
{
	struct sf_trouble why = { 0 };
	enum expr_outcome out;
	struct sf_scalar known;
	struct sf_btf_type t;
	enum sf_kind kind;

	if (s->v->kind == VAL_TEXT) {
		*ret = !strcmp(s->v->text, text->v->text);
		return OUT_OK;
	}
	if (s->v->kind != VAL_NODE)
		return sf_expr_mismatch(ev, text->n->at, "a number", "a text");
	out = behind_pointers(ev, s);
	if (out || s->v->kind == VAL_NOTHING)
		return out;
	kind = sf_node_kind(&s->v->node);
	if (kind == SF_ARRAY)
		return chars_are(ev, s, text->v->text, ret);
	if (kind == SF_CPU_LIST)
		return mask_is(ev, s, text->v->text, ret);
	if (enum_type(&s->v->node, &t))
		return enum_is(ev, s, &t, text, ret);
	/* A report has the name of this value, and of no other. */
	if (kind == SF_ENUM && sf_node_scalar(&s->v->node, &known, &why) == SF_STEP_OK) {
		*ret = known.variant && !strcmp(known.variant, text->v->text);
		return OUT_OK;
	}
	return sf_expr_mismatch(ev, s->n->at, "an enum, an array of characters or a CPU mask, to go with the text",
				sf_kind_label(kind));
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* A flag need not be a _Bool: with true and false written out everything but 0 is true. */
static void to_flag(const struct expr_node *other, struct expr_val *v)
{
	if (other->op == OP_BOOL && v->kind == VAL_INT)
		v->i = v->i != 0;
}

enum expr_outcome sf_expr_compare(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	const struct expr_node *left = expr_node(ev->x, n->a), *right = expr_node(ev->x, n->b);
	struct expr_val a, b;
	struct side x = { left, &a }, y = { right, &b };
	bool is_equality = n->op == OP_EQ || n->op == OP_NE, same = false;
	enum expr_outcome out;

	if ((out = sf_expr_eval(ev, n->a, &a)) || (out = sf_expr_eval(ev, n->b, &b)))
		return out;
	*ret = (struct expr_val){ .kind = VAL_BOOL };
	if (a.kind == VAL_NOTHING || b.kind == VAL_NOTHING)
		return OUT_OK;
	if (!is_equality && (a.kind == VAL_TEXT || b.kind == VAL_TEXT || left->op == OP_BOOL || right->op == OP_BOOL))
		return sf_expr_mismatch(ev, n->at, "numbers on both sides of an order", a.kind == VAL_TEXT || b.kind == VAL_TEXT ?
					"a text, which has only == and !=" : "true or false, which have only == and !=");
	if (a.kind == VAL_TEXT || b.kind == VAL_TEXT) {
		out = b.kind == VAL_TEXT ? is_text(ev, &x, &y, &same) : is_text(ev, &y, &x, &same);
		ret->boolean = a.kind != VAL_NOTHING && b.kind != VAL_NOTHING && same == (n->op == OP_EQ);
		return out;
	}
	if ((out = sf_expr_number(ev, n->a, &a)) || (out = sf_expr_number(ev, n->b, &b)))
		return out;
	to_flag(right, &a);
	to_flag(left, &b);
	if ((left->op == OP_BOOL && b.kind == VAL_REAL) || (right->op == OP_BOOL && a.kind == VAL_REAL))
		return sf_expr_mismatch(ev, n->at, "something that is true or false", "a real");
	ret->boolean = holds(n->op, order_numbers(&a, &b));
	return OUT_OK;
}

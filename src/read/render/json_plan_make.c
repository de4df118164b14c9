/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making plans: the text that is put is cut into steps where something would be read.
 */

#include "json_plan_private.h"
#include "value_json.h"

#define MAX_VALUE (256u << 10) /* bytes of a value */
#define MAX_TEXT (4u << 20)    /* of a plan: as much as one value has */

struct sf_plan_maker {
	struct sf_json_plan *plan;
	struct sf_json_writer json;
	struct sf_walk w;
	size_t at;                     /* text before this belongs to a step */
	uint32_t n_loops;
	size_t open[MAX_LOOPS];
	uint32_t entered[SF_RENDER_MAX_DEPTH + 2]; /* how many loops were open when the value at that depth was entered */
	bool failed;
};

/* ---- steps ----------------------------------------------------------------------------------------------------- */

void sf_plan_fail(struct sf_plan_maker *m)
{
	m->failed = m->json.failed = true;
}

void sf_plan_enter(struct sf_plan_maker *m)
{
	if (m->w.depth < ARRAY_SIZE(m->entered))
		m->entered[m->w.depth] = m->n_loops;
}

static bool take_text(void *arg, const char *text, size_t len)
{
	struct sf_json_buffer *b = arg;

	return len <= MAX_TEXT - b->len && sf_json_buffer_sink(b, text, len);
}

static size_t flush(struct sf_plan_maker *m)
{
	/* Not finished, and no error for that: what matters is that the text is there. */
	(void)sf_json_writer_finish(&m->json);
	m->failed |= m->json.failed;
	return m->plan->text.len;
}

/* Everything up to here, and then @step. */
static struct step *add_step(struct sf_plan_maker *m, const struct step *step)
{
	size_t end = flush(m);
	struct step *s;

	do {
		uint32_t len = (uint32_t)sf_min(end - m->at, (size_t)PIECE);

		s = sf_vec_push(&m->plan->steps);
		if (!s) {
			sf_plan_fail(m);
			return NULL;
		}
		*s = (struct step){ .op = OP_TEXT };
		if (m->at + len == end)
			*s = *step;
		s->text = (struct piece){ .at = (uint32_t)m->at, .len = len };
		m->at += len;
	} while (m->at < end || s->op == OP_TEXT);
	return s;
}

/* @step reads: its bytes have to be the value's. */
static struct step *add_read(struct sf_plan_maker *m, const struct sf_node *n, const struct step *step, uint32_t n_bytes)
{
	struct step s = *step;

	/* Of all elements; the loops were checked to end within the value when they were made. */
	if (!sf_in_range(n->at, n_bytes, m->plan->like.had)) {
		sf_plan_fail(m);
		return NULL;
	}
	s.off = (uint32_t)n->at;
	s.n_bytes = (uint8_t)n_bytes;
	return add_step(m, &s);
}

void sf_plan_text(struct sf_plan_maker *m, const char *text, size_t len)
{
	flush(m);
	if (!m->failed && !take_text(&m->plan->text, text, len))
		sf_plan_fail(m);
}

static struct piece text_from(struct sf_plan_maker *m, size_t from)
{
	m->at = flush(m);
	return (struct piece){ .at = (uint32_t)from, .len = (uint32_t)(m->at - from) };
}

/* ---- scalars ----------------------------------------------------------------------------------------------- */

static bool resolve(const struct sf_node *n, struct sf_btf_type *t)
{
	const struct sf_typed *src = n->ctx;

	if (!src->btf || !n->type || !sf_btf_type(src->btf, sf_btf_peel(src->btf, n->type), t))
		return false;
	return t->kind != SF_BTF_VAR || sf_btf_type(src->btf, sf_btf_peel(src->btf, t->type), t);
}

bool sf_plan_shape(struct sf_plan_maker *m, const struct sf_node *n, struct sf_scalar *ret)
{
	struct sf_btf_type t;

	if (!resolve(n, &t)) {
		sf_plan_fail(m);
		return false;
	}
	*ret = (struct sf_scalar){ .kind = sf_node_kind(n), .bits = (uint8_t)(n->bit_size ? n->bit_size : t.size * 8) };
	if (ret->kind == SF_ENUM)
		ret->is_signed = t.kflag;
	return true;
}

static enum op whole_op(uint32_t size, bool is_signed)
{
	switch (size) {
	case 1:
		return is_signed ? OP_S8 : OP_U8;
	case 2:
		return is_signed ? OP_S16 : OP_U16;
	case 4:
		return is_signed ? OP_S32 : OP_U32;
	case 8:
		return is_signed ? OP_S64 : OP_U64;
	default:
		return is_signed ? OP_SBITS : OP_BITS;
	}
}

void sf_plan_number(struct sf_plan_maker *m, const struct sf_node *n, const struct sf_scalar *shape)
{
	bool is_signed = shape->kind == SF_INT || (shape->kind == SF_ENUM && shape->is_signed);
	struct step s = { .bits = shape->bits };
	struct sf_btf_type t;
	uint32_t n_bytes;

	if (!resolve(n, &t)) {
		sf_plan_fail(m);
		return;
	}
	n_bytes = t.size;
	switch (shape->kind) {
	case SF_FLOAT:
		s.op = t.size == 4 ? OP_F32 : OP_F64;
		break;
	case SF_BOOL:
		s.op = OP_BOOL;
		break;
	default:
		s.op = (uint8_t)whole_op(t.size, is_signed);
		if (!n->bit_size)
			break;
		s.op = is_signed ? OP_SBITS : OP_BITS;
		s.shift = (uint8_t)n->bit_offset;
		n_bytes = (n->bit_offset + n->bit_size + 7u) / 8;
	}
	if (n_bytes > UINT8_MAX)
		sf_plan_fail(m);
	else
		add_read(m, n, &s, n_bytes);
}

static int by_value(const void *a, const void *b)
{
	const struct variant *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	/* The first of them counts; names were written in the order of the type. */
	return x->name.at < y->name.at ? -1 : 1;
}

static void add_variant(struct sf_plan_maker *m, uint64_t value, const char *name)
{
	struct variant *v = sf_vec_push(&m->plan->variants);
	size_t from = m->plan->text.len;
	struct sf_json_writer json;

	sf_json_writer_init(&json, take_text, &m->plan->text, false);
	sf_json_str(&json, name);
	if (!v || !sf_json_writer_finish(&json))
		sf_plan_fail(m);
	else
		*v = (struct variant){ value, { (uint32_t)from, (uint32_t)(m->plan->text.len - from) } };
}

static void add_variants(struct sf_plan_maker *m, const struct sf_btf *btf, const struct sf_btf_type *t,
			 struct variants *ret)
{
	struct sf_json_plan *plan = m->plan;
	struct sf_btf_enumerator e;
	size_t first = plan->variants.n;

	for (uint32_t i = 0; i < t->vlen && !m->failed && sf_btf_enumerator(btf, t, i, &e); i++)
		add_variant(m, t->size >= 8 ? (uint64_t)e.value : (uint64_t)e.value & ((1ull << t->size * 8) - 1), e.name);
	if (m->failed)
		return;
	if (plan->variants.n > first)
		qsort(plan->variants.v + first, plan->variants.n - first, sizeof(*plan->variants.v), by_value);
	*ret = (struct variants){ .first = first, .size = (uint8_t)t->size };
	for (size_t i = first; i < plan->variants.n; i++)
		if (!ret->n || plan->variants.v[first + ret->n - 1].value != plan->variants.v[i].value)
			plan->variants.v[first + ret->n++] = plan->variants.v[i];
	plan->variants.n = first + ret->n;
}

void sf_plan_variant(struct sf_plan_maker *m, const struct sf_node *n, const struct sf_scalar *shape)
{
	const struct sf_typed *src = n->ctx;
	struct sf_btf_type t;
	struct variants *e;

	(void)shape;
	if (m->failed || !resolve(n, &t) ||
	    !add_read(m, n, &(struct step){ .op = OP_VARIANT, .arg = (uint32_t)m->plan->enums.n }, t.size))
		return;
	e = sf_vec_push(&m->plan->enums);
	if (!e) {
		sf_plan_fail(m);
		return;
	}
	*e = (struct variants){ 0 };
	add_variants(m, src->btf, &t, e);
	m->at = m->plan->text.len;
}

/* ---- what value_json.c puts ---------------------------------------------------------------------------------- */

static struct inside *add_inside(struct sf_plan_maker *m, const struct sf_node *n)
{
	struct sf_json_plan *plan = m->plan;
	struct inside *in = sf_vec_push(&plan->insides);

	if (!in) {
		sf_plan_fail(m);
		return NULL;
	}
	/* It is entered already, and will be entered again. */
	*in = (struct inside){ .node = *n, .json_depth = m->json.depth, .depth = m->w.depth - 1, .path = plan->path.n };
	for (uint32_t i = 0; i < in->depth; i++) {
		struct outer *o = sf_vec_push(&plan->path);

		if (!o) {
			sf_plan_fail(m);
			return NULL;
		}
		*o = (struct outer){ .off = m->w.path[i], .n_loops = m->entered[i] };
	}
	return in;
}

void sf_plan_node(struct sf_plan_maker *m, const struct sf_node *n)
{
	/* How a value is cut short says a lot, and no map is full of such. */
	if (sf_node_kind(n) == SF_TRUNCATED) {
		sf_plan_fail(m);
		return;
	}
	sf_json_raw(&m->json, "", 0);
	if (add_inside(m, n))
		add_step(m, &(struct step){ .op = OP_NODE, .arg = (uint32_t)m->plan->insides.n - 1 });
}

/* What it leads to is small whatever it is, or is not followed. */
static bool is_short(const struct sf_walk *w, const struct sf_node *n, const struct sf_btf_type *t)
{
	struct sf_typed_target target;

	if (sf_typed_target(n->ctx, t->type, &target) || target.reach != SF_REACH_ONE)
		return true;
	struct sf_node to = sf_typed_node(target.src, 0, target.type, target.size);

	return sf_node_kind(&to) == SF_CPU_LIST || sf_walk_is_large(w, &to);
}

void sf_plan_pointer(struct sf_plan_maker *m, const struct sf_node *n)
{
	struct step s = { .op = OP_POINTER, .arg = (uint32_t)m->plan->insides.n };
	struct sf_btf_type t;

	sf_json_raw(&m->json, "", 0);
	if (m->failed || !resolve(n, &t) || !add_inside(m, n) || !add_read(m, n, &s, 8)) {
		sf_plan_fail(m);
		return;
	}
	if (!is_short(&m->w, n, &t)) {
		uint32_t *follow = m->n_loops ? NULL : sf_vec_push(&m->plan->follows);

		if (follow)
			*follow = (uint32_t)n->at;
		else
			sf_plan_fail(m);
	}
	m->json.after_key = true;
}

void sf_plan_pointer_end(struct sf_plan_maker *m)
{
	struct sf_json_plan *plan = m->plan;

	if (!m->failed)
		plan->insides.v[plan->steps.v[plan->steps.n - 1].arg].null = text_from(m, m->at);
}

bool sf_plan_loop(struct sf_plan_maker *m, const struct sf_node *n, uint64_t shown, struct sf_node *ret_elem)
{
	struct sf_json_plan *plan = m->plan;
	struct sf_node last;
	struct loop *loop;

	if (m->failed || m->n_loops == MAX_LOOPS || sf_node_index(n, 0, ret_elem) != SF_STEP_OK ||
	    sf_node_index(n, shown - 1, &last) != SF_STEP_OK || last.had != ret_elem->had ||
	    !sf_in_range(last.at, last.had, plan->like.had)) {
		sf_plan_fail(m);
		return false;
	}
	m->open[m->n_loops++] = plan->loops.n;
	loop = sf_vec_push(&plan->loops);
	if (!loop || !add_step(m, &(struct step){ .op = OP_LOOP, .arg = (uint32_t)plan->loops.n - 1 })) {
		sf_plan_fail(m);
		return false;
	}
	*loop = (struct loop){ .count = shown, .body = plan->steps.n,
			       .stride = shown > 1 ? (last.at - ret_elem->at) / (shown - 1) : 0 };
	return true;
}

void sf_plan_loop_end(struct sf_plan_maker *m)
{
	if (m->n_loops)
		add_step(m, &(struct step){ .op = OP_NEXT, .arg = (uint32_t)m->open[--m->n_loops] });
}

static bool make(struct sf_plan_maker *m, const struct sf_walk *w, const struct sf_json_writer *json)
{
	struct sf_json_plan *plan = m->plan;
	char padding[CHUNK] = { 0 };

	/* In the middle of another text: at this depth, and after what comes before a value. */
	sf_json_writer_init(&m->json, take_text, &plan->text, json->pretty);
	m->json.depth = json->depth;
	m->json.after_key = m->json.has_root = true;
	sf_walk_init(&m->w, &w->opt);
	sf_value_json_plan(m, &m->w, &plan->like, &m->json);
	plan->parts = m->w.granted - m->w.left;
	if (m->failed || !add_step(m, &(struct step){ .op = OP_END }) || m->failed)
		return false;
	plan->none = (struct piece){ .at = (uint32_t)plan->text.len, .len = 4 };
	/* Copying goes beyond the end. */
	return sf_json_buffer_sink(&plan->text, "null", 4) && sf_json_buffer_sink(&plan->text, padding, sizeof(padding));
}

struct sf_json_plan *sf_json_plan_new(const struct sf_walk *w, const struct sf_node *n,
				      const struct sf_json_writer *json)
{
	_cleanup_free_ struct sf_plan_maker *m = NULL;
	SF_OWNED(json_plan) plan = NULL;

	if (json->failed || !n->had || n->had > MAX_VALUE || n->bit_size || n->flags)
		return NULL;
	m = calloc(1, sizeof(*m));
	plan = calloc(1, sizeof(*plan));
	if (!m || !plan)
		return NULL;
	plan->like = *n;
	plan->like.at = 0;
	plan->depth = json->depth;
	plan->pretty = json->pretty;
	plan->scratch = malloc(n->had);
	m->plan = plan;
	return plan->scratch && make(m, w, json) ? steal_ptr(&plan) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Putting values by a plan.
 */

#include "json_plan_private.h"
#include "value_json.h"

#define SLACK (SF_JSON_NUMBER + CHUNK)

/* One value on its way out. */
struct run {
	const struct sf_json_plan *plan;
	struct sf_walk *w;
	struct sf_json_writer *json;
	uint64_t kva;
	uint32_t n_loops;
	uint64_t left[MAX_LOOPS];
	uint64_t add[MAX_LOOPS + 1];   /* from the first element to this one, of all loops down to that level */
};

static inline char *copy_text(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i += CHUNK)
		memcpy(to + i, from + i, CHUNK);
	return to + len;
}

/* Room for a piece and a number behind it. NULL: the sink has stopped. */
static inline char *make_room(const struct run *r, char *p, size_t len)
{
	struct sf_json_writer *json = r->json;

	if (sf_likely((size_t)(json->buf + sizeof(json->buf) - p) >= len + SLACK))
		return p;
	json->n = (size_t)(p - json->buf);
	return sf_json_room(json, len + SLACK) ? json->buf + json->n : NULL;
}

static char *put_piece(const struct run *r, char *p, const struct piece *piece)
{
	for (uint32_t at = 0; p && at < piece->len; at += PIECE) {
		uint32_t len = sf_min(piece->len - at, PIECE);

		p = make_room(r, p, len);
		if (p)
			p = copy_text(p, r->plan->text.text + piece->at + at, len);
	}
	return p;
}

static uint64_t load(const uint8_t *v, size_t size)
{
	uint64_t ret = 0;

	memcpy(&ret, v, sf_min(size, sizeof(ret)));
	return ret;
}

static char *put_bits(char *p, const struct step *s, const uint8_t *v)
{
	unsigned __int128 wide = 0;
	unsigned int unused = 64 - s->bits;
	uint64_t bits;

	memcpy(&wide, v, sf_min((size_t)s->n_bytes, sizeof(wide)));
	bits = (uint64_t)(wide >> s->shift) << unused;
	return s->op == OP_BITS ? sf_json_text_u64(p, bits >> unused) : sf_json_text_i64(p, (int64_t)bits >> unused);
}

static char *put_bool(char *p, const struct step *s, const uint8_t *v)
{
	bool is_set = false;

	for (size_t i = 0; i < s->n_bytes; i++)
		is_set |= v[i] != 0;
	memcpy(p, is_set ? "true" : "false", 5);
	return p + (is_set ? 4 : 5);
}

static char *put_real(char *p, const struct step *s, const uint8_t *v)
{
	double wide;
	float narrow;

	if (s->op == OP_F32) {
		memcpy(&narrow, v, sizeof(narrow));
		wide = (double)narrow;
	} else {
		memcpy(&wide, v, sizeof(wide));
	}
	return sf_json_text_f64(p, wide);
}

static char *put_variant(const struct run *r, char *p, const struct step *s, const uint8_t *v)
{
	const struct variants *e = &r->plan->enums.v[s->arg];
	/* Where no enum has a name there is no list of them. */
	const struct variant *all = e->n ? r->plan->variants.v + e->first : NULL;
	uint64_t value = load(v, e->size);
	size_t low = 0, high = e->n;

	/* Most enums count from 0. */
	if (value < e->n && all[value].value == value)
		return put_piece(r, p, &all[value].name);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	return put_piece(r, p, low < e->n && all[low].value == value ? &all[low].name : &r->plan->none);
}

static char *put_inside(const struct run *r, char *p, const struct inside *in)
{
	const struct outer *path = in->depth ? r->plan->path.v + in->path : NULL;
	struct sf_json_writer *json = r->json;
	struct sf_node n = in->node;

	for (uint32_t i = 0; i < in->depth; i++)
		r->w->path[i] = r->kva + path[i].off + r->add[path[i].n_loops];
	r->w->depth = in->depth;
	r->w->hops = 0;
	n.at += r->kva + r->add[r->n_loops];
	json->n = (size_t)(p - json->buf);
	json->depth = in->json_depth;
	json->after_key = true;
	/* It is one of the plan's parts, and will be counted again. */
	r->w->left++;
	sf_value_json_inside(r->w, &n, json);
	json->depth = r->plan->depth;
	return json->failed ? NULL : json->buf + json->n;
}

static char *put_number(char *p, const struct step *s, const uint8_t *v)
{
	switch ((enum op)s->op) {
	case OP_U8:
		return sf_json_text_u64(p, *v);
	case OP_U16:
		return sf_json_text_u64(p, sf_load16(v));
	case OP_U32:
		return sf_json_text_u64(p, sf_load32(v));
	case OP_U64:
		return sf_json_text_u64(p, sf_load64(v));
	case OP_S8:
		return sf_json_text_i64(p, (int8_t)*v);
	case OP_S16:
		return sf_json_text_i64(p, (int16_t)sf_load16(v));
	case OP_S32:
		return sf_json_text_i64(p, (int32_t)sf_load32(v));
	case OP_S64:
		return sf_json_text_i64(p, (int64_t)sf_load64(v));
	case OP_BITS:
	case OP_SBITS:
		return put_bits(p, s, v);
	case OP_F32:
	case OP_F64:
		return put_real(p, s, v);
	case OP_BOOL:
		return put_bool(p, s, v);
	default:
		return p;
	}
}

/* Behind an element: to the next one, and a comma. */
static const struct step *next_element(struct run *r, const struct step *s, char **p)
{
	const struct loop *loop = &r->plan->loops.v[s->arg];

	if (!--r->left[r->n_loops - 1]) {
		r->n_loops--;
		return s;
	}
	r->add[r->n_loops] += loop->stride;
	*(*p)++ = ',';
	return &r->plan->steps.v[loop->body - 1];
}

static void run(struct run *r, const uint8_t *bytes)
{
	const struct sf_json_plan *plan = r->plan;
	struct sf_json_writer *json = r->json;
	char *p = json->buf + json->n;

	for (const struct step *s = plan->steps.v; p; s++) {
		const uint8_t *v = bytes + s->off + r->add[r->n_loops];

		p = make_room(r, p, s->text.len);
		if (!p)
			break;
		p = copy_text(p, plan->text.text + s->text.at, s->text.len);
		switch ((enum op)s->op) {
		case OP_END:
			json->n = (size_t)(p - json->buf);
			return;
		case OP_TEXT:
			break;
		case OP_LOOP:
			r->left[r->n_loops++] = plan->loops.v[s->arg].count;
			r->add[r->n_loops] = r->add[r->n_loops - 1];
			break;
		case OP_NEXT:
			s = next_element(r, s, &p);
			break;
		case OP_VARIANT:
			p = put_variant(r, p, s, v);
			break;
		case OP_POINTER:
			p = sf_load64(v) ? put_inside(r, p, &plan->insides.v[s->arg]) :
					   put_piece(r, p, &plan->insides.v[s->arg].null);
			break;
		case OP_NODE:
			p = put_inside(r, p, &plan->insides.v[s->arg]);
			break;
		default:
			p = put_number(p, s, v);
		}
	}
}

/* All of the value, wherever it lies; NULL: a page is missing. */
static const uint8_t *bytes_of(struct sf_json_plan *plan, const struct sf_node *n)
{
	struct sf_vmem *vm = ((const struct sf_typed *)n->ctx)->vm;
	size_t at = n->at & (SF_PAGE_SIZE - 1);
	const uint8_t *page;

	if (n->had <= SF_PAGE_SIZE - at) {
		page = sf_vmem_page(vm, n->at, NULL);
		return page ? page + at : NULL;
	}
	return sf_vmem_read(vm, n->at, plan->scratch, n->had) == SF_FAULT_NONE ? plan->scratch : NULL;
}

static bool is_like(const struct sf_json_plan *plan, const struct sf_node *n, const struct sf_json_writer *json)
{
	const struct sf_node *like = &plan->like;

	return n->ops == like->ops && n->ctx == like->ctx && n->type == like->type && n->had == like->had &&
	       n->flags == like->flags && n->bit_size == like->bit_size && json->depth == plan->depth &&
	       json->pretty == plan->pretty;
}

bool sf_json_plan_put(struct sf_json_plan *plan, struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json)
{
	const uint8_t *bytes = plan && is_like(plan, n, json) ? bytes_of(plan, n) : NULL;

	if (!bytes)
		return false;
	for (size_t i = 0; i < plan->follows.n; i++)
		if (sf_load64(bytes + plan->follows.v[i]))
			return false;
	/* Where a value may have too many parts they are counted by who knows which to leave out. */
	sf_walk_begin(w, 1);
	if (w->left / 2 <= plan->parts)
		return false;
	sf_walk_charge(w, plan->parts);
	if (sf_json_open(json))
		run(&(struct run){ .plan = plan, .w = w, .json = json, .kva = n->at }, bytes);
	return true;
}

void sf_json_plan_free(struct sf_json_plan *plan)
{
	if (!plan)
		return;
	free(plan->text.text);
	free(plan->steps.v);
	free(plan->loops.v);
	free(plan->variants.v);
	free(plan->enums.v);
	free(plan->insides.v);
	free(plan->path.v);
	free(plan->follows.v);
	free(plan->scratch);
	free(plan);
}

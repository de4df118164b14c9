/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "value/typed.h"
#include "walk.h"

#define ZERO_DEPTH 16     /* nesting in which zeros are sought */
#define MASK_BYTES 8192   /* 65536 CPUs; the kernel's own limit is 8192 CPUs */

static uint32_t or_default(uint32_t v, uint32_t other)
{
	return v ? v : other;
}

void sf_walk_init(struct sf_walk *w, const struct sf_render_options *opt)
{
	struct sf_render_options o = opt ? *opt : (struct sf_render_options){ 0 };

	o.width = or_default(o.width, 120);
	o.max_elements = or_default(o.max_elements, 4096);
	o.max_entries = or_default(o.max_entries, 4096);
	o.max_depth = sf_min(or_default(o.max_depth, 32), SF_RENDER_MAX_DEPTH);
	o.max_hops = or_default(o.max_hops, 1);
	o.max_bytes = or_default(o.max_bytes, 65536);
	o.max_object = or_default(o.max_object, 256);
	o.max_parts = o.max_parts ? o.max_parts : 4194304;
	w->opt = o;
	w->granted = w->left = 0;
	sf_walk_map(w, UINT32_MAX);
	sf_walk_begin(w, 1);
}

void sf_walk_map(struct sf_walk *w, uint32_t value_len)
{
	w->overdraft = w->opt.max_parts > UINT64_MAX / 64 ? UINT64_MAX : w->opt.max_parts * 64;
	/* A bitfield is less than a byte, and a value is looked at more than once. */
	w->fair = 8ull * value_len + 4096;
	w->granted = w->left = 0;
}

void sf_walk_begin(struct sf_walk *w, unsigned int factor)
{
	uint64_t used = w->granted - w->left, fair = w->fair * factor;

	w->overdraft -= sf_min(used > fair ? used - fair : 0, w->overdraft);
	w->left = w->opt.max_parts > UINT64_MAX / factor ? UINT64_MAX : w->opt.max_parts * factor;
	if (!w->overdraft)
		w->left = sf_min(w->left, (uint64_t)1);
	w->granted = w->left;
	w->depth = w->hops = 0;
}

const char *sf_walk_enter(struct sf_walk *w, const struct sf_node *n)
{
	if (!sf_walk_charge(w, 1)) {
		w->left = 0;
		snprintf(w->why, sizeof(w->why), "cut here: the value has more than %" PRIu64 " parts", w->opt.max_parts);
		return w->why;
	}
	/* What is unsupported has a reason of its own, and nothing in it. */
	if (w->depth > w->opt.max_depth && sf_node_kind(n) != SF_UNSUPPORTED) {
		snprintf(w->why, sizeof(w->why), "deeper than level %" PRIu32, w->opt.max_depth);
		return w->why;
	}
	w->path[w->depth++] = n->at;
	return NULL;
}

void sf_trouble_text(const struct sf_trouble *why, char *buf, size_t size)
{
	snprintf(buf, size, "%s at 0x%" PRIx64, sf_fault_text(why->fault), why->addr);
}

const char sf_walk_large[] = "a large object of the kernel: ask for its members";

/* Every pointer to a task would else be two hundred lines of it. */
bool sf_walk_is_large(const struct sf_walk *w, const struct sf_node *target)
{
	uint64_t size;

	return sf_typed_is_kernel(target) && sf_node_kind(target) == SF_STRUCT && sf_typed_size(target, &size) &&
	       size > w->opt.max_object;
}

bool sf_walk_follow(struct sf_walk *w, const struct sf_node *ptr, struct sf_node *ret, const char **why)
{
	struct sf_trouble trouble = { 0 }, unused;
	struct sf_scalar s;

	*why = NULL;
	if (w->depth > w->opt.max_depth)
		return false;
	switch (sf_node_deref(ptr, ret, why, &trouble)) {
	case SF_STEP_NONE:
		return false;
	case SF_STEP_TROUBLE:
		/* The pointer itself could not be read: whoever shows it says so. */
		if (sf_node_scalar(ptr, &s, &unused) == SF_STEP_OK)
			*why = sf_fault_text(trouble.fault);
		return false;
	case SF_STEP_OK:
		break;
	}
	for (uint32_t i = 0; i < w->depth; i++) {
		if (w->path[i] != ret->at)
			continue;
		*why = "cycle";
		return false;
	}
	if (w->hops >= w->opt.max_hops)
		return sf_node_kind(ret) == SF_CPU_LIST;
	if (sf_walk_is_large(w, ret)) {
		*why = sf_walk_large;
		return false;
	}
	return true;
}

/* ---- elements ---------------------------------------------------------------------------------------------- */

enum sf_step sf_chunk_get(struct sf_chunk *c, uint64_t i, struct sf_scalar *ret, struct sf_trouble *why)
{
	struct sf_node elem;

	if (i - c->first < c->n) {
		*ret = c->v[i - c->first];
		return SF_STEP_OK;
	}
	if (!c->singly) {
		size_t n = SF_CHUNK;
		enum sf_step step = sf_node_scalars(c->array, i, c->v, &n);

		if (step == SF_STEP_OK) {
			c->first = i;
			c->n = n;
			*ret = c->v[0];
			return SF_STEP_OK;
		}
		c->singly = step == SF_STEP_NONE;
	}
	if (sf_node_index(c->array, i, &elem) != SF_STEP_OK)
		return SF_STEP_NONE;
	return sf_node_scalar(&elem, ret, why);
}

uint64_t sf_walk_shown(const struct sf_walk *w, const struct sf_node *array, uint64_t *ret_len)
{
	uint64_t present;

	*ret_len = sf_node_len(array, &present);
	return sf_min(present, (uint64_t)w->opt.max_elements);
}

/* ---- zero -------------------------------------------------------------------------------------------------- */

bool sf_scalar_is_zero(const struct sf_scalar *s)
{
	switch (s->kind) {
	case SF_INT:
	case SF_ENUM:
		return !s->i64;
	case SF_FLOAT:
		return s->f64 == 0.0;
	default:
		return !s->u64;
	}
}

static bool zero_at(struct sf_walk *w, const struct sf_node *n, unsigned int depth);

static bool zero_struct(struct sf_walk *w, const struct sf_node *n, unsigned int depth)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	while (sf_walk_member(w, n, &it, &name, &member))
		if (!zero_at(w, &member, depth + 1))
			return false;
	return w->left > 1;
}

static bool zero_array(struct sf_walk *w, const struct sf_node *n, unsigned int depth)
{
	struct sf_chunk chunk = { .array = n };
	uint64_t present, len = sf_node_len(n, &present);
	struct sf_trouble why;
	struct sf_scalar s;
	struct sf_node elem;

	if (present < len)
		return false;
	for (uint64_t i = 0; i < present; i++) {
		switch (sf_chunk_get(&chunk, i, &s, &why)) {
		case SF_STEP_OK:
			if (!sf_scalar_is_zero(&s) || !(i % SF_CHUNK || sf_walk_charge(w, 1)))
				return false;
			break;
		case SF_STEP_NONE:
			if (sf_node_index(n, i, &elem) == SF_STEP_OK && zero_at(w, &elem, depth + 1))
				break;
			return false;
		case SF_STEP_TROUBLE:
			return false;
		}
	}
	return true;
}

static bool zero_mask(const struct sf_node *n)
{
	uint8_t raw[512];
	struct sf_trouble why;

	for (uint64_t off = 0; off < MASK_BYTES; off += sizeof(raw)) {
		size_t len = sizeof(raw);

		if (sf_node_bytes(n, off, raw, &len, &why) != SF_STEP_OK)
			return false;
		for (size_t i = 0; i < len; i++)
			if (raw[i])
				return false;
		if (len < sizeof(raw))
			break;
	}
	return true;
}

static bool zero_at(struct sf_walk *w, const struct sf_node *n, unsigned int depth)
{
	struct sf_trouble why;
	struct sf_scalar s;

	if (depth > ZERO_DEPTH || !sf_walk_charge(w, 1))
		return false;
	switch (sf_node_kind(n)) {
	case SF_STRUCT:
		return zero_struct(w, n, depth);
	case SF_ARRAY:
		return zero_array(w, n, depth);
	case SF_CPU_LIST:
		return zero_mask(n);
	case SF_BYTES:
	case SF_TRUNCATED:
	case SF_UNSUPPORTED:
		return false;
	default:
		return sf_node_scalar(n, &s, &why) == SF_STEP_OK && sf_scalar_is_zero(&s);
	}
}

bool sf_walk_is_zero(struct sf_walk *w, const struct sf_node *n)
{
	return zero_at(w, n, 0);
}

/* ---- equality ---------------------------------------------------------------------------------------------- */

static bool same_at(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b, unsigned int depth);

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_scalar(const struct sf_node *a, const struct sf_node *b)
{
	struct sf_trouble why;
	struct sf_scalar x, y;

	if (sf_node_scalar(a, &x, &why) != SF_STEP_OK || sf_node_scalar(b, &y, &why) != SF_STEP_OK)
		return false;
	return x.kind == y.kind && x.bits == y.bits && x.i64 == y.i64 && x.u64 == y.u64 &&
	       !memcmp(&x.f64, &y.f64, sizeof(x.f64)) && same_text(x.variant, y.variant);
}

static bool same_struct(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b, unsigned int depth)
{
	struct sf_member_iter ia = { 0 }, ib = { 0 };
	const char *name_a, *name_b;
	struct sf_node ma, mb;

	if (!same_text(sf_node_type_name(a), sf_node_type_name(b)))
		return false;
	for (;;) {
		bool more_a = sf_walk_member(w, a, &ia, &name_a, &ma), more_b = sf_walk_member(w, b, &ib, &name_b, &mb);

		if (!more_a || !more_b)
			return more_a == more_b && w->left > 1;
		if (!same_text(name_a, name_b) || !same_at(w, &ma, &mb, depth + 1))
			return false;
	}
}

static bool same_array(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b, unsigned int depth)
{
	uint64_t na, nb, len_a = sf_node_len(a, &na), len_b = sf_node_len(b, &nb);
	struct sf_node ea, eb;

	if (len_a != len_b || na != nb)
		return false;
	for (uint64_t i = 0; i < na; i++)
		if (sf_node_index(a, i, &ea) != SF_STEP_OK || sf_node_index(b, i, &eb) != SF_STEP_OK ||
		    !same_at(w, &ea, &eb, depth + 1))
			return false;
	return true;
}

static bool same_bytes(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b)
{
	uint8_t x[256], y[256];
	struct sf_trouble why;

	for (uint64_t off = 0;; off += sizeof(x)) {
		size_t n = sizeof(x), m = sizeof(y);

		if (!sf_walk_charge(w, 1) || sf_node_bytes(a, off, x, &n, &why) != SF_STEP_OK ||
		    sf_node_bytes(b, off, y, &m, &why) != SF_STEP_OK || n != m || memcmp(x, y, n))
			return false;
		if (n < sizeof(x))
			return true;
	}
}

static bool same_at(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b, unsigned int depth)
{
	enum sf_kind kind = sf_node_kind(a);

	if (depth > ZERO_DEPTH || !sf_walk_charge(w, 1) || kind != sf_node_kind(b))
		return false;
	switch (kind) {
	case SF_STRUCT:
		return same_struct(w, a, b, depth);
	case SF_ARRAY:
		return same_array(w, a, b, depth);
	case SF_CPU_LIST:
	case SF_BYTES:
		return same_bytes(w, a, b);
	case SF_UNSUPPORTED:
		return same_text(sf_node_note(a), sf_node_note(b));
	case SF_TRUNCATED:
		return false;
	default:
		return same_scalar(a, b);
	}
}

bool sf_walk_is_same(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b)
{
	return same_at(w, a, b, 0);
}

/* ---- masks ------------------------------------------------------------------------------------------------- */

static void put_range(struct sf_text *t, uint64_t first, uint64_t last)
{
	sf_text_putf(t, "%s%" PRIu64, t->n ? "," : "", first);
	if (last > first)
		sf_text_putf(t, "-%" PRIu64, last);
}

bool sf_walk_cpus(const struct sf_node *n, struct sf_text *ret, struct sf_trouble *why)
{
	uint64_t first = 0, bit = 0;
	bool in_run = false;
	uint8_t raw[512];

	*why = (struct sf_trouble){ 0 };
	for (uint64_t off = 0; off < MASK_BYTES; off += sizeof(raw)) {
		size_t len = sizeof(raw);

		if (sf_node_bytes(n, off, raw, &len, why) != SF_STEP_OK)
			return false;
		for (size_t i = 0; i < len * 8; i++, bit++) {
			bool set = raw[i / 8] >> (i % 8) & 1;

			if (set && !in_run)
				first = bit;
			if (!set && in_run)
				put_range(ret, first, bit - 1);
			in_run = set;
		}
		if (len < sizeof(raw))
			break;
	}
	if (in_run)
		put_range(ret, first, bit - 1);
	return !ret->failed;
}

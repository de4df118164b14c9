/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an expression takes from variables and maps: one value, several, or what they come to together.
 */

#include <inttypes.h>

#include "expr_eval.h"

#define NO_MATCH_KEYS 3u         /* that an error quotes */
#define KEY_TEXT 84u             /* bytes of each */
#define MAX_ELEMENTS (1u << 26)  /* of arrays that are added up */
#define MAX_NESTING 8u           /* of arrays in arrays */
#define MAX_UNSURE (1u << 20)    /* entries in a filter of which nothing could be told, before it gives up */

/* ---- variables --------------------------------------------------------------------------------------------------- */

enum expr_outcome sf_expr_var(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	struct view view = { .snap = ev->snap };
	struct sf_field sealed = sf_view_var(seal_view(&view), expr_string(ev->x, n->name));
	struct field f = unseal_field(&sealed);

	if (f.failure.slot)
		return sf_expr_failed_slot(ev, n->name_at, f.failure);
	return sf_expr_walk(ev, n, &f.node, ev->scope != NULL, ret);
}

/* Receives one value after the other. */
struct sink {
	enum expr_outcome (*fn)(struct expr_eval *ev, struct sink *sink, const struct sf_expr_item *item,
				const struct expr_val *v);
	bool null_is_nothing; /* what a null pointer hides is left out; else it is an error */
	bool full;            /* it wants no more */
};

/* The sections that are looked through are those of sf_view_var(): others than the usual only where these lack it. */
static enum expr_outcome each_var(struct expr_eval *ev, const struct expr_node *n, struct sink *sink)
{
	const char *name = expr_string(ev->x, n->name);
	enum expr_outcome out;
	size_t hits = 0;

	for (int standard = 1; standard >= 0 && !hits; standard--)
		for (size_t i = 0; i < ev->snap->n_maps && !sink->full; i++) {
			const struct sf_snap_map *m = &ev->snap->maps[i];
			struct sf_expr_item item = { .map = m->listed->name };
			struct sf_node value, member;
			struct expr_val v;

			if (m->is_standard_section != standard || !sf_snap_globals(m, &value))
				continue;
			if (sf_node_member(&value, name, strlen(name), &member) != SF_STEP_OK)
				continue;
			hits++;
			if ((out = sf_expr_walk(ev, n, &member, sink->null_is_nothing, &v)) ||
			    (out = sink->fn(ev, sink, &item, &v)))
				return out;
		}
	if (!hits) {
		struct expr_val none;

		/* Its error says what there is. */
		return sf_expr_var(ev, n, &none);
	}
	return OUT_OK;
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static enum expr_outcome map_by_id(struct expr_eval *ev, const struct expr_node *n, const struct sf_snap_map **ret)
{
	_cleanup_text_ struct sf_text ids = { 0 };
	struct failure f;

	if (sf_snapshot_is_placeholder(ev->snap)) {
		f = sf_fail_placeholder(ev->snap);
		return sf_expr_failed_slot(ev, n->name_at, f);
	}
	for (size_t i = 0; i < ev->snap->n_maps; i++) {
		if (ev->snap->maps[i].listed->map.id == n->number) {
			*ret = &ev->snap->maps[i];
			return OUT_OK;
		}
		if (i < 64)
			sf_text_putf(&ids, "%s%" PRIu32, i ? ", " : "", ev->snap->maps[i].listed->map.id);
	}
	_cleanup_free_ char *have = sf_text_take(&ids);

	return sf_expr_failed(ev, n->name_at, sf_error_new(SF_USAGE, "no map has the id %" PRIu32 "; there are %s",
							   n->number, have && *have ? have : "none"));
}

/* Two schedulers, or two instances of one, may both have a map of this name. */
static enum expr_outcome check_unique(struct expr_eval *ev, const struct expr_node *n, const struct sf_snap_map *map)
{
	const char *name = map->listed->name;
	_cleanup_text_ struct sf_text ids = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < ev->snap->n_maps; i++) {
		const struct sf_snap_map *m = &ev->snap->maps[i];

		if (!strcmp(m->listed->name, name) && ++count <= 16)
			sf_text_putf(&ids, "%smap(id %" PRIu32 ")", count > 1 ? ", " : "", m->listed->map.id);
	}
	if (count < 2)
		return OUT_OK;
	_cleanup_free_ char *have = sf_text_take(&ids);

	return sf_expr_failed(ev, n->name_at, sf_error_new(SF_USAGE, "%zu maps are called %s: %s", count, name,
							   have ? have : ""));
}

enum expr_outcome sf_expr_find_map(struct expr_eval *ev, const struct expr_node *n, const struct sf_snap_map **ret)
{
	struct view view = { .snap = ev->snap };
	struct sf_map sealed;
	struct map m;

	if (n->by_id)
		return map_by_id(ev, n, ret);
	sealed = sf_view_map(seal_view(&view), expr_string(ev->x, n->name));
	m = unseal_map(&sealed);
	if (m.failure.slot)
		return sf_expr_failed_slot(ev, n->name_at, m.failure);
	*ret = m.map;
	return check_unique(ev, n, m.map);
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* The entries that [N], {…} or .key(…) leaves, one after the other. */
struct pick {
	struct expr_eval *ev;
	const struct expr_node *n;
	const struct sf_snap_map *map;
	bool is_row;              /* all of them, or those that pass the filter */
	bool is_done;
	struct sf_snap_cursor cursor;
	struct sf_snap_elem elem; /* the one */
	uint64_t walked;
	uint64_t n_unsure;
	struct sf_snap_elem unsure; /* the first of them */
	struct expr_scope scope;
};

static bool is_only_one(const struct sf_snap_map *map)
{
	enum sf_bpf_shape shape = map->listed->map.shape;

	return map->is_single ||
	       ((shape == SF_BPF_ARRAY || shape == SF_BPF_PERCPU_ARRAY) && sf_snap_map_len(map) == 1);
}

static enum expr_outcome pick_position(struct pick *p, uint64_t position)
{
	struct map m = { .snap = p->ev->snap, .map = p->map };
	struct sf_entry sealed = sf_map_at(seal_map(&m), position);
	struct entry e = unseal_entry(&sealed);

	if (e.failure.slot)
		return sf_expr_failed_slot(p->ev, p->n->pick ? p->n->pick_at : p->n->at, e.failure);
	p->elem = sf_snap_elem_of(&e);
	return OUT_OK;
}

/* {key == N} of an array is element N. A report need not list them all. */
static bool is_index(const struct pick *p, uint64_t *ret)
{
	const struct expr_node *eq = expr_node(p->ev->x, p->n->a), *key, *number;
	enum sf_bpf_shape shape = p->map->listed->map.shape;

	if (eq->op != OP_EQ || p->map->is_single || p->map->doc || (shape != SF_BPF_ARRAY && shape != SF_BPF_PERCPU_ARRAY))
		return false;
	key = expr_node(p->ev->x, eq->a);
	number = expr_node(p->ev->x, eq->b);
	*ret = number->u64;
	return key->op == OP_KEY && !key->path && number->op == OP_INT && !number->negative &&
	       number->u64 < p->map->listed->map.max_entries;
}

static enum expr_outcome pick_begin(struct pick *p, struct expr_eval *ev, const struct expr_node *n)
{
	enum expr_outcome out;
	uint64_t position = 0;

	p->ev = ev;
	p->n = n;
	p->is_row = p->is_done = p->scope.has_owner = false;
	p->walked = p->n_unsure = 0;
	out = sf_expr_find_map(ev, n, &p->map);
	if (out)
		return out;
	if (p->map->unread)
		return sf_expr_failed_slot(ev, n->at, sf_fail_incomplete(ev->snap, p->map));
	if (n->cpus != CPUS_UNSAID && !sf_snap_is_percpu(p->map))
		return sf_expr_mismatch(ev, n->cpu_at, "a map with a value for each CPU, to go with @",
					sf_bpf_map_type_name(p->map->listed->map.type));
	if (n->pick == PICK_POSITION)
		return pick_position(p, n->u64);
	if (n->pick == PICK_NONE && is_only_one(p->map))
		return pick_position(p, 0);
	if (n->pick == PICK_FILTER && is_index(p, &position))
		return pick_position(p, position);
	p->is_row = true;
	p->cursor = sf_snap_elems(p->map);
	return OUT_OK;
}

static uint64_t cpu_of(const struct expr_node *n)
{
	return n->cpus == CPUS_ONE ? n->cpu + UINT64_C(1) : 0;
}

/* Does the filter let @e through? @soft: it may say that it does not know. */
static enum expr_outcome passes(struct pick *p, const struct sf_snap_elem *e, bool soft, bool *ret)
{
	struct expr_scope *around = p->ev->scope;
	enum expr_outcome out;

	p->scope.elem = e;
	p->scope.cpu = cpu_of(p->n);
	p->scope.soft = soft;
	p->scope.has_owner = false;
	p->ev->scope = &p->scope;
	out = sf_expr_eval_bool(p->ev, p->n->a, ret);
	p->ev->scope = around;
	return out;
}

/* OUT_END: there are no more; whether all were seen pick_end() says. */
static enum expr_outcome pick_next(struct pick *p)
{
	enum expr_outcome out;
	bool yes = true;

	if (!p->is_row) {
		out = p->is_done ? OUT_END : OUT_OK;
		p->is_done = true;
		return out;
	}
	while (p->n_unsure < MAX_UNSURE && sf_snap_next(&p->cursor, &p->elem)) {
		p->walked++;
		if (p->n->pick == PICK_FILTER) {
			out = passes(p, &p->elem, true, &yes);
			if (out == OUT_FAILED)
				return out;
			if (out == OUT_UNSURE && !p->n_unsure++)
				p->unsure = p->elem;
			yes &= out == OUT_OK;
		}
		if (yes)
			return OUT_OK;
		yes = true;
	}
	return OUT_END;
}

/* An end that may not be one: entries that nobody could decide on, or that the list has lost. */
static enum expr_outcome pick_end(struct pick *p)
{
	const struct sf_bpf_torn *torn = &p->cursor.c.torn;
	bool ignored;

	if (!p->is_row)
		return OUT_OK;
	if (p->n_unsure) {
		enum expr_outcome out = passes(p, &p->unsure, false, &ignored);

		if (out)
			return out;
	}
	if (torn->n_buckets || torn->n_chains || torn->capped)
		return sf_expr_failed_slot(p->ev, p->n->at, sf_fail_torn(p->ev->snap, p->map));
	return OUT_OK;
}

/* ---- "no match" -------------------------------------------------------------------------------------------------- */

static void key_text(const struct sf_snap_elem *e, struct sf_bpf_owner *owner, char buf[KEY_TEXT])
{
	char hex[KEY_TEXT];
	struct sf_node key;

	if (sf_snap_owner(e, owner) && owner->is_readable && owner->kind == SF_BPF_OWNER_TASK)
		snprintf(buf, KEY_TEXT, "pid %" PRId32, owner->pid);
	else if (sf_snap_owner(e, owner) && owner->is_readable && owner->kind == SF_BPF_OWNER_CGROUP)
		snprintf(buf, KEY_TEXT, "%.*s", (int)KEY_TEXT - 1, owner->path);
	else if (sf_snap_key(e, &key) && sf_node_kind(&key) != SF_BYTES)
		sf_node_text(&key, buf, KEY_TEXT);
	else if (sf_snap_key_hex(e, hex, sizeof(hex)))
		snprintf(buf, KEY_TEXT, "hex:%.*s", (int)KEY_TEXT - 5, hex);
	else
		snprintf(buf, KEY_TEXT, "%" PRIu64, sf_snap_index(e));
}

static enum expr_outcome no_match(struct pick *p, const char *op)
{
	struct sf_error *err = sf_error_bare(SF_NO_MATCH);
	struct sf_snap_cursor c = sf_snap_elems(p->map);
	char texts[NO_MATCH_KEYS][KEY_TEXT];
	const char *list[NO_MATCH_KEYS];
	struct sf_snap_elem e;
	size_t n = 0;

	for (; n < NO_MATCH_KEYS && sf_snap_next(&c, &e); n++) {
		key_text(&e, &p->scope.owner, texts[n]);
		list[n] = texts[n];
	}
	err->payload.map = sf_error_str(err, p->map->listed->name);
	err->payload.op = sf_error_str(err, op);
	err->payload.len = p->walked;
	sf_error_strv(err, &err->payload.available_keys, list, n);
	return sf_expr_failed(p->ev, p->n->pick ? p->n->pick_at : p->n->at, err);
}

/* ---- one value --------------------------------------------------------------------------------------------------- */

static enum expr_outcome which_one(struct pick *p)
{
	const struct sf_snap_map *map = p->map;

	return sf_expr_failed(p->ev, p->n->at,
			      sf_error_new(SF_USAGE, "%s has more than one entry: [N], {…} or .key(…) behind it says which is "
					   "meant; count(), sum(), min() and max() are of all", map->listed->name));
}

static enum expr_outcome pick_one(struct pick *p, struct expr_eval *ev, const struct expr_node *n)
{
	enum expr_outcome out = pick_begin(p, ev, n);

	if (out)
		return out;
	if (n->pick == PICK_NONE && p->is_row)
		return which_one(p);
	out = pick_next(p);
	if (out != OUT_END)
		return out;
	out = pick_end(p);
	return out ? out : no_match(p, "find");
}

enum expr_outcome sf_expr_map(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	struct pick p;
	struct expr_val v;
	enum expr_outcome out;

	if (n->cpus == CPUS_ALL)
		return sf_expr_mismatch(ev, n->cpu_at, "one value", "a list, one for each CPU, of which sum(), min() and max() "
					"make one");
	out = pick_one(&p, ev, n);
	if (!out)
		out = sf_expr_elem_value(ev, n, &p.elem, cpu_of(n), &v);
	return out ? out : sf_expr_walk(ev, n, &v.node, ev->scope != NULL, ret);
}

/* ---- several ----------------------------------------------------------------------------------------------------- */

/* The value, or that of each CPU that was ever set up. */
static enum expr_outcome each_cpu(struct pick *p, struct sink *sink)
{
	bool all = sf_snap_is_percpu(p->map) && p->n->cpus != CPUS_ONE;
	uint32_t n = all ? sf_snap_n_cpus(p->map) : 1;
	struct sf_node ignored;
	enum expr_outcome out;

	for (uint32_t cpu = 0; cpu < n && !sink->full; cpu++) {
		struct sf_expr_item item = { .has_cpu = all, .cpu = all ? cpu : 0 };
		struct expr_val whole, v;

		/* No value is there to be missed; that its pointer could not be read is another matter. */
		if (all && p->elem.at.value && !sf_snap_cpu_value(&p->elem, cpu, &ignored))
			continue;
		if ((out = sf_expr_elem_value(p->ev, p->n, &p->elem, all ? cpu + UINT64_C(1) : cpu_of(p->n), &whole)) ||
		    (out = sf_expr_walk(p->ev, p->n, &whole.node, sink->null_is_nothing, &v)) ||
		    (out = sink->fn(p->ev, sink, &item, &v)))
			return out;
	}
	return OUT_OK;
}

/* ---- count(), sum(), min(), max() -------------------------------------------------------------------------------- */

struct total {
	struct sink sink;
	const struct expr_node *n;
	uint64_t count;
	bool is_real;
	__int128 sum, least, most;
	double real_sum, real_least, real_most;
};

static void add_number(struct total *t, const struct expr_val *v)
{
	bool first = !t->count++;

	if (v->kind == VAL_REAL) {
		/* What is no number loses to any that is. */
		if (first || t->real_least != t->real_least || v->f64 < t->real_least)
			t->real_least = v->f64;
		if (first || t->real_most != t->real_most || v->f64 > t->real_most)
			t->real_most = v->f64;
		t->real_sum += v->f64;
		t->is_real = true;
		return;
	}
	t->least = first ? v->i : sf_min(t->least, v->i);
	t->most = first ? v->i : sf_max(t->most, v->i);
	t->sum += v->i;
}

static enum expr_outcome add_value(struct expr_eval *ev, struct total *t, struct expr_val *v, unsigned int nesting)
{
	enum expr_outcome out;
	uint64_t present;

	if (v->kind == VAL_NOTHING)
		return OUT_OK;
	if (v->kind != VAL_NODE || sf_node_kind(&v->node) != SF_ARRAY || nesting >= MAX_NESTING) {
		/* How many there are can be told without looking. */
		if (t->n->op == OP_COUNT) {
			t->count++;
			return OUT_OK;
		}
		out = sf_expr_number(ev, t->n->a, v);
		if (!out)
			add_number(t, v);
		return out;
	}
	sf_node_len(&v->node, &present);
	for (uint64_t i = 0; i < present; i++) {
		struct expr_val element = { .kind = VAL_NODE };

		if (i + t->count > MAX_ELEMENTS)
			return sf_expr_failed(ev, t->n->at, sf_error_new(SF_PROJECTION_FAILED, "more than %u elements",
									 MAX_ELEMENTS));
		if (sf_node_index(&v->node, i, &element.node) != SF_STEP_OK)
			break;
		out = add_value(ev, t, &element, nesting + 1);
		if (out)
			return out;
	}
	return OUT_OK;
}

static enum expr_outcome add_item(struct expr_eval *ev, struct sink *sink, const struct sf_expr_item *item,
				  const struct expr_val *v)
{
	struct expr_val value = *v;

	(void)item;
	return add_value(ev, sf_container_of(sink, struct total, sink), &value, 0);
}

/* Entries, when nothing of them is asked for. */
static enum expr_outcome count_entries(struct pick *p, struct total *t)
{
	enum expr_outcome out;

	if (p->n->pick == PICK_NONE && p->is_row && !p->map->listed->map.n_buckets) {
		t->count = sf_snap_map_len(p->map);
		return OUT_OK;
	}
	while (!(out = pick_next(p)))
		t->count++;
	return out == OUT_END ? pick_end(p) : out;
}

static enum expr_outcome add_map(struct expr_eval *ev, const struct expr_node *n, struct total *t)
{
	struct pick p;
	enum expr_outcome out = pick_begin(&p, ev, n);
	bool found = false;

	if (out)
		return out;
	if (t->n->op == OP_COUNT && !n->path)
		return count_entries(&p, t);
	for (; !(out = pick_next(&p)); found = true)
		if ((out = each_cpu(&p, &t->sink)))
			return out;
	if (out == OUT_END)
		out = pick_end(&p);
	if (!out && !found && t->n->op != OP_COUNT)
		out = no_match(&p, sf_expr_op_text(t->n->op));
	return out;
}

static enum expr_outcome add_source(struct expr_eval *ev, const struct expr_node *n, struct total *t)
{
	struct expr_val v;
	enum expr_outcome out;

	switch (n->op) {
	case OP_MAP:
		return add_map(ev, n, t);
	case OP_VARS:
		return each_var(ev, n, &t->sink);
	default:
		out = sf_expr_eval(ev, t->n->a, &v);
		return out ? out : add_value(ev, t, &v, 0);
	}
}

static enum expr_outcome total_of(struct expr_eval *ev, const struct total *t, struct expr_val *ret)
{
	double real = t->n->op == OP_SUM ? t->real_sum : t->n->op == OP_MIN ? t->real_least : t->real_most;
	__int128 i = t->n->op == OP_SUM ? t->sum : t->n->op == OP_MIN ? t->least : t->most;

	if (t->n->op == OP_COUNT)
		return sf_expr_int(ev, t->n, t->count, ret);
	if (!t->count)
		return sf_expr_failed(ev, t->n->at, sf_error_new(SF_PROJECTION_FAILED, "%s() of nothing: there is no "
								 "value", sf_expr_op_text(t->n->op)));
	if (!t->is_real)
		return sf_expr_int(ev, t->n, i, ret);
	*ret = (struct expr_val){ .kind = VAL_REAL, .f64 = real };
	return OUT_OK;
}

enum expr_outcome sf_expr_aggregate(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	struct total t = { .sink = { .fn = add_item, .null_is_nothing = true }, .n = n };
	enum expr_outcome out = add_source(ev, expr_node(ev->x, n->a), &t);

	return out ? out : total_of(ev, &t, ret);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

struct list {
	struct sink sink;
	sf_expr_item_fn *fn;
	void *arg;
};

static enum expr_outcome give_item(struct expr_eval *ev, struct sink *sink, const struct sf_expr_item *item,
				   const struct expr_val *v)
{
	struct list *l = sf_container_of(sink, struct list, sink);
	struct field f = { .snap = ev->snap, .kind = FIELD_VALUE };
	struct sf_expr_item it = *item;

	if (v->kind != VAL_NODE)
		return OUT_OK;
	f.node = v->node;
	it.field = seal_field(&f);
	sink->full = !l->fn(l->arg, &it);
	return OUT_OK;
}

enum expr_outcome sf_expr_each(struct expr_eval *ev, const struct expr_node *n, sf_expr_item_fn *fn, void *arg)
{
	struct list l = { .sink = { .fn = give_item }, .fn = fn, .arg = arg };
	enum expr_outcome out;
	struct pick p;

	if (n->op == OP_VARS)
		return each_var(ev, n, &l.sink);
	out = pick_one(&p, ev, n);
	return out ? out : each_cpu(&p, &l.sink);
}

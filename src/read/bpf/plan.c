/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the pointers of a type are. A plan is flat: members of members and elements of arrays stand in one list, in
 * which an array of pointers, or of structs that have one, is one slot that repeats.
 */

#include "pointees_private.h"

#define MAX_DEPTH 32             /* structs in structs */
#define MAX_DIMENSIONS 8         /* arrays in arrays, structs between them or not */
#define MAX_MEMBERS (1u << 18)   /* looked at for one plan: types may nest without end */

struct dimension {
	uint64_t n, stride;
};

struct collect {
	struct sf_bpf_plans *plans;
	struct types *types;
	struct sf_bpf_plan *plan;
	struct dimension dims[MAX_DIMENSIONS];  /* around what is looked at, the outermost first */
	size_t n_dims;
	uint32_t members;                       /* that may still be looked at */
	uint64_t pointers;                      /* the same: members of unions share their bytes */
	bool no_memory;
};

/* ---- slots ---------------------------------------------------------------------------------------------- */

/* Arrays without a gap between them are one array. */
static size_t merged(const struct collect *c, struct dimension *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_dims; i++) {
		const struct dimension *d = &c->dims[i];

		if (d->n == 1)
			continue;
		if (n && d->n * d->stride == ret[n - 1].stride)
			ret[n - 1] = (struct dimension){ ret[n - 1].n * d->n, d->stride };
		else
			ret[n++] = *d;
	}
	return n;
}

static bool fits(const struct collect *c, uint64_t offset, const struct dimension *dims, size_t n, uint32_t width)
{
	unsigned __int128 end = (unsigned __int128)offset + width;

	for (size_t i = 0; i < n; i++)
		end += (unsigned __int128)(dims[i].n - 1) * dims[i].stride;
	return end <= c->plan->size;
}

static void push(struct collect *c, const struct slot *s, uint64_t offset, struct dimension d)
{
	if (c->plan->slots.n >= MAX_SLOTS || c->plans->n_slots >= MAX_ALL_SLOTS || d.n > c->pointers) {
		c->plan->n_cut++;
		return;
	}
	struct slot *slot = sf_vec_push(&c->plan->slots);

	if (!slot) {
		c->no_memory = true;
		return;
	}
	*slot = *s;
	slot->offset = (uint32_t)offset;
	slot->n = (uint32_t)d.n;
	slot->stride = (uint32_t)d.stride;
	c->pointers -= d.n;
	c->plans->n_slots++;
}

/* One slot for the longest dimension, in each place that the others have. */
static void emit(struct collect *c, const struct slot *s, uint64_t offset, uint32_t width)
{
	struct dimension dims[MAX_DIMENSIONS], longest = { 1, 0 };
	uint64_t at[MAX_DIMENSIONS] = { 0 };
	size_t n = merged(c, dims), which = 0;

	if (!fits(c, offset, dims, n, width)) {
		c->plan->n_cut++;
		return;
	}
	for (size_t i = 1; i < n; i++)
		if (dims[i].n > dims[which].n)
			which = i;
	if (n) {
		longest = dims[which];
		dims[which] = dims[--n];
	}
	for (uint32_t cut = c->plan->n_cut; c->plan->n_cut == cut && !c->no_memory;) {
		uint64_t place = offset;
		size_t i = 0;

		for (size_t k = 0; k < n; k++)
			place += at[k] * dims[k].stride;
		push(c, s, place, longest);
		while (i < n && ++at[i] == dims[i].n)
			at[i++] = 0;
		if (i == n)
			return;
	}
}

static void add_pointer(struct collect *c, uint32_t type, uint64_t offset)
{
	static const enum slot_what what[] = {
		[SF_REACH_ONE] = SLOT_OBJECT,
		[SF_REACH_PERCPU] = SLOT_PERCPU,
		[SF_REACH_PERCPU_CELL] = SLOT_PERCPU_CELL,
	};
	struct sf_typed_target target;

	if (sf_typed_target(&c->types->typed, type, &target))
		return;
	struct slot s = {
		.what = what[target.reach],
		.size = target.needed,
		.in_kernel = target.src == &c->plans->kernel.typed,
		.type = target.needed == target.size ? target.type : 0,
	};

	emit(c, &s, offset, 8);
}

/* ---- lists and trees -------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct contains *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->component > y->component) - (x->component < y->component);
}

static void find_contains(struct collect *c)
{
	struct types *types = c->types;
	uint32_t n = sf_btf_n_types(types->btf);
	struct sf_btf_type t;

	for (uint32_t id = sf_btf_first_own_id(types->btf); id < n; id++) {
		if (!sf_btf_type(types->btf, id, &t) || t.kind != SF_BTF_DECL_TAG || t.n_trailing < 4 ||
		    strncmp(t.name, "contains:", 9))
			continue;
		struct contains *slot = sf_vec_push(&types->contains);

		if (!slot) {
			c->no_memory = true;
			return;
		}
		*slot = (struct contains){ t.type, (int32_t)sf_load32(t.trailing), t.name + 9 };
	}
	if (types->contains.n)
		qsort(types->contains.v, types->contains.n, sizeof(*types->contains.v), by_place);
	types->has_contains = true;
}

/* "STRUCT:MEMBER": a struct of the same BTF, and which of its members is the node. */
static bool parse_contains(const struct sf_btf *btf, const char *what, struct slot *s)
{
	const char *colon = strchr(what, ':');
	struct sf_btf_place node;
	char name[128];
	uint64_t size;

	if (!colon || (size_t)(colon - what) >= sizeof(name))
		return false;
	memcpy(name, what, (size_t)(colon - what));
	name[colon - what] = '\0';
	s->type = sf_btf_find(btf, name, SF_BTF_STRUCT);
	if (!s->type || !sf_btf_size_of(btf, s->type, &size) || !size || size > UINT32_MAX ||
	    !sf_btf_find_member(btf, s->type, colon + 1, &node) || node.bit_size || node.bit_offset / 8 >= size)
		return false;
	s->node = node.bit_offset / 8;
	s->size = (uint32_t)size;
	return true;
}

/* Is this struct the head of a list or of a tree? */
static bool add_head(struct collect *c, const struct sf_btf_type *t, uint64_t offset, struct contains place)
{
	bool list = !strcmp(t->name, "bpf_list_head"), tree = !strcmp(t->name, "bpf_rb_root");
	struct slot s = { .what = list ? SLOT_LIST : SLOT_TREE };
	const struct contains *found;

	if ((!list && !tree) || t->size < 16)
		return false;
	if (!c->types->has_contains)
		find_contains(c);
	if (!c->types->contains.n)
		return true;
	found = bsearch(&place, c->types->contains.v, c->types->contains.n, sizeof(place), by_place);
	if (found && parse_contains(c->types->btf, found->what, &s))
		emit(c, &s, offset, 16);
	return true;
}

/* ---- types ------------------------------------------------------------------------------------------------- */

static void collect(struct collect *c, uint32_t id, uint64_t offset, struct contains place, unsigned int depth);

static void collect_array(struct collect *c, const struct sf_btf_type *t, uint64_t offset, struct contains place,
			  unsigned int depth)
{
	struct sf_btf_array a;
	uint64_t stride;

	if (!sf_btf_array(t, &a) || !a.n || !sf_btf_size_of(c->types->btf, a.type, &stride) || !stride)
		return;
	if (c->n_dims == MAX_DIMENSIONS) {
		c->plan->n_cut++;
		return;
	}
	c->dims[c->n_dims++] = (struct dimension){ a.n, stride };
	collect(c, a.type, offset, place, depth + 1);
	c->n_dims--;
}

static void collect_members(struct collect *c, const struct sf_btf_type *t, uint64_t offset, unsigned int depth)
{
	struct sf_btf_member m;
	struct sf_btf_var v;

	for (uint32_t i = 0; i < t->vlen && c->members && !c->no_memory; i++) {
		if (t->kind == SF_BTF_DATASEC) {
			if (sf_btf_var(c->types->btf, t, i, &v))
				collect(c, v.type, offset + v.offset, (struct contains){ v.var, -1, NULL }, depth + 1);
		} else if (sf_btf_member(c->types->btf, t, i, &m) && !m.bit_size && !(m.bit_offset % 8)) {
			collect(c, m.type, offset + m.bit_offset / 8, (struct contains){ t->id, (int32_t)i, NULL },
				depth + 1);
		}
	}
}

/* @place: where a tag would be that says what @id contains. */
static void collect(struct collect *c, uint32_t id, uint64_t offset, struct contains place, unsigned int depth)
{
	struct sf_btf_type t;

	if (!c->members || depth > MAX_DEPTH) {
		c->plan->n_cut++;
		return;
	}
	c->members--;
	if (!sf_btf_type(c->types->btf, sf_btf_peel(c->types->btf, id), &t))
		return;
	switch (t.kind) {
	case SF_BTF_PTR:
		add_pointer(c, t.type, offset);
		break;
	case SF_BTF_ARRAY:
		collect_array(c, &t, offset, place, depth);
		break;
	case SF_BTF_STRUCT:
		if (add_head(c, &t, offset, place))
			break;
		/* fall through */
	case SF_BTF_UNION:
	case SF_BTF_DATASEC:
		collect_members(c, &t, offset, depth);
		break;
	default:
		break;
	}
}

/* ---- plans -------------------------------------------------------------------------------------------------- */

static size_t position(const struct types *types, uint32_t type)
{
	size_t low = 0, high = types->plans.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (types->plans.v[mid]->type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct sf_bpf_plan *sf_bpf_plan_find(const struct types *types, uint32_t type)
{
	size_t i = position(types, type);

	return i < types->plans.n && types->plans.v[i]->type == type ? types->plans.v[i] : NULL;
}

static void plan_free(struct sf_bpf_plans *plans, struct sf_bpf_plan *plan)
{
	if (!plan)
		return;
	plans->n_slots -= plan->slots.n;
	plans->n_plans--;
	free(plan->slots.v);
	free(plan);
}

static struct sf_error *new_plan(struct sf_bpf_plans *plans, struct types *types, uint32_t type, struct sf_bpf_plan **ret)
{
	struct collect c = { .plans = plans, .types = types, .members = MAX_MEMBERS };
	struct sf_bpf_plan *plan = calloc(1, sizeof(*plan));
	size_t i = position(types, type);
	uint64_t size = 0;

	if (!plan)
		return sf_error_nomem();
	plans->n_plans++;
	plan->type = type;
	/* What has no size, or a huge one, is no value. */
	if (sf_btf_size_of(types->btf, type, &size) && size <= UINT32_MAX) {
		plan->size = (uint32_t)size;
		c.plan = plan;
		c.pointers = size / 2;
		collect(&c, type, 0, (struct contains){ 0, -1, NULL }, 0);
	}
	struct sf_bpf_plan **last = c.no_memory ? NULL : sf_vec_push(&types->plans);

	if (!last) {
		plan_free(plans, plan);
		return sf_error_nomem();
	}
	memmove(types->plans.v + i + 1, types->plans.v + i, (types->plans.n - 1 - i) * sizeof(*types->plans.v));
	types->plans.v[i] = *ret = plan;
	return NULL;
}

/* Goes as deep as there are hops. */
struct sf_error *sf_bpf_plan_make(struct sf_bpf_plans *plans, struct types *types, uint32_t type, uint32_t hops,
				  const struct sf_bpf_plan **ret)
{
	size_t i = position(types, type);
	struct sf_bpf_plan *plan = NULL;

	if (i < types->plans.n && types->plans.v[i]->type == type)
		plan = types->plans.v[i];
	else if (plans->n_plans < MAX_PLANS)
		SF_TRY(new_plan(plans, types, type, &plan));
	*ret = plan;
	if (!plan || plan->hops >= hops)
		return NULL;
	/* Before those behind it: they may lead back here. */
	plan->hops = hops;
	for (size_t k = 0; hops > 1 && k < plan->slots.n; k++) {
		struct slot *s = &plan->slots.v[k];

		if (s->type)
			SF_TRY(sf_bpf_plan_make(plans, s->in_kernel ? &plans->kernel : types, s->type, hops - 1,
						&s->next));
	}
	return NULL;
}

void sf_bpf_types_clear(struct sf_bpf_plans *plans, struct types *types)
{
	for (size_t i = 0; i < types->plans.n; i++)
		plan_free(plans, types->plans.v[i]);
	free(types->plans.v);
	free(types->contains.v);
	sf_btf_unref(types->btf);
}

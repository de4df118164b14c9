/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plans of all maps: made while the guest runs, looked up while it is stopped.
 */

#include "pointees_private.h"

#define MAX_TYPES (256ull << 20) /* bytes of BTF of all maps: no guest has so much that means anything */
#define MAX_IDLE 4 /* updates that a plan outlives its last map: a walk of changing memory may have missed one */

/* ---- life ------------------------------------------------------------------------------------------------ */

struct sf_error *sf_bpf_plans_new(const struct sf_bpf *bpf, uint32_t hops, struct sf_bpf_plans **ret)
{
	SF_OWNED(bpf_plans) plans = calloc(1, sizeof(*plans));

	if (!plans)
		return sf_error_nomem();
	plans->bpf = bpf;
	plans->hops = sf_min(sf_max(hops, 1u), SF_BPF_MAX_HOPS);
	plans->kernel.btf = sf_btf_ref(sf_kernel_btf(bpf->kernel));
	plans->kernel.typed = (struct sf_typed){
		.btf = plans->kernel.btf, .nr_cpus = sf_kernel_nr_cpu_ids(bpf->kernel),
	};
	plans->walk = calloc(1, sizeof(*plans->walk));
	plans->seen = malloc(SEEN_SLOTS * sizeof(*plans->seen));
	if (!plans->walk || !plans->seen)
		return sf_error_nomem();
	/* All of it is written to, so that no walk takes a page fault of ours. */
	memset(plans->seen, 0xff, SEEN_SLOTS * sizeof(*plans->seen));
	*ret = steal_ptr(&plans);
	return NULL;
}

static void types_free(struct sf_bpf_plans *plans, struct types *types)
{
	if (!types)
		return;
	sf_bpf_types_clear(plans, types);
	free(types);
}

void sf_bpf_plans_free(struct sf_bpf_plans *plans)
{
	if (!plans)
		return;
	for (size_t i = 0; i < plans->types.n; i++)
		types_free(plans, plans->types.v[i]);
	free(plans->types.v);
	sf_bpf_types_clear(plans, &plans->kernel);
	free(plans->walk);
	free(plans->seen);
	free(plans);
}

/* ---- one struct btf ---------------------------------------------------------------------------------------- */

static bool same(const struct sf_bpf_btf *a, const struct sf_bpf_btf *b)
{
	return a->kva == b->kva && a->id == b->id && a->data == b->data && a->size == b->size && a->base == b->base;
}

static size_t position(const struct sf_bpf_plans *plans, uint64_t kva)
{
	size_t low = 0, high = plans->types.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (plans->types.v[mid]->id.kva < kva)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct types *find(const struct sf_bpf_plans *plans, const struct sf_bpf_btf *id)
{
	size_t i = position(plans, id->kva);

	return i < plans->types.n && same(&plans->types.v[i]->id, id) ? plans->types.v[i] : NULL;
}

static struct sf_error *insert(struct sf_bpf_plans *plans, struct types *types)
{
	size_t i = position(plans, types->id.kva);

	if (i < plans->types.n && plans->types.v[i]->id.kva == types->id.kva) {
		types_free(plans, plans->types.v[i]);
		plans->types.v[i] = types;
		return NULL;
	}
	struct types **last = sf_vec_push(&plans->types);

	if (!last)
		return sf_error_nomem();
	memmove(plans->types.v + i + 1, plans->types.v + i, (plans->types.n - 1 - i) * sizeof(*plans->types.v));
	plans->types.v[i] = types;
	return NULL;
}

/*
 * Reads the types of a struct btf that may go away at any moment: whether it did is seen at the stop. Translations from
 * before the look at its id may be of what was there earlier. No error and no result: there are none to be had now.
 */
static struct sf_error *load(struct sf_bpf_plans *plans, struct sf_vmem *vm, uint64_t kva, struct types **ret)
{
	struct sf_bpf_btf id;
	SF_OWNED(error) err = NULL;
	SF_OWNED(btf) btf = NULL;
	uint64_t cost;

	sf_vmem_flush(vm);
	if (sf_bpf_btf_head(plans->bpf, vm, kva, &id) || !id.id)
		return NULL;
	cost = sf_bpf_btf_cost(plans->bpf, vm, kva);
	if (cost > plans->left)
		return NULL;
	plans->left -= cost;
	err = sf_bpf_btf_load(plans->bpf, vm, kva, &btf);
	if (sf_error_code(err) == SF_NO_MEMORY)
		return steal_ptr(&err);
	/* What is no BTF now is none for a reader either; what could not be read may be there the next time. */
	if (err && sf_error_code(err) != SF_BAD_INPUT)
		return NULL;
	struct types *types = calloc(1, sizeof(*types));

	if (!types)
		return sf_error_nomem();
	types->id = id;
	types->cost = cost;
	types->btf = steal_ptr(&btf);
	types->typed = (struct sf_typed){
		.btf = types->btf, .nr_cpus = plans->kernel.typed.nr_cpus, .kernel = &plans->kernel.typed,
	};
	*ret = types;
	return NULL;
}

static struct sf_error *types_of(struct sf_bpf_plans *plans, struct sf_vmem *vm, uint64_t kva, struct types **ret)
{
	struct sf_bpf_btf id;
	struct types *types = NULL;
	struct sf_error *err;

	if (sf_bpf_btf_head(plans->bpf, vm, kva, &id))
		return NULL;
	*ret = id.is_vmlinux ? &plans->kernel : find(plans, &id);
	if (*ret)
		return NULL;
	SF_TRY(load(plans, vm, kva, &types));
	if (!types)
		return NULL;
	err = insert(plans, types);
	if (err)
		types_free(plans, types);
	else
		*ret = types;
	return err;
}

/* ---- all maps ------------------------------------------------------------------------------------------------ */

struct update {
	struct sf_bpf_plans *plans;
	struct sf_vmem *vm;
	struct sf_error *err;
};

static bool has_pointers(const struct sf_bpf_map *map)
{
	/* A STRUCT_OPS has functions, and what leads to more is the kernel's own affair. */
	return map->btf && map->value_type && map->type != SF_BPF_MAP_TYPE_STRUCT_OPS;
}

static bool plan_map(void *arg, const struct sf_bpf_map *map)
{
	struct update *u = arg;
	const struct sf_bpf_plan *plan;
	struct types *types = NULL;

	if (!has_pointers(map) || map->unread)
		return true;
	u->err = types_of(u->plans, u->vm, map->btf, &types);
	if (u->err || !types)
		return !u->err;
	types->idle = 0;
	if (types->btf)
		u->err = sf_bpf_plan_make(u->plans, types, map->value_type, u->plans->hops, &plan);
	return !u->err;
}

static void forget_idle(struct sf_bpf_plans *plans)
{
	size_t n = 0;

	for (size_t i = 0; i < plans->types.n; i++) {
		if (plans->types.v[i]->idle <= MAX_IDLE)
			plans->types.v[n++] = plans->types.v[i];
		else
			types_free(plans, plans->types.v[i]);
	}
	plans->types.n = n;
}

struct sf_error *sf_bpf_plans_update(struct sf_bpf_plans *plans, struct sf_vmem *vm)
{
	struct update u = { .plans = plans, .vm = vm };
	struct sf_bpf_stats stats;

	sf_vmem_flush(vm);
	plans->left = MAX_TYPES;
	for (size_t i = 0; i < plans->types.n; i++) {
		plans->types.v[i]->idle++;
		plans->left -= sf_min(plans->types.v[i]->cost, plans->left);
	}
	SF_TRY(sf_bpf_maps(plans->bpf, vm, plan_map, &u, &stats));
	if (!u.err)
		forget_idle(plans);
	return u.err;
}

/* ---- one map, at the stop ------------------------------------------------------------------------------------ */

const struct sf_bpf_plan *sf_bpf_plan_of(const struct sf_bpf_plans *plans, struct sf_vmem *vm,
					 const struct sf_bpf_map *map)
{
	static const struct sf_bpf_plan nothing;
	const struct sf_bpf_plan *plan;
	const struct types *types;
	struct sf_bpf_btf id;

	if (!has_pointers(map))
		return &nothing;
	if (sf_bpf_btf_head(plans->bpf, vm, map->btf, &id))
		return NULL;
	types = id.is_vmlinux ? &plans->kernel : find(plans, &id);
	if (!types)
		return NULL;
	if (!types->btf)
		return &nothing;
	plan = sf_bpf_plan_find(types, map->value_type);
	/* Beyond the value there may be anything. */
	return plan && plan->size <= map->value_size ? plan : NULL;
}

bool sf_bpf_plan_is_empty(const struct sf_bpf_plan *plan)
{
	return !plan->slots.n && !plan->n_cut;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walk that runs while the guest is stopped: the listing itself, through a recorder, and then every byte of values
 * and BTF that a reader of the frame may ask for.
 */

#include "bpf/pointees.h"
#include "bpf_private.h"

#define MAX_TOUCHED (16ull << 30)   /* of values and BTF, in one walk */
#define SMALL_POOL (1ull << 20)     /* bytes of elements that are copied without asking how many of them are in use */
#define OWNER_COST SF_PAGE_SIZE     /* what naming an owner counts as: a path is many small reads */
#define NODE_COST 64                /* what a step of a walk counts as, whether or not it led to a value */

struct touch {
	const struct sf_bpf *bpf;
	struct sf_vmem *vm;
	const struct sf_bpf_keep *keep;
	struct sf_bpf_kept *kept;
	uint64_t left;     /* bytes that may still be touched: pages may alias, so their number bounds no walk */
	uint64_t last_btf; /* maps of one object come in a row and share their BTF */
	/* of the map at hand: */
	uint64_t map_left;
	bool is_cut;
	const struct sf_bpf_plan *plan; /* NULL: nobody looks into its values */
	/* of all maps: */
	struct sf_bpf_pointees pointees;
};

/* ---- budgets --------------------------------------------------------------------------------------------- */

static void spend(struct touch *t, uint64_t n)
{
	t->left -= sf_min(n, t->left);
}

/* Touches what of [kva, kva + len) the walk may still touch. */
static void touch_bytes(struct touch *t, uint64_t kva, uint64_t len)
{
	if (len > t->left) {
		len = t->left;
		t->is_cut = true;
	}
	t->left -= len;
	if (sf_vmem_touch(t->vm, kva, len) != SF_FAULT_NONE)
		t->kept->n_unreadable++;
}

/* The same of one map. The return is how many bytes were touched. */
static uint64_t touch_of_map(struct touch *t, uint64_t kva, uint64_t len)
{
	uint64_t allowed = sf_min(t->map_left, t->left);

	if (len > allowed) {
		len = allowed;
		t->is_cut = true;
	}
	t->map_left -= len;
	touch_bytes(t, kva, len);
	return len;
}

/* An element whose first page the walk has read already. */
static void touch_elem(struct touch *t, uint64_t kva, uint64_t len)
{
	if ((kva & (SF_PAGE_SIZE - 1)) + len > SF_PAGE_SIZE || len > sf_min(t->map_left, t->left)) {
		touch_of_map(t, kva, len);
		return;
	}
	t->map_left -= len;
	t->left -= len;
}

static bool is_spent(const struct touch *t)
{
	return !t->map_left || !t->left;
}

/* ---- pointees -------------------------------------------------------------------------------------------- */

static void find_plan(struct touch *t, const struct sf_bpf_map *m)
{
	t->plan = NULL;
	if (!t->keep->plans || !t->keep->hops || m->unread)
		return;
	t->plan = sf_bpf_plan_of(t->keep->plans, t->vm, m);
	if (!t->plan)
		t->kept->n_unplanned++;
	else if (sf_bpf_plan_is_empty(t->plan))
		t->plan = NULL;
}

/* What the value at @kva points at. */
static void touch_pointees(struct touch *t, uint64_t kva)
{
	if (t->plan)
		sf_bpf_plan_touch(t->keep->plans, t->plan, t->vm, kva, &t->pointees);
}

/* ---- values ---------------------------------------------------------------------------------------------- */

static void touch_btf(struct touch *t, uint64_t kva)
{
	struct sf_bpf_btf head;

	for (unsigned int depth = 0; kva && kva != t->last_btf && depth < 4; depth++, kva = head.base) {
		if (!depth)
			t->last_btf = kva;
		if (sf_bpf_btf_head(t->bpf, t->vm, kva, &head) != SF_FAULT_NONE) {
			t->kept->n_unreadable++;
			return;
		}
		/* The kernel's own is among the facts: megabytes that never change. */
		if (head.is_vmlinux || !head.size || head.size > SF_BTF_MAX_SIZE)
			return;
		touch_bytes(t, head.data, head.size);
	}
}

static void touch_every_cpu(struct touch *t, const struct sf_bpf_map *m, uint64_t percpu)
{
	uint32_t n = sf_kernel_nr_cpu_ids(t->bpf->kernel);
	uint64_t kva;

	for (uint32_t cpu = 0; cpu < n && !t->is_cut; cpu++) {
		if (!sf_vmem_percpu(t->vm, percpu, cpu, &kva))
			continue;
		touch_of_map(t, kva, m->value_len);
		touch_pointees(t, kva);
	}
}

/* The value of an element that was read. */
static void touch_value(struct touch *t, const struct sf_bpf_map *m, const struct sf_bpf_elem *e)
{
	if (e->fault)
		t->kept->n_unreadable++;
	else if (sf_bpf_is_percpu(m))
		touch_every_cpu(t, m, e->value);
	else
		touch_pointees(t, e->value);
}

static void touch_row(struct touch *t, const struct sf_bpf_map *m)
{
	uint64_t n = m->shape == SF_BPF_STRUCT_OPS ? 1 : m->max_entries, bytes = m->stride * n;
	struct sf_bpf_elem e;

	if (m->stride && bytes / m->stride != n)
		bytes = UINT64_MAX;
	bytes = touch_of_map(t, m->values, bytes);
	if (!sf_bpf_is_percpu(m) && !t->plan)
		return;
	n = bytes / m->stride;
	for (uint64_t i = 0; i < n && sf_bpf_elem_at(t->bpf, t->vm, m, i, &e); i++) {
		if (sf_bpf_is_percpu(m) && t->is_cut)
			break;
		touch_value(t, m, &e);
		/* The others on a page that is not there need not be asked for. */
		if (!sf_vmem_page(t->vm, e.kva, NULL))
			i += sf_max((SF_PAGE_SIZE - (e.kva & (SF_PAGE_SIZE - 1))) / m->stride, 1ull) - 1;
	}
}

/*
 * Elements that were allocated in advance lie in one area. Copying all of it asks nothing of each element. A walk of
 * scattered elements copies a page for each bucket that is in use, which is not less unless the map is nearly empty.
 */
static bool copies_pool(const struct touch *t, const struct sf_bpf_map *m)
{
	if (!m->pool || sf_bpf_is_percpu(m) || t->plan || m->pool_len > sf_min(t->map_left, t->left))
		return false;
	return m->pool_len <= SMALL_POOL || sf_bpf_filled_buckets(t->bpf, t->vm, m) * SF_PAGE_SIZE >= m->pool_len;
}

static void touch_pool(struct touch *t, const struct sf_bpf_map *m)
{
	uint64_t sure = (uint64_t)m->elem_size * m->max_entries;

	touch_of_map(t, m->pool, sure);
	/* Those for CPUs that are not possible are not there. */
	sf_vmem_touch(t->vm, m->pool + sure, m->pool_len - sure);
}

static void touch_chains(struct touch *t, const struct sf_bpf_map *m)
{
	struct sf_bpf_cursor c;
	struct sf_bpf_elem e;
	struct sf_bpf_owner owner;
	/* What the cursor looks at is kept, and must not be more than the limit allows. */
	uint64_t near = SF_BPF_AHEAD * (SF_BPF_ELEM_HEAD + (uint64_t)m->key_size + m->value_len), to;

	sf_bpf_cursor_init(&c, t->bpf, t->vm, m);
	c.one_by_one = sf_min(t->map_left, t->left) < near;
	while (!t->is_cut && sf_bpf_cursor_next(&c, &e)) {
		if (is_spent(t)) {
			t->is_cut = true;
			break;
		}
		/* The last byte of the element that is anybody's business: of the value, or of the pointer to it. */
		to = m->shape == SF_BPF_PERCPU_HASH ? e.key + sf_align_up((uint64_t)m->key_size, 8) + 8 :
						      e.value + m->value_len;
		touch_elem(t, e.kva, to - e.kva);
		touch_value(t, m, &e);
		if (e.owner) {
			sf_bpf_owner(t->bpf, t->vm, m, e.owner, &owner);
			spend(t, OWNER_COST);
		}
		c.one_by_one = sf_min(t->map_left, t->left) < near;
	}
	spend(t, c.seen * NODE_COST);
	t->kept->n_torn_chains += c.torn.n_buckets + c.torn.n_chains + c.torn.capped;
}

static void touch_values(struct touch *t, const struct sf_bpf_map *m)
{
	uint64_t table = m->n_buckets * m->stride;

	if (!m->n_buckets)
		touch_row(t, m);
	else if (touch_of_map(t, m->values, table) < table)
		return; /* nothing is left for elements */
	else if (copies_pool(t, m))
		touch_pool(t, m);
	else
		touch_chains(t, m);
}

static bool touch_map(void *arg, const struct sf_bpf_map *m)
{
	struct touch *t = arg;

	t->map_left = t->keep->max_map_bytes;
	t->is_cut = false;
	touch_btf(t, m->btf);
	find_plan(t, m);
	if (!m->unread)
		touch_values(t, m);
	t->kept->n_cut_maps += t->is_cut;
	return true;
}

static bool touch_prog(void *arg, const struct sf_bpf_prog *p)
{
	struct touch *t = arg;

	sf_vmem_touch(t->vm, p->used_maps, 8ull * p->n_used_maps);
	return true;
}

static bool touch_ksym(void *arg, const struct sf_bpf_ksym *sym)
{
	(void)arg;
	(void)sym;
	return true;
}

/* Reading the list is what keeps it. A kernel without it, or whose list cannot be found, has no names for its code. */
static void touch_ksyms(struct touch *t)
{
	if (t->bpf->kallsyms && t->bpf->ksym.lnode.present)
		sf_error_free(sf_bpf_ksyms(t->bpf, t->vm, touch_ksym, NULL, &t->kept->ksyms));
}

struct sf_error *sf_bpf_touch(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_keep *keep,
			      struct sf_bpf_kept *ret)
{
	struct sf_bpf_kept kept = { 0 };
	struct touch t = { .bpf = bpf, .vm = vm, .keep = keep, .kept = &kept, .left = MAX_TOUCHED };

	if (keep->plans)
		sf_bpf_pointees_init(&t.pointees, keep->plans, keep->hops, keep->max_pointee_bytes);
	SF_TRY(sf_bpf_maps(bpf, vm, touch_map, &t, &kept.maps));
	if (bpf->prog_idr && bpf->prog.aux.present)
		SF_TRY(sf_bpf_progs(bpf, vm, touch_prog, &t, &kept.progs));
	touch_ksyms(&t);
	kept.n_pointees = t.pointees.n_kept;
	kept.n_left_out = t.pointees.n_left_out;
	kept.n_dangling = t.pointees.n_dangling;
	kept.n_torn_chains += t.pointees.n_torn_chains;
	*ret = kept;
	return NULL;
}

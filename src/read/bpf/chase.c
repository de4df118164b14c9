/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following the pointers of a plan, while the guest is stopped. Whatever the memory says, the walk ends: each object
 * costs bytes of the budget the first time, an object has a fixed number of pointers, hops are few, and lists and trees
 * share a number of steps.
 */

#include "pointees_private.h"

#define MAX_STEPS (1u << 22)
#define MAX_TREE_DEPTH 64     /* a red-black tree of 2^32 nodes has no more */
#define MAX_STRANGERS 8       /* nodes whose parent is another one: a vCPU may have been stopped in a rotation */
#define RB_PARENT (~(uint64_t)3) /* __rb_parent_color */
enum { RB_RIGHT = 8, RB_LEFT = 16, RB_SIZE = 24 };

struct chase {
	const struct sf_bpf_plans *plans;
	struct sf_vmem *vm;
	struct sf_bpf_pointees *p;
	bool five_levels;
};

static void touch_plan(struct chase *c, const struct sf_bpf_plan *plan, uint64_t kva, uint32_t hops);

void sf_bpf_pointees_init(struct sf_bpf_pointees *p, const struct sf_bpf_plans *plans, uint32_t hops, uint64_t budget)
{
	*p = (struct sf_bpf_pointees){ .hops = sf_min(hops, plans->hops), .budget = budget, .steps = MAX_STEPS };
	/* Numbers come around after 2^24 walks; what they then may find is forgotten first. */
	if (!(++*plans->walk & 0xffffff))
		memset(plans->seen, 0xff, SEEN_SLOTS * sizeof(*plans->seen));
}

/* ---- one object ---------------------------------------------------------------------------------------------- */

enum outcome {
	KEPT,
	KEPT_BEFORE,    /* and what is behind it, too */
	LEFT_OUT,
	UNREADABLE,
};

/* Where in the table it is, or would be. A struct and its first member are two objects: they lead to different ones. */
static struct seen *seen_at(struct chase *c, const struct slot *s, uint64_t kva)
{
	uint64_t h = (kva ^ (uint64_t)s->size << 48 ^ (uint64_t)s->type << 40) * 0x9e3779b97f4a7c15ull;

	return &c->plans->seen[h >> 50];
}

_Static_assert(SEEN_SLOTS == 1u << 14, "the bits that seen_at() takes");

static enum outcome keep(struct chase *c, const struct slot *s, uint64_t kva, uint32_t hops)
{
	uint32_t walk = *c->plans->walk & 0xffffff, size = s->size;
	struct seen *seen = seen_at(c, s, kva);
	struct sf_bpf_pointees *p = c->p;
	enum sf_fault fault = SF_FAULT_NONE;
	bool again = seen->walk == walk && seen->kva == kva && seen->size == size && seen->type == s->type;

	if (again && seen->hops >= hops)
		return KEPT_BEFORE;
	if (again) {
		seen->hops = hops & 0xff;
		return KEPT;
	}
	if (size > p->budget) {
		p->n_left_out++;
		return LEFT_OUT;
	}
	if (!sf_vmem_page(c->vm, kva, &fault)) {
		/* Pages beyond the limit of a capture are counted where that is. */
		p->n_dangling += fault != SF_FAULT_NOT_KEPT;
		return UNREADABLE;
	}
	sf_vmem_touch(c->vm, kva, size);
	p->budget -= size;
	p->n_kept++;
	*seen = (struct seen){ .kva = kva, .size = size, .type = s->type, .walk = walk, .hops = hops & 0xff };
	return KEPT;
}

/* @hops: pointers that may be followed, the one that led here included. */
static enum outcome touch_object(struct chase *c, const struct slot *s, uint64_t kva, uint32_t hops)
{
	enum outcome outcome = keep(c, s, kva, hops);

	if (outcome != KEPT || hops <= 1 || !s->type)
		return outcome;
	if (s->next)
		touch_plan(c, s->next, kva, hops - 1);
	else
		c->p->n_left_out++;
	return outcome;
}

static bool is_kernel(const struct chase *c, uint64_t kva)
{
	return sf_arch_is_kernel_address(c->five_levels, kva);
}

static void touch_percpu(struct chase *c, const struct slot *s, uint64_t percpu, uint32_t hops)
{
	uint32_t n = sf_kernel_nr_cpu_ids(c->plans->bpf->kernel);
	uint64_t kva;

	for (uint32_t cpu = 0; percpu && cpu < n; cpu++)
		if (sf_vmem_percpu(c->vm, percpu, cpu, &kva) && is_kernel(c, kva))
			touch_object(c, s, kva, hops);
}

/* ---- lists and trees ------------------------------------------------------------------------------------------ */

/* Where the element is kept the node can be read: it is inside. UNREADABLE: the chain is torn here, or too long. */
static enum outcome step(struct chase *c, const struct slot *s, uint64_t node, uint32_t hops)
{
	if (!c->p->steps || !is_kernel(c, node))
		return UNREADABLE;
	c->p->steps--;
	return touch_object(c, s, node - s->node, hops);
}

/* struct bpf_list_node_kern begins with a list_head, a list is a circle of those; a head of zeroes is an empty one. */
static void touch_list(struct chase *c, const struct slot *s, uint64_t head, uint64_t node, uint32_t hops)
{
	uint64_t mark = 0, n = 0, mark_at = 16;

	while (node && node != head) {
		enum outcome outcome = node == mark ? UNREADABLE : step(c, s, node, hops);

		/* A circle that the head is not in meets the mark once the marks are further apart than it is long. */
		if (n++ == mark_at) {
			mark = node;
			mark_at *= 2;
		}
		if (outcome == LEFT_OUT)
			return;
		if (outcome == UNREADABLE || sf_vmem_u64(c->vm, node, &node)) {
			c->p->n_torn_chains++;
			return;
		}
	}
}

struct branch {
	uint64_t node, parent;
	uint32_t depth;
};

static void touch_tree(struct chase *c, const struct slot *s, uint64_t root, uint32_t hops)
{
	struct branch stack[MAX_TREE_DEPTH + 1] = { { .node = root } };
	uint64_t raw[RB_SIZE / 8];
	uint32_t n = 1, strangers = 0;
	bool torn = false;

	while (n) {
		struct branch b = stack[--n];
		enum outcome outcome = step(c, s, b.node, hops);

		if (outcome == LEFT_OUT)
			break;
		if (outcome == UNREADABLE || sf_vmem_read(c->vm, b.node, raw, sizeof(raw))) {
			torn = true;
			continue;
		}
		uint64_t left = raw[RB_LEFT / 8], right = raw[RB_RIGHT / 8];

		/* Followed from parents that their children know, no node is met twice, but in a circle: that is deep. */
		if (((raw[0] & RB_PARENT) != b.parent && ++strangers > MAX_STRANGERS) || b.depth >= MAX_TREE_DEPTH ||
		    (left && left == right)) {
			torn = true;
			continue;
		}
		/* Each level above has left at most one behind, so there is room for both. */
		if (right)
			stack[n++] = (struct branch){ right, b.node, b.depth + 1 };
		if (left)
			stack[n++] = (struct branch){ left, b.node, b.depth + 1 };
	}
	c->p->n_torn_chains += torn;
}

/* ---- plans ----------------------------------------------------------------------------------------------------- */

static void touch_slot(struct chase *c, const struct slot *s, uint64_t at, uint64_t value, uint32_t hops)
{
	switch (s->what) {
	case SLOT_OBJECT:
		if (is_kernel(c, value))
			touch_object(c, s, value, hops);
		break;
	case SLOT_PERCPU:
		touch_percpu(c, s, value, hops);
		break;
	case SLOT_PERCPU_CELL:
		if (!is_kernel(c, value))
			break;
		if (sf_vmem_u64(c->vm, value, &value))
			c->p->n_dangling++;
		else
			touch_percpu(c, s, value, hops);
		break;
	case SLOT_LIST:
		touch_list(c, s, at, value, hops);
		break;
	case SLOT_TREE:
		touch_tree(c, s, value, hops);
		break;
	}
}

static void touch_plan(struct chase *c, const struct sf_bpf_plan *plan, uint64_t kva, uint32_t hops)
{
	c->p->n_left_out += plan->n_cut;
	for (size_t k = 0; k < plan->slots.n; k++) {
		const struct slot *s = &plan->slots.v[k];

		for (uint32_t i = 0; i < s->n; i++) {
			uint64_t at = kva + s->offset + (uint64_t)i * s->stride, value;

			/* Values that cannot be read are counted by whoever keeps them. */
			if (sf_vmem_u64(c->vm, at, &value) == SF_FAULT_NONE && value)
				touch_slot(c, s, at, value, hops);
		}
	}
}

void sf_bpf_plan_touch(const struct sf_bpf_plans *plans, const struct sf_bpf_plan *plan, struct sf_vmem *vm,
		       uint64_t kva, struct sf_bpf_pointees *p)
{
	struct chase c = {
		.plans = plans, .vm = vm, .p = p,
		.five_levels = sf_kernel_pgtable(plans->bpf->kernel)->five_levels,
	};

	if (p->hops)
		touch_plan(&c, plan, kva, p->hops);
}

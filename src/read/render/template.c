/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Neighbours in an array that differ in little: what they have in common once, then each member that varies.
 *
 *   [0-3] slot{mode=FAST (2)}
 *     seq: [0]=7  [1-2]=8  [3]=9
 */

#include <inttypes.h>

#include "leaf.h"

#define MIN_VARIANTS 3 /* fewer take less room one by one */
#define MAX_VARYING 3

struct run {
	const struct sf_node *array;
	uint64_t first, last;
	struct sf_node elem; /* the first */
	struct sf_diff varies;
};

/* Elements from @r->first on that one template can say. How many different ones there are among them. */
static uint64_t find_run(struct sf_emit *e, struct run *r, uint64_t shown)
{
	struct sf_node prev = r->elem, next;
	uint64_t n_variants = 1;

	for (r->last = r->first; r->last + 1 < shown && e->w.left > 1; r->last++) {
		if (sf_node_index(r->array, r->last + 1, &next) != SF_STEP_OK || sf_node_kind(&next) != SF_STRUCT)
			break;
		if (!sf_walk_is_same(&e->w, &prev, &next)) {
			if ((!e->w.opt.show_zero && sf_walk_is_zero(&e->w, &next)) ||
			    !sf_diff_add(e, &r->elem, &next, &r->varies))
				break;
			n_variants++;
		}
		prev = next;
	}
	return n_variants;
}

/* Text that must not be torn apart by the end of the line. */
static void put_variant(struct sf_emit *e, const char *separator, uint64_t first, uint64_t last, const struct sf_node *leaf)
{
	sf_puts(e, separator);
	if (first == last)
		sf_putf(e, "[%" PRIu64 "]=", first);
	else
		sf_putf(e, "[%" PRIu64 "-%" PRIu64 "]=", first, last);
	sf_put_inline(e, leaf);
}

static void fit_variant(struct sf_emit *e, const char *separator, uint64_t first, uint64_t last,
			const struct sf_node *leaf, unsigned int indent)
{
	struct sf_measured m = sf_measure_begin(e, e->w.opt.width);

	put_variant(e, separator, first, last, leaf);
	if (sf_measure_end(e, &m) == UINT32_MAX) {
		sf_put_line(e, indent);
		separator = "";
	}
	put_variant(e, separator, first, last, leaf);
}

static bool get_leaf(struct sf_emit *e, const struct run *r, uint64_t i, uint32_t k, struct sf_node *ret)
{
	struct sf_node elem, leaves[SF_DIFF_MAX];

	if (sf_node_index(r->array, i, &elem) != SF_STEP_OK || !sf_diff_nodes(e, &r->varies, &elem, leaves))
		return false;
	*ret = leaves[k];
	return true;
}

static void put_varying(struct sf_emit *e, const struct run *r, uint32_t k, unsigned int indent)
{
	const char *separator = " ";
	struct sf_leaf_iter name;
	struct sf_node leaf, next;
	uint64_t last;

	sf_put_line(e, indent);
	if (sf_diff_find(e, &r->varies, &r->elem, k, &name))
		sf_put_leaf_name(e, &name, "");
	sf_puts(e, ":");
	for (uint64_t i = r->first; i <= r->last && sf_emit_on(e) && e->w.left; i = last + 1) {
		last = i;
		if (!get_leaf(e, r, i, k, &leaf))
			break;
		while (last < r->last && get_leaf(e, r, last + 1, k, &next) && sf_walk_is_same(&e->w, &leaf, &next))
			last++;
		fit_variant(e, separator, i, last, &leaf, indent + 1);
		separator = "  ";
	}
}

bool sf_put_template(struct sf_emit *e, const struct sf_node *array, uint64_t first, uint64_t shown, unsigned int indent,
		     uint64_t *ret_last, uint64_t *no_use)
{
	struct run r = { .array = array, .first = first, .varies.max = MAX_VARYING };
	const char *name;

	if (first < *no_use || sf_node_index(array, first, &r.elem) != SF_STEP_OK || sf_node_kind(&r.elem) != SF_STRUCT ||
	    find_run(e, &r, shown) < MIN_VARIANTS)
		return false;
	/* Where everything varies, what belongs together is better said together. */
	if (r.varies.n > 1 && !sf_has_common(e, &r.varies, &r.elem)) {
		*no_use = r.last + 1;
		return false;
	}
	sf_put_line(e, indent);
	sf_putf(e, "[%" PRIu64 "-%" PRIu64 "] ", r.first, r.last);
	name = sf_struct_name(&r.elem);
	if (!sf_put_common(e, &r.varies, &r.elem, indent)) {
		sf_put_name(e, name ? name : "<anon>");
		sf_puts(e, ":");
	}
	for (uint32_t k = 0; k < r.varies.n; k++)
		put_varying(e, &r, k, indent + 1);
	*ret_last = r.last;
	return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_JSON_PLAN_H
#define SF_RENDER_JSON_PLAN_H

/*
 * The JSON of all values of one type is mostly the same text: keys, kinds, names. A plan is that text, worked out once,
 * and between its pieces where a number is and how it is written. value_json.c makes it by showing a value of which
 * nothing is read; what a plan puts is, byte for byte, what value_json.c would have put.
 *
 * Masks, bytes and pointers that are not NULL are shown by value_json.c, from the middle of a plan. A value is left to it
 * as a whole where a page is missing or a pointer leads to something large.
 */

#include "walk.h"

struct sf_json_plan;

/*
 * For values like @n, a typed node, that will be put with the options of @w where @json is now. NULL: there can be no
 * plan, or no memory for one.
 */
struct sf_json_plan *sf_json_plan_new(const struct sf_walk *w, const struct sf_node *n,
				      const struct sf_json_writer *json);
void sf_json_plan_free(struct sf_json_plan *plan); /* NULL is fine */
SF_DEFINE_CLEANUP(json_plan, sf_json_plan_free)

/* false: nothing was put, it is a value for sf_value_json(). @plan may be NULL. */
bool sf_json_plan_put(struct sf_json_plan *plan, struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json);

/* ---- making one: value_json.c says what it would have read ------------------------------------------------------ */

struct sf_plan_maker;

/* There is no plan for this. */
void sf_plan_fail(struct sf_plan_maker *maker);
/* Before sf_walk_enter(). */
void sf_plan_enter(struct sf_plan_maker *maker);
/* Text behind a number, within a value. */
void sf_plan_text(struct sf_plan_maker *maker, const char *text, size_t len);
/* Of a scalar all but its value; false: no plan. */
bool sf_plan_shape(struct sf_plan_maker *maker, const struct sf_node *n, struct sf_scalar *ret);
/* Here is its value, or (true, false) its being set; the name of its value. */
void sf_plan_number(struct sf_plan_maker *maker, const struct sf_node *n, const struct sf_scalar *shape);
void sf_plan_variant(struct sf_plan_maker *maker, const struct sf_node *n, const struct sf_scalar *shape);
/* Here is a pointer. What is put up to the end is for NULL. */
void sf_plan_pointer(struct sf_plan_maker *maker, const struct sf_node *n);
void sf_plan_pointer_end(struct sf_plan_maker *maker);
/* Here is something that value_json.c has to put. */
void sf_plan_node(struct sf_plan_maker *maker, const struct sf_node *n);
/* What is put up to the end is for each of the first @shown elements of @n. false: no plan. */
bool sf_plan_loop(struct sf_plan_maker *maker, const struct sf_node *n, uint64_t shown, struct sf_node *ret_elem);
void sf_plan_loop_end(struct sf_plan_maker *maker);

#endif

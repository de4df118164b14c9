/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_VALUE_JSON_H
#define SF_RENDER_VALUE_JSON_H

#include "walk.h"

/* One value of many: @w keeps the options. */
void sf_value_json(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json);

/* For plans: a value inside of another, which @w knows; and a value of which only the fixed text is wanted. */
struct sf_plan_maker;
void sf_value_json_inside(struct sf_walk *w, const struct sf_node *n, struct sf_json_writer *json);
void sf_value_json_plan(struct sf_plan_maker *maker, struct sf_walk *w, const struct sf_node *n,
			struct sf_json_writer *json);

#endif

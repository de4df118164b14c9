/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VALUE_TREE_H
#define SF_VALUE_TREE_H

/*
 * The backend of nodes that are an owned tree: a rendered value, read from its JSON form (docs/values.md). It is how a
 * value outlives its guest, and how a test of test code builds one by hand.
 */

#include "base/json.h"
#include "value/node.h"

struct sf_tree;

/* @json is copied from; it may go afterwards. SF_BAD_INPUT names the path of what is not a rendered value. */
SF_CHECKED struct sf_error *sf_tree_new(const struct sf_json_node *json, struct sf_tree **ret);
void sf_tree_free(struct sf_tree *tree);
SF_DEFINE_CLEANUP(tree, sf_tree_free)
struct sf_node sf_tree_root(const struct sf_tree *tree);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VALUE_TREE_H
#define SF_VALUE_TREE_H

/*
 * The backend of nodes that are an owned tree: a rendered value, read from its JSON form (docs/values.md). It is how a
 * value outlives its guest, and how a test of test code builds one by hand.
 */

#include "value/node.h"
#include "value/spot.h"

struct sf_tree;

/* @json is copied from; it may go afterwards. SF_BAD_INPUT names the path of what is not a rendered value. */
SF_CHECKED struct sf_error *sf_tree_new(const struct sf_json_node *json, struct sf_tree **ret);
void sf_tree_free(struct sf_tree *tree);
SF_DEFINE_CLEANUP(tree, sf_tree_free)
struct sf_node sf_tree_root(const struct sf_tree *tree);

/* The value at @at, in the arena of that; for who has many of them. */
SF_CHECKED struct sf_error *sf_tree_read(const struct sf_spot *at, struct sf_node *ret);
/* A run of bytes without a type, from "de ad"; false: that is not what @hex is. */
SF_CHECKED struct sf_error *sf_tree_bytes(struct sf_arena *arena, const char *hex, struct sf_node *ret, bool *ret_ok);

/* In the place of a value that is not there. */
struct sf_node sf_tree_nothing(void);

/* Is @n of this backend? */
bool sf_node_is_tree(const struct sf_node *n);

#endif

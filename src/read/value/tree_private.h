/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VALUE_TREE_PRIVATE_H
#define SF_VALUE_TREE_PRIVATE_H

#include "value/tree.h"

struct cpu_range {
	uint32_t first, last;
};

/* Which part of the union it has, says the kind. */
struct sf_tree_node {
	enum sf_kind kind;
	const char *name;                             /* of the type */
	union {
		struct sf_scalar scalar;              /* SF_INT to SF_ENUM */
		struct {
			uint64_t value;
			const struct sf_tree_node *target;
			const char *note, *skipped;
		} ptr;
		struct {
			const struct sf_tree_node *items;
			size_t n;
			const char **names;           /* SF_STRUCT */
			uint64_t len;                 /* SF_ARRAY: what the type says */
		} list;
		struct {
			const uint8_t *v;
			size_t n;
			uint64_t len;
		} bytes;
		struct {
			const struct cpu_range *v;    /* ascending, with gaps between them */
			size_t n;
		} cpus;
		struct {
			const struct sf_tree_node *inner;
			uint64_t needed, had;
		} truncated;
		const char *reason;                   /* SF_UNSUPPORTED */
	};
};

struct sf_node sf_tree_node(const struct sf_tree_node *body);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VALUE_TYPED_H
#define SF_VALUE_TYPED_H

/*
 * The backend of nodes that are bytes in guest memory with a BTF type. Nothing is decoded before it is asked for.
 *
 * Rules of decoding, by BTF kind: docs/values.md.
 */

#include "btf/btf.h"
#include "kernel/vmem.h"
#include "value/node.h"

/* Where typed nodes come from: types and the memory that has the bytes. Borrowed by every node; one thread. */
struct sf_typed {
	struct sf_btf *btf;
	struct sf_vmem *vm;
	uint32_t nr_cpus;              /* CPUs that a mask can name; 0: all of its bits */
	const struct sf_typed *kernel; /* the running kernel's own types; what its objects really look like. NULL: none */
};

/* @had bytes at @kva as a value of type @type (0: bytes without a type). */
struct sf_node sf_typed_node(const struct sf_typed *src, uint64_t kva, uint32_t type, uint32_t had);

/* Bytes of @n's type, where it has a fixed size. */
bool sf_typed_size(const struct sf_node *n, uint64_t *ret);

#endif

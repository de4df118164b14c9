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

/* A pointer with the value @address to a type of @src (0: to nothing known), which need not lie in memory itself. */
struct sf_node sf_typed_address(const struct sf_typed *src, uint64_t address, uint32_t type);

/* How many objects a pointer leads to, and what its own value is. */
enum sf_typed_reach {
	SF_REACH_ONE,         /* one, at the pointer's value */
	SF_REACH_PERCPU,      /* one for each CPU; the value is what sf_vmem_percpu() takes */
	SF_REACH_PERCPU_CELL, /* the same, but that is in memory, at the pointer's value */
};

struct sf_typed_target {
	const struct sf_typed *src; /* whose types `type` is one of: the program's, or the running kernel's */
	uint32_t type;
	uint32_t size;              /* bytes of the object */
	uint32_t needed;            /* of them, those that are ever read: of a mask the words that name CPUs */
	enum sf_typed_reach reach;
};

/*
 * What a pointer to @type of @src leads to. Whoever follows pointers and whoever keeps what they lead to must agree, so
 * both ask here. NULL: @ret has it; else why such pointers are not followed, a static string.
 */
const char *sf_typed_target(const struct sf_typed *src, uint32_t type, struct sf_typed_target *ret);

/* Is @n typed bytes, of the running kernel's own types, and not of a program's? */
bool sf_typed_is_kernel(const struct sf_node *n);

/* Is @n one of this backend's? */
bool sf_typed_is(const struct sf_node *n);

/*
 * A number that fills whole bytes, so that it can be read again without a look at its type: how. 0: it is something else.
 * Of two nodes that differ in their address only, both are read alike.
 */
enum sf_typed_plain {
	SF_PLAIN_UNSIGNED = 0x10, /* SF_UINT, SF_CHAR, unsigned SF_ENUM */
	SF_PLAIN_SIGNED = 0x20,   /* SF_INT, signed SF_ENUM */
	SF_PLAIN_PTR = 0x30,
	SF_PLAIN_CLASS = 0x30,    /* one of these */
	SF_PLAIN_SIZE = 0x0f,     /* 1, 2, 4 or 8 */
};
uint32_t sf_typed_plain(const struct sf_node *n);

/* Bytes of @n's type, where it has a fixed size. */
bool sf_typed_size(const struct sf_node *n, uint64_t *ret);

#endif

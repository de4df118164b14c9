/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FUZZ_MAPS_BASE_H
#define SF_FUZZ_MAPS_BASE_H

/*
 * Frames with a map of every type in them: what fuzz_maps edits. An input is
 *
 *	byte     which of them, modulo MAPS_N
 *	byte     how a capture of the frame is taken: bits of MAPS_*
 *	then edits, as frame_base.h has them
 */

#include "frame_base.h"

/* A kernel as it is; five levels of page tables and what older kernels lack; no list of an owner's elements. */
enum { MAPS_PLAIN, MAPS_OLD, MAPS_NO_LISTS, MAPS_N };
#define MAPS_HEAD 2u            /* bytes of an input before its edits */

#define MAPS_HOPS 7u            /* pointers that are followed; 0: none */
#define MAPS_FEW_BYTES 8u       /* of each map */
#define MAPS_FEW_POINTEES 16u
#define MAPS_FEW_PAGES 32u
#define MAPS_NO_CAPTURE 64u

/* Bytes of a struct btf: as long as they are in a frame what they say of layouts holds. */
struct maps_types {
	uint64_t kva;
	size_t len;
	uint8_t *bytes;
};

struct maps_base {
	struct base file;
	struct fake_maps maps;
	uint64_t chain[4];           /* elements of one bucket of "chained", from the first on */
	uint64_t graph;              /* a map whose value has a list, a tree and pointers: see maps_base.c */
	uint64_t mixed;              /* a hash whose values have parts of every kind */
	uint64_t graph_items[3], graph_leaves[3];
	uint64_t ksyms[3];           /* each a struct bpf_ksym */
	struct maps_types kernel, demo; /* of the kernel; of all maps of the scene */
	uint32_t ctx_type;           /* of struct task_ctx in `demo` */
	uint64_t map_idr;
	uint64_t page_offset;
	uint64_t first_gpa, end_gpa; /* what the scene takes: pages from, and to */
};

/* Where things are in the value of "graph". */
enum {
	GRAPH_LIST = 0,
	GRAPH_TREE = 16,
	GRAPH_PERCPU = 32,
	GRAPH_TASK = 40,
	GRAPH_SIZE = 56,
	ITEM_NODE = 8,               /* of an element of the list or of the tree */
	ITEM_SIZE = 40,
};

/* Made when it is first asked for. */
const struct maps_base *maps_base(unsigned int which);
/* The guest that it is a frame of, open; @ret has no file. */
struct fake_guest *maps_guest(unsigned int which, struct maps_base *ret);

#endif

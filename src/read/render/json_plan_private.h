/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_JSON_PLAN_PRIVATE_H
#define SF_RENDER_JSON_PLAN_PRIVATE_H

/* What a plan is: made by json_plan_make.c, put by json_plan.c. */

#include "json_plan.h"
#include "value/typed.h"

#define MAX_LOOPS 8            /* within each other */
#define PIECE 1024u            /* text of one step */
#define CHUNK 16u              /* text is copied in such, up to one too many */

enum op {
	OP_END, OP_TEXT, OP_LOOP, OP_NEXT, OP_U8, OP_U16, OP_U32, OP_U64, OP_S8, OP_S16, OP_S32, OP_S64, OP_BITS, OP_SBITS,
	OP_F32, OP_F64, OP_BOOL, OP_VARIANT, OP_POINTER, OP_NODE,
};

struct piece {
	uint32_t at, len;              /* in the plan's text */
};

struct step {
	struct piece text;             /* that comes first */
	uint32_t off;                  /* of the bytes in the value or, in a loop, in its first element */
	uint32_t arg;                  /* index of a loop, enum, pointer or node */
	uint8_t op, n_bytes, shift, bits;
};

struct loop {
	uint64_t count, stride;
	size_t body;                   /* its first step */
};

struct variant {
	uint64_t value;
	struct piece name;
};

struct variants {
	size_t first, n;               /* sorted by value, each value once */
	uint8_t size;                  /* of the enum */
};

/* Something inside of a value, and where it is in it. */
struct inside {
	struct sf_node node;           /* `at` is an offset */
	struct piece null;             /* of a pointer: what is put for NULL */
	uint32_t json_depth, depth;
	size_t path;                   /* `depth` of them, in `path` */
};

/* A value that another one is in: as far as the open loops are at that element. */
struct outer {
	uint64_t off;
	uint32_t n_loops;
};

struct sf_json_plan {
	struct sf_node like;
	uint32_t depth;
	bool pretty;
	uint64_t parts;                /* of each value, but for what pointers lead to: of those each has one more at most */
	struct sf_json_buffer text;
	struct { struct step *v; size_t n, cap; } steps;
	struct { struct loop *v; size_t n, cap; } loops;
	struct { struct variant *v; size_t n, cap; } variants;
	struct { struct variants *v; size_t n, cap; } enums;
	struct { struct inside *v; size_t n, cap; } insides;
	struct { struct outer *v; size_t n, cap; } path;
	struct { uint32_t *v; size_t n, cap; } follows; /* pointers that may lead to something large */
	struct piece none;             /* null */
	uint8_t *scratch;              /* a value that lies on two pages */
};

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_EXPR_PRIVATE_H
#define SF_EXPR_PRIVATE_H

/* What the reader of expressions leaves for who prints and evaluates them: a tree in one array. */

#include "snapshot/expr.h"
#include "snapshot_private.h"

enum expr_op {
	OP_INT, OP_REAL, OP_BOOL, OP_TEXT,              /* literals */
	OP_VAR, OP_VARS, OP_MAP,                        /* of the frame */
	OP_VALUE, OP_KEY, OP_OWNER,                     /* of the entry that a filter looks at */
	OP_COUNT, OP_SUM, OP_MIN, OP_MAX,               /* of `a` */
	OP_NOT, OP_NEG,
	OP_MUL, OP_DIV, OP_MOD, OP_ADD, OP_SUB,
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE,
	OP_AND, OP_OR,
};

enum expr_pick { PICK_NONE, PICK_POSITION, PICK_FILTER };
enum expr_cpus { CPUS_UNSAID, CPUS_ONE, CPUS_ALL };

/* Words behind "owner.", by their numbers. */
enum expr_owner {
	OWNER_PID, OWNER_TGID, OWNER_COMM, OWNER_ID, OWNER_PATH, OWNER_FAMILY, OWNER_PORT, OWNER_KVA, OWNER_N,
};
extern const char *const sf_expr_owner_words[OWNER_N];

struct expr_node {
	uint8_t op;
	uint8_t pick, cpus;      /* OP_MAP */
	bool negative;           /* OP_INT: it is -u64 */
	uint16_t depth;          /* of the tree below */
	uint32_t a, b;           /* operands; of OP_MAP `a` is the filter */
	uint32_t at, end;        /* offsets in the text */
	uint32_t name, path;     /* offsets in the strings; 0 is "" */
	uint32_t name_at, path_at, pick_at, cpu_at; /* where they begin in the text */
	bool path_is_text;       /* the path is, letter by letter, what is there */
	bool by_id;              /* OP_MAP: `number` says which, and not its name */
	uint32_t cpu;
	uint32_t number;         /* id of a map; word of an owner */
	union {
		uint64_t u64;    /* OP_INT, OP_BOOL; the position of an OP_MAP */
		double f64;
	};
};

struct sf_expr {
	char *text;
	struct { struct expr_node *v; size_t n, cap; } nodes;
	struct sf_text strings;  /* each NUL-terminated; the first is "" */
	uint32_t root;
};

static inline const struct expr_node *expr_node(const struct sf_expr *x, uint32_t i)
{
	return &x->nodes.v[i];
}

static inline const char *expr_string(const struct sf_expr *x, uint32_t at)
{
	return x->strings.v + at;
}

/* How strongly an operator binds: the larger the stronger. 0: it has no two operands. */
unsigned int sf_expr_level(enum expr_op op);
const char *sf_expr_op_text(enum expr_op op); /* "==", "count", … */
#define LEVEL_OR 1u
#define LEVEL_COMPARE 3u
#define LEVEL_SUM 4u

/* Characters before offset @at of @text, and one. */
uint64_t sf_expr_column(const char *text, size_t at);
/* Gives @err the column; returns it. */
struct sf_error *sf_expr_place(struct sf_error *err, const char *text, size_t at);

#endif

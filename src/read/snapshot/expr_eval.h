/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_EXPR_EVAL_H
#define SF_EXPR_EVAL_H

/*
 * Evaluating an expression: values and operators (expr_eval.c), comparisons (expr_compare.c), and what comes from maps
 * and variables (expr_pick.c). Nothing here allocates but errors, and the index of a map whose entry is asked for by
 * its position.
 *
 * Numbers are 128 bits wide inside, so that signed and unsigned ones of 64 bits meet as what they are; what leaves an
 * operator fits 64 bits again, or is an error.
 */

#include "expr_private.h"

enum expr_outcome {
	OUT_OK,
	OUT_END,    /* there are no more */
	OUT_UNSURE, /* memory that is not here would have decided; only where a filter goes on without knowing */
	OUT_FAILED, /* the error is in eval.err */
};

enum expr_val_kind {
	VAL_NOTHING, /* behind a null pointer, or of a CPU that was never set up: no comparison with it holds */
	VAL_BOOL, VAL_INT, VAL_REAL, VAL_TEXT, VAL_NODE,
};

struct expr_val {
	enum expr_val_kind kind;
	union {
		bool boolean;
		__int128 i;
		double f64;
		const char *text;    /* bytes */
		struct sf_node node;
	};
};

/* The entry that a filter looks at. */
struct expr_scope {
	const struct sf_snap_elem *elem;
	uint64_t cpu;                /* +1; 0: not said */
	bool soft;                   /* OUT_UNSURE is possible */
	bool has_owner;
	struct sf_bpf_owner owner;   /* once it was asked for */
};

struct expr_eval {
	struct sf_snapshot *snap;
	const struct sf_expr *x;
	struct expr_scope *scope;    /* NULL: outside of filters */
	struct sf_error *err;
};

enum expr_outcome sf_expr_eval(struct expr_eval *ev, uint32_t i, struct expr_val *ret);
/* true or false: VAL_BOOL, or a variable that is one. */
enum expr_outcome sf_expr_eval_bool(struct expr_eval *ev, uint32_t i, bool *ret);

/* Makes @v, the value of node @i, a VAL_INT or VAL_REAL; VAL_NOTHING stays. */
enum expr_outcome sf_expr_number(struct expr_eval *ev, uint32_t i, struct expr_val *v);
/* A scalar as a number, true and false too. false: its kind is none of a number's. */
bool sf_expr_scalar_number(const struct sf_scalar *s, struct expr_val *ret);
enum expr_outcome sf_expr_int(struct expr_eval *ev, const struct expr_node *n, __int128 v, struct expr_val *ret);

/* expr_compare.c */
enum expr_outcome sf_expr_compare(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret);

/* ---- expr_pick.c ------------------------------------------------------------------------------------------------- */

enum expr_outcome sf_expr_var(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret);
enum expr_outcome sf_expr_map(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret);
enum expr_outcome sf_expr_aggregate(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret);
/* The map itself, which has to be there. */
enum expr_outcome sf_expr_find_map(struct expr_eval *ev, const struct expr_node *n, const struct sf_snap_map **ret);
/* Of vars() and of map()@*. */
enum expr_outcome sf_expr_each(struct expr_eval *ev, const struct expr_node *n, sf_expr_item_fn *fn, void *arg);

/* ---- of the entry of a filter, and paths (expr_entry.c) ---------------------------------------------------------- */

enum expr_outcome sf_expr_entry_word(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret);
/* The value of an element on @cpu (+1), whole. */
enum expr_outcome sf_expr_elem_value(struct expr_eval *ev, const struct expr_node *n, const struct sf_snap_elem *e,
				     uint64_t cpu, struct expr_val *ret);
/* Along the path of @n from @root. @null_is_nothing: a null pointer on the way is no error. */
enum expr_outcome sf_expr_walk(struct expr_eval *ev, const struct expr_node *n, const struct sf_node *root,
			       bool null_is_nothing, struct expr_val *ret);

/* ---- errors: each is OUT_FAILED, about offset @at of the text ---------------------------------------------------- */

enum expr_outcome sf_expr_failed(struct expr_eval *ev, size_t at, struct sf_error *err);
enum expr_outcome sf_expr_failed_slot(struct expr_eval *ev, size_t at, struct failure f);
/* SF_TYPE_MISMATCH */
enum expr_outcome sf_expr_mismatch(struct expr_eval *ev, size_t at, const char *expected, const char *actual);
/* Memory that is not here: OUT_UNSURE where that is possible. */
enum expr_outcome sf_expr_trouble(struct expr_eval *ev, size_t at, const struct sf_trouble *why);
/* What @v is, for people. */
void sf_expr_val_text(const struct expr_val *v, char *buf, size_t size);

static inline bool expr_is_soft(const struct expr_eval *ev)
{
	return ev->scope && ev->scope->soft;
}

#endif

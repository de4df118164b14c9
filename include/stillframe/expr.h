/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_EXPR_H
#define STILLFRAME_EXPR_H

/*
 * Expressions: what can be asked of a frame in one line of text.
 *
 * Example:
 *	SF_TRY(sf_view_check(view, "var(nr_dispatched) > 0 && map(scx_per_task){tid == 1234}.ctx.weight.value == 100"));
 *
 * docs/expressions.md is the language. An error has the column that it is about, in characters from 1, in
 * payload.column; those of accessors (snapshot.h) are the same here, with their alternatives.
 */

#include "stillframe/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/** struct sf_expr - an expression that was read; it never changes, and any thread may evaluate it */
struct sf_expr;

/**
 * sf_expr_new() - read an expression
 * @text: at most 64 KiB; parentheses, filters and calls may be nested 64 deep
 * @ret: sf_expr_free() it
 *
 * Return: SF_USAGE, with the column, and what would have been possible there; SF_NO_MEMORY.
 */
SF_API SF_CHECKED struct sf_error *sf_expr_new(const char *text, struct sf_expr **ret);
/** sf_expr_free() - NULL is fine. */
SF_API void sf_expr_free(struct sf_expr *expr);
SF_DEFINE_CLEANUP(expr, sf_expr_free)
/** sf_expr_text() - the text it was read from; the expression's. */
SF_API const char *sf_expr_text(const struct sf_expr *expr);

/** enum sf_expr_kind - what an expression came to */
enum sf_expr_kind {
	SF_EXPR_BOOL = 1, /* `boolean` */
	SF_EXPR_INT,      /* a number below 0: `i64` */
	SF_EXPR_UINT,     /* a number from 0 on: `u64` */
	SF_EXPR_REAL,     /* `f64` */
	SF_EXPR_TEXT,     /* `text` */
	SF_EXPR_FIELD,    /* something of the frame, of any kind: `field` */
	SF_EXPR_MAP,      /* `map` */
	SF_EXPR_LIST,     /* `n` fields, which sf_view_each() gives */
};

/** struct sf_expr_value - what an expression came to; members that its kind does not name are 0 */
struct sf_expr_value {
	size_t size;             /* sizeof(struct sf_expr_value); set it before the call */
	enum sf_expr_kind kind;
	bool boolean;
	int64_t i64;
	uint64_t u64;
	double f64;
	const char *text;        /* the expression's */
	size_t n;
	struct sf_field field;   /* it and `map` are valid as long as the snapshot */
	struct sf_map map;
};

/**
 * sf_view_eval() - ask @view
 * @ret: filled up to @ret->size
 *
 * Whatever an expression takes from a map is what sf_view_map() and its accessors give. Numbers are compared as
 * numbers, whatever their types. Filters go through a map without allocating.
 *
 * Return: free it with sf_error_free(), which leaves alone those that the snapshot lent. The codes of snapshot.h, with
 * payload.column; SF_NO_MATCH (no entry passed the filter; lists keys), SF_TORN_LIST (the list of entries has lost some,
 * so that nobody knows), SF_PROJECTION_FAILED (a number that does not fit 64 bits, a division by 0), SF_USAGE (which of
 * several is meant).
 */
SF_API SF_CHECKED struct sf_error *sf_view_eval(struct sf_view view, const struct sf_expr *expr,
						struct sf_expr_value *ret);

/** struct sf_expr_item - one of several values */
struct sf_expr_item {
	const char *map;         /* of vars(): the section that has this copy; else NULL */
	bool has_cpu;            /* of @*: it is the value on `cpu` */
	uint32_t cpu;
	struct sf_field field;
};
/** typedef sf_expr_item_fn - receives one value; false: no more of them */
typedef bool sf_expr_item_fn(void *arg, const struct sf_expr_item *item);

/**
 * sf_view_each() - the values of an SF_EXPR_LIST, one after the other
 *
 * Return: as sf_view_eval(); SF_USAGE where @expr is no list.
 */
SF_API SF_CHECKED struct sf_error *sf_view_each(struct sf_view view, const struct sf_expr *expr, sf_expr_item_fn *fn,
						void *arg);

/**
 * sf_view_check() - does the expression @text hold?
 *
 * Return: NULL if it is true. SF_ASSERTION if it is false: the error has the values of both sides
 * ("var(nr_dispatched) > 100: it is 57"). Otherwise it could not be told: as sf_expr_new() and sf_view_eval(), and
 * SF_TYPE_MISMATCH for an expression that is neither true nor false.
 */
SF_API SF_CHECKED struct sf_error *sf_view_check(struct sf_view view, const char *text);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SNAPSHOT_EXPR_H
#define SF_SNAPSHOT_EXPR_H

/*
 * Expressions for the rooms above: asking whether one holds and saying why, and pointing at a place in its text.
 * docs/expressions.md is the language.
 */

#include "base/text.h"
#include "stillframe/expr.h"

#define SF_EXPR_MAX_TEXT 65536u
#define SF_EXPR_MAX_NESTING 64u

/*
 * Is it true? @ret_why gets the values that decided it ("it is 57"), whether or not it holds. Errors: those of
 * sf_view_eval(), and SF_TYPE_MISMATCH for what is neither true nor false.
 */
SF_CHECKED struct sf_error *sf_expr_judge(struct sf_view view, const struct sf_expr *expr, bool *ret,
					  struct sf_text *ret_why);

/* The expression in its shortest form; reading that gives an equal expression. */
void sf_expr_print(const struct sf_expr *expr, struct sf_text *ret);
bool sf_expr_equal(const struct sf_expr *a, const struct sf_expr *b);

/*
 * Two lines, each indented by four: @text (of a long one what is around the column) and, below the column, a caret and
 * @note (NULL: none). Safe on a terminal.
 */
void sf_expr_point(const char *text, uint64_t column, const char *note, struct sf_text *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_EXPR_H
#define SF_CLI_EXPR_H

#include "cli.h"
#include "snapshot/expr.h"

/* An error about a place in @text, with that place below it. Takes @err, which may be NULL or about no place. */
SF_CHECKED struct sf_error *cli_expr_error(struct sf_error *err, const char *text);
/* sf_expr_new() with such an error. */
SF_CHECKED struct sf_error *cli_expr_read(const char *text, struct sf_expr **ret);
/*
 * What an expression came to, but for an SF_EXPR_MAP, on stdout. @ret_ok: it could be written. @ret_code: SF_FAIL for
 * what is false.
 */
SF_CHECKED struct sf_error *cli_expr_show(struct sf_view view, const struct sf_expr *expr,
					  const struct sf_expr_value *value, bool json, bool *ret_ok, int *ret_code);

#endif

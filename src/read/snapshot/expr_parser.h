/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_EXPR_PARSER_H
#define SF_EXPR_PARSER_H

/*
 * The reader of expressions, in two files: operators and literals (expr_parse.c), and what is taken from a frame
 * (expr_source.c). Its functions return false once there is an error, which is in `err`.
 */

#include "expr_private.h"

struct parser {
	struct sf_expr *x;
	const char *text;
	size_t at;
	struct sf_error *err;
	unsigned int nesting;
	unsigned int filters;    /* that we are inside of */
	bool in_filter;          /* names are what the filter looks at */
};

/* SF_USAGE about offset @at; always false. */
bool expr_parse_fail(struct parser *p, size_t at, const char *fmt, ...) sf_printf(3, 4);
bool expr_parse_no_memory(struct parser *p);
/* The word or the character at @at, for an error: "'x'", "the end". @buf has 64 bytes. */
const char *expr_parse_seen(const struct parser *p, size_t at, char *buf);
bool expr_parse_enter(struct parser *p, size_t at); /* one level deeper; p->nesting-- leaves it */

void expr_parse_blanks(struct parser *p);
size_t expr_parse_word_length(const char *text); /* of a name at its start; 0: there is none */
bool expr_parse_close(struct parser *p, char close, size_t opened); /* blanks, then @close */
bool expr_parse_string(struct parser *p, const char *v, size_t n, uint32_t *ret);
bool expr_parse_node(struct parser *p, const struct expr_node *n, uint32_t *ret);
bool expr_parse_binary(struct parser *p, enum expr_op op, uint32_t a, uint32_t b, uint32_t *ret);

/* Operators that bind at least as strongly as @level. */
bool expr_parse_level(struct parser *p, unsigned int level, uint32_t *ret);
/* A quoted text whose `"` is next. In a name only \" and \\ are escapes: listings show other bytes as \xHH. */
bool expr_parse_quoted(struct parser *p, bool is_name, struct sf_text *ret);
/* Decimal digits: a position, a CPU, an id. @what: "an index" */
bool expr_parse_decimal(struct parser *p, const char *what, uint64_t max, uint64_t *ret);

/* The word at @p->at, of @len bytes: a function, or inside of a filter a path. */
bool expr_parse_word(struct parser *p, size_t len, uint32_t *ret);

#define EXPR_FUNCTIONS "var(), vars(), map(), count(), sum(), min() and max()"

#endif

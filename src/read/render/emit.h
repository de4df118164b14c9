/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_EMIT_H
#define SF_RENDER_EMIT_H

/*
 * Text on its way to the sink: columns are counted, and it can be measured instead of written. How a value looks is in
 * line.c (one line), list.c (arrays of scalars) and block.c (several lines); each tries the former first.
 */

#include "walk.h"

struct sf_emit {
	struct sf_walk w;
	sf_render_sink *sink;
	void *arg;
	bool failed;            /* the sink stopped */
	bool measuring, over;   /* nothing is written; it needs more than `limit` columns, or more than one line */
	uint32_t col, limit;
	size_t n;
	char buf[4096];
};

void sf_emit_init(struct sf_emit *e, const struct sf_render_options *opt, sf_render_sink *sink, void *arg);
bool sf_emit_finish(struct sf_emit *e);

/* Before another value. Text looks at it several times: does it fit, how wide are its columns. */
static inline void sf_emit_begin(struct sf_emit *e)
{
	sf_walk_begin(&e->w, 8);
}

/* Is there a point in going on? */
static inline bool sf_emit_on(const struct sf_emit *e)
{
	return !e->failed && !e->over;
}

void sf_putn(struct sf_emit *e, const char *text, size_t len);
void sf_puts(struct sf_emit *e, const char *text);
void sf_putf(struct sf_emit *e, const char *fmt, ...) sf_printf(2, 3); /* at most 255 bytes */
void sf_put_spaces(struct sf_emit *e, size_t n);
/* A new line, @indent levels in. */
void sf_put_line(struct sf_emit *e, unsigned int indent);
/* Text of somebody else: nothing in it moves the cursor or leaves the line; long text is cut with an ellipsis. */
void sf_put_name(struct sf_emit *e, const char *text);
/* One character of a quoted text. */
void sf_put_quoted(struct sf_emit *e, uint8_t c);
void sf_put_scalar(struct sf_emit *e, const struct sf_scalar *s);
void sf_put_trouble(struct sf_emit *e, const struct sf_trouble *why);
/* "0 ns" to "12.3 s" */
void sf_put_duration(struct sf_emit *e, uint64_t ns);

/* Columns that @put takes, from here; UINT32_MAX: more than fit into the line, or more than one line. */
uint32_t sf_measure(struct sf_emit *e, void (*put)(struct sf_emit *e, const struct sf_node *n), const struct sf_node *n);

/* ---- line.c ---- */

void sf_put_inline(struct sf_emit *e, const struct sf_node *n);
/* What stands around a pointer's target. */
void sf_put_pointer_head(struct sf_emit *e, const struct sf_node *n, const struct sf_scalar *s);
/* A member that is shown: not zero, not a format of bpf_printk(). */
bool sf_is_visible(struct sf_emit *e, const char *name, const struct sf_node *n);
const char *sf_struct_name(const struct sf_node *n); /* NULL: it has none */

/* ---- list.c ---- */

/* Every element is a scalar or a pointer that leads nowhere. */
bool sf_is_list(struct sf_emit *e, const struct sf_node *array);
/* @indent: of continued lines. While measuring it is one line. */
void sf_put_list(struct sf_emit *e, const struct sf_node *array, unsigned int indent);
void sf_put_shown(struct sf_emit *e, uint64_t shown, uint64_t len);

enum sf_string { SF_STRING_NONE, SF_STRING_LINE, SF_STRING_LINES };
enum sf_string sf_is_string(struct sf_emit *e, const struct sf_node *array);
void sf_put_string(struct sf_emit *e, const struct sf_node *array);
void sf_put_string_block(struct sf_emit *e, const struct sf_node *array, unsigned int indent);

/* ---- block.c ---- */

/* In one line if that fits, else in several; those after the first are @indent + 1 in. */
void sf_put_value(struct sf_emit *e, const struct sf_node *n, unsigned int indent);

#endif

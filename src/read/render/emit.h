/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_EMIT_H
#define SF_RENDER_EMIT_H

/*
 * Text on its way to the sink: columns are counted, and it can be measured instead of written. How a value looks is in
 * line.c (one line), list.c (arrays of scalars) and block.c (several lines); each tries the former first. What many
 * values have in common is said once: see leaf.h. How a map looks is in map_text.c, hash_text.c and percpu_text.c.
 */

#include "walk.h"

struct sf_emit {
	struct sf_walk w;
	sf_render_sink *sink;
	void *arg;
	bool failed;            /* the sink stopped */
	bool measuring, over;   /* nothing is written; it needs more than `limit` columns, or more than one line */
	uint32_t col, limit;
	struct sf_frame *frame;       /* whose symbols functions have; NULL: they have none */
	bool hinted;                  /* it was said which option would have kept what is missing */
	const struct sf_node *hidden; /* members that are said elsewhere */
	uint32_t n_hidden;
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
/* Safe text that may go on in further lines, @indent levels in, wherever it has a space. */
void sf_put_words(struct sf_emit *e, const char *text, size_t len, unsigned int indent);
/* Text of somebody else: nothing in it moves the cursor or leaves the line; long text is cut with an ellipsis. */
void sf_put_name(struct sf_emit *e, const char *text);
/* One character of a quoted text. */
void sf_put_quoted(struct sf_emit *e, uint8_t c);
void sf_put_scalar(struct sf_emit *e, const struct sf_scalar *s);
void sf_put_trouble(struct sf_emit *e, const struct sf_trouble *why);
/* "0 ns" to "12.3 s" */
void sf_put_duration(struct sf_emit *e, uint64_t ns);

/*
 * Between the two nothing is written. Columns that it would have taken; UINT32_MAX: more than @limit has, or more than
 * one line.
 */
struct sf_measured {
	uint32_t col, limit;
	uint64_t left;
	bool measuring, over;
};
struct sf_measured sf_measure_begin(struct sf_emit *e, uint32_t limit);
uint32_t sf_measure_end(struct sf_emit *e, const struct sf_measured *m);
/* Columns that @put takes, from here to the end of the line. */
uint32_t sf_measure(struct sf_emit *e, void (*put)(struct sf_emit *e, const struct sf_node *n), const struct sf_node *n);
uint32_t sf_name_width(struct sf_emit *e, const char *name);

/* ---- line.c ---- */

void sf_put_inline(struct sf_emit *e, const struct sf_node *n);
/* What stands around a pointer's target. */
void sf_put_pointer_head(struct sf_emit *e, const struct sf_node *n, const struct sf_scalar *s);
/*
 * The next member that is shown: not zero, not hidden, no format of bpf_printk(), not in an anonymous union what another
 * member of it said already.
 */
bool sf_next_visible(struct sf_emit *e, const struct sf_node *n, struct sf_member_iter *it, const char **name,
		     struct sf_node *ret);
/* Has a struct anything to say, beside what is hidden? */
bool sf_has_visible(struct sf_emit *e, const struct sf_node *n);
const char *sf_struct_name(const struct sf_node *n); /* NULL: it has none */
void sf_put_member_name(struct sf_emit *e, const char *name);
/* sf_walk_follow(), but for reasons that say no more than the pointer's type. */
bool sf_follow(struct sf_emit *e, const struct sf_node *ptr, struct sf_node *ret, const char **why);

/* ---- overlay.c ---- */

/* @member, which @it gave last, belongs to an anonymous union of @n, another part of which says the same. */
bool sf_is_overlay(struct sf_emit *e, const struct sf_node *n, const struct sf_member_iter *it,
		   const struct sf_node *member);

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_WALK_H
#define SF_RENDER_WALK_H

/*
 * What text and JSON have in common: how far a value is followed, and what can be said of it without showing it.
 */

#include "base/text.h"
#include "render/render.h"

struct sf_walk {
	struct sf_render_options opt;                 /* no 0 left for "default" */
	uint64_t left;                                /* parts that may still be looked at; 1: none, 0: and it was said */
	uint64_t granted;                             /* what `left` was at the beginning */
	uint64_t overdraft;                           /* of a map: parts that its values may have beyond what fits in them */
	uint64_t fair;                                /* what fits in one of them */
	uint32_t depth, hops;
	uint64_t path[SF_RENDER_MAX_DEPTH + 2];       /* where the values are that we are inside of */
	char why[80];
};

void sf_walk_init(struct sf_walk *w, const struct sf_render_options *opt);
/* Before another value: a fresh allowance of @factor times the parts. */
void sf_walk_begin(struct sf_walk *w, unsigned int factor);

/*
 * Before the values of another map, each of @value_len bytes. A value does not have many more parts than bytes unless its
 * types or pointers were made to; a map of such values ends before its reader's patience does.
 */
void sf_walk_map(struct sf_walk *w, uint32_t value_len);

/* Into @n. NULL: go on, and leave when done. Else why not (valid until the next question). */
const char *sf_walk_enter(struct sf_walk *w, const struct sf_node *n);
static inline void sf_walk_leave(struct sf_walk *w)
{
	w->depth--;
}

/* @n parts more were looked at; false: that was enough. */
static inline bool sf_walk_charge(struct sf_walk *w, uint64_t n)
{
	if (w->left)
		w->left = n < w->left ? w->left - n : 1;
	return w->left > 1;
}

/* The members of @n; a hostile type may make the iterator search long for one. */
static inline bool sf_walk_member(struct sf_walk *w, const struct sf_node *n, struct sf_member_iter *it,
				  const char **name, struct sf_node *ret)
{
	uint32_t before = it->looked_at;
	bool more = w->left && sf_node_next_member(n, it, name, ret);

	sf_walk_charge(w, it->looked_at - before);
	return more;
}

/*
 * To the target of @ptr. false: not followed; *@why is the reason, NULL where there was nothing to try; sf_walk_large: it
 * is there, as *@ret, but an object of the kernel that would be a page of text.
 */
extern const char sf_walk_large[];
bool sf_walk_is_large(const struct sf_walk *w, const struct sf_node *target); /* at any address */
bool sf_walk_follow(struct sf_walk *w, const struct sf_node *ptr, struct sf_node *ret, const char **why);

/* Elements of an SF_ARRAY in order, many at a time where the backend can. Zero-initialise, with `array` set. */
#define SF_CHUNK 64
struct sf_chunk {
	const struct sf_node *array;
	uint64_t first;
	size_t n;
	bool singly; /* the backend has no runs of them */
	struct sf_scalar v[SF_CHUNK];
};
/* Element @i as a scalar. SF_STEP_NONE: it is none. */
enum sf_step sf_chunk_get(struct sf_chunk *c, uint64_t i, struct sf_scalar *ret, struct sf_trouble *why);

/* How many elements of @array are shown; *@ret_len: how many the type has. */
uint64_t sf_walk_shown(const struct sf_walk *w, const struct sf_node *array, uint64_t *ret_len);

bool sf_scalar_is_zero(const struct sf_scalar *s);
/* All zero, as far down as a value can be without a pointer. Bytes, truncated and unsupported values never are. */
bool sf_walk_is_zero(struct sf_walk *w, const struct sf_node *n);
/* Would look the same. false where that is not certain. */
bool sf_walk_is_same(struct sf_walk *w, const struct sf_node *a, const struct sf_node *b);

/* The CPUs of a mask as "0-2,5". false: no memory or, with *@why, unreadable. */
bool sf_walk_cpus(const struct sf_node *n, struct sf_text *ret, struct sf_trouble *why);

/* "page not kept at 0x…" */
void sf_trouble_text(const struct sf_trouble *why, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: components separated by dots, each a member name with any number of [index] behind it.
 */

#include "snapshot_private.h"

struct walk {
	struct sf_snapshot *snap;
	const char *path;
	size_t at;           /* start of the current component */
	size_t name_len;     /* of its name */
	size_t component;    /* whole, with its indices */
	struct sf_node cursor;
	struct sf_trouble why;
};

static struct failure fail(struct walk *w, enum sf_code code)
{
	size_t walked = w->at ? w->at - 1 : 0;

	return sf_fail_path(w->snap, code, w->path, walked, w->component, &w->cursor, &w->why);
}

/* Pointers on the way are followed; where they end in memory that is not here, that is the error. */
static bool step_in(struct walk *w, struct failure *f)
{
	struct sf_node peeled;

	if (sf_node_peel(&w->cursor, &peeled, &w->why) == SF_STEP_TROUBLE) {
		*f = fail(w, w->why.fault == SF_FAULT_CORRUPT || w->why.fault == SF_FAULT_IO ? SF_FRAME_CORRUPT :
											       SF_PAGE_NOT_KEPT);
		return false;
	}
	w->cursor = peeled;
	return true;
}

static bool enter_member(struct walk *w, struct failure *f)
{
	if (!step_in(w, f))
		return false;
	if (sf_node_kind(&w->cursor) != SF_STRUCT) {
		*f = fail(w, SF_NOT_A_STRUCT);
		return false;
	}
	if (sf_node_member(&w->cursor, w->path + w->at, w->name_len, &w->cursor) == SF_STEP_OK)
		return true;
	*f = fail(w, SF_FIELD_NOT_FOUND);
	return false;
}

/* "[12]" at @p: the number, and how long it is. 0: it is no index. */
static size_t parse_index(const char *p, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 1;

	for (; p[n] >= '0' && p[n] <= '9'; n++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(p[n] - '0'), &v))
			return 0;
	if (n == 1 || p[n] != ']')
		return 0;
	*ret = v;
	return n + 1;
}

static bool enter_elements(struct walk *w, struct failure *f)
{
	size_t at = w->at + w->name_len, end = w->at + w->component;

	while (at < end) {
		uint64_t index;
		size_t len = w->path[at] == '[' ? parse_index(w->path + at, &index) : 0;

		if (!len) {
			*f = fail(w, SF_BAD_PATH);
			return false;
		}
		if (!step_in(w, f))
			return false;
		if (sf_node_kind(&w->cursor) != SF_ARRAY) {
			*f = fail(w, SF_NOT_A_STRUCT);
			return false;
		}
		if (sf_node_index(&w->cursor, index, &w->cursor) != SF_STEP_OK) {
			*f = sf_fail_element(w->snap, w->path, at, index, &w->cursor);
			return false;
		}
		at += len;
	}
	return true;
}

struct failure sf_walk_path(struct sf_snapshot *snap, const struct sf_node *root, const char *path, struct sf_node *ret)
{
	struct walk w = { .snap = snap, .path = path, .cursor = *root };
	struct failure f = { 0 };

	if (!path[0]) {
		*ret = *root;
		return f;
	}
	for (;;) {
		w.component = strcspn(path + w.at, ".");
		w.name_len = strcspn(path + w.at, ".[");
		/* "cpus[3]" has a name, "[3]" alone indexes where we are; "" is nothing. */
		if (!w.component)
			return fail(&w, SF_EMPTY_PATH_COMPONENT);
		if (w.name_len && !enter_member(&w, &f))
			return f;
		if (!enter_elements(&w, &f))
			return f;
		w.at += w.component;
		if (!path[w.at])
			break;
		w.at++;
	}
	*ret = w.cursor;
	return f;
}

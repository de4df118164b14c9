/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: components separated by dots, each a member name with any number of [index] behind it.
 *
 * A walk is made of legs, from one pointer to the next. Where a leg leads depends on the type and the length of the value
 * it starts from, not on what is in memory; the snapshot remembers it, so that the same question about a million entries
 * looks at types once.
 */

#include "snapshot_private.h"

_Static_assert(offsetof(struct sf_node, ops) == 0 && offsetof(struct sf_node, ctx) == 8 &&
	       offsetof(struct sf_node, at) == 16 && offsetof(struct sf_node, type) == 24,
	       "the words of a node");

static void root_words(const struct sf_node *n, uint64_t ret[4])
{
	memcpy(ret, n, 16);
	memcpy(ret + 2, (const char *)n + 24, 16);
}

/* ---- keys --------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const uint64_t words[SF_PLAN_WORDS])
{
	/* Odd numbers without a pattern; products that do not wait for each other. */
	return (words[0] * 0xff51afd7ed558ccdull ^ words[1] * 0xc4ceb9fe1a85ec53ull) +
	       (words[2] * 0x9fb21c651e98df25ull ^ words[3] * 0xd6e8feb86659fd93ull) + words[4] * 0xa0761d6478bd642full;
}

void sf_path_key(const char *path, size_t len, struct sf_path_key *ret)
{
	ret->len = len;
	ret->is_short = len < sizeof(ret->words);
	ret->hash = 0;
	if (!ret->is_short)
		return;
	memset(ret->words, 0, sizeof(ret->words));
	memcpy(ret->words, path, len);
	ret->hash = hash_of(ret->words);
}

static bool plan_fits(const struct sf_plan *p, const uint64_t root[4], const struct sf_path_key *key)
{
	uint64_t differs = 0;

	for (unsigned int i = 0; i < 4; i++)
		differs |= p->root[i] ^ root[i];
	for (unsigned int i = 0; i < SF_PLAN_WORDS; i++)
		differs |= p->text[i] ^ key->words[i];
	return !differs;
}

/* ---- one leg ------------------------------------------------------------------------------------------------------ */

struct leg {
	struct sf_snapshot *snap;
	const char *path;       /* from the start of the leg */
	size_t at;              /* start of the current component */
	size_t name_len;        /* of its name */
	size_t component;       /* whole, with its indices */
	struct sf_node cursor;
	bool is_fixed;          /* no pointer was followed in it: it can be planned */
	uint64_t index;
	struct sf_trouble why;
};

static enum sf_code memory_code(const struct sf_trouble *why)
{
	return why->fault == SF_FAULT_CORRUPT || why->fault == SF_FAULT_IO ? SF_FRAME_CORRUPT : SF_PAGE_NOT_KEPT;
}

/* Pointers on the way are followed; where they end in memory that is not here, that is the error. */
static enum sf_code step_in(struct leg *l)
{
	struct sf_node peeled;

	if (sf_node_kind(&l->cursor) != SF_PTR)
		return SF_OK;
	l->is_fixed = false;
	if (sf_node_peel(&l->cursor, &peeled, &l->why) == SF_STEP_TROUBLE)
		return memory_code(&l->why);
	l->cursor = peeled;
	return SF_OK;
}

static enum sf_code enter_member(struct leg *l)
{
	if (sf_node_member(&l->cursor, l->path + l->at, l->name_len, &l->cursor) == SF_STEP_OK)
		return SF_OK;
	return sf_node_kind(&l->cursor) == SF_STRUCT ? SF_FIELD_NOT_FOUND : SF_NOT_A_STRUCT;
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

static enum sf_code enter_elements(struct leg *l)
{
	size_t at = l->at + l->name_len, end = l->at + l->component;

	while (at < end) {
		size_t len = l->path[at] == '[' ? parse_index(l->path + at, &l->index) : 0;
		enum sf_code code;

		if (!len)
			return SF_BAD_PATH;
		code = step_in(l);
		if (code)
			return code;
		if (sf_node_kind(&l->cursor) != SF_ARRAY)
			return SF_NOT_A_STRUCT;
		if (sf_node_index(&l->cursor, l->index, &l->cursor) != SF_STEP_OK) {
			l->component = at - l->at;
			return SF_INDEX_OUT_OF_RANGE;
		}
		at += len;
	}
	return SF_OK;
}

/* Until the path ends, or something is wrong, or (PLAN_POINTER) a pointer has to be followed for the component at l->at. */
static uint32_t walk_leg(struct leg *l, enum sf_code *code)
{
	*code = SF_OK;
	for (;;) {
		const char *p = l->path + l->at;

		for (l->name_len = 0; p[l->name_len] && p[l->name_len] != '.' && p[l->name_len] != '[';)
			l->name_len++;
		l->component = l->name_len;
		if (p[l->component] == '[')
			l->component += strcspn(p + l->component, ".");
		/* "cpus[3]" has a name, "[3]" alone indexes where we are; "" is nothing. */
		if (!l->component)
			*code = SF_EMPTY_PATH_COMPONENT;
		else if (l->name_len && sf_node_kind(&l->cursor) == SF_PTR)
			return PLAN_POINTER;
		else if (l->name_len && (*code = enter_member(l)))
			l->component = l->name_len; /* the index behind it is not what failed */
		if (!*code && l->component > l->name_len)
			*code = enter_elements(l);
		if (*code)
			return PLAN_FAILED;
		l->at += l->component;
		if (!l->path[l->at])
			return PLAN_DONE;
		l->at++;
	}
}

/* The leg was walked from @root; the next time it is looked up. */
static void make_plan(const struct leg *l, const struct sf_node *root, const struct sf_path_key *key, uint32_t end,
		      enum sf_code code)
{
	uint64_t words[4];
	struct sf_plan *p;

	if (!l->is_fixed || !key->is_short || !sf_typed_is(root))
		return;
	root_words(root, words);
	p = (struct sf_plan *)sf_plan_at(l->snap, key, words[2]);
	memcpy(p->root, words, sizeof(p->root));
	memcpy(p->text, key->words, sizeof(p->text));
	p->to = l->cursor;
	p->to.at -= root->at;
	p->index = l->index;
	p->end = end;
	p->code = code;
	p->at = (uint32_t)l->at;
	p->component = (uint32_t)l->component;
	p->len = (uint32_t)key->len;
	p->plain = end == PLAN_DONE ? sf_typed_plain(&l->cursor) : 0;
}

/* ---- all legs ------------------------------------------------------------------------------------------------------ */

/* Where the leg from @root ended; from its plan, or by walking. `base`: where in the whole path it starts. */
static uint32_t go(struct sf_snapshot *snap, const struct sf_node *root, const char *path, const struct sf_path_key *key,
		   size_t base, struct sf_walked *ret)
{
	uint64_t words[4];
	uint32_t end;

	root_words(root, words);
	if (key->is_short) {
		const struct sf_plan *p = sf_plan_at(snap, key, words[2]);

		if (plan_fits(p, words, key)) {
			*sf_plan_hint(snap, path, words[2]) = (uint8_t)(p - snap->plans);
			ret->to = p->to;
			ret->to.at += root->at;
			ret->code = p->code;
			ret->plain = p->plain;
			ret->at = base + p->at;
			ret->component = p->component;
			ret->index = p->index;
			return p->end;
		}
	}
	struct leg l = { .snap = snap, .path = path, .cursor = *root, .is_fixed = true };

	end = walk_leg(&l, &ret->code);
	make_plan(&l, root, key, end, ret->code);
	ret->to = l.cursor;
	ret->at = base + l.at;
	ret->component = l.component;
	ret->index = l.index;
	ret->why = l.why;
	ret->plain = 0;
	return end;
}

/* Follows the pointer that the leg ended at. */
static bool follow(struct sf_walked *w)
{
	struct sf_node target;

	if (sf_node_peel(&w->to, &target, &w->why) == SF_STEP_TROUBLE) {
		w->code = memory_code(&w->why);
		return false;
	}
	w->to = target;
	if (sf_node_kind(&target) != SF_PTR)
		return true;
	w->code = SF_NOT_A_STRUCT;
	return false;
}

bool sf_walk(struct sf_snapshot *snap, const struct sf_node *root, const char *path, const struct sf_path_key *key,
	     struct sf_walked *ret)
{
	struct sf_path_key rest;
	struct sf_node from = *root;
	size_t base = 0;

	ret->why = (struct sf_trouble){ 0 };
	if (!key->len) {
		ret->to = *root;
		ret->plain = 0;
		ret->code = SF_OK;
		return true;
	}
	while (go(snap, &from, path + base, key, base, ret) == PLAN_POINTER) {
		if (!follow(ret))
			return false;
		from = ret->to;
		if (ret->at != base) {
			size_t left = key->len - (ret->at - base);

			base = ret->at;
			sf_path_key(path + base, left, &rest);
			key = &rest;
		}
	}
	return ret->code == SF_OK;
}

struct failure sf_walk_failure(struct sf_snapshot *snap, const char *path, const struct sf_walked *w)
{
	size_t walked = w->at ? w->at - 1 : 0;

	if (w->code == SF_INDEX_OUT_OF_RANGE)
		return sf_fail_element(snap, path, w->at + w->component, w->index, &w->to);
	return sf_fail_path(snap, w->code, path, strlen(path), walked, w->component, &w->to, &w->why);
}

struct failure sf_plan_failure(struct sf_snapshot *snap, const char *path, const struct sf_plan *p, uint64_t root_at)
{
	size_t walked = p->at ? p->at - 1 : 0;
	struct sf_node to = p->to;

	to.at += root_at;
	if (p->code == SF_INDEX_OUT_OF_RANGE)
		return sf_fail_element(snap, path, p->at + p->component, p->index, &to);
	return sf_fail_path(snap, p->code, path, p->len, walked, p->component, &to, &(struct sf_trouble){ 0 });
}

struct failure sf_walk_path(struct sf_snapshot *snap, const struct sf_node *root, const char *path, struct sf_node *ret)
{
	struct sf_path_key key;
	struct sf_walked w;

	sf_path_key(path, strlen(path), &key);
	if (!sf_walk(snap, root, path, &key, &w))
		return sf_walk_failure(snap, path, &w);
	*ret = w.to;
	return (struct failure){ 0 };
}

/* ---- paths that are read once -------------------------------------------------------------------------------------- */

/* What is wrong with @text whatever it is asked of. NULL: nothing. */
static struct sf_error *check_path(const char *text)
{
	size_t at = 0;

	while (*text) {
		size_t component = strcspn(text + at, "."), pos = at + strcspn(text + at, ".[");
		struct sf_error *err;
		uint64_t index;

		if (!component) {
			err = sf_error_bare(SF_EMPTY_PATH_COMPONENT);
			err->payload.requested = sf_error_str(err, text);
			return err;
		}
		while (pos < at + component) {
			size_t len = text[pos] == '[' ? parse_index(text + pos, &index) : 0;

			if (!len) {
				err = sf_error_bare(SF_BAD_PATH);
				sf_fail_bad_path(err, text, at, component);
				return err;
			}
			pos += len;
		}
		at += component;
		if (!text[at])
			break;
		at++;
	}
	return NULL;
}

struct sf_error *sf_path_new(const char *text, struct sf_path **ret)
{
	size_t len = strlen(text);
	struct sf_path *path;

	SF_TRY(check_path(text));
	path = malloc(sizeof(*path) + len + 1);
	if (!path)
		return sf_error_nomem();
	memset(path, 0, sizeof(*path));
	memcpy(path->text, text, len + 1);
	sf_path_key(path->text, len, &path->key);
	*ret = path;
	return NULL;
}

void sf_path_free(struct sf_path *path)
{
	free(path);
}

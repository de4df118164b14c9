/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#define MAX_WAY 64       /* steps of a path; nesting is limited to much less */
#define SHOWN 60         /* bytes of a text that a message repeats */
#define MAX_WORD 32      /* longer ones were no slip of a key */
#define MAX_WORDS 40     /* that a message lists */

/* ---- where ------------------------------------------------------------------------------------------------------ */

const char *sf_scn_keep(struct loader *l, char *text)
{
	char **slot = text ? sf_vec_push(&l->own->strings) : NULL;

	if (!slot) {
		free(text);
		return NULL;
	}
	*slot = text;
	return text;
}

const char *sf_scn_shown(struct loader *l, const char *text)
{
	struct sf_text t = { 0 };

	sf_text_put_name(&t, text, SHOWN);
	const char *kept = sf_scn_keep(l, sf_text_take(&t));

	return kept ? kept : "?";
}

const char *sf_scn_path(struct loader *l, const struct at *at)
{
	const struct at *way[MAX_WAY];
	struct sf_text t = { 0 };
	size_t n = 0;

	for (; at && n < MAX_WAY; at = at->up)
		way[n++] = at;
	for (size_t i = n; i--;) {
		if (!way[i]->key) {
			sf_text_putf(&t, "[%zu]", way[i]->index);
			continue;
		}
		sf_text_putf(&t, "%s%s", i + 1 < n ? "." : "", way[i]->key);
		if (way[i]->turn > 1)
			sf_text_putf(&t, "#%zu", way[i]->turn);
	}
	const char *kept = sf_scn_keep(l, sf_text_take(&t));

	return kept ? kept : "";
}

const char *sf_scn_where(struct loader *l, const struct at *at, node *n)
{
	const char *kept = sf_scn_keep(l, sf_asprintf("%s:%u:%u: %s", l->s->file, n->line, n->column, sf_scn_path(l, at)));

	return kept ? kept : l->s->file;
}

struct sf_error *sf_scn_bad_at(struct loader *l, const struct at *at, uint32_t line, uint32_t column, const char *fmt, ...)
{
	const char *path = at ? sf_scn_path(l, at) : "";
	va_list ap;

	va_start(ap, fmt);
	struct sf_error *err = sf_error_newv(SF_BAD_INPUT, fmt, ap);

	va_end(ap);
	if (path[0])
		err = sf_error_context(err, "%s", path);
	return sf_error_context(err, "%s:%u:%u", l->s->file, line, column);
}

/* ---- did you mean ----------------------------------------------------------------------------------------------- */

/* How many letters to change, add, leave out or swap with the next one. Both have at most MAX_WORD. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][MAX_WORD + 1], n = strlen(a), m = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = sf_min(sf_min(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = sf_min(row[j], before[j - 2] + 1);
		}
		size_t *next = before;

		before = last;
		last = row;
		row = next;
	}
	return last[m];
}

static const char *nearest(const char *word, const char *const *words, size_t n)
{
	size_t best = strlen(word) / 3 + 1;
	const char *found = NULL;

	if (strlen(word) > MAX_WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = strlen(words[i]) > MAX_WORD ? best + 1 : distance(word, words[i]);

		/* A word of which nothing is left was not meant. */
		if (d <= best && d < strlen(words[i]) && (!found || d < best)) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

const char *sf_scn_allowed(struct loader *l, const char *word, const char *const *words, size_t n)
{
	const char *meant = nearest(word, words, n);
	struct sf_text t = { 0 };

	for (size_t i = 0; i < n && i < MAX_WORDS; i++)
		sf_text_putf(&t, "%s%s", i ? ", " : "", words[i]);
	if (n > MAX_WORDS)
		sf_text_putf(&t, " and %zu more", n - MAX_WORDS);
	if (meant)
		sf_text_putf(&t, "; did you mean \"%s\"?", meant);
	const char *kept = sf_scn_keep(l, sf_text_take(&t));

	return kept ? kept : "";
}

/* ---- maps --------------------------------------------------------------------------------------------------------- */

static const char *allowed_keys(struct loader *l, const char *word, const struct key *keys, size_t n)
{
	const char *words[MAX_WORDS];

	for (size_t i = 0; i < n && i < MAX_WORDS; i++)
		words[i] = keys[i].name;
	return sf_scn_allowed(l, word, words, sf_min(n, (size_t)MAX_WORDS));
}

static const struct key *find_key(const struct key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static struct sf_error *no_map(struct loader *l, const struct at *at, node *n, const struct key *keys, size_t n_keys)
{
	if (n->type == SF_DOC_TEXT && !n->text[0])
		return sf_scn_bad(l, at, n, "nothing stands here; it takes a map of %s", allowed_keys(l, "", keys, n_keys));
	return sf_scn_bad(l, at, n, "it takes a map of %s, not %s", allowed_keys(l, "", keys, n_keys),
			  n->type == SF_DOC_LIST ? "a list" : "a text");
}

struct sf_error *sf_scn_map(struct loader *l, const struct at *at, node *n, const struct key *keys, size_t n_keys,
			    void *into)
{
	if (n->type != SF_DOC_MAP)
		return no_map(l, at, n, keys, n_keys);
	for (node *c = n->first; c; c = c->next) {
		const struct key *key = find_key(keys, n_keys, c->key);
		struct at own = { .up = at, .key = key ? key->name : NULL };

		if (!key)
			return sf_scn_bad_at(l, at, c->key_line, c->key_column, "unknown key \"%s\"; allowed: %s",
					     sf_scn_shown(l, c->key), allowed_keys(l, c->key, keys, n_keys));
		SF_TRY(key->set(l, &own, c, into));
	}
	for (size_t i = 0; i < n_keys; i++) {
		bool found = false;

		for (node *c = n->first; c && !found; c = c->next)
			found = !strcmp(c->key, keys[i].name);
		if (keys[i].required && !found)
			return sf_scn_bad(l, at, n, "the key \"%s\" is missing; allowed: %s", keys[i].name,
					  allowed_keys(l, "", keys, n_keys));
	}
	return NULL;
}

struct sf_error *sf_scn_one(struct loader *l, const struct at *at, node *n, const struct key *keys, size_t n_keys,
			    void *into)
{
	if (n->type == SF_DOC_TEXT && find_key(keys, n_keys, n->text))
		return sf_scn_bad(l, at, n, "\"%s\" takes a value: write \"%s: …\"", n->text, n->text);
	if (n->type != SF_DOC_MAP)
		return no_map(l, at, n, keys, n_keys);
	if (!n->first)
		return sf_scn_bad(l, at, n, "nothing stands here; allowed: %s", allowed_keys(l, "", keys, n_keys));
	const struct key *key = find_key(keys, n_keys, n->first->key);
	node *second = n->first->next;

	if (!key)
		return sf_scn_bad_at(l, at, n->first->key_line, n->first->key_column, "unknown operation \"%s\"; allowed: %s",
				     sf_scn_shown(l, n->first->key), allowed_keys(l, n->first->key, keys, n_keys));
	if (second)
		return sf_scn_bad_at(l, at, second->key_line, second->key_column, "\"%s\" is a second key; a step has one, "
				     "its operation, and what belongs to \"%s\" stands further to the right below it",
				     sf_scn_shown(l, second->key), key->name);
	struct at own = { .up = at, .key = key->name };

	return key->set(l, &own, n->first, into);
}

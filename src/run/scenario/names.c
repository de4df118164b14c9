/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "wire/wire.h"

/*
 * What was named by the steps before. Steps are read in the order in which they are executed, so that what is known here
 * is what will be there.
 */

bool sf_scn_find(const struct names *names, const char *name, size_t *ret)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!strcmp(names->v[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

struct sf_error *sf_scn_add(struct loader *l, const struct at *at, node *n, struct names *names, const char *kind,
			    const char *name)
{
	if (names->n == MAX_GROUPS)
		return sf_scn_bad(l, at, n, "more than %u %s", MAX_GROUPS, kind);
	names->v[names->n] = name;
	names->line[names->n++] = n->line;
	return NULL;
}

struct sf_error *sf_scn_need(struct loader *l, const struct at *at, node *n, const struct names *names, const char *kind,
			     const char *name)
{
	size_t i;

	if (sf_scn_find(names, name, &i))
		return NULL;
	if (!names->n)
		return sf_scn_bad(l, at, n, "there is no \"%s\": no %s before this step", sf_scn_shown(l, name), kind);
	return sf_scn_bad(l, at, n, "there is no \"%s\" before this step; %s: %s", sf_scn_shown(l, name), kind,
			  sf_scn_allowed(l, name, names->v, names->n));
}

void sf_scn_forget(struct names *names, const char *name)
{
	size_t i;

	if (!sf_scn_find(names, name, &i))
		return;
	names->n--;
	memmove(&names->v[i], &names->v[i + 1], (names->n - i) * sizeof(names->v[0]));
	memmove(&names->line[i], &names->line[i + 1], (names->n - i) * sizeof(names->line[0]));
}

/* ---- captures ------------------------------------------------------------------------------------------------------ */

bool sf_scn_has_capture(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->captures.n; i++)
		if (!strcmp(l->captures.v[i], name))
			return true;
	return false;
}

struct sf_error *sf_scn_no_capture(struct loader *l, const struct at *at, node *n, const char *name)
{
	return sf_scn_bad(l, at, n, "there is no capture \"%s\"; there are: %s", sf_scn_shown(l, name),
			  sf_scn_allowed(l, name, l->captures.v, l->captures.n));
}

/* A step that is repeated captures as mid, mid.2, mid.3. */
struct sf_error *sf_scn_add_capture(struct loader *l, const struct at *at, node *n, const char *name, const char **ret)
{
	uint32_t turn = ++((struct sf_doc_node *)n)->uses;
	const char *own = turn == 1 ? name : sf_scn_keep(l, sf_asprintf("%s.%u", name, turn));

	if (!own)
		return sf_error_nomem();
	if (strlen(own) > SF_WIRE_TAG)
		return sf_scn_bad(l, at, n, "its name becomes \"%s\", which has more than %u bytes", sf_scn_shown(l, own),
				  SF_WIRE_TAG);
	if (sf_scn_has_capture(l, own))
		return sf_scn_bad(l, at, n, "there is a capture \"%s\" already", sf_scn_shown(l, own));
	if (l->captures.n == MAX_CAPTURES)
		return sf_scn_bad(l, at, n, "more than %u captures", MAX_CAPTURES);
	const char **slot = sf_vec_push(&l->captures);

	if (!slot)
		return sf_error_nomem();
	*slot = own;
	*ret = own;
	return NULL;
}

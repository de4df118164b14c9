/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Globals by name, in one section or in several.
 *
 * The sections that every object has (.bss, .data, .rodata) come first; those of other names (.data.NAME, which libbpf
 * names without the object) are looked through where none of the first has the variable.
 */

#include "snapshot_private.h"

bool sf_snap_globals(const struct sf_snap_map *map, struct sf_node *ret)
{
	struct sf_trouble why = { 0 };
	struct sf_node value;

	if (!map->is_section || map->unread)
		return false;
	value = sf_snap_single(map);
	if (sf_node_peel(&value, ret, &why) != SF_STEP_OK)
		return false;
	return sf_node_kind(ret) == SF_STRUCT;
}

bool sf_view_has_section(const struct view *view, const struct sf_snap_map *map, bool standard)
{
	if (!map->is_section || map->is_standard_section != standard)
		return false;
	if (standard || !view_is_active(view))
		return sf_view_admits(view, map);
	/* Its name does not say whose it is: the programs that use it do. */
	return sf_snap_is_listed(&view->snap->active, map);
}

static bool has_global(const struct sf_snap_map *map, const char *name, struct sf_node *ret)
{
	struct sf_node value;

	return sf_snap_globals(map, &value) && sf_node_member(&value, name, strlen(name), ret) == SF_STEP_OK;
}

/* The next section from @*at on that has @name. */
static const struct sf_snap_map *next_with(const struct view *view, const char *name, bool standard, size_t *at,
					   struct sf_node *ret)
{
	while (*at < view->snap->n_maps) {
		const struct sf_snap_map *map = &view->snap->maps[(*at)++];

		if (sf_view_has_section(view, map, standard) && has_global(map, name, ret))
			return map;
	}
	return NULL;
}

/* Which kind of sections has @name; false: none. */
static bool which_kind(const struct view *view, const char *name, bool *ret_standard)
{
	for (int standard = 1; standard >= 0; standard--) {
		struct sf_node node;
		size_t at = 0;

		if (next_with(view, name, standard, &at, &node)) {
			*ret_standard = standard;
			return true;
		}
	}
	return false;
}

/* A section without values, or with bytes that lack their types, may have held the name. */
static bool is_blind(const struct sf_snap_map *map)
{
	struct sf_node value;

	return map->unread || map->listed->no_btf || (map->error && !sf_snap_globals(map, &value));
}

/* Then "no such variable" would be a guess. */
static const struct sf_snap_map *blind_section(const struct view *view)
{
	for (size_t i = 0; i < view->snap->n_maps; i++) {
		const struct sf_snap_map *map = &view->snap->maps[i];

		if (sf_view_has_section(view, map, map->is_standard_section) && is_blind(map))
			return map;
	}
	return NULL;
}

/* ---- one variable ------------------------------------------------------------------------------------------------ */

static struct sf_field find_var(const struct view *view, const char *name)
{
	struct field f = { .snap = view->snap };
	struct sf_node second;
	bool standard;
	size_t at = 0;

	if (!which_kind(view, name, &standard)) {
		const struct sf_snap_map *blind = blind_section(view);

		f.failure = sf_fail_if_excluded(view, name);
		if (!f.failure.slot)
			f.failure = blind ? sf_fail_incomplete(view->snap, blind) : sf_fail_var_not_found(view, name);
		return seal_field(&f);
	}
	next_with(view, name, standard, &at, &f.node);
	if (!next_with(view, name, standard, &at, &second))
		return seal_field(&f);
	if (!view_is_active(view) && sf_snap_active(view->snap)->exists) {
		struct view active = { .snap = view->snap, .failure.code = VIEW_ACTIVE };

		return find_var(&active, name);
	}
	f.failure = sf_fail_ambiguous_var(view, name);
	return seal_field(&f);
}

struct sf_field sf_view_var(struct sf_view view, const char *name)
{
	struct view v = unseal_view(&view);
	struct field f = { .snap = v.snap, .failure = sf_view_usable(&v) };

	return f.failure.slot ? seal_field(&f) : find_var(&v, name);
}

struct sf_field sf_view_live_var(struct sf_view view, const char *name)
{
	return sf_view_var(sf_view_active(view), name);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

struct var_iter {
	struct sf_snapshot *snap;
	struct failure failure;
	struct view view;
	const char *name;
	size_t at;
	bool standard;
	uint64_t spare[9];
};
_Static_assert(sizeof(struct var_iter) == sizeof(struct iter), "it is one");

struct sf_iter sf_view_vars(struct sf_view view, const char *name)
{
	struct view v = unseal_view(&view);
	struct var_iter it = { .snap = v.snap, .failure = v.failure, .view = v, .name = name, .at = v.snap->n_maps };
	struct sf_iter ret;

	if (!sf_view_usable(&v).slot && which_kind(&v, name, &it.standard))
		it.at = 0;
	memcpy(&ret, &it, sizeof(ret));
	return ret;
}

bool sf_var_next(struct sf_iter *iter, struct sf_candidate *ret)
{
	const struct sf_snap_map *map;
	struct var_iter it;
	struct field f;

	memcpy(&it, iter, sizeof(it));
	f = (struct field){ .snap = it.snap };
	map = next_with(&it.view, it.name, it.standard, &it.at, &f.node);
	memcpy(iter, &it, sizeof(it));
	if (!map)
		return false;
	*ret = (struct sf_candidate){
		.map = map->listed->name, .map_kva = map->listed->map.kva, .field = seal_field(&f),
	};
	return true;
}

/* ---- one copy, chosen by the caller ----------------------------------------------------------------------------- */

struct sf_field sf_view_live_var_via(struct sf_view view, const char *name, sf_picker *picker, void *arg)
{
	struct { struct sf_candidate *v; size_t n, cap; } all = { 0 };
	struct sf_iter it = sf_view_vars(view, name);
	struct view v = unseal_view(&view);
	struct field f = { .snap = v.snap, .failure = sf_view_usable(&v) };
	struct sf_candidate c;
	struct sf_field ret;
	ssize_t chosen;

	if (f.failure.slot)
		return seal_field(&f);
	while (sf_var_next(&it, &c)) {
		struct sf_candidate *slot = sf_vec_push(&all);

		if (!slot) {
			free(all.v);
			f.failure = sf_fail_no_memory(v.snap);
			return seal_field(&f);
		}
		*slot = c;
	}
	if (!all.n) {
		f.failure = sf_fail_if_excluded(&v, name);
		if (!f.failure.slot)
			f.failure = sf_fail_no_section_has(v.snap, name);
		return seal_field(&f);
	}
	chosen = picker(all.v, all.n, arg);
	if (chosen >= 0 && (size_t)chosen < all.n) {
		ret = all.v[chosen].field;
	} else {
		f.failure = sf_fail_picked(v.snap, name, chosen, all.n, false);
		ret = seal_field(&f);
	}
	free(all.v);
	return ret;
}

struct rows {
	struct { struct sf_candidate_row *v; size_t n, cap; } list;
	struct { struct sf_field *v; size_t n, cap; } fields; /* of all rows, one after the other */
};

static bool add_row(struct rows *rows, const struct sf_snap_map *map, const char *const *names, size_t n)
{
	size_t before = rows->fields.n;
	struct sf_candidate_row *row;

	for (size_t i = 0; i < n; i++) {
		struct field f = { .snap = map->snap };
		struct sf_field *slot;

		if (!has_global(map, names[i], &f.node)) {
			rows->fields.n = before;
			return true;
		}
		slot = sf_vec_push(&rows->fields);
		if (!slot)
			return false;
		*slot = seal_field(&f);
	}
	row = sf_vec_push(&rows->list);
	if (!row)
		return false;
	*row = (struct sf_candidate_row){ .map = map->listed->name, .map_kva = map->listed->map.kva, .n_fields = n };
	return true;
}

static bool find_rows(struct rows *rows, const struct view *view, const char *const *names, size_t n)
{
	for (int standard = 1; standard >= 0 && !rows->list.n; standard--)
		for (size_t i = 0; i < view->snap->n_maps; i++)
			if (sf_view_has_section(view, &view->snap->maps[i], standard) &&
			    !add_row(rows, &view->snap->maps[i], names, n))
				return false;
	/* Only now do they stay where they are. */
	for (size_t i = 0; i < rows->list.n; i++)
		rows->list.v[i].fields = rows->fields.v + i * n;
	return true;
}

/* "[a, b]": what an error calls several names. */
static char *joined(const char *const *names, size_t n)
{
	struct sf_text t = { 0 };

	sf_text_put(&t, "[");
	for (size_t i = 0; i < n; i++)
		sf_text_putf(&t, "%s%s", i ? ", " : "", names[i]);
	sf_text_put(&t, "]");
	return sf_text_take(&t);
}

static struct failure pick_row(const struct view *view, const struct rows *rows, const char *names,
			       sf_row_picker *picker, void *arg, struct sf_field *ret)
{
	const struct sf_candidate_row *row;
	struct failure f;
	ssize_t chosen;

	if (!rows->list.n) {
		f = sf_fail_if_excluded(view, names);
		return f.slot ? f : sf_fail_no_section_has(view->snap, names);
	}
	chosen = picker(rows->list.v, rows->list.n, arg);
	if (chosen < 0 || (size_t)chosen >= rows->list.n)
		return sf_fail_picked(view->snap, names, chosen, rows->list.n, true);
	row = &rows->list.v[chosen];
	memcpy(ret, row->fields, row->n_fields * sizeof(*ret));
	return (struct failure){ 0 };
}

struct sf_error *sf_view_live_vars_via(struct sf_view view, const char *const *names, size_t n, sf_row_picker *picker,
				       void *arg, struct sf_field *ret)
{
	struct view v = unseal_view(&view);
	struct failure f = sf_view_usable(&v);
	struct rows rows = { 0 };

	if (!f.slot && !n)
		f = sf_fail_no_names(v.snap);
	if (!f.slot) {
		_cleanup_free_ char *text = joined(names, n);

		f = text && find_rows(&rows, &v, names, n) ? pick_row(&v, &rows, text, picker, arg, ret) :
							     sf_fail_no_memory(v.snap);
		free(rows.list.v);
		free(rows.fields.v);
	}
	return sf_failure_error(v.snap, &f);
}

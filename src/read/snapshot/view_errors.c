/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What views say when there is nothing to show.
 */

#include <inttypes.h>

#include "snapshot_private.h"

/* Which view an error is about: its snapshot owns the error. */
static struct view view_of(const struct sf_error *err)
{
	return (struct view){ .snap = err->owner, .failure.code = (uint16_t)err->refs[0] };
}

static struct failure take(const struct view *view, enum sf_code code, sf_error_make_fn *make, const char *name)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(view->snap, code, make, name, &err);

	err->refs[0] = view->failure.code;
	return f;
}

static void make_no_active(struct sf_error *err)
{
	const struct sf_snap_active *a = sf_snap_active(err->owner);

	err->payload.reason = sf_error_str(err, a->why);
}

struct failure sf_fail_no_active(struct sf_snapshot *snap)
{
	return sf_fail_take(snap, SF_NO_ACTIVE_SCHEDULER, make_no_active, NULL, NULL);
}

static void make_map_not_found(struct sf_error *err)
{
	struct view view = view_of(err);
	struct fail_names names = { 0 };

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	for (size_t i = 0; i < view.snap->n_maps; i++)
		if (sf_view_admits(&view, &view.snap->maps[i]))
			sf_fail_add_name(&names, view.snap->maps[i].listed->name);
	sf_fail_give_names(err, &names, &err->payload.available);
}

struct failure sf_fail_map_not_found(const struct view *view, const char *name)
{
	return take(view, SF_MAP_NOT_FOUND, make_map_not_found, name);
}

static void make_var_not_found(struct sf_error *err)
{
	struct view view = view_of(err);
	struct fail_names names = { 0 };

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	for (size_t i = 0; i < view.snap->n_maps; i++) {
		const struct sf_snap_map *map = &view.snap->maps[i];
		struct sf_node value;

		if (sf_view_has_section(&view, map, map->is_standard_section) && sf_snap_globals(map, &value))
			sf_fail_add_members(&names, &value);
	}
	sf_fail_sort_names(&names);
	sf_fail_give_names(err, &names, &err->payload.available);
}

struct failure sf_fail_var_not_found(const struct view *view, const char *name)
{
	return take(view, SF_VAR_NOT_FOUND, make_var_not_found, name);
}

static void make_no_section_has(struct sf_error *err)
{
	struct sf_snapshot *snap = err->owner;
	struct fail_names names = { 0 };

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	for (size_t i = 0; i < snap->n_maps; i++)
		if (snap->maps[i].is_section)
			sf_fail_add_name(&names, snap->maps[i].listed->name);
	sf_fail_give_names(err, &names, &err->payload.available);
}

struct failure sf_fail_no_section_has(struct sf_snapshot *snap, const char *name)
{
	return sf_fail_take(snap, SF_VAR_NOT_FOUND, make_no_section_has, name, NULL);
}

static void make_ambiguous(struct sf_error *err)
{
	struct view view = view_of(err);
	const char *name = sf_error_path(err);
	struct fail_names names = { 0 };

	err->payload.requested = sf_error_str(err, name);
	for (int standard = 1; standard >= 0 && !names.list.n; standard--)
		for (size_t i = 0; i < view.snap->n_maps; i++) {
			const struct sf_snap_map *map = &view.snap->maps[i];
			struct sf_node value, member;

			if (sf_view_has_section(&view, map, standard) && sf_snap_globals(map, &value) &&
			    sf_node_member(&value, name, strlen(name), &member) == SF_STEP_OK)
				sf_fail_add_name(&names, map->listed->name);
		}
	sf_fail_give_names(err, &names, &err->payload.found_in);
}

struct failure sf_fail_ambiguous_var(const struct view *view, const char *name)
{
	return take(view, SF_AMBIGUOUS_VAR, make_ambiguous, name);
}

/* ---- what was left out -------------------------------------------------------------------------------------------- */

static void make_excluded(struct sf_error *err)
{
	struct sf_snapshot *snap = err->owner;
	const struct sf_snap_active *a = sf_snap_active(snap);
	struct sf_excluded_map *maps;
	size_t n = 0, i;

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	err->payload.active_obj = sf_error_strn(err, a->obj, a->obj_len);
	err->payload.whitelist_kvas = sf_error_u64s(err, a->kvas, a->n_kvas);
	err->payload.n_whitelist_kvas = err->payload.whitelist_kvas ? a->n_kvas : 0;
	for (i = 0; i < snap->n_maps; i++)
		n += sf_snap_is_of_active(snap, &snap->maps[i]);
	maps = sf_error_alloc(err, sf_min(n, (size_t)SF_FAIL_LISTED) * sizeof(*maps));
	if (!maps)
		return;
	for (i = 0, n = 0; i < snap->n_maps && n < SF_FAIL_LISTED; i++) {
		const struct sf_snap_map *map = &snap->maps[i];

		if (sf_snap_is_of_active(snap, map))
			maps[n++] = (struct sf_excluded_map){
				.name = sf_error_str(err, map->listed->name), .map_kva = map->listed->map.kva,
			};
	}
	err->payload.excluded_maps = maps;
	err->payload.n_excluded_maps = n;
}

struct failure sf_fail_if_excluded(const struct view *view, const char *requested)
{
	size_t of_object = 0;

	if (!view_is_active(view) || !sf_snap_active(view->snap)->n_kvas)
		return (struct failure){ 0 };
	for (size_t i = 0; i < view->snap->n_maps; i++) {
		const struct sf_snap_map *map = &view->snap->maps[i];

		if (sf_view_admits(view, map))
			return (struct failure){ 0 };
		of_object += sf_snap_is_of_active(view->snap, map);
	}
	if (!of_object)
		return (struct failure){ 0 };
	return sf_fail_take(view->snap, SF_ACTIVE_FILTER_EXCLUDED_MAPS, make_excluded, requested, NULL);
}

/* ---- what was chosen ---------------------------------------------------------------------------------------------- */

static void make_picked(struct sf_error *err)
{
	ssize_t index = (ssize_t)err->refs[0];
	const char *call = err->refs[2] ? "sf_view_live_vars_via()" : "sf_view_live_var_via()";

	if (index < 0)
		err->payload.reason = sf_error_fmt(err, "the picker of %s chose none of %" PRIu64 " candidates for %s", call,
						   err->refs[1], sf_error_path(err));
	else
		err->payload.reason = sf_error_fmt(err, "the picker of %s chose candidate %zd of %" PRIu64 " for %s (they "
						   "count from 0)", call, index, err->refs[1], sf_error_path(err));
}

struct failure sf_fail_picked(struct sf_snapshot *snap, const char *requested, ssize_t index, size_t n, bool is_row)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_PROJECTION_FAILED, make_picked, requested, &err);

	err->refs[0] = (uint64_t)index;
	err->refs[1] = n;
	err->refs[2] = is_row;
	return f;
}

static void make_no_names(struct sf_error *err)
{
	err->payload.reason = sf_error_str(err, "sf_view_live_vars_via() was given no names");
}

struct failure sf_fail_no_names(struct sf_snapshot *snap)
{
	return sf_fail_take(snap, SF_PROJECTION_FAILED, make_no_names, NULL, NULL);
}

static void make_no_memory(struct sf_error *err)
{
	err->payload.reason = sf_error_str(err, "out of memory");
}

struct failure sf_fail_no_memory(struct sf_snapshot *snap)
{
	return sf_fail_take(snap, SF_NO_MEMORY, make_no_memory, NULL, NULL);
}

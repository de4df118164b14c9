/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: all of a frame, or what belongs to its active scheduler; and maps by name.
 */

#include "snapshot_private.h"

#define KEPT_NAME 15 /* what the kernel keeps of a map's name (BPF_OBJ_NAME_LEN - 1) */

struct sf_view sf_snapshot_view(struct sf_snapshot *snap)
{
	struct view v = { .snap = snap };

	return seal_view(&v);
}

struct sf_view sf_view_active(struct sf_view view)
{
	struct view v = { .snap = unseal_view(&view).snap };

	/* Of the whole frame, whatever @view shows of it. */
	if (sf_snapshot_is_placeholder(v.snap))
		v.failure = sf_fail_placeholder(v.snap);
	else if (!sf_snap_active(v.snap)->exists)
		v.failure = sf_fail_no_active(v.snap);
	else
		v.failure.code = VIEW_ACTIVE;
	return seal_view(&v);
}

struct sf_error *sf_view_error(struct sf_view view)
{
	struct view v = unseal_view(&view);

	return sf_failure_error(v.snap, &v.failure);
}

struct sf_frame *sf_view_frame(struct sf_view view)
{
	return unseal_view(&view).snap->frame;
}

bool sf_view_is_placeholder(struct sf_view view)
{
	return sf_snapshot_is_placeholder(unseal_view(&view).snap);
}

bool sf_view_admits(const struct view *view, const struct sf_snap_map *map)
{
	const struct sf_snap_active *active;

	if (!view_is_active(view))
		return !view->failure.slot;
	if (!sf_snap_is_of_active(view->snap, map))
		return false;
	active = sf_snap_active(view->snap);
	return !active->n_kvas || sf_snap_is_listed(active, map);
}

/* ---- maps ------------------------------------------------------------------------------------------------------ */

static const struct sf_snap_map *find_map(const struct view *view, const char *name, size_t len)
{
	for (size_t i = 0; i < view->snap->n_maps; i++) {
		const struct sf_snap_map *map = &view->snap->maps[i];
		const char *have = map->listed->name;

		if (!strncmp(have, name, len) && !have[len] && sf_view_admits(view, map))
			return map;
	}
	return NULL;
}

struct failure sf_view_usable(const struct view *view)
{
	if (view->failure.slot)
		return view->failure;
	return sf_snapshot_is_placeholder(view->snap) ? sf_fail_placeholder(view->snap) : (struct failure){ 0 };
}

struct sf_map sf_view_map(struct sf_view view, const char *name)
{
	struct view v = unseal_view(&view);
	struct map m = { .snap = v.snap, .failure = sf_view_usable(&v) };
	size_t len = strlen(name);

	if (m.failure.slot)
		return seal_map(&m);
	m.map = find_map(&v, name, len);
	if (!m.map && len > KEPT_NAME)
		m.map = find_map(&v, name, KEPT_NAME);
	if (!m.map)
		m.failure = sf_fail_if_excluded(&v, name);
	if (!m.map && !m.failure.slot)
		m.failure = sf_fail_map_not_found(&v, name);
	return seal_map(&m);
}

size_t sf_view_map_count(struct sf_view view)
{
	struct view v = unseal_view(&view);
	size_t n = 0;

	for (size_t i = 0; i < v.snap->n_maps; i++)
		n += sf_view_admits(&v, &v.snap->maps[i]);
	return n;
}

struct sf_map sf_view_map_at(struct sf_view view, size_t i)
{
	struct view v = unseal_view(&view);
	struct map m = { .snap = v.snap, .failure = sf_view_usable(&v) };
	size_t n = 0;

	if (m.failure.slot)
		return seal_map(&m);
	for (size_t at = 0; at < v.snap->n_maps && !m.map; at++)
		if (sf_view_admits(&v, &v.snap->maps[at]) && n++ == i)
			m.map = &v.snap->maps[at];
	if (!m.map)
		m.failure = sf_fail_index(v.snap, "maps", i, n);
	return seal_map(&m);
}

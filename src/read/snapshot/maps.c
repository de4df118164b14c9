/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps by name, and their entries by position.
 */

#include "snapshot_private.h"

#define KEPT_NAME 15 /* what the kernel keeps of a map's name (BPF_OBJ_NAME_LEN - 1) */

static const struct sf_snap_map *find_map(struct sf_snapshot *snap, const char *name, size_t len)
{
	for (size_t i = 0; i < snap->n_maps; i++) {
		const char *have = snap->maps[i].listed->name;

		if (!strncmp(have, name, len) && !have[len])
			return &snap->maps[i];
	}
	return NULL;
}

struct sf_map sf_view_map(struct sf_view view, const char *name)
{
	struct sf_snapshot *snap = unseal_view(&view).snap;
	struct map m = { .snap = snap };
	size_t len = strlen(name);

	if (sf_snapshot_is_placeholder(snap)) {
		m.failure = sf_fail_placeholder(snap);
		return seal_map(&m);
	}
	m.map = find_map(snap, name, len);
	if (!m.map && len > KEPT_NAME)
		m.map = find_map(snap, name, KEPT_NAME);
	if (!m.map)
		m.failure = sf_fail_map_not_found(snap, name);
	return seal_map(&m);
}

size_t sf_view_map_count(struct sf_view view)
{
	return unseal_view(&view).snap->n_maps;
}

struct sf_map sf_view_map_at(struct sf_view view, size_t i)
{
	struct sf_snapshot *snap = unseal_view(&view).snap;
	struct map m = { .snap = snap };

	if (sf_snapshot_is_placeholder(snap))
		m.failure = sf_fail_placeholder(snap);
	else if (i < snap->n_maps)
		m.map = &snap->maps[i];
	else
		m.failure = sf_fail_index(snap, "maps", i, snap->n_maps);
	return seal_map(&m);
}

bool sf_map_snap(struct sf_map map, const struct sf_snap_map **ret)
{
	struct map m = unseal_map(&map);

	if (!m.map)
		return false;
	*ret = m.map;
	return true;
}

bool sf_map_info(struct sf_map map, struct sf_map_info *ret)
{
	struct map m = unseal_map(&map);

	if (!m.map)
		return false;
	const struct sf_bpf_map *b = &m.map->listed->map;
	struct sf_map_info info = {
		.size = ret->size,
		.name = m.map->listed->name,
		.kva = b->kva,
		.id = b->id,
		.type = b->type,
		.flags = b->flags,
		.type_name = sf_bpf_map_type_name(b->type),
		.key_size = b->key_size,
		.value_size = b->value_size,
		.max_entries = b->max_entries,
	};
	memcpy(ret, &info, sf_min(ret->size, sizeof(info)));
	return true;
}

struct sf_error *sf_map_error(struct sf_map map)
{
	struct map m = unseal_map(&map);

	if (m.map && m.map->unread && !m.failure.slot)
		m.failure = sf_fail_incomplete(m.snap, m.map);
	else if (m.map && !m.failure.slot && sf_snap_map_torn(m.map))
		m.failure = sf_fail_torn(m.snap, m.map);
	return sf_failure_error(m.snap, &m.failure);
}

struct sf_map sf_map_cpu(struct sf_map map, uint64_t cpu)
{
	struct map m = unseal_map(&map);

	/* One more is kept; the last number there is stands for all that no CPU can have. */
	if (m.map && sf_snap_is_percpu(m.map))
		m.cpu = sf_min(cpu, (uint64_t)UINT32_MAX) + 1;
	return seal_map(&m);
}

size_t sf_map_len(struct sf_map map)
{
	struct map m = unseal_map(&map);

	return m.map ? sf_snap_map_len(m.map) : 0;
}

/* An entry that was narrowed to a CPU which has no value of its own, or of which it is not known where that is. */
static struct failure check_cpu(const struct map *m, const struct sf_snap_elem *elem)
{
	struct sf_node value;

	if (!m->cpu || sf_snap_cpu_value(elem, (uint32_t)(m->cpu - 1), &value))
		return (struct failure){ 0 };
	return sf_fail_cpu_value(m->snap, elem, m->cpu - 1);
}

struct sf_entry sf_map_at(struct sf_map map, size_t position)
{
	struct map m = unseal_map(&map);
	struct entry e = { .snap = m.snap, .failure = m.failure, .map = m.map, .index = position, .cpu = m.cpu };
	struct sf_snap_elem elem;

	if (!m.map)
		return seal_entry(&e);
	if (sf_snap_at(m.map, position, &elem)) {
		e.kva = elem.at.kva;
		e.failure = check_cpu(&m, &elem);
	} else if (m.map->unread) {
		e.failure = sf_fail_incomplete(m.snap, m.map);
	} else if (!sf_snap_map_len(m.map) && sf_snap_map_torn(m.map)) {
		e.failure = sf_fail_torn(m.snap, m.map);
	} else {
		e.failure = sf_fail_index(m.snap, m.map->listed->name, position, sf_snap_map_len(m.map));
	}
	return seal_entry(&e);
}

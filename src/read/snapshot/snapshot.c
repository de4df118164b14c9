/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots and what hangs directly on them: views, globals, maps.
 */

#include "snapshot_private.h"

#define KEPT_NAME 15 /* what the kernel keeps of a map's name (BPF_OBJ_NAME_LEN - 1) */

/* ---- life --------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool standard_name(const char *name)
{
	return ends_with(name, ".bss") || ends_with(name, ".data") || ends_with(name, ".rodata");
}

static bool value_is_section(const struct sf_snap_map *m)
{
	struct sf_btf_type t;

	return m->types.btf && sf_btf_type(m->types.btf, sf_btf_peel(m->types.btf, m->listed->map.value_type), &t) &&
	       t.kind == SF_BTF_DATASEC;
}

static void open_map(struct sf_snapshot *snap, const struct sf_frame_map *listed, struct sf_snap_map *ret)
{
	const struct sf_bpf_map *map = &listed->map;

	*ret = (struct sf_snap_map){
		.listed = listed,
		.types = { .btf = listed->btf, .vm = &snap->vm, .nr_cpus = snap->kernel.nr_cpus, .kernel = &snap->kernel },
		.unread = map->unread,
	};
	if (map->unread)
		return;
	ret->n_entries = map->max_entries;
	ret->is_standard_section = map->max_entries == 1 && standard_name(listed->name);
	ret->is_section = ret->is_standard_section || (map->max_entries == 1 && value_is_section(ret));
}

static struct sf_error *open_maps(struct sf_snapshot *snap)
{
	const struct sf_frame_maps *maps;

	SF_TRY(sf_frame_maps(snap->frame, &maps));
	snap->maps = calloc(maps->n + 1, sizeof(*snap->maps));
	if (!snap->maps)
		return sf_error_nomem();
	for (; snap->n_maps < maps->n; snap->n_maps++)
		open_map(snap, &maps->v[snap->n_maps], &snap->maps[snap->n_maps]);
	return NULL;
}

struct sf_error *sf_snapshot_new(struct sf_frame *frame, struct sf_snapshot **ret)
{
	SF_OWNED(snapshot) snap = calloc(1, sizeof(*snap));
	const struct sf_kernel *kernel = sf_frame_kernel(frame);

	if (!snap)
		return sf_error_nomem();
	snap->frame = sf_frame_ref(frame);
	if (kernel) {
		sf_vmem_init(&snap->vm, sf_frame_image(frame), kernel);
		snap->kernel = (struct sf_typed){
			.btf = sf_kernel_btf(kernel), .vm = &snap->vm, .nr_cpus = sf_kernel_nr_cpu_ids(kernel),
		};
	}
	SF_TRY(open_maps(snap));
	*ret = steal_ptr(&snap);
	return NULL;
}

void sf_snapshot_free(struct sf_snapshot *snap)
{
	if (!snap)
		return;
	sf_error_ring_clear(&snap->ring);
	free(snap->maps);
	sf_frame_unref(snap->frame);
	free(snap);
}

struct sf_snapshot_maps sf_snapshot_maps(const struct sf_snapshot *snap)
{
	return (struct sf_snapshot_maps){ .v = snap->maps, .n = snap->n_maps };
}

struct sf_frame *sf_snapshot_frame(const struct sf_snapshot *snap)
{
	return snap->frame;
}

struct sf_vmem *sf_snapshot_vmem(struct sf_snapshot *snap)
{
	return &snap->vm;
}

struct sf_node sf_snap_map_value(const struct sf_snap_map *m, size_t i)
{
	const struct sf_bpf_map *map = &m->listed->map;

	return sf_typed_node(&m->types, map->values + map->stride * i, map->value_type, map->value_size);
}

/* ---- views ---------------------------------------------------------------------------------------------------- */

struct sf_view sf_snapshot_view(struct sf_snapshot *snap)
{
	struct view v = { .snap = snap };

	return seal_view(&v);
}

struct sf_frame *sf_view_frame(struct sf_view view)
{
	return unseal_view(&view).snap->frame;
}

static bool is_placeholder(const struct sf_snapshot *snap)
{
	return !sf_frame_kernel(snap->frame);
}

bool sf_view_is_placeholder(struct sf_view view)
{
	return is_placeholder(unseal_view(&view).snap);
}

/* ---- globals --------------------------------------------------------------------------------------------------- */

/* The first section of the kind that has @name, and how many have it. */
static size_t find_global(struct sf_snapshot *snap, const char *name, bool standard, struct sf_node *ret)
{
	size_t hits = 0;

	for (size_t i = 0; i < snap->n_maps; i++) {
		const struct sf_snap_map *m = &snap->maps[i];
		struct sf_node value, member;

		if (!m->is_section || m->is_standard_section != standard || m->unread || !m->types.btf)
			continue;
		value = sf_snap_map_value(m, 0);
		if (sf_node_member(&value, name, strlen(name), &member) != SF_STEP_OK)
			continue;
		if (!hits++)
			*ret = member;
	}
	return hits;
}

/* A section whose types are missing may have held the name: then "no such variable" would be a guess. */
static const struct sf_snap_map *blind_section(struct sf_snapshot *snap)
{
	for (size_t i = 0; i < snap->n_maps; i++)
		if (snap->maps[i].is_section && snap->maps[i].listed->no_btf)
			return &snap->maps[i];
	return NULL;
}

struct sf_field sf_view_var(struct sf_view view, const char *name)
{
	struct sf_snapshot *snap = unseal_view(&view).snap;
	struct field f = { .snap = snap };
	size_t hits = 0;

	if (is_placeholder(snap)) {
		f.failure = sf_fail_placeholder(snap);
		return seal_field(&f);
	}
	hits = find_global(snap, name, true, &f.node);
	if (!hits)
		hits = find_global(snap, name, false, &f.node);
	if (hits > 1) {
		f.failure = sf_fail_ambiguous_var(snap, name);
	} else if (!hits) {
		const struct sf_snap_map *blind = blind_section(snap);

		f.failure = blind ? sf_fail_incomplete(snap, blind) : sf_fail_var_not_found(snap, name);
	}
	return seal_field(&f);
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

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

	if (is_placeholder(snap)) {
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

	if (is_placeholder(snap))
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
	return sf_failure_error(m.snap, &m.failure);
}

size_t sf_map_len(struct sf_map map)
{
	struct map m = unseal_map(&map);

	return m.map ? m.map->n_entries : 0;
}

struct sf_entry sf_map_at(struct sf_map map, size_t position)
{
	struct map m = unseal_map(&map);
	struct entry e = { .snap = m.snap, .failure = m.failure, .map = m.map, .index = position };

	if (!m.map || position < m.map->n_entries)
		return seal_entry(&e);
	if (m.map->unread)
		e.failure = sf_fail_incomplete(m.snap, m.map);
	else
		e.failure = sf_fail_index(m.snap, m.map->listed->name, position, m.map->n_entries);
	return seal_entry(&e);
}

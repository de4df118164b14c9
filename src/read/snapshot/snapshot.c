/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots and what hangs directly on them: views and globals.
 */

#include "snapshot_private.h"

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

static bool is_section(const struct sf_snap_map *m)
{
	struct sf_btf_type t;

	return m->types.btf && sf_btf_type(m->types.btf, sf_btf_peel(m->types.btf, m->value_type), &t) &&
	       t.kind == SF_BTF_DATASEC;
}

static void open_map(struct sf_snapshot *snap, const struct sf_frame_map *listed, struct sf_snap_map *ret)
{
	const struct sf_bpf_map *map = &listed->map;
	bool is_array = map->shape == SF_BPF_ARRAY;

	*ret = (struct sf_snap_map){
		.snap = snap,
		.listed = listed,
		.types = { .btf = listed->btf, .vm = &snap->vm, .nr_cpus = snap->kernel.nr_cpus, .kernel = &snap->kernel },
		.key_type = map->key_type,
		.value_type = map->value_type,
		.unread = map->unread,
		.index = &snap->indexes[ret - snap->maps],
	};
	if (map->unread)
		return;
	if (map->shape == SF_BPF_STRUCT_OPS)
		ret->value_type = listed->btf ? sf_bpf_struct_ops_type(listed->btf, map) : 0;
	ret->is_single = (is_array && map->max_entries == 1) || map->shape == SF_BPF_STRUCT_OPS;
	ret->is_standard_section = is_array && ret->is_single && standard_name(listed->name);
	ret->is_section = ret->is_standard_section || (is_array && ret->is_single && is_section(ret));
}

static struct sf_error *open_maps(struct sf_snapshot *snap)
{
	const struct sf_frame_maps *maps;

	SF_TRY(sf_frame_maps(snap->frame, &maps));
	snap->maps = calloc(maps->n + 1, sizeof(*snap->maps));
	snap->indexes = calloc(maps->n + 1, sizeof(*snap->indexes));
	if (!snap->maps || !snap->indexes)
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
	for (size_t i = 0; i < snap->n_maps; i++)
		sf_snap_index_clear(&snap->indexes[i]);
	free(snap->indexes);
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

bool sf_snapshot_is_placeholder(const struct sf_snapshot *snap)
{
	return !sf_frame_kernel(snap->frame);
}

bool sf_view_is_placeholder(struct sf_view view)
{
	return sf_snapshot_is_placeholder(unseal_view(&view).snap);
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
		value = sf_snap_single(m);
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

	if (sf_snapshot_is_placeholder(snap)) {
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

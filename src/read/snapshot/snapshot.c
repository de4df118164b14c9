/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots: which maps a frame has, and where nodes of their types come from.
 */

#include "snapshot_private.h"

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

bool sf_snap_standard_name(const char *name)
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
	if (listed->doc) {
		sf_snap_doc_open(ret);
		return;
	}
	if (map->unread) {
		/* Globals that cannot be read are globals all the same: what is not found may be among them. */
		ret->is_section = ret->is_standard_section = map->type == SF_BPF_MAP_TYPE_ARRAY && map->max_entries == 1 &&
							     sf_snap_standard_name(listed->name);
		return;
	}
	if (map->shape == SF_BPF_STRUCT_OPS)
		ret->value_type = listed->btf ? sf_bpf_struct_ops_type(listed->btf, map) : 0;
	ret->is_single = (is_array && map->max_entries == 1) || map->shape == SF_BPF_STRUCT_OPS;
	ret->is_standard_section = is_array && ret->is_single && sf_snap_standard_name(listed->name);
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
	sf_collected_free(&snap->collected);
	free(snap->active.why);
	free(snap->active.sorted_kvas);
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

bool sf_snapshot_is_placeholder(const struct sf_snapshot *snap)
{
	return sf_frame_is_placeholder(snap->frame);
}

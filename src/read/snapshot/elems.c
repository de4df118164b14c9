/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The elements of maps, and the nodes that they are made of.
 */

#include <inttypes.h>

#include "snapshot_private.h"

#define MAX_INDEX (1u << 26) /* elements that can be reached by position: half a gigabyte of addresses */

static const struct sf_bpf_map *bpf_map(const struct sf_snap_map *map)
{
	return &map->listed->map;
}

static const struct sf_bpf *bpf_of(const struct sf_snap_map *map)
{
	return sf_frame_bpf(map->snap->frame);
}

static bool has_chains(const struct sf_snap_map *map)
{
	switch (bpf_map(map)->shape) {
	case SF_BPF_HASH:
	case SF_BPF_PERCPU_HASH:
	case SF_BPF_STORAGE:
		return !map->unread;
	default:
		return false;
	}
}

/* ---- one after another ---------------------------------------------------------------------------------------- */

struct sf_snap_cursor sf_snap_elems(const struct sf_snap_map *map)
{
	struct sf_snap_cursor c = { .map = map };

	if (!map->unread)
		sf_bpf_cursor_init(&c.c, bpf_of(map), &map->snap->vm, bpf_map(map));
	return c;
}

bool sf_snap_next(struct sf_snap_cursor *c, struct sf_snap_elem *ret)
{
	if (c->map->unread || !sf_bpf_cursor_next(&c->c, &ret->at))
		return false;
	ret->map = c->map;
	return true;
}

/* ---- by position ---------------------------------------------------------------------------------------------- */

void sf_snap_index_clear(struct sf_snap_index *index)
{
	free(index->kvas.v);
}

static const struct sf_snap_index *make_index(const struct sf_snap_map *map)
{
	struct sf_snap_index *index = map->index;
	struct sf_snap_cursor c = sf_snap_elems(map);
	struct sf_snap_elem e;

	if (index->is_made)
		return index;
	index->is_made = true;
	while (sf_snap_next(&c, &e)) {
		uint64_t *kva = index->kvas.n < MAX_INDEX ? sf_vec_push(&index->kvas) : NULL;

		if (!kva) {
			c.c.torn.capped = true;
			if (!c.c.torn.why) {
				c.c.torn.why = "no memory for the addresses of more elements";
				c.c.torn.at = e.at.kva;
			}
			break;
		}
		*kva = e.at.kva;
	}
	index->torn = c.c.torn;
	return index;
}

size_t sf_snap_map_len(const struct sf_snap_map *map)
{
	if (map->unread)
		return 0;
	if (has_chains(map))
		return make_index(map)->kvas.n;
	return bpf_map(map)->shape == SF_BPF_STRUCT_OPS ? 1 : bpf_map(map)->max_entries;
}

bool sf_snap_at(const struct sf_snap_map *map, size_t i, struct sf_snap_elem *ret)
{
	struct entry e = { .map = map, .index = i };

	if (i >= sf_snap_map_len(map))
		return false;
	if (has_chains(map))
		e.kva = map->index->kvas.v[i];
	*ret = sf_snap_elem_of(&e);
	return true;
}

struct sf_snap_elem sf_snap_elem_of(const struct entry *e)
{
	struct sf_snap_elem ret = { .map = e->map, .at = { .position = e->index } };

	if (has_chains(e->map)) {
		sf_bpf_elem_of(bpf_of(e->map), &e->map->snap->vm, bpf_map(e->map), e->kva, &ret.at);
		ret.at.position = e->index;
	} else if (!sf_bpf_elem_at(bpf_of(e->map), &e->map->snap->vm, bpf_map(e->map), e->index, &ret.at)) {
		ret.at.fault = SF_FAULT_BOUNDS;
	}
	return ret;
}

const struct sf_bpf_torn *sf_snap_map_torn(const struct sf_snap_map *map)
{
	const struct sf_bpf_torn *torn;

	if (!has_chains(map))
		return NULL;
	torn = &make_index(map)->torn;
	return torn->n_buckets || torn->n_chains || torn->capped ? torn : NULL;
}

static void put_count(struct sf_text *t, uint64_t n, const char *one, const char *many)
{
	if (n)
		sf_text_putf(t, "%s%" PRIu64 " %s", t->n ? ", " : "", n, n == 1 ? one : many);
}

void sf_snap_torn_text(const struct sf_bpf_torn *torn, struct sf_text *ret)
{
	struct sf_text t = { 0 };

	put_count(&t, torn->n_buckets, "bucket could not be read", "buckets could not be read");
	put_count(&t, torn->n_chains, "chain was cut", "chains were cut");
	if (torn->capped)
		sf_text_putf(&t, "%sthe walk was ended early", t.n ? ", " : "");
	if (torn->why)
		sf_text_putf(&t, "%s %s at 0x%" PRIx64, torn->n_buckets + torn->n_chains > 1 ? ", the first:" : ":", torn->why,
			     torn->at);
	sf_text_putn(ret, t.v, t.n);
	sf_text_cleanup(&t);
}

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

bool sf_snap_key(const struct sf_snap_elem *e, struct sf_node *ret)
{
	const struct sf_snap_map *map = e->map;
	const char *owner = sf_bpf_owner_struct(bpf_map(map));

	if (owner) {
		const struct sf_typed *kernel = map->types.kernel;

		*ret = sf_typed_address(kernel, e->at.owner, sf_btf_find_largest(kernel->btf, owner, SF_BTF_STRUCT));
		return true;
	}
	if (!e->at.key)
		return false;
	*ret = sf_typed_node(&map->types, e->at.key, map->key_type, bpf_map(map)->key_size);
	return true;
}

struct sf_node sf_snap_value(const struct sf_snap_elem *e)
{
	return sf_typed_node(&e->map->types, e->at.value, e->map->value_type, bpf_map(e->map)->value_len);
}

bool sf_snap_cpu_value(const struct sf_snap_elem *e, uint32_t cpu, struct sf_node *ret)
{
	uint64_t kva;

	if (!e->at.value || !sf_vmem_percpu(&e->map->snap->vm, e->at.value, cpu, &kva))
		return false;
	*ret = sf_typed_node(&e->map->types, kva, e->map->value_type, bpf_map(e->map)->value_len);
	return true;
}

uint32_t sf_snap_n_cpus(const struct sf_snap_map *map)
{
	return map->snap->kernel.nr_cpus;
}

bool sf_snap_owner(const struct sf_snap_elem *e, struct sf_bpf_owner *ret)
{
	return sf_bpf_owner(bpf_of(e->map), &e->map->snap->vm, bpf_map(e->map), e->at.owner, ret);
}

struct sf_node sf_snap_single(const struct sf_snap_map *map)
{
	const struct sf_bpf_map *m = bpf_map(map);

	return sf_typed_node(&map->types, m->values, map->value_type, m->value_len);
}

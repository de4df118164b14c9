/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The elements of maps, and the nodes that they are made of.
 */

#include <inttypes.h>

#include "snapshot_private.h"
#include "value/tree.h"

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
	if (map->doc)
		return false;
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

	if (map->doc)
		c.c.torn = map->doc->torn;
	else if (!map->unread)
		sf_bpf_cursor_init(&c.c, bpf_of(map), &map->snap->vm, bpf_map(map));
	return c;
}

bool sf_snap_next(struct sf_snap_cursor *c, struct sf_snap_elem *ret)
{
	if (c->map->doc) {
		if (!sf_snap_doc_at(c->map, c->next, ret))
			return false;
		c->next++;
		return true;
	}
	if (c->map->unread || !sf_bpf_cursor_next(&c->c, &ret->at))
		return false;
	ret->map = c->map;
	ret->doc = NULL;
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
	if (map->doc)
		return map->doc->n;
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

	if (e->map->doc) {
		sf_snap_doc_at(e->map, e->index, &ret);
	} else if (has_chains(e->map)) {
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

	if (map->doc)
		torn = &map->doc->torn;
	else if (has_chains(map))
		torn = &make_index(map)->torn;
	else
		return NULL;
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
	const char *owner;

	if (map->doc) {
		*ret = e->doc ? e->doc->key : (struct sf_node){ 0 };
		return ret->ops;
	}
	owner = sf_bpf_owner_struct(bpf_map(map));
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

bool sf_snap_lacks_key(const struct sf_snap_elem *e)
{
	bool is_hash = e->map->doc && (e->map->doc->list == SF_DOC_HASH || e->map->doc->list == SF_DOC_PERCPU_HASH);

	return is_hash && !(e->doc && e->doc->key.ops);
}

uint64_t sf_snap_index(const struct sf_snap_elem *e)
{
	return e->doc ? e->doc->index : e->at.position;
}

bool sf_snap_is_raw_key(const struct sf_snap_elem *e)
{
	if (e->map->doc)
		return e->doc && e->doc->is_key_raw;
	return e->at.key && !(e->map->types.btf && e->map->key_type);
}

bool sf_snap_is_raw_value(const struct sf_snap_elem *e)
{
	if (e->map->doc)
		return e->doc && e->doc->is_value_raw;
	return e->at.value && !(e->map->types.btf && e->map->value_type);
}

bool sf_snap_key_hex(const struct sf_snap_elem *e, char *buf, size_t size)
{
	uint32_t len = bpf_map(e->map)->key_size;
	size_t n = 0;

	if (e->map->doc)
		return sf_snap_doc_key_hex(e, buf, size);
	if (!e->at.key)
		return false;
	buf[0] = '\0';
	for (uint32_t i = 0; i < len && n + 4 <= size; i++) {
		uint8_t byte = 0;
		const char *space = i ? " " : "";

		if (sf_vmem_read(&e->map->snap->vm, e->at.key + i, &byte, 1))
			n += (size_t)snprintf(buf + n, size - n, "%s?" "?", space);
		else
			n += (size_t)snprintf(buf + n, size - n, "%s%02x", space, byte);
	}
	return true;
}

struct sf_node sf_snap_value(const struct sf_snap_elem *e)
{
	if (e->map->doc)
		return e->doc && e->doc->value.ops ? e->doc->value : sf_tree_nothing();
	return sf_typed_node(&e->map->types, e->at.value, e->map->value_type, bpf_map(e->map)->value_len);
}

bool sf_snap_cpu_value(const struct sf_snap_elem *e, uint32_t cpu, struct sf_node *ret)
{
	uint64_t kva;

	if (e->map->doc) {
		if (!e->doc || cpu >= e->doc->n_cpus || !e->doc->per_cpu[cpu].ops)
			return false;
		*ret = e->doc->per_cpu[cpu];
		return true;
	}
	if (!e->at.value || !sf_vmem_percpu(&e->map->snap->vm, e->at.value, cpu, &kva))
		return false;
	*ret = sf_typed_node(&e->map->types, kva, e->map->value_type, bpf_map(e->map)->value_len);
	return true;
}

uint32_t sf_snap_n_cpus(const struct sf_snap_map *map)
{
	return map->doc ? map->doc->n_cpus : map->snap->kernel.nr_cpus;
}

uint32_t sf_snap_elem_n_cpus(const struct sf_snap_elem *e)
{
	return e->doc ? e->doc->n_cpus : sf_snap_n_cpus(e->map);
}

bool sf_snap_owner(const struct sf_snap_elem *e, struct sf_bpf_owner *ret)
{
	if (e->map->doc)
		return sf_snap_doc_owner(e, ret);
	return sf_bpf_owner(bpf_of(e->map), &e->map->snap->vm, bpf_map(e->map), e->at.owner, ret);
}

struct sf_node sf_snap_single(const struct sf_snap_map *map)
{
	const struct sf_bpf_map *m = bpf_map(map);
	struct sf_snap_elem first;

	if (map->doc)
		return sf_snap_doc_at(map, 0, &first) ? sf_snap_value(&first) : sf_tree_nothing();
	return sf_typed_node(&map->types, m->values, map->value_type, m->value_len);
}

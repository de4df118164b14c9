/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "entries.h"

#define PROBED_PAGES 16 /* of a value, before it is called unreadable as a whole */

static enum sf_layout layout_of(const struct sf_snap_map *map)
{
	if (map->unread)
		return SF_LAYOUT_NONE;
	if (map->is_single)
		return SF_LAYOUT_VALUE;
	switch (map->listed->map.shape) {
	case SF_BPF_ARRAY:
		return SF_LAYOUT_ARRAY;
	case SF_BPF_PERCPU_ARRAY:
		return SF_LAYOUT_PERCPU_ARRAY;
	case SF_BPF_HASH:
	case SF_BPF_STORAGE:
		return SF_LAYOUT_HASH;
	case SF_BPF_PERCPU_HASH:
		return SF_LAYOUT_PERCPU_HASH;
	case SF_BPF_STRUCT_OPS:
		return SF_LAYOUT_VALUE;
	case SF_BPF_UNREAD:
		break;
	}
	return SF_LAYOUT_NONE;
}

struct sf_entries sf_entries_of(const struct sf_snap_map *map, uint32_t max_entries)
{
	return (struct sf_entries){
		.map = map, .layout = layout_of(map), .cursor = sf_snap_elems(map), .max = max_entries,
	};
}

void sf_entries_done(struct sf_entries *it)
{
	free(it->owner);
	it->owner = NULL;
}

/* Is any byte of it there? Where some are, what is missing is said member by member. */
static bool is_readable(const struct sf_snap_map *map, const struct sf_node *value, struct sf_trouble *why)
{
	uint64_t at = value->at, last = at + (value->had ? value->had - 1 : 0);

	*why = (struct sf_trouble){ .addr = at };
	if (map->doc || !value->had || last < at)
		return true;
	for (unsigned int i = 0; i < PROBED_PAGES && at <= last; i++) {
		enum sf_fault fault = SF_FAULT_NONE;

		if (sf_vmem_page(map->types.vm, at, &fault))
			return true;
		if (!i)
			why->fault = fault;
		if (at > UINT64_MAX - SF_PAGE_SIZE)
			break;
		at = (at & SF_PAGE_MASK) + SF_PAGE_SIZE;
	}
	return false;
}

static void count_unreadable(struct sf_entries *it, const struct sf_trouble *why)
{
	if (!it->n_unreadable++)
		it->first = *why;
}

static void find_owner(struct sf_entries *it, struct sf_listed_entry *e)
{
	if (it->map->listed->map.shape != SF_BPF_STORAGE)
		return;
	if (!it->owner)
		it->owner = malloc(sizeof(*it->owner));
	if (it->owner && sf_snap_owner(&e->elem, it->owner))
		e->owner = it->owner;
}

static void find_value(struct sf_entries *it, struct sf_listed_entry *e)
{
	if (sf_snap_has_value(&e->elem)) {
		e->value = sf_snap_value(&e->elem);
		e->is_readable = is_readable(it->map, &e->value, &e->why);
	} else {
		e->why = (struct sf_trouble){ .fault = e->elem.at.fault, .addr = e->elem.at.kva };
	}
	if (!e->is_readable && !it->map->doc)
		count_unreadable(it, &e->why);
}

bool sf_entries_next(struct sf_entries *it, struct sf_listed_entry *ret)
{
	struct sf_snap_elem elem;

	if (it->is_over || it->layout == SF_LAYOUT_NONE)
		return false;
	if (!sf_snap_next(&it->cursor, &elem)) {
		it->is_over = true;
		return false;
	}
	it->n_entries++;
	if (it->shown == it->max) {
		/* A row is as long as it says; chains have to be walked to their end. */
		if (it->layout == SF_LAYOUT_ARRAY || it->layout == SF_LAYOUT_PERCPU_ARRAY)
			it->n_entries = sf_snap_map_len(it->map);
		else
			while (sf_snap_next(&it->cursor, &elem))
				it->n_entries++;
		it->is_over = true;
		return false;
	}
	it->shown++;
	*ret = (struct sf_listed_entry){ .elem = elem, .index = sf_snap_index(&elem) };
	ret->has_key = it->layout != SF_LAYOUT_VALUE && sf_snap_key(&elem, &ret->key);
	find_owner(it, ret);
	if (!sf_snap_is_percpu(it->map))
		find_value(it, ret);
	return true;
}

enum sf_cpu_slot sf_entries_look(const struct sf_entries *it, const struct sf_listed_entry *e, uint32_t cpu,
				 struct sf_node *ret, struct sf_trouble *why)
{
	if (!sf_snap_has_value(&e->elem)) {
		*why = (struct sf_trouble){ .fault = e->elem.at.fault, .addr = e->elem.at.kva };
		return SF_CPU_UNREADABLE;
	}
	if (!sf_snap_cpu_value(&e->elem, cpu, ret))
		return SF_CPU_ABSENT;
	return is_readable(it->map, ret, why) ? SF_CPU_VALUE : SF_CPU_UNREADABLE;
}

enum sf_cpu_slot sf_entries_cpu(struct sf_entries *it, const struct sf_listed_entry *e, uint32_t cpu, struct sf_node *ret,
				struct sf_trouble *why)
{
	enum sf_cpu_slot slot = sf_entries_look(it, e, cpu, ret, why);

	if (slot == SF_CPU_UNREADABLE)
		count_unreadable(it, why);
	return slot;
}

static void sentence(struct sf_text *t)
{
	if (t->n)
		sf_text_put(t, "; ");
}

static void put_unreadable(const struct sf_entries *it, struct sf_text *ret)
{
	char why[96];

	sentence(ret);
	sf_trouble_text(&it->first, why, sizeof(why));
	if (it->layout == SF_LAYOUT_VALUE)
		sf_text_put(ret, why);
	else if (sf_snap_is_percpu(it->map))
		sf_text_putf(ret, "%" PRIu64 " values of %" PRIu64 " entries unreadable: %s", it->n_unreadable, it->shown, why);
	else
		sf_text_putf(ret, "%" PRIu64 " of %" PRIu64 " entries unreadable: %s", it->n_unreadable, it->shown, why);
}

bool sf_entries_error(const struct sf_entries *it, struct sf_text *ret)
{
	const struct sf_bpf_torn *torn = &it->cursor.c.torn;
	const struct sf_snap_map *map = it->map;

	/* A report has said all of it already. */
	if (map->doc)
		sf_text_put(ret, map->error ? map->error : "");
	else if (map->unread)
		sf_text_put(ret, map->unread);
	if (!map->unread && map->listed->no_btf) {
		sentence(ret);
		sf_text_putf(ret, "no types: %s", map->listed->no_btf);
	}
	if (!map->doc && (torn->n_buckets || torn->n_chains || torn->capped)) {
		sentence(ret);
		sf_snap_torn_text(torn, ret);
	}
	if (it->n_unreadable)
		put_unreadable(it, ret);
	if (it->shown < it->n_entries) {
		sentence(ret);
		sf_text_putf(ret, "%" PRIu64 " of %" PRIu64 " entries listed", it->shown, it->n_entries);
	}
	return ret->n;
}

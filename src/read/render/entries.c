/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "entries.h"

#define PROBED_PAGES 16 /* of a value, before it is called unreadable as a whole */

static enum sf_layout layout_of(const struct sf_snap_map *map)
{
	if (map->unread)
		return SF_LAYOUT_NONE;
	return map->listed->map.max_entries == 1 ? SF_LAYOUT_VALUE : SF_LAYOUT_ARRAY;
}

struct sf_entries sf_entries_of(const struct sf_snap_map *map, uint32_t max_entries)
{
	enum sf_layout layout = layout_of(map);
	uint64_t n = layout == SF_LAYOUT_NONE ? 0 : map->n_entries;

	return (struct sf_entries){
		.map = map, .layout = layout, .n_entries = n, .shown = sf_min(n, (uint64_t)max_entries),
	};
}

/* Is any byte of it there? Where some are, what is missing is said member by member. */
static bool is_readable(const struct sf_snap_map *map, const struct sf_node *value, struct sf_trouble *why)
{
	uint64_t at = value->at, last = at + (value->had ? value->had - 1 : 0);

	*why = (struct sf_trouble){ .addr = at };
	if (!value->had || last < at)
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

bool sf_entries_next(struct sf_entries *it, struct sf_listed_entry *ret)
{
	if (it->next >= it->shown)
		return false;
	*ret = (struct sf_listed_entry){ .index = it->next, .value = sf_snap_map_value(it->map, it->next) };
	it->next++;
	ret->is_readable = is_readable(it->map, &ret->value, &ret->why);
	if (!ret->is_readable && !it->n_unreadable++)
		it->first = ret->why;
	return true;
}

static void sentence(struct sf_text *t)
{
	if (t->n)
		sf_text_put(t, "; ");
}

bool sf_entries_error(const struct sf_entries *it, struct sf_text *ret)
{
	const struct sf_snap_map *map = it->map;
	char why[96];

	if (map->unread)
		sf_text_put(ret, map->unread);
	if (!map->unread && map->listed->no_btf) {
		sentence(ret);
		sf_text_putf(ret, "no types: %s", map->listed->no_btf);
	}
	if (it->n_unreadable) {
		sentence(ret);
		sf_trouble_text(&it->first, why, sizeof(why));
		if (it->layout == SF_LAYOUT_VALUE)
			sf_text_put(ret, why);
		else
			sf_text_putf(ret, "%" PRIu64 " of %" PRIu64 " entries unreadable: %s", it->n_unreadable, it->next,
				     why);
	}
	if (it->shown < it->n_entries) {
		sentence(ret);
		sf_text_putf(ret, "%" PRIu64 " of %" PRIu64 " entries listed", it->shown, it->n_entries);
	}
	return ret->n;
}

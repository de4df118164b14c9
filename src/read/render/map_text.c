/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A map as text: its header, its entries by layout, and at the end what was met on the way. Values of arrays are here.
 */

#include <inttypes.h>

#include "map_text.h"

#define RODATA_STRINGS ".rodata.str" /* literals, which have no types */

/* ---- one value ---------------------------------------------------------------------------------------------- */

/* Literals one after another, each with its NUL: what is not printable is escaped. */
static void put_literals(struct sf_emit *e, const struct sf_node *n)
{
	uint64_t len = sf_node_len(n, NULL), shown = sf_min(len, (uint64_t)sf_min(e->w.opt.max_bytes, 4096u));
	struct sf_trouble why = { 0 };
	uint8_t raw[256];

	sf_puts(e, "\"");
	for (uint64_t off = 0; off < shown && sf_emit_on(e);) {
		size_t got = (size_t)sf_min((uint64_t)sizeof(raw), shown - off);

		if (sf_node_bytes(n, off, raw, &got, &why) != SF_STEP_OK || !got)
			break;
		for (size_t i = 0; i < got; i++)
			sf_put_quoted(e, raw[i]);
		off += got;
	}
	sf_puts(e, "\"");
	if (why.fault) {
		sf_puts(e, " ");
		sf_put_trouble(e, &why);
	} else {
		sf_put_shown(e, shown, len);
	}
}

void sf_put_entry_value(struct sf_emit *e, const struct sf_entries *it, const struct sf_listed_entry *entry,
			unsigned int indent)
{
	bool is_raw = sf_node_kind(&entry->value) == SF_BYTES;

	sf_emit_begin(e);
	if (is_raw && !strncmp(it->map->listed->name, RODATA_STRINGS, strlen(RODATA_STRINGS))) {
		put_literals(e, &entry->value);
	} else {
		sf_put_value(e, &entry->value, indent);
		if (is_raw)
			sf_puts(e, " (raw)");
	}
}

bool sf_is_all_zero(struct sf_emit *e, const struct sf_node *n)
{
	return !e->w.opt.show_zero && sf_walk_is_zero(&e->w, n);
}

static void put_one_value(struct sf_emit *e, struct sf_entries *it)
{
	struct sf_listed_entry entry;

	while (sf_entries_next(it, &entry)) {
		if (entry.is_readable)
			sf_put_entry_value(e, it, &entry, 0);
		else
			sf_puts(e, SF_UNREADABLE);
		sf_puts(e, "\n");
	}
}

/* ---- values by index ---------------------------------------------------------------------------------------- */

void sf_put_keys(struct sf_emit *e, uint64_t first, uint64_t last)
{
	if (first == last)
		sf_putf(e, "key %" PRIu64 ":", first);
	else
		sf_putf(e, "keys %" PRIu64 "-%" PRIu64 ":", first, last);
}

/* Do both go into one line? */
static bool is_same_entry(struct sf_emit *e, const struct sf_listed_entry *a, const struct sf_listed_entry *b)
{
	sf_emit_begin(e);
	if (a->is_readable && b->is_readable)
		return sf_walk_is_same(&e->w, &a->value, &b->value);
	return !a->is_readable && !b->is_readable && a->why.fault == b->why.fault;
}

static void put_array_entries(struct sf_emit *e, struct sf_entries *it)
{
	struct sf_listed_entry first, next;
	bool more = sf_entries_next(it, &first);

	while (more && sf_emit_on(e)) {
		uint64_t last = first.index;

		while ((more = sf_entries_next(it, &next)) && is_same_entry(e, &first, &next))
			last = next.index;
		sf_put_keys(e, first.index, last);
		sf_puts(e, " ");
		sf_emit_begin(e);
		if (!first.is_readable)
			sf_puts(e, SF_UNREADABLE);
		else if (sf_is_all_zero(e, &first.value))
			sf_puts(e, "all zero");
		else
			sf_put_entry_value(e, it, &first, 0);
		sf_puts(e, "\n");
		first = next;
	}
}

/* ---- the map ------------------------------------------------------------------------------------------------ */

static void (*const put_layout[SF_N_LAYOUTS])(struct sf_emit *e, struct sf_entries *it) = {
	[SF_LAYOUT_VALUE] = put_one_value,
	[SF_LAYOUT_ARRAY] = put_array_entries,
	[SF_LAYOUT_PERCPU_ARRAY] = sf_put_percpu_array,
	[SF_LAYOUT_HASH] = sf_put_hash,
	[SF_LAYOUT_PERCPU_HASH] = sf_put_percpu_hash,
};

static void put_words(struct sf_emit *e, const char *text)
{
	sf_put_words(e, text, strlen(text), 1);
}

static void put_header(struct sf_emit *e, const struct sf_snap_map *map)
{
	const struct sf_bpf_map *m = &map->listed->map;
	const char *type = sf_bpf_map_type_name(m->type);
	char text[128];

	sf_puts(e, "map ");
	sf_put_name(e, map->listed->name);
	if (type)
		snprintf(text, sizeof(text), " (type=%s,", type);
	else
		snprintf(text, sizeof(text), " (type=%" PRIu32 ",", m->type);
	put_words(e, text);
	snprintf(text, sizeof(text), " value_size=%" PRIu32 ", max_entries=%" PRIu32 ")", m->value_size, m->max_entries);
	put_words(e, text);
}

/* What is known of @it beyond the first @said bytes of it. */
static struct sf_text error_of(const struct sf_entries *it, size_t said)
{
	_cleanup_text_ struct sf_text error = { 0 };
	struct sf_text ret = { 0 };

	if (!sf_entries_error(it, &error) || error.n <= said)
		return ret;
	said += said ? strlen("; ") : 0;
	sf_text_put(&ret, "[error: ");
	sf_text_putn(&ret, error.v + said, error.n - said);
	sf_text_put(&ret, "]");
	return ret;
}

static bool has_room(struct sf_emit *e, const struct sf_text *text)
{
	struct sf_measured m = sf_measure_begin(e, e->w.opt.width);

	sf_putn(e, text->v, text->n);
	return sf_measure_end(e, &m) < e->w.opt.width;
}

/* What is known before the entries are looked at. Returns how much was said. */
static size_t put_error_before(struct sf_emit *e, const struct sf_entries *it)
{
	_cleanup_text_ struct sf_text error = error_of(it, 0);

	if (!error.n)
		return 0;
	if (has_room(e, &error))
		sf_puts(e, " ");
	else
		sf_put_line(e, 1);
	sf_put_words(e, error.v, error.n, 1);
	return error.n - strlen("[error: ]");
}

static void put_error_after(struct sf_emit *e, const struct sf_entries *it, size_t said)
{
	_cleanup_text_ struct sf_text error = error_of(it, said);

	if (!error.n) {
		if (!it->n_entries && it->layout != SF_LAYOUT_NONE)
			sf_puts(e, "no entries\n");
		return;
	}
	sf_put_words(e, error.v, error.n, 1);
	sf_puts(e, "\n");
}

void sf_put_map(struct sf_emit *e, const struct sf_snap_map *map)
{
	_cleanup_entries_ struct sf_entries it = sf_entries_of(map, e->w.opt.max_entries);
	size_t said;

	e->frame = sf_snapshot_frame(map->snap);
	sf_walk_map(&e->w, map->listed->map.value_len);
	put_header(e, map);
	said = put_error_before(e, &it);
	sf_puts(e, "\n");
	if (put_layout[it.layout])
		put_layout[it.layout](e, &it);
	put_error_after(e, &it, said);
}

bool sf_render_map_text(const struct sf_snap_map *map, const struct sf_render_options *opt, sf_render_sink *sink,
			void *arg)
{
	struct sf_emit e;

	sf_emit_init(&e, opt, sink, arg);
	sf_put_map(&e, map);
	return sf_emit_finish(&e);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any text as a report. What it is refused for has a message; what is read can be walked and shown, and is written as JSON
 * that reads back as the same.
 */
#include <assert.h>

#include "frame_uses.h"
#include "render/render.h"
#include "stillframe/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_PARTS 20000u /* nodes of one report that are looked at */

/* What was borrowed belongs to the snapshot. */
static void use_borrowed(struct sf_error *err)
{
	use_error(sf_error_copy(err));
}

static void use_field(struct sf_field f, uint32_t *budget)
{
	struct sf_node n;
	uint64_t v;

	if (!sf_field_is_present(f))
		use_borrowed(sf_field_error(f));
	else if (sf_field_node(f, &n))
		use_node(&n, budget);
	use_borrowed(sf_field_as_u64(f, &v));
}

static void use_element(const struct sf_snap_elem *e, struct sf_bpf_owner *owner, uint32_t *budget)
{
	uint32_t n_cpus = sf_snap_elem_n_cpus(e);
	struct sf_node n;
	char hex[64];

	if (sf_snap_key(e, &n))
		use_node(&n, budget);
	else if (sf_snap_is_raw_key(e))
		abort();
	if (sf_snap_key_hex(e, hex, sizeof(hex)))
		use_text(hex);
	if (sf_snap_owner(e, owner)) {
		use_text(owner->comm);
		use_text(owner->path);
	}
	if (!sf_snap_is_percpu(e->map)) {
		n = sf_snap_value(e);
		if (sf_snap_is_raw_value(e) && !sf_snap_has_value(e))
			abort();
		use_node(&n, budget);
	}
	if (n_cpus > sf_snap_n_cpus(e->map) || sf_snap_cpu_value(e, n_cpus, &n))
		abort();
	for (uint32_t cpu = 0; cpu < sf_min(n_cpus, 64u); cpu++)
		if (sf_snap_cpu_value(e, cpu, &n))
			use_node(&n, budget);
}

static void use_map(const struct sf_snap_map *m, struct sf_map map, struct sf_bpf_owner *owner, uint32_t *budget)
{
	struct sf_snap_cursor c = sf_snap_elems(m);
	struct sf_snap_elem e, same;
	size_t n = 0, len = sf_snap_map_len(m);

	for (; sf_snap_next(&c, &e); n++) {
		if (!sf_snap_at(m, n, &same) || same.doc != e.doc || e.at.position != n)
			abort();
		if (n < 64)
			use_element(&e, owner, budget);
	}
	if (n != len || sf_snap_at(m, n, &e))
		abort();
	use_borrowed(sf_map_error(map));
	for (size_t i = 0; i <= sf_min(len, (size_t)4); i++) {
		struct sf_entry entry = sf_map_at(map, i);

		use_field(sf_entry_get(entry, ""), budget);
		use_field(sf_entry_key(entry, ""), budget);
		use_field(sf_entry_get(sf_map_at(sf_map_cpu(map, i), 0), "a.b"), budget);
	}
}

static void use_records(struct sf_view view)
{
	const struct sf_task_enrichment *task;
	const struct sf_dsq_state *dsq;
	size_t n;

	sf_view_rq_scx_states(view, &n);
	sf_view_probe_counters(view, &n);
	dsq = sf_view_dsq_states(view, &n);
	for (size_t i = 0; i < n; i++)
		use_text(dsq[i].origin);
	task = sf_view_task_enrichments(view, &n);
	for (size_t i = 0; i < n; i++)
		use_text(task[i].comm);
	if (sf_view_scx_walker_unavailable(view))
		use_text(sf_view_scx_walker_unavailable(view));
	sf_view_per_cpu_time_at(view, 1);
}

static char *json_of(struct sf_snapshot *snap)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_frame_json(snap, NULL, &w);
	if (!sf_json_writer_finish(&w))
		abort();
	return out.text;
}

static void use_report(struct sf_snapshot *snap)
{
	struct sf_view view = sf_snapshot_view(snap);
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_bpf_owner *owner = malloc(sizeof(*owner));
	uint32_t budget = MAX_PARTS;
	size_t n = 0;

	assert(owner);
	for (size_t i = 0; i < maps.n; i++)
		use_map(&maps.v[i], sf_view_map_at(view, i), owner, &budget);
	use_field(sf_view_var(view, "nr"), &budget);
	use_field(sf_view_live_var(view, "nr"), &budget);
	use_records(view);
	sf_render_frame_text(snap, NULL, use_piece, &n);
	free(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SF_OWNED(frame) f = NULL;
	SF_OWNED(frame) g = NULL;
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(snapshot) again = NULL;
	struct sf_error *err = sf_frame_from_json((const char *)data, size, &f);

	if (err) {
		if (sf_error_code(err) != SF_BAD_INPUT || f)
			abort();
		use_error(err);
		return 0;
	}
	if (sf_snapshot_new(f, &snap))
		abort();
	use_report(snap);
	_cleanup_free_ char *first = json_of(snap);

	if (sf_frame_from_json(first, strlen(first), &g) || sf_snapshot_new(g, &again))
		abort();
	_cleanup_free_ char *second = json_of(again);

	if (strcmp(first, second))
		abort();
	return 0;
}

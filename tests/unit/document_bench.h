/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_DOCUMENT_BENCH_H
#define SF_TESTS_DOCUMENT_BENCH_H

/* For tests of reports that are read: one by hand, and what is asked of it. */

#include "render_bench.h"

struct doc {
	struct sf_frame *frame;
	struct sf_snapshot *snap;
	struct sf_view view;
};

static inline struct doc doc_of_n(const char *json, size_t len)
{
	struct doc d = { 0 };

	assert_ok(sf_frame_from_json(json, len, &d.frame));
	assert_ok(sf_snapshot_new(d.frame, &d.snap));
	d.view = sf_snapshot_view(d.snap);
	return d;
}

static inline struct doc doc_of(const char *json)
{
	return doc_of_n(json, strlen(json));
}

static inline void doc_end(struct doc *d)
{
	sf_snapshot_free(d->snap);
	sf_frame_unref(d->frame);
}
#define _cleanup_doc_ _cleanup_(doc_end)

static inline char *frame_json(struct sf_snapshot *snap, bool pretty)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, pretty);
	sf_render_frame_json(snap, NULL, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

static inline char *frame_text(struct sf_snapshot *snap)
{
	struct sf_json_buffer out = { 0 };

	assert_true(sf_render_frame_text(snap, NULL, sf_json_buffer_sink, &out));
	return taken(&out);
}

static inline const struct sf_snap_map *doc_map(const struct doc *d, const char *name)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(d->snap);

	for (size_t i = 0; i < maps.n; i++)
		if (!strcmp(maps.v[i].listed->name, name))
			return &maps.v[i];
	fail_msg("no map %s", name);
	return NULL;
}

/* Parts of JSON. */
#define REPORT(maps) "{\"schema\":\"single\",\"maps\":[" maps "]}"

#endif

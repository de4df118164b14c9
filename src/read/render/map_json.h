/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_MAP_JSON_H
#define SF_RENDER_MAP_JSON_H

/* One map as JSON, in the two forms there are, and what they share. */

#include "entries.h"

/* What 0 of an option means for JSON. */
void sf_json_walk_init(struct sf_walk *w, const struct sf_render_options *opt);

/* One map of many: @w keeps the options. */
void sf_map_json(struct sf_walk *w, const struct sf_snap_map *map, struct sf_json_writer *json);

/* Of a map that is of a report (document_json.c): as the report has it, whatever the limits are. */
void sf_document_map_json(const struct sf_walk *w, const struct sf_snap_map *map, struct sf_json_writer *json);

/* Members of a map: what it is, "torn". */
void sf_map_json_head(const struct sf_snap_map *map, struct sf_json_writer *json);
void sf_map_json_torn(const struct sf_bpf_torn *torn, struct sf_json_writer *json);

/* Records of a frame beside its maps, and why there are none. */
void sf_records_json(const struct sf_frame *frame, struct sf_json_writer *json);

/* "owner": what a value of local storage belongs to. */
void sf_owner_json(const struct sf_bpf_owner *owner, struct sf_json_writer *json);

/* Pieces of the bytes at @kva, page by page; NULL: they cannot be read. */
typedef void sf_bytes_fn(void *arg, const uint8_t *bytes, size_t n);
void sf_bytes_each(struct sf_vmem *vm, uint64_t kva, uint64_t len, sf_bytes_fn *fn, void *arg);

static inline void sf_json_put_str_opt(struct sf_json_writer *json, const char *key, const char *v)
{
	if (v && *v)
		sf_json_put_str(json, key, v);
}

static inline void sf_json_put_u64_opt(struct sf_json_writer *json, const char *key, uint64_t v)
{
	if (v)
		sf_json_put_u64(json, key, v);
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_RENDER_H
#define SF_RENDER_RENDER_H

/*
 * A snapshot for people and for programs: text and JSON. Both stream: memory is O(depth of a value), however large the
 * map. Nothing here decides what is in a frame; what could not be read is said in its place.
 *
 * Values are hostile: pointers may lead in circles and types may contain themselves. So depth, pointers in a row,
 * elements and, over all, the parts of one value are limited; where a limit cuts, the output says so.
 */

#include "base/json.h"
#include "snapshot/snapshot.h"

#define SF_RENDER_MAX_DEPTH 96u /* of nesting, whatever the options say: JSON of it stays within SF_JSON_DEPTH */

struct sf_render_options {
	uint32_t width;         /* columns of a line; 0: 120 */
	uint32_t max_elements;  /* of one array; 0: 4096. What is left out is counted and said */
	uint32_t max_entries;   /* of one map; 0: 4096 in text, in JSON all of them */
	uint32_t max_depth;     /* of nesting and pointers; 0: 32 */
	uint32_t max_hops;      /* pointers followed in a row; 0: 1. CPU masks are followed to from anywhere */
	uint32_t max_bytes;     /* of a value without a type; 0: 65536, of which text shows 4096 */
	uint32_t max_object;    /* bytes of a kernel object that a pointer is followed into; 0: 256. Of a larger one: its name */
	uint64_t max_parts;     /* of one value: members, elements, targets; 0: 4194304 */
	bool show_zero;         /* text: members that are all zero, and printk formats, too */
};

/* Receives text in pieces; false stops. */
typedef bool sf_render_sink(void *arg, const char *text, size_t len);

/*
 * One value as text; @indent levels of two spaces for lines after the first. No newline at the end. Here and below @opt
 * may be NULL (all defaults), and false is: the sink stopped.
 */
bool sf_render_value_text(const struct sf_node *n, const struct sf_render_options *opt, unsigned int indent,
			  sf_render_sink *sink, void *arg);
/* One map: header line, then its values. */
bool sf_render_map_text(const struct sf_snap_map *map, const struct sf_render_options *opt, sf_render_sink *sink,
			void *arg);
/* The whole frame: what it is, maps, vCPUs, what is missing and why. */
bool sf_render_frame_text(struct sf_snapshot *snap, const struct sf_render_options *opt, sf_render_sink *sink, void *arg);

/* The same as JSON; docs/values.md and docs/report.schema.json have the keys. Of @opt the limits count. */
void sf_render_value_json(const struct sf_node *n, const struct sf_render_options *opt, struct sf_json_writer *w);
void sf_render_map_json(const struct sf_snap_map *map, const struct sf_render_options *opt, struct sf_json_writer *w);
void sf_render_frame_json(struct sf_snapshot *snap, const struct sf_render_options *opt, struct sf_json_writer *w);

/*
 * The same in the shape of `bpftool -j map dump`: a list of elements for one map, a list of maps with their elements for
 * a frame. One map leaves no place to say what is missing from it: @ret_why (may be NULL) gets that.
 */
void sf_render_map_plain(const struct sf_snap_map *map, const struct sf_render_options *opt, struct sf_json_writer *w,
			 struct sf_text *ret_why);
void sf_render_frame_plain(struct sf_snapshot *snap, const struct sf_render_options *opt, struct sf_json_writer *w);

#endif

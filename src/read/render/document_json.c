/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps of a report as JSON: what came in. Values go through the same code as all others, without its limits but for that
 * of nesting: what a report holds was limited when it was written, and leads in no circles.
 */

#include "map_json.h"
#include "value_json.h"

static void put_node(struct sf_walk *w, const char *key, const struct sf_node *n, struct sf_json_writer *json)
{
	if (!n->ops)
		return;
	sf_json_key(json, key);
	sf_value_json(w, n, json);
}

static void put_str(struct sf_json_writer *json, const char *key, const char *text)
{
	if (text)
		sf_json_put_str(json, key, text);
}

static void put_owner(const struct sf_doc_owner *o, struct sf_json_writer *json)
{
	static const char *const kinds[] = {
		[SF_BPF_OWNER_TASK] = "task", [SF_BPF_OWNER_CGROUP] = "cgroup", [SF_BPF_OWNER_INODE] = "inode",
		[SF_BPF_OWNER_SOCK] = "sock",
	};

	sf_json_key(json, "owner");
	sf_json_begin_object(json);
	sf_json_put_str(json, "kind", kinds[o->kind]);
	sf_json_put_u64(json, "kva", o->kva);
	if (!o->is_readable) {
		sf_json_put_bool(json, "unreadable", true);
	} else if (o->kind == SF_BPF_OWNER_TASK) {
		sf_json_key(json, "pid");
		sf_json_i64(json, o->pid);
		sf_json_key(json, "tgid");
		sf_json_i64(json, o->tgid);
		sf_json_put_str(json, "comm", o->comm);
	} else if (o->kind == SF_BPF_OWNER_CGROUP) {
		sf_json_put_u64(json, "id", o->id);
		sf_json_put_str(json, "path", o->path);
		if (o->path_cut)
			sf_json_put_bool(json, "path_cut", true);
	} else if (o->kind == SF_BPF_OWNER_INODE) {
		sf_json_put_u64(json, "ino", o->id);
	} else {
		sf_json_put_u64(json, "family", o->family);
		sf_json_put_u64(json, "port", o->port);
	}
	sf_json_end_object(json);
}

static void put_cpus(struct sf_walk *w, const struct sf_doc_entry *e, struct sf_json_writer *json)
{
	sf_json_key(json, "per_cpu");
	sf_json_begin_array(json);
	for (uint32_t cpu = 0; cpu < e->n_cpus && !json->failed; cpu++) {
		if (e->per_cpu[cpu].ops)
			sf_value_json(w, &e->per_cpu[cpu], json);
		else
			sf_json_null(json);
	}
	sf_json_end_array(json);
}

static void put_entry(struct sf_walk *w, enum sf_doc_list list, const struct sf_doc_entry *e, struct sf_json_writer *json)
{
	bool is_hash = list == SF_DOC_HASH || list == SF_DOC_PERCPU_HASH;

	sf_json_begin_object(json);
	if (!is_hash)
		sf_json_put_u64(json, "key", e->index);
	if (is_hash && !e->is_key_raw)
		put_node(w, "key", &e->key, json);
	if (is_hash)
		put_str(json, "key_hex", e->key_hex);
	if (e->owner)
		put_owner(e->owner, json);
	if (!e->is_value_raw)
		put_node(w, "value", &e->value, json);
	put_str(json, "value_hex", e->value_hex);
	if (list == SF_DOC_PERCPU_ARRAY || list == SF_DOC_PERCPU_HASH)
		put_cpus(w, e, json);
	sf_json_end_object(json);
}

static void put_entries(struct sf_walk *w, const struct sf_doc_map *doc, struct sf_json_writer *json)
{
	static const char *const names[SF_DOC_N_LISTS] = {
		[SF_DOC_PERCPU_ARRAY] = "percpu_entries", [SF_DOC_PERCPU_HASH] = "percpu_hash_entries",
		[SF_DOC_HASH] = "entries", [SF_DOC_ARRAY] = "array_entries",
	};

	if (doc->list == SF_DOC_VALUE) {
		put_node(w, "value", &doc->v->value, json);
	} else if (names[doc->list]) {
		sf_json_key(json, names[doc->list]);
		sf_json_begin_array(json);
		for (size_t i = 0; i < doc->n && !json->failed; i++)
			put_entry(w, doc->list, &doc->v[i], json);
		sf_json_end_array(json);
	}
}

void sf_document_map_json(const struct sf_walk *like, const struct sf_snap_map *map, struct sf_json_writer *json)
{
	struct sf_render_options opt = like->opt;
	struct sf_walk w;

	opt.max_elements = opt.max_hops = opt.max_bytes = UINT32_MAX;
	opt.max_depth = SF_RENDER_MAX_DEPTH;
	opt.max_parts = UINT64_MAX;
	sf_walk_init(&w, &opt);
	sf_json_begin_object(json);
	sf_map_json_head(map, json);
	put_entries(&w, map->doc, json);
	if (map->doc->has_torn)
		sf_map_json_torn(&map->doc->torn, json);
	put_str(json, "error", map->error);
	sf_json_end_object(json);
}

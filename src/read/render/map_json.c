/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A map as JSON; docs/report.schema.json is the other side of this file.
 */

#include "json_plan.h"
#include "map_json.h"
#include "value_json.h"

#define PLAN_FROM 3 /* values of a map before a plan for the others is worth it */

/* Values of one type at one depth. */
struct alike {
	uint32_t n_seen;
	struct sf_json_plan *plan;
};

struct put {
	struct sf_walk *w;
	struct sf_entries *it;
	struct sf_json_writer *json;
	struct alike keys, values;
};

void sf_json_walk_init(struct sf_walk *w, const struct sf_render_options *opt)
{
	struct sf_render_options o = opt ? *opt : (struct sf_render_options){ 0 };

	/* A program reads all of it, and what streams costs no memory. */
	if (!o.max_entries)
		o.max_entries = UINT32_MAX;
	sf_walk_init(w, &o);
}

/* ---- parts of an entry -------------------------------------------------------------------------------------- */

void sf_bytes_each(struct sf_vmem *vm, uint64_t kva, uint64_t len, sf_bytes_fn *fn, void *arg)
{
	while (len) {
		size_t at = kva & (SF_PAGE_SIZE - 1), n = (size_t)sf_min(len, (uint64_t)SF_PAGE_SIZE - at);
		const uint8_t *page = sf_vmem_page(vm, kva, NULL);

		fn(arg, page ? page + at : NULL, n);
		kva += n;
		len -= n;
	}
}

static void put_hex_piece(void *arg, const uint8_t *bytes, size_t n)
{
	sf_json_str_hex(arg, bytes, n);
}

static void put_hex(struct put *p, const char *key, uint64_t kva, uint64_t len)
{
	sf_json_key(p->json, key);
	sf_json_begin_str(p->json);
	sf_bytes_each(p->it->map->types.vm, kva, sf_min(len, (uint64_t)p->w->opt.max_bytes), put_hex_piece, p->json);
	sf_json_end_str(p->json);
}

static void put_node(struct put *p, struct alike *alike, const struct sf_node *n)
{
	if (alike->n_seen <= PLAN_FROM && alike->n_seen++ == PLAN_FROM)
		alike->plan = sf_json_plan_new(p->w, n, p->json);
	if (!sf_json_plan_put(alike->plan, p->w, n, p->json))
		sf_value_json(p->w, n, p->json);
}

static void put_value(struct put *p, const struct sf_node *n)
{
	sf_json_key(p->json, "value");
	put_node(p, &p->values, n);
}

/* The address only: what it leads to would be the whole of a task in every entry, and `owner` says who it is. */
static void put_owner_key(struct put *p, uint64_t kva)
{
	sf_json_key(p->json, "key");
	sf_json_begin_object(p->json);
	sf_json_put_str(p->json, "kind", sf_kind_name(SF_PTR));
	sf_json_put_u64(p->json, "value", kva);
	sf_json_end_object(p->json);
	sf_json_key(p->json, "key_hex");
	sf_json_begin_str(p->json);
	sf_json_str_hex(p->json, &kva, sizeof(kva));
	sf_json_end_str(p->json);
}

static void put_key(struct put *p, const struct sf_listed_entry *e)
{
	if (p->it->map->listed->map.shape == SF_BPF_STORAGE) {
		put_owner_key(p, e->elem.at.owner);
		return;
	}
	if (!e->has_key)
		return;
	/* Without a type the two would say the same. */
	if (sf_node_kind(&e->key) != SF_BYTES) {
		sf_json_key(p->json, "key");
		put_node(p, &p->keys, &e->key);
	}
	put_hex(p, "key_hex", e->key.at, e->key.had);
}

static void put_owner_names(const struct sf_bpf_owner *owner, struct sf_json_writer *json)
{
	switch (owner->kind) {
	case SF_BPF_OWNER_TASK:
		sf_json_key(json, "pid");
		sf_json_i64(json, owner->pid);
		sf_json_key(json, "tgid");
		sf_json_i64(json, owner->tgid);
		sf_json_key(json, "comm");
		sf_json_strn(json, owner->comm, strnlen(owner->comm, sizeof(owner->comm)));
		break;
	case SF_BPF_OWNER_CGROUP:
		sf_json_put_u64(json, "id", owner->id);
		sf_json_key(json, "path");
		sf_json_strn(json, owner->path, strnlen(owner->path, sizeof(owner->path)));
		if (owner->path_cut)
			sf_json_put_bool(json, "path_cut", true);
		break;
	case SF_BPF_OWNER_INODE:
		sf_json_put_u64(json, "ino", owner->id);
		break;
	case SF_BPF_OWNER_SOCK:
		sf_json_put_u64(json, "family", owner->family);
		sf_json_put_u64(json, "port", owner->port);
		break;
	}
}

void sf_owner_json(const struct sf_bpf_owner *owner, struct sf_json_writer *json)
{
	static const char *const kinds[] = {
		[SF_BPF_OWNER_TASK] = "task", [SF_BPF_OWNER_CGROUP] = "cgroup", [SF_BPF_OWNER_INODE] = "inode",
		[SF_BPF_OWNER_SOCK] = "sock",
	};

	sf_json_key(json, "owner");
	sf_json_begin_object(json);
	sf_json_put_str(json, "kind", kinds[owner->kind]);
	sf_json_put_u64(json, "kva", owner->kva);
	if (owner->is_readable)
		put_owner_names(owner, json);
	else
		sf_json_put_bool(json, "unreadable", true);
	sf_json_end_object(json);
}

static void put_reason(struct sf_json_writer *json, const struct sf_trouble *why)
{
	char text[96];

	sf_trouble_text(why, text, sizeof(text));
	sf_json_begin_object(json);
	sf_json_put_str(json, "kind", sf_kind_name(SF_UNSUPPORTED));
	sf_json_put_str(json, "reason", text);
	sf_json_end_object(json);
}

/* null is a CPU that was never set up. */
static void put_cpus(struct put *p, const struct sf_listed_entry *e)
{
	uint32_t n = sf_snap_n_cpus(p->it->map);

	sf_json_key(p->json, "per_cpu");
	sf_json_begin_array(p->json);
	for (uint32_t cpu = 0; cpu < n && !p->json->failed; cpu++) {
		struct sf_trouble why;
		struct sf_node value;

		switch (sf_entries_cpu(p->it, e, cpu, &value, &why)) {
		case SF_CPU_VALUE:
			put_node(p, &p->values, &value);
			break;
		case SF_CPU_UNREADABLE:
			put_reason(p->json, &why);
			break;
		case SF_CPU_ABSENT:
			sf_json_null(p->json);
			break;
		}
	}
	sf_json_end_array(p->json);
}

/* ---- entries, by layout ------------------------------------------------------------------------------------- */

static void put_one_value(struct put *p, const struct sf_listed_entry *e)
{
	if (e->is_readable)
		put_value(p, &e->value);
}

static void put_array_entry(struct put *p, const struct sf_listed_entry *e)
{
	sf_json_put_u64(p->json, "key", e->index);
	if (e->is_readable)
		put_value(p, &e->value);
}

static void put_percpu_array_entry(struct put *p, const struct sf_listed_entry *e)
{
	sf_json_put_u64(p->json, "key", e->index);
	put_cpus(p, e);
}

static void put_hash_entry(struct put *p, const struct sf_listed_entry *e)
{
	put_key(p, e);
	if (e->owner)
		sf_owner_json(e->owner, p->json);
	if (!e->is_readable)
		return;
	if (sf_node_kind(&e->value) != SF_BYTES)
		put_value(p, &e->value);
	put_hex(p, "value_hex", e->value.at, e->value.had);
}

static void put_percpu_hash_entry(struct put *p, const struct sf_listed_entry *e)
{
	put_key(p, e);
	put_cpus(p, e);
}

static const struct layout {
	const char *list; /* NULL: what it puts stands in the map itself */
	void (*put)(struct put *p, const struct sf_listed_entry *e);
} layouts[SF_N_LAYOUTS] = {
	[SF_LAYOUT_VALUE] = { NULL, put_one_value },
	[SF_LAYOUT_ARRAY] = { "array_entries", put_array_entry },
	[SF_LAYOUT_PERCPU_ARRAY] = { "percpu_entries", put_percpu_array_entry },
	[SF_LAYOUT_HASH] = { "entries", put_hash_entry },
	[SF_LAYOUT_PERCPU_HASH] = { "percpu_hash_entries", put_percpu_hash_entry },
};

static void put_entries(struct put *p)
{
	const struct layout *layout = &layouts[p->it->layout];
	struct sf_listed_entry e;

	if (!layout->put)
		return;
	if (layout->list) {
		sf_json_key(p->json, layout->list);
		sf_json_begin_array(p->json);
	}
	while (!p->json->failed && sf_entries_next(p->it, &e)) {
		if (layout->list)
			sf_json_begin_object(p->json);
		layout->put(p, &e);
		if (layout->list)
			sf_json_end_object(p->json);
	}
	if (layout->list)
		sf_json_end_array(p->json);
}

/* ---- the map ------------------------------------------------------------------------------------------------ */

void sf_map_json_head(const struct sf_snap_map *map, struct sf_json_writer *json)
{
	const struct sf_bpf_map *m = &map->listed->map;

	sf_json_put_str(json, "name", map->listed->name);
	sf_json_put_u64(json, "map_id", m->id);
	sf_json_put_u64_opt(json, "map_kva", m->kva);
	sf_json_put_u64(json, "map_type", m->type);
	sf_json_put_str_opt(json, "map_type_name", sf_bpf_map_type_name(m->type));
	sf_json_put_u64_opt(json, "map_flags", m->flags);
	sf_json_put_u64(json, "key_size", m->key_size);
	sf_json_put_u64(json, "value_size", m->value_size);
	sf_json_put_u64(json, "max_entries", m->max_entries);
}

void sf_map_json_torn(const struct sf_bpf_torn *torn, struct sf_json_writer *json)
{
	sf_json_key(json, "torn");
	sf_json_begin_object(json);
	sf_json_put_u64(json, "buckets", torn->n_buckets);
	sf_json_put_u64(json, "chains", torn->n_chains);
	sf_json_put_u64(json, "superseded", torn->n_superseded);
	sf_json_put_bool(json, "capped", torn->capped);
	sf_json_end_object(json);
}

void sf_map_json(struct sf_walk *w, const struct sf_snap_map *map, struct sf_json_writer *json)
{
	_cleanup_entries_ struct sf_entries it = sf_entries_of(map, w->opt.max_entries);
	_cleanup_text_ struct sf_text error = { 0 };
	const struct sf_bpf_torn *torn = &it.cursor.c.torn;
	struct put p = { .w = w, .it = &it, .json = json };

	if (map->doc) {
		sf_document_map_json(w, map, json);
		return;
	}
	sf_walk_map(w, map->listed->map.value_len);
	sf_json_begin_object(json);
	sf_map_json_head(map, json);
	put_entries(&p);
	sf_json_plan_free(p.keys.plan);
	sf_json_plan_free(p.values.plan);
	if (torn->n_buckets || torn->n_chains || torn->n_superseded || torn->capped)
		sf_map_json_torn(torn, json);
	if (sf_entries_error(&it, &error)) {
		sf_json_key(json, "error");
		sf_json_strn(json, error.v, error.n);
	}
	sf_json_end_object(json);
}

void sf_render_map_json(const struct sf_snap_map *map, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_walk w;

	sf_json_walk_init(&w, opt);
	sf_map_json(&w, map, json);
}

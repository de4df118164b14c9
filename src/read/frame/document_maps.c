/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps of a report.
 */

#include <stdatomic.h>

#include "document_private.h"

/* ---- owners ------------------------------------------------------------------------------------------------- */

static const char *const owner_kinds[] = {
	[SF_BPF_OWNER_TASK] = "task", [SF_BPF_OWNER_CGROUP] = "cgroup", [SF_BPF_OWNER_INODE] = "inode",
	[SF_BPF_OWNER_SOCK] = "sock",
};

static struct sf_error *read_owner_names(const struct sf_spot *at, struct sf_doc_owner *o)
{
	uint32_t family = 0, port = 0;

	switch (o->kind) {
	case SF_BPF_OWNER_TASK:
		SF_TRY(sf_spot_i32(at, "pid", SF_NEEDED, &o->pid));
		o->tgid = o->pid;
		SF_TRY(sf_spot_i32(at, "tgid", SF_OPTIONAL, &o->tgid));
		return sf_spot_str(at, "comm", SF_OPTIONAL, &o->comm);
	case SF_BPF_OWNER_CGROUP:
		SF_TRY(sf_spot_u64(at, "id", SF_OPTIONAL, UINT64_MAX, &o->id));
		SF_TRY(sf_spot_bool(at, "path_cut", &o->path_cut));
		return sf_spot_str(at, "path", SF_OPTIONAL, &o->path);
	case SF_BPF_OWNER_INODE:
		return sf_spot_u64(at, "ino", SF_OPTIONAL, UINT64_MAX, &o->id);
	case SF_BPF_OWNER_SOCK:
		break;
	}
	SF_TRY(sf_spot_u32(at, "family", SF_OPTIONAL, &family));
	SF_TRY(sf_spot_u32(at, "port", SF_OPTIONAL, &port));
	if (family > UINT16_MAX || port > UINT16_MAX)
		return sf_spot_wrong(at, family > UINT16_MAX ? "family" : "port", "an integer from 0 to 65535");
	o->family = (uint16_t)family;
	o->port = (uint16_t)port;
	return NULL;
}

static struct sf_error *read_owner(const struct sf_spot *entry, const struct sf_doc_owner **ret)
{
	struct sf_doc_owner *o;
	bool unreadable = false;
	struct sf_spot at;
	const char *kind;

	SF_TRY(sf_spot_below(entry, "owner", SF_OPTIONAL, &at));
	if (!at.json)
		return NULL;
	o = sf_arena_alloc(at.arena, sizeof(*o));
	if (!o)
		return sf_error_nomem();
	o->comm = o->path = "";
	kind = sf_json_member_str(at.json, "kind", "");
	for (o->kind = SF_BPF_OWNER_TASK; o->kind <= SF_BPF_OWNER_SOCK; o->kind++)
		if (!strcmp(owner_kinds[o->kind], kind))
			break;
	if (o->kind > SF_BPF_OWNER_SOCK)
		return sf_spot_wrong(&at, "kind", "\"task\", \"cgroup\", \"inode\" or \"sock\"");
	SF_TRY(sf_spot_u64(&at, "kva", SF_OPTIONAL, UINT64_MAX, &o->kva));
	SF_TRY(sf_spot_bool(&at, "unreadable", &unreadable));
	o->is_readable = !unreadable;
	*ret = o;
	return unreadable ? NULL : read_owner_names(&at, o);
}

/* ---- entries ------------------------------------------------------------------------------------------------ */

static struct sf_error *read_value(const struct sf_spot *at, const char *key, struct sf_node *ret)
{
	struct sf_spot value;

	SF_TRY(sf_spot_below(at, key, SF_OPTIONAL, &value));
	return value.json ? sf_tree_read(&value, ret) : NULL;
}

static bool is_hex(const char *p)
{
	static const char digits[] = "0123456789abcdef";

	for (; *p; p += p[2] ? 3 : 2) {
		bool unknown = p[0] == '?' && p[1] == '?';

		if (!unknown && (!strchr(digits, p[0]) || !p[1] || !strchr(digits, p[1])))
			return false;
		if (p[2] && (p[2] != ' ' || !p[3]))
			return false;
	}
	return true;
}

/* @key, and the bytes of it under @hex: where it was not rendered they are what there is. */
static struct sf_error *read_side(const struct sf_spot *at, const char *key, const char *hex_key, struct sf_node *ret,
				  const char **ret_hex, bool *ret_raw)
{
	SF_TRY(read_value(at, key, ret));
	SF_TRY(sf_spot_str(at, hex_key, SF_OPTIONAL, ret_hex));
	if (!*ret_hex)
		return NULL;
	if (!is_hex(*ret_hex))
		return sf_spot_wrong(at, hex_key, "bytes such as \"de ad\"");
	if (ret->ops || strchr(*ret_hex, '?'))
		return NULL;
	return sf_tree_bytes(at->arena, *ret_hex, ret, ret_raw);
}

static struct sf_error *read_cpus(const struct sf_spot *at, struct sf_doc_entry *ret)
{
	struct sf_spot list, e;
	struct sf_node *v;

	SF_TRY(sf_spot_list(at, "per_cpu", SF_NEEDED, &list));
	ret->per_cpu = v = sf_arena_alloc(at->arena, list.json->n * sizeof(*v));
	if (!v)
		return sf_error_nomem();
	ret->n_cpus = list.json->n;
	sf_spot_each(e, &list)
		if (e.json->type != SF_JSON_NULL)
			SF_TRY(sf_tree_read(&e, &v[e.index]));
	return NULL;
}

static struct sf_error *read_array_entry(const struct sf_spot *at, struct sf_doc_entry *ret)
{
	SF_TRY(sf_spot_u32(at, "key", SF_NEEDED, &ret->index));
	return read_value(at, "value", &ret->value);
}

static struct sf_error *read_percpu_entry(const struct sf_spot *at, struct sf_doc_entry *ret)
{
	SF_TRY(sf_spot_u32(at, "key", SF_NEEDED, &ret->index));
	return read_cpus(at, ret);
}

static struct sf_error *read_hash_entry(const struct sf_spot *at, struct sf_doc_entry *ret)
{
	SF_TRY(read_side(at, "key", "key_hex", &ret->key, &ret->key_hex, &ret->is_key_raw));
	SF_TRY(read_owner(at, &ret->owner));
	return read_side(at, "value", "value_hex", &ret->value, &ret->value_hex, &ret->is_value_raw);
}

static struct sf_error *read_percpu_hash_entry(const struct sf_spot *at, struct sf_doc_entry *ret)
{
	SF_TRY(read_side(at, "key", "key_hex", &ret->key, &ret->key_hex, &ret->is_key_raw));
	return read_cpus(at, ret);
}

/* In the order in which they are looked for: the first that has entries counts. */
static const struct list {
	const char *name;
	struct sf_error *(*read)(const struct sf_spot *at, struct sf_doc_entry *ret);
} lists[SF_DOC_N_LISTS] = {
	[SF_DOC_PERCPU_ARRAY] = { "percpu_entries", read_percpu_entry },
	[SF_DOC_PERCPU_HASH] = { "percpu_hash_entries", read_percpu_hash_entry },
	[SF_DOC_HASH] = { "entries", read_hash_entry },
	[SF_DOC_ARRAY] = { "array_entries", read_array_entry },
};

static struct sf_error *read_list(const struct sf_spot *list, enum sf_doc_list which, struct sf_doc_map *m)
{
	struct sf_doc_entry *v = sf_arena_alloc(list->arena, list->json->n * sizeof(*v));
	struct sf_spot e;

	if (!v)
		return sf_error_nomem();
	m->list = which;
	m->v = v;
	m->n = list->json->n;
	sf_spot_each(e, list) {
		SF_TRY(sf_spot_object(&e));
		SF_TRY(lists[which].read(&e, &v[e.index]));
		m->n_cpus = sf_max(m->n_cpus, v[e.index].n_cpus);
	}
	return NULL;
}

static struct sf_error *read_one_value(const struct sf_spot *at, struct sf_doc_map *m)
{
	struct sf_doc_entry *entry = sf_arena_alloc(at->arena, sizeof(*entry));

	if (!entry)
		return sf_error_nomem();
	m->list = SF_DOC_VALUE;
	m->v = entry;
	m->n = 1;
	return read_value(at, "value", &entry->value);
}

static struct sf_error *read_entries(const struct sf_spot *at, struct sf_doc_map *m)
{
	struct sf_spot list[SF_DOC_N_LISTS] = { 0 };
	enum sf_doc_list first = SF_DOC_NONE;

	for (int i = SF_DOC_PERCPU_ARRAY; i <= SF_DOC_ARRAY; i++) {
		SF_TRY(sf_spot_list(at, lists[i].name, SF_OPTIONAL, &list[i]));
		if (list[i].json && list[i].json->n)
			return read_list(&list[i], i, m);
		if (list[i].json && !first)
			first = i;
	}
	if (sf_spot_member(at, "value"))
		return read_one_value(at, m);
	return first ? read_list(&list[first], first, m) : NULL;
}

/* ---- the map ------------------------------------------------------------------------------------------------ */

static struct sf_error *read_torn(const struct sf_spot *map, struct sf_doc_map *m)
{
	struct sf_spot at;

	SF_TRY(sf_spot_below(map, "torn", SF_OPTIONAL, &at));
	if (!at.json)
		return NULL;
	m->has_torn = true;
	SF_TRY(sf_spot_u64(&at, "buckets", SF_OPTIONAL, UINT64_MAX, &m->torn.n_buckets));
	SF_TRY(sf_spot_u64(&at, "chains", SF_OPTIONAL, UINT64_MAX, &m->torn.n_chains));
	SF_TRY(sf_spot_u64(&at, "superseded", SF_OPTIONAL, UINT64_MAX, &m->torn.n_superseded));
	return sf_spot_bool(&at, "capped", &m->torn.capped);
}

/* What a map of memory would have been, to hold these entries. */
static enum sf_bpf_shape shape_of(const struct sf_doc_map *m)
{
	switch (m->list) {
	case SF_DOC_PERCPU_ARRAY:
		return SF_BPF_PERCPU_ARRAY;
	case SF_DOC_PERCPU_HASH:
		return SF_BPF_PERCPU_HASH;
	case SF_DOC_HASH:
		for (size_t i = 0; i < m->n; i++)
			if (m->v[i].owner)
				return SF_BPF_STORAGE;
		return SF_BPF_HASH;
	case SF_DOC_ARRAY:
		return SF_BPF_ARRAY;
	case SF_DOC_VALUE:
		return m->map.type == SF_BPF_MAP_TYPE_STRUCT_OPS ? SF_BPF_STRUCT_OPS : SF_BPF_ARRAY;
	default:
		return SF_BPF_UNREAD;
	}
}

static struct sf_error *read_map(const struct sf_spot *at, struct sf_doc_map *m)
{
	struct sf_bpf_map *b = &m->map;

	SF_TRY(sf_spot_object(at));
	SF_TRY(sf_spot_str(at, "name", SF_NEEDED, &m->name));
	SF_TRY(sf_spot_u32(at, "map_id", SF_OPTIONAL, &b->id));
	SF_TRY(sf_spot_u64(at, "map_kva", SF_OPTIONAL, UINT64_MAX, &b->kva));
	SF_TRY(sf_spot_u32(at, "map_type", SF_OPTIONAL, &b->type));
	SF_TRY(sf_spot_u32(at, "map_flags", SF_OPTIONAL, &b->flags));
	SF_TRY(sf_spot_u32(at, "key_size", SF_OPTIONAL, &b->key_size));
	SF_TRY(sf_spot_u32(at, "value_size", SF_OPTIONAL, &b->value_size));
	SF_TRY(sf_spot_u32(at, "max_entries", SF_OPTIONAL, &b->max_entries));
	SF_TRY(sf_spot_str(at, "error", SF_OPTIONAL, &m->error));
	SF_TRY(read_torn(at, m));
	SF_TRY(read_entries(at, m));
	b->shape = shape_of(m);
	b->value_len = b->value_size;
	if (!m->n)
		b->unread = m->error;
	return NULL;
}

static struct sf_error *read_maps(const struct sf_spot *list, struct sf_frame_map *v)
{
	struct sf_spot e;

	sf_spot_each(e, list) {
		struct sf_doc_map *m = sf_arena_alloc(list->arena, sizeof(*m));

		if (!m)
			return sf_error_nomem();
		SF_TRY(read_map(&e, m));
		v[e.index] = (struct sf_frame_map){ .map = m->map, .name = m->name, .doc = m };
	}
	return NULL;
}

struct sf_error *sf_document_maps(const struct sf_spot *at, struct sf_frame *f)
{
	struct sf_frame_maps *maps = calloc(1, sizeof(*maps));
	struct sf_spot list;

	if (!maps)
		return sf_error_nomem();
	/* From here on the frame's, whatever comes. */
	atomic_init(&f->maps, maps);
	SF_TRY(sf_spot_bool(at, "maps_capped", &maps->stats.capped));
	SF_TRY(sf_spot_list(at, "maps", f->info.is_placeholder ? SF_OPTIONAL : SF_NEEDED, &list));
	if (!list.json)
		return NULL;
	maps->v = calloc(list.json->n + 1, sizeof(*maps->v));
	if (!maps->v)
		return sf_error_nomem();
	maps->n = list.json->n;
	maps->stats.n_objects = list.json->n;
	return read_maps(&list, (struct sf_frame_map *)maps->v);
}

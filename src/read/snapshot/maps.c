/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps, and their entries by position.
 */

#include "snapshot_private.h"

bool sf_map_snap(struct sf_map map, const struct sf_snap_map **ret)
{
	struct map m = unseal_map(&map);

	if (!m.map)
		return false;
	*ret = m.map;
	return true;
}

bool sf_map_info(struct sf_map map, struct sf_map_info *ret)
{
	struct map m = unseal_map(&map);

	if (!m.map)
		return false;
	const struct sf_bpf_map *b = &m.map->listed->map;
	struct sf_map_info info = {
		.size = ret->size,
		.name = m.map->listed->name,
		.kva = b->kva,
		.id = b->id,
		.type = b->type,
		.flags = b->flags,
		.type_name = sf_bpf_map_type_name(b->type),
		.key_size = b->key_size,
		.value_size = b->value_size,
		.max_entries = b->max_entries,
	};
	memcpy(ret, &info, sf_min(ret->size, sizeof(info)));
	return true;
}

struct sf_error *sf_map_error(struct sf_map map)
{
	struct map m = unseal_map(&map);

	if (m.map && (m.map->unread || m.map->error || m.map->listed->no_btf) && !m.failure.slot)
		m.failure = sf_fail_incomplete(m.snap, m.map);
	else if (m.map && !m.failure.slot && sf_snap_map_torn(m.map))
		m.failure = sf_fail_torn(m.snap, m.map);
	return sf_failure_error(m.snap, &m.failure);
}

struct sf_map sf_map_cpu(struct sf_map map, uint64_t cpu)
{
	struct map m = unseal_map(&map);

	/* One more is kept; the last number there is stands for all that no CPU can have. */
	if (m.map && sf_snap_is_percpu(m.map))
		m.cpu = sf_min(cpu, (uint64_t)UINT32_MAX) + 1;
	return seal_map(&m);
}

size_t sf_map_len(struct sf_map map)
{
	struct map m = unseal_map(&map);

	return m.map ? sf_snap_map_len(m.map) : 0;
}

/* An entry that was narrowed to a CPU which has no value of its own, or of which it is not known where that is. */
static struct failure check_cpu(const struct map *m, const struct sf_snap_elem *elem)
{
	struct sf_node value;

	if (!m->cpu || sf_snap_cpu_value(elem, (uint32_t)(m->cpu - 1), &value))
		return (struct failure){ 0 };
	return sf_fail_cpu_value(m->snap, elem, m->cpu - 1);
}

struct entry sf_map_entry(const struct map *m, const struct sf_snap_elem *elem)
{
	return (struct entry){
		.snap = m->snap, .failure = check_cpu(m, elem), .map = m->map, .index = elem->at.position,
		.kva = elem->at.kva, .cpu = m->cpu,
	};
}

struct failure sf_map_nothing(const struct map *m)
{
	if (m->map->unread || m->map->error)
		return sf_fail_incomplete(m->snap, m->map);
	if (sf_snap_map_torn(m->map))
		return sf_fail_torn(m->snap, m->map);
	return (struct failure){ 0 };
}

struct sf_entry sf_map_at(struct sf_map map, size_t position)
{
	struct map m = unseal_map(&map);
	struct entry e = { .snap = m.snap, .failure = m.failure, .map = m.map, .index = position, .cpu = m.cpu };
	struct sf_snap_elem elem;
	size_t len;

	if (!m.map)
		return seal_entry(&e);
	if (sf_snap_at(m.map, position, &elem)) {
		e = sf_map_entry(&m, &elem);
		return seal_entry(&e);
	}
	len = sf_snap_map_len(m.map);
	if (!len)
		e.failure = sf_map_nothing(&m);
	if (!e.failure.slot)
		e.failure = sf_fail_index(m.snap, m.map->listed->name, position, len);
	return seal_entry(&e);
}

/* ---- an entry ------------------------------------------------------------------------------------------------------- */

enum sf_entry_kind sf_entry_kind(struct sf_entry entry)
{
	struct entry e = unseal_entry(&entry);

	if (e.failure.slot || !e.map)
		return SF_ENTRY_MISSING;
	if (e.cpu)
		return SF_ENTRY_VALUE;
	switch (e.map->listed->map.shape) {
	case SF_BPF_PERCPU_ARRAY:
		return SF_ENTRY_PERCPU;
	case SF_BPF_PERCPU_HASH:
		return SF_ENTRY_PERCPU_HASH;
	case SF_BPF_HASH:
	case SF_BPF_STORAGE:
		return SF_ENTRY_HASH;
	default:
		return SF_ENTRY_VALUE;
	}
}

bool sf_entry_is_present(struct sf_entry entry)
{
	return !unseal_entry(&entry).failure.slot;
}

struct sf_error *sf_entry_error(struct sf_entry entry)
{
	struct entry e = unseal_entry(&entry);

	return sf_failure_error(e.snap, &e.failure);
}

/* Keys and values of hashes that nobody has a type for are not dumped; those of arrays are the only way to text. */
static bool is_hash(const struct sf_snap_map *map)
{
	return map->listed->map.shape == SF_BPF_HASH || map->listed->map.shape == SF_BPF_PERCPU_HASH;
}

struct failure sf_entry_value(const struct entry *e, struct sf_node *ret)
{
	struct sf_snap_elem elem;

	/* Bytes that should have a type and do not: better said than dumped. */
	if (e->map->listed->no_btf)
		return sf_fail_incomplete(e->snap, e->map);
	elem = sf_snap_elem_of(e);
	if (sf_snap_is_percpu(e->map)) {
		if (!e->cpu)
			return sf_fail_not_narrowed(e->snap, e->map);
		if (!sf_snap_cpu_value(&elem, (uint32_t)(e->cpu - 1), ret))
			return sf_fail_cpu_value(e->snap, &elem, e->cpu - 1);
		return (struct failure){ 0 };
	}
	if (elem.at.fault)
		return sf_fail_memory(e->snap, &(struct sf_trouble){ .fault = elem.at.fault, .addr = e->kva });
	if (!sf_snap_has_value(&elem) || (is_hash(e->map) && sf_snap_is_raw_value(&elem)))
		return sf_fail_no_rendered(e->snap, "value");
	*ret = sf_snap_value(&elem);
	return (struct failure){ 0 };
}

struct sf_field sf_entry_get(struct sf_entry entry, const char *path)
{
	struct entry e = unseal_entry(&entry);
	struct field f = { .snap = e.snap, .failure = e.failure };

	if (!f.failure.slot)
		f.failure = sf_entry_value(&e, &f.node);
	return f.failure.slot ? seal_field(&f) : sf_field_walk(e.snap, &f.node, path);
}

struct sf_field sf_entry_key(struct sf_entry entry, const char *path)
{
	struct entry e = unseal_entry(&entry);
	struct field f = { .snap = e.snap, .failure = e.failure };
	struct sf_snap_elem elem;
	struct sf_node key;

	if (e.failure.slot)
		return seal_field(&f);
	elem = sf_snap_elem_of(&e);
	f.kind = sf_snap_is_percpu(e.map) ? FIELD_PERCPU_INDEX : FIELD_INDEX;
	f.index = sf_snap_index(&elem);
	if (e.map->is_single || e.cpu)
		f.failure = sf_fail_type_at(e.snap, "key", "a single value, which has no key", path);
	else if (sf_snap_lacks_key(&elem) || (is_hash(e.map) && sf_snap_is_raw_key(&elem)))
		f.failure = sf_fail_no_rendered(e.snap, "key");
	else if (sf_snap_key(&elem, &key))
		return sf_field_walk(e.snap, &key, path);
	else if (path[0])
		f.failure = sf_fail_type_at(e.snap, "Struct", sf_index_label(f.kind), path);
	return seal_field(&f);
}

static void name_owner(const struct sf_bpf_owner *owner, struct sf_owner *ret)
{
	ret->pid = owner->pid;
	ret->tgid = owner->tgid;
	ret->id = owner->id;
	ret->family = owner->family;
	ret->port = owner->port;
	sf_text_escape(owner->comm, ret->comm, sizeof(ret->comm));
	sf_text_escape(owner->path, ret->path, sizeof(ret->path));
	/* What is escaped takes up to four bytes: one more did not fit, or might not have. */
	ret->is_path_cut = owner->path_cut || strlen(ret->path) + 4 >= sizeof(ret->path);
}

bool sf_entry_owner(struct sf_entry entry, struct sf_owner *ret)
{
	struct entry e = unseal_entry(&entry);
	_cleanup_free_ struct sf_bpf_owner *owner = malloc(sizeof(*owner));
	struct sf_owner o = { .size = ret->size };
	struct sf_snap_elem elem;

	if (!owner || e.failure.slot)
		return false;
	elem = sf_snap_elem_of(&e);
	if (!sf_snap_owner(&elem, owner))
		return false;
	o.kind = (enum sf_owner_kind)owner->kind;
	o.kva = owner->kva;
	o.is_readable = owner->is_readable;
	if (owner->is_readable)
		name_owner(owner, &o);
	memcpy(ret, &o, sf_min(ret->size, sizeof(o)));
	return true;
}

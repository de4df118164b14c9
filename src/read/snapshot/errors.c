/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of accessors. At the moment of failure only references are recorded (the snapshot, a node, positions in the
 * path); the lists of alternatives are made when somebody asks for them.
 */

#include "frame/capture.h"
#include "snapshot_private.h"

#define MAX_LISTED 4096

static struct sf_snapshot *owner(const struct sf_error *err)
{
	return err->owner;
}

static struct failure take(struct sf_snapshot *snap, enum sf_code code, sf_error_make_fn *make, const char *path,
			   struct sf_error **ret)
{
	struct sf_error *err = sf_error_ring_take(&snap->ring, code, make, snap, path, path ? strlen(path) : 0);

	if (ret)
		*ret = err;
	return (struct failure){
		.generation = err->generation,
		.slot = (uint16_t)(err - snap->ring.slots + 1),
		.code = (uint16_t)code,
	};
}

struct sf_error *sf_failure_error(struct sf_snapshot *snap, const struct failure *f)
{
	struct sf_error *err;

	if (!f->slot)
		return NULL;
	err = &snap->ring.slots[f->slot - 1];
	if (err->generation == f->generation)
		return err;
	take(snap, f->code, sf_error_make_gone, NULL, &err);
	return err;
}

/* ---- lists ------------------------------------------------------------------------------------------------ */

struct names {
	struct { const char **v; size_t n, cap; } list;
};

static void add_name(struct names *names, const char *name)
{
	const char **slot = names->list.n < MAX_LISTED ? sf_vec_push(&names->list) : NULL;

	if (slot)
		*slot = name;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_unique(struct names *names)
{
	size_t n = 0;

	if (!names->list.n)
		return;
	qsort(names->list.v, names->list.n, sizeof(*names->list.v), by_text);
	for (size_t i = 0; i < names->list.n; i++)
		if (!i || strcmp(names->list.v[n - 1], names->list.v[i]))
			names->list.v[n++] = names->list.v[i];
	names->list.n = n;
}

static void give(struct sf_error *err, struct names *names, struct sf_strv *ret)
{
	sf_error_strv(err, ret, names->list.v, names->list.n);
	free(names->list.v);
}

static void list_members(struct names *names, const struct sf_node *n)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	while (names->list.n < MAX_LISTED && sf_node_next_member(n, &it, &name, &member))
		add_name(names, name);
}

static const struct sf_snap_map *section_with(struct sf_snapshot *snap, size_t i, bool standard, const char *var)
{
	const struct sf_snap_map *m = &snap->maps[i];
	struct sf_node value, member;

	if (!m->is_section || m->is_standard_section != standard || m->unread || !m->types.btf)
		return NULL;
	value = sf_snap_single(m);
	return sf_node_member(&value, var, strlen(var), &member) == SF_STEP_OK ? m : NULL;
}

/* ---- maps and variables ------------------------------------------------------------------------------------ */

static void make_placeholder(struct sf_error *err)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(owner(err)->frame, &info);
	err->payload.reason = sf_error_str(err, info.reason);
}

struct failure sf_fail_placeholder(struct sf_snapshot *snap)
{
	return take(snap, SF_PLACEHOLDER_SNAPSHOT, make_placeholder, NULL, NULL);
}

static void make_map_not_found(struct sf_error *err)
{
	struct names names = { 0 };

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	for (size_t i = 0; i < owner(err)->n_maps; i++)
		add_name(&names, owner(err)->maps[i].listed->name);
	give(err, &names, &err->payload.available);
}

struct failure sf_fail_map_not_found(struct sf_snapshot *snap, const char *name)
{
	return take(snap, SF_MAP_NOT_FOUND, make_map_not_found, name, NULL);
}

static void make_var_not_found(struct sf_error *err)
{
	struct sf_snapshot *snap = owner(err);
	struct names names = { 0 };

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	for (size_t i = 0; i < snap->n_maps; i++) {
		if (!snap->maps[i].is_section || snap->maps[i].unread || !snap->maps[i].types.btf)
			continue;
		struct sf_node value = sf_snap_single(&snap->maps[i]);

		list_members(&names, &value);
	}
	sort_unique(&names);
	give(err, &names, &err->payload.available);
}

struct failure sf_fail_var_not_found(struct sf_snapshot *snap, const char *name)
{
	return take(snap, SF_VAR_NOT_FOUND, make_var_not_found, name, NULL);
}

static void make_ambiguous(struct sf_error *err)
{
	struct sf_snapshot *snap = owner(err);
	struct names names = { 0 };

	err->payload.requested = sf_error_str(err, sf_error_path(err));
	for (int standard = 1; standard >= 0 && !names.list.n; standard--)
		for (size_t i = 0; i < snap->n_maps; i++)
			if (section_with(snap, i, standard, sf_error_path(err)))
				add_name(&names, snap->maps[i].listed->name);
	give(err, &names, &err->payload.found_in);
}

struct failure sf_fail_ambiguous_var(struct sf_snapshot *snap, const char *name)
{
	return take(snap, SF_AMBIGUOUS_VAR, make_ambiguous, name, NULL);
}

static void make_incomplete(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.reason = sf_error_str(err, map->unread ? map->unread : map->listed->no_btf);
}

struct failure sf_fail_incomplete(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_MAP_RENDER_INCOMPLETE, make_incomplete, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	return f;
}

static void make_torn(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];
	const struct sf_bpf_torn *torn = sf_snap_map_torn(map);
	_cleanup_text_ struct sf_text why = { 0 };
	const char *hint;

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.len = sf_snap_map_len(map);
	if (!torn)
		return;
	err->payload.addr = torn->at;
	sf_snap_torn_text(torn, &why);
	hint = torn->fault == SF_FAULT_NOT_KEPT ? sf_frame_keep_hint(owner(err)->frame, false) : NULL;
	if (hint)
		sf_text_putf(&why, ": %s", hint);
	err->payload.reason = sf_error_strn(err, why.v, why.n);
}

struct failure sf_fail_torn(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_TORN_LIST, make_torn, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	return f;
}

static void make_cpu_slot(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.cpu = err->refs[1];
	err->payload.unmapped = err->refs[2];
	err->payload.len = sf_snap_n_cpus(map);
}

static struct failure fail_cpu_slot(struct sf_snapshot *snap, const struct sf_snap_map *map, uint64_t cpu, bool unmapped)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_PER_CPU_SLOT, make_cpu_slot, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	err->refs[1] = cpu;
	err->refs[2] = unmapped;
	return f;
}

struct failure sf_fail_cpu_value(struct sf_snapshot *snap, const struct sf_snap_elem *elem, uint64_t cpu)
{
	bool exists = cpu < sf_snap_n_cpus(elem->map);

	if (exists && !elem->at.value)
		return sf_fail_memory(snap, &(struct sf_trouble){ .fault = elem->at.fault, .addr = elem->at.kva });
	return fail_cpu_slot(snap, elem->map, cpu, exists);
}

static void make_not_narrowed(struct sf_error *err)
{
	err->payload.map = sf_error_str(err, err->refs[0] ? "<percpu-hash>" : "<percpu-array>");
}

struct failure sf_fail_not_narrowed(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_PER_CPU_NOT_NARROWED, make_not_narrowed, NULL, &err);

	err->refs[0] = map->listed->map.shape == SF_BPF_PERCPU_HASH;
	return f;
}

static void make_index(struct sf_error *err)
{
	err->payload.map = sf_error_str(err, sf_error_path(err));
	err->payload.index = err->refs[0];
	err->payload.len = err->refs[1];
}

struct failure sf_fail_index(struct sf_snapshot *snap, const char *map, uint64_t index, uint64_t len)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_INDEX_OUT_OF_RANGE, make_index, map, &err);

	err->refs[0] = index;
	err->refs[1] = len;
	return f;
}

/* ---- paths -------------------------------------------------------------------------------------------------- */

enum { REF_WALKED, REF_COMPONENT, REF_FAULT, REF_ADDR, REF_NODE };

/* Is @addr among what @map itself keeps, rather than behind a pointer? */
static bool is_in(const struct sf_bpf_map *map, uint64_t addr)
{
	uint64_t n = map->n_buckets ? map->n_buckets : map->max_entries;

	if (map->unread)
		return false;
	return addr - map->values < map->stride * n || addr - map->pool < map->pool_len;
}

static bool is_in_a_map(const struct sf_snapshot *snap, uint64_t addr)
{
	for (size_t i = 0; i < snap->n_maps; i++)
		if (is_in(&snap->maps[i].listed->map, addr))
			return true;
	return false;
}

static void fault_payload(struct sf_error *err, enum sf_fault fault, uint64_t addr)
{
	const char *hint = NULL;

	if (fault == SF_FAULT_NOT_KEPT)
		hint = sf_frame_keep_hint(owner(err)->frame, !is_in_a_map(owner(err), addr));
	err->payload.addr = addr;
	err->payload.unmapped = fault == SF_FAULT_UNMAPPED;
	err->payload.reason = sf_error_str(err, hint ? hint : sf_fault_text(fault));
}

static void make_path(struct sf_error *err)
{
	struct sf_error_payload *p = &err->payload;
	const char *path = sf_error_path(err);
	size_t walked = err->refs[REF_WALKED], start = walked ? walked + 1 : 0;
	struct names names = { 0 };
	struct sf_node cursor;

	memcpy(&cursor, &err->refs[REF_NODE], sizeof(cursor));
	p->requested = sf_error_str(err, path);
	p->walked = sf_error_strn(err, path, walked);
	p->component = sf_error_strn(err, path + start, err->refs[REF_COMPONENT]);
	switch (err->code) {
	case SF_FIELD_NOT_FOUND:
		list_members(&names, &cursor);
		give(err, &names, &p->available);
		break;
	case SF_NOT_A_STRUCT:
		p->kind = sf_error_str(err, sf_kind_label(sf_node_kind(&cursor)));
		break;
	case SF_PAGE_NOT_KEPT:
	case SF_FRAME_CORRUPT:
		fault_payload(err, (enum sf_fault)err->refs[REF_FAULT], err->refs[REF_ADDR]);
		break;
	case SF_BAD_PATH:
		p->index = start;
		p->reason = sf_error_str(err, "an index is written [N], with N a decimal number that fits 64 bits");
		break;
	default:
		break;
	}
}

struct failure sf_fail_path(struct sf_snapshot *snap, enum sf_code code, const char *path, size_t walked,
			    size_t component, const struct sf_node *cursor, const struct sf_trouble *why)
{
	struct sf_error *err;
	struct failure f = take(snap, code, make_path, path, &err);

	_Static_assert(REF_NODE * 8 + sizeof(*cursor) <= sizeof(err->refs), "room for the node");
	err->refs[REF_WALKED] = walked;
	err->refs[REF_COMPONENT] = component;
	err->refs[REF_FAULT] = why->fault;
	err->refs[REF_ADDR] = why->addr;
	memcpy(&err->refs[REF_NODE], cursor, sizeof(*cursor));
	return f;
}

static void make_element(struct sf_error *err)
{
	struct sf_node cursor;

	memcpy(&cursor, &err->refs[REF_NODE], sizeof(cursor));
	err->payload.requested = sf_error_str(err, sf_error_path(err));
	err->payload.map = err->payload.walked = sf_error_strn(err, sf_error_path(err), err->refs[REF_WALKED]);
	err->payload.index = err->refs[REF_ADDR];
	err->payload.len = sf_node_len(&cursor, NULL);
}

struct failure sf_fail_element(struct sf_snapshot *snap, const char *path, size_t walked, uint64_t index,
			       const struct sf_node *cursor)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_INDEX_OUT_OF_RANGE, make_element, path, &err);

	err->refs[REF_WALKED] = walked;
	err->refs[REF_ADDR] = index;
	memcpy(&err->refs[REF_NODE], cursor, sizeof(*cursor));
	return f;
}

/* ---- conversions -------------------------------------------------------------------------------------------- */

static void make_type(struct sf_error *err)
{
	err->payload.expected = sf_error_str(err, (const char *)(uintptr_t)err->refs[0]);
	err->payload.actual = sf_error_str(err, (const char *)(uintptr_t)err->refs[1]);
	err->payload.requested = sf_error_str(err, "");
}

struct failure sf_fail_type(struct sf_snapshot *snap, const char *expected, const char *actual)
{
	struct sf_error *err;
	struct failure f = take(snap, SF_TYPE_MISMATCH, make_type, NULL, &err);

	err->refs[0] = (uintptr_t)expected;
	err->refs[1] = (uintptr_t)actual;
	return f;
}

static void make_memory(struct sf_error *err)
{
	fault_payload(err, (enum sf_fault)err->refs[REF_FAULT], err->refs[REF_ADDR]);
}

struct failure sf_fail_memory(struct sf_snapshot *snap, const struct sf_trouble *why)
{
	struct sf_error *err;
	enum sf_code code = why->fault == SF_FAULT_CORRUPT || why->fault == SF_FAULT_IO ? SF_FRAME_CORRUPT :
											  SF_PAGE_NOT_KEPT;
	struct failure f = take(snap, code, make_memory, NULL, &err);

	err->refs[REF_FAULT] = why->fault;
	err->refs[REF_ADDR] = why->addr;
	return f;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of accessors. At the moment of failure only references are recorded (the snapshot, a node, positions in the
 * path); the lists of alternatives are made when somebody asks for them.
 */

#include <inttypes.h>

#include "frame/capture.h"
#include "snapshot_private.h"

static struct sf_snapshot *owner(const struct sf_error *err)
{
	return err->owner;
}

/* As sf_fail_take(), of a @path whose length is known. */
static struct failure take(struct sf_snapshot *snap, enum sf_code code, sf_error_make_fn *make, const char *path,
			   size_t path_len, struct sf_error **ret)
{
	struct sf_error *err = sf_error_ring_take(&snap->ring, code, make, snap, path, path_len);

	if (ret)
		*ret = err;
	return (struct failure){
		.generation = err->generation,
		.slot = (uint16_t)(err - snap->ring.slots + 1),
		.code = (uint16_t)code,
	};
}

struct failure sf_fail_take(struct sf_snapshot *snap, enum sf_code code, sf_error_make_fn *make, const char *path,
			    struct sf_error **ret)
{
	return take(snap, code, make, path, path ? strlen(path) : 0, ret);
}

struct sf_error *sf_failure_error(struct sf_snapshot *snap, const struct failure *f)
{
	struct sf_error *err;

	if (!f->slot)
		return NULL;
	err = &snap->ring.slots[f->slot - 1];
	if (err->generation == f->generation)
		return err;
	sf_fail_take(snap, f->code, sf_error_make_gone, NULL, &err);
	return err;
}

/* ---- lists ------------------------------------------------------------------------------------------------ */

void sf_fail_add_name(struct fail_names *names, const char *name)
{
	const char **slot = names->list.n < SF_FAIL_LISTED ? sf_vec_push(&names->list) : NULL;

	if (slot)
		*slot = name;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sf_fail_sort_names(struct fail_names *names)
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

void sf_fail_give_names(struct sf_error *err, struct fail_names *names, struct sf_strv *ret)
{
	sf_error_strv(err, ret, names->list.v, names->list.n);
	free(names->list.v);
}

void sf_fail_add_members(struct fail_names *names, const struct sf_node *n)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	while (names->list.n < SF_FAIL_LISTED && sf_node_next_member(n, &it, &name, &member))
		sf_fail_add_name(names, name);
}

/* ---- maps ---------------------------------------------------------------------------------------------------- */

static void make_placeholder(struct sf_error *err)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(owner(err)->frame, &info);
	err->payload.reason = sf_error_str(err, info.reason);
}

struct failure sf_fail_placeholder(struct sf_snapshot *snap)
{
	return sf_fail_take(snap, SF_PLACEHOLDER_SNAPSHOT, make_placeholder, NULL, NULL);
}

static void make_incomplete(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.reason = sf_error_str(err, map->unread ? map->unread : map->error ? map->error : map->listed->no_btf);
}

struct failure sf_fail_incomplete(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_MAP_RENDER_INCOMPLETE, make_incomplete, NULL, &err);

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
	struct failure f = sf_fail_take(snap, SF_TORN_LIST, make_torn, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	return f;
}

static void make_cpu_slot(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.cpu = err->refs[1];
	err->payload.unmapped = err->refs[2];
	err->payload.len = err->refs[3];
}

static struct failure fail_cpu_slot(struct sf_snapshot *snap, const struct sf_snap_map *map, uint64_t cpu, uint64_t len)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_PER_CPU_SLOT, make_cpu_slot, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	err->refs[1] = cpu;
	err->refs[2] = cpu < len;
	err->refs[3] = len;
	return f;
}

struct failure sf_fail_cpu_value(struct sf_snapshot *snap, const struct sf_snap_elem *elem, uint64_t cpu)
{
	uint64_t len = sf_snap_elem_n_cpus(elem);

	if (cpu < len && elem->at.fault)
		return sf_fail_memory(snap, &(struct sf_trouble){ .fault = elem->at.fault, .addr = elem->at.kva });
	return fail_cpu_slot(snap, elem->map, cpu, len);
}

static void make_not_narrowed(struct sf_error *err)
{
	err->payload.map = sf_error_str(err, err->refs[0] ? "<percpu-hash>" : "<percpu-array>");
}

struct failure sf_fail_not_narrowed(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_PER_CPU_NOT_NARROWED, make_not_narrowed, NULL, &err);

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
	struct failure f = sf_fail_take(snap, SF_INDEX_OUT_OF_RANGE, make_index, map, &err);

	err->refs[0] = index;
	err->refs[1] = len;
	return f;
}

static void make_key_size(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.reason = sf_error_fmt(err, "map %s: its keys have %" PRIu32 " bytes, not %" PRIu64, map->listed->name,
					   map->listed->map.key_size, err->refs[1]);
}

struct failure sf_fail_key_size(struct sf_snapshot *snap, const struct sf_snap_map *map, size_t size)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_USAGE, make_key_size, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	err->refs[1] = size;
	return f;
}

#define KEYS_SHOWN 3 /* of a map that was looked through */

static void sample_keys(struct sf_error *err, const struct sf_snap_map *map)
{
	struct sf_snap_cursor c = sf_snap_elems(map);
	char texts[KEYS_SHOWN][SF_KEY_TEXT];
	const char *keys[KEYS_SHOWN];
	struct sf_snap_elem elem;
	size_t n = 0;

	while (n < KEYS_SHOWN && sf_snap_next(&c, &elem)) {
		if (!sf_key_text(&elem, texts[n]))
			continue;
		keys[n] = texts[n];
		n++;
	}
	sf_error_strv(err, &err->payload.available_keys, keys, n);
}

static void make_no_match(struct sf_error *err)
{
	const struct sf_snap_map *map = (const struct sf_snap_map *)(uintptr_t)err->refs[0];

	err->payload.map = sf_error_str(err, map->listed->name);
	err->payload.op = sf_error_str(err, (const char *)(uintptr_t)err->refs[1]);
	err->payload.len = err->refs[2] == UINT64_MAX ? sf_snap_map_len(map) : err->refs[2];
	if (err->refs[3])
		sample_keys(err, map);
}

struct failure sf_fail_no_match(struct sf_snapshot *snap, const struct sf_snap_map *map, const char *op, uint64_t len,
				bool keys)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_NO_MATCH, make_no_match, NULL, &err);

	err->refs[0] = (uintptr_t)map;
	err->refs[1] = (uintptr_t)op;
	err->refs[2] = len;
	err->refs[3] = keys;
	return f;
}

static void make_no_cpu(struct sf_error *err)
{
	err->payload.map = sf_error_str(err, err->refs[0] ? "<PercpuHash>" : "<Percpu>");
	err->payload.op = sf_error_str(err, (const char *)(uintptr_t)err->refs[1]);
}

struct failure sf_fail_no_cpu(struct sf_snapshot *snap, const struct sf_snap_map *map, const char *op)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_NO_MATCH, make_no_cpu, NULL, &err);

	err->refs[0] = map->listed->map.shape == SF_BPF_PERCPU_HASH;
	err->refs[1] = (uintptr_t)op;
	return f;
}

static void make_no_rendered(struct sf_error *err)
{
	err->payload.map = sf_error_str(err, "<entry>");
	err->payload.side = sf_error_str(err, (const char *)(uintptr_t)err->refs[0]);
}

struct failure sf_fail_no_rendered(struct sf_snapshot *snap, const char *side)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_NO_RENDERED, make_no_rendered, NULL, &err);

	err->refs[0] = (uintptr_t)side;
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

void sf_fail_bad_path(struct sf_error *err, const char *path, size_t at, size_t component)
{
	err->payload.requested = sf_error_str(err, path);
	err->payload.walked = sf_error_strn(err, path, at ? at - 1 : 0);
	err->payload.component = sf_error_strn(err, path + at, component);
	err->payload.index = at;
	err->payload.reason = sf_error_str(err, "an index is written [N], with N a decimal number that fits 64 bits");
}

static void make_path(struct sf_error *err)
{
	struct sf_error_payload *p = &err->payload;
	const char *path = sf_error_path(err);
	/* Without memory for a long path there is less of it than was walked. */
	size_t len = err->path_len, walked = sf_min((size_t)err->refs[REF_WALKED], len);
	size_t start = walked ? sf_min(walked + 1, len) : 0, component = sf_min((size_t)err->refs[REF_COMPONENT], len - start);
	struct fail_names names = { 0 };
	struct sf_node cursor;

	memcpy(&cursor, &err->refs[REF_NODE], sizeof(cursor));
	p->requested = sf_error_str(err, path);
	p->walked = sf_error_strn(err, path, walked);
	p->component = sf_error_strn(err, path + start, component);
	switch (err->code) {
	case SF_FIELD_NOT_FOUND:
		sf_fail_add_members(&names, &cursor);
		sf_fail_give_names(err, &names, &p->available);
		break;
	case SF_NOT_A_STRUCT:
		p->kind = sf_error_str(err, sf_kind_label(sf_node_kind(&cursor)));
		break;
	case SF_PAGE_NOT_KEPT:
	case SF_FRAME_CORRUPT:
		fault_payload(err, (enum sf_fault)err->refs[REF_FAULT], err->refs[REF_ADDR]);
		break;
	case SF_BAD_PATH:
		sf_fail_bad_path(err, path, start, component);
		break;
	default:
		break;
	}
}

struct failure sf_fail_path(struct sf_snapshot *snap, enum sf_code code, const char *path, size_t path_len, size_t walked,
			    size_t component, const struct sf_node *cursor, const struct sf_trouble *why)
{
	struct sf_error *err;
	struct failure f = take(snap, code, make_path, path, path_len, &err);

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
	err->payload.map = err->payload.walked =
		sf_error_strn(err, sf_error_path(err), sf_min((size_t)err->refs[REF_WALKED], (size_t)err->path_len));
	err->payload.index = err->refs[REF_ADDR];
	err->payload.len = sf_node_len(&cursor, NULL);
}

struct failure sf_fail_element(struct sf_snapshot *snap, const char *path, size_t walked, uint64_t index,
			       const struct sf_node *cursor)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_INDEX_OUT_OF_RANGE, make_element, path, &err);

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
	err->payload.requested = sf_error_str(err, sf_error_path(err));
}

struct failure sf_fail_type_at(struct sf_snapshot *snap, const char *expected, const char *actual, const char *path)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_TYPE_MISMATCH, make_type, path, &err);

	err->refs[0] = (uintptr_t)expected;
	err->refs[1] = (uintptr_t)actual;
	return f;
}

struct failure sf_fail_type(struct sf_snapshot *snap, const char *expected, const char *actual)
{
	return sf_fail_type_at(snap, expected, actual, NULL);
}

static void make_array(struct sf_error *err)
{
	const char *kind = (const char *)(uintptr_t)err->refs[1];

	err->payload.expected = sf_error_str(err, (const char *)(uintptr_t)err->refs[0]);
	if (err->refs[2])
		err->payload.actual = sf_error_fmt(err, "Truncated(partial=%s)", kind);
	else
		err->payload.actual = sf_error_fmt(err, "Array[%" PRIu64 "]=%s", err->refs[3], kind);
	err->payload.requested = sf_error_str(err, "");
}

static struct failure fail_array(struct sf_snapshot *snap, const char *expected, const char *kind, bool is_cut, uint64_t i)
{
	struct sf_error *err;
	struct failure f = sf_fail_take(snap, SF_TYPE_MISMATCH, make_array, NULL, &err);

	err->refs[0] = (uintptr_t)expected;
	err->refs[1] = (uintptr_t)kind;
	err->refs[2] = is_cut;
	err->refs[3] = i;
	return f;
}

struct failure sf_fail_array_element(struct sf_snapshot *snap, const char *expected, uint64_t i, const char *kind)
{
	return fail_array(snap, expected, kind, false, i);
}

struct failure sf_fail_cut_array(struct sf_snapshot *snap, const char *expected, const char *kind)
{
	return fail_array(snap, expected, kind, true, 0);
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
	struct failure f = sf_fail_take(snap, code, make_memory, NULL, &err);

	err->refs[REF_FAULT] = why->fault;
	err->refs[REF_ADDR] = why->addr;
	return f;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps and elements that are of a report.
 */

#include "snapshot_private.h"

/* A section of another name than the usual: BTF calls its type by the section, with the dot. */
static bool is_section(const struct sf_snap_map *map)
{
	struct sf_node value = sf_snap_single(map);
	const char *name = sf_node_kind(&value) == SF_STRUCT ? sf_node_type_name(&value) : NULL;

	return name && name[0] == '.';
}

void sf_snap_doc_open(struct sf_snap_map *map)
{
	map->doc = map->listed->doc;
	map->error = map->doc->error;
	map->is_single = map->doc->list == SF_DOC_VALUE;
	/* Without a value it is one that could not be read. */
	map->is_standard_section = (map->is_single || !map->doc->n) && sf_snap_standard_name(map->listed->name);
	map->is_section = map->is_standard_section || (map->is_single && is_section(map));
}

bool sf_snap_doc_at(const struct sf_snap_map *map, uint64_t i, struct sf_snap_elem *ret)
{
	const struct sf_doc_entry *e;

	if (i >= map->doc->n)
		return false;
	e = &map->doc->v[i];
	*ret = (struct sf_snap_elem){
		.map = map,
		.doc = e,
		.at = { .position = i, .value = sf_snap_is_percpu(map) || e->value.ops, .owner = e->owner ? e->owner->kva : 0 },
	};
	return true;
}

bool sf_snap_doc_key_hex(const struct sf_snap_elem *e, char *buf, size_t size)
{
	if (!e->doc || !e->doc->key_hex)
		return false;
	snprintf(buf, size, "%s", e->doc->key_hex);
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of a guest: what JSON could not say of them is \xHH there. */
static void take_bytes(const char *text, char *to, size_t size)
{
	size_t n = 0;

	for (const char *p = text; *p && n + 1 < size; n++) {
		bool escaped = p[0] == '\\' && p[1] == 'x' && hex_digit(p[2]) >= 8 && hex_digit(p[3]) >= 0;

		to[n] = escaped ? (char)(hex_digit(p[2]) << 4 | hex_digit(p[3])) : *p;
		p += escaped ? 4 : 1;
	}
	to[n] = '\0';
}

bool sf_snap_doc_owner(const struct sf_snap_elem *e, struct sf_bpf_owner *ret)
{
	const struct sf_doc_owner *o = e->doc ? e->doc->owner : NULL;

	if (!o)
		return false;
	ret->kind = o->kind;
	ret->kva = o->kva;
	ret->is_readable = o->is_readable;
	ret->pid = o->pid;
	ret->tgid = o->tgid;
	ret->id = o->id;
	ret->path_cut = o->path_cut;
	ret->family = o->family;
	ret->port = o->port;
	take_bytes(o->comm ? o->comm : "", ret->comm, sizeof(ret->comm));
	take_bytes(o->path ? o->path : "", ret->path, sizeof(ret->path));
	return true;
}

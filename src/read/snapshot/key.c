/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries by their keys, and keys for people.
 */

#include <inttypes.h>

#include "snapshot_private.h"

/* ---- for people --------------------------------------------------------------------------------------------------- */

#define KEY_CHARS 80 /* of a key that an error shows; the last one says that it was cut */

static void cut(char *text)
{
	size_t len = strlen(text), at = 0, keep = 0, chars = 0;

	while (at < len) {
		size_t seq = sf_utf8_seq(text + at, len - at);

		if (++chars == KEY_CHARS)
			keep = at;
		at += seq ? seq : 1;
	}
	if (chars > KEY_CHARS)
		strcpy(text + keep, "…");
}

#define HEX "hex:" /* bytes that nobody has a type for */

bool sf_key_text(const struct sf_snap_elem *elem, char buf[SF_KEY_TEXT])
{
	bool has_key;
	struct sf_node key;

	if (elem->map->is_single)
		return false;
	has_key = sf_snap_key(elem, &key);
	if (has_key && !sf_snap_is_raw_key(elem)) {
		sf_node_text(&key, buf, SF_KEY_TEXT);
	} else if (sf_snap_key_hex(elem, buf + strlen(HEX), SF_KEY_TEXT - strlen(HEX))) {
		memcpy(buf, HEX, strlen(HEX));
	} else if (has_key || sf_snap_lacks_key(elem)) {
		return false;
	} else {
		snprintf(buf, SF_KEY_TEXT, "%" PRIu64, sf_snap_index(elem));
	}
	cut(buf);
	return true;
}

/* ---- the bytes of a key ------------------------------------------------------------------------------------------- */

/* A key that is no bytes in memory: of a report, or an owner's address. */
static bool node_is(const struct sf_node *n, const uint8_t *key, size_t size)
{
	struct sf_scalar s;
	struct sf_trouble why;
	uint8_t chunk[64];
	uint64_t have, rest = 0;

	if (sf_node_kind(n) == SF_BYTES) {
		if (sf_node_len(n, &have) != size || have != size)
			return false;
		for (size_t off = 0, len; off < size; off += len) {
			len = sizeof(chunk);
			if (sf_node_bytes(n, off, chunk, &len, &why) != SF_STEP_OK || !len || memcmp(chunk, key + off, len))
				return false;
		}
		return true;
	}
	if (size > sizeof(have) || sf_node_scalar(n, &s, &why) != SF_STEP_OK || s.kind == SF_FLOAT)
		return false;
	have = s.kind == SF_INT || s.kind == SF_ENUM ? (uint64_t)s.i64 : s.u64;
	memcpy(&rest, key, size);
	return have << (64 - 8 * size) == rest << (64 - 8 * size);
}

/* "de ad" of a report. */
static bool hex_is(const char *hex, const uint8_t *key, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++, hex += 3) {
		if (hex[0] != digits[key[i] >> 4] || hex[1] != digits[key[i] & 15])
			return false;
		if (hex[2] != (i + 1 < size ? ' ' : '\0'))
			return false;
	}
	return true;
}

static bool key_is(const struct sf_snap_elem *elem, const void *key, size_t size)
{
	uint64_t owner;
	struct sf_node n;

	if (elem->at.key)
		return sf_bpf_key_is(&elem->map->snap->vm, elem->at.key, key, size);
	if (elem->at.owner && size == sizeof(owner)) {
		memcpy(&owner, key, sizeof(owner));
		return owner == elem->at.owner;
	}
	if (elem->doc && elem->doc->key_hex)
		return hex_is(elem->doc->key_hex, key, size);
	return sf_snap_key(elem, &n) && node_is(&n, key, size);
}

/* ---- the bucket ------------------------------------------------------------------------------------------------------ */

/*
 * Are this map's keys hashed as we do it? An element that is there knows its hash; it is looked at once. Without elements
 * there is nothing that could be missed.
 */
static bool hash_is_known(const struct sf_snap_map *map, const struct sf_bpf *bpf)
{
	struct sf_snap_index *index = map->index;
	struct sf_vmem *vm = &map->snap->vm;
	struct sf_snap_cursor c = sf_snap_elems(map);
	struct sf_snap_elem elem;

	if (index->hash != HASH_UNKNOWN)
		return index->hash == HASH_KNOWN;
	index->hash = HASH_FOREIGN;
	c.c.one_by_one = true;
	if (sf_bpf_hash_seed(bpf, vm, &map->listed->map, &index->hash_seed) &&
	    (!sf_snap_next(&c, &elem) || sf_bpf_hash_agrees(bpf, vm, &map->listed->map, index->hash_seed, &elem.at)))
		index->hash = HASH_KNOWN;
	return index->hash == HASH_KNOWN;
}

static enum sf_bpf_found in_bucket(const struct sf_snap_map *map, const void *key, struct sf_snap_elem *ret)
{
	const struct sf_bpf_map *m = &map->listed->map;
	const struct sf_bpf *bpf = sf_frame_bpf(map->snap->frame);

	if (map->doc || map->unread || (m->shape != SF_BPF_HASH && m->shape != SF_BPF_PERCPU_HASH) ||
	    !hash_is_known(map, bpf))
		return SF_BPF_UNSURE;
	*ret = (struct sf_snap_elem){ .map = map };
	return sf_bpf_find_in_bucket(bpf, &map->snap->vm, m, sf_bpf_jhash(key, m->key_size, map->index->hash_seed), key,
				     &ret->at);
}

/* ---- an entry by its key -------------------------------------------------------------------------------------------- */

static bool scan(const struct sf_snap_map *map, const void *key, size_t size, struct sf_snap_elem *ret)
{
	struct sf_snap_cursor c = sf_snap_elems(map);

	while (sf_snap_next(&c, ret))
		if (key_is(ret, key, size))
			return true;
	return false;
}

/* Of arrays, where the key is the position; a report may have left some out. */
static bool at_index(const struct sf_snap_map *map, uint32_t index, struct sf_snap_elem *ret)
{
	struct sf_snap_cursor c;

	if (sf_snap_at(map, index, ret) && sf_snap_index(ret) == index)
		return true;
	if (!map->doc)
		return false;
	for (c = sf_snap_elems(map); sf_snap_next(&c, ret);)
		if (sf_snap_index(ret) == index)
			return true;
	return false;
}

static bool find_key(const struct sf_snap_map *map, const void *key, size_t size, struct sf_snap_elem *ret)
{
	uint32_t index;

	switch (map->listed->map.shape) {
	case SF_BPF_ARRAY:
	case SF_BPF_PERCPU_ARRAY:
	case SF_BPF_STRUCT_OPS:
		memcpy(&index, key, sizeof(index));
		return at_index(map, index, ret);
	default:
		break;
	}
	switch (in_bucket(map, key, ret)) {
	case SF_BPF_FOUND:
		return true;
	case SF_BPF_NOT_THERE:
		return false;
	default:
		return scan(map, key, size, ret);
	}
}

/* Bytes that a key of @map has; 0: nobody wrote it down. */
static size_t key_size(const struct sf_snap_map *map)
{
	switch (map->listed->map.shape) {
	case SF_BPF_ARRAY:
	case SF_BPF_PERCPU_ARRAY:
	case SF_BPF_STRUCT_OPS:
		return sizeof(uint32_t);
	case SF_BPF_STORAGE:
		return sizeof(uint64_t);
	default:
		return map->listed->map.key_size;
	}
}

struct sf_entry sf_map_key(struct sf_map map, const void *key, size_t size)
{
	struct map m = unseal_map(&map);
	struct entry e = { .snap = m.snap, .failure = m.failure, .map = m.map, .cpu = m.cpu };
	struct sf_snap_elem elem;

	if (!m.map)
		return seal_entry(&e);
	if (!size || (key_size(m.map) && size != key_size(m.map))) {
		e.failure = sf_fail_key_size(m.snap, m.map, size);
	} else if (find_key(m.map, key, size, &elem)) {
		e = sf_map_entry(&m, &elem);
	} else {
		/* How many there are would be a walk of all; an error that nobody reads must not cost one. */
		if (m.map->unread || (m.map->doc && !m.map->doc->n))
			e.failure = sf_map_nothing(&m);
		if (!e.failure.slot)
			e.failure = sf_fail_no_match(m.snap, m.map, "key", UINT64_MAX, true);
	}
	return seal_entry(&e);
}

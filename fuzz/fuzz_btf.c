/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes as BTF, and everything asked of them. The first byte says how the rest is taken:
 *   bit 0: with its own header; else the harness writes one around sections (the next two bytes:
 * how long the types are; one byte: how long the layout), so that most inputs get past it; bit 1:
 * the second half is a split BTF on the first.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "btf/btf.h"

#define TYPES_MAX 512   /* looked at; the walk itself sees them all */
#define RECORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put32(uint8_t *p, size_t v)
{
	uint32_t v32 = (uint32_t)v;

	memcpy(p, &v32, sizeof(v32));
}

/* An allocation of exactly its size, for ASan. */
static struct sf_btf *open_part(const uint8_t *data, size_t size, bool raw, struct sf_btf *base)
{
	struct sf_btf *btf = NULL;
	size_t header = raw || size < 3 ? 0 : 32, skip = header ? 3 : 0, len = header + size - skip;
	uint8_t *bytes = malloc(len ?: 1);

	assert(bytes);
	if (header) {
		size_t body = size - skip;
		size_t types = sf_min((size_t)(data[0] | data[1] << 8), body);
		size_t layout = sf_min((size_t)data[2], body - types);

		memset(bytes, 0, header);
		memcpy(bytes, "\x9f\xeb\x01\x00\x20\x00\x00\x00", 8);
		put32(bytes + 12, types);
		put32(bytes + 16, types + layout);
		put32(bytes + 20, body - types - layout);
		put32(bytes + 24, types);
		put32(bytes + 28, layout);
	}
	if (size > skip)
		memcpy(bytes + header, data + skip, size - skip);
	struct sf_error *err = sf_btf_new(bytes, len, base, free, bytes, &btf);

	if (err) {
		assert(sf_error_message(err) && !btf);
		sf_error_free(err);
		free(bytes);
	}
	return btf;
}

static void touch_names(const struct sf_btf *btf, const struct sf_btf_type *t)
{
	struct sf_btf_type found;
	uint32_t id = sf_btf_find(btf, t->name, t->kind);

	assert(id && sf_btf_type(btf, id, &found) && !strcmp(found.name, t->name));
	assert(found.kind == t->kind || t->kind == SF_BTF_N_KINDS);
	id = sf_btf_find(btf, t->name, SF_BTF_N_KINDS);
	assert(id && sf_btf_type(btf, id, &found) && !strcmp(found.name, t->name));
	id = sf_btf_find_next(btf, t->name, t->kind, t->id);
	assert(id != t->id &&
	       (!id || (sf_btf_type(btf, id, &found) && !strcmp(found.name, t->name))));
	sf_btf_find_largest(btf, t->name, SF_BTF_N_KINDS);
}

static void touch_records(const struct sf_btf *btf, const struct sf_btf_type *t)
{
	struct sf_btf_enumerator e;
	struct sf_btf_member m;
	struct sf_btf_param p;
	struct sf_btf_place place;
	struct sf_btf_var v;
	int64_t value;

	for (uint32_t i = 0; i < t->vlen && i < RECORDS_MAX; i++) {
		if (sf_btf_member(btf, t, i, &m) && *m.name && !strchr(m.name, '.'))
			assert(sf_btf_find_member(btf, t->id, m.name, &place));
		if (sf_btf_enumerator(btf, t, i, &e) && *e.name)
			assert(sf_btf_find_enumerator(btf, e.name, &value));
		if (sf_btf_var(btf, t, i, &v))
			assert(strlen(v.name) < SIZE_MAX);
		if (sf_btf_param(btf, t, i, &p))
			assert(strlen(p.name) < SIZE_MAX);
	}
	assert(!sf_btf_member(btf, t, t->vlen, &m) && !sf_btf_enumerator(btf, t, t->vlen, &e));
}

static void touch_type(const struct sf_btf *btf, uint32_t id)
{
	struct sf_btf_type t;
	struct sf_btf_int i;
	struct sf_btf_array a;
	uint64_t size;
	char text[64];

	sf_btf_type_text(btf, id, text, sizeof(text));
	assert(strnlen(text, sizeof(text)) < sizeof(text));
	sf_btf_peel(btf, id);
	sf_btf_size_of(btf, id, &size);
	if (!sf_btf_type(btf, id, &t))
		return;
	assert(t.id == id && t.kind <= SF_BTF_N_KINDS);
	uint8_t sum = 0;

	for (uint32_t at = 0; at < t.n_trailing; at++)
		sum ^= t.trailing[at];
	*(volatile uint8_t *)&sum;
	sf_btf_int(&t, &i);
	sf_btf_array(&t, &a);
	touch_records(btf, &t);
	if (*t.name)
		touch_names(btf, &t);
}

static void touch(const struct sf_btf *btf)
{
	uint32_t first = sf_btf_first_own_id(btf), n = sf_btf_n_types(btf);

	assert(first && n >= first);
	sf_btf_n_unreadable(btf);
	for (uint32_t id = 0; id < n && id < TYPES_MAX; id++)
		touch_type(btf, id);
	for (uint32_t id = first; id <= n && id < first + TYPES_MAX; id++)
		touch_type(btf, id);
	touch_type(btf, UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	bool raw = data[0] & 1;
	size_t all = size - 1, first = data[0] & 2 ? all / 2 : all;
	SF_OWNED(btf) base = open_part(data + 1, first, raw, NULL);

	if (!base)
		return 0;
	touch(base);
	if (data[0] & 2) {
		SF_OWNED(btf) split = open_part(data + 1 + first, all - first, raw, base);

		if (split)
			touch(split);
	}
	return 0;
}

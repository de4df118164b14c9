/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_BTF_BUILDER_H
#define SF_TESTS_BTF_BUILDER_H

/*
 * BTF by hand: each btfb_add_*() appends a type and returns its id; records (members, enumerators
 *…) go to the type added last. btfb_finish() gives the bytes in an allocation of exactly their
 *size, so that ASan sees a read beyond. Nothing is checked: a test that wants nonsense can have it.
 *btfb_patch32() changes a word of a type afterwards.
 *
 *	struct btfb b;
 *	btfb_init(&b, NULL);
 *	uint32_t u32 = btfb_add_int(&b, "u32", 4, 0);
 *	uint32_t pair = btfb_add_struct(&b, "pair", 8);
 *	btfb_member(&b, "first", u32, 0);
 *	btfb_member(&b, "second", u32, 32);
 *	_cleanup_free_ uint8_t *bytes = btfb_finish(&b, &len);
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "btf/btf.h"

#define BTFB_SIGNED 1u
#define BTFB_CHAR 2u
#define BTFB_BOOL 4u
#define BTFB_KFLAG (1u << 31)

struct btfb_bytes {
	uint8_t *p;
	size_t n;
};

struct btfb {
	struct btfb_bytes types, strings, layout;
	uint32_t first_id, next_id;
	uint32_t first_str;
	uint32_t header_len;     /* 24, or 32 as soon as there is a layout; a test may want more */
	size_t starts[4096];     /* of own types, in the type section */
};

static inline void *btfb_grow(struct btfb_bytes *b, size_t n)
{
	b->p = realloc(b->p, b->n + n);
	assert(b->p);
	memset(b->p + b->n, 0, n);
	b->n += n;
	return b->p + b->n - n;
}

static inline void btfb_u32(struct btfb *b, uint32_t v)
{
	memcpy(btfb_grow(&b->types, 4), &v, 4);
}

/*
 * @base: the builder whose ids and strings this one continues (split BTF). It must be complete, and
 * not finished.
 */
static inline void btfb_init(struct btfb *b, const struct btfb *base)
{
	memset(b, 0, sizeof(*b));
	b->first_id = b->next_id = base ? base->next_id : 1;
	b->first_str = base ? base->first_str + (uint32_t)base->strings.n : 0;
	b->header_len = 24;
	btfb_grow(&b->strings, 1);
}

static inline uint32_t btfb_str(struct btfb *b, const char *s)
{
	if (!s || !*s)
		return 0;
	uint32_t off = b->first_str + (uint32_t)b->strings.n;

	memcpy(btfb_grow(&b->strings, strlen(s) + 1), s, strlen(s) + 1);
	return off;
}

/* Any type: @info has kind << 24, vlen and kflag; @last is its size or type. */
static inline uint32_t btfb_add(struct btfb *b, const char *name, uint32_t info, uint32_t last)
{
	uint32_t name_off = btfb_str(b, name);

	assert(b->next_id - b->first_id < sizeof(b->starts) / sizeof(b->starts[0]));
	b->starts[b->next_id - b->first_id] = b->types.n;
	btfb_u32(b, name_off);
	btfb_u32(b, info);
	btfb_u32(b, last);
	return b->next_id++;
}

/* Word @word of type @id: 0 the name's offset, 1 info, 2 size or type, 3 and on what follows. */
static inline void btfb_patch32(struct btfb *b, uint32_t id, uint32_t word, uint32_t v)
{
	memcpy(b->types.p + b->starts[id - b->first_id] + word * 4, &v, 4);
}

static inline uint32_t btfb_get32(const struct btfb *b, uint32_t id, uint32_t word)
{
	uint32_t v;

	memcpy(&v, b->types.p + b->starts[id - b->first_id] + word * 4, 4);
	return v;
}

/* One more record for the last type. */
static inline void btfb_count(struct btfb *b, uint32_t more_info)
{
	btfb_patch32(b, b->next_id - 1, 1, (btfb_get32(b, b->next_id - 1, 1) + 1) | more_info);
}

/* @encoding: BTFB_SIGNED, BTFB_CHAR, BTFB_BOOL. */
static inline uint32_t btfb_add_int(struct btfb *b, const char *name, uint32_t size,
				    uint32_t encoding)
{
	uint32_t id = btfb_add(b, name, SF_BTF_INT << 24, size);

	btfb_u32(b, encoding << 24 | size * 8);
	return id;
}

static inline uint32_t btfb_add_float(struct btfb *b, const char *name, uint32_t size)
{
	return btfb_add(b, name, SF_BTF_FLOAT << 24, size);
}

static inline uint32_t btfb_add_ptr(struct btfb *b, uint32_t type)
{
	return btfb_add(b, NULL, SF_BTF_PTR << 24, type);
}

static inline uint32_t btfb_add_typedef(struct btfb *b, const char *name, uint32_t type)
{
	return btfb_add(b, name, SF_BTF_TYPEDEF << 24, type);
}

/* @kind: SF_BTF_CONST, SF_BTF_VOLATILE or SF_BTF_RESTRICT. */
static inline uint32_t btfb_add_modifier(struct btfb *b, enum sf_btf_kind kind, uint32_t type)
{
	return btfb_add(b, NULL, kind << 24, type);
}

static inline uint32_t btfb_add_type_tag(struct btfb *b, const char *tag, uint32_t type)
{
	return btfb_add(b, tag, SF_BTF_TYPE_TAG << 24, type);
}

/* @component: which member or parameter; -1: the whole. */
static inline uint32_t btfb_add_decl_tag(struct btfb *b, const char *tag, uint32_t type,
					 int32_t component)
{
	uint32_t id = btfb_add(b, tag, SF_BTF_DECL_TAG << 24, type);

	btfb_u32(b, (uint32_t)component);
	return id;
}

static inline uint32_t btfb_add_fwd(struct btfb *b, const char *name, bool is_union)
{
	return btfb_add(b, name, SF_BTF_FWD << 24 | (is_union ? BTFB_KFLAG : 0), 0);
}

static inline uint32_t btfb_add_array(struct btfb *b, uint32_t type, uint32_t index_type,
				      uint32_t n)
{
	uint32_t id = btfb_add(b, NULL, SF_BTF_ARRAY << 24, 0);

	btfb_u32(b, type);
	btfb_u32(b, index_type);
	btfb_u32(b, n);
	return id;
}

static inline uint32_t btfb_add_struct(struct btfb *b, const char *name, uint32_t size)
{
	return btfb_add(b, name, SF_BTF_STRUCT << 24, size);
}

static inline uint32_t btfb_add_union(struct btfb *b, const char *name, uint32_t size)
{
	return btfb_add(b, name, SF_BTF_UNION << 24, size);
}

static inline void btfb_member(struct btfb *b, const char *name, uint32_t type, uint32_t bit_offset)
{
	uint32_t name_off = btfb_str(b, name);

	btfb_count(b, 0);
	btfb_u32(b, name_off);
	btfb_u32(b, type);
	btfb_u32(b, bit_offset);
}

/*
 * Makes the struct one of bitfields (kflag); plain members of it are added as bitfields of 0 bits,
 * or as above.
 */
static inline void btfb_bitfield(struct btfb *b, const char *name, uint32_t type,
				 uint32_t bit_offset, uint32_t bit_size)
{
	btfb_member(b, name, type, bit_size << 24 | bit_offset);
	btfb_patch32(b, b->next_id - 1, 1, btfb_get32(b, b->next_id - 1, 1) | BTFB_KFLAG);
}

static inline uint32_t btfb_add_enum(struct btfb *b, const char *name, uint32_t size,
				     bool is_signed)
{
	return btfb_add(b, name, SF_BTF_ENUM << 24 | (is_signed ? BTFB_KFLAG : 0), size);
}

static inline uint32_t btfb_add_enum64(struct btfb *b, const char *name, bool is_signed)
{
	return btfb_add(b, name, (uint32_t)SF_BTF_ENUM64 << 24 | (is_signed ? BTFB_KFLAG : 0), 8);
}

static inline void btfb_enumerator(struct btfb *b, const char *name, int32_t value)
{
	uint32_t name_off = btfb_str(b, name);

	btfb_count(b, 0);
	btfb_u32(b, name_off);
	btfb_u32(b, (uint32_t)value);
}

static inline void btfb_enumerator64(struct btfb *b, const char *name, uint64_t value)
{
	uint32_t name_off = btfb_str(b, name);

	btfb_count(b, 0);
	btfb_u32(b, name_off);
	btfb_u32(b, (uint32_t)value);
	btfb_u32(b, (uint32_t)(value >> 32));
}

static inline uint32_t btfb_add_func_proto(struct btfb *b, uint32_t returns)
{
	return btfb_add(b, NULL, SF_BTF_FUNC_PROTO << 24, returns);
}

static inline void btfb_param(struct btfb *b, const char *name, uint32_t type)
{
	uint32_t name_off = btfb_str(b, name);

	btfb_count(b, 0);
	btfb_u32(b, name_off);
	btfb_u32(b, type);
}

/* @linkage: 0 static, 1 global, 2 extern. */
static inline uint32_t btfb_add_func(struct btfb *b, const char *name, uint32_t proto,
				     uint32_t linkage)
{
	return btfb_add(b, name, SF_BTF_FUNC << 24 | linkage, proto);
}

static inline uint32_t btfb_add_var(struct btfb *b, const char *name, uint32_t type,
				    uint32_t linkage)
{
	uint32_t id = btfb_add(b, name, SF_BTF_VAR << 24, type);

	btfb_u32(b, linkage);
	return id;
}

static inline uint32_t btfb_add_datasec(struct btfb *b, const char *name, uint32_t size)
{
	return btfb_add(b, name, SF_BTF_DATASEC << 24, size);
}

static inline void btfb_secinfo(struct btfb *b, uint32_t var, uint32_t offset, uint32_t size)
{
	btfb_count(b, 0);
	btfb_u32(b, var);
	btfb_u32(b, offset);
	btfb_u32(b, size);
}

/* A type of a kind that nobody knows, with @n_words words of @word behind it. */
static inline uint32_t btfb_add_unknown(struct btfb *b, uint32_t kind, uint32_t vlen,
					uint32_t n_words, uint32_t word)
{
	uint32_t id = btfb_add(b, "mystery", kind << 24 | vlen, 0);

	for (uint32_t i = 0; i < n_words; i++)
		btfb_u32(b, word);
	return id;
}

/* Say in a layout section how long the types of @kind are. */
static inline void btfb_layout(struct btfb *b, uint32_t kind, uint8_t info_size, uint8_t elem_size)
{
	if (b->layout.n < (kind + 1) * 4)
		btfb_grow(&b->layout, (kind + 1) * 4 - b->layout.n);
	b->layout.p[kind * 4] = info_size;
	b->layout.p[kind * 4 + 1] = elem_size;
	if (b->header_len < 32)
		b->header_len = 32;
}

/* The bytes; free() them. The builder is empty afterwards. */
static inline uint8_t *btfb_finish(struct btfb *b, size_t *len)
{
	uint32_t at = 0;
	uint8_t *bytes = calloc(1, b->header_len + b->types.n + b->layout.n + b->strings.n);
	const struct {
		const struct btfb_bytes *bytes;
		uint32_t field;
	} sections[] = { { &b->types, 8 }, { &b->layout, 24 }, { &b->strings, 16 } };

	assert(bytes);
	memcpy(bytes, "\x9f\xeb\x01\x00", 4);
	memcpy(bytes + 4, &b->header_len, 4);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		uint32_t n = (uint32_t)sections[i].bytes->n, field = sections[i].field;

		if (field + 8 > b->header_len)
			continue;
		memcpy(bytes + field, &at, 4);
		memcpy(bytes + field + 4, &n, 4);
		if (n)
			memcpy(bytes + b->header_len + at, sections[i].bytes->p, n);
		at += n;
	}
	*len = b->header_len + at;
	free(b->types.p);
	free(b->layout.p);
	free(b->strings.p);
	memset(b, 0, sizeof(*b));
	return bytes;
}

#endif

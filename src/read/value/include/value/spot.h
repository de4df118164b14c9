/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VALUE_SPOT_H
#define SF_VALUE_SPOT_H

/*
 * Reading JSON that somebody may have written by hand: where in it one is, so that an error can name the place
 * ("maps[3].entries[0].value.kind: …") and say what was there. Spots lie on the stack of who reads; the strings that
 * are kept go into an arena.
 */

#include "base/json.h"

/* Memory that is freed together. One thread fills it. */
struct sf_arena {
	struct sf_arena_block *blocks;
	size_t left;                /* of the newest block */
};
void *sf_arena_alloc(struct sf_arena *arena, size_t size); /* zeroed, aligned for anything; NULL: no memory */
char *sf_arena_strn(struct sf_arena *arena, const char *text, size_t len);
void sf_arena_clear(struct sf_arena *arena);

struct sf_spot {
	const struct sf_spot *up;  /* NULL: this is the whole text */
	const char *key;            /* of the member; NULL: it is element @index */
	size_t index;
	const struct sf_json_node *json;
	struct sf_arena *arena;
};

static inline struct sf_spot sf_spot_element(const struct sf_spot *list, const struct sf_json_node *json, size_t index)
{
	return (struct sf_spot){ .up = list, .index = index, .json = json, .arena = list->arena };
}

/* sf_spot_each(e, list) { … }: @e is a struct sf_spot, set to each element of @list in turn. */
#define sf_spot_each(e, list)                                                                     \
	for ((e) = sf_spot_element((list), (list)->json->value.first, 0); (e).json;              \
	     (e) = sf_spot_element((list), (e).json->next, (e).index + 1))

/* SF_BAD_INPUT: "PLACE: @wanted should be here, not WHAT IS THERE". @key (may be NULL): of the member that is wrong. */
SF_NONNULL struct sf_error *sf_spot_wrong(const struct sf_spot *at, const char *key, const char *wanted);
/* SF_BAD_INPUT: "PLACE: @fmt". */
SF_NONNULL struct sf_error *sf_spot_bad(const struct sf_spot *at, const char *key, const char *fmt, ...) sf_printf(3, 4);

/* Is it an object? */
SF_CHECKED struct sf_error *sf_spot_object(const struct sf_spot *at);
/* Member @key; NULL: there is none. A null is none, too: that is how others write what is not there. */
const struct sf_json_node *sf_spot_member(const struct sf_spot *at, const char *key);

/*
 * Members of a type. One that is missing leaves @ret as it is, unless @needed. A string may not have a NUL inside, and is
 * the arena's.
 */
enum sf_need { SF_OPTIONAL, SF_NEEDED };
SF_CHECKED struct sf_error *sf_spot_str(const struct sf_spot *at, const char *key, enum sf_need need, const char **ret);
SF_CHECKED struct sf_error *sf_spot_u64(const struct sf_spot *at, const char *key, enum sf_need need, uint64_t max,
					 uint64_t *ret);
SF_CHECKED struct sf_error *sf_spot_u32(const struct sf_spot *at, const char *key, enum sf_need need, uint32_t *ret);
SF_CHECKED struct sf_error *sf_spot_i32(const struct sf_spot *at, const char *key, enum sf_need need, int32_t *ret);
SF_CHECKED struct sf_error *sf_spot_bool(const struct sf_spot *at, const char *key, bool *ret);
/* A list or an object below @at; @ret->json NULL: there is none. */
SF_CHECKED struct sf_error *sf_spot_list(const struct sf_spot *at, const char *key, enum sf_need need,
					  struct sf_spot *ret);
SF_CHECKED struct sf_error *sf_spot_below(const struct sf_spot *at, const char *key, enum sf_need need,
					   struct sf_spot *ret);
/* A list of unsigned integers, the arena's. */
SF_CHECKED struct sf_error *sf_spot_u64s(const struct sf_spot *at, const char *key, const uint64_t **ret, size_t *ret_n);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_VALUE_H
#define STILLFRAME_VALUE_H

/*
 * Raw values: one piece of data with its type. The layer below fields; here absence is `false`, never an error object.
 */

#include "stillframe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** enum sf_kind - what a value is. The names in JSON are those of sf_kind_name(). */
enum sf_kind {
	SF_INT = 1,     /* signed integer of up to 64 bits, or a signed bitfield */
	SF_UINT,
	SF_BOOL,
	SF_CHAR,        /* one byte that the type calls a character */
	SF_FLOAT,
	SF_ENUM,
	SF_STRUCT,      /* struct, union, or a section whose members are its variables */
	SF_ARRAY,
	SF_CPU_LIST,    /* a CPU mask */
	SF_PTR,
	SF_BYTES,       /* no type says more: no BTF, or an integer of more than 64 bits */
	SF_TRUNCATED,   /* fewer bytes than the type needs */
	SF_UNSUPPORTED, /* cannot be decoded; a reason says why */
};

/** sf_kind_name() - "int", "cpu_list", …, as in JSON; "unknown" for a number that is no kind. */
SF_API const char *sf_kind_name(enum sf_kind kind);

/**
 * struct sf_value - a value, borrowed from the frame or document it was taken from
 *
 * Valid as long as the snapshot that gave it; private inside.
 */
struct sf_value {
	uint64_t priv[8];
};
SF_ASSERT_SIZE(struct sf_value, 64);

/** sf_value_kind() - what @v is. */
SF_API enum sf_kind sf_value_kind(struct sf_value v);

/**
 * sf_value_member() - one step by name, no dots
 *
 * Pointers that lead somewhere and truncated values are looked through.
 */
SF_API bool sf_value_member(struct sf_value v, const char *name, struct sf_value *ret);

/** sf_value_index() - element @i (from 0) of an array; looks through like sf_value_member(). */
SF_API bool sf_value_index(struct sf_value v, size_t i, struct sf_value *ret);

/** sf_value_get() - a dotted path of members; "" is @v itself, an empty component is nothing. */
SF_API bool sf_value_get(struct sf_value v, const char *path, struct sf_value *ret);

/** sf_value_as_u64() - the table of conversions is that of sf_field_as_u64(). */
SF_API bool sf_value_as_u64(struct sf_value v, uint64_t *ret);
/** sf_value_as_i64() - see sf_field_as_i64(); likewise the two below. */
SF_API bool sf_value_as_i64(struct sf_value v, int64_t *ret);
SF_API bool sf_value_as_f64(struct sf_value v, double *ret);
SF_API bool sf_value_as_bool(struct sf_value v, bool *ret);

/**
 * sf_value_as_u64_array() - all elements of an array, looked for as in sf_value_member()
 * @ret: malloc()ed; free() it. All or nothing
 */
SF_API bool sf_value_as_u64_array(struct sf_value v, uint64_t **ret, size_t *ret_n);
/** sf_value_as_u32_array() - as u64, and each below 2^32; the three below by the rules of their conversions. */
SF_API bool sf_value_as_u32_array(struct sf_value v, uint32_t **ret, size_t *ret_n);
SF_API bool sf_value_as_i64_array(struct sf_value v, int64_t **ret, size_t *ret_n);
SF_API bool sf_value_as_f64_array(struct sf_value v, double **ret, size_t *ret_n);
SF_API bool sf_value_as_bool_array(struct sf_value v, bool **ret, size_t *ret_n);

/**
 * sf_value_deref() - what a pointer points at
 * @skipped_reason: why there is nothing, when the pointer was followed and led nowhere; NULL when it was not tried
 *                  (a null pointer). May be NULL. Owned by the value's snapshot.
 */
SF_API bool sf_value_deref(struct sf_value v, struct sf_value *ret, const char **skipped_reason);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

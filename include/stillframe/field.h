/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_FIELD_H
#define STILLFRAME_FIELD_H

/*
 * Fields: a place in a value, with its error if there is none. Paths lead from one to the next; conversions end a chain.
 * What is said of borrowed errors in snapshot.h holds here.
 */

#include "stillframe/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A plain value of fixed size, private inside, valid as long as its snapshot. */
struct sf_field {
	uint64_t priv[8];
};
SF_ASSERT_SIZE(struct sf_field, 64);

/* A position in something that is listed: entries, elements, copies of a variable. Needs no cleaning up. */
struct sf_iter {
	uint64_t priv[16];
};
SF_ASSERT_SIZE(struct sf_iter, 128);

/** sf_iter_error() - why a listing ended before its end; NULL: it is complete. Borrowed from the snapshot. */
SF_API struct sf_error *sf_iter_error(struct sf_iter *it);

/**
 * sf_field_get() - walk a dotted path
 * @path: members by name ("ctx.weight.value"), elements by index ("cpus[3].load"); "" is the field itself
 *
 * Pointers are followed on the way (not at its end: a pointer read as a number is its address), members of anonymous
 * structs and unions are found in place. Errors: SF_FIELD_NOT_FOUND (what was walked, what failed, what was there),
 * SF_NOT_A_STRUCT (the kind that was entered), SF_INDEX_OUT_OF_RANGE, SF_EMPTY_PATH_COMPONENT, SF_BAD_PATH,
 * SF_PAGE_NOT_KEPT (a pointer leads outside the frame), SF_FRAME_CORRUPT (a page's checksum does not match).
 */
SF_API struct sf_field sf_field_get(struct sf_field field, const char *path);
/** sf_field_is_present() - did it resolve? */
SF_API bool sf_field_is_present(struct sf_field field);
/** sf_field_error() - why it did not; NULL: it did. Borrowed. */
SF_API struct sf_error *sf_field_error(struct sf_field field);

/**
 * sf_field_as_u64() - the field as an unsigned number
 *
 * Converts int >= 0, uint, bool (0, 1), char, pointer (its address), enum (signed ones if >= 0). Everything else is
 * SF_TYPE_MISMATCH, which says what is there; memory that the frame does not have is SF_PAGE_NOT_KEPT, a damaged page
 * SF_FRAME_CORRUPT; a field that did not resolve gives its own error.
 */
SF_API SF_CHECKED struct sf_error *sf_field_as_u64(struct sf_field field, uint64_t *ret);
/** sf_field_as_i64() - int, enum, bool, char, and uint up to INT64_MAX. No pointers. */
SF_API SF_CHECKED struct sf_error *sf_field_as_i64(struct sf_field field, int64_t *ret);
/** sf_field_as_f64() - float, int, uint, enum. Integers beyond 2^53 are rounded. */
SF_API SF_CHECKED struct sf_error *sf_field_as_f64(struct sf_field field, double *ret);
/** sf_field_as_bool() - is it other than zero: bool, int, uint, char, enum, pointer. */
SF_API SF_CHECKED struct sf_error *sf_field_as_bool(struct sf_field field, bool *ret);
/** sf_field_as_str() - the name of an enum's value. *@ret is the frame's. */
SF_API SF_CHECKED struct sf_error *sf_field_as_str(struct sf_field field, const char **ret);

/** sf_field_try_u64() - sf_field_as_u64() for predicates: false, and no error is made. The same for the three below. */
SF_API bool sf_field_try_u64(struct sf_field field, uint64_t *ret);
SF_API bool sf_field_try_i64(struct sf_field field, int64_t *ret);
SF_API uint64_t sf_field_u64_or(struct sf_field field, uint64_t other);
SF_API int64_t sf_field_i64_or(struct sf_field field, int64_t other);

/** sf_field_raw() - the value underneath, for navigation without errors; false if the field did not resolve. */
SF_API bool sf_field_raw(struct sf_field field, struct sf_value *ret);

/* ---- text ----------------------------------------------------------------------------------------------------- */

/**
 * sf_field_as_text() - the bytes of a char array up to its first NUL, such as a task's comm
 * @buf: gets the text and a NUL; what is not printable ASCII is \xHH there
 * @size: room in @buf, 1 at least; a longer text is cut
 *
 * SF_TYPE_MISMATCH for anything but an array of chars (or of bytes without a type). Pointers to one are followed.
 */
SF_API SF_CHECKED struct sf_error *sf_field_as_text(struct sf_field field, char *buf, size_t size);

/* ---- arrays ---------------------------------------------------------------------------------------------------- */

/**
 * sf_field_as_u64_array() - all elements of an array, each by the rule of sf_field_as_u64()
 * @ret: malloc()ed, also for no elements; free() it
 * @ret_n: how many
 *
 * Pointers to the array, and truncated values, are looked through; of a truncated array there are the elements that it
 * has. All or nothing: SF_TYPE_MISMATCH names the first element that is something else ("Array[2]=Struct"), or what
 * was there in place of an array.
 *
 * Example:
 *	uint64_t *loads;
 *	size_t n;
 *
 *	SF_TRY(sf_field_as_u64_array(sf_view_var(view, "loads"), &loads, &n));
 *	for (size_t i = 0; i < n; i++)
 *		printf("CPU %zu: %" PRIu64 "\n", i, loads[i]);
 *	free(loads);
 */
SF_API SF_CHECKED struct sf_error *sf_field_as_u64_array(struct sf_field field, uint64_t **ret, size_t *ret_n);
/** sf_field_as_u32_array() - as u64, and each below 2^32. */
SF_API SF_CHECKED struct sf_error *sf_field_as_u32_array(struct sf_field field, uint32_t **ret, size_t *ret_n);
/** sf_field_as_i64_array() - by the rule of sf_field_as_i64(). */
SF_API SF_CHECKED struct sf_error *sf_field_as_i64_array(struct sf_field field, int64_t **ret, size_t *ret_n);
/** sf_field_as_f64_array() - by the rule of sf_field_as_f64(). */
SF_API SF_CHECKED struct sf_error *sf_field_as_f64_array(struct sf_field field, double **ret, size_t *ret_n);
/** sf_field_as_bool_array() - by the rule of sf_field_as_bool(). */
SF_API SF_CHECKED struct sf_error *sf_field_as_bool_array(struct sf_field field, bool **ret, size_t *ret_n);

/**
 * sf_field_members() - the elements of an array, one after the other
 *
 * Looks through like the arrays above. Anything that is no array has none, and that is no error.
 */
SF_API struct sf_iter sf_field_members(struct sf_field field);
/** sf_field_next() - the next element; false: there is none. */
SF_API bool sf_field_next(struct sf_iter *it, struct sf_field *ret);

/** sf_for_each_member() - loop over the elements of an array; @member is a variable of the caller's, a struct sf_field */
#define sf_for_each_member(member, field)                                                          \
	for (struct sf_iter member##_it = sf_field_members(field); sf_field_next(&member##_it, &(member));)

/* ---- paths that are read once -------------------------------------------------------------------------------------- */

struct sf_path; /* immutable; any number of threads may use one */

/**
 * sf_path_new() - read a path for many uses
 * @text: as in sf_field_get()
 * @ret: sf_path_free() it
 *
 * Return: SF_EMPTY_PATH_COMPONENT, SF_BAD_PATH, SF_NO_MEMORY.
 *
 * Example:
 *	SF_OWNED(path) weight = NULL;
 *	uint64_t total = 0, w;
 *	struct sf_entry e;
 *
 *	SF_TRY(sf_path_new("ctx.weight.value", &weight));
 *	sf_for_each_entry(e, sf_view_map(view, "scx_per_task")) {
 *		SF_TRY(sf_entry_read_u64(&e, weight, &w));
 *		total += w;
 *	}
 *	SF_ENSURE(total == 350, "all weights together are %" PRIu64, total);
 */
SF_API SF_CHECKED struct sf_error *sf_path_new(const char *text, struct sf_path **ret);
/** sf_path_free() - NULL is fine. */
SF_API void sf_path_free(struct sf_path *path);
SF_DEFINE_CLEANUP(path, sf_path_free)

/**
 * sf_field_read_u64() - sf_field_get() and sf_field_as_u64() in one call, for loops
 * @field: by address, which saves copies
 * @path: NULL is the field itself
 *
 * Errors are those of the two.
 */
SF_API SF_CHECKED struct sf_error *sf_field_read_u64(const struct sf_field *field, const struct sf_path *path,
						     uint64_t *ret);
/** sf_field_read_i64() - the same as a signed number. */
SF_API SF_CHECKED struct sf_error *sf_field_read_i64(const struct sf_field *field, const struct sf_path *path,
						     int64_t *ret);

#ifdef __cplusplus
} /* extern "C" */
static inline struct sf_error *sf_as(struct sf_field f, uint64_t *r) { return sf_field_as_u64(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, unsigned long long *r)
{
	uint64_t v;
	struct sf_error *err = sf_field_as_u64(f, &v);
	if (!err)
		*r = v;
	return err;
}
static inline struct sf_error *sf_as(struct sf_field f, int64_t *r) { return sf_field_as_i64(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, double *r) { return sf_field_as_f64(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, bool *r) { return sf_field_as_bool(f, r); }
static inline struct sf_error *sf_as(struct sf_field f, const char **r) { return sf_field_as_str(f, r); }
#else
SF_CHECKED static inline struct sf_error *sf_field_as_ull_(struct sf_field f, unsigned long long *r)
{
	uint64_t v;
	struct sf_error *err = sf_field_as_u64(f, &v);
	if (!err)
		*r = v;
	return err;
}
/** sf_as() - the conversion of a field that the type of @ret asks for: uint64_t, int64_t, double, bool, const char * */
#define sf_as(field, ret)                                                                          \
	_Generic((ret), uint64_t *: sf_field_as_u64, unsigned long long *: sf_field_as_ull_,       \
		 int64_t *: sf_field_as_i64, double *: sf_field_as_f64, bool *: sf_field_as_bool,  \
		 const char **: sf_field_as_str)((field), (ret))
#endif
#endif

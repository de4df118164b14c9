/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_JSON_H
#define STILLFRAME_JSON_H

/*
 * Asking a JSON document, such as the statistics that a scheduler reports, in the words of fields (field.h): a path that
 * does not resolve yields a field with its error, and a chain is checked once, at its end. Integers are exact up to 64
 * bits. Errors are borrowed from the document, as those of accessors are from a snapshot.
 */

#include "stillframe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sf_json_doc;  /* a parsed document; one thread asks it */
struct sf_json_node; /* a value in it; opaque */

/**
 * sf_json_parse() - read a document
 * @text: UTF-8, @len bytes; may go afterwards
 * @ret: sf_json_doc_free() it
 *
 * Strict (RFC 8259): one value and white space.
 *
 * Return: SF_BAD_INPUT, with line and column; SF_NO_MEMORY.
 *
 * Example:
 *	const char text[] = "{\"top\": {\"load\": 0.5}}";
 *	SF_OWNED(json_doc) doc = NULL;
 *	double load;
 *
 *	SF_TRY(sf_json_parse(text, sizeof(text) - 1, &doc));
 *	SF_TRY(sf_error_detach(sf_json_field_as_f64(sf_stats_path(doc, "top.load"), &load)));
 *	SF_ENSURE(load < 1, "the load is %g", load);
 */
SF_API SF_CHECKED struct sf_error *sf_json_parse(const char *text, size_t len, struct sf_json_doc **ret);
/** sf_json_doc_free() - NULL is fine. Fields, nodes, strings and errors taken from it are no longer valid. */
SF_API void sf_json_doc_free(struct sf_json_doc *doc);
SF_DEFINE_CLEANUP(json_doc, sf_json_doc_free)

/* A plain value of fixed size, private inside, valid as long as its document. */
struct sf_json_field {
	uint64_t priv[4];
};
SF_ASSERT_SIZE(struct sf_json_field, 32);

/**
 * sf_stats_path() - walk a dotted path from the root of @doc
 * @path: keys with dots between; "" is the root itself. A key that has a dot cannot be reached, nor can elements of arrays
 *
 * Errors: SF_EMPTY_PATH_COMPONENT, SF_NOT_A_STRUCT (what was entered: "Number"), SF_FIELD_NOT_FOUND (lists the keys there
 * are, sorted).
 */
SF_API struct sf_json_field sf_stats_path(struct sf_json_doc *doc, const char *path);
/** sf_json_field_get() - the same from @field on. */
SF_API struct sf_json_field sf_json_field_get(struct sf_json_field field, const char *path);
/** sf_json_field_is_present() - did it resolve? */
SF_API bool sf_json_field_is_present(struct sf_json_field field);
/** sf_json_field_error() - why it did not; NULL: it did. Borrowed. */
SF_API struct sf_error *sf_json_field_error(struct sf_json_field field);
/** sf_json_field_raw() - the value itself; NULL if the field did not resolve. */
SF_API const struct sf_json_node *sf_json_field_raw(struct sf_json_field field);
/** sf_json_node_kind() - "Null", "Bool", "Number", "String", "Array" or "Object", as errors name it. */
SF_API const char *sf_json_node_kind(const struct sf_json_node *node);

/**
 * sf_json_field_as_u64() - the field as an unsigned number
 *
 * Converts integers from 0, whole numbers written as reals (one beyond 2^64-1 stays at that), true and false (1, 0), and
 * strings of decimal digits. SF_TYPE_MISMATCH for all else.
 */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_u64(struct sf_json_field field, uint64_t *ret);
/** sf_json_field_as_i64() - the same with a sign; beyond INT64_MAX an integer is SF_TYPE_MISMATCH, a real stays there. */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_i64(struct sf_json_field field, int64_t *ret);
/** sf_json_field_as_f64() - numbers, and strings that are one ("1.5", "1e3", "inf", "nan"). */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_f64(struct sf_json_field field, double *ret);
/** sf_json_field_as_bool() - true and false only. */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_bool(struct sf_json_field field, bool *ret);
/** sf_json_field_as_str() - a string: @ret_len bytes and a NUL; it may have NULs inside. The document's. */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_str(struct sf_json_field field, const char **ret, size_t *ret_len);

/**
 * sf_json_field_as_u64_array() - all elements of an array, each by the rule above
 * @ret: malloc()ed; free() it
 *
 * All or nothing: the first element's error is the array's.
 */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_u64_array(struct sf_json_field field, uint64_t **ret, size_t *ret_n);
/** sf_json_field_as_u32_array() - as u64, and each below 2^32. */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_u32_array(struct sf_json_field field, uint32_t **ret, size_t *ret_n);
/** sf_json_field_as_i64_array() - by the rule of sf_json_field_as_i64(). */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_i64_array(struct sf_json_field field, int64_t **ret, size_t *ret_n);
/** sf_json_field_as_f64_array() - by the rule of sf_json_field_as_f64(). */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_f64_array(struct sf_json_field field, double **ret, size_t *ret_n);
/** sf_json_field_as_bool_array() - true and false only. */
SF_API SF_CHECKED struct sf_error *sf_json_field_as_bool_array(struct sf_json_field field, bool **ret, size_t *ret_n);

/** struct sf_json_iter - a position among the elements of an array. Needs no cleaning up. */
struct sf_json_iter {
	uint64_t priv[4];
};
/** sf_json_field_members() - the elements of an array; anything else has none, and that is no error. */
SF_API struct sf_json_iter sf_json_field_members(struct sf_json_field field);
/** sf_json_field_next() - the next element; false: there is none. */
SF_API bool sf_json_field_next(struct sf_json_iter *it, struct sf_json_field *ret);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

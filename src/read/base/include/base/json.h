/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BASE_JSON_H
#define SF_BASE_JSON_H

/*
 * JSON, exact for 64-bit integers.
 *
 * The writer streams: it keeps one bit of state per nesting level and holds O(depth) memory however much it writes.
 * The reader is strict (RFC 8259, no NaN, no trailing commas, valid UTF-8, depth limited) and keeps integers exact:
 * a literal without fraction and exponent that fits u64 or i64 is an integer, any other number is a real, and refused
 * where it is too large for one.
 * Strings may hold NULs and carry a length. Object members keep their order; the first of two equal keys wins.
 */

#include "base/error.h"

/* ---- writer ----------------------------------------------------------------------------------- */

#define SF_JSON_DEPTH 512

/* Receives the text in pieces. Returns false to stop; every later call is then a no-op and finish() says so. */
typedef bool sf_json_sink(void *arg, const char *text, size_t len);

struct sf_json_writer {
	sf_json_sink *sink;
	void *arg;
	bool failed;             /* the sink refused, nesting beyond SF_JSON_DEPTH, or calls that make no JSON */
	bool pretty;             /* two-space indentation */
	bool after_key;
	bool has_root;
	bool in_str, str_begun;  /* a string is open; something is in it */
	uint32_t depth;
	uint8_t has_member[SF_JSON_DEPTH / 8];
	uint8_t is_object[SF_JSON_DEPTH / 8];
	size_t n;
	char buf[4096];
};

void sf_json_writer_init(struct sf_json_writer *w, sf_json_sink *sink, void *arg, bool pretty);
bool sf_json_writer_finish(struct sf_json_writer *w); /* flushes; false: what was written is not one whole value */

void sf_json_begin_object(struct sf_json_writer *w);
void sf_json_end_object(struct sf_json_writer *w);
void sf_json_begin_array(struct sf_json_writer *w);
void sf_json_end_array(struct sf_json_writer *w);
void sf_json_key(struct sf_json_writer *w, const char *key);
void sf_json_keyn(struct sf_json_writer *w, const char *key, size_t len);
/* Bytes that are not UTF-8 are written as \xHH text (backslash, x, two digits), so that the output is always JSON. */
void sf_json_str(struct sf_json_writer *w, const char *text); /* NULL writes null */
void sf_json_strn(struct sf_json_writer *w, const char *text, size_t len);
void sf_json_strf(struct sf_json_writer *w, const char *fmt, ...) sf_printf(2, 3);
void sf_json_u64(struct sf_json_writer *w, uint64_t v);
void sf_json_i64(struct sf_json_writer *w, int64_t v);
/* The shortest text that reads back as an equal real (2 is `2.0`); NaN and infinities are null. */
void sf_json_f64(struct sf_json_writer *w, double v);
void sf_json_bool(struct sf_json_writer *w, bool v);
void sf_json_null(struct sf_json_writer *w);
void sf_json_raw(struct sf_json_writer *w, const char *json, size_t len); /* @json is one complete value, trusted */
/*
 * For who makes up a value's text himself, which is trusted to be one. sf_json_open() begins a value: what comes before
 * it is written, the rest is up to the caller. sf_json_room() is where @n bytes can be written, at most SF_JSON_ROOM;
 * `n` of the writer then has to be moved by what was. false: the writer has failed.
 */
#define SF_JSON_ROOM 2048u
bool sf_json_open(struct sf_json_writer *w);
bool sf_json_room(struct sf_json_writer *w, size_t n);
/* Numbers as text, SF_JSON_NUMBER bytes at most; the end of it is returned. */
#define SF_JSON_NUMBER 40u
char *sf_json_text_u64(char *to, uint64_t v);
char *sf_json_text_i64(char *to, int64_t v);
char *sf_json_text_f64(char *to, double v);

/*
 * One string in pieces: text (whole characters, escaped as above), or bytes as "de ad", where NULL stands for @n bytes
 * that are not known, each "??".
 */
void sf_json_begin_str(struct sf_json_writer *w);
void sf_json_str_text(struct sf_json_writer *w, const char *text, size_t len);
void sf_json_str_hex(struct sf_json_writer *w, const void *bytes, size_t n);
void sf_json_end_str(struct sf_json_writer *w);
struct sf_json_node;
void sf_json_node(struct sf_json_writer *w, const struct sf_json_node *node); /* a value that was read, with all below it */

/* A member of an object in one call. A NULL @text writes null. */
void sf_json_put_str(struct sf_json_writer *w, const char *key, const char *text);
void sf_json_put_u64(struct sf_json_writer *w, const char *key, uint64_t v);
void sf_json_put_bool(struct sf_json_writer *w, const char *key, bool v);

/* A sink that collects into memory. Zero-initialise; free() `text`, which is NUL-terminated. */
struct sf_json_buffer {
	char *text;
	size_t len, cap;
};
bool sf_json_buffer_sink(void *buffer, const char *text, size_t len);
/* A sink that writes to a FILE. */
bool sf_json_file_sink(void *file, const char *text, size_t len);

/* ---- reader ----------------------------------------------------------------------------------- */

enum sf_json_type {
	SF_JSON_NULL,
	SF_JSON_BOOL,
	SF_JSON_UINT, /* an integer >= 0 that fits u64: value.u64 */
	SF_JSON_INT,  /* an integer < 0 that fits i64: value.i64 */
	SF_JSON_REAL,
	SF_JSON_STRING,
	SF_JSON_ARRAY,
	SF_JSON_OBJECT,
};

struct sf_json_node {
	enum sf_json_type type;
	uint32_t n;                      /* elements or members */
	const char *key;                 /* of a member of an object; NUL-terminated */
	uint32_t key_len;
	uint32_t str_len;
	union {
		bool boolean;
		uint64_t u64;
		int64_t i64;
		double f64;
		const char *str;         /* NUL-terminated beside its length */
		const struct sf_json_node *first; /* first child */
	} value;
	const struct sf_json_node *next; /* sibling */
};

struct sf_json; /* a document; owns its nodes and strings */

/*
 * Parses all of @text (white space around one value). SF_BAD_INPUT names what was wrong, line and column.
 * Nesting deeper than SF_JSON_DEPTH is refused; memory is proportional to @len.
 */
SF_CHECKED struct sf_error *sf_json_read(const char *text, size_t len, struct sf_json **ret);
const struct sf_json_node *sf_json_root(const struct sf_json *json);
void sf_json_unref(struct sf_json *json); /* NULL is fine */

const struct sf_json_node *sf_json_member(const struct sf_json_node *object, const char *key); /* NULL: none, or no object */
const struct sf_json_node *sf_json_element(const struct sf_json_node *array, size_t i);
/* Typed members with a default: absent, of another type or out of the type's range gives @other. */
uint64_t sf_json_member_u64(const struct sf_json_node *object, const char *key, uint64_t other);
int64_t sf_json_member_i64(const struct sf_json_node *object, const char *key, int64_t other);
bool sf_json_member_bool(const struct sf_json_node *object, const char *key, bool other);
const char *sf_json_member_str(const struct sf_json_node *object, const char *key, const char *other);

static inline void sf_json_unref_cleanup(struct sf_json **p)
{
	sf_json_unref(*p);
}
#define _cleanup_json_ _cleanup_(sf_json_unref_cleanup)

#endif

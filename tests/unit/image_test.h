/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_IMAGE_TEST_H
#define SF_TESTS_IMAGE_TEST_H

/* What the tests of the image room share: assertions about errors, and cores in memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image/core.h"

#define assert_ok(expr)                                                                            \
	do {                                                                                       \
		struct sf_error *err_ = (expr);                                                    \
		if (err_)                                                                          \
			fail_msg("%s: %s", #expr, sf_error_message(err_));                         \
	} while (0)
#define assert_code(expr, c)                                                                       \
	do {                                                                                       \
		SF_OWNED(error) err_ = (expr);                                                     \
		if (sf_error_code(err_) != (c))                                                    \
			fail_msg("%s: code %d, not %d: %s", #expr, sf_error_code(err_), c,         \
				 err_ ? sf_error_message(err_) : "no error");                      \
	} while (0)
#define assert_says(expr, c, text)                                                                 \
	do {                                                                                       \
		SF_OWNED(error) said_ = (expr);                                                    \
		if (sf_error_code(said_) != (c) || !strstr(sf_error_message(said_), text))         \
			fail_msg("%s: code %d, not %d, or not \"%s\": %s", #expr,                  \
				 sf_error_code(said_), c, text,                                    \
				 said_ ? sf_error_message(said_) : "no error");                    \
	} while (0)

struct bytes {
	uint8_t *v;
	size_t len;
};

static inline struct sf_error *collect(void *arg, const void *data, size_t len)
{
	struct bytes *b = arg;

	b->v = realloc(b->v, b->len + len);
	memcpy(b->v + b->len, data, len);
	b->len += len;
	return NULL;
}

static inline SF_CHECKED struct sf_error *open_copy(const void *data, size_t len, struct sf_core **ret)
{
	uint8_t *copy = malloc(len + 1);

	if (len)
		memcpy(copy, data, len);
	return sf_core_open_memory(copy, len, "copy", ret);
}

#endif

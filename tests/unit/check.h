/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_CHECK_H
#define SF_TESTS_CHECK_H

/* cmocka, and what tests say of errors. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"

#define assert_ok(expr)                                                                            \
	do {                                                                                       \
		struct sf_error *err_ = (expr);                                                    \
		if (err_)                                                                          \
			fail_msg("%s: %s", #expr, sf_error_message(err_));                         \
	} while (0)

/* The error has this code, and its message contains @text. Frees it. */
#define assert_says(expr, c, text)                                                                 \
	do {                                                                                       \
		SF_OWNED(error) said_ = (expr);                                                    \
		const char *message_ = said_ ? sf_error_message(said_) : "no error";               \
		if (sf_error_code(said_) != (c) || !strstr(message_, text))                        \
			fail_msg("%s: %s, not %s, or not \"%s\": %s", #expr,                       \
				 sf_error_code_name(sf_error_code(said_)), sf_error_code_name(c), text, message_); \
	} while (0)

#define assert_code(expr, c) assert_says(expr, c, "")

#define assert_contains(text, part)                                                                \
	do {                                                                                       \
		if (!strstr(text, part))                                                           \
			fail_msg("no \"%s\" in: %s", part, text);                                  \
	} while (0)

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_ASSERT_H
#define STILLFRAME_ASSERT_H

/*
 * Assertions for tests that belong to a framework of their own: cmocka, Check, kselftest_harness. Include its header
 * first; what fails, fails the way its own assertions do. For another one define SF_ASSERT_FAIL(text) before this header.
 *
 * Frameworks leave a test that failed by longjmp() or abort(), which releases no local: let a fixture own frames and
 * snapshots. Errors are released before that, so that an assertion itself leaves nothing behind. Tests that are functions
 * of their own which return an error need none of this: see SF_TRY() and SF_ENSURE() (test.h).
 */

#include <inttypes.h>
#include <stdio.h>

#include "stillframe/expr.h"

#ifndef SF_ASSERT_FAIL
#if defined(CMOCKA_H_)
#define SF_ASSERT_FAIL(text) fail_msg("%s", text)
#elif defined(CHECK_H)
#define SF_ASSERT_FAIL(text) ck_abort_msg("%s", text)
#elif defined(__KSELFTEST_HARNESS_H)
/* Fields of its metadata have changed over the years; its macros have not. */
#define SF_ASSERT_FAIL(text) ASSERT_TRUE(0) { TH_LOG("%s", text); }
#else
#error "include the header of your test framework first, or define SF_ASSERT_FAIL(text)"
#endif
#endif

#define SF_ASSERT_TEXT 1024 /* bytes of what a failed assertion says */

/* False: @text says what @err was about. @err is released. */
static inline bool sf_assert_is_ok_(struct sf_error *err, const char *what, char text[SF_ASSERT_TEXT])
{
	if (!err)
		return true;
	snprintf(text, SF_ASSERT_TEXT, "%s: %s", what, sf_error_message(err));
	sf_error_free(err);
	return false;
}

static inline bool sf_assert_holds_(struct sf_view view, const char *expr, char text[SF_ASSERT_TEXT])
{
	struct sf_error *err = sf_view_check(view, expr);
	struct sf_frame_info info;

	if (!err)
		return true;
	info.size = sizeof(info);
	sf_frame_info(sf_view_frame(view), &info);
	snprintf(text, SF_ASSERT_TEXT, "frame %s: %s", info.tag, sf_error_message(err));
	sf_error_free(err);
	return false;
}

static inline bool sf_assert_is_code_(struct sf_error *err, enum sf_code code, const char *what,
				      char text[SF_ASSERT_TEXT])
{
	bool is = sf_error_code(err) == code;

	if (!is)
		snprintf(text, SF_ASSERT_TEXT, "%s: expected %s, got %s", what, sf_error_code_name(code),
			 err ? sf_error_message(err) : "no error");
	sf_error_free(err);
	return is;
}

/** sf_assert_ok() - @expr, which returns an error, returns none */
#define sf_assert_ok(expr)                                                                         \
	do {                                                                                       \
		char sf_text_[SF_ASSERT_TEXT];                                                     \
		if (!sf_assert_is_ok_((expr), #expr, sf_text_)) {                                  \
			SF_ASSERT_FAIL(sf_text_);                                                  \
		}                                                                                  \
	} while (0)

/** sf_assert_code() - @expr returns an error of this code (SF_OK: none) */
#define sf_assert_code(expr, code)                                                                 \
	do {                                                                                       \
		char sf_text_[SF_ASSERT_TEXT];                                                     \
		if (!sf_assert_is_code_((expr), (code), #expr, sf_text_)) {                        \
			SF_ASSERT_FAIL(sf_text_);                                                  \
		}                                                                                  \
	} while (0)

/** sf_assert_holds() - an expression of stillframe-expressions(7) is true: sf_assert_holds(view, "var(nr_dispatched) > 0") */
#define sf_assert_holds(view, text)                                                                \
	do {                                                                                       \
		char sf_text_[SF_ASSERT_TEXT];                                                     \
		if (!sf_assert_holds_((view), (text), sf_text_)) {                                 \
			SF_ASSERT_FAIL(sf_text_);                                                  \
		}                                                                                  \
	} while (0)

#define SF_ASSERT_NUMBER_(type, convert, format, field, op, number)                                \
	do {                                                                                       \
		char sf_text_[SF_ASSERT_TEXT];                                                     \
		type sf_have_ = 0, sf_want_ = (number);                                            \
		bool sf_ok_ = sf_assert_is_ok_(convert((field), &sf_have_), #field, sf_text_);     \
		if (sf_ok_ && !(sf_have_ op sf_want_)) {                                           \
			snprintf(sf_text_, sizeof(sf_text_), "%s %s %" format ": it is %" format,  \
				 #field, #op, sf_want_, sf_have_);                                 \
			sf_ok_ = false;                                                            \
		}                                                                                  \
		if (!sf_ok_) {                                                                     \
			SF_ASSERT_FAIL(sf_text_);                                                  \
		}                                                                                  \
	} while (0)

/** sf_assert_u64() - compare a field as a number: sf_assert_u64(sf_view_var(view, "nr_cpus"), ==, 2) */
#define sf_assert_u64(field, op, number) SF_ASSERT_NUMBER_(uint64_t, sf_field_as_u64, PRIu64, field, op, number)
/** sf_assert_i64() - the same as a signed number */
#define sf_assert_i64(field, op, number) SF_ASSERT_NUMBER_(int64_t, sf_field_as_i64, PRId64, field, op, number)

#endif

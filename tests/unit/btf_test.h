/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_BTF_TEST_H
#define SF_TESTS_BTF_TEST_H

/* For the tests of BTF: from what was built by hand to the reader, and what it says of a type. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "btf_builder.h"

#include "base/util.h"

/* Opens what @b made; the bytes go with the BTF. */
static inline struct sf_btf *open_over(struct btfb *b, struct sf_btf *base)
{
	struct sf_btf *btf = NULL;
	size_t len;
	uint8_t *bytes = btfb_finish(b, &len);
	struct sf_error *err = sf_btf_new(bytes, len, base, free, bytes, &btf);

	if (err)
		fail_msg("%s", sf_error_message(err));
	return btf;
}

static inline struct sf_btf *open_all(struct btfb *b)
{
	return open_over(b, NULL);
}

static inline void assert_text(const struct sf_btf *btf, uint32_t id, const char *expected)
{
	char text[256];

	sf_btf_type_text(btf, id, text, sizeof(text));
	assert_string_equal(text, expected);
}

static inline uint64_t size_of(const struct sf_btf *btf, uint32_t id)
{
	uint64_t size = 0;

	assert_true(sf_btf_size_of(btf, id, &size));
	return size;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_TYPED_TEST_H
#define SF_TESTS_TYPED_TEST_H

/* For tests that ask a value in memory: a guest with the map "v", whose one value is of a type that the test makes. */

#include "ask_test.h"
#include "fake_bpf.h"

struct typed_ask {
	struct fake_guest *g;
	struct btfb *b;
	uint32_t u8, u16, u32, s32, u64, s64, chr, yes, f64;
	uint64_t map;
	struct sf_frame *frame;
	struct ask ask;
};

static inline void typed_begin(struct typed_ask *t)
{
	*t = (struct typed_ask){ .g = fake_new(&(struct fake_options){ .small = true }), .b = malloc(sizeof(*t->b)) };
	assert_non_null(t->b);
	btfb_init(t->b, NULL);
	t->u8 = btfb_add_int(t->b, "u8", 1, 0);
	t->u16 = btfb_add_int(t->b, "u16", 2, 0);
	t->u32 = btfb_add_int(t->b, "u32", 4, 0);
	t->s32 = btfb_add_int(t->b, "s32", 4, BTFB_SIGNED);
	t->u64 = btfb_add_int(t->b, "u64", 8, 0);
	t->s64 = btfb_add_int(t->b, "s64", 8, BTFB_SIGNED);
	t->chr = btfb_add_int(t->b, "char", 1, BTFB_CHAR);
	t->yes = btfb_add_int(t->b, "bool", 1, BTFB_BOOL);
	t->f64 = btfb_add_float(t->b, "double", 8);
}

/* The types are complete; the value is of @type (0: of none) and has @len bytes. */
static inline void typed_open(struct typed_ask *t, uint32_t type, const void *bytes, size_t len)
{
	uint64_t btf = fake_add_btf(t->g, t->b, 0);

	t->map = fake_add_map(t->g, &(struct fake_map){ .name = "v", .value_size = (uint32_t)len, .btf = type ? btf : 0,
							.key_type = t->u32, .value_type = type, .values = bytes,
							.values_len = len });
	t->frame = fake_live(t->g);
	assert_ok(sf_snapshot_new(t->frame, &t->ask.snap));
	t->ask.view = sf_snapshot_view(t->ask.snap);
}

static inline void typed_end(struct typed_ask *t)
{
	sf_snapshot_free(t->ask.snap);
	sf_frame_unref(t->frame);
	fake_free(t->g);
	free(t->b);
}
#define _cleanup_typed_ __attribute__((cleanup(typed_end)))

#endif

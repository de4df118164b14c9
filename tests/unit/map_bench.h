/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_MAP_BENCH_H
#define SF_TESTS_MAP_BENCH_H

/* For tests of maps as JSON: a guest with a map of every type, read as it is now, so that a test can break it. */

#include <malloc.h>

#include "fake_bpf.h"
#include "render_bench.h"

struct map_bench {
	struct fake_guest *guest;
	struct fake_maps maps;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
};

/* Before map_bench_open() a test can add maps of its own. CPU 2 of 4 was never set up. */
static inline struct map_bench *map_bench_new(void)
{
	struct map_bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->guest = fake_new(&(struct fake_options){ .small = true, .unset_cpus = 1 << 2 });
	fake_scene_maps_add(b->guest, &b->maps);
	return b;
}

static inline void map_bench_open(struct map_bench *b)
{
	b->frame = fake_live(b->guest);
	assert_ok(sf_snapshot_new(b->frame, &b->snap));
}

static inline int map_bench_begin(void **state)
{
	*state = map_bench_new();
	return 0;
}

static inline int map_bench_end(void **state)
{
	struct map_bench *b = *state;

	sf_snapshot_free(b->snap);
	sf_frame_unref(b->frame);
	fake_free(b->guest);
	free(b);
	return 0;
}

#define MAP_TEST(name) cmocka_unit_test_setup_teardown(name, map_bench_begin, map_bench_end)

static inline const struct sf_snap_map *map_called(struct map_bench *b, const char *name)
{
	const struct sf_snap_map *ret = NULL;

	if (!b->snap)
		map_bench_open(b);
	if (!sf_map_snap(sf_view_map(sf_snapshot_view(b->snap), name), &ret))
		fail_msg("no map %s", name);
	return ret;
}

/* A sink that takes no more than `room` bytes in all, and watches how much memory is in use. */
struct counting {
	uint64_t room, taken;
	size_t start, most;
};

static inline size_t heap_in_use(void)
{
	return mallinfo2().uordblks;
}

static inline bool counting_sink(void *arg, const char *text, size_t len)
{
	struct counting *c = arg;
	size_t now = heap_in_use();

	(void)text;
	c->most = sf_max(c->most, now > c->start ? now - c->start : 0);
	if (len > c->room - c->taken)
		return false;
	c->taken += len;
	return true;
}

#endif

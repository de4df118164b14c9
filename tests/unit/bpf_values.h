/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_BPF_VALUES_H
#define SF_TESTS_BPF_VALUES_H

/* What the tests of map elements share: a guest whose CPU 2 was never set up, and all elements of a map at once. */

#include "check.h"

#include "bpf/values.h"
#include "fake_bpf.h"

struct bench {
	struct fake_guest *g;
	struct sf_bpf *bpf;
	struct sf_vmem vm;
};

struct elems {
	struct sf_bpf_map map;
	struct sf_bpf_elem *v;
	size_t n, cap;
	struct sf_bpf_torn torn;
};

static inline int make_bench_with(void **state, const struct fake_options *opt)
{
	struct bench *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->g = fake_new(opt);
	fake_open(t->g);
	assert_ok(sf_bpf_new(t->g->kernel, &t->bpf));
	sf_vmem_init(&t->vm, t->g->img, t->g->kernel);
	*state = t;
	return 0;
}

static inline int make_bench(void **state)
{
	return make_bench_with(state, &(struct fake_options){ .small = true, .unset_cpus = 4 });
}

/* The other side of everything that can differ. */
static inline int make_moved_bench(void **state)
{
	return make_bench_with(state, &(struct fake_options){ .small = true, .five_levels = true, .high = true,
							       .encoding = SF_KALLSYMS_PC_RELATIVE, .kaslr = 0x1e200000,
							       .phys = 4 << 20, .direct_shift = 3ull << 30,
							       .unset_cpus = 4 });
}

static inline int drop_bench(void **state)
{
	struct bench *t = *state;

	sf_bpf_free(t->bpf);
	fake_free(t->g);
	free(t);
	return 0;
}

struct wanted {
	uint64_t kva;
	struct sf_bpf_map map;
	bool found;
};

static inline bool on_wanted(void *arg, const struct sf_bpf_map *map)
{
	struct wanted *w = arg;

	if (map->kva != w->kva)
		return true;
	w->map = *map;
	w->found = true;
	return false;
}

static inline struct sf_bpf_map map_in(struct bench *t, struct sf_vmem *vm, uint64_t kva)
{
	struct wanted w = { .kva = kva };
	struct sf_bpf_stats stats;

	assert_ok(sf_bpf_maps(t->bpf, vm, on_wanted, &w, &stats));
	assert_true(w.found);
	return w.map;
}

static inline struct sf_bpf_map map_at(struct bench *t, uint64_t kva)
{
	sf_vmem_flush(&t->vm);
	return map_in(t, &t->vm, kva);
}

static inline struct elems elems_in(struct bench *t, struct sf_vmem *vm, uint64_t kva)
{
	struct elems all = { .map = map_in(t, vm, kva) };
	struct sf_bpf_cursor c;
	struct sf_bpf_elem e;

	sf_bpf_cursor_init(&c, t->bpf, vm, &all.map);
	while (sf_bpf_cursor_next(&c, &e)) {
		assert_int_equal(e.position, all.n);
		*sf_vec_push(&all) = e;
	}
	/* What is over stays over. */
	assert_false(sf_bpf_cursor_next(&c, &e));
	all.torn = c.torn;
	return all;
}

static inline struct elems elems_of(struct bench *t, uint64_t kva)
{
	sf_vmem_flush(&t->vm);
	return elems_in(t, &t->vm, kva);
}

static inline void drop_elems(struct elems *all)
{
	free(all->v);
}
#define _cleanup_elems_ __attribute__((cleanup(drop_elems)))

static inline uint64_t read64(struct bench *t, uint64_t kva)
{
	uint64_t v;

	fake_read(t->g, kva, &v, sizeof(v));
	return v;
}

static inline uint32_t read32(struct bench *t, uint64_t kva)
{
	uint32_t v;

	fake_read(t->g, kva, &v, sizeof(v));
	return v;
}

#define assert_whole(all)                                                                          \
	do {                                                                                       \
		if ((all).torn.why)                                                                \
			fail_msg("%s at 0x%llx", (all).torn.why, (unsigned long long)(all).torn.at); \
		assert_int_equal((all).torn.n_buckets, 0);                                         \
		assert_int_equal((all).torn.n_chains, 0);                                          \
		assert_int_equal((all).torn.n_superseded, 0);                                      \
		assert_false((all).torn.capped);                                                   \
	} while (0)

#endif

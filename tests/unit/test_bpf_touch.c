/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a capture keeps of the elements of maps: what a listing of the frame needs, and not much else. */
#include "bpf_values.h"

#define NO_LIMIT (64ull << 20)

struct capture {
	struct sf_bpf_kept kept;
	struct sf_image *image;
	struct sf_vmem vm;
	size_t n_pages;
};

static struct capture capture(struct bench *t, uint64_t max_map_bytes)
{
	SF_OWNED(recorder) rec = NULL;
	struct capture c = { 0 };

	assert_ok(sf_recorder_new(t->g->img, 256, 8192, &rec));
	sf_vmem_init(&t->vm, sf_recorder_image(rec), t->g->kernel);
	sf_recorder_begin(rec);
	assert_ok(sf_bpf_touch(t->bpf, &t->vm, &(struct sf_bpf_keep){ .max_map_bytes = max_map_bytes }, &c.kept));
	c.n_pages = sf_recorder_n_pages(rec);
	assert_int_equal(sf_recorder_n_refused(rec), 0);
	assert_ok(sf_recorder_take(rec, &c.image));
	sf_vmem_init(&c.vm, c.image, t->g->kernel);
	sf_vmem_init(&t->vm, t->g->img, t->g->kernel);
	return c;
}

static void drop_capture(struct capture *c)
{
	sf_image_unref(c->image);
}
#define _cleanup_capture_ __attribute__((cleanup(drop_capture)))

static bool is_kept(struct bench *t, const struct capture *c, uint64_t kva)
{
	return sf_image_page(c->image, fake_gpa(t->g, kva), NULL);
}

/* Pages of [kva, kva + len) that were kept. */
static size_t pages_kept(struct bench *t, const struct capture *c, uint64_t kva, uint64_t len)
{
	size_t n = 0;

	for (uint64_t page = kva & SF_PAGE_MASK; page < kva + len; page += SF_PAGE_SIZE)
		n += is_kept(t, c, page);
	return n;
}

/* A copy of the image without the page of @kva. */
static void lose_page(struct bench *t, struct capture *c, uint64_t kva)
{
	uint64_t gpas[2048];
	uint8_t *data = malloc(sizeof(gpas) / 8 * SF_PAGE_SIZE);
	struct sf_image *rest = NULL;
	size_t n = 0;

	assert_non_null(data);
	for (struct sf_image_run run = { 0 }; sf_image_next_run(c->image, run.gpa + run.len, &run);)
		for (uint64_t gpa = run.gpa; gpa < run.gpa + run.len; gpa += SF_PAGE_SIZE) {
			if (gpa == (fake_gpa(t->g, kva) & SF_PAGE_MASK))
				continue;
			assert_in_range(n, 0, ARRAY_SIZE(gpas) - 1);
			memcpy(data + n * SF_PAGE_SIZE, sf_image_page(c->image, gpa, NULL), SF_PAGE_SIZE);
			gpas[n++] = gpa;
		}
	assert_int_equal(n, c->n_pages - 1);
	assert_ok(sf_image_pages_new(gpas, data, n, sf_image_top(c->image), &rest));
	free(data);
	sf_image_unref(c->image);
	c->image = rest;
	sf_vmem_init(&c->vm, rest, t->g->kernel);
}

/* ---- the same elements ------------------------------------------------------------------------------------- */

static void assert_bytes(struct bench *t, struct capture *c, uint64_t kva, uint32_t len)
{
	uint8_t frame[4096], live[4096];

	assert_in_range(len, 1, sizeof(frame));
	assert_int_equal(sf_vmem_read(&c->vm, kva, frame, len), SF_FAULT_NONE);
	assert_int_equal(sf_vmem_read(&t->vm, kva, live, len), SF_FAULT_NONE);
	assert_memory_equal(frame, live, len);
}

static void assert_elem(struct bench *t, struct capture *c, const struct sf_bpf_map *m, const struct sf_bpf_elem *e)
{
	struct sf_bpf_owner *frame = calloc(1, sizeof(*frame)), *live = calloc(1, sizeof(*live));
	uint64_t kva;

	assert_true(frame && live);
	if (e->key)
		assert_bytes(t, c, e->key, m->key_size);
	if (!sf_bpf_is_percpu(m))
		assert_bytes(t, c, e->value, m->value_len);
	for (uint32_t cpu = 0; sf_bpf_is_percpu(m) && cpu < 4; cpu++)
		if (sf_vmem_percpu(&c->vm, e->value, cpu, &kva))
			assert_bytes(t, c, kva, m->value_len);
		else
			assert_int_equal(cpu, 2);
	if (e->owner) {
		assert_true(sf_bpf_owner(t->bpf, &c->vm, m, e->owner, frame));
		assert_true(sf_bpf_owner(t->bpf, &t->vm, m, e->owner, live));
		assert_true(frame->is_readable);
		assert_string_equal(frame->path, live->path);
		assert_memory_equal(frame, live, offsetof(struct sf_bpf_owner, path));
	}
	free(frame);
	free(live);
}

static void assert_same(struct bench *t, struct capture *c, uint64_t kva, size_t n)
{
	_cleanup_elems_ struct elems live = elems_of(t, kva), frame = elems_in(t, &c->vm, kva);

	assert_whole(live);
	assert_whole(frame);
	assert_int_equal(live.n, n);
	assert_int_equal(frame.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_memory_equal(&frame.v[i], &live.v[i], sizeof(live.v[i]));
		assert_elem(t, c, &live.map, &frame.v[i]);
	}
}

static void a_frame_has_the_elements_that_memory_has(void **state)
{
	struct bench *t = *state;
	struct fake_maps s;

	fake_scene_maps_add(t->g, &s);
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_int_equal(c.kept.n_cut_maps, 0);
	assert_int_equal(c.kept.n_torn_chains, 0);
	assert_int_equal(c.kept.n_unreadable, 0);
	assert_same(t, &c, s.hash, 5);
	assert_same(t, &c, s.chained, 12);
	assert_same(t, &c, s.lru, 3);
	assert_same(t, &c, s.cpu_counts, 6);
	assert_same(t, &c, s.cpu_hash, 3);
	assert_same(t, &c, s.task_ctx, 3);
	assert_same(t, &c, s.cgrp_ctx, 3);
	assert_same(t, &c, s.inode_ctx, 1);
	assert_same(t, &c, s.sk_ctx, 1);
	assert_same(t, &c, s.ops, 1);
}

/* Each thing on a page of its own, which nothing but the value leads to. */
static void what_names_an_owner_is_kept(void **state)
{
	struct bench *t = *state;
	static const uint32_t types[] = { SF_BPF_MAP_TYPE_TASK_STORAGE, SF_BPF_MAP_TYPE_CGRP_STORAGE,
					  SF_BPF_MAP_TYPE_INODE_STORAGE, SF_BPF_MAP_TYPE_SK_STORAGE };
	uint64_t owners[4], maps[4], kn, root;

	root = fake_add_cgroup(t->g, 0, "", 1);
	for (size_t i = 0; i < 4; i++) {
		t->g->slab = t->g->slab_end;
		owners[i] = i == 0 ? fake_add_task(t->g, 5, 4, "far") : i == 1 ? fake_add_cgroup(t->g, root, "far", 9) :
			    i == 2 ? fake_add_inode(t->g, 6) : fake_add_sock(t->g, 10, 80);
	}
	kn = fake_kmalloc(t->g, SF_PAGE_SIZE);
	fake_u64(t->g, kn + FK_KN_PARENT, read64(t, read64(t, owners[1] + FK_CGROUP_KN) + FK_KN_PARENT));
	fake_u64(t->g, kn + FK_KN_NAME, fake_kmalloc(t->g, SF_PAGE_SIZE));
	fake_u64(t->g, owners[1] + FK_CGROUP_KN, kn);
	t->g->slab = t->g->slab_end;
	for (size_t i = 0; i < 4; i++) {
		maps[i] = fake_add_storage(t->g, &(struct fake_map){ .name = "far", .type = types[i], .value_size = 8 }, 2);
		fake_store(t->g, maps[i], owners[i], &(uint64_t){ i });
	}
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	for (size_t i = 0; i < 4; i++)
		assert_same(t, &c, maps[i], 1);
}

/* Elements across pages, larger than a page; areas that are not contiguous. */
static void large_elements_are_kept_whole(void **state)
{
	struct bench *t = *state;
	static const uint32_t sizes[] = { 3000, 4096, 9001 };
	uint8_t value[9001];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (uint32_t flags = 0; flags <= FAKE_NO_PREALLOC; flags++) {
			uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "large", .flags = flags,
									       .type = SF_BPF_MAP_TYPE_LRU_HASH,
									       .value_size = sizes[i], .max_entries = 20 });

			for (uint32_t k = 0; k < 20; k++) {
				memset(value, (int)k + 1, sizeof(value));
				fake_hash_add(t->g, kva, &k, value);
			}
		}
	}
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_int_equal(c.kept.n_unreadable, 0);
	for (uint32_t id = 1; id <= 2 * ARRAY_SIZE(sizes); id++) {
		uint64_t head = read64(t, t->g->map_idr + FK_XA_HEAD) & ~3ull;
		uint64_t kva = read64(t, head + FK_NODE_SLOTS + 8 * id);
		_cleanup_elems_ struct elems all = elems_in(t, &c.vm, kva);

		assert_whole(all);
		assert_int_equal(all.n, 20);
		for (size_t k = 0; k < all.n; k++) {
			uint8_t want = (uint8_t)(read32(t, all.v[k].key) + 1);

			assert_int_equal(sf_vmem_read(&c.vm, all.v[k].value, value, all.map.value_len), SF_FAULT_NONE);
			for (uint32_t b = 0; b < all.map.value_len; b++)
				assert_int_equal(value[b], want);
		}
	}
}

static void what_a_frame_lost_is_said(void **state)
{
	struct bench *t = *state;
	uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "chained", .type = SF_BPF_MAP_TYPE_HASH,
							       .flags = FAKE_NO_PREALLOC, .value_size = 8,
							       .max_entries = 4096 });
	uint64_t elem = 0, lost, bucket;

	for (uint32_t i = 0; i < 3; i++) {
		t->g->slab = t->g->slab_end; /* a page for each */
		elem = fake_hash_add_at(t->g, kva, 7, &i, &(uint64_t){ i });
		lost = i == 1 ? elem : lost;
	}
	fake_hash_add_at(t->g, kva, 3000, &(uint32_t){ 9 }, &(uint64_t){ 9 });
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);
	_cleanup_elems_ struct elems all = { 0 };

	lose_page(t, &c, lost);
	all = elems_in(t, &c.vm, kva);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.torn.n_chains, 1);
	assert_string_equal(all.torn.why, "a chain leads to a page that was not kept");
	assert_int_equal(all.torn.at, lost);
	drop_elems(&all);
	bucket = fake_hash_bucket(t->g, kva, 7);
	c.n_pages--;
	lose_page(t, &c, bucket);
	all = elems_in(t, &c.vm, kva);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.torn.n_chains, 0);
	assert_in_range(all.torn.n_buckets, 8, 256);
	assert_string_equal(all.torn.why, "the page of a bucket was not kept");
}

/* ---- pools ---------------------------------------------------------------------------------------------------- */

#define VALUE 64 /* elements are FK_ELEM_KEY + 8 + VALUE = 120 bytes */

static uint64_t add_pool(struct bench *t, uint32_t type, uint32_t max, uint32_t n)
{
	uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "pool", .type = type, .value_size = VALUE,
							       .max_entries = max });
	uint8_t value[4 * VALUE] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		memcpy(value, &i, 4);
		fake_hash_add(t->g, kva, &i, value);
	}
	return kva;
}

static void a_small_pool_is_copied_whole(void **state)
{
	struct bench *t = *state;
	uint64_t kva = add_pool(t, SF_BPF_MAP_TYPE_HASH, 1000, 1);
	struct sf_bpf_map m = map_at(t, kva);
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_int_equal(m.pool_len, (1000 + 4) * 120);
	assert_int_equal(pages_kept(t, &c, m.pool, m.pool_len), (m.pool_len + SF_PAGE_SIZE - 1) / SF_PAGE_SIZE);
	assert_same(t, &c, kva, 1);
}

static void of_a_large_pool_that_is_nearly_empty_only_elements_are_kept(void **state)
{
	struct bench *t = *state;
	uint64_t kva = add_pool(t, SF_BPF_MAP_TYPE_HASH, 20000, 40);
	struct sf_bpf_map m = map_at(t, kva);
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_true(m.pool_len > 1 << 20);
	/* They are the first of the pool. */
	assert_int_equal(pages_kept(t, &c, m.pool, m.pool_len), 2);
	assert_same(t, &c, kva, 40);
}

static void a_large_pool_that_is_in_use_is_copied_whole(void **state)
{
	struct bench *t = *state;
	uint64_t kva = add_pool(t, SF_BPF_MAP_TYPE_LRU_HASH, 20000, 5000);
	struct sf_bpf_map m = map_at(t, kva);
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_int_equal(m.pool_len, 20000 * 120);
	assert_int_equal(pages_kept(t, &c, m.pool, m.pool_len), (m.pool_len + SF_PAGE_SIZE - 1) / SF_PAGE_SIZE);
	assert_int_equal(c.kept.n_unreadable, 0);
	assert_same(t, &c, kva, 5000);
}

/* The elements of CPUs that are not possible are not there: nobody has lost anything. */
static void the_end_of_a_pool_may_be_missing(void **state)
{
	struct bench *t = *state;
	uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "pool", .type = SF_BPF_MAP_TYPE_HASH,
							       .value_size = 4096, .max_entries = 40 });
	struct sf_bpf_map m = map_at(t, kva);

	fake_unmap(t->g, m.pool + m.pool_len - SF_PAGE_SIZE);
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_int_equal(c.kept.n_unreadable, 0);
	fake_unmap(t->g, m.pool + 2 * SF_PAGE_SIZE);
	_cleanup_capture_ struct capture less = capture(t, NO_LIMIT);

	assert_int_equal(less.kept.n_unreadable, 1);
}

static void per_cpu_values_are_kept_of_every_cpu(void **state)
{
	struct bench *t = *state;
	uint64_t kva = add_pool(t, SF_BPF_MAP_TYPE_PERCPU_HASH, 100, 100);
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	assert_same(t, &c, kva, 100);
	for (uint32_t cpu = 0; cpu < 4; cpu++)
		if (cpu != 2)
			assert_int_equal(pages_kept(t, &c, t->g->percpu[cpu] + 0x100, 100 * VALUE), 2);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void a_limit_counts_buckets_elements_and_values(void **state)
{
	struct bench *t = *state;
	uint64_t kva = fake_add_hash(t->g, &(struct fake_map){ .name = "chained", .type = SF_BPF_MAP_TYPE_HASH,
							       .flags = FAKE_NO_PREALLOC, .value_size = 4032,
							       .max_entries = 1024 });
	const uint64_t table = 1024 * FK_BUCKET_SIZE, elem = FK_ELEM_KEY + 8 + 4032;
	uint8_t value[4032] = { 0 };

	/* A page each. */
	for (uint32_t i = 0; i < 64; i++)
		fake_hash_add(t->g, kva, &i, value);
	_cleanup_capture_ struct capture whole = capture(t, table + 64 * elem);
	_cleanup_capture_ struct capture most = capture(t, table + 64 * elem - 1);
	_cleanup_capture_ struct capture half = capture(t, table + 32 * elem), little = capture(t, table / 2);
	_cleanup_elems_ struct elems in_half = elems_in(t, &half.vm, kva), in_little = elems_in(t, &little.vm, kva);

	assert_int_equal(whole.kept.n_cut_maps, 0);
	assert_same(t, &whole, kva, 64);
	assert_int_equal(most.kept.n_cut_maps, 1);
	assert_int_equal(half.kept.n_cut_maps, 1);
	/* One was looked at before the limit was. */
	assert_int_equal(half.n_pages, whole.n_pages - 31);
	assert_int_equal(in_half.n, 33);
	assert_string_equal(in_half.torn.why, "a chain leads to a page that was not kept");
	/* Not even all buckets: no elements. */
	assert_int_equal(little.kept.n_cut_maps, 1);
	assert_int_equal(in_little.torn.n_buckets, 512);
	assert_int_equal(little.n_pages, whole.n_pages - 64 - 2);
}

static void a_limit_counts_every_cpu(void **state)
{
	struct bench *t = *state;
	uint64_t kva = fake_add_percpu_array(t->g, &(struct fake_map){ .name = "counts", .value_size = 1024,
									.max_entries = 12 }, NULL);
	_cleanup_capture_ struct capture whole = capture(t, 12 * 8 + 3 * 12 * 1024);
	_cleanup_capture_ struct capture half = capture(t, 12 * 8 + 3 * 6 * 1024);

	assert_int_equal(whole.kept.n_cut_maps, 0);
	assert_same(t, &whole, kva, 12);
	assert_int_equal(half.kept.n_cut_maps, 1);
	assert_in_range(half.n_pages, 6, whole.n_pages - 3);
}

/* A pool that is larger than the limit is not copied from its start: the elements that are in use are worth more. */
static void a_pool_beyond_the_limit_is_walked(void **state)
{
	struct bench *t = *state;
	uint64_t kva = add_pool(t, SF_BPF_MAP_TYPE_HASH, 4000, 100);
	_cleanup_capture_ struct capture c = capture(t, 4096 * FK_BUCKET_SIZE + 200 * 120);

	assert_int_equal(c.kept.n_cut_maps, 0);
	assert_same(t, &c, kva, 100);
}

static void what_is_torn_is_counted(void **state)
{
	struct bench *t = *state;
	uint64_t hole = fake_vmalloc(t->g, 1), map, elem;
	struct fake_maps s;

	fake_unmap(t->g, hole);
	fake_scene_maps_add(t->g, &s);
	map = fake_add_hash(t->g, &(struct fake_map){ .name = "torn", .type = SF_BPF_MAP_TYPE_HASH, .value_size = 8,
						      .flags = FAKE_NO_PREALLOC, .max_entries = 8 });
	elem = fake_hash_add(t->g, map, &(uint32_t){ 1 }, &(uint64_t){ 1 });
	fake_u64(t->g, elem + FK_ELEM_NEXT, hole);
	fake_u64(t->g, map_at(t, s.cpu_counts).values, 0);
	map = fake_add_hash(t->g, &(struct fake_map){ .name = "wide", .type = SF_BPF_MAP_TYPE_HASH, .value_size = 8,
						      .flags = FAKE_NO_PREALLOC, .max_entries = 4096 });
	fake_unmap(t->g, fake_hash_bucket(t->g, map, 256));
	_cleanup_capture_ struct capture c = capture(t, NO_LIMIT);

	/* One chain, and a page of buckets. */
	assert_int_equal(c.kept.n_torn_chains, 1 + 256);
	/* A pointer, and that page again. */
	assert_int_equal(c.kept.n_unreadable, 2);
	assert_int_equal(c.kept.n_cut_maps, 0);
}

/* The frame of a capturer: what it says of each map is what live memory says. */
static void a_capture_reads_like_live_memory(void **state)
{
	struct bench *t = *state;
	struct fake_maps s;

	fake_scene_maps_add(t->g, &s);
	SF_OWNED(frame) live = fake_live(t->g);
	SF_OWNED(frame) kept = fake_capture(t->g, "now");
	_cleanup_free_ char *before = fake_dump(live, false), *after = fake_dump(kept, false);

	assert_string_equal(before, after);
	assert_contains(after, "demo_ops");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, drop_bench)
#define TEST_BOTH(name) TEST(name), cmocka_unit_test_setup_teardown(name, make_moved_bench, drop_bench)
	const struct CMUnitTest tests[] = {
		TEST_BOTH(a_frame_has_the_elements_that_memory_has),
		TEST(what_names_an_owner_is_kept),
		TEST_BOTH(large_elements_are_kept_whole),
		TEST(what_a_frame_lost_is_said),
		TEST(a_small_pool_is_copied_whole),
		TEST(of_a_large_pool_that_is_nearly_empty_only_elements_are_kept),
		TEST(a_large_pool_that_is_in_use_is_copied_whole),
		TEST(the_end_of_a_pool_may_be_missing),
		TEST_BOTH(per_cpu_values_are_kept_of_every_cpu),
		TEST(a_limit_counts_buckets_elements_and_values),
		TEST(a_limit_counts_every_cpu),
		TEST(a_pool_beyond_the_limit_is_walked),
		TEST(what_is_torn_is_counted),
		TEST_BOTH(a_capture_reads_like_live_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

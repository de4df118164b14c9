/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps that a vCPU was stopped in the middle of, or that a guest lies about: what is left out, what is said of it. */
#include "bpf_values.h"

/* A hash of 8 buckets, not preallocated: keys and values are what we say, and so are hashes. */
static uint64_t add_table(struct bench *t, uint32_t flags)
{
	return fake_add_hash(t->g, &(struct fake_map){ .name = "table", .type = SF_BPF_MAP_TYPE_HASH, .flags = flags,
						       .value_size = 8, .max_entries = 8 });
}

/* A chain of @n in bucket 3: elems[0] is its first. An element each in buckets 2 and 4 shows that the walk went on. */
static uint64_t add_chain(struct bench *t, uint64_t *elems, uint32_t n)
{
	uint64_t map = add_table(t, FAKE_NO_PREALLOC);

	fake_hash_add_at(t->g, map, 2, &(uint32_t){ 200 }, &(uint64_t){ 200 });
	fake_hash_add_at(t->g, map, 4, &(uint32_t){ 400 }, &(uint64_t){ 400 });
	for (uint32_t i = n; i-- > 0;)
		elems[i] = fake_hash_add_at(t->g, map, 3 + 8 * (i + 1), &(uint32_t){ i }, &(uint64_t){ i });
	return map;
}

/* The values of the walk, in order; @why NULL: nothing was cut. */
static void assert_values(struct bench *t, uint64_t map, const uint64_t *values, size_t n, const char *why)
{
	_cleanup_elems_ struct elems all = elems_of(t, map);

	if (!why && all.torn.why)
		fail_msg("%s", all.torn.why);
	if (why && (!all.torn.why || !strstr(all.torn.why, why)))
		fail_msg("not \"%s\": %s", why, all.torn.why ? all.torn.why : "nothing was cut");
	assert_int_equal(all.torn.n_chains, why ? 1 : 0);
	assert_int_equal(all.torn.n_buckets, 0);
	assert_false(all.torn.capped);
	for (size_t i = 0; i < sf_min(all.n, n); i++)
		assert_int_equal(read64(t, all.v[i].value), values[i]);
	assert_int_equal(all.n, n);
}
#define ASSERT_VALUES(t, map, why, ...)                                                            \
	assert_values(t, map, (const uint64_t[]){ __VA_ARGS__ }, ARRAY_SIZE(((const uint64_t[]){ __VA_ARGS__ })), why)

/* ---- chains that lead somewhere else ---------------------------------------------------------------------- */

static void a_chain_that_leads_back_ends_there(void **state)
{
	struct bench *t = *state;
	uint64_t e[4], map = add_chain(t, e, 4);

	ASSERT_VALUES(t, map, NULL, 200, 0, 1, 2, 3, 400);
	for (int to = 3; to >= 0; to--) {
		uint64_t pprev = read64(t, e[to] + FK_ELEM_PPREV);

		fake_u64(t->g, e[3] + FK_ELEM_NEXT, e[to]);
		ASSERT_VALUES(t, map, "not linked back", 200, 0, 1, 2, 3, 400);
		/* Linked back from there: then it is the way to it that is not. */
		fake_u64(t->g, e[to] + FK_ELEM_PPREV, e[3] + FK_ELEM_NEXT);
		_cleanup_elems_ struct elems all = elems_of(t, map);

		assert_int_equal(all.n, 2 + to);
		assert_int_equal(all.torn.n_chains, 1);
		fake_u64(t->g, e[to] + FK_ELEM_PPREV, pprev);
	}
}

static void a_chain_into_another_bucket_ends_there(void **state)
{
	struct bench *t = *state;
	uint64_t e[2], map = add_chain(t, e, 2), stranger;

	stranger = fake_hash_add_at(t->g, map, 5, &(uint32_t){ 500 }, &(uint64_t){ 500 });
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, stranger);
	ASSERT_VALUES(t, map, "not linked back", 200, 0, 1, 400, 500);
	/* A freed element that was used again: the links of both chains lead there. */
	fake_u64(t->g, stranger + FK_ELEM_PPREV, e[1] + FK_ELEM_NEXT);
	fake_unlink(t->g, stranger);
	fake_u64(t->g, fake_hash_bucket(t->g, map, 5), 5 << 1 | 1);
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, stranger);
	fake_u64(t->g, stranger + FK_ELEM_PPREV, e[1] + FK_ELEM_NEXT);
	ASSERT_VALUES(t, map, "into another bucket", 200, 0, 1, 400);
}

static void a_chain_ends_with_its_own_number(void **state)
{
	struct bench *t = *state;
	uint64_t e[2], map = add_chain(t, e, 2);

	fake_u64(t->g, e[1] + FK_ELEM_NEXT, 4 << 1 | 1);
	ASSERT_VALUES(t, map, "ends in another bucket", 200, 0, 1, 400);
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, 0);
	ASSERT_VALUES(t, map, "null pointer", 200, 0, 1, 400);
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, 3 << 1 | 1);
	ASSERT_VALUES(t, map, NULL, 200, 0, 1, 400);
	fake_u64(t->g, fake_hash_bucket(t->g, map, 7), 6 << 1 | 1);
	ASSERT_VALUES(t, map, "another one's end mark", 200, 0, 1, 400);
	fake_u64(t->g, fake_hash_bucket(t->g, map, 7), 0);
	ASSERT_VALUES(t, map, "null pointer", 200, 0, 1, 400);
}

static void a_chain_into_nothing_ends_there(void **state)
{
	struct bench *t = *state;
	uint64_t e[2], map = add_chain(t, e, 2), hole = fake_vmalloc(t->g, 2 * SF_PAGE_SIZE);
	struct sf_bpf_torn torn;

	fake_unmap(t->g, hole + SF_PAGE_SIZE);
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, hole + SF_PAGE_SIZE);
	ASSERT_VALUES(t, map, "nothing is mapped", 200, 0, 1, 400);
	/* The part of it that is there says nothing. */
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, hole + SF_PAGE_SIZE - 16);
	ASSERT_VALUES(t, map, "nothing is mapped", 200, 0, 1, 400);
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, 0xdead000000000122);
	ASSERT_VALUES(t, map, "", 200, 0, 1, 400);
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, e[0] + 4);
	ASSERT_VALUES(t, map, "no element's", 200, 0, 1, 400);
	fake_u64(t->g, e[0] + FK_ELEM_NEXT, hole + SF_PAGE_SIZE);
	_cleanup_elems_ struct elems all = elems_of(t, map);

	torn = all.torn;
	assert_int_equal(torn.at, hole + SF_PAGE_SIZE);
	assert_int_equal(all.n, 3);
}

static void elements_in_advance_are_all_that_there_are(void **state)
{
	struct bench *t = *state;
	uint64_t map = add_table(t, 0), elem, stranger = fake_kmalloc(t->g, 128), pool, size;

	elem = fake_hash_add_at(t->g, map, 3, &(uint32_t){ 1 }, &(uint64_t){ 1 });
	pool = map_at(t, map).pool;
	size = map_at(t, map).elem_size;
	assert_int_equal(map_at(t, map).pool_len, size * (8 + 4));
	fake_u64(t->g, elem + FK_ELEM_NEXT, stranger);
	fake_u64(t->g, stranger + FK_ELEM_PPREV, elem + FK_ELEM_NEXT);
	fake_u64(t->g, stranger + FK_ELEM_NEXT, 3 << 1 | 1);
	fake_u32(t->g, stranger + FK_ELEM_HASH, 3);
	ASSERT_VALUES(t, map, "out of the elements", 1);
	/* Between two of them is none either. */
	fake_u64(t->g, elem + FK_ELEM_NEXT, pool + size + 8);
	ASSERT_VALUES(t, map, "out of the elements", 1);
	fake_u64(t->g, elem + FK_ELEM_NEXT, pool + 12 * size);
	ASSERT_VALUES(t, map, "out of the elements", 1);
	/* One of those that each CPU has is as good as any. */
	stranger = pool + 11 * size;
	fake_u64(t->g, elem + FK_ELEM_NEXT, stranger);
	fake_u64(t->g, stranger + FK_ELEM_PPREV, elem + FK_ELEM_NEXT);
	fake_u64(t->g, stranger + FK_ELEM_NEXT, 3 << 1 | 1);
	fake_u32(t->g, stranger + FK_ELEM_HASH, 11);
	ASSERT_VALUES(t, map, NULL, 1, 0);
}

/* ---- writers ------------------------------------------------------------------------------------------------ */

/* hlist_nulls_add_head_rcu(), stopped before the last store: the link back of what is now second. */
static void an_element_that_is_being_added_cuts_nothing(void **state)
{
	struct bench *t = *state;
	uint64_t e[3], map = add_chain(t, e, 3);

	fake_u64(t->g, e[1] + FK_ELEM_PPREV, fake_hash_bucket(t->g, map, 3));
	ASSERT_VALUES(t, map, NULL, 200, 0, 1, 2, 400);
	/* Further down the chain it is no writer's. */
	fake_u64(t->g, e[1] + FK_ELEM_PPREV, e[0] + FK_ELEM_NEXT);
	fake_u64(t->g, e[2] + FK_ELEM_PPREV, fake_hash_bucket(t->g, map, 3));
	ASSERT_VALUES(t, map, "not linked back", 200, 0, 1, 400);
}

/* __hlist_nulls_del(), stopped before the last store: the link back of what comes behind. */
static void an_element_that_is_being_removed_cuts_nothing(void **state)
{
	struct bench *t = *state;
	uint64_t e[4], map = add_chain(t, e, 4);

	fake_u64(t->g, e[0] + FK_ELEM_NEXT, e[2]);
	ASSERT_VALUES(t, map, NULL, 200, 0, 2, 3, 400);
	/* The first of a chain. */
	fake_u64(t->g, e[0] + FK_ELEM_NEXT, e[1]);
	fake_u64(t->g, fake_hash_bucket(t->g, map, 3), e[1]);
	ASSERT_VALUES(t, map, NULL, 200, 1, 2, 3, 400);
	/* Only one writer has the bucket's lock. */
	fake_u64(t->g, e[1] + FK_ELEM_NEXT, e[3]);
	ASSERT_VALUES(t, map, "not linked back", 200, 1, 400);
	/* What is removed is not just anything: it leads to both neighbours. */
	fake_u64(t->g, fake_hash_bucket(t->g, map, 3), e[0]);
	fake_u64(t->g, e[0] + FK_ELEM_NEXT, e[1]);
	fake_u64(t->g, e[2] + FK_ELEM_PPREV, 0);
	ASSERT_VALUES(t, map, "not linked back", 200, 0, 1, 400);
}

static void of_two_with_one_key_the_first_counts(void **state)
{
	struct bench *t = *state;
	uint64_t e[3], map = add_chain(t, e, 3);

	/* htab_map_update_elem() of key 1, before the old one is removed. */
	fake_hash_add_at(t->g, map, 3 + 8 * 2, &(uint32_t){ 1 }, &(uint64_t){ 1001 });
	_cleanup_elems_ struct elems all = elems_of(t, map);

	assert_int_equal(all.torn.n_superseded, 1);
	ASSERT_VALUES(t, map, NULL, 200, 1001, 0, 2, 400);
	/* The same hash is not the same key. */
	fake_u32(t->g, e[1] + FK_ELEM_KEY, 77);
	ASSERT_VALUES(t, map, NULL, 200, 1001, 0, 1, 2, 400);
}

static void more_elements_than_a_map_can_have(void **state)
{
	struct bench *t = *state;
	/* Each CPU's share of the count may be off by a batch. */
	const uint32_t max = 8 + 32 * (4 + 1);
	uint64_t map = add_table(t, FAKE_NO_PREALLOC);

	for (uint32_t i = 0; i < max; i++)
		fake_hash_add(t->g, map, &i, &(uint64_t){ i });
	_cleanup_elems_ struct elems all = elems_of(t, map);

	assert_whole(all);
	assert_int_equal(all.n, max);
	fake_hash_add(t->g, map, &max, &(uint64_t){ 0 });
	drop_elems(&all);
	all = elems_of(t, map);
	assert_int_equal(all.n, max);
	assert_true(all.torn.capped);
	assert_string_equal(all.torn.why, "more elements than the map can have");
	assert_int_equal(all.torn.n_chains, 0);
}

/* Keys that are as large as no key is, and in memory that a small file can claim: pages that are all the same one. */
static void equal_keys_are_compared_up_to_a_limit(void **state)
{
	struct bench *t = *state;
	const uint32_t key_size = 4 << 20, n = 80;
	uint64_t zeroes = fake_page(t->g), map, link;

	map = fake_add_hash(t->g, &(struct fake_map){ .name = "keys", .type = SF_BPF_MAP_TYPE_HASH, .value_size = 8,
						      .flags = FAKE_NO_PREALLOC, .max_entries = 1024 });
	fake_u32(t->g, map + FK_MAP_KEY_SIZE, key_size);
	fake_u32(t->g, map + FK_HTAB_ELEM_SIZE, FK_ELEM_KEY + key_size + 8);
	link = fake_hash_bucket(t->g, map, 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t elem = fake_vmalloc_alias(t->g, FK_ELEM_KEY + key_size + 8, zeroes);

		fake_u64(t->g, link, elem);
		fake_u64(t->g, elem + FK_ELEM_NEXT, 1);
		fake_u64(t->g, elem + FK_ELEM_PPREV, link);
		link = elem + FK_ELEM_NEXT;
	}
	_cleanup_elems_ struct elems all = elems_of(t, map);

	assert_int_equal(all.n, 1);
	assert_true(all.torn.capped);
	assert_string_equal(all.torn.why, "more keys with the same hash than the map can have");
	assert_int_equal(all.torn.n_superseded, 64);
}

/* ---- local storage -------------------------------------------------------------------------------------------- */

struct stored {
	uint64_t map, other, tasks[3], elems[3];
};

static struct stored add_storage(struct bench *t)
{
	struct fake_map m = { .name = "ctx", .type = SF_BPF_MAP_TYPE_TASK_STORAGE, .value_size = 8 };
	struct stored s = { .map = fake_add_storage(t->g, &m, 2), .other = fake_add_storage(t->g, &m, 2) };

	for (uint64_t i = 0; i < 3; i++) {
		s.tasks[i] = fake_add_task(t->g, 1, 1, "t");
		s.elems[i] = fake_store(t->g, s.map, s.tasks[i], &(uint64_t){ i });
		fake_store(t->g, s.other, s.tasks[i], &(uint64_t){ 100 + i });
	}
	return s;
}

static uint64_t sum_of(struct bench *t, const struct elems *all)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < all->n; i++)
		sum += read64(t, all->v[i].value);
	return sum;
}

static void of_two_of_one_owner_the_first_in_its_list_counts(void **state)
{
	struct bench *t = *state;
	struct stored s = add_storage(t);
	uint64_t fresh = fake_store(t->g, s.map, s.tasks[1], &(uint64_t){ 1000 });
	_cleanup_elems_ struct elems both = elems_of(t, s.map), other = elems_of(t, s.other), one = { 0 };

	/* Both are linked everywhere: bpf_local_storage_update() before it takes the old one away. */
	assert_int_equal(both.n, 3);
	assert_int_equal(both.torn.n_superseded, 1);
	assert_int_equal(both.torn.n_chains, 0);
	assert_int_equal(sum_of(t, &both), 0 + 1000 + 2);
	assert_whole(other);
	assert_int_equal(other.n, 3);
	/* In the map, and not its owner's yet. */
	fake_unlink(t->g, fresh + FK_SELEM_OWNERS_NEXT);
	one = elems_of(t, s.map);
	assert_int_equal(one.n, 3);
	assert_int_equal(one.torn.n_superseded, 1);
	assert_int_equal(sum_of(t, &one), 0 + 1 + 2);
}

static void what_is_not_its_owners_is_no_value(void **state)
{
	struct bench *t = *state;
	struct stored s = add_storage(t);

	fake_unlink(t->g, s.elems[2] + FK_SELEM_OWNERS_NEXT);
	_cleanup_elems_ struct elems all = elems_of(t, s.map);

	assert_int_equal(all.n, 2);
	assert_int_equal(all.torn.n_superseded, 1);
	assert_int_equal(sum_of(t, &all), 0 + 1);
}

static void an_element_of_no_map_is_no_value(void **state)
{
	struct bench *t = *state;
	struct stored s = add_storage(t);

	fake_u64(t->g, s.elems[0] + FK_SELEM_SMAP, 0);
	_cleanup_elems_ struct elems all = elems_of(t, s.map), cut = { 0 };

	assert_int_equal(all.n, 2);
	assert_int_equal(all.torn.n_superseded, 1);
	assert_int_equal(all.torn.n_chains, 0);
	fake_u64(t->g, s.elems[0] + FK_SELEM_SMAP, s.other);
	cut = elems_of(t, s.map);
	assert_int_equal(cut.torn.n_chains, 1);
	assert_string_equal(cut.torn.why, "a chain leads to an element of another map");
	assert_int_equal(cut.torn.at, s.elems[0]);
}

static void a_storage_chain_that_leads_back_ends_there(void **state)
{
	struct bench *t = *state;
	uint64_t map = fake_add_storage(t->g, &(struct fake_map){ .name = "ctx", .type = SF_BPF_MAP_TYPE_TASK_STORAGE,
								  .value_size = 8 }, 1), elems[10];

	for (uint64_t i = 0; i < 10; i++)
		elems[i] = fake_store(t->g, map, fake_add_task(t->g, 1, 1, "t"), &(uint64_t){ i });
	for (size_t to = 0; to < 10; to++) {
		fake_u64(t->g, elems[0] + FK_SELEM_NEXT, elems[to]);
		_cleanup_elems_ struct elems all = elems_of(t, map);

		assert_int_equal(all.n, 10);
		assert_int_equal(all.torn.n_chains, 1);
	}
	/* A null pointer is its end. */
	fake_u64(t->g, elems[0] + FK_SELEM_NEXT, 0);
	_cleanup_elems_ struct elems all = elems_of(t, map);

	assert_whole(all);
	assert_int_equal(all.n, 10);
}

/* An owner whose list goes in circles: the element is its, as far as anybody can tell. */
static void an_owners_list_without_end_ends(void **state)
{
	struct bench *t = *state;
	struct stored s = add_storage(t);
	uint64_t storage = read64(t, s.elems[0] + FK_SELEM_STORAGE), stranger = fake_kmalloc(t->g, 128);

	fake_u64(t->g, storage + FK_STORAGE_FIRST, stranger + FK_SELEM_OWNERS_NEXT);
	fake_u64(t->g, stranger + FK_SELEM_OWNERS_NEXT, stranger + FK_SELEM_OWNERS_NEXT);
	_cleanup_elems_ struct elems all = elems_of(t, s.map);

	assert_whole(all);
	assert_int_equal(all.n, 3);
}

/* ---- buckets ----------------------------------------------------------------------------------------------------- */

static void buckets_that_cannot_be_read_are_counted(void **state)
{
	struct bench *t = *state;
	uint64_t map = fake_add_hash(t->g, &(struct fake_map){ .name = "wide", .type = SF_BPF_MAP_TYPE_HASH,
							       .flags = FAKE_NO_PREALLOC, .value_size = 8,
							       .max_entries = 4096 });
	uint64_t third = fake_hash_bucket(t->g, map, 512);

	fake_hash_add_at(t->g, map, 511, &(uint32_t){ 1 }, &(uint64_t){ 1 });
	fake_hash_add_at(t->g, map, 600, &(uint32_t){ 2 }, &(uint64_t){ 2 });
	fake_hash_add_at(t->g, map, 768, &(uint32_t){ 3 }, &(uint64_t){ 3 });
	assert_int_equal(third % SF_PAGE_SIZE, 0);
	fake_unmap(t->g, third);
	_cleanup_elems_ struct elems all = elems_of(t, map), none = { 0 };

	assert_int_equal(all.n, 2);
	assert_int_equal(read64(t, all.v[0].value), 1);
	assert_int_equal(read64(t, all.v[1].value), 3);
	assert_int_equal(all.torn.n_buckets, 256);
	assert_int_equal(all.torn.n_chains, 0);
	assert_int_equal(all.torn.at, third);
	assert_string_equal(all.torn.why, "a bucket cannot be read");
	/* A table that does not begin with a page: the first page has less of it. */
	fake_u64(t->g, map + FK_HTAB_BUCKETS, third + 4096 - 16 * 10);
	fake_u32(t->g, map + FK_HTAB_N_BUCKETS, 8);
	none = elems_of(t, map);
	assert_int_equal(none.n, 0);
	assert_int_equal(none.torn.n_buckets, 8);
}

/* A table of which nothing is there: the walk does not go through all of it. */
static void a_table_that_is_nowhere_is_given_up(void **state)
{
	struct bench *t = *state;
	uint64_t e[1], map = add_chain(t, e, 1);
	struct sf_bpf_map m;
	struct sf_bpf_cursor c;
	struct sf_bpf_elem elem;

	m = map_at(t, map);
	m.values = 0xffffe90000000000;
	m.n_buckets = 1 << 20;
	sf_bpf_cursor_init(&c, t->bpf, &t->vm, &m);
	assert_false(sf_bpf_cursor_next(&c, &elem));
	assert_int_equal(c.torn.n_buckets, 1 << 20);
	assert_int_equal(c.unread_run, 1024);
}

/* What is in a row counts, not what there is of it. */
static void islands_in_a_table_are_read(void **state)
{
	struct bench *t = *state;
	uint64_t first = fake_vmalloc(t->g, 602 * SF_PAGE_SIZE), last = first + 601 * SF_PAGE_SIZE, e[1];
	uint64_t map = add_chain(t, e, 1), skipped = 600 * 256;
	struct sf_bpf_map m = map_at(t, map);
	struct sf_bpf_cursor c;
	struct sf_bpf_elem elem;

	for (uint64_t page = first + SF_PAGE_SIZE; page < last; page += SF_PAGE_SIZE)
		fake_unmap(t->g, page);
	/* Nothing is mapped before either. */
	m.values = first - 600 * SF_PAGE_SIZE;
	m.n_buckets = 1 << 19;
	for (uint64_t i = 0; i < 256; i++) {
		fake_u64(t->g, first + 16 * i, (skipped + i) << 1 | 1);
		fake_u64(t->g, last + 16 * i, (2 * skipped + 256 + i) << 1 | 1);
	}
	fake_u64(t->g, last, e[0]);
	fake_u64(t->g, e[0] + FK_ELEM_PPREV, last);
	fake_u64(t->g, e[0] + FK_ELEM_NEXT, (2 * skipped + 256) << 1 | 1);
	fake_u32(t->g, e[0] + FK_ELEM_HASH, (uint32_t)(2 * skipped + 256));
	sf_bpf_cursor_init(&c, t->bpf, &t->vm, &m);
	assert_true(sf_bpf_cursor_next(&c, &elem));
	assert_int_equal(elem.kva, e[0]);
	assert_int_equal(c.torn.n_buckets, 2 * skipped);
	assert_int_equal(c.torn.n_chains, 0);
}

/* Buckets of an odd size, at an odd address: some lie across two pages. */
static void buckets_across_pages_are_read(void **state)
{
	struct bench *t = *state;
	uint64_t map = fake_add_hash(t->g, &(struct fake_map){ .name = "odd", .type = SF_BPF_MAP_TYPE_HASH,
							       .flags = FAKE_NO_PREALLOC, .value_size = 8,
							       .max_entries = 1024 });
	uint64_t area = fake_vmalloc(t->g, 5 * SF_PAGE_SIZE) + 4, elem;
	struct sf_bpf_map m = map_at(t, map);
	struct sf_bpf_cursor c;
	struct sf_bpf_elem e;
	uint32_t n = 0;

	for (uint64_t i = 0; i < 1024; i++) {
		elem = fake_hash_add_at(t->g, map, (uint32_t)i, &(uint32_t){ (uint32_t)i }, &(uint64_t){ i });
		fake_u64(t->g, area + 16 * i, elem);
		fake_u64(t->g, elem + FK_ELEM_PPREV, area + 16 * i);
	}
	m.values = area;
	sf_bpf_cursor_init(&c, t->bpf, &t->vm, &m);
	while (sf_bpf_cursor_next(&c, &e))
		assert_int_equal(read64(t, e.value), n++);
	assert_int_equal(n, 1024);
	assert_null(c.torn.why);
	/* With a page missing, those that begin before it or on it are lost. */
	fake_unmap(t->g, (area & SF_PAGE_MASK) + 2 * SF_PAGE_SIZE);
	sf_vmem_flush(&t->vm);
	m.values = area + 8; /* then the last of a page lies across the next */
	sf_bpf_cursor_init(&c, t->bpf, &t->vm, &m);
	while (sf_bpf_cursor_next(&c, &e))
		;
	assert_int_equal(c.torn.n_buckets, 257);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, drop_bench)
	const struct CMUnitTest tests[] = {
		TEST(a_chain_that_leads_back_ends_there),
		TEST(a_chain_into_another_bucket_ends_there),
		TEST(a_chain_ends_with_its_own_number),
		TEST(a_chain_into_nothing_ends_there),
		TEST(elements_in_advance_are_all_that_there_are),
		TEST(an_element_that_is_being_added_cuts_nothing),
		TEST(an_element_that_is_being_removed_cuts_nothing),
		TEST(of_two_with_one_key_the_first_counts),
		TEST(more_elements_than_a_map_can_have),
		TEST(equal_keys_are_compared_up_to_a_limit),
		TEST(of_two_of_one_owner_the_first_in_its_list_counts),
		TEST(what_is_not_its_owners_is_no_value),
		TEST(an_element_of_no_map_is_no_value),
		TEST(a_storage_chain_that_leads_back_ends_there),
		TEST(an_owners_list_without_end_ends),
		TEST(buckets_that_cannot_be_read_are_counted),
		TEST(a_table_that_is_nowhere_is_given_up),
		TEST(islands_in_a_table_are_read),
		TEST(buckets_across_pages_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

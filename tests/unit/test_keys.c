/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries by key in a guest's memory: straight from the bucket where the hash is the kernel's, else by looking at all. */
#include "check.h"

#include "fake_bpf.h"
#include "bpf/values.h"
#include "stillframe/snapshot.h"

#define SEED 0x12345678u
#define N_KEYS 200

static const struct sf_error_payload *payload(struct sf_error *err, enum sf_code code)
{
	if (sf_error_code(err) != code)
		fail_msg("%s, not %s: %s", sf_error_code_name(sf_error_code(err)), sf_error_code_name(code),
			 err ? sf_error_message(err) : "no error");
	return sf_error_payload(err);
}

static uint64_t u64(struct sf_field f)
{
	uint64_t v = 0;

	assert_ok(sf_field_as_u64(f, &v));
	return v;
}

/* Keys with the seeds and hashes that kernels 6.18 and 7.3 had for them. */
static void the_hash_is_the_kernels(void **state)
{
	static const struct {
		uint32_t seed, hash;
		uint8_t len, key[40];
	} seen[] = {
		{ 0x4f6a87e5, 0xbae16740, 5, { 0xd3, 0x73, 0xe9, 0x81, 0xcf } },
		{ 0xd5b67f09, 0x1f981205, 4, { 0x0c } },
		{ 0x715b9048, 0x93200001, 8, { 0, 0, 2 } },
		{ 0x77f3fd1c, 0x38aa9004, 8, { 0x6c, 0x12, 0xfd, 0xa9, 0xaa, 0x78, 0x08, 0xed } },
		{ 0x70885fb2, 0x926c9200, 13,
		  { 0x98, 0xe1, 0x10, 0xf5, 0x32, 0xff, 0xc1, 0x5c, 0x58, 0xbd, 0xd0, 0x1c, 0xaf } },
		{ 0x153e0146, 0x39d57ec1, 40,
		  { 0xc9, 0x84, 0xf2, 0xfc, 0x83, 0x44, 0x17, 0x88, 0xe7, 0xa1, 0x36, 0x26, 0x7a, 0x18, 0x36, 0xc5, 0xa9, 0xc4,
		    0xea, 0x85, 0x8c, 0x9d, 0xed, 0x08, 0xca, 0xbb, 0x4e, 0x1f, 0x16, 0x6d, 0x92, 0x06, 0xd7, 0xe9, 0x05, 0x3b,
		    0xdd, 0x8f, 0xee, 0x60 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_int_equal(sf_bpf_jhash(seen[i].key, seen[i].len, seen[i].seed), seen[i].hash);
}

enum hashing { KERNELS, FOREIGN, UNKNOWN };

/* A map of u32 to u64: key i * 7 has the value i; and of what is not the kernel's hash, the fixture's own. */
static uint64_t fill(struct fake_guest *g, uint32_t type, uint32_t flags, enum hashing hashing)
{
	uint64_t map = fake_add_hash(g, &(struct fake_map){ .name = "m", .type = type, .flags = flags, .key_size = 4,
							    .value_size = 8, .max_entries = 256 });

	fake_u32(g, map + FK_HTAB_HASHRND, SEED);
	for (uint32_t i = 0; i < N_KEYS; i++) {
		uint32_t key = i * 7, hash = hashing == FOREIGN ? fake_hash_of(&key, 4) : sf_bpf_jhash(&key, 4, SEED);
		uint64_t values[4] = { i, i, i, i };

		fake_hash_add_at(g, map, hash, &key, values);
	}
	return map;
}

static void check_all(struct sf_map m, bool percpu)
{
	if (percpu)
		m = sf_map_cpu(m, 1);
	for (uint32_t key = 0; key < N_KEYS * 7; key++) {
		struct sf_entry e = sf_map_key(m, &key, 4);
		const struct sf_error_payload *p;

		assert_int_equal(sf_entry_is_present(e), key % 7 == 0);
		if (key % 7)
			continue;
		/* Nobody said what is in it: bytes of one CPU, and of a hash nothing. */
		p = percpu ? NULL : payload(sf_field_error(sf_entry_get(e, "")), SF_NO_RENDERED);
		assert_true(percpu || !strcmp(p->side, "value"));
	}
}

static void every_key_is_found_whatever_the_hash(void **state)
{
	static const struct { uint32_t type; bool percpu; } types[] = {
		{ SF_BPF_MAP_TYPE_HASH, false }, { SF_BPF_MAP_TYPE_LRU_HASH, false }, { SF_BPF_MAP_TYPE_PERCPU_HASH, true },
		{ SF_BPF_MAP_TYPE_LRU_PERCPU_HASH, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		for (int hashing = KERNELS; hashing <= UNKNOWN; hashing++) {
			struct fake_options opt = { .small = true, .without = hashing == UNKNOWN ? WITHOUT_HASHRND : 0 };
			_cleanup_guest_ struct fake_guest *g = fake_new(&opt);
			SF_OWNED(snapshot) snap = NULL;

			fill(g, types[i].type, types[i].percpu ? 0 : FAKE_NO_PREALLOC, hashing);
			SF_OWNED(frame) f = fake_capture(g, "x");

			assert_ok(sf_snapshot_new(f, &snap));
			check_all(sf_view_map(sf_snapshot_view(snap), "m"), types[i].percpu);
		}
	}
}

/* An element in a bucket where no kernel would look for it is found by whoever looks at all, and by nobody else. */
static void the_look_up_is_straight(void **state)
{
	uint32_t stray = 1, home;

	(void)state;
	for (int hashing = KERNELS; hashing <= FOREIGN; hashing++) {
		_cleanup_guest_ struct fake_guest *g = fake_new(&(struct fake_options){ .small = true });
		SF_OWNED(snapshot) snap = NULL;
		struct sf_map m;
		uint64_t map = fill(g, SF_BPF_MAP_TYPE_HASH, 0, hashing);

		home = sf_bpf_jhash(&stray, 4, SEED);
		/* Not in the first bucket, whose element is the one that is checked. */
		fake_hash_add_at(g, map, (home ^ 128) | 64, &stray, &(uint64_t){ 9 });
		SF_OWNED(frame) f = fake_capture(g, "x");

		assert_ok(sf_snapshot_new(f, &snap));
		m = sf_view_map(sf_snapshot_view(snap), "m");
		assert_int_equal(sf_entry_is_present(sf_map_key(m, &stray, 4)), hashing == FOREIGN);
	}
}

static void a_key_that_is_not_there_shows_some_that_are(void **state)
{
	_cleanup_guest_ struct fake_guest *g = fake_new(&(struct fake_options){ .small = true });
	SF_OWNED(snapshot) snap = NULL;
	const struct sf_error_payload *p;
	uint32_t key = 1;

	(void)state;
	fill(g, SF_BPF_MAP_TYPE_HASH, 0, KERNELS);
	SF_OWNED(frame) f = fake_capture(g, "x");

	assert_ok(sf_snapshot_new(f, &snap));
	struct sf_map m = sf_view_map(sf_snapshot_view(snap), "m");
	struct sf_error *err = sf_entry_error(sf_map_key(m, &key, 4));

	p = payload(err, SF_NO_MATCH);
	assert_string_equal(p->op, "key");
	assert_int_equal(p->len, N_KEYS);
	assert_int_equal(p->available_keys.n, 3);
	assert_memory_equal(p->available_keys.v[0], "hex:", 4);
	assert_contains(sf_error_message(err), "CONFIG_DEBUG_INFO_BTF");
	err = sf_entry_error(sf_map_key(m, &key, 3));
	assert_contains(payload(err, SF_USAGE)->reason, "4 bytes, not 3");
	payload(sf_entry_error(sf_map_key(m, &key, 0)), SF_USAGE);
}

/* ---- the scene ------------------------------------------------------------------------------------------------------ */

struct bench {
	struct fake_guest *g;
	struct fake_maps m;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
	struct sf_view view;
};

static int make(void **state)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(&(struct fake_options){ .n_cpus = 4, .unset_cpus = 1u << 3 });
	fake_scene_maps_add(t->g, &t->m);
	t->frame = fake_capture(t->g, "x");
	assert_ok(sf_snapshot_new(t->frame, &t->snap));
	t->view = sf_snapshot_view(t->snap);
	*state = t;
	return 0;
}

static int drop(void **state)
{
	struct bench *t = *state;

	sf_snapshot_free(t->snap);
	sf_frame_unref(t->frame);
	fake_free(t->g);
	free(t);
	return 0;
}

static void keys_of_every_type_of_map(void **state)
{
	struct bench *t = *state;
	struct { uint64_t id; uint32_t zone; uint8_t big, pad[3]; } key = { .id = 7ull << 32 | 7, .zone = 2, .big = 1 };
	uint32_t k = 103;

	assert_int_equal(u64(sf_entry_get(sf_map_key(sf_view_map(t->view, "hash"), &k, 4), "runtime")), 3000);
	assert_int_equal(u64(sf_entry_get(sf_map_key(sf_view_map(t->view, "chained"), &key, sizeof(key)), "")), 49);
	k = 2;
	assert_int_equal(u64(sf_entry_get(sf_map_key(sf_view_map(t->view, "lru"), &k, 4), "node")), 22);
	assert_int_equal(u64(sf_entry_get(sf_map_key(sf_map_cpu(sf_view_map(t->view, "cpu_hash"), 2), &k, 4), "node")), 22);
	k = 4;
	assert_int_equal(u64(sf_entry_get(sf_map_key(sf_map_cpu(sf_view_map(t->view, "cpu_counts"), 2), &k, 4), "")), 2);
	payload(sf_entry_error(sf_map_key(sf_map_cpu(sf_view_map(t->view, "cpu_counts"), 3), &k, 4)), SF_PER_CPU_SLOT);
	k = 6;
	payload(sf_entry_error(sf_map_key(sf_view_map(t->view, "cpu_counts"), &k, 4)), SF_NO_MATCH);
	assert_int_equal(u64(sf_entry_get(sf_map_key(sf_view_map(t->view, "task_ctx"), &t->m.tasks[1], 8), "node")), 51);
	payload(sf_entry_error(sf_map_key(sf_view_map(t->view, "task_ctx"), &t->m.sock, 8)), SF_NO_MATCH);
	payload(sf_entry_error(sf_map_key(sf_view_map(t->view, "task_ctx"), &k, 4)), SF_USAGE);
	k = 0;
	assert_true(sf_entry_is_present(sf_map_key(sf_view_map(t->view, "demo_ops"), &k, 4)));
	payload(sf_entry_error(sf_map_key(sf_view_map(t->view, "events"), &k, 4)), SF_MAP_RENDER_INCOMPLETE);
}

static void all_entries_one_after_the_other(void **state)
{
	struct bench *t = *state;
	struct sf_iter it = sf_map_entries(sf_view_map(t->view, "events"));
	struct sf_map m = sf_view_map(t->view, "hash");
	struct sf_entry e;
	uint64_t sum = 0;
	size_t n = 0;

	sf_for_each_entry(e, m) {
		assert_int_equal(u64(sf_entry_key(e, "")), u64(sf_entry_key(sf_map_at(m, n), "")));
		assert_int_equal(sf_entry_kind(e), SF_ENTRY_HASH);
		sum += u64(sf_entry_key(e, ""));
		n++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(sum, 100 + 101 + 102 + 103 + 104);
	assert_false(sf_entry_next(&it, &e));
	payload(sf_iter_error(&it), SF_MAP_RENDER_INCOMPLETE);
	it = sf_map_entries(sf_view_map(t->view, "none"));
	assert_false(sf_entry_next(&it, &e));
	payload(sf_iter_error(&it), SF_MAP_NOT_FOUND);
	n = 0;
	sf_for_each_entry(e, sf_map_cpu(sf_view_map(t->view, "cpu_counts"), 3)) {
		payload(sf_entry_error(e), SF_PER_CPU_SLOT);
		n++;
	}
	assert_int_equal(n, 6);
	sf_for_each_entry(e, sf_view_map(t->view, "task_ctx"))
		assert_int_equal(sf_entry_kind(e), SF_ENTRY_HASH);
}

static void a_value_finds_its_entry_in_memory(void **state)
{
	struct bench *t = *state;
	struct sf_map m = sf_view_map(t->view, "hash");

	assert_int_equal(u64(sf_entry_key(sf_map_find_u64(m, "runtime", 4000), "")), 104);
	assert_int_equal(u64(sf_entry_key(sf_map_find_i64(m, "stats.nice", -2), "")), 102);
	assert_int_equal(u64(sf_entry_key(sf_map_find_i64(m, "state", -1), "")), 103);
	assert_int_equal(u64(sf_entry_key(sf_map_find_u64(m, "parent.pid", 200), "")), 102);
	payload(sf_entry_error(sf_map_find_u64(m, "stats.nice", 7)), SF_NO_MATCH);
	payload(sf_entry_error(sf_map_find_u64(m, "stats", 7)), SF_TYPE_MISMATCH);
	payload(sf_entry_error(sf_map_find_u64(sf_view_map(t->view, "cpu_hash"), "node", 7)), SF_PER_CPU_NOT_NARROWED);
	assert_int_equal(sf_entry_kind(sf_map_find_u64(sf_map_cpu(sf_view_map(t->view, "cpu_hash"), 2), "node", 22)), SF_ENTRY_VALUE);
}

static void all_cpus_of_an_entry_in_memory(void **state)
{
	struct bench *t = *state;
	struct sf_entry e = sf_map_at(sf_view_map(t->view, "cpu_counts"), 4);
	uint64_t v;
	int64_t i;

	/* CPUs 0 to 2 have their number; 3 was never set up. */
	assert_ok(sf_entry_cpu_u64(e, SF_SUM, "", &v));
	assert_int_equal(v, 3);
	assert_ok(sf_entry_cpu_u64(e, SF_MAX, "", &v));
	assert_int_equal(v, 2);
	assert_ok(sf_entry_cpu_i64(e, SF_MIN, "", &i));
	assert_int_equal(i, 0);
	assert_int_equal(payload(sf_entry_cpu_u64(e, SF_SUM, "x", &v), SF_NOT_A_STRUCT)->component[0], 'x');
}

/* ---- torn ------------------------------------------------------------------------------------------------------------ */

static bool never(struct sf_entry e, void *arg)
{
	(void)e;
	(void)arg;
	return false;
}

static void a_list_that_was_cut_says_so_at_its_end(void **state)
{
	_cleanup_guest_ struct fake_guest *g = fake_new(&(struct fake_options){ .small = true });
	SF_OWNED(snapshot) snap = NULL;
	struct sf_entry *got = NULL, e;
	struct fake_maps maps;
	uint64_t key = 106, elem;
	size_t n = 0;

	(void)state;
	fake_scene_maps_add(g, &maps);
	elem = fake_hash_add(g, maps.hash, &key, (const uint8_t[CTX_SIZE]){ 0 });
	fake_u64(g, elem + FK_ELEM_NEXT, 0xffff800000000008);
	for (uint32_t i = 0; i < 64; i++)
		fake_u64(g, fake_hash_bucket(g, maps.lru, i), 0xffff800000000008);
	SF_OWNED(frame) f = fake_capture(g, "x");

	assert_ok(sf_snapshot_new(f, &snap));
	struct sf_map hash = sf_view_map(sf_snapshot_view(snap), "hash"), lru = sf_view_map(sf_snapshot_view(snap), "lru");
	struct sf_iter it = sf_map_entries(hash);

	while (sf_entry_next(&it, &e))
		n++;
	assert_int_equal(n, sf_map_len(hash));
	payload(sf_iter_error(&it), SF_TORN_LIST);
	payload(sf_entry_error(sf_map_find(hash, never, NULL)), SF_NO_MATCH);
	assert_true(sf_entry_is_present(sf_map_key(hash, &key, 4)));
	/* Of nothing at all it cannot be said that it is not there. */
	payload(sf_entry_error(sf_map_find(lru, never, NULL)), SF_TORN_LIST);
	payload(sf_entry_error(sf_map_find_u64(lru, "node", 1)), SF_TORN_LIST);
	assert_ok(sf_map_filter(lru, never, NULL, &got, &n));
	assert_int_equal(n, 0);
	payload(sf_map_filter(sf_view_map(sf_snapshot_view(snap), "none"), never, NULL, &got, &n), SF_MAP_NOT_FOUND);
}

#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_the_kernels),
		cmocka_unit_test(every_key_is_found_whatever_the_hash),
		cmocka_unit_test(the_look_up_is_straight),
		cmocka_unit_test(a_key_that_is_not_there_shows_some_that_are),
		KEYS_TEST(keys_of_every_type_of_map),
		KEYS_TEST(all_entries_one_after_the_other),
		KEYS_TEST(a_value_finds_its_entry_in_memory),
		KEYS_TEST(all_cpus_of_an_entry_in_memory),
		cmocka_unit_test(a_list_that_was_cut_says_so_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

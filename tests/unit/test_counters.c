/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which numbers of a scheduler are taken for counters, how far they moved, and how they are written. */
#include "check.h"

#include "fake_bpf.h"
#include "stillframe/snapshot.h"
#include "trial/counters.h"

struct bench {
	struct fake_guest *g;
	struct fake_scene s;
	struct sf_frame *frames[16];
	size_t n;
	struct sf_counters c;
};

static int make(void **state)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(&(struct fake_options){ .small = true });
	fake_scene_add(t->g, 0, &t->s);
	*state = t;
	return 0;
}

static int drop(void **state)
{
	struct bench *t = *state;

	sf_counters_clear(&t->c);
	for (size_t i = 0; i < t->n; i++)
		sf_frame_unref(t->frames[i]);
	fake_free(t->g);
	free(t);
	return 0;
}

static void capture(struct bench *t)
{
	t->frames[t->n++] = fake_capture(t->g, "x");
}

static void find(struct bench *t)
{
	assert_ok(sf_counters_find(t->frames, t->n, &t->c));
}

static const struct sf_counter *counter(const struct bench *t, const char *expr)
{
	for (size_t i = 0; i < t->c.n; i++)
		if (!strcmp(t->c.v[i].expr, expr))
			return &t->c.v[i];
	return NULL;
}

static uint64_t bss(const struct bench *t, uint64_t offset)
{
	return fake_map_values(t->s.bss) + offset;
}

static void set64(struct bench *t, uint64_t offset, uint64_t v)
{
	fake_u64(t->g, bss(t, offset), v);
}

static void what_grew_is_a_counter_and_what_moved_most_is_first(void **state)
{
	struct bench *t = *state;

	capture(t);
	set64(t, DEMO_NR_DISPATCHED, 42 + 100);
	fake_u32(t->g, bss(t, DEMO_CTX + 20), 10 + 7);
	find(t);
	assert_int_equal(t->c.n, 0);
	capture(t);
	find(t);
	assert_int_equal(t->c.n, 2);
	assert_int_equal(t->c.n_moved, 2);
	assert_string_equal(t->c.v[0].expr, "var(nr_dispatched)");
	assert_int_equal(t->c.v[0].from, 42);
	assert_int_equal(t->c.v[0].to, 142);
	assert_string_equal(t->c.v[1].expr, "var(ctx).cpus[0]");
	assert_int_equal(t->c.v[1].to - t->c.v[1].from, 7);
	assert_int_equal(t->c.first, 0);
	assert_int_equal(t->c.last, 1);
}

static void what_fell_in_any_frame_is_none(void **state)
{
	struct bench *t = *state;

	capture(t);
	set64(t, DEMO_NR_DISPATCHED, 10);
	capture(t);
	set64(t, DEMO_NR_DISPATCHED, 1000);
	capture(t);
	find(t);
	assert_null(counter(t, "var(nr_dispatched)"));
}

static void addresses_and_clocks_are_none(void **state)
{
	struct bench *t = *state;

	capture(t);
	/* A pointer; a negative number that grows; a clock of nanoseconds; a step of the same. */
	set64(t, DEMO_OPAQUE, t->s.near_task + 64);
	set64(t, DEMO_BALANCE, (uint64_t)-1);
	set64(t, DEMO_NR_DISPATCHED, 3000000000000);
	set64(t, DEMO_SHARED, 900000000);
	fake_u32(t->g, bss(t, DEMO_NR_CPUS_ONLN), 5);
	capture(t);
	find(t);
	assert_int_equal(t->c.n, 1);
	assert_non_null(counter(t, "var(nr_cpus_onln)"));
}

static void what_is_called_a_time_or_an_id_is_none(void **state)
{
	struct bench *t = *state;

	capture(t);
	/* slice_ns, in .data. */
	fake_u64(t->g, fake_map_values(t->s.data), 20000100);
	fake_u32(t->g, bss(t, DEMO_CTX + 8), 9); /* weight.cpu */
	set64(t, DEMO_CTX, 101);                 /* weight.value */
	capture(t);
	find(t);
	assert_int_equal(t->c.n, 1);
	assert_string_equal(t->c.v[0].expr, "var(ctx).weight.value");
}

static void a_name_of_two_sections_is_told_by_id(void **state)
{
	struct bench *t = *state;
	char want[64];
	SF_OWNED(snapshot) snap = NULL;
	struct sf_map_info info = { .size = sizeof(info) };

	/* With one scheduler the name would be the active one's. */
	fake_add_prog(t->g, "other_enqueue", 27, &t->s.other_bss, 1);
	capture(t);
	set64(t, DEMO_SHARED, 50);
	capture(t);
	find(t);
	assert_ok(sf_snapshot_new(t->frames[0], &snap));
	assert_true(sf_map_info(sf_view_map(sf_snapshot_view(snap), "demo.bss"), &info));
	snprintf(want, sizeof(want), "map(id %u).shared", info.id);
	assert_int_equal(t->c.n, 1);
	assert_string_equal(t->c.v[0].expr, want);
}

static void a_frame_without_data_is_passed_over(void **state)
{
	struct bench *t = *state;

	t->frames[t->n++] = sf_frame_placeholder("first", "no");
	capture(t);
	set64(t, DEMO_NR_DISPATCHED, 43);
	capture(t);
	t->frames[t->n++] = sf_frame_placeholder("last", "no");
	find(t);
	assert_int_equal(t->c.n, 1);
	assert_int_equal(t->c.first, 1);
	assert_int_equal(t->c.last, 2);
}

static void of_many_frames_the_first_and_the_last_count(void **state)
{
	struct bench *t = *state;

	for (uint64_t i = 0; i < ARRAY_SIZE(t->frames); i++) {
		set64(t, DEMO_NR_DISPATCHED, 100 + i);
		capture(t);
	}
	find(t);
	assert_int_equal(t->c.n, 1);
	assert_int_equal(t->c.v[0].from, 100);
	assert_int_equal(t->c.v[0].to, 100 + ARRAY_SIZE(t->frames) - 1);
}

static void long_arrays_are_their_sum(void **state)
{
	struct bench *t = *state;

	/* The scene's words are too large for counters. */
	for (uint64_t i = 0; i < DEMO_DATA_WORDS; i++)
		fake_u64(t->g, fake_map_values(t->s.data) + 8 + 8 * i, i % 3);
	capture(t);
	fake_u64(t->g, fake_map_values(t->s.data) + 8 + 8 * 1000, 500);
	fake_u64(t->g, fake_map_values(t->s.data) + 8 + 8 * 1400, 500);
	capture(t);
	find(t);
	assert_int_equal(t->c.n, 1);
	assert_string_equal(t->c.v[0].expr, "sum(var(words))");
	assert_int_equal(t->c.v[0].to - t->c.v[0].from, 1000 - 1000 % 3 - 1400 % 3);
}

/* A counter for each CPU, of an array whose entries 1 and 4 are not zero. */
static void what_each_cpu_counts_is_summed(void **state)
{
	struct bench *t = *state;
	struct fake_maps m;
	uint64_t before = 0, percpu, n = 0;

	fake_scene_maps_add(t->g, &m);
	capture(t);
	fake_read(t->g, m.cpu_counts + FK_ARRAY_VALUE + 8, &percpu, sizeof(percpu));
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		uint64_t at = fake_percpu_kva(t->g, percpu, cpu), v;

		if (!at)
			continue;
		fake_read(t->g, at, &v, sizeof(v));
		before += v;
		fake_u64(t->g, at, v + 10);
		n++;
	}
	capture(t);
	find(t);
	const struct sf_counter *c = counter(t, "sum(map(cpu_counts)[1])");

	assert_non_null(c);
	assert_int_equal(c->from, before);
	assert_true(n > 1);
	assert_int_equal(c->to - c->from, 10 * n);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Types and lists that make no sense are the guest's to have. Whatever is found has an expression. */
static void a_guest_that_lies_costs_nothing_but_its_counters(void **state)
{
	struct bench *t = *state;
	uint64_t seed = 88172645463325252;

	capture(t);
	set64(t, DEMO_NR_DISPATCHED, 1000);
	for (unsigned int i = 0; i < 2000; i++) {
		struct { uint64_t at; uint8_t was; } changed[4];
		struct sf_frame *frames[3] = { t->frames[0], fake_live(t->g), fake_live(t->g) };
		struct sf_counters c = { 0 };

		for (size_t k = 0; k < ARRAY_SIZE(changed); k++) {
			do
				changed[k].at = next_random(&seed) % t->g->ram_len;
			while (!t->g->ram[changed[k].at]);
			changed[k].was = t->g->ram[changed[k].at];
			t->g->ram[changed[k].at] = (uint8_t)next_random(&seed);
		}
		assert_ok(sf_counters_find(frames, ARRAY_SIZE(frames), &c));
		for (size_t k = 0; k < c.n; k++)
			assert_true(c.v[k].expr && c.v[k].to > c.v[k].from);
		sf_counters_clear(&c);
		assert_ok(sf_counters_find(frames + 1, 2, &c));
		sf_counters_clear(&c);
		for (size_t k = ARRAY_SIZE(changed); k--;)
			t->g->ram[changed[k].at] = changed[k].was;
		sf_frame_unref(frames[1]);
		sf_frame_unref(frames[2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
		TEST(what_grew_is_a_counter_and_what_moved_most_is_first),
		TEST(what_fell_in_any_frame_is_none),
		TEST(addresses_and_clocks_are_none),
		TEST(what_is_called_a_time_or_an_id_is_none),
		TEST(a_name_of_two_sections_is_told_by_id),
		TEST(a_frame_without_data_is_passed_over),
		TEST(of_many_frames_the_first_and_the_last_count),
		TEST(long_arrays_are_their_sum),
		TEST(what_each_cpu_counts_is_summed),
		TEST(a_guest_that_lies_costs_nothing_but_its_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

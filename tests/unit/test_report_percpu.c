/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A value for each CPU, as text: golden texts, at widths where they are told apart. */
#include "report_bench.h"

/* Of key 0 to 3, by CPU. */
static const struct slot slots[4][5] = {
	{ { 1, 2, 2, 3 }, { 1, 2, 2, 3 }, { 0 }, { 1, 2, 2, 3 }, { 9, 2, 2, 3 } },
	{ { 10, 200, 2, 3 }, { 20, 100, 2, 3 }, { 0 }, { 30, 50, 2, 3 }, { 30, 50, 2, 3 } },
	{ { 10, 200, 2, 0 }, { 20, 100, 2, 1 }, { 0 }, { 0 }, { 0 } },
	{ { 10, 200, 2, 0 }, { 10, 200, 2, 0 }, { 0 }, { 10, 200, 2, 0 },  { 10, 200, 2, 0 } },
};

static void counters_have_their_total_first(void **state)
{
	uint64_t counts[6][5] = { { 0 }, { 1, 2, 0, 3, 4 }, { 5, 5, 5, 5, 5 }, { 0 }, { 0 }, { UINT64_MAX, 1, 0, 0, 0 } };
	struct bench *b = *state;

	add_percpu(b, "counts", b->t.u64, 8, 6, counts);
	looks(b, "counts", 80,
		"map counts (type=percpu_array, value_size=8, max_entries=6)\n"
		"key 0: all zero\n"
		"key 1: total 10 (cpu 0: 1, cpu 1: 2, cpu 3: 3, cpu 4: 4)\n"
		"key 2: cpus 0-1,3-4: 5\n"
		"keys 3-4: all zero\n"
		"key 5: cpu 0: 18446744073709551615, cpu 1: 1, cpus 3-4: 0\n");
	looks(b, "counts", 40,
		"map counts (type=percpu_array,\n"
		"  value_size=8, max_entries=6)\n"
		"key 0: all zero\n"
		"key 1: total 10 (cpu 0: 1, cpu 1: 2,\n"
		"  cpu 3: 3, cpu 4: 4)\n"
		"key 2: cpus 0-1,3-4: 5\n"
		"keys 3-4: all zero\n"
		"key 5: cpu 0: 18446744073709551615,\n"
		"  cpu 1: 1, cpus 3-4: 0\n");
}

static void equal_cpus_are_grouped_and_others_are_a_table(void **state)
{
	struct bench *b = *state;

	add_percpu(b, "slots", b->t.slot, 24, 4, slots);
	looks(b, "slots", 80,
		"map slots (type=percpu_array, value_size=24, max_entries=4)\n"
		"key 0:\n"
		"  cpus 0-1,3: slot{hits=1, misses=2, mode=FAST (2), prio=3}\n"
		"  cpu 4: slot{hits=9, misses=2, mode=FAST (2), prio=3}\n"
		"  total: hits=12\n"
		"key 1:\n"
		"  common: slot{mode=FAST (2), prio=3}\n"
		"  cpu   | hits  misses\n"
		"  0     |   10     200\n"
		"  1     |   20     100\n"
		"  3-4   |   30      50\n"
		"  total |   90     400\n"
		"key 2:\n"
		"  cpu   | hits  misses      mode  prio\n"
		"  0     |   10     200  FAST (2)     0\n"
		"  1     |   20     100  FAST (2)     1\n"
		"  3-4   |    0       0  IDLE (0)     0\n"
		"  total |   30     300         -     -\n"
		"key 3: cpus 0-1,3-4: slot{hits=10, misses=200, mode=FAST (2)}\n");
	looks(b, "slots", 40,
		"map slots (type=percpu_array,\n"
		"  value_size=24, max_entries=4)\n"
		"key 0:\n"
		"  common: slot:\n"
		"    misses=2   mode=FAST (2)   prio=3\n"
		"  cpu   | hits\n"
		"  0-1,3 |    1\n"
		"  4     |    9\n"
		"  total |   12\n"
		"key 1:\n"
		"  common: slot{mode=FAST (2), prio=3}\n"
		"  cpu   | hits  misses\n"
		"  0     |   10     200\n"
		"  1     |   20     100\n"
		"  3-4   |   30      50\n"
		"  total |   90     400\n"
		"key 2:\n"
		"  cpu   | hits  misses      mode  prio\n"
		"  0     |   10     200  FAST (2)     0\n"
		"  1     |   20     100  FAST (2)     1\n"
		"  3-4   |    0       0  IDLE (0)     0\n"
		"  total |   30     300         -     -\n"
		"key 3: cpus 0-1,3-4: slot:\n"
		"  hits=10   misses=200   mode=FAST (2)\n");
}

static void per_cpu_hashes_have_keys(void **state)
{
	static const struct slot two[5] = { { 1, 2, 2, 3 }, { 1, 2, 2, 3 }, { 0 }, { 0 }, { 0 } };
	struct bench *b = *state;
	struct fake_map pm = map_of(b, "cpu_hash", SF_BPF_MAP_TYPE_PERCPU_HASH, b->t.pair, 8, b->t.slot, 24);
	uint64_t m = fake_add_hash(b->g, &pm);

	fake_hash_add_at(b->g, m, 0, &(struct pair){ 5, 0 }, slots[1]);
	fake_hash_add_at(b->g, m, 1, &(struct pair){ 6, 0 }, two);
	fake_hash_add_at(b->g, m, 2, &(struct pair){ 7, 0 }, slots[3]);
	fake_hash_add_at(b->g, m, 3, &(struct pair){ 7, 0 }, (uint64_t[15]){ 0 });
	looks(b, "cpu_hash", 80,
		"map cpu_hash (type=percpu_hash, value_size=24, max_entries=128)\n"
		"entry: key=pair{pid=5, cpu=0}\n"
		"  common: slot{mode=FAST (2), prio=3}\n"
		"  cpu   | hits  misses\n"
		"  0     |   10     200\n"
		"  1     |   20     100\n"
		"  3-4   |   30      50\n"
		"  total |   90     400\n"
		"entry: key=pair{pid=6, cpu=0}\n"
		"  cpus 0-1: slot{hits=1, misses=2, mode=FAST (2), prio=3}\n"
		"  cpus 3-4: all zero\n"
		"  total: hits=2   misses=4\n"
		"entry: key=pair{pid=7, cpu=0} cpus 0-1,3-4: slot:\n"
		"  hits=10   misses=200   mode=FAST (2)\n"
		"entry: key=pair{pid=7, cpu=0} all zero\n");
}

static void extremes_and_moments_are_not_added_up(void **state)
{
	static const uint64_t waits[5][4] = { { 1, 2, 3, 1 }, { 10, 20, 30, 2 } };
	struct bench *b = *state;

	add_percpu(b, "waits", b->t.wait, 32, 1, waits);
	looks(b, "waits", 80,
		"map waits (type=percpu_array, value_size=32, max_entries=1)\n"
		"key 0:\n"
		"  cpu   | sum_ns  max_ns  last_seen_at  maximal\n"
		"  0     |      1       2             3        1\n"
		"  1     |     10      20            30        2\n"
		"  3-4   |      0       0             0        0\n"
		"  total |     11       -             -        3\n");
}

static void below_long_keys_values_are_on_lines_of_their_own(void **state)
{
	static const uint64_t counts[3][5] = { { 1, 2, 0, 3, 4 }, { 5, 5, 5, 5, 5 }, { 0 } };
	struct bench *b = *state;
	struct fake_map pm = map_of(b, "cpu_hash", SF_BPF_MAP_TYPE_PERCPU_HASH, b->t.wide, 40, b->t.u64, 8);
	uint64_t m = fake_add_hash(b->g, &pm);

	for (uint32_t i = 0; i < 3; i++)
		fake_hash_add_at(b->g, m, i, (uint64_t[5]){ i, 7, 5555555, 1000000, 999999 }, counts[i]);
	looks(b, "cpu_hash", 60,
	      "map cpu_hash (type=percpu_hash, value_size=8,\n"
	      "  max_entries=128)\n"
	      "entry: key=wide:\n"
	      "    time_spent_running   = 0\n"
	      "    time_spent_waiting   = 7\n"
	      "    time_spent_sleeping  = 5555555\n"
	      "    times_woken_remotely = 1000000\n"
	      "    times_moved          = 999999\n"
	      "  total 10 (cpu 0: 1, cpu 1: 2, cpu 3: 3, cpu 4: 4)\n"
	      "entry: key=wide:\n"
	      "    time_spent_running   = 1\n"
	      "    time_spent_waiting   = 7\n"
	      "    time_spent_sleeping  = 5555555\n"
	      "    times_woken_remotely = 1000000\n"
	      "    times_moved          = 999999\n"
	      "  cpus 0-1,3-4: 5\n"
	      "entry: key=wide:\n"
	      "    time_spent_running   = 2\n"
	      "    time_spent_waiting   = 7\n"
	      "    time_spent_sleeping  = 5555555\n"
	      "    times_woken_remotely = 1000000\n"
	      "    times_moved          = 999999\n"
	      "  all zero\n");
}

static void what_is_no_row_is_a_line_for_each_group(void **state)
{
	static const uint64_t hists[5][4] = { { 1, 2, 3, 4 }, { 1, 2, 3, 4 }, { 0 }, { 0, 0, 3, 0 }, { 9, 9, 9, 9 } };
	static const uint64_t wides[5][5] = { { 1, 2, 3, 4, 5 }, { 1, 2, 3, 4, 6 }, { 0 }, { 1, 1, 3, 0, 99 }, { 0 } };
	struct bench *b = *state;

	add_percpu(b, "hists", b->t.hist, 32, 1, hists);
	looks(b, "hists", 80,
		"map hists (type=percpu_array, value_size=32, max_entries=1)\n"
		"key 0:\n"
		"  cpus 0-1: [0x1, 0x2, 0x3, 0x4]\n"
		"  cpu 3: [[2]=0x3]\n"
		"  cpu 4: [0x9, 0x9, 0x9, 0x9]\n");
	add_percpu(b, "wides", b->t.wide, 40, 1, wides);
	looks(b, "wides", 80,
		"map wides (type=percpu_array, value_size=40, max_entries=1)\n"
		"key 0:\n"
		"  cpu 0: wide:\n"
		"    time_spent_running=1     time_spent_waiting=2   time_spent_sleeping=3\n"
		"    times_woken_remotely=4   times_moved=5\n"
		"  cpu 1: wide:\n"
		"    time_spent_running=1     time_spent_waiting=2   time_spent_sleeping=3\n"
		"    times_woken_remotely=4   times_moved=6\n"
		"  cpu 3: wide:\n"
		"    time_spent_running=1   time_spent_waiting=1   time_spent_sleeping=3\n"
		"    times_moved=99\n"
		"  cpu 4: all zero\n"
		"  total: time_spent_running=3   time_spent_waiting=5   time_spent_sleeping=9\n"
		"    times_woken_remotely=8   times_moved=110\n");
	looks(b, "wides", 120,
		"map wides (type=percpu_array, value_size=40, max_entries=1)\n"
		"key 0:\n"
		"  cpu   | time_spent_running  time_spent_waiting  time_spent_sleeping  times_woken_remotely  times_moved\n"
		"  0     |                  1                   2                    3                     4            5\n"
		"  1     |                  1                   2                    3                     4            6\n"
		"  3     |                  1                   1                    3                     0           99\n"
		"  4     |                  0                   0                    0                     0            0\n"
		"  total |                  3                   5                    9                     8          110\n");
}

static void common_members_are_said_once(void **state)
{
	static const struct {
		char name[16];
		struct slot slot;
		struct pair pair;
		uint64_t wide[5];
	} v[5] = {
		{ "alpha", { 1, 2, 2, 3 }, { 1, 2 }, { 1, 2, 3, 4, 5 } },
		{ "beta", { 1, 2, 2, 3 }, { 1, 2 }, { 1, 2, 3, 4, 5 } },
		{ "", { 1, 2, 2, 3 }, { 1, 2 }, { 1, 2, 3, 4, 5 } },
		{ "alpha", { 1, 2, 2, 3 }, { 1, 2 }, { 1, 2, 3, 4, 50 } },
		{ "", { 1, 2, 2, 3 }, { 1, 2 }, { 1, 2, 3, 4, 5 } },
	};
	struct bench *b = *state;

	add_percpu(b, "nesteds", b->t.nested, 88, 1, v);
	looks(b, "nesteds", 80,
		"map nesteds (type=percpu_array, value_size=88, max_entries=1)\n"
		"key 0:\n"
		"  common: nested:\n"
		"    slot slot{hits=1, misses=2, mode=FAST (2), prio=3}\n"
		"    lock pair{pid=1, cpu=2}\n"
		"    wide wide:\n"
		"      time_spent_running=1     time_spent_waiting=2   time_spent_sleeping=3\n"
		"      times_woken_remotely=4\n"
		"  cpu   | name     wide.times_moved\n"
		"  0     | \"alpha\"                 5\n"
		"  1     | \"beta\"                  5\n"
		"  3     | \"alpha\"                50\n"
		"  4     | \"\"                      5\n"
		"  total | -                      65\n");
	looks(b, "nesteds", 120,
		"map nesteds (type=percpu_array, value_size=88, max_entries=1)\n"
		"key 0:\n"
		"  common: nested:\n"
		"    slot slot{hits=1, misses=2, mode=FAST (2), prio=3}\n"
		"    lock pair{pid=1, cpu=2}\n"
		"    wide wide{time_spent_running=1, time_spent_waiting=2, time_spent_sleeping=3, times_woken_remotely=4}\n"
		"  cpu   | name     wide.times_moved\n"
		"  0     | \"alpha\"                 5\n"
		"  1     | \"beta\"                  5\n"
		"  3     | \"alpha\"                50\n"
		"  4     | \"\"                      5\n"
		"  total | -                      65\n");
}

/* A per-CPU pointer of which CPU 0 and 1 have nothing behind it. */
static void unreadable_cpus_are_said_and_not_counted_in(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_percpu(b, "partly", b->t.u64, 8, 3, NULL), p = add_percpu(b, "partly2", b->t.slot, 24, 1, NULL);
	uint64_t area = fake_vmalloc(b->g, 24 * SF_PAGE_SIZE), at[5], percpu = area - b->g->percpu[0];
	char want[512];

	for (uint32_t cpu = 0; cpu < 5; cpu++) {
		at[cpu] = fake_percpu_kva(b->g, percpu, cpu);
		if (at[cpu])
			assert_in_range(at[cpu], area, area + 23 * SF_PAGE_SIZE);
	}
	fake_unmap(b->g, at[0]);
	fake_unmap(b->g, at[1]);
	for (uint32_t cpu = 3; cpu < 5; cpu++)
		fake_write(b->g, at[cpu], &(struct slot){ 100 * cpu, 2, 2, 0 }, sizeof(struct slot));
	fake_u64(b->g, fake_map_values(m) + 8, percpu);
	fake_u64(b->g, fake_map_values(m) + 16, 0);
	sprintf(want, "map partly (type=percpu_array, value_size=8, max_entries=3)\n"
		"key 0: all zero\n"
		"key 1: total of the readable 700 (cpus 0-1: <unreadable>, cpu 3: 300, cpu 4: 400)\n"
		"key 2: <unreadable>\n"
		"[error: 7 values of 3 entries unreadable: not mapped by the guest at 0x%llx]\n", (unsigned long long)at[0]);
	looks(b, "partly", 120, want);
	fake_u64(b->g, fake_map_values(p), percpu);
	sprintf(want, "map partly2 (type=percpu_array, value_size=24, max_entries=1)\n"
		"key 0:\n"
		"  common: slot{misses=2, mode=FAST (2)}\n"
		"  cpu                   | hits\n"
		"  0-1                   | <unreadable>\n"
		"  3                     |  300\n"
		"  4                     |  400\n"
		"  total of the readable |  700\n"
		"[error: 2 values of 1 entries unreadable: not mapped by the guest at\n"
		"  0x%llx]\n", (unsigned long long)at[0]);
	looks(b, "partly2", 80, want);
}

static void of_many_cpus_only_neighbours_are_compared(void **state)
{
	struct bench *b = *state;
	uint64_t counts[2][100] = { 0 };
	struct slot many[100] = { 0 };

	for (uint32_t cpu = 0; cpu < 100; cpu++) {
		counts[0][cpu] = cpu / 50;
		counts[1][cpu] = cpu == 7 ? 5 : 0;
		many[cpu] = (struct slot){ 1, 2, 2, cpu / 40 % 2 };
	}
	add_percpu(b, "counts", b->t.u64, 8, 2, counts);
	looks(b, "counts", 80,
	      "map counts (type=percpu_array, value_size=8, max_entries=2)\n"
	      "key 0: total 50 (cpus 0-1: 0, cpu 3: 0, cpus 5-49: 0, cpus 50-99: 1)\n"
	      "key 1: total 5 (cpus 0-1: 0, cpu 3: 0, cpus 5-6: 0, cpu 7: 5, cpus 8-99: 0)\n");
	add_percpu(b, "many", b->t.slot, 24, 1, many);
	looks(b, "many", 80,
	      "map many (type=percpu_array, value_size=24, max_entries=1)\n"
	      "key 0:\n"
	      "  common: slot{hits=1, misses=2, mode=FAST (2)}\n"
	      "  cpu   | prio\n"
	      "  0-1   |    0\n"
	      "  3     |    0\n"
	      "  5-39  |    0\n"
	      "  40-79 |    1\n"
	      "  80-99 |    0\n");
}

static void limits_hold_for_each_cpu(void **state)
{
	struct bench *b = *state;

	add_percpu(b, "slots", b->t.slot, 24, 4, slots);
	for (uint64_t parts = 1; parts < 60; parts++) {
		struct sf_render_options opt = { .max_parts = parts };
		_cleanup_free_ char *text = map_text_with(b, "slots", &opt);

		/* Whatever is cut, every line ends. */
		assert_int_equal(text[strlen(text) - 1], '\n');
		if (parts == 1)
			assert_contains(text, "<cut here");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(counters_have_their_total_first),
		MAP_TEST(equal_cpus_are_grouped_and_others_are_a_table),
		MAP_TEST(per_cpu_hashes_have_keys),
		MAP_TEST(extremes_and_moments_are_not_added_up),
		MAP_TEST(below_long_keys_values_are_on_lines_of_their_own),
		MAP_TEST(what_is_no_row_is_a_line_for_each_group),
		MAP_TEST(common_members_are_said_once),
		MAP_TEST(unreadable_cpus_are_said_and_not_counted_in),
		cmocka_unit_test_setup_teardown(of_many_cpus_only_neighbours_are_compared, make_large_bench, drop_bench),
		MAP_TEST(limits_hold_for_each_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

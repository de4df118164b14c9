/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hashes and local storage as text, and what all maps have: golden texts, at widths where they are told apart. */
#include <malloc.h>

#include "report_bench.h"

/* ---- hashes ------------------------------------------------------------------------------------------------- */

static void flat_entries_are_a_table_without_its_zeros(void **state)
{
	struct bench *b = *state;

	add_slots(b, add_hash(b, "wakers", b->t.pair, 8, b->t.slot, 24), 5);
	looks(b, "wakers", 80,
		"map wakers (type=hash, value_size=24, max_entries=128)\n"
		"all zero: cpu, misses, prio\n"
		"pid | hits      mode\n"
		" 98 |    0  IDLE (0)\n"
		" 99 |    1  FAST (2)\n"
		"100 |    8  FAST (2)\n"
		"101 |   27  IDLE (0)\n"
		"102 |   64  FAST (2)\n");
	looks_with(b, "wakers", &(struct sf_render_options){ .show_zero = true, .max_entries = 3 },
		   "map wakers (type=hash, value_size=24, max_entries=128)\n"
		   "pid  cpu | hits  misses      mode  prio\n"
		   " 98    0 |    0       0  IDLE (0)     0\n"
		   " 99    0 |    1       0  FAST (2)     0\n"
		   "100    0 |    8       0  FAST (2)     0\n"
		   "[error: 3 of 5 entries listed]\n");
}

static void texts_go_into_tables(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "names", b->t.name, 16, b->t.u64, 8);

	fake_hash_add_at(b->g, m, 0, "kworker/0:1\0\0\0\0\0", &(uint64_t){ 12 });
	fake_hash_add_at(b->g, m, 1, "init\0\0\0\0\0\0\0\0\0\0\0\0", &(uint64_t){ 1234567890123 });
	fake_hash_add_at(b->g, m, 2, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &(uint64_t){ 0 });
	looks(b, "names", 80,
		"map names (type=hash, value_size=8, max_entries=128)\n"
		"key           |         value\n"
		"\"kworker/0:1\" |            12\n"
		"\"init\"        | 1234567890123\n"
		"\"\"            |             0\n");
	/* Neither text nor short: no cell. */
	fake_hash_add_at(b->g, m, 3, "\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &(uint64_t){ 0 });
	looks(b, "names", 80,
		"map names (type=hash, value_size=8, max_entries=128)\n"
		"entry: key=\"kworker/0:1\" value: 12\n"
		"entry: key=\"init\" value: 1234567890123\n"
		"entry: key=[all 16 zero] value: 0\n"
		"entry: key=[[0..1]={0x01, 0x02}] value: 0\n");
}

static void short_lists_and_masks_go_into_tables(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "lists", b->t.u32, 4, b->t.few, 24), mask = fake_kmalloc(b->g, FK_CPUMASK_SIZE + 8);
	struct { uint32_t list[3], pad; uint64_t mask; } v = { { 1, 2, 3 }, 0, mask };
	char want[512];

	fake_u64(b->g, mask, 6);
	fake_hash_add_at(b->g, m, 0, &(uint32_t){ 1 }, &v);
	v.list[1] = 0;
	v.mask = 0;
	fake_hash_add_at(b->g, m, 1, &(uint32_t){ 2 }, &v);
	sprintf(want, "map lists (type=hash, value_size=24, max_entries=128)\n"
		"key | list                mask\n"
		"  1 | [0x1, 0x2, 0x3]     0x%llx → cpus={1-2}\n"
		"  2 | [[0]=0x1  [2]=0x3]  0x0\n", (unsigned long long)mask);
	looks(b, "lists", 80, want);
}

static void a_table_that_does_not_fit_is_entries(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "waits", b->t.u32, 4, b->t.wide, 40);

	for (uint32_t i = 0; i < 3; i++)
		fake_hash_add_at(b->g, m, i, &i, (uint64_t[5]){ 1000 * i, 7, 5555555, i, 99 });
	looks(b, "waits", 80,
		"map waits (type=hash, value_size=40, max_entries=128)\n"
		"entry: key=0\n"
		"  value: wide{time_spent_waiting=7, time_spent_sleeping=5555555, times_moved=99}\n"
		"entry: key=1\n"
		"  value: wide:\n"
		"    time_spent_running=1000   time_spent_waiting=7   time_spent_sleeping=5555555\n"
		"    times_woken_remotely=1    times_moved=99\n"
		"entry: key=2\n"
		"  value: wide:\n"
		"    time_spent_running=2000   time_spent_waiting=7   time_spent_sleeping=5555555\n"
		"    times_woken_remotely=2    times_moved=99\n");
	looks(b, "waits", 120,
		"map waits (type=hash, value_size=40, max_entries=128)\n"
		"key | time_spent_running  time_spent_waiting  time_spent_sleeping  times_woken_remotely  times_moved\n"
		"  0 |                  0                   7              5555555                     0           99\n"
		"  1 |               1000                   7              5555555                     1           99\n"
		"  2 |               2000                   7              5555555                     2           99\n");
	looks(b, "waits", 40,
		"map waits (type=hash, value_size=40,\n"
		"  max_entries=128)\n"
		"entry: key=0\n"
		"  value: wide:\n"
		"    time_spent_waiting  = 7\n"
		"    time_spent_sleeping = 5555555\n"
		"    times_moved         = 99\n"
		"entry: key=1\n"
		"  value: wide:\n"
		"    time_spent_running   = 1000\n"
		"    time_spent_waiting   = 7\n"
		"    time_spent_sleeping  = 5555555\n"
		"    times_woken_remotely = 1\n"
		"    times_moved          = 99\n"
		"entry: key=2\n"
		"  value: wide:\n"
		"    time_spent_running   = 2000\n"
		"    time_spent_waiting   = 7\n"
		"    time_spent_sleeping  = 5555555\n"
		"    times_woken_remotely = 2\n"
		"    times_moved          = 99\n");
}

static void inner_structs_are_columns_too(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "nested", b->t.u32, 4, b->t.nested, 88);
	uint8_t v[88] = "first";

	v[16] = 9;
	v[64] = 8;
	v[80] = 1;
	fake_hash_add_at(b->g, m, 0, &(uint32_t){ 1 }, v);
	/* One entry is no table. */
	looks(b, "nested", 80,
		"map nested (type=hash, value_size=88, max_entries=128)\n"
		"entry: key=1\n"
		"  value: nested:\n"
		"    name \"first\"\n"
		"    slot slot{hits=9}\n"
		"    wide wide{time_spent_sleeping=8, times_moved=1}\n");
	looks(b, "nested", 120,
		"map nested (type=hash, value_size=88, max_entries=128)\n"
		"entry: key=1 value: nested{name=\"first\", slot=slot{hits=9}, wide=wide{time_spent_sleeping=8, times_moved=1}}\n");
	v[16] = 7;
	memcpy(v, "second one", 10);
	fake_hash_add_at(b->g, m, 1, &(uint32_t){ 200 }, v);
	looks(b, "nested", 80,
		"map nested (type=hash, value_size=88, max_entries=128)\n"
		"all zero: slot.misses, slot.mode, slot.prio, lock.pid, lock.cpu,\n"
		"  wide.time_spent_running, wide.time_spent_waiting, wide.times_woken_remotely\n"
		"key | name          slot.hits  wide.time_spent_sleeping  wide.times_moved\n"
		"  1 | \"first\"               9                         8                 1\n"
		"200 | \"second one\"          7                         8                 1\n");
}

static void an_entry_takes_one_line_if_it_fits(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "one2", b->t.pair, 8, b->t.slot, 24);

	fake_hash_add_at(b->g, m, 0, &(struct pair){ 0, 3 }, &(struct slot){ 1, 2, 2, 4 });
	looks(b, "one2", 80,
		"map one2 (type=hash, value_size=24, max_entries=128)\n"
		"entry: key=pair{pid=0, cpu=3}\n"
		"  value: slot{hits=1, misses=2, mode=FAST (2), prio=4}\n");
	looks(b, "one2", 120,
		"map one2 (type=hash, value_size=24, max_entries=128)\n"
		"entry: key=pair{pid=0, cpu=3} value: slot{hits=1, misses=2, mode=FAST (2), prio=4}\n");
	looks(b, "one2", 40,
		"map one2 (type=hash, value_size=24,\n"
		"  max_entries=128)\n"
		"entry: key=pair{pid=0, cpu=3}\n"
		"  value: slot:\n"
		"    hits=1   misses=2   mode=FAST (2)\n"
		"    prio=4\n");
	add_slots(b, add_hash(b, "one", b->t.pair, 8, b->t.slot, 24), 1);
	looks(b, "one", 80,
		"map one (type=hash, value_size=24, max_entries=128)\n"
		"entry: key=pair{pid=98, cpu=0} value: all zero\n");
}

static void long_keys_are_blocks_of_their_own(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "waits", b->t.wide, 40, b->t.u32, 4);

	fake_hash_add_at(b->g, m, 0, (uint64_t[5]){ 1000, 7, 5555555, 0, 99 }, &(uint32_t){ 8 });
	looks(b, "waits", 80,
	      "map waits (type=hash, value_size=4, max_entries=128)\n"
	      "entry: key=wide:\n"
	      "    time_spent_running=1000   time_spent_waiting=7   time_spent_sleeping=5555555\n"
	      "    times_woken_remotely=0    times_moved=99\n"
	      "  value: 8\n");
}

static void limits_hold_in_tables(void **state)
{
	struct bench *b = *state;

	add_slots(b, add_hash(b, "wakers", b->t.pair, 8, b->t.slot, 24), 5);
	for (uint64_t parts = 1; parts < 60; parts++) {
		struct sf_render_options opt = { .max_parts = parts };
		_cleanup_free_ char *text = map_text_with(b, "wakers", &opt);

		/* Whatever is cut, every line ends. */
		assert_int_equal(text[strlen(text) - 1], '\n');
		if (parts == 1)
			assert_contains(text, "<cut here");
	}
}

static void entries_without_types_are_bytes(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "raw", 0, 4, 0, 8);

	fake_hash_add_at(b->g, m, 0, "abcd", "01234567");
	fake_hash_add_at(b->g, m, 1, "abce", "\0\0\0\0\0\0\0\0");
	looks(b, "raw", 80,
		"map raw (type=hash, value_size=8, max_entries=128)\n"
		"entry: key=61 62 63 64 value: 30 31 32 33 34 35 36 37 (raw)\n"
		"entry: key=61 62 63 65 value: 00 00 00 00 00 00 00 00 (raw)\n");
}

static void the_header_of_a_long_table_is_repeated(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *text = NULL;

	add_slots(b, add_hash(b, "wakers", b->t.pair, 8, b->t.slot, 24), 100);
	text = map_text_with(b, "wakers", NULL);
	assert_contains(text, "all zero: cpu, misses, prio\npid |   hits      mode\n 98 |      0  IDLE (0)\n");
	assert_contains(text, "161 | 250047  IDLE (0)\npid |   hits      mode\n162 | 262144  FAST (2)\n");
	assert_contains(text, "197 | 970299  IDLE (0)\n");
	assert_null(strstr(strstr(text, "162 |"), "hits"));
}

static void what_was_left_out_of_chains_is_said_last(void **state)
{
	struct bench *b = *state;
	uint64_t m = add_hash(b, "torn", b->t.u32, 4, b->t.u64, 8);
	char want[512];

	for (uint32_t i = 0; i < 3; i++)
		fake_hash_add_at(b->g, m, i, &i, &(uint64_t){ i + 10 });
	fake_u64(b->g, fake_hash_bucket(b->g, m, 1), 0xffffc90000000000);
	sprintf(want, "map torn (type=hash, value_size=8, max_entries=128)\n"
		"key | value\n"
		"  0 |    10\n"
		"  2 |    12\n"
		"[error: 1 chain was cut: a chain leads out of the elements that the map has at 0x%llx]\n",
		(unsigned long long)fake_hash_bucket(b->g, m, 1));
	looks(b, "torn", 120, want);
	/* Nothing else that is said there is said twice. */
	sprintf(want, "map torn (type=hash, value_size=8, max_entries=128)\n"
		"entry: key=0 value: 10\n"
		"[error: 1 chain was cut: a chain leads out of the elements that the map has at\n"
		"  0x%llx; 1 of 2 entries listed]\n", (unsigned long long)fake_hash_bucket(b->g, m, 1));
	looks_with(b, "torn", &(struct sf_render_options){ .width = 80, .max_entries = 1 }, want);
}

/* ---- local storage ------------------------------------------------------------------------------------------ */

static void values_of_tasks_have_the_tasks_name(void **state)
{
	struct bench *b = *state;
	uint64_t m = ADD_STORAGE(b, "task_slots", TASK, slot);

	fake_store(b->g, m, fake_add_task(b->g, 7, 7, "a\x1b[2Jb"), &(struct slot){ 1, 2, 2, 0 });
	looks(b, "task_slots", 80,
		"map task_slots (type=task_storage, value_size=24, max_entries=0)\n"
		"task 7 (a\\x1b[2Jb): slot{hits=1, misses=2, mode=FAST (2)}\n");
	fake_store(b->g, m, fake_add_task(b->g, 1234, 1200, "worker"), &(struct slot){ 1, 0, 2, 0 });
	fake_store(b->g, m, fake_add_task(b->g, 1200, 1200, "worker"), &(struct slot){ 0 });
	looks(b, "task_slots", 80,
		"map task_slots (type=task_storage, value_size=24, max_entries=0)\n"
		"all zero: prio\n"
		"task                  | hits  misses      mode\n"
		"1200 (worker)         |    0       0  IDLE (0)\n"
		"1234 (worker) of 1200 |    1       0  FAST (2)\n"
		"7 (a\\x1b[2Jb)         |    1       2  FAST (2)\n");
	looks(b, "task_slots", 40,
		"map task_slots (type=task_storage,\n"
		"  value_size=24, max_entries=0)\n"
		"task 1200 (worker): all zero\n"
		"task 1234 (worker) of 1200: slot:\n"
		"  hits=1   mode=FAST (2)\n"
		"task 7 (a\\x1b[2Jb): slot:\n"
		"  hits=1   misses=2   mode=FAST (2)\n");
}

static void values_of_cgroups_inodes_and_sockets_do_too(void **state)
{
	struct bench *b = *state;
	uint64_t m = ADD_STORAGE(b, "cg", CGRP, slot), root = fake_add_cgroup(b->g, 0, "", 1);
	uint64_t slice = fake_add_cgroup(b->g, root, "system.slice", 2);

	fake_store(b->g, m, root, &(struct slot){ 1, 2, 2, 0 });
	fake_store(b->g, m, slice, &(struct slot){ 3, 2, 2, 0 });
	fake_store(b->g, m, fake_add_cgroup(b->g, slice, "ssh\n.service", 3), &(struct slot){ 1, 0, 2, 0 });
	looks(b, "cg", 80,
		"map cg (type=cgrp_storage, value_size=24, max_entries=0)\n"
		"all zero: prio\n"
		"cgroup                        | hits  misses      mode\n"
		"/system.slice/ssh\\x0a.service |    1       0  FAST (2)\n"
		"/system.slice                 |    3       2  FAST (2)\n"
		"/                             |    1       2  FAST (2)\n");
	looks(b, "cg", 40,
		"map cg (type=cgrp_storage,\n"
		"  value_size=24, max_entries=0)\n"
		"cgroup /system.slice/ssh\\x0a.service: slot:\n"
		"  hits=1   mode=FAST (2)\n"
		"cgroup /system.slice: slot:\n"
		"  hits=3   misses=2   mode=FAST (2)\n"
		"cgroup /: slot:\n"
		"  hits=1   misses=2   mode=FAST (2)\n");
	m = ADD_STORAGE(b, "ino", INODE, slot);
	fake_store(b->g, m, fake_add_inode(b->g, 77), &(struct slot){ 1, 2, 2, 0 });
	looks(b, "ino", 80,
		"map ino (type=inode_storage, value_size=24, max_entries=0)\n"
		"inode 77: slot{hits=1, misses=2, mode=FAST (2)}\n");
	m = ADD_STORAGE(b, "sk", SK, slot);
	fake_store(b->g, m, fake_add_sock(b->g, 10, 443), &(struct slot){ 1, 2, 2, 0 });
	fake_store(b->g, m, fake_add_sock(b->g, 99, 0), &(struct slot){ 1, 2, 2, 0 });
	looks(b, "sk", 80,
		"map sk (type=sk_storage, value_size=24, max_entries=0)\n"
		"all zero: prio\n"
		"sock              | hits  misses      mode\n"
		"family 99         |    1       2  FAST (2)\n"
		"AF_INET6 port 443 |    1       2  FAST (2)\n");
	looks(b, "sk", 40,
		"map sk (type=sk_storage, value_size=24,\n"
		"  max_entries=0)\n"
		"sock family 99: slot:\n"
		"  hits=1   misses=2   mode=FAST (2)\n"
		"sock AF_INET6 port 443: slot:\n"
		"  hits=1   misses=2   mode=FAST (2)\n");
}

static void owners_that_are_gone_are_addresses(void **state)
{
	struct bench *b = *state;
	uint64_t m = ADD_STORAGE(b, "task_slots", TASK, slot), area = fake_vmalloc(b->g, SF_PAGE_SIZE), owner = area + 64;
	uint64_t storage;
	char want[256];

	fake_store(b->g, m, owner, &(struct slot){ 1, 2, 2, 0 });
	fake_read(b->g, owner - 8, &storage, sizeof(storage));
	fake_unmap(b->g, area);
	sprintf(want, "map task_slots (type=task_storage, value_size=24, max_entries=0)\n"
		"task 0x%llx (not mapped by the guest): slot{hits=1, misses=2, mode=FAST (2)}\n",
		(unsigned long long)owner);
	looks(b, "task_slots", 120, want);
	fake_u64(b->g, storage + FK_STORAGE_OWNER, 0);
	looks(b, "task_slots", 120, "map task_slots (type=task_storage, value_size=24, max_entries=0)\n"
	      "task (gone): slot{hits=1, misses=2, mode=FAST (2)}\n");
}

/* Of a long path the end says more. */
static void long_paths_lose_their_beginning(void **state)
{
	struct bench *b = *state;
	uint64_t m = ADD_STORAGE(b, "cg", CGRP, slot), cgroup = fake_add_cgroup(b->g, 0, "", 1);
	char name[100];

	for (char c = 'a'; c < 'g'; c++) {
		memset(name, c, 99);
		name[99] = '\0';
		cgroup = fake_add_cgroup(b->g, cgroup, name, 2);
	}
	fake_store(b->g, m, cgroup, &(struct slot){ 1, 2, 2, 0 });
	_cleanup_free_ char *text = map_text_with(b, "cg", NULL);

	assert_contains(text, "\ncgroup …/eeeee");
	assert_contains(text, "eeee/ffff");
	assert_contains(text, "ffff: slot:\n  hits=1   misses=2   mode=FAST (2)\n");
}

/* ---- headers and ends -------------------------------------------------------------------------------------- */

static void maps_may_be_empty(void **state)
{
	struct bench *b = *state;

	add_hash(b, "none", b->t.u32, 4, b->t.u64, 8);
	looks(b, "none", 80, "map none (type=hash, value_size=8, max_entries=128)\nno entries\n");
}

static void headers_keep_to_the_width(void **state)
{
	struct bench *b = *state;

	fake_add_map(b->g, &(struct fake_map){ .name = "events", .type = 27, .max_entries = 4096 });
	looks(b, "events", 120,
		"map events (type=ringbuf, value_size=0, max_entries=4096)\n"
		"  [error: values of a ring buffer are records in flight: not read]\n");
	looks(b, "events", 200,
		"map events (type=ringbuf, value_size=0, max_entries=4096) "
		"[error: values of a ring buffer are records in flight: not read]\n");
	looks(b, "events", 40,
		"map events (type=ringbuf, value_size=0,\n"
		"  max_entries=4096)\n"
		"  [error: values of a ring buffer are\n"
		"  records in flight: not read]\n");
}

/* ---- size --------------------------------------------------------------------------------------------------- */

struct watch {
	size_t before, most, n_lines;
};

static bool watch_memory(void *arg, const char *text, size_t len)
{
	struct watch *w = arg;

	w->most = sf_max(w->most, mallinfo2().uordblks);
	for (size_t i = 0; i < len; i++)
		w->n_lines += text[i] == '\n';
	return true;
}

static struct watch watch_map(struct bench *b, const char *name)
{
	struct sf_render_options all = { .max_entries = UINT32_MAX };
	const struct sf_snap_map *map;
	struct watch w = { 0 };

	_cleanup_free_ char *opened = map_text_with(b, name, &(struct sf_render_options){ .max_entries = 1 });
	assert_true(sf_map_snap(sf_view_map(sf_snapshot_view(b->snap), name), &map));
	w.before = mallinfo2().uordblks;
	assert_true(sf_render_map_text(map, &all, watch_memory, &w));
	return w;
}

static void large_maps_take_no_more_memory_than_small_ones(void **state)
{
	struct bench *b = *state;
	struct fake_map m = map_of(b, "small", SF_BPF_MAP_TYPE_HASH, b->t.u32, 4, b->t.u64, 8);
	uint64_t map = fake_add_hash(b->g, &m);
	struct watch w;

	for (uint32_t i = 0; i < 100; i++)
		fake_hash_add_at(b->g, map, i, &i, &(uint64_t){ i });
	w = watch_map(b, "small");
	assert_in_range(w.n_lines, 100, 110);
	assert_in_range(w.most, w.before, w.before + 8192);
	m.name = "big";
	m.max_entries = 100000;
	map = fake_add_hash(b->g, &m);
	for (uint32_t i = 0; i < 100000; i++)
		fake_hash_add_at(b->g, map, i, &i, &(uint64_t){ i });
	w = watch_map(b, "big");
	assert_in_range(w.n_lines, 100000, 102000);
	assert_in_range(w.most, w.before, w.before + 8192);
}

static void a_million_values_take_no_memory_either(void **state)
{
	struct bench *b = *state;
	struct fake_map m = map_of(b, "row", SF_BPF_MAP_TYPE_ARRAY, b->t.u32, 4, b->t.u64, 8);
	_cleanup_free_ uint64_t *values = calloc(1000000, 8);
	struct watch w;

	assert_non_null(values);
	for (size_t i = 0; i < 1000000; i++)
		values[i] = i + 1;
	m.max_entries = 1000000;
	m.values = values;
	m.values_len = 8000000;
	fake_add_map(b->g, &m);
	w = watch_map(b, "row");
	assert_int_equal(w.n_lines, 1000001);
	assert_in_range(w.most, w.before, w.before + 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(flat_entries_are_a_table_without_its_zeros),
		MAP_TEST(texts_go_into_tables),
		MAP_TEST(short_lists_and_masks_go_into_tables),
		MAP_TEST(a_table_that_does_not_fit_is_entries),
		MAP_TEST(inner_structs_are_columns_too),
		MAP_TEST(an_entry_takes_one_line_if_it_fits),
		MAP_TEST(long_keys_are_blocks_of_their_own),
		MAP_TEST(limits_hold_in_tables),
		MAP_TEST(entries_without_types_are_bytes),
		MAP_TEST(the_header_of_a_long_table_is_repeated),
		MAP_TEST(what_was_left_out_of_chains_is_said_last),
		MAP_TEST(values_of_tasks_have_the_tasks_name),
		MAP_TEST(values_of_cgroups_inodes_and_sockets_do_too),
		MAP_TEST(owners_that_are_gone_are_addresses),
		MAP_TEST(long_paths_lose_their_beginning),
		MAP_TEST(maps_may_be_empty),
		MAP_TEST(headers_keep_to_the_width),
		MAP_TEST(large_maps_take_no_more_memory_than_small_ones),
		MAP_TEST(a_million_values_take_no_memory_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps of every layout as JSON: their keys, what is missing, and that it all streams. */
#include "map_bench.h"
#include "schema.h"

#define CTX(runtime, state, variant, node, wakeups, nice, pinned) \
	"{\"kind\":\"struct\",\"type_name\":\"task_ctx\",\"members\":[" \
	MEMBER("runtime", "{\"kind\":\"uint\",\"bits\":64,\"value\":" #runtime "}") "," \
	MEMBER("state", "{\"kind\":\"enum\",\"bits\":32,\"value\":" #state ",\"variant\":\"" variant \
	       "\",\"is_signed\":true,\"type_name\":\"state\"}") "," \
	MEMBER("node", U32(node)) "," \
	MEMBER("stats", STRUCT("stats", MEMBER("wakeups", "{\"kind\":\"uint\",\"bits\":64,\"value\":" #wakeups "}") "," \
			       MEMBER("nice", S32(nice)) "," MEMBER("pinned", "{\"kind\":\"bool\",\"value\":" #pinned "}")))

static char *map_json(const struct sf_snap_map *map, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_map_json(map, opt, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

static char *frame_json(struct map_bench *b, bool pretty)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, pretty);
	sf_render_frame_json(b->snap, NULL, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

static struct sf_json *read_json(const char *text)
{
	struct sf_json *doc = NULL;

	assert_ok(sf_json_read(text, strlen(text), &doc));
	return doc;
}

static void assert_conforms(struct map_bench *b)
{
	_cleanup_json_ struct sf_json *schema = schema_read(__FILE__, "docs/report.schema.json");

	for (int pretty = 0; pretty < 2; pretty++) {
		_cleanup_free_ char *text = frame_json(b, pretty);
		_cleanup_json_ struct sf_json *doc = read_json(text);

		assert_true(schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(doc)));
	}
}

static size_t n_of(const struct sf_json_node *map, const char *list)
{
	const struct sf_json_node *l = sf_json_member(map, list);

	assert_non_null(l);
	return l->n;
}

/* The entry whose key is @hex. */
static const struct sf_json_node *entry_of(const struct sf_json_node *map, const char *list, const char *hex)
{
	const struct sf_json_node *l = sf_json_member(map, list);

	for (const struct sf_json_node *e = l ? l->value.first : NULL; e; e = e->next)
		if (!strcmp(sf_json_member_str(e, "key_hex", ""), hex))
			return e;
	fail_msg("no entry %s", hex);
	return NULL;
}

static void hex_of(char *to, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to += sprintf(to, "%s%02x", i ? " " : "", ((const uint8_t *)bytes)[i]);
}

/* ---- layouts ---------------------------------------------------------------------------------------------------- */

static void entries_of_a_hash_have_keys_and_values_and_their_bytes(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_json(map_called(b, "hash"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(json);
	const struct sf_json_node *e = entry_of(sf_json_root(doc), "entries", "67 00 00 00");
	const char *hex = sf_json_member_str(e, "value_hex", "");

	assert_int_equal(n_of(sf_json_root(doc), "entries"), 5);
	assert_contains(json, "{\"key\":" U32(103) ",\"key_hex\":\"67 00 00 00\",\"value\":"
			CTX(3000, -1, "BLOCKED", 3, 21, -3, true) ",");
	assert_int_equal(strlen(hex), 3 * CTX_SIZE - 1);
	assert_int_equal(strncmp(hex, "b8 0b 00 00 00 00 00 00 ff ff ff ff 03 00 00 00 15 00", 53), 0);
	/* A mask behind a pointer is shown, whichever value it is. */
	assert_contains(json, "\"deref\":{\"kind\":\"cpu_list\",\"cpus\":\"1-2\"}");
	assert_null(sf_json_member(sf_json_root(doc), "error"));
	assert_null(sf_json_member(sf_json_root(doc), "torn"));
}

static void keys_may_be_structs(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_json(map_called(b, "chained"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(json);

	assert_int_equal(n_of(sf_json_root(doc), "entries"), 12);
	assert_contains(json, "{\"key\":{\"kind\":\"struct\",\"type_name\":\"key\",\"members\":[{\"name\":\"id\",\"value\":"
			"{\"kind\":\"uint\",\"bits\":64,\"value\":47244640267}},");
	assert_contains(json, "\"key_hex\":\"0b 00 00 00 0b 00 00 00 02 00 00 00 01 00 00 00\",\"value\":"
			"{\"kind\":\"uint\",\"bits\":64,\"value\":121},\"value_hex\":\"79 00 00 00 00 00 00 00\"}");
}

static void per_cpu_values_are_by_cpu_and_null_where_there_is_none(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *array = map_json(map_called(b, "cpu_counts"), NULL);
	_cleanup_free_ char *hash = map_json(map_called(b, "cpu_hash"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(hash);
	const struct sf_json_node *cpus;

#define U64(v) "{\"kind\":\"uint\",\"bits\":64,\"value\":" #v "}"
	assert_contains(array, "\"percpu_entries\":[{\"key\":0,\"per_cpu\":[" U64(0) "," U64(0) ",null," U64(0) "]},"
			"{\"key\":1,\"per_cpu\":[" U64(11) "," U64(11) ",null," U64(11) "]},{\"key\":2,");
	assert_contains(array, "{\"key\":4,\"per_cpu\":[" U64(0) "," U64(1) ",null," U64(3) "]}");
	assert_int_equal(n_of(sf_json_root(doc), "percpu_hash_entries"), 3);
	cpus = sf_json_member(entry_of(sf_json_root(doc), "percpu_hash_entries", "02 00 00 00"), "per_cpu");
	assert_int_equal(cpus->n, 4);
	assert_int_equal(sf_json_element(cpus, 2)->type, SF_JSON_NULL);
	assert_contains(hash, CTX(23000, 1, "RUNNING", 23, 161, -23, true));
	assert_null(sf_json_member(sf_json_root(doc), "error"));
}

static void a_struct_ops_map_is_one_value(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_json(map_called(b, "demo_ops"), NULL);

	assert_contains(json, "\"map_type_name\":\"struct_ops\"");
	assert_contains(json, "\"value\":{\"kind\":\"struct\",\"type_name\":\"sched_ext_ops\",\"members\":[");
	assert_contains(json, MEMBER("timeout_ms", U32(5000)));
}

/* ---- owners ----------------------------------------------------------------------------------------------------- */

static void assert_owner(struct map_bench *b, const char *map, uint64_t kva, const char *want)
{
	_cleanup_free_ char *json = map_json(map_called(b, map), NULL), *begin = NULL;
	char hex[3 * sizeof(kva)];

	hex_of(hex, &kva, sizeof(kva));
	begin = sf_asprintf("{\"key\":{\"kind\":\"ptr\",\"value\":%llu},\"key_hex\":\"%s\",\"owner\":{%s},\"value\":{",
			    (unsigned long long)kva, hex, want);
	if (!strstr(json, begin))
		fail_msg("no %s in %s", begin, json);
}

static void values_of_local_storage_have_owners(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *task = sf_asprintf("\"kind\":\"task\",\"kva\":%llu,\"pid\":101,\"tgid\":100,\"comm\":\"worker-1\"",
						(unsigned long long)b->maps.tasks[1]);
	_cleanup_free_ char *cgroup = sf_asprintf("\"kind\":\"cgroup\",\"kva\":%llu,\"id\":78,\"path\":\"/demo.slice/a\"",
						  (unsigned long long)b->maps.cgroups[2]);
	_cleanup_free_ char *inode = sf_asprintf("\"kind\":\"inode\",\"kva\":%llu,\"ino\":4026531840",
						 (unsigned long long)b->maps.inode);
	_cleanup_free_ char *sock = sf_asprintf("\"kind\":\"sock\",\"kva\":%llu,\"family\":2,\"port\":8080",
						(unsigned long long)b->maps.sock);

	assert_owner(b, "task_ctx", b->maps.tasks[1], task);
	assert_owner(b, "cgrp_ctx", b->maps.cgroups[2], cgroup);
	assert_owner(b, "inode_ctx", b->maps.inode, inode);
	assert_owner(b, "sk_ctx", b->maps.sock, sock);
}

static void an_owner_that_cannot_be_read_keeps_its_value(void **state)
{
	struct map_bench *b = *state;
	uint64_t gone = fake_vmalloc(b->guest, SF_PAGE_SIZE) + 64;
	uint8_t value[CTX_SIZE] = { 42 };
	_cleanup_free_ char *want = sf_asprintf("\"kind\":\"task\",\"kva\":%llu,\"unreadable\":true", (unsigned long long)gone);

	fake_store(b->guest, b->maps.task_ctx, gone, value);
	fake_unmap(b->guest, gone);
	assert_owner(b, "task_ctx", gone, want);
	assert_conforms(b);
}

static void names_of_owners_are_hostile(void **state)
{
	struct map_bench *b = *state;
	uint8_t value[CTX_SIZE] = { 1 };
	uint64_t task = fake_add_task(b->guest, -1, INT32_MIN, "\"\\\n\x1b[31m\xff\xc3"), cgroup;

	fake_store(b->guest, b->maps.task_ctx, task, value);
	cgroup = fake_add_cgroup(b->guest, b->maps.cgroups[1], "a\"/../\x80", UINT64_MAX);
	fake_store(b->guest, b->maps.cgrp_ctx, cgroup, value);
	_cleanup_free_ char *want = sf_asprintf("\"kind\":\"task\",\"kva\":%llu,\"pid\":-1,\"tgid\":-2147483648,"
						"\"comm\":\"\\\"\\\\\\n\\u001b[31m\\\\xff\\\\xc3\"",
						(unsigned long long)task);

	assert_owner(b, "task_ctx", task, want);
	_cleanup_free_ char *path = sf_asprintf("\"kind\":\"cgroup\",\"kva\":%llu,\"id\":18446744073709551615,"
						"\"path\":\"/demo.slice/a\\\"/../\\\\x80\"", (unsigned long long)cgroup);

	assert_owner(b, "cgrp_ctx", cgroup, path);
	assert_conforms(b);
}

/* ---- what is missing -------------------------------------------------------------------------------------------- */

static void torn_chains_are_counted_and_said(void **state)
{
	struct map_bench *b = *state;
	uint64_t gone = fake_vmalloc(b->guest, SF_PAGE_SIZE), elem;

	fake_unmap(b->guest, gone);
	elem = fake_hash_add(b->guest, b->maps.lru, &(uint32_t){ 77 }, (const uint8_t[CTX_SIZE]){ 1 });
	fake_u64(b->guest, elem + FK_ELEM_NEXT, gone + 64);
	_cleanup_free_ char *json = map_json(map_called(b, "lru"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(json);
	const struct sf_json_node *torn = sf_json_member(sf_json_root(doc), "torn");

	assert_non_null(torn);
	assert_int_equal(sf_json_member_u64(torn, "chains", 0), 1);
	assert_int_equal(sf_json_member_u64(torn, "buckets", 9), 0);
	assert_int_equal(sf_json_member_u64(torn, "superseded", 9), 0);
	assert_false(sf_json_member_bool(torn, "capped", true));
	assert_contains(sf_json_member_str(sf_json_root(doc), "error", ""), "1 chain was cut");
	entry_of(sf_json_root(doc), "entries", "4d 00 00 00");
	assert_conforms(b);
}

static void an_element_that_is_being_replaced_is_no_error(void **state)
{
	struct map_bench *b = *state;

	fake_hash_add(b->guest, b->maps.lru, &(uint32_t){ 1 }, (const uint8_t[CTX_SIZE]){ 0xab });
	_cleanup_free_ char *json = map_json(map_called(b, "lru"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(json);
	const struct sf_json_node *torn = sf_json_member(sf_json_root(doc), "torn");
	const struct sf_json_node *e = entry_of(sf_json_root(doc), "entries", "01 00 00 00");

	assert_int_equal(n_of(sf_json_root(doc), "entries"), 3);
	assert_int_equal(strncmp(sf_json_member_str(e, "value_hex", ""), "ab 00", 5), 0);
	assert_int_equal(sf_json_member_u64(torn, "superseded", 0), 1);
	assert_null(sf_json_member(sf_json_root(doc), "error"));
	assert_conforms(b);
}

static uint64_t add_wide_hash(struct map_bench *b, uint32_t btf)
{
	struct fake_map m = { .name = "wide", .type = SF_BPF_MAP_TYPE_HASH, .value_size = 2 * SF_PAGE_SIZE, .max_entries = 4,
			      .btf = btf };
	uint8_t value[2 * SF_PAGE_SIZE];
	uint64_t map = fake_add_hash(b->guest, &m), elem;

	memset(value, 0x5a, sizeof(value));
	elem = fake_hash_add(b->guest, map, &(uint32_t){ 7 }, value);
	return fake_hash_value(b->guest, map, elem);
}

static void without_types_there_are_bytes(void **state)
{
	struct map_bench *b = *state;

	add_wide_hash(b, 0);
	_cleanup_free_ char *json = map_json(map_called(b, "wide"), NULL);

	assert_contains(json, "\"entries\":[{\"key_hex\":\"07 00 00 00\",\"value_hex\":\"5a 5a 5a ");
	assert_null(strstr(json, "\"value\":"));
	assert_conforms(b);
}

static void bytes_that_are_not_there_are_question_marks(void **state)
{
	struct map_bench *b = *state;
	uint64_t value = add_wide_hash(b, 0), border = sf_align_up(value + 1, SF_PAGE_SIZE);

	fake_unmap(b->guest, border);
	_cleanup_free_ char *json = map_json(map_called(b, "wide"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(json);
	const char *hex = sf_json_member_str(entry_of(sf_json_root(doc), "entries", "07 00 00 00"), "value_hex", "");

	assert_int_equal(strlen(hex), 3 * 2 * SF_PAGE_SIZE - 1);
	for (uint64_t i = 0; i < 2 * SF_PAGE_SIZE; i++)
		assert_memory_equal(hex + 3 * i, value + i >= border && value + i < border + SF_PAGE_SIZE ? "??" : "5a", 2);
	assert_conforms(b);
}

static void a_value_that_is_gone_leaves_its_key(void **state)
{
	struct map_bench *b = *state;
	uint8_t values[40 * SF_PAGE_SIZE];
	struct fake_map m = { .name = "pages", .value_size = SF_PAGE_SIZE, .max_entries = 40, .values = values,
			      .values_len = sizeof(values), .vmalloced = true };
	uint64_t map;

	memset(values, 1, sizeof(values));
	map = fake_add_map(b->guest, &m);
	fake_unmap(b->guest, fake_map_values(map) + 5 * SF_PAGE_SIZE);
	_cleanup_free_ char *json = map_json(map_called(b, "pages"), NULL);

	assert_contains(json, "},{\"key\":5},{\"key\":6,\"value\":{\"kind\":\"bytes\",");
	assert_contains(json, "\"error\":\"1 of 40 entries unreadable: not mapped by the guest at 0x");
	assert_conforms(b);
}

static void per_cpu_values_that_are_gone_say_why(void **state)
{
	struct map_bench *b = *state;
	uint64_t slot = fake_map_values(b->maps.cpu_counts) + 8 * 3;

	/* To where no CPU has memory. */
	fake_u64(b->guest, slot, 1ull << 40);
	_cleanup_free_ char *json = map_json(map_called(b, "cpu_counts"), NULL);
	_cleanup_json_ struct sf_json *doc = read_json(json);
	const struct sf_json_node *cpus = sf_json_member(
		sf_json_element(sf_json_member(sf_json_root(doc), "percpu_entries"), 3), "per_cpu");

	assert_int_equal(cpus->n, 4);
	assert_string_equal(sf_json_member_str(sf_json_element(cpus, 0), "kind", ""), "unsupported");
	assert_int_equal(sf_json_element(cpus, 2)->type, SF_JSON_NULL);
	assert_contains(sf_json_member_str(sf_json_root(doc), "error", ""), "3 values of 6 entries unreadable: ");
	assert_conforms(b);
}

static void reports_of_every_map_conform_to_the_schema(void **state)
{
	struct map_bench *b = *state;

	map_bench_open(b);
	assert_conforms(b);
}

static void the_schema_refuses_mistakes(void **state)
{
	struct map_bench *b = *state;
	_cleanup_json_ struct sf_json *schema = schema_read(__FILE__, "docs/report.schema.json");
	static const char *const mistakes[][2] = {
		{ "\"key_hex\":\"6", "\"key_hex\":\"06" },
		{ "\"key_hex\":", "\"key_bytes\":" },
		{ "\"entries\":[", "\"value\":{\"kind\":\"char\",\"value\":1},\"entries\":[" },
		{ "\"per_cpu\":[", "\"per_cpu\":[0," },
		{ "\"percpu_entries\":[{\"key\":0,", "\"percpu_entries\":[{" },
		{ "\"percpu_hash_entries\":[{", "\"percpu_hash_entries\":[{\"value\":null," },
		{ "\"kind\":\"task\"", "\"kind\":\"thread\"" },
		{ "\"pid\":101,", "" },
		{ "\"comm\":\"worker-1\"", "\"comm\":\"worker-1\",\"unreadable\":true" },
		{ "\"kind\":\"inode\"", "\"kind\":\"cgroup\"" },
	};

	map_bench_open(b);
	_cleanup_free_ char *json = frame_json(b, false);

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const char *at = strstr(json, mistakes[i][0]);

		if (!at)
			fail_msg("no %s in the report", mistakes[i][0]);
		_cleanup_free_ char *wrong = sf_asprintf("%.*s%s%s", (int)(at - json), json, mistakes[i][1],
							 at + strlen(mistakes[i][0]));
		_cleanup_json_ struct sf_json *doc = read_json(wrong);

		if (schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(doc)))
			fail_msg("taken: %s instead of %s", mistakes[i][1], mistakes[i][0]);
	}
}

/* ---- streaming -------------------------------------------------------------------------------------------------- */

static struct counting count_json(const struct sf_snap_map *map, const struct sf_render_options *opt, uint64_t room,
				  bool *ret_ok)
{
	struct counting c = { .room = room, .start = heap_in_use() };
	struct sf_json_writer w;

	sf_json_writer_init(&w, counting_sink, &c, false);
	sf_render_map_json(map, opt, &w);
	*ret_ok = sf_json_writer_finish(&w);
	return c;
}

static void add_rows(struct map_bench *b, uint32_t n)
{
	struct btfb *types = malloc(sizeof(*types));
	uint32_t u32;

	assert_non_null(types);
	btfb_init(types, NULL);
	u32 = btfb_add_int(types, "u32", 4, 0);
	fake_add_map(b->guest, &(struct fake_map){ .name = "rows", .value_size = 4, .max_entries = n, .key_type = u32,
						   .value_type = u32, .btf = fake_add_btf(b->guest, types, 0),
						   .vmalloced = true });
	free(types);
}

static void all_entries_are_listed_unless_told_otherwise(void **state)
{
	struct map_bench *b = *state;

	add_rows(b, 5000);
	_cleanup_free_ char *all = map_json(map_called(b, "rows"), NULL);
	_cleanup_free_ char *some = map_json(map_called(b, "rows"), &(struct sf_render_options){ .max_entries = 3 });

	assert_contains(all, "},{\"key\":4999,\"value\":" U32(0) "}]}");
	assert_contains(some, "},{\"key\":2,\"value\":" U32(0) "}],\"error\":\"3 of 5000 entries listed\"}");
}

static void a_million_entries_take_no_more_memory_than_ten(void **state)
{
	struct map_bench *b = *state;
	bool ok;

	add_rows(b, 1000000);
	const struct sf_snap_map *map = map_called(b, "rows");
	struct counting few = count_json(map, &(struct sf_render_options){ .max_entries = 10 }, UINT64_MAX, &ok);

	assert_true(ok);
	struct counting all = count_json(map, NULL, UINT64_MAX, &ok);

	assert_true(ok);
	assert_in_range(all.taken, 50000000, 100000000);
	assert_in_range(all.most, 0, few.most + 16384);
}

static void a_million_elements_take_no_memory(void **state)
{
	struct map_bench *b = *state;
	struct btfb *types = malloc(sizeof(*types));
	uint32_t u32, row;
	bool ok;

	assert_non_null(types);
	btfb_init(types, NULL);
	u32 = btfb_add_int(types, "u32", 4, 0);
	row = btfb_add_array(types, u32, u32, 1000000);
	fake_add_map(b->guest, &(struct fake_map){ .name = "row", .value_size = 4000000, .value_type = row,
						   .btf = fake_add_btf(b->guest, types, 0), .vmalloced = true });
	free(types);
	struct counting all = count_json(map_called(b, "row"), &(struct sf_render_options){ .max_elements = 2000000 },
					 UINT64_MAX, &ok);

	assert_true(ok);
	assert_in_range(all.taken, 30000000, 100000000);
	assert_in_range(all.most, 0, 4096);
}

static void a_sink_that_stops_is_not_asked_again(void **state)
{
	struct map_bench *b = *state;
	static const char *const names[] = { "hash", "cpu_counts", "cpu_hash", "task_ctx", "demo_ops" };
	bool ok;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct sf_snap_map *map = map_called(b, names[i]);
		struct counting all = count_json(map, NULL, UINT64_MAX, &ok);

		assert_true(ok);
		for (uint64_t room = 0; room < all.taken; room += 1 + room / 3) {
			struct counting c = count_json(map, NULL, room, &ok);

			assert_false(ok);
			assert_in_range(c.taken, 0, room);
		}
		count_json(map, NULL, all.taken, &ok);
		assert_true(ok);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(entries_of_a_hash_have_keys_and_values_and_their_bytes),
		MAP_TEST(keys_may_be_structs),
		MAP_TEST(per_cpu_values_are_by_cpu_and_null_where_there_is_none),
		MAP_TEST(a_struct_ops_map_is_one_value),
		MAP_TEST(values_of_local_storage_have_owners),
		MAP_TEST(an_owner_that_cannot_be_read_keeps_its_value),
		MAP_TEST(names_of_owners_are_hostile),
		MAP_TEST(torn_chains_are_counted_and_said),
		MAP_TEST(an_element_that_is_being_replaced_is_no_error),
		MAP_TEST(without_types_there_are_bytes),
		MAP_TEST(bytes_that_are_not_there_are_question_marks),
		MAP_TEST(a_value_that_is_gone_leaves_its_key),
		MAP_TEST(per_cpu_values_that_are_gone_say_why),
		MAP_TEST(reports_of_every_map_conform_to_the_schema),
		MAP_TEST(the_schema_refuses_mistakes),
		MAP_TEST(all_entries_are_listed_unless_told_otherwise),
		MAP_TEST(a_million_entries_take_no_more_memory_than_ten),
		MAP_TEST(a_million_elements_take_no_memory),
		MAP_TEST(a_sink_that_stops_is_not_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

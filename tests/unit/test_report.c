/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps and whole frames as text and JSON, and that docs/report.schema.json is what the JSON is. */
#include "fake_bpf.h"
#include "render_bench.h"
#include "schema.h"

struct bench {
	struct fake_guest *guest;
	struct fake_scene scene;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
	struct sf_json *schema;
};

static int make_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	*state = b;
	b->guest = fake_new(&(struct fake_options){ .small = true });
	fake_scene_add(b->guest, SCENE_BROKEN, &b->scene);
	fake_open(b->guest);
	b->frame = fake_capture(b->guest, "mid-run");
	assert_ok(sf_snapshot_new(b->frame, &b->snap));
	b->schema = schema_read(__FILE__, "docs/report.schema.json");
	return 0;
}

static int drop_bench(void **state)
{
	struct bench *b = *state;

	sf_json_unref(b->schema);
	sf_snapshot_free(b->snap);
	sf_frame_unref(b->frame);
	fake_free(b->guest);
	free(b);
	return 0;
}

static const struct sf_snap_map *find_map(struct bench *b, const char *name)
{
	const struct sf_snap_map *ret = NULL;

	if (!sf_map_snap(sf_view_map(sf_snapshot_view(b->snap), name), &ret))
		fail_msg("no map %s", name);
	return ret;
}

static char *map_text(const struct sf_snap_map *map, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };

	assert_true(sf_render_map_text(map, opt, sf_json_buffer_sink, &out));
	return taken(&out);
}

static char *map_json(const struct sf_snap_map *map, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_map_json(map, opt, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

static char *frame_text(struct sf_snapshot *snap)
{
	struct sf_json_buffer out = { 0 };

	assert_true(sf_render_frame_text(snap, NULL, sf_json_buffer_sink, &out));
	return taken(&out);
}

static char *frame_json(struct sf_snapshot *snap, bool pretty)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, pretty);
	sf_render_frame_json(snap, NULL, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

#define assert_map_looks(b, name, opt, want)                                                       \
	do {                                                                                       \
		_cleanup_free_ char *text_ = map_text(find_map(b, name), opt);                     \
		assert_string_equal(text_, want);                                                  \
	} while (0)

/* ---- maps ------------------------------------------------------------------------------------------------- */

static void a_map_is_a_header_and_its_values(void **state)
{
	struct bench *b = *state;

	assert_map_looks(b, ".data.tuning", NULL,
			 "map .data.tuning (type=array, value_size=4, max_entries=1)\n"
			 ".data.tuning{knob=7}\n");
	assert_map_looks(b, "latency", NULL,
			 "map latency (type=array, value_size=16, max_entries=5)\n"
			 "key 0: all zero\n"
			 "key 1: weight{value=100, cpu=1}\n"
			 "key 2: weight{value=200, cpu=2}\n"
			 "key 3: weight{value=300, cpu=3}\n"
			 "key 4: weight{value=400, cpu=4}\n");
	assert_map_looks(b, ".rodata.str1.1", NULL,
			 "map .rodata.str1.1 (type=array, value_size=12, max_entries=1)\n"
			 "\"hello\\x00world\\x00\"\n");
}

static void a_section_is_rows_and_compounds(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *text = map_text(find_map(b, "demo.bss"), NULL);

	assert_contains(text, ".bss:\n"
			      "  nr_dispatched = 42                   nr_cpus_onln = 4      mode  = MODE_FAST (2)\n"
			      "  balance       = -5                   ready        = true   ratio = 0.25\n"
			      "  opaque        = 0x");
	assert_contains(text, "   shared       = 1\n"
			      "  ctx ctx{weight=weight{value=100, cpu=3}, ");
	assert_contains(text, "\n  name \"scx_demo\"\n");
	assert_contains(text, " → task_struct:\n"
			      "    pid=1234\n"
			      "    comm \"near-task\"\n"
			      "    cpus_mask cpus={0-1,3}\n");
	assert_contains(text, " [cycle]\n");
	assert_contains(text, " [chase: page not kept: ");
	assert_contains(text, "(--keep hops=N)]\n");
	assert_contains(text, " → cpus={0,2}\n");
	assert_null(strstr(text, "null_task"));
}

static void maps_without_values_say_why(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *json = map_json(find_map(b, "per_task"), NULL);

	assert_map_looks(b, "per_task", NULL,
			 "map per_task (type=hash, value_size=16, max_entries=1024) "
			 "[error: its number of buckets makes no sense]\n");
	assert_contains(json, "\"map_type\":1,\"map_type_name\":\"hash\"");
	assert_contains(json, "\"error\":\"its number of buckets makes no sense\"}");
	assert_null(strstr(json, "value\":{"));
	assert_map_looks(b, "broken.bss", NULL,
			 "map broken.bss (type=array, value_size=8, max_entries=1) [error: no types: its BTF is damaged]\n"
			 "00 00 00 00 00 00 00 00 (raw)\n");
}

static void entries_beyond_the_limit_are_counted(void **state)
{
	struct bench *b = *state;
	struct sf_render_options two = { .max_entries = 2 };
	_cleanup_free_ char *json = map_json(find_map(b, "latency"), &two);

	assert_map_looks(b, "latency", &two,
			 "map latency (type=array, value_size=16, max_entries=5)\n"
			 "key 0: all zero\n"
			 "key 1: weight{value=100, cpu=1}\n"
			 "[error: 2 of 5 entries listed]\n");
	assert_contains(json, "\"array_entries\":[{\"key\":0,\"value\":{");
	assert_contains(json, "},{\"key\":1,\"value\":{");
	assert_null(strstr(json, "\"key\":2"));
	assert_contains(json, "\"error\":\"2 of 5 entries listed\"}");
}

static void entries_of_pages_that_are_gone_are_unreadable(void **state)
{
	struct bench *b = *state;
	uint64_t area = fake_vmalloc(b->guest, 2 * SF_PAGE_SIZE);
	const struct sf_snap_map *latency = find_map(b, "latency");
	struct sf_frame_map listed = *latency->listed;
	struct sf_snap_map map = *latency;
	struct sf_frame *live = fake_live(b->guest);
	SF_OWNED(snapshot) snap = NULL;
	char gone[32], want[512];

	assert_ok(sf_snapshot_new(live, &snap));
	fake_unmap(b->guest, area + SF_PAGE_SIZE);
	sprintf(gone, "0x%llx", (unsigned long long)area + SF_PAGE_SIZE);
	/* Element 1 lies across the border, elements 2 to 4 beyond it. */
	listed.map.values = area + SF_PAGE_SIZE - 24;
	listed.map.stride = 16;
	fake_u64(b->guest, listed.map.values, 7);
	fake_u64(b->guest, listed.map.values + 16, 8);
	map.listed = &listed;
	map.types.vm = sf_snapshot_vmem(snap);
	_cleanup_free_ char *text = map_text(&map, NULL), *json = map_json(&map, NULL);

	sprintf(want,
		"map latency (type=array, value_size=16, max_entries=5)\n"
		"key 0: weight{value=7}\n"
		"key 1: weight{value=8, cpu=<not mapped by the guest: %s>}\n"
		"keys 2-4: <unreadable>\n"
		"[error: 3 of 5 entries unreadable: not mapped by the guest at 0x%llx]\n", gone,
		(unsigned long long)area + SF_PAGE_SIZE + 8);
	assert_string_equal(text, want);
	assert_contains(json, "{\"key\":2},{\"key\":3},{\"key\":4}],\"error\":\"3 of 5 entries unreadable: ");
	sprintf(want, "{\"name\":\"cpu\",\"value\":" UNSUPPORTED("not mapped by the guest at %s") "}", gone);
	assert_contains(json, want);
	/* The same of a single value. */
	listed.map.values = area + SF_PAGE_SIZE;
	listed.map.max_entries = 1;
	map.is_single = true;
	_cleanup_free_ char *one_text = map_text(&map, NULL), *one_json = map_json(&map, NULL);

	sprintf(want, "<unreadable>\n[error: not mapped by the guest at %s]\n", gone);
	assert_contains(one_text, want);
	sprintf(want, "\"max_entries\":1,\"error\":\"not mapped by the guest at %s\"}", gone);
	assert_contains(one_json, want);
	sf_frame_unref(live);
}

/* ---- frames ----------------------------------------------------------------------------------------------- */

static void a_frame_says_what_it_is_and_where_its_vcpus_were(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *text = frame_text(b->snap);

	assert_int_equal(strncmp(text, "frame mid-run (on-demand), scheduler demo, kernel 7.1.0-fake\n  taken 1970-01-01 00:00:00.123 UTC", 90), 0);
	assert_contains(text, "\n\nmap demo.bss (");
	assert_contains(text, "\n\nmap broken.bss (");
	assert_contains(text, "\n\nvcpu_regs:\n  vcpu 0: ip=0xffffffff81001234 sp=0xffffc90000013e70 ptroot=0x");
	assert_contains(text, "_stext+0x234\n  vcpu 1: <unavailable>\n");
}

static void placeholders_say_that_there_is_nothing(void **state)
{
	struct bench *b = *state;
	struct sf_frame *f = sf_frame_placeholder("late", "the guest did not answer");
	SF_OWNED(snapshot) snap = NULL;
	_cleanup_json_ struct sf_json *doc = NULL;

	assert_ok(sf_snapshot_new(f, &snap));
	_cleanup_free_ char *text = frame_text(snap), *json = frame_json(snap, false);

	assert_string_equal(text, "frame late (placeholder)\n  the guest did not answer\nnothing was captured\n");
	assert_contains(json, "\"is_placeholder\":true,\"maps\":[],\"vcpu_regs\":[],\"scx_walker_unavailable\":");
	assert_ok(sf_json_read(json, strlen(json), &doc));
	assert_true(schema_takes(sf_json_root(b->schema), sf_json_root(b->schema), sf_json_root(doc)));
	sf_frame_unref(f);
}

static bool conforms(struct bench *b, const char *json)
{
	_cleanup_json_ struct sf_json *doc = NULL;

	assert_ok(sf_json_read(json, strlen(json), &doc));
	return schema_takes(sf_json_root(b->schema), sf_json_root(b->schema), sf_json_root(doc));
}

static void reports_conform_to_the_schema(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *json = frame_json(b->snap, false), *pretty = frame_json(b->snap, true);

	assert_true(conforms(b, json));
	assert_true(conforms(b, pretty));
}

/* @json with the first @from as @to. */
static char *changed(const char *json, const char *from, const char *to)
{
	const char *at = strstr(json, from);

	if (!at)
		fail_msg("no %s in the report", from);
	return sf_asprintf("%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
}

static void the_schema_refuses_mistakes(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *json = frame_json(b->snap, false);
	static const char *const mistakes[][2] = {
		{ "\"schema\":\"single\"", "\"schema\":\"other\"" },
		{ "\"schema\":\"single\",", "" },
		{ "\"torn\":0,", "" },
		{ "\"torn\":0", "\"torn\":-1" },
		{ "\"torn\"", "\"worn\"" },
		{ "\"map_type\":2", "\"map_type\":\"array\"" },
		{ "\"kind\":\"uint\",\"bits\":64", "\"kind\":\"uint\",\"bits\":65" },
		{ "\"kind\":\"uint\",\"bits\":64", "\"kind\":\"uint\"" },
		{ "\"kind\":\"uint\"", "\"kind\":\"u64\"" },
		{ "\"kind\":\"int\",\"bits\":64,\"value\":-5", "\"kind\":\"uint\",\"bits\":64,\"value\":-5" },
		{ "\"kind\":\"bool\",\"value\":true", "\"kind\":\"bool\",\"value\":1" },
		{ "\"variant\":\"MODE_FAST\",", "" },
		{ "\"len\":3,", "" },
		{ "\"cpus\":\"0-1,3\"", "\"cpus\":\"0-1,\"" },
		{ "\"hex\":\"00 00", "\"hex\":\"0000" },
		{ "\"members\":[{\"name\":", "\"members\":[{\"nam\":" },
		{ "\"deref_skipped_reason\":\"page not kept\"", "\"deref_skipped_reason\":null" },
		{ "\"error\":\"its number of buckets makes no sense\"", "\"x\":1" },
		{ ",\"error\":\"its number of buckets makes no sense\"", "" },
		{ "\"array_entries\":[{\"key\":0", "\"array_entries\":[{\"key\":\"0\"" },
		{ "\"rip\":", "\"pc\":" },
		{ ",null]", ",0]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		_cleanup_free_ char *wrong = changed(json, mistakes[i][0], mistakes[i][1]);

		if (conforms(b, wrong))
			fail_msg("taken: %s instead of %s", mistakes[i][1], mistakes[i][0]);
	}
}

static void every_value_of_a_report_survives_being_read(void **state)
{
	struct bench *b = *state;
	struct sf_snapshot_maps maps = sf_snapshot_maps(b->snap);
	size_t n = 0;

	for (size_t i = 0; i < maps.n; i++) {
		struct sf_snap_cursor all = sf_snap_elems(&maps.v[i]);
		struct sf_snap_elem elem;

		for (; sf_snap_next(&all, &elem); n++) {
			struct sf_node value = sf_snap_value(&elem);

			assert_survives(&value, NULL);
		}
	}
	assert_in_range(n, 14, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_a_header_and_its_values),
		cmocka_unit_test(a_section_is_rows_and_compounds),
		cmocka_unit_test(maps_without_values_say_why),
		cmocka_unit_test(entries_beyond_the_limit_are_counted),
		cmocka_unit_test(entries_of_pages_that_are_gone_are_unreadable),
		cmocka_unit_test(a_frame_says_what_it_is_and_where_its_vcpus_were),
		cmocka_unit_test(placeholders_say_that_there_is_nothing),
		cmocka_unit_test(reports_conform_to_the_schema),
		cmocka_unit_test(the_schema_refuses_mistakes),
		cmocka_unit_test(every_value_of_a_report_survives_being_read),
	};

	return cmocka_run_group_tests(tests, make_bench, drop_bench);
}

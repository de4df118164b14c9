/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports by hand and from JSON: their maps, what is wrong with them and where, and that they come out as they came in. */
#include "document_bench.h"
#include "fake_bpf.h"
#include "schema.h"
#include "stillframe/expr.h"

static uint64_t u64_of(struct sf_field f)
{
	uint64_t v = 0;

	assert_ok(sf_error_copy(sf_field_as_u64(f, &v)));
	return v;
}

/* ---- by hand ---------------------------------------------------------------------------------------------------- */

static void a_report_by_hand_needs_a_schema_and_maps(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT("{\"name\":\"o.bss\",\"value\":" ANON(MEMBER("nr", U32(7))) "}"));
	struct sf_map_info info = { .size = sizeof(info) };
	struct sf_frame_info frame = { .size = sizeof(frame) };

	(void)state;
	sf_frame_info(d.frame, &frame);
	assert_string_equal(frame.schema, "single");
	assert_string_equal(frame.tag, "");
	assert_false(frame.is_placeholder);
	assert_false(sf_view_is_placeholder(d.view));
	assert_int_equal(sf_view_map_count(d.view), 1);
	assert_int_equal(u64_of(sf_view_var(d.view, "nr")), 7);
	assert_true(sf_map_info(sf_view_map(d.view, "o.bss"), &info));
	assert_string_equal(info.name, "o.bss");
	assert_true(info.kva == 0 && info.id == 0 && info.type == 0 && info.key_size == 0 && info.max_entries == 0);
	assert_null(sf_frame_early(d.frame));
}

static void what_a_map_is_comes_from_the_report(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT(
		"{\"name\":\"a_name_that_is_far_longer_than_any_that_the_kernel_keeps_of_a_map.bss\",\"map_kva\":18446744073709551615,"
		"\"map_id\":3,\"map_type\":1,\"map_flags\":4,\"key_size\":8,\"value_size\":16,\"max_entries\":32,\"unknown\":[]}"));
	struct sf_map_info info = { .size = sizeof(info) };

	(void)state;
	assert_true(sf_map_info(sf_view_map_at(d.view, 0), &info));
	assert_string_equal(info.name, "a_name_that_is_far_longer_than_any_that_the_kernel_keeps_of_a_map.bss");
	assert_true(info.kva == UINT64_MAX);
	assert_true(info.id == 3 && info.type == 1 && info.flags == 4 && info.key_size == 8 && info.value_size == 16 &&
		    info.max_entries == 32);
	assert_string_equal(info.type_name, "hash");
	assert_int_equal(sf_map_len(sf_view_map_at(d.view, 0)), 0);
}

#define ENTRY(key, value) "{\"key\":" U32(key) ",\"key_hex\":\"01\",\"value\":" U32(value) ",\"value_hex\":\"02\"}"

static void of_several_lists_the_first_with_entries_counts(void **state)
{
	static const struct {
		const char *lists;
		uint64_t n;
		enum sf_doc_list list;
	} cases[] = {
		{ "\"value\":" U32(1), 1, SF_DOC_VALUE },
		{ "\"array_entries\":[{\"key\":4,\"value\":" U32(1) "},{\"key\":5}],\"value\":" U32(1), 2, SF_DOC_ARRAY },
		{ "\"entries\":[" ENTRY(1, 2) "],\"array_entries\":[{\"key\":4},{\"key\":5}]", 1, SF_DOC_HASH },
		{ "\"entries\":[" ENTRY(1, 2) "],\"percpu_hash_entries\":[{\"per_cpu\":[]},{\"per_cpu\":[null]}]", 2,
		  SF_DOC_PERCPU_HASH },
		{ "\"percpu_entries\":[{\"key\":0,\"per_cpu\":[]}],\"percpu_hash_entries\":[{\"per_cpu\":[]},{\"per_cpu\":[]}]", 1,
		  SF_DOC_PERCPU_ARRAY },
		{ "\"percpu_entries\":[],\"entries\":[],\"value\":" U32(1), 1, SF_DOC_VALUE },
		{ "\"percpu_entries\":null,\"entries\":[]", 0, SF_DOC_HASH },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *json = sf_asprintf(REPORT("{\"name\":\"m\",%s}"), cases[i].lists);
		_cleanup_doc_ struct doc d = doc_of(json);
		const struct sf_snap_map *m = doc_map(&d, "m");

		assert_int_equal(m->doc->list, cases[i].list);
		assert_int_equal(sf_snap_map_len(m), cases[i].n);
	}
}

static void elements_are_found_one_after_another_and_by_position(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT("{\"name\":\"m\",\"entries\":[" ENTRY(1, 10) "," ENTRY(2, 20) "," ENTRY(3, 30) "]}"));
	const struct sf_snap_map *m = doc_map(&d, "m");
	struct sf_snap_cursor c = sf_snap_elems(m);
	struct sf_snap_elem e, again;
	struct sf_trouble why;
	struct sf_node n;
	uint64_t v;
	size_t i = 0;

	(void)state;
	for (; sf_snap_next(&c, &e); i++) {
		assert_int_equal(e.at.position, i);
		assert_true(sf_snap_at(m, i, &again) && again.doc == e.doc);
		assert_true(sf_snap_key(&e, &n));
		assert_null(sf_node_as_u64(&n, &v, &why));
		assert_int_equal(v, i + 1);
		n = sf_snap_value(&e);
		assert_null(sf_node_as_u64(&n, &v, &why));
		assert_int_equal(v, 10 * (i + 1));
	}
	assert_int_equal(i, 3);
	assert_false(sf_snap_at(m, 3, &e));
	assert_int_equal(u64_of(sf_entry_get(sf_map_at(sf_view_map(d.view, "m"), 1), "")), 20);
	assert_int_equal(sf_error_code(sf_entry_error(sf_map_at(sf_view_map(d.view, "m"), 3))), SF_INDEX_OUT_OF_RANGE);
}

static void an_array_says_which_elements_it_has(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT("{\"name\":\"m\",\"array_entries\":[{\"key\":5,\"value\":" U32(50) "},{\"key\":9}]}"));
	struct sf_snap_elem e;
	struct sf_node n;

	(void)state;
	assert_true(sf_snap_at(doc_map(&d, "m"), 0, &e));
	assert_int_equal(sf_snap_index(&e), 5);
	assert_false(sf_snap_key(&e, &n));
	assert_false(sf_snap_lacks_key(&e));
	assert_true(sf_snap_has_value(&e));
	assert_true(sf_snap_at(doc_map(&d, "m"), 1, &e));
	assert_int_equal(sf_snap_index(&e), 9);
	assert_false(sf_snap_has_value(&e));
	n = sf_snap_value(&e);
	assert_int_equal(sf_node_kind(&n), SF_UNSUPPORTED);
	assert_int_equal(u64_of(sf_entry_key(sf_map_at(sf_view_map(d.view, "m"), 1), "")), 9);
}

static void bytes_that_nobody_rendered_are_told_apart(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT("{\"name\":\"m\",\"entries\":[{\"key_hex\":\"de ad\",\"value_hex\":\"01\"},"
						   "{\"key_hex\":\"?? ??\",\"value_hex\":\"?? 02\"},{}," ENTRY(1, 2) "]}"));
	static const struct {
		bool has_key, raw_key, has_value, raw_value;
		const char *hex;
	} want[] = {
		{ true, true, true, true, "de ad" },
		{ false, false, false, false, "?? ??" },
		{ false, false, false, false, NULL },
		{ true, false, true, false, "01" },
	};
	struct sf_snap_elem e;
	struct sf_node n;
	char hex[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(sf_snap_at(doc_map(&d, "m"), i, &e));
		assert_int_equal(sf_snap_key(&e, &n), want[i].has_key);
		assert_int_equal(sf_snap_lacks_key(&e), !want[i].has_key);
		assert_int_equal(sf_snap_is_raw_key(&e), want[i].raw_key);
		assert_int_equal(sf_snap_has_value(&e), want[i].has_value);
		assert_int_equal(sf_snap_is_raw_value(&e), want[i].raw_value);
		assert_int_equal(sf_snap_key_hex(&e, hex, sizeof(hex)), want[i].hex != NULL);
		if (want[i].hex)
			assert_string_equal(hex, want[i].hex);
		if (i == 3)
			break;
		assert_int_equal(sf_error_code(sf_field_error(sf_entry_get(sf_map_at(sf_view_map(d.view, "m"), i), ""))),
				 SF_NO_RENDERED);
		assert_int_equal(sf_error_code(sf_field_error(sf_entry_key(sf_map_at(sf_view_map(d.view, "m"), i), ""))),
				 SF_NO_RENDERED);
	}
	assert_true(sf_snap_at(doc_map(&d, "m"), 0, &e));
	assert_true(sf_snap_key_hex(&e, hex, 4));
	assert_string_equal(hex, "de ");
}

static void each_list_of_cpus_is_as_long_as_it_is(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT("{\"name\":\"m\",\"percpu_entries\":[{\"key\":0,\"per_cpu\":[" U32(1) ",null]},"
						   "{\"key\":1,\"per_cpu\":[" U32(2) "," U32(3) "," U32(4) "]}]}"));
	const struct sf_snap_map *m = doc_map(&d, "m");
	struct sf_snap_elem e;
	struct sf_node n;

	(void)state;
	assert_true(sf_snap_is_percpu(m));
	assert_int_equal(sf_snap_n_cpus(m), 3);
	assert_true(sf_snap_at(m, 0, &e));
	assert_int_equal(sf_snap_elem_n_cpus(&e), 2);
	assert_true(sf_snap_cpu_value(&e, 0, &n));
	assert_false(sf_snap_cpu_value(&e, 1, &n));
	assert_false(sf_snap_cpu_value(&e, 2, &n));
	assert_false(sf_snap_cpu_value(&e, UINT32_MAX, &n));
	assert_int_equal(u64_of(sf_entry_get(sf_map_at(sf_map_cpu(sf_view_map(d.view, "m"), 2), 1), "")), 4);
}

static void an_error_alone_is_why_there_is_nothing(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT("{\"name\":\"a\",\"error\":\"torn away\"},"
						   "{\"name\":\"b\",\"error\":\"torn away\",\"entries\":[]},"
						   "{\"name\":\"c\",\"error\":\"half of it\",\"entries\":[" ENTRY(1, 2) "]},"
						   "{\"name\":\"o.data\",\"error\":\"no page\"}"));

	(void)state;
	assert_string_equal(doc_map(&d, "a")->unread, "torn away");
	assert_string_equal(doc_map(&d, "b")->unread, "torn away");
	assert_null(doc_map(&d, "c")->unread);
	assert_string_equal(doc_map(&d, "c")->error, "half of it");
	assert_int_equal(sf_error_code(sf_map_error(sf_view_map(d.view, "a"))), SF_MAP_RENDER_INCOMPLETE);
	assert_says(sf_error_copy(sf_map_error(sf_view_map(d.view, "c"))), SF_MAP_RENDER_INCOMPLETE, "half of it");
	assert_true(sf_entry_is_present(sf_map_at(sf_view_map(d.view, "c"), 0)));
	assert_true(doc_map(&d, "o.data")->is_standard_section);
	assert_int_equal(sf_error_code(sf_field_error(sf_view_var(d.view, "x"))), SF_MAP_RENDER_INCOMPLETE);
}

static void which_maps_are_sections_says_their_name(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT(
		"{\"name\":\".bss\",\"value\":" ANON("") "},{\"name\":\"o.kconfig\",\"value\":" ANON("") "},"
		"{\"name\":\"x.data.foo\",\"value\":{\"kind\":\"struct\",\"type_name\":\".data.foo\",\"members\":[" MEMBER("far", U32(3)) "]}},"
		"{\"name\":\"h.bss\",\"entries\":[" ENTRY(1, 2) "]},{\"name\":\"o.rodata\"}"));

	(void)state;
	assert_true(doc_map(&d, ".bss")->is_standard_section);
	assert_false(doc_map(&d, "o.kconfig")->is_section);
	assert_true(doc_map(&d, "x.data.foo")->is_section && !doc_map(&d, "x.data.foo")->is_standard_section);
	assert_false(doc_map(&d, "h.bss")->is_section);
	assert_int_equal(u64_of(sf_view_var(d.view, "far")), 3);
	assert_int_equal(sf_error_code(sf_field_error(sf_view_var(d.view, "near"))), SF_VAR_NOT_FOUND);
}

static void owners_have_names(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT(
		"{\"name\":\"m\",\"entries\":["
		"{\"owner\":{\"kind\":\"task\",\"kva\":9,\"pid\":-1,\"tgid\":5,\"comm\":\"a\\\\xff\"}},"
		"{\"owner\":{\"kind\":\"cgroup\",\"kva\":9,\"id\":18446744073709551615,\"path\":\"/x\",\"path_cut\":true}},"
		"{\"owner\":{\"kind\":\"inode\",\"kva\":9,\"ino\":77}},"
		"{\"owner\":{\"kind\":\"sock\",\"kva\":9,\"family\":2,\"port\":80}},"
		"{\"owner\":{\"kind\":\"task\",\"kva\":0,\"unreadable\":true}},{}]}"));
	_cleanup_free_ struct sf_bpf_owner *o = malloc(sizeof(*o));
	struct sf_snap_elem e;

	(void)state;
	assert_true(sf_snap_at(doc_map(&d, "m"), 0, &e) && sf_snap_owner(&e, o));
	assert_true(o->kind == SF_BPF_OWNER_TASK && o->kva == 9 && o->is_readable && o->pid == -1 && o->tgid == 5);
	assert_string_equal(o->comm, "a\xff");
	assert_true(sf_snap_at(doc_map(&d, "m"), 1, &e) && sf_snap_owner(&e, o));
	assert_true(o->kind == SF_BPF_OWNER_CGROUP && o->id == UINT64_MAX && o->path_cut);
	assert_string_equal(o->path, "/x");
	assert_true(sf_snap_at(doc_map(&d, "m"), 2, &e) && sf_snap_owner(&e, o) && o->id == 77);
	assert_true(sf_snap_at(doc_map(&d, "m"), 3, &e) && sf_snap_owner(&e, o) && o->family == 2 && o->port == 80);
	assert_true(sf_snap_at(doc_map(&d, "m"), 4, &e) && sf_snap_owner(&e, o) && !o->is_readable);
	assert_true(sf_snap_at(doc_map(&d, "m"), 5, &e) && !sf_snap_owner(&e, o));
}

static void it_has_no_pages_to_save(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT(""));

	(void)state;
	assert_says(sf_frame_save(d.frame, "/nonexistent/x"), SF_USAGE, "no pages");
	assert_says(sf_frame_export(d.frame, "/nonexistent/x"), SF_USAGE, "no pages");
	assert_ok(sf_frame_verify(d.frame));
}

static void expressions_are_asked_of_it_too(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(REPORT(
		"{\"name\":\"o.bss\",\"value\":" ANON(MEMBER("nr", U32(7)) "," MEMBER("mode",
			"{\"kind\":\"enum\",\"bits\":32,\"value\":2,\"variant\":\"FAST\"}")) "},"
		"{\"name\":\"h\",\"entries\":[{}," ENTRY(1, 10) "," ENTRY(2, 20) "]},"
		"{\"name\":\"a\",\"array_entries\":[{\"key\":5,\"value\":" U32(50) "},{\"key\":9}]},"
		"{\"name\":\"c\",\"percpu_entries\":[{\"key\":0,\"per_cpu\":[" U32(1) ",null," U32(4) "]}]}"));
	static const char *const all[] = {
		"var(nr) == 7", "var(mode) == \"FAST\"", "var(mode) != \"SLOW\"", "count(map(h)) == 3", "map(a)[0] == 50",
		"map(a){key == 5} == 50", "sum(map(c)) == 5", "map(h)[2] == 20", "map(h)[2].key == 2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct sf_error *err = sf_view_check(d.view, all[i]);

		if (err && strcmp(all[i], "map(h)[2].key == 2"))
			fail_msg("%s: %s", all[i], sf_error_message(err));
		sf_error_free(err);
	}
	assert_says(sf_error_copy(sf_view_check(d.view, "map(h)[0] == 1")), SF_NO_RENDERED, "");
}

static void text_shows_what_there_is(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(
		"{\"schema\":\"single\",\"tag\":\"mine\",\"vcpu_regs\":[{\"instruction_pointer\":4096,\"symbol\":\"schedule+0x10\"},null],"
		"\"maps\":[{\"name\":\"o.bss\",\"value\":" ANON(MEMBER("nr", U32(7))) "},"
		"{\"name\":\"h\",\"entries\":[" ENTRY(1, 10) "," ENTRY(2, 20) ",{\"key_hex\":\"ff fe\"}],\"error\":\"one is gone\"},"
		"{\"name\":\"c\",\"percpu_entries\":[{\"key\":0,\"per_cpu\":[" U32(1) ",null," U32(4) "]}]}]}");
	_cleanup_free_ char *text = frame_text(d.snap);

	(void)state;
	assert_contains(text, "frame mine");
	assert_contains(text, "{nr=7}");
	assert_contains(text, "one is gone");
	assert_contains(text, "ff fe");
	assert_contains(text, "ip=0x0000000000001000");
	assert_contains(text, "schedule+0x10");
	assert_contains(text, "vcpu 1: <unavailable>");
}

/* ---- what is wrong, and where ----------------------------------------------------------------------------------- */

#define MAP(members) REPORT("{\"name\":\"m\"," members "}")

static void what_is_wrong_is_named_with_its_place(void **state)
{
	static const struct {
		const char *json, *says;
	} bad[] = {
		{ "", "the end of the text" },
		{ "{\"schema\":\"single\",\"maps\":[}", "line 1" },
		{ "[]", "the report: an object should be here, not a list" },
		{ "{\"maps\":[]}", "schema: \"single\", \"dual\" or \"degraded\" should be here, not nothing" },
		{ "{\"schema\":\"triple\",\"maps\":[]}", "schema: \"single\", \"dual\" or \"degraded\" should be here, not \"triple\"" },
		{ "{\"schema\":1,\"maps\":[]}", "schema: " },
		{ "{\"schema\":\"single\"}", "maps: a list should be here, not nothing" },
		{ "{\"schema\":\"single\",\"maps\":{}}", "maps: a list should be here, not an object" },
		{ REPORT("1"), "maps[0]: an object should be here, not 1" },
		{ REPORT("{}"), "maps[0].name: a string should be here, not nothing" },
		{ REPORT("{\"name\":\"a\"},{\"name\":true}"), "maps[1].name: a string should be here, not true" },
		{ REPORT("{\"name\":\"a\\u0000b\"}"), "maps[0].name: a string without NUL" },
		{ MAP("\"map_type\":-1"), "maps[0].map_type: an integer from 0 to 4294967295 should be here, not -1" },
		{ MAP("\"map_id\":4294967296"), "maps[0].map_id: " },
		{ MAP("\"map_kva\":1.5"), "maps[0].map_kva: an integer from 0 to 18446744073709551615 should be here, not 1.5" },
		{ MAP("\"error\":[]"), "maps[0].error: a string should be here, not a list" },
		{ MAP("\"value\":[]"), "maps[0].value: an object should be here, not a list" },
		{ MAP("\"value\":{}"), "maps[0].value.kind: the kind of a value" },
		{ MAP("\"value\":{\"kind\":\"unit\"}"), "maps[0].value.kind: " },
		{ MAP("\"entries\":{}"), "maps[0].entries: a list should be here, not an object" },
		{ MAP("\"entries\":[null]"), "maps[0].entries[0]: an object should be here, not null" },
		{ MAP("\"entries\":[{},{\"key_hex\":\"0\"}]"), "maps[0].entries[1].key_hex: bytes such as \"de ad\" should be here, not \"0\"" },
		{ MAP("\"entries\":[{\"value_hex\":\"?? ?\"}]"), "maps[0].entries[0].value_hex: " },
		{ MAP("\"entries\":[{\"key\":1}]"), "maps[0].entries[0].key: an object should be here, not 1" },
		{ MAP("\"entries\":[{\"value\":" ANON(MEMBER("a", U32(1)) "," MEMBER("b", "{\"kind\":\"uint\",\"value\":-2}")) "}]"),
		  "maps[0].entries[0].value.members[1].value.value: an integer from 0 to 18446744073709551615 should be here, not -2" },
		{ MAP("\"entries\":[{\"owner\":{\"kind\":\"cat\"}}]"), "maps[0].entries[0].owner.kind: \"task\"" },
		{ MAP("\"entries\":[{\"owner\":{\"kind\":\"task\"}}]"), "maps[0].entries[0].owner.pid: " },
		{ MAP("\"entries\":[{\"owner\":{\"kind\":\"sock\",\"port\":65536}}]"), "maps[0].entries[0].owner.port: " },
		{ MAP("\"array_entries\":[{\"value\":null}]"), "maps[0].array_entries[0].key: " },
		{ MAP("\"percpu_entries\":[{\"key\":0}]"), "maps[0].percpu_entries[0].per_cpu: a list should be here, not nothing" },
		{ MAP("\"percpu_entries\":[{\"key\":0,\"per_cpu\":[null,3]}]"), "maps[0].percpu_entries[0].per_cpu[1]: an object should be here, not 3" },
		{ MAP("\"percpu_hash_entries\":[{\"per_cpu\":{}}]"), "maps[0].percpu_hash_entries[0].per_cpu: " },
		{ MAP("\"torn\":{\"buckets\":\"x\"}"), "maps[0].torn.buckets: " },
		{ MAP("\"value\":{\"kind\":\"array\",\"len\":0,\"elements\":[" U32(1) "]}"), "maps[0].value.len: there are 1 elements" },
		{ MAP("\"value\":{\"kind\":\"bytes\",\"len\":0,\"hex\":\"01\"}"), "maps[0].value.len: there are 1 bytes" },
		{ MAP("\"value\":{\"kind\":\"uint\",\"bits\":65,\"value\":1}"), "maps[0].value.bits: " },
		{ MAP("\"value\":{\"kind\":\"uint\",\"bits\":0,\"value\":1}"), "maps[0].value.bits: " },
		{ MAP("\"value\":{\"kind\":\"cpu_list\",\"cpus\":\"3,1\"}"), "maps[0].value.cpus: an ascending list" },
		{ "{\"schema\":\"single\",\"maps\":[],\"vcpu_regs\":[{},7]}", "vcpu_regs[1]: an object should be here, not 7" },
		{ "{\"schema\":\"single\",\"maps\":[],\"vcpu_regs\":[{\"cpl\":4}]}", "vcpu_regs[0].cpl: " },
		{ "{\"schema\":\"single\",\"maps\":[],\"vcpu_regs\":[{\"registers\":{\"rax\":-1}}]}", "vcpu_regs[0].registers.rax: " },
		{ "{\"schema\":\"single\",\"maps\":[],\"active_map_kvas\":[1,\"2\"]}",
		  "active_map_kvas[1]: an unsigned integer should be here, not \"2\"" },
		{ "{\"schema\":\"single\",\"maps\":[],\"active_obj_name\":2}", "active_obj_name: " },
		{ "{\"schema\":\"single\",\"maps\":[],\"is_placeholder\":1}", "is_placeholder: true or false should be here, not 1" },
		{ "{\"schema\":\"single\",\"maps\":[],\"tag\":\"\\u0000\"}", "tag: a string without NUL" },
		{ "{\"schema\":\"single\",\"maps\":[],\"per_cpu_time\":[{}]}", "per_cpu_time[0].cpu: " },
		{ "{\"schema\":\"single\",\"maps\":[],\"per_cpu_time\":[{\"cpu\":0,\"softirqs\":[1,2,3,4,5,6,7,8,9,10,11]}]}",
		  "per_cpu_time[0].softirqs: ten numbers should be here, not 11" },
		{ "{\"schema\":\"single\",\"maps\":[],\"probe_counters\":{\"a\":1,\"b\":\"c\"}}", "probe_counters: member 2" },
		{ "{\"schema\":\"single\",\"maps\":[],\"scx_sched_state\":[]}", "scx_sched_state: an object should be here, not a list" },
		{ "{\"schema\":\"dual\"}", "late: an object should be here, not nothing" },
		{ "{\"schema\":\"dual\",\"late\":{\"maps\":[]}}", "late.schema: \"single\" should be here, not nothing" },
		{ "{\"schema\":\"dual\",\"late\":{\"schema\":\"dual\",\"late\":{}}}", "late.schema: \"single\" should be here, not \"dual\"" },
		{ "{\"schema\":\"dual\",\"late\":{\"schema\":\"single\",\"maps\":[]},\"early\":{\"schema\":\"single\",\"maps\":[{}]}}",
		  "early.maps[0].name: " },
		{ "{\"schema\":\"degraded\"}", "reason: a string should be here, not nothing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sf_frame *f = NULL;

		assert_says(sf_frame_from_json(bad[i].json, strlen(bad[i].json), &f), SF_BAD_INPUT, bad[i].says);
		assert_null(f);
	}
}

static char *repeated(const char *head, const char *each, size_t n, const char *tail)
{
	size_t a = strlen(head), b = strlen(each), c = strlen(tail);
	char *text = malloc(a + b * n + c + 1), *p = text;

	assert_non_null(text);
	p = stpcpy(p, head);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, each);
	strcpy(p, tail);
	return text;
}

static void depth_and_size_are_no_danger(void **state)
{
	_cleanup_free_ char *lists = repeated("", "[", 1000000, "");
	_cleanup_free_ char *pointers = repeated(MAP("\"value\":"), "{\"kind\":\"ptr\",\"value\":1,\"deref\":", 1000000, "");
	_cleanup_free_ char *inside = repeated("{\"schema\":\"single\",\"maps\":[{\"name\":\"m\",\"value\":",
					       "{\"kind\":\"ptr\",\"value\":1,\"deref\":", 500, U32(1));
	_cleanup_free_ char *closed = repeated(inside, "}", 500, "}]}");
	_cleanup_free_ char *keys = repeated("{\"schema\":\"single\",\"schema\":\"dual\",", "\"maps\":1,", 100000, "\"x\":1}");
	_cleanup_free_ char *masks = repeated("{\"schema\":\"single\",\"maps\":[{\"name\":\"m\",\"array_entries\":[",
					      "{\"key\":0,\"value\":{\"kind\":\"cpu_list\",\"cpus\":\"0-65535\"}},", 20000,
					      "{\"key\":1}]}]}");
	struct sf_frame *f = NULL;

	(void)state;
	assert_says(sf_frame_from_json(lists, strlen(lists), &f), SF_BAD_INPUT, "nested deeper than 512 levels");
	assert_code(sf_frame_from_json(pointers, strlen(pointers), &f), SF_BAD_INPUT);
	assert_says(sf_frame_from_json(keys, strlen(keys), &f), SF_BAD_INPUT, "maps: a list should be here, not 1");

	_cleanup_doc_ struct doc deep = doc_of(closed), wide = doc_of(masks);
	_cleanup_free_ char *json = frame_json(deep.snap, false), *text = frame_text(deep.snap);
	struct sf_snap_elem e;
	struct sf_node n;
	uint8_t words[16];
	size_t len = sizeof(words);
	struct sf_trouble why;

	assert_true(strlen(json) && strlen(text));
	assert_true(sf_snap_at(doc_map(&wide, "m"), 19999, &e));
	n = sf_snap_value(&e);
	assert_int_equal(sf_node_bytes(&n, 8192 - 8, words, &len, &why), SF_STEP_OK);
	assert_int_equal(len, 8);
	assert_int_equal(words[7], 0xff);
}

static void of_equal_keys_the_first_counts(void **state)
{
	_cleanup_doc_ struct doc d = doc_of("{\"schema\":\"single\",\"schema\":\"x\",\"maps\":[{\"name\":\"a\",\"name\":1}],\"maps\":7}");

	(void)state;
	assert_int_equal(sf_view_map_count(d.view), 1);
}

/* ---- there and back --------------------------------------------------------------------------------------------- */

static void assert_same_again(struct sf_snapshot *snap)
{
	_cleanup_json_ struct sf_json *schema = schema_read(__FILE__, "docs/report.schema.json");

	for (int pretty = 0; pretty < 2; pretty++) {
		_cleanup_free_ char *first = frame_json(snap, pretty);
		_cleanup_doc_ struct doc d = doc_of(first);
		_cleanup_free_ char *second = frame_json(d.snap, pretty), *text = frame_text(d.snap);
		_cleanup_json_ struct sf_json *doc = NULL;

		assert_string_equal(first, second);
		assert_true(strlen(text));
		assert_ok(sf_json_read(second, strlen(second), &doc));
		assert_true(schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(doc)));
	}
}

static void a_captured_frame_comes_back_as_it_was(void **state)
{
	_cleanup_guest_ struct fake_guest *g = fake_new(&(struct fake_options){ .n_cpus = 4, .unset_cpus = 1u << 3 });
	struct fake_scene scene;
	struct fake_maps maps;
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	(void)state;
	fake_scene_add(g, 0, &scene);
	fake_scene_maps_add(g, &maps);
	frame = fake_capture(g, "periodic_000");
	assert_ok(sf_snapshot_new(frame, &snap));
	assert_same_again(snap);
}

static void a_guest_that_was_updated_meanwhile_comes_back_too(void **state)
{
	_cleanup_guest_ struct fake_guest *g = fake_new(&(struct fake_options){ .small = true, .unset_cpus = 1 << 2 });
	struct fake_maps maps;
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	uint8_t value[256] = { 1 };

	(void)state;
	fake_scene_maps_add(g, &maps);
	uint64_t task = fake_add_task(g, -1, INT32_MIN, "\"\\\n\x1b[31m\xff\xc3");

	fake_store(g, maps.task_ctx, task, value);
	task = fake_vmalloc(g, SF_PAGE_SIZE) + 64;
	fake_store(g, maps.task_ctx, task, value);
	fake_unmap(g, task);
	frame = fake_live(g);
	assert_ok(sf_snapshot_new(frame, &snap));
	assert_same_again(snap);
}

static void a_placeholder_comes_back_too(void **state)
{
	SF_OWNED(frame) frame = sf_frame_placeholder("late", "the guest did not stop");
	SF_OWNED(snapshot) snap = NULL;

	(void)state;
	assert_ok(sf_snapshot_new(frame, &snap));
	assert_same_again(snap);
}

/* Whatever was written by hand is the same from its second writing on, and has what the schema asks for. */
static void a_report_by_hand_is_completed_once(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(
		"{\"schema\":\"single\",\"maps\":[{\"name\":\"h\",\"entries\":[{\"key_hex\":\"?? 01\"}," ENTRY(1, 2) "],"
		"\"torn\":{\"buckets\":1},\"error\":\"x\"},"
		"{\"name\":\"v\",\"value\":{\"kind\":\"ptr\",\"value\":1,\"deref\":{\"kind\":\"ptr\",\"value\":2,\"deref\":{\"kind\":\"ptr\","
		"\"value\":3,\"cast_annotation\":\"arena\"}}}},"
		"{\"name\":\"t\",\"value\":{\"kind\":\"truncated\",\"partial\":{\"kind\":\"array\",\"len\":9,\"elements\":["
		"{\"kind\":\"float\",\"value\":1},{\"kind\":\"float\",\"bits\":32,\"value\":null},{\"kind\":\"char\",\"value\":0},"
		"{\"kind\":\"unsupported\"}]}}}],\"vcpu_regs\":[{\"instruction_pointer\":5,\"symbol\":\"f\"}]}");

	(void)state;
	assert_same_again(d.snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_by_hand_needs_a_schema_and_maps),
		cmocka_unit_test(what_a_map_is_comes_from_the_report),
		cmocka_unit_test(of_several_lists_the_first_with_entries_counts),
		cmocka_unit_test(elements_are_found_one_after_another_and_by_position),
		cmocka_unit_test(an_array_says_which_elements_it_has),
		cmocka_unit_test(bytes_that_nobody_rendered_are_told_apart),
		cmocka_unit_test(each_list_of_cpus_is_as_long_as_it_is),
		cmocka_unit_test(an_error_alone_is_why_there_is_nothing),
		cmocka_unit_test(which_maps_are_sections_says_their_name),
		cmocka_unit_test(owners_have_names),
		cmocka_unit_test(it_has_no_pages_to_save),
		cmocka_unit_test(expressions_are_asked_of_it_too),
		cmocka_unit_test(text_shows_what_there_is),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(depth_and_size_are_no_danger),
		cmocka_unit_test(of_equal_keys_the_first_counts),
		cmocka_unit_test(a_captured_frame_comes_back_as_it_was),
		cmocka_unit_test(a_guest_that_was_updated_meanwhile_comes_back_too),
		cmocka_unit_test(a_placeholder_comes_back_too),
		cmocka_unit_test(a_report_by_hand_is_completed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

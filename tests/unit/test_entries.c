/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps and their entries: by position, by predicate, by rank, by key, on every CPU. The frames are reports by hand. */
#include "ask_test.h"

#include <malloc.h>
#include <math.h>

#define TWO HASH("v", ENTRY(UINT(5), UINT(50)) "," ENTRY(UINT(6), UINT(60)))
#define KEYED(n) ENTRY(UINT(n), UINT(n))
#define TEN KEYED(0) "," KEYED(1) "," KEYED(1) "," KEYED(3) "," KEYED(4) "," KEYED(5) "," KEYED(6) "," KEYED(7) "," \
	KEYED(8) "," KEYED(9)
#define FAILED MAP("v", 1, ",\"error\":\"no types\"")

static struct sf_map the_map(struct ask *a)
{
	return sf_view_map(a->view, "v");
}

static bool none(struct sf_entry e, void *arg)
{
	(void)e;
	(void)arg;
	return false;
}

static bool all(struct sf_entry e, void *arg)
{
	if (arg)
		++*(int *)arg;
	(void)e;
	return true;
}

static bool is_missing(struct sf_entry e, void *arg)
{
	(void)arg;
	return !sf_entry_is_present(e);
}

static bool key_is(struct sf_entry e, void *arg)
{
	return sf_field_u64_or(sf_entry_key(e, ""), UINT64_MAX) == *(uint64_t *)arg;
}

static uint64_t value_rank(struct sf_entry e, void *arg)
{
	(void)arg;
	return sf_field_u64_or(sf_entry_get(e, ""), 0);
}

static uint64_t same_rank(struct sf_entry e, void *arg)
{
	(void)e;
	(void)arg;
	return 7;
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

static void edge_30_positions_out_of_range(void **state)
{
	_cleanup_ask_ struct ask two = ask_json(REPORT(TWO)), one = ask_json(REPORT(SINGLE("v", UINT(1)))),
				 empty = ask_json(REPORT(HASH("v", ""))), failed = ask_json(REPORT(FAILED));
	const struct sf_error_payload *p = payload_of(sf_entry_error(sf_map_at(the_map(&two), 99)), SF_INDEX_OUT_OF_RANGE);
	struct sf_entry *got = NULL;
	size_t n = 1;

	(void)state;
	assert_int_equal(p->index, 99);
	assert_int_equal(p->len, 2);
	assert_string_equal(p->map, "v");
	p = payload_of(sf_entry_error(sf_map_at(the_map(&one), 1)), SF_INDEX_OUT_OF_RANGE);
	assert_int_equal(p->len, 1);
	assert_int_equal(u64_of(the_value(&one)), 1);
	p = payload_of(sf_entry_error(sf_map_at(the_map(&empty), 0)), SF_INDEX_OUT_OF_RANGE);
	assert_int_equal(p->len, 0);
	p = payload_of(sf_entry_error(sf_map_at(the_map(&failed), 0)), SF_MAP_RENDER_INCOMPLETE);
	assert_string_equal(p->reason, "no types");
	payload_of(sf_entry_error(sf_map_find(the_map(&failed), all, NULL)), SF_MAP_RENDER_INCOMPLETE);
	payload_of(sf_entry_error(sf_map_max_by(the_map(&failed), value_rank, NULL)), SF_MAP_RENDER_INCOMPLETE);
	payload_of(sf_entry_error(sf_map_key(the_map(&failed), "1234", 4)), SF_MAP_RENDER_INCOMPLETE);
	payload_of(sf_entry_error(sf_map_find_u64(the_map(&failed), "", 1)), SF_MAP_RENDER_INCOMPLETE);
	assert_ok(sf_map_filter(the_map(&failed), all, NULL, &got, &n));
	assert_int_equal(n, 0);
	assert_null(got);
}

static void a_map_with_values_and_an_error_is_healthy(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(MAP("v", 1, ",\"error\":\"half\",\"entries\":[" KEYED(4) "]")));
	struct sf_iter it = sf_map_entries(the_map(&a));
	struct sf_entry e;
	int n = 0;

	(void)state;
	assert_int_equal(u64_of(the_value(&a)), 4);
	payload_of(sf_entry_error(sf_map_at(the_map(&a), 1)), SF_INDEX_OUT_OF_RANGE);
	payload_of(sf_entry_error(sf_map_find(the_map(&a), none, NULL)), SF_NO_MATCH);
	while (sf_entry_next(&it, &e))
		n++;
	assert_int_equal(n, 1);
	assert_ok(sf_iter_error(&it));
}

/* ---- which one ---------------------------------------------------------------------------------------------------- */

static void edge_31_what_a_search_without_a_match_says(void **state)
{
	_cleanup_ask_ struct ask ten = ask_json(REPORT(HASH("v", TEN))), two = ask_json(REPORT(TWO)),
				 one = ask_json(REPORT(SINGLE("v", UINT(1))));
	struct sf_error *err = sf_entry_error(sf_map_find(the_map(&ten), none, NULL));
	const struct sf_error_payload *p = payload_of(err, SF_NO_MATCH);

	(void)state;
	assert_string_equal(p->op, "find");
	assert_string_equal(p->map, "v");
	assert_int_equal(p->len, 10);
	assert_list(p->available_keys, "0 1 1");
	p = payload_of(sf_entry_error(sf_map_find(the_map(&two), none, NULL)), SF_NO_MATCH);
	assert_int_equal(p->len, 2);
	assert_list(p->available_keys, "5 6");
	err = sf_entry_error(sf_map_find(the_map(&one), none, NULL));
	p = payload_of(err, SF_NO_MATCH);
	assert_int_equal(p->len, 1);
	assert_int_equal(p->available_keys.n, 0);
	assert_contains(sf_error_message(err), "unavailable");
}

#define RAW(hex) "{\"key_hex\":\"" hex "\",\"value\":" UINT(1) "}"

static void edge_32_the_hint_at_missing_types(void **state)
{
	_cleanup_ask_ struct ask raw = ask_json(REPORT(HASH("v", RAW("01 00") "," RAW("02 00")))),
				 mixed = ask_json(REPORT(HASH("v", RAW("01 00") "," KEYED(2)))),
				 empty = ask_json(REPORT(HASH("v", "")));
	struct sf_error *err = sf_entry_error(sf_map_find(the_map(&raw), none, NULL));

	(void)state;
	assert_list(payload_of(err, SF_NO_MATCH)->available_keys, "hex:01 00 hex:02 00");
	assert_contains(sf_error_message(err), "CONFIG_DEBUG_INFO_BTF");
	err = sf_entry_error(sf_map_find(the_map(&mixed), none, NULL));
	assert_list(payload_of(err, SF_NO_MATCH)->available_keys, "hex:01 00 2");
	assert_null(strstr(sf_error_message(err), "CONFIG_DEBUG_INFO_BTF"));
	err = sf_entry_error(sf_map_find(the_map(&empty), none, NULL));
	assert_int_equal(payload_of(err, SF_NO_MATCH)->len, 0);
	assert_null(strstr(sf_error_message(err), "CONFIG_DEBUG_INFO_BTF"));
}

/* Characters, not bytes: the ellipsis is one. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void edge_33_long_keys_are_cut(void **state)
{
	static const char *const lists[] = { "entries", "percpu_hash_entries" };
	char hex[320], json[1024];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(hex); i++)
		hex[i] = i % 3 == 2 ? ' ' : 'a';
	hex[319 - 319 % 3 - 1] = '\0';
	for (size_t i = 0; i < 2; i++) {
		snprintf(json, sizeof(json), "{\"schema\":\"single\",\"maps\":[{\"name\":\"v\",\"map_type\":%d,\"%s\":["
			 "{\"key_hex\":\"%s\",\"per_cpu\":[],\"value\":{\"kind\":\"uint\",\"value\":1}}]}]}", i ? 5 : 1, lists[i], hex);
		_cleanup_ask_ struct ask a = ask_json(json);
		const struct sf_error_payload *p = payload_of(sf_entry_error(sf_map_find(the_map(&a), none, NULL)), SF_NO_MATCH);

		assert_int_equal(p->available_keys.n, 1);
		assert_int_equal(characters(p->available_keys.v[0]), 80);
		assert_memory_equal(p->available_keys.v[0], "hex:aa aa", 9);
		assert_string_equal(p->available_keys.v[0] + strlen(p->available_keys.v[0]) - 3, "…");
	}
}

static void edge_34_of_equal_ranks_the_first(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v", TEN))), empty = ask_json(REPORT(HASH("v", "")));
	const struct sf_error_payload *p;

	(void)state;
	assert_int_equal(u64_of(sf_entry_key(sf_map_max_by(the_map(&a), same_rank, NULL), "")), 0);
	assert_int_equal(u64_of(sf_entry_key(sf_map_max_by(the_map(&a), value_rank, NULL), "")), 9);
	p = payload_of(sf_entry_error(sf_map_max_by(the_map(&empty), value_rank, NULL)), SF_NO_MATCH);
	assert_string_equal(p->op, "max_by");
	assert_int_equal(p->len, 0);
	assert_int_equal(p->available_keys.n, 0);
}

static void a_predicate_finds_filters_and_is_asked_in_order(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v", TEN)));
	struct sf_entry *got = NULL;
	uint64_t want = 1;
	size_t n;

	(void)state;
	assert_int_equal(u64_of(sf_entry_get(sf_map_find(the_map(&a), key_is, &want), "")), 1);
	assert_ok(sf_map_filter(the_map(&a), key_is, &want, &got, &n));
	assert_int_equal(n, 2);
	assert_int_equal(u64_of(sf_entry_key(got[0], "")), 1);
	free(got);
}

static bool outer(struct sf_entry e, void *arg)
{
	struct ask *a = arg;
	struct sf_entry *got = NULL;
	uint64_t key = u64_of(sf_entry_key(e, "")) + 1;
	size_t n;

	assert_ok(sf_map_filter(the_map(a), all, NULL, &got, &n));
	assert_int_equal(n, 10);
	free(got);
	/* A hundred errors, and another search in the middle of this one. */
	for (int i = 0; i < 100; i++)
		assert_false(sf_field_is_present(sf_entry_get(e, "nothing.here")));
	return sf_entry_is_present(sf_map_find(the_map(a), key_is, &key)) && key == 9;
}

static void a_predicate_may_ask_anything(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v", TEN)));
	struct sf_entry *got = NULL;
	size_t n;

	(void)state;
	assert_int_equal(u64_of(sf_entry_key(sf_map_find(the_map(&a), outer, &a), "")), 8);
	assert_ok(sf_map_filter(the_map(&a), outer, &a, &got, &n));
	assert_int_equal(n, 1);
	free(got);
}

static jmp_buf out;

static bool leaves(struct sf_entry e, void *arg)
{
	(void)arg;
	if (u64_of(sf_entry_key(e, "")) > 5)
		longjmp(out, 1);
	return true;
}

/* As a failing assertion does. What was collected until then goes with the snapshot: ASan watches. */
static void a_predicate_may_leave_for_good(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v", TEN)));
	struct sf_entry *got = NULL;
	size_t n;

	(void)state;
	for (volatile int i = 0; i < 3; i++)
		if (!setjmp(out)) {
			if (i == 2)
				sf_map_find(the_map(&a), leaves, NULL);
			(void)!sf_map_filter(the_map(&a), leaves, NULL, &got, &n);
			fail();
		}
	assert_null(got);
	assert_int_equal(sf_map_len(the_map(&a)), 10);
}

static void a_value_finds_its_entry(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v",
		ENTRY(UINT(1), STRUCT(MEMBER("tid", BYTES))) "," ENTRY(UINT(2), STRUCT(MEMBER("pid", INT(-4)))) ","
		ENTRY(UINT(3), STRUCT(MEMBER("tid", UINT(18446744073709551615)))) ","
		ENTRY(UINT(4), STRUCT(MEMBER("tid", INT(-1)))) "," ENTRY(UINT(5), STRUCT(MEMBER("tid", BARE_PTR(77)))))));
	const struct sf_error_payload *p;
	struct sf_map m = the_map(&a);

	(void)state;
	assert_int_equal(u64_of(sf_entry_key(sf_map_find_u64(m, "tid", UINT64_MAX), "")), 3);
	assert_int_equal(u64_of(sf_entry_key(sf_map_find_i64(m, "tid", -1), "")), 4);
	assert_int_equal(u64_of(sf_entry_key(sf_map_find_i64(m, "pid", -4), "")), 2);
	assert_int_equal(u64_of(sf_entry_key(sf_map_find_u64(m, "tid", 77), "")), 5);
	payload_of(sf_entry_error(sf_map_find_i64(m, "tid", 77)), SF_NO_MATCH);
	p = payload_of(sf_entry_error(sf_map_find_u64(m, "tid", 9)), SF_NO_MATCH);
	assert_int_equal(p->len, 5);
	/* Nobody has such a number: what the first says. */
	payload_of(sf_entry_error(sf_map_find_u64(m, "nope", 9)), SF_FIELD_NOT_FOUND);
	payload_of(sf_entry_error(sf_map_find_u64(m, "a..b", 9)), SF_FIELD_NOT_FOUND);
	payload_of(sf_entry_error(sf_map_find_u64(m, ".b", 9)), SF_EMPTY_PATH_COMPONENT);
	assert_mismatch(sf_entry_error(sf_map_find_u64(m, "", 9)), "u64", "Struct");
}

/* ---- keys ----------------------------------------------------------------------------------------------------------- */

static void a_key_of_a_report_finds_its_entry(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(
		HASH("v", "{\"key_hex\":\"01 00 ff\",\"value\":" UINT(1) "},{\"key_hex\":\"01 00 fe\",\"value\":" UINT(2) "}") ","
		HASH("typed", "{\"key\":" INT(-2) ",\"value\":" UINT(3) "}") "," MAP("row", 2, ",\"array_entries\":["
		"{\"key\":1,\"value\":" UINT(11) "},{\"key\":4,\"value\":" UINT(44) "}]")));
	int64_t minus = -2;
	uint32_t i = 4;

	(void)state;
	assert_int_equal(u64_of(sf_entry_get(sf_map_key(the_map(&a), "\1\0\xfe", 3), "")), 2);
	payload_of(sf_entry_error(sf_map_key(the_map(&a), "\1\0\xfd", 3)), SF_NO_MATCH);
	payload_of(sf_entry_error(sf_map_key(the_map(&a), "\1\0\xfe\0", 4)), SF_NO_MATCH);
	assert_int_equal(u64_of(sf_entry_get(sf_map_key(sf_view_map(a.view, "typed"), &minus, 8), "")), 3);
	assert_int_equal(u64_of(sf_entry_get(sf_map_key(sf_view_map(a.view, "row"), &i, 4), "")), 44);
	assert_int_equal(u64_of(sf_entry_key(sf_map_key(sf_view_map(a.view, "row"), &i, 4), "")), 4);
	i = 2;
	payload_of(sf_entry_error(sf_map_key(sf_view_map(a.view, "row"), &i, 4)), SF_NO_MATCH);
	payload_of(sf_entry_error(sf_map_key(sf_view_map(a.view, "row"), &i, 3)), SF_USAGE);
	payload_of(sf_entry_error(sf_map_key(sf_view_map(a.view, "none"), &i, 4)), SF_MAP_NOT_FOUND);
}

static void what_nobody_rendered_says_so(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v", "{\"key_hex\":\"01\",\"value_hex\":\"02\"}")));
	struct sf_entry e = sf_map_at(the_map(&a), 0);
	const struct sf_error_payload *p;

	(void)state;
	p = payload_of(sf_field_error(sf_entry_get(e, "x")), SF_NO_RENDERED);
	assert_string_equal(p->side, "value");
	assert_string_equal(p->map, "<entry>");
	p = payload_of(sf_field_error(sf_entry_key(e, "")), SF_NO_RENDERED);
	assert_string_equal(p->side, "key");
	assert_int_equal(sf_entry_kind(e), SF_ENTRY_HASH);
}

/* ---- CPUs ----------------------------------------------------------------------------------------------------------- */

#define FOUR PERCPU("v", CPUS_OF(7, UINT(11) "," UINT(22) ",null," UINT(44)))

static void edge_35_narrowed_and_not(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(FOUR));
	struct sf_map m = the_map(&a);
	struct sf_entry *got = NULL;
	const struct sf_error_payload *p;
	size_t n;

	(void)state;
	p = payload_of(sf_entry_error(sf_map_at(sf_map_cpu(m, 2), 0)), SF_PER_CPU_SLOT);
	assert_true(p->unmapped);
	p = payload_of(sf_entry_error(sf_map_at(sf_map_cpu(m, 99), 0)), SF_PER_CPU_SLOT);
	assert_false(p->unmapped);
	assert_int_equal(p->len, 4);
	assert_int_equal(p->cpu, 99);
	p = payload_of(sf_field_error(sf_entry_get(sf_map_at(m, 0), "")), SF_PER_CPU_NOT_NARROWED);
	assert_string_equal(p->map, "<percpu-array>");
	assert_int_equal(u64_of(sf_entry_get(sf_map_at(sf_map_cpu(m, 3), 0), "")), 44);
	/* Entries without a value are handed out, too, and may be what is wanted. */
	payload_of(sf_entry_error(sf_map_find(sf_map_cpu(m, 2), is_missing, NULL)), SF_PER_CPU_SLOT);
	payload_of(sf_entry_error(sf_map_max_by(sf_map_cpu(m, 2), same_rank, NULL)), SF_PER_CPU_SLOT);
	assert_ok(sf_map_filter(sf_map_cpu(m, 2), is_missing, NULL, &got, &n));
	assert_int_equal(n, 1);
	assert_int_equal(sf_entry_kind(got[0]), SF_ENTRY_MISSING);
	free(got);
	/* Narrowed it has no key that could be shown. */
	p = payload_of(sf_entry_error(sf_map_find(sf_map_cpu(m, 0), none, NULL)), SF_NO_MATCH);
	assert_int_equal(p->len, 1);
	assert_int_equal(p->available_keys.n, 0);
	p = payload_of(sf_entry_error(sf_map_find(m, none, NULL)), SF_NO_MATCH);
	assert_list(p->available_keys, "7");
}

struct visits {
	uint32_t cpus[8];
	uint64_t values[8];
	size_t n, stop_at;
};

static struct sf_error *visit(uint32_t cpu, struct sf_field f, void *arg)
{
	struct visits *v = arg;

	if (v->stop_at && v->n == v->stop_at)
		return sf_error_new(SF_USAGE, "enough");
	v->cpus[v->n] = cpu;
	v->values[v->n++] = u64_of(f);
	return NULL;
}

static void edge_36_all_cpus_at_once(void **state)
{
	static const char *const names[] = { [SF_SUM] = "cpu_sum_u64", [SF_MAX] = "cpu_max_u64", [SF_MIN] = "cpu_min_u64" };
	_cleanup_ask_ struct ask a = ask_json(REPORT(FOUR)), absent = ask_json(REPORT(PERCPU("v", CPUS_OF(0, "null,null")))),
				 zero = ask_json(REPORT(PERCPU("v", CPUS_OF(0, UINT(0) "," UINT(0))))),
				 full = ask_json(REPORT(PERCPU("v", CPUS_OF(0, UINT(18446744073709551615) "," UINT(2))))),
				 low = ask_json(REPORT(PERCPU("v", CPUS_OF(0, INT(-9223372036854775808) "," INT(-2)))));
	struct sf_entry e = sf_map_at(the_map(&a), 0);
	struct visits v = { .n = 0 };
	SF_OWNED(error) enough = NULL;
	uint64_t got = 5;
	int64_t i;
	double d;

	(void)state;
	assert_ok(sf_entry_cpu_u64(e, SF_SUM, "", &got));
	assert_int_equal(got, 77);
	assert_ok(sf_entry_cpu_u64(e, SF_MAX, "", &got));
	assert_int_equal(got, 44);
	assert_ok(sf_entry_cpu_u64(e, SF_MIN, "", &got));
	assert_int_equal(got, 11);
	assert_ok(sf_entry_cpu_i64(e, SF_SUM, "", &i));
	assert_int_equal(i, 77);
	assert_ok(sf_entry_cpu_f64(e, SF_MAX, "", &d));
	assert_true(d == 44);
	assert_ok(sf_entry_cpu_each(e, "", visit, &v));
	assert_int_equal(v.n, 3);
	assert_int_equal(v.cpus[2], 3);
	assert_int_equal(v.values[2], 44);
	v = (struct visits){ .stop_at = 1 };
	enough = sf_entry_cpu_each(e, "", visit, &v);
	assert_int_equal(sf_error_code(enough), SF_USAGE);
	assert_int_equal(v.n, 1);
	for (int fold = SF_SUM; fold <= SF_MIN; fold++) {
		const struct sf_error_payload *p =
			payload_of(sf_entry_cpu_u64(sf_map_at(the_map(&absent), 0), fold, "", &got), SF_NO_MATCH);

		assert_string_equal(p->op, names[fold]);
		assert_string_equal(p->map, "<Percpu>");
		assert_int_equal(p->len, 0);
		assert_ok(sf_entry_cpu_u64(sf_map_at(the_map(&zero), 0), fold, "", &got));
		assert_int_equal(got, 0);
	}
	v = (struct visits){ 0 };
	assert_ok(sf_entry_cpu_each(sf_map_at(the_map(&absent), 0), "", visit, &v));
	assert_int_equal(v.n, 0);
	assert_ok(sf_entry_cpu_u64(sf_map_at(the_map(&full), 0), SF_SUM, "", &got));
	assert_true(got == UINT64_MAX);
	assert_ok(sf_entry_cpu_i64(sf_map_at(the_map(&low), 0), SF_SUM, "", &i));
	assert_true(i == INT64_MIN);
	assert_says(sf_entry_cpu_u64(e, 9, "", &got), SF_USAGE, "SF_SUM");
}

static void edge_37_what_is_no_number(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(PERCPU("v", CPUS_OF(0, FLOAT(1) "," FLOAT(null) "," FLOAT(3))))),
				 nan = ask_json(REPORT(PERCPU("v", CPUS_OF(0, FLOAT(null) "," FLOAT(null)))));
	double v;

	(void)state;
	assert_ok(sf_entry_cpu_f64(sf_map_at(the_map(&a), 0), SF_SUM, "", &v));
	assert_true(isnan(v));
	assert_ok(sf_entry_cpu_f64(sf_map_at(the_map(&a), 0), SF_MAX, "", &v));
	assert_true(v == 3);
	assert_ok(sf_entry_cpu_f64(sf_map_at(the_map(&a), 0), SF_MIN, "", &v));
	assert_true(v == 1);
	for (int fold = SF_SUM; fold <= SF_MIN; fold++) {
		assert_ok(sf_entry_cpu_f64(sf_map_at(the_map(&nan), 0), fold, "", &v));
		assert_true(isnan(v));
	}
}

static void edge_38_all_cpus_of_what_has_none(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(PERCPU("v", CPUS_OF(0, STRUCT(MEMBER("n", STRUCT(MEMBER("x", UINT(4)))))))
						     "," SINGLE("one", UINT(1)) "," HASH("hash", KEYED(1))));
	struct sf_entry e = sf_map_at(the_map(&a), 0);
	const struct sf_error_payload *p;
	uint64_t v;

	(void)state;
	assert_mismatch(sf_entry_cpu_u64(e, SF_SUM, "", &v), "u64", "Struct");
	assert_ok(sf_entry_cpu_u64(e, SF_SUM, "n.x", &v));
	assert_int_equal(v, 4);
	payload_of(sf_entry_cpu_u64(e, SF_SUM, "n.y", &v), SF_FIELD_NOT_FOUND);
	p = payload_of(sf_entry_cpu_u64(sf_map_at(sf_view_map(a.view, "one"), 0), SF_MIN, "a.b", &v), SF_TYPE_MISMATCH);
	assert_string_equal(p->expected, "Percpu / PercpuHash");
	assert_string_equal(p->actual, "Value");
	assert_string_equal(p->requested, "a.b");
	assert_mismatch(sf_entry_cpu_each(sf_map_at(sf_view_map(a.view, "hash"), 0), "", visit, NULL), "Percpu / PercpuHash", "Hash");
	assert_mismatch(sf_entry_cpu_u64(sf_map_at(sf_map_cpu(the_map(&a), 0), 0), SF_SUM, "", &v), "Percpu / PercpuHash", "Value");
	payload_of(sf_entry_cpu_u64(sf_map_at(the_map(&a), 3), SF_SUM, "", &v), SF_INDEX_OUT_OF_RANGE);
}

static void edge_39_the_key_of_a_percpu_array(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(FOUR));
	struct sf_field key = sf_entry_key(sf_map_at(the_map(&a), 0), "");
	const char *label = "a percpu key, which is a number", *text;
	struct sf_iter it = sf_field_members(key);
	struct sf_field f;
	struct sf_value raw;
	uint64_t *v = NULL;
	char buf[8];
	bool yes;
	double d;
	size_t n;

	(void)state;
	assert_int_equal(u64_of(key), 7);
	assert_ok(sf_field_as_f64(key, &d));
	assert_true(d == 7);
	assert_ok(sf_field_as_bool(key, &yes));
	assert_true(yes);
	assert_mismatch(sf_field_error(sf_entry_key(sf_map_at(the_map(&a), 0), "x")), "Struct", label);
	assert_mismatch(sf_field_error(sf_field_get(key, "")), "Struct", label);
	assert_string_equal(payload_of(sf_field_error(sf_entry_key(sf_map_at(the_map(&a), 0), "x")), SF_TYPE_MISMATCH)->requested,
			    "x");
	assert_string_equal(payload_of(sf_field_error(sf_field_get(key, "a.b")), SF_TYPE_MISMATCH)->requested, "a.b");
	assert_mismatch(sf_field_as_str(key, &text), "str", label);
	assert_mismatch(sf_field_as_u64_array(key, &v, &n), "[u64]", label);
	assert_mismatch(sf_field_as_text(key, buf, sizeof(buf)), "text (char array)", label);
	assert_false(sf_field_raw(key, &raw));
	assert_false(sf_field_next(&it, &f));
	assert_ok(sf_iter_error(&it));
}

static void forms_of_entries(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(
		FOUR "," HASH("hash", KEYED(1)) "," SINGLE("one", UINT(1)) ","
		MAP("ph", 5, ",\"percpu_hash_entries\":[{\"key\":" UINT(3) ",\"key_hex\":\"03\",\"per_cpu\":[" UINT(9) "]}]")));

	(void)state;
	assert_int_equal(sf_entry_kind(sf_map_at(the_map(&a), 0)), SF_ENTRY_PERCPU);
	assert_int_equal(sf_entry_kind(sf_map_at(sf_map_cpu(the_map(&a), 0), 0)), SF_ENTRY_VALUE);
	assert_int_equal(sf_entry_kind(sf_map_at(the_map(&a), 5)), SF_ENTRY_MISSING);
	assert_int_equal(sf_entry_kind(sf_map_at(sf_view_map(a.view, "hash"), 0)), SF_ENTRY_HASH);
	assert_int_equal(sf_entry_kind(sf_map_at(sf_view_map(a.view, "one"), 0)), SF_ENTRY_VALUE);
	assert_int_equal(sf_entry_kind(sf_map_at(sf_view_map(a.view, "ph"), 0)), SF_ENTRY_PERCPU_HASH);
	assert_int_equal(u64_of(sf_entry_key(sf_map_at(sf_view_map(a.view, "ph"), 0), "")), 3);
	assert_mismatch(sf_field_error(sf_entry_key(sf_map_at(sf_view_map(a.view, "one"), 0), "")), "key",
			"a single value, which has no key");
	assert_int_equal(sf_entry_kind(sf_map_at(sf_view_map(a.view, "none"), 0)), SF_ENTRY_MISSING);
}

/* A million failing accessors in a predicate: errors are slots, none of which is on the heap. */
static void errors_in_a_predicate_cost_no_memory(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(HASH("v", TEN)));
	size_t before = mallinfo2().uordblks;
	int n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		for (int k = 0; k < 10; k++)
			n += sf_field_is_present(sf_entry_get(sf_map_at(the_map(&a), (size_t)k), "no.such.member"));
	assert_int_equal(n, 0);
	assert_int_equal(mallinfo2().uordblks, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_30_positions_out_of_range),
		cmocka_unit_test(a_map_with_values_and_an_error_is_healthy),
		cmocka_unit_test(edge_31_what_a_search_without_a_match_says),
		cmocka_unit_test(edge_32_the_hint_at_missing_types),
		cmocka_unit_test(edge_33_long_keys_are_cut),
		cmocka_unit_test(edge_34_of_equal_ranks_the_first),
		cmocka_unit_test(a_predicate_finds_filters_and_is_asked_in_order),
		cmocka_unit_test(a_predicate_may_ask_anything),
		cmocka_unit_test(a_predicate_may_leave_for_good),
		cmocka_unit_test(a_value_finds_its_entry),
		cmocka_unit_test(a_key_of_a_report_finds_its_entry),
		cmocka_unit_test(what_nobody_rendered_says_so),
		cmocka_unit_test(edge_35_narrowed_and_not),
		cmocka_unit_test(edge_36_all_cpus_at_once),
		cmocka_unit_test(edge_37_what_is_no_number),
		cmocka_unit_test(edge_38_all_cpus_of_what_has_none),
		cmocka_unit_test(edge_39_the_key_of_a_percpu_array),
		cmocka_unit_test(forms_of_entries),
		cmocka_unit_test(errors_in_a_predicate_cost_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

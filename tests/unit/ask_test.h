/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_ASK_TEST_H
#define SF_TESTS_ASK_TEST_H

/* For tests that ask a report written by hand: its pieces, and what is asked again and again. */

#include "check.h"

#include "stillframe/snapshot.h"

#define UINT(v) "{\"kind\":\"uint\",\"bits\":64,\"value\":" #v "}"
#define INT(v) "{\"kind\":\"int\",\"bits\":64,\"value\":" #v "}"
#define FLOAT(v) "{\"kind\":\"float\",\"bits\":64,\"value\":" #v "}"
#define CHAR(v) "{\"kind\":\"char\",\"value\":" #v "}"
#define BOOL(v) "{\"kind\":\"bool\",\"value\":" #v "}"
#define PTR(v, to) "{\"kind\":\"ptr\",\"value\":" #v ",\"deref\":" to "}"
#define BARE_PTR(v) "{\"kind\":\"ptr\",\"value\":" #v "}"
#define STRUCT(members) "{\"kind\":\"struct\",\"members\":[" members "]}"
#define MEMBER(name, value) "{\"name\":\"" name "\",\"value\":" value "}"
#define ARRAY(len, elements) "{\"kind\":\"array\",\"len\":" #len ",\"elements\":[" elements "]}"
#define CUT(partial) "{\"kind\":\"truncated\",\"needed\":16,\"had\":8,\"partial\":" partial "}"
#define BYTES "{\"kind\":\"bytes\",\"hex\":\"de ad\"}"
#define CPUS "{\"kind\":\"cpu_list\",\"cpus\":\"0-2\"}"
#define UNSUPPORTED "{\"kind\":\"unsupported\",\"reason\":\"because\"}"

#define REPORT(maps) "{\"schema\":\"single\",\"maps\":[" maps "]}"
#define MAP(name, type, content) \
	"{\"name\":\"" name "\",\"map_kva\":1,\"map_type\":" #type ",\"value_size\":8,\"max_entries\":64" content "}"
#define HASH(name, entries) MAP(name, 1, ",\"entries\":[" entries "]")
#define ENTRY(key, value) "{\"key\":" key ",\"key_hex\":\"01\",\"value\":" value "}"
#define SINGLE(name, value) MAP(name, 2, ",\"value\":" value)
#define PERCPU(name, entries) MAP(name, 6, ",\"percpu_entries\":[" entries "]")
#define CPUS_OF(key, values) "{\"key\":" #key ",\"per_cpu\":[" values "]}"

struct ask {
	struct sf_snapshot *snap;
	struct sf_view view;
};

static inline struct ask ask_json(const char *json)
{
	SF_OWNED(frame) frame = NULL;
	struct ask a;

	assert_ok(sf_frame_from_json(json, strlen(json), &frame));
	assert_ok(sf_snapshot_new(frame, &a.snap));
	a.view = sf_snapshot_view(a.snap);
	return a;
}

static inline void ask_end(struct ask *a)
{
	sf_snapshot_free(a->snap);
}
#define _cleanup_ask_ __attribute__((cleanup(ask_end)))

/* The value of the one entry of the map "v". */
static inline struct sf_field the_value(struct ask *a)
{
	return sf_entry_get(sf_map_at(sf_view_map(a->view, "v"), 0), "");
}

static inline uint64_t u64_of(struct sf_field f)
{
	uint64_t v = 0;

	assert_ok(sf_field_as_u64(f, &v));
	return v;
}

/* The payload of an error, which has to be @code. */
static inline const struct sf_error_payload *payload_of(struct sf_error *err, enum sf_code code)
{
	if (sf_error_code(err) != code)
		fail_msg("%s, not %s: %s", sf_error_code_name(sf_error_code(err)), sf_error_code_name(code),
			 err ? sf_error_message(err) : "no error");
	return sf_error_payload(err);
}

static inline void assert_list(struct sf_strv names, const char *joined)
{
	char text[1024] = "";

	for (size_t i = 0; i < names.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, names.v[i]);
	}
	assert_string_equal(text, joined);
}

#define assert_mismatch(expr, want_expected, want_actual)                                          \
	do {                                                                                       \
		const struct sf_error_payload *p_ = payload_of(expr, SF_TYPE_MISMATCH);            \
		assert_string_equal(p_->expected, want_expected);                                  \
		assert_string_equal(p_->actual, want_actual);                                      \
	} while (0)

#endif

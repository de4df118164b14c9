/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a frame has beside maps, as JSON. What is empty is left out.
 */

#include "frame/records.h"
#include "map_json.h"

static void put_u64s(struct sf_json_writer *json, const char *key, const uint64_t *v, size_t n)
{
	sf_json_key(json, key);
	sf_json_begin_array(json);
	for (size_t i = 0; i < n; i++)
		sf_json_u64(json, v[i]);
	sf_json_end_array(json);
}

static void put_member(const struct sf_record_member *m, const void *record, struct sf_json_writer *json)
{
	const char *at = (const char *)record + m->at, *has = (const char *)record + m->has;
	const char *text;

	if (m->is_optional && !*(const bool *)has)
		return;
	switch (m->type) {
	case SF_RECORD_U64:
		sf_json_put_u64(json, m->name, *(const uint64_t *)at);
		break;
	case SF_RECORD_U32:
		sf_json_put_u64(json, m->name, *(const uint32_t *)at);
		break;
	case SF_RECORD_I32:
		sf_json_key(json, m->name);
		sf_json_i64(json, *(const int32_t *)at);
		break;
	case SF_RECORD_BOOL:
		if (*(const bool *)at)
			sf_json_put_bool(json, m->name, true);
		break;
	case SF_RECORD_TEXT:
	case SF_RECORD_STR:
		text = *(const char *const *)at;
		if (text)
			sf_json_put_str(json, m->name, text);
		break;
	case SF_RECORD_KVAS:
		if (*(const size_t *)has)
			put_u64s(json, m->name, *(const uint64_t *const *)at, *(const size_t *)has);
		break;
	case SF_RECORD_U64_10:
		put_u64s(json, m->name, (const uint64_t *)at, 10);
		break;
	}
}

static void put_record(const struct sf_record_kind *kind, const void *record, struct sf_json_writer *json)
{
	sf_json_begin_object(json);
	for (size_t i = 0; i < kind->n_members; i++)
		put_member(&kind->members[i], record, json);
	sf_json_end_object(json);
}

static void put_list(const struct sf_records *records, enum sf_record_list which, struct sf_json_writer *json)
{
	const struct sf_record_kind *kind = &sf_record_kinds[which];
	const char *v = records->lists[which].v;
	size_t n = records->lists[which].n;

	if (!n)
		return;
	sf_json_key(json, kind->name);
	if (which == SF_RECORDS_SCHED) {
		put_record(kind, v, json);
		return;
	}
	sf_json_begin_array(json);
	for (size_t i = 0; i < n && !json->failed; i++)
		put_record(kind, v + i * kind->size, json);
	sf_json_end_array(json);
}

void sf_records_json(const struct sf_frame *frame, struct sf_json_writer *json)
{
	const struct sf_records *records = sf_frame_records(frame);

	for (int i = 0; i < SF_N_RECORDS; i++)
		put_list(records, i, json);
	if (records->n_probe_counters) {
		sf_json_key(json, "probe_counters");
		sf_json_begin_object(json);
		for (size_t i = 0; i < records->n_probe_counters && !json->failed; i++)
			sf_json_put_u64(json, records->probe_counters[i].name, records->probe_counters[i].value);
		sf_json_end_object(json);
	}
	for (int i = 0; i < SF_N_GAPS; i++)
		sf_json_put_str_opt(json, sf_record_gaps[i], sf_frame_gap(frame, i));
}

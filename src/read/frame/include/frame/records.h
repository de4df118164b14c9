/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FRAME_RECORDS_H
#define SF_FRAME_RECORDS_H

/*
 * The records of a report beside its maps. One table for each kind says which members it has, so that what reads JSON and
 * what writes it agree; include/stillframe/records.h has the structs.
 */

#include "frame/frame.h"
#include "stillframe/records.h"

enum sf_record_type {
	SF_RECORD_U64,
	SF_RECORD_U32,
	SF_RECORD_I32,
	SF_RECORD_BOOL,   /* left out where false */
	SF_RECORD_TEXT,   /* never NULL */
	SF_RECORD_STR,    /* left out where NULL */
	SF_RECORD_KVAS,   /* a pointer, and behind `has` a size_t of how many; left out where none */
	SF_RECORD_U64_10, /* ten of them, in the struct */
};

struct sf_record_member {
	const char *name;          /* in JSON */
	enum sf_record_type type;
	bool is_needed, is_optional; /* optional: `has` is the offset of a flag */
	size_t at, has;
};

enum sf_record_list {
	SF_RECORDS_EVENT_COUNTERS,
	SF_RECORDS_RQ_SCX,
	SF_RECORDS_DSQ,
	SF_RECORDS_CPU_TIME,
	SF_RECORDS_NODE_NUMA,
	SF_RECORDS_TASKS,
	SF_RECORDS_PROGS,
	SF_RECORDS_SCHED,  /* no list: an object, or nothing */
	SF_N_RECORDS,
};

struct sf_record_kind {
	const char *name;  /* of the list in JSON */
	size_t size;       /* of one record */
	const struct sf_record_member *members;
	size_t n_members;
};
extern const struct sf_record_kind sf_record_kinds[SF_N_RECORDS];

/* Why something is not there. */
enum sf_record_gap { SF_GAP_SCX_WALKER, SF_GAP_TASKS, SF_GAP_PROGS, SF_GAP_NODE_NUMA, SF_GAP_SDT_ALLOC, SF_N_GAPS };
extern const char *const sf_record_gaps[SF_N_GAPS]; /* their names in JSON */

struct sf_records {
	struct {
		const void *v;
		size_t n;
	} lists[SF_N_RECORDS];
	const struct sf_probe_counter *probe_counters;
	size_t n_probe_counters;
	const char *gaps[SF_N_GAPS]; /* of a report; sf_frame_gap() is of any frame */
};
/* Of any frame. */
const struct sf_records *sf_frame_records(const struct sf_frame *frame);
const char *sf_frame_gap(const struct sf_frame *frame, enum sf_record_gap gap); /* NULL: no reason is known */

#endif

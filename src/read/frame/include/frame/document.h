/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FRAME_DOCUMENT_H
#define SF_FRAME_DOCUMENT_H

/*
 * Frames that are no memory but a report: sf_frame_from_json(). Their maps are in the same listing as those of other
 * frames, and have here what is in them. All of it is made when the report is read, and does not change.
 */

#include "bpf/values.h"
#include "frame/frame.h"
#include "value/node.h"

struct sf_doc_owner {
	enum sf_bpf_owner_kind kind;
	uint64_t kva;
	bool is_readable;
	int32_t pid, tgid;
	const char *comm, *path;    /* as the report writes them: \xHH is a byte that is no text */
	uint64_t id;
	bool path_cut;
	uint16_t family, port;
};

/* A node without ops is one that is not there. */
struct sf_doc_entry {
	uint32_t index;             /* of arrays, per CPU or not: the key */
	bool is_key_raw, is_value_raw; /* bytes without a type, from the text of them: nobody rendered it */
	struct sf_node key, value;
	const char *key_hex, *value_hex; /* NULL: not said */
	const struct sf_doc_owner *owner;
	const struct sf_node *per_cpu;
	uint32_t n_cpus;            /* of this entry */
};

enum sf_doc_list {
	SF_DOC_NONE,                /* the map has nothing */
	SF_DOC_PERCPU_ARRAY,
	SF_DOC_PERCPU_HASH,
	SF_DOC_HASH,
	SF_DOC_ARRAY,
	SF_DOC_VALUE,               /* one entry, with a value */
	SF_DOC_N_LISTS,
};

struct sf_doc_map {
	enum sf_doc_list list;
	const struct sf_doc_entry *v;
	size_t n;
	uint32_t n_cpus;            /* the most that an entry has */
	const char *error;          /* why there is nothing, or not all; NULL: not said */
	bool has_torn;
	struct sf_bpf_torn torn;    /* numbers only */
	struct sf_bpf_map map;      /* what the listing says of it */
	const char *name;
};

/* What there is only in the two other schemas. Strings are NULL, numbers 0 where the report does not have them. */
struct sf_doc_extra {
	uint64_t early_max_age_jiffies, early_threshold_jiffies; /* dual */
	const char *early_skipped_reason;
	bool watchpoint_hit;                                     /* degraded */
	const char *bss_latch_state;
	bool has_exit_kind, has_elapsed_ms;
	uint64_t exit_kind, elapsed_ms;
};
const struct sf_doc_extra *sf_frame_extra(const struct sf_frame *frame); /* NULL: the frame is no report */

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_ORACLE_HOST_H
#define SF_TESTS_ORACLE_HOST_H

/*
 * The host's side of the quiet maps: what the guest said of them as tables, the elements of a frame that belong to
 * their rows, and those that compare the two.
 */

#include "oracle.h"
#include "oracle_quiet.h"
#include "snapshot/snapshot.h"

/* What is wrong, as a comment of TAP; the first few of a tally. */
void oracle_wrong(struct oracle_tally *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the guest published as @name; free() it. NULL: nothing. */
typedef char *oracle_said_fn(void *arg, const char *name, size_t *ret_len);
struct oracle_said {
	oracle_said_fn *fn;
	void (*result)(void *arg, bool ok, const char *what); /* a line of TAP */
	void *arg;
	uint64_t seed;
};

struct quiet_row {
	const uint8_t *key, *value; /* as the system call gave them; a key of local storage is the owner's text */
	size_t key_len, value_len;
	uint32_t i;                 /* the number that it was filled by */
	bool is_found;
	struct sf_snap_elem ours;   /* if it was */
};

struct quiet_table {
	const struct quiet_map *m;
	const struct sf_snap_map *map;
	struct sf_map public;
	uint32_t n_cpus;
	size_t stride, value_size;  /* from one CPU's value to the next; of one */
	struct { struct quiet_row *v; size_t n, cap; } rows; /* sorted by key */
	uint8_t *bytes;
};

struct quiet_tables {
	struct sf_view view;
	struct sf_snapshot *snap;
	struct quiet_table *v;      /* n_quiet_maps of them */
	struct btf *btf;            /* libbpf's, of what the kernel says their types are */
};

/*
 * Reads what the guest said and finds the element of the frame for each row: every key, every byte of every value, on
 * every CPU, and every owner has to be the same, and what the test itself computes.
 */
void quiet_tables_make(struct sf_snapshot *snap, const struct oracle_said *said, struct quiet_tables *ret,
		       struct oracle_tally *tally);
void quiet_tables_clear(struct quiet_tables *tables);

/* Each key and value, as a node, against what bpftool formatted, what libbpf prints, what the compiler makes of it. */
void quiet_compare_bpftool(const struct quiet_tables *tables, const struct oracle_said *said,
			   struct oracle_tally *tally);
void quiet_compare_libbpf(const struct quiet_tables *tables, struct oracle_tally *tally);
void quiet_compare_layout(const struct quiet_tables *tables, struct oracle_tally *tally);
/* Each map, as JSON in bpftool's shape, against what it wrote. `n_equal` are elements. */
void quiet_compare_plain(const struct quiet_tables *tables, const struct oracle_said *said, struct oracle_tally *tally);

/* A scheduler's operations: what the kernel calls against what bpftool says was loaded. */
void oracle_compare_struct_ops(struct sf_snapshot *snap, const struct oracle_said *said, struct oracle_tally *tally);

/* All of that. @each: a result for each of them. */
bool oracle_look_at_quiet(struct sf_snapshot *snap, const struct oracle_said *said, bool each);
/* Two results. */
void oracle_look_at_scheduler(struct sf_snapshot *snap, const struct oracle_said *said);

/* The key of a row as a node; false: it is a number, the position, or an owner. */
bool quiet_key_node(const struct quiet_table *t, const struct quiet_row *row, struct sf_node *ret);
/* The value, on @cpu where there are several. */
bool quiet_value_node(const struct quiet_table *t, const struct quiet_row *row, uint32_t cpu, struct sf_node *ret);
static inline uint32_t quiet_n_values(const struct quiet_table *t)
{
	return t->m->is_percpu ? t->n_cpus : 1;
}
static inline const uint8_t *quiet_value_bytes(const struct quiet_table *t, const struct quiet_row *row, uint32_t cpu)
{
	return row->value + cpu * t->stride;
}

/* What bpftool formatted, against a node. @entry (may be NULL): where the public accessors find the same. */
void oracle_compare_node(struct sf_view view, const char *what, const struct sf_entry *entry, bool is_key,
			 bool is_section, struct sf_node n, const struct sf_json_node *theirs,
			 struct oracle_tally *tally);

#endif

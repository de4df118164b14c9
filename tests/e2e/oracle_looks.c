/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is proven of a frame with quiet maps and a scheduler in it, and how much of it there has to be.
 */

#include <inttypes.h>

#include "oracle_host.h"

enum { ELEMENTS, BPFTOOL, LIBBPF, LAYOUT, PLAIN, N_LOOKS };

/* What has to be compared, or nothing is proven; of owners, how many the public accessors have named. */
static const struct {
	const char *says;
	uint64_t n_equal, n_by_path;
} looks[N_LOOKS] = {
	[ELEMENTS] = { "every key, value and owner of the quiet maps is the system call's", 11000, 40 },
	[BPFTOOL] = { "the quiet maps' values are those that bpftool formats", 110000, 90000 },
	[LIBBPF] = { "the quiet maps' values are those that libbpf prints", 110000, 0 },
	[LAYOUT] = { "the quiet maps' values are those that the compiler makes of the bytes", 100000, 0 },
	[PLAIN] = { "plain JSON is bpftool's", 9000, 0 },
};

/* Of the differences that docs/values.md intends, the maps are made to have one. */
static bool plain_agrees(const struct oracle_tally *t)
{
	printf("# plain JSON: %" PRIu64 " maps, %" PRIu64 " elements equal, %" PRIu64 " wrong; intended: %" PRIu64
	       " values of unsigned enums of one or two bytes have a name, a negative number for bpftool\n",
	       t->n_maps, t->n_equal, t->n_wrong, t->n_narrow);
	return !t->n_wrong && t->n_maps && t->n_equal > looks[PLAIN].n_equal && t->n_narrow;
}

static bool look_agrees(int look, const struct oracle_tally *t)
{
	if (look == PLAIN)
		return plain_agrees(t);
	printf("# %" PRIu64 " equal, %" PRIu64 " by way of the public accessors, %" PRIu64 " wrong", t->n_equal, t->n_by_path,
	       t->n_wrong);
	/* What others cannot show is among what the compiler was asked for. */
	if (look == BPFTOOL)
		printf("; it shows no floats, no bytes behind strings (%" PRIu64 "), no flexible arrays (%" PRIu64 ")", t->n_tails,
		       t->n_flexible);
	else if (look == LIBBPF)
		printf("; it shows no bit fields in more bytes than their type has (%" PRIu64 "), nothing behind a 0 in an array "
		       "of bytes (%" PRIu64 "), no flexible arrays (%" PRIu64 "), no more than six decimals of a float",
		       t->n_odd, t->n_tails, t->n_flexible);
	printf("\n");
	return !t->n_wrong && t->n_equal > looks[look].n_equal && t->n_by_path >= looks[look].n_by_path;
}

bool oracle_look_at_quiet(struct sf_snapshot *snap, const struct oracle_said *said, bool each)
{
	struct oracle_tally t[N_LOOKS] = { 0 };
	struct quiet_tables tables;
	bool all = true;

	quiet_tables_make(snap, said, &tables, &t[ELEMENTS]);
	for (int i = 0; i < N_LOOKS; i++) {
		if (i == BPFTOOL)
			quiet_compare_bpftool(&tables, said, &t[i]);
		else if (i == LIBBPF)
			quiet_compare_libbpf(&tables, &t[i]);
		else if (i == LAYOUT)
			quiet_compare_layout(&tables, &t[i]);
		else if (i == PLAIN)
			quiet_compare_plain(&tables, said, &t[i]);
		bool ok = look_agrees(i, &t[i]);

		all &= ok;
		if (each)
			said->result(said->arg, ok, looks[i].says);
	}
	quiet_tables_clear(&tables);
	return all;
}

/* It keeps the task's number in the storage of each. */
static bool tasks_agree(struct sf_view view)
{
	struct sf_map map = sf_view_map(view, "scx_per_task");
	size_t n = sf_map_len(map), n_wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct sf_owner owner = { .size = sizeof(owner) };
		struct sf_entry entry = sf_map_at(map, i);
		int64_t tid = -1;

		/* 0: it is being made. */
		if (sf_entry_owner(entry, &owner) && owner.is_readable &&
		    sf_field_try_i64(sf_entry_get(entry, "tid"), &tid) && (tid == owner.pid || !tid))
			continue;
		n_wrong++;
		printf("# the storage of task %d (%s) is that of %" PRId64 "\n", owner.pid, owner.comm, tid);
	}
	printf("# storage of %zu tasks\n", n);
	return n > 20 && !n_wrong;
}

static bool struct_ops_agrees(struct sf_snapshot *snap, const struct oracle_said *said)
{
	struct oracle_tally t = { 0 };

	oracle_compare_struct_ops(snap, said, &t);
	printf("# %" PRIu64 " functions, %" PRIu64 " other members equal, %" PRIu64 " wrong\n", t.n_kptrs, t.n_equal,
	       t.n_wrong);
	return !t.n_wrong && t.n_kptrs >= 8 && t.n_equal >= 4;
}

void oracle_look_at_scheduler(struct sf_snapshot *snap, const struct oracle_said *said)
{
	said->result(said->arg, struct_ops_agrees(snap, said), "the scheduler's operations are those that bpftool shows");
	said->result(said->arg, tasks_agree(sf_snapshot_view(snap)), "the scheduler's storage of each task is that task's");
}

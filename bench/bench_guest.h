/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BENCH_GUEST_H
#define SF_BENCH_GUEST_H

/*
 * bench_freeze is two programs in one: on the host it stops and copies (bench_freeze.c), in the guest it makes the load
 * and one map after the other (bench_guest.c). When a map is full the guest asks for a capture by the stage's name; the
 * answer comes when the host has seen enough of it.
 */

#include <stdbool.h>
#include <stdint.h>

struct bench_stage {
	const char *name;
	uint32_t n_entries;    /* 0: no map but those of the scheduler */
	bool chained;          /* BPF_F_NO_PREALLOC */
	unsigned int n_rounds;
};

/* No load, and bpftool; what the capture of it keeps is left as a frame. */
#define BENCH_TASKS_STAGE "tasks"
#define BENCH_BASE_ROUNDS 400
#define BENCH_COMPARED 10000

/* Those that are compared with each other come in a row. */
static const struct bench_stage bench_stages[] = {
	{ "base", 0, false, BENCH_BASE_ROUNDS },
	{ "prealloc_10k", BENCH_COMPARED, false, 300 },
	{ "chained_10k", BENCH_COMPARED, true, 300 },
	{ "prealloc_1k", 1000, false, 100 },
	{ "chained_1k", 1000, true, 100 },
	{ "prealloc_100k", 100000, false, 40 },
	{ "chained_100k", 100000, true, 40 },
	{ "prealloc_1m", 1000000, false, 11 },
	{ "chained_1m", 1000000, true, 11 },
};
#define BENCH_N_STAGES (sizeof(bench_stages) / sizeof(bench_stages[0]))

/* Names of what the guest publishes. */
#define BENCH_BPFTOOL_BYTES "bpftool-bytes" /* that it wrote */
#define BENCH_BPFTOOL_NS "bpftool-ns"       /* from its start to its end, by the guest's clock */

/* @object: bench_maps.bpf.o. An exit code. */
int bench_guest(const char *object, const char *bpftool);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What drgn is timed against: a member of each task in a frame, three names deep, through the public interface.
 *
 *	read_time FRAME
 *
 *	task ADDRESS WEIGHT	se.load.weight of each owner in scx_per_task; the address is hex
 *	ns NUMBER		of one read, over ROUNDS rounds of all
 */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "stillframe/snapshot.h"

#define ROUNDS 2000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct sf_error *run(const char *path)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	uint64_t weight, n = 0;
	struct sf_entry e;
	struct sf_map map;

	SF_TRY(sf_frame_open(path, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	map = sf_view_map(sf_snapshot_view(snap), "scx_per_task");
	sf_for_each_entry(e, map) {
		struct sf_owner owner = { .size = sizeof(owner) };

		if (!sf_entry_owner(e, &owner) || !owner.is_readable ||
		    !sf_field_try_u64(sf_entry_key(e, "se.load.weight"), &weight))
			continue;
		printf("task %" PRIx64 " %" PRIu64 "\n", owner.kva, weight);
		n++;
	}
	double before = now_ns();

	for (uint64_t i = 0; n && i < ROUNDS; i++)
		sf_for_each_entry(e, map)
			(void)sf_field_try_u64(sf_entry_key(e, "se.load.weight"), &weight);
	printf("ns %.1f\n", n ? (now_ns() - before) / (ROUNDS * (double)sf_map_len(map)) : 0);
	return NULL;
}

int main(int argc, char **argv)
{
	SF_OWNED(error) err = argc == 2 ? run(argv[1]) : NULL;

	if (err || argc != 2)
		fprintf(stderr, "read_time: %s\n", err ? sf_error_message(err) : "one frame");
	return err || argc != 2;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storing a capture on a bridge whose 64 names are all there: the one before is replaced, and that is an event. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stillframe/bridge.h"

#define ROUNDS 20000u

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct sf_error *measure(double *ret_ns)
{
	SF_OWNED(bridge) bridge = NULL;
	SF_OWNED(frame) frame = sf_frame_placeholder("bench", "by hand");
	char tags[SF_MAX_STORED_SNAPSHOTS][16];

	SF_TRY(sf_bridge_new(NULL, &bridge));
	for (unsigned int i = 0; i < SF_MAX_STORED_SNAPSHOTS; i++)
		snprintf(tags[i], sizeof(tags[i]), "periodic_%03u", i);
	double start = now_ns();

	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < SF_MAX_STORED_SNAPSHOTS; i++)
			SF_TRY(sf_bridge_store(bridge, tags[i], frame, NULL));
	*ret_ns = (now_ns() - start) / (ROUNDS * SF_MAX_STORED_SNAPSHOTS);
	return NULL;
}

int main(void)
{
	double ns;
	SF_OWNED(error) err = measure(&ns);

	if (err) {
		fprintf(stderr, "bench_bridge: %s\n", sf_error_message(err));
		return EXIT_FAILURE;
	}
	printf("bridge.store_ns %.1f\n", ns);
	return EXIT_SUCCESS;
}

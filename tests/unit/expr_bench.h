/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_EXPR_BENCH_H
#define SF_TESTS_EXPR_BENCH_H

/* What tests of expressions ask: a guest with maps of every type, captured now or later. */

#include "check.h"

#include "fake_bpf.h"
#include "stillframe/snapshot.h"

#define N_CPUS 4
#define UNSET_CPU 3 /* of them: possible, never set up */

struct bench {
	struct fake_guest *g;
	struct fake_scene scene;
	struct fake_maps maps;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
	struct sf_view view;
};

static int make(void **state)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(&(struct fake_options){ .n_cpus = N_CPUS, .unset_cpus = 1u << UNSET_CPU });
	fake_scene_add(t->g, 0, &t->scene);
	fake_scene_maps_add(t->g, &t->maps);
	*state = t;
	return 0;
}

/* What a capture keeps of it now. */
static void capture(struct bench *t)
{
	t->frame = fake_capture(t->g, "x");
	assert_ok(sf_snapshot_new(t->frame, &t->snap));
	t->view = sf_snapshot_view(t->snap);
}

static int make_captured(void **state)
{
	make(state);
	capture(*state);
	return 0;
}

static int drop(void **state)
{
	struct bench *t = *state;

	sf_snapshot_free(t->snap);
	sf_frame_unref(t->frame);
	fake_free(t->g);
	free(t);
	return 0;
}

#endif

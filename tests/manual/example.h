/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_EXAMPLE_H
#define SF_TESTS_EXAMPLE_H

/* What the examples of the manual are compiled with, and how they are run (examples.c). */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stillframe/stillframe.h"

/* What examples print is for people, and not part of the test's own output. */
#define printf(...) ((void)fprintf(stderr, __VA_ARGS__))

struct example {
	const char *name;
	struct sf_error *(*run)(struct sf_frame *frame, struct sf_snapshot *snap, struct sf_view view);
};
extern const struct example examples[];
extern const size_t n_examples;

#endif

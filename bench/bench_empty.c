/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A function of a shared library that does nothing: the floor of one that does something. */

#include <stddef.h>

#include "bench_access.h"

struct sf_error *bench_empty(const void *field, const void *path, uint64_t *ret)
{
	(void)field;
	(void)path;
	(void)ret;
	return NULL;
}

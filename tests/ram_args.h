/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_RAM_ARGS_H
#define SF_TESTS_RAM_ARGS_H

/* Guest RAM as programs are told of it: RAMFILE gpa:len:offset[,...], numbers as strtoull() reads them. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "image/image.h"

static inline struct sf_image *ram_from_args(const char *path, const char *ranges)
{
	struct sf_ram_range v[16] = { 0 };
	size_t n = 0;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sf_image *img = NULL;

	if (fd < 0) {
		perror(path);
		return NULL;
	}
	for (const char *p = ranges; *p && n < ARRAY_SIZE(v); n++) {
		char *end;

		v[n].gpa = strtoull(p, &end, 0);
		v[n].len = *end == ':' ? strtoull(end + 1, &end, 0) : 0;
		v[n].offset = *end == ':' ? strtoull(end + 1, &end, 0) : 0;
		if (*end && *end != ',') {
			fprintf(stderr, "\"%s\" is not gpa:len:offset\n", p);
			return NULL;
		}
		p = *end ? end + 1 : end;
	}
	SF_OWNED(error) err = sf_image_ram_new(&fd, 1, v, n, &img);

	if (err)
		fprintf(stderr, "%s: %s\n", path, sf_error_message(err));
	return img;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/file.h"
#include "seeds.h"

void seed_put(struct seeds *s, const char *name, const void *data, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	struct sf_error *err = sf_file_put(path, data, len);

	if (err) {
		fprintf(stderr, "%s\n", sf_error_message(err));
		exit(1);
	}
	s->n++;
}

static void add(struct seeds *s, uint64_t gpa, const void *bytes, uint8_t len)
{
	uint16_t page = base_page(s->base, gpa), off = (uint16_t)(gpa & (SF_PAGE_SIZE - 1));
	uint8_t *to = s->more + s->more_len;

	assert(len <= BASE_EDIT_MAX && s->more_len + BASE_EDIT + len <= sizeof(s->more));
	memcpy(to, &page, 2);
	memcpy(to + 2, &off, 2);
	to[4] = len;
	memcpy(to + BASE_EDIT, bytes, len);
	s->more_len += BASE_EDIT + len;
}

void seed_edit_gpa(struct seeds *s, const char *name, uint64_t gpa, const void *bytes, uint8_t len)
{
	uint8_t seed[sizeof(s->head) + sizeof(s->more)];

	add(s, gpa, bytes, len);
	memcpy(seed, s->head, s->head_len);
	memcpy(seed + s->head_len, s->more, s->more_len);
	seed_put(s, name, seed, s->head_len + s->more_len);
	s->more_len = 0;
}

void seed_edit(struct seeds *s, const char *name, uint64_t kva, const void *bytes, uint8_t len)
{
	seed_edit_gpa(s, name, fake_gpa(s->g, kva), bytes, len);
}

void seed_u32(struct seeds *s, const char *name, uint64_t kva, uint32_t v)
{
	seed_edit(s, name, kva, &v, sizeof(v));
}

void seed_u64(struct seeds *s, const char *name, uint64_t kva, uint64_t v)
{
	seed_edit(s, name, kva, &v, sizeof(v));
}

void seed_also_u64(struct seeds *s, uint64_t kva, uint64_t v)
{
	add(s, fake_gpa(s->g, kva), &v, sizeof(v));
}

void seed_also_u32(struct seeds *s, uint64_t kva, uint32_t v)
{
	add(s, fake_gpa(s->g, kva), &v, sizeof(v));
}

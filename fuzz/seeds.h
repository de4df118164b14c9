/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FUZZ_SEEDS_H
#define SF_FUZZ_SEEDS_H

/* Writing inputs that are an edit or two of a frame. What fails ends the program. */

#include "frame_base.h"

struct seeds {
	struct fake_guest *g;
	const struct base *base; /* for the numbers of its pages */
	const char *dir;
	uint8_t head[4];         /* what every input begins with */
	uint8_t head_len;
	unsigned int n;
	uint8_t more[64];        /* edits that go before the next one */
	uint8_t more_len;
};

void seed_put(struct seeds *s, const char *name, const void *data, size_t len);
void seed_edit_gpa(struct seeds *s, const char *name, uint64_t gpa, const void *bytes, uint8_t len);
void seed_edit(struct seeds *s, const char *name, uint64_t kva, const void *bytes, uint8_t len);
void seed_u32(struct seeds *s, const char *name, uint64_t kva, uint32_t v);
void seed_u64(struct seeds *s, const char *name, uint64_t kva, uint64_t v);
/* Of the next seed, beside what that does. */
void seed_also_u64(struct seeds *s, uint64_t kva, uint64_t v);
void seed_also_u32(struct seeds *s, uint64_t kva, uint32_t v);

#endif

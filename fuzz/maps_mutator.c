/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lies that a guest could tell: a word of a struct that a walk goes through gets the value, or the address, of another.
 * Chance alone would seldom make a pointer that leads anywhere. Every other change is libFuzzer's own.
 */
#include "maps_base.h"

#define MAX_WORDS 8192

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

struct word {
	uint16_t page, off;
	uint64_t kva, value;
};

struct words {
	struct word v[MAX_WORDS];
	size_t n;
};

/* Words of the scene that are not zero; without types, which are most of it. */
static const struct words *words_of(unsigned int which)
{
	static struct words words[MAPS_N];
	struct words *w = &words[which % MAPS_N];
	const struct maps_base *base = maps_base(which);

	for (size_t i = 0; !w->n && i < base->file.n_pages; i++) {
		uint64_t gpa = base->file.gpas[i];
		const uint8_t *page = base->file.bytes + base->file.head + i * SF_PAGE_SIZE;

		if (gpa < base->first_gpa || gpa >= base->end_gpa || sf_load16(page) == 0xeb9f)
			continue;
		for (uint16_t off = 0; off < SF_PAGE_SIZE && w->n < MAX_WORDS; off += 8)
			if (sf_load64(page + off))
				w->v[w->n++] = (struct word){ (uint16_t)i, off, base->page_offset + gpa + off,
							      sf_load64(page + off) };
	}
	return w;
}

static uint32_t draw(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33) % n;
}

static uint64_t lie(const struct words *w, const struct word *to, uint64_t *state)
{
	static const int64_t near[] = { -4096, -64, -16, -8, -1, 0, 1, 8, 16, 48, 64, 4096 };
	const struct word *from = &w->v[draw(state, (uint32_t)w->n)];

	switch (draw(state, 8)) {
	case 0:
		return from->value;
	case 1:
		return from->kva;
	case 2:
		return from->value + (uint64_t)near[draw(state, ARRAY_SIZE(near))];
	case 3:
		return to->value + (uint64_t)near[draw(state, ARRAY_SIZE(near))];
	case 4:
		return to->value ^ 1ull << draw(state, 64);
	case 5:
		return 1ull << draw(state, 64);
	case 6:
		return draw(state, 2) ? 0 : UINT64_MAX;
	default:
		return draw(state, 256);
	}
}

static size_t add_edit(uint8_t *data, size_t size, size_t max_size, uint64_t *state)
{
	const struct words *w = words_of(data[0]);
	const struct word *to = &w->v[draw(state, (uint32_t)w->n)];
	uint64_t value = lie(w, to, state);
	uint8_t n = draw(state, 3) ? 8 : 4;
	uint16_t off = to->off + 4 * (uint16_t)(draw(state, 8) ? 0 : draw(state, 4));
	uint8_t edit[BASE_EDIT + 8];

	if (size + BASE_EDIT + n > max_size)
		return size;
	memcpy(edit, &to->page, 2);
	memcpy(edit + 2, &off, 2);
	edit[4] = n;
	memcpy(edit + BASE_EDIT, &value, n);
	memcpy(data + size, edit, BASE_EDIT + n);
	return size + BASE_EDIT + n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t state = seed;

	if (size < MAPS_HEAD || size + BASE_EDIT + 8 > max_size || draw(&state, 2))
		return LLVMFuzzerMutate(data, size, max_size);
	for (uint32_t i = 0; i < 1 + draw(&state, 3); i++)
		size = add_edit(data, size, max_size, &state);
	return size;
}

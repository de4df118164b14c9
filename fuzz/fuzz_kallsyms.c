/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kallsyms tables of any bytes: no read beyond them, and what is found by name has that name. The input: two bytes of
 * flags, the number of symbols, lengths of the tables, then the tables.
 */

#include "kernel/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE 0xffffffff81000000ull

struct input {
	const uint8_t *p;
	size_t n;
};

/* Exactly as many bytes as there are, in an allocation of their own. */
static uint8_t *take(struct input *in, size_t len)
{
	size_t have = sf_min(len, in->n);
	uint8_t *copy = calloc(1, len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, in->p, have);
	in->p += have;
	in->n -= have;
	return copy;
}

static void ask(const struct sf_kallsyms *ks)
{
	char name[600], type;
	uint32_t n = sf_kallsyms_n(ks), found;
	uint64_t end;

	for (uint32_t i = 0; i < n && i < 300; i++) {
		uint64_t address = sf_kallsyms_address(ks, i);

		sf_kallsyms_name(ks, i, name, sizeof(name), &type);
		if (sf_kallsyms_at(ks, address, &found, &end) && found >= n)
			abort();
		if (!sf_kallsyms_find(ks, name, &found))
			continue;
		char again[600];

		sf_kallsyms_name(ks, found, again, sizeof(again), &type);
		if (strcmp(name, again))
			abort();
	}
	sf_kallsyms_name(ks, n - 1, name, 1, &type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sf_kallsyms_anchor anchors[] = { { "_stext", BASE }, { "a", BASE + 1 } };
	struct input in = { data, size };

	if (size < 8)
		return 0;
	_cleanup_free_ uint8_t *head = take(&in, 8);
	struct sf_kallsyms_tables t = {
		.n = head[0] | (head[1] & 0x0f) << 8,
		.has_base = head[1] & 0x80,
		.base = BASE,
		.offsets_address = BASE,
		.tokens_len = sf_load16(head + 2) & 0xfff,
		.names_len = sf_load16(head + 4),
	};
	_cleanup_free_ uint8_t *index = take(&in, SF_KALLSYMS_TOKEN_INDEX_SIZE);
	_cleanup_free_ uint8_t *tokens = take(&in, t.tokens_len);
	uint8_t *memory = take(&in, 7ull * t.n + t.names_len);

	t.token_index = index;
	t.tokens = tokens;
	t.memory = memory;
	t.offsets = memory;
	t.by_name = head[1] & 0x40 ? memory + 4ull * t.n : NULL;
	t.names = memory + 7ull * t.n;

	SF_OWNED(kallsyms) ks = NULL;
	SF_OWNED(error) err = sf_kallsyms_new(&t, anchors, ARRAY_SIZE(anchors), &ks);

	if (err)
		free(memory);
	else
		ask(ks);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_KALLSYMS_ENCODER_H
#define SF_TESTS_KALLSYMS_ENCODER_H

/*
 * kallsyms tables by hand, in any of the encodings of addresses. Symbols are given in order of address. Most characters
 * are tokens of themselves; a few tokens have several characters, so that names are really put together.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kallsyms.h"

struct kse_symbol {
	uint64_t address;
	char type;
	const char *name;
};

struct kse {
	uint32_t n;
	uint8_t *names, *offsets, *by_name;
	size_t names_len;
	uint8_t tokens[4096];
	size_t tokens_len;
	uint8_t token_index[SF_KALLSYMS_TOKEN_INDEX_SIZE];
};

static const char *const kse_long_tokens[] = { "sched_", "Tsch", "__", "init", "_task", "per_cpu", "kallsyms_" };

static inline void kse_make_tokens(struct kse *k)
{
	for (int i = 0; i < 256; i++) {
		char one[2] = { i > ' ' && i < 0x7f ? (char)i : 0, 0 };
		const char *text = one;

		if (i >= 0x80 && (size_t)i - 0x80 < sizeof(kse_long_tokens) / sizeof(kse_long_tokens[0]))
			text = kse_long_tokens[i - 0x80];
		k->token_index[2 * i] = k->tokens_len & 0xff;
		k->token_index[2 * i + 1] = k->tokens_len >> 8;
		memcpy(k->tokens + k->tokens_len, text, strlen(text) + 1);
		k->tokens_len += strlen(text) + 1;
	}
}

/* @text as tokens, the longest that fits each time. */
static inline size_t kse_tokenize(const char *text, uint8_t *ret)
{
	size_t n = 0;

	while (*text) {
		size_t best = 1;
		uint8_t token = (uint8_t)*text;

		for (size_t i = 0; i < sizeof(kse_long_tokens) / sizeof(kse_long_tokens[0]); i++) {
			size_t len = strlen(kse_long_tokens[i]);

			if (len > best && !strncmp(text, kse_long_tokens[i], len)) {
				best = len;
				token = 0x80 + i;
			}
		}
		ret[n++] = token;
		text += best;
	}
	return n;
}

static inline uint32_t kse_offset(enum sf_kallsyms_encoding e, uint64_t address, uint64_t base,
				  uint64_t offsets_address, uint32_t i)
{
	switch (e) {
	case SF_KALLSYMS_RELATIVE:
		return address - base;
	case SF_KALLSYMS_ABSOLUTE_PERCPU:
		return address < (1ull << 31) ? address : (uint32_t)(base - 1 - address);
	default:
		return address - (offsets_address + 4ull * i);
	}
}

static const struct kse_symbol *kse_sorting; /* qsort() has no argument to pass it in */

static inline int kse_by_name(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(kse_sorting[x].name, kse_sorting[y].name);

	return order ? order : (x > y) - (x < y);
}

static inline void kse_init(struct kse *k, const struct kse_symbol *symbols, uint32_t n, enum sf_kallsyms_encoding e,
			    uint64_t base, uint64_t offsets_address)
{
	uint32_t *order = calloc(n, sizeof(*order));
	size_t room = 0;

	memset(k, 0, sizeof(*k));
	k->n = n;
	kse_make_tokens(k);
	for (uint32_t i = 0; i < n; i++)
		room += strlen(symbols[i].name) + 4;
	k->names = calloc(1, room);
	k->offsets = calloc(n, 4);
	k->by_name = calloc(n, 3);
	assert(order && k->names && k->offsets && k->by_name);
	for (uint32_t i = 0; i < n; i++) {
		char text[2048];
		uint8_t tokens[2048];
		uint32_t offset = kse_offset(e, symbols[i].address, base, offsets_address, i);

		snprintf(text, sizeof(text), "%c%s", symbols[i].type, symbols[i].name);

		size_t len = kse_tokenize(text, tokens);

		if (len < 0x80) {
			k->names[k->names_len++] = len;
		} else {
			k->names[k->names_len++] = (len & 0x7f) | 0x80;
			k->names[k->names_len++] = len >> 7;
		}
		memcpy(k->names + k->names_len, tokens, len);
		k->names_len += len;
		memcpy(k->offsets + 4ull * i, &offset, 4);
		order[i] = i;
	}
	kse_sorting = symbols;
	qsort(order, n, sizeof(*order), kse_by_name);
	for (uint32_t i = 0; i < n; i++) {
		k->by_name[3 * i] = order[i] >> 16;
		k->by_name[3 * i + 1] = order[i] >> 8;
		k->by_name[3 * i + 2] = order[i];
	}
	free(order);
}

/* Tables for sf_kallsyms_new(), in an allocation of exactly their size, so that ASan sees a read beyond. */
static inline struct sf_kallsyms_tables kse_tables(const struct kse *k, bool has_base, uint64_t base,
						   uint64_t offsets_address, bool ordered)
{
	uint8_t *memory = malloc(k->names_len + 7ull * k->n);

	assert(memory);
	/* Names last: what follows them is the end. */
	memcpy(memory, k->offsets, 4ull * k->n);
	memcpy(memory + 4ull * k->n, k->by_name, 3ull * k->n);
	memcpy(memory + 7ull * k->n, k->names, k->names_len);
	return (struct sf_kallsyms_tables){
		.memory = memory,
		.n = k->n,
		.offsets = memory,
		.by_name = ordered ? memory + 4ull * k->n : NULL,
		.names = memory + 7ull * k->n,
		.names_len = k->names_len,
		.tokens = k->tokens,
		.tokens_len = k->tokens_len,
		.token_index = k->token_index,
		.offsets_address = offsets_address,
		.has_base = has_base,
		.base = base,
	};
}

static inline void kse_free(struct kse *k)
{
	free(k->names);
	free(k->offsets);
	free(k->by_name);
	memset(k, 0, sizeof(*k));
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_KERNEL_KALLSYMS_H
#define SF_KERNEL_KALLSYMS_H

/*
 * kallsyms: the symbol table that a kernel carries in its own read-only data, as bytes. It knows nothing of memory.
 *
 * Names are sequences of token numbers (kernel/kallsyms.c, scripts/kallsyms.c): a length of one byte, or of two where
 * the first has its top bit set, then that many tokens. The first character of a name is the symbol's type. Addresses
 * are 32-bit numbers that have had three meanings; which one a kernel uses is found out by asking for symbols whose
 * addresses are known from elsewhere.
 *
 * A struct sf_kallsyms is immutable; any thread may read it. The bytes are hostile: they are checked once, when it is
 * made, and whatever they say costs time and memory proportional to their number.
 */

#include "base/error.h"

enum sf_kallsyms_encoding {
	SF_KALLSYMS_RELATIVE,        /* base + u32 */
	SF_KALLSYMS_ABSOLUTE_PERCPU, /* s32 >= 0: the value itself, a per-CPU offset; else base - 1 - s32 */
	SF_KALLSYMS_PC_RELATIVE,     /* address of the number itself + s32 */
	SF_KALLSYMS_N_ENCODINGS,
};
const char *sf_kallsyms_encoding_name(enum sf_kallsyms_encoding encoding);

#define SF_KALLSYMS_MAX_SYMBOLS (8u << 20)
#define SF_KALLSYMS_MAX_TOKENS_SIZE (1u << 16) /* the index has 16 bits */
#define SF_KALLSYMS_TOKEN_INDEX_SIZE 512

struct sf_kallsyms_tables {
	void *memory;               /* malloc()ed; names, offsets and by_name are in it */
	uint32_t n;
	const uint8_t *names;       /* may go on behind the last name; with what scripts/kallsyms.c puts there, markers, */
	size_t names_len;           /* not every name has to be looked at */
	const uint8_t *offsets;     /* 4 * n bytes */
	const uint8_t *tokens;      /* strings, each with its NUL; what is behind the last one does not matter */
	size_t tokens_len;
	const uint8_t *token_index; /* 256 numbers of 16 bits: where each token begins */
	const uint8_t *by_name;     /* 3 * n bytes: all symbols in order of name (since 6.2); NULL: not known */
	uint64_t offsets_address;   /* where the guest has `offsets` */
	bool has_base;
	uint64_t base;
};

/* A symbol whose address is known. */
struct sf_kallsyms_anchor {
	const char *name;
	uint64_t address;
};

struct sf_kallsyms;

/*
 * The first of @anchors has to agree; of the encodings for which it does, the one for which most others agree is taken.
 * @t->by_name may be a guess: it is only relied on when the first anchor is found with it; without it names get a hash
 * table, which takes a few milliseconds. On success @t->memory is the result's, on failure it stays the caller's; the
 * tokens are copied.
 * SF_BAD_INPUT says which symbol or token is damaged; SF_KERNEL: no encoding fits the anchors.
 */
SF_CHECKED struct sf_error *sf_kallsyms_new(const struct sf_kallsyms_tables *t,
					    const struct sf_kallsyms_anchor *anchors, size_t n_anchors,
					    struct sf_kallsyms **ret);
void sf_kallsyms_free(struct sf_kallsyms *ks); /* NULL is fine */
SF_DEFINE_CLEANUP(kallsyms, sf_kallsyms_free)

uint32_t sf_kallsyms_n(const struct sf_kallsyms *ks);
enum sf_kallsyms_encoding sf_kallsyms_encoding(const struct sf_kallsyms *ks);
/* Is the kernel's own order of names in use? */
bool sf_kallsyms_has_order(const struct sf_kallsyms *ks);
/* Bytes of `names` that are names. */
size_t sf_kallsyms_names_len(const struct sf_kallsyms *ks);

/* The first symbol of this name. */
bool sf_kallsyms_find(const struct sf_kallsyms *ks, const char *name, uint32_t *ret);
/* @i < n, here and below. */
uint64_t sf_kallsyms_address(const struct sf_kallsyms *ks, uint32_t i);
/* The name, cut off at @size, and the type's character. */
void sf_kallsyms_name(const struct sf_kallsyms *ks, uint32_t i, char *buf, size_t size, char *ret_type);
/*
 * The last symbol at or before @address; of several at one address the first. *@ret_end: where the next one begins
 * (0: there is none). false: @address is before all of them.
 */
bool sf_kallsyms_at(const struct sf_kallsyms *ks, uint64_t address, uint32_t *ret, uint64_t *ret_end);

#endif

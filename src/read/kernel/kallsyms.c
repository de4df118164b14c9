/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "kernel/kallsyms.h"

#define N_TOKENS 256
#define MARK_SHIFT 8 /* every 256th name is marked, by the kernel too */

/*
 * A name's hash is a polynomial of its characters modulo 2^64, so that it can be put together from tokens: appending a
 * token multiplies by `shift` and adds `hash`. With it all names are hashed without ever being spelled out.
 */
#define HASH_BASE 0x9e3779b97f4a7c15ull

struct token_hash {
	uint64_t hash, shift;
};

struct sf_kallsyms {
	uint32_t n;
	enum sf_kallsyms_encoding encoding;
	uint64_t base;       /* what the encoding counts from */
	void *memory;
	const uint8_t *names;
	size_t names_len;
	const uint8_t *offsets;
	uint8_t *tokens;
	const uint8_t *token_text[N_TOKENS];
	uint16_t token_len[N_TOKENS];
	uint32_t *marks;     /* where in `names` every 256th one begins */

	const uint8_t *by_name; /* the kernel's own order of names, or NULL: */
	uint32_t *head, *next; /* chains of a hash table, each in descending order. Numbers are the symbol's + 1 */
	unsigned int head_bits;
};

/* ---- names -------------------------------------------------------------------------------------- */

/* The length of the name at *@at, which moves to its first token. false: there is no whole name. */
static inline bool name_head(const uint8_t *names, size_t end, size_t *at, size_t *ret_len)
{
	size_t len = *at < end ? names[(*at)++] : 0;

	if (sf_unlikely(len & 0x80)) {
		if (*at >= end)
			return false;
		len = (len & 0x7f) | (size_t)names[(*at)++] << 7;
	}
	*ret_len = len;
	return len && len <= end - *at;
}

/* The length is 0 where the table is damaged. */
static const uint8_t *name_tokens(const struct sf_kallsyms *ks, uint32_t i, size_t *ret_len)
{
	size_t at = ks->marks[i >> MARK_SHIFT], len = 0;

	for (uint32_t n = i & ((1u << MARK_SHIFT) - 1);; n--) {
		if (!name_head(ks->names, ks->names_len, &at, &len)) {
			*ret_len = 0;
			return ks->names;
		}
		if (!n)
			break;
		at += len;
	}
	*ret_len = len;
	return ks->names + at;
}

/* Like strcmp() of symbol @i's name and @name, which has @len bytes. */
static int compare_name(const struct sf_kallsyms *ks, uint32_t i, const char *name, size_t len)
{
	size_t n, skip = 1; /* the type's character */
	const uint8_t *tokens = name_tokens(ks, i, &n);

	for (; n; n--, tokens++) {
		size_t token_len = ks->token_len[*tokens];
		size_t skipped = sf_min(skip, token_len);

		skip -= skipped;
		token_len -= skipped;

		int order = memcmp(ks->token_text[*tokens] + skipped, name, sf_min(token_len, len));

		if (order || token_len > len)
			return order ? order : 1;
		name += token_len;
		len -= token_len;
	}
	return len ? -1 : 0;
}

void sf_kallsyms_name(const struct sf_kallsyms *ks, uint32_t i, char *buf, size_t size, char *ret_type)
{
	size_t n, at = 0, skip = 1;
	const uint8_t *tokens = name_tokens(ks, i, &n);

	*ret_type = '?';
	for (; n && (skip || at + 1 < size); n--, tokens++) {
		const uint8_t *text = ks->token_text[*tokens];
		size_t len = ks->token_len[*tokens];

		if (skip && len) {
			*ret_type = *text++;
			len--;
			skip = 0;
		}
		len = sf_min(len, size ? size - 1 - at : 0);
		memcpy(buf + at, text, len);
		at += len;
	}
	if (size)
		buf[at] = '\0';
}

/* ---- name to symbol ----------------------------------------------------------------------------- */

static bool find_in_order(const struct sf_kallsyms *ks, const char *name, size_t len, uint32_t *ret)
{
	uint32_t lo = 0, hi = ks->n; /* the first name that is not before @name is in [lo, hi] */
	bool found = false;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const uint8_t *p = ks->by_name + 3ull * mid;
		uint32_t i = (uint32_t)p[0] << 16 | p[1] << 8 | p[2];
		int order = i < ks->n ? compare_name(ks, i, name, len) : 1;

		if (!order) {
			found = true;
			*ret = i;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return found;
}

static uint32_t bucket(const struct sf_kallsyms *ks, uint64_t hash)
{
	return (hash ^ hash >> 32) * 0xd6e8feb86659fd93ull >> (64 - ks->head_bits);
}

static struct token_hash hash_text(const uint8_t *text, size_t len)
{
	struct token_hash t = { .shift = 1 };

	for (size_t i = 0; i < len; i++) {
		t.hash = t.hash * HASH_BASE + text[i] + 1;
		t.shift *= HASH_BASE;
	}
	return t;
}

static bool find_by_hash(const struct sf_kallsyms *ks, const char *name, size_t len, uint32_t *ret)
{
	uint64_t hash = hash_text((const uint8_t *)name, len).hash;
	bool found = false;

	for (uint32_t i = ks->head[bucket(ks, hash)]; i; i = ks->next[i - 1]) {
		if (compare_name(ks, i - 1, name, len))
			continue;
		*ret = i - 1;
		found = true;
	}
	return found;
}

bool sf_kallsyms_find(const struct sf_kallsyms *ks, const char *name, uint32_t *ret)
{
	uint32_t i = 0;
	size_t len = strlen(name);

	if (!(ks->by_name ? find_in_order(ks, name, len, &i) : find_by_hash(ks, name, len, &i)))
		return false;
	*ret = i;
	return true;
}

static SF_CHECKED struct sf_error *build_hash(struct sf_kallsyms *ks)
{
	struct token_hash tokens[N_TOKENS], first[N_TOKENS];
	size_t at = 0, len;

	for (ks->head_bits = 4; 1u << ks->head_bits < ks->n; ks->head_bits++)
		;
	ks->next = malloc(ks->n * sizeof(uint32_t));
	ks->head = calloc(1ull << ks->head_bits, sizeof(uint32_t));
	if (!ks->next || !ks->head)
		return sf_error_nomem();
	for (size_t i = 0; i < N_TOKENS; i++) {
		/* As the first of a name, a token begins with the symbol's type. */
		size_t skip = ks->token_len[i] ? 1 : 0;

		tokens[i] = hash_text(ks->token_text[i], ks->token_len[i]);
		first[i] = hash_text(ks->token_text[i] + skip, ks->token_len[i] - skip);
	}
	for (uint32_t i = 0; i < ks->n && name_head(ks->names, ks->names_len, &at, &len); i++, at += len) {
		const uint8_t *p = ks->names + at;
		uint64_t hash = first[p[0]].hash;

		for (size_t k = 1; k < len; k++)
			hash = hash * tokens[p[k]].shift + tokens[p[k]].hash;

		uint32_t *head = &ks->head[bucket(ks, hash)];

		ks->next[i] = *head;
		*head = i + 1;
	}
	return NULL;
}

/* ---- checked once ------------------------------------------------------------------------------- */

static SF_CHECKED struct sf_error *load_tokens(struct sf_kallsyms *ks, const struct sf_kallsyms_tables *t)
{
	size_t len = sf_min(t->tokens_len, (size_t)SF_KALLSYMS_MAX_TOKENS_SIZE);

	ks->tokens = malloc(len ? len : 1);
	if (!ks->tokens)
		return sf_error_nomem();
	memcpy(ks->tokens, t->tokens, len);
	for (size_t i = 0; i < N_TOKENS; i++) {
		size_t at = sf_load16(t->token_index + 2 * i);
		const uint8_t *text = ks->tokens + at;
		const uint8_t *end = at < len ? memchr(text, '\0', len - at) : NULL;

		if (!end)
			return sf_error_new(SF_BAD_INPUT, "kallsyms token %zu at %zu of %zu bytes has no end", i, at,
					    len);
		ks->token_text[i] = text;
		ks->token_len[i] = end - text;
	}
	return NULL;
}

/*
 * kallsyms_markers, if that is what @bytes are: each must be behind the one before, and from the last of them the rest of
 * the names must end right before the markers begin.
 */
static bool use_markers(struct sf_kallsyms *ks, size_t start, size_t n)
{
	size_t at = 0, len;

	for (size_t i = 0; i < n; i++) {
		uint32_t mark = sf_load32(ks->names + start + 4 * i);

		if (i ? mark <= ks->marks[i - 1] : mark != 0)
			return false;
		ks->marks[i] = mark;
	}
	at = ks->marks[n - 1];
	for (uint32_t i = (n - 1) << MARK_SHIFT; i < ks->n; i++, at += len)
		if (!name_head(ks->names, start, &at, &len))
			return false;
	if (start - at >= 8)
		return false;
	ks->names_len = at;
	return true;
}

/* They end where `names` does, but for alignment. */
static bool find_markers(struct sf_kallsyms *ks)
{
	size_t n = ((ks->n - 1) >> MARK_SHIFT) + 1;

	for (size_t pad = 0; pad < 8; pad += 4)
		if (sf_in_range(pad, 4 * n, ks->names_len) && use_markers(ks, ks->names_len - 4 * n - pad, n))
			return true;
	return false;
}

static SF_CHECKED struct sf_error *mark_names(struct sf_kallsyms *ks)
{
	size_t at = 0, len = 0;

	ks->marks = malloc(((ks->n >> MARK_SHIFT) + 1) * sizeof(uint32_t));
	if (!ks->marks)
		return sf_error_nomem();
	if (find_markers(ks))
		return NULL;
	for (uint32_t i = 0; i < ks->n; i++, at += len) {
		if (!(i & ((1u << MARK_SHIFT) - 1)))
			ks->marks[i >> MARK_SHIFT] = at;
		if (!name_head(ks->names, ks->names_len, &at, &len))
			return sf_error_new(SF_BAD_INPUT,
					    "kallsyms name %" PRIu32 " of %" PRIu32 ": %zu tokens at %zu of %zu bytes",
					    i, ks->n, len, at, ks->names_len);
	}
	ks->names_len = at;
	return NULL;
}

static void set_encoding(struct sf_kallsyms *ks, const struct sf_kallsyms_tables *t, enum sf_kallsyms_encoding e)
{
	ks->encoding = e;
	ks->base = e == SF_KALLSYMS_PC_RELATIVE ? t->offsets_address : t->base;
}

static SF_CHECKED struct sf_error *choose_encoding(struct sf_kallsyms *ks, const struct sf_kallsyms_tables *t,
						   const struct sf_kallsyms_anchor *anchors, size_t n_anchors)
{
	size_t agree[SF_KALLSYMS_N_ENCODINGS] = { 0 };
	enum sf_kallsyms_encoding best = SF_KALLSYMS_RELATIVE;
	uint32_t first = 0, i;

	for (size_t k = 0; k < n_anchors; k++) {
		if (!sf_kallsyms_find(ks, anchors[k].name, &i))
			continue;
		if (!k)
			first = i;
		for (int e = 0; e < SF_KALLSYMS_N_ENCODINGS; e++) {
			set_encoding(ks, t, e);
			if ((t->has_base || e == SF_KALLSYMS_PC_RELATIVE) && (!k || agree[e]) &&
			    sf_kallsyms_address(ks, i) == anchors[k].address)
				agree[e]++;
		}
	}
	for (int e = 0; e < SF_KALLSYMS_N_ENCODINGS; e++)
		if (agree[e] > agree[best])
			best = e;
	if (!agree[best])
		return sf_error_new(SF_KERNEL,
				    "kallsyms: %s is 0x%" PRIx64 ", but its offset 0x%08" PRIx32
				    " gives that in none of the known encodings",
				    anchors[0].name, anchors[0].address, sf_load32(ks->offsets + 4ull * first));
	set_encoding(ks, t, best);
	return NULL;
}

static SF_CHECKED struct sf_error *load(struct sf_kallsyms *ks, const struct sf_kallsyms_tables *t,
					const struct sf_kallsyms_anchor *anchors, size_t n_anchors)
{
	uint32_t i;

	SF_TRY(load_tokens(ks, t));
	SF_TRY(mark_names(ks));
	if (!ks->by_name || !sf_kallsyms_find(ks, anchors[0].name, &i)) {
		ks->by_name = NULL;
		SF_TRY(build_hash(ks));
		if (!sf_kallsyms_find(ks, anchors[0].name, &i))
			return sf_error_new(SF_KERNEL, "kallsyms has no symbol %s among %" PRIu32, anchors[0].name,
					    ks->n);
	}
	return choose_encoding(ks, t, anchors, n_anchors);
}

struct sf_error *sf_kallsyms_new(const struct sf_kallsyms_tables *t, const struct sf_kallsyms_anchor *anchors,
				 size_t n_anchors, struct sf_kallsyms **ret)
{
	/* A name has at least its length and one token. */
	if (!t->n || t->n > SF_KALLSYMS_MAX_SYMBOLS || t->n > t->names_len / 2 || t->names_len > UINT32_MAX)
		return sf_error_new(SF_BAD_INPUT, "kallsyms of %" PRIu32 " symbols in %zu bytes of names", t->n,
				    t->names_len);
	if (!n_anchors)
		return sf_error_new(SF_USAGE, "kallsyms without a symbol to begin with");

	SF_OWNED(kallsyms) ks = calloc(1, sizeof(*ks));

	if (!ks)
		return sf_error_nomem();
	ks->n = t->n;
	ks->names = t->names;
	ks->names_len = t->names_len;
	ks->offsets = t->offsets;
	ks->by_name = t->by_name;

	SF_TRY(load(ks, t, anchors, n_anchors));
	ks->memory = t->memory;
	*ret = steal_ptr(&ks);
	return NULL;
}

void sf_kallsyms_free(struct sf_kallsyms *ks)
{
	if (!ks)
		return;
	free(ks->memory);
	free(ks->tokens);
	free(ks->marks);
	free(ks->head);
	free(ks->next);
	free(ks);
}

/* ---- questions ---------------------------------------------------------------------------------- */

const char *sf_kallsyms_encoding_name(enum sf_kallsyms_encoding encoding)
{
	switch (encoding) {
	case SF_KALLSYMS_RELATIVE:
		return "relative to a base";
	case SF_KALLSYMS_ABSOLUTE_PERCPU:
		return "relative to a base, per-CPU symbols absolute";
	case SF_KALLSYMS_PC_RELATIVE:
		return "relative to itself";
	case SF_KALLSYMS_N_ENCODINGS:
		break;
	}
	return "unknown";
}

uint32_t sf_kallsyms_n(const struct sf_kallsyms *ks)
{
	return ks->n;
}

enum sf_kallsyms_encoding sf_kallsyms_encoding(const struct sf_kallsyms *ks)
{
	return ks->encoding;
}

bool sf_kallsyms_has_order(const struct sf_kallsyms *ks)
{
	return ks->by_name;
}

size_t sf_kallsyms_names_len(const struct sf_kallsyms *ks)
{
	return ks->names_len;
}

uint64_t sf_kallsyms_address(const struct sf_kallsyms *ks, uint32_t i)
{
	uint32_t v = sf_load32(ks->offsets + 4ull * i);
	uint64_t extended = (int64_t)(int32_t)v;

	switch (ks->encoding) {
	case SF_KALLSYMS_ABSOLUTE_PERCPU:
		return (int32_t)v >= 0 ? v : ks->base - 1 - extended;
	case SF_KALLSYMS_PC_RELATIVE:
		return ks->base + 4ull * i + extended;
	default:
		return ks->base + v;
	}
}

/* The first symbol whose address is at least @address, or n. */
static uint32_t lower_bound(const struct sf_kallsyms *ks, uint64_t address)
{
	uint32_t lo = 0, hi = ks->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (sf_kallsyms_address(ks, mid) < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool sf_kallsyms_at(const struct sf_kallsyms *ks, uint64_t address, uint32_t *ret, uint64_t *ret_end)
{
	uint32_t beyond = address < UINT64_MAX ? lower_bound(ks, address + 1) : ks->n;

	if (!beyond)
		return false;
	*ret_end = beyond < ks->n ? sf_kallsyms_address(ks, beyond) : 0;
	/* Of aliases the first; in a damaged table, where order means nothing, at least one that exists. */
	uint32_t first = lower_bound(ks, sf_kallsyms_address(ks, beyond - 1));

	*ret = sf_min(first, beyond - 1);
	return true;
}

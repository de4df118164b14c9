/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BASE_TEXT_H
#define SF_BASE_TEXT_H

/*
 * Text that grows, and what UTF-8 is. The builder remembers that memory ran out and says so once,
 * at its end; it owns its bytes until sf_text_take().
 */

#include "base/util.h"

struct sf_text {
	char *v;
	size_t n, cap;
	bool failed;
};

void sf_text_put(struct sf_text *t, const char *text);
void sf_text_putn(struct sf_text *t, const char *text, size_t len);
void sf_text_putf(struct sf_text *t, const char *fmt, ...) sf_printf(2, 3);
/*
 * A name from somewhere else, safe on a terminal and in one line: control characters and bytes that
 * are not UTF-8 become \xHH, and after @max bytes there is an ellipsis.
 */
void sf_text_put_name(struct sf_text *t, const char *name, size_t max);
/*
 * Bytes of a guest as ASCII in one line: what is not printable becomes \xHH. Cut before what would not fit; four bytes for
 * each of @raw are enough. @size > 0.
 */
void sf_text_escape(const char *raw, char *out, size_t size);
/* NUL-terminated, free() it; NULL when memory ran out. Empties @t. */
char *sf_text_take(struct sf_text *t);

static inline void sf_text_cleanup(struct sf_text *t)
{
	free(t->v);
}
#define _cleanup_text_ _cleanup_(sf_text_cleanup)

/*
 * Length of the UTF-8 sequence at the start of @avail bytes; 0 when there is none: overlong forms,
 * surrogates, numbers above U+10FFFF and cut sequences are not UTF-8 (RFC 3629).
 */
static inline size_t sf_utf8_seq(const char *text, size_t avail)
{
	const uint8_t *p = (const uint8_t *)text;

	if (avail && p[0] < 0x80)
		return 1;
	if (avail < 2 || p[0] < 0xc2 || (p[1] & 0xc0) != 0x80)
		return 0;
	if (p[0] < 0xe0)
		return 2;
	if (avail < 3 || (p[2] & 0xc0) != 0x80)
		return 0;
	if (p[0] < 0xf0) {
		uint32_t c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6;

		return c < 0x800 || (c & 0xf800) == 0xd800 ? 0 : 3;
	}
	if (avail < 4 || (p[3] & 0xc0) != 0x80 || p[0] > 0xf4)
		return 0;
	uint32_t high = (p[0] & 7u) << 6 | (p[1] & 0x3fu);

	return high < 0x10 || high > 0x10f ? 0 : 4;
}

/*
 * 0x80 in the lowest byte of @x that is a control character, a quote, a backslash or not ASCII;
 * only that one counts.
 */
static inline uint64_t sf_text_special8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';

	return (x | (x - ones * 0x20) | (quote - ones) | (backslash - ones)) & high;
}

/*
 * The first byte in [@p, @end) that JSON cannot take as it is, or that is not ASCII; @end if none.
 */
static inline const char *sf_text_plain_end(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t special = sf_text_special8(sf_load64(p));

		if (special)
			return p + __builtin_ctzll(special) / 8;
		p += 8;
	}
	while (p < end && (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

#endif

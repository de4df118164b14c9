/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <stdarg.h>

static bool text_reserve(struct sf_text *t, size_t more)
{
	if (t->failed || more >= SIZE_MAX / 2 - t->n) {
		t->failed = true;
		return false;
	}
	size_t want = t->n + more + 1;

	if (want <= t->cap)
		return true;
	size_t cap = sf_max(want, t->cap * 2);
	cap = sf_max(cap, (size_t)128);
	char *v = realloc(t->v, cap);

	if (!v) {
		t->failed = true;
		return false;
	}
	t->v = v;
	t->cap = cap;
	return true;
}

void sf_text_putn(struct sf_text *t, const char *text, size_t len)
{
	if (!len || !text_reserve(t, len))
		return;
	memcpy(t->v + t->n, text, len);
	t->n += len;
}

void sf_text_put(struct sf_text *t, const char *text)
{
	sf_text_putn(t, text, strlen(text));
}

void sf_text_putf(struct sf_text *t, const char *fmt, ...)
{
	va_list ap;

	if (!text_reserve(t, 80))
		return;
	va_start(ap, fmt);
	int len = vsnprintf(t->v + t->n, t->cap - t->n, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len >= t->cap - t->n) {
		if (!text_reserve(t, (size_t)len))
			return;
		va_start(ap, fmt);
		len = vsnprintf(t->v + t->n, t->cap - t->n, fmt, ap);
		va_end(ap);
	}
	if (len < 0)
		t->failed = true;
	else
		t->n += (size_t)len;
}

/* C0, DEL and C1: what a terminal may act upon. */
static bool is_control(const char *p, size_t seq)
{
	uint8_t c = (uint8_t)p[0];

	return (seq == 1 && (c < 0x20 || c == 0x7f)) ||
	       (seq == 2 && c == 0xc2 && (uint8_t)p[1] < 0xa0);
}

void sf_text_put_name(struct sf_text *t, const char *name, size_t max)
{
	size_t left = strlen(name), used = 0;

	while (left) {
		size_t seq = sf_utf8_seq(name, left);
		bool plain = seq && !is_control(name, seq);
		size_t step = seq ? seq : 1, width = plain ? step : 4 * step;

		if (used + width > max) {
			sf_text_put(t, "…");
			return;
		}
		if (plain)
			sf_text_putn(t, name, step);
		else
			for (size_t i = 0; i < step; i++)
				sf_text_putf(t, "\\x%02x", (uint8_t)name[i]);
		used += width;
		name += step;
		left -= step;
	}
}

char *sf_text_take(struct sf_text *t)
{
	if (text_reserve(t, 0))
		t->v[t->n] = '\0';
	char *v = t->failed ? NULL : steal_ptr(&t->v);

	free(t->v);
	*t = (struct sf_text){ 0 };
	return v;
}

void sf_text_escape(const char *raw, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *raw; raw++) {
		uint8_t c = (uint8_t)*raw;
		bool plain = c >= 0x20 && c < 0x7f;

		if (n + (plain ? 1 : 4) >= size)
			break;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		memcpy(out + n, (const char[]){ '\\', 'x', hex[c >> 4], hex[c & 15] }, 4);
		n += 4;
	}
	out[n] = '\0';
}

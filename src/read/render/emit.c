/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>

#include "emit.h"

#define NAME_MAX_BYTES 256

void sf_emit_init(struct sf_emit *e, const struct sf_render_options *opt, sf_render_sink *sink, void *arg)
{
	*e = (struct sf_emit){ .sink = sink, .arg = arg };
	sf_walk_init(&e->w, opt);
	sf_emit_begin(e);
}

static void flush(struct sf_emit *e)
{
	if (e->n && !e->failed)
		e->failed = !e->sink(e->arg, e->buf, e->n);
	e->n = 0;
}

bool sf_emit_finish(struct sf_emit *e)
{
	flush(e);
	return !e->failed;
}

void sf_putn(struct sf_emit *e, const char *text, size_t len)
{
	if (!sf_emit_on(e))
		return;
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			e->col = text[i] == '\n' ? 0 : e->col + 1;
	if (e->measuring) {
		e->over = e->col > e->limit;
		return;
	}
	while (len && !e->failed) {
		size_t n = sf_min(len, sizeof(e->buf) - e->n);

		memcpy(e->buf + e->n, text, n);
		e->n += n;
		text += n;
		len -= n;
		if (e->n == sizeof(e->buf))
			flush(e);
	}
}

void sf_puts(struct sf_emit *e, const char *text)
{
	sf_putn(e, text, strlen(text));
}

void sf_putf(struct sf_emit *e, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	va_end(ap);
	if (n > 0)
		sf_putn(e, text, sf_min((size_t)n, sizeof(text) - 1));
}

void sf_put_spaces(struct sf_emit *e, size_t n)
{
	static const char spaces[] = "                                ";

	for (; n && sf_emit_on(e); n -= sf_min(n, sizeof(spaces) - 1))
		sf_putn(e, spaces, sf_min(n, sizeof(spaces) - 1));
}

void sf_put_line(struct sf_emit *e, unsigned int indent)
{
	if (e->measuring) {
		e->over = true;
		return;
	}
	sf_putn(e, "\n", 1);
	sf_put_spaces(e, 2 * (size_t)indent);
}

static uint32_t columns_of(const char *text, size_t len)
{
	uint32_t ret = 0;

	for (size_t i = 0; i < len; i++)
		ret += ((unsigned char)text[i] & 0xc0) != 0x80;
	return ret;
}

void sf_put_words(struct sf_emit *e, const char *text, size_t len, unsigned int indent)
{
	const char *end = text + len;

	while (text < end && sf_emit_on(e)) {
		const char *space = memchr(text + 1, ' ', (size_t)(end - text - 1));
		size_t n = (size_t)((space ? space : end) - text);

		if (*text == ' ' && e->col > 2 * indent && !e->measuring &&
		    (uint64_t)e->col + columns_of(text, n) > e->w.opt.width) {
			sf_put_line(e, indent);
			sf_putn(e, text + 1, n - 1);
		} else {
			sf_putn(e, text, n);
		}
		text += n;
	}
}

/* Control characters of either set, what has no width, and what breaks the line or turns the direction of writing around. */
static bool is_unsafe(const uint8_t *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len != 3 || p[0] != 0xe2)
		return false;
	return p[1] == 0x80 ? (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae) : p[1] == 0x81 && p[2] >= 0xa0;
}

void sf_put_name(struct sf_emit *e, const char *text)
{
	size_t len = strnlen(text, NAME_MAX_BYTES + 1), at = 0;
	bool cut = len > NAME_MAX_BYTES;

	while (at < len && at < NAME_MAX_BYTES) {
		const uint8_t *p = (const uint8_t *)text + at;
		size_t plain = 0, seq = sf_utf8_seq(text + at, len - at);

		while (at + plain < len && p[plain] >= 0x20 && p[plain] < 0x7f)
			plain++;
		if (plain) {
			sf_putn(e, text + at, plain);
			at += plain;
		} else if (seq && !is_unsafe(p, seq)) {
			sf_putn(e, text + at, seq);
			at += seq;
		} else {
			sf_putf(e, "\\x%02x", *p);
			at++;
		}
	}
	if (cut)
		sf_puts(e, "…");
}

void sf_put_quoted(struct sf_emit *e, uint8_t c)
{
	static const char escapes[] = { ['\n'] = 'n', ['\t'] = 't', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\' };
	char text[2] = { '\\', 0 };

	if (c < sizeof(escapes) && escapes[c]) {
		text[1] = escapes[c];
		sf_putn(e, text, 2);
	} else if (c >= 0x20 && c < 0x7f) {
		text[0] = (char)c;
		sf_putn(e, text, 1);
	} else {
		sf_putf(e, "\\x%02x", c);
	}
}

/* The shortest decimal that reads back as the same number. */
static void put_float(struct sf_emit *e, const struct sf_scalar *s)
{
	char text[64];

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, s->f64);
		if (s->bits == 32 ? strtof(text, NULL) == (float)s->f64 : strtod(text, NULL) == s->f64)
			break;
	}
	sf_puts(e, text);
}

static void put_enum(struct sf_emit *e, const struct sf_scalar *s)
{
	if (s->variant) {
		sf_put_name(e, s->variant);
		sf_puts(e, " (");
	}
	if (s->is_signed)
		sf_putf(e, "%" PRId64, s->i64);
	else
		sf_putf(e, "%" PRIu64, (uint64_t)s->i64);
	if (s->variant)
		sf_puts(e, ")");
}

void sf_put_scalar(struct sf_emit *e, const struct sf_scalar *s)
{
	switch (s->kind) {
	case SF_INT:
		sf_putf(e, "%" PRId64, s->i64);
		break;
	case SF_UINT:
		sf_putf(e, "%" PRIu64, s->u64);
		break;
	case SF_BOOL:
		sf_puts(e, s->u64 ? "true" : "false");
		break;
	case SF_CHAR:
		if (s->u64 >= 0x20 && s->u64 < 0x7f)
			sf_putf(e, "'%c'", (int)s->u64);
		else
			sf_putf(e, "0x%02" PRIx64, s->u64);
		break;
	case SF_FLOAT:
		put_float(e, s);
		break;
	case SF_ENUM:
		put_enum(e, s);
		break;
	default:
		sf_putf(e, "0x%" PRIx64, s->u64);
	}
}

void sf_put_trouble(struct sf_emit *e, const struct sf_trouble *why)
{
	sf_putf(e, "<%s: 0x%" PRIx64 ">", sf_fault_text(why->fault), why->addr);
}

void sf_put_duration(struct sf_emit *e, uint64_t ns)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "µs" } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t unit = units[i].unit;

		if (ns < unit)
			continue;
		if (ns < 100 * unit)
			sf_putf(e, "%" PRIu64 ".%" PRIu64 " %s", ns / unit, ns % unit * 10 / unit, units[i].name);
		else
			sf_putf(e, "%" PRIu64 " %s", ns / unit, units[i].name);
		return;
	}
	sf_putf(e, "%" PRIu64 " ns", ns);
}

/* ---- measuring ---------------------------------------------------------------------------------------------- */

struct sf_measured sf_measure_begin(struct sf_emit *e, uint32_t limit)
{
	struct sf_measured m = {
		.col = e->col, .limit = e->limit, .left = e->w.left, .measuring = e->measuring, .over = e->over,
	};

	e->measuring = true;
	e->over = e->failed;
	e->limit = limit;
	return m;
}

uint32_t sf_measure_end(struct sf_emit *e, const struct sf_measured *m)
{
	uint32_t ret = e->over ? UINT32_MAX : e->col - m->col;

	e->measuring = m->measuring;
	e->over = m->over;
	e->limit = m->limit;
	e->col = m->col;
	if (m->left && !e->w.left)
		e->w.left = 1; /* what was said while measuring is still to be said */
	return ret;
}

uint32_t sf_measure(struct sf_emit *e, void (*put)(struct sf_emit *e, const struct sf_node *n), const struct sf_node *n)
{
	struct sf_measured m = sf_measure_begin(e, e->w.opt.width);

	put(e, n);
	return sf_measure_end(e, &m);
}

uint32_t sf_name_width(struct sf_emit *e, const char *name)
{
	struct sf_measured m = sf_measure_begin(e, UINT32_MAX);

	sf_put_name(e, name);
	return sf_measure_end(e, &m);
}

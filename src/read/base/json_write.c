/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <math.h>

#include "base/text.h"

/* Room that every short token fits into at once: punctuation, a number, an escape. */
#define TOKEN_MAX SF_JSON_NUMBER

static const char digit_pairs[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

static bool bit_get(const uint8_t *bits, uint32_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

static void bit_set(uint8_t *bits, uint32_t i, bool on)
{
	bits[i / 8] = (uint8_t)((bits[i / 8] & ~(1u << (i % 8))) | (unsigned int)on << (i % 8));
}

static bool flush(struct sf_json_writer *w)
{
	if (w->n && !w->failed)
		w->failed = !w->sink(w->arg, w->buf, w->n);
	w->n = 0;
	return !w->failed;
}

static void put(struct sf_json_writer *w, const char *text, size_t len)
{
	if (len > sizeof(w->buf) - w->n) {
		if (!flush(w))
			return;
		if (len >= sizeof(w->buf) / 2) {
			w->failed = !w->sink(w->arg, text, len);
			return;
		}
	}
	memcpy(w->buf + w->n, text, len);
	w->n += len;
}

/*
 * Where the next token goes; the caller adds to `n` what it wrote there, TOKEN_MAX bytes at most.
 */
static char *token(struct sf_json_writer *w)
{
	if (sizeof(w->buf) - w->n < TOKEN_MAX)
		flush(w);
	return w->buf + w->n;
}

static void put_char(struct sf_json_writer *w, char c)
{
	*token(w) = c;
	w->n++;
}

static void new_line(struct sf_json_writer *w)
{
	static const char spaces[] =
		"                                                                ";
	size_t left = 2 * (size_t)w->depth;

	put_char(w, '\n');
	while (left) {
		size_t n = sf_min(left, sizeof(spaces) - 1);

		put(w, spaces, n);
		left -= n;
	}
}

/* What comes before a value or a key: the comma and the line break. */
static void separate(struct sf_json_writer *w)
{
	uint32_t level = w->depth - 1;

	if (bit_get(w->has_member, level))
		put_char(w, ',');
	else
		bit_set(w->has_member, level, true);
	if (w->pretty)
		new_line(w);
}

/* False where no value may stand. */
static bool begin_value(struct sf_json_writer *w)
{
	if (w->failed)
		return false;
	if (w->after_key) {
		w->after_key = false;
	} else if (!w->depth) {
		w->failed = w->has_root;
		w->has_root = true;
	} else if (bit_get(w->is_object, w->depth - 1)) {
		w->failed = true;
	} else {
		separate(w);
	}
	return !w->failed;
}

static void begin(struct sf_json_writer *w, bool object)
{
	if (!begin_value(w))
		return;
	if (w->depth == SF_JSON_DEPTH) {
		w->failed = true;
		return;
	}
	bit_set(w->has_member, w->depth, false);
	bit_set(w->is_object, w->depth, object);
	w->depth++;
	put_char(w, object ? '{' : '[');
}

static void end(struct sf_json_writer *w, bool object)
{
	if (w->failed || !w->depth || w->after_key ||
	    bit_get(w->is_object, w->depth - 1) != object) {
		w->failed = true;
		return;
	}
	w->depth--;
	if (w->pretty && bit_get(w->has_member, w->depth))
		new_line(w);
	put_char(w, object ? '}' : ']');
}

void sf_json_writer_init(struct sf_json_writer *w, sf_json_sink *sink, void *arg, bool pretty)
{
	/* The buffer and the bits of levels that are not open need no value. */
	memset(w, 0, offsetof(struct sf_json_writer, has_member));
	w->n = 0;
	w->sink = sink;
	w->arg = arg;
	w->pretty = pretty;
}

bool sf_json_writer_finish(struct sf_json_writer *w)
{
	return flush(w) && w->has_root && !w->depth && !w->after_key && !w->in_str;
}

void sf_json_begin_object(struct sf_json_writer *w)
{
	begin(w, true);
}

void sf_json_end_object(struct sf_json_writer *w)
{
	end(w, true);
}

void sf_json_begin_array(struct sf_json_writer *w)
{
	begin(w, false);
}

void sf_json_end_array(struct sf_json_writer *w)
{
	end(w, false);
}

/* ---- strings ---- */

static void put_escape(struct sf_json_writer *w, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	static const char short_forms[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
	};
	char *out = token(w);

	out[0] = '\\';
	if (c == '"' || c == '\\' || (c < 0x20 && short_forms[c])) {
		out[1] = c < 0x20 ? short_forms[c] : (char)c;
		w->n += 2;
	} else if (c < 0x20) {
		memcpy(out + 1, "u00", 3);
		out[4] = digits[c >> 4];
		out[5] = digits[c & 15];
		w->n += 6;
	} else { /* a byte that is not UTF-8: a backslash, escaped, and its value */
		out[1] = '\\';
		out[2] = 'x';
		out[3] = digits[c >> 4];
		out[4] = digits[c & 15];
		w->n += 5;
	}
}

static void put_text(struct sf_json_writer *w, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *run = text;

	while (p < end) {
		p = sf_text_plain_end(p, end);
		if (p == end)
			break;
		size_t seq = (uint8_t)*p < 0x80 ? 0 : sf_utf8_seq(p, (size_t)(end - p));

		if (seq) {
			p += seq;
			continue;
		}
		put(w, run, (size_t)(p - run));
		put_escape(w, (uint8_t)*p++);
		run = p;
	}
	if (p > run)
		put(w, run, (size_t)(p - run));
}

static void put_string(struct sf_json_writer *w, const char *text, size_t len)
{
	put_char(w, '"');
	put_text(w, text, len);
	put_char(w, '"');
}

void sf_json_begin_str(struct sf_json_writer *w)
{
	w->in_str = true;
	w->str_begun = false;
	if (begin_value(w))
		put_char(w, '"');
}

void sf_json_str_text(struct sf_json_writer *w, const char *text, size_t len)
{
	if (!w->failed)
		put_text(w, text, len);
}

/* All bytes from @h: 16 at a time. */
#define HEX16(h) h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char hex_pairs[] =
	HEX16("0") HEX16("1") HEX16("2") HEX16("3") HEX16("4") HEX16("5") HEX16("6") HEX16("7")
	HEX16("8") HEX16("9") HEX16("a") HEX16("b") HEX16("c") HEX16("d") HEX16("e") HEX16("f");

void sf_json_str_hex(struct sf_json_writer *w, const void *bytes, size_t n)
{
	const uint8_t *raw = bytes;

	/* Each with the blank before it: only the very first has none. */
	for (size_t i = 0; i < n && sf_json_room(w, SF_JSON_ROOM);) {
		size_t end = sf_min(n, i + SF_JSON_ROOM / 3);
		char *out = w->buf + w->n;

		if (!w->str_begun) {
			memcpy(out, raw ? hex_pairs + 2 * raw[i] : "??", 2);
			out += 2;
			i++;
			w->str_begun = true;
		}
		for (; i < end; i++, out += 3) {
			out[0] = ' ';
			memcpy(out + 1, raw ? hex_pairs + 2 * raw[i] : "??", 2);
		}
		w->n = (size_t)(out - w->buf);
	}
}

void sf_json_end_str(struct sf_json_writer *w)
{
	w->in_str = false;
	if (!w->failed)
		put_char(w, '"');
}

void sf_json_keyn(struct sf_json_writer *w, const char *key, size_t len)
{
	if (w->failed || !w->depth || w->after_key || !bit_get(w->is_object, w->depth - 1)) {
		w->failed = true;
		return;
	}
	separate(w);
	put_string(w, key, len);
	put(w, ": ", w->pretty ? 2 : 1);
	w->after_key = true;
}

void sf_json_key(struct sf_json_writer *w, const char *key)
{
	sf_json_keyn(w, key, strlen(key));
}

void sf_json_strn(struct sf_json_writer *w, const char *text, size_t len)
{
	if (begin_value(w))
		put_string(w, text, len);
}

void sf_json_str(struct sf_json_writer *w, const char *text)
{
	if (text)
		sf_json_strn(w, text, strlen(text));
	else
		sf_json_null(w);
}

void sf_json_strf(struct sf_json_writer *w, const char *fmt, ...)
{
	char inline_text[256];
	_cleanup_free_ char *long_text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(inline_text, sizeof(inline_text), fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len >= sizeof(inline_text)) {
		va_start(ap, fmt);
		len = vasprintf(&long_text, fmt, ap);
		va_end(ap);
		if (len < 0)
			long_text = NULL;
	}
	if (len < 0)
		w->failed = true;
	else
		sf_json_strn(w, long_text ? long_text : inline_text, (size_t)len);
}

/* ---- everything else ---- */

static unsigned int count_digits(uint64_t v)
{
	static const uint64_t powers[] = {
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
		1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
		1000000000000000000, 10000000000000000000u,
	};
	/* log10(2) = 1233 / 4096, and a little */
	unsigned int n = (unsigned int)(64 - __builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= powers[n]);
}

char *sf_json_text_u64(char *to, uint64_t v)
{
	char *end, *p;

	if (v < 10) {
		*to = (char)('0' + v);
		return to + 1;
	}
	p = end = to + count_digits(v);
	for (; v >= 100; v /= 100) {
		p -= 2;
		memcpy(p, digit_pairs + 2 * (v % 100), 2);
	}
	if (v >= 10)
		memcpy(p - 2, digit_pairs + 2 * v, 2);
	else
		p[-1] = (char)('0' + v);
	return end;
}

char *sf_json_text_i64(char *to, int64_t v)
{
	if (v < 0)
		*to++ = '-';
	return sf_json_text_u64(to, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void sf_json_u64(struct sf_json_writer *w, uint64_t v)
{
	if (begin_value(w))
		w->n = (size_t)(sf_json_text_u64(token(w), v) - w->buf);
}

void sf_json_i64(struct sf_json_writer *w, int64_t v)
{
	if (begin_value(w))
		w->n = (size_t)(sf_json_text_i64(token(w), v) - w->buf);
}

/*
 * A real with few decimals, v = k / 10^n with k < 2^53 and n <= 6: both are exact doubles and
 * division rounds once, as does a reader of the decimal text, so equality here is equality there.
 */
static char *short_real(char *to, double v)
{
	static const double powers[] = { 10, 100, 1e3, 1e4, 1e5, 1e6 };
	double size = fabs(v);

	if (!(size < 1e9 && (size >= 1e-4 || size == 0)))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(powers); i++) {
		uint64_t k = (uint64_t)(size * powers[i] + 0.5), part;

		if ((double)k / powers[i] != size)
			continue;
		if (signbit(v))
			*to++ = '-';
		to = sf_json_text_u64(to, k / (uint64_t)powers[i]);
		*to++ = '.';
		part = k % (uint64_t)powers[i];
		for (size_t j = i + 1; j-- > 0; part /= 10)
			to[j] = (char)('0' + part % 10);
		return to + i + 1;
	}
	return NULL;
}

char *sf_json_text_f64(char *to, double v)
{
	char text[SF_JSON_NUMBER], *out = to, *end;
	bool is_real = false;

	if (!isfinite(v)) {
		memcpy(to, "null", 4);
		return to + 4;
	}
	end = short_real(to, v);
	if (end)
		return end;
	/*
	 * Printed and read back in the same locale, whichever it is; its decimal point is replaced
	 * below.
	 */
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	for (const char *p = text; *p; p++) {
		if ((*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == 'e') {
			is_real |= *p == 'e';
			*to++ = *p;
		} else if (to == out ||
			   to[-1] != '.') { /* a decimal point may have several bytes */
			is_real = true;
			*to++ = '.';
		}
	}
	if (!is_real) {
		memcpy(to, ".0", 2);
		to += 2;
	}
	return to;
}

void sf_json_f64(struct sf_json_writer *w, double v)
{
	if (begin_value(w))
		w->n = (size_t)(sf_json_text_f64(token(w), v) - w->buf);
}

void sf_json_bool(struct sf_json_writer *w, bool v)
{
	if (begin_value(w))
		put(w, v ? "true" : "false", v ? 4 : 5);
}

void sf_json_null(struct sf_json_writer *w)
{
	if (begin_value(w))
		put(w, "null", 4);
}

void sf_json_raw(struct sf_json_writer *w, const char *json, size_t len)
{
	if (begin_value(w))
		put(w, json, len);
}

bool sf_json_open(struct sf_json_writer *w)
{
	return begin_value(w);
}

bool sf_json_room(struct sf_json_writer *w, size_t n)
{
	if (sizeof(w->buf) - w->n < n)
		flush(w);
	return !w->failed;
}

static void put_scalar(struct sf_json_writer *w, const struct sf_json_node *node)
{
	switch (node->type) {
	case SF_JSON_NULL:
		sf_json_null(w);
		break;
	case SF_JSON_BOOL:
		sf_json_bool(w, node->value.boolean);
		break;
	case SF_JSON_UINT:
		sf_json_u64(w, node->value.u64);
		break;
	case SF_JSON_INT:
		sf_json_i64(w, node->value.i64);
		break;
	case SF_JSON_REAL:
		sf_json_f64(w, node->value.f64);
		break;
	case SF_JSON_STRING:
		sf_json_strn(w, node->value.str, node->str_len);
		break;
	case SF_JSON_ARRAY:
	case SF_JSON_OBJECT:
		begin(w, node->type == SF_JSON_OBJECT);
		break;
	}
}

void sf_json_node(struct sf_json_writer *w, const struct sf_json_node *node)
{
	const struct sf_json_node *open[SF_JSON_DEPTH];
	size_t depth = 0;

	for (;;) {
		put_scalar(w, node);
		if (w->failed)
			return;
		bool container = node->type == SF_JSON_ARRAY || node->type == SF_JSON_OBJECT;
		const struct sf_json_node *next = NULL;

		if (container) {
			open[depth++] = node;
			next = node->value.first;
		} else if (depth) {
			next = node->next;
		}
		while (!next && depth) {
			node = open[--depth];
			end(w, node->type == SF_JSON_OBJECT);
			next = depth ? node->next : NULL;
		}
		if (!next)
			return;
		node = next;
		if (open[depth - 1]->type == SF_JSON_OBJECT)
			sf_json_keyn(w, node->key, node->key_len);
	}
}

/* ---- sinks ---- */

bool sf_json_buffer_sink(void *buffer, const char *text, size_t len)
{
	struct sf_json_buffer *b = buffer;

	if (len >= SIZE_MAX / 4 - b->len)
		return false;
	if (b->len + len + 1 > b->cap) {
		size_t cap = sf_max(b->len + len + 1, b->cap * 2);
		char *grown = realloc(b->text, cap);

		if (!grown)
			return false;
		b->text = grown;
		b->cap = cap;
	}
	memcpy(b->text + b->len, text, len);
	b->len += len;
	b->text[b->len] = '\0';
	return true;
}

bool sf_json_file_sink(void *file, const char *text, size_t len)
{
	return fwrite(text, 1, len, file) == len;
}

/* ---- members ---------------------------------------------------------------------------------- */

void sf_json_put_str(struct sf_json_writer *w, const char *key, const char *text)
{
	sf_json_key(w, key);
	sf_json_str(w, text);
}

void sf_json_put_u64(struct sf_json_writer *w, const char *key, uint64_t v)
{
	sf_json_key(w, key);
	sf_json_u64(w, v);
}

void sf_json_put_bool(struct sf_json_writer *w, const char *key, bool v)
{
	sf_json_key(w, key);
	sf_json_bool(w, v);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <locale.h>
#include <math.h>

#include "base/text.h"

/*
 * The document keeps one copy of the text. Strings are decoded where they stand, which never takes
 * more room than their source, and end in a NUL where their closing quote was. Nodes come from
 * chunks. Nesting is a stack of its own.
 */

struct node_chunk {
	struct node_chunk *next;
	size_t n, size;
	struct sf_json_node nodes[];
};

struct sf_json {
	struct node_chunk *chunks;
	const struct sf_json_node *root;
	char text[];
};

struct level {
	struct sf_json_node *node, *last;
};

struct parser {
	struct sf_json *doc;
	const char *source; /* as given, for line and column */
	char *p, *end;	    /* in doc->text; *end is NUL */
	locale_t c_locale;
	uint32_t depth;
	struct level levels[SF_JSON_DEPTH];
};

#define CHUNK_FIRST 16
#define CHUNK_MAX 4096

static sf_printf(3, 4) struct sf_error *bad(const struct parser *s, const char *at, const char *fmt,
					    ...)
{
	size_t offset = (size_t)(at - s->doc->text), line = 1, column = 1;
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < offset; i++) {
		column += ((uint8_t)s->source[i] & 0xc0) != 0x80;
		if (s->source[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return sf_error_new(SF_BAD_INPUT, "JSON, line %zu, column %zu: %s", line, column, what);
}

/* "@wanted, not WHAT IS THERE". */
static struct sf_error *unexpected(const struct parser *s, const char *wanted)
{
	uint8_t c = (uint8_t)*s->p;

	if (s->p >= s->end)
		return bad(s, s->p, "%s, not the end of the text", wanted);
	if (c > 0x20 && c < 0x7f)
		return bad(s, s->p, "%s, not '%c'", wanted, c);
	size_t seq = sf_utf8_seq(s->p, (size_t)(s->end - s->p));

	if (c >= 0xa0 && seq)
		return bad(s, s->p, "%s, not '%.*s'", wanted, (int)seq, s->p);
	return bad(s, s->p, "%s, not byte 0x%02x", wanted, c);
}

static struct sf_json_node *new_node(struct sf_json *doc)
{
	struct node_chunk *c = doc->chunks;

	if (!c || c->n == c->size) {
		size_t size = c ? sf_min(c->size * 2, (size_t)CHUNK_MAX) : CHUNK_FIRST;

		c = malloc(sizeof(*c) + size * sizeof(c->nodes[0]));
		if (!c)
			return NULL;
		c->next = doc->chunks;
		c->n = 0;
		c->size = size;
		doc->chunks = c;
	}
	struct sf_json_node *node = &c->nodes[c->n++];

	*node = (struct sf_json_node){ 0 };
	return node;
}

static void skip_space(struct parser *s)
{
	while (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r')
		s->p++;
}

/* ---- strings ---- */

static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9' ? c - '0' :
			    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			    c >= 'A' && c <= 'F' ? c - 'A' + 10 :
						   -1;

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/*
 * \uXXXX and pairs of them, from the backslash at s->p. The text ends in a NUL, which is no hex
 * digit.
 */
static struct sf_error *read_unicode(struct parser *s, char **out)
{
	char *at = s->p;
	int unit = hex4(s->p + 2);

	if (unit < 0)
		return bad(s, at, "\\u needs four hexadecimal digits");
	s->p += 6;
	uint32_t c = (uint32_t)unit;

	if (c >= 0xdc00 && c <= 0xdfff)
		return bad(s, at, "\\u%04x is the second half of a surrogate pair, without its first",
			   c);
	if (c >= 0xd800 && c <= 0xdbff) {
		int low = s->p[0] == '\\' && s->p[1] == 'u' ? hex4(s->p + 2) : -1;

		if (low < 0xdc00 || low > 0xdfff)
			return bad(s, at, "\\u%04x is the first half of a surrogate pair, without "
					  "its second", c);
		s->p += 6;
		c = 0x10000 + ((c & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
	}
	*out = put_utf8(*out, c);
	return NULL;
}

static struct sf_error *read_escape(struct parser *s, char **out)
{
	char c = s->p[1];

	switch (c) {
	case '"':
	case '\\':
	case '/':
		break;
	case 'b':
		c = '\b';
		break;
	case 'f':
		c = '\f';
		break;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	case 'u':
		return read_unicode(s, out);
	default:
		return bad(s, s->p, "unknown escape in a string: after a backslash comes one of "
				    "\"\\/bfnrtu");
	}
	*(*out)++ = c;
	s->p += 2;
	return NULL;
}

/* From the opening quote at s->p; leaves s->p after the closing one. */
static struct sf_error *read_string(struct parser *s, const char **ret, uint32_t *ret_len)
{
	char *open = s->p++, *start = s->p, *out = start;

	for (;;) {
		char *run = s->p;

		s->p += sf_text_plain_end(run, s->end) - run;
		if (out != run)
			memmove(out, run, (size_t)(s->p - run));
		out += s->p - run;
		uint8_t c = (uint8_t)*s->p;

		if (s->p == s->end)
			return bad(s, open, "the string that begins here has no end");
		if (c == '"')
			break;
		if (c == '\\') {
			SF_TRY(read_escape(s, &out));
			continue;
		}
		if (c < 0x20)
			return bad(s, s->p, "control character 0x%02x in a string", c);
		size_t seq = sf_utf8_seq(s->p, (size_t)(s->end - s->p));

		if (!seq)
			return bad(s, s->p, "byte 0x%02x in a string is not UTF-8", c);
		memmove(out, s->p, seq);
		out += seq;
		s->p += seq;
	}
	s->p++;
	*out = '\0';
	*ret = start;
	*ret_len = (uint32_t)(out - start);
	return NULL;
}

/* ---- numbers ---- */

struct number {
	char *start;
	bool negative, integer;
	uint64_t mantissa; /* all digits, those of the fraction too */
	int scale;	   /* value = mantissa * 10^scale */
	bool overflow;	   /* one of the two did not fit */
};

#define EXPONENT_MAX 100000

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void read_digits(struct parser *s, struct number *n)
{
	for (; is_digit(*s->p); s->p++)
		if (!n->overflow &&
		    (__builtin_mul_overflow(n->mantissa, 10u, &n->mantissa) ||
		     __builtin_add_overflow(n->mantissa, (uint64_t)(*s->p - '0'), &n->mantissa)))
			n->overflow = true;
}

static struct sf_error *read_exponent(struct parser *s, struct number *n)
{
	bool negative = s->p[1] == '-';
	int exponent = 0;

	s->p += 1 + (s->p[1] == '-' || s->p[1] == '+');
	if (!is_digit(*s->p))
		return unexpected(s, "expected a digit in the exponent of a number");
	for (; is_digit(*s->p); s->p++)
		exponent = sf_min(exponent * 10 + (*s->p - '0'), EXPONENT_MAX);
	n->overflow |= exponent == EXPONENT_MAX;
	n->scale += negative ? -exponent : exponent;
	return NULL;
}

static struct sf_error *scan_number(struct parser *s, struct number *n)
{
	n->start = s->p;
	n->integer = true;
	if (*s->p == '-') {
		n->negative = true;
		s->p++;
	}
	if (!is_digit(*s->p))
		return unexpected(s, "expected a digit after '-'");
	if (s->p[0] == '0' && is_digit(s->p[1]))
		return bad(s, n->start, "a number with a leading zero");
	read_digits(s, n);
	if (*s->p == '.') {
		char *fraction = ++s->p;

		n->integer = false;
		if (!is_digit(*s->p))
			return unexpected(s, "expected a digit after the decimal point");
		read_digits(s, n);
		n->overflow |= s->p - fraction >= EXPONENT_MAX;
		n->scale = -(int)sf_min(s->p - fraction, (ptrdiff_t)EXPONENT_MAX);
	}
	if (*s->p == 'e' || *s->p == 'E') {
		n->integer = false;
		SF_TRY(read_exponent(s, n));
	}
	return NULL;
}

/* Whatever the program's locale calls a decimal point: JSON has the C locale's. */
static double real_of_text(struct parser *s, const struct number *n)
{
	char *after = s->p, saved = *after;

	if (!s->c_locale)
		s->c_locale = newlocale(LC_ALL_MASK, "C", NULL);
	*after = '\0';
	double v = s->c_locale ? strtod_l(n->start, NULL, s->c_locale) : NAN;

	*after = saved;
	return v;
}

static struct sf_error *read_number(struct parser *s, struct sf_json_node *node)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,	 1e4,  1e5,  1e6,  1e7,
					 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	struct number n = { 0 };

	SF_TRY(scan_number(s, &n));
	if (n.integer && !n.overflow && (!n.negative || n.mantissa <= 1ull << 63)) {
		bool below_zero = n.negative && n.mantissa;

		node->type = below_zero ? SF_JSON_INT : SF_JSON_UINT;
		node->value.u64 = below_zero ? 0 - n.mantissa : n.mantissa;
		return NULL;
	}
	node->type = SF_JSON_REAL;
	/*
	 * Mantissa and power are exact doubles, so that one operation rounds once and the result is
	 * the nearest one.
	 */
	if (!n.overflow && n.mantissa <= 1ull << 53 && n.scale >= -22 && n.scale <= 22) {
		double v = n.scale < 0 ? (double)n.mantissa / powers[-n.scale] :
					 (double)n.mantissa * powers[n.scale];

		node->value.f64 = n.negative ? -v : v;
		return NULL;
	}
	node->value.f64 = real_of_text(s, &n);
	if (isnan(node->value.f64))
		return sf_error_nomem();
	if (isinf(node->value.f64))
		return bad(s, n.start, "the number is too large for a real");
	return NULL;
}

/* ---- structure ---- */

static bool take_word(struct parser *s, const char *word, size_t len)
{
	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return false;
	s->p += len;
	return true;
}

/* Any value; of an array or object just its opening. */
static struct sf_error *read_value(struct parser *s, struct sf_json_node *node)
{
	static const char *const not_json[] = { "NaN",	"Infinity", "-Infinity", "undefined",
						"True", "False",    "None" };

	switch (*s->p) {
	case '{':
	case '[':
		node->type = *s->p == '{' ? SF_JSON_OBJECT : SF_JSON_ARRAY;
		if (s->depth == SF_JSON_DEPTH)
			return bad(s, s->p, "nested deeper than %d levels", SF_JSON_DEPTH);
		s->levels[s->depth++] = (struct level){ .node = node };
		s->p++;
		return NULL;
	case '"':
		node->type = SF_JSON_STRING;
		return read_string(s, &node->value.str, &node->str_len);
	case 't':
	case 'f':
		node->type = SF_JSON_BOOL;
		node->value.boolean = *s->p == 't';
		if (take_word(s, "true", 4) || take_word(s, "false", 5))
			return NULL;
		break;
	case 'n':
		if (take_word(s, "null", 4))
			return NULL;
		break;
	}
	if (is_digit(*s->p) || (*s->p == '-' && is_digit(s->p[1])))
		return read_number(s, node);
	for (size_t i = 0; i < ARRAY_SIZE(not_json); i++)
		if (!strncmp(s->p, not_json[i], strlen(not_json[i])))
			return bad(s, s->p, "%s is not JSON", not_json[i]);
	return *s->p == '-' ? read_number(s, node) : unexpected(s, "expected a value");
}

/* The key and the colon, with white space around them. */
static struct sf_error *read_key(struct parser *s, struct sf_json_node *node)
{
	if (*s->p != '"')
		return unexpected(s, "expected the name of a member in quotes");
	SF_TRY(read_string(s, &node->key, &node->key_len));
	skip_space(s);
	if (*s->p != ':')
		return unexpected(s, "expected ':' after the name of a member");
	s->p++;
	skip_space(s);
	return NULL;
}

/* A node for the next child of the innermost level, or for the root. */
static struct sf_error *add_node(struct parser *s, struct sf_json_node **ret)
{
	struct sf_json_node *node = new_node(s->doc);

	if (!node)
		return sf_error_nomem();
	*ret = node;
	if (!s->depth) {
		s->doc->root = node;
		return NULL;
	}
	struct level *l = &s->levels[s->depth - 1];

	if (l->last)
		l->last->next = node;
	else
		l->node->value.first = node;
	l->last = node;
	l->node->n++;
	return l->node->type == SF_JSON_OBJECT ? read_key(s, node) : NULL;
}

/*
 * After a value: closes what ends here. True where another child follows; false at the end of the
 * root.
 */
static struct sf_error *after_value(struct parser *s, bool opened, bool *ret)
{
	for (; s->depth; opened = false) {
		bool object = s->levels[s->depth - 1].node->type == SF_JSON_OBJECT;
		char close = object ? '}' : ']';

		skip_space(s);
		if (*s->p == close) {
			s->p++;
			s->depth--;
			continue;
		}
		if (!opened) {
			if (*s->p != ',')
				return unexpected(s,
						  object ? "expected ',' or '}' after a member" :
							   "expected ',' or ']' after an element");
			char *comma = s->p++;

			skip_space(s);
			if (*s->p == close)
				return bad(s, comma, "a trailing comma before '%c'", close);
		}
		*ret = true;
		return NULL;
	}
	*ret = false;
	return NULL;
}

static struct sf_error *parse(struct parser *s)
{
	bool more = true;

	if (!strncmp(s->p, "\xef\xbb\xbf", 3))
		return bad(s, s->p, "a byte order mark before the value");
	skip_space(s);
	while (more) {
		struct sf_json_node *node = NULL;

		SF_TRY(add_node(s, &node));
		SF_TRY(read_value(s, node));
		SF_TRY(after_value(s, node->type == SF_JSON_ARRAY || node->type == SF_JSON_OBJECT,
				   &more));
	}
	skip_space(s);
	return s->p == s->end ? NULL :
				unexpected(s, "expected the end of the text after the value");
}

struct sf_error *sf_json_read(const char *text, size_t len, struct sf_json **ret)
{
	_cleanup_json_ struct sf_json *doc = NULL;

	if (len > UINT32_MAX - 64)
		return sf_error_new(SF_BAD_INPUT, "JSON: a text of %zu bytes; up to 4 GiB are read",
				    len);
	doc = malloc(sizeof(*doc) + len + 1);
	if (!doc)
		return sf_error_nomem();
	doc->chunks = NULL;
	doc->root = NULL;
	if (len)
		memcpy(doc->text, text, len);
	doc->text[len] = '\0';

	struct parser s;

	/* The levels are written before they are read. */
	memset(&s, 0, offsetof(struct parser, levels));
	s.doc = doc;
	s.source = text;
	s.p = doc->text;
	s.end = doc->text + len;
	struct sf_error *err = parse(&s);

	if (s.c_locale)
		freelocale(s.c_locale);
	if (!err)
		*ret = steal_ptr(&doc);
	return err;
}

void sf_json_unref(struct sf_json *json)
{
	if (!json)
		return;
	for (struct node_chunk *c = json->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(json);
}

/* ---- looking around ---- */

const struct sf_json_node *sf_json_root(const struct sf_json *json)
{
	return json ? json->root : NULL;
}

const struct sf_json_node *sf_json_member(const struct sf_json_node *object, const char *key)
{
	size_t len = strlen(key);

	if (!object || object->type != SF_JSON_OBJECT)
		return NULL;
	for (const struct sf_json_node *m = object->value.first; m; m = m->next)
		if (m->key_len == len && !memcmp(m->key, key, len))
			return m;
	return NULL;
}

const struct sf_json_node *sf_json_element(const struct sf_json_node *array, size_t i)
{
	if (!array || array->type != SF_JSON_ARRAY || i >= array->n)
		return NULL;
	const struct sf_json_node *e = array->value.first;

	while (i--)
		e = e->next;
	return e;
}

uint64_t sf_json_member_u64(const struct sf_json_node *object, const char *key, uint64_t other)
{
	const struct sf_json_node *m = sf_json_member(object, key);

	return m && m->type == SF_JSON_UINT ? m->value.u64 : other;
}

int64_t sf_json_member_i64(const struct sf_json_node *object, const char *key, int64_t other)
{
	const struct sf_json_node *m = sf_json_member(object, key);

	if (m && m->type == SF_JSON_INT)
		return m->value.i64;
	return m && m->type == SF_JSON_UINT && m->value.u64 <= INT64_MAX ? (int64_t)m->value.u64 :
									   other;
}

bool sf_json_member_bool(const struct sf_json_node *object, const char *key, bool other)
{
	const struct sf_json_node *m = sf_json_member(object, key);

	return m && m->type == SF_JSON_BOOL ? m->value.boolean : other;
}

const char *sf_json_member_str(const struct sf_json_node *object, const char *key,
			       const char *other)
{
	const struct sf_json_node *m = sf_json_member(object, key);

	return m && m->type == SF_JSON_STRING ? m->value.str : other;
}

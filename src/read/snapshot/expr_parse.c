/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading expressions: operators and literals. Recursion is limited by the nesting of the text; a row of operators
 * makes a tree as deep as it is long, which is limited too, for who walks it.
 */

#include <stdarg.h>

#include "base/json.h"
#include "expr_parser.h"

#define MAX_DEPTH 1000u
#define MAX_STRINGS (1u << 20) /* a key with members repeats what leads to them */

static const struct {
	const char *text;
	uint8_t op, level;
} operators[] = {
	{ "||", OP_OR, LEVEL_OR }, { "&&", OP_AND, 2 },
	{ "==", OP_EQ, LEVEL_COMPARE }, { "!=", OP_NE, LEVEL_COMPARE }, { "<=", OP_LE, LEVEL_COMPARE },
	{ ">=", OP_GE, LEVEL_COMPARE }, { "<", OP_LT, LEVEL_COMPARE }, { ">", OP_GT, LEVEL_COMPARE },
	{ "+", OP_ADD, LEVEL_SUM }, { "-", OP_SUB, LEVEL_SUM },
	{ "*", OP_MUL, 5 }, { "/", OP_DIV, 5 }, { "%", OP_MOD, 5 },
};

unsigned int sf_expr_level(enum expr_op op)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (operators[i].op == op)
			return operators[i].level;
	return 0;
}

const char *sf_expr_op_text(enum expr_op op)
{
	static const char *const names[] = {
		[OP_VAR] = "var", [OP_VARS] = "vars", [OP_MAP] = "map", [OP_COUNT] = "count", [OP_SUM] = "sum",
		[OP_MIN] = "min", [OP_MAX] = "max", [OP_NOT] = "!", [OP_NEG] = "-",
	};

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (operators[i].op == op)
			return operators[i].text;
	return (size_t)op < ARRAY_SIZE(names) && names[op] ? names[op] : "";
}

/* ---- places and errors ------------------------------------------------------------------------------------------- */

uint64_t sf_expr_column(const char *text, size_t at)
{
	size_t len = strnlen(text, at);
	uint64_t column = 1;

	for (size_t i = 0; i < len; column++) {
		size_t seq = sf_utf8_seq(text + i, len - i);

		i += seq ? seq : 1;
	}
	return column;
}

struct sf_error *sf_expr_place(struct sf_error *err, const char *text, size_t at)
{
	/* Makes the payload, where that was still to be done; there is none to write to without memory. */
	if (sf_error_code(err) != SF_NO_MEMORY && sf_error_payload(err))
		err->payload.column = sf_expr_column(text, at);
	return err;
}

bool expr_parse_fail(struct parser *p, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!p->err)
		p->err = sf_expr_place(sf_error_newv(SF_USAGE, fmt, ap), p->text, at);
	va_end(ap);
	return false;
}

bool expr_parse_no_memory(struct parser *p)
{
	if (!p->err)
		p->err = sf_error_nomem();
	return false;
}

const char *expr_parse_seen(const struct parser *p, size_t at, char *buf)
{
	const char *text = p->text + at;
	size_t len = expr_parse_word_length(text);

	if (!*text)
		return "the end";
	if (!len)
		len = sf_utf8_seq(text, strnlen(text, 4));
	if (len)
		snprintf(buf, 64, "'%.*s'%s", (int)sf_min(len, (size_t)40), text, len > 40 ? "…" : "");
	else
		snprintf(buf, 64, "the byte 0x%02x", (unsigned char)*text);
	return buf;
}

bool expr_parse_enter(struct parser *p, size_t at)
{
	if (p->nesting >= SF_EXPR_MAX_NESTING)
		return expr_parse_fail(p, at, "nested deeper than %u", SF_EXPR_MAX_NESTING);
	p->nesting++;
	return true;
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void expr_parse_blanks(struct parser *p)
{
	while (is_blank(p->text[p->at]))
		p->at++;
}

size_t expr_parse_word_length(const char *text)
{
	size_t n = 0;

	if (is_digit(*text))
		return 0;
	while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') || is_digit(text[n]) ||
	       text[n] == '_' || text[n] == '$')
		n++;
	return n;
}

/* An operator of other languages, or half of one of ours, is next. */
static bool is_half(struct parser *p)
{
	static const struct { char c; const char *instead; } mistakes[] = {
		{ '=', "==" }, { '&', "&&" }, { '|', "||" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (p->text[p->at] == mistakes[i].c)
			return !expr_parse_fail(p, p->at, "'%c' is no operator; there is %s", mistakes[i].c,
						mistakes[i].instead);
	return false;
}

bool expr_parse_close(struct parser *p, char close, size_t opened)
{
	char seen[64];

	expr_parse_blanks(p);
	if (p->text[p->at] != close && is_half(p))
		return false;
	if (p->text[p->at] != close)
		return expr_parse_fail(p, p->at, "here is %s; the '%c' of column %llu needs its '%c'",
				       expr_parse_seen(p, p->at, seen), p->text[opened],
				       (unsigned long long)sf_expr_column(p->text, opened), close);
	p->at++;
	return true;
}

bool expr_parse_string(struct parser *p, const char *v, size_t n, uint32_t *ret)
{
	struct sf_text *t = &p->x->strings;

	if (n > MAX_STRINGS - sf_min(t->n, (size_t)MAX_STRINGS))
		return expr_parse_fail(p, p->at, "the names of the expression are too long together");
	*ret = (uint32_t)t->n;
	sf_text_putn(t, v, n);
	sf_text_putn(t, "", 1);
	return t->failed ? expr_parse_no_memory(p) : true;
}

bool expr_parse_node(struct parser *p, const struct expr_node *n, uint32_t *ret)
{
	struct expr_node *slot = sf_vec_push(&p->x->nodes);

	if (!slot)
		return expr_parse_no_memory(p);
	*slot = *n;
	if (slot->depth > MAX_DEPTH)
		return expr_parse_fail(p, n->at, "more than %u operators in a row", MAX_DEPTH);
	*ret = (uint32_t)(p->x->nodes.n - 1);
	return true;
}

bool expr_parse_binary(struct parser *p, enum expr_op op, uint32_t a, uint32_t b, uint32_t *ret)
{
	const struct expr_node *x = expr_node(p->x, a), *y = expr_node(p->x, b);
	struct expr_node n = {
		.op = (uint8_t)op, .a = a, .b = b, .at = x->at, .end = y->end,
		.depth = (uint16_t)(sf_max(x->depth, y->depth) + 1),
	};

	return expr_parse_node(p, &n, ret);
}

bool expr_parse_decimal(struct parser *p, const char *what, uint64_t max, uint64_t *ret)
{
	size_t start = p->at;
	uint64_t v = 0;

	for (; is_digit(p->text[p->at]); p->at++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p->text[p->at] - '0'), &v) || v > max)
			return expr_parse_fail(p, start, "%s is at most %llu", what, (unsigned long long)max);
	if (p->at == start || expr_parse_word_length(p->text + p->at))
		return expr_parse_fail(p, start, "%s is a decimal number", what);
	*ret = v;
	return true;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_escape(struct parser *p, struct sf_text *ret)
{
	static const char plain[] = "\"\\nt", means[] = "\"\\\n\t";
	const char *s = p->text + p->at, *found = s[1] ? strchr(plain, s[1]) : NULL;
	int high, low;

	if (found) {
		sf_text_putn(ret, means + (found - plain), 1);
		p->at += 2;
		return true;
	}
	high = s[1] == 'x' ? hex_digit(s[2]) : -1;
	low = high >= 0 ? hex_digit(s[3]) : -1;
	if (low < 0 || (!high && !low))
		return expr_parse_fail(p, p->at, "there is \\\", \\\\, \\n, \\t and \\x01 to \\xff");
	sf_text_putn(ret, &(char){ (char)(high << 4 | low) }, 1);
	p->at += 4;
	return true;
}

bool expr_parse_quoted(struct parser *p, bool is_name, struct sf_text *ret)
{
	size_t start = p->at++;

	for (;;) {
		const char *s = p->text + p->at;

		if (!*s)
			return expr_parse_fail(p, start, "this \" has no other one");
		if (*s == '"')
			break;
		if (is_name && *s == '\\' && (s[1] == '"' || s[1] == '\\')) {
			sf_text_putn(ret, s + 1, 1);
			p->at += 2;
		} else if (!is_name && *s == '\\') {
			if (!parse_escape(p, ret))
				return false;
		} else {
			sf_text_putn(ret, s, 1);
			p->at++;
		}
	}
	p->at++;
	return ret->failed ? expr_parse_no_memory(p) : true;
}

/* ---- literals ---------------------------------------------------------------------------------------------------- */

#define NUMBER_FORMS "a number is 12, -12, 0x1f, 0.25, 1e6, or a time: 20ms (ns, us, ms, s)"

static bool parse_hex(struct parser *p, struct expr_node *n)
{
	int digit;

	for (p->at += 2; (digit = hex_digit(p->text[p->at])) >= 0; p->at++) {
		if (n->u64 >> 60)
			return expr_parse_fail(p, n->at, "the number does not fit 64 bits");
		n->u64 = n->u64 << 4 | (uint64_t)digit;
	}
	if (p->at == n->at + 2u || expr_parse_word_length(p->text + p->at))
		return expr_parse_fail(p, p->at, NUMBER_FORMS);
	return true;
}

/* Nanoseconds, exactly: "1.5ms" is, "0.1ns" is not. The digits are [n->at, end). */
static bool parse_time(struct parser *p, struct expr_node *n, size_t end, uint64_t factor)
{
	uint64_t rest = factor;
	bool is_part = false;

	for (size_t i = n->at; i < end; i++) {
		uint64_t digit = (uint64_t)(p->text[i] - '0'), add;

		if (p->text[i] == '.') {
			is_part = true;
			continue;
		}
		/* Whole digits move those before them up; of the others each is a tenth of what came before. */
		if (is_part && digit && (rest % 10 || !rest))
			return expr_parse_fail(p, n->at, "a time is a whole number of nanoseconds");
		if (is_part)
			rest /= 10;
		if (!is_part && __builtin_mul_overflow(n->u64, 10, &n->u64))
			return expr_parse_fail(p, n->at, "the time does not fit 64 bits of nanoseconds");
		if (__builtin_mul_overflow(digit, rest, &add) || __builtin_add_overflow(n->u64, add, &n->u64))
			return expr_parse_fail(p, n->at, "the time does not fit 64 bits of nanoseconds");
	}
	return true;
}

static bool parse_real(struct parser *p, struct expr_node *n)
{
	_cleanup_json_ struct sf_json *json = NULL;
	SF_OWNED(error) err = sf_json_read(p->text + n->at, p->at - n->at, &json);

	if (sf_error_code(err) == SF_NO_MEMORY)
		return expr_parse_no_memory(p);
	if (err || sf_json_root(json)->type != SF_JSON_REAL)
		return expr_parse_fail(p, n->at, "the number is too large for a real");
	n->op = OP_REAL;
	n->f64 = sf_json_root(json)->value.f64;
	return true;
}

static bool skip_digits(struct parser *p)
{
	size_t start = p->at;

	while (is_digit(p->text[p->at]))
		p->at++;
	return p->at > start;
}

/* 'e' and digits, with or without a sign. */
static bool skip_exponent(struct parser *p)
{
	const char *s = p->text + p->at;
	size_t sign = (*s | 0x20) == 'e' && (s[1] == '+' || s[1] == '-');

	if ((*s | 0x20) != 'e' || !is_digit(s[1 + sign]))
		return false;
	p->at += 1 + sign;
	return skip_digits(p);
}

static bool parse_number(struct parser *p, uint32_t *ret)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	};
	struct expr_node n = { .op = OP_INT, .at = (uint32_t)p->at };
	bool is_real = false;
	size_t end, unit;

	if (p->text[p->at] == '0' && (p->text[p->at + 1] | 0x20) == 'x') {
		if (!parse_hex(p, &n))
			return false;
		n.end = (uint32_t)p->at;
		return expr_parse_node(p, &n, ret);
	}
	if (p->text[p->at] == '0' && is_digit(p->text[p->at + 1]))
		return expr_parse_fail(p, p->at, "a number does not begin with 0; " NUMBER_FORMS);
	skip_digits(p);
	if (p->text[p->at] == '.') {
		p->at++;
		is_real = true;
		if (!skip_digits(p))
			return expr_parse_fail(p, p->at, NUMBER_FORMS);
	}
	end = p->at;
	unit = expr_parse_word_length(p->text + p->at);
	for (size_t i = 0; unit && i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) != unit || strncmp(units[i].name, p->text + p->at, unit))
			continue;
		p->at += unit;
		n.end = (uint32_t)p->at;
		return parse_time(p, &n, end, units[i].ns) && expr_parse_node(p, &n, ret);
	}
	is_real |= skip_exponent(p);
	if (expr_parse_word_length(p->text + p->at))
		return expr_parse_fail(p, p->at, NUMBER_FORMS);
	n.end = (uint32_t)p->at;
	if (is_real)
		return parse_real(p, &n) && expr_parse_node(p, &n, ret);
	p->at = n.at;
	return expr_parse_decimal(p, "a number", UINT64_MAX, &n.u64) && expr_parse_node(p, &n, ret);
}

static bool parse_text(struct parser *p, uint32_t *ret)
{
	_cleanup_text_ struct sf_text text = { 0 };
	struct expr_node n = { .op = OP_TEXT, .at = (uint32_t)p->at };

	if (!expr_parse_quoted(p, false, &text) || !expr_parse_string(p, text.n ? text.v : "", text.n, &n.name))
		return false;
	n.end = (uint32_t)p->at;
	return expr_parse_node(p, &n, ret);
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

/* Of a literal it is part of it, so that the smallest number can be written. */
static bool negate(struct parser *p, size_t at, uint32_t operand, uint32_t *ret)
{
	struct expr_node *o = &p->x->nodes.v[operand];

	if (o->op == OP_INT) {
		o->negative = !o->negative && o->u64;
		if (o->negative && o->u64 > UINT64_C(1) << 63)
			return expr_parse_fail(p, at, "the number does not fit 64 bits");
		o->at = (uint32_t)at;
		*ret = operand;
		return true;
	}
	if (o->op == OP_REAL) {
		o->f64 = -o->f64;
		o->at = (uint32_t)at;
		*ret = operand;
		return true;
	}
	return expr_parse_node(p, &(struct expr_node){ .op = OP_NEG, .a = operand, .at = (uint32_t)at, .end = o->end,
						  .depth = (uint16_t)(o->depth + 1) }, ret);
}

static bool parse_unary(struct parser *p, uint32_t *ret);

static bool parse_prefix(struct parser *p, uint32_t *ret)
{
	size_t at = p->at;
	char which = p->text[p->at++];
	uint32_t operand;

	if (!expr_parse_enter(p, at) || !parse_unary(p, &operand))
		return false;
	p->nesting--;
	if (which == '-')
		return negate(p, at, operand, ret);
	const struct expr_node *o = expr_node(p->x, operand);

	return expr_parse_node(p, &(struct expr_node){ .op = OP_NOT, .a = operand, .at = (uint32_t)at, .end = o->end,
						  .depth = (uint16_t)(o->depth + 1) }, ret);
}

static bool parse_group(struct parser *p, uint32_t *ret)
{
	size_t at = p->at++;

	if (!expr_parse_enter(p, at) || !expr_parse_level(p, LEVEL_OR, ret) || !expr_parse_close(p, ')', at))
		return false;
	p->nesting--;
	/* Who quotes it quotes the parentheses. */
	p->x->nodes.v[*ret].at = (uint32_t)at;
	p->x->nodes.v[*ret].end = (uint32_t)p->at;
	return true;
}

static bool parse_unary(struct parser *p, uint32_t *ret)
{
	char seen[64];
	size_t len;

	expr_parse_blanks(p);
	switch (p->text[p->at]) {
	case '!':
	case '-':
		return parse_prefix(p, ret);
	case '(':
		return parse_group(p, ret);
	case '"':
		return parse_text(p, ret);
	case '0' ... '9':
		return parse_number(p, ret);
	}
	len = expr_parse_word_length(p->text + p->at);
	if (len)
		return expr_parse_word(p, len, ret);
	return expr_parse_fail(p, p->at, "here is %s, where a value should begin: a number, \"text\", true, false, %s"
			  EXPR_FUNCTIONS ", or (", expr_parse_seen(p, p->at, seen),
			  p->in_filter ? "a member of the value, key, owner.pid, " : "");
}

/* The operator that is next; NULL: none that is. */
static bool find_operator(struct parser *p, uint8_t *op, uint8_t *level)
{
	const char *s;

	expr_parse_blanks(p);
	s = p->text + p->at;
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (strncmp(s, operators[i].text, strlen(operators[i].text)))
			continue;
		*op = operators[i].op;
		*level = operators[i].level;
		return true;
	}
	return false;
}

bool expr_parse_level(struct parser *p, unsigned int level, uint32_t *ret)
{
	bool compared = false;
	uint8_t op, found;
	uint32_t a, b;

	if (!parse_unary(p, &a))
		return false;
	while (find_operator(p, &op, &found) && found >= level) {
		if (found == LEVEL_COMPARE && compared)
			return expr_parse_fail(p, p->at, "a comparison of a comparison needs parentheses; && joins two");
		p->at += strlen(sf_expr_op_text(op));
		if (!expr_parse_level(p, found + 1u, &b) || !expr_parse_binary(p, op, a, b, &a))
			return false;
		compared = found == LEVEL_COMPARE;
	}
	*ret = a;
	return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool parse_end(struct parser *p)
{
	char seen[64];

	expr_parse_blanks(p);
	if (!p->text[p->at])
		return true;
	if (is_half(p))
		return false;
	return expr_parse_fail(p, p->at, "here is %s, where the expression ends or goes on with ==, !=, <, <=, >, >=, "
			       "&&, ||, +, -, *, / or %%", expr_parse_seen(p, p->at, seen));
}

void sf_expr_free(struct sf_expr *x)
{
	if (!x)
		return;
	free(x->text);
	free(x->nodes.v);
	sf_text_cleanup(&x->strings);
	free(x);
}

const char *sf_expr_text(const struct sf_expr *x)
{
	return x->text;
}

struct sf_error *sf_expr_new(const char *text, struct sf_expr **ret)
{
	size_t len = strnlen(text, SF_EXPR_MAX_TEXT + 1);
	SF_OWNED(expr) x = NULL;
	struct parser p = { .text = text };
	uint32_t none;

	if (len > SF_EXPR_MAX_TEXT)
		return sf_error_new(SF_USAGE, "an expression has at most %u bytes", SF_EXPR_MAX_TEXT);
	x = calloc(1, sizeof(*x));
	if (!x || !(x->text = strdup(text)))
		return sf_error_nomem();
	p.x = x;
	if (!expr_parse_string(&p, "", 0, &none) || !expr_parse_level(&p, LEVEL_OR, &x->root) || !parse_end(&p))
		return p.err;
	*ret = steal_ptr(&x);
	return NULL;
}

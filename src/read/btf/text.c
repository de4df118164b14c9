/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "btf_private.h"

#define PROTO_DEPTH 2
#define PARAMS_MAX 16

/*
 * Text that knows when it did not fit. Names come from a guest: what could steer a terminal becomes
 * '?'.
 */
struct text {
	char *buf;
	size_t size, n;
	bool cut;
};

static void text_add(struct text *o, const char *s)
{
	for (; *s && !o->cut; s++) {
		if (o->n + 1 >= o->size)
			o->cut = true;
		else
			o->buf[o->n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
	}
}

static void text_end(struct text *o)
{
	o->buf[o->n] = '\0';
	if (o->cut && o->n >= 3)
		memcpy(o->buf + o->n - 3, "...", 3);
}

/*
 * A C declarator is written around the name, from the inside out: pointers go before, arrays and
 * parameters behind. So it grows in both directions from the middle.
 */
struct declarator {
	char buf[512];
	size_t lo, hi;
	bool cut;
	bool after_ptr;          /* what comes next binds tighter: parentheses */
};

static void before(struct declarator *d, const char *s)
{
	size_t len = strlen(s);

	if (len > d->lo) {
		d->cut = true;
		return;
	}
	d->lo -= len;
	memcpy(d->buf + d->lo, s, len);
}

static void behind(struct declarator *d, const char *s)
{
	size_t len = strlen(s);

	if (len >= sizeof(d->buf) - d->hi) {
		d->cut = true;
		return;
	}
	memcpy(d->buf + d->hi, s, len);
	d->hi += len;
}

#define Q_CONST 1u
#define Q_VOLATILE 2u
#define Q_RESTRICT 4u

static const char *qualifiers(unsigned int q)
{
	static const char *const words[8] = {
		"",
		"const ",
		"volatile ",
		"const volatile ",
		"restrict ",
		"const restrict ",
		"volatile restrict ",
		"const volatile restrict ",
	};

	return words[q];
}

static void add_pointer(struct declarator *d, unsigned int q)
{
	if (q && d->lo == d->hi) {
		char words[32];

		snprintf(words, sizeof(words), "%s", qualifiers(q));
		words[strlen(words) - 1] = '\0';
		before(d, words);
	} else {
		before(d, qualifiers(q));
	}
	before(d, "*");
	d->after_ptr = true;
}

static void bind_tighter(struct declarator *d)
{
	if (d->after_ptr) {
		before(d, "(");
		behind(d, ")");
	}
	d->after_ptr = false;
}

static void add_array(struct declarator *d, uint32_t n)
{
	char brackets[16] = "[]";

	if (n)
		snprintf(brackets, sizeof(brackets), "[%u]", n);
	bind_tighter(d);
	behind(d, brackets);
}

static void type_text(const struct sf_btf *btf, uint32_t id, uint32_t depth, char *buf,
		      size_t size);

static void add_params(struct declarator *d, const struct sf_btf *btf, const struct sf_btf_type *t,
		       uint32_t depth)
{
	struct sf_btf_param param;
	char text[128];

	bind_tighter(d);
	behind(d, "(");
	if (depth >= PROTO_DEPTH) {
		behind(d, t->vlen ? "..." : "void");
	} else {
		for (uint32_t i = 0; i < t->vlen; i++) {
			if (i)
				behind(d, ", ");
			if (i == PARAMS_MAX || !sf_btf_param(btf, t, i, &param) || !param.type) {
				behind(d, "...");
				break;
			}
			type_text(btf, param.type, depth + 1, text, sizeof(text));
			behind(d, text);
		}
		if (!t->vlen)
			behind(d, "void");
	}
	behind(d, ")");
}

static void add_named(struct text *o, const char *word, const char *name)
{
	text_add(o, word);
	text_add(o, *word ? " " : "");
	text_add(o, *name ? name : "(anon)");
}

/* What stands left of the declarator. */
static void add_base(struct text *o, const struct sf_btf_type *t)
{
	switch (t->kind) {
	case SF_BTF_VOID:
		text_add(o, "void");
		break;
	case SF_BTF_STRUCT:
	case SF_BTF_UNION:
		add_named(o, sf_btf_kind_name(t->kind), t->name);
		break;
	case SF_BTF_ENUM:
	case SF_BTF_ENUM64:
		add_named(o, "enum", t->name);
		break;
	case SF_BTF_FWD:
		add_named(o, t->kflag ? "union" : "struct", t->name);
		break;
	case SF_BTF_DATASEC:
		add_named(o, "section", t->name);
		break;
	case SF_BTF_N_KINDS:
		add_named(o, "(unknown kind)", t->name);
		break;
	default:
		add_named(o, "", t->name);
	}
}

/*
 * From @t inwards until something with a name of its own. Returns the qualifiers of that; false:
 * too deep, or damaged.
 */
static bool unwrap(const struct sf_btf *btf, struct sf_btf_type *t, struct declarator *d,
		   uint32_t depth, unsigned int *q)
{
	struct sf_btf_array array = { 0 };
	uint32_t id;

	for (uint32_t hop = 0; hop <= SF_BTF_MAX_HOPS; hop++) {
		id = t->type;
		switch (t->kind) {
		case SF_BTF_CONST:
			*q |= Q_CONST;
			break;
		case SF_BTF_VOLATILE:
			*q |= Q_VOLATILE;
			break;
		case SF_BTF_RESTRICT:
			*q |= Q_RESTRICT;
			break;
		case SF_BTF_TYPE_TAG:
		case SF_BTF_DECL_TAG:
			break;
		case SF_BTF_PTR:
			add_pointer(d, *q);
			*q = 0;
			break;
		case SF_BTF_ARRAY:
			if (!sf_btf_array(t, &array))
				return false;
			add_array(d, array.n);
			id = array.type;
			break;
		case SF_BTF_FUNC_PROTO:
			add_params(d, btf, t, depth);
			break;
		case SF_BTF_VAR:
		case SF_BTF_FUNC:
			before(d, t->name);
			break;
		default:
			return true;
		}
		if (!sf_btf_type(btf, id, t))
			return false;
	}
	return false;
}

static void type_text(const struct sf_btf *btf, uint32_t id, uint32_t depth, char *buf, size_t size)
{
	struct declarator d = { .lo = sizeof(d.buf) / 2, .hi = sizeof(d.buf) / 2 };
	struct text o = { .buf = buf, .size = size };
	struct sf_btf_type t;
	unsigned int q = 0;

	if (!sf_btf_type(btf, id, &t)) {
		char missing[32];

		snprintf(missing, sizeof(missing), "(no type %u)", id);
		text_add(&o, missing);
		text_end(&o);
		return;
	}
	bool known = unwrap(btf, &t, &d, depth, &q);

	text_add(&o, qualifiers(q));
	if (known)
		add_base(&o, &t);
	else
		text_add(&o, "...");
	d.buf[d.hi] = '\0';
	if (d.lo != d.hi && d.buf[d.lo] != '[')
		text_add(&o, " ");
	text_add(&o, d.buf + d.lo);
	if (d.cut)
		text_add(&o, "...");
	text_end(&o);
}

void sf_btf_type_text(const struct sf_btf *btf, uint32_t id, char *buf, size_t size)
{
	if (size)
		type_text(btf, id, 0, buf, size);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arrays: all elements at once as C numbers, one after the other as fields, and those of characters as text.
 */

#include "snapshot_private.h"

/* ---- the array behind a value ------------------------------------------------------------------------------------ */

/* Why there are no numbers. */
struct why {
	enum { NO_ARRAY, NO_ELEMENT, NO_MEMORY, NOT_HERE } what;
	const char *kind;       /* what is there instead */
	bool is_cut;            /* NO_ARRAY: it is what is left of a truncated value */
	uint64_t i;             /* NO_ELEMENT */
	struct sf_trouble trouble;
};

static bool find_array(const struct sf_node *from, struct sf_node *ret, struct why *why)
{
	if (sf_node_look_through(from, ret, &why->trouble) != SF_STEP_OK) {
		why->what = NOT_HERE;
		return false;
	}
	if (sf_node_kind(ret) == SF_ARRAY)
		return true;
	why->what = NO_ARRAY;
	why->kind = sf_kind_label(sf_node_kind(ret));
	why->is_cut = sf_node_kind(from) == SF_TRUNCATED;
	return false;
}

/*
 * Elements, or bytes, that are there. Where an array was cut the last of them may be a part of one, which is no element
 * of its own; one that a report has in full length is what it is.
 */
static uint64_t whole_elements(const struct sf_node *n)
{
	uint64_t present, len = sf_node_len(n, &present);
	struct sf_node last;

	if (present && (present < len || sf_typed_is(n)) && sf_node_index(n, present - 1, &last) == SF_STEP_OK &&
	    sf_node_kind(&last) == SF_TRUNCATED)
		present--;
	return present;
}

/* ---- all at once ---------------------------------------------------------------------------------------------------- */

typedef const char *convert_fn(const struct sf_scalar *s, void *slot);

struct number {
	const char *expected;
	size_t size;
	convert_fn *convert;
};

static const char *to_u64(const struct sf_scalar *s, void *slot)
{
	return sf_scalar_as_u64(s, slot);
}

static const char *to_u32(const struct sf_scalar *s, void *slot)
{
	uint64_t v;
	const char *actual = sf_scalar_as_u64(s, &v);

	if (actual || v > UINT32_MAX)
		return actual ? actual : "more than 32 bits";
	*(uint32_t *)slot = (uint32_t)v;
	return NULL;
}

static const char *to_i64(const struct sf_scalar *s, void *slot)
{
	return sf_scalar_as_i64(s, slot);
}

static const char *to_f64(const struct sf_scalar *s, void *slot)
{
	return sf_scalar_as_f64(s, slot);
}

static const char *to_bool(const struct sf_scalar *s, void *slot)
{
	return sf_scalar_as_bool(s, slot);
}

#define BATCH 128 /* elements that are read at once */
#define FIRST_ROOM 1024

struct numbers {
	const struct number *type;
	uint8_t *v;
	uint64_t n, room;
};

static bool make_room(struct numbers *a, uint64_t more)
{
	uint64_t room = sf_max(a->n + more, a->n ? a->room * 2 : sf_min(more, (uint64_t)FIRST_ROOM));
	uint8_t *v;

	if (a->n + more <= a->room && a->v)
		return true;
	room = sf_max(room, (uint64_t)1);
	v = reallocarray(a->v, room, a->type->size);
	if (!v)
		return false;
	a->v = v;
	a->room = room;
	return true;
}

/* The next elements of @n, whichever way they come: at least one. false: @why. */
static bool take(struct numbers *a, const struct sf_node *n, uint64_t len, struct why *why)
{
	struct sf_scalar scalars[BATCH];
	size_t count = (size_t)sf_min(len - a->n, (uint64_t)BATCH);
	struct sf_node elem;

	if (sf_node_scalars(n, a->n, scalars, &count) != SF_STEP_OK) {
		enum sf_step step = sf_node_index(n, a->n, &elem);

		if (step == SF_STEP_OK)
			step = sf_node_scalar(&elem, &scalars[0], &why->trouble);
		why->i = a->n;
		why->what = step == SF_STEP_TROUBLE ? NOT_HERE : NO_ELEMENT;
		if (step != SF_STEP_OK) {
			why->kind = sf_kind_label(sf_node_kind(&elem));
			return false;
		}
		count = 1;
	}
	if (!make_room(a, count)) {
		why->what = NO_MEMORY;
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (a->type->convert(&scalars[i], a->v + a->n * a->type->size)) {
			why->what = NO_ELEMENT;
			why->i = a->n;
			why->kind = sf_kind_label(scalars[i].kind);
			return false;
		}
		a->n++;
	}
	return true;
}

static bool read_array(const struct sf_node *from, const struct number *type, struct numbers *ret, struct why *why)
{
	struct numbers a = { .type = type };
	struct sf_node n;
	uint64_t len;

	*why = (struct why){ 0 };
	if (!find_array(from, &n, why))
		return false;
	len = whole_elements(&n);
	if (!make_room(&a, 0)) {
		why->what = NO_MEMORY;
		return false;
	}
	while (a.n < len) {
		if (!take(&a, &n, len, why)) {
			free(a.v);
			return false;
		}
	}
	*ret = a;
	return true;
}

static struct sf_error *array_error(const struct field *f, const char *expected, const struct why *why)
{
	struct failure failure;

	switch (why->what) {
	case NO_MEMORY:
		return sf_error_nomem();
	case NOT_HERE:
		failure = sf_fail_memory(f->snap, &why->trouble);
		break;
	case NO_ELEMENT:
		failure = sf_fail_array_element(f->snap, expected, why->i, why->kind);
		break;
	default:
		failure = why->is_cut ? sf_fail_cut_array(f->snap, expected, why->kind) :
					sf_fail_type(f->snap, expected, why->kind);
	}
	return sf_failure_error(f->snap, &failure);
}

#define SF_DEFINE_ARRAY(name, type)                                                                \
	static const struct number name##s = { "[" #name "]", sizeof(type), to_##name };           \
	struct sf_error *sf_field_as_##name##_array(struct sf_field field, type **ret, size_t *ret_n) \
	{                                                                                          \
		struct field f = unseal_field(&field);                                             \
		struct numbers all;                                                                \
		struct why why;                                                                    \
		if (!f.failure.slot && f.kind != FIELD_VALUE)                                      \
			f.failure = sf_fail_type(f.snap, name##s.expected, sf_index_label(f.kind)); \
		if (f.failure.slot)                                                                \
			return sf_failure_error(f.snap, &f.failure);                               \
		if (!read_array(&f.node, &name##s, &all, &why))                                    \
			return array_error(&f, name##s.expected, &why);                            \
		*ret = (type *)(void *)all.v;                                                      \
		*ret_n = all.n;                                                                    \
		return NULL;                                                                       \
	}                                                                                          \
	bool sf_value_as_##name##_array(struct sf_value v, type **ret, size_t *ret_n)              \
	{                                                                                          \
		struct sf_node n = sf_value_node(&v);                                              \
		struct numbers all;                                                                \
		struct why why;                                                                    \
		if (!read_array(&n, &name##s, &all, &why))                                         \
			return false;                                                              \
		*ret = (type *)(void *)all.v;                                                      \
		*ret_n = all.n;                                                                    \
		return true;                                                                       \
	}
SF_DEFINE_ARRAY(u64, uint64_t)
SF_DEFINE_ARRAY(u32, uint32_t)
SF_DEFINE_ARRAY(i64, int64_t)
SF_DEFINE_ARRAY(f64, double)
SF_DEFINE_ARRAY(bool, bool)
#undef SF_DEFINE_ARRAY

/* ---- one after the other --------------------------------------------------------------------------------------------- */

enum { WORD_POSITION, WORD_LEN, WORD_NODE };

struct sf_iter sf_field_members(struct sf_field field)
{
	struct field f = unseal_field(&field);
	struct iter it = { .snap = f.snap, .failure = f.failure };
	struct sf_node n;
	struct why why = { 0 };
	uint64_t present;

	_Static_assert(WORD_NODE * 8 + sizeof(n) <= sizeof(it.words), "room for the node");
	if (f.failure.slot || f.kind != FIELD_VALUE)
		return seal_iter(&it);
	if (find_array(&f.node, &n, &why)) {
		sf_node_len(&n, &present);
		it.words[WORD_LEN] = present;
		memcpy(&it.words[WORD_NODE], &n, sizeof(n));
	} else if (why.what == NOT_HERE) {
		it.failure = sf_fail_memory(f.snap, &why.trouble);
	}
	return seal_iter(&it);
}

bool sf_field_next(struct sf_iter *iter, struct sf_field *ret)
{
	struct iter it = unseal_iter(iter);
	struct field f = { .snap = it.snap };
	struct sf_node n;

	if (it.words[WORD_POSITION] >= it.words[WORD_LEN])
		return false;
	memcpy(&n, &it.words[WORD_NODE], sizeof(n));
	if (sf_node_index(&n, it.words[WORD_POSITION]++, &f.node) != SF_STEP_OK)
		return false;
	*iter = seal_iter(&it);
	*ret = seal_field(&f);
	return true;
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

#define TEXT_LABEL "text (char array)"

/* The next bytes of an array of characters, or of bytes without a type. 0: there are no more, or @why. */
static size_t chars(const struct sf_node *n, uint64_t at, uint64_t len, uint8_t buf[BATCH], struct why *why)
{
	struct sf_scalar s[BATCH];
	size_t count = (size_t)sf_min(len - at, (uint64_t)BATCH);
	enum sf_step step;
	struct sf_node elem;

	if (sf_node_kind(n) == SF_BYTES) {
		why->what = NOT_HERE;
		return sf_node_bytes(n, at, buf, &count, &why->trouble) == SF_STEP_OK ? count : 0;
	}
	if (sf_node_scalars(n, at, s, &count) != SF_STEP_OK) {
		step = sf_node_index(n, at, &elem);
		if (step == SF_STEP_OK)
			step = sf_node_scalar(&elem, &s[0], &why->trouble);
		why->what = step == SF_STEP_TROUBLE ? NOT_HERE : NO_ELEMENT;
		why->i = at;
		why->kind = sf_kind_label(sf_node_kind(&elem));
		if (step != SF_STEP_OK)
			return 0;
		count = 1;
	}
	for (size_t i = 0; i < count; i++) {
		bool is_char = s[i].kind == SF_CHAR || ((s[i].kind == SF_INT || s[i].kind == SF_UINT) && s[i].bits == 8);

		if (!is_char) {
			why->what = NO_ELEMENT;
			why->i = at + i;
			why->kind = sf_kind_label(s[i].kind);
			return 0;
		}
		buf[i] = (uint8_t)(s[i].kind == SF_INT ? (uint64_t)s[i].i64 : s[i].u64);
	}
	return count;
}

/* false: there is no room for it. @buf NULL: only counts. */
static bool put_char(uint8_t c, char *buf, size_t size, size_t *at)
{
	static const char digits[] = "0123456789abcdef";
	size_t need = c >= 0x20 && c < 0x7f ? 1 : 4;

	if (need >= size - *at)
		return false;
	if (buf && need == 1)
		buf[*at] = (char)c;
	else if (buf)
		memcpy(buf + *at, (const char[]){ '\\', 'x', digits[c >> 4], digits[c & 15] }, 4);
	*at += need;
	return true;
}

static void end_text(char *out, size_t at)
{
	if (out)
		out[at] = '\0';
}

/* @out (NULL: nobody) gets as much as there is room for. false: @why. */
static bool read_text(const struct sf_node *from, char *out, size_t size, struct why *why)
{
	uint8_t raw[BATCH];
	struct sf_node n;
	uint64_t len;
	size_t at = 0;

	*why = (struct why){ 0 };
	if (!find_array(from, &n, why) && (why->what != NO_ARRAY || sf_node_kind(&n) != SF_BYTES))
		return false;
	len = whole_elements(&n);
	for (uint64_t i = 0; i < len;) {
		size_t count = chars(&n, i, len, raw, why);

		if (!count)
			return false;
		for (size_t k = 0; k < count; k++) {
			if (!raw[k] || !put_char(raw[k], out, size, &at)) {
				end_text(out, at);
				return true;
			}
		}
		i += count;
	}
	end_text(out, at);
	return true;
}

struct sf_error *sf_field_as_text(struct sf_field field, char *buf, size_t size)
{
	struct field f = unseal_field(&field);
	struct why why;

	if (!f.failure.slot && f.kind != FIELD_VALUE)
		f.failure = sf_fail_type(f.snap, TEXT_LABEL, sf_index_label(f.kind));
	if (f.failure.slot)
		return sf_failure_error(f.snap, &f.failure);
	if (!size)
		return sf_error_new(SF_USAGE, "sf_field_as_text(): no room, not even for the NUL");
	/* First without writing: what fails leaves the buffer as it was. */
	if (!read_text(&f.node, NULL, size, &why))
		return array_error(&f, TEXT_LABEL, &why);
	(void)read_text(&f.node, buf, size, &why);
	return NULL;
}

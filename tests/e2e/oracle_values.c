/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value as bpftool formats it against a node of ours, member by member.
 *
 * How bpftool writes things (tools/bpf/bpftool/btf_dumper.c of 6.12): bit fields and 128-bit integers are hexadecimal
 * strings of their bits; an array of char is a string up to its NUL where all before that is printable, else an array;
 * a one-byte integer with the encoding of a character is a string of one character; an enum is the name of the first
 * enumerator that fits, else a signed number; an anonymous member has the name ""; a section is an array of objects of
 * one variable each. What the kernel does not copy out (kptrs) is 0 there.
 */

#include <inttypes.h>
#include <stdarg.h>

#include "base/util.h"
#include "oracle_host.h"

#define MAX_DEPTH 32
#define MAX_PRINTED 20
#define ODD_SLACK 16

struct compare {
	struct sf_view view;
	struct sf_map map;
	const char *map_name;
	struct sf_entry entry;
	bool is_key;
	bool is_section;
	char path[512];        /* into the entry */
	unsigned int depth;
	bool no_path;          /* a name on the way has a dot in it: the static variables of functions */
	struct oracle_tally *t;
};

static void __attribute__((format(printf, 2, 3))) wrong(struct compare *c, const char *fmt, ...)
{
	va_list ap;

	if (c->t->n_wrong++ >= MAX_PRINTED)
		return;
	printf("# %s %s: ", c->map_name, c->path);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

static size_t push_member(struct compare *c, const char *name)
{
	size_t len = strlen(c->path);

	snprintf(c->path + len, sizeof(c->path) - len, "%s%s", len ? "." : "", name);
	return len;
}

static size_t push_index(struct compare *c, uint64_t i)
{
	size_t len = strlen(c->path);

	snprintf(c->path + len, sizeof(c->path) - len, "[%" PRIu64 "]", i);
	return len;
}

/* ---- the public way to the same thing --------------------------------------------------------------------------- */

/* A global by its name, wherever it is. */
static struct sf_field public_var(struct compare *c)
{
	char name[256];
	size_t len = strcspn(c->path, ".[");
	const char *rest = c->path + len + (c->path[len] == '.');

	snprintf(name, sizeof(name), "%.*s", (int)len, c->path);
	return sf_field_get(sf_view_var(c->view, name), rest);
}

static void public_agrees(struct compare *c, struct sf_field field, const struct sf_scalar *s)
{
	struct sf_error *err = NULL;
	const char *name = NULL;
	uint64_t u = 0;
	int64_t i = 0;
	bool same;

	switch (s->kind) {
	case SF_INT:
		err = sf_as(field, &i);
		same = i == s->i64;
		break;
	case SF_ENUM:
		err = s->variant ? sf_as(field, &name) : NULL;
		if (!err && (s->is_signed || s->i64 >= 0))
			err = sf_as(field, &i);
		else
			i = s->i64;
		same = i == s->i64 && (!s->variant || (name && !strcmp(name, s->variant)));
		break;
	default:
		err = sf_as(field, &u);
		same = u == s->u64;
	}
	if (err)
		wrong(c, "by path: %s", sf_error_message(err));
	else if (!same)
		wrong(c, "by path it is another value");
	else
		c->t->n_by_path++;
}

static void check_public(struct compare *c, const struct sf_scalar *s)
{
	if (c->no_path)
		return;
	public_agrees(c, c->is_key ? sf_entry_key(c->entry, c->path) : sf_entry_get(c->entry, c->path), s);
	if (c->is_section && !c->is_key)
		public_agrees(c, public_var(c), s);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

struct theirs {
	bool is_number, is_bits;
	__int128 number;
	const char *name;
};

/* A character above 127 is two bytes of UTF-8. */
static __int128 character(const struct sf_json_node *j)
{
	const uint8_t *p = (const uint8_t *)j->value.str;

	return j->str_len == 2 && p[0] >= 0xc2 ? (p[0] & 0x1f) << 6 | (p[1] & 0x3f) : p[0];
}

static struct theirs read_theirs(const struct sf_json_node *j, enum sf_kind kind)
{
	struct theirs t = { .is_number = true };

	switch (j->type) {
	case SF_JSON_UINT:
		t.number = (__int128)j->value.u64;
		break;
	case SF_JSON_INT:
		t.number = j->value.i64;
		break;
	case SF_JSON_BOOL:
		t.number = j->value.boolean;
		break;
	case SF_JSON_STRING:
		if (!strncmp(j->value.str, "0x", 2)) {
			t.is_bits = true;
			t.number = strtoull(j->value.str, NULL, 16);
		} else if (kind == SF_CHAR) {
			t.number = character(j);
		} else {
			t.is_number = false;
			t.name = j->value.str;
		}
		break;
	default:
		t.is_number = false;
	}
	return t;
}

static __int128 our_number(const struct sf_scalar *s)
{
	return s->kind == SF_INT || s->kind == SF_ENUM ? s->i64 : (__int128)s->u64;
}

static __int128 low_bits(__int128 v, unsigned int bits)
{
	return bits >= 64 ? (__int128)(uint64_t)v : (__int128)((uint64_t)v & ((1ull << bits) - 1));
}

static void equal(struct compare *c, const struct sf_scalar *s)
{
	c->t->n_equal++;
	c->t->n_nonzero += our_number(s) != 0;
	check_public(c, s);
}

/* bpftool is a task itself, and so are the workers' children: what counts tasks goes up and down between looks. */
static bool goes_both_ways(const struct compare *c)
{
	return !strcmp(c->path, "nr_tasks");
}

static void compare_numbers(struct compare *c, const struct sf_scalar *s, struct theirs *before, struct theirs *after)
{
	__int128 ours = our_number(s);

	/* Bits have no sign, and bpftool gives every enum one. */
	if (before->is_bits || after->is_bits || s->kind == SF_ENUM) {
		ours = low_bits(ours, s->bits);
		before->number = low_bits(before->number, s->bits);
		after->number = low_bits(after->number, s->bits);
	}
	__int128 low = sf_min(before->number, after->number), high = sf_max(before->number, after->number);

	if (s->kind == SF_PTR && !low && !high && s->u64 >= 0xff00000000000000ull) {
		c->t->n_kptrs++;
	} else if (low == high && ours == low) {
		equal(c, s);
	} else if (goes_both_ways(c) && ours >= low - ODD_SLACK && ours <= high + ODD_SLACK) {
		c->t->n_odd++;
	} else if (low != high && ours >= low && ours <= high) {
		c->t->n_between++;
		check_public(c, s);
	} else {
		wrong(c, "%s %" PRId64 " (0x%" PRIx64 "), bpftool %" PRId64 " before, %" PRId64 " after",
		      sf_kind_name(s->kind), (int64_t)ours, (uint64_t)ours, (int64_t)before->number,
		      (int64_t)after->number);
	}
}

static void compare_names(struct compare *c, const struct sf_scalar *s, const struct theirs *before,
			  const struct theirs *after)
{
	const char *ours = s->kind == SF_ENUM && s->variant ? s->variant : "";
	bool is_before = before->name && !strcmp(ours, before->name), is_after = after->name && !strcmp(ours, after->name);

	if (is_before && is_after)
		equal(c, s);
	else if (is_before || is_after)
		c->t->n_either++;
	else
		wrong(c, "%s \"%s\", bpftool \"%s\" before, \"%s\" after", sf_kind_name(s->kind), ours,
		      before->name ? before->name : "?", after->name ? after->name : "?");
}

static void compare_scalar(struct compare *c, const struct sf_node *n, const struct sf_json_node *before,
			   const struct sf_json_node *after)
{
	struct sf_trouble why = { 0 };
	struct sf_scalar s;
	enum sf_step step = sf_node_scalar(n, &s, &why);

	if (step != SF_STEP_OK) {
		wrong(c, "no number: a %s, %s", sf_kind_name(sf_node_kind(n)), sf_fault_text(why.fault));
		return;
	}
	struct theirs b = read_theirs(before, s.kind), a = read_theirs(after, s.kind);

	if (b.is_number && a.is_number)
		compare_numbers(c, &s, &b, &a);
	else
		compare_names(c, &s, &b, &a);
}

/* ---- strings and wide integers ---------------------------------------------------------------------------------- */

static bool has_text(const struct sf_node *n, const struct sf_json_node *text, uint64_t *ret_len)
{
	uint64_t len = sf_node_len(n, NULL);

	for (uint64_t i = 0; i <= text->str_len; i++) {
		struct sf_node element;
		struct sf_trouble why;
		struct sf_scalar s;

		if (sf_node_index(n, i, &element) != SF_STEP_OK || sf_node_scalar(&element, &s, &why) != SF_STEP_OK ||
		    low_bits(our_number(&s), 8) != (uint8_t)text->value.str[i])
			return false;
	}
	*ret_len = len;
	return true;
}

static void compare_text(struct compare *c, const struct sf_node *n, const struct sf_json_node *before,
			 const struct sf_json_node *after)
{
	uint64_t len = 0;
	bool is_before = before->type == SF_JSON_STRING && has_text(n, before, &len);
	bool is_after = after->type == SF_JSON_STRING && has_text(n, after, &len);

	if (!is_before && !is_after) {
		wrong(c, "not the text \"%s\"", before->type == SF_JSON_STRING ? before->value.str : "?");
	} else if (is_before && is_after) {
		c->t->n_equal++;
		c->t->n_nonzero += before->str_len > 0;
		c->t->n_tails += len - before->str_len - 1;
	} else {
		c->t->n_either++;
	}
}

/* Of up to 128 bits, as one hexadecimal number. */
static void compare_bytes(struct compare *c, const struct sf_node *n, const struct sf_json_node *before,
			  const struct sf_json_node *after)
{
	struct sf_trouble why;
	uint64_t half[2] = { 0 };
	size_t len = sizeof(half);
	char ours[40];

	if (before->type != SF_JSON_STRING || after->type != SF_JSON_STRING || sf_node_len(n, NULL) > sizeof(half) ||
	    sf_node_bytes(n, 0, half, &len, &why) != SF_STEP_OK) {
		wrong(c, "bytes that cannot be compared");
		return;
	}
	if (half[1])
		snprintf(ours, sizeof(ours), "0x%" PRIx64 "%016" PRIx64, half[1], half[0]);
	else
		snprintf(ours, sizeof(ours), "0x%" PRIx64, half[0]);
	if (!strcmp(ours, before->value.str) && !strcmp(ours, after->value.str)) {
		c->t->n_equal++;
		c->t->n_nonzero += half[0] || half[1];
	} else {
		wrong(c, "bytes %s, bpftool %s before, %s after", ours, before->value.str, after->value.str);
	}
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

static void compare_value(struct compare *c, struct sf_node n, const struct sf_json_node *before,
			  const struct sf_json_node *after);

static void compare_elements(struct compare *c, const struct sf_node *n, const struct sf_json_node *before,
			     const struct sf_json_node *after)
{
	const struct sf_json_node *b = sf_json_element(before, 0), *a = sf_json_element(after, 0);
	uint64_t present = 0, len = sf_node_len(n, &present);

	if (!b || !a || before->n != len || after->n != len || present != len) {
		wrong(c, "%" PRIu64 " elements (%" PRIu64 " present), bpftool %u", len, present, before->n);
		return;
	}
	for (uint64_t i = 0; b && a; b = b->next, a = a->next, i++) {
		size_t mark = push_index(c, i);
		struct sf_node element;

		if (sf_node_index(n, i, &element) == SF_STEP_OK)
			compare_value(c, element, b, a);
		else
			wrong(c, "no such element");
		c->path[mark] = '\0';
	}
}

static void compare_member(struct compare *c, const struct sf_node *n, struct sf_member_iter *it,
			   const struct sf_json_node *before, const struct sf_json_node *after)
{
	const char *name = "?";
	struct sf_node member;

	/* Ours has the members of an anonymous one in its place. */
	if (!before->key_len && before->type == SF_JSON_OBJECT) {
		const struct sf_json_node *b = before->value.first, *a = after->value.first;

		for (; b && a; b = b->next, a = a->next)
			compare_member(c, n, it, b, a);
		return;
	}
	if (!sf_node_next_member(n, it, &name, &member) || strcmp(name, before->key) || strcmp(name, after->key)) {
		wrong(c, "member \"%s\", bpftool \"%s\"", name, before->key);
		return;
	}
	size_t mark = push_member(c, name);
	bool had_path = !c->no_path;

	c->no_path = !had_path || strchr(name, '.');
	compare_value(c, member, before, after);
	c->no_path = !had_path;
	c->path[mark] = '\0';
}

static void compare_members(struct compare *c, const struct sf_node *n, const struct sf_json_node *before,
			    const struct sf_json_node *after)
{
	struct sf_member_iter it = { 0 };
	const struct sf_json_node *b, *a;
	const char *name;
	struct sf_node more;

	if (before->type != SF_JSON_OBJECT || after->type != SF_JSON_OBJECT) {
		wrong(c, "a struct, but not for bpftool");
		return;
	}
	for (b = before->value.first, a = after->value.first; b && a; b = b->next, a = a->next)
		compare_member(c, n, &it, b, a);
	if (sf_node_next_member(n, &it, &name, &more))
		wrong(c, "a member \"%s\" that bpftool does not have", name);
}

/* {".bss": [{"a": 1}, {"b": 2}]} */
static void compare_section(struct compare *c, const struct sf_node *n, const struct sf_json_node *before,
			    const struct sf_json_node *after)
{
	const struct sf_json_node *bs = before->value.first, *as = after->value.first;
	const struct sf_json_node *b = bs ? sf_json_element(bs, 0) : NULL, *a = as ? sf_json_element(as, 0) : NULL;
	struct sf_member_iter it = { 0 };
	const char *name;
	struct sf_node more;

	if (!b || !a) {
		wrong(c, "a section, but not for bpftool");
		return;
	}
	for (; b && a; b = b->next, a = a->next)
		if (b->type == SF_JSON_OBJECT && a->type == SF_JSON_OBJECT && b->n == 1 && a->n == 1)
			compare_member(c, n, &it, b->value.first, a->value.first);
		else
			wrong(c, "no variable");
	if (sf_node_next_member(n, &it, &name, &more))
		wrong(c, "a variable \"%s\" that bpftool does not have", name);
}

static void compare_value(struct compare *c, struct sf_node n, const struct sf_json_node *before,
			  const struct sf_json_node *after)
{
	if (c->depth >= MAX_DEPTH) {
		wrong(c, "nested too deep");
		return;
	}
	c->depth++;
	switch (sf_node_kind(&n)) {
	case SF_STRUCT:
		compare_members(c, &n, before, after);
		break;
	case SF_ARRAY:
		if (before->type == SF_JSON_STRING || after->type == SF_JSON_STRING)
			compare_text(c, &n, before, after);
		else
			compare_elements(c, &n, before, after);
		break;
	case SF_BYTES:
		compare_bytes(c, &n, before, after);
		break;
	case SF_UNSUPPORTED:
		/* How long a flexible array is cannot be known: it has no elements for bpftool. */
		if (before->type == SF_JSON_ARRAY && !before->n)
			c->t->n_flexible++;
		else
			wrong(c, "unsupported: %s", sf_node_note(&n));
		break;
	default:
		compare_scalar(c, &n, before, after);
	}
	c->depth--;
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

static void compare_entry(struct compare *c, size_t i, const struct sf_json_node *before,
			  const struct sf_json_node *after)
{
	const struct sf_json_node *b = sf_json_member(sf_json_member(before, "formatted"), "value");
	const struct sf_json_node *a = sf_json_member(sf_json_member(after, "formatted"), "value");
	struct sf_node n;

	c->entry = sf_map_at(c->map, i);
	snprintf(c->path, sizeof(c->path), "[%zu]", i);
	if (!b || !a) {
		wrong(c, "bpftool did not format it");
	} else if (!sf_field_node(sf_entry_get(c->entry, ""), &n)) {
		wrong(c, "no such entry");
	} else {
		c->path[0] = '\0';
		if (c->is_section)
			compare_section(c, &n, b, a);
		else
			compare_value(c, n, b, a);
	}
}

void oracle_compare_map(struct sf_view view, struct sf_map map, const struct sf_json_node *before,
			const struct sf_json_node *after, struct oracle_tally *tally)
{
	struct compare c = { .view = view, .map = map, .map_name = "?", .t = tally };
	struct sf_map_info info = { .size = sizeof(info) };
	const struct sf_snap_map *snap;

	if (sf_map_info(map, &info))
		c.map_name = info.name;
	if (sf_map_error(map) || !sf_map_snap(map, &snap)) {
		wrong(&c, "%s", sf_error_message(sf_map_error(map)));
		return;
	}
	c.is_section = snap->is_section;
	size_t n = sf_map_len(map);

	if (before->type != SF_JSON_ARRAY || after->type != SF_JSON_ARRAY || before->n != n || after->n != n) {
		wrong(&c, "%zu entries, bpftool %u", n, before->n);
		return;
	}
	const struct sf_json_node *b = sf_json_element(before, 0), *a = sf_json_element(after, 0);

	for (size_t i = 0; b && a; b = b->next, a = a->next, i++)
		compare_entry(&c, i, b, a);
}

void oracle_compare_node(struct sf_view view, const char *what, const struct sf_entry *entry, bool is_key,
			 bool is_section, struct sf_node n, const struct sf_json_node *theirs,
			 struct oracle_tally *tally)
{
	struct compare c = { .view = view, .map_name = what, .is_key = is_key, .is_section = is_section, .t = tally };

	c.no_path = !entry;
	if (entry)
		c.entry = *entry;
	if (is_section)
		compare_section(&c, &n, theirs, theirs);
	else
		compare_value(&c, n, theirs, theirs);
}

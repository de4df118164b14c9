/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and values of the quiet maps as the host's compiler reads them: the same structs, without BTF. It knows all that
 * bpftool and libbpf do not: floats to the last bit, bit fields that are in nine bytes.
 */

#include <inttypes.h>
#include <math.h>

#include "oracle_host.h"

struct layout {
	const char *map;
	uint32_t row, cpu;
	struct sf_node root;
	struct oracle_tally *t;
};

static void unlike(struct layout *l, const char *path, const char *why)
{
	oracle_wrong(l->t, "%s element %u CPU %u: %s: %s", l->map, l->row, l->cpu, path, why);
}

/* "a.b[1].c" */
static bool walk(const struct layout *l, const char *path, struct sf_node *ret)
{
	*ret = l->root;
	while (*path) {
		size_t len = strcspn(path, ".[");
		struct sf_node from = *ret;
		char *end;

		if (len && sf_node_member(&from, path, len, ret) != SF_STEP_OK)
			return false;
		path += len;
		if (*path == '[') {
			from = *ret;
			if (sf_node_index(&from, strtoul(path + 1, &end, 10), ret) != SF_STEP_OK)
				return false;
			path = end + 1;
		}
		path += *path == '.';
	}
	return true;
}

static bool scalar(struct layout *l, const char *path, struct sf_scalar *ret)
{
	struct sf_trouble why;
	struct sf_node n;

	if (walk(l, path, &n) && sf_node_scalar(&n, ret, &why) == SF_STEP_OK)
		return true;
	unlike(l, path, "is no number");
	return false;
}

static void number(struct layout *l, const char *path, __int128 want)
{
	struct sf_scalar s;

	if (!scalar(l, path, &s))
		return;
	__int128 ours = s.kind == SF_INT || (s.kind == SF_ENUM && s.is_signed) ? (__int128)s.i64 :
			s.kind == SF_ENUM ? (__int128)(uint64_t)s.i64 : (__int128)s.u64;

	if (ours != want) {
		char why[64];

		snprintf(why, sizeof(why), "0x%" PRIx64 ", not 0x%" PRIx64, (uint64_t)ours, (uint64_t)want);
		unlike(l, path, why);
		return;
	}
	l->t->n_equal++;
	l->t->n_nonzero += want != 0;
}

static void wide(struct layout *l, const char *path, unsigned __int128 want)
{
	unsigned __int128 ours = 0;
	struct sf_trouble why;
	struct sf_node n;
	size_t len = sizeof(ours);

	if (!walk(l, path, &n) || sf_node_kind(&n) != SF_BYTES || sf_node_bytes(&n, 0, &ours, &len, &why) != SF_STEP_OK ||
	    len != sizeof(ours) || ours != want)
		unlike(l, path, "other bytes");
	else
		l->t->n_equal++;
}

static void real(struct layout *l, const char *path, double want)
{
	struct sf_scalar s;

	if (!scalar(l, path, &s))
		return;
	if (s.kind != SF_FLOAT || (memcmp(&s.f64, &want, sizeof(want)) && !(isnan(s.f64) && isnan(want))))
		unlike(l, path, "another float");
	else
		l->t->n_equal++;
}

static void flexible(struct layout *l, const char *path)
{
	struct sf_node n;
	const char *note = walk(l, path, &n) && sf_node_kind(&n) == SF_UNSUPPORTED ? sf_node_note(&n) : NULL;

	if (!note || !strstr(note, "flexible array"))
		unlike(l, path, "is not said to be a flexible array");
	else
		l->t->n_flexible++;
}

#define IS(path) number(l, #path, (__int128)(v->path))
#define AT(path) number(l, #path, (__int128)(uintptr_t)(v->path))
/* A byte that is neither 0 nor 1 is no bool for C. */
#define TRUE_OR_NOT(path) number(l, #path, *(const unsigned char *)&(v->path) != 0)

static void numbers_of(struct layout *l, const struct q_every *v)
{
	IS(s8), IS(u8), IS(s16), IS(u16), IS(s32), IS(u32), IS(s64), IS(u64), IS(sll), IS(ull);
	wide(l, "s128", (unsigned __int128)v->s128);
	wide(l, "u128", v->u128);
	wide(l, "u128s[0]", v->u128s[0]);
	wide(l, "u128s[1]", v->u128s[1]);
	TRUE_OR_NOT(yes), TRUE_OR_NOT(flags[0]), TRUE_OR_NOT(flags[1]), TRUE_OR_NOT(flags[2]);
	IS(letter), IS(text[0]), IS(text[12]), IS(octets[0]), IS(octets[5]), IS(small[0]), IS(small[2]);
	IS(color), IS(level), IS(tiny), IS(brief), IS(wide), IS(deep), IS(colors[0]), IS(colors[2]);
	IS(named), IS(names[0]), IS(names[1]), IS(paint), IS(decorated), IS(n_tail);
	flexible(l, "tail");
}

static void shapes_of(struct layout *l, const struct q_every *v)
{
	IS(point.x), IS(point.y), IS(points[0].x), IS(points[1].y), IS(points[2].x), IS(points[2].y);
	IS(steps[0].dx), IS(steps[0].dy), IS(steps[1].dx), IS(steps[1].dy);
	IS(matrix[0][0]), IS(matrix[0][2]), IS(matrix[1][0]), IS(matrix[1][2]);
	IS(whole), IS(low), IS(high), IS(third), IS(fourth), IS(last[0]), IS(last[1]);
	IS(either.as_level), IS(either.as_bytes[0]), IS(either.as_bytes[3]), IS(either.as_bit), IS(either.as_rest);
	AT(nothing), AT(tagged), AT(restricted), AT(declared), AT(function), AT(paints), AT(pointers[0]), AT(pointers[1]);
}

static void bits_of(struct layout *l, const struct q_every *v)
{
	IS(bits.s5), IS(bits.u11), IS(bits.color), IS(bits.level), IS(bits.yes), IS(bits.u37), IS(bits.s63), IS(bits.u31);
	IS(bits.named), IS(bits.whole);
	IS(tight.u3), IS(tight.s60), IS(tight.u17), IS(tight.level), IS(tight.u13), IS(tight.yes), IS(tight.s32);
	IS(tight.after), IS(tight.odd);
}

static void every(struct layout *l, const void *bytes)
{
	struct q_every copy;

	memcpy(&copy, bytes, sizeof(copy));
	numbers_of(l, &copy);
	shapes_of(l, &copy);
	bits_of(l, &copy);
}

static void reals(struct layout *l, const void *bytes)
{
	struct q_reals copy, *v = &copy;

	memcpy(&copy, bytes, sizeof(copy));
	real(l, "single", (double)v->single);
	real(l, "full", v->full);
	real(l, "singles[0]", (double)v->singles[0]);
	real(l, "singles[2]", (double)v->singles[2]);
	real(l, "z.re", v->z.re);
	real(l, "z.im", v->z.im);
	real(l, "number", (double)v->number);
	IS(bits), IS(nine.u5), IS(nine.u64), IS(nine.s62), IS(nine.u5b), IS(n);
}

static void small(struct layout *l, const void *bytes)
{
	struct q_small copy, *v = &copy;

	memcpy(&copy, bytes, sizeof(copy));
	IS(id), IS(step), IS(tiny);
}

static void longer(struct layout *l, const void *bytes)
{
	_cleanup_free_ struct q_long *v = malloc(sizeof(*v));
	char path[32];

	if (!v)
		return;
	memcpy(v, bytes, sizeof(*v));
	for (uint32_t i = 0; i < Q_LONG_WORDS; i++) {
		snprintf(path, sizeof(path), "words[%u]", i);
		number(l, path, v->words[i]);
	}
	IS(end.dx), IS(end.dy);
}

static void integer(struct layout *l, const void *bytes)
{
	int32_t v;

	memcpy(&v, bytes, sizeof(v));
	number(l, "", v);
}

/* Bytes without a type are bytes. */
static void untyped(struct layout *l)
{
	if (sf_node_kind(&l->root) != SF_BYTES)
		unlike(l, "", "has a type from somewhere");
	else
		l->t->n_equal++;
}

static void key(struct layout *l, const void *bytes)
{
	struct q_key copy, *v = &copy;

	memcpy(&copy, bytes, sizeof(copy));
	IS(group), IS(tag[0]), IS(tag[1]), IS(tag[2]), IS(tiny), IS(level), IS(part), IS(rest), IS(at[0].x), IS(at[0].y);
	IS(end);
}

static void check_key(struct layout *l, const struct quiet_table *t, const struct quiet_row *row)
{
	uint64_t v = 0;

	if (!quiet_key_node(t, row, &l->root))
		return;
	if (t->m->keys == QUIET_STRUCT) {
		key(l, row->key);
	} else if (t->m->keys == QUIET_NUMBER) {
		memcpy(&v, row->key, t->m->key_size);
		/* The key of q_hash_real is a signed enum, the others' have no sign. */
		number(l, "", t->m->values == QUIET_REALS ? (__int128)(int64_t)v : (__int128)v);
	} else {
		untyped(l);
	}
}

static void check_value(struct layout *l, enum quiet_values what, const void *bytes)
{
	switch (what) {
	case QUIET_EVERY:
		every(l, bytes);
		break;
	case QUIET_REALS:
		reals(l, bytes);
		break;
	case QUIET_SMALL:
		small(l, bytes);
		break;
	case QUIET_LONG:
		longer(l, bytes);
		break;
	case QUIET_INT:
		integer(l, bytes);
		break;
	case QUIET_UNTYPED:
		untyped(l);
		break;
	}
}

void quiet_compare_layout(const struct quiet_tables *ts, struct oracle_tally *tally)
{
	for (size_t i = 0; ts->v && i < n_quiet_maps; i++) {
		const struct quiet_table *t = &ts->v[i];

		/* What is in a section is not said by one struct. */
		for (size_t at = 0; t->m->keys != QUIET_SECTION && at < t->rows.n; at++) {
			const struct quiet_row *row = &t->rows.v[at];
			struct layout l = { .map = t->m->name, .row = row->i, .t = tally };

			if (!row->is_found)
				continue;
			check_key(&l, t, row);
			for (l.cpu = 0; l.cpu < quiet_n_values(t); l.cpu++) {
				if (quiet_value_node(t, row, l.cpu, &l.root))
					check_value(&l, t->m->values, quiet_value_bytes(t, row, l.cpu));
				else
					unlike(&l, "", "is not there");
			}
		}
	}
}

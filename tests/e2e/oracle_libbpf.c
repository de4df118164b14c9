/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and values of the quiet maps as libbpf prints them, from the guest's bytes and the guest's BTF.
 *
 * How libbpf 1.4 prints (tools/lib/bpf/btf_dump.c): one text for all that is asked for. In it, a byte of 0 in or behind
 * an array of one-byte integers ends all arrays that follow, so that it is asked for one member at a time. Bit fields
 * are only there within their struct, as bits without a sign, and are wrong where they are in more bytes than their type
 * has. A flexible array is an empty one. Floats have six decimals. Enums at addresses that they may not have in memory
 * are 0.
 */

#include <bpf/btf.h>
#include <ctype.h>
#include <inttypes.h>

#include "base/text.h"
#include "oracle_host.h"

#define MAX_DEPTH 32

struct look {
	const struct btf *btf;
	struct btf_dump *dump;
	struct sf_text text;       /* of the last question */
	uint8_t aligned[QUIET_MAX_VALUE] __attribute__((aligned(16)));
	const char *what;
	char path[512];
	unsigned int depth;
	struct oracle_tally *t;
};

static void collect(void *arg, const char *fmt, va_list ap)
{
	struct look *l = arg;
	char buf[1024];
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);

	/* A double may have 316 characters; nothing is longer. */
	sf_text_putn(&l->text, buf, sf_min((size_t)sf_max(n, 0), sizeof(buf) - 1));
}

/* What libbpf prints of @size bytes; "" when it refuses. */
static const char *ask(struct look *l, uint32_t type, const void *bytes, size_t size, bool with_names)
{
	LIBBPF_OPTS(btf_dump_type_data_opts, opts, .compact = true, .emit_zeroes = true, .skip_names = !with_names);

	if (size > sizeof(l->aligned))
		return "";
	memcpy(l->aligned, bytes, size);
	l->text.n = 0;
	if (btf_dump__dump_type_data(l->dump, type, l->aligned, size, &opts) < 0)
		l->text.n = 0;
	sf_text_putn(&l->text, "", 1);
	return l->text.failed ? "" : l->text.v;
}

static void unlike(struct look *l, const char *theirs, const char *ours)
{
	oracle_wrong(l->t, "%s %s: libbpf prints %s, ours is %s", l->what, l->path, theirs, ours);
}

/* ---- scalars ---------------------------------------------------------------------------------------------------- */

static const struct btf_type *peel(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t))) {
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return t;
}

/* Ours, written as libbpf would. */
static void write_scalar(const struct btf_type *t, const struct sf_scalar *s, char *buf, size_t size)
{
	switch (s->kind) {
	case SF_INT:
		snprintf(buf, size, "%" PRId64, s->i64);
		break;
	case SF_ENUM:
		if (s->variant)
			snprintf(buf, size, "%s", s->variant);
		else if (btf_is_enum64(t) && s->is_signed)
			snprintf(buf, size, "%" PRId64 "LL", s->i64);
		else if (btf_is_enum64(t))
			snprintf(buf, size, "%" PRIu64 "ULL", (uint64_t)s->i64);
		else if (s->is_signed)
			snprintf(buf, size, "%" PRId64, s->i64);
		else
			snprintf(buf, size, "%" PRIu64, (uint64_t)s->i64);
		break;
	case SF_FLOAT:
		snprintf(buf, size, "%f", s->f64);
		break;
	case SF_PTR:
		snprintf(buf, size, s->u64 ? "0x%" PRIx64 : "(nil)", s->u64);
		break;
	default:
		snprintf(buf, size, "%" PRIu64, s->u64);
	}
}

/* A bool is any byte for libbpf. */
static bool same_bool(const char *theirs, const struct sf_scalar *s)
{
	char *end;
	unsigned long v = strtoul(theirs, &end, 0);

	return end != theirs && (v != 0) == (s->u64 != 0);
}

static void compare_scalar(struct look *l, const struct sf_node *n, const struct btf_type *t, const char *theirs)
{
	struct sf_trouble why = { 0 };
	struct sf_scalar s = { 0 };
	char ours[512];

	if (sf_node_scalar(n, &s, &why) != SF_STEP_OK) {
		unlike(l, theirs, "no number");
		return;
	}
	write_scalar(t, &s, ours, sizeof(ours));
	/* Some are followed by a comma. */
	if (s.kind == SF_BOOL ? !same_bool(theirs, &s) :
				strncmp(theirs, ours, strlen(ours)) || theirs[strspn(theirs + strlen(ours), ",") + strlen(ours)])
		unlike(l, theirs, ours);
	else
		l->t->n_equal++;
}

static void compare_wide(struct look *l, const struct sf_node *n, const char *theirs)
{
	struct sf_trouble why;
	uint64_t half[2] = { 0 };
	size_t len = sizeof(half);
	char ours[40];

	if (sf_node_bytes(n, 0, half, &len, &why) != SF_STEP_OK || len != sizeof(half)) {
		unlike(l, theirs, "not 16 bytes");
		return;
	}
	if (half[1])
		snprintf(ours, sizeof(ours), "0x%" PRIx64 "%016" PRIx64, half[1], half[0]);
	else
		snprintf(ours, sizeof(ours), "0x%" PRIx64, half[0]);
	if (strncmp(theirs, ours, strlen(ours)))
		unlike(l, theirs, ours);
	else
		l->t->n_equal++;
}

static bool enumerator(const struct btf *btf, const struct btf_type *t, const char *text, uint64_t *ret)
{
	size_t len = strcspn(text, ",.}");

	for (uint32_t i = 0; btf_is_enum(t) && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_enum(t)[i].name_off);

		*ret = (uint64_t)(int64_t)btf_enum(t)[i].val;
		if (strlen(name) == len && !strncmp(name, text, len))
			return true;
	}
	return false;
}

/* Within the text of its struct: ".name = (type)0x1f,". */
static void compare_bits(struct look *l, const struct sf_node *n, const struct btf_type *t, const char *name,
			 unsigned int bits, const char *text)
{
	_cleanup_free_ char *wanted = sf_asprintf(".%s = (", name);
	const char *at = wanted ? strstr(text, wanted) : NULL;
	uint64_t theirs, mask = bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
	struct sf_trouble why;
	struct sf_scalar s;
	char *end, ours[24];

	at = at ? strchr(at, ')') : NULL;
	if (!at || sf_node_scalar(n, &s, &why) != SF_STEP_OK) {
		unlike(l, text, "no bits");
		return;
	}
	uint64_t v = (s.kind == SF_INT ? (uint64_t)s.i64 : s.u64) & mask;

	at++;
	snprintf(ours, sizeof(ours), "0x%" PRIx64, v);
	if (!enumerator(l->btf, t, at, &theirs)) {
		theirs = strtoull(at, &end, 0);
		if (end == at) {
			unlike(l, at, ours);
			return;
		}
	}
	if ((theirs & mask) != v)
		unlike(l, at, ours);
	else
		l->t->n_equal++;
}

/* ---- arrays ----------------------------------------------------------------------------------------------------- */

/* The next of "['a',-3,'\0',]"; false: it is over. */
static bool next_octet(const char **text, int *ret)
{
	const char *p = *text;
	char *end;

	if (*p == '\'') {
		bool escaped = p[1] == '\\' && p[2] == '0' && p[3] == '\'';

		*ret = escaped ? 0 : p[1];
		p += escaped ? 4 : 3;
	} else {
		*ret = (int)strtol(p, &end, 10);
		if (end == p)
			return false;
		p = end;
	}
	*text = p + (*p == ',');
	return true;
}

static void compare_octets(struct look *l, const struct sf_node *n, const char *theirs, uint64_t len)
{
	const char *p = strchr(theirs, '[');
	uint64_t i = 0;
	int octet;

	for (p = p ? p + 1 : ""; i < len && next_octet(&p, &octet); i++) {
		struct sf_node element;
		struct sf_trouble why;
		struct sf_scalar s;

		if (sf_node_index(n, i, &element) != SF_STEP_OK || sf_node_scalar(&element, &s, &why) != SF_STEP_OK) {
			unlike(l, theirs, "no array of numbers");
			return;
		}
		int ours = s.kind == SF_INT ? (int)s.i64 : (int)s.u64;

		if (s.kind == SF_BOOL ? (octet != 0) != (ours != 0) : (octet & 0xff) != (ours & 0xff)) {
			unlike(l, theirs, "another byte");
			return;
		}
		l->t->n_equal++;
	}
	/* Behind a 0 it says nothing. */
	l->t->n_tails += len - i;
}

static void look_at(struct look *l, const struct sf_node *n, uint32_t type, const uint8_t *bytes, size_t size);

static void look_at_array(struct look *l, const struct sf_node *n, uint32_t id, const struct btf_type *t,
			  const uint8_t *bytes)
{
	const struct btf_array *a = btf_array(t);
	uint32_t element = a->type;
	const struct btf_type *e = peel(l->btf, &element);
	int64_t size = btf__resolve_size(l->btf, a->type);

	if (!a->nelems) {
		if (sf_node_kind(n) == SF_UNSUPPORTED)
			l->t->n_flexible++;
		else
			unlike(l, "[]", sf_kind_name(sf_node_kind(n)));
		return;
	}
	if (size == 1 && btf_is_int(e)) {
		compare_octets(l, n, ask(l, id, bytes, a->nelems, false), a->nelems);
		return;
	}
	for (uint32_t i = 0; i < a->nelems; i++) {
		size_t mark = strlen(l->path);
		struct sf_node one;

		snprintf(l->path + mark, sizeof(l->path) - mark, "[%u]", i);
		if (size > 0 && sf_node_index(n, i, &one) == SF_STEP_OK)
			look_at(l, &one, a->type, bytes + i * (size_t)size, (size_t)size);
		else
			unlike(l, "an element", "none");
		l->path[mark] = '\0';
	}
}

/* ---- structs ---------------------------------------------------------------------------------------------------- */

/* Members of anonymous ones are in their place for us. @text: of the whole struct, once a bit field needs it. */
static void look_at_members(struct look *l, const struct sf_node *n, struct sf_member_iter *it, uint32_t id,
			    const uint8_t *bytes)
{
	const struct btf_type *t = btf__type_by_id(l->btf, id);
	_cleanup_free_ char *text = NULL;

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *name = btf__name_by_offset(l->btf, m->name_off), *ours = "?";
		uint32_t offset = btf_member_bit_offset(t, i), bits = btf_member_bitfield_size(t, i), inner = m->type;
		size_t mark = strlen(l->path);
		struct sf_node member;

		if (!*name && btf_is_composite(peel(l->btf, &inner))) {
			look_at_members(l, n, it, inner, bytes + offset / 8);
			continue;
		}
		if (!*name)
			continue;
		snprintf(l->path + mark, sizeof(l->path) - mark, ".%s", name);
		if (!sf_node_next_member(n, it, &ours, &member) || strcmp(ours, name)) {
			unlike(l, name, ours);
		} else if (bits) {
			if (!text)
				text = strdup(ask(l, id, bytes, t->size, true));
			inner = m->type;
			const struct btf_type *of = peel(l->btf, &inner);

			if (offset % 8 + bits > of->size * 8)
				l->t->n_odd++;
			else
				compare_bits(l, &member, of, name, bits, text ? text : "");
		} else {
			look_at(l, &member, m->type, bytes + offset / 8,
				(size_t)sf_max(btf__resolve_size(l->btf, m->type), (int64_t)0));
		}
		l->path[mark] = '\0';
	}
}

static void look_at_section(struct look *l, const struct sf_node *n, const struct btf_type *t, const uint8_t *bytes,
			    size_t size)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(t) + i;
		const struct btf_type *var = btf__type_by_id(l->btf, v->type);
		const char *name = btf__name_by_offset(l->btf, var->name_off);
		struct sf_node one;

		snprintf(l->path, sizeof(l->path), "%s", name);
		if (v->offset > size || v->size > size - v->offset)
			unlike(l, "outside", "inside");
		else if (sf_node_member(n, name, strlen(name), &one) == SF_STEP_OK)
			look_at(l, &one, var->type, bytes + v->offset, v->size);
		else
			unlike(l, name, "none");
	}
}

static void look_at(struct look *l, const struct sf_node *n, uint32_t type, const uint8_t *bytes, size_t size)
{
	struct sf_member_iter it = { 0 };
	const char *name;
	struct sf_node more;
	uint32_t id = type;
	const struct btf_type *t = peel(l->btf, &id);

	if (!t || l->depth >= MAX_DEPTH) {
		unlike(l, "a type", "none");
		return;
	}
	l->depth++;
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		look_at_members(l, n, &it, id, bytes);
		if (sf_node_kind(n) != SF_STRUCT || sf_node_next_member(n, &it, &name, &more))
			unlike(l, "all members", "more");
		break;
	case BTF_KIND_ARRAY:
		look_at_array(l, n, id, t, bytes);
		break;
	case BTF_KIND_DATASEC:
		look_at_section(l, n, t, bytes, size);
		break;
	case BTF_KIND_INT:
		if (t->size == 16) {
			compare_wide(l, n, ask(l, id, bytes, size, false));
			break;
		}
		/* fall through */
	default:
		compare_scalar(l, n, t, ask(l, id, bytes, size, false));
	}
	l->depth--;
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

static void look_at_row(struct look *l, const struct quiet_table *t, const struct quiet_row *row)
{
	uint32_t key = t->map->key_type, value = t->map->value_type;
	char what[64];
	struct sf_node n;

	l->what = what;
	l->path[0] = '\0';
	snprintf(what, sizeof(what), "%s key %u", t->m->name, row->i);
	if (quiet_key_node(t, row, &n))
		look_at(l, &n, key, row->key, row->key_len);
	for (uint32_t cpu = 0; cpu < quiet_n_values(t); cpu++) {
		l->path[0] = '\0';
		snprintf(what, sizeof(what), "%s value %u CPU %u", t->m->name, row->i, cpu);
		if (quiet_value_node(t, row, cpu, &n))
			look_at(l, &n, value, quiet_value_bytes(t, row, cpu), t->value_size);
		else
			unlike(l, "a value", "none");
	}
}

void quiet_compare_libbpf(const struct quiet_tables *ts, struct oracle_tally *tally)
{
	struct look l = { .btf = ts->btf, .t = tally };

	l.dump = ts->btf ? btf_dump__new(ts->btf, collect, &l, NULL) : NULL;
	if (!l.dump) {
		oracle_wrong(tally, "libbpf cannot be asked");
		return;
	}
	for (size_t i = 0; ts->v && i < n_quiet_maps; i++) {
		const struct quiet_table *t = &ts->v[i];

		for (size_t at = 0; t->m->keys != QUIET_BYTES && t->map && t->map->value_type && at < t->rows.n; at++)
			if (t->rows.v[at].is_found)
				look_at_row(&l, t, &t->rows.v[at]);
	}
	btf_dump__free(l.dump);
	free(l.text.v);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "map_json.h"
#include "plain_value.h"

#define WIDE_BYTES 16 /* what bpftool takes a bitfield or a wide integer from */
#define TEXT_PART 16  /* characters that count as one part */

/* What is shown: bytes that exist from `at` on. */
struct span {
	uint64_t at, had;
};

static void put_type(struct sf_plain *p, uint32_t type, const struct span *s, uint32_t bit);

static void charge(struct sf_plain *p, uint64_t n)
{
	p->left -= sf_min(n, p->left);
	p->was_cut |= !p->left;
}

static struct span span_at(const struct span *s, uint64_t off)
{
	return (struct span){ .at = s->at + off, .had = off < s->had ? s->had - off : 0 };
}

static bool load(const struct sf_plain *p, const struct span *s, void *buf, size_t len)
{
	if (len > s->had)
		return false;
	if (!p->local)
		return sf_vmem_read(p->vm, s->at, buf, len) == SF_FAULT_NONE;
	memcpy(buf, p->local + s->at, len);
	return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

static int64_t extend(uint64_t v, uint32_t size)
{
	unsigned int unused = 64 - 8 * size;

	return (int64_t)(v << unused) >> unused;
}

static void put_wide(struct sf_plain *p, unsigned __int128 v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;

	if (high)
		sf_json_strf(p->json, "0x%" PRIx64 "%016" PRIx64, high, low);
	else
		sf_json_strf(p->json, "0x%" PRIx64, low);
}

/* Hexadecimal and without a sign, whatever the type. */
static void put_bits(struct sf_plain *p, const struct span *s, uint32_t bit, uint32_t n_bits)
{
	struct span from = span_at(s, bit / 8);
	uint32_t shift = bit % 8, len = (shift + n_bits + 7) / 8;
	unsigned __int128 v = 0;

	if (!n_bits || len > WIDE_BYTES || !load(p, &from, &v, len)) {
		sf_json_null(p->json);
		return;
	}
	v >>= shift;
	if (n_bits < 128)
		v &= ((unsigned __int128)1 << n_bits) - 1;
	put_wide(p, v);
}

/* The character of that number in Unicode. */
static void put_char(struct sf_plain *p, uint8_t c)
{
	char wide[2] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) };

	if (c < 0x80)
		sf_json_strn(p->json, (const char *)&c, 1);
	else
		sf_json_strn(p->json, wide, sizeof(wide));
}

static void put_bool(struct sf_plain *p, const struct span *s, uint32_t size)
{
	uint8_t raw[WIDE_BYTES];
	bool is_set = false;

	if (size > sizeof(raw) || !load(p, s, raw, size)) {
		sf_json_null(p->json);
		return;
	}
	for (uint32_t i = 0; i < size; i++)
		is_set |= raw[i] != 0;
	sf_json_bool(p->json, is_set);
}

static void put_int(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s, uint32_t bit)
{
	struct sf_btf_int i;
	uint64_t v = 0;

	if (!sf_btf_int(t, &i)) {
		sf_json_null(p->json);
		return;
	}
	if (i.is_bool && !bit && i.bits == t->size * 8) {
		put_bool(p, s, t->size);
		return;
	}
	if (bit || i.bit_offset || (i.bits != 8 && i.bits != 16 && i.bits != 32 && i.bits != 64)) {
		put_bits(p, s, bit + i.bit_offset, i.bits);
		return;
	}
	if (!load(p, s, &v, i.bits / 8))
		sf_json_null(p->json);
	else if (i.is_char && i.bits == 8)
		put_char(p, (uint8_t)v);
	else if (i.is_signed)
		sf_json_i64(p->json, extend(v, i.bits / 8));
	else
		sf_json_u64(p->json, v);
}

static void put_enum(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s)
{
	uint64_t v = 0, mask = t->size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * t->size) - 1;
	struct sf_btf_enumerator e;

	if ((t->size != 1 && t->size != 2 && t->size != 4 && t->size != 8) || !load(p, s, &v, t->size)) {
		sf_json_null(p->json);
		return;
	}
	for (uint32_t i = 0; i < t->vlen && sf_btf_enumerator(p->btf, t, i, &e); i++) {
		if (((uint64_t)e.value & mask) != v)
			continue;
		sf_json_str(p->json, e.name);
		return;
	}
	/* Signed, whether or not the enum is. */
	sf_json_i64(p->json, extend(v, t->size));
}

static void put_float(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s)
{
	double wide;
	float narrow;

	if (t->size == 4 && load(p, s, &narrow, sizeof(narrow)))
		sf_json_f64(p->json, (double)narrow);
	else if (t->size == 8 && load(p, s, &wide, sizeof(wide)))
		sf_json_f64(p->json, wide);
	else
		sf_json_null(p->json);
}

static void put_pointer(struct sf_plain *p, const struct span *s)
{
	uint64_t v;

	if (load(p, s, &v, sizeof(v)))
		sf_json_u64(p->json, v);
	else
		sf_json_null(p->json);
}

/* ---- what has parts ----------------------------------------------------------------------------------------- */

/* Elements that may be text: of one byte, and called char or encoded as one. A typedef of it is none. */
static bool is_char(const struct sf_plain *p, uint32_t type)
{
	struct sf_btf_type t;
	struct sf_btf_int i;

	for (int hops = 0; hops < SF_BTF_MAX_HOPS && sf_btf_type(p->btf, type, &t); hops++) {
		switch (t.kind) {
		case SF_BTF_CONST:
		case SF_BTF_VOLATILE:
		case SF_BTF_RESTRICT:
		case SF_BTF_TYPE_TAG:
			type = t.type;
			break;
		case SF_BTF_INT:
			return t.size == 1 && sf_btf_int(&t, &i) &&
			       ((i.is_char && !i.is_signed && !i.is_bool) || !strcmp(t.name, "char"));
		default:
			return false;
		}
	}
	return false;
}

struct text {
	uint64_t len;
	bool is_over, is_text; /* a NUL was found, and nothing before it that is no printable ASCII */
	struct sf_json_writer *json;
};

static void scan_text(void *arg, const uint8_t *bytes, size_t n)
{
	struct text *t = arg;

	for (size_t i = 0; i < n && !t->is_over; i++) {
		t->is_over = !bytes || bytes[i] < 0x20 || bytes[i] >= 0x7f;
		t->is_text = bytes && !bytes[i];
		t->len += !t->is_over;
	}
}

static void write_text(void *arg, const uint8_t *bytes, size_t n)
{
	if (bytes)
		sf_json_str_text(arg, (const char *)bytes, n);
}

static void each_byte(const struct sf_plain *p, const struct span *s, uint64_t len, sf_bytes_fn *fn, void *arg)
{
	len = sf_min(len, s->had);
	if (p->local)
		fn(arg, p->local + s->at, (size_t)len);
	else
		sf_bytes_each(p->vm, s->at, len, fn, arg);
}

static bool put_string(struct sf_plain *p, const struct sf_btf_array *a, const struct span *s)
{
	struct text t = { 0 };

	if (!is_char(p, a->type))
		return false;
	each_byte(p, s, a->n, scan_text, &t);
	charge(p, t.len / TEXT_PART);
	if (!t.is_text)
		return false;
	sf_json_begin_str(p->json);
	each_byte(p, s, t.len, write_text, p->json);
	sf_json_end_str(p->json);
	return true;
}

static void put_array(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s)
{
	struct sf_btf_array a;
	uint64_t size;

	if (!sf_btf_array(t, &a) || !sf_btf_size_of(p->btf, a.type, &size)) {
		sf_json_null(p->json);
		return;
	}
	if (put_string(p, &a, s))
		return;
	sf_json_begin_array(p->json);
	for (uint32_t i = 0; i < a.n && p->left && !p->json->failed; i++) {
		struct span elem = span_at(s, i * size);

		put_type(p, a.type, &elem, 0);
	}
	sf_json_end_array(p->json);
}

/* Anonymous members, too, are members: of no name. */
static void put_struct(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s)
{
	struct sf_btf_member m;

	sf_json_begin_object(p->json);
	for (uint32_t i = 0; i < t->vlen && p->left && !p->json->failed; i++) {
		if (!sf_btf_member(p->btf, t, i, &m))
			continue;
		struct span at = span_at(s, m.bit_offset / 8);

		sf_json_key(p->json, m.name);
		if (m.bit_size)
			put_bits(p, &at, m.bit_offset % 8, m.bit_size);
		else
			put_type(p, m.type, &at, m.bit_offset % 8);
	}
	sf_json_end_object(p->json);
}

static void put_section(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s)
{
	struct sf_btf_var v;

	sf_json_begin_object(p->json);
	sf_json_key(p->json, t->name);
	sf_json_begin_array(p->json);
	for (uint32_t i = 0; i < t->vlen && p->left && !p->json->failed; i++) {
		if (!sf_btf_var(p->btf, t, i, &v))
			continue;
		struct span at = span_at(s, v.offset);

		sf_json_begin_object(p->json);
		sf_json_key(p->json, v.name);
		put_type(p, v.type, &at, 0);
		sf_json_end_object(p->json);
	}
	sf_json_end_array(p->json);
	sf_json_end_object(p->json);
}

/* ---- any ---------------------------------------------------------------------------------------------------- */

static void put_kind(struct sf_plain *p, const struct sf_btf_type *t, const struct span *s, uint32_t bit)
{
	switch (t->kind) {
	case SF_BTF_INT:
		put_int(p, t, s, bit);
		break;
	case SF_BTF_ENUM:
	case SF_BTF_ENUM64:
		put_enum(p, t, s);
		break;
	case SF_BTF_FLOAT:
		put_float(p, t, s);
		break;
	case SF_BTF_PTR:
		put_pointer(p, s);
		break;
	case SF_BTF_ARRAY:
		put_array(p, t, s);
		break;
	case SF_BTF_STRUCT:
	case SF_BTF_UNION:
		put_struct(p, t, s);
		break;
	case SF_BTF_DATASEC:
		put_section(p, t, s);
		break;
	default:
		sf_json_null(p->json);
	}
}

/* @bit: where in its first byte it begins; only integers do. */
static void put_type(struct sf_plain *p, uint32_t type, const struct span *s, uint32_t bit)
{
	struct sf_btf_type t;

	charge(p, 1);
	p->was_cut |= p->depth == SF_RENDER_MAX_DEPTH;
	if (!p->left || p->depth == SF_RENDER_MAX_DEPTH || !sf_btf_type(p->btf, sf_btf_peel(p->btf, type), &t) ||
	    (bit && t.kind != SF_BTF_INT)) {
		sf_json_null(p->json);
		return;
	}
	p->depth++;
	put_kind(p, &t, s, bit);
	p->depth--;
}

void sf_plain_value(struct sf_plain *p, uint32_t type, uint64_t kva, uint64_t had)
{
	struct span s = { .at = kva, .had = had };

	p->depth = 0;
	put_type(p, type, &s, 0);
}

/* ---- bytes -------------------------------------------------------------------------------------------------- */

static void put_raw_bytes(void *arg, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	struct sf_json_writer *json = arg;

	for (size_t i = 0; i < n && !json->failed; i++) {
		if (bytes)
			sf_json_raw(json, (const char[]){ '"', '0', 'x', digits[bytes[i] >> 4], digits[bytes[i] & 15], '"' }, 6);
		else
			sf_json_null(json);
	}
}

void sf_plain_bytes(struct sf_json_writer *json, struct sf_vmem *vm, uint64_t kva, uint64_t len)
{
	sf_json_begin_array(json);
	sf_bytes_each(vm, kva, len, put_raw_bytes, json);
	sf_json_end_array(json);
}

void sf_plain_local_bytes(struct sf_json_writer *json, const void *bytes, size_t len)
{
	sf_json_begin_array(json);
	put_raw_bytes(json, bytes, len);
	sf_json_end_array(json);
}

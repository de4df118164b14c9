/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "btf_private.h"

struct section {
	const char *name;
	uint32_t off, len;
};

static struct sf_error *section_find(const uint8_t *data, size_t len, uint32_t header_len,
				     uint32_t at, const char *name, struct section *ret)
{
	struct section s = { name, sf_load32(data + at), sf_load32(data + at + 4) };

	if (!sf_in_range(s.off, s.len, len - header_len))
		return sf_error_new(SF_BAD_INPUT,
				    "BTF: the %s section (%u bytes at %u) ends beyond the data, of "
				    "which %zu bytes follow the header",
				    s.name, s.len, s.off, len - header_len);
	*ret = s;
	return NULL;
}

static struct sf_error *header_check(const uint8_t *data, size_t len, uint32_t *header_len_ret)
{
	if (len > SF_BTF_MAX_SIZE)
		return sf_error_new(SF_BAD_INPUT, "BTF: %zu bytes are more than the limit of %u",
				    len, SF_BTF_MAX_SIZE);
	if (len < BTF_HEADER_SIZE)
		return sf_error_new(SF_BAD_INPUT,
				    "BTF: %zu bytes are too few for its header, which has %u", len,
				    BTF_HEADER_SIZE);
	uint16_t magic = sf_load16(data);

	if (magic == __builtin_bswap16(BTF_MAGIC))
		return sf_error_new(SF_BAD_INPUT,
				    "BTF: big-endian; only little-endian BTF is read");
	if (magic != BTF_MAGIC)
		return sf_error_new(SF_BAD_INPUT, "BTF: the magic is 0x%04x instead of 0x%04x",
				    magic, BTF_MAGIC);
	if (data[2] != BTF_VERSION)
		return sf_error_new(SF_BAD_INPUT, "BTF: version %u; only version %u is known",
				    data[2], BTF_VERSION);
	if (data[3])
		return sf_error_new(SF_BAD_INPUT, "BTF: flags 0x%02x are set; none is known",
				    data[3]);
	uint32_t header_len = sf_load32(data + 4);

	if (header_len < BTF_HEADER_SIZE || header_len > len)
		return sf_error_new(SF_BAD_INPUT,
				    "BTF: a header of %u bytes; %u to %zu are possible", header_len,
				    BTF_HEADER_SIZE, len);
	*header_len_ret = header_len;
	return NULL;
}

/* Where ids and strings go on. The base's types have to be counted for that, to their end. */
static struct sf_error *base_continue(struct sf_btf *btf, struct sf_btf *base)
{
	const struct sf_btf_index *index = sf_btf_index(base);

	if (!index)
		return sf_error_nomem();
	if (!index->whole)
		return sf_error_new(SF_BAD_INPUT,
				    "BTF: the types of the base cannot be counted: what follows its "
				    "type %u is damaged, or of a kind of unknown size",
				    base->first_id + index->n - 1);
	uint64_t strings = (uint64_t)base->first_str + base->str_len;

	if (strings + btf->str_len > UINT32_MAX ||
	    (uint64_t)base->first_id + index->n + btf->type_len / BTF_TYPE_SIZE > UINT32_MAX)
		return sf_error_new(SF_BAD_INPUT, "BTF: too many bases in a row");
	btf->first_str = strings;
	btf->first_id = base->first_id + index->n;
	btf->base = sf_btf_ref(base);
	return NULL;
}

struct sf_error *sf_btf_new(const void *data, size_t len, struct sf_btf *base,
			    void (*release)(void *arg), void *arg, struct sf_btf **ret)
{
	SF_OWNED(btf) btf = NULL;
	struct section types = { 0 }, strings = { 0 }, layout = { 0 };
	uint32_t header_len = 0;

	SF_TRY(header_check(data, len, &header_len));
	SF_TRY(section_find(data, len, header_len, 8, "type", &types));
	SF_TRY(section_find(data, len, header_len, 16, "string", &strings));
	if (header_len >= BTF_HEADER_LAYOUT_SIZE)
		SF_TRY(section_find(data, len, header_len, 24, "layout", &layout));

	btf = calloc(1, sizeof(*btf));
	if (!btf)
		return sf_error_nomem();
	atomic_init(&btf->refs, 1);
	btf->data = data;
	btf->len = len;
	btf->types = btf->data + header_len + types.off;
	btf->type_len = types.len;
	btf->strings = (const char *)btf->data + header_len + strings.off;
	btf->str_len = strings.len;
	btf->first_id = 1;
	if (strings.len) {
		const char *last = memrchr(btf->strings, '\0', strings.len);

		btf->str_end = last ? last - btf->strings + 1 : 0;
	}
	if (base)
		SF_TRY(base_continue(btf, base));
	sf_btf_rules_init(btf, btf->data + header_len + layout.off, layout.len);
	btf->release = release;
	btf->arg = arg;
	*ret = steal_ptr(&btf);
	return NULL;
}

struct sf_btf *sf_btf_ref(struct sf_btf *btf)
{
	atomic_fetch_add_explicit(&btf->refs, 1, memory_order_relaxed);
	return btf;
}

void sf_btf_unref(struct sf_btf *btf)
{
	while (btf && atomic_fetch_sub_explicit(&btf->refs, 1, memory_order_acq_rel) == 1) {
		struct sf_btf *base = btf->base;

		if (btf->release)
			btf->release(btf->arg);
		free(atomic_load_explicit(&btf->index, memory_order_relaxed));
		for (int class = 0; class < SF_BTF_N_CLASSES; class++)
			free(atomic_load_explicit(&btf->names[class], memory_order_relaxed));
		free(atomic_load_explicit(&btf->enumerators, memory_order_relaxed));
		free(btf);
		btf = base;
	}
}

uint32_t sf_btf_n_types(const struct sf_btf *btf)
{
	const struct sf_btf_index *index = sf_btf_index(btf);

	return btf->first_id + (index ? index->n : 0);
}

uint32_t sf_btf_first_own_id(const struct sf_btf *btf)
{
	return btf->first_id;
}

uint32_t sf_btf_n_unreadable(const struct sf_btf *btf)
{
	uint32_t n = 0;

	for (; btf; btf = btf->base) {
		const struct sf_btf_index *index = sf_btf_index(btf);

		n += index ? index->n_unreadable : 1;
	}
	return n;
}

const void *sf_btf_data(const struct sf_btf *btf, size_t *len)
{
	*len = btf->len;
	return btf->data;
}

/* ---- one type ------------------------------------------------------------------------------- */

static bool kind_has_size(enum sf_btf_kind kind)
{
	return kind == SF_BTF_INT || kind == SF_BTF_ENUM || kind == SF_BTF_ENUM64 ||
	       kind == SF_BTF_STRUCT || kind == SF_BTF_UNION || kind == SF_BTF_FLOAT ||
	       kind == SF_BTF_DATASEC;
}

static bool kind_has_type(enum sf_btf_kind kind)
{
	return !kind_has_size(kind) && kind != SF_BTF_ARRAY && kind != SF_BTF_FWD &&
	       kind < SF_BTF_N_KINDS;
}

bool sf_btf_type_at(const struct sf_btf *btf, const struct sf_btf_index *index, uint32_t i,
		    struct sf_btf_type *ret)
{
	if (i >= index->n)
		return false;
	uint32_t start = index->starts[i];
	const uint8_t *p = btf->types + start;
	uint32_t info = sf_load32(p + 4), last = sf_load32(p + 8);
	const char *name = sf_btf_str(btf, sf_load32(p));
	enum sf_btf_kind kind = btf_info_kind(info);
	const struct sf_btf_rule *rule = &index->rules[kind];
	uint64_t n_trailing = sf_btf_rule_size(rule, info);

	if (!name || !rule->known || n_trailing > btf->type_len - start - BTF_TYPE_SIZE)
		return false;
	if (kind == SF_BTF_VOID || kind > SF_BTF_N_KINDS)
		kind = SF_BTF_N_KINDS;
	*ret = (struct sf_btf_type){
		.id = btf->first_id + i,
		.kind = kind,
		.name = name,
		.kflag = info >> 31,
		.vlen = btf_info_vlen(info),
		.size = kind_has_size(kind) ? last : 0,
		.type = kind_has_type(kind) ? last : 0,
		.trailing = p + BTF_TYPE_SIZE,
		.n_trailing = n_trailing,
	};
	return true;
}

bool sf_btf_type(const struct sf_btf *btf, uint32_t id, struct sf_btf_type *ret)
{
	if (!id) {
		*ret = (struct sf_btf_type){ .kind = SF_BTF_VOID, .name = "" };
		return true;
	}
	btf = sf_btf_owner(btf, id);
	const struct sf_btf_index *index = sf_btf_index(btf);

	return index && sf_btf_type_at(btf, index, id - btf->first_id, ret);
}

/* The @i'th record of @size bytes behind @t; NULL: there are fewer. */
static const uint8_t *record(const struct sf_btf_type *t, uint32_t i, uint32_t size)
{
	return i < t->vlen && i < t->n_trailing / size ? t->trailing + (size_t)i * size : NULL;
}

/* A base's damaged offset must not reach into the strings of what continues it. */
static const char *record_name(const struct sf_btf *btf, const struct sf_btf_type *t,
			       const uint8_t *p)
{
	return sf_btf_str(sf_btf_owner(btf, t->id), sf_load32(p));
}

bool sf_btf_int(const struct sf_btf_type *t, struct sf_btf_int *ret)
{
	if (t->kind != SF_BTF_INT || t->n_trailing < 4)
		return false;
	uint32_t v = sf_load32(t->trailing);

	*ret = (struct sf_btf_int){
		.is_signed = v >> 24 & 1,
		.is_char = v >> 24 & 2,
		.is_bool = v >> 24 & 4,
		.bit_offset = v >> 16 & 0xff,
		.bits = v & 0xff,
	};
	return true;
}

bool sf_btf_member(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i,
		   struct sf_btf_member *ret)
{
	bool composite = t->kind == SF_BTF_STRUCT || t->kind == SF_BTF_UNION;
	const uint8_t *p = composite ? record(t, i, 12) : NULL;
	const char *name = p ? record_name(btf, t, p) : NULL;

	if (!name)
		return false;
	uint32_t offset = sf_load32(p + 8);

	*ret = (struct sf_btf_member){
		.name = name,
		.type = sf_load32(p + 4),
		.bit_offset = t->kflag ? offset & 0xffffff : offset,
		.bit_size = t->kflag ? offset >> 24 : 0,
	};
	return true;
}

bool sf_btf_enumerator(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i,
		       struct sf_btf_enumerator *ret)
{
	const uint8_t *p = t->kind == SF_BTF_ENUM ? record(t, i, 8) :
			   t->kind == SF_BTF_ENUM64 ? record(t, i, 12) : NULL;
	const char *name = p ? record_name(btf, t, p) : NULL;

	if (!name)
		return false;
	ret->name = name;
	if (t->kind == SF_BTF_ENUM64)
		ret->value = (int64_t)sf_load64(p + 4);
	else
		ret->value = t->kflag ? (int32_t)sf_load32(p + 4) : (int64_t)sf_load32(p + 4);
	return true;
}

bool sf_btf_array(const struct sf_btf_type *t, struct sf_btf_array *ret)
{
	if (t->kind != SF_BTF_ARRAY || t->n_trailing < 12)
		return false;
	ret->type = sf_load32(t->trailing);
	ret->index_type = sf_load32(t->trailing + 4);
	ret->n = sf_load32(t->trailing + 8);
	return true;
}

bool sf_btf_param(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i,
		  struct sf_btf_param *ret)
{
	const uint8_t *p = t->kind == SF_BTF_FUNC_PROTO ? record(t, i, 8) : NULL;
	const char *name = p ? record_name(btf, t, p) : NULL;

	if (!name)
		return false;
	ret->name = name;
	ret->type = sf_load32(p + 4);
	return true;
}

bool sf_btf_var(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i,
		struct sf_btf_var *ret)
{
	const uint8_t *p = t->kind == SF_BTF_DATASEC ? record(t, i, 12) : NULL;
	struct sf_btf_type var;

	if (!p || !sf_btf_type(btf, sf_load32(p), &var))
		return false;
	*ret = (struct sf_btf_var){
		.name = var.name,
		.var = var.id,
		.type = var.kind == SF_BTF_VAR ? var.type : var.id,
		.offset = sf_load32(p + 4),
		.size = sf_load32(p + 8),
	};
	return true;
}

const char *sf_btf_kind_name(enum sf_btf_kind kind)
{
	static const char *const names[SF_BTF_N_KINDS] = {
		"void", "int", "ptr", "array", "struct", "union", "enum", "fwd", "typedef",
		"volatile", "const", "restrict", "func", "func_proto", "var", "datasec", "float",
		"decl_tag", "type_tag", "enum64",
	};

	return (unsigned int)kind < SF_BTF_N_KINDS ? names[kind] : "unknown";
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "btf_private.h"

/*
 * Every index is one allocation, made by one or two linear passes over the type section. They are
 * atomic pointers in an otherwise immutable object, hence the casts.
 */
#define publish(btf, member, made)                                                                 \
	({                                                                                         \
		__typeof__(made) expected_ = NULL, made_ = (made);                                 \
		if (!atomic_compare_exchange_strong_explicit(                                      \
			    &((struct sf_btf *)(btf))->member, &expected_, made_,                  \
			    memory_order_acq_rel, memory_order_acquire)) {                         \
			free(made_);                                                               \
			made_ = expected_;                                                         \
		}                                                                                  \
		made_;                                                                             \
	})

static enum sf_btf_class class_of(uint32_t kind)
{
	return kind == SF_BTF_FUNC ? SF_BTF_CLASS_FUNCS : SF_BTF_CLASS_TYPES;
}

/* ---- where types start ---------------------------------------------------------------------- */

static const struct sf_btf_rule known_rules[SF_BTF_N_KINDS] = {
	[SF_BTF_INT] = { 4, 0, true },        [SF_BTF_PTR] = { 0, 0, true },
	[SF_BTF_ARRAY] = { 12, 0, true },     [SF_BTF_STRUCT] = { 0, 12, true },
	[SF_BTF_UNION] = { 0, 12, true },     [SF_BTF_ENUM] = { 0, 8, true },
	[SF_BTF_FWD] = { 0, 0, true },        [SF_BTF_TYPEDEF] = { 0, 0, true },
	[SF_BTF_VOLATILE] = { 0, 0, true },   [SF_BTF_CONST] = { 0, 0, true },
	[SF_BTF_RESTRICT] = { 0, 0, true },   [SF_BTF_FUNC] = { 0, 0, true },
	[SF_BTF_FUNC_PROTO] = { 0, 8, true }, [SF_BTF_VAR] = { 4, 0, true },
	[SF_BTF_DATASEC] = { 0, 12, true },   [SF_BTF_FLOAT] = { 0, 0, true },
	[SF_BTF_DECL_TAG] = { 4, 0, true },   [SF_BTF_TYPE_TAG] = { 0, 0, true },
	[SF_BTF_ENUM64] = { 0, 12, true },
};

/*
 * A layout section has {u8 info_sz, u8 elem_sz, u16 flags} for each kind that the encoder knew, and
 * a split BTF without one shares its base's (struct btf_layout in include/uapi/linux/btf.h, and
 * libbpf's reading of it, 7.2). For kinds that this reader knows it is not asked.
 */
void sf_btf_rules_init(struct sf_btf *btf, const uint8_t *layout, uint32_t layout_len)
{
	if (btf->base)
		memcpy(btf->rules, sf_btf_index(btf->base)->rules, sizeof(btf->rules));
	memcpy(btf->rules, known_rules, sizeof(known_rules));
	for (uint32_t kind = 0; kind < BTF_N_KIND_CODES && kind < layout_len / 4; kind++) {
		const uint8_t *l = layout + 4 * kind;
		bool ours = kind > SF_BTF_VOID && kind < SF_BTF_N_KINDS;

		if (!ours && l[0] % 4 == 0 && l[1] % 4 == 0)
			btf->rules[kind] = (struct sf_btf_rule){ l[0], l[1], true };
	}
}

/*
 * Kinds that nothing follows. Telling them by a branch lets the processor run ahead to the next
 * type.
 */
static const uint32_t bare_kinds = 1u << SF_BTF_PTR | 1u << SF_BTF_FWD | 1u << SF_BTF_TYPEDEF |
				   1u << SF_BTF_VOLATILE | 1u << SF_BTF_CONST |
				   1u << SF_BTF_RESTRICT | 1u << SF_BTF_FUNC | 1u << SF_BTF_FLOAT |
				   1u << SF_BTF_TYPE_TAG;

/*
 * The walk itself, over a kernel's 10^5 types. @index has space for as many starts as could be, and
 * as many names.
 */
static void index_fill(const struct sf_btf *btf, struct sf_btf_index *index)
{
	const uint8_t *types = btf->types;
	uint32_t *starts = index->starts, *named = index->named;
	uint32_t end = btf->type_len, off = 0, n = 0, n_named = 0, n_funcs = 0, n_unreadable = 0;
	uint32_t own_strings = btf->first_str ? 0 : btf->str_end;

	while (end - off >= BTF_TYPE_SIZE) {
		uint32_t name = sf_load32(types + off), info = sf_load32(types + off + 4);
		uint32_t kind = btf_info_kind(info), size = BTF_TYPE_SIZE;

		if (kind >= 32 || !(bare_kinds >> kind & 1)) {
			const struct sf_btf_rule *rule = &index->rules[kind];

			if (sf_unlikely(!rule->known)) {
				index->n = n;
				if (!sf_btf_guess_rules(btf, index, off))
					break;
			}
			uint64_t trailing = sf_btf_rule_size(rule, info);

			if (trailing > end - off - BTF_TYPE_SIZE)
				break;
			size += trailing;
		}
		if (sf_unlikely(name >= own_strings))
			n_unreadable += !sf_btf_str(btf, name);
		starts[n] = off;
		named[n_named] = n++;
		n_named += (name != 0) & (kind != SF_BTF_FUNC);
		n_funcs += (name != 0) & (kind == SF_BTF_FUNC);
		off += size;
	}
	index->n = n;
	index->n_named[SF_BTF_CLASS_TYPES] = n_named;
	index->n_named[SF_BTF_CLASS_FUNCS] = n_funcs;
	index->whole = off == end;
	index->n_unreadable = n_unreadable + !index->whole;
}

static struct sf_btf_index *index_build(const struct sf_btf *btf)
{
	size_t most = btf->type_len / BTF_TYPE_SIZE, used;
	struct sf_btf_index *index = malloc(sizeof(*index) + 2 * most * sizeof(uint32_t));

	if (!index)
		return NULL;
	memcpy(index->rules, btf->rules, sizeof(index->rules));
	index->named = index->starts + most;
	index_fill(btf, index);

	used = (size_t)index->n + index->n_named[SF_BTF_CLASS_TYPES];
	memmove(index->starts + index->n, index->named,
		index->n_named[SF_BTF_CLASS_TYPES] * sizeof(uint32_t));
	struct sf_btf_index *fitted = realloc(index, sizeof(*index) + used * sizeof(uint32_t));

	index = fitted ?: index;
	index->named = index->starts + index->n;
	return index;
}

const struct sf_btf_index *sf_btf_index(const struct sf_btf *btf)
{
	struct sf_btf_index *index =
		atomic_load_explicit(&((struct sf_btf *)btf)->index, memory_order_acquire);

	if (sf_likely(index))
		return index;
	index = index_build(btf);
	return index ? publish(btf, index, index) : NULL;
}

/* ---- names ---------------------------------------------------------------------------------- */

/*
 * A string's hash, eight bytes at a time with its end found on the way, which is most of what
 * indexing a kernel's names costs. @avail bytes are readable at @s, and a NUL is among them.
 */
static uint32_t name_hash(const char *s, size_t avail)
{
	const uint64_t ones = 0x0101010101010101ull;
	uint64_t h = 0x9e3779b97f4a7c15ull;

	for (;; s += 8, avail -= 8) {
		uint64_t word = 0;

		if (sf_likely(avail >= 8))
			word = sf_load64(s);
		else
			memcpy(&word, s, avail);
		uint64_t nul = (word - ones) & ~word & ones << 7;

		if (nul)
			word &= (nul & -nul) - 1;
		h = (h ^ word) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
		if (nul)
			return h;
	}
}

static const char *str_avail(const struct sf_btf *btf, uint32_t off, size_t *avail)
{
	while (off < btf->first_str)
		btf = btf->base;
	off -= btf->first_str;
	if (off >= btf->str_end)
		return NULL;
	*avail = btf->str_end - off;
	return btf->strings + off;
}

/* A power of two, between three quarters and one and a half of @n. */
static uint32_t n_heads(uint32_t n)
{
	uint32_t heads = 1;

	while (heads < n - n / 4)
		heads <<= 1;
	return heads;
}

static void names_add(const struct sf_btf *btf, struct sf_btf_names *names, uint32_t i,
		      uint32_t name_off)
{
	size_t avail;
	const char *name = str_avail(btf, name_off, &avail);

	if (!name || !*name)
		return;
	uint32_t *head = &names->heads[name_hash(name, avail) & names->mask];

	names->slots[names->n++] = (struct sf_btf_name_slot){ i, *head };
	*head = names->n;
}

/* Adding the last first leaves every chain in the order of ids. */
static struct sf_btf_names *names_build(const struct sf_btf *btf, enum sf_btf_class class)
{
	const struct sf_btf_index *index = sf_btf_index(btf);

	if (!index)
		return NULL;
	uint32_t n = index->n_named[class], heads = n_heads(n);
	struct sf_btf_names *names =
		calloc(1, sizeof(*names) + (size_t)heads * sizeof(names->heads[0]) +
				  (size_t)n * sizeof(names->slots[0]));

	if (!names)
		return NULL;
	names->mask = heads - 1;
	names->slots = (struct sf_btf_name_slot *)(names->heads + heads);
	if (class == SF_BTF_CLASS_TYPES) {
		for (uint32_t k = n; k-- > 0;)
			names_add(btf, names, index->named[k],
				  sf_load32(btf->types + index->starts[index->named[k]]));
		return names;
	}
	for (uint32_t i = index->n; i-- > 0;) {
		const uint8_t *p = btf->types + index->starts[i];
		uint32_t name_off = sf_load32(p);

		if (name_off && btf_info_kind(sf_load32(p + 4)) == SF_BTF_FUNC && names->n < n)
			names_add(btf, names, i, name_off);
	}
	return names;
}

static const struct sf_btf_names *names_get(const struct sf_btf *btf, enum sf_btf_class class)
{
	struct sf_btf_names *names =
		atomic_load_explicit(&((struct sf_btf *)btf)->names[class], memory_order_acquire);

	if (sf_likely(names))
		return names;
	names = names_build(btf, class);
	return names ? publish(btf, names[class], names) : NULL;
}

/*
 * First own type from link @link on of this name and kind. Returns its link, and the type; 0: none.
 */
static uint32_t chain_find(const struct sf_btf *btf, const struct sf_btf_names *names,
			   uint32_t link, const char *name, enum sf_btf_kind kind,
			   struct sf_btf_type *ret)
{
	const struct sf_btf_index *index = sf_btf_index(btf);

	for (; link; link = names->slots[link - 1].next)
		if (sf_btf_type_at(btf, index, names->slots[link - 1].i, ret) &&
		    (kind == SF_BTF_N_KINDS || ret->kind == kind) && !strcmp(ret->name, name))
			return link;
	return 0;
}

/* The link after own type @i; 0 if it has no name. */
static uint32_t chain_next(const struct sf_btf_names *names, uint32_t i)
{
	uint32_t lo = 0, hi = names->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (names->slots[mid].i == i)
			return names->slots[mid].next;
		if (names->slots[mid].i > i)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

/* From class @class of @btf on, to the last class of the last base. */
static uint32_t find_from(const struct sf_btf *btf, enum sf_btf_class class, const char *name,
			  enum sf_btf_kind kind)
{
	uint32_t hash = name_hash(name, strlen(name) + 1);
	struct sf_btf_type t;

	for (; *name && btf; btf = btf->base, class = SF_BTF_CLASS_TYPES) {
		for (; class < SF_BTF_N_CLASSES; class++) {
			if (kind != SF_BTF_N_KINDS && class_of(kind) != class)
				continue;
			const struct sf_btf_names *names = names_get(btf, class);

			if (names && chain_find(btf, names, names->heads[hash & names->mask], name,
						kind, &t))
				return t.id;
		}
	}
	return 0;
}

uint32_t sf_btf_find(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind)
{
	return find_from(btf, SF_BTF_CLASS_TYPES, name, kind);
}

uint32_t sf_btf_find_next(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind,
			  uint32_t id)
{
	struct sf_btf_type t;

	if (!id)
		return sf_btf_find(btf, name, kind);
	if (!*name || !sf_btf_type(btf, id, &t) || strcmp(t.name, name))
		return 0;
	btf = sf_btf_owner(btf, id);
	enum sf_btf_class class = class_of(t.kind);
	const struct sf_btf_names *names = names_get(btf, class);

	if (names && chain_find(btf, names, chain_next(names, id - btf->first_id), name, kind, &t))
		return t.id;
	return find_from(btf, class + 1, name, kind);
}

uint32_t sf_btf_find_largest(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind)
{
	uint32_t hash = name_hash(name, strlen(name) + 1), largest = 0, largest_size = 0;
	struct sf_btf_type t;

	for (; *name && btf; btf = btf->base) {
		const struct sf_btf_names *names = names_get(btf, SF_BTF_CLASS_TYPES);
		uint32_t link = names ? names->heads[hash & names->mask] : 0;

		for (; (link = chain_find(btf, names, link, name, kind, &t));
		     link = names->slots[link - 1].next) {
			if ((t.kind != SF_BTF_STRUCT && t.kind != SF_BTF_UNION) ||
			    (largest && t.size <= largest_size))
				continue;
			largest = t.id;
			largest_size = t.size;
		}
	}
	return largest;
}

/* ---- enumerators ---------------------------------------------------------------------------- */

static uint32_t enumerator_size(enum sf_btf_kind kind)
{
	return kind == SF_BTF_ENUM ? 8 : kind == SF_BTF_ENUM64 ? 12 : 0;
}

static struct sf_btf_enumerators *enumerators_alloc(const struct sf_btf *btf,
						    const struct sf_btf_index *index)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < index->n; i++) {
		uint32_t info = sf_load32(btf->types + index->starts[i] + 4);

		if (enumerator_size(btf_info_kind(info)))
			n += btf_info_vlen(info);
	}
	uint32_t heads = n_heads(n);
	struct sf_btf_enumerators *e = calloc(1, sizeof(*e) + (size_t)heads * sizeof(e->heads[0]) +
						 (size_t)n * sizeof(e->slots[0]));

	if (!e)
		return NULL;
	e->mask = heads - 1;
	e->slots = (struct sf_btf_enumerator_slot *)(e->heads + heads);
	return e;
}

static struct sf_btf_enumerators *enumerators_build(const struct sf_btf *btf)
{
	const struct sf_btf_index *index = sf_btf_index(btf);
	struct sf_btf_enumerators *e = index ? enumerators_alloc(btf, index) : NULL;

	if (!e)
		return NULL;
	for (uint32_t i = index->n; i-- > 0;) {
		uint32_t start = index->starts[i], info = sf_load32(btf->types + start + 4);
		uint32_t size = enumerator_size(btf_info_kind(info));
		uint32_t flags = (info >> 31 ? SF_BTF_SLOT_SIGNED : 0) |
				 (size == 12 ? SF_BTF_SLOT_64 : 0);

		for (uint32_t m = size ? btf_info_vlen(info) : 0; m-- > 0;) {
			uint32_t place = start + BTF_TYPE_SIZE + m * size;
			size_t avail;
			const char *name = str_avail(btf, sf_load32(btf->types + place), &avail);

			if (!name || !*name)
				continue;
			uint32_t *head = &e->heads[name_hash(name, avail) & e->mask];

			e->slots[e->n++] = (struct sf_btf_enumerator_slot){ place | flags, *head };
			*head = e->n;
		}
	}
	return e;
}

static const struct sf_btf_enumerators *enumerators_get(const struct sf_btf *btf)
{
	struct sf_btf_enumerators *e =
		atomic_load_explicit(&((struct sf_btf *)btf)->enumerators, memory_order_acquire);

	if (sf_likely(e))
		return e;
	e = enumerators_build(btf);
	return e ? publish(btf, enumerators, e) : NULL;
}

bool sf_btf_find_enumerator(const struct sf_btf *btf, const char *name, int64_t *ret)
{
	uint32_t hash = name_hash(name, strlen(name) + 1);

	for (; *name && btf; btf = btf->base) {
		const struct sf_btf_enumerators *e = enumerators_get(btf);

		for (uint32_t link = e ? e->heads[hash & e->mask] : 0; link;
		     link = e->slots[link - 1].next) {
			uint32_t place = e->slots[link - 1].place;
			const uint8_t *p =
				btf->types + (place & ~(SF_BTF_SLOT_SIGNED | SF_BTF_SLOT_64));
			const char *found = sf_btf_str(btf, sf_load32(p));

			if (!found || strcmp(found, name))
				continue;
			if (place & SF_BTF_SLOT_64)
				*ret = (int64_t)sf_load64(p + 4);
			else
				*ret = place & SF_BTF_SLOT_SIGNED ? (int32_t)sf_load32(p + 4) :
								    (int64_t)sf_load32(p + 4);
			return true;
		}
	}
	return false;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BTF_PRIVATE_H
#define SF_BTF_PRIVATE_H

/*
 * What the parts of the reader share. btf.c opens bytes and decodes one type, index.c finds where
 * things are, unknown.c tells how long a type of an unknown kind is, lookup.c asks questions that
 * span types, text.c writes C.
 *
 * Indexes are built on first need by whoever needs them, without a lock: two threads may build the
 * same one, the first to finish publishes it and the other's is freed. Nothing changes after that.
 */

#include <stdatomic.h>

#include "base/util.h"
#include "btf/btf.h"

#define BTF_MAGIC 0xeb9f
#define BTF_VERSION 1
#define BTF_HEADER_SIZE 24        /* up to and with str_len */
#define BTF_HEADER_LAYOUT_SIZE 32 /* up to and with layout_len (include/uapi/linux/btf.h, 7.2) */
#define BTF_TYPE_SIZE 12          /* struct btf_type */
#define BTF_N_KIND_CODES 128

/*
 * In 7.2 the kind became 7 bits wide and vlen 24, taken from bits that had to be zero before; so
 * the wide reading is right for every BTF.
 */
static inline uint32_t btf_info_kind(uint32_t info)
{
	return (info >> 24) & 0x7f;
}

static inline uint32_t btf_info_vlen(uint32_t info)
{
	return info & 0xffffff;
}

/* How many bytes follow struct btf_type: @fixed, and @elem for each of vlen. */
struct sf_btf_rule {
	uint8_t fixed, elem;
	bool known;
};

/*
 * Functions are three in four of a kernel's names, and hardly ever what is asked for: they have an
 * index of their own, so that asking for a struct does not hash them.
 */
enum sf_btf_class {
	SF_BTF_CLASS_TYPES,
	SF_BTF_CLASS_FUNCS,
	SF_BTF_N_CLASSES,
};

/* Where each own type starts, and which have names. */
struct sf_btf_index {
	uint32_t n;
	uint32_t n_unreadable;
	uint32_t *named;          /* numbers of those in CLASS_TYPES; behind starts */
	uint32_t n_named[SF_BTF_N_CLASSES];
	bool whole;               /* walked to the end: ids after these can be told */
	struct sf_btf_rule rules[BTF_N_KIND_CODES];
	uint32_t starts[];        /* in the type section */
};

/* Chains of equal hash, in the order of ids. Links are a slot's number + 1; 0 ends a chain. */
struct sf_btf_names {
	uint32_t mask;
	uint32_t n;
	struct sf_btf_name_slot {
		uint32_t i;       /* own type's number */
		uint32_t next;
	} *slots;                 /* behind heads, by falling number */
	uint32_t heads[];
};

struct sf_btf_enumerators {
	uint32_t mask;
	uint32_t n;
	struct sf_btf_enumerator_slot {
		uint32_t place;   /* of the record in the type section, and flags */
		uint32_t next;
	} *slots;                 /* behind heads */
	uint32_t heads[];
};

#define SF_BTF_SLOT_SIGNED (1u << 31)
#define SF_BTF_SLOT_64 (1u << 30)
_Static_assert(SF_BTF_MAX_SIZE <= SF_BTF_SLOT_64, "an offset leaves room for the flags");

struct sf_btf {
	_Atomic uint32_t refs;
	const uint8_t *data;
	size_t len;
	const uint8_t *types;
	uint32_t type_len;
	const char *strings;
	uint32_t str_len;
	uint32_t str_end;         /* behind the last NUL: a string from before it has an end */
	uint32_t first_str;       /* string offsets below are the base's */
	uint32_t first_id;
	struct sf_btf *base;
	void (*release)(void *arg);
	void *arg;
	struct sf_btf_rule rules[BTF_N_KIND_CODES]; /* known before any type is looked at */
	_Atomic(struct sf_btf_index *) index;
	_Atomic(struct sf_btf_names *) names[SF_BTF_N_CLASSES];
	_Atomic(struct sf_btf_enumerators *) enumerators;
};

/* The BTF of the chain whose own types include @id, which is not 0. */
static inline const struct sf_btf *sf_btf_owner(const struct sf_btf *btf, uint32_t id)
{
	while (id < btf->first_id)
		btf = btf->base;
	return btf;
}

/* NULL: @off is no string of this BTF. */
static inline const char *sf_btf_str(const struct sf_btf *btf, uint32_t off)
{
	if (!off)
		return "";
	while (off < btf->first_str)
		btf = btf->base;
	off -= btf->first_str;
	return off < btf->str_end ? btf->strings + off : NULL;
}

static inline uint64_t sf_btf_rule_size(const struct sf_btf_rule *rule, uint32_t info)
{
	return rule->fixed + (uint64_t)btf_info_vlen(info) * rule->elem;
}

/* NULL without memory; asked again, it tries again. */
const struct sf_btf_index *sf_btf_index(const struct sf_btf *btf);

/*
 * As sf_btf_type(), of a BTF whose index is @index and may not be published yet. @i is the own
 * type's number.
 */
bool sf_btf_type_at(const struct sf_btf *btf, const struct sf_btf_index *index, uint32_t i,
		    struct sf_btf_type *ret);

/*
 * What is known of kinds without looking at a type: those of this reader, and what the layout
 * section adds.
 */
void sf_btf_rules_init(struct sf_btf *btf, const uint8_t *layout, uint32_t layout_len);

/*
 * The walk stopped at @off at a kind without a rule; @index has the types before. Adds rules for
 * this and any other unknown kind further on. false: the bytes leave no rule, or more than one,
 * that explains them. Uses the space of @index->starts behind its n entries.
 */
bool sf_btf_guess_rules(const struct sf_btf *btf, struct sf_btf_index *index, uint32_t off);

#endif

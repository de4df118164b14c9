/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BTF_BTF_H
#define SF_BTF_BTF_H

/*
 * BTF as bytes: a lazy, tolerant index of types. It knows nothing of a kernel or of memory.
 *
 * A struct sf_btf is immutable and reference-counted; any thread may read it. What it indexes (where each type starts,
 * names) is built on first need and published once. The bytes are hostile: every offset is checked when it is used, a
 * damaged type is "no such type" and the others stay readable. An unknown kind does not hide the types after it, as
 * long as its size can be told: from the layout section of newer headers, or because exactly one rule for its trailing
 * bytes makes the rest of the section parse to its end.
 *
 * Format: Documentation/bpf/btf.rst and include/uapi/linux/btf.h.
 */

#include "base/error.h"

enum sf_btf_kind {
	SF_BTF_VOID, SF_BTF_INT, SF_BTF_PTR, SF_BTF_ARRAY, SF_BTF_STRUCT, SF_BTF_UNION, SF_BTF_ENUM, SF_BTF_FWD,
	SF_BTF_TYPEDEF, SF_BTF_VOLATILE, SF_BTF_CONST, SF_BTF_RESTRICT, SF_BTF_FUNC, SF_BTF_FUNC_PROTO, SF_BTF_VAR,
	SF_BTF_DATASEC, SF_BTF_FLOAT, SF_BTF_DECL_TAG, SF_BTF_TYPE_TAG, SF_BTF_ENUM64,
	SF_BTF_N_KINDS,
};

#define SF_BTF_MAX_SIZE (64u << 20)   /* of the bytes; a vmlinux has 5 to 7 MiB */
#define SF_BTF_MAX_HOPS 32            /* modifiers peeled in a row */

struct sf_btf;

/*
 * @data of @len bytes is borrowed: it must stay as it is until @release(@arg) is called, which happens when the last
 * reference goes (@release may be NULL). On failure nothing is released. @base: the BTF whose ids and strings this one
 * continues (split BTF), or NULL; a reference is taken.
 * SF_BAD_INPUT: not BTF, sections beyond the end, a foreign byte order.
 */
SF_CHECKED struct sf_error *sf_btf_new(const void *data, size_t len, struct sf_btf *base,
				       void (*release)(void *arg), void *arg, struct sf_btf **ret);
struct sf_btf *sf_btf_ref(struct sf_btf *btf);
void sf_btf_unref(struct sf_btf *btf); /* NULL is fine */
SF_DEFINE_CLEANUP(btf, sf_btf_unref)

/* Ids are 0 (void) up to, not including, this. Includes the base's. */
uint32_t sf_btf_n_types(const struct sf_btf *btf);
/* Ids below this are the base's; 1 without a base. */
uint32_t sf_btf_first_own_id(const struct sf_btf *btf);
/*
 * How many types could not be read, the base's included. What follows a type of unknown size cannot be counted: it has no
 * ids, adds one here, and such a BTF cannot be a base.
 */
uint32_t sf_btf_n_unreadable(const struct sf_btf *btf);
/* The bytes, as given to sf_btf_new(). */
const void *sf_btf_data(const struct sf_btf *btf, size_t *len);

/* One type, decoded. Pointers are into the BTF. */
struct sf_btf_type {
	uint32_t id;
	enum sf_btf_kind kind;   /* SF_BTF_N_KINDS for a kind this reader does not know */
	const char *name;        /* "" if it has none */
	bool kflag;
	uint32_t vlen;
	uint32_t size;           /* INT, ENUM, ENUM64, STRUCT, UNION, FLOAT, DATASEC: bytes; else 0 */
	uint32_t type;           /* PTR, TYPEDEF, modifiers, FUNC, FUNC_PROTO, VAR, tags: what it refers to; else 0 */
	const uint8_t *trailing; /* what follows the type's head; @n_trailing bytes are there */
	uint32_t n_trailing;
};

/* false: no such id, or the type is damaged. */
bool sf_btf_type(const struct sf_btf *btf, uint32_t id, struct sf_btf_type *ret);

struct sf_btf_int {
	bool is_signed, is_char, is_bool;
	uint32_t bit_offset, bits;
};
bool sf_btf_int(const struct sf_btf_type *t, struct sf_btf_int *ret);

struct sf_btf_member {
	const char *name;        /* "" for an anonymous member */
	uint32_t type;
	uint32_t bit_offset;     /* from the start of the struct */
	uint32_t bit_size;       /* of a bitfield; else 0 */
};
bool sf_btf_member(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i, struct sf_btf_member *ret);

struct sf_btf_enumerator {
	const char *name;
	int64_t value;           /* bit pattern; sign-extended where the enum is signed (kflag), else zero-extended */
};
bool sf_btf_enumerator(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i,
		       struct sf_btf_enumerator *ret);

struct sf_btf_array {
	uint32_t type, index_type, n;
};
bool sf_btf_array(const struct sf_btf_type *t, struct sf_btf_array *ret);

struct sf_btf_param {
	const char *name;        /* "" if it has none */
	uint32_t type;           /* 0: the "..." of variable arguments */
};
bool sf_btf_param(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i, struct sf_btf_param *ret);

/* A variable of a DATASEC: what VarSecinfo and VAR say of it together. */
struct sf_btf_var {
	const char *name;
	uint32_t var;            /* id of the VAR (or of whatever stands there, such as a FUNC) */
	uint32_t type;           /* the variable's own type; of what is no VAR, its id */
	uint32_t offset, size;   /* in the section, bytes */
};
bool sf_btf_var(const struct sf_btf *btf, const struct sf_btf_type *t, uint32_t i, struct sf_btf_var *ret);

/*
 * Look through typedef, const, volatile, restrict, type tags, decl tags. Cycles end at SF_BTF_MAX_HOPS: 0 (void). An id
 * that is none stays as it is.
 */
uint32_t sf_btf_peel(const struct sf_btf *btf, uint32_t id);
/* Bytes of a value of type @id, through modifiers and arrays; false: it has none (void, func, damaged, overflow). */
bool sf_btf_size_of(const struct sf_btf *btf, uint32_t id, uint64_t *ret);

/* ---- names ------------------------------------------------------------------------------------ */

/*
 * First of this name and kind; 0: none. Own types before the base's. Any kind: SF_BTF_N_KINDS, and then functions come
 * after all others. Functions have an index of their own, built when one is asked for.
 */
uint32_t sf_btf_find(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind);
/* As above, the next one after @id (0: the first). */
uint32_t sf_btf_find_next(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind, uint32_t id);
/* Several structs may share a name (the kernel has two `struct rq`): the largest STRUCT or UNION. 0: none. */
uint32_t sf_btf_find_largest(const struct sf_btf *btf, const char *name, enum sf_btf_kind kind);
/* The value of enumerator @name of any enum. The index is built on the first call. */
bool sf_btf_find_enumerator(const struct sf_btf *btf, const char *name, int64_t *ret);

/* Where a member lies, by a dotted path that descends into anonymous members ("scx.dsq.id"). */
struct sf_btf_place {
	uint32_t type;           /* of the member, not peeled */
	uint32_t bit_offset;     /* from the start of the outermost struct */
	uint32_t bit_size;       /* of a bitfield; else 0 */
};
bool sf_btf_find_member(const struct sf_btf *btf, uint32_t struct_id, const char *path, struct sf_btf_place *ret);

/* @id as C would write it: "struct task_struct *", "u64", "struct foo[4]"; depth- and length-limited, never fails. */
void sf_btf_type_text(const struct sf_btf *btf, uint32_t id, char *buf, size_t size);
/* "struct", "enum64", … ; "unknown kind 27" has no static form: "unknown". */
const char *sf_btf_kind_name(enum sf_btf_kind kind);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VALUE_NODE_H
#define SF_VALUE_NODE_H

/*
 * Nodes: one interface to data, with two backends. `typed` is bytes in guest memory with a BTF type; `tree` is an owned
 * tree, read back from JSON. Everything above (fields, paths, text, JSON, assertions) sees only nodes, so both answer
 * alike.
 *
 * A node is a small value, borrowed from its source (`ctx`), which must outlive it. Making a node reads no memory;
 * what a node reads can fail, and then says why in a struct sf_trouble.
 */

#include "base/error.h"
#include "image/image.h"
#include "stillframe/value.h"

struct sf_node_ops;

struct sf_node {
	const struct sf_node_ops *ops;
	const void *ctx;     /* typed: struct sf_typed; tree: struct sf_tree */
	uint64_t at;         /* typed: kernel virtual address of the first byte; tree: its struct sf_tree_node */
	uint32_t type;       /* typed: BTF id, not peeled */
	uint32_t had;        /* typed: how many bytes exist from `at` on */
	uint16_t bit_offset; /* typed bitfield: bits from `at` */
	uint16_t bit_size;   /* typed bitfield: else 0 */
	uint32_t flags;
};
_Static_assert(sizeof(struct sf_node) == 40, "a node and its snapshot fit a view");

#define SF_NODE_PARTIAL 1u /* the inside of a truncated value: what is missing is left out, not truncated again */

/* Why memory could not be read. */
struct sf_trouble {
	enum sf_fault fault; /* SF_FAULT_NONE: it could */
	uint64_t addr;       /* kernel virtual address */
};

struct sf_scalar {
	enum sf_kind kind;   /* SF_INT, SF_UINT, SF_BOOL, SF_CHAR, SF_FLOAT, SF_ENUM or SF_PTR */
	uint8_t bits;
	bool is_signed;      /* of an SF_ENUM */
	int64_t i64;         /* SF_INT, SF_ENUM (bit pattern) */
	uint64_t u64;        /* SF_UINT, SF_BOOL, SF_CHAR, SF_PTR */
	double f64;          /* SF_FLOAT */
	const char *variant; /* of an SF_ENUM; NULL: no enumerator has this value */
};

/* Members in order of declaration, those of anonymous members in their place. Zero-initialise. */
#define SF_MEMBER_DEPTH 32
#define SF_MEMBER_BUDGET (1u << 17) /* members of one value; only types that contain themselves have more */
struct sf_member_iter {
	uint32_t depth, looked_at;
	struct {
		uint32_t type, i, offset;
	} stack[SF_MEMBER_DEPTH];
	const void *tree;
	bool started;
};

enum sf_step {
	SF_STEP_OK,
	SF_STEP_NONE,    /* there is no such member, element, target, scalar */
	SF_STEP_TROUBLE, /* memory could not be read */
};

struct sf_node_ops {
	enum sf_kind (*kind)(const struct sf_node *n);
	enum sf_step (*scalar)(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why);
	enum sf_step (*member)(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret);
	bool (*next_member)(const struct sf_node *n, struct sf_member_iter *it, const char **name, struct sf_node *ret);
	enum sf_step (*index)(const struct sf_node *n, uint64_t i, struct sf_node *ret);
	enum sf_step (*scalars)(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count);
	uint64_t (*len)(const struct sf_node *n, uint64_t *present);
	enum sf_step (*deref)(const struct sf_node *n, struct sf_node *ret, const char **skipped, struct sf_trouble *why);
	enum sf_step (*partial)(const struct sf_node *n, struct sf_node *ret, uint64_t *needed, uint64_t *had);
	enum sf_step (*bytes)(const struct sf_node *n, uint64_t off, void *buf, size_t *len, struct sf_trouble *why);
	const char *(*type_name)(const struct sf_node *n);
	const char *(*note)(const struct sf_node *n);
};

/* What the node is, from its type and length alone. */
static inline enum sf_kind sf_node_kind(const struct sf_node *n)
{
	return n->ops->kind(n);
}

/* The value of a scalar. SF_STEP_NONE: the kind is none of a scalar's. */
static inline enum sf_step sf_node_scalar(const struct sf_node *n, struct sf_scalar *ret, struct sf_trouble *why)
{
	return n->ops->scalar(n, ret, why);
}

/* Member @name (of @len bytes) of an SF_STRUCT; the first, where anonymous members make it occur twice. */
static inline enum sf_step sf_node_member(const struct sf_node *n, const char *name, size_t len, struct sf_node *ret)
{
	return n->ops->member(n, name, len, ret);
}

static inline bool sf_node_next_member(const struct sf_node *n, struct sf_member_iter *it, const char **name,
				       struct sf_node *ret)
{
	return n->ops->next_member(n, it, name, ret);
}

/* Element @i of an SF_ARRAY. */
static inline enum sf_step sf_node_index(const struct sf_node *n, uint64_t i, struct sf_node *ret)
{
	return n->ops->index(n, i, ret);
}

/*
 * Elements of an SF_ARRAY from @i on, in one read; *@count is the room, then how many there are (1 at least).
 * SF_STEP_NONE: its elements are no plain scalars, or the backend does not do this; ask for each. SF_STEP_TROUBLE: not
 * for this element, whole and readable as it may be; those after it may be had.
 */
static inline enum sf_step sf_node_scalars(const struct sf_node *n, uint64_t i, struct sf_scalar *ret, size_t *count)
{
	return n->ops->scalars(n, i, ret, count);
}

/*
 * Declared length of an SF_ARRAY; @present (may be NULL): elements that can be indexed. Of an SF_BYTES: its bytes, and
 * how many of them sf_node_bytes() has.
 */
static inline uint64_t sf_node_len(const struct sf_node *n, uint64_t *present)
{
	return n->ops->len(n, present);
}

/*
 * What an SF_PTR points at. SF_STEP_NONE: null, no type, not followed; *@skipped (may be NULL) says why where it was
 * tried. SF_STEP_TROUBLE: there is a typed target, but its memory is not here.
 */
static inline enum sf_step sf_node_deref(const struct sf_node *n, struct sf_node *ret, const char **skipped,
					 struct sf_trouble *why)
{
	return n->ops->deref(n, ret, skipped, why);
}

/* The inside of an SF_TRUNCATED. */
static inline enum sf_step sf_node_partial(const struct sf_node *n, struct sf_node *ret, uint64_t *needed,
					   uint64_t *had)
{
	return n->ops->partial(n, ret, needed, had);
}

/* Bytes from @off of an SF_BYTES or (a mask's words) SF_CPU_LIST; *@len is the room, then what was there. */
static inline enum sf_step sf_node_bytes(const struct sf_node *n, uint64_t off, void *buf, size_t *len,
					 struct sf_trouble *why)
{
	return n->ops->bytes(n, off, buf, len, why);
}

/* Name of a struct, union, section or enum; NULL: it has none. */
static inline const char *sf_node_type_name(const struct sf_node *n)
{
	return n->ops->type_name(n);
}

/* SF_UNSUPPORTED: the reason. SF_PTR of a tree: its annotation. Else NULL. */
static inline const char *sf_node_note(const struct sf_node *n)
{
	return n->ops->note(n);
}

/* ---- on top of the ops ------------------------------------------------------------------------- */

#define SF_PTR_HOPS 17

/*
 * The text of an SF_CPU_LIST ("0-2,5"), cut at @size. SF_STEP_TROUBLE: memory could not be read.
 */
enum sf_step sf_node_cpu_list(const struct sf_node *n, char *buf, size_t size, struct sf_trouble *why);

/*
 * Follow pointers while they lead somewhere, at most SF_PTR_HOPS. The result may still be a pointer (null, untyped, or
 * the hops ran out). SF_STEP_TROUBLE: a typed target's memory is not here.
 */
enum sf_step sf_node_peel(const struct sf_node *n, struct sf_node *ret, struct sf_trouble *why);

/*
 * Through pointers that lead somewhere and into what there is of truncated values, in any nesting, until there is something
 * else. A circle of pointers ends somewhere in it. SF_STEP_TROUBLE: a typed target's memory is not here.
 */
#define SF_LOOK_THROUGH (1u << 16)
enum sf_step sf_node_look_through(const struct sf_node *n, struct sf_node *ret, struct sf_trouble *why);

/* ---- conversions: the one table of what a scalar may be read as ---------------------------------- */

/*
 * NULL: converted. Else the name of what was there ("Int(negative)", "Struct", …), a static string; memory that could
 * not be read is "Unreadable" with @why filled.
 */
const char *sf_node_as_u64(const struct sf_node *n, uint64_t *ret, struct sf_trouble *why);
const char *sf_node_as_i64(const struct sf_node *n, int64_t *ret, struct sf_trouble *why);
const char *sf_node_as_f64(const struct sf_node *n, double *ret, struct sf_trouble *why);
const char *sf_node_as_bool(const struct sf_node *n, bool *ret, struct sf_trouble *why);
const char *sf_node_as_str(const struct sf_node *n, const char **ret, struct sf_trouble *why);

/* The same of a scalar that is here already; NULL: converted. */
const char *sf_scalar_as_u64(const struct sf_scalar *s, uint64_t *ret);
const char *sf_scalar_as_i64(const struct sf_scalar *s, int64_t *ret);
const char *sf_scalar_as_f64(const struct sf_scalar *s, double *ret);
const char *sf_scalar_as_bool(const struct sf_scalar *s, bool *ret);

/* "Int", "CpuList", …: a kind as errors name it. */
const char *sf_kind_label(enum sf_kind kind);

/* One line for a human, cut at @size with "…"; what errors quote. Never fails. */
void sf_node_text(const struct sf_node *n, char *buf, size_t size);

#endif

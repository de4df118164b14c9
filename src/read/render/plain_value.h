/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_PLAIN_VALUE_H
#define SF_RENDER_PLAIN_VALUE_H

/*
 * A value in the shape that bpftool gives it: no kinds, no names of types, just names and values. docs/values.md says
 * what becomes of what. Not made of nodes, because bpftool nests anonymous members and shows masks as the structs that
 * they are.
 */

#include "base/json.h"
#include "value/typed.h"

struct sf_plain {
	struct sf_json_writer *json;
	const struct sf_btf *btf;
	struct sf_vmem *vm;
	const uint8_t *local;       /* not NULL: the bytes are here and not in the guest's memory */
	uint64_t left;              /* parts that may still be shown: types may contain themselves */
	bool was_cut;               /* there were more */
	uint32_t depth;
};

/* @had bytes at @kva (or at `local`, and @kva is 0) as a value of type @type. */
void sf_plain_value(struct sf_plain *p, uint32_t type, uint64_t kva, uint64_t had);

/* A list of "0x2a" for the bytes of it; null for one that cannot be read. */
void sf_plain_bytes(struct sf_json_writer *json, struct sf_vmem *vm, uint64_t kva, uint64_t len);
void sf_plain_local_bytes(struct sf_json_writer *json, const void *bytes, size_t len);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FRAME_DOCUMENT_PRIVATE_H
#define SF_FRAME_DOCUMENT_PRIVATE_H

#include "frame/document.h"
#include "frame/records.h"
#include "frame_private.h"
#include "value/tree.h"

struct sf_document {
	struct sf_arena arena;      /* everything below, and the strings of the frame */
	struct sf_frame_active active;
	struct sf_records records;
	struct sf_doc_extra extra;
	struct doc_symbol {
		uint64_t addr, offset;
		const char *name, *module;
	} *symbols;                 /* where vCPUs were; by number of vCPU */
	uint32_t n_symbols;
	struct sf_frame *early;
};

/* The members "maps" of @at into the listing of @f (document_maps.c). */
SF_CHECKED struct sf_error *sf_document_maps(const struct sf_spot *at, struct sf_frame *f);
/* Records, and why there are none (document_records.c). @why: of a placeholder; else NULL. */
SF_CHECKED struct sf_error *sf_document_records(const struct sf_spot *at, const char *why, struct sf_records *ret);
/* What was at @addr, as far as the report says. */
bool sf_document_symbol_at(const struct sf_document *doc, uint64_t addr, char buf[SF_SYMBOL_NAME],
			   struct sf_symbol *ret);
void sf_document_free(struct sf_document *doc); /* NULL is fine */

#endif

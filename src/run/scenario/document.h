/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SCENARIO_DOCUMENT_H
#define SF_SCENARIO_DOCUMENT_H

#include "base/error.h"

/*
 * A YAML file as a tree in which everything knows where it stood. Plain data: anchors, aliases, tags and a second
 * document are refused, sizes are limited, a key stands once in its map.
 *
 * Not libcyaml, which loads straight into structs: for an unknown key it gives the place of the value before it, for a
 * missing one that of the last, what is wrong only as lines of a log without the words that are allowed, and it passes
 * over a second document (1.3.1). So this stands on the events of libyaml, which libcyaml itself is made of.
 */

#define SF_DOC_MAX_BYTES (1u << 20)
#define SF_DOC_MAX_DEPTH 16
#define SF_DOC_MAX_NODES 200000
#define SF_DOC_MAX_KEYS 256 /* of one map */

enum sf_doc_type { SF_DOC_TEXT, SF_DOC_LIST, SF_DOC_MAP };

struct sf_doc_node {
	enum sf_doc_type type;
	uint32_t line, column;  /* from 1; columns are characters */
	bool plain;             /* SF_DOC_TEXT without quotes */
	uint32_t literal;       /* not 0: the text stands in the file just so, on one line, from this column on */
	const char *text;       /* NUL-terminated, and without another one */
	const char *key;        /* of what is in a map */
	uint32_t key_line, key_column;
	uint32_t n;             /* children */
	struct sf_doc_node *first, *last, *next;
	uint32_t uses;          /* for whoever reads it more than once */
	struct sf_doc_node *all; /* the document's list, to free */
};

struct sf_doc {
	struct sf_doc_node *root; /* NULL: there is nothing in the file */
	struct sf_doc_node *all;
};

/* SF_BAD_INPUT begins with @file, line and column. */
SF_CHECKED struct sf_error *sf_doc_read(const char *file, const char *text, size_t len, struct sf_doc *ret);
void sf_doc_clear(struct sf_doc *doc);

#endif

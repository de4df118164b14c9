/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <yaml.h>

#include "base/text.h"
#include "document.h"

#define SHOWN 60 /* bytes of a key that a message repeats */

struct builder {
	const char *file;
	const char *bytes;
	size_t len;
	struct sf_doc *doc;
	struct sf_doc_node *open[SF_DOC_MAX_DEPTH];
	size_t depth, n_nodes, n_documents;
	bool has_key; /* of a map: what comes is its value */
	char *key;
	uint32_t key_line, key_column;
};

static struct sf_error *bad(const struct builder *b, uint32_t line, uint32_t column, const char *fmt, ...)
	sf_printf(4, 5);
static struct sf_error *bad(const struct builder *b, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct sf_error *err = sf_error_newv(SF_BAD_INPUT, fmt, ap);

	va_end(ap);
	return sf_error_context(err, "%s:%u:%u", b->file, line, column);
}

#define SF_BAD_AT(b, mark, ...) bad(b, (uint32_t)(mark).line + 1, (uint32_t)(mark).column + 1, __VA_ARGS__)

/* A scalar's bytes may be anything. */
static bool is_text(const yaml_char_t *v, size_t len)
{
	return !memchr(v, 0, len);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

static struct sf_error *add_node(struct builder *b, const yaml_event_t *e, const char *text, size_t len,
				 struct sf_doc_node **ret)
{
	struct sf_doc_node *up = b->depth ? b->open[b->depth - 1] : NULL;

	if (b->n_nodes++ >= SF_DOC_MAX_NODES)
		return SF_BAD_AT(b, e->start_mark, "more than %u values", SF_DOC_MAX_NODES);
	struct sf_doc_node *n = calloc(1, sizeof(*n) + len + 1);

	if (!n)
		return sf_error_nomem();
	memcpy(n + 1, text, len);
	*n = (struct sf_doc_node){
		.line = (uint32_t)e->start_mark.line + 1,
		.column = (uint32_t)e->start_mark.column + 1,
		.text = (const char *)(n + 1),
		.all = b->doc->all,
	};
	b->doc->all = n;
	if (up && up->type == SF_DOC_MAP) {
		n->key = steal_ptr(&b->key);
		n->key_line = b->key_line;
		n->key_column = b->key_column;
		b->has_key = false;
	}
	if (!up)
		b->doc->root = n;
	else if (up->last)
		up->last->next = n;
	else
		up->first = n;
	if (up) {
		up->last = n;
		up->n++;
	}
	*ret = n;
	return NULL;
}

static struct sf_error *take_key(struct builder *b, const yaml_event_t *e)
{
	const struct sf_doc_node *map = b->open[b->depth - 1];
	const char *text = (const char *)e->data.scalar.value;
	_cleanup_text_ struct sf_text shown = { 0 };

	if (!is_text(e->data.scalar.value, e->data.scalar.length))
		return SF_BAD_AT(b, e->start_mark, "a key with a NUL in it");
	if (map->n >= SF_DOC_MAX_KEYS)
		return SF_BAD_AT(b, e->start_mark, "more than %u keys in one map", SF_DOC_MAX_KEYS);
	for (const struct sf_doc_node *n = map->first; n; n = n->next) {
		if (strcmp(n->key, text))
			continue;
		sf_text_put_name(&shown, text, SHOWN);
		sf_text_putn(&shown, "", 1);
		return SF_BAD_AT(b, e->start_mark, "the key \"%s\" stands there twice; the first one is in line %u",
				 shown.v ? shown.v : "", n->key_line);
	}
	b->key = strdup(text);
	if (!b->key)
		return sf_error_nomem();
	b->has_key = true;
	b->key_line = (uint32_t)e->start_mark.line + 1;
	b->key_column = (uint32_t)e->start_mark.column + 1;
	return NULL;
}

static bool wants_key(const struct builder *b)
{
	return b->depth && b->open[b->depth - 1]->type == SF_DOC_MAP && !b->has_key;
}

/* So that a place in the text is a place in the file: no escape, no fold, no second line. */
static uint32_t literal_column(const yaml_event_t *e)
{
	yaml_scalar_style_t style = e->data.scalar.style;
	bool quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	size_t bytes = e->end_mark.index - e->start_mark.index, chars = 0;

	if ((!quoted && style != YAML_PLAIN_SCALAR_STYLE) || e->start_mark.line != e->end_mark.line)
		return 0;
	/* Marks count characters. */
	for (size_t i = 0; i < e->data.scalar.length; i++)
		chars += (e->data.scalar.value[i] & 0xc0) != 0x80;
	return chars + (quoted ? 2 : 0) == bytes ? (uint32_t)e->start_mark.column + 1 + quoted : 0;
}

static struct sf_error *take_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	struct sf_doc_node *n;

	if (wants_key(b))
		return take_key(b, e);
	if (!is_text(e->data.scalar.value, e->data.scalar.length))
		return SF_BAD_AT(b, e->start_mark, "a text with a NUL in it");
	SF_TRY(add_node(b, e, text, e->data.scalar.length, &n));
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->literal = literal_column(e);
	return NULL;
}

static struct sf_error *take_begin(struct builder *b, const yaml_event_t *e, enum sf_doc_type type)
{
	struct sf_doc_node *n;

	if (wants_key(b))
		return SF_BAD_AT(b, e->start_mark, "a key is a word, not a %s", type == SF_DOC_MAP ? "map" : "list");
	if (b->depth == SF_DOC_MAX_DEPTH)
		return SF_BAD_AT(b, e->start_mark, "nested more than %u deep", SF_DOC_MAX_DEPTH);
	SF_TRY(add_node(b, e, "", 0, &n));
	n->type = type;
	b->open[b->depth++] = n;
	return NULL;
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

static struct sf_error *check_plain(const struct builder *b, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (anchor || e->type == YAML_ALIAS_EVENT)
		return SF_BAD_AT(b, e->start_mark, "%s are not used here; for steps that come again there is repeat",
				 anchor ? "anchors (&)" : "aliases (*)");
	if (tag)
		return SF_BAD_AT(b, e->start_mark, "tags (!) are not used here; what a text is follows from its key");
	return NULL;
}

static struct sf_error *take_event(struct builder *b, const yaml_event_t *e)
{
	SF_TRY(check_plain(b, e));
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return b->n_documents++ ? SF_BAD_AT(b, e->start_mark, "a second document begins; a file has one") : NULL;
	case YAML_SCALAR_EVENT:
		return take_scalar(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return take_begin(b, e, SF_DOC_LIST);
	case YAML_MAPPING_START_EVENT:
		return take_begin(b, e, SF_DOC_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return NULL;
	default:
		return NULL;
	}
}

/* The reader, which sees bytes and no lines, gives an offset. */
static struct sf_error *no_characters(const struct builder *b, const yaml_parser_t *p)
{
	size_t at = sf_min(p->problem_offset, b->len);
	uint32_t line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		column += (b->bytes[i] & 0xc0) != 0x80;
		if (b->bytes[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return bad(b, line, column, "this is no text in UTF-8: %s", p->problem ? p->problem : "?");
}

static struct sf_error *no_yaml(const struct builder *b, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return sf_error_nomem();
	if (p->error == YAML_READER_ERROR)
		return no_characters(b, p);
	return SF_BAD_AT(b, p->problem_mark, "this is no YAML: %s%s%s", p->context ? p->context : "",
			 p->context ? ", " : "", p->problem ? p->problem : "?");
}

static struct sf_error *build(struct builder *b, yaml_parser_t *p)
{
	for (bool end = false; !end;) {
		yaml_event_t e;

		if (!yaml_parser_parse(p, &e))
			return no_yaml(b, p);
		end = e.type == YAML_STREAM_END_EVENT;
		struct sf_error *err = take_event(b, &e);

		yaml_event_delete(&e);
		SF_TRY(err);
	}
	return NULL;
}

struct sf_error *sf_doc_read(const char *file, const char *text, size_t len, struct sf_doc *ret)
{
	struct sf_doc doc = { 0 };
	struct builder b = { .file = file, .bytes = text, .len = len, .doc = &doc };
	yaml_parser_t p;

	/* Some editors put a mark of three bytes before a text in UTF-8. */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
		b.bytes = text;
		b.len = len;
	}
	if (len > SF_DOC_MAX_BYTES)
		return sf_error_new(SF_BAD_INPUT, "%s: the file has more than %u bytes", file, SF_DOC_MAX_BYTES);
	if (!yaml_parser_initialize(&p))
		return sf_error_nomem();
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	struct sf_error *err = build(&b, &p);

	yaml_parser_delete(&p);
	free(b.key);
	if (err)
		sf_doc_clear(&doc);
	else
		*ret = doc;
	return err;
}

void sf_doc_clear(struct sf_doc *doc)
{
	while (doc->all) {
		struct sf_doc_node *n = doc->all;

		doc->all = n->all;
		free((char *)n->key);
		free(n);
	}
	*doc = (struct sf_doc){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_RENDER_BENCH_H
#define SF_TESTS_RENDER_BENCH_H

/* For tests of text and JSON: what was rendered as one string (free() it), and values made from JSON. */

#include "check.h"
#include "render/render.h"
#include "value/tree.h"

static inline char *taken(struct sf_json_buffer *b)
{
	return b->text ? b->text : strdup("");
}

static inline char *text_of(const struct sf_node *n, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };

	assert_true(sf_render_value_text(n, opt, 0, sf_json_buffer_sink, &out));
	return taken(&out);
}

static inline char *json_of(const struct sf_node *n, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_value_json(n, opt, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

static inline struct sf_tree *tree_of(const char *json)
{
	_cleanup_json_ struct sf_json *doc = NULL;
	struct sf_tree *tree = NULL;

	assert_ok(sf_json_read(json, strlen(json), &doc));
	assert_ok(sf_tree_new(sf_json_root(doc), &tree));
	return tree;
}

static inline void assert_looks_with(const struct sf_node *n, const struct sf_render_options *opt, const char *want)
{
	_cleanup_free_ char *text = text_of(n, opt);

	assert_string_equal(text, want);
}

static inline void assert_looks(const struct sf_node *n, const char *want)
{
	assert_looks_with(n, NULL, want);
}

static inline void assert_json_with(const struct sf_node *n, const struct sf_render_options *opt, const char *want)
{
	_cleanup_free_ char *json = json_of(n, opt);

	assert_string_equal(json, want);
}

static inline void assert_json(const struct sf_node *n, const char *want)
{
	assert_json_with(n, NULL, want);
}

/* The value that @json says looks like @text, and is @json again. */
static inline void assert_renders(const char *json, const char *text)
{
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node n = sf_tree_root(tree);

	assert_looks(&n, text);
	assert_json(&n, json);
}

/* What is said of @n as JSON is said again of what is read from it. */
static inline void assert_survives(const struct sf_node *n, const struct sf_render_options *opt)
{
	_cleanup_free_ char *json = json_of(n, opt);
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node root = sf_tree_root(tree);
	_cleanup_free_ char *again = json_of(&root, opt);
	size_t at = 0;

	while (json[at] && json[at] == again[at])
		at++;
	if (json[at] || again[at]) {
		at = at < 80 ? 0 : at - 80;
		fail_msg("…%.160s… became …%.160s…", json + at, again + at);
	}
}

/* JSON of parts. */
#define U32(v) "{\"kind\":\"uint\",\"bits\":32,\"value\":" #v "}"
#define S32(v) "{\"kind\":\"int\",\"bits\":32,\"value\":" #v "}"
#define U8(v) "{\"kind\":\"uint\",\"bits\":8,\"value\":" #v "}"
#define CHR(v) "{\"kind\":\"char\",\"value\":" #v "}"
#define MEMBER(name, value) "{\"name\":\"" name "\",\"value\":" value "}"
#define STRUCT(name, members) "{\"kind\":\"struct\",\"type_name\":\"" name "\",\"members\":[" members "]}"
#define ANON(members) "{\"kind\":\"struct\",\"type_name\":null,\"members\":[" members "]}"
#define ARRAY(len, elements) "{\"kind\":\"array\",\"len\":" #len ",\"elements\":[" elements "]}"
#define UNSUPPORTED(why) "{\"kind\":\"unsupported\",\"reason\":\"" why "\"}"

#endif

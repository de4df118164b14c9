/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any text as an expression, asked of a frame with a map of every type. What it is refused for has a place in the text;
 * what is read is printed, and reads back equal; what it comes to can be asked for twice.
 */
#include <assert.h>
#include <stdio.h>

#include "fake_bpf.h"
#include "snapshot/expr.h"
#include "snapshot/snapshot.h"
#include "value/node.h"

#define MAX_EVALUATED 300u /* bytes: filters in filters of longer ones take long */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a capture leaves it; kept until the end. */
static struct sf_snapshot *scene(void)
{
	static struct sf_snapshot *snap;
	static struct fake_guest *g;
	struct fake_scene scene;
	struct fake_maps maps;
	struct sf_frame *frame;
	struct sf_error *err;

	if (snap)
		return snap;
	g = fake_new(&(struct fake_options){ .n_cpus = 4, .unset_cpus = 1u << 3 });
	fake_scene_add(g, 0, &scene);
	fake_scene_maps_add(g, &maps);
	frame = fake_capture(g, "x");
	err = sf_snapshot_new(frame, &snap);
	assert(!err);
	sf_frame_unref(frame);
	return snap;
}

static void check_error(const char *text, struct sf_error *err)
{
	const struct sf_error_payload *p = sf_error_payload(err);
	struct sf_text lines = { 0 };

	if (!sf_error_message(err)[0] || !p || p->column > strlen(text) + 1)
		abort();
	sf_expr_point(text, p->column ? p->column : 1, "here", &lines);
	sf_text_cleanup(&lines);
	sf_error_free(err);
}

static void check_printed(const struct sf_expr *expr)
{
	struct sf_text t = { 0 };
	SF_OWNED(expr) again = NULL;

	sf_expr_print(expr, &t);
	_cleanup_free_ char *text = sf_text_take(&t);

	/* A key with members is longer written out. */
	if (!text || strlen(text) > SF_EXPR_MAX_TEXT)
		return;
	struct sf_error *err = sf_expr_new(text, &again);

	if (err || !sf_expr_equal(expr, again)) {
		fprintf(stderr, "%s: %s\n", text, err ? sf_error_message(err) : "differs");
		abort();
	}
}

static bool use_item(void *arg, const struct sf_expr_item *item)
{
	struct sf_node n;
	char text[128];

	++*(size_t *)arg;
	if (!sf_field_node(item->field, &n))
		abort();
	sf_node_text(&n, text, sizeof(text));
	return true;
}

static void evaluate(struct sf_view view, const struct sf_expr *expr)
{
	struct sf_expr_value v = { .size = sizeof(v) }, w = { .size = sizeof(w) };
	struct sf_error *err = sf_view_eval(view, expr, &v), *again;
	_cleanup_text_ struct sf_text why = { 0 };
	size_t n = 0;
	bool holds;

	if (err) {
		enum sf_code code = sf_error_code(err);

		check_error(sf_expr_text(expr), err);
		again = sf_view_eval(view, expr, &w);
		if (sf_error_code(again) != code)
			abort();
		sf_error_free(again);
		return;
	}
	if (v.kind < SF_EXPR_BOOL || v.kind > SF_EXPR_LIST)
		abort();
	if (v.kind == SF_EXPR_LIST) {
		err = sf_view_each(view, expr, use_item, &n);
		if (err || n != v.n)
			abort();
	}
	err = sf_expr_judge(view, expr, &holds, &why);
	if (!err && v.kind != SF_EXPR_FIELD && (v.kind != SF_EXPR_BOOL || holds != v.boolean || !why.n))
		abort();
	if (err)
		check_error(sf_expr_text(expr), err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	SF_OWNED(expr) expr = NULL;
	struct sf_error *err;

	assert(text);
	err = sf_expr_new(text, &expr);
	if (err) {
		if (sf_error_code(err) != SF_USAGE)
			abort();
		check_error(text, err);
		return 0;
	}
	check_printed(expr);
	if (strlen(text) <= MAX_EVALUATED)
		evaluate(sf_snapshot_view(scene()), expr);
	return 0;
}

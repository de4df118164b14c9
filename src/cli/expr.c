/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expressions on the command line: reading one, showing what it comes to, and pointing at what is wrong with it.
 */

#include <inttypes.h>

#include "expr.h"
#include "render/render.h"
#include "snapshot/snapshot.h"

#define COLUMNS 80u
#define INDENT 4u

/* ---- errors ------------------------------------------------------------------------------------------------------ */

struct sf_error *cli_expr_error(struct sf_error *err, const char *text)
{
	const struct sf_error_payload *p = err ? sf_error_payload(err) : NULL;
	_cleanup_text_ struct sf_text lines = { 0 };
	struct sf_error *ret;
	const char *note;

	if (!p || !p->column)
		return err;
	/* A word or two stand at the place itself; what is longer stands above. */
	note = p->code == SF_USAGE ? p->reason : NULL;
	note = note && p->column + INDENT + 2 + strlen(note) <= COLUMNS ? note : NULL;
	sf_expr_point(text, p->column, note, &lines);
	if (lines.failed)
		return err;
	ret = note ? sf_error_new(SF_USAGE, "no expression, at column %" PRIu64 "\n%.*s", p->column, (int)lines.n,
				  lines.v) :
		     sf_error_new(SF_USAGE, "%s\n%.*s", sf_error_message(err), (int)lines.n, lines.v);
	sf_error_free(err);
	return ret;
}

struct sf_error *cli_expr_read(const char *text, struct sf_expr **ret)
{
	return cli_expr_error(sf_expr_new(text, ret), text);
}

/* ---- showing ----------------------------------------------------------------------------------------------------- */

static bool write_text(void *arg, const char *text, size_t len)
{
	(void)arg;
	return fwrite(text, 1, len, stdout) == len;
}

static bool put_field(struct sf_field field)
{
	struct sf_render_options opt = { .width = sf_min(cli_columns(STDOUT_FILENO), 200u), .show_zero = true };
	struct sf_node n;

	return sf_field_node(field, &n) && sf_render_value_text(&n, &opt, 0, write_text, NULL);
}

struct items {
	struct sf_json_writer *json; /* NULL: as text */
	bool failed;
};

static bool put_item(void *arg, const struct sf_expr_item *item)
{
	struct items *items = arg;
	struct sf_node n;

	if (!sf_field_node(item->field, &n))
		return true;
	if (items->json) {
		sf_json_begin_object(items->json);
		if (item->map)
			sf_json_put_str(items->json, "map", item->map);
		if (item->has_cpu)
			sf_json_put_u64(items->json, "cpu", item->cpu);
		sf_json_key(items->json, "value");
		sf_render_value_json(&n, NULL, items->json);
		sf_json_end_object(items->json);
		return !items->json->failed;
	}
	if (item->map)
		printf("%s: ", item->map);
	if (item->has_cpu)
		printf("CPU %" PRIu32 ": ", item->cpu);
	items->failed = !put_field(item->field) || putchar('\n') == EOF;
	return !items->failed;
}

static struct sf_error *show_text(struct sf_view view, const struct sf_expr *expr, const struct sf_expr_value *v,
				  bool *ret_ok)
{
	_cleanup_free_ char *clean = NULL;
	struct items items = { 0 };
	char number[SF_JSON_NUMBER + 1];

	switch (v->kind) {
	case SF_EXPR_BOOL:
		printf("%s\n", v->boolean ? "true" : "false");
		break;
	case SF_EXPR_INT:
		printf("%" PRId64 "\n", v->i64);
		break;
	case SF_EXPR_UINT:
		printf("%" PRIu64 "\n", v->u64);
		break;
	case SF_EXPR_REAL:
		*sf_json_text_f64(number, v->f64) = '\0';
		printf("%s\n", strcmp(number, "null") ? number : "not a number");
		break;
	case SF_EXPR_TEXT:
		clean = cli_clean(v->text, SIZE_MAX);
		printf("%s\n", clean ? clean : "");
		break;
	case SF_EXPR_FIELD:
		*ret_ok = put_field(v->field) && putchar('\n') != EOF;
		break;
	case SF_EXPR_LIST:
		SF_TRY(sf_view_each(view, expr, put_item, &items));
		*ret_ok = !items.failed;
		break;
	case SF_EXPR_MAP:
		break;
	}
	return NULL;
}

static struct sf_error *show_json(struct sf_view view, const struct sf_expr *expr, const struct sf_expr_value *v,
				  bool *ret_ok)
{
	struct sf_json_writer w;
	struct items items = { .json = &w };
	struct sf_node n;

	sf_json_writer_init(&w, sf_json_file_sink, stdout, true);
	switch (v->kind) {
	case SF_EXPR_BOOL:
		sf_json_bool(&w, v->boolean);
		break;
	case SF_EXPR_INT:
		sf_json_i64(&w, v->i64);
		break;
	case SF_EXPR_UINT:
		sf_json_u64(&w, v->u64);
		break;
	case SF_EXPR_REAL:
		sf_json_f64(&w, v->f64);
		break;
	case SF_EXPR_TEXT:
		sf_json_str(&w, v->text);
		break;
	case SF_EXPR_FIELD:
		if (sf_field_node(v->field, &n))
			sf_render_value_json(&n, NULL, &w);
		break;
	case SF_EXPR_LIST:
		sf_json_begin_array(&w);
		SF_TRY(sf_view_each(view, expr, put_item, &items));
		sf_json_end_array(&w);
		break;
	case SF_EXPR_MAP:
		break;
	}
	*ret_ok = sf_json_writer_finish(&w) && putchar('\n') != EOF;
	return NULL;
}

/* What is true or false is so by its exit code too, for a shell. */
static int code_of(const struct sf_expr_value *v)
{
	struct sf_value raw;
	bool is;

	if (v->kind == SF_EXPR_BOOL)
		return v->boolean ? SF_PASS : SF_FAIL;
	if (v->kind == SF_EXPR_FIELD && sf_field_raw(v->field, &raw) && sf_value_kind(raw) == SF_BOOL &&
	    sf_value_as_bool(raw, &is) && !is)
		return SF_FAIL;
	return SF_PASS;
}

struct sf_error *cli_expr_show(struct sf_view view, const struct sf_expr *expr, const struct sf_expr_value *value,
			       bool json, bool *ret_ok, int *ret_code)
{
	*ret_ok = true;
	SF_TRY(json ? show_json(view, expr, value, ret_ok) : show_text(view, expr, value, ret_ok));
	*ret_code = code_of(value);
	return NULL;
}

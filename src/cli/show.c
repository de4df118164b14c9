/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe show: a frame, one of its maps, or what an expression comes to, as text or as JSON.
 */

#include <inttypes.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli.h"
#include "expr.h"
#include "render/render.h"

enum form { FORM_TEXT, FORM_JSON, FORM_PLAIN };

struct show_request {
	enum form form;
	const char *frame;
	const char *map;  /* by its name; NULL: by its id, or all of the frame */
	uint32_t id;      /* 0: not by that */
	struct sf_expr *expr; /* NULL: none */
};

static struct sf_error *set_json(void *arg, const char *value)
{
	struct show_request *r = arg;

	if (value && strcmp(value, "plain"))
		return sf_error_new(SF_USAGE, "there is --json and --json=plain");
	r->form = value ? FORM_PLAIN : FORM_JSON;
	return NULL;
}

static const struct cli_option options[] = {
	{ "json", 'j', "=plain", "as JSON, with the kind of every value; `plain`: in the shape of `bpftool -j map dump`. "
	  "stillframe-values(5) has the keys of both", set_json },
};

/* ---- which map -------------------------------------------------------------------------------------------------- */

static struct sf_error *find_by_id(struct sf_snapshot *snap, uint32_t id, const struct sf_snap_map **ret)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	_cleanup_text_ struct sf_text ids = { 0 };

	for (size_t i = 0; i < maps.n; i++) {
		if (maps.v[i].listed->map.id == id) {
			*ret = &maps.v[i];
			return NULL;
		}
		sf_text_putf(&ids, "%s%" PRIu32, i ? ", " : "", maps.v[i].listed->map.id);
	}
	_cleanup_free_ char *have = sf_text_take(&ids);

	return sf_error_new(SF_USAGE, "no map has the id %" PRIu32 "; there are %s", id, have && *have ? have : "none");
}

/* Two schedulers, or two instances of one, may both have a map of that name. */
static struct sf_error *check_unique(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	const char *name = map->listed->name;
	_cleanup_text_ struct sf_text ids = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < maps.n; i++)
		if (!strcmp(maps.v[i].listed->name, name))
			sf_text_putf(&ids, "%sid %" PRIu32, n++ ? ", " : "", maps.v[i].listed->map.id);
	_cleanup_free_ char *have = sf_text_take(&ids);

	if (n < 2)
		return NULL;
	return sf_error_new(SF_USAGE, "%zu maps are called %s; name one of them by its id: %s", n, name, have ? have : "");
}

static struct sf_error *find_map(struct sf_snapshot *snap, const struct show_request *r, const struct sf_snap_map **ret)
{
	if (r->id)
		return find_by_id(snap, r->id, ret);

	struct sf_map map = sf_view_map(sf_snapshot_view(snap), r->map);

	if (!sf_map_snap(map, ret))
		return sf_error_new(SF_USAGE, "%s; a variable is var(NAME)", sf_error_message(sf_map_error(map)));
	return check_unique(snap, *ret);
}

/* ---- showing ---------------------------------------------------------------------------------------------------- */

static bool write_text(void *arg, const char *text, size_t len)
{
	(void)arg;
	return fwrite(text, 1, len, stdout) == len;
}

static bool show_text(struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	struct sf_render_options opt = { .width = sf_min(cli_columns(STDOUT_FILENO), 200u) };

	return map ? sf_render_map_text(map, &opt, write_text, NULL) : sf_render_frame_text(snap, &opt, write_text, NULL);
}

/* A list of elements has no place for what is missing from it. */
static void warn(const struct sf_snap_map *map, struct sf_text *why)
{
	_cleanup_free_ char *text = why->n ? sf_text_take(why) : NULL, *clean = cli_clean(text ? text : "", 400);

	if (text)
		fprintf(stderr, "stillframe show: map %s: %s\n", map->listed->name, clean ? clean : "incomplete");
}

static bool show_json(struct sf_snapshot *snap, const struct sf_snap_map *map, enum form form)
{
	_cleanup_text_ struct sf_text why = { 0 };
	struct sf_json_writer w;
	bool ok;

	sf_json_writer_init(&w, sf_json_file_sink, stdout, form == FORM_JSON);
	if (form == FORM_JSON && map)
		sf_render_map_json(map, NULL, &w);
	else if (form == FORM_JSON)
		sf_render_frame_json(snap, NULL, &w);
	else if (map)
		sf_render_map_plain(map, NULL, &w, &why);
	else
		sf_render_frame_plain(snap, NULL, &w);
	ok = sf_json_writer_finish(&w) && fputc('\n', stdout) != EOF;
	if (ok)
		warn(map, &why);
	return ok;
}

/* *@ret_map: it is a map, which is shown as any is. */
static struct sf_error *show_expr(struct sf_snapshot *snap, const struct show_request *r,
				  const struct sf_snap_map **ret_map, bool *ret_ok, int *ret_code)
{
	struct sf_expr_value v = { .size = sizeof(v) };
	struct sf_view view = sf_snapshot_view(snap);
	struct sf_error *err = sf_view_eval(view, r->expr, &v), *copy;

	if (!err && v.kind == SF_EXPR_MAP && sf_map_snap(v.map, ret_map))
		return NULL;
	if (!err && r->form == FORM_PLAIN)
		return sf_error_new(SF_USAGE, "--json=plain is the shape of maps; a value has --json");
	if (!err)
		err = cli_expr_show(view, r->expr, &v, r->form == FORM_JSON, ret_ok, ret_code);
	/* What the snapshot lent goes with it. */
	copy = sf_error_copy(err);
	sf_error_free(err);
	return cli_expr_error(copy, sf_expr_text(r->expr));
}

/* A report of --json, by its name: the text may be as large as the reader takes. */
static struct sf_error *open_frame(const char *path, struct sf_frame **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t n = strlen(path), len;

	if (n < 5 || strcmp(path + n - 5, ".json"))
		return sf_frame_open(path, ret);
	SF_TRY(sf_file_get(path, UINT32_MAX - 64, &text, &len));
	return sf_error_context(sf_frame_from_json(text, len, ret), "%s", path);
}

static struct sf_error *show(const struct show_request *r, int *ret_code)
{
	const struct sf_snap_map *map = NULL;
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	bool ok = true;

	SF_TRY(open_frame(r->frame, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	if (r->map || r->id)
		SF_TRY(find_map(snap, r, &map));
	if (r->expr)
		SF_TRY(show_expr(snap, r, &map, &ok, ret_code));
	if (!r->expr || map)
		ok = r->form == FORM_TEXT ? show_text(snap, map) : show_json(snap, map, r->form);
	/* Where the output cannot be written, cli_flush() says so. */
	if (!ok)
		return ferror(stdout) ? NULL : sf_error_new(SF_NO_MEMORY, "%s could not be shown whole", r->frame);
	return NULL;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct show_request r = { 0 };
	struct cli_words words = { 0 };
	SF_OWNED(expr) expr = NULL;
	struct sf_error *err;
	struct stat st;
	int code;

	if (!cli_parse(c, argc, argv, &r, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;
	bool by_id = words.n == 3 && !strcmp(v[1], "id"), by_expr = words.n > 1 && strchr(v[1], '(');

	if (!words.n)
		return cli_usage(c, "which frame? A file such as DIR/NAME.frame; stillframe ls DIR lists them");
	if (words.n > 2 && by_expr)
		return cli_usage(c, "an expression is one word: quote it, as in 'var(nr_dispatched) > 0'");
	if ((words.n > 2 && !by_id) || words.rest)
		return cli_usage(c, "one frame at a time, and of it one map (NAME, or id N) or one expression");
	if (by_expr && (err = cli_expr_read(v[1], &expr)))
		return cli_fail(c->name, err);
	r.frame = v[0];
	r.expr = expr;
	r.map = by_id || by_expr ? NULL : v[1];
	if (by_id && (err = cli_count(v[2], UINT32_MAX, &r.id))) {
		_cleanup_free_ char *clean = cli_clean(v[2], 40);

		code = cli_usage(c, "id %s: %s", clean ? clean : "", sf_error_message(err));
		sf_error_free(err);
		return code;
	}
	if (!stat(r.frame, &st) && S_ISDIR(st.st_mode))
		return cli_usage(c, "%s is a directory; stillframe ls %s lists the frames of a run", r.frame, r.frame);
	code = SF_PASS;
	err = show(&r, &code);
	if (!err)
		return cli_flush(c->name, code);
	fflush(stdout);
	return cli_fail(c->name, err);
}

const struct cli_command cli_show = {
	.name = "show",
	.operands = "FRAME [MAP | EXPR] [--json[=plain]]",
	.summary = "a frame as text or JSON: its maps, their values, the CPUs",
	.details = "FRAME is a file that a run left, an exported one, another ELF core of a guest, or a\n"
		   "report that --json wrote to a file FRAME.json.\n"
		   "MAP is the name of a map, or `id N`: only that one. EXPR asks for a value, such as\n"
		   "'var(nr_dispatched)' or 'count(map(tasks){tid > 100}) > 3'; what is false exits\n"
		   "with 1. stillframe-expressions(7) has all of it.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run,
};

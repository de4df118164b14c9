/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe show: a frame as text or as JSON.
 */

#include <sys/stat.h>

#include "cli.h"
#include "render/render.h"

struct show_request {
	bool json;
};

static struct sf_error *set_json(void *arg, const char *value)
{
	(void)value;
	((struct show_request *)arg)->json = true;
	return NULL;
}

static const struct cli_option options[] = {
	{ "json", 'j', NULL, "as JSON; docs/values.md has its keys", set_json },
};

static bool write_text(void *arg, const char *text, size_t len)
{
	(void)arg;
	return fwrite(text, 1, len, stdout) == len;
}

static bool show_json(struct sf_snapshot *snap)
{
	struct sf_json_writer w;
	bool ok;

	sf_json_writer_init(&w, sf_json_file_sink, stdout, true);
	sf_render_frame_json(snap, NULL, &w);
	ok = sf_json_writer_finish(&w);
	return ok && fputc('\n', stdout) != EOF;
}

static struct sf_error *show(const char *path, bool json)
{
	struct sf_render_options opt = { .width = sf_min(cli_columns(STDOUT_FILENO), 200u) };
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	SF_TRY(sf_frame_open(path, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	/* Where the output cannot be written, cli_flush() says so. */
	if (json ? !show_json(snap) : !sf_render_frame_text(snap, &opt, write_text, NULL))
		return ferror(stdout) ? NULL : sf_error_new(SF_NO_MEMORY, "%s could not be shown whole", path);
	return NULL;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct show_request r = { 0 };
	struct cli_words words = { 0 };
	struct sf_error *err;
	struct stat st;
	int code;

	if (!cli_parse(c, argc, argv, &r, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;

	if (!words.n)
		return cli_usage(c, "which frame? A file such as DIR/NAME.frame; stillframe ls DIR lists them");
	if (words.n > 1 || words.rest)
		return cli_usage(c, "one frame at a time; expressions are not possible yet");
	if (!stat(v[0], &st) && S_ISDIR(st.st_mode))
		return cli_usage(c, "%s is a directory; stillframe ls %s lists the frames of a run", v[0], v[0]);
	err = show(v[0], r.json);
	if (!err)
		return cli_flush(c->name, SF_PASS);
	fflush(stdout);
	return cli_fail(c->name, err);
}

const struct cli_command cli_show = {
	.name = "show",
	.operands = "FRAME [--json]",
	.summary = "a frame as text or JSON: its maps, their values, the CPUs",
	.details = "FRAME is a file that a run left, an exported one, or another ELF core of a guest.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run,
};

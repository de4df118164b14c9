/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe export: one self-contained ELF core for drgn and others.
 */

#include <sys/stat.h>

#include "cli.h"

static struct sf_error *export_frame(const char *from, const char *to)
{
	struct sf_frame_info info = { .size = sizeof(info) };
	SF_OWNED(frame) frame = NULL;
	char size[CLI_NUMBER];
	struct stat st;

	if (!stat(to, &st) && !S_ISREG(st.st_mode))
		return sf_error_new(SF_USAGE, "%s is there already, and no file", to);
	SF_TRY(sf_frame_open(from, &frame));
	sf_frame_info(frame, &info);
	if (info.is_placeholder)
		return sf_error_new(SF_USAGE, "%s has no data to export: %s", from, info.reason);
	SF_TRY(sf_frame_export(frame, to));
	printf("%s: %llu pages and the kernel's types and symbols, %s\n", to, (unsigned long long)info.n_pages,
	       stat(to, &st) ? "" : cli_put_size(size, (uint64_t)st.st_size));
	return NULL;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct cli_words words = { 0 };
	struct sf_error *err;
	int code;

	if (!cli_parse(c, argc, argv, NULL, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;

	if (words.n != 2 || words.rest)
		return cli_usage(c, "which frame, and into which file? stillframe export FRAME FILE");
	err = export_frame(v[0], v[1]);
	return err ? cli_fail(c->name, err) : cli_flush(c->name, SF_PASS);
}

const struct cli_command cli_export = {
	.name = "export",
	.operands = "FRAME FILE",
	.summary = "one self-contained ELF core, for drgn and others",
	.details = "FILE is written whole or not at all; one that is there is replaced.\n",
	.run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "docs.h"

char *docs_read(const char *path)
{
	_cleanup_text_ struct sf_text text = { 0 };
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		sf_text_putn(&text, part, n);
	sf_text_put(&text, "");
	char *all = f && !ferror(f) ? sf_text_take(&text) : NULL;

	if (!all) {
		fprintf(stderr, "stillframe-docs: cannot read %s: %s\n", path, strerror(errno));
		exit(SF_HARNESS_FAILED);
	}
	return all;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const struct cli_command *one = argc == 4 ? cli_find_command(argv[2]) : NULL;

	if (!strcmp(what, "manual") && argc == 4 && (one || !strcmp(argv[2], "stillframe"))) {
		docs_manual(one, argv[3]);
	} else if (!strcmp(what, "completion") && argc == 3) {
		docs_completion(argv[2]);
	} else {
		fputs("usage: stillframe-docs manual COMMAND|stillframe MORE\n"
		      "       stillframe-docs completion TEMPLATE\n", stderr);
		return SF_BAD_USAGE;
	}
	return cli_flush("docs", SF_PASS);
}

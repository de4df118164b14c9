/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which commands there are, and stillframe help: all of them at a glance, or one.
 */

#include "commands.h"

const struct cli_command *const cli_commands[] = {
	&cli_run, &cli_show, &cli_ls, &cli_export, &cli_kernel, &cli_doctor, &cli_help_command,
};
const size_t cli_n_commands = ARRAY_SIZE(cli_commands);

const struct cli_exit cli_exits[] = {
	{ SF_PASS, "pass", "everything that was asserted held, and it was observed" },
	{ SF_FAIL, "fail", "an assertion did not hold, or the scheduler itself failed: rejected, not attached in time, "
	  "or thrown out by the kernel" },
	{ SF_INCONCLUSIVE, "inconclusive", "what should have been observed was not, through no fault of the scheduler" },
	{ SF_BAD_USAGE, "usage or bad input", "no such file, a kernel that cannot run a scheduler, a damaged frame" },
	{ SF_SKIPPED, "skipped", "of a test: nothing was to be done" },
	{ SF_DEADLINE_PASSED, "deadline", "the run was ended because it took too long" },
	{ SF_HARNESS_FAILED, "the harness failed", "a full disk, a QEMU that went away, no memory" },
	{ SF_INTERRUPTED, "interrupted", "by SIGINT, SIGTERM or SIGHUP" },
	{ SF_GUEST_PANICKED, "the guest panicked", "its kernel did; the console log says why" },
};
const size_t cli_n_exits = ARRAY_SIZE(cli_exits);

const struct cli_command *cli_find_command(const char *name)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		if (!strcmp(name, cli_commands[i]->name))
			return cli_commands[i];
	return NULL;
}

/* "0 pass, 1 fail, …", with no line's end between a number and its word. */
static void put_exits(FILE *out)
{
	size_t column = (size_t)fprintf(out, "Exit codes:");

	for (size_t i = 0; i < cli_n_exits; i++) {
		char item[64];
		size_t len = (size_t)snprintf(item, sizeof(item), "%d %s%s", cli_exits[i].code, cli_exits[i].word,
					      i + 1 < cli_n_exits ? "," : ".");

		if (column + 1 + len > 80)
			column = (size_t)fprintf(out, "\n") - 1;
		column += (size_t)fprintf(out, "%s%s", column ? " " : "", item);
	}
	fputs("\n", out);
}

void cli_help_all(FILE *out)
{
	fputs("usage: stillframe COMMAND [OPTION]...\n"
	      "       stillframe help [COMMAND] | --help | --version\n"
	      "\n"
	      "Freezes a running Linux kernel and keeps what its BPF schedulers know.\n"
	      "\n", out);
	for (size_t i = 0; i < cli_n_commands; i++)
		fprintf(out, "  %-8s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
	fputs("\nstillframe help COMMAND says more of one.\n", out);
	put_exits(out);
}

/* Paragraphs with an empty line between them, each as wide as a screen, however its lines were broken. */
void cli_put_details(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		_cleanup_free_ char *one = end ? strndup(text, (size_t)(end - text)) : strdup(text);

		for (char *p = one; p && *p; p++)
			*p = *p == '\n' ? ' ' : *p;
		cli_wrap(out, "", 0, one ? one : "");
		if (end)
			fputs("\n", out);
		text = end ? end + 2 : "";
	}
}

int cli_unknown(const char *name)
{
	_cleanup_free_ char *clean = cli_clean(name, 64);

	fprintf(stderr, "stillframe: there is no command \"%s\"; there are", clean ? clean : "");
	for (size_t i = 0; i < cli_n_commands; i++)
		fprintf(stderr, "%s %s", i ? "," : "", cli_commands[i]->name);
	fputs("\n", stderr);
	return SF_BAD_USAGE;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	struct cli_words words = { 0 };
	int code;

	if (!cli_parse(c, argc, argv, NULL, &words, &code))
		return code;
	_cleanup_free_ const char **v = words.v;

	if (words.n > 1 || words.rest)
		return cli_usage(c, "one command at a time");
	if (!words.n) {
		cli_help_all(stdout);
		return cli_flush(c->name, SF_PASS);
	}
	const struct cli_command *one = cli_find_command(v[0]);

	if (!one)
		return cli_unknown(v[0]);
	cli_help(one, stdout);
	return cli_flush(c->name, SF_PASS);
}

const struct cli_command cli_help_command = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "what there is, or all that one command takes",
	.details = "It is what COMMAND --help prints. The manual has more: man stillframe,\n"
		   "man stillframe-COMMAND. Its pages of sections 5 and 7 are docs/ of the sources.\n",
	.run = run,
};

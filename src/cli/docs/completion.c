/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What bash offers. The script is a template; the tables in it are the command's.
 */

#include <ctype.h>

#include "docs.h"

const char *docs_offer_of(const char *placeholder)
{
	static const struct { const char *word, *offer; } kinds[] = {
		{ "COMMAND", "@command" }, { "DIR", "@dir" }, { "FILE", "@file" }, { "FRAME", "@frame" },
		{ "KERNEL", "@kernel" }, { "PATH", "@file" }, { "RUN", "@run" }, { "SCENARIO", "@scenario" },
		{ "SCENARIO.yaml", "@scenario" }, { "SCHED", "none @scheduler" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(placeholder, kinds[i].word))
			return kinds[i].offer;
	return "";
}

static const char *offer_of_option(const struct cli_option *o)
{
	if (o->complete)
		return o->complete;
	return o->value[0] == '=' ? o->value + 1 : docs_offer_of(o->value);
}

/* "[SCENARIO.yaml]" as "SCENARIO.yaml". false: there are no more. */
static bool next_word(const char **text, char word[64])
{
	static const char around[] = " []";
	size_t len;

	*text += strspn(*text, around);
	len = strcspn(*text, around);
	if (!len)
		return false;
	snprintf(word, 64, "%.*s", (int)len, *text);
	*text += len;
	return true;
}

#define MAX_PLACES 8

/*
 * What may stand at each place, out of the words that help shows: "list | get [KERNEL]" has words to choose from, and a
 * kernel behind them.
 */
static void put_operands(const char *usage)
{
	_cleanup_text_ struct sf_text words = { 0 };
	const char *places[MAX_PLACES];
	bool or = false;
	char word[64];
	size_t n = 0;

	for (const char *p = usage; next_word(&p, word) && strcmp(word, "--");) {
		if (!strcmp(word, "|")) {
			or = true;
			continue;
		}
		if (islower((unsigned char)word[0])) {
			sf_text_putf(&words, "%s%s", words.n ? " " : "", word);
		} else if (isupper((unsigned char)word[0]) && strcmp(word, "OPTION") && n < MAX_PLACES) {
			const char *offer = docs_offer_of(word);

			/* Of two that may stand at one place the first speaks; behind words there is one place. */
			if (words.n ? !n : !or)
				places[n++] = offer;
		}
		or = false;
	}
	fputs("\t\toperands=(", stdout);
	if (words.n)
		printf("'%s'%s", words.v, n ? " " : "");
	for (size_t i = 0; i < n; i++)
		printf("%s'%s'", i ? " " : "", places[i]);
	puts(")");
}

static bool is_any(const struct cli_option *o)
{
	return o->name;
}

/* Those whose value is the next word. */
static bool takes_next(const struct cli_option *o)
{
	return o->value && o->value[0] != '=';
}

static void put_options(const struct cli_command *c, const char *variable, bool (*which)(const struct cli_option *o))
{
	const char *before = "";

	printf("\t\t%s='", variable);
	for (size_t i = 0; i < c->n_options; i++) {
		const struct cli_option *o = &c->options[i];

		if (!which(o))
			continue;
		printf("%s--%s", before, o->name);
		before = " ";
		if (o->letter)
			printf(" -%c", o->letter);
	}
	printf("%s'\n", which != is_any ? "" : *before ? " --help -h" : "--help -h");
}

static void put_command(const struct cli_command *c)
{
	printf("\t%s)\n", c->name);
	put_options(c, "options", is_any);
	put_options(c, "takes", takes_next);
	put_operands(c->operands);
	puts("\t\tcase $2 in");
	for (size_t i = 0; i < c->n_options; i++) {
		const struct cli_option *o = &c->options[i];

		if (!o->value || !offer_of_option(o)[0])
			continue;
		printf("\t\t--%s", o->name);
		if (o->letter)
			printf(" | -%c", o->letter);
		printf(") offer='%s' ;;\n", offer_of_option(o));
	}
	puts("\t\tesac\n"
	     "\t\t;;");
}

/* Sets what the template knows by these names; $1 is the command, $2 an option. */
static void put_tables(void)
{
	puts("_stillframe_tables() {\n"
	     "\toptions='' takes='' operands=() offer=''\n"
	     "\tcase $1 in\n"
	     "\t'')\n"
	     "\t\toptions='--help -h --version'\n"
	     "\t\toperands=('@command')\n"
	     "\t\t;;");
	for (size_t i = 0; i < cli_n_commands; i++)
		put_command(cli_commands[i]);
	fputs("\tesac\n"
	      "}\n"
	      "_stillframe_commands='", stdout);
	for (size_t i = 0; i < cli_n_commands; i++)
		printf("%s%s", i ? " " : "", cli_commands[i]->name);
	puts("'");
}

void docs_completion(const char *path)
{
	static const char mark[] = "@TABLES@\n";
	_cleanup_free_ char *template = docs_read(path);
	char *at = strstr(template, mark);

	if (!at) {
		fprintf(stderr, "stillframe-docs: %s has no line @TABLES@\n", path);
		exit(SF_BAD_USAGE);
	}
	printf("%.*s", (int)(at - template), template);
	put_tables();
	fputs(at + strlen(mark), stdout);
}

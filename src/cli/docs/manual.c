/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Man pages of section 1: man(7) macros, which every man knows.
 */

#include <ctype.h>

#include "docs.h"

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* What help refers to. */
static const char *const pages[] = {
	"stillframe-captures(7)", "stillframe-expressions(7)", "stillframe-frame(5)", "stillframe-run.json(5)",
	"stillframe-scenario(5)", "stillframe-schedulers(7)", "stillframe-values(5)",
};

static void put_char(char c)
{
	switch (c) {
	case '\\': fputs("\\e", stdout); break;
	/* Else they become other characters, which cannot be copied into a shell. */
	case '-': fputs("\\-", stdout); break;
	case '\'': fputs("\\(aq", stdout); break;
	case '`': fputs("\\(ga", stdout); break;
	case '^': fputs("\\(ha", stdout); break;
	case '~': fputs("\\(ti", stdout); break;
	default: putchar(c);
	}
}

static void put_escaped(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put_char(text[i]);
}

/* "stillframe-run(1)": a reference. */
static void put_page(const char *page)
{
	size_t len = strcspn(page, "(");

	fputs("\\fB", stdout);
	put_escaped(page, len);
	printf("\\fR%s", page + len);
}

static size_t put_reference(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		size_t len = strlen(pages[i]);

		if (!strncmp(text, pages[i], len)) {
			put_page(pages[i]);
			return len;
		}
	}
	return 0;
}

/* One paragraph: `code` is bold, and so are pages. A line that begins with a dot or a quote would be a request. */
static void put_text(const char *text, size_t len)
{
	bool code = false, begin = true;

	for (size_t i = 0; i < len; i++) {
		size_t skip = put_reference(text + i);
		char c = text[i];

		if (skip) {
			i += skip - 1;
		} else if (c == '`') {
			fputs(code ? "\\fR" : "\\fB", stdout);
			code = !code;
		} else if (c == '\n' || (c == ' ' && !code && i && (text[i - 1] == '.' || text[i - 1] == ';'))) {
			/* Sentences on lines of their own: troff knows then where one ends. */
			putchar('\n');
			begin = true;
			continue;
		} else {
			if (begin && (c == '.' || c == '\''))
				fputs("\\&", stdout);
			put_char(c);
		}
		begin = false;
	}
	putchar('\n');
}

static void put_paragraphs(const char *text)
{
	for (bool first = true; *text; first = false) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		while (len && text[len - 1] == '\n')
			len--;
		if (!first)
			puts(".PP");
		put_text(text, len);
		text = end ? end + 2 : "";
	}
}

/* Help begins in the middle of a line, this does not; but one of the words @typed stays as it is. */
static void put_sentence(const char *text, const char *typed)
{
	size_t word = strcspn(text, " ,;");

	_cleanup_free_ char *copy = sf_asprintf("%s%s", text, strchr(".!?", text[strlen(text) - 1]) ? "" : ".");

	if (!copy)
		abort();
	bool is_typed = typed && !strncmp(typed, text, word) && strchr(" ", typed[word]);

	if (islower((unsigned char)copy[0]) && !is_typed)
		copy[0] = (char)toupper((unsigned char)copy[0]);
	put_text(copy, strlen(copy));
}

/* The length of a placeholder at the start of @text: "FRAME", "SCENARIO.yaml", "N". 0: there is none. */
static size_t placeholder(const char *text)
{
	static const char small[] = "abcdefghijklmnopqrstuvwxyz";
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	size_t end = len && text[len] == '.' ? strspn(text + len + 1, small) : 0;

	if (end)
		return len + 1 + end;
	return strspn(text + len, small) ? 0 : len;
}

/* Placeholders are in capitals, what is typed as it stands is not. */
static void put_usage(const char *text)
{
	while (*text) {
		size_t len = placeholder(text);

		if (!len) {
			put_char(*text++);
			continue;
		}
		fputs("\\fI", stdout);
		put_escaped(text, len);
		fputs("\\fR", stdout);
		text += len;
	}
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static void put_title(const char *name)
{
	fputs(".\\\" Made of the tables of the command when it was built.\n.TH ", stdout);
	for (const char *p = name; *p; p++)
		put_char((char)toupper((unsigned char)*p));
	/* Words that are typed are not to be hyphenated, nor the gaps between them stretched. */
	printf(" 1 \"%s\" \"stillframe %s\" \"stillframe\"\n.nh\n.ad l\n", SF_DATE, SF_VERSION);
}

static void put_name(const char *name, const char *summary)
{
	puts(".SH NAME");
	put_escaped(name, strlen(name));
	fputs(" \\- ", stdout);
	put_text(summary, strlen(summary));
}

static void put_option(const struct cli_option *o)
{
	bool optional = o->value && o->value[0] == '=';

	fputs(".TP\n\\fB", stdout);
	if (o->letter)
		printf("\\-%c\\fR, \\fB", o->letter);
	fputs("\\-\\-", stdout);
	put_escaped(o->name, strlen(o->name));
	fputs("\\fR", stdout);
	if (o->value) {
		fputs(optional ? "[" : " ", stdout);
		put_usage(o->value);
		fputs(optional ? "]" : "", stdout);
	}
	putchar('\n');
	put_sentence(o->help, o->complete);
}

static void put_exits(void)
{
	puts(".SH EXIT STATUS");
	for (size_t i = 0; i < cli_n_exits; i++) {
		printf(".TP\n.B %d\n", cli_exits[i].code);
		_cleanup_free_ char *text = sf_asprintf("%s: %s", cli_exits[i].word, cli_exits[i].meaning);

		if (!text)
			abort();
		put_sentence(text, NULL);
	}
}

/* What no table has; comments are for who writes it. */
static void put_more(const char *more)
{
	for (const char *line = more; *line;) {
		size_t len = strcspn(line, "\n");

		if (strncmp(line, ".\\\"", 3))
			printf("%.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void put_see_also(const struct cli_command *one)
{
	static const char *const others[] = {
		"stillframe-frame(5)", "stillframe-run.json(5)", "stillframe-scenario(5)", "stillframe-values(5)",
		"stillframe(7)", "stillframe-captures(7)", "stillframe-expressions(7)",
	};

	puts(".SH SEE ALSO");
	if (one)
		fputs("\\fBstillframe\\fR(1),\n", stdout);
	for (size_t i = 0; i < cli_n_commands; i++) {
		if (cli_commands[i] == one)
			continue;
		_cleanup_free_ char *page = sf_asprintf("stillframe-%s(1)", cli_commands[i]->name);

		if (!page)
			abort();
		put_page(page);
		puts(",");
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		put_page(others[i]);
		puts(i + 1 < ARRAY_SIZE(others) ? "," : "");
	}
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static void put_command(const struct cli_command *c)
{
	static const struct cli_option help = { .name = "help", .letter = 'h', .help = "what this page begins with" };
	_cleanup_free_ char *name = sf_asprintf("stillframe-%s", c->name);

	if (!name)
		abort();
	put_title(name);
	put_name(name, c->summary);
	printf(".SH SYNOPSIS\n.B stillframe %s\n", c->name);
	put_usage(c->operands);
	puts("\n.SH DESCRIPTION");
	if (c->details)
		put_paragraphs(c->details);
	else
		put_sentence(c->summary, NULL);
	puts(".SH OPTIONS");
	for (size_t i = 0; i < c->n_options; i++)
		put_option(&c->options[i]);
	put_option(&help);
}

static void put_all(void)
{
	put_title("stillframe");
	put_name("stillframe", CLI_SUMMARY);
	puts(".SH SYNOPSIS\n"
	     ".B stillframe\n"
	     "\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
	     ".SH COMMANDS");
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct cli_command *c = cli_commands[i];

		printf(".TP\n\\fB%s\\fR ", c->name);
		put_usage(c->operands);
		putchar('\n');
		put_sentence(c->summary, NULL);
	}
	puts(".SH OPTIONS\n"
	     ".TP\n"
	     "\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n"
	     "All commands, in a line each.\n"
	     ".TP\n"
	     "\\fB\\-\\-version\\fR\n"
	     "Which stillframe this is.");
}

void docs_manual(const struct cli_command *command, const char *path)
{
	_cleanup_free_ char *more = docs_read(path);

	if (command)
		put_command(command);
	else
		put_all();
	if (!strstr(more, ".SH EXIT STATUS"))
		put_exits();
	put_more(more);
	put_see_also(command);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table of options makes help and parsing.
 */

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>

#include "commands.h"

#define MAX_OPTIONS 64
#define HELP_COLUMN 26

/* ---- help ------------------------------------------------------------------------------------------------------- */

static bool is_optional(const struct cli_option *o)
{
	return o->value && o->value[0] == '=';
}

static void put_option(FILE *out, const struct cli_option *o)
{
	char lead[256];

	snprintf(lead, sizeof(lead), "  %c%c%s--%s%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		 o->letter ? ", " : "  ", o->name, is_optional(o) ? "[" : o->value ? " " : "", o->value ? o->value : "",
		 is_optional(o) ? "]" : "");
	fprintf(out, "%-*s", HELP_COLUMN - 1, lead);
	if (strlen(lead) >= HELP_COLUMN)
		fprintf(out, "\n%*s", HELP_COLUMN - 1, "");
	cli_wrap(out, " ", HELP_COLUMN, o->help);
}

void cli_help(const struct cli_command *c, FILE *out)
{
	static const struct cli_option own = { .name = "help", .letter = 'h', .help = "this text" };
	_cleanup_free_ char *lead = sf_asprintf("usage: stillframe %s ", c->name);

	cli_wrap(out, lead ? lead : "", lead ? (unsigned int)strlen(lead) : 0, c->operands);
	fprintf(out, "\n%s\n\n", c->summary);
	for (size_t i = 0; i < c->n_options; i++)
		put_option(out, &c->options[i]);
	put_option(out, &own);
	if (c->details) {
		fputs("\n", out);
		cli_put_details(out, c->details);
	}
}

int cli_usage(const struct cli_command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "stillframe %s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n", stderr);
	return SF_BAD_USAGE;
}

enum sf_verdict cli_verdict_of(struct sf_error *err)
{
	switch (sf_error_code(err)) {
	case SF_SYSTEM:
		/* What was named is not there or not ours to read: the user's to put right. Anything else is not. */
		switch (sf_error_payload(err) ? sf_error_payload(err)->err_no : 0) {
		case ENOENT: case ENOTDIR: case EISDIR: case EACCES: case EPERM: case ENAMETOOLONG: case ELOOP:
			return SF_BAD_USAGE;
		default:
			return SF_HARNESS_FAILED;
		}
	case SF_NO_MEMORY:
	case SF_TRANSPORT:
		return SF_HARNESS_FAILED;
	default:
		return SF_BAD_USAGE;
	}
}

void cli_complain(const char *command, const char *message)
{
	size_t end = strlen(message);

	while (end && message[end - 1] == '\n')
		end--;
	fprintf(stderr, "stillframe %s: ", command);
	for (size_t at = 0; at < end;) {
		size_t len = sf_min(strcspn(message + at, "\n"), end - at);
		_cleanup_free_ char *raw = strndup(message + at, len), *clean = raw ? cli_clean(raw, 4096) : NULL;

		fputs(clean ? clean : "", stderr);
		at += len;
		for (; at < end && message[at] == '\n'; at++)
			fputs("\n", stderr);
	}
	fputs("\n", stderr);
}

int cli_fail(const char *command, struct sf_error *err)
{
	enum sf_verdict code = cli_verdict_of(err);

	cli_complain(command, sf_error_message(err));
	sf_error_free(err);
	return code;
}

int cli_flush(const char *command, int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	if (errno != EPIPE)
		fprintf(stderr, "stillframe %s: cannot write the output: %s\n", command, strerror(errno));
	return SF_HARNESS_FAILED;
}

/* ---- parsing ------------------------------------------------------------------------------------------------------ */

static const struct cli_option *find(const struct cli_command *c, const char *name, char letter)
{
	for (size_t i = 0; i < c->n_options; i++)
		if (name ? !strcmp(c->options[i].name, name) : c->options[i].letter == letter)
			return &c->options[i];
	return NULL;
}

/* getopt's complaint, in our words. */
static int bad_option(const struct cli_command *c, int what, char **argv)
{
	const char *word = argv[optind - 1];
	char letter[2] = { (char)optopt, '\0' };

	if (what == ':')
		return cli_usage(c, "%s needs a value%s%s", word, find(c, word + 2, 0) ? ": " : "",
				 find(c, word + 2, 0) ? find(c, word + 2, 0)->value : "");
	if (optopt && find(c, NULL, (char)optopt))
		return cli_usage(c, "-%s takes no value", letter);
	_cleanup_free_ char *clean = cli_clean(word, 80);

	if (optopt && !strncmp(word, "--", 2))
		return cli_usage(c, "%.*s takes no value", (int)strcspn(word, "="), word);
	return cli_usage(c, "there is no option %s%s; stillframe %s --help shows those there are", optopt ? "-" : "",
			 optopt ? letter : clean ? clean : "of that name", c->name);
}

static int set(const struct cli_command *c, const struct cli_option *o, void *arg, const char *value)
{
	SF_OWNED(error) err = o->set(arg, value);

	if (!err)
		return 0;
	_cleanup_free_ char *clean = cli_clean(value ? value : "", 60);

	return cli_usage(c, "--%s%s%s: %s", o->name, value ? " " : "", value && !value[0] ? "\"\"" : clean ? clean : "",
			 sf_error_message(err));
}

/* Of two values one would be forgotten without a word. */
static int set_once(const struct cli_command *c, const struct cli_option *o, void *arg, const char *value, bool *given)
{
	size_t i = (size_t)(o - c->options);

	if (i < MAX_OPTIONS && given[i] && o->value && !o->again)
		return cli_usage(c, "--%s is given twice, and takes one value", o->name);
	if (i < MAX_OPTIONS)
		given[i] = true;
	return set(c, o, arg, value);
}

struct getopt_tables {
	struct option longs[MAX_OPTIONS + 2];
	char shorts[2 * MAX_OPTIONS + 4];
};

static void make_tables(const struct cli_command *c, struct getopt_tables *t)
{
	char *s = t->shorts;
	size_t n = 0;

	/* `-`: words come in their order, so that what stands after `--` is told from what stands before it. */
	*s++ = '-';
	*s++ = ':';
	*s++ = 'h';
	for (; n < c->n_options && n < MAX_OPTIONS; n++) {
		const struct cli_option *o = &c->options[n];

		t->longs[n] = (struct option){ .name = o->name, .val = 256 + (int)n,
					       .has_arg = is_optional(o) ? optional_argument :
							  o->value ? required_argument : no_argument };
		if (o->letter)
			*s++ = o->letter;
		/* Of an optional value the letter is the plain option: `-jx` would be two letters elsewhere. */
		if (o->letter && o->value && !is_optional(o))
			*s++ = ':';
	}
	*s = '\0';
	t->longs[n++] = (struct option){ .name = "help", .val = 'h' };
	t->longs[n] = (struct option){ 0 };
}

/* Operands name files, maps, kernels; the longest are expressions. */
static int check_word(const struct cli_command *c, const char *word)
{
	if (word[0] && strlen(word) < PATH_MAX)
		return 0;
	if (!word[0])
		return cli_usage(c, "\"\" names nothing; stillframe %s --help says what is named here", c->name);
	_cleanup_free_ char *clean = cli_clean(word, 40);

	return cli_usage(c, "\"%s\" is %zu bytes long, and may have %d", clean ? clean : "", strlen(word), PATH_MAX - 1);
}

bool cli_parse(const struct cli_command *c, int argc, char **argv, void *arg, struct cli_words *ret, int *ret_code)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	bool given[MAX_OPTIONS] = { false };
	struct getopt_tables t;
	size_t n = 0;
	int what, code = 0;

	make_tables(c, &t);
	optind = 0;
	opterr = 0;
	while (words && !code && (what = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		const struct cli_option *o = NULL;

		if (what == 1) {
			words[n++] = optarg;
			code = check_word(c, optarg);
			continue;
		}
		if (what == 'h') {
			cli_help(c, stdout);
			*ret_code = cli_flush(c->name, SF_PASS);
			return false;
		}
		if (what != '?' && what != ':')
			o = what >= 256 ? &c->options[what - 256] : find(c, NULL, (char)what);
		code = !o ? bad_option(c, what, argv) : set_once(c, o, arg, optarg, given);
	}
	if (!words)
		code = cli_fail(c->name, sf_error_nomem());
	if (code) {
		*ret_code = code;
		return false;
	}
	/* getopt has taken the `--` itself; without one there is nothing left. */
	bool has_rest = optind > 0 && optind <= argc && !strcmp(argv[optind - 1], "--");

	*ret = (struct cli_words){ .v = steal_ptr(&words), .n = n,
				   .rest = has_rest ? (const char *const *)argv + optind : NULL };
	return true;
}

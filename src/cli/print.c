/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers and foreign text for people.
 */

#include <inttypes.h>
#include <sys/ioctl.h>

#include "cli.h"

#define COLUMNS 80
#define NARROWEST 28

/* Three digits that say something. */
static const char *put_scaled(char buf[CLI_NUMBER], double v, const char *unit)
{
	snprintf(buf, CLI_NUMBER, v >= 99.95 ? "%.0f %s" : v >= 9.995 ? "%.1f %s" : "%.2f %s", v, unit);
	return buf;
}

const char *cli_put_time(char buf[CLI_NUMBER], uint64_t ns)
{
	if (ns < 1000) {
		snprintf(buf, CLI_NUMBER, "%" PRIu64 " ns", ns);
		return buf;
	}
	if (ns < 1000000)
		return put_scaled(buf, (double)ns / 1e3, "us");
	if (ns < 1000000000)
		return put_scaled(buf, (double)ns / 1e6, "ms");
	if (ns < 120000000000)
		return put_scaled(buf, (double)ns / 1e9, "s");
	return put_scaled(buf, (double)ns / 60e9, "min");
}

const char *cli_put_size(char buf[CLI_NUMBER], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(buf, CLI_NUMBER, "%" PRIu64 " B", bytes);
		return buf;
	}
	for (; v >= 1000 && i + 1 < ARRAY_SIZE(units); i++)
		v /= 1024;
	return put_scaled(buf, v, units[i]);
}

char *cli_clean(const char *text, size_t max)
{
	_cleanup_text_ struct sf_text t = { 0 };

	sf_text_put_name(&t, text, max);
	return sf_text_take(&t);
}

unsigned int cli_columns(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) || w.ws_col < 20)
		return COLUMNS;
	return w.ws_col;
}

bool cli_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && no[0]) && term && strcmp(term, "dumb");
}

/* Columns of UTF-8, counting every character as one. */
static size_t width(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* A line is never so narrow that a word or two would not fit beside its lead. */
static size_t limit_of(FILE *out, unsigned int indent)
{
	return sf_min(sf_max((size_t)cli_columns(fileno(out)), (size_t)indent + NARROWEST), (size_t)COLUMNS);
}

static void wrap_line(FILE *out, unsigned int indent, size_t *column, const char *text)
{
	size_t limit = limit_of(out, indent);
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " "), columns = width(text, len);

		if (len) {
			if (!first && *column + 1 + columns > limit) {
				fprintf(out, "\n%*s", (int)indent, "");
				*column = indent;
				first = true;
			}
			fprintf(out, "%s%.*s", first ? "" : " ", (int)len, text);
			*column += columns + !first;
			first = false;
		}
		text += len + (text[len] == ' ');
	}
}

void cli_wrap(FILE *out, const char *lead, unsigned int indent, const char *text)
{
	size_t column = width(lead, strlen(lead));

	fputs(lead, out);
	if (indent > column && lead[0] == ' ' && !lead[1])
		column = indent;
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		_cleanup_free_ char *raw = strndup(line, strcspn(line, "\n"));
		_cleanup_free_ char *clean = raw ? cli_clean(raw, 4096) : NULL;

		if (line != text) {
			if (!*line)
				break;
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		wrap_line(out, indent, &column, clean ? clean : "");
	}
	fputs("\n", out);
}

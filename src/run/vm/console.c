/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"

#include <sys/stat.h>

#include "base/text.h"

/* The first words of panic() (kernel/panic.c), at whatever place of the line. */
static const char panic_words[] = "Kernel panic - not syncing";

/* Length of the escape sequence at @p, which starts with ESC: "ESC [ parameters final" or two bytes. */
static size_t escape_len(const char *p, const char *end)
{
	const char *at = p + 1;

	if (at == end)
		return 1;
	if (*at != '[')
		return 2;
	for (at++; at < end && *at >= 0x20 && *at < 0x40; at++)
		;
	return (size_t)(at - p) + (at < end && *at >= 0x40 && *at <= 0x7e);
}

size_t sf_console_clean(const char *raw, size_t len, char *ret)
{
	const char *p = raw, *end = raw + len;
	size_t n = 0;

	while (p < end) {
		uint8_t c = (uint8_t)*p;
		size_t seq;

		if (c == 0x1b) {
			p += escape_len(p, end);
		} else if (c < 0x20 || c == 0x7f) {
			if (c == '\n' || c == '\t')
				ret[n++] = c == '\t' ? ' ' : '\n';
			p++;
		} else if ((seq = sf_utf8_seq(p, (size_t)(end - p)))) {
			memmove(ret + n, p, seq);
			n += seq;
			p += seq;
		} else {
			ret[n++] = '?';
			p++;
		}
	}
	return n;
}

static void end_line(struct sf_console *console, sf_console_line_fn *fn, void *arg)
{
	char line[SF_CONSOLE_LINE + 1];
	size_t len = sf_console_clean(console->line, console->n, line);

	console->n = 0;
	line[len] = '\0';
	if (!console->panic[0] && strstr(line, panic_words))
		snprintf(console->panic, sizeof(console->panic), "%.500s", line);
	if (fn && len)
		fn(arg, line, len);
}

void sf_console_scan(struct sf_console *console, sf_console_line_fn *fn, void *arg)
{
	char buf[16384];
	ssize_t n;

	while ((n = pread(console->fd, buf, sizeof(buf), (off_t)console->offset)) > 0) {
		console->offset += (uint64_t)n;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != '\n')
				console->line[console->n++] = buf[i];
			if (buf[i] == '\n' || console->n == sizeof(console->line))
				end_line(console, fn, arg);
		}
	}
}

struct sf_error *sf_console_tail(int fd, size_t lines, char **ret)
{
	_cleanup_free_ char *raw = malloc(SF_CONSOLE_TAIL);
	_cleanup_free_ char *text = malloc(SF_CONSOLE_TAIL + 1);
	struct stat st;

	if (!raw || !text)
		return sf_error_nomem();
	if (fstat(fd, &st))
		return sf_error_sys(errno, "console log");
	off_t from = st.st_size > SF_CONSOLE_TAIL ? st.st_size - SF_CONSOLE_TAIL : 0;
	ssize_t n = pread(fd, raw, SF_CONSOLE_TAIL, from);

	if (n < 0)
		return sf_error_sys(errno, "console log");
	size_t len = sf_console_clean(raw, (size_t)n, text), start = 0;

	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	for (size_t at = len, left = lines; at > 0; at--) {
		if (text[at - 1] == '\n' && !--left) {
			start = at;
			break;
		}
	}
	if (!lines)
		start = len;
	char *tail = strdup(text + start);

	if (!tail)
		return sf_error_nomem();
	*ret = tail;
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

char *sf_asprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	return len < 0 ? NULL : text;
}

void sf_log(const struct sf_logger *log, enum sf_log_level level, const char *fmt, ...)
{
	char inline_text[512], *text = inline_text;
	_cleanup_free_ char *long_text = NULL;
	va_list ap;

	if (!log || !log->fn || level > log->level)
		return;
	va_start(ap, fmt);
	int len = vsnprintf(inline_text, sizeof(inline_text), fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(inline_text)) {
		va_start(ap, fmt);
		if (vasprintf(&long_text, fmt, ap) < 0)
			long_text = NULL;
		va_end(ap);
		if (long_text)
			text = long_text;
	}
	/*
	 * The listener is promised one line, whatever a kernel or a verifier put into the
	 * arguments.
	 */
	size_t end = strlen(text);

	while (end && text[end - 1] == '\n')
		text[--end] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	log->fn(log->arg, level, text);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_CONSOLE_H
#define SF_VM_CONSOLE_H

/*
 * What the guest prints. QEMU appends it to a file, so that a guest never waits for us and nothing is lost when we die;
 * we read behind it. The bytes are the guest's: lines are cleaned before anybody sees them.
 */

#include "vm/vm.h"

#define SF_CONSOLE_LINE 4096
#define SF_CONSOLE_TAIL (64u << 10)

struct sf_console {
	int fd;
	uint64_t offset;
	size_t n;
	char panic[512];      /* the first line of a kernel panic; empty: none */
	char line[SF_CONSOLE_LINE];
};

typedef void sf_console_line_fn(void *arg, const char *line, size_t len);

/* Reads what is new; @fn (may be NULL) gets each complete line, NUL-terminated. */
void sf_console_scan(struct sf_console *console, sf_console_line_fn *fn, void *arg);

/* The last @lines lines of @fd, of at most 64 KiB; free() it. Also for files that are not a console. */
SF_CHECKED struct sf_error *sf_console_tail(int fd, size_t lines, char **ret);

/*
 * Leaves out control characters and escape sequences, and puts '?' for bytes that are not UTF-8. @ret has room for
 * @len; newlines stay.
 */
size_t sf_console_clean(const char *raw, size_t len, char *ret);

#endif

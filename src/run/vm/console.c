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

/* ---- a kernel in trouble ------------------------------------------------------------------------------------------ */

#define MAX_STAMPS 8 /* of one line, what is looked behind: a program may write a thousand */

/* What follows @words; @p if it begins otherwise. A loop: of strncmp() gcc 12 believes that it reads beyond the end. */
static const char *after(const char *p, const char *words)
{
	const char *at = p;

	for (; *words; words++, at++)
		if (*at != *words)
			return p;
	return at;
}

static bool begins(const char *p, const char *words)
{
	return after(p, words) != p;
}

static const char *after_digits(const char *p)
{
	return p + strspn(p, "0123456789");
}

/*
 * What printk puts before a message (kernel/printk/printk.c: info_print_prefix()): "[   12.345678]", then where it was
 * configured so the caller, as "[ T1234]" or "[ C1]". @p if it is not that.
 */
static const char *after_stamp(const char *p)
{
	const char *seconds = *p == '[' ? p + 1 + strspn(p + 1, " ") : p;
	const char *dot = after_digits(seconds), *close = *dot == '.' ? after_digits(dot + 1) : dot;

	if (seconds == p || dot == seconds || close != dot + 7 || *close != ']')
		return p;
	for (p = close + 1; *p == '['; p += strcspn(p, "]") + 1)
		if (!p[strcspn(p, "]")])
			return p;
	return p + (*p == ' ');
}

/* "INFO: task COMM:PID blocked for more than N seconds", 7.x says how after "blocked"; COMM is what a program likes. */
static bool is_hung_task(const char *p)
{
	if (!begins(p, "INFO: task "))
		return false;
	for (p = strchr(p + 11, ':'); p; p = strchr(p + 1, ':')) {
		const char *rest = after_digits(p + 1);

		if (rest != p + 1 && begins(rest, " blocked"))
			return strstr(rest, " for more than ");
	}
	return false;
}

/* Of rcu_sched, rcu_preempt, rcu_tasks, ...; the words behind the flavour tell whether it is a stall. */
static bool is_rcu_stall(const char *p)
{
	p = after(p, "rcu: ");
	if (!begins(p, "INFO: rcu"))
		return false;
	p += strlen("INFO: rcu");
	p += strspn(p, "abcdefghijklmnopqrstuvwxyz_");
	return begins(p, " self-detected stall on ") || begins(p, " detected stalls on ") ||
	       begins(p, " detected expedited stalls on ");
}

static enum sf_vm_trouble trouble_of(const char *p)
{
	const char *watchdog = after(after(p, "NMI "), "watchdog: ");

	if (begins(watchdog, "BUG: soft lockup - CPU#"))
		return SF_VM_SOFT_LOCKUP;
	if (begins(watchdog, "CPU") && *after_digits(watchdog + 3) == ':')
		watchdog = after(after_digits(watchdog + 3), ": ");
	if (begins(watchdog, "Watchdog detected hard LOCKUP on cpu "))
		return SF_VM_HARD_LOCKUP;
	if (is_rcu_stall(p))
		return SF_VM_RCU_STALL;
	if (is_hung_task(p))
		return SF_VM_HUNG_TASK;
	return begins(p, "BUG: workqueue lockup - pool ") ? SF_VM_WORKQUEUE_LOCKUP : SF_VM_NO_TROUBLE;
}

enum sf_vm_trouble sf_vm_trouble(const char *line)
{
	enum sf_vm_trouble trouble = trouble_of(line);
	int stamps = 0;

	/* The kernel may print in the middle of a line that a program has begun: then its stamp is where it begins. */
	for (const char *p = strchr(line, '['); p && !trouble && stamps < MAX_STAMPS; p = strchr(p + 1, '[')) {
		const char *message = after_stamp(p);

		if (message == p)
			continue;
		trouble = trouble_of(message);
		stamps++;
	}
	return trouble;
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

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

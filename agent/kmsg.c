/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <syslog.h>

#include "agent.h"

/*
 * The kernel says in its log when a scheduler comes and why it goes (kernel/sched/ext.c, 6.12 to 7.3):
 *
 *   sched_ext: BPF scheduler "NAME" enabled
 *   sched_ext: BPF scheduler "NAME" disabled (REASON)
 *   sched_ext: NAME: MESSAGE               of an error, and its stack in lines that begin with a blank
 */

static void set_text(char *out, size_t size, const char *text, size_t len)
{
	snprintf(out, size, "%.*s", (int)sf_min(len, size - 1), text);
}

static void clear_trace(struct kmsg *k)
{
	k->trace[0] = '\0';
	k->trace_len = 0;
}

static void add_trace(struct kmsg *k, const char *line)
{
	size_t len = strlen(line);

	if (len + 1 >= sizeof(k->trace) - k->trace_len)
		return;
	memcpy(k->trace + k->trace_len, line, len);
	k->trace[k->trace_len + len] = '\n';
	k->trace_len += len + 1;
	k->trace[k->trace_len] = '\0';
}

/* @rest is what follows `BPF scheduler "`. False: it is neither of the two lines. */
static bool take_change(struct kmsg *k, const char *rest)
{
	static const char here[] = "\" enabled", gone[] = "\" disabled (";
	const char *end = strstr(rest, gone);

	if (strstr(rest, here)) {
		k->enabled = true;
		k->disabled = k->tracing = false;
		clear_trace(k);
		return true;
	}
	if (!end)
		return false;
	const char *reason = end + sizeof(gone) - 1, *close = strrchr(reason, ')');

	set_text(k->ops, sizeof(k->ops), rest, (size_t)(end - rest));
	set_text(k->reason, sizeof(k->reason), reason, close ? (size_t)(close - reason) : strlen(reason));
	k->message[0] = '\0';
	clear_trace(k);
	k->disabled = k->tracing = true;
	return true;
}

static void take_line(struct kmsg *k, const char *line)
{
	static const char prefix[] = "sched_ext: ", bpf[] = "BPF scheduler \"";

	if (strncmp(line, prefix, sizeof(prefix) - 1)) {
		if (k->tracing && line[0] == ' ')
			add_trace(k, line);
		else
			k->tracing = false;
		return;
	}
	const char *rest = line + sizeof(prefix) - 1;
	size_t len = strlen(k->ops);

	if (!strncmp(rest, bpf, sizeof(bpf) - 1) && take_change(k, rest + sizeof(bpf) - 1))
		return;
	if (k->tracing && !strncmp(rest, k->ops, len) && !strncmp(rest + len, ": ", 2))
		set_text(k->message, sizeof(k->message), rest + len + 2, strlen(rest + len + 2));
	else if (!k->disabled)
		add_trace(k, rest);
}

/*
 * @head is a record's "priority,sequence,...", and a priority is eight times the facility and the level. What a program
 * writes to /dev/kmsg never has facility 0, which is the kernel (devkmsg_write() in kernel/printk/printk.c).
 */
static bool is_error_of_kernel(const char *head)
{
	char *end;
	unsigned long priority = strtoul(head, &end, 10);

	return end != head && *end == ',' && priority <= LOG_ERR;
}

/* One read is one record: "priority,sequence,time,flags;TEXT\n KEY=VALUE...". */
void kmsg_read(struct kmsg *k)
{
	char record[8192];

	if (k->source.fd < 0)
		return;
	for (int i = 0; i < 4096; i++) {
		ssize_t n = read(k->source.fd, record, sizeof(record) - 1);

		if (n < 0 && errno == EPIPE && k->error)
			k->error(k->arg, NULL);
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue; /* EPIPE: records were overwritten before we came */
		if (n <= 0)
			return;
		record[n] = '\0';
		char *text = strchr(record, ';');

		if (!text)
			continue;
		text[1 + strcspn(text + 1, "\n")] = '\0';
		if (k->error && is_error_of_kernel(record))
			k->error(k->arg, text + 1);
		take_line(k, text + 1);
	}
}

/* Without it the state is still seen, only later, and not the reason. */
void kmsg_open(struct kmsg *k, struct loop *loop, void (*ready)(struct source *source, uint32_t events))
{
	k->source = (struct source){ .fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), .ready = ready };
	if (k->source.fd < 0)
		return;
	lseek(k->source.fd, 0, SEEK_END);
	sf_error_free(loop_add(loop, &k->source, EPOLLIN));
}

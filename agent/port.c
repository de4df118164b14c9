/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "port.h"
#include "wire/rpc.h"

#define RETRY_NS 10000000u
#define FIND_NS 5000000u

static void trim(char *text)
{
	size_t len = strlen(text), lead = strspn(text, " \t\r\n");

	while (len > lead && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	memmove(text, text + lead, len - lead + 1);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

struct sf_error *port_find(const char *sys, const char *name, char **ret)
{
	_cleanup_(cleanup_dir) DIR *dir = opendir(sys);
	_cleanup_text_ struct sf_text found = { 0 };

	for (struct dirent *d; dir && (d = readdir(dir));) {
		_cleanup_free_ char *path = NULL, *text = NULL;
		size_t len;

		if (d->d_name[0] == '.')
			continue;
		path = sf_asprintf("%s/%s/name", sys, d->d_name);
		if (!path)
			return sf_error_nomem();
		SF_OWNED(error) err = sf_file_get(path, 4096, &text, &len);

		if (err)
			continue;
		trim(text);
		if (!strcmp(text, name)) {
			char *node = sf_asprintf("/dev/%s", d->d_name);

			if (!node)
				return sf_error_nomem();
			*ret = node;
			return NULL;
		}
		sf_text_putf(&found, "%s%s (%s)", found.n ? ", " : "", d->d_name, text);
	}
	char *list = sf_text_take(&found);
	struct sf_error *err = sf_error_new(SF_NOT_FOUND, "no virtio port is called %s; there %s%s", name,
					    list && *list ? "are " : "is none", list ? list : "");

	free(list);
	return err;
}

static void want(struct port *port, bool out)
{
	if (port->away || port->want_out == out)
		return;
	port->want_out = out;
	loop_change(port->loop, &port->source, EPOLLIN | (out ? EPOLLOUT : 0u));
}

static void flush(struct port *port)
{
	bool was_congested = port_congested(port);
	int err = sf_wire_out_flush(&port->out, port->source.fd);

	/* Whatever it is, it is nothing that PID 1 could do better than try again. */
	want(port, err != 0);
	if (was_congested && !port_congested(port))
		port->drained(port->arg);
}

struct sf_error *port_send(struct port *port, uint32_t type, const void *payload, size_t len)
{
	SF_TRY(sf_wire_out_frame(&port->out, type, payload, len));
	flush(port);
	return NULL;
}

static void take_frames(struct port *port)
{
	struct sf_wire_frame frame;
	enum sf_wire_got got;

	while ((got = sf_wire_in_next(&port->in, &frame)) != SF_WIRE_NONE) {
		if (got == SF_WIRE_LOST || !frame.crc_ok)
			port->broken++;
		else
			port->frame(port->arg, &frame);
	}
}

static void take_bytes(struct port *port)
{
	uint8_t buf[8192];
	ssize_t n = read(port->source.fd, buf, sizeof(buf));

	if (n <= 0)
		return;
	SF_OWNED(error) err = sf_wire_in_push(&port->in, buf, (size_t)n);

	if (err) {
		sf_wire_in_reset(&port->in);
		port->broken++;
	}
	take_frames(port);
}

static void port_ready(struct source *source, uint32_t events)
{
	struct port *port = sf_container_of(source, struct port, source);

	if (events & EPOLLIN)
		take_bytes(port);
	if (events & EPOLLOUT)
		flush(port);
	/* With no host the port always reports a hang-up: look again later instead of spinning. */
	if (events & (EPOLLHUP | EPOLLERR)) {
		loop_remove(port->loop, &port->source);
		port->away = true;
		port->want_out = false;
		loop_arm(port->loop, &port->retry, sf_wire_now() + RETRY_NS);
	}
}

static void port_retry(struct timer *timer)
{
	struct port *port = sf_container_of(timer, struct port, retry);
	SF_OWNED(error) err = loop_add(port->loop, &port->source, EPOLLIN);

	if (err) {
		loop_arm(port->loop, &port->retry, sf_wire_now() + RETRY_NS);
		return;
	}
	port->away = false;
	flush(port);
}

struct sf_error *port_open(struct port *port, struct loop *loop, uint64_t deadline)
{
	_cleanup_free_ char *node = NULL;

	port->loop = loop;
	port->in.max_frame = SF_WIRE_MAX_MESSAGE;
	port->source = (struct source){ .fd = -1, .ready = port_ready };
	port->retry.fired = port_retry;
	for (;;) {
		SF_OWNED(error) err = port_find("/sys/class/virtio-ports", SF_WIRE_PORT, &node);

		if (!err)
			break;
		/* The driver names a port after it has made it, and nothing tells when. */
		if (sf_wire_now() >= deadline)
			return steal_ptr(&err);
		for (uint64_t next = sf_min(deadline, sf_wire_now() + FIND_NS); loop_once(loop, next);)
			;
	}
	port->source.fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (port->source.fd < 0)
		return sf_error_sys(errno, "opening the port to the host, %s", node);
	return loop_add(loop, &port->source, EPOLLIN);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_AGENT_PORT_H
#define SF_AGENT_PORT_H

/*
 * The virtio port to the host. A port opens once, so PID 1 is its only opener and everybody else's frames pass through
 * here. It owns the descriptor and both buffers. Nothing here blocks: what the host does not take stays in `out`.
 */

#include "loop.h"
#include "wire/wire.h"

/* Above it, whoever can wait or be dropped does and is. */
#define PORT_CONGESTED (1u << 20)

struct port {
	struct loop *loop;
	struct source source;
	struct timer retry;
	bool away;      /* no host at the other end, just now */
	bool want_out;
	struct sf_wire_in in;
	struct sf_wire_out out;
	uint64_t broken; /* frames from the host that made no sense */
	void (*frame)(void *arg, const struct sf_wire_frame *frame);
	void (*drained)(void *arg); /* no longer congested */
	void *arg;
};

/* The device node of the port called @name below @sys (/sys/class/virtio-ports). SF_NOT_FOUND names those there are. */
SF_CHECKED struct sf_error *port_find(const char *sys, const char *name, char **ret);

/* Finds and opens the port, which may take the driver until @deadline to make. Set the callbacks before. */
SF_CHECKED struct sf_error *port_open(struct port *port, struct loop *loop, uint64_t deadline);

/* Hands a frame over, or keeps it until the host takes it. Fails for want of memory only. */
SF_CHECKED struct sf_error *port_send(struct port *port, uint32_t type, const void *payload, size_t len);

static inline bool port_congested(const struct port *port)
{
	return sf_wire_out_pending(&port->out) > PORT_CONGESTED;
}

#endif

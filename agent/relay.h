/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_AGENT_RELAY_H
#define SF_AGENT_RELAY_H

/*
 * Test programs speak the host's frames to PID 1 over a Unix socket; the relay passes them on. Request ids are the
 * program's own, so each request gets an id of ours on its way out and its own back on its reply. A program may come,
 * go and come back as it likes: when it is gone before its reply, the reply goes nowhere.
 *
 * Knows the loop and the wire; what lies beyond are callbacks. Owns its clients and the listening socket.
 */

#include "loop.h"
#include "wire/wire.h"

#define RELAY_MAX_CLIENTS 64
#define RELAY_MAX_REQUESTS 1024

struct relay_client;

/* @status is an enum sf_wire_status; @reason is "" for none. */
typedef void relay_reply_fn(void *arg, uint32_t status, const char *reason);

struct relay_request {
	uint32_t id;                 /* as the host knows it */
	struct relay_client *client; /* NULL: ours, and fn is called */
	uint32_t client_id;
	relay_reply_fn *fn;
	void *arg;
};

struct relay {
	struct loop *loop;
	struct source listener;
	struct relay_client *clients;
	size_t n_clients;
	struct {
		struct relay_request *v;
		size_t n, cap;
	} requests;
	uint32_t next_id;
	bool paused;       /* clients are not read: the host does not keep up */
	uint32_t attached; /* enum sf_wire_status once it is known; 0: not yet */
	char attached_reason[SF_WIRE_REASON + 1];

	/* Takes a frame for the host. */
	void (*forward)(void *arg, uint32_t type, const void *payload, size_t len);
	bool (*congested)(void *arg);
	/* A client did what it should not; @what says it. */
	void (*complain)(void *arg, const char *what);
	void *arg;
};

/* The callbacks are set before anything happens. */
void relay_init(struct relay *relay, struct loop *loop);
SF_CHECKED struct sf_error *relay_listen(struct relay *relay, const char *path);
/* A client over a connected, non-blocking stream socket, which becomes the relay's, also on failure. */
SF_CHECKED struct sf_error *relay_adopt(struct relay *relay, int fd);
void relay_close(struct relay *relay);

/* A reply of the host's; anything that is none, or nobody's, is dropped. */
void relay_host_frame(struct relay *relay, const struct sf_wire_frame *frame);

/* A request of PID 1's own. SF_HOST when too many are in flight. */
SF_CHECKED struct sf_error *relay_ask(struct relay *relay, uint32_t kind, const char *tag, relay_reply_fn *fn,
				      void *arg, uint32_t *ret_id);
void relay_forget(struct relay *relay, uint32_t id); /* of our own: its reply goes nowhere */

/* From now on this is the answer to "is it attached?"; those who wait get it. */
void relay_set_attached(struct relay *relay, uint32_t status, const char *reason);

void relay_resume(struct relay *relay); /* the host takes bytes again */
/* Reads what clients have sent so far, those included that are not accepted yet or gone already. */
void relay_drain(struct relay *relay);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "relay.h"
#include "wire/message.h"

#define CLIENT_MAX_OUT (256u << 10) /* a client that reads nothing is dropped beyond it */
#define DRAIN_MAX (4u << 20)        /* per client: a drain ends even if the client does not */

struct relay_client {
	struct relay *relay;
	struct relay_client *next;
	struct source source;
	struct sf_wire_in in;
	struct sf_wire_out out;
	struct {
		uint32_t *v;
		size_t n, cap;
	} waiting; /* ids of WTRQ that have no answer yet */
	bool gone; /* to be freed as soon as nobody works on it */
};

/* ---- clients ------------------------------------------------------------------------------------ */

static void client_events(struct relay_client *client)
{
	uint32_t in = client->relay->paused ? 0 : EPOLLIN, out = sf_wire_out_pending(&client->out) ? EPOLLOUT : 0;

	loop_change(client->relay->loop, &client->source, in | out);
}

static void client_free(struct relay_client *client)
{
	struct relay *relay = client->relay;
	size_t kept = 0;

	for (struct relay_client **p = &relay->clients; *p; p = &(*p)->next) {
		if (*p == client) {
			*p = client->next;
			relay->n_clients--;
			break;
		}
	}
	for (size_t i = 0; i < relay->requests.n; i++)
		if (relay->requests.v[i].client != client)
			relay->requests.v[kept++] = relay->requests.v[i];
	relay->requests.n = kept;
	loop_remove(relay->loop, &client->source);
	close(client->source.fd);
	sf_wire_in_clear(&client->in);
	sf_wire_out_clear(&client->out);
	free(client->waiting.v);
	free(client);
}

static void reap(struct relay *relay)
{
	for (struct relay_client *c = relay->clients, *next; c; c = next) {
		next = c->next;
		if (c->gone)
			client_free(c);
	}
}

static void client_send(struct relay_client *client, uint32_t type, const void *payload, size_t len)
{
	if (client->gone)
		return;
	SF_OWNED(error) err = sf_wire_out_frame(&client->out, type, payload, len);
	int failed = err ? ENOMEM : sf_wire_out_flush(&client->out, client->source.fd);

	if ((failed && failed != EAGAIN) || sf_wire_out_pending(&client->out) > CLIENT_MAX_OUT)
		client->gone = true;
	else
		client_events(client);
}

static void answer(struct relay_client *client, uint32_t type, uint32_t id, uint32_t status, const char *reason)
{
	uint8_t payload[SF_WIRE_REPLY];

	sf_wire_reply_encode(payload, id, status, reason);
	client_send(client, type, payload, sizeof(payload));
}

/* ---- requests ----------------------------------------------------------------------------------- */

static bool id_taken(const struct relay *relay, uint32_t id)
{
	for (size_t i = 0; i < relay->requests.n; i++)
		if (relay->requests.v[i].id == id)
			return true;
	return false;
}

/* NULL: too many are in flight. */
static struct relay_request *add_request(struct relay *relay)
{
	if (relay->requests.n >= RELAY_MAX_REQUESTS)
		return NULL;
	do {
		relay->next_id++;
	} while (!relay->next_id || id_taken(relay, relay->next_id));
	struct relay_request *request = sf_vec_push(&relay->requests);

	if (request)
		*request = (struct relay_request){ .id = relay->next_id };
	return request;
}

static void take_snapshot_request(struct relay_client *client, const struct sf_wire_frame *frame)
{
	struct relay *relay = client->relay;
	uint8_t payload[SF_WIRE_REQUEST];

	/* The host would drop it without a word, and so do we. */
	if (frame->len != SF_WIRE_REQUEST || !sf_load32(frame->data) || !sf_load32(frame->data + 4)) {
		relay->complain(relay->arg, "dropped a snapshot request of a wrong size, or with id or kind 0");
		return;
	}
	memcpy(payload, frame->data, sizeof(payload));
	struct relay_request *request = add_request(relay);

	if (!request) {
		answer(client, SF_WIRE_SNRP, sf_load32(payload), SF_WIRE_ERR, "too many requests are in flight");
		return;
	}
	request->client = client;
	request->client_id = sf_load32(payload);
	memcpy(payload, &request->id, sizeof(request->id));
	relay->forward(relay->arg, SF_WIRE_SNRQ, payload, sizeof(payload));
}

static void take_wait_request(struct relay_client *client, const struct sf_wire_frame *frame)
{
	struct relay *relay = client->relay;
	struct sf_wire_request request;

	if (!sf_wire_request_decode(frame->data, frame->len, &request)) {
		relay->complain(relay->arg, "dropped a wait request of a wrong size, or with id or kind 0");
		return;
	}
	if (request.kind != SF_WIRE_WAIT_ATTACHED) {
		answer(client, SF_WIRE_WTRP, request.id, SF_WIRE_ERR, "this is nothing that can be waited for");
		return;
	}
	if (relay->attached) {
		answer(client, SF_WIRE_WTRP, request.id, relay->attached, relay->attached_reason);
		return;
	}
	uint32_t *id = client->waiting.n < RELAY_MAX_REQUESTS ? sf_vec_push(&client->waiting) : NULL;

	if (id)
		*id = request.id;
	else
		answer(client, SF_WIRE_WTRP, request.id, SF_WIRE_ERR, "too many requests are in flight");
}

/* By these the host takes PID 1's word: when a request was made, and what the kernel's own log has. */
static bool is_own_event(const struct sf_wire_frame *frame)
{
	static const char *const names[] = { "asked", "kernel", "kernel-cut" };
	_cleanup_message_ struct sf_wire_message m = { 0 };
	SF_OWNED(error) err = sf_wire_message_read(frame, &m);

	for (size_t i = 0; !err && m.name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(m.name, names[i]))
			return true;
	return false;
}

static void take_frame(struct relay_client *client, const struct sf_wire_frame *frame)
{
	struct relay *relay = client->relay;
	char what[96];

	if (!frame->crc_ok) {
		relay->complain(relay->arg, "dropped a frame with a wrong checksum");
		return;
	}
	switch (frame->type) {
	case SF_WIRE_SNRQ:
		take_snapshot_request(client, frame);
		return;
	case SF_WIRE_WTRQ:
		take_wait_request(client, frame);
		return;
	case SF_WIRE_EVNT:
		if (is_own_event(frame)) {
			relay->complain(relay->arg, "dropped an event of a name that is PID 1's own");
			return;
		}
		/* fallthrough */
	case SF_WIRE_VALU:
	case SF_WIRE_PROC:
	case SF_WIRE_RSLT:
		relay->forward(relay->arg, frame->type, frame->data, frame->len);
		return;
	}
	snprintf(what, sizeof(what), "dropped a frame of type %s, which is not for a program to send",
		 sf_wire_type_name(frame->type));
	relay->complain(relay->arg, what);
}

void relay_host_frame(struct relay *relay, const struct sf_wire_frame *frame)
{
	struct sf_wire_reply reply;
	uint8_t payload[SF_WIRE_REPLY];

	if (frame->type != SF_WIRE_SNRP || !frame->crc_ok ||
	    !sf_wire_reply_decode(frame->data, frame->len, &reply))
		return;
	for (size_t i = 0; i < relay->requests.n; i++) {
		struct relay_request request = relay->requests.v[i];

		if (request.id != reply.id)
			continue;
		relay->requests.v[i] = relay->requests.v[--relay->requests.n];
		if (!request.client) {
			request.fn(request.arg, reply.status, reply.reason);
			return;
		}
		/* Byte for byte as the host wrote it, but for the id. */
		memcpy(payload, frame->data, sizeof(payload));
		memcpy(payload, &request.client_id, sizeof(request.client_id));
		client_send(request.client, SF_WIRE_SNRP, payload, sizeof(payload));
		reap(relay);
		return;
	}
}

struct sf_error *relay_ask(struct relay *relay, uint32_t kind, const char *tag, relay_reply_fn *fn, void *arg,
			   uint32_t *ret_id)
{
	struct relay_request *request = add_request(relay);
	uint8_t payload[SF_WIRE_REQUEST];

	if (!request)
		return sf_error_new(SF_HOST, "too many requests are in flight");
	request->fn = fn;
	request->arg = arg;
	*ret_id = request->id;
	sf_wire_request_encode(payload, request->id, kind, tag);
	relay->forward(relay->arg, SF_WIRE_SNRQ, payload, sizeof(payload));
	return NULL;
}

void relay_forget(struct relay *relay, uint32_t id)
{
	for (size_t i = 0; i < relay->requests.n; i++) {
		if (relay->requests.v[i].id == id && !relay->requests.v[i].client) {
			relay->requests.v[i] = relay->requests.v[--relay->requests.n];
			return;
		}
	}
}

void relay_set_attached(struct relay *relay, uint32_t status, const char *reason)
{
	relay->attached = status;
	snprintf(relay->attached_reason, sizeof(relay->attached_reason), "%s", reason ? reason : "");
	for (struct relay_client *c = relay->clients; c; c = c->next) {
		for (size_t i = 0; i < c->waiting.n; i++)
			answer(c, SF_WIRE_WTRP, c->waiting.v[i], status, relay->attached_reason);
		c->waiting.n = 0;
	}
	reap(relay);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void take_frames(struct relay_client *client)
{
	struct sf_wire_frame frame;
	enum sf_wire_got got;

	while (!client->gone && (got = sf_wire_in_next(&client->in, &frame)) != SF_WIRE_NONE) {
		if (got == SF_WIRE_LOST) {
			client->relay->complain(client->relay->arg, "dropped a client whose bytes are no frames");
			client->gone = true;
		} else {
			take_frame(client, &frame);
		}
	}
}

/* Bytes read; 0 when there are none for now, or never again (gone). */
static size_t take_bytes(struct relay_client *client)
{
	uint8_t buf[16384];
	ssize_t n;

	do {
		n = read(client->source.fd, buf, sizeof(buf));
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		client->gone = true;
		return 0;
	}
	SF_OWNED(error) err = sf_wire_in_push(&client->in, buf, (size_t)n);

	if (err)
		client->gone = true;
	else
		take_frames(client);
	return (size_t)n;
}

static void pause_if_congested(struct relay *relay)
{
	if (relay->paused || !relay->congested(relay->arg))
		return;
	relay->paused = true;
	for (struct relay_client *c = relay->clients; c; c = c->next)
		client_events(c);
}

void relay_resume(struct relay *relay)
{
	if (!relay->paused)
		return;
	relay->paused = false;
	for (struct relay_client *c = relay->clients; c; c = c->next)
		client_events(c);
}

static void client_ready(struct source *source, uint32_t events)
{
	struct relay_client *client = sf_container_of(source, struct relay_client, source);
	struct relay *relay = client->relay;

	if (events & EPOLLOUT) {
		int err = sf_wire_out_flush(&client->out, source->fd);

		if (err && err != EAGAIN)
			client->gone = true;
		else
			client_events(client);
	}
	/* A hang-up is reported whether asked for or not: what was sent before it is still read, paused or not. */
	if (!client->gone && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		take_bytes(client);
	pause_if_congested(relay);
	reap(relay);
}

struct sf_error *relay_adopt(struct relay *relay, int fd)
{
	struct relay_client *client = calloc(1, sizeof(*client));

	if (!client || relay->n_clients >= RELAY_MAX_CLIENTS) {
		free(client);
		close(fd);
		return sf_error_new(SF_TRANSPORT, "no room for another client beside %zu", relay->n_clients);
	}
	client->relay = relay;
	client->in.max_frame = SF_WIRE_MAX_MESSAGE;
	client->source = (struct source){ .fd = fd, .ready = client_ready };
	struct sf_error *err = loop_add(relay->loop, &client->source, relay->paused ? 0 : EPOLLIN);

	if (err) {
		close(fd);
		free(client);
		return err;
	}
	client->next = relay->clients;
	relay->clients = client;
	relay->n_clients++;
	return NULL;
}

static bool accept_one(struct relay *relay)
{
	int fd = accept4(relay->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	SF_OWNED(error) err = relay_adopt(relay, fd);

	if (err)
		relay->complain(relay->arg, sf_error_message(err));
	return true;
}

static void listener_ready(struct source *source, uint32_t events)
{
	(void)events;
	accept_one(sf_container_of(source, struct relay, listener));
}

void relay_drain(struct relay *relay)
{
	for (int i = 0; relay->listener.fd >= 0 && i < RELAY_MAX_CLIENTS && accept_one(relay); i++)
		;
	for (struct relay_client *c = relay->clients; c; c = c->next)
		for (size_t total = 0, n; !c->gone && total < DRAIN_MAX && (n = take_bytes(c)); total += n)
			;
	reap(relay);
}

/* ---- opening and closing -------------------------------------------------------------------------- */

void relay_init(struct relay *relay, struct loop *loop)
{
	relay->loop = loop;
	relay->listener = (struct source){ .fd = -1, .ready = listener_ready };
}

struct sf_error *relay_listen(struct relay *relay, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return sf_error_sys(errno, "a socket for test programs");
	if (strlen(path) >= sizeof(address.sun_path))
		return sf_error_new(SF_USAGE, "the socket's path %s is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (unlink(path) && errno != ENOENT)
		return sf_error_sys(errno, "removing an old %s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
		return sf_error_sys(errno, "listening at %s", path);
	relay->listener.fd = fd;
	struct sf_error *err = loop_add(relay->loop, &relay->listener, EPOLLIN);

	if (err)
		relay->listener.fd = -1;
	else
		steal_fd(&fd);
	return err;
}

void relay_close(struct relay *relay)
{
	while (relay->clients)
		client_free(relay->clients);
	if (relay->listener.fd >= 0) {
		loop_remove(relay->loop, &relay->listener);
		close(relay->listener.fd);
	}
	relay->listener.fd = -1;
	free(relay->requests.v);
	relay->requests.v = NULL;
	relay->requests.n = relay->requests.cap = 0;
}

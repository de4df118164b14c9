/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>

#include "wire/rpc.h"

/*
 * poll() on a virtio port can miss that bytes have come, so no wait is left to it alone: the first few are short,
 * since most answers come at once, the others bound what a missed one costs.
 */
#define SHORT_WAITS 4
#define SHORT_WAIT_NS 100000u
#define LONG_WAIT_NS 5000000u

static const struct {
	uint32_t request, reply;
	const char *what;
} channels[SF_WIRE_CHANNELS] = {
	[SF_WIRE_CHANNEL_SNAPSHOT] = { SF_WIRE_SNRQ, SF_WIRE_SNRP, "snapshot" },
	[SF_WIRE_CHANNEL_WAIT] = { SF_WIRE_WTRQ, SF_WIRE_WTRP, "wait" },
};

uint64_t sf_wire_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t deadline_after(uint64_t timeout_ns)
{
	uint64_t now = sf_wire_now();

	return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

struct sf_error *sf_wire_rpc_init(struct sf_wire_rpc *rpc, sf_wire_connect_fn *connect, void *arg,
				  struct sf_logger log)
{
	*rpc = (struct sf_wire_rpc){ .log = log, .connect = connect, .connect_arg = arg, .fd = -1 };
	rpc->in.max_frame = SF_WIRE_REPLY;
	for (size_t i = 0; i < SF_WIRE_CHANNELS; i++)
		rpc->next_id[i] = 1;
	int err = pthread_mutex_init(&rpc->call, NULL);

	if (err)
		return sf_error_sys(err, "a lock for the connection to PID 1");
	err = pthread_mutex_init(&rpc->write, NULL);
	if (err) {
		pthread_mutex_destroy(&rpc->call);
		return sf_error_sys(err, "a lock for the connection to PID 1");
	}
	return NULL;
}

void sf_wire_rpc_destroy(struct sf_wire_rpc *rpc)
{
	if (rpc->fd >= 0)
		close(rpc->fd);
	rpc->fd = -1;
	sf_wire_in_clear(&rpc->in);
	sf_wire_out_clear(&rpc->out);
	pthread_mutex_destroy(&rpc->call);
	pthread_mutex_destroy(&rpc->write);
}

/* ---- the connection; `write` is held --------------------------------------------------------- */

static struct sf_error *connected(struct sf_wire_rpc *rpc)
{
	int fd = -1;

	if (rpc->fd >= 0)
		return NULL;
	SF_TRY(rpc->connect(rpc->connect_arg, &fd));
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		int err = errno;

		close(fd);
		return sf_error_sys(err, "the connection to PID 1");
	}
	rpc->fd = fd;
	rpc->connection++;
	rpc->out.start = rpc->out.end = 0;
	return NULL;
}

static void disconnect(struct sf_wire_rpc *rpc)
{
	if (rpc->fd >= 0)
		close(rpc->fd);
	rpc->fd = -1;
	rpc->out.start = rpc->out.end = 0;
}

static void disconnect_if(struct sf_wire_rpc *rpc, uint64_t connection)
{
	pthread_mutex_lock(&rpc->write);
	if (rpc->connection == connection)
		disconnect(rpc);
	pthread_mutex_unlock(&rpc->write);
}

/* One wait for @events, of at most @most ns and never beyond @deadline. False: the deadline has passed. */
static bool wait_fd(int fd, short events, uint64_t most, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = sf_wire_now();

	if (now >= deadline)
		return false;
	uint64_t ns = sf_min(most, deadline - now);
	struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

	ppoll(&p, 1, &ts, NULL);
	return true;
}

/*
 * Writes what is pending. Out of time inside a frame, the rest stays and goes before the next frame, so that the stream
 * keeps its sense; an error ends the connection.
 */
static struct sf_error *flush(struct sf_wire_rpc *rpc, uint64_t deadline)
{
	for (;;) {
		int err = sf_wire_out_flush(&rpc->out, rpc->fd);

		if (!err)
			return NULL;
		if (err != EAGAIN) {
			disconnect(rpc);
			return sf_error_new(SF_TRANSPORT, "writing to PID 1: %s", strerror(err));
		}
		if (!wait_fd(rpc->fd, POLLOUT, LONG_WAIT_NS, deadline))
			return sf_error_new(SF_TRANSPORT, "PID 1 took no more bytes, with %zu still to write",
					    sf_wire_out_pending(&rpc->out));
	}
}

static struct sf_error *send_frame(struct sf_wire_rpc *rpc, uint32_t type, const void *payload, size_t len,
				   uint64_t deadline)
{
	SF_TRY(connected(rpc));
	/* What an earlier call could not write must go first: this one is not queued behind it without bound. */
	SF_TRY(flush(rpc, deadline));
	SF_TRY(sf_wire_out_frame(&rpc->out, type, payload, len));
	return flush(rpc, deadline);
}

/* A connection that turns out to be closed at the other end is worth one more try, on a new one. */
static struct sf_error *send_again(struct sf_wire_rpc *rpc, uint32_t type, const void *payload, size_t len,
				   uint64_t deadline)
{
	bool was_connected = rpc->fd >= 0;
	struct sf_error *err = send_frame(rpc, type, payload, len, deadline);

	if (!err || !was_connected || rpc->fd >= 0)
		return err;
	sf_error_free(err);
	return send_frame(rpc, type, payload, len, deadline);
}

struct sf_error *sf_wire_rpc_send(struct sf_wire_rpc *rpc, uint32_t type, const void *payload, size_t len,
				  uint64_t timeout_ns)
{
	pthread_mutex_lock(&rpc->write);
	struct sf_error *err = send_again(rpc, type, payload, len, deadline_after(timeout_ns));
	pthread_mutex_unlock(&rpc->write);
	return err;
}

int sf_wire_rpc_fd(struct sf_wire_rpc *rpc)
{
	pthread_mutex_lock(&rpc->write);
	int fd = rpc->fd;
	pthread_mutex_unlock(&rpc->write);
	return fd;
}

/* ---- a call; `call` is held --------------------------------------------------------------------- */

struct call {
	enum sf_wire_channel channel;
	uint32_t id;
	uint32_t kind;
	const char *tag;
	uint64_t timeout_ns, deadline;
	bool drop; /* the connection is of no further use */
};

static struct sf_error *transport(const struct call *call, const char *fmt, ...) sf_printf(2, 3);
static struct sf_error *transport(const struct call *call, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct sf_error *err = sf_error_newv(SF_TRANSPORT, fmt, ap);
	va_end(ap);
	return sf_error_context(err, "%s request %" PRIu32 " (kind %" PRIu32 ", \"%.*s\")",
				channels[call->channel].what, call->id, call->kind, SF_WIRE_TAG,
				call->tag ? call->tag : "");
}

/* Reads until there is a frame. The first header and its payload each have their own few short waits. */
static struct sf_error *next_frame(struct sf_wire_rpc *rpc, int fd, struct call *call, struct sf_wire_frame *ret)
{
	unsigned int waits = 0;
	bool in_payload = sf_wire_in_pending(&rpc->in) >= SF_WIRE_HEADER;
	uint8_t buf[4096];

	for (;;) {
		enum sf_wire_got got = sf_wire_in_next(&rpc->in, ret);

		if (got == SF_WIRE_FRAME)
			return NULL;
		if (got == SF_WIRE_LOST) {
			call->drop = true;
			return transport(call, "what PID 1 sent is no frame, or one of more than %d bytes", SF_WIRE_REPLY);
		}
		if (!in_payload && sf_wire_in_pending(&rpc->in) >= SF_WIRE_HEADER) {
			in_payload = true;
			waits = 0;
		}
		/* Before reading: frames that are not the awaited one must not keep this loop alive. */
		if (sf_wire_now() >= call->deadline)
			return transport(call, "no reply within %.3f s%s", (double)call->timeout_ns / 1e9,
					 sf_wire_in_pending(&rpc->in) ? ", though a frame had begun" : "");
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n > 0) {
			SF_TRY(sf_wire_in_push(&rpc->in, buf, (size_t)n));
			continue;
		}
		if (!n) {
			call->drop = true;
			return transport(call, "PID 1 closed the connection");
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			int err = errno;

			call->drop = true;
			return transport(call, "reading: %s", strerror(err));
		}
		wait_fd(fd, POLLIN, waits < SHORT_WAITS ? SHORT_WAIT_NS : LONG_WAIT_NS, call->deadline);
		waits++;
	}
}

static struct sf_error *await_reply(struct sf_wire_rpc *rpc, int fd, struct call *call)
{
	for (;;) {
		struct sf_wire_frame frame;
		struct sf_wire_reply reply;

		SF_TRY(next_frame(rpc, fd, call, &frame));
		if (!frame.crc_ok) {
			call->drop = true;
			return transport(call, "a frame arrived with a wrong checksum");
		}
		if (frame.type != channels[call->channel].reply ||
		    !sf_wire_reply_decode(frame.data, frame.len, &reply)) {
			sf_log(&rpc->log, SF_LOG_WARN, "ignored a frame of type %#" PRIx32 " and %" PRIu32
			       " bytes while waiting for a %s reply", frame.type, frame.len,
			       channels[call->channel].what);
			continue;
		}
		if (reply.id != call->id) {
			sf_log(&rpc->log, SF_LOG_WARN, "ignored the late reply to %s request %" PRIu32,
			       channels[call->channel].what, reply.id);
			continue;
		}
		if (reply.status == SF_WIRE_OK)
			return NULL;
		if (reply.status == SF_WIRE_ERR)
			return sf_error_new(SF_HOST, "%s", reply.reason);
		return transport(call, "the reply has status %" PRIu32 ", which is neither OK (1) nor ERR (2)",
				 reply.status);
	}
}

/*
 * Sends the request. Whether that worked does not matter yet: a connection that is still there is read from, and a
 * request that did not get through shows as a reply that does not come.
 */
static struct sf_error *send_request(struct sf_wire_rpc *rpc, const struct call *call, int *ret_fd,
				     uint64_t *ret_connection)
{
	uint8_t payload[SF_WIRE_REQUEST];
	struct sf_error *err = NULL;

	sf_wire_request_encode(payload, call->id, call->kind, call->tag);
	pthread_mutex_lock(&rpc->write);
	SF_OWNED(error) sent = send_again(rpc, channels[call->channel].request, payload, sizeof(payload),
					  deadline_after(call->timeout_ns));

	if (sent)
		sf_log(&rpc->log, SF_LOG_WARN, "%s", sf_error_message(sent));
	int fd = rpc->fd >= 0 ? fcntl(rpc->fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (fd < 0)
		err = transport(call, "no connection: %s", sent ? sf_error_message(sent) : strerror(errno));
	*ret_fd = fd;
	*ret_connection = rpc->connection;
	pthread_mutex_unlock(&rpc->write);
	return err;
}

struct sf_error *sf_wire_rpc_call(struct sf_wire_rpc *rpc, enum sf_wire_channel channel, uint32_t kind,
				  const char *tag, uint64_t timeout_ns)
{
	struct call call = { .channel = channel, .kind = kind, .tag = tag, .timeout_ns = timeout_ns };
	uint64_t connection = 0;
	int fd = -1;

	pthread_mutex_lock(&rpc->call);
	call.id = rpc->next_id[channel]++;
	if (!call.id) /* the counter wrapped: 0 is no id */
		call.id = rpc->next_id[channel]++;
	struct sf_error *err = send_request(rpc, &call, &fd, &connection);

	if (!err) {
		if (rpc->in_connection != connection)
			sf_wire_in_reset(&rpc->in);
		rpc->in_connection = connection;
		call.deadline = deadline_after(timeout_ns);
		err = await_reply(rpc, fd, &call);
		close(fd);
	}
	if (call.drop)
		disconnect_if(rpc, connection);
	pthread_mutex_unlock(&rpc->call);
	return err;
}

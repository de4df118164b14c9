/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request and its reply: three outcomes, one deadline, and a stream that keeps its sense. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/rpc.h"

#define SECOND 1000000000ull
#define MS 1000000ull

/* Whoever answers: a thread with a script, at the other end of a socket pair. */
struct peer {
	int fd; /* ours; the rpc has the other one, handed out once */
	int theirs;
	unsigned int connections;
	struct sf_wire_rpc rpc;
	unsigned int warnings;
	pthread_t thread;
	void (*script)(struct peer *peer);
};

static struct sf_error *connect_peer(void *arg, int *ret_fd)
{
	struct peer *peer = arg;

	if (peer->theirs < 0)
		return sf_error_new(SF_TRANSPORT, "nobody to connect to");
	peer->connections++;
	*ret_fd = steal_fd(&peer->theirs);
	return NULL;
}

static void count_warning(void *arg, enum sf_log_level level, const char *message)
{
	struct peer *peer = arg;

	(void)level;
	(void)message;
	peer->warnings++;
}

static void peer_open(struct peer *peer)
{
	int fds[2];
	struct sf_logger log = { .fn = count_warning, .arg = peer, .level = SF_LOG_WARN };

	memset(peer, 0, sizeof(*peer));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	peer->fd = fds[0];
	peer->theirs = fds[1];
	assert_null(sf_wire_rpc_init(&peer->rpc, connect_peer, peer, log));
}

static void *run_script(void *arg)
{
	struct peer *peer = arg;

	peer->script(peer);
	return NULL;
}

static void peer_start(struct peer *peer, void (*script)(struct peer *peer))
{
	peer->script = script;
	assert_int_equal(pthread_create(&peer->thread, NULL, run_script, peer), 0);
}

static void peer_close(struct peer *peer)
{
	if (peer->script)
		pthread_join(peer->thread, NULL);
	sf_wire_rpc_destroy(&peer->rpc);
	if (peer->theirs >= 0)
		close(peer->theirs);
	if (peer->fd >= 0)
		close(peer->fd);
}

/* Asserts may not run off the main thread: a failed read gives id 0, which no reply is right for. */
static uint32_t peer_request(struct peer *peer, uint32_t *type)
{
	uint8_t bytes[SF_WIRE_HEADER + SF_WIRE_REQUEST];
	struct sf_wire_request request = { 0 };
	size_t at = 0;

	while (at < sizeof(bytes)) {
		ssize_t n = read(peer->fd, bytes + at, sizeof(bytes) - at);

		if (n <= 0)
			return 0;
		at += (size_t)n;
	}
	if (type)
		*type = sf_load32(bytes);
	if (!sf_wire_request_decode(bytes + SF_WIRE_HEADER, SF_WIRE_REQUEST, &request))
		return 0;
	return request.id;
}

static void peer_write(struct peer *peer, const void *data, size_t len)
{
	if (write(peer->fd, data, len) != (ssize_t)len)
		abort();
}

static void peer_send(struct peer *peer, uint32_t type, const void *payload, size_t len)
{
	uint8_t bytes[SF_WIRE_HEADER + 1024];

	sf_wire_header_encode(bytes, type, payload, (uint32_t)len);
	memcpy(bytes + SF_WIRE_HEADER, payload, len);
	peer_write(peer, bytes, SF_WIRE_HEADER + len);
}

static void peer_reply(struct peer *peer, uint32_t type, uint32_t id, uint32_t status, const char *reason)
{
	uint8_t payload[SF_WIRE_REPLY];

	sf_wire_reply_encode(payload, id, status, reason);
	peer_send(peer, type, payload, sizeof(payload));
}

static struct sf_error *ask(struct peer *peer, uint64_t timeout)
{
	return sf_wire_rpc_call(&peer->rpc, SF_WIRE_CHANNEL_SNAPSHOT, SF_SNAPSHOT_KIND_CAPTURE, "now", timeout);
}

static void says_ok(struct peer *peer)
{
	peer_reply(peer, SF_WIRE_SNRP, peer_request(peer, NULL), SF_WIRE_OK, NULL);
}

static void request_answered_with_ok_succeeds(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_ok);
	assert_null(ask(&peer, 10 * SECOND));
	peer_close(&peer);
}

static void says_err(struct peer *peer)
{
	peer_reply(peer, SF_WIRE_SNRP, peer_request(peer, NULL), SF_WIRE_ERR, "no free slot");
}

static void request_answered_with_err_is_a_host_error_with_its_reason(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_err);
	SF_OWNED(error) err = ask(&peer, 10 * SECOND);

	assert_int_equal(sf_error_code(err), SF_HOST);
	assert_string_equal(sf_error_message(err), "no free slot");
	assert_true(peer.rpc.fd >= 0);
	peer_close(&peer);
}

static void breaks_the_crc(struct peer *peer)
{
	uint8_t bytes[SF_WIRE_HEADER + SF_WIRE_REPLY];

	sf_wire_reply_encode(bytes + SF_WIRE_HEADER, peer_request(peer, NULL), SF_WIRE_OK, NULL);
	sf_wire_header_encode(bytes, SF_WIRE_SNRP, bytes + SF_WIRE_HEADER, SF_WIRE_REPLY);
	bytes[8] ^= 1;
	peer_write(peer, bytes, sizeof(bytes));
}

static void edge_50_bad_crc_on_the_guest_is_a_transport_error_and_drops_the_fd(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, breaks_the_crc);
	SF_OWNED(error) err = ask(&peer, 10 * SECOND);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_int_equal(peer.rpc.fd, -1);
	peer_close(&peer);
}

static void says_other_things_first(struct peer *peer)
{
	uint32_t id = peer_request(peer, NULL);
	uint8_t short_payload[100] = { 1 };

	peer_reply(peer, SF_WIRE_SNRP, id + 1000, SF_WIRE_ERR, "stale");
	peer_reply(peer, SF_WIRE_WTRP, id, SF_WIRE_ERR, "another channel's");
	peer_send(peer, SF_WIRE_SNRP, short_payload, sizeof(short_payload));
	peer_send(peer, SF_WIRE_EVNT, "{}", 2);
	peer_reply(peer, SF_WIRE_SNRP, id, SF_WIRE_OK, NULL);
}

static void edge_51_stale_id_wrong_type_and_wrong_size_are_skipped(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_other_things_first);
	assert_null(ask(&peer, 10 * SECOND));
	assert_int_equal(peer.warnings, 4);
	peer_close(&peer);
}

static void says_stale_things_forever(struct peer *peer)
{
	uint32_t id = peer_request(peer, NULL);
	struct sf_wire_out out = { 0 };
	uint8_t payload[SF_WIRE_REPLY];

	sf_wire_reply_encode(payload, id + 1, SF_WIRE_OK, NULL);
	for (int i = 0; i < 300; i++) {
		if (sf_wire_out_frame(&out, SF_WIRE_SNRP, payload, sizeof(payload)))
			abort();
		send(peer->fd, out.buf, out.end, MSG_DONTWAIT | MSG_NOSIGNAL);
		sf_wire_out_clear(&out);
		usleep(1000);
	}
}

static void edge_51_stale_replies_do_not_prolong_the_deadline(void **state)
{
	struct peer peer;
	uint64_t begin = sf_wire_now();

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_stale_things_forever);
	SF_OWNED(error) err = ask(&peer, 50 * MS);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_true(sf_wire_now() - begin >= 50 * MS);
	assert_true(peer.rpc.fd >= 0);
	peer_close(&peer);
}

static void says_status_3(struct peer *peer)
{
	peer_reply(peer, SF_WIRE_SNRP, peer_request(peer, NULL), 3, "what is three?");
}

static void edge_51_unknown_status_is_a_transport_error(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_status_3);
	SF_OWNED(error) err = ask(&peer, 10 * SECOND);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_non_null(strstr(sf_error_message(err), "status 3"));
	peer_close(&peer);
}

static void says_521_bytes(struct peer *peer)
{
	uint8_t payload[SF_WIRE_REPLY + 1] = { 0 };

	peer_request(peer, NULL);
	peer_send(peer, SF_WIRE_SNRP, payload, sizeof(payload));
}

static void reply_longer_than_520_bytes_drops_the_fd(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_521_bytes);
	SF_OWNED(error) err = ask(&peer, 10 * SECOND);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_int_equal(peer.rpc.fd, -1);
	peer_close(&peer);
}

static void hangs_up(struct peer *peer)
{
	peer_request(peer, NULL);
	close(peer->fd);
	peer->fd = -1;
}

static void end_of_stream_drops_the_fd(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, hangs_up);
	SF_OWNED(error) err = ask(&peer, 10 * SECOND);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_int_equal(peer.rpc.fd, -1);
	peer_close(&peer);
}

static void no_reply_is_a_transport_error_that_names_id_kind_and_time(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	SF_OWNED(error) err = ask(&peer, 30 * MS);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_non_null(strstr(sf_error_message(err), "request 1 (kind 1"));
	assert_non_null(strstr(sf_error_message(err), "0.030 s"));
	assert_true(peer.rpc.fd >= 0);
	peer_close(&peer);
}

static void no_connection_is_a_transport_error_at_once(void **state)
{
	struct peer peer;
	uint64_t begin = sf_wire_now();

	(void)state;
	peer_open(&peer);
	close(steal_fd(&peer.theirs));
	SF_OWNED(error) err = ask(&peer, 100 * SECOND);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_true(sf_wire_now() - begin < 50 * SECOND);
	peer_close(&peer);
}

/* Half of a reply in time, the other half later: the stream must not lose its sense. */
static void says_it_in_two_halves(struct peer *peer)
{
	uint8_t bytes[SF_WIRE_HEADER + SF_WIRE_REPLY];

	sf_wire_reply_encode(bytes + SF_WIRE_HEADER, peer_request(peer, NULL), SF_WIRE_OK, NULL);
	sf_wire_header_encode(bytes, SF_WIRE_SNRP, bytes + SF_WIRE_HEADER, SF_WIRE_REPLY);
	peer_write(peer, bytes, 100);
	uint32_t second = peer_request(peer, NULL); /* comes when the first has given up */

	peer_write(peer, bytes + 100, sizeof(bytes) - 100);
	peer_reply(peer, SF_WIRE_SNRP, second, SF_WIRE_OK, NULL);
}

static void timeout_inside_a_frame_keeps_the_fd_and_the_next_call_goes_on(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, says_it_in_two_halves);
	SF_OWNED(error) err = ask(&peer, 200 * MS);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_non_null(strstr(sf_error_message(err), "a frame had begun"));
	assert_null(ask(&peer, 10 * SECOND));
	assert_int_equal(peer.connections, 1);
	assert_int_equal(peer.warnings, 1);
	peer_close(&peer);
}

static void says_ok_four_times(struct peer *peer)
{
	static const uint32_t replies[][2] = {
		{ SF_WIRE_SNRQ, UINT32_MAX }, { SF_WIRE_SNRQ, 1 }, { SF_WIRE_WTRQ, 1 }, { SF_WIRE_SNRQ, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		uint32_t type = 0, id = peer_request(peer, &type);
		bool right = type == replies[i][0] && id == replies[i][1];

		peer_reply(peer, type == SF_WIRE_SNRQ ? SF_WIRE_SNRP : SF_WIRE_WTRP, id, right ? SF_WIRE_OK : SF_WIRE_ERR,
			   "another id than expected");
	}
}

static void edge_52_counter_wrap_skips_0_and_channels_count_for_themselves(void **state)
{
	struct peer peer;

	(void)state;
	peer_open(&peer);
	peer.rpc.next_id[SF_WIRE_CHANNEL_SNAPSHOT] = UINT32_MAX;
	peer_start(&peer, says_ok_four_times);
	assert_null(ask(&peer, 10 * SECOND));
	assert_null(ask(&peer, 10 * SECOND));
	assert_null(sf_wire_rpc_call(&peer.rpc, SF_WIRE_CHANNEL_WAIT, SF_WIRE_WAIT_ATTACHED, NULL, 10 * SECOND));
	assert_null(ask(&peer, 10 * SECOND));
	peer_close(&peer);
}

/* Answers each request only after a moment in which no other one may come. */
static void wants_one_at_a_time(struct peer *peer)
{
	for (int i = 0; i < 8; i++) {
		uint32_t id = peer_request(peer, NULL);
		uint8_t byte;

		usleep(5000);
		bool another = recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;

		peer_reply(peer, SF_WIRE_SNRP, id, another ? SF_WIRE_ERR : SF_WIRE_OK, "two were in flight");
	}
}

static void *asks_four_times(void *arg)
{
	struct peer *peer = arg;

	for (int i = 0; i < 4; i++) {
		struct sf_error *err = ask(peer, 10 * SECOND);

		if (err)
			return err;
	}
	return NULL;
}

static void edge_52_two_threads_serialise(void **state)
{
	struct peer peer;
	pthread_t other;
	void *theirs;

	(void)state;
	peer_open(&peer);
	peer_start(&peer, wants_one_at_a_time);
	assert_int_equal(pthread_create(&other, NULL, asks_four_times, &peer), 0);
	void *ours = asks_four_times(&peer);

	pthread_join(other, &theirs);
	assert_null(ours);
	assert_null(theirs);
	peer_close(&peer);
}

static void telling_does_not_wait_for_a_reply_that_is_outstanding(void **state)
{
	struct peer peer;
	pthread_t other;
	void *result;

	(void)state;
	peer_open(&peer);
	/* Nobody answers the other thread's requests: the first one ends after ten seconds. */
	assert_int_equal(pthread_create(&other, NULL, asks_four_times, &peer), 0);
	while (!peer_request(&peer, NULL))
		;
	assert_null(sf_wire_rpc_send(&peer.rpc, SF_WIRE_EVNT, "{}", 2, SECOND));
	char bytes[SF_WIRE_HEADER + 2];

	assert_int_equal(recv(peer.fd, bytes, sizeof(bytes), MSG_WAITALL), sizeof(bytes));
	close(steal_fd(&peer.fd));
	pthread_join(other, &result);
	assert_int_equal(sf_error_code(result), SF_TRANSPORT);
	sf_error_free(result);
	peer_close(&peer);
}

static void sending_to_one_who_does_not_read_ends_at_its_deadline(void **state)
{
	struct peer peer;
	char *big = calloc(1, 1u << 20);

	(void)state;
	assert_non_null(big);
	peer_open(&peer);
	SF_OWNED(error) err = sf_wire_rpc_send(&peer.rpc, SF_WIRE_VALU, big, 1u << 20, 50 * MS);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	free(big);
	peer_close(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_answered_with_ok_succeeds),
		cmocka_unit_test(request_answered_with_err_is_a_host_error_with_its_reason),
		cmocka_unit_test(edge_50_bad_crc_on_the_guest_is_a_transport_error_and_drops_the_fd),
		cmocka_unit_test(edge_51_stale_id_wrong_type_and_wrong_size_are_skipped),
		cmocka_unit_test(edge_51_stale_replies_do_not_prolong_the_deadline),
		cmocka_unit_test(edge_51_unknown_status_is_a_transport_error),
		cmocka_unit_test(reply_longer_than_520_bytes_drops_the_fd),
		cmocka_unit_test(end_of_stream_drops_the_fd),
		cmocka_unit_test(no_reply_is_a_transport_error_that_names_id_kind_and_time),
		cmocka_unit_test(no_connection_is_a_transport_error_at_once),
		cmocka_unit_test(timeout_inside_a_frame_keeps_the_fd_and_the_next_call_goes_on),
		cmocka_unit_test(edge_52_counter_wrap_skips_0_and_channels_count_for_themselves),
		cmocka_unit_test(edge_52_two_threads_serialise),
		cmocka_unit_test(telling_does_not_wait_for_a_reply_that_is_outstanding),
		cmocka_unit_test(sending_to_one_who_does_not_read_ends_at_its_deadline),
	};

	return cmocka_run_group_tests_name("wire_rpc", tests, NULL, NULL);
}

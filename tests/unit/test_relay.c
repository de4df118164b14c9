/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PID 1 passes frames between test programs and the host, and no program can disturb another. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../agent/relay.h"
#include "wire/rpc.h"

#define MS 1000000ull

struct world {
	struct loop loop;
	struct relay relay;
	struct sf_wire_out host; /* what reached the host */
	bool congested;
	unsigned int complaints;
	char last_complaint[256];
};

struct client {
	int fd;
	struct sf_wire_in in;
};

static void to_host(void *arg, uint32_t type, const void *payload, size_t len)
{
	struct world *w = arg;

	assert_null(sf_wire_out_frame(&w->host, type, payload, len));
}

static bool is_congested(void *arg)
{
	return ((struct world *)arg)->congested;
}

static void complain(void *arg, const char *what)
{
	struct world *w = arg;

	w->complaints++;
	snprintf(w->last_complaint, sizeof(w->last_complaint), "%s", what);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w || loop_init(&w->loop))
		return -1;
	relay_init(&w->relay, &w->loop);
	w->relay.forward = to_host;
	w->relay.congested = is_congested;
	w->relay.complain = complain;
	w->relay.arg = w;
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	relay_close(&w->relay);
	loop_close(&w->loop);
	sf_wire_out_clear(&w->host);
	free(w);
	return 0;
}

static void settle(struct world *w)
{
	uint64_t end = sf_wire_now() + 20 * MS;

	while (loop_once(&w->loop, end))
		;
}

static void come(struct world *w, struct client *c)
{
	int fds[2];

	memset(c, 0, sizeof(*c));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	c->fd = fds[0];
	assert_null(relay_adopt(&w->relay, fds[1]));
}

static void go(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	sf_wire_in_clear(&c->in);
}

static void say(struct client *c, uint32_t type, const void *payload, size_t len)
{
	struct sf_wire_out out = { 0 };

	assert_null(sf_wire_out_frame(&out, type, payload, len));
	assert_int_equal(sf_wire_out_flush(&out, c->fd), 0);
	sf_wire_out_clear(&out);
}

static void ask(struct client *c, uint32_t type, uint32_t id, uint32_t kind, const char *tag)
{
	uint8_t payload[SF_WIRE_REQUEST];

	sf_wire_request_encode(payload, id, kind, tag);
	say(c, type, payload, sizeof(payload));
}

/* The next frame that reached the host; its payload is valid until the next call. */
static void host_got(struct world *w, struct sf_wire_frame *ret)
{
	assert_true(sf_wire_out_pending(&w->host) >= SF_WIRE_HEADER);
	uint8_t *p = w->host.buf + w->host.start;

	*ret = (struct sf_wire_frame){
		.type = sf_load32(p), .len = sf_load32(p + 4), .crc_ok = true, .data = p + SF_WIRE_HEADER,
	};
	w->host.start += SF_WIRE_HEADER + ret->len;
}

static uint32_t host_got_request(struct world *w, const char *tag)
{
	struct sf_wire_frame frame;
	struct sf_wire_request request;

	host_got(w, &frame);
	assert_int_equal(frame.type, SF_WIRE_SNRQ);
	assert_true(sf_wire_request_decode(frame.data, frame.len, &request));
	assert_string_equal(request.tag, tag);
	return request.id;
}

static void host_replies(struct world *w, uint32_t id, uint32_t status, const char *reason)
{
	uint8_t payload[SF_WIRE_REPLY];
	struct sf_wire_frame frame = { .type = SF_WIRE_SNRP, .len = sizeof(payload), .crc_ok = true, .data = payload };

	sf_wire_reply_encode(payload, id, status, reason);
	relay_host_frame(&w->relay, &frame);
}

static bool hears(struct client *c, struct sf_wire_frame *ret)
{
	uint8_t buf[4096];
	ssize_t n;

	while ((n = read(c->fd, buf, sizeof(buf))) > 0)
		assert_null(sf_wire_in_push(&c->in, buf, (size_t)n));
	return sf_wire_in_next(&c->in, ret) == SF_WIRE_FRAME;
}

static void expect_reply(struct client *c, uint32_t type, uint32_t id, uint32_t status, const char *reason)
{
	struct sf_wire_frame frame;
	struct sf_wire_reply reply;

	assert_true(hears(c, &frame));
	assert_int_equal(frame.type, type);
	assert_true(frame.crc_ok);
	assert_true(sf_wire_reply_decode(frame.data, frame.len, &reply));
	assert_int_equal(reply.id, id);
	assert_int_equal(reply.status, status);
	assert_string_equal(reply.reason, reason);
}

static void expect_silence(struct client *c)
{
	struct sf_wire_frame frame;

	assert_false(hears(c, &frame));
}

/* ---- */

static void two_programs_with_the_same_id_each_get_their_own_reply(void **state)
{
	struct world *w = *state;
	struct client a, b;

	come(w, &a);
	come(w, &b);
	ask(&a, SF_WIRE_SNRQ, 1, 1, "of a");
	settle(w);
	ask(&b, SF_WIRE_SNRQ, 1, 1, "of b");
	settle(w);
	uint32_t ia = host_got_request(w, "of a"), ib = host_got_request(w, "of b");

	assert_int_not_equal(ia, ib);
	host_replies(w, ib, SF_WIRE_ERR, "not b");
	expect_silence(&a);
	expect_reply(&b, SF_WIRE_SNRP, 1, SF_WIRE_ERR, "not b");
	host_replies(w, ia, SF_WIRE_OK, "");
	expect_reply(&a, SF_WIRE_SNRP, 1, SF_WIRE_OK, "");
	expect_silence(&b);
	go(&a);
	go(&b);
}

static void reply_to_a_program_that_died_goes_nowhere(void **state)
{
	struct world *w = *state;
	struct client a, b;

	come(w, &a);
	ask(&a, SF_WIRE_SNRQ, 1, 1, "of the dead");
	settle(w);
	uint32_t ia = host_got_request(w, "of the dead");

	go(&a);
	settle(w);
	assert_int_equal(w->relay.n_clients, 0);
	come(w, &b); /* may well get the same descriptor */
	ask(&b, SF_WIRE_SNRQ, 1, 1, "of the living");
	settle(w);
	uint32_t ib = host_got_request(w, "of the living");

	host_replies(w, ia, SF_WIRE_OK, "");
	expect_silence(&b);
	host_replies(w, ib, SF_WIRE_OK, "");
	expect_reply(&b, SF_WIRE_SNRP, 1, SF_WIRE_OK, "");
	go(&b);
}

static void reply_that_nobody_waits_for_is_dropped(void **state)
{
	struct world *w = *state;
	struct client a;
	uint8_t payload[SF_WIRE_REPLY];

	come(w, &a);
	ask(&a, SF_WIRE_SNRQ, 5, 1, "t");
	settle(w);
	uint32_t id = host_got_request(w, "t");
	struct sf_wire_frame broken = { .type = SF_WIRE_SNRP, .len = sizeof(payload), .data = payload };

	sf_wire_reply_encode(payload, id, SF_WIRE_OK, NULL);
	relay_host_frame(&w->relay, &broken); /* crc_ok is false */
	broken.crc_ok = true;
	broken.len--;
	relay_host_frame(&w->relay, &broken);
	host_replies(w, id + 1, SF_WIRE_OK, "");
	expect_silence(&a);
	host_replies(w, id, SF_WIRE_OK, "");
	host_replies(w, id, SF_WIRE_OK, "");
	expect_reply(&a, SF_WIRE_SNRP, 5, SF_WIRE_OK, "");
	expect_silence(&a);
	go(&a);
}

static void request_that_the_host_would_drop_is_dropped_here(void **state)
{
	struct world *w = *state;
	struct client a;
	uint8_t payload[SF_WIRE_REQUEST];

	come(w, &a);
	sf_wire_request_encode(payload, 1, 1, "t");
	say(&a, SF_WIRE_SNRQ, payload, sizeof(payload) - 1);
	ask(&a, SF_WIRE_SNRQ, 0, 1, "t");
	ask(&a, SF_WIRE_SNRQ, 1, 0, "t");
	settle(w);
	assert_int_equal(w->complaints, 3);
	assert_int_equal(sf_wire_out_pending(&w->host), 0);
	expect_silence(&a);
	ask(&a, SF_WIRE_SNRQ, 2, 99, "unknown kinds are for the host to answer");
	settle(w);
	host_got_request(w, "unknown kinds are for the host to answer");
	go(&a);
}

static void program_can_say_what_programs_say_and_nothing_else(void **state)
{
	static const uint32_t allowed[] = { SF_WIRE_EVNT, SF_WIRE_VALU, SF_WIRE_PROC, SF_WIRE_RSLT };
	static const uint32_t forbidden[] = { SF_WIRE_SNRP, SF_WIRE_KORP, SF_WIRE_KORQ, SF_WIRE_HELO, SF_WIRE_SCHD,
					      SF_WIRE_FATL, SF_WIRE_LOGL, SF_WIRE_RUNC, SF_WIRE_WTRP };
	struct world *w = *state;
	struct sf_wire_frame frame;
	struct client a;

	come(w, &a);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		say(&a, forbidden[i], "{}", 2);
	say(&a, SF_WIRE_DONE, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		say(&a, allowed[i], "{}", 2);
	settle(w);
	assert_int_equal(w->complaints, ARRAY_SIZE(forbidden) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		host_got(w, &frame);
		assert_int_equal(frame.type, allowed[i]);
	}
	assert_int_equal(sf_wire_out_pending(&w->host), 0);
	go(&a);
}

static void program_does_not_speak_for_the_kernels_log(void **state)
{
	static const char *const own[] = {
		"{\"t_ns\": 1, \"name\": \"kernel\", \"text\": \"BUG: soft lockup\"}",
		"{\"t_ns\": 1, \"name\": \"kernel-cut\", \"text\": \"x\"}", "{\"t_ns\": 1, \"name\": \"asked\", \"text\": \"x\"}",
	};
	static const char free_to_say[] = "{\"t_ns\": 1, \"name\": \"kernels\", \"text\": \"x\"}";
	struct world *w = *state;
	struct sf_wire_frame frame;
	struct client a;

	come(w, &a);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		say(&a, SF_WIRE_EVNT, own[i], (uint32_t)strlen(own[i]));
	say(&a, SF_WIRE_EVNT, free_to_say, sizeof(free_to_say) - 1);
	settle(w);
	assert_int_equal(w->complaints, ARRAY_SIZE(own));
	host_got(w, &frame);
	assert_int_equal(frame.len, sizeof(free_to_say) - 1);
	assert_int_equal(sf_wire_out_pending(&w->host), 0);
	go(&a);
}

static void program_that_talks_nonsense_is_dropped_and_may_come_back(void **state)
{
	struct world *w = *state;
	struct client a, b;

	come(w, &a);
	come(w, &b);
	assert_int_equal(write(a.fd, "GET / HTTP/1.1\r\nHost: PID 1\r\n\r\n", 31), 31);
	settle(w);
	assert_int_equal(w->relay.n_clients, 1);
	assert_non_null(strstr(w->last_complaint, "no frames"));
	char byte;

	assert_int_equal(read(a.fd, &byte, 1), 0);
	go(&a);
	come(w, &a);
	say(&a, SF_WIRE_EVNT, "{}", 2);
	say(&b, SF_WIRE_EVNT, "{}", 2);
	settle(w);
	assert_int_equal(sf_wire_out_pending(&w->host), 2 * (SF_WIRE_HEADER + 2));
	go(&a);
	go(&b);
}

static void program_that_reads_nothing_is_dropped_and_others_go_on(void **state)
{
	struct world *w = *state;
	struct client deaf, b;
	unsigned int asked = 0;

	come(w, &deaf);
	come(w, &b);
	relay_set_attached(&w->relay, SF_WIRE_OK, NULL);
	while (w->relay.n_clients == 2 && asked < 10000) {
		uint8_t payload[SF_WIRE_REQUEST];
		struct sf_wire_out out = { 0 };

		sf_wire_request_encode(payload, ++asked, SF_WIRE_WAIT_ATTACHED, NULL);
		assert_null(sf_wire_out_frame(&out, SF_WIRE_WTRQ, payload, sizeof(payload)));
		sf_wire_out_flush(&out, deaf.fd);
		sf_wire_out_clear(&out);
		for (uint64_t end = sf_wire_now() + MS / 10; loop_once(&w->loop, end);)
			;
	}
	assert_int_equal(w->relay.n_clients, 1);
	ask(&b, SF_WIRE_WTRQ, 1, SF_WIRE_WAIT_ATTACHED, NULL);
	settle(w);
	expect_reply(&b, SF_WIRE_WTRP, 1, SF_WIRE_OK, "");
	go(&deaf);
	go(&b);
}

static void those_who_wait_for_attached_are_told_when_it_is_known(void **state)
{
	struct world *w = *state;
	struct client a, b;

	come(w, &a);
	come(w, &b);
	ask(&a, SF_WIRE_WTRQ, 7, SF_WIRE_WAIT_ATTACHED, NULL);
	settle(w);
	expect_silence(&a);
	relay_set_attached(&w->relay, SF_WIRE_OK, NULL);
	expect_reply(&a, SF_WIRE_WTRP, 7, SF_WIRE_OK, "");
	expect_silence(&b);
	relay_set_attached(&w->relay, SF_WIRE_ERR, "it is gone");
	expect_silence(&a);
	ask(&b, SF_WIRE_WTRQ, 8, SF_WIRE_WAIT_ATTACHED, NULL);
	ask(&b, SF_WIRE_WTRQ, 9, 1234, NULL);
	settle(w);
	expect_reply(&b, SF_WIRE_WTRP, 8, SF_WIRE_ERR, "it is gone");
	expect_reply(&b, SF_WIRE_WTRP, 9, SF_WIRE_ERR, "this is nothing that can be waited for");
	assert_int_equal(sf_wire_out_pending(&w->host), 0);
	go(&a);
	go(&b);
}

static void programs_are_not_read_while_the_host_does_not_keep_up(void **state)
{
	struct world *w = *state;
	struct client a;

	come(w, &a);
	w->congested = true;
	say(&a, SF_WIRE_EVNT, "{}", 2);
	settle(w);
	size_t before = sf_wire_out_pending(&w->host); /* what was in hand when it was noticed */

	say(&a, SF_WIRE_EVNT, "{}", 2);
	say(&a, SF_WIRE_EVNT, "{}", 2);
	settle(w);
	assert_int_equal(sf_wire_out_pending(&w->host), before);
	w->congested = false;
	relay_resume(&w->relay);
	settle(w);
	assert_int_equal(sf_wire_out_pending(&w->host), before + 2 * (SF_WIRE_HEADER + 2));
	go(&a);
}

static void requests_beyond_the_limit_are_refused_and_not_lost(void **state)
{
	struct world *w = *state;
	struct client a, b;

	come(w, &a);
	come(w, &b);
	for (uint32_t i = 1; i <= RELAY_MAX_REQUESTS; i++) {
		ask(&a, SF_WIRE_SNRQ, i, 1, "t");
		if (i % 64 == 0)
			settle(w);
	}
	settle(w);
	assert_int_equal(w->relay.requests.n, RELAY_MAX_REQUESTS);
	ask(&b, SF_WIRE_SNRQ, 77, 1, "t");
	settle(w);
	expect_reply(&b, SF_WIRE_SNRP, 77, SF_WIRE_ERR, "too many requests are in flight");
	go(&a); /* its death makes room */
	settle(w);
	assert_int_equal(w->relay.requests.n, 0);
	go(&b);
}

struct own {
	unsigned int calls;
	uint32_t status;
	char reason[64];
};

static void own_reply(void *arg, uint32_t status, const char *reason)
{
	struct own *own = arg;

	own->calls++;
	own->status = status;
	snprintf(own->reason, sizeof(own->reason), "%s", reason);
}

static void own_requests_share_the_ids_and_can_be_forgotten(void **state)
{
	struct world *w = *state;
	struct own first = { 0 }, second = { 0 };
	struct client a;
	uint32_t id1, id2;

	come(w, &a);
	w->relay.next_id = UINT32_MAX - 1; /* 0 is no id */
	assert_null(relay_ask(&w->relay, 1, "one", own_reply, &first, &id1));
	ask(&a, SF_WIRE_SNRQ, 1, 1, "a's");
	settle(w);
	assert_null(relay_ask(&w->relay, 1, "two", own_reply, &second, &id2));
	assert_int_equal(host_got_request(w, "one"), UINT32_MAX);
	assert_int_equal(host_got_request(w, "a's"), 1);
	assert_int_equal(host_got_request(w, "two"), 2);
	relay_forget(&w->relay, id1);
	relay_forget(&w->relay, 1); /* a program's is not ours to forget */
	host_replies(w, id1, SF_WIRE_OK, "");
	host_replies(w, id2, SF_WIRE_ERR, "why");
	host_replies(w, 1, SF_WIRE_OK, "");
	assert_int_equal(first.calls, 0);
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.status, SF_WIRE_ERR);
	assert_string_equal(second.reason, "why");
	expect_reply(&a, SF_WIRE_SNRP, 1, SF_WIRE_OK, "");
	go(&a);
}

static void last_words_of_the_dead_are_heard_even_before_they_were_accepted(void **state)
{
	struct world *w = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct sf_wire_frame frame;
	struct client a = { .fd = socket(AF_UNIX, SOCK_STREAM, 0) };

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/sf-relay-%d.sock", (int)getpid());
	assert_null(relay_listen(&w->relay, address.sun_path));
	assert_int_equal(connect(a.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	say(&a, SF_WIRE_RSLT, "{\"ok\":true}", 11);
	go(&a);
	relay_drain(&w->relay);
	host_got(w, &frame);
	assert_int_equal(frame.type, SF_WIRE_RSLT);
	assert_int_equal(w->relay.n_clients, 0);
	unlink(address.sun_path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(two_programs_with_the_same_id_each_get_their_own_reply),
		TEST(reply_to_a_program_that_died_goes_nowhere),
		TEST(reply_that_nobody_waits_for_is_dropped),
		TEST(request_that_the_host_would_drop_is_dropped_here),
		TEST(program_can_say_what_programs_say_and_nothing_else),
		TEST(program_does_not_speak_for_the_kernels_log),
		TEST(program_that_talks_nonsense_is_dropped_and_may_come_back),
		TEST(program_that_reads_nothing_is_dropped_and_others_go_on),
		TEST(those_who_wait_for_attached_are_told_when_it_is_known),
		TEST(programs_are_not_read_while_the_host_does_not_keep_up),
		TEST(requests_beyond_the_limit_are_refused_and_not_lost),
		TEST(own_requests_share_the_ids_and_can_be_forgotten),
		TEST(last_words_of_the_dead_are_heard_even_before_they_were_accepted),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}

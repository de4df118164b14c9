/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames between guest and host: layouts, a reader that survives any bytes, messages that mean what they say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/message.h"

/* ---- layouts -------------------------------------------------------------------------------------- */

static void header_has_type_reversed_length_crc_and_zero(void **state)
{
	static const uint8_t expected[] = { 'Q', 'R', 'N', 'S', 3, 0, 0, 0, 0xc2, 0x41, 0x24, 0x35, 0, 0, 0, 0 };
	uint8_t header[SF_WIRE_HEADER];

	(void)state;
	assert_int_equal(SF_WIRE_SNRQ, 0x534E5251);
	assert_int_equal(SF_WIRE_SNRP, 0x534E5250);
	assert_int_equal(SF_WIRE_KORQ, 0x4B4F5251);
	assert_int_equal(SF_WIRE_KORP, 0x4B4F5250);
	sf_wire_header_encode(header, SF_WIRE_SNRQ, "abc", 3); /* 0x352441c2: the check value of zlib's crc32("abc") */
	assert_memory_equal(header, expected, sizeof(header));
}

static void edge_49_request_is_72_bytes_and_reply_520(void **state)
{
	uint8_t request[SF_WIRE_REQUEST], reply[SF_WIRE_REPLY];

	(void)state;
	assert_int_equal(sizeof(request), 72);
	assert_int_equal(sizeof(reply), 520);
	sf_wire_request_encode(request, 0x01020304, 2, "tag");
	assert_memory_equal(request, "\4\3\2\1\2\0\0\0tag\0", 12);
	for (size_t i = 11; i < sizeof(request); i++)
		assert_int_equal(request[i], 0);
	sf_wire_reply_encode(reply, 7, SF_WIRE_ERR, "no");
	assert_memory_equal(reply, "\7\0\0\0\2\0\0\0no\0", 11);
}

static void edge_49_request_of_71_or_73_bytes_is_rejected(void **state)
{
	uint8_t bytes[73] = { 0 };
	struct sf_wire_request r;

	(void)state;
	sf_wire_request_encode(bytes, 1, 1, "t");
	assert_false(sf_wire_request_decode(bytes, 71, &r));
	assert_false(sf_wire_request_decode(bytes, 73, &r));
	assert_true(sf_wire_request_decode(bytes, 72, &r));
	assert_string_equal(r.tag, "t");
}

static void edge_49_reply_of_519_or_521_bytes_is_rejected(void **state)
{
	uint8_t bytes[521] = { 0 };
	struct sf_wire_reply r;

	(void)state;
	sf_wire_reply_encode(bytes, 1, SF_WIRE_OK, NULL);
	assert_false(sf_wire_reply_decode(bytes, 519, &r));
	assert_false(sf_wire_reply_decode(bytes, 521, &r));
	assert_true(sf_wire_reply_decode(bytes, 520, &r));
}

static void edge_49_id_0_and_kind_0_are_rejected(void **state)
{
	uint8_t bytes[SF_WIRE_REQUEST];
	struct sf_wire_request r;

	(void)state;
	sf_wire_request_encode(bytes, 0, 1, "t");
	assert_false(sf_wire_request_decode(bytes, sizeof(bytes), &r));
	sf_wire_request_encode(bytes, 1, 0, "t");
	assert_false(sf_wire_request_decode(bytes, sizeof(bytes), &r));
}

static void edge_49_unknown_kind_is_decoded(void **state)
{
	uint8_t bytes[SF_WIRE_REQUEST];
	struct sf_wire_request r;

	(void)state;
	sf_wire_request_encode(bytes, 9, 0xdeadbeef, "t");
	assert_true(sf_wire_request_decode(bytes, sizeof(bytes), &r));
	assert_int_equal(r.id, 9);
	assert_int_equal(r.kind, 0xdeadbeef);
}

static void edge_49_tag_of_64_bytes_is_kept_whole(void **state)
{
	char tag[SF_WIRE_TAG + 8];
	uint8_t bytes[SF_WIRE_REQUEST];
	struct sf_wire_request r;

	(void)state;
	memset(tag, 'x', sizeof(tag) - 1);
	tag[sizeof(tag) - 1] = '\0';
	sf_wire_request_encode(bytes, 1, 1, tag);
	assert_true(sf_wire_request_decode(bytes, sizeof(bytes), &r));
	assert_int_equal(strlen(r.tag), SF_WIRE_TAG);
}

static void edge_49_reason_of_528_bytes_is_cut_to_512(void **state)
{
	char reason[529];
	uint8_t bytes[SF_WIRE_REPLY];
	struct sf_wire_reply r;

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[528] = '\0';
	sf_wire_reply_encode(bytes, 1, SF_WIRE_ERR, reason);
	assert_true(sf_wire_reply_decode(bytes, sizeof(bytes), &r));
	assert_int_equal(strlen(r.reason), 512);
}

static void edge_49_empty_reason_is_all_zero(void **state)
{
	uint8_t bytes[SF_WIRE_REPLY];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	sf_wire_reply_encode(bytes, 1, SF_WIRE_OK, "");
	for (size_t i = 8; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
}

static void edge_49_diagnostic_of_350_bytes_survives_whole(void **state)
{
	char reason[351];
	uint8_t bytes[SF_WIRE_REPLY];
	struct sf_wire_reply r;

	(void)state;
	for (size_t i = 0; i < 350; i++)
		reason[i] = (char)('a' + i % 26);
	reason[350] = '\0';
	sf_wire_reply_encode(bytes, 1, SF_WIRE_ERR, reason);
	assert_true(sf_wire_reply_decode(bytes, sizeof(bytes), &r));
	assert_string_equal(r.reason, reason);
}

static void text_ends_at_a_nul_and_replaces_what_is_not_utf8(void **state)
{
	char text[3 * 16 + 1];

	(void)state;
	sf_wire_text(text, "ab\0cd", 5);
	assert_string_equal(text, "ab");
	sf_wire_text(text, "\xc3\xa9t\xc3", 4); /* the cut went through the second character */
	assert_string_equal(text, "\xc3\xa9t\xef\xbf\xbd");
	sf_wire_text(text, "a\xff\x80z", 4);
	assert_string_equal(text, "a\xef\xbf\xbd\xef\xbf\xbdz");
	sf_wire_text(text, "\xed\xa0\x80", 3); /* a surrogate */
	assert_string_equal(text, "\xef\xbf\xbd");
	uint8_t all_bad[16];

	memset(all_bad, 0xff, sizeof(all_bad));
	sf_wire_text(text, all_bad, sizeof(all_bad));
	assert_int_equal(strlen(text), 48);
}

static void edge_50_crc_covers_the_payload_only(void **state)
{
	uint8_t bytes[SF_WIRE_HEADER + SF_WIRE_REPLY];
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame frame;

	(void)state;
	sf_wire_reply_encode(bytes + SF_WIRE_HEADER, 1, SF_WIRE_OK, NULL);
	sf_wire_header_encode(bytes, SF_WIRE_SNRP, bytes + SF_WIRE_HEADER, SF_WIRE_REPLY);
	bytes[12] = 0x55; /* reserved: not summed, readers go on */
	assert_null(sf_wire_in_push(&in, bytes, sizeof(bytes)));
	assert_int_equal(sf_wire_in_next(&in, &frame), SF_WIRE_FRAME);
	assert_true(frame.crc_ok);
	assert_int_equal(frame.reserved, 0x55);
	sf_wire_in_clear(&in);
}

static void edge_50_crc_of_an_empty_payload_is_0(void **state)
{
	uint8_t header[SF_WIRE_HEADER];

	(void)state;
	assert_int_equal(sf_wire_crc32(NULL, 0), 0);
	sf_wire_header_encode(header, SF_WIRE_DONE, NULL, 0);
	assert_int_equal(sf_load32(header + 8), 0);
}

/* ---- the reader ------------------------------------------------------------------------------------ */

static void push(struct sf_wire_in *in, const void *data, size_t len)
{
	assert_null(sf_wire_in_push(in, data, len));
}

static void put(struct sf_wire_out *out, uint32_t type, const char *text)
{
	assert_null(sf_wire_out_frame(out, type, text, strlen(text)));
}

static void expect(struct sf_wire_in *in, uint32_t type, const char *text)
{
	struct sf_wire_frame f;

	assert_int_equal(sf_wire_in_next(in, &f), SF_WIRE_FRAME);
	assert_int_equal(f.type, type);
	assert_true(f.crc_ok);
	assert_int_equal(f.len, strlen(text));
	assert_memory_equal(f.data, text, f.len);
}

static void frames_arrive_whole_however_they_are_cut(void **state)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_frame f;

	(void)state;
	put(&out, SF_WIRE_EVNT, "one");
	put(&out, SF_WIRE_DONE, "");
	put(&out, SF_WIRE_VALU, "three, which is longer");
	for (size_t step = 1; step <= sf_wire_out_pending(&out); step++) {
		struct sf_wire_in in = { 0 };
		const char *texts[] = { "one", "", "three, which is longer" };
		size_t got = 0;

		for (size_t at = out.start; at < out.end; at += step) {
			push(&in, out.buf + at, sf_min(step, out.end - at));
			while (sf_wire_in_next(&in, &f) == SF_WIRE_FRAME) {
				assert_true(got < 3 && f.crc_ok);
				assert_int_equal(f.len, strlen(texts[got]));
				assert_memory_equal(f.data, texts[got], f.len);
				got++;
			}
		}
		assert_int_equal(got, 3);
		assert_int_equal(in.skipped, 0);
		sf_wire_in_clear(&in);
	}
	sf_wire_out_clear(&out);
}

static void crc_mismatch_is_delivered_as_such_and_parsing_continues(void **state)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;

	(void)state;
	put(&out, SF_WIRE_EVNT, "first");
	put(&out, SF_WIRE_EVNT, "second");
	out.buf[SF_WIRE_HEADER] ^= 1;
	push(&in, out.buf, out.end);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_FRAME);
	assert_false(f.crc_ok);
	assert_int_equal(f.len, 5);
	expect(&in, SF_WIRE_EVNT, "second");
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void length_above_16_mib_swallows_no_good_frame_behind_it(void **state)
{
	uint8_t header[SF_WIRE_HEADER] = { 0 };
	uint32_t type = SF_WIRE_EVNT, len = (16u << 20) + 1;
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;

	(void)state;
	memcpy(header, &type, 4);
	memcpy(header + 4, &len, 4);
	push(&in, header, sizeof(header));
	put(&out, SF_WIRE_EVNT, "still here");
	push(&in, out.buf, out.end);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_LOST);
	expect(&in, SF_WIRE_EVNT, "still here");
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_NONE);
	assert_int_equal(in.skipped, SF_WIRE_HEADER);
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void length_of_16_mib_is_taken(void **state)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;
	char *big = calloc(1, 16u << 20);

	(void)state;
	assert_non_null(big);
	assert_null(sf_wire_out_frame(&out, SF_WIRE_EVNT, big, 16u << 20));
	push(&in, out.buf, out.end - 1);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_NONE);
	push(&in, out.buf + out.end - 1, 1);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_FRAME);
	assert_true(f.crc_ok);
	SF_OWNED(error) err = sf_wire_out_frame(&out, SF_WIRE_EVNT, big, (16u << 20) + 1);

	assert_int_equal(sf_error_code(err), SF_USAGE);
	free(big);
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void more_than_32_mib_pending_drops_everything_and_resynchronises(void **state)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;
	char *big = calloc(1, 8u << 20);

	(void)state;
	assert_non_null(big);
	for (int i = 0; i < 4; i++)
		push(&in, big, 8u << 20);
	assert_int_equal(sf_wire_in_pending(&in), 32u << 20);
	push(&in, big, 1);
	assert_int_equal(sf_wire_in_pending(&in), 0);
	assert_int_equal(in.skipped, (32u << 20) + 1);
	put(&out, SF_WIRE_EVNT, "after");
	push(&in, "rest of something", 17);
	push(&in, out.buf, out.end);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_LOST);
	expect(&in, SF_WIRE_EVNT, "after");
	free(big);
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void stream_that_begins_inside_a_frame_finds_the_next_one(void **state)
{
	struct sf_wire_out out = { 0 };

	(void)state;
	put(&out, SF_WIRE_VALU, "{\"name\":\"SNRQSNRQQRNSQRNSQRNS\",\"u64\":1}");
	size_t first = out.end;

	put(&out, SF_WIRE_EVNT, "the next");
	for (size_t from = 1; from <= first; from++) {
		struct sf_wire_in in = { 0 };
		struct sf_wire_frame f;
		enum sf_wire_got got;

		push(&in, out.buf + from, out.end - from);
		got = sf_wire_in_next(&in, &f);
		if (from < first)
			assert_int_equal(got, SF_WIRE_LOST);
		if (got == SF_WIRE_LOST)
			got = sf_wire_in_next(&in, &f);
		assert_int_equal(got, SF_WIRE_FRAME);
		assert_int_equal(f.type, SF_WIRE_EVNT);
		assert_int_equal(f.len, 8);
		sf_wire_in_clear(&in);
	}
	sf_wire_out_clear(&out);
}

static void unknown_type_is_no_frame_and_what_follows_is_found(void **state)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;

	(void)state;
	put(&out, SF_WIRE_4CC('N', 'E', 'W', '!'), "whatever this is");
	put(&out, SF_WIRE_EVNT, "known");
	push(&in, out.buf, out.end);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_LOST);
	expect(&in, SF_WIRE_EVNT, "known");
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void searching_a_hostile_stream_costs_no_more_than_its_length(void **state)
{
	/* Headers in headers, 16 bytes apart, each announcing 60 KiB whose sum is wrong. */
	size_t size = 8u << 20;
	uint8_t *bytes = malloc(size);
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;
	enum sf_wire_got got;

	(void)state;
	assert_non_null(bytes);
	for (size_t at = 0; at < size; at += SF_WIRE_HEADER) {
		uint32_t header[4] = { SF_WIRE_EVNT, 60u << 10, 0x12345678, 0 };

		memcpy(bytes + at, header, sizeof(header));
	}
	push(&in, "garbage that loses it", 21);
	push(&in, bytes, size);
	while ((got = sf_wire_in_next(&in, &f)) != SF_WIRE_NONE)
		assert_int_equal(got, SF_WIRE_LOST);
	/* Summing every candidate would be 30 GiB: the credit is spent instead, 16 bytes a byte. */
	assert_true(in.credit < (60u << 10));
	assert_true(sf_wire_in_pending(&in) < SF_WIRE_HEADER + (64u << 10));
	free(bytes);
	sf_wire_in_clear(&in);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void partial_writes_resume_at_the_exact_byte(void **state)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame f;
	int fds[2], size = 4096;
	char *big = malloc(300000);
	unsigned int partial = 0;

	(void)state;
	assert_non_null(big);
	for (size_t i = 0; i < 300000; i++)
		big[i] = (char)(i * 7 + i / 251);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_null(sf_wire_out_frame(&out, SF_WIRE_VALU, big, 300000));
	for (;;) {
		char buf[777];
		int err = sf_wire_out_flush(&out, fds[0]);
		ssize_t n = read(fds[1], buf, sizeof(buf));

		assert_true(err == 0 || err == EAGAIN);
		partial += err == EAGAIN;
		if (n <= 0)
			break;
		push(&in, buf, (size_t)n);
	}
	assert_true(partial > 1);
	assert_int_equal(sf_wire_in_next(&in, &f), SF_WIRE_FRAME);
	assert_true(f.crc_ok);
	assert_memory_equal(f.data, big, 300000);
	free(big);
	close(fds[0]);
	close(fds[1]);
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void writing_to_a_closed_socket_is_epipe_and_no_signal(void **state)
{
	struct sf_wire_out out = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	put(&out, SF_WIRE_EVNT, "nobody listens");
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sf_wire_out_flush(&out, fds[0]), EPIPE);
	close(fds[0]);
	sf_wire_out_clear(&out);
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static void there_and_back(const struct sf_wire_message *m, struct sf_wire_message *ret)
{
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame frame;

	assert_null(sf_wire_message_put(&out, m));
	push(&in, out.buf, out.end);
	assert_int_equal(sf_wire_in_next(&in, &frame), SF_WIRE_FRAME);
	SF_OWNED(error) err = sf_wire_message_read(&frame, ret);

	assert_null(err);
	assert_int_equal(ret->type, m->type);
	assert_int_equal(ret->t_ns, m->t_ns);
	sf_wire_in_clear(&in);
	sf_wire_out_clear(&out);
}

static void values_keep_all_64_bits_and_their_sign(void **state)
{
	struct sf_wire_message m = { .type = SF_WIRE_VALU, .t_ns = UINT64_MAX, .name = "n", .value = SF_WIRE_U64,
				     .u64 = UINT64_MAX };
	_cleanup_message_ struct sf_wire_message a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	there_and_back(&m, &a);
	assert_int_equal(a.value, SF_WIRE_U64);
	assert_true(a.u64 == UINT64_MAX);
	m.value = SF_WIRE_I64;
	m.i64 = INT64_MIN;
	there_and_back(&m, &b);
	assert_int_equal(b.value, SF_WIRE_I64);
	assert_true(b.i64 == INT64_MIN);
	m.i64 = 5;
	there_and_back(&m, &c);
	assert_int_equal(c.value, SF_WIRE_I64);
	assert_true(c.i64 == 5);
	m.value = SF_WIRE_STR;
	m.str = "a \"quoted\"\nline\x01";
	there_and_back(&m, &d);
	assert_int_equal(d.value, SF_WIRE_STR);
	assert_string_equal(d.str, m.str);
}

static void procs_results_and_scheduler_states_survive(void **state)
{
	const int32_t pids[] = { 1, 77, INT32_MAX };
	struct sf_wire_message procs = { .type = SF_WIRE_PROC, .name = "tag", .cgroup = "a/b", .pids = pids, .n_pids = 3 };
	struct sf_wire_message result = { .type = SF_WIRE_RSLT, .name = "it held", .ok = true };
	struct sf_wire_message sched = { .type = SF_WIRE_SCHD, .sched = SF_WIRE_SCHED_EXITED, .ops = "o", .reason = "r",
					 .text = "t", .log = "l1\nl2\n", .ended = true, .exit_code = 86 };
	_cleanup_message_ struct sf_wire_message a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	there_and_back(&procs, &a);
	assert_int_equal(a.n_pids, 3);
	assert_memory_equal(a.pids, pids, sizeof(pids));
	assert_string_equal(a.cgroup, "a/b");
	there_and_back(&result, &b);
	assert_true(b.ok);
	assert_string_equal(b.name, "it held");
	there_and_back(&sched, &c);
	assert_int_equal(c.sched, SF_WIRE_SCHED_EXITED);
	assert_string_equal(c.log, "l1\nl2\n");
	assert_true(c.ended);
	assert_int_equal(c.exit_code, 86);
}

static void edge_50_bad_crc_on_the_host_is_never_a_message(void **state)
{
	struct sf_wire_frame frame = { .type = SF_WIRE_EVNT, .crc_ok = false, .data = (const uint8_t *)"{\"name\":\"x\"}",
				       .len = 12 };
	struct sf_wire_message m = { 0 };

	(void)state;
	SF_OWNED(error) err = sf_wire_message_read(&frame, &m);

	assert_int_equal(sf_error_code(err), SF_BAD_INPUT);
	frame.crc_ok = true;
	assert_null(sf_wire_message_read(&frame, &m));
	sf_wire_message_clear(&m);
}

static void empty_list_of_pids_is_a_list(void **state)
{
	struct sf_wire_message procs = { .type = SF_WIRE_PROC, .name = "tag", .cgroup = "" };
	_cleanup_message_ struct sf_wire_message m = { 0 };

	(void)state;
	there_and_back(&procs, &m);
	assert_int_equal(m.n_pids, 0);
	assert_non_null(m.pids);
}

static void messages_that_say_too_little_are_refused(void **state)
{
	static const struct {
		uint32_t type;
		const char *text;
	} bad[] = {
		{ SF_WIRE_EVNT, "" },
		{ SF_WIRE_EVNT, "[]" },
		{ SF_WIRE_EVNT, "{\"name\":\"x\"" },
		{ SF_WIRE_EVNT, "{\"name\":\"\"}" },
		{ SF_WIRE_VALU, "{\"name\":\"x\"}" },
		{ SF_WIRE_VALU, "{\"name\":\"x\",\"u64\":-1}" },
		{ SF_WIRE_VALU, "{\"name\":\"x\",\"u64\":18446744073709551616}" },
		{ SF_WIRE_VALU, "{\"u64\":1}" },
		{ SF_WIRE_RSLT, "{\"name\":\"x\"}" },
		{ SF_WIRE_RSLT, "{\"name\":\"x\",\"ok\":1}" },
		{ SF_WIRE_PROC, "{\"name\":\"x\",\"cgroup\":\"\"}" },
		{ SF_WIRE_PROC, "{\"name\":\"x\",\"pids\":[1,-2]}" },
		{ SF_WIRE_PROC, "{\"name\":\"x\",\"pids\":[2147483648]}" },
		{ SF_WIRE_SCHD, "{\"state\":\"sleepy\"}" },
		{ SF_WIRE_SNRQ, "{\"name\":\"x\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sf_wire_frame frame = { .type = bad[i].type, .crc_ok = true, .data = (const uint8_t *)bad[i].text,
					       .len = (uint32_t)strlen(bad[i].text) };
		struct sf_wire_message m = { .type = 42 };
		SF_OWNED(error) err = sf_wire_message_read(&frame, &m);

		if (sf_error_code(err) != SF_BAD_INPUT)
			fail_msg("%s was taken", bad[i].text);
		assert_int_equal(m.type, 42);
	}
}

static void largest_message_fits_the_limit(void **state)
{
	struct sf_wire_message m = { .type = SF_WIRE_SCHD, .sched = SF_WIRE_SCHED_FAILED };
	_cleanup_message_ struct sf_wire_message back = { 0 };
	char *text = malloc(100001);

	(void)state;
	assert_non_null(text);
	memset(text, 1, 100000); /* each becomes six bytes of JSON */
	text[100000] = '\0';
	m.text = m.reason = m.log = text;
	there_and_back(&m, &back);
	assert_int_equal(strlen(back.log), SF_WIRE_MAX_TEXT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_has_type_reversed_length_crc_and_zero),
		cmocka_unit_test(edge_49_request_is_72_bytes_and_reply_520),
		cmocka_unit_test(edge_49_request_of_71_or_73_bytes_is_rejected),
		cmocka_unit_test(edge_49_reply_of_519_or_521_bytes_is_rejected),
		cmocka_unit_test(edge_49_id_0_and_kind_0_are_rejected),
		cmocka_unit_test(edge_49_unknown_kind_is_decoded),
		cmocka_unit_test(edge_49_tag_of_64_bytes_is_kept_whole),
		cmocka_unit_test(edge_49_reason_of_528_bytes_is_cut_to_512),
		cmocka_unit_test(edge_49_empty_reason_is_all_zero),
		cmocka_unit_test(edge_49_diagnostic_of_350_bytes_survives_whole),
		cmocka_unit_test(text_ends_at_a_nul_and_replaces_what_is_not_utf8),
		cmocka_unit_test(edge_50_crc_covers_the_payload_only),
		cmocka_unit_test(edge_50_crc_of_an_empty_payload_is_0),
		cmocka_unit_test(frames_arrive_whole_however_they_are_cut),
		cmocka_unit_test(crc_mismatch_is_delivered_as_such_and_parsing_continues),
		cmocka_unit_test(length_above_16_mib_swallows_no_good_frame_behind_it),
		cmocka_unit_test(length_of_16_mib_is_taken),
		cmocka_unit_test(more_than_32_mib_pending_drops_everything_and_resynchronises),
		cmocka_unit_test(stream_that_begins_inside_a_frame_finds_the_next_one),
		cmocka_unit_test(unknown_type_is_no_frame_and_what_follows_is_found),
		cmocka_unit_test(searching_a_hostile_stream_costs_no_more_than_its_length),
		cmocka_unit_test(partial_writes_resume_at_the_exact_byte),
		cmocka_unit_test(writing_to_a_closed_socket_is_epipe_and_no_signal),
		cmocka_unit_test(values_keep_all_64_bits_and_their_sign),
		cmocka_unit_test(procs_results_and_scheduler_states_survive),
		cmocka_unit_test(edge_50_bad_crc_on_the_host_is_never_a_message),
		cmocka_unit_test(empty_list_of_pids_is_a_list),
		cmocka_unit_test(messages_that_say_too_little_are_refused),
		cmocka_unit_test(largest_message_fits_the_limit),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a stream of frames, cut in two ways: the same frames come out. Then a good frame behind them: it comes
 * out too, or the bytes before it still claim it as a part of theirs.
 */

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t hash;
	size_t frames;
};

static void look(const struct sf_wire_frame *frame)
{
	struct sf_wire_request request;
	struct sf_wire_reply reply;
	_cleanup_message_ struct sf_wire_message m = { 0 };

	if (sf_wire_request_decode(frame->data, frame->len, &request) && strlen(request.tag) >= sizeof(request.tag))
		abort();
	if (sf_wire_reply_decode(frame->data, frame->len, &reply) && strlen(reply.reason) >= sizeof(reply.reason))
		abort();
	SF_OWNED(error) err = sf_wire_message_read(frame, &m);

	if (err)
		return;
	/* What was understood can be said again, and is understood again. */
	struct sf_wire_out out = { 0 };
	struct sf_wire_in in = { 0 };
	struct sf_wire_frame again;
	_cleanup_message_ struct sf_wire_message second = { 0 };

	if (sf_wire_message_put(&out, &m) || sf_wire_in_push(&in, out.buf, out.end) ||
	    sf_wire_in_next(&in, &again) != SF_WIRE_FRAME || sf_wire_message_read(&again, &second) ||
	    second.t_ns != m.t_ns || second.u64 != m.u64 || second.i64 != m.i64 || second.n_pids != m.n_pids ||
	    second.sched != m.sched || second.ok != m.ok)
		abort();
	sf_wire_out_clear(&out);
	sf_wire_in_clear(&in);
}

static void drain(struct sf_wire_in *in, struct seen *seen, bool decode)
{
	struct sf_wire_frame frame;
	enum sf_wire_got got;

	while ((got = sf_wire_in_next(in, &frame)) != SF_WIRE_NONE) {
		if (got == SF_WIRE_LOST)
			continue;
		seen->frames++;
		seen->hash = seen->hash * 31 + sf_hash_bytes(frame.data, frame.len) + frame.type + frame.crc_ok;
		if (decode)
			look(&frame);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sf_wire_in whole = { 0 }, pieces = { 0 };
	struct seen one = { 0 }, many = { 0 };
	size_t step = size ? data[0] % 61 + 1 : 1;

	/* A right checksum is beyond a fuzzer: the same bytes as a payload that had one. */
	static const uint32_t types[] = { SF_WIRE_HELO, SF_WIRE_EVNT, SF_WIRE_VALU, SF_WIRE_PROC, SF_WIRE_RSLT,
					  SF_WIRE_SCHD, SF_WIRE_LOGL, SF_WIRE_FATL, SF_WIRE_DONE };
	struct sf_wire_frame payload = { .crc_ok = true, .data = data, .len = (uint32_t)size };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		payload.type = types[i];
		look(&payload);
	}
	if (sf_wire_in_push(&whole, data, size))
		abort();
	drain(&whole, &one, true);
	for (size_t at = 0; at < size; at += step) {
		if (sf_wire_in_push(&pieces, data + at, sf_min(step, size - at)))
			abort();
		drain(&pieces, &many, false);
	}
	/* With less credit at a time the pieces may give up on a frame that the whole could afford, never the reverse. */
	if (many.frames == one.frames && many.hash != one.hash)
		abort();

	struct sf_wire_out good = { 0 };
	struct seen after = { 0 };

	if (sf_wire_out_frame(&good, SF_WIRE_EVNT, "{\"name\":\"x\"}", 12) ||
	    sf_wire_in_push(&whole, good.buf, good.end))
		abort();
	drain(&whole, &after, true);
	if (!after.frames && !sf_wire_in_pending(&whole))
		abort();
	sf_wire_out_clear(&good);
	sf_wire_in_clear(&whole);
	sf_wire_in_clear(&pieces);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>
#include <zlib.h>

#include "wire/wire.h"

/*
 * While the reader searches, it believes no header that announces more: a frame that large is not worth waiting for
 * when its header may be anything.
 */
#define SEARCH_MAX (64u << 10)

/* Bytes summed per byte received while searching: without a bound, overlapping headers would cost their square. */
#define SEARCH_CREDIT 16

static const uint32_t types[] = {
	SF_WIRE_SNRQ, SF_WIRE_SNRP, SF_WIRE_KORQ, SF_WIRE_KORP, SF_WIRE_WTRQ, SF_WIRE_WTRP,
	SF_WIRE_HELO, SF_WIRE_RUNC, SF_WIRE_EVNT, SF_WIRE_VALU, SF_WIRE_PROC, SF_WIRE_RSLT,
	SF_WIRE_SCHD, SF_WIRE_LOGL, SF_WIRE_FATL, SF_WIRE_DONE,
};

static const char type_names[][5] = {
	"SNRQ", "SNRP", "KORQ", "KORP", "WTRQ", "WTRP", "HELO", "RUNC",
	"EVNT", "VALU", "PROC", "RSLT", "SCHD", "LOGL", "FATL", "DONE",
};

_Static_assert(ARRAY_SIZE(types) == ARRAY_SIZE(type_names), "one name per type");

const char *sf_wire_type_name(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i] == type)
			return type_names[i];
	return NULL;
}

uint32_t sf_wire_crc32(const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), len ? data : (const void *)"", len);
}

static void store32(uint8_t *out, uint32_t v)
{
	memcpy(out, &v, sizeof(v));
}

void sf_wire_header_encode(uint8_t out[SF_WIRE_HEADER], uint32_t type, const void *payload, uint32_t len)
{
	store32(out, type);
	store32(out + 4, len);
	store32(out + 8, sf_wire_crc32(payload, len));
	store32(out + 12, 0);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void skip(struct sf_wire_in *in, size_t n)
{
	in->start += n;
	in->skipped += n;
}

static void lose(struct sf_wire_in *in)
{
	if (!in->lost) {
		in->lost = true;
		in->tell_lost = true;
		in->credit = SEARCH_MAX + SEARCH_CREDIT * (uint64_t)sf_wire_in_pending(in);
	}
}

/* Room for @len more bytes at the end: by moving what is pending to the front, or by growing. */
static bool make_room(uint8_t **buf, size_t *start, size_t *end, size_t *cap, size_t len)
{
	size_t pending = *end - *start;

	if (*start && (*start == *end || *cap - *end < len)) {
		memmove(*buf, *buf + *start, pending);
		*start = 0;
		*end = pending;
	}
	if (*cap - *end >= len)
		return true;
	if (len > SIZE_MAX / 4 - pending)
		return false;
	size_t grown = sf_max(pending + len, *cap + *cap / 2);
	uint8_t *p = realloc(*buf, sf_max(grown, (size_t)4096));

	if (!p)
		return false;
	*buf = p;
	*cap = sf_max(grown, (size_t)4096);
	return true;
}

struct sf_error *sf_wire_in_push(struct sf_wire_in *in, const void *data, size_t len)
{
	if (!len)
		return NULL;
	if (len > SF_WIRE_MAX_PENDING - sf_min(sf_wire_in_pending(in), (size_t)SF_WIRE_MAX_PENDING)) {
		skip(in, sf_wire_in_pending(in));
		in->skipped += len;
		lose(in);
		return NULL;
	}
	if (!make_room(&in->buf, &in->start, &in->end, &in->cap, len))
		return sf_error_nomem();
	memcpy(in->buf + in->end, data, len);
	in->end += len;
	if (in->lost)
		in->credit += SEARCH_CREDIT * (uint64_t)len;
	return NULL;
}

static void read_header(const uint8_t *p, struct sf_wire_frame *ret, uint32_t *crc)
{
	ret->type = sf_load32(p);
	ret->len = sf_load32(p + 4);
	*crc = sf_load32(p + 8);
	ret->reserved = sf_load32(p + 12);
	ret->data = p + SF_WIRE_HEADER;
}

static void hand_out(struct sf_wire_in *in, const struct sf_wire_frame *frame)
{
	in->start += SF_WIRE_HEADER + (size_t)frame->len;
}

/*
 * The stream has lost its sense: look for the next frame of a known type that is whole and whose checksum holds. The
 * first header that could be one is waited for. An empty payload has checksum 0, which proves nothing: of the types
 * only DONE may be empty.
 */
static enum sf_wire_got search(struct sf_wire_in *in, struct sf_wire_frame *ret)
{
	for (; sf_wire_in_pending(in) >= SF_WIRE_HEADER; skip(in, 1)) {
		struct sf_wire_frame frame;
		uint32_t crc;

		read_header(in->buf + in->start, &frame, &crc);
		if (!sf_wire_type_name(frame.type) || frame.reserved || frame.len > SEARCH_MAX ||
		    (in->max_frame && frame.len > in->max_frame))
			continue;
		if (!frame.len && (crc || frame.type != SF_WIRE_DONE))
			continue;
		if (sf_wire_in_pending(in) - SF_WIRE_HEADER < frame.len)
			return SF_WIRE_NONE;
		if (frame.len > in->credit)
			continue;
		in->credit -= frame.len;
		if (sf_wire_crc32(frame.data, frame.len) != crc)
			continue;
		frame.crc_ok = true;
		in->lost = false;
		hand_out(in, &frame);
		*ret = frame;
		return SF_WIRE_FRAME;
	}
	return SF_WIRE_NONE;
}

enum sf_wire_got sf_wire_in_next(struct sf_wire_in *in, struct sf_wire_frame *ret)
{
	struct sf_wire_frame frame;
	uint32_t crc;

	if (!in->lost && sf_wire_in_pending(in) >= SF_WIRE_HEADER) {
		read_header(in->buf + in->start, &frame, &crc);
		/*
		 * Neither a type that we know nor a length that can be true: this is no header, and waiting for what it
		 * announces would swallow every good frame behind it.
		 */
		if (!sf_wire_type_name(frame.type) || frame.len > (in->max_frame ? in->max_frame : SF_WIRE_MAX_FRAME)) {
			skip(in, 1);
			lose(in);
		} else if (sf_wire_in_pending(in) - SF_WIRE_HEADER >= frame.len) {
			frame.crc_ok = sf_wire_crc32(frame.data, frame.len) == crc;
			hand_out(in, &frame);
			*ret = frame;
			return SF_WIRE_FRAME;
		}
	}
	if (!in->lost)
		return SF_WIRE_NONE;
	if (in->tell_lost) {
		in->tell_lost = false;
		return SF_WIRE_LOST;
	}
	return search(in, ret);
}

void sf_wire_in_reset(struct sf_wire_in *in)
{
	in->start = in->end = 0;
	in->lost = in->tell_lost = false;
	in->credit = 0;
}

void sf_wire_in_clear(struct sf_wire_in *in)
{
	free(in->buf);
	*in = (struct sf_wire_in){ .max_frame = in->max_frame };
}

/* ---- writing ----------------------------------------------------------------------------------- */

struct sf_error *sf_wire_out_bytes(struct sf_wire_out *out, const void *data, size_t len)
{
	if (!len)
		return NULL;
	if (!make_room(&out->buf, &out->start, &out->end, &out->cap, len))
		return sf_error_nomem();
	memcpy(out->buf + out->end, data, len);
	out->end += len;
	return NULL;
}

struct sf_error *sf_wire_out_frame(struct sf_wire_out *out, uint32_t type, const void *payload, size_t len)
{
	uint8_t header[SF_WIRE_HEADER];

	if (len > SF_WIRE_MAX_FRAME)
		return sf_error_new(SF_USAGE, "a frame of %zu bytes does not fit the wire's %u", len, SF_WIRE_MAX_FRAME);
	/* Header and payload both, or neither: half a frame would end the stream's sense. */
	if (!make_room(&out->buf, &out->start, &out->end, &out->cap, SF_WIRE_HEADER + len))
		return sf_error_nomem();
	sf_wire_header_encode(header, type, payload, (uint32_t)len);
	SF_TRY(sf_wire_out_bytes(out, header, sizeof(header)));
	return sf_wire_out_bytes(out, payload, len);
}

int sf_wire_out_flush(struct sf_wire_out *out, int fd)
{
	while (sf_wire_out_pending(out)) {
		size_t len = sf_min(sf_wire_out_pending(out), (size_t)SF_WIRE_MAX_WRITE);
		ssize_t n = send(fd, out->buf + out->start, len, MSG_NOSIGNAL);

		if (n < 0 && errno == ENOTSOCK)
			n = write(fd, out->buf + out->start, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n)
			return EAGAIN;
		out->start += (size_t)n;
	}
	out->start = out->end = 0;
	return 0;
}

void sf_wire_out_clear(struct sf_wire_out *out)
{
	free(out->buf);
	*out = (struct sf_wire_out){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_WIRE_WIRE_H
#define SF_WIRE_WIRE_H

/*
 * The frames between guest and host: a header, a payload, a checksum. This room turns bytes into frames and back, and
 * knows the fixed layouts. It is built for both sides, touches nothing but the file descriptors it is handed, and
 * keeps no state outside of the structs below. docs/wire.md is the protocol in words.
 *
 * Both sides take the other for hostile. The host's reader survives any bytes; the guest's trusts no length.
 *
 * Owners: struct sf_wire_in and _out own their buffers; a frame that sf_wire_in_next() gives is borrowed from the
 * buffer, until the next call on it.
 */

#include "base/error.h"
#include "stillframe/guest.h"

/* Four characters, the first in the highest byte: read as bytes, the wire has them in reverse. */
#define SF_WIRE_4CC(a, b, c, d)                                                                    \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

enum sf_wire_type {
	SF_WIRE_SNRQ = SF_WIRE_4CC('S', 'N', 'R', 'Q'), /* guest: capture or watch, please */
	SF_WIRE_SNRP = SF_WIRE_4CC('S', 'N', 'R', 'P'), /* host: done, or why not */
	SF_WIRE_KORQ = SF_WIRE_4CC('K', 'O', 'R', 'Q'), /* kernel operations: the numbers are taken, nothing speaks them */
	SF_WIRE_KORP = SF_WIRE_4CC('K', 'O', 'R', 'P'),
	SF_WIRE_WTRQ = SF_WIRE_4CC('W', 'T', 'R', 'Q'), /* test program to PID 1: tell me when the scheduler is attached */
	SF_WIRE_WTRP = SF_WIRE_4CC('W', 'T', 'R', 'P'),
	SF_WIRE_HELO = SF_WIRE_4CC('H', 'E', 'L', 'O'), /* guest: facts about this guest */
	SF_WIRE_RUNC = SF_WIRE_4CC('R', 'U', 'N', 'C'), /* host: what to run; only where the initramfs does not say */
	SF_WIRE_EVNT = SF_WIRE_4CC('E', 'V', 'N', 'T'), /* guest: something happened, at this time */
	SF_WIRE_VALU = SF_WIRE_4CC('V', 'A', 'L', 'U'), /* guest: a named value */
	SF_WIRE_PROC = SF_WIRE_4CC('P', 'R', 'O', 'C'), /* guest: who is in a cgroup */
	SF_WIRE_RSLT = SF_WIRE_4CC('R', 'S', 'L', 'T'), /* guest: one entry of the verdict */
	SF_WIRE_SCHD = SF_WIRE_4CC('S', 'C', 'H', 'D'), /* guest: the scheduler's state has changed */
	SF_WIRE_LOGL = SF_WIRE_4CC('L', 'O', 'G', 'L'), /* guest: a line that a child printed */
	SF_WIRE_FATL = SF_WIRE_4CC('F', 'A', 'T', 'L'), /* guest: PID 1 cannot go on */
	SF_WIRE_DONE = SF_WIRE_4CC('D', 'O', 'N', 'E'), /* guest: nothing follows; host (empty): seen, go */
};

#define SF_WIRE_HEADER 16
#define SF_WIRE_MAX_FRAME (16u << 20)   /* of a payload, where the reader sets no other limit */
#define SF_WIRE_MAX_PENDING (32u << 20) /* bytes that wait to become frames */
#define SF_WIRE_MAX_MESSAGE (1u << 20)  /* of a JSON payload */
#define SF_WIRE_MAX_WRITE (32u << 10)   /* the kernel's drivers/char/virtio_console.c cuts each write(2) there */

#define SF_WIRE_PORT "stillframe-bulk"
#define SF_WIRE_SOCKET "/run/stillframe.sock"

/* The four characters of a type that is in the enum; NULL for any other number. */
const char *sf_wire_type_name(uint32_t type);

uint32_t sf_wire_crc32(const void *data, size_t len);
void sf_wire_header_encode(uint8_t out[SF_WIRE_HEADER], uint32_t type, const void *payload, uint32_t len);

/* ---- reading frames ---------------------------------------------------------------------------- */

struct sf_wire_frame {
	uint32_t type;
	uint32_t len;
	uint32_t reserved; /* anything but 0 is worth a warning */
	bool crc_ok;       /* false: the payload is not what was sent; do not act on it */
	const uint8_t *data;
};

enum sf_wire_got {
	SF_WIRE_NONE,  /* no whole frame yet */
	SF_WIRE_FRAME,
	SF_WIRE_LOST,  /* once, when the stream stopped making sense; what follows is searched for the next frame */
};

struct sf_wire_in {
	uint8_t *buf;
	size_t start, end, cap;
	uint32_t max_frame;  /* 0: SF_WIRE_MAX_FRAME */
	bool lost;           /* searching for a frame */
	bool tell_lost;      /* and nobody has been told yet */
	uint64_t credit;     /* bytes that may still be summed while searching */
	uint64_t skipped;    /* bytes that were part of no frame, ever */
};

/* Appends what was read. SF_NO_MEMORY loses the connection's sense: the caller drops it. */
SF_CHECKED struct sf_error *sf_wire_in_push(struct sf_wire_in *in, const void *data, size_t len);
enum sf_wire_got sf_wire_in_next(struct sf_wire_in *in, struct sf_wire_frame *ret);
static inline size_t sf_wire_in_pending(const struct sf_wire_in *in)
{
	return in->end - in->start;
}
void sf_wire_in_reset(struct sf_wire_in *in); /* a new connection: forget everything but max_frame */
void sf_wire_in_clear(struct sf_wire_in *in); /* and give the memory back */

/* ---- writing frames ---------------------------------------------------------------------------- */

struct sf_wire_out {
	uint8_t *buf;
	size_t start, end, cap;
};

SF_CHECKED struct sf_error *sf_wire_out_frame(struct sf_wire_out *out, uint32_t type, const void *payload, size_t len);
/* Bytes that are frames already. */
SF_CHECKED struct sf_error *sf_wire_out_bytes(struct sf_wire_out *out, const void *data, size_t len);
/*
 * Writes what fd takes, at most 32 KiB a call, and remembers where it was. 0: all is written; otherwise errno, EAGAIN
 * among them. Raises no SIGPIPE on a socket.
 */
int sf_wire_out_flush(struct sf_wire_out *out, int fd);
static inline size_t sf_wire_out_pending(const struct sf_wire_out *out)
{
	return out->end - out->start;
}
void sf_wire_out_clear(struct sf_wire_out *out);

/* ---- the fixed payloads ------------------------------------------------------------------------ */

#define SF_WIRE_REQUEST 72
#define SF_WIRE_REPLY 520
#define SF_WIRE_TAG 64
#define SF_WIRE_REASON 512

enum sf_wire_status { SF_WIRE_OK = 1, SF_WIRE_ERR = 2 };

/*
 * A kind of SNRQ beside enum sf_snapshot_kind: a capture because something went wrong just now. The tag says what (failed,
 * test-died, scheduler-exit), the text of an event "because" before it says why, and the host finds it a name.
 */
#define SF_WIRE_KIND_MOMENT 3

/* What a WTRQ waits for. */
enum sf_wire_wait { SF_WIRE_WAIT_ATTACHED = 1 };

/* Texts are NUL-terminated UTF-8; each sequence of bytes that is none has become one U+FFFD, hence the size. */
struct sf_wire_request {
	uint32_t id;
	uint32_t kind; /* enum sf_snapshot_kind, or a number that we do not know */
	char tag[3 * SF_WIRE_TAG + 1];
};

struct sf_wire_reply {
	uint32_t id;
	uint32_t status;
	char reason[3 * SF_WIRE_REASON + 1];
};

/* Longer texts are cut at the byte limit. */
void sf_wire_request_encode(uint8_t out[SF_WIRE_REQUEST], uint32_t id, uint32_t kind, const char *tag);
void sf_wire_reply_encode(uint8_t out[SF_WIRE_REPLY], uint32_t id, uint32_t status, const char *reason);
/* False: drop it, without an answer: another size, id 0, and for a request kind 0. */
bool sf_wire_request_decode(const uint8_t *data, size_t len, struct sf_wire_request *ret);
bool sf_wire_reply_decode(const uint8_t *data, size_t len, struct sf_wire_reply *ret);

/*
 * Copies the text that ends at the first NUL or after @len bytes, with U+FFFD for what is not UTF-8. @out has room for
 * 3 * @len + 1 bytes.
 */
void sf_wire_text(char *out, const void *bytes, size_t len);

#endif

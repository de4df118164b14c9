/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"
#include "wire/wire.h"

static void encode(uint8_t *out, size_t size, uint32_t a, uint32_t b, const char *text)
{
	size_t len = text ? strnlen(text, size - 8) : 0;

	memset(out, 0, size);
	memcpy(out, &a, sizeof(a));
	memcpy(out + 4, &b, sizeof(b));
	if (len)
		memcpy(out + 8, text, len);
}

void sf_wire_request_encode(uint8_t out[SF_WIRE_REQUEST], uint32_t id, uint32_t kind, const char *tag)
{
	encode(out, SF_WIRE_REQUEST, id, kind, tag);
}

void sf_wire_reply_encode(uint8_t out[SF_WIRE_REPLY], uint32_t id, uint32_t status, const char *reason)
{
	encode(out, SF_WIRE_REPLY, id, status, reason);
}

/* How many bytes at @p become one U+FFFD: a byte that begins a character takes what would have continued it along. */
static size_t bad_step(const uint8_t *p, size_t len)
{
	size_t more = p[0] >= 0xf5 || p[0] < 0xc2 ? 0 : p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : 1, n = 1;

	while (n <= more && n < len && (p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

void sf_wire_text(char *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	len = strnlen(bytes, len);
	while (len) {
		size_t n = sf_utf8_seq((const char *)p, len);

		if (n) {
			memcpy(out, p, n);
			out += n;
		} else {
			n = bad_step(p, len);
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
		}
		p += n;
		len -= n;
	}
	*out = '\0';
}

bool sf_wire_request_decode(const uint8_t *data, size_t len, struct sf_wire_request *ret)
{
	if (len != SF_WIRE_REQUEST || !sf_load32(data) || !sf_load32(data + 4))
		return false;
	ret->id = sf_load32(data);
	ret->kind = sf_load32(data + 4);
	sf_wire_text(ret->tag, data + 8, SF_WIRE_TAG);
	return true;
}

bool sf_wire_reply_decode(const uint8_t *data, size_t len, struct sf_wire_reply *ret)
{
	if (len != SF_WIRE_REPLY || !sf_load32(data))
		return false;
	ret->id = sf_load32(data);
	ret->status = sf_load32(data + 4);
	sf_wire_text(ret->reason, data + 8, SF_WIRE_REASON);
	return true;
}

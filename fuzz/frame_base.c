/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "frame_base.h"
#include "image/core.h"

/* In the head of a frame of ours; docs/frame-format.md. */
enum { NOTE_NAME = 76, CHECKSUM = 92, HEAD_LEN = 104, N_PAGES = 112, META_LEN = 120, META = 128 };

/* ---- frames to begin with ------------------------------------------------------------------------------- */

static struct sf_error *put(void *arg, const void *data, size_t len)
{
	struct base *b = arg;

	b->bytes = realloc(b->bytes, b->len + len);
	assert(b->bytes);
	memcpy(b->bytes + b->len, data, len);
	b->len += len;
	return NULL;
}

struct base base_make(struct fake_guest *g, enum base_kind kind)
{
	struct base b = { 0 };
	struct sf_core_note note = { .name = "VMCOREINFO", .desc = g->vmcoreinfo, .len = strlen(g->vmcoreinfo) };
	static const char meta[] =
		"{\"format\":\"stillframe-frame-1\",\"tag\":\"base\",\"schema\":\"single\",\"cause\":\"on-demand\","
		"\"wall_ns\":1,\"vcpus\":[{\"rip\":18446744071578845184,\"halted\":true},null]}";
	struct sf_core_write w = {
		.image = g->img, .notes = &note, .n_notes = kind != BASE_SCANNED,
		.meta = kind == BASE_EXPORT ? meta : NULL, .meta_len = sizeof(meta) - 1,
	};

	if (sf_core_write_to(put, &b, &w))
		abort();
	/* Pages are whole, and at the end. */
	b.head = b.len;
	for (struct sf_image_run run = { 0 }; sf_image_next_run(g->img, run.gpa + run.len, &run);) {
		size_t n = run.len >> SF_PAGE_SHIFT;

		b.head -= run.len;
		b.gpas = realloc(b.gpas, (b.n_pages + n) * sizeof(*b.gpas));
		assert(b.gpas);
		for (size_t i = 0; i < n; i++)
			b.gpas[b.n_pages++] = run.gpa + i * SF_PAGE_SIZE;
	}
	assert(kind != BASE_EXPORT || sf_load64(b.bytes + HEAD_LEN) == b.head);
	return b;
}

void base_free(struct base *b)
{
	free(b->bytes);
	free(b->gpas);
}

uint16_t base_page(const struct base *b, uint64_t gpa)
{
	for (size_t i = 0; i < b->n_pages; i++)
		if (b->gpas[i] == (gpa & SF_PAGE_MASK))
			return (uint16_t)i;
	fprintf(stderr, "no page at 0x%llx\n", (unsigned long long)gpa);
	abort();
}

struct fake_guest *base_guest(struct fake_scene *s)
{
	struct fake_guest *g = fake_new(&(struct fake_options){ .small = true });

	fake_scene_add(g, SCENE_BROKEN, s);
	fake_open(g);
	return g;
}

/* ---- edits ----------------------------------------------------------------------------------------------- */

uint8_t *base_edited(const struct base *from, const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(from->len);

	assert(bytes);
	memcpy(bytes, from->bytes, from->len);
	for (size_t at = 0; at + BASE_EDIT <= size;) {
		size_t page = sf_load16(data + at), off = sf_load16(data + at + 2), n = data[at + 4] % (BASE_EDIT_MAX + 1);

		at += BASE_EDIT;
		off = page == BASE_HEAD ? off % from->head :
					  from->head + page % from->n_pages * SF_PAGE_SIZE + off % SF_PAGE_SIZE;
		n = sf_min(sf_min(n, size - at), from->len - off);
		memcpy(bytes + off, data + at, n);
		at += n;
	}
	return bytes;
}

void base_seal(uint8_t *bytes, size_t len)
{
	uint64_t head, n_pages, meta_len;

	if (len < META || memcmp(bytes + NOTE_NAME, "STILLFRAME", 10))
		return;
	head = sf_load64(bytes + HEAD_LEN);
	n_pages = sf_load64(bytes + N_PAGES);
	meta_len = sf_load64(bytes + META_LEN);
	if (head > len || n_pages > (len - head) / SF_PAGE_SIZE || meta_len > head)
		return;
	uint64_t sums = META + sf_align_up(meta_len, 4);

	for (uint64_t i = 0; i < n_pages && sums + 4 * i + 4 <= head; i++) {
		uint32_t sum = (uint32_t)crc32_z(0, bytes + head + i * SF_PAGE_SIZE, SF_PAGE_SIZE);

		memcpy(bytes + sums + 4 * i, &sum, 4);
	}
	memset(bytes + CHECKSUM, 0, 4);
	uint32_t sum = (uint32_t)crc32_z(0, bytes, head);

	memcpy(bytes + CHECKSUM, &sum, 4);
}

struct sf_error *base_open(const uint8_t *bytes, size_t len, struct sf_frame **ret)
{
	_cleanup_close_ int fd = memfd_create("frame", MFD_CLOEXEC);
	char path[40];

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		return sf_error_nomem();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sf_frame_open(path, ret);
}

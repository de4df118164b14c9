/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FUZZ_FRAME_BASE_H
#define SF_FUZZ_FRAME_BASE_H

/*
 * The frames that fuzz_frame edits, and how its inputs say where. An input is either a frame file itself, or
 *
 *	byte     which base frame, modulo BASE_N
 *	then, as often as there is room:
 *	u16      page of the file, modulo their number; BASE_HEAD: what is before the first page
 *	u16      where in it, modulo its size
 *	byte     how many bytes follow, modulo 33
 *	bytes    what is put there
 *
 * so that a handful of bytes reach any place of 200 KB.
 */

#include <fcntl.h>
#include <unistd.h>

#include "fake_bpf.h"
#include "image/core.h"

enum { BASE_FOREIGN, BASE_SCANNED, BASE_EXPORT, BASE_N };
#define BASE_HEAD 0xffffu

struct base {
	uint8_t *bytes;
	size_t len;
	size_t head; /* where pages begin */
};

static inline struct sf_error *base_put(void *arg, const void *data, size_t len)
{
	struct base *b = arg;

	b->bytes = realloc(b->bytes, b->len + len);
	assert(b->bytes);
	memcpy(b->bytes + b->len, data, len);
	b->len += len;
	return NULL;
}

static inline struct base base_make(struct fake_guest *g, unsigned int which)
{
	struct base b = { 0 };
	SF_OWNED(frame) live = fake_live(g);
	struct sf_core_note note = { .name = "VMCOREINFO", .desc = g->vmcoreinfo, .len = strlen(g->vmcoreinfo) };
	static const char meta[] =
		"{\"format\":\"stillframe-frame-1\",\"tag\":\"base\",\"schema\":\"single\",\"cause\":\"on-demand\","
		"\"wall_ns\":1,\"vcpus\":[{\"rip\":18446744071578845184,\"halted\":true},null]}";
	struct sf_core_write w = {
		.image = g->img, .notes = &note, .n_notes = which != BASE_SCANNED,
		.meta = which == BASE_EXPORT ? meta : NULL, .meta_len = sizeof(meta) - 1,
	};
	uint64_t head;

	if (sf_core_write_to(base_put, &b, &w))
		abort();
	/* Pages are whole, and at the end. */
	b.head = b.len;
	for (struct sf_image_run run = { 0 }; sf_image_next_run(g->img, run.gpa + run.len, &run);)
		b.head -= run.len;
	if (which == BASE_EXPORT) {
		memcpy(&head, b.bytes + 104, sizeof(head));
		assert(head == b.head);
	}
	return b;
}

static inline struct fake_guest *base_guest(struct fake_scene *s)
{
	struct fake_guest *g = fake_new(&(struct fake_options){ .small = true });

	fake_scene_add(g, SCENE_BROKEN, s);
	fake_open(g);
	return g;
}

#endif

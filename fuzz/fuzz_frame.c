/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames from anywhere: opened, every map listed, every value read and rendered. Checksums are made right first, since
 * chance alone would never get past them; one in four inputs keeps the wrong ones.
 */
#include <sys/mman.h>
#include <zlib.h>

#include "frame_base.h"
#include "render/render.h"
#include "snapshot/snapshot.h"

#define MAX_NODES 4000
#define MAX_TEXT (256u << 10)
#define CHECKSUM_AT 92

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

/* ---- the frame ----------------------------------------------------------------------------------------- */

static struct base edited(const uint8_t *data, size_t size)
{
	static struct base bases[BASE_N];
	struct base b = { 0 };

	if (!bases[0].bytes) {
		struct fake_scene s;
		struct fake_guest *g = base_guest(&s);

		for (unsigned int i = 0; i < BASE_N; i++)
			bases[i] = base_make(g, i);
		fake_free(g);
	}
	const struct base *from = &bases[size ? data[0] % BASE_N : 0];

	b = *from;
	b.bytes = malloc(b.len);
	assert(b.bytes);
	memcpy(b.bytes, from->bytes, b.len);
	for (size_t at = 1; at + 5 <= size;) {
		size_t page = sf_load16(data + at), off = sf_load16(data + at + 2), n = data[at + 4] % 33;
		size_t n_pages = (b.len - b.head) / SF_PAGE_SIZE;

		at += 5;
		off = page == BASE_HEAD ? off % b.head : b.head + page % n_pages * SF_PAGE_SIZE + off % SF_PAGE_SIZE;
		n = sf_min(sf_min(n, size - at), b.len - off);
		memcpy(b.bytes + off, data + at, n);
		at += n;
	}
	return b;
}

/* As sf_core_write() would have: a checksum for each page, and one for the head. */
static void seal(uint8_t *bytes, size_t len)
{
	uint64_t head, n_pages, meta_len;

	if (len < 128 || memcmp(bytes + 76, "STILLFRAME", 10))
		return;
	memcpy(&head, bytes + 104, 8);
	memcpy(&n_pages, bytes + 112, 8);
	memcpy(&meta_len, bytes + 120, 8);
	if (head > len || n_pages > (len - head) / SF_PAGE_SIZE || meta_len > head)
		return;
	uint64_t sums = 128 + sf_align_up(meta_len, 4);

	for (uint64_t i = 0; i < n_pages && sums + 4 * i + 4 <= head; i++) {
		uint32_t sum = (uint32_t)crc32_z(0, bytes + head + i * SF_PAGE_SIZE, SF_PAGE_SIZE);

		memcpy(bytes + sums + 4 * i, &sum, 4);
	}
	memset(bytes + CHECKSUM_AT, 0, 4);
	uint32_t sum = (uint32_t)crc32_z(0, bytes, head);

	memcpy(bytes + CHECKSUM_AT, &sum, 4);
}

/* ---- what is done with it ------------------------------------------------------------------------------- */

static void use_node(const struct sf_node *n, unsigned int depth, uint32_t *budget)
{
	struct sf_member_iter it = { 0 };
	struct sf_trouble why = { 0 };
	struct sf_scalar s = { 0 };
	struct sf_node m, found;
	const char *name, *skipped = NULL;
	uint64_t need, had, present = 0;
	uint8_t buf[64];
	size_t len = sizeof(buf);

	if (!*budget || depth > 8)
		return;
	--*budget;
	if (sf_node_scalar(n, &s, &why) == SF_STEP_OK && s.variant)
		sink += strlen(s.variant);
	sf_node_bytes(n, 0, buf, &len, &why);
	if (len > sizeof(buf))
		abort();
	if (sf_node_note(n))
		sink += strlen(sf_node_note(n));
	sf_node_len(n, &present);
	for (int i = 0; i < 64 && *budget && sf_node_next_member(n, &it, &name, &m); i++) {
		if (*name && sf_node_member(n, name, strlen(name), &found) != SF_STEP_OK)
			abort();
		use_node(&m, depth + 1, budget);
	}
	for (uint64_t i = 0; i < sf_min(present, (uint64_t)16) && *budget && sf_node_index(n, i, &m) == SF_STEP_OK; i++)
		use_node(&m, depth + 1, budget);
	if (present && sf_node_index(n, present - 1, &m) == SF_STEP_OK)
		use_node(&m, depth + 1, budget);
	if (sf_node_deref(n, &m, &skipped, &why) == SF_STEP_OK || sf_node_partial(n, &m, &need, &had) == SF_STEP_OK)
		use_node(&m, depth + 1, budget);
	else if (skipped)
		sink += strlen(skipped);
}

static void use_error(struct sf_error *err)
{
	if (!err)
		return;
	_cleanup_free_ char *json = sf_error_to_json(err);
	SF_OWNED(error) again = NULL;

	sink += strlen(sf_error_message(err));
	/* Whatever bytes the guest called things by. */
	if (!json || sf_error_from_json(json, strlen(json), &again) || !sf_error_equal(err, again))
		abort();
}

static void use_questions(struct sf_view view)
{
	static const char *const paths[] = {
		"", "ctx.weight.value", "hist[3]", "task.real_parent.comm[0]", "nope", "a..b", "[1]",
	};
	static const char *const vars[] = { "nr_dispatched", "shared", "nope", "words" };
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(vars); i++) {
		struct sf_field f = sf_view_var(view, vars[i]);

		use_error(sf_field_as_u64(f, &v));
	}
	use_error(sf_map_error(sf_view_map(view, "nope")));
	for (size_t i = 0; i < sf_min(sf_view_map_count(view), (size_t)16); i++) {
		struct sf_map m = sf_view_map_at(view, i);

		use_error(sf_map_error(m));
		for (size_t k = 0; k < ARRAY_SIZE(paths); k++)
			use_error(sf_field_as_u64(sf_entry_get(sf_map_at(m, k ? 0 : SIZE_MAX), paths[k]), &v));
	}
}

static bool count_text(void *arg, const char *text, size_t len)
{
	size_t *n = arg;

	for (size_t i = 0; i < len; i++)
		sink += (uint8_t)text[i];
	*n += len;
	return *n < MAX_TEXT;
}

static void use_snapshot(struct sf_snapshot *snap)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_render_options opt = { .max_elements = 64, .max_entries = 16, .max_depth = 8 };
	struct sf_json_writer w;
	uint32_t budget = MAX_NODES;
	size_t n = 0;

	for (size_t i = 0; i < maps.n && budget; i++) {
		const struct sf_snap_map *m = &maps.v[i];
		char text[300];

		for (size_t e = 0; e < sf_min(m->n_entries, (size_t)4); e++) {
			struct sf_node value = sf_snap_map_value(m, e);

			sf_node_text(&value, text, sizeof(text));
			if (strlen(text) >= sizeof(text))
				abort();
			use_node(&value, 0, &budget);
		}
	}
	use_questions(sf_snapshot_view(snap));
	sf_render_frame_text(snap, &opt, count_text, &n);
	n = 0;
	sf_json_writer_init(&w, count_text, &n, false);
	sf_render_frame_json(snap, &opt, &w);
	sf_json_writer_finish(&w);
}

static void use_frame(const uint8_t *bytes, size_t len)
{
	SF_OWNED(frame) f = NULL;
	SF_OWNED(snapshot) snap = NULL;
	struct sf_frame_info info = { .size = sizeof(info) };
	struct sf_vcpu_regs regs;
	char path[40];
	_cleanup_close_ int fd = memfd_create("frame", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	SF_OWNED(error) err = sf_frame_open(path, &f);

	if (err) {
		use_error(err);
		return;
	}
	sf_frame_info(f, &info);
	sink += strlen(info.tag) + strlen(info.reason) + strlen(info.kernel) + strlen(sf_frame_schema(f));
	for (uint32_t i = 0; i < info.n_vcpus; i++)
		if (!sf_frame_vcpu(f, i, &regs))
			abort();
	err = sf_snapshot_new(f, &snap);
	if (err)
		use_error(err);
	else
		use_snapshot(snap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char magic[] = { 0x7f, 'E', 'L', 'F' };
	struct base b = { 0 };

	if (size >= sizeof(magic) && !memcmp(data, magic, sizeof(magic))) {
		b.bytes = malloc(size);
		assert(b.bytes);
		memcpy(b.bytes, data, size);
		b.len = size;
	} else {
		b = edited(data, size);
	}
	if (!size || data[size - 1] % 4)
		seal(b.bytes, b.len);
	use_frame(b.bytes, b.len);
	free(b.bytes);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames from anywhere: opened, every map listed, every value read and rendered. An input is a frame file itself, or a
 * byte that says which of the frames of frame_base.h is edited (modulo BASE_N), and the edits. Checksums are made right
 * first, since chance alone would never get past them; one in four inputs keeps the wrong ones.
 */
#include "frame_base.h"
#include "frame_uses.h"
#include "render/render.h"

#define MAX_NODES 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the frame ----------------------------------------------------------------------------------------- */

static uint8_t *edited(const uint8_t *data, size_t size, size_t *len)
{
	static struct base bases[BASE_N];
	static const uint8_t first[] = { 0 };

	if (!bases[0].bytes) {
		struct fake_scene s;
		struct fake_guest *g = base_guest(&s);

		for (unsigned int i = 0; i < BASE_N; i++)
			bases[i] = base_make(g, i);
		fake_free(g);
	}
	if (!size) {
		data = first;
		size = sizeof(first);
	}
	const struct base *from = &bases[data[0] % BASE_N];

	*len = from->len;
	return base_edited(from, data + 1, size - 1);
}

/* ---- what is done with it ------------------------------------------------------------------------------- */

static void use_questions(struct sf_view view)
{
	static const char *const paths[] = {
		"", "ctx.weight.value", "hist[3]", "task.real_parent.comm[0]", "nope", "a..b", "[1]",
	};
	static const char *const vars[] = { "nr_dispatched", "shared", "nope", "words" };
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
		use_error(sf_field_as_u64(sf_view_var(view, vars[i]), &v));
	use_error(sf_map_error(sf_view_map(view, "nope")));
	for (size_t i = 0; i < sf_min(sf_view_map_count(view), (size_t)16); i++) {
		struct sf_map m = sf_view_map_at(view, i);

		use_error(sf_map_error(m));
		for (size_t k = 0; k < ARRAY_SIZE(paths); k++)
			use_error(sf_field_as_u64(sf_entry_get(sf_map_at(m, k ? 0 : SIZE_MAX), paths[k]), &v));
	}
}

static void use_snapshot(struct sf_snapshot *snap)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_render_options opt = { .max_elements = 64, .max_entries = 16, .max_depth = 8 };
	struct sf_json_writer w;
	uint32_t budget = MAX_NODES;
	size_t n = 0;

	for (size_t i = 0; i < maps.n && budget; i++) {
		struct sf_snap_cursor c = sf_snap_elems(&maps.v[i]);
		struct sf_snap_elem e;

		for (size_t k = 0; k < 4 && sf_snap_next(&c, &e); k++) {
			if (!e.at.value || sf_snap_is_percpu(&maps.v[i]))
				continue;
			struct sf_node value = sf_snap_value(&e);

			use_node(&value, &budget);
		}
	}
	use_questions(sf_snapshot_view(snap));
	sf_render_frame_text(snap, &opt, use_piece, &n);
	n = 0;
	sf_json_writer_init(&w, use_piece, &n, false);
	sf_render_frame_json(snap, &opt, &w);
	sf_json_writer_finish(&w);
}

static void use_frame(const uint8_t *bytes, size_t len)
{
	SF_OWNED(frame) f = NULL;
	SF_OWNED(snapshot) snap = NULL;
	struct sf_frame_info info = { .size = sizeof(info) };
	struct sf_vcpu_regs regs;
	struct sf_error *err = base_open(bytes, len, &f);

	if (err) {
		use_error(err);
		return;
	}
	sf_frame_info(f, &info);
	use_text(info.tag);
	use_text(info.reason);
	use_text(info.kernel);
	use_text(sf_frame_schema(f));
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
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t len = size;

	if (size >= sizeof(magic) && !memcmp(data, magic, sizeof(magic))) {
		bytes = malloc(size);
		assert(bytes);
		memcpy(bytes, data, size);
	} else {
		bytes = edited(data, size, &len);
	}
	if (!size || data[size - 1] % 4)
		base_seal(bytes, len);
	use_frame(bytes, len);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seeds for fuzz_frame: `frame_seeds DIR` writes edits of single things that a guest can lie about; with `--whole` the
 * base frames themselves too.
 */
#include <stdio.h>

#include "base/file.h"
#include "frame_base.h"

struct seeds {
	struct fake_guest *g;
	const char *dir;
	unsigned int n;
};

static void put(struct seeds *s, const char *name, const void *data, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	struct sf_error *err = sf_file_put(path, data, len);

	if (err) {
		fprintf(stderr, "%s\n", sf_error_message(err));
		exit(1);
	}
	s->n++;
}

/* The number of the page with @gpa, in the order of the file. */
static uint16_t page_of(struct seeds *s, uint64_t gpa)
{
	uint64_t n = 0;

	for (struct sf_image_run run = { 0 }; sf_image_next_run(s->g->img, run.gpa + run.len, &run);) {
		if (gpa - run.gpa < run.len)
			return (uint16_t)(n + ((gpa - run.gpa) >> SF_PAGE_SHIFT));
		n += run.len >> SF_PAGE_SHIFT;
	}
	fprintf(stderr, "no page at 0x%llx\n", (unsigned long long)gpa);
	exit(1);
}

static void edit_gpa(struct seeds *s, const char *name, uint64_t gpa, const void *bytes, uint8_t len)
{
	uint8_t seed[64] = { BASE_FOREIGN };
	uint16_t page = page_of(s, gpa), off = (uint16_t)(gpa & (SF_PAGE_SIZE - 1));

	memcpy(seed + 1, &page, 2);
	memcpy(seed + 3, &off, 2);
	seed[5] = len;
	memcpy(seed + 6, bytes, len);
	put(s, name, seed, 6u + len);
}

static void edit(struct seeds *s, const char *name, uint64_t kva, const void *bytes, uint8_t len)
{
	edit_gpa(s, name, fake_gpa(s->g, kva), bytes, len);
}

static void edit32(struct seeds *s, const char *name, uint64_t kva, uint32_t v)
{
	edit(s, name, kva, &v, sizeof(v));
}

static void edit64(struct seeds *s, const char *name, uint64_t kva, uint64_t v)
{
	edit(s, name, kva, &v, sizeof(v));
}

static uint64_t get64(struct seeds *s, uint64_t kva)
{
	uint64_t v;

	fake_read(s->g, kva, &v, sizeof(v));
	return v;
}

static void edit_objects(struct seeds *s, const struct fake_scene *scene)
{
	uint64_t node = get64(s, s->g->map_idr + FK_XA_HEAD) & ~3ull, types = get64(s, scene->demo_btf + FK_BTF_DATA);

	edit32(s, "map-type", scene->bss + FK_MAP_TYPE, 1);
	edit32(s, "map-value-size", scene->bss + FK_MAP_VALUE_SIZE, UINT32_MAX);
	edit32(s, "map-max-entries", scene->latency + FK_MAP_MAX_ENTRIES, UINT32_MAX);
	edit32(s, "map-value-type", scene->bss + FK_MAP_VALUE_TYPE, 7);
	edit64(s, "map-btf", scene->bss + FK_MAP_BTF, s->g->btf_vmlinux);
	edit(s, "map-name", scene->bss + FK_MAP_NAME, "\xff\xfe.data\0", 8);
	edit32(s, "map-id", scene->bss + FK_MAP_ID, 99);
	edit64(s, "btf-base", scene->demo_btf + FK_BTF_BASE, s->g->btf_vmlinux);
	edit32(s, "btf-size", scene->demo_btf + FK_BTF_DATA_SIZE, 1 << 20);
	edit(s, "btf-header", types, "\x9f\xeb\x01\x00\x20", 5);
	edit(s, "btf-types", types + 24 + 60, "\5\0\0\0\3\0\0\4\20\0\0\0", 12);
	edit(s, "idr-shift", node + FK_NODE_SHIFT, "\6", 1);
	edit64(s, "idr-node", node + FK_NODE_SLOTS + 8 * 9, node | 2);
	edit64(s, "task", fake_map_values(scene->bss) + DEMO_TASK, fake_map_values(scene->bss));
	edit64(s, "parent", scene->near_task + FK_TASK_PARENT, scene->far_task);
}

static void edit_kernel(struct seeds *s)
{
	const struct fake_guest *g = s->g;
	uint64_t entry = 0;

	edit_gpa(s, "vmcoreinfo", g->vmcoreinfo_gpa + 22, "=", 1);
	edit64(s, "direct-map", g->btf_vmlinux + FK_BTF_DATA, g->page_offset);
	edit_gpa(s, "top-table", g->root + 8 * 273, &entry, 8);
	edit32(s, "kernel-btf-size", g->btf_vmlinux + FK_BTF_DATA_SIZE, 0);
}

int main(int argc, char **argv)
{
	bool whole = argc == 3 && !strcmp(argv[1], "--whole");
	static const uint8_t bases[BASE_N] = { BASE_FOREIGN, BASE_SCANNED, BASE_EXPORT };
	static const char *const names[BASE_N] = { "foreign", "scanned", "export" };
	struct seeds s = { .dir = argv[argc - 1] };
	struct fake_scene scene;

	if (argc < 2 || (argc == 3 && !whole) || argc > 3) {
		fprintf(stderr, "usage: frame_seeds [--whole] DIR\n");
		return 2;
	}
	s.g = base_guest(&scene);
	for (unsigned int i = 0; i < BASE_N; i++) {
		struct base b = base_make(s.g, i);
		char name[32];

		put(&s, names[i], &bases[i], 1);
		snprintf(name, sizeof(name), "%s.core", names[i]);
		if (whole)
			put(&s, name, b.bytes, b.len);
		free(b.bytes);
	}
	/* In the head: the number of segments, the version of the format, its metadata. */
	put(&s, "head-phnum", "\2\xff\xff\x38\0\2\xff\xff", 8);
	put(&s, "head-version", "\2\xff\xff\x58\0\1\7", 7);
	put(&s, "head-meta", "\2\xff\xff\x80\0\4{\"a\"", 10);
	edit_objects(&s, &scene);
	edit_kernel(&s);
	fake_free(s.g);
	printf("%u seeds\n", s.n);
	return 0;
}

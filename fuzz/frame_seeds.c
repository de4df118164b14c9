/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seeds for fuzz_frame: `frame_seeds DIR` writes edits of single things that a guest can lie about; with `--whole` the
 * base frames themselves too.
 */
#include <stdio.h>

#include "seeds.h"

static uint64_t get64(struct seeds *s, uint64_t kva)
{
	uint64_t v;

	fake_read(s->g, kva, &v, sizeof(v));
	return v;
}

static void edit_objects(struct seeds *s, const struct fake_scene *scene)
{
	uint64_t node = get64(s, s->g->map_idr + FK_XA_HEAD) & ~3ull, types = get64(s, scene->demo_btf + FK_BTF_DATA);

	seed_u32(s, "map-type", scene->bss + FK_MAP_TYPE, 1);
	seed_u32(s, "map-value-size", scene->bss + FK_MAP_VALUE_SIZE, UINT32_MAX);
	seed_u32(s, "map-max-entries", scene->latency + FK_MAP_MAX_ENTRIES, UINT32_MAX);
	seed_u32(s, "map-value-type", scene->bss + FK_MAP_VALUE_TYPE, 7);
	seed_u64(s, "map-btf", scene->bss + FK_MAP_BTF, s->g->btf_vmlinux);
	seed_edit(s, "map-name", scene->bss + FK_MAP_NAME, "\xff\xfe.data\0", 8);
	seed_u32(s, "map-id", scene->bss + FK_MAP_ID, 99);
	seed_u64(s, "btf-base", scene->demo_btf + FK_BTF_BASE, s->g->btf_vmlinux);
	seed_u32(s, "btf-size", scene->demo_btf + FK_BTF_DATA_SIZE, 1 << 20);
	seed_edit(s, "btf-header", types, "\x9f\xeb\x01\x00\x20", 5);
	seed_edit(s, "btf-types", types + 24 + 60, "\5\0\0\0\3\0\0\4\20\0\0\0", 12);
	seed_edit(s, "idr-shift", node + FK_NODE_SHIFT, "\6", 1);
	seed_u64(s, "idr-node", node + FK_NODE_SLOTS + 8 * 9, node | 2);
	seed_u64(s, "task", fake_map_values(scene->bss) + DEMO_TASK, fake_map_values(scene->bss));
	seed_u64(s, "parent", scene->near_task + FK_TASK_PARENT, scene->far_task);
}

static void edit_kernel(struct seeds *s)
{
	const struct fake_guest *g = s->g;
	uint64_t entry = 0;

	seed_edit_gpa(s, "vmcoreinfo", g->vmcoreinfo_gpa + 22, "=", 1);
	seed_u64(s, "direct-map", g->btf_vmlinux + FK_BTF_DATA, g->page_offset);
	seed_edit_gpa(s, "top-table", g->root + 8 * 273, &entry, 8);
	seed_u32(s, "kernel-btf-size", g->btf_vmlinux + FK_BTF_DATA_SIZE, 0);
}

int main(int argc, char **argv)
{
	bool whole = argc == 3 && !strcmp(argv[1], "--whole");
	static const uint8_t kinds[BASE_N] = { BASE_FOREIGN, BASE_SCANNED, BASE_EXPORT };
	static const char *const names[BASE_N] = { "foreign", "scanned", "export" };
	struct seeds s = { .dir = argv[argc - 1], .head = { BASE_FOREIGN }, .head_len = 1 };
	struct base bases[BASE_N];
	struct fake_scene scene;

	if (argc < 2 || (argc == 3 && !whole) || argc > 3) {
		fprintf(stderr, "usage: frame_seeds [--whole] DIR\n");
		return 2;
	}
	s.g = base_guest(&scene);
	for (unsigned int i = 0; i < BASE_N; i++) {
		char name[32];

		bases[i] = base_make(s.g, i);
		seed_put(&s, names[i], &kinds[i], 1);
		snprintf(name, sizeof(name), "%s.core", names[i]);
		if (whole)
			seed_put(&s, name, bases[i].bytes, bases[i].len);
	}
	/* In the head: the number of segments, the version of the format, its metadata. */
	seed_put(&s, "head-phnum", "\2\xff\xff\x38\0\2\xff\xff", 8);
	seed_put(&s, "head-version", "\2\xff\xff\x58\0\1\7", 7);
	seed_put(&s, "head-meta", "\2\xff\xff\x80\0\4{\"a\"", 10);
	s.base = &bases[BASE_FOREIGN];
	edit_objects(&s, &scene);
	edit_kernel(&s);
	for (unsigned int i = 0; i < BASE_N; i++)
		base_free(&bases[i]);
	fake_free(s.g);
	printf("%u seeds\n", s.n);
	return 0;
}

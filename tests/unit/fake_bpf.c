/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_bpf.h"

#define XA_INTERNAL 2u

static uint64_t new_node(struct fake_guest *g, uint32_t shift)
{
	uint64_t node = fake_kmalloc(g, FK_NODE_SIZE);

	fake_u8(g, node + FK_NODE_SHIFT, (uint8_t)shift);
	return node;
}

static uint64_t get64(struct fake_guest *g, uint64_t kva)
{
	uint64_t v;

	fake_read(g, kva, &v, sizeof(v));
	return v;
}

static uint32_t node_shift(struct fake_guest *g, uint64_t node)
{
	uint8_t shift;

	fake_read(g, node + FK_NODE_SHIFT, &shift, 1);
	return shift;
}

void fake_idr_set(struct fake_guest *g, uint64_t idr, uint32_t id, uint64_t entry)
{
	uint64_t at = idr + FK_XA_HEAD, head = get64(g, at);

	fake_u32(g, idr + FK_IDR_NEXT, id + 1);
	/* An entry at index 0 needs no node. */
	if (!id && !(head & XA_INTERNAL)) {
		fake_u64(g, at, entry);
		return;
	}
	if (!(head & XA_INTERNAL)) {
		uint64_t node = new_node(g, 0);

		fake_u64(g, node + FK_NODE_SLOTS, head);
		head = node | XA_INTERNAL;
	}
	while (id >> node_shift(g, head & ~3ull) >= 64) {
		uint64_t node = new_node(g, node_shift(g, head & ~3ull) + 6);

		fake_u64(g, node + FK_NODE_SLOTS, head);
		head = node | XA_INTERNAL;
	}
	fake_u64(g, at, head);
	for (uint64_t node = head & ~3ull;;) {
		uint32_t shift = node_shift(g, node);
		uint64_t slot = node + FK_NODE_SLOTS + 8 * (id >> shift & 63);

		if (!shift) {
			fake_u64(g, slot, entry);
			return;
		}
		if (!get64(g, slot))
			fake_u64(g, slot, new_node(g, shift - 6) | XA_INTERNAL);
		node = get64(g, slot) & ~3ull;
	}
}

uint64_t fake_add_btf_bytes(struct fake_guest *g, const void *bytes, size_t len, uint64_t base)
{
	uint64_t btf = fake_kmalloc(g, FK_BTF_SIZE), data = fake_vmalloc(g, len);

	fake_write(g, data, bytes, len);
	fake_u64(g, btf + FK_BTF_DATA, data);
	fake_u32(g, btf + FK_BTF_DATA_SIZE, (uint32_t)len);
	fake_u64(g, btf + FK_BTF_BASE, base);
	fake_u32(g, btf + FK_BTF_ID, g->next_btf++);
	return btf;
}

uint64_t fake_add_btf(struct fake_guest *g, struct btfb *b, uint64_t base)
{
	size_t len;
	uint8_t *bytes = btfb_finish(b, &len);
	uint64_t btf = fake_add_btf_bytes(g, bytes, len, base);

	free(bytes);
	return btf;
}

static void write_name(struct fake_guest *g, uint64_t kva, const char *name)
{
	char field[16] = { 0 };

	memcpy(field, name, strnlen(name, sizeof(field) - 1));
	fake_write(g, kva, field, sizeof(field));
}

/* The head of any type, and of arrays what is behind it. */
static uint64_t alloc_map(struct fake_guest *g, const struct fake_map *m, uint32_t type)
{
	size_t n = m->max_entries ? m->max_entries : 1, values = sf_align_up((size_t)m->value_size, 8) * n;

	if (type == SF_BPF_MAP_TYPE_PERCPU_ARRAY)
		return fake_kmalloc(g, FK_ARRAY_VALUE + 8 * n);
	if (type != SF_BPF_MAP_TYPE_ARRAY)
		return fake_kmalloc(g, FK_OPS_VALUE + (type == SF_BPF_MAP_TYPE_STRUCT_OPS ? values : 0));
	if (!m->vmalloced)
		return fake_kmalloc(g, FK_ARRAY_VALUE + values);
	return fake_vmalloc(g, SF_PAGE_SIZE + values) + SF_PAGE_SIZE - FK_ARRAY_VALUE;
}

uint64_t fake_add_map(struct fake_guest *g, const struct fake_map *m)
{
	uint32_t n = m->max_entries ? m->max_entries : 1, id = m->id ? m->id : g->next_map;
	uint32_t type = m->type ? m->type : SF_BPF_MAP_TYPE_ARRAY;
	uint64_t map = alloc_map(g, m, type);

	fake_u32(g, map + FK_MAP_TYPE, type);
	fake_u32(g, map + FK_MAP_KEY_SIZE, m->key_size ? m->key_size : 4);
	fake_u32(g, map + FK_MAP_VALUE_SIZE, m->value_size);
	fake_u32(g, map + FK_MAP_MAX_ENTRIES, n);
	fake_u32(g, map + FK_MAP_FLAGS, m->flags);
	fake_u32(g, map + FK_MAP_ID, id);
	fake_u32(g, map + FK_MAP_KEY_TYPE, m->key_type);
	fake_u32(g, map + FK_MAP_VALUE_TYPE, m->value_type);
	fake_u32(g, map + FK_MAP_VMLINUX_VALUE_TYPE, m->vmlinux_value_type);
	fake_u64(g, map + FK_MAP_BTF, m->btf);
	write_name(g, map + FK_MAP_NAME, m->name);
	if (m->values)
		fake_write(g, fake_map_values(map), m->values, m->values_len);
	fake_idr_set(g, g->map_idr, id, map);
	g->next_map = id + 1;
	return map;
}

uint64_t fake_add_prog(struct fake_guest *g, const char *name, uint32_t type, const uint64_t *maps, uint32_t n_maps)
{
	uint64_t prog = fake_vmalloc(g, FK_PROG_SIZE), aux = fake_kmalloc(g, FK_AUX_SIZE);
	uint64_t used = n_maps ? fake_kmalloc(g, 8 * n_maps) : 0;

	fake_u32(g, prog + FK_PROG_TYPE, type);
	fake_u64(g, prog + FK_PROG_AUX, aux);
	fake_u32(g, aux + FK_AUX_ID, g->next_prog);
	fake_u32(g, aux + FK_AUX_USED_MAP_CNT, n_maps);
	fake_u64(g, aux + FK_AUX_USED_MAPS, used);
	write_name(g, aux + FK_AUX_NAME, name);
	if (n_maps)
		fake_write(g, used, maps, 8 * n_maps);
	fake_idr_set(g, g->prog_idr, g->next_prog++, prog);
	return prog;
}

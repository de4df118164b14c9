/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A frame to ask: a map of a million entries, as the kernel keeps it.
 *
 *	bench_access_make FRAME
 */

#include "bench_access.h"
#include "bpf/values.h"
#include "fake_bpf.h"

#define SEED 0x5eed1234u
#define RAM_MIB 160u

static void build_types(struct btfb *b, uint32_t *ret_key, uint32_t *ret_value)
{
	uint32_t u64, counts, stats;

	btfb_init(b, NULL);
	*ret_key = btfb_add_int(b, "unsigned int", 4, 0);
	u64 = btfb_add_int(b, "unsigned long long", 8, 0);
	counts = btfb_add_struct(b, "counts", 16);
	btfb_member(b, "enqueued", u64, 0);
	btfb_member(b, "dispatched", u64, 64);
	stats = btfb_add_struct(b, "stats", 24);
	btfb_member(b, "started_ns", u64, 0);
	btfb_member(b, "counts", counts, 64);
	*ret_value = btfb_add_struct(b, "task_ctx", sizeof(struct bench_access_value));
	btfb_member(b, "tid", u64, 0);
	btfb_member(b, "stats", stats, 64);
}

int main(int argc, char **argv)
{
	struct fake_options opt = { .small = true, .high = true, .high_mib = RAM_MIB };
	struct btfb *b = malloc(sizeof(*b));
	struct fake_map m = { .name = "tasks", .type = SF_BPF_MAP_TYPE_HASH, .value_size = sizeof(struct bench_access_value),
			      .max_entries = BENCH_ACCESS_ENTRIES };
	SF_OWNED(error) err = NULL;
	SF_OWNED(frame) frame = NULL;
	struct fake_guest *g;
	uint64_t map;

	if (argc != 2 || !b) {
		fprintf(stderr, "usage: bench_access_make FRAME\n");
		return 3;
	}
	g = fake_new(&opt);
	build_types(b, &m.key_type, &m.value_type);
	m.btf = fake_add_btf(g, b, 0);
	free(b);
	map = fake_add_hash(g, &m);
	fake_u32(g, map + FK_HTAB_HASHRND, SEED);
	for (uint32_t i = 0; i < BENCH_ACCESS_ENTRIES; i++) {
		uint32_t key = bench_access_key(i);
		struct bench_access_value v = { .tid = i, .started_ns = 1000ull * i, .enqueued = 3 * i, .dispatched = 2 * i };

		fake_hash_add_at(g, map, sf_bpf_jhash(&key, sizeof(key), SEED), &key, &v);
	}
	frame = fake_capture(g, "bench");
	err = sf_frame_export(frame, argv[1]);
	fake_free(g);
	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	return err ? 1 : 0;
}

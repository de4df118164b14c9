/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_FAKE_BPF_H
#define SF_TESTS_FAKE_BPF_H

/*
 * BPF objects in a fake guest, put there as the kernel would: maps and programs in their idrs, their BTF behind a struct
 * btf, values inline behind the struct bpf_array. On top of it a scene: two schedulers' worth of maps with a bit of
 * everything in them.
 */

#include "bpf/bpf.h"
#include "fake_guest.h"
#include "frame/capture.h"
#include "frame/frame.h"

/* ---- objects --------------------------------------------------------------------------------------- */

/* Entry @id of the idr, as idr_alloc() leaves it. */
void fake_idr_set(struct fake_guest *g, uint64_t idr, uint32_t id, uint64_t entry);

/* A struct btf; its bytes are vmalloc()ed. @base: of another struct btf, 0: none. */
uint64_t fake_add_btf_bytes(struct fake_guest *g, const void *bytes, size_t len, uint64_t base);
uint64_t fake_add_btf(struct fake_guest *g, struct btfb *b, uint64_t base); /* finishes @b */

struct fake_map {
	const char *name;           /* as many of its bytes as fit are taken */
	uint32_t id;                /* 0: the next one */
	uint32_t type;              /* 0: array */
	uint32_t flags;
	uint32_t key_size;          /* 0: 4 */
	uint32_t value_size;
	uint32_t max_entries;       /* 0: 1 */
	uint64_t btf;
	uint32_t key_type, value_type;
	const void *values;         /* of all entries, at their stride; NULL: zeroes */
	size_t values_len;
	bool vmalloced;             /* as with BPF_F_MMAPABLE: values start a page */
};

/* Both return the address of the struct. */
uint64_t fake_add_map(struct fake_guest *g, const struct fake_map *m);
uint64_t fake_add_prog(struct fake_guest *g, const char *name, uint32_t type, const uint64_t *maps, uint32_t n_maps);
static inline uint64_t fake_map_values(uint64_t map)
{
	return map + FK_ARRAY_VALUE;
}

/* ---- the scene ------------------------------------------------------------------------------------- */

/*
 * demo.bss, demo.data, demo.rodata, .data.tuning, "latency" (an array of 5), "per_task" (a hash, whose values are not
 * read), other.bss (which has `shared` too), ".rodata.str1.1" (no types), "a_very_long_nam", "odd\xff\x01"; one program.
 */
struct fake_scene {
	uint64_t bss, data, rodata, tuning, latency, per_task, other_bss, strings, long_name, odd;
	uint64_t demo_btf;
	uint64_t near_task; /* on a page that a capture keeps: pid 1234, "near-task", CPUs 0-1,3, its own parent */
	uint64_t far_task;  /* on a page of its own, which nothing but a pointer leads to */
	uint64_t mask;      /* a bpf_cpumask on a page that is kept: CPUs 0,2 */
	uint64_t hole;      /* an address that nothing is mapped at */
};

#define SCENE_BROKEN 1u  /* and broken.bss, whose BTF is damaged */

void fake_scene_add(struct fake_guest *g, unsigned int flags, struct fake_scene *ret);

/* Where things are in demo.bss. */
enum {
	DEMO_NR_DISPATCHED = 0,
	DEMO_NR_CPUS_ONLN = 8,
	DEMO_MODE = 12,
	DEMO_CTX = 16,
	DEMO_HIST = 48,
	DEMO_NAME = 80,
	DEMO_BALANCE = 96,
	DEMO_READY = 104,
	DEMO_FLAGS = 108,
	DEMO_TASK = 112,
	DEMO_NULL_TASK = 120,
	DEMO_FAR_TASK = 128,
	DEMO_GONE_TASK = 136,
	DEMO_MASK = 144,
	DEMO_RATIO = 152,
	DEMO_FWD = 160,
	DEMO_OPAQUE = 168,
	DEMO_SHARED = 176,
	DEMO_BSS_SIZE = 184,
	DEMO_DATA_WORDS = 1500, /* of the array in demo.data, which crosses pages */
};

/* A frame of @g as it is now, through a capturer: what a run does. */
struct sf_frame *fake_capture(struct fake_guest *g, const char *tag);
/* A frame that reads live memory: what it says changes with it. */
struct sf_frame *fake_live(struct fake_guest *g);

/* Every value of every map in text, a line each; free() it. @follow: pointers too. */
char *fake_dump(struct sf_frame *f, bool follow);

#endif

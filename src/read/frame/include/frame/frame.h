/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FRAME_FRAME_H
#define SF_FRAME_FRAME_H

/*
 * What a capture keeps, and how it comes back. A frame owns an image (its pages, and behind them the kernel's facts)
 * and a reference to its kernel; it lists its maps when first asked and then for good. Everything is read from it by
 * the code that would read live memory.
 *
 * The frame knows nothing of how the guest was stopped. docs/frame-format.md describes the file.
 */

#include "bpf/bpf.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "stillframe/frame.h"

/* ---- facts: what never changes while a kernel runs, apart from the frames that refer to it -------------- */

struct sf_facts; /* immutable, reference-counted */

/* Copies the facts of @kernel out of @img: whole pages of types and symbols. */
SF_CHECKED struct sf_error *sf_facts_new(const struct sf_kernel *kernel, struct sf_image *img, struct sf_facts **ret);
struct sf_facts *sf_facts_ref(struct sf_facts *facts);
void sf_facts_unref(struct sf_facts *facts);
SF_DEFINE_CLEANUP(facts, sf_facts_unref)
struct sf_image *sf_facts_image(struct sf_facts *facts); /* borrowed */
const char *sf_facts_name(struct sf_facts *facts);       /* of its file: from build-id and contents */
/* Writes it into the directory @dir unless it is there. */
SF_CHECKED struct sf_error *sf_facts_save(struct sf_facts *facts, const char *dir);
/* The same in the cache, where a frame that was taken away from its facts finds them on this machine. */
SF_CHECKED struct sf_error *sf_facts_cache(struct sf_facts *facts);
/* @name in @dir, then in the cache. @shift: from the file's addresses to GPAs of this boot. */
SF_CHECKED struct sf_error *sf_facts_open(const char *dir, const char *name, uint64_t shift, struct sf_facts **ret);

/* ---- a captured frame ------------------------------------------------------------------------------------- */

/* Everything that a frame knows beside its pages. Strings are copied where a function takes this. */
struct sf_frame_meta {
	const char *tag, *cause, *reason, *scheduler;
	uint64_t wall_ns, pause_ns, walk_ns;
	bool has_guest_ns;
	uint64_t guest_ns;
	uint64_t n_refused;
	struct sf_bpf_kept kept;
	const struct sf_vcpu_regs *vcpus;
	uint32_t n_vcpus;
};

/* References to all three are taken. */
SF_CHECKED struct sf_error *sf_frame_new(struct sf_image *pages, struct sf_kernel *kernel, struct sf_facts *facts,
					 const struct sf_frame_meta *meta, struct sf_frame **ret);

/* ---- what is in it ---------------------------------------------------------------------------------------- */

/* The 64-bit members of struct sf_vcpu_regs by name, as notes and reports have them. */
struct sf_frame_register {
	const char *name;
	size_t at;
};
#define SF_FRAME_REGISTERS 29
extern const struct sf_frame_register sf_frame_registers[SF_FRAME_REGISTERS];

/* One map, as the frame lists it. */
struct sf_frame_map {
	struct sf_bpf_map map;
	const char *name;            /* valid UTF-8: other bytes are \\xHH */
	char kept_name[SF_BPF_NAME * 4]; /* of memory; `name` is this */
	struct sf_btf *btf;          /* of its key and value; NULL: none */
	const char *no_btf;          /* why `btf` could not be read; NULL: it could, or the map has none */
	const struct sf_doc_map *doc; /* it is of a report (document.h), and `btf` is NULL; NULL: it is in memory */
};

struct sf_frame_maps {
	const struct sf_frame_map *v;
	size_t n;
	struct sf_bpf_stats stats;
};

/* Listed on the first call, published once. Errors are the caller's. */
SF_CHECKED struct sf_error *sf_frame_maps(struct sf_frame *frame, const struct sf_frame_maps **ret);
/*
 * What code is at @addr: of the kernel's image, else generated code (programs, trampolines, dispatchers), whose `module`
 * is "bpf". The name is printable ASCII: other bytes are \\xHH. false: neither (a module, user space, no memory).
 * Generated code is listed on the first call.
 */
bool sf_frame_symbol_at(struct sf_frame *frame, uint64_t addr, char buf[SF_SYMBOL_NAME], struct sf_symbol *ret);
/*
 * Whose scheduler is active: the object ("o" of "o.bss") whose maps the live struct_ops programs use, and those maps.
 * Found out on the first call. Without @obj_name nobody knows, and @why says why.
 */
struct sf_frame_active {
	const char *obj_name;  /* NULL: not known */
	const uint64_t *kvas;  /* of its maps; none: all of the object's */
	size_t n_kvas;
	const char *why;
};
const struct sf_frame_active *sf_frame_active(struct sf_frame *frame);

bool sf_frame_is_placeholder(const struct sf_frame *frame);            /* Is there no data at all? */
const struct sf_kernel *sf_frame_kernel(const struct sf_frame *frame); /* NULL: no memory: a placeholder or a report */
struct sf_image *sf_frame_image(const struct sf_frame *frame);         /* NULL: the same */
const struct sf_bpf *sf_frame_bpf(const struct sf_frame *frame);
struct sf_facts *sf_frame_facts(const struct sf_frame *frame);         /* NULL: it is self-contained */

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FRAME_PRIVATE_H
#define SF_FRAME_PRIVATE_H

#include <pthread.h>

#include "frame/frame.h"
#include "image/core.h"

#define SF_FRAME_SCHEMA "stillframe-frame-1"

struct sf_frame_symbols;
struct sf_document;

struct sf_frame {
	_Atomic uint32_t refs;
	/* All immutable after the frame was made. */
	struct sf_image *pages;      /* what the capture kept */
	struct sf_image *image;      /* pages, and the facts behind them */
	struct sf_kernel *kernel;
	struct sf_bpf *bpf;
	struct sf_facts *facts;      /* NULL: self-contained */
	struct sf_core *core;        /* NULL: not from a file */
	struct sf_frame_info info;
	char *strings;               /* what info points at, in a row */
	struct sf_document *doc;     /* NULL: it has pages, or is a placeholder */
	struct sf_vcpu_regs *vcpus;
	/* The listings: made once, under the lock; then read without it. */
	pthread_mutex_t lock;
	_Atomic(struct sf_frame_maps *) maps;
	_Atomic(struct sf_frame_symbols *) symbols;
	_Atomic(struct sf_frame_active *) active;
};

struct sf_frame *sf_frame_alloc(void);
/* The image of @f, once its pages and facts are there. */
SF_CHECKED struct sf_error *sf_frame_assemble(struct sf_frame *f);

uint64_t sf_facts_shift(const struct sf_facts *facts);
/*
 * Does the facts file have the inner pages of this run of sf_kernel_fact_run()? Only of long ones in the kernel image:
 * what is short is a variable or a page table, which differ from boot to boot, and outside there is no link address.
 */
bool sf_facts_take_run(const struct sf_kernel *kernel, const struct sf_image_run *run);
/* The one page in the middle of these runs that differs: kallsyms_relative_base, an address, is among its bytes. */
bool sf_facts_moving_page(const struct sf_kernel *kernel, uint64_t *ret_gpa);

/* Metadata as the JSON of our note, and back (meta.c). */
SF_CHECKED struct sf_error *sf_frame_meta_write(const struct sf_frame *frame, bool self_contained, char **ret, size_t *len);
struct sf_frame_facts_ref {
	char *name; /* NULL: self-contained */
	uint64_t shift;
};
SF_CHECKED struct sf_error *sf_frame_meta_read(struct sf_frame *frame, const char *json, size_t len,
					       struct sf_frame_facts_ref *ret);
/* Copies the strings of @meta and its registers into @frame. */
SF_CHECKED struct sf_error *sf_frame_meta_set(struct sf_frame *frame, const struct sf_frame_meta *meta,
					      const char *release);

/* Asks the programs of a frame with pages (programs.c). What @ret points at, but for `why`, is the caller's. */
void sf_frame_find_active(struct sf_frame *f, const struct sf_frame_maps *maps, struct sf_frame_active *ret);
void sf_frame_active_free(struct sf_frame_active *active);
void sf_frame_symbols_free(struct sf_frame_symbols *symbols); /* symbols.c */

/* NT_PRSTATUS of one vCPU (prstatus.c). */
#define SF_PRSTATUS_SIZE 336
void sf_prstatus(const struct sf_vcpu_regs *regs, uint8_t out[SF_PRSTATUS_SIZE]);

#endif

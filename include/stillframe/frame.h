/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_FRAME_H
#define STILLFRAME_FRAME_H

/*
 * A frame: the pages of guest memory that one capture kept, with the vCPU registers and why and when it was taken.
 * Immutable, reference-counted; any number of threads may read one frame.
 */

#include "stillframe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sf_frame;

/** struct sf_vcpu_regs - registers of one vCPU at the stop, as QEMU reports them (x86-64). */
struct sf_vcpu_regs {
	bool present;      /* false: they could not be read, and the rest is 0 */
	bool halted;
	uint8_t cpl;       /* privilege level: 0 is the kernel */
	uint32_t cpu;
	uint64_t rip, rsp, rbp, rflags;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t cs, ss, ds, es;   /* selectors */
	uint64_t fs_base, gs_base; /* gs_base: the one in use, which is the kernel's in kernel mode */
	uint64_t cr0, cr2, cr3, cr4, efer; /* cr4: QEMU shows the low 32 bits */
};

/** struct sf_frame_info - what is known of a capture beside its memory */
struct sf_frame_info {
	size_t size;               /* sizeof(struct sf_frame_info); set it before the call */
	const char *tag;           /* the name it was asked for by */
	const char *schema;        /* "single", "dual" or "degraded" */
	const char *cause;         /* "on-demand", "deadline", "panic", … */
	const char *reason;        /* a sentence: why it was taken; "" if its cause says all */
	const char *kernel;        /* the kernel's release */
	const char *scheduler;     /* sched_ext ops name that was attached; "" if none, or not known */
	uint64_t wall_ns;          /* CLOCK_REALTIME of the host at the stop */
	bool has_guest_ns;
	uint64_t guest_ns;         /* guest clock since the scheduler was attached */
	uint64_t pause_ns;         /* from asking for the stop to seeing the guest run again */
	uint64_t walk_ns;          /* of it: copying pages */
	uint64_t n_pages;          /* kept, of 4096 bytes; facts not counted */
	uint64_t n_refused;        /* pages left out: the limit of a capture was reached */
	uint64_t n_cut_maps;       /* maps of which only a part was kept */
	uint64_t n_unreadable;     /* values or types that could not be read at capture time */
	uint64_t n_torn;           /* objects left out because they made no sense */
	uint32_t n_vcpus;
	bool is_placeholder;       /* there is no data: `reason` says why */
	uint64_t n_torn_chains;    /* chains of hash maps, local storage, lists and trees that were cut: torn */
	uint64_t n_pointees;       /* objects kept because a pointer in a value leads to them */
	uint64_t n_left_out;       /* pointers whose objects were too much for their limit of bytes */
	uint64_t n_dangling;       /* pointers in values that lead nowhere */
	uint64_t n_unplanned;      /* maps that were too new for their pointers to be followed */
};

/**
 * sf_frame_open() - read a frame, or an exported or foreign ELF core of a Linux guest
 * @path: a file that sf_frame_save(), sf_frame_export() or a dump tool wrote
 * @ret: the caller's reference
 *
 * Kernel facts (types, symbols) are sought beside the frame, then in the cache.
 *
 * Return: SF_SYSTEM (no such file), SF_FRAME_CORRUPT (cut short, bytes changed), SF_BAD_INPUT (no core, or a version
 * of the format that this library does not read), SF_NOT_FOUND (the facts file; named), SF_KERNEL.
 */
SF_API SF_CHECKED struct sf_error *sf_frame_open(const char *path, struct sf_frame **ret);

/**
 * sf_frame_save() - write @frame as an ELF core to @path, whole or not at all
 *
 * The facts file, which frames of one kernel share, is written beside it unless it is there already.
 */
SF_API SF_CHECKED struct sf_error *sf_frame_save(struct sf_frame *frame, const char *path);

/** sf_frame_export() - one self-contained ELF core, facts included, for drgn and others (and for sf_frame_open()). */
SF_API SF_CHECKED struct sf_error *sf_frame_export(struct sf_frame *frame, const char *path);

/**
 * sf_frame_from_json() - a frame from its JSON form, as `stillframe show --json` writes it
 * @text: UTF-8, @len bytes; a report by hand needs "schema" and "maps" only (docs/report.schema.json)
 * @ret: the caller's reference
 *
 * It has values and no pages: everything can be asked of it that was written down, and it cannot be saved or exported.
 *
 * Return: SF_BAD_INPUT, which names the member that is not as it should be; a "schema" that is unknown is refused.
 *
 * Example:
 *	const char text[] = "{\"schema\": \"single\", \"maps\": []}";
 *	SF_OWNED(frame) empty = NULL;
 *
 *	SF_TRY(sf_frame_from_json(text, sizeof(text) - 1, &empty));
 */
SF_API SF_CHECKED struct sf_error *sf_frame_from_json(const char *text, size_t len, struct sf_frame **ret);

/**
 * sf_frame_early() - of a dual frame, what was captured when the stall was first seen; NULL: there is none. Borrowed.
 *
 * A dual frame itself, and a snapshot of it, is the late half: what there was when the scheduler had died.
 */
SF_API struct sf_frame *sf_frame_early(struct sf_frame *frame);

/** sf_frame_placeholder() - a frame that says why there is none. NULL without memory. The caller's reference. */
SF_API struct sf_frame *sf_frame_placeholder(const char *tag, const char *reason);

/** sf_frame_ref() - one more reference; NULL gives NULL. From any thread. */
SF_API struct sf_frame *sf_frame_ref(struct sf_frame *frame);
/** sf_frame_unref() - one reference less; the last one frees it. NULL is fine. From any thread. */
SF_API void sf_frame_unref(struct sf_frame *frame);
SF_DEFINE_CLEANUP(frame, sf_frame_unref)

/** sf_frame_schema() - "single", "dual" or "degraded" */
SF_API const char *sf_frame_schema(const struct sf_frame *frame);

/** sf_frame_info() - fills @ret up to @ret->size; its strings are the frame's. */
SF_API void sf_frame_info(const struct sf_frame *frame, struct sf_frame_info *ret);

/** sf_frame_vcpu() - registers of vCPU @cpu; false: the frame has no such vCPU. */
SF_API bool sf_frame_vcpu(const struct sf_frame *frame, uint32_t cpu, struct sf_vcpu_regs *ret);

/** sf_frame_verify() - reads every page against its checksum; SF_FRAME_CORRUPT names the first bad one. */
SF_API SF_CHECKED struct sf_error *sf_frame_verify(struct sf_frame *frame);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

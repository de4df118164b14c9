/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NT_PRSTATUS: where a vCPU was, for tools that unwind running tasks. struct elf_prstatus of x86-64
 * (include/linux/elfcore.h, arch/x86/include/asm/elf.h): the pid at 32, 27 registers from 112 on.
 */

#include "frame_private.h"

#define PID_AT 32
#define REGS_AT 112

void sf_prstatus(const struct sf_vcpu_regs *r, uint8_t out[SF_PRSTATUS_SIZE])
{
	const uint64_t regs[27] = {
		r->r15, r->r14, r->r13, r->r12, r->rbp, r->rbx, r->r11, r->r10, r->r9, r->r8, r->rax, r->rcx, r->rdx,
		r->rsi, r->rdi, r->rax, r->rip, r->cs, r->rflags, r->rsp, r->ss, r->fs_base, r->gs_base, r->ds, r->es,
		0, 0, /* selectors fs and gs: QEMU shows their bases */
	};
	/* Tools want a pid that is not 0; as QEMU's own dumps, the number of the vCPU from 1. */
	uint32_t pid = r->cpu + 1;

	memset(out, 0, SF_PRSTATUS_SIZE);
	memcpy(out + PID_AT, &pid, sizeof(pid));
	memcpy(out + REGS_AT, regs, sizeof(regs));
}

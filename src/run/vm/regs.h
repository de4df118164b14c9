/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_REGS_H
#define SF_VM_REGS_H

/* The text of QEMU's `info registers -a`, which is for people, as numbers. */

#include "vm/vm.h"

/*
 * Fills all @n of @ret from @text. vCPUs that the text does not have, has twice, or has without what makes registers
 * useful (instruction and stack pointer, flags, CR0, CR3) are not present. Any bytes will do as text.
 */
void sf_vcpu_regs_parse(const char *text, size_t len, struct sf_vcpu_regs *ret, size_t n);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_FAKE_KSYMS_H
#define SF_TESTS_FAKE_KSYMS_H

/* Generated code in a fake guest, as far as the kernel's list of its names goes; there is no code at these addresses. */

#include "fake_guest.h"

#define FAKE_JIT 0xffffffffc0100000ull /* where kernels put it: among the modules */

static inline uint64_t fake_ksym_next(struct fake_guest *g, uint64_t lnode)
{
	uint64_t next;

	fake_read(g, lnode, &next, sizeof(next));
	return next;
}

static inline void fake_put_ksym(struct fake_guest *g, uint64_t ksym, const char *name, uint64_t start, uint64_t end)
{
	fake_u64(g, ksym + FK_KSYM_START, start);
	fake_u64(g, ksym + FK_KSYM_END, end);
	fake_write(g, ksym + FK_KSYM_NAME, name, strlen(name) + 1);
}

/* At the tail, as list_add_tail_rcu() does it. */
static inline void fake_link_ksym(struct fake_guest *g, uint64_t ksym)
{
	uint64_t lnode = ksym + FK_KSYM_LNODE, last = g->kallsyms;

	while (fake_ksym_next(g, last) != g->kallsyms)
		last = fake_ksym_next(g, last);
	fake_u64(g, lnode, g->kallsyms);
	fake_u64(g, lnode + 8, last);
	fake_u64(g, last, lnode);
	fake_u64(g, g->kallsyms + 8, lnode);
}

/* A whole symbol; the address of its struct bpf_ksym. */
static inline uint64_t fake_add_ksym(struct fake_guest *g, const char *name, uint64_t start, uint64_t end)
{
	uint64_t ksym = fake_kmalloc(g, FK_KSYM_SIZE);

	fake_put_ksym(g, ksym, name, start, end);
	fake_link_ksym(g, ksym);
	return ksym;
}

#endif

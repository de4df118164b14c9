/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast this machine's TSC counts. To a guest under TCG it is its own, and on a loaded machine the guest's kernel,
 * which compares it with a timer that QEMU emulates (arch/x86/kernel/tsc.c), has found a fifth of the truth: then its
 * seconds are short.
 */

#include <time.h>

#include "vm/vm.h"

#define N_READINGS 64
#define MAX_GAP 2000 /* ns around a reading: 0.04 % of the interval */
#define INTERVAL (5 * SF_MILLISECOND)

struct reading {
	uint64_t ticks, ns;
};

/* Both clocks at one moment. false: something came between them each time. */
static bool read_both(struct reading *ret)
{
	uint64_t best = MAX_GAP;

	for (unsigned int i = 0; i < N_READINGS; i++) {
		uint64_t before = sf_vm_clock(), ticks = __builtin_ia32_rdtsc(), after = sf_vm_clock();

		if (after - before >= best)
			continue;
		best = after - before;
		*ret = (struct reading){ .ticks = ticks, .ns = before + best / 2 };
	}
	return best < MAX_GAP;
}

static uint32_t khz_between(const struct reading *a, const struct reading *b)
{
	uint64_t ns = b->ns - a->ns;

	return (uint32_t)(((b->ticks - a->ticks) * UINT64_C(1000000) + ns / 2) / ns);
}

uint32_t sf_vm_tsc_khz(void)
{
	const struct timespec interval = { .tv_nsec = (long)INTERVAL };
	struct reading r[3];

	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		if (i)
			nanosleep(&interval, NULL);
		if (!read_both(&r[i]))
			return 0;
		if (i && (r[i].ticks <= r[i - 1].ticks || r[i].ns - r[i - 1].ns < INTERVAL / 2))
			return 0;
	}
	uint32_t first = khz_between(&r[0], &r[1]), second = khz_between(&r[1], &r[2]);
	uint32_t apart = first > second ? first - second : second - first;

	return apart > first / 500 ? 0 : khz_between(&r[0], &r[2]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_PROBE_H
#define SF_VM_PROBE_H

/* Does this kernel come up? A small guest whose init says one line and powers off. */

#include "vm/vm.h"

enum sf_probe_result {
	SF_PROBE_BOOTED,
	SF_PROBE_DIED,    /* for a reason that will be the same next time */
	SF_PROBE_UNKNOWN, /* too slow */
};

/*
 * Boots @kernel under @accel in a directory of its own within @dir, which is removed again. @text: how long it took, or
 * what happened instead. The error is about us, not about the guest, or SF_DEADLINE after @stop.
 */
SF_CHECKED struct sf_error *sf_probe_boot(const struct sf_qemu *qemu, enum sf_accel accel, const char *kernel,
					  const char *dir, const struct sf_logger *log, bool (*stop)(void *arg),
					  void *arg, enum sf_probe_result *ret, char *text, size_t size);

/* The initramfs: one cpio with an /init that prints SF_PROBE_MARKER and powers off. free() it. */
#define SF_PROBE_MARKER "stillframe: init runs"
SF_CHECKED struct sf_error *sf_probe_initramfs(char **ret, size_t *ret_len);

#endif

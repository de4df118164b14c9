/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_PACK_KERNEL_H
#define SF_PACK_KERNEL_H

/*
 * What can be known of a kernel image without booting it. kernel_image.c knows its bytes, kernel_config.c which options
 * it was built with, kernel_list.c where kernels are, kernel_boot.c which file is booted for one. Images are hostile:
 * nothing of them is believed but what they are asked for.
 */

#include "private.h"

/* ---- kernel_image.c ---------------------------------------------------------------------------------------------- */

/* Something QEMU boots? SF_USAGE says what it is instead. */
SF_CHECKED struct sf_error *sf_kernel_check(const char *path);

/* The release that a bzImage says it is of; NULL: it is none, or does not say. */
char *sf_kernel_header_release(const char *path);

bool sf_kernel_is_packed(const char *path); /* a bzImage */

/* Writes the ELF kernel that the bzImage @path unpacks when it boots. SF_USAGE: it is packed in a way not known here. */
SF_CHECKED struct sf_error *sf_kernel_unpack(const char *path, int out);

/* A name that a kernel's image holds as a string of its own when the kernel has something. */
struct sf_kernel_needle {
	const char *name;
	bool found;
};

struct sf_kernel_seen {
	bool complete;           /* all of the image was looked at: what was not found is not there */
	char *config;            /* CONFIG_IKCONFIG's; NULL: none */
	char *release;           /* as its banner says; NULL: none */
};

/* Unpacks and looks through @path. Only an image that cannot be read is an error. */
SF_CHECKED struct sf_error *sf_kernel_scan(const char *path, struct sf_kernel_needle *needles, size_t n,
					   struct sf_kernel_seen *ret);
void sf_kernel_seen_clear(struct sf_kernel_seen *seen);
#define _cleanup_seen_ _cleanup_(sf_kernel_seen_clear)

/* ---- kernel_config.c --------------------------------------------------------------------------------------------- */

/* What a kernel's image or what lies beside it says of sched_ext. */
enum sf_pack_known sf_kernel_sched_ext(const char *path);

/* ---- kernel_list.c ------------------------------------------------------------------------------------------------- */

/* ${XDG_CACHE_HOME:-~/.cache}/stillframe/kernels */
SF_CHECKED struct sf_error *sf_kernels_dir(char **ret);

/* Where the machine whose root directory is @root ("": this one) keeps its own kernels; sorted, the newest first. */
SF_CHECKED struct sf_error *sf_kernels_of_host(const char *root, struct sf_kernel_files *ret);
/* The image of @release among them; NULL for the one that runs. NULL in @ret: none. */
SF_CHECKED struct sf_error *sf_kernel_of_host(const char *root, const char *release, char **ret);

#endif

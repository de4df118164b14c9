/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_PACK_PACK_H
#define SF_PACK_PACK_H

/*
 * What goes into a guest: an initramfs made of the agent, what it is to run, and the programs that this names, each with
 * the shared libraries it needs. And the kernel to boot: which file that is. Knows files and ELF, nothing of QEMU.
 */

#include "base/error.h"

struct sf_pack; /* an initramfs in the making */

SF_CHECKED struct sf_error *sf_pack_new(struct sf_pack **ret);
void sf_pack_free(struct sf_pack *pack);
SF_DEFINE_CLEANUP(pack, sf_pack_free)

/* Directories above @to are made. A second file of the same name is SF_USAGE unless it is the same file. */
SF_CHECKED struct sf_error *sf_pack_file(struct sf_pack *pack, const char *from, const char *to, unsigned int mode);
SF_CHECKED struct sf_error *sf_pack_bytes(struct sf_pack *pack, const void *data, size_t len, const char *to,
					  unsigned int mode);

/*
 * The program @from (found in PATH when it has no slash) as @to, with its interpreter and every library that the dynamic
 * loader would take for it, at the paths where it will look for them in the guest. A script with an interpreter line
 * brings its interpreter.
 * SF_USAGE: not there, not executable, of another machine; a library that is missing is named, with who needs it.
 */
SF_CHECKED struct sf_error *sf_pack_program(struct sf_pack *pack, const char *from, const char *to);

/* The same at the path it has here, so that it finds what is beside it; free() @ret_to, that path. */
SF_CHECKED struct sf_error *sf_pack_program_home(struct sf_pack *pack, const char *from, char **ret_to);

/*
 * What else the guest is to have, at the path it has here: a file; a program or a shared library, with what it needs; a
 * directory, with all files in it and below, as they are, links followed. SF_USAGE: not there, too much (16384 files,
 * 1 GiB), or at a path where the guest mounts something.
 */
SF_CHECKED struct sf_error *sf_pack_path(struct sf_pack *pack, const char *path);

/* Writes a newc cpio archive; @ret_size may be NULL. */
SF_CHECKED struct sf_error *sf_pack_write(struct sf_pack *pack, const char *path, uint64_t *ret_size);

/* What a scheduler argument is. */
enum sf_pack_kind { SF_PACK_NONE, SF_PACK_OBJECT, SF_PACK_PROGRAM };
/*
 * "none"; an ELF object for BPF (whatever it is called); else a program. @ret_path: where it was found; free() it.
 * SF_USAGE: no such file (PATH was searched, too), or neither.
 */
SF_CHECKED struct sf_error *sf_pack_scheduler(const char *scheduler, enum sf_pack_kind *ret, char **ret_path);

/* How a download is watched, or that there is none; all zero is fine. */
struct sf_pack_fetch {
	void (*fetching)(void *arg, const char *series); /* told before anything is downloaded */
	bool (*stop)(void *arg);                         /* asked ten times a second meanwhile; true gives up */
	void *arg;
	bool offline;                                    /* what is not in the cache is SF_NOT_FOUND */
};

/*
 * The kernel image that @kernel means: a path (it has a slash, or is a file); "host", the kernel that runs this machine,
 * or the release of another one it has; or a series such as "6.18" or "newest", which is taken from the cache or fetched
 * by the script kernel-get. NULL: the newest in the cache that can run a scheduler, else 6.18 is fetched. @how may be
 * NULL.
 * SF_USAGE: no such file, no kernel image (neither a bzImage nor an ELF kernel: says what it is), no such series.
 * SF_DEADLINE: @how->stop said so. SF_SYSTEM: it could not be fetched, with the script's last words.
 */
SF_CHECKED struct sf_error *sf_pack_kernel(const char *kernel, const struct sf_pack_fetch *how, char **ret_path);

/*
 * Was the kernel @path built with what a run needs, and with @scheduler what a BPF scheduler needs? SF_USAGE names each
 * option that is missing, and what it is for. What nobody can tell before it boots is no error: the options are known
 * from a config beside the image (`config`, or `config-X` beside `vmlinuz-X`), from the image if it holds one
 * (CONFIG_IKCONFIG), and a few from names in its BTF.
 */
SF_CHECKED struct sf_error *sf_pack_kernel_able(const char *path, bool scheduler);

/*
 * An image of the kernel @path that QEMU enters without its unpacking itself: kept in the cache beside a kernel from
 * there, made as @scratch otherwise. It is not where a bzImage puts itself but where it was linked to: without KASLR.
 * What fails here is no reason not to boot @path. SF_USAGE: it has no PVH entry, or is packed in a way not known here.
 */
SF_CHECKED struct sf_error *sf_pack_kernel_unpacked(const char *path, const char *scratch, char **ret_path);

/* The release that an image says it is of; free() it. NULL: it does not say. */
char *sf_pack_kernel_release(const char *path);

enum sf_pack_known { SF_PACK_UNKNOWN, SF_PACK_NO, SF_PACK_YES };

struct sf_kernel_file {
	char *release;
	char *path;
	bool is_host;               /* this machine's, else cached */
	bool is_running;
	bool is_readable;           /* distributions let only root read some */
	uint64_t size;              /* of the image */
	enum sf_pack_known sched_ext;
};

struct sf_kernel_files {
	struct sf_kernel_file *v;
	size_t n, cap;
};

/* Those cached and those of this machine, each the newest first. */
SF_CHECKED struct sf_error *sf_pack_kernels(struct sf_kernel_files *ret);
void sf_kernel_files_clear(struct sf_kernel_files *files);
/* strcmp() for releases: as people count, so that 6.9 comes before 6.18, and a release candidate before its release. */
int sf_pack_kernel_compare(const char *a, const char *b);

/* Where the agent is: $STILLFRAME_AGENT, or libexec/stillframe above the running code. free() it. */
SF_CHECKED struct sf_error *sf_pack_agent(char **ret_path);
/* The same for a script of tools/: $STILLFRAME_TOOLS, or libexec. */
SF_CHECKED struct sf_error *sf_pack_tool(const char *name, char **ret_path);

#endif

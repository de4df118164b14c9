/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_GUEST_GUEST_H
#define SF_GUEST_GUEST_H

/*
 * What runs inside a guest and is no PID 1: the public functions of stillframe/guest.h, and the worker processes and
 * cgroup files beneath them, which PID 1 uses too. Knows base and wire. Touches /sys/fs/cgroup, the switches of
 * /sys/devices/system/cpu, /proc/cmdline and PID 1's socket, and nothing of a host.
 */

#include "stillframe/guest.h"
#include "wire/rpc.h"

#define SF_GUEST_TOKEN "STILLFRAME_GUEST=1"
#define SF_CGROUP_ROOT "/sys/fs/cgroup"

/* A guest over any connection, wherever this runs. @connect as in wire/rpc.h. */
SF_CHECKED struct sf_error *sf_guest_new(sf_wire_connect_fn *connect, void *arg, struct sf_logger log,
					 const char *cgroup_root, struct sf_guest **ret);

/*
 * Has the host keep a frame called "failed" now, and waits for it: what failed has not been cleaned up yet. @why is the
 * frame's reason. There is no error to return: a frame that could not be had makes no failure worse.
 */
void sf_guest_keep_failure(struct sf_guest *guest, const char *why);

/* sf_guest_result() without a frame where it is not @ok. */
SF_CHECKED struct sf_error *sf_guest_tell_result(struct sf_guest *guest, const char *name, bool ok, const char *text);

/* Is @token one of the words of @cmdline? */
bool sf_guest_has_token(const char *cmdline, const char *token);

/* ---- cgroups; @root is SF_CGROUP_ROOT but in tests ---------------------------------------------- */

/* NULL and "" are the root. SF_USAGE for a path that could leave it. free() it. */
SF_CHECKED struct sf_error *sf_cgroup_path(const char *root, const char *cgroup, const char *file, char **ret);
SF_CHECKED struct sf_error *sf_cgroup_create(const char *root, const char *cgroup);
SF_CHECKED struct sf_error *sf_cgroup_write(const char *root, const char *cgroup, const char *file,
					    const char *value);

/* ---- CPUs; @root is SF_CPU_ROOT but in tests ---------------------------------------------------- */

#define SF_CPU_ROOT "/sys/devices/system/cpu"

/* As sf_guest_cpu_online(). */
SF_CHECKED struct sf_error *sf_cpu_set_online(const char *root, unsigned int cpu, bool online, uint64_t timeout_ns);

/* ---- workers ------------------------------------------------------------------------------------ */

/*
 * Starts one worker, which is in @cgroup before it works. It ends when it is killed or its parent dies. @close_fd (-1:
 * none) is closed in it. @ret is the process to kill and wait for; a pipe pair's second process dies with its first.
 */
SF_CHECKED struct sf_error *sf_worker_start(enum sf_worker what, const char *root, const char *cgroup, int close_fd,
					    pid_t *ret);

#endif

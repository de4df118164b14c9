/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_GUARDIAN_H
#define SF_VM_GUARDIAN_H

/*
 * The process between us and QEMU; what it is for stands in vm.h. It is a copy of the caller that never executes
 * anything else, so it does only what is safe in the child of a process with threads: system calls. It keeps three
 * fds (its end of the control socket, and the pidfds of us and of QEMU), has its own session, and ignores the signals
 * that a terminal or a service manager sends, since it is told by other means.
 */

#include "vm/vm.h"

struct sf_guard_spec {
	char *const *argv;      /* argv[0]: the program's path */
	const int *fds;         /* what it inherits, as fds 3, 4, ... */
	size_t n_fds;
	int out_fd;             /* its stdout and stderr; stdin is /dev/null */
	const char *socket_dir; /* made before it starts, removed with what is in it when it is gone; NULL: none */
	bool let_go;            /* when we are gone, leave it running */
};

struct sf_guard {
	pid_t pid;        /* the guardian */
	int pidfd;
	int control;      /* readable: it has something to say, or is gone */
	pid_t child;      /* the program */
	int child_pidfd;
	char *socket_dir;
	bool exited;      /* the program has; how: */
	bool status_known;
	bool signalled;
	int status;       /* exit status or signal */
};

#define SF_GUARD_NULL ((struct sf_guard){ .pidfd = -1, .control = -1, .child_pidfd = -1 })

/* SF_SYSTEM or SF_USAGE: nothing was started, nothing is left. */
SF_CHECKED struct sf_error *sf_guard_start(const struct sf_guard_spec *spec, uint64_t deadline, struct sf_guard *ret);

/* Takes what the guardian says, without waiting; updates `exited` and the rest. */
void sf_guard_update(struct sf_guard *guard);

/* Ends the program and the guardian and removes the directory. Returns when they are gone. */
void sf_guard_end(struct sf_guard *guard);

/* Removes @path and the files in it; system calls only. A directory in it stays, and so does @path then. */
void sf_guard_remove_dir(const char *path);

#endif

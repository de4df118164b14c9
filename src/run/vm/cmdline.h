/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_CMDLINE_H
#define SF_VM_CMDLINE_H

/* What QEMU is told. Pure: from a configuration to words. */

#include "vm/vm.h"

/* The fds that QEMU finds open, by number: the guardian puts them there. */
enum sf_vm_fd_number {
	SF_VM_FD_RAM = 3,
	SF_VM_FD_QMP,
	SF_VM_FD_SIDE_STOP, /* more QMP connections */
	SF_VM_FD_SIDE_REST,
	SF_VM_FD_BULK,
	SF_VM_FD_STATS,
	SF_VM_FD_END,
};

struct sf_cmdline {
	char **v; /* NULL-terminated */
	size_t n, cap;
	bool failed;
};

/* SF_USAGE: the configuration has what cannot be. @socket_dir need not exist yet. */
SF_CHECKED struct sf_error *sf_cmdline_build(const struct sf_vm_config *config, const char *socket_dir,
					     struct sf_cmdline *ret);
void sf_cmdline_clear(struct sf_cmdline *cmdline);
#define _cleanup_cmdline_ _cleanup_(sf_cmdline_clear)

/* As a shell would take it. NULL without memory. */
char *sf_cmdline_text(const struct sf_cmdline *cmdline);

/* Where q35 puts @size bytes of RAM under this command line. */
void sf_vm_ram_layout(uint64_t size, struct sf_vm_ram *ret);

uint32_t sf_vm_topology_cpus(const struct sf_vm_topology *t); /* 0: more than 4096 */

#endif

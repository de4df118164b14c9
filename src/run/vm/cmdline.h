/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_CMDLINE_H
#define SF_VM_CMDLINE_H

/* What QEMU is told. Pure: from a configuration to words. */

#include "vm/vm.h"

/* The fds that QEMU finds open, by number: the guardian puts them there. */
enum sf_vm_fd_number {
	SF_VM_FD_FIRST = 3,
	SF_VM_FD_QMP = SF_VM_FD_FIRST,
	SF_VM_FD_SIDE_STOP, /* more QMP connections */
	SF_VM_FD_SIDE_REST,
	SF_VM_FD_BULK,
	SF_VM_FD_STATS,
	SF_VM_FD_RAM,       /* the first of its files, the others follow */
	SF_VM_FD_END = SF_VM_FD_RAM + SF_VM_MAX_NODES,
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

/* Where q35 puts @size bytes of RAM of so many NUMA nodes under this command line; there are no files yet. */
void sf_vm_ram_layout(uint64_t size, uint32_t nodes, struct sf_vm_ram *ret);

uint32_t sf_vm_topology_llcs(const struct sf_topology *t); /* of all sockets */

#endif

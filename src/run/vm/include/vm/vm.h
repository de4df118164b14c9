/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_VM_VM_H
#define SF_VM_VM_H

/*
 * One QEMU: found, started, talked to, stopped, let go on, and ended whatever happens. It knows processes, QMP and
 * QEMU's command line; it knows nothing of kernels, of what goes over the ports, or of frames. It may use base/, and
 * from image/ the description of where guest RAM lies.
 *
 * Who owns what
 *  - `struct sf_vm` owns everything: the memfds that are the guest's RAM, our ends of the ports, the QMP connection, the
 *    log files, and the guardian. The fds that it shows stay its own: dup() what must live longer. sf_vm_free() ends
 *    QEMU, however it is doing, and returns when it is gone.
 *  - The guardian is a process between us and QEMU. It is QEMU's parent, holds its pidfd, made the socket directory,
 *    and watches us. When we are gone, however we went, it kills QEMU and removes the directory. When the guardian is
 *    killed, the kernel kills QEMU (PDEATHSIG: the guardian has one thread), and we remove the directory.
 *  - The socket directory (mode 0700) holds the sockets for others: `monitor.sock`, QEMU's human monitor, and
 *    `gdb.sock` where that was asked for. Our own channels are socket pairs that QEMU inherits: connected before it
 *    runs, nobody can take our place, and a guest that writes early loses nothing.
 *
 * Threads: one at a time per VM, any thread; a port's fd may be used by another. Nothing here installs a signal
 * handler or waits for children that are not its own, the guardian raises no SIGCHLD, and every fd is close-on-exec.
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC: sf_vm_clock() + SF_SECOND, or SF_NEVER.
 *
 * While the guest is stopped, nothing should be written to a port: QEMU copies what arrives into guest memory even
 * then.
 */

#include <time.h>

#include "base/error.h"
#include "image/image.h"
#include "stillframe/frame.h"
#include "stillframe/run.h"

#define SF_NEVER UINT64_MAX
#define SF_SECOND UINT64_C(1000000000)
#define SF_MILLISECOND UINT64_C(1000000)

static inline uint64_t sf_vm_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SF_SECOND + (uint64_t)t.tv_nsec;
}

/* ---- QEMU, and what runs the guest's instructions ----------------------------------------------- */

struct sf_qemu {
	char *path;       /* absolute */
	char *version;    /* "7.2.22", with the distribution's own if it says one */
	unsigned int major, minor, micro;
};

/*
 * Finds qemu-system-x86_64: @option if not NULL, else $STILLFRAME_QEMU, else PATH; and asks it for its version.
 * SF_USAGE: there is none, it is older than 7.2, or it is something else; says what was found and who packages it.
 */
SF_CHECKED struct sf_error *sf_qemu_find(const char *option, struct sf_qemu *ret);
void sf_qemu_clear(struct sf_qemu *qemu);
#define _cleanup_qemu_ _cleanup_(sf_qemu_clear)

enum sf_accel { SF_ACCEL_AUTO, SF_ACCEL_KVM, SF_ACCEL_TCG };

struct sf_accel_choice {
	enum sf_accel accel; /* KVM or TCG */
	char *why;           /* a sentence */
};

const char *sf_accel_name(enum sf_accel accel);

/*
 * What @want means here. AUTO is KVM only after @kernel has been seen to reach its init under it: a small guest is
 * booted for that (at most 10 s), and what came of it is remembered in the cache until the host reboots, or kernel or
 * QEMU change. KVM and TCG are taken at their word. @stop, if not NULL, is asked now and then; true gives up
 * (SF_DEADLINE).
 */
SF_CHECKED struct sf_error *sf_accel_choose(enum sf_accel want, const struct sf_qemu *qemu, const char *kernel,
					    const struct sf_logger *log, bool (*stop)(void *arg), void *arg,
					    struct sf_accel_choice *ret);
void sf_accel_choice_clear(struct sf_accel_choice *choice);

/* ---- life cycle ---------------------------------------------------------------------------------- */

struct sf_vm;

#define SF_VM_MAX_NODES 32

/*
 * "8", or "sockets=2,llcs=2,cores=2,threads=2,numa=2" in any order; what is not named stays 0. SF_USAGE says what is
 * allowed. Whether a guest can have it is sf_vm_topology_check()'s to say.
 */
SF_CHECKED struct sf_error *sf_vm_topology_parse(const char *text, struct sf_topology *ret);
/* SF_USAGE: no guest with @memory bytes can have it; names the limit. */
SF_CHECKED struct sf_error *sf_vm_topology_check(const struct sf_topology *t, uint64_t memory);
uint32_t sf_vm_topology_cpus(const struct sf_topology *t); /* 0: more than a guest can have */
char *sf_vm_topology_text(const struct sf_topology *t);    /* "4 CPUs (2 sockets x ...)"; free() it, NULL without memory */

enum sf_vm_port {
	SF_VM_PORT_BULK,  /* /dev/vport0p1, `stillframe-bulk` */
	SF_VM_PORT_STATS, /* /dev/vport0p2, `stillframe-stats` */
	SF_VM_N_PORTS,
};

struct sf_vm_config {
	const struct sf_qemu *qemu;
	enum sf_accel accel;    /* KVM or TCG */
	const char *kernel;     /* a bzImage, or an ELF kernel with a PVH note */
	const char *initrd;
	const char *append;     /* more words for the kernel's command line; NULL: none */
	const char *cpu;        /* QEMU's -cpu; NULL: host or max */
	const char *run_dir;    /* an existing directory: console.log, qmp.log and qemu.log go there */
	uint64_t memory;        /* bytes; a multiple of 1 MiB, at least 64 MiB */
	struct sf_topology topology;
	uint32_t tsc_khz;       /* of this machine, which a guest under TCG is told; 0: it has to find out */
	bool gdb;               /* QEMU's gdbstub listens on gdb.sock in the socket directory */
	const char *const *extra; /* more arguments for QEMU, NULL-terminated; NULL: none */
	struct sf_logger log;
	/* Each line that the guest prints, cleaned of control characters, NUL-terminated. Called from sf_vm_poll() and
	 * the calls that wait. */
	void (*on_line)(void *arg, const char *line, size_t len);
	void *on_line_arg;
};

/* How fast this machine's TSC counts; takes 10 ms. 0: it does not count evenly. */
uint32_t sf_vm_tsc_khz(void);

/*
 * Starts QEMU and returns when it answers; the guest is running by then. The config and what it points at need not
 * outlive the call, but for `log` and `on_line`'s arguments.
 * SF_USAGE: a file that is not there, or no kernel. SF_TRANSPORT: QEMU left, with the last lines that it wrote.
 */
SF_CHECKED struct sf_error *sf_vm_start(const struct sf_vm_config *config, uint64_t deadline, struct sf_vm **ret);
void sf_vm_free(struct sf_vm *vm); /* NULL is fine */
SF_DEFINE_CLEANUP(vm, sf_vm_free)

/* Each NUMA node's memory is a file of its own: QEMU before 8.1 cannot take a part of one. */
struct sf_vm_ram {
	uint64_t size;
	struct sf_ram_range ranges[SF_VM_MAX_NODES + 1]; /* by guest-physical address; a node's is cut where the hole is */
	size_t n;
	int fds[SF_VM_MAX_NODES]; /* sealed against shrinking and growing */
	uint64_t file_sizes[SF_VM_MAX_NODES];
	size_t n_files;
};
const struct sf_vm_ram *sf_vm_ram(const struct sf_vm *vm);

int sf_vm_port_fd(const struct sf_vm *vm, enum sf_vm_port port); /* a stream socket, non-blocking */
uint32_t sf_vm_n_cpus(const struct sf_vm *vm);
pid_t sf_vm_pid(const struct sf_vm *vm);
const char *sf_vm_socket_dir(const struct sf_vm *vm);
/* The command line that QEMU was started with, as a shell would take it but for the fds; of the VM. */
const char *sf_vm_command_line(const struct sf_vm *vm);

/* ---- what happens -------------------------------------------------------------------------------- */

enum sf_vm_event_type {
	SF_VM_EVENT_NONE,
	SF_VM_EVENT_STOPPED,   /* somebody else (at the monitor, in gdb) stopped the guest */
	SF_VM_EVENT_RESUMED,   /* and let it go on */
	/* The last one. The guest is stopped, its memory is as it left it, until sf_vm_free(). */
	SF_VM_EVENT_POWEROFF,
	SF_VM_EVENT_RESET,     /* it wanted to reboot, with no word of a panic */
	SF_VM_EVENT_PANIC,     /* the kernel panicked; text: its line */
	SF_VM_EVENT_FAULT,     /* QEMU or KVM gave up on the guest */
	SF_VM_EVENT_GONE,      /* there is no QEMU any more; text: how it ended and its last lines */
};

struct sf_vm_event {
	enum sf_vm_event_type type;
	uint64_t time;         /* when it was seen here */
	char text[1024];       /* a sentence, or lines */
};

const char *sf_vm_event_name(enum sf_vm_event_type type);

/*
 * Waits until something happened or @deadline, and looks at the console at least every 100 ms meanwhile. NONE in
 * @ret: the deadline passed. After a last event it is given again and again. The error is SF_TRANSPORT: QMP speaks
 * nonsense.
 */
SF_CHECKED struct sf_error *sf_vm_poll(struct sf_vm *vm, uint64_t deadline, struct sf_vm_event *ret);
/* For a loop of the caller's: readable when sf_vm_poll() with a deadline of 0 has something to look at. */
int sf_vm_fd(const struct sf_vm *vm);

/*
 * The console's last @lines lines, cleaned, of at most 64 KiB; free() it. Empty if nothing was printed.
 */
SF_CHECKED struct sf_error *sf_vm_console_tail(struct sf_vm *vm, size_t lines, char **ret);

/*
 * What a line of the console, or a message of the kernel's log, says that a kernel says only when something is wrong. The
 * words are the kernel's, at the beginning of its message; a program that writes to the console can say them too.
 */
enum sf_vm_trouble {
	SF_VM_NO_TROUBLE,
	SF_VM_SOFT_LOCKUP,      /* kernel/watchdog.c: a CPU that switches to no other task */
	SF_VM_HARD_LOCKUP,      /* kernel/watchdog.c: one that takes no interrupts */
	SF_VM_RCU_STALL,        /* kernel/rcu/tree_stall.h, tree_exp.h, tasks.h */
	SF_VM_HUNG_TASK,        /* kernel/hung_task.c */
	SF_VM_WORKQUEUE_LOCKUP, /* kernel/workqueue.c */
	SF_VM_N_TROUBLES,
};

enum sf_vm_trouble sf_vm_trouble(const char *line);

/* ---- stop and go --------------------------------------------------------------------------------- */

/*
 * Stops the guest. Returns when no vCPU executes any more, with the registers asked for: QEMU writes them down while
 * the caller copies. One stop at a time: SF_USAGE while stopped, or while a stop that missed its deadline is still being
 * undone. SF_DEADLINE: QEMU did not answer; it is told to let the guest go on when it can.
 * A guest that has ended is stopped already: fine.
 */
SF_CHECKED struct sf_error *sf_vm_stop(struct sf_vm *vm, uint64_t deadline);
/* The registers of the last stop, of @n vCPUs; asked for already, so this only waits. Also after sf_vm_cont(). */
SF_CHECKED struct sf_error *sf_vm_regs(struct sf_vm *vm, uint64_t deadline, struct sf_vcpu_regs *ret, size_t n);
/* Lets it go on and waits until it does. A guest that has ended stays as it is; sf_vm_poll() says so. */
SF_CHECKED struct sf_error *sf_vm_cont(struct sf_vm *vm, uint64_t deadline);
/* When the last stop was complete and the last cont had worked, by sf_vm_clock(); 0: never. */
uint64_t sf_vm_stopped_at(const struct sf_vm *vm);
uint64_t sf_vm_resumed_at(const struct sf_vm *vm);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cmdline.h"
#include "private.h"

/* A socket's path has room for 107 bytes; this leaves enough for our names. */
#define RUNTIME_DIR_MAX 60

void sf_vm_free(struct sf_vm *vm)
{
	if (!vm)
		return;
	sf_guard_end(&vm->guard);
	sf_qmp_free(vm->qmp);
	for (size_t i = 0; i < SF_VM_N_SIDES; i++)
		sf_qmp_free(vm->sides[i].qmp);
	sf_qmp_log_close(&vm->qmp_log);
	sf_json_unref(vm->regs);
	for (size_t i = 0; i < SF_VM_N_PORTS; i++)
		sf_cleanup_close(&vm->ports[i]);
	for (size_t i = 0; i < vm->ram.n_files; i++)
		sf_cleanup_close(&vm->ram.fds[i]);
	sf_cleanup_close(&vm->epoll_fd);
	sf_cleanup_close(&vm->qemu_log_fd);
	sf_cleanup_close(&vm->console.fd);
	free(vm->socket_dir);
	free(vm->command_line);
	free(vm);
}

static struct sf_error *open_input(const char *what, const char *path, int *ret)
{
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;

	if (!path)
		return sf_error_new(SF_USAGE, "%s: none was named", what);
	if (fd < 0)
		return sf_error_new(SF_USAGE, "%s %s: %s", what, path, strerror(errno));
	if (fstat(fd, &st))
		return sf_error_sys(errno, "%s %s", what, path);
	if (!S_ISREG(st.st_mode))
		return sf_error_new(SF_USAGE, "%s %s: not a regular file", what, path);
	*ret = steal_fd(&fd);
	return NULL;
}

/* QEMU says what it thinks of a wrong file only in words, and late. */
static struct sf_error *check_kernel(const char *path)
{
	_cleanup_close_ int fd = -1;
	uint8_t head[0x206] = { 0 };

	SF_TRY(open_input("kernel", path, &fd));
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n < 0)
		return sf_error_sys(errno, "kernel %s", path);
	/* The boot protocol's header: Documentation/arch/x86/boot.rst. */
	if ((size_t)n == sizeof(head) && sf_load16(head + 0x1fe) == 0xaa55 && !memcmp(head + 0x202, "HdrS", 4))
		return NULL;
	if ((size_t)n >= sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG) && head[EI_CLASS] == ELFCLASS64 &&
	    sf_load16(head + offsetof(Elf64_Ehdr, e_type)) == ET_EXEC &&
	    sf_load16(head + offsetof(Elf64_Ehdr, e_machine)) == EM_X86_64)
		return NULL;
	return sf_error_new(SF_USAGE,
			    "kernel %s: not an x86-64 Linux kernel (neither a bzImage such as vmlinuz, nor an ELF "
			    "vmlinux)", path);
}

static struct sf_error *check_files(const struct sf_vm_config *config)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	SF_TRY(check_kernel(config->kernel));
	if (config->initrd)
		SF_TRY(open_input("initramfs", config->initrd, &fd));
	if (!config->run_dir || stat(config->run_dir, &st) || !S_ISDIR(st.st_mode))
		return sf_error_new(SF_USAGE, "run directory %s: not a directory",
				    config->run_dir ? config->run_dir : "");
	return NULL;
}

static struct sf_error *make_ram_file(uint64_t size, int *ret)
{
	_cleanup_close_ int fd = memfd_create("stillframe-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return sf_error_sys(errno, "memory for the guest");
	if (ftruncate(fd, (off_t)size))
		return sf_error_sys(errno, "%" PRIu64 " MiB of memory for the guest", size >> 20);
	/* Whatever becomes of QEMU, a load from the mapping never faults. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return sf_error_sys(errno, "memory for the guest");
	*ret = steal_fd(&fd);
	return NULL;
}

static struct sf_error *make_ram(uint64_t size, uint32_t nodes, struct sf_vm_ram *ram)
{
	sf_vm_ram_layout(size, nodes, ram);
	for (size_t i = 0; i < ram->n_files; i++)
		SF_TRY(make_ram_file(ram->file_sizes[i], &ram->fds[i]));
	return NULL;
}

/* KVM's own limit is far above ours where it is not set lower on purpose. */
static struct sf_error *check_kvm_cpus(uint32_t n_cpus)
{
	_cleanup_close_ int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int max = fd < 0 ? -1 : ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if (max > 0 && n_cpus > (uint32_t)max)
		return sf_error_new(SF_USAGE, "topology: %" PRIu32 " CPUs; KVM on this host gives a guest at most %d",
				    n_cpus, max);
	return NULL;
}

static struct sf_error *make_socket_dir_name(char **ret)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	uint64_t number;

	if (!base || base[0] != '/' || strlen(base) > RUNTIME_DIR_MAX || access(base, W_OK | X_OK))
		base = "/tmp";
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sf_error_sys(errno, "socket directory");
	char *name = sf_asprintf("%s/stillframe-%d-%012" PRIx64, base, (int)getpid(), number & 0xffffffffffff);

	if (!name)
		return sf_error_nomem();
	*ret = name;
	return NULL;
}

static struct sf_error *open_log(const char *dir, const char *name, int flags, int *ret)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, name);

	if (!path)
		return sf_error_nomem();
	int fd = open(path, O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return sf_error_sys(errno, "%s", path);
	*ret = fd;
	return NULL;
}

static struct sf_error *watch_fd(struct sf_vm *vm, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(vm->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return sf_error_sys(errno, "epoll");
	return NULL;
}

/* What QEMU inherits, in the order of enum sf_vm_fd_number. The RAM is the VM's own. */
struct far_ends {
	int fds[SF_VM_FD_END - SF_VM_FD_FIRST];
};

static void far_ends_close(struct far_ends *far)
{
	for (size_t i = 0; i < SF_VM_FD_RAM - SF_VM_FD_FIRST; i++)
		sf_cleanup_close(&far->fds[i]);
}

static struct sf_error *make_channel(struct far_ends *far, enum sf_vm_fd_number number, int *ret)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return sf_error_sys(errno, "a channel to QEMU");
	far->fds[number - SF_VM_FD_FIRST] = pair[1];
	*ret = pair[0];
	return NULL;
}

static struct sf_error *make_port(struct far_ends *far, enum sf_vm_fd_number number, int *ret)
{
	SF_TRY(make_channel(far, number, ret));
	/* Not the far end: QEMU's flags are its own affair. */
	if (fcntl(*ret, F_SETFL, O_NONBLOCK))
		return sf_error_sys(errno, "a channel to QEMU");
	return NULL;
}

static struct sf_error *make_qmp(struct sf_vm *vm, struct far_ends *far, enum sf_vm_fd_number number, bool side,
				 struct sf_qmp **ret)
{
	int fd;

	SF_TRY(make_channel(far, number, &fd));
	return sf_qmp_new(fd, side, &vm->qmp_log, &vm->log, ret);
}

static struct sf_error *launch(struct sf_vm *vm, const struct sf_vm_config *config, uint64_t deadline)
{
	_cleanup_(far_ends_close) struct far_ends far;
	_cleanup_cmdline_ struct sf_cmdline cmdline = { 0 };

	memset(far.fds, -1, sizeof(far.fds));
	SF_TRY(make_ram(config->memory, sf_max(config->topology.numa, 1u), &vm->ram));
	memcpy(far.fds + SF_VM_FD_RAM - SF_VM_FD_FIRST, vm->ram.fds, vm->ram.n_files * sizeof(vm->ram.fds[0]));
	SF_TRY(open_log(config->run_dir, "console.log", O_RDWR, &vm->console.fd));
	SF_TRY(open_log(config->run_dir, "qemu.log", O_RDWR, &vm->qemu_log_fd));
	SF_TRY(open_log(config->run_dir, "qmp.log", O_WRONLY, &vm->qmp_log.fd));
	SF_TRY(make_socket_dir_name(&vm->socket_dir));
	SF_TRY(sf_cmdline_build(config, vm->socket_dir, &cmdline));
	vm->command_line = sf_cmdline_text(&cmdline);
	if (!vm->command_line)
		return sf_error_nomem();
	vm->qmp_log.epoch = sf_vm_clock();
	SF_TRY(make_port(&far, SF_VM_FD_BULK, &vm->ports[SF_VM_PORT_BULK]));
	SF_TRY(make_port(&far, SF_VM_FD_STATS, &vm->ports[SF_VM_PORT_STATS]));
	SF_TRY(make_qmp(vm, &far, SF_VM_FD_QMP, false, &vm->qmp));
	SF_TRY(make_qmp(vm, &far, SF_VM_FD_SIDE_STOP, true, &vm->sides[SF_VM_SIDE_STOP].qmp));
	SF_TRY(make_qmp(vm, &far, SF_VM_FD_SIDE_REST, true, &vm->sides[SF_VM_SIDE_REST].qmp));
	const struct sf_guard_spec spec = {
		.argv = cmdline.v, .fds = far.fds, .n_fds = SF_VM_FD_RAM - SF_VM_FD_FIRST + vm->ram.n_files,
		.out_fd = vm->qemu_log_fd, .socket_dir = vm->socket_dir,
	};

	SF_TRY(sf_guard_start(&spec, deadline, &vm->guard));
	SF_TRY(watch_fd(vm, vm->guard.control));
	return watch_fd(vm, sf_qmp_fd(vm->qmp));
}

/* QEMU is ready, or has told why not. */
static struct sf_error *await_ready(struct sf_vm *vm, uint64_t deadline)
{
	struct sf_error *err = sf_qmp_hello(vm->qmp, deadline);

	/* QMP tells no events before that, and a guest can have ended by now. */
	if (!err)
		err = sf_vm_ask_status(vm);
	for (size_t i = 0; !err && i < SF_VM_N_SIDES; i++)
		err = sf_qmp_hello(vm->sides[i].qmp, deadline);
	if (!err)
		err = sf_vm_freeze_init(vm, deadline);
	if (!err)
		return NULL;
	if (sf_error_code(err) == SF_DEADLINE)
		return err;
	err = sf_vm_broken(vm, err);
	return err ? err : sf_error_new(SF_TRANSPORT, "QEMU did not start: %s", vm->last.text);
}

struct sf_error *sf_vm_start(const struct sf_vm_config *config, uint64_t deadline, struct sf_vm **ret)
{
	SF_TRY(check_files(config));
	/* The layout of RAM relies on it. */
	SF_TRY(sf_vm_topology_check(&config->topology, config->memory));
	if (config->accel == SF_ACCEL_KVM)
		SF_TRY(check_kvm_cpus(sf_vm_topology_cpus(&config->topology)));
	SF_OWNED(vm) vm = calloc(1, sizeof(*vm));

	if (!vm)
		return sf_error_nomem();
	vm->epoll_fd = vm->qemu_log_fd = vm->console.fd = vm->qmp_log.fd = -1;
	vm->ports[SF_VM_PORT_BULK] = vm->ports[SF_VM_PORT_STATS] = -1;
	vm->guard = SF_GUARD_NULL;
	vm->log = config->log;
	vm->on_line = config->on_line;
	vm->on_line_arg = config->on_line_arg;
	vm->n_cpus = sf_vm_topology_cpus(&config->topology);
	vm->running = true;
	vm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (vm->epoll_fd < 0)
		return sf_error_sys(errno, "epoll");
	SF_TRY(launch(vm, config, deadline));
	sf_log(&vm->log, SF_LOG_DEBUG, "%s", vm->command_line);
	SF_TRY(await_ready(vm, deadline));
	*ret = steal_ptr(&vm);
	return NULL;
}

const struct sf_vm_ram *sf_vm_ram(const struct sf_vm *vm)
{
	return &vm->ram;
}

int sf_vm_port_fd(const struct sf_vm *vm, enum sf_vm_port port)
{
	return vm->ports[port];
}

uint32_t sf_vm_n_cpus(const struct sf_vm *vm)
{
	return vm->n_cpus;
}

pid_t sf_vm_pid(const struct sf_vm *vm)
{
	return vm->guard.child;
}

const char *sf_vm_socket_dir(const struct sf_vm *vm)
{
	return vm->socket_dir;
}

const char *sf_vm_command_line(const struct sf_vm *vm)
{
	return vm->command_line;
}

int sf_vm_fd(const struct sf_vm *vm)
{
	return vm->epoll_fd;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "agent.h"
#include "base/file.h"
#include "guest/guest.h"

static const struct {
	const char *type, *at;
	bool needed;
} mounts[] = {
	{ "proc", "/proc", true },
	{ "sysfs", "/sys", true },
	{ "devtmpfs", "/dev", true },
	{ "tmpfs", "/run", true },
	{ "cgroup2", "/sys/fs/cgroup", true },
	{ "bpf", "/sys/fs/bpf", false },
	{ "debugfs", "/sys/kernel/debug", false },
	{ "tracefs", "/sys/kernel/tracing", false },
};

struct sf_error *boot_mount(void)
{
	static const char *const controllers[] = { "+cpu", "+cpuset", "+memory", "+pids" };

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].at, 0755);
		/* EBUSY: whoever made the initramfs has mounted it. */
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, NULL) && errno != EBUSY && mounts[i].needed)
			return sf_error_sys(errno, "mounting %s at %s", mounts[i].type, mounts[i].at);
	}
	mkdir("/tmp", 01777); /* of the initramfs: what lies below it on the host may have been brought along */
	/* A cgroup has the files of a controller only when its parent hands it on; a kernel may lack one. */
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		sf_error_free(sf_cgroup_write(SF_CGROUP_ROOT, NULL, "cgroup.subtree_control", controllers[i]));
	return NULL;
}

/* Descriptors 0 to 2 must be something: children inherit them. The kernel opens none when there is no /dev/console. */
void boot_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; i <= 2; i++)
		if (fd >= 0 && fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void console(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t len = sf_min((size_t)n, sizeof(text) - 2);

	text[len++] = '\n';
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

void boot_kernel_facts(bool *btf, bool *sched_ext)
{
	*btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	*sched_ext = !access("/sys/kernel/sched_ext/state", R_OK);
}

/* "0x1234 1024": physical address and size of the note (kernel/ksysfs.c). */
static void read_vmcoreinfo(struct sf_wire_message *m)
{
	_cleanup_free_ char *text = NULL;
	char *end;
	size_t len;
	SF_OWNED(error) err = sf_file_get("/sys/kernel/vmcoreinfo", 4096, &text, &len);

	if (err)
		return;
	m->vmcoreinfo = strtoull(text, &end, 16);
	m->vmcoreinfo_size = strtoull(end, NULL, 16);
}

void boot_hello(struct agent *agent)
{
	struct sf_wire_message m = SF_WIRE_MESSAGE(SF_WIRE_HELO);
	struct utsname uts;

	if (!uname(&uts))
		m.release = uts.release;
	m.protocol = SF_WIRE_PROTOCOL;
	m.cpus = (uint64_t)sf_max(get_nprocs(), 1);
	boot_kernel_facts(&m.btf, &m.sched_ext);
	read_vmcoreinfo(&m);
	agent_say(agent, &m);
}

void boot_modules(struct agent *agent)
{
	for (size_t i = 0; i < agent->config.n_modules; i++) {
		const char *path = agent->config.modules[i];
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			agent_event(agent, "module-failed", "%s: %s", path, strerror(errno));
	}
}

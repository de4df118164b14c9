/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <time.h>

#include "base/file.h"
#include "guest/guest.h"

/*
 * CPUs that come and go. The write returns when the kernel is done (online_store() in drivers/base/core.c), but what it
 * did is only believed once the file says so.
 */

#define LOOK_NS 5000000 /* between two looks at the file */

/* The file's first line, without its end; "" if it cannot be read. */
static void read_line(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[sf_max(n, (ssize_t)0)] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* CPU @cpu has no switch. */
static struct sf_error *no_switch(const char *root, unsigned int cpu, bool online)
{
	_cleanup_free_ char *dir = sf_asprintf("%s/cpu%u", root, cpu), *list = sf_asprintf("%s/present", root);
	char present[256];

	if (!dir || !list)
		return sf_error_nomem();
	if (access(dir, F_OK)) {
		read_line(list, present, sizeof(present));
		return sf_error_new(SF_NOT_FOUND, "there is no CPU %u; the guest has %s", cpu,
				    present[0] ? present : "none");
	}
	/* A CPU without one is always online. */
	if (online)
		return NULL;
	return sf_error_new(SF_USAGE, "CPU %u cannot go offline: the kernel gives it no switch (%s/online)%s", cpu, dir,
			    cpu ? "" : ", and CPU 0 none since Linux 6.5");
}

static struct sf_error *await(const char *path, unsigned int cpu, bool online, uint64_t timeout_ns)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	uint64_t now = sf_wire_now(), end = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
	char seen[16];

	for (;;) {
		read_line(path, seen, sizeof(seen));
		if (!strcmp(seen, online ? "1" : "0"))
			return NULL;
		if (sf_wire_now() >= end)
			return sf_error_new(SF_DEADLINE, "the kernel took the order to take CPU %u %s, but %s still says "
					    "\"%s\"", cpu, online ? "online" : "offline", path, seen);
		nanosleep(&pause, NULL);
	}
}

struct sf_error *sf_cpu_set_online(const char *root, unsigned int cpu, bool online, uint64_t timeout_ns)
{
	_cleanup_free_ char *path = sf_asprintf("%s/cpu%u/online", root, cpu);
	_cleanup_close_ int fd = -1;

	if (!path)
		return sf_error_nomem();
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return no_switch(root, cpu, online);
	if (fd < 0)
		return sf_error_sys(errno, "opening %s", path);
	if (write(fd, online ? "1" : "0", 1) != 1)
		return sf_error_sys(errno, "the kernel does not take CPU %u %s", cpu, online ? "online" : "offline");
	return await(path, cpu, online, timeout_ns);
}

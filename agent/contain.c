/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "agent.h"
#include "base/file.h"
#include "guest/guest.h"

/*
 * A scheduler's program is root in its guest, and may be wrong in any way. What would take the guest away from the
 * others is bounded: processes by a cgroup, files by the size of what can be written to, and the machine's own switch is
 * out of reach. Memory is not: the kernel kills who takes most of it, which is never PID 1. Beyond that (a program that
 * crashes the kernel on purpose) the run's end says what happened.
 */

#define CGROUP "stillframe.scheduler"
#define RUN_SIZE "size=10%,mode=0755"
#define DEV_SIZE "size=4m,mode=0755"

/* Of a "NAME VALUE" line of @path; 0 when there is none. */
static uint64_t counter(const char *path, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t len, n = strlen(name);
	SF_OWNED(error) err = sf_file_get(path, 65536, &text, &len);

	for (char *line = err ? NULL : text; line && *line; line = strchr(line, '\n'), line += !!line)
		if (!strncmp(line, name, n) && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
	return 0;
}

static uint64_t oom_kills(void)
{
	return counter("/proc/vmstat", "oom_kill");
}

void contain_begin(struct agent *agent)
{
	char max[32];

	agent->oom_kills = oom_kills();
	/* The initramfs is a tmpfs of half the memory; these are others, which are for us. */
	mount(NULL, "/run", NULL, MS_REMOUNT, RUN_SIZE);
	mount(NULL, "/dev", NULL, MS_REMOUNT, DEV_SIZE);
	snprintf(max, sizeof(max), "%d", CONTAIN_MAX_PROCESSES);
	/* Without this it works as well, for a program that is kind. */
	SF_OWNED(error) err = sf_cgroup_create(SF_CGROUP_ROOT, CGROUP);

	if (!err)
		err = sf_cgroup_write(SF_CGROUP_ROOT, CGROUP, "pids.max", max);
	agent->cgroup_fd = err ? -1 : open(SF_CGROUP_ROOT "/" CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (agent->cgroup_fd < 0)
		agent_event(agent, "warning", "the scheduler's processes are not counted: %s",
			    err ? sf_error_message(err) : strerror(errno));
}

/* A process moves into a cgroup at once only when it is made there: later it waits for all others. */
pid_t contain_fork(struct agent *agent)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)agent->cgroup_fd,
	};
	pid_t pid = agent->cgroup_fd < 0 ? -1 : (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		pid = fork();
	/* Power-off and reboot: the host could not tell them from a run that was lost. */
	if (!pid)
		prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0);
	return pid;
}

bool contain_out_of_memory(const struct agent *agent)
{
	return oom_kills() > agent->oom_kills;
}

static void bad(struct agent *agent, const char *text)
{
	struct sf_wire_message m = { .type = SF_WIRE_RSLT, .name = "scheduler", .ok = false, .text = text };

	agent_say(agent, &m);
}

void contain_tell(struct agent *agent)
{
	uint64_t killed = oom_kills() - agent->oom_kills;
	char text[256];

	if (agent->config.sched != SCHED_PROGRAM)
		return;
	if (counter(SF_CGROUP_ROOT "/" CGROUP "/pids.events", "max")) {
		snprintf(text, sizeof(text), "its processes came to the limit of %d, and more were refused",
			 CONTAIN_MAX_PROCESSES);
		bad(agent, text);
	}
	if (killed) {
		snprintf(text, sizeof(text), "the guest ran out of memory, and the kernel killed %llu process%s",
			 (unsigned long long)killed, killed == 1 ? "" : "es");
		bad(agent, text);
	}
	if (agent->workers_lost && !killed) {
		snprintf(text, sizeof(text), "%zu worker%s of the run ended before their time", agent->workers_lost,
			 agent->workers_lost == 1 ? "" : "s");
		bad(agent, text);
	}
}

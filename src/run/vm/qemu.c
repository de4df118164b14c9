/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "console.h"

#define PROGRAM "qemu-system-x86_64"
#define OLDEST_MAJOR 7
#define OLDEST_MINOR 2
#define VERSION_DEADLINE (5 * SF_SECOND)
#define WHERE_FROM "Debian's package is qemu-system-x86"

extern char **environ;

void sf_qemu_clear(struct sf_qemu *qemu)
{
	free(qemu->path);
	free(qemu->version);
	*qemu = (struct sf_qemu){ 0 };
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* @name as an absolute path, sought in PATH if it has no slash. NULL: not there. */
static struct sf_error *resolve(const char *name, char **ret)
{
	const char *dirs = getenv("PATH");

	*ret = NULL;
	if (strchr(name, '/')) {
		*ret = is_program(name) ? realpath(name, NULL) : NULL;
		return NULL;
	}
	for (const char *dir = dirs ? dirs : "/usr/bin:/bin"; dir && !*ret;) {
		size_t len = strcspn(dir, ":");
		_cleanup_free_ char *path = sf_asprintf("%.*s/%s", (int)(len ? len : 1), len ? dir : ".", name);

		if (!path)
			return sf_error_nomem();
		if (is_program(path))
			*ret = realpath(path, NULL);
		dir = dir[len] ? dir + len + 1 : NULL;
	}
	return NULL;
}

static struct sf_error *spawn_version(const char *path, int out_fd, pid_t *ret)
{
	char *argv[] = { (char *)path, (char *)"--version", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions))
		return sf_error_nomem();
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&actions);
		return sf_error_nomem();
	}
	err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	err = err ? err : posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
	err = err ? err : posix_spawn_file_actions_adddup2(&actions, out_fd, 2);
	err = err ? err : posix_spawnattr_setsigmask(&attr, &none);
	err = err ? err : posix_spawnattr_setsigdefault(&attr, &all);
	err = err ? err : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = err ? err : posix_spawn(ret, path, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return sf_error_new(SF_USAGE, "cannot execute %s: %s", path, strerror(err));
	return NULL;
}

/* The beginning of what "@path --version" prints; whatever it is, it has five seconds. */
static struct sf_error *ask_version(const char *path, char *buf, size_t size)
{
	uint64_t deadline = sf_vm_clock() + VERSION_DEADLINE;
	_cleanup_close_ int out = -1;
	size_t len = 0;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return sf_error_sys(errno, "asking %s for its version", path);
	out = fds[0];
	struct sf_error *err = spawn_version(path, fds[1], &pid);

	close(fds[1]);
	if (err)
		return err;
	while (len + 1 < size) {
		struct pollfd pfd = { .fd = out, .events = POLLIN };
		uint64_t now = sf_vm_clock();

		if (now >= deadline || poll(&pfd, 1, (int)((deadline - now) / SF_MILLISECOND + 1)) <= 0)
			break;
		ssize_t n = read(out, buf + len, size - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	/* Whoever still writes has said enough. */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return NULL;
}

static struct sf_error *parse_version(const char *path, char *text, struct sf_qemu *ret)
{
	static const char lead[] = "QEMU emulator version ";
	unsigned int major, minor, micro = 0;

	text[strcspn(text, "\n")] = '\0';
	text[sf_console_clean(text, strlen(text), text)] = '\0';
	if (strncmp(text, lead, strlen(lead)) || sscanf(text + strlen(lead), "%u.%u.%u", &major, &minor, &micro) < 2)
		return sf_error_new(SF_USAGE, "%s is not QEMU: asked for its version it says \"%.100s\"; " WHERE_FROM,
				    path, text);
	const char *version = text + strlen(lead);

	if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR))
		return sf_error_new(SF_USAGE, "%s is QEMU %s; 7.2 or newer is needed (" WHERE_FROM ")", path, version);
	struct sf_qemu qemu = { .version = strdup(version), .major = major, .minor = minor, .micro = micro };

	if (!qemu.version)
		return sf_error_nomem();
	*ret = qemu;
	return NULL;
}

struct sf_error *sf_qemu_find(const char *option, struct sf_qemu *ret)
{
	const char *variable = getenv("STILLFRAME_QEMU");
	const char *name = option ? option : variable && *variable ? variable : PROGRAM;
	_cleanup_free_ char *path = NULL;
	char text[512];
	struct sf_qemu qemu;

	SF_TRY(resolve(name, &path));
	if (!path && (option || name == variable))
		return sf_error_new(SF_USAGE, "QEMU: %s is no program%s; " WHERE_FROM, name,
				    option ? "" : " (STILLFRAME_QEMU names it)");
	if (!path)
		return sf_error_new(SF_USAGE, "QEMU: there is no " PROGRAM " in PATH; " WHERE_FROM
				    ", and STILLFRAME_QEMU can name another");
	SF_TRY(ask_version(path, text, sizeof(text)));
	SF_TRY(parse_version(path, text, &qemu));
	qemu.path = steal_ptr(&path);
	*ret = qemu;
	return NULL;
}

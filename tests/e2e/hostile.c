/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scheduler program that nobody would write: it attaches the object that it is given (or does not) and then does what
 * its first argument says. The test that runs it is hostile.sh.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

#define FLOOD (128u << 20) /* bytes: many times what the agent sends on */

static struct bpf_object *object_;
static struct bpf_link *link_;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void attach(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!obj || bpf_object__load(obj))
		die(path);
	object_ = obj;
	bpf_object__for_each_map(map, obj) {
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			link_ = bpf_map__attach_struct_ops(map);
	}
	if (!link_)
		die("attaching");
}

static void rest(void)
{
	for (;;)
		pause();
}

/* ---- before it is attached -------------------------------------------------------------------------------------- */

static void leave_a_child(int generations)
{
	for (; generations; generations--) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid)
			exit(0);
		setsid();
	}
}

static void say_in_the_end(void)
{
	fprintf(stderr, "no such device: cannot go on\n");
	exit(3);
}

static void crash(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

static void ignore_signals(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/* ---- when it is ------------------------------------------------------------------------------------------------- */

/* As fast as it goes, half of it to each stream. */
static void print_much(void)
{
	static char text[1 << 16];

	memset(text, 'x', sizeof(text));
	for (size_t i = 63; i < sizeof(text); i += 64)
		text[i] = '\n';
	for (size_t i = 0; i < FLOOD / sizeof(text); i++)
		if (write(1 + (int)(i % 2), text, sizeof(text)) < 0)
			die("write");
	exit(7);
}

static void print_rubbish(void)
{
	static const char rubbish[] = "\033]0;title\007\033[2J\033[31mred \377\376\200 \0 nul\r\n";
	static char line[1 << 20];

	memset(line, 'y', sizeof(line));
	if (write(2, line, sizeof(line)) < 0 || write(2, "\n", 1) < 0 ||
	    write(2, rubbish, sizeof(rubbish) - 1) < 0 || write(1, rubbish, sizeof(rubbish) - 1) < 0)
		die("write");
	/* Without a newline at its end. */
	if (write(2, line, 100) < 0)
		die("write");
}

static void fill(const char *path)
{
	static char data[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	size_t n = 0;

	if (fd < 0)
		die(path);
	while (write(fd, data, sizeof(data)) > 0)
		n++;
	fprintf(stderr, "%s: %s after %zu MiB\n", path, strerror(errno), n);
}

static void fill_disks(void)
{
	fill("/full");
	fill("/tmp/full");
	fill("/run/full");
	fill("/dev/full-of-it");
	exit(4);
}

static void eat_memory(void)
{
	size_t step = 16u << 20;

	for (;;) {
		char *p = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			continue;
		memset(p, 1, step);
	}
}

/* All fork until they cannot; then the first takes the scheduler out, whose link the others hold as well. */
static void fork_bomb(void)
{
	pid_t first = getpid();

	while (fork() >= 0)
		;
	if (getpid() != first)
		return;
	perror("fork");
	if (bpf_link__detach(link_))
		die("detach");
	exit(5);
}

static void kill_all(void)
{
	usleep(300000);

	int failed = kill(-1, SIGKILL);

	fprintf(stderr, "kill -9 -1: %s\n", failed ? strerror(errno) : "done");
	exit(6);
}

static void try_reboot(void)
{
	static const int ways[] = { LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_HALT };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		fprintf(stderr, "reboot: %s\n", reboot(ways[i]) ? strerror(errno) : "done");
}

static void write_sysrq(const char *key)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd < 0 || write(fd, key, 1) != 1)
		die("sysrq");
}

static void come_again(const char *path)
{
	bpf_link__destroy(link_);
	bpf_object__close(object_);
	usleep(300000);
	attach(path);
}

/* What needs no guest of its own: none of it is anybody's business. */
static void be_odd(const char *self)
{
	print_rubbish();
	try_reboot();
	if (chdir("/proc") || unlink(self) || close(0) || close(1))
		die(self);
	signal(SIGCHLD, SIG_IGN);
	errno = 0;
	if (nice(19) == -1 && errno)
		die("nice");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "", *object = argc > 2 ? argv[2] : NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(how, "leave"))
		return 0;
	if (!strcmp(how, "fail"))
		say_in_the_end();
	if (!strcmp(how, "crash"))
		crash();
	if (!strcmp(how, "stop-early"))
		raise(SIGSTOP);
	if (!strcmp(how, "daemon"))
		leave_a_child(2);
	if (!strcmp(how, "daemon"))
		ignore_signals();
	if (!object)
		return 2;
	attach(object);
	if (!strcmp(how, "print"))
		print_much();
	else if (!strcmp(how, "odd"))
		be_odd(argv[0]);
	else if (!strcmp(how, "fill"))
		fill_disks();
	else if (!strcmp(how, "memory"))
		eat_memory();
	else if (!strcmp(how, "fork"))
		fork_bomb();
	else if (!strcmp(how, "kill"))
		kill_all();
	else if (!strcmp(how, "sysrq"))
		write_sysrq("c");
	else if (!strcmp(how, "again"))
		come_again(object);
	else if (!strcmp(how, "stop"))
		raise(SIGSTOP);
	else if (!strcmp(how, "crash-late"))
		crash();
	rest();
}

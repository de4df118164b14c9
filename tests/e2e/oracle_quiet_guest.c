/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fills the quiet maps and tells the host what the kernel says is in them: libbpf loads them, everything else is
 * system calls. Owners of local storage are made here, too, and live until this process ends.
 */

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stillframe/guest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/text.h"
#include "oracle.h"
#include "oracle_quiet.h"

#define MAX_OWNERS 16
#define N_TASKS 10
#define THREAD_PIDFD O_EXCL /* PIDFD_THREAD of include/uapi/linux/pidfd.h */

struct owner {
	int fd;
	char *text;
};

struct owners {
	struct owner v[MAX_OWNERS];
	uint32_t n;
};

struct quiet {
	struct bpf_object *object;
	uint64_t seed;
	uint32_t n_cpus;
	struct owners owners[QUIET_SOCKS - QUIET_TASKS + 1];
	struct sf_text *raw; /* of each map, as it was told */
};

static struct owners *owners_of(struct quiet *q, enum quiet_keys keys)
{
	return &q->owners[keys - QUIET_TASKS];
}

static void __attribute__((format(printf, 3, 4))) add_owner(struct owners *o, int fd, const char *fmt, ...)
{
	struct sf_text text = { 0 };
	char buf[QUIET_KEY_TEXT];
	va_list ap;

	if (fd < 0 || o->n == MAX_OWNERS)
		return;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	sf_text_put(&text, buf);
	o->v[o->n++] = (struct owner){ fd, sf_text_take(&text) };
}

/* ---- tasks ------------------------------------------------------------------------------------------------------ */

static void add_task(struct owners *o, pid_t pid, pid_t tgid, unsigned int flags, const char *comm)
{
	add_owner(o, (int)syscall(SYS_pidfd_open, pid, flags), QUIET_TASK, pid, tgid, comm);
}

static void sleep_as(const char *comm)
{
	prctl(PR_SET_NAME, comm);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int ready[2];

static void *thread(void *ret_tid)
{
	prctl(PR_SET_NAME, "q thread");
	*(pid_t *)ret_tid = (pid_t)syscall(SYS_gettid);
	if (write(ready[1], "", 1) != 1)
		return NULL;
	for (;;)
		pause();
}

static void make_tasks(struct owners *o)
{
	static const char *const comms[] = {
		"q", "q plain", "q \"quoted\"", "q\\slash\\", "q_fifteen_chars", "q\xc3\xa9t\xc3\xa9",
	};
	pthread_t id;
	pid_t tid = 0;
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return;
	for (size_t i = 0; i < N_TASKS; i++) {
		const char *comm = comms[i % ARRAY_SIZE(comms)];
		pid_t pid = fork();

		if (!pid) {
			sleep_as(comm);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		if (pid > 0 && read(ready[0], &byte, 1) == 1)
			add_task(o, pid, pid, 0, comm);
	}
	if (!pthread_create(&id, NULL, thread, &tid) && read(ready[0], &byte, 1) == 1)
		add_task(o, tid, getpid(), THREAD_PIDFD, "q thread");
}

/* ---- cgroups, files, sockets ------------------------------------------------------------------------------------ */

static void add_cgroup(struct owners *o, const char *path)
{
	_cleanup_free_ char *at = sf_asprintf("/sys/fs/cgroup%s", path);
	struct stat st;

	if (!at)
		return;
	mkdir(at, 0755);
	if (!stat(at, &st))
		add_owner(o, open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC), QUIET_CGROUP, (unsigned long long)st.st_ino,
			  path);
}

static void make_cgroups(struct owners *o)
{
	struct sf_text deep = { 0 };

	add_cgroup(o, "/");
	add_cgroup(o, "/q");
	add_cgroup(o, "/q/a");
	add_cgroup(o, "/q/a/b");
	add_cgroup(o, "/q/a/b/c");
	add_cgroup(o, "/q/with \"quotes\" and \\");
	sf_text_put(&deep, "/q");
	for (int i = 0; i < 5; i++) {
		sf_text_putf(&deep, "/%d-%0180d", i, 7);
		add_cgroup(o, deep.v);
	}
	free(deep.v);
}

/* A number is an inode's only within its file system: one that is there already would say nothing. */
static void add_file(struct owners *o, int fd)
{
	char text[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return;
	snprintf(text, sizeof(text), QUIET_INODE, (unsigned long long)st.st_ino);
	for (uint32_t i = 0; i < o->n; i++)
		if (o->v[i].text && !strcmp(o->v[i].text, text))
			return;
	add_owner(o, fd, "%s", text);
}

static void make_files(struct owners *o)
{
	char path[64];

	mkdir("/tmp", 0777);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/tmp/q-file-%d", i);
		add_file(o, open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	}
	add_file(o, open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	add_file(o, memfd_create("q", MFD_CLOEXEC));
}

static void make_sockets(struct owners *o)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (size_t i = 0; i < 4; i++) {
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(4000 + i)) };
		int fd = socket(AF_INET, types[i % 2] | SOCK_CLOEXEC, 0);

		if (fd >= 0 && !bind(fd, (struct sockaddr *)&to, sizeof(to)))
			add_owner(o, fd, QUIET_SOCK, AF_INET, (unsigned int)(4000 + i));
	}
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(65000 + i)) };
		int fd = socket(AF_INET6, types[i % 2] | SOCK_CLOEXEC, 0);

		if (fd >= 0 && !bind(fd, (struct sockaddr *)&to, sizeof(to)))
			add_owner(o, fd, QUIET_SOCK, AF_INET6, (unsigned int)(65000 + i));
	}
	add_owner(o, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), QUIET_SOCK, AF_UNIX, 0);
	add_owner(o, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), QUIET_SOCK, AF_NETLINK, 0);
}

static void make_owners(struct quiet *q)
{
	make_tasks(owners_of(q, QUIET_TASKS));
	make_cgroups(owners_of(q, QUIET_CGROUPS));
	make_files(owners_of(q, QUIET_INODES));
	make_sockets(owners_of(q, QUIET_SOCKS));
}

/* ---- filling ---------------------------------------------------------------------------------------------------- */

static struct bpf_map *map_of(struct quiet *q, const struct quiet_map *m)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, q->object)
		if (!strcmp(bpf_map__name(map), m->name))
			return map;
	return NULL;
}

static struct sf_error *load(struct quiet *q, const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "q");

	q->object = bpf_object__open_file(path, &opts);
	if (!q->object)
		return sf_error_sys(errno, "%s", path);
	for (size_t i = 0; i < n_quiet_maps; i++) {
		struct bpf_map *map = map_of(q, &quiet_maps[i]);
		size_t size = 0;
		void *initial = map && quiet_maps[i].keys == QUIET_SECTION ? bpf_map__initial_value(map, &size) : NULL;

		if (!map)
			return sf_error_new(SF_SYSTEM, "%s has no map %s", path, quiet_maps[i].name);
		if (initial)
			quiet_fill_value(&quiet_maps[i], q->seed, 0, 0, initial, size);
	}
	if (bpf_object__load(q->object))
		return sf_error_sys(errno, "loading the maps of %s", path);
	return NULL;
}

/* What the system call takes and gives: of a per-CPU map all values in a row, each rounded up to 8. */
static size_t stride_of(const struct bpf_map *map, const struct quiet_map *m)
{
	return m->is_percpu ? sf_align_up((size_t)bpf_map__value_size(map), 8) : bpf_map__value_size(map);
}

static struct sf_error *put(struct quiet *q, const struct quiet_map *m, uint32_t i, const void *key)
{
	const struct bpf_map *map = map_of(q, m);
	size_t stride = stride_of(map, m), n = m->is_percpu ? q->n_cpus : 1;
	_cleanup_free_ uint8_t *value = calloc(n, stride);

	if (!value)
		return sf_error_nomem();
	for (uint32_t cpu = 0; cpu < n; cpu++)
		quiet_fill_value(m, q->seed, i, cpu, value + cpu * stride, bpf_map__value_size(map));
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		return sf_error_sys(errno, "element %u of %s", i, m->name);
	return NULL;
}

static struct sf_error *fill(struct quiet *q, const struct quiet_map *m)
{
	uint8_t key[sizeof(struct q_key)];

	if (m->keys == QUIET_SECTION)
		return NULL;
	if (quiet_has_owners(m)) {
		struct owners *o = owners_of(q, m->keys);

		for (uint32_t i = 0; i < o->n; i++)
			SF_TRY(put(q, m, i, &o->v[i].fd));
		return NULL;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		quiet_fill_key(m, q->seed, i, key);
		SF_TRY(put(q, m, i, key));
	}
	return NULL;
}

/* ---- telling what is there -------------------------------------------------------------------------------------- */

static void put_hex(struct sf_text *out, const void *bytes, size_t n, char end)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;
	char buf[128];

	for (size_t i = 0; i < n;) {
		size_t at = 0;

		for (; i < n && at + 2 <= sizeof(buf); i++) {
			buf[at++] = digits[p[i] >> 4];
			buf[at++] = digits[p[i] & 15];
		}
		sf_text_putn(out, buf, at);
	}
	sf_text_putn(out, &end, 1);
}

static struct sf_error *read_elements(struct quiet *q, const struct quiet_map *m, struct sf_text *ret)
{
	const struct bpf_map *map = map_of(q, m);
	size_t size = stride_of(map, m) * (m->is_percpu ? q->n_cpus : 1);
	_cleanup_free_ uint8_t *value = malloc(size);
	uint8_t key[sizeof(struct q_key)];
	int fd = bpf_map__fd(map);

	if (!value)
		return sf_error_nomem();
	for (void *from = NULL; !bpf_map_get_next_key(fd, from, key); from = key) {
		if (bpf_map_lookup_elem(fd, key, value))
			return sf_error_sys(errno, "reading an element of %s", m->name);
		put_hex(ret, key, m->key_size, ' ');
		put_hex(ret, value, size, '\n');
	}
	return NULL;
}

static struct sf_error *read_owned(struct quiet *q, const struct quiet_map *m, struct sf_text *ret)
{
	struct owners *o = owners_of(q, m->keys);
	uint8_t value[QUIET_MAX_VALUE];

	for (uint32_t i = 0; i < o->n; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(map_of(q, m)), &o->v[i].fd, value))
			return sf_error_sys(errno, "reading what %s has for %s", m->name, o->v[i].text);
		put_hex(ret, o->v[i].text, strlen(o->v[i].text), ' ');
		put_hex(ret, value, m->value_size, '\n');
	}
	return NULL;
}

static struct sf_error *read_map(struct quiet *q, const struct quiet_map *m, struct sf_text *ret)
{
	SF_TRY(quiet_has_owners(m) ? read_owned(q, m, ret) : read_elements(q, m, ret));
	return ret->failed ? sf_error_nomem() : NULL;
}

static struct sf_error *tell_types(struct sf_guest *guest, uint32_t id)
{
	struct btf *btf = btf__load_from_kernel_by_id(id);
	struct sf_text hex = { 0 };
	uint32_t size = 0;
	const void *raw = btf ? btf__raw_data(btf, &size) : NULL;

	if (!raw)
		return sf_error_sys(errno, "reading BTF %u", id);
	put_hex(&hex, raw, size, '\n');
	btf__free(btf);
	struct sf_error *err = oracle_publish(guest, QUIET_BTF, hex.v, hex.n);

	free(hex.v);
	return err;
}

static struct sf_error *tell_ids(struct quiet *q, struct sf_guest *guest)
{
	_cleanup_text_ struct sf_text ids = { 0 };
	uint32_t btf_id = 0;

	for (size_t i = 0; i < n_quiet_maps; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_map_get_info_by_fd(bpf_map__fd(map_of(q, &quiet_maps[i])), &info, &len))
			return sf_error_sys(errno, "asking what %s is", quiet_maps[i].name);
		sf_text_putf(&ids, "%s %u\n", quiet_maps[i].name, info.id);
		btf_id = info.btf_id ? info.btf_id : btf_id;
	}
	SF_TRY(oracle_publish(guest, QUIET_IDS, ids.v, ids.n));
	return tell_types(guest, btf_id);
}

/* The build may be in /tmp, and files from there under what is mounted at the guest's /tmp. */
static struct sf_error *load_from_below(struct quiet *q, const char *object)
{
	_cleanup_free_ char *path = sf_asprintf("/q-root%s", object);

	if (!path)
		return sf_error_nomem();
	if (mkdir("/q-root", 0755) || mount("/", "/q-root", NULL, MS_BIND, NULL))
		return sf_error_sys(errno, "mounting / at /q-root");
	return load(q, path);
}

struct sf_error *quiet_begin(struct sf_guest *guest, const char *object, uint64_t seed, struct quiet **ret)
{
	struct quiet *q = calloc(1, sizeof(*q));
	char name[64];

	if (!q)
		return sf_error_nomem();
	/* It lives as long as the process: so do the children, files and maps. */
	*ret = q;
	q->seed = seed;
	q->n_cpus = (uint32_t)libbpf_num_possible_cpus();
	q->raw = calloc(n_quiet_maps, sizeof(*q->raw));
	if (!q->raw)
		return sf_error_nomem();
	make_owners(q);
	SF_TRY(load_from_below(q, object));
	for (size_t i = 0; i < n_quiet_maps; i++)
		SF_TRY(fill(q, &quiet_maps[i]));
	SF_TRY(sf_guest_publish_u64(guest, QUIET_CPUS, q->n_cpus));
	SF_TRY(tell_ids(q, guest));
	for (size_t i = 0; i < n_quiet_maps; i++) {
		SF_TRY(read_map(q, &quiet_maps[i], &q->raw[i]));
		snprintf(name, sizeof(name), QUIET_RAW, quiet_maps[i].name);
		SF_TRY(oracle_publish(guest, name, q->raw[i].v, q->raw[i].n));
	}
	return NULL;
}

struct sf_error *quiet_end(struct quiet *q)
{
	for (size_t i = 0; i < n_quiet_maps; i++) {
		_cleanup_text_ struct sf_text now = { 0 };

		SF_TRY(read_map(q, &quiet_maps[i], &now));
		if (now.n != q->raw[i].n || memcmp(now.v, q->raw[i].v, now.n))
			return sf_error_new(SF_SYSTEM, "%s was not quiet: it has changed since", quiet_maps[i].name);
	}
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "guest/guest.h"
#include "wire/message.h"

#define SEND_NS 10000000000u
#define HOTPLUG_NS 10000000000u
#define FAILURE_NS 30000000000u /* what a frame of a failure is waited for */

struct sf_guest {
	struct sf_wire_rpc rpc;
	struct sockaddr_un socket;
	const char *cgroup_root; /* static */
	atomic_bool dead;
	pthread_mutex_t workers_lock;
	struct {
		pid_t *v;
		size_t n, cap;
	} workers;
};

/* ---- opening ------------------------------------------------------------------------------------ */

bool sf_guest_has_token(const char *cmdline, const char *token)
{
	size_t len = strlen(token);

	for (const char *p = cmdline; *p; p += strspn(p, " \t\n")) {
		size_t word = strcspn(p, " \t\n");

		if (word == len && !memcmp(p, token, len))
			return true;
		p += word;
	}
	return false;
}

bool sf_in_guest(void)
{
	_cleanup_free_ char *cmdline = NULL;
	size_t len;
	SF_OWNED(error) err = sf_file_get("/proc/cmdline", 65536, &cmdline, &len);

	return !err && sf_guest_has_token(cmdline, SF_GUEST_TOKEN);
}

static struct sf_error *connect_socket(void *arg, int *ret_fd)
{
	struct sf_guest *guest = arg;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return sf_error_sys(errno, "a socket to PID 1");
	if (connect(fd, (const struct sockaddr *)&guest->socket, sizeof(guest->socket)))
		return sf_error_new(SF_TRANSPORT, "connecting to PID 1 at %s: %s", guest->socket.sun_path,
				    strerror(errno));
	*ret_fd = steal_fd(&fd);
	return NULL;
}

struct sf_error *sf_guest_new(sf_wire_connect_fn *connect_fn, void *arg, struct sf_logger log,
			      const char *cgroup_root, struct sf_guest **ret)
{
	struct sf_guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return sf_error_nomem();
	guest->cgroup_root = cgroup_root;
	struct sf_error *err = sf_wire_rpc_init(&guest->rpc, connect_fn, connect_fn == connect_socket ? guest : arg,
						log);

	if (err) {
		free(guest);
		return err;
	}
	int failed = pthread_mutex_init(&guest->workers_lock, NULL);

	if (failed) {
		sf_wire_rpc_destroy(&guest->rpc);
		free(guest);
		return sf_error_sys(failed, "a lock for workers");
	}
	*ret = guest;
	return NULL;
}

struct sf_error *sf_guest_open(const struct sf_guest_options *options, struct sf_guest **ret)
{
	struct sf_guest_options o = { .size = sizeof(o) };
	SF_OWNED(guest) guest = NULL;

	if (options)
		memcpy(&o, options, sf_min(options->size, sizeof(o)));
	const char *path = o.socket ? o.socket : SF_WIRE_SOCKET;

	if (!sf_in_guest())
		return sf_error_new(SF_TRANSPORT, "this is no guest of stillframe: /proc/cmdline does not have %s",
				    SF_GUEST_TOKEN);
	if (strlen(path) >= sizeof(guest->socket.sun_path))
		return sf_error_new(SF_USAGE, "the socket's path %s is too long", path);
	SF_TRY(sf_guest_new(connect_socket, NULL, o.log, SF_CGROUP_ROOT, &guest));
	guest->socket.sun_family = AF_UNIX;
	memcpy(guest->socket.sun_path, path, strlen(path) + 1);
	*ret = steal_ptr(&guest);
	return NULL;
}

void sf_guest_free(struct sf_guest *guest)
{
	if (!guest)
		return;
	sf_guest_stop_workers(guest);
	free(guest->workers.v);
	pthread_mutex_destroy(&guest->workers_lock);
	sf_wire_rpc_destroy(&guest->rpc);
	free(guest);
}

/* ---- requests ----------------------------------------------------------------------------------- */

struct sf_error *sf_guest_request_snapshot(struct sf_guest *guest, enum sf_snapshot_kind kind, const char *tag,
					   uint64_t timeout_ns)
{
	if (kind == SF_SNAPSHOT_KIND_NONE)
		return sf_error_new(SF_USAGE, "a snapshot request of kind NONE: ask for CAPTURE or WATCH");
	struct sf_error *err = sf_wire_rpc_call(&guest->rpc, SF_WIRE_CHANNEL_SNAPSHOT, kind, tag, timeout_ns);

	if (err && sf_error_code(err) != SF_HOST) {
		guest->dead = true;
		/* Out of memory or descriptors, the outcome is as unknown as without a reply. */
		if (sf_error_code(err) != SF_TRANSPORT) {
			struct sf_error *wrapped = sf_error_new(SF_TRANSPORT, "%s", sf_error_message(err));

			sf_error_free(err);
			err = wrapped;
		}
	}
	return err;
}

bool sf_guest_transport_dead(const struct sf_guest *guest)
{
	return guest->dead;
}

struct sf_error *sf_guest_attached(struct sf_guest *guest, uint64_t timeout_ns)
{
	SF_OWNED(error) err = sf_wire_rpc_call(&guest->rpc, SF_WIRE_CHANNEL_WAIT, SF_WIRE_WAIT_ATTACHED, NULL,
					       timeout_ns);

	if (err && sf_error_code(err) == SF_HOST)
		return sf_error_new(SF_SCHEDULER, "%s", sf_error_message(err));
	return steal_ptr(&err);
}

/* ---- telling ------------------------------------------------------------------------------------ */

static struct sf_error *tell(struct sf_guest *guest, struct sf_wire_message *m)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!m->name || !*m->name || strlen(m->name) > SF_WIRE_MAX_NAME)
		return sf_error_new(SF_USAGE, "\"%.40s\" is no name: it has 1 to %d bytes", m->name ? m->name : "",
				    SF_WIRE_MAX_NAME);
	m->t_ns = sf_guest_now_ns();
	SF_TRY(sf_wire_message_encode(m, &text, &len));
	return sf_wire_rpc_send(&guest->rpc, m->type, text, len, SEND_NS);
}

struct sf_error *sf_guest_publish_u64(struct sf_guest *guest, const char *name, uint64_t value)
{
	struct sf_wire_message m = { .type = SF_WIRE_VALU, .name = name, .value = SF_WIRE_U64, .u64 = value };

	return tell(guest, &m);
}

struct sf_error *sf_guest_publish_i64(struct sf_guest *guest, const char *name, int64_t value)
{
	struct sf_wire_message m = { .type = SF_WIRE_VALU, .name = name, .value = SF_WIRE_I64, .i64 = value };

	return tell(guest, &m);
}

struct sf_error *sf_guest_publish_str(struct sf_guest *guest, const char *name, const char *value)
{
	struct sf_wire_message m = { .type = SF_WIRE_VALU, .name = name, .value = SF_WIRE_STR, .str = value };

	if (!value || strlen(value) > SF_WIRE_MAX_TEXT)
		return sf_error_new(SF_USAGE, "the value of \"%s\" is no text of at most %d bytes", name,
				    SF_WIRE_MAX_TEXT);
	return tell(guest, &m);
}

struct sf_error *sf_guest_publish_procs(struct sf_guest *guest, const char *tag, const char *cgroup)
{
	struct sf_wire_message m = { .type = SF_WIRE_PROC, .name = tag, .cgroup = cgroup ? cgroup : "" };
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_free_ int32_t *own = NULL;
	struct {
		int32_t *v;
		size_t n, cap;
	} pids = { 0 };
	size_t len;

	SF_TRY(sf_cgroup_path(guest->cgroup_root, cgroup, "cgroup.procs", &path));
	SF_TRY(sf_file_get(path, 1u << 20, &text, &len));
	for (char *p = text, *end; *p; p = end) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		int32_t *slot = pids.n < SF_WIRE_MAX_PIDS ? sf_vec_push(&pids) : NULL;

		own = pids.v;
		if (!slot)
			return sf_error_new(SF_NO_MEMORY, "too many processes in %s", path);
		*slot = (int32_t)pid;
	}
	m.pids = pids.v;
	m.n_pids = pids.n;
	return tell(guest, &m);
}

struct sf_error *sf_guest_event(struct sf_guest *guest, const char *name)
{
	struct sf_wire_message m = { .type = SF_WIRE_EVNT, .name = name };

	return tell(guest, &m);
}

struct sf_error *sf_guest_tell_result(struct sf_guest *guest, const char *name, bool ok, const char *text)
{
	struct sf_wire_message m = { .type = SF_WIRE_RSLT, .name = name, .ok = ok, .text = text };

	return tell(guest, &m);
}

void sf_guest_keep_failure(struct sf_guest *guest, const char *why)
{
	struct sf_wire_message because = { .type = SF_WIRE_EVNT, .name = "because", .text = why };
	struct sf_error *err;

	/* A host that did not answer once is not waited for again. */
	if (guest->dead)
		return;
	err = tell(guest, &because);
	if (!err)
		err = sf_guest_request_snapshot(guest, (enum sf_snapshot_kind)SF_WIRE_KIND_MOMENT, "failed", FAILURE_NS);
	sf_error_free(err);
}

struct sf_error *sf_guest_result(struct sf_guest *guest, const char *name, bool ok, const char *text)
{
	_cleanup_free_ char *why = NULL;

	SF_TRY(sf_guest_tell_result(guest, name, ok, text));
	if (ok)
		return NULL;
	why = text ? sf_asprintf("%s: %s", name, text) : NULL;
	sf_guest_keep_failure(guest, why ? why : name);
	return NULL;
}

struct sf_error *sf_guest_check(struct sf_guest *guest, bool ok, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	char name[SF_WIRE_MAX_NAME + 1];
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return sf_error_nomem();
	}
	/* A check's words are its name; only what is too long for one is told twice. */
	snprintf(name, sizeof(name), "%s", n ? text : "check");
	return sf_guest_result(guest, name, ok, n > SF_WIRE_MAX_NAME ? text : NULL);
}

/* ---- load --------------------------------------------------------------------------------------- */

struct sf_error *sf_guest_cgroup_create(struct sf_guest *guest, const char *cgroup)
{
	return sf_cgroup_create(guest->cgroup_root, cgroup);
}

struct sf_error *sf_guest_cgroup_remove(struct sf_guest *guest, const char *cgroup)
{
	_cleanup_free_ char *path = NULL;

	SF_TRY(sf_cgroup_path(guest->cgroup_root, cgroup, NULL, &path));
	if (rmdir(path))
		return sf_error_sys(errno, "removing the cgroup %s", path);
	return NULL;
}

struct sf_error *sf_guest_cgroup_move(struct sf_guest *guest, const char *cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return sf_cgroup_write(guest->cgroup_root, cgroup, "cgroup.procs", text);
}

struct sf_error *sf_guest_cgroup_write(struct sf_guest *guest, const char *cgroup, const char *file,
				       const char *value)
{
	return sf_cgroup_write(guest->cgroup_root, cgroup, file, value);
}

static void end_workers(struct sf_guest *guest, size_t from)
{
	for (size_t i = from; i < guest->workers.n; i++)
		kill(guest->workers.v[i], SIGKILL);
	for (size_t i = from; i < guest->workers.n; i++)
		while (waitpid(guest->workers.v[i], NULL, 0) < 0 && errno == EINTR)
			;
	guest->workers.n = from;
}

struct sf_error *sf_guest_workers(struct sf_guest *guest, enum sf_worker what, const char *cgroup, unsigned int n,
				  pid_t *ret_pids)
{
	struct sf_error *err = NULL;
	int fd = sf_wire_rpc_fd(&guest->rpc);

	pthread_mutex_lock(&guest->workers_lock);
	size_t before = guest->workers.n;

	for (unsigned int i = 0; i < n && !err; i++) {
		pid_t *slot = sf_vec_push(&guest->workers);

		err = slot ? sf_worker_start(what, guest->cgroup_root, cgroup, fd, slot) : sf_error_nomem();
		if (err && slot)
			guest->workers.n--;
	}
	if (err)
		end_workers(guest, before);
	else if (ret_pids && n)
		memcpy(ret_pids, guest->workers.v + before, n * sizeof(*ret_pids));
	pthread_mutex_unlock(&guest->workers_lock);
	return err;
}

void sf_guest_stop_workers(struct sf_guest *guest)
{
	pthread_mutex_lock(&guest->workers_lock);
	end_workers(guest, 0);
	pthread_mutex_unlock(&guest->workers_lock);
}

struct sf_error *sf_guest_cpu_online(struct sf_guest *guest, unsigned int cpu, bool online)
{
	(void)guest;
	return sf_cpu_set_online(SF_CPU_ROOT, cpu, online, HOTPLUG_NS);
}

void sf_guest_hold(struct sf_guest *guest, uint64_t ns)
{
	uint64_t now = sf_wire_now(), end = ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
	struct timespec ts = { .tv_sec = (time_t)(end / 1000000000u), .tv_nsec = (long)(end % 1000000000u) };

	(void)guest;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

uint64_t sf_guest_now_ns(void)
{
	return sf_wire_now();
}

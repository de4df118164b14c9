/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"

#define N_SLOTS 32
#define N_EVENTS 1024 /* nobody takes that many; more are dropped, and said */
#define HELD_LOG_MAX (8u << 20)

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_DONE, SLOT_FORGOTTEN };

struct slot {
	uint64_t id;
	enum slot_state state;
	const char *name;
	struct sf_json *reply;
};

struct sf_qmp {
	int fd;
	bool side;
	bool greeted;
	struct sf_qmp_log *file;
	struct sf_logger log;
	uint64_t next_id;
	struct sf_error *broken;
	char *loaded;                /* the command that waits for its last byte */
	struct slot slots[N_SLOTS];
	struct {
		struct sf_qmp_event *v;
		size_t n, cap;
	} events;
	size_t n_dropped;
	char *in;
	size_t in_len, in_cap, in_scanned;
};

struct sf_error *sf_qmp_new(int fd, bool side, struct sf_qmp_log *file, const struct sf_logger *log,
			    struct sf_qmp **ret)
{
	_cleanup_close_ int owned = fd;
	SF_OWNED(qmp) qmp = calloc(1, sizeof(*qmp));

	if (!qmp)
		return sf_error_nomem();
	qmp->fd = steal_fd(&owned);
	qmp->side = side;
	qmp->file = file;
	qmp->next_id = 1;
	if (log)
		qmp->log = *log;
	int flags = fcntl(qmp->fd, F_GETFL);

	if (flags < 0 || fcntl(qmp->fd, F_SETFL, flags | O_NONBLOCK))
		return sf_error_sys(errno, "QMP socket");
	*ret = steal_ptr(&qmp);
	return NULL;
}

void sf_qmp_free(struct sf_qmp *qmp)
{
	if (!qmp)
		return;
	for (size_t i = 0; i < N_SLOTS; i++)
		sf_json_unref(qmp->slots[i].reply);
	for (size_t i = 0; i < qmp->events.n; i++)
		sf_json_unref(qmp->events.v[i].json);
	free(qmp->events.v);
	free(qmp->in);
	free(qmp->loaded);
	sf_error_free(qmp->broken);
	if (qmp->fd >= 0)
		close(qmp->fd);
	free(qmp);
}

int sf_qmp_fd(const struct sf_qmp *qmp)
{
	return qmp->fd;
}

/* ---- log ---- */

void sf_qmp_log_hold(struct sf_qmp_log *log)
{
	log->held = true;
}

void sf_qmp_log_flush(struct sf_qmp_log *log)
{
	struct sf_text *t = &log->text;

	log->held = false;
	if (t->failed)
		sf_text_put(t, "(no memory for some lines)\n");
	/* A log that cannot be written is no reason to end a run. */
	if (t->n)
		sf_error_free(sf_write_all(log->fd, t->v, t->n));
	t->n = 0;
	t->failed = false;
}

void sf_qmp_log_close(struct sf_qmp_log *log)
{
	sf_qmp_log_flush(log);
	free(log->text.v);
	log->text = (struct sf_text){ 0 };
	sf_cleanup_close(&log->fd);
	log->fd = -1;
}

static void log_line(struct sf_qmp *qmp, char direction, const char *line, size_t len)
{
	struct sf_qmp_log *log = qmp->file;

	if (!log || log->fd < 0)
		return;
	uint64_t us = (sf_vm_clock() - log->epoch) / 1000;

	sf_text_putf(&log->text, "%6" PRIu64 ".%06" PRIu64 " %s%c ", us / 1000000, us % 1000000, qmp->side ? "2" : "",
		     direction);
	sf_text_putn(&log->text, line, len);
	sf_text_put(&log->text, "\n");
	if (!log->held) {
		sf_qmp_log_flush(log);
	} else if (log->text.n > HELD_LOG_MAX) {
		sf_qmp_log_flush(log);
		log->held = true;
	}
}

/* ---- what comes in ---- */

static struct sf_error *broken(struct sf_qmp *qmp)
{
	return sf_error_copy(qmp->broken);
}

/* The connection is of no use any more, because of @err. */
static struct sf_error *give_up(struct sf_qmp *qmp, struct sf_error *err)
{
	if (!qmp->broken)
		qmp->broken = err;
	else
		sf_error_free(err);
	return broken(qmp);
}

static struct sf_error *nonsense(const char *line, size_t len, const char *what)
{
	struct sf_text t = { 0 };
	char head[121];

	len = sf_min(len, sizeof(head) - 1);
	memcpy(head, line, len);
	head[len] = '\0';
	sf_text_put_name(&t, head, sizeof(head));
	_cleanup_free_ char *shown = sf_text_take(&t);

	return sf_error_new(SF_TRANSPORT, "QEMU's machine protocol: %s: %s", what, shown ? shown : "?");
}

static struct slot *find_slot(const struct sf_qmp *qmp, uint64_t id)
{
	for (size_t i = 0; i < N_SLOTS; i++)
		if (qmp->slots[i].state != SLOT_FREE && qmp->slots[i].id == id)
			return (struct slot *)&qmp->slots[i];
	return NULL;
}

static void release_slot(struct slot *slot)
{
	if (!slot)
		return;
	sf_json_unref(slot->reply);
	*slot = (struct slot){ 0 };
}

static void take_reply(struct sf_qmp *qmp, struct sf_json *json, uint64_t id)
{
	struct slot *slot = find_slot(qmp, id);

	if (!slot || slot->state == SLOT_DONE) {
		sf_log(&qmp->log, SF_LOG_WARN, "QMP: a reply to command %" PRIu64 ", which nobody sent", id);
		sf_json_unref(json);
	} else if (slot->state == SLOT_FORGOTTEN) {
		sf_log(&qmp->log, SF_LOG_DEBUG, "QMP: a late reply to '%s'", slot->name);
		sf_json_unref(json);
		release_slot(slot);
	} else {
		slot->reply = json;
		slot->state = SLOT_DONE;
	}
}

static struct sf_error *take_event(struct sf_qmp *qmp, struct sf_json *json, const char *name)
{
	if (qmp->side) {
		sf_json_unref(json);
		return NULL;
	}
	if (qmp->events.n == N_EVENTS) {
		if (!qmp->n_dropped++)
			sf_log(&qmp->log, SF_LOG_WARN, "QMP: more than %d events wait; dropping more", N_EVENTS);
		sf_json_unref(json);
		return NULL;
	}
	struct sf_qmp_event *event = sf_vec_push(&qmp->events);

	if (!event) {
		sf_json_unref(json);
		return sf_error_nomem();
	}
	*event = (struct sf_qmp_event){ .name = name, .json = json, .time = sf_vm_clock() };
	return NULL;
}

static struct sf_error *take_line(struct sf_qmp *qmp, const char *line, size_t len)
{
	_cleanup_json_ struct sf_json *json = NULL;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (!len)
		return NULL;
	struct sf_error *err = sf_json_read(line, len, &json);

	if (err) {
		log_line(qmp, '<', line, len);
		if (sf_error_code(err) == SF_NO_MEMORY)
			return err;
		sf_error_free(err);
		return nonsense(line, len, "not JSON");
	}
	const struct sf_json_node *root = sf_json_root(json), *id = sf_json_member(root, "id");
	const char *event = sf_json_member_str(root, "event", NULL);

	if (!event || !qmp->side)
		log_line(qmp, '<', line, len);
	if (event)
		return take_event(qmp, steal_ptr(&json), event);
	if (sf_json_member(root, "QMP")) {
		qmp->greeted = true;
		return NULL;
	}
	if (id && id->type == SF_JSON_UINT && (sf_json_member(root, "return") || sf_json_member(root, "error"))) {
		take_reply(qmp, steal_ptr(&json), id->value.u64);
		return NULL;
	}
	return nonsense(line, len, "neither a reply to a command nor an event");
}

static struct sf_error *take_lines(struct sf_qmp *qmp)
{
	size_t done = 0;
	char *eol;

	while ((eol = memchr(qmp->in + qmp->in_scanned, '\n', qmp->in_len - qmp->in_scanned))) {
		size_t end = (size_t)(eol - qmp->in);

		SF_TRY(take_line(qmp, qmp->in + done, end - done));
		done = end + 1;
		qmp->in_scanned = done;
	}
	memmove(qmp->in, qmp->in + done, qmp->in_len - done);
	qmp->in_len -= done;
	qmp->in_scanned = qmp->in_len;
	return NULL;
}

static struct sf_error *make_room(struct sf_qmp *qmp)
{
	if (qmp->in_len < qmp->in_cap)
		return NULL;
	if (qmp->in_cap >= SF_QMP_LINE_MAX)
		return nonsense(qmp->in, qmp->in_len, "a line of more than 16 MiB");
	size_t cap = qmp->in_cap ? qmp->in_cap * 2 : 64u << 10;
	char *grown = realloc(qmp->in, cap);

	if (!grown)
		return sf_error_nomem();
	qmp->in = grown;
	qmp->in_cap = cap;
	return NULL;
}

/* Everything that can be read without waiting. @ret: was there anything? */
static struct sf_error *drain(struct sf_qmp *qmp, bool *ret)
{
	bool any = false;

	for (;;) {
		SF_TRY(make_room(qmp));
		ssize_t n = recv(qmp->fd, qmp->in + qmp->in_len, qmp->in_cap - qmp->in_len, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (!n || (n < 0 && errno == ECONNRESET))
			return sf_error_new(SF_TRANSPORT, "QEMU closed the QMP connection");
		if (n < 0)
			return sf_error_sys(errno, "QMP connection");
		bool short_read = qmp->in_len + (size_t)n < qmp->in_cap;

		qmp->in_len += (size_t)n;
		any = true;
		SF_TRY(take_lines(qmp));
		if (short_read)
			break;
	}
	*ret = any;
	return NULL;
}

static struct sf_error *wait_for(struct sf_qmp *qmp, short events, uint64_t deadline, bool *ret)
{
	struct pollfd pfd = { .fd = qmp->fd, .events = events };
	uint64_t now = sf_vm_clock();
	struct timespec left = { 0 };

	if (deadline != SF_NEVER && deadline > now) {
		left.tv_sec = (time_t)((deadline - now) / SF_SECOND);
		left.tv_nsec = (long)((deadline - now) % SF_SECOND);
	}
	int n = ppoll(&pfd, 1, deadline == SF_NEVER ? NULL : &left, NULL);

	if (n < 0 && errno != EINTR)
		return sf_error_sys(errno, "poll");
	*ret = n > 0;
	return NULL;
}

struct sf_error *sf_qmp_pump(struct sf_qmp *qmp, uint64_t deadline)
{
	bool any = false;

	if (qmp->broken)
		return broken(qmp);
	struct sf_error *err = drain(qmp, &any);

	if (!err && !any && deadline) {
		err = wait_for(qmp, POLLIN, deadline, &any);
		if (!err && any)
			err = drain(qmp, &any);
	}
	return err ? give_up(qmp, err) : NULL;
}

bool sf_qmp_event(struct sf_qmp *qmp, struct sf_qmp_event *ret)
{
	if (!qmp->events.n)
		return false;
	*ret = qmp->events.v[0];
	qmp->events.n--;
	memmove(qmp->events.v, qmp->events.v + 1, qmp->events.n * sizeof(*qmp->events.v));
	return true;
}

/* ---- commands ---- */

static struct sf_error *send_text(struct sf_qmp *qmp, const char *text, size_t len, uint64_t deadline)
{
	while (len) {
		ssize_t n = send(qmp->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EPIPE || errno == ECONNRESET)
			return sf_error_new(SF_TRANSPORT, "QEMU closed the QMP connection");
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return sf_error_sys(errno, "QMP connection");
		bool ready;

		SF_TRY(wait_for(qmp, POLLOUT, deadline, &ready));
		if (!ready && sf_vm_clock() >= deadline)
			return sf_error_new(SF_DEADLINE, "QEMU reads no commands");
	}
	return NULL;
}

static struct slot *free_slot(struct sf_qmp *qmp)
{
	for (size_t i = 0; i < N_SLOTS; i++)
		if (qmp->slots[i].state == SLOT_FREE)
			return &qmp->slots[i];
	return NULL;
}

/* A slot for @command, and its text at the end of @t. QEMU acts at the last brace; a newline would be one more byte. */
static struct sf_error *add_command(struct sf_qmp *qmp, const struct sf_qmp_command *command, struct sf_text *t,
				    uint64_t *ret_id)
{
	struct slot *slot = free_slot(qmp);
	const char *args = command->arguments;

	if (!slot)
		return sf_error_new(SF_TRANSPORT, "%d QMP commands are unanswered; not sending '%s'", N_SLOTS,
				    command->name);
	*slot = (struct slot){ .id = qmp->next_id++, .state = SLOT_WAITING, .name = command->name };
	*ret_id = slot->id;
	sf_text_putf(t, "{\"execute\":\"%s\",%s%s%s\"id\":%" PRIu64 "}", command->name, args ? "\"arguments\":" : "",
		     args ? args : "", args ? "," : "", slot->id);
	if (!t->failed)
		return NULL;
	release_slot(slot);
	return sf_error_nomem();
}

struct sf_error *sf_qmp_send(struct sf_qmp *qmp, const struct sf_qmp_command *commands, size_t n, uint64_t deadline,
			     uint64_t *ids)
{
	_cleanup_text_ struct sf_text t = { 0 };
	uint64_t first = qmp->next_id, id;
	struct sf_error *err = NULL;

	if (qmp->broken)
		return broken(qmp);
	if (qmp->loaded)
		return sf_error_new(SF_USAGE, "QMP: a command is loaded");
	for (size_t i = 0; i < n && !err; i++) {
		size_t from = t.n;

		err = add_command(qmp, &commands[i], &t, &id);
		if (!err)
			log_line(qmp, '>', t.v + from, t.n - from);
	}
	if (!err) {
		err = send_text(qmp, t.v, t.n, deadline);
		/* Half a command may be in the pipe: there is no way back from that. */
		if (err)
			err = give_up(qmp, err);
	}
	for (id = first; err && id < qmp->next_id; id++)
		release_slot(find_slot(qmp, id));
	for (size_t i = 0; !err && i < n; i++)
		ids[i] = first + i;
	return err;
}

struct sf_error *sf_qmp_load(struct sf_qmp *qmp, const struct sf_qmp_command *command, uint64_t deadline,
			     uint64_t *ret_id)
{
	_cleanup_text_ struct sf_text t = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t fired = qmp->loaded ? 1 : 0;
	uint64_t id = 0;

	if (qmp->broken)
		return broken(qmp);
	sf_text_putn(&t, "}", fired);
	if (command) {
		SF_TRY(add_command(qmp, command, &t, &id));
		text = strndup(t.v + fired, t.n - fired);
		if (!text) {
			release_slot(find_slot(qmp, id));
			return sf_error_nomem();
		}
	}
	struct sf_error *err = t.n ? send_text(qmp, t.v, t.n - (command ? 1 : 0), deadline) : NULL;

	if (err)
		return give_up(qmp, err);
	if (fired)
		log_line(qmp, '>', qmp->loaded, strlen(qmp->loaded));
	free(qmp->loaded);
	qmp->loaded = steal_ptr(&text);
	if (command)
		*ret_id = id;
	return NULL;
}

bool sf_qmp_waiting(const struct sf_qmp *qmp, uint64_t id)
{
	struct slot *slot = find_slot(qmp, id);

	return slot && slot->state == SLOT_WAITING;
}

void sf_qmp_forget(struct sf_qmp *qmp, uint64_t id)
{
	struct slot *slot = find_slot(qmp, id);

	if (!slot)
		return;
	if (slot->state == SLOT_WAITING)
		slot->state = SLOT_FORGOTTEN;
	else if (slot->state == SLOT_DONE)
		release_slot(slot);
}

struct sf_error *sf_qmp_wait(struct sf_qmp *qmp, uint64_t id, uint64_t deadline, struct sf_json **ret)
{
	struct slot *slot = find_slot(qmp, id);

	if (!slot || slot->state == SLOT_FORGOTTEN)
		return sf_error_new(SF_USAGE, "QMP command %" PRIu64 " is not under way", id);
	while (slot->state == SLOT_WAITING) {
		SF_TRY(sf_qmp_pump(qmp, deadline));
		if (slot->state == SLOT_WAITING && sf_vm_clock() >= deadline) {
			slot->state = SLOT_FORGOTTEN;
			return sf_error_new(SF_DEADLINE, "QEMU did not answer '%s' in time", slot->name);
		}
	}
	_cleanup_json_ struct sf_json *reply = steal_ptr(&slot->reply);
	const char *name = slot->name;

	release_slot(slot);
	const struct sf_json_node *error = sf_json_member(sf_json_root(reply), "error");

	if (error)
		return sf_error_new(SF_TRANSPORT, "QEMU refused '%s': %s", name,
				    sf_json_member_str(error, "desc", "it gave no reason"));
	*ret = steal_ptr(&reply);
	return NULL;
}

struct sf_error *sf_qmp_run(struct sf_qmp *qmp, const char *name, const char *arguments, uint64_t deadline,
			    struct sf_json **ret)
{
	struct sf_qmp_command command = { .name = name, .arguments = arguments };
	_cleanup_json_ struct sf_json *reply = NULL;
	uint64_t id;

	SF_TRY(sf_qmp_send(qmp, &command, 1, deadline, &id));
	SF_TRY(sf_qmp_wait(qmp, id, deadline, &reply));
	if (ret)
		*ret = steal_ptr(&reply);
	return NULL;
}

struct sf_error *sf_qmp_hello(struct sf_qmp *qmp, uint64_t deadline)
{
	while (!qmp->greeted) {
		SF_TRY(sf_qmp_pump(qmp, deadline));
		if (!qmp->greeted && sf_vm_clock() >= deadline)
			return sf_error_new(SF_DEADLINE, "QEMU said nothing on its QMP connection");
	}
	return sf_qmp_run(qmp, "qmp_capabilities", NULL, deadline, NULL);
}

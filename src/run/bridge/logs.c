/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was asked of kernel memory and of cgroups, in order, each in one piece of memory. */
#include "private.h"

struct logged_op {
	struct sf_logged node;
	const char *tag;
	struct sf_kernel_op_reply reply;
};

struct logged_procs {
	struct sf_logged node;
	struct sf_cgroup_procs procs;
};

/* ---- lists -------------------------------------------------------------------------------------------------------- */

static void free_list(struct sf_logged **p)
{
	while (*p) {
		struct sf_logged *node = *p;

		*p = node->next;
		free(node);
	}
}
#define _cleanup_list_ _cleanup_(free_list)

void sf_bridge_log_init(struct sf_bridge_log *log)
{
	pthread_mutex_init(&log->lock, NULL);
	log->first = NULL;
	log->last = &log->first;
}

void sf_bridge_log_done(struct sf_bridge_log *log)
{
	free_list(&log->first);
	pthread_mutex_destroy(&log->lock);
}

static void append(struct sf_bridge_log *log, struct sf_logged *node)
{
	node->next = NULL;
	pthread_mutex_lock(&log->lock);
	*log->last = node;
	log->last = &node->next;
	pthread_mutex_unlock(&log->lock);
}

static struct sf_logged *take_list(struct sf_bridge_log *log)
{
	pthread_mutex_lock(&log->lock);
	struct sf_logged *list = log->first;

	log->first = NULL;
	log->last = &log->first;
	pthread_mutex_unlock(&log->lock);
	return list;
}

/* ---- pieces of one allocation ------------------------------------------------------------------------------------- */

/* Adds up what is needed; too much for a size_t is too much for memory. */
static bool need(size_t *total, size_t n, size_t each)
{
	size_t bytes;

	return !__builtin_mul_overflow(n, each, &bytes) && !__builtin_add_overflow(*total, bytes, total);
}

static bool need_text(size_t *total, const char *text)
{
	return !text || need(total, strlen(text) + 1, 1);
}

static void *put(char **at, const void *from, size_t len)
{
	char *to = *at;

	if (len)
		memcpy(to, from, len);
	*at = to + len;
	return to;
}

static const char *put_text(char **at, const char *text)
{
	return text ? put(at, text, strlen(text) + 1) : NULL;
}

/* ---- kernel operations -------------------------------------------------------------------------------------------- */

static size_t n_bytes_of(const struct sf_kernel_value *value)
{
	return value->kind == SF_KERNEL_BYTES && value->bytes ? value->n_bytes : 0;
}

static struct logged_op *copy_op(const char *tag, const struct sf_kernel_op_reply *from)
{
	size_t n = from->values ? from->n_values : 0, size = sizeof(struct logged_op);
	bool fits = need(&size, n, sizeof(struct sf_kernel_value)) && need_text(&size, tag) &&
		    need_text(&size, from->reason);

	for (size_t i = 0; fits && i < n; i++)
		fits = need(&size, n_bytes_of(&from->values[i]), 1);
	struct logged_op *op = fits ? malloc(size) : NULL;

	if (!op)
		return NULL;
	struct sf_kernel_value *values = (struct sf_kernel_value *)(op + 1);
	char *at = (char *)(values + n);

	op->reply = *from;
	op->reply.values = n ? values : NULL;
	op->reply.n_values = n;
	for (size_t i = 0; i < n; i++) {
		size_t len = n_bytes_of(&from->values[i]);

		values[i] = from->values[i];
		values[i].n_bytes = len;
		values[i].bytes = len ? put(&at, from->values[i].bytes, len) : NULL;
	}
	op->tag = put_text(&at, tag);
	op->reply.reason = put_text(&at, from->reason);
	return op;
}

static void give_reply(struct sf_kernel_op_reply *ret, const struct sf_kernel_op_reply *reply)
{
	if (!ret)
		return;
	size_t size = ret->size;

	memcpy(ret, reply, sf_min(size, sizeof(*reply)));
	ret->size = size;
}

bool sf_bridge_kernel_op(struct sf_bridge *bridge, const struct sf_kernel_op_request *request,
			 struct sf_kernel_op_reply *ret)
{
	struct sf_kernel_op_reply reply = { .size = sizeof(reply) };

	if (!bridge->opt.kernel_op)
		return false;
	bridge->opt.kernel_op(bridge->opt.arg, request, &reply);
	reply.size = sizeof(reply);
	struct logged_op *op = copy_op(request->tag ?: "", &reply);

	if (!op) {
		/* Its pointers would not outlive the next call. */
		give_reply(ret, &(struct sf_kernel_op_reply){ .size = sizeof(reply), .id = reply.id,
			.reason = "no memory to keep the reply: whether the access was made is not known" });
		sf_log(&bridge->opt.log, SF_LOG_WARN, "no memory to log a kernel operation");
		return true;
	}
	give_reply(ret, &op->reply);
	append(&bridge->kernel_ops, &op->node);
	return true;
}

struct sf_error *sf_bridge_record_kernel_op(struct sf_bridge *bridge, const char *tag,
					    const struct sf_kernel_op_reply *reply)
{
	struct sf_kernel_op_reply own = { 0 };

	memcpy(&own, reply, sf_min(reply->size, sizeof(own)));
	own.size = sizeof(own);
	struct logged_op *op = copy_op(tag ?: "", &own);

	if (!op)
		return sf_error_nomem();
	append(&bridge->kernel_ops, &op->node);
	return NULL;
}

bool sf_bridge_kernel_value(struct sf_bridge *bridge, const char *tag, struct sf_kernel_value *ret)
{
	struct sf_bridge_log *log = &bridge->kernel_ops;
	bool found = false;

	if (!tag)
		return false;
	pthread_mutex_lock(&log->lock);
	for (struct sf_logged *node = log->first; node && !found; node = node->next) {
		struct logged_op *op = sf_container_of(node, struct logged_op, node);

		if (!op->reply.success || !op->reply.n_values || strcmp(op->tag, tag))
			continue;
		*ret = op->reply.values[0];
		found = true;
	}
	pthread_mutex_unlock(&log->lock);
	return found;
}

size_t sf_bridge_drain_kernel_ops(struct sf_bridge *bridge, sf_kernel_log_fn *fn, void *arg)
{
	_cleanup_list_ struct sf_logged *list = take_list(&bridge->kernel_ops);
	size_t n = 0;

	for (struct sf_logged *node = list; node; node = node->next, n++) {
		struct logged_op *op = sf_container_of(node, struct logged_op, node);

		if (fn)
			fn(arg, op->tag, &op->reply);
	}
	return n;
}

/* ---- cgroups ------------------------------------------------------------------------------------------------------ */

struct sf_error *sf_bridge_record_cgroup_procs(struct sf_bridge *bridge, const struct sf_cgroup_procs *procs)
{
	size_t size = sizeof(struct logged_procs), n = procs->n_pids;

	if (n && !procs->pids)
		return sf_error_new(SF_USAGE, "a list of %zu processes has none of them", n);
	if (!need(&size, n, sizeof(pid_t)) || !need_text(&size, procs->tag) || !need_text(&size, procs->cgroup))
		return sf_error_nomem();
	struct logged_procs *own = malloc(size + 2);

	if (!own)
		return sf_error_nomem();
	char *at = (char *)(own + 1);

	own->procs.pids = put(&at, procs->pids, n * sizeof(pid_t));
	own->procs.n_pids = n;
	own->procs.tag = put_text(&at, procs->tag ?: "");
	own->procs.cgroup = put_text(&at, procs->cgroup ?: "");
	append(&bridge->cgroups, &own->node);
	return NULL;
}

bool sf_bridge_cgroup_procs(struct sf_bridge *bridge, const char *tag, struct sf_cgroup_procs *ret)
{
	struct sf_bridge_log *log = &bridge->cgroups;
	bool found = false;

	if (!tag)
		return false;
	pthread_mutex_lock(&log->lock);
	for (struct sf_logged *node = log->first; node && !found; node = node->next) {
		struct logged_procs *own = sf_container_of(node, struct logged_procs, node);

		if (strcmp(own->procs.tag, tag))
			continue;
		*ret = own->procs;
		found = true;
	}
	pthread_mutex_unlock(&log->lock);
	return found;
}

size_t sf_bridge_drain_cgroup_procs(struct sf_bridge *bridge, sf_cgroup_log_fn *fn, void *arg)
{
	_cleanup_list_ struct sf_logged *list = take_list(&bridge->cgroups);
	size_t n = 0;

	for (struct sf_logged *node = list; node; node = node->next, n++) {
		struct logged_procs *own = sf_container_of(node, struct logged_procs, node);

		if (fn)
			fn(arg, &own->procs);
	}
	return n;
}

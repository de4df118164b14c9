/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread, its queue, and one capture from request to frame.
 */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "freeze/freeze.h"

#define DEFAULT_STOP_TIMEOUT (30 * SF_SECOND)
#define POLL_MS 100 /* how late a change on the console may be seen */

struct request {
	struct request *next;
	bool prepare;               /* learn the kernel, capture nothing */
	char *tag, *cause, *reason, *scheduler;
	bool has_guest_ns;
	uint64_t guest_ns;
	sf_capture_done *done;
	void *arg;
};

struct sf_coordinator {
	struct sf_coordinator_options opt;
	pthread_t thread;
	int wake;                   /* eventfd: the queue has something, or quit */
	pthread_mutex_t ports;      /* nobody writes to the guest while it is stopped */

	pthread_mutex_t lock;       /* guards what follows up to the blank line */
	struct request *first, **last;
	bool quit;
	struct sf_freeze_totals totals;

	/* The thread's own. */
	struct sf_kernel *kernel;
	struct sf_capturer *capturer;
	struct sf_vcpu_regs *regs;
	bool ended;                 /* the guest's last event was given out */
};

/* ---- requests ---------------------------------------------------------------------------------------------- */

static void request_free(struct request *r)
{
	if (!r)
		return;
	free(r->tag);
	free(r->cause);
	free(r->reason);
	free(r->scheduler);
	free(r);
}

static void request_cleanup(struct request **r)
{
	request_free(*r);
}

static char *copy_or_empty(const char *text)
{
	return strdup(text ? text : "");
}

static struct request *request_new(const struct sf_capture_request *from, sf_capture_done *done, void *arg)
{
	_cleanup_(request_cleanup) struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->done = done;
	r->arg = arg;
	r->prepare = !from;
	if (!from)
		return steal_ptr(&r);
	r->tag = copy_or_empty(from->tag);
	r->cause = copy_or_empty(from->cause);
	r->reason = copy_or_empty(from->reason);
	r->scheduler = copy_or_empty(from->scheduler);
	r->has_guest_ns = from->has_guest_ns;
	r->guest_ns = from->guest_ns;
	return r->tag && r->cause && r->reason && r->scheduler ? steal_ptr(&r) : NULL;
}

static void wake(struct sf_coordinator *c)
{
	uint64_t one = 1;

	/* A full counter wakes as well. */
	while (write(c->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static struct sf_error *submit(struct sf_coordinator *c, struct request *r)
{
	bool quit;

	if (!r)
		return sf_error_nomem();
	pthread_mutex_lock(&c->lock);
	quit = c->quit;
	if (!quit) {
		*c->last = r;
		c->last = &r->next;
	}
	pthread_mutex_unlock(&c->lock);
	if (quit) {
		request_free(r);
		return sf_error_new(SF_HOST, "the run is ending");
	}
	wake(c);
	return NULL;
}

struct sf_error *sf_coordinator_request(struct sf_coordinator *c, const struct sf_capture_request *req,
					sf_capture_done *done, void *arg)
{
	return submit(c, request_new(req, done, arg));
}

struct sf_error *sf_coordinator_prepare(struct sf_coordinator *c, sf_capture_done *done, void *arg)
{
	return submit(c, request_new(NULL, done, arg));
}

static struct request *take_request(struct sf_coordinator *c, bool *quit)
{
	struct request *r;

	pthread_mutex_lock(&c->lock);
	r = c->first;
	if (r) {
		c->first = r->next;
		if (!c->first)
			c->last = &c->first;
	}
	*quit = c->quit;
	pthread_mutex_unlock(&c->lock);
	return r;
}

/* ---- one capture --------------------------------------------------------------------------------------------- */

/* What the next walk has to know of types. A capture without it lacks some pointees, and counts the maps. */
static void learn_types(struct sf_coordinator *c)
{
	SF_OWNED(error) err = sf_capturer_prepare(c->capturer);

	if (err)
		sf_log(&c->opt.log, SF_LOG_WARN, "types of maps: %s", sf_error_message(err));
}

/* Learns the kernel. It is looked for again each time it was not found: the guest may not have been up. */
static struct sf_error *prepare(struct sf_coordinator *c)
{
	struct sf_kernel_options opt = { .log = &c->opt.log };
	uint64_t start = sf_vm_clock(), took;

	if (c->capturer)
		return NULL;
	sf_kernel_unref(c->kernel);
	c->kernel = NULL;
	SF_TRY(sf_kernel_new(c->opt.ram, &opt, &c->kernel));
	SF_TRY(sf_capturer_new(c->opt.ram, c->kernel, &c->opt.capture, &c->capturer));
	took = sf_vm_clock() - start;
	pthread_mutex_lock(&c->lock);
	c->totals.facts_ns = took;
	pthread_mutex_unlock(&c->lock);
	sf_log(&c->opt.log, SF_LOG_INFO, "kernel %s: types and symbols in %.1f ms", sf_kernel_release(c->kernel),
	       (double)took / 1e6);
	return NULL;
}

static uint64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SF_SECOND + (uint64_t)t.tv_nsec;
}

/*
 * From stop to resume: the only part during which the guest does not run. The walk's own error is kept for later: a
 * guest that was stopped is resumed whatever happened.
 */
static struct sf_error *freeze(struct sf_coordinator *c, struct sf_frame_meta *meta)
{
	const struct sf_stopper *s = &c->opt.stopper;
	uint64_t timeout = c->opt.stop_timeout, start = sf_vm_clock();
	SF_OWNED(error) walk = NULL;
	SF_OWNED(error) err = s->stop(s->arg, start + timeout);

	if (err)
		return steal_ptr(&err);
	meta->wall_ns = realtime_ns();
	uint64_t stopped = sf_vm_clock();

	walk = sf_capturer_walk(c->capturer, &meta->kept);
	meta->walk_ns = sf_vm_clock() - stopped;
	err = s->resume(s->arg, sf_vm_clock() + timeout);
	meta->pause_ns = sf_vm_clock() - start;
	if (err)
		return sf_error_context(steal_ptr(&err), "the guest was stopped and does not go on");
	return steal_ptr(&walk);
}

static void fetch_regs(struct sf_coordinator *c, struct sf_frame_meta *meta)
{
	const struct sf_stopper *s = &c->opt.stopper;
	SF_OWNED(error) err = s->regs(s->arg, sf_vm_clock() + c->opt.stop_timeout, c->regs, s->n_cpus);

	for (uint32_t i = 0; i < s->n_cpus; i++) {
		if (err)
			c->regs[i] = (struct sf_vcpu_regs){ 0 };
		c->regs[i].cpu = i;
	}
	if (err)
		sf_log(&c->opt.log, SF_LOG_WARN, "registers: %s", sf_error_message(err));
	meta->vcpus = c->regs;
	meta->n_vcpus = s->n_cpus;
}

static struct sf_error *capture(struct sf_coordinator *c, const struct request *r, struct sf_frame **ret)
{
	struct sf_frame_meta meta = {
		.tag = r->tag,
		.cause = r->cause,
		.reason = r->reason,
		.scheduler = r->scheduler,
		.has_guest_ns = r->has_guest_ns,
		.guest_ns = r->guest_ns,
	};
	SF_OWNED(error) err = NULL;

	SF_TRY(prepare(c));
	learn_types(c);
	pthread_mutex_lock(&c->ports);
	err = freeze(c, &meta);
	pthread_mutex_unlock(&c->ports);
	pthread_mutex_lock(&c->lock);
	c->totals.frozen_ns += meta.pause_ns;
	pthread_mutex_unlock(&c->lock);
	if (err)
		return steal_ptr(&err);
	fetch_regs(c, &meta);
	return sf_capturer_frame(c->capturer, &meta, ret);
}

static void serve(struct sf_coordinator *c, struct request *r)
{
	struct sf_frame *frame = NULL;
	SF_OWNED(error) err = r->prepare ? prepare(c) : capture(c, r, &frame);

	if (!r->prepare) {
		pthread_mutex_lock(&c->lock);
		c->totals.n_captures++;
		c->totals.n_failed += err != NULL;
		pthread_mutex_unlock(&c->lock);
		if (err)
			frame = sf_frame_placeholder(r->tag, sf_error_message(err));
	}
	if (r->done)
		r->done(r->arg, frame, err);
	else
		sf_frame_unref(frame);
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

static void refuse(const struct request *r)
{
	SF_OWNED(error) err = sf_error_new(SF_HOST, "the run is ending");

	if (r->done)
		r->done(r->arg, r->prepare ? NULL : sf_frame_placeholder(r->tag, sf_error_message(err)), err);
}

static bool is_last(enum sf_vm_event_type type)
{
	return type >= SF_VM_EVENT_POWEROFF;
}

/* Gives out what happened to the guest, once. */
static void look_at_guest(struct sf_coordinator *c)
{
	struct sf_vm_event event = { 0 };
	SF_OWNED(error) err = NULL;

	if (c->ended)
		return;
	err = c->opt.stopper.poll(c->opt.stopper.arg, 0, &event);
	if (err) {
		event.type = SF_VM_EVENT_GONE;
		event.time = sf_vm_clock();
		snprintf(event.text, sizeof(event.text), "%s", sf_error_message(err));
	}
	if (event.type == SF_VM_EVENT_NONE)
		return;
	c->ended = is_last(event.type);
	if (c->opt.on_event)
		c->opt.on_event(c->opt.on_event_arg, &event);
}

static void wait_for_work(struct sf_coordinator *c)
{
	struct pollfd fds[2] = {
		{ .fd = c->wake, .events = POLLIN },
		{ .fd = c->ended ? -1 : c->opt.stopper.fd(c->opt.stopper.arg), .events = POLLIN },
	};
	uint64_t count;

	if (poll(fds, ARRAY_SIZE(fds), c->ended ? -1 : POLL_MS) > 0 && fds[0].revents &&
	    read(c->wake, &count, sizeof(count)) < 0)
		sf_log(&c->opt.log, SF_LOG_DEBUG, "eventfd: %m");
}

static void *run(void *arg)
{
	struct sf_coordinator *c = arg;

	for (bool quit = false;;) {
		_cleanup_(request_cleanup) struct request *r = NULL;

		look_at_guest(c);
		r = take_request(c, &quit);
		if (r && quit)
			refuse(r);
		else if (r)
			serve(c, r);
		else if (quit)
			return NULL;
		else
			wait_for_work(c);
	}
}

/* Signals are the caller's to receive, on its own threads. */
static int start_thread(struct sf_coordinator *c)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static void release(struct sf_coordinator *c)
{
	sf_capturer_free(c->capturer);
	sf_kernel_unref(c->kernel);
	sf_image_unref(c->opt.ram);
	if (c->wake >= 0)
		close(c->wake);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->ports);
	free(c->regs);
	free(c);
}

struct sf_error *sf_coordinator_new(const struct sf_coordinator_options *opt, struct sf_coordinator **ret)
{
	struct sf_coordinator *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return sf_error_nomem();
	c->opt = *opt;
	if (!c->opt.stop_timeout)
		c->opt.stop_timeout = DEFAULT_STOP_TIMEOUT;
	sf_image_ref(c->opt.ram);
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->ports, NULL);
	c->regs = calloc(opt->stopper.n_cpus + 1, sizeof(*c->regs));
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = c->regs && c->wake >= 0 ? start_thread(c) : errno;
	if (err) {
		release(c);
		return sf_error_sys(err, "coordinator");
	}
	*ret = c;
	return NULL;
}

void sf_coordinator_free(struct sf_coordinator *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->quit = true;
	pthread_mutex_unlock(&c->lock);
	wake(c);
	pthread_join(c->thread, NULL);
	release(c);
}

/* ---- waiting for one ------------------------------------------------------------------------------------------- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	struct sf_frame *frame;
	struct sf_error *err;
};

static void wake_waiter(void *arg, struct sf_frame *frame, struct sf_error *err)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->frame = frame;
	w->err = sf_error_copy(err);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

struct sf_error *sf_coordinator_capture(struct sf_coordinator *c, const struct sf_capture_request *req,
					struct sf_frame **ret)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

	SF_TRY(sf_coordinator_request(c, req, wake_waiter, &w));
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	*ret = w.frame;
	return w.err;
}

void sf_coordinator_lock_ports(struct sf_coordinator *c)
{
	pthread_mutex_lock(&c->ports);
}

void sf_coordinator_unlock_ports(struct sf_coordinator *c)
{
	pthread_mutex_unlock(&c->ports);
}

void sf_coordinator_totals(struct sf_coordinator *c, struct sf_freeze_totals *ret)
{
	pthread_mutex_lock(&c->lock);
	*ret = c->totals;
	pthread_mutex_unlock(&c->lock);
}

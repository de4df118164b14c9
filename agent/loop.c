/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/timerfd.h>
#include <time.h>

#include "loop.h"
#include "wire/rpc.h"

struct sf_error *loop_init(struct loop *loop)
{
	*loop = (struct loop){ .epoll = -1, .timerfd = -1 };
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return sf_error_sys(errno, "an epoll instance");
	loop->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	if (loop->timerfd < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timerfd, &event)) {
		struct sf_error *err = sf_error_sys(errno, "a timer");

		loop_close(loop);
		return err;
	}
	return NULL;
}

void loop_close(struct loop *loop)
{
	if (loop->timerfd >= 0)
		close(loop->timerfd);
	if (loop->epoll >= 0)
		close(loop->epoll);
	*loop = (struct loop){ .epoll = -1, .timerfd = -1 };
}

struct sf_error *loop_add(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event))
		return sf_error_sys(errno, "waiting for descriptor %d", source->fd);
	return NULL;
}

void loop_change(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_remove(struct loop *loop, struct source *source)
{
	if (source->fd >= 0)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_arm(struct loop *loop, struct timer *timer, uint64_t at_ns)
{
	timer->at_ns = at_ns;
	if (timer->armed)
		return;
	timer->armed = true;
	timer->next = loop->timers;
	loop->timers = timer;
}

void loop_disarm(struct loop *loop, struct timer *timer)
{
	for (struct timer **p = &loop->timers; *p; p = &(*p)->next) {
		if (*p == timer) {
			*p = timer->next;
			break;
		}
	}
	timer->armed = false;
}

static struct timer *earliest(const struct loop *loop)
{
	struct timer *first = NULL;

	for (struct timer *t = loop->timers; t; t = t->next)
		if (!first || t->at_ns < first->at_ns)
			first = t;
	return first;
}

static void set_alarm(struct loop *loop, uint64_t at_ns)
{
	struct itimerspec spec = { 0 };

	/* UINT64_MAX is never; 0 would disarm. */
	if (at_ns != UINT64_MAX) {
		spec.it_value.tv_sec = (time_t)(at_ns / 1000000000u);
		spec.it_value.tv_nsec = (long)(at_ns % 1000000000u);
		if (!at_ns)
			spec.it_value.tv_nsec = 1;
	}
	timerfd_settime(loop->timerfd, TFD_TIMER_ABSTIME, &spec, NULL);
}

bool loop_once(struct loop *loop, uint64_t until)
{
	struct timer *timer = earliest(loop);
	uint64_t now = sf_wire_now();
	struct epoll_event event;

	/* Timers first: what was due by @until happens even when we come late. */
	if (timer && timer->at_ns <= sf_min(now, until)) {
		loop_disarm(loop, timer);
		timer->fired(timer);
		return true;
	}
	if (now >= until)
		return false;
	set_alarm(loop, timer ? sf_min(timer->at_ns, until) : until);
	if (epoll_wait(loop->epoll, &event, 1, -1) == 1 && event.data.ptr) {
		struct source *source = event.data.ptr;

		source->ready(source, event.events);
	}
	return true;
}

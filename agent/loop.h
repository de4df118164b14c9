/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_AGENT_LOOP_H
#define SF_AGENT_LOOP_H

/*
 * What PID 1 waits for: descriptors and points in time, on one thread. Sources and timers are embedded in what they are
 * about and owned by it; the loop keeps pointers until they are removed. One event is handed out at a time, so that a
 * handler may remove and free anything, itself included.
 */

#include <sys/epoll.h>

#include "base/error.h"

struct source {
	int fd; /* owned by whoever embeds the source */
	void (*ready)(struct source *source, uint32_t events);
};

struct timer {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	bool armed;
	void (*fired)(struct timer *timer);
	struct timer *next;
};

struct loop {
	int epoll;
	int timerfd;
	struct timer *timers;
};

SF_CHECKED struct sf_error *loop_init(struct loop *loop);
void loop_close(struct loop *loop);

SF_CHECKED struct sf_error *loop_add(struct loop *loop, struct source *source, uint32_t events);
void loop_change(struct loop *loop, struct source *source, uint32_t events);
void loop_remove(struct loop *loop, struct source *source); /* the descriptor stays open */

void loop_arm(struct loop *loop, struct timer *timer, uint64_t at_ns); /* again: moves it */
void loop_disarm(struct loop *loop, struct timer *timer);

/* Waits for one event or until @until, and handles it. False: @until has come, and what was due by then has fired. */
bool loop_once(struct loop *loop, uint64_t until);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BRIDGE_PRIVATE_H
#define SF_BRIDGE_PRIVATE_H

/*
 * The bridge: a named store of captures with its order, its limits and the events that say what was lost; logs of what
 * was asked of kernel memory and of cgroups; watches; and which bridge is the calling thread's. It captures nothing
 * itself: callbacks do. It touches memory only, and knows frames by their public face.
 *
 * Three locks, none of which is ever taken within another: one for the store with its events, one for each log. None is
 * held while a callback runs, the listener of the log among them: what is to be said is collected in struct sf_lines
 * under the lock and said after it. Nothing half-made is anywhere while a callback runs, but for what the thread's own
 * stack (thread.c) has written down, so that a callback may leave by ending its thread, or by longjmp() before
 * sf_bridge_reset_thread().
 *
 * Owners: the store owns its entries, an entry its name, statistics and one reference to its frame; a drain moves entries
 * to the list that it gives. An event owns its strings. The thread's stack has a reference for each of its levels.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "stillframe/bridge.h"

/* ---- events ------------------------------------------------------------------------------------------------------- */

struct sf_event {
	struct sf_bridge_event e; /* its strings follow */
	struct sf_event *next;
};

struct sf_events {
	struct sf_event *first, **last;
	size_t n;
	uint64_t dropped;
};

struct sf_line {
	struct sf_line *next;
	char text[];
};

/* What is to be logged once the lock is released. Zero-initialise. */
struct sf_lines {
	struct sf_line *first, *last;
};

/* Queues a copy of @event, and its sentence in @lines if anybody listens. With the lock held. */
void sf_events_note(struct sf_bridge *b, const struct sf_bridge_event *event, struct sf_lines *lines);
/* The same with nothing held: takes the lock, and logs. */
void sf_events_say(struct sf_bridge *b, const struct sf_bridge_event *event);
void sf_events_clear(struct sf_events *events);
/* With no lock held. */
void sf_lines_log(struct sf_bridge *b, struct sf_lines *lines);
void sf_lines_cleanup(struct sf_lines *lines);
#define _cleanup_lines_ _cleanup_(sf_lines_cleanup)

/* ---- store -------------------------------------------------------------------------------------------------------- */

struct sf_stored {
	struct sf_drained_entry e;
	struct sf_stored *chain;         /* in its bucket; in a list of what is to be freed */
	struct sf_stored *older, *newer; /* in the order */
	uint64_t hash;
	bool is_ordered;
	bool is_periodic_real;
	char names[];                    /* the tag, the text of no_stats */
};

/* What there is by its name, and in which order it came. One without the other is a bug, and is looked for. */
struct sf_store {
	struct sf_stored **buckets;
	size_t n_buckets;                /* a power of two */
	size_t n, n_ordered;
	uint32_t n_periodic_real;
	struct sf_stored *oldest, *newest;
};

SF_CHECKED struct sf_error *sf_store_init(struct sf_store *store);
void sf_store_clear(struct sf_store *store);
SF_CHECKED struct sf_error *sf_stored_new(const char *tag, struct sf_frame *frame, const struct sf_stamp *stamp,
					  struct sf_stored **ret);
/* Two halves of keeping a new name; both take what the store does not have. With the lock held. */
void sf_store_add(struct sf_store *store, struct sf_stored *entry);
void sf_store_append(struct sf_store *store, struct sf_stored *entry);

/* ---- logs --------------------------------------------------------------------------------------------------------- */

struct sf_logged {
	struct sf_logged *next;
};

struct sf_bridge_log {
	pthread_mutex_t lock;
	struct sf_logged *first, **last;
};

void sf_bridge_log_init(struct sf_bridge_log *log);
void sf_bridge_log_done(struct sf_bridge_log *log);

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

struct sf_bridge {
	atomic_uint refs;
	atomic_uint watches;
	struct sf_bridge_options opt;
	pthread_mutex_t lock; /* of the two below */
	struct sf_store store;
	struct sf_events events;
	struct sf_bridge_log kernel_ops, cgroups;
};

/* ---- thread ------------------------------------------------------------------------------------------------------- */

/* What a level of the thread's stack is. Each has a reference to its bridge. */
enum sf_level_kind {
	SF_LEVEL_INSTALLED,
	SF_LEVEL_ACTIVE,   /* a function of sf_bridge_with_active() runs */
	SF_LEVEL_WATCHING, /* a callback registers a watch, whose place is given back with the level */
};

SF_CHECKED struct sf_error *sf_thread_enter(enum sf_level_kind kind, struct sf_bridge *b, uint64_t *ret_serial);
/*
 * Ends the level @serial, and those of callbacks above it, which were left by longjmp(). With @keep its watch stays
 * taken. false: there is no such level any more, and nothing was kept.
 */
bool sf_thread_leave(uint64_t serial, bool keep);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bridge's life, and its options. */
#include "private.h"

#define MAX_LIMIT (1u << 20)

static struct sf_error *take_options(const struct sf_bridge_options *options, struct sf_bridge_options *ret)
{
	struct sf_bridge_options own = { 0 };

	if (options)
		memcpy(&own, options, sf_min(options->size, sizeof(own)));
	own.size = sizeof(own);
	own.max_snapshots = own.max_snapshots ?: SF_MAX_STORED_SNAPSHOTS;
	own.max_events = own.max_events ?: SF_MAX_STORED_EVENTS;
	own.max_watches = own.max_watches ?: SF_MAX_WATCH_SNAPSHOTS;
	const struct { const char *what; uint32_t n; } limits[] = {
		{ "captures", own.max_snapshots }, { "events", own.max_events }, { "watches", own.max_watches },
	};
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].n > MAX_LIMIT)
			return sf_error_new(SF_USAGE, "a bridge keeps at most %u %s, not %u", MAX_LIMIT, limits[i].what,
					    limits[i].n);
	*ret = own;
	return NULL;
}

struct sf_error *sf_bridge_new(const struct sf_bridge_options *options, struct sf_bridge **ret)
{
	struct sf_bridge_options own;

	SF_TRY(take_options(options, &own));
	_cleanup_free_ struct sf_bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return sf_error_nomem();
	SF_TRY(sf_store_init(&b->store));
	b->opt = own;
	b->events.last = &b->events.first;
	atomic_init(&b->refs, 1);
	atomic_init(&b->watches, 0);
	pthread_mutex_init(&b->lock, NULL);
	sf_bridge_log_init(&b->kernel_ops);
	sf_bridge_log_init(&b->cgroups);
	*ret = steal_ptr(&b);
	return NULL;
}

struct sf_bridge *sf_bridge_ref(struct sf_bridge *bridge)
{
	if (bridge)
		atomic_fetch_add_explicit(&bridge->refs, 1, memory_order_relaxed);
	return bridge;
}

void sf_bridge_unref(struct sf_bridge *bridge)
{
	if (!bridge || atomic_fetch_sub_explicit(&bridge->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* Freed whole before the callback, which may leave by ending its thread. */
	void (*destroy)(void *) = bridge->opt.destroy;
	void *arg = bridge->opt.arg;

	sf_store_clear(&bridge->store);
	sf_events_clear(&bridge->events);
	sf_bridge_log_done(&bridge->kernel_ops);
	sf_bridge_log_done(&bridge->cgroups);
	pthread_mutex_destroy(&bridge->lock);
	free(bridge);
	if (destroy)
		destroy(arg);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches: so many and no more, and none is ever given back but by a registration that failed. */
#include "private.h"

/* A place that is given back on every way out but one. Which it is stands on the thread's stack, for ways by longjmp(). */
static void lease_cleanup(const uint64_t *serial)
{
	sf_thread_leave(*serial, false);
}

static bool take_place(struct sf_bridge *b)
{
	unsigned int n = atomic_load(&b->watches);

	do {
		if (n >= b->opt.max_watches)
			return false;
	} while (!atomic_compare_exchange_weak(&b->watches, &n, n + 1));
	return true;
}

struct sf_error *sf_bridge_register_watch(struct sf_bridge *bridge, const char *symbol)
{
	_cleanup_(lease_cleanup) uint64_t serial = UINT64_MAX;
	struct sf_error *err;

	if (!symbol || !*symbol)
		return sf_error_new(SF_USAGE, "what is watched is a kernel variable, by its name");
	if (!take_place(bridge))
		return sf_error_new(SF_WATCH, "'%s' is not watched: cap exceeded, there are %u watches already", symbol,
				    bridge->opt.max_watches);
	err = sf_thread_enter(SF_LEVEL_WATCHING, bridge, &serial);
	if (err) {
		atomic_fetch_sub(&bridge->watches, 1);
		return err;
	}
	if (!bridge->opt.watch_register)
		return sf_error_new(SF_WATCH, "'%s' is not watched: no watch-register callback installed", symbol);
	SF_TRY(bridge->opt.watch_register(bridge->opt.arg, symbol));
	if (!sf_thread_leave(serial, true))
		return sf_error_new(SF_WATCH, "'%s' is watched but not counted: its callback has reset the thread", symbol);
	return NULL;
}

uint32_t sf_bridge_watch_count(struct sf_bridge *bridge)
{
	return atomic_load(&bridge->watches);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread's own stack: which bridges are installed on it, and which callbacks run. It is heap memory that nothing on
 * the thread's call stack links to, so that a test which is left by longjmp() leaves levels behind but no dead pointers.
 */
#include "private.h"

struct level {
	enum sf_level_kind kind;
	uint64_t serial;
	struct sf_bridge *bridge;
};

struct levels {
	uint64_t thread; /* a number of its own, that no other thread ever has */
	uint64_t last_serial;
	struct level *v;
	size_t n, cap;
};

/* The thread-local stack of bridges, which is all that this library keeps outside of its objects. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;
static atomic_uint_fast64_t last_thread;

static void release(struct level level)
{
	if (level.kind == SF_LEVEL_WATCHING)
		atomic_fetch_sub(&level.bridge->watches, 1);
	sf_bridge_unref(level.bridge);
}

/* The last first. One at a time: the end of a bridge is a callback's, which may come back here. */
static void end_all(struct levels *t)
{
	while (t->n)
		release(t->v[--t->n]);
}

static void thread_ends(void *arg)
{
	struct levels *t = arg;

	end_all(t);
	free(t->v);
	free(t);
}

static void make_key(void)
{
	has_key = !pthread_key_create(&key, thread_ends);
}

/* Where the library is unloaded, threads that go on may not call into it when they end. */
__attribute__((destructor)) static void delete_key(void)
{
	if (has_key)
		pthread_key_delete(key);
}

/* NULL: this thread never had any. */
static struct levels *levels(void)
{
	pthread_once(&once, make_key);
	return has_key ? pthread_getspecific(key) : NULL;
}

static struct sf_error *make_levels(struct levels **ret)
{
	struct levels *t = levels();

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return sf_error_nomem();
		t->thread = atomic_fetch_add(&last_thread, 1) + 1;
		if (!has_key || pthread_setspecific(key, t)) {
			free(t);
			return sf_error_new(SF_SYSTEM, "no thread-local storage is left for bridges");
		}
	}
	*ret = t;
	return NULL;
}

/* The last level of this kind; NULL: there is none. */
static const struct level *last_of(const struct levels *t, enum sf_level_kind kind)
{
	for (size_t i = t ? t->n : 0; i > 0; i--)
		if (t->v[i - 1].kind == kind)
			return &t->v[i - 1];
	return NULL;
}

static struct level take_out(struct levels *t, size_t i)
{
	struct level level = t->v[i];

	memmove(&t->v[i], &t->v[i + 1], (t->n - i - 1) * sizeof(*t->v));
	t->n--;
	return level;
}

struct sf_error *sf_thread_enter(enum sf_level_kind kind, struct sf_bridge *b, uint64_t *ret_serial)
{
	struct levels *t;

	SF_TRY(make_levels(&t));
	struct level *level = sf_vec_push(t);

	if (!level)
		return sf_error_nomem();
	*level = (struct level){ .kind = kind, .serial = ++t->last_serial, .bridge = sf_bridge_ref(b) };
	*ret_serial = level->serial;
	return NULL;
}

bool sf_thread_leave(uint64_t serial, bool keep)
{
	struct levels *t = levels();

	/* Serials grow upwards. Installations above stay: whoever made them has their tokens. */
	for (size_t i = t ? t->n : 0; i > 0; i = sf_min(i - 1, t->n)) {
		if (t->v[i - 1].serial < serial)
			return false;
		if (t->v[i - 1].kind == SF_LEVEL_INSTALLED)
			continue;
		struct level level = take_out(t, i - 1);

		if (level.serial != serial) {
			release(level);
			continue;
		}
		if (keep)
			sf_bridge_unref(level.bridge);
		else
			release(level);
		return true;
	}
	return false;
}

/* ---- installations ------------------------------------------------------------------------------------------------ */

struct sf_error *sf_bridge_install(struct sf_bridge *bridge, struct sf_bridge_guard *ret)
{
	struct sf_bridge_guard guard;

	if (!bridge)
		return sf_error_new(SF_USAGE, "there is no bridge to be installed");
	if (last_of(levels(), SF_LEVEL_ACTIVE))
		return sf_error_new(SF_USAGE,
				    "a bridge cannot be installed by a function that was given the thread's bridge");
	SF_TRY(sf_thread_enter(SF_LEVEL_INSTALLED, bridge, &guard.priv[1]));
	guard.priv[0] = levels()->thread;
	*ret = guard;
	return NULL;
}

struct sf_error *sf_bridge_uninstall(struct sf_bridge_guard guard)
{
	struct levels *t = levels();

	if (!guard.priv[0])
		return NULL;
	if (!t || t->thread != guard.priv[0])
		return sf_error_new(SF_USAGE,
				    "a bridge that was installed on another thread can only be uninstalled there");
	if (last_of(t, SF_LEVEL_ACTIVE))
		return sf_error_new(SF_USAGE,
				    "a bridge cannot be uninstalled by a function that was given the thread's bridge");
	const struct level *last = last_of(t, SF_LEVEL_INSTALLED);

	if (!last || last->serial < guard.priv[1])
		return sf_error_new(SF_USAGE, "this installation of a bridge has ended before");
	if (last->serial != guard.priv[1])
		return sf_error_new(SF_USAGE,
				    "installations of bridges end in the opposite order: this one is not the last");
	release(take_out(t, (size_t)(last - t->v)));
	return NULL;
}

void sf_bridge_reset_thread(void)
{
	struct levels *t = levels();

	if (t)
		end_all(t);
}

static void leave_cleanup(const uint64_t *serial)
{
	sf_thread_leave(*serial, false);
}

bool sf_bridge_with_active(sf_bridge_fn *fn, void *arg)
{
	const struct level *last = last_of(levels(), SF_LEVEL_INSTALLED);

	if (!last)
		return false;
	struct sf_bridge *b = last->bridge;
	_cleanup_(leave_cleanup) uint64_t serial = UINT64_MAX;
	SF_OWNED(error) err = sf_thread_enter(SF_LEVEL_ACTIVE, b, &serial);

	if (err)
		return false;
	fn(b, arg);
	return true;
}

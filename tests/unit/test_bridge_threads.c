/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bridge and threads: which one a thread has, callbacks that come back or never return, and many at once. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "stillframe/bridge.h"

#define N_THREADS 8
#define ROUNDS 200
#define REGISTRATIONS 10000

static struct sf_bridge *bridge_of(const struct sf_bridge_options *options)
{
	struct sf_bridge *b = NULL;

	assert_ok(sf_bridge_new(options, &b));
	return b;
}

static void run_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
	pthread_join(thread, NULL);
}

static void note(struct sf_bridge *b, void *arg)
{
	*(struct sf_bridge **)arg = b;
}

/* NULL: none. */
static struct sf_bridge *active(void)
{
	struct sf_bridge *b = NULL;

	sf_bridge_with_active(note, &b);
	return b;
}

static int end_thread(void **state)
{
	(void)state;
	sf_bridge_reset_thread();
	return 0;
}

static struct sf_error *capture_placeholder(void *arg, const char *tag, struct sf_frame **ret)
{
	(void)arg;
	*ret = sf_frame_placeholder(tag, "by hand");
	return NULL;
}

/* ---- the thread's bridge ------------------------------------------------------------------------------------------ */

static void *active_here(void *arg)
{
	*(struct sf_bridge **)arg = active();
	return NULL;
}

static void capture_into(struct sf_bridge *b, void *arg)
{
	*(bool *)arg = sf_bridge_capture(b, "by an operation", NULL);
}

static void edge_13_installations_nest(void **state)
{
	const struct sf_bridge_options options = { .size = sizeof(options), .capture = capture_placeholder };
	SF_OWNED(bridge) outer = bridge_of(&options);
	SF_OWNED(bridge) inner = bridge_of(NULL);
	SF_OWNED(bridge) kept = sf_bridge_ref(outer);
	struct sf_bridge *elsewhere = inner;
	bool captured = false;

	(void)state;
	assert_null(active());
	{
		SF_BRIDGE_GUARD first = { { 0 } };

		assert_ok(sf_bridge_install(outer, &first));
		assert_ptr_equal(active(), outer);
		{
			SF_BRIDGE_GUARD second = { { 0 } };

			assert_ok(sf_bridge_install(inner, &second));
			assert_ptr_equal(active(), inner);
			run_thread(active_here, &elsewhere);
			assert_null(elsewhere);
		}
		assert_ptr_equal(active(), outer);
		assert_true(sf_bridge_with_active(capture_into, &captured));
		assert_true(captured);
	}
	assert_null(active());
	assert_true(sf_bridge_has(kept, "by an operation"));
	assert_false(sf_bridge_with_active(capture_into, &captured));
}

static void *uninstall_here(void *arg)
{
	struct sf_bridge_guard own = { { 0 } };
	SF_OWNED(bridge) b = bridge_of(NULL);

	assert_says(sf_bridge_uninstall(*(struct sf_bridge_guard *)arg), SF_USAGE, "another thread");
	/* Also where there is one to be ended. */
	assert_ok(sf_bridge_install(b, &own));
	assert_says(sf_bridge_uninstall(*(struct sf_bridge_guard *)arg), SF_USAGE, "another thread");
	assert_ok(sf_bridge_uninstall(own));
	return NULL;
}

static void tokens_end_what_they_began_and_nothing_else(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);
	SF_OWNED(bridge) c = bridge_of(NULL);
	struct sf_bridge_guard first, second, zero = { { 0 } };

	(void)state;
	assert_ok(sf_bridge_uninstall(zero));
	assert_code(sf_bridge_install(NULL, &first), SF_USAGE);
	assert_ok(sf_bridge_install(b, &first));
	assert_ok(sf_bridge_install(c, &second));
	assert_says(sf_bridge_uninstall(first), SF_USAGE, "not the last");
	run_thread(uninstall_here, &second);
	assert_ptr_equal(active(), c);
	assert_ok(sf_bridge_uninstall(second));
	assert_says(sf_bridge_uninstall(second), SF_USAGE, "ended before");
	assert_ptr_equal(active(), b);
	assert_ok(sf_bridge_uninstall(first));
	assert_says(sf_bridge_uninstall(first), SF_USAGE, "ended before");
}

static void change_installations(struct sf_bridge *b, void *arg)
{
	struct sf_bridge_guard other;

	assert_says(sf_bridge_install(b, &other), SF_USAGE, "cannot be installed");
	assert_says(sf_bridge_uninstall(*(struct sf_bridge_guard *)arg), SF_USAGE, "cannot be uninstalled");
	assert_ptr_equal(active(), b);
}

static void a_function_with_the_bridge_may_not_change_it(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);
	struct sf_bridge_guard guard;

	(void)state;
	assert_ok(sf_bridge_install(b, &guard));
	assert_true(sf_bridge_with_active(change_installations, &guard));
	assert_ok(sf_bridge_uninstall(guard));
	assert_null(active());
}

static void reset(struct sf_bridge *b, void *arg)
{
	(void)arg;
	sf_bridge_reset_thread();
	assert_int_equal(sf_bridge_len(b), 0);
}

static void count(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void *install_and_end(void *arg)
{
	struct sf_bridge_guard guard;

	assert_ok(sf_bridge_install(arg, &guard));
	return NULL;
}

static void a_thread_that_ends_lets_go(void **state)
{
	atomic_uint ended = 0;
	const struct sf_bridge_options options = { .size = sizeof(options), .destroy = count, .arg = &ended };
	struct sf_bridge *b = bridge_of(&options);

	(void)state;
	run_thread(install_and_end, b);
	assert_int_equal(ended, 0);
	sf_bridge_unref(b);
	assert_int_equal(ended, 1);
}

/* ---- longjmp() ---------------------------------------------------------------------------------------------------- */

static jmp_buf out;

static void leave(struct sf_bridge *b, void *arg)
{
	(void)b;
	(void)arg;
	longjmp(out, 1);
}

static struct sf_error *leave_watch(void *arg, const char *symbol)
{
	(void)arg;
	(void)symbol;
	longjmp(out, 1);
}

/* As a test whose assertion fails: the guard's scope never ends. */
__attribute__((noinline)) static void leave_with_a_bridge(struct sf_bridge *b)
{
	SF_BRIDGE_GUARD guard = { { 0 } };

	assert_ok(sf_bridge_install(b, &guard));
	sf_bridge_with_active(leave, NULL);
	fail();
}

static void a_reset_ends_what_longjmp_left(void **state)
{
	static struct sf_bridge *b; /* longjmp() keeps it */
	atomic_uint ended = 0;
	const struct sf_bridge_options options = { .size = sizeof(options), .destroy = count, .arg = &ended,
						   .watch_register = leave_watch };
	struct sf_bridge_guard guard;

	(void)state;
	b = bridge_of(&options);
	if (!setjmp(out))
		leave_with_a_bridge(b);
	assert_ptr_equal(active(), b);
	if (!setjmp(out))
		sf_error_free(sf_bridge_register_watch(b, "jiffies"));
	assert_int_equal(sf_bridge_watch_count(b), 1);
	sf_bridge_reset_thread();
	assert_int_equal(sf_bridge_watch_count(b), 0);
	assert_null(active());
	/* What the next test does. */
	assert_ok(sf_bridge_install(b, &guard));
	assert_true(sf_bridge_with_active(reset, NULL));
	assert_null(active());
	assert_says(sf_bridge_uninstall(guard), SF_USAGE, "ended before");
	assert_int_equal(ended, 0);
	sf_bridge_unref(b);
	assert_int_equal(ended, 1);
}

/* A callback that is left from within another is gone when the outer one returns. */
static struct sf_error *leave_the_inner_one(void *arg, const char *symbol)
{
	static jmp_buf back;

	if (!strcmp(symbol, "inner"))
		longjmp(back, 1);
	if (!setjmp(back))
		sf_error_free(sf_bridge_register_watch(*(struct sf_bridge **)arg, "inner"));
	return NULL;
}

static void the_outer_callback_reclaims_what_an_inner_one_left(void **state)
{
	struct sf_bridge *self = NULL;
	const struct sf_bridge_options options = { .size = sizeof(options), .watch_register = leave_the_inner_one,
						   .arg = &self };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	self = b;
	assert_ok(sf_bridge_register_watch(b, "outer"));
	assert_int_equal(sf_bridge_watch_count(b), 1);
}

/* ---- watches ------------------------------------------------------------------------------------------------------ */

static struct sf_error *watch(void *arg, const char *symbol)
{
	(void)arg;
	if (!strcmp(symbol, "bad"))
		return sf_error_new(SF_NOT_FOUND, "there is no bad");
	if (!strcmp(symbol, "exit"))
		pthread_exit(NULL);
	return NULL;
}

static void *watch_and_exit(void *arg)
{
	sf_error_free(sf_bridge_register_watch(arg, "exit"));
	return arg;
}

static void edge_12_watches_that_fail_give_their_place_back(void **state)
{
	const struct sf_bridge_options options = { .size = sizeof(options), .watch_register = watch };
	SF_OWNED(bridge) b = bridge_of(&options);
	SF_OWNED(bridge) none = bridge_of(NULL);

	(void)state;
	assert_says(sf_bridge_register_watch(none, "jiffies"), SF_WATCH, "no watch-register callback installed");
	assert_says(sf_bridge_register_watch(none, "jiffies"), SF_WATCH, "jiffies");
	assert_int_equal(sf_bridge_watch_count(none), 0);
	assert_code(sf_bridge_register_watch(b, ""), SF_USAGE);
	assert_ok(sf_bridge_register_watch(b, "same"));
	assert_ok(sf_bridge_register_watch(b, "same"));
	assert_int_equal(sf_bridge_watch_count(b), 2);
	for (int i = 0; i < 5; i++) {
		SF_OWNED(error) err = sf_bridge_register_watch(b, "bad");

		assert_string_equal(sf_error_message(err), "there is no bad");
		run_thread(watch_and_exit, b);
		assert_int_equal(sf_bridge_watch_count(b), 2);
	}
	assert_ok(sf_bridge_register_watch(b, "third"));
	assert_says(sf_bridge_register_watch(b, "bad"), SF_WATCH, "cap exceeded");
	assert_int_equal(sf_bridge_watch_count(b), 3);
}

struct registrars {
	struct sf_bridge *b;
	pthread_barrier_t start;
	atomic_uint n_good, worst;
};

/* All but one of each thread fail, so that places come and go. */
static struct sf_error *watch_sometimes(void *arg, const char *symbol)
{
	struct registrars *r = arg;
	uint32_t n = sf_bridge_watch_count(r->b);

	if (n > atomic_load(&r->worst))
		atomic_store(&r->worst, n);
	return strcmp(symbol, "good") ? sf_error_new(SF_NOT_FOUND, "no") : NULL;
}

static void *register_many(void *arg)
{
	struct registrars *r = arg;

	pthread_barrier_wait(&r->start);
	for (int i = 0; i < REGISTRATIONS; i++) {
		bool is_good = i == REGISTRATIONS / 2;
		SF_OWNED(error) err = sf_bridge_register_watch(r->b, is_good ? "good" : "bad");

		if (is_good && !err)
			atomic_fetch_add(&r->n_good, 1);
	}
	return NULL;
}

static void run_threads(void *(*fn)(void *), void *arg)
{
	pthread_t threads[N_THREADS];

	for (unsigned int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fn, arg), 0);
	for (unsigned int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void edge_12_registrars_at_once_never_exceed_the_limit(void **state)
{
	struct registrars r = { 0 };
	const struct sf_bridge_options options = { .size = sizeof(options), .watch_register = watch_sometimes, .arg = &r };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	r.b = b;
	assert_int_equal(pthread_barrier_init(&r.start, NULL, N_THREADS), 0);
	run_threads(register_many, &r);
	pthread_barrier_destroy(&r.start);
	assert_in_range(r.worst, 1, 3);
	assert_int_equal(sf_bridge_watch_count(b), r.n_good);
	assert_in_range(r.n_good, 0, 3);
}

/* ---- callbacks that come back ------------------------------------------------------------------------------------- */

struct again {
	struct sf_bridge *b;
	unsigned int depth;
};

static struct sf_error *capture_again(void *arg, const char *tag, struct sf_frame **ret)
{
	struct again *a = arg;

	if (!a->depth++) {
		assert_true(sf_bridge_capture(a->b, "from within", NULL));
		assert_true(sf_bridge_has(a->b, "from within"));
		assert_ok(sf_bridge_register_watch(a->b, "jiffies"));
	}
	*ret = sf_frame_placeholder(tag, "by hand");
	return NULL;
}

static struct sf_error *watch_again(void *arg, const char *symbol)
{
	struct again *a = arg;

	assert_int_equal(sf_bridge_watch_count(a->b), 1);
	assert_true(sf_bridge_capture(a->b, symbol, NULL));
	return NULL;
}

static void op_again(void *arg, const struct sf_kernel_op_request *request, struct sf_kernel_op_reply *ret)
{
	struct again *a = arg;

	(void)request;
	ret->success = sf_bridge_capture(a->b, "op", NULL) && sf_bridge_drain_kernel_ops(a->b, NULL, NULL) == 0;
}

static void record_again(void *arg, const char *tag, const struct sf_kernel_op_reply *reply)
{
	struct again *a = arg;

	assert_ok(sf_bridge_record_kernel_op(a->b, tag, reply));
}

static void callbacks_may_use_the_bridge(void **state)
{
	struct again a = { 0 };
	const struct sf_bridge_options options = { .size = sizeof(options), .capture = capture_again,
						   .watch_register = watch_again, .kernel_op = op_again, .arg = &a };
	const struct sf_kernel_op_request request = { .size = sizeof(request) };
	struct sf_kernel_op_reply reply = { .size = sizeof(reply) };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	a.b = b;
	assert_true(sf_bridge_capture(b, "outer", NULL));
	assert_true(sf_bridge_has(b, "jiffies"));
	assert_int_equal(sf_bridge_len(b), 3);
	assert_true(sf_bridge_kernel_op(b, &request, &reply));
	assert_true(reply.success);
	assert_int_equal(sf_bridge_drain_kernel_ops(b, record_again, &a), 1);
	assert_int_equal(sf_bridge_drain_kernel_ops(b, NULL, NULL), 1);
}

static struct sf_error *capture_and_exit(void *arg, const char *tag, struct sf_frame **ret)
{
	(void)arg;
	*ret = sf_frame_placeholder(tag, "by hand");
	pthread_exit(NULL);
}

static void capture_in(struct sf_bridge *b, void *arg)
{
	(void)arg;
	sf_bridge_capture(b, "never", NULL);
}

static void *capture_never(void *arg)
{
	SF_BRIDGE_GUARD guard = { { 0 } };

	assert_ok(sf_bridge_install(arg, &guard));
	sf_bridge_with_active(capture_in, NULL);
	return NULL;
}

static void a_callback_may_end_its_thread(void **state)
{
	atomic_uint ended = 0;
	const struct sf_bridge_options options = { .size = sizeof(options), .capture = capture_and_exit, .destroy = count,
						   .arg = &ended };
	struct sf_bridge *b = bridge_of(&options);

	(void)state;
	run_thread(capture_never, b);
	assert_int_equal(sf_bridge_len(b), 0);
	assert_int_equal(sf_bridge_event_count(b), 0);
	sf_bridge_unref(b);
	assert_int_equal(ended, 1);
}

/* ---- all at once -------------------------------------------------------------------------------------------------- */

struct crowd {
	struct sf_bridge *b;
	pthread_barrier_t start;
	atomic_uint next, n_captured, n_drained, n_events, n_ops, n_procs;
};

static void answer(void *arg, const struct sf_kernel_op_request *request, struct sf_kernel_op_reply *ret)
{
	(void)arg;
	ret->id = request->id;
	ret->success = true;
}

static void drain_all(struct crowd *c)
{
	SF_OWNED(bridge_events) events = NULL;
	SF_OWNED(drained) drained = NULL;

	assert_ok(sf_bridge_drain(c->b, &drained));
	assert_ok(sf_bridge_drain_events(c->b, &events));
	atomic_fetch_add(&c->n_drained, (unsigned int)sf_drained_len(drained));
	/* Of this crowd, each event is of a capture that went. */
	atomic_fetch_add(&c->n_events, (unsigned int)sf_bridge_events_len(events));
	atomic_fetch_add(&c->n_ops, (unsigned int)sf_bridge_drain_kernel_ops(c->b, NULL, NULL));
	atomic_fetch_add(&c->n_procs, (unsigned int)sf_bridge_drain_cgroup_procs(c->b, NULL, NULL));
}

static void *use_all(void *arg)
{
	struct crowd *c = arg;
	SF_OWNED(bridge) b = sf_bridge_ref(c->b);
	SF_BRIDGE_GUARD guard = { { 0 } };

	assert_ok(sf_bridge_install(b, &guard));
	pthread_barrier_wait(&c->start);
	unsigned int me = atomic_fetch_add(&c->next, 1);

	for (unsigned int i = 0; i < ROUNDS; i++) {
		const struct sf_kernel_op_request request = { .size = sizeof(request), .tag = "t", .id = i };
		const struct sf_cgroup_procs procs = { .tag = "t", .cgroup = "/" };
		_cleanup_free_ char *tag = sf_asprintf("t%u", me * ROUNDS % 40 + i % 50);
		struct sf_kernel_value value;

		assert_ptr_equal(active(), b);
		if (sf_bridge_capture(b, tag, NULL))
			atomic_fetch_add(&c->n_captured, 1);
		assert_true(sf_bridge_kernel_op(b, &request, NULL));
		assert_false(sf_bridge_kernel_value(b, "t", &value));
		assert_ok(sf_bridge_record_cgroup_procs(b, &procs));
		assert_true(sf_bridge_len(b) <= 32);
		if (i % 50 == 49)
			drain_all(c);
	}
	return NULL;
}

static void nothing_is_lost_uncounted_where_all_are_at_once(void **state)
{
	const struct sf_bridge_options options = { .size = sizeof(options), .max_snapshots = 32, .max_events = 1u << 16,
						   .capture = capture_placeholder, .kernel_op = answer };
	SF_OWNED(bridge) b = bridge_of(&options);
	struct crowd c = { .b = b };

	(void)state;
	assert_int_equal(pthread_barrier_init(&c.start, NULL, N_THREADS), 0);
	run_threads(use_all, &c);
	pthread_barrier_destroy(&c.start);
	drain_all(&c);
	assert_int_equal(c.n_captured, N_THREADS * ROUNDS);
	assert_int_equal(c.n_drained + c.n_events, c.n_captured);
	assert_int_equal(c.n_ops, N_THREADS * ROUNDS);
	assert_int_equal(c.n_procs, N_THREADS * ROUNDS);
	assert_true(c.n_events > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(edge_13_installations_nest, end_thread),
		cmocka_unit_test_teardown(tokens_end_what_they_began_and_nothing_else, end_thread),
		cmocka_unit_test_teardown(a_function_with_the_bridge_may_not_change_it, end_thread),
		cmocka_unit_test_teardown(a_thread_that_ends_lets_go, end_thread),
		cmocka_unit_test_teardown(a_reset_ends_what_longjmp_left, end_thread),
		cmocka_unit_test_teardown(the_outer_callback_reclaims_what_an_inner_one_left, end_thread),
		cmocka_unit_test_teardown(edge_12_watches_that_fail_give_their_place_back, end_thread),
		cmocka_unit_test_teardown(edge_12_registrars_at_once_never_exceed_the_limit, end_thread),
		cmocka_unit_test_teardown(callbacks_may_use_the_bridge, end_thread),
		cmocka_unit_test_teardown(a_callback_may_end_its_thread, end_thread),
		cmocka_unit_test_teardown(nothing_is_lost_uncounted_where_all_are_at_once, end_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

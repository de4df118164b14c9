/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_TEST_H
#define STILLFRAME_TEST_H

/*
 * A test is one C program. Its scenario runs in the guest, its check on the host:
 *
 *	static struct sf_error *scenario(struct sf_guest *guest) { … }
 *	static struct sf_error *check(struct sf_run *run) { … }
 *
 *	int main(int argc, char **argv)
 *	{
 *		static const struct sf_test tests[] = {
 *			{ .name = "dispatches", .scenario = scenario, .check = check, .scheduler = "my.bpf.o" },
 *		};
 *		return sf_test_main(tests, 1, argc, argv);
 *	}
 *
 * Started on the host it boots a guest for each test, which starts the same program there; it prints KTAP and exits
 * with the worst verdict.
 */

#include "stillframe/guest.h"
#include "stillframe/run.h"
#include "stillframe/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sf_test {
	const char *name;        /* what it proves, in a word or few */
	const char *description; /* one line; may be NULL */
	/* In the guest, after the scheduler was attached. An error fails the test with its message. NULL: just hold. */
	struct sf_error *(*scenario)(struct sf_guest *guest);
	/* On the host, after the guest has ended. An error of an accessor or SF_ENSURE() fails the test; a missing
	 * capture or a placeholder makes it inconclusive. An error that a snapshot lent is returned as sf_error_detach()
	 * where the snapshot ends with the function. NULL: nothing is asserted. */
	struct sf_error *(*check)(struct sf_run *run);
	const char *scheduler;   /* as in struct sf_run_options; overridden by --scheduler */
	const char *const *args;
	const char *kernel;
	uint32_t cpus;
	uint64_t memory;
	uint64_t duration_ns;    /* without a scenario: how long the plain workload runs */
	bool no_workload;        /* with a scenario: no load but its own */
	const char *const *files; /* as in struct sf_run_options */
	const struct sf_capture_at *captures; /* beside those that the scenario asks for */
	size_t n_captures;
	struct sf_topology topology; /* as in struct sf_run_options */
};

/**
 * sf_test_main() - what a test program's main() is
 *
 * Options on the host: --list, --verbose, --kernel K, --scheduler S, --out DIR, --accel A, --help, and names of tests.
 *
 * Return: the exit code; the worst verdict of the tests (enum sf_verdict).
 */
SF_API int sf_test_main(const struct sf_test *tests, size_t n, int argc, char **argv);

/** sf_ensure_failed() - what SF_ENSURE() returns when its condition is false. Use the macro. */
SF_API struct sf_error *sf_ensure_failed(const char *file, int line, const char *condition, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * SF_ENSURE() - return an error from the scenario or check unless @cond holds
 *
 * The words that follow say what was seen.
 *
 * Example:
 *	uint64_t n = sf_field_u64_or(sf_view_var(view, "nr_dispatched"), 0);
 *
 *	SF_ENSURE(n > 0, "nr_dispatched is %" PRIu64, n);
 */
#define SF_ENSURE(cond, ...)                                                                       \
	do {                                                                                       \
		if (!(cond))                                                                       \
			return sf_ensure_failed(__FILE__, __LINE__, #cond, __VA_ARGS__);            \
	} while (0)

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

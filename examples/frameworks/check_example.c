/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stillframe in a test of Check. The second test fails on purpose: it shows what a failure says, and that it ends there. */
#include <check.h>
#include <stdlib.h>

#include <stillframe/assert.h>

#include "report.h"

static struct sf_snapshot *snap;

static void setup(void)
{
	SF_OWNED(frame) frame = NULL;

	sf_assert_ok(sf_frame_from_json(report, sizeof(report) - 1, &frame));
	sf_assert_ok(sf_snapshot_new(frame, &snap));
}

static void teardown(void)
{
	sf_snapshot_free(snap);
	snap = NULL;
}

START_TEST(tasks_were_dispatched)
{
	struct sf_view view = sf_snapshot_view(snap);

	sf_assert_u64(sf_view_var(view, "nr_dispatched"), >, 0);
	sf_assert_holds(view, "var(nr_dispatched) == 57");
}
END_TEST

START_TEST(too_many_were_expected)
{
	sf_assert_holds(sf_snapshot_view(snap), "var(nr_dispatched) > 100");
}
END_TEST

START_TEST(the_next_test_knows_nothing_of_it)
{
	sf_assert_code(sf_field_error(sf_view_var(sf_snapshot_view(snap), "nope")), SF_VAR_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stillframe");
	TCase *tests = tcase_create("report");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, tasks_were_dispatched);
	tcase_add_test(tests, too_many_were_expected);
	tcase_add_test(tests, the_next_test_knows_nothing_of_it);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_VERBOSE);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stillframe in a test of cmocka. The second test fails on purpose: it shows what a failure says, and that it ends there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stillframe/assert.h>

#include "report.h"

static int setup(void **state)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(error) err = sf_frame_from_json(report, sizeof(report) - 1, &frame);
	struct sf_snapshot *snap = NULL;

	if (!err)
		err = sf_snapshot_new(frame, &snap);
	*state = snap;
	return err ? -1 : 0;
}

static int teardown(void **state)
{
	sf_snapshot_free(*state);
	return 0;
}

static void tasks_were_dispatched(void **state)
{
	struct sf_view view = sf_snapshot_view(*state);

	sf_assert_u64(sf_view_var(view, "nr_dispatched"), >, 0);
	sf_assert_holds(view, "var(nr_dispatched) == 57");
}

static void too_many_were_expected(void **state)
{
	sf_assert_holds(sf_snapshot_view(*state), "var(nr_dispatched) > 100");
}

static void the_next_test_knows_nothing_of_it(void **state)
{
	sf_assert_code(sf_field_error(sf_view_var(sf_snapshot_view(*state), "nope")), SF_VAR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tasks_were_dispatched, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_were_expected, setup, teardown),
		cmocka_unit_test_setup_teardown(the_next_test_knows_nothing_of_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe in a test of the kernel's selftests. The second test fails on purpose: it shows what a failure says, and that
 * it ends there.
 */
#include <kselftest_harness.h>

#include <stillframe/assert.h>

#include "report.h"

FIXTURE(report)
{
	struct sf_snapshot *snap;
};

FIXTURE_SETUP(report)
{
	SF_OWNED(frame) frame = NULL;

	sf_assert_ok(sf_frame_from_json(report, sizeof(report) - 1, &frame));
	sf_assert_ok(sf_snapshot_new(frame, &self->snap));
}

FIXTURE_TEARDOWN(report)
{
	sf_snapshot_free(self->snap);
}

TEST_F(report, tasks_were_dispatched)
{
	struct sf_view view = sf_snapshot_view(self->snap);

	sf_assert_u64(sf_view_var(view, "nr_dispatched"), >, 0);
	sf_assert_holds(view, "var(nr_dispatched) == 57");
}

TEST_F(report, too_many_were_expected)
{
	sf_assert_holds(sf_snapshot_view(self->snap), "var(nr_dispatched) > 100");
}

TEST_F(report, the_next_test_knows_nothing_of_it)
{
	sf_assert_code(sf_field_error(sf_view_var(sf_snapshot_view(self->snap), "nope")), SF_VAR_NOT_FOUND);
}

TEST_HARNESS_MAIN

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A test of a scheduler, as its developer would write it. The scenario runs in the guest, the check on the host:
 *
 *	build/examples/dispatch_test --kernel 6.18
 */

#include <inttypes.h>
#include <stillframe/stillframe.h>

#define SECOND UINT64_C(1000000000)

static struct sf_error *scenario(struct sf_guest *guest)
{
	SF_TRY(sf_guest_cgroup_create(guest, "busy"));
	SF_TRY(sf_guest_cgroup_create(guest, "lazy"));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SPIN, "busy", 3, NULL));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SLEEP, "lazy", 4, NULL));
	SF_TRY(sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, "before", 30 * SECOND));
	sf_guest_hold(guest, SECOND);
	SF_TRY(sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, "after", 30 * SECOND));
	return sf_guest_publish_u64(guest, "workers", 7);
}

/* One global of one frame. */
static struct sf_error *read_var(struct sf_run *run, const char *frame_name, const char *var, uint64_t *ret)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	SF_TRY(sf_run_frame(run, frame_name, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	/* The accessor's error is lent by the snapshot, which ends here. */
	return sf_error_copy(sf_as(sf_view_var(sf_snapshot_view(snap), var), ret));
}

static struct sf_error *check(struct sf_run *run)
{
	uint64_t cpus, before, after, workers;

	SF_TRY(read_var(run, "before", "nr_cpus_onln", &cpus));
	SF_ENSURE(cpus == 2, "nr_cpus_onln is %" PRIu64, cpus);
	SF_TRY(read_var(run, "before", "nr_dispatched", &before));
	SF_TRY(read_var(run, "after", "nr_dispatched", &after));
	SF_ENSURE(after > before, "nr_dispatched went from %" PRIu64 " to %" PRIu64, before, after);
	SF_TRY(sf_run_value_u64(run, "workers", &workers));
	SF_ENSURE(workers == 7, "the guest said %" PRIu64, workers);
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct sf_test tests[] = {
		{
			.name = "dispatches",
			.description = "seven workers keep the scheduler dispatching",
			.scheduler = EXAMPLE_SCHEDULER,
			.kernel = "6.18",
			.scenario = scenario,
			.check = check,
			.no_workload = true,
		},
	};

	return sf_test_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}

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
	pid_t spinners[3];

	SF_TRY(sf_guest_cgroup_create(guest, "busy"));
	SF_TRY(sf_guest_cgroup_create(guest, "lazy"));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SPIN, "busy", 3, spinners));
	SF_TRY(sf_guest_publish_i64(guest, "spinner", spinners[0]));
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
	return sf_error_detach(sf_as(sf_view_var(sf_snapshot_view(snap), var), ret));
}

static bool tid_is(struct sf_entry e, void *pid)
{
	int64_t tid;

	return sf_field_try_i64(sf_entry_get(e, "tid"), &tid) && tid == *(int64_t *)pid;
}

/* What the scheduler knows of the first spinner: found by its pid, which the guest said, and by the owner of the value. */
static struct sf_error *check_spinner(struct sf_view view, int64_t pid)
{
	struct sf_map tasks = sf_view_map(view, "scx_per_task");
	struct sf_entry e = sf_map_find(tasks, tid_is, &pid);
	uint64_t weight, runtime;
	struct sf_owner owner = { .size = sizeof(owner) };

	SF_TRY(sf_as(sf_entry_get(e, "ctx.weight.value"), &weight));
	SF_ENSURE(weight > 0, "task %" PRId64 " has a weight of %" PRIu64, pid, weight);
	SF_TRY(sf_as(sf_entry_get(sf_map_find_i64(tasks, "tid", pid), "total_ns"), &runtime));
	SF_ENSURE(runtime > 0, "task %" PRId64 " has never run", pid);
	SF_ENSURE(sf_entry_owner(e, &owner) && owner.pid == pid, "the value is %d's, not %" PRId64 "'s", owner.pid, pid);
	return NULL;
}

static struct sf_error *check_tasks(struct sf_run *run)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	uint64_t live, any;
	struct sf_view view;
	int64_t pid;

	SF_TRY(sf_run_value_i64(run, "spinner", &pid));
	SF_TRY(sf_run_frame(run, "after", &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	view = sf_snapshot_view(snap);
	SF_TRY(sf_error_detach(check_spinner(view, pid)));
	/* There is one scheduler, and the kernel knows which. */
	SF_TRY(sf_error_detach(sf_as(sf_view_live_var(view, "nr_dispatched"), &live)));
	SF_TRY(sf_error_detach(sf_as(sf_view_var(view, "nr_dispatched"), &any)));
	SF_ENSURE(live == any, "nr_dispatched is %" PRIu64 " and %" PRIu64, live, any);
	return NULL;
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
	return check_tasks(run);
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

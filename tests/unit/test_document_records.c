/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a report has beside maps: records, who is active, the schemas of two halves and of none; and many readers of one. */
#include <pthread.h>

#include "document_bench.h"
#include "fake_bpf.h"
#include "schema.h"
#include "stillframe/records.h"

#define N_THREADS 8

#define SINGLE(members) "{\"schema\":\"single\",\"maps\":[]," members "}"

static void assert_written(const struct doc *d, const char *part)
{
	_cleanup_json_ struct sf_json *schema = schema_read(__FILE__, "docs/report.schema.json"), *read = NULL;
	_cleanup_free_ char *json = frame_json(d->snap, false);
	_cleanup_doc_ struct doc again = doc_of(json);
	_cleanup_free_ char *second = frame_json(again.snap, false);

	assert_contains(json, part);
	assert_string_equal(json, second);
	assert_ok(sf_json_read(json, strlen(json), &read));
	assert_true(schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(read)));
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static void the_timeline_has_a_record_for_each_moment(void **state)
{
#define TICK "{\"elapsed_ms\":20,\"select_cpu_fallback\":1,\"dispatch_local_dsq_offline\":2,\"dispatch_keep_last\":3," \
	"\"enq_skip_exiting\":4,\"enq_skip_migration_disabled\":5,\"reenq_immed\":6,\"reenq_local_repeat\":7," \
	"\"refill_slice_dfl\":8,\"bypass_duration\":9,\"bypass_dispatch\":10,\"bypass_activate\":11,\"insert_not_owned\":12," \
	"\"sub_bypass_dispatch\":18446744073709551615}"
	_cleanup_doc_ struct doc d = doc_of(SINGLE("\"event_counter_timeline\":[{\"elapsed_ms\":10}," TICK "]"));
	size_t n;
	const struct sf_event_counters *v = sf_view_event_counter_timeline(d.view, &n);

	(void)state;
	assert_int_equal(n, 2);
	assert_true(v[0].elapsed_ms == 10 && v[0].select_cpu_fallback == 0);
	assert_true(v[1].elapsed_ms == 20 && v[1].select_cpu_fallback == 1 && v[1].dispatch_local_dsq_offline == 2 &&
		    v[1].dispatch_keep_last == 3 && v[1].enq_skip_exiting == 4 && v[1].enq_skip_migration_disabled == 5 &&
		    v[1].reenq_immed == 6 && v[1].reenq_local_repeat == 7 && v[1].refill_slice_dfl == 8 &&
		    v[1].bypass_duration == 9 && v[1].bypass_dispatch == 10 && v[1].bypass_activate == 11 &&
		    v[1].insert_not_owned == 12 && v[1].sub_bypass_dispatch == UINT64_MAX);
	assert_written(&d, TICK);
}

static void run_queues_say_what_they_know(void **state)
{
#define RQ "{\"cpu\":3,\"nr_running\":2,\"flags\":5,\"cpu_released\":true,\"ops_qseq\":9,\"kick_sync\":8,\"nr_immed\":7," \
	"\"rq_clock\":6,\"curr_pid\":-4,\"curr_comm\":\"a\",\"runnable_task_kvas\":[1,2],\"runnable_truncated\":true}"
	_cleanup_doc_ struct doc d = doc_of(SINGLE("\"rq_scx_states\":[{\"cpu\":0}," RQ "]"));
	size_t n;
	const struct sf_rq_scx_state *v = sf_view_rq_scx_states(d.view, &n);

	(void)state;
	assert_int_equal(n, 2);
	assert_false(v[0].has_kick_sync || v[0].has_nr_immed || v[0].has_rq_clock || v[0].has_curr_pid || v[0].cpu_released);
	assert_true(!v[0].curr_comm && !v[0].n_runnable_tasks);
	assert_true(v[1].cpu == 3 && v[1].nr_running == 2 && v[1].flags == 5 && v[1].cpu_released && v[1].ops_qseq == 9);
	assert_true(v[1].has_kick_sync && v[1].kick_sync == 8 && v[1].has_nr_immed && v[1].nr_immed == 7);
	assert_true(v[1].has_rq_clock && v[1].rq_clock == 6 && v[1].has_curr_pid && v[1].curr_pid == -4);
	assert_string_equal(v[1].curr_comm, "a");
	assert_true(v[1].n_runnable_tasks == 2 && v[1].runnable_task_kvas[1] == 2 && v[1].runnable_truncated);
	assert_written(&d, RQ);
}

static void queues_and_the_scheduler_have_their_state(void **state)
{
#define DSQ "{\"id\":9223372036854775808,\"origin\":\"local cpu 1\",\"nr\":1,\"seq\":2,\"task_kvas\":[7],\"truncated\":true}"
#define SCHED "{\"aborting\":true,\"bypass_depth\":1,\"exit_kind\":1024,\"watchdog_timeout\":7500,\"source\":\"live\",\"sched_kva\":5}"
	_cleanup_doc_ struct doc d = doc_of(SINGLE("\"dsq_states\":[" DSQ ",{\"id\":0}],\"scx_sched_state\":" SCHED));
	_cleanup_doc_ struct doc none = doc_of(SINGLE("\"scx_sched_state\":null"));
	const struct sf_scx_sched_state *s = sf_view_scx_sched_state(d.view);
	size_t n;
	const struct sf_dsq_state *v = sf_view_dsq_states(d.view, &n);

	(void)state;
	assert_int_equal(n, 2);
	assert_true(v[0].id == UINT64_C(1) << 63 && v[0].nr == 1 && v[0].seq == 2 && v[0].n_tasks == 1 &&
		    v[0].task_kvas[0] == 7 && v[0].truncated);
	assert_string_equal(v[0].origin, "local cpu 1");
	assert_string_equal(v[1].origin, "");
	assert_true(s && s->aborting && s->bypass_depth == 1 && s->exit_kind == 1024 && s->has_watchdog_timeout &&
		    s->watchdog_timeout == 7500 && s->has_sched_kva && s->sched_kva == 5);
	assert_string_equal(s->source, "live");
	assert_null(sf_view_scx_sched_state(none.view));
	assert_written(&d, DSQ);
	assert_written(&d, "\"scx_sched_state\":" SCHED);
}

/* Edge case 29: a record is found by what it says, not by where it stands; of two of them the first. */
static void edge_29_records_are_found_by_what_they_say(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(SINGLE(
		"\"per_cpu_time\":[{\"cpu\":2,\"cpustat_user_ns\":22,\"softirqs\":[1,2],\"iowait_sleeptime_ns\":0},{\"cpu\":0},"
		"{\"cpu\":2,\"cpustat_user_ns\":23}],"
		"\"per_node_numa\":[{\"node\":1,\"numa_hit\":5,\"other_node\":6},{\"node\":1,\"numa_hit\":7}],"
		"\"task_enrichments\":[{\"pid\":-1},{\"pid\":7,\"comm\":\"first\"},{\"pid\":7,\"comm\":\"second\"}],"
		"\"prog_runtime_stats\":[{\"name\":\"enqueue\",\"cnt\":3,\"nsecs\":4,\"misses\":5},{\"name\":\"enqueue\"}]"));

	(void)state;
	assert_int_equal(sf_view_per_cpu_time_at(d.view, 2)->cpustat_user_ns, 22);
	assert_true(sf_view_per_cpu_time_at(d.view, 2)->has_iowait_sleeptime_ns);
	assert_true(sf_view_per_cpu_time_at(d.view, 2)->softirqs[1] == 2 && sf_view_per_cpu_time_at(d.view, 2)->softirqs[2] == 0);
	assert_false(sf_view_per_cpu_time_at(d.view, 0)->has_iowait_sleeptime_ns);
	assert_null(sf_view_per_cpu_time_at(d.view, 1));
	assert_int_equal(sf_view_per_node_numa_at(d.view, 1)->numa_hit, 5);
	assert_int_equal(sf_view_per_node_numa_at(d.view, 1)->other_node, 6);
	assert_null(sf_view_per_node_numa_at(d.view, 0));
	assert_string_equal(sf_view_task_enrichment_by_pid(d.view, 7)->comm, "first");
	assert_string_equal(sf_view_task_enrichment_by_pid(d.view, -1)->comm, "");
	assert_null(sf_view_task_enrichment_by_pid(d.view, 1));
	assert_int_equal(sf_view_prog_runtime_stats_by_name(d.view, "enqueue")->cnt, 3);
	assert_null(sf_view_prog_runtime_stats_by_name(d.view, "enq"));
	assert_written(&d, "\"prog_runtime_stats\":[{\"name\":\"enqueue\",\"cnt\":3,\"nsecs\":4,\"misses\":5},{\"name\":\"enqueue\",");
}

static void a_task_has_what_is_known_of_it(void **state)
{
#define TASK "{\"pid\":12,\"tgid\":11,\"comm\":\"c\",\"group_leader_pid\":11,\"real_parent_pid\":1,\"real_parent_comm\":\"init\"," \
	"\"pgid\":3,\"sid\":4,\"nr_threads\":5,\"weight\":100,\"prio\":120,\"static_prio\":121,\"normal_prio\":-1," \
	"\"rt_priority\":6,\"sched_class\":\"ext\",\"core_cookie\":7,\"pi_boosted_out_of_scx\":true,\"nvcsw\":8,\"nivcsw\":9," \
	"\"signal_nvcsw\":10,\"signal_nivcsw\":13,\"lock_slowpath_match\":true}"
	_cleanup_doc_ struct doc d = doc_of(SINGLE("\"task_enrichments\":[" TASK ",{\"pid\":1}],\"probe_counters\":{\"b\":2,\"a\":1}"));
	const struct sf_task_enrichment *t = sf_view_task_enrichment_by_pid(d.view, 12), *bare;
	const struct sf_probe_counter *c;
	size_t n;

	(void)state;
	assert_true(t->tgid == 11 && t->has_group_leader_pid && t->group_leader_pid == 11 && t->has_real_parent_pid &&
		    t->real_parent_pid == 1 && t->has_pgid && t->pgid == 3 && t->has_sid && t->sid == 4 && t->has_nr_threads &&
		    t->nr_threads == 5 && t->weight == 100 && t->prio == 120 && t->static_prio == 121 &&
		    t->normal_prio == -1 && t->rt_priority == 6 && t->has_core_cookie && t->core_cookie == 7);
	assert_true(t->pi_boosted_out_of_scx && t->nvcsw == 8 && t->nivcsw == 9 && t->has_signal_nvcsw &&
		    t->signal_nvcsw == 10 && t->has_signal_nivcsw && t->signal_nivcsw == 13 && t->lock_slowpath_match);
	assert_string_equal(t->real_parent_comm, "init");
	assert_string_equal(t->sched_class, "ext");
	bare = sf_view_task_enrichment_by_pid(d.view, 1);
	assert_false(bare->has_group_leader_pid || bare->has_pgid || bare->has_core_cookie || bare->lock_slowpath_match);
	assert_true(!bare->sched_class && !bare->real_parent_comm);
	c = sf_view_probe_counters(d.view, &n);
	assert_int_equal(n, 2);
	assert_string_equal(c[0].name, "b");
	assert_int_equal(c[1].value, 1);
	assert_written(&d, TASK);
	assert_written(&d, "\"probe_counters\":{\"b\":2,\"a\":1}");
}

static void what_was_not_taken_is_empty_and_may_have_a_reason(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(SINGLE("\"scx_walker_unavailable\":\"no root\",\"sdt_alloc_unavailable\":\"no arena\""));
	size_t n = 1;

	(void)state;
	assert_null(sf_view_event_counter_timeline(d.view, &n));
	assert_int_equal(n, 0);
	assert_null(sf_view_probe_counters(d.view, &n));
	assert_int_equal(n, 0);
	assert_string_equal(sf_view_scx_walker_unavailable(d.view), "no root");
	assert_string_equal(sf_view_sdt_alloc_unavailable(d.view), "no arena");
	assert_null(sf_view_task_enrichments_unavailable(d.view));
	assert_null(sf_view_prog_runtime_stats_unavailable(d.view));
	assert_null(sf_view_per_node_numa_unavailable(d.view));
	assert_written(&d, "\"scx_walker_unavailable\":\"no root\",\"sdt_alloc_unavailable\":\"no arena\"}");
}

static void memory_has_no_records_and_says_so(void **state)
{
	struct fake_guest *g = fake_new(&(struct fake_options){ .small = true });
	SF_OWNED(frame) f = fake_live(g);
	SF_OWNED(snapshot) snap = NULL;
	struct sf_view view;
	size_t n = 1;

	(void)state;
	assert_ok(sf_snapshot_new(f, &snap));
	view = sf_snapshot_view(snap);
	assert_null(sf_view_rq_scx_states(view, &n));
	assert_int_equal(n, 0);
	assert_contains(sf_view_scx_walker_unavailable(view), "not read from guest memory");
	assert_contains(sf_view_sdt_alloc_unavailable(view), "not read from guest memory");
	sf_snapshot_free(steal_ptr(&snap));
	sf_frame_unref(steal_ptr(&f));
	fake_free(g);
}

/* ---- who is active ---------------------------------------------------------------------------------------------- */

static void a_report_says_who_is_active(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(SINGLE("\"active_obj_name\":\"o\",\"active_map_kvas\":[4096,8192]"));
	_cleanup_doc_ struct doc none = doc_of(SINGLE("\"tag\":\"x\""));
	const struct sf_frame_active *a = sf_frame_active(d.frame);

	(void)state;
	assert_string_equal(a->obj_name, "o");
	assert_true(a->n_kvas == 2 && a->kvas[1] == 8192);
	assert_null(sf_frame_active(none.frame)->obj_name);
	assert_non_null(sf_frame_active(none.frame)->why);
	assert_written(&d, "\"active_obj_name\":\"o\",\"active_map_kvas\":[4096,8192]");
}

/* ---- schemas ---------------------------------------------------------------------------------------------------- */

static void a_placeholder_gives_its_reason_everywhere(void **state)
{
	static const char *const reports[] = {
		"{\"schema\":\"single\",\"is_placeholder\":true,\"reason\":\"it would not stop\"}",
		"{\"schema\":\"single\",\"is_placeholder\":true,\"maps\":[],\"per_node_numa_unavailable\":\"it would not stop\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reports) + 1; i++) {
		struct doc d = { .frame = sf_frame_placeholder("x", "it would not stop") };

		if (i < ARRAY_SIZE(reports)) {
			doc_end(&d);
			d = doc_of(reports[i]);
		} else {
			assert_ok(sf_snapshot_new(d.frame, &d.snap));
			d.view = sf_snapshot_view(d.snap);
		}
		assert_true(sf_view_is_placeholder(d.view));
		assert_string_equal(sf_view_scx_walker_unavailable(d.view), "it would not stop");
		assert_string_equal(sf_view_task_enrichments_unavailable(d.view), "it would not stop");
		assert_string_equal(sf_view_prog_runtime_stats_unavailable(d.view), "it would not stop");
		assert_string_equal(sf_view_per_node_numa_unavailable(d.view), "it would not stop");
		assert_string_equal(sf_view_sdt_alloc_unavailable(d.view), "it would not stop");
		assert_int_equal(sf_error_code(sf_field_error(sf_view_var(d.view, "x"))), SF_PLACEHOLDER_SNAPSHOT);
		assert_int_equal(sf_view_map_count(d.view), 0);
		assert_written(&d, "\"is_placeholder\":true");
		doc_end(&d);
	}
}

#define HALF(tag, nr) "{\"schema\":\"single\",\"tag\":\"" tag "\",\"maps\":[{\"name\":\"o.bss\",\"value\":" \
	ANON(MEMBER("nr", U32(nr))) "}]}"

static uint64_t nr_of(struct sf_frame *f)
{
	SF_OWNED(snapshot) snap = NULL;
	uint64_t v = 0;

	assert_ok(sf_snapshot_new(f, &snap));
	assert_ok(sf_error_copy(sf_field_as_u64(sf_view_var(sf_snapshot_view(snap), "nr"), &v)));
	return v;
}

static void a_dual_report_is_its_late_half_and_has_the_early_one(void **state)
{
	_cleanup_doc_ struct doc d = doc_of("{\"schema\":\"dual\",\"early\":" HALF("e", 1) ",\"late\":" HALF("l", 2)
					    ",\"early_max_age_jiffies\":7,\"early_threshold_jiffies\":5}");
	_cleanup_doc_ struct doc alone = doc_of("{\"schema\":\"dual\",\"late\":" HALF("l", 2)
						",\"early_skipped_reason\":\"too young\"}");
	struct sf_frame_info info = { .size = sizeof(info) };
	struct sf_frame *early = sf_frame_early(d.frame), *kept;

	(void)state;
	assert_string_equal(sf_frame_schema(d.frame), "dual");
	sf_frame_info(d.frame, &info);
	assert_string_equal(info.tag, "l");
	assert_int_equal(nr_of(d.frame), 2);
	assert_non_null(early);
	assert_string_equal(sf_frame_schema(early), "single");
	assert_int_equal(nr_of(early), 1);
	assert_null(sf_frame_early(early));
	assert_null(sf_frame_early(alone.frame));
	assert_written(&d, "\"early_max_age_jiffies\":7,\"early_threshold_jiffies\":5}");
	assert_written(&alone, "\"early_skipped_reason\":\"too young\"}");
	/* The early half may outlive the report it came with. */
	kept = sf_frame_ref(early);
	doc_end(&d);
	d = (struct doc){ 0 };
	assert_int_equal(nr_of(kept), 1);
	sf_frame_unref(kept);
}

static void a_degraded_report_has_a_reason_and_no_maps(void **state)
{
	_cleanup_doc_ struct doc d = doc_of(
		"{\"schema\":\"degraded\",\"reason\":\"2 of 4 vCPUs stopped\",\"vcpu_regs\":[null,{\"instruction_pointer\":1}],"
		"\"watchpoint_hit\":true,\"bss_latch_state\":\"triggered\",\"exit_kind\":1024,\"elapsed_ms\":0}");
	struct sf_vcpu_regs regs;

	(void)state;
	assert_string_equal(sf_frame_schema(d.frame), "degraded");
	assert_true(sf_view_is_placeholder(d.view));
	assert_true(sf_frame_vcpu(d.frame, 0, &regs) && !regs.present);
	assert_true(sf_frame_vcpu(d.frame, 1, &regs) && regs.present && regs.rip == 1);
	assert_int_equal(sf_error_code(sf_map_error(sf_view_map(d.view, "x"))), SF_PLACEHOLDER_SNAPSHOT);
	assert_string_equal(sf_view_scx_walker_unavailable(d.view), "2 of 4 vCPUs stopped");
	assert_written(&d, "\"watchpoint_hit\":true,\"bss_latch_state\":\"triggered\",\"exit_kind\":1024,\"elapsed_ms\":0}");
}

/* ---- many readers ----------------------------------------------------------------------------------------------- */

struct reader {
	struct sf_frame *frame;
	char *json;
	uint64_t nr;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	struct sf_snapshot *snap = NULL;
	struct sf_error *err = sf_snapshot_new(r->frame, &snap);

	if (!err) {
		err = sf_error_copy(sf_field_as_u64(sf_view_live_var(sf_snapshot_view(snap), "nr"), &r->nr));
		r->json = frame_json(snap, false);
	}
	sf_error_free(err);
	sf_snapshot_free(snap);
	sf_frame_unref(r->frame);
	return NULL;
}

static void threads_read_one_report(void **state)
{
	struct sf_frame *frame = NULL;
	struct reader readers[N_THREADS];
	pthread_t threads[N_THREADS];
	const char *json = HALF("x", 42);

	(void)state;
	assert_ok(sf_frame_from_json(json, strlen(json), &frame));
	for (int i = 0; i < N_THREADS; i++) {
		readers[i] = (struct reader){ .frame = sf_frame_ref(frame) };
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
	}
	sf_frame_unref(frame);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_THREADS; i++) {
		assert_int_equal(readers[i].nr, 42);
		assert_string_equal(readers[i].json, readers[0].json);
	}
	for (int i = 0; i < N_THREADS; i++)
		free(readers[i].json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_timeline_has_a_record_for_each_moment),
		cmocka_unit_test(run_queues_say_what_they_know),
		cmocka_unit_test(queues_and_the_scheduler_have_their_state),
		cmocka_unit_test(edge_29_records_are_found_by_what_they_say),
		cmocka_unit_test(a_task_has_what_is_known_of_it),
		cmocka_unit_test(what_was_not_taken_is_empty_and_may_have_a_reason),
		cmocka_unit_test(memory_has_no_records_and_says_so),
		cmocka_unit_test(a_report_says_who_is_active),
		cmocka_unit_test(a_placeholder_gives_its_reason_everywhere),
		cmocka_unit_test(a_dual_report_is_its_late_half_and_has_the_early_one),
		cmocka_unit_test(a_degraded_report_has_a_reason_and_no_maps),
		cmocka_unit_test(threads_read_one_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

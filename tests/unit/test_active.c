/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which scheduler is active, from the programs of a guest. */
#include "check.h"

#include "fake_bpf.h"
#include "frame/frame.h"
#include "stillframe/snapshot.h"

#define STRUCT_OPS 27
#define TRACING 26

struct bench {
	struct fake_guest *g;
	struct fake_scene s;
};

static int make(void **state)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(&(struct fake_options){ .small = true });
	fake_scene_add(t->g, 0, &t->s);
	*state = t;
	return 0;
}

static int drop(void **state)
{
	struct bench *t = *state;

	fake_free(t->g);
	free(t);
	return 0;
}

static bool has(const struct sf_frame_active *a, uint64_t kva)
{
	for (size_t i = 0; i < a->n_kvas; i++)
		if (a->kvas[i] == kva)
			return true;
	return false;
}

static void the_maps_of_a_schedulers_programs(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) frame = fake_capture(t->g, "x");
	const struct sf_frame_active *a = sf_frame_active(frame);

	assert_string_equal(a->obj_name, "demo");
	assert_int_equal(a->n_kvas, 3);
	assert_true(has(a, t->s.bss) && has(a, t->s.data) && has(a, t->s.latency));
	assert_ptr_equal(a, sf_frame_active(frame));
}

static void programs_that_share_a_section_are_of_one_object(void **state)
{
	struct bench *t = *state;

	/* One of no sched_ext_ops counts where it shares globals, and only there. */
	fake_add_prog(t->g, "demo_trace", TRACING, (uint64_t[]){ t->s.bss, t->s.tuning }, 2);
	fake_add_prog(t->g, "stranger", TRACING, (uint64_t[]){ t->s.latency, 0x1234 }, 2);
	SF_OWNED(frame) frame = fake_capture(t->g, "x");
	const struct sf_frame_active *a = sf_frame_active(frame);

	assert_string_equal(a->obj_name, "demo");
	assert_int_equal(a->n_kvas, 4);
	assert_true(has(a, t->s.tuning));
	assert_false(has(a, 0x1234));
}

/* Sections of other names are called without the object: who uses them, has them. */
static void a_section_of_another_name_belongs_to_who_uses_it(void **state)
{
	struct bench *t = *state;

	for (int used = 0; used < 2; used++) {
		if (used)
			fake_add_prog(t->g, "demo_tick", STRUCT_OPS, (uint64_t[]){ t->s.bss, t->s.tuning }, 2);
		SF_OWNED(frame) frame = fake_capture(t->g, "x");
		SF_OWNED(snapshot) snap = NULL;
		uint64_t knob = 0;

		assert_ok(sf_snapshot_new(frame, &snap));
		struct sf_field f = sf_view_live_var(sf_snapshot_view(snap), "knob");

		assert_int_equal(sf_error_code(sf_field_error(f)), used ? SF_OK : SF_VAR_NOT_FOUND);
		assert_true(!used || sf_field_try_u64(f, &knob));
		assert_int_equal(knob, used ? 7 : 0);
	}
}

static void of_two_schedulers_nobody_knows(void **state)
{
	struct bench *t = *state;
	fake_add_prog(t->g, "other_enqueue", STRUCT_OPS, &t->s.other_bss, 1);

	SF_OWNED(frame) frame = fake_capture(t->g, "x");
	SF_OWNED(snapshot) snap = NULL;
	const struct sf_frame_active *a = sf_frame_active(frame);

	assert_null(a->obj_name);
	assert_int_equal(a->n_kvas, 0);
	assert_contains(a->why, "several schedulers");
	assert_ok(sf_snapshot_new(frame, &snap));
	struct sf_error *err = sf_view_error(sf_view_active(sf_snapshot_view(snap)));

	assert_int_equal(sf_error_code(err), SF_NO_ACTIVE_SCHEDULER);
	assert_contains(sf_error_message(err), "several schedulers");
	assert_contains(sf_error_message(err), "demo, other");
}

/* A program that uses globals of both makes them one object; which of the programs comes first does not matter. */
static void what_leads_from_one_section_to_another_is_one_object(void **state)
{
	struct bench *t = *state;

	fake_add_prog(t->g, "other_enqueue", STRUCT_OPS, (uint64_t[]){ t->s.other_bss, 0, 0x1234 }, 3);
	fake_add_prog(t->g, "both", TRACING, (uint64_t[]){ t->s.tuning, t->s.other_bss, t->s.bss, t->s.bss }, 4);
	SF_OWNED(frame) frame = fake_capture(t->g, "x");
	const struct sf_frame_active *a = sf_frame_active(frame);

	assert_string_equal(a->obj_name, "demo");
	assert_int_equal(a->n_kvas, 6);
	assert_true(has(a, t->s.bss) && has(a, t->s.other_bss) && has(a, t->s.tuning) && has(a, 0x1234));
	assert_false(has(a, 0));
}

static void a_view_of_the_active_one(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) frame = fake_capture(t->g, "x");
	SF_OWNED(snapshot) snap = NULL;
	struct sf_view all, active;

	assert_ok(sf_snapshot_new(frame, &snap));
	all = sf_snapshot_view(snap);
	active = sf_view_active(all);
	assert_null(sf_view_error(active));
	/* What has no object in its name belongs to none. */
	assert_int_equal(sf_view_map_count(active), 2);
	assert_true(sf_view_map_count(all) > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_maps_of_a_schedulers_programs, make, drop),
		cmocka_unit_test_setup_teardown(programs_that_share_a_section_are_of_one_object, make, drop),
		cmocka_unit_test_setup_teardown(a_section_of_another_name_belongs_to_who_uses_it, make, drop),
		cmocka_unit_test_setup_teardown(of_two_schedulers_nobody_knows, make, drop),
		cmocka_unit_test_setup_teardown(what_leads_from_one_section_to_another_is_one_object, make, drop),
		cmocka_unit_test_setup_teardown(a_view_of_the_active_one, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

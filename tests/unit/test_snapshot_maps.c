/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of every type of map through the public accessors: positions, keys, owners, CPUs, and what is torn. */
#include "check.h"

#include "fake_bpf.h"
#include "stillframe/snapshot.h"

struct bench {
	struct fake_guest *g;
	struct fake_maps m;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
	struct sf_view view;
};

#define N_CPUS 4
#define UNSET_CPU 3 /* of them: possible, never set up */

static int make(void **state)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(&(struct fake_options){ .n_cpus = N_CPUS, .unset_cpus = 1u << UNSET_CPU });
	fake_scene_maps_add(t->g, &t->m);
	*state = t;
	return 0;
}

/* What a capture keeps of it now. */
static void capture(struct bench *t)
{
	t->frame = fake_capture(t->g, "x");
	assert_ok(sf_snapshot_new(t->frame, &t->snap));
	t->view = sf_snapshot_view(t->snap);
}

static int drop(void **state)
{
	struct bench *t = *state;

	sf_snapshot_free(t->snap);
	sf_frame_unref(t->frame);
	fake_free(t->g);
	free(t);
	return 0;
}

static const struct sf_error_payload *payload(struct sf_error *err, enum sf_code code)
{
	if (sf_error_code(err) != code)
		fail_msg("%s, not %s: %s", sf_error_code_name(sf_error_code(err)), sf_error_code_name(code),
			 err ? sf_error_message(err) : "no error");
	return sf_error_payload(err);
}

static struct sf_map map(struct bench *t, const char *name)
{
	struct sf_map m = sf_view_map(t->view, name);

	assert_ok(sf_map_error(m));
	return m;
}

static uint64_t u64(struct sf_field f)
{
	uint64_t v = 0;

	assert_ok(sf_field_as_u64(f, &v));
	return v;
}

static int64_t i64(struct sf_field f)
{
	int64_t v = 0;

	assert_ok(sf_field_as_i64(f, &v));
	return v;
}

/* The first entry whose key, at @path, is @key. */
static struct sf_entry by_key(struct sf_map m, const char *path, uint64_t key)
{
	for (size_t i = 0; i < sf_map_len(m); i++) {
		uint64_t v;

		if (sf_field_try_u64(sf_entry_key(sf_map_at(m, i), path), &v) && v == key)
			return sf_map_at(m, i);
	}
	fail_msg("no entry with the key %llu", (unsigned long long)key);
	return sf_map_at(m, 0);
}

/* ---- hashes --------------------------------------------------------------------------------------------- */

static void entries_of_a_hash_have_keys_and_values(void **state)
{
	struct bench *t = *state;
	struct sf_map m, lru, chained;
	const char *name;

	capture(t);
	m = map(t, "hash");
	assert_int_equal(sf_map_len(m), 5);
	assert_int_equal(u64(sf_entry_get(by_key(m, "", 103), "runtime")), 3000);
	assert_int_equal(i64(sf_entry_get(by_key(m, "", 103), "stats.nice")), -3);
	assert_int_equal(u64(sf_entry_get(by_key(m, "", 100), "runtime")), 0);
	assert_ok(sf_field_as_str(sf_entry_get(by_key(m, "", 102), "state"), &name));
	assert_string_equal(name, "RUNNING");

	lru = map(t, "lru");
	assert_int_equal(sf_map_len(lru), 3);
	assert_int_equal(u64(sf_entry_get(by_key(lru, "", 2), "node")), 22);

	chained = map(t, "chained");
	assert_int_equal(sf_map_len(chained), 12);
	assert_int_equal(u64(sf_entry_get(by_key(chained, "id", 7ull << 32 | 7), "")), 49);
	assert_int_equal(u64(sf_entry_key(by_key(chained, "id", 7ull << 32 | 7), "zone")), 2);
}

static void a_position_says_what_it_is_out_of(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;

	capture(t);
	p = payload(sf_entry_error(sf_map_at(map(t, "hash"), 5)), SF_INDEX_OUT_OF_RANGE);
	assert_string_equal(p->map, "hash");
	assert_int_equal(p->index, 5);
	assert_int_equal(p->len, 5);
}

static void a_value_leads_through_its_pointers(void **state)
{
	struct bench *t = *state;

	capture(t);
	/* The task is in no map; that the value points at it is why it was kept. */
	assert_int_equal(i64(sf_entry_get(by_key(map(t, "hash"), "", 101), "parent.pid")), 101);
	assert_int_equal(i64(sf_entry_get(by_key(map(t, "hash"), "", 102), "parent.pid")), 200);
}

/* ---- local storage --------------------------------------------------------------------------------------- */

static struct sf_owner owner_of(struct sf_entry e)
{
	struct sf_owner o = { .size = sizeof(o) };

	assert_true(sf_entry_owner(e, &o));
	return o;
}

static void values_of_tasks_have_owners(void **state)
{
	struct bench *t = *state;
	struct sf_map m;
	struct sf_owner o;

	capture(t);
	m = map(t, "task_ctx");
	assert_int_equal(sf_map_len(m), 3);
	/* The key is a pointer to the owner, and leads into it. */
	o = owner_of(by_key(m, "pid", 101));
	assert_int_equal(o.kind, SF_OWNER_TASK);
	assert_int_equal(o.kva, t->m.tasks[1]);
	assert_true(o.is_readable);
	assert_int_equal(o.pid, 101);
	assert_int_equal(o.tgid, 100);
	assert_string_equal(o.comm, "worker-1");
	assert_int_equal(u64(sf_entry_key(by_key(m, "pid", 101), "")), t->m.tasks[1]);
	/* Nobody owns an entry of a hash. */
	assert_false(sf_entry_owner(sf_map_at(map(t, "hash"), 0), &o));
	assert_false(sf_entry_owner(sf_map_at(m, 99), &o));
}

static void other_owners_have_names_of_their_own(void **state)
{
	struct bench *t = *state;
	struct sf_owner o;
	bool found = false;

	capture(t);
	for (size_t i = 0; i < sf_map_len(map(t, "cgrp_ctx")); i++) {
		o = owner_of(sf_map_at(map(t, "cgrp_ctx"), i));
		assert_int_equal(o.kind, SF_OWNER_CGROUP);
		found |= o.kva == t->m.cgroups[2] && o.id == 78 && !strcmp(o.path, "/demo.slice/a");
	}
	assert_true(found);
	o = owner_of(sf_map_at(map(t, "inode_ctx"), 0));
	assert_int_equal(o.kind, SF_OWNER_INODE);
	assert_int_equal(o.id, 4026531840);
	o = owner_of(sf_map_at(map(t, "sk_ctx"), 0));
	assert_int_equal(o.kind, SF_OWNER_SOCK);
	assert_int_equal(o.family, 2);
	assert_int_equal(o.port, 8080);
}

static void a_path_of_which_a_part_is_missing_says_so(void **state)
{
	struct bench *t = *state;
	uint64_t kn;
	struct sf_owner o;
	bool found = false;

	fake_read(t->g, t->m.cgroups[1] + FK_CGROUP_KN, &kn, sizeof(kn));
	fake_u64(t->g, kn + FK_KN_NAME, 0xffff800000000008);
	capture(t);
	for (size_t i = 0; i < sf_map_len(map(t, "cgrp_ctx")); i++) {
		o = owner_of(sf_map_at(map(t, "cgrp_ctx"), i));
		if (o.kva == t->m.cgroups[2]) {
			assert_string_equal(o.path, "/a");
			assert_true(o.is_path_cut);
			found = true;
		} else if (o.kva == t->m.cgroups[0]) {
			assert_string_equal(o.path, "/");
			assert_false(o.is_path_cut);
		}
	}
	assert_true(found);
}

static void an_owner_fills_as_much_as_its_caller_knows(void **state)
{
	struct bench *t = *state;
	struct sf_owner o;

	capture(t);
	memset(&o, 0x5a, sizeof(o));
	o.size = offsetof(struct sf_owner, id);
	assert_true(sf_entry_owner(by_key(map(t, "task_ctx"), "pid", 200), &o));
	assert_string_equal(o.comm, "other");
	assert_int_equal(o.id, 0x5a5a5a5a5a5a5a5a);
}

static void bytes_of_the_guest_are_escaped_in_an_owner(void **state)
{
	struct bench *t = *state;
	struct sf_owner o;

	fake_write(t->g, t->m.tasks[0] + FK_TASK_COMM, "\x1b[2J\xff-evil-texts", 16); /* without its NUL */
	capture(t);
	o = owner_of(by_key(map(t, "task_ctx"), "pid", 100));
	assert_string_equal(o.comm, "\\x1b[2J\\xff-evil-text");
}

/* ---- CPUs -------------------------------------------------------------------------------------------------- */

static void a_value_for_each_cpu_wants_to_know_which(void **state)
{
	struct bench *t = *state;
	struct sf_map m, narrow;
	const struct sf_error_payload *p;

	capture(t);
	m = map(t, "cpu_counts");
	assert_int_equal(sf_map_len(m), 6);
	p = payload(sf_field_error(sf_entry_get(sf_map_at(m, 4), "")), SF_PER_CPU_NOT_NARROWED);
	assert_string_equal(p->map, "<percpu-array>");
	assert_int_equal(u64(sf_entry_key(sf_map_at(m, 4), "")), 4);
	for (uint64_t cpu = 0; cpu < 3; cpu++) {
		narrow = sf_map_cpu(m, cpu);
		assert_int_equal(u64(sf_entry_get(sf_map_at(narrow, 4), "")), cpu);
		assert_int_equal(u64(sf_entry_get(sf_map_at(narrow, 1), "")), 11);
		/* It is one value now. */
		payload(sf_field_error(sf_entry_key(sf_map_at(narrow, 1), "")), SF_TYPE_MISMATCH);
	}
	/* The last one counts. */
	assert_int_equal(u64(sf_entry_get(sf_map_at(sf_map_cpu(sf_map_cpu(m, 1), 2), 4), "")), 2);

	m = map(t, "cpu_hash");
	p = payload(sf_field_error(sf_entry_get(sf_map_at(m, 0), "runtime")), SF_PER_CPU_NOT_NARROWED);
	assert_string_equal(p->map, "<percpu-hash>");
	for (size_t i = 0; i < 3; i++) {
		uint64_t key = u64(sf_entry_key(sf_map_at(m, i), ""));
		struct sf_entry e = sf_map_at(sf_map_cpu(m, 2), i);

		assert_int_equal(u64(sf_entry_get(e, "node")), key == 1 ? 40 : 10 * key + 2);
	}
}

static void a_cpu_that_is_not_there_is_said_to_be_missing(void **state)
{
	struct bench *t = *state;
	struct sf_map m;
	const struct sf_error_payload *p;

	capture(t);
	m = map(t, "cpu_counts");
	p = payload(sf_entry_error(sf_map_at(sf_map_cpu(m, 99), 0)), SF_PER_CPU_SLOT);
	assert_int_equal(p->cpu, 99);
	assert_int_equal(p->len, N_CPUS);
	assert_false(p->unmapped);
	p = payload(sf_entry_error(sf_map_at(sf_map_cpu(m, UNSET_CPU), 0)), SF_PER_CPU_SLOT);
	assert_int_equal(p->cpu, UNSET_CPU);
	assert_true(p->unmapped);
	p = payload(sf_entry_error(sf_map_at(sf_map_cpu(m, UINT64_MAX), 0)), SF_PER_CPU_SLOT);
	assert_int_equal(p->cpu, UINT32_MAX);
	/* Where there is one value for all, no CPU is asked for. */
	assert_int_equal(u64(sf_entry_get(by_key(sf_map_cpu(map(t, "hash"), 99), "", 104), "node")), 4);
}

/* That the CPU is not there is another matter. */
static void a_pointer_that_leads_nowhere_is_no_missing_cpu(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;
	struct sf_entry e;
	struct sf_map m;

	fake_u64(t->g, fake_map_values(t->m.cpu_counts) + 8 * 4, 0);
	capture(t);
	m = map(t, "cpu_counts");
	p = payload(sf_entry_error(sf_map_at(sf_map_cpu(m, 0), 4)), SF_PAGE_NOT_KEPT);
	assert_int_equal(p->addr, fake_map_values(t->m.cpu_counts) + 8 * 4);
	e = sf_map_at(sf_map_cpu(m, 0), 4);
	payload(sf_field_error(sf_entry_get(e, "")), SF_PAGE_NOT_KEPT);
	payload(sf_entry_error(sf_map_at(sf_map_cpu(m, 99), 4)), SF_PER_CPU_SLOT);
	assert_int_equal(u64(sf_entry_get(sf_map_at(sf_map_cpu(m, 0), 1), "")), 11);
}

/* ---- STRUCT_OPS, and what is not read ---------------------------------------------------------------------- */

static void a_struct_of_operations_is_one_value(void **state)
{
	struct bench *t = *state;
	struct sf_map m;

	capture(t);
	m = map(t, "demo_ops");
	assert_int_equal(sf_map_len(m), 1);
	assert_true(sf_field_is_present(sf_entry_get(sf_map_at(m, 0), "")));
	payload(sf_field_error(sf_entry_key(sf_map_at(m, 0), "")), SF_TYPE_MISMATCH);
	payload(sf_entry_error(sf_map_at(m, 1)), SF_INDEX_OUT_OF_RANGE);
}

static void a_type_that_is_not_read_says_so(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;

	capture(t);
	p = payload(sf_map_error(sf_view_map(t->view, "events")), SF_MAP_RENDER_INCOMPLETE);
	assert_string_equal(p->map, "events");
	assert_non_null(p->reason);
	payload(sf_entry_error(sf_map_at(sf_view_map(t->view, "events"), 0)), SF_MAP_RENDER_INCOMPLETE);
	assert_int_equal(sf_map_len(sf_view_map(t->view, "events")), 0);
}

/* ---- torn -------------------------------------------------------------------------------------------------- */

static void a_chain_that_was_cut_leaves_the_others(void **state)
{
	struct bench *t = *state;
	const struct sf_error_payload *p;
	uint64_t key = 6, first = 0;
	struct sf_map m;

	/* Of key 100 + 6, which is not there yet: its chain goes on into nothing. */
	key += 100;
	first = fake_hash_add(t->g, t->m.hash, &key, (const uint8_t[CTX_SIZE]){ 0 });
	fake_u64(t->g, first + FK_ELEM_NEXT, 0xffff800000000008);
	capture(t);
	m = sf_view_map(t->view, "hash");
	p = payload(sf_map_error(m), SF_TORN_LIST);
	assert_string_equal(p->map, "hash");
	assert_non_null(strstr(p->reason, "1 chain was cut"));
	/* What is there is whole. */
	assert_in_range(sf_map_len(m), 2, 6);
	assert_int_equal(p->len, sf_map_len(m));
	assert_int_equal(u64(sf_entry_get(by_key(m, "", 106), "runtime")), 0);
}

static void a_map_of_which_nothing_can_be_listed_is_no_empty_map(void **state)
{
	struct bench *t = *state;

	for (uint32_t i = 0; i < 64; i++)
		fake_u64(t->g, fake_hash_bucket(t->g, t->m.hash, i), 0xffff800000000008);
	capture(t);
	payload(sf_entry_error(sf_map_at(sf_view_map(t->view, "hash"), 0)), SF_TORN_LIST);
	payload(sf_field_error(sf_entry_get(sf_map_at(sf_view_map(t->view, "hash"), 0), "runtime")), SF_TORN_LIST);
}

#define MAPS_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(entries_of_a_hash_have_keys_and_values),
		MAPS_TEST(a_position_says_what_it_is_out_of),
		MAPS_TEST(a_value_leads_through_its_pointers),
		MAPS_TEST(values_of_tasks_have_owners),
		MAPS_TEST(other_owners_have_names_of_their_own),
		MAPS_TEST(a_path_of_which_a_part_is_missing_says_so),
		MAPS_TEST(an_owner_fills_as_much_as_its_caller_knows),
		MAPS_TEST(bytes_of_the_guest_are_escaped_in_an_owner),
		MAPS_TEST(a_value_for_each_cpu_wants_to_know_which),
		MAPS_TEST(a_cpu_that_is_not_there_is_said_to_be_missing),
		MAPS_TEST(a_pointer_that_leads_nowhere_is_no_missing_cpu),
		MAPS_TEST(a_struct_of_operations_is_one_value),
		MAPS_TEST(a_type_that_is_not_read_says_so),
		MAPS_TEST(a_chain_that_was_cut_leaves_the_others),
		MAPS_TEST(a_map_of_which_nothing_can_be_listed_is_no_empty_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

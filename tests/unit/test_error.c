/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error object: who owns what, what is lazy, what survives JSON, and what each message tells.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"

/* A request for too much memory is NULL under the sanitizer too, as malloc() has it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

#define assert_has(err, fragment) assert_has_(sf_error_message(err), fragment, __FILE__, __LINE__)

static void assert_has_(const char *text, const char *fragment, const char *file, int line)
{
	if (strstr(text, fragment))
		return;
	print_error("'%s'\nlacks '%s'\n", text, fragment);
	_fail(file, line);
}

static void assert_lacks(struct sf_error *err, const char *fragment)
{
	if (strstr(sf_error_message(err), fragment))
		fail_msg("'%s' has '%s'", sf_error_message(err), fragment);
}

static void fill_strv(struct sf_error *err, struct sf_strv *ret, const char *prefix, size_t n)
{
	char names[64][32];
	const char *v[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "%.8s%zu", prefix, i);
		v[i] = names[i];
	}
	sf_error_strv(err, ret, v, n);
}

/* An error with something in every member. */
static struct sf_error *full_error(void)
{
	struct sf_error *err = sf_error_bare(SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	struct sf_error_payload *p = &err->payload;
	struct sf_excluded_map *maps = sf_error_alloc(err, 2 * sizeof(*maps));

	p->requested = sf_error_str(err, "a.b\n\"\\\x01é");
	p->walked = sf_error_str(err, "");
	p->component = sf_error_fmt(err, "%d%s", 5, "c");
	p->kind = sf_error_str(err, "Ptr");
	p->expected = sf_error_str(err, "u64");
	p->actual = sf_error_str(err, "Struct");
	p->map = sf_error_str(err, "m");
	p->op = sf_error_str(err, "find");
	p->side = sf_error_str(err, "key");
	p->tag = sf_error_str(err, "periodic_000");
	p->reason = sf_error_str(err, "why");
	p->active_obj = sf_error_str(err, "obj");
	p->index = UINT64_MAX;
	p->len = 1;
	p->cpu = 2;
	p->phase = 3;
	p->addr = 0xffffffff81000000;
	p->err_no = -5;
	p->unmapped = true;
	fill_strv(err, &p->available, "avail", 3);
	fill_strv(err, &p->found_in, "found", 1);
	fill_strv(err, &p->available_keys, "key", 2);
	maps[0] = (struct sf_excluded_map){ sf_error_str(err, "obj.bss"), 0xffff888100001000 };
	maps[1] = (struct sf_excluded_map){ sf_error_str(err, "obj.data"), 0 };
	p->excluded_maps = maps;
	p->n_excluded_maps = 2;
	p->whitelist_kvas = sf_error_u64s(err, (uint64_t[]){ 1, UINT64_MAX }, 2);
	p->n_whitelist_kvas = 2;
	p->pinned_kvas = sf_error_u64s(err, (uint64_t[]){ 7 }, 1);
	p->n_pinned_kvas = 1;
	p->sample_kvas = sf_error_u64s(err, (uint64_t[]){ 8, 9 }, 2);
	p->n_sample_kvas = 2;
	p->stats = (struct sf_missing_stats_reason){ SF_STATS_SCHEDULER_ERROR,
						     sf_error_str(err, "args"), -22, 10, 20 };
	return err;
}

static void null_is_success_and_legal_everywhere(void **state)
{
	(void)state;
	assert_int_equal(sf_error_code(NULL), SF_OK);
	assert_non_null(sf_error_message(NULL));
	assert_null(sf_error_payload(NULL));
	assert_null(sf_error_copy(NULL));
	assert_true(sf_error_equal(NULL, NULL));
	assert_null(sf_error_context(NULL, "never"));
	sf_error_free(NULL);

	SF_OWNED(error) err = sf_error_new(SF_USAGE, "x");

	assert_false(sf_error_equal(NULL, err));
	assert_false(sf_error_equal(err, NULL));
}

static void the_numbers_of_codes_are_abi(void **state)
{
	(void)state;
	assert_int_equal(SF_MAP_NOT_FOUND, 1);
	assert_int_equal(SF_MAP_RENDER_INCOMPLETE, 21);
	assert_int_equal(SF_PAGE_NOT_KEPT, 32);
	assert_int_equal(SF_KEY_MISMATCH, 36);
	assert_int_equal(SF_SYSTEM, 64);
	assert_int_equal(SF_PANIC, 72);
	assert_int_equal(SF_SCHEDULER, 76);
	assert_int_equal(SF_ASSERTION, 77);
	for (int code = 0; code <= 80; code++) {
		bool known = code <= 21 || (code >= 32 && code <= 36) || (code >= 64 && code <= 77);

		assert_int_equal(known, strcmp(sf_error_code_name(code), "Unknown") != 0);
	}
	assert_string_equal(sf_error_code_name(SF_PER_CPU_NOT_NARROWED), "PerCpuNotNarrowed");
}

static void a_machinery_error_says_its_sentence(void **state)
{
	SF_OWNED(error) err = sf_error_new(SF_USAGE, "no such option '%s'", "--frobnicate");
	char long_name[2000];

	(void)state;
	assert_int_equal(sf_error_code(err), SF_USAGE);
	assert_string_equal(sf_error_message(err), "no such option '--frobnicate'");
	assert_string_equal(sf_error_payload(err)->reason, "no such option '--frobnicate'");

	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	SF_OWNED(error) long_err = sf_error_new(SF_USAGE, "%s", long_name);

	assert_string_equal(sf_error_message(long_err), long_name);
}

static void a_system_error_names_its_errno(void **state)
{
	SF_OWNED(error) err = sf_error_sys(ENOSPC, "cannot write '%s'", "/x");
	SF_OWNED(error) odd = sf_error_sys(123456, "odd");

	(void)state;
	assert_int_equal(sf_error_code(err), SF_SYSTEM);
	assert_string_equal(sf_error_message(err), "cannot write '/x': No space left on device");
	assert_int_equal(sf_error_payload(err)->err_no, ENOSPC);
	assert_string_equal(sf_error_message(odd), "odd: error 123456");
}

static void context_goes_before_a_sentence_and_replaces_the_message(void **state)
{
	SF_OWNED(error) err = sf_error_new(SF_BAD_INPUT, "no magic");
	SF_OWNED(error) accessor = sf_error_bare(SF_PROJECTION_FAILED);

	(void)state;
	assert_string_equal(sf_error_message(err), "no magic");
	err = sf_error_context(err, "BTF of '%s'", "vmlinux");
	assert_string_equal(sf_error_message(err), "BTF of 'vmlinux': no magic");
	err = sf_error_context(err, "kernel");
	assert_string_equal(sf_error_message(err), "kernel: BTF of 'vmlinux': no magic");

	accessor->payload.reason = sf_error_str(accessor, "why");
	accessor = sf_error_context(accessor, "context");
	assert_string_equal(sf_error_message(accessor), "projection failed: why");
}

static void the_error_without_memory_needs_none(void **state)
{
	struct sf_error *err = sf_error_nomem();

	(void)state;
	assert_int_equal(sf_error_code(err), SF_NO_MEMORY);
	assert_string_equal(sf_error_message(err), "out of memory");
	assert_string_equal(sf_error_payload(err)->reason, "out of memory");
	assert_ptr_equal(sf_error_copy(err), err);
	assert_ptr_equal(sf_error_context(err, "more"), err);
	assert_null(sf_error_str(err, "nothing"));
	assert_null(sf_error_alloc(err, 1));
	sf_error_free(err);
	assert_string_equal(sf_error_message(err), "out of memory");

	_cleanup_free_ char *json = sf_error_to_json(err);
	SF_OWNED(error) back = NULL;

	assert_null(sf_error_from_json(json, strlen(json), &back));
	assert_true(sf_error_equal(err, back));
}

static void hostile_bytes_are_escaped_once_on_the_way_in(void **state)
{
	SF_OWNED(error) err = sf_error_bare(SF_MAP_NOT_FOUND);

	(void)state;
	assert_string_equal(sf_error_str(err, "a\xff"
					      "b\xc3"),
			    "a\\xffb\\xc3");
	assert_string_equal(sf_error_str(err, "\\xff é"), "\\xff é");
	assert_string_equal(sf_error_strn(err, "a\0b", 3), "a\\x00b");
	assert_null(sf_error_str(err, NULL));

	err->payload.requested = sf_error_str(err, "x\033[31m\xc2\x9b\n");
	assert_has(err, "'x\\x1b[31m\\xc2\\x9b\\x0a'");
}

static int made;

static void make_not_found(struct sf_error *err)
{
	const char *const *names = err->owner;

	made++;
	err->payload.requested = sf_error_str(err, sf_error_path(err));
	sf_error_strv(err, &err->payload.available, names, err->refs[0]);
}

static struct sf_error_ring *new_ring(void)
{
	struct sf_error_ring *ring = calloc(1, sizeof(*ring));

	assert_non_null(ring);
	return ring;
}

static void free_ring(struct sf_error_ring *ring)
{
	sf_error_ring_clear(ring);
	free(ring);
}

static struct sf_error *take(struct sf_error_ring *ring, const char *path)
{
	static const char *const names[] = { "nr_dispatched", "nr_enqueued" };
	struct sf_error *err = sf_error_ring_take(ring, SF_VAR_NOT_FOUND, make_not_found,
						  (void *)names, path, strlen(path));

	err->refs[0] = 2;
	return err;
}

static void a_borrowed_error_is_made_when_asked_and_once(void **state)
{
	struct sf_error_ring *ring = new_ring();
	char path[] = "nr_dispached";
	struct sf_error *err = take(ring, path);

	(void)state;
	memset(path, 'x', sizeof(path) - 1); /* the slot has its own */
	made = 0;
	assert_int_equal(sf_error_code(err), SF_VAR_NOT_FOUND);
	assert_int_equal(made, 0);
	assert_string_equal(sf_error_payload(err)->requested, "nr_dispached");
	assert_has(err, "did you mean 'nr_dispatched'?");
	assert_int_equal(made, 1);
	sf_error_free(err);
	assert_string_equal(sf_error_payload(err)->requested, "nr_dispached");
	free_ring(ring);
}

static void a_slot_comes_back_after_sixty_four_and_its_generation_tells(void **state)
{
	struct sf_error_ring *ring = new_ring();
	struct sf_error *first = take(ring, "first");
	uint32_t generation = first->generation;
	SF_OWNED(error) copy = sf_error_copy(first);

	(void)state;
	for (int i = 1; i < SF_ERROR_RING; i++)
		sf_error_message(take(ring, "other"));
	assert_int_equal(first->generation, generation);
	assert_string_equal(sf_error_payload(first)->requested, "first");

	struct sf_error *again = take(ring, "again");

	assert_ptr_equal(again, first);
	assert_int_not_equal(first->generation, generation);
	assert_string_equal(sf_error_payload(again)->requested, "again");
	free_ring(ring);
	assert_string_equal(sf_error_payload(copy)->requested, "first");
	assert_string_equal(sf_error_payload(copy)->available.v[1], "nr_enqueued");
}

static void a_long_path_is_kept_whole(void **state)
{
	struct sf_error_ring *ring = new_ring();
	char path[3 * SF_ERROR_PATH_INLINE];

	(void)state;
	for (size_t len = SF_ERROR_PATH_INLINE - 2; len < sizeof(path); len += 1 + len / 4) {
		memset(path, 'p', len);
		path[len] = '\0';
		struct sf_error *err = take(ring, path);

		assert_int_equal(err->path_len, len);
		assert_string_equal(sf_error_payload(err)->requested, path);
	}
	for (int i = 0; i < SF_ERROR_RING; i++)
		assert_string_equal(sf_error_path(take(ring, "short")), "short");
	struct sf_error *none =
		sf_error_ring_take(ring, SF_PLACEHOLDER_SNAPSHOT, NULL, NULL, NULL, 0);

	assert_string_equal(sf_error_path(none), "");
	assert_null(sf_error_payload(none)->tag);
	free_ring(ring);
}

static void a_slot_without_make_starts_empty(void **state)
{
	struct sf_error_ring *ring = new_ring();

	(void)state;
	for (int i = 0; i < SF_ERROR_RING; i++)
		sf_error_message(take(ring, "full"));
	struct sf_error *err = sf_error_ring_take(ring, SF_INDEX_OUT_OF_RANGE, NULL, NULL, NULL, 0);

	assert_null(err->payload.requested);
	assert_int_equal(err->payload.available.n, 0);
	err->payload.index = 99;
	err->payload.len = 2;
	assert_has(err, "99");
	free_ring(ring);
}

static void make_without_memory(struct sf_error *err)
{
	made++;
	err->payload.requested = sf_error_str(err, "x");
	assert_null(sf_error_alloc(err, PTRDIFF_MAX / 4));
	assert_null(sf_error_alloc(err, SIZE_MAX));
}

static void without_memory_the_code_is_still_told(void **state)
{
	struct sf_error_ring *ring = new_ring();
	struct sf_error *err =
		sf_error_ring_take(ring, SF_MAP_NOT_FOUND, make_without_memory, NULL, NULL, 0);

	(void)state;
	assert_null(sf_error_payload(err));
	assert_has(err, "MapNotFound");
	assert_null(sf_error_to_json(err));
	assert_int_equal(sf_error_code(sf_error_copy(err)), SF_NO_MEMORY);
	made = 0;
	err->make = make_not_found; /* there is memory again */
	assert_non_null(sf_error_payload(err));
	assert_int_equal(made, 1);
	free_ring(ring);
}

static void make_gone_keeps_the_code(void **state)
{
	struct sf_error_ring *ring = new_ring();
	struct sf_error *err =
		sf_error_ring_take(ring, SF_FIELD_NOT_FOUND, sf_error_make_gone, NULL, NULL, 0);

	(void)state;
	assert_has(err, "FieldNotFound: the details are gone");
	free_ring(ring);
}

static void a_copy_is_equal_and_independent(void **state)
{
	struct sf_error *err = full_error();
	SF_OWNED(error) copy = sf_error_copy(err);

	(void)state;
	assert_true(sf_error_equal(err, copy));
	assert_int_equal(sf_error_hash(err), sf_error_hash(copy));
	sf_error_free(err);
	assert_string_equal(sf_error_payload(copy)->excluded_maps[0].name, "obj.bss");
	assert_int_equal(sf_error_payload(copy)->sample_kvas[1], 9);
}

static void every_member_goes_through_json(void **state)
{
	SF_OWNED(error) err = full_error();
	SF_OWNED(error) back = NULL;
	_cleanup_free_ char *json = sf_error_to_json(err);

	(void)state;
	assert_non_null(json);
	SF_OWNED(error) failure = sf_error_from_json(json, strlen(json), &back);

	assert_null(failure);
	assert_true(sf_error_equal(err, back));
	assert_int_equal(sf_error_hash(err), sf_error_hash(back));
	assert_string_equal(sf_error_message(err), sf_error_message(back));
	_cleanup_free_ char *again = sf_error_to_json(back);

	assert_string_equal(json, again);
	assert_string_equal(sf_error_payload(back)->walked, "");
	assert_int_equal(sf_error_payload(back)->index, UINT64_MAX);
}

/* Each change of one member must be seen by equality, hash and JSON: none of them forgets one. */
static void every_member_counts(void **state)
{
	SF_OWNED(error) base = full_error();
	_cleanup_free_ char *base_json = sf_error_to_json(base);

	(void)state;
	for (int i = 0; i < 37; i++) {
		SF_OWNED(error) err = full_error();
		struct sf_error_payload *p = &err->payload;
		const char **strings[] = { &p->requested, &p->walked, &p->component, &p->kind,
					   &p->expected,  &p->actual, &p->map,	     &p->op,
					   &p->side,	  &p->tag,    &p->reason,    &p->active_obj,
					   &p->stats.text };
		uint64_t *numbers[] = { &p->index,
					&p->len,
					&p->cpu,
					&p->phase,
					&p->addr,
					&p->stats.size,
					&p->stats.max,
					(uint64_t *)&p->err_no,
					(uint64_t *)&p->stats.err_no };
		size_t *lengths[] = { &p->available.n,	    &p->found_in.n,
				      &p->available_keys.n, &p->n_excluded_maps,
				      &p->n_whitelist_kvas, &p->n_pinned_kvas,
				      &p->n_sample_kvas };

		if (i < 13)
			*strings[i] = NULL;
		else if (i < 22)
			*numbers[i - 13] ^= 64;
		else if (i < 29)
			(*lengths[i - 22])--;
		else if (i == 29)
			p->unmapped = false;
		else if (i == 30)
			p->stats.kind = SF_STATS_CANCELLED;
		else if (i == 31)
			((uint64_t *)p->whitelist_kvas)[1]--;
		else if (i == 32)
			((struct sf_excluded_map *)p->excluded_maps)[1].map_kva = 5;
		else if (i == 33)
			((struct sf_excluded_map *)p->excluded_maps)[1].name = "other";
		else if (i == 34)
			((const char **)p->available.v)[2] = "other";
		else if (i == 35)
			p->requested = sf_error_str(err, "");
		else
			err->code = p->code = SF_MAP_NOT_FOUND;

		_cleanup_free_ char *json = sf_error_to_json(err);
		SF_OWNED(error) back = NULL;

		if (sf_error_equal(base, err) || sf_error_hash(base) == sf_error_hash(err))
			fail_msg("change %d is not seen", i);
		assert_string_not_equal(base_json, json);
		assert_null(sf_error_from_json(json, strlen(json), &back));
		assert_true(sf_error_equal(err, back));
	}
}

static void a_lazy_error_equals_its_json(void **state)
{
	struct sf_error_ring *ring = new_ring();
	struct sf_error *err = take(ring, "x"), *twin = take(ring, "x");
	_cleanup_free_ char *json = sf_error_to_json(err);
	SF_OWNED(error) back = NULL;

	(void)state;
	assert_null(sf_error_from_json(json, strlen(json), &back));
	assert_true(sf_error_equal(back, twin));
	assert_int_equal(sf_error_hash(back), sf_error_hash(twin));
	free_ring(ring);
}

static void json_that_is_no_error_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"3",
		"{\"code\":1}",
		"{\"name\":\"MapNotFound\"}",
		"{\"code\":2,\"name\":\"MapNotFound\"}",
		"{\"code\":22,\"name\":\"Unknown\"}",
		"{\"code\":4294967297,\"name\":\"MapNotFound\"}",
		"{\"code\":1.0,\"name\":\"MapNotFound\"}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"requested\":5}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"wanted\":\"x\"}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"tag\\u0000\":\"x\"}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"available\":\"x\"}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"available\":[\"x\",1]}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"index\":-1}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"errno\":18446744073709551615}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"unmapped\":1}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"stats\":\"Bored\"}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"pinned_kvas\":[-1]}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"pinned_kvas\":{}}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"excluded_maps\":[{\"name\":\"x\"}]}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"excluded_maps\":[[\"x\"]]}",
		"{\"code\":1,\"name\":\"MapNotFound\",\"excluded_maps\":[{\"name\":\"x\",\"map_kva\":1,\"y\":1}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sf_error *untouched = (struct sf_error *)&made, *ret = untouched;
		SF_OWNED(error) err = sf_error_from_json(bad[i], strlen(bad[i]), &ret);

		if (sf_error_code(err) != SF_BAD_INPUT)
			fail_msg("accepted: %s", bad[i]);
		assert_ptr_equal(ret, untouched);
	}
	SF_OWNED(error) ok = NULL;

	assert_null(sf_error_from_json("{\"code\":1,\"name\":\"MapNotFound\"}", 31, &ok));
	assert_int_equal(sf_error_code(ok), SF_MAP_NOT_FOUND);
}

/* ---- messages ---- */

static void not_found_lists_what_is_there_and_suggests(void **state)
{
	SF_OWNED(error) var = sf_error_bare(SF_VAR_NOT_FOUND);
	SF_OWNED(error) map = sf_error_bare(SF_MAP_NOT_FOUND);
	SF_OWNED(error) none = sf_error_bare(SF_MAP_NOT_FOUND);
	SF_OWNED(error) dotted = sf_error_bare(SF_VAR_NOT_FOUND);

	(void)state;
	var->payload.requested = sf_error_str(var, "nr_dispached");
	sf_error_strv(var, &var->payload.available,
		      (const char *const[]){ "nr_cpus", "nr_dispatched" }, 2);
	assert_has(var, "'nr_dispached'");
	assert_has(var, "did you mean 'nr_dispatched'?");
	assert_has(var, "nr_cpus, nr_dispatched");

	map->payload.requested = sf_error_str(map, "zzzzzz");
	fill_strv(map, &map->payload.available, "map", 40);
	assert_lacks(map, "did you mean");
	assert_has(map, "map0, map1");
	assert_has(map, "map15, … 24 more");
	assert_lacks(map, "map16");

	none->payload.requested = sf_error_str(none, "x");
	assert_has(none, "no maps were captured");

	dotted->payload.requested = sf_error_str(dotted, "ctx.weight");
	sf_error_strv(dotted, &dotted->payload.available, (const char *const[]){ "ctx" }, 1);
	assert_has(dotted, "not split at dots");
	assert_has(dotted, "'weight'");
}

static void ambiguity_names_the_maps_and_the_way_out(void **state)
{
	SF_OWNED(error) err = sf_error_bare(SF_AMBIGUOUS_VAR);

	(void)state;
	err->payload.requested = sf_error_str(err, "nr");
	sf_error_strv(err, &err->payload.found_in, (const char *const[]){ "a.bss", "b.bss" }, 2);
	assert_has(err, "a.bss, b.bss");
	assert_has(err, "active()");
	assert_has(err, "live_var");
	assert_has(err, "map()");
}

static void path_errors_name_the_component_and_what_came_before(void **state)
{
	SF_OWNED(error) field = sf_error_bare(SF_FIELD_NOT_FOUND);
	SF_OWNED(error) scalar = sf_error_bare(SF_NOT_A_STRUCT);
	SF_OWNED(error) first = sf_error_bare(SF_FIELD_NOT_FOUND);
	SF_OWNED(error) dots = sf_error_bare(SF_EMPTY_PATH_COMPONENT);

	(void)state;
	field->payload.requested = sf_error_str(field, "ctx.wieght.value");
	field->payload.walked = sf_error_str(field, "ctx");
	field->payload.component = sf_error_str(field, "wieght");
	sf_error_strv(field, &field->payload.available, (const char *const[]){ "weight", "tid" },
		      2);
	assert_has(field, "no member 'wieght' after 'ctx' (path 'ctx.wieght.value')");
	assert_has(field, "did you mean 'weight'? members there: weight, tid");

	scalar->payload.requested = sf_error_str(scalar, "leader.pid");
	scalar->payload.walked = sf_error_str(scalar, "leader");
	scalar->payload.component = sf_error_str(scalar, "pid");
	scalar->payload.kind = sf_error_str(scalar, "Ptr");
	assert_has(scalar, "'pid' after 'leader'");
	assert_has(scalar, "Ptr");

	first->payload.requested = first->payload.component = sf_error_str(first, "x");
	first->payload.walked = sf_error_str(first, "");
	assert_has(first, "no member 'x'; ");

	dots->payload.requested = sf_error_str(dots, "a..b");
	assert_has(dots, "'a..b'");
	assert_has(dots, "doubled dot");
}

static void type_and_index_errors_say_both_sides(void **state)
{
	SF_OWNED(error) type = sf_error_bare(SF_TYPE_MISMATCH);
	SF_OWNED(error) index = sf_error_bare(SF_INDEX_OUT_OF_RANGE);
	SF_OWNED(error) empty = sf_error_bare(SF_INDEX_OUT_OF_RANGE);

	(void)state;
	type->payload.expected = sf_error_str(type, "u64");
	type->payload.actual = sf_error_str(type, "Int(negative)");
	type->payload.requested = sf_error_str(type, "");
	assert_string_equal(sf_error_message(type), "expected u64, found Int(negative)");

	index->payload.map = sf_error_str(index, "h");
	index->payload.index = 99;
	index->payload.len = 2;
	assert_has(index, "'h'");
	assert_has(index, "index 99");
	assert_has(index, "length is 2");

	empty->payload.map = sf_error_str(empty, "h");
	assert_has(empty, "no entries");
}

static void per_cpu_errors_tell_absent_from_beyond(void **state)
{
	SF_OWNED(error) absent = sf_error_bare(SF_PER_CPU_SLOT);
	SF_OWNED(error) beyond = sf_error_bare(SF_PER_CPU_SLOT);
	SF_OWNED(error) whole = sf_error_bare(SF_PER_CPU_NOT_NARROWED);

	(void)state;
	absent->payload.map = sf_error_str(absent, "h");
	absent->payload.cpu = 2;
	absent->payload.len = 4;
	absent->payload.unmapped = true;
	assert_has(absent, "CPU 2");
	assert_has(absent, "unmapped");

	beyond->payload.map = sf_error_str(beyond, "h");
	beyond->payload.cpu = 99;
	beyond->payload.len = 4;
	assert_has(beyond, "CPU 99 is beyond");
	assert_has(beyond, "4");
	assert_lacks(beyond, "unmapped");

	whole->payload.map = sf_error_str(whole, "<percpu-array>");
	assert_has(whole, "<percpu-array>");
	assert_has(whole, "select a CPU first");
}

static struct sf_error *no_match(uint64_t len, size_t n, const char *const *keys)
{
	struct sf_error *err = sf_error_bare(SF_NO_MATCH);

	err->payload.map = sf_error_str(err, "h");
	err->payload.op = sf_error_str(err, "find");
	err->payload.len = len;
	sf_error_strv(err, &err->payload.available_keys, keys, n);
	return err;
}

static void edge_32_the_btf_hint_needs_all_keys_in_hex(void **state)
{
	SF_OWNED(error) empty = no_match(0, 0, NULL);
	SF_OWNED(error) unsampled = no_match(5, 0, NULL);
	SF_OWNED(error) typed = no_match(10, 3, (const char *const[]){ "1", "2", "3" });
	SF_OWNED(error) mixed = no_match(2, 2, (const char *const[]){ "hex:01", "2" });
	SF_OWNED(error) hex = no_match(2, 2, (const char *const[]){ "hex:01", "hex:02" });

	(void)state;
	assert_has(empty, "empty");
	assert_lacks(empty, "CONFIG_DEBUG_INFO_BTF");
	assert_has(unsampled, "unavailable");
	assert_lacks(unsampled, "CONFIG_DEBUG_INFO_BTF");
	assert_has(typed, "find matched none of 10 entries");
	assert_has(typed, "1, 2, 3, … 7 more");
	assert_lacks(typed, "unavailable");
	assert_lacks(mixed, "CONFIG_DEBUG_INFO_BTF");
	assert_has(hex, "CONFIG_DEBUG_INFO_BTF");
}

static struct sf_error *excluded(uint64_t first, uint64_t second)
{
	struct sf_error *err = sf_error_bare(SF_ACTIVE_FILTER_EXCLUDED_MAPS);
	struct sf_excluded_map *maps = sf_error_alloc(err, 2 * sizeof(*maps));

	maps[0] = (struct sf_excluded_map){ sf_error_str(err, "obj.bss"), first };
	maps[1] = (struct sf_excluded_map){ sf_error_str(err, "obj.data"), second };
	err->payload.requested = sf_error_str(err, "[a, b]");
	err->payload.active_obj = sf_error_str(err, "obj");
	err->payload.excluded_maps = maps;
	err->payload.n_excluded_maps = 2;
	err->payload.whitelist_kvas = sf_error_u64s(err, (uint64_t[]){ 0xffff888100abc000 }, 1);
	err->payload.n_whitelist_kvas = 1;
	return err;
}

static void edge_23_excluded_maps_have_three_causes(void **state)
{
	SF_OWNED(error) unlisted = excluded(0xffff888100001000, 0xffff888100002000);
	SF_OWNED(error) unrecorded = excluded(0, 0);
	SF_OWNED(error) mixed = excluded(0, 0xffff888100002000);

	(void)state;
	assert_has(unlisted, "'[a, b]'");
	assert_has(unlisted, "'obj'");
	assert_has(unlisted, "0xffff888100abc000");
	assert_has(unlisted, "obj.bss@0xffff888100001000, obj.data@0xffff888100002000");
	assert_has(unlisted, "predates the last Replace");
	assert_has(unlisted, "vars()");
	assert_has(unlisted, "map()");
	assert_has(unrecorded, "no addresses (KVAs) were recorded");
	assert_has(unrecorded, "obj.bss@0x0");
	assert_lacks(unrecorded, "predates");
	assert_has(mixed, "re-run");
	assert_lacks(mixed, "predates");
}

static void edge_57_every_reason_for_missing_stats_shows_its_payload(void **state)
{
	(void)state;
	for (int kind = SF_STATS_NO_SCHEDULER_BINARY; kind <= SF_STATS_MUTEX_POISONED; kind++) {
		SF_OWNED(error) err = sf_error_bare(SF_MISSING_STATS);
		struct sf_missing_stats_reason *why = &err->payload.stats;

		err->payload.tag = sf_error_str(err, "periodic_003");
		why->kind = kind;
		if (kind == SF_STATS_NO_SCHEDULER || kind == SF_STATS_SCHEDULER_ERROR)
			why->text = sf_error_str(err, "connection refused");
		if (kind == SF_STATS_SCHEDULER_ERROR)
			why->err_no = 95;
		if (kind == SF_STATS_REQUEST_TOO_LARGE || kind == SF_STATS_RESPONSE_TOO_LARGE) {
			why->size = 262145;
			why->max = 262144;
		}
		assert_has(err, "periodic_003");
		assert_lacks(err, "not recorded");
		if (why->text)
			assert_has(err, "connection refused");
		if (why->err_no)
			assert_has(err, "95");
		if (why->size) {
			assert_has(err, "262145");
			assert_has(err, "262144");
		}
	}
}

static void the_other_codes_say_what_they_know(void **state)
{
	static const struct {
		enum sf_code code;
		const char *fragments[4];
	} table[] = {
		{ SF_NO_RENDERED, { "<entry>", "value", "BTF" } },
		{ SF_PLACEHOLDER_SAMPLE, { "placeholder", "'tag'", "because" } },
		{ SF_HOST_FIELD_UNAVAILABLE, { "'tag'", "CPU 7" } },
		{ SF_PLACEHOLDER_SNAPSHOT, { "placeholder" } },
		{ SF_NO_ACTIVE_SCHEDULER, { "because", "vars", "live_var", "map" } },
		{ SF_WALKER_DRIFTED_WITHIN_PHASE, { "phase 3", "0x1000", "0x2000", "req" } },
		{ SF_MAP_RENDER_INCOMPLETE, { "<entry>", "because", "not readable" } },
		{ SF_PAGE_NOT_KEPT, { "page not kept", "'req'", "0xffff888000001000" } },
		{ SF_TORN_LIST, { "torn list", "after 9 entries" } },
		{ SF_FRAME_CORRUPT, { "corrupt frame", "because" } },
		{ SF_BAD_PATH, { "bad path", "'req', column 4", "because" } },
		{ SF_KEY_MISMATCH, { "key", "expected struct k, found 5" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		SF_OWNED(error) err = sf_error_bare(table[i].code);
		struct sf_error_payload *p = &err->payload;

		p->map = sf_error_str(err, "<entry>");
		p->side = sf_error_str(err, "value");
		p->tag = sf_error_str(err, "tag");
		p->reason = sf_error_str(err, "because");
		p->requested = sf_error_str(err, "req");
		p->expected = sf_error_str(err, "struct k");
		p->actual = sf_error_str(err, "5");
		p->cpu = 7;
		p->phase = 3;
		p->len = 9;
		p->index = 3;
		p->addr = 0xffff888000001000;
		p->pinned_kvas = sf_error_u64s(err, (uint64_t[]){ 0x1000 }, 1);
		p->n_pinned_kvas = 1;
		p->sample_kvas = sf_error_u64s(err, (uint64_t[]){ 0x2000 }, 1);
		p->n_sample_kvas = 1;
		for (size_t j = 0; j < 4 && table[i].fragments[j]; j++)
			assert_has(err, table[i].fragments[j]);
	}
	SF_OWNED(error) projection = sf_error_bare(SF_PROJECTION_FAILED);

	projection->payload.reason = sf_error_str(projection, "index 5 of 3");
	assert_string_equal(sf_error_message(projection), "projection failed: index 5 of 3");
}

static void every_code_has_a_message_even_with_an_empty_payload(void **state)
{
	(void)state;
	for (int code = 1; code < 80; code++) {
		SF_OWNED(error) err = sf_error_bare(code);

		assert_true(strlen(sf_error_message(err)) > 0);
	}
}

static void a_huge_name_does_not_make_a_huge_message(void **state)
{
	SF_OWNED(error) err = sf_error_bare(SF_MAP_NOT_FOUND);
	char *name = malloc(100001);

	(void)state;
	assert_non_null(name);
	memset(name, 'n', 100000);
	name[100000] = '\0';
	err->payload.requested = sf_error_str(err, name);
	sf_error_strv(err, &err->payload.available, (const char *const[]){ name, name }, 2);
	assert_true(strlen(sf_error_message(err)) < 2000);
	assert_has(err, "…");
	free(name);
}

/* ---- log ---- */

struct heard {
	int n;
	enum sf_log_level level;
	char text[2000];
};

static void hear(void *arg, enum sf_log_level level, const char *message)
{
	struct heard *h = arg;

	h->n++;
	h->level = level;
	snprintf(h->text, sizeof(h->text), "%s", message);
}

static void the_logger_gets_one_line_of_what_it_wants(void **state)
{
	struct heard h = { 0 };
	struct sf_logger log = { .fn = hear, .arg = &h, .level = SF_LOG_INFO };
	char long_text[1000];

	(void)state;
	sf_log(NULL, SF_LOG_ERROR, "nobody");
	sf_log(&(struct sf_logger){ 0 }, SF_LOG_ERROR, "nobody");
	sf_log(&log, SF_LOG_DEBUG, "too much");
	assert_int_equal(h.n, 0);
	sf_log(&log, SF_LOG_INFO, "a%d\nb\n", 1);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.level, SF_LOG_INFO);
	assert_string_equal(h.text, "a1 b");
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	sf_log(&log, SF_LOG_ERROR, "%s!", long_text);
	assert_int_equal(strlen(h.text), sizeof(long_text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_success_and_legal_everywhere),
		cmocka_unit_test(the_numbers_of_codes_are_abi),
		cmocka_unit_test(a_machinery_error_says_its_sentence),
		cmocka_unit_test(a_system_error_names_its_errno),
		cmocka_unit_test(context_goes_before_a_sentence_and_replaces_the_message),
		cmocka_unit_test(the_error_without_memory_needs_none),
		cmocka_unit_test(hostile_bytes_are_escaped_once_on_the_way_in),
		cmocka_unit_test(a_borrowed_error_is_made_when_asked_and_once),
		cmocka_unit_test(a_slot_comes_back_after_sixty_four_and_its_generation_tells),
		cmocka_unit_test(a_long_path_is_kept_whole),
		cmocka_unit_test(a_slot_without_make_starts_empty),
		cmocka_unit_test(without_memory_the_code_is_still_told),
		cmocka_unit_test(make_gone_keeps_the_code),
		cmocka_unit_test(a_copy_is_equal_and_independent),
		cmocka_unit_test(every_member_goes_through_json),
		cmocka_unit_test(every_member_counts),
		cmocka_unit_test(a_lazy_error_equals_its_json),
		cmocka_unit_test(json_that_is_no_error_is_refused),
		cmocka_unit_test(not_found_lists_what_is_there_and_suggests),
		cmocka_unit_test(ambiguity_names_the_maps_and_the_way_out),
		cmocka_unit_test(path_errors_name_the_component_and_what_came_before),
		cmocka_unit_test(type_and_index_errors_say_both_sides),
		cmocka_unit_test(per_cpu_errors_tell_absent_from_beyond),
		cmocka_unit_test(edge_32_the_btf_hint_needs_all_keys_in_hex),
		cmocka_unit_test(edge_23_excluded_maps_have_three_causes),
		cmocka_unit_test(edge_57_every_reason_for_missing_stats_shows_its_payload),
		cmocka_unit_test(the_other_codes_say_what_they_know),
		cmocka_unit_test(every_code_has_a_message_even_with_an_empty_payload),
		cmocka_unit_test(a_huge_name_does_not_make_a_huge_message),
		cmocka_unit_test(the_logger_gets_one_line_of_what_it_wants),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of a pointer whose target would be a page of text, and of functions. */
#include "check.h"

#include "base/json.h"
#include "fake_bpf.h"
#include "render/render.h"

struct bench {
	struct fake_guest *g;
	struct fake_maps m;
	struct sf_frame *frame;
	struct sf_snapshot *snap;
};

static int make(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->g = fake_new(&(struct fake_options){ .small = true });
	fake_scene_maps_add(b->g, &b->m);
	*state = b;
	return 0;
}

static int drop(void **state)
{
	struct bench *b = *state;

	sf_snapshot_free(b->snap);
	sf_frame_unref(b->frame);
	fake_free(b->g);
	free(b);
	return 0;
}

static const struct sf_snap_map *map(struct bench *b, const char *name)
{
	const struct sf_snap_map *ret;

	if (!b->snap) {
		b->frame = fake_capture(b->g, "x");
		assert_ok(sf_snapshot_new(b->frame, &b->snap));
	}
	assert_true(sf_map_snap(sf_view_map(sf_snapshot_view(b->snap), name), &ret));
	return ret;
}

static char *text(struct bench *b, const char *name, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };

	assert_true(sf_render_map_text(map(b, name), opt, sf_json_buffer_sink, &out));
	return out.text;
}

static char *json(struct bench *b, const char *name, const struct sf_render_options *opt)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_map_json(map(b, name), opt, &w);
	assert_true(sf_json_writer_finish(&w));
	return out.text;
}

static void has(const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("not in it: %s\n%s", want, text);
}

static void has_not(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted))
		fail_msg("in it: %s\n%s", unwanted, text);
}

/* A task_struct of the fake kernel has 128 bytes. */
static const struct sf_render_options small_objects = { .max_object = 64 };

static void a_large_object_of_the_kernel_is_a_name(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *shown = text(b, "sk_ctx", &small_objects), *whole = text(b, "sk_ctx", NULL);

	/* sk_ctx's one value points at task 200. */
	has(shown, " → task_struct{pid=200, tgid=200, comm=\"other\", …}");
	has_not(shown, "chase");
	has_not(whole, "…");
	has(whole, "comm=\"other\", real_parent=");
}

static void json_says_that_it_was_not_followed(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *shown = json(b, "sk_ctx", &small_objects), *whole = json(b, "sk_ctx", NULL);

	has(shown, "\"deref_skipped_reason\":\"a large object of the kernel: ask for its members\"");
	has_not(whole, "a large object");
	has(whole, "\"comm\"");
}

static void masks_and_objects_of_the_program_are_followed(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *shown = text(b, "sk_ctx", &(struct sf_render_options){ .max_object = 1 });

	has(shown, "→ cpus={1-2}");
}

static void a_function_has_its_symbol(void **state)
{
	struct bench *b = *state;
	struct sf_symbol symbol;
	char name[SF_SYMBOL_NAME], want[SF_SYMBOL_NAME + 64];
	uint64_t enqueue = b->g->text + 0x1234;
	_cleanup_free_ char *shown = text(b, "demo_ops", NULL);

	assert_true(sf_frame_symbol_at(b->frame, enqueue, name, &symbol));
	snprintf(want, sizeof(want), "=0x%llx %s+0x%llx", (unsigned long long)enqueue, symbol.name,
		 (unsigned long long)symbol.offset);
	has(shown, want);
}

static void a_map_of_endless_values_ends(void **state)
{
	struct bench *b = *state;
	/* One value of "hash" has a dozen parts and a task behind it; here that is taken for far more than its bytes allow. */
	struct sf_render_options opt = { .max_parts = 3 };
	_cleanup_free_ char *shown = text(b, "hash", &opt), *as_json = json(b, "hash", &opt);

	has(shown, "cut here: the value has more than 3 parts");
	has(as_json, "cut here: the value has more than 3 parts");
}

#define MAP_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(a_large_object_of_the_kernel_is_a_name),
		MAP_TEST(json_says_that_it_was_not_followed),
		MAP_TEST(masks_and_objects_of_the_program_are_followed),
		MAP_TEST(a_function_has_its_symbol),
		MAP_TEST(a_map_of_endless_values_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

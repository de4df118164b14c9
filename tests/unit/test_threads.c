/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One frame, eight threads, each with a snapshot of its own: what is made lazily is made once. For ThreadSanitizer. */
#include "check.h"

#include <pthread.h>

#include "fake_bpf.h"
#include "stillframe/snapshot.h"

#define N_THREADS 8
#define ROUNDS 20

struct shared {
	struct sf_frame *frame;
	pthread_barrier_t start;
	const char *want;
	char *got[N_THREADS];
};

struct reader {
	struct shared *s;
	unsigned int i;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	struct shared *s = r->s;
	struct sf_frame *frame = sf_frame_ref(s->frame);

	/* All at once: the listing, types, pages of the file are first asked for by all. */
	pthread_barrier_wait(&s->start);
	s->got[r->i] = fake_dump(frame, true);
	sf_frame_unref(frame);
	return NULL;
}

static void run_readers(struct sf_frame *frame, const char *want)
{
	struct shared s = { .frame = frame };
	struct reader r[N_THREADS];
	pthread_t threads[N_THREADS];

	assert_int_equal(pthread_barrier_init(&s.start, NULL, N_THREADS), 0);
	for (unsigned int i = 0; i < N_THREADS; i++) {
		r[i] = (struct reader){ .s = &s, .i = i };
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &r[i]), 0);
	}
	for (unsigned int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < N_THREADS; i++) {
		assert_string_equal(s.got[i], want);
		free(s.got[i]);
	}
	pthread_barrier_destroy(&s.start);
}

static void threads_read_one_captured_frame(void **state)
{
	struct fake_scene s;
	_cleanup_guest_ struct fake_guest *g = fake_new(NULL);

	(void)state;
	fake_scene_add(g, SCENE_BROKEN, &s);
	SF_OWNED(frame) first = fake_capture(g, "x");
	_cleanup_free_ char *want = fake_dump(first, true);

	for (int i = 0; i < ROUNDS; i++) {
		SF_OWNED(frame) f = fake_capture(g, "x");

		run_readers(f, want);
	}
}

static void threads_read_one_frame_from_a_file(void **state)
{
	struct fake_scene s;
	_cleanup_guest_ struct fake_guest *g = fake_new(NULL);
	char path[] = "/tmp/sf-threads-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	fake_scene_add(g, 0, &s);
	SF_OWNED(frame) first = fake_capture(g, "x");
	_cleanup_free_ char *want = fake_dump(first, true);

	assert_ok(sf_frame_export(first, path));
	for (int i = 0; i < ROUNDS; i++) {
		SF_OWNED(frame) f = NULL;

		assert_ok(sf_frame_open(path, &f));
		run_readers(f, want);
	}
	unlink(path);
}

/* ---- questions ----------------------------------------------------------------------------------------------------- */

struct asked {
	struct sf_frame *frame;
	const struct sf_path *path; /* one for all */
	pthread_barrier_t start;
	uint64_t got[N_THREADS];
};

struct asker {
	struct asked *a;
	unsigned int i;
};

static bool is_running(struct sf_entry e, void *arg)
{
	(void)arg;
	return sf_field_i64_or(sf_entry_get(e, "state"), 0) == 1;
}

/* Searches, keys, compiled paths, arrays of CPUs, and errors in between: what they add up to. */
static uint64_t ask_all(struct sf_snapshot *snap, const struct sf_path *path)
{
	struct sf_view view = sf_snapshot_view(snap);
	struct sf_map hash = sf_view_map(view, "hash"), counts = sf_view_map(view, "cpu_counts");
	uint64_t sum = 0, v;
	uint32_t key = 104;
	struct sf_entry e;

	sf_for_each_entry(e, hash)
		if (!sf_entry_read_u64(&e, path, &v))
			sum += v;
	sum += sf_field_u64_or(sf_entry_key(sf_map_find(hash, is_running, NULL), ""), 1);
	sum += sf_field_u64_or(sf_entry_get(sf_map_key(hash, &key, sizeof(key)), "runtime"), 1);
	sum += sf_field_u64_or(sf_entry_get(sf_map_find_u64(hash, "parent.pid", 200), "node"), 1);
	sf_for_each_entry(e, counts)
		if (!sf_entry_cpu_u64(e, SF_SUM, "", &v))
			sum += v;
	sum += strlen(sf_error_message(sf_view_error(sf_view_active(view))));
	for (int i = 0; i < 100; i++)
		sum += strlen(sf_error_message(sf_field_error(sf_entry_get(sf_map_at(hash, 0), "stats.nope"))));
	return sum;
}

static void *ask(void *arg)
{
	struct asker *r = arg;
	struct asked *a = r->a;
	SF_OWNED(snapshot) snap = NULL;

	pthread_barrier_wait(&a->start);
	SF_OWNED(error) err = sf_snapshot_new(a->frame, &snap);

	if (!err)
		a->got[r->i] = ask_all(snap, a->path);
	return NULL;
}

static void threads_ask_one_frame_with_one_path(void **state)
{
	_cleanup_guest_ struct fake_guest *g = fake_new(NULL);
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(path) path = NULL;
	struct fake_maps m;

	(void)state;
	fake_scene_maps_add(g, &m);
	assert_ok(sf_path_new("stats.wakeups", &path));
	SF_OWNED(frame) first = fake_capture(g, "x");

	assert_ok(sf_snapshot_new(first, &snap));
	uint64_t want = ask_all(snap, path);

	for (int round = 0; round < ROUNDS; round++) {
		SF_OWNED(frame) f = fake_capture(g, "x");
		struct asked a = { .frame = f, .path = path };
		pthread_t threads[N_THREADS];
		struct asker r[N_THREADS];

		assert_int_equal(pthread_barrier_init(&a.start, NULL, N_THREADS), 0);
		for (unsigned int i = 0; i < N_THREADS; i++) {
			r[i] = (struct asker){ .a = &a, .i = i };
			assert_int_equal(pthread_create(&threads[i], NULL, ask, &r[i]), 0);
		}
		for (unsigned int i = 0; i < N_THREADS; i++)
			pthread_join(threads[i], NULL);
		for (unsigned int i = 0; i < N_THREADS; i++)
			assert_int_equal(a.got[i], want);
		pthread_barrier_destroy(&a.start);
	}
}

/* Frames of one run share kernel and facts, and go in any order on any thread. */
static void *drop_frame(void *arg)
{
	sf_frame_unref(arg);
	return NULL;
}

static void frames_of_one_kernel_go_on_any_thread(void **state)
{
	struct fake_scene s;
	_cleanup_guest_ struct fake_guest *g = fake_new(NULL);
	pthread_t threads[N_THREADS];
	struct sf_frame *frames[N_THREADS];

	(void)state;
	fake_scene_add(g, 0, &s);
	fake_open(g);
	SF_OWNED(capturer) c = NULL;

	assert_ok(sf_capturer_new(g->img, g->kernel, NULL, &c));
	for (unsigned int i = 0; i < N_THREADS; i++) {
		struct sf_frame_meta meta = { .tag = "x" };

		assert_ok(sf_capturer_walk(c, &meta.kept));
		assert_ok(sf_capturer_frame(c, &meta, &frames[i]));
	}
	for (unsigned int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, drop_frame, frames[i]), 0);
	for (unsigned int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_read_one_captured_frame),
		cmocka_unit_test(threads_read_one_frame_from_a_file),
		cmocka_unit_test(threads_ask_one_frame_with_one_path),
		cmocka_unit_test(frames_of_one_kernel_go_on_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

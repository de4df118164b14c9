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
		cmocka_unit_test(frames_of_one_kernel_go_on_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

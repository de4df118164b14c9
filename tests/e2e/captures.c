/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Captures from the guest and from several host threads at once: each gets its frame, and at most one is in flight.
 *
 *	captures BUILD KERNEL SERIES
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stillframe/stillframe.h>

#define MS UINT64_C(1000000)
#define N_THREADS 3
#define N_EACH 10

static int n_tests;

static void result(bool ok, const char *what)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++n_tests, what);
}

static void note(struct sf_error *err)
{
	if (err)
		printf("# %s\n", sf_error_message(err));
}

struct worker {
	pthread_t thread;
	struct sf_run *run;
	int number, n_failed;
};

static struct worker workers[N_THREADS];

static void *capture_some(void *arg)
{
	struct worker *w = arg;
	char name[32];

	for (int i = 0; i < N_EACH; i++) {
		snprintf(name, sizeof(name), "t%d-%d", w->number, i);
		SF_OWNED(error) err = sf_run_capture(w->run, name);

		note(err);
		w->n_failed += err != NULL;
	}
	return NULL;
}

/* From the run's own thread, so it only starts them. */
static void start_workers(struct sf_run *run, void *arg)
{
	(void)arg;
	for (int i = 0; i < N_THREADS; i++) {
		workers[i] = (struct worker){ .run = run, .number = i };
		pthread_create(&workers[i].thread, NULL, capture_some, &workers[i]);
	}
}

/* Can it be read? The first ones may be taken before the scheduler has dispatched anything: then it is zero. */
static bool dispatched(struct sf_run *run, const char *name, uint64_t *ret)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(error) err = sf_run_frame(run, name, &frame);

	if (!err)
		err = sf_snapshot_new(frame, &snap);
	if (!err)
		err = sf_error_copy(sf_field_as_u64(sf_view_var(sf_snapshot_view(snap), "nr_dispatched"), ret));
	note(err);
	if (!err && !*ret) {
		struct sf_frame_info info = { .size = sizeof(info) };

		sf_frame_info(frame, &info);
		printf("# %s: nothing was dispatched yet, %.3f ms after the scheduler was attached\n", name,
		       (double)info.guest_ns / 1e6);
	}
	return !err;
}

static void check(struct sf_run *run, void *arg)
{
	uint64_t n, most = 0, early = 0, late = 0;
	char name[32];
	int n_real = 0, n_failed = 0;

	(void)arg;
	for (int t = 0; t < N_THREADS; t++) {
		pthread_join(workers[t].thread, NULL);
		n_failed += workers[t].n_failed;
		for (int i = 0; i < N_EACH; i++) {
			snprintf(name, sizeof(name), "t%d-%d", t, i);
			if (!dispatched(run, name, &n))
				continue;
			n_real++;
			most = n > most ? n : most;
		}
	}
	printf("# %d of %d captures of host threads have data\n", n_real, N_THREADS * N_EACH);
	result(n_real == N_THREADS * N_EACH && most && !n_failed, "host threads get their frames");
	result(dispatched(run, "early", &early) && dispatched(run, "late", &late) && early && late >= early,
	       "the guest's own captures are among them");
	SF_OWNED(error) err = sf_run_capture(run, "too-late");

	note(err);
	result(sf_error_code(err) == SF_HOST, "a capture after the end is refused");
}

/* The log has each event once: they have to alternate. */
static void check_order(const char *dir)
{
	char path[4096], line[8192];
	int stops = 0, resumes = 0, wrong = 0;

	snprintf(path, sizeof(path), "%s/qmp.log", dir);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "\"event\": \"STOP\"") && ++stops != resumes + 1)
			wrong++;
		if (strstr(line, "\"event\": \"RESUME\"") && ++resumes != stops)
			wrong++;
	}
	if (f)
		fclose(f);
	printf("# %d stops, %d resumes, %d out of order\n", stops, resumes, wrong);
	result(stops >= N_THREADS * N_EACH + 2 && !wrong, "none begins before the guest runs again: STOP < RESUME < STOP");
}

/* One after the other, until it is refused: the run has to end by itself all the same. */
static void *capture_without_end(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		SF_OWNED(error) err = sf_run_capture(w->run, "endless");

		if (err) {
			w->n_failed = sf_error_code(err) != SF_HOST;
			note(err);
			return NULL;
		}
	}
}

static void start_endless(struct sf_run *run, void *arg)
{
	(void)arg;
	workers[0] = (struct worker){ .run = run };
	pthread_create(&workers[0].thread, NULL, capture_without_end, &workers[0]);
}

static void endless(struct sf_run_options opt)
{
	SF_OWNED(run) run = NULL;

	opt.duration_ns = 1000 * MS;
	opt.n_captures = 0;
	opt.force = true;
	opt.started = start_endless;
	opt.check = NULL;
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	note(err);
	if (run)
		pthread_join(workers[0].thread, NULL);
	result(run && !workers[0].n_failed && sf_run_verdict(run) == SF_PASS,
	       "a thread that captures without end does not keep the run from its end");
}

int main(int argc, char **argv)
{
	static const struct sf_capture_at at[] = { { "early", 100 * MS }, { "late", 900 * MS } };
	char object[4096], out[] = "/tmp/stillframe-e2e.XXXXXX", remove_out[64];
	SF_OWNED(run) run = NULL;

	if (argc < 4 || !mkdtemp(out))
		return 3;
	printf("1..6\n");
	snprintf(object, sizeof(object), "%s/bpf/%s/sf_example.bpf.o", argv[1], argv[3]);
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "captures",
		.scheduler = object,
		.kernel = argv[2],
		.accel = "tcg",
		.duration_ns = 4000 * MS,
		.captures = at,
		.n_captures = sizeof(at) / sizeof(at[0]),
		.out = out,
		.started = start_workers,
		.check = check,
	};
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	note(err);
	for (size_t i = 0; run && i < sf_run_n_findings(run); i++)
		printf("# %s: %s\n", sf_run_finding(run, i)->source, sf_run_finding(run, i)->text);
	if (run)
		check_order(out);
	result(run && sf_run_verdict(run) == SF_PASS, "the run passes");
	sf_run_free(run);
	run = NULL;
	endless(opt);
	snprintf(remove_out, sizeof(remove_out), "rm -rf '%s'", out);
	return system(remove_out) ? 1 : 0;
}

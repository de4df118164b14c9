/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a question costs, through the shared library and nothing but its public functions. Prints NAME VALUE lines.
 *
 *	bench_access FRAME
 *
 * access.path_ns    sf_field_get() of a path of three components, and sf_field_as_u64()
 * access.jsonc_ns   three look-ups of the same names in json-c objects, and json_object_get_uint64()
 * access.read_ns    sf_field_read_u64() of that path, compiled
 * access.call_ns    an empty function of a shared library with the same arguments
 * access.error_ns   sf_field_get() of a path whose third component is not there, and sf_field_as_u64(), which gives the
 *                   error; access.error_allocs: allocations that a thousand of them made
 * access.find_1m_ms   sf_map_find() among 2^20 entries, of which the last is the one, with a predicate that reads a member
 * access.value_1m_ms  the same with sf_map_find_u64()
 * access.each_1m_ms   sf_for_each_entry() over all, reading a member; the first time, and access.each_again_1m_ms
 * access.key_1m_us    sf_map_key() of one of them
 *
 * What is compared takes turns; each figure is the median of many rounds.
 */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_access.h"
#include "stillframe/snapshot.h"

#define ROUNDS 101
#define LONG_ROUNDS 5
#define CALLS 2000
#define ERRORS 1000

/* ---- allocations --------------------------------------------------------------------------------------------------- */

static unsigned long n_allocs;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	n_allocs++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocs++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	n_allocs++;
	return __libc_realloc(p, size);
}

/* ---- time ----------------------------------------------------------------------------------------------------------- */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(v[0]), by_value);
	return v[n / 2];
}

/* ---- one question --------------------------------------------------------------------------------------------------- */

struct one {
	struct sf_field value;
	struct sf_path *path;
	struct json_object *json;
	uint64_t want, wrong;
};

#define PATH "stats.counts.dispatched"
#define NO_PATH "stats.counts.dispatchable"

static void ask_path(struct one *o)
{
	for (int i = 0; i < CALLS; i++) {
		uint64_t v = 0;

		if (sf_field_as_u64(sf_field_get(o->value, PATH), &v) || v != o->want)
			o->wrong++;
	}
}

static void ask_jsonc(struct one *o)
{
	for (int i = 0; i < CALLS; i++) {
		struct json_object *stats, *counts, *number;

		if (!json_object_object_get_ex(o->json, "stats", &stats) ||
		    !json_object_object_get_ex(stats, "counts", &counts) ||
		    !json_object_object_get_ex(counts, "dispatched", &number) || json_object_get_uint64(number) != o->want)
			o->wrong++;
	}
}

static void ask_read(struct one *o)
{
	for (int i = 0; i < CALLS; i++) {
		uint64_t v;

		if (sf_field_read_u64(&o->value, o->path, &v) || v != o->want)
			o->wrong++;
	}
}

static void ask_nothing(struct one *o)
{
	for (int i = 0; i < CALLS; i++) {
		uint64_t v = o->want;

		if (bench_empty(&o->value, o->path, &v) || v != o->want)
			o->wrong++;
	}
}

static void ask_error(struct one *o)
{
	for (int i = 0; i < CALLS; i++) {
		uint64_t v;

		if (sf_error_code(sf_field_as_u64(sf_field_get(o->value, NO_PATH), &v)) != SF_FIELD_NOT_FOUND)
			o->wrong++;
	}
}

static unsigned long allocs_of_errors(struct one *o)
{
	unsigned long before = n_allocs;

	for (int i = 0; i < ERRORS; i++) {
		uint64_t v;

		if (!sf_field_as_u64(sf_field_get(o->value, NO_PATH), &v))
			o->wrong++;
	}
	return n_allocs - before;
}

static const struct {
	const char *name;
	void (*ask)(struct one *o);
} questions[] = {
	{ "path", ask_path }, { "jsonc", ask_jsonc }, { "read", ask_read }, { "call", ask_nothing }, { "error", ask_error },
};
#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static struct sf_error *bench_one(struct sf_map map)
{
	static double took[N_QUESTIONS][ROUNDS];
	struct one o = { .value = sf_entry_get(sf_map_at(map, BENCH_ACCESS_ENTRIES / 2), "") };
	SF_OWNED(path) path = NULL;
	char text[256];

	SF_TRY(sf_path_new(PATH, &path));
	SF_TRY(sf_field_as_u64(sf_field_get(o.value, PATH), &o.want));
	o.path = path;
	snprintf(text, sizeof(text), "{\"tid\":1,\"stats\":{\"started_ns\":2,\"counts\":{\"enqueued\":3,\"dispatched\":%llu}}}",
		 (unsigned long long)o.want);
	o.json = json_tokener_parse(text);
	for (int i = 0; i < ROUNDS; i++)
		for (size_t q = 0; q < N_QUESTIONS; q++) {
			double start = now_ns();

			questions[q].ask(&o);
			took[q][i] = (now_ns() - start) / CALLS;
		}
	for (size_t q = 0; q < N_QUESTIONS; q++)
		printf("access.%s_ns %.2f\n", questions[q].name, median(took[q], ROUNDS));
	printf("access.error_allocs %lu\n", allocs_of_errors(&o));
	json_object_put(o.json);
	if (o.wrong)
		fprintf(stderr, "%llu wrong answers\n", (unsigned long long)o.wrong);
	return NULL;
}

/* ---- a million ------------------------------------------------------------------------------------------------------- */

static bool is_wanted(struct sf_entry entry, void *arg)
{
	const uint64_t *tid = arg;
	uint64_t v;

	return sf_field_try_u64(sf_entry_get(entry, "tid"), &v) && v == *tid;
}

static struct sf_error *each(struct sf_map map, const struct sf_path *path, double *ret_ms)
{
	double start = now_ns();
	struct sf_entry entry;
	uint64_t v, sum = 0;

	sf_for_each_entry(entry, map) {
		SF_TRY(sf_entry_read_u64(&entry, path, &v));
		sum += v;
	}
	*ret_ms = (now_ns() - start) / 1e6;
	return sum == (uint64_t)BENCH_ACCESS_ENTRIES * (BENCH_ACCESS_ENTRIES - 1) / 2 ?
		       NULL : sf_error_copy(sf_map_error(map));
}

static struct sf_error *bench_many(struct sf_map map)
{
	double find[LONG_ROUNDS], value[LONG_ROUNDS], key[ROUNDS], first, again;
	SF_OWNED(path) path = NULL;
	struct sf_entry last = { { 0 } }, entry;
	uint64_t tid;

	SF_TRY(sf_path_new("tid", &path));
	SF_TRY(each(map, path, &first));
	SF_TRY(each(map, path, &again));
	sf_for_each_entry(entry, map)
		last = entry;
	SF_TRY(sf_entry_read_u64(&last, path, &tid));
	for (int i = 0; i < LONG_ROUNDS; i++) {
		double start = now_ns();

		SF_TRY(sf_entry_error(sf_map_find(map, is_wanted, &tid)));
		find[i] = (now_ns() - start) / 1e6;
		start = now_ns();
		SF_TRY(sf_entry_error(sf_map_find_u64(map, "tid", tid)));
		value[i] = (now_ns() - start) / 1e6;
	}
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t k = bench_access_key((uint32_t)i * 9973u);
		double start = now_ns();

		SF_TRY(sf_entry_error(sf_map_key(map, &k, sizeof(k))));
		key[i] = (now_ns() - start) / 1e3;
	}
	printf("access.find_1m_ms %.1f\naccess.value_1m_ms %.1f\n", median(find, LONG_ROUNDS), median(value, LONG_ROUNDS));
	printf("access.each_1m_ms %.1f\naccess.each_again_1m_ms %.1f\n", first, again);
	printf("access.key_1m_us %.2f\n", median(key, ROUNDS));
	return NULL;
}

static struct sf_error *run(const char *path)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(error) err = NULL;
	struct sf_map map;

	SF_TRY(sf_frame_open(path, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	map = sf_view_map(sf_snapshot_view(snap), "tasks");
	err = sf_error_copy(sf_map_error(map));
	if (!err)
		err = sf_error_copy(bench_many(map));
	if (!err)
		err = sf_error_copy(bench_one(map));
	struct sf_error *ret = err;

	err = NULL;
	return ret;
}

int main(int argc, char **argv)
{
	SF_OWNED(error) err = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_access FRAME\n");
		return 3;
	}
	err = run(argv[1]);
	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	return err ? 1 : 0;
}

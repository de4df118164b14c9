/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast a map becomes JSON, beside json-c writing the same document from a tree that it has in memory. Prints NAME
 * VALUE lines.
 *
 *	bench_value FRAME [MAP]
 *
 * value.json_mb_s    from the bytes in the frame to the JSON of `stillframe show --json`, in memory; MB of it a second
 * value.jsonc_mb_s   json_object_to_json_string_ext() of what json-c read from that; both take turns, p50
 * value.json_mb      how much it is, and value.json_ns_entry: nanoseconds for each entry
 */

#include <json-c/json.h>
#include <time.h>

#include "render/render.h"

#define ROUNDS 41
#define DEFAULT_MAP "bench_tasks"

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

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

/* Room that is there and faulted in, as json-c's is after its first time. */
struct room {
	char *text;
	size_t len, cap;
};

static bool take(void *arg, const char *text, size_t len)
{
	struct room *r = arg;

	if (len > r->cap - r->len)
		return false;
	memcpy(r->text + r->len, text, len);
	r->len += len;
	return true;
}

static bool render(const struct sf_snap_map *map, sf_json_sink *sink, void *arg)
{
	struct sf_json_writer w;

	sf_json_writer_init(&w, sink, arg, false);
	sf_render_map_json(map, NULL, &w);
	return sf_json_writer_finish(&w);
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *ret = tok ? json_tokener_parse_ex(tok, text, (int)len) : NULL;

	json_tokener_free(tok);
	return ret;
}

static struct sf_error *bench(const struct sf_snap_map *map)
{
	_cleanup_free_ char *text = NULL;
	struct sf_json_buffer first = { 0 };
	double ours[ROUNDS], theirs[ROUNDS];
	size_t len = 0;

	if (!render(map, sf_json_buffer_sink, &first))
		return sf_error_nomem();
	text = first.text;
	struct json_object *tree = parse(text, first.len);

	if (!tree)
		return sf_error_new(SF_BAD_INPUT, "json-c does not take our JSON");
	for (int i = 0; i < ROUNDS; i++) {
		struct room room = { .text = text, .cap = first.cap };
		double start = now_ns();

		if (!render(map, take, &room) || room.len != first.len)
			return sf_error_new(SF_BAD_INPUT, "%zu bytes of JSON became %zu", first.len, room.len);
		ours[i] = now_ns() - start;
		start = now_ns();
		if (!json_object_to_json_string_length(tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len))
			return sf_error_nomem();
		theirs[i] = now_ns() - start;
	}
	json_object_put(tree);
	if (len != first.len)
		return sf_error_new(SF_BAD_INPUT, "json-c wrote %zu bytes of what we wrote in %zu", len, first.len);
	printf("value.json_mb_s %.1f\n", (double)len * 1e3 / median(ours));
	printf("value.jsonc_mb_s %.1f\n", (double)len * 1e3 / median(theirs));
	printf("value.json_mb %.2f\n", (double)len / 1e6);
	printf("value.json_ns_entry %.0f\n", median(ours) / sf_max(map->listed->map.max_entries, 1u));
	return NULL;
}

static struct sf_error *run(const char *path, const char *name)
{
	const struct sf_snap_map *map = NULL;
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	SF_TRY(sf_frame_open(path, &frame));
	SF_TRY(sf_snapshot_new(frame, &snap));
	struct sf_map found = sf_view_map(sf_snapshot_view(snap), name);

	if (!sf_map_snap(found, &map))
		return sf_error_copy(sf_map_error(found));
	return bench(map);
}

int main(int argc, char **argv)
{
	SF_OWNED(error) err = NULL;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: bench_value FRAME [MAP]\n");
		return 3;
	}
	err = run(argv[1], argc > 2 ? argv[2] : DEFAULT_MAP);
	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	return err ? 1 : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters: which numbers of a scheduler's globals and per-CPU arrays grew from frame to frame, and how much.
 *
 * A counter begins at 0 when its scheduler is loaded, goes up, and goes up by what happens on a CPU. From that:
 *
 *   - it is an integer of 16 bits or more, no bitfield, enum, character or pointer;
 *   - it fell in none of the frames, and is larger in the last than in the first;
 *   - no scheduler does anything more often than 10^8 times a second. What is larger than so much for each second
 *     since the scheduler was attached was not counted from 0: an address, a clock, a hash. What moved faster between the
 *     frames is time that was added up;
 *   - its name does not say that it is something else (name_says_other()): `total_ns`, `last_pid`, `max`.
 *
 * Arrays of a few numbers are as many counters, since their indexes tend to mean something; longer ones count as their
 * sum. All of it is the guest's word: types may differ from frame to frame, and every walk is bounded.
 */

#include <ctype.h>

#include "private.h"
#include "snapshot/expr.h"
#include "snapshot/snapshot.h"
#include "trial/counters.h"

#define MAX_DEPTH 8
#define MAX_FRAMES 8        /* looked at, of those a run has */
#define MAX_EACH 8u         /* longer arrays of numbers are summed */
#define MAX_STRUCTS 64u     /* of an array of structs the first; of a per-CPU array the first entries */
#define MAX_LEAVES 65536u
#define MAX_MAP_STEPS (1u << 16) /* members and elements looked at in one map of one frame */
#define MAX_STEPS (1u << 18)     /* in all maps of one frame */
#define MAX_NAME 128
#define MAX_ASKED (8 * SF_COUNTERS_KEPT) /* each is an expression that walks the frame; nearly all of them say what they should */
#define MAX_PER_SECOND 100000000u

struct leaf {
	char *path;             /* "nr_hits.total", or of a per-CPU array "[3].total" */
	uint32_t map;           /* index in `maps` */
	uint32_t name_len;      /* of a section: of the variable's name */
	uint32_t n_read;        /* in this frame */
	uint32_t n_wanted;      /* in the first: values that are added up, one a CPU */
	bool is_sum, is_bad;
	size_t last;            /* the last frame that has all of it */
	uint64_t now, from, to;
};

struct owner {
	char *name;
	uint64_t kva;
	uint32_t id;
	bool is_percpu;
};

struct finder {
	struct { struct leaf *v; size_t n, cap; } leaves;
	struct { struct owner *v; size_t n, cap; } maps;
	struct sf_text path;
	size_t at;              /* the next leaf of this walk */
	size_t map;
	uint32_t name_len, steps, map_steps;
	bool makes;             /* the first value of a map: leaves are made, not met again */
	bool no_memory;
};

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* What can stand in an expression as it is. */
static bool is_plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

	return n && n < MAX_NAME && !name[n] && !isdigit((unsigned char)name[0]);
}

static bool is_one_of(const char *word, size_t len, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && !strncasecmp(list[i], word, len))
			return true;
	return false;
}

/* Judged by the words of the last member's name, which stand between underscores. */
static bool name_says_other(const char *path)
{
	static const char *const units[] = { "ns", "us", "ms", "nsec", "usec", "msec", "cycles" };
	static const char *const histograms[] = { "by", "hist", "log2", "bucket", "buckets" };
	static const char *const counts[] = { "nr", "n", "num", "cnt", "count", "counts", "counter", "hits", "events" };
	static const char *const others[] = {
		"time", "times", "ts", "at", "clock", "vtime", "tsc", "jiffies", "deadline", "stamp", "timestamp", "when",
		"runtime", "vruntime", "lag", "debt", "pid", "tid", "tgid", "id", "idx", "index", "cpu", "cursor", "last",
		"prev", "cur", "curr", "current", "next", "max", "min", "avg", "mean", "ewma", "ptr", "addr", "seed",
	};
	const char *dot = strrchr(path, '.'), *word = dot ? dot + 1 : path;
	bool is_histogram = false, is_count = false, is_unit = false, is_other = false;

	for (size_t len; *word && *word != '['; word += len + (word[len] == '_')) {
		len = strcspn(word, "_[");
		is_histogram |= is_one_of(word, len, histograms, ARRAY_SIZE(histograms));
		is_count |= is_one_of(word, len, counts, ARRAY_SIZE(counts));
		is_other |= is_one_of(word, len, others, ARRAY_SIZE(others));
		/* The last word says in what it is measured: nr_slept_ns is no number of anything. */
		is_unit = is_one_of(word, len, units, ARRAY_SIZE(units));
	}
	return !is_histogram && (is_unit || (is_other && !is_count));
}

/* ---- walking ------------------------------------------------------------------------------------------------------ */

static struct leaf *next_leaf(struct finder *f, bool is_sum)
{
	const char *path = f->path.v ? f->path.v : "";

	if (f->makes) {
		struct leaf *l = f->leaves.n < MAX_LEAVES ? sf_vec_push(&f->leaves) : NULL;

		if (!l)
			return NULL;
		*l = (struct leaf){ .path = strndup(path, f->path.n), .map = (uint32_t)f->map, .name_len = f->name_len,
				    .is_sum = is_sum };
		if (!l->path) {
			f->leaves.n--;
			f->no_memory = true;
			return NULL;
		}
		return l;
	}
	/* The same type gives the same leaves in the same order; where it does not, nothing of it is believed. */
	struct leaf *l = f->at < f->leaves.n ? &f->leaves.v[f->at++] : NULL;

	if (!l || l->map != f->map || strlen(l->path) != f->path.n || memcmp(l->path, path, f->path.n))
		return NULL;
	return l;
}

static bool add(struct leaf *l, const struct sf_scalar *s)
{
	uint64_t v = s->kind == SF_UINT ? s->u64 : (uint64_t)s->i64;

	l->is_bad |= s->bits < 16 || (s->kind != SF_UINT && s->kind != SF_INT) || (s->kind == SF_INT && s->i64 < 0) ||
		     __builtin_add_overflow(l->now, v, &l->now);
	return !l->is_bad;
}

static bool step(struct finder *f)
{
	return !f->no_memory && f->steps++ < MAX_STEPS && f->map_steps++ < MAX_MAP_STEPS;
}

static void meet_number(struct finder *f, const struct sf_node *n)
{
	struct leaf *l = next_leaf(f, false);
	struct sf_trouble why;
	struct sf_scalar s;

	if (l && !n->bit_size && sf_node_scalar(n, &s, &why) == SF_STEP_OK && add(l, &s))
		l->n_read++;
}

static void meet_numbers(struct finder *f, const struct sf_node *n, uint64_t len)
{
	struct leaf *l = next_leaf(f, true);
	struct sf_scalar s[64];
	size_t count;

	for (uint64_t i = 0; l && i < len; i += count) {
		count = sf_min(len - i, (uint64_t)ARRAY_SIZE(s));
		if (!step(f) || sf_node_scalars(n, i, s, &count) != SF_STEP_OK)
			return;
		for (size_t k = 0; k < count; k++)
			if (!add(l, &s[k]))
				return;
	}
	if (l)
		l->n_read++;
}

static void walk(struct finder *f, const struct sf_node *n, unsigned int depth);

static void walk_array(struct finder *f, const struct sf_node *n, unsigned int depth)
{
	uint64_t present, len = sf_node_len(n, &present);
	struct sf_node e;

	if (!len || present != len || sf_node_index(n, 0, &e) != SF_STEP_OK)
		return;
	enum sf_kind kind = sf_node_kind(&e);
	bool numbers = kind == SF_INT || kind == SF_UINT;

	if (numbers && len > MAX_EACH) {
		meet_numbers(f, n, len);
		return;
	}
	if (!numbers && kind != SF_STRUCT && kind != SF_ARRAY)
		return;
	for (uint64_t i = 0; i < sf_min(len, (uint64_t)MAX_STRUCTS) && step(f); i++) {
		size_t was = f->path.n;

		if (sf_node_index(n, i, &e) != SF_STEP_OK)
			return;
		sf_text_putf(&f->path, "[%u]", (unsigned int)i);
		walk(f, &e, depth + 1);
		f->path.n = was;
	}
}

static void walk_struct(struct finder *f, const struct sf_node *n, unsigned int depth)
{
	struct sf_member_iter it = { 0 };
	struct sf_node member;
	const char *name;

	while (step(f) && sf_node_next_member(n, &it, &name, &member)) {
		size_t was = f->path.n;

		if (!name || !is_plain(name) || (depth && strchr(name, '.')))
			continue;
		sf_text_putf(&f->path, "%s%s", was ? "." : "", name);
		if (!was)
			f->name_len = (uint32_t)f->path.n;
		walk(f, &member, depth + 1);
		f->path.n = was;
	}
}

/* Only types decide where it goes, so that it goes the same way in every frame. */
static void walk(struct finder *f, const struct sf_node *n, unsigned int depth)
{
	if (depth > MAX_DEPTH || f->path.failed)
		return;
	switch (sf_node_kind(n)) {
	case SF_INT:
	case SF_UINT:
		meet_number(f, n);
		break;
	case SF_STRUCT:
		walk_struct(f, n, depth);
		break;
	case SF_ARRAY:
		walk_array(f, n, depth);
		break;
	default:
		break;
	}
}

/* ---- maps --------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct sf_snap_map *m)
{
	if (m->unread || !m->types.btf)
		return false;
	return m->is_section ? !strstr(m->listed->name, ".rodata") : m->listed->map.shape == SF_BPF_PERCPU_ARRAY;
}

static void walk_percpu(struct finder *f, const struct sf_snap_map *m, size_t first_leaf, bool makes)
{
	uint32_t n_cpus = sf_snap_n_cpus(m);
	struct sf_snap_elem e;
	struct sf_node n;

	for (size_t i = 0; i < sf_min(m->listed->map.max_entries, MAX_STRUCTS) && sf_snap_at(m, i, &e); i++) {
		bool is_first = true;
		size_t begin = makes ? f->leaves.n : first_leaf;

		for (uint32_t cpu = 0; cpu < n_cpus && step(f); cpu++) {
			if (!sf_snap_cpu_value(&e, cpu, &n))
				continue;
			f->path.n = 0;
			sf_text_putf(&f->path, "[%u]", (unsigned int)i);
			f->makes = makes && is_first;
			f->at = begin;
			walk(f, &n, 1);
			is_first = false;
		}
		first_leaf = makes ? f->leaves.n : f->at;
	}
}

static void walk_map(struct finder *f, const struct sf_snap_map *m, size_t first_leaf, bool makes)
{
	f->map_steps = 0;
	if (!m->is_section) {
		walk_percpu(f, m, first_leaf, makes);
		return;
	}
	struct sf_node n = sf_snap_single(m);

	f->path.n = 0;
	f->makes = makes;
	f->at = first_leaf;
	walk(f, &n, 0);
}

/* The first frame that has something to count says what there is. */
static void make_leaves(struct finder *f, const struct sf_snapshot_maps *maps)
{
	for (size_t i = 0; i < maps->n && f->steps < MAX_STEPS && !f->no_memory; i++) {
		const struct sf_snap_map *m = &maps->v[i];

		if (!is_wanted(m))
			continue;
		struct owner *o = sf_vec_push(&f->maps);

		if (!o) {
			f->no_memory = true;
			return;
		}
		*o = (struct owner){ .name = strdup(m->listed->name), .kva = m->listed->map.kva, .id = m->listed->map.id,
				     .is_percpu = !m->is_section };
		f->no_memory |= !o->name;
		f->map = f->maps.n - 1;
		walk_map(f, m, f->leaves.n, true);
	}
}

/* Both lists are in order of id. */
static void meet_leaves(struct finder *f, const struct sf_snapshot_maps *maps)
{
	size_t leaf = 0, i = 0;

	for (f->map = 0; f->map < f->maps.n; f->map++) {
		const struct owner *o = &f->maps.v[f->map];

		while (i < maps->n && maps->v[i].listed->map.id < o->id)
			i++;
		while (leaf < f->leaves.n && f->leaves.v[leaf].map < f->map)
			leaf++;
		if (i < maps->n && maps->v[i].listed->map.id == o->id && maps->v[i].listed->map.kva == o->kva &&
		    is_wanted(&maps->v[i]) && maps->v[i].is_section == !o->is_percpu)
			walk_map(f, &maps->v[i], leaf, false);
	}
}

static void look(struct finder *f, struct sf_snapshot *snap, size_t frame)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	bool makes = !f->leaves.n;

	f->steps = 0;
	for (size_t i = 0; i < f->leaves.n; i++)
		f->leaves.v[i].now = f->leaves.v[i].n_read = 0;
	if (makes)
		make_leaves(f, &maps);
	else
		meet_leaves(f, &maps);
	for (size_t i = 0; i < f->leaves.n; i++) {
		struct leaf *l = &f->leaves.v[i];

		if (makes) {
			l->n_wanted = l->n_read;
			l->from = l->to = l->now;
		} else if (l->n_read == l->n_wanted && l->n_read) {
			l->is_bad |= l->now < l->to;
			l->to = l->now;
		}
		if (l->n_read && l->n_read == l->n_wanted)
			l->last = frame;
	}
}

/* ---- which of them ------------------------------------------------------------------------------------------------ */

static struct sf_frame_info info_of(struct sf_frame *frame)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(frame, &info);
	return info;
}

static uint64_t between(struct sf_frame *first, struct sf_frame *last)
{
	struct sf_frame_info a = info_of(first), b = info_of(last);

	if (a.has_guest_ns && b.has_guest_ns)
		return b.guest_ns > a.guest_ns ? b.guest_ns - a.guest_ns : 0;
	return b.wall_ns > a.wall_ns + a.pause_ns ? b.wall_ns - a.wall_ns - a.pause_ns : 0;
}

static bool is_faster(uint64_t n, uint64_t ns)
{
	return (unsigned __int128)n * 1000000000u > (unsigned __int128)ns * MAX_PER_SECOND;
}

static bool is_counter(const struct leaf *l, size_t last, uint64_t since_attached, uint64_t elapsed)
{
	return !l->is_bad && l->n_wanted && l->last == last && l->to > l->from && !is_faster(l->to, since_attached) &&
	       !is_faster(l->to - l->from, elapsed) && !name_says_other(l->path);
}

static int by_distance(const void *a, const void *b)
{
	const struct leaf *x = *(const struct leaf *const *)a, *y = *(const struct leaf *const *)b;
	uint64_t dx = x->to - x->from, dy = y->to - y->from;

	return dx != dy ? (dx < dy ? 1 : -1) : strcmp(x->path, y->path);
}

/* The leaf as an expression; @by_id: where names do not say which map is meant. */
static char *expression(const struct finder *f, const struct leaf *l, bool by_id)
{
	const struct owner *o = &f->maps.v[l->map];
	bool sums = l->is_sum || o->is_percpu;
	const char *open = sums ? "sum(" : "", *close = sums ? ")" : "";

	if (by_id)
		return sf_asprintf("%smap(id %u)%s%s%s", open, o->id, o->is_percpu ? "" : ".", l->path, close);
	if (o->is_percpu)
		return is_plain(o->name) ? sf_asprintf("%smap(%s)%s%s", open, o->name, l->path, close) : NULL;
	return sf_asprintf("%svar(%.*s)%s%s", open, (int)l->name_len, l->path, l->path + l->name_len, close);
}

static bool says(struct sf_view view, const char *text, uint64_t want)
{
	struct sf_expr_value v = { .size = sizeof(v) };
	SF_OWNED(expr) expr = NULL;
	SF_OWNED(error) err = text ? sf_expr_new(text, &expr) : NULL;
	uint64_t n = 0;

	if (err || !expr)
		return false;
	struct sf_error *none = sf_view_eval(view, expr, &v);

	if (none) {
		sf_error_free(none);
		return false;
	}
	return (v.kind == SF_EXPR_UINT && v.u64 == want) ||
	       (v.kind == SF_EXPR_FIELD && sf_field_try_u64(v.field, &n) && n == want);
}

/* Who copies an expression out of a summary gets this number for it, or it is not in the summary. */
static void keep(struct finder *f, const struct leaf *l, struct sf_view view, struct sf_counters *ret)
{
	for (int by_id = 0; by_id < 2; by_id++) {
		_cleanup_free_ char *text = expression(f, l, by_id);

		if (!says(view, text, l->to))
			continue;
		ret->v[ret->n++] = (struct sf_counter){ .expr = steal_ptr(&text), .from = l->from, .to = l->to };
		return;
	}
	ret->n_moved--;
}

static struct sf_error *choose(struct finder *f, struct sf_frame *const *frames, struct sf_counters *ret)
{
	_cleanup_free_ struct leaf **moved = calloc(f->leaves.n + 1, sizeof(*moved));
	SF_OWNED(snapshot) snap = NULL;
	size_t n = 0;

	if (!moved)
		return sf_error_nomem();
	for (size_t i = 0; i < f->leaves.n; i++)
		ret->last = sf_max(ret->last, f->leaves.v[i].last);
	ret->elapsed_ns = between(frames[ret->first], frames[ret->last]);
	struct sf_frame_info info = info_of(frames[ret->last]);
	/* It was loaded before it was attached, and may have counted since. */
	uint64_t since = (info.has_guest_ns ? info.guest_ns : ret->elapsed_ns) + SF_SECOND;

	for (size_t i = 0; i < f->leaves.n; i++)
		if (is_counter(&f->leaves.v[i], ret->last, since, ret->elapsed_ns ? ret->elapsed_ns : SF_SECOND))
			moved[n++] = &f->leaves.v[i];
	qsort(moved, n, sizeof(struct leaf *), by_distance);
	ret->n_moved = n;
	if (n)
		SF_TRY(sf_snapshot_new(frames[ret->last], &snap));
	for (size_t i = 0; i < sf_min(n, (size_t)MAX_ASKED) && ret->n < SF_COUNTERS_KEPT; i++)
		keep(f, moved[i], sf_snapshot_view(snap), ret);
	return NULL;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void finder_clear(struct finder *f)
{
	for (size_t i = 0; i < f->leaves.n; i++)
		free(f->leaves.v[i].path);
	for (size_t i = 0; i < f->maps.n; i++)
		free(f->maps.v[i].name);
	free(f->leaves.v);
	free(f->maps.v);
	free(f->path.v);
}

void sf_counters_clear(struct sf_counters *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].expr);
	*c = (struct sf_counters){ 0 };
}

struct sf_error *sf_counters_find(struct sf_frame *const *frames, size_t n, struct sf_counters *ret)
{
	_cleanup_(finder_clear) struct finder f = { 0 };
	_cleanup_counters_ struct sf_counters c = { 0 };

	for (size_t k = 0; k < sf_min(n, (size_t)MAX_FRAMES); k++) {
		/* Of many the first, the last, and some between. */
		size_t i = n <= MAX_FRAMES ? k : k * (n - 1) / (MAX_FRAMES - 1);
		SF_OWNED(snapshot) snap = NULL;
		SF_OWNED(error) err = info_of(frames[i]).is_placeholder ? NULL : sf_snapshot_new(frames[i], &snap);

		if (err || !snap)
			continue;
		c.first = f.leaves.n ? c.first : i;
		look(&f, snap, i);
		if (f.no_memory || f.path.failed)
			return sf_error_nomem();
	}
	if (!f.leaves.n)
		return NULL;
	SF_TRY(choose(&f, frames, &c));
	*ret = c;
	c = (struct sf_counters){ 0 };
	return NULL;
}

/* ---- run.json ----------------------------------------------------------------------------------------------------- */

static struct sf_error *find_in_run(const struct sf_run *run, struct sf_counters *ret)
{
	_cleanup_free_ struct sf_frame **frames = calloc(run->frames.n + 1, sizeof(*frames));

	if (!frames)
		return sf_error_nomem();
	for (size_t i = 0; i < run->frames.n; i++)
		frames[i] = run->frames.v[i].frame;
	return sf_counters_find(frames, run->frames.n, ret);
}

static void put_counter(struct sf_json_writer *w, const struct sf_counter *c, uint64_t elapsed_ns)
{
	sf_json_begin_object(w);
	sf_json_put_str(w, "expr", c->expr);
	sf_json_put_u64(w, "before", c->from);
	sf_json_put_u64(w, "after", c->to);
	if (elapsed_ns) {
		sf_json_key(w, "per_s");
		sf_json_f64(w, (double)(c->to - c->from) * 1e9 / (double)elapsed_ns);
	}
	sf_json_end_object(w);
}

void sf_run_put_counters(struct sf_json_writer *w, const struct sf_run *run)
{
	_cleanup_counters_ struct sf_counters c = { 0 };

	if (!strcmp(run->scheduler, "none") || run->frames.n < 2)
		return;
	SF_OWNED(error) err = find_in_run(run, &c);

	/* Without memory they are missing, and nothing else is. */
	if (err || !c.n)
		return;
	sf_json_key(w, "counters");
	sf_json_begin_array(w);
	for (size_t i = 0; i < c.n; i++)
		put_counter(w, &c.v[i], c.elapsed_ns);
	sf_json_end_array(w);
	sf_json_key(w, "counted");
	sf_json_begin_object(w);
	sf_json_put_str(w, "first", run->frames.v[c.first].name);
	sf_json_put_str(w, "last", run->frames.v[c.last].name);
	if (c.elapsed_ns)
		sf_json_put_u64(w, "elapsed_ns", c.elapsed_ns);
	sf_json_put_u64(w, "moved", c.n_moved);
	sf_json_end_object(w);
}

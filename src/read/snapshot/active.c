/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which scheduler is active. The frame says what the kernel knows (sf_frame_active()); where it does not, a frame with
 * the globals of one object only leaves no choice. What a scheduler calls itself plays no part.
 */

#include "snapshot_private.h"

/* An object that has globals, by the names of its sections. */
struct object {
	const char *name; /* of @len bytes, at the start of a map's */
	size_t len;
	size_t first;     /* of its maps, among all */
	size_t n[3];      /* maps called just NAME.bss, NAME.data, NAME.rodata */
};
static const char *const sections[] = { ".bss", ".data", ".rodata" };

struct objects {
	struct object *v;
	size_t n, cap;
	bool failed;
};

static size_t prefix_len(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? (size_t)(dot - name) : 0;
}

static bool is_called(const struct object *o, const char *name, size_t len)
{
	return o->len == len && !memcmp(o->name, name, len);
}

/* An object for each map; join() makes one of those with one name. */
static void add(struct objects *objects, const char *name, size_t at)
{
	size_t len = prefix_len(name);
	struct object *o;

	if (!len)
		return;
	o = sf_vec_push(objects);
	if (!o) {
		objects->failed = true;
		return;
	}
	*o = (struct object){ .name = name, .len = len, .first = at };
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		o->n[i] = !strcmp(name + len, sections[i]);
}

static int by_name(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	int order = x->len != y->len ? (x->len < y->len ? -1 : 1) : memcmp(x->name, y->name, x->len);

	return order ? order : x->first < y->first ? -1 : 1;
}

static int by_first(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	return x->first < y->first ? -1 : 1;
}

/* Each once, in the order of their first maps. Sorted, since a report may have any number of them. */
static void join(struct objects *objects)
{
	size_t n = 0;

	if (!objects->n)
		return;
	qsort(objects->v, objects->n, sizeof(*objects->v), by_name);
	for (size_t i = 0; i < objects->n; i++) {
		const struct object *o = &objects->v[i];

		if (!n || !is_called(&objects->v[n - 1], o->name, o->len)) {
			objects->v[n++] = *o;
			continue;
		}
		for (size_t k = 0; k < ARRAY_SIZE(sections); k++)
			objects->v[n - 1].n[k] += o->n[k];
	}
	objects->n = n;
	qsort(objects->v, n, sizeof(*objects->v), by_first);
}

static bool has_copies(const struct object *o)
{
	return o->n[0] > 1 || o->n[1] > 1 || o->n[2] > 1;
}

static char *why_copies(const struct object *o)
{
	struct sf_text t = { 0 };

	sf_text_put(&t, "there are several copies of one object, and no addresses that tell which one is live (");
	for (size_t i = 0, put = 0; i < ARRAY_SIZE(sections); i++)
		if (o->n[i] > 1)
			sf_text_putf(&t, "%s%.*s%s × %zu", put++ ? ", " : "", (int)o->len, o->name, sections[i], o->n[i]);
	sf_text_put(&t, "); sf_pick_max_by_counter_value() (max_by_counter_value) and sf_pick_max_by_sum_u64() "
			"(max_by_sum_u64) can choose one");
	return sf_text_take(&t);
}

static char *why_several(const struct objects *objects, const char *unknown)
{
	struct sf_text t = { 0 };

	sf_text_putf(&t, "%zu objects have globals (", objects->n);
	for (size_t i = 0; i < objects->n && i < 16; i++)
		sf_text_putf(&t, "%s%.*s", i ? ", " : "", (int)objects->v[i].len, objects->v[i].name);
	sf_text_putf(&t, "%s) and which one is live is not known", objects->n > 16 ? ", …" : "");
	if (unknown)
		sf_text_putf(&t, ": %s", unknown);
	return sf_text_take(&t);
}

static void choose(struct sf_snap_active *a, const struct object *o)
{
	a->exists = true;
	a->obj = o->name;
	a->obj_len = o->len;
}

static int by_kva(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Every map that a view shows is looked for among them. */
static bool take_kvas(struct sf_snap_active *a, const struct sf_frame_active *known)
{
	a->sorted_kvas = calloc(known->n_kvas, sizeof(*a->sorted_kvas));
	if (!a->sorted_kvas)
		return false;
	memcpy(a->sorted_kvas, known->kvas, known->n_kvas * sizeof(*a->sorted_kvas));
	qsort(a->sorted_kvas, known->n_kvas, sizeof(*a->sorted_kvas), by_kva);
	a->kvas = known->kvas;
	a->n_kvas = known->n_kvas;
	return true;
}

static void resolve(struct sf_snap_active *a, const struct objects *objects, const struct sf_frame_active *known)
{
	const struct object *o = NULL;

	for (size_t i = 0; known->obj_name && i < objects->n && !o; i++)
		if (is_called(&objects->v[i], known->obj_name, strlen(known->obj_name)))
			o = &objects->v[i];
	if (o && known->n_kvas) {
		if (take_kvas(a, known))
			choose(a, o);
		return;
	}
	if (!o && objects->n == 1)
		o = &objects->v[0];
	if (o && !has_copies(o))
		choose(a, o);
	else if (o)
		a->why = why_copies(o);
	else if (objects->n)
		a->why = why_several(objects, known->why);
	else
		a->why = strdup("no map of globals (.bss, .data or .rodata) was captured");
}

const struct sf_snap_active *sf_snap_active(struct sf_snapshot *snap)
{
	struct sf_snap_active *a = &snap->active;
	struct objects objects = { 0 };

	if (a->is_known)
		return a;
	a->is_known = true;
	for (size_t i = 0; i < snap->n_maps; i++)
		if (snap->maps[i].is_standard_section)
			add(&objects, snap->maps[i].listed->name, i);
	join(&objects);
	if (!objects.failed)
		resolve(a, &objects, sf_frame_active(snap->frame));
	free(objects.v);
	return a;
}

bool sf_snap_is_listed(const struct sf_snap_active *a, const struct sf_snap_map *map)
{
	uint64_t kva = map->listed->map.kva;

	return kva && a->n_kvas && bsearch(&kva, a->sorted_kvas, a->n_kvas, sizeof(kva), by_kva);
}

bool sf_snap_is_of_active(const struct sf_snapshot *snap, const struct sf_snap_map *map)
{
	const struct sf_snap_active *a = &snap->active;
	const char *name = map->listed->name;

	return a->exists && prefix_len(name) == a->obj_len && strchr(name, '.') && !memcmp(name, a->obj, a->obj_len);
}

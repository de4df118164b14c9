/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All CPUs of an entry: sum, largest, smallest, each.
 */

#include <math.h>

#include "snapshot_private.h"

struct cpus {
	struct entry entry;
	struct sf_snap_elem elem;
	const char *path;
	struct sf_path_key key;
	uint32_t n, at;
};

static const char *form_label(const struct entry *e)
{
	enum sf_bpf_shape shape = e->map->listed->map.shape;

	return !e->cpu && (shape == SF_BPF_HASH || shape == SF_BPF_STORAGE) ? "Hash" : "Value";
}

static struct failure begin(struct sf_entry entry, const char *path, struct cpus *c)
{
	struct entry e = unseal_entry(&entry);

	if (e.failure.slot)
		return e.failure;
	if (!sf_snap_is_percpu(e.map) || e.cpu)
		return sf_fail_type_at(e.snap, "Percpu / PercpuHash", form_label(&e), path);
	if (e.map->listed->no_btf)
		return sf_fail_incomplete(e.snap, e.map);
	c->entry = e;
	c->elem = sf_snap_elem_of(&e);
	/* Where the values are is not known: that is not to say that there are none. */
	if (c->elem.at.fault)
		return sf_fail_cpu_value(e.snap, &c->elem, 0);
	c->path = path;
	sf_path_key(path, strlen(path), &c->key);
	c->n = sf_snap_elem_n_cpus(&c->elem);
	c->at = 0;
	return (struct failure){ 0 };
}

/* The next CPU that has a value; the field at the path in it. */
static bool next(struct cpus *c, uint32_t *ret_cpu, struct sf_field *ret)
{
	struct field f = { .snap = c->entry.snap };
	struct sf_node value;
	struct sf_walked w;

	while (c->at < c->n) {
		uint32_t cpu = c->at++;

		if (!sf_snap_cpu_value(&c->elem, cpu, &value))
			continue;
		if (sf_walk(f.snap, &value, c->path, &c->key, &w)) {
			f.node = w.to;
			f.plain = w.plain;
		} else {
			f.failure = sf_walk_failure(f.snap, c->path, &w);
		}
		*ret_cpu = cpu;
		*ret = seal_field(&f);
		return true;
	}
	return false;
}

static uint64_t sum_u64(uint64_t a, uint64_t b)
{
	return __builtin_add_overflow(a, b, &a) ? UINT64_MAX : a;
}

static int64_t sum_i64(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static double sum_f64(double a, double b)
{
	return a + b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return sf_max(a, b);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return sf_min(a, b);
}

static int64_t max_i64(int64_t a, int64_t b)
{
	return sf_max(a, b);
}

static int64_t min_i64(int64_t a, int64_t b)
{
	return sf_min(a, b);
}

/* fmax() and fmin(): a NaN counts only where there is nothing else. */
static double max_f64(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : sf_max(a, b);
}

static double min_f64(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : sf_min(a, b);
}

static struct sf_error *no_such_fold(enum sf_fold fold)
{
	return sf_error_new(SF_USAGE, "no way to make one value of many has the number %d: SF_SUM, SF_MAX and SF_MIN are there",
			    (int)fold);
}

#define SF_DEFINE_FOLD(name, type)                                                                 \
	struct sf_error *sf_entry_cpu_##name(struct sf_entry entry, enum sf_fold fold, const char *path, type *ret) \
	{                                                                                          \
		static const struct {                                                              \
			const char *op;                                                            \
			type (*fold)(type a, type b);                                              \
		} folds[] = {                                                                      \
			[SF_SUM] = { "cpu_sum_" #name, sum_##name },                               \
			[SF_MAX] = { "cpu_max_" #name, max_##name },                               \
			[SF_MIN] = { "cpu_min_" #name, min_##name },                               \
		};                                                                                 \
		struct sf_snapshot *snap = unseal_entry(&entry).snap;                              \
		struct sf_field field;                                                             \
		struct failure f;                                                                  \
		struct cpus c;                                                                     \
		bool has_one = false;                                                              \
		uint32_t cpu;                                                                      \
		type all = 0, v;                                                                   \
		if ((size_t)fold >= ARRAY_SIZE(folds) || !folds[fold].op)                          \
			return no_such_fold(fold);                                                 \
		f = begin(entry, path, &c);                                                        \
		if (f.slot)                                                                        \
			return sf_failure_error(snap, &f);                                         \
		while (next(&c, &cpu, &field)) {                                                   \
			SF_TRY(sf_field_as_##name(field, &v));                                     \
			all = has_one ? folds[fold].fold(all, v) : v;                              \
			has_one = true;                                                            \
		}                                                                                  \
		if (!has_one) {                                                                    \
			f = sf_fail_no_cpu(snap, c.entry.map, folds[fold].op);                     \
			return sf_failure_error(snap, &f);                                         \
		}                                                                                  \
		*ret = all;                                                                        \
		return NULL;                                                                       \
	}
SF_DEFINE_FOLD(u64, uint64_t)
SF_DEFINE_FOLD(i64, int64_t)
SF_DEFINE_FOLD(f64, double)
#undef SF_DEFINE_FOLD

struct sf_error *sf_entry_cpu_each(struct sf_entry entry, const char *path, sf_cpu_fn *fn, void *arg)
{
	struct sf_field field;
	struct cpus c;
	struct failure f = begin(entry, path, &c);
	uint32_t cpu;

	if (f.slot)
		return sf_failure_error(unseal_entry(&entry).snap, &f);
	while (next(&c, &cpu, &field)) {
		/* A path that fails on one CPU ends it, as an error of the caller's does. */
		SF_TRY(sf_field_error(field));
		SF_TRY(fn(cpu, field, arg));
	}
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which entry: by predicate, by rank, by the value of a member; and all of them, one after the other.
 *
 * A predicate may ask the snapshot anything and may leave by longjmp(): where a search is, is on the stack of who
 * searches, and what is collected belongs to the snapshot until it is handed over.
 */

#include "snapshot_private.h"

/* Nothing was found among @n entries. */
static struct failure nothing_found(const struct map *m, const char *op, uint64_t n)
{
	struct failure f = { 0 };

	if (!n)
		f = sf_map_nothing(m);
	return f.slot ? f : sf_fail_no_match(m->snap, m->map, op, n, n && !m->cpu);
}

static struct sf_entry missing(const struct map *m, struct failure failure)
{
	struct entry e = { .snap = m->snap, .failure = failure, .map = m->map, .cpu = m->cpu };

	return seal_entry(&e);
}

/* Anew, since what was asked meanwhile may have overwritten its error. */
static struct sf_entry chosen(const struct map *m, const struct sf_snap_elem *elem)
{
	struct entry e = sf_map_entry(m, elem);

	return seal_entry(&e);
}

struct sf_entry sf_map_find(struct sf_map map, sf_entry_pred *pred, void *arg)
{
	struct map m = unseal_map(&map);
	struct sf_snap_cursor c;
	struct sf_snap_elem elem;
	uint64_t n = 0;

	if (!m.map)
		return missing(&m, m.failure);
	for (c = sf_snap_elems(m.map); sf_snap_next(&c, &elem); n++) {
		struct entry e = sf_map_entry(&m, &elem);

		if (pred(seal_entry(&e), arg))
			return e.failure.slot ? chosen(&m, &elem) : seal_entry(&e);
	}
	return missing(&m, nothing_found(&m, "find", n));
}

struct sf_entry sf_map_max_by(struct sf_map map, sf_entry_rank *rank, void *arg)
{
	struct map m = unseal_map(&map);
	struct sf_snap_elem elem, best;
	struct sf_snap_cursor c;
	uint64_t n = 0, highest = 0;

	if (!m.map)
		return missing(&m, m.failure);
	for (c = sf_snap_elems(m.map); sf_snap_next(&c, &elem); n++) {
		struct entry e = sf_map_entry(&m, &elem);
		uint64_t r = rank(seal_entry(&e), arg);

		if (n && r <= highest)
			continue;
		highest = r;
		best = elem;
	}
	return n ? chosen(&m, &best) : missing(&m, nothing_found(&m, "max_by", 0));
}

/* ---- collecting ---------------------------------------------------------------------------------------------------- */

void sf_collected_free(struct sf_collected **list)
{
	struct sf_collected *c;

	while ((c = *list)) {
		*list = c->next;
		free(c->entries.v);
		free(c);
	}
}

static void drop(struct sf_collected **pc)
{
	struct sf_collected *c = *pc;

	if (!c)
		return;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c->entries.v);
	free(c);
}

static struct sf_collected *collect(struct sf_snapshot *snap)
{
	struct sf_collected *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->link = &snap->collected;
	c->next = snap->collected;
	if (c->next)
		c->next->link = &c->next;
	snap->collected = c;
	return c;
}

struct sf_error *sf_map_filter(struct sf_map map, sf_entry_pred *pred, void *arg, struct sf_entry **ret, size_t *ret_n)
{
	struct map m = unseal_map(&map);
	struct sf_snap_cursor c;
	struct sf_snap_elem elem;

	if (!m.map)
		return sf_failure_error(m.snap, &m.failure);
	_cleanup_(drop) struct sf_collected *got = collect(m.snap);

	if (!got)
		return sf_error_nomem();
	for (c = sf_snap_elems(m.map); sf_snap_next(&c, &elem);) {
		struct entry e = sf_map_entry(&m, &elem);
		struct sf_entry *slot;

		if (!pred(seal_entry(&e), arg))
			continue;
		slot = sf_vec_push(&got->entries);
		if (!slot)
			return sf_error_nomem();
		*slot = e.failure.slot ? chosen(&m, &elem) : seal_entry(&e);
	}
	*ret = steal_ptr(&got->entries.v);
	*ret_n = got->entries.n;
	return NULL;
}

/* ---- by a member --------------------------------------------------------------------------------------------------- */

struct wanted {
	bool is_signed;
	uint64_t u64;
	int64_t i64;
};

/* What of an entry's member was found out. */
enum member { MEMBER_NO_NUMBER, MEMBER_OTHER, MEMBER_WANTED };

static enum member compare(const struct wanted *w, const struct sf_node *n)
{
	struct sf_trouble why;
	uint64_t u;
	int64_t i;

	if (w->is_signed) {
		if (sf_node_as_i64(n, &i, &why))
			return MEMBER_NO_NUMBER;
		return i == w->i64 ? MEMBER_WANTED : MEMBER_OTHER;
	}
	if (sf_node_as_u64(n, &u, &why))
		return MEMBER_NO_NUMBER;
	return u == w->u64 ? MEMBER_WANTED : MEMBER_OTHER;
}

/* The same of a number that was read without a look at its type; MEMBER_NO_NUMBER: look. */
static enum member compare_plain(const struct map *m, const struct sf_walked *to, const struct wanted *w)
{
	uint32_t class = to->plain & SF_PLAIN_CLASS;
	uint64_t v;

	if (!sf_plain_read(&m->snap->vm, to->to.at, to->plain, &v) || (class == SF_PLAIN_PTR && w->is_signed))
		return MEMBER_NO_NUMBER;
	/* Too large for the one, or too small for the other: the table of conversions decides. */
	if ((int64_t)v < 0 && w->is_signed != (class == SF_PLAIN_SIGNED))
		return MEMBER_NO_NUMBER;
	return v == (w->is_signed ? (uint64_t)w->i64 : w->u64) ? MEMBER_WANTED : MEMBER_OTHER;
}

/* Makes no error: most entries are not the one, and some may not have the member. */
static enum member look_at(const struct map *m, const struct sf_snap_elem *elem, const char *path,
			   const struct sf_path_key *key, const struct wanted *w)
{
	struct sf_walked to;
	struct sf_node value;
	enum member got;

	if (m->cpu) {
		if (!sf_snap_cpu_value(elem, (uint32_t)(m->cpu - 1), &value))
			return MEMBER_NO_NUMBER;
	} else if (sf_snap_is_percpu(m->map) || !sf_snap_has_value(elem)) {
		return MEMBER_NO_NUMBER;
	} else {
		value = sf_snap_value(elem);
	}
	if (!sf_walk(m->snap, &value, path, key, &to))
		return MEMBER_NO_NUMBER;
	got = compare_plain(m, &to, w);
	return got == MEMBER_NO_NUMBER ? compare(w, &to.to) : got;
}

/* Where no entry has a number there, the first says why. */
static struct failure no_number(const struct map *m, const char *path, bool is_signed)
{
	struct sf_snap_cursor c = sf_snap_elems(m->map);
	struct sf_snap_elem elem;
	struct sf_field field;

	if (!sf_snap_next(&c, &elem))
		return (struct failure){ 0 };
	field = sf_entry_get(chosen(m, &elem), path);
	return sf_field_number_failure(&field, is_signed);
}

static struct sf_entry find_number(struct sf_map map, const char *path, const struct wanted *w)
{
	struct map m = unseal_map(&map);
	bool had_number = false;
	struct sf_snap_cursor c;
	struct sf_snap_elem elem;
	struct sf_path_key key;
	struct failure f;
	uint64_t n = 0;

	if (!m.map)
		return missing(&m, m.failure);
	sf_path_key(path, strlen(path), &key);
	for (c = sf_snap_elems(m.map); !m.map->listed->no_btf && sf_snap_next(&c, &elem); n++) {
		enum member got = look_at(&m, &elem, path, &key, w);

		if (got == MEMBER_WANTED)
			return chosen(&m, &elem);
		had_number |= got == MEMBER_OTHER;
	}
	if (!n && m.map->listed->no_btf)
		return missing(&m, sf_fail_incomplete(m.snap, m.map));
	f = n && !had_number ? no_number(&m, path, w->is_signed) : (struct failure){ 0 };
	return missing(&m, f.slot ? f : nothing_found(&m, "find", n));
}

struct sf_entry sf_map_find_u64(struct sf_map map, const char *path, uint64_t value)
{
	return find_number(map, path, &(struct wanted){ .u64 = value });
}

struct sf_entry sf_map_find_i64(struct sf_map map, const char *path, int64_t value)
{
	return find_number(map, path, &(struct wanted){ .is_signed = true, .i64 = value });
}

/* ---- one after the other --------------------------------------------------------------------------------------------- */

enum { WORD_MAP, WORD_CPU, WORD_POSITION, WORD_LEN };

struct sf_iter sf_map_entries(struct sf_map map)
{
	struct map m = unseal_map(&map);
	struct iter it = { .snap = m.snap, .failure = m.failure };

	if (m.map) {
		it.words[WORD_MAP] = (uintptr_t)m.map;
		it.words[WORD_CPU] = m.cpu;
		/* The chains are walked once, here; then it is a row. */
		it.words[WORD_LEN] = sf_snap_map_len(m.map);
	}
	return seal_iter(&it);
}

#define AHEAD 16 /* elements are anywhere in memory; what will be asked for soon is on its way meanwhile */

static void ask_ahead(const struct sf_snap_map *map, uint64_t position)
{
	const struct sf_snap_index *index = map->index;
	const uint8_t *page;

	if (!index->is_made || position >= index->kvas.n)
		return;
	page = sf_vmem_page(&map->snap->vm, index->kvas.v[position], NULL);
	if (page)
		__builtin_prefetch(page + (index->kvas.v[position] & (SF_PAGE_SIZE - 1)));
}

bool sf_entry_next(struct sf_iter *iter, struct sf_entry *ret)
{
	struct iter it = unseal_iter(iter);
	struct map m = {
		.snap = it.snap, .map = (const struct sf_snap_map *)(uintptr_t)it.words[WORD_MAP], .cpu = it.words[WORD_CPU],
	};
	struct sf_snap_elem elem;

	if (!m.map)
		return false;
	ask_ahead(m.map, it.words[WORD_POSITION] + AHEAD);
	if (it.words[WORD_POSITION] < it.words[WORD_LEN] && sf_snap_at(m.map, it.words[WORD_POSITION], &elem)) {
		iter->priv[2 + WORD_POSITION]++;
		*ret = chosen(&m, &elem);
		return true;
	}
	/* Its end: complete, or not. */
	if (!it.failure.slot && (!it.words[WORD_LEN] || sf_snap_map_torn(m.map)))
		it.failure = sf_map_nothing(&m);
	*iter = seal_iter(&it);
	return false;
}

struct sf_error *sf_iter_error(struct sf_iter *iter)
{
	struct iter it = unseal_iter(iter);

	return it.snap ? sf_failure_error(it.snap, &it.failure) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value for each CPU: CPUs with equal ones together; counters with their sum, since that is what is asked first; of
 * structs that differ in little what they have in common once, and a table of the rest.
 */

#include <inttypes.h>

#include "leaf.h"
#include "map_text.h"

#define PAIRWISE 64     /* CPUs of which each is compared with each; of more only neighbours */
#define DIGEST_LEAVES 16
#define TOTALS 64       /* counters of one struct that are summed up */
#define NOBODY 0xff

/* One entry, on all CPUs. */
struct percpu {
	struct sf_emit *e;
	struct sf_entries *it;
	const struct sf_listed_entry *entry;
	const char *before;         /* what follows the key: a space, or the next line where the key takes several */
	uint32_t n_cpus;
	uint32_t n_groups, n_values, n_unreadable; /* groups: of either; the others: CPUs */
	bool is_zero;               /* all values are */
	struct sf_node first;       /* of the first CPU that has one */
	uint8_t leader[PAIRWISE];   /* of at most so many CPUs: the first with the same */
};

/* CPUs that look the same. */
struct group {
	uint32_t first, last, n;    /* all from first to last, if there are more than PAIRWISE CPUs */
	enum sf_cpu_slot slot;
	struct sf_node value;
};

/* ---- grouping ----------------------------------------------------------------------------------------------- */

static enum sf_cpu_slot look(const struct percpu *p, uint32_t cpu, struct sf_node *ret)
{
	struct sf_trouble why;

	return sf_entries_look(p->it, p->entry, cpu, ret, &why);
}

static uint64_t number_of(const struct sf_scalar *s)
{
	uint64_t bits;

	if (s->kind == SF_FLOAT) {
		memcpy(&bits, &s->f64, sizeof(bits));
		return bits;
	}
	return s->kind == SF_INT || s->kind == SF_ENUM ? (uint64_t)s->i64 : s->u64;
}

/* Equal values have equal ones. */
static uint64_t digest(struct sf_emit *e, const struct sf_node *n)
{
	uint64_t v[DIGEST_LEAVES] = { 0 };
	struct sf_trouble why;
	struct sf_leaf_iter it;
	struct sf_scalar s;
	struct sf_node leaf;

	sf_leaves(&it, n);
	for (uint32_t i = 0; i < DIGEST_LEAVES && sf_next_leaf(e, &it, &leaf); i++)
		if (sf_node_scalar(&leaf, &s, &why) == SF_STEP_OK)
			v[i] = number_of(&s);
	return sf_hash_words(v, sizeof(v));
}

static bool is_same(const struct percpu *p, enum sf_cpu_slot a_slot, const struct sf_node *a, enum sf_cpu_slot b_slot,
		    const struct sf_node *b)
{
	if (a_slot != b_slot)
		return false;
	return a_slot == SF_CPU_UNREADABLE || sf_walk_is_same(&p->e->w, a, b);
}

static void survey_cpu(struct percpu *p, enum sf_cpu_slot slot, const struct sf_node *value)
{
	if (slot == SF_CPU_UNREADABLE) {
		p->n_unreadable++;
		p->is_zero = false;
		return;
	}
	if (!p->n_values++)
		p->first = *value;
	p->is_zero = p->is_zero && sf_is_all_zero(p->e, value);
}

static void survey_pairs(struct percpu *p)
{
	enum sf_cpu_slot slots[PAIRWISE];
	struct sf_node values[PAIRWISE];
	uint64_t digests[PAIRWISE];
	struct sf_trouble why;

	for (uint32_t cpu = 0; cpu < p->n_cpus; cpu++) {
		uint32_t leader = 0;

		p->leader[cpu] = NOBODY;
		slots[cpu] = sf_entries_cpu(p->it, p->entry, cpu, &values[cpu], &why);
		if (slots[cpu] == SF_CPU_ABSENT)
			continue;
		survey_cpu(p, slots[cpu], &values[cpu]);
		digests[cpu] = slots[cpu] == SF_CPU_VALUE ? digest(p->e, &values[cpu]) : 0;
		for (; leader < cpu; leader++)
			if (p->leader[leader] == leader && digests[leader] == digests[cpu] &&
			    is_same(p, slots[leader], &values[leader], slots[cpu], &values[cpu]))
				break;
		p->leader[cpu] = (uint8_t)leader;
		p->n_groups += leader == cpu;
	}
}

static void survey_neighbours(struct percpu *p)
{
	enum sf_cpu_slot before = SF_CPU_ABSENT, slot;
	struct sf_node value, previous = { 0 };
	struct sf_trouble why;

	for (uint32_t cpu = 0; cpu < p->n_cpus; cpu++, before = slot, previous = value) {
		slot = sf_entries_cpu(p->it, p->entry, cpu, &value, &why);
		if (slot == SF_CPU_ABSENT)
			continue;
		survey_cpu(p, slot, &value);
		p->n_groups += !is_same(p, before, &previous, slot, &value);
	}
}

static void survey(struct sf_emit *e, struct sf_entries *it, const struct sf_listed_entry *entry, struct percpu *ret)
{
	*ret = (struct percpu){
		.e = e, .it = it, .entry = entry, .before = " ", .n_cpus = sf_snap_n_cpus(it->map), .is_zero = true,
	};
	sf_emit_begin(e);
	if (ret->n_cpus <= PAIRWISE)
		survey_pairs(ret);
	else
		survey_neighbours(ret);
}

/* The next group from CPU *@at on, which becomes where to look for the one after it. */
static bool next_group(const struct percpu *p, uint32_t *at, struct group *ret)
{
	struct sf_node next;

	for (; *at < p->n_cpus; ++*at)
		if (p->n_cpus <= PAIRWISE ? p->leader[*at] == *at : look(p, *at, &next) != SF_CPU_ABSENT)
			break;
	if (*at >= p->n_cpus)
		return false;
	*ret = (struct group){ .first = *at, .last = *at, .n = 1 };
	ret->slot = look(p, *at, &ret->value);
	if (p->n_cpus <= PAIRWISE) {
		for (uint32_t cpu = *at + 1; cpu < p->n_cpus; cpu++) {
			if (p->leader[cpu] != ret->first)
				continue;
			ret->last = cpu;
			ret->n++;
		}
		++*at;
		return true;
	}
	while (ret->last + 1 < p->n_cpus) {
		enum sf_cpu_slot slot = look(p, ret->last + 1, &next);

		if (slot == SF_CPU_ABSENT || !is_same(p, ret->slot, &ret->value, slot, &next))
			break;
		ret->last++;
		ret->n++;
	}
	*at = ret->last + 1;
	return true;
}

/* "0-2,5" */
#define CPUS_TEXT 200
static void cpus_text(const struct percpu *p, const struct group *g, char text[CPUS_TEXT])
{
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t cpu = g->first, last; cpu <= g->last && n < CPUS_TEXT; cpu = last + 1) {
		last = g->last;
		if (p->n_cpus <= PAIRWISE) {
			last = cpu;
			if (p->leader[cpu] != g->first)
				continue;
			while (last < g->last && p->leader[last + 1] == g->first)
				last++;
		}
		n += (size_t)snprintf(text + n, CPUS_TEXT - n, "%s%" PRIu32, n ? "," : "", cpu);
		if (last > cpu && n < CPUS_TEXT)
			n += (size_t)snprintf(text + n, CPUS_TEXT - n, "-%" PRIu32, last);
	}
}

/* "cpus 0-2,5: " */
static void put_cpus(const struct percpu *p, const struct group *g)
{
	char text[CPUS_TEXT];

	cpus_text(p, g, text);
	sf_putf(p->e, "%s %s: ", g->n > 1 ? "cpus" : "cpu", text);
}

/* ---- sums --------------------------------------------------------------------------------------------------- */

struct sum {
	uint64_t v, first;
	bool is_sum; /* of a counter, not too large, and not the same everywhere */
	bool differs;
};

static bool counter_of(const struct sf_node *n, uint64_t *ret)
{
	struct sf_trouble why;
	struct sf_scalar s;

	if (sf_node_scalar(n, &s, &why) != SF_STEP_OK || s.kind != SF_UINT || s.bits != 64)
		return false;
	*ret = s.u64;
	return true;
}

/* A sum of these says nothing: extremes, moments, identities. By their names, since types do not tell. */
static bool is_no_quantity(const struct sf_leaf_iter *it)
{
	static const char *const words[] = { "max", "min", "last", "at", "ts", "stamp", "vtime", "id", "seq" };
	const char *name = it->depth ? it->level[it->depth - 1].name : NULL;

	for (size_t len; name && *name; name += len + (name[len] == '_')) {
		len = strcspn(name, "_");
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (strlen(words[i]) == len && !memcmp(name, words[i], len))
				return true;
	}
	return false;
}

static void add(struct sum *sum, const struct sf_node *n, uint32_t times, bool is_first)
{
	uint64_t v, product;

	if (is_first)
		*sum = (struct sum){ .is_sum = true };
	if (!counter_of(n, &v) || __builtin_mul_overflow(v, times, &product) ||
	    __builtin_add_overflow(sum->v, product, &sum->v)) {
		sum->is_sum = false;
		return;
	}
	if (is_first)
		sum->first = v;
	sum->differs |= v != sum->first;
}

/* Of the first TOTALS leaves. Returns how many can be summed up. */
static uint32_t sum_up(const struct percpu *p, struct sum sums[TOTALS])
{
	uint32_t at = 0, ret = 0;
	bool is_first = true;
	struct group g;

	memset(sums, 0, TOTALS * sizeof(sums[0]));
	while (next_group(p, &at, &g)) {
		struct sf_leaf_iter it;
		struct sf_node leaf;

		if (g.slot != SF_CPU_VALUE)
			continue;
		sf_leaves(&it, &g.value);
		for (uint32_t i = 0; i < TOTALS && sf_next_leaf(p->e, &it, &leaf); i++)
			if (!is_no_quantity(&it))
				add(&sums[i], &leaf, g.n, is_first);
		is_first = false;
	}
	for (uint32_t i = 0; i < TOTALS; i++) {
		sums[i].is_sum &= sums[i].differs;
		ret += sums[i].is_sum;
	}
	return ret;
}

static const char *total_label(const struct percpu *p)
{
	return p->n_unreadable ? "total of the readable" : "total";
}

/* ---- scalars: all in one line ------------------------------------------------------------------------------- */

static void put_group(const struct percpu *p, const struct group *g, const char *separator)
{
	sf_puts(p->e, separator);
	put_cpus(p, g);
	if (g->slot == SF_CPU_VALUE)
		sf_put_inline(p->e, &g->value);
	else
		sf_puts(p->e, SF_UNREADABLE);
}

static void put_scalars(const struct percpu *p)
{
	struct sum sums[TOTALS];
	bool has_total = sum_up(p, sums);
	const char *separator = "";
	struct group g;
	uint32_t at = 0;

	sf_puts(p->e, p->before);
	if (has_total) {
		sf_putf(p->e, "%s %" PRIu64, total_label(p), sums[0].v);
		separator = " (";
	}
	while (sf_emit_on(p->e) && next_group(p, &at, &g)) {
		/* The comma or bracket that follows has room, too. */
		struct sf_measured m = sf_measure_begin(p->e, p->e->w.opt.width - 1);

		put_group(p, &g, separator);
		if (sf_measure_end(p->e, &m) == UINT32_MAX && *separator) {
			sf_puts(p->e, *separator == ',' ? "," : "");
			sf_put_line(p->e, 1);
			separator = separator[1] == '(' ? "(" : "";
		}
		put_group(p, &g, separator);
		separator = ", ";
	}
	if (has_total)
		sf_puts(p->e, ")");
}

/* ---- what differs in little: a table ------------------------------------------------------------------------ */

static bool find_diff(const struct percpu *p, struct sf_diff *ret)
{
	struct group g;
	uint32_t at = 0;

	*ret = (struct sf_diff){ .max = SF_DIFF_MAX };
	while (next_group(p, &at, &g))
		if (g.slot == SF_CPU_VALUE && !sf_diff_add(p->e, &p->first, &g.value, ret))
			return false;
	return ret->n;
}

/* A cell of the last row: a sum, or that there is none. */
static const char *total_text(const struct sf_diff *d, uint32_t i, const struct sum sums[TOTALS], char text[24])
{
	if (d->leaf[i] < TOTALS && sums[d->leaf[i]].is_sum)
		snprintf(text, 24, "%" PRIu64, sums[d->leaf[i]].v);
	else
		snprintf(text, 24, "-");
	return text;
}

static bool measure_table(const struct percpu *p, const struct sf_diff *d, const struct sum *sums, struct sf_table *t)
{
	char text[CPUS_TEXT], total[24];
	struct sf_leaf_iter name;
	struct group g;
	uint32_t at = 0;

	*t = (struct sf_table){ .indent = 1, .n_keys = 1 };
	sf_table_text(p->e, t, 0, sums ? total_label(p) : "cpu");
	while (!t->is_none && next_group(p, &at, &g)) {
		struct sf_node leaves[SF_DIFF_MAX];

		cpus_text(p, &g, text);
		sf_table_text(p->e, t, 0, text);
		if (g.slot != SF_CPU_VALUE)
			sf_table_note(p->e, t, SF_UNREADABLE);
		else if (!sf_diff_nodes(p->e, d, &g.value, leaves))
			t->is_none = true;
		for (uint32_t i = 0; i < d->n && g.slot == SF_CPU_VALUE && !t->is_none; i++)
			sf_table_cell(p->e, t, 1 + i, &leaves[i]);
	}
	for (uint32_t i = 0; i < d->n && !t->is_none; i++) {
		if (sf_diff_find(p->e, d, &p->first, i, &name))
			sf_table_name(p->e, t, 1 + i, &name, "");
		if (sums)
			sf_table_number(p->e, t, 1 + i, total_text(d, i, sums, total));
	}
	return sf_table_fits(p->e, t);
}

static void put_names(const struct percpu *p, const struct sf_diff *d, const struct sf_table *t)
{
	struct sf_row row;
	struct sf_leaf_iter name;

	sf_puts(p->e, "\n");
	row = sf_row_begin(p->e, t);
	sf_row_text(&row, 0, "cpu");
	for (uint32_t i = 0; i < d->n; i++)
		if (sf_diff_find(p->e, d, &p->first, i, &name))
			sf_row_name(&row, 1 + i, &name, "");
}

static void put_row(const struct percpu *p, const struct sf_diff *d, const struct sf_table *t, const struct group *g)
{
	struct sf_node leaves[SF_DIFF_MAX];
	char text[CPUS_TEXT];
	struct sf_row row;

	sf_emit_begin(p->e);
	sf_puts(p->e, "\n");
	row = sf_row_begin(p->e, t);
	cpus_text(p, g, text);
	sf_row_text(&row, 0, text);
	if (g->slot != SF_CPU_VALUE || !sf_diff_nodes(p->e, d, &g->value, leaves)) {
		sf_row_note(&row, SF_UNREADABLE);
		return;
	}
	for (uint32_t i = 0; i < d->n; i++)
		sf_row_cell(&row, 1 + i, &leaves[i]);
}

static void put_totals(const struct percpu *p, const struct sf_diff *d, const struct sf_table *t, const struct sum *sums)
{
	struct sf_row row;
	char text[24];

	sf_puts(p->e, "\n");
	row = sf_row_begin(p->e, t);
	sf_row_text(&row, 0, total_label(p));
	for (uint32_t i = 0; i < d->n; i++)
		sf_row_text(&row, 1 + i, total_text(d, i, sums, text));
}

static void put_table(const struct percpu *p, const struct sf_diff *d, const struct sf_table *t, const struct sum *sums)
{
	struct group g;
	uint32_t at = 0;

	if (sf_has_common(p->e, d, &p->first)) {
		sf_put_line(p->e, 1);
		sf_puts(p->e, "common: ");
		sf_put_common(p->e, d, &p->first, 1);
	}
	put_names(p, d, t);
	while (sf_emit_on(p->e) && next_group(p, &at, &g))
		put_row(p, d, t, &g);
	if (sums)
		put_totals(p, d, t, sums);
}

/* ---- anything: a group a line ------------------------------------------------------------------------------- */

static void put_group_value(const struct percpu *p, const struct group *g, unsigned int indent)
{
	sf_emit_begin(p->e);
	put_cpus(p, g);
	if (g->slot != SF_CPU_VALUE) {
		sf_puts(p->e, SF_UNREADABLE);
	} else if (sf_is_all_zero(p->e, &g->value)) {
		sf_puts(p->e, "all zero");
	} else {
		sf_put_value(p->e, &g->value, indent);
		if (sf_node_kind(&g->value) == SF_BYTES)
			sf_puts(p->e, " (raw)");
	}
}

/* Does each need no more than its line? */
static bool are_lines(const struct percpu *p)
{
	struct group g;
	uint32_t at = 0;

	while (next_group(p, &at, &g)) {
		uint32_t col = p->e->col;

		p->e->col = 2;

		struct sf_measured m = sf_measure_begin(p->e, p->e->w.opt.width);

		put_group_value(p, &g, 1);

		bool fits = sf_measure_end(p->e, &m) != UINT32_MAX;

		p->e->col = col;
		if (!fits)
			return false;
	}
	return true;
}

static void put_sum(const struct percpu *p, const char *separator, const struct sf_leaf_iter *name, const struct sum *sum)
{
	sf_puts(p->e, separator);
	sf_put_leaf_name(p->e, name, "value");
	sf_putf(p->e, "=%" PRIu64, sum->v);
}

static void put_sums(const struct percpu *p, const struct sum *sums)
{
	const char *separator = " ";
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_put_line(p->e, 1);
	sf_putf(p->e, "%s:", total_label(p));
	sf_leaves(&it, &p->first);
	for (uint32_t i = 0; i < TOTALS && sf_next_leaf(p->e, &it, &leaf); i++) {
		struct sf_measured m;

		if (!sums[i].is_sum)
			continue;
		m = sf_measure_begin(p->e, p->e->w.opt.width);
		put_sum(p, separator, &it, &sums[i]);
		if (sf_measure_end(p->e, &m) == UINT32_MAX) {
			sf_put_line(p->e, 2);
			separator = "";
		}
		put_sum(p, separator, &it, &sums[i]);
		separator = "   ";
	}
}

static void put_groups(const struct percpu *p)
{
	struct sum sums[TOTALS];
	bool has_total = sum_up(p, sums);
	struct sf_table t;
	struct sf_diff d;
	struct group g;
	uint32_t at = 0;

	if (sf_node_kind(&p->first) == SF_STRUCT && (p->n_groups > 2 || !are_lines(p)) && find_diff(p, &d) &&
	    measure_table(p, &d, has_total ? sums : NULL, &t)) {
		put_table(p, &d, &t, has_total ? sums : NULL);
		return;
	}
	while (sf_emit_on(p->e) && next_group(p, &at, &g)) {
		sf_put_line(p->e, 1);
		put_group_value(p, &g, 1);
	}
	sf_emit_begin(p->e);
	if (has_total)
		put_sums(p, sums);
}

/* ---- entries ------------------------------------------------------------------------------------------------ */

/* What needs no more than two words, and is the same for many neighbours; NULL: there is more to say. */
static const char *short_text(const struct percpu *p)
{
	if (!p->n_values)
		return p->n_unreadable ? SF_UNREADABLE : "<no CPU was set up>";
	return p->is_zero ? "all zero" : NULL;
}

static void put_values(const struct percpu *p)
{
	struct group g;
	uint32_t at = 0;

	sf_emit_begin(p->e);
	if (p->n_groups == 1 && next_group(p, &at, &g)) {
		sf_puts(p->e, p->before);
		put_group_value(p, &g, *p->before == '\n');
	} else if (sf_is_cell(p->e, &p->first)) {
		put_scalars(p);
	} else {
		put_groups(p);
	}
	sf_puts(p->e, "\n");
}

void sf_put_percpu_array(struct sf_emit *e, struct sf_entries *it)
{
	const char *pending = NULL, *text;
	struct sf_listed_entry entry;
	uint64_t first = 0, last = 0;
	struct percpu p;
	bool more;

	do {
		more = sf_emit_on(e) && sf_entries_next(it, &entry);
		if (more)
			survey(e, it, &entry, &p);
		text = more ? short_text(&p) : NULL;
		if (pending && pending != text) {
			sf_put_keys(e, first, last);
			sf_putf(e, " %s\n", pending);
		}
		if (text && pending != text)
			first = entry.index;
		if (text)
			last = entry.index;
		pending = text;
		if (more && !text) {
			sf_put_keys(e, entry.index, entry.index);
			put_values(&p);
		}
	} while (more);
}

void sf_put_percpu_hash(struct sf_emit *e, struct sf_entries *it)
{
	struct sf_listed_entry entry;
	struct percpu p;
	const char *text;

	while (sf_emit_on(e) && sf_entries_next(it, &entry)) {
		struct sf_measured m = sf_measure_begin(e, e->w.opt.width);

		sf_put_entry_head(e, &entry);

		bool is_line = sf_measure_end(e, &m) != UINT32_MAX;

		sf_put_entry_head(e, &entry);
		survey(e, it, &entry, &p);
		p.before = is_line ? " " : "\n  ";
		text = short_text(&p);
		if (text)
			sf_putf(e, "%s%s\n", p.before, text);
		else
			put_values(&p);
	}
}

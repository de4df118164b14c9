/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values by key, in the map's order: a table where every key and value is a row of scalars, else an entry after the
 * other. Of local storage the key is the object that a value belongs to, by its name.
 */

#include <inttypes.h>
#include <sys/socket.h>

#include "leaf.h"
#include "map_text.h"

#define PATH_BYTES 240  /* of a cgroup's path; its end says more than its beginning */
#define ROWS_A_HEADER 64

/* ---- owners ------------------------------------------------------------------------------------------------- */

static const char *owner_kind(const struct sf_bpf_owner *o)
{
	switch (o->kind) {
	case SF_BPF_OWNER_TASK:
		return "task";
	case SF_BPF_OWNER_CGROUP:
		return "cgroup";
	case SF_BPF_OWNER_INODE:
		return "inode";
	case SF_BPF_OWNER_SOCK:
		return "sock";
	}
	return "owner";
}

/* AF_* as include/linux/socket.h has them. */
static const char *family_name(uint16_t family)
{
	switch (family) {
	case AF_UNSPEC:
		return "AF_UNSPEC";
	case AF_UNIX:
		return "AF_UNIX";
	case AF_INET:
		return "AF_INET";
	case AF_INET6:
		return "AF_INET6";
	case AF_NETLINK:
		return "AF_NETLINK";
	case AF_PACKET:
		return "AF_PACKET";
	case AF_VSOCK:
		return "AF_VSOCK";
	case AF_XDP:
		return "AF_XDP";
	}
	return NULL;
}

static void put_path(const struct sf_bpf_owner *o, struct sf_text *t)
{
	const char *path = o->path;
	bool is_cut = o->path_cut;

	while (strlen(path) > PATH_BYTES && *path) {
		const char *next = strchr(path + 1, '/');

		if (!next)
			break;
		path = next;
		is_cut = true;
	}
	if (*path)
		sf_text_putf(t, "%s", is_cut ? "…" : "");
	else
		sf_text_putf(t, "id %" PRIu64, o->id);
	sf_text_put(t, path);
}

/* Why nothing but its address is known. */
static const char *why_unreadable(const struct sf_listed_entry *entry)
{
	struct sf_trouble why = { 0 };
	struct sf_node target;

	if (entry->has_key && sf_node_deref(&entry->key, &target, NULL, &why) == SF_STEP_TROUBLE && why.fault)
		return sf_fault_text(why.fault);
	return "gone";
}

static void put_owner(const struct sf_bpf_owner *o, struct sf_text *t)
{
	const char *family = family_name(o->family);

	switch (o->kind) {
	case SF_BPF_OWNER_TASK:
		sf_text_putf(t, "%" PRId32 " (%s)", o->pid, o->comm);
		if (o->tgid != o->pid)
			sf_text_putf(t, " of %" PRId32, o->tgid);
		break;
	case SF_BPF_OWNER_CGROUP:
		put_path(o, t);
		break;
	case SF_BPF_OWNER_INODE:
		sf_text_putf(t, "%" PRIu64, o->id);
		break;
	case SF_BPF_OWNER_SOCK:
		if (family)
			sf_text_put(t, family);
		else
			sf_text_putf(t, "family %u", o->family);
		if (o->port)
			sf_text_putf(t, " port %u", o->port);
		break;
	}
}

/* Its name as it is: whoever writes it escapes it. In @t, until that changes. */
static const char *owner_name(const struct sf_listed_entry *entry, struct sf_text *t)
{
	const struct sf_bpf_owner *o = entry->owner;

	t->n = 0;
	if (!o->kva)
		sf_text_put(t, "(gone)");
	else if (o->is_readable)
		put_owner(o, t);
	else
		sf_text_putf(t, "0x%" PRIx64 " (%s)", o->kva, why_unreadable(entry));
	sf_text_putn(t, "", 1);
	return t->failed ? "<no memory to show it>" : t->v;
}

/* ---- one after another -------------------------------------------------------------------------------------- */

/* Members that are zero belong to a key, unless it is large. */
static void put_key(struct sf_emit *e, const struct sf_node *key)
{
	bool show_zero = e->w.opt.show_zero;
	struct sf_leaf_iter it;
	struct sf_node leaf;

	sf_emit_begin(e);
	e->w.opt.show_zero = true;
	sf_leaves(&it, key);
	while (e->w.opt.show_zero && sf_next_leaf(e, &it, &leaf))
		e->w.opt.show_zero = show_zero || sf_is_flat(e, &leaf);
	sf_put_value(e, key, 1);
	e->w.opt.show_zero = show_zero;
}

void sf_put_entry_head(struct sf_emit *e, const struct sf_listed_entry *entry)
{
	_cleanup_text_ struct sf_text owner = { 0 };

	if (!entry->owner) {
		sf_puts(e, "entry: key=");
		if (entry->has_key)
			put_key(e, &entry->key);
		else
			sf_puts(e, SF_UNREADABLE);
		return;
	}
	sf_puts(e, owner_kind(entry->owner));
	sf_puts(e, " ");
	sf_put_name(e, owner_name(entry, &owner));
}

static bool is_compound(const struct sf_node *n)
{
	enum sf_kind kind = sf_node_kind(n);

	return kind == SF_STRUCT || kind == SF_ARRAY;
}

static void put_value(struct sf_emit *e, const struct sf_entries *it, const struct sf_listed_entry *entry,
		      unsigned int indent)
{
	sf_emit_begin(e);
	if (!entry->is_readable)
		sf_puts(e, SF_UNREADABLE);
	else if (is_compound(&entry->value) && sf_is_all_zero(e, &entry->value))
		sf_puts(e, "all zero");
	else
		sf_put_entry_value(e, it, entry, indent);
}

static void put_entry(struct sf_emit *e, const struct sf_entries *it, const struct sf_listed_entry *entry)
{
	const char *separator = ": ";
	unsigned int indent = 0;

	if (!entry->owner) {
		struct sf_measured m = sf_measure_begin(e, e->w.opt.width);

		separator = " value: ";
		indent = 1;
		sf_put_entry_head(e, entry);
		sf_puts(e, separator);
		put_value(e, it, entry, indent);
		if (sf_measure_end(e, &m) == UINT32_MAX)
			separator = "\n  value: ";
	}
	sf_put_entry_head(e, entry);
	sf_puts(e, separator);
	put_value(e, it, entry, indent);
	sf_puts(e, "\n");
}

/* ---- as a table --------------------------------------------------------------------------------------------- */

struct sheet {
	struct sf_table t;
	struct sf_listed_entry sample; /* one with a key and a value, for the names */
	const char *kind;              /* of owners; NULL: there are none */
	uint64_t n_rows;
	struct sf_text owner;          /* of the row at hand */
};

static void sheet_done(struct sheet *s)
{
	sf_text_cleanup(&s->owner);
}

static void measure_row(struct sf_emit *e, struct sheet *s, const struct sf_listed_entry *entry)
{
	uint32_t at = 0;

	sf_emit_begin(e);
	if (entry->owner)
		sf_table_text(e, &s->t, at++, owner_name(entry, &s->owner));
	else if (entry->has_key)
		sf_table_leaves(e, &s->t, &at, &entry->key);
	else
		s->t.is_none = true;
	/* The rows of one map have the same shape, or they are no rows. */
	if (s->n_rows++ && s->t.n_keys != at)
		s->t.is_none = true;
	s->t.n_keys = at;
	if (!entry->is_readable) {
		sf_table_note(e, &s->t, SF_UNREADABLE);
		return;
	}
	sf_table_leaves(e, &s->t, &at, &entry->value);
	if (!s->sample.is_readable) {
		s->sample = *entry;
		s->sample.owner = NULL;
		s->kind = entry->owner ? owner_kind(entry->owner) : NULL;
	} else if (s->t.n != at) {
		s->t.is_none = true;
	}
}

static void measure_names(struct sf_emit *e, struct sheet *s)
{
	uint32_t at = 0;

	sf_emit_begin(e);
	if (s->kind)
		sf_table_text(e, &s->t, at++, s->kind);
	else
		sf_table_names(e, &s->t, &at, &s->sample.key, "key");
	sf_table_names(e, &s->t, &at, &s->sample.value, "value");
}

static bool measure(struct sf_emit *e, const struct sf_snap_map *map, struct sheet *s)
{
	_cleanup_entries_ struct sf_entries it = sf_entries_of(map, e->w.opt.max_entries);
	struct sf_listed_entry entry;

	/* The rest need not be counted twice. */
	while (!s->t.is_none && it.shown < it.max && sf_entries_next(&it, &entry))
		measure_row(e, s, &entry);
	if (s->t.is_none || s->n_rows < 2 || !s->sample.is_readable)
		return false;
	measure_names(e, s);
	return sf_table_fits(e, &s->t);
}

static void put_names(struct sf_emit *e, const struct sheet *s)
{
	struct sf_row row = sf_row_begin(e, &s->t);
	uint32_t at = 0;

	sf_emit_begin(e);
	if (s->kind)
		sf_row_text(&row, at++, s->kind);
	else
		sf_row_names(&row, &at, &s->sample.key, "key");
	sf_row_names(&row, &at, &s->sample.value, "value");
	sf_puts(e, "\n");
}

static void put_unused(struct sf_emit *e, const struct sheet *s)
{
	const char *separator = "all zero: ";
	uint32_t at = 0;

	sf_emit_begin(e);
	if (s->kind)
		at++;
	else
		sf_table_put_unused(e, &s->t, &at, &s->sample.key, "key", &separator);
	sf_table_put_unused(e, &s->t, &at, &s->sample.value, "value", &separator);
	if (*separator == ',')
		sf_puts(e, "\n");
}

static void put_row(struct sf_emit *e, struct sheet *s, const struct sf_listed_entry *entry)
{
	struct sf_row row = sf_row_begin(e, &s->t);
	uint32_t at = 0;

	sf_emit_begin(e);
	if (entry->owner)
		sf_row_text(&row, at++, owner_name(entry, &s->owner));
	else
		sf_row_leaves(&row, &at, &entry->key);
	if (entry->is_readable)
		sf_row_leaves(&row, &at, &entry->value);
	else
		sf_row_note(&row, SF_UNREADABLE);
	sf_puts(e, "\n");
}

void sf_put_hash(struct sf_emit *e, struct sf_entries *it)
{
	_cleanup_(sheet_done) struct sheet s = { 0 };
	bool is_table = measure(e, it->map, &s);
	struct sf_listed_entry entry;

	if (is_table)
		put_unused(e, &s);
	for (uint64_t i = 0; sf_emit_on(e) && sf_entries_next(it, &entry); i++) {
		if (is_table && !(i % ROWS_A_HEADER))
			put_names(e, &s);
		if (is_table)
			put_row(e, &s, &entry);
		else
			put_entry(e, it, &entry);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest said of the quiet maps, row by row, and where a frame has it.
 */

#include <bpf/btf.h>
#include <inttypes.h>
#include <stdarg.h>

#include "oracle_host.h"

#define MAX_PRINTED 20

void oracle_wrong(struct oracle_tally *t, const char *fmt, ...)
{
	va_list ap;

	if (t->n_wrong++ >= MAX_PRINTED)
		return;
	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void wrong_err(struct oracle_tally *t, const char *what, struct sf_error *err)
{
	oracle_wrong(t, "%s: %s", what, sf_error_message(err));
	sf_error_free(err);
}

/* ---- hexadecimal ------------------------------------------------------------------------------------------------ */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes up to a character that is no digit, written over the digits themselves; how many. */
static size_t from_hex(char **text)
{
	uint8_t *to = (uint8_t *)*text;
	size_t n = 0;
	char *p = *text;

	for (; digit(p[0]) >= 0 && digit(p[1]) >= 0; p += 2)
		to[n++] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
	*text = p;
	return n;
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	const struct quiet_row *ra = a, *rb = b;
	size_t n = sf_min(ra->key_len, rb->key_len);
	int order = n ? memcmp(ra->key, rb->key, n) : 0;

	return order ? order : (ra->key_len > rb->key_len) - (ra->key_len < rb->key_len);
}

static struct quiet_row *find_row(const struct quiet_table *t, const void *key, size_t len)
{
	struct quiet_row wanted = { .key = key, .key_len = len };

	return bsearch(&wanted, t->rows.v, t->rows.n, sizeof(wanted), compare_keys);
}

/* "KEY VALUE\n", again and again; the bytes stay where the digits were. */
static bool read_rows(struct quiet_table *t, char *text)
{
	t->bytes = (uint8_t *)text;
	for (char *p = text; *p;) {
		struct quiet_row *row = sf_vec_push(&t->rows);

		if (!row)
			return false;
		*row = (struct quiet_row){ .i = (uint32_t)t->rows.n - 1, .key = (uint8_t *)p };
		row->key_len = from_hex(&p);
		if (*p++ != ' ')
			return false;
		row->value = (uint8_t *)p;
		row->value_len = from_hex(&p);
		if (*p++ != '\n')
			return false;
	}
	qsort(t->rows.v, t->rows.n, sizeof(*t->rows.v), compare_keys);
	return true;
}

/* The guest's rows are in the kernel's order; owners in that of their making. */
static void number_rows(struct quiet_table *t, uint64_t seed, struct oracle_tally *tally)
{
	uint8_t key[sizeof(struct q_key)];

	if (quiet_has_owners(t->m))
		return;
	if (t->rows.n != t->m->n)
		oracle_wrong(tally, "%s: the guest has %zu elements, not %u", t->m->name, t->rows.n, t->m->n);
	for (uint32_t i = 0; i < t->m->n; i++) {
		quiet_fill_key(t->m, seed, i, key);
		struct quiet_row *row = find_row(t, key, t->m->key_size);

		if (row)
			row->i = i;
		else
			oracle_wrong(tally, "%s: the guest does not have element %u", t->m->name, i);
	}
}

static void check_contents(const struct quiet_table *t, uint64_t seed, struct oracle_tally *tally)
{
	uint8_t want[QUIET_MAX_VALUE];

	for (size_t i = 0; i < t->rows.n; i++) {
		const struct quiet_row *row = &t->rows.v[i];

		for (uint32_t cpu = 0; cpu < quiet_n_values(t); cpu++) {
			quiet_fill_value(t->m, seed, row->i, cpu, want, t->value_size);
			if (memcmp(want, quiet_value_bytes(t, row, cpu), t->value_size))
				oracle_wrong(tally, "%s: element %u of CPU %u is not what it was filled with", t->m->name,
					     row->i, cpu);
		}
	}
}

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

bool quiet_key_node(const struct quiet_table *t, const struct quiet_row *row, struct sf_node *ret)
{
	return !quiet_has_owners(t->m) && t->m->keys != QUIET_INDEX && t->m->keys != QUIET_SECTION &&
	       sf_snap_key(&row->ours, ret);
}

static bool value_of(const struct quiet_table *t, const struct sf_snap_elem *e, uint32_t cpu, struct sf_node *ret)
{
	if (t->m->is_percpu)
		return sf_snap_cpu_value(e, cpu, ret);
	if (!e->at.value)
		return false;
	*ret = sf_snap_value(e);
	return true;
}

bool quiet_value_node(const struct quiet_table *t, const struct quiet_row *row, uint32_t cpu, struct sf_node *ret)
{
	return value_of(t, &row->ours, cpu, ret);
}

/* ---- elements of the frame -------------------------------------------------------------------------------------- */

static size_t owner_text(const struct sf_bpf_owner *o, char buf[QUIET_KEY_TEXT])
{
	int n = 0;

	switch (o->kind) {
	case SF_BPF_OWNER_TASK:
		n = snprintf(buf, QUIET_KEY_TEXT, QUIET_TASK, o->pid, o->tgid, o->comm);
		break;
	case SF_BPF_OWNER_CGROUP:
		n = snprintf(buf, QUIET_KEY_TEXT, QUIET_CGROUP, (unsigned long long)o->id, o->path);
		break;
	case SF_BPF_OWNER_INODE:
		n = snprintf(buf, QUIET_KEY_TEXT, QUIET_INODE, (unsigned long long)o->id);
		break;
	case SF_BPF_OWNER_SOCK:
		n = snprintf(buf, QUIET_KEY_TEXT, QUIET_SOCK, o->family, o->port);
		break;
	}
	return (size_t)n;
}

/* The key as the guest's table has it. */
static bool key_of(const struct quiet_tables *ts, const struct quiet_table *t, const struct sf_snap_elem *e,
		   uint8_t buf[QUIET_KEY_TEXT], size_t *ret_len, struct oracle_tally *tally)
{
	_cleanup_free_ struct sf_bpf_owner *owner = malloc(sizeof(*owner));
	struct sf_node n;

	if (quiet_has_owners(t->m)) {
		if (!owner || !sf_snap_owner(e, owner) || !owner->is_readable || owner->path_cut) {
			oracle_wrong(tally, "%s: element %" PRIu64 " has no owner", t->m->name, e->at.position);
			return false;
		}
		*ret_len = owner_text(owner, (char *)buf);
		return true;
	}
	*ret_len = t->m->key_size;
	if (t->m->keys == QUIET_INDEX || t->m->keys == QUIET_SECTION) {
		memcpy(buf, &e->at.position, 4);
		return true;
	}
	if (!sf_snap_key(e, &n) || n.had != t->m->key_size ||
	    sf_vmem_read(sf_snapshot_vmem(ts->snap), n.at, buf, n.had) != SF_FAULT_NONE) {
		oracle_wrong(tally, "%s: the key of element %" PRIu64 " cannot be read", t->m->name, e->at.position);
		return false;
	}
	return true;
}

static void check_value(const struct quiet_tables *ts, const struct quiet_table *t, const struct quiet_row *row,
			uint32_t cpu, struct oracle_tally *tally)
{
	uint8_t ours[QUIET_MAX_VALUE];
	struct sf_node n;
	const uint8_t *theirs = quiet_value_bytes(t, row, cpu);

	if (!value_of(t, &row->ours, cpu, &n) || n.had != t->value_size ||
	    sf_vmem_read(sf_snapshot_vmem(ts->snap), n.at, ours, n.had) != SF_FAULT_NONE) {
		oracle_wrong(tally, "%s: value %u of CPU %u cannot be read", t->m->name, row->i, cpu);
		return;
	}
	for (size_t i = 0; i < n.had; i++)
		if (ours[i] != theirs[i]) {
			oracle_wrong(tally, "%s: byte %zu of value %u, CPU %u, is 0x%02x, not 0x%02x", t->m->name, i, row->i,
				     cpu, ours[i], theirs[i]);
			return;
		}
	tally->n_equal++;
}

/* The same by the public accessors. */
static void check_entry(const struct quiet_table *t, const struct sf_snap_elem *e, struct oracle_tally *tally)
{
	struct sf_entry entry = sf_map_at(t->public, e->at.position);
	struct sf_owner owner = { .size = sizeof(owner) };
	_cleanup_free_ struct sf_bpf_owner *ours = malloc(sizeof(*ours));
	struct sf_error *err = NULL;
	int64_t pid = -1;
	struct sf_node n;

	if (!ours || !sf_snap_owner(e, ours) || !sf_entry_owner(entry, &owner) || !owner.is_readable ||
	    owner.kva != ours->kva || owner.pid != ours->pid || owner.id != ours->id || owner.port != ours->port)
		oracle_wrong(tally, "%s: the entry of element %" PRIu64 " has another owner", t->m->name, e->at.position);
	else if (!sf_field_node(sf_entry_get(entry, ""), &n) || n.at != e->at.value)
		oracle_wrong(tally, "%s: the entry of element %" PRIu64 " has another value", t->m->name, e->at.position);
	else if (t->m->keys == QUIET_TASKS && (err = sf_as(sf_entry_key(entry, "pid"), &pid)))
		wrong_err(tally, t->m->name, err);
	else if (t->m->keys == QUIET_TASKS && pid != ours->pid)
		oracle_wrong(tally, "%s: the key of element %" PRIu64 " leads to task %" PRId64 ", not %d", t->m->name,
			     e->at.position, pid, ours->pid);
	else
		tally->n_by_path++;
}

static void match_elements(const struct quiet_tables *ts, struct quiet_table *t, struct oracle_tally *tally)
{
	struct sf_snap_cursor c = sf_snap_elems(t->map);
	struct sf_snap_elem e;
	uint8_t key[QUIET_KEY_TEXT];
	size_t len;

	while (sf_snap_next(&c, &e)) {
		if (!key_of(ts, t, &e, key, &len, tally))
			continue;
		struct quiet_row *row = find_row(t, key, len);

		if (!row || row->is_found) {
			oracle_wrong(tally, "%s: element %" PRIu64 " is %s (%.*s)", t->m->name, e.at.position,
				     row ? "there twice" : "not the guest's", quiet_has_owners(t->m) ? (int)len : 0,
				     (char *)key);
			continue;
		}
		row->is_found = true;
		row->ours = e;
		for (uint32_t cpu = 0; cpu < quiet_n_values(t); cpu++)
			check_value(ts, t, row, cpu, tally);
		if (quiet_has_owners(t->m))
			check_entry(t, &e, tally);
	}
	if (c.c.torn.n_buckets || c.c.torn.n_chains || c.c.torn.n_superseded || c.c.torn.capped)
		oracle_wrong(tally, "%s: said to be torn: %s", t->m->name, c.c.torn.why ? c.c.torn.why : "");
	if (sf_map_len(t->public) != t->rows.n)
		oracle_wrong(tally, "%s: %zu entries, %zu for the guest", t->m->name, sf_map_len(t->public), t->rows.n);
	for (size_t i = 0; i < t->rows.n; i++)
		if (!t->rows.v[i].is_found)
			oracle_wrong(tally, "%s: element %u of the guest's is not ours (%.*s)", t->m->name, t->rows.v[i].i,
				     quiet_has_owners(t->m) ? (int)t->rows.v[i].key_len : 0, (char *)t->rows.v[i].key);
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

/* In the list of "NAME ID". */
static uint32_t id_of(const char *ids, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = ids; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, name, len) && p[len] == ' ')
			return (uint32_t)strtoul(p + len, NULL, 10);
	return 0;
}

static bool find_map(struct quiet_tables *ts, struct quiet_table *t, uint32_t id)
{
	struct sf_map_info info = { .size = sizeof(info) };

	for (size_t i = 0; i < sf_view_map_count(ts->view); i++) {
		t->public = sf_view_map_at(ts->view, i);
		if (sf_map_info(t->public, &info) && info.id == id)
			return sf_map_snap(t->public, &t->map);
	}
	return false;
}

static void make_table(struct quiet_tables *ts, struct quiet_table *t, const char *ids, const struct oracle_said *said,
		       struct oracle_tally *tally)
{
	const char *name = t->m->name;
	char published[64];
	size_t len;

	snprintf(published, sizeof(published), QUIET_RAW, name);
	char *text = said->fn(said->arg, published, &len);

	if (!text || !find_map(ts, t, id_of(ids, name))) {
		oracle_wrong(tally, "%s: not there", name);
		free(text);
		return;
	}
	struct sf_error *err = sf_map_error(t->public);

	if (err || t->map->unread) {
		wrong_err(tally, name, err);
		free(text);
		return;
	}
	t->value_size = t->map->listed->map.value_size;
	t->stride = t->m->is_percpu ? sf_align_up(t->value_size, 8) : t->value_size;
	if (!read_rows(t, text) || t->value_size > QUIET_MAX_VALUE) {
		oracle_wrong(tally, "%s: what the guest said cannot be read", name);
		return;
	}
	for (size_t i = 0; i < t->rows.n; i++)
		if (t->rows.v[i].value_len != t->stride * quiet_n_values(t)) {
			oracle_wrong(tally, "%s: a value of %zu bytes", name, t->rows.v[i].value_len);
			return;
		}
	number_rows(t, said->seed, tally);
	check_contents(t, said->seed, tally);
	match_elements(ts, t, tally);
}

static struct btf *types_of(const struct oracle_said *said)
{
	size_t len;
	_cleanup_free_ char *text = said->fn(said->arg, QUIET_BTF, &len);
	char *p = text;
	size_t n = text ? from_hex(&p) : 0;

	return n ? btf__new(text, (uint32_t)n) : NULL;
}

void quiet_tables_make(struct sf_snapshot *snap, const struct oracle_said *said, struct quiet_tables *ret,
		       struct oracle_tally *tally)
{
	size_t len;
	_cleanup_free_ char *ids = said->fn(said->arg, QUIET_IDS, &len);
	_cleanup_free_ char *cpus = said->fn(said->arg, QUIET_CPUS, &len);
	uint32_t n_cpus = cpus ? (uint32_t)strtoul(cpus, NULL, 10) : 0;

	*ret = (struct quiet_tables){
		.snap = snap,
		.view = sf_snapshot_view(snap),
		.v = calloc(n_quiet_maps, sizeof(*ret->v)),
		.btf = types_of(said),
	};
	if (!ret->v || !ret->btf || !n_cpus || n_cpus > QUIET_MAX_CPUS) {
		oracle_wrong(tally, "the guest did not say enough of its quiet maps");
		return;
	}
	for (size_t i = 0; i < n_quiet_maps; i++) {
		ret->v[i].m = &quiet_maps[i];
		ret->v[i].n_cpus = n_cpus;
		make_table(ret, &ret->v[i], ids, said, tally);
	}
}

void quiet_tables_clear(struct quiet_tables *ts)
{
	for (size_t i = 0; ts->v && i < n_quiet_maps; i++) {
		free(ts->v[i].rows.v);
		free(ts->v[i].bytes);
	}
	free(ts->v);
	btf__free(ts->btf);
}

/* ---- bpftool ---------------------------------------------------------------------------------------------------- */

/* ["0x1c", "0x00", …] */
static size_t bytes_of(const struct sf_json_node *list, uint8_t *buf, size_t size)
{
	size_t n = 0;

	for (const struct sf_json_node *b = sf_json_element(list, 0); b && n < size; b = b->next)
		buf[n++] = b->type == SF_JSON_STRING ? (uint8_t)strtoul(b->value.str, NULL, 16) : 0;
	return n;
}

static void compare_index(const struct quiet_table *t, const struct quiet_row *row, const struct sf_entry *entry,
			  const struct sf_json_node *theirs, struct oracle_tally *tally)
{
	uint64_t index = UINT64_MAX;
	struct sf_error *err = sf_as(sf_entry_key(*entry, ""), &index);

	if (err)
		wrong_err(tally, t->m->name, err);
	else if (theirs->type != SF_JSON_UINT || theirs->value.u64 != row->ours.at.position || index != theirs->value.u64)
		oracle_wrong(tally, "%s: index %" PRIu64 " is another for bpftool", t->m->name, row->ours.at.position);
	else
		tally->n_equal++;
}

static void compare_key(const struct quiet_tables *ts, const struct quiet_table *t, const struct quiet_row *row,
			const struct sf_json_node *theirs, struct oracle_tally *tally)
{
	struct sf_entry entry = sf_map_at(t->public, row->ours.at.position);
	struct sf_node n;

	if (t->m->keys == QUIET_SECTION)
		return;
	if (!theirs)
		oracle_wrong(tally, "%s: bpftool did not format the key of %u", t->m->name, row->i);
	else if (quiet_key_node(t, row, &n))
		oracle_compare_node(ts->view, t->m->name, &entry, true, false, n, theirs, tally);
	else
		compare_index(t, row, &entry, theirs, tally);
}

static void compare_values(const struct quiet_tables *ts, const struct quiet_table *t, const struct quiet_row *row,
			   const struct sf_json_node *theirs, struct oracle_tally *tally)
{
	const struct sf_json_node *values = sf_json_member(theirs, "values");
	char what[64];
	struct sf_node n;

	for (uint32_t cpu = 0; cpu < quiet_n_values(t); cpu++) {
		const struct sf_json_node *one = t->m->is_percpu ? sf_json_element(values, cpu) : theirs;
		const struct sf_json_node *value = sf_json_member(one, "value");
		/* Of a map that is not per-CPU it is the map as it was. */
		struct sf_entry entry = sf_map_at(sf_map_cpu(t->public, cpu), row->ours.at.position);

		snprintf(what, sizeof(what), "%s element %u CPU %u", t->m->name, row->i, cpu);
		if (t->m->is_percpu && sf_json_member_u64(one, "cpu", UINT64_MAX) != cpu)
			oracle_wrong(tally, "%s: bpftool has another CPU there", what);
		else if (!value || !quiet_value_node(t, row, cpu, &n))
			oracle_wrong(tally, "%s: no value", what);
		else
			oracle_compare_node(ts->view, what, &entry, false, t->m->keys == QUIET_SECTION, n, value, tally);
	}
}

static void compare_dump(const struct quiet_tables *ts, const struct quiet_table *t, const struct sf_json_node *dump,
			 struct oracle_tally *tally)
{
	uint8_t key[QUIET_KEY_TEXT];

	if (dump->type != SF_JSON_ARRAY || dump->n != t->rows.n)
		oracle_wrong(tally, "%s: %u entries for bpftool, %zu for the system call", t->m->name, dump->n, t->rows.n);
	for (const struct sf_json_node *e = sf_json_element(dump, 0); e; e = e->next) {
		const struct sf_json_node *formatted = sf_json_member(e, "formatted");
		struct quiet_row *row = find_row(t, key, bytes_of(sf_json_member(e, "key"), key, sizeof(key)));

		if (!row || !row->is_found || !formatted) {
			oracle_wrong(tally, "%s: bpftool has an entry that nobody else has", t->m->name);
			continue;
		}
		compare_key(ts, t, row, sf_json_member(formatted, "key"), tally);
		compare_values(ts, t, row, formatted, tally);
	}
}

void quiet_compare_bpftool(const struct quiet_tables *ts, const struct oracle_said *said, struct oracle_tally *tally)
{
	char name[64];
	size_t len;

	for (size_t i = 0; ts->v && i < n_quiet_maps; i++) {
		const struct quiet_table *t = &ts->v[i];
		_cleanup_json_ struct sf_json *dump = NULL;

		if (!quiet_maps[i].is_formatted)
			continue;
		if (!t->m) {
			oracle_wrong(tally, "%s: the guest said nothing of it", quiet_maps[i].name);
			continue;
		}
		snprintf(name, sizeof(name), QUIET_DUMP, t->m->name);
		_cleanup_free_ char *text = said->fn(said->arg, name, &len);
		struct sf_error *err = text ? sf_json_read(text, len, &dump) : NULL;

		if (err)
			wrong_err(tally, name, err);
		else if (!dump)
			oracle_wrong(tally, "%s: nothing was said", name);
		else
			compare_dump(ts, t, sf_json_root(dump), tally);
	}
}

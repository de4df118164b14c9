/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scheduler's operations. bpftool has what was loaded: where the kernel has a function to call it names a program, as
 * in "void (s32) NAME/prog_id:7", or "void (s32) 0" for none. What the kernel calls is a trampoline whose symbol says
 * which member it is for.
 */

#include <inttypes.h>

#include "oracle_host.h"

static bool find_ops(struct sf_snapshot *snap, uint32_t id, struct sf_node *ret)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);

	for (size_t i = 0; i < maps.n; i++) {
		struct sf_snap_cursor c = sf_snap_elems(&maps.v[i]);
		struct sf_snap_elem e;

		if (maps.v[i].listed->map.id != id || !sf_snap_next(&c, &e) || !e.at.value)
			continue;
		*ret = sf_snap_value(&e);
		return true;
	}
	return false;
}

/* "bpf__sched_ext_ops_enqueue" (kernel/bpf/bpf_struct_ops.c) */
static void compare_function(struct sf_snapshot *snap, const struct sf_node *n, const char *name, const char *theirs,
			     struct oracle_tally *t)
{
	_cleanup_free_ char *want = sf_asprintf("bpf__sched_ext_ops_%s", name);
	bool is_there = strstr(theirs, "/prog_id:");
	char buf[SF_SYMBOL_NAME];
	struct sf_trouble why;
	struct sf_symbol sym;
	struct sf_scalar s;

	if (sf_node_scalar(n, &s, &why) != SF_STEP_OK || s.kind != SF_PTR)
		oracle_wrong(t, "%s: no pointer", name);
	else if (!!s.u64 != is_there)
		oracle_wrong(t, "%s: 0x%" PRIx64 ", bpftool: %s", name, s.u64, theirs);
	else if (is_there && (!want || !sf_frame_symbol_at(sf_snapshot_frame(snap), s.u64, buf, &sym) ||
			      strcmp(sym.name, want)))
		oracle_wrong(t, "%s: 0x%" PRIx64 " is not %s", name, s.u64, want ? want : "");
	else
		t->n_kptrs += is_there;
}

/* Where nothing was asked for the kernel takes its default (SCX_EXIT_DUMP_DFL_LEN of include/linux/sched/ext.h). */
static void compare_dump_len(const struct sf_node *n, const struct sf_json_node *theirs, struct oracle_tally *t)
{
	struct sf_trouble why;
	struct sf_scalar s;

	if (theirs->type != SF_JSON_UINT || sf_node_scalar(n, &s, &why) != SF_STEP_OK ||
	    s.u64 != (theirs->value.u64 ? theirs->value.u64 : 32768))
		oracle_wrong(t, "exit_dump_len is another one");
	else
		t->n_equal++;
}

void oracle_compare_struct_ops(struct sf_snapshot *snap, const struct oracle_said *said, struct oracle_tally *t)
{
	_cleanup_json_ struct sf_json *doc = NULL;
	struct sf_member_iter it = { 0 };
	const char *name = "?";
	size_t len;
	_cleanup_free_ char *text = said->fn(said->arg, ORACLE_STRUCT_OPS, &len);
	_cleanup_free_ char *id = said->fn(said->arg, ORACLE_STRUCT_OPS_ID, &(size_t){ 0 });
	struct sf_node ops, n;

	if (!text || !id || !find_ops(snap, (uint32_t)strtoul(id, NULL, 10), &ops)) {
		oracle_wrong(t, "no operations of a scheduler");
		return;
	}
	SF_OWNED(error) err = sf_json_read(text, len, &doc);
	const struct sf_json_node *whole = err ? NULL : sf_json_element(sf_json_root(doc), 1);
	const struct sf_json_node *data = whole && whole->type == SF_JSON_OBJECT ?
						  sf_json_member(whole->value.first, "data") : NULL;

	if (!data || data->type != SF_JSON_OBJECT) {
		oracle_wrong(t, "bpftool's operations cannot be read: %s", err ? sf_error_message(err) : "no \"data\"");
		return;
	}
	for (const struct sf_json_node *m = data->value.first; m; m = m->next) {
		if (!sf_node_next_member(&ops, &it, &name, &n) || strcmp(name, m->key))
			oracle_wrong(t, "member %s, %s for bpftool", name, m->key);
		else if (m->type == SF_JSON_STRING && strstr(m->value.str, " ("))
			compare_function(snap, &n, name, m->value.str, t);
		else if (!strcmp(name, "exit_dump_len"))
			compare_dump_len(&n, m, t);
		else if (!strcmp(name, "priv"))
			/* The kernel's own, and nothing that was loaded. */
			t->n_odd++;
		else
			oracle_compare_node(sf_snapshot_view(snap), name, NULL, false, false, n, m, t);
	}
	if (sf_node_next_member(&ops, &it, &name, &n))
		oracle_wrong(t, "a member %s that bpftool does not have", name);
}

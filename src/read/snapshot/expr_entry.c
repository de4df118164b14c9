/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths, and what a filter says of the entry that it looks at: its value, its key, whose it is.
 */

#include "expr_eval.h"

/* ---- paths ------------------------------------------------------------------------------------------------------- */

enum walked {
	WALKED,
	WALKED_NOWHERE, /* a null pointer is on the way */
	WALKED_TROUBLE,
	WALKED_WRONG,   /* no such member, no such element, no struct: sf_walk_path() says which */
};

/* To what is behind pointers, and what that is. */
static enum walked step_in(struct sf_node *n, enum sf_kind *kind, struct sf_trouble *why)
{
	struct sf_scalar s;
	struct sf_node peeled;

	*kind = sf_node_kind(n);
	if (*kind != SF_PTR)
		return WALKED;
	if (sf_node_peel(n, &peeled, why) == SF_STEP_TROUBLE)
		return WALKED_TROUBLE;
	*n = peeled;
	*kind = sf_node_kind(n);
	if (*kind != SF_PTR)
		return WALKED;
	switch (sf_node_scalar(n, &s, why)) {
	case SF_STEP_OK:
		return s.u64 ? WALKED : WALKED_NOWHERE;
	case SF_STEP_TROUBLE:
		return WALKED_TROUBLE;
	default:
		return WALKED;
	}
}

/* The path is one that the reader of expressions let through. */
static enum walked walk(struct sf_node n, const char *path, struct sf_node *ret, struct sf_trouble *why)
{
	while (*path) {
		enum sf_kind kind;
		enum walked in = step_in(&n, &kind, why);

		if (in != WALKED)
			return in;
		if (*path == '[') {
			if (kind != SF_ARRAY ||
			    sf_node_index(&n, strtoull(path + 1, NULL, 10), &n) != SF_STEP_OK)
				return WALKED_WRONG;
			path += strcspn(path, "]") + 1;
		} else {
			size_t len = strcspn(path, ".[");

			if (kind != SF_STRUCT || sf_node_member(&n, path, len, &n) != SF_STEP_OK)
				return WALKED_WRONG;
			path += len;
		}
		path += *path == '.';
	}
	*ret = n;
	return WALKED;
}

/* Where in the text the path failed, as far as it stands there. */
static size_t failed_at(const struct expr_node *n, const char *path, size_t skipped, struct sf_error *err)
{
	const struct sf_error_payload *p = sf_error_payload(err);
	size_t len = p && p->walked ? strlen(p->walked) : 0;

	if (!n->path_is_text)
		return n->path_at;
	if (len > strlen(path))
		len = 0;
	return n->path_at + skipped + len + (path[len] == '.');
}

/* The same again, by who makes errors. */
static enum expr_outcome walk_fails(struct expr_eval *ev, const struct expr_node *n, const struct sf_node *root,
				    const char *path, size_t skipped, struct expr_val *ret)
{
	struct sf_error *err;
	struct failure f;

	ret->kind = VAL_NODE;
	f = sf_walk_path(ev->snap, root, path, &ret->node);
	if (!f.slot)
		return OUT_OK;
	err = sf_failure_error(ev->snap, &f);
	return sf_expr_failed(ev, failed_at(n, path, skipped, err), err);
}

/* @skipped characters of the path are not part of it. */
static enum expr_outcome walk_from(struct expr_eval *ev, const struct expr_node *n, const struct sf_node *root,
				   size_t skipped, bool null_is_nothing, struct expr_val *ret)
{
	const char *path = expr_string(ev->x, n->path) + skipped;
	struct sf_trouble why = { 0 };
	struct sf_node node;

	switch (walk(*root, path, &node, &why)) {
	case WALKED:
		ret->kind = VAL_NODE;
		ret->node = node;
		return OUT_OK;
	case WALKED_NOWHERE:
		if (!null_is_nothing)
			break;
		ret->kind = VAL_NOTHING;
		return OUT_OK;
	case WALKED_TROUBLE:
		if (expr_is_soft(ev))
			return OUT_UNSURE;
		break;
	case WALKED_WRONG:
		break;
	}
	return walk_fails(ev, n, root, path, skipped, ret);
}

enum expr_outcome sf_expr_walk(struct expr_eval *ev, const struct expr_node *n, const struct sf_node *root,
			       bool null_is_nothing, struct expr_val *ret)
{
	return walk_from(ev, n, root, 0, null_is_nothing, ret);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

enum expr_outcome sf_expr_elem_value(struct expr_eval *ev, const struct expr_node *n, const struct sf_snap_elem *e,
				     uint64_t cpu, struct expr_val *ret)
{
	const struct sf_trouble away = { .fault = e->at.fault, .addr = e->at.kva };
	const struct sf_snap_map *map = e->map;

	ret->kind = VAL_NODE;
	/* Bytes that should have a type and do not: as the accessors have it. */
	if (map->listed->no_btf)
		return sf_expr_failed_slot(ev, n->at, sf_fail_incomplete(ev->snap, map));
	if (!sf_snap_is_percpu(map)) {
		if (!e->at.value && !e->at.fault)
			return expr_is_soft(ev) ? OUT_UNSURE :
						  sf_expr_failed_slot(ev, n->at, sf_fail_no_rendered(ev->snap, "value"));
		if (!e->at.value)
			return sf_expr_trouble(ev, n->at, &away);
		ret->node = sf_snap_value(e);
		return OUT_OK;
	}
	if (!cpu)
		return sf_expr_failed_slot(ev, n->at, sf_fail_not_narrowed(ev->snap, map));
	if (sf_snap_cpu_value(e, (uint32_t)(cpu - 1), &ret->node))
		return OUT_OK;
	return sf_expr_failed_slot(ev, n->op == OP_MAP && n->cpus ? n->cpu_at : n->at,
				   sf_fail_cpu_value(ev->snap, e, cpu - 1));
}

/* "value" is the value itself, but for a struct that has a member of this name. */
static size_t self_length(const char *path, const struct sf_node *root)
{
	struct sf_trouble why = { 0 };
	struct sf_node n = *root, member;
	enum sf_kind kind;

	if (strncmp(path, "value", 5) || (path[5] && path[5] != '.' && path[5] != '['))
		return 0;
	if (step_in(&n, &kind, &why) == WALKED && kind == SF_STRUCT &&
	    sf_node_member(&n, "value", 5, &member) == SF_STEP_OK)
		return 0;
	return path[5] == '.' ? 6 : 5;
}

static enum expr_outcome entry_value(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	enum expr_outcome out = sf_expr_elem_value(ev, n, ev->scope->elem, ev->scope->cpu, ret);
	struct sf_node root = ret->node;

	return out ? out : walk_from(ev, n, &root, self_length(expr_string(ev->x, n->path), &root), true, ret);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static enum expr_outcome entry_key(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	const struct sf_snap_elem *e = ev->scope->elem;
	struct sf_node key;

	if (e->map->is_single)
		return sf_expr_mismatch(ev, n->at, "a map with keys", "a single value, which has no key");
	if (sf_snap_key(e, &key))
		return walk_from(ev, n, &key, 0, true, ret);
	if (sf_snap_lacks_key(e))
		return expr_is_soft(ev) ? OUT_UNSURE :
					  sf_expr_failed_slot(ev, n->at, sf_fail_no_rendered(ev->snap, "key"));
	if (n->path)
		return sf_expr_mismatch(ev, n->path_at, "a key that is a struct", "an array's key, which is a number");
	*ret = (struct expr_val){ .kind = VAL_INT, .i = sf_snap_index(e) };
	return OUT_OK;
}

/* ---- owners ------------------------------------------------------------------------------------------------------ */

/* Of each kind of owner, the words that say something of it; of all of them `kva`. */
static uint32_t owner_words(enum sf_bpf_owner_kind kind)
{
	switch (kind) {
	case SF_BPF_OWNER_TASK:
		return 1u << OWNER_PID | 1u << OWNER_TGID | 1u << OWNER_COMM | 1u << OWNER_KVA;
	case SF_BPF_OWNER_CGROUP:
		return 1u << OWNER_ID | 1u << OWNER_PATH | 1u << OWNER_KVA;
	case SF_BPF_OWNER_INODE:
		return 1u << OWNER_ID | 1u << OWNER_KVA;
	default:
		return 1u << OWNER_FAMILY | 1u << OWNER_PORT | 1u << OWNER_KVA;
	}
}

static enum expr_outcome wrong_word(struct expr_eval *ev, const struct expr_node *n, uint32_t words)
{
	struct sf_error *err = sf_error_bare(SF_FIELD_NOT_FOUND);
	const char *list[OWNER_N];
	size_t len = 0;

	for (uint32_t i = 0; i < OWNER_N; i++)
		if (words & 1u << i)
			list[len++] = sf_expr_owner_words[i];
	err->payload.requested = sf_error_fmt(err, "owner.%s", sf_expr_owner_words[n->number]);
	err->payload.walked = sf_error_str(err, "owner");
	err->payload.component = sf_error_str(err, sf_expr_owner_words[n->number]);
	sf_error_strv(err, &err->payload.available, list, len);
	return sf_expr_failed(ev, n->at + strlen("owner."), err);
}

/* Gone for good, or only not here. */
static enum expr_outcome owner_is_away(struct expr_eval *ev, const struct expr_node *n, uint64_t kva,
				       struct expr_val *ret)
{
	const struct sf_trouble away = { .fault = SF_FAULT_NOT_KEPT, .addr = kva };

	ret->kind = VAL_NOTHING;
	return kva ? sf_expr_trouble(ev, n->at, &away) : OUT_OK;
}

static enum expr_outcome entry_owner(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	struct expr_scope *s = ev->scope;
	struct sf_bpf_owner *o = &s->owner;

	if (!s->has_owner && !sf_snap_owner(s->elem, o))
		return sf_expr_mismatch(ev, n->at, "a map of local storage, whose values have owners",
					sf_bpf_map_type_name(s->elem->map->listed->map.type));
	s->has_owner = true;
	if (!(owner_words(o->kind) & 1u << n->number))
		return wrong_word(ev, n, owner_words(o->kind));
	*ret = (struct expr_val){ .kind = VAL_INT, .i = o->kva };
	if (n->number != OWNER_KVA && !o->is_readable)
		return owner_is_away(ev, n, o->kva, ret);
	switch ((enum expr_owner)n->number) {
	case OWNER_PID:
		ret->i = o->pid;
		break;
	case OWNER_TGID:
		ret->i = o->tgid;
		break;
	case OWNER_ID:
		ret->i = o->id;
		break;
	case OWNER_FAMILY:
		ret->i = o->family;
		break;
	case OWNER_PORT:
		ret->i = o->port;
		break;
	case OWNER_COMM:
		*ret = (struct expr_val){ .kind = VAL_TEXT, .text = o->comm };
		break;
	case OWNER_PATH:
		/* What is not known of it may be what it is compared with. */
		if (o->path_cut)
			return owner_is_away(ev, n, o->kva, ret);
		*ret = (struct expr_val){ .kind = VAL_TEXT, .text = o->path };
		break;
	default:
		break;
	}
	return OUT_OK;
}

enum expr_outcome sf_expr_entry_word(struct expr_eval *ev, const struct expr_node *n, struct expr_val *ret)
{
	if (n->op == OP_OWNER)
		return entry_owner(ev, n, ret);
	return n->op == OP_KEY ? entry_key(ev, n, ret) : entry_value(ev, n, ret);
}

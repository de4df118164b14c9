/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The quiet maps as bpftool writes them against ours in its shape: every byte, member and number of every element, in
 * the kernel's order. What docs/values.md has as intended is recognised for what it is, and counted; all else is wrong.
 */

#include <bpf/btf.h>
#include <inttypes.h>

#include "oracle_host.h"
#include "render/render.h"

struct plain {
	const struct btf *btf;
	const char *map;
	char path[256];
	struct oracle_tally *tally;
};

/* ---- what is said of a difference ------------------------------------------------------------------------------- */

struct brief {
	char text[80];
	size_t len;
};

static bool brief_sink(void *arg, const char *text, size_t len)
{
	struct brief *b = arg;
	size_t n = sf_min(len, sizeof(b->text) - 1 - b->len);

	memcpy(b->text + b->len, text, n);
	b->len += n;
	return true;
}

static struct brief brief_of(const struct sf_json_node *node)
{
	struct brief ret = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, brief_sink, &ret, false);
	sf_json_node(&w, node);
	sf_json_writer_finish(&w);
	return ret;
}

static void differs(struct plain *p, const struct sf_json_node *ours, const struct sf_json_node *theirs)
{
	oracle_wrong(p->tally, "%s%s: %s, for bpftool %s", p->map, p->path, brief_of(ours).text, brief_of(theirs).text);
}

/* ---- intended differences --------------------------------------------------------------------------------------- */

/* bpftool takes the value of an enum of one or two bytes to be signed, and so has no name for the upper half. */
static bool is_narrow_enum(const struct plain *p, const struct sf_json_node *ours, const struct sf_json_node *theirs)
{
	if (ours->type != SF_JSON_STRING || theirs->type != SF_JSON_INT)
		return false;
	for (uint32_t id = 1; id < btf__type_cnt(p->btf); id++) {
		const struct btf_type *t = btf__type_by_id(p->btf, id);

		if (!btf_is_enum(t) || btf_kflag(t) || t->size > 2)
			continue;
		for (uint32_t i = 0; i < btf_vlen(t); i++)
			if (!strcmp(btf__name_by_offset(p->btf, btf_enum(t)[i].name_off), ours->value.str) &&
			    theirs->value.i64 == btf_enum(t)[i].val - (1 << 8 * t->size))
				return true;
	}
	return false;
}

/* ---- structure -------------------------------------------------------------------------------------------------- */

static bool same_scalar(const struct sf_json_node *a, const struct sf_json_node *b)
{
	switch (a->type) {
	case SF_JSON_NULL:
		return true;
	case SF_JSON_BOOL:
		return a->value.boolean == b->value.boolean;
	case SF_JSON_UINT:
		return a->value.u64 == b->value.u64;
	case SF_JSON_INT:
		return a->value.i64 == b->value.i64;
	case SF_JSON_STRING:
		return a->str_len == b->str_len && !memcmp(a->value.str, b->value.str, a->str_len);
	default:
		/* Of these maps nothing is a real. */
		return false;
	}
}

static bool has_parts(const struct sf_json_node *n)
{
	return n->type == SF_JSON_ARRAY || n->type == SF_JSON_OBJECT;
}

/* As deep as the reader lets them be. */
static void compare(struct plain *p, const struct sf_json_node *ours, const struct sf_json_node *theirs)
{
	if (is_narrow_enum(p, ours, theirs)) {
		p->tally->n_narrow++;
		return;
	}
	if (ours->type != theirs->type || (has_parts(ours) ? ours->n != theirs->n : !same_scalar(ours, theirs))) {
		differs(p, ours, theirs);
		return;
	}
	if (!has_parts(ours))
		return;
	const struct sf_json_node *a = ours->value.first, *b = theirs->value.first;
	size_t mark = strlen(p->path);

	for (uint32_t i = 0; a && b; a = a->next, b = b->next, i++) {
		if (ours->type == SF_JSON_ARRAY)
			snprintf(p->path + mark, sizeof(p->path) - mark, "[%u]", i);
		else
			snprintf(p->path + mark, sizeof(p->path) - mark, ".%s", b->key);
		if (ours->type == SF_JSON_OBJECT && (a->key_len != b->key_len || memcmp(a->key, b->key, a->key_len)))
			oracle_wrong(p->tally, "%s%s: it is called \"%s\"", p->map, p->path, a->key);
		else
			compare(p, a, b);
		p->path[mark] = '\0';
	}
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

static void compare_lists(struct plain *p, const struct sf_json_node *ours, const struct sf_json_node *theirs)
{
	const struct sf_json_node *a = sf_json_element(ours, 0), *b = sf_json_element(theirs, 0);

	if (!a || !b || ours->n != theirs->n) {
		oracle_wrong(p->tally, "%s: %u elements, for bpftool %u", p->map, ours->n, theirs->n);
		return;
	}
	p->tally->n_maps++;
	for (uint32_t i = 0; a && b; a = a->next, b = b->next, i++) {
		uint64_t n_wrong = p->tally->n_wrong;

		snprintf(p->path, sizeof(p->path), "[%u]", i);
		compare(p, a, b);
		p->tally->n_equal += n_wrong == p->tally->n_wrong;
	}
}

static struct sf_error *read_ours(const struct sf_snap_map *map, struct sf_json **ret)
{
	_cleanup_text_ struct sf_text why = { 0 };
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_map_plain(map, NULL, &w, &why);
	_cleanup_free_ char *text = sf_json_writer_finish(&w) ? out.text : NULL;

	if (!text) {
		free(out.text);
		return sf_error_nomem();
	}
	if (why.n)
		return sf_error_new(SF_SYSTEM, "not all is there: %s", why.v);
	return sf_json_read(text, out.len, ret);
}

static struct sf_error *read_theirs(const struct oracle_said *said, const char *map, struct sf_json **ret)
{
	char name[64];
	size_t len;

	snprintf(name, sizeof(name), QUIET_DUMP, map);
	_cleanup_free_ char *text = said->fn(said->arg, name, &len);

	return text ? sf_json_read(text, len, ret) : sf_error_new(SF_SYSTEM, "bpftool said nothing of it");
}

void quiet_compare_plain(const struct quiet_tables *ts, const struct oracle_said *said, struct oracle_tally *tally)
{
	for (size_t i = 0; ts->v && ts->btf && i < n_quiet_maps; i++) {
		struct plain p = { .btf = ts->btf, .map = quiet_maps[i].name, .tally = tally };
		_cleanup_json_ struct sf_json *ours = NULL, *theirs = NULL;
		struct sf_error *err = NULL;

		if (!quiet_maps[i].is_formatted)
			continue;
		if (!ts->v[i].map)
			err = sf_error_new(SF_SYSTEM, "not there");
		if (!err)
			err = read_ours(ts->v[i].map, &ours);
		if (!err)
			err = read_theirs(said, p.map, &theirs);
		if (err)
			oracle_wrong(tally, "%s: %s", p.map, sf_error_message(err));
		else
			compare_lists(&p, sf_json_root(ours), sf_json_root(theirs));
		sf_error_free(err);
	}
}

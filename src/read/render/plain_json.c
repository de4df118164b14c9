/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps in the shape of `bpftool -j map dump`, for scripts that were written for it. docs/values.md has it, and where
 * ours differs. Facts: bpftool 7.5.
 */

#include "map_json.h"
#include "plain_value.h"

#define OVERDRAFT 64 /* values of a map that may have as many parts as one may */

struct put {
	struct sf_walk *w;
	struct sf_entries *it;
	struct sf_json_writer *json;
	uint64_t overdraft; /* parts that all values of the map together may have beyond what fits in their bytes */
	bool was_cut;
};

static const struct sf_bpf_map *map_of(const struct put *p)
{
	return &p->it->map->listed->map;
}

static bool is_typed(const struct put *p)
{
	return p->it->map->types.btf && p->it->map->value_type;
}

static void put_error(const struct put *p, const struct sf_trouble *why)
{
	char text[96];

	sf_trouble_text(why, text, sizeof(text));
	sf_json_begin_object(p->json);
	sf_json_put_str(p->json, "error", text);
	sf_json_end_object(p->json);
}

/* ---- values ------------------------------------------------------------------------------------------------- */

/*
 * What bpftool gets from the kernel as the value of a STRUCT_OPS map is all of the wrapper around the struct: a state
 * before it. The kernel's own copy of it has the same layout.
 */
static void whole_value(const struct put *p, const struct sf_node *value, uint32_t *type, uint64_t *at, uint64_t *len)
{
	const struct sf_bpf_map *m = map_of(p);

	*type = p->it->map->value_type;
	*at = value->at;
	*len = value->had;
	if (m->shape != SF_BPF_STRUCT_OPS || m->value_size < m->value_len)
		return;
	if (m->vmlinux_value_type)
		*type = m->vmlinux_value_type;
	*at -= m->value_size - m->value_len;
	*len = m->value_size;
}

static void put_bytes(const struct put *p, const struct sf_node *value)
{
	uint64_t at, len;
	uint32_t type;

	whole_value(p, value, &type, &at, &len);
	sf_plain_bytes(p->json, p->it->map->types.vm, at, len);
}

/* No honest type has many more parts than bits, but for unions. Those that contain themselves have no end. */
static void put_typed(struct put *p, uint32_t type, const uint8_t *local, uint64_t at, uint64_t len)
{
	const struct sf_typed *types = &p->it->map->types;
	uint64_t fair = len * 8 + 1, granted = fair + sf_min(sf_min(p->overdraft, p->w->opt.max_parts), UINT64_MAX / 2);
	struct sf_plain plain = { .json = p->json, .btf = types->btf, .vm = types->vm, .local = local, .left = granted };

	sf_plain_value(&plain, type, at, len);
	if (granted - plain.left > fair)
		p->overdraft -= sf_min(granted - plain.left - fair, p->overdraft);
	p->was_cut |= plain.was_cut;
}

static void put_formatted_value(struct put *p, const struct sf_node *value)
{
	uint64_t at, len;
	uint32_t type;

	whole_value(p, value, &type, &at, &len);
	put_typed(p, type, NULL, at, len);
}

/* ---- keys --------------------------------------------------------------------------------------------------- */

/* A key that is a number and lies nowhere: the index of an array, the owner of local storage. */
static size_t local_key(const struct put *p, const struct sf_listed_entry *e, uint8_t key[8])
{
	uint32_t index = (uint32_t)e->index;

	if (map_of(p)->shape == SF_BPF_STORAGE) {
		memcpy(key, &e->elem.at.owner, 8);
		return 8;
	}
	memcpy(key, &index, sizeof(index));
	return sizeof(index);
}

static void put_key(const struct put *p, const struct sf_listed_entry *e)
{
	uint8_t key[8];

	sf_json_key(p->json, "key");
	if (e->elem.at.key)
		sf_plain_bytes(p->json, p->it->map->types.vm, e->elem.at.key, map_of(p)->key_size);
	else
		sf_plain_local_bytes(p->json, key, local_key(p, e, key));
}

static void put_formatted_key(struct put *p, const struct sf_listed_entry *e)
{
	uint32_t type = p->it->map->key_type;
	uint8_t key[8];

	if (map_of(p)->shape == SF_BPF_STORAGE) {
		sf_json_put_u64(p->json, "key", e->elem.at.owner);
		return;
	}
	if (!type)
		return;
	sf_json_key(p->json, "key");
	if (e->elem.at.key)
		put_typed(p, type, NULL, e->elem.at.key, map_of(p)->key_size);
	else
		put_typed(p, type, key, 0, local_key(p, e, key));
}

/* ---- elements ----------------------------------------------------------------------------------------------- */

static void put_value(struct put *p, const struct sf_listed_entry *e)
{
	sf_json_key(p->json, "value");
	if (!e->is_readable) {
		put_error(p, &e->why);
		return;
	}
	put_bytes(p, &e->value);
	if (!is_typed(p))
		return;
	sf_json_key(p->json, "formatted");
	sf_json_begin_object(p->json);
	put_formatted_key(p, e);
	sf_json_key(p->json, "value");
	put_formatted_value(p, &e->value);
	sf_json_end_object(p->json);
}

static void put_cpu_bytes(struct put *p, const struct sf_listed_entry *e, uint32_t cpu)
{
	struct sf_trouble why;
	struct sf_node value;
	enum sf_cpu_slot slot = sf_entries_cpu(p->it, e, cpu, &value, &why);

	/* bpftool counts CPUs that are possible, and only those were set up. */
	if (slot == SF_CPU_ABSENT)
		return;
	sf_json_begin_object(p->json);
	sf_json_put_u64(p->json, "cpu", cpu);
	sf_json_key(p->json, "value");
	if (slot == SF_CPU_VALUE)
		put_bytes(p, &value);
	else
		put_error(p, &why);
	sf_json_end_object(p->json);
}

static void put_formatted_cpu(struct put *p, const struct sf_listed_entry *e, uint32_t cpu)
{
	struct sf_node value;

	if (!sf_snap_cpu_value(&e->elem, cpu, &value))
		return;
	sf_json_begin_object(p->json);
	sf_json_put_u64(p->json, "cpu", cpu);
	sf_json_key(p->json, "value");
	put_formatted_value(p, &value);
	sf_json_end_object(p->json);
}

static void put_each_cpu(struct put *p, const struct sf_listed_entry *e,
			 void (*put)(struct put *p, const struct sf_listed_entry *e, uint32_t cpu))
{
	uint32_t n = sf_snap_n_cpus(p->it->map);

	sf_json_key(p->json, "values");
	sf_json_begin_array(p->json);
	for (uint32_t cpu = 0; cpu < n && !p->json->failed; cpu++)
		put(p, e, cpu);
	sf_json_end_array(p->json);
}

static void put_values(struct put *p, const struct sf_listed_entry *e)
{
	put_each_cpu(p, e, put_cpu_bytes);
	if (!is_typed(p))
		return;
	sf_json_key(p->json, "formatted");
	sf_json_begin_object(p->json);
	put_formatted_key(p, e);
	put_each_cpu(p, e, put_formatted_cpu);
	sf_json_end_object(p->json);
}

static void put_element(struct put *p, const struct sf_listed_entry *e)
{
	sf_json_begin_object(p->json);
	put_key(p, e);
	if (e->owner)
		sf_owner_json(e->owner, p->json);
	if (sf_snap_is_percpu(p->it->map))
		put_values(p, e);
	else
		put_value(p, e);
	sf_json_end_object(p->json);
}

/* ---- maps --------------------------------------------------------------------------------------------------- */

/* @ret_why: what is not, or not all, there. */
static void put_elements(struct sf_walk *w, const struct sf_snap_map *map, struct sf_json_writer *json,
			 struct sf_text *ret_why)
{
	_cleanup_entries_ struct sf_entries it = sf_entries_of(map, w->opt.max_entries);
	struct put p = { .w = w, .it = &it, .json = json };
	bool is_endless = w->opt.max_parts > UINT64_MAX / OVERDRAFT;
	struct sf_listed_entry e;

	if (map->doc) {
		sf_json_begin_array(json);
		sf_json_end_array(json);
		sf_text_put(ret_why, "a report has no bytes, which this form is made of");
		return;
	}
	p.overdraft = is_endless ? UINT64_MAX : w->opt.max_parts * OVERDRAFT;
	sf_json_begin_array(json);
	while (!json->failed && sf_entries_next(&it, &e))
		put_element(&p, &e);
	sf_json_end_array(json);
	sf_entries_error(&it, ret_why);
	if (p.was_cut)
		sf_text_putf(ret_why, "%sa value has more parts than are shown", ret_why->n ? "; " : "");
}

void sf_render_map_plain(const struct sf_snap_map *map, const struct sf_render_options *opt, struct sf_json_writer *json,
			 struct sf_text *ret_why)
{
	_cleanup_text_ struct sf_text why = { 0 };
	struct sf_walk w;

	sf_json_walk_init(&w, opt);
	put_elements(&w, map, json, ret_why ? ret_why : &why);
}

static void put_map(struct sf_walk *w, const struct sf_snap_map *map, struct sf_json_writer *json)
{
	const struct sf_bpf_map *m = &map->listed->map;
	_cleanup_text_ struct sf_text why = { 0 };

	sf_json_begin_object(json);
	sf_json_put_u64(json, "id", m->id);
	if (sf_bpf_map_type_name(m->type))
		sf_json_put_str(json, "type", sf_bpf_map_type_name(m->type));
	else
		sf_json_put_u64(json, "type", m->type);
	sf_json_put_str_opt(json, "name", map->listed->name);
	sf_json_put_u64(json, "flags", m->flags);
	sf_json_key(json, "elements");
	put_elements(w, map, json, &why);
	if (why.n) {
		sf_json_key(json, "error");
		sf_json_strn(json, why.v, why.n);
	}
	sf_json_end_object(json);
}

void sf_render_frame_plain(struct sf_snapshot *snap, const struct sf_render_options *opt, struct sf_json_writer *json)
{
	struct sf_snapshot_maps maps = sf_snapshot_maps(snap);
	struct sf_walk w;

	sf_json_walk_init(&w, opt);
	sf_json_begin_array(json);
	for (size_t i = 0; i < maps.n && !json->failed; i++)
		put_map(&w, &maps.v[i], json);
	sf_json_end_array(json);
}

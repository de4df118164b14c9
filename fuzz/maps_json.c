/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "maps_check.h"
#include "render/render.h"

#define MAX_TEXT (512u << 10)
#define MAX_LISTED 16u
#define HEX_BYTES 65536u /* of a value, as much as is shown of it */
#define CHECKED_BYTES 4096u

/* ---- making it ---------------------------------------------------------------------------------------------- */

struct text {
	struct sf_json_buffer buf;
	bool is_full;
};

static bool put_text(void *arg, const char *piece, size_t len)
{
	struct text *t = arg;

	t->is_full |= t->buf.len + len > MAX_TEXT;
	return !t->is_full && sf_json_buffer_sink(&t->buf, piece, len);
}

/* NULL: it was too long to look at. */
static struct sf_json *make(struct check *c, bool plain)
{
	static const struct sf_render_options opt = { .max_elements = 16, .max_entries = MAX_LISTED, .max_depth = 6 };
	struct text t = { 0 };
	struct sf_json_writer w;
	struct sf_json *json = NULL;

	sf_json_writer_init(&w, put_text, &t, false);
	if (plain)
		sf_render_map_plain(c->map, &opt, &w, NULL);
	else
		sf_render_map_json(c->map, &opt, &w);
	if (!sf_json_writer_finish(&w) && !t.is_full)
		contradiction(c, "JSON that is not one whole value", c->kva);
	struct sf_error *err = t.is_full ? NULL : sf_json_read(t.buf.text, t.buf.len, &json);

	if (err) {
		fprintf(stderr, "%s\n%s\n", sf_error_message(err), t.buf.text);
		contradiction(c, "JSON that is none", c->kva);
	}
	free(t.buf.text);
	return json;
}

/* ---- bytes --------------------------------------------------------------------------------------------------- */

static bool byte_at(struct check *c, uint64_t kva, uint8_t *ret)
{
	if (!c->page_kva || (kva & SF_PAGE_MASK) != c->page_kva) {
		c->page_kva = kva & SF_PAGE_MASK;
		c->page = sf_vmem_page(&c->vm, kva, NULL);
	}
	if (c->page)
		*ret = c->page[kva - c->page_kva];
	return c->page;
}

/* "de ad ??" */
static void same_hex(struct check *c, const struct sf_json_node *hex, uint64_t kva, uint64_t len)
{
	char want[4];
	uint8_t byte;

	if (!hex || hex->type != SF_JSON_STRING)
		contradiction(c, "no bytes", kva);
	len = sf_min(len, (uint64_t)HEX_BYTES);
	if (hex->str_len != (len ? 3 * len - 1 : 0))
		contradiction(c, "another number of bytes", kva);
	for (uint64_t i = 0; i < sf_min(len, (uint64_t)CHECKED_BYTES); i++) {
		if (byte_at(c, kva + i, &byte))
			snprintf(want, sizeof(want), "%02x", byte);
		else
			strcpy(want, "??");
		if (memcmp(hex->value.str + 3 * i, want, 2))
			contradiction(c, "another byte", kva + i);
	}
}

/* ["0xde", null] */
static void same_list(struct check *c, const struct sf_json_node *list, uint64_t kva, uint64_t len)
{
	const struct sf_json_node *one;
	char want[8];
	uint8_t byte;

	if (!list || list->type != SF_JSON_ARRAY || list->n != len)
		contradiction(c, "another list of bytes", kva);
	one = len ? list->value.first : NULL;
	for (uint64_t i = 0; i < sf_min(len, (uint64_t)CHECKED_BYTES); i++, one = one->next) {
		bool known = byte_at(c, kva + i, &byte);

		snprintf(want, sizeof(want), "0x%02x", known ? byte : 0);
		if (known ? one->type != SF_JSON_STRING || strcmp(one->value.str, want) : one->type != SF_JSON_NULL)
			contradiction(c, "another byte in a list", kva + i);
	}
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

static const struct number {
	const char *name;
	uint32_t at, size;
	bool is_signed;
} numbers[] = {
	{ "runtime", CTX_RUNTIME, 8, false }, { "state", CTX_STATE, 4, true }, { "node", CTX_NODE, 4, false },
	{ "mask", CTX_MASK, 8, false }, { "parent", CTX_PARENT, 8, false },
};

static bool is_number(const struct sf_json_node *node, const struct number *number, uint64_t v)
{
	if (number->is_signed && (int32_t)v < 0)
		return node && node->type == SF_JSON_INT && node->value.i64 == (int32_t)v;
	return node && node->type == SF_JSON_UINT && node->value.u64 == v;
}

static const struct sf_json_node *member_named(const struct sf_json_node *value, const char *name)
{
	const struct sf_json_node *members = sf_json_member(value, "members"), *m;

	for (uint32_t i = 0; members && i < members->n; i++) {
		m = sf_json_element(members, i);
		if (!strcmp(sf_json_member_str(m, "name", ""), name))
			return sf_json_member(m, "value");
	}
	return NULL;
}

/* @value: one of the two shapes of a struct task_ctx at @kva. */
static void same_ctx(struct check *c, const struct sf_json_node *value, uint64_t kva, bool plain)
{
	const char *kind = plain ? "struct" : sf_json_member_str(value, "kind", "");

	if (!c->has_ctx || c->map->value_type != c->base->ctx_type || c->value_size < CTX_SIZE)
		return;
	if (strcmp(kind, "struct"))
		contradiction(c, "a struct that is none", kva);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct number *n = &numbers[i];
		const struct sf_json_node *m = plain ? sf_json_member(value, n->name) : member_named(value, n->name);
		uint64_t v = 0;
		bool is_there = sf_vmem_read(&c->vm, kva + n->at, &v, n->size) == SF_FAULT_NONE;

		if (!m)
			contradiction(c, "a struct that lacks a member", kva);
		if (plain && n->at >= CTX_MASK)
			continue; /* a pointer is text */
		if (plain ? is_there != (m->type != SF_JSON_NULL) :
			    is_there == !strcmp(sf_json_member_str(m, "kind", ""), "unsupported"))
			contradiction(c, "a member that is there and is not", kva + n->at);
		if (is_there && !plain && !is_number(sf_json_member(m, "value"), n, v))
			contradiction(c, "another number", kva + n->at);
		if (is_there && plain && n->at == CTX_RUNTIME && !is_number(m, n, v))
			contradiction(c, "another plain number", kva + n->at);
	}
}

/* ---- entries ------------------------------------------------------------------------------------------------- */

static bool is_there(struct check *c, uint64_t kva, uint64_t len)
{
	uint8_t byte;

	/* What cannot be read for its first pages is not shown as a value. */
	return kva && (!len || byte_at(c, kva, &byte));
}

static void same_cpus(struct check *c, const struct sf_json_node *cpus, uint64_t percpu)
{
	if (!cpus || cpus->type != SF_JSON_ARRAY || cpus->n != check_n_cpus(c))
		contradiction(c, "another number of CPUs", percpu);
	for (uint32_t cpu = 0; percpu && cpu < cpus->n; cpu++) {
		const struct sf_json_node *value = sf_json_element(cpus, cpu);
		uint64_t kva = check_percpu(c, percpu, cpu);

		if (!kva != (value->type == SF_JSON_NULL))
			contradiction(c, "a CPU that is there and is not", cpu);
		if (is_there(c, kva, c->value_size))
			same_ctx(c, value, kva, false);
	}
}

static void same_owner(struct check *c, const struct sf_json_node *entry, const struct seen_elem *e)
{
	const struct sf_json_node *owner = sf_json_member(entry, "owner");

	if (sf_json_member_u64(owner, "kva", ~e->owner) != e->owner ||
	    sf_json_member_u64(sf_json_member(entry, "key"), "value", ~e->owner) != e->owner)
		contradiction(c, "another owner", e->kva);
}

static void same_entry(struct check *c, const struct sf_json_node *entry, const struct seen_elem *e)
{
	if (c->is_storage)
		same_owner(c, entry, e);
	else if (e->key)
		same_hex(c, sf_json_member(entry, "key_hex"), e->key, c->key_size);
	if (c->is_percpu) {
		same_cpus(c, sf_json_member(entry, "per_cpu"), e->value);
	} else if (is_there(c, e->value, c->value_size)) {
		if (c->n_buckets)
			same_hex(c, sf_json_member(entry, "value_hex"), e->value, c->value_size);
		same_ctx(c, sf_json_member(entry, "value"), e->value, false);
	}
}

static void same_plain_entry(struct check *c, const struct sf_json_node *entry, const struct seen_elem *e)
{
	const struct sf_json_node *cpus = sf_json_member(entry, "values");

	if (e->key)
		same_list(c, sf_json_member(entry, "key"), e->key, c->key_size);
	for (uint32_t i = 0; c->is_percpu && cpus && i < cpus->n; i++) {
		const struct sf_json_node *one = sf_json_element(cpus, i);
		uint64_t kva = e->value ? check_percpu(c, e->value, (uint32_t)sf_json_member_u64(one, "cpu", 0)) : 0;

		if (is_there(c, kva, c->value_size))
			same_list(c, sf_json_member(one, "value"), kva, c->value_size);
	}
	if (c->is_percpu || c->type == SF_BPF_MAP_TYPE_STRUCT_OPS || !is_there(c, e->value, c->value_size))
		return;
	same_list(c, sf_json_member(entry, "value"), e->value, c->value_size);
	if (c->has_ctx)
		same_ctx(c, sf_json_member(sf_json_member(entry, "formatted"), "value"), e->value, true);
}

/* ---- maps ---------------------------------------------------------------------------------------------------- */

static const struct sf_json_node *entries_of(const struct sf_json_node *map)
{
	static const char *const lists[] = { "entries", "array_entries", "percpu_entries", "percpu_hash_entries" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (sf_json_member(map, lists[i]))
			return sf_json_member(map, lists[i]);
	return NULL;
}

void check_json(struct check *c)
{
	_cleanup_json_ struct sf_json *json = make(c, false), *plain = make(c, true);
	const struct sf_json_node *list = json ? entries_of(sf_json_root(json)) : NULL, *e;
	size_t n = sf_min(c->n, (size_t)MAX_LISTED);

	if (list && list->n != n)
		contradiction(c, "another number of entries in JSON", list->n);
	e = list && n ? list->value.first : NULL;
	for (size_t i = 0; e && i < n; i++, e = e->next)
		same_entry(c, e, &c->seen[i]);
	list = plain ? sf_json_root(plain) : NULL;
	if (list && (list->type != SF_JSON_ARRAY || list->n != n))
		contradiction(c, "another number of elements in plain JSON", list->n);
	e = list && n ? list->value.first : NULL;
	for (size_t i = 0; e && i < n; i++, e = e->next)
		same_plain_entry(c, e, &c->seen[i]);
}

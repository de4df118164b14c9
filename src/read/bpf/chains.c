/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hash maps and local storage: buckets of doubly linked chains.
 *
 * No chain is believed further than it proves itself. An element's link back has to name the pointer that led to it,
 * which no element of another chain, no freed one and none that was seen before can do; so no element is given out
 * twice, and nothing has to be remembered. While a writer works on a chain one link back, and not more than one since it
 * holds the bucket's lock, may be behind; where, is known (link_is_late()).
 *
 * Facts: include/linux/rculist_nulls.h and list.h, kernel/bpf/hashtab.c, bpf_local_storage.c.
 */

#include "bpf_private.h"

#define MAX_STORED (16ull << 20)  /* elements of a local storage, which has no limit of its own */
#define COUNTER_BATCH 32u         /* by which each CPU's share of a hash's percpu_counter may be off */
#define MAX_UNREAD_RUN 1024u      /* pages of buckets in a row that cannot be read, before the walk gives up */
#define AHEAD 32u                 /* buckets whose elements are asked for at once */
#define AHEAD_DEPTH (SF_BPF_AHEAD / AHEAD) /* of each chain so many; few chains of a hash have more */
#define MAX_COMPARED (1ull << 28) /* bytes of keys with one hash, which are few; none is as large as KMALLOC_MAX_SIZE */
#define MAX_OF_OWNER 64u          /* elements of one owner, one for each map, that are looked at */

/* What the two kinds of chain differ in. */
struct kind {
	bool nulls;                /* a chain ends with its bucket's number, not with a null pointer */
	uint32_t first;            /* in a bucket */
	uint32_t next, pprev;      /* in an element; a pointer to one is a pointer to its `next` */
	uint32_t head;             /* bytes of an element that are needed */
};

static struct kind kind_of(const struct sf_bpf *bpf, const struct sf_bpf_map *map)
{
	if (map->shape == SF_BPF_STORAGE)
		return (struct kind){ false, bpf->smap_bucket.first.offset, bpf->selem.next.offset,
				      bpf->selem.pprev.offset, bpf->selem_head };
	return (struct kind){ true, bpf->bucket.first.offset, bpf->elem.next.offset, bpf->elem.pprev.offset,
			      bpf->elem_head };
}

/* NULLS_MARKER() of a bucket: what a chain of its ends with. */
static uint64_t end_of(const struct kind *k, uint64_t bucket)
{
	return k->nulls ? bucket << 1 | 1 : 0;
}

static uint64_t bucket_kva(const struct sf_bpf_map *map, const struct kind *k, uint64_t bucket)
{
	return map->values + bucket * map->stride + k->first;
}

/* ---- what is left out ------------------------------------------------------------------------------------ */

static void note_fault(struct sf_bpf_cursor *c, const char *why, uint64_t at, enum sf_fault fault)
{
	if (c->torn.why)
		return;
	c->torn.why = why;
	c->torn.at = at;
	c->torn.fault = fault;
}

static void note(struct sf_bpf_cursor *c, const char *why, uint64_t at)
{
	note_fault(c, why, at, SF_FAULT_NONE);
}

static bool cut(struct sf_bpf_cursor *c, const char *why, uint64_t at)
{
	note(c, why, at);
	c->torn.n_chains++;
	c->node = 0;
	return false;
}

static const char *bucket_fault(enum sf_fault fault)
{
	return fault == SF_FAULT_NOT_KEPT ? "the page of a bucket was not kept" : "a bucket cannot be read";
}

static const char *elem_fault(enum sf_fault fault)
{
	switch (fault) {
	case SF_FAULT_NOT_KEPT:
		return "a chain leads to a page that was not kept";
	case SF_FAULT_UNMAPPED:
		return "a chain leads to where nothing is mapped";
	case SF_FAULT_BOUNDS:
		return "a chain leads to where no memory is";
	default:
		return "a chain leads to a page that cannot be read";
	}
}

/* ---- buckets --------------------------------------------------------------------------------------------- */

static void lose_buckets(struct sf_bpf_cursor *c, uint64_t kva, enum sf_fault why)
{
	uint64_t left = c->map->n_buckets - c->bucket;
	uint64_t on_page = (SF_PAGE_SIZE - (kva & (SF_PAGE_SIZE - 1)) + c->map->stride - 1) / c->map->stride;
	uint64_t lost = ++c->unread_run < MAX_UNREAD_RUN ? sf_min(left, on_page) : left;

	note_fault(c, bucket_fault(why), kva, why);
	c->torn.n_buckets += lost;
	c->bucket += lost;
}

static void enter(struct sf_bpf_cursor *c, const struct kind *k, uint64_t kva, uint64_t first)
{
	c->node = first;
	c->link = kva;
	c->first = 0;
	c->is_late = false;
	if (k->nulls && first & 1)
		cut(c, "an empty bucket has another one's end mark", kva);
	else if (!first)
		cut(c, "a bucket has a null pointer in place of its end mark", kva);
}

/* A bucket that lies across two pages: none of the kernel's does, but its size is what BTF says. */
static void enter_across(struct sf_bpf_cursor *c, const struct kind *k, uint64_t kva)
{
	uint64_t first;
	enum sf_fault why = sf_vmem_u64(c->vm, kva, &first);

	if (why) {
		note_fault(c, bucket_fault(why), kva, why);
		c->torn.n_buckets++;
	} else if (first != end_of(k, c->bucket)) {
		enter(c, k, kva, first);
	}
	c->bucket++;
}

/* Asks the CPU for the elements that @nodes point to, and replaces them by those that they lead to. How many these are. */
static uint32_t ask_for(struct sf_bpf_cursor *c, uint64_t nodes[AHEAD], uint32_t n)
{
	const uint8_t *at[AHEAD];
	uint32_t n_at = 0;

	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *page = nodes[i] & 7 ? NULL : sf_vmem_page(c->vm, nodes[i], NULL);

		if (!page)
			continue;
		at[n_at] = page + (nodes[i] & (SF_PAGE_SIZE - 1));
		__builtin_prefetch(at[n_at++]);
	}
	n = 0;
	for (uint32_t i = 0; i < n_at; i++) {
		uint64_t next = sf_load64(at[i]);

		if (next && !(next & 1))
			nodes[n++] = next;
	}
	return n;
}

/*
 * Elements are anywhere in memory. A walk that needs one after the other waits for each of them, and that is most of
 * its time where there are many; what the next buckets on @page lead to is asked for at once. Nothing is believed here,
 * and nothing kept that a sound chain does not lead to.
 */
static void look_ahead(struct sf_bpf_cursor *c, const struct kind *k, const uint8_t *page, uint64_t at)
{
	uint64_t nodes[AHEAD], end = sf_min(c->map->n_buckets, c->bucket + AHEAD);
	uint32_t n = 0;

	for (c->ahead = c->bucket; c->ahead < end && at + 8 <= SF_PAGE_SIZE; c->ahead++, at += c->map->stride) {
		uint64_t first = sf_load64(page + at);

		if (first && first != end_of(k, c->ahead))
			nodes[n++] = first;
	}
	for (uint32_t depth = 0; n && depth < AHEAD_DEPTH; depth++)
		n = ask_for(c, nodes, n);
}

/* The next chain that is not empty. Most of a sparse table is steps over end marks, a page at a time. */
static bool next_bucket(struct sf_bpf_cursor *c, const struct kind *k)
{
	const struct sf_bpf_map *map = c->map;

	while (c->bucket < map->n_buckets && !c->node) {
		uint64_t kva = bucket_kva(map, k, c->bucket), at = kva & (SF_PAGE_SIZE - 1), first = 0;
		enum sf_fault why = SF_FAULT_NONE;
		const uint8_t *page = sf_vmem_page(c->vm, kva, &why);

		if (!page) {
			lose_buckets(c, kva, why);
			continue;
		}
		c->unread_run = 0;
		for (; at + 8 <= SF_PAGE_SIZE && c->bucket < map->n_buckets; at += map->stride, c->bucket++) {
			first = sf_load64(page + at);
			if (first != end_of(k, c->bucket))
				break;
		}
		if (c->bucket >= map->n_buckets)
			break;
		kva = bucket_kva(map, k, c->bucket);
		if (at + 8 <= SF_PAGE_SIZE) {
			if (c->bucket >= c->ahead && !c->one_by_one)
				look_ahead(c, k, page, at);
			c->bucket++;
			enter(c, k, kva, first);
		} else if (at < SF_PAGE_SIZE) {
			enter_across(c, k, kva);
		}
	}
	return c->node;
}

uint64_t sf_bpf_filled_buckets(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map)
{
	const struct kind k = kind_of(bpf, map);
	uint64_t n = 0;

	for (uint64_t bucket = 0; bucket < map->n_buckets;) {
		uint64_t kva = bucket_kva(map, &k, bucket), at = kva & (SF_PAGE_SIZE - 1);
		const uint8_t *page = sf_vmem_page(vm, kva, NULL);

		/* The one that lies across two pages is not looked at: this is an estimate. */
		do {
			if (page && at + 8 <= SF_PAGE_SIZE)
				n += sf_load64(page + at) != end_of(&k, bucket);
			at += map->stride;
		} while (++bucket < map->n_buckets && at < SF_PAGE_SIZE);
	}
	return n;
}

/* ---- elements --------------------------------------------------------------------------------------------- */

static bool in_pool(const struct sf_bpf_map *map, uint64_t elem)
{
	return !map->pool || (elem - map->pool < map->pool_len && !((elem - map->pool) % map->elem_size));
}

/*
 * May the link back of @elem, which c->link led to, be another? Adding an element in front stores the bucket's pointer
 * before the link back of what is now second. Removing one stores the pointer around it before the link back of what
 * comes behind it; until then it still leads there itself.
 */
static bool link_is_late(struct sf_bpf_cursor *c, const struct kind *k, uint64_t elem, uint64_t pprev)
{
	uint64_t head = bucket_kva(c->map, k, c->bucket - 1), next, back;

	if (c->is_late)
		return false;
	c->is_late = true;
	if (pprev == head)
		return c->first && c->link == c->first + k->next && elem != c->first;
	/* @pprev is the address of `next` in the element that was removed. */
	return in_pool(c->map, pprev - k->next) &&
	       sf_vmem_u64(c->vm, pprev, &next) == SF_FAULT_NONE && next == elem + k->next &&
	       sf_vmem_u64(c->vm, pprev - k->next + k->pprev, &back) == SF_FAULT_NONE && back == c->link;
}

static bool same_key(struct sf_bpf_cursor *c, uint64_t a, uint64_t b)
{
	uint8_t x[64], y[64];
	size_t n;

	for (uint32_t off = 0; off < c->map->key_size; off += n) {
		n = sf_min((size_t)(c->map->key_size - off), sizeof(x));
		c->compared += n;
		if (sf_vmem_read(c->vm, a + off, x, n) || sf_vmem_read(c->vm, b + off, y, n) || memcmp(x, y, n))
			return false;
	}
	return true;
}

/* An update adds the new element in front and then removes the old one (htab_map_update_elem()). */
static bool is_superseded(struct sf_bpf_cursor *c, uint64_t elem, uint32_t hash)
{
	uint64_t key = c->bpf->elem.key.offset;

	if (!c->first) {
		c->first_hash = hash;
		return false;
	}
	return hash == c->first_hash && same_key(c, c->first + key, elem + key);
}

/*
 * An update of local storage (bpf_local_storage_update()) adds the new element to the map, then to its owner, and then
 * takes the old one from the map and from the owner. What is not its owner's is not a value yet, or no more; of two that
 * are, the first in the owner's list counts.
 */
static bool is_owned(struct sf_bpf_cursor *c, uint64_t elem, uint64_t storage)
{
	const struct sf_bpf *bpf = c->bpf;
	uint64_t at, smap, node = bpf->selem.owners_next.offset;

	if (!storage || !bpf->storage.first.present || !bpf->selem.owners_next.present || !bpf->selem.smap.present)
		return true;
	if (sf_vmem_u64(c->vm, storage + bpf->storage.first.offset, &at))
		return true;
	for (unsigned int i = 0; at && at != elem + node && i < MAX_OF_OWNER; i++) {
		if (sf_vmem_u64(c->vm, at - node + bpf->selem.smap.offset, &smap))
			return true;
		if (smap == c->map->kva)
			return false;
		if (sf_vmem_u64(c->vm, at, &at))
			return true;
	}
	return true;
}

/* The bytes of an element that a walk needs: in place, or in @buf where they lie across two pages. */
static const uint8_t *head_of(struct sf_vmem *vm, const struct kind *k, uint64_t elem, uint8_t buf[SF_BPF_ELEM_HEAD],
			      enum sf_fault *why)
{
	uint64_t at = elem & (SF_PAGE_SIZE - 1);
	const uint8_t *page;

	if (at + k->head <= SF_PAGE_SIZE) {
		page = sf_vmem_page(vm, elem, why);
		return page ? page + at : NULL;
	}
	*why = sf_vmem_read(vm, elem, buf, k->head);
	return *why ? NULL : buf;
}

/* Moves on to what @head leads to. */
static void step(struct sf_bpf_cursor *c, const struct kind *k, uint64_t elem, const uint8_t *head)
{
	uint64_t next = sf_load64(head + k->next);

	c->link = elem + k->next;
	if (!c->first)
		c->first = elem;
	c->node = next;
	if (next == end_of(k, c->bucket - 1))
		c->node = 0;
	else if (k->nulls && next & 1)
		cut(c, "a chain ends in another bucket", elem);
	else if (!next)
		cut(c, "a chain ends with a null pointer in place of its bucket's end mark", elem);
}

/* false: this one does not count, or the chain was cut. */
static bool take_hash(struct sf_bpf_cursor *c, const struct kind *k, uint64_t elem, const uint8_t *head)
{
	uint32_t hash = 0;
	bool superseded;

	if (c->bpf->elem.hash.present) {
		hash = sf_load32(head + c->bpf->elem.hash.offset);
		if ((hash & (c->map->n_buckets - 1)) != c->bucket - 1)
			return cut(c, "a chain leads into another bucket", elem);
	}
	superseded = is_superseded(c, elem, hash);
	c->torn.n_superseded += superseded;
	step(c, k, elem, head);
	return !superseded;
}

static bool take_stored(struct sf_bpf_cursor *c, const struct kind *k, uint64_t elem, const uint8_t *head)
{
	const struct sf_bpf *bpf = c->bpf;
	uint64_t smap = bpf->selem.smap.present ? sf_load64(head + bpf->selem.smap.offset) : c->map->kva, storage = 0;
	bool owned;

	/* Cleared where map and owner went away at once (bpf_selem_unlink_nofail()): an element, but no value. */
	if (smap && smap != c->map->kva)
		return cut(c, "a chain leads to an element of another map", elem);
	if (bpf->selem.storage.present)
		storage = sf_load64(head + bpf->selem.storage.offset);
	owned = smap && (!bpf->selem.owners_pprev.present || sf_load64(head + bpf->selem.owners_pprev.offset)) &&
		is_owned(c, elem, storage);
	c->torn.n_superseded += !owned;
	step(c, k, elem, head);
	return owned;
}

static bool take(struct sf_bpf_cursor *c, const struct kind *k, uint64_t *ret)
{
	uint64_t elem = c->node - k->next, pprev;
	enum sf_fault why = SF_FAULT_NONE;
	uint8_t buf[SF_BPF_ELEM_HEAD];
	const uint8_t *head;

	if (c->node & 7)
		return cut(c, "a chain leads to an address that is no element's", c->link);
	/* An element there would make a bucket of its own link: what is behind it would be met on two ways. */
	if (c->node - c->map->values < c->map->n_buckets * c->map->stride)
		return cut(c, "a chain leads into the buckets", c->link);
	if (!in_pool(c->map, elem))
		return cut(c, "a chain leads out of the elements that the map has", c->link);
	head = head_of(c->vm, k, elem, buf, &why);
	if (!head) {
		note_fault(c, elem_fault(why), elem, why);
		return cut(c, elem_fault(why), elem);
	}
	pprev = sf_load64(head + k->pprev);
	if (pprev != c->link && !link_is_late(c, k, elem, pprev))
		return cut(c, "a chain leads to an element that is not linked back", elem);
	*ret = elem;
	return k->nulls ? take_hash(c, k, elem, head) : take_stored(c, k, elem, head);
}

/* More than this a map does not have, however it was cut in the middle of its updates. */
static uint64_t max_nodes(const struct sf_bpf_cursor *c)
{
	if (c->map->shape == SF_BPF_STORAGE)
		return MAX_STORED;
	return c->map->max_entries + (1ull + sf_kernel_nr_cpu_ids(c->bpf->kernel)) * COUNTER_BATCH;
}

static bool give_up(struct sf_bpf_cursor *c, const char *why)
{
	c->torn.capped = true;
	note(c, why, c->node);
	c->node = 0;
	c->bucket = c->map->n_buckets;
	return false;
}

bool sf_bpf_chain_next(struct sf_bpf_cursor *c, struct sf_bpf_elem *ret)
{
	const struct kind k = kind_of(c->bpf, c->map);
	const uint64_t max = max_nodes(c);
	uint64_t elem;

	while (c->node || next_bucket(c, &k)) {
		if (c->seen >= max)
			return give_up(c, "more elements than the map can have");
		if (c->compared >= MAX_COMPARED)
			return give_up(c, "more keys with the same hash than the map can have");
		c->seen++;
		if (!take(c, &k, &elem))
			continue;
		sf_bpf_chain_elem(c->bpf, c->vm, c->map, elem, ret);
		ret->position = c->position++;
		return true;
	}
	return false;
}

/* ---- one element -------------------------------------------------------------------------------------------- */

/*
 * Where the pointer of a per-CPU hash is: behind the key, at a multiple of 8 bytes. Kernels before that was fixed have
 * it right behind the key, and so its first bytes where there is padding now, which is zero: elements are allocated
 * zeroed and only a key's own bytes are copied. (htab_elem_set_ptr())
 */
static enum sf_fault read_pptr(struct sf_vmem *vm, uint64_t key, uint32_t key_size, uint64_t *ret)
{
	uint32_t tail = key_size % 8;
	uint8_t raw[16];
	enum sf_fault why;

	if (!tail)
		return sf_vmem_u64(vm, key + key_size, ret);
	why = sf_vmem_read(vm, key + key_size - tail, raw, sizeof(raw));
	if (why)
		return why;
	for (uint32_t i = tail; i < 8; i++)
		if (raw[i]) {
			*ret = sf_load64(raw + tail);
			return SF_FAULT_NONE;
		}
	*ret = sf_load64(raw + 8);
	return SF_FAULT_NONE;
}

static void hash_elem(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map,
		      struct sf_bpf_elem *ret)
{
	ret->key = ret->kva + bpf->elem.key.offset;
	if (map->shape == SF_BPF_HASH) {
		ret->value = ret->key + sf_align_up((uint64_t)map->key_size, 8);
		return;
	}
	ret->fault = read_pptr(vm, ret->key, map->key_size, &ret->value);
	if (ret->fault)
		ret->value = 0;
	else if (!ret->value)
		ret->fault = SF_FAULT_UNMAPPED;
}

static void stored_elem(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_elem *ret)
{
	uint64_t storage = 0;

	ret->value = ret->kva + bpf->selem.data.offset;
	if (bpf->selem.storage.present && bpf->storage.owner.present &&
	    sf_vmem_u64(vm, ret->kva + bpf->selem.storage.offset, &storage) == SF_FAULT_NONE && storage &&
	    sf_vmem_u64(vm, storage + bpf->storage.owner.offset, &ret->owner))
		ret->owner = 0;
}

void sf_bpf_chain_elem(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva,
		       struct sf_bpf_elem *ret)
{
	*ret = (struct sf_bpf_elem){ .kva = kva };
	if (map->shape == SF_BPF_STORAGE)
		stored_elem(bpf, vm, ret);
	else
		hash_elem(bpf, vm, map, ret);
}

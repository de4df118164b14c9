/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Captures by their names, in their order. */
#include "private.h"

#define FIRST_BUCKETS 64

struct sf_drained {
	size_t n;
	struct sf_stored *v[];
};

/* ---- entries ------------------------------------------------------------------------------------------------------ */

static void stored_free(struct sf_stored *entry)
{
	if (!entry)
		return;
	sf_frame_unref(entry->e.frame);
	sf_json_doc_free(entry->e.stats);
	free(entry);
}

static void stored_cleanup(struct sf_stored **p)
{
	stored_free(*p);
}
#define _cleanup_stored_ _cleanup_(stored_cleanup)

/* A list, by `chain`. */
static void garbage_cleanup(struct sf_stored **p)
{
	while (*p) {
		struct sf_stored *entry = *p;

		*p = entry->chain;
		stored_free(entry);
	}
}
#define _cleanup_garbage_ _cleanup_(garbage_cleanup)

/* FNV-1a */
static uint64_t hash_of(const char *tag)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (const uint8_t *p = (const uint8_t *)tag; *p; p++)
		h = (h ^ *p) * 0x100000001b3u;
	return h ^ h >> 32;
}

static bool is_periodic(const char *tag)
{
	static const char prefix[] = "periodic_";

	if (strncmp(tag, prefix, sizeof(prefix) - 1))
		return false;
	tag += sizeof(prefix) - 1;
	return strlen(tag) == 3 && strspn(tag, "0123456789") == 3;
}

static bool is_placeholder(const struct sf_frame *frame)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(frame, &info);
	return info.is_placeholder;
}

struct sf_error *sf_stored_new(const char *tag, struct sf_frame *frame, const struct sf_stamp *stamp,
			       struct sf_stored **ret)
{
	struct sf_stamp own = { 0 };

	if (stamp)
		memcpy(&own, stamp, sf_min(stamp->size, sizeof(own)));
	struct sf_missing_stats_reason why = { .kind = SF_STATS_NO_SCHEDULER_BINARY };

	if (own.no_stats && !own.stats)
		why = *own.no_stats;
	size_t tag_size = strlen(tag) + 1, text_size = why.text ? strlen(why.text) + 1 : 0;
	_cleanup_stored_ struct sf_stored *entry = calloc(1, sizeof(*entry) + tag_size + text_size);

	if (!entry)
		return sf_error_nomem();
	if (own.stats) {
		SF_TRY(sf_error_context(sf_json_parse(own.stats, own.stats_len, &entry->e.stats),
					"the statistics of the capture '%s'", tag));
		why = (struct sf_missing_stats_reason){ 0 };
	}
	entry->e.tag = memcpy(entry->names, tag, tag_size);
	if (why.text)
		why.text = memcpy(entry->names + tag_size, why.text, text_size);
	entry->e.no_stats = why;
	entry->e.has_elapsed = own.has_elapsed;
	entry->e.has_boundary_offset = own.has_boundary_offset;
	entry->e.has_step = own.has_step;
	entry->e.elapsed_ms = own.has_elapsed ? own.elapsed_ms : 0;
	entry->e.boundary_offset_ms = own.has_boundary_offset ? own.boundary_offset_ms : 0;
	entry->e.step = own.has_step ? own.step : 0;
	entry->hash = hash_of(tag);
	entry->is_periodic_real = is_periodic(tag) && !is_placeholder(frame);
	entry->e.frame = sf_frame_ref(frame);
	*ret = steal_ptr(&entry);
	return NULL;
}

/* ---- by name, and in order ---------------------------------------------------------------------------------------- */

struct sf_error *sf_store_init(struct sf_store *store)
{
	*store = (struct sf_store){ .n_buckets = FIRST_BUCKETS };
	store->buckets = calloc(store->n_buckets, sizeof(struct sf_stored *));
	return store->buckets ? NULL : sf_error_nomem();
}

/* All that there is, as a list by `chain`. */
static struct sf_stored *take_all(struct sf_store *store)
{
	struct sf_stored *all = NULL;

	for (size_t i = 0; i < store->n_buckets; i++)
		while (store->buckets[i]) {
			struct sf_stored *entry = store->buckets[i];

			store->buckets[i] = entry->chain;
			entry->chain = all;
			all = entry;
		}
	store->n = store->n_ordered = 0;
	store->n_periodic_real = 0;
	store->oldest = store->newest = NULL;
	return all;
}

void sf_store_clear(struct sf_store *store)
{
	_cleanup_garbage_ struct sf_stored *all = take_all(store);

	free(store->buckets);
	store->buckets = NULL;
}

/* Where what is called @tag hangs, or would. */
static struct sf_stored **find(const struct sf_store *store, const char *tag, uint64_t hash)
{
	struct sf_stored **at = &store->buckets[hash & (store->n_buckets - 1)];

	while (*at && ((*at)->hash != hash || strcmp((*at)->e.tag, tag)))
		at = &(*at)->chain;
	return at;
}

/* Longer chains are slow and not wrong: without memory it stays as it is. */
static void grow(struct sf_store *store)
{
	size_t n = store->n_buckets * 2;
	struct sf_stored **grown = calloc(n, sizeof(struct sf_stored *));

	if (!grown)
		return;
	for (size_t i = 0; i < store->n_buckets; i++)
		while (store->buckets[i]) {
			struct sf_stored *entry = store->buckets[i];

			store->buckets[i] = entry->chain;
			entry->chain = grown[entry->hash & (n - 1)];
			grown[entry->hash & (n - 1)] = entry;
		}
	free(store->buckets);
	store->buckets = grown;
	store->n_buckets = n;
}

void sf_store_add(struct sf_store *store, struct sf_stored *entry)
{
	if (store->n >= store->n_buckets)
		grow(store);
	struct sf_stored **head = &store->buckets[entry->hash & (store->n_buckets - 1)];

	entry->chain = *head;
	*head = entry;
	store->n++;
	store->n_periodic_real += entry->is_periodic_real;
}

/* @at is where it hangs. */
static struct sf_stored *unhang(struct sf_store *store, struct sf_stored **at)
{
	struct sf_stored *entry = *at;

	*at = entry->chain;
	store->n--;
	store->n_periodic_real -= entry->is_periodic_real;
	return entry;
}

void sf_store_append(struct sf_store *store, struct sf_stored *entry)
{
	entry->is_ordered = true;
	entry->newer = NULL;
	entry->older = store->newest;
	*(store->newest ? &store->newest->newer : &store->oldest) = entry;
	store->newest = entry;
	store->n_ordered++;
}

static void unlink_order(struct sf_store *store, struct sf_stored *entry)
{
	if (!entry->is_ordered)
		return;
	*(entry->older ? &entry->older->newer : &store->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &store->newest) = entry->older;
	entry->is_ordered = false;
	store->n_ordered--;
}

/* ---- storing ------------------------------------------------------------------------------------------------------ */

/* The oldest go. What has lost its order cannot: then everything does. */
static void evict(struct sf_bridge *b, const char *new_tag, struct sf_lines *lines, struct sf_stored **garbage)
{
	struct sf_store *store = &b->store;
	uint32_t cap = b->opt.max_snapshots;

	while (store->n > cap && store->oldest) {
		struct sf_stored *entry = store->oldest;

		unlink_order(store, entry);
		unhang(store, find(store, entry->e.tag, entry->hash));
		entry->chain = *garbage;
		*garbage = entry;
		sf_events_note(b, &(struct sf_bridge_event){ .type = SF_EVENT_EVICTION, .tag = entry->e.tag,
							     .other_tag = new_tag, .cap = cap }, lines);
	}
	if (store->n <= cap)
		return;
	sf_events_note(b, &(struct sf_bridge_event){ .type = SF_EVENT_CAP_INVARIANT_VIOLATION,
						     .reports_len = store->n, .cap = cap }, lines);
	struct sf_stored *all = take_all(store), **end = &all;

	while (*end)
		end = &(*end)->chain;
	*end = *garbage;
	*garbage = all;
}

/* With the lock held. */
static void insert(struct sf_bridge *b, struct sf_stored *entry, struct sf_lines *lines, struct sf_stored **garbage)
{
	struct sf_stored **at = find(&b->store, entry->e.tag, entry->hash);
	struct sf_stored *old = *at ? unhang(&b->store, at) : NULL;

	if (old) {
		unlink_order(&b->store, old);
		sf_events_note(b, &(struct sf_bridge_event){ .type = SF_EVENT_OVERWRITE, .tag = entry->e.tag,
							     .prior_schema = sf_frame_schema(old->e.frame) }, lines);
		old->chain = *garbage;
		*garbage = old;
	}
	sf_store_add(&b->store, entry);
	sf_store_append(&b->store, entry);
	if (!old)
		evict(b, entry->e.tag, lines, garbage);
}

struct sf_error *sf_bridge_store(struct sf_bridge *bridge, const char *tag, struct sf_frame *frame,
				 const struct sf_stamp *stamp)
{
	_cleanup_lines_ struct sf_lines lines = { 0 };
	_cleanup_garbage_ struct sf_stored *garbage = NULL;
	struct sf_stored *entry;

	if (!tag || !*tag)
		return sf_error_new(SF_USAGE, "a capture is kept by a name, and this one has none");
	if (!frame)
		return sf_error_new(SF_USAGE, "there is no frame to be kept as '%s'", tag);
	SF_TRY(sf_stored_new(tag, frame, stamp, &entry));
	pthread_mutex_lock(&bridge->lock);
	insert(bridge, entry, &lines, &garbage);
	pthread_mutex_unlock(&bridge->lock);
	sf_lines_log(bridge, &lines);
	return NULL;
}

/* The callback's frame, stored; the error, which may be NULL beside false, is why it is not. */
static bool capture(struct sf_bridge *b, const char *tag, const struct sf_stamp *stamp, struct sf_error **ret_why)
{
	SF_OWNED(frame) frame = NULL;

	if (!tag || !*tag) {
		*ret_why = sf_error_new(SF_USAGE, "a capture is asked for by a name");
		return false;
	}
	if (!b->opt.capture) {
		*ret_why = sf_error_new(SF_BRIDGE, "the bridge has no callback that captures");
		return false;
	}
	SF_OWNED(error) why = b->opt.capture(b->opt.arg, tag, &frame);

	if (!frame) {
		*ret_why = steal_ptr(&why);
		return false;
	}
	*ret_why = sf_bridge_store(b, tag, frame, stamp);
	return !*ret_why;
}

bool sf_bridge_capture(struct sf_bridge *bridge, const char *tag, const struct sf_stamp *stamp)
{
	SF_OWNED(error) why = NULL;

	if (capture(bridge, tag, stamp, &why))
		return true;
	sf_events_say(bridge, &(struct sf_bridge_event){
		.type = SF_EVENT_CAPTURE_UNAVAILABLE,
		.tag = tag ?: "",
		.reason = why ? sf_error_message(why) : "the callback gave none",
	});
	return false;
}

/* ---- asking ------------------------------------------------------------------------------------------------------- */

bool sf_bridge_has(struct sf_bridge *bridge, const char *tag)
{
	if (!tag)
		return false;
	uint64_t hash = hash_of(tag);

	pthread_mutex_lock(&bridge->lock);
	bool has = *find(&bridge->store, tag, hash);

	pthread_mutex_unlock(&bridge->lock);
	return has;
}

size_t sf_bridge_len(struct sf_bridge *bridge)
{
	pthread_mutex_lock(&bridge->lock);
	size_t n = bridge->store.n;

	pthread_mutex_unlock(&bridge->lock);
	return n;
}

uint32_t sf_bridge_periodic_real_count(struct sf_bridge *bridge)
{
	pthread_mutex_lock(&bridge->lock);
	uint32_t n = bridge->store.n_periodic_real;

	pthread_mutex_unlock(&bridge->lock);
	return n;
}

/* ---- draining ----------------------------------------------------------------------------------------------------- */

/* With the lock held. NULL without memory: nothing was moved. */
static struct sf_drained *move_all(struct sf_bridge *b, struct sf_lines *lines)
{
	struct sf_store *store = &b->store;
	struct sf_drained *drained = malloc(sizeof(*drained) + store->n * sizeof(struct sf_stored *));

	if (!drained)
		return NULL;
	drained->n = 0;
	for (struct sf_stored *entry = store->oldest; entry; entry = entry->newer)
		drained->v[drained->n++] = entry;
	for (struct sf_stored *entry = take_all(store); entry; entry = entry->chain) {
		if (entry->is_ordered)
			continue;
		drained->v[drained->n++] = entry;
		sf_events_note(b, &(struct sf_bridge_event){
			.type = SF_EVENT_DRAIN_ORDERING_INVARIANT_VIOLATION, .tag = entry->e.tag,
			.drain_variant = "drain_ordered_with_stats" }, lines);
	}
	return drained;
}

struct sf_error *sf_bridge_drain(struct sf_bridge *bridge, struct sf_drained **ret)
{
	_cleanup_lines_ struct sf_lines lines = { 0 };

	pthread_mutex_lock(&bridge->lock);
	SF_OWNED(drained) drained = move_all(bridge, &lines);

	pthread_mutex_unlock(&bridge->lock);
	if (!drained)
		return sf_error_nomem();
	sf_lines_log(bridge, &lines);
	*ret = steal_ptr(&drained);
	return NULL;
}

size_t sf_drained_len(const struct sf_drained *drained)
{
	return drained ? drained->n : 0;
}

const struct sf_drained_entry *sf_drained_at(const struct sf_drained *drained, size_t i)
{
	return i < sf_drained_len(drained) ? &drained->v[i]->e : NULL;
}

const struct sf_drained_entry *sf_drained_find(const struct sf_drained *drained, const char *tag)
{
	for (size_t i = 0; i < sf_drained_len(drained); i++)
		if (!strcmp(drained->v[i]->e.tag, tag))
			return &drained->v[i]->e;
	return NULL;
}

void sf_drained_free(struct sf_drained *drained)
{
	for (size_t i = 0; i < sf_drained_len(drained); i++)
		stored_free(drained->v[i]);
	free(drained);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bridge on one thread: store, order, events, drains, logs, watches. */
#include "check.h"

#include "../../src/run/bridge/private.h"

#define N_MANY 1029

/* ---- helpers ------------------------------------------------------------------------------------------------------ */

static struct sf_bridge *bridge_of(const struct sf_bridge_options *options)
{
	struct sf_bridge *b = NULL;

	assert_ok(sf_bridge_new(options, &b));
	return b;
}

static struct sf_frame *frame_of(const char *schema)
{
	bool is_single = !strcmp(schema, "single");
	_cleanup_free_ char *text = sf_asprintf("{\"schema\": \"%s\", %s}", schema,
						is_single ? "\"maps\": []" : "\"reason\": \"nothing could be read\"");
	struct sf_frame *frame = NULL;

	assert_ok(sf_frame_from_json(text, strlen(text), &frame));
	return frame;
}

static void store_stamped(struct sf_bridge *b, const char *tag, const struct sf_stamp *stamp)
{
	SF_OWNED(frame) frame = frame_of("single");

	assert_ok(sf_bridge_store(b, tag, frame, stamp));
}

static void store(struct sf_bridge *b, const char *tag)
{
	store_stamped(b, tag, NULL);
}

/* tag_0, tag_1, … */
static void store_many(struct sf_bridge *b, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		_cleanup_free_ char *tag = sf_asprintf("tag_%u", i);

		store(b, tag);
	}
}

static struct sf_drained *drain(struct sf_bridge *b)
{
	struct sf_drained *drained = NULL;

	assert_ok(sf_bridge_drain(b, &drained));
	return drained;
}

static struct sf_bridge_events *events_of(struct sf_bridge *b)
{
	struct sf_bridge_events *events = NULL;

	assert_ok(sf_bridge_drain_events(b, &events));
	return events;
}

static void assert_tags(const struct sf_drained *drained, const char *const *tags, size_t n)
{
	assert_int_equal(sf_drained_len(drained), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(sf_drained_at(drained, i)->tag, tags[i]);
	assert_null(sf_drained_at(drained, n));
}
#define assert_order(drained, ...)                                                                 \
	do {                                                                                       \
		const char *const tags_[] = { __VA_ARGS__ };                                       \
		assert_tags(drained, tags_, ARRAY_SIZE(tags_));                                    \
	} while (0)

static void assert_eviction(const struct sf_bridge_event *e, const char *tag, const char *other, uint64_t cap)
{
	assert_int_equal(e->type, SF_EVENT_EVICTION);
	assert_string_equal(e->tag, tag);
	assert_string_equal(e->other_tag, other);
	assert_int_equal(e->cap, cap);
	assert_null(e->reason);
}

/* ---- the store ---------------------------------------------------------------------------------------------------- */

static void edge_1_the_oldest_of_65_goes(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	store_many(b, 0, 64);
	assert_int_equal(sf_bridge_len(b), 64);
	assert_int_equal(sf_bridge_event_count(b), 0);
	store_many(b, 64, 65);
	assert_int_equal(sf_bridge_len(b), 64);
	assert_false(sf_bridge_has(b, "tag_0"));
	assert_true(sf_bridge_has(b, "tag_1"));
	assert_true(sf_bridge_has(b, "tag_64"));
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 1);
	assert_eviction(sf_bridge_events_at(events, 0), "tag_0", "tag_64", 64);
	assert_null(sf_bridge_events_at(events, 1));
}

static void edge_2_what_is_stored_again_is_the_newest(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);
	SF_OWNED(frame) other = frame_of("degraded");

	(void)state;
	store_many(b, 0, 64);
	assert_ok(sf_bridge_store(b, "tag_0", other, NULL));
	store_many(b, 64, 65);
	assert_true(sf_bridge_has(b, "tag_0"));
	assert_false(sf_bridge_has(b, "tag_1"));
	SF_OWNED(drained) drained = drain(b);

	assert_ptr_equal(sf_drained_find(drained, "tag_0")->frame, other);
	assert_null(sf_drained_find(drained, "tag_1"));
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 2);
	assert_int_equal(sf_bridge_events_at(events, 0)->type, SF_EVENT_OVERWRITE);
	assert_eviction(sf_bridge_events_at(events, 1), "tag_1", "tag_64", 64);
}

static void edge_3_a_drain_has_the_order_of_storing(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	store(b, "zebra");
	store(b, "apple");
	store(b, "mango");
	SF_OWNED(drained) first = drain(b);

	assert_order(first, "zebra", "apple", "mango");
	SF_OWNED(drained) empty = drain(b);

	assert_int_equal(sf_drained_len(empty), 0);
	assert_int_equal(sf_bridge_event_count(b), 0);
	SF_OWNED(frame) degraded = frame_of("degraded");

	assert_ok(sf_bridge_store(b, "a", degraded, NULL));
	store(b, "b");
	store(b, "c");
	store(b, "a");
	SF_OWNED(drained) second = drain(b);

	assert_order(second, "b", "c", "a");
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 1);
	assert_int_equal(sf_bridge_events_at(events, 0)->type, SF_EVENT_OVERWRITE);
	assert_string_equal(sf_bridge_events_at(events, 0)->tag, "a");
	assert_string_equal(sf_bridge_events_at(events, 0)->prior_schema, "degraded");
}

#define STATS(text) .stats = text, .stats_len = sizeof(text) - 1

static void edge_4_a_plain_store_clears_what_was_kept_beside(void **state)
{
	const struct sf_stamp stamp = {
		.size = sizeof(stamp), .has_elapsed = true, .elapsed_ms = 5, .has_boundary_offset = true,
		.boundary_offset_ms = 4, .has_step = true, .step = 3, STATS("{\"load\": 7}"),
	};
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	store_stamped(b, "a", &stamp);
	SF_OWNED(drained) first = drain(b);
	const struct sf_drained_entry *e = sf_drained_at(first, 0);
	uint64_t load;

	assert_ok(sf_json_field_as_u64(sf_stats_path(e->stats, "load"), &load));
	assert_int_equal(load, 7);
	assert_int_equal(e->no_stats.kind, 0);
	assert_true(e->has_elapsed && e->has_boundary_offset && e->has_step);
	assert_int_equal(e->elapsed_ms, 5);
	assert_int_equal(e->boundary_offset_ms, 4);
	assert_int_equal(e->step, 3);
	store_stamped(b, "a", &stamp);
	store(b, "a");
	SF_OWNED(drained) second = drain(b);

	e = sf_drained_at(second, 0);
	assert_null(e->stats);
	assert_int_equal(e->no_stats.kind, SF_STATS_NO_SCHEDULER_BINARY);
	assert_false(e->has_elapsed || e->has_boundary_offset || e->has_step);
}

static void edge_5_what_is_kept_beside_stays_with_its_capture(void **state)
{
	const struct sf_bridge_options options = { .size = sizeof(options), .max_snapshots = 8 };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		_cleanup_free_ char *tag = sf_asprintf("t%u", i), *text = sf_asprintf("[%u]", i);
		struct sf_missing_stats_reason why = { .kind = SF_STATS_NO_SCHEDULER, .text = text };

		store_stamped(b, tag, &(struct sf_stamp){
			.size = sizeof(struct sf_stamp), .has_step = i % 3 == 0, .step = (uint16_t)i,
			.has_elapsed = i % 2 == 0, .elapsed_ms = i, .has_boundary_offset = true, .boundary_offset_ms = i,
			.stats = i % 2 ? text : NULL, .stats_len = strlen(text), .no_stats = &why });
	}
	SF_OWNED(drained) drained = drain(b);

	assert_int_equal(sf_drained_len(drained), 8);
	for (unsigned int i = 12; i < 20; i++) {
		_cleanup_free_ char *tag = sf_asprintf("t%u", i), *text = sf_asprintf("[%u]", i);
		const struct sf_drained_entry *e = sf_drained_at(drained, i - 12);

		assert_string_equal(e->tag, tag);
		assert_int_equal(e->has_step, i % 3 == 0);
		assert_int_equal(e->step, i % 3 ? 0 : i);
		assert_int_equal(e->has_elapsed, i % 2 == 0);
		assert_int_equal(e->boundary_offset_ms, i);
		assert_int_equal(e->stats != NULL, i % 2);
		if (!e->stats)
			assert_string_equal(e->no_stats.text, text);
	}
}

static void edge_6_no_step_is_not_step_0(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	store(b, "without");
	store_stamped(b, "with", &(struct sf_stamp){ .size = sizeof(struct sf_stamp), .has_step = true });
	SF_OWNED(drained) drained = drain(b);

	assert_false(sf_drained_at(drained, 0)->has_step);
	assert_true(sf_drained_at(drained, 1)->has_step);
	assert_int_equal(sf_drained_at(drained, 1)->step, 0);
}

/* Captures @schema; where that is NULL, nothing. */
struct camera {
	const char *schema;
	struct sf_error *(*why)(void);
	unsigned int destroyed;
};

static struct sf_error *take(void *arg, const char *tag, struct sf_frame **ret)
{
	struct camera *c = arg;

	(void)tag;
	if (c->schema)
		*ret = frame_of(c->schema);
	return c->why ? c->why() : NULL;
}

static struct sf_error *timed_out(void)
{
	return sf_error_new(SF_DEADLINE, "the guest did not stop");
}

static void edge_7_nothing_captured_leaves_what_was_there(void **state)
{
	struct camera c = { .schema = NULL };
	const struct sf_bridge_options options = { .size = sizeof(options), .capture = take, .arg = &c };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	assert_false(sf_bridge_capture(b, "a", NULL));
	assert_int_equal(sf_bridge_len(b), 0);
	c.schema = "single";
	assert_true(sf_bridge_capture(b, "a", &(struct sf_stamp){ .size = sizeof(struct sf_stamp), .has_step = true,
								  .step = 9 }));
	c.schema = NULL;
	c.why = timed_out;
	assert_false(sf_bridge_capture(b, "a", NULL));
	assert_true(sf_bridge_has(b, "a"));
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sf_bridge_events_at(events, i)->type, SF_EVENT_CAPTURE_UNAVAILABLE);
		assert_string_equal(sf_bridge_events_at(events, i)->tag, "a");
	}
	assert_string_equal(sf_bridge_events_at(events, 1)->reason, "the guest did not stop");
	SF_OWNED(drained) drained = drain(b);

	assert_int_equal(sf_drained_at(drained, 0)->step, 9);
	assert_int_equal(sf_drained_at(drained, 0)->no_stats.kind, SF_STATS_NO_SCHEDULER_BINARY);
}

static void what_has_no_name_or_bad_statistics_is_refused(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);
	SF_OWNED(frame) frame = frame_of("single");

	(void)state;
	assert_code(sf_bridge_store(b, "", frame, NULL), SF_USAGE);
	assert_code(sf_bridge_store(b, NULL, frame, NULL), SF_USAGE);
	assert_code(sf_bridge_store(b, "a", NULL, NULL), SF_USAGE);
	assert_says(sf_bridge_store(b, "a", frame, &(struct sf_stamp){ .size = sizeof(struct sf_stamp), STATS("{") }),
		    SF_BAD_INPUT, "the statistics of the capture 'a'");
	assert_false(sf_bridge_capture(b, "", NULL));
	assert_false(sf_bridge_capture(b, "a", NULL));
	assert_int_equal(sf_bridge_len(b), 0);
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 2);
	assert_contains(sf_bridge_events_at(events, 1)->reason, "no callback");
}

static void limits_are_options_and_have_a_limit(void **state)
{
	struct sf_bridge_options options = { .size = sizeof(options), .max_snapshots = 2000 };
	struct sf_bridge *none = NULL;
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	store_many(b, 0, 2001);
	assert_int_equal(sf_bridge_len(b), 2000);
	assert_false(sf_bridge_has(b, "tag_0"));
	for (unsigned int i = 1; i <= 2000; i++) {
		_cleanup_free_ char *tag = sf_asprintf("tag_%u", i);

		assert_true(sf_bridge_has(b, tag));
	}
	options.max_snapshots = (1u << 20) + 1;
	assert_says(sf_bridge_new(&options, &none), SF_USAGE, "1048577");
	assert_null(none);
}

static void count_destroyed(void *arg)
{
	((struct camera *)arg)->destroyed++;
}

static void the_last_reference_ends_a_bridge_and_not_its_frames(void **state)
{
	struct camera c = { .schema = "single" };
	const struct sf_bridge_options options = { .size = sizeof(options), .capture = take, .arg = &c,
						   .max_snapshots = 1, .destroy = count_destroyed };
	struct sf_bridge *b = bridge_of(&options), *other = sf_bridge_ref(b);

	(void)state;
	assert_true(sf_bridge_capture(b, "viewed", NULL));
	SF_OWNED(drained) drained = drain(other);
	SF_OWNED(frame) frame = sf_frame_ref(sf_drained_at(drained, 0)->frame);

	assert_ok(sf_bridge_store(b, "viewed", frame, NULL));
	assert_true(sf_bridge_capture(b, "evicts", NULL));
	sf_bridge_unref(b);
	assert_int_equal(c.destroyed, 0);
	assert_true(sf_bridge_has(other, "evicts"));
	sf_bridge_unref(other);
	assert_int_equal(c.destroyed, 1);
	assert_string_equal(sf_frame_schema(frame), "single");
	assert_null(sf_bridge_ref(NULL));
	sf_bridge_unref(NULL);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

/* Captures that fail, e0 to eN-1. */
static void many_events(struct sf_bridge *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		_cleanup_free_ char *tag = sf_asprintf("e%u", i);

		assert_false(sf_bridge_capture(b, tag, NULL));
	}
}

static void edge_8_the_oldest_events_are_dropped_and_counted(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	many_events(b, 1024);
	SF_OWNED(bridge_events) all = events_of(b);

	assert_int_equal(sf_bridge_events_len(all), 1024);
	assert_int_equal(sf_bridge_events_at(all, 1023)->type, SF_EVENT_CAPTURE_UNAVAILABLE);
	many_events(b, N_MANY);
	SF_OWNED(bridge_events) cut = events_of(b);

	assert_int_equal(sf_bridge_events_len(cut), 1025);
	assert_string_equal(sf_bridge_events_at(cut, 0)->tag, "e5");
	assert_int_equal(sf_bridge_events_at(cut, 1024)->type, SF_EVENT_EVENT_LOG_TRUNCATED);
	assert_int_equal(sf_bridge_events_at(cut, 1024)->dropped_count, 5);
	many_events(b, 1024 + 7);
	SF_OWNED(bridge_events) again = events_of(b);

	assert_int_equal(sf_bridge_events_at(again, 1024)->dropped_count, 7);
	many_events(b, 3);
	SF_OWNED(bridge_events) few = events_of(b);

	assert_int_equal(sf_bridge_events_len(few), 3);
	assert_int_equal(sf_bridge_events_at(few, 2)->type, SF_EVENT_CAPTURE_UNAVAILABLE);
}

static void edge_9_events_and_captures_are_drained_apart(void **state)
{
	const struct sf_bridge_options options = { .size = sizeof(options), .max_events = 4 };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	store(b, "a");
	many_events(b, 6);
	assert_int_equal(sf_bridge_event_count(b), 4);
	SF_OWNED(drained) drained = drain(b);

	assert_int_equal(sf_bridge_event_count(b), 4);
	store(b, "b");
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 5);
	assert_int_equal(sf_bridge_event_count(b), 0);
	assert_true(sf_bridge_has(b, "b"));
}

static void events_are_json(void **state)
{
	const struct sf_bridge_options options = { .size = sizeof(options), .max_snapshots = 1, .max_events = 3 };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	many_events(b, 2);
	store(b, "a");
	store(b, "a");
	store(b, "\"b\"");
	SF_OWNED(bridge_events) events = events_of(b);
	_cleanup_free_ char *text = sf_bridge_events_to_json(events), *none = sf_bridge_events_to_json(NULL);

	assert_string_equal(text,
		"[{\"type\":\"CaptureUnavailable\",\"tag\":\"e1\",\"reason\":\"the bridge has no callback that captures\"},"
		"{\"type\":\"Overwrite\",\"tag\":\"a\",\"prior_schema\":\"single\"},"
		"{\"type\":\"Eviction\",\"evicted_tag\":\"a\",\"new_tag\":\"\\\"b\\\"\",\"cap\":1},"
		"{\"type\":\"EventLogTruncated\",\"dropped_count\":1}]");
	assert_string_equal(none, "[]");
}

struct listener {
	struct sf_bridge *b;
	unsigned int n;
	char *last;
};

/* A listener may not use what logs; that it could is how a lock that is held would be seen. */
static void listen(void *arg, enum sf_log_level level, const char *message)
{
	struct listener *l = arg;

	assert_int_equal(level, SF_LOG_WARN);
	assert_int_equal(pthread_mutex_trylock(&l->b->lock), 0);
	pthread_mutex_unlock(&l->b->lock);
	l->n++;
	free(l->last);
	l->last = strdup(message);
}

static void each_event_is_a_warning_said_without_a_lock(void **state)
{
	struct listener l = { 0 };
	const struct sf_bridge_options options = { .size = sizeof(options), .max_snapshots = 1,
						   .log = { listen, &l, SF_LOG_WARN } };
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	l.b = b;
	store(b, "a");
	assert_int_equal(l.n, 0);
	store(b, "a");
	assert_string_equal(l.last, "the capture 'a', which was there (single), is replaced");
	store(b, "b");
	assert_string_equal(l.last, "the capture 'a' went for 'b': 1 are kept");
	assert_false(sf_bridge_capture(b, "c", NULL));
	assert_string_equal(l.last, "there is no capture 'c': the bridge has no callback that captures");
	assert_int_equal(l.n, sf_bridge_event_count(b));
	free(l.last);
}

/* ---- a store that is not as it should be -------------------------------------------------------------------------- */

/* What has a name and no place in the order. */
static void add_orphan(struct sf_bridge *b, const char *tag)
{
	SF_OWNED(frame) frame = frame_of("single");
	struct sf_stored *entry;

	assert_ok(sf_stored_new(tag, frame, NULL, &entry));
	sf_store_add(&b->store, entry);
}

static void edge_10_an_orphan_comes_last_and_is_an_event(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	add_orphan(b, "orphan");
	store(b, "a");
	store(b, "b");
	SF_OWNED(drained) drained = drain(b);

	assert_order(drained, "a", "b", "orphan");
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 1);
	assert_int_equal(sf_bridge_events_at(events, 0)->type, SF_EVENT_DRAIN_ORDERING_INVARIANT_VIOLATION);
	assert_string_equal(sf_bridge_events_at(events, 0)->tag, "orphan");
	assert_string_equal(sf_bridge_events_at(events, 0)->drain_variant, "drain_ordered_with_stats");
	assert_int_equal(sf_bridge_len(b), 0);
}

static void edge_11_too_many_without_an_order_all_go(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	for (unsigned int i = 0; i < 66; i++) {
		_cleanup_free_ char *tag = sf_asprintf("orphan_%u", i);

		add_orphan(b, tag);
	}
	store(b, "new");
	assert_int_equal(sf_bridge_len(b), 0);
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 2);
	assert_eviction(sf_bridge_events_at(events, 0), "new", "new", 64);
	assert_int_equal(sf_bridge_events_at(events, 1)->type, SF_EVENT_CAP_INVARIANT_VIOLATION);
	assert_int_equal(sf_bridge_events_at(events, 1)->reports_len, 66);
	assert_int_equal(sf_bridge_events_at(events, 1)->cap, 64);
	/* It goes on as a new one. */
	store_many(b, 0, 65);
	assert_int_equal(sf_bridge_len(b), 64);
}

static void edge_11_one_too_many_in_order_two_go(void **state)
{
	SF_OWNED(bridge) b = bridge_of(NULL);

	(void)state;
	b->opt.max_snapshots = 65;
	store_many(b, 0, 65);
	b->opt.max_snapshots = 64;
	store(b, "new");
	assert_int_equal(sf_bridge_len(b), 64);
	SF_OWNED(bridge_events) events = events_of(b);

	assert_int_equal(sf_bridge_events_len(events), 2);
	assert_eviction(sf_bridge_events_at(events, 0), "tag_0", "new", 64);
	assert_eviction(sf_bridge_events_at(events, 1), "tag_1", "new", 64);
}

/* ---- logs --------------------------------------------------------------------------------------------------------- */

struct memory {
	unsigned int n;
	bool fails;
	char bytes[8];
	struct sf_kernel_value values[2];
};

static void access_memory(void *arg, const struct sf_kernel_op_request *request, struct sf_kernel_op_reply *ret)
{
	struct memory *m = arg;

	assert_int_equal(ret->size, sizeof(*ret));
	assert_null(ret->values);
	ret->id = ++m->n;
	ret->success = !m->fails;
	if (m->fails) {
		ret->reason = "unmapped";
		return;
	}
	snprintf(m->bytes, sizeof(m->bytes), "b%u", m->n);
	m->values[0] = (struct sf_kernel_value){ .kind = SF_KERNEL_BYTES, .bytes = m->bytes, .n_bytes = 3 };
	m->values[1] = (struct sf_kernel_value){ .kind = SF_KERNEL_U64, .u64 = m->n };
	ret->values = m->values;
	ret->n_values = request->direction == SF_KERNEL_READ ? 2 : 0;
}

struct seen {
	char text[256];
};

static void see_op(void *arg, const char *tag, const struct sf_kernel_op_reply *reply)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%s:%u:%s:%zu ", tag, reply->id,
		 reply->success ? "ok" : reply->reason, reply->n_values);
}

static void edge_14_kernel_operations_are_logged(void **state)
{
	struct memory m = { .fails = true };
	struct sf_kernel_op_request read = { .size = sizeof(read), .direction = SF_KERNEL_READ, .tag = "r" };
	struct sf_kernel_op_reply reply = { .size = sizeof(reply) };
	struct sf_kernel_value value;
	struct seen seen = { "" };
	const struct sf_kernel_op_reply half = { .size = sizeof(half), .reason = "half", .n_values = 1,
						 .values = &(struct sf_kernel_value){ .kind = SF_KERNEL_U64, .u64 = 99 } };
	const struct sf_bridge_options options = { .size = sizeof(options), .kernel_op = access_memory, .arg = &m };
	SF_OWNED(bridge) none = bridge_of(NULL);
	SF_OWNED(bridge) b = bridge_of(&options);

	(void)state;
	assert_false(sf_bridge_kernel_op(none, &read, &reply));
	assert_int_equal(sf_bridge_drain_kernel_ops(none, see_op, &seen), 0);
	assert_true(sf_bridge_kernel_op(b, &read, &reply));
	assert_false(reply.success);
	assert_string_equal(reply.reason, "unmapped");
	assert_ok(sf_bridge_record_kernel_op(b, "r", &half));
	assert_false(sf_bridge_kernel_value(b, "r", &value));
	m.fails = false;
	read.direction = SF_KERNEL_WRITE;
	assert_true(sf_bridge_kernel_op(b, &read, NULL));
	assert_false(sf_bridge_kernel_value(b, "r", &value));
	read.direction = SF_KERNEL_READ;
	assert_true(sf_bridge_kernel_op(b, &read, &reply));
	assert_int_equal(reply.id, 3);
	assert_ptr_not_equal(reply.values, m.values);
	assert_true(sf_bridge_kernel_op(b, &read, NULL));
	/* The first one's, and the callback's own memory has changed since. */
	assert_true(sf_bridge_kernel_value(b, "r", &value));
	assert_int_equal(value.n_bytes, 3);
	assert_string_equal(value.bytes, "b3");
	assert_int_equal(reply.values[1].u64, 3);
	assert_false(sf_bridge_kernel_value(b, "other", &value));
	assert_ok(sf_bridge_record_kernel_op(b, "told", &reply));
	assert_int_equal(sf_bridge_drain_kernel_ops(b, see_op, &seen), 6);
	assert_string_equal(seen.text, "r:1:unmapped:0 r:0:half:1 r:2:ok:0 r:3:ok:2 r:4:ok:2 told:3:ok:2 ");
	assert_int_equal(sf_bridge_drain_kernel_ops(b, see_op, &seen), 0);
	assert_false(sf_bridge_kernel_value(b, "r", &value));
}

static void see_procs(void *arg, const struct sf_cgroup_procs *procs)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%s:%s:%zu:%d ", procs->tag, procs->cgroup, procs->n_pids,
		 procs->n_pids ? procs->pids[0] : 0);
}

static void edge_15_lists_of_processes_are_kept_each(void **state)
{
	pid_t pids[] = { 11, 12 };
	struct sf_cgroup_procs procs = { .tag = "t", .cgroup = "/a", .pids = pids, .n_pids = 2 }, got;
	struct seen seen = { "" };
	SF_OWNED(bridge) b = bridge_of(NULL);
	SF_OWNED(bridge) other = sf_bridge_ref(b);

	(void)state;
	assert_ok(sf_bridge_record_cgroup_procs(b, &procs));
	pids[0] = 21;
	assert_ok(sf_bridge_record_cgroup_procs(b, &procs));
	procs = (struct sf_cgroup_procs){ .tag = "empty", .cgroup = "/b" };
	assert_ok(sf_bridge_record_cgroup_procs(b, &procs));
	for (int i = 0; i < 2; i++) {
		assert_true(sf_bridge_cgroup_procs(b, "t", &got));
		assert_int_equal(got.pids[0], 11);
		assert_int_equal(got.n_pids, 2);
		assert_string_equal(got.cgroup, "/a");
	}
	assert_true(sf_bridge_cgroup_procs(b, "empty", &got));
	assert_int_equal(got.n_pids, 0);
	assert_false(sf_bridge_cgroup_procs(b, "missing", &got));
	assert_int_equal(sf_bridge_drain_cgroup_procs(other, see_procs, &seen), 3);
	assert_string_equal(seen.text, "t:/a:2:11 t:/a:2:21 empty:/b:0:0 ");
	assert_int_equal(sf_bridge_drain_cgroup_procs(b, see_procs, &seen), 0);
	assert_false(sf_bridge_cgroup_procs(b, "t", &got));
}

static void edge_16_periodic_captures_are_counted_by_their_names(void **state)
{
	static const char *const others[] = { "periodic_1", "periodic_1234", "periodic_00a", "periodic_007 ",
					      "PERIODIC_000", "periodic_kaslr", "periodic_" };
	SF_OWNED(bridge) b = bridge_of(NULL);
	SF_OWNED(frame) placeholder = sf_frame_placeholder("periodic_001", "no rendezvous");

	(void)state;
	store(b, "periodic_000");
	assert_ok(sf_bridge_store(b, "periodic_001", placeholder, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		store(b, others[i]);
	assert_int_equal(sf_bridge_periodic_real_count(b), 1);
	store(b, "periodic_001");
	assert_int_equal(sf_bridge_periodic_real_count(b), 2);
	assert_ok(sf_bridge_store(b, "periodic_000", placeholder, NULL));
	assert_int_equal(sf_bridge_periodic_real_count(b), 1);
	SF_OWNED(drained) drained = drain(b);

	assert_int_equal(sf_bridge_periodic_real_count(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_1_the_oldest_of_65_goes),
		cmocka_unit_test(edge_2_what_is_stored_again_is_the_newest),
		cmocka_unit_test(edge_3_a_drain_has_the_order_of_storing),
		cmocka_unit_test(edge_4_a_plain_store_clears_what_was_kept_beside),
		cmocka_unit_test(edge_5_what_is_kept_beside_stays_with_its_capture),
		cmocka_unit_test(edge_6_no_step_is_not_step_0),
		cmocka_unit_test(edge_7_nothing_captured_leaves_what_was_there),
		cmocka_unit_test(what_has_no_name_or_bad_statistics_is_refused),
		cmocka_unit_test(limits_are_options_and_have_a_limit),
		cmocka_unit_test(the_last_reference_ends_a_bridge_and_not_its_frames),
		cmocka_unit_test(edge_8_the_oldest_events_are_dropped_and_counted),
		cmocka_unit_test(edge_9_events_and_captures_are_drained_apart),
		cmocka_unit_test(events_are_json),
		cmocka_unit_test(each_event_is_a_warning_said_without_a_lock),
		cmocka_unit_test(edge_10_an_orphan_comes_last_and_is_an_event),
		cmocka_unit_test(edge_11_too_many_without_an_order_all_go),
		cmocka_unit_test(edge_11_one_too_many_in_order_two_go),
		cmocka_unit_test(edge_14_kernel_operations_are_logged),
		cmocka_unit_test(edge_15_lists_of_processes_are_kept_each),
		cmocka_unit_test(edge_16_periodic_captures_are_counted_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

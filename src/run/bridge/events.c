/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was lost: events, of which the oldest go first where there are too many, and how many went is kept. */
#include <inttypes.h>

#include "base/json.h"
#include "private.h"

struct sf_bridge_events {
	size_t n;
	struct sf_event *v[];
};

/* ---- lines for the log -------------------------------------------------------------------------------------------- */

static void lines_add(struct sf_lines *lines, const char *text)
{
	size_t len = strlen(text) + 1;
	struct sf_line *line = malloc(sizeof(*line) + len);

	if (!line)
		return;
	line->next = NULL;
	memcpy(line->text, text, len);
	if (lines->last)
		lines->last->next = line;
	else
		lines->first = line;
	lines->last = line;
}

void sf_lines_log(struct sf_bridge *b, struct sf_lines *lines)
{
	for (const struct sf_line *line = lines->first; line; line = line->next)
		sf_log(&b->opt.log, SF_LOG_WARN, "%s", line->text);
}

void sf_lines_cleanup(struct sf_lines *lines)
{
	while (lines->first) {
		struct sf_line *line = lines->first;

		lines->first = line->next;
		free(line);
	}
}

static char *sentence(const struct sf_bridge_event *e)
{
	switch (e->type) {
	case SF_EVENT_CAPTURE_UNAVAILABLE:
		return sf_asprintf("there is no capture '%s': %s", e->tag, e->reason);
	case SF_EVENT_OVERWRITE:
		return sf_asprintf("the capture '%s', which was there (%s), is replaced", e->tag, e->prior_schema);
	case SF_EVENT_EVICTION:
		return sf_asprintf("the capture '%s' went for '%s': %" PRIu64 " are kept", e->tag, e->other_tag, e->cap);
	case SF_EVENT_DRAIN_ORDERING_INVARIANT_VIOLATION:
		return sf_asprintf("the capture '%s' had no place in the order of %s: it comes last", e->tag,
				   e->drain_variant);
	case SF_EVENT_CAP_INVARIANT_VIOLATION:
		return sf_asprintf("%" PRIu64 " captures without an order, where %" PRIu64 " are kept: all of them went",
				   e->reports_len, e->cap);
	case SF_EVENT_EVENT_LOG_TRUNCATED:
		break;
	}
	return NULL;
}

/* ---- the queue ---------------------------------------------------------------------------------------------------- */

static const char *put_string(char **at, const char *text)
{
	if (!text)
		return NULL;
	size_t len = strlen(text) + 1;
	char *to = *at;

	memcpy(to, text, len);
	*at = to + len;
	return to;
}

static struct sf_event *event_new(const struct sf_bridge_event *from)
{
	const char *const texts[] = { from->tag, from->other_tag, from->prior_schema, from->drain_variant, from->reason };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		len += texts[i] ? strlen(texts[i]) + 1 : 0;
	struct sf_event *event = malloc(sizeof(*event) + len);

	if (!event)
		return NULL;
	char *at = (char *)(event + 1);

	*event = (struct sf_event){ .e = *from };
	event->e.tag = put_string(&at, from->tag);
	event->e.other_tag = put_string(&at, from->other_tag);
	event->e.prior_schema = put_string(&at, from->prior_schema);
	event->e.drain_variant = put_string(&at, from->drain_variant);
	event->e.reason = put_string(&at, from->reason);
	return event;
}

static void drop(struct sf_events *q)
{
	if (q->dropped < UINT64_MAX)
		q->dropped++;
}

void sf_events_note(struct sf_bridge *b, const struct sf_bridge_event *event, struct sf_lines *lines)
{
	struct sf_events *q = &b->events;
	struct sf_event *new = event_new(event);

	if (b->opt.log.fn && b->opt.log.level >= SF_LOG_WARN) {
		_cleanup_free_ char *text = sentence(event);

		if (text)
			lines_add(lines, text);
	}
	if (!new) {
		/* One that there is no memory for is one that is missing. */
		drop(q);
		return;
	}
	if (q->n >= b->opt.max_events) {
		struct sf_event *oldest = q->first;

		q->first = oldest->next;
		if (!q->first)
			q->last = &q->first;
		q->n--;
		free(oldest);
		drop(q);
	}
	*q->last = new;
	q->last = &new->next;
	q->n++;
}

void sf_events_say(struct sf_bridge *b, const struct sf_bridge_event *event)
{
	_cleanup_lines_ struct sf_lines lines = { 0 };

	pthread_mutex_lock(&b->lock);
	sf_events_note(b, event, &lines);
	pthread_mutex_unlock(&b->lock);
	sf_lines_log(b, &lines);
}

void sf_events_clear(struct sf_events *events)
{
	while (events->first) {
		struct sf_event *event = events->first;

		events->first = event->next;
		free(event);
	}
	*events = (struct sf_events){ .last = &events->first };
}

size_t sf_bridge_event_count(struct sf_bridge *bridge)
{
	pthread_mutex_lock(&bridge->lock);
	size_t n = bridge->events.n;

	pthread_mutex_unlock(&bridge->lock);
	return n;
}

/* ---- drained ------------------------------------------------------------------------------------------------------ */

/* With the lock held. Either all is moved, or nothing is. */
static struct sf_bridge_events *move_events(struct sf_events *q)
{
	SF_OWNED(bridge_events) list = calloc(1, sizeof(*list) + (q->n + 1) * sizeof(*list->v));

	if (!list)
		return NULL;
	if (q->dropped) {
		struct sf_event *marker = event_new(&(struct sf_bridge_event){ .type = SF_EVENT_EVENT_LOG_TRUNCATED,
									       .dropped_count = q->dropped });

		if (!marker)
			return NULL;
		list->v[q->n] = marker;
	}
	size_t n = 0;

	for (struct sf_event *event = q->first; event; event = event->next)
		list->v[n++] = event;
	list->n = n + (q->dropped != 0);
	*q = (struct sf_events){ .last = &q->first };
	return steal_ptr(&list);
}

struct sf_error *sf_bridge_drain_events(struct sf_bridge *bridge, struct sf_bridge_events **ret)
{
	pthread_mutex_lock(&bridge->lock);
	struct sf_bridge_events *list = move_events(&bridge->events);

	pthread_mutex_unlock(&bridge->lock);
	if (!list)
		return sf_error_nomem();
	*ret = list;
	return NULL;
}

size_t sf_bridge_events_len(const struct sf_bridge_events *events)
{
	return events ? events->n : 0;
}

const struct sf_bridge_event *sf_bridge_events_at(const struct sf_bridge_events *events, size_t i)
{
	return i < sf_bridge_events_len(events) ? &events->v[i]->e : NULL;
}

static void write_event(struct sf_json_writer *w, const struct sf_bridge_event *e)
{
	static const char *const names[] = {
		[SF_EVENT_CAPTURE_UNAVAILABLE] = "CaptureUnavailable",
		[SF_EVENT_OVERWRITE] = "Overwrite",
		[SF_EVENT_EVICTION] = "Eviction",
		[SF_EVENT_DRAIN_ORDERING_INVARIANT_VIOLATION] = "DrainOrderingInvariantViolation",
		[SF_EVENT_CAP_INVARIANT_VIOLATION] = "CapInvariantViolation",
		[SF_EVENT_EVENT_LOG_TRUNCATED] = "EventLogTruncated",
	};
	bool is_eviction = e->type == SF_EVENT_EVICTION;

	sf_json_begin_object(w);
	sf_json_put_str(w, "type", names[e->type]);
	if (e->tag)
		sf_json_put_str(w, is_eviction ? "evicted_tag" : "tag", e->tag);
	if (e->other_tag)
		sf_json_put_str(w, "new_tag", e->other_tag);
	if (e->prior_schema)
		sf_json_put_str(w, "prior_schema", e->prior_schema);
	if (e->drain_variant)
		sf_json_put_str(w, "drain_variant", e->drain_variant);
	if (e->reason)
		sf_json_put_str(w, "reason", e->reason);
	if (e->type == SF_EVENT_CAP_INVARIANT_VIOLATION)
		sf_json_put_u64(w, "reports_len", e->reports_len);
	if (is_eviction || e->type == SF_EVENT_CAP_INVARIANT_VIOLATION)
		sf_json_put_u64(w, "cap", e->cap);
	if (e->type == SF_EVENT_EVENT_LOG_TRUNCATED)
		sf_json_put_u64(w, "dropped_count", e->dropped_count);
	sf_json_end_object(w);
}

char *sf_bridge_events_to_json(const struct sf_bridge_events *events)
{
	struct sf_json_buffer buffer = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buffer, false);
	sf_json_begin_array(&w);
	for (size_t i = 0; i < sf_bridge_events_len(events); i++)
		write_event(&w, &events->v[i]->e);
	sf_json_end_array(&w);
	if (sf_json_writer_finish(&w))
		return buffer.text;
	free(buffer.text);
	return NULL;
}

void sf_bridge_events_free(struct sf_bridge_events *events)
{
	for (size_t i = 0; i < sf_bridge_events_len(events); i++)
		free(events->v[i]);
	free(events);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Captures, from asking the coordinator to a frame in the list and a file in the run directory.
 */

#include <ctype.h>
#include <sys/stat.h>

#include "private.h"

/* ---- the queue between the coordinator's thread and ours ------------------------------------------------------ */

static void notify(struct sf_run *run)
{
	uint64_t one = 1;

	while (write(run->notify, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void push(struct sf_run *run, struct outcome *o)
{
	pthread_mutex_lock(&run->lock);
	*run->last = o;
	run->last = &o->next;
	if (!o->is_event)
		run->in_flight--;
	pthread_mutex_unlock(&run->lock);
	notify(run);
}

struct outcome *sf_run_take_outcome(struct sf_run *run)
{
	struct outcome *o;

	pthread_mutex_lock(&run->lock);
	o = run->first;
	if (o) {
		run->first = o->next;
		if (!run->first)
			run->last = &run->first;
	}
	pthread_mutex_unlock(&run->lock);
	return o;
}

void sf_run_outcome_free(struct outcome *o)
{
	if (!o)
		return;
	free(o->tag);
	sf_frame_unref(o->frame);
	sf_error_free(o->err);
	free(o);
}

bool sf_run_captures_pending(struct sf_run *run)
{
	bool ret;

	pthread_mutex_lock(&run->lock);
	ret = run->in_flight || run->first;
	pthread_mutex_unlock(&run->lock);
	return ret;
}

void sf_run_on_vm_event(void *arg, const struct sf_vm_event *event)
{
	struct outcome *o = calloc(1, sizeof(*o));

	/* Without memory for it the deadline ends the run. */
	if (!o)
		return;
	o->is_event = true;
	o->event = *event;
	push(arg, o);
}

void sf_run_push_trouble(struct sf_run *run, enum sf_vm_trouble trouble, const char *line)
{
	struct outcome *o = calloc(1, sizeof(*o));

	if (!o)
		return;
	o->is_event = true;
	o->trouble = trouble;
	snprintf(o->event.text, sizeof(o->event.text), "%s", line);
	push(run, o);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

struct asked {
	struct sf_run *run;
	struct outcome *outcome;
};

static void on_done(void *arg, struct sf_frame *frame, struct sf_error *err)
{
	struct asked *a = arg;

	a->outcome->frame = frame;
	a->outcome->err = sf_error_copy(err);
	push(a->run, a->outcome);
	free(a);
}

static struct asked *asked_new(struct sf_run *run, const char *tag, uint32_t request_id)
{
	struct asked *a = calloc(1, sizeof(*a));
	struct outcome *o = calloc(1, sizeof(*o));

	if (!a || !o || !(o->tag = strdup(tag))) {
		free(a);
		free(o);
		return NULL;
	}
	o->request_id = request_id;
	*a = (struct asked){ .run = run, .outcome = o };
	return a;
}

static struct sf_error *send_request(struct sf_run *run, const struct sf_capture_request *req, struct asked *a)
{
	struct sf_error *err;

	if (!a)
		return sf_error_nomem();
	a->outcome->prepared = !req;
	pthread_mutex_lock(&run->lock);
	run->in_flight++;
	pthread_mutex_unlock(&run->lock);
	err = req ? sf_coordinator_request(run->coordinator, req, on_done, a) :
		    sf_coordinator_prepare(run->coordinator, on_done, a);
	if (!err)
		return NULL;
	pthread_mutex_lock(&run->lock);
	run->in_flight--;
	pthread_mutex_unlock(&run->lock);
	sf_run_outcome_free(a->outcome);
	free(a);
	return err;
}

/* The host's clock as if the guest had never been stopped: its own does not see a stop. */
static uint64_t unfrozen_clock(struct sf_run *run)
{
	struct sf_freeze_totals totals = { 0 };

	sf_coordinator_totals(run->coordinator, &totals);
	return sf_vm_clock() - totals.frozen_ns;
}

void sf_run_note_clock(struct sf_run *run, uint64_t guest_ns, bool begin)
{
	uint64_t offset = unfrozen_clock(run) - guest_ns;

	pthread_mutex_lock(&run->lock);
	if (!run->clock_known || offset < run->clock_offset)
		run->clock_offset = offset;
	run->clock_known = true;
	if (begin) {
		run->clock_begun = true;
		run->clock_begin = guest_ns;
	}
	pthread_mutex_unlock(&run->lock);
}

/* For a request that does not say: the guest's clock as it must be now. */
static void stamp(struct sf_run *run, struct sf_capture_request *req)
{
	uint64_t now = unfrozen_clock(run);

	pthread_mutex_lock(&run->lock);
	now -= run->clock_offset;
	if (run->clock_begun && now >= run->clock_begin) {
		req->has_guest_ns = true;
		req->guest_ns = now - run->clock_begin;
	}
	pthread_mutex_unlock(&run->lock);
}

struct sf_error *sf_run_ask(struct sf_run *run, const char *tag, const char *cause, const char *reason,
			    const uint64_t *guest_ns, uint32_t request_id, bool unasked)
{
	struct asked *a = asked_new(run, tag, request_id);
	struct sf_capture_request req = {
		.tag = tag,
		.cause = cause,
		.reason = reason,
		.scheduler = run->ops,
		.has_guest_ns = guest_ns != NULL,
		.guest_ns = guest_ns ? *guest_ns : 0,
	};

	if (!guest_ns)
		stamp(run, &req);
	if (a)
		a->outcome->unasked = unasked;
	return send_request(run, &req, a);
}

void sf_run_prepare_capture(struct sf_run *run)
{
	SF_OWNED(error) err = send_request(run, NULL, asked_new(run, "", 0));

	/* The first capture will do it, and say what is wrong. */
	if (err)
		sf_log(&run->opt.log, SF_LOG_WARN, "%s", sf_error_message(err));
}

/* ---- keeping ------------------------------------------------------------------------------------------------------ */

/*
 * A file name from a tag: what is not a plain character becomes '_', and no tag becomes a hidden file or what looks like
 * an option.
 */
static char *file_name(const char *tag)
{
	char *name = sf_asprintf("%s.frame", tag[0] ? tag : "_");

	for (char *p = name; p && *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-' && *p != '_')
			*p = '_';
	if (name && (name[0] == '.' || name[0] == '-'))
		name[0] = '_';
	return name;
}

/* Two tags may make one file name; then the later file gets a number. */
static char *free_file_name(const struct sf_run *run, const char *tag)
{
	_cleanup_free_ char *plain = file_name(tag);

	for (unsigned int n = 1; plain; n++) {
		char *name = n == 1 ? strdup(plain) :
				      sf_asprintf("%.*s.%u.frame", (int)(strlen(plain) - 6), plain, n);
		bool taken = false;

		for (size_t i = 0; name && i < run->frames.n; i++)
			taken |= run->frames.v[i].file && !strcmp(run->frames.v[i].file, name);
		if (!taken)
			return name;
		free(name);
	}
	return NULL;
}

/* Once a run: for frames that are taken away from their directory. Without it only those cannot be read. */
static void cache_facts(struct sf_run *run, struct sf_frame *frame)
{
	struct sf_facts *facts = sf_frame_facts(frame);
	SF_OWNED(error) err = facts && !run->facts_cached ? sf_facts_cache(facts) : NULL;

	run->facts_cached = run->facts_cached || facts;
	if (err)
		sf_log(&run->opt.log, SF_LOG_WARN, "the cache does not take the kernel's facts: %s", sf_error_message(err));
}

static void save(struct sf_run *run, struct sf_run_frame *f)
{
	_cleanup_free_ char *name = f->file ? steal_ptr(&f->file) : free_file_name(run, f->name);
	_cleanup_free_ char *path = name ? sf_run_path(run, name) : NULL;
	SF_OWNED(error) err = path ? sf_frame_save(f->frame, path) : sf_error_nomem();
	struct stat st;

	if (err) {
		sf_run_find(run, SF_HARNESS_FAILED, "harness", "frame \"%s\" could not be written: %s", f->name,
			    sf_error_message(err));
		return;
	}
	cache_facts(run, f->frame);
	f->bytes = stat(path, &st) ? 0 : (uint64_t)st.st_size;
	f->file = steal_ptr(&name);
}

/*
 * The same tag again replaces the frame, and moves to the end. A frame of a moment has a tag of its own, but a guest that
 * asks for the same one later is not told so: then there are two.
 */
static struct sf_run_frame *place_for(struct sf_run *run, const char *tag, bool unasked)
{
	for (size_t i = 0; i < run->frames.n; i++) {
		struct sf_run_frame old = run->frames.v[i];

		if (strcmp(old.name, tag) || old.unasked || unasked)
			continue;
		sf_log(&run->opt.log, SF_LOG_WARN, "capture \"%s\" was taken again; the later one counts", tag);
		memmove(&run->frames.v[i], &run->frames.v[i + 1], (run->frames.n - i - 1) * sizeof(old));
		sf_frame_unref(old.frame);
		old.frame = NULL;
		run->frames.v[run->frames.n - 1] = old;
		return &run->frames.v[run->frames.n - 1];
	}
	struct sf_run_frame *f = sf_vec_push(&run->frames);

	if (!f)
		return NULL;
	*f = (struct sf_run_frame){ .name = strdup(tag), .unasked = unasked };
	if (f->name)
		return f;
	run->frames.n--;
	return NULL;
}

void sf_run_keep(struct sf_run *run, struct outcome *o)
{
	struct sf_run_frame *f = NULL;
	struct sf_frame_info info = { .size = sizeof(info) };

	if (!o->frame && o->err) /* refused before it began; whoever asked was told */
		return;
	if (run->hurry && o->unasked && o->err) /* given up: an empty frame would say no more */
		return;
	pthread_mutex_lock(&run->lock);
	if (o->frame)
		f = place_for(run, o->tag, o->unasked);
	if (f)
		f->frame = steal_ptr(&o->frame);
	pthread_mutex_unlock(&run->lock);
	if (!f) {
		sf_run_find(run, SF_HARNESS_FAILED, "harness", "no memory to keep frame \"%s\"", o->tag);
		return;
	}
	sf_frame_info(f->frame, &info);
	if (o->err)
		sf_run_progress(run, "capture %s failed: %s", o->tag, sf_error_message(o->err));
	else
		sf_run_progress(run, "captured %s: %llu pages, paused %.2f ms", o->tag,
				(unsigned long long)info.n_pages, (double)info.pause_ns / 1e6);
	/* Only our thread changes the list, so the frame stays where it is. */
	save(run, f);
	if (f->file)
		sf_run_update_json(run);
}

/* ---- what users ask ------------------------------------------------------------------------------------------------ */

static struct sf_error *no_such_frame(struct sf_run *run, const char *name)
{
	struct sf_json_buffer list = { 0 };
	struct sf_error *err;

	for (size_t i = 0; i < run->frames.n; i++) {
		sf_json_buffer_sink(&list, i ? ", " : "", i ? 2 : 0);
		sf_json_buffer_sink(&list, run->frames.v[i].name, strlen(run->frames.v[i].name));
	}
	err = sf_error_new(SF_NOT_FOUND, "there is no capture \"%s\"; there %s %s", name,
			   run->frames.n == 1 ? "is" : "are", run->frames.n ? list.text : "none at all");
	free(list.text);
	return err;
}

struct sf_error *sf_run_frame(struct sf_run *run, const char *name, struct sf_frame **ret)
{
	const struct sf_run_frame *found = NULL;
	struct sf_frame *frame = NULL;
	struct sf_error *err = NULL;

	pthread_mutex_lock(&run->lock);
	/* Of two with one name the one that was asked for. */
	for (size_t i = 0; i < run->frames.n; i++)
		if (!strcmp(run->frames.v[i].name, name) && (!found || found->unasked))
			found = &run->frames.v[i];
	if (found)
		frame = sf_frame_ref(found->frame);
	else
		err = no_such_frame(run, name);
	run->n_observed += !err;
	pthread_mutex_unlock(&run->lock);
	if (err)
		sf_run_inconclusive(run, "%s", sf_error_message(err));
	else
		*ret = frame;
	return err;
}

size_t sf_run_n_frames(struct sf_run *run)
{
	size_t n;

	pthread_mutex_lock(&run->lock);
	n = run->frames.n;
	pthread_mutex_unlock(&run->lock);
	return n;
}

struct sf_frame *sf_run_frame_at(struct sf_run *run, size_t i)
{
	struct sf_frame *frame = NULL;

	pthread_mutex_lock(&run->lock);
	if (i < run->frames.n)
		frame = sf_frame_ref(run->frames.v[i].frame);
	pthread_mutex_unlock(&run->lock);
	return frame;
}

struct sf_error *sf_run_capture(struct sf_run *run, const char *name)
{
	struct sf_capture_request req = { .tag = name, .cause = "on-demand", .scheduler = run->ops };
	struct outcome *o = calloc(1, sizeof(*o));
	struct sf_error *err;
	bool ending;

	if (!o || !(o->tag = strdup(name))) {
		free(o);
		return sf_error_nomem();
	}
	pthread_mutex_lock(&run->lock);
	ending = run->ending;
	run->in_flight += !ending;
	pthread_mutex_unlock(&run->lock);
	if (ending) {
		sf_run_outcome_free(o);
		return sf_error_new(SF_HOST, "no capture \"%s\": the run is ending", name);
	}
	stamp(run, &req);
	err = sf_coordinator_capture(run->coordinator, &req, &o->frame);
	o->err = sf_error_copy(err);
	push(run, o);
	return err;
}

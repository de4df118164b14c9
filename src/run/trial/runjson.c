/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.json: what was asked of a run, and what is known of it; docs/run.schema.json is the other side of this file. It
 * is written when a run begins, after each capture and at the end, each time whole: "complete" says which it is.
 */

#include <time.h>

#include "private.h"

/* ---- what was asked --------------------------------------------------------------------------------------------- */

static void put_list(struct sf_json_writer *w, const char *key, const char *const *list)
{
	if (!list || !list[0])
		return;
	sf_json_key(w, key);
	sf_json_begin_array(w);
	for (; *list; list++)
		sf_json_str(w, *list);
	sf_json_end_array(w);
}

static void put_given(struct sf_json_writer *w, const char *key, uint64_t v)
{
	if (v)
		sf_json_put_u64(w, key, v);
}

static void put_keep(struct sf_json_writer *w, const struct sf_run_options *o)
{
	if (!o->capture_max_pages && !o->capture_max_map_bytes && !o->capture_max_pointee_bytes && !o->capture_pointer_hops)
		return;
	sf_json_key(w, "keep");
	sf_json_begin_object(w);
	put_given(w, "pages", o->capture_max_pages);
	put_given(w, "map_bytes", o->capture_max_map_bytes);
	put_given(w, "pointee_bytes", o->capture_max_pointee_bytes);
	if (o->capture_pointer_hops)
		sf_json_put_u64(w, "hops", o->capture_pointer_hops == UINT32_MAX ? 0 : o->capture_pointer_hops);
	sf_json_end_object(w);
}

static void put_asked(struct sf_json_writer *w, const struct sf_run *run)
{
	const struct sf_run_options *o = &run->opt;

	sf_json_key(w, "asked");
	sf_json_begin_object(w);
	put_list(w, "args", o->args);
	put_list(w, "env", o->env);
	put_list(w, "files", o->files);
	if (o->test)
		sf_json_put_str(w, "test", o->test);
	sf_json_put_str(w, "accel", o->accel ? o->accel : "auto");
	sf_json_put_u64(w, "duration_ns", o->duration_ns);
	sf_json_put_u64(w, "deadline_ns", o->deadline_ns);
	sf_json_put_u64(w, "attach_ns", o->attach_ns);
	put_keep(w, o);
	sf_json_key(w, "captures");
	sf_json_begin_array(w);
	for (size_t i = 0; i < o->n_captures; i++) {
		sf_json_begin_object(w);
		sf_json_put_str(w, "name", o->captures[i].name);
		sf_json_put_u64(w, "at_ns", o->captures[i].at_ns);
		sf_json_end_object(w);
	}
	sf_json_end_array(w);
	sf_json_end_object(w);
}

static void put_topology(struct sf_json_writer *w, const struct sf_run *run)
{
	const struct sf_topology *t = &run->opt.topology;
	_cleanup_free_ char *text = sf_vm_topology_text(t);

	sf_json_key(w, "topology");
	sf_json_begin_object(w);
	sf_json_put_str(w, "text", text ? text : "");
	sf_json_put_u64(w, "cpus", sf_vm_topology_cpus(t));
	sf_json_put_u64(w, "sockets", t->sockets ? t->sockets : 1);
	sf_json_put_u64(w, "llcs", t->llcs ? t->llcs : 1);
	sf_json_put_u64(w, "cores", t->cores ? t->cores : 1);
	sf_json_put_u64(w, "threads", t->threads ? t->threads : 1);
	sf_json_put_u64(w, "numa", t->numa ? t->numa : 1);
	sf_json_end_object(w);
}

/* ---- what is known ---------------------------------------------------------------------------------------------- */

static void put_capture(struct sf_json_writer *w, const struct sf_run_frame *f)
{
	struct sf_frame_info info = { .size = sizeof(info) };

	sf_frame_info(f->frame, &info);
	sf_json_begin_object(w);
	sf_json_put_str(w, "name", f->name);
	sf_json_put_str(w, "file", f->file);
	sf_json_put_str(w, "cause", info.cause);
	if (info.reason[0])
		sf_json_put_str(w, "reason", info.reason);
	if (f->unasked)
		sf_json_put_bool(w, "unasked", true);
	sf_json_put_bool(w, "is_placeholder", info.is_placeholder);
	if (info.has_guest_ns)
		sf_json_put_u64(w, "guest_ns", info.guest_ns);
	sf_json_put_u64(w, "wall_ns", info.wall_ns);
	sf_json_put_u64(w, "pause_ns", info.pause_ns);
	sf_json_put_u64(w, "walk_ns", info.walk_ns);
	sf_json_put_u64(w, "pages", info.n_pages);
	sf_json_put_u64(w, "bytes", f->bytes);
	sf_json_end_object(w);
}

static void put_captures(struct sf_json_writer *w, const struct sf_run *run)
{
	sf_json_key(w, "captures");
	sf_json_begin_array(w);
	/* One that is about to be replaced has no frame. */
	for (size_t i = 0; i < run->frames.n; i++)
		if (run->frames.v[i].frame)
			put_capture(w, &run->frames.v[i]);
	sf_json_end_array(w);
}

static void put_findings(struct sf_json_writer *w, struct sf_run *run)
{
	sf_json_key(w, "findings");
	sf_json_begin_array(w);
	/* A thread of the caller's may find something meanwhile. */
	pthread_mutex_lock(&run->lock);
	for (size_t i = 0; i < run->findings.n; i++) {
		const struct sf_finding *f = &run->findings.v[i];

		sf_json_begin_object(w);
		sf_json_put_str(w, "verdict", sf_verdict_name(f->verdict));
		sf_json_put_str(w, "source", f->source);
		sf_json_put_str(w, "text", f->text);
		sf_json_end_object(w);
	}
	pthread_mutex_unlock(&run->lock);
	sf_json_end_array(w);
}

static void put_values(struct sf_json_writer *w, const struct sf_run *run)
{
	sf_json_key(w, "values");
	sf_json_begin_array(w);
	for (size_t i = 0; i < run->values.n; i++) {
		const struct sf_run_value *v = &run->values.v[i];

		sf_json_begin_object(w);
		sf_json_put_str(w, "name", v->name);
		sf_json_key(w, "value");
		if (v->kind == SF_WIRE_U64)
			sf_json_u64(w, v->u64);
		else if (v->kind == SF_WIRE_I64)
			sf_json_i64(w, v->i64);
		else
			sf_json_str(w, v->str);
		sf_json_end_object(w);
	}
	sf_json_end_array(w);
}

static void put_timings(struct sf_json_writer *w, const struct sf_run_info *i)
{
	sf_json_key(w, "timings");
	sf_json_begin_object(w);
	sf_json_put_u64(w, "boot_ns", i->boot_ns);
	sf_json_put_u64(w, "attached_ns", i->attached_ns);
	sf_json_put_u64(w, "start_ns", i->start_ns);
	sf_json_put_u64(w, "end_ns", i->end_ns);
	sf_json_put_u64(w, "wall_ns", i->wall_ns);
	sf_json_put_u64(w, "frozen_ns", i->frozen_ns);
	sf_json_put_u64(w, "facts_ns", i->facts_ns);
	sf_json_put_u64(w, "panic_ns", i->panic_ns);
	sf_json_end_object(w);
}

/* ISO 8601, UTC. */
static void put_moment(struct sf_json_writer *w, const char *key, uint64_t wall_ns)
{
	time_t s = (time_t)(wall_ns / SF_SECOND);
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	sf_json_key(w, key);
	sf_json_strf(w, "%s.%03uZ", date, (unsigned int)(wall_ns % SF_SECOND / SF_MILLISECOND));
}

/* Of a clock that nobody sets meanwhile. */
static uint64_t end_of(const struct sf_run *run)
{
	return run->began_wall + (sf_max(run->finished, run->began) - run->began);
}

static void put_run(struct sf_json_writer *w, struct sf_run *run, bool complete)
{
	struct sf_run_info i = { .size = sizeof(i) };

	sf_run_info(run, &i);
	if (!complete)
		i.wall_ns = sf_vm_clock() - run->began;
	sf_json_put_str(w, "schema", "stillframe-run-1");
	sf_json_put_str(w, "version", SF_VERSION);
	sf_json_put_bool(w, "complete", complete);
	sf_json_put_str(w, "name", run->opt.name ? run->opt.name : "run");
	if (complete) {
		sf_json_put_str(w, "verdict", sf_verdict_name(run->verdict));
		sf_json_put_u64(w, "exit_code", (uint64_t)run->verdict);
	}
	put_moment(w, "began", run->began_wall);
	if (complete)
		put_moment(w, "ended", end_of(run));
	sf_json_put_str(w, "kernel", i.kernel);
	sf_json_put_str(w, "kernel_path", i.kernel_path);
	sf_json_put_str(w, "scheduler", i.scheduler);
	sf_json_put_str(w, "ops", i.ops);
	sf_json_put_str(w, "accel", i.accel);
	sf_json_put_str(w, "accel_why", i.accel_why);
	sf_json_put_str(w, "qemu", i.qemu);
	put_topology(w, run);
	sf_json_put_u64(w, "memory", run->opt.memory);
	put_asked(w, run);
	sf_json_put_str(w, "command", run->vm ? sf_vm_command_line(run->vm) : "");
	sf_json_put_bool(w, "attached", i.attached);
	put_timings(w, &i);
	put_captures(w, run);
	sf_run_put_expects(w, run);
	if (complete)
		sf_run_put_counters(w, run);
	put_findings(w, run);
	put_values(w, run);
	sf_run_put_scenario(w, run);
}

struct sf_error *sf_run_write_json(struct sf_run *run, bool complete)
{
	_cleanup_free_ char *path = sf_run_path(run, "run.json");
	struct sf_json_buffer buf = { 0 };
	struct sf_json_writer w;
	struct sf_error *err;

	if (!path)
		return sf_error_nomem();
	sf_json_writer_init(&w, sf_json_buffer_sink, &buf, true);
	sf_json_begin_object(&w);
	put_run(&w, run, complete);
	sf_json_end_object(&w);
	if (sf_json_writer_finish(&w) && sf_json_buffer_sink(&buf, "\n", 1))
		err = sf_file_put(path, buf.text, buf.len);
	else
		err = sf_error_nomem();
	free(buf.text);
	return err;
}

void sf_run_update_json(struct sf_run *run)
{
	SF_OWNED(error) err = sf_run_write_json(run, false);

	/* The one at the end will say what is wrong; and frames are found without it. */
	if (err)
		sf_log(&run->opt.log, SF_LOG_WARN, "%s", sf_error_message(err));
}

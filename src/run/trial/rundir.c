/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The run directory: made, locked, and described by run.json, which says from the start whether the run is complete.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "private.h"

#define MAX_RUNS 100000

char *sf_run_path(const struct sf_run *run, const char *name)
{
	return sf_asprintf("%s/%s", run->dir, name);
}

/* stillframe.out/NAME-1, -2, …: mkdir() decides who gets which. */
static struct sf_error *next_dir(const char *name, char **ret)
{
	SF_TRY(sf_mkdirs("stillframe.out"));
	for (unsigned int i = 1; i < MAX_RUNS; i++) {
		_cleanup_free_ char *path = sf_asprintf("stillframe.out/%s-%u", name, i);

		if (!path)
			return sf_error_nomem();
		if (!mkdir(path, 0777)) {
			*ret = steal_ptr(&path);
			return NULL;
		}
		if (errno != EEXIST)
			return sf_error_sys(errno, "%s", path);
	}
	return sf_error_new(SF_USAGE, "stillframe.out has %u runs called %s; choose a directory with --out", MAX_RUNS,
			    name);
}

static bool is_ours(const char *name)
{
	size_t n = strlen(name);
	static const char *const known[] = { "run.json", "console.log", "qmp.log", "qemu.log", SF_RUN_INITRD, SF_RUN_KERNEL };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return (n > 6 && !strcmp(name + n - 6, ".frame")) || !strncmp(name, "facts-", 6);
}

/* Of an earlier run, when it may be overwritten: only what a run writes. */
static struct sf_error *empty_dir(const char *path, bool force)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct sf_error *err = NULL;

	if (!dir)
		return sf_error_sys(errno, "%s", path);
	while (!err && (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (!force)
			err = sf_error_new(SF_USAGE, "%s is not empty (it has %s); --force writes over an earlier run",
					   path, e->d_name);
		else if (is_ours(e->d_name) && unlinkat(dirfd(dir), e->d_name, 0) && errno != ENOENT)
			err = sf_error_sys(errno, "%s/%s", path, e->d_name);
	}
	closedir(dir);
	return err;
}

struct sf_error *sf_run_make_dir(struct sf_run *run)
{
	const char *name = run->opt.name ? run->opt.name : "run";

	if (strchr(name, '/') || !name[0])
		return sf_error_new(SF_USAGE, "\"%s\" is no name for a run: it becomes a directory's", name);
	if (run->opt.out) {
		run->dir = strdup(run->opt.out);
		if (!run->dir)
			return sf_error_nomem();
		SF_TRY(sf_mkdirs(run->dir));
	} else {
		SF_TRY(next_dir(name, &run->dir));
	}
	run->dir_fd = open(run->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->dir_fd < 0)
		return sf_error_sys(errno, "%s", run->dir);
	/* The lock goes with the process, however it ends. */
	if (flock(run->dir_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? sf_error_new(SF_USAGE, "%s is in use by another run", run->dir) :
					      sf_error_sys(errno, "%s", run->dir);
	return run->opt.out ? empty_dir(run->dir, run->opt.force) : NULL;
}

/* ---- run.json ------------------------------------------------------------------------------------------------- */

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

static void put_captures(struct sf_json_writer *w, struct sf_run *run)
{
	sf_json_key(w, "captures");
	sf_json_begin_array(w);
	for (size_t i = 0; i < run->frames.n; i++)
		put_capture(w, &run->frames.v[i]);
	sf_json_end_array(w);
}

static void put_findings(struct sf_json_writer *w, const struct sf_run *run)
{
	sf_json_key(w, "findings");
	sf_json_begin_array(w);
	for (size_t i = 0; i < run->findings.n; i++) {
		const struct sf_finding *f = &run->findings.v[i];

		sf_json_begin_object(w);
		sf_json_put_str(w, "verdict", sf_verdict_name(f->verdict));
		sf_json_put_str(w, "source", f->source);
		sf_json_put_str(w, "text", f->text);
		sf_json_end_object(w);
	}
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

static void put_run(struct sf_json_writer *w, struct sf_run *run, bool complete)
{
	struct sf_run_info i = { .size = sizeof(i) };

	sf_run_info(run, &i);
	sf_json_put_str(w, "schema", "stillframe-run-1");
	sf_json_put_bool(w, "complete", complete);
	sf_json_put_str(w, "name", run->opt.name ? run->opt.name : "run");
	if (complete) {
		sf_json_put_str(w, "verdict", sf_verdict_name(run->verdict));
		sf_json_put_u64(w, "exit_code", (uint64_t)run->verdict);
	}
	sf_json_put_str(w, "kernel", i.kernel);
	sf_json_put_str(w, "kernel_path", i.kernel_path);
	sf_json_put_str(w, "scheduler", i.scheduler);
	sf_json_put_str(w, "ops", i.ops);
	sf_json_put_str(w, "accel", i.accel);
	sf_json_put_str(w, "accel_why", i.accel_why);
	sf_json_put_str(w, "qemu", i.qemu);
	sf_json_put_str(w, "command", run->vm ? sf_vm_command_line(run->vm) : "");
	sf_json_put_bool(w, "attached", i.attached);
	put_timings(w, &i);
	put_captures(w, run);
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
	err = sf_json_writer_finish(&w) ? sf_file_put(path, buf.text, buf.len) : sf_error_nomem();
	free(buf.text);
	return err;
}

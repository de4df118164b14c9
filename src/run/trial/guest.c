/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes into the guest: the agent, what it is to do, and the programs that this names. And the kernel as it is
 * booted.
 */

#include <libgen.h>
#include <sys/stat.h>

#include "private.h"

#define IN_GUEST "/stillframe"
/* Unpacked, the largest kernels of distributions end at 100 MiB. */
#define UNPACKED_MEMORY (256ull << 20)

struct what_to_run {
	enum sf_pack_kind kind;
	char *sched_from, *sched_to;
};

static void what_clear(struct what_to_run *w)
{
	free(w->sched_from);
	free(w->sched_to);
}

static void put_list(struct sf_json_writer *w, const char *key, const char *const *v)
{
	sf_json_key(w, key);
	sf_json_begin_array(w);
	for (; v && *v; v++)
		sf_json_str(w, *v);
	sf_json_end_array(w);
}

static void put_scheduler(struct sf_json_writer *w, const struct sf_run_options *o, const struct what_to_run *what)
{
	static const char *const kinds[] = {
		[SF_PACK_NONE] = "none", [SF_PACK_OBJECT] = "obj", [SF_PACK_PROGRAM] = "program",
	};

	sf_json_key(w, "scheduler");
	sf_json_begin_object(w);
	sf_json_put_str(w, "kind", kinds[what->kind]);
	if (what->sched_to)
		sf_json_put_str(w, "path", what->sched_to);
	put_list(w, "args", o->args);
	put_list(w, "env", o->env);
	sf_json_put_u64(w, "attach_ns", o->attach_ns);
	sf_json_end_object(w);
}

static void put_workload(struct sf_json_writer *w, const struct sf_run_options *o)
{
	sf_json_key(w, "workload");
	sf_json_begin_array(w);
	if (!o->no_workload) {
		sf_json_begin_object(w);
		sf_json_put_str(w, "kind", "mixed");
		sf_json_end_object(w);
	}
	sf_json_end_array(w);
}

static void put_captures(struct sf_json_writer *w, const struct sf_run_options *o)
{
	sf_json_key(w, "captures");
	sf_json_begin_array(w);
	for (size_t i = 0; i < o->n_captures; i++) {
		sf_json_begin_object(w);
		sf_json_put_str(w, "name", o->captures[i].name);
		sf_json_put_u64(w, "at_ns", o->captures[i].at_ns);
		sf_json_end_object(w);
	}
	sf_json_end_array(w);
}

/* A scenario is executed by another process of the agent's program. */
static void put_test(struct sf_json_writer *w, const struct sf_run_options *o)
{
	static const char *const steps[] = { SF_SCENARIO_OPTION, SF_SCENARIO_FILE, NULL };
	bool has_steps = o->scenario && o->scenario->n_steps;

	if (!has_steps && !o->test)
		return;
	sf_json_key(w, "test");
	sf_json_begin_object(w);
	sf_json_put_str(w, "path", has_steps ? "/init" : IN_GUEST "/test");
	put_list(w, "args", has_steps ? steps : o->test_args);
	sf_json_end_object(w);
}

static struct sf_error *pack_steps(struct sf_pack *pack, const struct sf_scenario *s)
{
	struct sf_json_buffer steps = { 0 };
	struct sf_error *err = sf_steps_write(s->steps, s->n_steps, &steps);

	if (!err)
		err = sf_pack_bytes(pack, steps.text, steps.len, SF_SCENARIO_FILE, 0644);
	free(steps.text);
	return err;
}

static struct sf_error *write_config(const struct sf_run_options *o, const struct what_to_run *what,
				     struct sf_json_buffer *ret)
{
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, ret, true);
	sf_json_begin_object(&w);
	sf_json_put_u64(&w, "version", 1);
	put_scheduler(&w, o, what);
	put_workload(&w, o);
	put_captures(&w, o);
	sf_json_put_u64(&w, "duration_ns", o->duration_ns);
	put_test(&w, o);
	sf_json_end_object(&w);
	return sf_json_writer_finish(&w) ? NULL : sf_error_nomem();
}

/* libbpf names the maps of an object's globals after its file: the name stays what it is. */
static struct sf_error *pack_scheduler(struct sf_pack *pack, const char *scheduler, struct what_to_run *w)
{
	_cleanup_free_ char *copy = NULL;

	SF_TRY(sf_pack_scheduler(scheduler, &w->kind, &w->sched_from));
	if (w->kind == SF_PACK_NONE)
		return NULL;
	if (w->kind == SF_PACK_PROGRAM)
		return sf_pack_program_home(pack, w->sched_from, &w->sched_to);
	copy = strdup(w->sched_from);
	w->sched_to = copy ? sf_asprintf(IN_GUEST "/obj/%s", basename(copy)) : NULL;
	return w->sched_to ? sf_pack_file(pack, w->sched_from, w->sched_to, 0644) : sf_error_nomem();
}

/*
 * A program that finds a file by a link may ask where that leads to, and look there. Where the guest cannot have it at that
 * place, it has it by the name that was asked for.
 */
static struct sf_error *pack_links_end(struct sf_pack *pack, const char *file)
{
	_cleanup_free_ char *real = realpath(file, NULL);
	struct sf_error *err;
	struct stat st;

	if (!real || stat(real, &st) || !S_ISREG(st.st_mode))
		return NULL;
	err = sf_pack_path(pack, real);
	if (sf_error_code(err) != SF_USAGE)
		return err;
	sf_error_free(err);
	return NULL;
}

static struct sf_error *pack_files(struct sf_pack *pack, const char *const *files)
{
	for (; files && *files; files++) {
		SF_TRY(sf_pack_path(pack, *files));
		SF_TRY(pack_links_end(pack, *files));
	}
	return NULL;
}

struct sf_error *sf_run_pack_guest(struct sf_run *run, const char *initrd)
{
	SF_OWNED(pack) pack = NULL;
	_cleanup_free_ char *agent = NULL;
	_cleanup_(what_clear) struct what_to_run what = { 0 };
	struct sf_json_buffer config = { 0 };
	struct sf_error *err;

	SF_TRY(sf_pack_new(&pack));
	SF_TRY(sf_pack_agent(&agent));
	SF_TRY(sf_pack_file(pack, agent, "/init", 0755));
	SF_TRY(pack_scheduler(pack, run->scheduler, &what));
	if (run->opt.test)
		SF_TRY(sf_pack_program(pack, run->opt.test, IN_GUEST "/test"));
	if (sf_run_has_steps(run))
		SF_TRY(pack_steps(pack, run->opt.scenario));
	SF_TRY(pack_files(pack, run->opt.files));
	err = write_config(&run->opt, &what, &config);
	if (!err)
		err = sf_pack_bytes(pack, config.text, config.len, IN_GUEST "/run.json", 0644);
	free(config.text);
	SF_TRY(err);
	return sf_pack_write(pack, initrd, NULL);
}

/* ---- the kernel ------------------------------------------------------------------------------------------------- */

/*
 * Unpacking and moving itself takes a kernel a third of its boot where it is interpreted, and next to nothing where it is
 * not: there it boots as it does elsewhere.
 */
static struct sf_error *wants_unpacked(const struct sf_run *run, bool *ret)
{
	const char *how = getenv("STILLFRAME_BOOT");

	if (how && how[0] && strcmp(how, "packed") && strcmp(how, "unpacked"))
		return sf_error_new(SF_USAGE, "STILLFRAME_BOOT is \"%.40s\"; there are packed and unpacked", how);
	*ret = how && how[0] ? !strcmp(how, "unpacked") : run->accel.accel == SF_ACCEL_TCG;
	return NULL;
}

struct sf_error *sf_run_boot_image(struct sf_run *run, const char *scratch, char **ret)
{
	struct sf_error *err = NULL;
	char *image = NULL;
	bool unpacked;

	SF_TRY(wants_unpacked(run, &unpacked));
	if (unpacked && run->opt.memory < UNPACKED_MEMORY)
		sf_log(&run->opt.log, SF_LOG_INFO, "the kernel is booted packed: unpacked it takes %llu MiB of memory",
		       UNPACKED_MEMORY >> 20);
	else if (unpacked)
		err = sf_pack_kernel_unpacked(run->kernel_path, scratch, &image);
	if (err)
		sf_log(&run->opt.log, SF_LOG_INFO, "the kernel is booted packed: %s", sf_error_message(err));
	sf_error_free(err);
	if (!image)
		image = strdup(run->kernel_path);
	if (!image)
		return sf_error_nomem();
	*ret = image;
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stillframe doctor: what works here, what does not and why, and what to do about it.
 */

#include <signal.h>
#include <stdarg.h>

#include "base/json.h"
#include "doctor.h"
#include "pack/child.h"

#define SCHEMA "stillframe-doctor-1"
#define ASK_NS UINT64_C(10000000000)
#define NAME_WIDTH 11

static const char *const words[] = { [FOUND_OK] = "ok", [FOUND_NO] = "no", [FOUND_UNKNOWN] = "??" };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

bool doctor_interrupted(void *unused)
{
	(void)unused;
	return interrupted;
}

/* ---- findings ----------------------------------------------------------------------------------------------------- */

static void put_check(const struct doctor *d, const struct check *c)
{
	static const char *const colours[] = { "\033[32m", "\033[31m", "\033[33m" };
	_cleanup_free_ char *lead = sf_asprintf("%s  %-*s", words[c->found], NAME_WIDTH, c->name), *text = NULL;
	_cleanup_free_ char *more = c->remedy ? sf_asprintf("%*s-> ", NAME_WIDTH + 4, "") : NULL;
	size_t len = 0;
	FILE *buffer = lead ? open_memstream(&text, &len) : NULL;

	if (!buffer)
		return;
	cli_wrap(buffer, lead, NAME_WIDTH + 4, c->why);
	if (more)
		cli_wrap(buffer, more, NAME_WIDTH + 7, c->remedy);
	if (fclose(buffer))
		return;
	if (d->colour)
		fprintf(d->out, "%s%s\033[0m%s", colours[c->found], words[c->found], text + strlen(words[c->found]));
	else
		fputs(text, d->out);
	fflush(d->out);
}

void doctor_found(struct doctor *d, const char *name, enum finding found, bool blocks, const char *remedy, const char *fmt,
		  ...)
{
	/* What was broken off has found nothing. */
	struct check *c = interrupted ? NULL : sf_vec_push(d);
	va_list ap;

	if (interrupted)
		return;
	if (!c) {
		d->failed = true;
		return;
	}
	*c = (struct check){ .name = name, .found = found, .blocks = blocks && found == FOUND_NO };
	va_start(ap, fmt);
	if (vasprintf(&c->why, fmt, ap) < 0)
		c->why = NULL;
	va_end(ap);
	c->remedy = remedy && remedy[0] ? strdup(remedy) : NULL;
	if (!c->why || (remedy && remedy[0] && !c->remedy)) {
		free(c->why);
		free(c->remedy);
		d->n--;
		d->failed = true;
	} else if (d->out) {
		put_check(d, c);
	}
}

char *doctor_ask(const char *const *argv)
{
	_cleanup_said_ struct sf_child_said said = { 0 };
	_cleanup_free_ char *path = NULL;
	SF_OWNED(error) err = sf_find_program(argv[0], &path);
	struct sf_child child = { .path = path, .argv = (char *const *)argv, .timeout_ns = ASK_NS,
				  .stop = doctor_interrupted };

	if (err || !path || interrupted)
		return NULL;
	err = sf_child_ask(&child, &said);
	if (err || said.late)
		return NULL;
	return sf_asprintf("%s%s", said.out, said.err);
}

/* ---- what it comes to ----------------------------------------------------------------------------------------------- */

static bool is_possible(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].blocks)
			return false;
	return true;
}

static void put_result(const struct doctor *d)
{
	bool first = true;

	if (is_possible(d)) {
		fprintf(d->out, "\nA run is possible here, under %s.\n", d->accel == SF_ACCEL_KVM ? "KVM" : "TCG");
		return;
	}
	fputs("\nNo run is possible here, because of:", d->out);
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].blocks) {
			fprintf(d->out, "%s %s", first ? "" : ",", d->v[i].name);
			first = false;
		}
	fputs(".\n", d->out);
}

static void put_json(const struct doctor *d)
{
	static const char *const states[] = { [FOUND_OK] = "ok", [FOUND_NO] = "no", [FOUND_UNKNOWN] = "unknown" };
	struct sf_json_buffer buffer = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buffer, true);
	sf_json_begin_object(&w);
	sf_json_put_str(&w, "schema", SCHEMA);
	sf_json_put_bool(&w, "possible", is_possible(d));
	sf_json_put_str(&w, "accel", sf_accel_name(d->accel));
	sf_json_key(&w, "checks");
	sf_json_begin_array(&w);
	for (size_t i = 0; i < d->n; i++) {
		sf_json_begin_object(&w);
		sf_json_put_str(&w, "name", d->v[i].name);
		sf_json_put_str(&w, "state", states[d->v[i].found]);
		sf_json_put_bool(&w, "blocks", d->v[i].blocks);
		sf_json_put_str(&w, "why", d->v[i].why);
		if (d->v[i].remedy)
			sf_json_put_str(&w, "remedy", d->v[i].remedy);
		sf_json_end_object(&w);
	}
	sf_json_end_array(&w);
	sf_json_end_object(&w);
	if (sf_json_writer_finish(&w))
		puts(buffer.text);
	free(buffer.text);
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */

static struct sf_error *set_json(void *arg, const char *value)
{
	(void)value;
	*(bool *)arg = true;
	return NULL;
}

static const struct cli_option options[] = {
	{ "json", 'j', NULL, "as JSON", set_json },
};

static void doctor_clear(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].why);
		free(d->v[i].remedy);
	}
	free(d->v);
	free(d->kernel);
	sf_qemu_clear(&d->qemu);
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	_cleanup_(doctor_clear) struct doctor d = { .accel = SF_ACCEL_TCG };
	struct cli_words words_given = { 0 };
	struct sigaction action = { .sa_handler = on_interrupt };
	bool json = false;
	int code;

	if (!cli_parse(c, argc, argv, &json, &words_given, &code))
		return code;
	free(words_given.v);
	if (words_given.n || words_given.rest)
		return cli_usage(c, "it takes no operand");
	d.out = json ? NULL : stdout;
	d.colour = cli_colour(STDOUT_FILENO);
	/* A limit on the size of files is a finding, and no reason to end. */
	signal(SIGXFSZ, SIG_IGN);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	doctor_check_run(&d);
	if (!interrupted)
		doctor_check_build(&d);
	if (interrupted)
		return SF_INTERRUPTED;
	if (d.failed)
		return cli_fail(c->name, sf_error_nomem());
	if (json)
		put_json(&d);
	else
		put_result(&d);
	return cli_flush(c->name, is_possible(&d) ? SF_PASS : SF_FAIL);
}

const struct cli_command cli_doctor = {
	.name = "doctor",
	.operands = "[--json]",
	.summary = "what works here, what does not and why, and what helps",
	.details = "Each line says what was looked at: ok, no, or ?? where it cannot be told. Nothing is\n"
		   "installed or downloaded. The exit code is 0 where a run is possible and 1 where\n"
		   "not. It takes a few seconds, and up to 10 more where a kernel is tried under KVM.\n",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run,
};

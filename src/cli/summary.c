/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a run, in a few lines that fit into 80 columns.
 */

#include <inttypes.h>

#include "base/json.h"
#include "summary.h"
#include "vm/vm.h"

#define LEAD 12
#define LOG_LINES 40

static void put(FILE *out, const char *what, const char *fmt, ...) sf_printf(3, 4);
static void put(FILE *out, const char *what, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	char lead[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	/* A word that is longer than its column still ends before the text. */
	snprintf(lead, sizeof(lead), "%-*s ", LEAD - 1, what);
	cli_wrap(out, lead, LEAD, n < 0 ? "" : text);
}

static void put_verdict(FILE *out, enum sf_verdict verdict)
{
	const char *colour = verdict == SF_PASS ? "32" : verdict == SF_SKIPPED || verdict == SF_INCONCLUSIVE ? "33" : "31";
	bool colours = cli_colour(fileno(out));

	fprintf(out, "%-*s%s%s%s%s%s\n", LEAD, "verdict", colours ? "\033[1;" : "", colours ? colour : "",
		colours ? "m" : "", sf_verdict_name(verdict), colours ? "\033[0m" : "");
}

static void put_scheduler(FILE *out, const struct sf_run_info *i)
{
	char time[CLI_NUMBER];

	if (!strcmp(i->scheduler, "none"))
		put(out, "scheduler", "none: the kernel's own");
	else if (!i->attached)
		put(out, "scheduler", "%s, never attached", i->scheduler);
	else if (i->attached_ns)
		put(out, "scheduler", "%s, attached for %s", i->ops[0] ? i->ops : i->scheduler,
		    cli_put_time(time, i->attached_ns));
	else
		put(out, "scheduler", "%s, attached", i->ops[0] ? i->ops : i->scheduler);
}

/* Lines of a log stand as they are; a sentence is wrapped. */
static void put_finding(FILE *out, const struct sf_finding *f)
{
	const char *text = f->text, *newline = strchr(text, '\n');
	unsigned int lines = 0;

	if (strcmp(f->source, "console")) {
		_cleanup_free_ char *first = strndup(text, strcspn(text, "\n"));

		put(out, sf_verdict_name(f->verdict), "%s: %s", strcmp(f->source, "kernel") ? f->source : "--kernel",
		    first ? first : "");
		text = newline ? newline + 1 : "";
	} else {
		put(out, "console", "its last lines:");
	}
	for (; *text && lines < LOG_LINES; lines++) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *raw = strndup(text, len), *clean = raw ? cli_clean(raw, 512) : NULL;

		fprintf(out, "    %s\n", clean ? clean : "");
		text += len + (text[len] == '\n');
	}
	if (*text)
		fprintf(out, "    (more in run.json)\n");
}

static void put_captures(FILE *out, struct sf_run *run)
{
	_cleanup_json_ struct sf_json *json = NULL;
	SF_OWNED(error) err = cli_read_run(sf_run_dir(run), &json);

	if (!sf_run_n_frames(run)) {
		put(out, "captures", "none");
	} else if (err) {
		put(out, "captures", "%s", sf_error_message(err));
	} else {
		put(out, "captures", "%zu", sf_run_n_frames(run));
		cli_put_captures(out, sf_run_dir(run), sf_json_root(json));
	}
}

/* More CPUs than the host has work, only slower: worth a word, no more. */
static void put_kernel(FILE *out, const struct sf_run_info *i, const struct sf_topology *topology)
{
	_cleanup_free_ char *cpus = sf_vm_topology_text(topology);
	long host = sysconf(_SC_NPROCESSORS_ONLN);
	char note[64] = "";

	if (host > 0 && sf_vm_topology_cpus(topology) > (unsigned long)host)
		snprintf(note, sizeof(note), "; the host has %ld", host);
	put(out, "kernel", "%s, %s%s", i->kernel[0] ? i->kernel : i->kernel_path, cpus ? cpus : "", note);
}

void cli_summary(FILE *out, struct sf_run *run, const struct sf_topology *topology)
{
	char wall[CLI_NUMBER], boot[CLI_NUMBER], frozen[CLI_NUMBER];
	struct sf_run_info i = { .size = sizeof(i) };
	enum sf_verdict verdict = sf_run_verdict(run);

	sf_run_info(run, &i);
	/* Nothing was started: there is nothing to sum up. */
	if (!i.accel[0] && sf_run_n_findings(run)) {
		for (size_t n = 0; n < sf_run_n_findings(run); n++)
			fprintf(stderr, "stillframe run: %s\n", sf_run_finding(run, n)->text);
		return;
	}
	put_verdict(out, verdict);
	for (size_t n = 0; n < sf_run_n_findings(run); n++)
		put_finding(out, sf_run_finding(run, n));
	if (i.kernel[0] || i.kernel_path[0])
		put_kernel(out, &i, topology);
	if (i.accel[0])
		put(out, "accel", "%s", i.accel_why);
	if (i.kernel[0])
		put_scheduler(out, &i);
	if (i.accel[0])
		put_captures(out, run);
	if (i.boot_ns)
		put(out, "time", "%s; the guest was up after %s, and frozen for %s of it", cli_put_time(wall, i.wall_ns),
		    cli_put_time(boot, i.boot_ns), cli_put_time(frozen, i.frozen_ns));
	else
		put(out, "time", "%s", cli_put_time(wall, i.wall_ns));
	put(out, "kept in", "%s", sf_run_dir(run));
}

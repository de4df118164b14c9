/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a run, in a few lines that fit into 80 columns. All of it is from run.json.
 */

#include <inttypes.h>

#include "base/json.h"
#include "base/text.h"
#include "report_cases.h"
#include "summary.h"

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

void cli_put_verdict(FILE *out, enum sf_verdict verdict, int columns)
{
	const char *colour = verdict == SF_PASS ? "32" : verdict == SF_SKIPPED || verdict == SF_INCONCLUSIVE ? "33" : "31";
	const char *name = sf_verdict_name(verdict);
	bool colours = cli_colour(fileno(out));

	fprintf(out, "%s%s%s%s%s%*s", colours ? "\033[1;" : "", colours ? colour : "", colours ? "m" : "", name,
		colours ? "\033[0m" : "", columns > (int)strlen(name) ? columns - (int)strlen(name) : 0, "");
}

static void put_scheduler(FILE *out, const struct sf_json_node *run)
{
	_cleanup_free_ char *scheduler = cli_clean(sf_json_member_str(run, "scheduler", ""), 256);
	const char *ops = sf_json_member_str(run, "ops", "");
	uint64_t ns = sf_json_member_u64(sf_json_member(run, "timings"), "attached_ns", 0);
	char time[CLI_NUMBER];

	if (scheduler && !strcmp(scheduler, "none"))
		put(out, "scheduler", "none: the kernel's own");
	else if (!sf_json_member_bool(run, "attached", false))
		put(out, "scheduler", "%s, never attached", scheduler ? scheduler : "");
	else
		put(out, "scheduler", "%s, attached%s%s", ops[0] || !scheduler ? ops : scheduler, ns ? " for " : "",
		    ns ? cli_put_time(time, ns) : "");
}

/* ---- findings ------------------------------------------------------------------------------------------------------- */

/* Lines of a log stand as they are; a sentence is wrapped. */
static void put_finding(FILE *out, const struct sf_json_node *f)
{
	const char *text = sf_json_member_str(f, "text", ""), *source = sf_json_member_str(f, "source", "");
	const char *newline = strchr(text, '\n');
	unsigned int lines = 0;

	if (strcmp(source, "console")) {
		_cleanup_free_ char *first = strndup(text, strcspn(text, "\n"));

		put(out, sf_json_member_str(f, "verdict", ""), "%s: %s", strcmp(source, "kernel") ? source : "--kernel",
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

/* That a capture is missing is told of the captures, where something worse says why. */
bool cli_is_told(const struct sf_json_node *f, enum sf_verdict verdict)
{
	return strcmp(sf_json_member_str(f, "source", ""), "capture") || verdict == SF_INCONCLUSIVE ||
	       sf_verdict_worse(verdict, SF_INCONCLUSIVE) == SF_INCONCLUSIVE;
}

static const struct sf_json_node *first_of(const struct sf_json_node *object, const char *key)
{
	const struct sf_json_node *list = sf_json_member(object, key);

	return list && list->type == SF_JSON_ARRAY ? list->value.first : NULL;
}

static size_t put_findings(FILE *out, const struct sf_json_node *run, enum sf_verdict verdict)
{
	size_t told = 0;

	for (const struct sf_json_node *f = first_of(run, "findings"); f; f = f->next) {
		if (!cli_is_told(f, verdict))
			continue;
		put_finding(out, f);
		told++;
	}
	return told;
}

/* ---- captures ------------------------------------------------------------------------------------------------------- */

static bool was_taken(const struct sf_json_node *run, const char *name)
{
	for (const struct sf_json_node *c = first_of(run, "captures"); c; c = c->next)
		if (!sf_json_member_bool(c, "unasked", false) && !strcmp(sf_json_member_str(c, "name", ""), name))
			return true;
	return false;
}

/* Of a run that failed otherwise: it would be a finding of its own if that were all. */
static char *not_taken(const struct sf_json_node *run)
{
	_cleanup_text_ struct sf_text t = { 0 };

	for (const struct sf_json_node *c = first_of(sf_json_member(run, "asked"), "captures"); c; c = c->next) {
		const char *name = sf_json_member_str(c, "name", "");

		if (was_taken(run, name))
			continue;
		sf_text_put(&t, t.n ? ", " : "; not taken: ");
		sf_text_put_name(&t, name, 64);
	}
	return t.n ? sf_text_take(&t) : strdup("");
}

static void put_captures(FILE *out, const char *dir, const struct sf_json_node *run)
{
	_cleanup_free_ char *missing = not_taken(run);
	size_t n = 0;

	for (const struct sf_json_node *c = first_of(run, "captures"); c; c = c->next)
		n++;
	if (!n)
		put(out, "captures", "none%s", missing ? missing : "");
	else
		put(out, "captures", "%zu%s", n, missing ? missing : "");
	cli_put_captures(out, dir, run);
}

/* ---- counters ------------------------------------------------------------------------------------------------------- */

#define MOST_COUNTERS 8u
#define FEWEST_COUNTERS 3u
#define EXPR_COLUMNS 46

static void put_rate(char buf[CLI_NUMBER], const struct sf_json_node *c)
{
	const struct sf_json_node *rate = sf_json_member(c, "per_s");

	if (!rate || rate->type != SF_JSON_REAL)
		buf[0] = '\0';
	else
		snprintf(buf, CLI_NUMBER, rate->value.f64 >= 9.95 ? "%.0f/s" : "%.1f/s", rate->value.f64);
}

static uint64_t distance(const struct sf_json_node *c)
{
	uint64_t from = sf_json_member_u64(c, "before", 0), to = sf_json_member_u64(c, "after", 0);

	return to > from ? to - from : 0;
}

static void put_counter(FILE *out, const struct sf_json_node *c, int columns)
{
	_cleanup_free_ char *expr = cli_clean(sf_json_member_str(c, "expr", ""), 256);
	char rate[CLI_NUMBER], moved[CLI_NUMBER];

	put_rate(rate, c);
	snprintf(moved, sizeof(moved), "+%" PRIu64, distance(c));
	fprintf(out, "  %-*s", columns, expr ? expr : "");
	if (expr && (int)strlen(expr) > columns)
		fprintf(out, "\n  %*s", columns, "");
	fprintf(out, rate[0] ? " %14s %13s\n" : " %14s\n", moved, rate);
}

static const struct sf_json_node *counter_list(const struct sf_json_node *run)
{
	const struct sf_json_node *list = sf_json_member(run, "counters");

	return list && list->type == SF_JSON_ARRAY && list->n ? list : NULL;
}

/* As many as leave the whole on one screen with what was found above them. */
static void put_counters(FILE *out, const char *dir, const struct sf_json_node *run, size_t n_findings)
{
	const struct sf_json_node *counted = sf_json_member(run, "counted"), *list = counter_list(run);
	unsigned int most = (unsigned int)sf_max(MOST_COUNTERS - sf_min(n_findings, (size_t)MOST_COUNTERS),
						 (size_t)FEWEST_COUNTERS), n = 0;
	uint64_t moved = sf_json_member_u64(counted, "moved", 0);
	size_t longest = 0;
	char apart[CLI_NUMBER];

	if (!list)
		return;
	for (const struct sf_json_node *c = list->value.first; c && n < most; c = c->next, n++)
		longest = sf_max(longest, strlen(sf_json_member_str(c, "expr", "")));
	put(out, "counters", "those that moved most from %s to %s, in %s", sf_json_member_str(counted, "first", "?"),
	    sf_json_member_str(counted, "last", "?"),
	    cli_put_time(apart, sf_json_member_u64(counted, "elapsed_ns", 0)));
	n = 0;
	for (const struct sf_json_node *c = list->value.first; c && n < most; c = c->next, n++)
		put_counter(out, c, (int)sf_min(longest, (size_t)EXPR_COLUMNS));
	if (moved > n) {
		_cleanup_free_ char *lead = sf_asprintf("  and %" PRIu64 " more: ", moved - n);
		_cleanup_free_ char *show = sf_asprintf("stillframe show %s/%s.frame", dir,
							sf_json_member_str(counted, "last", ""));

		cli_wrap(out, lead ? lead : "", 4, show ? show : "");
	}
}

char *cli_first_counter(const struct sf_json_node *run)
{
	const struct sf_json_node *list = counter_list(run), *c = list ? list->value.first : NULL;
	char rate[CLI_NUMBER];

	if (!c)
		return NULL;
	put_rate(rate, c);
	return sf_asprintf("%s +%" PRIu64 "%s%s", sf_json_member_str(c, "expr", ""), distance(c), rate[0] ? ", " : "", rate);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* More CPUs than the host has work, only slower: worth a word, no more. */
static void put_kernel(FILE *out, const struct sf_json_node *run, unsigned long host_cpus)
{
	const struct sf_json_node *topology = sf_json_member(run, "topology");
	const char *kernel = sf_json_member_str(run, "kernel", "");
	char note[64] = "";

	if (!kernel[0])
		kernel = sf_json_member_str(run, "kernel_path", "");
	if (!kernel[0])
		return;
	if (host_cpus && sf_json_member_u64(topology, "cpus", 0) > host_cpus)
		snprintf(note, sizeof(note), "; the host has %lu", host_cpus);
	put(out, "kernel", "%s, %s%s", kernel, sf_json_member_str(topology, "text", ""), note);
}

/* The time the guest was up is told only where it got so far. */
static void put_times(FILE *out, const struct sf_json_node *run)
{
	const struct sf_json_node *timings = sf_json_member(run, "timings");
	uint64_t boot_ns = sf_json_member_u64(timings, "boot_ns", 0), frozen_ns = sf_json_member_u64(timings, "frozen_ns", 0);
	char wall[CLI_NUMBER], boot[CLI_NUMBER], frozen[CLI_NUMBER];

	cli_put_time(wall, sf_json_member_u64(timings, "wall_ns", 0));
	if (boot_ns && frozen_ns)
		put(out, "time", "%s; the guest was up after %s, and frozen for %s of it", wall, cli_put_time(boot, boot_ns),
		    cli_put_time(frozen, frozen_ns));
	else if (boot_ns)
		put(out, "time", "%s; the guest was up after %s", wall, cli_put_time(boot, boot_ns));
	else
		put(out, "time", "%s", wall);
}

bool cli_was_started(const struct sf_json_node *run)
{
	return sf_json_member_u64(sf_json_member(run, "timings"), "start_ns", 0) || !first_of(run, "findings");
}

void cli_summary(FILE *out, const struct cli_run_report *r, unsigned long host_cpus)
{
	enum sf_verdict verdict = cli_verdict_named(sf_json_member_str(r->run, "verdict", ""));
	const char *accel_why = sf_json_member_str(r->run, "accel_why", "");
	size_t told;

	fprintf(out, "%-*s", LEAD, "verdict");
	cli_put_verdict(out, verdict, 0);
	fputs("\n", out);
	told = put_findings(out, r->run, verdict);
	put_kernel(out, r->run, host_cpus);
	if (accel_why[0])
		put(out, "accel", "%s", accel_why);
	if (sf_json_member_str(r->run, "kernel", "")[0])
		put_scheduler(out, r->run);
	if (accel_why[0])
		put_captures(out, r->dir, r->run);
	put_counters(out, r->dir, r->run, told);
	put_times(out, r->run);
	put(out, "kept in", "%s", r->dir);
}

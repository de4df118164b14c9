/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a scenario file may say, what is said of one that is wrong, and that its steps are executed in their order. */
#include "check.h"

#include <sys/stat.h>

#include "base/text.h"
#include "scenario/scenario.h"

static struct sf_error *read_text(const char *text, struct sf_scenario **ret)
{
	return sf_scenario_read("f.yaml", text, strlen(text), ret);
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------- */

#define STEP(text) "steps:\n  - " text "\n"

static const struct {
	const char *text, *error;
} wrong[] = {
	/* The file. */
	{ "", "f.yaml:1:1: the file is empty; a scenario is a map of name, scheduler, kernel, topology, memory, deadline, "
	  "steps, expect" },
	{ "# nothing\n", "f.yaml:1:1: the file is empty; a scenario is a map of name, scheduler, kernel, topology, memory, "
	  "deadline, steps, expect" },
	{ "- hold: 1s\n", "f.yaml:1:1: it takes a map of name, scheduler, kernel, topology, memory, deadline, steps, expect, "
	  "not a list" },
	{ "steps: [\n", "f.yaml:2:1: this is no YAML: while parsing a flow node, did not find expected node content" },
	{ "name: a\n\tsteps: b\n", "f.yaml:2:1: this is no YAML: while scanning a plain scalar, found a tab character that "
	  "violates indentation" },
	{ "name: \xff\n", "f.yaml:1:7: this is no text in UTF-8: invalid leading UTF-8 octet" },
	{ "\xff\xfen\0", "f.yaml:1:1: this is no text in UTF-8: invalid leading UTF-8 octet" },
	{ "name: \x01\n", "f.yaml:1:7: this is no text in UTF-8: control characters are not allowed" },
	{ "\xef\xbb\xbfnmae: a\n", "f.yaml:1:1: unknown key \"nmae\"; allowed: name, scheduler, kernel, topology, memory, deadline, "
	  "steps, expect; did you mean \"name\"?" },
	{ "name: a\r\nname: b\r\n", "f.yaml:2:1: the key \"name\" stands there twice; the first one is in line 1" },
	{ "name: a\n...\nname: b\n", "f.yaml:3:1: this is no YAML: did not find expected <document start>" },
	{ "<<: {a: b}\n", "f.yaml:1:1: unknown key \"<<\"; allowed: name, scheduler, kernel, topology, memory, deadline, steps, "
	  "expect" },
	{ "\"\\e[31m\\n\": b\n", "f.yaml:1:1: unknown key \"\\x1b[31m\\x0a\"; allowed: name, scheduler, kernel, topology, memory, "
	  "deadline, steps, expect" },
	{ "name: \"a\\0b\"\n", "f.yaml:1:7: a text with a NUL in it" },
	{ "name: a\n---\nname: b\n", "f.yaml:2:1: a second document begins; a file has one" },
	{ "name: &x a\n", "f.yaml:1:7: anchors (&) are not used here; for steps that come again there is repeat" },
	{ "name: *x\n", "f.yaml:1:7: aliases (*) are not used here; for steps that come again there is repeat" },
	{ "name: !!str a\n", "f.yaml:1:7: tags (!) are not used here; what a text is follows from its key" },
	{ "name: a\nname: b\n", "f.yaml:2:1: the key \"name\" stands there twice; the first one is in line 1" },
	{ "? [a]\n: b\n", "f.yaml:1:3: a key is a word, not a list" },
	{ "steps: [[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]\n", "f.yaml:1:23: nested more than 16 deep" },

	/* Keys. */
	{ "nmae: a\n", "f.yaml:1:1: unknown key \"nmae\"; allowed: name, scheduler, kernel, topology, memory, deadline, "
	  "steps, expect; did you mean \"name\"?" },
	{ "\"a\\nb\": 1\n", "f.yaml:1:1: unknown key \"a\\x0ab\"; allowed: name, scheduler, kernel, topology, memory, "
	  "deadline, steps, expect" },
	{ STEP("workers: {kind: spin, cuont: 3}"), "f.yaml:2:27: steps[0].workers: unknown key \"cuont\"; allowed: kind, "
	  "count, name, cgroup, nice, cpus; did you mean \"count\"?" },
	{ STEP("workers: {count: 3}"), "f.yaml:2:14: steps[0].workers: the key \"kind\" is missing; allowed: kind, count, "
	  "name, cgroup, nice, cpus" },
	{ STEP("workers: 3"), "f.yaml:2:14: steps[0].workers: it takes a map of kind, count, name, cgroup, nice, cpus, not a "
	  "text" },
	{ STEP("workers:"), "f.yaml:2:13: steps[0].workers: nothing stands here; it takes a map of kind, count, name, cgroup, "
	  "nice, cpus" },
	{ STEP("worker: {kind: spin}"), "f.yaml:2:5: steps[0]: unknown operation \"worker\"; allowed: cgroup, workers, stop, "
	  "cpu, hold, capture, expect, repeat; did you mean \"workers\"?" },
	{ STEP("workers:\n    kind: spin"), "f.yaml:3:5: steps[0]: \"kind\" is a second key; a step has one, its operation, "
	  "and what belongs to \"workers\" stands further to the right below it" },
	{ STEP("hold"), "f.yaml:2:5: steps[0]: \"hold\" takes a value: write \"hold: …\"" },
	{ STEP("{}"), "f.yaml:2:5: steps[0]: nothing stands here; allowed: cgroup, workers, stop, cpu, hold, capture, expect, "
	  "repeat" },
	{ "steps: {hold: 1s}\n", "f.yaml:1:8: steps: it takes a list of steps, not a map; each begins with \"- \"" },
	{ "steps: []\n", "f.yaml:1:8: steps: the list has no step" },

	/* Values. */
	{ STEP("workers: {kind: spni}"), "f.yaml:2:21: steps[0].workers.kind: there is no \"spni\"; allowed: spin, sleep, pipe, "
	  "fork, mixed; did you mean \"spin\"?" },
	{ STEP("workers: {kind: spin, count: x3}"), "f.yaml:2:34: steps[0].workers.count: it takes a number from 1 to 4096, "
	  "not \"x3\"" },
	{ STEP("workers: {kind: spin, count: 0}"), "f.yaml:2:34: steps[0].workers.count: it takes a number from 1 to 4096, "
	  "not \"0\"" },
	{ STEP("workers: {kind: spin, count: 99999999999999999999}"), "f.yaml:2:34: steps[0].workers.count: it takes a number "
	  "from 1 to 4096, not \"99999999999999999999\"" },
	{ STEP("workers: {kind: spin, count: \"3\"}"), "f.yaml:2:34: steps[0].workers.count: it takes a number from 1 to "
	  "4096: quotes make a text of it" },
	{ STEP("workers: {kind: spin, count: [3]}"), "f.yaml:2:34: steps[0].workers.count: it takes a number from 1 to 4096, "
	  "not a list" },
	{ STEP("workers: {kind: spin, nice: -21}"), "f.yaml:2:33: steps[0].workers.nice: it takes a number from -20 to 19, not "
	  "\"-21\"" },
	{ STEP("workers: {kind: spin, cpus: 3-1}"), "f.yaml:2:33: steps[0].workers.cpus: it takes CPUs such as 0-1,3, with "
	  "numbers up to 254, not \"3-1\"" },
	{ STEP("workers: {kind: spin, name: a b}"), "f.yaml:2:33: steps[0].workers.name: it takes a name of 1 to 64 bytes "
	  "without spaces and without /, not \"a b\"" },
	{ STEP("hold: 5"), "f.yaml:2:11: steps[0].hold: it takes a time with its unit (ns, us, ms, s, min, h), such as 500ms "
	  "or 1.5s, of at most 24h, not \"5\"" },
	{ STEP("hold: 5 parsecs"), "f.yaml:2:11: steps[0].hold: it takes a time with its unit (ns, us, ms, s, min, h), such "
	  "as 500ms or 1.5s, of at most 24h, not \"5 parsecs\"" },
	{ STEP("hold: 0s"), "f.yaml:2:11: steps[0].hold: it takes a time with its unit (ns, us, ms, s, min, h), such as 500ms "
	  "or 1.5s, of at most 24h, not \"0s\"" },
	{ STEP("hold:"), "f.yaml:2:10: steps[0].hold: nothing stands here; it takes a time with its unit (ns, us, ms, s, min, "
	  "h), such as 500ms or 1.5s, of at most 24h" },
	{ STEP("cgroup: ../a"), "f.yaml:2:13: steps[0].cgroup: it takes a cgroup: names without spaces, with single slashes "
	  "between them, no \".\" or \"..\", not \"../a\"" },
	{ STEP("cgroup: {name: a, weight: 0}"), "f.yaml:2:31: steps[0].cgroup.weight: it takes a number from 1 to 10000, not "
	  "\"0\"" },
	{ STEP("cpu: {number: 0, online: false}"), "f.yaml:2:19: steps[0].cpu.number: CPU 0 cannot be taken offline on x86; "
	  "the others can, from 1 to 254" },
	{ STEP("cpu: {number: 1, online: no}"), "f.yaml:2:30: steps[0].cpu.online: it takes true or false, not \"no\"" },
	{ STEP("repeat: {times: 3}"), "f.yaml:2:13: steps[0].repeat: the key \"steps\" is missing; allowed: times, steps" },
	{ "memory: 64K\n", "f.yaml:1:9: memory: it takes a size in M or G, such as 512M or 1.5G, of 128M to 512G, not \"64K\"" },
	{ "topology: {cores: 2, socket: 1}\n", "f.yaml:1:22: topology: unknown key \"socket\"; allowed: sockets, llcs, cores, "
	  "threads, numa; did you mean \"sockets\"?" },
	{ "topology: {cores: 256}\n", "f.yaml:1:19: topology.cores: it takes a number from 1 to 255, not \"256\"" },
	{ "kernel: []\n", "f.yaml:1:9: kernel: the list has no kernel" },
	{ "kernel: [6.18, {}]\n", "f.yaml:1:16: kernel[1]: it takes a text, not a map" },
	{ "deadline: soon\n", "f.yaml:1:11: deadline: it takes a time with its unit (ns, us, ms, s, min, h), such as 500ms or "
	  "1.5s, of at most 24h, not \"soon\"" },

	/* The scheduler. */
	{ "scheduler: {args: [a]}\n", "f.yaml:1:12: scheduler: one of the keys \"program\" and \"object\" is missing; "
	  "\"scheduler: none\" is the kernel's own" },
	{ "scheduler: {program: a, object: b}\n", "f.yaml:1:12: scheduler: both \"program\" and \"object\"; a run has one "
	  "scheduler" },
	{ "scheduler: {object: b, args: [-x]}\n", "f.yaml:1:12: scheduler: \"args\" with an object: only a program takes any" },
	{ "scheduler: {program: a, args: -x}\n", "f.yaml:1:31: scheduler.args: it takes a list of arguments, not a text" },
	{ "scheduler: {program: a, env: [A=1]}\n", "f.yaml:1:30: scheduler.env: it takes a map of variables, such as "
	  "{SCX_DEBUG: 1}, not a list" },
	{ "scheduler: {program: a, env: {A: [1]}}\n", "f.yaml:1:34: scheduler.env.A: it takes a text, not a list" },

	/* Names. */
	{ STEP("workers: {kind: spin, cgroup: a}"), "f.yaml:2:35: steps[0].workers.cgroup: there is no \"a\": no cgroups before "
	  "this step" },
	{ STEP("cgroup: abc\n  - workers: {kind: spin, cgroup: abd}"), "f.yaml:3:35: steps[1].workers.cgroup: there is no "
	  "\"abd\" before this step; cgroups: abc; did you mean \"abc\"?" },
	{ STEP("stop: load"), "f.yaml:2:11: steps[0].stop: there is no \"load\": no named workers before this step" },
	{ STEP("workers: {kind: spin, name: a}\n  - workers: {kind: pipe, name: a}"), "f.yaml:3:33: steps[1].workers.name: there "
	  "are workers \"a\" already, from line 2: stop them before, or take another name" },
	{ STEP("capture: a\n  - capture: a"), "f.yaml:3:14: steps[1].capture: there is a capture \"a\" already" },
	{ STEP("repeat: {times: 2, steps: [{workers: {kind: spin, name: a}}]}"), "f.yaml:2:61: "
	  "steps[0].repeat#2.steps[0].workers.name: there are workers \"a\" already, from line 2: stop them before, or take "
	  "another name" },
	{ STEP("repeat: {times: 10000, steps: [{hold: 1s}, {hold: 1s}]}"), "f.yaml:2:43: steps[0].repeat#5001.steps[0].hold: "
	  "more than 10000 steps, repetitions counted as often as they are made" },

	/* Questions. */
	{ STEP("expect: var(a) > 0"), "f.yaml:2:13: steps[0].expect: nothing to ask: no capture before this step" },
	{ STEP("hold: 1s") "expect: [var(a) > 0]\n", "f.yaml:3:10: expect[0]: nothing to ask: no step captures anything; "
	  "\"- capture: end\" as the last one does" },
	{ STEP("capture: mid") "expect: [{capture: mdi, holds: var(a) > 0}]\n", "f.yaml:3:20: expect[0].capture: there is no "
	  "capture \"mdi\"; there are: mid; did you mean \"mid\"?" },
	{ STEP("capture: mid") "expect: [{capture: mid}]\n", "f.yaml:3:10: expect[0]: the key \"holds\" is missing; allowed: "
	  "capture, holds" },
	{ STEP("capture: mid") "expect: {holds: 1}\n", "f.yaml:3:9: expect: it takes a list of expressions, not a map" },
};

static void each_mistake_is_said_with_its_place_and_what_is_allowed(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		SF_OWNED(scenario) s = NULL;
		SF_OWNED(error) err = read_text(wrong[i].text, &s);
		const char *said = err ? sf_error_message(err) : "no error";

		if (sf_error_code(err) == SF_BAD_INPUT && !s && !strcmp(said, wrong[i].error))
			continue;
		failed++;
		print_message("# of\n%s# is said\n#   %s\n# not\n#   %s\n", wrong[i].text, said, wrong[i].error);
	}
	assert_int_equal(failed, 0);
}

/* Where an expression is wrong is a place in the file, whatever quotes stand around it. */
static void a_wrong_expression_is_pointed_at(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ STEP("capture: a\n  - expect: var(a) >"), "f.yaml:3:21: steps[1].expect: " },
		{ STEP("capture: a\n  - expect: \"var(a) >\""), "f.yaml:3:22: steps[1].expect: " },
		{ STEP("capture: a\n  - expect: 'vra(ä) > 1'"), "f.yaml:3:14: steps[1].expect: " },
		/* Folded and escaped texts are not what stands there: the place is their beginning. */
		{ STEP("capture: a\n  - expect: \"var(a)\\x20>\""), "f.yaml:3:13: steps[1].expect: " },
		{ STEP("capture: a\n  - expect: >\n      var(a)\n      >"), "f.yaml:3:13: steps[1].expect: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		SF_OWNED(scenario) s = NULL;
		SF_OWNED(error) err = read_text(cases[i].text, &s);
		const char *said = err ? sf_error_message(err) : "no error";

		if (strncmp(said, cases[i].error, strlen(cases[i].error)))
			fail_msg("of\n%sis said: %s\nnot: %s", cases[i].text, said, cases[i].error);
	}
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void large_files_are_refused(void **state)
{
	size_t len = (1u << 20) + 1;
	char *text = malloc(len);
	struct sf_scenario *s = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '#', len);
	assert_says(sf_scenario_read("f.yaml", text, len, &s), SF_BAD_INPUT, "f.yaml: the file has more than 1048576 bytes");
	assert_says(sf_scenario_read("f.yaml", text, len - 1, &s), SF_BAD_INPUT, "the file is empty");
	free(text);
}

static void too_many_of_anything_are_refused(void **state)
{
	static const struct {
		const char *lead, *fmt, *error;
		unsigned int n;
	} cases[] = {
		{ "steps:\n", "- hold: 1s\n", "f.yaml:10002:9: steps[10000].hold: more than 10000 steps", 10001 },
		{ "steps:\n", "- cgroup: a%u\n", "steps[256].cgroup: more than 256 cgroups", 257 },
		{ "steps:\n", "- capture: a%u\n", "steps[4096].capture: more than 4096 captures", 4097 },
		{ "scheduler: {program: a, env: {\n", "a%u: 1,\n", "f.yaml:258:1: more than 256 keys in one map", 257 },
		{ "scheduler: {program: a, args: [\n", "1,\n", "more than 200000 values", 200001 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct sf_text t = { 0 };
		struct sf_scenario *s = NULL;

		sf_text_put(&t, cases[i].lead);
		for (unsigned int n = 0; n < cases[i].n; n++) {
			char line[64];

			/* The number stands where the case has a place for it. */
			const char *at = strstr(cases[i].fmt, "%u");

			if (at)
				snprintf(line, sizeof(line), "%.*s%u%s", (int)(at - cases[i].fmt), cases[i].fmt, n, at + 2);
			sf_text_put(&t, at ? line : cases[i].fmt);
		}
		assert_says(sf_scenario_read("f.yaml", t.v, t.n, &s), SF_BAD_INPUT, cases[i].error);
	}
}

/* Nobody can make a small file a long work. */
static void repetitions_in_repetitions_end(void **state)
{
	struct sf_scenario *s = NULL;

	(void)state;
	assert_says(read_text("steps: [{repeat: {times: 10000, steps: [{repeat: {times: 10000, steps: [{repeat: {times: 10000, "
			      "steps: [{hold: 1ns}]}}]}}]}}]\n", &s), SF_BAD_INPUT, "more than 10000 steps");
}

/* ---- what is right ----------------------------------------------------------------------------------------------- */

static const char everything[] =
	"name: all\n"
	"scheduler:\n"
	"  program: ./mine\n"
	"  args: [-v, \"\", 3]\n"
	"  env: {A: 1, B: x y}\n"
	"  files: [/etc/x, data/y]\n"
	"kernel: [6.18, ./bzImage]\n"
	"topology: {sockets: 2, cores: 2}\n"
	"memory: 1.5G\n"
	"deadline: 2min\n"
	"steps:\n"
	"  - cgroup: a\n"
	"  - cgroup: {name: a/b, cpus: \"0-1,3\", weight: 200}\n"
	"  - workers: {kind: spin, count: 4, name: load, cgroup: a/b, nice: -5, cpus: 0-1}\n"
	"  - workers: {kind: mixed}\n"
	"  - hold: 500ms\n"
	"  - capture: mid\n"
	"  - expect: var(x) > 0\n"
	"  - cpu: {number: 1, online: false}\n"
	"  - stop: load\n"
	"  - repeat:\n"
	"      times: 2\n"
	"      steps:\n"
	"        - workers: {kind: pipe, name: load}\n"
	"        - capture: turn\n"
	"        - expect: var(x) > 1\n"
	"        - stop: load\n"
	"expect:\n"
	"  - var(x) > 2\n"
	"  - {capture: mid, holds: var(x) == 3}\n";

static void assert_list(const char *const *v, const char *a, const char *b, const char *c)
{
	const char *want[] = { a, b, c };

	assert_non_null(v);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		if (!want[i]) {
			assert_null(v[i]);
			return;
		}
		assert_string_equal(v[i], want[i]);
	}
	assert_null(v[ARRAY_SIZE(want)]);
}

static void the_head_of_a_file_is_read(void **state)
{
	SF_OWNED(scenario) s = NULL;

	(void)state;
	assert_ok(sf_scenario_read("dir/f.yaml", everything, strlen(everything), &s));
	assert_string_equal(s->file, "dir/f.yaml");
	assert_string_equal(s->name, "all");
	/* Paths are from the file's directory; a word that is none is left alone. */
	assert_string_equal(s->scheduler, "dir/./mine");
	assert_list(s->args, "-v", "", "3");
	assert_list(s->env, "A=1", "B=x y", NULL);
	assert_list(s->files, "/etc/x", "dir/data/y", NULL);
	assert_int_equal(s->n_kernels, 2);
	assert_list(s->kernels, "6.18", "dir/./bzImage", NULL);
	assert_true(s->has_topology);
	assert_int_equal(s->topology.sockets, 2);
	assert_int_equal(s->topology.cores, 2);
	assert_int_equal(s->topology.threads, 0);
	assert_int_equal(s->memory, UINT64_C(3) << 29);
	assert_int_equal(s->deadline_ns, UINT64_C(120000000000));
	assert_int_equal(s->hold_ns, 500000000);
}

static void put_step(struct sf_text *t, const struct sf_scenario_step *s)
{
	char text[128];

	sf_text_putf(t, "%s", sf_step_text(s, text, sizeof(text)));
	if (s->op == SF_OP_WORKERS)
		sf_text_putf(t, " %s %u in %s nice %d on %s", sf_load_name(s->load), s->count, s->cgroup ? s->cgroup : "-",
			     s->nice, s->cpus ? s->cpus : "-");
	if (s->op == SF_OP_CGROUP)
		sf_text_putf(t, " weight %u on %s", s->weight, s->cpus ? s->cpus : "-");
}

static void assert_steps(const struct sf_scenario_step *v, size_t n, const char *const *want, size_t n_want)
{
	for (size_t i = 0; i < n || i < n_want; i++) {
		struct sf_text t = { 0 };

		if (i < n)
			put_step(&t, &v[i]);
		_cleanup_free_ char *text = sf_text_take(&t);

		assert_string_equal(text, i < n_want ? want[i] : "nothing");
	}
}

static const char *const all_steps[] = {
	"cgroup a weight 0 on -",
	"cgroup a/b weight 200 on 0-1,3",
	"workers load spin 4 in a/b nice -5 on 0-1",
	"workers (mixed) mixed 0 in - nice 0 on -",
	"hold 0.5 s",
	"capture mid",
	"cpu 1 offline",
	"stop load",
	"workers load pipe 1 in - nice 0 on -",
	"capture turn",
	"stop load",
	"workers load pipe 1 in - nice 0 on -",
	"capture turn.2",
	"stop load",
};

static void steps_are_in_order_and_repetitions_written_out(void **state)
{
	SF_OWNED(scenario) s = NULL;

	(void)state;
	assert_ok(read_text(everything, &s));
	assert_steps(s->steps, s->n_steps, all_steps, ARRAY_SIZE(all_steps));
	_cleanup_free_ char *first = sf_scenario_where(s, &s->places[9]), *second = sf_scenario_where(s, &s->places[12]);

	assert_string_equal(first, "f.yaml:25:11: steps[9].repeat.steps[1].capture");
	assert_string_equal(second, "f.yaml:25:11: steps[9].repeat#2.steps[1].capture");
}

static void questions_know_whom_to_ask(void **state)
{
	static const struct sf_expect want[] = {
		{ .capture = "mid", .expr = "var(x) > 0", .where = "f.yaml:18:13: steps[6].expect" },
		{ .capture = "turn", .expr = "var(x) > 1", .where = "f.yaml:26:19: steps[9].repeat.steps[2].expect" },
		{ .capture = "turn.2", .expr = "var(x) > 1", .where = "f.yaml:26:19: steps[9].repeat#2.steps[2].expect" },
		{ .capture = "turn.2", .expr = "var(x) > 2", .where = "f.yaml:29:5: expect[0]" },
		{ .capture = "mid", .expr = "var(x) == 3", .where = "f.yaml:30:27: expect[1].holds" },
	};
	SF_OWNED(scenario) s = NULL;

	(void)state;
	assert_ok(read_text(everything, &s));
	assert_int_equal(s->n_expects, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_string_equal(s->expects[i].capture, want[i].capture);
		assert_string_equal(s->expects[i].expr, want[i].expr);
		assert_string_equal(s->expects[i].where, want[i].where);
	}
}

static void without_steps_the_last_capture_is_not_known_yet(void **state)
{
	SF_OWNED(scenario) s = NULL;

	(void)state;
	assert_ok(read_text("scheduler: none\nexpect: var(x) > 0\n", &s));
	assert_string_equal(s->scheduler, "none");
	assert_int_equal(s->n_steps, 0);
	assert_int_equal(s->n_expects, 1);
	assert_null(s->expects[0].capture);
}

static void cpus_are_checked_against_the_guest_that_there_will_be(void **state)
{
	SF_OWNED(scenario) s = NULL;

	(void)state;
	assert_ok(read_text(everything, &s));
	assert_ok(sf_scenario_check_cpus(s, 4));
	assert_says(sf_scenario_check_cpus(s, 3), SF_BAD_INPUT,
		    "f.yaml:13:5: steps[1].cgroup: there is no CPU 3: the guest has 3, from 0 to 2");
	assert_non_null(sf_scenario_find_capture(s, "turn.2"));
	assert_null(sf_scenario_find_capture(s, "turn.3"));
}

/* From the top of the source tree, which this file is two folders below. */
static char *example(const char *name)
{
	static const char own[] = __FILE__;
	static const char tail[] = "tests/unit/test_scenario.c";

	assert_true(sizeof(own) >= sizeof(tail));
	return sf_asprintf("%.*sscenarios/%s.yaml", (int)(sizeof(own) - sizeof(tail)), own, name);
}

static void the_examples_are_right(void **state)
{
	static const char *const bursts[] = {
		"workers (sleep) sleep 2 in - nice 0 on -",
		"workers load mixed 0 in - nice 0 on -", "hold 0.3 s", "capture burst", "stop load", "hold 0.2 s", "capture idle",
		"workers load mixed 0 in - nice 0 on -", "hold 0.3 s", "capture burst.2", "stop load", "hold 0.2 s",
		"capture idle.2",
		"workers load mixed 0 in - nice 0 on -", "hold 0.3 s", "capture burst.3", "stop load", "hold 0.2 s",
		"capture idle.3",
	};
	static const char *const cgroups[] = {
		"cgroup busy weight 50 on -", "cgroup lazy weight 200 on -", "workers spinners spin 4 in busy nice 5 on -",
		"workers (sleep) sleep 4 in lazy nice 0 on -", "hold 0.5 s", "capture both", "stop spinners", "hold 0.5 s",
		"capture alone",
	};
	static const char *const hotplug[] = {
		"workers load mixed 0 in - nice 0 on -", "hold 0.3 s", "cpu 1 offline", "hold 0.3 s", "capture offline",
		"cpu 1 online", "hold 0.3 s", "capture online",
	};
	static const struct {
		const char *name;
		const char *const *steps;
		size_t n;
	} files[] = {
		{ "bursts", bursts, ARRAY_SIZE(bursts) },
		{ "two-cgroups", cgroups, ARRAY_SIZE(cgroups) },
		{ "hotplug", hotplug, ARRAY_SIZE(hotplug) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = example(files[i].name);
		SF_OWNED(scenario) s = NULL;

		assert_ok(sf_scenario_load(path, &s));
		assert_string_equal(s->name, files[i].name);
		assert_steps(s->steps, s->n_steps, files[i].steps, files[i].n);
		assert_ok(sf_scenario_check_cpus(s, 2));
	}
}

static void a_name_of_a_file_stays_in_its_line(void **state)
{
	struct sf_scenario *s = NULL;

	(void)state;
	assert_says(sf_scenario_read("a\nb\x1b.yaml", "x", 1, &s), SF_BAD_INPUT, "a\\x0ab\\x1b.yaml:1:1: ");
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct sf_scenario *s = NULL;

	(void)state;
	assert_says(sf_scenario_load("/does/not/exist.yaml", &s), SF_SYSTEM, "/does/not/exist.yaml");
}

static void what_is_no_file_does_not_hold_us_up(void **state)
{
	struct sf_scenario *s = NULL;
	char fifo[64];

	(void)state;
	snprintf(fifo, sizeof(fifo), "/tmp/sf-test-fifo-%d", getpid());
	assert_int_equal(mkfifo(fifo, 0600), 0);
	alarm(60);
	SF_OWNED(error) err = sf_scenario_load(fifo, &s);

	alarm(0);
	unlink(fifo);
	assert_non_null(err);
	assert_non_null(strstr(sf_error_message(err), ":1:1: the file is empty"));
	assert_says(sf_scenario_load("/dev/zero", &s), SF_BAD_INPUT, "'/dev/zero' is larger than 1048576 bytes");
	assert_says(sf_scenario_load("/", &s), SF_SYSTEM, "cannot read '/'");
}

/* Each line would be nine times the one before. */
static void anchors_do_not_grow(void **state)
{
	static const char text[] = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n";
	struct sf_scenario *s = NULL;

	(void)state;
	assert_says(read_text(text, &s), SF_BAD_INPUT, "f.yaml:1:4: anchors (&) are not used here");
}

static void lists_of_cpus(void **state)
{
	static const char *const good[] = { "0", "254", "0-1", "0-0", "3,1", "0-1,3,5-7" };
	static const char *const bad[] = { "", ",", "0,", "-1", "1-", "2-1", "255", "1 2", "0x1", "a", "0--1", "000000255" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(sf_cpu_list(good[i], NULL, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(sf_cpu_list(bad[i], NULL, NULL));
}

/* ---- into the guest, and there ----------------------------------------------------------------------------------- */

static void steps_are_the_same_on_the_other_side(void **state)
{
	_cleanup_steps_ struct sf_steps steps = { 0 };
	struct sf_json_buffer json = { 0 };
	SF_OWNED(scenario) s = NULL;

	(void)state;
	assert_ok(read_text(everything, &s));
	assert_ok(sf_steps_write(s->steps, s->n_steps, &json));
	assert_ok(sf_steps_read(json.text, json.len, &steps));
	free(json.text);
	assert_steps(steps.v, steps.n, all_steps, ARRAY_SIZE(all_steps));
}

static void what_is_no_step_is_refused_in_the_guest(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{\"version\":2,\"steps\":[]}", "{\"version\":1}",
		"{\"version\":1,\"steps\":[{}]}", "{\"version\":1,\"steps\":[{\"op\":\"reboot\"}]}",
		"{\"version\":1,\"steps\":[{\"op\":\"capture\"}]}",
		"{\"version\":1,\"steps\":[{\"op\":\"workers\",\"kind\":\"spin\"}]}",
		"{\"version\":1,\"steps\":[{\"op\":\"workers\",\"kind\":\"spin\",\"count\":5000}]}",
		"{\"version\":1,\"steps\":[{\"op\":\"workers\",\"kind\":\"spin\",\"count\":1,\"cpus\":\"999\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sf_steps steps = { 0 };

		assert_code(sf_steps_read(bad[i], strlen(bad[i]), &steps), SF_BAD_INPUT);
		assert_null(steps.v);
	}
}

/* Writes down what it is told to do. */
struct fake {
	struct sf_text log;
	const char *failing; /* its text */
	bool deaf;
};

static struct sf_error *fake_begins(void *arg, size_t i)
{
	struct fake *f = arg;

	sf_text_putf(&f->log, "%zu<", i);
	return f->deaf ? sf_error_new(SF_TRANSPORT, "nobody listens") : NULL;
}

static struct sf_error *fake_ends(void *arg, size_t i)
{
	sf_text_putf(&((struct fake *)arg)->log, ">%zu ", i);
	return NULL;
}

static struct sf_error *fake_fails(void *arg, size_t i, struct sf_error *err)
{
	sf_text_putf(&((struct fake *)arg)->log, "!%zu %s", i, sf_error_message(err));
	return NULL;
}

static struct sf_error *fake_op(void *arg, const struct sf_scenario_step *step)
{
	struct fake *f = arg;
	char text[128];

	sf_step_text(step, text, sizeof(text));
	sf_text_put(&f->log, text);
	return f->failing && !strcmp(f->failing, text) ? sf_error_new(SF_SYSTEM, "it broke") : NULL;
}

static struct sf_error *run_fake(struct fake *f)
{
	static const struct sf_op_backend backend = {
		.begins = fake_begins,
		.ends = fake_ends,
		.fails = fake_fails,
		.ops = { fake_op, fake_op, fake_op, fake_op, fake_op, fake_op },
	};
	SF_OWNED(scenario) s = NULL;

	SF_TRY(read_text("steps: [{workers: {kind: spin, name: a}}, {hold: 1s}, {stop: a}]\n", &s));
	return sf_steps_run(s->steps, s->n_steps, &backend, f);
}

static void every_step_is_executed_in_turn(void **state)
{
	struct fake f = { 0 };

	(void)state;
	assert_ok(run_fake(&f));
	_cleanup_free_ char *log = sf_text_take(&f.log);

	assert_string_equal(log, "0<workers a>0 1<hold 1 s>1 2<stop a>2 ");
}

static void a_failing_step_is_told_and_the_last(void **state)
{
	struct fake f = { .failing = "hold 1 s" };

	(void)state;
	assert_ok(run_fake(&f));
	_cleanup_free_ char *log = sf_text_take(&f.log);

	assert_string_equal(log, "0<workers a>0 1<hold 1 s!1 it broke");
}

static void what_cannot_be_told_ends_everything(void **state)
{
	struct fake f = { .deaf = true };

	(void)state;
	assert_says(run_fake(&f), SF_TRANSPORT, "nobody listens");
	_cleanup_free_ char *log = sf_text_take(&f.log);

	assert_string_equal(log, "0<");
}

static void what_is_told_of_a_step_is_understood(void **state)
{
	static const char *const bad[] = { "", "step ", "step  ends", "step x ends", "step 1", "step 1 ", "step 1 sleeps",
					   "step 10000 ends", "step 99999999999999999999 ends", "steps 1 ends", "step -1 ends" };
	enum sf_step_word word;
	char name[64];
	size_t n;

	(void)state;
	for (int w = SF_STEP_BEGINS; w <= SF_STEP_REFUSED; w++) {
		sf_step_say(name, 9999, (enum sf_step_word)w);
		assert_true(sf_step_said(name, &n, &word));
		assert_int_equal(n, 9999);
		assert_int_equal(word, w);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(sf_step_said(bad[i], &n, &word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_said_with_its_place_and_what_is_allowed),
		cmocka_unit_test(a_wrong_expression_is_pointed_at),
		cmocka_unit_test(large_files_are_refused),
		cmocka_unit_test(too_many_of_anything_are_refused),
		cmocka_unit_test(repetitions_in_repetitions_end),
		cmocka_unit_test(the_head_of_a_file_is_read),
		cmocka_unit_test(steps_are_in_order_and_repetitions_written_out),
		cmocka_unit_test(questions_know_whom_to_ask),
		cmocka_unit_test(without_steps_the_last_capture_is_not_known_yet),
		cmocka_unit_test(cpus_are_checked_against_the_guest_that_there_will_be),
		cmocka_unit_test(the_examples_are_right),
		cmocka_unit_test(a_name_of_a_file_stays_in_its_line),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(what_is_no_file_does_not_hold_us_up),
		cmocka_unit_test(anchors_do_not_grow),
		cmocka_unit_test(lists_of_cpus),
		cmocka_unit_test(steps_are_the_same_on_the_other_side),
		cmocka_unit_test(what_is_no_step_is_refused_in_the_guest),
		cmocka_unit_test(every_step_is_executed_in_turn),
		cmocka_unit_test(a_failing_step_is_told_and_the_last),
		cmocka_unit_test(what_cannot_be_told_ends_everything),
		cmocka_unit_test(what_is_told_of_a_step_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

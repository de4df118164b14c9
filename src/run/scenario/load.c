/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "private.h"
#include "vm/vm.h"

#define DEFAULT_MEMORY (UINT64_C(1) << 30)

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* From the directory of the file, wherever the command is started. */
static const char *beside(struct loader *l, const char *path)
{
	const char *slash = strrchr(l->path, '/');

	if (path[0] == '/' || !slash)
		return path;
	return sf_scn_keep(l, sf_asprintf("%.*s/%s", (int)(slash - l->path), l->path, path));
}

/* A word without a slash is looked for elsewhere: a program in PATH, a kernel among series. */
static const char *word_or_path(struct loader *l, const char *text)
{
	return strchr(text, '/') ? beside(l, text) : text;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

/* ---- the scheduler ----------------------------------------------------------------------------------------------- */

static struct sf_error *set_program(struct loader *l, const struct at *at, node *n, void *into)
{
	const char *text;

	(void)into;
	SF_TRY(sf_scn_text(l, at, n, "a program: a path, or a name that PATH has", &text));
	l->s->is_program = true;
	l->s->scheduler = word_or_path(l, text);
	return l->s->scheduler ? NULL : sf_error_nomem();
}

static struct sf_error *set_object(struct loader *l, const struct at *at, node *n, void *into)
{
	const char *text;

	(void)into;
	SF_TRY(sf_scn_text(l, at, n, "the path of a BPF object", &text));
	l->s->is_object = true;
	l->s->scheduler = beside(l, text);
	return l->s->scheduler ? NULL : sf_error_nomem();
}

static struct sf_error *set_args(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	return sf_scn_texts(l, at, n, "arguments", NULL, false, &l->s->args, NULL);
}

static struct sf_error *set_files(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	return sf_scn_texts(l, at, n, "paths", beside, false, &l->s->files, NULL);
}

static struct sf_error *set_env(struct loader *l, const struct at *at, node *n, void *into)
{
	const char **v;
	size_t i = 0;

	(void)into;
	if (n->type != SF_DOC_MAP)
		return sf_scn_bad(l, at, n, "it takes a map of variables, such as {SCX_DEBUG: 1}, not a %s",
				  n->type == SF_DOC_LIST ? "list" : "text");
	v = calloc(n->n + 1u, sizeof(*v));
	if (!v || !sf_scn_keep(l, (char *)v))
		return sf_error_nomem();
	for (node *c = n->first; c; c = c->next) {
		struct at own = { .up = at, .key = c->key };

		if (!c->key[0] || strchr(c->key, '='))
			return sf_scn_bad_at(l, at, c->key_line, c->key_column, "\"%s\" is no name of a variable",
					     sf_scn_shown(l, c->key));
		if (c->type != SF_DOC_TEXT) {
			own.key = sf_scn_shown(l, c->key);
			return sf_scn_bad(l, &own, c, "it takes a text, not a %s", c->type == SF_DOC_MAP ? "map" : "list");
		}
		v[i] = sf_scn_keep(l, sf_asprintf("%s=%s", c->key, c->text));
		if (!v[i++])
			return sf_error_nomem();
	}
	l->s->env = v;
	return NULL;
}

static struct sf_error *set_scheduler(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = {
		{ "program", false, set_program }, { "object", false, set_object }, { "args", false, set_args },
		{ "env", false, set_env }, { "files", false, set_files },
	};
	struct sf_scenario *s = l->s;

	if (n->type == SF_DOC_TEXT && n->text[0]) {
		/* An object lies beside the scenario; a program without a slash is in PATH. */
		s->scheduler = strchr(n->text, '/') || ends_with(n->text, ".o") ? beside(l, n->text) : n->text;
		return s->scheduler ? NULL : sf_error_nomem();
	}
	SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), into));
	if (!s->scheduler)
		return sf_scn_bad(l, at, n, "one of the keys \"program\" and \"object\" is missing; \"scheduler: none\" is "
				  "the kernel's own");
	if (s->is_program && s->is_object)
		return sf_scn_bad(l, at, n, "both \"program\" and \"object\"; a run has one scheduler");
	if (s->is_object && (s->args || s->env))
		return sf_scn_bad(l, at, n, "\"%s\" with an object: only a program takes any", s->args ? "args" : "env");
	return NULL;
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

static struct sf_error *set_name(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	return sf_scn_name(l, at, n, &l->s->name);
}

static struct sf_error *set_kernel(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	if (n->type == SF_DOC_LIST && !n->n)
		return sf_scn_bad(l, at, n, "the list has no kernel");
	if (n->type == SF_DOC_MAP)
		return sf_scn_bad(l, at, n, "it takes a kernel (a file, or a series such as 6.18) or a list of them, not a map");
	return sf_scn_texts(l, at, n, "kernels", word_or_path, true, &l->s->kernels, &l->s->n_kernels);
}

#define SF_TOPOLOGY_KEY(part, max)                                                                                     \
	static struct sf_error *set_##part(struct loader *l, const struct at *at, node *n, void *into)                 \
	{                                                                                                              \
		int64_t v;                                                                                             \
                                                                                                                       \
		SF_TRY(sf_scn_number(l, at, n, 1, max, &v));                                                           \
		((struct sf_topology *)into)->part = (uint32_t)v;                                                      \
		return NULL;                                                                                           \
	}
SF_TOPOLOGY_KEY(sockets, 255)
SF_TOPOLOGY_KEY(llcs, 255)
SF_TOPOLOGY_KEY(cores, 255)
SF_TOPOLOGY_KEY(threads, 255)
SF_TOPOLOGY_KEY(numa, 32)

static struct sf_error *set_topology(struct loader *l, const struct at *at, node *n, void *into)
{
	static const struct key keys[] = {
		{ "sockets", false, set_sockets }, { "llcs", false, set_llcs }, { "cores", false, set_cores },
		{ "threads", false, set_threads }, { "numa", false, set_numa },
	};
	struct sf_topology t = { 0 };

	(void)into;
	if (n->type == SF_DOC_TEXT && n->text[0]) {
		SF_OWNED(error) err = sf_vm_topology_parse(n->text, &t);

		if (sf_error_code(err) == SF_NO_MEMORY)
			return steal_ptr(&err);
		if (err)
			return sf_scn_bad(l, at, n, "%s", sf_error_message(err));
	} else {
		SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), &t));
		if (!n->n)
			return sf_scn_bad(l, at, n, "nothing stands here; allowed: sockets, llcs, cores, threads, numa");
	}
	l->s->topology = t;
	l->s->has_topology = true;
	return NULL;
}

static struct sf_error *set_memory(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	return sf_scn_size(l, at, n, &l->s->memory);
}

static struct sf_error *set_deadline(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)into;
	return sf_scn_time(l, at, n, &l->s->deadline_ns);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Of the file, until everything is known that they have to do with. */
struct later {
	node *topology, *steps, *expect;
};

static struct sf_error *see_topology(struct loader *l, const struct at *at, node *n, void *into)
{
	((struct later *)into)->topology = n;
	return set_topology(l, at, n, NULL);
}

static struct sf_error *see_steps(struct loader *l, const struct at *at, node *n, void *into)
{
	((struct later *)into)->steps = n;
	l->has_steps = true;
	return sf_scn_steps(l, at, n, NULL);
}

static struct sf_error *see_expect(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)l;
	(void)at;
	((struct later *)into)->expect = n;
	return NULL;
}

struct question {
	const char *capture;
	node *holds;
};

static struct sf_error *set_capture(struct loader *l, const struct at *at, node *n, void *into)
{
	struct question *q = into;

	SF_TRY(sf_scn_name(l, at, n, &q->capture));
	/* Without steps captures are the command line's. */
	if (l->has_steps && !l->captures.n)
		return sf_scn_bad(l, at, n, "there is no capture \"%s\": no step captures anything",
				  sf_scn_shown(l, q->capture));
	return !l->has_steps || sf_scn_has_capture(l, q->capture) ? NULL : sf_scn_no_capture(l, at, n, q->capture);
}

static struct sf_error *set_holds(struct loader *l, const struct at *at, node *n, void *into)
{
	(void)l;
	(void)at;
	((struct question *)into)->holds = n;
	return NULL;
}

static struct sf_error *read_question(struct loader *l, const struct at *at, node *n)
{
	static const struct key keys[] = { { "capture", true, set_capture }, { "holds", true, set_holds } };
	const char *last = l->captures.n ? l->captures.v[l->captures.n - 1] : NULL;
	struct question q = { 0 };

	if (n->type == SF_DOC_MAP) {
		struct at own = { .up = at, .key = "holds" };

		SF_TRY(sf_scn_map(l, at, n, keys, ARRAY_SIZE(keys), &q));
		return sf_scn_expect(l, &own, q.holds, q.capture);
	}
	if (l->has_steps && !last)
		return sf_scn_bad(l, at, n, "nothing to ask: no step captures anything; \"- capture: end\" as the last one does");
	return sf_scn_expect(l, at, n, last);
}

static struct sf_error *read_questions(struct loader *l, node *n)
{
	struct at at = { .key = "expect" };
	size_t i = 0;

	if (n->type == SF_DOC_TEXT)
		return read_question(l, &at, n);
	if (n->type != SF_DOC_LIST)
		return sf_scn_bad(l, &at, n, "it takes a list of expressions, not a map");
	for (node *c = n->first; c; c = c->next, i++) {
		struct at own = { .up = &at, .index = i };

		SF_TRY(read_question(l, &own, c));
	}
	return NULL;
}

/* By itself; what the command line makes of it is checked there. */
static struct sf_error *check_topology(struct loader *l, node *n)
{
	SF_OWNED(error) err = sf_vm_topology_check(&l->s->topology, l->s->memory ? l->s->memory : DEFAULT_MEMORY);
	struct at at = { .key = "topology" };

	if (!err || sf_error_code(err) == SF_NO_MEMORY)
		return steal_ptr(&err);
	return sf_scn_bad(l, &at, n, "%s", sf_error_message(err));
}

static struct sf_error *read_all(struct loader *l)
{
	static const struct key keys[] = {
		{ "name", false, set_name }, { "scheduler", false, set_scheduler }, { "kernel", false, set_kernel },
		{ "topology", false, see_topology }, { "memory", false, set_memory }, { "deadline", false, set_deadline },
		{ "steps", false, see_steps }, { "expect", false, see_expect },
	};
	node *root = l->own->doc.root;
	struct later later = { 0 };

	if (!root)
		return sf_scn_bad_at(l, NULL, 1, 1, "the file is empty; a scenario is a map of name, scheduler, kernel, "
				     "topology, memory, deadline, steps, expect");
	SF_TRY(sf_scn_map(l, NULL, root, keys, ARRAY_SIZE(keys), &later));
	if (later.topology)
		SF_TRY(check_topology(l, later.topology));
	return later.expect ? read_questions(l, later.expect) : NULL;
}

/* A name may have anything in it; in a message it is one line. */
static const char *shown_path(struct loader *l, const char *path)
{
	struct sf_text t = { 0 };

	sf_text_put_name(&t, path, 4 * strlen(path));
	return sf_scn_keep(l, sf_text_take(&t));
}

struct sf_error *sf_scenario_read(const char *file, const char *text, size_t len, struct sf_scenario **ret)
{
	SF_OWNED(scenario) s = calloc(1, sizeof(*s));
	_cleanup_free_ struct loader *l = calloc(1, sizeof(*l));
	struct sf_error *err;

	if (!s || !l || !(s->own = calloc(1, sizeof(*s->own))))
		return sf_error_nomem();
	l->s = s;
	l->own = s->own;
	l->path = file;
	s->file = shown_path(l, file);
	if (!s->file)
		return sf_error_nomem();
	err = sf_doc_read(s->file, text, len, &s->own->doc);
	if (!err)
		err = read_all(l);
	s->steps = l->steps.v;
	s->n_steps = l->steps.n;
	s->places = l->places.v;
	s->expects = l->expects.v;
	s->n_expects = l->expects.n;
	free(l->captures.v);
	if (!err)
		*ret = steal_ptr(&s);
	return err;
}

struct sf_error *sf_scenario_load(const char *path, struct sf_scenario **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	SF_TRY(sf_file_get(path, SF_DOC_MAX_BYTES, &text, &len));
	return sf_scenario_read(path, text, len, ret);
}

void sf_scenario_free(struct sf_scenario *s)
{
	if (!s)
		return;
	if (s->own) {
		for (size_t i = 0; i < s->own->strings.n; i++)
			free(s->own->strings.v[i]);
		free(s->own->strings.v);
		sf_doc_clear(&s->own->doc);
		free(s->own);
	}
	free(s->steps);
	free(s->places);
	free(s->expects);
	free(s);
}

/* ---- what is asked of one ---------------------------------------------------------------------------------------- */

char *sf_scenario_where(const struct sf_scenario *s, const struct sf_scenario_place *p)
{
	return sf_asprintf("%s:%u:%u: %s", s->file, p->line, p->column, p->path);
}

const struct sf_scenario_place *sf_scenario_find_capture(const struct sf_scenario *s, const char *name)
{
	for (size_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].op == SF_OP_CAPTURE && !strcmp(s->steps[i].name, name))
			return &s->places[i];
	return NULL;
}

static void largest(void *arg, uint32_t cpu)
{
	uint32_t *max = arg;

	*max = sf_max(*max, cpu);
}

struct sf_error *sf_scenario_check_cpus(const struct sf_scenario *s, uint32_t n_cpus)
{
	for (size_t i = 0; i < s->n_steps; i++) {
		const struct sf_scenario_step *step = &s->steps[i];
		uint32_t max = step->op == SF_OP_CPU ? step->cpu : 0;

		if (step->cpus)
			sf_cpu_list(step->cpus, largest, &max);
		if (max < n_cpus)
			continue;
		_cleanup_free_ char *where = sf_scenario_where(s, &s->places[i]);

		return sf_error_new(SF_BAD_INPUT, "%s: there is no CPU %u: the guest has %u, from 0 to %u",
				    where ? where : s->file, max, n_cpus, n_cpus - 1);
	}
	return NULL;
}

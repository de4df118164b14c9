/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#define MAX_LIST 4096
#define SECOND 1000000000ull
#define MAX_TIME ((uint64_t)INT64_MAX) /* a deadline that far away can be added to any clock */

typedef const struct sf_json_node node;

static struct sf_error *bad(const char *member, const char *what)
{
	return sf_error_new(SF_BAD_INPUT, "what to run: \"%s\" %s", member, what);
}

/* Of @object's member @name: NULL when it is not there. */
static struct sf_error *list_of(node *object, const char *name, node **ret)
{
	*ret = sf_json_member(object, name);
	if (*ret && (*ret)->type == SF_JSON_NULL)
		*ret = NULL;
	if (*ret && ((*ret)->type != SF_JSON_ARRAY || (*ret)->n > MAX_LIST))
		return bad(name, "is no list, or too long a one");
	return NULL;
}

static node *first_of(node *list)
{
	return list && list->n ? list->value.first : NULL;
}

static struct sf_error *time_of(node *object, const char *name, uint64_t other, uint64_t *ret)
{
	node *n = sf_json_member(object, name);

	if (n && n->type != SF_JSON_UINT)
		return bad(name, "is no number of nanoseconds");
	*ret = n ? sf_min(n->value.u64, MAX_TIME) : other;
	return NULL;
}

/* A list of strings, as pointers into the document, with @first (if any) before and NULL behind them. */
static struct sf_error *strings_of(node *object, const char *name, const char *first, const char ***ret,
				   size_t *ret_n)
{
	node *list;
	size_t n = 0;

	SF_TRY(list_of(object, name, &list));
	const char **v = calloc((list ? list->n : 0) + 2, sizeof(*v));

	if (!v)
		return sf_error_nomem();
	if (first)
		v[n++] = first;
	for (node *s = first_of(list); s; s = s->next) {
		if (s->type != SF_JSON_STRING || strlen(s->value.str) != s->str_len) {
			free(v);
			return bad(name, "holds something that is no text");
		}
		v[n++] = s->value.str;
	}
	*ret = v;
	*ret_n = n;
	return NULL;
}

static struct sf_error *command_of(node *object, const char *what, struct command *ret)
{
	const char *path = sf_json_member_str(object, "path", NULL), **v;
	size_t n;

	if (!path || path[0] != '/')
		return bad(what, "has no absolute \"path\"");
	SF_TRY(strings_of(object, "args", path, &v, &n));
	ret->argv = (char **)v;
	SF_TRY(strings_of(object, "env", NULL, &v, &n));
	ret->envp = (char **)v;
	return NULL;
}

static struct sf_error *read_scheduler(node *root, struct config *c)
{
	node *s = sf_json_member(root, "scheduler");
	const char *kind = s ? sf_json_member_str(s, "kind", "") : "none";
	const char *on_exit = s ? sf_json_member_str(s, "on_exit", "end") : "end";

	SF_TRY(time_of(s, "attach_ns", 30 * SECOND, &c->attach_ns));
	if (strcmp(on_exit, "end") && strcmp(on_exit, "continue"))
		return bad("on_exit", "is neither end nor continue");
	c->outlive_sched = !strcmp(on_exit, "continue");
	if (!strcmp(kind, "none")) {
		c->sched = SCHED_NONE;
	} else if (!strcmp(kind, "obj")) {
		c->sched = SCHED_OBJ;
		c->object = sf_json_member_str(s, "path", NULL);
		if (!c->object)
			return bad("scheduler", "has no \"path\"");
	} else if (!strcmp(kind, "program")) {
		c->sched = SCHED_PROGRAM;
		return command_of(s, "scheduler", &c->program);
	} else {
		return bad("kind", "of the scheduler is none of obj, program, none");
	}
	return NULL;
}

static struct sf_error *read_load(node *n, struct load *ret)
{
	static const char *const kinds[] = {
		[SF_WORKER_SPIN] = "spin",
		[SF_WORKER_SLEEP] = "sleep",
		[SF_WORKER_PIPE] = "pipe",
		[SF_WORKER_FORK] = "fork",
	};
	const char *kind = sf_json_member_str(n, "kind", "");
	bool mixed = !strcmp(kind, "mixed");

	ret->kind = mixed ? LOAD_MIXED : LOAD_WORKERS;
	ret->cgroup = sf_json_member_str(n, "cgroup", "");
	ret->n = sf_json_member_u64(n, "count", mixed ? 0 : 1);
	if (ret->n > MAX_LIST)
		return bad("workload", "is larger than anything sensible");
	if (mixed)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kind, kinds[i])) {
			ret->what = (enum sf_worker)i;
			return NULL;
		}
	}
	return bad("workload", "has a kind that is none of mixed, spin, sleep, pipe, fork");
}

static struct sf_error *read_workload(node *root, struct config *c)
{
	node *list;

	SF_TRY(strings_of(root, "cgroups", NULL, &c->cgroups, &c->n_cgroups));
	SF_TRY(list_of(root, "workload", &list));
	c->loads = calloc(list && list->n ? list->n : 1, sizeof(*c->loads));
	if (!c->loads)
		return sf_error_nomem();
	for (node *n = first_of(list); n; n = n->next)
		SF_TRY(read_load(n, &c->loads[c->n_loads++]));
	return NULL;
}

static struct sf_error *read_captures(node *root, struct config *c)
{
	node *list;

	SF_TRY(time_of(root, "capture_ns", 30 * SECOND, &c->capture_ns));
	SF_TRY(list_of(root, "captures", &list));
	c->captures = calloc(list && list->n ? list->n : 1, sizeof(*c->captures));
	if (!c->captures)
		return sf_error_nomem();
	for (node *n = first_of(list); n; n = n->next) {
		struct planned_capture *p = &c->captures[c->n_captures++];

		p->name = sf_json_member_str(n, "name", "");
		if (!*p->name)
			return bad("captures", "has one without a name");
		SF_TRY(time_of(n, "at_ns", 0, &p->at_ns));
	}
	return NULL;
}

static struct sf_error *read_all(struct config *c)
{
	node *root = sf_json_root(c->json);

	if (root->type != SF_JSON_OBJECT)
		return sf_error_new(SF_BAD_INPUT, "what to run: it is no JSON object");
	if (sf_json_member_u64(root, "version", 0) != 1)
		return bad("version", "is not 1");
	SF_TRY(read_scheduler(root, c));
	SF_TRY(read_workload(root, c));
	SF_TRY(read_captures(root, c));
	SF_TRY(time_of(root, "duration_ns", 0, &c->duration_ns));
	SF_TRY(time_of(root, "deadline_ns", 0, &c->deadline_ns));
	SF_TRY(time_of(root, "done_ns", 5 * SECOND, &c->done_ns));
	SF_TRY(strings_of(root, "modules", NULL, &c->modules, &c->n_modules));
	node *test = sf_json_member(root, "test");

	if (!test || test->type == SF_JSON_NULL)
		return NULL;
	SF_TRY(time_of(test, "deadline_ns", 0, &c->test_ns));
	return command_of(test, "test", &c->test);
}

struct sf_error *config_read(const char *text, size_t len, struct config *ret)
{
	struct config c = { 0 };
	struct sf_error *err = sf_json_read(text, len, &c.json);

	if (err)
		return sf_error_context(err, "what to run");
	err = read_all(&c);
	if (err) {
		config_clear(&c);
		return err;
	}
	*ret = c;
	return NULL;
}

void config_clear(struct config *c)
{
	free(c->program.argv);
	free(c->program.envp);
	free(c->test.argv);
	free(c->test.envp);
	free(c->loads);
	free(c->cgroups);
	free(c->captures);
	free(c->modules);
	sf_json_unref(c->json);
	*c = (struct config){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading expressions: what is taken from a frame. Names, paths, the entries of a map, and what a filter looks at.
 */

#include "expr_parser.h"

const char *const sf_expr_owner_words[OWNER_N] = {
	[OWNER_PID] = "pid", [OWNER_TGID] = "tgid", [OWNER_COMM] = "comm", [OWNER_ID] = "id", [OWNER_PATH] = "path",
	[OWNER_FAMILY] = "family", [OWNER_PORT] = "port", [OWNER_KVA] = "kva",
};

#define MAX_FILTERS 3u /* inside of each other: each goes through all entries for every entry of the one around it */

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* Is the call ".key(" next? */
static bool is_key_call(const struct parser *p)
{
	const char *s = p->text + p->at;

	return !strncmp(s, ".key", 4) && s[4 + strspn(s + 4, " \t\r\n")] == '(';
}

static bool skip_index(struct parser *p)
{
	size_t opened = p->at++;
	uint64_t index;

	return expr_parse_decimal(p, "an index", UINT64_MAX, &index) && expr_parse_close(p, ']', opened);
}

/* ".member" and "[N]" as often as they come; nothing is a path too. */
static bool parse_path(struct parser *p, struct expr_node *n)
{
	size_t start = p->at, len;
	char seen[64];

	for (;;) {
		if (p->text[p->at] == '[') {
			if (!skip_index(p))
				return false;
			if (p->text[p->at - 2] < '0' || p->text[p->at - 2] > '9')
				return expr_parse_fail(p, p->at - 1, "an index is a decimal number, without blanks");
			continue;
		}
		if (p->text[p->at] != '.')
			break;
		if (is_key_call(p))
			return expr_parse_fail(p, p->at, ".key() stands right behind map(), instead of [N] or {…}");
		len = expr_parse_word_length(p->text + p->at + 1);
		if (!len)
			return expr_parse_fail(p, p->at + 1, "here is %s, where the name of a member should be",
					  expr_parse_seen(p, p->at + 1, seen));
		p->at += 1 + len;
	}
	n->end = (uint32_t)p->at;
	start += p->text[start] == '.';
	n->path_at = (uint32_t)start;
	n->path_is_text = true;
	return start >= p->at || expr_parse_string(p, p->text + start, p->at - start, &n->path);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool ends_name(char c)
{
	return !c || strchr(" \t\r\n\"(){}[],", c);
}

static bool parse_name(struct parser *p, const char *example, struct expr_node *n)
{
	_cleanup_text_ struct sf_text name = { 0 };
	char seen[64];

	expr_parse_blanks(p);
	n->name_at = (uint32_t)p->at;
	if (p->text[p->at] == '"') {
		if (!expr_parse_quoted(p, true, &name))
			return false;
	} else {
		while (!ends_name(p->text[p->at]))
			sf_text_putn(&name, p->text + p->at++, 1);
	}
	if (name.failed)
		return expr_parse_no_memory(p);
	if (!name.n)
		return expr_parse_fail(p, n->name_at, "here is %s, where a name should be, as in %s",
				  expr_parse_seen(p, n->name_at, seen), example);
	return expr_parse_string(p, name.v, name.n, &n->name);
}

/* "(NAME)"; of a map also "(id N)". */
static bool parse_named(struct parser *p, const char *example, struct expr_node *n)
{
	size_t opened = p->at++;
	uint64_t id;

	if (!parse_name(p, example, n))
		return false;
	expr_parse_blanks(p);
	if (n->op == OP_MAP && p->text[n->name_at] != '"' && !strcmp(expr_string(p->x, n->name), "id") &&
	    p->text[p->at] >= '0' && p->text[p->at] <= '9') {
		if (!expr_parse_decimal(p, "an id", UINT32_MAX, &id))
			return false;
		n->by_id = true;
		n->number = (uint32_t)id;
		n->name = 0;
	}
	if (p->text[p->at] != ')' && p->text[p->at] && p->text[n->name_at] != '"')
		return expr_parse_fail(p, p->at, "a name with such characters stands in \"\", as in %s(\"a name\")",
				  sf_expr_op_text(n->op));
	return expr_parse_close(p, ')', opened);
}

/* ---- entries of a map -------------------------------------------------------------------------------------------- */

/* What is inside of parentheses that are not about the entry of a filter. */
static bool parse_outside(struct parser *p, unsigned int level, uint32_t *ret)
{
	bool was = p->in_filter, ok;

	p->in_filter = false;
	ok = expr_parse_level(p, level, ret);
	p->in_filter = was;
	return ok;
}

/* key PATH == VALUE; PATH is made up, and @at is where its last name stands. */
static bool parse_key_is(struct parser *p, const struct sf_text *path, size_t at, uint32_t *ret)
{
	struct expr_node key = { .op = OP_KEY, .at = (uint32_t)at, .end = (uint32_t)p->at, .path_at = (uint32_t)at };
	uint32_t a, b;

	if (path->n && !expr_parse_string(p, path->v, path->n, &key.path))
		return false;
	return expr_parse_node(p, &key, &a) && parse_outside(p, LEVEL_SUM, &b) && expr_parse_binary(p, OP_EQ, a, b, ret);
}

static bool parse_key_members(struct parser *p, struct sf_text *path, bool *any, uint32_t *ret);

static bool parse_key_member(struct parser *p, struct sf_text *path, bool *any, uint32_t *ret)
{
	_cleanup_text_ struct sf_text name = { 0 };
	size_t at, len, was = path->n;
	uint32_t one;

	expr_parse_blanks(p);
	at = p->at;
	if (p->text[at] == '"') {
		if (!expr_parse_quoted(p, true, &name))
			return false;
		sf_text_putn(&name, "", 1);
		len = name.failed ? 0 : expr_parse_word_length(name.v);
		name.n -= !name.failed;
	} else {
		len = expr_parse_word_length(p->text + at);
		sf_text_putn(&name, p->text + at, len);
		p->at += len;
	}
	if (!len || len != name.n)
		return expr_parse_fail(p, at, "a member of the key should be here, as in {\"pid\": 3}");
	expr_parse_blanks(p);
	if (p->text[p->at] != ':')
		return expr_parse_fail(p, p->at, "a ':' and the member's value should be here, as in {\"pid\": 3}");
	p->at++;
	sf_text_put(path, was ? "." : "");
	sf_text_putn(path, name.v, name.n);
	if (path->failed || name.failed)
		return expr_parse_no_memory(p);
	expr_parse_blanks(p);
	if (p->text[p->at] == '{') {
		if (!parse_key_members(p, path, any, ret))
			return false;
	} else {
		if (!parse_key_is(p, path, at, &one))
			return false;
		if (*any && !expr_parse_binary(p, OP_AND, *ret, one, &one))
			return false;
		*any = true;
		*ret = one;
	}
	path->n = was;
	return true;
}

static bool parse_key_members(struct parser *p, struct sf_text *path, bool *any, uint32_t *ret)
{
	size_t opened = p->at++;

	if (!expr_parse_enter(p, opened))
		return false;
	do {
		if (!parse_key_member(p, path, any, ret))
			return false;
		expr_parse_blanks(p);
	} while (p->text[p->at] == ',' && ++p->at);
	p->nesting--;
	return expr_parse_close(p, '}', opened);
}

static bool enter_filter(struct parser *p, struct expr_node *n, size_t at)
{
	n->pick = PICK_FILTER;
	if (p->filters >= MAX_FILTERS)
		return expr_parse_fail(p, at, "more than %u filters inside of each other", MAX_FILTERS);
	p->filters++;
	return expr_parse_enter(p, at);
}

static void leave_filter(struct parser *p)
{
	p->filters--;
	p->nesting--;
}

/* ".key(3)" and ".key({"pid": 3})" are filters: {key == 3}, {key.pid == 3}. */
static bool parse_key_call(struct parser *p, struct expr_node *n)
{
	_cleanup_text_ struct sf_text path = { 0 };
	size_t at = p->at + 1, opened;
	bool any = false, ok;

	p->at += strcspn(p->text + p->at, "(");
	opened = p->at++;
	if (!enter_filter(p, n, at))
		return false;
	expr_parse_blanks(p);
	if (p->text[p->at] == '{')
		ok = parse_key_members(p, &path, &any, &n->a);
	else
		ok = parse_key_is(p, &path, at, &n->a);
	leave_filter(p);
	return ok && expr_parse_close(p, ')', opened);
}

static bool parse_filter(struct parser *p, struct expr_node *n)
{
	size_t opened = p->at++;
	bool was = p->in_filter, ok;

	if (!enter_filter(p, n, opened))
		return false;
	p->in_filter = true;
	ok = expr_parse_level(p, LEVEL_OR, &n->a);
	p->in_filter = was;
	leave_filter(p);
	return ok && expr_parse_close(p, '}', opened);
}

static bool parse_cpu(struct parser *p, struct expr_node *n)
{
	uint64_t cpu;

	n->cpu_at = (uint32_t)p->at;
	if (n->cpus != CPUS_UNSAID)
		return expr_parse_fail(p, p->at, "there is an @ already");
	p->at++;
	if (p->text[p->at] == '*') {
		p->at++;
		n->cpus = CPUS_ALL;
		return true;
	}
	n->cpus = CPUS_ONE;
	if (p->text[p->at] < '0' || p->text[p->at] > '9')
		return expr_parse_fail(p, p->at, "behind @ stands the number of a CPU, or * for all of them");
	if (!expr_parse_decimal(p, "a CPU", UINT32_MAX - 1, &cpu))
		return false;
	n->cpu = (uint32_t)cpu;
	return true;
}

/* "[N]", "{…}" or ".key(…)", and an "@CPU" before or behind it. */
static bool parse_pick(struct parser *p, struct expr_node *n)
{
	for (;;) {
		size_t at = p->at, opened;
		bool picked = n->pick != PICK_NONE;

		switch (p->text[at]) {
		case '@':
			if (!parse_cpu(p, n))
				return false;
			continue;
		case '[':
			if (picked)
				return true;
			opened = p->at++;
			n->pick_at = (uint32_t)at;
			n->pick = PICK_POSITION;
			if (!expr_parse_decimal(p, "an index", UINT64_MAX, &n->u64) || !expr_parse_close(p, ']', opened))
				return false;
			continue;
		case '{':
			if (picked)
				return expr_parse_fail(p, at, "the entry is chosen already; && joins two conditions");
			n->pick_at = (uint32_t)at;
			if (!parse_filter(p, n))
				return false;
			continue;
		case '.':
			if (picked || !is_key_call(p))
				return true;
			n->pick_at = (uint32_t)at + 1;
			if (!parse_key_call(p, n))
				return false;
			continue;
		}
		return true;
	}
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static bool parse_var(struct parser *p, struct expr_node *n)
{
	return parse_named(p, n->op == OP_VAR ? "var(NAME)" : "vars(NAME)", n) && parse_path(p, n);
}

static bool parse_map(struct parser *p, struct expr_node *n)
{
	if (!parse_named(p, "map(NAME)", n) || !parse_pick(p, n) || !parse_path(p, n))
		return false;
	if (n->pick == PICK_FILTER)
		n->depth = (uint16_t)(expr_node(p->x, n->a)->depth + 1);
	if (p->text[p->at] == '@')
		return expr_parse_fail(p, p->at, "@ stands behind map() and what chooses the entry, before any member");
	if (p->text[p->at] == '{')
		return expr_parse_fail(p, p->at, "a filter stands right behind map()");
	return true;
}

static bool parse_aggregate(struct parser *p, struct expr_node *n)
{
	size_t opened = p->at++, at;

	if (!expr_parse_enter(p, opened))
		return false;
	expr_parse_blanks(p);
	at = p->at;
	if (!expr_parse_level(p, LEVEL_OR, &n->a))
		return false;
	const struct expr_node *a = expr_node(p->x, n->a);

	if (a->op != OP_VAR && a->op != OP_VARS && a->op != OP_MAP && a->op != OP_VALUE)
		return expr_parse_fail(p, at, "%s() is of var(), vars() or map(), with what stands behind it",
				  sf_expr_op_text(n->op));
	n->depth = (uint16_t)(a->depth + 1);
	p->nesting--;
	return expr_parse_close(p, ')', opened);
}

/* Words of the language whose data no frame has yet. */
static bool is_later(const char *word, size_t len)
{
	return (len == 5 && !strncmp(word, "sched", 5)) || (len == 5 && !strncmp(word, "stats", 5));
}

static bool parse_call(struct parser *p, size_t at, size_t len, uint32_t *ret)
{
	static const uint8_t functions[] = { OP_VAR, OP_VARS, OP_MAP, OP_COUNT, OP_SUM, OP_MIN, OP_MAX };
	const char *word = p->text + at;
	struct expr_node n = { .at = (uint32_t)at };
	bool ok;

	if (is_later(word, len))
		return expr_parse_fail(p, at, "%.*s() cannot be asked yet, since no capture has what it needs; there are "
				  EXPR_FUNCTIONS, (int)len, word);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strncmp(word, sf_expr_op_text(functions[i]), len) && !sf_expr_op_text(functions[i])[len])
			n.op = functions[i];
	switch (n.op) {
	case OP_VAR:
	case OP_VARS:
		ok = parse_var(p, &n);
		break;
	case OP_MAP:
		ok = parse_map(p, &n);
		break;
	case OP_COUNT:
	case OP_SUM:
	case OP_MIN:
	case OP_MAX:
		ok = parse_aggregate(p, &n);
		break;
	default:
		return expr_parse_fail(p, at, "there is no %.*s(); there are " EXPR_FUNCTIONS,
				       (int)sf_min(len, (size_t)40), word);
	}
	n.end = (uint32_t)p->at;
	return ok && expr_parse_node(p, &n, ret);
}

/* ---- what a filter looks at -------------------------------------------------------------------------------------- */

static bool parse_owner(struct parser *p, struct expr_node *n)
{
	_cleanup_text_ struct sf_text words = { 0 };
	size_t len = p->text[p->at] == '.' ? expr_parse_word_length(p->text + p->at + 1) : 0;

	for (n->number = 0; n->number < OWNER_N; n->number++) {
		const char *word = sf_expr_owner_words[n->number];

		if (len && !strncmp(p->text + p->at + 1, word, len) && !word[len]) {
			p->at += 1 + len;
			return true;
		}
		sf_text_putf(&words, "%sowner.%s", n->number ? ", " : "", word);
	}
	_cleanup_free_ char *list = sf_text_take(&words);

	return expr_parse_fail(p, len ? p->at + 1 : p->at, "of an owner there is %s", list ? list : "");
}

static bool parse_member(struct parser *p, size_t at, size_t len, uint32_t *ret)
{
	struct expr_node n = { .op = OP_VALUE, .at = (uint32_t)at };
	bool ok;

	if (len == 5 && !strncmp(p->text + at, "owner", 5)) {
		n.op = OP_OWNER;
		ok = parse_owner(p, &n);
	} else if (len == 3 && !strncmp(p->text + at, "key", 3)) {
		n.op = OP_KEY;
		ok = parse_path(p, &n);
	} else {
		/* The word is the path's first member. */
		ok = parse_path(p, &n) && expr_parse_string(p, p->text + at, p->at - at, &n.path);
		n.path_at = (uint32_t)at;
	}
	n.end = (uint32_t)p->at;
	return ok && expr_parse_node(p, &n, ret);
}

bool expr_parse_word(struct parser *p, size_t len, uint32_t *ret)
{
	size_t at = p->at, after;
	const char *word = p->text + at;
	bool is_true = len == 4 && !strncmp(word, "true", 4), is_false = len == 5 && !strncmp(word, "false", 5);
	int shown = (int)sf_min(len, (size_t)40);

	p->at += len;
	after = p->at;
	expr_parse_blanks(p);
	if (p->text[p->at] == '(')
		return parse_call(p, at, len, ret);
	p->at = after;
	if (is_true || is_false)
		return expr_parse_node(p, &(struct expr_node){ .op = OP_BOOL, .u64 = is_true, .at = (uint32_t)at,
							  .end = (uint32_t)p->at }, ret);
	if (p->in_filter)
		return parse_member(p, at, len, ret);
	return expr_parse_fail(p, at, "'%.*s' alone is nothing: a variable is var(%.*s), a map map(%.*s), a text "
			       "\"%.*s\"", shown, word, shown, word, shown, word, shown, word);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: pointers on the way, what is wrong with them, paths that are read once; and random values in which every path
 * leads where a naive model says. Whatever is asked, it ends soon, and with a typed error.
 */
#include "typed_test.h"

/* ---- pointers ----------------------------------------------------------------------------------------------------- */

static void edge_40_pointers_on_the_way_and_at_the_end(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", STRUCT(
		MEMBER("leader", PTR(4096, STRUCT(MEMBER("pid", INT(42))))) "," MEMBER("null", BARE_PTR(0)) ","
		MEMBER("both", ARRAY(2, BARE_PTR(0) "," BARE_PTR(9)))))));
	struct sf_field v = the_value(&a), leader = sf_field_get(v, "leader");
	bool *yes = NULL, one;
	int64_t i;
	double d;
	size_t n;

	(void)state;
	assert_int_equal(u64_of(sf_field_get(v, "leader.pid")), 42);
	assert_int_equal(u64_of(leader), 4096);
	assert_mismatch(sf_field_as_i64(leader, &i), "i64", "Ptr");
	assert_mismatch(sf_field_as_f64(leader, &d), "f64", "Ptr");
	assert_ok(sf_field_as_bool(leader, &one));
	assert_true(one);
	assert_ok(sf_field_as_bool(sf_field_get(v, "null"), &one));
	assert_false(one);
	assert_ok(sf_field_as_bool_array(sf_field_get(v, "both"), &yes, &n));
	assert_int_equal(n, 2);
	assert_false(yes[0]);
	assert_true(yes[1]);
	free(yes);
	assert_string_equal(payload_of(sf_field_error(sf_field_get(v, "null.x")), SF_NOT_A_STRUCT)->kind, "Ptr");
}

static char *chain(int pointers)
{
	char *json = NULL;
	size_t len;
	FILE *out = open_memstream(&json, &len);

	fputs("{\"schema\":\"single\",\"maps\":[{\"name\":\"v\",\"map_type\":2,\"value\":", out);
	for (int i = 0; i < pointers; i++)
		fputs("{\"kind\":\"ptr\",\"value\":1,\"deref\":", out);
	fputs(STRUCT(MEMBER("x", UINT(5))), out);
	for (int i = 0; i < pointers; i++)
		fputc('}', out);
	fputs("}]}", out);
	fclose(out);
	return json;
}

static void edge_41_seventeen_pointers_and_no_more(void **state)
{
	_cleanup_free_ char *fits = chain(17), *longer = chain(18);
	_cleanup_ask_ struct ask a = ask_json(fits), b = ask_json(longer);
	struct sf_value raw, x;
	uint64_t v = 0;

	(void)state;
	assert_int_equal(u64_of(sf_field_get(the_value(&a), "x")), 5);
	assert_string_equal(payload_of(sf_field_error(sf_field_get(the_value(&b), "x")), SF_NOT_A_STRUCT)->kind, "Ptr");
	/* Raw values go as far as it takes. */
	assert_true(sf_field_raw(the_value(&b), &raw) && sf_value_member(raw, "x", &x) && sf_value_as_u64(x, &v));
	assert_int_equal(v, 5);
}

#define ENUMV(v, s) "{\"kind\":\"enum\",\"bits\":64,\"value\":" #v ",\"is_signed\":" #s "}"

static void edge_43_enums_with_and_without_a_sign(void **state)
{
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", STRUCT(
		MEMBER("u", ENUMV(-1, false)) "," MEMBER("s", ENUMV(-5, true))))));
	struct sf_field v = the_value(&a);
	const char *name;
	int64_t i;
	uint64_t u;

	(void)state;
	assert_true(u64_of(sf_field_get(v, "u")) == UINT64_MAX);
	assert_ok(sf_field_as_i64(sf_field_get(v, "u"), &i));
	assert_int_equal(i, -1);
	assert_mismatch(sf_field_as_u64(sf_field_get(v, "s"), &u), "u64", "Enum(signed-negative)");
	assert_mismatch(sf_field_as_str(sf_field_get(v, "u"), &name), "str (enum variant name)", "Enum");
}

/* ---- what is no path ------------------------------------------------------------------------------------------------- */

#define NESTED STRUCT(MEMBER("a", STRUCT(MEMBER("b", ARRAY(2, UINT(1) "," STRUCT(MEMBER("c", UINT(2))))))))

static void edge_44_empty_components(void **state)
{
	static const struct {
		const char *path;
		enum sf_code code;
		const char *walked, *component;
	} bad[] = {
		{ "a..b", SF_EMPTY_PATH_COMPONENT, "a", "" }, { "a.", SF_EMPTY_PATH_COMPONENT, "a", "" },
		{ ".a", SF_EMPTY_PATH_COMPONENT, "", "" }, { ".", SF_EMPTY_PATH_COMPONENT, "", "" },
		{ "nope..x", SF_FIELD_NOT_FOUND, "", "nope" }, { "a.b.c", SF_NOT_A_STRUCT, "a.b", "c" },
		{ "a.b[1].d", SF_FIELD_NOT_FOUND, "a.b[1]", "d" }, { "a.b[0].d", SF_NOT_A_STRUCT, "a.b[0]", "d" },
		{ "a.b[2]", SF_INDEX_OUT_OF_RANGE, NULL, NULL }, { "a[0]", SF_NOT_A_STRUCT, "", "a[0]" },
		{ "a.b[", SF_BAD_PATH, "a", "b[" }, { "a.b[x]", SF_BAD_PATH, "a", "b[x]" },
		{ "a.b[-1]", SF_BAD_PATH, "a", "b[-1]" }, { "a.b[]", SF_BAD_PATH, "a", "b[]" },
		{ "a.b[0]c", SF_BAD_PATH, "a", "b[0]c" }, { "a.b[18446744073709551616]", SF_BAD_PATH, "a", NULL },
		{ "a.0", SF_FIELD_NOT_FOUND, "a", "0" }, { "a.nope[0]", SF_FIELD_NOT_FOUND, "a", "nope" },
		{ "a.b[0].d[1]", SF_NOT_A_STRUCT, "a.b[0]", "d" },
	};
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", NESTED)));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct sf_error_payload *p = payload_of(sf_field_error(sf_field_get(the_value(&a), bad[i].path)), bad[i].code);

		assert_string_equal(p->requested, bad[i].path);
		if (bad[i].walked)
			assert_string_equal(p->walked, bad[i].walked);
		if (bad[i].component)
			assert_string_equal(p->component, bad[i].component);
	}
	assert_int_equal(u64_of(sf_field_get(the_value(&a), "a.b[1].c")), 2);
	assert_int_equal(u64_of(sf_field_get(sf_field_get(the_value(&a), "a.b"), "[1].c")), 2);
	assert_true(sf_field_is_present(sf_field_get(the_value(&a), "")));
}

static void a_path_that_is_read_once_is_checked_once(void **state)
{
	static const char *const bad[] = { "a..b", "a.", ".a", ".", "a[", "a[]", "a[1", "a[x]", "a]b[", "a[0]x" };
	static const char *const good[] = { "", "a", "a.b", "a[0][1].c", "[3]", "a.b[18446744073709551615]", "\xff\xfe" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sf_path *path = NULL;
		SF_OWNED(error) err = sf_path_new(bad[i], &path);
		enum sf_code code = sf_error_code(err);

		assert_true(code == SF_EMPTY_PATH_COMPONENT || code == SF_BAD_PATH);
		assert_string_equal(sf_error_payload(err)->requested, bad[i]);
		assert_null(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		SF_OWNED(path) path = NULL;

		assert_ok(sf_path_new(good[i], &path));
	}
	sf_path_free(NULL);
}

static void long_paths_and_other_bytes(void **state)
{
	enum { LEN = 1 << 20 };
	_cleanup_ask_ struct ask a = ask_json(REPORT(SINGLE("v", NESTED)));
	_cleanup_free_ char *path = malloc(LEN + 1);
	struct sf_error *err;

	(void)state;
	memset(path, 'a', LEN);
	path[LEN] = '\0';
	err = sf_field_error(sf_field_get(the_value(&a), path));
	assert_int_equal(strlen(payload_of(err, SF_FIELD_NOT_FOUND)->requested), LEN);
	assert_in_range(strlen(sf_error_message(err)), 1, 4096);
	for (size_t i = 1; i < LEN; i += 2)
		path[i] = '.';
	payload_of(sf_field_error(sf_field_get(the_value(&a), path)), SF_FIELD_NOT_FOUND);
	memset(path, '[', LEN);
	payload_of(sf_field_error(sf_field_get(the_value(&a), path)), SF_BAD_PATH);
	memset(path, '.', LEN);
	payload_of(sf_field_error(sf_field_get(the_value(&a), path)), SF_EMPTY_PATH_COMPONENT);
	err = sf_field_error(sf_field_get(the_value(&a), "a.\xff\xc0\x80"));
	assert_string_equal(payload_of(err, SF_FIELD_NOT_FOUND)->component, "\\xff\\xc0\\x80");
}

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

/* "next.next.next…" around a circle of three, half a million times; types that contain themselves. */
static void circles_and_types_of_themselves_end(void **state)
{
	enum { STEPS = 200000 };
	_cleanup_typed_ struct typed_ask t;
	_cleanup_free_ char *path = malloc(STEPS * 5 + 1);
	struct { uint64_t next, n; } v = { .n = 1 };
	uint32_t node, self, link;
	struct sf_path *compiled = NULL;
	uint64_t at, got;

	(void)state;
	typed_begin(&t);
	link = btfb_add_ptr(t.b, t.b->next_id + 1);
	node = btfb_add_struct(t.b, "node", 16);
	btfb_member(t.b, "next", link, 0);
	btfb_member(t.b, "n", t.u64, 64);
	/* The same bytes once more, as a struct that is its own first member, without a name. */
	assert_int_equal(link + 1, node);
	at = fake_kmalloc(t.g, 48);
	for (uint64_t i = 0; i < 3; i++) {
		fake_u64(t.g, at + 16 * i, at + 16 * ((i + 1) % 3));
		fake_u64(t.g, at + 16 * i + 8, 10 + i);
	}
	v.next = at;
	typed_open(&t, node, &v, sizeof(v));
	for (size_t i = 0; i < STEPS; i++)
		memcpy(path + i * 5, "next.", 5);
	strcpy(path + STEPS * 5 - 1, "");
	assert_true(sf_field_is_present(sf_field_get(the_value(&t.ask), path)));
	assert_int_equal(u64_of(sf_field_get(the_value(&t.ask), "next.next.next.next.n")), 10);
	assert_ok(sf_path_new(path, &compiled));
	struct sf_field f = the_value(&t.ask);

	assert_ok(sf_field_read_u64(&f, compiled, &got));
	sf_path_free(compiled);

	_cleanup_typed_ struct typed_ask s;

	typed_begin(&s);
	self = btfb_add_struct(s.b, "self", 16);
	btfb_member(s.b, NULL, self, 0);
	btfb_member(s.b, "x", s.u64, 0);
	btfb_member(s.b, NULL, self, 64);
	typed_open(&s, self, &v, sizeof(v));
	payload_of(sf_field_error(sf_field_get(the_value(&s.ask), "nope")), SF_FIELD_NOT_FOUND);
}

static void values_that_are_shorter_than_their_type(void **state)
{
	(void)state;
	for (size_t len = 1; len < 24; len++) {
		_cleanup_typed_ struct typed_ask t;
		struct { uint64_t a, b, c; } v = { 1, 2, 3 };
		uint64_t got;

		typed_begin(&t);
		uint32_t s = btfb_add_struct(t.b, "s", sizeof(v));

		btfb_member(t.b, "a", t.u64, 0);
		btfb_member(t.b, "b", t.u64, 64);
		btfb_member(t.b, "c", t.u64, 128);
		typed_open(&t, s, &v, len);
		assert_string_equal(payload_of(sf_field_error(sf_field_get(the_value(&t.ask), "a")), SF_NOT_A_STRUCT)->kind,
				    "Truncated");
		assert_mismatch(sf_field_as_u64(the_value(&t.ask), &got), "u64", "Truncated");
	}
}

/* The same words mean another thing in another type, at another length, and in the next use of a buffer. */
static void what_is_remembered_is_remembered_of_its_type(void **state)
{
	_cleanup_typed_ struct typed_ask t;
	struct { uint64_t a, b; uint32_t c; int32_t d; } v = { 1, 2, 3, -4 };
	uint32_t inner, outer;
	char path[8];
	struct sf_field f;
	int64_t i;

	(void)state;
	typed_begin(&t);
	inner = btfb_add_struct(t.b, "inner", 16);
	btfb_member(t.b, "x", t.u64, 64);
	outer = btfb_add_struct(t.b, "outer", sizeof(v));
	btfb_member(t.b, "x", t.u64, 0);
	btfb_member(t.b, "in", inner, 0);
	btfb_member(t.b, "c", t.u32, 128);
	btfb_member(t.b, "d", t.s32, 160);
	typed_open(&t, outer, &v, sizeof(v));
	f = the_value(&t.ask);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(u64_of(sf_field_get(f, strcpy(path, "x"))), 1);
		assert_int_equal(u64_of(sf_field_get(sf_field_get(f, "in"), strcpy(path, "x"))), 2);
		assert_int_equal(u64_of(sf_field_get(f, strcpy(path, "in.x"))), 2);
		assert_int_equal(u64_of(sf_field_get(f, strcpy(path, "c"))), 3);
		assert_ok(sf_field_as_i64(sf_field_get(f, strcpy(path, "d")), &i));
		assert_int_equal(i, -4);
		assert_mismatch(sf_field_as_u64(sf_field_get(f, path), (uint64_t *)&i), "u64", "Int(negative)");
		payload_of(sf_field_error(sf_field_get(f, strcpy(path, "y"))), SF_FIELD_NOT_FOUND);
		assert_list(payload_of(sf_field_error(sf_field_get(f, path)), SF_FIELD_NOT_FOUND)->available, "x in c d");
		assert_list(payload_of(sf_field_error(sf_field_get(sf_field_get(f, "in"), path)), SF_FIELD_NOT_FOUND)->available,
			    "x");
	}
}

/* More types than can be remembered, all with a member of that name; and names behind a pointer that differ at their end. */
static void more_types_than_are_remembered(void **state)
{
	enum { N = 300 };
	_cleanup_typed_ struct typed_ask t;
	SF_OWNED(path) path = NULL;
	uint32_t types[N], all, target;
	uint64_t v[N * 2 + 1], got;
	char name[16];

	(void)state;
	typed_begin(&t);
	for (uint32_t i = 0; i < N; i++) {
		types[i] = btfb_add_struct(t.b, "s", 16);
		btfb_member(t.b, "x", t.u64, i % 2 * 64);
		v[2 * i] = 2 * i;
		v[2 * i + 1] = 2 * i + 1;
	}
	target = btfb_add_struct(t.b, "target", 16);
	btfb_member(t.b, "na", t.u64, 0);
	btfb_member(t.b, "nb", t.u64, 64);
	target = btfb_add_ptr(t.b, target);
	all = btfb_add_struct(t.b, "all", sizeof(v));
	for (uint32_t i = 0; i < N; i++) {
		sprintf(name, "m%u", i);
		btfb_member(t.b, name, types[i], i * 128);
	}
	btfb_member(t.b, "p", target, N * 128);
	v[2 * N] = fake_kmalloc(t.g, 16);
	fake_u64(t.g, v[2 * N], 11);
	fake_u64(t.g, v[2 * N] + 8, 22);
	typed_open(&t, all, v, sizeof(v));
	assert_ok(sf_path_new("x", &path));
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < N; i++) {
			sprintf(name, "m%u", i);
			struct sf_field f = sf_field_get(the_value(&t.ask), name);

			assert_ok(sf_field_read_u64(&f, path, &got));
			assert_int_equal(got, 2 * i + i % 2);
			assert_int_equal(u64_of(sf_field_get(f, "x")), 2 * i + i % 2);
			strcat(name, ".x");
			assert_int_equal(u64_of(sf_field_get(the_value(&t.ask), name)), 2 * i + i % 2);
		}
		assert_int_equal(u64_of(sf_field_get(the_value(&t.ask), "p.na")), 11);
		assert_int_equal(u64_of(sf_field_get(the_value(&t.ask), "p.nb")), 22);
		payload_of(sf_field_error(sf_field_get(the_value(&t.ask), "p.nc")), SF_FIELD_NOT_FOUND);
	}
}

/* ---- random values of reports ---------------------------------------------------------------------------------------- */

static uint64_t rng;

static uint32_t any(uint32_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(rng >> 33) % n;
}

enum { LEAF, GROUP, POINTER, CUT_OFF, LIST, N_KINDS };

struct tree {
	int kind;
	uint64_t v;
	struct tree *below[4];
	const char *names[4];
	int n;
};

static const char *const names[] = { "a", "b", "ab", "long_name_of_a_member", "" };

static struct tree *grow(int depth)
{
	struct tree *t = calloc(1, sizeof(*t));

	t->kind = depth > 6 ? LEAF : (int)any(N_KINDS);
	t->v = any(1000);
	t->n = t->kind == LEAF ? 0 : t->kind == GROUP || t->kind == LIST ? (int)any(4) : 1;
	/* A pointer that leads nowhere. */
	if (t->kind == POINTER && !any(6))
		t->n = 0;
	for (int i = 0; i < t->n; i++) {
		t->below[i] = grow(depth + 1);
		t->names[i] = names[any(ARRAY_SIZE(names))];
	}
	return t;
}

static void fell(struct tree *t)
{
	for (int i = 0; i < t->n; i++)
		fell(t->below[i]);
	free(t);
}

static void write_tree(FILE *out, const struct tree *t)
{
	static const char *const heads[] = {
		[GROUP] = "{\"kind\":\"struct\",\"members\":[", [LIST] = "{\"kind\":\"array\",\"len\":9,\"elements\":[",
	};

	switch (t->kind) {
	case LEAF:
		fprintf(out, UINT(%llu), (unsigned long long)t->v);
		return;
	case POINTER:
	case CUT_OFF:
		fprintf(out, t->kind == POINTER ? "{\"kind\":\"ptr\",\"value\":%llu" : "{\"kind\":\"truncated\",\"needed\":9,\"had\":%llu",
			(unsigned long long)t->v);
		if (t->n) {
			fprintf(out, t->kind == POINTER ? ",\"deref\":" : ",\"partial\":");
			write_tree(out, t->below[0]);
		}
		fputc('}', out);
		return;
	default:
		fputs(heads[t->kind], out);
		for (int i = 0; i < t->n; i++) {
			fprintf(out, "%s", i ? "," : "");
			if (t->kind == GROUP)
				fprintf(out, "{\"name\":\"%s\",\"value\":", t->names[i]);
			write_tree(out, t->below[i]);
			fprintf(out, t->kind == GROUP ? "}" : "");
		}
		fputs("]}", out);
	}
}

/* The rules, said once more and as plainly as can be. NULL: @code. */
static const struct tree *model(const struct tree *t, char parts[8][32], int n, enum sf_code *code)
{
	for (int i = 0; i < n; i++) {
		const struct tree *next = NULL;
		int hops = 0;

		if (!parts[i][0]) {
			*code = SF_EMPTY_PATH_COMPONENT;
			return NULL;
		}
		while (t->kind == POINTER && t->n && hops++ < 17)
			t = t->below[0];
		if (parts[i][0] == '[') {
			unsigned long k = strtoul(parts[i] + 1, NULL, 10);

			*code = t->kind == LIST ? SF_INDEX_OUT_OF_RANGE : SF_NOT_A_STRUCT;
			next = t->kind == LIST && k < (unsigned long)t->n ? t->below[k] : NULL;
		} else {
			*code = t->kind == GROUP ? SF_FIELD_NOT_FOUND : SF_NOT_A_STRUCT;
			for (int k = t->n - 1; t->kind == GROUP && k >= 0; k--)
				if (!strcmp(t->names[k], parts[i]))
					next = t->below[k];
		}
		if (!next)
			return NULL;
		t = next;
	}
	return t;
}

static enum sf_kind kind_of(const struct tree *t)
{
	static const enum sf_kind kinds[] = { SF_UINT, SF_STRUCT, SF_PTR, SF_TRUNCATED, SF_ARRAY };

	return kinds[t->kind];
}

static void ask_any_path(struct sf_field root, const struct tree *t)
{
	char parts[8][32], path[256] = "";
	int n = (int)any(7);
	enum sf_code code = SF_OK;

	for (int i = 0; i < n; i++) {
		if (!any(40))
			parts[i][0] = '\0';
		else if (any(4))
			strcpy(parts[i], names[any(ARRAY_SIZE(names) - 1)]);
		else
			sprintf(parts[i], "[%u]", any(4));
		strcat(path, i ? "." : "");
		strcat(path, parts[i]);
	}
	/* One empty component is the empty path, which is the root. */
	if (!path[0])
		n = 0;
	const struct tree *want = model(t, parts, n, &code);
	struct sf_field got = sf_field_get(root, path);
	struct sf_path *compiled = NULL;
	struct sf_value raw;
	uint64_t v = 0, by_read = 0;

	if (!want) {
		payload_of(sf_field_error(got), code);
	} else {
		assert_ok(sf_field_error(got));
		assert_true(sf_field_raw(got, &raw));
		assert_int_equal(sf_value_kind(raw), kind_of(want));
		if (want->kind == LEAF || want->kind == POINTER)
			assert_int_equal(u64_of(got), want->v);
	}
	SF_OWNED(error) err = sf_path_new(path, &compiled);

	if (err) {
		assert_int_equal(sf_error_code(err), SF_EMPTY_PATH_COMPONENT);
		return;
	}
	assert_int_equal(sf_error_code(sf_field_read_u64(&root, compiled, &by_read)), sf_error_code(sf_field_as_u64(got, &v)));
	assert_int_equal(by_read, v);
	sf_path_free(compiled);
}

static void random_reports_resolve_as_in_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		char *json = NULL;
		size_t len;

		rng = seed;
		struct tree *t = grow(0);
		FILE *out = open_memstream(&json, &len);

		fputs("{\"schema\":\"single\",\"maps\":[{\"name\":\"v\",\"map_type\":2,\"value\":", out);
		write_tree(out, t);
		fputs("}]}", out);
		fclose(out);
		struct ask a = ask_json(json);
		struct sf_field root = the_value(&a);

		for (int i = 0; i < 100; i++)
			ask_any_path(root, t);
		ask_end(&a);
		free(json);
		fell(t);
	}
}

/* ---- random types in memory ------------------------------------------------------------------------------------------ */

#define MAX_LEAVES 128
struct leaves {
	struct { char path[96]; uint32_t at; bool is_signed; } v[MAX_LEAVES];
	int n;
};

/* A struct of @size bytes at @at of the value; its leaves, by the names that lead there, the first of each name. */
static uint32_t any_struct(struct typed_ask *t, uint32_t at, const char *prefix, int depth, struct leaves *all, uint32_t *size)
{
	struct { const char *name; char text[8]; uint32_t type, at; } members[4];
	int n = 1 + (int)any(4);
	static int unique;
	uint32_t id, used = 0;

	for (int i = 0; i < n; i++) {
		char path[96];
		uint32_t len = 8;

		snprintf(members[i].text, sizeof(members[i].text), "m%d", unique++ % 100000);
		members[i].name = members[i].text;
		members[i].at = used;
		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", members[i].text);
		switch (depth < 4 ? any(4) : 0) {
		case 1: /* its members stand in its place */
			members[i].name = NULL;
			members[i].type = any_struct(t, at + used, prefix, depth + 1, all, &len);
			break;
		case 2:
			members[i].type = any_struct(t, at + used, path, depth + 1, all, &len);
			break;
		default:
			members[i].type = any(2) ? t->s64 : t->u64;
			if (all->n < MAX_LEAVES && strlen(path) < 90) {
				strcpy(all->v[all->n].path, path);
				all->v[all->n].is_signed = members[i].type == t->s64;
				all->v[all->n++].at = at + used;
			}
		}
		used += len;
	}
	id = any(6) ? btfb_add_struct(t->b, depth ? NULL : "root", used) : btfb_add_struct(t->b, "named", used);
	for (int i = 0; i < n; i++)
		btfb_member(t->b, members[i].name, members[i].type, members[i].at * 8);
	*size = used;
	return id;
}

static void random_types_resolve_as_in_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		_cleanup_typed_ struct typed_ask t;
		struct leaves *all = calloc(1, sizeof(*all));
		uint32_t size, type;

		rng = seed;
		typed_begin(&t);
		type = any_struct(&t, 0, "", 0, all, &size);
		_cleanup_free_ uint8_t *bytes = malloc(size);

		for (uint32_t i = 0; i < size; i += 8)
			memcpy(bytes + i, &(uint64_t){ 1000 + i }, 8);
		typed_open(&t, type, bytes, size);
		struct sf_field root = the_value(&t.ask);

		for (int twice = 0; twice < 2; twice++) {
			for (int i = 0; i < all->n; i++) {
				SF_OWNED(path) path = NULL;
				uint64_t v;
				int64_t s;

				assert_ok(sf_path_new(all->v[i].path, &path));
				assert_int_equal(u64_of(sf_field_get(root, all->v[i].path)), 1000 + all->v[i].at);
				assert_ok(sf_field_read_u64(&root, path, &v));
				assert_int_equal(v, 1000 + all->v[i].at);
				assert_ok(sf_field_read_i64(&root, path, &s));
				assert_int_equal(s, 1000 + all->v[i].at);
				strcat(all->v[i].path, twice ? "" : "_");
				assert_int_equal(sf_field_is_present(sf_field_get(root, all->v[i].path)), twice);
				if (!twice)
					all->v[i].path[strlen(all->v[i].path) - 1] = '\0';
			}
		}
		free(all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_40_pointers_on_the_way_and_at_the_end),
		cmocka_unit_test(edge_41_seventeen_pointers_and_no_more),
		cmocka_unit_test(edge_43_enums_with_and_without_a_sign),
		cmocka_unit_test(edge_44_empty_components),
		cmocka_unit_test(a_path_that_is_read_once_is_checked_once),
		cmocka_unit_test(long_paths_and_other_bytes),
		cmocka_unit_test(circles_and_types_of_themselves_end),
		cmocka_unit_test(values_that_are_shorter_than_their_type),
		cmocka_unit_test(what_is_remembered_is_remembered_of_its_type),
		cmocka_unit_test(more_types_than_are_remembered),
		cmocka_unit_test(random_reports_resolve_as_in_a_model),
		cmocka_unit_test(random_types_resolve_as_in_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans put what value_json.c puts, byte for byte: of random types, random bytes, at any depth. */
#include "../../src/read/render/json_plan.h"
#include "../../src/read/render/value_json.h"
#include "render_bench.h"
#include "value_bench.h"

#define MAX_LEN 6000
#define MAX_POOL 64

static uint64_t seed;

static uint32_t dice(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* ---- where values lie ------------------------------------------------------------------------------------------ */

static uint64_t area, mask, gone;

static int make_memory(void **state)
{
	make_guest(state);
	area = fake_vmalloc(guest, 4 * SF_PAGE_SIZE);
	mask = fake_kmalloc(guest, 64);
	fake_u64(guest, mask, 0x2d);
	gone = fake_vmalloc(guest, SF_PAGE_SIZE);
	fake_unmap(guest, gone);
	return 0;
}

static struct sf_node value_at(uint64_t at, uint32_t type, const void *bytes, size_t len)
{
	fake_write(guest, at, bytes, len);
	return sf_typed_node(&types, at, type, (uint32_t)len);
}

/* ---- both ways ------------------------------------------------------------------------------------------------- */

enum place { AT_ROOT, IN_LIST, IN_OBJECT, N_PLACES };

static void begin_place(struct sf_json_writer *w, enum place place)
{
	if (place == AT_ROOT)
		return;
	sf_json_begin_object(w);
	sf_json_put_u64(w, "before", 1);
	sf_json_key(w, "here");
	if (place == IN_LIST) {
		sf_json_begin_array(w);
		sf_json_u64(w, 1);
	}
}

static void end_place(struct sf_json_writer *w, enum place place)
{
	if (place == AT_ROOT)
		return;
	if (place == IN_LIST) {
		sf_json_bool(w, true);
		sf_json_end_array(w);
	}
	sf_json_put_u64(w, "behind", 2);
	sf_json_end_object(w);
}

/* @plan NULL: by value_json.c. NULL: there is a plan, but not for this value. */
static char *shown(struct sf_json_plan *plan, struct sf_walk *w, const struct sf_node *n, enum place place, bool pretty)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer json;
	bool is_put = true;

	sf_json_writer_init(&json, sf_json_buffer_sink, &out, pretty);
	begin_place(&json, place);
	if (plan)
		is_put = sf_json_plan_put(plan, w, n, &json);
	else
		sf_value_json(w, n, &json);
	if (!is_put) {
		free(out.text);
		return NULL;
	}
	end_place(&json, place);
	assert_true(sf_json_writer_finish(&json));
	return taken(&out);
}

static struct sf_json_plan *plan_for(struct sf_walk *w, const struct sf_node *n, enum place place, bool pretty)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer json;
	struct sf_json_plan *plan;

	sf_json_writer_init(&json, sf_json_buffer_sink, &out, pretty);
	begin_place(&json, place);
	plan = sf_json_plan_new(w, n, &json);
	free(out.text);
	return plan;
}

static void assert_same(const char *a, const char *b)
{
	size_t at = 0;

	while (a[at] && a[at] == b[at])
		at++;
	if (a[at] || b[at]) {
		at = at < 80 ? 0 : at - 80;
		fail_msg("…%.160s… instead of …%.160s…", b + at, a + at);
	}
}

/* Is it put by the plan? Then it is the same. */
static bool check(struct sf_json_plan *plan, struct sf_walk *w, const struct sf_node *n, enum place place, bool pretty)
{
	struct sf_walk other = *w;
	_cleanup_free_ char *want = shown(NULL, w, n, place, pretty), *got = plan ? shown(plan, &other, n, place, pretty) : NULL;

	if (!got)
		return false;
	assert_same(want, got);
	/* Parts are counted alike. */
	assert_int_equal(other.left, w->left);
	assert_int_equal(other.overdraft, w->overdraft);
	return true;
}

/* ---- random types ---------------------------------------------------------------------------------------------- */

static struct {
	uint32_t id, size;
	bool is_int; /* may be a bitfield */
} pool[MAX_POOL];
static size_t n_pool;

static void add(uint32_t id, uint32_t size, bool is_int)
{
	assert_true(n_pool < MAX_POOL);
	pool[n_pool++] = (__typeof__(pool[0])){ id, size, is_int };
}

static void add_enums(void)
{
	static const uint32_t sizes[] = { 1, 2, 4, 8 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		bool is_signed = dice(2);
		uint32_t id = btfb_add_enum(&b, dice(3) ? "level" : NULL, sizes[i], is_signed);

		for (uint32_t k = 0, n = dice(12); k < n; k++)
			btfb_enumerator(&b, dice(5) ? "NAME" : "odd \"\\\x01\xff name", dice(3) ? (int32_t)k : (int32_t)dice(300) - 150);
		add(id, sizes[i], true);
	}
	add(btfb_add_enum64(&b, "wide", dice(2)), 8, true);
	btfb_enumerator64(&b, "TOP", 1ull << 63);
	btfb_enumerator64(&b, "ALL", UINT64_MAX);
	add(btfb_add_enum(&b, "strange", 3, false), 3, true);
}

static void add_pointers(void)
{
	uint32_t m = btfb_add_struct(&b, "bpf_cpumask", 8), small, task, proto;

	btfb_member(&b, "bits", u64, 0);
	add(m, 8, false);
	add(btfb_add_ptr(&b, btfb_add_type_tag(&b, "kptr", m)), 8, false);
	small = btfb_add_struct(&b, "small", 4);
	btfb_member(&b, "v", u32, 0);
	add(btfb_add_ptr(&b, small), 8, false);
	task = btfb_add_fwd(&b, "task_struct", false);
	add(btfb_add_ptr(&b, task), 8, false);
	add(btfb_add_ptr(&b, btfb_add_fwd(&b, "cpumask", false)), 8, false);
	add(btfb_add_ptr(&b, 0), 8, false);
	proto = btfb_add_func_proto(&b, 0);
	add(btfb_add_ptr(&b, proto), 8, false);
	add(btfb_add_ptr(&b, btfb_add_fwd(&b, "nowhere", false)), 8, false);
	add(btfb_add_ptr(&b, btfb_add_type_tag(&b, "percpu_kptr", small)), 8, false);
}

static void add_basics(void)
{
	n_pool = 0;
	add(u8, 1, true);
	add(u16, 2, true);
	add(u32, 4, true);
	add(s32, 4, true);
	add(u64, 8, true);
	add(s64, 8, true);
	add(chr, 1, true);
	add(btfb_add_int(&b, "s8", 1, BTFB_SIGNED), 1, true);
	add(btfb_add_int(&b, "s16", 2, BTFB_SIGNED), 2, true);
	add(btfb_add_int(&b, "bool", 1, BTFB_BOOL), 1, true);
	add(btfb_add_int(&b, "bool4", 4, BTFB_BOOL), 4, true);
	add(btfb_add_int(&b, "u24", 3, 0), 3, true);
	add(btfb_add_int(&b, "s56", 7, BTFB_SIGNED), 7, true);
	add(btfb_add_int(&b, "u128", 16, 0), 16, false);
	add(btfb_add_float(&b, "float", 4), 4, false);
	add(btfb_add_float(&b, "double", 8), 8, false);
	add(btfb_add_float(&b, "half", 2), 2, false);
	add(btfb_add_typedef(&b, "my_u32", btfb_add_modifier(&b, SF_BTF_VOLATILE, u32)), 4, false);
	add(btfb_add_modifier(&b, SF_BTF_CONST, s64), 8, false);
	add_enums();
	add_pointers();
}

static void add_members(uint32_t n, bool is_union, uint32_t *size)
{
	static const char *const names[] = { "weight", "v", "odd \"\\\x02\xfe", "", "a_long_name_of_a_member_that_is_long" };
	uint32_t bits = 0, most = 0;

	for (uint32_t i = 0; i < n; i++) {
		__typeof__(pool[0]) t = pool[dice((uint32_t)n_pool)];
		uint32_t at = is_union ? 0 : bits, width = t.is_int && !dice(4) ? 1 + dice(t.size * 8) : 0;

		if (!width)
			at = (at + 7) / 8 * 8;
		/* Once in a while one that lies beyond the end, or between bytes. */
		if (!dice(200))
			at += dice(2) ? 7 : 100000;
		btfb_bitfield(&b, names[dice(ARRAY_SIZE(names))], t.id, at & 0xffffff, width);
		at += width ? width : t.size * 8;
		if (at < 8 * MAX_LEN)
			bits = at;
		most = sf_max(most, (bits + 7) / 8);
	}
	*size = most;
}

/* A struct, union or array of what there is; it is then part of it. */
static void add_compound(void)
{
	uint32_t size, id, n;

	if (n_pool == MAX_POOL)
		return;
	if (dice(2)) {
		__typeof__(pool[0]) t = pool[dice((uint32_t)n_pool)];

		n = dice(12);
		if (t.size * n < MAX_LEN / 4)
			add(btfb_add_array(&b, t.id, u32, n), t.size * n, false);
		return;
	}
	bool is_union = !dice(4);

	id = is_union ? btfb_add_union(&b, dice(2) ? "either" : NULL, 0) : btfb_add_struct(&b, dice(2) ? "compound" : NULL, 0);
	add_members(1 + dice(8), is_union, &size);
	btfb_patch32(&b, id, 2, size);
	if (size < MAX_LEN / 4)
		add(id, size, false);
}

static uint32_t add_section(uint32_t *size)
{
	uint32_t vars[8], at = 0, id, n = 1 + dice(8);
	size_t which[8];

	for (uint32_t i = 0; i < n; i++) {
		which[i] = dice((uint32_t)n_pool);
		vars[i] = btfb_add_var(&b, "var", pool[which[i]].id, 1);
	}
	id = btfb_add_datasec(&b, ".data", 0);
	for (uint32_t i = 0; i < n; i++) {
		btfb_secinfo(&b, vars[i], at, pool[which[i]].size);
		at += pool[which[i]].size;
	}
	btfb_patch32(&b, id, 2, at);
	*size = at;
	return id;
}

static uint32_t random_type(uint32_t *size)
{
	uint32_t id;

	add_basics();
	for (uint32_t i = 0, n = dice(20); i < n; i++)
		add_compound();
	if (!dice(6))
		return add_section(size);
	if (!dice(6)) {
		size_t i = dice((uint32_t)n_pool);

		*size = pool[i].size;
		return pool[i].id;
	}
	id = btfb_add_struct(&b, "outermost", 0);
	add_members(2 + dice(20), false, size);
	btfb_patch32(&b, id, 2, *size);
	return id;
}

/* Noise with numbers that are likely, among them addresses. */
static void random_bytes(uint8_t *bytes, size_t len)
{
	memset(bytes, 0, len);
	for (size_t i = 0; i < len; i += 1 + dice(12)) {
		uint64_t v[] = { 0, dice(4), dice(70000), mask, gone, UINT64_MAX, seed, 1ull << dice(64), area };
		uint64_t one = v[dice(ARRAY_SIZE(v))];

		memcpy(bytes + i, &one, sf_min(len - i, sizeof(one)));
	}
}

/* ---- the tests ------------------------------------------------------------------------------------------------- */

struct tally {
	uint32_t types, plans, values, put;
};

static void check_values(struct tally *t, uint32_t id, uint32_t size, const struct sf_render_options *opt)
{
	enum place place = dice(N_PLACES);
	bool pretty = dice(2);
	uint32_t had = dice(12) ? size : dice(size + 20);
	uint8_t bytes[MAX_LEN + 20];
	struct sf_walk w;

	sf_walk_init(&w, opt);
	random_bytes(bytes, had);
	struct sf_node n = value_at(area, id, bytes, had);
	SF_OWNED(json_plan) plan = plan_for(&w, &n, place, pretty);

	sf_walk_map(&w, dice(2) ? had : 0);
	t->types++;
	t->plans += plan != NULL;
	for (int i = 0; i < 6; i++) {
		random_bytes(bytes, had);
		/* On one page, and on two that are no neighbours. */
		n = value_at(i % 2 ? area + SF_PAGE_SIZE - had / 2 : area, id, bytes, had);
		t->values++;
		t->put += check(plan, &w, &n, place, pretty);
	}
}

static void plans_put_what_the_general_way_puts(void **state)
{
	struct tally t = { 0 };

	(void)state;
	for (int i = 0; i < 1500; i++) {
		struct sf_render_options opt = { 0 };
		uint32_t size, id;

		seed = (uint64_t)i * 0x9e3779b97f4a7c15ull + 5;
		begin(NULL);
		id = random_type(&size);
		done();
		if (!dice(4))
			opt.max_elements = 1 + dice(8);
		if (!dice(8))
			opt.max_depth = 1 + dice(4);
		if (!dice(8))
			opt.max_parts = 1 + dice(60);
		if (size < MAX_LEN)
			check_values(&t, id, size, &opt);
		end(NULL);
	}
	/* It is the plans that were tested. */
	if (t.plans < t.types / 2 || t.put < t.values / 4)
		fail_msg("%u of %u types had a plan, %u of %u values were put by it", t.plans, t.types, t.put, t.values);
}

static struct sf_node simple(uint32_t *id, size_t len)
{
	static uint8_t bytes[2 * SF_PAGE_SIZE];

	*id = btfb_add_struct(&b, "simple", (uint32_t)len);
	btfb_member(&b, "first", u64, 0);
	btfb_member(&b, "last", u32, (uint32_t)(len - 4) * 8);
	done();
	return value_at(area + SF_PAGE_SIZE - 16, *id, bytes, len);
}

static void values_with_a_missing_page_are_left_to_the_general_way(void **state)
{
	uint64_t half = fake_vmalloc(guest, 2 * SF_PAGE_SIZE);
	uint8_t bytes[32] = { 1 };
	struct sf_walk w;
	uint32_t id;

	(void)state;
	sf_walk_init(&w, NULL);
	struct sf_node n = simple(&id, 32);
	SF_OWNED(json_plan) plan = plan_for(&w, &n, IN_LIST, false);

	assert_non_null(plan);
	assert_true(check(plan, &w, &n, IN_LIST, false));
	n = value_at(half + SF_PAGE_SIZE - 16, id, bytes, sizeof(bytes));
	assert_true(check(plan, &w, &n, IN_LIST, false));
	fake_unmap(guest, half + SF_PAGE_SIZE);
	sf_vmem_flush(&vm);
	assert_false(check(plan, &w, &n, IN_LIST, false));
}

static void a_plan_is_for_one_type_in_one_place(void **state)
{
	struct sf_walk w;
	uint32_t id;

	(void)state;
	sf_walk_init(&w, NULL);
	struct sf_node n = simple(&id, 32), other = n;
	SF_OWNED(json_plan) plan = plan_for(&w, &n, IN_LIST, false);

	assert_false(check(plan, &w, &n, AT_ROOT, false));
	assert_false(check(plan, &w, &n, IN_LIST, true));
	other.had = 31;
	assert_false(check(plan, &w, &other, IN_LIST, false));
	other = n;
	other.type = u64;
	assert_false(check(plan, &w, &other, IN_LIST, false));
	assert_true(check(plan, &w, &n, IN_LIST, false));
}

static void text_may_be_long(void **state)
{
	uint8_t bytes[16] = { 1, 2, 3 };
	char name[5000];
	struct sf_walk w;
	uint32_t id, e;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	e = btfb_add_enum(&b, "level", 4, false);
	btfb_enumerator(&b, name, 0x30201);
	id = btfb_add_struct(&b, name, sizeof(bytes));
	btfb_member(&b, name, e, 0);
	btfb_member(&b, name, u64, 64);
	done();
	sf_walk_init(&w, NULL);
	struct sf_node n = value_at(area, id, bytes, sizeof(bytes));
	SF_OWNED(json_plan) plan = plan_for(&w, &n, IN_LIST, true);

	assert_non_null(plan);
	assert_true(check(plan, &w, &n, IN_LIST, true));
}

static bool never(void *arg, const char *text, size_t len)
{
	(void)text;
	*(size_t *)arg += len;
	return false;
}

static void a_sink_that_stops_ends_a_plan(void **state)
{
	static uint8_t bytes[MAX_LEN];
	struct sf_render_options opt = { .max_elements = 5000 };
	struct sf_json_writer json;
	size_t asked = 0;
	struct sf_walk w;
	uint32_t id;

	(void)state;
	id = btfb_add_array(&b, u8, u32, MAX_LEN);
	done();
	sf_walk_init(&w, &opt);
	struct sf_node n = value_at(area, id, bytes, sizeof(bytes));
	SF_OWNED(json_plan) plan = plan_for(&w, &n, AT_ROOT, false);

	assert_non_null(plan);
	sf_json_writer_init(&json, never, &asked, false);
	assert_true(sf_json_plan_put(plan, &w, &n, &json));
	assert_true(json.failed);
	assert_false(sf_json_writer_finish(&json));
	/* Once, and then never again. */
	assert_in_range(asked, 1, sizeof(json.buf));
	assert_true(check(plan, &w, &n, AT_ROOT, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_put_what_the_general_way_puts),
		BENCH_TEST(values_with_a_missing_page_are_left_to_the_general_way),
		BENCH_TEST(a_plan_is_for_one_type_in_one_place),
		BENCH_TEST(text_may_be_long),
		BENCH_TEST(a_sink_that_stops_ends_a_plan),
	};

	return cmocka_run_group_tests(tests, make_memory, drop_guest);
}

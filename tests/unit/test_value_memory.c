/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed nodes that lead elsewhere: masks, pointers, memory that is not there; and that no type keeps us for long. */
#include <time.h>

#include "value_bench.h"

/* ---- masks ------------------------------------------------------------------------------------------- */

static void masks_are_lists_of_the_cpus_there_are(void **state)
{
	static const char *const names[] = { "cpumask", "cpumask_t", "bpf_cpumask", "llc_cpumask" };
	uint32_t words = btfb_add_array(&b, u64, u32, 4), ids[4], bitmap;
	uint8_t bytes[40] = { 0x27 }, scx[40] = { 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0x81 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = btfb_add_struct(&b, names[i], 32);
		btfb_member(&b, "bits", words, 0);
	}
	bitmap = btfb_add_struct(&b, "scx_bitmap", 40);
	btfb_member(&b, "bits", words, 64);
	(void)state;
	done();
	bytes[7] = 0xc0;
	bytes[8] = 0xff; /* CPUs 64 to 71, which this machine cannot have */
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct sf_node n = node(ids[i], bytes, 32);

		assert_kind(&n, SF_CPU_LIST);
		assert_text(&n, "cpus={0-2,5,62-63}");
	}
	struct sf_node n = node(bitmap, scx, 40), empty = node(ids[0], (uint8_t[32]){ 0 }, 32);

	assert_text(&n, "cpus={0,7}");
	assert_text(&empty, "cpus={}");
	/* Fewer CPUs than a word has bits: the kernel fills whole words. */
	types.nr_cpus = 6;
	n = node(ids[0], (uint8_t[32]){ [0 ... 7] = 0xff }, 32);
	assert_text(&n, "cpus={0-5}");
	types.nr_cpus = 0;
	n = node(ids[0], bytes, 32);
	assert_text(&n, "cpus={0-2,5,62-71}");
}

static void a_cut_mask_reads_nothing_beyond_its_bytes(void **state)
{
	uint32_t words = btfb_add_array(&b, u64, u32, 4), mask, bitmap;

	mask = btfb_add_struct(&b, "cpumask", 32);
	btfb_member(&b, "bits", words, 0);
	bitmap = btfb_add_struct(&b, "scx_bitmap", 40);
	btfb_member(&b, "bits", words, 64);
	(void)state;
	done();
	uint64_t area = fake_vmalloc(guest, SF_PAGE_SIZE);

	for (size_t i = 0; i < 64; i++)
		fake_u8(guest, area + i, 0xff);
	for (uint32_t had = 0; had < 12; had++) {
		struct sf_node n = sf_typed_node(&types, area, had % 2 ? mask : bitmap, had), inner;
		struct sf_trouble why;
		uint64_t need, there;
		uint8_t got[64];
		size_t len = sizeof(got);

		if (sf_node_kind(&n) != SF_TRUNCATED)
			continue;
		assert_int_equal(sf_node_partial(&n, &inner, &need, &there), SF_STEP_OK);
		assert_int_equal(sf_node_bytes(&inner, 0, got, &len, &why), SF_STEP_OK);
		assert_in_range(len, 0, had);
	}
}

/* ---- pointers ---------------------------------------------------------------------------------------- */

static struct sf_node pointer(uint32_t type, uint64_t to)
{
	return node(type, &to, 8);
}

static void pointers_lead_to_the_kernels_own_layout(void **state)
{
	/* What the program was compiled with has pid elsewhere. */
	uint32_t task = btfb_add_struct(&b, "task_struct___old", 8), plain, fwd;

	btfb_member(&b, "pid", s32, 0);
	task = btfb_add_ptr(&b, task);
	fwd = btfb_add_ptr(&b, btfb_add_fwd(&b, "task_struct", false));
	plain = btfb_add_ptr(&b, btfb_add_struct(&b, "twin", 2));
	(void)state;
	done();
	uint64_t at = fake_kmalloc(guest, FK_TASK_SIZE);
	const char *skipped;
	struct sf_trouble why;
	struct sf_node n = pointer(task, at), m = pointer(fwd, at), t = pointer(plain, at), to;

	fake_u32(guest, at + FK_TASK_PID, 77);
	assert_kind(&n, SF_PTR);
	assert_int_equal(scalar(&n).u64, at);
	assert_int_equal(sf_node_deref(&n, &to, &skipped, &why), SF_STEP_OK);
	assert_string_equal(sf_node_type_name(&to), "task_struct");
	to = member(&to, "pid");
	assert_int_equal(scalar(&to).i64, 77);
	/* A declaration alone is enough where the kernel has the type. */
	assert_int_equal(sf_node_deref(&m, &to, &skipped, &why), SF_STEP_OK);
	to = member(&to, "pid");
	assert_int_equal(scalar(&to).i64, 77);
	/* Of two types of one name, the larger. */
	assert_int_equal(sf_node_deref(&t, &to, &skipped, &why), SF_STEP_OK);
	to = member(&to, "large");
	assert_kind(&to, SF_UINT);
}

static void pointers_that_lead_nowhere_say_why(void **state)
{
	uint32_t own = btfb_add_struct(&b, "own", 8), p_own, p_void, p_fwd, p_func, p_empty, p_bad, p_cut;

	btfb_member(&b, "x", u64, 0);
	p_own = btfb_add_ptr(&b, own);
	p_void = btfb_add_ptr(&b, 0);
	p_fwd = btfb_add_ptr(&b, btfb_add_fwd(&b, "nowhere", false));
	p_func = btfb_add_ptr(&b, btfb_add_func_proto(&b, 0));
	p_empty = btfb_add_ptr(&b, btfb_add_struct(&b, "empty", 0));
	p_bad = btfb_add_ptr(&b, 99999);
	p_cut = btfb_add_struct(&b, "cut", 8);
	btfb_member(&b, "p", p_own, 0);
	(void)state;
	done();
	uint64_t at = fake_kmalloc(guest, 8), hole = fake_vmalloc(guest, 1);
	const struct {
		uint32_t type;
		uint64_t to;
		enum sf_step step;
		const char *says;
	} cases[] = {
		{ p_own, at, SF_STEP_OK, NULL },
		{ p_own, 0, SF_STEP_NONE, NULL },
		{ p_void, at, SF_STEP_NONE, "void" },
		{ p_fwd, at, SF_STEP_NONE, "only declared" },
		{ p_func, at, SF_STEP_NONE, "function" },
		{ p_empty, at, SF_STEP_NONE, "no size" },
		{ p_bad, at, SF_STEP_NONE, "cannot be read" },
		{ p_own, 0x400000, SF_STEP_NONE, "not a kernel address" },
		{ p_own, 0x8000000000000000, SF_STEP_NONE, "not a kernel address" },
		{ p_own, hole, SF_STEP_TROUBLE, NULL },
		{ p_own, UINT64_MAX, SF_STEP_TROUBLE, NULL },
		{ p_own, 0xffffffff80000000, SF_STEP_TROUBLE, NULL },
	};

	fake_unmap(guest, hole);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sf_node n = pointer(cases[i].type, cases[i].to), to;
		struct sf_trouble why = { 0 };
		const char *skipped = "untouched";
		char text[256];

		assert_int_equal(sf_node_deref(&n, &to, &skipped, &why), cases[i].step);
		if (cases[i].says)
			assert_contains(skipped, cases[i].says);
		else
			assert_null(skipped);
		if (cases[i].step == SF_STEP_TROUBLE) {
			assert_int_equal(why.fault, SF_FAULT_UNMAPPED);
			assert_int_equal(why.addr, cases[i].to);
		}
		sf_node_text(&n, text, sizeof(text));
		assert_int_equal(sf_node_deref(&n, &to, NULL, &why), cases[i].step);
	}
	struct sf_node cut = node(p_cut, "\1\2\3\4\5\6", 6), to;
	struct sf_trouble why;

	assert_kind(&cut, SF_TRUNCATED);
	assert_int_equal(sf_node_deref(&cut, &to, NULL, &why), SF_STEP_NONE);
}

/* The owner of a piece of storage is known by address; no pointer to it lies anywhere. */
static void an_address_is_a_pointer_that_lies_nowhere(void **state)
{
	uint64_t at = fake_kmalloc(guest, FK_TASK_SIZE), v;
	struct sf_node n, to, pid;
	struct sf_trouble why = { 0 };
	const char *skipped;

	(void)state;
	done();
	fake_u32(guest, at + FK_TASK_PID, 77);
	n = sf_typed_address(&kernel_types, at, sf_btf_find_largest(kernel_types.btf, "task_struct", SF_BTF_STRUCT));
	assert_kind(&n, SF_PTR);
	assert_int_equal(scalar(&n).u64, at);
	assert_int_equal(sf_node_deref(&n, &to, &skipped, &why), SF_STEP_OK);
	/* Else a walk that remembers where it is inside of would take it for a cycle. */
	assert_int_not_equal(to.at, n.at);
	pid = member(&to, "pid");
	assert_null(sf_node_as_u64(&pid, &v, &why));
	assert_int_equal(v, 77);

	n = sf_typed_address(&kernel_types, 0, n.type);
	assert_int_equal(sf_node_deref(&n, &to, &skipped, &why), SF_STEP_NONE);
	assert_null(skipped);
	n = sf_typed_address(&kernel_types, at, 0);
	assert_int_equal(sf_node_deref(&n, &to, &skipped, &why), SF_STEP_NONE);
	assert_string_equal(skipped, "its target has no type");
	n = sf_typed_address(&kernel_types, 0x1000, to.type);
	assert_int_equal(sf_node_deref(&n, &to, &skipped, &why), SF_STEP_NONE);
	assert_string_equal(skipped, "not a kernel address");
}

static void a_ring_of_pointers_ends(void **state)
{
	uint32_t ring = btfb_add_ptr(&b, b.next_id);
	uint64_t at = fake_kmalloc(guest, 8);

	(void)state;
	done();
	fake_u64(guest, at, at);
	struct sf_node n = sf_typed_node(&types, at, ring, 8), to;
	struct sf_trouble why;
	char text[256];

	assert_int_equal(sf_node_peel(&n, &to, &why), SF_STEP_OK);
	assert_kind(&to, SF_PTR);
	sf_node_text(&n, text, sizeof(text));
	assert_contains(text, "→");
}

static void what_a_node_reads_may_not_be_there(void **state)
{
	uint32_t boolean = btfb_add_int(&b, "bool", 4, BTFB_BOOL), fl = btfb_add_float(&b, "f", 8);
	uint32_t ids[] = { u8, u64, boolean, fl, chr, btfb_add_ptr(&b, u8), 0, 0 };
	uint64_t hole = fake_vmalloc(guest, 1);

	ids[6] = btfb_add_enum(&b, "e", 4, false);
	ids[7] = btfb_add_struct(&b, "cpumask", 8);
	(void)state;
	done();
	fake_unmap(guest, hole);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct sf_node n = sf_typed_node(&types, hole + 8, ids[i], 8);
		struct sf_trouble why = { 0 };
		struct sf_scalar s;
		uint64_t v = 123;
		char text[64];

		sf_node_text(&n, text, sizeof(text));
		assert_contains(text, "not mapped by the guest");
		if (sf_node_kind(&n) == SF_CPU_LIST)
			continue;
		assert_int_equal(sf_node_scalar(&n, &s, &why), SF_STEP_TROUBLE);
		assert_int_equal(why.addr, hole + 8);
		assert_string_equal(sf_node_as_u64(&n, &v, &why), "Unreadable");
		assert_int_equal(why.fault, SF_FAULT_UNMAPPED);
		assert_int_equal(v, 123);
	}
}

/* ---- without types, and with hostile ones ------------------------------------------------------------- */

static void without_a_type_there_are_bytes(void **state)
{
	uint32_t proto = btfb_add_func_proto(&b, 0), fn = btfb_add_func(&b, "f", proto, 0), fwd;

	fwd = btfb_add_fwd(&b, "f", false);
	(void)state;
	done();
	struct sf_node n = node(0, "\1\2", 2), f = node(fn, "\1\2", 2), w = node(fwd, "\1\2", 2), x = node(12345, "\1\2", 2);

	assert_kind(&n, SF_BYTES);
	assert_text(&n, "01 02");
	assert_kind(&f, SF_UNSUPPORTED);
	assert_text(&f, "<unsupported: a function>");
	assert_kind(&w, SF_UNSUPPORTED);
	assert_text(&w, "<unsupported: only declared>");
	assert_kind(&x, SF_UNSUPPORTED);
	assert_contains(sf_node_note(&x), "cannot be read");
}

/* All that can be asked of @n, down to a depth. */
static void ask_all(const struct sf_node *n, unsigned int depth)
{
	struct sf_member_iter it = { 0 };
	struct sf_trouble why = { 0 };
	struct sf_scalar s;
	struct sf_node m;
	const char *name, *skipped;
	char text[4096], buf[64];
	uint64_t need, had;
	size_t len = sizeof(buf);

	sf_node_text(n, text, sizeof(text));
	sf_node_scalar(n, &s, &why);
	sf_node_member(n, "no_such_member", 14, &m);
	sf_node_bytes(n, 0, buf, &len, &why);
	sf_node_note(n);
	sf_node_type_name(n);
	sf_node_len(n, NULL);
	if (!depth)
		return;
	for (int i = 0; i < 4 && sf_node_next_member(n, &it, &name, &m); i++)
		ask_all(&m, depth - 1);
	for (uint64_t i = 0; i < 3 && sf_node_index(n, i, &m) == SF_STEP_OK; i++)
		ask_all(&m, depth - 1);
	if (sf_node_deref(n, &m, &skipped, &why) == SF_STEP_OK || sf_node_partial(n, &m, &need, &had) == SF_STEP_OK)
		ask_all(&m, depth - 1);
}

static void types_that_contain_themselves_end_soon(void **state)
{
	uint32_t ids[10], i = 0;
	uint8_t bytes[64] = { 1, 2, 3 };

	/* A member of its own type, named; and unnamed, twice and ten times. */
	ids[i++] = btfb_add_struct(&b, "named", 8);
	btfb_member(&b, "self", ids[0], 0);
	btfb_member(&b, "self2", ids[0], 0);
	for (int n = 1; n <= 10; n += 9) {
		ids[i] = btfb_add_struct(&b, "unnamed", 8);
		for (int k = 0; k < n * 2; k++)
			btfb_member(&b, NULL, ids[i], 0);
		i++;
	}
	ids[i] = btfb_add_union(&b, "leaning", 8);
	btfb_member(&b, NULL, ids[i], 0);
	btfb_member(&b, NULL, ids[i], 8);
	btfb_member(&b, "end", u8, 0);
	i++;
	/* An array of itself; a typedef of itself; two typedefs of each other; an array of 2^32 empty structs. */
	ids[i] = btfb_add_array(&b, b.next_id, u32, 2);
	i++;
	ids[i] = btfb_add_typedef(&b, "t", b.next_id);
	i++;
	ids[i] = btfb_add_typedef(&b, "a", b.next_id + 1);
	btfb_add_typedef(&b, "b", ids[i]);
	i++;
	ids[i] = btfb_add_array(&b, btfb_add_struct(&b, "empty", 0), u32, UINT32_MAX);
	i++;
	/* A section that is its own variable. */
	ids[i] = b.next_id + 1;
	btfb_add_var(&b, "me", ids[i], 1);
	btfb_add_datasec(&b, ".bss", 8);
	btfb_secinfo(&b, ids[i] - 1, 0, 8);
	btfb_secinfo(&b, ids[i], 0, 8);
	i++;
	/* A variable of itself. */
	ids[i] = btfb_add_var(&b, "v", b.next_id, 1);
	i++;
	assert_int_equal(i, ARRAY_SIZE(ids));
	(void)state;
	done();
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct sf_node n = node(ids[i], bytes, sizeof(bytes)), m = node(ids[i], bytes, 3);

		ask_all(&n, 2);
		ask_all(&m, 2);
	}
}

static void random_types_end_soon(void **state)
{
	uint8_t bytes[64] = { 0 };

	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 40; i++) {
			uint32_t kind = (uint32_t)rand() % 21, n = (uint32_t)rand() % 4;

			btfb_add(&b, i % 3 ? "name" : NULL, kind << 24 | n | (rand() % 4 ? 0 : BTFB_KFLAG),
				 (uint32_t)rand() % 60);
			for (uint32_t k = 0; k < n * 3; k++)
				btfb_u32(&b, (uint32_t)rand() % 60);
			if (kind == SF_BTF_ARRAY || kind == SF_BTF_INT || kind == SF_BTF_VAR)
				btfb_u32(&b, (uint32_t)rand() % 60);
		}
		done();
		for (uint32_t id = 1; id < 50; id++) {
			struct sf_node n = node(id, bytes, (size_t)rand() % 64 + 1);

			ask_all(&n, 2);
		}
		guest->next_page -= 49 * 3 * SF_PAGE_SIZE; /* the areas of this round are not needed any more */
		end(NULL);
		begin(NULL);
	}
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(masks_are_lists_of_the_cpus_there_are),
		BENCH_TEST(a_cut_mask_reads_nothing_beyond_its_bytes),
		BENCH_TEST(pointers_lead_to_the_kernels_own_layout),
		BENCH_TEST(pointers_that_lead_nowhere_say_why),
		BENCH_TEST(an_address_is_a_pointer_that_lies_nowhere),
		BENCH_TEST(a_ring_of_pointers_ends),
		BENCH_TEST(what_a_node_reads_may_not_be_there),
		BENCH_TEST(without_a_type_there_are_bytes),
		BENCH_TEST(types_that_contain_themselves_end_soon),
		BENCH_TEST(random_types_end_soon),
	};

	return run_bench(tests);
}

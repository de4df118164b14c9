/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How values look: golden texts of values that were made from JSON, so each test shows both forms. */
#include "render_bench.h"

/* ---- scalars -------------------------------------------------------------------------------------------- */

static void scalars_have_one_form_each(void **state)
{
	(void)state;
	assert_renders(U32(4294967295), "4294967295");
	assert_renders("{\"kind\":\"uint\",\"bits\":64,\"value\":18446744073709551615}", "18446744073709551615");
	assert_renders("{\"kind\":\"int\",\"bits\":64,\"value\":-9223372036854775808}", "-9223372036854775808");
	assert_renders("{\"kind\":\"bool\",\"value\":true}", "true");
	assert_renders("{\"kind\":\"bool\",\"value\":false}", "false");
	assert_renders(CHR(65), "'A'");
	assert_renders(CHR(7), "0x07");
	assert_renders("{\"kind\":\"float\",\"bits\":64,\"value\":0.1}", "0.1");
	assert_renders("{\"kind\":\"float\",\"bits\":64,\"value\":null}", "nan");
	assert_renders("{\"kind\":\"float\",\"bits\":32,\"value\":0.10000000149011612}", "0.1");
	assert_renders("{\"kind\":\"enum\",\"bits\":8,\"value\":-1,\"variant\":\"NONE\",\"is_signed\":true}", "NONE (-1)");
	assert_renders("{\"kind\":\"enum\",\"bits\":32,\"value\":3,\"variant\":null,\"is_signed\":false}", "3");
	assert_renders("{\"kind\":\"enum\",\"bits\":64,\"value\":18446744073709551615,\"variant\":\"ALL\","
		       "\"is_signed\":false,\"type_name\":\"mask\"}", "ALL (18446744073709551615)");
	assert_renders("{\"kind\":\"cpu_list\",\"cpus\":\"0-3,8\"}", "cpus={0-3,8}");
	assert_renders("{\"kind\":\"cpu_list\",\"cpus\":\"\"}", "cpus={}");
	assert_renders(UNSUPPORTED("a function"), "<unsupported: a function>");
}

static void pointers_say_where_and_why_not(void **state)
{
	(void)state;
	assert_renders("{\"kind\":\"ptr\",\"value\":0}", "0x0");
	assert_renders("{\"kind\":\"ptr\",\"value\":255}", "0xff");
	assert_renders("{\"kind\":\"ptr\",\"value\":255,\"cast_annotation\":\"sdt_alloc\",\"deref\":" U32(7) "}",
		       "0xff (sdt_alloc) → 7");
	assert_renders("{\"kind\":\"ptr\",\"value\":255,\"deref_skipped_reason\":\"cycle\"}", "0xff [cycle]");
	assert_renders("{\"kind\":\"ptr\",\"value\":255,\"deref_skipped_reason\":\"page not kept\"}",
		       "0xff [chase: page not kept]");
}

static void names_cannot_move_the_cursor(void **state)
{
	(void)state;
	assert_renders(STRUCT("a\\u001b[2Jb", MEMBER("c\\nd", U32(1)) "," MEMBER("é\xc2\x9b\xe2\x80\xae", U32(2))),
		       "a\\x1b[2Jb{c\\x0ad=1, é\\xc2\\x9b\\xe2\\x80\\xae=2}");
	assert_renders("{\"kind\":\"enum\",\"bits\":32,\"value\":3,\"variant\":\"\x7f\",\"is_signed\":false}",
		       "\\x7f (3)");
}

/* ---- structs -------------------------------------------------------------------------------------------- */

static void small_structs_take_one_line(void **state)
{
	(void)state;
	assert_renders(STRUCT("point", MEMBER("x", S32(-1)) "," MEMBER("y", S32(2))), "point{x=-1, y=2}");
	assert_renders(ANON(MEMBER("x", S32(1))), "{x=1}");
	assert_renders(STRUCT("out", MEMBER("in", STRUCT("in", MEMBER("a", U32(5))))), "out{in=in{a=5}}");
	assert_renders(STRUCT("none", ""), "none{}");
}

static void zeros_are_not_shown(void **state)
{
	static const char json[] =
		STRUCT("s", MEMBER("a", U32(0)) "," MEMBER("b", U32(1)) "," MEMBER("in", STRUCT("t", MEMBER("c", U32(0)))) ","
		       MEMBER("list", ARRAY(2, U32(0) "," U32(0))) "," MEMBER("p", "{\"kind\":\"ptr\",\"value\":0}") ","
		       MEMBER("cpus", "{\"kind\":\"cpu_list\",\"cpus\":\"\"}") "," MEMBER("f", "{\"kind\":\"bool\",\"value\":false}"));
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node n = sf_tree_root(tree);

	(void)state;
	assert_renders(json, "s{b=1}");
	assert_looks_with(&n, &(struct sf_render_options){ .show_zero = true },
			  "s{a=0, b=1, in=t{c=0}, list=[0x0, 0x0], p=0x0, cpus=cpus={}, f=false}");
	assert_renders(STRUCT("s", MEMBER("a", U32(0))), "s{}");
}

static void what_was_not_decoded_is_never_zero(void **state)
{
	(void)state;
	assert_renders(STRUCT("s", MEMBER("b", "{\"kind\":\"bytes\",\"hex\":\"00 00\"}") ","
			      MEMBER("u", UNSUPPORTED("why")) ","
			      MEMBER("t", "{\"kind\":\"truncated\",\"needed\":8,\"had\":0,\"partial\":{\"kind\":\"bytes\",\"hex\":\"\"}}")),
		       "s{b=00 00, u=<unsupported: why>, t=<truncated: needed 8, had 0>}");
	/* An array of which only a part is there may have anything in the rest. */
	assert_renders(STRUCT("s", MEMBER("a", ARRAY(5, U32(0)))), "s{a=[all 1 zero] (1 of 5 shown)}");
}

static void formats_of_printk_are_hidden_in_text_only(void **state)
{
	static const char json[] = STRUCT(".rodata", MEMBER("init.____fmt", U32(1)) "," MEMBER("n", U32(2)));
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node n = sf_tree_root(tree);

	(void)state;
	assert_renders(json, ".rodata{n=2}");
	assert_looks_with(&n, &(struct sf_render_options){ .show_zero = true }, ".rodata{init.____fmt=1, n=2}");
}

static void larger_structs_are_rows_of_three_and_then_compounds(void **state)
{
	static const char json[] =
		STRUCT(".bss", MEMBER("nr_queued", U32(12)) "," MEMBER("inner", STRUCT("t", MEMBER("a", U32(1)))) ","
		       MEMBER("nr_done", U32(340)) "," MEMBER("mode", "{\"kind\":\"enum\",\"bits\":32,\"value\":2,\"variant\":\"FAST\",\"is_signed\":false}") ","
		       MEMBER("idle", U32(7)) ","
		       MEMBER("mask", "{\"kind\":\"ptr\",\"value\":4096,\"deref\":{\"kind\":\"cpu_list\",\"cpus\":\"1,3\"}}"));
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node n = sf_tree_root(tree);

	(void)state;
	assert_looks(&n, ".bss{nr_queued=12, inner=t{a=1}, nr_done=340, mode=FAST (2), idle=7, mask=0x1000 → cpus={1,3}}");
	assert_looks_with(&n, &(struct sf_render_options){ .width = 60 },
			  ".bss:\n"
			  "  nr_queued=12   nr_done=340   mode=FAST (2)\n"
			  "  idle=7\n"
			  "  inner t{a=1}\n"
			  "  mask 0x1000 → cpus={1,3}");
	/* Three columns need 44. */
	assert_looks_with(&n, &(struct sf_render_options){ .width = 40 },
			  ".bss:\n"
			  "  nr_queued=12    nr_done=340\n"
			  "  mode=FAST (2)   idle=7\n"
			  "  inner t{a=1}\n"
			  "  mask 0x1000 → cpus={1,3}");
}

static void names_of_many_rows_are_padded(void **state)
{
	static const char json[] =
		ANON(MEMBER("a", U32(1)) "," MEMBER("second", U32(22)) "," MEMBER("c", U32(3)) "," MEMBER("longer", U32(4)) ","
		     MEMBER("e", U32(5)) "," MEMBER("f", U32(6)) "," MEMBER("g", U32(7)));
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node n = sf_tree_root(tree);

	(void)state;
	assert_looks_with(&n, &(struct sf_render_options){ .width = 45 },
			  "<anon>:\n"
			  "  a      = 1   second = 22   c = 3\n"
			  "  longer = 4   e      = 5    f = 6\n"
			  "  g      = 7");
}

static void blocks_in_blocks_are_indented(void **state)
{
	static const char json[] =
		STRUCT("out", MEMBER("in", STRUCT("mid", MEMBER("x", U32(1)) "," MEMBER("deep", STRUCT("low", MEMBER("first_name", U32(1)) "," MEMBER("second_name", U32(2)))))) ","
		       MEMBER("p", "{\"kind\":\"ptr\",\"value\":16,\"deref\":" STRUCT("target", MEMBER("first_name", U32(1)) "," MEMBER("second_name", U32(2))) "}"));
	SF_OWNED(tree) tree = tree_of(json);
	struct sf_node n = sf_tree_root(tree);
	struct sf_json_buffer out = { 0 };

	(void)state;
	assert_true(sf_render_value_text(&n, &(struct sf_render_options){ .width = 30 }, 1, sf_json_buffer_sink, &out));
	assert_string_equal(out.text,
			    "out:\n"
			    "    in mid:\n"
			    "      x=1\n"
			    "      deep low:\n"
			    "        first_name=1\n"
			    "        second_name=2\n"
			    "    p 0x10 → target:\n"
			    "      first_name=1\n"
			    "      second_name=2");
	free(out.text);
}

/* ---- arrays --------------------------------------------------------------------------------------------- */

static void lists_are_dense_sparse_or_all_zero(void **state)
{
	(void)state;
	assert_renders(ARRAY(3, U8(1) "," U8(2) "," U8(200)), "[1, 2, 200]");
	assert_renders(ARRAY(3, S32(-1) "," S32(2) "," S32(3)), "[-1, 2, 3]");
	/* Unsigned numbers of 32 bits and more. */
	assert_renders(ARRAY(2, U32(255) "," U32(1)), "[0xff, 0x1]");
	assert_renders(ARRAY(2, U32(0) "," U32(0)), "[all 2 zero]");
	assert_renders(ARRAY(6, S32(0) "," S32(7) "," S32(0) "," S32(1) "," S32(2) "," S32(0)), "[[1]=7  [3..4]={1, 2}]");
	assert_renders(ARRAY(1, "{\"kind\":\"bool\",\"value\":true}"), "[true]");
	assert_renders(ARRAY(9, S32(1) "," S32(2)), "[1, 2] (2 of 9 shown)");
	assert_renders(ARRAY(0, ""), "[all 0 zero]");
	assert_renders(ARRAY(2, "{\"kind\":\"ptr\",\"value\":16}" "," "{\"kind\":\"ptr\",\"value\":0}"), "[[0]=0x10]");
}

static void parts_that_cannot_be_read_are_runs_of_their_own(void **state)
{
	(void)state;
	assert_renders(ARRAY(4, S32(1) "," S32(2) "," UNSUPPORTED("page not kept at 0x1000") "," S32(0)),
		       "[[0..1]={1, 2}  [2]=<unsupported: page not kept at 0x1000>]");
}

static void lists_wrap_between_elements_only(void **state)
{
	SF_OWNED(tree) tree = tree_of(ANON(MEMBER("list", ARRAY(6, S32(11111) "," S32(22222) "," S32(33333) "," S32(44444) "," S32(55555) "," S32(66666)))));
	SF_OWNED(tree) gaps = tree_of(ARRAY(5, S32(11111) "," S32(0) "," S32(33333) "," S32(44444) "," S32(55555)));
	struct sf_node n = sf_tree_root(tree), g = sf_tree_root(gaps);

	(void)state;
	assert_looks_with(&n, &(struct sf_render_options){ .width = 30 },
			  "<anon>:\n"
			  "  list [11111, 22222, 33333,\n"
			  "    44444, 55555, 66666]");
	assert_looks_with(&g, &(struct sf_render_options){ .width = 30 },
			  "[[0]=11111  [2..4]={33333,\n"
			  "  44444, 55555}]");
	/* All of it, to the last column. */
	assert_looks_with(&g, &(struct sf_render_options){ .width = 41 }, "[[0]=11111  [2..4]={33333, 44444, 55555}]");
}

static void bytes_that_read_as_text_are_quoted(void **state)
{
	(void)state;
	assert_renders(ARRAY(4, CHR(104) "," CHR(105) "," CHR(0) "," CHR(0)), "\"hi\"");
	assert_renders(ARRAY(2, U8(104) "," U8(105)), "\"hi\"");
	assert_renders(ARRAY(3, CHR(34) "," CHR(92) "," CHR(9)), "\"\\\"\\\\\\t\"");
	assert_renders(ARRAY(3, CHR(104) "," CHR(10) "," CHR(0)), "\"h\\n\"");
	assert_renders(ARRAY(4, CHR(104) "," CHR(10) "," CHR(105) "," CHR(0)), "|\n  h\n  i");
	/* Not text: a byte that is none, nothing before the NUL, one element, nothing that can be seen. */
	assert_renders(ARRAY(2, U8(104) "," U8(200)), "[104, 200]");
	assert_renders(ARRAY(3, U8(0) "," U8(104) "," U8(105)), "[[1..2]={104, 105}]");
	assert_renders(ARRAY(1, CHR(104)), "['h']");
	assert_renders(ARRAY(3, U8(10) "," U8(10) "," U8(32)), "[10, 10, 32]");
	assert_renders(ARRAY(9, CHR(104) "," CHR(105)), "\"hi\" (2 of 9 shown)");
}

static void compounds_are_listed_a_line_each_and_equal_ones_together(void **state)
{
#define ELEM(v) STRUCT("e", MEMBER("v", U32(v)))
	(void)state;
	assert_renders(ARRAY(7, ELEM(0) "," ELEM(1) "," ELEM(1) "," ELEM(1) "," ELEM(0) "," ELEM(2) "," ELEM(0)),
		       "7 elements:\n"
		       "  [1-3] e{v=1}\n"
		       "  [5] e{v=2}");
	assert_renders(ARRAY(2, ELEM(0) "," ELEM(0)), "[all 2 zero]");
	assert_renders(ARRAY(2, ARRAY(2, U8(1) "," U8(2)) "," ARRAY(2, U8(1) "," U8(3))),
		       "2 elements:\n"
		       "  [0] [1, 2]\n"
		       "  [1] [1, 3]");
	assert_renders(ARRAY(9, ELEM(1)),
		       "9 elements:\n"
		       "  [0] e{v=1}\n"
		       "  1 of 9 shown");
	assert_renders(ARRAY(2, "{\"kind\":\"ptr\",\"value\":1}" "," "{\"kind\":\"ptr\",\"value\":16,\"deref\":" U32(3) "}"),
		       "2 elements:\n"
		       "  [0] 0x1\n"
		       "  [1] 0x10 → 3");
}

#define SLOT(seq, mode, cpu) \
	STRUCT("slot", MEMBER("seq", U32(seq)) "," MEMBER("mode", U32(mode)) "," MEMBER("at", STRUCT("at", MEMBER("cpu", U32(cpu)))))

static void neighbours_that_differ_in_little_are_a_template(void **state)
{
	(void)state;
	assert_renders(ARRAY(5, SLOT(7, 2, 1) "," SLOT(8, 2, 1) "," SLOT(8, 2, 1) "," SLOT(0, 2, 3) "," SLOT(0, 0, 0)),
		       "5 elements:\n"
		       "  [0-3] slot{mode=2}\n"
		       "    seq: [0]=7  [1-2]=8  [3]=0\n"
		       "    at.cpu: [0-2]=1  [3]=3");
	/* One member that varies needs nothing in common. */
	assert_renders(ARRAY(4, ELEM(1) "," ELEM(2) "," ELEM(2) "," ELEM(3)),
		       "4 elements:\n"
		       "  [0-3] e:\n"
		       "    v: [0]=1  [1-2]=2  [3]=3");
	/* Two variants, nothing in common, or a member that is no scalar: one by one. */
	assert_renders(ARRAY(3, SLOT(7, 2, 1) "," SLOT(8, 2, 1) "," SLOT(8, 2, 1)),
		       "3 elements:\n"
		       "  [0] slot{seq=7, mode=2, at=at{cpu=1}}\n"
		       "  [1-2] slot{seq=8, mode=2, at=at{cpu=1}}");
	assert_renders(ARRAY(3, SLOT(7, 2, 0) "," SLOT(8, 1, 0) "," SLOT(9, 4, 0)),
		       "3 elements:\n"
		       "  [0] slot{seq=7, mode=2}\n"
		       "  [1] slot{seq=8, mode=1}\n"
		       "  [2] slot{seq=9, mode=4}");
#define LISTED(a, b) STRUCT("l", MEMBER("n", U32(1)) "," MEMBER("list", ARRAY(2, S32(a) "," S32(b))))
	assert_renders(ARRAY(3, LISTED(1, 2) "," LISTED(2, 3) "," LISTED(3, 4)),
		       "3 elements:\n"
		       "  [0] l{n=1, list=[1, 2]}\n"
		       "  [1] l{n=1, list=[2, 3]}\n"
		       "  [2] l{n=1, list=[3, 4]}");
}

static void templates_keep_to_the_width(void **state)
{
	SF_OWNED(tree) tree = tree_of(ARRAY(6, SLOT(100000, 2, 0) "," SLOT(200000, 2, 0) "," SLOT(300000, 2, 0) ","
					    SLOT(400000, 2, 0) "," SLOT(500000, 2, 0) "," SLOT(600000, 2, 0)));
	struct sf_node n = sf_tree_root(tree);

	(void)state;
	assert_looks_with(&n, &(struct sf_render_options){ .width = 40 },
			  "6 elements:\n"
			  "  [0-5] slot{mode=2}\n"
			  "    seq: [0]=100000  [1]=200000\n"
			  "      [2]=300000  [3]=400000  [4]=500000\n"
			  "      [5]=600000");
	assert_looks_with(&n, &(struct sf_render_options){ .max_elements = 3 },
			  "6 elements:\n"
			  "  [0-2] slot{mode=2}\n"
			  "    seq: [0]=100000  [1]=200000  [2]=300000\n"
			  "  3 of 6 shown");
	/* Whoever runs out of parts says so where it does. */
	assert_looks_with(&n, &(struct sf_render_options){ .max_parts = 3 },
			  "6 elements:\n"
			  "  [0] <cut here: the value has more than 3 parts>");
}

static void bytes_are_lines_of_hex_without_those_of_zeros(void **state)
{
	char json[64 + 3 * 100] = "{\"kind\":\"bytes\",\"hex\":\"";

	(void)state;
	assert_renders("{\"kind\":\"bytes\",\"hex\":\"de ad\"}", "de ad");
	assert_renders("{\"kind\":\"bytes\",\"hex\":\"\"}", "<no bytes>");
	assert_renders("{\"kind\":\"bytes\",\"len\":9,\"hex\":\"de ad\"}", "de ad (2 of 9 bytes shown)");
	for (int i = 0; i < 66; i++)
		strcat(json, i == 0 ? "01" : i == 64 ? " 02" : " 00");
	strcat(json, "\"}");
	assert_renders(json, "66 bytes:\n"
		       "  0x0000  01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
		       "  0x0040  02 00");
}

static void truncated_values_show_what_there_was(void **state)
{
	(void)state;
	assert_renders("{\"kind\":\"truncated\",\"needed\":12,\"had\":4,\"partial\":" STRUCT("s", MEMBER("a", U32(1))) "}",
		       "<truncated: needed 12, had 4> s{a=1}");
}

/* ---- limits --------------------------------------------------------------------------------------------- */

static void limits_cut_and_say_so(void **state)
{
	SF_OWNED(tree) tree = tree_of(STRUCT("a", MEMBER("b", STRUCT("b", MEMBER("c", STRUCT("c", MEMBER("d", U32(1))))))));
	SF_OWNED(tree) list = tree_of(ARRAY(3, S32(1) "," S32(2) "," S32(3)));
	SF_OWNED(tree) hops = tree_of("{\"kind\":\"ptr\",\"value\":1,\"deref\":{\"kind\":\"ptr\",\"value\":2,\"deref\":" U32(3) "}}");
	SF_OWNED(tree) bytes = tree_of("{\"kind\":\"bytes\",\"hex\":\"01 02 03\"}");
	struct sf_node n = sf_tree_root(tree), l = sf_tree_root(list), h = sf_tree_root(hops), b = sf_tree_root(bytes);
	struct sf_render_options deep = { .max_depth = 2 }, few = { .max_elements = 2 }, parts = { .max_parts = 3 },
				 two = { .max_hops = 2 }, short_bytes = { .max_bytes = 2 };

	(void)state;
	assert_looks_with(&n, &deep, "a{b=b{c=c{d=<deeper than level 2>}}}");
	assert_json_with(&n, &deep,
			 STRUCT("a", MEMBER("b", STRUCT("b", MEMBER("c", STRUCT("c", MEMBER("d", UNSUPPORTED("deeper than level 2"))))))));
	assert_looks_with(&l, &few, "[1, 2] (2 of 3 shown)");
	assert_json_with(&l, &few, ARRAY(3, S32(1) "," S32(2)));
	assert_json_with(&n, &parts,
			 STRUCT("a", MEMBER("b", UNSUPPORTED("cut here: the value has more than 3 parts"))));
	assert_looks(&h, "0x1 → 0x2");
	assert_looks_with(&h, &two, "0x1 → 0x2 → 3");
	assert_json_with(&b, &short_bytes, "{\"kind\":\"bytes\",\"len\":3,\"hex\":\"01 02\"}");
}

static bool stop_after(void *arg, const char *text, size_t len)
{
	size_t *left = arg;

	(void)text;
	if (len > *left)
		return false;
	*left -= len;
	return true;
}

static void a_sink_that_stops_is_heard(void **state)
{
	SF_OWNED(tree) tree = tree_of(ARRAY(2, STRUCT("e", MEMBER("v", U32(1))) "," STRUCT("e", MEMBER("v", U32(2)))));
	struct sf_node n = sf_tree_root(tree);
	size_t room = 3, plenty = 1000;

	(void)state;
	assert_false(sf_render_value_text(&n, NULL, 0, stop_after, &room));
	assert_true(sf_render_value_text(&n, NULL, 0, stop_after, &plenty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_have_one_form_each),
		cmocka_unit_test(pointers_say_where_and_why_not),
		cmocka_unit_test(names_cannot_move_the_cursor),
		cmocka_unit_test(small_structs_take_one_line),
		cmocka_unit_test(zeros_are_not_shown),
		cmocka_unit_test(what_was_not_decoded_is_never_zero),
		cmocka_unit_test(formats_of_printk_are_hidden_in_text_only),
		cmocka_unit_test(larger_structs_are_rows_of_three_and_then_compounds),
		cmocka_unit_test(names_of_many_rows_are_padded),
		cmocka_unit_test(blocks_in_blocks_are_indented),
		cmocka_unit_test(lists_are_dense_sparse_or_all_zero),
		cmocka_unit_test(parts_that_cannot_be_read_are_runs_of_their_own),
		cmocka_unit_test(lists_wrap_between_elements_only),
		cmocka_unit_test(bytes_that_read_as_text_are_quoted),
		cmocka_unit_test(compounds_are_listed_a_line_each_and_equal_ones_together),
		cmocka_unit_test(neighbours_that_differ_in_little_are_a_template),
		cmocka_unit_test(templates_keep_to_the_width),
		cmocka_unit_test(bytes_are_lines_of_hex_without_those_of_zeros),
		cmocka_unit_test(truncated_values_show_what_there_was),
		cmocka_unit_test(limits_cut_and_say_so),
		cmocka_unit_test(a_sink_that_stops_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

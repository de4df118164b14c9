/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VMCOREINFO: its text, how it is found, and that only a kernel's own is believed. */
#include "fake_kernel.h"
#include "kernel/vmcoreinfo.h"

static const char good[] = "OSRELEASE=6.18.15+deb13-cloud-amd64\n"
			   "BUILD-ID=eb203b9eed7ca1a1d8e1b0b4b0a1c1d1e1f10111\n"
			   "PAGESIZE=4096\n"
			   "SYMBOL(init_uts_ns)=ffffffffa6d00000\n"
			   "OFFSET(uts_namespace.name)=0\n"
			   "SYMBOL(_stext)=ffffffffa4e00000\n"
			   "SYMBOL(swapper_pg_dir)=ffffffffa6e2b000\n"
			   "SYMBOL(kallsyms_names)=ffffffffa616ad70\n"
			   "SYMBOL(kallsyms_num_syms)=ffffffffa616ad68\n"
			   "SYMBOL(kallsyms_token_table)=ffffffffa641bca0\n"
			   "SYMBOL(kallsyms_token_index)=ffffffffa641c0f8\n"
			   "SYMBOL(kallsyms_offsets)=ffffffffa641c2f8\n"
			   "SYMBOL(kallsyms_relative_base)=ffffffffa64c83c0\n"
			   "NUMBER(phys_base)=-436207616\n"
			   "SYMBOL(init_top_pgt)=ffffffffa6e2a000\n"
			   "NUMBER(pgtable_l5_enabled)=1\n"
			   "KERNELOFFSET=23e00000\n"
			   "NUMBER(sme_mask)=0\n";

/* @good with @line (a whole one, found by its beginning) replaced. */
static char *with(const char *key, const char *line)
{
	const char *at = strstr(good, key);

	assert_non_null(at);
	return sf_asprintf("%.*s%s%s", (int)(at - good), good, line, strchr(at, '\n') + 1);
}

static void every_line_that_matters_is_read(void **state)
{
	struct sf_vmcoreinfo vi;

	(void)state;
	fake_assert_ok(sf_vmcoreinfo_parse(good, sizeof(good), &vi));
	assert_string_equal(vi.release, "6.18.15+deb13-cloud-amd64");
	assert_string_equal(vi.build_id, "eb203b9eed7ca1a1d8e1b0b4b0a1c1d1e1f10111");
	assert_int_equal(vi.len, sizeof(good) - 1);
	assert_true(vi.stext == 0xffffffffa4e00000);
	assert_true(vi.pgtable == 0xffffffffa6e2a000);
	assert_true(vi.five_levels);
	assert_true(vi.phys_base == (uint64_t)-436207616);
	assert_int_equal(vi.kernel_offset, 0x23e00000);
	assert_true(vi.kallsyms.names == 0xffffffffa616ad70);
	assert_true(vi.kallsyms.has_relative_base);
	assert_true(vi.kallsyms.relative_base == 0xffffffffa64c83c0);
	sf_vmcoreinfo_clear(&vi);
}

static void optional_lines_may_be_missing(void **state)
{
	static const char *const keys[] = { "BUILD-ID", "SYMBOL(kallsyms_relative_base)", "SYMBOL(init_top_pgt)",
					    "NUMBER(pgtable_l5_enabled)", "KERNELOFFSET" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *text = with(keys[i], "");
		struct sf_vmcoreinfo vi;

		fake_assert_ok(sf_vmcoreinfo_parse(text, strlen(text), &vi));
		if (i == 1)
			assert_false(vi.kallsyms.has_relative_base);
		if (i == 2)
			assert_true(vi.pgtable == 0xffffffffa6e2b000);
		if (i == 3)
			assert_false(vi.five_levels);
		sf_vmcoreinfo_clear(&vi);
	}
}

static void refused(const char *text, size_t len, enum sf_code code, const char *word)
{
	struct sf_vmcoreinfo vi = { .len = 42 };
	SF_OWNED(error) err = sf_vmcoreinfo_parse(text, len, &vi);

	assert_int_equal(sf_error_code(err), code);
	assert_non_null(strstr(sf_error_message(err), word));
	assert_int_equal(vi.len, 42);
}

static void what_is_missing_is_named(void **state)
{
	static const char *const keys[] = { "PAGESIZE", "SYMBOL(_stext)", "SYMBOL(kallsyms_names)",
					    "SYMBOL(kallsyms_num_syms)", "SYMBOL(kallsyms_token_table)",
					    "SYMBOL(kallsyms_token_index)", "SYMBOL(kallsyms_offsets)",
					    "NUMBER(phys_base)" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *text = with(keys[i], "");

		refused(text, strlen(text), SF_KERNEL, keys[i]);
	}
}

static void what_makes_no_sense_is_named(void **state)
{
	static const struct {
		const char *key, *line, *word;
	} cases[] = {
		{ "PAGESIZE", "PAGESIZE=16384\n", "16384" },
		{ "PAGESIZE", "PAGESIZE=\n", "PAGESIZE" },
		{ "SYMBOL(_stext)", "SYMBOL(_stext)=ffff888000000000\n", "_stext" },
		{ "SYMBOL(_stext)", "SYMBOL(_stext)=ffffffffa4e0000g\n", "not a number" },
		{ "SYMBOL(_stext)", "SYMBOL(_stext)=1ffffffffa4e00000\n", "not a number" },
		{ "NUMBER(phys_base)", "NUMBER(phys_base)=1\n", "phys_base" },
		{ "NUMBER(phys_base)", "NUMBER(phys_base)=-\n", "not a number" },
		{ "NUMBER(phys_base)", "NUMBER(phys_base)=99999999999999999999\n", "not a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = with(cases[i].key, cases[i].line);

		refused(text, strlen(text), SF_KERNEL, cases[i].word);
	}
}

static void what_is_not_text_is_refused(void **state)
{
	_cleanup_free_ char *control = with("PAGESIZE", "PAGESIZE=4096\001\n");
	_cleanup_free_ char *release = with("OSRELEASE", "OSRELEASE=6.18 with spaces\n");
	_cleanup_free_ char *large = calloc(1, 5000);

	(void)state;
	refused(control, strlen(control), SF_BAD_INPUT, "0x01");
	refused(release, strlen(release), SF_BAD_INPUT, "OSRELEASE");
	refused(large, 5000, SF_BAD_INPUT, "5000");
	refused("", 0, SF_BAD_INPUT, "OSRELEASE");
}

static void symbols_come_one_after_another(void **state)
{
	static const char text[] = "OFFSET(x)=1\nSYMBOL(a)=ff\nSYMBOL()=1\nSYMBOL(b)=xyz\nSYMBOL(c\nSYMBOL(d)=0";
	struct sf_vmcoreinfo vi = { .text = (char *)text, .len = sizeof(text) - 1 };
	size_t pos = 0;
	char name[128];
	uint64_t v;

	(void)state;
	assert_true(sf_vmcoreinfo_next_symbol(&vi, &pos, name, &v));
	assert_string_equal(name, "a");
	assert_int_equal(v, 0xff);
	assert_true(sf_vmcoreinfo_next_symbol(&vi, &pos, name, &v));
	assert_string_equal(name, "d");
	assert_int_equal(v, 0);
	assert_false(sf_vmcoreinfo_next_symbol(&vi, &pos, name, &v));
}

/* ---- finding it --------------------------------------------------------------------------------- */

static const struct fake_options all_options[] = {
	{ 0 },
	{ .five_levels = true },
	{ .pc_relative = true },
	{ .five_levels = true, .pc_relative = true, .page_offset = 0xff11223340000000 },
	{ .page_offset = 0xffff9a5d40000000 },
};

static void a_kernel_is_found_in_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_options); i++) {
		struct fake f;
		uint64_t start, end, at;
		char buf[SF_SYMBOL_NAME];
		struct sf_symbol s;
		size_t len;

		fake_start(&f, &all_options[i]);
		SF_OWNED(kernel) k = fake_kernel(&f);

		assert_string_equal(sf_kernel_release(k), "9.9.9-fake");
		assert_string_equal(sf_kernel_build_id(k), "0123456789abcdef0123456789abcdef01234567");
		assert_string_equal(sf_kernel_vmcoreinfo(k, &len), f.vmcoreinfo);
		assert_int_equal(len, strlen(f.vmcoreinfo));
		assert_true(sf_kernel_page_offset(k) == f.page_offset);
		assert_true(sf_kernel_phys_base(k) == FAKE_PHYS_BASE);
		assert_int_equal(sf_kernel_pgtable(k)->root, FAKE_IMAGE_GPA + FAKE_PGT);
		assert_int_equal(sf_kernel_pgtable(k)->five_levels, f.opt.five_levels);
		assert_int_equal(sf_kernel_kaslr_offset(k), FAKE_TEXT - 0xffffffff81000000);
		assert_int_equal(sf_kernel_nr_cpu_ids(k), 4);
		sf_kernel_image_range(k, &start, &end);
		assert_true(start == FAKE_TEXT && end == FAKE_TEXT + FAKE_IMAGE_SIZE);
		assert_true(sf_kernel_symbol(k, "map_idr", &at) && at == FAKE_TEXT + FAKE_MAP_IDR);
		assert_true(sf_kernel_symbol_at(k, FAKE_TEXT + 0x8ff, buf, &s));
		assert_string_equal(s.name, "schedule");
		assert_int_equal(s.offset, 0xff);
		assert_int_equal(s.size, 0x100);
		assert_false(sf_kernel_symbol_at(k, FAKE_TEXT - 1, buf, &s));
		assert_false(sf_kernel_symbol_at(k, FAKE_TEXT + FAKE_IMAGE_SIZE, buf, &s));
		assert_false(sf_kernel_symbol_nth(k, sf_kernel_n_symbols(k), buf, &s));
		fake_stop(&f);
	}
}

static void a_note_serves_as_well_as_the_text(void **state)
{
	static const uint32_t head[] = { 11, 0, 0 };
	struct fake f;
	uint32_t len;

	(void)state;
	fake_start(&f, NULL);
	len = strlen(f.vmcoreinfo);

	uint64_t note = fake_page(&f);

	memcpy(fake_at(&f, note), head, sizeof(head));
	memcpy(fake_at(&f, note + 4), &len, 4);
	memcpy(fake_at(&f, note + 12), "VMCOREINFO", 11);
	memcpy(fake_at(&f, note + 24), f.vmcoreinfo, len);
	memset(fake_at(&f, f.vmcoreinfo_gpa), 0, SF_PAGE_SIZE);
	fake_image64(&f, FAKE_VMCOREINFO_DATA, 0);
	fake_image64(&f, FAKE_VMCOREINFO_NOTE, f.page_offset + note);
	SF_OWNED(kernel) k = fake_kernel(&f);

	assert_string_equal(sf_kernel_release(k), "9.9.9-fake");
	fake_stop(&f);
}

static struct sf_error *kernel_error(struct fake *f)
{
	struct sf_kernel *k = NULL;
	struct sf_error *err = sf_kernel_new(f->img, NULL, &k);

	assert_non_null(err);
	assert_null(k);
	return err;
}

static void memory_without_a_kernel_says_so(void **state)
{
	struct fake f;

	(void)state;
	fake_start(&f, NULL);
	memset(f.ram, 0, FAKE_RAM);
	SF_OWNED(error) err = kernel_error(&f);

	assert_int_equal(sf_error_code(err), SF_KERNEL);
	assert_non_null(strstr(sf_error_message(err), "no Linux kernel has booted"));
	assert_non_null(strstr(sf_error_message(err), "CONFIG_VMCORE_INFO"));
	fake_stop(&f);
}

/* A page that a user of the guest wrote, where the scan finds it first. */
static void plant(struct fake *f, const char *text)
{
	uint8_t *page = fake_at(f, 0x100000);

	memset(page, 0, SF_PAGE_SIZE);
	memcpy(page, text, strlen(text));
}

static void a_page_that_only_says_so_is_not_believed(void **state)
{
	struct fake f;

	(void)state;
	fake_start(&f, NULL);
	plant(&f, good);
	SF_OWNED(kernel) k = fake_kernel(&f);

	assert_string_equal(sf_kernel_release(k), "9.9.9-fake");
	memset(fake_at(&f, f.vmcoreinfo_gpa), 0, SF_PAGE_SIZE);

	SF_OWNED(error) err = kernel_error(&f);

	assert_non_null(strstr(sf_error_message(err), "guest-physical 0x100000"));
	fake_stop(&f);
}

/* All addresses right, so that page tables and symbols agree: a release that the kernel itself does not have. */
static void a_forged_copy_is_not_believed(void **state)
{
	struct fake f;
	char forged[SF_PAGE_SIZE];

	(void)state;
	fake_start(&f, NULL);
	strcpy(forged, f.vmcoreinfo);
	memcpy(strstr(forged, "9.9.9"), "6.6.6", 5);
	plant(&f, forged);
	SF_OWNED(kernel) k = fake_kernel(&f);

	assert_string_equal(sf_kernel_release(k), "9.9.9-fake");
	fake_stop(&f);
}

static void a_true_copy_is_as_good_as_the_original(void **state)
{
	struct fake f;

	(void)state;
	fake_start(&f, NULL);
	plant(&f, f.vmcoreinfo);
	SF_OWNED(kernel) k = fake_kernel(&f);

	assert_string_equal(sf_kernel_release(k), "9.9.9-fake");
	fake_stop(&f);
}

static void a_thousand_forgeries_end(void **state)
{
	struct fake f;
	char forged[SF_PAGE_SIZE];

	(void)state;
	fake_start(&f, NULL);
	strcpy(forged, f.vmcoreinfo);
	memcpy(strstr(forged, "9.9.9"), "6.6.6", 5);
	for (uint64_t gpa = 0xa00000; gpa < 0xa00000 + 1000 * SF_PAGE_SIZE; gpa += SF_PAGE_SIZE)
		strcpy(fake_at(&f, gpa), forged);
	memset(fake_at(&f, f.vmcoreinfo_gpa), 0, SF_PAGE_SIZE);
	SF_OWNED(error) err = kernel_error(&f);

	assert_int_equal(sf_error_code(err), SF_KERNEL);
	fake_stop(&f);
}

static void what_is_told_needs_no_scan(void **state)
{
	struct fake f;
	struct sf_kernel *k = NULL;

	(void)state;
	fake_start(&f, NULL);
	memset(fake_at(&f, f.vmcoreinfo_gpa), 0, SF_PAGE_SIZE);

	const struct sf_kernel_options opt = { .vmcoreinfo = f.vmcoreinfo, .vmcoreinfo_len = strlen(f.vmcoreinfo) };

	fake_assert_ok(sf_kernel_new(f.img, &opt, &k));
	assert_string_equal(sf_kernel_release(k), "9.9.9-fake");
	sf_kernel_unref(k);
	fake_stop(&f);
}

static void a_kernel_without_btf_or_symbols_names_the_option(void **state)
{
	static const struct {
		struct fake_options opt;
		const char *option;
	} cases[] = {
		{ { .no_btf = true }, "CONFIG_DEBUG_INFO_BTF" },
		{ { .no_data_symbols = true }, "CONFIG_KALLSYMS_ALL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake f;

		fake_start(&f, &cases[i].opt);
		SF_OWNED(error) err = kernel_error(&f);

		assert_int_equal(sf_error_code(err), SF_KERNEL);
		assert_non_null(strstr(sf_error_message(err), cases[i].option));
		fake_stop(&f);
	}
}

static void a_direct_map_elsewhere_is_refused(void **state)
{
	struct fake f;

	(void)state;
	fake_start(&f, NULL);
	fake_image64(&f, FAKE_PAGE_OFFSET_BASE, f.page_offset + (1ull << 30));
	SF_OWNED(error) err = kernel_error(&f);

	assert_non_null(strstr(sf_error_message(err), "direct map"));
	fake_stop(&f);
}

static void cpus_are_counted_where_their_number_is_a_constant(void **state)
{
	const struct fake_options opt = { .no_nr_cpu_ids = true };
	struct fake f;

	(void)state;
	fake_start(&f, &opt);
	SF_OWNED(kernel) k = fake_kernel(&f);

	assert_int_equal(sf_kernel_nr_cpu_ids(k), 2);
	fake_stop(&f);
}

/* What a facts file keeps is all that it takes. */
static void the_facts_alone_make_the_same_kernel(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_options); i++) {
		struct { uint64_t *v; size_t n, cap; } gpas = { 0 };
		_cleanup_free_ uint8_t *bytes = NULL;
		SF_OWNED(image) facts = NULL;
		SF_OWNED(kernel) again = NULL;
		struct fake f;

		fake_start(&f, &all_options[i]);
		SF_OWNED(kernel) k = fake_kernel(&f);

		for (size_t r = 0; r < sf_kernel_n_fact_runs(k); r++) {
			struct sf_image_run run = sf_kernel_fact_run(k, r);

			for (uint64_t at = 0; at < run.len; at += SF_PAGE_SIZE)
				*sf_vec_push(&gpas) = run.gpa + at;
		}
		assert_true(gpas.n * SF_PAGE_SIZE < FAKE_RAM / 4);
		bytes = malloc(gpas.n * SF_PAGE_SIZE);
		for (size_t p = 0; p < gpas.n; p++)
			memcpy(bytes + p * SF_PAGE_SIZE, fake_at(&f, gpas.v[p]), SF_PAGE_SIZE);
		fake_assert_ok(sf_image_pages_new(gpas.v, bytes, gpas.n, FAKE_RAM, &facts));
		fake_assert_ok(sf_kernel_new(facts, NULL, &again));
		assert_string_equal(sf_kernel_release(again), "9.9.9-fake");
		assert_int_equal(sf_kernel_n_symbols(again), sf_kernel_n_symbols(k));
		assert_int_equal(sf_kernel_n_fact_runs(again), sf_kernel_n_fact_runs(k));
		free(gpas.v);
		fake_stop(&f);
	}
}

/* ---- layouts ------------------------------------------------------------------------------------ */

struct rq_layout {
	struct sf_place whole, clock, curr, gone;
};

static void members_are_found_in_the_largest_struct(void **state)
{
	static const struct sf_place_spec specs[] = {
		{ offsetof(struct rq_layout, whole), "rq", NULL, false },
		{ offsetof(struct rq_layout, clock), "rq", "clock", false },
		{ offsetof(struct rq_layout, curr), "rq", "curr", false },
		{ offsetof(struct rq_layout, gone), "rq", "gone", true },
	};
	struct rq_layout l;
	struct fake f;

	(void)state;
	memset(&l, 0xff, sizeof(l));
	fake_start(&f, NULL);
	SF_OWNED(kernel) k = fake_kernel(&f);

	fake_assert_ok(sf_kernel_layout(k, specs, ARRAY_SIZE(specs), &l));
	assert_true(l.whole.present && l.whole.offset == 0 && l.whole.size == 16);
	assert_true(l.clock.present && l.clock.offset == 4 && l.clock.size == 4);
	assert_true(l.curr.present && l.curr.offset == 8 && l.curr.size == 8);
	assert_false(l.gone.present);
	fake_stop(&f);
}

static void a_missing_member_is_named_with_what_is_there(void **state)
{
	static const struct {
		struct sf_place_spec spec;
		const char *words[3];
	} cases[] = {
		{ { 0, "rq", "nr_running", false }, { "struct rq", "nr_running", "clock, curr" } },
		{ { 0, "rqueue", "nr_running", false }, { "no struct rqueue", "9.9.9-fake", "" } },
		{ { 0, "flags", "bit", false }, { "struct flags", "bit", "" } },
	};
	struct fake f;

	(void)state;
	fake_start(&f, NULL);
	SF_OWNED(kernel) k = fake_kernel(&f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sf_place place = { .size = 42 };
		SF_OWNED(error) err = sf_kernel_layout(k, &cases[i].spec, 1, &place);

		assert_int_equal(sf_error_code(err), SF_KERNEL);
		for (size_t w = 0; w < 3; w++)
			assert_non_null(strstr(sf_error_message(err), cases[i].words[w]));
		assert_int_equal(place.size, 42);
	}
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_that_matters_is_read),
		cmocka_unit_test(optional_lines_may_be_missing),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(what_makes_no_sense_is_named),
		cmocka_unit_test(what_is_not_text_is_refused),
		cmocka_unit_test(symbols_come_one_after_another),
		cmocka_unit_test(a_kernel_is_found_in_memory),
		cmocka_unit_test(a_note_serves_as_well_as_the_text),
		cmocka_unit_test(memory_without_a_kernel_says_so),
		cmocka_unit_test(a_page_that_only_says_so_is_not_believed),
		cmocka_unit_test(a_forged_copy_is_not_believed),
		cmocka_unit_test(a_true_copy_is_as_good_as_the_original),
		cmocka_unit_test(a_thousand_forgeries_end),
		cmocka_unit_test(what_is_told_needs_no_scan),
		cmocka_unit_test(a_kernel_without_btf_or_symbols_names_the_option),
		cmocka_unit_test(a_direct_map_elsewhere_is_refused),
		cmocka_unit_test(cpus_are_counted_where_their_number_is_a_constant),
		cmocka_unit_test(the_facts_alone_make_the_same_kernel),
		cmocka_unit_test(members_are_found_in_the_largest_struct),
		cmocka_unit_test(a_missing_member_is_named_with_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

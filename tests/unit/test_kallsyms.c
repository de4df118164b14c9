/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kallsyms: names and addresses in every encoding that kernels have used, and tables that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kallsyms_encoder.h"

#define BASE 0xffffffff9a000000ull
#define OFFSETS 0xffffffff9b000000ull

#define assert_ok(expr)                                                                            \
	do {                                                                                       \
		struct sf_error *err_ = (expr);                                                    \
		if (err_)                                                                          \
			fail_msg("%s: %s", #expr, sf_error_message(err_));                         \
	} while (0)

static char long_name[401];

/* In order of address; per-CPU symbols, where they are absolute, come first. */
static const struct kse_symbol symbols[] = {
	{ 0x0, 'A', "per_cpu_start" },
	{ 0x35e80, 'A', "runqueues" },
	{ BASE, 'T', "_stext" },
	{ BASE, 'T', "_text" },
	{ BASE + 0x100, 't', "twice" },
	{ BASE + 0x140, 'T', "schedule" },
	{ BASE + 0x200, 't', "sched_init" },
	{ BASE + 0x200, 'W', "sched_init_alias" },
	{ BASE + 0x200, 'T', "x" },
	{ BASE + 0x300, 't', "twice" },
	{ BASE + 0x400, 'r', long_name },
	{ BASE + 0x500, 'D', "init_task" },
	{ BASE + 0x600, 'B', "_end" },
};
#define N ARRAY_SIZE(symbols)
#define FIRST_IN_IMAGE 2

static const struct sf_kallsyms_anchor anchors[] = {
	{ "_stext", BASE },
	{ "vmemmap", 0xffffea0000000000ull }, /* no symbol, though VMCOREINFO says so */
	{ "init_task", BASE + 0x500 },
};

static int fill_long_name(void **state)
{
	(void)state;
	memset(long_name, 'q', sizeof(long_name) - 1);
	long_name[399] = 'z';
	return 0;
}

/* All symbols, or those that an encoding without absolute values can have. */
static struct sf_kallsyms *make(enum sf_kallsyms_encoding e, bool ordered)
{
	uint32_t skip = e == SF_KALLSYMS_ABSOLUTE_PERCPU ? 0 : FIRST_IN_IMAGE;
	struct sf_kallsyms *ks = NULL;
	struct kse k;

	kse_init(&k, symbols + skip, N - skip, e, BASE, OFFSETS);

	struct sf_kallsyms_tables t = kse_tables(&k, e != SF_KALLSYMS_PC_RELATIVE, BASE, OFFSETS, ordered);

	assert_ok(sf_kallsyms_new(&t, anchors, ARRAY_SIZE(anchors), &ks));
	assert_int_equal(sf_kallsyms_encoding(ks), e);
	assert_int_equal(sf_kallsyms_has_order(ks), ordered);
	assert_int_equal(sf_kallsyms_n(ks), N - skip);
	kse_free(&k);
	return ks;
}

static void every_symbol_is_found(enum sf_kallsyms_encoding e, bool ordered)
{
	uint32_t skip = e == SF_KALLSYMS_ABSOLUTE_PERCPU ? 0 : FIRST_IN_IMAGE;
	SF_OWNED(kallsyms) ks = make(e, ordered);

	for (uint32_t i = 0; i < N - skip; i++) {
		const struct kse_symbol *want = &symbols[i + skip];
		char name[512], type;
		uint32_t found;

		sf_kallsyms_name(ks, i, name, sizeof(name), &type);
		assert_string_equal(name, want->name);
		assert_int_equal(type, want->type);
		assert_int_equal(sf_kallsyms_address(ks, i), want->address);
		assert_true(sf_kallsyms_find(ks, want->name, &found));
		assert_int_equal(found, want->address == BASE + 0x300 ? 4 - skip : i);
	}
}

static void offsets_from_a_base(void **state)
{
	(void)state;
	every_symbol_is_found(SF_KALLSYMS_RELATIVE, false);
	every_symbol_is_found(SF_KALLSYMS_RELATIVE, true);
}

static void per_cpu_symbols_are_absolute_values(void **state)
{
	(void)state;
	every_symbol_is_found(SF_KALLSYMS_ABSOLUTE_PERCPU, false);
	every_symbol_is_found(SF_KALLSYMS_ABSOLUTE_PERCPU, true);
}

static void offsets_from_themselves(void **state)
{
	(void)state;
	every_symbol_is_found(SF_KALLSYMS_PC_RELATIVE, false);
	every_symbol_is_found(SF_KALLSYMS_PC_RELATIVE, true);
}

static void names_that_are_not_there_are_not_found(void **state)
{
	static const char *const absent[] = { "", "_", "_stex", "_stextt", "Tschedule", "sched_init_", "zzz", "\xff" };

	(void)state;
	for (int ordered = 0; ordered < 2; ordered++) {
		SF_OWNED(kallsyms) ks = make(SF_KALLSYMS_RELATIVE, ordered);
		uint32_t i = 12345;

		for (size_t n = 0; n < ARRAY_SIZE(absent); n++)
			assert_false(sf_kallsyms_find(ks, absent[n], &i));
		assert_int_equal(i, 12345);
	}
}

static void an_address_finds_the_first_of_its_aliases(void **state)
{
	SF_OWNED(kallsyms) ks = make(SF_KALLSYMS_ABSOLUTE_PERCPU, true);
	uint64_t end;
	uint32_t i;

	(void)state;
	assert_true(sf_kallsyms_at(ks, BASE + 0x2ff, &i, &end));
	assert_int_equal(i, 6);
	assert_int_equal(end, BASE + 0x300);
	assert_true(sf_kallsyms_at(ks, BASE, &i, &end));
	assert_int_equal(i, 2);
	assert_int_equal(end, BASE + 0x100);
	assert_true(sf_kallsyms_at(ks, UINT64_MAX, &i, &end));
	assert_int_equal(i, N - 1);
	assert_int_equal(end, 0);
	assert_true(sf_kallsyms_at(ks, BASE - 1, &i, &end));
	assert_int_equal(i, 1); /* per-CPU: nearest below, and the caller's to refuse */
}

static void before_the_first_symbol_is_nothing(void **state)
{
	SF_OWNED(kallsyms) ks = make(SF_KALLSYMS_RELATIVE, true);
	uint64_t end;
	uint32_t i;

	(void)state;
	assert_false(sf_kallsyms_at(ks, BASE - 1, &i, &end));
	assert_false(sf_kallsyms_at(ks, 0, &i, &end));
}

static void a_long_name_is_cut_off_at_the_buffer(void **state)
{
	SF_OWNED(kallsyms) ks = make(SF_KALLSYMS_RELATIVE, true);
	char buf[11], type;
	uint32_t i;

	(void)state;
	memset(buf, '#', sizeof(buf));
	assert_true(sf_kallsyms_find(ks, long_name, &i));
	sf_kallsyms_name(ks, i, buf, 10, &type);
	assert_string_equal(buf, "qqqqqqqqq");
	assert_int_equal(buf[10], '#');
	assert_int_equal(type, 'r');
	sf_kallsyms_name(ks, i, buf, 1, &type);
	assert_string_equal(buf, "");
}

static void a_wrong_order_of_names_is_not_relied_on(void **state)
{
	struct kse k;
	SF_OWNED(kallsyms) ks = NULL;
	uint32_t i;

	(void)state;
	kse_init(&k, symbols + FIRST_IN_IMAGE, N - FIRST_IN_IMAGE, SF_KALLSYMS_RELATIVE, BASE, OFFSETS);
	memset(k.by_name, 0xff, 3ull * k.n);

	struct sf_kallsyms_tables t = kse_tables(&k, true, BASE, OFFSETS, true);

	assert_ok(sf_kallsyms_new(&t, anchors, ARRAY_SIZE(anchors), &ks));
	assert_false(sf_kallsyms_has_order(ks));
	assert_true(sf_kallsyms_find(ks, "schedule", &i));
	kse_free(&k);
}

/* ---- markers ------------------------------------------------------------------------------------ */

#define N_MANY 600

/* Many symbols, and behind their names what a kernel has there: where every 256th begins. */
static struct sf_kallsyms_tables many_with_markers(struct kse *k, char names[N_MANY][16], size_t pad)
{
	struct kse_symbol s[N_MANY] = { { BASE, 'T', "_stext" } };
	uint32_t markers[3] = { 0 };
	size_t at = 0;

	for (uint32_t i = 1; i < N_MANY; i++) {
		snprintf(names[i], 16, "symbol_%u", i);
		s[i] = (struct kse_symbol){ BASE + 16 * i, 't', names[i] };
	}
	kse_init(k, s, N_MANY, SF_KALLSYMS_RELATIVE, BASE, OFFSETS);
	for (uint32_t i = 0; i < N_MANY; i++, at += 1 + k->names[at])
		if (i % 256 == 0)
			markers[i / 256] = at;
	k->names_len = sf_align_up(at, 4);
	k->names = realloc(k->names, k->names_len + sizeof(markers) + pad);
	assert_non_null(k->names);
	memset(k->names + at, 0, k->names_len + sizeof(markers) + pad - at);
	memcpy(k->names + k->names_len, markers, sizeof(markers));
	k->names_len += sizeof(markers) + pad;
	return kse_tables(k, true, BASE, OFFSETS, true);
}

static void the_kernels_own_markers_lead_to_every_name(void **state)
{
	(void)state;
	for (size_t pad = 0; pad < 8; pad += 4) {
		char names[N_MANY][16];
		SF_OWNED(kallsyms) ks = NULL;
		struct kse k;
		struct sf_kallsyms_tables t = many_with_markers(&k, names, pad);

		assert_ok(sf_kallsyms_new(&t, anchors, 1, &ks));
		assert_true(sf_kallsyms_names_len(ks) <= k.names_len - 12 - pad);
		for (uint32_t i = 1; i < N_MANY; i++) {
			char name[16], type;
			uint32_t found;

			sf_kallsyms_name(ks, i, name, sizeof(name), &type);
			assert_string_equal(name, names[i]);
			assert_true(sf_kallsyms_find(ks, name, &found));
			assert_int_equal(found, i);
		}
		kse_free(&k);
	}
}

static void damage_between_markers_ends_at_the_next(void **state)
{
	char names[N_MANY][16], name[16], type;
	SF_OWNED(kallsyms) ks = NULL;
	struct kse k;
	struct sf_kallsyms_tables t = many_with_markers(&k, names, 0);

	(void)state;
	((uint8_t *)t.names)[1 + t.names[0]] = 0; /* the length of name 1 */
	assert_ok(sf_kallsyms_new(&t, anchors, 1, &ks));
	sf_kallsyms_name(ks, 1, name, sizeof(name), &type);
	assert_string_equal(name, "");
	assert_int_equal(type, '?');
	sf_kallsyms_name(ks, 255, name, sizeof(name), &type);
	assert_string_equal(name, "");
	sf_kallsyms_name(ks, 256, name, sizeof(name), &type);
	assert_string_equal(name, "symbol_256");
	kse_free(&k);
}

static void markers_that_are_none_are_not_used(void **state)
{
	char names[N_MANY][16], name[16], type;
	struct kse k;

	(void)state;
	for (int wrong = 0; wrong < 3; wrong += 2) {
		SF_OWNED(kallsyms) ks = NULL;
		struct sf_kallsyms_tables t = many_with_markers(&k, names, 0);
		uint32_t bad = UINT32_MAX;

		memcpy((uint8_t *)t.names + t.names_len - 12 + 4 * wrong, &bad, 4);
		assert_ok(sf_kallsyms_new(&t, anchors, 1, &ks));
		sf_kallsyms_name(ks, 599, name, sizeof(name), &type);
		assert_string_equal(name, "symbol_599");
		kse_free(&k);
	}
}

/* ---- tables that lie ---------------------------------------------------------------------------- */

struct broken {
	struct kse k;
	struct sf_kallsyms_tables t;
};

static void break_begin(struct broken *b)
{
	kse_init(&b->k, symbols + FIRST_IN_IMAGE, N - FIRST_IN_IMAGE, SF_KALLSYMS_RELATIVE, BASE, OFFSETS);
	b->t = kse_tables(&b->k, true, BASE, OFFSETS, true);
}

static void refused(struct broken *b, enum sf_code code, const char *word)
{
	struct sf_kallsyms *ks = NULL;
	SF_OWNED(error) err = sf_kallsyms_new(&b->t, anchors, ARRAY_SIZE(anchors), &ks);

	assert_int_equal(sf_error_code(err), code);
	assert_non_null(strstr(sf_error_message(err), word));
	assert_null(ks);
	free(b->t.memory);
	kse_free(&b->k);
}

static void names_beyond_the_end_are_refused(void **state)
{
	struct broken b;

	(void)state;
	break_begin(&b);
	b.t.names_len -= 1;
	refused(&b, SF_BAD_INPUT, "name 10 of 11");
}

static void a_name_without_tokens_is_refused(void **state)
{
	struct broken b;

	(void)state;
	break_begin(&b);
	((uint8_t *)b.t.names)[0] = 0;
	refused(&b, SF_BAD_INPUT, "name 0 of 11");
}

static void a_length_cut_in_two_is_refused(void **state)
{
	struct broken b;

	(void)state;
	break_begin(&b);
	b.t.n = 1;
	b.t.names_len = 2;
	((uint8_t *)b.t.names)[0] = 0xff;
	refused(&b, SF_BAD_INPUT, "name 0 of 1");
}

static void a_token_without_an_end_is_refused(void **state)
{
	struct broken b;

	(void)state;
	break_begin(&b);
	b.k.token_index[2 * 'A' + 1] = 0xff;
	refused(&b, SF_BAD_INPUT, "token 65");
}

static void a_count_that_cannot_be_is_refused(void **state)
{
	struct broken b;

	(void)state;
	break_begin(&b);
	b.t.n = 0;
	refused(&b, SF_BAD_INPUT, "0 symbols");
	break_begin(&b);
	b.t.n = UINT32_MAX;
	refused(&b, SF_BAD_INPUT, "4294967295 symbols");
}

static void without_stext_there_is_no_table(void **state)
{
	static const struct sf_kallsyms_anchor other[] = { { "_sinittext", BASE } };
	struct broken b;
	struct sf_kallsyms *ks = NULL;

	(void)state;
	break_begin(&b);
	SF_OWNED(error) err = sf_kallsyms_new(&b.t, other, 1, &ks);

	assert_int_equal(sf_error_code(err), SF_KERNEL);
	assert_non_null(strstr(sf_error_message(err), "_sinittext"));
	free(b.t.memory);
	kse_free(&b.k);
}

static void addresses_that_agree_with_nothing_are_refused(void **state)
{
	struct broken b;

	(void)state;
	break_begin(&b);
	b.t.base += 0x1000;
	refused(&b, SF_KERNEL, "none of the known encodings");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_from_a_base),
		cmocka_unit_test(per_cpu_symbols_are_absolute_values),
		cmocka_unit_test(offsets_from_themselves),
		cmocka_unit_test(names_that_are_not_there_are_not_found),
		cmocka_unit_test(an_address_finds_the_first_of_its_aliases),
		cmocka_unit_test(before_the_first_symbol_is_nothing),
		cmocka_unit_test(a_long_name_is_cut_off_at_the_buffer),
		cmocka_unit_test(a_wrong_order_of_names_is_not_relied_on),
		cmocka_unit_test(the_kernels_own_markers_lead_to_every_name),
		cmocka_unit_test(damage_between_markers_ends_at_the_next),
		cmocka_unit_test(markers_that_are_none_are_not_used),
		cmocka_unit_test(names_beyond_the_end_are_refused),
		cmocka_unit_test(a_name_without_tokens_is_refused),
		cmocka_unit_test(a_length_cut_in_two_is_refused),
		cmocka_unit_test(a_token_without_an_end_is_refused),
		cmocka_unit_test(a_count_that_cannot_be_is_refused),
		cmocka_unit_test(without_stext_there_is_no_table),
		cmocka_unit_test(addresses_that_agree_with_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, fill_long_name, NULL);
}

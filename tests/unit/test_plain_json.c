/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps in the shape of bpftool's dumps. What bpftool 7.5 writes of the same bytes is written out here. */
#include "map_bench.h"

static char *map_plain(const struct sf_snap_map *map, const struct sf_render_options *opt, char **ret_why)
{
	struct sf_json_buffer out = { 0 };
	_cleanup_text_ struct sf_text why = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_map_plain(map, opt, &w, &why);
	assert_true(sf_json_writer_finish(&w));
	if (ret_why)
		*ret_why = why.n ? sf_text_take(&why) : NULL;
	return taken(&out);
}

static char *frame_plain(struct sf_snapshot *snap)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_frame_plain(snap, NULL, &w);
	assert_true(sf_json_writer_finish(&w));
	return taken(&out);
}

#define assert_plain(b, name, want)                                                                \
	do {                                                                                       \
		_cleanup_free_ char *why_ = NULL;                                                  \
		_cleanup_free_ char *json_ = map_plain(map_called(b, name), NULL, &why_);          \
		assert_string_equal(json_, want);                                                  \
		assert_null(why_);                                                                 \
	} while (0)

/* ---- values ----------------------------------------------------------------------------------------------------- */

struct kinds {
	struct btfb b;
	uint32_t u8, s8, u16, s16, u32, s32, u64, s64, u128, chr, plain_char, boolean;
};

static struct kinds *kinds_new(void)
{
	struct kinds *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	btfb_init(&k->b, NULL);
	k->u8 = btfb_add_int(&k->b, "unsigned char", 1, 0);
	k->s8 = btfb_add_int(&k->b, "signed char", 1, BTFB_SIGNED);
	k->u16 = btfb_add_int(&k->b, "unsigned short", 2, 0);
	k->s16 = btfb_add_int(&k->b, "short", 2, BTFB_SIGNED);
	k->u32 = btfb_add_int(&k->b, "unsigned int", 4, 0);
	k->s32 = btfb_add_int(&k->b, "int", 4, BTFB_SIGNED);
	k->u64 = btfb_add_int(&k->b, "unsigned long", 8, 0);
	k->s64 = btfb_add_int(&k->b, "long", 8, BTFB_SIGNED);
	k->u128 = btfb_add_int(&k->b, "unsigned __int128", 16, 0);
	k->chr = btfb_add_int(&k->b, "character", 1, BTFB_CHAR);
	k->plain_char = btfb_add_int(&k->b, "char", 1, BTFB_SIGNED);
	k->boolean = btfb_add_int(&k->b, "_Bool", 1, BTFB_BOOL);
	return k;
}

/* The `formatted` value of a map of one such value; frees @k. */
static void assert_formatted(struct map_bench *b, struct kinds *k, uint32_t type, const void *value, uint32_t len,
			     const char *want)
{
	_cleanup_free_ char *name = sf_asprintf("value%u", b->guest->next_map), *why = NULL, *json = NULL, *whole = NULL;
	SF_OWNED(snapshot) snap = NULL;
	const struct sf_snap_map *map;
	struct sf_frame *frame;

	fake_add_map(b->guest, &(struct fake_map){ .name = name, .value_size = len, .btf = fake_add_btf(b->guest, &k->b, 0),
						   .value_type = type, .values = value, .values_len = len });
	free(k);
	frame = fake_live(b->guest);
	assert_ok(sf_snapshot_new(frame, &snap));
	assert_true(sf_map_snap(sf_view_map(sf_snapshot_view(snap), name), &map));
	json = map_plain(map, NULL, &why);
	whole = sf_asprintf("],\"formatted\":{\"value\":%s}}]", want);
	if (!strstr(json, whole))
		fail_msg("%s is not in %s", whole, json);
	assert_null(why);
	sf_frame_unref(frame);
}

static void integers_are_numbers(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t type = btfb_add_struct(&k->b, "ints", 32);
	const uint8_t value[32] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xfd, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};

	btfb_member(&k->b, "u8", k->u8, 0);
	btfb_member(&k->b, "s8", k->s8, 8);
	btfb_member(&k->b, "u16", k->u16, 16);
	btfb_member(&k->b, "s16", k->s16, 32);
	btfb_member(&k->b, "u32", k->u32, 64);
	btfb_member(&k->b, "s32", k->s32, 96);
	btfb_member(&k->b, "u64", k->u64, 128);
	btfb_member(&k->b, "s64", k->s64, 192);
	assert_formatted(*state, k, type, value, sizeof(value),
			 "{\"u8\":255,\"s8\":-1,\"u16\":65535,\"s16\":-1,\"u32\":4294967294,\"s32\":-3,"
			 "\"u64\":18446744073709551615,\"s64\":-4}");
}

static void wide_and_odd_integers_are_hexadecimal(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t u24 = btfb_add_int(&k->b, "u24", 3, 0), type = btfb_add_struct(&k->b, "wide", 40);
	uint8_t value[40] = { 0x2a };

	memset(value + 16, 0xff, 8);
	value[24] = 1;
	memcpy(value + 32, "\x01\x02\x83", 3);
	btfb_member(&k->b, "low", k->u128, 0);
	btfb_member(&k->b, "high", k->u128, 128);
	btfb_member(&k->b, "odd", u24, 256);
	assert_formatted(*state, k, type, value, sizeof(value),
			 "{\"low\":\"0x2a\",\"high\":\"0x1ffffffffffffffff\",\"odd\":\"0x830201\"}");
}

static void bitfields_are_hexadecimal_and_have_no_sign(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t old = btfb_add_int(&k->b, "old", 4, 0), type;
	const uint8_t value[16] = { 0xf5, 0x0f, 0, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff };

	/* Its width in the integer: as clang did before there was another way. */
	btfb_patch32(&k->b, old, 3, 5 << 16 | 7);
	type = btfb_add_struct(&k->b, "bits", 16);
	btfb_bitfield(&k->b, "a", k->u32, 0, 3);
	btfb_bitfield(&k->b, "b", k->s32, 3, 5);
	btfb_bitfield(&k->b, "c", k->u64, 28, 64);
	btfb_bitfield(&k->b, "d", k->boolean, 8, 1);
	btfb_bitfield(&k->b, "old", old, 0, 0);
	btfb_bitfield(&k->b, "whole", k->u32, 64, 0);
	assert_formatted(*state, k, type, value, sizeof(value),
			 "{\"a\":\"0x5\",\"b\":\"0x1e\",\"c\":\"0xfffffffffff\",\"d\":\"0x1\",\"old\":\"0x7f\",\"whole\":255}");
}

static void enums_are_names_or_signed_numbers(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t color = btfb_add_enum(&k->b, "color", 4, false), small, wide, type;
	const uint8_t value[32] = { 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 200, 201, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80,
				    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	btfb_enumerator(&k->b, "RED", 1);
	btfb_enumerator(&k->b, "BLUE", 2);
	btfb_enumerator(&k->b, "AGAIN", 2);
	small = btfb_add_enum(&k->b, "small", 1, false);
	btfb_enumerator(&k->b, "TWO_HUNDRED", 200);
	wide = btfb_add_enum64(&k->b, "wide", false);
	btfb_enumerator64(&k->b, "TOP", 1ull << 63);
	type = btfb_add_struct(&k->b, "enums", 32);
	btfb_member(&k->b, "named", color, 0);
	btfb_member(&k->b, "unnamed", color, 32);
	btfb_member(&k->b, "small", small, 64);
	btfb_member(&k->b, "none", small, 72);
	btfb_member(&k->b, "top", wide, 128);
	btfb_member(&k->b, "all", wide, 192);
	assert_formatted(*state, k, type, value, sizeof(value),
			 "{\"named\":\"BLUE\",\"unnamed\":-1,\"small\":\"TWO_HUNDRED\",\"none\":-55,\"top\":\"TOP\",\"all\":-1}");
}

static void characters_are_strings_of_one(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t type = btfb_add_array(&k->b, k->chr, k->u32, 6);

	/* The quote and the backslash are escaped here, and not by bpftool. */
	assert_formatted(*state, k, type, "q\"\\\x01\xe9\x7f", 6, "[\"q\",\"\\\"\",\"\\\\\",\"\\u0001\",\"\xc3\xa9\",\"\x7f\"]");
}

static void arrays_of_char_are_text_if_they_can_be(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "a \"b\\\0zz", "\"a \\\"b\\\\\"" },
		{ "\0bcdefg", "\"\"" },
		{ "abcdefgh", "[97,98,99,100,101,102,103,104]" },
		{ "ab\ncdef", "[97,98,10,99,100,101,102,0]" },
		{ "ab\xff" "cdef", "[97,98,-1,99,100,101,102,0]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kinds *k = kinds_new();
		uint32_t type = btfb_add_array(&k->b, btfb_add_modifier(&k->b, SF_BTF_CONST, k->plain_char), k->u32, 8);

		assert_formatted(*state, k, type, cases[i].value, 8, cases[i].want);
	}

	/* A typedef of char is none, nor is another type of one byte. */
	struct kinds *k = kinds_new();
	uint32_t alias = btfb_add_typedef(&k->b, "alias", k->plain_char), one = btfb_add_array(&k->b, alias, k->u32, 2);
	uint32_t other = btfb_add_array(&k->b, k->u8, k->u32, 2), type = btfb_add_struct(&k->b, "s", 4);

	btfb_member(&k->b, "alias", one, 0);
	btfb_member(&k->b, "other", other, 16);
	assert_formatted(*state, k, type, "a\0b", 4, "{\"alias\":[97,0],\"other\":[98,0]}");
}

static void compounds_nest_and_anonymous_ones_have_no_name(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t halves = btfb_add_struct(&k->b, NULL, 8), either, row, matrix, flexible, pointer, type;
	const uint8_t value[24] = { 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7 };

	btfb_member(&k->b, "low", k->u32, 0);
	btfb_member(&k->b, "high", k->u32, 32);
	either = btfb_add_union(&k->b, NULL, 8);
	btfb_member(&k->b, "whole", k->u64, 0);
	btfb_member(&k->b, NULL, halves, 0);
	row = btfb_add_array(&k->b, k->u16, k->u32, 2);
	matrix = btfb_add_array(&k->b, row, k->u32, 2);
	flexible = btfb_add_array(&k->b, k->u32, k->u32, 0);
	pointer = btfb_add_ptr(&k->b, halves);
	type = btfb_add_struct(&k->b, "outer", 24);
	btfb_member(&k->b, NULL, either, 0);
	btfb_member(&k->b, "matrix", matrix, 64);
	btfb_member(&k->b, "pointer", pointer, 128);
	btfb_member(&k->b, "rest", flexible, 192);
	assert_formatted(*state, k, type, value, sizeof(value),
			 "{\"\":{\"whole\":8589934593,\"\":{\"low\":1,\"high\":2}},\"matrix\":[[3,4],[5,6]],\"pointer\":7,\"rest\":[]}");
}

static void masks_are_the_structs_that_they_are(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t bits = btfb_add_array(&k->b, k->u64, k->u32, 2), type = btfb_add_struct(&k->b, "cpumask", 16);

	btfb_member(&k->b, "bits", bits, 0);
	assert_formatted(*state, k, type, "\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80", 16, "{\"bits\":[5,9223372036854775808]}");
}

static void sections_are_lists_of_variables(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t a = btfb_add_var(&k->b, "a", k->u32, 1), flag = btfb_add_var(&k->b, "flag", k->boolean, 0);
	uint32_t type = btfb_add_datasec(&k->b, ".data", 8);

	btfb_secinfo(&k->b, a, 0, 4);
	btfb_secinfo(&k->b, flag, 4, 1);
	assert_formatted(*state, k, type, "\7\0\0\0\2\0\0\0", 8, "{\".data\":[{\"a\":7},{\"flag\":true}]}");
}

/* Where bpftool would write what is no JSON. */
static void what_bpftool_cannot_say_is_said_or_null(void **state)
{
	struct kinds *k = kinds_new();
	uint32_t real = btfb_add_float(&k->b, "double", 8), fwd = btfb_add_fwd(&k->b, "nowhere", false), type;
	uint32_t both = btfb_add_int(&k->b, "both", 1, BTFB_SIGNED | BTFB_CHAR), tag = btfb_add_type_tag(&k->b, "t", k->u16);
	double half = 0.5;
	uint8_t value[24] = { 0 };

	type = btfb_add_struct(&k->b, "odd", 24);
	btfb_member(&k->b, "real", real, 0);
	btfb_member(&k->b, "fwd", fwd, 64);
	btfb_member(&k->b, "nothing", 0, 64);
	btfb_member(&k->b, "both", both, 72);
	btfb_member(&k->b, "tagged", tag, 80);
	btfb_member(&k->b, "beyond", k->u64, 160);
	memcpy(value, &half, sizeof(half));
	value[9] = 'x';
	value[10] = 5;
	assert_formatted(*state, k, type, value, sizeof(value),
			 "{\"real\":0.5,\"fwd\":null,\"nothing\":null,\"both\":\"x\",\"tagged\":5,\"beyond\":null}");
}

static void types_without_end_are_cut(void **state)
{
	struct map_bench *b = *state;
	struct kinds *k = kinds_new();
	_cleanup_free_ char *why = NULL;
	uint32_t none = btfb_add_struct(&k->b, "none", 0), many = btfb_add_array(&k->b, none, k->u32, UINT32_MAX), self;

	/* An array of four billion of nothing, and a struct that is in itself. */
	self = btfb_add_struct(&k->b, "self", 8);
	btfb_member(&k->b, "self", self, 0);
	btfb_member(&k->b, "many", many, 0);
	fake_add_map(b->guest, &(struct fake_map){ .name = "endless", .value_size = 8, .value_type = self,
						   .btf = fake_add_btf(b->guest, &k->b, 0) });
	free(k);
	struct sf_render_options opt = { .max_parts = 5000 };
	_cleanup_free_ char *json = map_plain(map_called(b, "endless"), &opt, &why);
	_cleanup_json_ struct sf_json *doc = NULL;

	assert_ok(sf_json_read(json, strlen(json), &doc));
	assert_in_range(strlen(json), 5000, 100000);
	assert_string_equal(why, "a value has more parts than are shown");
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

static void maps_without_types_are_bytes(void **state)
{
	struct map_bench *b = *state;

	fake_add_map(b->guest, &(struct fake_map){ .name = "raw", .value_size = 3, .max_entries = 2, .values = "abc\0\0\0\0\0\1\2\3",
						   .values_len = 11 });
	assert_plain(b, "raw",
		     "[{\"key\":[\"0x00\",\"0x00\",\"0x00\",\"0x00\"],\"value\":[\"0x61\",\"0x62\",\"0x63\"]},"
		     "{\"key\":[\"0x01\",\"0x00\",\"0x00\",\"0x00\"],\"value\":[\"0x01\",\"0x02\",\"0x03\"]}]");
}

static void keys_of_arrays_are_numbers_if_they_have_a_type(void **state)
{
	struct map_bench *b = *state;
	struct kinds *k = kinds_new();

	fake_add_map(b->guest, &(struct fake_map){ .name = "row", .value_size = 2, .max_entries = 2, .key_type = k->u32,
						   .value_type = k->s16, .values = "\xff\xff\0\0\0\0\0\0\2\0", .values_len = 10,
						   .btf = fake_add_btf(b->guest, &k->b, 0) });
	free(k);
	assert_plain(b, "row",
		     "[{\"key\":[\"0x00\",\"0x00\",\"0x00\",\"0x00\"],\"value\":[\"0xff\",\"0xff\"],"
		     "\"formatted\":{\"key\":0,\"value\":-1}},"
		     "{\"key\":[\"0x01\",\"0x00\",\"0x00\",\"0x00\"],\"value\":[\"0x02\",\"0x00\"],"
		     "\"formatted\":{\"key\":1,\"value\":2}}]");
}

static void hashes_have_formatted_keys(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_plain(map_called(b, "chained"), NULL, NULL);

	assert_contains(json, "{\"key\":[\"0x0b\",\"0x00\",\"0x00\",\"0x00\",\"0x0b\",\"0x00\",\"0x00\",\"0x00\",\"0x02\",\"0x00\","
			"\"0x00\",\"0x00\",\"0x01\",\"0x00\",\"0x00\",\"0x00\"],"
			"\"value\":[\"0x79\",\"0x00\",\"0x00\",\"0x00\",\"0x00\",\"0x00\",\"0x00\",\"0x00\"],"
			"\"formatted\":{\"key\":{\"id\":47244640267,\"zone\":2,\"big\":true,\"pad\":[false,false,false]},"
			"\"value\":121}}");
}

static void per_cpu_values_are_those_of_cpus_there_are(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_plain(map_called(b, "cpu_counts"), NULL, NULL);

#define ZEROES "\"0x00\",\"0x00\",\"0x00\",\"0x00\",\"0x00\",\"0x00\",\"0x00\"]"
	assert_contains(json, "{\"key\":[\"0x04\",\"0x00\",\"0x00\",\"0x00\"],\"values\":["
			"{\"cpu\":0,\"value\":[\"0x00\"," ZEROES "},{\"cpu\":1,\"value\":[\"0x01\"," ZEROES "},"
			"{\"cpu\":3,\"value\":[\"0x03\"," ZEROES "}],\"formatted\":{\"key\":4,\"values\":["
			"{\"cpu\":0,\"value\":0},{\"cpu\":1,\"value\":1},{\"cpu\":3,\"value\":3}]}}");
}

static void local_storage_is_in_the_same_shape(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_plain(map_called(b, "task_ctx"), NULL, NULL), *owner = NULL, *key = NULL;

	owner = sf_asprintf("\"owner\":{\"kind\":\"task\",\"kva\":%llu,\"pid\":200,\"tgid\":200,\"comm\":\"other\"},\"value\":[",
			    (unsigned long long)b->maps.tasks[2]);
	key = sf_asprintf("\"formatted\":{\"key\":%llu,\"value\":{\"runtime\":52000,\"state\":\"IDLE\",\"node\":52,"
			  "\"stats\":{\"wakeups\":364,\"nice\":-52,\"pinned\":false},\"mask\":%llu,\"parent\":",
			  (unsigned long long)b->maps.tasks[2], (unsigned long long)b->maps.mask);
	assert_contains(json, owner);
	/* 52 % 3 - 1 is IDLE. */
	assert_contains(json, key);
}

static void struct_ops_come_with_their_wrapper(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *json = map_plain(map_called(b, "demo_ops"), NULL, NULL);
	_cleanup_json_ struct sf_json *doc = NULL;
	const struct sf_json_node *entry;

	assert_ok(sf_json_read(json, strlen(json), &doc));
	entry = sf_json_element(sf_json_root(doc), 0);
	assert_int_equal(sf_json_member(entry, "value")->n, map_called(b, "demo_ops")->listed->map.value_size);
	assert_contains(json, "\"formatted\":{\"value\":{\"common\":{");
	assert_contains(json, "\"data\":{\"enqueue\":");
	assert_contains(json, "\"flags\":3,\"timeout_ms\":5000,\"name\":\"demo\"");
}

static void what_cannot_be_read_is_an_error_or_null(void **state)
{
	struct map_bench *b = *state;
	struct kinds *k = kinds_new();
	uint32_t row = btfb_add_array(&k->b, k->u32, k->u32, SF_PAGE_SIZE / 4 + 2);
	uint8_t values[20 * (SF_PAGE_SIZE + 8)] = { 0 };
	_cleanup_free_ char *why = NULL;
	uint64_t map;

	/* Stride 4104: the value of entry 1 begins 8 bytes into the second page, that of entry 2 16 into the third. */
	map = fake_add_map(b->guest, &(struct fake_map){ .name = "holes", .value_size = SF_PAGE_SIZE + 8, .max_entries = 20,
							 .values = values, .values_len = sizeof(values), .vmalloced = true,
							 .value_type = row, .btf = fake_add_btf(b->guest, &k->b, 0) });
	free(k);
	fake_unmap(b->guest, fake_map_values(map) + SF_PAGE_SIZE);
	fake_unmap(b->guest, fake_map_values(map) + 2 * SF_PAGE_SIZE);
	_cleanup_free_ char *json = map_plain(map_called(b, "holes"), NULL, &why);

	/* Of entry 0 the last two words are gone, entry 1 wholly. */
	assert_contains(json, "\"0x00\",null,null,null,null,null,null,null,null],\"formatted\":{\"value\":[0,0,0,");
	assert_contains(json, ",0,0,null,null]}},{\"key\":[\"0x01\",\"0x00\",\"0x00\",\"0x00\"],\"value\":{\"error\":"
			"\"not mapped by the guest at 0x");
	assert_contains(json, "\"}},{\"key\":[\"0x02\",");
	assert_contains(why, "1 of 20 entries unreadable: ");
}

static void maps_that_are_not_read_have_no_elements(void **state)
{
	struct map_bench *b = *state;
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ char *json = map_plain(map_called(b, "events"), NULL, &why);

	assert_string_equal(json, "[]");
	assert_non_null(why);
}

static void a_frame_is_a_list_of_maps_with_their_elements(void **state)
{
	struct map_bench *b = *state;

	map_bench_open(b);
	_cleanup_free_ char *json = frame_plain(b->snap);
	_cleanup_json_ struct sf_json *doc = NULL;
	const struct sf_json_node *first, *events = NULL;

	assert_ok(sf_json_read(json, strlen(json), &doc));
	assert_int_equal(sf_json_root(doc)->n, sf_snapshot_maps(b->snap).n);
	first = sf_json_element(sf_json_root(doc), 0);
	assert_string_equal(sf_json_member_str(first, "name", ""), "hash");
	assert_string_equal(sf_json_member_str(first, "type", ""), "hash");
	assert_int_equal(sf_json_member_u64(first, "flags", 9), 0);
	assert_int_equal(sf_json_member_u64(first, "id", 0), 1);
	assert_int_equal(sf_json_member(first, "elements")->n, 5);
	assert_null(sf_json_member(first, "error"));
	for (const struct sf_json_node *m = first; m; m = m->next)
		if (!strcmp(sf_json_member_str(m, "name", ""), "events"))
			events = m;
	assert_int_equal(sf_json_member(events, "elements")->n, 0);
	assert_non_null(sf_json_member(events, "error"));
}

static void elements_stream(void **state)
{
	struct map_bench *b = *state;
	struct kinds *k = kinds_new();
	uint32_t row = btfb_add_array(&k->b, k->u8, k->u32, 1000000);
	struct counting c;
	struct sf_json_writer w;

	fake_add_map(b->guest, &(struct fake_map){ .name = "row", .value_size = 1000000, .value_type = row,
						   .btf = fake_add_btf(b->guest, &k->b, 0), .vmalloced = true });
	free(k);
	const struct sf_snap_map *map = map_called(b, "row");

	for (int stops = 0; stops < 2; stops++) {
		c = (struct counting){ .room = stops ? 3000000 : UINT64_MAX, .start = heap_in_use() };
		sf_json_writer_init(&w, counting_sink, &c, false);
		sf_render_map_plain(map, NULL, &w, NULL);
		assert_int_equal(sf_json_writer_finish(&w), !stops);
		assert_in_range(c.most, 0, 4096);
		assert_in_range(c.taken, stops ? 2990000 : 9000000, stops ? 3000000 : 9000200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(integers_are_numbers),
		MAP_TEST(wide_and_odd_integers_are_hexadecimal),
		MAP_TEST(bitfields_are_hexadecimal_and_have_no_sign),
		MAP_TEST(enums_are_names_or_signed_numbers),
		MAP_TEST(characters_are_strings_of_one),
		MAP_TEST(arrays_of_char_are_text_if_they_can_be),
		MAP_TEST(compounds_nest_and_anonymous_ones_have_no_name),
		MAP_TEST(masks_are_the_structs_that_they_are),
		MAP_TEST(sections_are_lists_of_variables),
		MAP_TEST(what_bpftool_cannot_say_is_said_or_null),
		MAP_TEST(types_without_end_are_cut),
		MAP_TEST(maps_without_types_are_bytes),
		MAP_TEST(keys_of_arrays_are_numbers_if_they_have_a_type),
		MAP_TEST(hashes_have_formatted_keys),
		MAP_TEST(per_cpu_values_are_those_of_cpus_there_are),
		MAP_TEST(local_storage_is_in_the_same_shape),
		MAP_TEST(struct_ops_come_with_their_wrapper),
		MAP_TEST(what_cannot_be_read_is_an_error_or_null),
		MAP_TEST(maps_that_are_not_read_have_no_elements),
		MAP_TEST(a_frame_is_a_list_of_maps_with_their_elements),
		MAP_TEST(elements_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

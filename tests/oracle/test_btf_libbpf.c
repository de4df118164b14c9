/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libbpf reads the same BTF to the same types.
 *
 *	test_btf_libbpf BTF [SPLIT_BTF]
 *
 * BTF is raw or the .BTF section of an ELF file (a .bpf.o); SPLIT_BTF continues it. Without
 *arguments the files come from the environment: STILLFRAME_TEST_BTF has them, separated by colons,
 *"base+split" where one continues another.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/util.h"
#include "btf/btf.h"

static unsigned int n_passed, n_failed;
static const char *subject;

#define check(cond, fmt, ...)                                                                      \
	do {                                                                                       \
		if (!(cond) && n_differences++ < 20)                                               \
			printf("# %s: %s: " fmt "\n", subject, #cond, ##__VA_ARGS__);              \
	} while (0)
static unsigned int n_differences;

static void report(const char *what, unsigned long n)
{
	/* Comparing nothing proves nothing. */
	bool ok = !n_differences && n;

	printf("%s %u - %s: %s (%lu compared, %u differ)\n", ok ? "ok" : "not ok",
	       n_passed + n_failed + 1, subject, what, n, n_differences);
	if (ok)
		n_passed++;
	else
		n_failed++;
	n_differences = 0;
}

struct pair {
	const struct sf_btf *ours;
	const struct btf *theirs;
	uint32_t n;
};

static const char *their_name(const struct pair *p, uint32_t off)
{
	return btf__name_by_offset(p->theirs, off);
}

static void same_types(const struct pair *p)
{
	check(sf_btf_n_types(p->ours) == p->n, "%u, libbpf %u", sf_btf_n_types(p->ours), p->n);
	check(!sf_btf_n_unreadable(p->ours), "%u", sf_btf_n_unreadable(p->ours));
	for (uint32_t id = 1; id < p->n; id++) {
		const struct btf_type *their = btf__type_by_id(p->theirs, id);
		struct sf_btf_type our;
		bool read = sf_btf_type(p->ours, id, &our);

		check(read, "type %u", id);
		if (!read)
			continue;
		check(our.id == id && our.kind == btf_kind(their) && our.vlen == btf_vlen(their) &&
		      our.kflag == btf_kflag(their), "type %u", id);
		check(!strcmp(our.name, their_name(p, their->name_off)), "type %u: %s", id,
		      our.name);
		check(!memcmp(our.trailing, their + 1, our.n_trailing), "type %u", id);
		const void *next = id + 1 < p->n ? btf__type_by_id(p->theirs, id + 1) : NULL;

		if (next && id + 1 != sf_btf_first_own_id(p->ours))
			check(our.n_trailing ==
				      (size_t)((const char *)next - (const char *)(their + 1)),
			      "type %u", id);
	}
	report("kinds, names and bytes of every type", p->n - 1);
}

static void same_members(const struct pair *p)
{
	unsigned long n = 0;

	for (uint32_t id = 1; id < p->n; id++) {
		const struct btf_type *their = btf__type_by_id(p->theirs, id);
		struct sf_btf_type our;

		if (!btf_is_composite(their) || !sf_btf_type(p->ours, id, &our))
			continue;
		check(our.size == their->size, "%s", our.name);
		for (uint32_t i = 0; i < btf_vlen(their); i++, n++) {
			const struct btf_member *m = btf_members(their) + i;
			struct sf_btf_member o;

			if (!sf_btf_member(p->ours, &our, i, &o)) {
				check(!"a member", "%s, member %u", our.name, i);
				continue;
			}
			check(!strcmp(o.name, their_name(p, m->name_off)), "%s.%s", our.name,
			      o.name);
			check(o.type == m->type, "%s.%s", our.name, o.name);
			check(o.bit_offset == btf_member_bit_offset(their, i), "%s.%s", our.name,
			      o.name);
			check(o.bit_size == btf_member_bitfield_size(their, i), "%s.%s", our.name,
			      o.name);
		}
	}
	report("names, types and offsets of every member", n);
}

/*
 * The first of several equal names decides what a look-up by path gives, so only what is unique is
 * asked for.
 */
static void members_by_name(const struct pair *p)
{
	unsigned long n = 0;

	for (uint32_t id = 1; id < p->n; id++) {
		const struct btf_type *their = btf__type_by_id(p->theirs, id);

		for (uint32_t i = 0; btf_is_composite(their) && i < btf_vlen(their); i++) {
			const char *name = their_name(p, btf_members(their)[i].name_off);
			struct sf_btf_place place;

			if (!*name)
				continue;
			n++;
			check(sf_btf_find_member(p->ours, id, name, &place) &&
				      place.bit_offset == btf_member_bit_offset(their, i) &&
				      place.bit_size == btf_member_bitfield_size(their, i) &&
				      place.type == btf_members(their)[i].type,
			      "%s.%s", their_name(p, their->name_off), name);
		}
	}
	report("members found by name", n);
}

static void same_enumerators(const struct pair *p)
{
	unsigned long n = 0;

	for (uint32_t id = 1; id < p->n; id++) {
		const struct btf_type *their = btf__type_by_id(p->theirs, id);
		struct sf_btf_type our;

		if (!btf_is_any_enum(their) || !sf_btf_type(p->ours, id, &our))
			continue;
		check(our.size == their->size, "enum %s", our.name);
		for (uint32_t i = 0; i < btf_vlen(their); i++, n++) {
			bool wide = btf_is_enum64(their);
			uint32_t name = wide ? btf_enum64(their)[i].name_off
					     : btf_enum(their)[i].name_off;
			int64_t value = wide ? (int64_t)btf_enum64_value(btf_enum64(their) + i)
					: btf_kflag(their)
						? btf_enum(their)[i].val
						: (int64_t)(uint32_t)btf_enum(their)[i].val;
			struct sf_btf_enumerator e = { .name = "" };
			int64_t found;

			check(sf_btf_enumerator(p->ours, &our, i, &e) &&
				      !strcmp(e.name, their_name(p, name)) && e.value == value,
			      "enum %s, %s", our.name, e.name);
			check(sf_btf_find_enumerator(p->ours, e.name, &found), "%s", e.name);
		}
	}
	if (n)
		report("names and values of every enumerator", n);
}

static void same_sizes(const struct pair *p)
{
	unsigned long n = 0;

	for (uint32_t id = 1; id < p->n; id++) {
		int64_t size = btf__resolve_size(p->theirs, id);
		uint64_t our = 0;
		bool has = sf_btf_size_of(p->ours, id, &our);

		/*
		 * libbpf has no answer from 2 GiB on, and a FUNC's or FWD's is an error there as
		 * here.
		 */
		check(has == (size >= 0), "type %u: %d, libbpf %lld", id, has, (long long)size);
		check(!has || our == (uint64_t)size, "type %u: %llu, libbpf %lld", id,
		      (unsigned long long)our, (long long)size);
		n += has;
	}
	report("sizes, through modifiers and arrays", n);
}

static void same_records(const struct pair *p)
{
	unsigned long n = 0;

	for (uint32_t id = 1; id < p->n; id++) {
		const struct btf_type *their = btf__type_by_id(p->theirs, id);
		struct sf_btf_type our;

		if (!sf_btf_type(p->ours, id, &our))
			continue;
		for (uint32_t i = 0; btf_is_datasec(their) && i < btf_vlen(their); i++, n++) {
			const struct btf_var_secinfo *v = btf_var_secinfos(their) + i;
			struct sf_btf_var o = { .name = "" };

			check(sf_btf_var(p->ours, &our, i, &o) && o.var == v->type &&
				      o.offset == v->offset && o.size == v->size,
			      "%s, variable %u %s", our.name, i, o.name);
		}
		for (uint32_t i = 0; btf_is_func_proto(their) && i < btf_vlen(their); i++, n++) {
			const struct btf_param *param = btf_params(their) + i;
			struct sf_btf_param o;

			check(sf_btf_param(p->ours, &our, i, &o) && o.type == param->type &&
				      !strcmp(o.name, their_name(p, param->name_off)),
			      "type %u, parameter %u", id, i);
		}
		struct sf_btf_array a;

		if (btf_is_array(their)) {
			check(sf_btf_array(&our, &a) && a.type == btf_array(their)->type &&
				      a.index_type == btf_array(their)->index_type &&
				      a.n == btf_array(their)->nelems,
			      "array %u", id);
			n++;
		}
		struct sf_btf_int i;

		if (btf_is_int(their)) {
			check(sf_btf_int(&our, &i) && i.bits == btf_int_bits(their) &&
				      i.bit_offset == btf_int_offset(their) &&
				      i.is_signed == !!(btf_int_encoding(their) & BTF_INT_SIGNED) &&
				      i.is_char == !!(btf_int_encoding(their) & BTF_INT_CHAR) &&
				      i.is_bool == !!(btf_int_encoding(their) & BTF_INT_BOOL),
			      "%s", our.name);
			n++;
		}
		if (!btf_is_int(their) && !btf_is_composite(their) && !btf_is_any_enum(their) &&
		    !btf_is_datasec(their) && !btf_is_array(their) && !btf_is_fwd(their) &&
		    !btf_is_float(their)) {
			check(our.type == their->type && !our.size, "type %u", id);
			n++;
		}
	}
	report("parameters, arrays, integers, variables and references", n);
}

/* Every 7th name: libbpf searches linearly. */
static void same_names(const struct pair *p)
{
	unsigned long n = 0;

	for (uint32_t id = sf_btf_first_own_id(p->ours); id < p->n; id++) {
		struct sf_btf_type our;

		if (!sf_btf_type(p->ours, id, &our) || !*our.name)
			continue;
		uint32_t found = 0;
		bool seen = false;

		while ((found = sf_btf_find_next(p->ours, our.name, our.kind, found)))
			seen |= found == id;
		check(seen, "%s", our.name);
		n++;
		if (id % 97)
			continue;
		int32_t their = btf__find_by_name_kind(p->theirs, our.name, our.kind);
		int32_t first = sf_btf_find(p->ours, our.name, our.kind);

		/* libbpf looks in the base first, we in what continues it. */
		check(first == their || (sf_btf_first_own_id(p->ours) > 1 && first > their),
		      "%s: %d, libbpf %d", our.name, first, their);
	}
	report("types found by name", n);
}

/*
 * Each kind in turn disguised as one that nobody knows. Numbers and bytes of all types have to come
 * out as before, which only the rest of the BTF can tell.
 */
static void unknown_kinds(const struct sf_btf *ours)
{
	size_t len;
	const uint8_t *data = sf_btf_data(ours, &len);
	uint32_t n = sf_btf_n_types(ours);
	unsigned long compared = 0;

	for (enum sf_btf_kind kind = SF_BTF_INT; kind < SF_BTF_N_KINDS; kind++) {
		_cleanup_free_ uint8_t *copy = malloc(len);
		SF_OWNED(btf) disguised = NULL;
		struct sf_btf_type t, u;
		bool any = false;

		if (!copy)
			abort();
		memcpy(copy, data, len);
		for (uint32_t id = 1; id < n; id++) {
			if (!sf_btf_type(ours, id, &t) || t.kind != kind)
				continue;
			copy[t.trailing - data - 5] ^= 64;
			any = true;
		}
		if (!any)
			continue;
		SF_OWNED(error) err = sf_btf_new(copy, len, NULL, NULL, NULL, &disguised);

		check(!err, "kind %s: %s", sf_btf_kind_name(kind), sf_error_message(err));
		if (err)
			continue;
		check(sf_btf_n_types(disguised) == n, "kind %s: %u, %u", sf_btf_kind_name(kind),
		      sf_btf_n_types(disguised), n);
		for (uint32_t id = 1; id < n; id++, compared++)
			check(sf_btf_type(ours, id, &t) && sf_btf_type(disguised, id, &u) &&
				      t.trailing - data == u.trailing - copy &&
				      t.n_trailing == u.n_trailing &&
				      u.kind == (t.kind == kind ? SF_BTF_N_KINDS : t.kind),
			      "kind %s, type %u", sf_btf_kind_name(kind), id);
	}
	report("types around kinds that are made unknown", compared);
}

/*
 * What a module's BTF has, on top of @base: its own types of types of the base, with names that the
 * base has too.
 */
static struct btf *make_split(struct btf *base)
{
	struct btf *split = btf__new_empty_split(base);
	int last = (int)btf__type_cnt(base) - 1, u64 = 1;

	while (u64 <= last &&
	       !(btf_is_int(btf__type_by_id(base, u64)) && btf__type_by_id(base, u64)->size == 8))
		u64++;
	if (!split || u64 > last)
		return NULL;
	int st = btf__add_struct(split, "sf_oracle_module", 64);

	btf__add_field(split, "of_base", last, 0, 0);
	btf__add_field(split, "flags", u64, 128, 3);
	btf__add_field(split, "counter", u64, 192, 0);
	int ptr = btf__add_ptr(split, st), td = btf__add_typedef(split, "sf_oracle_t", ptr);

	btf__add_array(split, u64, td, 7);
	btf__add_enum64(split, "sf_oracle_enum", 8, false);
	btf__add_enum64_value(split, "SF_ORACLE_TOP", 1ull << 63);
	btf__add_struct(split, "task_struct", 8);
	btf__add_field(split, "sf_oracle_only", ptr, 0, 0);
	int proto = btf__add_func_proto(split, td);

	btf__add_func_param(split, "arg", ptr);
	btf__add_func(split, "sf_oracle_func", BTF_FUNC_GLOBAL, proto);
	int var = btf__add_var(split, "sf_oracle_var", BTF_VAR_GLOBAL_ALLOCATED, st);

	btf__add_datasec(split, ".sf_oracle", 64);
	return btf__add_datasec_var_info(split, var, 0, 64) ? NULL : split;
}

static void compare_all(const struct sf_btf *ours, const struct btf *theirs)
{
	struct pair p = { .ours = ours, .theirs = theirs, .n = btf__type_cnt(theirs) };

	same_types(&p);
	same_members(&p);
	members_by_name(&p);
	same_enumerators(&p);
	same_sizes(&p);
	same_records(&p);
	same_names(&p);
}

/* A copy: libbpf frees its own when a split BTF looks for a string in it. */
static struct sf_error *open_ours(const struct btf *theirs, struct sf_btf *base,
				  struct sf_btf **ret)
{
	uint32_t len = 0;
	const void *data = btf__raw_data(theirs, &len);
	_cleanup_free_ void *copy = malloc(len);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	SF_TRY(sf_btf_new(copy, len, base, free, copy, ret));
	copy = NULL;
	return NULL;
}

static void failed(const char *who, const char *why)
{
	n_failed++;
	printf("not ok %u - %s: %s: %s\n", n_passed + n_failed, subject, who, why);
}

static void compare_split(struct sf_btf *our_base, struct btf *split)
{
	SF_OWNED(btf) ours = NULL;
	SF_OWNED(error) err = open_ours(split, our_base, &ours);

	if (err)
		failed("ours", sf_error_message(err));
	else
		compare_all(ours, split);
}

static void compare(const char *base_path, const char *split_path)
{
	struct btf *base = btf__parse(base_path, NULL), *split = NULL;
	SF_OWNED(btf) ours = NULL;
	SF_OWNED(error) err = NULL;

	subject = base_path;
	if (!base) {
		failed("libbpf", strerror(errno));
		return;
	}
	err = open_ours(base, NULL, &ours);
	if (err) {
		failed("ours", sf_error_message(err));
	} else if (split_path) {
		subject = split_path;
		split = btf__parse_split(split_path, base);
		if (split)
			compare_split(ours, split);
		else
			failed("libbpf", strerror(errno));
	} else {
		compare_all(ours, base);
		unknown_kinds(ours);
		split = make_split(base);
		subject = "a split BTF on the same";
		if (split)
			compare_split(ours, split);
		else
			failed("libbpf", "it could not be made");
	}
	btf__free(split);
	btf__free(base);
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *list = strdup(getenv("STILLFRAME_TEST_BTF") ?: "");
	char *save = NULL;

	if (argc > 1) {
		compare(argv[1], argc > 2 ? argv[2] : NULL);
	} else {
		for (char *path = strtok_r(list, ":", &save); path;
		     path = strtok_r(NULL, ":", &save)) {
			char *split = strchr(path, '+');

			if (split)
				*split++ = '\0';
			compare(path, split);
		}
	}
	if (!n_passed && !n_failed) {
		printf("1..0 # SKIP no BTF given: an argument, or STILLFRAME_TEST_BTF\n");
		return 77;
	}
	printf("1..%u\n", n_passed + n_failed);
	return n_failed ? 1 : 0;
}

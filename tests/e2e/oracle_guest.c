/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part in the guest: what the kernel and bpftool say, before and after a capture, is told to the host. It also makes
 * a map of its own with a type of every kind, since no scheduler has all of them in its globals.
 */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stillframe/guest.h>
#include <sys/wait.h>

#include "base/util.h"
#include "oracle.h"
#include "oracle_quiet.h"

#define SECOND UINT64_C(1000000000)
#define PIECE 32768

int oracle_child(char *const *argv, struct sf_json_buffer *ret)
{
	int fds[2], status;
	char buf[4096];
	ssize_t n;

	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		sf_json_buffer_sink(ret, buf, (size_t)n);
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* ---- telling the host ------------------------------------------------------------------------------------------- */

struct sf_error *oracle_publish(struct sf_guest *guest, const char *name, const char *text, size_t len)
{
	char piece[PIECE + 1];

	for (size_t at = 0; at < len; at += PIECE) {
		size_t n = sf_min(len - at, (size_t)PIECE);

		memcpy(piece, text + at, n);
		piece[n] = '\0';
		SF_TRY(sf_guest_publish_str(guest, name, piece));
	}
	return NULL;
}

static struct sf_error *publish_file(struct sf_guest *guest, const char *name, const char *path)
{
	struct sf_json_buffer text = { 0 };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[65536];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		sf_json_buffer_sink(&text, buf, (size_t)n);
	if (!text.len)
		return sf_error_new(SF_SYSTEM, "%s cannot be read", path);
	struct sf_error *err = oracle_publish(guest, name, text.text, text.len);

	free(text.text);
	return err;
}

/* ---- bpftool ---------------------------------------------------------------------------------------------------- */

static struct sf_error *bpftool(char *const *argv, struct sf_json_buffer *ret)
{
	int code = oracle_child(argv, ret);

	if (code || !ret->len)
		return sf_error_new(SF_SYSTEM, "bpftool %s %s %s %s gave %d: %s", argv[1], argv[2], argv[3],
				    argv[4] ? argv[5] : "", code, ret->text ? ret->text : "");
	return NULL;
}

static struct sf_error *dump_map(struct sf_guest *guest, char *tool, const char *name, uint32_t id)
{
	struct sf_json_buffer out = { 0 };
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	struct sf_error *err = bpftool((char *[]){ tool, "-j", "map", "dump", "id", number, NULL }, &out);

	if (!err)
		err = oracle_publish(guest, name, out.text, out.len);
	free(out.text);
	return err;
}

static struct sf_error *dump_listed(struct sf_guest *guest, char *tool, const char *when,
				    const struct sf_json_node *list)
{
	char dump[32];

	for (const struct sf_json_node *map = sf_json_element(list, 0); map; map = map->next) {
		const char *name = sf_json_member_str(map, "name", "");
		uint32_t id = (uint32_t)sf_json_member_u64(map, "id", 0);

		/* bpftool makes maps of its own, which are gone by now. The quiet ones need no second look. */
		if (strcmp(sf_json_member_str(map, "type", ""), "array") || quiet_by_name(name) ||
		    !strncmp(name, "pid_iter", strlen("pid_iter")))
			continue;
		snprintf(dump, sizeof(dump), ORACLE_DUMP, when, id);
		SF_TRY(dump_map(guest, tool, dump, id));
	}
	return NULL;
}

static struct sf_error *dump_quiet(struct sf_guest *guest, char *tool, const struct sf_json_node *list)
{
	char dump[64];

	for (const struct sf_json_node *map = sf_json_element(list, 0); map; map = map->next) {
		const struct quiet_map *m = quiet_by_name(sf_json_member_str(map, "name", ""));

		if (!m || !m->is_formatted)
			continue;
		snprintf(dump, sizeof(dump), QUIET_DUMP, m->name);
		SF_TRY(dump_map(guest, tool, dump, (uint32_t)sf_json_member_u64(map, "id", 0)));
	}
	return NULL;
}

/* What a scheduler's struct_ops map says by way of the system call, and of bpftool. */
static struct sf_error *dump_struct_ops(struct sf_guest *guest, char *tool, const struct sf_json_node *list)
{
	struct sf_json_buffer out = { 0 };
	char number[16];
	uint32_t id = 0;

	for (const struct sf_json_node *map = sf_json_element(list, 0); map; map = map->next)
		if (!strcmp(sf_json_member_str(map, "type", ""), "struct_ops"))
			id = (uint32_t)sf_json_member_u64(map, "id", 0);
	if (!id)
		return NULL;
	snprintf(number, sizeof(number), "%u", id);
	struct sf_error *err = bpftool((char *[]){ tool, "-j", "struct_ops", "dump", "id", number, NULL }, &out);

	if (!err)
		err = oracle_publish(guest, ORACLE_STRUCT_OPS, out.text, out.len);
	if (!err)
		err = sf_guest_publish_u64(guest, ORACLE_STRUCT_OPS_ID, id);
	free(out.text);
	return err;
}

static struct sf_error *dump_all(struct sf_guest *guest, char *tool, const char *when, bool with_quiet)
{
	_cleanup_json_ struct sf_json *list = NULL;
	struct sf_json_buffer out = { 0 };
	char name[32];

	snprintf(name, sizeof(name), ORACLE_MAPS, when);
	struct sf_error *err = bpftool((char *[]){ tool, "-j", "map", "show", NULL }, &out);

	if (!err)
		err = oracle_publish(guest, name, out.text, out.len);
	if (!err)
		err = sf_json_read(out.text, out.len, &list);
	free(out.text);
	if (!err && with_quiet)
		err = dump_quiet(guest, tool, sf_json_root(list));
	if (!err && with_quiet)
		err = dump_struct_ops(guest, tool, sf_json_root(list));
	return err ? err : dump_listed(guest, tool, when, sf_json_root(list));
}

/* ---- a map of all kinds ----------------------------------------------------------------------------------------- */

enum kind {
	S8, U8, S16, U16, S32, U32, S64, U64, U128, FLAG, CHARACTER, TEXT, SIGNED_ENUM, ENUM, WIDE_ENUM, INNER, INNERS,
	MATRIX, EITHER, POINTER, ALIAS, N_KINDS,
};

/* Sorted by offset, as the kernel wants it; in bytes but for bit fields, which continue at `bits`. */
static const struct {
	const char *name;
	enum kind kind;
	uint32_t offset, bits, width;
} members[] = {
	{ "s8", S8, 0, 0, 0 },
	{ "u8", U8, 1, 0, 0 },
	{ "flag", FLAG, 2, 0, 0 },
	{ "character", CHARACTER, 3, 0, 0 },
	{ "s32", S32, 4, 0, 0 },
	{ "u32", U32, 8, 0, 0 },
	{ "s16", S16, 12, 0, 0 },
	{ "u16", U16, 14, 0, 0 },
	{ "s64", S64, 16, 0, 0 },
	{ "u64", U64, 24, 0, 0 },
	{ "big", U128, 32, 0, 0 },
	{ "text", TEXT, 48, 0, 0 },
	{ "level", SIGNED_ENUM, 60, 0, 0 },
	{ "color", ENUM, 64, 0, 0 },
	{ "pointer", POINTER, 72, 0, 0 },
	{ "wide", WIDE_ENUM, 80, 0, 0 },
	{ "bit_s", S32, 88, 0, 5 },
	{ "bit_u", U32, 88, 5, 11 },
	{ "bit_e", ENUM, 88, 16, 3 },
	{ "bit_l", SIGNED_ENUM, 88, 19, 4 },
	{ "bit_b", FLAG, 88, 23, 1 },
	{ "bit_w", U64, 88, 24, 37 },
	{ "bit_sw", S64, 96, 1, 63 },
	{ "", EITHER, 104, 0, 0 },
	{ "inner", INNER, 112, 0, 0 },
	{ "inners", INNERS, 128, 0, 0 },
	{ "matrix", MATRIX, 176, 0, 0 },
	{ "alias", ALIAS, 188, 0, 0 },
};
#define KINDS_SIZE 192u
#define FLAG_AT 2
#define CHARACTER_AT 3
#define TEXT_AT 48
#define TEXT_LEN 12
#define LEVEL_AT 60
#define COLOR_AT 64
#define WIDE_AT 80

static void add_enums(struct btf *btf, int *ids)
{
	ids[SIGNED_ENUM] = btf__add_enum(btf, "sf_level", 4);
	btf__add_enum_value(btf, "SF_LOW", -3);
	btf__add_enum_value(btf, "SF_ZERO", 0);
	btf__add_enum_value(btf, "SF_HIGH", 5);
	ids[ENUM] = btf__add_enum(btf, "sf_color", 4);
	btf__add_enum_value(btf, "SF_RED", 1);
	btf__add_enum_value(btf, "SF_BLUE", 2);
	ids[WIDE_ENUM] = btf__add_enum64(btf, "sf_wide", 8, false);
	btf__add_enum64_value(btf, "SF_WIDE_ONE", 1);
	btf__add_enum64_value(btf, "SF_WIDE_TOP", 1ull << 63);
}

static void add_kinds(struct btf *btf, int *ids)
{
	ids[S8] = btf__add_int(btf, "signed char", 1, BTF_INT_SIGNED);
	ids[U8] = btf__add_int(btf, "unsigned char", 1, 0);
	ids[S16] = btf__add_int(btf, "short", 2, BTF_INT_SIGNED);
	ids[U16] = btf__add_int(btf, "unsigned short", 2, 0);
	ids[S32] = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	ids[U32] = btf__add_int(btf, "unsigned int", 4, 0);
	ids[S64] = btf__add_int(btf, "long", 8, BTF_INT_SIGNED);
	ids[U64] = btf__add_int(btf, "unsigned long", 8, 0);
	ids[U128] = btf__add_int(btf, "unsigned __int128", 16, 0);
	ids[FLAG] = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	ids[CHARACTER] = btf__add_int(btf, "character", 1, BTF_INT_CHAR);
	ids[TEXT] = btf__add_array(btf, ids[U32], btf__add_int(btf, "char", 1, BTF_INT_SIGNED), TEXT_LEN);
	add_enums(btf, ids);
	ids[INNER] = btf__add_struct(btf, "sf_inner", 16);
	btf__add_field(btf, "x", ids[U16], 0, 0);
	btf__add_field(btf, "y", ids[S64], 64, 0);
	ids[INNERS] = btf__add_array(btf, ids[U32], ids[INNER], 3);
	ids[MATRIX] = btf__add_array(btf, ids[U32], btf__add_array(btf, ids[U32], ids[S16], 3), 2);

	int halves = btf__add_struct(btf, NULL, 8);

	btf__add_field(btf, "low", ids[U32], 0, 0);
	btf__add_field(btf, "high", ids[S32], 32, 0);
	ids[EITHER] = btf__add_union(btf, NULL, 8);
	btf__add_field(btf, "whole", ids[U64], 0, 0);
	btf__add_field(btf, "", halves, 0, 0);
	ids[POINTER] = btf__add_ptr(btf, ids[INNER]);
	ids[ALIAS] = btf__add_typedef(btf, "sf_alias", btf__add_volatile(btf, btf__add_const(btf, ids[U32])));
}

static struct btf *make_types(int *ret_key, int *ret_value)
{
	struct btf *btf = btf__new_empty();
	int ids[N_KINDS];

	if (!btf)
		return NULL;
	add_kinds(btf, ids);
	*ret_key = ids[U32];
	*ret_value = btf__add_struct(btf, "sf_all_kinds", KINDS_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (btf__add_field(btf, members[i].name, ids[members[i].kind], members[i].offset * 8 + members[i].bits,
				   members[i].width))
			return NULL;
	return btf;
}

/* Noise, but for what bpftool would not write as JSON, and with real enumerators and strings in every other entry. */
static void make_value(uint32_t entry, uint8_t value[KINDS_SIZE])
{
	static const int32_t levels[] = { -3, 0, 5 };
	static const uint64_t wide[] = { 1, 1ull << 63 };
	uint64_t seed = entry * 0x9e3779b97f4a7c15ull + 1;

	for (size_t i = 0; i < KINDS_SIZE; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		value[i] = (uint8_t)(seed >> 56);
	}
	value[FLAG_AT] &= 1;
	if (value[CHARACTER_AT] == '"' || value[CHARACTER_AT] == '\\')
		value[CHARACTER_AT] = 'q';
	if (entry % 2)
		return;
	memcpy(value + TEXT_AT, "a \"b\\", 6);
	memcpy(value + LEVEL_AT, &levels[entry / 2 % 3], sizeof(levels[0]));
	memcpy(value + COLOR_AT, &(uint32_t){ entry / 2 % 3 }, sizeof(uint32_t));
	memcpy(value + WIDE_AT, &wide[entry / 2 % 2], sizeof(wide[0]));
}

static struct sf_error *make_kinds(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	uint8_t value[KINDS_SIZE];
	int key_type, value_type;
	struct btf *btf = make_types(&key_type, &value_type);

	if (!btf || btf__load_into_kernel(btf))
		return sf_error_sys(errno, "the types of " KINDS_MAP);
	opts.btf_fd = (uint32_t)btf__fd(btf);
	opts.btf_key_type_id = (uint32_t)key_type;
	opts.btf_value_type_id = (uint32_t)value_type;
	/* Open as long as this process lives. */
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, KINDS_MAP, 4, KINDS_SIZE, KINDS_ENTRIES, &opts);

	if (fd < 0)
		return sf_error_sys(errno, "the map " KINDS_MAP);
	for (uint32_t i = 0; i < KINDS_ENTRIES; i++) {
		make_value(i, value);
		if (bpf_map_update_elem(fd, &i, value, BPF_ANY))
			return sf_error_sys(errno, "entry %u of " KINDS_MAP, i);
	}
	return NULL;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static struct sf_error *tell(struct sf_guest *guest, char *tool, const char *maps, uint64_t seed)
{
	struct quiet *quiet = NULL;

	SF_TRY(publish_file(guest, ORACLE_KALLSYMS, "/proc/kallsyms"));
	SF_TRY(sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, ORACLE_CODE, 60 * SECOND));
	SF_TRY(make_kinds());
	SF_TRY(quiet_begin(guest, maps, seed, &quiet));
	/* Something has to change between the dumps; more would only make them slow. */
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SLEEP, NULL, 2, NULL));
	SF_TRY(dump_all(guest, tool, "before", true));
	/* What bpftool itself had loaded goes away only after a grace period. */
	sf_guest_hold(guest, SECOND / 4);
	SF_TRY(sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, ORACLE_CAPTURE, 60 * SECOND));
	SF_TRY(quiet_end(quiet));
	return dump_all(guest, tool, "after", false);
}

int oracle_guest(const char *tool, const char *maps, uint64_t seed)
{
	SF_OWNED(guest) guest = NULL;
	_cleanup_free_ char *copy = strdup(tool);
	SF_OWNED(error) err = sf_guest_open(NULL, &guest);

	if (!err && copy)
		err = tell(guest, copy, maps, seed);
	if (!err)
		return 0;
	fprintf(stderr, "%s\n", sf_error_message(err));
	sf_error_free(sf_guest_check(guest, false, "%s", sf_error_message(err)));
	return 1;
}

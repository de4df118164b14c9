/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "agent.h"

/*
 * Loads a bare BPF object and attaches its scheduler, in a child of its own: libbpf blocks while the verifier works,
 * and the attachment lives as long as the child. What libbpf has to say is kept, for its end holds the verifier's.
 */

#define LOG_KEEP (24u << 10)
#define LOG_TELL (8u << 10)

/* libbpf's printer has no argument to hand it anything. One per loader, and a loader is a process. */
static struct {
	char text[2 * LOG_KEEP];
	size_t len;
} kept;

static void keep_log(const char *text, size_t len)
{
	if (len > LOG_KEEP) {
		text += len - LOG_KEEP;
		len = LOG_KEEP;
	}
	if (kept.len + len > sizeof(kept.text)) {
		size_t keep = sf_min(sizeof(kept.text) - len, (size_t)LOG_KEEP);

		memmove(kept.text, kept.text + kept.len - keep, keep);
		kept.len = keep;
	}
	memcpy(kept.text + kept.len, text, len);
	kept.len += len;
}

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text;

	if (level == LIBBPF_DEBUG)
		return 0;
	int len = vasprintf(&text, fmt, ap);

	if (len < 0)
		return 0;
	keep_log(text, (size_t)len);
	free(text);
	return len;
}

/* The last lines, whole ones. */
static const char *log_tail(void)
{
	static char tail[LOG_TELL + 1];
	size_t len = sf_min(kept.len, (size_t)LOG_TELL);
	const char *from = kept.text + kept.len - len;

	if (len < kept.len) {
		const char *line = memchr(from, '\n', len);

		if (line && line + 1 < from + len) {
			len -= (size_t)(line + 1 - from);
			from = line + 1;
		}
	}
	memcpy(tail, from, len);
	tail[len] = '\0';
	return tail;
}

/* The verifier's own reason: the line above its last "processed N insns (limit M) ..."; "" when the log has none. */
static void verifier_reason(const char *log, char *text, size_t size)
{
	const char *end = NULL;

	text[0] = '\0';
	for (const char *p = log; (p = strstr(p, "\nprocessed ")); p++)
		end = p;
	if (!end)
		return;
	const char *from = end;

	while (from > log && from[-1] != '\n')
		from--;
	snprintf(text, size, "%.*s", (int)sf_min((size_t)(end - from), size - 1), from);
}

/* libbpf has numbers of its own beside the kernel's. */
static const char *why(void)
{
	static char text[128];

	libbpf_strerror(errno, text, sizeof(text));
	return text;
}

static void report(int fd, struct sf_wire_message *m)
{
	struct sf_wire_out out = { 0 };

	m->type = SF_WIRE_SCHD;
	m->t_ns = sf_wire_now();
	sf_error_free(sf_wire_message_put(&out, m));
	sf_wire_out_flush(&out, fd);
	sf_wire_out_clear(&out);
}

static void fail(int fd, const char *cause, const char *fmt, ...) __attribute__((noreturn)) sf_printf(3, 4);
static void fail(int fd, const char *cause, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct sf_wire_message m = {
		.sched = SF_WIRE_SCHED_FAILED, .cause = cause, .text = text, .log = kept.len ? log_tail() : NULL,
	};

	report(fd, &m);
	_exit(1);
}

/* ---- what is in the object ----------------------------------------------------------------------- */

static bool is_ops_type(const char *name)
{
	static const char ops[] = "sched_ext_ops";
	size_t len = sizeof(ops) - 1;

	/* NAME___anything is a flavour of NAME to libbpf. */
	return !strncmp(name, ops, len) && (!name[len] || !strncmp(name + len, "___", 3));
}

/* The type of the struct_ops variable @name, as the object's own BTF has it; "" if it does not. */
static const char *ops_type(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	id = t ? btf__resolve_type(btf, t->type) : -1;
	t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const char *type = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	return type ? type : "";
}

/* The one sched_ext_ops that is to be created; ends the process when there is not exactly one. */
static struct bpf_map *find_ops(struct bpf_object *obj, const char *path, int fd)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *map, *ops = NULL;
	char ours[512] = "", others[512] = "";
	int n = 0;

	bpf_object__for_each_map(map, obj) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS)
			continue;
		const char *name = bpf_map__name(map), *type = btf ? ops_type(btf, name) : "";
		size_t len = strlen(ours), other_len = strlen(others);

		if (is_ops_type(type) && bpf_map__autocreate(map)) {
			snprintf(ours + len, sizeof(ours) - len, "%s%s", len ? ", " : "", name);
			ops = map;
			n++;
		} else {
			snprintf(others + other_len, sizeof(others) - other_len, "%s%s (%s%s)", other_len ? ", " : "",
				 name, type, bpf_map__autocreate(map) ? "" : ", not created unless asked for");
		}
	}
	if (n > 1)
		fail(fd, SF_WIRE_CAUSE_OBJECT, "%s holds %d sched_ext_ops (%s) where exactly one is needed", path, n,
		     ours);
	if (!n)
		fail(fd, SF_WIRE_CAUSE_OBJECT, "%s holds no sched_ext_ops%s%s", path,
		     others[0] ? "; its struct_ops are " : " and no other struct_ops", others);
	return ops;
}

/* ---- constants of the kernel --------------------------------------------------------------------- */

static bool enumerator32(const struct btf *btf, const struct btf_type *t, const char *name, uint64_t *ret)
{
	const struct btf_enum *e = btf_enum(t);

	for (int i = 0; i < btf_vlen(t); i++) {
		const char *own = btf__name_by_offset(btf, e[i].name_off);

		if (own && !strcmp(own, name)) {
			*ret = btf_kflag(t) ? (uint64_t)(int64_t)e[i].val : (uint32_t)e[i].val;
			return true;
		}
	}
	return false;
}

static bool enumerator64(const struct btf *btf, const struct btf_type *t, const char *name, uint64_t *ret)
{
	const struct btf_enum64 *e = btf_enum64(t);

	for (int i = 0; i < btf_vlen(t); i++) {
		const char *own = btf__name_by_offset(btf, e[i].name_off);

		if (own && !strcmp(own, name)) {
			*ret = btf_enum64_value(&e[i]);
			return true;
		}
	}
	return false;
}

static bool enumerator(const struct btf *btf, const char *name, uint64_t *ret)
{
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_enum(t) ? enumerator32(btf, t, name, ret) :
		    btf_is_enum64(t) && enumerator64(btf, t, name, ret))
			return true;
	}
	return false;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/*
 * A scheduler that is to run on several kernels declares `const volatile u64 __SCX_NAME __weak;` for the kernel's
 * enumerator SCX_NAME, and its loader fills it in (tools/sched_ext/include/scx/enums.h, 6.14). One that has a value
 * already was given it on purpose; one that this kernel does not know stays 0, which is how it is tested for.
 */
static void fill_section(const struct btf *own, const struct btf *kernel, const struct btf_type *section,
			 struct bpf_map *map)
{
	const struct btf_var_secinfo *vars = btf_var_secinfos(section);
	size_t size;
	uint8_t *data = bpf_map__initial_value(map, &size);

	for (int i = 0; data && i < btf_vlen(section); i++) {
		const struct btf_type *var = btf__type_by_id(own, vars[i].type);
		const char *name = var ? btf__name_by_offset(own, var->name_off) : NULL;
		uint64_t value;

		if (!name || strncmp(name, "__SCX_", 6) || vars[i].size > sizeof(value) ||
		    !sf_in_range(vars[i].offset, vars[i].size, size))
			continue;
		if (all_zero(data + vars[i].offset, vars[i].size) && enumerator(kernel, name + 2, &value))
			memcpy(data + vars[i].offset, &value, vars[i].size);
	}
}

static void fill_constants(struct bpf_object *obj, const struct btf *kernel)
{
	const struct btf *own = bpf_object__btf(obj);

	for (__u32 id = 1; own && id < btf__type_cnt(own); id++) {
		const struct btf_type *t = btf__type_by_id(own, id);
		const char *name = btf_is_datasec(t) ? btf__name_by_offset(own, t->name_off) : NULL;

		if (!name || strncmp(name, ".rodata", 7))
			continue;
		struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

		if (map)
			fill_section(own, kernel, t, map);
	}
}

/* ---- loading --------------------------------------------------------------------------------------- */

/* The other programs of the object, as its own loader would attach them; those that attach to nothing are left. */
static void attach_programs(struct bpf_object *obj, const char *path, int fd)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj) {
		enum bpf_prog_type type = bpf_program__type(prog);

		if (type == BPF_PROG_TYPE_STRUCT_OPS || type == BPF_PROG_TYPE_SYSCALL || !bpf_program__autoload(prog) ||
		    !bpf_program__autoattach(prog))
			continue;
		if (bpf_program__attach(prog) || errno == EOPNOTSUPP)
			continue;
		fail(fd, SF_WIRE_CAUSE_REJECTED, "%s: attaching its program %s: %s", path, bpf_program__name(prog),
		     strerror(errno));
	}
}

static void load(const char *path, int fd)
{
	char reason[512];

	if (access(path, R_OK))
		fail(fd, SF_WIRE_CAUSE_OBJECT, "%s: %s", path, strerror(errno));
	struct btf *kernel = btf__load_vmlinux_btf();

	if (!kernel)
		fail(fd, SF_WIRE_CAUSE_NO_BTF, "this kernel's BTF cannot be read: %s", strerror(errno));
	struct bpf_object *obj = bpf_object__open_file(path, NULL);

	if (!obj)
		fail(fd, SF_WIRE_CAUSE_OBJECT, "%s is no BPF object that libbpf can open: %s", path, why());
	struct bpf_map *ops = find_ops(obj, path, fd);

	fill_constants(obj, kernel);
	btf__free(kernel);
	if (bpf_object__load(obj)) {
		int err = errno;

		verifier_reason(log_tail(), reason, sizeof(reason));
		fail(fd, SF_WIRE_CAUSE_REJECTED, "%s: the kernel refused to load it: %s", path,
		     reason[0] ? reason : strerror(err));
	}
	attach_programs(obj, path, fd);
	if (!bpf_map__attach_struct_ops(ops))
		fail(fd, SF_WIRE_CAUSE_REJECTED, "%s: the kernel refused to attach %s: %s", path, bpf_map__name(ops),
		     strerror(errno));
	struct sf_wire_message m = { .sched = SF_WIRE_SCHED_ATTACHED };

	report(fd, &m);
}

struct sf_error *sched_load(const char *path, pid_t *ret, int *ret_fd)
{
	_cleanup_close_ int in = -1, out = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return sf_error_sys(errno, "a pipe to the loader");
	in = fds[0];
	out = fds[1];
	fcntl(in, F_SETFL, O_NONBLOCK);
	pid_t pid = fork();

	if (pid < 0)
		return sf_error_sys(errno, "starting the loader");
	if (!pid) {
		if (out != 3 && dup2(out, 3) < 0)
			_exit(1);
		child_detach(4);
		prctl(PR_SET_NAME, "sf-loader");
		libbpf_set_print(print);
		load(path, 3);
		/* The links close with this process, and the scheduler goes with them. */
		for (;;)
			pause();
	}
	*ret = pid;
	*ret_fd = steal_fd(&in);
	return NULL;
}

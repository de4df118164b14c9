/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What we read out of a guest against what others say of it: its own /proc/kallsyms, libaddrxlat on the same memory,
 * bpftool inside of it. In small memory and in one that q35 splits at 2 GiB. TAP.
 *
 *	oracle BUILD KERNEL SERIES
 *
 * $STILLFRAME_BPFTOOL: what the guest runs. $STILLFRAME_MAPS: the object of maps.bpf.c. $STILLFRAME_KEEP: a folder that
 * gets the frame, its export and what the guest said, for others to look at; one run will do then, in small memory.
 *
 * SERIES names the example scheduler's object; "none": no scheduler, memory facts and the test's own map alone.
 */

#include <ftw.h>
#include <inttypes.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "../src/run/trial/private.h"
#include "bpf/values.h"
#include "frame/frame.h"
#include "kernel/vmem.h"
#include "oracle_host.h"
#include "render/render.h"
#include "snapshot/snapshot.h"
#include "stillframe/stillframe.h"

#define N_TESTS 14       /* and two more with a scheduler */
#define N_CPUS 3

struct oracle {
	const char *self, *build, *kernel, *series, *bpftool, *maps;
	uint64_t seed;
	char dir[64];
	uint64_t memory;
	unsigned int n_done, n_failed;
	struct sf_run *run;
	struct sf_kernel *k;
	bool checked;
};

static void result(struct oracle *o, bool ok, const char *what)
{
	o->n_failed += !ok;
	printf("%s %u - %s (%" PRIu64 " MiB)\n", ok ? "ok" : "not ok", ++o->n_done, what, o->memory >> 20);
	fflush(stdout);
}

static void comment(const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		printf("# %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* Consumes @err; true: there was none. */
static bool fine(struct sf_error *err)
{
	bool ok = !err;

	if (err)
		comment(sf_error_message(err));
	sf_error_free(err);
	return ok;
}

/* ---- what the guest said ---------------------------------------------------------------------------------------- */

/* The pieces of @name, one after the other; free() it. */
static char *published(const struct oracle *o, const char *name, size_t *ret_len)
{
	struct sf_json_buffer text = { 0 };

	for (size_t i = 0; i < o->run->values.n; i++) {
		const struct sf_run_value *v = &o->run->values.v[i];

		if (v->str && !strcmp(v->name, name))
			sf_json_buffer_sink(&text, v->str, strlen(v->str));
	}
	if (!text.text)
		printf("# the guest did not tell %s\n", name);
	*ret_len = text.len;
	return text.text;
}

static struct sf_json *published_json(const struct oracle *o, const char *name)
{
	size_t len;
	_cleanup_free_ char *text = published(o, name, &len);
	struct sf_json *ret = NULL;

	if (text && !fine(sf_json_read(text, len, &ret)))
		printf("# %s: %.200s\n", name, text);
	return ret;
}

/* ---- programs of their own on the guest's memory ---------------------------------------------------------------- */

static bool run_on_ram(const struct oracle *o, const char *program, const char *more)
{
	const struct sf_vm_ram *ram = sf_vm_ram(o->run->vm);
	_cleanup_free_ char *path = sf_asprintf("%s/tests/%s", o->build, program);
	char file[64], ranges[256];
	struct sf_json_buffer out = { 0 };
	size_t at = 0;

	snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getpid(), ram->fds[0]);
	for (size_t i = 0; i < ram->n; i++)
		at += (size_t)snprintf(ranges + at, sizeof(ranges) - at, "%s%" PRIu64 ":%" PRIu64 ":%" PRIu64,
				       i ? "," : "", ram->ranges[i].gpa, ram->ranges[i].len, ram->ranges[i].offset);
	int code = oracle_child((char *[]){ path, file, ranges, (char *)more, NULL }, &out);

	comment(out.text);
	free(out.text);
	if (code)
		printf("# %s ended with %d\n", path, code);
	return code == 0;
}

static bool symbols_agree(struct oracle *o)
{
	size_t len;
	_cleanup_free_ char *text = published(o, ORACLE_KALLSYMS, &len);
	_cleanup_free_ char *path = sf_asprintf("%s/kallsyms", o->dir);

	return text && fine(sf_file_put(path, text, len)) && run_on_ram(o, "test_kallsyms_guest", path);
}

/* ---- generated code --------------------------------------------------------------------------------------------- */

static bool count_ksym(void *arg, const struct sf_bpf_ksym *sym)
{
	(void)arg;
	(void)sym;
	return true;
}

/* @line is the guest's: "address type name\t[bpf]". */
static bool ksym_agrees(struct sf_frame *frame, const char *line)
{
	char buf[SF_SYMBOL_NAME], *name;
	struct sf_symbol s = { 0 };
	uint64_t addr = strtoull(line, &name, 16);

	name += strlen(" t ");
	if (sf_frame_symbol_at(frame, addr, buf, &s) && s.module && !strcmp(s.module, "bpf") && !s.offset && s.size &&
	    s.type == name[-2] && strcspn(name, "\t") == strlen(s.name) && !strncmp(name, s.name, strlen(s.name)))
		return true;
	printf("# theirs: %s; ours: %s+0x%" PRIx64 "\n", line, s.name ? s.name : "none", s.offset);
	return false;
}

/* The capture that was taken after the guest had read its /proc/kallsyms, and before anybody loaded a program again. */
static bool code_agrees(struct oracle *o)
{
	size_t len;
	uint32_t n = 0;
	bool ok = true;
	struct sf_bpf_stats ours = { 0 };
	_cleanup_free_ char *text = published(o, ORACLE_KALLSYMS, &len);
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	SF_OWNED(frame) frame = NULL;

	if (!text || !vm || !fine(sf_run_frame(o->run, ORACLE_CODE, &frame)))
		return false;
	sf_vmem_init(vm, sf_frame_image(frame), sf_frame_kernel(frame));
	if (!fine(sf_bpf_ksyms(sf_frame_bpf(frame), vm, count_ksym, NULL, &ours)))
		return false;
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strstr(line, "\t[bpf]"))
			continue;
		n++;
		ok &= ksym_agrees(frame, line);
	}
	printf("# %u symbols of generated code, we have %u\n", n, ours.n_objects);
	return ok && n == ours.n_objects && !ours.n_torn && !ours.capped && (n > 10 || !strcmp(o->series, "none"));
}

/* ---- per-CPU addresses ------------------------------------------------------------------------------------------ */

struct percpu_layout {
	struct sf_place rq_cpu, hot_number, hot_task, task_cpu;
};

static const struct sf_place_spec percpu_specs[] = {
	{ offsetof(struct percpu_layout, rq_cpu), "rq", "cpu", false },
	{ offsetof(struct percpu_layout, hot_number), "pcpu_hot", "cpu_number", true },
	{ offsetof(struct percpu_layout, hot_task), "pcpu_hot", "current_task", true },
	{ offsetof(struct percpu_layout, task_cpu), "task_struct", "thread_info.cpu", false },
};

/* A per-CPU variable of 4 or 8 bytes, or a member of one. */
static bool percpu(struct oracle *o, struct sf_vmem *vm, const char *symbol, uint32_t offset, uint32_t cpu, size_t size,
		   uint64_t *ret)
{
	uint64_t sym, at;

	*ret = 0;
	if (sf_kernel_symbol(o->k, symbol, &sym) && sf_vmem_percpu(vm, sym + offset, cpu, &at) &&
	    sf_vmem_read(vm, at, ret, size) == SF_FAULT_NONE)
		return true;
	printf("# %s of CPU %u cannot be read\n", symbol, cpu);
	return false;
}

static bool expect(const char *what, uint32_t cpu, uint64_t got, uint64_t want)
{
	if (got != want)
		printf("# CPU %u: %s is 0x%" PRIx64 ", not 0x%" PRIx64 "\n", cpu, what, got, want);
	return got == want;
}

/* The kernel has moved these two into a struct of hot things and out again. */
static bool hot(struct oracle *o, struct sf_vmem *vm, const struct sf_place *in_hot, const char *symbol, uint32_t cpu,
		size_t size, uint64_t *ret)
{
	if (in_hot->present)
		return percpu(o, vm, "pcpu_hot", in_hot->offset, cpu, size, ret);
	return percpu(o, vm, symbol, 0, cpu, size, ret);
}

static bool cpu_agrees(struct oracle *o, struct sf_vmem *vm, const struct percpu_layout *l, uint32_t cpu)
{
	uint64_t offsets = 0, offset = 0, v = 0, task = 0;
	struct sf_vcpu_regs regs[N_CPUS] = { 0 };

	if (!sf_kernel_symbol(o->k, "__per_cpu_offset", &offsets) ||
	    sf_vmem_u64(vm, offsets + 8 * cpu, &offset) != SF_FAULT_NONE) {
		printf("# __per_cpu_offset cannot be read\n");
		return false;
	}
	bool ok = percpu(o, vm, "this_cpu_off", 0, cpu, 8, &v) && expect("this_cpu_off", cpu, v, offset);

	ok &= percpu(o, vm, "runqueues", l->rq_cpu.offset, cpu, 4, &v) && expect("runqueues.cpu", cpu, v, cpu);
	ok &= hot(o, vm, &l->hot_number, "cpu_number", cpu, 4, &v) && expect("cpu_number", cpu, v, cpu);
	ok &= hot(o, vm, &l->hot_task, "current_task", cpu, 8, &task) &&
	      sf_vmem_read(vm, task + l->task_cpu.offset, &v, 4) == SF_FAULT_NONE &&
	      expect("current_task's CPU", cpu, (uint32_t)v, cpu);
	/* In the kernel the CPU itself knows where its data is. */
	if (fine(sf_vm_regs(o->run->vm, sf_vm_clock() + 10 * SF_SECOND, regs, N_CPUS)) && regs[cpu].present &&
	    regs[cpu].gs_base >> 63) {
		ok &= expect("GS", cpu, regs[cpu].gs_base, offset);
		printf("# CPU %u: offset 0x%" PRIx64 ", as its GS has it\n", cpu, offset);
	} else {
		printf("# CPU %u: offset 0x%" PRIx64 "\n", cpu, offset);
	}
	return ok;
}

static bool percpu_agrees(struct oracle *o)
{
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	struct percpu_layout layout;
	uint64_t runqueues = 0, at = 0;
	bool ok = true;

	if (!vm || !fine(sf_kernel_layout(o->k, percpu_specs, ARRAY_SIZE(percpu_specs), &layout)))
		return false;
	sf_vmem_init(vm, o->run->ram, o->k);
	for (uint32_t cpu = 0; cpu < N_CPUS; cpu++)
		ok &= cpu_agrees(o, vm, &layout, cpu);
	if (!sf_kernel_symbol(o->k, "runqueues", &runqueues) || sf_vmem_percpu(vm, runqueues, N_CPUS, &at)) {
		printf("# CPU %u, which is not there, has per-CPU data at 0x%" PRIx64 "\n", N_CPUS, at);
		return false;
	}
	return ok;
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

static bool map_by_id(struct sf_view view, uint64_t id, struct sf_map *ret, struct sf_map_info *info)
{
	for (size_t i = 0; i < sf_view_map_count(view); i++) {
		*ret = sf_view_map_at(view, i);
		if (sf_map_info(*ret, info) && info->id == id)
			return true;
	}
	return false;
}

static const struct sf_json_node *listed(const struct sf_json *list, uint64_t id)
{
	for (const struct sf_json_node *m = sf_json_element(sf_json_root(list), 0); m; m = m->next)
		if (sf_json_member_u64(m, "id", 0) == id)
			return m;
	return NULL;
}

static bool same_map(const struct sf_json_node *m, const struct sf_map_info *info)
{
	const char *name = sf_json_member_str(m, "name", ""), *type = sf_json_member_str(m, "type", "?");

	if (!strncmp(name, info->name, strlen(info->name)) && !strcmp(type, info->type_name ? info->type_name : "") &&
	    sf_json_member_u64(m, "bytes_key", UINT64_MAX) == info->key_size &&
	    sf_json_member_u64(m, "bytes_value", UINT64_MAX) == info->value_size &&
	    sf_json_member_u64(m, "max_entries", UINT64_MAX) == info->max_entries &&
	    sf_json_member_u64(m, "flags", UINT64_MAX) == info->flags)
		return true;
	printf("# map %u: ours %s %s, key %u, value %u, entries %u, flags %u; bpftool %s %s\n", info->id, info->name,
	       info->type_name, info->key_size, info->value_size, info->max_entries, info->flags, name, type);
	return false;
}

/* bpftool and its libbpf load programs for their own use, with maps, and are gone before the capture. */
static bool is_passing(const char *name)
{
	return !strncmp(name, "pid_iter", strlen("pid_iter")) || !strncmp(name, "libbpf_", strlen("libbpf_"));
}

static bool maps_agree(struct oracle *o, struct sf_view view)
{
	_cleanup_json_ struct sf_json *before = published_json(o, "maps-before"), *after = published_json(o, "maps-after");
	struct sf_map_info info = { .size = sizeof(info) };
	struct sf_map map;
	size_t n = 0;
	bool ok = true;

	if (!before || !after)
		return false;
	for (const struct sf_json_node *m = sf_json_element(sf_json_root(before), 0); m; m = m->next) {
		uint64_t id = sf_json_member_u64(m, "id", 0);

		if (!listed(after, id))
			continue;
		n++;
		if (!map_by_id(view, id, &map, &info)) {
			printf("# map %" PRIu64 " (%s) is not ours\n", id, sf_json_member_str(m, "name", "?"));
			ok = false;
			continue;
		}
		ok &= same_map(m, &info);
	}
	for (size_t i = 0; i < sf_view_map_count(view); i++) {
		if (!sf_map_info(sf_view_map_at(view, i), &info) || is_passing(info.name) || listed(before, info.id) ||
		    listed(after, info.id))
			continue;
		printf("# map %u (%s) is not bpftool's\n", info.id, info.name);
		ok = false;
	}
	printf("# %zu maps, of which we have %zu in all\n", n, sf_view_map_count(view));
	return ok && n > 0;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static void compare_dumps(struct oracle *o, struct sf_view view, struct sf_map map, uint32_t id,
			  struct oracle_tally *tally)
{
	char before_name[32], after_name[32];

	snprintf(before_name, sizeof(before_name), ORACLE_DUMP, "before", id);
	snprintf(after_name, sizeof(after_name), ORACLE_DUMP, "after", id);
	_cleanup_json_ struct sf_json *before = published_json(o, before_name), *after = published_json(o, after_name);

	if (before && after)
		oracle_compare_map(view, map, sf_json_root(before), sf_json_root(after), tally);
	else
		tally->n_wrong++;
}

static void print_tally(const char *what, const struct oracle_tally *t)
{
	printf("# %s: %" PRIu64 " equal (%" PRIu64 " not 0), %" PRIu64 " changed and in between, %" PRIu64
	       " changed and one of the two; %" PRIu64 " read by path, too; %" PRIu64 " wrong. Not compared: %" PRIu64
	       " kptrs (hidden), %" PRIu64 " bytes behind strings (not shown), %" PRIu64 " counts of tasks (bpftool is"
	       " one)\n",
	       what, t->n_equal, t->n_nonzero, t->n_between, t->n_either, t->n_by_path, t->n_wrong, t->n_kptrs, t->n_tails,
	       t->n_odd);
}

/* Every ARRAY map that bpftool dumped twice; those of the scheduler, and that of the part in the guest. */
static bool values_agree(struct oracle *o, struct sf_view view)
{
	_cleanup_json_ struct sf_json *before = published_json(o, "maps-before"), *after = published_json(o, "maps-after");
	struct oracle_tally theirs = { 0 }, kinds = { 0 };
	bool has_scheduler = strcmp(o->series, "none");

	if (!before || !after)
		return false;
	for (size_t i = 0; i < sf_view_map_count(view); i++) {
		struct sf_map map = sf_view_map_at(view, i);
		struct sf_map_info info = { .size = sizeof(info) };

		if (!sf_map_info(map, &info) || !info.type_name || strcmp(info.type_name, "array") ||
		    is_passing(info.name) || quiet_by_name(info.name) || !listed(before, info.id) || !listed(after, info.id))
			continue;
		compare_dumps(o, view, map, info.id, strcmp(info.name, KINDS_MAP) ? &theirs : &kinds);
	}
	if (has_scheduler)
		print_tally("the scheduler's maps", &theirs);
	print_tally("the map of all kinds", &kinds);
	if (has_scheduler && (theirs.n_wrong || theirs.n_equal <= 50 || theirs.n_nonzero <= 20 || !theirs.n_between ||
			      !theirs.n_kptrs))
		return false;
	return !kinds.n_wrong && kinds.n_nonzero > 20 * KINDS_ENTRIES && kinds.n_by_path >= kinds.n_nonzero / 2;
}

/* ---- what is kept ----------------------------------------------------------------------------------------------- */

static bool keep_copy(const char *from, const char *dir, const char *name)
{
	_cleanup_free_ char *to = sf_asprintf("%s/%s", dir, name);
	struct sf_json_buffer out = { 0 };
	int code = oracle_child((char *[]){ "/bin/cp", "--sparse=always", (char *)from, to, NULL }, &out);

	free(out.text);
	return code == 0;
}

static bool keep_said(const struct oracle *o, const char *dir)
{
	for (size_t i = 0; i < o->run->values.n; i++) {
		const struct sf_run_value *v = &o->run->values.v[i];
		_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, v->name);
		FILE *f = path ? fopen(path, "ae") : NULL;

		if (!f)
			return false;
		if (v->str)
			fputs(v->str, f);
		else
			fprintf(f, "%" PRIu64, v->u64);
		fclose(f);
	}
	return true;
}

static bool keep(struct oracle *o, const char *saved, const char *exported)
{
	const char *dir = getenv("STILLFRAME_KEEP");
	_cleanup_free_ char *seed = sf_asprintf("%" PRIu64, o->seed);
	_cleanup_free_ char *path = sf_asprintf("%s/seed", dir ? dir : "");

	if (!dir)
		return true;
	return fine(sf_file_put(path, seed, strlen(seed))) && keep_copy(saved, dir, ORACLE_CAPTURE ".frame") &&
	       keep_copy(exported, dir, ORACLE_CAPTURE ".core") && keep_said(o, dir);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

static struct sf_json_buffer render(struct sf_snapshot *snap)
{
	struct sf_json_buffer text = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &text, true);
	sf_render_frame_json(snap, NULL, &w);
	if (!sf_json_writer_finish(&w))
		text.len = 0;
	return text;
}

static void show_difference(const struct sf_json_buffer *a, const struct sf_json_buffer *b)
{
	size_t at = 0;

	while (at < a->len && at < b->len && a->text[at] == b->text[at])
		at++;
	size_t from = at > 100 ? at - 100 : 0;

	comment("the captured frame:");
	comment(from < a->len ? strndupa(a->text + from, 200) : "(ended)");
	comment("this one:");
	comment(from < b->len ? strndupa(b->text + from, 200) : "(ended)");
}

/* All that a frame has to say, word for word. */
static bool says_the_same(struct sf_snapshot *first, const char *path)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	if (!fine(sf_frame_open(path, &frame)) || !fine(sf_frame_verify(frame)) || !fine(sf_snapshot_new(frame, &snap)))
		return false;
	struct sf_json_buffer a = render(first), b = render(snap);
	bool same = a.len && a.len == b.len && !memcmp(a.text, b.text, a.len);

	if (!same)
		show_difference(&a, &b);
	printf("# %zu bytes of JSON\n", b.len);
	free(a.text);
	free(b.text);
	return same;
}

/* ---- quiet maps -------------------------------------------------------------------------------------------------- */

static char *said(void *arg, const char *name, size_t *ret_len)
{
	const struct oracle *o = arg;
	uint64_t number;

	if (strcmp(name, QUIET_CPUS) && strcmp(name, ORACLE_STRUCT_OPS_ID))
		return published(o, name, ret_len);
	return fine(sf_run_value_u64(o->run, name, &number)) ? sf_asprintf("%" PRIu64, number) : NULL;
}

static void look_result(void *arg, bool ok, const char *what)
{
	result(arg, ok, what);
}

static struct oracle_said said_of(struct oracle *o)
{
	return (struct oracle_said){ .fn = said, .result = look_result, .arg = o, .seed = o->seed };
}

static bool opened_agrees(struct oracle *o, struct sf_snapshot *first, const char *path)
{
	const struct oracle_said from = said_of(o);
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	return says_the_same(first, path) && fine(sf_frame_open(path, &frame)) &&
	       fine(sf_snapshot_new(frame, &snap)) && values_agree(o, sf_snapshot_view(snap)) &&
	       oracle_look_at_quiet(snap, &from, false);
}

static void check_frames(struct oracle *o, struct sf_frame *frame, struct sf_snapshot *snap)
{
	_cleanup_free_ char *saved = sf_asprintf("%s/" ORACLE_CAPTURE ".frame", sf_run_dir(o->run));
	_cleanup_free_ char *exported = sf_asprintf("%s/exported.core", o->dir);
	const struct oracle_said from = said_of(o);
	struct sf_view view = sf_snapshot_view(snap);

	result(o, maps_agree(o, view), "the maps are those that bpftool lists");
	result(o, values_agree(o, view), "values are those that bpftool dumps");
	oracle_look_at_quiet(snap, &from, true);
	if (strcmp(o->series, "none"))
		oracle_look_at_scheduler(snap, &from);
	result(o, opened_agrees(o, snap, saved), "the frame, reopened, says the same");
	result(o, fine(sf_frame_export(frame, exported)) && opened_agrees(o, snap, exported),
	       "the exported core says the same");
	if (!keep(o, saved, exported))
		printf("# not everything was kept\n");
}

/* ---- one run ---------------------------------------------------------------------------------------------------- */

/* q35 moves what is above 2 GiB to above 4: then there have to be two ranges, and both in use. */
static bool memory_is_split(struct oracle *o)
{
	const struct sf_vm_ram *ram = sf_vm_ram(o->run->vm);
	uint64_t above = 0;
	struct sf_image_run run = { 0 };

	for (uint64_t from = 4ull << 30; sf_image_next_run(o->run->ram, from, &run); from = run.gpa + run.len)
		above += run.len;
	printf("# %zu ranges; %" PRIu64 " MiB in use above 4 GiB\n", ram->n, above >> 20);
	return o->memory > 2ull << 30 ? ram->n == 2 && above > 0 : ram->n == 1 && !above;
}

static void check(struct sf_run *run, void *arg)
{
	struct oracle *o = arg;
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;

	o->run = run;
	if (!fine(sf_vm_stop(run->vm, sf_vm_clock() + 30 * SF_SECOND)) || !fine(sf_kernel_new(run->ram, NULL, &o->k)) ||
	    !fine(sf_run_frame(run, ORACLE_CAPTURE, &frame)) || !fine(sf_snapshot_new(frame, &snap)))
		return;
	printf("# kernel %s\n", sf_kernel_release(o->k));
	result(o, memory_is_split(o), "memory is where it was expected");
	result(o, symbols_agree(o), "symbols are those of /proc/kallsyms");
	result(o, code_agrees(o), "generated code has the names of /proc/kallsyms");
	result(o, run_on_ram(o, "test_addrxlat", NULL), "the page walk is libaddrxlat's");
	/* Registers are of the last stop. */
	result(o, percpu_agrees(o), "per-CPU addresses are the CPUs' own");
	check_frames(o, frame, snap);
	sf_kernel_unref(steal_ptr(&o->k));
	sf_run_observed(run, "others were asked");
	o->checked = true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void print_log(void *arg, enum sf_log_level level, const char *message)
{
	(void)arg;
	(void)level;
	comment(message);
}

static void run_oracle(struct oracle *o)
{
	SF_OWNED(run) run = NULL;
	bool has_scheduler = strcmp(o->series, "none");
	_cleanup_free_ char *seed = sf_asprintf("%" PRIu64, o->seed);
	_cleanup_free_ char *object = sf_asprintf("%s/bpf/%s/sf_example.bpf.o", o->build, o->series);

	snprintf(o->dir, sizeof(o->dir), "/tmp/stillframe-oracle.XXXXXX");
	if (!mkdtemp(o->dir)) {
		printf("Bail out! %s: %m\n", o->dir);
		exit(1);
	}
	_cleanup_free_ char *out = sf_asprintf("%s/run", o->dir);
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "oracle",
		.kernel = o->kernel,
		.scheduler = has_scheduler ? object : "none",
		.accel = "tcg",
		.cpus = N_CPUS,
		.memory = o->memory,
		.out = out,
		.test = o->self,
		.test_args = (const char *const[]){ o->bpftool, o->maps, seed, NULL },
		.no_workload = true,
		.files = (const char *const[]){ o->bpftool, o->maps, NULL },
		.deadline_ns = 300 * SF_SECOND,
		.log = { .fn = print_log, .level = SF_LOG_INFO },
		.check = check,
		.check_arg = o,
	};
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	if (err)
		comment(sf_error_message(err));
	for (size_t i = 0; run && i < sf_run_n_findings(run); i++)
		if (sf_run_finding(run, i)->verdict != SF_PASS)
			comment(sf_run_finding(run, i)->text);
	if (!o->checked) {
		printf("Bail out! nothing could be compared; what there is is in %s\n", o->dir);
		exit(1);
	}
	if (run && sf_run_verdict(run) != SF_PASS) {
		printf("Bail out! the run came to: %s; it is in %s\n", sf_verdict_name(sf_run_verdict(run)), o->dir);
		exit(1);
	}
	nftw(o->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	static const uint64_t memories[] = { 1ull << 30, 3ull << 30 };
	const char *bpftool = getenv("STILLFRAME_BPFTOOL");
	_cleanup_free_ char *path = bpftool ? realpath(bpftool, NULL) : NULL;
	const char *object = getenv("STILLFRAME_MAPS");
	_cleanup_free_ char *maps = object ? realpath(object, NULL) : NULL;
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);
	size_t n_runs = getenv("STILLFRAME_KEEP") ? 1 : ARRAY_SIZE(memories);
	unsigned int n_done = 0, n_failed = 0;
	uint64_t seed = 0;

	if (sf_in_guest())
		return argc == 4 ? oracle_guest(argv[1], argv[2], strtoull(argv[3], NULL, 10)) : 3;
	if (argc != 4 || !path || !maps || !self) {
		fprintf(stderr, "usage: STILLFRAME_BPFTOOL=PATH STILLFRAME_MAPS=OBJECT %s BUILD KERNEL SERIES|none\n", argv[0]);
		return 3;
	}
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return 1;
	printf("1..%zu\n# noise from seed %" PRIu64 "\n", (strcmp(argv[3], "none") ? N_TESTS + 2 : N_TESTS) * n_runs, seed);
	for (size_t i = 0; i < n_runs; i++) {
		struct oracle o = {
			.self = self,
			.build = argv[1],
			.kernel = argv[2],
			.series = argv[3],
			.bpftool = path,
			.maps = maps,
			.seed = seed + i,
			.memory = memories[i],
			.n_done = n_done,
		};

		run_oracle(&o);
		n_done = o.n_done;
		n_failed += o.n_failed;
	}
	return n_failed ? 1 : 0;
}

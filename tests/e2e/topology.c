/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests of several shapes: what their /sys shows is what was asked for, memory of every node is where we look for it,
 * and what is told of each CPU is that CPU's, also when one is offline. TAP.
 *
 *	topology BUILD KERNEL SERIES
 */

#include <ftw.h>
#include <inttypes.h>
#include <sys/wait.h>

#include "../src/run/trial/private.h"
#include "kernel/vmem.h"
#include "stillframe/stillframe.h"
#include "topology.h"

#define N_TESTS 22
#define MAX_CPUS 16
#define GIB (UINT64_C(1) << 30)

struct shape {
	const char *name, *part, *object; /* the object: below BUILD, with the series in it */
	struct sf_topology topology;
	uint64_t memory;
	enum sf_verdict verdict;
};

struct test {
	const char *self, *build, *kernel, *series;
	const struct shape *shape;
	char dir[64];
	struct sf_run *run;
	struct sf_kernel *k;
	uint32_t n_pages, n_wrong;               /* that were looked at, and that were not the guest's */
	uint32_t in_range[SF_VM_MAX_NODES + 1];
	bool has_looked, checked;
};

static unsigned int n_done, n_failed;

static void result(const struct test *t, bool ok, const char *what)
{
	n_failed += !ok;
	printf("%s %u - %s%s%s%s\n", ok ? "ok" : "not ok", ++n_done, what, t ? " (" : "", t ? t->shape->name : "",
	       t ? ")" : "");
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

static uint32_t part(uint32_t n)
{
	return n ? n : 1;
}

/* ---- /sys -------------------------------------------------------------------------------------------------------- */

static bool says(const struct test *t, const char *name, const char *want)
{
	const char *said = NULL;

	if (!fine(sf_run_value_str(t->run, name, &said)))
		return false;
	if (strcmp(said, want))
		printf("# %s says \"%s\", not \"%s\"\n", name, said, want);
	return !strcmp(said, want);
}

static bool says_nothing_of(const struct test *t, const char *name)
{
	for (size_t i = 0; i < t->run->values.n; i++)
		if (!strcmp(t->run->values.v[i].name, name)) {
			printf("# there is a %s\n", name);
			return false;
		}
	return true;
}

/* The @n numbers around @i as the kernel writes them: groups of @n begin at multiples of it. */
static bool says_group(const struct test *t, const char *name, uint32_t i, uint32_t n)
{
	char want[32];

	snprintf(want, sizeof(want), n > 1 ? "%u-%u" : "%u", i / n * n, i / n * n + n - 1);
	return says(t, name, want);
}

static bool cpu_is_as_asked(const struct test *t, uint32_t cpu)
{
	const struct sf_topology *p = &t->shape->topology;
	uint32_t threads = part(p->threads), llc = part(p->cores) * threads, socket = part(p->llcs) * llc;
	const struct { const char *file; uint32_t n; } lists[] = {
		{ "topology/thread_siblings_list", threads }, { "topology/die_cpus_list", llc },
		{ "topology/core_siblings_list", socket }, { "cache/index2/shared_cpu_list", threads },
		{ "cache/index3/shared_cpu_list", llc },
	};
	char name[128], want[16];
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		snprintf(name, sizeof(name), "cpu/cpu%u/%s", cpu, lists[i].file);
		ok &= says_group(t, name, cpu, lists[i].n);
	}
	snprintf(name, sizeof(name), "cpu/cpu%u/topology/physical_package_id", cpu);
	snprintf(want, sizeof(want), "%u", cpu / socket);
	ok &= says(t, name, want);
	snprintf(name, sizeof(name), "cpu/cpu%u/cache/index3/level", cpu);
	ok &= says(t, name, "3");
	snprintf(name, sizeof(name), "cpu/cpu%u/cache/index4/level", cpu);
	return says_nothing_of(t, name) && ok;
}

static bool system_is_as_asked(const struct test *t)
{
	uint32_t n = sf_vm_topology_cpus(&t->shape->topology);
	char name[64];
	bool ok = true;

	for (uint32_t cpu = 0; cpu < n; cpu++)
		ok &= cpu_is_as_asked(t, cpu);
	snprintf(name, sizeof(name), "cpu/cpu%u/topology/die_cpus_list", n);
	ok &= says_nothing_of(t, name);
	ok &= says_group(t, "cpu/present", 0, n);
	ok &= says_group(t, "cpu/possible", 0, n);
	ok &= says_group(t, "cpu/online", 0, n);
	/* A multi-socket guest's clock would be given up for a slow one if it were not an Intel's. */
	return ok && says(t, "clocksource/clocksource0/current_clocksource", "tsc");
}

/* "Node 0 MemTotal:        1546580 kB": what the kernel keeps for itself at boot is not in it. */
static bool node_has(const struct test *t, uint32_t node, uint64_t bytes)
{
	char name[64];
	const char *said = NULL;
	uint64_t kib = 0;

	snprintf(name, sizeof(name), "node/node%u/meminfo", node);
	if (!fine(sf_run_value_str(t->run, name, &said)))
		return false;
	if (sscanf(said, "Node %*u MemTotal: %" SCNu64 " kB", &kib) == 1 && kib <= bytes >> 10 &&
	    kib >= (bytes >> 10) * 8 / 10)
		return true;
	printf("# %s says \"%s\", which is not most of %" PRIu64 " kB\n", name, said, bytes >> 10);
	return false;
}

static bool nodes_are_as_asked(const struct test *t)
{
	const struct sf_vm_ram *ram = sf_vm_ram(t->run->vm);
	uint32_t n_cpus = sf_vm_topology_cpus(&t->shape->topology), n = part(t->shape->topology.numa);
	bool ok = says_group(t, "node/online", 0, n) && ram->n_files == n;

	for (uint32_t node = 0; node < n; node++) {
		char name[64], distances[256] = "";

		for (uint32_t to = 0; to < n; to++)
			sprintf(distances + strlen(distances), "%s%d", to ? " " : "", to == node ? 10 : 20);
		snprintf(name, sizeof(name), "node/node%u/cpulist", node);
		ok &= says_group(t, name, node * (n_cpus / n), n_cpus / n);
		snprintf(name, sizeof(name), "node/node%u/distance", node);
		ok &= says(t, name, distances);
		ok &= node_has(t, node, ram->file_sizes[node]);
	}
	return ok;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* The range that holds @gpa; -1: none. */
static int range_of(const struct sf_vm_ram *ram, uint64_t gpa)
{
	for (size_t i = 0; i < ram->n; i++)
		if (gpa - ram->ranges[i].gpa < ram->ranges[i].len)
			return (int)i;
	return -1;
}

static void look_at_page(struct test *t, uint32_t node, uint64_t gpa)
{
	const struct sf_vm_ram *ram = sf_vm_ram(t->run->vm);
	uint64_t words[PATTERN_WORDS] = { 0 }, want[PATTERN_WORDS] = { PATTERN, gpa, node, PATTERN + gpa + node };
	int range = range_of(ram, gpa);
	bool ok = range >= 0 && ram->ranges[range].file == node &&
		  sf_image_read(t->run->ram, gpa, words, sizeof(words)) == SF_FAULT_NONE &&
		  !memcmp(words, want, sizeof(want));

	t->n_pages++;
	if (ok)
		t->in_range[range]++;
	else if (t->n_wrong++ < 5)
		printf("# page 0x%" PRIx64 " of node %u: in range %d; 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64 " 0x%"
		       PRIx64 "\n", gpa, node, range, words[0], words[1], words[2], words[3]);
}

/*
 * Called from the run's own thread when a capture is kept. Until it returns the guest waits for its next capture, with
 * its pages as they are.
 */
static void on_progress(void *arg, const char *what)
{
	static const char captured[] = "captured " CAPTURE_PATTERN ":";
	struct test *t = arg;

	if (!t->run || t->has_looked || strncmp(what, captured, sizeof(captured) - 1))
		return;
	t->has_looked = true;
	for (size_t i = 0; i < t->run->values.n; i++) {
		const struct sf_run_value *v = &t->run->values.v[i];
		unsigned int node;

		if (sscanf(v->name, PAGE_OF_NODE, &node) == 1)
			look_at_page(t, node, v->u64);
	}
}

static bool every_range_was_seen(const struct test *t)
{
	const struct sf_vm_ram *ram = sf_vm_ram(t->run->vm);
	bool ok = t->has_looked && !t->n_wrong && ram->n == 3;

	printf("# %u pages, %u wrong\n", t->n_pages, t->n_wrong);
	for (size_t i = 0; i < ram->n; i++) {
		const struct sf_ram_range *r = &ram->ranges[i];

		printf("# 0x%" PRIx64 " + 0x%" PRIx64 ": offset 0x%" PRIx64 " of node %u, %u pages\n", r->gpa, r->len,
		       r->offset, r->file, t->in_range[i]);
		ok &= t->in_range[i] > 8;
	}
	return ok;
}

/* ---- each CPU's own ---------------------------------------------------------------------------------------------- */

struct rq_layout {
	struct sf_place cpu;
};

static const struct sf_place_spec rq_specs[] = { { offsetof(struct rq_layout, cpu), "rq", "cpu", false } };

static bool percpu32(struct test *t, struct sf_vmem *vm, const char *symbol, uint32_t offset, uint32_t cpu, uint32_t *ret,
		     uint64_t *ret_gpa)
{
	uint64_t sym, at;

	return sf_kernel_symbol(t->k, symbol, &sym) && sf_vmem_percpu(vm, sym + offset, cpu, &at) &&
	       sf_vmem_u32(vm, at, ret) == SF_FAULT_NONE && sf_vmem_translate(vm, at, ret_gpa) == SF_FAULT_NONE;
}

/* A CPU's run queue is its own, and the kernel has it in memory of the CPU's node. */
static bool run_queues_are_the_cpus(struct test *t, struct sf_vmem *vm)
{
	const struct sf_vm_ram *ram = sf_vm_ram(t->run->vm);
	uint32_t n = sf_vm_topology_cpus(&t->shape->topology), nodes = part(t->shape->topology.numa);
	struct rq_layout l;
	bool ok = fine(sf_kernel_layout(t->k, rq_specs, ARRAY_SIZE(rq_specs), &l));

	for (uint32_t cpu = 0; ok && cpu < n; cpu++) {
		uint32_t number = UINT32_MAX;
		uint64_t gpa = UINT64_MAX;

		ok = percpu32(t, vm, "runqueues", l.cpu.offset, cpu, &number, &gpa) && number == cpu;
		int range = range_of(ram, gpa);

		ok = ok && range >= 0 && ram->ranges[range].file == cpu / (n / nodes);
		if (!ok)
			printf("# CPU %u: its run queue is CPU %u's, at 0x%" PRIx64 "\n", cpu, number, gpa);
	}
	return ok;
}

/* Two CPUs have one number when they share a cache, and only then. */
static bool scheduler_sees_caches(struct test *t, struct sf_vmem *vm, uint32_t n_online)
{
	const struct sf_topology *p = &t->shape->topology;
	uint32_t per_llc = part(p->cores) * part(p->threads), id[MAX_CPUS];
	uint64_t gpa;

	for (uint32_t cpu = 0; cpu < n_online; cpu++) {
		if (!percpu32(t, vm, "sd_llc_id", 0, cpu, &id[cpu], &gpa))
			return false;
		for (uint32_t other = 0; other < cpu; other++)
			if ((id[cpu] == id[other]) != (cpu / per_llc == other / per_llc)) {
				printf("# sd_llc_id of CPU %u is %u, of CPU %u %u\n", other, id[other], cpu, id[cpu]);
				return false;
			}
	}
	return true;
}

/* The registers that a frame has for a CPU are that CPU's: in the kernel its GS says where its data is. */
static bool registers_are_the_cpus(struct test *t, struct sf_vmem *vm, struct sf_frame *frame, uint32_t offline)
{
	uint32_t n = sf_vm_topology_cpus(&t->shape->topology), n_in_kernel = 0;
	struct sf_frame_info info = { .size = sizeof(info) };
	uint64_t offsets = 0;
	struct sf_vcpu_regs r;

	sf_frame_info(frame, &info);
	if (info.n_vcpus != n || sf_frame_vcpu(frame, n, &r) || !sf_kernel_symbol(t->k, "__per_cpu_offset", &offsets)) {
		printf("# %u vCPUs\n", info.n_vcpus);
		return false;
	}
	for (uint32_t cpu = 0; cpu < n; cpu++) {
		uint64_t offset = 0;

		if (!sf_frame_vcpu(frame, cpu, &r) || !r.present || sf_vmem_u64(vm, offsets + 8 * cpu, &offset) ||
		    (cpu == offline && (!r.halted || r.cpl)) || (!r.cpl && r.gs_base >> 63 && r.gs_base != offset)) {
			printf("# CPU %u: present %d, halted %d, CPL %u, GS 0x%" PRIx64 ", its data at 0x%" PRIx64 "\n", cpu,
			       r.present, r.halted, r.cpl, r.gs_base, offset);
			return false;
		}
		n_in_kernel += !r.cpl && r.gs_base >> 63;
	}
	printf("# %u of %u CPUs were in the kernel\n", n_in_kernel, n);
	return offline == UINT32_MAX || n_in_kernel > 0;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static bool open_frame(const struct test *t, const char *name, struct sf_frame **frame, struct sf_snapshot **snap)
{
	return fine(sf_run_frame(t->run, name, frame)) && fine(sf_snapshot_new(*frame, snap));
}

static bool var_is(struct sf_view view, const char *name, uint64_t want)
{
	uint64_t n = UINT64_MAX;

	if (!fine(sf_error_copy(sf_as(sf_view_var(view, name), &n))))
		return false;
	if (n != want)
		printf("# %s is %" PRIu64 ", not %" PRIu64 "\n", name, n, want);
	return n == want;
}

/* The example numbers the caches as it finds them. */
static bool example_knows_the_caches(const struct test *t, struct sf_view view)
{
	const struct sf_topology *p = &t->shape->topology;
	uint32_t n = sf_vm_topology_cpus(p), per_llc = part(p->cores) * part(p->threads);
	bool ok = var_is(view, "nr_llcs", n / per_llc) && var_is(view, "nr_cpus_onln", n);

	for (uint32_t cpu = 0; cpu < n; cpu++) {
		char index[16];
		uint64_t llc = UINT64_MAX;

		snprintf(index, sizeof(index), "[%u]", cpu);
		ok &= sf_field_try_u64(sf_field_get(sf_view_var(view, "llc_of_cpu"), index), &llc) &&
		      llc == cpu / per_llc;
	}
	return ok;
}

/* One slot for each CPU, and none beyond. @path leads to the number of the CPU that wrote it. */
static bool slots_are_the_cpus(const struct test *t, struct sf_view view, const char *map_name, const char *path,
			       uint32_t n_least)
{
	uint32_t n = sf_vm_topology_cpus(&t->shape->topology), n_seen = 0;
	struct sf_map map = sf_view_map(view, map_name);
	bool ok = true;

	for (uint32_t cpu = 0; cpu < n; cpu++) {
		struct sf_entry e = sf_map_at(sf_map_cpu(map, cpu), 0);
		uint64_t number;

		if (!sf_entry_is_present(e)) {
			comment(sf_error_message(sf_entry_error(e)));
			return false;
		}
		if (!sf_field_try_u64(sf_entry_get(e, path), &number))
			continue;
		n_seen++;
		if (number != cpu)
			printf("# slot %u of %s was written by CPU %" PRIu64 "\n", cpu, map_name, number);
		ok &= number == cpu;
	}
	printf("# %u of %u slots say whose they are\n", n_seen, n);
	return ok && n_seen >= n_least &&
	       sf_error_code(sf_entry_error(sf_map_at(sf_map_cpu(map, n), 0))) == SF_PER_CPU_SLOT;
}

/* ---- the shapes -------------------------------------------------------------------------------------------------- */

static bool has_finding(const struct test *t, const char *source, const char *text)
{
	for (size_t i = 0; i < sf_run_n_findings(t->run); i++) {
		const struct sf_finding *f = sf_run_finding(t->run, i);

		if (!strcmp(f->source, source) && strstr(f->text, text))
			return true;
	}
	printf("# no %s finding says \"%s\"\n", source, text);
	return false;
}

static bool said_has(const struct test *t, const char *name, const char *text)
{
	const char *said = NULL;

	if (!fine(sf_run_value_str(t->run, name, &said)))
		return false;
	printf("# %s: %s\n", name, said);
	return strstr(said, text) != NULL;
}

static void check_nodes(struct test *t, struct sf_vmem *vm)
{
	SF_OWNED(frame) busy = NULL;
	SF_OWNED(snapshot) snap = NULL;
	uint32_t n = sf_vm_topology_cpus(&t->shape->topology);
	bool has_busy = open_frame(t, CAPTURE_BUSY, &busy, &snap);
	struct sf_view view = has_busy ? sf_snapshot_view(snap) : (struct sf_view){ 0 };

	result(t, every_range_was_seen(t), "what the guest wrote on each node, on both sides of the hole, is read there");
	result(t, run_queues_are_the_cpus(t, vm), "each CPU's run queue is read, in its node's memory");
	result(t, scheduler_sees_caches(t, vm, n), "the kernel's scheduler sees the caches");
	result(t, has_busy && example_knows_the_caches(t, view), "a sched_ext scheduler sees the caches");
	result(t, has_busy && slots_are_the_cpus(t, view, "stats", "running.thread_info.cpu", 4),
	       "per-CPU slots are each CPU's own");
	result(t, has_busy && registers_are_the_cpus(t, vm, busy, UINT32_MAX), "registers are each CPU's own");
}

static void check_hotplug(struct test *t, struct sf_vmem *vm)
{
	SF_OWNED(frame) offline = NULL;
	SF_OWNED(frame) online = NULL;
	SF_OWNED(snapshot) offline_snap = NULL;
	SF_OWNED(snapshot) online_snap = NULL;
	uint32_t n = sf_vm_topology_cpus(&t->shape->topology), last = n - 1;
	bool has_offline = open_frame(t, CAPTURE_OFFLINE, &offline, &offline_snap);
	bool has_online = open_frame(t, CAPTURE_ONLINE, &online, &online_snap);
	struct sf_view without = has_offline ? sf_snapshot_view(offline_snap) : (struct sf_view){ 0 };
	struct sf_view with = has_online ? sf_snapshot_view(online_snap) : (struct sf_view){ 0 };

	result(t, run_queues_are_the_cpus(t, vm), "each CPU's run queue is read, in its node's memory");
	result(t, scheduler_sees_caches(t, vm, n), "the kernel's scheduler sees the caches");
	result(t, says_group(t, ONLINE_BEFORE, 0, n) && says_group(t, ONLINE_WITHOUT, 0, last) &&
	       says_group(t, ONLINE_AFTER, 0, n), "a CPU goes offline and comes back");
	result(t, said_has(t, SAID_CPU_0, "CPU 0 cannot go offline") &&
	       said_has(t, SAID_CPU_99, "no CPU 99; the guest has 0-3"),
	       "CPUs that cannot go, or are not there, are refused by name");
	result(t, has_offline && registers_are_the_cpus(t, vm, offline, last),
	       "a CPU that went offline has registers, and is halted");
	result(t, has_offline && slots_are_the_cpus(t, without, "ran", "cpu", n),
	       "the slot of a CPU that went offline is still its own");
	result(t, has_offline && has_online && var_is(without, "nr_offline", 1) && var_is(without, "nr_online", 0) &&
	       var_is(without, "last_offline", last) && var_is(with, "nr_online", 1) && says(t, SAID_ATTACHED, ""),
	       "a scheduler that does not mind hears of both, and stays");
}

static void check(struct sf_run *run, void *arg)
{
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	struct test *t = arg;

	t->run = run;
	if (!vm || !fine(sf_vm_stop(run->vm, sf_vm_clock() + 30 * SF_SECOND)) ||
	    !fine(sf_kernel_new(run->ram, NULL, &t->k)))
		return;
	sf_vmem_init(vm, run->ram, t->k);
	t->checked = true;
	result(t, system_is_as_asked(t), "the guest's CPUs and caches are those that were asked for");
	result(t, nodes_are_as_asked(t), "so are its nodes");
	(!strcmp(t->shape->part, PART_NODES) ? check_nodes : check_hotplug)(t, vm);
	sf_kernel_unref(steal_ptr(&t->k));
	sf_run_observed(run, "the topology was looked at");
}

/* A run that fails is not checked, but it says why it did. */
static void check_leaving(struct test *t)
{
	static const char why[] = "a CPU went offline or came online";

	t->checked = t->run != NULL;
	result(t, t->run && has_finding(t, "scheduler", "left before the end: ") && has_finding(t, "scheduler", why),
	       "a scheduler that minds a CPU's going leaves, and the run says why");
}

static void remember_run(struct sf_run *run, void *arg)
{
	((struct test *)arg)->run = run;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void run_shape(struct test *t)
{
	SF_OWNED(run) run = NULL;
	_cleanup_free_ char *object = sf_asprintf(t->shape->object, t->build, t->series);
	_cleanup_free_ char *last = sf_asprintf("%u", sf_vm_topology_cpus(&t->shape->topology) - 1);

	snprintf(t->dir, sizeof(t->dir), "/tmp/stillframe-topology.XXXXXX");
	if (!object || !last || !mkdtemp(t->dir)) {
		printf("Bail out! %s: %m\n", t->dir);
		exit(1);
	}
	_cleanup_free_ char *out = sf_asprintf("%s/run", t->dir);
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "topology",
		.kernel = t->kernel,
		.scheduler = object,
		.accel = "tcg",
		.topology = t->shape->topology,
		.memory = t->shape->memory,
		.out = out,
		.test = t->self,
		.test_args = (const char *const[]){ t->shape->part, last, NULL },
		.no_workload = true,
		.deadline_ns = 300 * SF_SECOND,
		.progress = on_progress,
		.progress_arg = t,
		.started = remember_run,
		.started_arg = t,
		.check = check,
		.check_arg = t,
	};
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	if (err)
		comment(sf_error_message(err));
	for (size_t i = 0; run && i < sf_run_n_findings(run); i++)
		if (sf_run_finding(run, i)->verdict != SF_PASS)
			comment(sf_run_finding(run, i)->text);
	t->run = run;
	if (!strcmp(t->shape->part, PART_LEAVES))
		check_leaving(t);
	if (!t->checked) {
		printf("Bail out! nothing could be looked at; what there is is in %s\n", t->dir);
		exit(1);
	}
	result(t, run && sf_run_verdict(run) == t->shape->verdict, "the run comes to what it should");
	nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- what cannot be ---------------------------------------------------------------------------------------------- */

/* What the command prints and how it ends; free() the text. */
static char *command(const struct test *t, const char *topology, const char *memory, int *ret_code)
{
	_cleanup_free_ char *line = sf_asprintf("cd %s && '%s/stillframe' run --scheduler none --kernel '%s' "
						"--topology '%s' --memory %s --out refused 2>&1", t->dir, t->build,
						t->kernel, topology, memory);
	FILE *f = line ? popen(line, "re") : NULL;
	char *text = calloc(1, 4096);
	size_t n = f && text ? fread(text, 1, 4095, f) : 0;

	(void)n;
	*ret_code = f ? WEXITSTATUS(pclose(f)) : -1;
	return text;
}

static void refuse(struct test *t)
{
	static const struct { const char *topology, *memory, *says; } cases[] = {
		{ "0", "1G", "a number of CPUs from 1 to 255" },
		{ "sockets=20,cores=20", "1G", "400 CPUs; a guest has at most 255" },
		{ "sockets=2,numa=4", "1G", "numa=4 is more than there are last-level caches (2" },
		{ "sockets=2,numa=2,dies=2", "1G", "there is no \"dies\"; there are sockets, llcs" },
		{ "sockets=4,numa=4", "128M", "128 MiB of memory are too little for numa=4" },
	};
	bool ok = true;

	snprintf(t->dir, sizeof(t->dir), "/tmp/stillframe-topology.XXXXXX");
	if (!mkdtemp(t->dir)) {
		printf("Bail out! %s: %m\n", t->dir);
		exit(1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int code;
		_cleanup_free_ char *text = command(t, cases[i].topology, cases[i].memory, &code);

		if (code == SF_BAD_USAGE && text && strstr(text, cases[i].says))
			continue;
		printf("# --topology %s ended with %d: %s\n", cases[i].topology, code, text ? text : "");
		ok = false;
	}
	/* Nothing was made for what could not be. Only an empty directory can be removed so. */
	ok &= !rmdir(t->dir);
	result(NULL, ok, "what cannot be is refused with its limit, and leaves nothing");
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {
		/* 2304 MiB: each node has 1152, of which the second's last 256 are above the hole. */
		{ "2 x 2 x 2 x 2, 2 nodes", PART_NODES, "%s/bpf/%s/sf_example.bpf.o",
		  { .sockets = 2, .llcs = 2, .cores = 2, .threads = 2, .numa = 2 }, 2304 * GIB / 1024, SF_PASS },
		{ "1 x 2 x 1 x 2", PART_HOTPLUG, "%s/tests/bpf/%s/hotplug.bpf.o",
		  { .llcs = 2, .threads = 2 }, GIB, SF_PASS },
		{ "2 sockets", PART_LEAVES, "%s/bpf/%s/sf_example.bpf.o", { .sockets = 2 }, GIB, SF_FAIL },
	};
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);

	if (sf_in_guest())
		return argc == 3 ? topology_guest(argv[1], (unsigned int)strtoul(argv[2], NULL, 10)) : 3;
	if (argc < 4 || !self) {
		fprintf(stderr, "usage: %s BUILD KERNEL SERIES\n", argv[0]);
		return 3;
	}
	struct test t = { .self = self, .build = argv[1], .kernel = argv[2], .series = argv[3] };

	printf("1..%d\n", N_TESTS);
	refuse(&t);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct test one = t;

		one.shape = &shapes[i];
		run_shape(&one);
	}
	return n_failed ? 1 : 0;
}

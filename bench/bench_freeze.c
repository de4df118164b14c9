/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a capture costs a running scheduler, beside the floor of this machine in the same minute. One guest is booted
 * with the example scheduler and a mixed load, and makes one map after the other (bench_guest.c). For each of them bare
 * stops, captures and copies of the same pages take turns, with the guest running in between. Prints NAME VALUE lines.
 *
 *	bench_freeze KERNEL OBJECT.bpf.o BENCH_KERNEL MAPS.bpf.o BPFTOOL
 *
 * freeze.floor_p50_us   stop, registers, cont: nothing else. Of the three stages that are compared with it
 * freeze.pause_p50_us   a capture of the example's global sections, from asking for the stop to seeing the guest run
 * freeze.pause_p99_us
 * freeze.walk_p50_us    of it: walking and copying
 * freeze.pages          what a capture keeps
 * freeze.pause_prealloc_10k_us, freeze.pause_chained_10k_us
 *                       the same, p50, with 10,000 entries of a hash beside it: allocated in advance, and one by one
 * freeze.floor_…, freeze.walk_…, freeze.memcpy_…_10k_us
 *                       bare stops between those captures; of the pause, the walk; memcpy of the pages that they kept
 * frame.hash_N_…, frame.chained_N_…
 *                       the same in ms for N entries, p50: how it grows. first_ms: the pause of a run's first capture,
 *                       before which nobody had looked at the map, nor knew how large it is
 * value.bpftool_mb_s    JSON that bpftool -j writes of a hash of 10,000 structs, by the guest's clock, without load
 * run.overhead_ms       command start to QEMU's start, and the agent's last word to the verdict
 * host.rss_mb           memory of this process that is its own; host.guest_mb: what the guest had touched of its RAM;
 *                       both before there is any map but the scheduler's
 *
 * BENCH_KERNEL is run on the stopped guest's memory and adds its own lines. A frame of the map that bpftool was given is
 * left as tasks.frame in the run's directory.
 */

#include <inttypes.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../src/read/frame/frame_private.h"
#include "../src/run/trial/private.h"
#include "bench_guest.h"

#define WARM_UP 10
#define GUEST_MEMORY (2ull << 30) /* of which the largest map takes a tenth */
#define STAGE_TIMEOUT (240 * SF_SECOND)

struct figures {
	double floor_us[BENCH_BASE_ROUNDS], pause_us[BENCH_BASE_ROUNDS], walk_us[BENCH_BASE_ROUNDS];
	double memcpy_us[BENCH_BASE_ROUNDS], first_us;
	uint64_t n_pages;
};

struct bench {
	const char *bench_kernel;
	struct figures figures[BENCH_N_STAGES];
	size_t n_done;
	double rss_mb, guest_mb;
	struct sf_error *err;
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double percentile(double *v, size_t n, double p)
{
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[(size_t)((double)(n - 1) * p)] : 0;
}

static double us_since(uint64_t start)
{
	return (double)(sf_vm_clock() - start) / 1e3;
}

/* ---- the coordinator's view of the guest: it leaves it to us between captures ----------------------------------- */

static int no_fd(void *arg)
{
	(void)arg;
	return -1;
}

static struct sf_error *no_event(void *arg, uint64_t deadline, struct sf_vm_event *ret)
{
	(void)arg;
	(void)deadline;
	ret->type = SF_VM_EVENT_NONE;
	return NULL;
}

static struct sf_error *take_over(struct sf_run *run)
{
	struct sf_coordinator_options opt = { .stopper = sf_stopper_qmp(run->vm), .ram = run->ram };

	opt.stopper.fd = no_fd;
	opt.stopper.poll = no_event;
	/* It serves what it has, and leaves the guest running. */
	sf_coordinator_free(steal_ptr(&run->coordinator));
	return sf_coordinator_new(&opt, &run->coordinator);
}

/* ---- one of each ------------------------------------------------------------------------------------------------ */

static struct sf_error *regs_and_cont(struct sf_run *run, uint64_t deadline)
{
	struct sf_vcpu_regs regs[64];

	SF_TRY(sf_vm_regs(run->vm, deadline, regs, sf_vm_n_cpus(run->vm)));
	return sf_vm_cont(run->vm, deadline);
}

static struct sf_error *bare_stop(struct sf_run *run, double *ret_us)
{
	uint64_t start = sf_vm_clock(), deadline = start + 10 * SF_SECOND;

	SF_TRY(sf_vm_stop(run->vm, deadline));
	SF_TRY(regs_and_cont(run, deadline));
	*ret_us = us_since(start);
	return NULL;
}

static struct sf_error *one_capture(struct sf_run *run, struct figures *f, size_t i)
{
	struct sf_capture_request req = { .tag = "bench", .cause = "on-demand" };
	struct sf_frame_info info = { .size = sizeof(info) };
	SF_OWNED(frame) frame = NULL;

	SF_TRY(sf_coordinator_capture(run->coordinator, &req, &frame));
	sf_frame_info(frame, &info);
	f->pause_us[i] = (double)info.pause_ns / 1e3;
	f->walk_us[i] = (double)info.walk_ns / 1e3;
	f->n_pages = info.n_pages;
	return NULL;
}

/* What a frame kept, as pages of the live guest, and room for a copy that is faulted in, as a recorder's is. */
struct copy {
	const uint8_t **pages;
	size_t n;
	uint8_t *to;
};

static void copy_clear(struct copy *c)
{
	if (c->to)
		munmap(c->to, c->n * SF_PAGE_SIZE);
	free(c->pages);
}

static struct sf_error *copy_of(struct sf_run *run, struct sf_frame *frame, struct copy *ret)
{
	struct { const uint8_t **v; size_t n, cap; } pages = { 0 };
	struct sf_image_run r;

	for (uint64_t from = 0; sf_image_next_run(frame->pages, from, &r); from = r.gpa + r.len)
		for (uint64_t gpa = r.gpa; gpa < r.gpa + r.len; gpa += SF_PAGE_SIZE) {
			const uint8_t **page = sf_vec_push(&pages);

			if (!page)
				return sf_error_nomem();
			*page = sf_image_page(run->ram, gpa, NULL);
		}
	void *to = mmap(NULL, pages.n * SF_PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (to == MAP_FAILED)
		return sf_error_nomem();
	*ret = (struct copy){ pages.v, pages.n, to };
	return NULL;
}

/* While the guest is stopped, and at the same point of the stop as a capture's walk: others need the memory too. */
static struct sf_error *one_copy(struct sf_run *run, const struct copy *c, double *ret_us)
{
	uint64_t deadline = sf_vm_clock() + 10 * SF_SECOND, start;

	SF_TRY(sf_vm_stop(run->vm, deadline));
	start = sf_vm_clock();
	for (size_t i = 0; i < c->n; i++)
		memcpy(c->to + i * SF_PAGE_SIZE, c->pages[i], SF_PAGE_SIZE);
	*ret_us = us_since(start);
	return regs_and_cont(run, deadline);
}

/* The guest needs time between two stops, or only the harness is measured. */
static void let_run(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static struct sf_error *one_round(struct sf_run *run, const struct copy *copy, struct figures *f, size_t i)
{
	SF_TRY(bare_stop(run, &f->floor_us[i]));
	let_run();
	SF_TRY(one_capture(run, f, i));
	let_run();
	SF_TRY(one_copy(run, copy, &f->memcpy_us[i]));
	let_run();
	return NULL;
}

static struct sf_error *rounds(struct sf_run *run, struct sf_frame *frame, unsigned int n, struct figures *f)
{
	struct sf_frame_info info = { .size = sizeof(info) };
	_cleanup_(copy_clear) struct copy copy = { 0 };

	sf_frame_info(frame, &info);
	f->first_us = (double)info.pause_ns / 1e3;
	SF_TRY(copy_of(run, frame, &copy));
	for (unsigned int i = 0; i < WARM_UP && i < n; i++)
		SF_TRY(one_round(run, &copy, f, 0));
	for (unsigned int i = 0; i < n; i++)
		SF_TRY(one_round(run, &copy, f, i));
	return NULL;
}

/* ---- the stopped guest ------------------------------------------------------------------------------------------ */

/* Another process reads the stopped guest's memory through our descriptor. */
static struct sf_error *memory_figures(struct sf_run *run, const char *program)
{
	const struct sf_vm_ram *ram = sf_vm_ram(run->vm);
	char file[64], ranges[256];
	size_t at = 0;
	int status;

	snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getpid(), ram->fds[0]);
	for (size_t i = 0; i < ram->n; i++)
		at += (size_t)snprintf(ranges + at, sizeof(ranges) - at, "%s%" PRIu64 ":%" PRIu64 ":%" PRIu64, i ? "," : "",
				       ram->ranges[i].gpa, ram->ranges[i].len, ram->ranges[i].offset);
	fflush(stdout);
	pid_t pid = fork();

	if (pid < 0)
		return sf_error_sys(errno, "fork");
	if (!pid) {
		execl(program, program, file, ranges, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return sf_error_new(SF_SYSTEM, "%s did not work", program);
	return NULL;
}

static double rss_mb(void)
{
	_cleanup_free_ char *text = NULL;
	SF_OWNED(error) err = sf_file_get("/proc/self/status", 1 << 20, &text, &(size_t){ 0 });
	const char *line = err ? NULL : strstr(text, "RssAnon:");

	return line ? strtod(line + strlen("RssAnon:"), NULL) / 1024 : 0;
}

static struct sf_error *other_figures(struct sf_run *run, struct bench *b)
{
	struct stat st;

	b->rss_mb = rss_mb();
	if (!fstat(sf_vm_ram(run->vm)->fds[0], &st))
		b->guest_mb = (double)st.st_blocks * 512 / 1048576;
	SF_TRY(sf_vm_stop(run->vm, sf_vm_clock() + 10 * SF_SECOND));
	SF_TRY(memory_figures(run, b->bench_kernel));
	return sf_vm_cont(run->vm, sf_vm_clock() + 10 * SF_SECOND);
}

/* ---- stages ----------------------------------------------------------------------------------------------------- */

static void outcome_cleanup(struct outcome **o)
{
	sf_run_outcome_free(*o);
}

static void hear(struct sf_run *run)
{
	struct pollfd fds[2] = {
		{ .fd = run->notify, .events = POLLIN },
		{ .fd = sf_vm_port_fd(run->vm, SF_VM_PORT_BULK), .events = POLLIN },
	};
	uint64_t count;

	if (poll(fds, ARRAY_SIZE(fds), 100) <= 0)
		return;
	if (fds[0].revents && read(run->notify, &count, sizeof(count)) < 0)
		return;
	if (fds[1].revents)
		sf_run_read_port(run);
}

/* The capture of stage @name, for which the guest asked: it waits for our answer. */
static struct sf_error *wait_for(struct sf_run *run, const char *name, struct outcome **ret)
{
	uint64_t deadline = sf_vm_clock() + STAGE_TIMEOUT;

	while (sf_vm_clock() < deadline && !run->done && !run->port_dead) {
		_cleanup_(outcome_cleanup) struct outcome *o = sf_run_take_outcome(run);

		if (!o) {
			hear(run);
			continue;
		}
		if (o->err)
			return sf_error_copy(o->err);
		if (!o->request_id)
			continue;
		if (strcmp(o->tag, name))
			return sf_error_new(SF_HOST, "the guest is at %s, not at %s", o->tag, name);
		*ret = steal_ptr(&o);
		return NULL;
	}
	return sf_error_new(SF_HOST, "the guest did not come to stage %s", name);
}

static struct sf_error *keep_tasks(struct sf_run *run)
{
	_cleanup_(outcome_cleanup) struct outcome *o = NULL;
	_cleanup_free_ char *path = sf_run_path(run, BENCH_TASKS_STAGE ".frame");

	if (!path)
		return sf_error_nomem();
	SF_TRY(take_over(run));
	SF_TRY(wait_for(run, BENCH_TASKS_STAGE, &o));
	SF_TRY(sf_frame_save(o->frame, path));
	sf_run_reply(run, o->request_id, NULL);
	return NULL;
}

static struct sf_error *one_stage(struct sf_run *run, struct bench *b, size_t i)
{
	_cleanup_(outcome_cleanup) struct outcome *o = NULL;

	/* Anew each time: what it has learnt of the last map is not known before a first capture. */
	SF_TRY(take_over(run));
	SF_TRY(wait_for(run, bench_stages[i].name, &o));
	SF_TRY(rounds(run, o->frame, bench_stages[i].n_rounds, &b->figures[i]));
	if (!bench_stages[i].n_entries)
		SF_TRY(other_figures(run, b));
	sf_run_reply(run, o->request_id, NULL);
	b->n_done = i + 1;
	return NULL;
}

static struct sf_error *all_stages(struct sf_run *run, struct bench *b)
{
	SF_TRY(keep_tasks(run));
	for (size_t i = 0; i < BENCH_N_STAGES; i++)
		SF_TRY(one_stage(run, b, i));
	return NULL;
}

static void measure(struct sf_run *run, void *arg)
{
	struct bench *b = arg;

	b->err = all_stages(run, b);
	run->stop_now = b->err != NULL;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

/* One floor for all that is compared with it: a machine has its moods. */
static void print_floor(struct bench *b)
{
	static double all[BENCH_N_STAGES * BENCH_BASE_ROUNDS];
	size_t n = 0;

	for (size_t i = 0; i < BENCH_N_STAGES; i++)
		for (unsigned int r = 0; r < bench_stages[i].n_rounds; r++)
			if (!bench_stages[i].n_entries || bench_stages[i].n_entries == BENCH_COMPARED)
				all[n++] = b->figures[i].floor_us[r];
	printf("freeze.floor_p50_us %.1f\n", percentile(all, n, 0.5));
}

static void print_base(struct figures *f)
{
	size_t n = BENCH_BASE_ROUNDS;

	printf("freeze.pause_p50_us %.1f\n", percentile(f->pause_us, n, 0.5));
	printf("freeze.pause_p99_us %.1f\n", percentile(f->pause_us, n, 0.99));
	printf("freeze.walk_p50_us %.1f\n", percentile(f->walk_us, n, 0.5));
	printf("freeze.pages %" PRIu64 "\n", f->n_pages);
}

static void print_hash(const struct bench_stage *s, struct figures *f)
{
	struct { const char *name; double us; } p50[] = {
		{ "floor", percentile(f->floor_us, s->n_rounds, 0.5) },
		{ "memcpy", percentile(f->memcpy_us, s->n_rounds, 0.5) },
		{ "walk", percentile(f->walk_us, s->n_rounds, 0.5) },
		{ "pause", percentile(f->pause_us, s->n_rounds, 0.5) },
	};
	const char *kind = s->chained ? "chained" : "hash", *size = strchr(s->name, '_');

	for (size_t i = 0; i < ARRAY_SIZE(p50); i++) {
		if (s->n_entries == BENCH_COMPARED)
			printf("freeze.%s_%s_us %.1f\n", p50[i].name, s->name, p50[i].us);
		printf("frame.%s%s_%s_ms %.3f\n", kind, size, p50[i].name, p50[i].us / 1e3);
	}
	printf("frame.%s%s_first_ms %.3f\n", kind, size, f->first_us / 1e3);
	printf("frame.%s%s_pages %" PRIu64 "\n", kind, size, f->n_pages);
}

static struct sf_error *print_figures(struct bench *b, struct sf_run *run)
{
	struct sf_run_info info = { .size = sizeof(info) };
	uint64_t bytes, ns;

	print_floor(b);
	print_base(&b->figures[0]);
	for (size_t i = 1; i < BENCH_N_STAGES; i++)
		print_hash(&bench_stages[i], &b->figures[i]);
	sf_run_info(run, &info);
	printf("run.overhead_ms %.1f\n", (double)(info.start_ns + info.end_ns) / 1e6);
	printf("host.rss_mb %.1f\nhost.guest_mb %.1f\n", b->rss_mb, b->guest_mb);
	SF_TRY(sf_run_value_u64(run, BENCH_BPFTOOL_BYTES, &bytes));
	SF_TRY(sf_run_value_u64(run, BENCH_BPFTOOL_NS, &ns));
	printf("value.bpftool_mb_s %.2f\n", (double)bytes / 1e6 / ((double)ns / 1e9));
	return NULL;
}

int main(int argc, char **argv)
{
	static struct bench b;
	SF_OWNED(run) run = NULL;
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);

	if (sf_in_guest())
		return argc == 3 ? bench_guest(argv[1], argv[2]) : 3;
	/* Files are at the same paths in the guest, where there are no links. */
	_cleanup_free_ char *maps = argc == 6 ? realpath(argv[4], NULL) : NULL;
	_cleanup_free_ char *bpftool = argc == 6 ? realpath(argv[5], NULL) : NULL;

	if (!self || !maps || !bpftool) {
		fprintf(stderr, "usage: %s KERNEL OBJECT.bpf.o BENCH_KERNEL MAPS.bpf.o BPFTOOL\n", argv[0]);
		return 3;
	}
	b.bench_kernel = argv[3];
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "bench",
		.kernel = argv[1],
		.scheduler = argv[2],
		.accel = "tcg",
		.memory = GUEST_MEMORY,
		.out = "stillframe.out/bench",
		.force = true,
		.test = self,
		.test_args = (const char *const[]){ maps, bpftool, NULL },
		.files = (const char *const[]){ maps, bpftool, NULL },
		.no_workload = true,
		.started = measure,
		.started_arg = &b,
		.deadline_ns = 600 * SF_SECOND,
	};
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	for (size_t i = 0; run && i < sf_run_n_findings(run); i++)
		fprintf(stderr, "%s: %s\n", sf_run_finding(run, i)->source, sf_run_finding(run, i)->text);
	if (!err)
		err = b.err;
	if (!err && b.n_done == BENCH_N_STAGES)
		err = print_figures(&b, run);
	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	return err || b.n_done != BENCH_N_STAGES;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a capture costs a running scheduler, beside the floor of this machine in the same minute. One guest is booted
 * with the example scheduler and its mixed load; bare stops and captures take turns. Prints NAME VALUE lines.
 *
 *	bench_freeze KERNEL OBJECT.bpf.o BENCH_KERNEL
 *
 * freeze.floor_p50_us   stop, registers, cont: nothing else
 * freeze.pause_p50_us   a capture of the example's global sections, from asking for the stop to seeing the guest run
 * freeze.pause_p99_us
 * freeze.walk_p50_us    of it: walking and copying
 * freeze.pages          what a capture keeps
 * run.overhead_ms       command start to QEMU's start, and the agent's last word to the verdict
 * host.rss_mb           memory of this process that is its own; host.guest_mb: what the guest had touched of its RAM
 *
 * BENCH_KERNEL is run on the stopped guest's memory and adds its own lines.
 */

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../src/run/trial/private.h"

#define ROUNDS 400
#define WARM_UP 20

struct bench {
	const char *bench_kernel;
	double floor_us[ROUNDS], pause_us[ROUNDS], walk_us[ROUNDS];
	size_t n;
	uint64_t n_pages;
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

/* ---- rounds -------------------------------------------------------------------------------------------------------- */

static struct sf_error *bare_stop(struct sf_run *run, double *ret_us)
{
	struct sf_vcpu_regs regs[64];
	uint64_t start = sf_vm_clock(), deadline = start + 10 * SF_SECOND;

	SF_TRY(sf_vm_stop(run->vm, deadline));
	SF_TRY(sf_vm_regs(run->vm, deadline, regs, sf_vm_n_cpus(run->vm)));
	SF_TRY(sf_vm_cont(run->vm, deadline));
	*ret_us = us_since(start);
	return NULL;
}

static struct sf_error *one_capture(struct sf_run *run, struct bench *b, size_t i)
{
	struct sf_capture_request req = { .tag = "bench", .cause = "on-demand" };
	struct sf_frame_info info = { .size = sizeof(info) };
	SF_OWNED(frame) frame = NULL;

	SF_TRY(sf_coordinator_capture(run->coordinator, &req, &frame));
	sf_frame_info(frame, &info);
	b->pause_us[i] = (double)info.pause_ns / 1e3;
	b->walk_us[i] = (double)info.walk_ns / 1e3;
	b->n_pages = info.n_pages;
	return NULL;
}

/* The guest needs time between two stops, or only the harness is measured. */
static void let_run(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static struct sf_error *rounds(struct sf_run *run, struct bench *b)
{
	double unused;

	for (size_t i = 0; i < WARM_UP; i++) {
		SF_TRY(bare_stop(run, &unused));
		SF_TRY(one_capture(run, b, 0));
		let_run();
	}
	for (size_t i = 0; i < ROUNDS; i++) {
		SF_TRY(bare_stop(run, &b->floor_us[i]));
		let_run();
		SF_TRY(one_capture(run, b, i));
		let_run();
		b->n = i + 1;
	}
	return NULL;
}

/* Another process reads the stopped guest's memory through our descriptor. */
static struct sf_error *memory_figures(struct sf_run *run, const char *program)
{
	const struct sf_vm_ram *ram = sf_vm_ram(run->vm);
	char file[64], ranges[256];
	size_t at = 0;
	int status;

	snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getpid(), ram->fd);
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

static struct sf_error *measure_stopped(struct sf_run *run, struct bench *b)
{
	SF_TRY(sf_vm_stop(run->vm, sf_vm_clock() + 10 * SF_SECOND));
	SF_TRY(memory_figures(run, b->bench_kernel));
	return sf_vm_cont(run->vm, sf_vm_clock() + 10 * SF_SECOND);
}

static void measure(struct sf_run *run, void *arg)
{
	struct bench *b = arg;
	struct stat st;

	b->err = take_over(run);
	if (!b->err)
		b->err = rounds(run, b);
	if (!b->err)
		b->err = measure_stopped(run, b);
	printf("host.rss_mb %.1f\n", rss_mb());
	if (!fstat(sf_vm_ram(run->vm)->fd, &st))
		printf("host.guest_mb %.1f\n", (double)st.st_blocks * 512 / 1048576);
}

static void print_figures(struct bench *b, const struct sf_run *run)
{
	struct sf_run_info info = { .size = sizeof(info) };

	sf_run_info(run, &info);
	printf("freeze.floor_p50_us %.1f\n", percentile(b->floor_us, b->n, 0.5));
	printf("freeze.pause_p50_us %.1f\n", percentile(b->pause_us, b->n, 0.5));
	printf("freeze.pause_p99_us %.1f\n", percentile(b->pause_us, b->n, 0.99));
	printf("freeze.walk_p50_us %.1f\n", percentile(b->walk_us, b->n, 0.5));
	printf("freeze.pages %" PRIu64 "\n", b->n_pages);
	printf("run.overhead_ms %.1f\n", (double)(info.start_ns + info.end_ns) / 1e6);
}

int main(int argc, char **argv)
{
	static struct bench b;
	SF_OWNED(run) run = NULL;

	if (argc != 4) {
		fprintf(stderr, "usage: %s KERNEL OBJECT.bpf.o BENCH_KERNEL\n", argv[0]);
		return 3;
	}
	b.bench_kernel = argv[3];
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "bench",
		.kernel = argv[1],
		.scheduler = argv[2],
		.accel = "tcg",
		.out = "stillframe.out/bench",
		.force = true,
		.started = measure,
		.started_arg = &b,
		.duration_ns = 15 * SF_SECOND,
	};
	SF_OWNED(error) err = sf_run_execute(&opt, &run);

	if (!err && b.err)
		err = b.err;
	if (err) {
		fprintf(stderr, "%s\n", sf_error_message(err));
		return 1;
	}
	for (size_t i = 0; i < sf_run_n_findings(run); i++)
		fprintf(stderr, "%s: %s\n", sf_run_finding(run, i)->source, sf_run_finding(run, i)->text);
	print_figures(&b, run);
	return b.n == ROUNDS ? 0 : 1;
}

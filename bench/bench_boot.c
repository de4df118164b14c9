/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a run takes beside its two seconds, and its boot beside that of the same kernel with an init that only says
 * a line and powers off. Under TCG. The two and a third take turns; the middle of each is kept. Prints NAME VALUE lines, seconds.
 *
 *	bench_boot KERNEL OBJECT
 *
 * run.boot_s       QEMU's start to the agent's first word
 * run.bareboot_s   QEMU's start to its end: the kernel as it is, packed if it is; the machine and the CPUs of a run, a
 *                  serial console and no other device
 * run.boot_ratio   boot to bareboot, the middle of the rounds' own ratios
 * run.leanboot_s   the same init, with the kernel image and the command line of a run: what is left is not ours
 * run.attach_s     the agent's first word to the scheduler attached: libbpf and the verifier, in the guest
 * run.wall_s       the whole run, as its caller sees it
 * run.rest_s       of it, what is neither boot, nor attaching, nor the two seconds that were asked for, which begin then
 * run.part_…_s     what boot and rest are made of:
 *   firmware       QEMU's start to where the kernel's clock begins; a packed kernel unpacks itself before that
 *   kernel         from there to the agent's first word
 *   start, end     before QEMU's start; from the agent's last word to the caller's having all
 *   stop           the rest: the workload's end, and the scheduler's
 */

#include <spawn.h>
#include <sys/wait.h>

#include "../src/run/trial/private.h"
#include "../src/run/vm/cmdline.h"
#include "../src/run/vm/private.h"
#include "../src/run/vm/probe.h"

#define ROUNDS 5
#define DURATION (2 * SF_SECOND)
#define MEMORY (1ull << 30)
#define OUT "stillframe.out/bench-boot"
#define BARE_APPEND "console=ttyS0 loglevel=4 tsc=nowatchdog no_timer_check panic=-1"

extern char **environ;

enum figure { BOOT, BARE, RATIO, LEAN, WALL, REST, FIRMWARE, KERNEL, ATTACH, START, STOP, END, N_FIGURES };

static const char *const names[N_FIGURES] = {
	[BOOT] = "boot_s",
	[BARE] = "bareboot_s",
	[RATIO] = "boot_ratio",
	[LEAN] = "leanboot_s",
	[WALL] = "wall_s",
	[REST] = "rest_s",
	[FIRMWARE] = "part_firmware_s",
	[KERNEL] = "part_kernel_s",
	[ATTACH] = "attach_s",
	[START] = "part_start_s",
	[STOP] = "part_stop_s",
	[END] = "part_end_s",
};

struct moments {
	uint64_t began, qemu, up, attached, last_word;
};

static double seconds(uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / 1e9;
}

/* ---- without us --------------------------------------------------------------------------------------------------- */

/* The word after @option; "" if there is none. */
static const char *value_of(const struct sf_cmdline *c, const char *option)
{
	for (size_t i = 0; i + 1 < c->n; i++)
		if (!strcmp(c->v[i], option))
			return c->v[i + 1];
	return "";
}

static struct sf_error *spawn(const char *const *argv, double *ret)
{
	uint64_t began = sf_vm_clock();
	int status, err;
	pid_t pid;

	err = posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (err)
		return sf_error_sys(err, "%s", argv[0]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return sf_error_new(SF_SYSTEM, "%s did not end well", argv[0]);
	*ret = seconds(began, sf_vm_clock());
	return NULL;
}

static struct sf_error *boot_alone(const struct sf_vm_config *config, const char *append, double *ret)
{
	static const char backend[] = "memory-backend=ram0,";
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };

	SF_TRY(sf_cmdline_build(config, "/nowhere", &c));
	const char *machine = value_of(&c, "-machine"), *at = strstr(machine, backend);
	_cleanup_free_ char *plain = at ? sf_asprintf("%.*s%s", (int)(at - machine), machine, at + strlen(backend)) :
					  strdup(machine);

	if (!plain)
		return sf_error_nomem();
	const char *const argv[] = {
		config->qemu->path, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", plain, "-accel", value_of(&c, "-accel"), "-cpu", value_of(&c, "-cpu"),
		"-m", value_of(&c, "-m"), "-smp", value_of(&c, "-smp"),
		"-chardev", "null,id=serial", "-device", "isa-serial,chardev=serial",
		"-kernel", config->kernel, "-initrd", config->initrd,
		"-append", append ? append : value_of(&c, "-append"), NULL,
	};

	return spawn(argv, ret);
}

/* ---- with us ------------------------------------------------------------------------------------------------------ */

static void note_up(void *arg, const char *what)
{
	struct moments *m = arg;

	if (!m->up && strstr(what, " is up after "))
		m->up = sf_vm_clock();
}

static void note_attached(struct sf_run *run, void *arg)
{
	struct moments *m = arg;

	m->attached = sf_vm_clock();
	m->qemu = run->vm->qmp_log.epoch;
}

static struct sf_error *whole_run(const char *kernel, const char *scheduler, double v[N_FIGURES])
{
	struct moments m = { .began = sf_vm_clock() };
	struct sf_run_options opt = {
		.size = sizeof(opt),
		.name = "bench-boot",
		.kernel = kernel,
		.scheduler = scheduler,
		.accel = "tcg",
		.memory = MEMORY,
		.duration_ns = DURATION,
		.out = OUT,
		.force = true,
		.progress = note_up,
		.progress_arg = &m,
		.started = note_attached,
		.started_arg = &m,
	};
	SF_OWNED(run) run = NULL;

	SF_TRY(sf_run_execute(&opt, &run));
	if (sf_run_verdict(run) != SF_PASS || !m.attached || !m.up)
		return sf_error_new(SF_HOST, "the run in " OUT " did not pass");
	uint64_t boot_ns = run->boot_ns, last_word = run->last_word;

	sf_run_free(steal_ptr(&run));
	uint64_t ended = sf_vm_clock();

	v[BOOT] = seconds(m.qemu, m.up);
	v[WALL] = seconds(m.began, ended);
	v[START] = seconds(m.began, m.qemu);
	v[KERNEL] = (double)boot_ns / 1e9;
	v[FIRMWARE] = v[BOOT] - v[KERNEL];
	v[ATTACH] = seconds(m.up, m.attached);
	v[REST] = v[WALL] - v[BOOT] - v[ATTACH] - (double)DURATION / 1e9;
	v[STOP] = seconds(m.attached, last_word) - (double)DURATION / 1e9;
	v[END] = seconds(last_word, ended);
	return NULL;
}

/* ---- in turns ----------------------------------------------------------------------------------------------------- */

static struct sf_error *one_round(const struct sf_qemu *qemu, const char *kernel, const char *unpacked,
				  const char *scheduler, double v[N_FIGURES])
{
	struct sf_vm_config config = {
		.qemu = qemu, .accel = SF_ACCEL_TCG, .kernel = kernel, .initrd = OUT "/init.cpio", .run_dir = OUT,
		.memory = MEMORY, .topology.cores = 2, .tsc_khz = sf_vm_tsc_khz(),
	};
	_cleanup_free_ char *cpio = NULL;
	size_t len;

	SF_TRY(whole_run(kernel, scheduler, v));
	SF_TRY(sf_probe_initramfs(&cpio, &len));
	SF_TRY(sf_file_put(config.initrd, cpio, len));
	SF_TRY(boot_alone(&config, BARE_APPEND, &v[BARE]));
	config.kernel = unpacked;
	SF_TRY(boot_alone(&config, NULL, &v[LEAN]));
	v[RATIO] = v[BOOT] / v[BARE];
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct sf_error *measure(const char *kernel, const char *scheduler)
{
	static double all[N_FIGURES][ROUNDS];
	_cleanup_free_ char *unpacked = NULL;
	struct sf_qemu qemu = { 0 };

	SF_TRY(sf_mkdirs(OUT));
	SF_TRY(sf_qemu_find(NULL, &qemu));
	struct sf_error *err = sf_pack_kernel_unpacked(kernel, OUT "/vmlinux", &unpacked);

	for (size_t i = 0; !err && i < ROUNDS; i++) {
		double v[N_FIGURES];

		err = one_round(&qemu, kernel, unpacked, scheduler, v);
		for (size_t f = 0; !err && f < N_FIGURES; f++)
			all[f][i] = v[f];
	}
	sf_qemu_clear(&qemu);
	SF_TRY(err);
	for (size_t f = 0; f < N_FIGURES; f++) {
		qsort(all[f], ROUNDS, sizeof(all[f][0]), by_value);
		printf("run.%s %.3f\n", names[f], all[f][ROUNDS / 2]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s KERNEL OBJECT.bpf.o\n", argv[0]);
		return 3;
	}
	SF_OWNED(error) err = measure(argv[1], argv[2]);

	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	return err != NULL;
}

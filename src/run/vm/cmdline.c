/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmdline.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/text.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
/* Left to itself q35 ends low RAM at 2 GiB or at 2816 MiB, depending on the size (hw/i386/pc_q35.c). */
#define LOW_RAM_MAX (2 * GIB)
#define HIGH_RAM (4 * GIB)
/* A page block of the kernel's (2 MiB) is of one node. */
#define NODE_ALIGN (2 * MIB)

/*
 * To QEMU a guest's memory is one sequence of bytes, node after node, of which the first 2 GiB are low
 * (hw/core/numa.c, hw/i386/pc.c). A node that has both is in two ranges.
 */
void sf_vm_ram_layout(uint64_t size, uint32_t nodes, struct sf_vm_ram *ret)
{
	uint64_t share = nodes > 1 ? size / nodes & ~(NODE_ALIGN - 1) : size, at = 0;

	*ret = (struct sf_vm_ram){ .size = size, .n_files = nodes };
	for (uint32_t i = 0; i < SF_VM_MAX_NODES; i++)
		ret->fds[i] = -1;
	for (uint32_t i = 0; i < nodes; i++) {
		uint64_t len = i + 1 < nodes ? share : size - at, end = at + len;

		ret->file_sizes[i] = len;
		for (uint64_t from = at; at < end; at += len) {
			bool is_low = at < LOW_RAM_MAX;

			len = is_low ? sf_min(end, LOW_RAM_MAX) - at : end - at;
			ret->ranges[ret->n++] = (struct sf_ram_range){
				.gpa = is_low ? at : at - LOW_RAM_MAX + HIGH_RAM, .len = len,
				.offset = at - from, .file = i,
			};
		}
	}
}

void sf_cmdline_clear(struct sf_cmdline *cmdline)
{
	for (size_t i = 0; i < cmdline->n; i++)
		free(cmdline->v[i]);
	free(cmdline->v);
	*cmdline = (struct sf_cmdline){ 0 };
}

/* One word. Like all that follow: without memory it only notes that. */
static sf_printf(2, 3) void word(struct sf_cmdline *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);

	va_end(ap);
	char **slot = n < 0 ? NULL : sf_vec_push(c);

	if (slot)
		*slot = text;
	else
		c->failed = true;
	if (n >= 0 && !slot)
		free(text);
}

static void words(struct sf_cmdline *c, const char *const *v)
{
	for (; *v; v++)
		word(c, "%s", *v);
}

/* QEMU splits options at commas; one inside a value is doubled. NULL without memory. */
static char *escape(const char *value)
{
	struct sf_text t = { 0 };

	sf_text_put(&t, "");
	for (; *value; value++)
		sf_text_putn(&t, *value == ',' ? ",," : value, *value == ',' ? 2 : 1);
	return sf_text_take(&t);
}

/* What the guest's CPUs are said to be. */
static const char *cpu_model(const struct sf_vm_config *config)
{
	if (config->cpu)
		return config->cpu;
	/*
	 * Linux takes threads and dies from what an Intel CPU says (CPUID 0x1f), or from an AMD CPU with TOPOEXT, which
	 * TCG does not know. A multi-socket AMD system's TSCs are not trusted either. This model is one that never
	 * speculated, as TCG does not, so that the kernel has nothing to mitigate. MWAIT is left out because it
	 * spins (helper_mwait() in target/i386/tcg), and on an Intel a CPU that is offline would wait in it.
	 */
	if (config->accel == SF_ACCEL_TCG)
		return "max,vendor=GenuineIntel,family=6,model=28,stepping=10,monitor=off";
	/*
	 * IA32_ARCH_CAPABILITIES only tells a guest which mitigations it may leave out, and on a nested host setting
	 * it can fail, which QEMU answers with an assertion. TOPOEXT has to be asked for, and is AMD's.
	 */
	__builtin_cpu_init();
	return __builtin_cpu_is("amd") ? "host,arch-capabilities=off,topoext=on" : "host,arch-capabilities=off";
}

/* A die has a level 3 cache of its own. Nodes have whole caches, one after the other. */
static void add_cpus(struct sf_cmdline *c, const struct sf_topology *t)
{
	uint32_t per_socket = sf_max(t->llcs, 1u), n_llcs = sf_vm_topology_llcs(t);

	word(c, "-smp");
	word(c, "%" PRIu32 ",sockets=%" PRIu32 ",dies=%" PRIu32 ",cores=%" PRIu32 ",threads=%" PRIu32,
	     sf_vm_topology_cpus(t), sf_max(t->sockets, 1u), per_socket, sf_max(t->cores, 1u), sf_max(t->threads, 1u));
	for (uint32_t i = 0; t->numa > 1 && i < n_llcs; i++) {
		char die[32] = "";

		if (per_socket > 1)
			snprintf(die, sizeof(die), ",die-id=%" PRIu32, i % per_socket);
		word(c, "-numa");
		word(c, "cpu,node-id=%" PRIu32 ",socket-id=%" PRIu32 "%s", i / (n_llcs / t->numa), i / per_socket, die);
	}
}

static void add_memory(struct sf_cmdline *c, const struct sf_vm_config *config)
{
	struct sf_vm_ram ram;

	sf_vm_ram_layout(config->memory, sf_max(config->topology.numa, 1u), &ram);
	word(c, "-m");
	word(c, "%" PRIu64 "M", config->memory / MIB);
	for (size_t i = 0; i < ram.n_files; i++) {
		word(c, "-object");
		word(c, "memory-backend-file,id=ram%zu,size=%" PRIu64 ",mem-path=/proc/self/fd/%zu,share=on", i,
		     ram.file_sizes[i], SF_VM_FD_RAM + i);
		if (ram.n_files == 1)
			return;
		word(c, "-numa");
		word(c, "node,nodeid=%zu,memdev=ram%zu", i, i);
	}
}

static void add_machine(struct sf_cmdline *c, const struct sf_vm_config *config)
{
	bool kvm = config->accel == SF_ACCEL_KVM;

	word(c, "-machine");
	/* The devices that are off cost boot time under TCG and are of no use here. */
	word(c, "q35,%smax-ram-below-4g=%" PRIu64 ",graphics=off,vmport=off,usb=off,sata=off,smbus=off,"
		"smm=off,hpet=off,i8042=off,dump-guest-core=off",
	     config->topology.numa > 1 ? "" : "memory-backend=ram0,", (uint64_t)LOW_RAM_MAX);
	word(c, "-accel");
	/*
	 * Before 8.1 (commit deba78709ae8) TCG's vCPU threads could translate code while another one patched it, and
	 * execute the patch's breakpoint long after it was gone: "Oops: int3" in a few boots of a hundred.
	 */
	bool race = config->qemu->major < 8 || (config->qemu->major == 8 && config->qemu->minor < 1);

	word(c, kvm ? "kvm" : race ? "tcg,thread=single,tb-size=512" : "tcg,thread=multi,tb-size=512");
	word(c, "-cpu");
	word(c, "%s", cpu_model(config));
	/* QEMU wants to know of a node before it hears which CPUs it has. */
	add_memory(c, config);
	add_cpus(c, &config->topology);
	/* The clock that the guest's RTC shows stands still with it. */
	word(c, "-rtc");
	word(c, "base=utc,clock=vm");
}

static void add_devices(struct sf_cmdline *c, const char *console)
{
	/* Both kinds of console append to one file, so that what programs say stands beside what the kernel says. */
	word(c, "-chardev");
	word(c, "file,id=serial,path=%s,append=on", console);
	word(c, "-device");
	word(c, "isa-serial,chardev=serial");
	word(c, "-device");
	word(c, "virtio-serial-pci,id=ports,max_ports=4");
	word(c, "-chardev");
	word(c, "file,id=hvc,path=%s,append=on", console);
	word(c, "-device");
	word(c, "virtconsole,bus=ports.0,nr=0,chardev=hvc");
	word(c, "-chardev");
	word(c, "socket,id=bulk,fd=%d", SF_VM_FD_BULK);
	word(c, "-device");
	word(c, "virtserialport,bus=ports.0,nr=1,chardev=bulk,name=stillframe-bulk");
	word(c, "-chardev");
	word(c, "socket,id=stats,fd=%d", SF_VM_FD_STATS);
	word(c, "-device");
	word(c, "virtserialport,bus=ports.0,nr=2,chardev=stats,name=stillframe-stats");
	word(c, "-device");
	word(c, "pvpanic-pci");
}

static void add_qmp(struct sf_cmdline *c, const char *id, int fd)
{
	word(c, "-chardev");
	word(c, "socket,id=%s,fd=%d", id, fd);
	word(c, "-mon");
	word(c, "chardev=%s,mode=control", id);
}

static void add_monitors(struct sf_cmdline *c, const struct sf_vm_config *config, const char *socket_dir)
{
	add_qmp(c, "qmp", SF_VM_FD_QMP);
	add_qmp(c, "qmp-stop", SF_VM_FD_SIDE_STOP);
	add_qmp(c, "qmp-rest", SF_VM_FD_SIDE_REST);
	word(c, "-chardev");
	word(c, "socket,id=monitor,path=%s/monitor.sock,server=on,wait=off", socket_dir);
	word(c, "-mon");
	word(c, "chardev=monitor,mode=readline");
	if (config->gdb) {
		word(c, "-chardev");
		word(c, "socket,id=gdb,path=%s/gdb.sock,server=on,wait=off", socket_dir);
		word(c, "-gdb");
		word(c, "chardev:gdb");
	}
}

static void add_kernel(struct sf_cmdline *c, const struct sf_vm_config *config)
{
	char clock[64] = "clocksource=kvm-clock";

	if (config->accel != SF_ACCEL_KVM)
		snprintf(clock, sizeof(clock), "tsc=nowatchdog no_timer_check");
	if (config->accel != SF_ACCEL_KVM && config->tsc_khz)
		snprintf(clock, sizeof(clock), "tsc=nowatchdog tsc_early_khz=%" PRIu32 " no_timer_check", config->tsc_khz);
	word(c, "-kernel");
	word(c, "%s", config->kernel);
	if (config->initrd) {
		word(c, "-initrd");
		word(c, "%s", config->initrd);
	}
	word(c, "-append");
	/*
	 * What can be overridden comes first, what we rely on last. After an oops nothing that is observed means
	 * much, so it is a panic. panic=-1 makes a panic a reboot at once, which -action turns into a pause: pvpanic
	 * is a module in distribution kernels and nobody loads it. Under KVM the guest would see a stop on the TSC,
	 * but not on kvm-clock. Under TCG the TSC stands still with the guest, but on a loaded host the clocksource
	 * watchdog gives it up for one that is much slower to read, and the check of the timer interrupt, which under
	 * KVM the kernel leaves out by itself, finds it missing. What the kernel's crypto tests about itself
	 * (crypto/testmgr.c), and a source of randomness about the CPU's jitter (crypto/jitterentropy-kcapi.c), takes
	 * a good part of the boot under TCG, and is nothing that schedules.
	 */
	word(c, "console=ttyS0 loglevel=4 edd=off cryptomgr.notests initcall_blacklist=jent_mod_init oops=panic "
		"%s%s%s panic=-1 STILLFRAME_GUEST=1",
	     clock, config->append ? " " : "", config->append ? config->append : "");
}

static struct sf_error *check(const struct sf_vm_config *config)
{
	if (config->memory % MIB || config->memory < 64 * MIB || config->memory > 1024 * GIB)
		return sf_error_new(SF_USAGE, "memory: %" PRIu64 " bytes; it takes whole MiB, from 64M to 1024G",
				    config->memory);
	if (config->accel != SF_ACCEL_KVM && config->accel != SF_ACCEL_TCG)
		return sf_error_new(SF_USAGE, "accelerator: 'auto' has to be decided first");
	return sf_vm_topology_check(&config->topology, config->memory);
}

struct sf_error *sf_cmdline_build(const struct sf_vm_config *config, const char *socket_dir, struct sf_cmdline *ret)
{
	static const char *const always[] = {
		"-nodefaults", "-no-user-config", "-display", "none",
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		/* However the guest ends, its memory stays and can be read. */
		"-action", "reboot=shutdown,shutdown=pause,panic=pause",
		NULL,
	};
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	_cleanup_free_ char *run_dir = escape(config->run_dir), *sockets = escape(socket_dir);
	_cleanup_free_ char *console = run_dir ? sf_asprintf("%s/console.log", run_dir) : NULL;

	if (!console || !sockets)
		return sf_error_nomem();
	SF_TRY(check(config));
	word(&c, "%s", config->qemu->path);
	words(&c, always);
	add_machine(&c, config);
	add_devices(&c, console);
	add_monitors(&c, config, sockets);
	add_kernel(&c, config);
	if (config->extra)
		words(&c, config->extra);
	char **end = c.failed ? NULL : sf_vec_push(&c);

	if (!end)
		return sf_error_nomem();
	*end = NULL;
	c.n--;
	*ret = c;
	c = (struct sf_cmdline){ 0 };
	return NULL;
}

char *sf_cmdline_text(const struct sf_cmdline *cmdline)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:+@%";
	struct sf_text t = { 0 };

	sf_text_put(&t, "");
	for (size_t i = 0; i < cmdline->n; i++) {
		const char *w = cmdline->v[i];

		if (i)
			sf_text_put(&t, " ");
		if (*w && w[strspn(w, plain)] == '\0') {
			sf_text_put(&t, w);
			continue;
		}
		sf_text_put(&t, "'");
		for (; *w; w++)
			sf_text_putn(&t, *w == '\'' ? "'\\''" : w, *w == '\'' ? 4 : 1);
		sf_text_put(&t, "'");
	}
	return sf_text_take(&t);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include <elf.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "guardian.h"

#define PROBE_TIME (10 * SF_SECOND)
#define PROBE_MEMORY (UINT64_C(256) << 20)
#define LOAD_ADDRESS 0x400000

/* write(1, marker, 22); reboot(MAGIC1, MAGIC2, POWER_OFF); for (;;) pause; */
static const uint8_t init_code[] = {
	0xb8, 0x01, 0x00, 0x00, 0x00,             /* mov    $SYS_write, %eax */
	0xbf, 0x01, 0x00, 0x00, 0x00,             /* mov    $1, %edi */
	0x48, 0x8d, 0x35, 0x21, 0x00, 0x00, 0x00, /* lea    marker(%rip), %rsi */
	0xba, 0x16, 0x00, 0x00, 0x00,             /* mov    $22, %edx */
	0x0f, 0x05,                               /* syscall */
	0xb8, 0xa9, 0x00, 0x00, 0x00,             /* mov    $SYS_reboot, %eax */
	0xbf, 0xad, 0xde, 0xe1, 0xfe,             /* mov    $LINUX_REBOOT_MAGIC1, %edi */
	0xbe, 0x69, 0x19, 0x12, 0x28,             /* mov    $LINUX_REBOOT_MAGIC2, %esi */
	0xba, 0xdc, 0xfe, 0x21, 0x43,             /* mov    $LINUX_REBOOT_CMD_POWER_OFF, %edx */
	0x0f, 0x05,                               /* syscall */
	0xf3, 0x90,                               /* pause */
	0xeb, 0xfc,                               /* jmp    . - 2 */
};
static const char marker[] = SF_PROBE_MARKER "\n";

static void put_cpio(struct sf_text *t, const char *name, uint32_t mode, const void *data, size_t len)
{
	/* "newc": magic, then ino, mode, uid, gid, nlink, mtime, size, device and rdev numbers, name's length, checksum
	 * (Documentation/driver-api/early-userspace/buffer-format.rst). */
	sf_text_putf(t, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, mode, 0, 0, 1, 0, len,
		     0, 0, 0, 0, strlen(name) + 1, 0);
	sf_text_putn(t, name, strlen(name) + 1);
	while (t->n % 4 && !t->failed)
		sf_text_putn(t, "", 1);
	sf_text_putn(t, data, len);
	while (t->n % 4 && !t->failed)
		sf_text_putn(t, "", 1);
}

struct sf_error *sf_probe_initramfs(char **ret, size_t *ret_len)
{
	const size_t head = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	const size_t size = head + sizeof(init_code) + strlen(marker);
	const Elf64_Ehdr ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = LOAD_ADDRESS + head,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	const Elf64_Phdr phdr = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = LOAD_ADDRESS,
		.p_paddr = LOAD_ADDRESS,
		.p_filesz = size,
		.p_memsz = size,
		.p_align = 0x1000,
	};
	_cleanup_text_ struct sf_text program = { 0 };
	_cleanup_text_ struct sf_text cpio = { 0 };

	sf_text_putn(&program, (const char *)&ehdr, sizeof(ehdr));
	sf_text_putn(&program, (const char *)&phdr, sizeof(phdr));
	sf_text_putn(&program, (const char *)init_code, sizeof(init_code));
	sf_text_put(&program, marker);
	if (program.failed)
		return sf_error_nomem();
	put_cpio(&cpio, "init", S_IFREG | 0755, program.v, program.n);
	put_cpio(&cpio, "TRAILER!!!", 0, "", 0);
	size_t len = cpio.n;
	char *bytes = sf_text_take(&cpio);

	if (!bytes)
		return sf_error_nomem();
	*ret = bytes;
	*ret_len = len;
	return NULL;
}

struct watch {
	uint64_t begin;
	bool (*stop)(void *arg);
	void *arg;
	bool marker_seen;
	char line[200]; /* the last one */
};

static void on_line(void *arg, const char *line, size_t len)
{
	struct watch *w = arg;

	(void)len;
	if (strstr(line, SF_PROBE_MARKER))
		w->marker_seen = true;
	snprintf(w->line, sizeof(w->line), "%.190s", line);
}

/* What QEMU wrote is enough, in one line. */
static void summarize(char *text)
{
	static const char lead[] = "it wrote:\n";
	const char *wrote = strstr(text, lead);

	if (wrote)
		memmove(text, wrote + strlen(lead), strlen(wrote + strlen(lead)) + 1);
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

static struct sf_error *watch_boot(struct sf_vm *vm, struct watch *w, enum sf_probe_result *ret, char *text,
				   size_t size)
{
	struct sf_vm_event event = { 0 };
	uint64_t now;

	do {
		now = sf_vm_clock();
		SF_TRY(sf_vm_poll(vm, sf_min(now + SF_SECOND / 5, w->begin + PROBE_TIME), &event));
		if (w->stop && w->stop(w->arg))
			return sf_error_new(SF_DEADLINE, "interrupted");
		now = sf_vm_clock();
	} while (event.type < SF_VM_EVENT_POWEROFF && !w->marker_seen && now < w->begin + PROBE_TIME);
	if (w->marker_seen) {
		snprintf(text, size, "in %.1f s", (double)(now - w->begin) / (double)SF_SECOND);
		*ret = SF_PROBE_BOOTED;
	} else if (event.type < SF_VM_EVENT_POWEROFF) {
		snprintf(text, size, "no init after %d s; the last line on its console: \"%s\"",
			 (int)(PROBE_TIME / SF_SECOND), w->line);
		*ret = SF_PROBE_UNKNOWN;
	} else {
		summarize(event.text);
		snprintf(text, size, "%s", event.text);
		*ret = SF_PROBE_DIED;
	}
	return NULL;
}

static struct sf_error *boot_in(const struct sf_vm_config *config, struct watch *w, enum sf_probe_result *ret,
				char *text, size_t size)
{
	_cleanup_free_ char *cpio = NULL;
	size_t len;
	SF_OWNED(vm) vm = NULL;

	SF_TRY(sf_probe_initramfs(&cpio, &len));
	SF_TRY(sf_file_put(config->initrd, cpio, len));
	struct sf_error *err = sf_vm_start(config, w->begin + PROBE_TIME, &vm);

	if (err && sf_error_code(err) == SF_TRANSPORT) {
		snprintf(text, size, "%s", sf_error_message(err));
		summarize(text);
		sf_error_free(err);
		*ret = SF_PROBE_DIED;
		return NULL;
	}
	SF_TRY(err);
	return watch_boot(vm, w, ret, text, size);
}

struct sf_error *sf_probe_boot(const struct sf_qemu *qemu, enum sf_accel accel, const char *kernel, const char *dir,
			       const struct sf_logger *log, bool (*stop)(void *arg), void *arg,
			       enum sf_probe_result *ret, char *text, size_t size)
{
	_cleanup_free_ char *own = sf_asprintf("%s/probe-XXXXXX", dir);
	struct watch w = { .begin = sf_vm_clock(), .stop = stop, .arg = arg };

	if (!own)
		return sf_error_nomem();
	if (!mkdtemp(own))
		return sf_error_sys(errno, "%s", own);
	_cleanup_free_ char *initrd = sf_asprintf("%s/init.cpio", own);
	struct sf_vm_config config = {
		.qemu = qemu, .accel = accel, .kernel = kernel, .initrd = initrd, .run_dir = own,
		.memory = PROBE_MEMORY, .on_line = on_line, .on_line_arg = &w,
	};

	if (log)
		config.log = *log;
	struct sf_error *err = initrd ? boot_in(&config, &w, ret, text, size) : sf_error_nomem();

	sf_guard_remove_dir(own);
	return err;
}

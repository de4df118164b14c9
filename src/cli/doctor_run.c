/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run needs: QEMU, something that executes the guest, a kernel, memory, and places for files.
 */

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/text.h"
#include "doctor.h"
#include "pack/child.h"
#include "pack/pack.h"

#define MIB (UINT64_C(1) << 20)
#define GUEST_MEMORY (1024 * MIB)  /* of a guest that nobody asked to be larger */
#define QEMU_MEMORY (512 * MIB)    /* and what QEMU takes beside it under TCG, mostly translated code */
#define LEAST_MEMORY (384 * MIB)
#define LEAST_DISK (64 * MIB)
#define KERNEL_DISK (256 * MIB)    /* a kernel package, and what is unpacked from it */
#define START_TIME (20 * SF_SECOND)

/* ---- QEMU --------------------------------------------------------------------------------------------------------- */

static void check_qemu(struct doctor *d)
{
	SF_OWNED(error) err = sf_qemu_find(NULL, &d->qemu);

	if (err)
		doctor_found(d, "qemu", FOUND_NO, true, NULL, "%s", sf_error_message(err));
	else
		doctor_found(d, "qemu", FOUND_OK, true, NULL, "%s, %s", d->qemu.path, d->qemu.version);
}

/* What our command line names: under which heading QEMU lists it, and how. */
static const struct feature {
	const char *list, *text, *name;
} features[] = {
	{ "-accel", "tcg", "TCG" },
	{ "-machine", "q35 ", "-machine q35" },
	{ "-object", "memory-backend-file", "memory-backend-file" },
	{ "-device", "\"virtio-serial-pci\"", "virtio-serial-pci" },
	{ "-device", "\"virtserialport\"", "virtserialport" },
	{ "-device", "\"virtconsole\"", "virtconsole" },
	{ "-device", "\"isa-serial\"", "isa-serial" },
	{ "-device", "\"pvpanic-pci\"", "pvpanic-pci" },
	{ "-h", "\n-sandbox ", "-sandbox" },
};

static char *ask_qemu(const struct doctor *d, const char *list)
{
	const char *help = strcmp(list, "-h") ? "help" : NULL;

	return doctor_ask((const char *const[]){ d->qemu.path, list, help, NULL });
}

static void check_features(struct doctor *d)
{
	_cleanup_text_ struct sf_text lacks = { 0 };
	_cleanup_free_ char *text = NULL;
	bool silent = false;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (!i || strcmp(features[i].list, features[i - 1].list)) {
			free(text);
			text = ask_qemu(d, features[i].list);
			silent = silent || !text;
		}
		if (text && !strstr(text, features[i].text))
			sf_text_putf(&lacks, "%s%s", lacks.n ? ", " : "", features[i].name);
	}
	_cleanup_free_ char *missing = sf_text_take(&lacks);

	if (missing && missing[0])
		doctor_found(d, "features", FOUND_NO, true, "another QEMU that was built with them (STILLFRAME_QEMU can name it)",
			     "this QEMU lacks %s", missing);
	else if (silent)
		doctor_found(d, "features", FOUND_UNKNOWN, false, NULL, "QEMU did not say in time what it has");
	else
		doctor_found(d, "features", FOUND_OK, false, NULL,
			     "TCG, q35, file-backed memory, virtio ports, pvpanic, sandbox");
}

static void check_plugins(struct doctor *d)
{
	_cleanup_free_ char *help = ask_qemu(d, "-h"), *devices = ask_qemu(d, "-device");

	if (help && strstr(help, "\n-plugin "))
		doctor_found(d, "plugins", FOUND_OK, false, NULL, "this QEMU takes TCG plugins%s",
			     devices && strstr(devices, "\"vmcoreinfo\"") ? ", and has the vmcoreinfo device" : "");
	else
		doctor_found(d, "plugins", FOUND_NO, false, "nothing to do now: only deterministic runs, which are not there yet, "
			     "will need them", "this QEMU was built without TCG plugins");
}

static void remove_run_dir(const char *dir)
{
	static const char *const files[] = { "console.log", "qmp.log", "qemu.log" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, files[i]);

		if (path)
			unlink(path);
	}
	rmdir(dir);
}

/* The machine of a run, with a kernel and nothing else: does it start? */
static void check_machine(struct doctor *d)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_free_ char *dir = sf_asprintf("%s/stillframe-doctor-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	struct sf_vm_config config = {
		.qemu = &d->qemu, .accel = SF_ACCEL_TCG, .kernel = d->kernel, .run_dir = dir, .memory = GUEST_MEMORY,
		.topology = { .cores = 2 },
	};
	uint64_t begin = sf_vm_clock();

	if (!dir || !mkdtemp(dir)) {
		doctor_found(d, "machine", FOUND_NO, true, "name a directory that can be written in $TMPDIR", "%s: %s",
			     dir ? dir : "no memory", strerror(errno));
		return;
	}
	SF_OWNED(vm) vm = NULL;
	SF_OWNED(error) err = sf_vm_start(&config, begin + START_TIME, &vm);

	if (err)
		doctor_found(d, "machine", FOUND_NO, true, NULL, "a guest of 2 CPUs and 1 GiB does not start: %s",
			     sf_error_message(err));
	else
		doctor_found(d, "machine", FOUND_OK, true, NULL, "a guest of 2 CPUs and 1 GiB starts, in %.1f s",
			     (double)(sf_vm_clock() - begin) / (double)SF_SECOND);
	remove_run_dir(dir);
}

/* ---- KVM ---------------------------------------------------------------------------------------------------------- */

/* A CPU that can, of those that we are shown. */
static bool has_virtualization(void)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	SF_OWNED(error) err = sf_file_get("/proc/cpuinfo", 16 * MIB, &text, &len);

	return !err && (strstr(text, " vmx ") || strstr(text, " svm "));
}

#define SLOWER "without it guests run under TCG, which is slower"

static void kvm_is_missing(struct doctor *d)
{
	if (has_virtualization())
		doctor_found(d, "kvm", FOUND_NO, false, "root: modprobe kvm_intel, or kvm_amd; a container has to be given the "
			     "device; " SLOWER, "there is no /dev/kvm, though the CPUs could do it");
	else
		doctor_found(d, "kvm", FOUND_NO, false, "switch virtualization on in the firmware, or in a VM have its host "
			     "allow nesting; " SLOWER, "there is no /dev/kvm: the CPUs here show no virtualization");
}

static void kvm_is_forbidden(struct doctor *d)
{
	struct stat st;
	struct group *group = stat("/dev/kvm", &st) ? NULL : getgrgid(st.st_gid);
	const char *name = group && st.st_mode & S_IWGRP && st.st_gid ? group->gr_name : NULL;
	_cleanup_free_ char *remedy = name ? sf_asprintf("root: usermod -aG %s USER, and log in again; " SLOWER, name) :
					     strdup("root: chmod 660 /dev/kvm and give it a group of yours; " SLOWER);

	doctor_found(d, "kvm", FOUND_NO, false, remedy, "/dev/kvm is there, and not for you to open");
}

static void check_kvm(struct doctor *d)
{
	_cleanup_close_ int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct sf_accel_choice choice = { 0 };

	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		kvm_is_forbidden(d);
		return;
	}
	if (fd < 0 && errno == ENOENT) {
		kvm_is_missing(d);
		return;
	}
	if (!d->qemu.path || !d->kernel) {
		doctor_found(d, "kvm", FOUND_UNKNOWN, false, "come back when there is", "there is a /dev/kvm, but no %s to try "
			     "it with", d->qemu.path ? "kernel" : "QEMU");
		return;
	}
	SF_OWNED(error) err = sf_accel_choose(SF_ACCEL_AUTO, &d->qemu, d->kernel, NULL, doctor_interrupted, NULL, &choice);

	if (err) {
		doctor_found(d, "kvm", FOUND_NO, true, "runs with --accel tcg do not try it", "it cannot be tried: %s",
			     sf_error_message(err));
		return;
	}
	const char *why = strchr(choice.why, ' ');

	d->accel = choice.accel;
	if (choice.accel == SF_ACCEL_KVM)
		doctor_found(d, "kvm", FOUND_OK, false, NULL, "%s", why ? why + 1 : choice.why);
	else
		doctor_found(d, "kvm", FOUND_NO, false, "in a VM, a host that nests better; " SLOWER, "%s",
			     why ? why + 1 : choice.why);
	sf_accel_choice_clear(&choice);
}

/* ---- kernels ------------------------------------------------------------------------------------------------------ */

static void check_fetch(struct doctor *d)
{
	static const char *const programs[] = { "apt-get", "apt-cache", "dpkg-deb", "flock", "zstd", "xz" };
	_cleanup_text_ struct sf_text lacks = { 0 };
	_cleanup_free_ char *script = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_free_ char *path = NULL;
		SF_OWNED(error) err = sf_find_program(programs[i], &path);

		if (err || !path)
			sf_text_putf(&lacks, "%s%s", lacks.n ? ", " : "", programs[i]);
	}
	SF_OWNED(error) no_script = sf_pack_tool("kernel-get", &script);
	_cleanup_free_ char *missing = sf_text_take(&lacks);

	d->can_fetch = !no_script && missing && !missing[0];
	if (no_script)
		doctor_found(d, "fetching", FOUND_NO, false, NULL, "%s", sf_error_message(no_script));
	else if (!d->can_fetch)
		doctor_found(d, "fetching", FOUND_NO, false, "kernels by name come from Debian, through apt; --kernel takes the "
			     "path of any bzImage, and \"host\"", "there is no %s", missing ? missing : "memory");
	else if (access("/usr/share/keyrings/debian-archive-keyring.gpg", R_OK))
		doctor_found(d, "fetching", FOUND_NO, false, "root: apt-get install debian-archive-keyring",
			     "the keys that Debian's archive is checked with are not here");
	else
		doctor_found(d, "fetching", FOUND_OK, false, NULL, "apt and Debian's keys are here (the network was not tried)");
}

static void put_name(struct sf_text *t, const char *release)
{
	sf_text_put(t, t->n ? ", " : "");
	sf_text_put_name(t, release, 80);
}

/* Cached ones that are whole and have what a scheduler needs; what the others lack. */
static void check_kernels(struct doctor *d)
{
	static const char get[] = "stillframe kernel get fetches one; --kernel takes the path of any bzImage";
	_cleanup_(sf_kernel_files_clear) struct sf_kernel_files files = { 0 };
	_cleanup_text_ struct sf_text good = { 0 }, bad = { 0 };
	struct sf_pack_fetch offline = { .offline = true };
	SF_OWNED(error) err = sf_pack_kernels(&files);

	for (size_t i = 0; !err && i < files.n; i++) {
		const struct sf_kernel_file *f = &files.v[i];
		_cleanup_free_ char *path = NULL;
		SF_OWNED(error) no = sf_pack_kernel(f->path, &offline, &path);

		if (!no)
			no = sf_pack_kernel_able(path, true);
		put_name(no ? &bad : &good, f->release);
		if (!no && !d->kernel)
			d->kernel = strdup(path);
	}
	/* What a run without --kernel takes is what is tried. */
	_cleanup_free_ char *chosen = NULL, *able = sf_text_take(&good), *unable = sf_text_take(&bad);
	SF_OWNED(error) none = sf_pack_kernel(NULL, &offline, &chosen);

	if (!none && chosen) {
		free(d->kernel);
		d->kernel = steal_ptr(&chosen);
	}
	if (err)
		doctor_found(d, "kernels", FOUND_NO, true, NULL, "%s", sf_error_message(err));
	else if (able && able[0])
		doctor_found(d, "kernels", FOUND_OK, true, NULL, "%s%s%s%s", able, unable && unable[0] ? " (not for schedulers: " : "",
			     unable ? unable : "", unable && unable[0] ? ")" : "");
	else if (d->can_fetch)
		doctor_found(d, "kernels", FOUND_UNKNOWN, false, get, "%s; a first run fetches one",
			     unable && unable[0] ? "none of those here can run a scheduler" : "there is none here yet");
	else
		doctor_found(d, "kernels", FOUND_NO, true, get, "there is none here that can run a scheduler");
}

static void check_agent(struct doctor *d)
{
	_cleanup_free_ char *path = NULL;
	SF_OWNED(error) err = sf_pack_agent(&path);

	if (err)
		doctor_found(d, "agent", FOUND_NO, true, "build the source tree, or install it", "%s", sf_error_message(err));
	else
		doctor_found(d, "agent", FOUND_OK, true, NULL, "%s", path);
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static bool number_in(const char *path, const char *key, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	SF_OWNED(error) err = sf_file_get(path, 65536, &text, &len);
	const char *at = err ? NULL : strstr(text, key);

	return at && sscanf(at + strlen(key), "%" SCNu64, ret) == 1;
}

/* The tightest limit of the cgroups that we are in (version 2). */
static uint64_t cgroup_room(void)
{
	_cleanup_free_ char *text = NULL;
	uint64_t room = UINT64_MAX, max, current;
	size_t len;
	SF_OWNED(error) err = sf_file_get("/proc/self/cgroup", 65536, &text, &len);
	char *path = err ? NULL : strstr(text, "0::/");

	if (!path)
		return room;
	path += 3;
	path[strcspn(path, "\n")] = '\0';
	for (char *slash; (slash = strrchr(path, '/')); *slash = '\0') {
		_cleanup_free_ char *limit = sf_asprintf("/sys/fs/cgroup%s/memory.max", path);
		_cleanup_free_ char *used = sf_asprintf("/sys/fs/cgroup%s/memory.current", path);

		if (limit && used && number_in(limit, "", &max) && number_in(used, "", &current))
			room = sf_min(room, max > current ? max - current : 0);
	}
	return room;
}

static void check_memory(struct doctor *d)
{
	uint64_t available = 0, room = cgroup_room();
	char have[CLI_NUMBER], want[CLI_NUMBER];
	bool known = number_in("/proc/meminfo", "MemAvailable:", &available);

	available = known ? available * 1024 : UINT64_MAX;
	bool is_cgroup = room < available;

	available = sf_min(available, room);
	cli_put_size(have, available);
	cli_put_size(want, GUEST_MEMORY + QEMU_MEMORY);
	if (available == UINT64_MAX)
		doctor_found(d, "memory", FOUND_UNKNOWN, false, NULL, "/proc/meminfo does not say how much there is");
	else if (available < LEAST_MEMORY)
		doctor_found(d, "memory", FOUND_NO, true, "end something, or raise the limit", "%s free%s; a small guest and its "
			     "QEMU take %s", have, is_cgroup ? " in this cgroup" : "", cli_put_size(want, LEAST_MEMORY));
	else if (available < GUEST_MEMORY + QEMU_MEMORY)
		doctor_found(d, "memory", FOUND_UNKNOWN, false, "--memory 512M makes the guest smaller", "%s free%s; a guest of "
			     "1 GiB and its QEMU may take %s", have, is_cgroup ? " in this cgroup" : "", want);
	else
		doctor_found(d, "memory", FOUND_OK, false, NULL, "%s free%s; a guest of 1 GiB and its QEMU take up to %s", have,
			     is_cgroup ? " in this cgroup" : "", want);
}

/* A guest's memory is one. */
static void check_memfd(struct doctor *d)
{
	_cleanup_close_ int fd = memfd_create("stillframe-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		doctor_found(d, "memfd", FOUND_NO, true, "a sandbox may forbid it: allow memfd_create", "memfd_create: %s",
			     strerror(errno));
	else if (ftruncate(fd, (off_t)GUEST_MEMORY))
		doctor_found(d, "memfd", FOUND_NO, true, errno == EFBIG ? "ulimit -f unlimited" : NULL,
			     "a file of 1 GiB in memory, which the guest's memory is: %s", strerror(errno));
	else
		doctor_found(d, "memfd", FOUND_OK, true, NULL, "a file of 1 GiB in memory can be made");
}

/* ---- places for files ----------------------------------------------------------------------------------------------- */

/* @path, or the nearest directory above it that there is. */
static char *nearest(const char *path)
{
	char *at = strdup(path);

	while (at && access(at, F_OK) && errno == ENOENT) {
		char *slash = strrchr(at, '/');

		if (!slash || slash == at) {
			strcpy(at, slash ? "/" : ".");
			break;
		}
		*slash = '\0';
	}
	return at;
}

static void check_place(struct doctor *d, const char *name, const char *dir, const char *what, uint64_t least, bool blocks,
			const char *remedy)
{
	_cleanup_free_ char *there = nearest(dir);
	char size[CLI_NUMBER];
	struct statvfs fs;
	struct stat st;

	if (!there || stat(there, &st) || statvfs(there, &fs)) {
		doctor_found(d, name, FOUND_NO, blocks, remedy, "%s, for %s: %s", dir, what, strerror(errno));
		return;
	}
	uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;

	cli_put_size(size, free_bytes);
	if (!S_ISDIR(st.st_mode))
		doctor_found(d, name, FOUND_NO, blocks, remedy, "%s, for %s: %s is no directory", dir, what, there);
	else if (access(there, W_OK | X_OK))
		doctor_found(d, name, FOUND_NO, blocks, remedy, "%s, for %s, cannot be written: %s", dir, what, strerror(errno));
	else if (free_bytes < least)
		doctor_found(d, name, FOUND_UNKNOWN, false, remedy, "%s, for %s, has only %s free", dir, what, size);
	else
		doctor_found(d, name, FOUND_OK, false, NULL, "%s, for %s, has %s free", dir, what, size);
}

static void check_places(struct doctor *d)
{
	_cleanup_free_ char *here = getcwd(NULL, 0), *cache = NULL;
	SF_OWNED(error) err = sf_cache_dir(&cache);

	check_place(d, "out", here ? here : ".", "runs", LEAST_DISK, true, "go somewhere else, or name a place with --out");
	if (err)
		doctor_found(d, "cache", FOUND_NO, !d->kernel, "set HOME, or name a place in $XDG_CACHE_HOME", "%s",
			     sf_error_message(err));
	else
		check_place(d, "cache", cache, "kernels", d->kernel ? LEAST_DISK : KERNEL_DISK, !d->kernel,
			    "name another place in $XDG_CACHE_HOME");
}

void doctor_check_run(struct doctor *d)
{
	check_qemu(d);
	if (d->qemu.path) {
		check_features(d);
		check_plugins(d);
	}
	check_fetch(d);
	check_kernels(d);
	check_agent(d);
	check_memory(d);
	check_memfd(d);
	check_places(d);
	if (d->qemu.path && d->kernel && !doctor_interrupted(NULL))
		check_machine(d);
	if (!doctor_interrupted(NULL))
		check_kvm(d);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of topology.c that runs in the guest: says what /sys shows, writes to pages whose place in physical memory it
 * knows, and takes CPUs away.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "stillframe/guest.h"
#include "topology.h"

#define SECOND UINT64_C(1000000000)
#define PAGE 4096u
#define MIB (1u << 20)
#define SYSTEM "/sys/devices/system/"
#define MPOL_BIND 2 /* linux/mempolicy.h */

/* ---- /sys -------------------------------------------------------------------------------------------------------- */

/* false: there is no such file. */
static bool read_file(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static struct sf_error *publish(struct sf_guest *guest, const char *name, bool *ret_there)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), SYSTEM "%s", name);
	*ret_there = read_file(path, text, sizeof(text));
	return *ret_there ? sf_guest_publish_str(guest, name, text) : NULL;
}

/* @fmt has a %u, which counts until there is no such file. */
static struct sf_error *publish_each(struct sf_guest *guest, const char *fmt)
{
	bool there = true;

	for (unsigned int i = 0; there && i < 256; i++) {
		char name[128];

		snprintf(name, sizeof(name), fmt, i);
		SF_TRY(publish(guest, name, &there));
	}
	return NULL;
}

static struct sf_error *publish_system(struct sf_guest *guest)
{
	static const char *const each[] = {
		"cpu/cpu%u/topology/physical_package_id", "cpu/cpu%u/topology/thread_siblings_list",
		"cpu/cpu%u/topology/die_cpus_list", "cpu/cpu%u/topology/core_siblings_list",
		"cpu/cpu%u/cache/index2/level", "cpu/cpu%u/cache/index2/shared_cpu_list",
		"cpu/cpu%u/cache/index3/level", "cpu/cpu%u/cache/index3/shared_cpu_list",
		"cpu/cpu%u/cache/index4/level", "node/node%u/cpulist", "node/node%u/distance", "node/node%u/meminfo",
	};
	static const char *const once[] = {
		"cpu/online", "cpu/present", "cpu/possible", "node/online",
		"clocksource/clocksource0/current_clocksource",
	};
	bool there;

	for (size_t i = 0; i < ARRAY_SIZE(each); i++)
		SF_TRY(publish_each(guest, each[i]));
	for (size_t i = 0; i < ARRAY_SIZE(once); i++)
		SF_TRY(publish(guest, once[i], &there));
	return NULL;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static struct sf_error *physical(int pagemap, const void *p, uint64_t *ret)
{
	uint64_t entry;

	/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54 are the page frame, 63 says that there is one. */
	if (pread(pagemap, &entry, sizeof(entry), (off_t)((uintptr_t)p / PAGE * sizeof(entry))) != sizeof(entry))
		return sf_error_sys(errno, "/proc/self/pagemap");
	*ret = (entry & ((UINT64_C(1) << 55) - 1)) * PAGE;
	return entry >> 63 && *ret ? NULL : sf_error_new(SF_SYSTEM, "a page that was written has no place");
}

/* Writes to @mib MiB of @node's memory, and tells where a page of each MiB is. They stay mapped. */
static struct sf_error *write_node(struct sf_guest *guest, unsigned int node, unsigned int mib)
{
	_cleanup_close_ int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned long mask = 1ul << node;
	size_t len = (size_t)mib * MIB;
	uint8_t *base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[32];

	if (pagemap < 0 || base == MAP_FAILED)
		return sf_error_sys(errno, "memory of node %u", node);
	if (syscall(SYS_mbind, base, len, MPOL_BIND, &mask, 8 * sizeof(mask), 0))
		return sf_error_sys(errno, "mbind to node %u", node);
	/* Fewer faults; it works without. */
	madvise(base, len, MADV_HUGEPAGE);
	snprintf(name, sizeof(name), PAGE_OF_NODE, node);
	for (size_t at = 0; at < len; at += PAGE) {
		uint64_t *words = (uint64_t *)(base + at), gpa;

		words[0] = PATTERN;
		if (at % MIB)
			continue;
		SF_TRY(physical(pagemap, words, &gpa));
		words[1] = gpa;
		words[2] = node;
		words[3] = PATTERN + gpa + node;
		SF_TRY(sf_guest_publish_u64(guest, name, gpa));
	}
	return NULL;
}

/* ---- CPUs -------------------------------------------------------------------------------------------------------- */

static struct sf_error *capture(struct sf_guest *guest, const char *name)
{
	return sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, name, 60 * SECOND);
}

static struct sf_error *publish_online(struct sf_guest *guest, const char *name)
{
	char text[256] = "";

	read_file(SYSTEM "cpu/online", text, sizeof(text));
	return sf_guest_publish_str(guest, name, text);
}

static struct sf_error *publish_words(struct sf_guest *guest, const char *name, struct sf_error *err)
{
	SF_OWNED(error) owned = err;

	return sf_guest_publish_str(guest, name, owned ? sf_error_message(owned) : "");
}

/* Something for every CPU, or none would be seen at work. */
static struct sf_error *keep_busy(struct sf_guest *guest, unsigned int n_cpus)
{
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SPIN, NULL, n_cpus, NULL));
	return sf_guest_workers(guest, SF_WORKER_SLEEP, NULL, n_cpus, NULL);
}

/*
 * Memory first, while the kernel's own free memory is untouched. The first node lies below the hole and has plenty; of
 * the second so much is taken that the part above the hole does not suffice (the kernel gives that first).
 */
static struct sf_error *nodes(struct sf_guest *guest, unsigned int last)
{
	SF_TRY(publish_system(guest));
	SF_TRY(write_node(guest, 0, 32));
	SF_TRY(write_node(guest, 1, 384));
	SF_TRY(capture(guest, CAPTURE_PATTERN));
	SF_TRY(keep_busy(guest, last + 1));
	sf_guest_hold(guest, SECOND / 2);
	/* The host looks at the pattern before it hears of this one: until then they are mapped. */
	return capture(guest, CAPTURE_BUSY);
}

/* The scheduler goes a moment after the CPU, and when PID 1 has noticed, this program does. */
static struct sf_error *leaves(struct sf_guest *guest, unsigned int last)
{
	SF_TRY(sf_guest_cpu_online(guest, last, false));
	sf_guest_hold(guest, 20 * SECOND);
	return NULL;
}

static struct sf_error *hotplug(struct sf_guest *guest, unsigned int last)
{
	SF_TRY(publish_system(guest));
	SF_TRY(publish_online(guest, ONLINE_BEFORE));
	SF_TRY(keep_busy(guest, last + 1));
	sf_guest_hold(guest, SECOND / 2);
	SF_TRY(capture(guest, CAPTURE_BUSY));
	SF_TRY(publish_words(guest, SAID_CPU_0, sf_guest_cpu_online(guest, 0, false)));
	SF_TRY(publish_words(guest, SAID_CPU_99, sf_guest_cpu_online(guest, 99, false)));
	SF_TRY(sf_guest_cpu_online(guest, last, false));
	/* Again: it is so already. */
	SF_TRY(sf_guest_cpu_online(guest, last, false));
	SF_TRY(publish_online(guest, ONLINE_WITHOUT));
	SF_TRY(capture(guest, CAPTURE_OFFLINE));
	SF_TRY(sf_guest_cpu_online(guest, last, true));
	SF_TRY(publish_online(guest, ONLINE_AFTER));
	SF_TRY(publish_words(guest, SAID_ATTACHED, sf_guest_attached(guest, 10 * SECOND)));
	return capture(guest, CAPTURE_ONLINE);
}

int topology_guest(const char *part, unsigned int last_cpu)
{
	SF_OWNED(guest) guest = NULL;
	SF_OWNED(error) err = sf_guest_open(NULL, &guest);

	if (!err)
		err = !strcmp(part, PART_NODES) ? nodes(guest, last_cpu) :
		      !strcmp(part, PART_LEAVES) ? leaves(guest, last_cpu) : hotplug(guest, last_cpu);
	if (!err)
		return 0;
	fprintf(stderr, "%s\n", sf_error_message(err));
	sf_error_free(sf_guest_check(guest, false, "%s", sf_error_message(err)));
	return 1;
}

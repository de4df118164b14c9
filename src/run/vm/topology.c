/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shapes that a guest's CPUs can have, as words and as numbers.
 */

#include <inttypes.h>

#include "base/text.h"
#include "cmdline.h"

#define MIB (UINT64_C(1) << 20)
#define MIN_NODE (64 * MIB)
/*
 * An xAPIC's ID has 8 bits and 255 is its broadcast. More takes an X2APIC, which QEMU's TCG has from 9.0 on and KVM only
 * with an emulated IOMMU to remap interrupts (x86_cpus_init() in hw/i386/x86.c). q35 itself stops at 288 CPUs in 7.2.
 */
#define MAX_CPUS 255
#define MAX_APIC_ID 254
#define SHOWN 40 /* bytes of a word that a message repeats */

static const struct part {
	const char *name;
	size_t offset;
	uint32_t max;
} parts[] = {
	{ "sockets", offsetof(struct sf_topology, sockets), MAX_CPUS },
	{ "llcs", offsetof(struct sf_topology, llcs), MAX_CPUS },
	{ "cores", offsetof(struct sf_topology, cores), MAX_CPUS },
	{ "threads", offsetof(struct sf_topology, threads), MAX_CPUS },
	{ "numa", offsetof(struct sf_topology, numa), SF_VM_MAX_NODES },
};
#define N_LEVELS 4 /* numa is none */

static uint32_t *part_of(struct sf_topology *t, const struct part *part)
{
	return (uint32_t *)((char *)t + part->offset);
}

static uint64_t count_of(const struct sf_topology *t, const struct part *part)
{
	return sf_max(*part_of((struct sf_topology *)t, part), 1u);
}

uint32_t sf_vm_topology_cpus(const struct sf_topology *t)
{
	uint64_t n = 1;

	for (size_t i = 0; i < N_LEVELS; i++) {
		n *= count_of(t, &parts[i]);
		if (n > MAX_CPUS)
			return 0;
	}
	return (uint32_t)n;
}

uint32_t sf_vm_topology_llcs(const struct sf_topology *t)
{
	return sf_max(t->sockets, 1u) * sf_max(t->llcs, 1u);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* false: @text is no number from 1 to @max. */
static bool parse_count(const char *text, uint32_t max, uint32_t *ret)
{
	uint32_t n = 0;

	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || n > max)
			return false;
		n = n * 10 + (uint32_t)(*p - '0');
	}
	if (!n || n > max)
		return false;
	*ret = n;
	return true;
}

/* The word in quotes, as much of it as can be shown anywhere, between what is said of it. */
static struct sf_error *refuse(const char *word, const char *before, const char *after)
{
	_cleanup_text_ struct sf_text shown = { 0 };

	sf_text_put_name(&shown, word, SHOWN);
	sf_text_putn(&shown, "", 1);
	return sf_error_new(SF_USAGE, "%s\"%s\"%s", before, shown.failed ? "?" : shown.v, after);
}

static struct sf_error *parse_part(const char *name, const char *value, struct sf_topology *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint32_t *n = part_of(t, &parts[i]);

		if (strcmp(name, parts[i].name))
			continue;
		if (*n)
			return sf_error_new(SF_USAGE, "%s stands there twice", name);
		if (parse_count(value, parts[i].max, n))
			return NULL;
		char before[64];

		snprintf(before, sizeof(before), "%s takes a number from 1 to %u, not ", name, parts[i].max);
		return refuse(value, before, "");
	}
	return refuse(name, "there is no ", "; there are sockets, llcs (of a socket), cores (of an LLC), threads (of a "
		      "core), and numa (nodes in all)");
}

struct sf_error *sf_vm_topology_parse(const char *text, struct sf_topology *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	struct sf_topology t = { 0 };
	char *rest = copy;

	if (!copy)
		return sf_error_nomem();
	if (!strchr(text, '=')) {
		if (!parse_count(text, MAX_CPUS, &t.cores))
			return sf_error_new(SF_USAGE, "it takes a number of CPUs from 1 to %u, or a shape such as "
					    "sockets=2,llcs=2,cores=2,threads=2,numa=2", MAX_CPUS);
		*ret = t;
		return NULL;
	}
	for (char *word; (word = strsep(&rest, ","));) {
		char *value = strchr(word, '=');

		if (!value)
			return refuse(word, "", " has no number; it takes NAME=N with commas between, such as "
				      "sockets=2,cores=4");
		*value++ = '\0';
		SF_TRY(parse_part(word, value, &t));
	}
	*ret = t;
	return NULL;
}

/* "2 sockets x 1 LLC x 4 cores x 2 threads" */
static void put_levels(struct sf_text *text, const struct sf_topology *t)
{
	static const char *const one[N_LEVELS] = { "socket", "LLC", "core", "thread" };

	for (size_t i = 0; i < N_LEVELS; i++) {
		uint64_t n = count_of(t, &parts[i]);

		sf_text_putf(text, "%s%" PRIu64 " %s%s", i ? " x " : "", n, one[i], n == 1 ? "" : "s");
	}
}

char *sf_vm_topology_text(const struct sf_topology *t)
{
	uint32_t n = sf_vm_topology_cpus(t), numa = sf_max(t->numa, 1u);
	struct sf_text text = { 0 };

	sf_text_putf(&text, "%" PRIu32 " CPU%s", n, n == 1 ? "" : "s");
	/* Cores alone are what the number says. */
	if (n != sf_max(t->cores, 1u)) {
		sf_text_put(&text, " (");
		put_levels(&text, t);
		sf_text_put(&text, ")");
	}
	if (numa > 1)
		sf_text_putf(&text, ", %" PRIu32 " NUMA nodes", numa);
	return sf_text_take(&text);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* QEMU gives each level a whole number of bits of an APIC ID (include/hw/i386/topology.h). */
static uint64_t highest_apic_id(const struct sf_topology *t)
{
	uint64_t id = 0;

	for (size_t i = 0; i < N_LEVELS; i++) {
		uint64_t n = count_of(t, &parts[i]), bits = 0;

		while (UINT64_C(1) << bits < n)
			bits++;
		id = id << bits | (n - 1);
	}
	return id;
}

static struct sf_error *check_cpus(const struct sf_topology *t)
{
	_cleanup_text_ struct sf_text levels = { 0 };
	uint64_t n = 1;

	for (size_t i = 0; i < N_LEVELS; i++) {
		uint64_t own = count_of(t, &parts[i]);

		if (own > MAX_CPUS)
			return sf_error_new(SF_USAGE, "topology: %s=%" PRIu64 "; a guest has at most %d CPUs",
					    parts[i].name, own, MAX_CPUS);
		n *= own;
	}
	put_levels(&levels, t);
	if (levels.failed)
		return sf_error_nomem();
	if (n > MAX_CPUS)
		return sf_error_new(SF_USAGE, "topology: %s are %" PRIu64 " CPUs; a guest has at most %d (QEMU's limit "
				    "without an X2APIC)", levels.v, n, MAX_CPUS);
	if (highest_apic_id(t) > MAX_APIC_ID)
		return sf_error_new(SF_USAGE, "topology: %s need APIC IDs up to %" PRIu64 ", since each of these is "
				    "rounded up to a power of two there; QEMU has them up to %d without an X2APIC",
				    levels.v, highest_apic_id(t), MAX_APIC_ID);
	return NULL;
}

struct sf_error *sf_vm_topology_check(const struct sf_topology *t, uint64_t memory)
{
	SF_TRY(check_cpus(t));
	uint32_t nodes = sf_max(t->numa, 1u), llcs = sf_vm_topology_llcs(t);

	if (nodes > SF_VM_MAX_NODES)
		return sf_error_new(SF_USAGE, "topology: numa=%u; a guest has at most %d nodes", nodes, SF_VM_MAX_NODES);
	if (nodes > llcs)
		return sf_error_new(SF_USAGE, "topology: numa=%u is more than there are last-level caches (%u: sockets x "
				    "llcs); a node has at least one of them", nodes, llcs);
	if (llcs % nodes)
		return sf_error_new(SF_USAGE, "topology: %u last-level caches (sockets x llcs) cannot be shared out "
				    "evenly to numa=%u nodes", llcs, nodes);
	if (nodes > 1 && memory < nodes * MIN_NODE)
		return sf_error_new(SF_USAGE, "topology: %" PRIu64 " MiB of memory are too little for numa=%u nodes; each "
				    "has at least %" PRIu64 " MiB, that is %" PRIu64 " in all",
				    memory / MIB, nodes, MIN_NODE / MIB, nodes * MIN_NODE / MIB);
	return NULL;
}

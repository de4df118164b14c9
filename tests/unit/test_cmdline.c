/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What QEMU is told, and what of the same room needs no QEMU: the layout of RAM, cleaned console text, finding QEMU. */
#include "check.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/run/vm/cmdline.h"
#include "../../src/run/vm/console.h"
#include "../../src/run/vm/guardian.h"
#include "../../src/run/vm/probe.h"
#include "base/file.h"
#include "base/text.h"

static struct sf_qemu qemu = { .path = (char *)"/usr/bin/qemu-system-x86_64", .version = (char *)"7.2.0" };

static struct sf_vm_config config(void)
{
	return (struct sf_vm_config){
		.qemu = &qemu,
		.accel = SF_ACCEL_TCG,
		.kernel = "/k/vmlinuz",
		.initrd = "/k/initrd",
		.run_dir = "/run/dir",
		.memory = UINT64_C(512) << 20,
		.topology = { .cores = 2 },
	};
}

/* The word after @option whose beginning is @begin; NULL: none. */
static const char *value_of(const struct sf_cmdline *c, const char *option, const char *begin)
{
	for (size_t i = 0; i + 1 < c->n; i++)
		if (!strcmp(c->v[i], option) && !strncmp(c->v[i + 1], begin, strlen(begin)))
			return c->v[i + 1];
	return NULL;
}

static void test_vcpus_have_threads_where_they_do_not_race(void **state)
{
	static const struct {
		unsigned int major, minor;
		const char *accel;
	} cases[] = {
		{ 7, 2, "tcg,thread=single,tb-size=512" }, { 8, 0, "tcg,thread=single,tb-size=512" },
		{ 8, 1, "tcg,thread=multi,tb-size=512" },  { 10, 0, "tcg,thread=multi,tb-size=512" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_cmdline_ struct sf_cmdline c = { 0 };
		struct sf_qemu other = { .path = qemu.path, .version = qemu.version };
		struct sf_vm_config cfg = config();

		other.major = cases[i].major;
		other.minor = cases[i].minor;
		cfg.qemu = &other;
		assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &c));
		assert_string_equal(value_of(&c, "-accel", ""), cases[i].accel);
	}
}

static void test_it_says_what_the_design_needs(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &c));
	assert_string_equal(c.v[0], qemu.path);
	assert_null(c.v[c.n]);
	assert_non_null(value_of(&c, "-sandbox",
				 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
	assert_non_null(value_of(&c, "-action", "reboot=shutdown,shutdown=pause,panic=pause"));
	assert_string_equal(value_of(&c, "-object", "memory-backend-file"),
			    "memory-backend-file,id=ram0,size=536870912,mem-path=/proc/self/fd/8,share=on");
	assert_int_equal(SF_VM_FD_RAM, 8);
	assert_non_null(strstr(value_of(&c, "-machine", "q35"), "max-ram-below-4g=2147483648"));
	assert_non_null(strstr(value_of(&c, "-machine", "q35"), "memory-backend=ram0,"));
	assert_null(value_of(&c, "-numa", ""));
	assert_string_equal(value_of(&c, "-smp", ""), "2,sockets=1,dies=1,cores=2,threads=1");
	assert_string_equal(value_of(&c, "-accel", ""), "tcg,thread=single,tb-size=512");
	assert_non_null(value_of(&c, "-device", "virtconsole,bus=ports.0,nr=0"));
	assert_string_equal(value_of(&c, "-device", "virtserialport,bus=ports.0,nr=1"),
			    "virtserialport,bus=ports.0,nr=1,chardev=bulk,name=stillframe-bulk");
	assert_string_equal(value_of(&c, "-device", "virtserialport,bus=ports.0,nr=2"),
			    "virtserialport,bus=ports.0,nr=2,chardev=stats,name=stillframe-stats");
	assert_non_null(value_of(&c, "-chardev", "socket,id=monitor,path=/tmp/s/monitor.sock,server=on,wait=off"));
	assert_null(value_of(&c, "-gdb", ""));
}

static void test_what_we_rely_on_comes_last_for_the_kernel(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.append = "panic=0 loglevel=7";
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &c));
	const char *append = value_of(&c, "-append", "");

	assert_contains(append, "console=ttyS0 loglevel=4");
	assert_contains(append, " cryptomgr.notests ");
	assert_null(strstr(append, "tsc_early_khz"));
	assert_contains(append, " panic=0 loglevel=7 panic=-1 STILLFRAME_GUEST=1");
}

static void test_a_guest_under_tcg_is_told_how_fast_its_clock_counts(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline tcg = { 0 };
	_cleanup_cmdline_ struct sf_cmdline kvm = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.tsc_khz = 2596110;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &tcg));
	cfg.accel = SF_ACCEL_KVM;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &kvm));
	assert_contains(value_of(&tcg, "-append", ""), " tsc_early_khz=2596110 ");
	assert_null(strstr(value_of(&kvm, "-append", ""), "tsc_early_khz"));
}

static void test_kvm_uses_the_clock_that_stands_still(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline tcg = { 0 };
	_cleanup_cmdline_ struct sf_cmdline kvm = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &tcg));
	cfg.accel = SF_ACCEL_KVM;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &kvm));
	assert_contains(value_of(&kvm, "-append", ""), "clocksource=kvm-clock");
	assert_null(strstr(value_of(&tcg, "-append", ""), "clocksource="));
	assert_string_equal(value_of(&kvm, "-accel", ""), "kvm");
	assert_non_null(value_of(&kvm, "-cpu", "host"));
	assert_non_null(value_of(&tcg, "-cpu", "max"));
}

static void test_commas_in_paths_are_doubled(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.run_dir = "/a,b/c";
	cfg.kernel = "/k,1/vmlinuz";
	cfg.gdb = true;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/x,y", &c));
	assert_string_equal(value_of(&c, "-chardev", "file,id=serial"),
			    "file,id=serial,path=/a,,b/c/console.log,append=on");
	assert_non_null(value_of(&c, "-chardev", "socket,id=gdb,path=/tmp/x,,y/gdb.sock,"));
	/* -kernel is no option list. */
	assert_string_equal(value_of(&c, "-kernel", ""), "/k,1/vmlinuz");
}

static void test_more_arguments_come_last(void **state)
{
	static const char *const extra[] = { "-global", "x.y=z", NULL };
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.extra = extra;
	cfg.initrd = NULL;
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &c));
	assert_string_equal(c.v[c.n - 1], "x.y=z");
	assert_null(value_of(&c, "-initrd", ""));
}

static void test_what_cannot_be_is_refused_by_name(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.memory = (UINT64_C(64) << 20) + 1;
	assert_says(sf_cmdline_build(&cfg, "/tmp/s", &c), SF_USAGE, "67108865 bytes");
	cfg.memory = UINT64_C(1) << 20;
	assert_says(sf_cmdline_build(&cfg, "/tmp/s", &c), SF_USAGE, "memory");
	cfg = config();
	cfg.topology = (struct sf_topology){ 65536, 65536, 65536, 65536 };
	assert_says(sf_cmdline_build(&cfg, "/tmp/s", &c), SF_USAGE, "topology");
	cfg = config();
	cfg.accel = SF_ACCEL_AUTO;
	assert_says(sf_cmdline_build(&cfg, "/tmp/s", &c), SF_USAGE, "auto");
	assert_null(c.v);
}

static void test_the_text_can_be_pasted_into_a_shell(void **state)
{
	char *v[] = { (char *)"/bin/x", (char *)"a b", (char *)"it's", (char *)"", (char *)"k=v,w", NULL };
	struct sf_cmdline c = { .v = v, .n = 5 };
	_cleanup_free_ char *text = sf_cmdline_text(&c);

	(void)state;
	assert_string_equal(text, "/bin/x 'a b' 'it'\\''s' '' k=v,w");
}

/* ---- topology ----------------------------------------------------------------------------------- */

static void test_topologies_multiply(void **state)
{
	const struct sf_topology all = { 2, 3, 4, 2, 2 }, none = { 0 }, wraps = { 65536, 65536, 1, 1 };
	_cleanup_free_ char *all_text = sf_vm_topology_text(&all), *none_text = sf_vm_topology_text(&none);

	(void)state;
	assert_int_equal(sf_vm_topology_cpus(&all), 48);
	assert_int_equal(sf_vm_topology_llcs(&all), 6);
	assert_int_equal(sf_vm_topology_cpus(&none), 1);
	assert_int_equal(sf_vm_topology_cpus(&wraps), 0);
	assert_string_equal(all_text, "48 CPUs (2 sockets x 3 LLCs x 4 cores x 2 threads), 2 NUMA nodes");
	assert_string_equal(none_text, "1 CPU");
}

static void test_topologies_are_read(void **state)
{
	static const struct {
		const char *text;
		struct sf_topology want;
	} cases[] = {
		{ "8", { .cores = 8 } },
		{ "1", { .cores = 1 } },
		{ "255", { .cores = 255 } },
		{ "sockets=2,llcs=3,cores=4,threads=5,numa=6", { 2, 3, 4, 5, 6 } },
		{ "numa=2,sockets=2", { .sockets = 2, .numa = 2 } },
		{ "cores=08", { .cores = 8 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sf_topology t = { 9, 9, 9, 9, 9 };

		assert_ok(sf_vm_topology_parse(cases[i].text, &t));
		assert_memory_equal(&t, &cases[i].want, sizeof(t));
	}
}

static void test_what_is_no_topology_is_refused_with_what_is_allowed(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "a number of CPUs from 1 to 255, or a shape such as sockets=2,llcs=2" },
		{ "0", "from 1 to 255" },
		{ "256", "from 1 to 255" },
		{ "-1", "from 1 to 255" },
		{ "2x", "from 1 to 255" },
		{ " 2", "from 1 to 255" },
		{ "4294967297", "from 1 to 255" },
		{ "99999999999999999999999", "from 1 to 255" },
		{ "=", "there is no \"\"; there are sockets, llcs" },
		{ "sockets=", "sockets takes a number from 1 to 255, not \"\"" },
		{ "sockets=0", "sockets takes a number from 1 to 255, not \"0\"" },
		{ "threads=256", "threads takes a number from 1 to 255, not \"256\"" },
		{ "numa=33", "numa takes a number from 1 to 32, not \"33\"" },
		{ "llcs=2=3", "llcs takes a number from 1 to 255, not \"2=3\"" },
		{ "cores=4294967298", "cores takes a number" },
		{ "sockets=2,sockets=2", "sockets stands there twice" },
		{ "sockets=2,", "\"\" has no number" },
		{ "sockets=2,,cores=1", "\"\" has no number" },
		{ "8,cores=2", "\"8\" has no number" },
		{ "dies=2", "there is no \"dies\"; there are sockets, llcs (of a socket), cores (of an LLC), threads" },
		{ "Sockets=2", "there is no \"Sockets\"" },
		{ "sockets=2 ,cores=2", "sockets takes a number from 1 to 255, not \"2 \"" },
		{ "sockets=2 cores=2", "sockets takes a number from 1 to 255, not \"2 cores=2\"" },
		{ "so\033[2J=2", "there is no \"so\\x1b[2J\";" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sf_topology t = { 9, 9, 9, 9, 9 };

		assert_says(sf_vm_topology_parse(cases[i].text, &t), SF_USAGE, cases[i].says);
		assert_int_equal(t.sockets, 9);
	}
}

static void test_topologies_that_cannot_be_are_refused_by_the_limit(void **state)
{
	const uint64_t mib = UINT64_C(1) << 20;
	static const struct {
		struct sf_topology t;
		uint64_t mib;
		const char *says; /* NULL: fine */
	} cases[] = {
		{ { .cores = 255 }, 64, NULL },
		{ { .cores = 256 }, 64, "cores=256; a guest has at most 255 CPUs" },
		{ { .sockets = 16, .cores = 16 }, 64, "16 sockets x 1 LLC x 16 cores x 1 thread are 256 CPUs; "
		  "a guest has at most 255" },
		{ { 255, 255, 255, 255 }, 64, "are 4228250625 CPUs" },
		{ { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 1 }, 64, "sockets=4294967295" },
		/* 3 bits of sockets, 6 of cores: as many IDs as 512 CPUs have. */
		{ { .sockets = 5, .cores = 33 }, 64, "need APIC IDs up to 288" },
		{ { .sockets = 4, .cores = 33 }, 64, NULL },
		{ { .sockets = 3, .cores = 63 }, 64, NULL },
		{ { .sockets = 127, .cores = 2 }, 64, NULL },
		{ { .sockets = 2, .llcs = 2, .numa = 4 }, 256, NULL },
		{ { .sockets = 3, .llcs = 2, .numa = 2 }, 128, NULL },
		{ { .sockets = 2, .numa = 2 }, 127, "127 MiB of memory are too little for numa=2 nodes; each has at "
		  "least 64 MiB, that is 128 in all" },
		{ { .sockets = 3, .numa = 2 }, 1024, "3 last-level caches (sockets x llcs) cannot be shared out "
		  "evenly to numa=2 nodes" },
		{ { .cores = 8, .numa = 2 }, 1024, "numa=2 is more than there are last-level caches (1:" },
		{ { .sockets = 64, .numa = 64 }, 65536, "numa=64; a guest has at most 32 nodes" },
		{ { .sockets = 32, .numa = 32 }, 2048, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].says)
			assert_says(sf_vm_topology_check(&cases[i].t, cases[i].mib * mib), SF_USAGE, cases[i].says);
		else
			assert_ok(sf_vm_topology_check(&cases[i].t, cases[i].mib * mib));
	}
}

/* All words after @option, with spaces between. */
static char *all_of(const struct sf_cmdline *c, const char *option)
{
	struct sf_text t = { 0 };

	for (size_t i = 0; i + 1 < c->n; i++)
		if (!strcmp(c->v[i], option))
			sf_text_putf(&t, "%s%s", t.n ? " " : "", c->v[i + 1]);
	return sf_text_take(&t);
}

static void test_sockets_caches_cores_and_threads_are_told(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.topology = (struct sf_topology){ 2, 3, 4, 2 };
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &c));
	assert_string_equal(value_of(&c, "-smp", ""), "48,sockets=2,dies=3,cores=4,threads=2");
	assert_null(value_of(&c, "-numa", ""));
	/* Linux believes an Intel what it says of its dies, and none waits in MWAIT, which spins. */
	assert_contains(value_of(&c, "-cpu", ""), "max,vendor=GenuineIntel,");
	assert_contains(value_of(&c, "-cpu", ""), ",monitor=off");
}

static void test_nodes_have_a_file_and_whole_caches_each(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline sockets = { 0 };
	_cleanup_cmdline_ struct sf_cmdline dies = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.topology = (struct sf_topology){ .sockets = 2, .cores = 2, .numa = 2 };
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &sockets));
	_cleanup_free_ char *numa = all_of(&sockets, "-numa"), *objects = all_of(&sockets, "-object");

	assert_string_equal(numa, "node,nodeid=0,memdev=ram0 node,nodeid=1,memdev=ram1 "
				  "cpu,node-id=0,socket-id=0 cpu,node-id=1,socket-id=1");
	assert_string_equal(objects, "memory-backend-file,id=ram0,size=268435456,mem-path=/proc/self/fd/8,share=on "
				     "memory-backend-file,id=ram1,size=268435456,mem-path=/proc/self/fd/9,share=on");
	/* QEMU refuses both. */
	assert_null(strstr(value_of(&sockets, "-machine", "q35"), "memory-backend"));

	cfg.topology = (struct sf_topology){ .sockets = 2, .llcs = 2, .numa = 2 };
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &dies));
	_cleanup_free_ char *die_numa = all_of(&dies, "-numa");

	assert_contains(die_numa, "cpu,node-id=0,socket-id=0,die-id=0 cpu,node-id=0,socket-id=0,die-id=1 "
				  "cpu,node-id=1,socket-id=1,die-id=0 cpu,node-id=1,socket-id=1,die-id=1");
}

static void test_every_node_has_an_fd_that_the_guardian_can_give(void **state)
{
	_cleanup_cmdline_ struct sf_cmdline c = { 0 };
	struct sf_vm_config cfg = config();

	(void)state;
	cfg.memory = UINT64_C(4) << 30;
	cfg.topology = (struct sf_topology){ .sockets = SF_VM_MAX_NODES, .numa = SF_VM_MAX_NODES };
	assert_ok(sf_cmdline_build(&cfg, "/tmp/s", &c));
	assert_string_equal(value_of(&c, "-object", "memory-backend-file,id=ram31,"),
			    "memory-backend-file,id=ram31,size=134217728,mem-path=/proc/self/fd/39,share=on");
	assert_int_equal(SF_VM_FD_END, 40);
}

/* ---- the layout of RAM -------------------------------------------------------------------------- */

static void test_ram_has_a_hole_from_2_gib(void **state)
{
	const uint64_t gib = UINT64_C(1) << 30;
	struct sf_vm_ram ram;

	(void)state;
	sf_vm_ram_layout(2 * gib, 1, &ram);
	assert_int_equal(ram.n, 1);
	assert_int_equal(ram.n_files, 1);
	assert_int_equal(ram.fds[0], -1);
	assert_int_equal(ram.ranges[0].len, 2 * gib);
	sf_vm_ram_layout(3 * gib, 1, &ram);
	assert_int_equal(ram.n, 2);
	assert_int_equal(ram.file_sizes[0], 3 * gib);
	assert_int_equal(ram.ranges[0].len, 2 * gib);
	assert_int_equal(ram.ranges[1].gpa, 4 * gib);
	assert_int_equal(ram.ranges[1].offset, 2 * gib);
	assert_int_equal(ram.ranges[1].len, gib);
	assert_int_equal(ram.ranges[1].file, 0);
}

static void assert_range(const struct sf_ram_range *r, uint64_t gpa_mib, uint64_t len_mib, uint64_t offset_mib,
			 uint32_t file)
{
	assert_int_equal(r->gpa >> 20, gpa_mib);
	assert_int_equal(r->len >> 20, len_mib);
	assert_int_equal(r->offset >> 20, offset_mib);
	assert_int_equal(r->file, file);
}

static void test_the_node_at_the_hole_is_cut_in_two(void **state)
{
	const uint64_t mib = UINT64_C(1) << 20;
	struct sf_vm_ram ram;

	(void)state;
	sf_vm_ram_layout(3072 * mib, 2, &ram);
	assert_int_equal(ram.n, 3);
	assert_int_equal(ram.n_files, 2);
	assert_range(&ram.ranges[0], 0, 1536, 0, 0);
	assert_range(&ram.ranges[1], 1536, 512, 0, 1);
	assert_range(&ram.ranges[2], 4096, 1024, 512, 1);
	/* The first may be the one that is cut, */
	sf_vm_ram_layout(6144 * mib, 2, &ram);
	assert_int_equal(ram.n, 3);
	assert_range(&ram.ranges[0], 0, 2048, 0, 0);
	assert_range(&ram.ranges[1], 4096, 1024, 2048, 0);
	assert_range(&ram.ranges[2], 5120, 3072, 0, 1);
	/* or none, where a node ends at the hole. */
	sf_vm_ram_layout(4096 * mib, 2, &ram);
	assert_int_equal(ram.n, 2);
	assert_range(&ram.ranges[0], 0, 2048, 0, 0);
	assert_range(&ram.ranges[1], 4096, 2048, 0, 1);
}

/* Whatever the size and the number of nodes: every byte of every file is at one address, and nothing is in the hole. */
static void test_nodes_cover_all_memory_once(void **state)
{
	const uint64_t mib = UINT64_C(1) << 20, gib = 1024 * mib;
	static const uint64_t sizes[] = { 2048, 2049, 3071, 4097, 6000, 65537 };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (uint32_t nodes = 1; nodes <= SF_VM_MAX_NODES; nodes++) {
			uint64_t used[SF_VM_MAX_NODES] = { 0 }, end = 0, total = 0;
			struct sf_vm_ram ram;

			sf_vm_ram_layout(sizes[s] * mib, nodes, &ram);
			assert_int_equal(ram.n_files, nodes);
			for (size_t i = 0; i < ram.n; i++) {
				const struct sf_ram_range *r = &ram.ranges[i];

				assert_true(r->gpa >= end && r->len && !(r->gpa % mib));
				assert_true(r->gpa + r->len <= 2 * gib || r->gpa >= 4 * gib);
				assert_int_equal(r->offset, used[r->file]);
				used[r->file] += r->len;
				total += r->len;
				end = r->gpa + r->len;
			}
			assert_int_equal(total, sizes[s] * mib);
			for (uint32_t i = 0; i < nodes; i++)
				assert_int_equal(used[i], ram.file_sizes[i]);
		}
	}
}

/* ---- */

static void test_console_text_is_cleaned(void **state)
{
	static const char raw[] = "\033c\033[?7l\033[2Ja\tb\r\n\001\177c\xff\xc3\xa9\033[31mred\033[0m\033";
	char out[sizeof(raw)];
	size_t n = sf_console_clean(raw, sizeof(raw) - 1, out);

	(void)state;
	out[n] = '\0';
	assert_string_equal(out, "a b\nc?\xc3\xa9red");
}

static int temporary(const char *text)
{
	char path[] = "/tmp/stillframe-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_ok(sf_write_all(fd, text, strlen(text)));
	return fd;
}

static void test_the_tail_is_whole_lines(void **state)
{
	_cleanup_close_ int fd = temporary("one\r\ntwo\r\nthree\r\n");
	_cleanup_close_ int empty = temporary("");
	_cleanup_free_ char *two = NULL, *all = NULL, *none = NULL, *nothing = NULL;

	(void)state;
	assert_ok(sf_console_tail(fd, 2, &two));
	assert_string_equal(two, "two\nthree");
	assert_ok(sf_console_tail(fd, 99, &all));
	assert_string_equal(all, "one\ntwo\nthree");
	assert_ok(sf_console_tail(fd, 0, &none));
	assert_string_equal(none, "");
	assert_ok(sf_console_tail(empty, 5, &nothing));
	assert_string_equal(nothing, "");
}

static void count_line(void *arg, const char *line, size_t len)
{
	(void)line;
	*(size_t *)arg += len ? 1 : 0;
}

static void test_a_panic_is_recognised_across_reads(void **state)
{
	struct sf_console console = { .fd = temporary("fine\n[    1.0] Kernel panic - not ") };
	size_t n = 0;

	(void)state;
	sf_console_scan(&console, count_line, &n);
	assert_int_equal(n, 1);
	assert_string_equal(console.panic, "");
	assert_ok(sf_write_all(console.fd, "syncing: why\nmore\n", 18));
	sf_console_scan(&console, count_line, &n);
	assert_int_equal(n, 3);
	assert_string_equal(console.panic, "[    1.0] Kernel panic - not syncing: why");
	close(console.fd);
}

static void test_a_line_without_end_is_cut(void **state)
{
	_cleanup_free_ char *text = malloc(3 * SF_CONSOLE_LINE + 1);
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 3 * SF_CONSOLE_LINE);
	text[3 * SF_CONSOLE_LINE] = '\0';
	struct sf_console console = { .fd = temporary(text) };

	sf_console_scan(&console, count_line, &n);
	assert_int_equal(n, 3);
	close(console.fd);
}

static void write_script(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_ok(sf_write_all(fd, text, strlen(text)));
	close(fd);
}

static void test_qemu_is_found_or_the_error_says_what_was(void **state)
{
	char dir[] = "/tmp/stillframe-test-XXXXXX";
	struct sf_qemu found = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *path = sf_asprintf("%s/qemu", dir);

	assert_says(sf_qemu_find(path, &found), SF_USAGE, "is no program");
	write_script(path, "#!/bin/sh\necho 'QEMU emulator version 7.1.9 (Old 1:7)'\n");
	assert_says(sf_qemu_find(path, &found), SF_USAGE, "QEMU 7.1.9 (Old 1:7); 7.2 or newer");
	write_script(path, "#!/bin/sh\necho hello\n");
	assert_says(sf_qemu_find(path, &found), SF_USAGE, "is not QEMU: asked for its version it says \"hello\"");
	write_script(path, "#!/bin/sh\necho 'QEMU emulator version 11.0.3'\n");
	assert_ok(sf_qemu_find(path, &found));
	assert_int_equal(found.major, 11);
	assert_int_equal(found.micro, 3);
	assert_string_equal(found.version, "11.0.3");
	sf_qemu_clear(&found);
	sf_guard_remove_dir(dir);
	assert_int_equal(access(dir, F_OK), -1);
}

static void test_the_probes_initramfs_is_a_cpio_with_an_init(void **state)
{
	_cleanup_free_ char *cpio = NULL;
	size_t len = 0;

	(void)state;
	assert_ok(sf_probe_initramfs(&cpio, &len));
	assert_int_equal(len % 4, 0);
	assert_memory_equal(cpio, "070701", 6);
	assert_memory_equal(cpio + 110, "init", 5);
	assert_memory_equal(cpio + 116, "\177ELF", 4);
	assert_non_null(memmem(cpio, len, SF_PROBE_MARKER, strlen(SF_PROBE_MARKER)));
	assert_non_null(memmem(cpio, len, "TRAILER!!!", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_says_what_the_design_needs),
		cmocka_unit_test(test_vcpus_have_threads_where_they_do_not_race),
		cmocka_unit_test(test_what_we_rely_on_comes_last_for_the_kernel),
		cmocka_unit_test(test_a_guest_under_tcg_is_told_how_fast_its_clock_counts),
		cmocka_unit_test(test_kvm_uses_the_clock_that_stands_still),
		cmocka_unit_test(test_commas_in_paths_are_doubled),
		cmocka_unit_test(test_more_arguments_come_last),
		cmocka_unit_test(test_what_cannot_be_is_refused_by_name),
		cmocka_unit_test(test_the_text_can_be_pasted_into_a_shell),
		cmocka_unit_test(test_topologies_multiply),
		cmocka_unit_test(test_topologies_are_read),
		cmocka_unit_test(test_what_is_no_topology_is_refused_with_what_is_allowed),
		cmocka_unit_test(test_topologies_that_cannot_be_are_refused_by_the_limit),
		cmocka_unit_test(test_sockets_caches_cores_and_threads_are_told),
		cmocka_unit_test(test_nodes_have_a_file_and_whole_caches_each),
		cmocka_unit_test(test_every_node_has_an_fd_that_the_guardian_can_give),
		cmocka_unit_test(test_ram_has_a_hole_from_2_gib),
		cmocka_unit_test(test_the_node_at_the_hole_is_cut_in_two),
		cmocka_unit_test(test_nodes_cover_all_memory_once),
		cmocka_unit_test(test_console_text_is_cleaned),
		cmocka_unit_test(test_the_tail_is_whole_lines),
		cmocka_unit_test(test_a_panic_is_recognised_across_reads),
		cmocka_unit_test(test_a_line_without_end_is_cut),
		cmocka_unit_test(test_qemu_is_found_or_the_error_says_what_was),
		cmocka_unit_test(test_the_probes_initramfs_is_a_cpio_with_an_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

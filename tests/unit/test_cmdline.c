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
			    "memory-backend-file,id=ram,size=536870912,mem-path=/proc/self/fd/3,share=on");
	assert_non_null(strstr(value_of(&c, "-machine", "q35"), "max-ram-below-4g=2147483648"));
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
	assert_contains(append, " panic=0 loglevel=7 panic=-1 STILLFRAME_GUEST=1");
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
	cfg.topology = (struct sf_vm_topology){ 65536, 65536, 65536, 65536 };
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

static void test_topologies_multiply(void **state)
{
	const struct sf_vm_topology all = { 2, 3, 4, 2 }, none = { 0 }, wraps = { 65536, 65536, 1, 1 };

	(void)state;
	assert_int_equal(sf_vm_topology_cpus(&all), 48);
	assert_int_equal(sf_vm_topology_cpus(&none), 1);
	assert_int_equal(sf_vm_topology_cpus(&wraps), 0);
}

static void test_ram_has_a_hole_from_2_gib(void **state)
{
	const uint64_t gib = UINT64_C(1) << 30;
	struct sf_vm_ram ram = { .fd = -1 };

	(void)state;
	sf_vm_ram_layout(2 * gib, &ram);
	assert_int_equal(ram.n, 1);
	assert_int_equal(ram.ranges[0].len, 2 * gib);
	sf_vm_ram_layout(3 * gib, &ram);
	assert_int_equal(ram.n, 2);
	assert_int_equal(ram.ranges[0].len, 2 * gib);
	assert_int_equal(ram.ranges[1].gpa, 4 * gib);
	assert_int_equal(ram.ranges[1].offset, 2 * gib);
	assert_int_equal(ram.ranges[1].len, gib);
}

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
		cmocka_unit_test(test_kvm_uses_the_clock_that_stands_still),
		cmocka_unit_test(test_commas_in_paths_are_doubled),
		cmocka_unit_test(test_more_arguments_come_last),
		cmocka_unit_test(test_what_cannot_be_is_refused_by_name),
		cmocka_unit_test(test_the_text_can_be_pasted_into_a_shell),
		cmocka_unit_test(test_topologies_multiply),
		cmocka_unit_test(test_ram_has_a_hole_from_2_gib),
		cmocka_unit_test(test_console_text_is_cleaned),
		cmocka_unit_test(test_the_tail_is_whole_lines),
		cmocka_unit_test(test_a_panic_is_recognised_across_reads),
		cmocka_unit_test(test_a_line_without_end_is_cut),
		cmocka_unit_test(test_qemu_is_found_or_the_error_says_what_was),
		cmocka_unit_test(test_the_probes_initramfs_is_a_cpio_with_an_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

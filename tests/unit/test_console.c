/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read out of the guest's console: lines, and the kernel's own words for its troubles. */
#include "check.h"

#include <sys/mman.h>

#include "../../src/run/vm/console.h"

static void is(enum sf_vm_trouble want, const char *line)
{
	enum sf_vm_trouble got = sf_vm_trouble(line);

	if (got != want)
		fail_msg("\"%s\" is %d, not %d", line, (int)got, (int)want);
}

/* As kernels from 6.12 to 7.3 print them. */
static void test_each_trouble_is_known_by_the_kernels_words(void **state)
{
	(void)state;
	is(SF_VM_SOFT_LOCKUP, "[   29.512345] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [sf-spin:88]");
	is(SF_VM_SOFT_LOCKUP, "[   29.512345] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [kworker/0:1H:17]");
	is(SF_VM_HARD_LOCKUP, "[   41.000001] watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 0");
	is(SF_VM_HARD_LOCKUP, "[   41.000001] watchdog: Watchdog detected hard LOCKUP on cpu 3");
	is(SF_VM_RCU_STALL, "[   65.712345] rcu: INFO: rcu_preempt self-detected stall on CPU");
	is(SF_VM_RCU_STALL, "[   65.712345] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:");
	is(SF_VM_RCU_STALL, "[   65.712345] rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 21 "
	   "jiffies s: 249 root: 0x2/.");
	is(SF_VM_RCU_STALL, "[   65.712345] INFO: rcu_tasks detected stalls on tasks:");
	is(SF_VM_RCU_STALL, "[   65.712345] INFO: rcu_tasks_trace detected stalls on tasks:");
	is(SF_VM_HUNG_TASK, "[  242.712345] INFO: task sf-pipe:91 blocked for more than 120 seconds.");
	is(SF_VM_HUNG_TASK, "[  242.712345] INFO: task jbd2/vda1-8:191 blocked in I/O wait for more than 120 seconds.");
	is(SF_VM_WORKQUEUE_LOCKUP, "[   91.712345] BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!");
}

static void test_what_printk_puts_before_it_may_be_there_or_not(void **state)
{
	static const char *const prefixes[] = {
		"", "[    0.000000] ", "[12345678.123456] ", "[   12.345678][    T1] ", "[   12.345678][   C0] ",
		"[   12.345678][  T101][   C1][sf-spin] ",
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(line, sizeof(line), "%swatchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:1]", prefixes[i]);
		is(SF_VM_SOFT_LOCKUP, line);
		snprintf(line, sizeof(line), "%srcu: INFO: rcu_preempt self-detected stall on CPU", prefixes[i]);
		is(SF_VM_RCU_STALL, line);
	}
}

static void test_the_kernel_may_print_behind_what_a_program_began(void **state)
{
	(void)state;
	is(SF_VM_SOFT_LOCKUP, "login: [   29.512345] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:1]");
	is(SF_VM_SOFT_LOCKUP, "[ok] [ 1.2] x [   29.512345] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:1]");
	/* Without its stamp it is somebody's quotation. */
	is(SF_VM_NO_TROUBLE, "I read: watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:1]");
	is(SF_VM_NO_TROUBLE, "[   29.512345] systemd[1]: watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:1]");
}

static void test_other_words_are_no_trouble(void **state)
{
	static const char *const lines[] = {
		"", "[", "[]", "[   1.123456]", "[   1.123456] ", "[   1.12345] x", "[.123456] x", "[1.123456", "rcu: ", "INFO: ",
		"INFO: task ", "INFO: task :", "INFO: task a:1", "INFO: task a:1 blocked", "INFO: task a: blocked for more than 1",
		"[    0.123456] watchdog: Delayed init of the lockup detector failed: -19",
		"[    0.123456] watchdog: CPU", "[    0.123456] watchdog: CPU1", "[    0.123456] watchdog: CPU1: ",
		"[    0.123456] rcu: INFO: rcu_preempt kthread starved for 5250 jiffies!",
		"[    0.123456] rcu: INFO: rcu_preempt", "[    0.123456] rcu: INFO: RCU self-detected stall on CPU",
		"[    0.123456] rcu: Hierarchical RCU implementation.",
		"[    0.123456] INFO: task sf-pipe:91 is blocked on a mutex likely owned by task a:1.",
		"[    0.123456] watchdog: BUG: soft lock", "[    0.123456] BUG: workqueue lock",
		"[    0.123456] sched_ext: BPF scheduler \"a\" disabled (runnable task stall)",
		"[    0.123456][    T1", "[    0.123456][", "[    0.123456][[[[",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		is(SF_VM_NO_TROUBLE, lines[i]);
}

/* A task's name is whatever it likes; the kernel's words about it stand behind its number. */
static void test_a_tasks_name_may_look_like_the_words(void **state)
{
	(void)state;
	is(SF_VM_HUNG_TASK, "INFO: task a:1 b:2:33 blocked for more than 120 seconds.");
	is(SF_VM_HUNG_TASK, "INFO: task :::7 blocked for more than 120 seconds.");
	is(SF_VM_NO_TROUBLE, "INFO: task 1: blocked for more than 120 seconds.");
}

static void test_a_line_of_stamps_has_an_end(void **state)
{
	char line[SF_CONSOLE_LINE] = "";

	(void)state;
	for (size_t n = 0; n + 40 < sizeof(line); n += 13)
		snprintf(line + n, sizeof(line) - n, "[ 1.123456] x");
	is(SF_VM_NO_TROUBLE, line);
	memset(line, '[', sizeof(line) - 1);
	is(SF_VM_NO_TROUBLE, line);
}

/* ---- from the file ------------------------------------------------------------------------------------------------- */

struct seen {
	size_t n, n_troubles;
	char last[SF_CONSOLE_LINE + 1];
};

static void on_line(void *arg, const char *line, size_t len)
{
	struct seen *s = arg;

	assert_int_equal(strlen(line), len);
	s->n++;
	s->n_troubles += sf_vm_trouble(line) != SF_VM_NO_TROUBLE;
	snprintf(s->last, sizeof(s->last), "%s", line);
}

static void print(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_a_line_is_looked_at_when_it_is_whole(void **state)
{
	struct sf_console console = { .fd = memfd_create("console", MFD_CLOEXEC) };
	struct seen seen = { 0 };

	(void)state;
	assert_true(console.fd >= 0);
	print(console.fd, "[   29.512345] watchdog: BUG: soft lock");
	sf_console_scan(&console, on_line, &seen);
	assert_int_equal(seen.n, 0);
	print(console.fd, "up - CPU#1 stuck for 22s! [a:1]\r\n\033[31m[   29.612345] rcu: INFO: rcu_preempt self-detected "
			  "stall on CPU\033[0m\r\n");
	sf_console_scan(&console, on_line, &seen);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.n_troubles, 2);
	assert_string_equal(seen.last, "[   29.612345] rcu: INFO: rcu_preempt self-detected stall on CPU");
	sf_console_scan(&console, on_line, &seen);
	assert_int_equal(seen.n, 2);
	close(console.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_trouble_is_known_by_the_kernels_words),
		cmocka_unit_test(test_what_printk_puts_before_it_may_be_there_or_not),
		cmocka_unit_test(test_the_kernel_may_print_behind_what_a_program_began),
		cmocka_unit_test(test_other_words_are_no_trouble),
		cmocka_unit_test(test_a_tasks_name_may_look_like_the_words),
		cmocka_unit_test(test_a_line_of_stamps_has_an_end),
		cmocka_unit_test(test_a_line_is_looked_at_when_it_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

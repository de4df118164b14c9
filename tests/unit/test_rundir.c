/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory of a run: whose it is, what stays in it, and what run.json says before there is a guest. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/run/trial/private.h"
#include "schema.h"

static char scratch[] = "/tmp/sf-rundir-XXXXXX";
static char home[PATH_MAX];

/* ---- a place for each test ---------------------------------------------------------------------------------------- */

static void clear(const char *path)
{
	DIR *dir = opendir(path);

	for (struct dirent *e; dir && (e = readdir(dir));) {
		_cleanup_free_ char *below = sf_asprintf("%s/%s", path, e->d_name);

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlink(below) && errno == EISDIR) {
			clear(below);
			rmdir(below);
		}
	}
	if (dir)
		closedir(dir);
}

static int set_up(void **state)
{
	(void)state;
	return getcwd(home, sizeof(home)) && mkdtemp(scratch) && !chdir(scratch) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	clear(scratch);
	return chdir(home) || rmdir(scratch) ? -1 : 0;
}

static void write_file(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
}

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static char *text_of(const char *path)
{
	char *text = NULL;

	assert_ok(sf_file_get(path, 1 << 20, &text, NULL));
	return text;
}

/* ---- a run without a guest ------------------------------------------------------------------------------------------ */

static struct sf_run run_in(const char *out, bool force)
{
	return (struct sf_run){
		.opt = { .name = "mine", .out = out, .force = force, .memory = UINT64_C(1) << 30,
			 .topology = { .cores = 2 } },
		.dir_fd = -1, .scheduler = (char *)"none", .began = sf_vm_clock(), .lock = PTHREAD_MUTEX_INITIALIZER,
	};
}

static void leave(struct sf_run *run)
{
	if (run->dir_fd >= 0)
		close(run->dir_fd);
	free(run->dir);
}

static struct sf_error *try_dir(const char *out, bool force)
{
	struct sf_run run = run_in(out, force);
	struct sf_error *err = sf_run_make_dir(&run);

	leave(&run);
	return err;
}

static void test_a_directory_with_something_in_it_is_refused_by_what_it_has(void **state)
{
	(void)state;
	mkdir("full", 0777);
	write_file("full/b\033[31m", "");
	write_file("full/a", "");
	assert_says(try_dir("full", false), SF_USAGE, "full is not empty (it has a, b\\x1b[31m); --force writes over");
	write_file("full/c", "");
	write_file("full/d", "");
	write_file("full/e", "");
	assert_says(try_dir("full", false), SF_USAGE, "(it has a, b\\x1b[31m, c and 2 more)");
	mkdir("empty", 0777);
	assert_ok(try_dir("empty", false));
	assert_ok(try_dir("new/and/deep", false));
	assert_true(is_there("new/and/deep"));
}

static void test_force_removes_what_a_run_left_and_nothing_else(void **state)
{
	static const char *const ours[] = {
		"run.json", "console.log", "qmp.log", "qemu.log", "initramfs.cpio", "kernel.unpacked", "mid.frame", "run.json.tmp.a0b1c2",
		"mid.frame.tmp.abcdef", "facts-0123abc-0123456789abcdef.core.zst", "facts--0123456789abcdef.core.zst",
	};
	static const char *const theirs[] = {
		"notes.txt", "facts-x.core.zst", "facts-12-0123.core.zst", "facts-", "holiday.frame", "run.json.bak",
		".frame", "x.tmp.abcdef", "run.json.tmp.a.b.cd", "mid.frames", "link.frame", "dir.frame", "old", "vmlinux",
	};

	(void)state;
	mkdir("used", 0777);
	write_file("outside", "keep me");
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		_cleanup_free_ char *path = sf_asprintf("used/%s", ours[i]);

		write_file(path, strstr(ours[i], ".frame") && !strstr(ours[i], ".tmp.") ? "\177ELF..." : "x");
	}
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
		_cleanup_free_ char *path = sf_asprintf("used/%s", theirs[i]);

		if (!strcmp(theirs[i], "link.frame"))
			assert_int_equal(symlink("../outside", path), 0);
		else if (!strcmp(theirs[i], "dir.frame"))
			assert_int_equal(mkdir(path, 0777), 0);
		else
			write_file(path, "theirs");
	}
	assert_ok(try_dir("used", true));
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		_cleanup_free_ char *path = sf_asprintf("used/%s", ours[i]);

		if (is_there(path))
			fail_msg("%s is still there", path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
		_cleanup_free_ char *path = sf_asprintf("used/%s", theirs[i]);

		if (!is_there(path))
			fail_msg("%s is gone", path);
	}
	assert_true(is_there("outside"));
}

/* QEMU would write through it, to wherever it leads. */
static void test_what_a_run_writes_to_is_no_link(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	mkdir("linked", 0777);
	write_file("precious", "keep me");
	assert_int_equal(symlink("../precious", "linked/console.log"), 0);
	assert_says(try_dir("linked", true), SF_USAGE, "linked/console.log is no plain file");
	text = text_of("precious");
	assert_string_equal(text, "keep me");
	assert_true(is_there("linked/console.log"));
}

static void test_what_is_no_directory_is_said_to_be_none(void **state)
{
	(void)state;
	write_file("file", "x");
	assert_says(try_dir("file", false), SF_USAGE, "file is no directory");
	assert_says(try_dir("file", true), SF_USAGE, "file is no directory");
	assert_code(try_dir("file/below", false), SF_SYSTEM);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_says(try_dir("dangling", false), SF_USAGE, "dangling is a symbolic link that leads nowhere");
	assert_false(is_there("nowhere"));
	mkdir("real", 0777);
	assert_int_equal(symlink("real", "link"), 0);
	assert_ok(try_dir("link", false));
}

static void test_a_directory_that_cannot_be_written_to_is_refused(void **state)
{
	struct sf_error *err, *below;

	(void)state;
	mkdir("closed", 0555);
	/* Root may write anywhere. access() looks at the real ids, files are made with the effective ones. */
	if (!getuid())
		assert_int_equal(chmod(scratch, 0755) | setresuid(65534, 65534, 0), 0);
	err = try_dir("closed", false);
	below = try_dir("closed/below", false);
	if (!geteuid() || getuid() == 65534)
		assert_int_equal(setresuid(0, 0, 0), 0);
	assert_says(err, SF_USAGE, "closed cannot be written to: Permission denied");
	assert_says(below, SF_SYSTEM, "closed/below");
}

static void test_a_directory_in_use_is_refused_whatever_is_asked(void **state)
{
	struct sf_run run = run_in("busy", false);

	(void)state;
	assert_ok(sf_run_make_dir(&run));
	assert_ok(sf_run_write_json(&run, false));
	assert_says(try_dir("busy", false), SF_USAGE, "busy is in use by another run");
	assert_says(try_dir("busy", true), SF_USAGE, "busy is in use by another run");
	assert_true(is_there("busy/run.json"));
	leave(&run);
	assert_says(try_dir("busy", false), SF_USAGE, "it has run.json");
	assert_ok(try_dir("busy", true));
}

static void test_runs_of_one_name_get_directories_of_their_own(void **state)
{
	struct sf_run a = run_in(NULL, false), b = run_in(NULL, false);

	(void)state;
	assert_ok(sf_run_make_dir(&a));
	assert_ok(sf_run_make_dir(&b));
	assert_string_equal(a.dir, "stillframe.out/mine-1");
	assert_string_equal(b.dir, "stillframe.out/mine-2");
	leave(&a);
	leave(&b);
}

/* ---- run.json ------------------------------------------------------------------------------------------------------- */

static struct sf_json *json_of(const char *path)
{
	_cleanup_free_ char *text = text_of(path);
	struct sf_json *ret = NULL;

	assert_ok(sf_json_read(text, strlen(text), &ret));
	return ret;
}

static void is_of_schema(struct sf_json *json)
{
	_cleanup_json_ struct sf_json *schema = NULL;

	assert_int_equal(chdir(home), 0);
	schema = schema_read(__FILE__, "docs/run.schema.json");
	assert_int_equal(chdir(scratch), 0);
	assert_true(schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(json)));
}

static void test_run_json_says_from_the_start_what_was_asked(void **state)
{
	static const char *const args[] = { "--slice", "5\n\xff", NULL }, *const none[] = { NULL };
	static const struct sf_capture_at captures[] = { { "mid", 5 } };
	static const struct sf_expect expects[] = { { "var(x) > 0", "mid", "s.yaml:1:2: expect" }, { "var(y)", NULL, NULL } };
	struct sf_run run = run_in("asked", false);
	_cleanup_json_ struct sf_json *json = NULL;
	const struct sf_json_node *r, *asked;

	(void)state;
	run.opt.args = args;
	run.opt.env = none;
	run.opt.captures = captures;
	run.opt.n_captures = 1;
	run.opt.expects = expects;
	run.opt.n_expects = 2;
	run.opt.capture_pointer_hops = UINT32_MAX;
	assert_ok(sf_run_make_dir(&run));
	assert_ok(sf_run_write_json(&run, false));
	json = json_of("asked/run.json");
	is_of_schema(json);
	r = sf_json_root(json);
	asked = sf_json_member(r, "asked");
	assert_false(sf_json_member_bool(r, "complete", true));
	assert_null(sf_json_member(r, "verdict"));
	assert_string_equal(sf_json_element(sf_json_member(asked, "args"), 1)->value.str, "5\n\\xff");
	assert_null(sf_json_member(asked, "env"));
	assert_int_equal(sf_json_member_u64(sf_json_member(asked, "keep"), "hops", 9), 0);
	assert_int_equal(sf_json_member_u64(sf_json_element(sf_json_member(asked, "captures"), 0), "at_ns", 0), 5);
	assert_string_equal(sf_json_member_str(sf_json_element(sf_json_member(r, "expects"), 0), "result", ""), "not asked");
	assert_int_equal(sf_json_member_u64(sf_json_member(r, "topology"), "cpus", 0), 2);
	leave(&run);
}

static void test_run_json_says_what_came_of_it(void **state)
{
	static const struct sf_expect expects[] = { { "var(x) > 0", "mid", NULL } };
	struct sf_run run = run_in("ended", false);
	_cleanup_json_ struct sf_json *json = NULL;
	const struct sf_json_node *e;

	(void)state;
	run.opt.expects = expects;
	run.opt.n_expects = 1;
	assert_ok(sf_run_make_dir(&run));
	sf_run_ask_expects(&run);
	run.finished = run.began + 1500000000;
	assert_ok(sf_run_write_json(&run, true));
	json = json_of("ended/run.json");
	is_of_schema(json);
	e = sf_json_element(sf_json_member(sf_json_root(json), "expects"), 0);
	assert_string_equal(sf_json_member_str(sf_json_root(json), "verdict", ""), "inconclusive");
	assert_int_equal(sf_json_member_u64(sf_json_root(json), "exit_code", 0), SF_INCONCLUSIVE);
	assert_string_equal(sf_json_member_str(e, "result", ""), "unknown");
	assert_contains(sf_json_member_str(e, "text", ""), "there is no capture \"mid\" to ask");
	sf_run_free_answers(&run);
	for (size_t i = 0; i < run.findings.n; i++)
		free((char *)run.findings.v[i].text);
	free(run.findings.v);
	leave(&run);
}

static void free_findings(struct sf_run *run)
{
	for (size_t i = 0; i < run->findings.n; i++)
		free((char *)run->findings.v[i].text);
	free(run->findings.v);
}

/* What a guest says fills neither the memory nor the room for what we have to say; the verdict stands without words. */
static void test_a_guest_that_finds_without_end_leaves_room_for_others(void **state)
{
	struct sf_run run = run_in(NULL, false);
	_cleanup_free_ char *text = malloc(32769);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 32768);
	text[32768] = '\0';
	run.verdict = SF_PASS;
	for (int i = 0; i < 10000; i++)
		sf_run_find_result(&run, true, "a", i < 1000 ? text : "x");
	assert_true(sf_run_n_findings(&run) > 200 && sf_run_n_findings(&run) < 4096);
	sf_run_find_result(&run, false, "a", "it does not hold");
	assert_int_equal(sf_run_verdict(&run), SF_FAIL);
	sf_run_find(&run, SF_HARNESS_FAILED, "harness", "ours");
	assert_string_equal(sf_run_finding(&run, sf_run_n_findings(&run) - 1)->text, "ours");
	free_findings(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_directory_with_something_in_it_is_refused_by_what_it_has),
		cmocka_unit_test(test_force_removes_what_a_run_left_and_nothing_else),
		cmocka_unit_test(test_what_a_run_writes_to_is_no_link),
		cmocka_unit_test(test_what_is_no_directory_is_said_to_be_none),
		cmocka_unit_test(test_a_directory_that_cannot_be_written_to_is_refused),
		cmocka_unit_test(test_a_directory_in_use_is_refused_whatever_is_asked),
		cmocka_unit_test(test_runs_of_one_name_get_directories_of_their_own),
		cmocka_unit_test(test_run_json_says_from_the_start_what_was_asked),
		cmocka_unit_test(test_run_json_says_what_came_of_it),
		cmocka_unit_test(test_a_guest_that_finds_without_end_leaves_room_for_others),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

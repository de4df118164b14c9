/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is named for the guest beside the scheduler is there: directories, libraries, what an interpreter needs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "pack/pack.h"

static char dir[64];
static struct sf_pack *pack;

static char *in_dir(const char *name)
{
	char *path = sf_asprintf("%s/%s", dir, name);

	assert_non_null(path);
	return path;
}

static void assert_ok(struct sf_error *err)
{
	if (err)
		fail_msg("%s", sf_error_message(err));
}

static void assert_says(struct sf_error *err, const char *a, const char *b)
{
	const char *message = err ? sf_error_message(err) : "nothing is wrong";

	if (sf_error_code(err) != SF_USAGE || !strstr(message, a) || !strstr(message, b))
		fail_msg("\"%s\" is no SF_USAGE with \"%s\" and \"%s\"", message, a, b);
	sf_error_free(err);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sf-test-tree-XXXXXX");
	assert_ok(sf_pack_new(&pack));
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("LD_LIBRARY_PATH");
	sf_pack_free(steal_ptr(&pack));
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* In the test's folder. */
static void shell(const char *command)
{
	_cleanup_free_ char *all = sf_asprintf("cd %s && { %s; } >shell.log 2>&1", dir, command);

	assert_non_null(all);
	assert_int_equal(system(all), 0);
}

static void need_compiler(void)
{
	if (system("command -v cc >/dev/null"))
		skip();
}

/* The archive's paths and modes, sorted, without those of directories. */
static char *packed(void)
{
	_cleanup_free_ char *path = in_dir("a.cpio");
	struct archive *a = archive_read_new();
	struct sf_text text = { 0 };
	struct archive_entry *e;

	assert_ok(sf_pack_write(pack, path, NULL));
	assert_int_equal(archive_read_support_format_cpio(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK)
		if (archive_entry_filetype(e) == AE_IFREG)
			sf_text_putf(&text, "/%s %o\n", archive_entry_pathname(e),
				     (unsigned int)archive_entry_mode(e) & 07777);
	archive_read_free(a);
	return sf_text_take(&text);
}

static bool has(const char *list, const char *name, const char *mode)
{
	_cleanup_free_ char *line = sf_asprintf("%s/%s %s\n", dir, name, mode);

	return strstr(list, line);
}

/* ---- directories ------------------------------------------------------------------------------------------------- */

static void a_directory_is_taken_with_all_that_can_be_copied(void **state)
{
	_cleanup_free_ char *tree = in_dir("tree"), *list = NULL, *want = NULL;

	(void)state;
	shell("mkdir -p tree/a/b other && echo 1 >tree/one && echo 2 >tree/a/b/two && chmod 4711 tree/a/b/two && echo 3 >other/three");
	shell("ln -s ../../other tree/a/elsewhere && ln -s ../.. tree/a/b/up && ln -s nowhere tree/broken && mkfifo tree/fifo");
	/* Looks like a program, and is none: nobody said that it is to run. */
	shell("printf '#!/no/such/interpreter\\n' >tree/script && chmod 755 tree/script");
	assert_ok(sf_pack_path(pack, tree));
	list = packed();
	want = sf_asprintf("%s/tree/a/b/two 755\n%s/tree/a/elsewhere/three 644\n%s/tree/one 644\n%s/tree/script 755\n", dir, dir,
			   dir, dir);
	assert_string_equal(list, want);
}

static void too_large_a_directory_is_refused(void **state)
{
	_cleanup_free_ char *tree = in_dir("tree");

	(void)state;
	shell("mkdir tree && truncate -s 600M tree/one tree/two");
	assert_says(sf_pack_path(pack, tree), tree, "more than 1024 MiB");
	sf_pack_free(steal_ptr(&pack));
	assert_ok(sf_pack_new(&pack));
	shell("mkdir -p tree/$(seq -s / 1 40)");
	shell("rm tree/one tree/two");
	assert_says(sf_pack_path(pack, tree), tree, "32 directories deep");
}

/* Two links in each lead to the next: 2^24 ways, and not one file. */
static void links_that_multiply_a_directory_are_refused(void **state)
{
	_cleanup_free_ char *tree = in_dir("d0");

	(void)state;
	shell("for i in $(seq 0 23); do mkdir -p d$i d$((i + 1)); ln -s ../d$((i + 1)) d$i/a; ln -s ../d$((i + 1)) d$i/b; done");
	assert_says(sf_pack_path(pack, tree), tree, "more than 16384 files and directories");
}

static void what_cannot_be_in_the_guest_is_refused(void **state)
{
	_cleanup_free_ char *fifo = in_dir("fifo"), *missing = in_dir("missing");

	(void)state;
	shell("mkfifo fifo");
	assert_says(sf_pack_path(pack, "/proc/self/status"), "/proc/self/status", "mounts something");
	assert_says(sf_pack_path(pack, "/dev/../dev/null"), "/dev/null", "mounts something");
	assert_says(sf_pack_path(pack, "/"), "/", "all of this machine");
	assert_says(sf_pack_path(pack, fifo), fifo, "no regular file");
	assert_says(sf_pack_path(pack, missing), missing, "there is no file");
}

/* ---- libraries --------------------------------------------------------------------------------------------------- */

static void a_library_is_found_by_its_name_and_brings_its_own(void **state)
{
	_cleanup_free_ char *lib = in_dir("lib"), *plugin = in_dir("lib/plugin.so"), *list = NULL;
	_cleanup_free_ char *prog = in_dir("prog"), *command = NULL;

	(void)state;
	need_compiler();
	shell("mkdir lib && echo 'int one(void) { return 40; }' >one.c && "
	      "cc -shared -fPIC -Wl,-soname,libone.so.1 -o lib/libone.so.1 one.c && "
	      "echo 'int one(void); int two(void) { return one() + 2; }' >two.c && "
	      "cc -shared -fPIC -Wl,-soname,libplugin.so.3 -o lib/plugin.so two.c lib/libone.so.1 && chmod 644 lib/*");
	shell("printf '#include <dlfcn.h>\\nint main(void) { void *p = dlopen(\"libplugin.so.3\", RTLD_NOW);"
	      "return p ? ((int (*)(void))dlsym(p, \"two\"))() : 1; }' >prog.c && cc -o prog prog.c -ldl");
	setenv("LD_LIBRARY_PATH", lib, 1);
	assert_ok(sf_pack_program(pack, prog, "/prog"));
	assert_ok(sf_pack_path(pack, plugin));
	/* As what somebody else needs, and by name. */
	assert_ok(sf_pack_path(pack, plugin));
	list = packed();
	assert_true(has(list, "lib/plugin.so", "755"));
	assert_true(has(list, "lib/libone.so.1", "755"));
	if (geteuid())
		skip();
	/* A fresh folder, in which nothing but the archive's files is. */
	command = sf_asprintf("mkdir root && cd root && cpio -idu <../a.cpio; chroot . /prog; [ $? = 42 ]");
	shell("command -v cpio || touch no-cpio");
	_cleanup_free_ char *none = in_dir("no-cpio");

	if (!access(none, F_OK))
		skip();
	unsetenv("LD_LIBRARY_PATH");
	shell(command);
}

static void a_library_that_lacks_one_is_refused_and_only_taken_in_a_directory(void **state)
{
	_cleanup_free_ char *lib = in_dir("lib"), *user = in_dir("lib/libuser.so"), *list = NULL;

	(void)state;
	need_compiler();
	shell("mkdir lib && echo 'int one(void) { return 40; }' >one.c && cc -shared -fPIC -o libsfgone.so one.c && "
	      "echo 'int one(void); int two(void) { return one(); }' >two.c && "
	      "cc -shared -fPIC -o lib/libuser.so two.c -L. -lsfgone && rm libsfgone.so");
	assert_says(sf_pack_path(pack, user), user, "libsfgone.so");
	sf_pack_free(steal_ptr(&pack));
	assert_ok(sf_pack_new(&pack));
	assert_ok(sf_pack_path(pack, lib));
	list = packed();
	assert_true(has(list, "lib/libuser.so", "755"));
}

/* ---- interpreters ------------------------------------------------------------------------------------------------ */

/* What stands in for an interpreter of Python is env(1). */
static void a_python_script_brings_the_standard_library(void **state)
{
	_cleanup_free_ char *script = in_dir("script"), *list = NULL;

	(void)state;
	shell("mkdir -p py/bin py/lib/python3.99/test py/lib/python3.99/json py/lib/python3.99/site-packages/large");
	shell("cp $(readlink -f $(command -v env)) py/bin/python3.99 && ln -s python3.99 py/bin/python3");
	shell("cd py/lib/python3.99 && touch os.py json/decoder.py test/no.py site-packages/large/no.py");
	shell("printf '#!%s/py/bin/python3\\n' $PWD >script && chmod 755 script");
	assert_ok(sf_pack_program(pack, script, script));
	list = packed();
	assert_true(has(list, "script", "755"));
	assert_true(has(list, "py/bin/python3", "755"));
	assert_true(has(list, "py/lib/python3.99/os.py", "644"));
	assert_true(has(list, "py/lib/python3.99/json/decoder.py", "644"));
	assert_null(strstr(list, "no.py"));
}

static void what_env_starts_is_found_behind_its_options(void **state)
{
	static const char *const lines[] = {
		"true", "-S true -x", "-Strue", "--split-string=true -x", "-S -i A=1 true", "-S -u HOME -C / true",
	};
	_cleanup_free_ char *script = in_dir("script");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *command = sf_asprintf("printf '#!/usr/bin/env %s\\n' >script && chmod 755 script", lines[i]);
		_cleanup_free_ char *list = NULL;

		shell(command);
		sf_pack_free(steal_ptr(&pack));
		assert_ok(sf_pack_new(&pack));
		assert_ok(sf_pack_program(pack, script, "/script"));
		list = packed();
		if (!strstr(list, "/stillframe/bin/true 755\n"))
			fail_msg("\"%s\" brings no true: %s", lines[i], list);
	}
}

static void interpreters_may_be_scripts_to_a_depth(void **state)
{
	_cleanup_free_ char *third = in_dir("s3"), *last = in_dir("s9"), *list = NULL;

	(void)state;
	shell("printf '#!/bin/sh\\n' >s0; for i in 1 2 3 4 5 6 7 8 9; do printf '#!%s/s%s\\n' $PWD $((i - 1)) >s$i; done; chmod 755 s?");
	assert_ok(sf_pack_program(pack, third, third));
	list = packed();
	assert_true(has(list, "s0", "755") && strstr(list, "/bin/sh 755\n"));
	assert_says(sf_pack_program(pack, last, "/last"), dir, "too many interpreters");
}

/* ---- where a program is ------------------------------------------------------------------------------------------ */

static void a_program_is_where_it_is_here_and_has_no_special_bits(void **state)
{
	_cleanup_free_ char *tool = in_dir("tool"), *home = NULL, *list = NULL;

	(void)state;
	shell("cp $(readlink -f $(command -v env)) tool && chmod 6755 tool");
	assert_ok(sf_pack_program_home(pack, tool, &home));
	assert_string_equal(home, tool);
	list = packed();
	assert_true(has(list, "tool", "755"));
}

/* As rustc links: the C library and libgcc_s, which nothing of the program's own names. */
static void a_program_brings_libgcc_s(void **state)
{
	_cleanup_free_ char *prog = in_dir("prog"), *list = NULL;

	(void)state;
	need_compiler();
	shell("echo 'int main(void) { return 0; }' >prog.c && cc -pie -o prog prog.c -Wl,--no-as-needed -lgcc_s");
	assert_ok(sf_pack_program(pack, prog, prog));
	list = packed();
	assert_non_null(strstr(list, "/libgcc_s.so.1 755\n"));
	assert_non_null(strstr(list, "/libc.so.6 755\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_is_taken_with_all_that_can_be_copied),
		TEST(too_large_a_directory_is_refused),
		TEST(links_that_multiply_a_directory_are_refused),
		TEST(what_cannot_be_in_the_guest_is_refused),
		TEST(a_library_is_found_by_its_name_and_brings_its_own),
		TEST(a_library_that_lacks_one_is_refused_and_only_taken_in_a_directory),
		TEST(a_python_script_brings_the_standard_library),
		TEST(what_env_starts_is_found_behind_its_options),
		TEST(interpreters_may_be_scripts_to_a_depth),
		TEST(a_program_is_where_it_is_here_and_has_no_special_bits),
		TEST(a_program_brings_libgcc_s),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

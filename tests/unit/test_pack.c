/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes into a guest runs there; what cannot is refused with its name and what it is. */

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
#include <sys/wait.h>

#include "base/file.h"
#include "pack/pack.h"

static char dir[64];

static char *in_dir(const char *name)
{
	char *path = sf_asprintf("%s/%s", dir, name);

	assert_non_null(path);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sf-test-pack-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_dir(void **state)
{
	(void)state;
	unsetenv("STILLFRAME_TOOLS");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("LD_LIBRARY_PATH");
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void assert_ok(struct sf_error *err)
{
	if (err)
		fail_msg("%s", sf_error_message(err));
}

/* Fails with @code, and the message has each of the words up to NULL. */
static void assert_says(struct sf_error *err, enum sf_code code, ...)
{
	const char *word, *message;
	va_list ap;

	if (!err)
		fail_msg("there was to be an error");
	message = sf_error_message(err);
	if (sf_error_code(err) != code)
		fail_msg("%s is not %s: %s", sf_error_code_name(sf_error_code(err)), sf_error_code_name(code), message);
	va_start(ap, code);
	while ((word = va_arg(ap, const char *)))
		if (!strstr(message, word))
			fail_msg("\"%s\" does not have \"%s\"", message, word);
	va_end(ap);
	sf_error_free(err);
}

static void put(const char *name, const void *data, size_t len, mode_t mode)
{
	_cleanup_free_ char *path = in_dir(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *name, const char *text, mode_t mode)
{
	put(name, text, strlen(text), mode);
}

/* In the test's folder. */
static bool shell(const char *fmt, ...)
{
	_cleanup_free_ char *command = NULL, *all = NULL;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&command, fmt, ap) >= 0);
	va_end(ap);
	all = sf_asprintf("cd %s && { %s; } >shell.log 2>&1", dir, command);
	assert_non_null(all);
	return !system(all);
}

static void need_compiler(void)
{
	if (!shell("command -v cc"))
		skip();
}

/* ---- the archive -------------------------------------------------------------------------------------------------- */

static char *listing(const char *path)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	char *text = strdup("");

	assert_int_equal(archive_read_support_format_cpio(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		char data[64] = "", *more;

		if (archive_entry_filetype(e) == AE_IFREG)
			assert_true(archive_read_data(a, data, sizeof(data) - 1) >= 0);
		more = sf_asprintf("%s%s %o %lld %lld:%lld %s\n", text, archive_entry_pathname(e),
				   (unsigned int)archive_entry_mode(e), (long long)archive_entry_mtime(e),
				   (long long)archive_entry_uid(e), (long long)archive_entry_gid(e), data);
		free(text);
		text = more;
	}
	assert_string_equal(archive_format_name(a), "ASCII cpio (SVR4 with no CRC)");
	archive_read_free(a);
	return text;
}

static void what_was_put_in_is_listed_sorted_with_no_times_and_no_owners(void **state)
{
	_cleanup_free_ char *path = in_dir("a.cpio"), *file = in_dir("file"), *list = NULL;
	SF_OWNED(pack) pack = NULL;
	uint64_t size = 0;
	struct stat st;

	(void)state;
	put_text("file", "of the host", 0600);
	assert_ok(sf_pack_new(&pack));
	assert_ok(sf_pack_bytes(pack, "{}", 2, "/stillframe/run.json", 0644));
	assert_ok(sf_pack_file(pack, file, "/init", 0755));
	assert_ok(sf_pack_bytes(pack, "", 0, "/a/b//c/./d/../empty", 0600));
	assert_ok(sf_pack_write(pack, path, &size));
	list = listing(path);
	assert_string_equal(list, "a 40755 0 0:0 \n"
				  "a/b 40755 0 0:0 \n"
				  "a/b/c 40755 0 0:0 \n"
				  "a/b/c/empty 100600 0 0:0 \n"
				  "init 100755 0 0:0 of the host\n"
				  "stillframe 40755 0 0:0 \n"
				  "stillframe/run.json 100644 0 0:0 {}\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, size);
}

static void equal_contents_make_equal_bytes(void **state)
{
	_cleanup_free_ char *one = in_dir("1.cpio"), *two = in_dir("2.cpio"), *a = NULL, *b = NULL;
	size_t len_a, len_b;

	(void)state;
	for (int i = 0; i < 2; i++) {
		SF_OWNED(pack) pack = NULL;

		assert_ok(sf_pack_new(&pack));
		assert_ok(sf_pack_bytes(pack, "x", 1, i ? "/x/one" : "/y/two", 0644));
		assert_ok(sf_pack_bytes(pack, "x", 1, i ? "/y/two" : "/x/one", 0644));
		assert_ok(sf_pack_write(pack, i ? two : one, NULL));
	}
	assert_ok(sf_file_get(one, 1 << 20, &a, &len_a));
	assert_ok(sf_file_get(two, 1 << 20, &b, &len_b));
	assert_int_equal(len_a, len_b);
	assert_memory_equal(a, b, len_a);
}

static void a_name_is_given_once_but_for_the_same_file(void **state)
{
	_cleanup_free_ char *one = in_dir("one"), *two = in_dir("two");
	SF_OWNED(pack) pack = NULL;

	(void)state;
	put_text("one", "1", 0644);
	put_text("two", "1", 0644);
	assert_ok(sf_pack_new(&pack));
	assert_ok(sf_pack_file(pack, one, "/x", 0644));
	assert_ok(sf_pack_file(pack, one, "/x", 0644));
	assert_ok(sf_pack_bytes(pack, "b", 1, "/b", 0644));
	assert_ok(sf_pack_bytes(pack, "b", 1, "/b", 0644));
	assert_says(sf_pack_file(pack, two, "/x", 0644), SF_USAGE, two, one, "/x", NULL);
	assert_says(sf_pack_bytes(pack, "c", 1, "/b", 0644), SF_USAGE, "/b", NULL);
	assert_says(sf_pack_bytes(pack, "c", 1, "/b/c", 0644), SF_USAGE, "/b", "file", NULL);
	assert_says(sf_pack_file(pack, "/no/such/file", "/y", 0644), SF_USAGE, "/no/such/file", NULL);
	assert_says(sf_pack_file(pack, dir, "/y", 0644), SF_USAGE, dir, "directory", NULL);
}

static void a_full_disk_leaves_no_half_archive(void **state)
{
	SF_OWNED(pack) pack = NULL;

	(void)state;
	if (access("/dev/full", W_OK))
		skip();
	_cleanup_free_ char *big = calloc(1, 1 << 20), *link = in_dir("full");

	assert_int_equal(symlink("/dev/full", link), 0);
	assert_ok(sf_pack_new(&pack));
	assert_ok(sf_pack_bytes(pack, big, 1 << 20, "/big", 0644));
	assert_says(sf_pack_write(pack, link, NULL), SF_SYSTEM, link, NULL);
	assert_int_equal(access(link, F_OK), -1);
}

/* ---- programs ------------------------------------------------------------------------------------------------------- */

static void unpack(const char *path, const char *root)
{
	struct archive *a = archive_read_new(), *disk = archive_write_disk_new();
	struct archive_entry *e;

	assert_int_equal(archive_read_support_format_cpio(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
	assert_int_equal(mkdir(root, 0755), 0);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		_cleanup_free_ char *to = sf_asprintf("%s/%s", root, archive_entry_pathname(e));

		archive_entry_copy_pathname(e, to);
		assert_int_equal(archive_read_extract2(a, e, disk), ARCHIVE_OK);
	}
	archive_read_free(a);
	archive_write_free(disk);
}

/* Its exit code when it is started in @root as the agent would. */
static int run_in(const char *root, const char *program)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *argv[] = { (char *)program, NULL }, *envp[] = { NULL };

		if (chroot(root) || chdir("/"))
			_exit(120);
		execve(program, argv, envp);
		_exit(121);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* libtwo, which the loader finds by LD_LIBRARY_PATH, needs libone, which it finds beside libtwo. */
static void make_program(void)
{
	_cleanup_free_ char *lib = in_dir("lib");

	need_compiler();
	put_text("one.c", "int one(void) { return 40; }", 0644);
	put_text("two.c", "int one(void); int two(void) { return one() + 2; }", 0644);
	put_text("prog.c", "int two(void); int main(void) { return two(); }", 0644);
	assert_int_equal(mkdir(lib, 0755), 0);
	assert_true(shell("cc -shared -fPIC -Wl,-soname,libone.so.1 -o lib/libone.so.1 one.c"));
	assert_true(shell("cc -shared -fPIC -Wl,-soname,libtwo.so.10 -Wl,-rpath,'$ORIGIN' -o lib/libtwo.so.10 two.c "
			  "lib/libone.so.1"));
	assert_true(shell("cc -o prog prog.c lib/libtwo.so.10 -Wl,-rpath-link,lib"));
}

static void a_dynamic_program_runs_in_a_root_made_of_its_archive(void **state)
{
	_cleanup_free_ char *prog = in_dir("prog"), *lib = in_dir("lib"), *cpio = in_dir("a.cpio"), *root = in_dir("root");
	SF_OWNED(pack) pack = NULL;

	(void)state;
	if (geteuid())
		skip();
	make_program();
	setenv("LD_LIBRARY_PATH", lib, 1);
	assert_ok(sf_pack_new(&pack));
	assert_ok(sf_pack_program(pack, prog, "/stillframe/bin/prog"));
	/* Another program shares most of it. */
	assert_ok(sf_pack_program(pack, "true", "/stillframe/bin/true"));
	assert_ok(sf_pack_write(pack, cpio, NULL));
	unpack(cpio, root);
	assert_int_equal(run_in(root, "/stillframe/bin/prog"), 42);
	assert_int_equal(run_in(root, "/stillframe/bin/true"), 0);
}

static void a_static_program_is_packed_alone(void **state)
{
	_cleanup_free_ char *prog = in_dir("prog"), *cpio = in_dir("a.cpio");
	SF_OWNED(pack) pack = NULL;

	(void)state;
	need_compiler();
	put_text("prog.c", "int main(void) { return 0; }", 0644);
	for (int pie = 0; pie < 2; pie++) {
		_cleanup_free_ char *list = NULL;

		assert_true(shell("cc %s -o prog prog.c", pie ? "-static-pie" : "-static"));
		sf_pack_free(steal_ptr(&pack));
		assert_ok(sf_pack_new(&pack));
		assert_ok(sf_pack_program(pack, prog, "/prog"));
		assert_ok(sf_pack_write(pack, cpio, NULL));
		list = listing(cpio);
		assert_ptr_equal(strchr(list, '\n')[1] ? NULL : list, list);
	}
}

static void a_missing_library_is_named_with_who_needs_it(void **state)
{
	_cleanup_free_ char *prog = in_dir("prog"), *lib = in_dir("lib"), *two = in_dir("lib/libtwo.so.10");
	SF_OWNED(pack) pack = NULL;

	(void)state;
	make_program();
	assert_ok(sf_pack_new(&pack));
	assert_says(sf_pack_program(pack, prog, "/prog"), SF_USAGE, prog, "libtwo.so.10", NULL);
	setenv("LD_LIBRARY_PATH", lib, 1);
	assert_true(shell("rm lib/libone.so.1"));
	assert_says(sf_pack_program(pack, prog, "/prog2"), SF_USAGE, prog, two, "libone.so.1", NULL);
}

static void a_loader_that_is_none_is_not_executed(void **state)
{
	_cleanup_free_ char *prog = in_dir("prog"), *evil = in_dir("evil"), *proof = in_dir("proof"), *script = NULL;
	SF_OWNED(pack) pack = NULL;
	SF_OWNED(pack) fresh = NULL;

	(void)state;
	need_compiler();
	script = sf_asprintf("#!/bin/sh\necho >%s\n", proof);
	put_text("evil", script, 0755);
	put_text("prog.c", "int main(void) { return 0; }", 0644);
	assert_true(shell("cc -Wl,--dynamic-linker=%s -o prog prog.c", evil));
	assert_ok(sf_pack_new(&pack));
	assert_says(sf_pack_program(pack, prog, "/prog"), SF_USAGE, prog, evil, NULL);
	assert_true(shell("cc -Wl,--dynamic-linker=/no/such/ld.so -o prog prog.c"));
	/* The first one holds a file that is another by now. */
	assert_ok(sf_pack_new(&fresh));
	assert_says(sf_pack_program(fresh, prog, "/prog"), SF_USAGE, prog, "/no/such/ld.so", NULL);
	assert_int_equal(access(proof, F_OK), -1);
}

static void a_script_brings_its_interpreter(void **state)
{
	_cleanup_free_ char *script = in_dir("script"), *other = in_dir("other"), *third = in_dir("third"), *cpio = in_dir("a.cpio"), *root = in_dir("root");
	SF_OWNED(pack) pack = NULL;

	(void)state;
	put_text("script", "#! /bin/sh -e\nexit 7\n", 0755);
	assert_ok(sf_pack_new(&pack));
	assert_ok(sf_pack_program(pack, script, "/stillframe/bin/script"));
	put_text("other", "#!/no/such/shell\n", 0755);
	assert_says(sf_pack_program(pack, other, "/x"), SF_USAGE, other, "/no/such/shell", NULL);
	put_text("third", "#!/usr/bin/env no-such-language\n", 0755);
	assert_says(sf_pack_program(pack, third, "/z"), SF_USAGE, third, "no-such-language", NULL);
	put_text("other", "#!/bin/sh\r\n", 0755);
	assert_says(sf_pack_program(pack, other, "/y"), SF_USAGE, other, "DOS", NULL);
	assert_ok(sf_pack_write(pack, cpio, NULL));
	if (geteuid())
		skip();
	unpack(cpio, root);
	assert_int_equal(run_in(root, "/stillframe/bin/script"), 7);
}

/* An ELF header of 64 bytes and no segments. */
static void put_elf(const char *name, uint8_t class, uint8_t data, uint8_t type, uint8_t machine)
{
	uint8_t h[64] = { 0x7f, 'E', 'L', 'F', class, data, 1 };

	h[16 + (data == 2)] = type;
	h[18 + (data == 2)] = machine;
	put(name, h, sizeof(h), 0755);
}

static void what_cannot_run_is_refused_saying_what_it_is(void **state)
{
	_cleanup_free_ char *x = in_dir("x"), *missing = in_dir("missing");
	SF_OWNED(pack) pack = NULL;

	(void)state;
	assert_ok(sf_pack_new(&pack));
	assert_says(sf_pack_program(pack, missing, "/x"), SF_USAGE, missing, NULL);
	assert_says(sf_pack_program(pack, "no-such-program", "/x"), SF_USAGE, "no-such-program", "PATH", NULL);
	assert_says(sf_pack_program(pack, dir, "/x"), SF_USAGE, dir, "directory", NULL);
	put_text("x", "", 0755);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "empty", NULL);
	put_text("x", "hello", 0755);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "text", NULL);
	put_elf("x", 2, 1, 2, 183);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "arm64", "x86-64", NULL);
	put_elf("x", 1, 1, 2, 3);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "32-bit x86", NULL);
	put_elf("x", 2, 2, 2, 22);
	put_elf("x", 2, 1, 3, 62);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "shared object", NULL);
	put_elf("x", 2, 1, 2, 62);
	assert_int_equal(chmod(x, 0644), 0);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "executable", NULL);
	put("x", "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0", 20, 0755);
	assert_says(sf_pack_program(pack, x, "/x"), SF_USAGE, x, "cut short", NULL);
}

/* Every prefix and every byte changed: an error or success, never a crash. */
static void damaged_programs_are_survived(void **state)
{
	_cleanup_free_ char *prog = in_dir("prog"), *whole = NULL;
	size_t len;

	(void)state;
	make_program();
	assert_ok(sf_file_get(prog, 1 << 24, &whole, &len));
	for (size_t i = 0; i < 2048 && i < len; i += 3) {
		char saved = whole[i];
		SF_OWNED(pack) pack = NULL;

		/* The interpreter's name has to stay: it would be executed. */
		if (memmem(whole + (i < 64 ? 0 : i - 64), 128, "/ld-linux", 9) || (i >= 64 && i < 1024 && i % 8))
			continue;
		whole[i] = (char)~saved;
		put("prog", whole, i % 2 ? len : i + 1, 0755);
		whole[i] = saved;
		assert_ok(sf_pack_new(&pack));
		sf_error_free(sf_pack_program(pack, prog, "/prog"));
	}
}

/* ---- schedulers --------------------------------------------------------------------------------------------------- */

static void a_scheduler_is_told_by_its_contents(void **state)
{
	_cleanup_free_ char *x = in_dir("x"), *path = NULL;
	enum sf_pack_kind kind;

	(void)state;
	assert_ok(sf_pack_scheduler("none", &kind, &path));
	assert_int_equal(kind, SF_PACK_NONE);
	put_elf("x", 2, 1, 1, 247);
	assert_ok(sf_pack_scheduler(x, &kind, &path));
	assert_int_equal(kind, SF_PACK_OBJECT);
	assert_string_equal(path, x);
	free(steal_ptr(&path));
	assert_ok(sf_pack_scheduler("true", &kind, &path));
	assert_int_equal(kind, SF_PACK_PROGRAM);
	assert_int_equal(path[0], '/');
	free(steal_ptr(&path));
	put_text("x", "#!/bin/sh\n", 0755);
	assert_ok(sf_pack_scheduler(x, &kind, &path));
	assert_int_equal(kind, SF_PACK_PROGRAM);
	put_elf("x", 2, 2, 1, 247);
	assert_says(sf_pack_scheduler(x, &kind, &path), SF_USAGE, x, "big-endian", NULL);
	put_elf("x", 2, 1, 1, 62);
	assert_says(sf_pack_scheduler(x, &kind, &path), SF_USAGE, x, "object file for x86-64", NULL);
	put("x", "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\1\0\xf7\0", 20, 0644);
	assert_says(sf_pack_scheduler(x, &kind, &path), SF_USAGE, x, "cut short", NULL);
	uint8_t cut[64] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 1, [18] = 247, [40] = 64, [58] = 64, [60] = 1 };

	put("x", cut, sizeof(cut), 0644);
	assert_says(sf_pack_scheduler(x, &kind, &path), SF_USAGE, x, "sections are beyond its end", NULL);
	put_text("x", "hello", 0644);
	assert_says(sf_pack_scheduler(x, &kind, &path), SF_USAGE, x, "text", NULL);
	assert_says(sf_pack_scheduler("no-such-scheduler", &kind, &path), SF_USAGE, "no-such-scheduler", "PATH", NULL);
	assert_says(sf_pack_scheduler(dir, &kind, &path), SF_USAGE, dir, "directory", NULL);
}

/* ---- kernels -------------------------------------------------------------------------------------------------------- */

#define BZ_SIZE (5 * 512 + 1600)

static void put_kernel(const char *name, size_t size, uint16_t flags)
{
	uint8_t k[BZ_SIZE] = { 0 };

	k[0x1f1] = 4;
	k[0x1f4] = 100;
	memcpy(k + 0x1fe, "\x55\xaa" "\xeb\x66" "HdrS", 8);
	memcpy(k + 0x202, "HdrS\x0f\x02", 6);
	k[0x20e] = 0x40;
	memcpy(k + 0x236, &flags, 2);
	strcpy((char *)k + 0x240, "6.18.15-test (someone@somewhere) #1 SMP");
	put(name, k, size, 0644);
}

static void a_kernel_file_is_looked_at(void **state)
{
	_cleanup_free_ char *x = in_dir("x"), *path = NULL, *release = NULL;

	(void)state;
	put_kernel("x", BZ_SIZE, 1);
	assert_ok(sf_pack_kernel(x, NULL, &path));
	assert_string_equal(path, x);
	release = sf_pack_kernel_release(x);
	assert_string_equal(release, "6.18.15-test");
	free(steal_ptr(&path));
	put_kernel("x", BZ_SIZE - 1, 1);
	assert_says(sf_pack_kernel(x, NULL, &path), SF_USAGE, x, "cut short", NULL);
	put_kernel("x", BZ_SIZE, 0);
	assert_says(sf_pack_kernel(x, NULL, &path), SF_USAGE, x, "64-bit", NULL);
	put_elf("x", 2, 1, 3, 62);
	assert_says(sf_pack_kernel(x, NULL, &path), SF_USAGE, x, "shared object", NULL);
	put_text("x", "hello", 0644);
	assert_says(sf_pack_kernel(x, NULL, &path), SF_USAGE, x, "text", NULL);
	put_text("x", "", 0644);
	assert_says(sf_pack_kernel(x, NULL, &path), SF_USAGE, x, "empty", NULL);
	put("x", "\x1f\x8b\x08", 3, 0644);
	assert_says(sf_pack_kernel(x, NULL, &path), SF_USAGE, x, "gzip", NULL);
	assert_says(sf_pack_kernel(dir, NULL, &path), SF_USAGE, dir, "directory", NULL);
	assert_says(sf_pack_kernel("/no/such/kernel", NULL, &path), SF_USAGE, "/no/such/kernel", NULL);
	assert_says(sf_pack_kernel("bzImage", NULL, &path), SF_USAGE, "bzImage", "6.18", NULL);
	assert_says(sf_pack_kernel("", NULL, &path), SF_USAGE, "no kernel", NULL);
}

static void cache_kernel(const char *release, const char *info)
{
	_cleanup_free_ char *image = sf_asprintf("stillframe/kernels/%s/vmlinuz", release);
	_cleanup_free_ char *facts = sf_asprintf("stillframe/kernels/%s/info", release);

	assert_true(shell("mkdir -p stillframe/kernels/%s", release));
	put_kernel(image, BZ_SIZE, 1);
	put_text(facts, info, 0644);
}

static void expect_kernel(const char *want, const char *release)
{
	_cleanup_free_ char *path = NULL, *expected = sf_asprintf("%s/stillframe/kernels/%s/vmlinuz", dir, release);

	assert_ok(sf_pack_kernel(want, NULL, &path));
	assert_string_equal(path, expected);
}

static void a_series_is_taken_from_the_cache(void **state)
{
	(void)state;
	setenv("XDG_CACHE_HOME", dir, 1);
	setenv("STILLFRAME_TOOLS", "/no/such/folder", 1);
	cache_kernel("6.9.3-cloud", "sched_ext=yes\n");
	cache_kernel("6.18.2-cloud", "btf=yes\nsched_ext=yes\n");
	cache_kernel("6.18.15+deb13-cloud", "btf=yes\nsched_ext=yes\n");
	cache_kernel("8.0.0-cloud", "btf=yes\nsched_ext=no\n");
	expect_kernel("6.18", "6.18.15+deb13-cloud");
	expect_kernel("6.18.2", "6.18.2-cloud");
	expect_kernel("8.0", "8.0.0-cloud");
	expect_kernel(NULL, "6.18.15+deb13-cloud");
	put_text("stillframe/kernel-newest", "6.9.3-cloud\n", 0644);
	expect_kernel("newest", "6.9.3-cloud");
}

static void note_series(void *arg, const char *series)
{
	strcpy(arg, series);
}

static bool stop_now(void *arg)
{
	return ((char *)arg)[0] != '\0';
}

static void a_series_is_fetched_by_the_script(void **state)
{
	_cleanup_free_ char *path = NULL, *image = in_dir("image"), *script = NULL;
	char told[64] = "";
	struct sf_pack_fetch fetch = { .fetching = note_series, .arg = told };

	(void)state;
	setenv("XDG_CACHE_HOME", dir, 1);
	setenv("STILLFRAME_TOOLS", dir, 1);
	assert_says(sf_pack_kernel("6.1", NULL, &path), SF_USAGE, "kernel-get", dir, NULL);
	put_kernel("image", BZ_SIZE, 1);
	script = sf_asprintf("#!/bin/sh\necho some noise >&2\n[ \"$1\" = 6.1 ] && echo %s && exit\n"
			     "echo 'stillframe: no kernel matches that' >&2\nexit 3\n", image);
	put_text("kernel-get", script, 0755);
	assert_ok(sf_pack_kernel("6.1", &fetch, &path));
	assert_string_equal(path, image);
	assert_string_equal(told, "6.1");
	assert_says(sf_pack_kernel("5.99", &fetch, &path), SF_USAGE, "5.99", "no kernel matches that", NULL);
	put_text("kernel-get", "#!/bin/sh\nsleep 100 & sleep 100\n", 0755);
	fetch.stop = stop_now;
	assert_says(sf_pack_kernel("6.1", &fetch, &path), SF_DEADLINE, "6.1", "interrupted", NULL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(what_was_put_in_is_listed_sorted_with_no_times_and_no_owners),
		test(equal_contents_make_equal_bytes),
		test(a_name_is_given_once_but_for_the_same_file),
		test(a_full_disk_leaves_no_half_archive),
		test(a_dynamic_program_runs_in_a_root_made_of_its_archive),
		test(a_static_program_is_packed_alone),
		test(a_missing_library_is_named_with_who_needs_it),
		test(a_loader_that_is_none_is_not_executed),
		test(a_script_brings_its_interpreter),
		test(what_cannot_run_is_refused_saying_what_it_is),
		test(damaged_programs_are_survived),
		test(a_scheduler_is_told_by_its_contents),
		test(a_kernel_file_is_looked_at),
		test(a_series_is_taken_from_the_cache),
		test(a_series_is_fetched_by_the_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files are whole or not there, and what was there before stays until then. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"

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
	strcpy(dir, "/tmp/sf-test-file-XXXXXX");
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
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void assert_ok(struct sf_error *err)
{
	if (err)
		fail_msg("%s", sf_error_message(err));
}

static void assert_content(const char *path, const char *text)
{
	_cleanup_free_ char *content = NULL;
	size_t len;

	assert_ok(sf_file_get(path, 1 << 20, &content, &len));
	assert_int_equal(len, strlen(text));
	assert_string_equal(content, text);
}

static int count_files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void a_put_file_is_there_and_alone(void **state)
{
	_cleanup_free_ char *path = in_dir("x");

	(void)state;
	assert_ok(sf_file_put(path, "one", 3));
	assert_content(path, "one");
	assert_ok(sf_file_put(path, "", 0));
	assert_content(path, "");
	assert_int_equal(count_files(), 1);
}

static void until_publish_the_old_file_stays(void **state)
{
	_cleanup_free_ char *path = in_dir("x");
	_cleanup_file_ struct sf_file f = SF_FILE_NULL;

	(void)state;
	assert_ok(sf_file_put(path, "old", 3));
	assert_ok(sf_file_begin(path, &f));
	assert_ok(sf_file_write(&f, "new", 3));
	assert_content(path, "old");
	assert_int_equal(count_files(), 2);
	assert_ok(sf_file_publish(&f));
	assert_content(path, "new");
	assert_int_equal(count_files(), 1);
	sf_file_abandon(&f); /* nothing, after publish */
	assert_content(path, "new");
}

static void an_abandoned_file_leaves_nothing(void **state)
{
	_cleanup_free_ char *path = in_dir("x");
	struct sf_file f = SF_FILE_NULL, zero = { 0 };

	(void)state;
	assert_ok(sf_file_begin(path, &f));
	assert_ok(sf_file_write(&f, "new", 3));
	sf_file_abandon(&f);
	assert_int_equal(count_files(), 0);
	sf_file_abandon(&f);
	sf_file_abandon(&zero); /* does not close standard input */
	assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
}

static void two_writers_of_one_path_do_not_meet(void **state)
{
	_cleanup_free_ char *path = in_dir("x");
	_cleanup_file_ struct sf_file a = SF_FILE_NULL, b = SF_FILE_NULL;

	(void)state;
	assert_ok(sf_file_begin(path, &a));
	assert_ok(sf_file_begin(path, &b));
	assert_ok(sf_file_write(&a, "a", 1));
	assert_ok(sf_file_write(&b, "b", 1));
	assert_ok(sf_file_publish(&a));
	assert_ok(sf_file_publish(&b));
	assert_content(path, "b");
}

static void a_new_file_has_the_mode_of_the_umask(void **state)
{
	_cleanup_free_ char *path = in_dir("x");
	mode_t old = umask(027);
	struct stat st;

	(void)state;
	assert_ok(sf_file_put(path, "x", 1));
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/*
 * A limit on the size of files fails write(2) in its middle, as a full disk does, and needs no
 * privilege. In a child, since the limit also holds for what the test itself writes.
 */
static void when_the_disk_is_full_the_old_file_stays(void **state)
{
	_cleanup_free_ char *path = in_dir("x"), *big = calloc(1, 1 << 20);

	(void)state;
	assert_non_null(big);
	assert_ok(sf_file_put(path, "old", 3));
	pid_t pid = fork();

	if (!pid) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 65536, 65536 });
		struct sf_error *err = sf_file_put(path, big, 1 << 20);
		bool right = sf_error_code(err) == SF_SYSTEM &&
			     sf_error_payload(err)->err_no == EFBIG &&
			     strstr(sf_error_message(err), path);

		sf_error_free(err);
		_exit(right ? 0 : 1);
	}
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_content(path, "old");
	assert_int_equal(count_files(), 1);
}

static void what_cannot_be_created_is_named(void **state)
{
	_cleanup_free_ char *path = in_dir("no/such/x");
	struct sf_file f = { .fd = 77 };
	SF_OWNED(error) err = sf_file_begin(path, &f);

	(void)state;
	assert_int_equal(sf_error_code(err), SF_SYSTEM);
	assert_int_equal(sf_error_payload(err)->err_no, ENOENT);
	assert_non_null(strstr(sf_error_message(err), path));
	assert_int_equal(f.fd, 77);
}

static void a_directory_in_the_way_stays_and_the_temporary_goes(void **state)
{
	_cleanup_free_ char *path = in_dir("x"), *inside = in_dir("x/y");

	(void)state;
	assert_ok(sf_mkdirs(inside));
	SF_OWNED(error) err = sf_file_put(path, "x", 1);

	assert_int_equal(sf_error_code(err), SF_SYSTEM);
	assert_int_equal(count_files(), 1);
}

static void get_reads_all_but_not_more_than_allowed(void **state)
{
	_cleanup_free_ char *path = in_dir("x"), *big = malloc(100000), *text = NULL;
	char *untouched = (char *)path;
	size_t len = 5;

	(void)state;
	assert_non_null(big);
	memset(big, 'b', 100000);
	assert_ok(sf_file_put(path, big, 100000));
	assert_ok(sf_file_get(path, 100000, &text, &len));
	assert_int_equal(len, 100000);
	assert_memory_equal(text, big, len);
	assert_int_equal(text[len], 0);
	SF_OWNED(error) err = sf_file_get(path, 99999, &untouched, &len);

	assert_int_equal(sf_error_code(err), SF_BAD_INPUT);
	assert_ptr_equal(untouched, path);
	SF_OWNED(error) missing = sf_file_get("/nonexistent/file", 10, &untouched, NULL);

	assert_int_equal(sf_error_payload(missing)->err_no, ENOENT);
	SF_OWNED(error) directory = sf_file_get(dir, 10, &untouched, NULL);

	assert_int_equal(sf_error_payload(directory)->err_no, EISDIR);
	_cleanup_free_ char *proc = NULL; /* says that its size is 0 */

	assert_ok(sf_file_get("/proc/self/status", 1 << 20, &proc, NULL));
	assert_true(strlen(proc) > 100);
}

static void pread_past_the_end_is_bad_input(void **state)
{
	_cleanup_free_ char *path = in_dir("x");
	char buf[8] = "";

	(void)state;
	assert_ok(sf_file_put(path, "0123456789", 10));
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_ok(sf_pread_all(fd, buf, 4, 6));
	assert_memory_equal(buf, "6789", 4);
	SF_OWNED(error) cut = sf_pread_all(fd, buf, 5, 6);
	SF_OWNED(error) far = sf_pread_all(fd, buf, 1, UINT64_MAX);
	SF_OWNED(error) closed = sf_pread_all(-1, buf, 1, 0);

	assert_int_equal(sf_error_code(cut), SF_BAD_INPUT);
	assert_int_equal(sf_error_code(far), SF_BAD_INPUT);
	assert_int_equal(sf_error_payload(closed)->err_no, EBADF);
}

static void write_all_survives_a_slow_pipe(void **state)
{
	int fds[2];
	static char data[300000], got[300000];

	(void)state;
	memset(data, 'd', sizeof(data));
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();

	if (!pid) {
		close(fds[0]);
		struct sf_error *err = sf_write_all(fds[1], data, sizeof(data));

		_exit(err ? 1 : 0);
	}
	close(fds[1]);
	size_t n = 0;
	ssize_t r;

	while ((r = read(fds[0], got + n, sf_min(sizeof(got) - n, (size_t)1000))) > 0)
		n += (size_t)r;
	close(fds[0]);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(n, sizeof(data));
	assert_memory_equal(got, data, sizeof(data));
}

static void mkdirs_makes_all_and_again(void **state)
{
	_cleanup_free_ char *path = in_dir("a//b/c/"), *file = in_dir("f"), *under = in_dir("f/g");
	struct stat st;

	(void)state;
	assert_ok(sf_mkdirs(path));
	assert_ok(sf_mkdirs(path));
	assert_ok(sf_mkdirs("/"));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_ok(sf_file_put(file, "x", 1));
	SF_OWNED(error) in_the_way = sf_mkdirs(file);
	SF_OWNED(error) below = sf_mkdirs(under);

	assert_int_equal(sf_error_payload(in_the_way)->err_no, ENOTDIR);
	assert_int_equal(sf_error_payload(below)->err_no, ENOTDIR);
}

static void cache_dir_follows_the_environment(void **state)
{
	_cleanup_free_ char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
	_cleanup_free_ char *xdg = getenv("XDG_CACHE_HOME") ? strdup(getenv("XDG_CACHE_HOME")) :
							      NULL;
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;
	char *untouched = NULL;

	(void)state;
	setenv("HOME", "/home/u", 1);
	setenv("XDG_CACHE_HOME", "/c", 1);
	assert_ok(sf_cache_dir(&a));
	setenv("XDG_CACHE_HOME", "relative", 1);
	assert_ok(sf_cache_dir(&b));
	unsetenv("XDG_CACHE_HOME");
	assert_ok(sf_cache_dir(&c));
	unsetenv("HOME");
	SF_OWNED(error) err = sf_cache_dir(&untouched);

	if (home)
		setenv("HOME", home, 1);
	if (xdg)
		setenv("XDG_CACHE_HOME", xdg, 1);
	assert_string_equal(a, "/c/stillframe");
	assert_string_equal(b, "/home/u/.cache/stillframe");
	assert_string_equal(c, "/home/u/.cache/stillframe");
	assert_int_equal(sf_error_code(err), SF_USAGE);
	assert_null(untouched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_put_file_is_there_and_alone, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(until_publish_the_old_file_stays, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(an_abandoned_file_leaves_nothing, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(two_writers_of_one_path_do_not_meet, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_new_file_has_the_mode_of_the_umask, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(when_the_disk_is_full_the_old_file_stays, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(what_cannot_be_created_is_named, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_directory_in_the_way_stays_and_the_temporary_goes,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(get_reads_all_but_not_more_than_allowed, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(pread_past_the_end_is_bad_input, make_dir,
						remove_dir),
		cmocka_unit_test(write_all_survives_a_slow_pipe),
		cmocka_unit_test_setup_teardown(mkdirs_makes_all_and_again, make_dir, remove_dir),
		cmocka_unit_test(cache_dir_follows_the_environment),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The run directory: made or taken, locked as long as the run goes on, and never shared with another one. What is in
 * it already and is not ours stays as it is.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"
#include "private.h"

#define MAX_RUNS 100000

char *sf_run_path(const struct sf_run *run, const char *name)
{
	return sf_asprintf("%s/%s", run->dir, name);
}

/* stillframe.out/NAME-1, -2, …: mkdir() decides who gets which. */
static struct sf_error *next_dir(const char *name, char **ret)
{
	SF_TRY(sf_mkdirs("stillframe.out"));
	for (unsigned int i = 1; i < MAX_RUNS; i++) {
		_cleanup_free_ char *path = sf_asprintf("stillframe.out/%s-%u", name, i);

		if (!path)
			return sf_error_nomem();
		if (!mkdir(path, 0777)) {
			*ret = steal_ptr(&path);
			return NULL;
		}
		if (errno != EEXIST)
			return sf_error_sys(errno, "%s", path);
	}
	return sf_error_new(SF_USAGE, "stillframe.out has %u runs called %s; choose a directory with --out", MAX_RUNS,
			    name);
}

/* ---- what lies there already ------------------------------------------------------------------------------------ */

static const char *const known[] = { "run.json", "console.log", "qmp.log", "qemu.log", SF_RUN_INITRD, SF_RUN_KERNEL };

static bool ends_in(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !strncmp(name + len - n, end, n);
}

/* facts-BUILDID-HASH.core.zst; the hash has 16 digits. */
static bool is_facts(const char *name, size_t len)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	size_t id;

	if (len < 6 || strncmp(name, "facts-", 6))
		return false;
	id = strspn(name + 6, digits);
	return name[6 + id] == '-' && strspn(name + 7 + id, digits) == 16 && len == 6 + id + 1 + 16 + 9 &&
	       ends_in(name, len, ".core.zst");
}

/* A file that was being written when its run was killed is called NAME.tmp.XXXXXX (base/file.h). */
static size_t without_temp(const char *name)
{
	size_t len = strlen(name);

	return len > 11 && !strncmp(name + len - 11, ".tmp.", 5) && !strchr(name + len - 6, '.') ? len - 11 : len;
}

static bool starts_as_core(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[4];

	return fd >= 0 && pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, "\177ELF", 4);
}

/*
 * Did a run write it? By its name, and by being a plain file, which all of ours are; of a frame, whose name is the
 * user's choice, also by what is in it.
 */
static bool is_ours(int dir, const char *name)
{
	size_t len = without_temp(name);
	bool is_temp = name[len];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == len && !strncmp(name, known[i], len))
			return true;
	return is_facts(name, len) || (ends_in(name, len, ".frame") && (is_temp || starts_as_core(dir, name)));
}

static int no_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
}

static struct sf_error *not_empty(const char *path, struct dirent *const *list, size_t n)
{
	size_t shown = n > 4 ? 3 : n;
	_cleanup_text_ struct sf_text names = { 0 };

	for (size_t i = 0; i < shown; i++) {
		sf_text_put(&names, i ? ", " : "");
		sf_text_put_name(&names, list[i]->d_name, 40);
	}
	if (shown < n)
		sf_text_putf(&names, " and %zu more", n - shown);
	_cleanup_free_ char *text = sf_text_take(&names);

	return sf_error_new(SF_USAGE, "%s is not empty (it has %s); --force writes over an earlier run", path,
			    text ? text : "files");
}

/* What is in the way and would be written to, through a link even. */
static struct sf_error *remove_ours(const char *path, int dir, struct dirent *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_ours(dir, list[i]->d_name) && unlinkat(dir, list[i]->d_name, 0) && errno != ENOENT)
			return sf_error_sys(errno, "%s/%s", path, list[i]->d_name);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct stat st;

		if (!fstatat(dir, known[i], &st, AT_SYMLINK_NOFOLLOW))
			return sf_error_new(SF_USAGE, "%s/%s is no plain file: no run wrote it, and --force leaves it", path,
					    known[i]);
	}
	return NULL;
}

static struct sf_error *empty_dir(const char *path, int dir, bool force)
{
	struct dirent **list = NULL;
	int n = scandirat(dir, ".", &list, no_dots, alphasort);
	struct sf_error *err;

	if (n < 0)
		return sf_error_sys(errno, "%s", path);
	if (force)
		err = remove_ours(path, dir, list, (size_t)n);
	else
		err = n ? not_empty(path, list, (size_t)n) : NULL;
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return err;
}

/* ---- the directory ---------------------------------------------------------------------------------------------- */

/* The one that the user named: what is wrong with it is the user's to mend. */
static struct sf_error *named_dir(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISLNK(st.st_mode) && stat(path, &st) && errno == ENOENT)
		return sf_error_new(SF_USAGE, "%s is a symbolic link that leads nowhere", path);
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		return sf_error_new(SF_USAGE, "%s is no directory; a run needs one, which may be missing or empty", path);
	SF_TRY(sf_mkdirs(path));
	if (access(path, W_OK | X_OK))
		return sf_error_new(SF_USAGE, "%s cannot be written to: %s", path, strerror(errno));
	return NULL;
}

static struct sf_error *lock_dir(struct sf_run *run)
{
	run->dir_fd = open(run->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->dir_fd < 0)
		return sf_error_sys(errno, "%s", run->dir);
	/* The lock goes with the process, however it ends. */
	if (flock(run->dir_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? sf_error_new(SF_USAGE, "%s is in use by another run", run->dir) :
					      sf_error_sys(errno, "%s", run->dir);
	return NULL;
}

static uint64_t wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SF_SECOND + (uint64_t)t.tv_nsec;
}

struct sf_error *sf_run_take_dir(const char *name, const char *out, char **ret)
{
	char *dir;

	if (strchr(name, '/') || !name[0])
		return sf_error_new(SF_USAGE, "\"%s\" is no name for a run: it becomes a directory's", name);
	if (!out)
		return next_dir(name, ret);
	SF_TRY(named_dir(out));
	dir = strdup(out);
	if (!dir)
		return sf_error_nomem();
	*ret = dir;
	return NULL;
}

struct sf_error *sf_run_make_dir(struct sf_run *run)
{
	run->began_wall = wall_clock() - (sf_vm_clock() - run->began);
	SF_TRY(sf_run_take_dir(run->opt.name ? run->opt.name : "run", run->opt.out, &run->dir));
	SF_TRY(lock_dir(run));
	return run->opt.out ? empty_dir(run->dir, run->dir_fd, run->opt.force) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program with all that it takes to run: its dynamic loader and libraries, or the interpreter of a script.
 */

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "private.h"

#define LIBRARY_DIR SF_PACK_DIR "/lib"
#define PROGRAM_DIR SF_PACK_DIR "/bin" /* first in the guest's PATH */
#define MAX_SCRIPTS 4    /* a script whose interpreter is a script …: the limit of fs/exec.c, Linux 6.18 */
#define FIRST_LINE 256   /* BINPRM_BUF_SIZE, same place */

bool sf_pack_is_hidden(const char *path)
{
	static const char *const mounts[] = { "/proc", "/sys", "/dev", "/run" };

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		size_t n = strlen(mounts[i]);

		if (!strncmp(path, mounts[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* ---- libraries ------------------------------------------------------------------------------------------------ */

static bool needs(const char *path, const char *library)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	SF_OWNED(error) err = sf_elf_read(path, &elf);

	for (size_t i = 0; !err && i < elf.needed.n; i++)
		if (!strcmp(elf.needed.v[i], library))
			return true;
	return false;
}

static struct sf_error *missing(const char *program, const struct sf_libraries *libs, const char *library)
{
	for (size_t i = 0; i < libs->n && !needs(program, library); i++)
		if (libs->v[i].path && needs(libs->v[i].path, library))
			return sf_error_new(SF_USAGE, "%s needs %s, which needs %s: no such library is found "
					    "(LD_LIBRARY_PATH may name more directories)", program, libs->v[i].path,
					    library);
	return sf_error_new(SF_USAGE, "%s needs the library %s, which is not found (LD_LIBRARY_PATH may name more "
			    "directories)", program, library);
}

static bool is_taken(const struct sf_pack *pack, const char *to, const char *from)
{
	const struct sf_pack_entry *there = sf_pack_find(pack, to);
	struct stat st;

	return there && (!there->from || stat(from, &st) || st.st_dev != there->dev || st.st_ino != there->ino);
}

/* The same path as here, if the guest can have it: programs may name it themselves. */
static struct sf_error *place_library(const struct sf_pack *pack, const char *program, const struct sf_library *lib,
				      const char *from, char **ret)
{
	_cleanup_free_ char *to = sf_pack_normalise(strchr(lib->name, '/') ? lib->name : from);
	const char *name = strrchr(lib->name, '/');

	if (!to)
		return sf_error_nomem();
	if (name && sf_pack_is_hidden(to))
		return sf_error_new(SF_USAGE, "%s names its library %s by a path that the guest cannot have: something "
				    "is mounted there; link with -l, or give the library a soname", program, lib->name);
	for (unsigned int i = 0; !name && (sf_pack_is_hidden(to) || is_taken(pack, to, from)); i++) {
		free(to);
		to = i ? sf_asprintf(LIBRARY_DIR "/%u/%s", i, lib->name) : sf_asprintf(LIBRARY_DIR "/%s", lib->name);
		if (!to)
			return sf_error_nomem();
	}
	*ret = steal_ptr(&to);
	return NULL;
}

struct sf_error *sf_pack_remember(struct sf_pack *pack, const char *name, const char *to)
{
	if (strchr(name, '/'))
		return NULL;
	for (size_t i = 0; i < pack->libraries.n; i++)
		if (!strcmp(pack->libraries.v[i].name, name))
			return NULL;
	struct sf_library *lib = sf_vec_push(&pack->libraries);

	if (!lib)
		return sf_error_nomem();
	*lib = (struct sf_library){ .name = strdup(name), .path = strdup(to) };
	return lib->name && lib->path ? NULL : sf_error_nomem();
}

static struct sf_error *pack_library(struct sf_pack *pack, const char *program, const struct sf_library *lib)
{
	_cleanup_free_ char *from = NULL, *to = NULL;

	SF_TRY(sf_absolute(lib->path, &from));
	SF_TRY(place_library(pack, program, lib, from, &to));
	SF_TRY(sf_pack_file(pack, from, to, 0755));
	return sf_pack_remember(pack, lib->name, to);
}

struct sf_error *sf_pack_libraries(struct sf_pack *pack, const char *program, const char *interp)
{
	_cleanup_libraries_ struct sf_libraries libs = { 0 };

	if (interp[0] != '/' || !sf_is_file(interp))
		return sf_error_new(SF_USAGE, "%s wants the dynamic loader %s, which is not here", program, interp);
	if (sf_pack_is_hidden(interp))
		return sf_error_new(SF_USAGE, "%s wants the dynamic loader %s, where the guest mounts something",
				    program, interp);
	SF_TRY(sf_pack_file(pack, interp, interp, 0755));
	SF_TRY(sf_loader_list(interp, program, &libs));
	for (size_t i = 0; i < libs.n; i++)
		if (!libs.v[i].path)
			return missing(program, &libs, libs.v[i].name);
	for (size_t i = 0; i < libs.n; i++)
		SF_TRY(pack_library(pack, program, &libs.v[i]));
	return NULL;
}

/* ---- programs ---------------------------------------------------------------------------------------------------- */

static struct sf_error *pack_at(struct sf_pack *pack, const char *path, const char *to, unsigned int depth);

static struct sf_error *no_program(const char *path, const char *why)
{
	_cleanup_free_ char *what = sf_pack_what(path);

	return sf_error_new(SF_USAGE, "%s is %s%s%s", path, what ? what : "something", why[0] ? ", " : "", why);
}

static struct sf_error *pack_elf(struct sf_pack *pack, const char *path, const char *to, const struct sf_elf *elf)
{
	if (elf->class != ELFCLASS64 || elf->data != ELFDATA2LSB || elf->machine != EM_X86_64)
		return no_program(path, "and guests are x86-64");
	if (elf->type != ET_EXEC && (elf->type != ET_DYN || (!elf->interp && !elf->is_pie)))
		return no_program(path, "not a program");
	SF_TRY(sf_pack_file(pack, path, to, 0755));
	return elf->interp ? sf_pack_libraries(pack, path, elf->interp) : NULL;
}

/* The program that `env` will start: the first word that is neither an option nor a variable. NULL: none. */
static char *after_env(char *words)
{
	static const char *const with_word[] = { "-u", "--unset", "-C", "--chdir" }, split[] = "--split-string=";
	char *save = NULL;
	bool skip = false;

	for (char *word = strtok_r(words, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
		if (!strncmp(word, split, sizeof(split) - 1))
			word += sizeof(split) - 1;
		else if (!strncmp(word, "-S", 2) && word[2])
			word += 2;
		if (!skip && word[0] != '-' && !strchr(word, '='))
			return word;
		skip = false;
		for (size_t i = 0; i < ARRAY_SIZE(with_word); i++)
			skip = skip || !strcmp(word, with_word[i]);
	}
	return NULL;
}

static struct sf_error *pack_env_program(struct sf_pack *pack, const char *script, char *words, unsigned int depth)
{
	const char *word = after_env(words), *slash;
	_cleanup_free_ char *path = NULL, *to = NULL;

	if (!word)
		return NULL;
	SF_TRY(sf_find_program(word, &path));
	if (!path)
		return sf_error_new(SF_USAGE, "%s is a script for %s, which is not found in PATH", script, word);
	slash = strchr(word, '/');
	to = slash ? strdup(word) : sf_asprintf(PROGRAM_DIR "/%s", word);
	if (!to)
		return sf_error_nomem();
	SF_TRY(sf_pack_modules(pack, path));
	return pack_at(pack, path, to, depth);
}

static struct sf_error *pack_script(struct sf_pack *pack, const char *path, const char *to, char *line,
				    unsigned int depth)
{
	const char *base;
	size_t n;

	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " \t");
	n = strcspn(line, " \t\r");
	if (line[n] == '\r')
		return sf_error_new(SF_USAGE, "%s is a script with DOS line ends, which the kernel does not take", path);
	char *rest = line + n + !!line[n];

	line[n] = '\0';
	if (line[0] != '/' || !sf_is_file(line))
		return sf_error_new(SF_USAGE, "%s is a script for \"%s\", which is not there", path, line);
	if (sf_pack_is_hidden(line))
		return sf_error_new(SF_USAGE, "%s is a script for %s, where the guest mounts something", path, line);
	if (depth >= MAX_SCRIPTS)
		return sf_error_new(SF_USAGE, "%s: too many interpreters of interpreters", path);
	SF_TRY(sf_pack_file(pack, path, to, 0755));
	SF_TRY(pack_at(pack, line, line, depth + 1));
	SF_TRY(sf_pack_modules(pack, line));
	base = strrchr(line, '/') + 1;
	return !strcmp(base, "env") ? pack_env_program(pack, path, rest, depth + 1) : NULL;
}

static struct sf_error *pack_at(struct sf_pack *pack, const char *path, const char *to, unsigned int depth)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	char line[FIRST_LINE] = "";
	struct stat st;

	if (stat(path, &st))
		return sf_error_sys(errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return no_program(path, "not a program");
	SF_TRY(sf_elf_read(path, &elf));
	if (elf.is_elf && (st.st_mode & 0111))
		return pack_elf(pack, path, to, &elf);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, line, sizeof(line) - 1, 0) < 0)
		return sf_error_sys(errno, "%s", path);
	if (!elf.is_elf && strncmp(line, "#!", 2))
		return no_program(path, "not a program");
	if (!(st.st_mode & 0111))
		return no_program(path, "but not executable (chmod +x)");
	return pack_script(pack, path, to, line + 2, depth);
}

struct sf_error *sf_pack_program(struct sf_pack *pack, const char *from, const char *to)
{
	_cleanup_free_ char *path = NULL;

	SF_TRY(sf_find_program(from, &path));
	if (!path)
		return sf_error_new(SF_USAGE, strchr(from, '/') ? "there is no program %s" :
				    "there is no program %s, neither here nor in PATH", from);
	return pack_at(pack, path, to, 0);
}

struct sf_error *sf_pack_program_home(struct sf_pack *pack, const char *from, char **ret_to)
{
	_cleanup_free_ char *path = NULL, *to = NULL;

	SF_TRY(sf_find_program(from, &path));
	to = path ? sf_pack_normalise(path) : NULL;
	if (path && to && sf_pack_is_hidden(to)) {
		free(to);
		to = sf_asprintf(PROGRAM_DIR "/%s", strrchr(path, '/') + 1);
	}
	if (path && !to)
		return sf_error_nomem();
	SF_TRY(sf_pack_program(pack, from, to));
	*ret_to = steal_ptr(&to);
	return NULL;
}

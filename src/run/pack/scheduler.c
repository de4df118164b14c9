/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a scheduler argument is: told by the file's contents, never by its name.
 */

#include <elf.h>

#include "private.h"

static struct sf_error *neither(const char *path)
{
	_cleanup_free_ char *what = sf_pack_what(path);

	return sf_error_new(SF_USAGE, "the scheduler %s is %s; it is to be a BPF object, a program for x86-64, or \"none\"",
			    path, what ? what : "something else");
}

static struct sf_error *kind_of_file(const char *path, enum sf_pack_kind *ret)
{
	_cleanup_elf_ struct sf_elf elf = { 0 };
	_cleanup_free_ char *what = NULL;

	SF_TRY(sf_elf_read(path, &elf));
	if (elf.is_elf && elf.machine == EM_BPF && elf.class == ELFCLASS64) {
		/* The kernel of the guest is little-endian. */
		if (elf.data != ELFDATA2LSB || elf.type != ET_REL)
			return sf_error_new(SF_USAGE, "the scheduler %s is BPF, but %s", path, elf.type == ET_REL ?
					    "for a big-endian machine" : "not an object file as clang makes them");
		*ret = SF_PACK_OBJECT;
		return NULL;
	}
	if (elf.is_elf) {
		if (elf.machine != EM_X86_64 || elf.class != ELFCLASS64 || (elf.type != ET_EXEC && elf.type != ET_DYN) ||
		    (elf.type == ET_DYN && !elf.interp && !elf.is_pie))
			return neither(path);
		*ret = SF_PACK_PROGRAM;
		return NULL;
	}
	what = sf_pack_what(path);
	if (!what)
		return sf_error_nomem();
	if (strcmp(what, "a script"))
		return neither(path);
	*ret = SF_PACK_PROGRAM;
	return NULL;
}

struct sf_error *sf_pack_scheduler(const char *scheduler, enum sf_pack_kind *ret, char **ret_path)
{
	_cleanup_free_ char *path = NULL;

	if (!strcmp(scheduler, "none")) {
		*ret = SF_PACK_NONE;
		*ret_path = NULL;
		return NULL;
	}
	SF_TRY(sf_find_program(scheduler, &path));
	if (!path)
		return sf_error_new(SF_USAGE, "there is no scheduler %s%s; it is a program, a BPF object, or \"none\"",
				    scheduler[0] ? scheduler : "\"\"",
				    strchr(scheduler, '/') ? "" : ", neither here nor in PATH");
	SF_TRY(kind_of_file(path, ret));
	*ret_path = steal_ptr(&path);
	return NULL;
}

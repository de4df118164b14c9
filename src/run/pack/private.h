/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_PACK_PRIVATE_H
#define SF_PACK_PRIVATE_H

#include <sys/types.h>

#include "pack/child.h"
#include "pack/pack.h"

#define SF_PACK_DIR "/stillframe" /* in the guest: what we bring that has no place of its own */

struct sf_strings {
	char **v;
	size_t n, cap;
};
bool sf_strings_add(struct sf_strings *s, const char *text); /* false: no memory */
void sf_strings_clear(struct sf_strings *s);
#define _cleanup_strings_ _cleanup_(sf_strings_clear)

/* ---- elf.c: as much of ELF as it takes to pack a program ------------------------------------------------------ */

struct sf_elf {
	bool is_elf;             /* false: nothing below is filled */
	uint8_t class, data;     /* ELFCLASS*, ELFDATA* */
	uint16_t type, machine;  /* ET_*, EM_* */
	bool is_dynamic;         /* has a dynamic section */
	bool is_pie;             /* and says that it is a program */
	bool has_pvh;            /* a kernel that QEMU can enter directly */
	char *interp;            /* NULL: none */
	char *soname;            /* NULL: none */
	struct sf_strings needed;
};

/* SF_USAGE: an ELF file whose headers make no sense. What is no ELF file is no error. */
SF_CHECKED struct sf_error *sf_elf_read(const char *path, struct sf_elf *ret);
void sf_elf_clear(struct sf_elf *elf);
#define _cleanup_elf_ _cleanup_(sf_elf_clear)

/* "an ELF program for x86-64", "a text file", "a directory": for messages. NULL without memory. */
char *sf_pack_what(const char *path);

/* ---- where.c ------------------------------------------------------------------------------------------------------ */

bool sf_is_file(const char *path);
SF_CHECKED struct sf_error *sf_absolute(const char *path, char **ret);

/* ---- loader.c: which libraries a program takes, asked of the dynamic loader ---------------------------------------- */

struct sf_library {
	char *name;              /* as the program names it */
	char *path;              /* where the loader found it; NULL: nowhere */
};

struct sf_libraries {
	struct sf_library *v;
	size_t n, cap;
};

/* Never runs @program: @interp is asked to list what it would load. */
SF_CHECKED struct sf_error *sf_loader_list(const char *interp, const char *program, struct sf_libraries *ret);
void sf_libraries_clear(struct sf_libraries *l);
#define _cleanup_libraries_ _cleanup_(sf_libraries_clear)

/* ---- ldcache.c: the guest's loader finds by it what was packed -------------------------------------------------------- */

/* The bytes of an ld.so.cache that maps each name to its path; sorts @libs. free() it. */
SF_CHECKED struct sf_error *sf_ldcache_make(struct sf_libraries *libs, char **ret, size_t *ret_len);

/* ---- initramfs.c ------------------------------------------------------------------------------------------------- */

struct sf_pack_entry {
	char *to;                /* absolute, no `.`, `..` or double slashes */
	char *from;              /* NULL: the bytes of `data`, or a directory */
	void *data;
	uint64_t size;
	unsigned int mode;       /* with the type bits */
	dev_t dev;
	ino_t ino;
};

struct sf_pack {
	struct { struct sf_pack_entry *v; size_t n, cap; } entries;
	struct sf_libraries libraries; /* names and their paths in the guest */
};

/* @path as the guest will resolve it, where nothing is a symbolic link. NULL without memory. */
char *sf_pack_normalise(const char *path);
const struct sf_pack_entry *sf_pack_find(const struct sf_pack *pack, const char *to);

/* ---- program.c ---------------------------------------------------------------------------------------------------- */

/* Where the guest's init mounts something: what the archive has below is not seen. */
bool sf_pack_is_hidden(const char *path);
/* The first library of a name is the one that the guest's loaders find by it. */
SF_CHECKED struct sf_error *sf_pack_remember(struct sf_pack *pack, const char *name, const char *to);
/* What the program or library @path needs, and the loader @interp. */
SF_CHECKED struct sf_error *sf_pack_libraries(struct sf_pack *pack, const char *path, const char *interp);

/* ---- tree.c ------------------------------------------------------------------------------------------------------- */

/* The standard library of a Python interpreter; nothing for any other program. */
SF_CHECKED struct sf_error *sf_pack_modules(struct sf_pack *pack, const char *interpreter);

#endif

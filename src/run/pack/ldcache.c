/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ld.so.cache for the guest. On the host a library may be found through LD_LIBRARY_PATH, $ORIGIN, or the host's own
 * cache; in the guest none of these lead anywhere. The cache does, for every library, whatever directory it is in.
 *
 * The format is glibc's "new" one (sysdeps/generic/dl-cache.h, glibc 2.36): a header, one entry for each name in
 * descending order, then the strings; offsets count from the start of the file.
 */

#include <ctype.h>

#include "private.h"

#define CACHE_MAGIC "glibc-ld.so.cache1.1"
#define FLAGS_X86_64_LIBC6 0x0303
#define LITTLE_ENDIAN_CACHE 2

struct cache_header {
	char magic[20];
	uint32_t n_entries;
	uint32_t strings_size;
	uint8_t flags;
	uint8_t padding[3];
	uint32_t extension_offset;
	uint32_t unused[3];
};
_Static_assert(sizeof(struct cache_header) == 48, "file format");

struct cache_entry {
	int32_t flags;
	uint32_t name, path;     /* offsets */
	uint32_t os_version;
	uint64_t hwcap;
};
_Static_assert(sizeof(struct cache_entry) == 24, "file format");

static unsigned long take_number(const char **p)
{
	unsigned long n = 0;

	while (isdigit((unsigned char)**p))
		n = n * 10 + (unsigned long)(*(*p)++ - '0');
	return n;
}

/* The order that the loader's binary search expects: digits count as numbers, and after everything else. */
static int compare_names(const char *a, const char *b)
{
	while (*a && *b) {
		bool da = isdigit((unsigned char)*a), db = isdigit((unsigned char)*b);

		if (da && db) {
			unsigned long na = take_number(&a), nb = take_number(&b);

			if (na != nb)
				return na < nb ? -1 : 1;
		} else if (da != db) {
			return da ? 1 : -1;
		} else if (*a != *b) {
			return *a < *b ? -1 : 1;
		} else {
			a++, b++;
		}
	}
	return !!*a - !!*b;
}

static int descending(const void *a, const void *b)
{
	return compare_names(((const struct sf_library *)b)->name, ((const struct sf_library *)a)->name);
}

static uint32_t put(char *file, size_t *at, const char *text)
{
	size_t off = *at, len = strlen(text) + 1;

	memcpy(file + off, text, len);
	*at += len;
	return (uint32_t)off;
}

struct sf_error *sf_ldcache_make(struct sf_libraries *libs, char **ret, size_t *ret_len)
{
	struct cache_header h = { .magic = CACHE_MAGIC, .n_entries = (uint32_t)libs->n, .flags = LITTLE_ENDIAN_CACHE };
	size_t strings = sizeof(h) + libs->n * sizeof(struct cache_entry), size = strings;

	for (size_t i = 0; i < libs->n; i++)
		size += strlen(libs->v[i].name) + strlen(libs->v[i].path) + 2;
	char *file = size <= UINT32_MAX ? calloc(1, size) : NULL;

	if (!file)
		return sf_error_nomem();
	h.strings_size = (uint32_t)(size - strings);
	memcpy(file, &h, sizeof(h));
	qsort(libs->v, libs->n, sizeof(*libs->v), descending);
	for (size_t i = 0; i < libs->n; i++) {
		struct cache_entry e = { .flags = FLAGS_X86_64_LIBC6 };

		e.name = put(file, &strings, libs->v[i].name);
		e.path = put(file, &strings, libs->v[i].path);
		memcpy(file + sizeof(h) + i * sizeof(e), &e, sizeof(e));
	}
	*ret = file;
	*ret_len = size;
	return NULL;
}

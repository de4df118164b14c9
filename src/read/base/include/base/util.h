/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BASE_UTIL_H
#define SF_BASE_UTIL_H

/*
 * Cleanup attributes, ownership transfer, checked arithmetic and a growing array: what C lacks and every room needs.
 * Owned locals are declared with a cleanup and initialised; ownership leaves a function by steal_*().
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define sf_min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define sf_max(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define sf_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define sf_likely(x) __builtin_expect(!!(x), 1)
#define sf_unlikely(x) __builtin_expect(!!(x), 0)
#define sf_printf(fmt, args) __attribute__((format(printf, fmt, args)))

/* Round up to a power of two. Wraps to a small number at the end of the range: check first where that matters. */
#define sf_align_up(x, a) (((x) + (__typeof__(x))(a) - 1) & ~((__typeof__(x))(a) - 1))

static inline void sf_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void sf_cleanup_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
}

static inline void sf_cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(sf_cleanup_free)
#define _cleanup_close_ _cleanup_(sf_cleanup_close)   /* int fd = -1 */
#define _cleanup_fclose_ _cleanup_(sf_cleanup_fclose) /* FILE *f = NULL */

#define steal_ptr(pp) ({ __typeof__(*(pp)) _p = *(pp); *(pp) = NULL; _p; })
static inline int steal_fd(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

/* Little-endian loads from bytes of any alignment. The guests that we read are little-endian, and so are we. */
#define SF_DEFINE_LOAD(bits)                                                                       \
	static inline uint##bits##_t sf_load##bits(const void *p)                                  \
	{                                                                                          \
		uint##bits##_t v;                                                                  \
		memcpy(&v, p, sizeof(v));                                                          \
		return v;                                                                          \
	}
SF_DEFINE_LOAD(16)
SF_DEFINE_LOAD(32)
SF_DEFINE_LOAD(64)
#undef SF_DEFINE_LOAD

/* Does [off, off + len) lie in [0, size)? Never wraps. */
static inline bool sf_in_range(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

/*
 * A growing array: `struct { T *v; size_t n, cap; } list;`, zero-initialised. sf_vec_push() gives the address of a
 * new, uninitialised last element, or NULL without memory. The owner frees `v`.
 */
#define sf_vec_push(list)                                                                          \
	(sf_vec_reserve_((void **)&(list)->v, (list)->n, &(list)->cap, sizeof(*(list)->v)) ?       \
		 &(list)->v[(list)->n++] : NULL)

static inline bool sf_vec_reserve_(void **v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return true;
	size_t grown = *cap ? *cap * 2 : 8;
	void *p = reallocarray(*v, grown, size);

	if (!p)
		return false;
	*v = p;
	*cap = grown;
	return true;
}

/* asprintf() into an owned string; NULL without memory. */
char *sf_asprintf(const char *fmt, ...) sf_printf(1, 2);

/* 64-bit FNV-1a: for our own tables, never for integrity. */
static inline uint64_t sf_hash_bytes(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

/* A 64-bit digest of many bytes, eight at a time: names contents, does not protect them. */
static inline uint64_t sf_hash_words(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0x9e3779b97f4a7c15ull ^ len;

	for (; len >= 8; p += 8, len -= 8) {
		h = (h ^ sf_load64(p)) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return h ^ sf_hash_bytes(p, len);
}

#endif

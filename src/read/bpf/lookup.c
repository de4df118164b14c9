/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One element of a hash map by its key, from the bucket that the kernel would look in.
 *
 * Facts: include/linux/jhash.h (Bob Jenkins' lookup3), htab_map_hash() and __select_bucket() in kernel/bpf/hashtab.c. A
 * kernel may hash in another way; so what is computed is believed of a map only where an element that is there agrees.
 */

#include "bpf_private.h"

#define JHASH_INITVAL 0xdeadbeefu

static inline uint32_t rol(uint32_t v, unsigned int n)
{
	return v << n | v >> (32 - n);
}

static void mix(uint32_t *a, uint32_t *b, uint32_t *c)
{
	*a -= *c, *a ^= rol(*c, 4), *c += *b;
	*b -= *a, *b ^= rol(*a, 6), *a += *c;
	*c -= *b, *c ^= rol(*b, 8), *b += *a;
	*a -= *c, *a ^= rol(*c, 16), *c += *b;
	*b -= *a, *b ^= rol(*a, 19), *a += *c;
	*c -= *b, *c ^= rol(*b, 4), *b += *a;
}

static void final(uint32_t *a, uint32_t *b, uint32_t *c)
{
	*c ^= *b, *c -= rol(*b, 14);
	*a ^= *c, *a -= rol(*c, 11);
	*b ^= *a, *b -= rol(*a, 25);
	*c ^= *b, *c -= rol(*b, 16);
	*a ^= *c, *a -= rol(*c, 4);
	*b ^= *a, *b -= rol(*a, 14);
	*c ^= *b, *c -= rol(*b, 24);
}

/* jhash() and, of a length that is a multiple of four, jhash2(): on a little-endian machine they are the same. */
uint32_t sf_bpf_jhash(const void *key, size_t len, uint32_t seed)
{
	const uint8_t *k = key;
	uint32_t a, b, c, tail[3] = { 0 };

	a = b = c = JHASH_INITVAL + (uint32_t)len + seed;
	for (; len > 12; len -= 12, k += 12) {
		a += sf_load32(k);
		b += sf_load32(k + 4);
		c += sf_load32(k + 8);
		mix(&a, &b, &c);
	}
	if (!len)
		return c;
	memcpy(tail, k, len);
	a += tail[0];
	b += tail[1];
	c += tail[2];
	final(&a, &b, &c);
	return c;
}

bool sf_bpf_hash_seed(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint32_t *ret)
{
	if (map->shape != SF_BPF_HASH && map->shape != SF_BPF_PERCPU_HASH)
		return false;
	return bpf->htab.hashrnd.present && bpf->htab.hashrnd.size == 4 &&
	       sf_vmem_u32(vm, map->kva + bpf->htab.hashrnd.offset, ret) == SF_FAULT_NONE;
}

bool sf_bpf_hash_agrees(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint32_t seed,
			const struct sf_bpf_elem *elem)
{
	_cleanup_free_ uint8_t *key = malloc(map->key_size);
	uint32_t hash = 0;

	if (!key || !bpf->elem.hash.present || sf_vmem_read(vm, elem->key, key, map->key_size) ||
	    sf_vmem_u32(vm, elem->kva + bpf->elem.hash.offset, &hash))
		return false;
	return hash == sf_bpf_jhash(key, map->key_size, seed);
}

bool sf_bpf_key_is(struct sf_vmem *vm, uint64_t kva, const void *key, size_t size)
{
	const uint8_t *want = key;
	uint8_t have[64];
	size_t n;

	for (size_t off = 0; off < size; off += n) {
		n = sf_min(size - off, sizeof(have));
		if (sf_vmem_read(vm, kva + off, have, n) || memcmp(have, want + off, n))
			return false;
	}
	return true;
}

enum sf_bpf_found sf_bpf_find_in_bucket(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map,
					uint32_t hash, const void *key, struct sf_bpf_elem *ret)
{
	const uint64_t bucket = hash & (map->n_buckets - 1);
	struct sf_bpf_cursor c;
	struct sf_bpf_elem elem;
	uint64_t first;

	sf_bpf_cursor_init(&c, bpf, vm, map);
	c.bucket = bucket;
	c.one_by_one = true;
	if (sf_vmem_u64(vm, map->values + bucket * map->stride + bpf->bucket.first.offset, &first))
		return SF_BPF_UNSURE;
	/* NULLS_MARKER(): an empty bucket. */
	if (first == (bucket << 1 | 1))
		return SF_BPF_NOT_THERE;
	while (sf_bpf_chain_next(&c, &elem) && c.bucket == bucket + 1 && !c.torn.n_chains) {
		if (sf_bpf_key_is(vm, elem.key, key, map->key_size)) {
			*ret = elem;
			return SF_BPF_FOUND;
		}
		if (!c.node)
			return SF_BPF_NOT_THERE;
	}
	return SF_BPF_UNSURE;
}

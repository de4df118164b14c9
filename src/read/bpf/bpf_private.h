/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BPF_PRIVATE_H
#define SF_BPF_PRIVATE_H

#include "bpf/bpf.h"
#include "bpf/values.h"

#define SF_BPF_ELEM_HEAD 256u /* of an element, what is read of it in one go: at most */

/*
 * The groups that are read as the head of a struct hold nothing but places, so that it can be done in one go. What a
 * kernel's BTF lacks of the others makes values of some type of map unread, and nothing else.
 */
struct sf_bpf {
	const struct sf_kernel *kernel;
	uint64_t map_idr, prog_idr;
	uint64_t kallsyms;    /* of the list head bpf_kallsyms; 0: this kernel has none */
	uint64_t btf_vmlinux; /* of the pointer to the kernel's own struct btf; 0: unknown */
	struct {
		struct sf_place name, type, flags, key_size, value_size, max_entries, btf, key_type, value_type,
			vmlinux_value_type, id;
	} map;
	struct sf_place array_value, array_pptrs;
	struct {
		struct sf_place buckets, elems, n_buckets, elem_size, hashrnd;
	} htab;
	struct {
		struct sf_place self, first; /* what bpf_htab.buckets leads to */
	} bucket;
	struct {
		struct sf_place next, pprev, hash, key;
	} elem;                      /* htab_elem */
	struct {
		struct sf_place buckets, bucket_log;
	} smap;                      /* bpf_local_storage_map */
	struct {
		struct sf_place self, first;
	} smap_bucket;
	struct {
		struct sf_place next, pprev, storage, smap, data, owners_next, owners_pprev;
	} selem;                     /* bpf_local_storage_elem; owners_*: the list of its owner */
	struct {
		struct sf_place owner, first;
	} storage;                   /* bpf_local_storage */
	struct {
		struct sf_place btf, value, data;
	} struct_ops;                /* bpf_struct_ops_map; data: of value */
	struct {
		struct sf_place pid, tgid, comm;
	} task;
	struct sf_place cgroup_kn, inode_ino, sock_family, sock_port;
	struct {
		struct sf_place parent, plain_parent, name, id;
	} kernfs;
	struct {
		struct sf_place start, end, name, lnode;
	} ksym;                      /* bpf_ksym */
	struct {
		struct sf_place type, aux;
	} prog;
	struct {
		struct sf_place name, id, used_maps, used_map_cnt, attach_type;
	} aux;
	struct {
		struct sf_place data, data_size, base, id;
	} btf;
	uint32_t elem_head, selem_head; /* bytes from the start of an element that a walk reads; 0: no such layout */
};

/* shapes.c: what is found in another way than by name. */
void sf_bpf_find_layouts(struct sf_bpf *bpf);
/* shapes.c: how @m keeps its values and where, from what the struct bpf_map said. */
void sf_bpf_find_values(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_map *m);

/* chains.c: HASH, PERCPU_HASH and STORAGE. */
#define SF_BPF_AHEAD 96u /* elements that a cursor looks at before it gives them out; not if it goes one_by_one */
bool sf_bpf_chain_next(struct sf_bpf_cursor *c, struct sf_bpf_elem *ret);
/* How many buckets have elements; fewer, where some cannot be read. */
uint64_t sf_bpf_filled_buckets(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map);
void sf_bpf_chain_elem(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva,
		       struct sf_bpf_elem *ret);

#endif

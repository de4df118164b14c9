/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BPF_PRIVATE_H
#define SF_BPF_PRIVATE_H

#include "bpf/bpf.h"

/* The groups hold nothing but places, so that the head of a struct can be read in one go. */
struct sf_bpf {
	const struct sf_kernel *kernel;
	uint64_t map_idr, prog_idr;
	uint64_t btf_vmlinux; /* of the pointer to the kernel's own struct btf; 0: unknown */
	struct {
		struct sf_place name, type, flags, key_size, value_size, max_entries, btf, key_type, value_type,
			vmlinux_value_type, id;
	} map;
	struct sf_place array_value;
	struct {
		struct sf_place type, aux;
	} prog;
	struct {
		struct sf_place name, id, used_maps, used_map_cnt;
	} aux;
	struct {
		struct sf_place data, data_size, base, id;
	} btf;
};

#endif

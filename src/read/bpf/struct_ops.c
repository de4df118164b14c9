/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The struct that a STRUCT_OPS map is: a wrapper of the kernel's around it names its type. */

#include "bpf_private.h"

uint32_t sf_bpf_struct_ops_type(const struct sf_btf *btf, const struct sf_bpf_map *map)
{
	struct sf_btf_place data;

	/* bpf_struct_ops_<name>: { struct bpf_struct_ops_common_value common; struct <name> data; } */
	if (map->shape != SF_BPF_STRUCT_OPS || !map->vmlinux_value_type ||
	    !sf_btf_find_member(btf, map->vmlinux_value_type, "data", &data) || data.bit_size)
		return 0;
	return sf_btf_peel(btf, data.type);
}

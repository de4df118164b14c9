/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel_private.h"

/* The largest struct of this name; failing that a union, or what a typedef of this name stands for. */
static uint32_t find_struct(const struct sf_btf *btf, const char *name)
{
	uint32_t id = sf_btf_find_largest(btf, name, SF_BTF_STRUCT);

	if (!id)
		id = sf_btf_find_largest(btf, name, SF_BTF_UNION);
	if (!id)
		id = sf_btf_peel(btf, sf_btf_find(btf, name, SF_BTF_TYPEDEF));
	return id;
}

static bool place_of(const struct sf_btf *btf, uint32_t id, const char *member, struct sf_place *ret)
{
	struct sf_btf_place place = { .type = id };
	uint64_t size;

	if (member && !sf_btf_find_member(btf, id, member, &place))
		return false;
	/* A bitfield has no address. */
	if (place.bit_size || place.bit_offset % 8 || !sf_btf_size_of(btf, place.type, &size) || size > UINT32_MAX)
		return false;
	*ret = (struct sf_place){ .offset = place.bit_offset / 8, .size = size, .present = true };
	return true;
}

static struct sf_error *missing(const struct sf_kernel *k, uint32_t id, const struct sf_place_spec *spec)
{
	const struct sf_btf *btf = k->btf;
	struct sf_btf_type t;
	char list[1024] = "";
	size_t at = 0;

	if (!id || !sf_btf_type(btf, id, &t))
		return sf_error_new(SF_KERNEL, "kernel %s has no struct %s in its BTF", k->vi.release,
				    spec->struct_name);
	for (uint32_t i = 0; i < t.vlen && at < sizeof(list) - 1; i++) {
		struct sf_btf_member m;

		if (!sf_btf_member(btf, &t, i, &m))
			break;
		int n = snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "", *m.name ? m.name : "(unnamed)");

		at += n > 0 ? n : 0;
	}
	return sf_error_new(SF_KERNEL, "struct %s of kernel %s has no plain member %s; it has: %s%s", spec->struct_name,
			    k->vi.release, spec->member ? spec->member : "", list,
			    at >= sizeof(list) ? " …" : "");
}

struct sf_error *sf_kernel_layout(const struct sf_kernel *k, const struct sf_place_spec *specs, size_t n, void *layout)
{
	_cleanup_free_ struct sf_place *places = calloc(n ? n : 1, sizeof(*places));
	const char *last = NULL;
	uint32_t id = 0;

	if (!places)
		return sf_error_nomem();
	for (size_t i = 0; i < n; i++) {
		if (!last || strcmp(last, specs[i].struct_name))
			id = find_struct(k->btf, specs[i].struct_name);
		last = specs[i].struct_name;
		if (!(id && place_of(k->btf, id, specs[i].member, &places[i])) && !specs[i].optional)
			return missing(k, id, &specs[i]);
	}
	for (size_t i = 0; i < n; i++)
		memcpy((char *)layout + specs[i].at, &places[i], sizeof(places[i]));
	return NULL;
}

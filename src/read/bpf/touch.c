/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walk that runs while the guest is stopped: the listing itself, through a recorder, and then every byte of values
 * and BTF that a reader of the frame may ask for.
 */

#include "bpf_private.h"

#define MAX_TOUCHED (16ull << 30) /* of values and BTF, in one walk */

struct touch {
	const struct sf_bpf *bpf;
	struct sf_vmem *vm;
	const struct sf_bpf_keep *keep;
	struct sf_bpf_kept *kept;
	uint64_t left;     /* bytes that may still be touched: pages may alias, so their number bounds no walk */
	uint64_t last_btf; /* maps of one object come in a row and share their BTF */
};

/* Touches what of [kva, kva + len) the walk may still touch. */
static void touch_bytes(struct touch *t, uint64_t kva, uint64_t len)
{
	if (len > t->left) {
		len = t->left;
		t->kept->n_cut_maps++;
	}
	t->left -= len;
	if (sf_vmem_touch(t->vm, kva, len) != SF_FAULT_NONE)
		t->kept->n_unreadable++;
}

static void touch_btf(struct touch *t, uint64_t kva)
{
	struct sf_bpf_btf head;

	for (unsigned int depth = 0; kva && kva != t->last_btf && depth < 4; depth++, kva = head.base) {
		if (!depth)
			t->last_btf = kva;
		if (sf_bpf_btf_head(t->bpf, t->vm, kva, &head) != SF_FAULT_NONE) {
			t->kept->n_unreadable++;
			return;
		}
		/* The kernel's own is among the facts: megabytes that never change. */
		if (head.is_vmlinux || !head.size || head.size > SF_BTF_MAX_SIZE)
			return;
		touch_bytes(t, head.data, head.size);
	}
}

static bool touch_map(void *arg, const struct sf_bpf_map *m)
{
	struct touch *t = arg;

	touch_btf(t, m->btf);
	if (m->unread || !m->max_entries)
		return true;
	uint64_t bytes = m->stride * m->max_entries;

	if (bytes / m->stride != m->max_entries || bytes > t->keep->max_map_bytes) {
		bytes = t->keep->max_map_bytes;
		t->kept->n_cut_maps++;
	}
	touch_bytes(t, m->values, bytes);
	return true;
}

static bool touch_prog(void *arg, const struct sf_bpf_prog *p)
{
	struct touch *t = arg;

	sf_vmem_touch(t->vm, p->used_maps, 8ull * p->n_used_maps);
	return true;
}

struct sf_error *sf_bpf_touch(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_keep *keep,
			      struct sf_bpf_kept *ret)
{
	struct sf_bpf_kept kept = { 0 };
	struct touch t = { .bpf = bpf, .vm = vm, .keep = keep, .kept = &kept, .left = MAX_TOUCHED };

	SF_TRY(sf_bpf_maps(bpf, vm, touch_map, &t, &kept.maps));
	if (bpf->prog_idr && bpf->prog.aux.present)
		SF_TRY(sf_bpf_progs(bpf, vm, touch_prog, &t, &kept.progs));
	*ret = kept;
	return NULL;
}

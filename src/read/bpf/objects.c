/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps and programs, from the two idrs that the kernel keeps of them.
 */

#include "bpf_private.h"

#define SPEC(field, type, member, optional) { offsetof(struct sf_bpf, field), type, member, optional }

static const struct sf_place_spec specs[] = {
	SPEC(map.name, "bpf_map", "name", false),
	SPEC(map.type, "bpf_map", "map_type", false),
	SPEC(map.flags, "bpf_map", "map_flags", true),
	SPEC(map.key_size, "bpf_map", "key_size", false),
	SPEC(map.value_size, "bpf_map", "value_size", false),
	SPEC(map.max_entries, "bpf_map", "max_entries", false),
	SPEC(map.btf, "bpf_map", "btf", false),
	SPEC(map.key_type, "bpf_map", "btf_key_type_id", true),
	SPEC(map.value_type, "bpf_map", "btf_value_type_id", false),
	SPEC(map.vmlinux_value_type, "bpf_map", "btf_vmlinux_value_type_id", true),
	SPEC(map.id, "bpf_map", "id", true),
	SPEC(array_value, "bpf_array", "value", true),
	SPEC(array_pptrs, "bpf_array", "pptrs", true),
	SPEC(htab.buckets, "bpf_htab", "buckets", true),
	SPEC(htab.elems, "bpf_htab", "elems", true),
	SPEC(htab.n_buckets, "bpf_htab", "n_buckets", true),
	SPEC(htab.elem_size, "bpf_htab", "elem_size", true),
	SPEC(htab.hashrnd, "bpf_htab", "hashrnd", true),
	SPEC(elem.next, "htab_elem", "hash_node.next", true),
	SPEC(elem.pprev, "htab_elem", "hash_node.pprev", true),
	SPEC(elem.hash, "htab_elem", "hash", true),
	SPEC(elem.key, "htab_elem", "key", true),
	SPEC(smap.buckets, "bpf_local_storage_map", "buckets", true),
	SPEC(smap.bucket_log, "bpf_local_storage_map", "bucket_log", true),
	SPEC(selem.next, "bpf_local_storage_elem", "map_node.next", true),
	SPEC(selem.pprev, "bpf_local_storage_elem", "map_node.pprev", true),
	SPEC(selem.storage, "bpf_local_storage_elem", "local_storage", true),
	SPEC(selem.smap, "bpf_local_storage_elem", "sdata.smap", true),
	SPEC(selem.data, "bpf_local_storage_elem", "sdata.data", true),
	SPEC(selem.owners_next, "bpf_local_storage_elem", "snode.next", true),
	SPEC(selem.owners_pprev, "bpf_local_storage_elem", "snode.pprev", true),
	SPEC(storage.owner, "bpf_local_storage", "owner", true),
	SPEC(storage.first, "bpf_local_storage", "list.first", true),
	SPEC(struct_ops.btf, "bpf_struct_ops_map", "btf", true),
	SPEC(struct_ops.value, "bpf_struct_ops_map", "kvalue", true),
	SPEC(struct_ops.data, "bpf_struct_ops_map", "kvalue.data", true),
	SPEC(task.pid, "task_struct", "pid", true),
	SPEC(task.tgid, "task_struct", "tgid", true),
	SPEC(task.comm, "task_struct", "comm", true),
	SPEC(cgroup_kn, "cgroup", "kn", true),
	SPEC(inode_ino, "inode", "i_ino", true),
	SPEC(sock_family, "sock", "__sk_common.skc_family", true),
	SPEC(sock_port, "sock", "__sk_common.skc_num", true),
	SPEC(kernfs.parent, "kernfs_node", "__parent", true),
	SPEC(kernfs.plain_parent, "kernfs_node", "parent", true), /* until it was RCU that protects it */
	SPEC(kernfs.name, "kernfs_node", "name", true),
	SPEC(kernfs.id, "kernfs_node", "id", true),
	SPEC(prog.type, "bpf_prog", "type", true),
	SPEC(prog.aux, "bpf_prog", "aux", true),
	SPEC(aux.name, "bpf_prog_aux", "name", true),
	SPEC(aux.id, "bpf_prog_aux", "id", true),
	SPEC(aux.used_maps, "bpf_prog_aux", "used_maps", true),
	SPEC(aux.used_map_cnt, "bpf_prog_aux", "used_map_cnt", true),
	SPEC(aux.attach_type, "bpf_prog_aux", "attach_btf_id", true),
	SPEC(btf.data, "btf", "data", true),
	SPEC(btf.data_size, "btf", "data_size", true),
	SPEC(btf.base, "btf", "base_btf", true),
	SPEC(btf.id, "btf", "id", true),
	SPEC(ksym.start, "bpf_ksym", "start", true),
	SPEC(ksym.end, "bpf_ksym", "end", true),
	SPEC(ksym.name, "bpf_ksym", "name", true),
	SPEC(ksym.lnode, "bpf_ksym", "lnode", true),
};

struct sf_error *sf_bpf_new(const struct sf_kernel *kernel, struct sf_bpf **ret)
{
	SF_OWNED(bpf) bpf = calloc(1, sizeof(*bpf));

	if (!bpf)
		return sf_error_nomem();
	bpf->kernel = kernel;
	SF_TRY(sf_kernel_layout(kernel, specs, ARRAY_SIZE(specs), bpf));
	if (!sf_kernel_symbol(kernel, "map_idr", &bpf->map_idr))
		return sf_error_new(SF_KERNEL, "kernel %s has no symbol map_idr: CONFIG_BPF_SYSCALL is off, or "
				    "CONFIG_KALLSYMS_ALL is", sf_kernel_release(kernel));
	sf_kernel_symbol(kernel, "prog_idr", &bpf->prog_idr);
	sf_kernel_symbol(kernel, "btf_vmlinux", &bpf->btf_vmlinux);
	sf_bpf_find_layouts(bpf);
	sf_kernel_symbol(kernel, "bpf_kallsyms", &bpf->kallsyms);
	*ret = steal_ptr(&bpf);
	return NULL;
}

void sf_bpf_free(struct sf_bpf *bpf)
{
	free(bpf);
}

/* Numbers of enum bpf_map_type, include/uapi/linux/bpf.h. */
static const char *const type_names[] = {
	"unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array", "stack_trace",
	"cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps", "hash_of_maps", "devmap", "sockmap",
	"cpumap", "xskmap", "sockhash", "cgroup_storage", "reuseport_sockarray", "percpu_cgroup_storage", "queue",
	"stack", "sk_storage", "devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter",
	"user_ringbuf", "cgrp_storage", "arena", "insn_array",
	"rhash",
};

const char *sf_bpf_map_type_name(uint32_t type)
{
	return type < ARRAY_SIZE(type_names) ? type_names[type] : NULL;
}

/* ---- reading one object --------------------------------------------------------------------------------- */

/* The head of a struct, read once; its members are then taken from the copy. */
#define HEAD_MAX 1024
struct head {
	uint8_t bytes[HEAD_MAX];
	size_t len;
};

static size_t head_len(const struct sf_place *places, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (places[i].present && sf_in_range(places[i].offset, places[i].size, HEAD_MAX))
			len = sf_max(len, (size_t)places[i].offset + places[i].size);
	return len;
}

static bool read_head(struct sf_vmem *vm, uint64_t kva, const struct sf_place *places, size_t n, struct head *h)
{
	h->len = head_len(places, n);
	return h->len && sf_vmem_read(vm, kva, h->bytes, h->len) == SF_FAULT_NONE;
}

static uint64_t member(const struct head *h, const struct sf_place *p)
{
	uint64_t v = 0;

	if (p->present && sf_in_range(p->offset, p->size, h->len))
		memcpy(&v, h->bytes + p->offset, sf_min(p->size, (uint32_t)sizeof(v)));
	return v;
}

static void name_of(const struct head *h, const struct sf_place *p, char name[SF_BPF_NAME])
{
	memset(name, 0, SF_BPF_NAME);
	if (p->present && sf_in_range(p->offset, p->size, h->len))
		memcpy(name, h->bytes + p->offset, sf_min(p->size, SF_BPF_NAME - 1u));
}

static bool read_map(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva, struct sf_bpf_map *m)
{
	struct head h;

	if (!read_head(vm, kva, &bpf->map.name, sizeof(bpf->map) / sizeof(struct sf_place), &h))
		return false;
	*m = (struct sf_bpf_map){
		.kva = kva,
		.id = (uint32_t)member(&h, &bpf->map.id),
		.type = (uint32_t)member(&h, &bpf->map.type),
		.flags = (uint32_t)member(&h, &bpf->map.flags),
		.key_size = (uint32_t)member(&h, &bpf->map.key_size),
		.value_size = (uint32_t)member(&h, &bpf->map.value_size),
		.max_entries = (uint32_t)member(&h, &bpf->map.max_entries),
		.btf = member(&h, &bpf->map.btf),
		.key_type = (uint32_t)member(&h, &bpf->map.key_type),
		.value_type = (uint32_t)member(&h, &bpf->map.value_type),
		.vmlinux_value_type = (uint32_t)member(&h, &bpf->map.vmlinux_value_type),
	};
	name_of(&h, &bpf->map.name, m->name);
	sf_bpf_find_values(bpf, vm, m);
	return true;
}

static bool read_prog(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kva, struct sf_bpf_prog *p)
{
	struct head h;

	if (!read_head(vm, kva, &bpf->prog.type, sizeof(bpf->prog) / sizeof(struct sf_place), &h))
		return false;
	*p = (struct sf_bpf_prog){
		.kva = kva,
		.type = (uint32_t)member(&h, &bpf->prog.type),
		.aux = member(&h, &bpf->prog.aux),
	};
	if (!read_head(vm, p->aux, &bpf->aux.name, sizeof(bpf->aux) / sizeof(struct sf_place), &h))
		return false;
	p->id = (uint32_t)member(&h, &bpf->aux.id);
	p->attach_type = (uint32_t)member(&h, &bpf->aux.attach_type);
	/* The kernel publishes the count before the pointer: a null pointer means none, whatever the count says. */
	p->used_maps = member(&h, &bpf->aux.used_maps);
	if (p->used_maps)
		p->n_used_maps = sf_min((uint32_t)member(&h, &bpf->aux.used_map_cnt), SF_BPF_MAX_USED_MAPS);
	name_of(&h, &bpf->aux.name, p->name);
	return true;
}

uint32_t sf_bpf_prog_maps(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_prog *prog, uint64_t *kvas,
			  uint32_t max)
{
	uint32_t n = 0;

	(void)bpf;
	for (uint32_t i = 0; i < prog->n_used_maps && n < max; i++)
		if (sf_vmem_u64(vm, prog->used_maps + 8ull * i, &kvas[n]) == SF_FAULT_NONE)
			n++;
	return n;
}

/* ---- walking ------------------------------------------------------------------------------------------- */

struct walk {
	const struct sf_bpf *bpf;
	struct sf_vmem *vm;
	sf_bpf_map_fn *map_fn;
	sf_bpf_prog_fn *prog_fn;
	void *arg;
	struct sf_bpf_stats stats;
};

static bool on_map(void *arg, uint32_t index, uint64_t entry)
{
	struct walk *w = arg;
	struct sf_bpf_map m;

	if (!read_map(w->bpf, w->vm, entry, &m) || (w->bpf->map.id.present && m.id != index)) {
		w->stats.n_torn++;
		return true;
	}
	m.id = index;
	w->stats.n_objects++;
	return w->map_fn(w->arg, &m);
}

static bool on_prog(void *arg, uint32_t index, uint64_t entry)
{
	struct walk *w = arg;
	struct sf_bpf_prog p;

	if (!read_prog(w->bpf, w->vm, entry, &p) || (w->bpf->aux.id.present && p.id != index)) {
		w->stats.n_torn++;
		return true;
	}
	p.id = index;
	w->stats.n_objects++;
	return w->prog_fn(w->arg, &p);
}

static struct sf_error *walk_idr(struct walk *w, uint64_t idr, sf_idr_fn *fn, struct sf_bpf_stats *ret)
{
	struct sf_idr_stats stats;

	SF_TRY(sf_vmem_idr(w->vm, idr, SF_BPF_MAX_OBJECTS, fn, w, &stats));
	w->stats.n_torn += stats.n_torn;
	w->stats.capped = stats.capped;
	*ret = w->stats;
	return NULL;
}

struct sf_error *sf_bpf_maps(const struct sf_bpf *bpf, struct sf_vmem *vm, sf_bpf_map_fn *fn, void *arg,
			     struct sf_bpf_stats *ret)
{
	struct walk w = { .bpf = bpf, .vm = vm, .map_fn = fn, .arg = arg };

	return sf_error_context(walk_idr(&w, bpf->map_idr, on_map, ret), "map_idr");
}

struct sf_error *sf_bpf_progs(const struct sf_bpf *bpf, struct sf_vmem *vm, sf_bpf_prog_fn *fn, void *arg,
			      struct sf_bpf_stats *ret)
{
	struct walk w = { .bpf = bpf, .vm = vm, .prog_fn = fn, .arg = arg };

	if (!bpf->prog_idr || !bpf->prog.aux.present)
		return sf_error_new(SF_KERNEL, "kernel %s has no prog_idr, or its BTF no struct bpf_prog",
				    sf_kernel_release(bpf->kernel));
	return sf_error_context(walk_idr(&w, bpf->prog_idr, on_prog, ret), "prog_idr");
}

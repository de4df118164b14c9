/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a value of local storage belongs to, in words: what a reader of a frame sees in place of an address. Reading it
 * here is also what keeps it.
 */

#include "bpf_private.h"

#define MAX_DEPTH 64   /* of a cgroup */
#define MAX_NAME 255   /* bytes of a directory's name */

static enum sf_bpf_owner_kind kind_of(const struct sf_bpf_map *map)
{
	if (map->shape != SF_BPF_STORAGE)
		return 0;
	switch (map->type) {
	case SF_BPF_MAP_TYPE_TASK_STORAGE:
		return SF_BPF_OWNER_TASK;
	case SF_BPF_MAP_TYPE_CGRP_STORAGE:
		return SF_BPF_OWNER_CGROUP;
	case SF_BPF_MAP_TYPE_INODE_STORAGE:
		return SF_BPF_OWNER_INODE;
	case SF_BPF_MAP_TYPE_SK_STORAGE:
		return SF_BPF_OWNER_SOCK;
	default:
		return 0;
	}
}

const char *sf_bpf_owner_struct(const struct sf_bpf_map *map)
{
	static const char *const names[] = {
		[SF_BPF_OWNER_TASK] = "task_struct",
		[SF_BPF_OWNER_CGROUP] = "cgroup",
		[SF_BPF_OWNER_INODE] = "inode",
		[SF_BPF_OWNER_SOCK] = "sock",
	};

	return names[kind_of(map)];
}

/* A number of at most @size bytes. A member that the kernel does not have is 0. */
static bool read_number(struct sf_vmem *vm, uint64_t kva, const struct sf_place *p, void *ret, size_t size)
{
	uint64_t v = 0;

	if (!p->present)
		return true;
	if (sf_vmem_read(vm, kva + p->offset, &v, sf_min((size_t)p->size, size)))
		return false;
	memcpy(ret, &v, size);
	return true;
}

static bool read_task(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_owner *o)
{
	size_t len = sf_min((size_t)bpf->task.comm.size, sizeof(o->comm) - 1);

	return bpf->task.pid.present && read_number(vm, o->kva, &bpf->task.pid, &o->pid, sizeof(o->pid)) &&
	       read_number(vm, o->kva, &bpf->task.tgid, &o->tgid, sizeof(o->tgid)) &&
	       (!bpf->task.comm.present ||
		sf_vmem_read(vm, o->kva + bpf->task.comm.offset, o->comm, len) == SF_FAULT_NONE);
}

/* A NUL-terminated string of the guest; what is longer than a name can be is none. */
static bool read_name(struct sf_vmem *vm, uint64_t kva, char name[MAX_NAME + 1])
{
	for (size_t len = 0; len <= MAX_NAME;) {
		uint64_t at = (kva + len) & (SF_PAGE_SIZE - 1);
		size_t n = sf_min((size_t)(SF_PAGE_SIZE - at), MAX_NAME + 1 - len);
		const uint8_t *page = sf_vmem_page(vm, kva + len, NULL);

		if (!page)
			return false;
		memcpy(name + len, page + at, n);
		if (memchr(name + len, '\0', n))
			return true;
		len += n;
	}
	return false;
}

/* Puts "/@name" in front of what begins at *@at. */
static bool put_front(char path[SF_BPF_CGROUP_PATH], size_t *at, const char *name)
{
	size_t len = strlen(name);

	if (*at < len + 1)
		return false;
	*at -= len;
	memcpy(path + *at, name, len);
	path[--*at] = '/';
	return true;
}

/* From the cgroup up, as cgroup_path() has it: the root of a hierarchy has no parent, and its name does not count. */
static void read_path(const struct sf_bpf *bpf, struct sf_vmem *vm, uint64_t kn, struct sf_bpf_owner *o)
{
	const struct sf_place *up = bpf->kernfs.parent.present ? &bpf->kernfs.parent : &bpf->kernfs.plain_parent;
	size_t at = sizeof(o->path) - 1;
	char name[MAX_NAME + 1];
	uint64_t parent, text;
	unsigned int depth = 0;

	o->path[at] = '\0';
	o->path_cut = true;
	for (; up->present && bpf->kernfs.name.present && depth < MAX_DEPTH; depth++, kn = parent) {
		if (sf_vmem_u64(vm, kn + up->offset, &parent))
			break;
		if (!parent) {
			o->path_cut = false;
			break;
		}
		if (sf_vmem_u64(vm, kn + bpf->kernfs.name.offset, &text) || !read_name(vm, text, name) ||
		    !put_front(o->path, &at, name))
			break;
	}
	if (at == sizeof(o->path) - 1 && !o->path_cut)
		o->path[--at] = '/';
	memmove(o->path, o->path + at, sizeof(o->path) - at);
}

static bool read_cgroup(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_owner *o)
{
	uint64_t kn = 0;

	if (!bpf->cgroup_kn.present || sf_vmem_u64(vm, o->kva + bpf->cgroup_kn.offset, &kn) || !kn ||
	    !read_number(vm, kn, &bpf->kernfs.id, &o->id, sizeof(o->id)))
		return false;
	read_path(bpf, vm, kn, o);
	return true;
}

static bool read_sock(const struct sf_bpf *bpf, struct sf_vmem *vm, struct sf_bpf_owner *o)
{
	return bpf->sock_family.present &&
	       read_number(vm, o->kva, &bpf->sock_family, &o->family, sizeof(o->family)) &&
	       read_number(vm, o->kva, &bpf->sock_port, &o->port, sizeof(o->port));
}

bool sf_bpf_owner(const struct sf_bpf *bpf, struct sf_vmem *vm, const struct sf_bpf_map *map, uint64_t kva,
		  struct sf_bpf_owner *ret)
{
	/* Everything but the path, which is long: this runs for every value while the guest is stopped. */
	memset(ret, 0, offsetof(struct sf_bpf_owner, path));
	ret->path[0] = '\0';
	ret->path_cut = false;
	ret->family = ret->port = 0;
	ret->kind = kind_of(map);
	ret->kva = kva;
	/* A pointer is followed only where its target begins in a page that is there. */
	if (kva)
		sf_vmem_page(vm, kva, NULL);
	switch (kva ? (int)ret->kind : 0) {
	case SF_BPF_OWNER_TASK:
		ret->is_readable = read_task(bpf, vm, ret);
		break;
	case SF_BPF_OWNER_CGROUP:
		ret->is_readable = read_cgroup(bpf, vm, ret);
		break;
	case SF_BPF_OWNER_INODE:
		ret->is_readable = bpf->inode_ino.present &&
				   read_number(vm, kva, &bpf->inode_ino, &ret->id, sizeof(ret->id));
		break;
	case SF_BPF_OWNER_SOCK:
		ret->is_readable = read_sock(bpf, vm, ret);
		break;
	}
	return ret->kind;
}

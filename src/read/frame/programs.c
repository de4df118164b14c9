/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which scheduler is active, by what the kernel knows: programs that are members of a sched_ext_ops, and the maps that
 * they use. The programs of one object are those that share a section of globals; each has a list of its own, so the
 * object's maps are what all of them use together. Where two objects have such programs, nobody can tell from here.
 */

#include "frame_private.h"

#define MAX_PROGS 4096 /* that use maps */

struct prog {
	bool is_sched;
	uint32_t first, n; /* of `kvas` */
	size_t section;    /* the first that it uses, +1; 0: none */
};

/* A map of an object's globals. Sections that one program uses are of one group, and so are those of one object. */
struct section {
	uint64_t kva;
	const struct sf_frame_map *map;
	size_t group;      /* another of its group; itself: it stands for all of them */
};

struct programs {
	const struct sf_frame_maps *maps;
	const struct sf_bpf *bpf;
	struct sf_vmem *vm;
	uint32_t ops_type; /* sched_ext_ops in the kernel's BTF; 0: it has none */
	struct { struct prog *v; size_t n, cap; } progs;
	struct { uint64_t *v; size_t n, cap; } kvas;
	struct { struct section *v; size_t n, cap; } sections; /* by address */
	bool failed;
};

static bool add_prog(void *arg, const struct sf_bpf_prog *p)
{
	struct programs *all = arg;
	uint64_t kvas[SF_BPF_MAX_USED_MAPS];
	struct prog *prog;
	uint32_t n;

	if (!p->n_used_maps)
		return true;
	n = sf_bpf_prog_maps(all->bpf, all->vm, p, kvas, SF_BPF_MAX_USED_MAPS);
	prog = all->progs.n < MAX_PROGS ? sf_vec_push(&all->progs) : NULL;
	if (!prog) {
		all->failed = true;
		return false;
	}
	*prog = (struct prog){ .first = (uint32_t)all->kvas.n };
	/* A kernel that does not say which struct it is has been seen to have no other. */
	prog->is_sched = p->type == SF_BPF_PROG_TYPE_STRUCT_OPS && all->ops_type &&
			 (!p->attach_type || p->attach_type == all->ops_type);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t *slot = sf_vec_push(&all->kvas);

		if (!slot) {
			all->failed = true;
			return false;
		}
		*slot = kvas[i];
		prog->n++;
	}
	return true;
}

/* The object that a map of globals belongs to: how many bytes of its name; 0: it is none. */
static size_t object_of(const struct sf_frame_map *map)
{
	static const char *const sections[] = { ".bss", ".data", ".rodata" };
	const char *dot = strchr(map->name, '.');

	for (size_t i = 0; dot && dot > map->name && i < ARRAY_SIZE(sections); i++)
		if (!strcmp(dot, sections[i]))
			return (size_t)(dot - map->name);
	return 0;
}

static int by_kva(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}
_Static_assert(offsetof(struct section, kva) == 0, "a section is found by an address alone");

/* false: there is no memory. */
static bool list_sections(struct programs *all)
{
	for (size_t i = 0; i < all->maps->n; i++) {
		const struct sf_frame_map *map = &all->maps->v[i];
		struct section *s;

		if (!object_of(map))
			continue;
		s = sf_vec_push(&all->sections);
		if (!s)
			return false;
		*s = (struct section){ .kva = map->map.kva, .map = map };
	}
	if (all->sections.n)
		qsort(all->sections.v, all->sections.n, sizeof(*all->sections.v), by_kva);
	for (size_t i = 0; i < all->sections.n; i++)
		all->sections.v[i].group = i;
	return true;
}

static struct section *section_at(const struct programs *all, uint64_t kva)
{
	/* Of an address that was not recorded nothing can be told apart. */
	return kva && all->sections.n ? bsearch(&kva, all->sections.v, all->sections.n, sizeof(*all->sections.v), by_kva) : NULL;
}

/* Which section stands for the group of section @i; the way there is halved. */
static size_t group_of(const struct programs *all, size_t i)
{
	struct section *v = all->sections.v;

	for (; v[i].group != i; i = v[i].group)
		v[i].group = v[v[i].group].group;
	return i;
}

/* No matter what a guest claims, this takes each map of each program in hand once. */
static void group_sections(const struct programs *all)
{
	for (size_t p = 0; p < all->progs.n; p++) {
		struct prog *prog = &all->progs.v[p];

		for (uint32_t i = 0; i < prog->n; i++) {
			struct section *s = section_at(all, all->kvas.v[prog->first + i]);
			size_t at = s ? (size_t)(s - all->sections.v) : 0;

			if (s && prog->section)
				all->sections.v[group_of(all, at)].group = group_of(all, prog->section - 1);
			else if (s)
				prog->section = at + 1;
		}
	}
}

struct kvas {
	uint64_t *v;
	size_t n, cap;
};

/* The maps of all programs of @group, each once. false: there is no memory. */
static bool take_group(const struct programs *all, size_t group, struct kvas *set)
{
	size_t n = 0;

	for (size_t p = 0; p < all->progs.n; p++) {
		const struct prog *prog = &all->progs.v[p];

		if (!prog->section || group_of(all, prog->section - 1) != group)
			continue;
		for (uint32_t i = 0; i < prog->n; i++) {
			uint64_t kva = all->kvas.v[prog->first + i], *slot = kva ? sf_vec_push(set) : NULL;

			if (kva && !slot)
				return false;
			if (slot)
				*slot = kva;
		}
	}
	qsort(set->v, set->n, sizeof(*set->v), by_kva);
	for (size_t i = 0; i < set->n; i++)
		if (!n || set->v[i] != set->v[n - 1])
			set->v[n++] = set->v[i];
	set->n = n;
	return true;
}

static void choose(const struct programs *all, struct sf_frame_active *ret)
{
	const struct prog *one = NULL;
	const struct sf_frame_map *map;
	struct kvas set = { 0 };
	size_t group = 0;

	for (size_t i = 0; i < all->progs.n; i++) {
		const struct prog *prog = &all->progs.v[i];

		if (!prog->is_sched || !prog->section)
			continue;
		if (one && group_of(all, prog->section - 1) != group) {
			ret->why = "programs of several schedulers are loaded";
			return;
		}
		if (one)
			continue;
		one = prog;
		group = group_of(all, prog->section - 1);
	}
	if (!one) {
		ret->why = "no program of a sched_ext_ops uses a map of globals";
		return;
	}
	map = all->sections.v[one->section - 1].map;
	ret->obj_name = take_group(all, group, &set) ? strndup(map->name, object_of(map)) : NULL;
	if (!ret->obj_name) {
		ret->why = "there was no memory to find out";
		free(set.v);
		return;
	}
	ret->why = NULL;
	ret->kvas = set.v;
	ret->n_kvas = set.n;
}

void sf_frame_find_active(struct sf_frame *f, const struct sf_frame_maps *maps, struct sf_frame_active *ret)
{
	const struct sf_btf *btf = sf_kernel_btf(f->kernel);
	struct programs all = { .maps = maps, .bpf = f->bpf };
	struct sf_bpf_stats stats;
	struct sf_vmem vm;

	*ret = (struct sf_frame_active){ .why = "the kernel's programs cannot be listed" };
	sf_vmem_init(&vm, f->image, f->kernel);
	all.vm = &vm;
	all.ops_type = sf_btf_find_largest(btf, "sched_ext_ops", SF_BTF_STRUCT);
	SF_OWNED(error) err = sf_bpf_progs(f->bpf, &vm, add_prog, &all, &stats);

	if (all.failed) {
		ret->why = "there are too many programs";
	} else if (!err && !list_sections(&all)) {
		ret->why = "there was no memory to find out";
	} else if (!err) {
		group_sections(&all);
		choose(&all, ret);
	}
	free(all.progs.v);
	free(all.kvas.v);
	free(all.sections.v);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a frame: made from a capture or a file, referred to, listed once.
 */

#include <stdatomic.h>

#include "base/text.h"
#include "document_private.h"

static uint64_t count_pages(struct sf_image *img)
{
	struct sf_image_run run;
	uint64_t n = 0;

	for (uint64_t at = 0; sf_image_next_run(img, at, &run); at = run.gpa + run.len)
		n += run.len >> SF_PAGE_SHIFT;
	return n;
}

struct sf_frame *sf_frame_alloc(void)
{
	struct sf_frame *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	pthread_mutex_init(&f->lock, NULL);
	f->info.size = sizeof(f->info);
	f->info.tag = f->info.cause = f->info.reason = f->info.kernel = f->info.scheduler = "";
	f->info.schema = "single";
	return f;
}

/* The image and the layouts, once pages, facts and kernel are there. */
struct sf_error *sf_frame_assemble(struct sf_frame *f)
{
	if (f->facts)
		SF_TRY(sf_image_overlay_new(f->pages, sf_facts_image(f->facts), &f->image));
	else
		f->image = sf_image_ref(f->pages);
	/* A self-contained core has the facts among its pages, and says how many are its own. */
	if (!f->info.n_pages)
		f->info.n_pages = count_pages(f->pages);
	return NULL;
}

struct sf_error *sf_frame_new(struct sf_image *pages, struct sf_kernel *kernel, struct sf_facts *facts,
			      const struct sf_frame_meta *meta, struct sf_frame **ret)
{
	SF_OWNED(frame) f = sf_frame_alloc();

	if (!f)
		return sf_error_nomem();
	f->pages = sf_image_ref(pages);
	f->kernel = sf_kernel_ref(kernel);
	f->facts = sf_facts_ref(facts);
	SF_TRY(sf_frame_assemble(f));
	SF_TRY(sf_bpf_new(kernel, &f->bpf));
	SF_TRY(sf_frame_meta_set(f, meta, sf_kernel_release(kernel)));
	*ret = steal_ptr(&f);
	return NULL;
}

struct sf_frame *sf_frame_placeholder(const char *tag, const char *reason)
{
	SF_OWNED(frame) f = sf_frame_alloc();
	struct sf_frame_meta meta = { .tag = tag, .cause = "placeholder", .reason = reason };
	SF_OWNED(error) err = f ? sf_frame_meta_set(f, &meta, "") : NULL;

	if (!f || err)
		return NULL;
	f->info.is_placeholder = true;
	return steal_ptr(&f);
}

struct sf_frame *sf_frame_ref(struct sf_frame *frame)
{
	if (frame)
		frame->refs++;
	return frame;
}

static void maps_free(struct sf_frame_maps *maps)
{
	if (!maps)
		return;
	for (size_t i = 0; i < maps->n; i++)
		sf_btf_unref(maps->v[i].btf);
	free((void *)maps->v);
	free(maps);
}

void sf_frame_unref(struct sf_frame *f)
{
	if (!f || --f->refs)
		return;
	maps_free(f->maps);
	sf_document_free(f->doc);
	sf_frame_symbols_free(f->symbols);
	sf_frame_active_free(f->active);
	sf_bpf_free(f->bpf);
	sf_kernel_unref(f->kernel);
	sf_image_unref(f->image);
	sf_image_unref(f->pages);
	sf_facts_unref(f->facts);
	sf_core_free(f->core);
	free(f->strings);
	free(f->vcpus);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

const char *sf_frame_schema(const struct sf_frame *frame)
{
	return frame->info.schema;
}

void sf_frame_info(const struct sf_frame *frame, struct sf_frame_info *ret)
{
	size_t size = ret->size;

	memcpy(ret, &frame->info, sf_min(size, sizeof(frame->info)));
	ret->size = size;
}

bool sf_frame_vcpu(const struct sf_frame *frame, uint32_t cpu, struct sf_vcpu_regs *ret)
{
	if (cpu >= frame->info.n_vcpus)
		return false;
	*ret = frame->vcpus[cpu];
	return true;
}

struct sf_error *sf_frame_verify(struct sf_frame *frame)
{
	return frame->core ? sf_core_verify(frame->core) : NULL;
}

bool sf_frame_is_placeholder(const struct sf_frame *frame)
{
	return frame->info.is_placeholder || (!frame->kernel && !frame->doc);
}

const struct sf_kernel *sf_frame_kernel(const struct sf_frame *frame)
{
	return frame->kernel;
}

struct sf_image *sf_frame_image(const struct sf_frame *frame)
{
	return frame->image;
}

const struct sf_bpf *sf_frame_bpf(const struct sf_frame *frame)
{
	return frame->bpf;
}

struct sf_facts *sf_frame_facts(const struct sf_frame *frame)
{
	return frame->facts;
}

/* ---- the listing ---------------------------------------------------------------------------------------- */

struct listing {
	struct { struct sf_frame_map *v; size_t n, cap; } maps;
	bool no_memory;
};

static bool list_map(void *arg, const struct sf_bpf_map *map)
{
	struct listing *l = arg;
	struct sf_frame_map *m = sf_vec_push(&l->maps);

	if (!m) {
		l->no_memory = true;
		return false;
	}
	*m = (struct sf_frame_map){ .map = *map };
	/* Names are bytes of the guest. */
	sf_text_escape(map->name, m->kept_name, sizeof(m->kept_name));
	return true;
}

static const char *why_no_types(enum sf_code code)
{
	switch (code) {
	case SF_BAD_INPUT:
		return "its BTF is damaged";
	case SF_FRAME_CORRUPT:
		return "its BTF cannot be read: the frame's file is damaged";
	default:
		return "its BTF was not kept";
	}
}

/* One parse for the maps of one object; they come in a row. */
#define MAX_TYPES (512ull << 20) /* bytes of BTF of one frame's maps: pages may alias, so a small file can claim more */

/* May the BTF at @kva be parsed, too? What it takes is taken from @left. */
static bool affords_types(struct sf_frame *f, struct sf_vmem *vm, uint64_t kva, uint64_t *left)
{
	uint64_t cost = sf_bpf_btf_cost(f->bpf, vm, kva);

	if (cost > *left)
		return false;
	*left -= cost;
	return true;
}

static struct sf_error *load_types(struct sf_frame *f, struct sf_vmem *vm, struct listing *l)
{
	uint64_t left = MAX_TYPES;

	for (size_t i = 0; i < l->maps.n; i++) {
		struct sf_frame_map *m = &l->maps.v[i], *before = i ? m - 1 : NULL;

		if (!m->map.btf)
			continue;
		if (before && before->map.btf == m->map.btf) {
			m->btf = before->btf ? sf_btf_ref(before->btf) : NULL;
			m->no_btf = before->no_btf;
			continue;
		}
		if (!affords_types(f, vm, m->map.btf, &left)) {
			m->no_btf = "the maps of this frame claim more types than any machine has";
			continue;
		}
		SF_OWNED(error) err = sf_bpf_btf_load(f->bpf, vm, m->map.btf, &m->btf);

		if (sf_error_code(err) == SF_NO_MEMORY)
			return steal_ptr(&err);
		if (err)
			m->no_btf = why_no_types(sf_error_code(err));
	}
	return NULL;
}

static struct sf_error *make_maps(struct sf_frame *f, struct sf_frame_maps **ret)
{
	struct listing l = { 0 };
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	struct sf_frame_maps *maps = calloc(1, sizeof(*maps));
	struct sf_error *err = NULL;

	if (!maps || !vm) {
		free(maps);
		return sf_error_nomem();
	}
	if (f->kernel) {
		sf_vmem_init(vm, f->image, f->kernel);
		err = sf_bpf_maps(f->bpf, vm, list_map, &l, &maps->stats);
		if (!err && l.no_memory)
			err = sf_error_nomem();
		if (!err)
			err = load_types(f, vm, &l);
	}
	for (size_t i = 0; i < l.maps.n; i++)
		l.maps.v[i].name = l.maps.v[i].kept_name;
	maps->v = l.maps.v;
	maps->n = l.maps.n;
	if (err) {
		maps_free(maps);
		return err;
	}
	*ret = maps;
	return NULL;
}

struct sf_error *sf_frame_maps(struct sf_frame *f, const struct sf_frame_maps **ret)
{
	struct sf_frame_maps *maps = atomic_load_explicit(&f->maps, memory_order_acquire);
	struct sf_error *err = NULL;

	if (!maps) {
		pthread_mutex_lock(&f->lock);
		maps = f->maps;
		if (!maps)
			err = make_maps(f, &maps);
		if (!err)
			atomic_store_explicit(&f->maps, maps, memory_order_release);
		pthread_mutex_unlock(&f->lock);
	}
	if (!err)
		*ret = maps;
	return err;
}

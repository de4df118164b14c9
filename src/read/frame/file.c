/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames as files: written as sparse ELF cores that other tools can read, opened again as what they were.
 */

#include <elf.h>
#include <libgen.h>

#include "base/file.h"
#include "frame_private.h"

/* The directory that @path is in; free() it. */
static char *dir_of(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	return copy ? strdup(dirname(copy)) : NULL;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

/*
 * Tools that know nothing of physical memory go by p_vaddr: pages of the kernel image are given where it is mapped,
 * all others in the direct map.
 */
static uint64_t vaddr_of(void *arg, uint64_t gpa)
{
	const struct sf_kernel *k = arg;
	uint64_t start, end, phys;

	sf_kernel_image_range(k, &start, &end);
	phys = start - SF_X86_START_KERNEL_MAP + sf_kernel_phys_base(k);
	if (gpa >= phys && gpa - phys < end - start)
		return start + (gpa - phys);
	return sf_kernel_page_offset(k) + gpa;
}

#define MAX_NOTES 2050

struct notes {
	struct sf_core_note *v;
	size_t n;
	uint8_t (*prstatus)[SF_PRSTATUS_SIZE];
};

static void notes_free(struct notes *n)
{
	free(n->v);
	free(n->prstatus);
}

static struct sf_error *make_notes(const struct sf_frame *f, struct notes *ret)
{
	uint32_t n_vcpus = sf_min(f->info.n_vcpus, (uint32_t)MAX_NOTES - 2);

	ret->v = calloc(n_vcpus + 1, sizeof(*ret->v));
	ret->prstatus = calloc(n_vcpus + 1, sizeof(*ret->prstatus));
	if (!ret->v || !ret->prstatus)
		return sf_error_nomem();
	/* One for each vCPU, present or not: tools count them to find the CPU. */
	for (uint32_t i = 0; i < n_vcpus; i++) {
		sf_prstatus(&f->vcpus[i], ret->prstatus[i]);
		ret->v[ret->n++] = (struct sf_core_note){
			.name = "CORE", .type = NT_PRSTATUS, .desc = ret->prstatus[i], .len = SF_PRSTATUS_SIZE,
		};
	}
	if (f->kernel) {
		struct sf_core_note note = { .name = "VMCOREINFO" };

		note.desc = sf_kernel_vmcoreinfo(f->kernel, &note.len);
		ret->v[ret->n++] = note;
	}
	return NULL;
}

static struct sf_error *empty_image(struct sf_image **ret)
{
	return sf_image_pages_new(NULL, NULL, 0, 0, ret);
}

static struct sf_error *write_core(struct sf_frame *f, struct sf_image *img, bool self_contained, const char *path)
{
	_cleanup_(notes_free) struct notes notes = { 0 };
	SF_OWNED(image) none = NULL;
	_cleanup_free_ char *meta = NULL;
	size_t meta_len;

	SF_TRY(make_notes(f, &notes));
	SF_TRY(sf_frame_meta_write(f, self_contained, &meta, &meta_len));
	if (!img)
		SF_TRY(empty_image(&none));
	struct sf_core_write w = {
		.image = img ? img : none,
		.notes = notes.v,
		.n_notes = notes.n,
		.meta = meta,
		.meta_len = meta_len,
		.vaddr = f->kernel ? vaddr_of : NULL,
		.arg = f->kernel,
	};
	return sf_core_write(path, &w);
}

static struct sf_error *check_pages(const struct sf_frame *f)
{
	return f->doc ? sf_error_new(SF_USAGE, "this frame was read from a report: it has no pages that a core could have") :
			NULL;
}

struct sf_error *sf_frame_save(struct sf_frame *f, const char *path)
{
	_cleanup_free_ char *dir = dir_of(path);

	SF_TRY(check_pages(f));
	if (!dir)
		return sf_error_nomem();
	/* Facts first: a frame never refers to a file that is not there yet. */
	if (f->facts)
		SF_TRY(sf_facts_save(f->facts, dir));
	return write_core(f, f->pages, false, path);
}

struct sf_error *sf_frame_export(struct sf_frame *f, const char *path)
{
	SF_TRY(check_pages(f));
	return write_core(f, f->image, true, path);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static const struct sf_core_note *find_note(const struct sf_core *core, const char *name)
{
	for (size_t i = 0; i < sf_core_n_notes(core); i++)
		if (!strcmp(sf_core_note(core, i)->name, name))
			return sf_core_note(core, i);
	return NULL;
}

static struct sf_error *open_kernel(struct sf_frame *f)
{
	const struct sf_core_note *note = find_note(f->core, "VMCOREINFO");
	struct sf_kernel_options opt = {
		.vmcoreinfo = note ? note->desc : NULL,
		.vmcoreinfo_len = note ? note->len : 0,
	};

	SF_TRY(sf_kernel_new(f->image, &opt, &f->kernel));
	if (!f->info.kernel[0])
		f->info.kernel = sf_kernel_release(f->kernel);
	return sf_bpf_new(f->kernel, &f->bpf);
}

static struct sf_error *open_frame(const char *path, struct sf_frame *f)
{
	_cleanup_free_ char *dir = dir_of(path), *facts_name = NULL;
	struct sf_frame_facts_ref ref = { 0 };
	size_t len;

	if (!dir)
		return sf_error_nomem();
	f->pages = sf_image_ref(sf_core_image(f->core));
	const char *meta = sf_core_meta(f->core, &len);
	struct sf_error *err = meta ? sf_frame_meta_read(f, meta, len, &ref) : NULL;

	facts_name = ref.name;
	SF_TRY(err);
	if (facts_name)
		SF_TRY(sf_facts_open(dir, facts_name, ref.shift, &f->facts));
	SF_TRY(sf_frame_assemble(f));
	return f->info.is_placeholder ? NULL : open_kernel(f);
}

struct sf_error *sf_frame_open(const char *path, struct sf_frame **ret)
{
	SF_OWNED(frame) f = sf_frame_alloc();

	if (!f)
		return sf_error_nomem();
	/* What is wrong with the file as a core names it already. */
	SF_TRY(sf_core_open(path, &f->core));
	SF_TRY(sf_error_context(open_frame(path, f), "%s", path));
	*ret = steal_ptr(&f);
	return NULL;
}

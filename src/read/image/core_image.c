/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdatomic.h>
#include <zlib.h>

#include "base/file.h"
#include "core_format.h"

/*
 * Pages are read when first touched and published in their slot, so that threads share them without a lock; the loser
 * of a race frees its copy. A page that does not match its checksum is marked, and stays bad.
 */
struct core_image {
	struct sf_image img;
	struct sf_core_source src;
	struct sf_runs runs;
	uint64_t n_pages;
	uint32_t *crcs;
	_Atomic(const uint8_t *) *slots;
};

static const uint8_t bad_page;

/* ---- source ------------------------------------------------------------------------------------- */

void sf_core_source_clear(struct sf_core_source *src)
{
	if (src->fd >= 0)
		close(src->fd);
	free(src->data);
	free(src->name);
	*src = (struct sf_core_source){ .fd = -1 };
}

struct sf_error *sf_core_source_read(const struct sf_core_source *src, uint64_t off, uint64_t len, void *buf,
				     const char *what)
{
	if (!sf_in_range(off, len, src->size))
		return sf_error_new(SF_FRAME_CORRUPT,
				    "%s: %s (%" PRIu64 " bytes at offset %" PRIu64 ") lies outside the file, which has %" PRIu64
				    " bytes",
				    src->name, what, len, off, src->size);
	if (src->fd < 0) {
		memcpy(buf, src->data + off, len);
		return NULL;
	}
	struct sf_error *err = sf_pread_all(src->fd, buf, len, off);

	if (sf_error_code(err) == SF_BAD_INPUT) {
		sf_error_free(err);
		return sf_error_new(SF_FRAME_CORRUPT, "%s: was cut short while it was read, in %s", src->name, what);
	}
	return sf_error_context(err, "%s: %s", src->name, what);
}

/* ---- pages -------------------------------------------------------------------------------------- */

/* Without an error object: a fault says enough, and this may happen in every page. */
static enum sf_fault read_page(const struct core_image *core, uint64_t off, uint8_t *buf)
{
	size_t done = 0;

	while (done < SF_PAGE_SIZE) {
		ssize_t n = pread(core->src.fd, buf + done, SF_PAGE_SIZE - done, off + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SF_FAULT_IO;
		if (!n)
			return SF_FAULT_CORRUPT;
		done += n;
	}
	return SF_FAULT_NONE;
}

static bool page_matches(const struct core_image *core, uint64_t i, const uint8_t *page)
{
	return !core->crcs || crc32(0, page, SF_PAGE_SIZE) == core->crcs[i];
}

static const uint8_t *load_page(struct core_image *core, const struct sf_run *run, uint64_t gpa, enum sf_fault *why)
{
	uint64_t i = run->first + ((gpa - run->gpa) >> SF_PAGE_SHIFT);
	uint64_t off = run->offset + (gpa - run->gpa);
	_cleanup_free_ uint8_t *buf = NULL;
	const uint8_t *page, *there = NULL;

	if (core->src.fd >= 0) {
		page = buf = malloc(SF_PAGE_SIZE);
		if (!buf) {
			*why = SF_FAULT_IO;
			return NULL;
		}
		enum sf_fault fault = read_page(core, off, buf);

		if (fault == SF_FAULT_IO) {
			*why = fault;
			return NULL;
		}
		if (fault)
			page = &bad_page;
	} else {
		page = core->src.data + off;
	}
	if (page != &bad_page && !page_matches(core, i, page))
		page = &bad_page;
	if (!atomic_compare_exchange_strong_explicit(&core->slots[i], &there, page, memory_order_acq_rel,
						     memory_order_acquire))
		page = there;
	else if (page == buf)
		buf = NULL;
	if (page == &bad_page) {
		*why = SF_FAULT_CORRUPT;
		return NULL;
	}
	return page;
}

static const uint8_t *core_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	struct core_image *core = sf_container_of(img, struct core_image, img);
	const struct sf_run *run = sf_runs_find(&core->runs, gpa);

	if (!run) {
		*why = gpa < img->top ? SF_FAULT_NOT_KEPT : SF_FAULT_BOUNDS;
		return NULL;
	}
	uint64_t i = run->first + ((gpa - run->gpa) >> SF_PAGE_SHIFT);
	const uint8_t *page = atomic_load_explicit(&core->slots[i], memory_order_acquire);

	if (sf_unlikely(!page))
		return load_page(core, run, gpa, why);
	if (sf_unlikely(page == &bad_page)) {
		*why = SF_FAULT_CORRUPT;
		return NULL;
	}
	return page;
}

static bool core_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	return sf_runs_next(&sf_container_of(img, struct core_image, img)->runs, from, ret);
}

static void core_free(struct sf_image *img)
{
	struct core_image *core = sf_container_of(img, struct core_image, img);

	/* Of a core in memory the pages are part of its bytes. */
	for (uint64_t i = 0; core->src.fd >= 0 && core->slots && i < core->n_pages; i++) {
		const uint8_t *page = atomic_load_explicit(&core->slots[i], memory_order_relaxed);

		if (page != &bad_page)
			free((void *)page);
	}
	free(core->slots);
	free(core->crcs);
	sf_runs_clear(&core->runs);
	sf_core_source_clear(&core->src);
	free(core);
}

static const struct sf_image_ops core_ops = {
	.page = core_page,
	.next_run = core_next_run,
	.free = core_free,
};

struct sf_error *sf_core_image_new(struct sf_core_source *src, struct sf_runs *runs, const void *crcs, uint64_t top,
				   struct sf_image **ret)
{
	struct core_image *core = calloc(1, sizeof(*core));

	if (!core) {
		sf_core_source_clear(src);
		sf_runs_clear(runs);
		return sf_error_nomem();
	}
	sf_image_init(&core->img, &core_ops, top);
	SF_OWNED(image) img = &core->img;

	core->src = *src;
	core->runs = *runs;
	*src = (struct sf_core_source){ .fd = -1 };
	*runs = (struct sf_runs){ 0 };
	if (core->runs.n) {
		const struct sf_run *last = &core->runs.v[core->runs.n - 1];

		core->n_pages = last->first + ((last->end - last->gpa) >> SF_PAGE_SHIFT);
	}
	core->slots = calloc(core->n_pages + 1, sizeof(*core->slots));
	if (!core->slots)
		return sf_error_nomem();
	if (crcs) {
		core->crcs = malloc(core->n_pages * sizeof(*core->crcs) + 1);
		if (!core->crcs)
			return sf_error_nomem();
		memcpy(core->crcs, crcs, core->n_pages * sizeof(*core->crcs));
	}
	*ret = steal_ptr(&img);
	return NULL;
}

/* Reads past the slots: checking a file should not keep all of it in memory. */
struct sf_error *sf_core_image_verify(struct sf_image *img)
{
	struct core_image *core = sf_container_of(img, struct core_image, img);
	uint8_t page[SF_PAGE_SIZE];

	if (!core->crcs)
		return NULL;
	for (size_t r = 0; r < core->runs.n; r++) {
		const struct sf_run *run = &core->runs.v[r];

		for (uint64_t at = 0; at < run->end - run->gpa; at += SF_PAGE_SIZE) {
			SF_TRY(sf_core_source_read(&core->src, run->offset + at, SF_PAGE_SIZE, page, "a page"));
			if (!page_matches(core, run->first + (at >> SF_PAGE_SHIFT), page))
				return sf_image_fault_error(SF_FAULT_CORRUPT, core->src.name, run->gpa + at);
		}
	}
	return NULL;
}

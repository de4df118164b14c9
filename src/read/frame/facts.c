/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts are the pages that hold a kernel's types and symbols: megabytes, the same in every frame and every run of a
 * kernel. They are kept in a file of their own: a zstd-compressed core whose addresses are those the kernel was linked
 * at, so that address randomisation does not make another file of it. Only whole pages go in. The first and last page
 * of each run have neighbours that do differ from boot to boot; those few pages are kept by every frame itself.
 */

#include <inttypes.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/file.h"
#include "base/json.h"
#include "frame_private.h"
#include "image/core.h"

#define FACTS_SCHEMA "stillframe-facts-1"
#define MAX_FACTS (256u << 20)
#define MIN_RUN (16 * SF_PAGE_SIZE)

struct sf_facts {
	_Atomic uint32_t refs;
	char *name;
	uint64_t shift;
	struct sf_image *linked; /* by link address; what the file holds */
	struct sf_image *image;  /* by GPA of this boot */
	char *meta;
};

static uint64_t shift_of(const struct sf_kernel *kernel)
{
	return sf_kernel_kaslr_offset(kernel) + sf_kernel_phys_base(kernel);
}

/* The pages of a list of runs, copied. */
struct page_list {
	struct { uint64_t *v; size_t n, cap; } gpas;
	uint8_t *data;
};

static void page_list_free(struct page_list *l)
{
	free(l->gpas.v);
	free(l->data);
}

static struct sf_error *collect(struct sf_image *img, const struct sf_image_run *runs, size_t n, struct page_list *ret)
{
	size_t n_pages = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		n_pages += runs[i].len >> SF_PAGE_SHIFT;
	ret->data = malloc(n_pages * SF_PAGE_SIZE + 1);
	if (!ret->data)
		return sf_error_nomem();
	for (size_t i = 0; i < n; i++) {
		for (uint64_t off = 0; off < runs[i].len; off += SF_PAGE_SIZE) {
			const uint8_t *page = sf_image_page(img, runs[i].gpa + off, NULL);
			uint64_t *gpa = page ? sf_vec_push(&ret->gpas) : NULL;

			if (!page)
				return sf_error_new(SF_KERNEL, "the kernel's types and symbols: no page at 0x%" PRIx64,
						    runs[i].gpa + off);
			if (!gpa)
				return sf_error_nomem();
			*gpa = runs[i].gpa + off;
			memcpy(ret->data + at++ * SF_PAGE_SIZE, page, SF_PAGE_SIZE);
		}
	}
	return NULL;
}

bool sf_facts_take_run(const struct sf_kernel *kernel, const struct sf_image_run *run)
{
	uint64_t start, end;

	sf_kernel_image_range(kernel, &start, &end);
	uint64_t gpa = start - SF_X86_START_KERNEL_MAP + sf_kernel_phys_base(kernel);

	return run->len >= MIN_RUN && run->gpa >= gpa && run->gpa - gpa < end - start;
}

bool sf_facts_moving_page(const struct sf_kernel *kernel, uint64_t *ret_gpa)
{
	static const char key[] = "SYMBOL(kallsyms_relative_base)=";
	size_t len;
	const char *line = strstr(sf_kernel_vmcoreinfo(kernel, &len), key);

	if (!line)
		return false;
	uint64_t va = strtoull(line + sizeof(key) - 1, NULL, 16);

	*ret_gpa = (va - SF_X86_START_KERNEL_MAP + sf_kernel_phys_base(kernel)) & SF_PAGE_MASK;
	return true;
}

struct runs {
	struct sf_image_run *v;
	size_t n, cap;
};

static void runs_free(struct runs *runs)
{
	free(runs->v);
}

static struct sf_error *add_run(struct runs *runs, uint64_t from, uint64_t to)
{
	struct sf_image_run *run = from < to ? sf_vec_push(runs) : NULL;

	if (from >= to)
		return NULL;
	if (!run)
		return sf_error_nomem();
	*run = (struct sf_image_run){ .gpa = from, .len = to - from };
	return NULL;
}

/* The inner pages of the kernel's long runs, which are sorted and do not touch. */
static struct sf_error *inner_runs(const struct sf_kernel *kernel, struct runs *ret)
{
	uint64_t moving = 0;
	bool moves = sf_facts_moving_page(kernel, &moving);

	for (size_t i = 0; i < sf_kernel_n_fact_runs(kernel); i++) {
		struct sf_image_run run = sf_kernel_fact_run(kernel, i);
		uint64_t from = run.gpa + SF_PAGE_SIZE, to = run.gpa + run.len - SF_PAGE_SIZE;

		if (!sf_facts_take_run(kernel, &run))
			continue;
		if (moves && moving >= from && moving < to) {
			SF_TRY(add_run(ret, from, moving));
			from = moving + SF_PAGE_SIZE;
		}
		SF_TRY(add_run(ret, from, to));
	}
	return NULL;
}

static struct sf_error *wrap(struct sf_facts *f, struct page_list *pages, uint64_t shift, uint64_t top)
{
	f->shift = shift;
	SF_TRY(sf_image_pages_new(pages->gpas.v, pages->data, pages->gpas.n, top, &f->image));
	for (size_t i = 0; i < pages->gpas.n; i++)
		pages->gpas.v[i] -= shift;
	return sf_image_pages_new(pages->gpas.v, pages->data, pages->gpas.n, SF_MAX_GPA, &f->linked);
}

/* The guest says what its build-id is: a file name gets no more of it than hex digits. */
static char *name_of(const struct sf_kernel *kernel, uint64_t hash)
{
	const char *id = sf_kernel_build_id(kernel);
	size_t n = sf_min(strspn(id, "0123456789abcdefABCDEF"), (size_t)16);

	return sf_asprintf("facts-%.*s-%016" PRIx64 ".core.zst", (int)n, id, hash);
}

static struct sf_error *make_meta(const struct sf_kernel *kernel, char **ret)
{
	struct sf_json_buffer buf = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buf, false);
	sf_json_begin_object(&w);
	sf_json_key(&w, "schema");
	sf_json_str(&w, FACTS_SCHEMA);
	sf_json_key(&w, "release");
	sf_json_str(&w, sf_kernel_release(kernel));
	sf_json_key(&w, "build_id");
	sf_json_str(&w, sf_kernel_build_id(kernel));
	sf_json_end_object(&w);
	if (!sf_json_writer_finish(&w)) {
		free(buf.text);
		return sf_error_nomem();
	}
	*ret = buf.text;
	return NULL;
}

struct sf_error *sf_facts_new(const struct sf_kernel *kernel, struct sf_image *img, struct sf_facts **ret)
{
	SF_OWNED(facts) f = calloc(1, sizeof(*f));
	_cleanup_(page_list_free) struct page_list pages = { 0 };
	_cleanup_(runs_free) struct runs runs = { 0 };

	if (!f)
		return sf_error_nomem();
	f->refs = 1;
	SF_TRY(inner_runs(kernel, &runs));
	SF_TRY(collect(img, runs.v, runs.n, &pages));
	uint64_t hash = sf_hash_words(pages.data, pages.gpas.n * SF_PAGE_SIZE);

	SF_TRY(wrap(f, &pages, shift_of(kernel), sf_image_top(img)));
	f->name = name_of(kernel, hash);
	if (!f->name)
		return sf_error_nomem();
	SF_TRY(make_meta(kernel, &f->meta));
	*ret = steal_ptr(&f);
	return NULL;
}

struct sf_facts *sf_facts_ref(struct sf_facts *facts)
{
	if (facts)
		facts->refs++;
	return facts;
}

void sf_facts_unref(struct sf_facts *f)
{
	if (!f || --f->refs)
		return;
	sf_image_unref(f->image);
	sf_image_unref(f->linked);
	free(f->name);
	free(f->meta);
	free(f);
}

struct sf_image *sf_facts_image(struct sf_facts *facts)
{
	return facts->image;
}

const char *sf_facts_name(struct sf_facts *facts)
{
	return facts->name;
}

uint64_t sf_facts_shift(const struct sf_facts *facts)
{
	return facts->shift;
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static struct sf_error *put_in_memory(void *arg, const void *data, size_t len)
{
	return sf_json_buffer_sink(arg, data, len) ? NULL : sf_error_nomem();
}

struct sf_error *sf_facts_save(struct sf_facts *f, const char *dir)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", dir, f->name);
	struct sf_core_write w = { .image = f->linked, .meta = f->meta, .meta_len = strlen(f->meta) };
	struct sf_json_buffer raw = { 0 };
	_cleanup_free_ void *packed = NULL;

	if (!path)
		return sf_error_nomem();
	/* Its name tells its contents: a file of this name is this file. */
	if (!access(path, R_OK))
		return NULL;
	struct sf_error *err = sf_core_write_to(put_in_memory, &raw, &w);
	size_t room = ZSTD_compressBound(raw.len);

	packed = err ? NULL : malloc(room);
	if (!err && !packed)
		err = sf_error_nomem();
	size_t len = err ? 0 : ZSTD_compress(packed, room, raw.text, raw.len, 3);

	free(raw.text);
	SF_TRY(err);
	if (ZSTD_isError(len))
		return sf_error_new(SF_SYSTEM, "%s: zstd: %s", path, ZSTD_getErrorName(len));
	return sf_file_put(path, packed, len);
}

/* Where the cache keeps facts; free() it. */
static struct sf_error *cached_dir(char **ret)
{
	_cleanup_free_ char *cache = NULL;
	char *dir;

	SF_TRY(sf_cache_dir(&cache));
	dir = sf_asprintf("%s/facts", cache);
	if (!dir)
		return sf_error_nomem();
	*ret = dir;
	return NULL;
}

struct sf_error *sf_facts_cache(struct sf_facts *f)
{
	_cleanup_free_ char *dir = NULL;

	SF_TRY(cached_dir(&dir));
	SF_TRY(sf_mkdirs(dir));
	return sf_facts_save(f, dir);
}

static struct sf_error *unpack(const char *path, void **ret, size_t *ret_len)
{
	_cleanup_free_ char *packed = NULL;
	_cleanup_free_ void *raw = NULL;
	size_t packed_len;

	SF_TRY(sf_file_get(path, MAX_FACTS, &packed, &packed_len));
	unsigned long long size = ZSTD_getFrameContentSize(packed, packed_len);

	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > MAX_FACTS)
		return sf_error_new(SF_FRAME_CORRUPT, "%s: not a facts file", path);
	raw = malloc(size + 1);
	if (!raw)
		return sf_error_nomem();
	size_t len = ZSTD_decompress(raw, size, packed, packed_len);

	if (ZSTD_isError(len) || len != size)
		return sf_error_new(SF_FRAME_CORRUPT, "%s: %s", path,
				    ZSTD_isError(len) ? ZSTD_getErrorName(len) : "cut short");
	*ret = steal_ptr(&raw);
	*ret_len = len;
	return NULL;
}

static struct sf_error *open_path(const char *path, const char *name, uint64_t shift, struct sf_facts **ret)
{
	SF_OWNED(facts) f = calloc(1, sizeof(*f));
	SF_OWNED(core) core = NULL;
	_cleanup_(page_list_free) struct page_list pages = { 0 };
	_cleanup_(runs_free) struct runs runs = { 0 };
	struct sf_image_run run;
	void *raw;
	size_t len;

	if (!f)
		return sf_error_nomem();
	f->refs = 1;
	SF_TRY(unpack(path, &raw, &len));
	SF_TRY(sf_core_open_memory(raw, len, path, &core));
	const char *meta = sf_core_meta(core, &len);

	if (!meta)
		return sf_error_new(SF_FRAME_CORRUPT, "%s: not a facts file", path);
	SF_TRY(sf_core_verify(core));
	for (uint64_t at = 0; sf_image_next_run(sf_core_image(core), at, &run); at = run.gpa + run.len)
		SF_TRY(add_run(&runs, run.gpa, run.gpa + run.len));
	SF_TRY(collect(sf_core_image(core), runs.v, runs.n, &pages));
	/* Where RAM ends is for the frame to say: no further than these pages need. */
	uint64_t top = SF_PAGE_SIZE;

	for (size_t i = 0; i < pages.gpas.n; i++) {
		pages.gpas.v[i] += shift;
		top = sf_max(top, pages.gpas.v[i] + SF_PAGE_SIZE);
	}
	SF_TRY(wrap(f, &pages, shift, top));
	f->name = strdup(name);
	f->meta = strndup(meta, len);
	if (!f->name || !f->meta)
		return sf_error_nomem();
	*ret = steal_ptr(&f);
	return NULL;
}

struct sf_error *sf_facts_open(const char *dir, const char *name, uint64_t shift, struct sf_facts **ret)
{
	_cleanup_free_ char *cache = NULL, *beside = NULL, *cached = NULL;

	if (!name[0] || strchr(name, '/'))
		return sf_error_new(SF_FRAME_CORRUPT, "\"%s\" is no name of a facts file", name);
	beside = sf_asprintf("%s/%s", dir, name);
	if (!beside)
		return sf_error_nomem();
	if (!access(beside, F_OK))
		return open_path(beside, name, shift, ret);
	SF_TRY(cached_dir(&cache));
	cached = sf_asprintf("%s/%s", cache, name);
	if (!cached)
		return sf_error_nomem();
	if (!access(cached, F_OK))
		return open_path(cached, name, shift, ret);
	return sf_error_new(SF_NOT_FOUND, "the frame's kernel facts are missing: %s is neither in %s nor in %s", name, dir,
			    cache);
}

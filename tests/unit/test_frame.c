/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames: what a capture keeps answers as memory did, on its own, after a file, without its guest; damage is noticed. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "fake_bpf.h"
#include "image/core.h"
#include "render/render.h"
#include "snapshot/snapshot.h"

struct bench {
	struct fake_guest *g;
	struct fake_scene s;
	char dir[64];
};

static int make_with(void **state, const struct fake_options *opt)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(opt);
	fake_scene_add(t->g, 0, &t->s);
	strcpy(t->dir, "/tmp/sf-frame-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	/* So that no facts of a real run are found. */
	setenv("XDG_CACHE_HOME", t->dir, 1);
	*state = t;
	return 0;
}

static int make(void **state)
{
	return make_with(state, NULL);
}

static int make_small(void **state)
{
	return make_with(state, &(struct fake_options){ .small = true });
}

static int make_moved(void **state)
{
	return make_with(state, &(struct fake_options){ .five_levels = true, .high = true, .kaslr = 0x1e200000,
							.encoding = SF_KALLSYMS_ABSOLUTE_PERCPU, .phys = 4 << 20,
							.direct_shift = 3ull << 30 });
}

static void remove_tree(const char *dir)
{
	DIR *d = opendir(dir);
	char path[1024];

	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path))
			remove_tree(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static int drop(void **state)
{
	struct bench *t = *state;

	remove_tree(t->dir);
	fake_free(t->g);
	free(t);
	return 0;
}

static const char *in(const struct bench *t, const char *name)
{
	static char paths[4][1024];
	static unsigned int next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", t->dir, name);
	return path;
}

/* The one file of @dir whose name begins with @head. */
static bool find_file(const char *dir, const char *head, char ret[512])
{
	DIR *d = opendir(dir);
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		if (strncmp(e->d_name, head, strlen(head)) != 0)
			continue;
		snprintf(ret, 512, "%s", e->d_name);
		n++;
	}
	if (d)
		closedir(d);
	assert_in_range(n, 0, 1);
	return n;
}

static struct sf_frame *opened(const char *path)
{
	struct sf_frame *f = NULL;

	assert_ok(sf_frame_open(path, &f));
	return f;
}

static char *rendered(struct sf_frame *f)
{
	SF_OWNED(snapshot) snap = NULL;
	struct sf_json_buffer buf = { 0 };
	struct sf_json_writer w;

	assert_ok(sf_snapshot_new(f, &snap));
	sf_json_writer_init(&w, sf_json_buffer_sink, &buf, true);
	sf_render_frame_json(snap, NULL, &w);
	assert_true(sf_json_writer_finish(&w));
	return buf.text;
}

static void assert_same_answers(struct sf_frame *a, struct sf_frame *b, bool follow)
{
	_cleanup_free_ char *x = fake_dump(a, follow), *y = fake_dump(b, follow);

	assert_true(strlen(x) > 1000);
	assert_string_equal(x, y);
}

/* ---- the same answers -------------------------------------------------------------------------------- */

static void a_capture_answers_as_live_memory_does(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");
	SF_OWNED(frame) live = fake_live(t->g);

	assert_same_answers(live, f, false);
}

static void a_saved_frame_answers_as_the_capture_did(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");

	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	SF_OWNED(frame) again = opened(in(t, "first.frame"));
	_cleanup_free_ char *before = rendered(f), *after = rendered(again);

	assert_same_answers(f, again, true);
	assert_string_equal(before, after);
	assert_contains(before, "nr_dispatched");
	assert_ok(sf_frame_verify(again));
	/* And a frame that was opened is saved as well as one that was captured. */
	assert_ok(sf_frame_save(again, in(t, "second.frame")));
	SF_OWNED(frame) third = opened(in(t, "second.frame"));

	assert_same_answers(f, third, true);
}

static void an_export_needs_no_other_file(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");
	char name[512];

	assert_ok(sf_frame_export(f, in(t, "all.core")));
	assert_false(find_file(t->dir, "facts-", name));
	SF_OWNED(frame) again = opened(in(t, "all.core"));

	assert_same_answers(f, again, true);
	/* From an opened frame too, after which its facts may go. */
	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	SF_OWNED(frame) saved = opened(in(t, "first.frame"));

	assert_ok(sf_frame_export(saved, in(t, "again.core")));
	if (find_file(t->dir, "facts-", name))
		assert_int_equal(unlink(in(t, name)), 0);
	SF_OWNED(frame) third = opened(in(t, "again.core"));

	assert_same_answers(f, third, true);
}

static void what_a_frame_is_comes_back(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "tag \"with\" \xc3\xa4");
	struct sf_frame_info a = { .size = sizeof(a) }, c = { .size = sizeof(c) };
	struct sf_vcpu_regs r;

	assert_ok(sf_frame_save(f, in(t, "f")));
	SF_OWNED(frame) again = opened(in(t, "f"));

	sf_frame_info(f, &a);
	sf_frame_info(again, &c);
	assert_string_equal(c.tag, "tag \"with\" \xc3\xa4");
	assert_string_equal(c.schema, "single");
	assert_string_equal(sf_frame_schema(again), "single");
	assert_string_equal(c.cause, "on-demand");
	assert_string_equal(c.reason, "a test asked");
	assert_string_equal(c.kernel, "7.1.0-fake");
	assert_string_equal(c.scheduler, "demo");
	assert_int_equal(c.wall_ns, 123456789);
	assert_int_equal(c.pause_ns, 1000);
	assert_int_equal(c.walk_ns, 500);
	assert_true(c.has_guest_ns);
	assert_int_equal(c.guest_ns, 77);
	assert_int_equal(c.n_pages, a.n_pages);
	assert_true(c.n_pages > 10);
	assert_int_equal(c.n_vcpus, 2);
	assert_false(c.is_placeholder);
	assert_true(sf_frame_vcpu(again, 0, &r));
	assert_true(r.present);
	assert_int_equal(r.rip, t->g->text + 0x1234);
	assert_int_equal(r.cr3, t->g->root);
	assert_true(sf_frame_vcpu(again, 1, &r));
	assert_false(r.present);
	assert_false(sf_frame_vcpu(again, 2, &r));
	/* A caller that was built against fewer members gets those. */
	struct sf_frame_info old = { .size = offsetof(struct sf_frame_info, schema), .schema = "untouched" };

	sf_frame_info(again, &old);
	assert_string_equal(old.schema, "untouched");
	assert_int_equal(old.size, offsetof(struct sf_frame_info, schema));
}

static void what_the_guest_does_later_is_not_in_the_frame(void **state)
{
	struct bench *t = *state;
	SF_OWNED(capturer) c = NULL;
	SF_OWNED(frame) first = NULL;
	SF_OWNED(frame) second = NULL;
	struct sf_frame_meta meta = { .tag = "x" };

	fake_open(t->g);
	assert_ok(sf_capturer_new(t->g->img, t->g->kernel, NULL, &c));
	assert_ok(sf_capturer_walk(c, &meta.kept));
	/* The guest runs again before the frame is made of what was copied. */
	fake_u64(t->g, fake_map_values(t->s.bss) + DEMO_NR_DISPATCHED, 4242);
	assert_ok(sf_capturer_frame(c, &meta, &first));
	_cleanup_free_ char *before = fake_dump(first, true);

	assert_contains(before, "nr_dispatched=uint64:0/42/");
	memset(fake_host(t->g, fake_gpa(t->g, t->s.latency)), 0xff, 64);
	assert_ok(sf_capturer_walk(c, &meta.kept));
	assert_ok(sf_capturer_frame(c, &meta, &second));
	_cleanup_free_ char *after = fake_dump(first, true), *now = fake_dump(second, true);

	assert_string_equal(before, after);
	assert_contains(now, "nr_dispatched=uint64:0/4242/");
}

static void a_frame_outlives_its_capturer_and_guest(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "x");
	_cleanup_free_ char *before = fake_dump(f, true);

	fake_free(t->g);
	t->g = NULL;
	_cleanup_free_ char *after = fake_dump(f, true);

	assert_string_equal(before, after);
}

static void a_limit_on_pages_is_counted_and_said(void **state)
{
	struct bench *t = *state;
	SF_OWNED(capturer) c = NULL;
	SF_OWNED(frame) f = NULL;
	struct sf_frame_meta meta = { .tag = "x" };
	struct sf_frame_info info = { .size = sizeof(info) };

	fake_open(t->g);
	for (uint64_t max = 1; max < 40; max++) {
		sf_capturer_free(steal_ptr(&c));
		assert_ok(sf_capturer_new(t->g->img, t->g->kernel, &(struct sf_capture_options){ .max_pages = max }, &c));
		/* Without the root of the idr there is no walk; that is its error, and what was copied is kept. */
		sf_error_free(sf_capturer_walk(c, &meta.kept));
		assert_in_range(sf_capturer_n_pages(c), 0, max);
		sf_frame_unref(steal_ptr(&f));
		assert_ok(sf_capturer_frame(c, &meta, &f));
		sf_frame_info(f, &info);
		assert_in_range(info.n_pages, 0, max);
		SF_OWNED(snapshot) snap = NULL;

		sf_error_free(sf_snapshot_new(f, &snap));
		if (max > 20)
			continue;
		assert_true(info.n_refused > 0);
	}
}

/* ---- facts ------------------------------------------------------------------------------------------- */

static void facts_are_one_file_beside_the_frames(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");
	char name[512];
	struct stat before, after, frame;

	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	assert_true(find_file(t->dir, "facts-f00dcafe01234567-", name));
	assert_int_equal(stat(in(t, name), &before), 0);
	assert_ok(sf_frame_save(f, in(t, "second.frame")));
	assert_int_equal(stat(in(t, name), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* And it is why a frame has few bytes. */
	assert_ok(sf_frame_export(f, in(t, "all.core")));
	assert_int_equal(stat(in(t, "all.core"), &after), 0);
	assert_int_equal(stat(in(t, "first.frame"), &frame), 0);
	assert_true(frame.st_size + 100000 < after.st_size);
}

static void facts_are_sought_in_the_cache_too(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");
	char name[512], cached[2048];

	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	assert_true(find_file(t->dir, "facts-", name));
	snprintf(cached, sizeof(cached), "%s/stillframe/facts", t->dir);
	assert_ok(sf_mkdirs(cached));
	snprintf(cached, sizeof(cached), "%s/stillframe/facts/%s", t->dir, name);
	assert_int_equal(rename(in(t, name), cached), 0);
	SF_OWNED(frame) again = opened(in(t, "first.frame"));

	assert_same_answers(f, again, true);
}

static void facts_that_are_missing_are_named(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");
	struct sf_frame *again = NULL;
	char name[512];

	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	assert_true(find_file(t->dir, "facts-", name));
	assert_int_equal(unlink(in(t, name)), 0);
	assert_says(sf_frame_open(in(t, "first.frame"), &again), SF_NOT_FOUND, name);
	assert_says(sf_frame_open(in(t, "first.frame"), &again), SF_NOT_FOUND, "first.frame");
	assert_says(sf_frame_open(in(t, "first.frame"), &again), SF_NOT_FOUND, t->dir);
	assert_null(again);
}

static void facts_that_are_damaged_are_noticed(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "first");
	_cleanup_free_ char *bytes = NULL, *want = fake_dump(f, true);
	char name[512];
	size_t len, n_noticed = 0;

	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	assert_true(find_file(t->dir, "facts-", name));
	assert_ok(sf_file_get(in(t, name), 64 << 20, &bytes, &len));
	for (size_t at = 0; at < len; at += at < 64 ? 1 : 197) {
		SF_OWNED(frame) again = NULL;

		bytes[at] ^= (char)(1 << at % 8);
		assert_ok(sf_file_put(in(t, name), bytes, len));
		SF_OWNED(error) err = sf_frame_open(in(t, "first.frame"), &again);

		bytes[at] ^= (char)(1 << at % 8);
		if (err) {
			n_noticed++;
			assert_true(sf_error_code(err) == SF_FRAME_CORRUPT || sf_error_code(err) == SF_BAD_INPUT ||
				    sf_error_code(err) == SF_NO_MEMORY);
			continue;
		}
		_cleanup_free_ char *got = fake_dump(again, true);

		assert_string_equal(got, want);
	}
	assert_true(n_noticed > 50);
	for (size_t cut = 0; cut < len; cut += 1 + len / 50) {
		struct sf_frame *again = NULL;

		assert_ok(sf_file_put(in(t, name), bytes, cut));
		assert_says(sf_frame_open(in(t, "first.frame"), &again), SF_FRAME_CORRUPT, "facts-");
	}
}

/* The image lies elsewhere at every boot: that does not make other facts. */
static void facts_are_the_same_wherever_the_kernel_lies(void **state)
{
	struct fake_options opt = { .five_levels = true };
	char name[128];

	(void)state;
	for (int boot = 0; boot < 9; boot++) {
		SF_OWNED(capturer) c = NULL;

		opt.encoding = boot / 3;
		opt.kaslr = boot * 0x3400000ull;
		opt.phys = boot % 4 * (2ull << 20);
		opt.direct_shift = boot * (7ull << 30);
		_cleanup_guest_ struct fake_guest *g = fake_new(&opt);

		fake_open(g);
		assert_ok(sf_capturer_new(g->img, g->kernel, NULL, &c));
		if (boot % 3)
			assert_string_equal(sf_facts_name(sf_capturer_facts(c)), name);
		else
			snprintf(name, sizeof(name), "%s", sf_facts_name(sf_capturer_facts(c)));
	}
}

/* What a guest calls its build-id becomes part of a file's name. */
static void a_build_id_is_no_path(void **state)
{
	struct bench *t = *state;
	uint8_t *page = fake_host(t->g, t->g->vmcoreinfo_gpa), *note = page + SF_PAGE_SIZE;
	char *line = strstr((char *)page, "BUILD-ID=") + 9, name[512];

	memcpy(line, "ab/../../../../tmp/x\"{}", 23);
	line = strstr((char *)note + 24, "BUILD-ID=") + 9;
	memcpy(line, "ab/../../../../tmp/x\"{}", 23);
	SF_OWNED(frame) f = fake_capture(t->g, "first");

	assert_ok(sf_frame_save(f, in(t, "first.frame")));
	assert_true(find_file(t->dir, "facts-ab-", name));
	SF_OWNED(frame) again = opened(in(t, "first.frame"));

	assert_same_answers(f, again, true);
}

/* ---- cores of others ----------------------------------------------------------------------------------- */

static void write_foreign(struct bench *t, const char *path, bool with_note)
{
	struct sf_core_note note = { .name = "VMCOREINFO", .desc = t->g->vmcoreinfo, .len = strlen(t->g->vmcoreinfo) };
	struct sf_core_write w = { .image = t->g->img, .notes = &note, .n_notes = with_note };

	assert_ok(sf_core_write(path, &w));
}

static void a_dump_by_another_tool_opens(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) live = fake_live(t->g);
	struct sf_frame_info info = { .size = sizeof(info) };

	for (int with_note = 0; with_note < 2; with_note++) {
		write_foreign(t, in(t, "dump.core"), with_note);
		SF_OWNED(frame) f = opened(in(t, "dump.core"));

		/* It has all of memory: what only a pointer leads to as well. */
		assert_same_answers(live, f, true);
		sf_frame_info(f, &info);
		assert_string_equal(info.tag, "");
		assert_string_equal(info.kernel, "7.1.0-fake");
		assert_false(info.is_placeholder);
		assert_int_equal(info.n_vcpus, 0);
	}
}

static void a_core_without_a_kernel_says_so(void **state)
{
	struct bench *t = *state;
	uint64_t gpa = 0x1000;
	uint8_t page[4096] = { 0 };
	SF_OWNED(image) img = NULL;
	struct sf_frame *f = NULL;

	assert_ok(sf_image_pages_new(&gpa, page, 1, 1 << 20, &img));
	struct sf_core_write w = { .image = img };

	assert_ok(sf_core_write(in(t, "empty.core"), &w));
	assert_says(sf_frame_open(in(t, "empty.core"), &f), SF_KERNEL, "VMCOREINFO");
	assert_ok(sf_file_put(in(t, "text"), "hello, world", 12));
	assert_says(sf_frame_open(in(t, "text"), &f), SF_BAD_INPUT, "not an ELF core");
	assert_says(sf_frame_open(in(t, "nothing"), &f), SF_SYSTEM, "No such file");
	assert_null(f);
}

/* ---- placeholders --------------------------------------------------------------------------------------- */

static void a_placeholder_is_saved_with_its_reason(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = sf_frame_placeholder("late", "the guest did not stop in time");
	struct sf_frame_info info = { .size = sizeof(info) };
	SF_OWNED(snapshot) snap = NULL;

	assert_non_null(f);
	for (int i = 0; i < 2; i++) {
		assert_ok(i ? sf_frame_export(f, in(t, "p")) : sf_frame_save(f, in(t, "p")));
		SF_OWNED(frame) again = opened(in(t, "p"));

		sf_frame_info(again, &info);
		assert_true(info.is_placeholder);
		assert_string_equal(info.tag, "late");
		assert_string_equal(info.reason, "the guest did not stop in time");
		sf_snapshot_free(steal_ptr(&snap));
		assert_ok(sf_snapshot_new(again, &snap));
		assert_true(sf_view_is_placeholder(sf_snapshot_view(snap)));
		assert_int_equal(sf_view_map_count(sf_snapshot_view(snap)), 0);
	}
}

/* ---- damage ---------------------------------------------------------------------------------------------- */

struct lines {
	char *text;
	char **v;
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct lines split(char *text)
{
	struct lines l = { .text = text, .v = calloc(4096, sizeof(*l.v)) };

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		assert_in_range(l.n, 0, 4095);
		l.v[l.n++] = line;
	}
	return l;
}

static void lines_free(struct lines *l)
{
	free(l->text);
	free(l->v);
}

/* Every line is one of the undamaged frame's, or says that bytes could not be read. Lines may be missing: maps too. */
static void assert_right_or_said(const struct lines *want, struct sf_frame *f, size_t at)
{
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(error) err = sf_snapshot_new(f, &snap);

	if (err)
		return;
	__attribute__((cleanup(lines_free))) struct lines got = split(fake_dump(f, true));

	for (size_t i = 0; i < got.n; i++) {
		const char *line = got.v[i];

		if (bsearch(&line, want->v, want->n, sizeof(*want->v), by_text))
			continue;
		if (!strstr(line, sf_fault_text(SF_FAULT_CORRUPT)) && !strstr(line, "its BTF"))
			fail_msg("byte %zu changed: %s", at, line);
	}
}

static void flip_bytes(struct bench *t, const char *path)
{
	_cleanup_free_ char *bytes = NULL;
	size_t len, n_open = 0, n_refused = 0;
	SF_OWNED(frame) whole = opened(path);
	__attribute__((cleanup(lines_free))) struct lines want = split(fake_dump(whole, true));
	uint64_t head;
	int fd = open(path, O_RDWR);

	(void)t;
	qsort(want.v, want.n, sizeof(*want.v), by_text);
	assert_ok(sf_file_get(path, 64 << 20, &bytes, &len));
	memcpy(&head, bytes + 104, sizeof(head));
	assert_in_range(head, 4096, len);
	for (size_t at = 0; at < len; at += at < head ? 1 : 61) {
		SF_OWNED(frame) f = NULL;
		char other = (char)(bytes[at] ^ (at % 3 ? 1 << at % 8 : 0xff));

		assert_int_equal(pwrite(fd, &other, 1, (off_t)at), 1);
		SF_OWNED(error) err = sf_frame_open(path, &f);

		if (err) {
			n_refused++;
			assert_true(sf_error_message(err)[0]);
		} else {
			n_open++;
			assert_right_or_said(&want, f, at);
			assert_code(sf_frame_verify(f), SF_FRAME_CORRUPT);
		}
		assert_int_equal(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
	}
	close(fd);
	/* Every byte of the head matters, and pages are looked at one by one. */
	assert_true(n_refused >= head);
	assert_true(n_open > 0);
	assert_ok(sf_frame_verify(whole));
}

static void any_byte_of_a_frame_changed_is_noticed(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "x");

	assert_ok(sf_frame_save(f, in(t, "f")));
	flip_bytes(t, in(t, "f"));
}

static void any_byte_of_an_export_changed_is_noticed(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "x");

	assert_ok(sf_frame_export(f, in(t, "f")));
	flip_bytes(t, in(t, "f"));
}

static void a_frame_cut_short_is_an_error(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "x");
	_cleanup_free_ char *bytes = NULL;
	size_t len;

	assert_ok(sf_frame_save(f, in(t, "f")));
	assert_ok(sf_file_get(in(t, "f"), 64 << 20, &bytes, &len));
	for (size_t cut = 0; cut < len; cut += cut < 200 || cut + 10 > len ? 1 : 331) {
		struct sf_frame *again = NULL;

		assert_int_equal(truncate(in(t, "f"), 0), 0);
		assert_ok(sf_file_put(in(t, "f"), bytes, cut));
		SF_OWNED(error) err = sf_frame_open(in(t, "f"), &again);

		assert_null(again);
		assert_true(sf_error_code(err) == (cut < 4 ? sf_error_code(err) : SF_FRAME_CORRUPT));
		assert_contains(sf_error_message(err), "/f");
	}
	/* A byte too many is not what was written either. */
	_cleanup_free_ char *more = calloc(1, len + 1);
	struct sf_frame *again = NULL;

	memcpy(more, bytes, len);
	assert_ok(sf_file_put(in(t, "f"), more, len + 1));
	assert_code(sf_frame_open(in(t, "f"), &again), SF_FRAME_CORRUPT);
}

static void a_frame_that_is_cut_while_it_is_open(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "x");

	assert_ok(sf_frame_save(f, in(t, "f")));
	SF_OWNED(frame) again = opened(in(t, "f"));

	assert_int_equal(truncate(in(t, "f"), 8192), 0);
	SF_OWNED(snapshot) snap = NULL;
	SF_OWNED(error) err = sf_snapshot_new(again, &snap);

	assert_true(err || sf_error_code(sf_field_error(sf_view_var(sf_snapshot_view(snap), "nr_dispatched"))) ||
		    !sf_field_try_u64(sf_view_var(sf_snapshot_view(snap), "nr_dispatched"), &(uint64_t){ 0 }));
	assert_code(sf_frame_verify(again), SF_FRAME_CORRUPT);
}

/* Writes @patched with its head's checksum made right. */
static void put_sealed(const char *path, char *bytes, size_t len)
{
	uint64_t head;
	uint32_t sum = 0;

	memcpy(&head, bytes + 104, sizeof(head));
	memcpy(bytes + 92, &sum, sizeof(sum));
	sum = (uint32_t)crc32_z(0, (const uint8_t *)bytes, head);
	memcpy(bytes + 92, &sum, sizeof(sum));
	assert_ok(sf_file_put(path, bytes, len));
}

static void another_version_says_which(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "x");
	_cleanup_free_ char *bytes = NULL;
	struct sf_frame *again = NULL;
	size_t len;

	assert_ok(sf_frame_save(f, in(t, "f")));
	assert_ok(sf_file_get(in(t, "f"), 64 << 20, &bytes, &len));
	bytes[88] = 9;
	put_sealed(in(t, "f"), bytes, len);
	assert_says(sf_frame_open(in(t, "f"), &again), SF_BAD_INPUT, "version 9");
	bytes[88] = 1;
	char *format = memmem(bytes, 4096, "stillframe-frame-1", 18);

	assert_non_null(format);
	format[17] = '7';
	put_sealed(in(t, "f"), bytes, len);
	assert_says(sf_frame_open(in(t, "f"), &again), SF_BAD_INPUT, "stillframe-frame-7");
	assert_null(again);
}

static void a_full_disk_leaves_the_old_frame(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = fake_capture(t->g, "old");
	struct rlimit before, small;
	struct sf_frame_info info = { .size = sizeof(info) };
	char name[512];

	assert_ok(sf_frame_save(f, in(t, "f")));
	fake_u64(t->g, fake_map_values(t->s.bss), 7);
	SF_OWNED(frame) newer = fake_capture(t->g, "new");

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 20000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	SF_OWNED(error) err = sf_frame_save(newer, in(t, "f"));
	SF_OWNED(error) err2 = sf_frame_export(newer, in(t, "f"));

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(sf_error_code(err), SF_SYSTEM);
	assert_int_equal(sf_error_code(err2), SF_SYSTEM);
	assert_contains(sf_error_message(err), "/f");
	assert_false(find_file(t->dir, "f.tmp", name));
	SF_OWNED(frame) again = opened(in(t, "f"));

	sf_frame_info(again, &info);
	assert_string_equal(info.tag, "old");
	assert_same_answers(f, again, true);
	assert_code(sf_frame_save(newer, "/nonexistent/dir/f"), SF_SYSTEM);
}

/* What a base claims counts for every map whose types stand on it. */
static void types_on_huge_bases_are_refused(void **state)
{
	struct bench *t = *state;
	const struct sf_frame_maps *maps;
	size_t n_refused = 0;

	for (int i = 0; i < 10; i++) {
		uint64_t base = fake_add_btf_bytes(t->g, "x", 1, 0), btf = fake_add_btf_bytes(t->g, "y", 1, base);

		fake_u32(t->g, base + FK_BTF_DATA_SIZE, 60 << 20);
		fake_add_map(t->g, &(struct fake_map){ .name = "claim", .value_size = 8, .btf = btf, .value_type = 1 });
	}
	SF_OWNED(frame) frame = fake_live(t->g);

	assert_ok(sf_frame_maps(frame, &maps));
	for (size_t i = 0; i < maps->n; i++)
		n_refused += maps->v[i].no_btf && strstr(maps->v[i].no_btf, "claim more types");
	assert_int_equal(n_refused, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, make_small, drop)
#define TEST_ALL(name) TEST(name), TEST_SMALL(name), cmocka_unit_test_setup_teardown(name, make_moved, drop)
	const struct CMUnitTest tests[] = {
		TEST_ALL(a_capture_answers_as_live_memory_does),
		TEST_ALL(a_saved_frame_answers_as_the_capture_did),
		TEST_ALL(an_export_needs_no_other_file),
		TEST_ALL(what_a_frame_is_comes_back),
		TEST(what_the_guest_does_later_is_not_in_the_frame),
		TEST(a_frame_outlives_its_capturer_and_guest),
		TEST(a_limit_on_pages_is_counted_and_said),
		TEST(facts_are_one_file_beside_the_frames),
		TEST(facts_are_sought_in_the_cache_too),
		TEST(facts_that_are_missing_are_named),
		TEST(facts_that_are_damaged_are_noticed),
		TEST_SMALL(types_on_huge_bases_are_refused),
		cmocka_unit_test(facts_are_the_same_wherever_the_kernel_lies),
		TEST(a_build_id_is_no_path),
		TEST_ALL(a_dump_by_another_tool_opens),
		TEST(a_core_without_a_kernel_says_so),
		TEST(a_placeholder_is_saved_with_its_reason),
		TEST_SMALL(any_byte_of_a_frame_changed_is_noticed),
		TEST_SMALL(any_byte_of_an_export_changed_is_noticed),
		TEST_SMALL(a_frame_cut_short_is_an_error),
		TEST_SMALL(a_frame_that_is_cut_while_it_is_open),
		TEST_SMALL(another_version_says_which),
		TEST(a_full_disk_leaves_the_old_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

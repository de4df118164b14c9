/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of generated code: the kernel's list of them, whole or torn; addresses in a frame; where a vCPU was. */
#include "fake_bpf.h"
#include "fake_ksyms.h"
#include "render_bench.h"
#include "schema.h"

#include <pthread.h>

#include "../../src/read/bpf/bpf_private.h"
#include "bpf/values.h"
#include "snapshot/snapshot.h"

#define MAX_LISTED 64
#define ENQUEUE "bpf_prog_0123456789abcdef_simple_enqueue"
#define DISPATCH "bpf_prog_fedcba9876543210_simple_dispatch"
#define TRAMPOLINE "bpf_trampoline_6442529012"

struct listed {
	struct sf_bpf_ksym v[MAX_LISTED];
	uint32_t n, stop_after; /* n: of all, also of those that are not in v */
	struct sf_bpf_stats stats;
};

struct bench {
	struct fake_guest *g;
	struct sf_bpf *bpf;
	struct sf_vmem vm;
	struct listed l;
};

static int make_with(void **state, const struct fake_options *opt)
{
	struct bench *t = calloc(1, sizeof(*t));

	t->g = fake_new(opt);
	fake_open(t->g);
	assert_ok(sf_bpf_new(t->g->kernel, &t->bpf));
	sf_vmem_init(&t->vm, t->g->img, t->g->kernel);
	*state = t;
	return 0;
}

static int make(void **state)
{
	return make_with(state, &(struct fake_options){ .small = true });
}

/* The other side of everything that can differ. */
static int make_moved(void **state)
{
	return make_with(state, &(struct fake_options){ .small = true, .five_levels = true, .high = true,
							.encoding = SF_KALLSYMS_PC_RELATIVE, .kaslr = 0x1e200000,
							.phys = 4 << 20, .direct_shift = 3ull << 30 });
}

static int drop(void **state)
{
	struct bench *t = *state;

	sf_bpf_free(t->bpf);
	fake_free(t->g);
	free(t);
	return 0;
}

static bool on_ksym(void *arg, const struct sf_bpf_ksym *sym)
{
	struct listed *l = arg;

	if (l->n < MAX_LISTED)
		l->v[l->n] = *sym;
	return ++l->n != l->stop_after;
}

static const struct listed *list_through(struct bench *t, struct sf_vmem *vm)
{
	t->l.n = 0;
	assert_ok(sf_bpf_ksyms(t->bpf, vm, on_ksym, &t->l, &t->l.stats));
	assert_int_equal(t->l.n, t->l.stats.n_objects);
	return &t->l;
}

static const struct listed *list(struct bench *t)
{
	sf_vmem_flush(&t->vm);
	return list_through(t, &t->vm);
}

static void assert_listed(const struct listed *l, uint32_t n, uint32_t n_torn, bool cut)
{
	assert_int_equal(l->n, n);
	assert_int_equal(l->stats.n_torn, n_torn);
	assert_int_equal(l->stats.capped, cut);
}

static void assert_ksym(const struct sf_bpf_ksym *sym, const char *name, uint64_t start, uint64_t end)
{
	assert_string_equal(sym->name, name);
	assert_int_equal(sym->start, start);
	assert_int_equal(sym->end, end);
}

static void add_three(struct bench *t)
{
	fake_add_ksym(t->g, DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	fake_add_ksym(t->g, ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	fake_add_ksym(t->g, TRAMPOLINE, FAKE_JIT + 0x80, FAKE_JIT + 0x1080);
}

static void assert_three(const struct listed *l)
{
	assert_listed(l, 3, 0, false);
	assert_ksym(&l->v[0], DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	assert_ksym(&l->v[1], ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	assert_ksym(&l->v[2], TRAMPOLINE, FAKE_JIT + 0x80, FAKE_JIT + 0x1080);
}

/* ---- the list ---------------------------------------------------------------------------------------------- */

static void an_empty_list_has_no_symbols(void **state)
{
	assert_listed(list(*state), 0, 0, false);
}

static void symbols_come_in_order_of_the_list(void **state)
{
	struct bench *t = *state;

	add_three(t);
	assert_three(list(t));
}

static void a_caller_who_has_enough_is_not_called_again(void **state)
{
	struct bench *t = *state;

	add_three(t);
	t->l.stop_after = 2;
	assert_listed(list(t), 2, 0, false);
}

static void nodes_that_make_no_sense_are_left_out_and_counted(void **state)
{
	struct bench *t = *state;
	const struct {
		uint64_t start, end;
	} bad[] = {
		{ FAKE_JIT, FAKE_JIT },
		{ FAKE_JIT + 1, FAKE_JIT },
		{ 0, 0 },
		{ 0x400000, 0x400100 },                                 /* user space */
		{ 0x400000, FAKE_JIT },
		{ 0x8000000000000000ull, 0x8000000000000100ull },       /* not canonical */
		{ FAKE_JIT, 0x100 },
		{ 0xffffffffc0000000ull, 0xffffffffc0000000ull + (1ull << 30) },
		{ 0xffff888000000000ull, FAKE_JIT },
		{ 0xffffffffffffff00ull, 0 },
	};

	fake_add_ksym(t->g, ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		fake_add_ksym(t->g, "bad", bad[i].start, bad[i].end);
	fake_add_ksym(t->g, "", FAKE_JIT + 0x100, FAKE_JIT + 0x200);
	fake_add_ksym(t->g, DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	const struct listed *l = list(t);

	assert_listed(l, 2, ARRAY_SIZE(bad) + 1, false);
	assert_ksym(&l->v[0], ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	assert_ksym(&l->v[1], DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
}

/* A struct of which the last @tail bytes are on the second page of an area. */
static uint64_t ksym_across(struct bench *t, uint64_t tail, uint64_t *ret_second)
{
	*ret_second = fake_vmalloc(t->g, 2 * SF_PAGE_SIZE) + SF_PAGE_SIZE;
	return *ret_second + tail - FK_KSYM_SIZE;
}

static void a_name_on_a_page_that_is_gone_is_torn(void **state)
{
	struct bench *t = *state;
	uint64_t second, ksym = ksym_across(t, FK_KSYM_NAME_LEN - 8, &second);

	fake_put_ksym(t->g, ksym, ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	fake_link_ksym(t->g, ksym);
	fake_add_ksym(t->g, DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	assert_ksym(&list(t)->v[0], ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	fake_unmap(t->g, second);
	const struct listed *l = list(t);

	assert_listed(l, 1, 1, false);
	assert_string_equal(l->v[0].name, DISPATCH);
}

static void only_the_bytes_of_a_name_are_needed(void **state)
{
	static const char name[] = "bpf_prog_0123456789abcdef_simple_select";
	struct bench *t = *state;
	uint64_t second, ksym = ksym_across(t, FK_KSYM_NAME_LEN - sizeof(name), &second);

	/* Its NUL is the last byte of the first page. */
	fake_put_ksym(t->g, ksym, name, FAKE_JIT, FAKE_JIT + 0x80);
	fake_link_ksym(t->g, ksym);
	fake_unmap(t->g, second);
	assert_listed(list(t), 1, 0, false);
	assert_string_equal(t->l.v[0].name, name);
	/* Without it the name goes on. */
	fake_u8(t->g, second - 1, 'x');
	assert_listed(list(t), 0, 1, false);
}

static void long_names_are_cut(void **state)
{
	struct bench *t = *state;
	char name[FK_KSYM_NAME_LEN];

	memset(name, 'n', sizeof(name));
	name[SF_BPF_KSYM_NAME - 1] = '\0';
	fake_add_ksym(t->g, name, FAKE_JIT, FAKE_JIT + 1);
	name[SF_BPF_KSYM_NAME - 1] = 'n';
	name[SF_BPF_KSYM_NAME] = '\0';
	fake_add_ksym(t->g, name, FAKE_JIT + 1, FAKE_JIT + 2);

	uint64_t endless = fake_add_ksym(t->g, "", FAKE_JIT + 2, FAKE_JIT + 3);

	memset(name, 'n', sizeof(name));
	fake_write(t->g, endless + FK_KSYM_NAME, name, sizeof(name));
	const struct listed *l = list(t);

	assert_listed(l, 3, 0, false);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(strlen(l->v[i].name), SF_BPF_KSYM_NAME - 1);
		assert_memory_equal(l->v[i].name, name, SF_BPF_KSYM_NAME - 1);
	}
}

static void a_list_that_leads_nowhere_ends_there(void **state)
{
	struct bench *t = *state;
	uint64_t area = fake_vmalloc(t->g, SF_PAGE_SIZE), node;

	fake_unmap(t->g, area);
	fake_add_ksym(t->g, ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	node = fake_add_ksym(t->g, DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	fake_add_ksym(t->g, TRAMPOLINE, FAKE_JIT + 0x80, FAKE_JIT + 0x1080);
	const uint64_t nowhere[] = { 0, 0xdead000000000100ull, area + FK_KSYM_LNODE, 0x400000, node + FK_KSYM_LNODE + 4 };

	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		fake_u64(t->g, node + FK_KSYM_LNODE, nowhere[i]);
		assert_listed(list(t), 2, 1, true);
	}
	/* The first of all, too. */
	fake_u64(t->g, t->g->kallsyms, 0);
	assert_listed(list(t), 0, 1, true);
}

static void a_node_whose_next_cannot_be_read_counts_once(void **state)
{
	struct bench *t = *state;
	uint64_t second, ksym = ksym_across(t, FK_KSYM_SIZE - FK_KSYM_LNODE, &second);

	fake_add_ksym(t->g, ENQUEUE, FAKE_JIT, FAKE_JIT + 0x80);
	fake_put_ksym(t->g, ksym, DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	fake_link_ksym(t->g, ksym);
	fake_add_ksym(t->g, TRAMPOLINE, FAKE_JIT + 0x80, FAKE_JIT + 0x1080);
	fake_unmap(t->g, second);
	assert_listed(list(t), 1, 1, true);
}

static void a_list_that_runs_into_itself_ends(void **state)
{
	struct bench *t = *state;
	uint64_t nodes[12];

	for (uint32_t i = 0; i < ARRAY_SIZE(nodes); i++)
		nodes[i] = fake_add_ksym(t->g, ENQUEUE, FAKE_JIT + 16 * i, FAKE_JIT + 16 * i + 16) + FK_KSYM_LNODE;
	for (uint32_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		fake_u64(t->g, nodes[ARRAY_SIZE(nodes) - 1], nodes[i]);
		const struct listed *l = list(t);

		assert_int_equal(l->stats.n_torn, 1);
		assert_true(l->stats.capped);
		assert_in_range(l->n, ARRAY_SIZE(nodes), 4 * ARRAY_SIZE(nodes));
	}
}

static void a_list_without_end_is_capped(void **state)
{
	struct bench *t = *state;
	const uint32_t n = SF_BPF_MAX_OBJECTS + 8;
	uint64_t chain = fake_kmalloc(t->g, 8ul * n + FK_KSYM_SIZE) + FK_KSYM_LNODE;

	/* As dense as can be: each node's start and end are those that the next ones call their next. */
	for (uint32_t i = 0; i < n; i++)
		fake_u64(t->g, chain + 8ull * i, i + 1 < n ? chain + 8ull * (i + 1) : t->g->kallsyms);
	fake_u64(t->g, t->g->kallsyms, chain);
	assert_listed(list(t), 0, SF_BPF_MAX_OBJECTS, true);
}

static void kernels_without_the_list_say_so(void **state)
{
	struct bench *t = *state;

	t->bpf->ksym.lnode.present = false;
	assert_says(sf_bpf_ksyms(t->bpf, &t->vm, on_ksym, &t->l, &t->l.stats), SF_KERNEL, "struct bpf_ksym");
	t->bpf->kallsyms = 0;
	assert_says(sf_bpf_ksyms(t->bpf, &t->vm, on_ksym, &t->l, &t->l.stats), SF_KERNEL, "bpf_kallsyms");
}

/* ---- what is kept -------------------------------------------------------------------------------------------- */

/* An image of the pages that the listing alone asks for, and of no others. */
static struct sf_image *recorded(struct bench *t, bool walk)
{
	SF_OWNED(recorder) rec = NULL;
	struct sf_image *pages = NULL;
	struct sf_vmem vm;

	assert_ok(sf_recorder_new(t->g->img, 16, 1024, &rec));
	sf_recorder_begin(rec);
	sf_vmem_init(&vm, sf_recorder_image(rec), t->g->kernel);
	if (walk)
		list_through(t, &vm);
	assert_ok(sf_recorder_take(rec, &pages));
	return pages;
}

static void what_is_listed_at_the_stop_is_listed_from_its_pages(void **state)
{
	struct bench *t = *state;
	uint64_t second, ksym = ksym_across(t, FK_KSYM_NAME_LEN - 8, &second);
	struct sf_vmem vm;

	add_three(t);
	fake_put_ksym(t->g, ksym, "bpf_dispatcher_xdp", FAKE_JIT + 0x5000, FAKE_JIT + 0x6000);
	fake_link_ksym(t->g, ksym);
	SF_OWNED(image) pages = recorded(t, true);

	sf_vmem_init(&vm, pages, t->g->kernel);
	const struct listed *l = list_through(t, &vm);

	assert_listed(l, 4, 0, false);
	assert_ksym(&l->v[0], DISPATCH, FAKE_JIT + 0x2000, FAKE_JIT + 0x2100);
	assert_ksym(&l->v[3], "bpf_dispatcher_xdp", FAKE_JIT + 0x5000, FAKE_JIT + 0x6000);
}

static void a_list_that_was_not_kept_says_so(void **state)
{
	struct bench *t = *state;
	SF_OWNED(image) nothing = recorded(t, false);
	struct sf_vmem vm;

	add_three(t);
	sf_vmem_init(&vm, nothing, t->g->kernel);
	assert_says(sf_bpf_ksyms(t->bpf, &vm, on_ksym, &t->l, &t->l.stats), SF_PAGE_NOT_KEPT, "bpf_kallsyms");
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

static void assert_at(struct sf_frame *f, uint64_t addr, const char *name, uint64_t start, uint64_t size)
{
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol s;

	assert_true(sf_frame_symbol_at(f, addr, buf, &s));
	assert_ptr_equal(s.name, buf);
	assert_string_equal(s.name, name);
	assert_int_equal(s.address, start);
	assert_int_equal(s.offset, addr - start);
	assert_int_equal(s.size, size);
	assert_string_equal(s.module, "bpf");
	assert_int_equal(s.type, 't');
}

static void assert_nothing_at(struct sf_frame *f, uint64_t addr)
{
	struct sf_symbol s = { .offset = 42 };
	char buf[SF_SYMBOL_NAME];

	if (sf_frame_symbol_at(f, addr, buf, &s))
		fail_msg("%s at 0x%llx", s.name, (unsigned long long)addr);
	assert_int_equal(s.offset, 42);
}

static void assert_knows_three(struct sf_frame *f)
{
	assert_nothing_at(f, FAKE_JIT - 1);
	assert_at(f, FAKE_JIT, ENQUEUE, FAKE_JIT, 0x80);
	assert_at(f, FAKE_JIT + 0x1c, ENQUEUE, FAKE_JIT, 0x80);
	assert_at(f, FAKE_JIT + 0x7f, ENQUEUE, FAKE_JIT, 0x80);
	assert_at(f, FAKE_JIT + 0x80, TRAMPOLINE, FAKE_JIT + 0x80, 0x1000);
	assert_at(f, FAKE_JIT + 0x107f, TRAMPOLINE, FAKE_JIT + 0x80, 0x1000);
	assert_nothing_at(f, FAKE_JIT + 0x1080);
	assert_nothing_at(f, FAKE_JIT + 0x1fff);
	assert_at(f, FAKE_JIT + 0x2000, DISPATCH, FAKE_JIT + 0x2000, 0x100);
	assert_at(f, FAKE_JIT + 0x20ff, DISPATCH, FAKE_JIT + 0x2000, 0x100);
	assert_nothing_at(f, FAKE_JIT + 0x2100);
	assert_nothing_at(f, 0);
	assert_nothing_at(f, UINT64_MAX);
}

static void an_address_has_the_symbol_that_covers_it(void **state)
{
	struct bench *t = *state;

	add_three(t);
	SF_OWNED(frame) f = fake_live(t->g);

	assert_knows_three(f);
}

static void the_kernels_image_comes_first(void **state)
{
	struct bench *t = *state;
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol s;

	/* Two that claim to be the kernel's text, and what is before it. */
	fake_add_ksym(t->g, "liar", t->g->text - 0x1000, t->g->text + 0x2000);
	fake_add_ksym(t->g, "liar", t->g->text, t->g->text + 0x2000);
	SF_OWNED(frame) f = fake_live(t->g);

	assert_true(sf_frame_symbol_at(f, t->g->text + 0x1234, buf, &s));
	assert_string_equal(s.name, "_stext");
	assert_ptr_equal(s.name, buf);
	assert_int_equal(s.offset, 0x234);
	assert_null(s.module);
	assert_at(f, t->g->text - 1, "liar", t->g->text - 0x1000, 0x3000);
}

static void a_frame_without_the_list_knows_the_kernels_image(void **state)
{
	struct bench *t = *state;
	struct sf_frame_meta meta = { .tag = "bare" };
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol s;
	SF_OWNED(image) nothing = recorded(t, false);
	SF_OWNED(frame) f = NULL;
	SF_OWNED(frame) placeholder = sf_frame_placeholder("late", "it was");

	add_three(t);
	assert_ok(sf_frame_new(nothing, t->g->kernel, NULL, &meta, &f));
	assert_nothing_at(f, FAKE_JIT);
	assert_true(sf_frame_symbol_at(f, t->g->text + 0x1000, buf, &s));
	assert_string_equal(s.name, "_stext");
	assert_nothing_at(placeholder, t->g->text + 0x1000);
}

static void names_of_odd_bytes_are_escaped(void **state)
{
	struct bench *t = *state;
	char longest[SF_BPF_KSYM_NAME], want[4 * SF_BPF_KSYM_NAME] = "";

	memset(longest, 0xff, sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i + 1 < sizeof(longest); i++)
		strcat(want, "\\xff");
	fake_add_ksym(t->g, "a\nb\x1b[31m\"\xc3\xa4", FAKE_JIT, FAKE_JIT + 16);
	fake_add_ksym(t->g, longest, FAKE_JIT + 16, FAKE_JIT + 32);
	SF_OWNED(frame) f = fake_live(t->g);

	assert_at(f, FAKE_JIT + 1, "a\\x0ab\\x1b[31m\"\\xc3\\xa4", FAKE_JIT, 16);
	assert_at(f, FAKE_JIT + 17, want, FAKE_JIT + 16, 16);
}

static void a_capture_keeps_the_names_of_code(void **state)
{
	struct bench *t = *state;

	add_three(t);
	SF_OWNED(frame) f = fake_capture(t->g, "running");

	/* The guest goes on without these programs. */
	fake_u64(t->g, t->g->kallsyms, t->g->kallsyms);
	assert_knows_three(f);
}

#define N_THREADS 8
struct shared {
	struct sf_frame *frame;
	pthread_barrier_t start;
	_Atomic unsigned int n_wrong;
};

static void *look_up(void *arg)
{
	struct shared *s = arg;
	char buf[SF_SYMBOL_NAME];
	struct sf_symbol symbol;

	/* All at once: the listing is first asked for by all. */
	pthread_barrier_wait(&s->start);
	for (uint64_t at = 0; at < 0x80; at++)
		if (!sf_frame_symbol_at(s->frame, FAKE_JIT + at, buf, &symbol) || strcmp(symbol.name, ENQUEUE) ||
		    symbol.offset != at)
			s->n_wrong++;
	return NULL;
}

static void threads_list_once(void **state)
{
	struct bench *t = *state;
	pthread_t threads[N_THREADS];
	struct shared s = { 0 };

	add_three(t);
	SF_OWNED(frame) f = fake_live(t->g);

	s.frame = f;
	assert_int_equal(pthread_barrier_init(&s.start, NULL, N_THREADS), 0);
	for (unsigned int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up, &s), 0);
	for (unsigned int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&s.start);
	assert_int_equal(s.n_wrong, 0);
}

/* ---- where a vCPU was ---------------------------------------------------------------------------------------- */

#define RUNNING(flags) .present = true, .rsp = 0xffffc90000013e70, .cr0 = 0x80050033, .rflags = flags

static struct sf_frame *stopped_at(struct bench *t, const struct sf_vcpu_regs *vcpus, uint32_t n)
{
	struct sf_frame_meta meta = { .tag = "stopped", .cause = "on-demand", .vcpus = vcpus, .n_vcpus = n };
	struct sf_frame *f = NULL;

	assert_ok(sf_frame_new(t->g->img, t->g->kernel, NULL, &meta, &f));
	return f;
}

static struct sf_frame *seven_vcpus(struct bench *t)
{
	const struct sf_vcpu_regs vcpus[] = {
		{ RUNNING(0x246), .rip = FAKE_JIT + 0x1c },
		{ RUNNING(0x246), .rip = t->g->text + 0x1234, .halted = true },
		{ RUNNING(0x46), .rip = t->g->text + 0x1234, .halted = true },
		{ RUNNING(0x246), .rip = 0x401000, .cpl = 3 },
		/* In user space an address of the kernel is nothing but a number. */
		{ RUNNING(0x246), .rip = FAKE_JIT + 0x1c, .cpl = 3 },
		{ RUNNING(0x246), .rip = FAKE_JIT + 0x9000 },
		{ .present = true, .rip = 0xfff0, .rflags = 2, .cr0 = 0x60000010, .halted = true },
	};

	add_three(t);
	return stopped_at(t, vcpus, ARRAY_SIZE(vcpus));
}

static void text_says_where_each_vcpu_was(void **state)
{
	struct bench *t = *state;
	SF_OWNED(frame) f = seven_vcpus(t);
	SF_OWNED(snapshot) snap = NULL;
	struct sf_json_buffer out = { 0 };

	assert_ok(sf_snapshot_new(f, &snap));
	assert_true(sf_render_frame_text(snap, NULL, sf_json_buffer_sink, &out));
	_cleanup_free_ char *text = taken(&out);

	assert_contains(text, "  vcpu 0: ip=0xffffffffc010001c sp=0xffffc90000013e70 ptroot=0x0000000000000000 "
			      ENQUEUE "+0x1c [bpf]\n");
	assert_contains(text, " ptroot=0x0000000000000000 halted _stext+0x234\n  vcpu 2: ");
	assert_contains(text, " ptroot=0x0000000000000000 halted (interrupts off) _stext+0x234\n  vcpu 3: ");
	assert_contains(text, "  vcpu 3: ip=0x0000000000401000 sp=0xffffc90000013e70 ptroot=0x0000000000000000 (user)\n");
	assert_contains(text, "  vcpu 4: ip=0xffffffffc010001c sp=0xffffc90000013e70 ptroot=0x0000000000000000 (user)\n");
	assert_contains(text, "  vcpu 5: ip=0xffffffffc0109000 sp=0xffffc90000013e70 ptroot=0x0000000000000000\n");
	assert_contains(text, "  vcpu 6: ip=0x000000000000fff0 sp=0x0000000000000000 ptroot=0x0000000000000000 halted "
			      "(not started)\n");
}

static void json_says_where_each_vcpu_was(void **state)
{
	struct bench *t = *state;
	_cleanup_json_ struct sf_json *schema = schema_read(__FILE__, "docs/report.schema.json"), *doc = NULL;
	SF_OWNED(frame) f = seven_vcpus(t);
	SF_OWNED(snapshot) snap = NULL;
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	assert_ok(sf_snapshot_new(f, &snap));
	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_render_frame_json(snap, NULL, &w);
	assert_true(sf_json_writer_finish(&w));
	_cleanup_free_ char *json = taken(&out);

	assert_ok(sf_json_read(json, strlen(json), &doc));
	assert_true(schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(doc)));
	const struct sf_json_node *list = sf_json_member(sf_json_root(doc), "vcpu_regs"), *v = sf_json_element(list, 0);

	assert_string_equal(sf_json_member_str(v, "symbol", ""), ENQUEUE "+0x1c");
	assert_string_equal(sf_json_member_str(v, "module", ""), "bpf");
	assert_int_equal(sf_json_member_u64(v, "cpl", 9), 0);
	v = sf_json_element(list, 1);
	assert_string_equal(sf_json_member_str(v, "symbol", ""), "_stext+0x234");
	assert_null(sf_json_member(v, "module"));
	for (size_t i = 3; i < 6; i++) {
		v = sf_json_element(list, i);
		assert_int_equal(sf_json_member_u64(v, "cpl", 9), i < 5 ? 3 : 0);
		assert_null(sf_json_member(v, "symbol"));
		assert_null(sf_json_member(v, "module"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
#define MOVED(name) cmocka_unit_test_setup_teardown(name, make_moved, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_list_has_no_symbols),
		TEST(symbols_come_in_order_of_the_list),
		MOVED(symbols_come_in_order_of_the_list),
		TEST(a_caller_who_has_enough_is_not_called_again),
		TEST(nodes_that_make_no_sense_are_left_out_and_counted),
		TEST(a_name_on_a_page_that_is_gone_is_torn),
		TEST(only_the_bytes_of_a_name_are_needed),
		TEST(long_names_are_cut),
		TEST(a_list_that_leads_nowhere_ends_there),
		TEST(a_node_whose_next_cannot_be_read_counts_once),
		TEST(a_list_that_runs_into_itself_ends),
		TEST(a_list_without_end_is_capped),
		TEST(kernels_without_the_list_say_so),
		TEST(what_is_listed_at_the_stop_is_listed_from_its_pages),
		MOVED(what_is_listed_at_the_stop_is_listed_from_its_pages),
		TEST(a_list_that_was_not_kept_says_so),
		TEST(an_address_has_the_symbol_that_covers_it),
		MOVED(an_address_has_the_symbol_that_covers_it),
		TEST(the_kernels_image_comes_first),
		TEST(a_frame_without_the_list_knows_the_kernels_image),
		TEST(names_of_odd_bytes_are_escaped),
		TEST(a_capture_keeps_the_names_of_code),
		MOVED(a_capture_keeps_the_names_of_code),
		TEST(threads_list_once),
		TEST(text_says_where_each_vcpu_was),
		TEST(json_says_where_each_vcpu_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

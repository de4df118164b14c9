/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to understand a kernel and to read its memory, each beside its floor. Prints NAME VALUE lines.
 *
 *	bench_kernel RAMFILE gpa:len:offset[,...]
 *
 * kernel.facts_ms    from mapped RAM to symbols and BTF usable, everything found by scanning
 * kernel.libbpf_ms   libbpf parsing the same BTF in the same mapped RAM, told where it is, and nothing else
 *                    (both: the median of fresh processes with fresh mappings, taking turns)
 * image.read64_ns    64 bytes from a kernel virtual address: half direct map, a quarter image, a quarter vmalloc, random
 * image.memcpy64_ns  the same bytes by pointer, in the same order
 */

#include <bpf/btf.h>
#include <inttypes.h>
#include <sys/wait.h>
#include <time.h>

#include "../tests/ram_args.h"
#include "kernel/vmem.h"

#define ROUNDS 15
#define N_READS (1u << 17)

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

static bool say(struct sf_error *err)
{
	if (err)
		fprintf(stderr, "%s\n", sf_error_message(err));
	sf_error_free(err);
	return !err;
}

/* ---- facts -------------------------------------------------------------------------------------- */

struct subject {
	const char *ram, *ranges;
	uint64_t btf_gpa;
	size_t btf_len;
};

static bool usable(struct sf_kernel *k)
{
	struct sf_btf *btf = sf_kernel_btf(k);
	struct sf_btf_place place;
	uint64_t address;

	return sf_kernel_symbol(k, "runqueues", &address) &&
	       sf_btf_find_member(btf, sf_btf_find_largest(btf, "rq", SF_BTF_STRUCT), "nr_running", &place);
}

static bool time_facts(const struct subject *s, double *ret_ms)
{
	SF_OWNED(image) img = ram_from_args(s->ram, s->ranges);
	SF_OWNED(kernel) k = NULL;
	double start = now_ns();

	if (!img || !say(sf_kernel_new(img, NULL, &k)) || !usable(k))
		return false;
	*ret_ms = (now_ns() - start) / 1e6;
	return true;
}

static bool time_libbpf(const struct subject *s, double *ret_ms)
{
	SF_OWNED(image) img = ram_from_args(s->ram, s->ranges);

	if (!img)
		return false;
	/* The kernel image is one piece, and so is what RAM is mapped to. */
	const uint8_t *page = sf_image_page(img, s->btf_gpa, NULL);
	double start = now_ns();
	struct btf *btf = page ? btf__new(page + s->btf_gpa % SF_PAGE_SIZE, s->btf_len) : NULL;

	*ret_ms = (now_ns() - start) / 1e6;
	if (!btf)
		fprintf(stderr, "libbpf refuses this BTF\n");
	btf__free(btf);
	return btf;
}

/* In a process of its own: no page of an earlier round is there already, for neither of the two. */
static bool in_child(bool (*fn)(const struct subject *s, double *ret_ms), const struct subject *s, double *ret_ms)
{
	int fds[2], status = 1;

	if (pipe(fds))
		return false;
	pid_t pid = fork();

	if (!pid) {
		double ms;
		bool ok = fn(s, &ms) && write(fds[1], &ms, sizeof(ms)) == sizeof(ms);

		_exit(!ok);
	}
	close(fds[1]);

	bool ok = pid > 0 && read(fds[0], ret_ms, sizeof(*ret_ms)) == sizeof(*ret_ms);

	close(fds[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status && ok;
}

static bool bench_facts(struct subject *s, struct sf_kernel *k)
{
	double facts[ROUNDS], libbpf[ROUNDS];

	uint64_t start;

	if (!sf_kernel_symbol(k, "__start_BTF", &start))
		return false;
	s->btf_gpa = start - SF_X86_START_KERNEL_MAP + sf_kernel_phys_base(k);
	sf_btf_data(sf_kernel_btf(k), &s->btf_len);
	for (int i = 0; i < ROUNDS; i++)
		if (!in_child(time_facts, s, &facts[i]) || !in_child(time_libbpf, s, &libbpf[i]))
			return false;
	printf("kernel.facts_ms %.2f\nkernel.libbpf_ms %.2f\n", median(facts), median(libbpf));
	return true;
}

/* ---- reads -------------------------------------------------------------------------------------- */

struct pages {
	uint64_t *v; /* virtual */
	size_t n, cap;
};

static void add_page(struct pages *p, uint64_t kva)
{
	uint64_t *page = sf_vec_push(p);

	if (page)
		*page = kva;
}

static void direct_pages(struct sf_image *img, struct sf_kernel *k, struct pages *ret)
{
	struct sf_image_run run;

	for (uint64_t from = 0; sf_image_next_run(img, from, &run); from = run.gpa + run.len)
		for (uint64_t gpa = run.gpa; gpa < run.gpa + run.len; gpa += SF_PAGE_SIZE)
			add_page(ret, sf_kernel_page_offset(k) + gpa);
}

static void image_pages(struct sf_kernel *k, struct pages *ret)
{
	uint64_t start, end;

	sf_kernel_image_range(k, &start, &end);
	for (uint64_t kva = start; kva + SF_PAGE_SIZE <= end; kva += SF_PAGE_SIZE)
		add_page(ret, kva);
}

/* What is mapped in the first gigabyte of vmalloc space. */
static void vmalloc_pages(struct sf_vmem *vm, struct sf_kernel *k, struct pages *ret)
{
	uint64_t base = 0, gpa;

	if (!sf_kernel_symbol(k, "vmalloc_base", &base) || sf_vmem_u64(vm, base, &base))
		return;
	for (uint64_t kva = base; kva < base + (1ull << 30); kva += SF_PAGE_SIZE)
		if (!sf_vmem_translate(vm, kva, &gpa) && sf_image_page(vm->img, gpa, NULL))
			add_page(ret, kva);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static bool choose_reads(struct sf_vmem *vm, struct sf_kernel *k, uint64_t *kvas, const uint8_t **pointers)
{
	struct pages kinds[3] = { 0 };
	uint64_t seed = 0x2545f4914f6cdd1d;
	bool ok = true;

	direct_pages(vm->img, k, &kinds[0]);
	image_pages(k, &kinds[1]);
	vmalloc_pages(vm, k, &kinds[2]);
	for (int i = 0; i < 3; i++)
		ok = ok && kinds[i].n;
	fprintf(stderr, "pages: %zu of the direct map, %zu of the image, %zu of vmalloc\n", kinds[0].n, kinds[1].n,
		kinds[2].n);
	for (size_t i = 0; ok && i < N_READS; i++) {
		const struct pages *p = &kinds[(const int[]){ 0, 1, 0, 2 }[i % 4]];
		uint64_t page = p->v[next_random(&seed) % p->n];
		size_t at = next_random(&seed) % (SF_PAGE_SIZE - 64) & ~7ull;
		const uint8_t *bytes = sf_vmem_page(vm, page, NULL);

		ok = bytes != NULL;
		kvas[i] = page + at;
		pointers[i] = bytes + at;
	}
	for (int i = 0; i < 3; i++)
		free(kinds[i].v);
	return ok;
}

static uint64_t sum64(const uint8_t buf[64])
{
	uint64_t sum = 0;

	for (int i = 0; i < 64; i += 8)
		sum += sf_load64(buf + i);
	return sum;
}

static bool bench_reads(struct sf_image *img, struct sf_kernel *k)
{
	_cleanup_free_ struct sf_vmem *vm = malloc(sizeof(*vm));
	_cleanup_free_ uint64_t *kvas = calloc(N_READS, sizeof(*kvas));
	_cleanup_free_ const uint8_t **pointers = calloc(N_READS, sizeof(*pointers));
	double read_ns[ROUNDS], memcpy_ns[ROUNDS];
	uint8_t buf[64];

	if (!vm || !kvas || !pointers)
		return false;
	sf_vmem_init(vm, img, k);
	if (!choose_reads(vm, k, kvas, pointers)) {
		fprintf(stderr, "too little is mapped to read at random\n");
		return false;
	}
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t by_pointer = 0, by_address = 0;
		double start = now_ns();

		for (size_t n = 0; n < N_READS; n++) {
			memcpy(buf, pointers[n], sizeof(buf));
			by_pointer += sum64(buf);
		}
		memcpy_ns[i] = (now_ns() - start) / N_READS;
		sf_vmem_flush(vm);
		start = now_ns();
		for (size_t n = 0; n < N_READS; n++) {
			if (sf_vmem_read(vm, kvas[n], buf, sizeof(buf)))
				return false;
			by_address += sum64(buf);
		}
		read_ns[i] = (now_ns() - start) / N_READS;
		if (by_pointer != by_address) {
			fprintf(stderr, "other bytes by address than by pointer\n");
			return false;
		}
	}
	printf("image.read64_ns %.1f\nimage.memcpy64_ns %.1f\n", median(read_ns), median(memcpy_ns));
	return true;
}

int main(int argc, char **argv)
{
	struct subject s = { 0 };
	SF_OWNED(kernel) k = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: %s RAMFILE gpa:len:offset[,...]\n", argv[0]);
		return 1;
	}
	s.ram = argv[1];
	s.ranges = argv[2];
	SF_OWNED(image) img = ram_from_args(s.ram, s.ranges);

	if (!img || !say(sf_kernel_new(img, NULL, &k)))
		return 1;
	return !bench_facts(&s, k) || !bench_reads(img, k);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "internal.h"

/*
 * All of the guest's physical address space is one reservation of ours, with the files mapped where there is RAM. The
 * hole is not accessible, and no pointer into it is ever given out.
 */
struct ram {
	struct sf_image img;
	int *fds; /* descriptions of our own, since looking for holes moves their position */
	size_t n_fds;
	uint8_t *space;
	size_t n;
	struct sf_ram_range ranges[];
};

static const uint8_t *ram_page(struct sf_image *img, uint64_t gpa, enum sf_fault *why)
{
	struct ram *ram = sf_container_of(img, struct ram, img);

	for (size_t i = 0; i < ram->n; i++) {
		if (gpa - ram->ranges[i].gpa < ram->ranges[i].len)
			return ram->space + gpa;
	}
	*why = SF_FAULT_BOUNDS;
	return NULL;
}

/*
 * The first data of the file in [*from, end): *from and *ret_end are its bounds. A file that cannot tell holes is all
 * data.
 */
static bool next_data(int fd, uint64_t *from, uint64_t end, uint64_t *ret_end)
{
	off_t data = lseek(fd, *from, SEEK_DATA);

	*ret_end = end;
	if (data < 0)
		return errno != ENXIO;
	if ((uint64_t)data >= end)
		return false;
	*from = sf_max(*from, (uint64_t)data & SF_PAGE_MASK);

	off_t hole = lseek(fd, data, SEEK_HOLE);

	if (hole >= 0)
		*ret_end = sf_min(end, sf_align_up((uint64_t)hole, SF_PAGE_SIZE));
	return true;
}

static bool ram_next_run(struct sf_image *img, uint64_t from, struct sf_image_run *ret)
{
	struct ram *ram = sf_container_of(img, struct ram, img);

	for (size_t i = 0; i < ram->n; i++) {
		const struct sf_ram_range *r = &ram->ranges[i];
		uint64_t gpa = sf_max(from, r->gpa);

		if (gpa >= r->gpa + r->len)
			continue;
		uint64_t begin = r->offset + (gpa - r->gpa);
		uint64_t end;

		if (!next_data(ram->fds[r->file], &begin, r->offset + r->len, &end))
			continue;
		*ret = (struct sf_image_run){ .gpa = r->gpa + (begin - r->offset), .len = end - begin };
		return true;
	}
	return false;
}

static void ram_free(struct sf_image *img)
{
	struct ram *ram = sf_container_of(img, struct ram, img);

	if (ram->space)
		munmap(ram->space, img->top);
	for (size_t i = 0; i < ram->n_fds; i++)
		close(ram->fds[i]);
	free(ram->fds);
	free(ram);
}

static const struct sf_image_ops ram_ops = {
	.page = ram_page,
	.next_run = ram_next_run,
	.free = ram_free,
};

static SF_CHECKED struct sf_error *check_ranges(const struct sf_ram_range *ranges, size_t n, const int *fds,
						size_t n_fds)
{
	uint64_t end = 0;

	if (!n)
		return sf_error_new(SF_USAGE, "RAM without a range");
	for (size_t i = 0; i < n; i++) {
		const struct sf_ram_range *r = &ranges[i];
		const char *wrong = NULL;
		struct stat st;

		if (r->file >= n_fds)
			return sf_error_new(SF_USAGE, "RAM range %zu is in file %u of %zu", i, r->file, n_fds);
		if (fstat(fds[r->file], &st))
			return sf_error_sys(errno, "file of the guest's RAM");
		uint64_t size = (uint64_t)st.st_size;

		if ((r->gpa | r->len | r->offset) & ~SF_PAGE_MASK || !r->len)
			wrong = "is not whole pages";
		else if (!sf_in_range(r->gpa, r->len, SF_MAX_GPA))
			wrong = "is beyond physical addresses";
		else if (r->gpa < end)
			wrong = "overlaps the one before, or is not in order";
		else if (!sf_in_range(r->offset, r->len, size))
			wrong = "is beyond the end of the file";
		if (wrong)
			return sf_error_new(SF_USAGE,
					    "RAM range %zu (0x%" PRIx64 " + 0x%" PRIx64 " at offset 0x%" PRIx64
					    " of %" PRIu64 " bytes) %s",
					    i, r->gpa, r->len, r->offset, size, wrong);
		end = r->gpa + r->len;
	}
	return NULL;
}

/* QEMU has the caller's description; without /proc we share its position, which neither it nor we rely on. */
static int reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = open(path, O_RDONLY | O_CLOEXEC);

	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static struct sf_error *open_files(struct ram *ram, const int *fds, size_t n)
{
	ram->fds = calloc(n, sizeof(*ram->fds));
	if (!ram->fds)
		return sf_error_nomem();
	for (size_t i = 0; i < n; i++) {
		ram->fds[i] = reopen(fds[i]);
		if (ram->fds[i] < 0)
			return sf_error_sys(errno, "cannot open the guest's RAM again");
		ram->n_fds++;
	}
	return NULL;
}

/* The fast way in has room for two stretches: ranges that touch are one, whichever files they are in. */
static void add_flat(struct sf_image *img, const struct sf_ram_range *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(img->flat); i++) {
		if (!img->flat[i].len)
			img->flat[i].gpa = r->gpa;
		if (img->flat[i].gpa + img->flat[i].len != r->gpa)
			continue;
		img->flat[i].len += r->len;
		return;
	}
}

struct sf_error *sf_image_ram_new(const int *fds, size_t n_fds, const struct sf_ram_range *ranges, size_t n,
				  struct sf_image **ret)
{
	SF_TRY(check_ranges(ranges, n, fds, n_fds));

	struct ram *ram = calloc(1, sizeof(*ram) + n * sizeof(ram->ranges[0]));

	if (!ram)
		return sf_error_nomem();
	sf_image_init(&ram->img, &ram_ops, ranges[n - 1].gpa + ranges[n - 1].len);
	SF_OWNED(image) img = &ram->img;

	SF_TRY(open_files(ram, fds, n_fds));
	void *space = mmap(NULL, img->top, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		return sf_error_sys(errno, "cannot reserve %" PRIu64 " bytes of addresses for the guest's RAM", img->top);
	ram->space = space;
	img->flat_base = space;
	for (size_t i = 0; i < n; i++) {
		void *p = mmap(ram->space + ranges[i].gpa, ranges[i].len, PROT_READ, MAP_SHARED | MAP_FIXED,
			       fds[ranges[i].file], ranges[i].offset);

		if (p == MAP_FAILED)
			return sf_error_sys(errno, "cannot map %" PRIu64 " bytes of the guest's RAM", ranges[i].len);
		/* A crash of ours should not write the guest's RAM into a core of ours. */
		madvise(p, ranges[i].len, MADV_DONTDUMP);
		/* Nor should a child of ours keep it alive when the guest is gone. */
		madvise(p, ranges[i].len, MADV_DONTFORK);
		ram->ranges[ram->n++] = ranges[i];
		add_flat(img, &ranges[i]);
	}
	*ret = steal_ptr(&img);
	return NULL;
}

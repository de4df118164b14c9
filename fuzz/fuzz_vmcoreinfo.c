/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A page that claims to be VMCOREINFO, first as text, then in memory: whatever it says, an error or a kernel. The input
 * is the page, and after it what the rest of a small RAM is filled with.
 */

#include "kernel/vmcoreinfo.h"
#include "kernel/vmem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_PAGES 16

static void parse(const uint8_t *data, size_t size)
{
	struct sf_vmcoreinfo vi;
	SF_OWNED(error) err = sf_vmcoreinfo_parse((const char *)data, size, &vi);

	if (err)
		return;
	uint64_t address;
	size_t pos = 0;
	char name[128];

	while (sf_vmcoreinfo_next_symbol(&vi, &pos, name, &address))
		if (!*name || strlen(name) >= sizeof(name))
			abort();
	if (!*vi.release || vi.kallsyms.names < SF_X86_START_KERNEL_MAP)
		abort();
	sf_vmcoreinfo_clear(&vi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t ram[N_PAGES][SF_PAGE_SIZE];
	uint64_t gpas[N_PAGES];
	size_t first = sf_min(size, (size_t)SF_PAGE_SIZE), rest = size - first;
	SF_OWNED(image) img = NULL;
	SF_OWNED(kernel) k = NULL;

	parse(data, size);
	memset(ram, 0, sizeof(ram));
	memcpy(ram[0], data, first);
	for (size_t i = 1; i < N_PAGES; i++) {
		for (size_t at = 0; rest && at < SF_PAGE_SIZE; at += rest)
			memcpy(ram[i] + at, data + first, sf_min(rest, SF_PAGE_SIZE - at));
		gpas[i] = 0x200000 + i * SF_PAGE_SIZE;
	}
	gpas[0] = 0x1000;
	SF_OWNED(error) err = sf_image_pages_new(gpas, ram, N_PAGES, 1 << 22, &img);

	if (!err)
		err = sf_kernel_new(img, NULL, &k);
	if (err && !*sf_error_message(err))
		abort();
	return 0;
}

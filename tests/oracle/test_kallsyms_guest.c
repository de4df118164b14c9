/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our symbols against what the guest itself says: every line of its /proc/kallsyms that is not a module's, in order,
 * and each name looked up.
 *
 *	test_kallsyms_guest RAMFILE gpa:len:offset[,...] KALLSYMS
 */

#include <inttypes.h>

#include "../ram_args.h"
#include "kernel/kernel.h"

struct checker {
	struct sf_kernel *k;
	uint32_t n, n_wrong, n_looked_up;
};

static void wrong(struct checker *c, const char *what, const char *line, const char *name, char type, uint64_t addr)
{
	if (c->n_wrong++ < 10)
		printf("%s: ours %016" PRIx64 " %c %s, theirs %s\n", what, addr, type, name, line);
}

static void check_line(struct checker *c, char *line)
{
	char buf[SF_SYMBOL_NAME], *end;
	struct sf_symbol s;
	uint64_t addr = strtoull(line, &end, 16), found = 0;

	if (end[0] != ' ' || !end[1] || end[2] != ' ') {
		wrong(c, "not a line of kallsyms", line, "", '?', 0);
		return;
	}
	const char *name = end + 3;

	if (!sf_kernel_symbol_nth(c->k, c->n++, buf, &s)) {
		wrong(c, "one too many", line, "", '?', 0);
		return;
	}
	if (s.address != addr || s.type != end[1] || strcmp(s.name, name))
		wrong(c, "by number", line, s.name, s.type, s.address);
	/* The first of several symbols of one name may be another one. */
	if (!sf_kernel_symbol(c->k, name, &found))
		wrong(c, "by name", line, name, '?', 0);
	else
		c->n_looked_up += found == addr;

	uint64_t start, limit;

	sf_kernel_image_range(c->k, &start, &limit);
	if (addr < start || addr >= limit)
		return;
	if (!sf_kernel_symbol_at(c->k, addr, buf, &s))
		wrong(c, "by address", line, "", '?', 0);
	else if (s.address != addr || s.offset)
		wrong(c, "by address", line, s.name, s.type, s.address);
}

static bool check_file(struct checker *c, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (!f) {
		perror(path);
		return false;
	}
	while ((len = getline(&line, &cap, f)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strchr(line, '[') && *line)
			check_line(c, line);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct checker c = { 0 };

	if (argc != 4) {
		fprintf(stderr, "usage: %s RAMFILE gpa:len:offset[,...] KALLSYMS\n", argv[0]);
		return 1;
	}
	SF_OWNED(image) img = ram_from_args(argv[1], argv[2]);

	if (!img)
		return 1;
	SF_OWNED(kernel) k = NULL;
	SF_OWNED(error) err = sf_kernel_new(img, NULL, &k);

	if (err) {
		printf("%s\n", sf_error_message(err));
		return 1;
	}
	c.k = k;
	if (!check_file(&c, argv[3]))
		return 1;
	printf("%" PRIu32 " symbols of kernel %s, we have %" PRIu32 "; %" PRIu32 " unique or first by name; %" PRIu32
	       " wrong\n",
	       c.n, sf_kernel_release(k), sf_kernel_n_symbols(k), c.n_looked_up, c.n_wrong);
	return c.n_wrong || c.n != sf_kernel_n_symbols(k) || c.n < 10000;
}

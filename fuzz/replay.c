/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libFuzzer is to a fuzz target, without the fuzzing: every file in the folders (or files) that are named goes
 * through it once. The empty input always does. An input that ends the program is named.
 */
#include <fts.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX (16l << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *current = "the empty input";

static void name_it(int sig)
{
	static const char text[] = "ended by input ";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 || write(STDERR_FILENO, current, strlen(current)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* An allocation of exactly its size, so that reading beyond it is seen. */
static int replay(const char *path, off_t size)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(size ? (size_t)size : 1);
	int ret = -1;

	if (f && data && fread(data, 1, (size_t)size, f) == (size_t)size) {
		current = path;
		LLVMFuzzerTestOneInput(data, (size_t)size);
		ret = 0;
	} else {
		perror(path);
	}
	if (f)
		fclose(f);
	free(data);
	return ret;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };
	unsigned long n = 1;
	int ret = 0;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], name_it);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	if (argc > 1) {
		FTS *tree = fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

		if (!tree) {
			perror(argv[1]);
			return 1;
		}
		for (FTSENT *e; (e = fts_read(tree));) {
			if (e->fts_info != FTS_F || e->fts_statp->st_size > INPUT_MAX)
				continue;
			/* One that never ends is as bad as one that crashes. */
			alarm(20);
			ret |= replay(e->fts_path, e->fts_statp->st_size);
			n++;
		}
		fts_close(tree);
	}
	printf("%lu inputs\n", n);
	return ret ? 1 : 0;
}

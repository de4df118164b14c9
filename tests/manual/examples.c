/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the examples of the manual, each on the report that the first argument names, and says which of them fail. */
#include "example.h"
#undef printf

static char *read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "r");
	char *text = malloc(65536);

	*ret_len = f && text ? fread(text, 1, 65536, f) : 0;
	if (f)
		fclose(f);
	return text;
}

static bool run(const struct example *example, const char *json, size_t len)
{
	SF_OWNED(frame) frame = NULL;
	SF_OWNED(snapshot) snap = NULL;
	struct sf_error *err = sf_frame_from_json(json, len, &frame);

	if (!err)
		err = sf_snapshot_new(frame, &snap);
	if (!err)
		err = example->run(frame, snap, sf_snapshot_view(snap));
	if (err)
		printf("# %s\n", sf_error_message(err));
	sf_error_free(err);
	return !err;
}

int main(int argc, char **argv)
{
	size_t len = 0, failed = 0;
	char *json = argc > 1 ? read_file(argv[1], &len) : NULL;

	/* A manual without examples would prove nothing. */
	printf("1..%zu\n", n_examples + 1);
	printf("%sok 1 - there are examples\n", n_examples > 10 && len ? "" : "not ");
	failed += n_examples <= 10 || !len;
	for (size_t i = 0; i < n_examples; i++) {
		bool ok = run(&examples[i], json, len);

		printf("%sok %zu - %s\n", ok ? "" : "not ", i + 2, examples[i].name);
		failed += !ok;
	}
	free(json);
	return failed ? 1 : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_json SCHEMA FILE...: is each of the files what docs/run.schema.json says? */
#include "check.h"

#include "base/file.h"
#include "schema.h"

#define MAX_RUN_JSON ((size_t)64 << 20)

static char **files; /* the schema first */

static struct sf_json *read_json(const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct sf_json *ret = NULL;
	size_t len;

	assert_ok(sf_file_get(path, MAX_RUN_JSON, &text, &len));
	assert_ok(sf_json_read(text, len, &ret));
	return ret;
}

static void test_each_file_is_what_the_schema_says(void **state)
{
	_cleanup_json_ struct sf_json *schema = read_json(files[0]);

	(void)state;
	for (char **f = files + 1; *f; f++) {
		_cleanup_json_ struct sf_json *json = read_json(*f);

		if (!schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(json)))
			fail_msg("%s is not what %s says", *f, files[0]);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_file_is_what_the_schema_says) };

	if (argc < 3)
		return 3;
	files = argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

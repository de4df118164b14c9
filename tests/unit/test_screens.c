/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people see, word for word: tests/data/screens has each screen as text, and the run.json that it is made of (more
 * of those are in tests/data/reports). STILLFRAME_WRITE_GOLDEN=1 writes the texts anew; tests/e2e/screens.py has those
 * that need a guest.
 */
#include "check.h"

#include <sys/stat.h>

#include "../../src/cli/commands.h"
#include "../../src/cli/summary.h"
#include "base/file.h"
#include "base/json.h"
#include "schema.h"

#define DIR_OF_RUN "stillframe.out/mine-1"
#define COLUMNS 80

static char scratch[] = "/tmp/sf-screens-XXXXXX";
static char *data; /* tests/data, whatever directory we are in */

static const char *const kinds[] = {
	"reports/pass", "reports/fail", "reports/panic", "reports/baseline", "screens/rejected", "screens/exited",
	"screens/deadline", "screens/inconclusive",
};

static struct sf_json *read_run(const char *kind)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s.json", data, kind), *text = NULL;
	struct sf_json *json = NULL;
	size_t len;

	assert_ok(sf_file_get(path, 1 << 20, &text, &len));
	assert_ok(sf_json_read(text, len, &json));
	return json;
}

static const char *name_of(const char *kind)
{
	return strchr(kind, '/') + 1;
}

/* ---- what every screen is --------------------------------------------------------------------------------------- */

static size_t columns_of(const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)line[i] & 0xc0) != 0x80;
	return n;
}

/* Lines of a log are indented by four, and stand as the kernel or a program printed them. */
static void check_screen(const char *name, const char *text)
{
	for (const char *p = text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			fail_msg("%s has the control character %02x", name, (unsigned char)*p);
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		if (columns_of(line, len) > COLUMNS && strncmp(line, "    ", 4))
			fail_msg("%s, a line of more than %d columns: %.*s", name, COLUMNS, (int)len, line);
		if (len && line[len - 1] == ' ')
			fail_msg("%s, blanks at the end of a line: %.*s", name, (int)len, line);
	}
}

static void compare(const char *name, const char *text)
{
	_cleanup_free_ char *path = sf_asprintf("%s/screens/%s.txt", data, name), *golden = NULL;
	size_t at = 0, line = 1;

	check_screen(name, text);
	if (getenv("STILLFRAME_WRITE_GOLDEN")) {
		assert_ok(sf_file_put(path, text, strlen(text)));
		return;
	}
	assert_ok(sf_file_get(path, 1 << 20, &golden, NULL));
	for (; text[at] && text[at] == golden[at]; at++)
		line += text[at] == '\n';
	if (text[at] || golden[at])
		fail_msg("%s, line %zu: it is now \"%.60s\"", path, line, text + at);
}

struct screen {
	char *text;
	size_t len;
	FILE *out;
};

static FILE *open_screen(struct screen *s)
{
	s->out = open_memstream(&s->text, &s->len);
	assert_non_null(s->out);
	return s->out;
}

static void close_screen(struct screen *s, const char *name)
{
	fclose(s->out);
	compare(name, s->text);
	free(s->text);
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

static void test_the_help_of_each_command(void **state)
{
	struct screen s;

	(void)state;
	cli_help_all(open_screen(&s));
	close_screen(&s, "help");
	for (size_t i = 0; i < cli_n_commands; i++) {
		_cleanup_free_ char *name = sf_asprintf("help-%s", cli_commands[i]->name);

		cli_help(cli_commands[i], open_screen(&s));
		close_screen(&s, name);
	}
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

/* The frames that a run.json names, as large as it says: the listings look for them. */
static void make_frames(const struct sf_json_node *run)
{
	const struct sf_json_node *captures = sf_json_member(run, "captures");

	for (const struct sf_json_node *c = captures ? captures->value.first : NULL; c; c = c->next) {
		_cleanup_free_ char *path = sf_asprintf(DIR_OF_RUN "/%s", sf_json_member_str(c, "file", "x"));

		assert_ok(sf_file_put(path, "", 0));
		assert_int_equal(truncate(path, (off_t)sf_json_member_u64(c, "bytes", 0)), 0);
	}
}

static void drop_frames(const struct sf_json_node *run)
{
	const struct sf_json_node *captures = sf_json_member(run, "captures");

	for (const struct sf_json_node *c = captures ? captures->value.first : NULL; c; c = c->next) {
		_cleanup_free_ char *path = sf_asprintf(DIR_OF_RUN "/%s", sf_json_member_str(c, "file", "x"));

		unlink(path);
	}
}

static void test_the_summary_of_each_kind_of_run(void **state)
{
	struct screen s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ char *name = sf_asprintf("summary-%s", name_of(kinds[i]));
		_cleanup_json_ struct sf_json *json = read_run(kinds[i]);
		struct cli_run_report report = { .dir = DIR_OF_RUN, .run = sf_json_root(json) };

		assert_true(cli_was_started(report.run));
		make_frames(report.run);
		cli_summary(open_screen(&s), &report, 2);
		close_screen(&s, name);
		drop_frames(report.run);
	}
}

static void test_a_run_that_was_refused_has_no_summary(void **state)
{
	_cleanup_json_ struct sf_json *json = read_run("reports/usage");

	(void)state;
	assert_false(cli_was_started(sf_json_root(json)));
}

static void test_the_listing_of_each_kind_of_run(void **state)
{
	static const char *const more[] = { "reports/usage", "reports/incomplete" };
	struct screen s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) + ARRAY_SIZE(more); i++) {
		const char *kind = i < ARRAY_SIZE(kinds) ? kinds[i] : more[i - ARRAY_SIZE(kinds)];
		_cleanup_free_ char *name = sf_asprintf("ls-%s", name_of(kind));
		_cleanup_json_ struct sf_json *json = read_run(kind);

		/* Of one that was cut off, the frames themselves are asked; these here are none. */
		if (i < ARRAY_SIZE(kinds))
			make_frames(sf_json_root(json));
		cli_put_run(open_screen(&s), DIR_OF_RUN, sf_json_root(json));
		close_screen(&s, name);
		drop_frames(sf_json_root(json));
	}
}

/* A guest says what it likes, and its words stay words. */
static void test_nobody_paints_on_the_screen(void **state)
{
	_cleanup_json_ struct sf_json *json = read_run("reports/hostile");
	struct cli_run_report report = { .dir = DIR_OF_RUN, .run = sf_json_root(json) };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct screen s;

		open_screen(&s);
		if (i)
			cli_summary(s.out, &report, 2);
		else
			cli_put_run(s.out, DIR_OF_RUN, report.run);
		fclose(s.out);
		for (const char *p = s.text; *p; p++)
			if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f || !strncmp(p, "\xc2\x9b", 2))
				fail_msg("the control character %02x in: %.60s", (unsigned char)*p, p > s.text + 30 ? p - 30 : p);
		free(s.text);
	}
}

static void test_the_runs_are_what_the_schema_says(void **state)
{
	_cleanup_json_ struct sf_json *schema = NULL;
	_cleanup_free_ char *path = sf_asprintf("%s/../../docs/run.schema.json", data), *text = NULL;
	size_t len;

	(void)state;
	assert_ok(sf_file_get(path, 1 << 20, &text, &len));
	assert_ok(sf_json_read(text, len, &schema));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_json_ struct sf_json *json = read_run(kinds[i]);

		if (!schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(json)))
			fail_msg("the schema refuses %s.json", kinds[i]);
	}
}

static int set_up(void **state)
{
	_cleanup_free_ char *here = realpath(__FILE__, NULL);
	char *slash = here ? strrchr(here, '/') : NULL;

	(void)state;
	if (!slash || !mkdtemp(scratch))
		return -1;
	*slash = '\0';
	data = sf_asprintf("%s/../data", here);
	return data ? chdir(scratch) || mkdir("stillframe.out", 0777) || mkdir(DIR_OF_RUN, 0777) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(data);
	return rmdir(DIR_OF_RUN) || rmdir("stillframe.out") || chdir("/") || rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_help_of_each_command),
		cmocka_unit_test(test_the_summary_of_each_kind_of_run),
		cmocka_unit_test(test_a_run_that_was_refused_has_no_summary),
		cmocka_unit_test(test_the_listing_of_each_kind_of_run),
		cmocka_unit_test(test_nobody_paints_on_the_screen),
		cmocka_unit_test(test_the_runs_are_what_the_schema_says),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

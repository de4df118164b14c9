/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports of runs: the text of each kind is kept in tests/data/reports, beside the run.json that it is made of. With
 * STILLFRAME_WRITE_GOLDEN set the texts are written and not compared.
 */
#include "check.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/cli/report.h"
#include "base/file.h"
#include "base/json.h"
#include "schema.h"

#define MAX_RUNS 3

static char scratch[] = "/tmp/sf-reports-XXXXXX";

static const char *const kinds[] = { "pass", "fail", "panic", "incomplete", "baseline", "usage", "hostile" };

static struct sf_json *read_run(const char *kind)
{
	_cleanup_free_ char *path = sf_asprintf("tests/data/reports/%s.json", kind);

	return schema_read(__FILE__, path);
}

static char *data_path(const char *kind, const char *ext)
{
	_cleanup_free_ char *dir = strdup(__FILE__);
	char *slash = strrchr(dir, '/');

	*slash = '\0';
	return sf_asprintf("%s/../data/reports/%s.%s", dir, kind, ext);
}

static char *scratch_path(const char *name)
{
	return sf_asprintf("%s/%s", scratch, name);
}

static char *read_file(const char *path)
{
	char *text = NULL;

	assert_ok(sf_file_get(path, 1 << 20, &text, NULL));
	return text;
}

static char *ktap_of(const struct cli_run_report *runs, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	cli_put_ktap(out, runs, n);
	fclose(out);
	return text;
}

static char *junit_of(const struct cli_run_report *runs, size_t n)
{
	_cleanup_free_ char *path = scratch_path("junit.xml");

	assert_ok(cli_write_junit(path, runs, n));
	return read_file(path);
}

static char *markdown_of(const struct cli_run_report *runs, size_t n)
{
	_cleanup_free_ char *path = scratch_path("summary.md");

	unlink(path);
	assert_ok(cli_add_markdown(path, runs, n));
	return read_file(path);
}

static const struct {
	const char *ext;
	char *(*make)(const struct cli_run_report *runs, size_t n);
} makers[] = { { "ktap", ktap_of }, { "xml", junit_of }, { "md", markdown_of } };

static void compare(const char *kind, const char *ext, const char *text)
{
	_cleanup_free_ char *path = data_path(kind, ext), *golden = NULL;
	size_t at = 0, line = 1;

	if (getenv("STILLFRAME_WRITE_GOLDEN")) {
		assert_ok(sf_file_put(path, text, strlen(text)));
		return;
	}
	golden = read_file(path);
	for (; text[at] && text[at] == golden[at]; at++)
		line += text[at] == '\n';
	if (text[at] || golden[at])
		fail_msg("%s, line %zu: it is now \"%.60s\"", path, line, text + at);
}

static void golden(const char *name, const char *const *list, size_t n)
{
	struct sf_json *json[MAX_RUNS] = { 0 };
	struct cli_run_report runs[MAX_RUNS];

	for (size_t i = 0; i < n; i++) {
		json[i] = read_run(list[i]);
		runs[i] = (struct cli_run_report){ .dir = "stillframe.out/mine-1", .run = sf_json_root(json[i]) };
	}
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		_cleanup_free_ char *text = makers[i].make(runs, n);

		compare(name, makers[i].ext, text);
	}
	for (size_t i = 0; i < n; i++)
		sf_json_unref(json[i]);
}

static void test_each_kind_of_run_is_told_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		golden(kinds[i], &kinds[i], 1);
}

static void test_several_runs_are_one_report(void **state)
{
	static const char *const list[] = { "pass", "fail", "baseline" };

	(void)state;
	golden("several", list, ARRAY_SIZE(list));
}

static void test_the_runs_are_what_the_schema_says(void **state)
{
	_cleanup_json_ struct sf_json *schema = schema_read(__FILE__, "docs/run.schema.json");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_json_ struct sf_json *json = read_run(kinds[i]);
		bool takes = schema_takes(sf_json_root(schema), sf_json_root(schema), sf_json_root(json));

		/* Nobody would write the last one. */
		if (takes != !!strcmp(kinds[i], "hostile"))
			fail_msg("the schema %s %s.json", takes ? "takes" : "refuses", kinds[i]);
	}
}

/* ---- text that means harm --------------------------------------------------------------------------------------- */

static struct cli_run_report hostile(struct sf_json **json)
{
	*json = read_run("hostile");
	return (struct cli_run_report){ .dir = "a|`<b>\n\033", .run = sf_json_root(*json) };
}

static bool starts(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static void test_no_report_has_control_characters(void **state)
{
	_cleanup_json_ struct sf_json *json = NULL;
	struct cli_run_report run = hostile(&json);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		_cleanup_free_ char *text = makers[i].make(&run, 1);

		for (const char *p = text; *p; p++)
			if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f || starts(p, "\xc2\x85") ||
			    (makers[i].make == junit_of && (starts(p, "\xef\xbf\xbe") || starts(p, "\xef\xbf\xbf"))))
				fail_msg("%s has %02x: %.40s", makers[i].ext, (unsigned char)*p, p);
	}
}

/* Each line is one that we meant, and there are as many results as the plan says. */
static void test_nobody_forges_a_line_of_ktap(void **state)
{
	_cleanup_json_ struct sf_json *json = NULL;
	struct cli_run_report run = hostile(&json);
	_cleanup_free_ char *text = ktap_of(&run, 1);
	unsigned int planned = 0, n = 0;
	char *save = NULL;

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int number;

		if (starts(line, "  1.."))
			planned = (unsigned int)atoi(line + 5);
		if ((starts(line, "  ok ") && sscanf(line + 5, "%u ", &number) == 1) ||
		    (starts(line, "  not ok ") && sscanf(line + 9, "%u ", &number) == 1))
			assert_int_equal(number, ++n);
		else if (!starts(line, "  # ") && !starts(line, "# ") && !starts(line, "  1..") && !starts(line, "1..1") &&
			 !starts(line, "KTAP version 1") && !starts(line, "  KTAP version 1") && !starts(line, "not ok 1 a|b"))
			fail_msg("a line that is nobody's: %s", line);
		if ((starts(line, "  ok") || starts(line, "  not ok") || starts(line, "not ok")) && strchr(line, '#'))
			assert_non_null(strstr(line, " # SKIP "));
	}
	assert_true(planned > 8);
	assert_int_equal(n, planned);
}

static size_t ticks_at(const char *line)
{
	return strspn(line, "`");
}

/* Cells of a row: pipes that no backslash stands before. */
static unsigned int pipes(const char *line)
{
	unsigned int n = 0;

	for (; *line; line++) {
		if (*line == '\\' && line[1])
			line++;
		else
			n += *line == '|';
	}
	return n;
}

static void test_nobody_breaks_out_of_a_cell_or_a_fence(void **state)
{
	_cleanup_json_ struct sf_json *json = NULL;
	struct cli_run_report run = hostile(&json);
	_cleanup_free_ char *text = markdown_of(&run, 1);
	size_t fence = 0, fences = 0;
	char *save = NULL;

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t ticks = ticks_at(line);

		if (fence) {
			if (ticks >= fence && !line[ticks])
				fence = 0;
			continue;
		}
		if (ticks >= 3 && !strcmp(line + ticks, "text")) {
			fence = ticks;
			fences++;
			continue;
		}
		/* Outside there is no markup but ours. */
		assert_null(strchr(line, '<'));
		for (const char *p = line; (p = strpbrk(p, "[]`@$")); p++)
			assert_true(p > line && p[-1] == '\\');
		if (line[0] == '|' && (starts(line, "| Run") || starts(line, "| a")))
			assert_true(pipes(line) == 8 || pipes(line) == 5);
		else if (line[0] == '#')
			assert_true(starts(line, "## stillframe: ") || starts(line, "### a\\|b"));
		else
			assert_true(starts(line, "**") || starts(line, "| ") || starts(line, "Kept in ") ||
				    starts(line, "The end of the console:"));
	}
	assert_int_equal(fence, 0);
	assert_true(fences >= 5);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static void test_a_long_text_is_cut_where_people_read_it(void **state)
{
	_cleanup_text_ struct sf_text t = { 0 };
	_cleanup_json_ struct sf_json *json = NULL;

	(void)state;
	sf_text_put(&t, "{\"complete\":true,\"verdict\":\"fail\",\"findings\":[{\"verdict\":\"fail\",\"source\":\"guest\",\"text\":\"");
	for (int i = 0; i < 1000; i++)
		sf_text_putf(&t, "line %d\\n", i);
	sf_text_put(&t, "\"}]}");
	assert_ok(sf_json_read(t.v, t.n, &json));
	struct cli_run_report run = { .dir = "d", .run = sf_json_root(json) };
	_cleanup_free_ char *ktap = ktap_of(&run, 1), *xml = junit_of(&run, 1), *md = markdown_of(&run, 1);

	assert_contains(ktap, "  # line 199\n  # ... and 800 more lines\n");
	assert_contains(md, "\nline 59\n... and 940 more lines\n");
	assert_contains(xml, "\nline 999</failure>");
}

static void test_a_junit_file_is_replaced_whole_and_a_pipe_is_written_to(void **state)
{
	_cleanup_json_ struct sf_json *json = read_run("pass");
	struct cli_run_report run = { .dir = "d", .run = sf_json_root(json) };
	_cleanup_free_ char *file = scratch_path("old.xml"), *fifo = scratch_path("fifo"), *text = NULL;
	char begin[6] = "";
	struct stat st;

	(void)state;
	assert_ok(sf_file_put(file, "old", 3));
	assert_ok(cli_write_junit(file, &run, 1));
	text = read_file(file);
	assert_true(starts(text, "<?xml"));
	assert_says(cli_write_junit("/nowhere/at/all.xml", &run, 1), SF_SYSTEM, "/nowhere/at/all.xml");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	_cleanup_close_ int fd = open(fifo, O_RDWR | O_CLOEXEC);

	assert_ok(cli_write_junit(fifo, &run, 1));
	assert_int_equal(read(fd, begin, 5), 5);
	assert_string_equal(begin, "<?xml");
	assert_int_equal(stat(fifo, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

static void test_a_junit_file_that_is_a_link_stays_one(void **state)
{
	_cleanup_json_ struct sf_json *json = read_run("pass");
	struct cli_run_report run = { .dir = "d", .run = sf_json_root(json) };
	_cleanup_free_ char *file = scratch_path("old.xml"), *link = scratch_path("link.xml"), *text = NULL, *real = NULL;
	struct stat st;

	(void)state;
	assert_ok(sf_file_put(file, "old", 3));
	unlink(link);
	assert_int_equal(symlink("old.xml", link), 0);
	assert_ok(cli_write_junit(link, &run, 1));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	text = read_file(file);
	assert_true(starts(text, "<?xml"));
	/* A descriptor is nobody's file, wherever it leads. */
	assert_null(cli_junit_replaces("/dev/stdout"));
	assert_null(cli_junit_replaces("/dev/fd/0"));
	real = cli_junit_replaces("/nowhere/new.xml");
	assert_string_equal(real, "/nowhere/new.xml");
}

static void test_a_step_summary_is_added_to(void **state)
{
	_cleanup_json_ struct sf_json *json = read_run("pass");
	struct cli_run_report run = { .dir = "d", .run = sf_json_root(json) };
	_cleanup_free_ char *file = scratch_path("steps.md"), *text = NULL;

	(void)state;
	assert_ok(sf_file_put(file, "# before", 8));
	assert_ok(cli_add_markdown(file, &run, 1));
	assert_ok(cli_add_markdown(file, &run, 1));
	text = read_file(file);
	assert_true(starts(text, "# before\n\n## stillframe: pass\n\n| Run |"));
	assert_non_null(strstr(strstr(text, "## stillframe") + 1, "\n\n## stillframe"));
	assert_says(cli_add_markdown(scratch, &run, 1), SF_SYSTEM, scratch);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(scratch) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "junit.xml", "summary.md", "old.xml", "link.xml", "fifo", "steps.md" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = scratch_path(files[i]);

		unlink(path);
	}
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_of_run_is_told_as_it_was),
		cmocka_unit_test(test_several_runs_are_one_report),
		cmocka_unit_test(test_the_runs_are_what_the_schema_says),
		cmocka_unit_test(test_no_report_has_control_characters),
		cmocka_unit_test(test_nobody_forges_a_line_of_ktap),
		cmocka_unit_test(test_nobody_breaks_out_of_a_cell_or_a_fence),
		cmocka_unit_test(test_a_long_text_is_cut_where_people_read_it),
		cmocka_unit_test(test_a_junit_file_is_replaced_whole_and_a_pipe_is_written_to),
		cmocka_unit_test(test_a_junit_file_that_is_a_link_stays_one),
		cmocka_unit_test(test_a_step_summary_is_added_to),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

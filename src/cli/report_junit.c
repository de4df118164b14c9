/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JUnit's XML as CI servers read it. There is no one definition: this keeps to what Jenkins' xUnit schema and the older
 * ones all allow, in the order that the strictest wants.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "report_cases.h"

/* ---- XML -------------------------------------------------------------------------------------------------------- */

/*
 * XML 1.0 has no way to write most control characters, U+FFFE and U+FFFF, and no reader takes bytes that are not UTF-8:
 * these are written as \xHH. U+0080 to U+009F would be allowed; terminals act upon them.
 */
static bool is_char(const char *p, size_t seq)
{
	const uint8_t *c = (const uint8_t *)p;

	if (seq == 1)
		return (c[0] >= 0x20 && c[0] != 0x7f) || c[0] == '\t' || c[0] == '\n' || c[0] == '\r';
	if (seq == 2)
		return c[0] != 0xc2 || c[1] >= 0xa0;
	return seq && !(seq == 3 && c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe);
}

static const char *entity_of(char c, bool in_attribute)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	/* A reader makes spaces of these in attributes, and a line feed of a carriage return. */
	case '\r':
		return "&#13;";
	case '\n':
		return in_attribute ? "&#10;" : NULL;
	case '\t':
		return in_attribute ? "&#9;" : NULL;
	default:
		return NULL;
	}
}

static void put_xml(struct sf_text *x, const char *text, size_t len, bool in_attribute)
{
	while (len) {
		size_t seq = sf_utf8_seq(text, len), step = seq ? seq : 1;
		const char *entity = entity_of(*text, in_attribute);

		if (entity)
			sf_text_put(x, entity);
		else if (is_char(text, seq))
			sf_text_putn(x, text, step);
		else
			for (size_t i = 0; i < step; i++)
				sf_text_putf(x, "\\x%02x", (uint8_t)text[i]);
		text += step;
		len -= step;
	}
}

static void put_attributen(struct sf_text *x, const char *name, const char *text, size_t len)
{
	sf_text_putf(x, " %s=\"", name);
	put_xml(x, text, len, true);
	sf_text_put(x, "\"");
}

static void put_attribute(struct sf_text *x, const char *name, const char *text)
{
	put_attributen(x, name, text, strlen(text));
}

static void put_seconds(struct sf_text *x, uint64_t ns)
{
	sf_text_putf(x, " time=\"%llu.%03u\"", (unsigned long long)(ns / 1000000000), (unsigned int)(ns % 1000000000 / 1000000));
}

static void put_element(struct sf_text *x, const char *indent, const char *name, const struct sf_text *text)
{
	sf_text_putf(x, "%s<%s>", indent, name);
	put_xml(x, text->v, text->n, false);
	sf_text_putf(x, "</%s>\n", name);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static size_t first_line(const struct sf_text *text)
{
	const char *end = text->n ? memchr(text->v, '\n', text->n) : NULL;

	return end ? (size_t)(end - text->v) : text->n;
}

static void put_outcome(struct sf_text *x, const struct cli_case *c)
{
	const char *element = c->outcome == CLI_FAILURE ? "failure" : "error", *verdict = sf_verdict_name(c->verdict);

	if (c->outcome == CLI_SKIPPED) {
		sf_text_put(x, "      <skipped");
		put_attributen(x, "message", c->text.v, first_line(&c->text));
		sf_text_put(x, "/>\n");
		return;
	}
	sf_text_putf(x, "      <%s", element);
	if (c->text.n)
		put_attributen(x, "message", c->text.v, first_line(&c->text));
	else
		put_attribute(x, "message", verdict);
	put_attribute(x, "type", verdict);
	sf_text_put(x, ">");
	put_xml(x, c->text.v, c->text.n, false);
	sf_text_putf(x, "</%s>\n", element);
}

static void put_case(struct sf_text *x, const struct cli_case *c, const char *class)
{
	bool says = c->outcome == CLI_OK && c->text.n;

	sf_text_put(x, "    <testcase");
	put_attribute(x, "name", c->name);
	put_attribute(x, "classname", class);
	if (c->has_ns)
		put_seconds(x, c->ns);
	if (c->outcome == CLI_OK && !says && !c->out.n) {
		sf_text_put(x, "/>\n");
		return;
	}
	sf_text_put(x, ">\n");
	if (c->outcome != CLI_OK)
		put_outcome(x, c);
	/* One of them: the strict ones take no two. */
	if (c->out.n)
		put_element(x, "      ", "system-out", &c->out);
	else if (says)
		put_element(x, "      ", "system-out", &c->text);
	sf_text_put(x, "    </testcase>\n");
}

static void put_property(struct sf_text *x, const char *name, const char *value)
{
	if (!value[0])
		return;
	sf_text_put(x, "      <property");
	put_attribute(x, "name", name);
	put_attribute(x, "value", value);
	sf_text_put(x, "/>\n");
}

static void put_properties(struct sf_text *x, const struct cli_run_report *r, const struct cli_cases *c)
{
	static const char *const members[] = { "kernel", "scheduler", "ops", "accel", "version" };

	sf_text_put(x, "    <properties>\n");
	put_property(x, "verdict", c->verdict);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		put_property(x, members[i], sf_json_member_str(r->run, members[i], ""));
	put_property(x, "topology", sf_json_member_str(sf_json_member(r->run, "topology"), "text", ""));
	put_property(x, "directory", r->dir ? r->dir : "");
	sf_text_put(x, "    </properties>\n");
}

static void put_counts(struct sf_text *x, size_t tests, size_t failures, size_t errors)
{
	sf_text_putf(x, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", tests, failures, errors);
}

/* A server makes packages of what stands between dots: a kernel's release is one word. */
static char *class_of(const struct cli_cases *c, const char *name)
{
	char *kernel = strdup(c->kernel), *ret;

	for (char *p = kernel; p && *p; p++)
		if (*p == '.')
			*p = '_';
	ret = kernel ? sf_asprintf("stillframe.%s%s%s", name, kernel[0] ? "." : "", kernel) : NULL;
	free(kernel);
	return ret;
}

static void put_suite(struct sf_text *x, const struct cli_run_report *r, const struct cli_cases *c, size_t id)
{
	const char *name = sf_json_member_str(r->run, "name", "run"), *began = sf_json_member_str(r->run, "began", "");
	_cleanup_free_ char *class = class_of(c, name);

	x->failed |= !class;
	sf_text_put(x, "  <testsuite");
	put_attribute(x, "name", c->title);
	sf_text_putf(x, " id=\"%zu\"", id);
	put_counts(x, c->n, cli_cases_count(c, CLI_FAILURE), cli_cases_count(c, CLI_ERROR));
	sf_text_putf(x, " skipped=\"%zu\"", cli_cases_count(c, CLI_SKIPPED));
	put_seconds(x, cli_report_wall_ns(r));
	/* To the second and without a zone: more is refused by some. */
	if (strspn(began, "0123456789-:T") == 19)
		put_attributen(x, "timestamp", began, 19);
	sf_text_put(x, ">\n");
	put_properties(x, r, c);
	for (size_t i = 0; i < c->n; i++)
		put_case(x, &c->v[i], class ? class : "");
	sf_text_put(x, "  </testsuite>\n");
}

static struct sf_error *put_all(struct sf_text *x, const struct cli_run_report *runs, size_t n)
{
	_cleanup_text_ struct sf_text suites = { 0 };
	size_t tests = 0, failures = 0, errors = 0;
	uint64_t ns = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_cases_ struct cli_cases c = { 0 };

		SF_TRY(cli_cases_read(&runs[i], n, &c));
		tests += c.n;
		failures += cli_cases_count(&c, CLI_FAILURE);
		errors += cli_cases_count(&c, CLI_ERROR);
		ns += cli_report_wall_ns(&runs[i]);
		put_suite(&suites, &runs[i], &c, i);
	}
	sf_text_put(x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"stillframe\"");
	put_counts(x, tests, failures, errors);
	put_seconds(x, ns);
	sf_text_put(x, ">\n");
	sf_text_putn(x, suites.v, suites.n);
	sf_text_put(x, "</testsuites>\n");
	return x->failed || suites.failed ? sf_error_nomem() : NULL;
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

/* Also of a descriptor that leads to a file: others write to that as well. */
static bool is_stream(const char *file)
{
	static const char *const dirs[] = { "/dev/std", "/dev/fd/", "/proc/" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!strncmp(file, dirs[i], strlen(dirs[i])))
			return true;
	return !stat(file, &st) && !S_ISREG(st.st_mode);
}

char *cli_junit_replaces(const char *file)
{
	char *real;

	if (is_stream(file))
		return NULL;
	real = realpath(file, NULL);
	return real ? real : strdup(file);
}

struct sf_error *cli_write_junit(const char *file, const struct cli_run_report *runs, size_t n)
{
	_cleanup_text_ struct sf_text x = { 0 };
	_cleanup_free_ char *replaced = cli_junit_replaces(file);

	SF_TRY(put_all(&x, runs, n));
	if (replaced)
		return sf_file_put(replaced, x.v, x.n);
	_cleanup_close_ int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? sf_error_sys(errno, "%s", file) : sf_error_context(sf_write_all(fd, x.v, x.n), "%s", file);
}
